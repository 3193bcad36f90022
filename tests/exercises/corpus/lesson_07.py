"""Learners' answers to the exercises of lesson 07, generative adversarial networks."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import right, wrong

# 07.1


@right("07.1", "the formula")
def optimal_discriminator(p_data, p_generated):
    return p_data / (p_data + p_generated)


@right("07.1", "one over one plus the ratio")
def optimal_discriminator(p_data, p_generated):
    return 1 / (1 + p_generated / p_data)


@right("07.1", "sigmoid of the difference of logarithms")
def optimal_discriminator(p_data, p_generated):
    return torch.sigmoid(p_data.log() - p_generated.log())


@right("07.1", "a loop over the points")
def optimal_discriminator(p_data, p_generated):
    out = torch.empty_like(p_data)
    for i in range(len(p_data)):
        out[i] = p_data[i] / (p_data[i] + p_generated[i])
    return out


@right("07.1", "one minus the other's part, torch functions")
def optimal_discriminator(p_data, p_generated):
    return 1 - torch.div(p_generated, torch.add(p_data, p_generated))


@wrong("07.1", "the generated density on top", says=r"swap|generated|real|fake|exchanged|other way|p_data")
def optimal_discriminator(p_data, p_generated):
    return p_generated / (p_data + p_generated)


@wrong("07.1", "the ratio of the densities", says=r"ratio|sum|above 1|larger than 1|greater|probabilit|\+|denominator")
def optimal_discriminator(p_data, p_generated):
    return p_data / p_generated


@wrong(
    "07.1",
    "divided by the sum over all points",
    says=r"each point|own point|every point|sum|other points|normali|alone",
)
def optimal_discriminator(p_data, p_generated):
    return p_data / (p_data + p_generated).sum()


@wrong(
    "07.1",
    "densities normalised over the points first",
    says=r"each point|own point|every point|sum|other points|normali|alone",
)
def optimal_discriminator(p_data, p_generated):
    p_data, p_generated = p_data / p_data.sum(), p_generated / p_generated.sum()
    return p_data / (p_data + p_generated)


@wrong("07.1", "a decision instead of a probability", says=r"probabilit|threshold|0 or 1|decision|round|between")
def optimal_discriminator(p_data, p_generated):
    return (p_data > p_generated).float()


@wrong("07.1", "the difference of the densities", says=r"differ|negative|subtract|probabilit|ratio|divid|formula")
def optimal_discriminator(p_data, p_generated):
    return p_data - p_generated


@wrong("07.1", "averaged over the points", says=r"shape|each point|mean|averag|\(N,?\)|every point")
def optimal_discriminator(p_data, p_generated):
    return (p_data / (p_data + p_generated)).mean()


@wrong("07.1", "return inside the loop", says=r"shape|loop|first|one value|one number|\(N,?\)|each point|every point")
def optimal_discriminator(p_data, p_generated):
    for a, b in zip(p_data, p_generated, strict=True):
        return a / (a + b)


@wrong("07.1", "softmax of the densities", says=r"softmax|exp|densit|formula|divid")
def optimal_discriminator(p_data, p_generated):
    return torch.stack([p_data, p_generated]).softmax(dim=0)[0]


@wrong("07.1", "the equilibrium's one half everywhere", says=r"0\.5|half|depend|densit|constant|same|1/2")
def optimal_discriminator(p_data, p_generated):
    return torch.full_like(p_data, 0.5)


@wrong("07.1", "denominator clamped at 1", says=r"clamp|small|at least 1|below 1|denominator|limit")
def optimal_discriminator(p_data, p_generated):
    return p_data / (p_data + p_generated).clamp(min=1)


@wrong(
    "07.1",
    "0.001 added against division by zero",
    says=r"small|add|epsilon|0\.001|denominator|densit|exact|positive",
)
def optimal_discriminator(p_data, p_generated):
    return p_data / (p_data + p_generated + 1e-3)


@wrong("07.1", "the logit, without sigmoid", says=r"logit|sigmoid|probabilit|log|between|negative")
def optimal_discriminator(p_data, p_generated):
    return p_data.log() - p_generated.log()


@wrong("07.1", "the mean density in the denominator", says=r"half|twice|factor|2\b|mean|sum|denominator|probabilit")
def optimal_discriminator(p_data, p_generated):
    return p_data / (0.5 * (p_data + p_generated))


@wrong("07.1", "small number in the denominator", says=r"denominator|added")
def optimal_discriminator(p_data, p_generated):
    return p_data / (p_data + p_generated + 1e-6)


@wrong("07.1", "tiny number in the denominator", says=r"denominator|added")
def optimal_discriminator(p_data, p_generated):
    return p_data / (p_data + p_generated + 1e-8)


@wrong("07.1", "clamped away from 0 and 1", says=r"limit|clamp|closer")
def optimal_discriminator(p_data, p_generated):
    return (p_data / (p_data + p_generated)).clamp(0.01, 0.99)


@wrong("07.1", "clamped a little", says=r"limit|clamp|closer")
def optimal_discriminator(p_data, p_generated):
    return (p_data / (p_data + p_generated)).clamp(1e-4, 1 - 1e-4)


@right("07.1", "from the logarithms of the densities")
def optimal_discriminator(p_data, p_generated):
    return torch.sigmoid(p_data.log() - p_generated.log())


# 07.2


@right("07.2", "softplus")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    g_loss = F.softplus(-fake_scores).mean()
    return d_loss, g_loss


@right("07.2", "logsigmoid")
def gan_losses(real_scores, fake_scores):
    discriminator = -F.logsigmoid(real_scores).mean() - F.logsigmoid(-fake_scores).mean()
    return discriminator, -F.logsigmoid(fake_scores).mean()


@right("07.2", "binary cross-entropy with logits and targets")
def gan_losses(real_scores, fake_scores):
    bce = F.binary_cross_entropy_with_logits
    ones, zeros = torch.ones_like(real_scores), torch.zeros_like(fake_scores)
    return bce(real_scores, ones) + bce(fake_scores, zeros), bce(fake_scores, torch.ones_like(fake_scores))


@right("07.2", "logaddexp with zero")
def gan_losses(real_scores, fake_scores):
    zero = torch.zeros_like(fake_scores)
    d_loss = torch.logaddexp(torch.zeros_like(real_scores), -real_scores).mean()
    d_loss = d_loss + torch.logaddexp(zero, fake_scores).mean()
    return d_loss, torch.logaddexp(zero, -fake_scores).mean()


@right("07.2", "softplus written out with log1p and the maximum")
def gan_losses(real_scores: Tensor, fake_scores: Tensor) -> tuple[Tensor, Tensor]:
    def softplus(s):
        return torch.maximum(s, torch.zeros_like(s)) + torch.log1p(torch.exp(-s.abs()))

    return softplus(-real_scores).mean() + softplus(fake_scores).mean(), softplus(-fake_scores).mean()


@right("07.2", "a loop over scores")
def gan_losses(real_scores, fake_scores):
    n, m = len(real_scores), len(fake_scores)
    d = sum(F.softplus(-s) for s in real_scores) / n + sum(F.softplus(s) for s in fake_scores) / m
    g = torch.stack([F.softplus(-s) for s in fake_scores]).sum() / m
    return d, g


@wrong("07.2", "logarithm of the sigmoid", says=r"200|inf|overflow|sigmoid|exact|softplus|finite|large")
def gan_losses(real_scores, fake_scores):
    d_loss = -real_scores.sigmoid().log().mean() - (1 - fake_scores.sigmoid()).log().mean()
    return d_loss, -fake_scores.sigmoid().log().mean()


@wrong("07.2", "an epsilon in the logarithm", says=r"200|exact|epsilon|clamp|sigmoid|softplus|large|1e-")
def gan_losses(real_scores, fake_scores):
    eps = 1e-8
    d_loss = -(real_scores.sigmoid() + eps).log().mean() - (1 - fake_scores.sigmoid() + eps).log().mean()
    return d_loss, -(fake_scores.sigmoid() + eps).log().mean()


@wrong(
    "07.2",
    "binary cross-entropy of probabilities, clamped at 100",
    says=r"200|exact|100|clamp|sigmoid|softplus|large",
)
def gan_losses(real_scores, fake_scores):
    real, fake = real_scores.sigmoid(), fake_scores.sigmoid()
    d_loss = F.binary_cross_entropy(real, torch.ones_like(real)) + F.binary_cross_entropy(fake, torch.zeros_like(fake))
    return d_loss, F.binary_cross_entropy(fake, torch.ones_like(fake))


@wrong("07.2", "ln(1 + e^s) written out", says=r"overflow|inf|exp|200|softplus|finite|large")
def gan_losses(real_scores, fake_scores):
    d_loss = torch.log(1 + torch.exp(-real_scores)).mean() + torch.log(1 + torch.exp(fake_scores)).mean()
    return d_loss, torch.log(1 + torch.exp(-fake_scores)).mean()


@wrong("07.2", "the generator's minimax loss", says=r"minimax|saturat")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return d_loss, -F.softplus(fake_scores).mean()


@wrong("07.2", "the discriminator's loss halved", says=r"half|sum of two|two means|factor|averag|0\.5|twice")
def gan_losses(real_scores, fake_scores):
    d_loss = 0.5 * (F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean())
    return d_loss, F.softplus(-fake_scores).mean()


@wrong("07.2", "sums instead of means", says=r"\bsum|mean|averag|batch")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).sum() + F.softplus(fake_scores).sum()
    return d_loss, F.softplus(-fake_scores).sum()


@wrong("07.2", "real and generated swapped in the discriminator's loss", says=r"swap|sign|exchanged|real|label|target")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(real_scores).mean() + F.softplus(-fake_scores).mean()
    return d_loss, F.softplus(-fake_scores).mean()


@wrong("07.2", "the real scores in the generator's loss", says=r"real|generat|fake")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return d_loss, F.softplus(-real_scores).mean()


@wrong("07.2", "the discriminator's loss on real scores only", says=r"generated|fake|both|two means|second")
def gan_losses(real_scores, fake_scores):
    return F.softplus(-real_scores).mean(), F.softplus(-fake_scores).mean()


@wrong("07.2", "the generator's loss first", says=r"order|first|swap|exchanged")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return F.softplus(-fake_scores).mean(), d_loss


@wrong("07.2", "the generator told that its images are fake", says=r"generat|sign|label|target|fool|real|discriminator")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return d_loss, F.softplus(fake_scores).mean()


@wrong("07.2", "logarithms without the minus", says=r"sign|minus|negative|maximi")
def gan_losses(real_scores, fake_scores):
    d_loss = F.logsigmoid(real_scores).mean() + F.logsigmoid(-fake_scores).mean()
    return d_loss, F.logsigmoid(fake_scores).mean()


@wrong("07.2", "generated scores detached for the discriminator", says=r"gradient|detach")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores.detach()).mean()
    return d_loss, F.softplus(-fake_scores).mean()


@wrong("07.2", "Python numbers", says=r"tensor|gradient|item|float|number")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return d_loss.item(), F.softplus(-fake_scores).mean().item()


@wrong("07.2", "numpy, without gradient", says=r"gradient|numpy|detach")
def gan_losses(real_scores, fake_scores):
    real, fake = real_scores.detach().numpy(), fake_scores.detach().numpy()
    d_loss = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    return torch.tensor(d_loss), torch.tensor(np.logaddexp(0, -fake).mean())


@wrong("07.2", "hinge loss", says=r"hinge|softplus|ln|log|linear|sigmoid")
def gan_losses(real_scores, fake_scores):
    return (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean(), -fake_scores.mean()


@wrong("07.2", "dtype float32 for every input", says=r"dtype|float32|float64|type|precision")
def gan_losses(real_scores, fake_scores):
    real_scores, fake_scores = real_scores.float(), fake_scores.float()
    d_loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    return d_loss, F.softplus(-fake_scores).mean()


@wrong("07.2", "no mean", says=r"shape|mean|averag|one number|\(\)|batch")
def gan_losses(real_scores, fake_scores):
    return F.softplus(-real_scores) + F.softplus(fake_scores), F.softplus(-fake_scores)


@wrong("07.2", "softplus of the mean score", says=r"mean of|mean|each|before|after|order")
def gan_losses(real_scores, fake_scores):
    d_loss = F.softplus(-real_scores.mean()) + F.softplus(fake_scores.mean())
    return d_loss, F.softplus(-fake_scores.mean())


@wrong(
    "07.2",
    "a second sigmoid: probabilities given to a loss for logits",
    says=r"sigmoid|twice|logit|probabilit|score",
)
def gan_losses(real_scores, fake_scores):
    real, fake = real_scores.sigmoid(), fake_scores.sigmoid()
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


@wrong("07.2", "no gradient at a score of 0", says=r"exactly 0|no gradient")
def gan_losses(real_scores, fake_scores):
    def softplus(s):
        return torch.where(s > 0, s, torch.zeros_like(s)) + torch.log1p(torch.exp(-s.abs()))

    d = softplus(-real_scores).sum() / len(real_scores) + softplus(fake_scores).sum() / len(fake_scores)
    g = softplus(-fake_scores).sum() / len(fake_scores)
    return d, g


# 07.3


@right("07.3", "generated images detached")
def discriminator_step(generator, discriminator, optimizer, real, z):
    fake = generator(z).detach()
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(fake)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@right("07.3", "generated under no_grad, zero_grad first, clamp")
def discriminator_step(generator, discriminator, optimizer, real, z):
    optimizer.zero_grad()
    with torch.no_grad():
        fake = generator(z)
    real_loss = (1 - discriminator(real)).clamp(min=0).mean()
    fake_loss = (1 + discriminator(fake)).clamp(min=0).mean()
    (real_loss + fake_loss).backward()
    optimizer.step()
    return (real_loss + fake_loss).item()


@right("07.3", "gradients by autograd.grad, put into the parameters")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = torch.relu(1 - discriminator(real)).mean() + torch.relu(1 + discriminator(generator(z))).mean()
    parameters = [p for p in discriminator.parameters() if p.requires_grad]
    for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.grad = gradient
    optimizer.step()
    return float(loss.detach())


@right("07.3", "both terms backward separately, the gradients add up")
def discriminator_step(generator, discriminator, optimizer, real, z):
    optimizer.zero_grad()
    real_loss = torch.maximum(torch.tensor(0.0), 1 - discriminator(real)).mean()
    real_loss.backward()
    fake_loss = torch.maximum(torch.tensor(0.0), 1 + discriminator(generator(z).detach())).mean()
    fake_loss.backward()
    optimizer.step()
    return real_loss.item() + fake_loss.item()


@right("07.3", "a loop over scores, with a helper")
def discriminator_step(generator, discriminator, optimizer, real, z):
    def hinge(scores, sign):
        return sum(F.relu(1 - sign * s) for s in scores) / len(scores)

    loss = hinge(discriminator(real), 1) + hinge(discriminator(generator(z).detach()), -1)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


def _step(loss, optimizer):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("07.3", "not detached: gradients reach the generator", says=r"generator|detach|no_grad")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z))).mean()
    return _step(loss, optimizer)


@wrong("07.3", "the generator's gradients cleared afterwards", says=r"generator|\.grad|same|clear|zero_grad|detach")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z))).mean()
    value = _step(loss, optimizer)
    generator.zero_grad()
    return value


@wrong("07.3", "no zero_grad", says=r"zero_grad|accumul|old gradient|earlier|previous|clear|left over|before")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong(
    "07.3",
    "zero_grad after backward",
    says=r"zero_grad|not change|did not|order|before|unchanged|do not change|moved",
)
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@wrong("07.3", "no step of the optimiser", says=r"step|not change|unchanged|updat|do not change|did not")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


@wrong("07.3", "the loss of logits from 07.2", says=r"hinge|softplus|max\(|cross-entropy|relu")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "real and generated swapped", says=r"swap|sign|real|exchanged|fake|generated")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 + discriminator(real)).mean() + F.relu(1 - discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "same sign for both", says=r"sign|real|generated|fake|\+|swap")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 - discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "summed over the batch", says=r"\bsum|mean|averag|batch")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).sum() + F.relu(1 + discriminator(generator(z).detach())).sum()
    return _step(loss, optimizer)


@wrong("07.3", "halved", says=r"half|factor|0\.5|twice|sum of|two")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    return _step(loss / 2, optimizer)


@wrong("07.3", "the loss returned as a tensor", says=r"float|item|tensor|number")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    _step(loss, optimizer)
    return loss


@wrong("07.3", "the loss after the step", says=r"before|after")
def discriminator_step(generator, discriminator, optimizer, real, z):
    fake = generator(z).detach()

    def hinge():
        return F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(fake)).mean()

    _step(hinge(), optimizer)
    return hinge().item()


@wrong("07.3", "the generator left in evaluation mode", says=r"mode|eval|train")
def discriminator_step(generator, discriminator, optimizer, real, z):
    generator.eval()
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "both networks set to training mode", says=r"mode|eval|train")
def discriminator_step(generator, discriminator, optimizer, real, z):
    generator.train()
    discriminator.train()
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "no maximum with zero", says=r"max|relu|clamp|hinge|zero|\b0\b")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = (1 - discriminator(real)).mean() + (1 + discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "maximum of the mean", says=r"mean|each|before|order|every|averag")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real).mean()) + F.relu(1 + discriminator(generator(z).detach()).mean())
    return _step(loss, optimizer)


@wrong("07.3", "new noise instead of z", says=r"\bz\b|noise|drawn|draw|given|random")
def discriminator_step(generator, discriminator, optimizer, real, z):
    fake = generator(torch.randn_like(z)).detach()
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(fake)).mean()
    return _step(loss, optimizer)


@wrong(
    "07.3",
    "generated scores detached instead of images",
    says=r"gradient|detach|generated|fake|second term|discriminator",
)
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z)).detach()).mean()
    return _step(loss, optimizer)


@wrong("07.3", "two steps, one for each term", says=r"one step|two steps|twice|once|single|2 steps")
def discriminator_step(generator, discriminator, optimizer, real, z):
    first = _step(F.relu(1 - discriminator(real)).mean(), optimizer)
    return first + _step(F.relu(1 + discriminator(generator(z).detach())).mean(), optimizer)


@wrong("07.3", "an optimiser of its own", says=r"optimi[sz]er|step|given")
def discriminator_step(generator, discriminator, optimizer, real, z):
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.01)
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    return _step(loss, optimizer)


@wrong("07.3", "the generated term only in the returned number", says=r"gradient|generated|fake|real|both|term|step")
def discriminator_step(generator, discriminator, optimizer, real, z):
    real_loss = F.relu(1 - discriminator(real)).mean()
    fake_loss = F.relu(1 + discriminator(generator(z).detach())).mean()
    optimizer.zero_grad()
    real_loss.backward()
    optimizer.step()
    return (real_loss + fake_loss).item()


@wrong("07.3", "the loss negated: gradient ascent", says=r"sign|minus|negat|minimi|maximi")
def discriminator_step(generator, discriminator, optimizer, real, z):
    loss = F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(generator(z).detach())).mean()
    return _step(-loss, optimizer)


# 07.4


@right("07.4", "torch.cov and eigenvalues, as the text says")
def frechet_distance(x, y):
    difference = x.mean(dim=0) - y.mean(dim=0)
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    return difference @ difference + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@right("07.4", "covariances written out")
def frechet_distance(x, y):
    def gaussian(features):
        mean = features.mean(dim=0, keepdim=True)
        centred = features - mean
        return mean[0], centred.T @ centred / (len(features) - 1)

    (mean_x, cov_x), (mean_y, cov_y) = gaussian(x), gaussian(y)
    roots = torch.sqrt(torch.clamp(torch.linalg.eigvals(cov_x @ cov_y).real, min=0))
    return ((mean_x - mean_y) ** 2).sum() + torch.diagonal(cov_x + cov_y).sum() - 2 * roots.sum()


@right("07.4", "sum of the singular values of the product of both centred sets")
def frechet_distance(x, y):
    a, b = (x - x.mean(0)) / (len(x) - 1) ** 0.5, (y - y.mean(0)) / (len(y) - 1) ** 0.5
    root = torch.linalg.matrix_norm(a @ b.T, ord="nuc")
    return (x.mean(0) - y.mean(0)).square().sum() + a.square().sum() + b.square().sum() - 2 * root


@right("07.4", "symmetric root by eigh")
def frechet_distance(x, y):
    values, vectors = torch.linalg.eigh(x.T.cov())
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
    inner = torch.linalg.eigvalsh(root @ y.T.cov() @ root).clamp(min=0)
    means = torch.dist(x.mean(0), y.mean(0)) ** 2
    return means + x.var(dim=0).sum() + y.var(dim=0).sum() - 2 * inner.sqrt().sum()


@right("07.4", "numpy")
def frechet_distance(x, y):
    a, b = x.detach().double().numpy(), y.detach().double().numpy()
    cov_a, cov_b = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    roots = np.sqrt(np.maximum(np.linalg.eigvals(cov_a @ cov_b).real, 0))
    distance = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * roots.sum()
    return torch.tensor(distance, dtype=x.dtype)


@wrong("07.4", "means left out", says=r"\bmean|μ|mu\b")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    return cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "root of each entry of the product", says=r"eigenvalue|matrix|entr|element|diagonal")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    roots = (cov_x @ cov_y).clamp(min=0).sqrt()
    return (x.mean(0) - y.mean(0)).square().sum() + (cov_x + cov_y - 2 * roots).trace()


@wrong("07.4", "the 2 before the root forgotten", says=r"\b2\b|twice|factor|two|double")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    return (x.mean(0) - y.mean(0)).square().sum() + cov_x.trace() + cov_y.trace() - eigenvalues.sqrt().sum()


@wrong(
    "07.4",
    "covariance between examples: no transpose",
    says=r"row|column|transpos|features|examples|\.T\b|size|shape",
)
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x), torch.cov(y)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "product of the covariances entry by entry", says=r"matrix|@|element|entr")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x * cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "the root of the distance", says=r"squar|root|d\^2|d²|\*\* ?2")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return (means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()).clamp(min=0).sqrt()


@wrong("07.4", "a complex number", says=r"\breal\b|complex")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "no clamp: NaN where eigenvalues are slightly negative", says=r"nan|clamp|negative|fewer|singular")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "variances alone", says=r"covarian|diagonal|correlat|between features|matrix")
def frechet_distance(x, y):
    return (x.mean(0) - y.mean(0)).square().sum() + (x.std(0) - y.std(0)).square().sum()


@wrong("07.4", "eigenvalues of each covariance, not of the product", says=r"product|eigenvalue|covarian")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    a, b = (torch.linalg.eigvalsh(c).clamp(min=0) for c in (cov_x, cov_y))
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * (a * b).sqrt().sum()


@wrong("07.4", "no root of the eigenvalues", says=r"root|sqrt|eigenvalue")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    return (x.mean(0) - y.mean(0)).square().sum() + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sum()


@wrong("07.4", "mean squared difference of the means", says=r"\bsum|\bmean|averag|norm")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    return F.mse_loss(x.mean(0), y.mean(0)) + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "norm of the difference of means not squared", says=r"squar|norm|\*\* ?2|²|mean")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    return (x.mean(0) - y.mean(0)).norm() + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "a Python number", says=r"tensor|item|float|number")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return (means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()).item()


@wrong("07.4", "sum of all entries instead of the trace", says=r"trace|diagonal|sum|entr")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.sum() + cov_y.sum() - 2 * eigenvalues.sqrt().sum()


@wrong(
    "07.4",
    "examples subtracted pairwise: N and M must agree",
    says=r"\bN\b|\bM\b|differ|number of|size|examples|rows",
)
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x - y).mean(dim=0).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "second moments without centring", says=r"centr|\bmean|subtract|covarian")
def frechet_distance(x, y):
    cov_x, cov_y = x.T @ x / (len(x) - 1), y.T @ y / (len(y) - 1)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "both covariances divided by N", says=r"\bN\b|\bM\b|divid|number of examples|own number")
def frechet_distance(x, y):
    a, b = x - x.mean(0), y - y.mean(0)
    cov_x, cov_y = a.T @ a / (len(x) - 1), b.T @ b / (len(x) - 1)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sqrt().sum()


@wrong("07.4", "root of the sum of the eigenvalues", says=r"sum of|each|root|eigenvalue|before")
def frechet_distance(x, y):
    cov_x, cov_y = torch.cov(x.T), torch.cov(y.T)
    eigenvalues = torch.linalg.eigvals(cov_x @ cov_y).real.clamp(min=0)
    means = (x.mean(0) - y.mean(0)).square().sum()
    return means + cov_x.trace() + cov_y.trace() - 2 * eigenvalues.sum().sqrt()


# 07.5


@right("07.5", "t with three more axes, gradient of the sum")
def gradient_penalty(discriminator, real, fake, t):
    t = t[:, None, None, None]
    between = (t * real + (1 - t) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


@right("07.5", "grad_outputs of ones, detached points, vector_norm")
def gradient_penalty(discriminator, real, fake, t):
    points = torch.lerp(fake, real, t.view(-1, 1, 1, 1)).detach().requires_grad_(True)
    scores = discriminator(points)
    gradients = torch.autograd.grad(scores, points, grad_outputs=torch.ones_like(scores), create_graph=True)[0]
    norms = torch.linalg.vector_norm(gradients, dim=(1, 2, 3))
    return F.mse_loss(norms, torch.ones_like(norms))


@right("07.5", "a loop over the examples, each in a batch of one")
def gradient_penalty(discriminator, real, fake, t):
    penalties = []
    for i in range(len(t)):
        x = (t[i] * real[i] + (1 - t[i]) * fake[i])[None].detach().requires_grad_()
        gradient = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)[0]
        penalties.append((gradient.square().sum().sqrt() - 1).square())
    return torch.stack(penalties).mean()


@right("07.5", "einsum for mixing and for the squared norm")
def gradient_penalty(discriminator, real, fake, t):
    mixed = torch.einsum("b,bchw->bchw", t, real) + torch.einsum("b,bchw->bchw", 1 - t, fake)
    mixed = mixed.requires_grad_()
    g = torch.autograd.grad(torch.sum(discriminator(mixed)), mixed, create_graph=True)[0]
    norm = torch.einsum("bchw,bchw->b", g, g).sqrt()
    return torch.mean((norm - 1) ** 2)


@right("07.5", "under enable_grad, with an extra argument for the target norm")
def gradient_penalty(discriminator, real: Tensor, fake: Tensor, t: Tensor, target: float = 1.0) -> Tensor:
    weights = t.reshape([-1] + [1] * (real.ndim - 1))
    with torch.enable_grad():
        x = fake + weights * (real - fake)
        if not x.requires_grad:
            x.requires_grad_()
        gradient = torch.autograd.grad(outputs=discriminator(x).sum(), inputs=x, create_graph=True, retain_graph=True)
    return (gradient[0].reshape(len(x), -1).norm(p=2, dim=-1) - target).pow(2).mean()


def _between(real, fake, t):
    t = t.reshape(-1, 1, 1, 1)
    return (t * real + (1 - t) * fake).detach().requires_grad_()


def _norms(discriminator, x):
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gradient.flatten(1).norm(dim=1)


@wrong("07.5", "the factor 10 left in", says=r"\b10\b|\bten\b|factor")
def gradient_penalty(discriminator, real, fake, t):
    return 10 * (_norms(discriminator, _between(real, fake, t)) - 1).square().mean()


@wrong("07.5", "t on the generated images", says=r"swap|exchanged|1 - t|other way|`?t`?\b|interpol|between|point")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(fake, real, t)) - 1).square().mean()


@wrong("07.5", "t broadcast along the width", says=r"shape|broadcast|`t`|size|match|column|pixel|width|each example")
def gradient_penalty(discriminator, real, fake, t):
    x = (t * real + (1 - t) * fake).requires_grad_()
    return (_norms(discriminator, x) - 1).square().mean()


@wrong(
    "07.5",
    "the first t for the whole batch",
    says=r"each example|every example|own|`t`|example|point|between|batch",
)
def gradient_penalty(discriminator, real, fake, t):
    x = (t[0] * real + (1 - t[0]) * fake).requires_grad_()
    return (_norms(discriminator, x) - 1).square().mean()


@wrong("07.5", "t drawn in the function", says=r"draw|given|random|`t`|ignor|differ|same")
def gradient_penalty(discriminator, real, fake, t):
    t = torch.rand(len(real), 1, 1, 1)
    x = (t * real + (1 - t) * fake).requires_grad_()
    return (_norms(discriminator, x) - 1).square().mean()


@wrong("07.5", "the graph not kept", says=r"graph|parameter|train|gradient")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("07.5", "backward instead of autograd.grad", says=r"backward|\.grad\b|autograd")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    discriminator(x).sum().backward(create_graph=True)
    return ((x.grad.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("07.5", "norm over the whole batch", says=r"each example|every example|batch|per example|own|norm")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return (gradient.norm() - 1) ** 2


@wrong("07.5", "norm over the channels only", says=r"ax[ei]s|each example|channel|all|whole|pixel|per example|norm")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return ((gradient.norm(dim=1) - 1) ** 2).mean()


@wrong("07.5", "norm over batch and one axis: dim=0", says=r"ax[ei]s|each example|batch|per example|dim|norm")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return ((gradient.flatten(1).norm(dim=0) - 1) ** 2).mean()


@wrong("07.5", "squared norm minus 1", says=r"root|squared norm|norm|sqrt|squar")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)) ** 2 - 1).square().mean()


@wrong("07.5", "absolute difference from 1", says=r"squar|\*\* ?2|²|absolute")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)) - 1).abs().mean()


@wrong(
    "07.5",
    "only norms above 1 penalised",
    says=r"below 1|smaller than 1|less than 1|one-sided|both|under 1|relu|max|clamp|below",
)
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)) - 1).relu().square().mean()


@wrong("07.5", "square of the mean norm minus 1", says=r"mean of|each|before|mean norm|averag|mean")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)).mean() - 1) ** 2


@wrong("07.5", "gradient of the mean score", says=r"\bsum|mean|batch|number of examples|divid|averag")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    (gradient,) = torch.autograd.grad(discriminator(x).mean(), x, create_graph=True)
    return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


@wrong("07.5", "at the real images", says=r"between|interpol|point|real|mix|t \*")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, real.clone().requires_grad_()) - 1).square().mean()


@wrong("07.5", "the result always float32", says=r"dtype|float32|float64|type")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)).float() - 1).square().mean()


@wrong("07.5", "summed over the batch", says=r"\bsum|mean|averag")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)) - 1).square().sum()


@wrong("07.5", "one penalty for each example", says=r"shape|mean|averag|one number|\(\)")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)) - 1).square()


@wrong("07.5", "the 1 forgotten", says=r"\b1\b|one\b|subtract|- 1")
def gradient_penalty(discriminator, real, fake, t):
    return _norms(discriminator, _between(real, fake, t)).square().mean()


@wrong("07.5", "mean of absolute values instead of the norm", says=r"norm|root|squar|euclid|absolute")
def gradient_penalty(discriminator, real, fake, t):
    x = _between(real, fake, t)
    (gradient,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return ((gradient.flatten(1).abs().sum(dim=1) - 1) ** 2).mean()


@wrong("07.5", "a Python number", says=r"tensor|item|float|number|graph|gradient")
def gradient_penalty(discriminator, real, fake, t):
    return (_norms(discriminator, _between(real, fake, t)) - 1).square().mean().item()


# 07.debug


class BuggyDiscriminator(nn.Module):
    """The lesson's."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.convolutions = nn.Sequential(
            *(nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2))
        )
        self.head = nn.Linear(2 * width * 8 * 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.convolutions(images).flatten(1)
        return torch.tanh(self.head(features)).squeeze(1)


@right("07.debug", "tanh left out")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        features = self.convolutions(images).flatten(1)
        return self.head(features).squeeze(1)


@right("07.debug", "the column by its index")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        maps = self.convolutions(images)
        return self.head(maps.reshape(maps.shape[0], -1))[:, 0]


@right("07.debug", "matrix product with the head's weights")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        features = self.convolutions(images).flatten(start_dim=1)
        return features @ self.head.weight.flatten() + self.head.bias


@right("07.debug", "a loop over images")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return torch.cat([self.head(self.convolutions(image[None]).flatten(1))[0] for image in images])


@right("07.debug", "written from scratch with the same layers")
class FixedDiscriminator(nn.Module):
    def __init__(self, width: int = 16):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.head = nn.Linear(2 * width * 8 * 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.flatten(self.convolutions(images), 1)).view(-1)


@wrong("07.debug", "still tanh", says=r"tanh|bound|limit|range|any size|between -1|confident")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return torch.tanh(self.head(self.convolutions(images).flatten(1)))[:, 0]


@wrong("07.debug", "sigmoid instead of tanh", says=r"sigmoid|twice|logit|bound|range|negative|between 0")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return torch.sigmoid(self.head(self.convolutions(images).flatten(1))).squeeze(1)


@wrong("07.debug", "squeeze loses the axis of a single image", says=r"squeeze|single|one image|shape|batch of (one|1)")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1)).squeeze()


