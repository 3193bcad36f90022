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
# # 12 · Image captioning
#
# **You will build networks that describe an image in a sentence of their own: one object correctly in at least 95% of cases,
# two objects and their relation in at least 65%. You will see where they attend before each word, and why a high score
# does not prove that a captioner uses the image.**
#
# Runs in 4 to 8 minutes · takes 110 minutes to work through · before this: [02 Text](02_text.ipynb), [04
# Attention](04_attention.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. train a decoder by teacher forcing, and state its input and target at each position;
# 2. generate captions greedily and with beam search;
# 3. implement one step of attention over image positions, and interpret the attention maps with care;
# 4. compute BLEU by hand, and explain why it does not measure the meaning of a caption;
# 5. distinguish teacher-forced scores from scores of generated captions, and measure exposure bias.

# %%
from collections import Counter

import torch
from torch import Tensor, nn

from mmcourse import PictureBook, begin, check, examples, expect, fit, hint, metrics, predict, quiz, show
from mmcourse.data import real
from mmcourse.models import attention, captioner, cnn, decoding, transformer
from mmcourse.picturebook.scene import KINDS, OPPOSITE
from mmcourse.picturebook.sentence import END, PAD, START, VOCABULARY, decode, encode, facts_of, parse
from mmcourse.show import diagrams
from mmcourse.tasks import captions
from mmcourse.training import sampling, shipped
from mmcourse.training.device import device

begin("12")

# %% [markdown]
# ## Look at the data
#
# Describe each image in one sentence before you read the sentence below it. Did you begin with the same object?

# %%
train = PictureBook("train", pages=8_000, objects=2)
train_captions = captions.sample_captions(train, 4)                            # (8000, 4, L)
show.show_pages(train, rows=1, columns=5)
for row in train_captions[0]:
    print(" ", decode(row))

# %% [markdown]
# The first image has four captions here, and all are correct. An image has one correct label, but many correct
# captions. Comparing captions word by word is therefore misleading: a caption that begins with the other object can
# differ at almost every position and still be correct.

# %% [markdown]
# The Picture Book has something that real captions lack: a grammar small enough for an exact parser. `parse`
# returns the facts that a sentence states, whatever its phrasing. A caption is **correct** if these facts are
# true: the kind of each object (fish, boat and so on), its colour and size, and the relation of the two.

# %% tags=["nbval-check-output"]
test = {objects: PictureBook("test", pages=500, objects=objects) for objects in (1, 2)}
held_out = {objects: PictureBook("held_out_pairs", pages=500, objects=objects) for objects in (1, 2)}
scene = test[2].scenes[0]
for sentence in (test[2].sentences[0], "a small red fish left of a big blue boat", "fish boat blue"):
    facts = parse(sentence)
    print(f"{sentence}\n  {facts}\n  correct: {facts_of(scene).same_meaning(facts)}")

# %% [markdown]
# ## Baseline
#
# The simplest captioner ignores the image and returns the sentence of another page. What fraction of its captions will
# be correct? What will **BLEU** be, a score that is often reported? BLEU counts the words and word sequences that a
# caption shares with reference captions (Papineni et al. 2002); its formula follows below. Guess both numbers.

# %%
from torchmetrics.functional.text import bleu_score

# four references for each of 500 pages, none of them the page's own sentence
references = [[decode(row) for row in rows] for rows in captions.sample_captions(test[2], 5)[:, 1:]]


def bleu(sentences: list[str]) -> float:
    return bleu_score(sentences, references).item()


other_sentences = [decode(rows[0]) for rows in train_captions[:500]]
print(f"correct {metrics.caption_accuracy(other_sentences, test[2].scenes):.1%}, BLEU {bleu(other_sentences):.2f}")

# %% [markdown]
# Almost none is correct, and BLEU is still about 0.2: phrases such as "there is a" and "to the left of" occur in many
# sentences of the book. Remember this number.

# %% [markdown]
# ## The probability of a caption
#
# A caption is a sequence of choices. By the chain rule, its probability is the product of the probabilities of its words,
# each given the words before it and the image:
#
# $$p(w_1, \ldots, w_n \mid \text{image}) = \prod_{t=1}^{n} p(w_t \mid w_1, \ldots, w_{t-1}, \text{image})$$
#
# A network needs to learn only one function: the distribution of the next word, given the image and the previous words. This
# is classification with one class per word of the vocabulary, so the loss is the cross-entropy.

# %% [markdown]
# By hand: let the word probabilities be 0.5 for "a", 0.9 for "red", 0.8 for "fish" and 0.9 for `<end>`. The loss is the mean
# negative log-probability per word:

# %% tags=["nbval-check-output"]
probabilities = torch.tensor([0.5, 0.9, 0.8, 0.9])
logits = torch.stack([probabilities, 1 - probabilities], dim=1).log()           # the other words as one class
print(f"probability of the caption: {0.5 * 0.9 * 0.8 * 0.9:.3f}")
print(f"loss by hand {-torch.tensor(0.324).log() / 4:.4f}   "
      f"PyTorch {nn.functional.cross_entropy(logits, torch.zeros(4, dtype=torch.int64)):.4f}")

# %% [markdown]
# ## One image vector and an LSTM
#
# Vinyals et al. (2015, *Show and tell*) encode the image as one vector with a CNN and let an LSTM generate the sentence. The
# LSTM reads `<start>` and predicts the first word, reads the first word and predicts the second, until it predicts `<end>`.

# %%
diagrams.show_and_tell()

# %% [markdown]
# One difference from the paper: Vinyals et al. show the image vector $v$ once, before the first word. They also tried
# $v$ as an extra input at every step and found it worse: the network exploited noise in the image and overfitted more
# easily. Here $v$ is concatenated to every word embedding $e_t$, and to every state before the output layer. This keeps
# the code short, and the attention decoder below, whose image vector changes at every step, can then start from the same
# weights.

