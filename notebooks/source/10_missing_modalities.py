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
# # 10 · When a modality fails
#
# **You will train a network that sees, hears and reads what a thing is, and is right nearly always. Then you switch its
# microphone off, and a third of the pages go wrong: its eyes never learned to see. You will find out why, and
# build one that falls less than half as far, without being worse when all is well.**
#
# Runs in about 3 minutes · takes 100 minutes to work through · before this: [01 Pictures](01_images.ipynb),
# [02 Words](02_text.ipynb), [03 Sound](03_sound.ipynb), [08 Joining features](08_fusion.ipynb).

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. measure what a joint model is worth with any of its modalities missing, and choose what stands in for it;
# 2. find a branch that stopped learning because another was faster, and say why it stopped;
# 3. train with a loss for each branch, and with modality dropout, and know which of the two cures what;
# 4. compute by hand how much each modality contributed (Shapley values), and say why four ways to ask give four
#    answers;
# 5. read a report of a multimodal model and ask for the rows that are not in it.

# %%
from itertools import combinations
from math import factorial, tanh

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, begin, check, evaluate, examples, expect, fit, hint, predict, quiz
from mmcourse.data import real
from mmcourse.data.audio import LogMel, collate, same_loudness
from mmcourse.models.attribution import ablation, gradient_attributions, probability_game, shapley
from mmcourse.models.branches import Branches, decisions_of, features_of
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.fusion.dropout import ModalityDropout
from mmcourse.models.imputation import Imputer
from mmcourse.models.speech import SpeechEncoder
from mmcourse.models.textcnn import BagOfWords
from mmcourse.picturebook.scene import KINDS
from mmcourse.picturebook.sentence import VOCABULARY, encode
from mmcourse.show import compare, missing_explorer, play_many, plot_lines, show_pages, show_stored_table
from mmcourse.tasks.matching import partners
from mmcourse.tasks.naming import NamedPages
from mmcourse.training.blending import blended
from mmcourse.training.device import device, seed_everything
from mmcourse.training.modulation import Modulated, coefficients

begin("10")

# %% [markdown]
# ## Look and listen
#
# What is on the page? You are told three times: by a picture, by a spoken word, by a sentence. On half of the pages a
# blot covers the thing's name in the sentence.

# %%
pages = {"train": NamedPages(PictureBook("train", pages=4_000)), "valid": NamedPages(PictureBook("valid", pages=1_000)),
         "test pages": NamedPages(PictureBook("test", pages=1_000)),
         "held-out voices": NamedPages(PictureBook("held_out_voices", pages=1_000))}
test = pages["test pages"]
show_pages(torch.stack([test.book.image(i, 128) for i in range(4)]), rows=1, columns=4, sentences=test.sentences[:4],
           alt="Four pages: " + "; ".join(f"{KINDS[test.labels[i]]}, with the sentence '{test.sentences[i]}'" for i in range(4)))
play_many([test.sound(i) for i in range(4)], columns=4, words=[KINDS[label] for label in test.labels[:4].tolist()])
print({name: f"{some.name_masked.float().mean():.2f} blotted" for name, some in pages.items()})

# %% [markdown]
# Fourteen kinds of things, three networks from nothing: the convolutions of lesson 01 for the picture, those of lesson
# 03 for the sound, a bag of words from lesson 02 for the sentence. 64 features each.

# %%
log_mel = LogMel(hop=0.020).fit(collate([pages["train"].sound(i) for i in range(examples(500))], samples=12_000))
inputs = {split: (some.images, some.log_mels(log_mel), some.tokens) for split, some in pages.items()}
labels = {split: some.labels for split, some in pages.items()}
names = ("image", "sound", "text")
print([tuple(modality.shape) for modality in inputs["train"]])                       # (N, 3, 32, 32), (N, 40, 38), (N, 9)


def encoders() -> dict[str, nn.Module]:
    """A new network for each modality, to 64 features."""
    return {"image": ImageEncoder((16, 32, 64)), "sound": SpeechEncoder(n_mels=40, widths=(8, 16, 32), width=64),
            "text": BagOfWords(64, len(VOCABULARY))}


# %% [markdown]
# ## Alone, then together
#
# First each alone, the baseline that lesson 08 told you never to leave out. Which of the three will be best? And what
# is the best that a reader can do who cannot see or hear?

# %%
alone, single = {}, {}
seed_everything()
for position, (name, encoder) in enumerate(encoders().items()):
    single[name] = nn.Sequential(encoder, nn.Linear(64, len(KINDS)))
    fit(single[name], Batches(inputs["train"][position], labels["train"]), epochs=10, lr=1e-2, verbose=False)
    alone[name] = evaluate(single[name], Batches(inputs["valid"][position], labels["valid"], shuffle=False))["accuracy"]
