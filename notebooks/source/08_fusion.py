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
# # 08 · Fusing features
#
# **You will build a network that decides whether a sentence is true of an image, with about 99% accuracy, although the
# image alone and the sentence alone are both at chance level (50%), and so is a linear classifier of their weighted
# sum. Then you will meet a task for which averaging two separate classifiers tolerates corrupted inputs best.**
#
# Runs in about 2 minutes · takes 90 minutes to work through · before this: [01 Images](01_images.ipynb),
# [02 Text](02_text.ipynb), [03 Sound](03_sound.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. construct a task that no single modality can solve, and prove it;
# 2. explain what a weighted sum of features can and cannot express, by algebra and in a plot;
# 3. implement five fusion methods, and choose between them by what the task requires;
# 4. distinguish early, intermediate and late fusion, and recognise when late fusion is sufficient;
# 5. find out which branch of a multimodal model ignores its input.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, evaluate, examples, expect, fit, hint, predict, quiz, show
from mmcourse.data import audio, augment, real
from mmcourse.data.text import lengths
from mmcourse.models import cnn, fusion, pooling, speech
from mmcourse.picturebook.scene import COLOURS, KINDS
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.show import diagrams
from mmcourse.tasks import corrupted_pages, matching, statement
from mmcourse.training import shipped
from mmcourse.training.device import device

begin("08")

# %% [markdown]
# ## Look at the data
#
# Eight images, each with a statement. Which statements are true? Write down yes or no for each of the eight.

# %%
train, test = PictureBook("train", pages=8_000), PictureBook("test", pages=2_000)
order = torch.tensor([4, 1, 6, 0, 3, 7, 2, 5])
image_index, sentence_index, truth = (part[:8][order] for part in statement.true_or_false(test))
show.show_pages(torch.stack([test.image(i, 128) for i in image_index.tolist()]), rows=2, columns=4,
                sentences=[test.sentences[i] for i in sentence_index],
                alt="Eight images with statements: " + "; ".join(f"shows '{test.sentences[i]}', stated '{test.sentences[j]}'"
                                                                for i, j in zip(image_index, sentence_index, strict=True)))

# %%
print(["yes" if answer else "no" for answer in truth])

# %% [markdown]
# You needed the image *and* the sentence each time. Now cover the sentences: how many could you answer correctly? How
# many with the images covered?
#
# The pages come in pairs $A$, $B$ that differ in exactly one of kind, colour and size. All four combinations of image
# and sentence are examples: two are true, two are false.

# %%
diagrams.pairing()

# %% [markdown]
# Each image occurs once with a true statement and once with a false one, and so does each sentence. A model that sees
# only one of the two gives the same answer both times, so exactly one of these answers is correct. Its accuracy is
# **exactly 50%**, whatever its architecture and training.
#
# Verify this with strong features: those of the shipped encoders, which were trained without the held-out combinations
# and phrasings.

# %%
image_encoder, text_encoder = shipped.load("image_encoder").encoder, shipped.load("text_encoder").encoder
books = {"train": train, "valid": PictureBook("valid", pages=2_000), "test": test,
         "held-out combinations": PictureBook("held_out_pairs", pages=2_000),
         "held-out phrasings": PictureBook("held_out_phrasings", pages=2_000)}
raw_image_features = {split: predict(image_encoder, book.images) for split, book in books.items()}    # (pages, 128)
raw_text_features = {split: predict(text_encoder, book.tokens) for split, book in books.items()}      # (pages, 64)


