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
# # 09 · Attention across modalities
#
# **You will build a network that looks at a picture, reads a question and hears a word, and answers right about 95
# times in a hundred, where any two of the three are right 60 times at most. And you will see where it looks when it
# hears a word, though nobody ever told it.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [04 Attention](04_attention.ipynb), [08
# Joining features](08_fusion.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. say by counting, before any training, what each two of three modalities can reach;
# 2. write low-rank fusion, cross-attention, FiLM and a bottleneck layer, and say what each costs;
# 3. tell when one vector a modality is too little, and hand over tokens;
# 4. look at attention weights across modalities, and say what they show and what they do not;
# 5. find out whether features are treated as amounts or as names.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, evaluate, examples, expect, fit, hint, predict, quiz, steps
from mmcourse.data import real
from mmcourse.data.audio import LogMel, collate, same_loudness
from mmcourse.data.augment import shift, shift_bands, spec_augment
from mmcourse.models import fusion
from mmcourse.models.attention import attention
from mmcourse.models.cnn import ImageClassifier
from mmcourse.models.question_answering import QuestionAnswerer, with_positions
from mmcourse.models.speech import SpeechClassifier
from mmcourse.models.transformer import EncoderBlock
from mmcourse.picturebook.scene import KINDS
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.picturebook.speech import speak, voices
from mmcourse.show import (
    bar_with_range,
    compare,
    play_many,
    plot_panels,
    question_answering_explorer,
    show_heatmap_over,
    show_pages,
    show_stored_table,
)
from mmcourse.tasks.question_answering import ANSWERS, QUESTIONS, QuestionBatches, Questions
from mmcourse.tasks.strips import where_is_it
from mmcourse.training.cost import cost_of_a_step
from mmcourse.training.device import device
from mmcourse.training.shipped import load

begin("09")

# %% [markdown]
# ## Look, read and listen
#
# A picture of two things, a written question, and one spoken word. Answer each out loud.

# %%
names = {"train": "train", "valid": "valid", "test pages": "test", "held-out pairs": "held_out_pairs",
         "held-out voices": "held_out_voices", "held-out phrasings": "held_out_phrasings"}
question_sets = {split: Questions(PictureBook(name, pages=5_000 if split == "train" else 500, objects=2))
         for split, name in names.items()}
test = question_sets["test pages"]
few = [6, 16, 20, 27]                                                           # of four pages, six examples each
show_pages(torch.stack([test.book.image(test.pages[i], 128) for i in few]), rows=1, columns=4,
           sentences=[test.sentences[i] for i in few],
           alt="Four pictures of two things, a question below each: " + "; ".join(
               f"it shows '{test.book.sentences[test.pages[i]]}' and asks '{test.sentences[i]}'" for i in few))
play_many([test.sound(test.spoken[i]) for i in few], titles=[f"picture {n}" for n in (1, 2, 3, 4)], columns=4)

# %%
print([(test.words[test.spoken[i]], ANSWERS[test.labels[i]]) for i in few])

# %% [markdown]
# Now leave out one of the three, each in turn. Without the picture there is nothing to see. Without the question you
# know which thing is meant, and not what to say of it. Without the voice you know what to say, and not of which of
# the two.
#
# How good can anyone be at each? No training is needed to say so, because each page is asked everything: all three
# questions about both of its things, in the same words. So the labels come in tables, and counting will do.

# %%
table = test.labels.unflatten(0, (-1, 2, 3))                                    # (pages, things, questions)
agree = (table[:, 0] == table[:, 1]).float().mean(dim=0)
bound = {question: 0.5 + fraction / 2 for question, fraction in zip(QUESTIONS, agree.tolist(), strict=True)}
print("picture and question, at most:", {question: f"{most:.2f}" for question, most in bound.items()},
      f"mean {sum(bound.values()) / 3:.3f}")
print(f"picture and word, at most:     {1 / 3:.3f}")

# %% [markdown]
# Without the voice, page and question are the same for both things: where their answers differ, whatever is said is
# right about one of the two. Without the question, picture and word are the same for three questions, whose answers
# are of three kinds. These are bounds for the best of all models.
#
# Without the picture there is something to guess by: which colours do boats mostly have? So for each thing and
# question count the commonest answer in training, and give that.

# %%
def object_and_question(questions: Questions) -> tuple[Tensor, Tensor]:
    """Which kind of thing is meant, and what is asked of it.   (N,), (N,)"""
    kinds = torch.tensor([KINDS.index(word) for word in questions.words])
    return kinds[questions.spoken], torch.arange(len(questions)) % len(QUESTIONS)


counts = torch.zeros(len(KINDS), len(QUESTIONS), len(ANSWERS))
train = question_sets["train"]
counts.index_put_((*object_and_question(train), train.labels), torch.ones(len(train)), accumulate=True)
commonest = counts[object_and_question(test)].argmax(dim=1)
print(f"word and question, by the commonest answer: {(commonest == test.labels).float().mean():.3f}")

# %% [markdown]
# ## What there is to join
#
# Encoders that the course ships look and listen. They stay as they are, and never saw a held-out pair or heard a
# held-out voice. The picture's encoder gives its **feature maps**, before the pooling that made a vector of them in
# lesson 08. The question is read from scratch.

# %%
image_encoder, sound_encoder = load("image_encoder").encoder, load("sound_encoder")


def encode_pages(questions: Questions) -> tuple[Tensor, Tensor]:
    """Feature maps of the pages and features of the spoken words, two a page.   (N, 128, 6, 6), (2 N, 128)"""
    with torch.no_grad():
        maps = [image_encoder.feature_maps(images.to(device())).cpu() for images in questions.book.images.split(256)]
        sound = [sound_encoder.features(sounds.to(device())).cpu() for sounds in questions.batches()]
    del questions.book.images                                                   # to save memory; they would be drawn again
    return torch.cat(maps), torch.cat(sound)


raw = {split: encode_pages(questions) for split, questions in question_sets.items()}
maps, words = raw["train"]
print(f"maps of a page {tuple(maps.shape[1:])}, a spoken word {tuple(words.shape[1:])}")

# %% [markdown]
# `(128, 6, 6)`: 36 places in 6 rows, 128 features each. Mean 0 and one scale for a modality, as in lesson 08. Then
# `positions`, which you will write yourself below, makes a list of 36 tokens of each page, and adds two features to each
# that say where it is.

