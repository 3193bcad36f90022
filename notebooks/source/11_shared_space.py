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
# **You will train three networks that put a picture, a sentence and a voice at one and the same spot. Then you say a
# sentence and get the picture of it, out of 200, though no picture ever came with a sound.**
#
# Runs in 4 to 8 minutes · takes 100 minutes to work through · before this: [01 Pictures](01_images.ipynb), [02
# Words](02_text.ipynb), [03 Sound](03_sound.ipynb), [08 Joining features](08_fusion.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. write the contrastive loss from an empty cell, and say what it must be before anything is learned;
# 2. say what the temperature does, and what happens without it;
# 3. judge a search: ranks, recall at k, and why ties need care;
# 4. bind two modalities that were never seen together, through a third;
# 5. classify pictures by sentences, and move a classifier from one modality to another.

# %%
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, examples, expect, fit, hint, predict, quiz
from mmcourse.data import real
from mmcourse.data.audio import collate, resample, same_loudness
from mmcourse.data.augment import shift, shift_bands, spec_augment
from mmcourse.data.batches import together
from mmcourse.data.read_aloud import ReadAloud, ReadingBatches
from mmcourse.data.spoken import spoken_words
from mmcourse.data.spoken_pages import spoken_pages
from mmcourse.data.text import pad
from mmcourse.models.contrastive import SharedSpace, contrastive_loss
from mmcourse.models.towers import ImageTower, PageSpace, SentenceTower
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, Scene
from mmcourse.picturebook.sentence import VOCABULARY, encode, facts_of, split_words, with_article
from mmcourse.retrieval import all_directions, median_rank, nearest, ranks, recall_at
from mmcourse.show import (
    compare,
    play_many,
    plot_panels,
    search_explorer,
    show_log_mels,
    show_matrices,
    show_pages,
    show_stored_table,
)
from mmcourse.tasks.matching import partners
from mmcourse.tasks.meaning import any_phrasing, meanings, of_distinct_meaning, phrasings
from mmcourse.training.shipped import load

begin("11")

# %% [markdown]
# ## Look and listen
#
# Pages with two things. Each has a picture, a sentence and a voice that reads it.

# %%
train = PictureBook("train", pages=12_000, objects=2)
test = PictureBook("test", pages=240, objects=2)
show_pages(test, rows=1, columns=4, sentences=test.sentences)
play_many([test.sound(i) for i in range(4)], titles=[f"page {i + 1}" for i in range(4)], columns=4)

# %% [markdown]
# A search: you are given one of the four voices, and 200 pictures. Which picture is meant? No label helps here. There
# are more than 30,000 things that such a page can mean, and most never come up twice. So a classifier is of no use, and
# what you want is a *distance*: near, where picture and voice mean the same.
#
# The 200 pages for judging all mean something different, so each query has one right answer. To guess is right once in
# 200, and the right one then stands at place 100 on average. Here is a cheap baseline for pictures and words: predict
# which words a page's sentence holds from the page's pixels, made coarse, by least squares; then compare words with
# words.

# %%
chosen = of_distinct_meaning(test, 200)


def coarse(images: Tensor) -> Tensor:
    """Pictures as rows of numbers.   (N, 3, 48, 48) -> (N, 433)"""
    return F.pad(F.avg_pool2d(images, 4).flatten(1), (0, 1), value=1.0)


def word_counts(tokens: Tensor) -> Tensor:
    """How often each word stands in each sentence.   (N, T) -> (N, V)"""
    counts = torch.zeros(len(tokens), len(VOCABULARY))
    return counts.scatter_add_(1, tokens, torch.ones_like(tokens, dtype=torch.float32))[:, 1:]     # without padding


weights = torch.linalg.lstsq(coarse(train.images), word_counts(train.tokens)).solution
middle = word_counts(train.tokens).mean(dim=0)
guessed = coarse(test.images[chosen]) @ weights - middle
baseline = ranks(guessed, word_counts(test.tokens[chosen]) - middle)
drawn = train.images.half()                                                   # half precision, half the memory
del train.images
print(f"first of all {recall_at(baseline, 1):.3f}, among the first five {recall_at(baseline, 5):.3f}, "
      f"half of them among the first {median_rank(baseline):.0f} of 200")

# %% [markdown]
# One in ten, twenty times as often as by chance: coarse colours alone go a long way. That is the figure to beat.
#
# ## Vectors, and how alike they are
#
# Each modality gets a network of its own, a **tower**, and all towers end in a vector of the same length. How alike are
# two vectors? Their product grows with their lengths, which say nothing about meaning. So each is brought to length 1
# first, and the product of what is left is the **cosine** of the angle between them: 1 for the same direction, 0 for a
# right angle, -1 for opposite.

# %% tags=["nbval-check-output"]
a, b = torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0])                     # both of length 5
by_hand = (a / 5) @ (b / 5)                                                    # (0.6 * 0.8) + (0.8 * 0.6)
print(f"by hand {by_hand:.2f}   PyTorch {F.cosine_similarity(a, b, dim=0):.2f}")