def standardised(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """Subtract each feature's training mean; divide all features by one scale, the mean standard deviation."""
    mean, scale = parts["train"].mean(dim=0), parts["train"].std(dim=0).mean()
    return {split: (features - mean) / scale for split, features in parts.items()}


# %% [markdown]
# `standardised` divides all features of a modality by one number; "Going further" shows why a scale per feature
# generalises worse. Then each example gets its image features, its sentence features and its label.

# %%
image_features, text_features = standardised(raw_image_features), standardised(raw_text_features)
data = {}
for split, book in books.items():
    image_index, sentence_index, truth = statement.true_or_false(book)
    data[split] = image_features[split][image_index], text_features[split][sentence_index], truth  # (N, 128), (N, 64), (N,)
    print(f"{split:22} {len(truth):6,} examples, {truth.float().mean():.0%} of them true")

# %% [markdown]
# ## Unimodal baselines
#
# One network per modality, each with a hidden layer. Four decimals are printed, because the claim was "exactly".

# %%
alone = {}
for name, position in (("image alone", 0), ("sentence alone", 1)):
    features, truth = data["train"][position], data["train"][2]
    model = nn.Sequential(nn.Linear(features.shape[1], 128), nn.ReLU(), nn.Linear(128, 2))
    fit(model, Batches(features, truth), epochs=2)
    alone[name] = evaluate(model, Batches(data["test"][position], data["test"][2], shuffle=False))["accuracy"]
print({name: f"{accuracy:.4f}" for name, accuracy in alone.items()})
expect("08.alone", max(alone.values()))

# %% [markdown]
# The accuracy *during* training, printed above each curve, lies slightly below 50%: what the network learns from a
# page's first example is wrong for its second.
#
# Balanced construction matters in practice. Many questions of an early large data set on visual question answering
# could be answered without the image; Goyal et al. (2017) therefore added, for each question, a second image with a
# different answer.

# %% [markdown]
# ## The weighted sum
#
# A simple fusion method maps both feature vectors to the same width and mixes them:
#
# $$F = \alpha F_{\text{image}} + \beta F_{\text{text}}, \qquad \beta = 1 - \alpha$$
#
# By hand: $\alpha = 0.75$, $F_{\text{image}} = (4, 0)$, $F_{\text{text}} = (0, 8)$ give $F = (3, 2)$.

# %% tags=["nbval-check-output"]
image, text, alpha = torch.tensor([[4.0, 0]]), torch.tensor([[0.0, 8]]), 0.75
package = fusion.WeightedSum({"image": 2, "text": 2}, width=2, weights={"image": alpha, "text": 1 - alpha}, project=False)
print("by hand", (alpha * image + (1 - alpha) * text).tolist(), "  package", package({"image": image, "text": text}).tolist())

# %% [markdown]
# ### Exercise 08.1: the weighted sum  ●○○ · 5 minutes
#
# Mix a batch of image features with a batch of text features of the same width. Leave the arguments as they are.
# Gradients must reach both.

# %%
def weighted_sum(image: Tensor, text: Tensor, alpha: float) -> Tensor:
    """Mix two feature vectors: F = alpha * image + (1 - alpha) * text.   (B, D), (B, D) -> (B, D)"""
    ### BEGIN SOLUTION
    return alpha * image + (1 - alpha) * text
    ### END SOLUTION


# %%
check("08.1", weighted_sum)

# %% [markdown]
# Our features differ in width: an image has 128, a sentence 64. A linear layer for each modality maps them to 128. All
# fusion modules of this course share one interface: **a dictionary of features in, one feature vector out**. Any of
# them can replace any other, and a linear head on top computes the two logits.

# %%
class WeightedSum(nn.Module):
    """{"image": (B, 128), "text": (B, 64)} -> (B, 128)"""

    def __init__(self, alpha: float = 0.5):
        super().__init__()
        self.image, self.text, self.alpha = nn.Linear(128, 128), nn.Linear(64, 128), alpha

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.alpha * self.image(features["image"]) + (1 - self.alpha) * self.text(features["text"])


class FusionClassifier(nn.Module):
    """Fuse the features of both modalities, then classify.   (B, 128), (B, 64) -> logits (B, 2)"""

    def __init__(self, fuse: nn.Module, head: nn.Module | None = None):
        super().__init__()
        self.fuse, self.head = fuse, head or nn.Linear(128, 2)

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        return self.head(self.fuse({"image": image, "text": text}))


# %% [markdown]
# The features contain everything the task needs. What accuracy will the weighted sum reach, and which $\alpha$ will be
# best? Predict first.

# %%
def results(model: nn.Module) -> dict[str, float]:
    """Accuracy on each split that is used neither for training nor for selection."""
    splits = ("test", "held-out combinations", "held-out phrasings")
    return {split: evaluate(model, Batches(*data[split], size=512, shuffle=False))["accuracy"] for split in splits}


for alpha in (0.1, 0.5, 0.9):
    summed = FusionClassifier(WeightedSum(alpha))
    history = fit(summed, Batches(*data["train"]), epochs=2, verbose=False)
    print(f"alpha {alpha}: loss {history['loss'][-1]:.3f}, test accuracy {results(summed)['test']:.3f}")
print(f"ln 2 = {torch.tensor(2.0).log():.3f}")

# %% [markdown]
# With every $\alpha$ the accuracy is at chance level, and the loss stays near $\ln 2$, the loss of a prediction of 50%.
# The next section shows why neither another learning rate nor more epochs can help.
#
# ## Why: the algebra
#
# Let $s$ be the logit for "true" minus the logit for "false". With a linear head on a weighted sum, $s$ is a number that
# depends on the image plus a number that depends on the text:
#
# $$s(I, T) = f(I) + g(T)$$

# %% [markdown]
# Take a pair of pages $A$ and $B$, with two true and two false combinations, and add up their scores:
#
# $$\underbrace{s(A, A) + s(B, B)}_{\text{true}} = f(A) + g(A) + f(B) + g(B) = \underbrace{s(A, B) + s(B, A)}_{\text{false}}$$
#
# The two sums are always equal. Whatever raises the scores of the true combinations raises those of the false ones by
# the same amount, so at most three of the four can be classified correctly. Nothing was assumed about $f$ and $g$: they
# may be arbitrarily deep networks.

# %% [markdown]
# The mean cross-entropy of the four examples cannot fall below $\ln 2$ either. Let both sums equal $2m$. The loss of a true
# example, $\ln(1 + e^{-s})$, is convex, so two true examples cost at least $2 \ln(1 + e^{-m})$ (Jensen's inequality), and
# two false ones at least $2 \ln(1 + e^{m})$. Together they cost at least $4 \ln 2$, reached at $m = 0$. Training
# therefore settles at 50% for all four.

# %%
logits = predict(summed, data["test"][:2])
scores = (logits[:, 1] - logits[:, 0]).unflatten(0, (-1, 4))                    # (pairs of pages, 4): AA, BB, AB, BA
true, false = scores[:, :2].sum(dim=1), scores[:, 2:].sum(dim=1)
for i in range(3):
    print(f"true {true[i]:+.4f}   false {false[i]:+.4f}")
print(f"largest difference over {len(scores)} pairs of pages: {(true - false).abs().max():.0e}")

# %% [markdown]
# ## Why: the geometry
#
# The next plot shows red fish and blue fish, as images and as sentences. Their features after your trained linear
# layers are projected onto the plane of two directions: the mean difference of red and blue images, and that of the
# sentences. The means of the four groups of sums form a parallelogram, since the step from red images to blue ones is
# the same for both sentences. True sums lie at opposite corners, and so do false ones. Can one straight line separate
# the true sums from the false ones?

# %%
red, blue = ((train.kinds == KINDS.index("fish")) & (train.colours == COLOURS.index(colour)) for colour in ("red", "blue"))
with torch.no_grad():
    fish_images = [summed.fuse.image(image_features["train"][mask].to(device())).cpu() for mask in (red, blue)]
    fish_sentences = [summed.fuse.text(text_features["train"][mask].to(device())).cpu() for mask in (red, blue)]
show.show_sums(fish_images, fish_sentences, names=("red fish", "blue fish"))

# %% [markdown]
# The diagonals intersect. A half-plane that contains both ends of one diagonal also contains its midpoint, which is the
# midpoint of the other diagonal, and therefore at least one of its ends. A line can classify at most three of the four
# corners correctly. This is the *exclusive or* problem, which no single linear layer solves (Minsky and Papert 1969).
#
# Is the weighted sum to blame? The four clusters hardly overlap, so the sum still shows which combination it
# came from. Would a head with one **hidden layer** suffice? Predict its accuracy.

# %%
hidden_head = nn.Sequential(nn.ReLU(), nn.Linear(128, 2))
nonlinear = FusionClassifier(WeightedSum(), hidden_head)
history = fit(nonlinear, Batches(*data["train"]), valid=Batches(*data["valid"], shuffle=False), epochs=6)
print({split: round(accuracy, 3) for split, accuracy in results(nonlinear).items()})

# %% [markdown]
# One hidden layer solves the task. Neither a sum nor a linear head is a mistake; the combination of both is, wherever a
# model has to decide whether two inputs match. The combination is easy to overlook. Averaged logits, two added
# embeddings followed by a linear layer, and two added scores all have the form $f(I) + g(T)$.

# %% [markdown]
# ## More fusion methods
#
# The diagram shows five methods between the two encoders and the head; $x$ are the features of the image, $y$ those of
# the sentence. How many of the other four remain at chance level with a linear head? Predict for each.

# %%
diagrams.fusion_methods()

# %%
class Concatenation(nn.Module):
    """W [image; text] + b"""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(128 + 64, 128)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.linear(torch.cat([features["image"], features["text"]], dim=1))     # (B, 192) -> (B, 128)


class HiddenLayer(nn.Module):
    """Concatenation followed by a hidden layer."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(128 + 64, 128), nn.ReLU(), nn.Linear(128, 128))

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.layers(torch.cat([features["image"], features["text"]], dim=1))     # (B, 192) -> (B, 128)


# %% [markdown]
# The third method multiplies the projected features element by element (the Hadamard product; Kim et al. 2017).

# %%
class Product(nn.Module):
    """W1 image * W2 text, element by element."""

    def __init__(self):
        super().__init__()
        self.image, self.text = nn.Linear(128, 128), nn.Linear(64, 128)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        return self.image(features["image"]) * self.text(features["text"])              # (B, 128) * (B, 128)


# %% [markdown]
# The package has the same modules for any number of modalities. They also accept missing modalities (lesson 10): a
# learned vector, `missing_embedding`, replaces the missing features. With the same weights they compute the same
# outputs. (Both modules list their weights in the same order, so they can be copied one by one.)

# %%
sizes = {"image": 128, "text": 64}
few = {"image": data["train"][0][:5], "text": data["train"][1][:5]}
for by_hand, package in ((Concatenation(), fusion.Concatenation(sizes, 128)), (Product(), fusion.Product(sizes, 128)),
                         (HiddenLayer(), fusion.Concatenation(sizes, 128, hidden=128))):
    weights = [values for name, values in package.state_dict().items() if not name.startswith("missing_embedding")]
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), weights, strict=True)))
    print(f"{type(by_hand).__name__:13} largest difference {(by_hand(few) - package(few)).abs().max():.0e}")

# %% [markdown]
# The fourth method is a **gate**: a weighted sum with a learned weight $z$ for every feature and every example, computed
# from both modalities (Arevalo et al. 2017, who also apply tanh to both features):
#
# $$z = \sigma\!\left(W\,[F_{\text{image}};\, F_{\text{text}}] + b\right), \qquad F = z \odot F_{\text{image}} + (1 - z) \odot F_{\text{text}}$$
#
# ### Exercise 08.2: a gate  ●●○ · 10 minutes
#
# $[\cdot\,;\cdot]$ concatenates the image's features (first) and the text's. $\odot$ is `*`. Gradients must reach all
# four arguments.

# %%
def gate(image: Tensor, text: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Mix with weights computed from both.   (B, D), (B, D), W (D, 2D), b (D,) -> (B, D)"""
    ### BEGIN SOLUTION
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)       # (B, D)
    return z * image + (1 - z) * text
    ### END SOLUTION


