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
# # 13 · Speech recognition
#
# **You will train a recogniser that writes down spoken sentences, character by character. For new voices of the same
# speech engine, fewer than 8% of the words are wrong.**
#
# Runs in about 9 minutes · takes 150 minutes to work through · before this: [02 Text](02_text.ipynb): recurrent networks;
# [03 Sound](03_sound.ipynb): log-mel spectrograms; [05 Pretraining](05_pretraining.ipynb): language models.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. turn an alignment into a text by CTC's rule, and list all alignments of a short text;
# 2. compute the CTC loss of three frames by hand, and of any sound by the forward algorithm;
# 3. train a recurrent and a convolutional recogniser without knowing where a word begins;
# 4. decode greedily and by prefix beam search with a language model, and explain when the language model does harm;
# 5. compute the word error rate, and report it for new voices and new phrasings.

# %%
from collections import Counter
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.text import char_error_rate, word_error_rate

from mmcourse import Batches, PictureBook, begin, check, expect, fit, hint, quiz, show
from mmcourse.data import audio, augment, language, read_aloud, real, spoken_pages
from mmcourse.models import ctc, ngram, recogniser, word_scores
from mmcourse.picturebook import sentence as words
from mmcourse.settings import examples, steps
from mmcourse.show import diagrams
from mmcourse.tasks import digit_sequences, transcripts
from mmcourse.training import shipped

begin("13")

# %% [markdown]
# ## Look and listen
#
# A page of the Picture Book is read aloud by one of 46 synthetic training voices. Pace, loudness, pauses and noise
# vary. The **transcript** is the target: lower case, no punctuation. Nothing says *when* a word is spoken. Listen to
# three pages, and look at the spectrogram of the first one: can you see where a word ends?

# %%
books = [PictureBook("train", pages=2_000, objects=1), PictureBook("train", pages=4_000, objects=2)]
sentences = [transcripts.transcript(sentence) for book in books for sentence in book.sentences]
some = [books[1].sound(page) for page in range(3)]                                     # (samples,) each, 16 kHz
show.play_many(some, titles=[books[1].sentences[page] for page in range(3)])
show.show_spectrogram(some[0], words=books[1].sentences[0])

# %% [markdown]
# The output is a sequence of **characters**, `V` = 28: the letters, the space, and at index 0 a special symbol that is
# explained below. Characters can spell words that no training sentence contains. Index 0 also pads short targets.

# %%
targets = transcripts.characters([transcripts.transcript(text) for text in books[1].sentences[:3]])   # (B, L)
print(repr(transcripts.CHARACTERS), tuple(targets.shape))
print(targets[0, :12].tolist(), transcripts.text(targets[0]))

# %% [markdown]
# ## How to score a transcript
#
# The **word error rate** (WER) counts the minimum number of edits that turn the true sentence, the *reference*, into
# the recognised one, the *hypothesis*. With $S$ substituted, $D$ deleted and $I$ inserted words, and $N$ words in all
# references:
#
# $$\text{WER} = \frac{S + D + I}{N}$$
#
# *a red fish* recognised as *red fish fish* has one deletion and one insertion: $2 / 3 = 67\%$. WER can exceed 100%. The
# **character error rate** (CER) counts characters in the same way.

# %% tags=["nbval-check-output"]
print(f"by hand {2 / 3:.3f}   torchmetrics {word_error_rate('red fish fish', 'a red fish'):.3f}")

# %% [markdown]
# ## Baselines
#
# Two baselines need no new method. The first always outputs the most frequent training sentence. The second uses lesson
# 03's word classifier: it cuts the sound into as many equal parts as there are words, and classifies each part. It is
# even given the true number of words. Which WER do you expect from each?

# %%
classifier = shipped.load("sound_encoder")


