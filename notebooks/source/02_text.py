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
# # 02 · Words: the recurrent network
#
# **You will build a network that reads a sentence word by word and knows who stands left of whom, right in 98 of 100
# sentences, where a network that counts words can only guess. On real film reviews you will then find
# that counting is hard to beat.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [01 Pictures](01_images.ipynb): training with
# `fit`, logits, cross-entropy, what a held-out split is.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. turn sentences of any length into one tensor, and say what padding spoils if nobody looks after it;
# 2. write an RNN and one step of an LSTM from an empty cell, equal to PyTorch's;
# 3. measure how far back a gradient reaches, and say what a gate changes about it;
# 4. choose between counting words, windows of words and a recurrent network, and test whether the order of words was used;
# 5. find two mistakes in an LSTM that learns nothing, and say which of them keeps it at chance.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmcourse import PictureBook, begin, check, evaluate, expect, fit, hint, predict, quiz
from mmcourse.data import real
from mmcourse.data.augment import mask_words
from mmcourse.data.text import SentenceBatches, Vocabulary, lengths, pad
from mmcourse.models import pooling
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.textcnn import BagOfWords, TextCNN
from mmcourse.show import (
    compare,
    plot_history,
    plot_lines,
    saliency_explorer,
    show_pages,
    show_stored_table,
    show_unrolled,
)
from mmcourse.tasks.relation import which_is_where
from mmcourse.training.device import device

begin("02")

# %% [markdown]
# ## Look
#
# These pages show two things, and the sentence says how they stand to each other.

# %%
train = PictureBook("train", pages=8_000, objects=2)
valid = PictureBook("valid", pages=1_000, objects=2)
test = PictureBook("test", pages=2_000, objects=2)
show_pages(train, rows=1, columns=4, sentences=train.sentences)

# %% [markdown]
# The question of this lesson needs no picture. Take the two things in the order of the alphabet. **Is the first of them the
# one on the left, or above?** For 'a big red fish above a small blue boat' the answer is no: the boat comes first in the
# alphabet, and it is below. `which_is_where` works out the answers, 0 for no and 1 for yes, as many of each.

# %%
_, labels, pages = which_is_where(train)
for answer in (0, 1):
    for i in (labels == answer).nonzero()[:3, 0]:
        print(("no ", "yes")[answer], train.sentences[pages[i]])
print(f"{len(labels)} sentences, {labels.float().mean():.2f} of them yes")

# %% [markdown]
# Why such a question? Because of pairs like this one:

# %%
one, other = "a big red fish above a small blue boat", "a small blue boat above a big red fish"
print("the same words:", sorted(one.split()) == sorted(other.split()))

# %% [markdown]
# The same nine words, and the answer turns round. What a sentence says is more than which words are in it.

# %% [markdown]
# ## From words to numbers
#
# A **vocabulary** gives each word a number, its place in a list. Two places are kept: 0 for `<pad>`, which fills up short
# sentences, and 1 for `<unk>`, which stands for every word that is not in the list. The list comes from the *training*
# sentences alone. If it came from all of them, you would know about words that a real reader meets for the first time.

# %%
vocabulary = Vocabulary.of(train.sentences)
print(len(vocabulary), "words:", ", ".join(vocabulary.words[:14]), "...")
print(vocabulary.encode("a tiny red fish above a big dragon"))

# %% [markdown]
# `tiny` and `dragon` became 1. No training sentence holds them; the first is a word that the book holds back on purpose.
#
# ### Exercise 02.1: encode  ●○○ · 5 minutes
#
# Lower-case the sentence, split it at the blanks, and look each word up.

# %%
def encode(sentence: str, index: dict[str, int]) -> list[int]:
    """The number of each word; a word that is not in `index` gets the number of '<unk>'."""
    ### BEGIN SOLUTION
    return [index.get(word, index["<unk>"]) for word in sentence.lower().split()]
    ### END SOLUTION


# %%
check("02.1", encode)

# %% [markdown]
# The package's `Vocabulary` does this and two things more. It cuts at punctuation too: your `split` leaves `cat,` whole, a
# word that no list holds. And `Vocabulary.of` leaves out words that stand only once in the training texts: one example
# teaches little.

# %%
print(vocabulary.tokenise("A cat, and it isn't blue!"))

# %% [markdown]
# Sentences differ in length, and a tensor has straight edges. So short ones are **padded** with 0 up to the longest of
# their batch.
#
# ### Exercise 02.2: pad  ●○○ · 5 minutes
#
# Fill up with zeros on the right. `dtype=torch.long` keeps whole numbers.

# %%
def pad_batch(sequences: list[list[int]]) -> Tensor:
    """Lists of different lengths as one tensor of whole numbers, 0 on the right.   -> (B, T)"""
    ### BEGIN SOLUTION
    tokens = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = torch.tensor(sequence)
    return tokens
    ### END SOLUTION


# %%
check("02.2", pad_batch)

# %% [markdown]
# The package's `pad` does this, and `SentenceBatches` puts sentences of like length into one batch, so that little is
# padding.