# %%
check("08.2", gate)

# %% [markdown]
# Now train all five from the package on the same task, with the same linear head and the same number of steps. (The
# package's gate first projects both modalities to one width, and computes $z$ from the unprojected features.)

# %%
methods = {
    "weighted sum": fusion.WeightedSum(sizes, 128),
    "concatenation": fusion.Concatenation(sizes, 128),
    "hidden layer": fusion.Concatenation(sizes, 128, hidden=128),
    "product": fusion.Product(sizes, 128),
    "gate": fusion.Gate(sizes, 128),
}
fused, valid_accuracy = {}, {}
for name, fuse in methods.items():
    fused[name] = FusionClassifier(fuse)
    fit(fused[name], Batches(*data["train"]), epochs=8, verbose=False)
    valid_accuracy[name] = evaluate(fused[name], Batches(*data["valid"], shuffle=False))["accuracy"]
    print(f"{name:14} validation accuracy {valid_accuracy[name]:.3f}")

# %%
table = {name: results(model) for name, model in fused.items()}
show.compare(table, chance=0.5)
best = max(valid_accuracy, key=valid_accuracy.get)                              # selected on the validation split
print("best on the validation split:", best)
expect("08.weighted_sum", table["weighted sum"]["test"])
expect("08.best", table[best]["test"])

# %% [markdown]
# Concatenation with a linear head also stays at chance level: $W [I; T] = W_1 I + W_2 T$ is a sum again.
#
# The other three let a feature of the image **interact** with a feature of the sentence, by a product or within the same
# ReLU. In a product, more "red" in the image raises the score if the sentence contains "red", and lowers it if the
# sentence contains "blue". In a sum its effect is the same for both sentences.