# %% [markdown]
# ### Exercise 11.1: the cosine of all with all  ●○○ · 5 minutes
#
# For a search you need it for every query and every candidate: a table.

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
# How do towers learn that a picture and its sentence belong together? Take a batch of $B$ pages. The table of cosines
# of its pictures and its sentences has the right pairs on the diagonal. Read row $i$ as a question: *which of these $B$
# sentences is that of picture $i$?* That is a classification into $B$ classes, and the cosines are its logits. Read
# column $i$ and the sentence looks for its picture. The loss is the mean of both cross-entropies (Radford et al. 2021
# trained CLIP so, on 400 million pictures with their captions; rows alone, with one right among many, are van den Oord
# et al. 2018):
#
# $$L = -\frac{1}{2B}\sum_{i=1}^{B}\left(\log\frac{e^{s\,c_{ii}}}{\sum_j e^{s\,c_{ij}}} +
# \log\frac{e^{s\,c_{ii}}}{\sum_j e^{s\,c_{ji}}}\right)$$
#
# $c_{ij}$ is the cosine of picture $i$ and sentence $j$, and $s$ a **scale**; $1 / s$ is called the **temperature**.
# The other pages of the batch are called **negatives**. Nothing tells the towers what a fish is; all they are asked is
# to tell each page from its negatives.
#
# By hand, for three pages at scale 2. The second pair stands at a right angle to the others, the first and the third
# are opposite:

# %% tags=["nbval-check-output"]
spots = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
cosines = spots @ spots.T                                                     # 1 on the diagonal, 0, and -1 in the corners
e = torch.exp(torch.tensor(2.0))
outer, inner = -torch.log(e / (e + 1 + 1 / e)), -torch.log(e / (e + 2))
print(cosines.tolist())
print(f"by hand {(2 * outer + inner) / 3:.4f}   package {contrastive_loss(spots, spots, scale=2.0):.4f}")

# %% [markdown]
# ### Exercise 11.2: the contrastive loss  ●●○ · 15 minutes
#
# From a table of cosines. Which loss of PyTorch takes logits and the number of the right class?

# %%
def contrastive(cosines: Tensor, scale: float) -> Tensor:
    """The mean of the cross-entropies of rows and columns, partners on the diagonal.   (B, B) -> scalar"""
    ### BEGIN SOLUTION
    targets = torch.arange(len(cosines), device=cosines.device)
    return (F.cross_entropy(scale * cosines, targets) + F.cross_entropy(scale * cosines.T, targets)) / 2
    ### END SOLUTION


# %%
check("11.2", contrastive)

# %% [markdown]
# ## What it is before anything is learned
#
# Vectors at random, 256 numbers each, in batches of three sizes. What will the loss be? You know what it is for a die
# with 14 faces.

# %%
for B in (16, 128, 1024):
    loss = contrastive_loss(torch.randn(B, 256), torch.randn(B, 256), scale=1.0)
    print(f"batch {B:4d}   loss {loss:.2f}   ln(batch) {torch.tensor(float(B)).log():.2f}")

# %% [markdown]
# **The loss of a space that knows nothing is ln(B).** Keep that number in mind when you train: a loss that stays there
# is not learning, and the curve alone, flat at 4.85, does not look like an error. Two things follow. Losses of different
# batch sizes cannot be compared. And a larger batch is a harder question.
#
# Now the other end. Suppose the towers are perfect: every pair at cosine 1, all others as far away as can be, at -1. How
# small does the loss get, at scale 1? Guess.

# %%
def best_possible(scale: Tensor, batch: int) -> Tensor:
    """The loss where partners have cosine 1 and all others -1."""
    return torch.log(1 + (batch - 1) * torch.exp(-2 * scale))


scales = torch.tensor([1.0, 2, 4, 8, 16, 32, 64])
plot_panels({"the smallest loss there can be": {f"batch {B}": best_possible(scales, B) for B in (16, 128, 1024)}},
            x=scales, xlabel="scale", ylabel="loss")
print(f"at scale 1, batch 128: {best_possible(torch.tensor(1.0), 128):.2f} of {torch.tensor(128.0).log():.2f}")

# %% [markdown]
# (A bound: three vectors cannot all be opposite to each other. The scale's axis has equal steps for doublings.) A cosine
# cannot leave -1 to 1, so at scale 1 the softmax can never be sure: perfect towers still pay 2.9. The scale stretches the
# cosines to logits that can be sure. What is the right one? Too small, and easy pairs are pushed on for ever; too large,
# and only the negative that comes nearest counts. CLIP lets it be learned: one number, kept as a logarithm, so that it
# stays above 0, and never above 100.
#
# ## Several right answers
#
# One thing is missing. What if two pages of a batch mean the same? Each is then a negative of the other's sentence,
# which is perfectly right. On pages with two things that is rare. With one thing there are only 140 meanings in training:
# 70 pairs of kind and colour, the others being held out, in two sizes. How many pages in a batch of 128 have a twin?

# %%
single = PictureBook("train", pages=5_000, objects=1, size=48)
for name, book in (("two things", train), ("one thing", single)):
    some = meanings(book)[:128]
    same = some[:, None] == some[None]
    print(f"{name}: {(same.sum(dim=1) > 1).float().mean():.2f} of 128 pages have a twin")

# %% [markdown]
# So whatever means the same is right, in equal parts. (Khosla et al. 2020 do this with class labels and call it
# supervised contrastive learning.) It has a price to remember: who must share among $n$ can give each only $1/n$, so
# with twins the loss cannot fall below the mean of $\ln n$.
#
# ### Exercise 11.3: several right answers  ●○○ · 5 minutes
#
# `meanings` are whole numbers, the same where pages mean the same. Each row of the result sums to 1.