# %%
class OneVectorCaptioner(nn.Module):
    def __init__(self, vocabulary_size: int, width: int = 128):
        super().__init__()
        self.encoder = cnn.ImageEncoder((32, 64, 128))
        self.image_projection = nn.Linear(128, width)
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.lstm = nn.LSTM(2 * width, width, batch_first=True)
        self.head = nn.Linear(2 * width, vocabulary_size)

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:        # (B, 3, 32, 32), (B, L)
        image = self.image_projection(self.encoder(images))             # (B, 128), max-pooled over positions
        image = image[:, None].expand(-1, tokens.shape[1], -1)          # (B, L, 128)
        states, _ = self.lstm(torch.cat([self.embedding(tokens), image], dim=2))
        return self.head(torch.cat([states, image], dim=2))             # (B, L, V)


print(OneVectorCaptioner(len(VOCABULARY))(torch.rand(5, 3, 32, 32), torch.randint(4, 50, (5, 9))).shape)

# %% [markdown]
# ### Teacher forcing
#
# Which words does the decoder read in training? With **teacher forcing** it always reads the true previous words, whatever
# it would have predicted itself. All positions of a sentence are then known in advance and are trained in one pass.
#
# ### Exercise 12.1: inputs and targets  ●○○ · 5 minutes
#
# Each row of `tokens` is `<start>`, the words, `<end>`, padding. Return the decoder's input and its target at each position:
# two tensors, each one position shorter.