# %% [markdown]
# ### Exercise 08.3: equality by a product  ●●● · 15 minutes
#
# No training this time. Let $x$ and $y$ be one-hot vectors of `n` classes ($2 \le n$): what the image shows and what the
# sentence says. Choose the weights of a product fusion with a linear head such that the score is positive where $x = y$ and
# negative elsewhere:
#
# $$s(x, y) = w \cdot (U x \odot V y) + b$$
#
# You choose the number $D$ of products. Once it works: how small can $D$ be?

# %%
def equal_by_product(n: int) -> tuple[Tensor, Tensor, Tensor, float]:
    """Weights that decide whether two one-hot vectors are equal.   -> U (D, n), V (D, n), w (D,), b"""
    ### BEGIN SOLUTION
    return torch.eye(n), torch.eye(n), torch.ones(n), -0.5
    ### END SOLUTION


# %%
check("08.3", equal_by_product)

# %% [markdown]
# ## Evaluate: held-out splits and error analysis
#
# The bar chart shows two drops in accuracy. On held-out combinations of kind and colour, the image encoder recognises
# the kind less often. On held-out phrasings the drop is larger, although the text encoder itself predicts kind and
# colour of such sentences almost perfectly. These results were stored with both encoders:

# %%
print("image encoder, held-out combinations:", shipped.card("image_encoder")["results"]["held_out_pairs"])
print("text encoder, held-out phrasings:    ", shipped.card("text_encoder")["results"]["held_out_phrasings"])

# %% [markdown]
# Held-out sentences are new in four ways: the words "tiny" and "huge", which never occur in training; "that is"; "here
# is"; and the colour at the end, after a comma. Which of these causes most errors? Are true statements rejected more
# often than false ones are accepted? Predict both.

# %%
held_out_sentences = [books["held-out phrasings"].sentences[i] for i in statement.true_or_false(books["held-out phrasings"])[1]]
is_true = data["held-out phrasings"][2] == 1


def error_rates(model: nn.Module, inputs: tuple[Tensor, Tensor]) -> dict[str, float]:
    """The fraction of errors, by what is new in the sentence.   inputs: image features, sentence features"""
    wrong = predict(model, inputs).argmax(dim=1) != is_true
    new_size_word = torch.tensor(["tiny" in sentence or "huge" in sentence for sentence in held_out_sentences])
    groups = {"'tiny' or 'huge'": new_size_word}
    for name in ("that is", "here is", ","):
        groups[f"'{name}'"] = torch.tensor([name in sentence for sentence in held_out_sentences]) & ~new_size_word
    groups |= {"all true statements": is_true, "all false statements": ~is_true}
    return {name: wrong[members].float().mean().item() for name, members in groups.items()}


for name, rate in error_rates(fused[best], data["held-out phrasings"][:2]).items():
    print(f"{name:22} {rate:.0%} errors")

# %% [markdown]
# Sentences with "tiny" or "huge" have by far the most errors: the text encoder was never trained on these words. "that
# is" costs some accuracy, the other two changes almost nothing. The errors are one-sided: true statements are rejected
# far more often than false ones are accepted, probably because unfamiliar features do not match anything. The most
# confident mistakes:

# %%
p_false = predict(fused[best], data["held-out phrasings"][:2]).softmax(dim=1)[:, 0]
worst = torch.where(is_true, p_false, 1 - p_false).argsort(descending=True)[:8].tolist()
pages = statement.true_or_false(books["held-out phrasings"])[0]
show.show_pages(torch.stack([books["held-out phrasings"].image(int(pages[i]), 128) for i in worst]), rows=2, columns=4,
                sentences=[held_out_sentences[i] for i in worst], titles=[f"is {'true' if is_true[i] else 'false'}" for i in worst])

# %% [markdown]
# ## Early, intermediate and late fusion
#
# *Where* in a network the modalities are combined has a name. (Baltrušaitis, Ahuja and Morency 2019 define early, late and
# hybrid fusion; "intermediate" is common for the fusion of learned features.)
#
# | | what is combined | what it can express | what it needs |
# |---|---|---|---|
# | **early** | raw inputs, or the first features of each | any function | many paired examples; inputs whose shapes fit |
# | **intermediate** | feature vectors, as above | any function of the features, given a nonlinear network after the fusion | paired examples |
# | **late** | decisions: one classifier per modality | depends on the combiner | separately trained classifiers |

# %%
diagrams.fusion_stages()

# %% [markdown]
# The usual late fusion **averages** scores. It cannot solve the matching task, since an average of scores has the form
# $f(I) + g(T)$. Other combiners can. If one classifier predicts kind, colour and size from the image and another
# predicts them from the sentence, the logical rule "all three are equal" solves the matching task, and so can a learned
# combiner of both decisions. You will see such a rule win on real data below.

# %% [markdown]
# ## A second task: name the object
#
# A page shows an object, and a voice says its name. On 40% of the pages the image is corrupted, on another 40% the word is
# buried in noise, never both. Look and listen.

# %%
corrupted = {"train": corrupted_pages.CorruptedPages(train), "test": corrupted_pages.CorruptedPages(test),
             "held-out voices": corrupted_pages.CorruptedPages(PictureBook("held_out_voices", pages=1_000))}
test_pages = corrupted["test"]
state = ["corrupted image" if bad else "noisy word" if noisy else "both clean"
         for bad, noisy in zip(test_pages.corrupted, test_pages.noisy, strict=True)]
four = [state.index("both clean"), state.index("corrupted image"), state.index("noisy word"), state.index("noisy word", 30)]
show.show_images(test_pages.images[four], titles=[state[i] for i in four], columns=4, size=150)
show.play_many([test_pages.sound(i) for i in four], columns=4, titles=["which object?"] * 4,
               words=[f"'{KINDS[test_pages.labels[i]]}', {state[i]}" for i in four])

# %%
sound_encoder = shipped.load("sound_encoder")


@torch.no_grad()
def sound_features(pages: corrupted_pages.CorruptedPages) -> Tensor:
    """The features of every spoken word.   -> (N, 128)"""
    return torch.cat([sound_encoder.features(sounds.to(device())).cpu() for sounds in pages.batches()])


