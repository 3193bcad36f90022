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
# # 10 · Missing modalities
#
# **You will train a network that recognises objects from an image, a spoken word and a sentence almost perfectly.
# Without sound it fails on a third of the pages, because its image branch hardly learned anything. You will find out
# why, and train one that loses less than half as much, at no cost when everything is present.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [01 Images](01_images.ipynb),
# [02 Text](02_text.ipynb), [03 Sound](03_sound.ipynb), [08 Fusing features](08_fusion.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. measure a multimodal model with any of its modalities missing, and choose an imputation;
# 2. detect a branch that stopped learning because another was faster, and explain why it stopped;
# 3. train with auxiliary unimodal losses and with modality dropout, and say what each of them improves;
# 4. compute the contribution of each modality by hand (Shapley values), and explain why four attribution methods give
#    four answers;
# 5. read an evaluation of a multimodal model, and name the results that it lacks.

# %%
from functools import partial
from itertools import combinations
from math import factorial, tanh

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, evaluate, examples, expect, fit, hint, predict, quiz, show
from mmcourse.data import audio, real
from mmcourse.models import attribution, cnn, fusion, imputation, speech, textcnn
from mmcourse.models.branches import Branches, decisions_of, features_of
from mmcourse.picturebook.scene import KINDS
from mmcourse.picturebook.sentence import VOCABULARY, encode
from mmcourse.show import diagrams
from mmcourse.tasks import matching, naming
from mmcourse.training import auxiliary, device, modulation, seed_everything

begin("10")

# %% [markdown]
# ## Look and listen
#
# Which object is on the page? Three modalities name it: an image, a spoken word and a sentence. In half of the sentences
# the object's name is masked.

# %%
pages = {"train": naming.NamedPages(PictureBook("train", pages=4_000)),
         "valid": naming.NamedPages(PictureBook("valid", pages=1_000)),
         "test": naming.NamedPages(PictureBook("test", pages=1_000)),
         "held-out voices": naming.NamedPages(PictureBook("held_out_voices", pages=1_000))}
test = pages["test"]
show.show_pages(torch.stack([test.book.image(i, 128) for i in range(4)]), rows=1, columns=4, sentences=test.sentences[:4],
                alt="Four pages: " + "; ".join(f"{KINDS[test.labels[i]]}, with the sentence '{test.sentences[i]}'"
                                               for i in range(4)))
show.play_many([test.sound(i) for i in range(4)], columns=4, words=[KINDS[label] for label in test.labels[:4].tolist()])
print({name: f"{split.name_masked.float().mean():.0%} masked" for name, split in pages.items()})

# %% [markdown]
# There are fourteen kinds of objects and three networks with random initialisation: convolutions for the image (lesson 01)
# and for the sound (lesson 03), a bag of words for the sentence (lesson 02). Each computes 64 features.

# %%
log_mel = audio.LogMel(hop=0.020)
log_mel.fit(audio.collate([pages["train"].sound(i) for i in range(examples(500))], samples=12_000))
inputs = {split: (book.images, book.log_mels(log_mel), book.tokens) for split, book in pages.items()}
labels = {split: book.labels for split, book in pages.items()}
names = ("image", "sound", "text")
print([tuple(modality.shape) for modality in inputs["train"]])                       # (N, 3, 32, 32), (N, 40, 38), (N, 9)


def encoders() -> dict[str, nn.Module]:
    """A new network for each modality, with 64 output features."""
    return {"image": cnn.ImageEncoder((16, 32, 64)), "sound": speech.SpeechEncoder(n_mels=40, widths=(8, 16, 32), width=64),
            "text": textcnn.BagOfWords(64, len(VOCABULARY))}


# %% [markdown]
# ## Unimodal baselines
#
# Which of the three will be best? What accuracy can a model reach that gets only the sentence?

# %%
alone, single = {}, {}
seed_everything()
for position, (name, encoder) in enumerate(encoders().items()):
    single[name] = nn.Sequential(encoder, nn.Linear(64, len(KINDS)))
    fit(single[name], Batches(inputs["train"][position], labels["train"]), epochs=10, lr=1e-2, verbose=False)
    alone[name] = evaluate(single[name], Batches(inputs["valid"][position], labels["valid"], shuffle=False))["accuracy"]
print({name: f"{accuracy:.2f}" for name, accuracy in alone.items()})

# %% [markdown]
# Sound is nearly perfect and the image is good. The sentence names the object on half of the pages and leaves a guess
# for the rest. Is its best accuracy $0.5 + 0.5 / 14 = 54\%$? Slightly more: the sentence also names the colour, and
# each colour occurs with eight or nine of the fourteen kinds in this book (the other combinations are held out): $0.5 +
# 0.5 / 9 \approx 56\%$.

# %% [markdown]
# ## Joint training
#
# Now fuse the three: concatenate the feature vectors, then one linear layer to 14 logits. The package's `Branches`
# ([models/branches.py](repository:mmcourse/models/branches.py)) has a dictionary of encoders, a batch normalisation
# layer that scales each branch's features to mean 0 and standard deviation 1 (`affine=False`: without weights of its
# own), and the `Concatenation` of lesson 08. Its two steps are `features(...)` and `decide(features)`.

