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
# # 11 · A shared space
#
# **You will train three networks that map images, sentences and voices with the same meaning to nearby vectors. A
# spoken sentence then finds its image among 200 in about 75% of cases, although no image was ever paired with a
# sound.**
#
# Runs in 4 to 8 minutes · takes 100 minutes to work through · before this: [01 Images](01_images.ipynb),
# [02 Text](02_text.ipynb), [03 Sound](03_sound.ipynb), [08 Fusing features](08_fusion.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. implement the symmetric contrastive loss (InfoNCE), and state its value before anything is learned;
# 2. explain what the temperature does, and what happens without it;
# 3. evaluate retrieval: ranks, recall at k, and why ties matter;
# 4. align two modalities that were never paired, through a third;
# 5. classify images by sentences (zero-shot classification).

# %%
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, examples, expect, fit, hint, predict, quiz, retrieval, show
from mmcourse.data import audio, augment, batches, read_aloud, real, spoken, spoken_pages
from mmcourse.data.text import pad
from mmcourse.models import cnn, contrastive, pooling, towers
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, Scene
from mmcourse.picturebook.sentence import VOCABULARY, encode, facts_of, split_words, with_article
from mmcourse.show import diagrams
from mmcourse.tasks import matching, meaning
from mmcourse.training import shipped

begin("11")

# %% [markdown]
# ## Look and listen
#
# Each page has two objects, an image, a sentence, and a voice that reads it aloud.

# %%
train = PictureBook("train", pages=12_000, objects=2)
test = PictureBook("test", pages=240, objects=2)
show.show_pages(test, rows=1, columns=4, sentences=test.sentences)
show.play_many([test.sound(i) for i in range(4)], titles=[f"page {i + 1}" for i in range(4)], columns=4)

# %% [markdown]
# The task is **cross-modal retrieval**: given one of the voices and 200 images, find the image that is described. A
# classifier with one class per meaning would not work: a page with two objects can have more than 30,000 different
# meanings, and most occur at most once in training. What is needed is a *distance* that is small where image and voice
# have the same meaning.
#
# The 200 test pages all differ in meaning, so each query has one correct answer. Guessing is correct in 0.5% of cases, and
# the correct item then has rank 100 on average.

# %% [markdown]
# ## Baseline
#
# A simple baseline for images and sentences: predict the word counts of a page's sentence from its downsampled pixels
# by least squares; then compare predicted with true word counts.

# %%
chosen = meaning.of_distinct_meaning(test, 200)


def downsampled(images: Tensor) -> Tensor:
    """Images as rows of numbers.   (N, 3, 48, 48) -> (N, 433)"""
    return F.pad(F.avg_pool2d(images, 4).flatten(1), (0, 1), value=1.0)        # the last column, all 1, gives the bias


def word_counts(tokens: Tensor) -> Tensor:
    """How often each word occurs in each sentence.   (N, T) -> (N, V)"""
    counts = torch.zeros(len(tokens), len(VOCABULARY))
    return counts.scatter_add_(1, tokens, torch.ones_like(tokens, dtype=torch.float32))[:, 1:]     # without padding


weights = torch.linalg.lstsq(downsampled(train.images), word_counts(train.tokens)).solution
mean_counts = word_counts(train.tokens).mean(dim=0)
predicted = downsampled(test.images[chosen]) @ weights - mean_counts
baseline = retrieval.ranks(predicted, word_counts(test.tokens[chosen]) - mean_counts)
print(f"rank 1: {retrieval.recall_at(baseline, 1):.1%}, rank 1 to 5: {retrieval.recall_at(baseline, 5):.1%}, "
      f"median rank {retrieval.median_rank(baseline):.0f} of 200")
train_images = train.images.half()                                            # half precision, half the memory
del train.images

# %% [markdown]
# About 10% are found at rank 1, twenty times the chance level: 12 × 12 pixels are informative already. This is the
# result to improve on.
#
# ## Vectors and their similarity
#
# Each modality gets an encoder of its own, a **tower**, whose output is a vector; all towers have the same number of
# output features, $D$. The whole is a *two-tower* or *dual-encoder* model.

# %%
diagrams.two_towers()

# %% [markdown]
# How similar are two vectors? Their dot product grows with their norms, which carry no meaning here. Therefore each is
# divided by its norm first. The dot product of unit vectors is the **cosine** of the angle between them: 1 for the same
# direction, 0 for orthogonal ones, -1 for opposite ones.

# %% tags=["nbval-check-output"]
a, b = torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0])                     # both have norm 5
by_hand = (a / 5) @ (b / 5)                                                    # (0.6 * 0.8) + (0.8 * 0.6)
print(f"by hand {by_hand:.2f}   PyTorch {F.cosine_similarity(a, b, dim=0):.2f}")

# %% [markdown]
# ### Exercise 11.1: all cosine similarities  ●○○ · 5 minutes
#
# Retrieval needs the cosine of every query with every candidate: a matrix.

# %%
def similarities(one: Tensor, other: Tensor) -> Tensor:
    """The cosine of every row of one with every row of the other.   (A, D), (B, D) -> (A, B)"""
    ### BEGIN SOLUTION
    return (one / one.norm(dim=1, keepdim=True)) @ (other / other.norm(dim=1, keepdim=True)).T
    ### END SOLUTION


# %%
check("11.1", similarities)

# %% [markdown]
# ## The contrastive loss
#
# How do towers learn that an image and its sentence belong together? Take a batch of $B$ pages and the matrix of cosines
# $c_{ij}$ between image $i$ and sentence $j$. The true pairs, the **positives**, are on the diagonal; all other entries are
# **negatives**. Row $i$ is a classification problem: *which of the $B$ sentences belongs to image $i$?* Its logits are
# the cosines. Column $i$ is the same problem for sentence $i$.

# %%
diagrams.contrastive_matrix()