# %%
def shared_targets(meanings: Tensor) -> Tensor:
    """What share of each row's 1 every example gets.   (B,) -> (B, B)"""
    ### BEGIN SOLUTION
    same = (meanings[:, None] == meanings[None]).float()
    return same / same.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %%
check("11.3", shared_targets)

# %% [markdown]
# `F.cross_entropy` takes such a table in place of class numbers. The package's `contrastive_loss` does, when it is
# given meanings.
#
# ## Pictures and words
#
# The towers: for pictures lesson 01's convolutions; then the maps of all places go side by side through two linear
# layers, since here it matters where things are. For sentences lesson 02's GRU. Both end in 128 numbers, and start
# **cold**, from random weights. Each page is told in four wordings, of which one is drawn whenever the page comes up:
# the space shall keep what is meant and not how it was said.

# %%
tokens = together([phrasings(book, times=4) for book in (train, single)])     # (17000, 4, T)
images = torch.empty(len(train) + len(single), 3, 48, 48, dtype=torch.half)   # (17000, 3, 48, 48)
images[:len(train)] = drawn
del drawn                                                                     # to save memory, before more is drawn
images[len(train):] = single.images
del single.images
means = torch.cat([meanings(train), meanings(single)])                        # (17000,)

space = PageSpace()
space.tower("text").encoder.restrict_vocabulary(tokens.flatten(0, 1))          # a word that never came up is read as unknown
print({name: f"{sum(p.numel() for p in space.tower(name).parameters()):,} parameters" for name in space.names})

# %% [markdown]
# `space.pair` puts two towers side by side for `fit`; its `loss` is the contrastive one, with a scale that is learned
# from 1 / 0.07, about 14, where CLIP's begins.

# %%
def a_dozen() -> Tensor:
    """The cosines of twelve test pages' pictures and sentences.   -> (12, 12)"""
    image_vectors, text_vectors = predict(space.tower("image"), test.images[chosen[:12]]), predict(space.tower("text"), test.tokens[chosen[:12]])
    return F.normalize(image_vectors, dim=1) @ F.normalize(text_vectors, dim=1).T


before = a_dozen()
pair = space.pair("text", "image")
by_image = Batches(tokens, images, means, size=128, transform=any_phrasing)
history = fit(pair, by_image, loss=pair.loss, epochs=5, lr=3e-3, metrics=())

# %%
del by_image                                                                  # to save memory; a part stays for the clinic
tokens, images, means = (some[:4_000].clone() for some in (tokens, images, means))
first = sum(history.losses[:3]) / 3
print(f"first steps {first:.2f}, ln(128) 4.85, last epoch {history['loss'][-1]:.2f}, scale {space.loss.scale:.0f}")
show_matrices({"before": before, "after": a_dozen()}, rows="picture of page", columns="sentence of page")

# %% [markdown]
# The first losses are above ln(128): random towers have opinions, the scale makes much of them, and they are wrong. Then
# it goes down quickly. The table has the cosines of twelve test pages, counted from 0. Before, all rows are alike: to the
# untrained tower every picture lies at nearly one spot. After, the diagonal stands out. What is red beside it has
# something in common; what is blue was pushed to the other side.
#
# ## Judge it: at which place?
#
# For every picture sort the 200 sentences by cosine. At which place stands the right one? Its **rank** is 1 at best.
# R@1 and R@5 are the shares of queries whose rank is at most 1, or 5; the median rank is what half of the queries reach.
#
# Take care of one thing. In a space that collapsed, all vectors at one spot, all cosines are alike. Sort them, and they
# may stay in the order they came in. If the right one happened to be listed first, that is a perfect score for knowing
# nothing. Where candidates are tied, count half of them as before.
#
# ### Exercise 11.4: at which place?  ●●○ · 10 minutes
#
# Queries in rows, candidates in columns; `right` says which candidate is right for each query.

# %%
def my_ranks(similarities: Tensor, right: Tensor) -> Tensor:
    """The place of the right candidate, the mean of the places it shares with equals.   (Q, C), (Q,) -> (Q,)"""
    ### BEGIN SOLUTION
    own = similarities.gather(1, right[:, None])                               # (Q, 1)
    before, tied = (similarities > own).sum(dim=1), (similarities == own).sum(dim=1) - 1
    return 1 + before + tied / 2
    ### END SOLUTION


# %%
check("11.4", my_ranks)

# %% [markdown]
# The package's `ranks` takes vectors, and `all_directions` gives a table. First the 200 test pages; then 200 whose
# things are all of pairs that never came up in training, such as a red apple; then 200 told in wordings that never did.

# %%
def vectors_of(book: PictureBook, pages: Tensor, names=("image", "text")) -> dict[str, Tensor]:
    """Where some pages lie in the space, by each modality.   {name: (N, 128)}"""
    inputs = {"image": lambda: book.images[pages], "text": lambda: book.tokens[pages],
              "sound": lambda: spoken_pages(book, space.log_mel.cpu(), pages).float()}
    return {name: F.normalize(predict(space.tower(name), inputs[name](), size=50), dim=1) for name in names}


books = {"test pages": (test, chosen)}
for name, split in (("held-out pairs", "held_out_pairs"), ("held-out phrasings", "held_out_phrasings")):
    book = PictureBook(split, pages=240, objects=2)
    books[name] = (book, of_distinct_meaning(book, 200))
