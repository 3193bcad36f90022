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
# # 02 · Text: the recurrent network
#
# **You will build a recurrent network that decides from a sentence which of two objects is on the left or above, with at
# least 98% accuracy, where a bag of words stays at chance level (50%). On real film reviews you will see how hard a bag of
# words is to beat.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [01 Images](01_images.ipynb): training with
# `fit`, logits, cross-entropy, held-out splits.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. turn sentences of any length into one padded tensor, and keep padding out of the result;
# 2. write an RNN and one step of an LSTM from an empty cell, equal to PyTorch's;
# 3. measure how far back a gradient reaches, and explain what gates change;
# 4. choose between a bag of words, a TextCNN and a recurrent network, and test whether a model uses word order;
# 5. find two bugs in an LSTM classifier, and show which of them keeps it at chance level.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmcourse import PictureBook, begin, check, evaluate, expect, fit, hint, predict, quiz, show
from mmcourse.data import real
from mmcourse.data.augment import mask_words
from mmcourse.data.text import SentenceBatches, Vocabulary, lengths, pad
from mmcourse.models import pooling
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.textcnn import BagOfWords, TextCNN
from mmcourse.show import diagrams
from mmcourse.tasks.relation import word_order
from mmcourse.training.device import device

begin("02")

# %% [markdown]
# ## Look at the data
#
# These pages show two objects, and each sentence states their spatial relation. This lesson uses the sentences alone.

# %%
train = PictureBook("train", pages=8_000, objects=2)
valid = PictureBook("valid", pages=1_000, objects=2)
test = PictureBook("test", pages=2_000, objects=2)
show.show_pages(train, rows=1, columns=4, sentences=train.sentences)

# %% [markdown]
# The task: sort the two objects alphabetically. **Is the first one on the left, or above?** In 'a big red fish above a
# small blue boat' the boat comes first alphabetically and is below, so the label is no. `word_order` computes the
# labels, 0 for no and 1 for yes, and balances the two classes.

# %%
_, labels, pages = word_order(train)
for label in (0, 1):
    for i in (labels == label).nonzero()[:3, 0]:
        print(("no ", "yes")[label], train.sentences[pages[i]])
print(f"{len(labels)} sentences, {labels.float().mean():.0%} of them yes")

# %% [markdown]
# The task needs word order. These two sentences contain the same nine words and have opposite labels:

# %%
one, other = "a big red fish above a small blue boat", "a small blue boat above a big red fish"
print("the same words:", sorted(one.split()) == sorted(other.split()))

# %% [markdown]
# ## Tokens and vocabulary
#
# A **token** is a piece of text, here a word. A **vocabulary** maps each token to a number, its index in a list. Index 0
# is `<pad>`, which fills up short sentences; index 1 is `<unk>`, which replaces unknown words. The vocabulary is built from
# the *training* sentences alone. Otherwise information about the test split would leak into training.

# %%
vocabulary = Vocabulary.of(train.sentences)
print(len(vocabulary), "words:", ", ".join(vocabulary.words[:14]), "...")
print(vocabulary.encode("a tiny red fish above a big dragon"))

# %% [markdown]
# `tiny` and `dragon` became 1: no training sentence contains them. The word `tiny` is held out on purpose.
#
# ### Exercise 02.1: encode  ●○○ · 5 minutes
#
# Lower-case the sentence, split it at white space with `split()`, which treats several spaces, tabs or line breaks as
# one separator (punctuation stays part of a word), and look up each word. `index` may give a word any number, 0
# included; the same holds for `<unk>`. Stuck? `hint("02.1")` in a cell of its own gives a hint.

# %%
def encode(sentence: str, index: dict[str, int]) -> list[int]:
    """The number of each word; a word that is not in `index` gets the number of '<unk>'."""
    ### BEGIN SOLUTION
    return [index.get(word, index["<unk>"]) for word in sentence.lower().split()]
    ### END SOLUTION


# %%
check("02.1", encode)

# %% [markdown]
# The package's `Vocabulary` differs in two ways. It also splits at punctuation, since `split` leaves `cat,` as one unknown
# word. `Vocabulary.of` omits words that occur only once in the training text: one example teaches little.

# %%
print(vocabulary.tokenise("A cat, and it isn't blue!"))

# %% [markdown]
# ## Padding
#
# Sentences differ in length, but all rows of a tensor have the same length. Short sentences are therefore **padded** with
# 0 to the length of the longest one in their batch.
#
# ### Exercise 02.2: pad  ●○○ · 5 minutes
#
# Append zeros on the right. `dtype=torch.long` keeps the tokens integers.

# %%
def pad_batch(sequences: list[list[int]]) -> Tensor:
    """Lists of different lengths as one tensor of integers, 0 on the right.   -> (B, T)"""
    ### BEGIN SOLUTION
    tokens = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = torch.tensor(sequence)
    return tokens
    ### END SOLUTION


# %%
check("02.2", pad_batch)

