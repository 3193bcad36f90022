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
# **You will build a network that takes an image, a written question and a spoken word, and answers with about 95%
# accuracy, while any two of the three inputs reach about 60% at most. You will also see which positions of the image a
# spoken word attends to, although no training label says where objects are.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [04 Attention](04_attention.ipynb),
# [08 Fusing features](08_fusion.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. derive, before any training, the best accuracy that two of three modalities can reach;
# 2. implement cross-attention, FiLM, low-rank fusion and a bottleneck layer, and state the cost of each;
# 3. recognise when one vector per modality is insufficient, and use tokens instead;
# 4. inspect attention weights across modalities, and say what they show and what they do not;
# 5. recognise features that are treated as token ids.

# %%
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, evaluate, examples, expect, fit, hint, predict, quiz, show
from mmcourse.data import audio, augment, real
from mmcourse.models import cnn, fusion, speech, transformer
from mmcourse.models.attention import attention
from mmcourse.models.question_answering import QuestionAnswerer, with_positions
from mmcourse.picturebook import scene, sentence
from mmcourse.picturebook.speech import speak, voices
from mmcourse.show import diagrams
from mmcourse.tasks.question_answering import ANSWERS, QUESTIONS, QuestionBatches, Questions
from mmcourse.tasks.strips import spoken_grounding
from mmcourse.training import cost, shipped
from mmcourse.training.device import device

begin("09")
KINDS, VOCABULARY = scene.KINDS, sentence.VOCABULARY

# %% [markdown]
# ## Look, read and listen
#
# Each example has an image with two objects, a written question, and one spoken word that names an object. Answer each
# question aloud.

# %%
names = {"train": "train", "valid": "valid", "test": "test", "held-out combinations": "held_out_pairs",
         "held-out voices": "held_out_voices", "held-out phrasings": "held_out_phrasings"}
question_sets = {split: Questions(PictureBook(name, pages=5_000 if split == "train" else 500, objects=2))
         for split, name in names.items()}
test = question_sets["test"]
four = [6, 16, 20, 27]                                                          # of four pages, six examples each
show.show_pages(torch.stack([test.book.image(test.pages[i], 128) for i in four]), rows=1, columns=4,
                sentences=[test.sentences[i] for i in four],
                alt="Four images of two objects, each with a question: " + "; ".join(
                    f"shows '{test.book.sentences[test.pages[i]]}', question '{test.sentences[i]}'" for i in four))
show.play_many([test.sound(test.spoken[i]) for i in four], titles=[f"image {n}" for n in (1, 2, 3, 4)], columns=4)

# %%
print([(test.words[test.spoken[i]], ANSWERS[test.labels[i]]) for i in four])

# %% [markdown]
# Now leave out one input at a time. Without the image there is nothing to see. Without the question you know which object
# is meant, but not which attribute. Without the voice you know the attribute, but not which of the two objects.
#
# The data are balanced: every page is combined with each of its two objects' names and with each of the three questions, six
# examples in all. Therefore the best possible accuracy can be derived by counting.

# %% [markdown]
# ## Bounds: what two of three modalities can reach
#
# **Image and question, no voice.** The two examples of a page with the same question have identical inputs, so a model
# gives both the same answer. If the two objects' labels agree, both answers can be correct; if they differ, at most
# one of two. With $p$ the fraction of pages on which the labels agree:
#
# $$\text{accuracy} \le p \cdot 1 + (1 - p) \cdot \tfrac12 = \tfrac12 + \tfrac{p}{2}$$
#
# **Image and voice, no question.** Three examples have identical inputs, and their labels belong to three different
# attributes, so at most one answer of three is correct: $\text{accuracy} \le \tfrac13$.

# %%
labels_by_page = test.labels.unflatten(0, (-1, 2, 3))                           # (pages, objects, questions)
agree = (labels_by_page[:, 0] == labels_by_page[:, 1]).float().mean(dim=0)
bound = {question: 0.5 + fraction / 2 for question, fraction in zip(QUESTIONS, agree.tolist(), strict=True)}
print("image and question, at most:", {question: f"{most:.2f}" for question, most in bound.items()},
      f"mean {sum(bound.values()) / 3:.3f}")
print(f"image and voice, at most:    {1 / 3:.3f}")

# %% [markdown]
# **Voice and question, no image.** No exact bound follows, because some answers are more frequent: which colours do boats
# have most often? A baseline counts the most frequent training answer for each object and question, and predicts it.

# %%
def object_and_question(questions: Questions) -> tuple[Tensor, Tensor]:
    """The kind of object that is meant, and the attribute asked for.   (N,), (N,)"""
    kinds = torch.tensor([KINDS.index(word) for word in questions.words])
    return kinds[questions.spoken], torch.arange(len(questions)) % len(QUESTIONS)


counts = torch.zeros(len(KINDS), len(QUESTIONS), len(ANSWERS))
train = question_sets["train"]
counts.index_put_((*object_and_question(train), train.labels), torch.ones(len(train)), accumulate=True)
most_frequent = counts[object_and_question(test)].argmax(dim=1)
print(f"voice and question, most frequent answer: {(most_frequent == test.labels).float().mean():.3f}")

# %% [markdown]
# ## The inputs of the fusion
#
# The shipped image and sound encoders compute the features. They are frozen, and were trained without the held-out
# combinations and voices. The image encoder returns its **feature maps**, before the pooling that turned them into one
# vector in lesson 08. The question's words are embedded from scratch.

# %%
image_encoder, sound_encoder = shipped.load("image_encoder").encoder, shipped.load("sound_encoder")


def encode_pages(questions: Questions) -> tuple[Tensor, Tensor]:
    """Feature maps of the pages and features of the spoken words, two per page.   (N, 128, 6, 6), (2 N, 128)"""
    with torch.no_grad():
        maps = [image_encoder.feature_maps(images.to(device())).cpu() for images in questions.book.images.split(256)]
        sound = [sound_encoder.features(sounds.to(device())).cpu() for sounds in questions.batches()]
    del questions.book.images                                                   # to save memory
    return torch.cat(maps), torch.cat(sound)


raw = {split: encode_pages(questions) for split, questions in question_sets.items()}
maps, word_features = raw["train"]
print(f"feature maps of a page {tuple(maps.shape[1:])}, a spoken word {tuple(word_features.shape[1:])}")

