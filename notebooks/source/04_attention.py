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
# **You will build the Transformer's encoder and decoder block, equal to PyTorch's to five decimals, and train a
# classifier with at least 98% accuracy on sentences longer than any in training and on held-out phrasings.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [02 Text](02_text.ipynb): tokens, padding,
# embeddings, the GRU, word dropout.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. compute attention by hand, with a mask, and explain why the scores are divided by $\sqrt d$;
# 2. build the encoder and the decoder block from an empty cell, and count their parameters;
# 3. explain how a Transformer represents word order, and compare absolute with relative positions;
# 4. test whether a model depends on padding, and fix it;
# 5. predict how time and memory grow with the length of a text, for an RNN and for a Transformer.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import PictureBook, begin, check, evaluate, expect, fit, hint, predict, quiz, show, steps
from mmcourse.data import real
from mmcourse.data.augment import mask_words
from mmcourse.data.text import SentenceBatches, Vocabulary, pad
from mmcourse.models import transformer
from mmcourse.models.attention import MultiHeadAttention, rotate, sinusoids
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.textcnn import BagOfWords
from mmcourse.models.transformer import TokenEncoder, TransformerClassifier
from mmcourse.show import diagrams
from mmcourse.tasks.relation import word_order

begin("04")

# %% [markdown]
# ## Look at the data
#
# The task is that of lesson 02: sort the two objects of a sentence alphabetically. Label 1 means that the first one is
# on the left, or above. This time, look at the length of the sentences.

# %%
train = PictureBook("train", pages=10_000, objects=2)
_, labels, pages = word_order(train)
n_words = [len(train.sentences[page].split()) for page in pages]
for n in sorted(set(n_words))[::3]:
    example = n_words.index(n)
    print(f"{n} words, label {labels[example]}: {train.sentences[pages[example]]}")

# %%
LONGEST = 14
print({n: round(n_words.count(n) / len(n_words), 3) for n in range(min(n_words), max(n_words) + 1)})
print(f"up to {LONGEST} words: {sum(n <= LONGEST for n in n_words) / len(n_words):.0%} of the sentences")

# %% [markdown]
# You train on sentences of up to 14 words only, about 85% of them. The longer ones form a test split for **length
# generalisation**. A second test split is lesson 02's `held_out_phrasings`, with templates and words that no training
# sentence has, such as `tiny` and `huge`.

# %%
short_indices = [i for i, n in enumerate(n_words) if n <= LONGEST]
vocabulary = Vocabulary.of(train.sentences[pages[i]] for i in short_indices)


def sentences_and_labels(book: PictureBook) -> tuple[list[str], Tensor]:
    """The book's sentences and their labels."""
    _, labels, pages = word_order(book)
    return [book.sentences[page] for page in pages], labels


def by_length(sentences: list[str], labels: Tensor, longer: bool) -> tuple[list[str], Tensor]:
    """Those with more words than any in training, or the others."""
    kept = [i for i, sentence in enumerate(sentences) if (len(sentence.split()) > LONGEST) == longer]
    return [sentences[i] for i in kept], labels[kept]


def batches(sentences: list[str], labels: Tensor, **options) -> SentenceBatches:
    return SentenceBatches([vocabulary.encode(sentence) for sentence in sentences], labels, **options)


# %%
test_sentences = sentences_and_labels(PictureBook("test", pages=4_000, objects=2))
held_out = sentences_and_labels(PictureBook("held_out_phrasings", pages=2_000, objects=2))
tests = {"longer sentences": by_length(*test_sentences, longer=True), "held-out phrasings": held_out}
for name, (texts, _) in tests.items():
    print(f"{name}: {len(texts)}, such as '{texts[0]}'")
print("held-out phrasings of more than 14 words:", len(by_length(*held_out, longer=True)[0]))

# %% [markdown]
# ## Baselines
#
# The baselines are those of lesson 02: a bag of words and a GRU. Training and validation contain short sentences only,
# with word dropout, so that `<unk>` has a trained embedding. How will the GRU do on longer sentences?

# %%
def drop_words(tokens: Tensor) -> Tensor:
    return mask_words(tokens, fraction=0.05)


short_sentences = [train.sentences[pages[i]] for i in short_indices]
training = batches(short_sentences, labels[short_indices], transform=drop_words)
valid_short = by_length(*sentences_and_labels(PictureBook("valid", pages=1_000, objects=2)), longer=False)
valid = batches(*valid_short, shuffle=False)
bag = BagOfWords(n_classes=2, vocabulary_size=len(vocabulary))
fit(bag, training, epochs=2, lr=5e-3)
gru = SentenceClassifier(2, len(vocabulary), width=48, cell="gru")
gru_history = fit(gru, training, valid=valid, epochs=8, lr=5e-3, clip=1.0)