# %% [markdown]
# The loss averages both cross-entropies (symmetric InfoNCE; Radford et al. 2021 trained CLIP with it on 400 million
# pairs; the rows alone, one positive among many negatives, are InfoNCE, van den Oord et al. 2018):
#
# $$L = -\frac{1}{2B}\sum_{i=1}^{B}\left(\log\frac{e^{s\,c_{ii}}}{\sum_j e^{s\,c_{ij}}} +
# \log\frac{e^{s\,c_{ii}}}{\sum_j e^{s\,c_{ji}}}\right)$$
#
# With the unit vectors $u_i$ of the images and $v_j$ of the sentences, $c_{ij} = u_i \cdot v_j$. The factor $s$ is a
# **scale**, and $\tau = 1 / s$ is called the **temperature**. No label says what a fish is. The towers only have to
# distinguish each page from its negatives.

# %% [markdown]
# By hand, for three pages at scale 2. The second vector is orthogonal to the others, the first and third are opposite.
# The matrix is symmetric, so columns have the same loss as rows, and row 3 has that of row 1.

# %% tags=["nbval-check-output"]
vectors = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
cosines = vectors @ vectors.T                                                 # 1 on the diagonal, 0, and -1 in the corners
positive = torch.exp(torch.tensor(2.0))                                       # cosine 0 gives 1, cosine -1 gives 1 / positive
row_1, row_2 = -torch.log(positive / (positive + 1 + 1 / positive)), -torch.log(positive / (positive + 2))
print(cosines.tolist())
print(f"by hand {(2 * row_1 + row_2) / 3:.4f}   package {contrastive.contrastive_loss(vectors, vectors, scale=2.0):.4f}")

# %% [markdown]
# ### Exercise 11.2: the contrastive loss  ●●○ · 15 minutes
#
# Compute it from a matrix of cosines. Which PyTorch loss takes logits and the index of the correct class? Gradients
# reach `cosines`.

# %%
def symmetric_info_nce(cosines: Tensor, scale: float) -> Tensor:
    """The mean cross-entropy of rows and columns, positives on the diagonal.   (B, B) -> scalar"""
    ### BEGIN SOLUTION
    targets = torch.arange(len(cosines), device=cosines.device)
    return (F.cross_entropy(scale * cosines, targets) + F.cross_entropy(scale * cosines.T, targets)) / 2
    ### END SOLUTION


# %%
check("11.2", symmetric_info_nce)

# %% [markdown]
# ## Its value before training
#
# Take random vectors of 256 numbers, in batches of three sizes, at scale 1. What will the loss be? Recall the
# cross-entropy of a uniform prediction over 14 classes.

# %%
for B in (16, 128, 1024):
    loss = contrastive.contrastive_loss(torch.randn(B, 256), torch.randn(B, 256), scale=1.0)
    print(f"batch {B:4d}   loss {loss:.2f}   ln(batch) {torch.tensor(float(B)).log():.2f}")

# %% [markdown]
# **Without any knowledge the loss is about ln(B).** Compare your losses with this number: where the loss stays there,
# the model is not learning, although a flat curve at 4.85 may look like convergence. Two consequences follow. Losses for
# different batch sizes are not comparable, and a larger batch is a harder task.
#
# Now the other extreme. Suppose the towers are perfect: every positive has cosine 1, all negatives have -1. How small is the
# loss at scale 1? Predict it.

# %%
def lower_bound(scale: Tensor, batch: int) -> Tensor:
    """The loss where positives have cosine 1 and negatives -1."""
    return torch.log(1 + (batch - 1) * torch.exp(-2 * scale))


scales = torch.tensor([1.0, 2, 4, 8, 16, 32, 64])
show.plot_panels({"lower bound of the loss": {f"batch {B}": lower_bound(scales, B) for B in (16, 128, 1024)}},
                 x=scales, xlabel="scale", ylabel="loss")
print(f"at scale 1, batch 128: {lower_bound(torch.tensor(1.0), 128):.2f}; ln(128) = {torch.tensor(128.0).log():.2f}")

# %% [markdown]
# (The bound is not attained: three vectors cannot be pairwise opposite.) Cosines lie between -1 and 1, so at scale 1
# the softmax can never be confident, and even perfect towers have a loss of at least 2.9. A scale stretches the cosines
# to useful logits. If it is too small, all negatives count nearly alike; if too large, only the most similar one
# matters. CLIP learns the scale, stored as its logarithm so that it stays positive, and limits it to 100.

# %% [markdown]
# ## Several positives
#
# What if two pages of a batch have the same meaning? Each would be a negative of the other's sentence, which describes it
# correctly: a false negative. With two objects that is rare. With one object there are only 140 meanings in training (70
# combinations of kind and colour, two sizes). What fraction of a batch of 128 has a duplicate?

# %%
single = PictureBook("train", pages=5_000, objects=1, size=48)
for name, book in (("two objects", train), ("one object", single)):
    batch_meanings = meaning.meanings(book)[:128]
    same = batch_meanings[:, None] == batch_meanings[None]
    print(f"{name}: {(same.sum(dim=1) > 1).float().mean():.0%} of 128 pages have a duplicate")

# %% [markdown]
# Therefore all pages with the same meaning count as positives, with equal target probabilities (Khosla et al. 2020, who
# use class labels, call this supervised contrastive learning). The lowest possible loss rises: a row with $n$ positives
# can give each only $1/n$, which costs at least $\ln n$.
#
# ### Exercise 11.3: target probabilities  ●○○ · 5 minutes
#
# `meanings` are integers, equal where pages have the same meaning. Each row of the result sums to 1.

# %%
def target_probabilities(meanings: Tensor) -> Tensor:
    """The target probability of every example in every row.   (B,) -> (B, B)"""
    ### BEGIN SOLUTION
    same = (meanings[:, None] == meanings[None]).float()
    return same / same.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %%
check("11.3", target_probabilities)

