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
# # 04 · Attention and the Transformer
#
# **You will build the Transformer's block, equal to PyTorch's to five decimals, and train a reader that understands sentences longer
# than any it saw in training, and wordings it never met, in 98 of 100 cases and more.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [02 Words](02_text.ipynb): tokens, padding,
# embeddings, the GRU, word dropout.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. compute attention by hand, with a mask, and say why the scores are divided by $\sqrt d$;
# 2. build the encoder and the decoder block from an empty cell, and count their parameters;
# 3. say how a Transformer knows the order of words, and what changes when it knows distances instead of places;
# 4. predict what twice as long a text costs, in time and in memory, for an RNN and for a Transformer;
# 5. find out whether a model looks at padding, and stop it.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import PictureBook, begin, check, evaluate, expect, fit, hint, predict, quiz, steps
from mmcourse.data import real
from mmcourse.data.augment import mask_words
from mmcourse.data.text import SentenceBatches, Vocabulary, lengths, pad
from mmcourse.models import transformer
from mmcourse.models.attention import MultiHeadAttention, rotate, sinusoids
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.textcnn import BagOfWords
from mmcourse.models.transformer import DecoderBlock, EncoderBlock, TokenEncoder, TransformerClassifier, copy_pytorch
from mmcourse.show import attention_explorer, compare, plot_panels, show_matrices, show_stored_table
from mmcourse.tasks.relation import which_is_where
from mmcourse.training.cost import cost_of_a_step

begin("04")

# %% [markdown]
# ## Look
#
# The question is lesson 02's: take the two things of a sentence in the order of the alphabet. Is the first of them the one
# on the left, or above? Then the answer is 1. This time, look at how long the sentences are.

# %%
train = PictureBook("train", pages=10_000, objects=2)
_, answers, pages = which_is_where(train)
words = [len(train.sentences[page].split()) for page in pages]
for n in sorted(set(words))[::3]:
    example = words.index(n)
    print(f"{n} words, answer {answers[example]}: {train.sentences[pages[example]]}")

# %%
LONGEST = 14
shares = {n: round(words.count(n) / len(words), 3) for n in range(min(words), max(words) + 1)}
print(shares)
print(f"up to {LONGEST} words: {sum(n <= LONGEST for n in words) / len(words):.2f} of the sentences")

# %% [markdown]
# You will train on sentences of up to 14 words alone, about 85 in a hundred of them. The others are put aside. A reader that understood what
# it read in short sentences should not be lost in a long one. A second test waits: the `held_out_phrasings` of lesson 02, with
# sentence patterns and words that no training sentence has, `tiny` and `huge` among them.

# %%
short = [i for i, n in enumerate(words) if n <= LONGEST]
vocabulary = Vocabulary.of(train.sentences[pages[i]] for i in short)


def sentences_and_answers(book: PictureBook) -> tuple[list[str], Tensor]:
    """The book's sentences and the answers that go with them."""
    _, answers, pages = which_is_where(book)
    return [book.sentences[page] for page in pages], answers


def longer(sentences: list[str], answers: Tensor) -> tuple[list[str], Tensor]:
    """Those of more words than any in training."""
    kept = [i for i, sentence in enumerate(sentences) if len(sentence.split()) > LONGEST]
    return [sentences[i] for i in kept], answers[kept]


def shorter(sentences: list[str], answers: Tensor) -> tuple[list[str], Tensor]:
    """Those of as many words as in training."""
    kept = [i for i, sentence in enumerate(sentences) if len(sentence.split()) <= LONGEST]
    return [sentences[i] for i in kept], answers[kept]


def batches(sentences: list[str], answers: Tensor, **options) -> SentenceBatches:
    return SentenceBatches([vocabulary.encode(sentence) for sentence in sentences], answers, **options)


everything = sentences_and_answers(PictureBook("test", pages=4_000, objects=2))
judged = {"longer sentences": longer(*everything),
          "held-out phrasings": sentences_and_answers(PictureBook("held_out_phrasings", pages=2_000, objects=2))}
print({name: len(texts) for name, (texts, _) in judged.items()})
print(judged["longer sentences"][0][0])
print(judged["held-out phrasings"][0][0])
print("held-out phrasings of more than 14 words:", len(longer(*judged["held-out phrasings"])[0]))

# %% [markdown]
# ## A baseline
#
# Lesson 02's two: a bag of words, which cannot know, and the GRU, which can. Both get short sentences only, validation included, with word dropout as you
# know it, so that `<unk>` is no surprise. What will the GRU do with the long ones?

# %%
def drop_words(tokens: Tensor) -> Tensor:
    return mask_words(tokens, fraction=0.05)