# %%
def sentences_and_labels(book: PictureBook) -> tuple[list[list[int]], Tensor]:
    """Encoded sentences and their answers."""
    _, labels, pages = which_is_where(book)
    return [vocabulary.encode(book.sentences[page]) for page in pages], labels


def fraction_of_words(batches: SentenceBatches) -> float:
    return sum((tokens > 0).sum() for tokens, _ in batches) / sum(tokens.numel() for tokens, _ in batches)


sequences, labels = sentences_and_labels(train)
alike = SentenceBatches(sequences, labels)
mixed = SentenceBatches(pad(sequences), labels, size=len(labels))
tokens, target = next(iter(alike))
print("a batch", tuple(tokens.shape), tuple(target.shape))
print(f"share of words, the rest is padding: {fraction_of_words(alike):.2f} in batches of like length, "
      f"{fraction_of_words(mixed):.2f} in one tensor")

# %% [markdown]
# ## A baseline: the bag of words
#
# An **embedding** is a table with a row of numbers for each word. Looking a word up picks its row; that is what multiplying
# with a 1 at the word's place and 0 elsewhere would do:

# %% tags=["nbval-check-output"]
table = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])             # (V, D): four words, two numbers each
words = torch.tensor([3, 1, 2])
print("by hand", (F.one_hot(words, 4).float() @ table).tolist())
print("PyTorch", nn.Embedding.from_pretrained(table)(words).tolist())

# %% [markdown]
# The rows begin at random and are learned, like every weight. The cheapest way from rows to an answer: take their mean, and
# put a small network on it. This is a **bag of words**. Before you run it: how well can it do here?

# %%
test_batches = SentenceBatches(*sentences_and_labels(test), shuffle=False)
bag = BagOfWords(n_classes=2, vocabulary_size=len(vocabulary))
fit(bag, alike, epochs=4, lr=5e-3)
bag_test = evaluate(bag, test_batches)["accuracy"]
expect("02.bag_of_words", bag_test)

# %% [markdown]
# One half: it guesses. More layers would not help, since a mean is the same in any order, and the order is all that counts
# here.

# %% [markdown]
# ## The recurrent network
#
# Read as you read: word after word, with something kept in mind. What is kept is the **state** $h$, a vector. Each new word
# changes it, always by the same weights:

# %%
show_unrolled(["a", "red", "fish", "above", "a", "boat"])

# %% [markdown]
# With $x_t$ the embedding of word $t$, and $h_0 = 0$:
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b)$$
#
# $W$ says what each of a word's $D$ numbers adds to each of the state's $H$, so its shape is (H, D). $U$, (H, H), says the
# same of the old state, and $b$, (H,), is added whatever is read. $T$ words give $T$ states. In one dimension it fits on a
# line. Take $W = 0.5$, $U = 1$, $b = 0$ and the inputs 1, 0, 2:
#
# $$h_1 = \tanh(0.5) = 0.462 \qquad h_2 = \tanh(0 + 0.462) = 0.432 \qquad h_3 = \tanh(1 + 0.432) = 0.892$$

# %% tags=["nbval-check-output"]
layer = nn.RNN(1, 1, batch_first=True)
layer.load_state_dict({"weight_ih_l0": torch.tensor([[0.5]]), "weight_hh_l0": torch.tensor([[1.0]]),
                       "bias_ih_l0": torch.zeros(1), "bias_hh_l0": torch.zeros(1)})
x, h, by_hand = torch.tensor([1.0, 0, 2]), torch.tensor(0.0), []
for t in range(3):
    h = torch.tanh(0.5 * x[t] + 1.0 * h)
    by_hand.append(round(h.item(), 3))
print("by hand", by_hand, "  PyTorch", [round(value, 3) for value in layer(x[None, :, None])[0].flatten().tolist()])

# %% [markdown]
# The second input was 0, and yet $h_2$ is not: it remembers the first, a little fainter.
#
# ### Exercise 02.3: an RNN  ●●○ · 10 minutes
#
# The same with vectors and matrices, for one sentence.

# %%
def rnn(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """All states h_t = tanh(W x_t + U h_{t-1} + b), h_0 = 0.   (T, D), (H, D), (H, H), (H,) -> (T, H)"""
    ### BEGIN SOLUTION
    h = torch.zeros(len(U))
    states = []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states)
    ### END SOLUTION


# %%
check("02.3", rnn)

# %% [markdown]
# ## The gradient that vanishes
#
# To learn that the first word mattered, the loss must be felt there. How strongly does $h_T$ depend on $h_t$? By the chain
# rule, a product with one factor for each step between:
#
# $$\frac{\partial h_T}{\partial h_t} = \prod_{k=t+1}^{T} \mathrm{diag}(1 - h_k^2)\, U$$
#
# The slope of $\tanh$ is $1 - \tanh^2$, so at step $k$ it is $1 - h_k^2$, one number for each of the state's; $\mathrm{diag}$
# writes them on the diagonal of a matrix that is 0 elsewhere. No slope is above 1.
#
# Fifty factors that shrink a vector by a fifth leave about $0.8^{50}$, a hundred-thousandth. Factors above 1 explode
# instead. Do not believe it, measure it: random inputs of 60 steps, the slope of the last state at every input.