# %%
def accuracies(model: nn.Module) -> dict[str, float]:
    return {name: evaluate(model, batches(*split, shuffle=False))["accuracy"] for name, split in tests.items()}


results = {"bag of words": accuracies(bag), "GRU": accuracies(gru)}
for name, row in results.items():
    print(f"{name:12}", {split: f"{value:.1%}" for split, value in row.items()})

# %% [markdown]
# Longer sentences do not hurt the GRU: its state still carries what matters after 20 words. Held-out phrasings cost it
# a few percentage points. On much longer texts a recurrent network has two problems. Information from the first word
# must survive every step to the last. The steps must also be computed one after the other, which wastes parallel
# hardware. Attention connects any two words directly.

# %% [markdown]
# ## Attention
#
# **Attention** (Bahdanau, Cho and Bengio 2015) retrieves information by similarity. A **query** is compared with a
# **key** for each position; the output is the mean of the **values**, weighted by how well the keys match. Bahdanau et
# al. compute the scores with a small network; the dot product is Vaswani et al.'s choice.

# %%
diagrams.attention_head()

# %% [markdown]
# Query $q$ and key $k_j$ are vectors of $d$ numbers, and their dot product measures the match. A softmax over the scores
# gives the weights $w_j$:
#
# $$\text{score}_j = \frac{q \cdot k_j}{\sqrt d} \qquad w_j = \frac{e^{\text{score}_j}}{\sum_i e^{\text{score}_i}}
# \qquad \text{output} = \sum_j w_j v_j$$
#
# With $d = 4$, $q = (2, 0, 0, 0)$, keys $(1, 0, 0, 0)$ and $(0, 1, 0, 0)$, values $10$ and $20$: the scores are $2/2 = 1$ and
# $0$, the weights $e/(e+1) = 0.73$ and $0.27$, the output $0.73 \cdot 10 + 0.27 \cdot 20 = 12.7$.

# %% [markdown]
# | letter | meaning |
# |---|---|
# | `B` | sentences in a batch |
# | `T` | positions (words) of a sentence; `T_q` of the queries, `T_k` of the keys |
# | `S` | positions of a second sequence |
# | `D` | features per position, the *width* |
# | `d` | features of a query and a key; with several heads `D` / heads |

# %% tags=["nbval-check-output"]
query = torch.tensor([[2.0, 0, 0, 0]])                                     # (T_q, d)
keys = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]])                        # (T_k, d)
values = torch.tensor([[10.0], [20]])                                      # (T_k, D)
weights = (query @ keys.T / 4**0.5).softmax(dim=-1)                        # (T_q, T_k)
by_pytorch = F.scaled_dot_product_attention(query[None], keys[None], values[None])
print(f"weights {weights[0].tolist()}   by hand {(weights @ values).item():.4f}   PyTorch {by_pytorch.item():.4f}")

# %% [markdown]
# With queries, keys and values as rows of matrices, **scaled dot-product attention** is one line (Vaswani et al. 2017):
#
# $$\text{Attention}(Q, K, V) = \text{softmax}\Big(\frac{Q K^\top}{\sqrt d}\Big) V$$
#
# ### Exercise 04.1: attention  ●●○ · 10 minutes
#
# Write it for any number of leading axes: `(..., T, d)`. `@` and `transpose(-2, -1)` handle them; axes of size 1 stay.
# Scores can be large, in the hundreds. Stuck? `hint("04.1")` in a cell of its own gives a hint, and the next one when
# you call it again.

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
# Take two vectors of $d$ independent random numbers with mean 0 and variance 1. Their dot product sums $d$ terms of
# variance 1, so its variance is $d$ and its standard deviation $\sqrt d$. What does a softmax do with such large scores?
# Predict the largest of 16 weights at $d = 1024$.
#
# The plots show three quantities: the entropy of the weights, $-\sum w \ln w$ ($\ln 16 = 2.8$ if all are equal, 0 if one is
# 1); the largest weight; and the derivative of a weight with respect to its own score, $w(1-w)$.

# %%
def softmax_statistics(d: int, divisor: float) -> tuple[float, float, float]:
    """Entropy, largest weight, and derivative w(1 - w); means over 500 queries with 16 keys each."""
    products = (torch.randn(500, 1, d) * torch.randn(500, 16, d)).sum(dim=2)      # (500, 16)
    w = (products / divisor).softmax(dim=1)
    entropy = -(w * w.clamp(min=1e-30).log()).sum(dim=1)
    return entropy.mean().item(), w.amax(dim=1).mean().item(), (w * (1 - w)).mean().item()