# %%
diagrams.modality_dropout()

# %% [markdown]
# The diagram shows the model; ignore the block "dropped" for now. `modulation.Modulated` records at every step the
# probability that each branch alone would give the correct class. (Its parameter $\alpha$ is explained below; with 0 it
# does not change the training.) A callback stores the weights of step 150.

# %%
def train(loss=F.cross_entropy, alpha: float | None = None, verbose: bool = False, callbacks: tuple = (),
          **options) -> tuple[Branches, list]:
    """A model trained on all three modalities; with `alpha`, also each branch's probability of the correct class."""
    seed_everything()
    model = Branches(encoders(), width=64, classes=len(KINDS), **options)
    loss = loss if alpha is None else modulation.Modulated(model, alpha=alpha)
    fit(model, Batches(*inputs["train"], labels["train"]), loss=loss, metrics=(), epochs=10, lr=1e-2, verbose=verbose,
        callbacks=callbacks)
    return model, getattr(loss, "log", [])


early_weights = {}


def store_early_weights(run) -> None:
    if run.step == 150:
        early_weights.update({name: x.clone() for name, x in run.model.state_dict().items()})


plain, record = train(alpha=0.0, verbose=True, callbacks=(store_early_weights,))

# %%
def features_of_splits(model: Branches) -> dict[str, dict[str, Tensor]]:
    """The features of every split.   -> {split: {name: (N, 64)}}"""
    return {split: features_of(model, modalities) for split, modalities in inputs.items()}


def accuracy(logits: Tensor, split: str) -> float:
    return (logits.argmax(dim=1) == labels[split]).float().mean().item()


plain_features = features_of_splits(plain)
for split in labels:
    print(f"{split:16} {accuracy(decisions_of(plain, plain_features[split]), split):.3f}")

# %% [markdown]
# There are hardly any errors, in held-out voices too. Many evaluations would end here.
#
# ## Remove a modality
#
# A camera is covered, a microphone unplugged, a note lost. The fusion layer still expects 192 numbers, so the 64 missing ones
# must be **imputed**. The simplest imputation is the mean of these features over the training data, which minimises the
# squared error among constants.
#
# ### Exercise 10.1: mean imputation  ●○○ · 5 minutes
#
# For one modality: some rows are missing and contain arbitrary values, NaN included. Return a new tensor; leave
# `features` as it is.

# %%
def fill_with_mean(features: Tensor, present: Tensor) -> Tensor:
    """Replace missing rows by the mean of the present ones.   (N, D), (N,) bool -> (N, D)"""
    ### BEGIN SOLUTION
    mean = features[present].mean(dim=0)                                    # (D,)
    return torch.where(present[:, None], features, mean)
    ### END SOLUTION


# %%
check("10.1", fill_with_mean)

# %% [markdown]
# For the test split, the mean is that of the training pages, since a model in use gets one page at a time. Alone, sound
# had nearly 100% accuracy, the image about 90%, the sentence about 55%. Predict the fused model's accuracy without
# image, without sound, and without sentence.

# %%
def without(model: Branches, features: dict, removed: str, split: str = "test") -> float:
    """Accuracy with the training mean in place of one modality."""
    mean = features["train"][removed].mean(dim=0)
    return accuracy(decisions_of(model, features[split] | {removed: mean.expand(len(labels[split]), -1)}), split)


complete = accuracy(decisions_of(plain, plain_features["test"]), "test")
missing = {"plain": {f"no {name}": without(plain, plain_features, name) for name in names}}
show.compare({"nothing missing": {"test": complete}} | {row: {"test": value} for row, value in missing["plain"].items()},
             chance=1 / len(KINDS))
drop = complete - min(missing["plain"].values())
expect("10.plain_drop", drop)

# %% [markdown]
# Without the image or without the sentence, hardly anything changes. Without sound, the model is only about ten points
# better than the sentence alone. It should do better: a network that recognises images as well as the one above, and
# gets the sentence too, could find the name in half of the sentences and recognise 87% of the other objects, $0.5 + 0.5
# \cdot 0.87 \approx 93\%$. Why does the image not help?

# %% [markdown]
# ## Probing each branch
#
# Test each branch of the fused model separately, in two ways. What does the fusion layer predict from it, with the
# other two masked? How well could *any* linear layer classify its features? The second is a **linear probe**: a new
# linear layer trained on the frozen features.

# %%
def probe(features: dict, name: str, split: str = "valid") -> float:
    """The accuracy of a new linear layer on one branch's features."""
    layer = nn.Linear(64, len(KINDS))
    fit(layer, Batches(features["train"][name], labels["train"]), epochs=5, lr=1e-2, metrics=(), verbose=False)
    return accuracy(predict(layer, features[split][name]), split)


branches = {name: {"trained alone": alone[name], "joint training, linear probe": probe(plain_features, name),
                   "joint training, fusion layer":
                       accuracy(decisions_of(plain, {name: plain_features["valid"][name]}), "valid")} for name in names}
show.compare(branches, chance=1 / len(KINDS))
expect("10.branch_behind", alone["image"] - branches["image"]["joint training, linear probe"])