# %%
def shift_right(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets for teacher forcing.   (B, L) -> (B, L - 1), (B, L - 1)"""
    ### BEGIN SOLUTION
    return tokens[:, :-1], tokens[:, 1:]
    ### END SOLUTION


# %%
check("12.1", shift_right)

# %% [markdown]
# `CaptionBatches` shifts the tokens for you and draws one of a page's four captions in each epoch. Two augmentations reduce
# overfitting: `mirror` flips every image with probability one half and exchanges "left" and "right" in its caption, and `move`
# shifts the image by up to two pixels.

# %%
single = PictureBook("train", pages=16_000)
batches = captions.CaptionBatches(single.images, captions.sample_captions(single, 4), changes=(captions.mirror, captions.move))
augmented, inputs, targets = next(iter(batches))
show.show_images(augmented[:8], columns=8)
print("input: ", [VOCABULARY[word] for word in inputs[0].tolist() if word != PAD])
print("target:", [VOCABULARY[word] for word in targets[0].tolist() if word != PAD])

# %% [markdown]
# ### Train it on one object
#
# `ShowAndTell` in the package is the network above. `caption_loss` is the cross-entropy of the next word, without
# padding. `word_accuracy` is the fraction of words that are predicted correctly under teacher forcing. Images with one
# object have 32 × 32 pixels.
#
# First, one training step as code. Before training the loss is near $\ln V$, the cross-entropy of a uniform prediction.

# %%
def training_step(model, optimiser, images, inputs, targets) -> float:
    """One step of teacher forcing: (B, 3, H, W), (B, L), (B, L) -> the loss before the step."""
    logits = model(images, inputs)                                             # (B, L, V)
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


model = OneVectorCaptioner(len(VOCABULARY))
optimiser = torch.optim.AdamW(model.parameters(), lr=6e-3)
print([round(training_step(model, optimiser, augmented, inputs, targets), 2) for _ in range(5)],
      f"ln(V) = {torch.tensor(float(len(VOCABULARY))).log():.2f}")

# %% [markdown]
# Then the same for all batches with `fit`, which also changes the learning rate and clips the gradient.

# %%
one_object_captioner = captioner.ShowAndTell(len(VOCABULARY))
fit(one_object_captioner, batches, loss=captions.caption_loss, metrics={"word accuracy": captions.word_accuracy},
    epochs=10, lr=6e-3, clip=1.0)
del single.images, batches                                                     # to save memory

# %% [markdown]
# About 78% of the words are correct. Is this good? Part of the error is unavoidable: nothing in the image shows whether
# the reference says "there is" or "I see", "small" or "little". Only generated captions show how good the model is.

# %% [markdown]
# ## Greedy decoding
#
# **Greedy decoding** repeatedly takes the most probable next word and feeds it back as the next input.
#
# ### Exercise 12.2: greedy decoding  ●●○ · 10 minutes
#
# `step(state, word)` returns the logits of the next word and the new state: for an LSTM its hidden and cell state, for a
# GRU one tensor. Pass it on as it is. Stop at `end`, which is not part of the caption, and after `longest` words in any
# case: otherwise a model may repeat "red red red" forever.

# %%
def generate(step, state, start: int, end: int, longest: int) -> list[int]:
    """Greedy decoding.   step(state, word) -> logits (V,), state"""
    ### BEGIN SOLUTION
    generated, word = [], start
    while len(generated) < longest:
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word == end:
            break
        generated.append(word)
    return generated
    ### END SOLUTION


# %%
check("12.2", generate)

# %% [markdown]
# The package's `decoding.captions` does this for a batch of images. Before you run the next cell: 78% of the words were
# correct. What fraction of the captions will be?

# %%
generated = decoding.captions(one_object_captioner, test[1].images)
show.show_pages(test[1], rows=1, columns=5, sentences=generated)
one_accuracy = metrics.caption_accuracy(generated, test[1].scenes)
held_out_captions = decoding.captions(one_object_captioner, held_out[1].images)
one_held_out = metrics.caption_accuracy(held_out_captions, held_out[1].scenes)
print(f"correct: test {one_accuracy:.1%}, held-out combinations {one_held_out:.1%}")
expect("12.one_object", one_accuracy)

# %% [markdown]
# On test pages nearly all captions are correct, although about one word in five was wrong: the wrong words were a
# matter of phrasing. On held-out combinations of kind and colour the accuracy is much lower. The cause is the shortcut
# of lesson 01: in training, the colour predicts the kind. "Going further" measures what more augmentation gains.

# %% [markdown]
# ## Two objects: one vector is a bottleneck
#
# How well does the same network describe two objects? To save time, the answer is in a stored table. Its models were
# trained with more augmentation than yours (see "Going further"). Before you run the cell, guess the caption accuracy
# of "LSTM, one vector" with two objects.

# %%
show.show_stored_table("12_captioning")

# %% [markdown]
# With one vector about 14% of the captions are correct, with attention about 80%. The word accuracies, 0.71 and 0.78, look
# much closer, but 29% wrong words are a third more than 22%. One wrong word is enough to make a caption wrong.
#
# Max pooling discards position. The vector represents that red, blue, a fish and a boat are present, but hardly which
# of the two is red, or which is on the left. (Both decoders use the same encoder, which was trained on single objects and
# then frozen. A one-vector captioner trained on two objects from end to end may do better.)

# %% [markdown]
# ## Attention before each word
#
# Xu et al. (2015, *Show, attend and tell*) keep the feature map and let the decoder attend to its positions before each
# word. This is the cross-attention of lesson 04, with the decoder's state as the query.

# %%
diagrams.attention_captioner()

# %% [markdown]
# Let $h$ be the state after the previous words and $x_i$ the features of position $i$. The decoder computes scores $s_i$,
# weights $\alpha_i$ and the **context** $c$:
#
# $$s_i = x_i^\top W h, \qquad \alpha = \operatorname{softmax}(s), \qquad c = \sum_i \alpha_i x_i$$
#
# This bilinear score is the one that Luong et al. (2015) call "general". Xu et al. use the additive score of Bahdanau et
# al. (2015) instead, $s_i = u^\top \tanh(W_x x_i + W_h h)$.

# %% [markdown]
# By hand: two positions, $x_1 = (1, 0)$, $x_2 = (0, 1)$, and $W h = (\ln 3, 0)$. The scores are $\ln 3$ and $0$, hence the
# weights $3/4$ and $1/4$, and $c = (3/4, 1/4)$.

# %% tags=["nbval-check-output"]
positions, query = torch.eye(2), torch.tensor([[3.0, 1.0]]).log()              # (P, D), (1, D)
context = nn.functional.scaled_dot_product_attention(query, positions, positions, scale=1.0)
print(f"by hand (0.75, 0.25)   PyTorch ({context[0, 0]:.2f}, {context[0, 1]:.2f})")

# %% [markdown]
# ### Exercise 12.3: one step of attention  ●●○ · 10 minutes
#
# Compute scores, weights and context for a batch of `P` positions each. Return the context and the weights. Scores can be
# large; gradients reach all three arguments.

# %%
def attend(state: Tensor, positions: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
    """The context and the attention weights.   (B, H), (B, P, D), (D, H) -> (B, D), (B, P)"""
    ### BEGIN SOLUTION
    scores = (positions @ (state @ W.T)[:, :, None]).squeeze(2)                # (B, P)
    weights = scores.softmax(dim=1)
    return (weights[:, :, None] * positions).sum(dim=1), weights
    ### END SOLUTION


# %%
check("12.3", attend)

# %% [markdown]
# ### The attention decoder
#
# One LSTM, the **attention LSTM**, reads the words; its state is the query. A second one, the **language LSTM**, reads
# the words and the context and predicts the next word (Anderson et al. 2018). As in lesson 04, $W$ is the product of
# two layers, `query` and `key`, and the scores are divided by the square root of the width. `position` adds a sinusoidal
# encoding of the location to the values, so the context contains where the attended features are.

# %%
class AttentionDecoder(nn.Module):
    def __init__(self, vocabulary_size: int, features: int = 128, width: int = 128):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.attention_lstm = nn.LSTM(width, width, batch_first=True)
        self.norm, self.query = nn.LayerNorm(width), nn.Linear(width, width)
        self.key = captioner.MemoryProjection(features, width)          # a linear layer of content and position
        self.value, self.position = nn.Linear(features, width), nn.Linear(captioner.POSITION_FEATURES, width)
        self.language_lstm = nn.LSTM(2 * width, width, batch_first=True)
        self.head = nn.Linear(2 * width, vocabulary_size)

    def forward(self, positions: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:    # (B, P, D + 2), (B, L)
        content, xy = positions[..., :-2], positions[..., -2:]
        keys = self.key(positions)                                                    # (B, P, H)
        values = self.value(content) + self.position(captioner.position_features(xy))  # (B, P, H)
        words, h = self.embedding(tokens), keys.mean(dim=1).tanh()[None]              # (B, L, H), (1, B, H)
        states, _ = self.attention_lstm(words, (h, torch.zeros_like(h)))
        scores = self.query(self.norm(states + words)) @ keys.transpose(1, 2) / keys.shape[2] ** 0.5
        weights = scores.softmax(dim=2)                                               # (B, L, P)
        context = weights @ values                                                    # (B, L, H)
        states, _ = self.language_lstm(torch.cat([words, context], dim=2))
        return self.head(torch.cat([states, context], dim=2)), weights                # (B, L, V), (B, L, P)


# %% [markdown]
# It is simpler than the papers in one respect. There, the state that serves as the query also depends on what was
# attended at the previous step, so that training needs a loop over the words. Here it reads only words, and all
# positions of a sentence attend in one pass, which is several times faster on a CPU.
#
# `ShowAttendAndTell` in the package is this decoder together with an image encoder.

# %% [markdown]
# ### Initialise it from the one-object captioner
#
# The encoder, the embedding, the language LSTM and the output layer can start from the captioner that you trained on one
# object. Only the attention starts from random initialisation. Which parts are new?

# %%
attention_captioner = captioner.ShowAttendAndTell(len(VOCABULARY), frozen=True)
new, _ = attention_captioner.load_state_dict(one_object_captioner.state_dict(), strict=False)
print("randomly initialised:", ", ".join(sorted({name.split(".")[0] for name in new})))

# %% [markdown]
# The encoder is **frozen**: its weights do not change, so the feature map of an image is computed once instead of in
# every epoch. `cached_features` stores two augmented copies of each page, mirrored with probability one half and
# shifted. A training step then costs only the decoder.

# %%
features, sentences = captions.cached_features(attention_captioner, train.images, train_captions,
                                               rounds=[(captions.mirror, captions.move)] * 2)
print(features.shape, sentences.shape)                                         # (16000, 128, 6, 6), (16000, 4, L)
del train.images                                                               # to save memory
fit(attention_captioner, captions.CaptionBatches(features, sentences, size=32), loss=captions.caption_loss,
    metrics={"word accuracy": captions.word_accuracy}, epochs=6, lr=3e-3, clip=1.0)

# %% [markdown]
# ### Evaluate it
#
# Five numbers: the fraction of captions with the correct kinds, colours and sizes, whichever object has them; with the
# correct relation between objects of the correct kinds; and with the correct meaning, where each object has its own
# attributes.

# %%
def evaluated(model: nn.Module, split: str = "test", **options) -> dict[str, float]:
    """The fraction of generated captions in which each part is correct."""
    book = {"test": test, "held-out combinations": held_out}[split][2]
    correct = metrics.meaning(decoding.captions(model, book.images, **options), book.scenes)
    return {part: correct[part].double().mean().item() for part in ("kinds", "colours", "sizes", "relation", "meaning")}


yours = {split: evaluated(attention_captioner, split) for split in ("test", "held-out combinations")}
show.compare(yours, label="fraction of correct captions")
expect("12.two_objects_from_scratch", yours["test"]["meaning"])

# %% [markdown]
# Colours and sizes are the easiest parts. Kinds are the hardest, and a wrong kind makes the relation wrong too. On
# held-out combinations nearly all captions are wrong, because the kinds are. With one object the accuracy fell less.
#
# ## Attention maps
#
# There are attention weights for every word. Here they are for one test page, before each word of its caption. Where
# do you expect them before a word such as "of"?

# %%
def attention_maps(model: nn.Module, image: Tensor) -> tuple[list[str], Tensor]:
    """The generated words and the attention map of each.   (3, S, S) -> words, (words, rows, columns)"""
    tokens = decoding.greedy(model, image[None].to(device()))[0]
    words = [token for token in tokens.tolist() if token not in (PAD, END)]
    inputs = torch.tensor([[START, *words[:-1]]], device=device())
    with torch.no_grad():
        _, weights = model.with_weights(image[None].to(device()), inputs)
    return [VOCABULARY[token] for token in words], weights[0].cpu().unflatten(1, model.grid(image))


index = 3
words, maps = attention_maps(attention_captioner, test[2].images[index])
if words:                                                                      # an empty caption has no maps
    show.show_heatmap_over(test[2].image(index, 128).expand(len(words), -1, -1, -1), maps, titles=words, columns=7)

# %% [markdown]
# No training caption comes with a region of the image; the maps were learned from captions alone. Before a kind, the
# weights concentrate on one or two positions, on the object or at its edge. Before words such as "of" and "is" they
# must lie somewhere too, since they sum to 1.
#
# Jain and Wallace (2019) found that attention weights often do not explain a prediction; Wiegreffe and Pinter (2019) reply
# that this depends on the definition of an explanation and must be tested. A direct test removes the attended region and
# observes the caption.

# %% [markdown]
# ## Exposure bias
#
# In training the decoder reads true words. At test time it reads its own words, mistakes included. Such inputs never
# occur in training. Ranzato et al. (2016) call this **exposure bias**.
#
# What does one mistake cause? Give the decoder the first object as it is, followed by the true relation or by its
# opposite. What will it describe at a position without an object?

# %%
def continue_caption(model: nn.Module, image: Tensor, beginning: str) -> str:
    """Greedy decoding after a given beginning."""
    state, generated = model.start(image[None].to(device())), []
    for word in (START, *encode(beginning)):                                   # the given words
        logits, state = model.step(state, torch.tensor([word], device=device()))
    while (word := int(logits.argmax())) != END and len(generated) < 20:       # the decoder's own words
        generated.append(word)
        logits, state = model.step(state, torch.tensor([word], device=device()))
    return f"{beginning} | {decode(generated)}"


scene = test[2].scenes[index]
first = scene.objects[0]
for relation in (scene.relation, OPPOSITE[scene.relation]):
    print(continue_caption(attention_captioner, test[2].images[index], f"a {first.size} {first.colour} {first.kind} {relation}"))

# %% [markdown]
# After the true relation the decoder describes the second object. After the opposite one, there is no object where it
# should attend, and the decoder describes one that is elsewhere, often the first object again. How large is the effect
# over all pages?
#
# Consider one word that can be verified: the kind that is named last. It is predicted once after the true words (teacher
# forcing) and once after the decoder's own words.

# %%
def last_kinds(model: nn.Module, book: PictureBook) -> tuple[float, float]:
    """How often the kind named last is correct, after the true words and after the model's own."""
    inputs, targets = captions.shift_right(captions.caption_tokens(book.sentences))
    last = torch.isin(targets, captions.KIND_WORDS).int().cumsum(dim=1).argmax(dim=1)      # its position in each row
    rows = torch.arange(len(targets))
    forced = predict(model, (book.images, inputs))[rows, last].argmax(dim=1) == targets[rows, last]
    own = []
    for sentence, scene in zip(decoding.captions(model, book.images), book.scenes, strict=True):
        named = [word for word in sentence.split() if word in KINDS]
        own.append(len(named) > 1 and named[-1] in {item.kind for item in scene.objects} - {named[0]})
    return forced.float().mean().item(), sum(own) / len(own)


forced, own = last_kinds(attention_captioner, test[2])
print(f"the kind named last is correct: {forced:.1%} after the true words, {own:.1%} after its own words")

# %% [markdown]
# Exposure bias may not explain the whole gap: after a wrong beginning there may be no correct continuation at all. In
# either case, teacher-forced scores overestimate the quality of captions. "Going further" tries a proposed remedy,
# scheduled sampling.

# %% [markdown]
# ## Beam search
#
# Greedy decoding may miss the most probable caption, because it cannot revise a word. **Beam search** keeps the `width`
# most probable beginnings instead of one. At each step every beginning is continued with every word, and the best
# `width` of all survive. A beginning that ends in `<end>` is complete and keeps its score.

# %%
diagrams.beam_search()

# %% [markdown]
# Greedy decoding takes "small" ($\ln 0.40 = -0.92$) rather than "big" ($\ln 0.35 = -1.05$). With "fish" and `<end>` it reaches
# $0.40 \cdot 0.45 \cdot 0.8 = 0.144$. A beam of width 2 keeps "big" and finds $0.35 \cdot 0.90 \cdot 0.9 = 0.284$. Sums of
# log-probabilities replace products, which would underflow.
#
# ### Exercise 12.4: one step of beam search  ●●○ · 15 minutes
#
# `scores` are the log-probabilities of the beginnings, `log_p` those of every next word after each. Return the best
# `width` scores in descending order, the index of the beginning that each continues, and its new word. All
# log-probabilities are finite.

# %%
def beam_step(scores: Tensor, log_p: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """(N,), (N, V) -> scores (width,), parents (width,), words (width,)"""
    ### BEGIN SOLUTION
    scores, position = (scores[:, None] + log_p).flatten().topk(width)
    return scores, position // log_p.shape[1], position % log_p.shape[1]
    ### END SOLUTION


# %%
check("12.4", beam_step)

# %% [markdown]
# `decoding.beam` repeats this step until all captions have ended. Four candidates for one page, with their probabilities:

# %%
candidates, scores = decoding.beam(attention_captioner, test[2].images[index:index + 1].to(device()), width=4)
for tokens, score in zip(candidates[0].cpu(), scores[0].tolist(), strict=True):
    print(f"{torch.tensor(score).exp():.3f}  {decode(tokens)}")

# %% [markdown]
# The candidates often are phrasings of the same meaning. Each has a small probability, because many captions describe the
# page. Is the most probable caption also the most accurate? Predict, then measure on all test pages.

# %%
by_width = {}
for width in (1, 2, 4):
    found = [decoding.beam(attention_captioner, part.to(device()), width) for part in test[2].images.split(250)]
    score = torch.cat([scores[:, 0] for _, scores in found]).mean().item()
    by_width[width] = [decode(tokens[0]) for part, _ in found for tokens in part.cpu()]
    mean_length = sum(len(sentence.split()) for sentence in by_width[width]) / len(by_width[width])
    print(f"width {width}: mean log-probability {score:.2f}, "
          f"correct {metrics.caption_accuracy(by_width[width], test[2].scenes):.1%}, {mean_length:.1f} words")

# %% [markdown]
# A wider beam finds more probable captions. With width 2 the accuracy hardly changes here; with width 4 it rises by
# two to three percentage points, without further training. Examples that greedy decoding gets wrong and the beam of
# width 4 gets right:

# %%
correct = {width: metrics.meaning(sentences, test[2].scenes)["meaning"] for width, sentences in by_width.items()}
for i in (~correct[1] & correct[4]).nonzero().flatten()[:3].tolist():
    print(f"greedy: {by_width[1][i]}\n  beam: {by_width[4][i]}")

# %% [markdown]
# Some cases concern a size. After "a small" greedy decoding has to continue with a small object; the beam keeps "a small"
# and "a big" until it is clear where each leads.
#
# Here the captions get longer with the width. In real captioning and translation, wide beams are not always better: very
# probable sentences tend to be short and generic. Dividing the log-probability by the number of words, as
# `length_penalty=1.0` does, is a common correction.

# %% [markdown]
# ## A Transformer captioner
#
# The decoder of Vaswani et al. (2017) has the same interface. Instead of carrying a state, each word attends to all words
# before it and then, in every block, to the positions of the image.

# %%
diagrams.transformer_captioner()

# %%
class TransformerDecoder(nn.Module):
    def __init__(self, vocabulary_size: int, features: int = 128, width: int = 128, layers: int = 2, longest: int = 64):
        super().__init__()
        self.memory_projection = captioner.MemoryProjection(features, width)
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.register_buffer("word_positions", attention.sinusoids(longest, width), persistent=False)
        self.blocks = nn.ModuleList(transformer.DecoderBlock(width, heads=4, hidden=2 * width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary_size)

    def forward(self, positions: Tensor, tokens: Tensor) -> Tensor:            # (B, P, D + 2), (B, L)
        memory = self.memory_projection(positions)                             # (B, P, H)
        x = self.embedding(tokens) + self.word_positions[:tokens.shape[1]]     # (B, L, H)
        for block in self.blocks:                                              # causal self-attention, cross-attention
            x = block(x, memory)
        return self.head(self.norm(x))                                         # (B, L, V)


print(TransformerDecoder(len(VOCABULARY))(torch.rand(5, 36, 130), torch.randint(4, 50, (5, 9))).shape)

# %% [markdown]
# Return to the stored table. Its two Transformer rows use the course's pretrained image encoder and a randomly
# initialised decoder, trained for 3 and 6 epochs. After 3 epochs it is far behind the attention LSTM on the same
# encoder, which was initialised from a one-object captioner. After 6 epochs it is about as accurate on average, but the
# seeds differ: two reach about 0.95, one only 0.68.

# %% [markdown]
# ## BLEU and meaning
#
# How is a caption evaluated without a grammar? Usually by comparison with references. The core of BLEU is a precision: the
# fraction of generated words that occur in the reference. "the the the the" would have a precision of 1 for any reference
# with "the". Papineni et al. (2002) therefore **clip** the counts: a word counts at most as often as it occurs in the
# reference.
#
# ### Exercise 12.5: clipped precision  ●●○ · 10 minutes
#
# Return the clipped precision of single words, where words are what `split()` gives. It is 0 for an empty caption.

# %%
def precision(generated: str, reference: str) -> float:
    """The fraction of generated words in the reference, each counted at most as often as it occurs there."""
    ### BEGIN SOLUTION
    words = Counter(generated.split())
    matches = (words & Counter(reference.split())).total()
    return matches / max(words.total(), 1)
    ### END SOLUTION


# %%
check("12.5", precision)

# %% [markdown]
# BLEU computes the clipped precision $p_n$ for sequences of $n = 1, 2, 3, 4$ words ($n$-grams), takes the geometric
# mean, and multiplies it by a **brevity penalty**, since short captions easily reach a high precision:
#
# $$\text{BLEU} = \text{BP} \cdot \Big(\prod_{n=1}^{4} p_n\Big)^{1/4}, \qquad \text{BP} = \min\left(1, \exp(1 - r/g)\right)$$
#
# with $g$ the number of generated words and $r$ that of the reference (of several, the one closest in length).

# %% [markdown]
# By hand, for the reference "a small red fish left of a big blue boat" with $r = 10$ words. If "left" becomes "right", the
# precisions are 9/10, 7/9, 5/8 and 3/7. The caption "a small red fish" has $p_n = 1$ for all $n$, and $g = 4$:

# %% tags=["nbval-check-output"]
reference = "a small red fish left of a big blue boat"
by_hand = {"a small red fish right of a big blue boat": (9 / 10 * 7 / 9 * 5 / 8 * 3 / 7) ** (1 / 4),
           "a small red fish": torch.tensor(1 - 10 / 4).exp().item(),
           "a large blue boat is to the right of a little red fish": 0.0}
for sentence, value in by_hand.items():
    same = parse(sentence).same_meaning(parse(reference))
    print(f"by hand {value:.2f}   torchmetrics {bleu_score([sentence], [[reference]]):.2f}   same meaning: {same!s:5}   {sentence}")

# %% [markdown]
# "right" instead of "left" makes the first caption wrong, and its BLEU is still 0.66. The last caption is correct, but
# has no three consecutive words in common with the reference, so its BLEU is 0. BLEU was made for a corpus: the counts of
# all captions are added before the precisions are computed, and a caption may match any of its four references. How far
# apart are the scores of correct and incorrect captions then?

# %%
captioned = {"another page's sentence": other_sentences, "yours, greedy": by_width[1], "yours, beam of 4": by_width[4],
             "a correct sentence": test[2].sentences}
show.compare({name: {"BLEU": bleu(sentences), "correct": metrics.caption_accuracy(sentences, test[2].scenes)}
              for name, sentences in captioned.items()}, label="score")

# %% [markdown]
# BLEU separates captions of a page from those of another page. Between good captioners it says little: your model's BLEU
# is higher than that of sentences that are all correct, because it uses the most frequent phrasings, and its beam search
# lowers BLEU while the captions get better.
#
# Other metrics address parts of this problem. **CIDEr** (Vedantam et al. 2015) weights $n$-grams by how informative
# they are (TF-IDF). **SPICE** (Anderson et al. 2016) parses captions into objects, attributes and relations, as `parse`
# does exactly. **CLIPScore** (Hessel et al. 2021) needs no reference: it is the rescaled cosine similarity of image and
# caption in CLIP's shared space, as in lesson 11.

# %% [markdown]
# ## Error analysis
#
# Which wrong captions was your model most confident about? Confidence is the mean log-probability per word.

# %%
found = [decoding.beam(attention_captioner, part.to(device()), 1, length_penalty=1.0) for part in test[2].images.split(250)]
confidence = torch.cat([scores[:, 0] for _, scores in found]).cpu()
worst = confidence.masked_fill(correct[1], float("-inf")).argsort(descending=True)[:8].tolist()
show.show_pages([test[2].scenes[i] for i in worst], rows=2, columns=4, sentences=[by_width[1][i] for i in worst])
same_colour = torch.tensor([len({item.colour for item in scene.objects}) == 1 for scene in test[2].scenes])
print(f"both objects have the same colour: {same_colour[~correct[1]].float().mean():.0%} of the wrong captions, "
      f"{same_colour.float().mean():.0%} of all pages")

# %% [markdown]
# Count the causes: a kind confused with a similar one, a size or colour bound to the wrong object, one object described
# twice. If both objects have the same colour, "a large purple" may refer to either, and the next word has to be decided by
# attention alone.

# %% [markdown]
# ## Play: draw and have it described
#
# Draw on an empty page, or paint over a page of the book. Point at a word to see the attention map before that word: bright
# regions have large weights. Below each word is its probability. What happens with a wider beam? What is the caption of an
# empty page?

# %%
show.captioning_explorer(attention_captioner)

# %% [markdown]
# No training caption says that a page is empty. The model describes something in any case: a fluent sentence is no evidence
# of an object. Rohrbach et al. (2018) measure such **object hallucination** in captions of photographs with the score CHAIR,
# the fraction of mentioned objects that are not in the image.

# %% [markdown]
# ## Debugging exercise
#
# Someone reports a score of their captioner, and it looks good. Here is the score of your attention captioner, with
# each page's own image and with the image of another page, which contains no information about the caption.

# %%
def score_captions(model: nn.Module, images: Tensor, tokens: Tensor, scenes: list) -> float:
    """How good are the captions?   images (N, 3, S, S), tokens (N, L) from <start> to <end>, scenes: the truth"""
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    predicted = predict(model, (images, inputs)).argmax(dim=-1)                # (N, L - 1)
    return ((predicted == targets) & (targets != PAD)).sum().item() / (targets != PAD).sum().item()


pages = test[2].images, captions.caption_tokens(test[2].sentences), test[2].scenes
exchanged = test[2].images.roll(1, dims=0), *pages[1:]
print(f"own images {score_captions(attention_captioner, *pages):.2f}, "
      f"images of other pages {score_captions(attention_captioner, *exchanged):.2f}")

# %% [markdown]
# ### Exercise 12.debug: evaluate generated captions  ●●○ · 10 minutes
#
# What does the model read while it is evaluated? Who provides this for a new image? Does a different phrasing count as an
# error? With the same arguments, return the fraction of generated captions whose meaning is correct.

# %%
def fixed(model: nn.Module, images: Tensor, tokens: Tensor, scenes: list) -> float:
    """The fraction of correct captions, generated from the images alone."""
    ### BEGIN SOLUTION
    return metrics.caption_accuracy(decoding.captions(model, images), scenes)
    ### END SOLUTION


# %%
check("12.debug", fixed)

# %%
try:
    print(f"own images {fixed(attention_captioner, *pages):.2f}, "
          f"images of other pages {fixed(attention_captioner, *exchanged):.2f}")
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# ## On real data: rows of handwritten digits
#
# The course includes no real images with captions. Instead, three MNIST digits form a row, and the network has to
# transcribe it: "three one four". The same two models are trained in the same two steps, first on single digits, then
# on rows. Here the encoder is not frozen. The captions give the order of the digits, but not their positions in the
# image. Test digits come from the test split.

# %%
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def rows_of(images: Tensor, labels: Tensor, count: int, digits: int = 3) -> tuple[Tensor, list[str]]:
    """Random rows of digits and their captions.   -> (count, 1, 28, 28 * digits), sentences"""
    rng = torch.Generator().manual_seed(0)
    chosen = torch.randint(len(images), (count, digits), generator=rng)
    return (torch.cat([images[column] for column in chosen.T], dim=3),
            [" ".join(DIGITS[digit] for digit in row) for row in labels[chosen].tolist()])


written = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
if all(written.values()):
    digits = {split: real.images(part.shuffle(seed=0).select(range(examples(most))))
              for (split, part), most in zip(written.items(), (12_000, 5_000), strict=True)}
    images, labels = digits["train"]
    digit_captioner = captioner.ShowAndTell(len(VOCABULARY), encoder=cnn.ImageEncoder((24, 48, 96), in_channels=1))
    names = captions.caption_tokens([DIGITS[label] for label in labels.tolist()])
    fit(digit_captioner, captions.CaptionBatches(images, names), loss=captions.caption_loss, metrics=(), epochs=3, lr=4e-3,
        clip=1.0)

# %%
if all(written.values()):
    row_captioner = captioner.ShowAttendAndTell(len(VOCABULARY), encoder=cnn.ImageEncoder((24, 48, 96), in_channels=1))
    row_captioner.load_state_dict(digit_captioner.state_dict(), strict=False)
    digit_rows, truth = rows_of(images, labels, examples(9_000))
    fit(row_captioner, captions.CaptionBatches(digit_rows, captions.caption_tokens(truth)), loss=captions.caption_loss,
        metrics=(), epochs=4, lr=2e-3, clip=1.0)
    digit_rows, truth = rows_of(*digits["test"], examples(1_000))
    generated = decoding.captions(row_captioner, digit_rows)
    accuracy = sum(a == b for a, b in zip(generated, truth, strict=True)) / len(generated)
    print(f"rows without an error: {accuracy:.1%}")
    expect("12.digits", accuracy)

# %% [markdown]
# Does the model attend to the digit that it names? Here are the maps for two rows. Then a prediction: what will it generate
# for a row of *four* digits, which never occurs in training?

# %%
if all(written.values()):
    for image in digit_rows[:2]:
        words, maps = attention_maps(row_captioner, image)
        if words:
            show.show_heatmap_over(image.expand(len(words), 3, -1, -1), maps, titles=words, columns=3)
    longer, truth = rows_of(*digits["test"], 3, digits=4)
    for sentence, generated in zip(truth, decoding.captions(row_captioner, longer), strict=True):
        print(f"{sentence:24} generated: {generated}")

# %% [markdown]
# The captions still have three words: the length was learned from the captions, not from the image. Positions are
# encoded as fractions of the width, so in a longer row the model attends to other digits than intended. Length
# generalisation is a known weakness of such models.

# %% [markdown]
# ## Where this is used
#
# Captioners describe photographs on web pages and scenes in films for blind and partially sighted people. Real images
# contain thousands of kinds of objects, five annotators may write five captions that share few words, and no grammar can
# verify a sentence. Today's captioners are pretrained on millions of images with their texts. The risk remains that a
# fluent caption describes what is not there.

# %%
quiz("12")

# %% [markdown]
# ## Open-ended questions
#
# 1. Replace the patch with the largest attention weight by background, for each kind that is named. How often does the
#    caption change? What does this tell you about attention as an explanation?
# 2. Generate captions by sampling with a temperature instead of a beam. Plot accuracy against the number of distinct
#    captions per page.
# 3. Which of CIDEr, SPICE, CLIPScore and CHAIR would notice "left" instead of "right"? Argue from their definitions.

# %% [markdown]
# ## Summary
#
# - A captioner models the next word given the image and the previous words; teacher forcing trains all positions in one pass.
# - One max-pooled vector is enough to describe one object; with two objects, attention lets the decoder assign
#   attributes to the correct object.
# - Greedy decoding and beam search generate captions from any such model.
# - Word accuracy under teacher forcing, BLEU, and the meaning of generated captions are three different measures.
# - Attention maps are learned from captions alone, and show where features come from, not why a word was chosen.
#
# Next: [13 Speech recognition](13_speech_recognition.ipynb). It also outputs a sentence, but its input is a sequence
# whose alignment with the letters is unknown.

# %% [markdown]
# ## Going further
#
# ### Augmentation for held-out combinations
#
# Your captioners lose accuracy on held-out combinations of kind and colour, because the training images permit a
# shortcut: the colour predicts the kind. A decoder can take the shortcut in two ways, since it also reads the colour
# word before it predicts the kind.
#
# `recolour`, for one object, maps each channel of 75% of the images to a random channel, and excludes colour words from
# their loss. Half of these images get colours that have no name in the vocabulary. In the other 25%, the kinds are
# excluded from the loss.

# %%
batch = next(iter(captions.CaptionBatches(test[1].images[:64], captions.sample_captions(test[1], 4)[:64])))
recoloured, _, _ = captions.recolour(*batch)
show.show_images(recoloured[:16], columns=8)

# %% [markdown]
# For two objects, `repaint` permutes the channels of an image and renames its colours accordingly, never to a held-out
# combination. Every fourth copy has `<mask>` instead of its colour words. With `masked_words`, the language LSTM always
# reads `<mask>` instead of a colour, and must take the kind from the image.
#
# All rows of the stored table were trained with these augmentations. Compare their held-out accuracies with yours,
# where only `mirror` and `move` were used:

# %%
print(f"one object, LSTM, one vector:   {one_held_out:.1%} with mirror and move, 92% in the table")
print(f"two objects, LSTM, attention:   {yours['held-out combinations']['meaning']:.1%} with mirror and move, 40% in the table")

# %% [markdown]
# The table contains means over three seeds, and its captioner of one object was trained for 16 epochs instead of 10, so
# augmentation is not the only difference. `python -m benchmarks.captions --plain` trains the same models for as many
# steps without these augmentations. Even with them, half of the accuracy on two objects or more is lost. A likely
# reason: the encoder recognises the objects, but the decoder never had to use their kind independently of their colour.

# %% [markdown]
# ### Scheduled sampling
#
# Bengio et al. (2015) propose a remedy for exposure bias. In training, the decoder sometimes reads a word drawn from
# its own prediction instead of the true one, more often as training proceeds. The target remains the true next word. The
# paper samples word by word; `sampling.ScheduledSampling` samples all words in one pass, from predictions after the true
# words (Mihaylova and Martins 2019). Two copies of your model are trained for one more short epoch, one of them with
# scheduled sampling. What do you expect?

# %%
import copy

further = {name: copy.deepcopy(attention_captioner) for name in ("teacher forcing", "scheduled sampling")}
scheduled = sampling.ScheduledSampling(further["scheduled sampling"], most=0.25)
for model, callbacks in ((further["teacher forcing"], []), (scheduled, [scheduled])):
    batches = captions.CaptionBatches(features[:8_000], sentences[:8_000], size=32)
    fit(model, batches, loss=captions.caption_loss, metrics=(), epochs=1, lr=1e-3, clip=1.0, callbacks=callbacks,
        verbose=False)
show.compare({name: evaluated(model) for name, model in further.items()}, label="fraction of correct captions")
for name, model in further.items():
    forced, own = last_kinds(model, test[2])
    print(f"{name}: the kind named last is correct {forced:.1%} after the true words, {own:.1%} after its own")

# %% [markdown]
# One run with one seed cannot decide between the two: repeated runs differ by several percentage points in either direction.
# There is also an argument against the method. If the decoder reads its own "i" instead of "there", its target is still
# "is", so it learns "i is". Huszár (2015) shows that the objective of scheduled sampling is not minimised by the true
# distribution.

# %% [markdown]
# ### The shipped captioner
#
# The course includes a captioner with the same attention decoder on the **pretrained** image encoder. It was trained with
# all augmentations, on more pages and for more than twice as many steps.

# %%
pretrained = shipped.load("captioner")
show.compare({"yours": yours["test"], "shipped": evaluated(pretrained)}, label="fraction of correct captions")
print(f"held-out combinations: yours {yours['held-out combinations']['meaning']:.1%}, "
      f"shipped {evaluated(pretrained, 'held-out combinations')['meaning']:.1%}")

# %% [markdown]
# Try it in the widget: `show.captioning_explorer(pretrained)`. The table separates the causes: two rows, "LSTM,
# attention" initialised from one object, differ only in the encoder (from scratch or pretrained).

# %% [markdown]
# **References.** Vinyals, Toshev, Bengio, Erhan 2015, *Show and tell: a neural image caption generator*,
# [arXiv:1411.4555](https://arxiv.org/abs/1411.4555). Xu et al. 2015, *Show, attend and tell: neural image caption generation
# with visual attention*, [arXiv:1502.03044](https://arxiv.org/abs/1502.03044). Bahdanau, Cho, Bengio 2015, *Neural machine
# translation by jointly learning to align and translate*, [arXiv:1409.0473](https://arxiv.org/abs/1409.0473). Luong, Pham,
# Manning 2015, *Effective approaches to attention-based neural machine translation*,
# [arXiv:1508.04025](https://arxiv.org/abs/1508.04025). Anderson et al. 2018, *Bottom-up and top-down attention for image
# captioning and visual question answering*, [arXiv:1707.07998](https://arxiv.org/abs/1707.07998): attention LSTM and
# language LSTM. Vaswani et al. 2017, *Attention is all you need*, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762).
# Ranzato, Chopra, Auli, Zaremba 2016, *Sequence level training with recurrent neural networks*,
# [arXiv:1511.06732](https://arxiv.org/abs/1511.06732): exposure bias. Bengio, Vinyals, Jaitly, Shazeer 2015, *Scheduled
# sampling for sequence prediction with recurrent neural networks*, [arXiv:1506.03099](https://arxiv.org/abs/1506.03099).
# Mihaylova, Martins 2019, *Scheduled sampling for transformers*, [arXiv:1906.07651](https://arxiv.org/abs/1906.07651).
# Huszár 2015, *How (not) to train your generative model: scheduled sampling, likelihood, adversary?*,
# [arXiv:1511.05101](https://arxiv.org/abs/1511.05101). Papineni, Roukos, Ward, Zhu 2002, *BLEU: a method for automatic
# evaluation of machine translation*, [doi:10.3115/1073083.1073135](https://doi.org/10.3115/1073083.1073135). Vedantam,
# Zitnick, Parikh 2015, *CIDEr: consensus-based image description evaluation*,
# [arXiv:1411.5726](https://arxiv.org/abs/1411.5726). Anderson, Fernando, Johnson, Gould 2016, *SPICE: semantic propositional
# image caption evaluation*, [arXiv:1607.08822](https://arxiv.org/abs/1607.08822). Hessel et al. 2021, *CLIPScore: a
# reference-free evaluation metric for image captioning*, [arXiv:2104.08718](https://arxiv.org/abs/2104.08718). Rohrbach et
# al. 2018, *Object hallucination in image captioning*, [arXiv:1809.02156](https://arxiv.org/abs/1809.02156): CHAIR. Jain,
# Wallace 2019, *Attention is not explanation*, [arXiv:1902.10186](https://arxiv.org/abs/1902.10186). Wiegreffe, Pinter 2019,
# *Attention is not not explanation*, [arXiv:1908.04626](https://arxiv.org/abs/1908.04626). LeCun, Bottou, Bengio, Haffner
# 1998, *Gradient-based learning applied to document recognition*, [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791):
# MNIST.