widths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
unscaled, scaled = [softmax_statistics(d, 1) for d in widths], [softmax_statistics(d, d**0.5) for d in widths]
titles = ("entropy (natural log)", "largest weight", "derivative w(1 - w)")
show.plot_panels({title: {"unscaled": [row[i] for row in unscaled], "divided by √d": [row[i] for row in scaled]}
                  for i, title in enumerate(titles)}, widths, xlabel="d")

# %% [markdown]
# Unscaled, one key gets nearly all the weight, and the derivative goes to 0: the softmax is **saturated**, and the layer
# hardly learns to attend elsewhere. Divided by $\sqrt d$, all three quantities hardly depend on $d$.

# %% [markdown]
# ## Masks
#
# Some keys must be excluded, such as padding. A **mask** says which key a query may attend to. Where it may not, the
# score is set to $-\infty$ before the softmax, and $e^{-\infty} = 0$. Setting the *weight* to 0 afterwards would leave the
# others with a sum below 1. What happens if the *score* is set to 0? Predict the third weight:

# %% tags=["nbval-check-output"]
score, may_attend = torch.tensor([1.0, 0.5, -2.0]), torch.tensor([True, True, False])
print("no mask           ", score.softmax(dim=0))
print("score set to 0    ", (score * may_attend).softmax(dim=0))
print("score set to -inf ", score.masked_fill(~may_attend, float("-inf")).softmax(dim=0))

# %% [markdown]
# A score of 0 is a score like any other: here it even *raises* the third weight, from 0.03 to 0.19.
#
# ### Exercise 04.2: attention with a mask  ●●○ · 10 minutes
#
# `mask` is True where a query may attend, and broadcasts to the scores: `(B, 1, 1, T)` works too. Every query may
# attend to at least one key. The width $D$ of the values may differ from $d$. PyTorch uses both conventions: in
# `F.scaled_dot_product_attention` True means attend, as here; in the `key_padding_mask` of `nn.MultiheadAttention` True
# means ignore. Many bugs come from this.

# %%
def masked_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """As attention, with mask (..., T_q, T_k) of True where a query may attend to a key.   -> (..., T_q, D)"""
    ### BEGIN SOLUTION
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5   # (..., T_q, T_k)
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ values
    ### END SOLUTION


# %%
check("04.2", masked_attention)

# %% [markdown]
# ## Multiple heads
#
# The word `fish` may have to attend to its colour *and* to the other object. One set of weights gives one mean, which
# mixes both. **Multi-head attention** splits the width $D$ into several **heads** with separate queries, keys and
# values of $D$ / heads features. Each head attends on its own; the outputs are concatenated.

# %%
diagrams.multi_head_attention()

# %% [markdown]
# ### Exercise 04.3: split into heads  ●○○ · 5 minutes
#
# Head 0 gets the first $D$ / heads features, head 1 the next, and so on. Then the head axis moves before the time axis,
# since every head attends separately.

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
# ### Exercise 04.4: concatenate the heads  ●○○ · 5 minutes
#
# The inverse of `split_heads`, with the features in the same order.

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
# ## The causal mask
#
# A model that *generates* text must not attend to words that come later. With the **causal mask** each position may
# attend to itself and to earlier positions.
#
# ### Exercise 04.5: causal mask  ●○○ · 5 minutes
#
# The first row may attend to one position, the last row to all.

# %%
def causal_mask(length: int) -> Tensor:
    """True where the row's position may attend to the column's position.   -> (T, T) bool"""
    ### BEGIN SOLUTION
    return torch.ones(length, length, dtype=torch.bool).tril()
    ### END SOLUTION


# %%
check("04.5", causal_mask)

# %% [markdown]
# Masks combine with `&`: both must allow a key.

# %%
is_word = torch.arange(4) < 3
diagrams.attention_masks({"causal": transformer.causal_mask(4), "padding": is_word.expand(4, 4),
                          "both": transformer.causal_mask(4) & is_word}, tokens=["a", "red", "fish", "<pad>"])

# %% [markdown]
# ## The encoder block, step by step
#
# In **self-attention** the words of a sentence attend to one another: queries, keys and values all come from the same
# vectors, through one linear layer each. Step 1, a single head:

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
# Step 2, multiple heads. The three layers stay; their outputs are split, and a fourth layer mixes the concatenated heads.

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
# The package's `MultiHeadAttention` is `Block2`, and returns the weights as well:
#
# ```python
# attended, weights = MultiHeadAttention(width, heads)(x, memory=None, mask=None)   # (B, T, D), (B, heads, T, T)
# ```
#
# With a `memory`, keys and values come from there instead of from `x`.

# %% [markdown]
# Step 3. Attention replaces each word by a mean of others, and after a few layers the word itself would be lost. A
# **residual connection** (He et al. 2016) therefore *adds* the output to the input. Sums grow from layer to layer, so
# a **layer norm** (Ba, Kiros and Hinton 2016) first normalises each word's features to mean 0 and standard deviation
# 1, followed by a learned scale and shift per feature.

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
# Step 4. Attention moves information between words, but computes only means. The **feed-forward network** then transforms
# each word separately: two linear layers with a ReLU between them, again with a norm and a residual connection.