found = {name: all_directions(vectors_of(*some)) for name, some in books.items()}
compare({direction: {name: found[name][direction]["R@1"] for name in found} for direction in found["test pages"]},
        label="R@1 among 200 pages", chance=1 / 200)

# %% [markdown]
# Ten times the baseline. A red apple is found nearly as well as what was seen; a new wording costs more. Why, you will
# see when the voices are there, too.
#
# ## The voices come in
#
# Now the sounds. The plain way would be pages again, with pictures and voices. Suppose you have none: one collection of
# pictures with captions, another of sentences read aloud, and nobody ever took a picture and spoke about it. Both have
# **words**. So lock the words' tower, as it stands now, and let the voices' tower learn from sentences alone to arrive
# where the words are. Zhai et al. 2022 lock the picture's tower and train the words' so; Girdhar et al. 2023 bind six
# modalities by pairs with pictures alone, and find the others bound as well.
#
# Will a voice find its picture, when this is done? The towers of both learned from words, in different runs, on
# different pages. Write down a guess for R@1.
#
# A voice's tower has far more to do than a reader: 250 frames of 40 bands, where a sentence has 12 words. It needs many
# sentences by many voices, and to speak 10,000 of them takes longer than an epoch of learning from them. The book's
# voices make a sentence out of recorded words, one after the other. The same can be done with the words' *spectra*, and
# that costs next to nothing: each of 46 training voices says each word once, and from then on every sentence is put
# together anew whenever it comes up, by another voice, at another pace, in other noise. It is judged on whole sounds.
# Left one of those (flat at its end, where it is padded), right the same sentence put together:

# %%
sound_books = [PictureBook("train", pages=pages, objects=objects, seed=train.seed + 1_000)  # other pages than above
         for objects, pages in ((2, 10_500), (1, 1_500))]
known = sorted({word for book in sound_books for sentence in book.sentences for word in split_words(sentence)})
space.log_mel.cpu().fit(book.sound(i) for book in sound_books for i in range(200))  # mean and spread of each band
read_aloud = ReadAloud(space.log_mel, known)
example = [spoken_pages(sound_books[0], space.log_mel, torch.tensor([3])), read_aloud(sound_books[0].tokens[3:4]).half()]
show_log_mels(together(example), titles=["a whole sound", "put together"], hop=0.020)
print(sound_books[0].sentences[3])

# %% [markdown]
# And the loss? The contrastive one asks that a voice be *nearer* to its words than to others. It may lie far off all the
# same, and then a picture that lies a little off to the other side is lost. Why not ask that they be near, by 1 - cosine?
# Alone that would be fatal: with all vectors at one spot it is 0. But the words are locked. They are spread out already,
# and no voice can move them, so nothing can collapse. (Wang and Isola 2020 take the contrastive loss apart so: one part
# draws partners together, the other spreads all vectors out. The package has the sum below as `pair.near_loss`.)
#
# It begins as children do, with single words. To the words' tower a word is a very short sentence.

# %%
def varied(tokens: Tensor) -> Tensor:
    """Sentences read aloud, varied as in lesson 03: bands shifted, stripes masked.   (B, T) -> (B, 40, F)"""
    return spec_augment(shift_bands(read_aloud(tokens), 1), band=6, time=4)     # no stripe as long as a word


pair = space.pair("sound", "text", locked="text")


def contrastive_and_distance(vectors: tuple[Tensor, Tensor], meanings: Tensor) -> Tensor:
    """The contrastive loss, and how far partners are from each other."""
    return space.loss(vectors, meanings) + (1 - F.cosine_similarity(*vectors, dim=1)).mean()


alone = pad([encode(word) for word in known]).repeat(92, 1)                    # (4784, 1): each word 92 times
labels = torch.arange(len(known)).repeat(92)
fit(pair, ReadingBatches(varied, alone, labels, size=128), loss=contrastive_and_distance, epochs=5, lr=5e-3, metrics=())

batch = labels[torch.randperm(len(labels))[:128]]
twins = (batch[:, None] == batch[None]).sum(dim=1)                             # (128,)
print(f"{len(known)} words in a batch of 128: its twins alone cost {twins.float().log().mean():.2f}")

# %% [markdown]
# Good or bad? Twins put a floor under this loss, and how far voices are from their words is added to it. (The dips: the
# last batch of each epoch is smaller, and ln(batch) with it.) Then sentences.

# %%
sentences = together([book.tokens for book in sound_books])                     # (12000, T)
by_sound = ReadingBatches(varied, sentences, torch.cat([meanings(book) for book in sound_books]), size=64)
fit(pair, by_sound, loss=contrastive_and_distance, epochs=4, lr=5e-3, metrics=())

# %%
everything = ("text", "image", "sound")
voices = PictureBook("held_out_voices", pages=240, objects=2)
books["held-out voices"] = (voices, of_distinct_meaning(voices, 200))
vectors = {name: vectors_of(*some, everything) for name, some in books.items()}
found = {name: all_directions(some) for name, some in vectors.items()}
on_test = found["test pages"]
compare({direction: {f"R@{k}": row[f"R@{k}"] for k in (1, 5)} for direction, row in on_test.items()},
        label="share of 200 queries, test pages", chance=1 / 200)
print({direction: f"median rank {row['median rank']:g}" for direction, row in on_test.items()})