def spoken(split: str, pages: int = 300) -> tuple[list[Tensor], list[str]]:
    """Sounds and transcripts, a third with one object.   -> N (samples,), N texts"""
    pages = steps(pages)                                                               # fewer in a fast run
    parts = [PictureBook(split, pages // 3, objects=1), PictureBook(split, pages - pages // 3, objects=2)]
    return ([book.sound(page) for book in parts for page in range(len(book))],
            [transcripts.transcript(sentence) for book in parts for sentence in book.sentences])


def equal_parts(sound: Tensor, n_words: int) -> str:
    parts = audio.collate(list(sound.tensor_split(n_words)), samples=12_000)                # (n_words, 12000)
    return " ".join(words.WORDS[index] for index in classifier(parts).argmax(dim=1))


sounds, test_texts = spoken("test")
frequent = [Counter(sentences).most_common(1)[0][0]] * len(test_texts)
with torch.no_grad():
    cut = [equal_parts(sound, len(text.split())) for sound, text in zip(sounds, test_texts, strict=True)]
print(f"most frequent sentence: WER {word_error_rate(frequent, test_texts):.2f}")
print(f"equal parts:            WER {word_error_rate(cut, test_texts):.2f}   {test_texts[0]!r} -> {cut[0]!r}")
four_sounds = sounds[:4]

# %% [markdown]
# Lesson 03's classifier is correct for over 95% of single words, but half of the words are wrong here. Words have
# different lengths, and speakers pause where they like, so most parts contain the end of one word and the beginning of
# another. What is missing is the **alignment**: which part of the sound belongs to which word, or to which character.

# %% [markdown]
# ## Alignments
#
# Let the network give a distribution over characters for each of $T$ frames. The target has $L$ characters, and $L$ is
# smaller than $T$. **Connectionist temporal classification** (CTC, Graves et al. 2006) adds a symbol that means "no new
# character": the **blank**, written `-`. An alignment has one symbol per frame. Two steps turn it into a text: merge
# repeated symbols into one, *then* remove the blanks.

# %%
diagrams.ctc_collapse()

# %% [markdown]
# The blank has two uses. It lets the network wait between characters, and it separates equal characters: `l-l` is *ll*,
# but `ll` is *l*. The order of the two steps matters: removing the blanks first would merge both letters of *hello*.

# %% [markdown]
# ### Exercise 13.1: from an alignment to a text  ●○○ · 10 minutes
#
# An alignment holds one symbol per frame. Merge neighbouring equal symbols into one first, then remove the blanks. The
# result is a list of ints, which may be empty. Any number can be the blank. `[3, 3, 0, 3, 5]` becomes `[3, 3, 5]`.

# %%
def collapse(ids: list[int], blank: int = 0) -> list[int]:
    """The text of an alignment: repeats merged, then blanks removed.   T symbols, 0 or more -> L <= T symbols"""
    ### BEGIN SOLUTION
    text = []
    for i, symbol in enumerate(ids):
        repeated = i > 0 and symbol == ids[i - 1]
        if symbol != blank and not repeated:
            text.append(symbol)
    return text
    ### END SOLUTION


# %%
check("13.1", collapse)

# %% [markdown]
# How many alignments does a text have? If no two neighbouring characters are equal, there are $\binom{T + L}{2 L}$. Two
# characters in three frames have 5; the code lists them. A sentence of 40 characters in 200 frames has more alignments
# than there are atoms in the Earth ($10^{50}$), and nobody has labelled one of them.

# %% tags=["nbval-check-output"]
import math

symbols = torch.arange(3)
paths = [path for path in torch.cartesian_prod(symbols, symbols, symbols).tolist() if ctc.collapse(path) == [1, 2]]
print(["".join("-ab"[symbol] for symbol in path) for path in paths],
      math.comb(3 + 2, 2 * 2))
print(f"40 characters, 200 frames: {math.comb(200 + 40, 2 * 40):.0e}")

# %% [markdown]
# ## The CTC loss
#
# CTC assumes that the symbols of different frames are independent given the sound $x$. The probability of an alignment
# $\pi$ is then a product over frames. The probability of a text $y$ is the sum over all alignments that collapse to it:
#
# $$p(y \mid x) = \sum_{\pi:\, \text{collapse}(\pi) = y} \; \prod_{t=1}^{T} p_t(\pi_t \mid x)$$
#
# The loss is $-\ln p(y \mid x)$. No alignment is chosen: training raises the probability of all of them together.

# %%
three_frames = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.3, 0.1, 0.6]])       # (T, V): blank, a, b
diagrams.ctc_lattice("ab", 3, three_frames)

# %% [markdown]
# By hand, for *ab* in three frames: the five alignments are `aab`, `abb`, `ab-`, `a-b` and `-ab`. Their probabilities are
#
# $$.7 \cdot .3 \cdot .6 + .7 \cdot .2 \cdot .6 + .7 \cdot .2 \cdot .3 + .7 \cdot .5 \cdot .6 + .2 \cdot .3 \cdot .6 =
# .126 + .084 + .042 + .210 + .036 = .498$$
#
# The loss is $-\ln .498 = .697$. `nn.CTCLoss` takes log-probabilities in the order (T, B, V).

# %% tags=["nbval-check-output"]
by_hand = sum(three_frames[range(3), path].prod() for path in paths)
loss = nn.CTCLoss(blank=0, reduction="sum")(
    three_frames.log()[:, None], torch.tensor([[1, 2]]), torch.tensor([3]), torch.tensor([2]))
print(f"probability {by_hand:.3f}, loss {-by_hand.log():.4f}, nn.CTCLoss {loss:.4f}")

# %% [markdown]
# ## The forward algorithm
#
# Listing all alignments is impossible for a real sentence. Many of them share a beginning, so their sums can be shared.
# Put a blank before, between and after the characters: `-a-b-`, $2L + 1$ states. The **forward variable**
# $\alpha_t(s)$ is the probability of all alignments of the first $t$ frames that end in state $s$:
#
# $$\alpha_t(s) = \big(\alpha_{t-1}(s) + \alpha_{t-1}(s-1) + \alpha_{t-1}(s-2)\big) \, p_t(s)$$
#
# where $p_t(s)$ is the probability of state $s$'s symbol in frame $t$. The last term skips a blank. It is allowed only
# between two *different* characters. In the diagram above, each state shows its $p$ and $\alpha$.

# %% [markdown]
# Work through one state: the `b` of frame 2 is reached from the first `a` (skipping a blank), so $\alpha = (0 + 0 + .7)
# \cdot .2 = .14$. An alignment ends in the last character or in the blank after it: $p(y \mid x) = \alpha_T(2L) +
# \alpha_T(2L + 1)$. The cost is about $T \cdot L$ additions instead of $\binom{T + L}{2 L}$ products.

# %% [markdown]
# ### Exercise 13.2: the forward algorithm  ●●● · 30 minutes
#
# Compute the probability of a text by the forward algorithm, with probabilities, not logarithms. `probabilities[t, v]`
# is the probability of symbol `v` at frame `t`; there is at least one frame. `target` has no blanks. It can be empty,
# contain a symbol twice in a row, or be too long for `T` frames; its probability is then 0. Any column can be the
# blank. Return a 0-dimensional tensor in the dtype of `probabilities`, through which gradients reach `probabilities`.
# The probability 0 of a text that is too long needs no gradient.