print({name: f"{figure:.2f}" for name, figure in alone.items()})

# %% [markdown]
# The ear is nearly perfect, the eye is good, and the reader knows half of the pages and guesses the others. Is the
# best that a reader can expect $0.5 + 0.5 / 14 = 0.54$? A little more: the sentence also names the colour, and this book
# shows a colour with eight or nine of the fourteen kinds (the pairs held back in lesson 01). $0.5 + 0.5 / 9 = 0.56$.
#
# Now together: the three vectors side by side, one linear layer to 14 logits. `Branches` is the package's
# ([models/branches.py](repository:mmcourse/models/branches.py)): encoders in a dict, each branch's features brought to
# mean 0 by a batch norm, then the `Concatenation` of lesson 08. It works in two steps: `features(...)`, then
# `decide(features)`. `Modulated` keeps a record of what each branch alone would say, step by step (what its α
# does is explained below; here it only watches). The weights at step 150 are kept for later as well.

# %%
def train(loss=F.cross_entropy, watched: float | None = None, verbose: bool = False, callbacks: tuple = (),
          **options) -> tuple[Branches, list]:
    """A joint model trained on all three, and what each branch alone gave the right class, at every step."""
    seed_everything()
    model = Branches(encoders(), width=64, classes=len(KINDS), **options)
    loss = loss if watched is None else Modulated(model, alpha=watched)
    fit(model, Batches(*inputs["train"], labels["train"]), loss=loss, metrics=(), epochs=10, lr=1e-2, verbose=verbose,
        callbacks=callbacks)
    return model, getattr(loss, "log", [])


early = {}


def keep_early(run) -> None:
    if run.step == 150:
        early.update({name: x.clone() for name, x in run.model.state_dict().items()})


plain, record = train(watched=0.0, verbose=True, callbacks=(keep_early,))


def made_by(model: Branches) -> dict[str, dict[str, Tensor]]:
    """The features of every split.   -> {split: {name: (N, 64)}}"""
    return {split: features_of(model, some) for split, some in inputs.items()}


def accuracy(logits: Tensor, split: str) -> float:
    return (logits.argmax(dim=1) == labels[split]).float().mean().item()


made = made_by(plain)
for split in labels:
    print(f"{split:14} {accuracy(decisions_of(plain, made[split]), split):.3f}")

# %% [markdown]
# Hardly a mistake, on voices it never heard as well. Here an evaluation could end.
#
# ## Take one away
#
# A camera is covered, a microphone is unplugged, a note is lost. The layer that joins still wants 192 numbers, so
# something has to stand where 64 are missing. The plainest stand-in is the **mean** of those features in training: the
# least wrong constant.
#
# ### Exercise 10.1: the mean in its place  ●○○ · 5 minutes
#
# For one modality of a table: some rows are missing, and what stands in them is rubbish.

# %%
def fill_with_mean(features: Tensor, present: Tensor) -> Tensor:
    """Rows that are missing become the mean of those that are there.   (N, D), (N,) bool -> (N, D)"""
    ### BEGIN SOLUTION
    mean = features[present].mean(dim=0)                                    # (D,)
    return torch.where(present[:, None], features, mean)
    ### END SOLUTION


# %%
check("10.1", fill_with_mean)

# %% [markdown]
# For a whole test split the mean comes from the training pages: at use there is one page, and no mean of one. Alone,
# the ear had nearly 1.00, the eye nearly 0.90, the reader about 0.55. What will be left of the joint model's accuracy
# without picture, without sound, without sentence? Write down three guesses.

# %%
def without(model: Branches, made: dict, gone: str, split: str = "test pages") -> float:
    """Accuracy with the training mean in one modality's place."""
    mean = made["train"][gone].mean(dim=0)
    return accuracy(decisions_of(model, made[split] | {gone: mean.expand(len(labels[split]), -1)}), split)


complete = accuracy(decisions_of(plain, made["test pages"]), "test pages")
left = {"plain": {f"no {name}": without(plain, made, name) for name in names}}
compare({"nothing missing": {"test pages": complete}} | {row: {"test pages": figure} for row, figure in left["plain"].items()},
        chance=1 / len(KINDS))
fall = complete - min(left["plain"].values())
expect("10.plain_drop", fall)

# %% [markdown]
# Without picture and without sentence nothing happens. Without sound it is less than ten points better than the
# sentence alone.
# And yet take a network that sees as well as the one above, with a sentence besides. It would read half of the pages,
# and see nearly nine in ten of the others: $0.5 + 0.5 \times 0.87$ is about 0.93. The picture is there. Why does it not
# help?
#
# ## Who did the work?
#
# Ask each branch of the joint model on its own, in two ways. What does the joint layer make of it alone, with the other
# two masked? And what could *anyone* make of its features: a new linear layer, trained on them (a **linear probe**)?