# %% [markdown]
# Look at `image → sound` and `sound → image`. Picture and voice were never together, not on one page and not in one run.
# They are near each other because both are near the words. And they pay twice: where the picture missed the words by a
# little and the voice missed them by a little, they miss each other by more.
#
# Now with what was held out: pairs of thing and colour, wordings, voices.

# %%
pairs = {"text ↔ sound": ("text", "sound"), "image ↔ text": ("image", "text"), "image ↔ sound": ("image", "sound")}


def both_ways(table: dict, one: str, other: str) -> float:
    """R@1, the mean of the two directions."""
    return (table[f"{one} → {other}"]["R@1"] + table[f"{other} → {one}"]["R@1"]) / 2


summary = {name: {pair: both_ways(table, *which) for pair, which in pairs.items()} for name, table in found.items()}
compare(summary, label="R@1 among 200 pages, mean of both directions", chance=1 / 200)
expect("11.text_sound", summary["test pages"]["text ↔ sound"])
expect("11.image_text", summary["test pages"]["image ↔ text"])
expect("11.held_out_pairs", summary["held-out pairs"]["image ↔ text"])
expect("11.image_sound", summary["test pages"]["image ↔ sound"])

# %% [markdown]
# Each split has pages of its own, so look at pictures and words in the last row, where no voice has a part: they fall as
# well. Voices never heard cost no more than that. Pairs never seen cost the pictures some points and the voices more:
# no sentence that was read to them holds 'red apple', and a tower that hears 'red' and half of the next word has learned
# what cannot follow. Wordings never seen cost wherever words are read: 'tiny' is not in training, so it is read as
# unknown.
#
# All three towers began cold. How much further does the same training get from encoders that know things and words
# already?
# A script of the project (`benchmarks/shared_space.py`) trained cold and warm spaces, and this is its table:

# %%
show_stored_table("11_shared_space")

# %% [markdown]
# The warm start is worth most where wordings are new. The words' encoder that the course ships was trained with words
# masked at random, so a word that it does not know is nothing unusual to it. For voices and pictures of held-out pairs
# it is worth little or nothing: what stands in the way there is what the voices heard. (Your run need not lie within the
# brackets: it drew its random numbers in another order.)
#
# ## What goes wrong
#
# For these sentences another picture came before the right one. That picture is shown, and below it what was asked.

# %%
ours = vectors["test pages"]
text_ranks = ranks(ours["text"], ours["image"])
first = nearest(ours["text"], ours["image"], 1)[1][:, 0]
worst = [i for i in text_ranks.argsort(descending=True).tolist() if text_ranks[i] > 1][:8]
show_pages(torch.stack([test.image(int(chosen[first[i]]), 128) for i in worst]), rows=2, columns=4,
           sentences=[f"asked: {test.sentences[chosen[i]]}" for i in worst])

# %% [markdown]
# What was wrong with those that came first? Compare the truth of the page found with that of the page meant.

# %%
def unlike(one: Scene, other: Scene) -> set[str]:
    """What two pages do not have in common, their things matched as well as can be."""
    first, second = facts_of(one), facts_of(other)
    ways = []
    for objects, same in ((second.objects, first.relation == second.relation), (second.objects[::-1], False)):
        parts = {name for i, name in enumerate(("kind", "colour", "size"))
                 for a, b in zip(first.objects, objects, strict=True) if a[i] != b[i]}
        ways.append(parts if same else parts | {"how they stand"})
    return min(ways, key=len)


for name, other in (("pictures for sentences", "image"), ("voices for sentences", "sound")):
    found_first = nearest(ours["text"], ours[other], 1)[1][:, 0].tolist()
    wrong = [(i, j) for i, j in enumerate(found_first) if i != j]
    counted = Counter(part for i, j in wrong for part in unlike(test.scenes[chosen[i]], test.scenes[chosen[j]]))
    print(f"{name}: {len(wrong)} of 200 wrong; unlike in", dict(counted.most_common()))

# %% [markdown]
# Nearly always a kind is wrong, of one thing or of both, and hardly ever how they stand. There are 14 kinds to tell apart,
# against 8 colours and 2 sizes; and to a picture's tower a colour fills a shape, while a kind is its outline.
#
# ## Zero-shot: classes by sentences
#
# No class was ever named to the picture's tower. (One label it had: which pages of a batch mean the same. CLIP does without
# that, too.) Still it can classify: describe each class in words, and take the class whose sentence is nearest. This is
# **zero-shot** classification, with no labelled example of any class; Radford et al. 2021 do it on ImageNet's 1,000
# classes. A sentence for this use is called a **prompt**. One is a poor description of a fish, since it has to name a
# colour and a size. So take sixteen a class, and let the best of them speak for it.
#
# ### Exercise 11.5: name it by a sentence  ●●○ · 10 minutes
#
# `prompts[k]` holds the vectors of class k's P sentences; they need not be of length 1.

# %%
def zero_shot(images: Tensor, prompts: Tensor) -> Tensor:
    """The class of the sentence that is nearest to each picture.   (B, D), (K, P, D) -> (B,)"""
    ### BEGIN SOLUTION
    table = F.normalize(images, dim=1) @ F.normalize(prompts, dim=2).flatten(0, 1).T           # (B, K * P)
    return table.unflatten(1, prompts.shape[:2]).amax(dim=2).argmax(dim=1)
    ### END SOLUTION


# %%
check("11.5", zero_shot)