# %%
def gradient_norms(layer: nn.Module) -> list[float]:
    """The norm of the last state's gradient at each input, by its distance from the end."""
    x = torch.randn(64, 60, 32).requires_grad_()                                   # (B, T, D)
    layer(x)[0][:, -1].sum().backward()
    return x.grad.norm(dim=2).mean(dim=0).flip(0).tolist()                         # (T,)


def factor_per_step(gradients: list[float]) -> float:
    """The factor from one step back to the next, on average."""
    return (gradients[-1] / gradients[0]) ** (1 / (len(gradients) - 1))


fresh, large = (nn.RNN(32, 32, batch_first=True) for _ in range(2))
with torch.no_grad():
    large.weight_hh_l0 *= 4
lines = {"RNN as PyTorch begins it": gradient_norms(fresh), "RNN with U four times as large": gradient_norms(large)}
plot_lines(lines, range(60), xlabel="steps back from the last", ylabel="gradient at the input", log=True)
print("factor at each step back:", {name: round(factor_per_step(line), 2) for name, line in lines.items()})

# %% [markdown]
# A straight line on this axis is a power: the same factor again and again. Twenty steps back next to nothing is left of the
# first gradient; the other grows and grows. Against growing there is a plain remedy, **clipping** (Pascanu, Mikolov and
# Bengio 2013): a gradient whose norm is too large is shortened, `fit(..., clip=1.0)`. Against vanishing, clipping does not
# help: it makes nothing longer. The network itself has to change.

# %% [markdown]
# ## The LSTM: a state that is added to
#
# The **LSTM** (Hochreiter and Schmidhuber 1997) keeps a second vector, the cell $c$, which is not pushed through a matrix
# at each step. Gates, numbers from 0 to 1 by a sigmoid $\sigma$, say what enters ($i$), what stays ($f$, added by Gers,
# Schmidhuber and Cummins 2000) and what is shown ($o$):
#
# $$i, f, o = \sigma(W x_t + U h_{t-1} + b) \qquad g = \tanh(W x_t + U h_{t-1} + b)$$
# $$c_t = f \odot c_{t-1} + i \odot g \qquad\qquad h_t = o \odot \tanh(c_t)$$
#
# The sign $\odot$ multiplies number by number, as `*` does in PyTorch. Each of the four has its own rows of $W$, $U$ and
# $b$. Along the cell, the direct way back, the gradient is multiplied by $f$ and nothing else. In one dimension, with
# $i = 0.5$, $f = 0.9$, $o = 1$, $g = 1$ and $c = 2$: the new cell is $0.9 \cdot 2 + 0.5 \cdot 1 = 2.3$, and
# $h = \tanh(2.3) = 0.980$.
#
# ### Exercise 02.4: one step of an LSTM  ●●○ · 15 minutes
#
# For a whole batch, with PyTorch's order of the gates: `W` holds the rows of $i$, then $f$, then $g$, then $o$.

# %%
def lstm_step(x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """One step.   x (B, D), h and c (B, H), W (4H, D), U (4H, H), b (4H,) -> new h (B, H), new c (B, H)"""
    ### BEGIN SOLUTION
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
    ### END SOLUTION


# %%
check("02.4", lstm_step)

# %% [markdown]
# Does it keep the gradient? Guess, for an LSTM as PyTorch begins it. The second line is one whose forget gates begin almost
# open: 3 is added to their bias, and $\sigma(3) = 0.95$.

# %%
closed, opened = (nn.LSTM(32, 32, batch_first=True) for _ in range(2))
with torch.no_grad():
    opened.bias_hh_l0[32:64] += 3
lines = {"RNN": gradient_norms(fresh), "LSTM as PyTorch begins it": gradient_norms(closed), "LSTM, forget gates open": gradient_norms(opened)}
plot_lines(lines, range(60), xlabel="steps back from the last", ylabel="gradient at the input", log=True)
print("factor at each step back:", {name: round(factor_per_step(line), 2) for name, line in lines.items()})

# %% [markdown]
# An LSTM does not keep gradients by itself: a fresh one has gates at about one half, and its gradient falls by a factor of
# about 0.6 at each step. It *can* keep them, since a gate can open, and training opens it where that pays; that is the whole
# difference. Sentences here have 20 words at most, and a fresh gate reaches far enough to begin with.
#
# The **GRU** (Cho et al. 2014) makes do with two gates and one vector. An update gate $z$ mixes old and new, a reset gate $r$
# says how much of the old goes into the new:
#
# $$r, z = \sigma(W x_t + U h_{t-1} + b) \qquad n = \tanh(W x_t + b + r \odot (U h_{t-1} + b')) \qquad
# h_t = (1 - z) \odot n + z \odot h_{t-1}$$
#
# Each has its own rows of $W$, $U$ and $b$ again; $b'$ is a second bias, kept apart because $r$ multiplies it.

# %% [markdown]
# ## Why padding bites
#
# The answer is read from the state after the last word. In a padded batch, where is that? Not in the last column: there,
# a short sentence has gone on reading padding. A cell does not know that 0 means nothing. Even with an embedding of zeros,
# $h \mapsto \tanh(U h + b)$ goes on turning.
#
# ### Exercise 02.5: the state after the last word  ●●○ · 10 minutes
#
# For each sentence, pick the state after its own last word. One line of indexing does it.

# %%
def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    """The state after each sentence's last word.   (B, T, H), (B,) -> (B, H)"""
    ### BEGIN SOLUTION
    return states[torch.arange(len(states)), lengths - 1]
    ### END SOLUTION


# %%
check("02.5", last_states)

# %% [markdown]
# PyTorch has its own way. A **packed sequence** holds the words without the padding, and a recurrent layer that gets one
# stops each sentence at its end. Both ways agree:

# %%
layer, embedding = nn.RNN(8, 8, batch_first=True), nn.Embedding(len(vocabulary), 8, padding_idx=0)
tokens = pad([[5, 3, 9, 2, 7], [4], [8, 2, 3]])                                    # (3, 5)
packed = pack_padded_sequence(embedding(tokens), lengths(tokens), batch_first=True, enforce_sorted=False)
unpacked, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)              # (3, 5, 8), zeros after each end
padded, _ = layer(embedding(tokens))                                               # (3, 5, 8), states go on
ends = [pooling.last_states(states, lengths(tokens)) for states in (unpacked, padded)]     # (3, 8) each
print("packed:", packed.data.shape[0], "words; padded:", tokens.numel(), "places")
print("the states after the last words agree:", torch.allclose(*ends, atol=1e-6))