# %% [markdown]
# `F.cross_entropy` accepts such a matrix instead of class indices. The package's `contrastive_loss` uses it when it is
# given meanings.
#
# ## The towers
#
# The image tower uses lesson 01's convolutions. Since positions matter here, its head flattens the feature maps of all
# positions, after a 1 × 1 convolution to few channels. The sentence tower is lesson 02's GRU with a linear layer.

# %%
class ImageTower(nn.Module):
    """(B, 3, 48, 48) -> (B, D)"""

    def __init__(self, width: int = 128):
        super().__init__()
        self.encoder = cnn.ImageEncoder((32, 64, 128))
        self.squeeze = nn.Sequential(nn.Conv2d(128, 32, kernel_size=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(32 * 6 * 6, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, width))

    def forward(self, images: Tensor) -> Tensor:
        maps = self.encoder.feature_maps(images)                               # (B, 128, 6, 6)
        return self.head(self.squeeze(maps).flatten(1))                        # (B, D)


class SentenceTower(nn.Module):
    """(B, T) tokens, 0 is padding -> (B, D)"""

    def __init__(self, width: int = 128, hidden: int = 128):
        super().__init__()
        self.embedding = nn.Embedding(len(VOCABULARY), hidden, padding_idx=0)
        self.recurrent = nn.GRU(hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.recurrent(self.embedding(tokens))                     # (B, T, hidden)
        return self.head(pooling.last_states(states, (tokens > 0).sum(dim=1)))  # (B, D)


# %% [markdown]
# The training step is short: compute both vectors, normalise them, compute the loss, update both towers and the scale.

# %%
def training_step(image_tower, sentence_tower, log_scale, optimiser, images, tokens, meanings) -> float:
    """One step of contrastive training."""
    one, other = F.normalize(image_tower(images), dim=1), F.normalize(sentence_tower(tokens), dim=1)   # (B, D) each
    logits = log_scale.exp() * one @ other.T                                   # (B, B)
    same = (meanings[:, None] == meanings[None]).float()
    targets = same / same.sum(dim=1, keepdim=True)                             # (B, B), exercise 11.3
    loss = (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


image_tower, sentence_tower = ImageTower(), SentenceTower()
log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())                         # CLIP's initial scale, about 14
parameters = [*image_tower.parameters(), *sentence_tower.parameters(), log_scale]
optimiser = torch.optim.AdamW(parameters, lr=3e-3)
few = train_images[:64].float(), train.tokens[:64], meaning.meanings(train)[:64]
print([round(training_step(image_tower, sentence_tower, log_scale, optimiser, *few), 2) for _ in range(5)], "ln(64) = 4.16")

# %% [markdown]
# Now the same from the package, with `fit`. The towers start from random initialisation. Each page has four phrasings of its
# sentence, one of which is drawn whenever the page occurs: vectors should represent meaning, not phrasing.

# %%
del image_tower, sentence_tower, optimiser, parameters, few
tokens = batches.together([meaning.phrasings(book, times=4) for book in (train, single)])     # (17000, 4, T)
images = torch.empty(len(train) + len(single), 3, 48, 48, dtype=torch.half)   # (17000, 3, 48, 48)
images[:len(train)] = train_images
del train_images                                                              # to save memory
images[len(train):] = single.images
del single.images
page_meanings = torch.cat([meaning.meanings(train), meaning.meanings(single)])  # (17000,)

# %% [markdown]
# `PageSpace` has three towers, the third for sound. `space.pair` combines two of them for `fit`; its `loss` is the
# contrastive loss with a learned scale.

# %%
space = towers.PageSpace()
space.tower("text").encoder.restrict_vocabulary(tokens.flatten(0, 1))          # words that never occur become <unk>
print({name: f"{sum(p.numel() for p in space.tower(name).parameters()):,} parameters" for name in space.names})


def cosine_matrix() -> Tensor:
    """The cosines of twelve test pages' images and sentences.   -> (12, 12)"""
    image_vectors = F.normalize(predict(space.tower("image"), test.images[chosen[:12]]), dim=1)
    return image_vectors @ F.normalize(predict(space.tower("text"), test.tokens[chosen[:12]]), dim=1).T


before = cosine_matrix()
pair = space.pair("text", "image")
by_image = Batches(tokens, images, page_meanings, size=128, transform=meaning.any_phrasing)
history = fit(pair, by_image, loss=pair.loss, epochs=5, lr=3e-3, metrics=())

# %%
del by_image                                                                  # to save memory; a part stays for debugging
tokens, images, page_meanings = (part[:4_000].clone() for part in (tokens, images, page_meanings))
first = sum(history.losses[:3]) / 3
print(f"first steps {first:.2f}, ln(128) 4.85, last epoch {history['loss'][-1]:.2f}, scale {space.loss.scale:.0f}")
show.show_matrices({"before": before, "after": cosine_matrix()}, rows="image of page", columns="sentence of page")

# %% [markdown]
# The first losses exceed ln(128): the scale amplifies random cosines into confident, wrong predictions. Then the loss
# falls quickly. Before training, all rows are alike, since the untrained tower maps every image to nearly the same
# vector. Afterwards the diagonal stands out. Pages that share attributes tend to have positive cosines, others negative
# ones.

# %% [markdown]
# ## Evaluate: ranks
#
# For every image, sort the 200 sentences by cosine. The position of the correct one is its **rank**, 1 at best.
# **Recall at k** (R@k) is the fraction of queries with rank at most $k$; the median rank is the median over all
# queries.
#
# Ties need care. In a collapsed space all cosines are equal. A sort may then keep the original order, and if the correct item
# happens to be listed first, the score is perfect although nothing was learned. Ties therefore count half.

# %% [markdown]
# ### Exercise 11.4: ranks  ●●○ · 10 minutes
#
# Queries are rows, candidates are columns; `correct` is the index of each query's correct candidate. Candidates with
# exactly the same similarity as the correct one count as half ranked before it.

# %%
def my_ranks(similarities: Tensor, correct: Tensor) -> Tensor:
    """The rank of the correct candidate, averaged over ties.   (Q, C), (Q,) -> (Q,)"""
    ### BEGIN SOLUTION
    own = similarities.gather(1, correct[:, None])                             # (Q, 1)
    before, tied = (similarities > own).sum(dim=1), (similarities == own).sum(dim=1) - 1
    return 1 + before + tied / 2
    ### END SOLUTION


# %%
check("11.4", my_ranks)

# %% [markdown]
# The package's `ranks` takes vectors, and `all_directions` evaluates both directions. First 200 test pages; then 200
# pages whose objects are all held-out combinations, such as a red apple; then 200 with held-out phrasings.

# %%
def vectors_of(book: PictureBook, pages: Tensor, names=("image", "text")) -> dict[str, Tensor]:
    """The unit vectors of some pages, for each modality.   {name: (N, 128)}"""
    inputs = {"image": lambda: book.images[pages], "text": lambda: book.tokens[pages],
              "sound": lambda: spoken_pages.spoken_pages(book, space.log_mel.cpu(), pages).float()}
    return {name: F.normalize(predict(space.tower(name), inputs[name](), size=50), dim=1) for name in names}


books = {"test": (test, chosen)}
for name, split in (("held-out combinations", "held_out_pairs"), ("held-out phrasings", "held_out_phrasings")):
    book = PictureBook(split, pages=240, objects=2)
    books[name] = (book, meaning.of_distinct_meaning(book, 200))
found = {name: retrieval.all_directions(vectors_of(*pages)) for name, pages in books.items()}
show.compare({direction: {name: found[name][direction]["R@1"] for name in found} for direction in found["test"]},
             label="R@1 among 200 pages", chance=1 / 200)

# %% [markdown]
# R@1 is about ten times the baseline. Held-out combinations are found nearly as often; held-out phrasings cost more,
# mainly because words such as "tiny" do not occur in training and are encoded as the unknown word.
#
# ## Adding voices without image-sound pairs
#
# Suppose that no pairs of image and voice exist: one collection has images with captions, another has sentences read
# aloud. Both contain **text**. Freeze the sentence tower, and train the sound tower on pairs of sentence and voice to
# reach the same vectors. Zhai et al. (2022) freeze the image tower and train the text tower this way (LiT); Girdhar et
# al. (2023) align six modalities through images alone (ImageBind).

# %%
diagrams.binding()

# %% [markdown]
# Will a voice then find its image? The two towers are trained in different runs, on different pages. Predict R@1.
#
# The sound tower processes 250 frames of 40 bands, where a sentence has 12 words, and needs many sentences in many
# voices. `ReadAloud` composes them cheaply: each of 46 voices says every word once, and a sentence is the concatenation
# of its words' *spectrograms*, anew in each epoch, with random voice, pace and noise. The evaluation uses complete
# recordings. The plot shows a complete recording on the left and a composed one on the right:

# %%
sound_books = [PictureBook("train", pages=pages, objects=objects, seed=train.seed + 1_000)  # other pages than above
               for objects, pages in ((2, 10_500), (1, 1_500))]
words = sorted({word for book in sound_books for sentence in book.sentences for word in split_words(sentence)})
space.log_mel.cpu().fit(book.sound(i) for book in sound_books for i in range(200))  # mean and scale of each band
reader = read_aloud.ReadAloud(space.log_mel, words)
example = [spoken_pages.spoken_pages(sound_books[0], space.log_mel, torch.tensor([3])), reader(sound_books[0].tokens[3:4]).half()]
show.show_log_mels(batches.together(example), titles=["complete recording", "composed"], hop=0.020)
print(sound_books[0].sentences[3])

# %% [markdown]
# The loss has a second term. The contrastive loss requires only that a voice is *closer* to its sentence than to
# others; it may still be far away, and then miss its image. Therefore add the distance itself, 1 - cosine. If both
# towers were trained with this term alone, all vectors would collapse to one, but the sentence vectors are frozen and
# already spread out. (Wang and Isola 2020 show that with many negatives the contrastive loss decomposes into such an
# *alignment* and a *uniformity* term.)

# %%
def vary(tokens: Tensor) -> Tensor:
    """Sentences read aloud, augmented as in lesson 03.   (B, T) -> (B, 40, F)"""
    mels = augment.shift_bands(reader(tokens), 1)
    return augment.spec_augment(mels, band=6, time=4)                           # masks shorter than a word


pair = space.pair("sound", "text", locked="text")


def contrastive_and_distance(vectors: tuple[Tensor, Tensor], meanings: Tensor) -> Tensor:
    """The contrastive loss plus the mean distance of pairs; the package has it as `pair.near_loss`."""
    return space.loss(vectors, meanings) + (1 - F.cosine_similarity(*vectors, dim=1)).mean()


# %% [markdown]
# Training begins with single words, which the sentence tower encodes as very short sentences, and continues with whole
# sentences (*curriculum learning*).

# %%
single_words = pad([encode(word) for word in words]).repeat(92, 1)              # (4784, 1): each word 92 times
word_labels = torch.arange(len(words)).repeat(92)
by_word = read_aloud.ReadingBatches(vary, single_words, word_labels, size=128)
fit(pair, by_word, loss=contrastive_and_distance, epochs=5, lr=5e-3, metrics=())
sentences = batches.together([book.tokens for book in sound_books])             # (12000, T)
by_sentence = read_aloud.ReadingBatches(vary, sentences, torch.cat([meaning.meanings(book) for book in sound_books]), size=64)
fit(pair, by_sentence, loss=contrastive_and_distance, epochs=4, lr=5e-3, metrics=())

# %% [markdown]
# The first curve ends high partly because of duplicates: with 52 words in a batch of 128, a row has about three
# positives, which cost about $\ln 3$. Now evaluate all six directions.

# %%
modalities = ("text", "image", "sound")
voices = PictureBook("held_out_voices", pages=240, objects=2)
books["held-out voices"] = (voices, meaning.of_distinct_meaning(voices, 200))
vectors = {name: vectors_of(*pages, modalities) for name, pages in books.items()}
found = {name: retrieval.all_directions(split) for name, split in vectors.items()}
on_test = found["test"]
show.compare({direction: {f"R@{k}": row[f"R@{k}"] for k in (1, 5)} for direction, row in on_test.items()},
             label="recall at k, 200 test pages")
print({direction: f"median rank {row['median rank']:g}" for direction, row in on_test.items()})

# %% [markdown]
# Look at `image → sound` and `sound → image`. Images and voices were never paired, neither on a page nor in a training
# run. They are close because both are close to the sentence. Errors add up: image and voice each lie at some distance
# from the sentence, and farther from each other.

# %%
directions = {"text ↔ sound": ("text", "sound"), "image ↔ text": ("image", "text"), "image ↔ sound": ("image", "sound")}


def both_ways(table: dict, one: str, other: str) -> float:
    """R@1, the mean of the two directions."""
    return (table[f"{one} → {other}"]["R@1"] + table[f"{other} → {one}"]["R@1"]) / 2


summary = {name: {label: both_ways(table, *which) for label, which in directions.items()} for name, table in found.items()}
show.compare(summary, label="R@1 among 200 pages, mean of both directions", chance=1 / 200)

# %%
expect("11.text_sound", summary["test"]["text ↔ sound"])
expect("11.image_text", summary["test"]["image ↔ text"])
expect("11.held_out_pairs", summary["held-out combinations"]["image ↔ text"])
expect("11.image_sound", summary["test"]["image ↔ sound"])

# %% [markdown]
# Each split has its own pages, so small differences between splits mean little. Held-out voices cost little. Held-out
# combinations cost the images a few percentage points and the voices more. A possible cause: the sound tower has to
# recognise words, and may have learned which kinds follow "red"; "apple" never does in training. Held-out phrasings cost
# accuracy wherever text or speech is encoded.

# %% [markdown]
# ## Error analysis
#
# For these sentences an incorrect image had rank 1. Each is shown with the sentence that was the query.

# %%
test_vectors = vectors["test"]
text_ranks = retrieval.ranks(test_vectors["text"], test_vectors["image"])
first = retrieval.nearest(test_vectors["text"], test_vectors["image"], 1)[1][:, 0]
worst = [i for i in text_ranks.argsort(descending=True).tolist() if text_ranks[i] > 1][:8]
show.show_pages(torch.stack([test.image(int(chosen[first[i]]), 128) for i in worst]), rows=2, columns=4,
                sentences=[f"query: {test.sentences[chosen[i]]}" for i in worst])

# %%
def differences(one: Scene, other: Scene) -> set[str]:
    """The attributes in which two pages differ, their objects matched as well as possible."""
    first, second = facts_of(one), facts_of(other)
    matchings = []
    for objects, same in ((second.objects, first.relation == second.relation), (second.objects[::-1], False)):
        parts = {name for i, name in enumerate(("kind", "colour", "size"))
                 for a, b in zip(first.objects, objects, strict=True) if a[i] != b[i]}
        matchings.append(parts if same else parts | {"relation"})
    return min(matchings, key=len)


for name, other in (("images for sentences", "image"), ("voices for sentences", "sound")):
    found_first = retrieval.nearest(test_vectors["text"], test_vectors[other], 1)[1][:, 0].tolist()
    wrong = [(i, j) for i, j in enumerate(found_first) if i != j]
    counted = Counter(part for i, j in wrong for part in differences(test.scenes[chosen[i]], test.scenes[chosen[j]]))
    print(f"{name}: {len(wrong)} of 200 wrong; differences:", dict(counted.most_common()))

# %% [markdown]
# In most errors the kind of one or both objects differs; their relation seldom does. There are 14 kinds to distinguish,
# but only 8 colours and 2 sizes. A colour fills a shape, while a kind is visible mainly in its outline.

# %% [markdown]
# ## Zero-shot classification
#
# The towers were trained on pairs, not on classes. They can classify nevertheless: describe each class by a sentence,
# and choose the class whose sentence is nearest. This is **zero-shot** classification, without labelled examples;
# Radford et al. (2021) apply it to ImageNet's 1,000 classes. Such a sentence is called a **prompt**. In this book a
# sentence must also name a colour and a size, so use sixteen prompts per class and let the best one count.
#
# ### Exercise 11.5: classify by sentences  ●●○ · 10 minutes
#
# `prompts[k]` are the vectors of class k's P sentences; they need not have norm 1.

# %%
def zero_shot(images: Tensor, prompts: Tensor) -> Tensor:
    """The class of the prompt nearest to each image.   (B, D), (K, P, D) -> (B,)"""
    ### BEGIN SOLUTION
    table = F.normalize(images, dim=1) @ F.normalize(prompts, dim=2).flatten(0, 1).T           # (B, K * P)
    return table.unflatten(1, prompts.shape[:2]).amax(dim=2).argmax(dim=1)
    ### END SOLUTION


# %%
check("11.5", zero_shot)

# %% [markdown]
# Radford et al. instead average the vectors of 80 prompts per class ("a photo of a fish", "a drawing of a fish"). Which
# of the two will be better here? Our sixteen prompts differ in what is *visible*, not only in phrasing.

# %%
def single_pages() -> dict[str, PictureBook]:
    """Pages with one object."""
    return {name: PictureBook(split, pages=1_000, objects=1, size=48)
            for name, split in (("test", "test"), ("held-out combinations", "held_out_pairs"))}


singles = single_pages()
image_vectors = {name: vectors_of(book, torch.arange(len(book)), ("image",))["image"] for name, book in singles.items()}
descriptions = [[with_article(f"{size} {colour} {kind}") for colour in COLOURS for size in SIZES] for kind in KINDS]
prompts = predict(space.tower("text"), pad([encode(sentence) for row in descriptions for sentence in row]))
prompts = prompts.unflatten(0, (len(KINDS), -1))                               # (14, 16, 128)
print(descriptions[0][0], "·", descriptions[0][1], "·", descriptions[5][6], "...")

# %%
def by_best(images: Tensor, prompts: Tensor) -> Tensor:
    """The class of the nearest of all prompts, by the package."""
    return retrieval.nearest(images, prompts.flatten(0, 1), 1)[1][:, 0] // prompts.shape[1]


def by_mean(images: Tensor, prompts: Tensor) -> Tensor:
    """The class whose prompts' mean direction is nearest."""
    return retrieval.nearest(images, F.normalize(prompts, dim=2).mean(dim=1), 1)[1][:, 0]


rules = {"best of sixteen": by_best, "mean of sixteen": by_mean, "one prompt: small and red": lambda x, p: by_best(x, p[:, :1])}
zero = {rule: {name: (decide(image_vectors[name], prompts) == book.kinds).float().mean().item() for name, book in singles.items()}
        for rule, decide in rules.items()}
show.compare(zero, label="accuracy, 14 kinds", chance=1 / 14)
expect("11.zero_shot", zero["best of sixteen"]["test"])

# %% [markdown]
# The accuracy with the mean is near that with a single prompt, far below that of the best of sixteen. The image of a
# small red fish is close to "a small red fish" and far from "a big blue fish"; the mean of both lies in between, close
# to no image. (Our contrastive loss used one kind of label: which pages of a batch have the same meaning. CLIP does
# without it.)

# %% [markdown]
# ## The modality gap
#
# How close are the modalities as a whole? Project the vectors of 100 pages to two dimensions. Then compare the distance
# between two modality means, the *gap*, with that between the vectors of a pair; both are computed from 400 pages.

# %%
pages = torch.arange(examples(400))
single_vectors = vectors_of(singles["test"], pages, modalities)
show.show_shared_space({name: x[:100] for name, x in single_vectors.items()})
for one, other in (("text", "image"), ("text", "sound"), ("image", "sound")):
    x, y = single_vectors[one], single_vectors[other]                          # (N, D) each
    gap, pair_distance = (x.mean(dim=0) - y.mean(dim=0)).norm(), (x - y).norm(dim=1).mean()
    within = (x - x.mean(dim=0)).norm(dim=1).mean()
    print(f"{one:5} and {other:5}: gap {gap:.2f}, pairs {pair_distance:.2f}, {one} vectors and their mean {within:.2f}")

# %% [markdown]
# The means are close, compared with the distance between the two vectors of a pair and with the distances within one
# modality. Liang et al. (2022) found the opposite in CLIP and similar models: each modality lies in a narrow cone of
# its own, the **modality gap**. Randomly initialised networks start that way, and a loss that only requires pairs to be
# *closer than others* can preserve the gap. Our towers start that way too (the untrained image tower gave almost equal
# vectors), but image and text overlap after training.

# %% [markdown]
# ## Play: a search box
#
# Write a sentence with words of the Picture Book, or search with an image or a voice. What is found for "a fish"? For
# one object, when every page has two? For a zebra?

# %%
shown = chosen[:60]
explorer = show.search_explorer(
    {name: x[:60] for name, x in vectors["test"].items()}, images=[test.image(i, 144) for i in shown.tolist()],
    sentences=[test.sentences[i] for i in shown.tolist()], sounds=[test.sound(i) for i in shown.tolist()],
    embed_text=lambda sentence: predict(space.tower("text"), torch.tensor([encode(sentence)])))
explorer

# %% [markdown]
# ## Debugging exercise
#
# This loss is contrastive, in both directions, and the towers are those from above. It runs, and the loss starts near
# ln(128) as it should. What do the towers retrieve after three epochs, and what happens to the norms of their vectors?

# %%
class BuggyLoss(nn.Module):
    """The mean cross-entropy of both directions; similarities are mean products.   (B, D), (B, D) -> scalar"""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        logits = one @ other.T / one.shape[1]
        targets = torch.arange(len(one), device=one.device)
        return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


class TwoTowers(nn.Module):
    """The towers' outputs without normalisation, and a loss, which may have parameters."""

    def __init__(self, loss: nn.Module):
        super().__init__()
        self.text, self.image, self.loss = towers.SentenceTower(len(VOCABULARY)), towers.ImageTower(), loss

    def forward(self, tokens: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.text(tokens), self.image(images)


def short_training(loss: nn.Module) -> tuple[list[float], str]:
    """Train new towers for three epochs on part of the pages: losses, and a summary on test pages."""
    model = TwoTowers(loss)

    def embed_both() -> dict[str, Tensor]:
        return {"text": predict(model.text, test.tokens[chosen]), "image": predict(model.image, test.images[chosen])}

    before, part = embed_both(), Batches(tokens, images, page_meanings, size=128, transform=meaning.any_phrasing)
    history = fit(model, part, loss=lambda vectors, _: loss(*vectors), epochs=3, lr=3e-3, metrics=(), verbose=False)
    after = embed_both()
    norms = ", ".join(f"{name} {before[name].norm(dim=1).mean():.1f} to {after[name].norm(dim=1).mean():.1f}" for name in after)
    return history.losses, f"R@1 {both_ways(retrieval.all_directions(after), 'text', 'image'):.2f}; norms of {norms}"


# %%
buggy_losses, summary_line = short_training(BuggyLoss())
print(f"first loss {buggy_losses[0]:.2f}, last {buggy_losses[-1]:.2f}, ln(128) 4.85; {summary_line}")

# %% [markdown]
# ### Exercise 11.debug: fix the loss  ●●○ · 15 minutes
#
# Mean products are tiny, so the softmax is almost uniform, and the towers learned to increase their norms instead. Two
# things are missing. Norms must not matter, and the cosines need a scale: a learned, positive parameter that starts
# near 14, as in CLIP.

# %%
class FixedLoss(nn.Module):
    """The contrastive loss with a learned scale.   (B, D), (B, D) -> scalar"""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        ### END SOLUTION

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        scale = self.log_scale.clamp(max=4.6).exp()                            # e^4.6 is about 100
        return symmetric_info_nce(similarities(one, other), scale)
        ### END SOLUTION


# %%
check("11.debug", FixedLoss)

# %%
try:
    fixed_losses, summary_line = short_training(FixedLoss())
    print(f"the fixed loss: first {fixed_losses[0]:.2f}, last {fixed_losses[-1]:.2f}; {summary_line}")
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# After the same three epochs, the fixed loss retrieves several times as many pages. One more experiment: replace the
# mean of products by their sum. This loss learns too, since the sum of 128 products is large from the start. The scale
# is then an accident: it changes with the width.

# %% [markdown]
# ## On real data: a digit, written, spoken and spelled
#
# The data are handwritten digits (MNIST), spoken ones (the Free Spoken Digit Dataset), and their names. Images are
# paired with names, names with recordings, always **by label**: an easy case with ten meanings, all of them in each
# batch. Two of six speakers are held out in each of three folds; handwritten test digits come from the test split. First images
# and names:

# %%
by_sentence = by_word = reader = singles = single_vectors = None               # to save memory
rows = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
recordings = real.load_or_explain("free_spoken_digits", "train")
digit_names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
available = all((*rows.values(), recordings))
if available:
    written, digits = real.images(rows["train"].shuffle(seed=0).select(range(examples(12_000))))
    test_written, test_digits = real.images(rows["test"].shuffle(seed=0).select(range(examples(2_000))))
    names = pad([encode(name) for name in digit_names])                        # (10, 1)
    digit_space = contrastive.SharedSpace({"text": towers.SentenceTower(len(VOCABULARY), width=32, hidden=32),
                                           "image": towers.ImageTower(width=32, side=28, in_channels=1)})
    pair = digit_space.pair("image", "text")
    shifted = Batches(written, names[digits], digits, size=128, transform=lambda images: augment.shift(images, pixels=2))
    fit(pair, shifted, loss=pair.loss, epochs=2, lr=3e-3, metrics=())
    written_vectors = predict(digit_space.tower("image"), test_written)

# %% [markdown]
# The loss cannot fall far below 2.56 = ln(13): each of ten digits occurs about 13 times in a batch of 128.
#
# Next come the voices. Four speakers are few, so the sound tower starts from the shipped sound encoder, trained on
# synthetic voices only, and the book's 46 synthetic voices say the ten digits as well.

# %%
if available:
    waveforms = [audio.same_loudness(real.sound(row)[0]) for row in recordings]
    recorded = audio.collate(waveforms, samples=6_000)                         # (2700, 6000)
    spoken_digits = torch.tensor(recordings["label"])
    speakers, people = recordings["speaker"], sorted(set(recordings["speaker"]))
    log_mel = shipped.load("sound_encoder").log_mel.cpu()                      # for 16,000 samples per second
    mels = torch.cat([log_mel(audio.resample(part, 8_000, 16_000)) for part in recorded.split(300)])     # (2700, 40, 76)
    synthetic = spoken.spoken_words("train", takes=2, words=digit_names)
    synthetic_mels = synthetic.log_mels(log_mel)                               # (920, 40, 76)

# %% [markdown]
# In the test, a held-out speaker says a digit, and ten handwritten digits are the candidates, one of each. Which one is
# meant? The reverse test takes a handwritten digit and ten recordings.

# %%
def one_of_each(labels: Tensor, times: int) -> Tensor:
    """Indices of `times` rows of ten examples, one of each digit, in order.   -> (times, 10)"""
    return matching.partners(torch.arange(10).expand(times, 10), labels, seed=0)


def accuracy_of_ten(queries: Tensor, truth: Tensor, candidates: Tensor, labels: Tensor) -> float:
    """The fraction of queries whose nearest of ten candidates, one of each digit, has their digit."""
    rows = candidates[one_of_each(labels, len(queries))]                       # (Q, 10, D)
    cosines = torch.einsum("qd,qcd->qc", F.normalize(queries, dim=1), F.normalize(rows, dim=2))
    return (cosines.argmax(dim=1) == truth).float().mean().item()


def held_out_speakers(held: list[str]) -> dict[str, float]:
    """Align the other speakers' recordings with the names; then retrieve with the held-out speakers."""
    held_out = torch.tensor([speaker in held for speaker in speakers])
    digit_space.towers["sound"] = nn.Sequential(shipped.load("sound_encoder").classifier.encoder, nn.Linear(128, 32))
    pair = digit_space.pair("sound", "text", locked="text")
    truth = torch.cat([spoken_digits[~held_out], synthetic.labels])
    both = Batches(torch.cat([mels[~held_out], synthetic_mels]), names[truth], truth,
                   transform=lambda x: augment.spec_augment(augment.shift_bands(x)))
    fit(pair, both, loss=pair.near_loss, epochs=6, lr=5e-3, metrics=(), verbose=False)
    sound_vectors = predict(digit_space.tower("sound"), mels[held_out])
    return {"spoken → written": accuracy_of_ten(sound_vectors, spoken_digits[held_out], written_vectors, test_digits),
            "written → spoken": accuracy_of_ten(written_vectors, test_digits, sound_vectors, spoken_digits[held_out])}


# %%
if available:
    by_pair = {" and ".join(held): held_out_speakers(held) for held in (people[:2], people[2:4], people[4:])}
    show.compare(by_pair, label="accuracy among ten candidates", chance=0.1)
    expect("11.digits", sum(sum(row.values()) for row in by_pair.values()) / 6)

# %% [markdown]
# With ten meanings this is classification in disguise. Real images and real speech have no fixed set of meanings.
# Harwath, Torralba and Glass (2016) collected 120,000 spoken captions of photographs. On such pairs, without any text,
# they trained a speech network together with a pretrained image network; the two retrieve images by spoken
# descriptions.

# %% [markdown]
# **Where these methods are used: image-text retrieval.** You search your photographs for "a dog on a beach", and nobody wrote
# captions. The image vectors are computed once; a query costs one pass through the text tower and a matrix product.
#
# What this synthetic task leaves out: with millions of candidates an approximate nearest-neighbour index is needed.
# Captions from the web describe what someone found worth mentioning, not what is visible, and the space inherits their
# biases.

# %%
quiz("11")

# %% [markdown]
# ## Open-ended questions
#
# 1. Halve and double the batch size with the same number of pages. Predict R@1 and the loss, then measure both. Which of
#    the two can be compared?
# 2. What would you expect if the sound tower were aligned with *images* of captioned pages instead of sentences?
# 3. Design a test for whether the space represents relations ("above", "left of"), or only sets of objects.

# %% [markdown]
# ## Summary
#
# - The symmetric contrastive loss is a cross-entropy over rows and columns, with a learned scale and equal targets for
#   duplicates.
# - A loss that stays near ln(batch size) means that nothing is learned.
# - Retrieval is evaluated by ranks, with ties counted half.
# - Two modalities can be aligned through a third, at some cost in accuracy.
# - Prompts turn the space into a classifier without labelled examples.
#
# Next: [12 Image captioning](12_captioning.ipynb). A shared space finds sentences that exist; a captioner writes new ones.

# %% [markdown]
# ## Going further
#
# ### Ranks among all 224 meanings
#
# A page with one object has one of 224 meanings: 14 kinds, 8 colours, 2 sizes. Rank all of them for each image.

# %%
singles = single_pages()
all_objects = prompts.flatten(0, 1)                                            # (224, 128)
for name, book in singles.items():
    correct = (book.kinds * len(COLOURS) + book.colours) * len(SIZES) + book.sizes
    rank = retrieval.ranks(image_vectors[name], all_objects, correct, torch.arange(len(all_objects)))
    print(f"{name:22} R@1 {retrieval.recall_at(rank, 1):.2f}   R@5 {retrieval.recall_at(rank, 5):.2f}   "
          f"median rank {retrieval.median_rank(rank):g} of 224")

# %% [markdown]
# R@1 equals the zero-shot accuracy: where the kind is correct, so are colour and size. Why is one object harder to find
# than two? Here every image meets its hardest negatives. The 13 sentences that differ only in the kind are all among
# the 224; among 200 pages with two objects hardly any such pair exists.

# %% [markdown]
# ### Cross-modal transfer of a classifier
#
# Suppose labels exist for sentences only. Train a linear classifier on the *sentences'* vectors, and apply it to
# *images* and *voices*, on which it was not trained. Will it be as good as on sentences, or at chance level?

# %%
from sklearn.linear_model import LogisticRegression

labelled = PictureBook("train", pages=1_000, objects=1, seed=train.seed + 2_000, size=48)
labelled_vectors = F.normalize(predict(space.tower("text"), labelled.tokens), dim=1)
book = singles["test"]
single_vectors = vectors_of(book, pages, modalities)
classifier = LogisticRegression(max_iter=1_000, C=10.0).fit(labelled_vectors.numpy(), labelled.kinds.numpy())
transferred = {name: float(classifier.score(x.numpy(), book.kinds[pages].numpy()))
               for name, x in single_vectors.items()}
print({f"trained on text, applied to {name}": round(score, 2) for name, score in transferred.items()})

# %% [markdown]
# It transfers: chance level is 7%. The accuracy drops, probably because the classifier uses directions that distinguish
# *sentences*, some of which carry little information in images.

# %% [markdown]
# ### Pretrained encoders
#
# All three towers started from random initialisation. How much does it help to start from the shipped encoders, which
# were trained to recognise objects and words? The script `benchmarks/shared_space.py` trained both variants with three
# seeds.

# %%
show.show_stored_table("11_shared_space")

# %% [markdown]
# Pretraining helps most for held-out phrasings: the shipped text encoder was trained with word dropout, so unknown
# words occurred in its training. Between images and voices of held-out combinations it helps in one direction only,
# from images to voices.

# %% [markdown]
# **References.** Radford et al. 2021, *Learning transferable visual models from natural language supervision* (CLIP),
# [arXiv:2103.00020](https://arxiv.org/abs/2103.00020). van den Oord, Li, Vinyals 2018, *Representation learning with
# contrastive predictive coding*, [arXiv:1807.03748](https://arxiv.org/abs/1807.03748): InfoNCE. Khosla et al. 2020,
# *Supervised contrastive learning*, [arXiv:2004.11362](https://arxiv.org/abs/2004.11362). Wang, Isola 2020,
# *Understanding contrastive representation learning through alignment and uniformity on the hypersphere*,
# [arXiv:2005.10242](https://arxiv.org/abs/2005.10242). Zhai et al. 2022, *LiT: zero-shot transfer with locked-image
# text tuning*, [arXiv:2111.07991](https://arxiv.org/abs/2111.07991). Girdhar et al. 2023, *ImageBind: one embedding
# space to bind them all*, [arXiv:2305.05665](https://arxiv.org/abs/2305.05665). Liang et al. 2022, *Mind the gap:
# understanding the modality gap in multi-modal contrastive representation learning*,
# [arXiv:2203.02053](https://arxiv.org/abs/2203.02053). Harwath, Torralba, Glass 2016, *Unsupervised learning of spoken
# language with visual context*, [NeurIPS
# 2016](https://papers.nips.cc/paper/2016/hash/82b8a3434904411a9fdc43ca87cee70c-Abstract.html). LeCun, Bottou, Bengio,
# Haffner 1998, *Gradient-based learning applied to document recognition*,
# [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791). Jackson et al. 2018, *Free spoken digit dataset*,
# [doi:10.5281/zenodo.1342401](https://doi.org/10.5281/zenodo.1342401).
