# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Autoencoders
#
# **You will train networks that compress an image to a sixth of its numbers and a spoken word to a twentieth, and that
# encode a sentence as a short sequence of vectors. Classifiers keep at least 90% of their accuracy on the
# reconstructions.**
#
# Runs in about 8 minutes · takes 120 minutes to work through · before this: [01 Images](01_images.ipynb):
# convolutions; [02 Text](02_text.ipynb): tokens, the GRU; [03 Sound](03_sound.ipynb): log-mels; [05
# Pretraining](05_pretraining.ipynb): cross-entropy over tokens.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. show that a linear autoencoder finds the subspace of principal component analysis;
# 2. build convolutional autoencoders for images, sentences and spectrograms, and measure what they keep;
# 3. say why squared error loses small objects, and add a perceptual loss;
# 4. derive both terms of a variational autoencoder's loss, compute the KL divergence by hand, and balance the two;
# 5. recognise posterior collapse, and fix it.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, expect, fit, hint, predict, quiz, show
from mmcourse.data import audio, language, real, spoken, text
from mmcourse.models import autoencoder, cnn, perceptual, sentence_parser, vae
from mmcourse.picturebook import scene, sentence, speech
from mmcourse.show import diagrams
from mmcourse.training import shipped
from mmcourse.training.device import device

begin("06")

# %% [markdown]
# ## Look and listen
#
# The Picture Book has three modalities. An image has $3 \times 32 \times 32 = 3{,}072$ numbers, a sentence has up to 10
# words, or 20 with two objects. A spoken word is padded to 12,640 samples. How many numbers are needed to describe what
# a page shows?

# %%
train = PictureBook("train", pages=16_000)
test = PictureBook("test", pages=1_000)
held_out = PictureBook("held_out_pairs", pages=1_000)
show.show_pages(test, rows=1)

# %%
words = spoken.spoken_words("train", takes=2)
umbrella = words.words.index("umbrella")
show.play(words.sound(umbrella), words="umbrella")

# %% [markdown]
# ## How a reconstruction is judged
#
# A reconstruction should keep the three attributes of a page: object, colour and size. A **judge** measures this: a
# classifier that was trained on other pages, shares no weights with any autoencoder, and is used only for scoring. It
# was trained on all combinations of object and colour, so that it can score held-out ones.
#
# Images get two judges. One takes the maximum of its feature maps over all positions; the other is a residual network
# (He et al. 2016) that takes the mean. An artefact that misleads one of them may not mislead both.

# %%
judges = {name: shipped.load(name) for name in ("image_judge", "second_image_judge")}


def attributes_of(book: PictureBook) -> Tensor:
    return torch.stack([book.kinds, book.colours, book.sizes], dim=1)                               # (N, 3)


def judge_accuracy(images: Tensor, book: PictureBook) -> dict[str, float]:
    """The fraction of images in which each judge finds the correct object, colour and size."""
    correct = {name: judge.predict(images).cpu() == attributes_of(book) for name, judge in judges.items()}
    return {name: round(row.all(dim=1).float().mean().item(), 3) for name, row in correct.items()}


original = {split: judge_accuracy(book.images, book) for split, book in (("test", test), ("held out", held_out))}
print(original)

# %% [markdown]
# ## Encoder, code, decoder
#
# An **autoencoder** has two parts. The encoder $f$ computes a **code** $z$ from the input $x$, the decoder $g$ a
# reconstruction $\hat x$ from the code. No labels are needed: the target is the input. For $N$ examples the loss is
#
# $$z = f(x), \qquad \hat x = g(z), \qquad L = \frac{1}{N} \sum_{i=1}^{N} \lVert x_i - \hat x_i \rVert^2$$
#
# A code that is smaller than the input cannot hold a copy of it, so the network has to find what the inputs have in
# common. With a code as wide as the input, an error of 0 may mean that it learned the identity function.

# %%
diagrams.autoencoder(code="(B, 8, 8, 8)")

# %% [markdown]
# With numbers: $x = (1, 2)$, an encoder with weights $(0.6, 0.8)$ and a decoder with the same weights. The code is
# $z = 0.6 \cdot 1 + 0.8 \cdot 2 = 2.2$. The reconstruction is $\hat x = 2.2 \cdot (0.6, 0.8) = (1.32, 1.76)$. The
# squared error is $0.32^2 + 0.24^2 = 0.16$. By default `F.mse_loss` divides it by the number of values in $x$, here
# 2; `reduction="sum"` does not.

# %% tags=["nbval-check-output"]
tiny = autoencoder.DenseAutoencoder(2, 1)
with torch.no_grad():
    tiny.encoder[0].weight[:], tiny.encoder[0].bias[:] = torch.tensor([[0.6, 0.8]]), 0
    tiny.decoder[0].weight[:], tiny.decoder[0].bias[:] = torch.tensor([[0.6], [0.8]]), 0
    x = torch.tensor([[1.0, 2.0]])                                                                  # (B, D)
    print(f"code {tiny.encode(x).item():.2f}   reconstruction {[round(value, 2) for value in tiny(x)[0].tolist()]}   "
          f"squared error {F.mse_loss(tiny(x), x, reduction='sum'):.2f}")

# %% [markdown]
# ### Exercise 06.1: compression factor  ●○○ · 5 minutes
#
# How many numbers of an example stand for one number of its code? You get a batch of examples and the batch of their
# codes, each with any number of axes; the batch axis comes first. For images of $3 \times 32 \times 32$ and codes of
# $8 \times 8 \times 8$ numbers the factor is $3{,}072 / 512 = 6$. It need not be a whole number.

# %%
def compression_factor(x: Tensor, code: Tensor) -> float:
    """How many numbers of one example stand for one number of its code.   (B, ...), (B, ...)"""
    ### BEGIN SOLUTION
    return x[0].numel() / code[0].numel()
    ### END SOLUTION


# %%
check("06.1", compression_factor)

# %% [markdown]
# ## A linear autoencoder is principal component analysis
#
# Take the simplest case: encoder and decoder are one linear layer each, and the code has 8 numbers. For inputs of mean
# 0 the best linear solution is known: project onto the 8 directions of largest variance (Eckart and Young 1936). This
# is **principal component analysis** (PCA). Every local minimum of the loss is a global one (Baldi and Hornik 1989), so
# gradient descent should find the same **subspace**, the set of all linear combinations of these directions.

# %% [markdown]
# We shrink the pages to 8 × 8 pixels, 192 numbers, and subtract their mean. The singular value decomposition, `svd`,
# gives the directions.