# %%
def forward_probability(probabilities: Tensor, target: list[int], blank: int = 0) -> Tensor:
    """Probability of all alignments that collapse to the target.   (T, V), L symbols -> ()"""
    ### BEGIN SOLUTION
    extended = [blank]
    for symbol in target:
        extended += [symbol, blank]                                                    # 2 L + 1 symbols
    nothing = torch.zeros_like(probabilities[0, 0])
    alpha = [probabilities[0, s] if i < 2 else nothing for i, s in enumerate(extended)]
    for frame in probabilities[1:]:
        previous = [nothing, nothing, *alpha]                                          # alpha[i] is previous[i + 2]
        for i, symbol in enumerate(extended):
            total = previous[i + 2] + previous[i + 1]
            if symbol != blank and i >= 2 and symbol != extended[i - 2]:
                total = total + previous[i]
            alpha[i] = total * frame[symbol]
    return alpha[-1] + alpha[-2] if target else alpha[-1]
    ### END SOLUTION


# %%
check("13.2", forward_probability)

# %% [markdown]
# Products of hundreds of probabilities underflow to 0, so practical code computes with logarithms (*log-sum-exp*).
# `ctc.ctc_log_likelihood` in the package does this in 15 lines. The target has 37 characters here; PyTorch's loss
# agrees.

# %%
log_probs = torch.randn(200, len(transcripts.CHARACTERS)).log_softmax(dim=1)           # (T, V), a random network
target = transcripts.characters(["a small red fish above a yellow moon"])              # (1, L)
loss = F.ctc_loss(log_probs[:, None], target, torch.tensor([200]), torch.tensor([target.shape[1]]), reduction="sum")
print(f"{-ctc.ctc_log_likelihood(log_probs, target[0]):.3f}   {loss:.3f}")

# %% [markdown]
# ## Two recognisers
#
# Both begin with a convolution of stride 2 over time: one step is 20 ms. Then each step needs **context**, since a
# letter's sound depends on its neighbours. The recurrent recogniser gets it from a bidirectional LSTM of several layers
# (Graves, Mohamed and Hinton 2013), the convolutional one from residual blocks.

# %%
diagrams.recogniser(stride=2)

# %%
class RecurrentByHand(nn.Module):
    """Log-mels to log-probabilities of characters.   (B, M, T) -> (B, T/2, V)"""

    def __init__(self, n_mels: int = 40, width: int = 192, n_characters: int = 28):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(n_mels, width, 5, stride=2, padding=2), nn.BatchNorm1d(width), nn.ReLU())
        self.recurrent = nn.LSTM(width, width // 2, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(width, n_characters)

    def forward(self, mels: Tensor) -> Tensor:
        x = self.first(mels).transpose(1, 2)                                           # (B, T/2, D)
        states, _ = self.recurrent(x)                                                  # (B, T/2, 2H), D = 2H
        return self.head(states).log_softmax(dim=2)


# %% [markdown]
# A **dilated** convolution leaves gaps between the inputs of its kernel: with kernel width 5 and dilation 4 it covers 17
# steps. Three blocks of dilations 1, 2 and 4 cover $1 + 4 \cdot (1 + 2 + 4) = 29$ steps, 0.58 s, about the length of a
# word. Each block adds its output to its input (a **residual connection**), as lesson 04's encoder block does.

# %%
class ConvolutionalByHand(nn.Module):
    """Log-mels to log-probabilities of characters.   (B, M, T) -> (B, T/2, V)"""

    def __init__(self, n_mels: int = 40, width: int = 128, n_characters: int = 28):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(n_mels, width, 5, stride=2, padding=2), nn.BatchNorm1d(width), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation), nn.BatchNorm1d(width),
                          nn.ReLU()) for dilation in (1, 2, 4))
        self.head = nn.Linear(width, n_characters)

    def forward(self, mels: Tensor) -> Tensor:
        x = self.first(mels)                                                           # (B, D, T/2)
        for block in self.blocks:
            x = x + block(x)                                                           # (B, D, T/2)
        return self.head(x.transpose(1, 2)).log_softmax(dim=2)


mels = torch.randn(2, 40, 300)
print(tuple(RecurrentByHand()(mels).shape), tuple(ConvolutionalByHand()(mels).shape))

# %% [markdown]
# The package's `RecurrentRecogniser` and `ConvolutionalRecogniser` are the same networks with four additions. They hold
# their `log_mel` and its statistics. They subtract the mean of each band over the sound, which depends strongly on the
# speaker. They take the length of each sound, so that padding changes no output. The method `transcribe` writes down
# sounds of any length.

# %% [markdown]
# ## Training data and training step
#
# Synthesising thousands of sentences takes longer than training on them. `ReadAloud` therefore joins the spectrograms
# of single words, each time with another voice, pace and noise. `TranscriptBatches` puts sentences of similar length
# together, so that a batch contains little padding. The augmentation is that of lesson 03: shifted bands and
# SpecAugment.

# %%
def vary(mels: Tensor) -> Tensor:
    return augment.spec_augment(augment.shift_bands(mels, 1), time=6)


convolutional = recogniser.ConvolutionalRecogniser()
convolutional.log_mel.fit(book.sound(page) for book in books for page in range(0, len(book), 40))
reader = read_aloud.ReadAloud(convolutional.log_mel, sorted({word for text in sentences for word in text.split()}))
batches = transcripts.TranscriptBatches(reader, sentences, size=16, vary=vary)
mels, lengths, targets = next(iter(batches))
print(tuple(mels.shape), lengths[:4].tolist(), tuple(targets.shape))                   # (B, M, T), (B,), (B, L)