# %% [markdown]
# `(128, 6, 6)` means 36 positions in 6 rows, with 128 features each. As in lesson 08, subtract the mean and divide each
# modality by one scale. `with_positions`, which you will write in an exercise, turns each page into 36 tokens and appends
# two coordinates to each.

# %%
map_mean, map_scale = maps.mean(dim=(0, 2, 3), keepdim=True), maps.std(dim=(0, 2, 3)).mean()
sound_mean, sound_scale = word_features.mean(dim=0), word_features.std(dim=0).mean()
image_tokens = {split: with_positions((maps - map_mean) / map_scale, reach=3.0) for split, (maps, _) in raw.items()}
sound = {split: (word_features - sound_mean) / sound_scale for split, (_, word_features) in raw.items()}
print("tokens", tuple(image_tokens["train"].shape), "  sounds", tuple(sound["train"].shape))  # (N, 36, 130), (2 N, 128)
del raw, maps, word_features                                                            # to save memory


def batches(split: str, **options) -> QuestionBatches:
    """((B, 36, 130), (B, 128), (B, T)), labels (B,): image tokens, spoken words, the question's words."""
    return QuestionBatches(question_sets[split], image_tokens[split], sound[split], **options)

# %% [markdown]
# ## One vector per modality
#
# First use the approach of lesson 08: one vector per image, the maximum of each feature over all positions, then fusion
# of three vectors by a hidden layer or a product. A third model gets only two inputs, question and voice.
#
# How far will the hidden layer get on each of the three questions? Write down a prediction.

# %%
def max_pool(image_tokens: Tensor) -> Tensor:
    """One vector per image: the maximum of each feature over positions.   (B, 36, 130) -> (B, 128)"""
    return image_tokens[..., :128].amax(dim=1)