# %%
class Block4(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):                            # new
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)               # new: the second
        self.feed_forward = nn.Sequential(                                              # new
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        attended, weights = self.attention(self.norm1(x), mask=mask)
        x = x + attended
        return x + self.feed_forward(self.norm2(x))                                     # new


print(tuple(Block4(16, heads=4, hidden=64)(x).shape))

# %% [markdown]
# This is the **encoder block**, `EncoderBlock` in the package. In the original paper the norm comes *after* each sum
# (**post-norm**), which needs a careful warm-up of the learning rate. With the norm first (**pre-norm**), training
# works without warm-up (Xiong et al. 2020). `norm_first=False` gives the original order.

# %%
diagrams.encoder_block()

# %% [markdown]
# ### Exercise 04.6: number of parameters  ●●○ · 10 minutes
#
# Count all parameters of `Block4`: weights and biases of the four layers of attention and of the two feed-forward layers,
# and one scale and one shift per feature for each norm. Does the number of heads matter? Does the length of the sentence?

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
# ## The decoder block
#
# A model that generates text attends to two sequences: to what it has generated, with a causal mask, and to its input,
# such as the features of an image or a sentence to translate. The second is **cross-attention**: queries from the
# generated words, keys and values from the other sequence, the `memory`.

# %%
diagrams.decoder_block()

# %%
class Decoder(nn.Module):
    def __init__(self, width: int, heads: int, hidden: int):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.cross_attention = MultiHeadAttention(width, heads)                         # new
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))    # new: the third
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None) -> Tensor:
        causal = transformer.causal_mask(x.shape[1])                                    # new: (T, T)
        causal = causal if mask is None else causal & mask                              # new
        x = x + self.attention(self.norm1(x), mask=causal)[0]
        x = x + self.cross_attention(self.norm2(x), memory=memory, mask=memory_mask)[0]  # new: memory (B, S, D)
        return x + self.feed_forward(self.norm3(x))


print(tuple(Decoder(16, heads=4, hidden=64)(x, memory=torch.randn(2, 9, 16)).shape))

# %% [markdown]
# Are these blocks correct? PyTorch has both. `copy_pytorch` copies the weights of its layers into ours; then both must
# give the same output for the same sentences, padding included. (`is_word` is `(B, T)`. A mask must broadcast to
# `(B, heads, T_q, T_k)`, so two axes of length 1 are inserted.)

# %%
def difference(ours: nn.Module, theirs: nn.Module) -> float:
    """The largest difference of two blocks with the same weights, over the real words of padded sentences."""
    x, memory = torch.randn(3, 7, 64), torch.randn(3, 5, 64)
    is_word = torch.arange(7) < torch.tensor([[7], [4], [2]])                           # (B, T)
    is_memory = torch.arange(5) < torch.tensor([[2], [5], [3]])                         # (B, S)
    transformer.copy_pytorch(ours, theirs)
    if isinstance(theirs, nn.TransformerEncoderLayer):
        mine, other = ours(x, is_word[:, None, None]), theirs(x, src_key_padding_mask=~is_word)
    else:
        mine = ours(x, memory, is_word[:, None, None], is_memory[:, None, None])
        other = theirs(x, memory, tgt_mask=~transformer.causal_mask(7), tgt_key_padding_mask=~is_word,
                       memory_key_padding_mask=~is_memory)
    return (mine - other)[is_word].abs().max().item()


def torch_layer(layer: type) -> nn.Module:
    return layer(64, 4, 128, norm_first=True, batch_first=True, dropout=0.0)


encoder, decoder = nn.TransformerEncoderLayer, nn.TransformerDecoderLayer
blocks = ((Block4, encoder), (Decoder, decoder), (transformer.EncoderBlock, encoder), (transformer.DecoderBlock, decoder))
differences = {ours.__name__: difference(ours(64, 4, 128), torch_layer(theirs)) for ours, theirs in blocks}
print(differences)
expect("04.equal", max(differences.values()))

# %% [markdown]
# ## Positions
#
# Something is missing. Take lesson 02's two sentences, the same words with opposite labels. `TokenEncoder` runs two
# encoder blocks with random weights and pools the words into one vector per sentence. Predict the difference of the two
# vectors.

# %%
one, other = "a big red fish above a small blue boat", "a small blue boat above a big red fish"
pair = pad([vocabulary.encode(one), vocabulary.encode(other)])
without_positions = TokenEncoder(len(vocabulary), positions=None).eval()
first, second = without_positions(pair)
print("largest difference", (first - second).abs().max().item())