# %% [markdown]
# One training step, written out. The loss needs the number of steps of each sound and the number of characters of each
# target; everything after them is padding. `F.ctc_loss` divides each sentence's loss by its number of characters, and
# averages over the batch.

# %%
log_probs, n_steps = convolutional(mels, lengths)                                      # (B, T/2, V), (B,)
n_characters = (targets != 0).sum(dim=1)                                               # (B,)
loss = F.ctc_loss(log_probs.transpose(0, 1), targets, n_steps, n_characters)
loss.backward()
print(f"loss per character {loss.item():.2f}, gradient of the last layer {convolutional.head.weight.grad.norm():.2f}")

# %% [markdown]
# ## Train it
#
# `fit` repeats this step. `ctc.ctc_loss` is the loss above; it counts a sentence that does not fit into its steps as 0
# (`zero_infinity=True`). After each epoch, a callback transcribes one validation sentence. CTC training typically goes
# through phases: what will the very first outputs look like?

# %%
class TranscriptCallback:
    """Stores the transcript of one sound after every epoch."""

    def __init__(self, sound: Tensor):
        self.sound, self.outputs = sound, []

    def on_epoch(self, run) -> None:
        self.outputs.append(run.model.transcribe([self.sound])[0])


valid_book = PictureBook("valid", pages=50, objects=2)
callback = TranscriptCallback(valid_book.sound(0))
settings = {"loss": ctc.ctc_loss, "metrics": (), "lr": 5e-3, "clip": 2.0}
history = fit(convolutional, batches, epochs=4, callbacks=[callback], **settings)
print(transcripts.transcript(valid_book.sentences[0]), *callback.outputs, sep="\n")

# %% [markdown]
# In its first steps a network trained with CTC usually outputs only blanks: the blank is part of almost every
# alignment, so it is learned first. Here this phase ends within the first epoch, and the first transcript above already
# has readable words. A loss that stays on its first plateau, with empty transcripts, is the failure to look for in your
# own CTC training.
#
# The recurrent recogniser computes its steps one after the other. It gets half as many epochs, to keep the running time
# short.

# %%
recurrent = recogniser.RecurrentRecogniser(width=128)
recurrent.log_mel = convolutional.log_mel                                              # the same statistics
fit(recurrent, batches, epochs=2, **settings)
del reader, batches                                                                    # frees memory

# %% [markdown]
# ## Greedy decoding
#
# **Greedy** decoding (best path decoding) takes the most probable symbol of each frame and collapses the result. This is
# the most probable *alignment*, which is not always the most probable *text*. With two frames of $p(-) = .6$ and
# $p(a) = .4$, the best alignment is `--` (.36). The text *a* has three alignments: `aa`, `a-` and `-a`, together
# $.16 + .24 + .24 = .64$.

# %% tags=["nbval-check-output"]
two_frames = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()                              # (T, V): blank, a
print("greedy", ctc.greedy(two_frames), "  best text", ctc.prefix_beam(two_frames), f"{1 - 0.6 ** 2:.2f}")

# %% [markdown]
# ## Evaluate it
#
# Four sets of 300 sentences: **test** pages by training voices; **held-out voices** of the same speech engine; voices
# of **another engine**; **held-out phrasings**, with sentence templates and words such as *tiny* that do not occur
# in training. Order the four by their WER before you run the cell.

# %%
references, convolutional_outputs, recurrent_outputs = {}, {}, {}
for name, split in (("test", "test"), ("held-out voices", "held_out_voices"), ("another engine", "far_voices"),
                    ("held-out phrasings", "held_out_phrasings")):
    sounds, references[name] = spoken(split)
    convolutional_outputs[name] = convolutional.log_probabilities(sounds)                 # for each sound (T/2, V)
    recurrent_outputs[name] = recurrent.log_probabilities(sounds)


def decoded(outputs: dict[str, list[Tensor]], decoder: Callable = ctc.greedy) -> dict[str, list[str]]:
    return {split: [transcripts.text(decoder(log_probs)) for log_probs in each] for split, each in outputs.items()}


def error_rates(hypotheses: dict[str, list[str]], rate: Callable = word_error_rate) -> dict[str, float]:
    return {split: rate(texts, references[split]).item() for split, texts in hypotheses.items()}


greedy = {"recurrent, greedy": decoded(recurrent_outputs), "convolutional, greedy": decoded(convolutional_outputs)}
results = {name: error_rates(texts) for name, texts in greedy.items()}
show.compare(results, label="word error rate")
print({split: round(rate, 3) for split, rate in error_rates(greedy["convolutional, greedy"], char_error_rate).items()})

# %% [markdown]
# With greedy decoding the convolutional recogniser gets about 7% of the words wrong for training voices, and little
# more for held-out voices of the same engine. The recurrent one, at about 30%, is far from converged after two epochs.
# For training and held-out voices the CER is about a quarter of the WER: a wrong word often has a single wrong letter.
#
# Held-out phrasings contain words such as *tiny*, which no training sentence spells: about 20% of the words are wrong.
# For the other engine it is about 90%, although a listener understands them without effort. Training on 46 voices of one
# engine does not generalise to another engine; lesson 03 found the same for single words.

# %% [markdown]
# ### Exercise 13.3: word error rate  ●●○ · 20 minutes
#
# Compute the word error rate of a corpus: the number of edits in all sentences, divided by the number of reference words
# in all sentences. Edits are substitutions, insertions and deletions of words, the fewest that turn a reference into its
# hypothesis. Words are what `split()` gives. A reference or a hypothesis can be empty; the corpus has at least one
# reference word. The result is a fraction (0.25, not 25), and can exceed 1. Stuck? `hint("13.3")` in a cell of its own
# gives a hint.