# %%
def probe(made: dict, name: str, split: str = "valid") -> float:
    """What a new linear layer reads out of one branch's features."""
    layer = nn.Linear(64, len(KINDS))
    fit(layer, Batches(made["train"][name], labels["train"]), epochs=5, lr=1e-2, metrics=(), verbose=False)
    return accuracy(predict(layer, made[split][name]), split)


work = {name: {"trained alone": alone[name], "joint training, probed": probe(made, name),
               "joint training, asked alone": accuracy(decisions_of(plain, {name: made["valid"][name]}), "valid")} for name in names}
compare(work, chance=1 / len(KINDS))
expect("10.branch_behind", alone["image"] - work["image"]["joint training, probed"])

# %% [markdown]
# The ear and the reader learned what they learn alone. The eye did not: the same network, the same pictures, as many
# steps, and less than half of what it can. No linear layer on top could mend that, the features are not there. This is
# **modality competition**, and you find it as you did here: by measuring each branch, never from the joint accuracy.
#
# ## Why it stopped
#
# The record has, for each step of the plain training, the mean probability of the right class that each branch alone
# would have given. Who will be first, and how far will the eye get?

# %%
def smooth(values: list[float], size: int = 21) -> list[float]:
    return [sum(values[max(0, i - size):i + 1]) / len(values[max(0, i - size):i + 1]) for i in range(0, len(values), 10)]


steps = range(0, len(record), 10)
plot_lines({name: smooth([scores[name] for scores in record]) for name in names}, steps,
           xlabel="step", ylabel="probability of the right class")

# %% [markdown]
# All three start together. Sound is quick, and after a hundred steps or two it has the answer nearly always. The
# gradient that goes back into *every* branch begins with the same factor, the error of the **joint** answer, with the
# logits $z$, $p = \text{softmax}(z)$, and $y$, which is 1 for the right class and 0 elsewhere:
#
# $$\frac{\partial L}{\partial z} = p - y$$
#
# Once the ear makes $p$ right, $p - y$ is near zero for everyone. The eye is a slow learner, and the lesson ended when
# the fastest pupil knew the answer. (Does Adam not make up for small gradients, by dividing each by its own recent size?
# Only slowly. Its memory is about 1,000 steps long, and this run has 630. It remembers the large gradients of the start,
# so small ones do mean small steps.)
#
# Huang et al. 2022 prove for a small network that joint training picks up a subset of the modalities and leaves the
# others unexplored. In their proof the luck of the first weights decides which ones win. That here it is the fastest is
# what you see in the curves, not what they prove.

# %%
seed_everything()
fresh = Branches(encoders(), width=64, classes=len(KINDS)).to(device())


def joint_error(model: Branches) -> str:
    p = decisions_of(model, features_of(model, [part[:1_000] for part in inputs["train"]])).softmax(dim=1)
    error = p - F.one_hot(labels["train"][:1_000], len(KINDS))
    return f"mean |p - y| = {error.abs().sum(dim=1).mean():.4f} of at most 2"


print("untrained     ", joint_error(fresh))
if early:
    fresh.load_state_dict(early)
    print("at step 150   ", joint_error(fresh))
print("after training", joint_error(plain))

# %% [markdown]
# At step 150, a quarter of the way, a few hundredths of the error are left. For the other three quarters the eye has
# little to learn from.
#
# ## A cure: hold the fast one back
#
# Peng et al. 2022 look at each step who is ahead, and shrink that branch's gradient (**on-the-fly gradient
# modulation**, OGM; here without the noise that they add to the gradients, their GE). With $s_m$ the mean probability
# that branch $m$ alone gives the right class, and three branches in place of their two:
#
# $$\rho_m = \frac{s_m}{\text{mean of the others}}, \qquad k_m = \begin{cases} 1 - \tanh(\alpha \rho_m) & \rho_m > 1 \\ 1 & \text{else} \end{cases}$$
#
# By hand: scores 0.9 and 0.3, $\alpha = 0.5$: $\rho = 3$, $k = 1 - \tanh(1.5) = 0.09$ for the first, and 1 for the
# second.

# %% tags=["nbval-check-output"]
by_hand = 1 - tanh(0.5 * 0.9 / 0.3)
print(f"by hand {by_hand:.4f}   package {coefficients({'sound': 0.9, 'image': 0.3}, alpha=0.5)['sound']:.4f}")

# %% [markdown]
# ### Exercise 10.2: modulation coefficients  ●●○ · 10 minutes