class VectorFusion(nn.Module):
    """Fuse one vector per modality.   (B, 36, 130), (B, 128), (B, T) -> logits (B, 14)"""

    def __init__(self, fuse: nn.Module, pool=max_pool):
        super().__init__()
        self.encode_text = nn.EmbeddingBag(len(VOCABULARY), 64, mode="mean", padding_idx=0)  # mean of word embeddings
        self.fuse, self.pool = fuse, pool
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, len(ANSWERS)))

    def forward(self, image_tokens: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        vectors = {"image": self.pool(image_tokens), "sound": sound, "text": self.encode_text(tokens)}
        return self.head(self.fuse({name: vectors[name] for name in self.fuse.sizes}))


# %% [markdown]
# All models of this lesson are trained in the same way, and evaluated for each question separately.

# %%
def trained(model: nn.Module, **options) -> nn.Module:
    fit(model, batches("train", size=128), epochs=4, lr=5e-3, verbose=False, **options)
    return model


def score(model: nn.Module, split: str = "test") -> float:
    return evaluate(model, batches(split, size=500, shuffle=False))["accuracy"]


def answers(model: nn.Module, split: str = "test") -> Tensor:
    """The predicted answers.   (pages, objects, questions)"""
    q = question_sets[split]
    logits = predict(model, (image_tokens[split][q.pages], sound[split][q.spoken], q.tokens))
    return logits.argmax(dim=1).unflatten(0, (-1, 2, 3))


def is_correct(model: nn.Module, split: str = "test") -> Tensor:
    return answers(model, split) == question_sets[split].labels.unflatten(0, (-1, 2, 3))


def by_question(models: dict[str, nn.Module]) -> dict[str, dict[str, float]]:
    return {name: dict(zip(QUESTIONS, is_correct(model).float().mean(dim=(0, 1)).tolist(), strict=True))
            for name, model in models.items()}


# %%
sizes = {"image": 128, "sound": 128, "text": 64}
pooled = {"no image": VectorFusion(fusion.Concatenation({"sound": 128, "text": 64}, 128, hidden=128)),
          "hidden layer": VectorFusion(fusion.Concatenation(sizes, 128, hidden=128)),
          "product": VectorFusion(fusion.Product(sizes, 128))}
overall = {name: score(trained(model)) for name, model in pooled.items()}
show.compare({"bound without voice": bound, **by_question(pooled)})
print({name: round(accuracy, 3) for name, accuracy in overall.items()})

# %% [markdown]
# On average, the fused vectors are only slightly better than the bound without voice. Colours and sizes are answered above
# the bound, so the voice helps. *Position* stays below: the maximum over positions discards **where** anything is.
# It also discards **what belongs together**: something is blue, something is small, there are a boat and a fish, but which
# of them is blue?

# %% [markdown]
# The remedy is to fuse **before** pooling, with the same weights for every position: keep the 36 tokens, and let the
# spoken word select among them. (Are richer interactions between the pooled vectors an alternative? "Going further" tries
# low-rank tensor fusion, with little gain.)
#
# ## Positions as tokens
#
# A word is a token with a position; so is a cell of the feature maps. A mean over cells ignores coordinates, as attention
# ignores word order, so each cell gets its coordinates as two additional features.
#
# ### Exercise 09.2: tokens with coordinates  ●○○ · 10 minutes
#
# Row by row, `x` before `y`, from -1 at the left and top to 1. Maps may have any size, including a single row or
# column, whose coordinate may be any finite number. Gradients must reach the maps.

# %%
def add_positions(maps: Tensor) -> Tensor:
    """Each position as a token, its x and y at the end.   (B, C, H, W) -> (B, H * W, C + 2)"""
    ### BEGIN SOLUTION
    B, C, H, W = maps.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    coordinates = torch.stack([x, y]).to(maps).expand(B, 2, H, W)
    return torch.cat([maps, coordinates], dim=1).flatten(2).transpose(1, 2)
    ### END SOLUTION


# %%
check("09.2", add_positions)

# %% [markdown]
# The package's `with_positions` does the same. Above it was called with `reach=3.0`: coordinates from -3 to 3, so that
# two numbers are not negligible compared with 128 others.
#
# ## Cross-attention by hand
#
# In lesson 04 the words of a sentence attended to one another. In **cross-attention** the queries come from one sequence,
# keys and values from another (Vaswani et al. 2017 connect their decoder to their encoder this way). Here the sequences
# belong to different modalities.

# %%
diagrams.cross_attention()

# %% [markdown]
# The two modalities may differ in width, since each has linear layers of its own. $A$ are the tokens that compute queries,
# $P$ the tokens that are attended to, $d$ the width of queries and keys:
#
# $$\text{weights} = \text{softmax}\!\left(\frac{(A\, W_q^\top)(P\, W_k^\top)^\top}{\sqrt d}\right) \qquad \text{output} = \text{weights} \cdot P\, W_v^\top$$
#
# In this lesson $A$ is a single token, the spoken word, and $P$ are the positions of the image.

# %% tags=["nbval-check-output"]
word, positions = torch.tensor([[1.0, 0, 2]]), torch.tensor([[1.0, 0], [0, 1], [1, 1]])  # (1, 3), (3 positions, 2)
W_q, W_k, W_v = torch.tensor([[2.0, 0, 0], [0, 0, 1]]), torch.eye(2), torch.tensor([[10.0, 20]])
queries, keys, values = word @ W_q.T, positions @ W_k.T, positions @ W_v.T              # (1, 2), (3, 2), (3, 1)
scores = queries @ keys.T / 2**0.5                                                      # (1, 3): 1.41, 1.41, 2.83
weights = scores.softmax(dim=-1)
print("weights", [round(w, 3) for w in weights[0].tolist()], "  output", round((weights @ values).item(), 3),
      "  package", round(attention(queries, keys, values)[0].item(), 3))

# %% [markdown]
# The query matches the third position best, which has both features. Its value, 30, therefore gets most of the weight;
# the values 10 and 20 get the rest.
#
# ### Exercise 09.3: cross-attention  ●●○ · 15 minutes
#
# Return the output and the weights: you will plot them later. Scores can be large, in the hundreds. Gradients of the
# output must reach all five arguments.

# %%
def cross_attention(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> tuple[Tensor, Tensor]:
    """One modality attends to another.   -> output (B, T_q, D), weights (B, T_q, T_k)

    query_tokens: A (B, T_q, D_A), other: P (B, T_k, D_P), W_q (d, D_A), W_k (d, D_P), W_v (D, D_P)
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
# The word has selected positions. The question now determines which of their features matter: colour, size or position. Perez
# et al. (2018) let the encoded question $c$ **scale and shift** each feature (feature-wise linear modulation, FiLM):
#
# $$\text{FiLM}(F) = (1 + \gamma) \odot F + \beta, \qquad \gamma = W_\gamma\, c + b_\gamma, \quad \beta = W_\beta\, c + b_\beta$$
#
# With $\gamma = -1$ a feature is switched off, with $\gamma = -2$ its sign is reversed. With all weights 0, FiLM is the
# identity, a good initialisation. (The paper writes $\gamma \odot F + \beta$ and predicts $\gamma - 1$.)

# %%
diagrams.film()

# %% [markdown]
# ### Exercise 09.4: FiLM  ●○○ · 10 minutes
#
# Each example has one condition, which modulates all of its tokens in the same way. The first half of `W` computes
# $\gamma$, the second $\beta$. Leave the arguments as they are; gradients must reach all four.

# %%
def film(features: Tensor, condition: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Scale and shift features by a condition.   (B, T, D), (B, C), W (2D, C), b (2D,) -> (B, T, D)"""
    ### BEGIN SOLUTION
    gamma, beta = (condition @ W.T + b).chunk(2, dim=1)                     # (B, D) each
    return (1 + gamma[:, None]) * features + beta[:, None]
    ### END SOLUTION


# %%
check("09.4", film)

# %% [markdown]
# ## The whole model
#
# The network follows the structure of the task: **the spoken word attends to positions, the question modulates the
# attended features, a hidden layer predicts the answer.** Queries and keys are computed by a small network each. As in lesson
# 04, several heads attend in parallel, each with its own part of the vector. How many are needed?

# %%
diagrams.cross_attention_model()

# %%
class QuestionAnswererByHand(nn.Module):
    """(B, 36, 130) positions, (B, 128) spoken word, (B, T) question -> logits (B, 14)"""

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
        def split(x: Tensor) -> Tensor:                                                 # (B, 36, D) -> (B, heads, 36, D / heads)
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        queries, keys, values = split(self.query(sound)[:, None]), split(self.key(positions)), split(self.value(positions))
        output, weights = attention(queries, keys, values)                              # (B, heads, 1, .), (B, heads, 1, 36)
        return output.flatten(1), weights[:, :, 0]

    def forward(self, positions: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        attended, _ = self.attend(positions, sound)
        return self.head(self.film({"image": attended, "text": self.encode_text(tokens)}))


# %% [markdown]
# With the same weights, the package's `QuestionAnswerer` gives the same outputs. (`fusion.FiLM` projects its input with
# a linear layer first.) Train it like all models above, with one head and with four; predict the difference for each
# kind of question.

# %%
by_hand, package = QuestionAnswererByHand(heads=4), QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=4)
by_hand.load_state_dict(package.state_dict())
inputs = next(iter(batches("valid", size=5)))[:3]
print(f"largest difference {(by_hand.to(device())(*inputs) - package.to(device())(*inputs)).abs().max():.0e}")
one_head = trained(QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=1))
answerer = QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=4)
history = fit(answerer, batches("train", size=128), valid=batches("valid", size=500, shuffle=False), epochs=4, lr=5e-3)

# %%
show.compare(by_question({"hidden layer": pooled["hidden layer"], "one head": one_head, "four heads": answerer}))

# %% [markdown]
# Colours and sizes need only one head: find the object and read its features. *Position* involves both objects, since
# "left" means left of the other one. What do the heads attend to? No label told them where anything is.
#
# ## Which positions get the attention?
#
# Two pages with two words each: the weights of all four heads, plotted over the image. Each map has its own colour
# scale: yellow is its largest weight, however small that is.

# %%
def attention_of(model: nn.Module, split: str = "test") -> Tensor:
    """The weights for every word of every page.   (pages, objects, heads, 36)"""
    with torch.no_grad():
        pages = image_tokens[split].repeat_interleave(2, dim=0)                                 # one for each word
        return model.attend(pages.to(device()), sound[split].to(device()))[1].cpu().unflatten(0, (-1, 2))


weights = attention_of(answerer)
show.show_heatmap_over(torch.stack([test.book.image(page, 128) for page in (1, 2) for _ in range(8)]),
                       weights[1:3].flatten(0, 2).unflatten(1, (6, 6)), columns=4,
                       titles=[f"'{word}', head {head}" for word in test.words[2:6] for head in (1, 2, 3, 4)])