# %% [markdown]
# The package's `pad` does the same. `SentenceBatches` puts sentences of similar length into one batch, which needs less
# padding. What fraction of the tokens would be padding if the whole training split were one tensor?

# %%
def sentences_and_labels(book: PictureBook) -> tuple[list[list[int]], Tensor]:
    """Encoded sentences and their labels."""
    _, labels, pages = word_order(book)
    return [vocabulary.encode(book.sentences[page]) for page in pages], labels


def fraction_of_padding(batches: SentenceBatches) -> float:
    return 1 - sum((tokens > 0).sum() for tokens, _ in batches) / sum(tokens.numel() for tokens, _ in batches)


sequences, labels = sentences_and_labels(train)
train_batches = SentenceBatches(sequences, labels)
one_tensor = SentenceBatches(pad(sequences), labels, size=len(labels))
tokens, targets = next(iter(train_batches))
print("a batch", tuple(tokens.shape), tuple(targets.shape))
print(f"fraction of padding: {fraction_of_padding(train_batches):.0%} in batches by length, "
      f"{fraction_of_padding(one_tensor):.0%} in one tensor")

# %% [markdown]
# ## Embeddings
#
# An **embedding** is a matrix with one row of learned numbers per token. Looking up a row equals multiplying a **one-hot**
# vector (1 at the token's index, 0 elsewhere) by the matrix:

# %% tags=["nbval-check-output"]
table = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])             # (V, D): four tokens, two features
tokens = torch.tensor([3, 1, 2])
print("by hand", (F.one_hot(tokens, 4).float() @ table).tolist())
print("PyTorch", nn.Embedding.from_pretrained(table)(tokens).tolist())

# %% [markdown]
# ## Baseline: a bag of words
#
# A **bag of words** ignores word order. Ours averages the embeddings of a sentence and feeds the mean to a small
# network, a *deep averaging network* (Iyyer et al. 2015). The embeddings start at random and are trained like every
# other weight. Predict its accuracy on this task.

# %%
test_batches = SentenceBatches(*sentences_and_labels(test), shuffle=False)
bag = BagOfWords(n_classes=2, vocabulary_size=len(vocabulary))
fit(bag, train_batches, epochs=4, lr=5e-3)
bag_test = evaluate(bag, test_batches)["accuracy"]
expect("02.bag_of_words", bag_test)

# %% [markdown]
# The bag of words stays at chance level. More layers would not help: the mean is the same for every order of the words,
# and only the order determines the label.

# %% [markdown]
# ## The recurrent network
#
# A **recurrent network** (RNN, Elman 1990) processes a sentence word by word. It carries a vector from step to step, the
# **state** $h$. Each step computes a new state from the word and the previous state, with the same weights.

# %%
diagrams.rnn_unrolled(["a", "red", "fish", "above", "a", "boat"])

# %% [markdown]
# Let $x_t$ be the embedding of word $t$, with $D$ features, and $h_t$ the state, with $H$ features; $h_0 = 0$:
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b)$$
#
# The shapes are $W$ (H, D), $U$ (H, H) and $b$ (H,). In one dimension, take $W = 0.5$, $U = 1$, $b = 0$ and the inputs 1, 0,
# 2:
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
# The second input is 0, yet $h_2$ is not: the state still carries information about the first input.
#
# ### Exercise 02.3: an RNN  ●●○ · 10 minutes
#
# Implement the formula with vectors and matrices, for one sentence.

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
# ## Vanishing gradients
#
# The network can learn that the first word matters only if the gradient of the loss reaches this word. By the chain
# rule, the derivative of the last state with respect to an earlier one is a product with one factor per step, the one
# for $k = T$ on the left:
#
# $$\frac{\partial h_T}{\partial h_t} = \prod_{k=t+1}^{T} \mathrm{diag}(1 - h_k^2)\, U$$
#
# $1 - h_k^2$ is the derivative of $\tanh$, at most 1; $\mathrm{diag}$ writes it on the diagonal of a matrix. If each factor
# shrinks a vector to 80%, fifty factors leave $0.8^{50} \approx 0.00001$: the gradient **vanishes** (Bengio, Simard and
# Frasconi 1994). With factors above 1 it **explodes**.

# %% [markdown]
# The next cell measures this on random inputs of 60 steps: the gradient of the sum of the last state's features with
# respect to every input. One RNN has PyTorch's initial weights, the other a matrix $U$ four times as large. Sketch
# both curves before you run the cell.

# %%
def gradient_norms(layer: nn.Module) -> list[float]:
    """Norm of the gradient of the last state's sum with respect to each input, by distance from the end."""
    x = torch.randn(64, 60, 32).requires_grad_()                                   # (B, T, D)
    layer(x)[0][:, -1].sum().backward()
    return x.grad.norm(dim=2).mean(dim=0).flip(0).tolist()                         # (T,)


def factor_per_step(gradients: list[float]) -> float:
    """The mean factor from one step back to the next."""
    return (gradients[-1] / gradients[0]) ** (1 / (len(gradients) - 1))


