"""Exercise 06.2: a sample of a normal distribution that lets gradients through to its parameters."""

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Answer, Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import drawn, expect_finite, expect_tensor, explained
from mmcourse.exercises.randomness import (
    correlated,
    follows,
    normal_cdf,
    repeated,
    standardised,
    uniform_cdf,
    varies,
)

MANY, WIDTH = 4_000, 5
Recover = Callable[[Tensor, Tensor, Tensor], Tensor]


def noise_of(sample: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """The noise epsilon in a right sample."""
    return (sample - mean) / (log_variance / 2).exp()


def half_normal_cdf(x: Tensor) -> Tensor:
    """Distribution function of the absolute value of standard normal noise."""
    return (2 * torch.special.ndtr(x) - 1).clamp(min=0)


# Each mistake as a way back from a sample to its noise, and the words for it.
RECOVERED: list[tuple[Recover, str]] = [
    (noise_of, ""),
    (
        lambda z, m, v: (z - m) / v.exp(),
        "`exp(log_variance)` is the variance; the noise is multiplied by the standard deviation, exp(log_variance / 2)",
    ),
    (
        lambda z, m, v: (z - m) / v,
        "the noise is multiplied by log_variance itself; the standard deviation is exp(log_variance / 2)",
    ),
    (
        lambda z, m, v: (z - m) / (v / 2),
        "the noise is multiplied by log_variance / 2; its exponential is the standard deviation",
    ),
    (
        lambda z, m, v: (z - m) / v.abs().sqrt(),
        "the noise is multiplied by the root of log_variance; the standard deviation is exp(log_variance / 2)",
    ),
    (
        lambda z, m, v: (z - m) / (2 * v).exp(),
        "the noise is multiplied by exp(2 * log_variance); the standard deviation is exp(log_variance / 2)",
    ),
    (
        lambda z, m, v: (z - m) / (v.exp() / 2),
        "the variance is halved; the logarithm is to be halved before the exponential: exp(log_variance / 2)",
    ),
    (
        lambda z, m, v: (z - m) * (v / 2).exp(),
        "the noise is divided by the standard deviation; multiply it, and mind the sign in the exponential",
    ),
    (
        lambda z, m, v: (z - m) / (v / 4).exp(),
        "the root of the standard deviation is taken: exp(log_variance / 2) is the root of the variance already",
    ),
    (lambda z, m, v: (z - m) / F.softplus(v), "the noise is multiplied by a softplus; exp(log_variance / 2) is asked"),
    (lambda z, m, v: z - m, "the noise is not multiplied by the standard deviation, exp(log_variance / 2)"),
    (lambda z, m, v: z, "that is noise alone: multiply it by the standard deviation, and add the mean"),
    (lambda z, m, v: z / (v / 2).exp(), "the mean is not added"),
    (lambda z, m, v: (z + m) / (v / 2).exp(), "the mean is subtracted; add it"),
    (
        lambda z, m, v: z - m - (v / 2).exp(),
        "the standard deviation is added to the noise; the noise is multiplied by it",
    ),
    (
        lambda z, m, v: z / (m + (v / 2).exp()),
        "the noise is multiplied by the sum of mean and standard deviation: brackets in the wrong place",
    ),
    (
        lambda z, m, v: (z - (v / 2).exp()) / m,
        "mean and standard deviation have changed places: the noise is multiplied by the mean",
    ),
    (
        lambda z, m, v: z - m * (v / 2).exp(),
        "the mean is multiplied by the standard deviation; the noise is to be, and the mean added",
    ),
    (lambda z, m, v: noise_of(z, v, m), "`mean` and `log_variance` have changed places"),
    (
        lambda z, m, v: noise_of(z, m.mean(0), v),
        "every example gets the mean over the batch; each has a mean of its own",
    ),
    (
        lambda z, m, v: noise_of(z, m, v.mean(0)),
        "every example gets the same standard deviation; each has its own",
    ),
    (
        lambda z, m, v: noise_of(z, m, v.mean(1, keepdim=True)),
        "every dimension gets the same standard deviation; each has its own",
    ),
]
DISTRIBUTIONS: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (normal_cdf, ""),
    (uniform_cdf(0, 1), "the noise is uniform between 0 and 1 (`torch.rand`?); it is standard normal: `torch.randn`"),
    (uniform_cdf(-1, 1), "the noise is uniform between -1 and 1; it is standard normal: `torch.randn`"),
    (uniform_cdf(-0.5, 0.5), "the noise is uniform between -0.5 and 0.5; it is standard normal: `torch.randn`"),
    (half_normal_cdf, "the noise is never negative: is there an absolute value?"),
]
FIXED: list[tuple[Callable[[Tensor, Tensor], Tensor], str]] = [
    (lambda m, v: m, "that is the mean: there is no noise"),
    (lambda m, v: m + (v / 2).exp(), "that is mean plus standard deviation: there is no noise"),
    (lambda m, v: m + v.exp(), "that is mean plus variance: there is no noise"),
]