# %% [markdown]
# As numbers: what fraction of a head's weight lies on the named object, and what fraction on the other one? A position
# belongs to the object whose boundary is closer, if that is within half a cell. The last row, for comparison, is uniform
# attention over all 36 positions.

# %%
def on_objects(split: str) -> Tensor:
    """Which positions belong to each object of a page.   (pages, objects, 36) bool"""
    cells = (torch.arange(6) + 0.5) / 6
    grid = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1).flatten(0, 1)       # (36, 2): x, y
    circles = [[(item.x, item.y, item.radius) for item in page.objects] for page in question_sets[split].book.scenes]
    objects = torch.tensor(circles)                                                             # (pages, objects, 3)
    distance = (grid - objects[:, :, None, :2]).norm(dim=-1) - objects[:, :, None, 2]           # (pages, objects, 36)
    return (distance == distance.amin(dim=1, keepdim=True)) & (distance < 1 / 12)


def attention_fractions(weights: Tensor, split: str = "test") -> dict[str, float]:
    """The mean fractions of a head's weights (pages, objects, 36) on each object and elsewhere."""
    on = on_objects(split)
    named, other = ((weights * part).sum(dim=-1).mean().item() for part in (on, on.flip(1)))
    return {"named object": named, "other object": other, "elsewhere": 1 - named - other}


# %%
on_valid = [attention_fractions(head, "valid")["named object"] for head in attention_of(answerer, "valid").unbind(dim=2)]
best = on_valid.index(max(on_valid))                                            # selected on the validation split
focused = [head for head in range(4) if on_valid[head] > 0.5]
rows = {f"head {head + 1}": attention_fractions(weights[:, :, head]) for head in range(4)}
rows |= {"the model with one head": attention_fractions(attention_of(one_head)[:, :, 0]),
         "uniform": attention_fractions(torch.full_like(weights[:, :, 0], 1 / 36))}
show.compare(rows, label="fraction of the weight")
expect("09.attention", attention_fractions(weights[:, :, best])["named object"])

# %% [markdown]
# We call a head *focused* if most of its weight lies on the named object. The others are *diffuse*: they divide their
# weight about equally between both objects, and a large part lies elsewhere. Which heads are focused varies between
# runs. The largest weight is often at an object's edge, probably because the receptive field of a position is larger
# than its cell.
#
# With a single head, the random seed decides how focused it becomes. If it is focused, its output hardly depends on
# where the other object is; if diffuse, it also covers the other object. Its accuracy varies between seeds (see the
# table in "Going further").

# %% [markdown]
# The training labels were answers such as "blue" and "left", nothing else. (The encoders had learned to distinguish
# objects, and words, separately.) Which sound belongs to which shape had to be inferred, for fourteen kinds. Harwath et
# al. (2018) do this with photographs: trained on images with spoken captions, without text or bounding boxes, their
# network localises the named objects.

# %% [markdown]
# ## Any two modalities
#
# Now verify the promise at the top: train the same model with one of its inputs replaced by zeros, in training and in
# the test. Compare with the bounds derived at the beginning.

# %%
class Without(nn.Module):
    """The same model with one input set to zero: 0 the image, 1 the voice, 2 the question."""

    def __init__(self, removed: int):
        super().__init__()
        self.answerer, self.removed = QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=4), removed

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.answerer(*(torch.zeros_like(x) if i == self.removed else x for i, x in enumerate(inputs)))


splits = ("test", "held-out combinations", "held-out voices", "held-out phrasings")
two = {name: trained(Without(removed)) for removed, name in enumerate(("no image", "no voice", "no question"))}
table = {name: {split: score(model, split) for split in splits} for name, model in {**two, "all three": answerer}.items()}
show.compare(table)

# %%
expect("09.any_two", max(table[name]["test"] for name in two))
expect("09.test_pages", table["all three"]["test"])
expect("09.held_out_pairs", table["all three"]["held-out combinations"])
expect("09.held_out_voices", table["all three"]["held-out voices"])

# %% [markdown]
# No two modalities exceed the bounds of 60% and 33% on test pages (the bounds of the other splits differ by about one
# point). Without the image about 30% remain, as for the most frequent answer. All three together reach about 95%, and
# the same in held-out voices.
#
# Held-out combinations of kind and colour cost about ten points. By question:

# %%
for split in ("test", "held-out combinations"):
    correct, named = is_correct(answerer, split).float().mean(dim=(0, 1)), attention_of(answerer, split)[:, :, best]
    print(f"{split:22}", {question: f"{value:.2f}" for question, value in zip(QUESTIONS, correct.tolist(), strict=True)},
          f"weight on the named object {attention_fractions(named, split)['named object']:.2f}")

# %% [markdown]
# All three questions lose accuracy, *position* included, although it does not involve colour. The image encoder
# recognises the objects of these combinations less well, as in lesson 01. The named object is harder to find, and less
# weight lies on it.
#
# What about held-out phrasings? Three questions never occur in training: "what is the colour of it", "what is the size
# of it", and "what is it on, left or right, above or below". Which of them will fail?

# %%
new_answers = answers(answerer, "held-out phrasings")
for i, phrasings in enumerate(QUESTIONS.values()):
    fraction = is_correct(answerer, "held-out phrasings")[..., i].float().mean()
    frequent = [ANSWERS[answer] for answer in new_answers[..., i].flatten().bincount().argsort(descending=True)[:2].tolist()]
    print(f"{fraction:.2f}   {phrasings[-1]}?   most frequent answers: {', '.join(frequent)}")
print("words of training questions:", sorted({word for text in question_sets["train"].sentences for word in text.split()}))

# %% [markdown]
# "colour" and "size" occurred in training, and a mean of word embeddings tolerates a few unknown words. The embeddings
# of "of", "left", "right", "above" and "below" are still random: no training question contains them. The third question
# does contain "or", and in training "or" occurred only in "is this thing big or small". The model therefore answers
# with a size. A text encoder trained from scratch on two phrasings per question cannot do better; pretraining (lesson
# 05) would help.

# %% [markdown]
# ## Error analysis
#
# An answer can be wrong in two ways. Either the model attended to the wrong object and described that one, or it
# attended to the correct object and misread it. Two quantities distinguish the cases: is the answer true of the *other*
# object, and how much weight lay on the named object?