# %% [markdown]
# Radford et al. go another way: they bring 80 prompts of a class ('a photo of a fish', 'a drawing of a fish') to one
# vector, their mean, and compare with that. Which of the two will be better here? The sixteen sentences of a class
# differ in what is *seen*, and not in how it is said.

# %%
singles = {name: PictureBook(split, pages=1_000, objects=1, size=48)
           for name, split in (("test pages", "test"), ("held-out pairs", "held_out_pairs"))}
image_vectors = {name: vectors_of(book, torch.arange(len(book)), ("image",))["image"] for name, book in singles.items()}
described = [[with_article(f"{size} {colour} {kind}") for colour in COLOURS for size in SIZES] for kind in KINDS]
prompts = predict(space.tower("text"), pad([encode(sentence) for some in described for sentence in some]))
prompts = prompts.unflatten(0, (len(KINDS), -1))                               # (14, 16, 128)
print(described[0][0], "·", described[0][1], "·", described[5][6], "...")


def by_best(images: Tensor, prompts: Tensor) -> Tensor:
    """The class of the nearest of all sentences, by the package."""
    return nearest(images, prompts.flatten(0, 1), 1)[1][:, 0] // prompts.shape[1]


def by_mean(images: Tensor, prompts: Tensor) -> Tensor:
    """The class whose sentences' mean direction is nearest."""
    return nearest(images, F.normalize(prompts, dim=2).mean(dim=1), 1)[1][:, 0]


ways = {"the best of sixteen": by_best, "their mean": by_mean, "one, small and red": lambda x, p: by_best(x, p[:, :1])}
zero = {way: {name: (decide(image_vectors[name], prompts) == book.kinds).float().mean().item() for name, book in singles.items()}
        for way, decide in ways.items()}
compare(zero, label="the right kind of 14", chance=1 / 14)
expect("11.zero_shot", zero["the best of sixteen"]["test pages"])

# %% [markdown]
# The mean is no better than a single sentence. A picture of a small red fish is near to 'a small red fish' and far from
# 'a big blue fish', as it should be; the mean of both lies between, and near to nothing that can be seen.
#
# And the whole meaning: all 224 things that a page with one thing can be, 14 kinds in 8 colours and 2 sizes, a sentence
# for each. Pictures of held-out pairs have their right sentence among them, too.

# %%
all_objects = prompts.flatten(0, 1)                                            # (224, 128)
for name, book in singles.items():
    meant = (book.kinds * len(COLOURS) + book.colours) * len(SIZES) + book.sizes
    rank = ranks(image_vectors[name], all_objects, meant, torch.arange(len(all_objects)))
    print(f"{name:13} R@1 {recall_at(rank, 1):.2f}   R@5 {recall_at(rank, 5):.2f}   median rank {median_rank(rank):g} of 224")

# %% [markdown]
# The first figures are those of zero-shot again: where the kind is right, colour and size are, too. But why should one
# thing be harder to find than two? Because here every picture meets its worst rivals. The 13 sentences that differ from
# the right one in the kind alone are all among the 224; among 200 pages with two things there is hardly one such pair.
#
# ## A classifier that changes modality
#
# The other way round: labels exist for sentences alone. Train a linear classifier on the *sentences'* vectors, what kind
# of thing is it, and give it the *pictures'*, and the *voices'*. It has never seen one of either. Guess: as good as on
# sentences, or no better than chance?

# %%
from sklearn.linear_model import LogisticRegression

labelled = PictureBook("train", pages=1_000, objects=1, seed=train.seed + 2_000, size=48)
ours = {"text": predict(space.tower("text"), labelled.tokens)}
judged = singles["test pages"]
some = torch.arange(examples(400))
probed = vectors_of(judged, some, everything)
probe = LogisticRegression(max_iter=1_000, C=10.0).fit(F.normalize(ours["text"], dim=1).numpy(), labelled.kinds.numpy())
moved = {name: float(probe.score(x.numpy(), judged.kinds[some].numpy())) for name, x in probed.items()}
print({f"trained on sentences, judged on {name}": round(score, 2) for name, score in moved.items()})

# %% [markdown]
# It moves: chance is one in 14, and no kind was ever named with a picture or a sound. Not all of it moves, since a
# classifier leans on whatever tells *sentences* apart, and a picture's vector has little of some of that.
#
# How near are the modalities on the whole? Take the mean of all vectors of a modality, and the distance between two such
# means. Beside it, how far a vector is from its partner, and how far from the mean of its own modality.

# %%
centres = {name: x.mean(dim=0) for name, x in probed.items()}
for one, other in (("text", "image"), ("text", "sound"), ("image", "sound")):
    apart, partner = (centres[one] - centres[other]).norm(), (probed[one] - probed[other]).norm(dim=1).mean()
    within = (probed[one] - centres[one]).norm(dim=1).mean()
    print(f"{one:5} and {other:5}: means {apart:.2f} apart, partners {partner:.2f}, a vector and its own mean {within:.2f}")

# %% [markdown]
# The means lie near each other, beside how far partners are apart, and very near beside how far the vectors of one
# modality spread. That need not be so. Liang et al. 2022 found the modalities of CLIP and its like apart,
# each in a narrow cone of its own, and called it the **modality gap**: networks start so, and a loss that asks a partner
# to be *nearer than others* lets them stay so. Ours started so as well: you saw all untrained pictures at one spot.
# Pictures and words left it without being asked to be near. The voices were asked, and their mean is farther off, so
# that term does not decide it alone.
#
# ## Play: a search box
#
# Write a sentence, in words of the book, or ask with a picture or a voice. What does it find for 'a fish'? For one
# thing, when every page has two? For a zebra?

