"""Exercise 06.3: KL divergence of a normal distribution to the standard normal one, for each example."""

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, agrees, drawn, judge_tensors, whole
from mmcourse.exercises.properties import mixed_examples

Terms = Callable[[Tensor, Tensor], Tensor]


def terms(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Twice the divergence in each dimension.   (B, D), (B, D) -> (B, D)"""
    return mean**2 + log_variance.exp() - 1 - log_variance


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """What the answer should give.   (B, D), (B, D) -> (B,)"""
    return 0.5 * terms(mean, log_variance).sum(1)


TERMS: list[tuple[Terms, str]] = [
    (terms, ""),
    (lambda m, v: m**2 + v.exp() - v, "the -1 is missing: for mean 0 and variance 1 the divergence is 0"),
    (lambda m, v: m**2 + v.exp() + 1 - v, "1 is added; it is subtracted: for mean 0 and variance 1 the result is 0"),
    (lambda m, v: m + v.exp() - 1 - v, "the mean is not squared"),
    (lambda m, v: m.abs() + v.exp() - 1 - v, "the mean's absolute value is taken; its square belongs there"),
    (lambda m, v: v.exp() - 1 - v, "the square of the mean is missing"),
    (lambda m, v: m**2 - 1 - v, "the variance, `log_variance.exp()`, is missing"),
    (lambda m, v: m**2 + v.exp() - 1, "the logarithm of the variance is missing"),
    (lambda m, v: m**2 + v.exp() - 1 + v, "the logarithm of the variance is added; it is subtracted"),
    (lambda m, v: m**2 - v.exp() - 1 - v, "the variance is subtracted; it is added"),
    (lambda m, v: -(m**2) + v.exp() - 1 - v, "the square of the mean is subtracted; it is added"),
    (
        lambda m, v: m**2 + (2 * v).exp() - 1 - v,
        "`exp(2 * log_variance)` is the variance squared; the variance is `exp(log_variance)`",
    ),
    (
        lambda m, v: m**2 + (2 * v).exp() - 1 - 2 * v,
        "log_variance is used as the logarithm of the standard deviation; it is that of the variance",
    ),
    (
        lambda m, v: m**2 + (v / 2).exp() - 1 - v,
        "`exp(log_variance / 2)` is the standard deviation; the variance belongs there, `exp(log_variance)`",
    ),
    (
        lambda m, v: m**2 + (v / 2).exp() - 1 - v / 2,
        "both terms hold the standard deviation; the variance and its logarithm belong there",
    ),
    (lambda m, v: m**2 + v.exp() - 1 - v / 2, "the logarithm of the variance is halved; only the whole sum is"),
    (lambda m, v: m**2 + v.exp() - 1 - 2 * v, "the logarithm of the variance is counted twice"),
    (
        lambda m, v: m**2 + v - 1 - v,
        "log_variance stands where the variance belongs: `log_variance.exp()`",
    ),
    (
        lambda m, v: m**2 + v**2 - 1 - v,
        "the square of log_variance stands where the variance belongs: `log_variance.exp()`",
    ),
    (
        lambda m, v: m**2 + v**2 - 1 - (v**2).log(),
        "log_variance is used as the standard deviation; the variance is `log_variance.exp()`",
    ),
    (
        lambda m, v: m**2 + v.exp() - 1 - v.exp(),
        "the variance is subtracted again; its logarithm belongs there, `log_variance`",
    ),
    (
        lambda m, v: (1 + m**2) / v.exp() - 1 + v,
        "that is the divergence in the other direction, KL(N(0, I) || N(mean, variance))",
    ),
    (lambda m, v: v**2 + m.exp() - 1 - m, "`mean` and `log_variance` have changed places"),
]
FACTORS = [
    (0.5, ""),
    (1.0, "the factor 1/2 is missing"),
    (-0.5, "the sign is wrong: a KL divergence is never negative"),
    (-1.0, "the sign is wrong, and the factor 1/2 is missing"),
    (0.25, "the factor is 1/4; it is 1/2"),
    (0.5 / math.log(2), "that is in bits; natural logarithms, without a division by ln 2, give nats"),
]
SUMS: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (lambda x: x.sum(1), ""),
    (lambda x: x.mean(1), "it is a mean over the dimensions of the code; sum over them"),
    (lambda x: x.sum(1) / len(x), "it is divided by the batch size; each example has its own divergence"),
    (lambda x: x.sum().expand(len(x)), "every example gets the sum over the batch"),
    (lambda x: x.sum(1).mean().expand(len(x)), "every example gets the mean over the batch"),
    (
        lambda x: x[:, -1],
        "only the last dimension of the code counts; in a loop, `+=` adds and `=` overwrites",
    ),
    (lambda x: x[:, 0], "only the first dimension of the code counts; sum over all of them"),
]

BRACKETS: Mistakes = [
    (
        lambda m, v: (0.5 * m**2 + v.exp() - 1 - v).sum(1),
        "only the square of the mean is halved; the factor 1/2 is for the whole sum",
    ),
    (
        lambda m, v: (0.5 * (m**2 + v.exp() - v) - 1).sum(1),
        "the 1 is not halved; the factor 1/2 is for the whole sum",
    ),
    (
        lambda m, v: 0.5 * ((m**2 + v.exp() - v).sum(1) - 1),
        "1 is subtracted once; it is subtracted in every dimension, so it belongs inside the sum",
    ),
    (
        lambda m, v: 0.5 * (m**2 + v.exp() - v).sum(1) - 1,
        "1 is subtracted after the sum; it is subtracted in every dimension, so it belongs inside the sum",
    ),
]


def mistakes() -> Mistakes:
    """Every combination of these, those with the fewest faults first."""
    found = []
    for (term, a), (factor, b), (total, c) in itertools.product(TERMS, FACTORS, SUMS):
        faults = [words for words in (a, b, c) if words]

        def mistaken(mean, log_variance, term=term, factor=factor, total=total):
            return factor * total(term(mean, log_variance))

        if faults:
            found.append((len(faults), mistaken, ". And ".join(faults)))
    found += [(1, mistaken, words) for mistaken, words in BRACKETS]
    return [(mistaken, words) for _, mistaken, words in sorted(found, key=lambda entry: entry[0])]


def as_variance(answer: Callable, case: tuple[Tensor, Tensor]) -> str:
    """Words where, for a positive second argument, the result is the divergence with it as the variance; else empty."""
    mean, variance = case[0], case[1].abs() + 0.1
    given = answer(mean, variance)
    if not agrees(given, 0.5 * (mean**2 + variance - 1 - variance.log()).sum(1)):
        return ""
    return "log_variance is used as the variance: it is the logarithm already, and the variance is `log_variance.exp()`"


def causes(mean: Tensor, log_variance: Tensor) -> dict[tuple, str]:
    """What wrong shapes come from."""
    batch, width = mean.shape
    if batch == 1:
        return {
            (): "the batch axis is lost for a batch of one (`squeeze()` would remove it): sum over `dim=1` alone",
            (1, width): "nothing is summed over the dimensions of the code: `sum(dim=1)`",
            (1, 1): "the summed axis is kept: leave `keepdim` out",
        }
    return {
        (): "one number for the whole batch; sum over the dimensions of each example, `sum(dim=1)`",
        (1,): "one number for the whole batch; sum over the dimensions of each example, `sum(dim=1)`",
        (batch, width): "nothing is summed over the dimensions of the code: `sum(dim=1)`",
        (width,): "the sum runs over the batch: `dim=0` is the batch, `dim=1` are the dimensions of the code",
        (1, width): "the sum runs over the batch: `dim=0` is the batch, `dim=1` are the dimensions of the code",
        (batch, 1): "the summed axis is kept: leave `keepdim` out",
    }


@exercise(
    "06.3",
    title="KL divergence to the standard normal distribution",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "Take one dimension with mean 2 and variance 1, so log-variance 0. What does the formula give?",
        "`log_variance.exp()` is the variance, and `log_variance` is its logarithm already.",
        "Compute the four terms with shape (B, D), sum them over `dim=1`, and halve the sum.",
    ),
)
def kl_check(answer, rng):
    def draw(batch: int, width: int) -> tuple[Tensor, Tensor]:
        return 1.5 * drawn(rng, batch, width) + 0.3, 1.2 * drawn(rng, batch, width) - 0.4

    cases = [draw(5, 3), draw(whole(rng, 6, 9), 4), draw(1, 4), draw(4, 4), draw(3, 1)]
    cases += [(torch.zeros(2, 3), torch.zeros(2, 3)), cases[0]]  # a second call gives the same

    def checked(mean: Tensor, log_variance: Tensor) -> Tensor:
        given = answer(mean, log_variance)
        negative = (log_variance < 0).any(1)
        if isinstance(given, Tensor) and negative.any() and torch.equal(given.isnan(), negative):
            raise Mistake(
                "the result is NaN where log_variance is negative, as with a logarithm or a root of it: log_variance "
                "is a logarithm already; its exponential is the variance"
            )
        return given

    judge_tensors(
        checked,
        cases,
        kl_divergence,
        mistakes(),
        where=lambda mean, _: f"for {len(mean)} example{'s' * (len(mean) != 1)} of {mean.shape[1]} dimensions",
        causes=causes,
        entry=lambda position, case: f"the divergence of example {position[0]}",
        failing=lambda cases, _: mixed_examples(answer, cases[0], (0, 1)) or as_variance(answer, cases[0]),
    )
    remark = expect_gradients(answer, cases[0], kl_divergence)
    return f"{len(cases) - 1} batches, one of a single example; 0 for mean 0 and variance 1{remark}"