# %%
def corpus_error_rate(references: list[str], hypotheses: list[str]) -> float:
    """Edits over the whole corpus divided by its reference words.   N sentences, N sentences -> fraction"""
    ### BEGIN SOLUTION
    edits = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        true_words, recognised = reference.split(), hypothesis.split()
        row = list(range(len(recognised) + 1))                                         # from no word to the first j
        for i, word in enumerate(true_words, 1):
            previous, row = row, [i]
            for j, other in enumerate(recognised, 1):
                row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (word != other)))
        edits += row[-1]
    return edits / sum(len(reference.split()) for reference in references)
    ### END SOLUTION


# %%
check("13.3", corpus_error_rate)

# %% [markdown]
# ## Prefix beam search
#
# **Beam search** keeps several hypotheses at each frame instead of one. In CTC many alignments collapse to the same
# text, so the search runs over *prefixes* of texts, and sums the alignments of each (Hannun et al. 2014). For each
# prefix it keeps two probabilities: that of alignments ending in a blank, and that of alignments ending in the last
# character. Only after a blank can the same character be repeated. In the example, the prefix *a* has after frame 2 the
# alignments `aa`, `a-` and `-a`: $.4 \cdot .1 + .4 \cdot .5 + .5 \cdot .1 = .29$.

# %%
diagrams.prefix_beam()

# %% [markdown]
# A **language model** can be added to the search (*shallow fusion*). The recogniser gives probabilities of characters
# from the sound, the language model probabilities of the next word from the words before. Each prefix gets the score
#
# $$\ln p(y \mid x) + \lambda \ln p_{\text{LM}}(y) + \beta \, |y|$$
#
# $|y|$ is the number of words. The language model's probability shrinks with every word, so alone it prefers short
# texts; the bonus $\beta$ balances this. For one more word of $p_{\text{LM}} = .05$, $\lambda = .5$ and $\beta = 1.5$
# the two terms almost cancel: $.5 \ln .05 + 1.5 = -1.498 + 1.5$.

# %% [markdown]
# The language model needs text only, so there is more training data for it than for the recogniser: 30,000 sentences.
# Counting for lesson 05's trigram model takes about a second. `WordScores` gives the search the log-probability of a
# word given the words before it; a string outside the vocabulary gets $-12$.

# %%
texts = [words.encode(text) for objects in (1, 2) for text in PictureBook("train", 15_000, objects).sentences]
trigram = ngram.Trigram(len(words.VOCABULARY))
for inputs, next_words in language.LanguageBatches(texts, lambda rows: language.next_tokens(rows, words.START, words.END)):
    trigram.count(inputs, next_words)
language_model = word_scores.WordScores(trigram)
print(f"{language_model(('a', 'small'), 'red'):.2f} {language_model(('a', 'small'), 'fish'):.2f} {language_model((), 'rde')}")

# %% [markdown]
# The weight $\lambda$ is a hyperparameter, so it is chosen on the validation split. Its sentences are spoken by
# training voices, like those of the test split; the bonus is set to $\beta = 2 \lambda$. On which test set will the
# language model help most, and on which could it do harm?

# %%
valid_sounds, valid_texts = spoken("valid", 150)
valid_outputs = convolutional.log_probabilities(valid_sounds)


def with_language_model(weight: float) -> Callable:
    return lambda rows: ctc.prefix_beam(rows, width=8, language_model=language_model, weight=weight, bonus=2 * weight)


weights = {weight: word_error_rate([transcripts.text(with_language_model(weight)(rows)) for rows in valid_outputs],
                                   valid_texts).item() for weight in (0.0, 0.3, 0.6, 1.0)}
weight = min(weights, key=weights.get)
print({key: round(value, 4) for key, value in weights.items()}, "chosen:", weight)

# %%
searched = {"beam of 8": decoded(convolutional_outputs, lambda rows: ctc.prefix_beam(rows, width=8)),
            "beam of 8, language model": decoded(convolutional_outputs, with_language_model(weight))}
results |= {f"convolutional, {name}": error_rates(texts) for name, texts in searched.items()}
for name, row in results.items():
    print(f"{name:40}", {split: round(value, 3) for split, value in row.items()})
final = results["convolutional, beam of 8, language model"]
expect("13.test", final["test"])
expect("13.held_out_voices", final["held-out voices"])

# %% [markdown]
# Beam search alone changes little: the network is confident in most frames, so the best alignment usually belongs to
# the best text. The language model removes most errors for training and held-out voices; about 2% of the words remain
# wrong. It corrects words that are one letter off, since a string outside the vocabulary gets a low score.
#
# How much it helps depends on its training text. That text does not contain *tiny*, so the search replaces such words
# by known ones, and most errors on held-out phrasings remain. For the other engine too few letters are correct to be
# completed.

# %% [markdown]
# ### Exercise 13.4: rescoring with a language model  ●●○ · 15 minutes
#
# Beam search gives several candidates, each a list of words with its acoustic log-probability. Rescore them: acoustic
# log-probability, plus `weight` times the language model's log-probability of the words, plus `bonus` for every word.
# Return the words of the candidate with the highest sum. There is at least one candidate; a candidate can have no words.
# `language_model_log_probability` takes a list of words and returns a finite float.