# %%
shelf = chosen[:60]
explorer = search_explorer(
    {name: x[:60] for name, x in vectors["test pages"].items()}, images=[test.image(i, 144) for i in shelf.tolist()],
    sentences=[test.sentences[i] for i in shelf.tolist()], sounds=[test.sound(i) for i in shelf.tolist()],
    embed_text=lambda sentence: predict(space.tower("text"), torch.tensor([encode(sentence)])))
explorer

# %% [markdown]
# ## The clinic
#
# This loss is a contrastive one, in both directions, and the towers are those of above. It runs, and the loss comes down
# from ln(128) as it should. But what do the towers find, after three epochs? And what became of their vectors?

# %%
class Buggy(nn.Module):
    """The mean of both directions' cross-entropies; products are means, whatever the width.   (B, D), (B, D) -> scalar"""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        logits = one @ other.T / one.shape[1]
        targets = torch.arange(len(one), device=one.device)
        return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


class TwoTowers(nn.Module):
    """Vectors as the towers give them, of any length, and the loss, so that what it learns is trained along."""

    def __init__(self, loss: nn.Module):
        super().__init__()
        self.text, self.image, self.loss = SentenceTower(len(VOCABULARY)), ImageTower(), loss

    def forward(self, tokens: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.text(tokens), self.image(images)


def a_little(loss: nn.Module) -> tuple[list[float], str]:
    """Train new towers for three epochs on a part of the pages; their losses, and what became of them on test pages."""
    towers = TwoTowers(loss)

    def embed_both() -> dict[str, Tensor]:
        return {"text": predict(towers.text, test.tokens[chosen]), "image": predict(towers.image, test.images[chosen])}

    before, part = embed_both(), Batches(tokens, images, means, size=128, transform=any_phrasing)
    history = fit(towers, part, loss=lambda vectors, _: loss(*vectors), epochs=3, lr=3e-3, metrics=(), verbose=False)
    after = embed_both()
    lengths = ", ".join(f"{name} {before[name].norm(dim=1).mean():.1f} to {after[name].norm(dim=1).mean():.1f}" for name in after)
    return history.losses, f"R@1 {both_ways(all_directions(after), 'text', 'image'):.2f}; lengths of {lengths}"


# %%
buggy_losses, became = a_little(Buggy())
print(f"first loss {buggy_losses[0]:.2f}, last {buggy_losses[-1]:.2f}, ln(128) 4.85; {became}")

# %% [markdown]
# ### Exercise 11.debug: mend it  ●●○ · 15 minutes
#
# Mean products are tiny, so the softmax is flat, and a way to sharper logits is to grow longer vectors: that is what the
# towers learned. Two things are missing. Lengths must not count, and the cosines need a scale: one number that is
# learned, stays above 0 and begins near 14, as CLIP's.

# %%
class Fixed(nn.Module):
    """The contrastive loss with a learned scale.   (B, D), (B, D) -> scalar"""

    def __init__(self):
        super().__init__()
        ### BEGIN SOLUTION
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        ### END SOLUTION

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        scale = self.log_scale.clamp(max=4.6).exp()                            # e^4.6 is about 100
        return contrastive(similarities(one, other), scale)
        ### END SOLUTION


# %%
check("11.debug", Fixed)

# %%
try:
    fixed_losses, became = a_little(Fixed())
    print(f"mended: first loss {fixed_losses[0]:.2f}, last {fixed_losses[-1]:.2f}; {became}")
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# Mended, the same three epochs find several times as many. Try one thing more: give the patient the sum of the products
# in the place of their mean. It learns, since 128 products together are large enough from the start. That is a
# scale by accident, and another width or another last layer would take it away.

# %% [markdown]
# ## On real data: a digit written, spoken and spelt
#
# Handwritten digits (MNIST), spoken ones (the free spoken digit dataset), and their names. Pictures are paired with
# names, names with recordings. Nobody wrote and said these digits together; they are paired **by label**, and that makes
# this an easy case of what you did above: ten meanings, and every one of them in each batch. Of six speakers two are
# held out, three times over; written digits for the test come from the test split. First pictures and names:

# %%
by_sound = read_aloud = singles = judged = None                                # to save memory
rows = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
recordings = real.load_or_explain("free_spoken_digits", "train")
digit_names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
if all((*rows.values(), recordings)):
    written, digits = real.images(rows["train"].shuffle(seed=0).select(range(examples(12_000))))
    test_written, test_digits = real.images(rows["test"].shuffle(seed=0).select(range(examples(2_000))))
    spoken = collate([same_loudness(real.sound(row)[0]) for row in recordings], samples=6_000)
    said = torch.tensor(recordings["label"])
    speakers, people = recordings["speaker"], sorted(set(recordings["speaker"]))
    log_mel = load("sound_encoder").log_mel.cpu()                              # for 16,000 samples a second
    mels = torch.cat([log_mel(resample(some, 8_000, 16_000)) for some in spoken.split(300)])             # (2700, 40, 76)
    synthetic = spoken_words("train", takes=2, words=digit_names)
    synthetic_mels = synthetic.log_mels(log_mel)                               # (920, 40, 76)
    names = pad([encode(name) for name in digit_names])                        # (10, 1)
    digit_space = SharedSpace({"text": SentenceTower(len(VOCABULARY), width=32, hidden=32),
                               "image": ImageTower(width=32, side=28, in_channels=1)})
    pair = digit_space.pair("image", "text")
    moving = Batches(written, names[digits], digits, size=128, transform=lambda images: shift(images, pixels=2))
    fit(pair, moving, loss=pair.loss, epochs=2, lr=3e-3, metrics=())
    strokes = predict(digit_space.tower("image"), test_written)

# %% [markdown]
# (Again the twins' floor: among 128 pages each of ten digits comes up 13 times, and ln(13) is 2.56.)
#
# Then the voices. Four people are few to learn from. So the tower begins with an encoder that the course ships, which
# knows the book's words and never heard a human being, and the book's 46 synthetic voices say the ten digits as well.
# (Whether that helps was tried with other pairs of speakers held out than the three below.) A speaker whom it never
# heard says a digit, and ten handwritten ones lie there, one of each. Which is it? And a handwritten digit, with ten
# recordings to choose from.

# %%
def one_of_each(labels: Tensor, times: int) -> Tensor:
    """Places of `times` rows of ten examples, one of each digit, in order.   -> (times, 10)"""
    return partners(torch.arange(10).expand(times, 10), labels, seed=0)


def right_of_ten(queries: Tensor, truth: Tensor, candidates: Tensor, labels: Tensor) -> float:
    """The share of queries whose nearest of ten candidates, one of each digit, has their digit."""
    lying = candidates[one_of_each(labels, len(queries))]                      # (Q, 10, D)
    cosines = torch.einsum("qd,qcd->qc", F.normalize(queries, dim=1), F.normalize(lying, dim=2))
    return (cosines.argmax(dim=1) == truth).float().mean().item()


def held_out_speakers(held: list[str]) -> dict[str, float]:
    """Bring all other speakers' recordings to the names; then let these speakers' and written digits seek each other."""
    new = torch.tensor([speaker in held for speaker in speakers])
    digit_space.towers["sound"] = nn.Sequential(load("sound_encoder").classifier.encoder, nn.Linear(128, 32))
    pair = digit_space.pair("sound", "text", locked="text")
    truth = torch.cat([said[~new], synthetic.labels])
    both = Batches(torch.cat([mels[~new], synthetic_mels]), names[truth], truth, transform=lambda x: spec_augment(shift_bands(x)))
    fit(pair, both, loss=pair.near_loss, epochs=6, lr=5e-3, metrics=(), verbose=False)     # apart and near, as above
    tones = predict(digit_space.tower("sound"), mels[new])
    return {"spoken finds written": right_of_ten(tones, said[new], strokes, test_digits),
            "written finds spoken": right_of_ten(strokes, test_digits, tones, said[new])}


if all((*rows.values(), recordings)):
    by_pair = {" and ".join(held): held_out_speakers(held) for held in (people[:2], people[2:4], people[4:])}
    compare(by_pair, label="right of ten", chance=0.1)
    expect("11.digits", sum(sum(row.values()) for row in by_pair.values()) / 6)

# %% [markdown]
# With ten meanings this is classification in other words: each tower learns to say one of ten, and the space is hardly
# needed. Real pictures and real speech have no ten meanings. Harwath et al. 2016 collected more than 120,000 spoken
# captions of photographs and trained a picture's and a voice's network on such pairs, without a word of text: their
# network finds the picture by its description, and seems to know words in it.
#
# Where these methods are used: **image-text retrieval.** You look for 'a dog on a beach' among your own photographs, and
# nobody wrote captions for them. The pictures' vectors were computed once, when they came in; a query costs one run of
# the words' tower and a table of products. What the toy leaves out: millions of candidates, for which one looks only in
# the neighbourhood, and captions from the web, which say what someone found worth saying and not what can be seen. So
# what such a space takes for alike is what was said alike.

# %%
quiz("11")

# %% [markdown]
# ## What you have now
#
# - The contrastive loss, from an empty cell: rows, columns, a scale that is learned, twins that share.
# - A number to compare every first loss with: ln(batch).
# - A search judged by ranks, fair to ties, in six directions.
# - Two modalities that met only through a third, and what that costs.
# - Classes by sentences, and a classifier that changed its modality.
#
# Next: 12 Picture to words. A space finds a sentence that was there; now one is to be written.
#
# **Sources.** Radford et al. 2021, *Learning transferable visual models from natural language supervision* (CLIP): the
# symmetric loss, the learned temperature, zero-shot classification by prompts. van den Oord, Li, Vinyals 2018,
# *Representation learning with contrastive predictive coding*: the cross-entropy of one positive among negatives.
# Khosla et al. 2020, *Supervised contrastive learning*: several positives. Wang, Isola 2020, *Understanding contrastive
# representation learning through alignment and uniformity on the hypersphere*. Zhai et al. 2022, *LiT: zero-shot
# transfer with locked-image text tuning*. Girdhar et al. 2023, *ImageBind: one embedding space to bind them all*. Liang
# et al. 2022, *Mind the gap: understanding the modality gap in multi-modal contrastive representation learning*.
# Harwath, Torralba, Glass 2016, *Unsupervised learning of spoken language with visual context*. The digits: LeCun et
# al. 1998; Jackson et al., free spoken digit dataset.