# %% [markdown]
# The sound and text branches learned what they learn alone. The image branch did not: with the same network, images and
# number of steps, a probe reaches less than half of its accuracy. No linear fusion layer could fix that: the image's
# features do not separate the kinds linearly. This is **modality competition**. The joint accuracy does not reveal it;
# measuring each branch does.

# %% [markdown]
# ## Why it stopped learning
#
# The record contains, for each step, the mean probability that each branch alone would give the correct class. Which branch
# will be first, and how far will the image get?

# %%
def moving_average(values: list[float], window: int = 21) -> list[float]:
    """The mean of the last `window` values, at every tenth step."""
    recent = [values[max(0, i + 1 - window):i + 1] for i in range(0, len(values), 10)]
    return [sum(part) / len(part) for part in recent]


recorded_steps = range(0, len(record), 10)
show.plot_lines({name: moving_average([scores[name] for scores in record]) for name in names}, recorded_steps,
                xlabel="step", ylabel="probability of the correct class")

# %% [markdown]
# All three start at chance level. Sound is fast: after 100 to 200 steps it gives the correct class a probability of 80
# to 90%. Now consider the gradient of the cross-entropy $L$ with respect to the joint logits $z$, with $p =
# \text{softmax}(z)$ and the one-hot label $y$:
#
# $$\frac{\partial L}{\partial z} = p - y$$
#
# The gradient of *every* branch contains this factor. Once sound makes $p$ correct, $p - y$ is close to zero for all
# branches, and the image branch receives almost no gradient.

# %%
seed_everything()
fresh = Branches(encoders(), width=64, classes=len(KINDS)).to(device())


def joint_error(model: Branches) -> float:
    """The mean of |p - y|, summed over the classes: from 0 to 2."""
    p = decisions_of(model, features_of(model, [part[:1_000] for part in inputs["train"]])).softmax(dim=1)
    y = F.one_hot(labels["train"][:1_000], len(KINDS))                                              # (N, 14)
    return (p - y).abs().sum(dim=1).mean().item()


print(f"mean |p - y|, at most 2: untrained {joint_error(fresh):.4f}")
if early_weights:
    fresh.load_state_dict(early_weights)
    print(f"                       at step 150 {joint_error(fresh):.4f}")
print(f"                    after training {joint_error(plain):.4f}")

# %% [markdown]
# After a quarter of the training only about 2% of the initial error remains. During the other three quarters the
# image branch has little to learn from.
#
# Does AdamW, the default of `fit`, not compensate for small gradients, since it divides each by its recent magnitude?
# Only slowly: its second moment averages over about 1,000 steps, and this run has 630, so the large early gradients
# keep later steps small.

# %% [markdown]
# Huang et al. (2022) prove for a small network that joint training learns a subset of the modalities and leaves others
# unexplored. In their proof, the random initialisation decides which ones win. That the *fastest* wins here is an
# observation from the curves, not their theorem.
#
# ## Modality dropout
#
# A direct remedy is to remove sound during training too, at random, page by page. The fusion layer must then classify
# from whatever is present, and the image branch receives a gradient on every page where it is needed. Neverova et al.
# (2016) introduced this for gesture recognition (*ModDrop*).
#
# ### Exercise 10.3: which modalities are kept?  ●●○ · 10 minutes
#
# Drop every modality of every example independently, with that modality's rate; draw with `rng`. An example that lost
# all of them gets exactly one back (it is not drawn again), each with equal probability, drawn for each such example by
# itself: without input there is nothing to learn.

# %%
def modality_dropout(batch: int, rates: Tensor, rng: torch.Generator) -> Tensor:
    """True where a modality is kept; no row all False.   rates (M,) -> (batch, M) bool"""
    ### BEGIN SOLUTION
    kept = torch.rand(batch, len(rates), generator=rng) >= rates                            # (B, M)
    lost_all = ~kept.any(dim=1)
    one = torch.randint(len(rates), (batch,), generator=rng)                                # a modality for each row
    return kept | (lost_all[:, None] & F.one_hot(one, len(rates)).bool())
    ### END SOLUTION


# %%
check("10.3", modality_dropout)

# %% [markdown]
# Sound learned fastest, and the image is needed on pages without sound, so sound gets the highest rate. The rates were
# selected on the validation split; a stored table compares them with equal rates.

# %%
rates = {"image": 0.2, "sound": 0.7, "text": 0.3}
seed_everything()
print({name: f"{mask.float().mean():.2f}" for name, mask in fusion.dropout.ModalityDropout(rates)(10_000).items()}, "kept")
dropped, _ = train(dropout=rates)
dropped_features = features_of_splits(dropped)
missing["with dropout"] = {f"no {name}": without(dropped, dropped_features, name) for name in names}
complete_dropped = accuracy(decisions_of(dropped, dropped_features["test"]), "test")
show.compare({"plain": {"nothing missing": complete} | missing["plain"],
              "with dropout": {"nothing missing": complete_dropped} | missing["with dropout"]})