# %%
centre, scale = maps.mean(dim=(0, 2, 3), keepdim=True), maps.std(dim=(0, 2, 3)).mean()
middle, width = words.mean(dim=0), words.std(dim=0).mean()
image_tokens = {split: with_positions((maps - centre) / scale, reach=3.0) for split, (maps, _) in raw.items()}  # (N, 36, 130)
sound = {split: (words - middle) / width for split, (_, words) in raw.items()}                         # (2 N, 128)
del raw, maps, words                                                                                    # to save memory


def batches(split: str, **options) -> QuestionBatches:
    """((B, 36, 130), (B, 128), (B, T)), labels (B,): places, what was heard, the question's words."""
    return QuestionBatches(question_sets[split], image_tokens[split], sound[split], **options)

# %% [markdown]
# ## Squeezed into one vector each
#
# First as you know it: one vector a picture, the largest of each feature over all places, and three vectors, joined.
# Lesson 08's winners were a small network on the concatenation, and the product. Both are there for three modalities
# as well. Before them a network that gets two: the question and the voice.
#
# How far will the concatenation get, for each of the three questions? Write down a guess.

# %%
def largest(image_tokens: Tensor) -> Tensor:
    """One vector a picture, where each feature is largest.   (B, 36, 130) -> (B, 128)"""
    return image_tokens[..., :128].amax(dim=1)


class VectorFusion(nn.Module):
    """One vector a modality, joined.   (B, 36, 130), (B, 128), (B, T) -> logits (B, 14)"""

    def __init__(self, join: nn.Module, pool=largest):
        super().__init__()
        self.encode_text = nn.EmbeddingBag(len(VOCABULARY), 64, mode="mean", padding_idx=0)  # a mean of word vectors
        self.join, self.pool = join, pool
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, len(ANSWERS)))

    def forward(self, image_tokens: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        vectors = {"image": self.pool(image_tokens), "sound": sound, "text": self.encode_text(tokens)}
        return self.head(self.join({name: vectors[name] for name in self.join.sizes}))


# %% [markdown]
# All models of this lesson are trained alike, and judged question by question.

# %%
def trained(model: nn.Module, **options) -> nn.Module:
    fit(model, batches("train", size=128), epochs=4, lr=5e-3, verbose=False, **options)
    return model


def score(model: nn.Module, split: str = "test pages") -> float:
    return evaluate(model, batches(split, size=500, shuffle=False))["accuracy"]


def answers(model: nn.Module, split: str = "test pages") -> Tensor:
    """What it answers to everything that is asked.   (pages, things, questions)"""
    q = question_sets[split]
    logits = predict(model, (image_tokens[split][q.pages], sound[split][q.spoken], q.tokens))
    return logits.argmax(dim=1).unflatten(0, (-1, 2, 3))


def is_correct(model: nn.Module, split: str = "test pages") -> Tensor:
    return answers(model, split) == question_sets[split].labels.unflatten(0, (-1, 2, 3))


def by_question(models: dict[str, nn.Module]) -> dict[str, dict[str, float]]:
    return {name: dict(zip(QUESTIONS, is_correct(model).float().mean(dim=(0, 1)).tolist(), strict=True))
            for name, model in models.items()}


# %%
sizes = {"image": 128, "sound": 128, "text": 64}
pooled = {"no image": VectorFusion(fusion.Concatenation({"sound": 128, "text": 64}, 128, hidden=128)),
          "small network": VectorFusion(fusion.Concatenation(sizes, 128, hidden=128)),
          "product": VectorFusion(fusion.Product(sizes, 128))}
overall = {name: score(trained(model)) for name, model in pooled.items()}
compare({"at most, without the voice": bound, **by_question(pooled)})
print({name: round(figure, 3) for name, figure in overall.items()})

# %% [markdown]
# On average little more than two of the three could reach. By question it is two different things. Colours and sizes
# are well above what can be had without the voice, so the voice is of use. *Where is it?* is below: the largest over
# all places forgets **where** anything is. And of what is there it hardly says **what belongs to what**: something is
# blue, something is small, there are a boat and a fish, and which of them is blue? To know which colours boats have
# helps a little.
#
# ## All products: a tensor, and its shortcut
#
# The product joins the $i$-th feature of each with the $i$-th of the others. Why not every feature with every other?
# The **outer product** of three vectors holds all those numbers, and a linear layer on top has a weight for each:
#
# $$z_k = \sum_{a, b, c} W_{kabc}\; x_a\, y_b\, z_c$$

# %%
full = 128 * 128 * 64
print(f"{full:,} products an example, {128 * full:,} weights for 128 outputs")

# %% [markdown]
# Half a gigabyte of weights for one layer, and as much again for their gradients. Zadeh et al. 2017 fused three
# modalities so, with short vectors. Liu et al. 2018 keep the idea and never form the tensor: let $W$ be a sum of a
# few, $R$, tensors that are themselves outer products, $W_k = \sum_r a_{rk} \otimes b_{rk} \otimes c_{rk}$. Then the
# sum over $a, b, c$ falls apart into three, one a modality:
#
# $$z_k = \sum_{r=1}^{R} (a_{rk} \cdot x)\,(b_{rk} \cdot y)\,(c_{rk} \cdot z)$$
#
# By hand, for two modalities, one output and rank 2: $x = (1, 2)$, $y = (3, 1)$, $W$ the identity. All products are
# $\begin{pmatrix} 3 & 1 \\ 6 & 2 \end{pmatrix}$, and $W$ takes $3 + 2 = 5$ of them. By ranks: $(1 \cdot 3) + (2 \cdot
# 1) = 5$.
#
# ### Exercise 09.1: low-rank fusion  ●●○ · 10 minutes
#
# For any number of modalities. `factors[m]` holds the weights of modality `m`, a `(K, D_m)` for each rank.

# %%
def low_rank(features: list[Tensor], factors: list[Tensor]) -> Tensor:
    """A sum over ranks of products over modalities.   (B, D_m) each, (R, K, D_m) each -> (B, K)"""
    ### BEGIN SOLUTION
    product = 1.0
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)         # (B, R, K)
    return product.sum(dim=1)
    ### END SOLUTION


# %%
check("09.1", low_rank)

# %% [markdown]
# Is it the same as the whole tensor? On sizes at which that still fits, with random factors. And the other way round:
# does every tensor fall apart so? For two modalities the singular value decomposition says yes, with as many ranks as
# the smaller has features. How good are fewer?

