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
# # 07 · Generative adversarial networks
#
# **You will train a generator that draws new images of a chosen kind of object. A classifier that had no part in the
# training recognises the kind in about half of them. For the shipped generator, which was trained for longer, it does
# so in almost 90%.**
#
# Runs in about 7 minutes · takes 120 minutes to work through · before this: [01 Images](01_images.ipynb): convolutions,
# batch normalisation; [06 Autoencoders](06_autoencoders.ipynb): decoders, latent spaces.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. compute the optimal discriminator from two densities, and explain the non-saturating loss by its gradient;
# 2. write both steps of adversarial training, and say which parameters each step changes;
# 3. condition a generator and a discriminator on a class;
# 4. measure the accuracy, diversity and Fréchet distance of generated images;
# 5. recognise mode collapse and a discriminator that wins at once.

# %%
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from mmcourse import Batches, begin, check, expect, fit, fit_adversarial, hint, predict, quiz, show
from mmcourse.data import real
from mmcourse.metrics import distinct_fraction, diversity
from mmcourse.models import cnn, gan
from mmcourse.picturebook.scene import COLOURS, HELD_OUT_PAIRS, KINDS
from mmcourse.settings import examples, steps
from mmcourse.show import diagrams
from mmcourse.tasks.big_objects import big_objects
from mmcourse.training import shipped

begin("07")

# %% [markdown]
# ## Look: what to generate
#
# The data are pages that show one **big** object in daylight, 32 × 32 pixels. Small objects (11 pixels) and dark
# backgrounds need longer training than a lesson allows, so they are left out. `K` is the number of kinds of object, 14.
# Lesson 06's autoencoder reconstructs an image that it is given. A generator gets no image: it must draw a new one from
# noise.

# %%
images, kinds, colours = big_objects("train", pages=48_000)
test_images, test_kinds, _ = big_objects("test", pages=12_000)
K = len(KINDS)
print(tuple(images.shape), tuple(test_images.shape))
show.show_images(images[:16], titles=[KINDS[kind] for kind in kinds[:16]])

# %% [markdown]
# ## How to score generated images
#
# No target image exists, so a **judge** measures three quantities. The judge is a shipped classifier; the GAN is never
# trained with it.
#
# 1. **Accuracy**: for what fraction of the images does the judge predict the requested kind?
# 2. **Diversity**: the mean distance between two images of the same kind in the judge's features, divided by that of
#    test pages.
# 3. **Distinct**: the fraction of images that are not near-copies of an earlier one. A near-copy is closer than
#    `threshold`; only 1% of test pages have a neighbour that close.

# %%
judge = shipped.load("image_judge")
test_features = predict(judge.encoder, test_images).cpu()                                          # (N, D)
neighbours = torch.cdist(test_features, test_features).fill_diagonal_(torch.inf).amin(dim=1)       # (N,)
threshold = neighbours.quantile(0.01).item()


def evaluate_samples(samples: Tensor, requested: Tensor) -> dict[str, float]:
    """Accuracy, diversity relative to test pages, fraction of distinct samples.   (N, 3, 32, 32), (N,)"""
    features = predict(judge.encoder, samples).cpu()
    correct = judge.predict(samples)[:, 0].cpu() == requested.cpu()
    return {"accuracy": correct.float().mean().item(),
            "diversity": diversity(features, requested) / diversity(test_features, test_kinds),
            "distinct": distinct_fraction(features, threshold)}


# %% [markdown]
# ## Baselines
#
# Both baselines generate nothing new. The first draws the mean training image of the requested kind. The second copies
# training images of that kind. Predict all three scores for both before you run the cell.

# %%
requested = torch.arange(examples(1_400)) % K                                                       # (N,)
means = torch.stack([images[kinds == kind].mean(dim=0) for kind in range(K)])                       # (K, 3, 32, 32)
copies = torch.empty(len(requested), 3, 32, 32)
for kind in range(K):
    of_kind = images[kinds == kind]                                                                 # (M, 3, 32, 32)
    positions = (requested == kind).nonzero()[:, 0]
    copies[positions] = of_kind[torch.arange(len(positions)) % len(of_kind)]
results = {"mean image": evaluate_samples(means[requested], requested), "copies": evaluate_samples(copies, requested)}
for name, row in results.items():
    print(f"{name:12}", {key: round(value, 2) for key, value in row.items()})
show.show_images(means, titles=KINDS, columns=7)

# %% [markdown]
# The mean image minimises the squared error, but does not look like any page: it averages over positions and colours.
# Its diversity is 0, since every image of a kind is the same. Copies get the best scores. These scores therefore do not
# detect a generator that memorises its training images; a later section checks for copies.

# %% [markdown]
# ## The game
#
# A **generative adversarial network** (GAN, Goodfellow et al. 2014) learns without target images. A **generator** $G$
# turns noise $z$ into a sample $G(z)$. A **discriminator** $D$ gets a real sample $x$ or a generated one, and outputs
# the probability that its input is real. $D$ is trained to be correct, and $G$ to make $D$ wrong:
#
# $$\min_G \max_D \; \mathbb{E}_{x}\big[\ln D(x)\big] + \mathbb{E}_{z}\big[\ln (1 - D(G(z)))\big]$$
#
# $\mathbb{E}$ is the expected value, the mean over the samples in its subscript. This is the **minimax** form of the
# game.

# %% [markdown]
# Start in one dimension. Real samples are normally distributed around 2, and $G(z) = a + b z$ has two parameters. The
# discriminator computes a logit, here called its **score** $s$; the probability is $D = \sigma(s)$. `F.softplus(s)` is
# $\ln(1 + e^s)$, which gives both logarithms: $-\ln \sigma(s)$ is `softplus(-s)`, and $-\ln(1 - \sigma(s))$ is
# `softplus(s)`. A later section explains the generator's loss.