training = batches([train.sentences[pages[i]] for i in short], answers[short], transform=drop_words)
valid_short = shorter(*sentences_and_answers(PictureBook("valid", pages=1_000, objects=2)))
valid = batches(*valid_short, shuffle=False)
bag = BagOfWords(n_classes=2, vocabulary_size=len(vocabulary))
fit(bag, training, epochs=2, lr=5e-3)
gru = SentenceClassifier(2, len(vocabulary), width=48, cell="gru")
gru_history = fit(gru, training, valid=valid, epochs=8, lr=5e-3, clip=1.0)

# %%
def scores(model: nn.Module) -> dict[str, float]:
    return {name: evaluate(model, batches(*split, shuffle=False))["accuracy"] for name, split in judged.items()}


results = {"bag of words": scores(bag), "GRU": scores(gru)}
for name, row in results.items():
    print(name, {split: round(value, 3) for split, value in row.items()})

# %% [markdown]
# The long ones do it no harm: its state lasts 20 words. The new wordings cost it a few points. Two things are in its way where texts
# are longer than these. What the last word needs of the first must survive every step between, and the more steps, the harder.
# And the steps wait for one another, however fast the machine. What if each word could **look** at any other directly?

# %% [markdown]
# ## Attention: look up what you need
#
# Think of a cabinet of drawers. You come with a question, the **query**; each drawer has a label, its **key**, and something
# inside, its **value**. Compare the query with every key. Where they fit well, take much of the value; where badly, little.
#
# Query and key are vectors of $d$ numbers, and how well they fit is their dot product. The softmax makes weights of
# these, and the answer is the mean of the values, so weighted:
#
# $$\text{score}_j = \frac{q \cdot k_j}{\sqrt d} \qquad w_j = \frac{e^{\text{score}_j}}{\sum_i e^{\text{score}_i}}
# \qquad \text{answer} = \sum_j w_j v_j$$
#
# By hand, with $d = 4$: one query $q = (2, 0, 0, 0)$, two keys $(1, 0, 0, 0)$ and $(0, 1, 0, 0)$, two values $10$ and $20$. The
# scores are $2/2 = 1$ and $0$, the weights $e/(e+1) = 0.73$ and $0.27$, and the answer $0.73 \cdot 10 + 0.27 \cdot 20 = 12.7$.
#
# The comments give shapes, here and in what follows, in these letters:
#
# | letter | what it counts |
# |---|---|
# | `B` | sentences in a batch |
# | `T` | words (places) of a sentence; `T_q` those that look, `T_k` those that are looked at |
# | `S` | places of a second sequence, where there is one |
# | `D` | features of a word, the *width* |
# | `d` | numbers in a query and a key; with several heads `D` / heads |

# %% tags=["nbval-check-output"]
query = torch.tensor([[2.0, 0, 0, 0]])                                     # (T_q, d)
keys = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]])                        # (T_k, d)
values = torch.tensor([[10.0], [20]])                                      # (T_k, D)
weights = (query @ keys.T / 4**0.5).softmax(dim=-1)                        # (T_q, T_k)
by_pytorch = F.scaled_dot_product_attention(query[None], keys[None], values[None])
print(f"weights {weights[0].tolist()}   by hand {(weights @ values).item():.4f}   PyTorch {by_pytorch.item():.4f}")

# %% [markdown]
# With a row for each query and each key the formula is one line (Vaswani et al. 2017):
#
# $$\text{Attention}(Q, K, V) = \text{softmax}\Big(\frac{Q K^\top}{\sqrt d}\Big) V$$
#
# ### Exercise 04.1: attention  ●●○ · 10 minutes
#
# Write it for any number of axes in front: `(..., T, d)`. `@` and `transpose(-2, -1)` take care of them. Stuck? `hint("04.1")` in
# a cell of its own gives a hint, and once more the next; every exercise has some.