# %%
correct, truth = is_correct(answerer), test.labels.unflatten(0, (-1, 2, 3))
predicted = answers(answerer)
of_other_object = (predicted == truth.flip(1)) & ~correct
on_named = (weights[:, :, best] * on_objects("test")).sum(dim=-1)               # (pages, objects)
for i, question in enumerate(QUESTIONS):
    wrong = ~correct[..., i]
    print(f"{question:8} {wrong.sum():3} errors, {of_other_object[..., i].sum():3} of them true of the other object;   "
          f"weight on the named object: correct {on_named[~wrong].mean():.2f}, errors {on_named[wrong].mean():.2f}")
same_label = (truth[:, 0] == truth[:, 1])[:, None].expand(-1, 2, -1)            # both objects have the same answer
print(f"size errors: same size {(~correct[..., 1])[same_label[..., 1]].float().mean():.3f}, "
      f"different sizes {(~correct[..., 1])[~same_label[..., 1]].float().mean():.3f}")

# %%
logits = predict(answerer, (image_tokens["test"][test.pages], sound["test"][test.spoken], test.tokens))
most_confident = logits.softmax(dim=1).amax(dim=1).masked_fill(correct.flatten(), 0).argsort(descending=True)[:8].tolist()
show.show_pages(torch.stack([test.book.image(test.pages[i], 128) for i in most_confident]), rows=2, columns=4,
                sentences=[f"'{test.words[test.spoken[i]]}', {test.question_types[i]}: {ANSWERS[predicted.flatten()[i]]}, "
                           f"not {ANSWERS[test.labels[i]]}" for i in most_confident])

# %% [markdown]
# Colour errors are errors of attention: most wrong colours are true of the other object, and much less weight lay on
# the named one. Some pages occur twice among the most confident mistakes: the word was matched to the other object, so
# the answers to several questions are wrong.

# %% [markdown]
# Size errors are different. They are much more frequent where the two sizes differ, although most of the weight lies on
# the named object. Features of the other object probably leak in, since the receptive field of a position is larger
# than its cell. Position errors are of both types. The overall accuracy would reveal none of this.
#
# ## Play: attention word by word
#
# Choose a page and point at a word of its sentence: the model gets it in a held-out voice, and you see where the word
# attends. Then write a question and watch the answer change word by word. The model was trained on names of objects
# only. What will it do for "red", "above" or "a"?

# %%
voice = voices("held_out")[0]


def sound_features(sounds: list[Tensor]) -> Tensor:
    """The model's input for some sounds.   -> (B, 128)"""
    with torch.no_grad():
        return (sound_encoder.features(audio.collate(sounds).to(device())).cpu() - sound_mean) / sound_scale


explorer = show.question_answering_explorer(
    answerer, images=[test.book.image(i, 216) for i in range(6)], positions=image_tokens["test"][:6],
    sentences=test.book.sentences[:6], speak=lambda word: speak(word, voice), encode_sound=sound_features, classes=ANSWERS,
    questions=[phrasing for phrasings in QUESTIONS.values() for phrasing in phrasings])
explorer.word = explorer.words.index(test.words[0])                             # begin with an object
explorer

# %% [markdown]
# Every word yields some attention map: the weights sum to 1, and there is no option "nowhere". A map is therefore no
# evidence that a model learned what a word means. Compare it with maps for words that the model was not trained on.
#
# ## Debugging exercise
#
# A colleague has a text model and adds images and sounds to it. Words go through an `nn.Embedding`, so everything goes
# through it. An embedding needs integers, and `.long()` provides them. The model runs, and its loss falls, since the question
# is still encoded.