# %%
x, y, z = (torch.randn(5, d) for d in (4, 6, 3))
a, b, c = (torch.randn(2, 7, d) for d in (4, 6, 3))                             # rank 2, 7 outputs
whole = torch.einsum("rka,rkb,rkc->kabc", a, b, c)                              # (7, 4, 6, 3)
by_tensor = torch.einsum("kabc,na,nb,nc->nk", whole, x, y, z)
each = [torch.einsum("nd,rkd->nrk", features, factor) for features, factor in ((x, a), (y, b), (z, c))]
by_ranks = (each[0] * each[1] * each[2]).sum(dim=1)                             # (5, 7)
print(f"largest difference {(by_tensor - by_ranks).abs().max():.0e}, "
      f"weights {whole.numel()} and {a.numel() + b.numel() + c.numel()}")
some = torch.randn(8, 8)
U, S, V = torch.linalg.svd(some)
for rank in (1, 2, 4, 8):
    kept = U[:, :rank] * S[:rank] @ V[:rank]
    print(f"a random 8 x 8 tensor at rank {rank}: {(some - kept).norm() / some.norm():.2f} of it is missing")

# %% [markdown]
# With full rank nothing is missing, and rank 1 is the product of lesson 08. The package's `LowRank` adds a bias to
# each factor, as Liu et al. do by a 1 at the end of each vector: then single modalities and pairs of them are in the
# sum as well. Which rank will this task need? And is it the products that are too poor, or the vectors? As a test of
# the second, do not squeeze: the 36 places side by side, one vector of 4,680 numbers.

# %%
ranked = {f"low rank, {rank}": VectorFusion(fusion.LowRank(sizes, 128, rank=rank)) for rank in (1, 8)}
ranked["low rank, 2, side by side"] = VectorFusion(fusion.LowRank({**sizes, "image": 36 * 130}, 128, rank=2),
                                               pool=lambda image_tokens: image_tokens.flatten(1))
for name, model in ranked.items():
    trained(model)
    count = sum(p.numel() for p in model.join.parameters())
    print(f"{name:26} {score(model):.3f}   held-out pairs {score(model, 'held-out pairs'):.3f}   {count:9,} weights")
compare(by_question(ranked))

# %% [markdown]
# More ranks on squeezed vectors gain next to nothing. The same products on what was *not* squeezed gain ten points, and
# the whole of that in *where is it?*: it was the pooling that threw away what is asked for, and no product brings that
# back. But side by side each place has weights of its own. That is dear, and what was learned of boats on the left must
# be learned again for boats on the right: colours are answered worse than before.
#
# So join **before** squeezing, with the same weights for every place: hand over the 36, and let the word choose.
#
# ## Places as tokens
#
# A word is a token with a position; so is a place. Its features are what the encoder saw there. But where is 'there'?
# A mean over places forgets it, as attention forgets the order of words, and *where is it?* needs it. So each place
# gets its coordinates as two features more.
#
# ### Exercise 09.2: places that know where they are  ●○○ · 10 minutes
#
# Row after row, `x` before `y`, from -1 at the left and the top to 1. Maps may be of any size, one row high as well.

# %%
def add_positions(maps: Tensor) -> Tensor:
    """Each place as a token, its x and y at the end.   (B, C, H, W) -> (B, H * W, C + 2)"""
    ### BEGIN SOLUTION
    B, C, H, W = maps.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    where = torch.stack([x, y]).to(maps).expand(B, 2, H, W)
    return torch.cat([maps, where], dim=1).flatten(2).transpose(1, 2)
    ### END SOLUTION


# %%
check("09.2", add_positions)

# %% [markdown]
# The package's `positions` does the same. Above it was called with `reach=3.0`: the coordinates then go from -3 to 3, so
# that two numbers are not drowned by 128 others.
#
# ## Cross-attention by hand
#
# In lesson 04 the words of a sentence looked at one another. Now one modality looks at another: **the queries come
# from one, keys and values from the other** (Vaswani et al. 2017 join their decoder to their encoder so). The two
# need not be of one width, since each goes through a linear layer of its own:
#
# $$\text{scores} = \frac{(A\, W_q^\top)(P\, W_k^\top)^\top}{\sqrt d} \qquad \text{found} = \text{softmax}(\text{scores})\; P\, W_v^\top$$
#
# $A$ are the tokens that ask, $P$ the places. Here one token asks, the word that was heard.

# %% tags=["nbval-check-output"]
word, three = torch.tensor([[1.0, 0, 2]]), torch.tensor([[1.0, 0], [0, 1], [1, 1]])     # (1, 3), (3 places, 2)
W_q, W_k, W_v = torch.tensor([[2.0, 0, 0], [0, 0, 1]]), torch.eye(2), torch.tensor([[10.0, 20]])
queries, keys, values = word @ W_q.T, three @ W_k.T, three @ W_v.T                      # (1, 2), (3, 2), (3, 1)
scores = queries @ keys.T / 2**0.5                                                      # (1, 3): 1.41, 1.41, 2.83
weights = scores.softmax(dim=-1)
print("weights", [round(w, 3) for w in weights[0].tolist()], "  found", round((weights @ values).item(), 3),
      "  package", round(attention(queries, keys, values)[0].item(), 3))

# %% [markdown]
# The word's query fits the third place best, which has both features, so it takes most of its value, 30, and some of
# 10 and 20.
#
# ### Exercise 09.3: cross-attention  ●●○ · 15 minutes
#
# Return both, what was found and the weights: you will want to look at them.