encoded_images = standardised({split: predict(image_encoder, pages.images) for split, pages in corrupted.items()})
encoded_sounds = standardised({split: sound_features(pages) for split, pages in corrupted.items()})
object_data = {split: (encoded_images[split], encoded_sounds[split], pages.labels) for split, pages in corrupted.items()}

# %% [markdown]
# First each modality alone: two linear classifiers of 14 kinds, each trained with its own loss. Late fusion then needs no
# further training. It averages the two predicted probabilities:
#
# $$p(k) = \tfrac{1}{2}\left(p_{\text{image}}(k) + p_{\text{sound}}(k)\right)$$
#
# A cross-entropy needs $\ln p(k)$. Computed naively, it is $-\infty$ where both probabilities round to zero.
#
# ### Exercise 08.4: late fusion without overflow  ●●○ · 10 minutes
#
# Return $\ln p(k)$, finite for logits of any size, also where two examples of a batch differ widely. Gradients must
# reach both. (`torch.logsumexp` computes $\ln \sum e^{x}$ safely.)

# %%
def late_fusion(logits_image: Tensor, logits_sound: Tensor) -> Tensor:
    """The logarithm of the mean of both probabilities.   (B, K), (B, K) -> (B, K)"""
    ### BEGIN SOLUTION
    both = torch.stack([logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)])      # (2, B, K)
    return both.logsumexp(dim=0) - torch.log(torch.tensor(2.0))
    ### END SOLUTION


# %%
check("08.4", late_fusion)

# %%
def train_classifiers(chosen: Tensor, epochs: int = 6) -> list[nn.Module]:
    """A linear classifier of images and one of sounds, trained separately on the chosen training pages."""
    models = [nn.Linear(128, len(KINDS)), nn.Linear(128, len(KINDS))]
    for model, features in zip(models, object_data["train"][:2], strict=True):
        fit(model, Batches(features[chosen], object_data["train"][2][chosen]), epochs=epochs, verbose=False)
    return models


def late(models: list[nn.Module], split: str, of: str = "probabilities") -> Tensor:
    """The logits of late fusion.   -> (N, 14)"""
    logits = {name: predict(model, features)
              for name, model, features in zip(("image", "sound"), models, object_data[split][:2], strict=True)}
    return fusion.LateFusion(("image", "sound"), of=of)(logits)


def accuracy(logits: Tensor, split: str) -> float:
    return (logits.argmax(dim=1) == object_data[split][2]).float().mean().item()


# %%
every_page = torch.arange(len(corrupted["train"]))
single = train_classifiers(every_page)
splits = ("test", "held-out voices")
table = {"image alone": {split: accuracy(predict(single[0], object_data[split][0]), split) for split in splits},
         "word alone": {split: accuracy(predict(single[1], object_data[split][1]), split) for split in splits},
         "late fusion": {split: accuracy(late(single, split), split) for split in splits}}
show.compare(table, chance=1 / len(KINDS))
expect("08.late", table["late fusion"]["test"])

# %% [markdown]
# A single modality reaches 60 to 75%, late fusion over 95%. Two classifiers that often err combine into one that rarely
# does, for two reasons. They err on *different* pages, and each is **uncertain where it errs**, because corrupted pages
# were part of its training data. The mean probability of its first choice shows this:

# %%
def print_confidence(models: list[nn.Module]) -> None:
    """The mean probability of each classifier's first choice, on clean and on corrupted inputs."""
    for name, model, features, bad in (("image", models[0], object_data["test"][0], test_pages.corrupted),
                                       ("word", models[1], object_data["test"][1], test_pages.noisy)):
        confidence = predict(model, features).softmax(dim=1).amax(dim=1)
        print(f"{name:6} clean {confidence[~bad].mean():.2f}   corrupted {confidence[bad].mean():.2f}")


print_confidence(single)

# %% [markdown]
# A nearly uniform prediction has little influence on an average. A classifier that is confident and wrong would do more
# harm. Guo et al. (2017) measure how far confidence and accuracy differ in modern networks, and reduce the difference
# (*calibration*).

# %% [markdown]
# ## Trained on clean pages only
#
# Fusing features reaches a similar accuracy here, as a stored table will show. Suppose, however, that only the clean
# fifth of the pages is available for training, and inputs are corrupted only in use. Which methods still work: averaged
# probabilities, averaged logits, a weighted sum, a concatenation, a gate, a product? Rank the six first.

# %%
clean = (~(corrupted["train"].corrupted | corrupted["train"].noisy)).nonzero()[:, 0]
clean_pair = train_classifiers(clean, epochs=30)
on_corrupted = {"late: probabilities": accuracy(late(clean_pair, "test"), "test"),
                "late: logits": accuracy(late(clean_pair, "test", of="logits"), "test")}


class ObjectClassifier(nn.Module):
    """Fuse image and sound, then a linear head.   (B, 128), (B, 128) -> logits (B, 14)"""

    def __init__(self, fuse: nn.Module):
        super().__init__()
        self.fuse, self.head = fuse, nn.Linear(64, len(KINDS))

    def forward(self, image: Tensor, sound: Tensor) -> Tensor:
        return self.head(self.fuse({"image": image, "sound": sound}))


# %%
for name, fusion_class in {"weighted sum": fusion.WeightedSum, "concatenation": fusion.Concatenation,
                           "gate": fusion.Gate, "product": fusion.Product}.items():
    model = ObjectClassifier(fusion_class({"image": 128, "sound": 128}, 64))
    fit(model, Batches(*(part[clean] for part in object_data["train"])), epochs=30, verbose=False)
    if name == "weighted sum":
        clean_weighted_sum = model
    on_corrupted[name] = evaluate(model, Batches(*object_data["test"], size=512, shuffle=False))["accuracy"]