# %% [markdown]
# The difference is a rounding error. If two words are exchanged, the same rows are exchanged in queries, keys and values,
# and each word still attends to the same set: self-attention is **permutation equivariant**. Pooling removes the order of
# the rows. A pooled Transformer without positions is a bag of words, however deep. (A causal mask would break the
# symmetry.)

# %% [markdown]
# Vaswani et al. (2017) *add* a **positional encoding** to each embedding, sines and cosines of the position $t$, from
# high to low frequencies:
#
# $$p_{t,\,2i} = \sin\big(t / 10000^{2i/D}\big) \qquad p_{t,\,2i+1} = \cos\big(t / 10000^{2i/D}\big)$$

# %%
sines = sinusoids(40, 64)                                                               # (T, D)
dot_products = "dot product of two positions / (D / 2)"
show.show_matrices({"positional encoding": sines, dot_products: sines @ sines.T / 32}, rows="position",
                   columns={"positional encoding": "feature", dot_products: "position"})

# %% [markdown]
# Left: the first features change fast, the last ones slowly, like the hands of a clock. Right: the dot product of two
# encodings, divided by $D / 2 = 32$, so that a position with itself gives 1. It depends only on the *distance* between two
# positions, because $\sin a \sin b + \cos a \cos b = \cos(a - b)$.
#
# Training sentences of 14 words use positions 0 to 13. What will a model do at position 14?

# %% [markdown]
# The rule 'the word before `fish` is its colour' is about distance, not about absolute positions. **Rotary position
# embeddings** (RoPE, Su et al. 2021) add nothing to the word's embedding. They rotate each pair of features $(a, b)$ of
# a query or key by an angle proportional to its position $t$:
#
# $$\text{rotate}(a, b; t) = (a\cos t\theta - b\sin t\theta,\;\; a\sin t\theta + b\cos t\theta)$$
#
# $\theta$ is the frequency of the pair.

# %% [markdown]
# The dot product of a query at position $m$ and a key at $n$ then depends on the positions only through $m - n$. For the
# query $(1, 0)$, the key $(0, 1)$ and $\theta = 1$ it is $-\cos m \sin n + \sin m \cos n = \sin(m - n)$.

# %% tags=["nbval-check-output"]
queries = rotate(torch.tensor([[1.0, 0]]).expand(40, 2))                                # (T, d), theta = 1
keys = rotate(torch.tensor([[0, 1.0]]).expand(40, 2))                                   # (T, d)
for m, n in ((3, 5), (30, 32), (5, 3)):
    print(f"positions {m} and {n}: product {queries[m] @ keys[n]:+.4f}   sin({m - n}) = {torch.tensor(m - n).sin():+.4f}")

# %% [markdown]
# Positions 30 and 32 are related like 3 and 5, and two positions *before* differs from two positions *after*. A longer
# sentence contains mostly distances that also occur in short ones. Now compare three encoders with the same random
# weights on the two sentences. The size of the difference means little for untrained weights; see which one is 0.

# %%
for positions in (None, "sinusoids", "rotary"):
    torch.manual_seed(0)
    first, second = TokenEncoder(len(vocabulary), positions=positions).eval()(pair)
    print(f"{positions!s:10} largest difference {(first - second).abs().max():.4f}")

# %% [markdown]
# ## Train it
#
# `TransformerClassifier` consists of an embedding, two encoder blocks with RoPE, a maximum over the words, and a linear
# layer. Sentences, labels and word dropout are the same as for the GRU. Width, batch size, learning rate and epochs
# were chosen for each network separately, so the two are not compared at equal cost.

# %%
model = TransformerClassifier(2, len(vocabulary), width=64, heads=4, layers=2, positions="rotary", pooling="max")
print("parameters", sum(p.numel() for p in model.parameters()))
small_batches = batches(short_sentences, labels[short_indices], size=32, transform=drop_words)
history = fit(model, small_batches, valid=valid, epochs=6, lr=2e-3)

# %% [markdown]
# ## Evaluate it
#
# Both test splits are new to the model and played no part in any choice: hyperparameters were chosen on short validation
# sentences, and on training templates that were held out for this purpose. Predict where the Transformer beats the GRU.

# %%
results["Transformer"] = accuracies(model)
show.compare(results, chance=0.5)
for name, row in results.items():
    print(f"{name:12}", {split: f"{value:.1%}" for split, value in row.items()})
expect("04.longer", results["Transformer"]["longer sentences"])
expect("04.held_out_phrasings", results["Transformer"]["held-out phrasings"])

# %% [markdown]
# On longer sentences the GRU is as accurate as the Transformer. On held-out phrasings it is a few percentage points
# worse. The bag of words stays at chance level.
#
# Does RoPE make the difference? The stored table compares the same network with added sinusoids, trained for as many
# steps (`benchmarks/positions.py`).