@wrong("07.debug", "dropout in evaluation mode too", says=r"two calls.*(random|dropout)")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        features = F.dropout(self.convolutions(images).flatten(1), 0.3)
        return self.head(features).squeeze(1)


@wrong("07.debug", "tanh undone by its inverse", says=r"atanh.*tanh")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return torch.atanh(super().forward(images))


@wrong("07.debug", "ReLU on the score", says=r"negative|sign|relu|below")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return F.relu(self.head(self.convolutions(images).flatten(1))).squeeze(1)


@wrong("07.debug", "tanh scaled to ten", says=r"tanh|bound|limit|range|any size|\b10\b|large")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return 10 * torch.tanh(self.head(self.convolutions(images).flatten(1))).squeeze(1)


@wrong("07.debug", "clamped at ±10", says=r"clamp|bound|limit|range|any size|\b10\b|large")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1)).squeeze(1).clamp(-10, 10)


@wrong("07.debug", "a column instead of a vector", says=r"shape|\(B,?\)|squeeze|\(B, 1\)|column")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1))


@wrong("07.debug", "scores normalised over the batch", says=r"batch|single|other image|nan|one image|depend|normali")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        scores = self.head(self.convolutions(images).flatten(1)).squeeze(1)
        return (scores - scores.mean()) / scores.std()