# %% [markdown]
# The states up to a sentence's end are the same either way, as reading goes from left to right. A network that also reads
# from right to left (*bidirectional*) would meet the padding first: there packing is necessary. How much the
# last column spoils you will measure soon, with a trained network.

# %% [markdown]
# ## From scratch, then from the package
#
# Here is a whole reader with a GRU by hand: embed, walk from left to right, take the state after the last word, answer.

# %%
class GRUClassifier(nn.Module):
    def __init__(self, n_classes: int, vocabulary_size: int, width: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.from_word = nn.Linear(width, 3 * width)
        self.from_state = nn.Linear(width, 3 * width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:                                   # (B, T)
        x = self.embedding(tokens)                                                 # (B, T, D)
        h, states = x.new_zeros(len(x), x.shape[2]), []                            # (B, D), zeros for each sentence
        for t in range(x.shape[1]):
            r_x, z_x, n_x = self.from_word(x[:, t]).chunk(3, dim=1)
            r_h, z_h, n_h = self.from_state(h).chunk(3, dim=1)
            z = torch.sigmoid(z_x + z_h)
            n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
            h = (1 - z) * n + z * h
            states.append(h)
        states = torch.stack(states, dim=1)                                        # (B, T, D)
        return self.head(pooling.last_states(states, lengths(tokens)))             # (B, n_classes)


by_hand = GRUClassifier(2, len(vocabulary), width=48)
print("logits", tuple(by_hand(pad(sequences[:5])).shape), "  parameters", sum(p.numel() for p in by_hand.parameters()))

# %% [markdown]
# From the package comes the same network with PyTorch's fast layer inside: `SentenceClassifier(..., cell="gru")`. With
# equal weights both must agree.

# %%
package = SentenceClassifier(2, len(vocabulary), width=48, cell="gru")
layer = package.encoder.recurrent
by_hand.embedding, by_hand.head = package.encoder.embedding, package.head
by_hand.from_word.weight, by_hand.from_word.bias = layer.weight_ih_l0, layer.bias_ih_l0
by_hand.from_state.weight, by_hand.from_state.bias = layer.weight_hh_l0, layer.bias_hh_l0
print("largest difference", (by_hand(pad(sequences[:64])) - package(pad(sequences[:64]))).abs().max().item())

# %% [markdown]
# ## Train it
#
# One more thing. Words like `tiny` will arrive as `<unk>`, and no training sentence holds an `<unk>`: its row would stay as
# random as it began. **Word dropout** cures that. `mask_words` turns each word into `<unk>` with a chance of one in ten,
# while training; so the network learns to do without any single word.

# %%
def drop_words(tokens: Tensor) -> Tensor:
    return mask_words(tokens, fraction=0.1)


valid_batches = SentenceBatches(*sentences_and_labels(valid), shuffle=False)
dropped = SentenceBatches(sequences, labels, transform=drop_words)
gru = SentenceClassifier(2, len(vocabulary), width=48, cell="gru")
gru_history = fit(gru, dropped, valid=valid_batches, epochs=8, lr=5e-3, clip=1.0)

# %% [markdown]
# Look at the curve: nothing for hundreds of steps, then all at once. For a while the network has not found that order
# matters; a flat loss is not always the end. And do not wonder that the accuracy in training is below the one in
# validation: words are masked in training alone. Now the plain RNN, with the same width and the same time to learn.

# %%
plain = SentenceClassifier(2, len(vocabulary), width=48, cell="rnn")
plain_history = fit(plain, dropped, valid=valid_batches, epochs=8, lr=5e-3, clip=1.0)

# %% [markdown]
# ## Judge it
#
# The test sentences are worded as in training. `held_out_phrasings` has sentence patterns that no training sentence follows,
# such as 'below the big red cat there is a tiny blue boat', and tokens that the vocabulary does not hold:

# %%
held_out = PictureBook("held_out_phrasings", pages=2_000, objects=2)
_, held_out_truth, held_out_pages = which_is_where(held_out)
held_out_texts = [held_out.sentences[page] for page in held_out_pages]
met = {token for text in held_out_texts for token in vocabulary.tokenise(text)}
print("never met in training:", *sorted(met - set(vocabulary.words)))

# %%
held_out_batches = SentenceBatches(*sentences_and_labels(held_out), shuffle=False)
models = {"bag of words": bag, "RNN": plain, "GRU": gru}
results = {name: {"test pages": evaluate(model, test_batches)["accuracy"],
                  "held-out phrasings": evaluate(model, held_out_batches)["accuracy"]} for name, model in models.items()}
compare(results, chance=0.5)
expect("02.word_order", results["GRU"]["test pages"])
expect("02.held_out_phrasings", results["GRU"]["held-out phrasings"])

# %% [markdown]
# The bag guesses in both. The RNN lies between the bag and the GRU. Is that 'cannot', or 'not yet'? Its loss lay flat for
# longer and was still falling when training ended. Give it `epochs=24`, half a minute, and see which of its two bars catches
# up with the GRU's, and which does not.
#
# Which sentences does the GRU still get wrong? Here are the ones in which it was surest of the wrong answer.

# %%
def worst(model: nn.Module, encoded: list[list[int]], truth: Tensor, texts: list[str], n: int = 8) -> None:
    """Print the sentences in which the model was surest of a wrong answer."""
    for_truth = predict(model, pad(encoded)).softmax(dim=1)[range(len(truth)), truth]   # (N,)
    print(f"{(for_truth < 0.5).sum()} of {len(truth)} wrong")
    for i in for_truth.argsort()[:n].tolist():
        print(f"probability of the truth {for_truth[i]:.3f}   {texts[i]}")


held_out_encoded = [vocabulary.encode(text) for text in held_out_texts]
worst(gru, held_out_encoded, held_out_truth, held_out_texts)

# %% [markdown]
# Look for what they share: a pattern, its length, where `<unk>` stands. Then count:

# %%
wrong = predict(gru, pad(held_out_encoded)).argmax(dim=1) != held_out_truth
there_is = torch.tensor(["there is a" in text for text in held_out_texts])
print(f"'there is a' stands in {there_is.float().mean():.2f} of the sentences "
      f"and in {there_is[wrong].float().mean():.2f} of the wrong ones")

# %% [markdown]
# It is one pattern for the most part, and not the unknown words. 'there is' stands in training sentences as well, but
# before the first thing: 'in the morning there is a big white flower below a large purple star'. Here it stands before the
# second.
#
# And now the padding. Here is the trained GRU, with its answer read in two places: after each sentence's last word, and in
# the last column, with more and more padding behind.

# %%
@torch.no_grad()
def accuracy_with_padding(extra: int, last_column: bool) -> float:
    tokens, truth = pad(held_out_encoded).to(device()), held_out_truth.to(device())
    tokens = F.pad(tokens, (0, extra))                                             # (N, T + extra)
    states = gru.encoder.recurrent(gru.encoder.embedding(tokens))[0]               # (N, T + extra, D)
    sentence = states[:, -1] if last_column else pooling.last_states(states, lengths(tokens))
    return (gru.head(sentence).argmax(dim=1) == truth).float().mean().item()


extra = [0, 2, 4, 8, 16, 32]
plot_lines({"after the last word": [accuracy_with_padding(n, False) for n in extra],
            "in the last column": [accuracy_with_padding(n, True) for n in extra]},
           extra, xlabel="extra columns of padding", ylabel="accuracy", limits=(0.4, 1.02))

# %% [markdown]
# The network is the same, the sentences are the same. Only zeros were added, and read. Whoever takes `states[:, -1]` gets a
# figure that depends on which sentences happen to share a batch.

# %% [markdown]
# ## TextCNN: windows of words
#
# Another way to look at words in order: lesson 01's convolution in one dimension. A kernel lies over 3, 4 or 5 embeddings
# in a row and fires at patterns like 'not very good'. Then, for each feature map, the largest value over the sentence: was
# the pattern anywhere? This is **TextCNN** (Kim 2014). Padding bites here as well. A window that lies on padding has a value
# too, of the kernel's bias and of the last words that it still touches, and where that is the largest, padding has won. In
# the exercise you get such `features`, negative ones among them; the package's TextCNN has a ReLU before the maximum.
#
# ### Exercise 02.6: the maximum over real words  ●●● · 10 minutes
#
# Padding must never win. (A place that holds $-\infty$ never does.)

# %%
def max_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    """Each feature's largest value over the real words, where tokens is not 0.   (B, C, T), (B, T) -> (B, C)"""
    ### BEGIN SOLUTION
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=2)
    ### END SOLUTION


# %%
check("02.6", max_over_time)

# %% [markdown]
# How will TextCNN do at word order? It sees five words at once, and the two things stand up to eleven words apart. Write a
# number down.

# %%
windows = TextCNN(2, len(vocabulary), width=48, maps=32)
fit(windows, dropped, epochs=4, lr=5e-3)
print(f"TextCNN, word order: {evaluate(windows, test_batches)['accuracy']:.2f}")

# %% [markdown]
# More than most people guess, and less than the GRU. 'fish above' fits into one window and says who is on top; the last layer
# only has to weigh how early in the alphabet that is. What it cannot join is what stands further apart than a window. Look at
# the sentences that begin with the relation: in 'left of a small blue boat is ...' six words reach from `left` to `boat`.

# %%
test_encoded, test_truth = sentences_and_labels(test)
test_texts = [test.sentences[page] for page in which_is_where(test)[2]]
right = (predict(windows, pad(test_encoded)).argmax(dim=1) == test_truth).float()
relation_first = torch.tensor([text.split()[0] in ("left", "right", "to", "above", "over", "below", "under", "beneath")
                               for text in test_texts])
print(f"relation first {right[relation_first].mean():.2f}, all others {right[~relation_first].mean():.2f}")

# %% [markdown]
# ## Play: change a word
#
# Type a sentence. The bars are the answers, the blue one is the network's choice. Each word is tinted by its **saliency**:
# the slope of that answer's logit at the word's embedding, times the embedding. Blue words speak for the answer of the blue
# bar, orange ones against it. Exchange the two things. Turn `above` into `below`. Write `dragon`. Leave out `above`: what
# does it answer to a sentence that says nothing?

# %%
saliency_explorer(gru, "a big red fish above a small blue boat", ("no", "yes"), encode=vocabulary.encode)

# %% [markdown]
# ## The clinic
#
# Time for real sentences: film reviews, each one negative or positive (Pang and Lee 2005). Someone wrote an LSTM for them.
# The vocabulary is made of the training reviews; a word must stand in them twice to get in. (Where the reviews are not on
# this machine, the clinic goes on with the book's sentences.)

# %%
splits = ("train", "validation", "test")
reviews = {split: real.load_or_explain("movie_reviews", split) for split in splits}
if all(reviews.values()):
    words = Vocabulary.of(reviews["train"]["text"])
    examples = {split: ([words.encode(text) for text in rows["text"]], torch.tensor(rows["label"]))
                for split, rows in reviews.items()}
    for i in range(4):
        print(("negative", "positive")[reviews["train"]["label"][i]], "|", reviews["train"]["text"][i])
    print("sentences in training and test:", len(set(reviews["train"]["text"]) & set(reviews["test"]["text"])))
else:
    words = vocabulary
    examples = {"train": sentences_and_labels(train), "validation": sentences_and_labels(valid)}
encoded, answers = examples["train"]
print(f"{len(encoded)} training sentences, {len(words)} words in the vocabulary")

# %%
class Buggy(nn.Module):
    def __init__(self, vocabulary_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.head = nn.Linear(32, 2)
        self.state = torch.zeros(1, 1, 32, device=device()), torch.zeros(1, 1, 32, device=device())

    def forward(self, tokens: Tensor) -> Tensor:                                   # (1, T)
        states, state = self.lstm(self.embedding(tokens), self.state)
        self.state = state[0].detach(), state[1].detach()
        return self.head(pooling.last_states(states, lengths(tokens)))


buggy = Buggy(len(words)).to(device())
try:
    buggy(pad(encoded[:64]).to(device()))
except RuntimeError as error:
    print(error)

# %% [markdown]
# The state is made for a batch of one. Its author did not ask why, but gave it one sentence at a time, with plain gradient
# descent at a learning rate of 0.01, as the oldest tutorials do. It runs. Look at the loss, and remember that
# $\ln 2 = 0.69$ is what a coin reaches.

# %%
one_by_one = SentenceBatches(encoded[:300], answers[:300], size=1)
buggy_history = fit(buggy, one_by_one, epochs=1, lr=0.01, optimiser=torch.optim.SGD, schedule=None)
print(f"mean loss of the last 150 sentences {sum(buggy_history.losses[-150:]) / len(buggy_history.losses[-150:]):.2f}")

# %% [markdown]
# A coin. Ask it for one and the same text, a single word, after one review and after another:

# %%
with torch.no_grad():
    for review in encoded[:3]:
        buggy(pad([review]).to(device()))
        negative, positive = buggy(pad([words.encode("good")]).to(device()))[0].tolist()
        print(f"logits of 'good' after a review of {len(review)} tokens: {negative:.3f} and {positive:.3f}")

# %% [markdown]
# One word, another answer each time. So there are two diseases. The first is the state, which is made once: it fits a batch
# of one, and it goes on from each sentence into the next, so that every review begins in the mood of the one before. The
# second is the optimiser. Which of them keeps the loss at a coin's? Mend the state first, and keep the optimiser.
#
# ### Exercise 02.debug: mend it  ●●○ · 15 minutes
#
# Write `forward` so that every sentence of a batch of any size begins with zeros, and the head gets the state after its last
# word, as in `Buggy`. (What does `nn.LSTM` do if it gets no state?)

# %%
class Fixed(nn.Module):
    def __init__(self, vocabulary_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.head = nn.Linear(32, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> (B, 2)"""
        ### BEGIN SOLUTION
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(pooling.last_states(states, lengths(tokens)))
        ### END SOLUTION


# %% [markdown]
# Does it learn now? Here is what such a network does in three epochs with the optimiser as it was. (This cell uses the
# package's LSTM, so that it runs before you have written yours.)

# %%
batches = SentenceBatches(*examples["train"])
valid_reviews = SentenceBatches(*examples["validation"], shuffle=False)
slow = SentenceClassifier(2, len(words), width=32, cell="lstm")
slow_history = fit(slow, batches, valid=valid_reviews, epochs=3, lr=0.01, optimiser=torch.optim.SGD, schedule=None)
plot_history(slow_history, title="state mended, SGD at 0.01", limits=(0.4, 1))

# %% [markdown]
# Still a coin: a state that is carried on spoils answers, but it was not what kept the loss there. Look at the gradients of
# one batch.

# %%
slow.train()
slow.zero_grad()
tokens, target = next(iter(batches))
F.cross_entropy(slow(tokens), target).backward()
rows = slow.encoder.embedding.weight.grad.norm(dim=1)                              # (V,)
touched = rows[rows > 0]
print(f"{len(rows)} rows of the embedding, {len(touched)} with a gradient, half of these below {touched.median():.0e}")
print(f"norm of the gradient: all rows together {rows.norm():.3f}, the head {slow.head.weight.grad.norm():.3f}")

# %% [markdown]
# Most of the weights are the rows of the embedding. A batch touches some hundreds of them, each with a tiny gradient, and
# plain SGD takes a step in proportion to that. AdamW divides each gradient by its own usual size, so that a rare word moves
# about as far as a weight of the head. Complete the cure: return your network and an optimiser for its parameters. The check
# trains it for some steps on an easy task.

# %%
def fixed(vocabulary_size: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network like Ill for any batch, and an optimiser that moves it."""
    ### BEGIN SOLUTION
    model = Fixed(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)
    ### END SOLUTION


# %%
check("02.debug", fixed)

# %% [markdown]
# The same on the reviews: the network of the last curve, made afresh, and AdamW, which `fit` takes unless told otherwise.

# %%
fixed_model = SentenceClassifier(2, len(words), width=32, cell="lstm")
fixed_history = fit(fixed_model, batches, valid=valid_reviews, epochs=5, lr=3e-3, schedule=None)
plot_history(fixed_history, title="state mended, AdamW at 0.003", limits=(0.4, 1))

# %% [markdown]
# It learns. Then it learns by heart: the accuracy in training goes on rising, while the loss in validation turns round and
# rises.

# %% [markdown]
# ## On real data: film reviews
#
# Now in earnest: TextCNN and an LSTM side by side, both from random embeddings. Both take the largest value over a
# sentence, TextCNN of its feature maps, the LSTM of its states (`pooling="max"`): a telling word need not be carried to the
# end. 8,530 sentences are few, and you have seen a network learn them by heart. Four things stand against that: three words
# of ten are masked, half of the features are left out at each step (*dropout*), training stops after five epochs, and the
# embeddings begin small (`std=0.1`), so that a word met twice in training weighs little. All of these were chosen on
# validation data.
#
# Networks that begin from other random weights make other mistakes, so you train a team of three of each kind and take the
# mean of their probabilities. It takes a minute.

# %%
def train_ensemble(make, lr: float, n: int = 3) -> list[nn.Module]:
    """Networks that differ in their first weights and in the words that were masked."""
    batches = SentenceBatches(*examples["train"], transform=lambda tokens: mask_words(tokens, fraction=0.3))
    ensemble = [make() for _ in range(n)]
    for model in ensemble:
        fit(model, batches, epochs=5, lr=lr, verbose=False)
    return ensemble


def ensemble_accuracy(ensemble: list[nn.Module], tokens: Tensor, truth: Tensor) -> float:
    """How often the mean of the team's probabilities is largest for the truth."""
    probabilities = sum(predict(model, tokens).softmax(dim=1) for model in ensemble)      # (N, 2)
    return (probabilities.argmax(dim=1) == truth).float().mean().item()


# %% [markdown]
# Which of the two is better is decided on the validation split, before the test split is looked at.

# %%
if all(reviews.values()):
    ensembles = {"TextCNN": train_ensemble(lambda: TextCNN(2, len(words), width=64, maps=64), lr=2e-3),
             "LSTM": train_ensemble(lambda: SentenceClassifier(2, len(words), width=64, cell="lstm", pooling="max",
                                                           dropout=0.5, std=0.1), lr=3e-3)}
    tokens, truth = {split: pad(texts) for split, (texts, _) in examples.items()}, {s: y for s, (_, y) in examples.items()}
    for name, ensemble in ensembles.items():
        alone = [ensemble_accuracy([model], tokens["validation"], truth["validation"]) for model in ensemble]
        print(name, "validation, each alone", *(f"{value:.3f}" for value in alone))
    validated = {name: ensemble_accuracy(ensemble, tokens["validation"], truth["validation"]) for name, ensemble in ensembles.items()}
    better = max(validated, key=validated.get)
    print("validation, together", {name: round(value, 3) for name, value in validated.items()})
    expect("02.sentiment", ensemble_accuracy(ensembles[better], tokens["test"], truth["test"]))

# %% [markdown]
# Kim's table has 76.1 % for one TextCNN, from ten-fold cross-validation on the same sentences. The test split here has
# 1,066 of them: by chance alone, a figure moves by more than one point either way. Here are both networks on three seeds
# beside methods that only count words. A script trained them (`benchmarks/sentiment.py`), and this is its stored table.

# %%
show_stored_table("02_sentiment")

# %% [markdown]
# Counting is hard to beat. All of these methods add up one number for each word that is there; they differ in where the
# numbers come from. *Logistic regression* learns them as a linear layer does; *tf-idf* first weighs a word the less, the more
# reviews hold it. *Naive Bayes* counts: how much more often does the word stand in positive reviews than in negative ones?
# It trains in seconds (Wang and Manning 2012 found it strong on short texts). On words alone it knows nothing of order, and
# yet only pairs of words do better on the test split, by about a thousandth. A team of three networks comes level, give
# or take what this test split can tell; one alone is on average a little behind.
#
# Why? Ask whether the networks use the order at all: put the words of each test review in random order, and the words of each
# sentence of the book. What do you expect?

# %%
def shuffled(encoded: list[list[int]]) -> Tensor:
    """The same words, in each sentence in an order of its own."""
    return pad([torch.tensor(words)[torch.randperm(len(words))].tolist() for words in encoded])


judges = {"GRU, the book": ([gru], *sentences_and_labels(test))}
if all(reviews.values()):
    judges |= {f"{name}, reviews": (ensemble, *examples["test"]) for name, ensemble in ensembles.items()}
compare({name: {"in order": ensemble_accuracy(ensemble, pad(sentences), target),
                "shuffled": ensemble_accuracy(ensemble, shuffled(sentences), target)}
         for name, (ensemble, sentences, target) in judges.items()}, chance=0.5)

# %% [markdown]
# On the book's sentences the order is everything. On reviews the networks lose a point or two without it, or nothing: what
# they use is *which* words are there, and that is what counting does with far fewer numbers to learn. 8,530 sentences are too
# few to learn from scratch what 'not' does to 'bad'. Kim's own remedy was embeddings trained on 100 billion words, and his
# figure rose from 76.1 to 81.5. Lesson 05 takes that road. Look at what a network of the better team gets wrong:

# %%
if all(reviews.values()):
    worst(ensembles[better][0], *examples["test"], reviews["test"]["text"])

# %% [markdown]
# Look for words that turn a sentence round ('though', 'but', 'still'), for a 'not' or an `n't` before a word of blame, for
# irony: what the single words say, the whole takes back. Some of them you would not have known either: the label is the
# critic's verdict on the film, and one sentence of a review may say the opposite.
#
# Where such networks work: sorting mail, a first reading of questions to a bank, complaints that need a person at once.
# What the toy leaves out: whoever sorts people's words decides about people. A dialect that the training texts lack becomes
# a row of `<unk>`. Ask which wordings a model never saw, as you did here.

# %%
quiz("02")

# %% [markdown]
# ## What you have now
#
# - Sentences as tensors: a vocabulary of training texts alone, padding that changes nothing, batches of like length.
# - An RNN, one step of an LSTM and a whole GRU by hand, equal to PyTorch's.
# - A picture of how far a gradient reaches, and what an open gate changes.
# - A test for any text model: shuffle the words and see what it loses.
# - Two diseases of an LSTM, a state that outlives its sentence and an optimiser that hardly moves, and their cure.
#
# Next: 03 Sound, where a sentence is 80,000 numbers and nobody marks the words.
#
# **Sources.** Elman 1990, *Finding structure in time*: the simple recurrent network. Hochreiter, Schmidhuber 1997, *Long
# short-term memory*. Gers, Schmidhuber, Cummins 2000, *Learning to forget*: the forget gate. Cho et al. 2014, *Learning
# phrase representations using RNN encoder-decoder for statistical machine translation*: the GRU. Pascanu, Mikolov, Bengio
# 2013, *On the difficulty of training recurrent neural networks*: vanishing, exploding, clipping. Kim 2014, *Convolutional
# neural networks for sentence classification*: TextCNN, Table 2. Pang, Lee 2005, *Seeing stars*: the film reviews. Wang,
# Manning 2012, *Baselines and bigrams*: naive Bayes with pairs of words does well on short texts.