# %%
def train_toy_gan(n_steps: int, grid: Tensor, fixed_noise: Tensor, lr: float = 0.02) -> list[dict]:
    """Train both networks on one-dimensional samples; returns what the animation shows of every step."""
    generator = nn.Linear(1, 1)                                                                     # a + b z
    discriminator = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))                    # the score s
    g_optimizer = torch.optim.Adam(generator.parameters(), lr, betas=(0.5, 0.9))
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr, betas=(0.5, 0.9))
    frames = []
    for step in range(n_steps):
        real_samples, z = 2 + 0.5 * torch.randn(256, 1), torch.randn(256, 1)
        fake_samples = generator(z).detach()                                                        # no gradient to G
        d_loss = F.softplus(-discriminator(real_samples)).mean() + F.softplus(discriminator(fake_samples)).mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = F.softplus(-discriminator(generator(z))).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        with torch.no_grad():
            frames.append({"step": step, "samples": generator(fixed_noise)[:, 0],
                           "discriminator": discriminator(grid).sigmoid()[:, 0],
                           "discriminator_loss": d_loss.item(), "generator_loss": g_loss.item()})
    return frames


# %%
grid, fixed_noise = torch.linspace(-3, 5, 160)[:, None], torch.randn(500, 1)                        # (G, 1), (500, 1)
frames = train_toy_gan(steps(600), grid, fixed_noise)
density = torch.distributions.Normal(2, 0.5).log_prob(grid[:, 0]).exp()                             # (G,)
show.game(grid[:, 0], density, frames)

# %% [markdown]
# Press play, or move the slider. Within a few steps $D$ separates the two groups. The gradient of its score tells $G$
# in which direction to move its samples. When both densities agree, the optimal $D$ outputs 1/2 wherever there are
# samples: its score is constant there, and $G$ gets no gradient.
#
# The losses do not fall towards 0. They end near $2 \ln 2 = 1.39$ for $D$ and $\ln 2 = 0.69$ for $G$, the losses of a
# discriminator that outputs 1/2 for every sample.

# %% [markdown]
# ## The optimal discriminator
#
# Keep the generator fixed. Let $p_{\text{data}}$ and $p_G$ be the densities of real and generated samples. At one point
# $x$ the discriminator maximises $p_{\text{data}} \ln D + p_G \ln(1 - D)$. Its derivative with respect to $D$ is
# $p_{\text{data}} / D - p_G / (1 - D)$, which is 0 for
#
# $$D^*(x) = \frac{p_{\text{data}}(x)}{p_{\text{data}}(x) + p_G(x)}$$
#
# With densities 0.3 and 0.1 the optimum is $0.3 / 0.4 = 0.75$. A search over 999 values of $D$ finds the same.

# %% tags=["nbval-check-output"]
candidates = torch.linspace(0.001, 0.999, 999)                                                      # (999,)
best = candidates[(0.3 * candidates.log() + 0.1 * (1 - candidates).log()).argmax()]
print(f"formula {0.3 / 0.4:.3f}   search {best:.3f}")

# %% [markdown]
# ### Exercise 07.1: the optimal discriminator  ●○○ · 5 minutes
#
# You get both densities at the same points; all values are positive and can be very small. Leave the densities as they
# are. Return the output of the optimal discriminator at each point.

# %%
def optimal_discriminator(p_data: Tensor, p_generated: Tensor) -> Tensor:
    """Probability that an example is real, given both densities at it.   (N,), (N,) -> (N,)"""
    ### BEGIN SOLUTION
    return p_data / (p_data + p_generated)
    ### END SOLUTION


# %%
check("07.1", optimal_discriminator)

# %% [markdown]
# ## Why the loss is non-saturating
#
# Early in training the generator is poor, and $D$ is confident: for example $D(G(z)) = 0.01$. How large is the gradient
# of the generator's loss with respect to the score $s$, where $D = \sigma(s)$?
#
# $$\frac{\partial}{\partial s} \ln(1 - \sigma(s)) = -\sigma(s) = -0.01 \qquad
# \frac{\partial}{\partial s} \big(-\ln \sigma(s)\big) = -(1 - \sigma(s)) = -0.99$$
#
# The first is the minimax loss. It saturates: its gradient is smallest where $G$ is worst. Goodfellow et al. (2014)
# therefore minimise $-\ln D(G(z))$ instead, the **non-saturating** loss.

# %% tags=["nbval-check-output"]
score_of_fake = torch.tensor(0.01).logit().requires_grad_()
for name, loss in (("minimax", -F.softplus(score_of_fake)), ("non-saturating", F.softplus(-score_of_fake))):
    print(f"{name:15} {torch.autograd.grad(loss, score_of_fake)[0]:.2f}")

# %% [markdown]
# Both losses are computed with `softplus`, directly from the score. Computing the probability first fails for large
# scores: in floating point $\sigma(200)$ is exactly 1, and $\ln(1 - 1)$ is $-\infty$. `softplus(200)` is 200.

# %% [markdown]
# ### Exercise 07.2: both losses from scores  ●●○ · 15 minutes
#
# The discriminator's loss is the sum of two means: of $-\ln D$ over the real samples and of $-\ln(1 - D)$ over the
# generated ones. The generator's loss is the non-saturating one, a mean too. Compute both from scores (logits), and
# keep their dtype. Gradients must reach the scores, those of 0 as well. Both losses must also be exact for scores of
# ±200, where the sigmoid is 0 or 1 in floating point. Stuck? `hint("07.2")` in a cell of its own gives a hint.