# %%
def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)) V   (..., T_q, d), (..., T_k, d), (..., T_k, D) -> (..., T_q, D)"""
    ### BEGIN SOLUTION
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5   # (..., T_q, T_k)
    return scores.softmax(dim=-1) @ values
    ### END SOLUTION


# %%
check("04.1", attention)

# %% [markdown]
# ## Why divide by √d?
#
# Take two vectors of $d$ independent random numbers, each of mean 0 and variance 1. Their dot product is a sum of $d$ terms of
# variance 1: its variance is $d$, its spread $\sqrt d$. What does a softmax make of scores that lie further and further apart? Think of a guess for the largest of 16
# weights at $d = 1024$. Then look at three figures: the largest weight; the entropy of the weights, $-\sum w \ln w$, which is
# $\ln 16 = 2.8$ when all are equal and 0 when one has everything; and the slope, by how much a weight moves when its own score moves.
# For a softmax that slope is $w(1-w)$.

# %%
def softmax_at(d: int, divisor: float) -> tuple[float, float, float]:
    """Entropy, largest weight, and slope of a weight at its own score; means over 500 queries with 16 keys each."""
    products = (torch.randn(500, 1, d) * torch.randn(500, 16, d)).sum(dim=2)      # (500, 16)
    w = (products / divisor).softmax(dim=1)
    entropy = -(w * w.clamp(min=1e-30).log()).sum(dim=1)
    return entropy.mean().item(), w.amax(dim=1).mean().item(), (w * (1 - w)).mean().item()


widths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
plain, divided = [softmax_at(d, 1) for d in widths], [softmax_at(d, d**0.5) for d in widths]
titles = ("entropy (natural log)", "largest weight", "slope w(1 - w)")
plot_panels({title: {"not divided": [row[i] for row in plain], "divided by √d": [row[i] for row in divided]}
             for i, title in enumerate(titles)}, widths, xlabel="d")

# %% [markdown]
# Not divided, one key takes nearly everything: the softmax has become a choice of the largest, and its slope goes
# to zero. A layer that begins so hardly learns whom else to look at. Divided, all three hardly depend on $d$.

# %% [markdown]
# ## Masks
#
# Some keys must not be looked at: padding is no word. A **mask** says where a query may look. Where it may not, the score becomes
# $-\infty$ before the softmax, and $e^{-\infty} = 0$.
#
# Why not set the *weight* to zero afterwards? Because the others would then no longer sum to 1. And why not the *score* to
# zero? Guess what weight a score of 0 gets beside a score of 1:

# %% tags=["nbval-check-output"]
score, may_attend = torch.tensor([1.0, 0.5, -2.0]), torch.tensor([True, True, False])
print("score set to zero  ", (score * may_attend).softmax(dim=0))
print("score set to -inf  ", score.masked_fill(~may_attend, float("-inf")).softmax(dim=0))

# %% [markdown]
# A zero is a score like any other; here it *raised* the weight.
#
# ### Exercise 04.2: attention with a mask  ●●○ · 10 minutes
#
# `mask` is True where a query may look, and broadcasts to the scores. PyTorch has both conventions: in
# `F.scaled_dot_product_attention` True may be looked at, as here; in the `key_padding_mask` of `nn.MultiheadAttention` True is
# hidden. Many mask bugs are this.

# %%
def masked_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """As attention, with mask (..., T_q, T_k) of True where a query may look at a key.   -> (..., T_q, D)"""
    ### BEGIN SOLUTION
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5   # (..., T_q, T_k)
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ values
    ### END SOLUTION


# %%
check("04.2", masked_attention)

# %% [markdown]
# ## Many heads
#
# In a sentence, `fish` may want to know its colour *and* what stands beside it. One set of weights is one mean: it cannot keep two
# things apart. So the width $D$ is cut into several **heads**, each with queries, keys and values of its own, $D$ / heads
# numbers wide. Each looks where it wants; what they saw is put side by side again.
#
# ### Exercise 04.3: cut into heads  ●○○ · 5 minutes
#
# Head 0 gets the first $D$ / heads features, head 1 the next. Then the head's axis goes before the words', since every head
# attends for itself.

# %%
def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """(B, T, D) -> (B, heads, T, D / heads)"""
    ### BEGIN SOLUTION
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads).transpose(1, 2)
    ### END SOLUTION


# %%
check("04.3", split_heads)

# %% [markdown]
# ### Exercise 04.4: and back  ●○○ · 5 minutes
#
# What `split_heads` cut, in the same order.

# %%
def join_heads(x: Tensor) -> Tensor:
    """(B, heads, T, D / heads) -> (B, T, D)"""
    ### BEGIN SOLUTION
    B, heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, heads * d)
    ### END SOLUTION


# %%
check("04.4", join_heads)

# %% [markdown]
# ## Looking back only
#
# Masks can do more than hide padding. A model that *writes* must not look at words that are yet to come: each place may look
# at itself and at what came before. This is the **causal mask**.
#
# ### Exercise 04.5: the causal mask  ●○○ · 5 minutes
#
# The first row may look at one place, the last at all.

# %%
def causal_mask(length: int) -> Tensor:
    """True where the place of the row may look at the place of the column.   -> (T, T) bool"""
    ### BEGIN SOLUTION
    return torch.ones(length, length, dtype=torch.bool).tril()
    ### END SOLUTION


# %%
check("04.5", causal_mask)

# %%
sentence = ["a", "red", "fish", "swims", "<pad>", "<pad>"]
real_words = torch.arange(6) < 4
show_matrices({"causal": transformer.causal_mask(6), "padding": real_words.expand(6, 6),
               "both": transformer.causal_mask(6) & real_words}, rows=sentence, columns=sentence, numbers=False)

# %% [markdown]
# ## The block, step by step
#
# In a Transformer the words of a sentence look at one another: queries, keys and values all come from the same vectors, each through a
# linear layer of its own. This is **self-attention**. Step 1, one head:

# %%
class Block1(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:                 # (B, T, D)
        queries, keys, values = self.query(x), self.key(x), self.value(x)               # (B, T, D) each
        return F.scaled_dot_product_attention(queries, keys, values, mask)              # (B, T, D)


x = torch.randn(2, 5, 16)                                                               # two sentences of five words
print(tuple(Block1(16)(x).shape))

# %% [markdown]
# Step 2: many heads. The three layers stay; what they give is cut, and a fourth layer mixes what the heads saw.

# %%
class Block2(nn.Module):
    def __init__(self, width: int, heads: int):                                         # new
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)                                              # new
        self.heads = heads                                                              # new

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        B, T, D = x.shape
        queries, keys, values = (
            layer(x).reshape(B, T, self.heads, -1).transpose(1, 2)                      # new: (B, heads, T, D / heads)
            for layer in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(queries, keys, values, mask)
        return self.out(attended.transpose(1, 2).reshape(B, T, D))                      # new: (B, T, D)


print(tuple(Block2(16, heads=4)(x).shape))

# %% [markdown]
# The package's `MultiHeadAttention` is this, and returns the weights as well:
#
# ```python
# seen, weights = MultiHeadAttention(width, heads)(x, memory=None, mask=None)   # (B, T, D), (B, heads, T, T)
# ```
#
# With a `memory`, x looks at that instead of at itself. Step 3: one such layer *replaces* each word by
# a mean of others. Stack a few, and the word itself is gone. So what was seen is **added** to the word (a *residual*
# connection, He et al. 2016). Sums grow from layer to layer, and so would the scores; so a **layer norm** (Ba, Kiros and Hinton 2016)
# gives each word's features mean 0 and spread 1 before it looks, and then a scale and a shift that are learned, one of each a
# feature.

# %%
class Block3(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)                               # Block2, from the package
        self.norm1 = nn.LayerNorm(width)                                                # new

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        attended, weights = self.attention(self.norm1(x), mask=mask)                    # new: the norm
        return x + attended                                                             # new: the sum


print(tuple(Block3(16, heads=4)(x).shape))

# %% [markdown]
# What does the residual buy? Feed random words through twelve layers, with and without the sum, and ask how alike the words of a
# sentence have become: take away what all words of all sentences share (their mean), then the cosine between two, 1 for the same
# direction. Which way will it go?

# %%
def alike(x: Tensor) -> float:
    """The mean cosine between two words of a sentence.   (B, T, D)"""
    directions = F.normalize(x - x.mean(dim=(0, 1)), dim=2)
    T = x.shape[1]
    return ((directions @ directions.transpose(1, 2)).sum() - len(x) * T).item() / (len(x) * T * (T - 1))


with_sum = without_sum = torch.randn(32, 10, 64)
cosines = {"replaced": [], "added": []}
for layer in [Block3(64, heads=4) for _ in range(12)]:
    with_sum, without_sum = layer(with_sum).detach(), layer.attention(layer.norm1(without_sum))[0].detach()
    cosines["replaced"].append(alike(without_sum))
    cosines["added"].append(alike(with_sum))
plot_panels({"two words of a sentence": cosines}, range(1, 13), xlabel="layer", ylabel="cosine", log="")

# %% [markdown]
# Where words are replaced, those of one sentence point nearly the same way after a layer or two, all that is left being the
# sentence's mean: its words cannot be told apart. Where what was seen is added, they stay themselves.
#
# Step 4: attention moves things between words and computes next to nothing with them; it is a mean. Computing is done by two
# linear layers with a ReLU between them, the **feed-forward** part, for each word alone. It gets a norm and a sum as well. (`nn.Dropout(0.0)` does nothing; PyTorch's layer has
# a dropout there, and yours will be compared with it.)

# %%
class Block4(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):                            # new
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)               # new: the second
        self.feed_forward = nn.Sequential(                                              # new
            nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.0), nn.Linear(hidden, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + attended
        return x + self.feed_forward(self.norm2(x))                                     # new


print(tuple(Block4(16, heads=4, hidden=64)(x).shape))

# %% [markdown]
# This is the **encoder block**; the package calls it `EncoderBlock`. In the paper the norm stands *after* each sum. Then
# training needs a careful warm-up, and with the norm first it does not (Xiong et al. 2020); `norm_first=False` gives the
# paper's order.
#
# ### Exercise 04.6: count the parameters  ●●○ · 10 minutes
#
# All of `Block4`: the weights and biases of attention's four layers and of the two feed-forward ones, and for each norm a scale
# and a shift a feature.

# %%
def block_parameters(width: int, hidden: int) -> int:
    """Parameters of one encoder block, biases and both norms included."""
    ### BEGIN SOLUTION
    attention = 4 * (width * width + width)
    feed_forward = width * hidden + hidden + hidden * width + width
    return attention + feed_forward + 2 * 2 * width
    ### END SOLUTION


# %%
check("04.6", block_parameters)

# %% [markdown]
# Does the number of heads appear in your formula? Does the length of the sentence?

# %% [markdown]
# ## The decoder block
#
# A model that writes has two things to look at: what it has written so far, through the causal mask, and what it writes
# *about*: a picture's features, a sentence in another language. The second is **cross-attention**: queries from the words
# written, keys and values from the other sequence, here `memory`. Step 5:

# %%
class Decoder(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.cross_attention = MultiHeadAttention(width, heads)                         # new
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))    # new: the third
        self.feed_forward = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(0.0), nn.Linear(hidden, width))

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None) -> Tensor:
        past = transformer.causal_mask(x.shape[1])                                      # new: (T, T)
        past = past if mask is None else past & mask                                    # new
        x = x + self.attention(self.norm1(x), mask=past)[0]
        x = x + self.cross_attention(self.norm2(x), memory=memory, mask=memory_mask)[0]  # new: memory (B, S, D)
        return x + self.feed_forward(self.norm3(x))


print(tuple(Decoder(16, heads=4, hidden=64)(x, memory=torch.randn(2, 9, 16)).shape))

# %% [markdown]
# You will use it in lesson 12, to write about pictures. Are these blocks right? PyTorch has both. `copy_pytorch` copies the
# weights of its layers into ours; then the same sentences, some of them padded, must give the same numbers. (`real` is `(B, T)`. A mask
# must broadcast to `(B, heads, T_q, T_k)`, so it gets two axes of length 1 between; the clinic asks which is which.)

# %%
def difference(ours: nn.Module, theirs: nn.Module, **sizes) -> float:
    """The largest difference of two blocks with the same weights, on padded sentences, real words alone."""
    x, memory = torch.randn(3, 7, 64), torch.randn(3, 5, 64)
    real = torch.arange(7) < torch.tensor([[7], [4], [2]])                              # (B, T)
    memory_real = torch.arange(5) < torch.tensor([[2], [5], [3]])                       # (B, S)
    copy_pytorch(ours, theirs)
    if isinstance(theirs, nn.TransformerEncoderLayer):
        mine, other = ours(x, real[:, None, None]), theirs(x, src_key_padding_mask=~real)
    else:
        mine = ours(x, memory, real[:, None, None], memory_real[:, None, None])
        other = theirs(x, memory, tgt_mask=~transformer.causal_mask(7), tgt_key_padding_mask=~real,
                       memory_key_padding_mask=~memory_real)
    return (mine - other)[real].abs().max().item()


same = {"batch_first": True, "dropout": 0.0}
differences = {
    "Block4": difference(Block4(64, 4, 128), nn.TransformerEncoderLayer(64, 4, 128, norm_first=True, **same)),
    "Decoder": difference(Decoder(64, 4, 128), nn.TransformerDecoderLayer(64, 4, 128, norm_first=True, **same)),
    "EncoderBlock": difference(EncoderBlock(64, 4, 128), nn.TransformerEncoderLayer(64, 4, 128, norm_first=True, **same)),
    "DecoderBlock": difference(DecoderBlock(64, 4, 128), nn.TransformerDecoderLayer(64, 4, 128, norm_first=True, **same)),
}
print(differences)
expect("04.equal", max(differences.values()))

# %% [markdown]
# ## Where is a word?
#
# Something is missing. Here are lesson 02's two sentences, the same words and the opposite answers, through a Transformer of two blocks
# with random weights. `TokenEncoder` then pools the words into one vector, `(B, T)` to `(B, D)`. What is the difference of the two?

# %%
one, other = "a big red fish above a small blue boat", "a small blue boat above a big red fish"
pair = pad([vocabulary.encode(one), vocabulary.encode(other)])
nowhere = TokenEncoder(len(vocabulary), positions=None).eval()
first, second = nowhere(pair)
print("largest difference", (first - second).abs().max().item())

# %% [markdown]
# None, but for rounding. Exchange two words, and the same rows are exchanged in queries, keys and values; each word still
# sees the same crowd, and comes out as it did, in another row. The pooling does not care about rows. Without more help a Transformer
# that is pooled is a bag of words, however deep. (A causal mask would help: there, who sees whom depends on the order.)
#
# So the place must be told. Vaswani et al. 2017 **add** a vector to each embedding that depends on the place $t$ alone: sines and
# cosines, fast ones first, slow ones last:
#
# $$p_{t,\,2i} = \sin\big(t / 10000^{2i/D}\big) \qquad p_{t,\,2i+1} = \cos\big(t / 10000^{2i/D}\big)$$

# %%
waves = sinusoids(40, 64)                                                               # (T, D)
show_matrices({"positions": waves, "product of two places / (D / 2)": waves @ waves.T / 32}, rows="position",
              columns={"positions": "feature", "product of two places / (D / 2)": "position"})

# %% [markdown]
# Left, each row is a place: like the hands of a clock, the first features turn fast, the last hardly move. Right, the product of
# two rows, divided by $D / 2 = 32$ so that a place with itself gives 1: it is largest on the diagonal and the same along each parallel to it. It depends on the *distance* of the two
# places: since $\sin a \sin b + \cos a \cos b = \cos(a - b)$.

# %% [markdown]
# Now think of your task. Sentences of 14 words have the places 0 to 13. What will a model make of a place 14?
#
# What it should learn does not speak of places at all: 'the word before `fish` is its colour'. That is about distance. In the sum of
# embedding and position, the distance can be found only by way of the places. **Rotary positions** (Su et al. 2021) add
# nothing. They cut a *query* and a *key* into pairs of neighbouring features, $(a, b)$, and turn each pair by an angle that grows
# with the place $t$; $\theta$ is the pair's speed, fast for the first, slow for the last, as with the sinusoids:
#
# $$\text{turn}(a, b; t) = (a\cos t\theta - b\sin t\theta,\;\; a\sin t\theta + b\cos t\theta)$$
#
# Turn a query at place $m$ and a key at place $n$: of the two places, their product knows $m - n$ alone. Take the query $(1, 0)$,
# the key $(0, 1)$ and $\theta = 1$: the product is $-\cos m \sin n + \sin m \cos n = \sin(m - n)$.

# %% tags=["nbval-check-output"]
queries = rotate(torch.tensor([[1.0, 0]]).expand(40, 2))                                # (T, d), theta = 1
keys = rotate(torch.tensor([[0, 1.0]]).expand(40, 2))                                   # (T, d)
for m, n in ((3, 5), (30, 32), (5, 3)):
    print(f"places {m} and {n}: product {queries[m] @ keys[n]:+.4f}   sin({m - n}) = {torch.tensor(m - n).sin():+.4f}")

# %% [markdown]
# Places 30 and 32 are what places 3 and 5 are, and two places *before* is not two places *after*. A sentence that is longer holds
# little that is new: the same distances between neighbours, further along. Now three encoders on the two sentences, with the same random
# weights, one for each kind of position. Do not compare the sizes, which mean little untrained; look at which is zero:

# %%
for positions in (None, "sinusoids", "rotary"):
    torch.manual_seed(0)
    first, second = TokenEncoder(len(vocabulary), positions=positions).eval()(pair)
    print(f"{positions!s:10} largest difference {(first - second).abs().max():.4f}")

# %% [markdown]
# ## Train it
#
# `TransformerClassifier` is embedding, two encoder blocks, the largest value of each feature over the words, and a linear layer. Its
# positions are rotary. Sentences, answers and word dropout are the GRU's; width, batch size, step size and epochs were chosen for each
# network by itself, so it is no race on equal terms.

# %%
model = TransformerClassifier(2, len(vocabulary), width=64, heads=4, layers=2, positions="rotary", pooling="max")
print("parameters", sum(p.numel() for p in model.parameters()))
smaller = batches([train.sentences[pages[i]] for i in short], answers[short], size=32, transform=drop_words)
history = fit(model, smaller, valid=valid, epochs=6, lr=2e-3)

# %% [markdown]
# ## Judge it
#
# Sentences longer than any in training, and wordings never seen. Neither had a say in any choice: those were made
# on short sentences of the `valid` split, and on wordings of training that were left out of training for a trial.

# %%
results["Transformer"] = scores(model)
compare(results, chance=0.5)
for name, row in results.items():
    print(f"{name:12}", {split: round(value, 3) for split, value in row.items()})
expect("04.longer", results["Transformer"]["longer sentences"])
expect("04.held_out_phrasings", results["Transformer"]["held-out phrasings"])

# %% [markdown]
# On longer sentences the GRU is as good: 20 words are not far for its state, and the cost of length comes later. On wordings it never saw, it
# falls a few points behind. The bag of words guesses, as it must.
#
# Was it the rotary positions? Train the same network with sinusoids added, for as many steps. A script of the project did that
# (`benchmarks/positions.py`), and this is its stored table:

# %%
show_stored_table("04_positions")

# %% [markdown]
# Both read sentences as long as in training, the rotary one about two points better. Where sentences are longer, or worded in a new
# way, the network that was told *where* words are falls by about ten points; the one that knows only distances hardly notices. New
# places cannot be all of it: you counted that only about a third of the new wordings exceed 14 words. The others have
# old places, with words in them that did not stand there in training.
#
# Which sentences does yours still get wrong? Here they are, eight at most, the surest mistake first.

# %%
texts, truth = judged["held-out phrasings"]
for_truth = predict(model, pad([vocabulary.encode(text) for text in texts])).softmax(dim=1)[range(len(truth)), truth]
print(f"{(for_truth < 0.5).sum()} of {len(truth)} wrong")
for i in for_truth.argsort()[: min(8, int((for_truth < 0.5).sum()))].tolist():
    print(f"probability of the truth {for_truth[i]:.3f}   {texts[i]}")

# %% [markdown]
# Look at how they begin. Often it is 'over the ... there is a ...': the relation comes first, and `there is` stands between
# the two things. Does another training run, with another seed, make mistakes of the same kind?

# %% [markdown]
# ## Play: where does it look?
#
# Pick a sentence or write one; choose a layer and a head; hover over a word. The rows are the words that look, the columns
# those that are looked at. Can you find a head that looks at the word before? One in which the two things find each other? Take care with what you
# conclude: a weight says where a head looked, not that the answer rests on it (Jain and Wallace 2019).

# %%
attention_explorer(model, [one, other, *texts[:4]], encode=vocabulary.encode, classes=("no", "yes"))

# %% [markdown]
# ## The clinic
#
# This reader has one round of attention and a mean. Its question is an easy one: is something red or blue? It runs, it learns. Yet
# a sentence's logits depend on its company: beside a longer one it is padded. Here the reader is trained on short sentences, and then
# asked about others as short, with more and more padding behind *the same* ones. Which will show the fault, accuracy or logits?

# %%
class Buggy(nn.Module):
    """One round of attention over the words, then their mean.   (B, T) tokens, 0 = padding -> (B, n_classes) logits"""

    def __init__(self, vocabulary_size: int, n_classes: int, width: int = 32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.attend = MultiHeadAttention(width, heads=4)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = sinusoids(tokens.shape[1], self.embedding.embedding_dim).to(tokens.device)
        x = self.embedding(tokens) + positions                                          # (B, T, D)
        x = x + self.attend(x)[0]                                                       # (B, T, D)
        return self.head(x.mean(dim=1))                                                 # (B, n_classes)


def red_or_blue(sentences: list[str]) -> Tensor:
    return torch.tensor([int(bool({"red", "blue"} & set(sentence.split()))) for sentence in sentences])


buggy = Buggy(len(vocabulary), n_classes=2)
learned = [train.sentences[pages[i]] for i in short]
fit(buggy, batches(learned, red_or_blue(learned)), epochs=2, lr=5e-3)
valid_tokens, right = pad([vocabulary.encode(sentence) for sentence in valid_short[0]]), red_or_blue(valid_short[0])
for extra in (0, 1, 4, 16, 64):
    logits = predict(buggy, F.pad(valid_tokens, (0, extra)))
    print(f"{extra:2d} columns of padding: accuracy {(logits.argmax(dim=1) == right).float().mean():.3f}   first logits "
          + "   ".join(f"{value:+.2f}" for value in logits[0].tolist()))

# %% [markdown]
# Two leaks. Every word looks at the padding, which has a position and an embedding like a word. And the mean is
# taken over the padding too. The logits move with the first column, while the accuracy of so easy a question can stay as it is, in
# most runs even with 64. So that figure does not find this fault. The test does: the same sentence, padded, must give the same
# logits.
#
# ### Exercise 04.debug: mend it  ●●○ · 15 minutes
#
# Write `forward` so that padding does not exist. `MultiHeadAttention` takes `mask`, True where a word may be looked at, and
# broadcasts it to `(B, heads, T_q, T_k)`. Which of the four axes are the keys?

# %%
class Fixed(Buggy):
    """The same, for which padding does not exist."""

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, n_classes)"""
        ### BEGIN SOLUTION
        real = tokens != 0                                                              # (B, T)
        positions = sinusoids(tokens.shape[1], self.embedding.embedding_dim).to(tokens.device)
        x = self.embedding(tokens) + positions                                          # (B, T, D)
        x = x + self.attend(x, mask=real[:, None, None])[0]                             # mask (B, 1, 1, T)
        return self.head((x * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True))
        ### END SOLUTION