rnn_initial, rnn_large = (nn.RNN(32, 32, batch_first=True) for _ in range(2))
with torch.no_grad():
    rnn_large.weight_hh_l0 *= 4
lines = {"RNN, PyTorch's initialisation": gradient_norms(rnn_initial),
         "RNN, U four times as large": gradient_norms(rnn_large)}
show.plot_lines(lines, range(60), xlabel="steps back from the last", ylabel="gradient norm at the input", log=True)
print("factor per step:", {name: round(factor_per_step(line), 2) for name, line in lines.items()})

# %% [markdown]
# A straight line on a logarithmic axis means the same factor at every step. With PyTorch's initial weights the gradient
# all but vanishes within 20 steps; with the larger $U$ it grows. **Gradient clipping** (Pascanu, Mikolov and
# Bengio 2013) handles explosion: a gradient whose norm is too large is scaled down, `fit(..., clip=1.0)`. It does not help
# against vanishing gradients, which call for another architecture.

# %% [markdown]
# ## LSTM
#
# The **long short-term memory** (LSTM, Hochreiter and Schmidhuber 1997) has a second vector, the **cell state** $c$. It is
# updated by addition. **Gates**, numbers between 0 and 1, control what is written ($i$), kept ($f$; added by Gers,
# Schmidhuber and Cummins 2000) and output ($o$).

# %%
diagrams.lstm_cell()

# %% [markdown]
# With the sigmoid $\sigma$ and the element-wise product $\odot$ (`*` in PyTorch):
#
# $$\begin{aligned}
# i_t &= \sigma(W_i x_t + U_i h_{t-1} + b_i) & f_t &= \sigma(W_f x_t + U_f h_{t-1} + b_f) \\
# g_t &= \tanh(W_g x_t + U_g h_{t-1} + b_g) & o_t &= \sigma(W_o x_t + U_o h_{t-1} + b_o) \\
# c_t &= f_t \odot c_{t-1} + i_t \odot g_t & h_t &= o_t \odot \tanh(c_t)
# \end{aligned}$$
#
# In one dimension, $i = 0.5$, $f = 0.9$, $o = 1$, $g = 1$ and $c_{t-1} = 2$ give $c_t = 0.9 \cdot 2 + 0.5 \cdot 1 = 2.3$ and
# $h_t = \tanh(2.3) = 0.980$.

# %% [markdown]
# ### Exercise 02.4: one step of an LSTM  ●●○ · 15 minutes
#
# Implement one step for a whole batch. As in PyTorch, $W$ stacks the rows of $W_i, W_f, W_g, W_o$ in this order; $U$ and
# $b$ likewise.

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
# Along the cell state, the direct path backward, each step multiplies the gradient by $f_t$ alone. Does an LSTM therefore
# preserve gradients? Predict the curves of two: one with PyTorch's initial weights, and one whose forget gates start almost
# open because 3 is added to their bias ($\sigma(3) = 0.95$).

# %%
lstm, lstm_open_gates = (nn.LSTM(32, 32, batch_first=True) for _ in range(2))
with torch.no_grad():
    lstm_open_gates.bias_hh_l0[32:64] += 3
lines = {"RNN": gradient_norms(rnn_initial), "LSTM, PyTorch's initialisation": gradient_norms(lstm),
         "LSTM, forget gates open": gradient_norms(lstm_open_gates)}
show.plot_lines(lines, range(60), xlabel="steps back from the last", ylabel="gradient norm at the input", log=True)
print("factor per step:", {name: round(factor_per_step(line), 2) for name, line in lines.items()})

# %% [markdown]
# An LSTM does not preserve gradients by itself: initially its gates are near 0.5, and the gradient shrinks by a factor
# of about 0.6 per step. It *can* preserve them, because training can open the forget gate. The sentences of this lesson
# have at most 20 words, so the gradient has few steps to cross.

# %% [markdown]
# ## GRU
#
# The **gated recurrent unit** (GRU, Cho et al. 2014) needs two gates and no cell state. The update gate $z$ mixes the old
# state with a candidate $n$; the reset gate $r$ controls how much of the old state enters the candidate.

# %%
diagrams.gru_cell()

# %% [markdown]
# $$\begin{aligned}
# r_t &= \sigma(W_r x_t + U_r h_{t-1} + b_r) & z_t &= \sigma(W_z x_t + U_z h_{t-1} + b_z) \\
# n_t &= \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + b'_n)) & h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}
# \end{aligned}$$
#
# $b'_n$ is a second bias, separate because $r_t$ multiplies it. This is PyTorch's variant; Cho et al. multiply $h_{t-1}$ by
# $r_t$ before the matrix $U_n$.

# %% [markdown]
# ## Padding and the last state
#
# The classifier uses the state after the last word. In a padded batch this is not the last column: there, the network has
# also processed the padding of short sentences. Even if the embedding of padding is zero, $h \mapsto \tanh(U h + b)$ keeps
# changing the state.
#
# ### Exercise 02.5: the state after the last word  ●●○ · 10 minutes
#
# For each sentence, select the state after its own last word. One line of indexing suffices.

