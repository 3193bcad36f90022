import random

import numpy as np
import torch
import torch.nn.functional as F
from torch.distributions import Normal


def answer(mean, log_variance):
    return mean + torch.exp(log_variance / 2) * torch.randn_like(mean)


def by_numpy(mean, log_variance):
    noise = torch.from_numpy(np.random.default_rng().standard_normal(mean.shape)).to(mean.dtype)
    return mean + log_variance.exp().sqrt() * noise


def by_python(mean, log_variance):
    noise = torch.tensor([random.gauss(0, 1) for _ in range(mean.numel())]).view(mean.shape)
    return torch.addcmul(mean, (0.5 * log_variance).exp(), noise)


def by_loop(mean, log_variance):
    return torch.stack([m - (v / 2).exp() * torch.randn(len(m)) for m, v in zip(mean, log_variance, strict=True)])


def scaled(scale, noise=torch.randn_like):
    return lambda mean, log_variance: mean + scale(log_variance) * noise(mean)


def half(v):
    return (v / 2).exp()


def seeded(mean, log_variance):
    torch.manual_seed(0)
    return answer(mean, log_variance)


def in_place(mean, log_variance):
    mean += half(log_variance) * torch.randn_like(mean)
    return mean


def without_gradients(mean, log_variance):
    with torch.no_grad():
        return answer(mean, log_variance)


def tiled(mean, log_variance):
    n = (len(mean) + 1) // 2
    return mean + half(log_variance) * torch.randn(n, mean.shape[1]).repeat(2, 1)[: len(mean)]


def test_reparameterise(judged):
    rows = lambda m: torch.randn(m.shape[1])  # noqa: E731
    columns = lambda m: torch.randn(len(m), 1)  # noqa: E731
    judged(
        "06.2",
        {
            "randn_like": answer,
            "numpy": by_numpy,
            "python": by_python,
            "loop": by_loop,
            "double noise": lambda m, v: m + half(v) * torch.from_numpy(np.random.standard_normal(m.shape)),
            "rsample": lambda m, v: Normal(m, half(v)).rsample(),
            "normal_": lambda m, v: m + v.div(2).exp() * torch.empty_like(m).normal_(),
            "normal of 0 and 1": lambda m, v: m + half(v) * torch.normal(0.0, 1.0, m.shape),
            "variance, then root": lambda m, v: m + v.exp() ** 0.5 * torch.randn(*m.shape),
        },
        {
            "variance": (scaled(torch.exp), "`exp(log_variance)` is the variance"),
            "log-variance": (scaled(lambda v: v), "multiplied by log_variance itself"),
            "half log-variance": (scaled(lambda v: v / 2), "multiplied by log_variance / 2"),
            "root of log-variance": (scaled(torch.sqrt), "is there a root or a logarithm of log_variance?"),
            "absolute root": (scaled(lambda v: v.abs().sqrt()), "multiplied by the root of log_variance"),
            "double": (scaled(lambda v: (2 * v).exp()), "multiplied by exp(2 * log_variance)"),
            "half variance": (scaled(lambda v: v.exp() / 2), "the variance is halved"),
            "minus": (scaled(lambda v: (-v / 2).exp()), "divided by the standard deviation"),
            "root twice": (scaled(lambda v: half(v).sqrt()), "the root of the standard deviation is taken"),
            "temperature": (scaled(lambda v: 0.9 * half(v)), "expected 0 and 1"),
            "clamped": (scaled(half, lambda m: torch.randn_like(m).clamp(-1.5, 1.5)), None),
            "scaled mean": (lambda m, v: m * half(v) + torch.randn_like(m), "the noise is to be, and the mean added"),
            "softplus": (scaled(F.softplus), "a softplus"),
            "unscaled": (scaled(lambda v: 1), "is not multiplied by the standard deviation"),
            "noise": (lambda m, v: torch.randn_like(m), "that is noise alone"),
            "no mean": (lambda m, v: half(v) * torch.randn_like(m), "the mean is not added"),
            "brackets": (lambda m, v: (m + half(v)) * torch.randn_like(m), "brackets in the wrong place"),
            "exchanged": (lambda m, v: half(v) + m * torch.randn_like(m), "mean and standard deviation have changed"),
            "swapped": (lambda m, v: answer(v, m), "`mean` and `log_variance` have changed places"),
            "rand": (scaled(half, torch.rand_like), "uniform between 0 and 1"),
            "centred rand": (scaled(half, lambda m: 2 * torch.rand_like(m) - 1), "uniform between -1 and 1"),
            "absolute": (scaled(half, lambda m: torch.randn_like(m).abs()), "the noise is never negative"),
            "rand and variance": (scaled(torch.exp, torch.rand_like), None),
            "standardised rand": (
                scaled(half, lambda m: 12**0.5 * (torch.rand_like(m) - 0.5)),
                "is not normally distributed",
            ),
            "mean": (lambda m, v: m, "that is the mean"),
            "no noise": (lambda m, v: m + half(v), "mean plus standard deviation"),
            "variance without noise": (lambda m, v: m + v.exp(), "mean plus variance"),
            "mean subtracted": (lambda m, v: half(v) * torch.randn_like(m) - m, "the mean is subtracted"),
            "deviation added": (lambda m, v: m + half(v) + torch.randn_like(m), "is added to the noise"),
            "one row": (scaled(half, rows), "all examples get the same noise"),
            "one column": (scaled(half, columns), "all dimensions of an example get the same noise"),
            "noise of shape (B,)": (scaled(half, lambda m: torch.randn(len(m))), "he noise needs the shape of `mean`"),
            "one number": (scaled(half, lambda m: torch.randn(1)), "one random number is used for everything"),
            "one row, variance": (scaled(torch.exp, rows), None),
            "seeded": (seeded, "two calls give the same sample"),
            "tiled": (tiled, "used for several examples"),
            "torch.normal": (lambda m, v: torch.normal(m, half(v)), "no gradient reaches `m` and `v`"),
            "sample": (lambda m, v: Normal(m, half(v)).sample(), None),
            "no_grad": (without_gradients, None),
            "detached mean": (lambda m, v: answer(m.detach(), v), "no gradient reaches `m`, so"),
            "detached deviation": (lambda m, v: answer(m, v.detach()), "no gradient reaches `v`, so"),
            "in place": (in_place, "was changed in place"),
            "squeezed": (lambda m, v: answer(m, v).squeeze(), "an axis of size 1 is lost"),
            "first example": (lambda m, v: answer(m, v)[0], "one sample for the whole batch"),
            "tuple": (lambda m, v: (answer(m, v), m), "it returned 2 results"),
            "mean over the batch": (
                lambda m, v: m.mean(0) + half(v) * torch.randn_like(m),
                "every example gets the mean over the batch",
            ),
            "numbers": (lambda m, v: torch.randn(64, 16), "the shape is (64, 16)"),
        },
        draws=1,
    )