# %%
check("04.debug", Fixed)

# %% [markdown]
# ## What length costs
#
# A GRU of two layers and a Transformer of two layers, both 64 wide, one step of training on two texts of 16 to 1,024 words
# (`steps(7)` is 7, and fewer in a fast trial run of the lesson).
# Twice as long a text: how much more time, how much more memory, for each? Write down four numbers first.
#
# `cost_of_a_step` takes the time, and counts the bytes that PyTorch keeps from the forward for the backward pass.

# %%
encoders = {"GRU": SentenceClassifier(2, 100, width=64, cell="gru", layers=2),
           "Transformer": TransformerClassifier(2, 100, width=64, heads=4, layers=2, positions="rotary")}
text_lengths = [16 * 2**i for i in range(steps(7))]
costs = {name: [cost_of_a_step(reader, torch.randint(2, 100, (2, length))) for length in text_lengths]
         for name, reader in encoders.items()}
plot_panels({"milliseconds": {name: [1e3 * cost.seconds for cost in row] for name, row in costs.items()},
             "megabytes kept": {name: [cost.bytes / 1e6 for cost in row] for name, row in costs.items()}},
            text_lengths, xlabel="words", log="xy", ylabel=("ms", "MB"))

# %%
for name, row in costs.items():
    print(f"{name:12} from {text_lengths[-2]} to {text_lengths[-1]} words: time x {row[-1].seconds / row[-2].seconds:.1f}, "
          f"memory x {row[-1].bytes / row[-2].bytes:.1f}")