# %%
def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    """The state after each sentence's last word.   (B, T, H), (B,) -> (B, H)"""
    ### BEGIN SOLUTION
    return states[torch.arange(len(states)), lengths - 1]
    ### END SOLUTION


# %%
check("02.5", last_states)

# %% [markdown]
# PyTorch offers a second way. A **packed sequence** stores the words without padding, and a recurrent layer stops each
# sentence at its end. Do both give the same states?

# %%
layer, embedding = nn.RNN(8, 8, batch_first=True), nn.Embedding(len(vocabulary), 8, padding_idx=0)
tokens = pad([[5, 3, 9, 2, 7], [4], [8, 2, 3]])                                    # (3, 5)
packed = pack_padded_sequence(embedding(tokens), lengths(tokens), batch_first=True, enforce_sorted=False)
unpacked, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)              # (3, 5, 8), zeros after each end
padded, _ = layer(embedding(tokens))                                               # (3, 5, 8), processes padding too
ends = [pooling.last_states(states, lengths(tokens)) for states in (unpacked, padded)]     # (3, 8) each
print("packed:", packed.data.shape[0], "words; padded:", tokens.numel(), "tokens")
print("the states after the last words agree:", torch.allclose(*ends, atol=1e-6))

# %% [markdown]
# They agree, because a network that processes the sentence from left to right reaches padding only after the last word. A
# **bidirectional** network has a second direction, from right to left, which meets the padding first. It needs packing.

# %% [markdown]
# ## The classifier, from scratch
#
# Here is a complete sentence classifier with a GRU: embedding, a loop over the words, the state after the last word, a
# linear layer.

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
        return self.head(pooling.last_states(states, lengths(tokens)))             # (B, K)


by_hand = GRUClassifier(2, len(vocabulary), width=48)
print("logits", tuple(by_hand(pad(sequences[:5])).shape), "  parameters", sum(p.numel() for p in by_hand.parameters()))

# %% [markdown]
# The package's `SentenceClassifier(..., cell="gru")` is the same network with PyTorch's fast GRU layer. With equal weights
# both must give equal logits.

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
# Unknown words arrive as `<unk>`, but no training sentence contains `<unk>`, so its embedding would stay at its random
# initial value. **Word dropout** solves this: during training `mask_words` replaces each word by `<unk>` with probability
# 10%. The network also learns not to depend on any single word.

# %%
def drop_words(tokens: Tensor) -> Tensor:
    return mask_words(tokens, fraction=0.1)


valid_batches = SentenceBatches(*sentences_and_labels(valid), shuffle=False)
dropout_batches = SentenceBatches(sequences, labels, transform=drop_words)
gru = SentenceClassifier(2, len(vocabulary), width=48, cell="gru")
gru_history = fit(gru, dropout_batches, valid=valid_batches, epochs=8, lr=5e-3, clip=1.0)

# %% [markdown]
# The loss stays near $\ln 2 = 0.69$ for hundreds of steps and then drops quickly. A plateau is not always the end of
# training. Training accuracy is *lower* than validation accuracy because words are masked only during training. Next,
# train a plain RNN with the same width and the same number of epochs. Will it match the GRU?

# %%
plain = SentenceClassifier(2, len(vocabulary), width=48, cell="rnn")
plain_history = fit(plain, dropout_batches, valid=valid_batches, epochs=8, lr=5e-3, clip=1.0)

# %% [markdown]
# ## Evaluate it
#
# The test sentences follow the same templates as the training sentences. `held_out_phrasings` has templates that no
# training sentence follows, such as 'below the big red cat there is a tiny blue boat', and words outside the vocabulary:

# %%
held_out = PictureBook("held_out_phrasings", pages=2_000, objects=2)
_, held_out_targets, held_out_pages = word_order(held_out)
held_out_texts = [held_out.sentences[page] for page in held_out_pages]
held_out_words = {token for text in held_out_texts for token in vocabulary.tokenise(text)}
print("not in the vocabulary:", *sorted(held_out_words - set(vocabulary.words)))

# %%
held_out_batches = SentenceBatches(*sentences_and_labels(held_out), shuffle=False)
models = {"bag of words": bag, "RNN": plain, "GRU": gru}
results = {name: {"test split": evaluate(model, test_batches)["accuracy"],
                  "held-out phrasings": evaluate(model, held_out_batches)["accuracy"]} for name, model in models.items()}
show.compare(results, chance=0.5)
expect("02.word_order", results["GRU"]["test split"])
expect("02.held_out_phrasings", results["GRU"]["held-out phrasings"])

# %% [markdown]
# The bag of words is at chance level on both splits; the RNN lies between it and the GRU. Is the RNN unable to learn the
# task, or only slower? Its loss was still falling. Train it with `epochs=24`, half a minute, and see which of its two
# results catches up with the GRU's.
#
# Error analysis: the most confident mistakes of the GRU on held-out phrasings.