# %%
expect("10.dropout_drop", (complete_dropped - min(missing["with dropout"].values())) / max(drop, 0.001))
expect("10.complete", complete - complete_dropped)
print("image branch, linear probe:", f"{branches['image']['joint training, linear probe']:.2f} plain, "
      f"{probe(dropped_features, 'image'):.2f} with dropout")

# %% [markdown]
# With the same network, pages, steps and imputation, the model loses less than half as much accuracy, and nothing when
# everything is present. Dropout helps twice: the image branch has pages on which no other branch classifies, and the
# fusion layer learns to manage without sound.
#
# Modality dropout is not always harmless. Where *all* modalities are needed at once (the matching task of lesson 08),
# an example with a missing modality has no definite answer, and training on it teaches guessing.

# %% [markdown]
# ## Auxiliary unimodal losses
#
# Another remedy: if the image branch stops because the joint loss is small, give each branch its own linear head and
# its own loss, and add them up:
#
# $$L = L_{\text{joint}} + \sum_m w_m L_m$$
#
# Here all $w_m = 1$. **Gradient blending** (Wang, Tran, Feiszli 2020) is a method of this form: it chooses the weights from
# how much each branch generalises and overfits. How well will the image branch now classify, compared with the one
# trained alone?

# %%
diagrams.auxiliary_losses()

# %%
with_heads, _ = train(loss=auxiliary.with_auxiliary_losses(), auxiliary_heads=True)
with_heads_features = features_of_splits(with_heads)
own_head = {name: accuracy(predict(with_heads.heads[name], with_heads_features["valid"][name]), "valid") for name in names}
show.compare({name: {"trained alone": alone[name], "auxiliary losses, its own head": own_head[name],
                     "plain joint training, linear probe": branches[name]["joint training, linear probe"]}
              for name in names}, chance=1 / len(KINDS))
expect("10.auxiliary_losses", own_head["image"] - alone["image"])
print({f"no {name}": f"{without(with_heads, with_heads_features, name):.2f}" for name in names})

# %% [markdown]
# The image branch classifies well again. Yet without sound the *fusion layer* does worse than the image's own head: the
# joint loss was small early on, as before, so the fusion layer learned little about the image. Auxiliary losses improve
# the branches. They do not teach the fusion layer what to do without sound, because during training sound was always
# present.

# %% [markdown]
# A related question is **co-learning** (Baltrušaitis, Ahuja, Morency 2019): train with three modalities, use one. Does
# training with others make the image branch better than training alone?

# %%
for split in ("test", "held-out voices"):
    images = inputs[split][0]
    print(f"{split}: trained alone {accuracy(predict(single['image'], images), split):.3f}, "
          f"trained jointly {accuracy(predict(with_heads.heads['image'], with_heads_features[split]['image']), split):.3f}")

# %% [markdown]
# Both are equal within a few points. Nothing is transferred from sound to image: the branches share a loss, but no
# weights. Where co-learning helps, something is shared (a feature space, as in lesson 11), or one modality labels the
# data of the other.
#
# ## Choosing an imputation
#
# The mean is one option. When sound is missing, one can also
#
# - feed **silence**, which is what an unplugged microphone delivers;
# - **mask** it: `Concatenation` inserts a vector learned in training, if modalities were missing in training;
# - **generate** it: a small network predicts the sound's features from those of image and sentence, trained on complete
#   pages (Ma et al. 2021 propose one such method).
#
# Rank the four for the plain model and for the one with dropout.

# %%
silence = log_mel(torch.zeros(1, 12_000)).expand(len(test), -1, -1)


def imputed_accuracies(model: Branches, features: dict) -> dict[str, float]:
    """Accuracy on test pages without sound, by imputation."""
    complete_features, modalities = features["test"], inputs["test"]
    silent = features_of(model, (modalities[0], silence, modalities[2]))
    imputer = imputation.Imputer("sound", dict.fromkeys(names, 64))
    pairs = Batches(imputer.given(features["train"]), features["train"]["sound"])
    fit(imputer.layers, pairs, loss=F.mse_loss, metrics=(), epochs=5, verbose=False)
    generated = predict(imputer.layers, imputer.given(complete_features))
    mean = features["train"]["sound"].mean(dim=0).expand(len(test), -1)
    choices = {"silence": silent, "mean": complete_features | {"sound": mean},
               "mask": {name: x for name, x in complete_features.items() if name != "sound"},
               "generated": complete_features | {"sound": generated}}
    return {name: accuracy(decisions_of(model, choice), "test") for name, choice in choices.items()}


show.compare({"plain": imputed_accuracies(plain, plain_features), "with dropout": imputed_accuracies(dropped, dropped_features)})

# %% [markdown]
# Silence is worst for both models. Nothing tells the network that the sound is missing; it interprets silence as a
# spoken word. Mean and mask are almost equal for the plain model: its mask vector was never trained and is still zero,
# and these features have mean zero. Generated features help the plain model slightly. They can hardly do more, since
# they are computed from a poor image branch. With dropout, the other three differ by at most two points.

# %% [markdown]
# ## Noise instead of absence
#
# More often a modality is present but degraded. Add noise to the log-mel spectrograms, up to four times their standard
# deviation, without telling the models.