# %%
small = F.avg_pool2d(train.images[:2_000], 4).flatten(1)                                            # (N, 192)
small = small - small.mean(dim=0)
linear = autoencoder.DenseAutoencoder(192, 8)
fit(linear, Batches(small, small, size=200), loss=F.mse_loss, epochs=200, lr=1e-2, verbose=False)
directions = torch.linalg.svd(small, full_matrices=False).Vh[:8].T                                  # (192, 8)
print(f"squared error: PCA {F.mse_loss(small @ directions @ directions.T, small):.6f}   "
      f"autoencoder {F.mse_loss(predict(linear, small), small):.6f}")

# %% [markdown]
# The errors agree. Are the subspaces equal as well? The decoder's 8 columns span one; `qr` gives an orthonormal basis
# of it. The singular values of the product of both bases are the cosines of the **principal angles** between the
# subspaces. If all cosines are 1, the subspaces are the same.

# %%
basis, _ = torch.linalg.qr(linear.decoder[0].weight)                                                # (192, 8)
cosines = torch.linalg.svdvals(directions.T @ basis)                                                # (8,)
print([round(value, 3) for value in cosines.tolist()])
show.show_images(directions.T.reshape(8, 3, 8, 8) * 2 + 0.5, alt="The first eight principal components of the pages")

# %% [markdown]
# The subspaces are the same. PCA also sorts its directions and makes them orthogonal; the autoencoder may find any
# basis.
#
# PCA is our **baseline** for images of full size, as it was for the deep autoencoders of Hinton and Salakhutdinov
# (2006). The code of the convolutional autoencoder below has 512 numbers. Predict: in what fraction of the pages will
# the judges find all three attributes after PCA with 512 numbers? With 128? `torch.pca_lowrank` computes the first
# directions only.

# %%
def pca(fitted: Tensor, x: Tensor, components: int) -> Tensor:
    """Reconstruct x from its first principal components, fitted on other examples.   (M, ...), (N, ...) -> (N, ...)"""
    flat, mean = fitted.flatten(1), fitted.flatten(1).mean(dim=0)                                   # (M, D), (D,)
    _, _, directions = torch.pca_lowrank(flat, q=min(components, len(flat) - 1), niter=4)
    return ((x.flatten(1) - mean) @ directions @ directions.T + mean).reshape(x.shape)


results = {}
for components in (128, 512):
    by_pca = pca(train.images[:4_000], test.images, components).clamp(0, 1)
    results[f"PCA, {components} numbers"] = judge_accuracy(by_pca, test)
    print(components, f"mean squared error {F.mse_loss(by_pca, test.images):.4f}", judge_accuracy(by_pca, test))

# %% [markdown]
# With 512 numbers PCA is a strong baseline: the judges find all three attributes in about 95% of the pages. In squared
# error it is the *best* linear code of its training pages. It needs $512 \cdot 3{,}072$, about 1.6 million, weights.
# With 128 numbers, all three attributes are found in about 40% of the pages. (To save time, PCA is fitted on 4,000
# pages, a quarter of those that the networks below are trained on.)

# %% [markdown]
# ## A convolutional autoencoder for images
#
# Each direction of PCA covers the whole page, so PCA works for one image size only. Convolutions share their weights
# over all positions. The encoder is lesson 01's: each block halves height and width.

# %% [markdown]
# The decoder doubles them by **transposed convolutions**. Every input value is multiplied by a kernel, and the result
# is placed on the output, shifted by two positions from one input value to the next (stride 2). Where results overlap,
# they are added. Here is an example in one dimension, with a kernel of size 4.

# %% tags=["nbval-check-output"]
double = nn.ConvTranspose1d(1, 1, kernel_size=4, stride=2, padding=1, bias=False)
with torch.no_grad():
    double.weight[:] = torch.tensor([[[1.0, 3.0, 3.0, 1.0]]]) / 4
    print(double(torch.tensor([[[4.0, 8.0]]])).tolist())

# %% [markdown]
# By hand: $4 \cdot (1,3,3,1)/4 = (1, 3, 3, 1)$ and, two positions further, $8 \cdot (1,3,3,1)/4 = (2, 6, 6, 2)$.
# Their sum is $(1, 3, 5, 7, 6, 2)$; `padding=1` removes one value at each end.
#
# Now the network. An `upsampling_block` is a transposed convolution, batch normalisation and ReLU. A sigmoid keeps
# the outputs between 0 and 1, as pixels are.