# %% [markdown]
# In memory the GRU's line has slope 1: twice the words, twice the bytes. The Transformer's bends towards slope 2: every word
# looks at every word, which makes $T \times T$ weights a head. Ours keeps them all, because it returns them. The bytes are a property
# of the code: you will see nearly the same.
#
# The milliseconds are your machine's. The GRU does one word after the other, and its time grows with the words. Attention does
# all words at once, which gains most on a GPU, with thousands of processors that want work at the same time; it is the reason that
# the paper gives. But its time comes to grow with the square, so on texts long enough the GRU is faster again. Where, if anywhere on your plot, do
# the lines cross?
#
# The $T \times T$ weights need not be kept: Dao et al. 2022 compute them in tiles, and again in the backward pass, and
# `F.scaled_dot_product_attention` does so where it can. The time still grows with the square.

# %% [markdown]
# ## On real data: film reviews
#
# The film reviews of lesson 02, and a small Transformer. No order is needed to beat chance there, 8,530 sentences are few,
# and a Transformer has nothing built in that knows of words nearby. What do you expect, beside naive Bayes, which counts words and pairs
# of words? The Transformer is held back where it would learn by heart: one block, dropout, masked words, and embeddings
# that begin at a tenth of their usual size (`std`), as for lesson 02's LSTM. Large random ones are noise that a word met
# twice never gets rid of. All of it was chosen on the validation split, by accuracy. Watch the validation loss:
# it is lowest early and rises while the accuracy holds. The network grows surer, of its mistakes as well.