# %%
def most_confident_mistakes(model: nn.Module, encoded: list, targets: Tensor, texts: list[str], count: int = 8) -> None:
    """Print the sentences with the lowest probability of the true class."""
    p_true = predict(model, pad(encoded)).softmax(dim=1)[range(len(targets)), targets]        # (N,)
    print(f"{(p_true < 0.5).sum()} of {len(targets)} wrong")
    for i in p_true.argsort()[:count].tolist():
        print(f"probability of the true class {p_true[i]:.3f}   {texts[i]}")


held_out_encoded = [vocabulary.encode(text) for text in held_out_texts]
most_confident_mistakes(gru, held_out_encoded, held_out_targets, held_out_texts)

# %% [markdown]
# What do they have in common: a template, their length, the position of `<unk>`? Form a hypothesis, then count.

# %%
wrong = predict(gru, pad(held_out_encoded)).argmax(dim=1) != held_out_targets
there_is = torch.tensor(["there is a" in text for text in held_out_texts])
print(f"'there is a' occurs in {there_is.float().mean():.0%} of all sentences "
      f"and in {there_is[wrong].float().mean():.0%} of the wrong ones")

# %% [markdown]
# Most errors come from one template. 'there is' also occurs in training sentences, but before the *first* object: 'in
# the morning there is a big white flower below a large purple star'. Here it precedes the second object.
#
# Now measure the effect of padding on the trained GRU: with more and more padding appended, take the state either after
# each sentence's last word or in the last column. Predict both curves.

# %%
@torch.no_grad()
def accuracy_with_padding(extra: int, last_column: bool) -> float:
    tokens, targets = pad(held_out_encoded).to(device()), held_out_targets.to(device())
    tokens = F.pad(tokens, (0, extra))                                             # (N, T + extra)
    states = gru.encoder.recurrent(gru.encoder.embedding(tokens))[0]               # (N, T + extra, D)
    sentence = states[:, -1] if last_column else pooling.last_states(states, lengths(tokens))
    return (gru.head(sentence).argmax(dim=1) == targets).float().mean().item()


extra = [0, 2, 4, 8, 16, 32]
show.plot_lines({"after the last word": [accuracy_with_padding(n, False) for n in extra],
                 "in the last column": [accuracy_with_padding(n, True) for n in extra]},
                extra, xlabel="extra columns of padding", ylabel="accuracy", limits=(0.4, 1.02))

# %% [markdown]
# Network and sentences are the same; only zeros were appended. With `states[:, -1]` the prediction for a sentence depends
# on which other sentences share its batch.

# %% [markdown]
# ## TextCNN
#
# A one-dimensional convolution over the words also uses their order. In **TextCNN** (Kim 2014) each filter covers 3, 4 or
# 5 neighbouring embeddings and can detect phrases such as 'not very good'. The maximum over time records whether the
# phrase occurs anywhere.

# %%
diagrams.text_cnn()

# %% [markdown]
# Padding matters here too. A window over padding has a value as well, which comes from the bias and from the last words it
# still covers. If this value is the largest, it becomes the maximum.
#
# ### Exercise 02.6: maximum over the real words  ●●● · 10 minutes
#
# Compute the maximum over time such that padding can never be the maximum. Padding is only on the right. `features` may
# be negative. (What is smaller than every number?)

# %%
def max_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    """Each feature's largest value over the real words, where tokens is not 0.   (B, C, T), (B, T) -> (B, C)"""
    ### BEGIN SOLUTION
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=2)
    ### END SOLUTION


# %%
check("02.6", max_over_time)

# %% [markdown]
# How accurate will TextCNN be on word order? Its windows cover at most five words, and the two objects can be eleven words
# apart. Write down a number.

# %%
text_cnn = TextCNN(2, len(vocabulary), width=48, maps=32)
fit(text_cnn, dropout_batches, epochs=4, lr=5e-3)
print(f"TextCNN, word order: {evaluate(text_cnn, test_batches)['accuracy']:.0%}")

# %% [markdown]
# TextCNN does better than windows of five words suggest, but worse than the GRU. A window with 'fish above' shows
# which object is on top; the last layer can then add how early in the alphabet 'fish' comes. No filter covers two
# words that are further apart than its window. Compare sentences that begin with the relation: in 'left of a small
# blue boat is ...' the span from 'left' to 'boat' is six words.

# %%
test_encoded, test_targets = sentences_and_labels(test)
test_texts = [test.sentences[page] for page in word_order(test)[2]]
correct = (predict(text_cnn, pad(test_encoded)).argmax(dim=1) == test_targets).float()
relation_first = torch.tensor([text.split()[0] in ("left", "right", "to", "above", "over", "below", "under", "beneath")
                               for text in test_texts])
print(f"relation first {correct[relation_first].mean():.0%}, all others {correct[~relation_first].mean():.0%}")

# %% [markdown]
# ## Play: change a word
#
# Type a sentence. The bars show the class probabilities. Words are coloured by their **saliency**, gradient times input
# (Shrikumar et al. 2016): the gradient of the logit with respect to the word's embedding, times the embedding. Blue words
# are evidence for the predicted class, orange ones against it. Swap the two objects. Replace `above` by `below`, or by
# `dragon`. What does the network predict without any relation?