# %%
class AutoencoderByHand(nn.Module):
    """Images to images through 8 maps of 8 x 8.   (B, 3, 32, 32) -> (B, 3, 32, 32)"""

    def __init__(self, channels: int = 8):
        super().__init__()
        self.down1, self.down2 = cnn.conv_block(3, 32), cnn.conv_block(32, 64)
        self.to_code = nn.Conv2d(64, channels, 3, padding=1)
        self.from_code, self.norm = nn.Conv2d(channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
        self.up1, self.up2 = autoencoder.upsampling_block(64, 32), autoencoder.upsampling_block(32, 32)
        self.to_pixels = nn.Conv2d(32, 3, 3, padding=1)

    def encode(self, images: Tensor) -> Tensor:                                                     # (B, 3, 32, 32)
        return self.to_code(self.down2(self.down1(images - 0.5)))                                   # (B, 8, 8, 8)

    def decode(self, codes: Tensor) -> Tensor:
        maps = F.relu(self.norm(self.from_code(codes)))                                             # (B, 64, 8, 8)
        return self.to_pixels(self.up2(self.up1(maps))).sigmoid()                                   # (B, 3, 32, 32)

    def forward(self, images: Tensor) -> Tensor:
        return self.decode(self.encode(images))


print(tuple(AutoencoderByHand().encode(test.images[:2]).shape), "parameters",
      sum(p.numel() for p in AutoencoderByHand().parameters()))

# %% [markdown]
# The package's `ImageAutoencoder` is the same network. Input and target of each batch are the same images. The first
# loss is the squared error. Predict: will the judges recognise more pages than after PCA with 512 numbers?

# %%
pairs = Batches(train.images, train.images)
mse_model = autoencoder.ImageAutoencoder()
history = fit(mse_model, pairs, loss=F.mse_loss, epochs=4, lr=4e-3)
reconstructed = predict(mse_model, test.images)
results["squared error"] = judge_accuracy(reconstructed, test)
print(f"mean squared error {F.mse_loss(reconstructed, test.images):.4f}", results["squared error"])
show.show_images(torch.cat([test.images[:8], reconstructed[:8]]), alt="Eight pages above, their reconstructions below")

# %% [markdown]
# No: at least one attribute is wrong in about a fifth of the pages. PCA, with 20 times as many weights, does better.
# Look at the small objects: their outlines are blurred. A small object covers about 80 of 1,024 pixels, so a wrong
# shape hardly changes the squared error. The texture of the background counts for more.

# %% [markdown]
# ## A perceptual loss
#
# A perceptual loss compares images by the feature maps of a network that was trained to recognise objects (Johnson et
# al. 2016). The encoder $\phi$ is built as in lesson 01, and its weights are frozen. $\phi_l(x)$ are the feature maps
# after block $l$. $M$ counts the values of $x$, $M_l$ those of $\phi_l(x)$, and $w$ is a weight.
#
# $$L = \frac{1}{M} \lVert x - \hat x \rVert^2 + w \sum_{l} \frac{1}{M_l} \lVert \phi_l(x) - \phi_l(\hat x) \rVert^2$$

# %%
diagrams.perceptual_loss()

# %% [markdown]
# One image, one feature: the pixels of $x = (0.2, 0.8)$ and $\hat x = (0.4, 0.8)$ have a mean squared error of
# $0.2^2 / 2 = 0.02$. Let $\phi$ be the difference of neighbouring pixels: $\phi(x) = 0.6$ and $\phi(\hat x) = 0.4$,
# with a squared distance of $0.04$. With $w = 0.5$ the loss is $0.02 + 0.5 \cdot 0.04 = 0.04$.

# %% tags=["nbval-check-output"]
class Differences(nn.Module):
    """A frozen 'encoder' of one block: the difference of neighbouring pixels."""

    def all_feature_maps(self, images: Tensor) -> list[Tensor]:
        return [images.diff(dim=-1)]


x, x_hat = torch.tensor([[[[0.2, 0.8]]]]), torch.tensor([[[[0.4, 0.8]]]])                           # (1, 1, 1, 2)
print(f"{perceptual.PerceptualLoss(Differences(), weight=0.5)(x_hat, x):.4f}")

# %% [markdown]
# The judges share no weights with this encoder. It was trained on the training split alone, so held-out combinations
# stay held out. Network, data and number of epochs are as before; only the loss differs. Predict: what fraction of
# the pages will the judges recognise now?

# %%
perceptual_loss = perceptual.PerceptualLoss(shipped.load("image_encoder").encoder, weight=0.02)
image_model = autoencoder.ImageAutoencoder()
history = fit(image_model, pairs, loss=perceptual_loss, epochs=4, lr=4e-3)

# %%
reconstructed = predict(image_model, test.images)
results["perceptual loss"] = judge_accuracy(reconstructed, test)
print(f"mean squared error {F.mse_loss(reconstructed, test.images):.4f}")
show.compare({**results, "original images": original["test"]}, label="object, colour and size correct")
attributes = "object", "colour", "size"
for name, judge in judges.items():
    correct = (judge.predict(reconstructed).cpu() == attributes_of(test)).float().mean(dim=0).tolist()
    print(f"{name:18}", {attribute: round(value, 3) for attribute, value in zip(attributes, correct, strict=True)})
show.show_images(torch.cat([test.images[:8], reconstructed[:8]]), alt="Eight pages above, their reconstructions below")

# %% [markdown]
# Both judges recognise almost every reconstruction, although its squared error is no smaller. PCA with 512 numbers
# comes close. The promises below divide the score of the reconstructions by the score of the original images.

# %%
for name in judges:
    expect(f"06.{name}", results["perceptual loss"][name] / original["test"][name])
by_judge = judge_accuracy(predict(image_model, held_out.images), held_out)
print("held-out combinations", by_judge)
expect("06.image_held_out", min(by_judge[name] / original["held out"][name] for name in judges))

# %% [markdown]
# On held-out combinations of object and colour the score is only a few points lower. Each vector of the code
# describes a small region, and a region of a purple cat looks like one of a purple tree. What is still wrong? Here
# are the most confident mistakes of the first judge.

# %%
logits = predict(judges["image_judge"], reconstructed)[:, : len(scene.KINDS)]
show.show_mistakes(reconstructed, test.kinds, logits, names=scene.KINDS)

# %% [markdown]
# Most of them are small objects again, whose outlines differ from those of other objects in a few pixels.
#
# What does the network have that PCA lacks? It needs only 79,000 weights, and its images can have any size divisible
# by 4. The pages below have 48 × 48 pixels and two objects, unlike all training pages. Their codes have the shape
# 8 × 12 × 12.

# %%
two_objects = PictureBook("test", pages=8, objects=2)                                               # 48 pixels
show.show_images(torch.cat([two_objects.images, predict(image_model, two_objects.images)]),
                 alt="Pages with two objects, reconstructed")

# %% [markdown]
# ## Denoising
#
# A **denoising autoencoder** (Vincent et al. 2008) gets a corrupted input $\tilde x$, and its output is compared with
# the clean $x$. Copying the input does not solve this task, however large the code. The network has to learn what clean
# images look like.
#
# In the code below, `transform` adds new noise to the input of every batch; the target stays clean. Predict: can the
# autoencoder above remove noise, although it was not trained to?

# %%
diagrams.denoising_autoencoder(code="(B, 8, 8, 8)")

# %%
def add_noise(images: Tensor) -> Tensor:
    return (images + 0.3 * torch.randn_like(images)).clamp(0, 1)


denoiser = autoencoder.ImageAutoencoder()
denoiser.load_state_dict(image_model.state_dict())                                 # start from the trained autoencoder
fit(denoiser, Batches(train.images, train.images, transform=add_noise), loss=perceptual_loss, epochs=1, lr=2e-3)
noisy = add_noise(test.images)
rows = {"noisy": noisy, "autoencoder": predict(image_model, noisy), "denoiser": predict(denoiser, noisy)}
for name, images in rows.items():
    print(f"{name:12} squared error {F.mse_loss(images, test.images):.4f}", judge_accuracy(images, test))
show.show_images(torch.cat([images[:12] for images in rows.values()]), columns=12, alt="Noisy pages, reconstructed, denoised")

# %% [markdown]
# The plain autoencoder reconstructs the noise as a texture. The denoiser removes it, and the judges recognise about
# two thirds of the pages again. Where noise hides a small object, the network can only guess.

# %% [markdown]
# ## Sentences
#
# The same idea works for tokens: convolutions over the words give a code of 16 numbers for every two words, 192 in all.
# The decoder gives logits over the vocabulary at every position. The loss is lesson 05's cross-entropy; the target is
# the sentence itself, followed by `<end>`. Sentences about two objects state up to 8 facts.
#
# In a second model, a GRU encodes the sentence into *one* vector of 64 numbers, and another GRU decodes it. This model
# is trained for twice as many epochs. Predict: which model is better on held-out combinations of object and colour?

# %%
pages = PictureBook("train", pages=20_000, objects=2)
texts = Batches(pages.tokens, autoencoder.sentence_targets(pages.tokens, 24, sentence.END))
V = len(sentence.VOCABULARY)
sentence_models = {"convolutions": autoencoder.SentenceAutoencoder(V, 24),
                   "one vector": autoencoder.RecurrentSentenceAutoencoder(V, 24)}
for name, model in sentence_models.items():
    print(tuple(model.encode(pages.tokens[:1]).shape), "parameters", sum(p.numel() for p in model.parameters()))
    epochs = 3 if name == "convolutions" else 6
    fit(model, texts, loss=language.token_loss, metrics=(), epochs=epochs, lr=4e-3, clip=1.0)

# %% [markdown]
# The most probable token at each position gives the reconstruction. Two judges score it: the shipped text judge,
# which is a network, and `parse`, the Picture Book's exact parser. The parser is stricter: it returns `None` for
# an ungrammatical sentence. A sentence counts as correct if all its facts are correct.

# %%
text_judge = shipped.load("text_judge")


def sentence_accuracy(model: nn.Module, split: str) -> dict[str, float]:
    book = PictureBook(split, pages=1_000, objects=2)
    reconstructed = [sentence.decode(row) for row in predict(model, book.tokens).argmax(dim=2)]
    tokens = text.pad([sentence.encode(line) for line in reconstructed])
    by_network = (text_judge.predict(tokens).cpu() == sentence_parser.answers(book.sentences)).all(dim=1)
    by_parser = [sentence.parse(output) == sentence.parse(target)
                 for output, target in zip(reconstructed, book.sentences, strict=True)]
    return {"text judge": round(by_network.float().mean().item(), 3), "parser": sum(by_parser) / len(by_parser)}


rows = {name: {split: sentence_accuracy(model, split) for split in ("test", "held_out_pairs", "held_out_phrasings")}
        for name, model in sentence_models.items()}
for name, row in rows.items():
    for split, scores in row.items():
        print(f"{name:13} {split:19}", scores)
expect("06.sentence", min(rows["convolutions"]["test"].values()))
expect("06.sentence_held_out", min(rows["convolutions"]["held_out_pairs"].values()))

# %% [markdown]
# On test pages both models are good, so 64 numbers can hold a sentence. On held-out combinations the single vector
# fails: it learned which *combinations* occur, and often replaces a new one by another. The convolutional code
# describes two words at a time; it also has three times as many numbers. Held-out phrasings, with words such as
# *tiny* that never occurred in training, defeat both models. A reconstruction resembles the training data, not always
# the input.

# %%
book = PictureBook("held_out_pairs", pages=4, objects=2)
for name, model in sentence_models.items():
    for original_text, row in zip(book.sentences, predict(model, book.tokens).argmax(dim=2), strict=True):
        print(f"{name:13} {original_text:58} {sentence.decode(row)}")

# %% [markdown]
# ## Spoken words
#
# A spoken word becomes a log-mel spectrogram of 40 bands and 80 frames, $3{,}200$ numbers. Each band is scaled to
# mean 0 and standard deviation 1 over the training voices. Three convolution blocks halve bands and frames. The code
# is a sequence of 10 vectors, one for each 80 ms, of 16 numbers each: 160, a twentieth. Squared error is enough here,
# since a word fills much of its spectrogram. PCA with 160 numbers is the baseline.

# %%
SAMPLES = 12_640                                                                   # 80 frames, divisible by 8
log_mel = audio.LogMel(16_000, n_mels=40).fit(words.sound(i) for i in range(0, len(words), 10))
mels = words.log_mels(log_mel, SAMPLES)                                                             # (N, 40, 80)
sound_model = autoencoder.SpectrogramAutoencoder(n_mels=40, channels=16)
print("code", tuple(sound_model.encode(mels[:1]).shape), "parameters", sum(p.numel() for p in sound_model.parameters()))
history = fit(sound_model, Batches(mels, mels), loss=F.mse_loss, epochs=3, lr=4e-3)

# %% [markdown]
# The judge classifies a sound as one of 111 words. It uses its own mean and standard deviation for each band, so its
# input is converted first. It scores new recordings of the training voices, held-out voices, and voices of another
# speech engine, as in lesson 03.

# %%
sound_judge = shipped.load("sound_judge")


def word_accuracy(mels: Tensor, labels: Tensor) -> float:
    raw = mels * log_mel.std + log_mel.mean                                                         # (B, 40, 80)
    logits = predict(sound_judge.classifier, (raw - sound_judge.log_mel.mean) / sound_judge.log_mel.std)
    return (logits.argmax(dim=1) == labels).float().mean().item()


voices = {"test": spoken.SpokenWords(speech.voices("train")[::6]), "held-out voices": spoken.spoken_words("held_out"),
          "another engine": spoken.spoken_words("far")}
relative_accuracy = {}
for name, split in voices.items():
    before = split.log_mels(log_mel, SAMPLES)
    versions = {"original": before, "PCA": pca(mels[::4], before, 160), "autoencoder": predict(sound_model, before)}
    scores = {version: word_accuracy(x, split.labels) for version, x in versions.items()}
    relative_accuracy[name] = scores["autoencoder"] / scores["original"]
    print(f"{name:16}", {version: round(value, 3) for version, value in scores.items()})
expect("06.sound", relative_accuracy["test"])
expect("06.sound_held_out", relative_accuracy["held-out voices"])

# %% [markdown]
# PCA does better on single words, which all begin at the first frame. Its limit is the same as with images: it works
# for 80 frames only. The convolutional encoder takes any multiple of 8. Listen to a phrase of four words; the network
# was trained on single words. Lesson 03's Griffin-Lim algorithm (Griffin and Lim 1984) turns a log-mel into sound.

# %%
line = "a small red fish"
phrase = log_mel(speech.speak(line, "en-us+Alicia", varied=False)[None])                            # (1, 40, T)
phrase = phrase[..., : phrase.shape[2] // 8 * 8]                                   # a multiple of 8 frames
reconstruction = predict(sound_model, phrase)
show.show_log_mels(torch.cat([phrase, reconstruction]), titles=["original", "reconstruction"])
show.play_many([log_mel.inverse(mel)[0] for mel in (phrase, reconstruction)], words=[line] * 2,
               titles=["original", "reconstruction"])

# %% [markdown]
# ## The variational autoencoder
#
# Can the image decoder *generate* pages? Draw every number of a code at random, with the mean and standard deviation
# that it has over the training pages, and decode the result. What will you see?

# %%
codes = predict(image_model.encoder, train.images[:2_000] - 0.5)                                    # (N, 8, 8, 8)
random_codes = codes.mean(dim=0) + codes.std(dim=0) * torch.randn(8, *codes.shape[1:])
with torch.no_grad():
    show.show_images(image_model.decode(random_codes), alt="Decoded random codes: coloured noise without objects")

# %% [markdown]
# Nothing that resembles a page. The numbers of a real code depend on each other, and the loss does not say where
# codes lie. Random codes fall where the decoder was never trained.
#
# The **variational autoencoder** (VAE; Kingma and Welling 2014) gives codes a known distribution, the **prior** $p(z) =
# N(0, I)$. The decoder defines $p(x \mid z)$. Training should maximise $\ln p(x)$, but this requires an integral over
# all codes, which is intractable.

# %%
diagrams.variational_autoencoder(code="(B, 32)")

# %% [markdown]
# How far is one distribution from another? The **Kullback-Leibler (KL) divergence** of $q$ from $p$ is
# $\mathrm{KL}(q \,\Vert\, p) = E_q[\ln q(z) - \ln p(z)]$, the mean over samples $z$ of $q$. It is 0 if $q$ and $p$
# are equal, and positive otherwise. With natural logarithms its unit is the **nat**: 1 nat is about 1.44 bits.

# %% [markdown]
# The encoder avoids the integral. It gives a distribution $q(z \mid x) = N(\mu, \mathrm{diag}(\sigma^2))$ over the
# codes that fit $x$, an approximation of the **posterior** $p(z \mid x)$. Start from
# $p(x) = p(x \mid z) \, p(z) / p(z \mid x)$, which holds for every $z$. Take logarithms, add and subtract
# $\ln q(z \mid x)$, and take the mean over $q$:
#
# $$\ln p(x) = \underbrace{E_q[\ln p(x \mid z)] - \mathrm{KL}\big(q(z \mid x) \,\Vert\, p(z)\big)}_{\text{ELBO}} +
# \underbrace{\mathrm{KL}\big(q(z \mid x) \,\Vert\, p(z \mid x)\big)}_{\ge\, 0}$$
#
# The last term cannot be computed, but it is never negative. The first two are therefore a lower bound of $\ln p(x)$,
# the **evidence lower bound** (ELBO). Training maximises this bound.

# %% [markdown]
# **First term.** Let pixels be independent and normally distributed around the reconstruction, with variance $\beta$.
# Then $-\ln p(x \mid z) = \frac{1}{2\beta} \lVert x - \hat x \rVert^2$ plus a constant: the squared error, *summed*
# over pixels. One sample of $z$ is enough to estimate the mean $E_q$. Multiply the negative ELBO by $\beta$:
#
# $$L = \tfrac{1}{2} \lVert x - \hat x \rVert^2 + \beta \, \mathrm{KL}\big(q(z \mid x) \,\Vert\, N(0, I)\big)$$
#
# Thus $\beta$, the assumed noise variance of the pixels, weighs the two terms. Higgins et al. (2017) choose $\beta$
# freely and call the model a $\beta$-VAE.

# %% [markdown]
# **Second term.** The dimensions of the code are independent in $q$ and in the prior, so their divergences add up.
# For one dimension, $\ln q = -\frac{1}{2} \ln 2\pi\sigma^2 - \frac{(z - \mu)^2}{2 \sigma^2}$ and
# $\ln p = -\frac{1}{2} \ln 2\pi - \frac{z^2}{2}$. With $E_q[(z-\mu)^2] = \sigma^2$ and $E_q[z^2] = \mu^2 + \sigma^2$:
#
# $$\mathrm{KL} = \tfrac{1}{2} \sum_d \left( \mu_d^2 + \sigma_d^2 - 1 - \ln \sigma_d^2 \right)$$
#
# It is 0 for $\mu = 0$ and $\sigma = 1$, and positive otherwise. For $\mu = 1$ and $\sigma = 0.5$:
# $\frac{1}{2} (1 + 0.25 - 1 + 1.386) = 0.818$.

# %% tags=["nbval-check-output"]
q, p = torch.distributions.Normal(1.0, 0.5), torch.distributions.Normal(0.0, 1.0)
z = q.sample((200_000,))
by_hand = 0.5 * (1**2 + 0.5**2 - 1 - torch.tensor(0.5**2).log())
print(f"by hand {by_hand:.3f}   PyTorch {torch.distributions.kl_divergence(q, p):.3f}   "
      f"mean over samples {(q.log_prob(z) - p.log_prob(z)).mean():.1f}")
deviation = torch.linspace(0.1, 3, 60)
show.plot_lines({f"mean {m}": (0.5 * (m**2 + deviation**2 - 1 - 2 * deviation.log())).tolist() for m in (0, 1, 2)},
                x=deviation.tolist(), xlabel="standard deviation of q", ylabel="KL divergence from N(0, 1)")

# %% [markdown]
# **The sample.** Training needs a sample of $q$, but gradients do not pass through drawing a random number. Draw the
# noise first, then scale and shift it: $z = \mu + \sigma \epsilon$ with $\epsilon \sim N(0, I)$. Now
# $\partial z / \partial \mu = 1$ and $\partial z / \partial \sigma = \epsilon$. This is the **reparameterisation
# trick**. The encoder gives $\ln \sigma^2$, which may be any real number, so the standard deviation is
# $\sigma = e^{(\ln \sigma^2) / 2}$.

# %% [markdown]
# ### Exercise 06.2: the reparameterisation trick  ●●○ · 10 minutes
#
# Draw a sample $z$ for each example. `mean` is $\mu$, and `log_variance` is $\ln \sigma^2$. Draw a number of
# $\epsilon$ for every number of every example, anew in each call; any random generator will do. Leave `mean` and
# `log_variance` as they are.

# %%
def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A sample of N(mean, variance) for each example, through which gradients reach both.   (B, D), (B, D) -> (B, D)"""
    ### BEGIN SOLUTION
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)
    ### END SOLUTION


# %%
check("06.2", reparameterise)

# %% [markdown]
# ### Exercise 06.3: the KL divergence  ●●○ · 15 minutes
#
# Write the KL divergence from $N(0, I)$, by the formula above, for each example: sum over the dimensions of the code.
# It becomes part of a loss, so gradients must reach both inputs. Stuck? `hint("06.3")` in a cell of its own gives a
# hint.

# %%
def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) of each example, in nats.   (B, D), (B, D) -> (B,)"""
    ### BEGIN SOLUTION
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
    ### END SOLUTION


# %%
check("06.3", kl_divergence)

# %% [markdown]
# ## Balance the two terms
#
# One training step, written out: encode, sample a code, decode, compute the loss and its gradient, and update the
# weights. `fit` repeats these lines, and changes the learning rate during training. `negative_elbo` is the loss $L$
# above; the last exercise of this lesson builds it.

# %%
def training_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, beta: float) -> float:
    """One update of a VAE; returns the loss before it.   (B, 3, 32, 32)"""
    reconstruction, mean, log_variance = model(images)                                 # (B, 3, 32, 32), (B, D), (B, D)
    loss = vae.negative_elbo((reconstruction, mean, log_variance), images, beta)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


# %% [markdown]
# A small $\beta$ favours exact reconstructions, a large one codes near the prior. Four small VAEs, trained for two
# epochs each, show the trade-off. Predict before you run the cell: which of the two terms goes to 0 for a large
# $\beta$?

# %%
balance = {}
small_set = Batches(train.images[:8_000], train.images[:8_000])
for beta in (0.01, 0.1, 1.0, 10.0):
    model = vae.ImageVAE(code=16, widths=(16, 32, 64)).to(device())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _epoch in range(2):
        for images, _ in small_set:
            training_step(model, optimizer, images, beta)
    output, mean, log_variance = predict(model, test.images)
    balance[beta] = F.mse_loss(output, test.images).item(), vae.kl_divergence(mean, log_variance).mean().item()
    print(f"beta {beta:<5} mean squared error {balance[beta][0]:.4f}   KL {balance[beta][1]:6.1f} nats")
show.plot_panels({"mean squared error": {"test pages": [error for error, _ in balance.values()]},
                  "KL divergence in nats": {"test pages": [kl for _, kl in balance.values()]}}, x=list(balance), xlabel="beta")

# %% [markdown]
# The mean KL divergence is an upper bound of the **mutual information** of image and code: how much the code tells about
# the image. A larger $\beta$ lowers this bound. From $\beta = 0.1$ on, the reconstruction gets worse as well; below this
# value, the two epochs of training probably limit it. At $\beta = 10$ the code carries very little information.
#
# Now train a larger VAE with $\beta = 0.1$: its pixels have an assumed standard deviation of $\sqrt{0.1} \approx 0.3$.
# The perceptual distance is added to the first term, as half a sum over 3,072 numbers, like the squared error.

# %%
def vae_loss(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    features = perceptual_loss.feature_distance(outputs[0], x) * x[0].numel() / 2
    return vae.negative_elbo(outputs, x, beta=0.1) + 0.02 * features


image_vae = vae.ImageVAE(code=32)
history = fit(image_vae, pairs, loss=vae_loss, metrics=(), epochs=4, lr=4e-3)
output, mean, log_variance = predict(image_vae, test.images)
print("VAE, 32 numbers", judge_accuracy(output, test), f"KL {vae.kl_divergence(mean, log_variance).mean():.0f} nats")
with torch.no_grad():
    show.show_images(torch.cat([test.images[:12], output[:12], image_vae.decode(torch.randn(12, 32))]), columns=12,
                     alt="First row: test pages; second: their reconstructions; third: pages generated from random codes")

# %% [markdown]
# A code of 32 numbers holds less than the autoencoder's 512: the judges recognise fewer than half of the pages. In
# return, random codes decode to something like pages: a sky, a ground, a coloured shape. Their quality is poor. Shapes
# merge, and a fine grid covers them: **checkerboard artefacts** (Odena, Dumoulin and Olah 2016). They are known from
# transposed convolutions, as in this decoder, and from the gradients of strided ones, as in the perceptual loss.

# %% [markdown]
# ## Interpolation
#
# Halfway between two codes, what does the decoder show?
#
# ### Exercise 06.4: interpolate codes  ●○○ · 10 minutes
#
# Give `steps` codes at equal distances on the straight line from `start` to `end`, both included. `steps` is at least
# two. A code may have any shape, for instance $(32,)$ or $(8, 8, 8)$; it has no batch axis. Leave `start` and `end` as
# they are.

# %%
def interpolate(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Codes on the straight line from start to end, both included.   (...), (...) -> (steps, ...)"""
    ### BEGIN SOLUTION
    t = torch.linspace(0, 1, steps).reshape(-1, *[1] * start.dim())                                 # (steps, 1, ...)
    return (1 - t) * start + t * end
    ### END SOLUTION


# %%
check("06.4", interpolate)

# %%
start, end = test.images[:1], test.images[1:2]
with torch.no_grad():
    by_code = image_model.decode(autoencoder.interpolate(image_model.encode(start)[0], image_model.encode(end)[0], 8))
    by_vae = image_vae.decode(autoencoder.interpolate(image_vae.encode(start)[0][0], image_vae.encode(end)[0][0], 8))
show.show_images(torch.cat([by_code, by_vae]), alt="Interpolation: autoencoder above, VAE below")

# %% [markdown]
# The autoencoder's middle image looks like a double exposure: both objects, half transparent. Each vector of its code
# describes its own region. The VAE changes one shape into the other. To measure this, compare the middle image with the
# mean of the images at both ends. Their squared distance is small for a double exposure.

# %%
with torch.no_grad():
    a, b = test.images.chunk(2)
    middles = {"autoencoder": image_model.decode((image_model.encode(a) + image_model.encode(b)) / 2),
               "VAE": image_vae.decode((image_vae.encode(a)[0] + image_vae.encode(b)[0]) / 2)}
    ends = {"autoencoder": (image_model(a) + image_model(b)) / 2, "VAE": (image_vae(a)[0] + image_vae(b)[0]) / 2}
for name in middles:
    print(f"{name:12} {F.mse_loss(middles[name], ends[name]):.4f}")

# %% [markdown]
# ## Play
#
# Walk through the VAE's **latent space**, the space of all codes. Choose two pages and move the slider between them,
# then move along two principal directions of the codes. What does the first direction change? Below is the same for
# spoken words; press Play to hear the sound in between.

# %%
examples = {f"{page}: {test.sentences[page]}": mean[page] for page in range(8)}
show.latent_space(image_vae.decode, examples, codes=mean)

# %%
chosen = {name: sound_model.encode(mels[words.words.index(name)][None])[0].detach() for name in ("moon", "boat", "fish", "six")}
show.latent_space(sound_model.decode, chosen, kind="sound", to_sound=log_mel.inverse)

# %% [markdown]
# ## Debugging exercise: a width that does not fit
#
# Someone connects an encoder and a decoder. PyTorch raises an error, since the shapes do not fit; a `reshape`
# silences it. The model runs, but its loss hardly falls, and all reconstructions look like the mean image. Run it,
# and compare its squared error with that of the mean image.

# %%
class BuggyAutoencoder(nn.Module):
    """Flat images to flat reconstructions through a code of `code` numbers.   (B, D) -> (B, D)"""

    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, n_inputs))

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def decode(self, codes: Tensor) -> Tensor:
        return self.decoder(codes.reshape(-1, self.decoder[0].in_features))

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))[: len(x)]


def error_after_training(model: nn.Module) -> float:
    fit(model, Batches(small, small), loss=F.mse_loss, epochs=20, lr=3e-3, verbose=False)
    return F.mse_loss(predict(model, small), small).item()


buggy = BuggyAutoencoder(192, 16)
print(f"buggy {error_after_training(buggy):.4f}   the mean image {small.square().mean():.4f}")

# %% [markdown]
# A test that finds such bugs: change *one* example of a batch, and see which reconstructions change. Which of them
# should?

# %%
batch = small[:8]
changed = batch.clone()
changed[2] = 0
with torch.no_grad():
    changed_rows = (buggy(batch) - buggy(changed)).abs().amax(dim=1) > 1e-6
print("example 2 was changed; reconstructions that changed:", changed_rows.nonzero()[:, 0].tolist())

# %% [markdown]
# ### Exercise 06.debug: every example its own code  ●●○ · 15 minutes
#
# Print the shapes inside `decode`, and find out which example each reconstruction is made from. Then write the class so
# that in evaluation mode, reconstruction $i$ depends on example $i$ alone. Keep the methods: `encode` gives codes of
# shape (B, code), `decode` turns them into reconstructions of shape (B, D), and `forward` does one after the other.
# Every weight should learn, so do not compute numbers that are cut off later.

# %%
class FixedAutoencoder(nn.Module):
    """Flat images to flat reconstructions through a code of `code` numbers.   (B, D) -> (B, D)"""

    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, n_inputs))
        ### END SOLUTION

    def encode(self, x: Tensor) -> Tensor:
        """(B, D) -> (B, code)"""
        ### BEGIN SOLUTION
        return self.encoder(x)
        ### END SOLUTION

    def decode(self, codes: Tensor) -> Tensor:
        """(B, code) -> (B, D)"""
        ### BEGIN SOLUTION
        return self.decoder(codes)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.decode(self.encode(x))
        ### END SOLUTION


# %%
check("06.debug", FixedAutoencoder)

# %% [markdown]
# ## Debugging exercise: posterior collapse
#
# The code of a VAE can carry no information at all: $q(z \mid x)$ equals the prior for every image, and the KL
# divergence is 0. The decoder then gives the same image for every code. This is **posterior collapse** (described by
# Bowman et al. 2016). Run the VAE below. It uses PyTorch's own squared error and a correct KL divergence. What is
# wrong with their sum?

# %%
def buggy_loss(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    reconstruction, mean, log_variance = outputs
    return F.mse_loss(reconstruction, x) + vae.kl_divergence(mean, log_variance).mean()


collapsed = vae.ImageVAE(code=16, widths=(16, 32, 64))
fit(collapsed, small_set, loss=buggy_loss, metrics=(), epochs=2, lr=4e-3, verbose=False)
output, mean, log_variance = predict(collapsed, test.images)
print(f"KL {vae.kl_divergence(mean, log_variance).mean():.4f} nats   mean squared error {F.mse_loss(output, test.images):.4f}")
show.show_images(torch.cat([test.images[:8], output[:8]]), alt="Eight pages; below, eight times the same grey image")

# %% [markdown]
# ### Exercise 06.collapse: two terms on one scale  ●●● · 20 minutes
#
# `F.mse_loss` *averages* over 3,072 values, the KL divergence is a *sum*. Multiply the buggy loss by
# $3{,}072 / 2 = 1{,}536$: it is the formula with $\beta = 1{,}536$, so the optimiser removes the KL first.
#
# Write the loss $\frac{1}{2} \lVert x - \hat x \rVert^2 + \beta \, \mathrm{KL}$: both terms summed for each example,
# then averaged over the batch. You may call `kl_divergence`. The result is a tensor of one number, as the loss of a
# training step is.

# %%
def negative_elbo(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor, beta: float) -> Tensor:
    """Half the squared error, summed over an example, plus beta times its KL; mean over the batch.

    outputs: reconstruction (B, ...), mean (B, D), log_variance (B, D);   x (B, ...)   -> ()
    """
    ### BEGIN SOLUTION
    reconstruction, mean, log_variance = outputs
    error = 0.5 * (reconstruction - x).square().flatten(1).sum(dim=1)                              # (B,)
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean()
    ### END SOLUTION


# %%
check("06.collapse", negative_elbo)

# %% [markdown]
# Posterior collapse has other causes. An autoregressive decoder, as in language models, can be strong enough to do
# without a code. The KL term can also dominate the first steps, when codes carry no information yet. Remedies are a
# smaller $\beta$, a weaker decoder, and **KL annealing** (also called KL warm-up), where the weight of the KL term
# grows from 0 during training (Bowman et al. 2016). Our recurrent sentence decoder gets no words as input, so it cannot
# do without its code.

# %% [markdown]
# ## On real data: noisy handwriting
#
# These are MNIST's handwritten digits (LeCun et al. 1998) under strong noise. A classifier that was trained on clean
# digits scores the test split three times: clean, noisy and denoised. It never saw a reconstruction. What accuracy do
# you expect on the noisy digits?

# %%
train = pairs = small_set = None                                                                    # to save memory
mnist = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
have_data = all(mnist.values())
if have_data:
    digits, labels = real.images(mnist["train"].select(range(min(20_000, len(mnist["train"])))))    # (N, 1, 28, 28), (N,)
    test_digits, test_labels = real.images(mnist["test"])
    classifier = cnn.ImageClassifier(10, in_channels=1)
    fit(classifier, Batches(digits, labels, size=128), epochs=3, lr=5e-3)

# %%
def add_strong_noise(images: Tensor) -> Tensor:
    return (images + 0.7 * torch.randn_like(images)).clamp(0, 1)


if have_data:
    digit_model = autoencoder.ImageAutoencoder(channels=4, widths=(16, 32), in_channels=1)
    noisy_pairs = Batches(digits, digits, size=128, transform=add_strong_noise)
    fit(digit_model, noisy_pairs, loss=F.mse_loss, epochs=4, lr=5e-3)
    noisy = add_strong_noise(test_digits)
    versions = {"clean": test_digits, "noisy": noisy, "denoised": predict(digit_model, noisy)}
    digit_accuracy = {}
    for name, images in versions.items():
        digit_accuracy[name] = (predict(classifier, images).argmax(dim=1) == test_labels).float().mean().item()
    print({name: round(value, 3) for name, value in digit_accuracy.items()})
    show.show_images(torch.cat([x[:: len(x) // 12][:12] for x in versions.values()]), columns=12, alt="Digits: clean, noisy, denoised")
    expect("06.mnist", digit_accuracy["denoised"] / digit_accuracy["clean"])

# %% [markdown]
# The classifier was not trained with noise: on noisy digits it is at chance level (10%). After denoising, expect about
# 90%. A classifier that is trained on noisy digits may do as well. The denoiser has advantages of its own: it needs no
# labels, and you can *look* at its output. We know of no published result for this noise.

# %% [markdown]
# ## Where this is used
#
# Image generators such as Stable Diffusion work on the codes of a convolutional autoencoder (Rombach et al. 2022).
# Neural codecs for speech and music are autoencoders with quantised codes (Zeghidour et al. 2021). Both are much larger
# than ours, and add an adversarial loss for sharp outputs; lesson 07 explains it. For anomaly detection, an autoencoder
# is trained on the normal sounds of a machine alone. A large reconstruction error then indicates a fault.

# %%
quiz("06")

# %% [markdown]
# ## Open-ended questions
#
# 1. Train the image autoencoder with 4 or 2 maps in its code. Where does the judges' score begin to fall, and which
#    of the three attributes is lost first?
# 2. A perceptual loss needs a trained encoder. Try one with random weights. How much of the gain is left?
# 3. Use the autoencoder to find unusual pages: rank test pages, pages with two objects, and noise by their
#    reconstruction error. Which of them does it not find?

# %% [markdown]
# ## Going further
#
# **Vector quantisation** (van den Oord et al. 2017) replaces each of the 8 × 8 vectors of a code by the nearest of 256
# learned vectors. An image becomes 64 integers, like the tokens of a sentence. If you build it, compare the squared
# error with the perceptual loss again.

# %% [markdown]
# ## Summary
#
# - An autoencoder learns from inputs alone; a linear one finds PCA's subspace.
# - Squared error loses small objects; a perceptual loss keeps what a trained encoder responds to.
# - Judges measure what a reconstruction keeps; held-out combinations and phrasings show what a code can represent.
# - A VAE's loss has two terms, squared error and KL divergence; $\beta$ balances them.
# - In posterior collapse the KL divergence is 0; a frequent cause is a mean where a sum belongs.
#
# Next: [07 GANs](07_gans.ipynb), where a second network learns to tell generated images from real ones.

# %% [markdown]
# **References.** Hinton, Salakhutdinov 2006, *Reducing the dimensionality of data with neural networks*,
# [doi:10.1126/science.1127647](https://doi.org/10.1126/science.1127647): deep autoencoders compared with PCA. Baldi,
# Hornik 1989, *Neural networks and principal component analysis: Learning from examples without local minima*,
# [doi:10.1016/0893-6080(89)90014-2](https://doi.org/10.1016/0893-6080(89)90014-2). Eckart, Young 1936, *The
# approximation of one matrix by another of lower rank*, [doi:10.1007/BF02288367](https://doi.org/10.1007/BF02288367).
# Vincent et al. 2008, *Extracting and composing robust features with denoising autoencoders*,
# [doi:10.1145/1390156.1390294](https://doi.org/10.1145/1390156.1390294). Lehtinen et al. 2018, *Noise2Noise: Learning
# image restoration without clean data*, [arXiv:1803.04189](https://arxiv.org/abs/1803.04189): training on noisy
# targets, in the quiz. Kingma, Welling 2014, *Auto-encoding variational Bayes*,
# [arXiv:1312.6114](https://arxiv.org/abs/1312.6114). Bowman et al. 2016, *Generating sentences from a continuous
# space*, [arXiv:1511.06349](https://arxiv.org/abs/1511.06349): a KL divergence that goes to 0, KL annealing. Higgins et
# al. 2017, *beta-VAE: Learning basic visual concepts with a constrained variational framework*,
# [OpenReview](https://openreview.net/forum?id=Sy2fzU9gl). Johnson, Alahi, Fei-Fei 2016, *Perceptual losses for
# real-time style transfer and super-resolution*, [arXiv:1603.08155](https://arxiv.org/abs/1603.08155). He et al. 2016,
# *Deep residual learning for image recognition*, [arXiv:1512.03385](https://arxiv.org/abs/1512.03385). van den Oord,
# Vinyals, Kavukcuoglu 2017, *Neural discrete representation learning*,
# [arXiv:1711.00937](https://arxiv.org/abs/1711.00937). Rombach et al. 2022, *High-resolution image synthesis with
# latent diffusion models*, [arXiv:2112.10752](https://arxiv.org/abs/2112.10752). Odena, Dumoulin, Olah 2016,
# *Deconvolution and checkerboard artifacts*, [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003).
# Zeghidour et al. 2021, *SoundStream: An end-to-end neural audio codec*,
# [arXiv:2107.03312](https://arxiv.org/abs/2107.03312). Griffin, Lim 1984, *Signal estimation from modified short-time
# Fourier transform*, [doi:10.1109/TASSP.1984.1164317](https://doi.org/10.1109/TASSP.1984.1164317). LeCun et al. 1998,
# *Gradient-based learning applied to document recognition*, [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791):
# MNIST.
