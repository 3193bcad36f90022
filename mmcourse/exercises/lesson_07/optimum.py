"""Exercise 07.1: the optimal discriminator."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, expect_tensor, judge_tensors, whole
from mmcourse.exercises.unfinished import left_at_zero, share_a_row


def optimal(p: Tensor, q: Tensor) -> Tensor:
    """What the answer should give, for the densities of the data and of the generator.   (N,), (N,) -> (N,)"""
    return p / (p + q)


SUMS = "both densities at the same point are compared: no sum or maximum over the points is needed"
MISTAKES: Mistakes = [
    (
        lambda p, q: q / (p + q),
        "that is the probability that the example was generated; the probability that it is real is 1 minus that",
    ),
    (
        lambda p, q: p / p + q,
        "`p_data / p_data + p_generated` divides first and adds then: put brackets around the sum",
    ),
    (lambda p, q: p / q, "that is the ratio of the densities, which can exceed 1; divide by the sum of both"),
    (
        lambda p, q: (p / q).clamp(max=1),
        "that is the ratio of the densities, cut off at 1; divide by the sum of both instead",
    ),
    (lambda p, q: q / p, "that is the ratio of the densities, which can exceed 1; divide `p_data` by the sum of both"),
    (
        lambda p, q: (p / q).log(),
        "that is the logarithm of the ratio, the optimal score (logit); its sigmoid is the probability",
    ),
    (
        lambda p, q: (p - q).sigmoid(),
        "a sigmoid or softmax of the densities uses their exponentials; divide the densities themselves by their sum",
    ),
    (
        lambda p, q: (p / q).sigmoid(),
        "the sigmoid takes a score, the logarithm of the ratio, and not the ratio itself",
    ),
    (lambda p, q: p, "the density of the data alone is no probability: compare it with that of the generator"),
    (lambda p, q: p - q, "that is a difference; a probability is a part of a whole: divide by the sum of both"),
    (lambda p, q: (p - q) / (p + q), "that goes from -1 to 1: the numerator is `p_data` alone"),
    (lambda p, q: (p > q).float(), "that decides for the larger density; the probability is between 0 and 1"),
    (lambda p, q: (p >= q).float(), "that decides for the larger density; the probability is between 0 and 1"),
    (lambda p, q: torch.full_like(p, 0.5), "1/2 is the result where both densities are equal, and only there"),
    (lambda p, q: p / (p + q).sum(), SUMS),
    (lambda p, q: p / (p.sum() + q), SUMS),
    (lambda p, q: optimal(p / p.sum(), q / q.sum()), SUMS),
    (lambda p, q: p / p.sum(), SUMS),
    (lambda p, q: p / (p + q).max(), SUMS),
    (lambda p, q: p / (p * q), "the denominator is the sum of the densities, not their product"),
    (lambda p, q: p / (p - q), "the denominator is the sum of the densities, not their difference"),
    (lambda p, q: p / ((p + q) / 2), "that is divided by the mean of both; the sum is needed"),
    (lambda p, q: p / (1 + q), "the 1 should be `p_data`: real and generated examples are all the examples there are"),
    (lambda p, q: p / (2 * p + q), "`p_data` is counted twice in the denominator"),
    *(
        (
            lambda p, q, extra=extra: p / (p + q + extra),
            f"{extra:g} is added to the denominator, which changes small densities: the densities alone are summed",
        )
        for extra in (1.0, 0.1, 0.01, 0.001, 0.0001)
    ),
    *(
        (
            lambda p, q, extra=extra: p / (p + q + extra),
            "a small number is added to the denominator, which changes small densities: the densities alone are summed",
        )
        for extra in (1e-5, 1e-6, 1e-8, 1e-10, 1e-12)
    ),
    *(
        (
            lambda p, q, limit=limit: optimal(p, q).clamp(limit, 1 - limit),
            f"the probability is limited to at least {limit:g} and at most {1 - limit:g}: it may lie closer to 0 or 1",
        )
        for limit in (0.1, 0.05, 0.01)
    ),
    (
        lambda p, q: p / (p + q).clamp(min=1),
        "the denominator is limited to at least 1 (`clamp`), which changes small densities: the sum as it is",
    ),
    (lambda p, q: torch.maximum(p, q) / (p + q), "the numerator is `p_data`, also where it is the smaller density"),
    (lambda p, q: torch.minimum(p, q) / (p + q), "the numerator is `p_data`, also where it is the larger density"),
    (lambda p, q: optimal(p, q).log(), "that is the logarithm of the probability; the probability itself is asked for"),
    (lambda p, q: p.log() / (p.log() + q.log()), "no logarithms are needed: the densities themselves are compared"),
    (lambda p, q: p.sigmoid(), "the density of the data alone says nothing: compare it with that of the generator"),
    (lambda p, q: p * q, "that is a product; a probability is a part of a whole: `p_data` over the sum of both"),
    (
        lambda p, q: p * optimal(p, q).log() + q * (1 - optimal(p, q)).log(),
        "that is the value of the game, p_data * ln D + p_generated * ln(1 - D); the D that maximises it is asked for",
    ),
    (
        lambda p, q: optimal(p, q).log() + (1 - optimal(p, q)).log(),
        "that is ln D + ln(1 - D), the value of the game; the D that maximises it is asked for",
    ),
    (lambda p, q: q / p + 1, "that is 1 / D: the fraction is the wrong way round"),
    (
        lambda p, q: p.exp() / (p.exp() + q.exp()),
        "the exponentials of the densities are compared; divide the densities themselves by their sum",
    ),
    (lambda p, q: p.sqrt() / (p.sqrt() + q.sqrt()), "roots of the densities are compared; compare them as they are"),
    (lambda p, q: optimal(p, q).sqrt(), "that is the root of the probability; the probability itself is asked for"),
    (lambda p, q: optimal(p, q).square(), "the probability is squared; the probability itself is asked for"),
    (lambda p, q: optimal(p, q).sigmoid(), "a sigmoid is applied to the probability, which is one already"),
    (lambda p, q: optimal(p, q).round(), "the probability is rounded; return it as it is"),
    (lambda p, q: p // q, "`//` drops the fraction, and the denominator is the sum of both densities"),
    (lambda p, q: p.square() / (p.square() + q.square()), "the densities are squared; they are compared as they are"),
]


@exercise(
    "07.1",
    title="the optimal discriminator",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "At some point the data's density is 0.3 and the generator's 0.1. Of 4 examples there, how many are real?",
        "The fraction of real examples at a point is the data's density, divided by the sum of both.",
    ),
)
def optimal_discriminator(answer, rng):
    sizes = ((5, 1), (1, 1), (whole(rng, 6, 9), 0.01), (4, 1e-12))
    cases = [tuple(scale * (0.02 + 1.5 * torch.rand(2, size, generator=rng))) for size, scale in sizes]

    def where(p: Tensor, q: Tensor) -> str:
        return f"for p_data = {rounded(p)} and p_generated = {rounded(q)}"

    def causes(p: Tensor, q: Tensor) -> dict:
        return {
            (): "one number for all points: each point has its own probability"
            if len(p) > 1
            else "a single point keeps its axis, which `squeeze()` and `item()` remove",
            (2, len(p)): "the probability of real examples alone is asked for",
            (len(p), 2): "the probability of real examples alone is asked for",
            (len(p), 1): "an axis too many: the densities have the shape (N,), and so has the result",
            (1, len(p)): "an axis too many: the densities have the shape (N,), and so has the result",
            (len(p) - 1,): "one point is missing",
            (len(p), len(p)): "every point is compared with every other: both densities have the shape (N,)",
        }

    judge_tensors(
        answer,
        cases,
        optimal,
        MISTAKES,
        where,
        causes,
        entry=lambda position, case: f"point {position[0]}",
        failing=lambda cases, given: left_at_zero(cases, given, optimal, "point") or share_a_row(given, "point"),
    )
    judge_extremes(answer)
    return "4 sets of points, one of a single point, two with small densities: the data's fraction of both densities"


def judge_extremes(answer) -> None:
    """Where one density is 100,000 times the other the probability is near 0 or 1, and no limit holds it back."""
    case = torch.tensor([1e-5, 1.0]), torch.tensor([1.0, 1e-5])
    given, expected = expect_tensor(answer(*case), "for two points", (2,)), optimal(*case)
    if not all(torch.allclose(a, b, rtol=0.02, atol=0) for a, b in ((given, expected), (1 - given, 1 - expected))):
        raise Mistake(
            f"for the densities 0.00001 and 1 the probability is {given[0]:.2g}, for 1 and 0.00001 {given[1]:.6g}; "
            "expected 1e-05 and 0.99999: is it limited (`clamp`), or something added?"
        )


def rounded(values: Tensor) -> list[float]:
    """A few numbers to read."""
    return [float(f"{value:.2g}") for value in values.tolist()]