@wrong("07.debug", "the batch's mean score subtracted", says=r"batch|single|other image|one image|depend|mean")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        scores = self.head(self.convolutions(images).flatten(1)).squeeze(1)
        return scores - scores.mean()


@wrong(
    "07.debug",
    "batch norm on the features",
    says=r"batch.?norm|single image|one image|other images|training mode|more than 1 value",
)
class FixedDiscriminator(BuggyDiscriminator):
    def __init__(self, width: int = 16):
        super().__init__(width)
        self.norm = nn.BatchNorm1d(2 * width * 8 * 8)

    def forward(self, images):
        return self.head(self.norm(self.convolutions(images).flatten(1))).squeeze(1)


@wrong(
    "07.debug",
    "artanh of the tanh: infinite for large scores",
    says=r"inf|finite|large|tanh|any size|round|exact|bound",
)
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return torch.atanh(super().forward(images))


@wrong("07.debug", "one score for the batch", says=r"shape|each image|\(B,?\)|mean|every image")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1)).mean()


@wrong(
    "07.debug",
    "a batch of 32 written in",
    says=r"written|fixed|any (batch )?size|len\(images\)|flatten|32 is|number of images|batch axis",
)
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).reshape(32, -1)).squeeze(1)


@wrong("07.debug", "activations dropped", says=r"activation|leaky|linear|relu|convolutions")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        maps = self.convolutions[2](self.convolutions[0](images))
        return self.head(maps.flatten(1)).squeeze(1)