show.compare({name: {"test, 80% of pages corrupted": value} for name, value in on_corrupted.items()}, chance=1 / len(KINDS))
expect("08.late_from_clean", on_corrupted["late: probabilities"])

# %% [markdown]
# Late fusion loses almost nothing. Is that because its classifiers recognise corrupted inputs? These two were never
# trained on any. On which pages do the fused features fail: with corrupted images or with noisy words?

# %%
print_confidence(clean_pair)
correct = predict(clean_weighted_sum, object_data["test"][:2]).argmax(dim=1) == object_data["test"][2]
print(f"weighted sum, accuracy: image corrupted {correct[test_pages.corrupted].float().mean():.2f}, "
      f"word noisy {correct[test_pages.noisy].float().mean():.2f}")

# %% [markdown]
# On corrupted images the image classifier is overconfident: its mean confidence is above 50%, although almost nothing
# can be recognised. Averaging works for two other reasons. A probability is at most 1, which bounds the influence of
# one classifier; and the classifier of words, trained to be correct on its own, is more confident on clean words.

# %% [markdown]
# Fused features were trained to be correct *together*. The weighted sum relied on the easier modality, the word, and
# was never required to classify from the image alone. The product suffers most, since one wrong factor corrupts the
# result. A gate could learn to close, but only if training shows it corrupted inputs.
#
# Averaged probabilities beat averaged logits. Averaging logits amounts to multiplying probabilities, so one confident
# "no" acts as a veto. Kittler et al. (1998) compared both rules and found the sum less sensitive to errors in the
# probabilities.

# %%
show.show_stored_table("08_corrupted")

# %% [markdown]
# The table (five seeds) confirms the ranking for linear heads. "Small network" is the method called hidden layer above;
# "by confidence" gives the more confident classifier more weight.
#
# Which fusion is best depends on the task. Where the modalities must be **compared**, you need an interaction. Where
# either modality **suffices**, classify each separately and average. To find out which task you have: train each
# modality alone, average their decisions, and also train one model on fused features. If that model is much better, the
# task requires an interaction.

# %% [markdown]
# ## Play: the parallelogram
#
# Red and blue fish again. Move $\alpha$ from the sentences to the images, and watch the parallelogram degenerate to a line at
# both ends. Rotate and move the separating line, or let it be placed optimally. Then switch to the product.

# %%
show.fusion_explorer(fish_images, fish_sentences, names=("red fish", "blue fish"))

# %% [markdown]
# ## Debugging exercise
#
# A colleague wants to use the image's *positions* and the *order* of the words. The model fuses feature maps
# `(B, 128, 4, 4)` with the output of a recurrent network. It runs, all shapes fit, and its head has a hidden layer. Yet
# its accuracy stays near chance level.

# %%
class Buggy(nn.Module):
    """Is the statement true?   feature maps (B, C, 4, 4), tokens (B, T) with 0 as padding -> logits (B, 2)"""

    def __init__(self, channels: int, vocabulary_size: int, width: int = 64):
        super().__init__()
        self.convolution = nn.Conv2d(channels, 32, kernel_size=3, padding=1)
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.head = nn.Sequential(nn.Linear(32 + width, 128), nn.ReLU(), nn.Linear(128, 2))

    def encode_text(self, tokens: Tensor) -> Tensor:
        text_features = self.embedding(tokens)                                  # (B, T, D)
        return text_features[:, -1]                                             # (B, D)
        states = self.recurrent(text_features)[0]
        return pooling.last_states(states, lengths(tokens))

    def encode_image(self, maps: Tensor) -> Tensor:
        encoded = F.relu(self.convolution(maps))                                # (B, 32, 4, 4)
        return encoded[:, :, 0, 0]                                              # (B, 32), so that the shapes fit

    def forward(self, maps: Tensor, tokens: Tensor) -> Tensor:
        return self.head(torch.cat([self.encode_image(maps), self.encode_text(tokens)], dim=1))


# %%
maps = {split: predict(image_encoder.blocks, books[split].images - 0.5).to(device()) for split in ("train", "test")}


def maps_and_tokens(split: str, **options) -> Batches:
    """Batches of feature maps (B, 128, 4, 4), looked up page by page, tokens and labels."""
    image_index, sentence_index, truth = statement.true_or_false(books[split])
    return Batches(image_index, books[split].tokens[sentence_index], truth, transform=lambda pages: maps[split][pages], **options)


buggy = Buggy(128, len(VOCABULARY))
fit(buggy, maps_and_tokens("train"), epochs=2)
print(f"the buggy model: {evaluate(buggy, maps_and_tokens('test', shuffle=False))['accuracy']:.2f}")

# %% [markdown]
# How do you find such a bug in a thousand lines? Shapes do not reveal it: they are as intended. **Test each branch**:
# which parameters receive a gradient, and which inputs change the loss?

# %%
encoded, tokens, truth = next(iter(maps_and_tokens("train")))
encoded = encoded.requires_grad_()
buggy.zero_grad()
F.cross_entropy(buggy(encoded, tokens), truth).backward()
print("without a gradient:", [name for name, weights in buggy.named_parameters() if weights.grad is None])
print("gradient with respect to each position of the maps:\n", encoded.grad.abs().sum(dim=(0, 1)).cpu().numpy().round(3))

# %% [markdown]
# ### Exercise 08.debug: fix the model  ●●○ · 15 minutes
#
# The order of the words must matter, padding must not, and every position of all 32 maps must be used. You may flatten the
# maps (then `head` has to expect more features), or take the maximum or the mean over positions, as in lesson 01.