# %%
levels = (0, 0.5, 1, 1.5, 2, 3, 4)
noise = torch.randn(inputs["test"][1].shape, generator=torch.Generator().manual_seed(0))
std = inputs["train"][1].std()
curves = {"plain": [], "with dropout": []}
for level in levels:
    noisy = (inputs["test"][0], inputs["test"][1] + level * std * noise, inputs["test"][2])
    for name, model in (("plain", plain), ("with dropout", dropped)):
        curves[name].append(accuracy(decisions_of(model, features_of(model, noisy)), "test"))
show.plot_lines(curves, levels, xlabel="noise on the sound, in standard deviations", ylabel="accuracy", limits=(0, 1.02))

# %% [markdown]
# Neither model was trained with noise, yet the model with dropout tolerates more, because it relies less on sound.
# Compare the curves with the bars for "no sound" above: from about 1.5 standard deviations on, noisy sound is worse
# than missing sound for both models. If you can detect that a microphone is broken, mask the sound.
#
# ## Play: mask and degrade
#
# Choose a page. Mute a modality, or increase its noise, and watch both models. Find a page with a masked name that the plain
# model gets wrong without sound, although its image is clear.

# %%
shown = [i for i in range(40) if test.name_masked[i]][:6] + [i for i in range(40) if not test.name_masked[i]][:3]
show.missing_explorer({"plain": plain, "with dropout": dropped}, [part[shown] for part in inputs["test"]],
                      labels["test"][shown], KINDS, images=torch.stack([test.book.image(i, 128) for i in shown]),
                      captions=[test.sentences[i] for i in shown])

# %% [markdown]
# ## Which modality did the model use?
#
# Cooperative game theory gives an answer. Let $v(S)$ be the mean probability of the correct kind when only the modalities in
# $S$ are present. Two ways to attribute $v$:
#
# - **ablation**: remove one, $v(\text{all}) - v(\text{all without } m)$;
# - **Shapley values** (1953): add the modalities one after the other; each gets what it adds when it enters, averaged over all
#   orders.

# %%
diagrams.shapley_orders()

# %% [markdown]
# By hand, for two: $v(\emptyset) = 0.1$, $v(a) = v(b) = v(ab) = 0.9$. Ablation gives 0 and 0. In the order $a, b$, the first
# adds 0.8 and the second nothing; in the other order it is reversed. The Shapley values are 0.4 and 0.4.

# %% tags=["nbval-check-output"]
either = {frozenset(): 0.1, frozenset({"a"}): 0.9, frozenset({"b"}): 0.9, frozenset({"a", "b"}): 0.9}
for method in (attribution.ablation, attribution.shapley):
    print(f"{method.__name__:9}", {name: round(value, 3) for name, value in method(either.get, ("a", "b")).items()})

# %% [markdown]
# ### Exercise 10.4: Shapley values  ●●● · 20 minutes
#
# $$\phi_m = \sum_{S \not\ni m} \frac{|S|!\,(M - |S| - 1)!}{M!} \bigl(v(S \cup \{m\}) - v(S)\bigr)$$
#
# $M$ is the number of modalities. The sum is over all sets $S$ without $m$, and $|S|$ is the size of $S$.
#
# `value` takes a `frozenset` of names. `combinations(names, size)` yields all subsets of one size; alternatively, loop over
# all orders.

# %%
def shapley_values(value, names: tuple[str, ...]) -> dict[str, float]:
    """What each name adds, averaged over all orders.   value(frozenset) -> number"""
    ### BEGIN SOLUTION
    attributions = {}
    for name in names:
        others = [other for other in names if other != name]
        attributions[name] = 0.0
        for size in range(len(names)):
            weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            for subset in combinations(others, size):
                attributions[name] += weight * (value(frozenset(subset) | {name}) - value(frozenset(subset)))
    return attributions
    ### END SOLUTION


# %%
check("10.4", shapley_values)

# %% [markdown]
# Two further methods use gradients with respect to the features:
#
# - **gradient × input** (Shrikumar et al. 2016): the gradient of $v$ at the features, times the features;
# - **integrated gradients** (Sundararajan et al. 2017): the mean gradient along the straight line from a baseline to the
#   features, times their difference. The baseline is what the mask inserts: zeros in the plain model, a learned vector in
#   the one with dropout.
#
# Which modality will ablation rank first, and which Shapley values? What will gradient × input yield for a model that
# is almost always confident?

# %%
def attributions_of(model: Branches, features: dict) -> dict[str, dict[str, float]]:
    """Each modality's contribution to the probability of the correct kind, on test pages, by four methods."""
    modalities = {name: x.to(device()) for name, x in features["test"].items()}
    truth, baseline = labels["test"].to(device()), model.fusion.missing_embedding
    game = attribution.probability_game(model.decide, modalities, truth)                            # set -> (N,)
    methods = {"ablation": attribution.ablation(game, names), "Shapley": attribution.shapley(game, names)}
    for name, method in (("gradient x input", "input"), ("integrated gradients", "integrated")):
        methods[name] = attribution.gradient_attributions(model.decide, modalities, truth, method, baseline)
    total = (game(frozenset(names)) - game(frozenset())).mean().item()
    table = {method: {name: value.mean().item() for name, value in row.items()} for method, row in methods.items()}
    print(f"v(all) - v(none) = {total:.3f}; sums:", {method: round(sum(row.values()), 3) for method, row in table.items()})
    return table


