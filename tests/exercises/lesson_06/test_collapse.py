import pytest
import torch.nn.functional as F
from torch.distributions import Normal

from mmcourse.exercises.checks import judge


def kl(mean, log_variance):
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)


def answer(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = 0.5 * (reconstruction - x).square().flatten(1).sum(dim=1)
    return (error + beta * kl(mean, log_variance)).mean()


def by_library(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = F.mse_loss(reconstruction, x.detach(), reduction="sum") / 2 / x.shape[0]
    return error + beta * kl(mean, log_variance).mean()


def by_loop(outputs, x, beta):
    total = 0.0
    for r, m, v, target in zip(*outputs, x, strict=True):
        total = total + ((r - target) ** 2).sum() / 2 + beta * kl(m[None], v[None])[0]
    return total / len(x)


def by_mean(outputs, x, beta):
    r, m, v = outputs
    return 0.5 * x[0].numel() * F.mse_loss(r, x) + beta * kl(m, v).mean()


def parts(error=1.0, divergence=1.0):
    """Half the squared error and the KL of each example, with factors."""

    def of(outputs, x):
        r, m, v = outputs
        return error * 0.5 * (r - x).square().flatten(1).sum(1), divergence * kl(m, v)

    return of


def together(combine, of=None):
    return lambda outputs, x, beta: combine(*(of or parts())(outputs, x), beta)


def buggy(outputs, x, beta):
    r, m, v = outputs
    return F.mse_loss(r, x) + beta * kl(m, v).mean()


def fixed_axes(outputs, x, beta):
    r, m, v = outputs
    return (0.5 * (r - x).square().sum((1, 2, 3)) + beta * kl(m, v)).mean()


def test_negative_elbo(judged):
    judged(
        "06.collapse",
        {"answer": answer, "library": by_library, "loop": by_loop, "from the mean": by_mean},
        {
            "buggy": (buggy, None),
            "buggy, without beta": (lambda o, x, beta: buggy(o, x, 1.0), None),
            "half the mean": (
                lambda o, x, beta: 0.5 * F.mse_loss(o[0], x) + beta * kl(*o[1:]).mean(),
                "the squared error is still a mean",
            ),
            "sum of all errors": (
                lambda o, x, beta: F.mse_loss(o[0], x, reduction="sum") + beta * kl(*o[1:]).mean(),
                None,
            ),
            "both means": (
                lambda o, x, beta: F.mse_loss(o[0], x) + beta * kl(*o[1:]).mean() / o[1].shape[1],
                None,
            ),
            "KL for each example": (
                lambda o, x, beta: parts()(o, x)[0].mean() + beta * kl(*o[1:]),
                None,
            ),
            "no half": (together(lambda e, k, b: (2 * e + b * k).mean()), "the factor 1/2 of the squared error is"),
            "KL as a mean": (
                lambda o, x, beta: (parts()(o, x)[0] + beta * kl(*o[1:]) / o[1].shape[1]).mean(),
                "the KL is a mean over the dimensions",
            ),
            "KL without half": (together(lambda e, k, b: (e + 2 * b * k).mean()), "the factor 1/2 of the KL"),
            "sum": (together(lambda e, k, b: (e + b * k).sum()), "it is a sum over the batch"),
            "error summed over the batch": (
                together(lambda e, k, b: e.sum() + b * k.mean()),
                "the squared error is summed over the batch",
            ),
            "KL summed over the batch": (
                together(lambda e, k, b: e.mean() + b * k.sum()),
                "the KL is summed over the batch",
            ),
            "beta on the error": (together(lambda e, k, b: (b * e + k).mean()), "beta multiplies the squared error"),
            "beta on both": (together(lambda e, k, b: b * (e + k).mean()), "beta multiplies both terms"),
            "no beta": (together(lambda e, k, b: (e + k).mean()), "beta is not used"),
            "KL subtracted": (together(lambda e, k, b: (e - b * k).mean()), "the KL is subtracted"),
            "ELBO": (together(lambda e, k, b: -(e + b * k).mean()), "that is the ELBO"),
            "no KL": (together(lambda e, k, b: e.mean()), "a plain autoencoder's loss"),
            "no error": (together(lambda e, k, b: b * k.mean()), "only the KL is there"),
            "for each example": (together(lambda e, k, b: e + b * k), "a loss for each example"),
            "root": (
                lambda o, x, beta: ((o[0] - x).flatten(1).norm(dim=1) + beta * kl(*o[1:])).mean(),
                "the root of the squared error is taken",
            ),
            "absolute": (
                lambda o, x, beta: ((o[0] - x).abs().flatten(1).sum(1) + beta * kl(*o[1:])).mean(),
                "the absolute error is taken",
            ),
            "3,072": (
                lambda o, x, beta: 0.5 * 3072 * F.mse_loss(o[0], x) + beta * kl(*o[1:]).mean(),
                "in every case, so a number is written in",
            ),
            "half of both": (together(lambda e, k, b: (e + b * k / 2).mean()), "the KL is halved once more"),
            "beta squared": (together(lambda e, k, b: (e + b**2 * k).mean()), "beta is squared"),
            "both divided": (lambda o, x, beta: answer(o, x, beta) * 2 / x[0].numel(), "and the scale another"),
            "both divided, no half": (
                lambda o, x, beta: F.mse_loss(o[0], x) + beta * kl(*o[1:]).mean() / x[0].numel(),
                "and the squared error is not halved",
            ),
            "log_prob": (
                lambda o, x, beta: (-Normal(o[0], 1.0).log_prob(x).flatten(1).sum(1) + beta * kl(*o[1:])).mean(),
                "the constant of the normal distribution",
            ),
            "one axis": (
                lambda o, x, beta: (0.5 * (o[0] - x).square().sum(1) + beta * kl(*o[1:])).mean(),
                "summed over every axis",
            ),
            "divided": (together(lambda e, k, b: (e / b + k).mean()), "the squared error is divided by beta"),
            "swapped": (
                lambda o, x, beta: answer((o[0], o[2], o[1]), x, beta),
                "mean and log_variance have changed places",
            ),
            "fixed axes": (fixed_axes, "a fixed number of axes?"),
            "number": (lambda o, x, beta: answer(o, x, beta).item(), "no gradient passes through it"),
            "detached": (
                lambda o, x, beta: answer((o[0].detach(), *o[1:]), x, beta),
                "no gradient reaches `outputs[0]`",
            ),
            "other": (together(lambda e, k, b: (e + b * k).mean() + 1), "and beta 0.5 it returned"),
        },
        draws=2,
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda o, x, beta: buggy(o, x, 1.0), ("is still a mean", "beta is not used")),
        (buggy, ("half the sum of the squares",)),
        (
            lambda o, x, beta: F.mse_loss(o[0], x, reduction="sum") + beta * kl(*o[1:]).mean(),
            ("factor 1/2 of the squared", "the squared error is summed over the batch"),
        ),
        (
            lambda o, x, beta: 0.5 * F.mse_loss(o[0], x) + beta * kl(*o[1:]).mean() / o[1].shape[1],
            ("is still a mean", "the KL is a mean over the dimensions"),
        ),
    ],
)
def test_several_faults_are_all_named(answer, words):
    message = judge("06.collapse", answer).message
    assert message.count(". And ") == len(words) - 1 and all(one in message for one in words)
