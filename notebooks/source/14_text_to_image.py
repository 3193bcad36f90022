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
# # 14 · Text to image
#
# **You will train three generators that draw a page from a sentence, and derive how the best of them works: flow
# matching in the codes of an autoencoder. Judges that had no part in the training measure whether the image shows what
# the sentence says.**
#
# Runs in about 6 minutes · takes 150 minutes to work through · before this: [06 Autoencoders](06_autoencoders.ipynb):
# codes, perceptual loss, VAE; [07 GANs](07_gans.ipynb): adversarial training, projection; [11 A shared
# space](11_shared_space.ipynb): the text encoder; [09 Cross-attention](09_cross_attention.ipynb): FiLM.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. condition a VAE and a GAN on a sentence, and say what the noise is left to decide;
# 2. derive the velocity that flow matching learns, and generate with Euler's method;
# 3. derive classifier-free guidance, and choose its scale on validation data;
# 4. measure with independent judges whether generated images show what was asked, held-out combinations included;
# 5. recognise a generator that ignores its condition.

# %%
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, begin, check, expect, fit, fit_adversarial, hint, predict, quiz, show
from mmcourse.data import real, text
from mmcourse.metrics import diversity
from mmcourse.models import conditional, flow, perceptual, text_to_image, vae, velocity
from mmcourse.models.sentence_condition import SentenceCondition
from mmcourse.settings import examples, steps
from mmcourse.show import diagrams
from mmcourse.tasks import drawing
from mmcourse.training import shipped

begin("14")

# %% [markdown]
# ## Look: sentences and pages
#
# The data are pages with one object and their sentences. As in lesson 07, the models that you train here get pages
# with a **big** object in daylight only; the shipped model, which you meet later, was trained on all pages. A sentence
# fixes the object, its colour and its size. It leaves open where the object stands, how it is turned, and the
# background.

# %%
train = drawing.described_pages("train", pages=48_000, big=True)
valid, test = (drawing.described_pages(split, pages=6_400, big=True) for split in ("valid", "test"))
held_out = drawing.described_pages("held_out_pairs", pages=6_400, big=True)
print(tuple(train.images.shape), tuple(train.tokens.shape), len(valid), len(test), len(held_out))
show.show_images(train.images[:8], titles=train.sentences[:8], columns=4)

# %% [markdown]
# ## How to judge an image
#
# There is no single correct image of a sentence, so a pixel distance to the page says little. Two **judges** name
# object, colour and size in the generated image. An image counts as correct if object and colour are those of the
# sentence. The judges share no weights with any network of this lesson. Of the two results the lower one counts, so
# that an artefact which fools one judge does not help.

# %%
judges = [shipped.load(name) for name in ("image_judge", "second_image_judge")]
print("test pages", drawing.facts_shown(test.images, test.facts, judges))

# %% [markdown]
# ## Baselines
#
# The first baseline draws nothing: it returns the training page whose sentence has the most similar vector in lesson
# 11's shared space. The second returns the mean image of all training pages with the nearest sentence's object.
# Predict both results on test sentences, and on held-out combinations such as a red apple, which no training page
# shows.

# %%
sentence_condition = SentenceCondition(shipped.load("shared_space").tower("text"))                   # tokens (B, T) -> (B, 128)
train_conditions = sentence_condition(train.tokens)                                                 # (N, 128)
results = {"nearest sentence's page": {}, "mean image of the object": {}}
for split, pages in {"test": test, "held-out combinations": held_out}.items():
    nearest = (sentence_condition(pages.tokens) @ train_conditions.T).argmax(dim=1)                  # (B,)
    kinds = train.facts[nearest, 0]
    means = {kind: train.images[train.facts[:, 0] == kind].mean(dim=0) for kind in kinds.unique().tolist()}
    mean_images = torch.stack([means[kind] for kind in kinds.tolist()])
    for name, images in {"nearest sentence's page": train.images[nearest], "mean image of the object": mean_images}.items():
        results[name][split] = drawing.facts_shown(images, pages.facts, judges)["object and colour"]
show.compare(results, label="object and colour correct")

# %% [markdown]
# Retrieval is nearly perfect for combinations that it has seen, and fails for all others: the nearest page has another
# object or another colour. A generator must do better than this on held-out combinations. The mean image is a blur in
# a mixture of colours.

# %% [markdown]
# ## The sentence as a condition
#
# All generators of this lesson get the sentence as one **condition vector** $c$ of 128 numbers. It comes from the text
# encoder of lesson 11's shared space, whose weights are frozen. Each vector is scaled to a mean square of 1. The empty
# sentence becomes the zero vector; you will need it for guidance.

# %%
diagrams.sentence_conditioning()

# %% [markdown]
# The condition reaches a decoder by FiLM, as in lesson 09: linear maps of the input give a scale $\gamma$ and a shift
# $\beta$ for each channel, and feature maps $h$ become $(1 + \gamma) h + \beta$. With $h = 2$, $\gamma = 0.5$ and
# $\beta = -1$ the result is $1.5 \cdot 2 - 1 = 2$.