# %%
splits = ("train", "validation", "test")
reviews = {split: real.load_or_explain("movie_reviews", split) for split in splits}
if all(reviews.values()):
    review_words = Vocabulary.of(reviews["train"]["text"])
    encoded = {split: [review_words.encode(text) for text in reviews[split]["text"]] for split in splits}
    opinions = {split: torch.tensor(reviews[split]["label"]) for split in splits}
    critic = TransformerClassifier(2, len(review_words), width=64, heads=4, layers=1, positions="rotary", dropout=0.3, std=0.1)
    training = SentenceBatches(encoded["train"], opinions["train"], transform=lambda tokens: mask_words(tokens, 0.1))
    fit(critic, training, valid=SentenceBatches(encoded["validation"], opinions["validation"], shuffle=False), epochs=4, lr=2e-3)

# %%
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

if all(reviews.values()):
    counting = make_pipeline(CountVectorizer(ngram_range=(1, 2), binary=True), MultinomialNB())
    counting.fit(reviews["train"]["text"], reviews["train"]["label"])
    print(f"naive Bayes {counting.score(reviews['test']['text'], reviews['test']['label']):.3f}   Transformer "
          f"{evaluate(critic, SentenceBatches(encoded['test'], opinions['test'], shuffle=False))['accuracy']:.3f}")