@exercise(
    "06.2",
    title="reparameterisation",
    dots=2,
    minutes=10,
    hints=(
        "The logarithm of the variance is log_variance. What is the logarithm of the standard deviation, its root?",
        "`torch.randn_like(mean)` draws one standard normal number for every number of every example.",
        "Multiply this noise by `torch.exp(log_variance / 2)` and add the mean. Nothing is detached.",
    ),
)
def reparameterise_check(answer, rng):
    tried = explained(answer, {"must match the size": "the noise needs the shape of `mean`, (B, D)"})
    for batch, width in ((3, 5), (1, 4), (4, 4), (6, 1)):
        sample_of(tried, *parameters(rng, batch, width))
    mean, log_variance = parameters(rng, MANY, WIDTH)
    sample = sample_of(answer, mean, log_variance)
    for fixed, words in FIXED:
        if torch.allclose(sample, fixed(mean, log_variance), rtol=1e-4, atol=1e-5):
            raise Mistake(words)
    if torch.allclose(sample, again := sample_of(answer, mean, log_variance)):
        raise Mistake("two calls give the same sample: draw the noise anew in every call, and set no seed inside")
    judge_noise(answer, rng, sample, mean, log_variance)
    if correlated(torch.cat([noise_of(one, mean, log_variance) for one in (sample, again)], 1)):
        raise Mistake("the noise of two calls is not independent: draw it anew in every call")
    judge_gradients(answer, parameters(rng, 6, 4))
    return (
        "mean and standard deviation of every number as asked, its noise drawn anew; gradients reach both mean and "
        "log-variance"
    )


def parameters(rng: torch.Generator, batch: int, width: int) -> tuple[Tensor, Tensor]:
    """Means and log-variances, none of the latter near 0, of either sign."""
    log_variance = 0.5 + 2.5 * torch.rand(batch, width, generator=rng)
    sign = torch.where(torch.arange(batch * width).reshape(batch, width) % 2 == 0, 1.0, -1.0)
    return 2 + drawn(rng, batch, width), log_variance * sign


def sample_of(answer, mean: Tensor, log_variance: Tensor) -> Tensor:
    """One sample, of the right shape and without NaN."""
    batch, width = mean.shape
    where = f"for {batch:,} example{'s' * (batch != 1)} of {width} dimension{'s' * (width != 1)}"
    causes = {(width,): "one sample for the whole batch"} if batch > 1 else {}
    if 1 in (batch, width):
        causes[(batch * width,)] = "an axis of size 1 is lost, as by `squeeze()`"
    given = answer(mean, log_variance)
    if isinstance(given, tuple | list):
        raise Mistake(f"{where} it returned {len(given)} results; the sample alone is asked for")
    given = expect_tensor(given, where, mean.shape, causes)
    expect_finite(
        given, where, "is there a root or a logarithm of log_variance? It may be negative; exp(log_variance / 2) is not"
    )
    return given.float()  # noise from numpy makes it double