plain_attributions = attributions_of(plain, plain_features)
show.compare(plain_attributions, label="contribution to the probability of the correct kind, plain")
expect("10.shapley_sums", abs(sum(plain_attributions["Shapley"].values()) - sum(plain_attributions["integrated gradients"].values())))

# %%
show.compare(attributions_of(dropped, dropped_features), label="contribution to the probability of the correct kind, with dropout")

# %% [markdown]
# The four answers differ, and none is wrong.
#
# - **Ablation** measures what is lost without a modality. Removing the image costs little in either model, yet its
#   Shapley value in the model with dropout is about a quarter: sound can replace it. The image is redundant, not
#   useless. Ablations need not sum to the total.
# - **Gradient × input** measures the effect of a *small* change. The softmax is saturated, so the effect is almost zero.

# %% [markdown]
# - **Integrated gradients** and **Shapley values** both sum to $v(\text{all}) - v(\emptyset)$. The former change all
#   modalities together along a line; the latter add one at a time, through combinations that occur when a modality is
#   missing.
#
# For "what happens if a modality fails", read the ablation; for "what contributed", Shapley values. All depend on the
# choice of baseline. Silence instead of the mask would define another game, with other values.

# %% [markdown]
# ## Debugging exercise
#
# A colleague evaluates both of your models on pages of which some lack a modality.

# %%
def buggy_report(decide, features: dict[str, Tensor], labels: Tensor, means: dict[str, Tensor]) -> dict[str, float]:
    """The accuracy of a model that maps {name: (N, D)} to logits."""
    complete = torch.stack([~x.isnan().any(dim=1) for x in features.values()]).all(dim=0)           # (N,)
    logits = decide({name: x[complete] for name, x in features.items()})
    return {"accuracy": (logits.argmax(dim=1) == labels[complete]).float().mean().item()}


torch.manual_seed(0)
gaps, cases = {name: torch.rand(len(test), 1) < 0.2 for name in names}, {}
for row, model, features in (("plain", plain, plain_features), ("with dropout", dropped, dropped_features)):
    with_gaps = {name: x.masked_fill(gaps[name], torch.nan) for name, x in features["test"].items()}
    means = {name: x.mean(dim=0) for name, x in features["train"].items()}
    cases[row] = partial(decisions_of, model), with_gaps, means
    print(f"{row:12}: the buggy report", buggy_report(cases[row][0], with_gaps, labels["test"], means))
print({name: f"{gap.float().mean():.0%} missing" for name, gap in gaps.items()})

# %% [markdown]
# The report cannot distinguish the two models. The bug looks like good practice: only complete rows are kept.
# Statisticians call this a *complete-case analysis*. Here it removes the very pages that the evaluation is about.
#
# ### Exercise 10.debug: fix the report  ●●○ · 15 minutes
#
# Return the accuracy for **every non-empty set** of modalities, with the training mean for all others. Keys are the
# names in the dictionary's order, joined by "+", such as `"image+text"`. A row that lacks a modality (at least one NaN)
# gets the mean for it; no row is left out. Leave `features` as they are.

# %%
def report(decide, features: dict[str, Tensor], labels: Tensor, means: dict[str, Tensor]) -> dict[str, float]:
    """Accuracy for every non-empty set of modalities.   decide({name: (N, D)}) -> (N, K), means {name: (D,)}"""
    ### BEGIN SOLUTION
    accuracies = {}
    for size in range(1, len(features) + 1):
        for kept in combinations(features, size):
            filled = {}
            for name, x in features.items():
                present = torch.tensor(name in kept) & ~x.isnan().any(dim=1, keepdim=True)          # (N, 1)
                filled[name] = torch.where(present, x, means[name])
            accuracies["+".join(kept)] = (decide(filled).argmax(dim=1) == labels).float().mean().item()
    return accuracies
    ### END SOLUTION


# %%
check("10.debug", report)

# %%
try:
    rows = {}
    for row, (decide, with_gaps, means) in cases.items():
        complete_features = {"plain": plain_features, "with dropout": dropped_features}[row]["test"]
        rows[row] = report(decide, complete_features, labels["test"], means)
        all_pages = report(decide, with_gaps, labels["test"], means)["+".join(names)]
        print(f"{row:12}: {all_pages:.3f} on all pages, with their gaps")
    show.compare({kept: {row: values[kept] for row, values in rows.items()} for kept in rows["plain"]})
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# ## On real data: a digit, written, spoken and spelled
#
# The data are handwritten digits (MNIST), spoken ones (the Free Spoken Digit Dataset), and their English names. Two of
# six speakers are held out, three times; handwritten test digits come from the test split. As in lesson 08 they are
# paired **by label**. The spelled word *is* the label, so no modality is easier to learn from.