# %%
def cross_attention(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> tuple[Tensor, Tensor]:
    """One modality looks at another.   -> found (B, T_q, D), weights (B, T_q, T_k)

    query_tokens (B, T_q, D_query), other (B, T_k, D_other), W_q (d, D_query), W_k (d, D_other), W_v (D, D_other)
    """
    ### BEGIN SOLUTION
    queries, keys, values = query_tokens @ W_q.T, other @ W_k.T, other @ W_v.T
    scores = queries @ keys.transpose(1, 2) / W_q.shape[0] ** 0.5           # (B, T_q, T_k)
    weights = scores.softmax(dim=-1)
    return weights @ values, weights
    ### END SOLUTION


# %%
check("09.3", cross_attention)

# %% [markdown]
# ## FiLM by hand
#
# The word has found its places. Now the question comes in: of all that was found there, colour, size or position is
# wanted. A product could do it, or a gate. Perez et al. 2018 asked questions about pictures, and let the question
# **scale and shift** each feature, which they called FiLM (feature-wise linear modulation):
#
# $$\text{FiLM}(F) = (1 + \gamma) \odot F + \beta, \qquad \gamma = W_\gamma\, q + b_\gamma, \quad \beta = W_\beta\, q + b_\beta$$
#
# With $\gamma = -1$ a feature is switched off, with $\gamma = -2$ turned round. Without $\gamma$ it is a sum, without
# $\beta$ a product: FiLM holds two of lesson 08's ways. And with all weights 0 it changes nothing, which is a good
# way to begin. (The paper writes $\gamma \odot F + \beta$, and has its network
# give how far $\gamma$ is from 1, for that reason.)
#
# ### Exercise 09.4: FiLM  ●○○ · 10 minutes
#
# One condition an example, and all of its tokens are modulated alike. The first half of `W` makes γ, the second β.

# %%
def film(features: Tensor, condition: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Scale and shift as the condition says.   (B, T, D), (B, C), W (2D, C), b (2D,) -> (B, T, D)"""
    ### BEGIN SOLUTION
    gamma, beta = (condition @ W.T + b).chunk(2, dim=1)                     # (B, D) each
    return (1 + gamma[:, None]) * features + beta[:, None]
    ### END SOLUTION


# %%
check("09.4", film)

# %% [markdown]
# ## The whole model
#
# As the task is made, so is the network: **the word asks the places, the question modulates what was found, a hidden
# layer answers.** Queries and keys go through a small network each. Several heads look at once, as in lesson 04. Each
# of them brings back a part of the vector. How many will be needed?

# %%
class AnswererByHand(nn.Module):
    """(B, T, 130) places, (B, 128) heard, (B, L) question -> logits (B, 14)"""

    def __init__(self, heads: int, width: int = 64):
        super().__init__()
        self.heads = heads
        self.query = nn.Sequential(nn.Linear(128, width), nn.ReLU(), nn.Linear(width, width))
        self.key = nn.Sequential(nn.Linear(130, width), nn.ReLU(), nn.Linear(width, width))
        self.value = nn.Linear(130, 2 * width)
        self.encode_text = nn.EmbeddingBag(len(VOCABULARY), width, mode="mean", padding_idx=0)
        self.film = fusion.FiLM({"image": 2 * width, "text": width}, 2 * width)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, len(ANSWERS)))

    def attend(self, positions: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.query(sound)[:, None], self.key(positions), self.value(positions)  # (B, 1, D), (B, T, D), (B, T, 2D)
        heads = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in parts)      # (B, heads, ., .)
        found, weights = attention(*heads)                                              # (B, heads, 1, .), (B, heads, 1, T)
        return found.flatten(1), weights[:, :, 0]

    def forward(self, positions: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        found, _ = self.attend(positions, sound)
        return self.head(self.film({"image": found, "text": self.encode_text(tokens)}))


# %% [markdown]
# The package has it as `QuestionAnswerer`, and gives the same with the same weights. (`fusion.FiLM` projects its base first,
# with a linear layer.) The optimiser is that of all the models above, as many steps, with as many pages. One head and
# four; guess the difference for each kind of question.

# %%
by_hand, package = AnswererByHand(heads=4), QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=4)
by_hand.load_state_dict(package.state_dict())
given = next(iter(batches("valid", size=5)))[:3]
print(f"largest difference {(by_hand.to(device())(*given) - package.to(device())(*given)).abs().max():.0e}")
one_head = trained(QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=1))
answerer = QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=4)
history = fit(answerer, batches("train", size=128), valid=batches("valid", size=500, shuffle=False), epochs=4, lr=5e-3)

# %%
compare(by_question({"low rank, 8": ranked["low rank, 8"], "one head": one_head, "four heads": answerer}))

# %% [markdown]
# Colours and sizes need one head: find the thing, read it. *Where is it?* is about two things, since 'left' means
# left of the other. Where do the heads look, then? Nobody told them where anything is.
#
# ## Where does it look?
#
# Two pages and the two words of each. The weights of each of the four heads, over the picture.

# %%
def attention_of(model: nn.Module, split: str = "test pages") -> Tensor:
    """The weights for every word of every page.   (pages, things, heads, 36)"""
    with torch.no_grad():
        pages = image_tokens[split].repeat_interleave(2, dim=0)                                 # one for each word
        return model.attend(pages.to(device()), sound[split].to(device()))[1].cpu().unflatten(0, (-1, 2))


weights = attention_of(answerer)
show_heatmap_over(torch.stack([test.book.image(page, 128) for page in (1, 2) for _ in range(8)]),
                  weights[1:3].flatten(0, 2).unflatten(1, (6, 6)), columns=4,
                  titles=[f"'{word}', head {head}" for word in test.words[2:6] for head in (1, 2, 3, 4)])

# %% [markdown]
# In figures: how much of a head's weight lies on the thing that was named, how much on the other? A place belongs to
# the thing whose rim is nearer, where that is no further than half a cell. The last row is for comparison: a map that
# gives all 36 places the same.

# %%
def on_objects(split: str) -> Tensor:
    """Which places belong to each thing of a page.   (pages, things, 36) bool"""
    cells = (torch.arange(6) + 0.5) / 6
    grid = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1).flatten(0, 1)       # (36, 2): x, y
    circles = [[(item.x, item.y, item.radius) for item in scene.objects] for scene in question_sets[split].book.scenes]
    objects = torch.tensor(circles)                                                             # (pages, things, 3)
    rim = (grid - objects[:, :, None, :2]).norm(dim=-1) - objects[:, :, None, 2]                # (pages, things, 36)
    return (rim == rim.amin(dim=1, keepdim=True)) & (rim < 1 / 12)


def attention_fractions(weights: Tensor, split: str = "test pages") -> dict[str, float]:
    """How a head's weights (pages, things, 36) are shared out, on average."""
    on = on_objects(split)
    named, other = ((weights * part).sum(dim=-1).mean().item() for part in (on, on.flip(1)))
    return {"thing named": named, "other thing": other, "elsewhere": 1 - named - other}


# %%
on_valid = [attention_fractions(head, "valid")["thing named"] for head in attention_of(answerer, "valid").unbind(dim=2)]
best = on_valid.index(max(on_valid))                                            # chosen on pages that judge nothing
pointing = [head for head in range(4) if on_valid[head] > 0.5]
rows = {f"head {head + 1}": attention_fractions(weights[:, :, head]) for head in range(4)}
rows |= {"one head alone": attention_fractions(attention_of(one_head)[:, :, 0]), "flat": attention_fractions(torch.full_like(weights[:, :, 0], 1 / 36))}
compare(rows, label="share of the weight")
expect("09.attention", attention_fractions(weights[:, :, best])["thing named"])

# %% [markdown]
# Some heads *point*: they sit on the thing that was named. The others *spread*, over both things and what surrounds
# them. (Which does what, differs from training to training.) Often the strongest place is at a thing's edge: a place
# sees a little more than its own cell.
#
# A single head comes to one of two ends, and it is luck which. It points, and then knows only where its thing stands on
# the page; or it spreads, and keeps the other in view at some cost. So *where is it?* goes anywhere from two thirds to
# nearly nine in ten: watch its range in the table of five trainings below. Even two can both end up pointing. Among four
# there was always one that did not, whenever we trained.
#
# The network was given answers, 'blue' and 'left', and nothing else. (Its encoders had learned before to tell things
# apart, and words apart.) That this sound and this shape belong together it had to find out, for each of fourteen
# kinds. Harwath et al. 2018 do it on photographs: from pictures and spoken captions alone, their network finds the
# things that are named.
#
# ### Take heads away
#
# A map of weights shows where a model looked. Whether it *used* what it saw is another matter, and can be tested: make
# the weights of some heads flat and leave all else. What will the loss of each kind do to colour, and what to place?

# %%
@torch.no_grad()
def with_flat(heads: list[int]) -> dict[str, float]:
    """The share of right answers for each question, with the weights of some heads all alike."""
    changed = weights.clone()
    changed[:, :, heads] = 1 / 36
    values = answerer.value(image_tokens["test pages"].to(device())).unflatten(-1, (4, -1))     # (pages, 36, heads, 32)
    found = torch.einsum("pthc,pchd->pthd", changed.to(device()), values).flatten(2)            # (pages, things, 128)
    found = found.flatten(0, 1).repeat_interleave(len(QUESTIONS), dim=0)                        # one for each question
    logits = answerer.head(answerer.film({"image": found, "text": answerer.encode_text(test.tokens.to(device()))}))
    good = (logits.argmax(dim=1).cpu() == test.labels).unflatten(0, (-1, 3)).float().mean(dim=0)
    return dict(zip(QUESTIONS, good.tolist(), strict=True))


spreading = [head for head in range(4) if head not in pointing]
compare({"all heads": with_flat([]), "those that point made flat": with_flat(pointing),
         "those that spread made flat": with_flat(spreading)})

# %% [markdown]
# Without the heads that point all three fall, and *place* below what can be had without a voice. Without the others,
# colours and sizes stay nearly as they were and *place* falls: that is what they are for.
#
# ## Any two
#
# Now the promise: the same model, trained as long, one of the three replaced by zeros in training and in the test.
# Compare with what you counted at the beginning.

# %%
class Without(nn.Module):
    """The same model, one of its inputs blanked: 0 the picture, 1 the voice, 2 the question."""

    def __init__(self, blank: int):
        super().__init__()
        self.answerer, self.blank = QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=4), blank

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.answerer(*(torch.zeros_like(x) if i == self.blank else x for i, x in enumerate(inputs)))


splits = ("test pages", "held-out pairs", "held-out voices", "held-out phrasings")
two = {name: trained(Without(blank)) for blank, name in enumerate(("no image", "no voice", "no question"))}
table = {name: {split: score(model, split) for split in splits} for name, model in {**two, "all three": answerer}.items()}
compare(table)
expect("09.any_two", max(table[name]["test pages"] for name in two))
expect("09.test_pages", table["all three"]["test pages"])
expect("09.held_out_pairs", table["all three"]["held-out pairs"])
expect("09.held_out_voices", table["all three"]["held-out voices"])

# %% [markdown]
# No pair gets above what you counted: 0.60 and 0.33 on test pages, with the pages of other splits a hundredth more or
# less. Without the picture about 0.3 is left, as for the commonest answer. All three together are right in about 95
# of 100 cases, and as often in voices that nobody heard in training.
#
# Pairs of thing and colour that it never saw cost about ten points. By question:

# %%
for split in ("test pages", "held-out pairs"):
    good, named = is_correct(answerer, split).float().mean(dim=(0, 1)), attention_of(answerer, split)[:, :, best]
    print(f"{split:12}", {question: f"{figure:.2f}" for question, figure in zip(QUESTIONS, good.tolist(), strict=True)},
          f"weight on the thing named {attention_fractions(named, split)['thing named']:.2f}")

# %% [markdown]
# Colours fall most: the encoder of the picture reads these pairs worse, as in lesson 01. But *place* falls as well,
# which asks for no colour at all. The thing itself is harder to find, and less of the weight lies on it.
#
# And the wordings? Before you run the cell: these are the three questions it never read. Which one will it fail?

# %%
new = answers(answerer, "held-out phrasings")
for i, phrasings in enumerate(QUESTIONS.values()):
    fraction = is_correct(answerer, "held-out phrasings")[..., i].float().mean()
    commonest = [ANSWERS[answer] for answer in new[..., i].flatten().bincount().argsort(descending=True)[:2].tolist()]
    print(f"{fraction:.2f}   {phrasings[-1]}?   mostly: {', '.join(commonest)}")
print("words of training questions:", sorted({word for sentence in question_sets["train"].sentences for word in sentence.split()}))

# %% [markdown]
# 'colour' and 'size' were read in training, and a mean of word vectors can stand new company, one more or less well.
# The vectors of 'of', 'left', 'right', 'above' and 'below' are as random as on the first day: no question had them.
# What the third one does have is 'or', twice, and 'or' was read in 'is this thing big or small' alone; so a question
# with 'or' in it gets a size. No model that reads from scratch could know better, from two wordings of each. What
# helps is to have read a great deal before, which is lesson 05.
#
# ## Through a bottleneck
#
# Here one modality asks another. What if all shall hear all: 36 places, the words of the question, frames of a sound?
# The plain way puts all tokens into one sequence, and each looks at each: lesson 04's block, and its $T^2$. Nagrani
# et al. 2021 put a few **bottleneck tokens** between. In a layer of theirs each modality attends to itself and to
# those few. Then the proposals of the modalities for the shared tokens are averaged:
#
# $$[s_m;\, x_m] \leftarrow \text{layer}_m\big([s;\, x_m]\big), \qquad s \leftarrow \tfrac1M \textstyle\sum_m s_m$$
#
# All that sound can tell the picture goes through $s$, in our case 4 tokens of 64 numbers.
#
# ### Exercise 09.5: one step through the bottleneck  ●●● · 15 minutes
#
# `layers[m]` takes and gives `(B, tokens, D)`. Put the shared tokens first, and call each layer once.

# %%
def bottleneck_step(shared: Tensor, modalities: list[Tensor], layers: list) -> tuple[Tensor, list[Tensor]]:
    """Each modality with the shared tokens.   (B, b, D), (B, T_m, D) each -> the same shapes"""
    ### BEGIN SOLUTION
    proposals, after = [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))                         # (B, b + T_m, D)
        proposals.append(both[:, : shared.shape[1]])
        after.append(both[:, shared.shape[1] :])
    return torch.stack(proposals).mean(dim=0), after
    ### END SOLUTION