# %%
def best_of(candidates: list[tuple[list[str], float]], language_model_log_probability: Callable[[list[str]], float],
            weight: float, bonus: float) -> list[str]:
    """The words of the best candidate: acoustic + weight * language model + bonus * number of words."""
    ### BEGIN SOLUTION
    def score(candidate: tuple[list[str], float]) -> float:
        words, acoustic = candidate
        return acoustic + weight * language_model_log_probability(words) + bonus * len(words)

    return max(candidates, key=score)[0]
    ### END SOLUTION


# %%
check("13.4", best_of)

# %% [markdown]
# ## Error analysis
#
# Which words are confused? `align` finds the fewest edits between two sentences. Count the edits on the held-out
# voices and on the held-out phrasings, and print the ten most frequent. `(nothing)` on the right stands for a
# deletion, on the left for an insertion.

# %%
from mmcourse.show.widgets import word_errors


def confusions(hypotheses: list[str], references: list[str]) -> list[tuple[tuple[str, str], int]]:
    """The most frequent edits: ((true word, recognised word), times)."""
    edits = Counter()
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        pairs = word_errors.align(reference.split(), hypothesis.split())
        edits.update((true, recognised) for kind, true, recognised in pairs if kind != "correct")
    return edits.most_common(10)


best = searched["beam of 8, language model"]
for split in ("held-out voices", "held-out phrasings"):
    print(split, *(f"{true or '(nothing)'} -> {recognised or '(nothing)'}: {times}"
                   for (true, recognised), times in confusions(best[split], references[split])), sep="\n  ")

# %% [markdown]
# On held-out voices few errors are left: most often, a word or some of its letters are missing. On held-out phrasings
# the same few words are wrong again and again. No training sentence contains *huge*, *tiny* or *has*, so fragments or
# similar training words replace them. A recogniser that outputs letters *can* spell a new word, but nothing in its
# training taught it to.

# %% [markdown]
# ## Play
#
# Type a sentence, choose a voice, and add noise. The curves show the probabilities of all characters: the blank most of
# the time, and a short peak for each character. Find a voice that is recognised badly. At which noise level do the
# first errors appear? What happens to a sentence whose words come in an unusual order, such as *boat a above*?

# %%
show.recogniser(convolutional)

# %% [markdown]
# ## Debugging exercise
#
# A recogniser is trained on an alphabet of the space and the letters. The loss falls, and most letters are correct, but
# all words run together, and the WER is 100%. Run it, read the transcript, and look at the loss: which values can the
# negative logarithm of a probability have? Find out why it never writes a space.

# %%
class BuggyAlphabet:
    """Characters to the indices that CTC is trained on, and back."""

    blank = 0

    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = letters
        self.n_outputs = len(letters)                                                  # width of the last layer

    def encode(self, sentence: str) -> Tensor:
        """The target of a sentence.   L characters -> (L,) int64"""
        return torch.tensor([self.letters.index(letter) for letter in sentence], dtype=torch.int64)

    def decode(self, ids: list[int]) -> str:
        """The sentence of an alignment.   T indices -> L characters"""
        kept = [i for i, before in zip(ids, [None, *ids[:-1]], strict=True) if i != before and i != self.blank]
        return "".join(self.letters[i] for i in kept)


# %% [markdown]
# To see the bug within seconds, the sounds are four spoken pages, and the network memorises them. The cell prints loss,
# WER and CER on these four sentences. A correct alphabet brings all three close to 0.