# %%
rows = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
recordings = real.load_or_explain("free_spoken_digits", "train")
have_data = all((*rows.values(), recordings))
if have_data:
    written = {split: real.images(part.shuffle(seed=0).select(range(examples(most))))
               for (split, part), most in zip(rows.items(), (6_000, 3_000), strict=True)}
    waveforms = [audio.same_loudness(real.sound(row)[0]) for row in recordings]
    spoken = audio.collate(waveforms, samples=6_000)                                                                # (2700, 6000)
    digits, speakers = torch.tensor(recordings["label"]), recordings["speaker"]
    spelled = torch.tensor(encode("zero one two three four five six seven eight nine"))[:, None]                    # (10, 1)

# %% [markdown]
# Train with and without modality dropout again. The word has the highest rate; the rates were a first guess. How good will
# the plain model be without the word? It still has a handwritten digit *and* a voice.

# %%
def paired_digits(held: list[str]) -> dict[str, tuple[tuple[Tensor, Tensor, Tensor], Tensor]]:
    """Images, log-mel spectrograms and spelled words, with their labels; the held-out speakers are in the test split."""
    held_out = torch.tensor([speaker in held for speaker in speakers])
    mels = audio.LogMel(rate=8_000, hop=0.020).fit(spoken[~held_out][::5])(spoken)                  # (2700, 40, 38)
    data = {}
    for split, voices in (("train", ~held_out), ("test", held_out)):
        images, truth = written[split]
        data[split] = (images, mels[voices][matching.partners(truth, digits[voices])], spelled[truth]), truth
    return data


# %%
if have_data:
    speaker_names, folds = sorted(set(speakers)), {"plain": [], "with dropout": []}
    for held in (speaker_names[:2], speaker_names[2:4], speaker_names[4:]):
        data = paired_digits(held)
        for name, rates in (("plain", None), ("with dropout", {"image": 0.3, "sound": 0.3, "text": 0.8})):
            seed_everything()
            model = Branches(encoders() | {"image": cnn.ImageEncoder((16, 32, 64), in_channels=1)}, 64, 10, dropout=rates)
            fit(model, Batches(*data["train"][0], data["train"][1]), metrics=(), epochs=3, lr=1e-2, verbose=False)
            features, truth = features_of(model, data["test"][0]), data["test"][1]
            sets = {"+".join(kept): decisions_of(model, {part: features[part] for part in kept})
                    for kept in (names, ("image", "sound"), ("image",), ("sound",))}
            folds[name].append({kept: (logits.argmax(dim=1) == truth).float().mean().item() for kept, logits in sets.items()})
    real_table = {name: {kept: sum(row[kept] for row in fold) / 3 for kept in fold[0]} for name, fold in folds.items()}
    show.compare(real_table, chance=0.1)

# %%
if have_data:
    drops = {name: row["image+sound+text"] - row["image+sound"] for name, row in real_table.items()}
    expect("10.real_plain_drop", drops["plain"])
    expect("10.real_dropout_drop", drops["with dropout"] / max(drops["plain"], 0.001))
    expect("10.real_complete", real_table["plain"]["image+sound+text"] - real_table["with dropout"]["image+sound+text"])

# %% [markdown]
# From the image alone, the plain model classifies about two thirds of the digits correctly; with dropout, the same
# network classifies about 95%. Accuracy from sound alone improves as well. Only a linear probe would tell whether the
# branch or the fusion layer was responsible. With everything present, the plain model looks perfect.

# %% [markdown]
# **Where these methods are used.** *A car with several sensors*: a camera is blinded by low sun, a microphone disturbed
# by wind. Usually the modalities agree, so one can replace another. For the same reason, a joint model may never have
# learned to use each of them. *Diagnosis from images and records*: some patients have no scan.
#
# What this synthetic task leaves out: here modalities fail at random. In a hospital a scan may be missing *because* the
# doctor was not worried (statisticians say *missing not at random*), and the mean is then a biased imputation. Dropout
# rates tuned for one failure say nothing about two at once.

# %%
quiz("10")

# %% [markdown]
# ## Open-ended questions
#
# 1. Design an experiment that separates the two effects of modality dropout: better branches, and a better fusion layer.
# 2. In your application sound is missing in 5% of the cases, and always together with a dark image. Which evaluation, and
#    which dropout, would you choose?
# 3. Shapley values need $2^M$ evaluations for $M$ modalities. How would you estimate them for $M = 20$ sensors?

# %% [markdown]
# ## Summary
#
# - Evaluate a multimodal model for every set of modalities.
# - Two measurements reveal a branch that did not learn: its accuracy when trained alone, and a linear probe.
# - Once the joint loss is small, all branches receive small gradients: the fastest modality stops the others.
# - Modality dropout improves branches and fusion layer; auxiliary losses improve the branches.
# - Imputations range from silence to generated features; none replaces features that were never learned.
# - Ablation, gradients and Shapley values answer different questions.
#
# Next: [11 A shared space](11_shared_space.ipynb), where images, sentences and sounds with the same meaning become
# neighbours.