# %% [markdown]
# With 1,066 test sentences either figure moves by more than a point by chance. Still, all that attention does not beat
# counting, and neither did lesson 02's networks. What a Transformer can do, it must learn from data, all of it: that neighbours belong
# together, that 'not' turns 'good' round. 8,530 sentences seem too few for that, at least in this run. The way out is not a better block; it is more
# text, without labels. That is lesson 05.

# %% [markdown]
# Where blocks like yours work: translation, for which they were made (Vaswani et al. 2017); language models; pictures cut into patches that attend
# to one another (Dosovitskiy et al. 2021); and, by cross-attention, pictures that are told in words, as in lesson 12. What
# the toy leaves out: their size, a million times yours; texts of many thousand words, where the square in the cost is the
# main thing; and words that are cut into pieces, so that `<unk>` hardly ever comes up.

# %%
quiz("04")

# %% [markdown]
# ## What you have now
#
# - Attention by hand: a product, a division, a softmax, a mean. And what the division is for.
# - Masks: for padding, for the future, and a test that finds a forgotten one.
# - Encoder and decoder block, equal to PyTorch's.
# - Positions: none is a bag of words; added ones say where, turned ones say how far; and how to measure the difference.
# - The price: the square of the length.
#
# Next: 05 Pretraining, where the block learns from text that nobody labelled.
#
# **Sources.** Vaswani et al. 2017, *Attention is all you need*: attention with $\sqrt d$, heads, sinusoids, both blocks. He, Zhang, Ren,
# Sun 2016, *Deep residual learning for image recognition*. Ba, Kiros, Hinton 2016, *Layer normalization*. Xiong et al. 2020,
# *On layer normalization in the Transformer architecture*: the norm first needs no warm-up. Su et al. 2021, *RoFormer*: rotary
# positions. Jain, Wallace 2019, *Attention is not explanation*. Dao et al. 2022, *FlashAttention*. Dosovitskiy et al. 2021,
# *An image is worth 16x16 words*. Pang, Lee 2005, *Seeing stars*: the film reviews.