# %%
show.saliency_explorer(gru, "a big red fish above a small blue boat", ("no", "yes"), encode=vocabulary.encode)

# %% [markdown]
# ## Debugging exercise
#
# The sentences below are real: film reviews, labelled negative or positive (Pang and Lee 2005). Someone wrote an LSTM
# for them. The vocabulary comes from the training reviews and contains words that occur at least twice. (Without the
# reviews on this machine, the exercise uses the book's sentences.)

# %%
splits = ("train", "validation", "test")
reviews = {split: real.load_or_explain("movie_reviews", split) for split in splits}
if all(reviews.values()):
    review_vocabulary = Vocabulary.of(reviews["train"]["text"])
    examples = {split: ([review_vocabulary.encode(text) for text in rows["text"]], torch.tensor(rows["label"]))
                for split, rows in reviews.items()}
    for i in range(4):
        print(("negative", "positive")[reviews["train"]["label"][i]], "|", reviews["train"]["text"][i])
    print("sentences in both training and test split:", len(set(reviews["train"]["text"]) & set(reviews["test"]["text"])))
else:
    review_vocabulary = vocabulary
    examples = {"train": sentences_and_labels(train), "validation": sentences_and_labels(valid)}
encoded, targets = examples["train"]
print(f"{len(encoded)} training sentences, {len(review_vocabulary)} words in the vocabulary")

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


buggy = Buggy(len(review_vocabulary)).to(device())
try:
    buggy(pad(encoded[:64]).to(device()))
except RuntimeError as error:
    print(error)

# %% [markdown]
# The state has a fixed batch size of 1. The author worked around the error: one sentence at a time, and plain
# stochastic gradient descent (SGD) with a learning rate of 0.01, as in old tutorials. The code runs. Compare its loss
# with $\ln 2 = 0.69$, the loss at chance level.

# %%
one_by_one = SentenceBatches(encoded[:300], targets[:300], size=1)
buggy_history = fit(buggy, one_by_one, epochs=1, lr=0.01, optimiser=torch.optim.SGD, schedule=None)
last = buggy_history.losses[-150:]
print(f"mean loss of the last {len(last)} sentences {sum(last) / len(last):.2f}")

# %% [markdown]
# The loss stays at chance level. Classify the same one-word text after different reviews:

# %%
with torch.no_grad():
    for review in encoded[:3]:
        buggy(pad([review]).to(device()))
        negative, positive = buggy(pad([review_vocabulary.encode("good")]).to(device()))[0].tolist()
        print(f"logits of 'good' after a review of {len(review)} tokens: {negative:.3f} and {positive:.3f}")

# %% [markdown]
# The same word gives different logits. The first bug is the state: it is created once, with batch size 1, and carried
# over from each sentence to the next. The second bug is the optimiser. Which of them keeps the loss at chance level? Fix
# the state first, and keep the optimiser.
#
# ### Exercise 02.debug: fix the model  ●●○ · 15 minutes
#
# Write `forward` such that every sentence of a batch of any size starts from a zero state, and the head receives the
# state after the last word. (What does `nn.LSTM` do without an initial state?) With Adam or AdamW, use a learning rate
# of about 0.001 to 0.01.

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
# Does it learn now? This cell trains such a network for three epochs with the old optimiser. (It uses the package's LSTM,
# so that it runs before you have written yours.)

# %%
batches = SentenceBatches(*examples["train"])
valid_reviews = SentenceBatches(*examples["validation"], shuffle=False)
sgd_model = SentenceClassifier(2, len(review_vocabulary), width=32, cell="lstm")
sgd_history = fit(sgd_model, batches, valid=valid_reviews, epochs=3, lr=0.01, optimiser=torch.optim.SGD, schedule=None)
show.plot_history(sgd_history, title="zero initial state, SGD, learning rate 0.01", limits=(0.4, 1))

# %% [markdown]
# The loss is still at chance level. The carried-over state corrupts predictions, but fixing it does not lower the loss.
# Look at the gradients of one batch.

# %%
sgd_model.train()
sgd_model.zero_grad()
tokens, targets = next(iter(batches))
F.cross_entropy(sgd_model(tokens), targets).backward()
rows = sgd_model.encoder.embedding.weight.grad.norm(dim=1)                         # (V,)
used = rows[rows > 0]
print(f"{len(rows)} rows of the embedding, {len(used)} with a gradient, median norm {used.median():.0e}")
print(f"gradient norm: embedding {rows.norm():.3f}, head {sgd_model.head.weight.grad.norm():.3f}")

# %% [markdown]
# Most parameters belong to the embedding. A batch uses several hundred of its rows. Their gradients are tiny, since
# they vanish on the way back from the last word, and a step of plain SGD is proportional to the gradient. Adam divides
# each gradient by its own running magnitude, so the embedding of a rare word moves about as far as a weight of the
# head.
#
# Complete the fix: return your model and an optimiser for its parameters. Every sentence starts from a state of zeros.
# The check trains it briefly on an easy task.