# %% [markdown]
# ## Going further
#
# ### On-the-fly gradient modulation
#
# Peng et al. (2022) reduce the gradient of whichever branch is ahead (**on-the-fly gradient modulation**, OGM; here
# without the noise that their OGM-GE adds). Let $s_m$ be the mean probability that branch $m$ alone gives the correct
# class. With three branches instead of their two:
#
# $$\rho_m = \frac{s_m}{\text{mean of the others}}, \qquad k_m = \begin{cases} 1 - \tanh(\alpha \rho_m) & \rho_m > 1 \\ 1 & \text{otherwise} \end{cases}$$
#
# By hand: scores 0.9 and 0.3 with $\alpha = 0.5$ give $\rho = 3$ and $k = 1 - \tanh(1.5) = 0.09$ for the first, 1 for
# the second.

# %% tags=["nbval-check-output"]
by_hand = 1 - tanh(0.5 * 0.9 / 0.3)
package = modulation.coefficients({"sound": 0.9, "image": 0.3}, alpha=0.5)["sound"]
print(f"by hand {by_hand:.4f}   package {package:.4f}")

# %% [markdown]
# ### Exercise 10.2: modulation coefficients  ●●○ · 10 minutes
#
# Implement the formula for any number of branches, at least two. All scores are positive.

# %%
def modulation_coefficients(scores: dict[str, float], alpha: float) -> dict[str, float]:
    """The factor of each branch's gradient: below 1 for a branch ahead of the mean of the others, else 1."""
    ### BEGIN SOLUTION
    factors = {}
    for name, score in scores.items():
        others = [other for branch, other in scores.items() if branch != name]
        rho = score / (sum(others) / len(others))
        factors[name] = 1 - tanh(alpha * rho) if rho > 1 else 1.0
    return factors
    ### END SOLUTION


# %%
check("10.2", modulation_coefficients)

# %%
modulated, modulated_record = train(alpha=1.0)
for step in (len(modulated_record) // 100, len(modulated_record) // 10, len(modulated_record) // 2):
    factors = modulation.coefficients(modulated_record[step], alpha=1.0)
    print(f"step {step}:", {name: f"{factor:.2f}" for name, factor in factors.items()})
modulated_features = features_of_splits(modulated)
print("linear probes:", {name: f"{probe(modulated_features, name):.2f}" for name in names})

# %% [markdown]
# The gradient of the sound branch soon almost vanishes, yet the image branch gains little. The likely reason: only the
# encoder is slowed down. The fusion layer learns at full speed to classify by whatever sound features it gets, so the
# joint prediction becomes correct anyway, and $p - y$ vanishes for the image as before.
#
# Peng et al. train with SGD, whose step is proportional to the gradient; AdamW divides by past gradients, which partly
# undoes such a factor. The stored table has both optimisers; with either, the image branch recovers only a small part.
# On their audio-visual data the method helped.

# %% [markdown]
# ### All methods over five seeds
#
# The script `benchmarks/missing.py` trained each method with five seeds, on different pages each time.

# %%
show.show_stored_table("10_missing")

# %% [markdown]
# In the column "without sound", the combination of auxiliary losses and dropout is best, at no cost when everything is
# present. Also compare the row "auxiliary losses" in the column "generated": once the image branch has learned, its
# features suffice to predict the missing ones, and the fusion layer receives inputs of the kind it was trained on. This
# is a remedy without dropout, provided you know what is missing and have trained a generator for it.

# %% [markdown]
# **References.** Wang, Tran, Feiszli 2020, *What makes training multi-modal classification networks hard?*,
# [arXiv:1905.12681](https://arxiv.org/abs/1905.12681): gradient blending. Peng et al. 2022, *Balanced multimodal
# learning via on-the-fly gradient modulation*, [arXiv:2203.15332](https://arxiv.org/abs/2203.15332). Huang et al. 2022,
# *Modality competition: what makes joint training of multi-modal network fail in deep learning? (Provably)*,
# [arXiv:2203.12221](https://arxiv.org/abs/2203.12221). Neverova, Wolf, Taylor, Nebout 2016, *ModDrop: adaptive
# multi-modal gesture recognition*, [arXiv:1501.00102](https://arxiv.org/abs/1501.00102). Ma et al. 2021, *SMIL:
# multimodal learning with severely missing modality*, [arXiv:2103.05677](https://arxiv.org/abs/2103.05677).
# Baltrušaitis, Ahuja, Morency 2019, *Multimodal machine learning: a survey and taxonomy*,
# [arXiv:1705.09406](https://arxiv.org/abs/1705.09406): co-learning. Shapley 1953, *A value for n-person games*,
# [doi:10.1515/9781400881970-018](https://doi.org/10.1515/9781400881970-018). Sundararajan, Taly, Yan 2017, *Axiomatic
# attribution for deep networks*, [arXiv:1703.01365](https://arxiv.org/abs/1703.01365). Shrikumar et al. 2016, *Not just
# a black box*, [arXiv:1605.01713](https://arxiv.org/abs/1605.01713): gradient × input. LeCun, Bottou, Bengio, Haffner
# 1998, *Gradient-based learning applied to document recognition*,
# [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791): MNIST. Jackson et al. 2018, *Free spoken digit dataset*,
# [doi:10.5281/zenodo.1342401](https://doi.org/10.5281/zenodo.1342401).