# %%
class Fixed(Buggy):
    """The same model, using all of its inputs."""

    def encode_text(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, D)"""
        ### BEGIN SOLUTION
        states = self.recurrent(self.embedding(tokens))[0]                      # (B, T, D)
        return pooling.last_states(states, lengths(tokens))
        ### END SOLUTION

    def encode_image(self, maps: Tensor) -> Tensor:
        """(B, C, 4, 4) -> (B, 32)"""
        ### BEGIN SOLUTION
        return F.relu(self.convolution(maps)).amax(dim=(2, 3))
        ### END SOLUTION


# %%
check("08.debug", Fixed)

# %%
try:
    fixed = Fixed(128, len(VOCABULARY))
    fit(fixed, maps_and_tokens("train"), epochs=4)
    print(f"the fixed model: {evaluate(fixed, maps_and_tokens('test', shuffle=False))['accuracy']:.2f}")
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# Our solution reaches about 85%. Its GRU starts from random weights, while the shipped text encoder was pretrained on
# 24,000 sentences, which probably explains much of the difference from the models above.

# %% [markdown]
# ## On real data: the same digit?
#
# The data are handwritten digits (MNIST) and spoken ones (the Free Spoken Digit Dataset). Do an image and a recording
# contain the same digit? Examples come in fours again, and each image and each recording occurs equally often with both
# labels. Two of six speakers are held out, three times; test images come from the test split.
#
# Nobody wrote and spoke these digits together: they are paired **by label**. The task therefore tests only shared
# meaning. First, an image encoder trained on 12,000 digits.

# %%
rows = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
recordings = real.load_or_explain("free_spoken_digits", "train")
have_data = all((*rows.values(), recordings))
if have_data:
    written = {split: real.images(part.shuffle(seed=0).select(range(examples(most))))
               for (split, part), most in zip(rows.items(), (12_000, 5_000), strict=True)}
    waveforms = [audio.same_loudness(real.sound(row)[0]) for row in recordings]
    spoken = audio.collate(waveforms, samples=6_000)                                                    # (2700, 6000)
    digits, speakers = torch.tensor(recordings["label"]), recordings["speaker"]
    digit_classifier = cnn.ImageClassifier(10, in_channels=1)
    shifted = Batches(*written["train"], size=128, transform=lambda images: augment.shift(images, pixels=2))
    fit(digit_classifier, shifted, epochs=3, lr=1e-2)
    digit_features = standardised({split: predict(digit_classifier.encoder, images) for split, (images, _) in written.items()})

# %% [markdown]
# Then, for each pair of held-out speakers, a network trained on the digits of the other four, and its features.

# %%
def classifier_without(held: list[str]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Train without the held-out speakers.

    Returns which recordings are held out (2700,), predicted digits (2700,), features of both groups (., 128).
    """
    held_out = torch.tensor([speaker in held for speaker in speakers])
    log_mel = audio.LogMel(rate=8_000).fit(spoken[~held_out][::5])
    mels = torch.cat([log_mel(part) for part in spoken.split(300)])                                     # (2700, 40, 76)
    classifier = speech.SpeechClassifier(10)
    batches = Batches(mels[~held_out], digits[~held_out],
                      transform=lambda batch: augment.spec_augment(augment.shift_bands(batch)))
    fit(classifier, batches, epochs=6, lr=5e-3, verbose=False)
    features = predict(classifier.encoder, mels)                                                        # (2700, 128)
    predicted = predict(classifier, mels).argmax(dim=1)
    return held_out, predicted, standardised({"train": features[~held_out], "test": features[held_out]})


# %% [markdown]
# Train a weighted sum and a product on the features of both. (`FusionClassifier` calls its second input `text`; here
# it is the sound.) For comparison, use late fusion by a logical rule, without any further training: each classifier
# predicts its digit, and the rule compares the predictions. Which of the three will win?

# %%
if have_data:
    speaker_names, accuracies = sorted(set(speakers)), {"weighted sum": [], "product": [], "compare predicted digits": []}
    image_predictions = predict(digit_classifier, written["test"][0]).argmax(dim=1)
    for held in (speaker_names[:2], speaker_names[2:4], speaker_names[4:]):
        held_out, sound_predictions, speech_features = classifier_without(held)
        pairs = [matching.same_or_not(written["train"][1], digits[~held_out], seed) for seed in range(4)]  # 4 sets of pairs
        i, j, same = (torch.cat(part) for part in zip(*pairs, strict=True))
        a, b, truth = matching.same_or_not(written["test"][1], digits[held_out])
        for name, fusion_class in (("weighted sum", fusion.WeightedSum), ("product", fusion.Product)):
            model = FusionClassifier(fusion_class({"image": 96, "text": 128}, 128))                     # "text": the sound
            fit(model, Batches(digit_features["train"][i], speech_features["train"][j], same), epochs=4, verbose=False)
            test_batches = Batches(digit_features["test"][a], speech_features["test"][b], truth, size=512, shuffle=False)
            accuracies[name].append(evaluate(model, test_batches)["accuracy"])
        correct = (image_predictions[a] == sound_predictions[held_out][b]) == truth
        accuracies["compare predicted digits"].append(correct.float().mean().item())
    show.bar_with_range(accuracies, chance=0.5)
    expect("08.same_digit", sum(accuracies["product"]) / 3)

# %% [markdown]
# The weighted sum is at chance level on real data too. The product generalises to new speakers. The logical rule, a
# late fusion, is best on average: its classifiers were trained with the digits as labels, whereas the product has to
# learn from "same" or "different" which of their features match. The black lines range from the worst pair of speakers
# to the best.
#
# Where you have class labels and know what "matching" means, use them. Where you do not (does this caption fit this
# photograph?), learn to match; lesson 11 does.

# %% [markdown]
# **Where these methods are used: joint classification of image and text.** A harmless image and a harmless caption can
# form a hateful meme together. Kiela et al. (2020) built part of their benchmark as done here, with *benign
# confounders*: replace the image or the text, and the meme becomes harmless. A shop that classifies goods by photograph
# and description is an example of the second task, since one of the two usually suffices.
#
# What this synthetic task leaves out: real sentences can be neither true nor false of an image, encoders are large and
# fine-tuned, and real corruption is seldom uniform noise.