# %%
check("09.5", bottleneck_step)

# %% [markdown]
# What does it save? Three modalities of $T$ tokens: all in one sequence make $(3T)^2$ weights a head, through $b$
# shared tokens $3\,(T + b)^2$. Guess the ratio for long sequences, then look. Bytes are what PyTorch keeps for the
# backward pass, as in lesson 04.

# %%
class Through(nn.Module):
    """One layer for three modalities: all in one sequence, or each with `b` shared tokens."""

    def __init__(self, b: int | None):
        super().__init__()
        self.layers = nn.ModuleList(EncoderBlock(64, 4, 128) for _ in range(1 if b is None else 3))
        self.shared = None if b is None else nn.Parameter(0.02 * torch.randn(b, 64))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3 * T, 64) -> (B, 64)"""
        if self.shared is None:
            return self.layers[0](x).mean(dim=1)
        shared = self.shared.expand(len(x), -1, -1)
        parts = zip(self.layers, x.chunk(3, dim=1), strict=True)
        both = [layer(torch.cat([shared, part], dim=1)) for layer, part in parts]
        return sum(part[:, : len(self.shared)] for part in both).mean(dim=1) / 3


counts = [16 * 2**i for i in range(steps(5))]
costs = {name: [cost_of_a_step(Through(b), torch.randn(4, 3 * n, 64)) for n in counts]
         for name, b in {"all in one sequence": None, "through 4 shared tokens": 4}.items()}
plot_panels({"milliseconds": {name: [1e3 * cost.seconds for cost in row] for name, row in costs.items()},
             "megabytes kept": {name: [cost.bytes / 1e6 for cost in row] for name, row in costs.items()}},
            counts, xlabel="tokens of each of three modalities", log="xy", ylabel=("ms", "MB"))
for n, one, narrow in zip(counts, *costs.values(), strict=True):
    print(f"{n:3} tokens each: {one.bytes / narrow.bytes:.1f} times as many bytes")

# %% [markdown]
# In bytes the ratio grows towards 3, the number of modalities, and no further: each still looks at itself, and that is
# $T^2$. What shrinks from $T^2$ to $T\,b$ is the traffic *between* them. In time it is a bad bargain for few tokens,
# where three small layers cost more than one that is a little larger; and they have three layers' weights. The paper's
# point is more than the price. What has to pass a narrow door gets sorted first: they report better results than with
# all in one sequence, for less.
#
# ## All of them, several seeds
#
# Five seeds of each method, in a table that a script of the project measured (`benchmarks/question.py`).

# %%
show_stored_table("09_question")

# %% [markdown]
# Decisions first, three classifiers that never met. The picture's can say which answers fit anything on the page, the
# question's which *kind* of answer is asked for. A mean of logits keeps what both allow, and so comes as far as
# concatenated vectors. A mean of probabilities rules nothing out. (In lesson 08 it was the better of the two, where
# either modality sufficed and no veto was wanted.)
#
# However **vectors** are joined, they stay near what you saw. Look at them on *held-out pairs*: they fall far below the
# 0.60 that picture and question reach without any voice. They have learned which colours boats have, and on these
# pages a boat has another one.
#
# With **tokens** it matters *who asks*. When the words of the question look at places, nobody has told them which thing
# is meant: on average that is no better than vectors, and on *place* it is just short of the half that needs no voice.
# The spoken word knows. Where it asks all in the package's `CrossAttention`, colours and sizes come near the lesson's
# model, and so they do through a bottleneck; *place* stays at a half.
#
# The lesson's model has the order of the task built in, first find, then modulate. That is knowledge of ours, and no
# virtue of attention. Where you know the order of a task, build it in; where you do not, more layers and more data have
# to find it. And look at the ranges: with one head it is right on 0.85 to 0.94 of the test pages, by luck.
#
# ## What does it get wrong?
#
# An answer can be wrong in two ways. Either the model looked at the wrong thing, and said what is true of the other;
# or it looked at the right one and misread it. How would you tell? Two figures: is the answer true of the *other*
# thing, and how much weight lay on the one that was named, where the answer is right and where it is wrong.

# %%
correct, truth = is_correct(answerer), test.labels.unflatten(0, (-1, 2, 3))
predicted = answers(answerer)
swapped = (predicted == truth.flip(1)) & ~correct                               # true of the other thing
on_it = (weights[:, :, best] * on_objects("test pages")).sum(dim=-1)        # (pages, things)
for i, question in enumerate(QUESTIONS):
    wrong = ~correct[..., i]
    print(f"{question:6} {wrong.sum():3} wrong, {swapped[..., i].sum():3} of them true of the other thing;   "
          f"weight on the thing named: right {on_it[~wrong].mean():.2f}, wrong {on_it[wrong].mean():.2f}")
alike = (truth[:, 0] == truth[:, 1])[:, None].expand(-1, 2, -1)                 # both things have the same answer
print(f"sizes wrong: where both things are of one size {(~correct[..., 1])[alike[..., 1]].float().mean():.3f}, "
      f"where they differ {(~correct[..., 1])[~alike[..., 1]].float().mean():.3f}")

# %%
logits = predict(answerer, (image_tokens["test pages"][test.pages], sound["test pages"][test.spoken], test.tokens))
most_confident = logits.softmax(dim=1).amax(dim=1).masked_fill(correct.flatten(), 0).argsort(descending=True)[:8].tolist()
show_pages(torch.stack([test.book.image(test.pages[i], 128) for i in most_confident]), rows=2, columns=4,
           sentences=[f"'{test.words[test.spoken[i]]}', {test.question_types[i]}: {ANSWERS[predicted.flatten()[i]]}, "
                      f"not {ANSWERS[test.labels[i]]}" for i in most_confident])

# %% [markdown]
# Colours go wrong in looking: most of the wrong ones are true of the other thing, and little weight lay on the one that
# was named. Among the surest mistakes some pages come twice, wrong in colour and in place: the word was taken for the
# other thing, and all that follows is true of that. To mend it you would work on what 'bird' looks and sounds like.
#
# Sizes are another matter. There are only two, so a wrong one is true of the other thing wherever the two differ, which
# is on half of the pages. But sizes go wrong much more often on those pages than on the others, while the weight lay
# mostly right. So the model looks at the right thing and now and then something of the other gets in: a place sees more
# than its own cell. Places have some of both. One figure for all answers would show none of this.
#
# ## Play: what does it look at, word by word?
#
# Choose a page and point at a word of its sentence: the model hears it, in a voice it never met, and you see where it
# looks. Then write a question and watch the answer change word by word.
#
# It was only ever trained on the names of things. What will it do when it hears 'red', or 'above', or 'a'?

# %%
voice = voices("held_out")[0]


def sound_features(sounds: list[Tensor]) -> Tensor:
    """What the model gets of some sounds.   -> (B, 128)"""
    with torch.no_grad():
        return (sound_encoder.features(collate(sounds).to(device())).cpu() - middle) / width


explorer = question_answering_explorer(
    answerer, images=[test.book.image(i, 216) for i in range(6)], positions=image_tokens["test pages"][:6],
    sentences=test.book.sentences[:6], speak=lambda word: speak(word, voice), encode_sound=sound_features, classes=ANSWERS,
    questions=[phrasing for phrasings in QUESTIONS.values() for phrasing in phrasings])
explorer.word = explorer.words.index(test.words[0])                             # begin with a thing
explorer

# %% [markdown]
# It looks somewhere, whatever it hears: weights sum to 1, and there is no place for 'nothing'. So a map of attention
# is no evidence that a model understood a word; compare with what it does for words that mean nothing to it.
#
# ## The clinic
#
# Someone has a model for words, and wants pictures and sounds in it as well. Words go through an `nn.Embedding`; so
# everything goes through it. That wants whole numbers, and `.long()` makes some. It runs, and its loss falls, since
# the question is still read.

# %%
class Buggy(nn.Module):
    """One vector a modality, joined.   image (B, image), sound (B, sound), tokens (B, T) -> logits (B, n_classes)"""

    def __init__(self, n_classes: int, vocabulary_size: int, image: int, sound: int, width: int = 64):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.join = nn.Sequential(nn.Linear(3 * width, 128), nn.ReLU(), nn.Linear(128, n_classes))

    def encode_image(self, image: Tensor) -> Tensor:
        return self.encode_text(image.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_sound(self, sound: Tensor) -> Tensor:
        return self.encode_text(sound.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_text(self, tokens: Tensor) -> Tensor:
        real = (tokens != 0)[..., None]                                                 # (B, T, 1)
        return (self.embedding(tokens) * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def forward(self, image: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        return self.join(torch.cat([self.encode_image(image), self.encode_sound(sound), self.encode_text(tokens)], dim=1))


# %%
class Pooled(nn.Module):
    """The patient's picture is a vector: the largest of each feature."""

    def __init__(self, buggy_model: nn.Module):
        super().__init__()
        self.buggy_model = buggy_model

    def forward(self, image_tokens: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        return self.buggy_model(largest(image_tokens), sound, tokens)


buggy = Buggy(len(ANSWERS), len(VOCABULARY), image=128, sound=128)
print(f"the patient {score(trained(Pooled(buggy))):.2f}, a healthy small network {overall['small network']:.2f}, "
      f"no picture at all {overall['no image']:.2f}")

# %% [markdown]
# How is it found? Look at what arrives. And ask which inputs have a slope: turn each knob a little and see whether
# the loss moves.

# %%
shown, word, question = next(iter(batches("valid", size=64)))[:3]
image, word = (x.cpu().clone().requires_grad_() for x in (largest(shown), word))
for name, x in (("image", image), ("sound", word)):
    print(f"{name:8}", [round(value, 1) for value in x[0, :10].tolist()], "arrives as", x[0, :10].long().clamp(0).tolist())
logits = buggy.cpu()(image, word, question.cpu())
gradients = torch.autograd.grad(logits.sum(), (image, word), allow_unused=True)
print("slopes  ", dict(zip(("image", "sound"), gradients, strict=True)))

# %% [markdown]
# Every number below 1 became 0, which is padding and nothing at all. That is most of the sound. The picture's numbers
# are the largest of 36, so they become 1, 2, 3 and more, and each now means 'the word in that row'. Which feature it was
# is lost, since the embedding asks for the value and not for the place: what gets through is how many features are how
# large. And row 2 is no nearer to row 3 than to row 90: **words are names, features are amounts.** `None` says that no
# way leads back at all, so no encoder below could ever learn either.
#
# ### Exercise 09.debug: mend it  ●●○ · 15 minutes
#
# Names are looked up, amounts are multiplied, negative ones too. What you add belongs in `__init__`, after
# `super().__init__(...)`, each layer under a name of its own, and ends with `width` features.

# %%
class Fixed(Buggy):
    """The same, in which features count by their amounts."""

    def __init__(self, n_classes: int, vocabulary_size: int, image: int, sound: int, width: int = 64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        ### BEGIN SOLUTION
        self.from_image, self.from_sound = nn.Linear(image, width), nn.Linear(sound, width)
        ### END SOLUTION

    def encode_image(self, image: Tensor) -> Tensor:
        """(B, image) -> (B, width)"""
        ### BEGIN SOLUTION
        return self.from_image(image)
        ### END SOLUTION

    def encode_sound(self, sound: Tensor) -> Tensor:
        """(B, sound) -> (B, width)"""
        ### BEGIN SOLUTION
        return self.from_sound(sound)
        ### END SOLUTION


# %%
check("09.debug", Fixed)

# %%
try:
    print(f"mended: {score(trained(Pooled(Fixed(len(ANSWERS), len(VOCABULARY), image=128, sound=128)))):.2f}")
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# ## On real data: where does this digit stand?
#
# Three handwritten digits in a row (MNIST), and somebody says one of them (the free spoken digit dataset). Left,
# middle or right? Nobody tells the network which digit is which: it gets strips, recordings, and one of three
# answers. Of six speakers two are held out, three times over, and the digits for testing come from the test split. As
# in lesson 08 nobody wrote and said these digits together; they are paired **by label**.
#
# First the pictures' encoder, a reader of single digits. On a strip, three times as wide as a digit, its feature maps
# have 11 columns. A window of 4 is as wide as a digit, and the largest of each feature in it is what the reader would
# see there; eight windows, from left to right, are the places.

# %%
rows = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
recordings = real.load_or_explain("free_spoken_digits", "train")
have = all((*rows.values(), recordings))
if have:
    written = {split: real.images(part.shuffle(seed=0).select(range(examples(most))))
               for (split, part), most in zip(rows.items(), (12_000, 5_000), strict=True)}
    spoken = collate([same_loudness(real.sound(row)[0]) for row in recordings], samples=6_000)          # (2700, 6000)
    digits, speakers = torch.tensor(recordings["label"]), recordings["speaker"]
    digit_classifier = ImageClassifier(10, in_channels=1)
    fit(digit_classifier, Batches(*written["train"], size=128, transform=lambda images: shift(images, pixels=2)), epochs=2, lr=1e-2)
    strokes = predict(digit_classifier.encoder, written["train"][0])                                    # (12000, 96)
    stroke_middle, stroke_width = strokes.mean(dim=0)[:, None, None], strokes.std(dim=0).mean()


def windows_of(strips: Tensor) -> Tensor:
    """Eight places of a strip of three digits, from left to right.   (N, 1, 28, 84) -> (N, 8, 98)"""
    maps = predict(digit_classifier.encoder.blocks, strips - 0.5)                                       # (N, 96, 3, 11)
    seen = F.max_pool2d(maps, (maps.shape[2], 4), stride=1)                                             # (N, 96, 1, 8)
    return with_positions((seen - stroke_middle) / stroke_width, reach=3.0)


# %% [markdown]
# Then, for each two speakers left out, a listener to the four others, and strips with a word for each.

# %%
def classifier_without(new: Tensor) -> tuple[Tensor, Tensor]:
    """What a network that never heard the `new` hears: features (2700, 128), and the digit that it names (2700,)."""
    log_mel = LogMel(rate=8_000).fit(spoken[~new][::5])
    mels = torch.cat([log_mel(some) for some in spoken.split(300)])                                     # (2700, 40, 76)
    classifier = SpeechClassifier(10)
    known = Batches(mels[~new], digits[~new], transform=lambda some: spec_augment(shift_bands(some)))
    fit(classifier, known, epochs=6, lr=5e-3, verbose=False)
    tones = predict(classifier.encoder, mels)
    scaled = (tones - tones[~new].mean(dim=0)) / tones[~new].std(dim=0).mean()
    return scaled, predict(classifier, mels).argmax(dim=1)


def strips_and_words(split: str, who: Tensor, count: int) -> tuple[Tensor, ...]:
    """Strips (N, 1, 28, 84), the three pictures' places in the split (N, 3), the recording (N,), its digit's position (N,)."""
    images, labels = written[split]
    triples, predicted, where = where_is_it(labels, digits[who], count)
    return torch.cat([images[column] for column in triples.T], dim=3), triples, who.nonzero()[:, 0][predicted], where


# %% [markdown]
# Cross-attention on both, without a question. Beside it a rule: let both classifiers name their digits, and point at
# the picture that has the name of the sound. Which will win?

# %%
if have:
    people, figures = sorted(set(speakers)), {"cross-attention": [], "both named, then compared": []}
    read = predict(digit_classifier, written["test"][0]).argmax(dim=1)
    for held in (people[:2], people[2:4], people[4:]):
        new = torch.tensor([speaker in held for speaker in speakers])
        tones, named = classifier_without(new)
        strips, _, predicted, where = strips_and_words("train", ~new, examples(6_000))
        model = QuestionAnswerer(3, vocabulary_size=1, image_width=98, heads=4)
        nothing = torch.zeros(len(strips), 1, dtype=torch.int64)                                            # no question
        fit(model, Batches(windows_of(strips), tones[predicted], nothing, where), epochs=6, lr=2e-3, verbose=False)
        strips, triples, predicted, where = strips_and_words("test", new, examples(1_500))
        answered = predict(model, (windows_of(strips), tones[predicted], nothing[:len(strips)])).argmax(dim=1)
        figures["cross-attention"].append((answered == where).float().mean().item())
        guess = (read[triples] == named[predicted][:, None]).float().argmax(dim=1)                      # the first where none fits
        figures["both named, then compared"].append((guess == where).float().mean().item())
    bar_with_range(figures, chance=1 / 3)
    expect("09.digit", sum(figures["cross-attention"]) / 3)

# %% [markdown]
# About as good as the rule. Be fair to it: the two encoders learned from named digits, so most of the work was done
# before. What the network found out from 'left', 'middle' and 'right' alone is which picture goes with
# which sound. Bright is where it looks, a mean over its four heads, for the last two speakers:

# %%
if have:
    with torch.no_grad():
        _, weights = model.attend(windows_of(strips[:6]).to(device()), tones[predicted[:6]].to(device()))
    show_heatmap_over(strips[:6].expand(-1, 3, -1, -1), weights.cpu().mean(dim=1, keepdim=True), columns=3,
                      titles=[f"'{digits[i]}': {('left', 'middle', 'right')[position]}{' (wrong)' * (position != truth)}"
                              for i, position, truth in zip(predicted[:6], answered[:6].tolist(), where[:6].tolist(), strict=True)])

# %% [markdown]
# The brightest place is not always the digit that was said: to know that it stands at one end, it is enough to have
# looked at the others. So with several heads a map tells less about an answer than it seems to.
#
# Where these methods are used: **question answering about pictures.** A person who cannot see takes a photograph and
# asks aloud what it says on the tin; Gurari et al. 2018 collected 31,000 such questions. Picture and spoken question,
# and neither can be spared. What the toy leaves out: photographs blurred and cut off, questions with no answer in the
# picture, which are many there; speech of more than one word; and encoders that are trained along. In a car with a
# camera and a microphone it is the same step, a query from one and places from the other, with more of each.

# %%
quiz("09")

# %% [markdown]
# ## What you have now
#
# - A task for three modalities whose bounds are counted, and a model that needs them all.
# - Low-rank fusion: all products without the tensor. And why it did not help here.
# - Cross-attention and FiLM, by hand and in one model: find, then modulate.
# - A bottleneck: less traffic between modalities, the same within.
# - A way to tell whether a mistake was made in looking or in reading; and the habit of asking whether features arrive as amounts.
#
# Next: 10 When a modality fails. What becomes of such a model when the microphone is off?
#
# **Sources.** Vaswani et al. 2017, *Attention is all you need*: the decoder attends to the encoder. Perez et al.
# 2018, *FiLM: visual reasoning with a general conditioning layer*: scale and shift by a question. Zadeh et al. 2017,
# *Tensor fusion network for multimodal sentiment analysis*: the outer product of three modalities. Liu et al. 2018,
# *Efficient low-rank multimodal fusion with modality-specific factors*. Nagrani et al. 2021, *Attention bottlenecks
# for multimodal fusion*. Harwath et al. 2018, *Jointly discovering visual objects and spoken words from raw sensory
# input*. Gurari et al. 2018, *VizWiz grand challenge: answering visual questions from blind people*. The digits:
# LeCun et al. 1998; Jackson et al., free spoken digit dataset.