# %% tags=["nbval-check-output"]
h, gamma, beta = torch.tensor(2.0), torch.tensor(0.5), torch.tensor(-1.0)
print(((1 + gamma) * h + beta).item())


# %%
class DecoderByHand(nn.Module):
    """Noise and condition, side by side, to images in [0, 1].   (B, Z + D) -> (B, 3, 32, 32)"""

    def __init__(self, n_inputs: int, widths: tuple[int, ...] = (96, 64, 48, 32)):
        super().__init__()
        pairs = list(zip(widths, widths[1:]))
        self.linear = nn.Linear(n_inputs, widths[0] * 4 * 4)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, affine=False) for _, b in pairs)
        self.modulations = nn.ModuleList(nn.Linear(n_inputs, 2 * b) for _, b in pairs)
        self.to_image = nn.Conv2d(widths[-1], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.linear(x).relu().unflatten(1, (-1, 4, 4))                                       # (B, C, 4, 4)
        for convolution, norm, modulation in zip(self.convolutions, self.norms, self.modulations):
            gamma, beta = modulation(x)[:, :, None, None].chunk(2, dim=1)                            # (B, C', 1, 1)
            maps = norm(convolution(F.interpolate(maps, scale_factor=2)))                           # (B, C', 2H, 2W)
            maps = ((1 + gamma) * maps + beta).relu()
        return self.to_image(maps).sigmoid()                                                        # (B, 3, 32, 32)


print(tuple(DecoderByHand(24 + 128)(torch.randn(2, 24 + 128)).shape))

# %% [markdown]
# Each step doubles height and width by repeating every value, then convolves. `conditional.ModulatedDecoder` is the
# same. Its FiLM layers replace the learned scale and shift of batch normalisation, hence `affine=False`.

# %% [markdown]
# ## A conditional VAE
#
# Lesson 06's VAE maximises a lower bound of $\ln p(x)$. Here everything is conditional on the sentence's vector $c$
# (Sohn, Lee and Yan 2015). The derivation stays the same, with $c$ behind each bar:
#
# $$\ln p(x \mid c) \ge \mathbb{E}_{q(z \mid x, c)}\big[\ln p(x \mid z, c)\big] - \mathrm{KL}\big(q(z \mid x, c) \,\|\, p(z)\big)$$
#
# The decoder knows what the sentence says, so the code $z$ need not repeat it: every number of the code costs KL
# divergence. The code keeps what the sentence leaves open. To generate, draw $z \sim \mathcal{N}(0, I)$.

# %% [markdown]
# Which loss for $\ln p(x \mid z, c)$? Train one model with squared error, and one with lesson 06's perceptual loss
# added. Both get the same network, data and number of steps. Predict which facts suffer most without the perceptual
# loss: object, colour or size?

# %%
perceptual_loss = perceptual.PerceptualLoss(shipped.load("image_encoder").encoder)


def squared_elbo(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    return vae.negative_elbo(outputs, x, beta=0.3)


def perceptual_elbo(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    """Squared error, perceptual distance and KL divergence, all as sums over an image."""
    features = perceptual_loss.feature_distance(outputs[0], x) * x[0].numel() / 2
    return squared_elbo(outputs, x) + perceptual_loss.weight * features


def new_vae() -> conditional.ConditionalVAE:
    return conditional.ConditionalVAE(sentence_condition, widths=(96, 64, 48, 32))


# %%
drawers, batches = {}, Batches(train.images, train.tokens, train.images)
for name, loss in {"VAE, squared error": squared_elbo, "VAE, perceptual loss": perceptual_elbo}.items():
    drawers[name] = new_vae()
    fit(drawers[name], batches, loss=loss, metrics=(), epochs=4, lr=4e-3, verbose=False)
    print(f"{name:22}", drawing.facts_shown(drawers[name].generate(test.tokens, seed=0), test.facts, judges))

# %%
drawn = torch.cat([model.generate(test.tokens[:8], seed=0) for model in drawers.values()])
show.show_images(drawn, titles=test.sentences[:8] * 2, columns=8, alt="Eight pages drawn by each VAE")

# %% [markdown]
# ## A conditional GAN
#
# The generator has the same decoder; its input is noise beside the condition. The discriminator scores an image
# together with a sentence by projection, as in lesson 07, with a linear map $V$ of the condition in place of the
# label's embedding:
#
# $$D(x, c) = w^\top \phi(x) + b + (V c)^\top \phi(x)$$
#
# `fit_adversarial` treats a sentence as a label of several attributes, one for each word.

# %%
length, adam = train.tokens.shape[1], partial(torch.optim.Adam, betas=(0.0, 0.99))
generator = conditional.SentenceGenerator(length, sentence_condition, widths=(96, 64, 48, 32))
discriminator = conditional.SentenceDiscriminator(length, sentence_condition)
history = fit_adversarial(generator, discriminator, Batches(train.images, train.tokens, size=32), loss="hinge", epochs=6,
                          lr=1e-3, optimiser=adam, schedule=lambda done: 1 - done)
drawers["GAN"] = generator
print(drawing.facts_shown(generator.generate(test.tokens, seed=0), test.facts, judges))
show.show_images(generator.generate(test.tokens[:8], seed=0), titles=test.sentences[:8], columns=8)