def judge_noise(answer, rng: torch.Generator, sample: Tensor, mean: Tensor, log_variance: Tensor) -> None:
    """The sample must hold standard normal noise, drawn for every number, times the standard deviation.

    Noise is judged apart for small, medium and large values of each parameter, which a wrong scale does not pass.
    """
    parts = [part for one in (mean, log_variance) for part in one.flatten().argsort().chunk(4)]
    for recover, scale_words in RECOVERED:
        noise = recover(sample, mean, log_variance)
        shared = shared_noise(noise)
        if shared:
            raise Mistake(f"{shared}. And {scale_words}" if scale_words else shared)
        for distribution, distribution_words in DISTRIBUTIONS:
            if all(follows(noise.flatten()[part], distribution) for part in parts):
                faults = [words for words in (scale_words, distribution_words) if words]
                if faults:
                    raise Mistake(". And ".join(faults))
                if not standardised(noise):
                    raise Mistake(
                        f"the noise has mean {noise.mean():.2f} and standard deviation {noise.std():.2f}, expected 0 "
                        "and 1"
                    )
                if repeated(noise):
                    raise Mistake("the same noise is used for several examples; every number has its own")
                if correlated(noise):
                    raise Mistake("the noise of two dimensions is not independent; every number has its own")
                return
    raise Mistake(moments(answer, rng))


def shared_noise(noise: Tensor) -> str:
    """Words for noise that is not drawn for every number."""
    rows, columns = varies(noise, 0), varies(noise, 1)
    if not rows and not columns:
        return "one random number is used for everything; draw one for every number of every example"
    if not rows:
        return "all examples get the same noise; draw it for every example, with the shape (B, D)"
    if not columns:
        return "all dimensions of an example get the same noise; draw it for every dimension, with the shape (B, D)"
    return ""


def moments(answer, rng: torch.Generator) -> str:
    """What many samples of one distribution have, beside what they should have."""
    mean, log_variance = parameters(rng, 1, WIDTH)
    sample = sample_of(answer, mean.expand(MANY, -1).clone(), log_variance.expand(MANY, -1).clone())
    found, expected = (sample.mean(0), sample.std(0)), (mean[0], (log_variance[0] / 2).exp())
    worst = int(((found[0] - expected[0]).abs() / expected[1] + (found[1] / expected[1]).log().abs()).argmax())
    case = f"{MANY:,} samples for mean {mean[0, worst]:.2f} and log_variance {log_variance[0, worst]:.2f}"
    due = f"expected {expected[0][worst]:.2f} and {expected[1][worst]:.2f}"
    if (found[1] < 1e-6 * expected[1]).all():
        return "all examples get the same noise; draw it for every example, with the shape (B, D)"
    if all(follows(one, normal_cdf) and standardised(one) for one in noise_of(sample, mean, log_variance).T):
        return "examples are mixed: where they differ, a sample does not have the mean and variance of its own example"
    return f"{case} have mean {found[0][worst]:.2f} and standard deviation {found[1][worst]:.2f}, {due}: the noise " + (
        "is not normally distributed" if normal_moments(found, expected) else "is not scaled or shifted as asked"
    )


def normal_moments(found: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> bool:
    """Whether mean and standard deviation agree, up to chance."""
    far = (found[0] - expected[0]).abs() / expected[1], (found[1] / expected[1] - 1).abs()
    return bool(max(part.max() for part in far) < 0.15)


def judge_gradients(answer, case: tuple[Tensor, Tensor]) -> None:
    """The gradient for mean is 1, that for log_variance half the scaled noise, times what comes from behind."""
    kept = []

    @functools.wraps(answer.function)
    def sampled(mean: Tensor, log_variance: Tensor) -> Tensor:
        kept.append((mean.detach(), log_variance.detach(), answer.function(mean, log_variance)))
        return kept[-1][-1]

    def right(mean: Tensor, log_variance: Tensor) -> Tensor:
        before, log_before, sample = kept[0]
        noise = noise_of(sample.detach().cpu(), before, log_before)
        return mean + (log_variance / 2).exp() * noise

    try:
        expect_gradients(Answer(sampled), case, right)
    except Mistake as problem:
        raise Mistake(
            f"{problem} (`torch.normal` and `Normal.sample()` cut it as well; `rsample()` does not)"
        ) from None