# %%
quiz("08")

# %% [markdown]
# ## Open-ended questions
#
# 1. `fusion.Concatenation` with a linear head cannot solve the matching task. Can it after you append the products of
#    all pairs of features as further inputs? How many weights does that need, and how does `Product` avoid them?
# 2. Train the matching task with 20% wrong labels. Which fusion methods suffer most? Write down your prediction, then run it.
# 3. You have three modalities, each often missing. Which of the methods above would you try first, and how would you
#    measure whether it uses all three?

# %% [markdown]
# ## Summary
#
# - In a balanced task each modality alone is at chance level by construction. Always measure each modality alone.
# - A weighted sum, or a concatenation, with a linear head computes $f(I) + g(T)$ and cannot decide whether two inputs
#   match.
# - A hidden layer, a product or a gate lets features interact; with one of them accuracy reaches 96 to 99%.
# - Averaged decisions cannot solve a matching task, but tolerate a corrupted modality; a rule that compares decisions
#   solves it.
# - Gradients and changed inputs reveal a branch that ignores its input.
#
# Next: [09 Attention across modalities](09_cross_attention.ipynb), where a word attends to positions of the image before
# everything is pooled into one vector.

# %% [markdown]
# ## Going further
#
# ### One scale per modality, or one per feature?
#
# `standardised` divides all features of a modality by one number. The usual recipe scales each feature to a standard
# deviation of 1. What would that change on held-out phrasings?

# %%
mean, std = raw_text_features["train"].mean(dim=0), raw_text_features["train"].std(dim=0)
print(f"standard deviation of the text features: median {std.median():.2f}, smallest {std.min():.3f}")
per_feature = {split: (features - mean) / (std + 1e-3) for split, features in raw_text_features.items()}
that_is = torch.tensor(["that is" in sentence for sentence in books["held-out phrasings"].sentences])
print(f"mean norm of a feature vector: training {per_feature['train'].norm(dim=1).mean():.0f}, "
      f"sentences with 'that is' {per_feature['held-out phrasings'][that_is].norm(dim=1).mean():.0f}")

# %%
rescaled = {split: (data[split][0], per_feature[split][statement.true_or_false(book)[1]], data[split][2])
            for split, book in books.items()}
per_feature_model = FusionClassifier(fusion.Concatenation(sizes, 128, hidden=128))
fit(per_feature_model, Batches(*rescaled["train"]), epochs=8, verbose=False)
print(f"test accuracy {evaluate(per_feature_model, Batches(*rescaled['test'], shuffle=False))['accuracy']:.3f}")
for name, rate in error_rates(per_feature_model, rescaled["held-out phrasings"][:2]).items():
    print(f"{name:22} {rate:.0%} errors")

# %% [markdown]
# The test accuracy hardly changes, but sentences with "that is" fail more often. A few features hardly vary over the
# training sentences. Dividing by their small standard deviation amplifies them, so a new phrasing that changes them
# dominates the vector. Check the encoders' outputs before you fuse them.

# %% [markdown]
# ### All fusion methods over five seeds
#
# One run with one seed is weak evidence. The script `benchmarks/fusion.py` trained every fusion method of the package
# with five seeds, with a linear head and with a hidden layer in the head.

# %%
show.show_stored_table("08_statement")

# %% [markdown]
# With a linear head, everything that is a sum stays at chance level, averaging late fusion included. *Low-rank fusion* (Liu
# et al. 2018) sums several products; *FiLM* (Perez et al. 2018) scales and shifts the image's features depending on the
# sentence. *Attention* over only two vectors is close to a weighted sum, and gains only 15 points over chance level.
#
# With a hidden layer in the head, all methods that fuse features reach about 99% on test pages and differ by about five
# points on held-out combinations. The choice then depends on cost and on missing inputs.

# %% [markdown]
# The rows named *tokens* fuse before pooling: positions of the image with words of the sentence. They are the subject of
# lesson 09. On this task they are worse, at many times the cost: with one object on a page, pooling loses nothing
# that the task needs.

# %% [markdown]
# **References.** Baltrušaitis, Ahuja, Morency 2019, *Multimodal machine learning: a survey and taxonomy*,
# [arXiv:1705.09406](https://arxiv.org/abs/1705.09406): early, late and hybrid fusion. Arevalo et al. 2017, *Gated
# multimodal units for information fusion*, [arXiv:1702.01992](https://arxiv.org/abs/1702.01992). Kim et al. 2017,
# *Hadamard product for low-rank bilinear pooling*, [arXiv:1610.04325](https://arxiv.org/abs/1610.04325). Liu et al.
# 2018, *Efficient low-rank multimodal fusion with modality-specific factors*,
# [arXiv:1806.00064](https://arxiv.org/abs/1806.00064). Perez et al. 2018, *FiLM: visual reasoning with a general
# conditioning layer*, [arXiv:1709.07871](https://arxiv.org/abs/1709.07871). Kittler, Hatef, Duin, Matas 1998, *On
# combining classifiers*, [doi:10.1109/34.667881](https://doi.org/10.1109/34.667881). Guo, Pleiss, Sun, Weinberger 2017,
# *On calibration of modern neural networks*, [arXiv:1706.04599](https://arxiv.org/abs/1706.04599). Minsky, Papert 1969,
# *Perceptrons*, MIT Press. Goyal et al. 2017, *Making the V in VQA matter*,
# [arXiv:1612.00837](https://arxiv.org/abs/1612.00837). Kiela et al. 2020, *The hateful memes challenge*,
# [arXiv:2005.04790](https://arxiv.org/abs/2005.04790). LeCun, Bottou, Bengio, Haffner 1998, *Gradient-based learning
# applied to document recognition*, [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791): MNIST. Jackson et al.
# 2018, *Free spoken digit dataset*, [doi:10.5281/zenodo.1342401](https://doi.org/10.5281/zenodo.1342401).