@wrong("07.debug", "features detached", says=r"gradient|detach|learn|convolution")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1).detach()).squeeze(1)


@wrong("07.debug", "width fixed at 16", says=r"width|\b16\b")
class FixedDiscriminator(nn.Module):
    def __init__(self, width: int = 16):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.head = nn.Linear(32 * 8 * 8, 1)

    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1)).squeeze(1)


@wrong("07.debug", "a probability in evaluation mode", says=r"mode|evaluation|eval|sigmoid")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        scores = self.head(self.convolutions(images).flatten(1)).squeeze(1)
        return scores if self.training else scores.sigmoid()


@wrong("07.debug", "softplus, never negative", says=r"negative|sign|softplus|below|positive")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return F.softplus(self.head(self.convolutions(images).flatten(1))).squeeze(1)


@wrong("07.debug", "log of the sigmoid, never positive", says=r"positive|sign|log|sigmoid|above|negative")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return F.logsigmoid(self.head(self.convolutions(images).flatten(1))).squeeze(1)


@wrong("07.debug", "scaled by the lesson's lowest loss, tanh kept", says=r"tanh|bound|limit|range|any size|large")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return super().forward(images) * math.log1p(math.e)


@wrong("07.debug", "tanh moved before the head", says=r"tanh|before")
class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images: Tensor) -> Tensor:
        features = torch.tanh(self.convolutions(images).flatten(1))
        return self.head(features).squeeze(1)