# %%
four_mels = spoken_pages.padded_mels(convolutional.log_mel, four_sounds)               # (4, M, T)
four_lengths = torch.tensor([len(sound) // 160 + 1 for sound in four_sounds])          # (4,)


def memorise(alphabet: BuggyAlphabet, n_steps: int = 80) -> tuple[list[str], float]:
    """Transcripts of four sounds after training on them, and the loss."""
    network = recogniser.ConvolutionalRecogniser(width=64, n_characters=alphabet.n_outputs)
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3)
    targets = [alphabet.encode(text) for text in test_texts[:4]]
    n_characters = torch.tensor([len(target) for target in targets])                   # (4,)
    for _ in range(steps(n_steps)):
        log_probs, n_frames = network(four_mels, four_lengths)                         # (4, T/2, V), (4,)
        loss = F.ctc_loss(log_probs.transpose(0, 1), torch.cat(targets), n_frames, n_characters, blank=alphabet.blank)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    best_path = log_probs.argmax(dim=2)                                                # (4, T/2)
    return [alphabet.decode(row[:n].tolist()) for row, n in zip(best_path, n_frames, strict=True)], loss.item()


written, loss = memorise(BuggyAlphabet())
print(f"loss {loss:.2f}, WER {word_error_rate(written, test_texts[:4]):.2f}, "
      f"CER {char_error_rate(written, test_texts[:4]):.2f}", f"{test_texts[0]!r} -> {written[0]!r}", sep="\n")

# %% [markdown]
# ### Exercise 13.debug: words run together  ●●○ · 15 minutes
#
# Find the bug and fix the alphabet. It is made as `FixedAlphabet(letters)` with any characters, each once. Then `encode`
# gives one index per character as int64, also for an empty sentence; all indices are below `n_outputs`, and none is
# `blank`. `n_outputs` is the number of letters plus one. `decode` merges repeats, removes blanks and returns the
# characters of what is left. Which index is the blank is your choice; `blank` says it, and the loss and `decode` use it.

# %%
class FixedAlphabet(BuggyAlphabet):
    """An index for every character, and one for the blank."""

    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        ### BEGIN SOLUTION
        super().__init__("\0" + letters)                                               # "\0" holds the place of the blank
        ### END SOLUTION


# %%
check("13.debug", FixedAlphabet)

# %% [markdown]
# ## Unsupervised speech recognition
#
# CTC needs pairs of a recording and its transcript. For most of the world's languages such pairs are rare, while
# recordings and texts exist separately. **wav2vec-U** (Baevski et al. 2021) learns from both *unpaired*, with lesson
# 07's method: a generator maps segments of speech to distributions over units of text, and a discriminator compares its
# output with real text.

# %%
diagrams.unpaired_recognition()

# %% [markdown]
# Why can this work at all? A wrong mapping from sounds to words gives sentences such as *above a a moon small*, which
# the discriminator distinguishes from real ones. Only mappings close to the correct one give sentences with the right
# statistics. GAN training is unstable and takes half an hour, so `benchmarks/unpaired.py` ran it on five seeds.
# Training uses no transcript: each segment is described by its log-mels, and segments are clustered without labels.

# %% [markdown]
# Two questions decide the result. Where does a word begin? The boundaries are either **given** or **estimated** from
# the sound. Which checkpoint is best? Transcripts must not select it, so the script takes the one whose output has the
# lowest perplexity under a language model and uses many different words. Predict the WER in both cases. For comparison,
# the table begins with two baselines: the most frequent word at each position, and a random sentence.

# %%
show.show_stored_table("13_unpaired")

# %% [markdown]
# With given boundaries the WER is 42 to 50% on all five seeds, for held-out voices too, without a single transcript.
# Writing the most frequent word at each position gives 74%. The same clusters, named by labels, reach 9% for the
# training voices, so the features are not the limit. With estimated boundaries four of five seeds are worse than the
# most frequent words: their training has failed. The fifth is about equal.

# %% [markdown]
# CTC needs neither boundaries nor clusters, but it needs pairs. The original wav2vec-U has better features than ours:
# self-supervised representations of speech, which its authors call key to its success. Its units are phonemes, each of
# which occurs far more often than a word.

# %% [markdown]
# ## On real data: sequences of spoken digits
#
# Lesson 03's recordings of single digits by six speakers are joined into sequences of three to five digits with short
# pauses. Two speakers are held out for testing, in three folds, so every speaker is tested once. Guessing each digit
# gives a WER of about 90%.
#
# These are few recordings, so each recogniser is **fine-tuned** (lesson 05). It starts from the shipped recogniser:
# your convolutional network, trained for longer, and also on words in random order. No digit was in its training data.
# The recordings have 8,000 samples per second and are resampled to 16,000.

# %%
from torchaudio.functional import resample


def digit_mels(model: recogniser.Recogniser, recordings: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Log-mels, and the frames of each.   -> (N, M, T), (N,)"""
    return (spoken_pages.padded_mels(model.log_mel, recordings),
            torch.tensor([len(recording) // model.log_mel.hop + 1 for recording in recordings]))


def sequences(chosen: list[bool], count: int, seed: int) -> tuple[list[Tensor], list[str]]:
    """Sequences of the chosen recordings, and their words.   -> N (samples,), N texts"""
    indices = [i for i, is_chosen in enumerate(chosen) if is_chosen]
    parts = ([part[i] for i in indices] for part in (recordings, digits, speakers))
    sounds, texts = digit_sequences.digit_sequences(*parts, examples(count), seed)
    return [resample(sound, 8_000, 16_000) for sound in sounds], texts


rows = real.load_or_explain("free_spoken_digits", "train")
if rows:
    sounds = valid_sounds = None                                                       # frees memory
    recordings = [audio.same_loudness(real.sound(row)[0])[:6_000] for row in rows]     # (samples,) each, 8 kHz
    digits, speakers = rows["label"], rows["speaker"]
    spoken_digits, digit_texts = digit_sequences.digit_sequences(recordings, digits, speakers, 3)
    show.play_many(spoken_digits, rate=8_000, titles=digit_texts)

# %% [markdown]
# Here the vocabulary is known: ten words, and each may follow any other. A language model can state this. It gives each
# digit a probability of one tenth, and any other string $e^{-12}$, as `WordScores` does. The search needs a wide beam,
# because the language model scores a word only when it is complete; until then, misspelled prefixes occupy the beam.

# %%
def digit_words(before: tuple[str, ...], word: str | None) -> float:
    """The score of a word after the words before: ln 0.1 for each digit; None is the end of the sequence."""
    if word is None:
        return 0.0                                                                     # every length is equally good
    return math.log(0.1) if word in digit_sequences.NAMES else word_scores.NO_WORD


decoders = {"greedy": ctc.greedy, "beam of 32, language model":
            lambda log_probs: ctc.prefix_beam(log_probs, 32, language_model=digit_words, weight=1.0)}

# %% [markdown]
# The width of 32, the number of epochs and the learning rate were chosen with speakers of the last fold as validation
# speakers. The mean over the other four is therefore printed as well.

# %%
if rows:
    digit_errors = {}
    for fold in range(3):
        held_out = sorted(set(speakers))[2 * fold : 2 * fold + 2]
        sounds, texts = sequences([speaker not in held_out for speaker in speakers], 500, fold)
        model = shipped.load("recogniser")                                             # pretrained on the Picture Book
        model.log_mel.fit(sounds[::4])
        batches = Batches(*digit_mels(model, sounds), transcripts.characters(texts), size=16, transform=vary)
        sounds = None
        fit(model, batches, epochs=9, verbose=False, **settings)
        sounds, texts = sequences([speaker in held_out for speaker in speakers], 200, fold)
        outputs = model.log_probabilities(sounds)                                      # for each sound (T/2, V)
        hypotheses = {name: [transcripts.text(decoder(log_probs)) for log_probs in outputs]
                      for name, decoder in decoders.items()}
        for offset, speaker in enumerate(held_out):                                    # speakers take turns
            digit_errors[speaker] = {name: word_error_rate(recognised[offset::2], texts[offset::2]).item()
                                     for name, recognised in hypotheses.items()}
    show.compare(digit_errors, label="word error rate")
    for name in decoders:
        errors = [row[name] for row in digit_errors.values()]
        print(f"{name}: mean {sum(errors) / 6:.3f}, without the last two speakers {sum(errors[:4]) / 4:.3f}")
    expect("13.digits", sum(errors) / 6)

# %% [markdown]
# With greedy decoding almost half of the words are wrong, with the language model less than a quarter: it corrects
# misspelled digits. The errors differ a lot from speaker to speaker, as in lesson 03: four training speakers do not cover
# the voices of others. Pretraining helps: from random initialisation about 70% were wrong, decoded greedily, in a trial
# of similar length. We know of no published result for this task, which was made for this course.

# %% [markdown]
# ## Where this is used
#
# Speech recognition is used for dictation, subtitles and voice assistants. Published systems differ from ours in scale.
# Deep Speech 2 (Amodei et al. 2016) trained recurrent networks with CTC on thousands of hours of speech. Whisper
# (Radford et al. 2023) is a Transformer with an encoder and a decoder instead of CTC, trained on 680,000 hours from the
# web. Errors are not evenly distributed: in a test of five commercial recognisers the mean WER was .35 for Black
# speakers of American English and .19 for white ones (Koenecke et al. 2020). A test set needs speakers of every group
# that will use the system.

# %%
quiz("13")

# %% [markdown]
# ## Open-ended questions
#
# 1. Replace the trigram by lesson 05's GPT. Does the WER on held-out phrasings get better or worse? Predict it first.
# 2. Train on words instead of characters: `V` is then the vocabulary. Compare WER on test and on held-out phrasings.
# 3. CTC assumes that frames are independent given the sound. Find an error of your recogniser that a model without this
#    assumption would not make.
# 4. Which sounds should a recogniser refuse to transcribe? Try silence, noise and digits on yours.

# %% [markdown]
# ## Going further
#
# - An **RNN transducer** (Graves 2012) drops the independence of frames: each output depends on the characters before
#   it. It suits streaming recognition, while someone is still speaking.
# - **wav2vec 2.0** (Baevski et al. 2020) pretrains on unlabelled speech: segments are masked, as in BERT, and a contrastive
#   loss (lesson 11) identifies the correct one among distractors. Fine-tuned with CTC on ten minutes of transcribed
#   speech, and decoded with a language model, it reaches a WER of 4.8% on the clean test set of LibriSpeech.

# %% [markdown]
# ## Summary
#
# - CTC adds a blank, and sums the probabilities of all alignments; the forward algorithm does this in about $T \cdot L$
#   steps.
# - An alignment becomes a text by merging repeats, then removing blanks.
# - A convolutional and a recurrent recogniser learn from whole sentences, without word boundaries.
# - Prefix beam search sums alignments and can use a language model, which helps most on sentences like those of its
#   training text.
# - WER is reported for new voices, another engine and new phrasings; each measures a different kind of generalisation.
#
# Next: [14 Text to image](14_text_to_image.ipynb), the other direction: from a sentence to an image.

# %% [markdown]
# **References.** Graves, Fernández, Gomez, Schmidhuber 2006, *Connectionist temporal classification: Labelling
# unsegmented sequence data with recurrent neural networks*,
# [doi:10.1145/1143844.1143891](https://doi.org/10.1145/1143844.1143891): the blank, the loss, the forward algorithm.
# Graves, Mohamed, Hinton 2013, *Speech recognition with deep recurrent neural networks*,
# [arXiv:1303.5778](https://arxiv.org/abs/1303.5778): several layers of bidirectional LSTMs. Hannun, Maas, Jurafsky, Ng
# 2014, *First-pass large vocabulary continuous speech recognition using bi-directional recurrent DNNs*,
# [arXiv:1408.2873](https://arxiv.org/abs/1408.2873): prefix beam search with a language model. Baevski, Hsu, Conneau, Auli
# 2021, *Unsupervised speech recognition*, [arXiv:2105.11084](https://arxiv.org/abs/2105.11084): wav2vec-U.
#
# Park et al. 2019, *SpecAugment: A simple data augmentation method for automatic speech recognition*,
# [arXiv:1904.08779](https://arxiv.org/abs/1904.08779). Amodei et al. 2016, *Deep Speech 2: End-to-end speech recognition in
# English and Mandarin*, [arXiv:1512.02595](https://arxiv.org/abs/1512.02595). Radford et al. 2023, *Robust speech
# recognition via large-scale weak supervision*, [arXiv:2212.04356](https://arxiv.org/abs/2212.04356): Whisper. Koenecke et
# al. 2020, *Racial disparities in automated speech recognition*,
# [doi:10.1073/pnas.1915768117](https://doi.org/10.1073/pnas.1915768117). Graves 2012, *Sequence transduction with recurrent
# neural networks*, [arXiv:1211.3711](https://arxiv.org/abs/1211.3711). Baevski, Zhou, Mohamed, Auli 2020, *wav2vec 2.0: A
# framework for self-supervised learning of speech representations*,
# [arXiv:2006.11477](https://arxiv.org/abs/2006.11477).