# %%
class Buggy(nn.Module):
    """One vector per modality.   image (B, image), sound (B, sound), tokens (B, T) -> logits (B, n_classes)"""

    def __init__(self, n_classes: int, vocabulary_size: int, image: int, sound: int, width: int = 64):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(3 * width, 128), nn.ReLU(), nn.Linear(128, n_classes))

    def encode_image(self, image: Tensor) -> Tensor:
        return self.encode_text(image.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_sound(self, sound: Tensor) -> Tensor:
        return self.encode_text(sound.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_text(self, tokens: Tensor) -> Tensor:
        real = (tokens != 0)[..., None]                                                 # (B, T, 1)
        return (self.embedding(tokens) * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def forward(self, image: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        return self.head(torch.cat([self.encode_image(image), self.encode_sound(sound), self.encode_text(tokens)], dim=1))


# %%
class Pooled(nn.Module):
    """Gives the model one vector per image: the maximum of each feature."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, image_tokens: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        return self.model(max_pool(image_tokens), sound, tokens)


buggy = Buggy(len(ANSWERS), len(VOCABULARY), image=128, sound=128)
print(f"the buggy model {score(trained(Pooled(buggy))):.2f}, a correct hidden layer {overall['hidden layer']:.2f}, "
      f"no image at all {overall['no image']:.2f}")

# %% [markdown]
# How can you find the bug? Look at the values that reach the model, and ask whether the inputs receive a gradient.

# %%
shown, word, question = next(iter(batches("valid", size=64)))[:3]
image, word = (x.cpu().clone().requires_grad_() for x in (max_pool(shown), word))
for name, x in (("image", image), ("sound", word)):
    print(f"{name:8}", [round(value, 1) for value in x[0, :10].tolist()], "becomes", x[0, :10].long().clamp(0).tolist())
logits = buggy.cpu()(image, word, question.cpu())
gradients = torch.autograd.grad(logits.sum(), (image, word), allow_unused=True)
print("gradients", dict(zip(("image", "sound"), gradients, strict=True)))

# %% [markdown]
# Every number below 1 becomes 0, which is padding; that is most of the sound. The image's maxima become 1, 2, 3 and
# more, and each now selects a row of the embedding. Which feature had the value is lost, since an embedding looks up
# the value and ignores the index. Row 2 is not closer to row 3 than to row 90: **token ids are categories, features are
# quantities.** The gradient `None` means that no encoder in front of this model could ever be trained.
#
# ### Exercise 09.debug: fix the model  ●●○ · 15 minutes
#
# Token ids are looked up; features are multiplied by weights, negative ones too. Create additional layers in
# `__init__`, after `super().__init__(...)`, each under its own name. Each outputs `width` features.

# %%
class Fixed(Buggy):
    """The same model, with features as quantities."""

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
    print(f"the fixed model: {score(trained(Pooled(Fixed(len(ANSWERS), len(VOCABULARY), image=128, sound=128)))):.2f}")
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# ## On real data: where is the spoken digit?
#
# The data are three handwritten digits in a row (MNIST) and a recording of one of them (the Free Spoken Digit Dataset):
# left, middle or right? The fusion network is trained on the position alone; no label names the digits of a strip. Two
# of six speakers are held out, three times, and test digits come from the test split. As in lesson 08, image and
# recording are paired **by label**.

# %% [markdown]
# First, an image encoder trained on single digits. On a strip three times as wide as a digit, its feature maps have 11
# columns. A window of 4 columns is as wide as a digit; the maximum of each feature within it is what the encoder would
# compute there. Eight such windows, from left to right, are the tokens.

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
    fit(digit_classifier, shifted, epochs=2, lr=1e-2)
    digit_features = predict(digit_classifier.encoder, written["train"][0])                             # (12000, 96)
    digit_mean, digit_scale = digit_features.mean(dim=0)[:, None, None], digit_features.std(dim=0).mean()


def windows_of(strips: Tensor) -> Tensor:
    """Eight windows of a strip of three digits, from left to right.   (N, 1, 28, 84) -> (N, 8, 98)"""
    maps = predict(digit_classifier.encoder.blocks, strips - 0.5)                                       # (N, 96, 3, 11)
    pooled = F.max_pool2d(maps, (maps.shape[2], 4), stride=1)                                           # (N, 96, 1, 8)
    return with_positions((pooled - digit_mean) / digit_scale, reach=3.0)


# %% [markdown]
# Then, for each pair of held-out speakers, a sound encoder trained on the other four, and strips with a spoken digit each.

# %%
def classifier_without(held_out: Tensor) -> tuple[Tensor, Tensor]:
    """A network trained without the held-out recordings: features (2700, 128), predicted digits (2700,)."""
    log_mel = audio.LogMel(rate=8_000).fit(spoken[~held_out][::5])
    mels = torch.cat([log_mel(part) for part in spoken.split(300)])                                     # (2700, 40, 76)
    classifier = speech.SpeechClassifier(10)
    batches = Batches(mels[~held_out], digits[~held_out],
                      transform=lambda batch: augment.spec_augment(augment.shift_bands(batch)))
    fit(classifier, batches, epochs=6, lr=5e-3, verbose=False)
    features = predict(classifier.encoder, mels)
    scaled = (features - features[~held_out].mean(dim=0)) / features[~held_out].std(dim=0).mean()
    return scaled, predict(classifier, mels).argmax(dim=1)


def strips_and_words(split: str, selected: Tensor, count: int) -> tuple[Tensor, ...]:
    """Strips (N, 1, 28, 84), their digits' indices in the split (N, 3), recordings (N,), positions of the spoken digit (N,)."""
    images, labels = written[split]
    triples, chosen, position = spoken_grounding(labels, digits[selected], count)
    recording_index = selected.nonzero()[:, 0][chosen]
    return torch.cat([images[column] for column in triples.T], dim=3), triples, recording_index, position


# %% [markdown]
# Train cross-attention on both, without a question. For comparison, use a logical rule: the classifiers predict all
# digits, and the rule selects the image whose predicted digit equals that of the recording. Which will win?

# %%
def trained_on_strips(strips: Tensor, spoken_words: Tensor, position: Tensor) -> nn.Module:
    """A cross-attention model without a question.   strips (N, 1, 28, 84), spoken_words (N, 128), position (N,)"""
    model = QuestionAnswerer(3, vocabulary_size=1, image_width=98, heads=4)
    no_question = torch.zeros(len(strips), 1, dtype=torch.int64)
    fit(model, Batches(windows_of(strips), spoken_words, no_question, position), epochs=6, lr=2e-3, verbose=False)
    return model


# %%
if have_data:
    speaker_names, accuracies = sorted(set(speakers)), {"cross-attention": [], "compare predicted digits": []}
    image_predictions = predict(digit_classifier, written["test"][0]).argmax(dim=1)
    for held in (speaker_names[:2], speaker_names[2:4], speaker_names[4:]):
        held_out = torch.tensor([speaker in held for speaker in speakers])
        speech_features, sound_predictions = classifier_without(held_out)
        strips, _, chosen, position = strips_and_words("train", ~held_out, examples(6_000))
        model = trained_on_strips(strips, speech_features[chosen], position)
        strips, triples, chosen, position = strips_and_words("test", held_out, examples(1_500))
        no_question = torch.zeros(len(strips), 1, dtype=torch.int64)
        predicted = predict(model, (windows_of(strips), speech_features[chosen], no_question)).argmax(dim=1)
        accuracies["cross-attention"].append((predicted == position).float().mean().item())
        matches = image_predictions[triples] == sound_predictions[chosen][:, None]              # (N, 3)
        rule = matches.float().argmax(dim=1)                                                    # the first where none matches
        accuracies["compare predicted digits"].append((rule == position).float().mean().item())
    show.bar_with_range(accuracies, chance=1 / 3)
    expect("09.digit", sum(accuracies["cross-attention"]) / 3)

# %% [markdown]
# Cross-attention is about as good as the rule. A caveat: both encoders were trained on labelled digits, so most of the
# work was done before. From "left", "middle" and "right" the network learned only which image matches which sound. The
# attention weights, averaged over four heads, for the last two speakers:

# %%
if have_data:
    with torch.no_grad():
        _, digit_weights = model.attend(windows_of(strips[:6]).to(device()), speech_features[chosen[:6]].to(device()))
    show.show_heatmap_over(strips[:6].expand(-1, 3, -1, -1), digit_weights.cpu().mean(dim=1, keepdim=True), columns=3,
                           titles=[f"'{digits[i]}': {('left', 'middle', 'right')[answer]}{' (wrong)' * (answer != true)}"
                                   for i, answer, true in zip(chosen[:6], predicted[:6].tolist(), position[:6].tolist(), strict=True)])

# %% [markdown]
# The largest weight often does not lie on the spoken digit: to conclude that the digit is at one end, attending to the
# other two suffices. Do not take an attention map for an explanation of the answer.

# %% [markdown]
# **Where these methods are used: visual question answering.** A blind person takes a photograph and asks aloud what is
# written on the tin; Gurari et al. (2018) collected 31,000 such questions. Both the image and the spoken question are needed.
#
# What this synthetic task leaves out: blurred and badly framed photographs, the many questions whose answer is not in
# the image, speech of more than one word, and encoders that are trained jointly with the fusion.

# %%
quiz("09")

# %% [markdown]
# ## Open-ended questions
#
# 1. Derive the bound for a task with three objects per page and the same three questions. Which pair of modalities would
#    be best then?
# 2. Replace FiLM by a concatenation of attended features and encoded question. Predict the change for each question, then
#    train it.
# 3. How could you test whether the model would still answer if the named object were absent? What *should* it answer?

# %% [markdown]
# ## Summary
#
# - For a balanced task, the best possible accuracy without the voice or without the question can be derived by
#   counting.
# - Pooling to one vector per modality discards where things are and what belongs together.
# - Cross-attention selects positions, FiLM modulates their features: about 95% accuracy.
# - Attention weights show where a model attends; whether it uses what it finds must be tested.
# - Token ids are categories and are looked up; features are quantities and are multiplied.
#
# Next: [10 Missing modalities](10_missing_modalities.ipynb). What happens to such a model when the microphone fails?

# %% [markdown]
# ## Going further
#
# ### Low-rank tensor fusion
#
# A product fuses the $i$-th feature of each modality with the $i$-th of the others. The **outer product** of vectors $x$, $y$
# and $t$ contains all combinations, and a linear layer on top has a weight for each:
#
# $$o_k = \sum_{i, j, l} W_{kijl}\; x_i\, y_j\, t_l$$

# %%
full = 128 * 128 * 64
print(f"{full:,} products per example, {128 * full:,} weights for 128 outputs")

# %% [markdown]
# That is half a gigabyte of weights for a single layer. Zadeh et al. (2017) fused three short vectors this way, each
# extended by a constant 1, so that single modalities and pairs occur among the products as well. Liu et al. (2018)
# avoid the tensor: let $W_k$ be a sum of $R$ outer products, $W_k = \sum_r u_{rk} \otimes v_{rk} \otimes w_{rk}$. The
# triple sum then factorises:
#
# $$o_k = \sum_{r=1}^{R} (u_{rk} \cdot x)\,(v_{rk} \cdot y)\,(w_{rk} \cdot t)$$

# %%
diagrams.low_rank_fusion()

# %% [markdown]
# By hand, for two modalities, one output and rank 2: $x = (1, 2)$, $y = (3, 1)$, $W$ the identity. The outer product is
# $\begin{pmatrix} 3 & 1 \\ 6 & 2 \end{pmatrix}$, and $W$ sums its diagonal, $3 + 2 = 5$. By factors: $(1 \cdot 3) + (2 \cdot
# 1) = 5$.
#
# ### Exercise 09.1: low-rank fusion  ●●○ · 10 minutes
#
# For any number of modalities and any batch size; gradients must reach features and factors. `factors[m]` contains, for
# each of `R` ranks, a matrix `(K, D_m)` of modality `m`. `torch.einsum("bd,rkd->brk", x, factor)` sums over the
# repeated letter `d`, and keeps `b`, `r` and `k`.

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
# Compare it with the full tensor, at sizes where that fits.

# %%
x, y, t = (torch.randn(5, d) for d in (4, 6, 3))
u, v, w = (torch.randn(2, 7, d) for d in (4, 6, 3))                             # rank 2, 7 outputs
W = torch.einsum("rki,rkj,rkl->kijl", u, v, w)                                  # (7, 4, 6, 3)
by_tensor = torch.einsum("kijl,bi,bj,bl->bk", W, x, y, t)
factors = [torch.einsum("bd,rkd->brk", features, factor) for features, factor in ((x, u), (y, v), (t, w))]
by_factors = (factors[0] * factors[1] * factors[2]).sum(dim=1)                  # (5, 7)
print(f"largest difference {(by_tensor - by_factors).abs().max():.0e}, "
      f"weights {W.numel()} and {u.numel() + v.numel() + w.numel()}")

# %% [markdown]
# The package's `LowRank` adds a bias to each factor, equivalent to the constant 1. Are the pooled models limited by their
# products, or by the pooled vectors? For comparison, one model gets all 36 positions concatenated, one vector of 4,680
# numbers.

# %%
low_rank_models = {f"low rank, R = {rank}": VectorFusion(fusion.LowRank(sizes, 128, rank=rank)) for rank in (1, 8)}
low_rank_models["low rank, R = 2, positions concatenated"] = VectorFusion(
    fusion.LowRank({**sizes, "image": 36 * 130}, 128, rank=2), pool=lambda image_tokens: image_tokens.flatten(1))
for name, model in low_rank_models.items():
    trained(model)
    count = sum(p.numel() for p in model.fuse.parameters())
    print(f"{name:40} {score(model):.3f}   held-out combinations {score(model, 'held-out combinations'):.3f}   {count:9,} weights")
show.compare(by_question(low_rank_models))

# %% [markdown]
# A higher rank gains almost nothing on pooled vectors. The same products on concatenated positions gain about ten
# points on average. *Position* gains more than forty, since pooling had discarded where things are; *colour* loses
# some. Concatenation, however, has separate weights for every position, so what it learns about boats on the left must
# be learned again for boats on the right. Cross-attention shares its weights over positions.

# %% [markdown]
# ### Ablation: uniform heads
#
# A map of weights shows where a model attended. Whether it *used* what it found can be tested: replace the weights of
# some heads by uniform ones and leave everything else unchanged. Predict the effect of each kind of head on colour and
# on position.

# %%
@torch.no_grad()
def with_uniform(heads: list[int]) -> dict[str, float]:
    """The accuracy for each question, with uniform weights in some heads."""
    changed = weights.clone()
    changed[:, :, heads] = 1 / 36
    values = answerer.value(image_tokens["test"].to(device())).unflatten(-1, (4, -1))           # (pages, 36, heads, 32)
    attended = torch.einsum("pohc,pchd->pohd", changed.to(device()), values).flatten(2)         # (pages, objects, 128)
    attended = attended.flatten(0, 1).repeat_interleave(len(QUESTIONS), dim=0)                  # one for each question
    logits = answerer.head(answerer.film({"image": attended, "text": answerer.encode_text(test.tokens.to(device()))}))
    accuracies = (logits.argmax(dim=1).cpu() == test.labels).unflatten(0, (-1, 3)).float().mean(dim=0)
    return dict(zip(QUESTIONS, accuracies.tolist(), strict=True))


diffuse = [head for head in range(4) if head not in focused]
show.compare({"all heads": with_uniform([]), "focused heads made uniform": with_uniform(focused),
              "diffuse heads made uniform": with_uniform(diffuse)})

# %% [markdown]
# Without the focused heads all three accuracies fall, *position* to about its bound without voice. Without the diffuse
# heads only *position* falls clearly: this is what they contribute to.

# %% [markdown]
# ### Bottleneck tokens
#
# Here one modality attends to another. What if all should attend to all: 36 positions, the words of the question,
# frames of a sound? Concatenating all tokens into one sequence costs $T^2$ weights per head (lesson 04). Nagrani et al.
# (2021) insert a few **bottleneck tokens** $s$. In each of their fusion layers, a modality attends to itself and to
# $s$; the $M$ resulting versions of $s$ are then averaged:
#
# $$[s_m;\, x_m] \leftarrow \text{layer}_m\big([s;\, x_m]\big), \qquad s \leftarrow \tfrac1M \textstyle\sum_m s_m$$

# %%
diagrams.fusion_bottleneck()

# %% [markdown]
# ### Exercise 09.5: one bottleneck layer  ●●● · 15 minutes
#
# `layers[m]` maps `(B, tokens, D)` to the same shape. Put the shared tokens first, and call each layer once. Leave the
# list as it is; gradients must reach all tokens.

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
# How much does that save? Three modalities of $T$ tokens in one sequence need $(3T)^2$ weights per head; with $b$ shared
# tokens they need $3\,(T + b)^2$. Predict the ratio for long sequences. Memory is what PyTorch stores for the backward pass.

# %%
class ThreeModalities(nn.Module):
    """One layer for three modalities: all in one sequence, or each with `b` shared tokens."""

    def __init__(self, b: int | None):
        super().__init__()
        self.layers = nn.ModuleList(transformer.EncoderBlock(64, 4, 128) for _ in range(1 if b is None else 3))
        self.shared = None if b is None else nn.Parameter(0.02 * torch.randn(b, 64))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3 * T, 64) -> (B, 64)"""
        if self.shared is None:
            return self.layers[0](x).mean(dim=1)
        shared = self.shared.expand(len(x), -1, -1)
        parts = zip(self.layers, x.chunk(3, dim=1), strict=True)
        both = [layer(torch.cat([shared, part], dim=1)) for layer, part in parts]
        return sum(part[:, : len(self.shared)] for part in both).mean(dim=1) / 3


# %%
lengths = [16, 32, 64, 128, 256]
costs = {name: [cost.cost_of_a_step(ThreeModalities(b), torch.randn(4, 3 * n, 64)) for n in lengths]
         for name, b in {"one sequence": None, "4 bottleneck tokens": 4}.items()}
show.plot_panels({"milliseconds": {name: [1e3 * c.seconds for c in row] for name, row in costs.items()},
                  "megabytes stored": {name: [c.bytes / 1e6 for c in row] for name, row in costs.items()}},
                 lengths, xlabel="tokens per modality", log="xy", ylabel=("ms", "MB"))
for n, sequence, bottleneck in zip(lengths, *costs.values(), strict=True):
    print(f"{n:3} tokens per modality: {sequence.bytes / bottleneck.bytes:.1f} times as much memory in one sequence")

# %% [markdown]
# The ratio of memory grows with $T$, to about 2 at 256 tokens. For the attention weights alone it approaches 3, the
# number of modalities: attention *within* each modality still costs $T^2$, only attention *between* modalities shrinks
# from $T^2$ to $T\,b$. For short sequences three small layers take longer than one.
# Nagrani et al. report better accuracy than with one sequence, at a lower cost: the bottleneck forces each modality to
# select what it passes on.

# %% [markdown]
# ### All methods over five seeds
#
# The script `benchmarks/question.py` trained each method with five seeds.

# %%
show.show_stored_table("09_question")

# %% [markdown]
# **Late fusion.** Averaged logits reach about as much as concatenated vectors: the image's classifier restricts the
# answers to those that occur on the page, the question's to the correct *type* of answer, and averaged logits keep what
# both allow. Averaged probabilities have no such veto. (In lesson 08, where either modality sufficed, they were
# better.)
#
# **Vectors.** All methods score similarly. On *held-out combinations* they fall far below the 60% that image and
# question reach without the voice: they have probably learned which colours boats have in training, and these boats
# have others.

# %% [markdown]
# **Tokens.** It matters which modality computes the queries. If the question does, its query contains nothing about
# which object is meant, and accuracy is no better than with vectors. If the spoken word does, in the package's
# `CrossAttention`, colours and sizes come close to the lesson's model; *position* stays near 50%, as with the
# bottleneck.
#
# The lesson's model has the structure of the task built in: first select, then modulate. If you know such a structure,
# build it in; otherwise more layers and data have to learn it. Note how widely the results of the model with one head
# vary.

# %% [markdown]
# **References.** Vaswani et al. 2017, *Attention is all you need*,
# [arXiv:1706.03762](https://arxiv.org/abs/1706.03762): a decoder that attends to an encoder. Perez et al. 2018, *FiLM:
# visual reasoning with a general conditioning layer*, [arXiv:1709.07871](https://arxiv.org/abs/1709.07871). Zadeh et
# al. 2017, *Tensor fusion network for multimodal sentiment analysis*,
# [arXiv:1707.07250](https://arxiv.org/abs/1707.07250). Liu et al. 2018, *Efficient low-rank multimodal fusion with
# modality-specific factors*, [arXiv:1806.00064](https://arxiv.org/abs/1806.00064). Nagrani et al. 2021, *Attention
# bottlenecks for multimodal fusion*, [arXiv:2107.00135](https://arxiv.org/abs/2107.00135). Harwath et al. 2018,
# *Jointly discovering visual objects and spoken words from raw sensory input*,
# [arXiv:1804.01452](https://arxiv.org/abs/1804.01452). Gurari et al. 2018, *VizWiz grand challenge: answering visual
# questions from blind people*, [arXiv:1802.08218](https://arxiv.org/abs/1802.08218). LeCun, Bottou, Bengio, Haffner
# 1998, *Gradient-based learning applied to document recognition*,
# [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791): MNIST. Jackson et al. 2018, *Free spoken digit dataset*,
# [doi:10.5281/zenodo.1342401](https://doi.org/10.5281/zenodo.1342401).