# %%
show.show_stored_table("04_positions")

# %% [markdown]
# On sentences as short as in training, RoPE is about two percentage points better. On longer sentences and held-out
# phrasings, the network with absolute positions (sinusoids) loses about ten percentage points, the one with relative
# positions (RoPE) almost nothing. New positions alone are unlikely to explain this: only about a third of the held-out
# phrasings exceed 14 words, and on the longer test sentences new positions cost only about ten points. In the others,
# words probably occur at positions where they did not occur in training.

# %% [markdown]
# Error analysis: the most confident mistakes on held-out phrasings, eight at most.

# %%
texts, targets = tests["held-out phrasings"]
p_true = predict(model, pad([vocabulary.encode(text) for text in texts])).softmax(dim=1)[range(len(targets)), targets]
print(f"{(p_true < 0.5).sum()} of {len(targets)} wrong")
for i in p_true.argsort()[: min(8, int((p_true < 0.5).sum()))].tolist():
    print(f"probability of the true class {p_true[i]:.3f}   {texts[i]}")

# %% [markdown]
# Look at their templates. 'over the ... there is a ...' is often among them: the relation comes before both objects,
# and `there is` stands between them. Does a run with another seed make similar mistakes?

# %% [markdown]
# ## Play: attention weights
#
# Choose a sentence or write one, a layer and a head, and move the mouse over a word. Rows are queries, columns are keys.
# Can you find a head that attends to the previous word, or one in which the two objects attend to each other? Interpret
# with care: Jain and Wallace (2019) found that very different weights can give the same prediction; Wiegreffe and Pinter
# (2019) reply that this depends on the definition of an explanation, and propose other tests.

# %%
show.attention_explorer(model, [one, other, *texts[:4]], encode=vocabulary.encode, classes=("no", "yes"))

# %% [markdown]
# ## Debugging exercise
#
# This classifier has one attention layer and mean pooling. Its task is easy: does the sentence contain *red* or *blue*?
# It trains without errors. Yet a sentence's logits change when it is padded. The cell trains on short sentences and
# evaluates others with more and more padding. Which will reveal the bug, accuracy or logits?