# %%
def fixed(vocabulary_size: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network like Buggy for any batch size, and an optimiser that trains it."""
    ### BEGIN SOLUTION
    model = Fixed(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)
    ### END SOLUTION


# %%
check("02.debug", fixed)

# %% [markdown]
# Now train the same network on the reviews with AdamW, the default optimiser of `fit`. Watch both losses.

# %%
adamw_model = SentenceClassifier(2, len(review_vocabulary), width=32, cell="lstm")
adamw_history = fit(adamw_model, batches, valid=valid_reviews, epochs=5, lr=3e-3, schedule=None)
show.plot_history(adamw_history, title="zero initial state, AdamW, learning rate 0.003", limits=(0.4, 1))

# %% [markdown]
# The network learns, and then it overfits: training accuracy keeps rising, while the validation loss reaches a minimum
# and rises again.

# %% [markdown]
# ## On real data: film reviews
#
# Now compare TextCNN and an LSTM, both with randomly initialised embeddings. Both pool with a maximum over time
# (`pooling="max"` for the LSTM), so an informative word need not be carried to the end. 8,530 sentences are few. Against
# overfitting we use word dropout of 30%, **dropout** of half the features (Srivastava et al. 2014), five epochs, and
# small initial embeddings (`std=0.1`). These settings were chosen on validation data.

# %% [markdown]
# Networks with different initial weights make different errors. An **ensemble** averages their predicted probabilities.
# Train three networks of each kind; this takes a minute.

# %%
def train_ensemble(make_model, lr: float, size: int = 3) -> list[nn.Module]:
    """Networks that differ in their initial weights and in the words that are masked."""
    batches = SentenceBatches(*examples["train"], transform=lambda tokens: mask_words(tokens, fraction=0.3))
    ensemble = [make_model() for _ in range(size)]
    for model in ensemble:
        fit(model, batches, epochs=5, lr=lr, verbose=False)
    return ensemble


def ensemble_accuracy(ensemble: list[nn.Module], tokens: Tensor, targets: Tensor) -> float:
    """Accuracy of the mean of the predicted probabilities."""
    probabilities = sum(predict(model, tokens).softmax(dim=1) for model in ensemble)      # (N, K)
    return (probabilities.argmax(dim=1) == targets).float().mean().item()


def make_lstm() -> nn.Module:
    return SentenceClassifier(2, len(review_vocabulary), width=64, cell="lstm", pooling="max", dropout=0.5, std=0.1)


# %% [markdown]
# The better of the two is selected on the validation split; only then is it evaluated on the test split.

# %%
if all(reviews.values()):
    ensembles = {"TextCNN": train_ensemble(lambda: TextCNN(2, len(review_vocabulary), width=64, maps=64), lr=2e-3),
                 "LSTM": train_ensemble(make_lstm, lr=3e-3)}
    valid_tokens, valid_targets = pad(examples["validation"][0]), examples["validation"][1]
    for name, ensemble in ensembles.items():
        single = [ensemble_accuracy([model], valid_tokens, valid_targets) for model in ensemble]
        print(name, "validation accuracy, single networks", *(f"{value:.1%}" for value in single))
    validated = {name: ensemble_accuracy(each, valid_tokens, valid_targets) for name, each in ensembles.items()}
    print("validation accuracy, ensembles", {name: f"{value:.1%}" for name, value in validated.items()})
    better = max(validated, key=validated.get)
    expect("02.sentiment", ensemble_accuracy(ensembles[better], pad(examples["test"][0]), examples["test"][1]))

# %% [markdown]
# Kim (2014) reports 76.1% for one TextCNN with random embeddings, from ten-fold cross-validation on the same sentences.
# Our test split has 1,066 sentences, so an accuracy has a standard error of about 1.3 percentage points. The stored table
# compares both networks on three seeds with methods that only count words (`benchmarks/sentiment.py`).

# %%
show.show_stored_table("02_sentiment")

# %% [markdown]
# - *Logistic regression* learns one weight per word, as a linear layer does.
# - *tf-idf* first reduces the weight of words that occur in many reviews.
# - *Naive Bayes* compares how often a word occurs in positive and in negative reviews. Wang and Manning (2012) found it strong
#   on short texts.
#
# Naive Bayes on single words trains in seconds and ignores word order. On the test split it is on a par with naive
# Bayes on words and word pairs and with the ensembles; single networks are slightly behind on average. All these
# differences are about as large as the standard error, so the ranking may differ on another test split.

# %% [markdown]
# Do the networks use word order at all? Shuffle the words of each test review, and of each sentence of the book. What do
# you expect?

# %%
def shuffled(encoded: list[list[int]]) -> Tensor:
    """The words of each sentence in random order, padded.   -> (N, T)"""
    return pad([torch.tensor(sentence)[torch.randperm(len(sentence))].tolist() for sentence in encoded])


evaluated = {"GRU, Picture Book": ([gru], *sentences_and_labels(test))}
if all(reviews.values()):
    evaluated |= {f"{name}, reviews": (ensemble, *examples["test"]) for name, ensemble in ensembles.items()}
show.compare({name: {"original order": ensemble_accuracy(ensemble, pad(sentences), targets),
                     "shuffled": ensemble_accuracy(ensemble, shuffled(sentences), targets)}
              for name, (ensemble, sentences, targets) in evaluated.items()}, chance=0.5)

# %% [markdown]
# On the book's sentences, word order is everything. On reviews the networks lose at most two or three percentage
# points, or nothing: they rely on *which* words occur, and counting needs far fewer parameters for this. 8,530
# sentences are probably too few to learn from random embeddings how 'not' changes the meaning of 'bad'. With
# embeddings pretrained on 100 billion words, Kim's accuracy rose from 76.1% to 81.5%. Pretraining is the topic of
# lesson 05.

# %% [markdown]
# The most confident mistakes of the better ensemble's first network:

# %%
if all(reviews.values()):
    most_confident_mistakes(ensembles[better][0], *examples["test"], reviews["test"]["text"])

# %% [markdown]
# Look for contrast words ('though', 'but', 'still'), negation and irony, where the whole sentence contradicts its single
# words. Some labels are hard for people too: the label is the critic's verdict on the film, and one sentence of a review
# may say the opposite.

# %% [markdown]
# ## Where this is used
#
# Text classifiers sort mail, route questions to a bank, and find complaints that a person should answer. Their errors
# are not evenly distributed: the words of a dialect that is missing from the training text become `<unk>`. Evaluate on
# held-out phrasings before such a model makes decisions about people.

# %%
quiz("02")

# %% [markdown]
# ## Open-ended questions
#
# 1. The plain RNN needs more epochs than the GRU. Add 3 to the bias of the GRU's update gate. Does it leave the plateau
#    earlier? Why might it?
# 2. Train the GRU without word dropout and evaluate it on held-out phrasings. Which sentences change?
# 3. Write ten film reviews that a bag of words must misclassify. How does the TextCNN ensemble do on them?

# %% [markdown]
# ## Summary
#
# - Text becomes a padded tensor of tokens; the vocabulary comes from the training split alone.
# - RNN, LSTM and GRU carry a state; gates let gradients reach further back.
# - Read the state after the last word, and exclude padding from every maximum.
# - Shuffling the words shows whether a model uses their order.
# - A state carried over between sentences and plain SGD with a small learning rate are two separate bugs; with the
#   first one fixed, the second still keeps an LSTM at chance level.
#
# Next: [03 Sound](03_sound.ipynb), where a sentence is about 70,000 numbers without word boundaries.

# %% [markdown]
# **References.** Elman 1990, *Finding structure in time*,
# [doi:10.1207/s15516709cog1402_1](https://doi.org/10.1207/s15516709cog1402_1): the simple recurrent network. Bengio,
# Simard, Frasconi 1994, *Learning long-term dependencies with gradient descent is difficult*,
# [doi:10.1109/72.279181](https://doi.org/10.1109/72.279181): vanishing gradients. Hochreiter, Schmidhuber 1997, *Long
# short-term memory*, [doi:10.1162/neco.1997.9.8.1735](https://doi.org/10.1162/neco.1997.9.8.1735). Gers, Schmidhuber,
# Cummins 2000, *Learning to forget*, [doi:10.1162/089976600300015015](https://doi.org/10.1162/089976600300015015): the
# forget gate. Cho et al. 2014, *Learning phrase representations using RNN encoder-decoder for statistical machine
# translation*, [arXiv:1406.1078](https://arxiv.org/abs/1406.1078): the GRU. Pascanu, Mikolov, Bengio 2013, *On the
# difficulty of training recurrent neural networks*, [arXiv:1211.5063](https://arxiv.org/abs/1211.5063): gradient
# clipping. Kim 2014, *Convolutional neural networks for sentence classification*,
# [arXiv:1408.5882](https://arxiv.org/abs/1408.5882): TextCNN, Table 2. Iyyer et al. 2015, *Deep unordered composition
# rivals syntactic methods for text classification*, [doi:10.3115/v1/P15-1162](https://doi.org/10.3115/v1/P15-1162):
# averaged embeddings, and word dropout that removes words. Bowman et al. 2016, *Generating sentences from a continuous
# space*, [arXiv:1511.06349](https://arxiv.org/abs/1511.06349): word dropout that replaces words by an unknown token.
# Srivastava et al. 2014, *Dropout*, [JMLR 15](https://jmlr.org/papers/v15/srivastava14a.html). Shrikumar et al. 2016,
# *Not just a black box*, [arXiv:1605.01713](https://arxiv.org/abs/1605.01713): gradient times input. Pang, Lee 2005,
# *Seeing stars*, [arXiv:cs/0506075](https://arxiv.org/abs/cs/0506075): the film reviews. Wang, Manning 2012,
# *Baselines and bigrams*, [ACL Anthology P12-2018](https://aclanthology.org/P12-2018/): naive Bayes on short texts.