# %%
def modulation(scores: dict[str, float], alpha: float) -> dict[str, float]:
    """The factor of each branch's gradient: smaller for who is ahead of the mean of the others, 1 for all else."""
    ### BEGIN SOLUTION
    factors = {}
    for name, score in scores.items():
        others = [other for branch, other in scores.items() if branch != name]
        rho = score / (sum(others) / len(others))
        factors[name] = 1 - tanh(alpha * rho) if rho > 1 else 1.0
    return factors
    ### END SOLUTION


# %%
check("10.2", modulation)

# %%
modulated, record_modulated = train(watched=1.0)
for step in (len(record_modulated) // 100, len(record_modulated) // 10, len(record_modulated) // 2):
    factors = coefficients(record_modulated[step], alpha=1.0)
    print(f"step {step}:", {name: f"{factor:.2f}" for name, factor in factors.items()})
made_modulated = made_by(modulated)
print({name: f"{probe(made_modulated, name):.2f}" for name in names}, "probed")

# %% [markdown]
# Soon the ear's gradient is nearly switched off, and yet the eye gains little. The likely reason: only the encoder is
# held back. The layer on top learns at full speed to name words by whatever features of sound it finds, so the joint
# answer gets right all the same, and $p - y$ fades for the eye as before. Is it our optimiser? Adam would divide out a
# factor that stayed the same for longer than its memory, about 1,000 steps. This run is shorter, and within its first
# tenth the factor falls from about 0.2 to about 0.01: Adam still remembers the larger gradients before. Peng et al.
# train with SGD, which divides out nothing. The stored table below has both, and with either the eye gets back only a
# small part of what it lacks. On their sets of sound and video it helped. You would not know without having probed.
#
# ## A cure: an exam for each
#
# If the eye stops because the joint exam is passed, give it an exam of its own. Each branch gets a linear head and a
# loss, and all losses are added:
#
# $$L = L_{\text{joint}} + \sum_m w_m L_m$$
#
# This is **gradient blending** (Wang, Tran, Feiszli 2020). They choose the weights $w_m$ by how much each branch
# generalises and overfits; here all are 1. How well will the eye see now, beside the one that was trained alone? Better
# (it has company), the same, or worse?

# %%
blend, _ = train(loss=blended(), own_heads=True)
made_blend = made_by(blend)
own_head = {name: accuracy(predict(blend.heads[name], made_blend["valid"][name]), "valid") for name in names}
compare({name: {"trained alone": alone[name], "blended, its own head": own_head[name],
                "plain joint training, probed": work[name]["joint training, probed"]} for name in names}, chance=1 / len(KINDS))
expect("10.blending", own_head["image"] - alone["image"])
print({f"no {name}": f"{without(blend, made_blend, name):.2f}" for name in names})

# %% [markdown]
# The eye sees again. Yet look at the last line: without sound the *joint* layer does worse than this eye alone, and it
# has the sentence besides. Its own loss was small early on, as before, so it never learned to lean on the picture.
# Blending cures the branch. It does not tell the layer above what to do when the ear is gone, because in training the
# ear was never gone.
#
# The other question, **co-learning**: train with three, use one (Baltrušaitis, Ahuja, Morency 2019 call it so). Did
# company make the eye better than it gets alone?

# %%
for split in ("test pages", "held-out voices"):
    seen = inputs[split][0]
    print(f"{split}: trained alone {accuracy(predict(single['image'], seen), split):.3f}, "
          f"in company {accuracy(predict(blend.heads['image'], made_blend[split]['image']), split):.3f}")

# %% [markdown]
# A tie, or a point or two either way. Nothing here flows from the ear to the eye: they share a loss, and no weights.
# Where co-learning helps, something is shared (a space of features, as in lesson 11) or one modality labels the other's
# data.
#
# ## Modality dropout
#
# So take the ear away in training too, at random, page by page. The joint layer has to answer with whatever is there,
# and the gradient reaches the eye on all the pages where it is needed. Neverova et al. 2016 did this for gestures
# (*ModDrop*).
#
# ### Exercise 10.3: who is there?  ●●○ · 10 minutes
#
# For every example and every modality, drop it with that modality's rate. An example that lost all gets one back, drawn
# at random: from nothing there is nothing to learn.

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
# Sound has overtaken the eye, and the pages without sound are the ones on which the eye is needed. So sound is dropped
# most. The rates below were chosen on the validation pages; the stored table has even ones beside them.

# %%
rates = {"image": 0.2, "sound": 0.7, "text": 0.3}
seed_everything()
print({name: f"{mask.float().mean():.2f}" for name, mask in ModalityDropout(rates)(10_000).items()}, "kept")
robust, _ = train(dropout=rates)
made_robust = made_by(robust)
left["with dropout"] = {f"no {name}": without(robust, made_robust, name) for name in names}
complete_robust = accuracy(decisions_of(robust, made_robust["test pages"]), "test pages")
compare({"plain": {"all there": complete} | left["plain"], "with dropout": {"all there": complete_robust} | left["with dropout"]})

# %%
expect("10.dropout_drop", (complete_robust - min(left["with dropout"].values())) / max(fall, 0.001))
expect("10.complete", complete - complete_robust)
print("the eye, probed:", f"{work['image']['joint training, probed']:.2f} plain, {probe(made_robust, 'image'):.2f} with dropout")

# %% [markdown]
# The same network, the same pages, as many steps, the same mean in the same place. The fall is well under half of what
# it was, and with everything there nothing is lost. Dropout helps both. The eye has pages on which nobody else answers,
# and most of it is back, if not all. And the layer above learns to do without the ear.
#
# It is no gift, though. Where every modality is needed *at once* (the statements of lesson 08) a page without one of
# them has no answer, and a model that trains on it learns to guess.
#
# ## What shall stand in?
#
# The mean is one choice of several. Without sound one can also
#
# - feed **silence**: an input that means nothing. What a forgotten plug really does;
# - leave it out by **mask**: `Concatenation` puts a vector there that it learned in training, if anything was missing
#   in training;
# - **generate** it: a small network predicts the features of the sound from those of picture and sentence (Ma et al.
#   2021 are one of many), trained on pages that have all three.
#
# Order these four, for the plain model and for the one with dropout.

# %%
silence = log_mel(torch.zeros(1, 12_000)).expand(len(test), -1, -1)


def imputed_accuracies(model: Branches, made: dict) -> dict[str, float]:
    """Accuracy on test pages without sound, by what stands in for it."""
    here, some = made["test pages"], inputs["test pages"]
    silent = features_of(model, (some[0], silence, some[2]))
    imputer = Imputer("sound", dict.fromkeys(names, 64))
    given = Batches(imputer.given(made["train"]), made["train"]["sound"])
    fit(imputer.layers, given, loss=F.mse_loss, metrics=(), epochs=5, verbose=False)
    invented = predict(imputer.layers, imputer.given(here))
    choices = {"silence": silent, "mean": here | {"sound": made["train"]["sound"].mean(dim=0).expand(len(test), -1)},
               "mask": {name: x for name, x in here.items() if name != "sound"}, "generated": here | {"sound": invented}}
    return {name: accuracy(decisions_of(model, some), "test pages") for name, some in choices.items()}


table = {"plain": imputed_accuracies(plain, made), "with dropout": imputed_accuracies(robust, made_robust)}
compare(table)

# %% [markdown]
# Silence is the worst for both. Nothing tells the network that a sound is missing: it gets a sound that it was never
# trained on, and takes its features for those of a word. Mean and mask are nearly the same for the plain model: its mask
# was never trained, so it is still zero, and the mean of these features is about zero. The generated stand-in helps the
# plain model a little, and it cannot do more: it looks with the plain model's eye, and none of the four makes up for a
# blind one. For the model with dropout the order of the other three means little: they lie within two points.
#
# ## Noise in place of absence
#
# More often a modality is there and bad. Noise on the log-mels, from none to four times their spread. Nobody tells the
# models.

# %%
levels = (0, 0.5, 1, 1.5, 2, 3, 4)
noise = torch.randn(inputs["test pages"][1].shape, generator=torch.Generator().manual_seed(0))
std = inputs["train"][1].std()
curves = {"plain": [], "with dropout": []}
for level in levels:
    noisy = (inputs["test pages"][0], inputs["test pages"][1] + level * std * noise, inputs["test pages"][2])
    for name, model in (("plain", plain), ("with dropout", robust)):
        curves[name].append(accuracy(decisions_of(model, features_of(model, noisy)), "test pages"))
plot_lines(curves, levels, xlabel="noise on the sound, in units of its spread", ylabel="accuracy", limits=(0, 1.02))

# %% [markdown]
# The model with dropout was never shown noise, and it is the better one with noise too: it leans less on the ear. But
# compare the curves with the bars for 'no sound' above. From about 1.5 spreads on, the noisy sound does more harm than
# the missing one, to both models, because both take it for a word. If you can tell that a microphone is broken, say so
# to the model: mask it.
#
# ## Which modality did it use?
#
# For the whole split or for one page, the question is the same. Take a **game**: a function $v$ of a set of
# modalities, here the mean probability of the right kind when only those are there. Four ways to ask (the last two
# share out the gain $v(\text{all}) - v(\text{none})$):
#
# - **ablation**: take one away, $v(\text{all}) - v(\text{all without } m)$;
# - **gradient × input**: how fast $v$ changes with the features where they are, times the features;
# - **integrated gradients** (Sundararajan et al. 2017): the mean gradient along the straight way from 'nothing' to the
#   input, times that way, input minus 'nothing'. Here 'nothing' is what the mask puts in: zeros in the plain model, a
#   vector that it learned in the one with dropout;
# - **Shapley values** (1953): let them come in one after the other; a modality gets what it adds when it comes, on
#   average over all orders.
#
# By hand, for two: $v() = 0.1$, $v(a) = 0.9$, $v(b) = 0.9$, $v(ab) = 0.9$. Ablation: 0 and 0. In the order $a, b$ the
# first adds 0.8 and the second nothing, in the other order the other way round: 0.4 and 0.4.

# %% tags=["nbval-check-output"]
either = {frozenset(): 0.1, frozenset({"a"}): 0.9, frozenset({"b"}): 0.9, frozenset({"a", "b"}): 0.9}
for way in (ablation, shapley):
    print(f"{way.__name__:9}", {name: round(attribution, 3) for name, attribution in way(either.get, ("a", "b")).items()})

# %% [markdown]
# ### Exercise 10.4: Shapley values  ●●● · 20 minutes
#
# $$\phi_m = \sum_{S \not\ni m} \frac{|S|!\,(M - |S| - 1)!}{M!} \bigl(v(S \cup \{m\}) - v(S)\bigr)$$
#
# `value` takes a `frozenset` of names. `combinations(names, size)` gives all subsets of a size; or go through all
# orders.

# %%
def shapley_values(value, names: tuple[str, ...]) -> dict[str, float]:
    """What each name adds on average over all orders.   value(frozenset) -> number"""
    ### BEGIN SOLUTION
    attributions = {}
    for name in names:
        others = [other for other in names if other != name]
        attributions[name] = 0.0
        for size in range(len(names)):
            weight = factorial(size) * factorial(len(names) - size - 1) / factorial(len(names))
            for some in combinations(others, size):
                attributions[name] += weight * (value(frozenset(some) | {name}) - value(frozenset(some)))
    return attributions
    ### END SOLUTION


# %%
check("10.4", shapley_values)

# %% [markdown]
# Now the plain model and the one with dropout. Which modality will ablation call the most important, which Shapley? And what
# will gradient × input say of a model that is nearly always sure?

# %%
def attributions_of(model: Branches, made: dict) -> dict[str, dict[str, float]]:
    """Each modality's share of the probability of the right kind, on the test pages, by four ways to ask."""
    some = {name: x.to(device()) for name, x in made["test pages"].items()}
    game = probability_game(model.decide, some, labels["test pages"].to(device()))                  # set -> (N,)
    ways = {"ablation": ablation(game, names), "Shapley": shapley(game, names)}
    for name, method in (("gradient x input", "input"), ("integrated gradients", "integrated")):
        ways[name] = gradient_attributions(model.decide, some, labels["test pages"].to(device()), method, model.join.missing_embedding)
    whole = (game(frozenset(names)) - game(frozenset())).mean().item()
    table = {way: {name: attribution.mean().item() for name, attribution in attributions.items()} for way, attributions in ways.items()}
    print(f"v(all) - v(none) = {whole:.3f}; sums:", {way: round(sum(row.values()), 3) for way, row in table.items()})
    return table


ways = attributions_of(plain, made)
compare(ways, label="share of the probability of the right kind, plain")
expect("10.shapley_sums", abs(sum(ways["Shapley"].values()) - sum(ways["integrated gradients"].values())))

# %%
compare(attributions_of(robust, made_robust), label="share of the probability of the right kind, with dropout")

# %% [markdown]
# Four answers to one question, and none is wrong.
#
# - **Ablation** asks who is missed. The picture is missed by neither model, and yet Shapley gives it about a quarter in
#   the second: the ear steps in for the eye. That is redundancy, and not uselessness. The sum of the ablations
#   need not be the whole: what two modalities both know is in none of them.
# - **Gradient × input** asks what a *small* change would do. The softmax is saturated, so: next to nothing.
# - **Integrated gradients** and **Shapley values** share out the whole: both sums are the gain from nothing to
#   everything. The one goes from nothing to everything on a straight line, all modalities rising together; the other
#   goes along the edges, one modality at a time, through combinations that really occur when something is missing.
#
# For 'what happens if it fails', read the ablation. For 'who contributed', Shapley. One choice is left to you, and it
# matters most: what 'nothing' is. Here it is the mask. Silence as 'nothing' would be another game, with other shares.
#
# ## Play: mute and drown
#
# Choose a page. Mute a modality, or turn up its noise, and watch both models at once. Find a page on which, with the
# sound muted, the plain one is wrong with a clear picture and a blotted sentence.

# %%
shown = [i for i in range(40) if test.name_masked[i]][:6] + [i for i in range(40) if not test.name_masked[i]][:3]
missing_explorer({"plain": plain, "with dropout": robust}, [part[shown] for part in inputs["test pages"]],
                 labels["test pages"][shown], KINDS, images=torch.stack([test.book.image(i, 128) for i in shown]),
                 captions=[test.sentences[i] for i in shown])

# %% [markdown]
# One seed is an anecdote. A script of the project (`benchmarks/missing.py`) trained each of them on five seeds, on other
# pages each time:

# %%
show_stored_table("10_missing")

# %% [markdown]
# Read the column 'without sound': blending *and* dropout together are best where the ear is gone, and cost nothing.
# Then find the row 'blended' and its 'generated' stand-in. Once the eye sees, what it sees is enough to predict the
# missing features, and the joint layer gets what it was trained on: a second way to cope with it, without dropout, as long
# as you know what is missing and have trained a generator for it.
#
# ## The clinic
#
# Someone evaluates both of your models. Of the pages some lack a modality, as in life.

# %%
def buggy_report(decide, features: dict[str, Tensor], labels: Tensor, means: dict[str, Tensor]) -> dict[str, float]:
    """Accuracy of a model that takes {name: (N, D)} to logits."""
    complete = torch.stack([~x.isnan().any(dim=1) for x in features.values()]).all(dim=0)           # (N,)
    logits = decide({name: x[complete] for name, x in features.items()})
    return {"accuracy": (logits.argmax(dim=1) == labels[complete]).float().mean().item()}


torch.manual_seed(0)
gaps, cases = {name: torch.rand(len(test), 1) < 0.2 for name in names}, {}
for row, model, made_here in (("plain", plain, made), ("with dropout", robust, made_robust)):
    lacking = {name: x.masked_fill(gaps[name], torch.nan) for name, x in made_here["test pages"].items()}
    means = {name: x.mean(dim=0) for name, x in made_here["train"].items()}
    cases[row] = (lambda some, model=model: decisions_of(model, some)), lacking, means
    print(f"{row:12}: the patient's report", buggy_report(cases[row][0], lacking, labels["test pages"], means))
print({name: f"{gap.float().mean():.2f} missing" for name, gap in gaps.items()})

# %% [markdown]
# These figures cannot tell one model from the other. The line that does it looks like tidiness: it keeps the rows that
# are complete. Statisticians call that a complete-case analysis, and here it removes the very question.
#
# ### Exercise 10.debug: a report that can be bad  ●●○ · 15 minutes
#
# Give the accuracy for **every non-empty set** of modalities, with the training mean for the others. The key is the
# names in the dict's order, joined by '+', such as `"image+text"`. A row that lacks a modality (NaN) gets the mean
# there as well: no row is left out.

# %%
def report(decide, features: dict[str, Tensor], labels: Tensor, means: dict[str, Tensor]) -> dict[str, float]:
    """Accuracy for every non-empty set of modalities.   decide({name: (N, D)}) -> (N, K), means {name: (D,)}"""
    ### BEGIN SOLUTION
    figures = {}
    for size in range(1, len(features) + 1):
        for kept in combinations(features, size):
            filled = {}
            for name, x in features.items():
                there = torch.tensor(name in kept) & ~x.isnan().any(dim=1, keepdim=True)            # (N, 1)
                filled[name] = torch.where(there, x, means[name])
            figures["+".join(kept)] = (decide(filled).argmax(dim=1) == labels).float().mean().item()
    return figures
    ### END SOLUTION


# %%
check("10.debug", report)

# %%
try:
    rows = {}
    for row, (decide, lacking, means) in cases.items():
        whole = {"plain": made, "with dropout": made_robust}[row]["test pages"]
        rows[row] = report(decide, whole, labels["test pages"], means)
        everything = report(decide, lacking, labels["test pages"], means)["+".join(names)]
        print(f"{row:12}: {everything:.3f} on all the patient's pages, with their gaps")
    compare({kept: {row: figures[kept] for row, figures in rows.items()} for kept in rows["plain"]})
except NotImplementedError:
    print("do the exercise first")

# %% [markdown]
# ## On real data: a digit, written, spoken and spelt
#
# Handwritten digits (MNIST), spoken ones (Jackson et al., the free spoken digit dataset), and their English words. Of
# six speakers two are held out, three times over; written digits for testing come from the test split. A caution, as in
# lesson 08: these were never one event. They are paired **by label**, and the spelt word *is* the label. There is no
# stronger competitor.

# %%
rows = {split: real.load_or_explain("mnist", split) for split in ("train", "test")}
recordings = real.load_or_explain("free_spoken_digits", "train")
have = all((*rows.values(), recordings))
if have:
    written = {split: real.images(part.shuffle(seed=0).select(range(examples(most))))
               for (split, part), most in zip(rows.items(), (6_000, 3_000), strict=True)}
    spoken = collate([same_loudness(real.sound(row)[0]) for row in recordings], samples=6_000)                     # (2700, 6000)
    said, speakers = torch.tensor(recordings["label"]), recordings["speaker"]
    spelt = torch.tensor(encode("zero one two three four five six seven eight nine"))[:, None]                      # (10, 1)

# %% [markdown]
# Plain training and modality dropout again; the word is dropped most, at rates that were a first guess and stayed. How
# good will the plain model be without the word? It has a handwritten digit *and* a voice.

# %%
if have:
    people, figures = sorted(set(speakers)), {"plain": [], "with dropout": []}
    for held in (people[:2], people[2:4], people[4:]):
        new = torch.tensor([speaker in held for speaker in speakers])
        mels = LogMel(rate=8_000, hop=0.020).fit(spoken[~new][::5])(spoken)                                         # (2700, 40, 38)
        digits = {}
        for split, voices in (("train", ~new), ("test", new)):
            images, truth = written[split]
            digits[split] = (images, mels[voices][partners(truth, said[voices])], spelt[truth]), truth
        for name, drop in (("plain", None), ("with dropout", {"image": 0.3, "sound": 0.3, "text": 0.8})):
            seed_everything()
            model = Branches(encoders() | {"image": ImageEncoder((16, 32, 64), in_channels=1)}, 64, 10, dropout=drop)
            fit(model, Batches(*digits["train"][0], digits["train"][1]), metrics=(), epochs=3, lr=1e-2, verbose=False)
            some, truth = features_of(model, digits["test"][0]), digits["test"][1]
            sets = {"+".join(kept): decisions_of(model, {part: some[part] for part in kept})
                    for kept in (names, ("image", "sound"), ("image",), ("sound",))}
            figures[name].append({kept: (logits.argmax(dim=1) == truth).float().mean().item() for kept, logits in sets.items()})
    real_table = {name: {kept: sum(row[kept] for row in folds) / 3 for kept in folds[0]} for name, folds in figures.items()}
    compare(real_table, chance=0.1)

# %%
if have:
    falls = {name: row["image+sound+text"] - row["image+sound"] for name, row in real_table.items()}
    expect("10.real_plain_drop", falls["plain"])
    expect("10.real_dropout_drop", falls["with dropout"] / max(falls["plain"], 0.001))
    expect("10.real_complete", real_table["plain"]["image+sound+text"] - real_table["with dropout"]["image+sound+text"])

# %% [markdown]
# Asked alone, the plain model's eye names about two digits in three; with dropout the same network on the same digits
# names well over nine in ten. The ear gains as well, if not as much. Whether the branch or the joint layer was behind, only a probe
# would tell. And with everything there, the plain model looks perfect.
#
# Where it is used: **a car with several sensors.** A camera is blind in low sun, a microphone in wind, and most of the
# time both say the same; that is why one can stand in for the other, and why a joint model may never have learned to.
# **Diagnosis from pictures and records**: some patients have no scan. What the toy leaves out: here modalities fail at
# random. In a hospital a scan may be missing *because* the doctor was not worried, so that absence itself tells
# something, and the mean of the others is a wrong guess for this patient. And rates of dropout that were tuned for one
# failure say nothing of two at once.

# %%
quiz("10")

# %% [markdown]
# ## What you have now
#
# - A report with a row for every set of modalities, and the reflex to ask for it.
# - Two measurements that tell a branch which cannot from one that did not: trained alone, and probed.
# - Two cures by name and by hand: an exam for each branch, and pages without the leader. One that helped little here,
#   and why.
# - Stand-ins from silence to a generated one, and that none makes up for a blind branch.
# - Ablation, gradients and Shapley values, and which question each of them answers.
#
# Next: 11 A shared space, where pictures, words and sound become neighbours, and one can stand in for the other by more
# than a mean.
#
# **Sources.** Wang, Tran, Feiszli 2020, *What makes training multi-modal classification networks hard?*: gradient
# blending. Peng et al. 2022, *Balanced multimodal learning via on-the-fly gradient modulation*. Huang et al. 2022,
# *Modality competition: what makes joint training of multi-modal network fail in deep learning? (Provably)* Neverova et
# al. 2016, *ModDrop: adaptive multi-modal gesture recognition*. Ma et al. 2021, *SMIL: multimodal learning with
# severely missing modality*: features made up where they are missing, in training as well. Baltrušaitis, Ahuja, Morency
# 2019, *Multimodal machine learning: a survey and taxonomy*: co-learning. Shapley 1953, *A value for n-person games*.
# Sundararajan, Taly, Yan 2017, *Axiomatic attribution for deep networks*. Shrikumar et al. 2016, *Not just a black
# box*: gradient × input. LeCun et al. 1998: MNIST. Jackson et al., *Free spoken digit dataset*.