# %%
def gan_losses(real_scores: Tensor, fake_scores: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss of the discriminator, non-saturating mean loss of the generator.   (B,), (B,) -> (), ()"""
    ### BEGIN SOLUTION
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return d_loss, F.softplus(-fake_scores).mean()
    ### END SOLUTION


# %%
check("07.2", gan_losses)

# %% [markdown]
# ## A convolutional generator
#
# DCGAN (Radford, Metz and Chintala 2016) is a convolutional architecture for both networks, with comparatively stable
# training. Its generator reverses the order of lesson 01's classifier: a linear layer makes 128 feature maps of 4 × 4.
# Each **transposed convolution** with stride 2 then doubles height and width, as in lesson 06's decoder.

# %%
diagrams.dcgan_generator()

# %% [markdown]
# A transposed convolution of kernel width $k$, stride $s$ and padding $p$ makes $(n - 1) s - 2p + k$ positions from
# $n$. For $n = 4$, $k = 4$, $s = 2$, $p = 1$: $3 \cdot 2 - 2 + 4 = 8$.

# %% tags=["nbval-check-output"]
double = nn.ConvTranspose2d(1, 1, kernel_size=4, stride=2, padding=1)
print((4 - 1) * 2 - 2 * 1 + 4, tuple(double(torch.zeros(1, 1, 4, 4)).shape))


# %%
class GeneratorByHand(nn.Module):
    """Noise to images in [0, 1].   (B, Z) -> (B, 3, 32, 32)"""

    def __init__(self, latent_size: int = 64):
        super().__init__()
        self.latent_size = latent_size
        self.linear = nn.Linear(latent_size, 128 * 4 * 4, bias=False)
        layers = [nn.BatchNorm2d(128), nn.ReLU()]
        for a, b in ((128, 64), (64, 32)):
            layers += [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(32, 3, 4, 2, 1))

    def forward(self, z: Tensor) -> Tensor:
        maps = self.linear(z).unflatten(1, (128, 4, 4))                                             # (B, 128, 4, 4)
        return self.layers(maps).sigmoid()                                                          # (B, 3, 32, 32)


# %% [markdown]
# Our last layer is a sigmoid, since pixels lie in $[0, 1]$; DCGAN ends in tanh. The discriminator first maps pixels to
# $[-1, 1]$. Its activation is **leaky ReLU**, $\max(x, 0.2 x)$, as in DCGAN. The generator's gradients pass through
# this activation, and ReLU would set those of negative values to 0. Unlike DCGAN's discriminator, ours has no batch
# normalisation, so the score of an image depends on this image alone.

# %%
class DiscriminatorByHand(nn.Module):
    """A score for each image, high for a real one.   (B, 3, 32, 32) -> (B,)"""

    def __init__(self):
        super().__init__()
        layers = []
        for a, b in ((3, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 4 * 4, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(2 * images - 1).squeeze(1)


print(tuple(DiscriminatorByHand()(GeneratorByHand()(torch.randn(8, 64))).shape))

# %% [markdown]
# ## The two steps of training
#
# Training alternates between two steps. In the discriminator's step, `detach` stops the gradients at the generated
# images, and only $D$ is updated. In the generator's step, gradients pass *through* $D$ into $G$. The parameters of $D$
# stay as they are.

# %%
diagrams.gan_steps()

# %% [markdown]
# The **hinge loss** is a common choice for images (Lim and Ye 2017, Miyato et al. 2018). The discriminator minimises
# $\max(0, 1 - D(x)) + \max(0, 1 + D(G(z)))$, the generator $-D(G(z))$. From here on $D$ is the score itself, any real
# number. Take the scores 2 for a real image and 0.5 for a generated one. The discriminator's loss is $0 + 1.5$: a real
# image with a score above 1 gives no gradient.

# %% [markdown]
# ### Exercise 07.3: the discriminator's step  ●●○ · 20 minutes
#
# Take one step of `optimizer` with the hinge loss, averaged over the batch. Return the loss before the step as a float.
# The generated images are `generator(z)`. No gradient may reach the generator: the `.grad` of its parameters is the
# same afterwards. Leave both networks in the mode (training or evaluation) that they are in, and all parameters trainable.

# %%
def discriminator_step(generator: nn.Module, discriminator: nn.Module, optimizer: torch.optim.Optimizer,
                       real: Tensor, z: Tensor) -> float:
    """One update of the discriminator, the hinge loss as a number.   (B, 3, H, W), (B, Z)"""
    ### BEGIN SOLUTION
    fake = generator(z).detach()
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(fake)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
    ### END SOLUTION


# %%
check("07.3", discriminator_step)

# %% [markdown]
# The generator's step has one term only. Its backward pass also fills `.grad` of $D$'s parameters. The discriminator's
# step begins with `zero_grad`, which clears them before they are used.

# %%
def generator_step(generator: nn.Module, discriminator: nn.Module, optimizer: torch.optim.Optimizer, z: Tensor) -> float:
    """One update of the generator with the hinge loss."""
    loss = -discriminator(generator(z)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


by_hand = GeneratorByHand(), DiscriminatorByHand()
g_optimizer, d_optimizer = (torch.optim.Adam(model.parameters(), 1e-3, betas=(0.0, 0.99)) for model in by_hand)
try:
    for _ in range(steps(60)):
        real_images = images[torch.randint(len(images), (32,))]                                     # (B, 3, 32, 32)
        d_loss = discriminator_step(*by_hand, d_optimizer, real_images, torch.randn(32, 64))
        g_loss = generator_step(*by_hand, g_optimizer, torch.randn(32, 64))
    print(f"discriminator {d_loss:.2f}   generator {g_loss:.2f}")
except NotImplementedError:
    print("discriminator_step, exercise 07.3, is not written yet")

# %% [markdown]
# Sixty steps only show that the code runs. `fit_adversarial` is the same loop with a live view of samples and losses.
# The displayed samples always come from the same noise, and an interrupted run keeps its trained weights.

# %% [markdown]
# ## Conditional GANs
#
# Which kind does the generator draw? A **conditional** GAN (Mirza and Osindero 2014) gives the class $y$ to both
# networks. The generator gets an embedding of $y$, concatenated with the noise. The discriminator must judge whether
# the image is real *and* fits $y$. With **projection** (Miyato and Koyama 2018) its score is
#
# $$D(x, y) = w^\top \phi(x) + b + e_y^\top \phi(x)$$
#
# where $\phi(x)$ are the features before the last layer, $w$ and $b$ the last layer's weights and bias, and $e_y$ a
# learned embedding of the class.

# %%
diagrams.conditional_gan()

# %% [markdown]
# With $\phi = (1, 2)$, $w = (0.5, 0)$, $b = 0$, $e_{\text{cat}} = (1, 1)$ and $e_{\text{car}} = (-1, 0)$, the score is
# $0.5 + 3 = 3.5$ for *cat* and $0.5 - 1 = -0.5$ for *car*. The same image gets a high score for *cat* only. The
# package's networks are the ones above with these two embeddings. The package's discriminator also uses spectral
# normalisation, which is explained further below.

# %% tags=["nbval-check-output"]
phi, w = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.0])                                         # (D,), (D,)
embeddings = torch.tensor([[1.0, 1.0], [-1.0, 0.0]])                                                # (classes, D)
print([(w @ phi + e @ phi).item() for e in embeddings])

# %% [markdown]
# ## Train it
#
# Train with the hinge loss and a learning rate that falls linearly to 0. Adam gets $\beta_1 = 0$, so that it uses no
# momentum, as in the ImageNet experiments of Miyato et al. (2018). The callback keeps samples of some steps, always
# from the same noise. Watch the losses while it trains: do they tell you when the samples get better?

# %%
batches = Batches(images, kinds, size=32)
adam = partial(torch.optim.Adam, betas=(0.0, 0.99))
generator, discriminator = gan.Generator(n_classes=K), gan.Discriminator(n_classes=K)
noise, stages = torch.randn(K, generator.latent_size), {}


def keep_samples(run) -> None:
    if run.step in (1, 100, 400, 1_200):
        stages[run.step] = predict(run.generator, (noise, torch.arange(K)))


history = fit_adversarial(generator, discriminator, batches, loss="hinge", epochs=16, lr=1e-3, optimiser=adam,
                          schedule=lambda done: 1 - done, callbacks=[keep_samples])

# %%
stages["end"] = predict(generator, (noise, torch.arange(K)))
show.show_images(torch.cat(list(stages.values())), columns=K, size=48,
                 alt=f"A row of {K} samples, one of each kind, after {', '.join(map(str, stages))} steps.")
show.plot_history(history)

# %% [markdown]
# The rows are samples after 1, 100, 400 and 1,200 steps and at the end. Stripes come first, then a coloured spot on a
# background, then outlines. The losses do not show this progress: the generator's loss stays near 1 while the samples
# improve most, and the discriminator's loss falls. Each loss measures one network against the *current* state of the
# other, so sample quality needs a measure of its own.

# %% [markdown]
# ## Evaluate it
#
# `draw` makes one new image for each requested kind. Will the GAN beat the mean image in accuracy? In diversity? Write
# down your prediction first.

# %%
def draw(model: nn.Module, labels: Tensor) -> Tensor:
    """One new image of each label.   (N,) -> (N, channels, 32, 32)"""
    return predict(model, (torch.randn(len(labels), model.latent_size), labels))


samples = draw(generator, requested)
results["GAN"] = evaluate_samples(samples, requested)
for name, row in results.items():
    print(f"{name:12}", {key: round(value, 2) for key, value in row.items()})
show.show_images(samples[:14], titles=[KINDS[kind] for kind in requested[:14]], columns=7, size=64)
expect("07.accuracy", results["GAN"]["accuracy"])
expect("07.diversity", results["GAN"]["diversity"])
expect("07.distinct", results["GAN"]["distinct"])

# %% [markdown]
# Look closely: these samples are poor. Background and position are plausible, and in some images you can guess the
# kind. Outlines are ragged, surfaces are speckled, and many objects are only a coloured spot. The reason is computing
# time: a few thousand steps on a CPU. Published GANs train for days on GPUs.
#
# Diversity is close to that of real pages, and nearly all samples are distinct. This does not make them good: speckles
# increase the diversity too.

# %% [markdown]
# ## Longer training
#
# The course ships a generator of the same architecture. It was trained in the same way for 12,000 steps, four times as
# many as yours, and on twice as many pages. A high accuracy could still exploit weaknesses of one judge. A second judge
# with another architecture tests this. Predict both accuracies.

# %%
shipped_generator, second_judge = shipped.load("page_generator"), shipped.load("second_image_judge")
shipped_samples = draw(shipped_generator, requested)
for name, generated in {"yours": samples, "shipped": shipped_samples}.items():
    row = evaluate_samples(generated, requested)
    row["second judge"] = (second_judge.predict(generated)[:, 0].cpu() == requested).float().mean().item()
    print(f"{name:8}", {key: round(value, 2) for key, value in row.items()})
expect("07.shipped", min(row["accuracy"], row["second judge"]))  # of the shipped generator
show.show_images(shipped_samples[:14], titles=[KINDS[kind] for kind in requested[:14]], columns=7, size=64)

# %% [markdown]
# Most samples now have a clear outline, one colour and a plausible background. Both judges predict the requested kind
# for almost 90% of them, so the result does not depend on one judge. Thin tips and small parts are often missing.

# %% [markdown]
# ## Does it copy?
#
# Are the shipped generator's samples copies of its training images? For eight samples, find the nearest image in the
# judge's features, among half of the images that this generator was trained on. A copy would look identical to its
# nearest neighbour.

# %%
searched_images, _, _ = big_objects("train", pages=48_000, seed=0)
sample_features = predict(judge.encoder, shipped_samples[:8])                                       # (8, D)
nearest = torch.cdist(sample_features, predict(judge.encoder, searched_images)).argmin(dim=1)       # (8,)
pairs = torch.cat([shipped_samples[:8], searched_images[nearest]])
show.show_images(pairs, titles=["sample"] * 8 + ["nearest"] * 8, columns=8, size=64)

# %% [markdown]
# Most neighbours agree with their sample in kind and colour. Position, outline and background differ: these eight
# samples are not copies of the images searched.

# %% [markdown]
# ## Held-out combinations
#
# No training page shows certain combinations of kind and colour, such as a red apple. These are 3/8 of all
# combinations. The generator gets the kind as its label, never the colour. If it combined kinds and colours freely,
# 37.5% of its samples would show held-out combinations. If it imitated the training data exactly, none would. Which do
# you expect?

# %%
held_out = torch.zeros(K, len(COLOURS), dtype=torch.bool)                                           # (K, colours)
for kind, colour in HELD_OUT_PAIRS:
    held_out[KINDS.index(kind), COLOURS.index(colour)] = True
print(f"training pages {held_out[kinds, colours].float().mean():.2f}")
for name, generated in {"yours": samples, "shipped": shipped_samples}.items():
    predicted = judge.predict(generated).cpu()                                                      # (N, 3)
    correct = predicted[:, 0] == requested                                                          # (N,)
    predicted_kinds, predicted_colours, _ = predicted[correct].T                                    # (correct samples,)
    print(f"{name:14} {held_out[predicted_kinds, predicted_colours].float().mean():.2f} of the correct samples")

# %% [markdown]
# Neither generator combines freely: held-out combinations are clearly below 37.5% after the short training, and only a
# few percent after the long one. The discriminator learns that red apples never occur among real images, and its
# gradient moves the generator away from them. A GAN imitates the distribution of its training data, gaps included. To
# generate new combinations on request, a model needs a label for each property; lesson 14 returns to this.

# %% [markdown]
# ## Fréchet distance
#
# Accuracy and diversity can both look fine while colours or backgrounds are wrong. The **Fréchet distance** (Heusel et
# al. 2017) compares the distributions of all features. It fits a Gaussian to the features of real images ($\mu_x$,
# $\Sigma_x$) and one to those of generated images ($\mu_y$, $\Sigma_y$). $\mu$ is the mean vector and $\Sigma$ the
# covariance matrix:
#
# $$d^2 = \lVert \mu_x - \mu_y \rVert^2 + \operatorname{tr}\!\big(\Sigma_x + \Sigma_y - 2 (\Sigma_x \Sigma_y)^{1/2}\big)$$

# %% [markdown]
# The trace, $\operatorname{tr}$, is the sum of the diagonal, and $A^{1/2}$ is a matrix whose product with itself is
# $A$. In one dimension the formula becomes $(\mu_x - \mu_y)^2 + (\sigma_x - \sigma_y)^2$, with standard deviations
# $\sigma$. Means 0 and 3 and standard deviations 1 and 2 give $9 + 1 = 10$.

# %% tags=["nbval-check-output"]
print((0 - 3) ** 2 + 1**2 + 2**2 - 2 * (1**2 * 2**2) ** 0.5)

# %% [markdown]
# ### Exercise 07.4: Fréchet distance  ●●● · 20 minutes
#
# Fit a Gaussian to each of two sets of features: examples are rows, features are columns. Return $d^2$, a tensor of one
# real number. The trace of $(\Sigma_x \Sigma_y)^{1/2}$ is the sum of the square roots of the eigenvalues of $\Sigma_x
# \Sigma_y$. `torch.linalg.eigvals` returns them as complex numbers; use their real parts.
#
# $N$ and $M$ may differ, and may be smaller than $D$. Some eigenvalues are then 0, and rounding can make them slightly
# negative: clamp them at 0 before the root. Covariances may be divided by $N - 1$ or by $N$.

# %%
def frechet_distance(x: Tensor, y: Tensor) -> Tensor:
    """Fréchet distance of two Gaussians fitted to two sets of features.   (N, D), (M, D) -> ()"""
    ### BEGIN SOLUTION
    means = (x.mean(dim=0) - y.mean(dim=0)).square().sum()
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)                                                   # (D, D)
    roots = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0).sqrt().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * roots
    ### END SOLUTION


# %%
check("07.4", frechet_distance)

# %% [markdown]
# `torchmetrics` computes the same distance from images. Its default features come from a network trained on ImageNet;
# the result is then called FID. Our pages are not photographs, so it gets the judge's encoder instead. A value has no
# unit, depends on the features, and is larger on average for fewer images. Compare it only with values computed in the
# same way, such as that of training images.

# %%
def frechet(samples: Tensor) -> float:
    """torchmetrics' Fréchet distance to the test pages, on the judge's features.   (N, 3, 32, 32)"""
    device = next(judge.parameters()).device
    metric = FrechetInceptionDistance(judge.encoder, normalize=True, input_img_size=(3, 32, 32)).to(device)
    with torch.no_grad():
        metric.update(test_images.to(device), real=True)
        metric.update(samples.to(device), real=False)
    return metric.compute().item()


compared = {"training pages": images[:1_400], "mean image": means[requested], "GAN": samples,
            "shipped GAN": shipped_samples}
for name, generated in compared.items():
    print(f"{name:15} {frechet(generated):8.1f}")

# %% [markdown]
# The distance of the training pages to the test pages is the reference: it is not 0, since both are finite samples. The
# shipped GAN is several times farther away, although the judge classifies almost 90% of its samples correctly. Yours is
# farther still, and the mean images, which lack all diversity, are the farthest.

# %% [markdown]
# ## Three losses
#
# A third loss, besides non-saturating and hinge, comes from Arjovsky et al. (2017). The discriminator becomes a
# **critic**: its score is not a logit, and it maximises the difference between the mean scores of real and generated
# images. The norm of its gradient must not exceed 1 (it must be *1-Lipschitz*). The maximum over such critics is the
# **Wasserstein-1 distance**: how far samples must be moved, on average, to turn one distribution into the other. It
# changes smoothly even where the distributions do not overlap. The generator minimises $-D(G(z))$.

# %% [markdown]
# Gulrajani et al. (2017) limit the gradient by a **gradient penalty**. It is computed at points $\hat{x} = t x + (1 -
# t) G(z)$ between real and generated images, with random $t$ from 0 to 1:
#
# $$L_D = D(G(z)) - D(x) + 10 \, \big(\lVert \nabla_{\hat{x}} D(\hat{x}) \rVert - 1\big)^2$$
#
# $\nabla_{\hat{x}}$ is the gradient with respect to the image $\hat{x}$, not to the parameters. For $D(x) = 3 x_1 + 4
# x_2$ it is $(3, 4)$, its norm 5 and the penalty $10 \cdot (5 - 1)^2 = 160$.

# %% [markdown]
# ### Exercise 07.5: gradient penalty  ●●● · 25 minutes
#
# `t` holds one number for each example, so draw nothing. Compute the gradient of each example's score with respect to
# the example. Use `torch.autograd.grad` and not `backward`: the `.grad` of the discriminator's parameters stays as it
# is. Keep the graph (`create_graph=True`), so that the penalty can train these parameters. Each score depends on its
# own example alone, so the gradient of the sum of all scores contains every example's gradient.
#
# Return the mean of $(\lVert \cdot \rVert - 1)^2$ without the factor 10, in the dtype of the images.

# %%
def gradient_penalty(discriminator, real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    """Mean of (norm of the gradient - 1)^2 at t * real + (1 - t) * fake.   (B, C, H, W), (B, C, H, W), (B,) -> ()"""
    ### BEGIN SOLUTION
    t = t[:, None, None, None]
    between = (t * real + (1 - t) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    ### END SOLUTION


# %%
check("07.5", gradient_penalty)

# %% [markdown]
# The penalty is defined for each image by itself. Batch normalisation in a critic violates this, since a score then
# depends on the other images. **Spectral normalisation** (Miyato et al. 2018) limits the gradient in another way. It
# divides each weight matrix by its largest singular value. A linear layer then increases no distance between inputs;
# for a convolution, whose kernel is reshaped to a matrix, this holds up to a constant. `gan.Discriminator` normalises
# its layers unless `norm=None`.

# %% [markdown]
# Which loss is best? A script, `benchmarks/gans.py`, trained a GAN with each of them on five seeds. This is its stored
# table.

# %%
show.show_stored_table("07_gans")

# %% [markdown]
# All runs are short, so accuracies are low; no run collapsed. Over five seeds the accuracy ranges from 10% to 26% with
# the non-saturating loss, from 18% to 28% with hinge, and from 16% to 25% with Wasserstein. The ranges overlap: a
# single seed could give any order. All losses get the same number of steps, but not the same time: the gradient penalty
# needs a second backward pass through the critic.

# %% [markdown]
# ## Mode collapse
#
# A single convincing image can be enough to get a high score from the current discriminator. If the discriminator
# learns slowly, the generator maps all noise to such an image. This failure is called **mode collapse**. Here the
# generator's learning rate is a hundred times the discriminator's. The networks are unconditional: nothing tells them
# that there are 14 kinds. We call a generator collapsed if it draws fewer than half of the kinds, or if its diversity
# is below 30%. What will the samples look like?

# %%
def unconditional(lr: tuple[float, float], epochs: int) -> Tensor:
    """700 samples of a GAN trained without labels.   -> (700, 3, 32, 32)"""
    model = gan.Generator()
    fit_adversarial(model, gan.Discriminator(), Batches(images, size=32), epochs=epochs, lr=lr, optimiser=adam,
                    verbose=False)
    return predict(model, torch.randn(700, model.latent_size))


def mode_coverage(samples: Tensor) -> str:
    """How many kinds the judge predicts, and the diversity over all kinds relative to test pages."""
    one_class = torch.zeros(len(samples), dtype=torch.long)
    ratio = diversity(predict(judge.encoder, samples), one_class) / test_diversity
    return f"{judge.predict(samples)[:, 0].unique().numel()} kinds, diversity over all kinds {ratio:.2f}"


test_sample = test_features[:700]
test_diversity = diversity(test_sample, torch.zeros(len(test_sample)))
collapsed, balanced = unconditional((2e-3, 2e-5), epochs=2), unconditional((1e-3, 1e-3), epochs=2)
print("collapsed:", mode_coverage(collapsed))
print("balanced: ", mode_coverage(balanced))
show.show_images(torch.cat([collapsed[:8], balanced[:8]]), columns=8)

# %% [markdown]
# The collapsed generator draws almost the same pattern 700 times. The second GAN has the same networks, data and number
# of steps. Only the learning rates differ: both are 0.001.

# %% [markdown]
# Collapse can also affect single classes of a conditional GAN: the generator then draws one image for them, whatever the
# noise, while the other classes stay diverse. A mean over all classes can hide it, and so can a row with one sample of
# each class. Look at several samples of every class, and measure the diversity within each.

# %% [markdown]
# ## A discriminator that wins at once
#
# In the opposite failure the discriminator separates real and generated images perfectly. With the minimax loss the
# generator's gradient then vanishes. Here the discriminator has no spectral normalisation, and its learning rate is
# twenty times the generator's. Predict both losses at the end of training.

# %%
weak = gan.Generator()
history_minimax = fit_adversarial(weak, gan.Discriminator(norm=None), Batches(images, size=32), loss="minimax",
                                  epochs=1, lr=(1e-4, 2e-3), optimiser=adam, verbose=False)
at_the_end = history_minimax.dataframe(per="step").tail(20).mean()
print(at_the_end[["generator_loss", "discriminator_loss", "real_score", "fake_score"]].round(4).to_dict())
show.show_images(predict(weak, torch.randn(8, weak.latent_size)), columns=8)

# %% [markdown]
# The discriminator's loss is close to 0. The generator's is too: it minimises $\ln(1 - D)$, which is at most 0. Both
# values could be mistaken for success, but the samples show no object. Remedies are the non-saturating or hinge loss,
# spectral normalisation or a gradient penalty, and learning rates of similar size.

# %% [markdown]
# ## Play
#
# The widget shows samples of the shipped generator. Choose a kind, and move from one noise vector to another: each
# sample changes smoothly into another one of its kind. **Truncation** (Brock, Donahue and Simonyan 2019) limits the
# absolute value of every number of the noise. Samples become more typical and less diverse. Which kinds keep their
# shape all the way?

# %%
show.generator(shipped_generator, shipped_generator.latent_size, names=KINDS)

# %% [markdown]
# ## Debugging exercise
#
# A discriminator ends in `tanh`, "so that scores stay between -1 and 1", and is trained with binary cross-entropy on
# logits. Its loss soon stops falling, although real images and noise are easy to tell apart. Run it. Which
# probabilities can this discriminator output? Compare the loss with the lowest possible one, $\ln(1 + e^{-1})$.

# %%
class BuggyDiscriminator(nn.Module):
    """A score for each image.   (B, 3, 32, 32) -> (B,)"""

    def __init__(self, width: int = 16):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.head = nn.Linear(2 * width * 8 * 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.convolutions(images).flatten(1)                                             # (B, D)
        return torch.tanh(self.head(features)).squeeze(1)                                           # (B,)


def loss_against_noise(discriminator: nn.Module, n_steps: int = 150) -> float:
    """Train a discriminator of pages against uniform noise; returns the loss of the last step."""
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-3)
    for _ in range(steps(n_steps)):
        pages = images[torch.randint(len(images), (32,))]                                           # (B, 3, 32, 32)
        batch = torch.cat([pages, torch.rand(32, 3, 32, 32)])                                       # (2B, 3, 32, 32)
        targets = torch.cat([torch.ones(32), torch.zeros(32)])                                      # (2B,)
        loss = F.binary_cross_entropy_with_logits(discriminator(batch), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


print(f"loss {loss_against_noise(BuggyDiscriminator()):.3f}, lowest possible {F.softplus(torch.tensor(-1.0)):.3f}")

# %% [markdown]
# ### Exercise 07.debug: a score of any size  ●●○ · 15 minutes
#
# The loss applies a sigmoid to the score by itself. Write `forward` so that the score is a logit of any size and sign.
# It must work in training and in evaluation mode, and for a single image, whose score has the shape (1,). Keep the
# convolutions, the activations between them and `width`. `head` reads the flattened features, with nothing before or
# after it.

# %%
class FixedDiscriminator(BuggyDiscriminator):
    """A score for each image, a logit of any size.   (B, 3, 32, 32) -> (B,)"""

    def forward(self, images: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        features = self.convolutions(images).flatten(1)                                             # (B, D)
        return self.head(features).squeeze(1)                                                       # (B,)
        ### END SOLUTION


# %%
check("07.debug", FixedDiscriminator)

# %% [markdown]
# ## On real data: MNIST
#
# MNIST contains handwritten digits (LeCun et al. 1998). The same two networks, with one channel, generate them
# conditional on the digit. They are trained on half of MNIST's training split. The judge is lesson 01's classifier; it
# is trained on the other half, so generator and judge share no image. Digits are padded to 32 × 32 pixels.

# %%
def padded(digits: Tensor) -> Tensor:
    """Digits with two more pixels on each side.   (B, 1, 28, 28) -> (B, 1, 32, 32)"""
    return F.pad(digits, (2, 2, 2, 2))


mnist, mnist_test = (real.load_or_explain("mnist", split) for split in ("train", "test"))
if mnist and mnist_test:
    mnist = mnist.shuffle(seed=0)
    half = len(mnist) // 2
    test_digits, test_labels = real.images(mnist_test)
    test_digits = padded(test_digits)
    digit_batches = Batches(*real.images(mnist.select(range(half))), size=32, transform=padded)
    digit_judge = cnn.ImageClassifier(10, in_channels=1)
    judge_batches = Batches(*real.images(mnist.select(range(half, len(mnist)))), size=128, transform=padded)
    fit(digit_judge, judge_batches, epochs=2, lr=1e-2)
    del judge_batches                                                                              # to save memory

# %% [markdown]
# Two GANs are trained for one epoch each. They differ in the loss and in how the gradient is limited: hinge with
# spectral normalisation, as for the pages, and Wasserstein with the gradient penalty. Predict for each of them: will
# the judge recognise its digits? Will two samples of one digit differ?

# %%
drawn = {}
if mnist and mnist_test:
    chosen = torch.arange(1_000) % 10                                                               # (N,)
    for loss, norm in {"hinge": "spectral", "wasserstein": None}.items():
        model = gan.Generator(n_classes=10, channels=1)
        fit_adversarial(model, gan.Discriminator(n_classes=10, channels=1, norm=norm), digit_batches, loss=loss,
                        lr=1e-3, optimiser=adam, schedule=lambda done: 1 - done)
        drawn[loss] = draw(model, chosen)                                                           # (N, 1, 32, 32)

# %%
if drawn:
    accuracy, within = {}, {}
    judged = {"test split": (test_digits, test_labels)} | {loss: (part, chosen) for loss, part in drawn.items()}
    for name, (part, labels) in judged.items():
        accuracy[name] = (predict(digit_judge, part).argmax(dim=1).cpu() == labels).float().mean().item()
        within[name] = diversity(predict(digit_judge.encoder, part), labels)
        print(f"{name:11} accuracy {accuracy[name]:.3f}   diversity {within[name] / within['test split']:.2f}")
    show.show_images(torch.cat([part[:20] for part in drawn.values()]), columns=10, size=48,
                     alt="Digits 0 to 9: two rows by the hinge GAN, two by the Wasserstein GAN.")
    expect("07.mnist", accuracy["wasserstein"])
    expect("07.mnist_diversity", within["wasserstein"] / within["test split"])

# %% [markdown]
# The first two rows are nearly equal: with the hinge loss and spectral normalisation, the generator ignores its noise
# and draws one shape for each digit. This is mode collapse *within* classes. The judge recognises such a shape or does
# not, so the accuracy varies from run to run. Even an accuracy of 100% would not reveal the collapse; a diversity of
# about a third does.

# %% [markdown]
# With the gradient penalty, diversity is almost 90% of that of real digits, and the judge recognises more than 90% of
# the samples. Generator, data and number of steps are the same; a step takes longer. On the pages, the hinge loss gave
# diverse samples and was no worse. A result on one data set has to be measured again on another.

# %% [markdown]
# ## Where this is used
#
# HiFi-GAN (Kong et al. 2020), a vocoder, turns spectrograms into speech much faster than real time; many speech systems
# use such a network. GANs such as SRGAN (Ledig et al. 2017) enlarge photographs. An enlarged photograph shows
# *plausible* detail, so it must not be used to identify a person. Published GANs differ from ours in scale: StyleGAN
# (Karras et al. 2019) draws faces of 1,024 × 1,024 pixels after about a week on eight GPUs.

# %%
quiz("07")

# %% [markdown]
# ## Open-ended questions
#
# 1. Train the generator for twice as many epochs. Which scores improve, and which samples still look bad?
# 2. Train with `discriminator_steps=3`. Compare the result with one step at equal computing time.
# 3. With the hinge loss the digits lack diversity. Keep the loss and change one thing (the size of the noise, noise
#    added to the discriminator's input, the learning rates), predict its effect, and measure it.
# 4. Design a test that distinguishes a generator that memorises training images from one that does not.

# %% [markdown]
# ## Going further
#
# - **R1** (Mescheder et al. 2018) penalises the squared gradient norm at real images only; StyleGAN uses it.
# - An exponential moving average of the generator's weights often improves its samples: pass `average=` to
#   `fit_adversarial`.
# - Diffusion models have overtaken GANs in the quality and coverage of generated photographs (Dhariwal and Nichol
#   2021). They need many network evaluations for each image, a GAN needs one. Lesson 14 trains a closely related model
#   by flow matching.

# %% [markdown]
# ## Summary
#
# - A generator and a discriminator train against each other; the optimal discriminator compares two densities.
# - The non-saturating loss keeps its gradient when the generator is poor; `detach` keeps the discriminator's step away
#   from the generator.
# - Projection tells the discriminator which class an image should show.
# - Accuracy, diversity, distinct samples, Fréchet distance and nearest neighbours answer different questions; the
#   losses do not measure quality.
# - Learning rates need balance: a generator that learns too fast collapses, a discriminator that wins leaves no
#   gradient.
#
# Next: [08 Fusing features](08_fusion.ipynb), where features of several modalities are combined.

# %% [markdown]
# **References.** Goodfellow et al. 2014, *Generative adversarial nets*,
# [arXiv:1406.2661](https://arxiv.org/abs/1406.2661): the game, the optimal discriminator, the non-saturating loss.
# Radford, Metz, Chintala 2016, *Unsupervised representation learning with deep convolutional generative adversarial
# networks*, [arXiv:1511.06434](https://arxiv.org/abs/1511.06434): DCGAN. Mirza, Osindero 2014, *Conditional generative
# adversarial nets*, [arXiv:1411.1784](https://arxiv.org/abs/1411.1784): the class as an input of both networks. Miyato,
# Koyama 2018, *cGANs with projection discriminator*, [arXiv:1802.05637](https://arxiv.org/abs/1802.05637). Miyato,
# Kataoka, Koyama, Yoshida 2018, *Spectral normalization for generative adversarial networks*,
# [arXiv:1802.05957](https://arxiv.org/abs/1802.05957). Lim, Ye 2017, *Geometric GAN*,
# [arXiv:1705.02894](https://arxiv.org/abs/1705.02894): the hinge loss. Arjovsky, Chintala, Bottou 2017, *Wasserstein
# GAN*, [arXiv:1701.07875](https://arxiv.org/abs/1701.07875). Gulrajani et al. 2017, *Improved training of Wasserstein
# GANs*, [arXiv:1704.00028](https://arxiv.org/abs/1704.00028): the gradient penalty. Heusel et al. 2017, *GANs trained
# by a two time-scale update rule converge to a local Nash equilibrium*,
# [arXiv:1706.08500](https://arxiv.org/abs/1706.08500): the Fréchet distance of features (FID).
#
# Brock, Donahue, Simonyan 2019, *Large scale GAN training for high fidelity natural image synthesis*,
# [arXiv:1809.11096](https://arxiv.org/abs/1809.11096): truncation. Mescheder, Geiger, Nowozin 2018, *Which training
# methods for GANs do actually converge?*, [arXiv:1801.04406](https://arxiv.org/abs/1801.04406): R1. Karras, Laine, Aila
# 2019, *A style-based generator architecture for generative adversarial networks*,
# [arXiv:1812.04948](https://arxiv.org/abs/1812.04948): StyleGAN. Kong, Kim, Bae 2020, *HiFi-GAN: Generative adversarial
# networks for efficient and high fidelity speech synthesis*, [arXiv:2010.05646](https://arxiv.org/abs/2010.05646).
# Ledig et al. 2017, *Photo-realistic single image super-resolution using a generative adversarial network*,
# [arXiv:1609.04802](https://arxiv.org/abs/1609.04802): SRGAN. Dhariwal, Nichol 2021, *Diffusion models beat GANs on
# image synthesis*, [arXiv:2105.05233](https://arxiv.org/abs/2105.05233). LeCun, Bottou, Bengio, Haffner 1998,
# *Gradient-based learning applied to document recognition*, [doi:10.1109/5.726791](https://doi.org/10.1109/5.726791):
# MNIST.