# %%
class Buggy(nn.Module):
    """One attention layer over the words, then their mean.   (B, T) tokens, 0 = padding -> (B, K) logits"""

    def __init__(self, vocabulary_size: int, n_classes: int, width: int = 32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.attend = MultiHeadAttention(width, heads=4)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        positions = sinusoids(tokens.shape[1], self.embedding.embedding_dim).to(tokens.device)
        x = self.embedding(tokens) + positions                                          # (B, T, D)
        x = x + self.attend(x)[0]                                                       # (B, T, D)
        return self.head(x.mean(dim=1))                                                 # (B, K)


def red_or_blue(sentences: list[str]) -> Tensor:
    return torch.tensor([int(bool({"red", "blue"} & set(sentence.split()))) for sentence in sentences])


buggy = Buggy(len(vocabulary), n_classes=2)
fit(buggy, batches(short_sentences, red_or_blue(short_sentences)), epochs=2, lr=5e-3)
valid_tokens, targets = pad([vocabulary.encode(text) for text in valid_short[0]]), red_or_blue(valid_short[0])
for extra in (0, 1, 4, 16, 64):
    logits = predict(buggy, F.pad(valid_tokens, (0, extra)))
    print(f"{extra:2d} columns of padding: accuracy {(logits.argmax(dim=1) == targets).float().mean():.1%}   "
          "logits of the first sentence " + "   ".join(f"{value:+.2f}" for value in logits[0].tolist()))

# %% [markdown]
# There are two bugs. Every word attends to the padding, which has a position and an embedding like a word. The mean
# includes the padding too. The logits change with the first column, while the accuracy on such an easy task can stay the
# same. Accuracy does not find this bug; a test does: the same sentence with padding must give the same logits.
#
# ### Exercise 04.debug: fix the model  ●●○ · 15 minutes
#
# Write `forward` such that padding has no effect, in training as in evaluation mode. `MultiHeadAttention` takes a
# `mask`, True where a word may be attended to, which broadcasts to `(B, heads, T_q, T_k)`. Which of the four axes are
# the keys?

# %%
class Fixed(Buggy):
    """The same, without any effect of padding."""

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, K)"""
        ### BEGIN SOLUTION
        is_word = tokens != 0                                                           # (B, T)
        positions = sinusoids(tokens.shape[1], self.embedding.embedding_dim).to(tokens.device)
        x = self.embedding(tokens) + positions                                          # (B, T, D)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]                          # mask (B, 1, 1, T)
        return self.head((x * is_word[..., None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))
        ### END SOLUTION


# %%
check("04.debug", Fixed)

# %% [markdown]
# ## On real data: film reviews
#
# Now a small Transformer classifies the film reviews of lesson 02. Word order matters little there, 8,530 sentences are
# few, and a Transformer has no inductive bias for neighbouring words. How will it compare with naive Bayes on words and
# word pairs?
#
# Against overfitting it has one block, dropout, word dropout, and small initial embeddings (`std`), all chosen on the
# validation split.

# %%
splits = ("train", "validation", "test")
reviews = {split: real.load_or_explain("movie_reviews", split) for split in splits}
if all(reviews.values()):
    review_vocabulary = Vocabulary.of(reviews["train"]["text"])
    encoded = {split: [review_vocabulary.encode(text) for text in reviews[split]["text"]] for split in splits}
    review_labels = {split: torch.tensor(reviews[split]["label"]) for split in splits}
    review_classifier = TransformerClassifier(2, len(review_vocabulary), width=64, heads=4, layers=1,
                                              positions="rotary", dropout=0.3, std=0.1)
    training = SentenceBatches(encoded["train"], review_labels["train"], transform=lambda tokens: mask_words(tokens, 0.1))
    validation = SentenceBatches(encoded["validation"], review_labels["validation"], shuffle=False)
    fit(review_classifier, training, valid=validation, epochs=4, lr=2e-3)

# %%
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

if all(reviews.values()):
    counts = CountVectorizer(ngram_range=(1, 2), binary=True, tokenizer=review_vocabulary.tokenise, token_pattern=None)
    naive_bayes = make_pipeline(counts, MultinomialNB())
    naive_bayes.fit(reviews["train"]["text"], reviews["train"]["label"])
    test_batches = SentenceBatches(encoded["test"], review_labels["test"], shuffle=False)
    print(f"naive Bayes {naive_bayes.score(reviews['test']['text'], reviews['test']['label']):.1%}   "
          f"Transformer {evaluate(review_classifier, test_batches)['accuracy']:.1%}")

# %% [markdown]
# The Transformer is on a par with naive Bayes, as the networks of lesson 02 were: with 1,066 test sentences,
# differences of one percentage point mean little. It has to learn from data that neighbouring words belong together
# and that 'not' negates 'good'; 8,530 sentences are probably too few. The validation loss is lowest early and then
# rises: the network becomes more confident, also in its mistakes. One remedy is pretraining on text without labels,
# the topic of lesson 05.

# %% [markdown]
# ## Where this is used
#
# Transformer blocks translate (Vaswani et al. 2017), form language models, classify images cut into patches
# (Dosovitskiy et al. 2021), and describe images by cross-attention, as in lesson 12. Models in use are a million times
# larger, process many thousands of tokens, where the quadratic cost dominates, and split rare words into subwords
# instead of using `<unk>`.

# %%
quiz("04")

# %% [markdown]
# ## Open-ended questions
#
# 1. Train the Transformer with `positions="sinusoids"` on sentences of up to 14 words. Which of its mistakes on longer
#    sentences depend on positions 14 and above?
# 2. Remove one of the four heads after training by setting its part of the output to 0. Which head matters most?
# 3. How would you change the mask so that each word attends to its four neighbours only? What does this do to the cost,
#    and to the receptive field of two layers?

# %% [markdown]
# ## Summary
#
# - Attention: dot products of queries and keys, divided by $\sqrt d$, a softmax, a weighted mean of values.
# - Masks set scores to $-\infty$: for padding, and for later positions.
# - Encoder block: self-attention and feed-forward network, each with a layer norm and a residual connection; the decoder block
#   adds a causal mask and cross-attention.
# - Without positions a pooled Transformer is a bag of words; relative positions generalise better to longer sentences here.
# - Time and memory grow with the square of the length (below).
#
# Next: [05 Pretraining](05_pretraining.ipynb), where such blocks learn from text without labels.

# %% [markdown]
# ## Going further
#
# ### The cost of length
#
# A two-layer GRU and a two-layer Transformer, both 64 wide: one training step on two texts of 16 to 1,024 words.
# (`steps(7)` is 7, and fewer in a fast test.) If the text becomes twice as long, by what factor do time and memory grow,
# for each? Write down four numbers. `cost_of_a_step` measures the time, and counts the bytes that PyTorch stores for the
# backward pass.

# %%
from mmcourse.training.cost import cost_of_a_step

networks = {"GRU": SentenceClassifier(2, 100, width=64, cell="gru", layers=2),
            "Transformer": TransformerClassifier(2, 100, width=64, heads=4, layers=2, positions="rotary")}
text_lengths = [16 * 2**i for i in range(steps(7))]
costs = {name: [cost_of_a_step(network, torch.randint(2, 100, (2, length))) for length in text_lengths]
         for name, network in networks.items()}
times = {name: [1e3 * cost.seconds for cost in row] for name, row in costs.items()}
memory = {name: [cost.bytes / 1e6 for cost in row] for name, row in costs.items()}
show.plot_panels({"time of a training step": times, "memory for the backward pass": memory}, text_lengths,
                 xlabel="words per text", log="xy", ylabel=("ms", "MB"))
for name, row in costs.items():
    print(f"{name:12} from {text_lengths[-2]} to {text_lengths[-1]} words: time x {row[-1].seconds / row[-2].seconds:.1f}, "
          f"memory x {row[-1].bytes / row[-2].bytes:.1f}")

# %% [markdown]
# On logarithmic axes a line of slope 1 means proportional growth, as for the GRU's memory. The Transformer's bends
# towards slope 2: every word attends to every word, which gives $T \times T$ weights per head. Ours stores them because it
# returns them. **FlashAttention** (Dao et al. 2022) computes the weights in tiles and again in the backward pass, so
# memory grows linearly; `F.scaled_dot_product_attention` uses it where available. The time remains quadratic.

# %% [markdown]
# The times depend on your machine. The GRU processes one word after the other, so its time is proportional to the
# length. Attention processes all words in parallel, which pays off most on a GPU. On sufficiently long texts its
# quadratic time exceeds the GRU's. Where do the lines cross on your plot, if at all?

# %% [markdown]
# ### Why residual connections
#
# Pass random words through twelve layers of `Block3`, with and without the sum, and measure how similar the words of a
# sentence become: the cosine between two words, after subtracting the mean of all words. It is 1 for equal directions.
# Predict both curves.

# %%
def similarity(x: Tensor) -> float:
    """The mean cosine between two words of a sentence.   (B, T, D)"""
    directions = F.normalize(x - x.mean(dim=(0, 1)), dim=2)
    T = x.shape[1]
    return ((directions @ directions.transpose(1, 2)).sum() - len(x) * T).item() / (len(x) * T * (T - 1))


with_sum = without_sum = torch.randn(32, 10, 64)
cosines = {"without residual": [], "with residual": []}
for layer in [Block3(64, heads=4) for _ in range(12)]:
    with_sum, without_sum = layer(with_sum).detach(), layer.attention(layer.norm1(without_sum))[0].detach()
    cosines["without residual"].append(similarity(without_sum))
    cosines["with residual"].append(similarity(with_sum))
show.plot_panels({"cosine similarity of two words of a sentence": cosines}, range(1, 13), xlabel="layer",
                 ylabel="cosine similarity", log="")

# %% [markdown]
# Without residual connections all words of a sentence point in nearly the same direction after one or two layers: only
# the mean of the sentence is left. Dong, Cordonnier and Loukas (2021) prove for attention alone that this **rank
# collapse** is doubly exponential in depth. With residual connections the cosine stays small after twelve layers: the
# words remain distinct.

# %% [markdown]
# **References.** Bahdanau, Cho, Bengio 2015, *Neural machine translation by jointly learning to align and translate*,
# [arXiv:1409.0473](https://arxiv.org/abs/1409.0473): attention. Vaswani et al. 2017, *Attention is all you need*,
# [arXiv:1706.03762](https://arxiv.org/abs/1706.03762): scaled dot-product attention, heads, sinusoids, both blocks. He,
# Zhang, Ren, Sun 2016, *Deep residual learning for image recognition*,
# [arXiv:1512.03385](https://arxiv.org/abs/1512.03385). Ba, Kiros, Hinton 2016, *Layer normalization*,
# [arXiv:1607.06450](https://arxiv.org/abs/1607.06450). Xiong et al. 2020, *On layer normalization in the Transformer
# architecture*, [arXiv:2002.04745](https://arxiv.org/abs/2002.04745): pre-norm and post-norm. Su et al. 2021,
# *RoFormer*, [arXiv:2104.09864](https://arxiv.org/abs/2104.09864): rotary position embeddings. Jain, Wallace 2019,
# *Attention is not explanation*, [arXiv:1902.10186](https://arxiv.org/abs/1902.10186), and the reply: Wiegreffe, Pinter
# 2019, *Attention is not not explanation*, [arXiv:1908.04626](https://arxiv.org/abs/1908.04626). Dong, Cordonnier,
# Loukas 2021, *Attention is not all you need*, [arXiv:2103.03404](https://arxiv.org/abs/2103.03404): rank collapse. Dao
# et al. 2022, *FlashAttention*, [arXiv:2205.14135](https://arxiv.org/abs/2205.14135). Dosovitskiy et al. 2021, *An
# image is worth 16x16 words*, [arXiv:2010.11929](https://arxiv.org/abs/2010.11929). Pang, Lee 2005, *Seeing stars*,
# [arXiv:cs/0506075](https://arxiv.org/abs/cs/0506075): the film reviews.
