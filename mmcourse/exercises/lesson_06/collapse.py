"""The second debugging exercise of lesson 06: posterior collapse, since the two terms are on different scales."""

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors, whole
from mmcourse.exercises.lesson_06.divergence import kl_divergence

Outputs = tuple[Tensor, Tensor, Tensor]


def squared_error(outputs: Outputs, x: Tensor) -> Tensor:
    """Summed over all numbers of an example.   (B, ...), (B, ...) -> (B,)"""
    return (outputs[0] - x).square().flatten(1).sum(1)


def divergence(outputs: Outputs) -> Tensor:
    """Of each example.   -> (B,)"""
    return kl_divergence(*outputs[1:])


def right(outputs: Outputs, x: Tensor, beta: float) -> Tensor:
    """What the answer should give."""
    return (0.5 * squared_error(outputs, x) + beta * divergence(outputs)).mean()


HALVES = [
    (0.5, ""),
    (1.0, "the factor 1/2 of the squared error is missing"),
    (0.25, "the factor of the squared error is 1/4; it is 1/2"),
]
ERRORS: list[tuple[Callable[[Outputs, Tensor], Tensor], str]] = [
    (squared_error, ""),
    (
        lambda o, x: squared_error(o, x) / x[0].numel(),
        "the squared error is still a mean over the numbers of an example, and the KL is a sum, which outweighs it: "
        "sum the squared error too",
    ),
    (
        lambda o, x: squared_error(o, x) * x.shape[1] / x[0].numel(),
        "the squared error is summed over one axis, and averaged over the other axes of an example: "
        "`flatten(1).sum(dim=1)` sums over all",
    ),
    (
        lambda o, x: squared_error(o, x).sum().expand(len(x)),
        "the squared error is summed over the batch; the mean over the batch is asked for",
    ),
    (
        lambda o, x: squared_error(o, x) / len(x),
        "the squared error is divided by the batch size twice: the mean over the batch is taken once, at the end",
    ),
    *(
        (
            lambda o, x, count=count: squared_error(o, x) * len(x) / count(o, x),
            f"the squared error is divided by the {words}; divide its sum by the batch size, `len(x)`",
        )
        for count, words in (
            (lambda o, x: o[1].shape[1], "number of dimensions of the code"),
            (lambda o, x: x.shape[1], "size of the second axis of `x`"),
            (lambda o, x: x.shape[-1], "size of the last axis of `x`"),
        )
    ),
    *(
        (
            lambda o, x, count=count: squared_error(o, x) / count(o, x),
            f"the squared error of an example is divided by the {words}; it is their sum",
        )
        for count, words in (
            (lambda o, x: o[1].shape[1], "number of dimensions of the code"),
            (lambda o, x: x.shape[1], "size of its first axis"),
            (lambda o, x: x.shape[-1], "size of its last axis"),
        )
    ),
    (
        lambda o, x: squared_error(o, x) / x[0].numel() * o[1].shape[1],
        "the mean squared error is multiplied by the number of dimensions of the code; the numbers of an example are "
        "to be summed: `flatten(1).sum(dim=1)`",
    ),
]
OTHER_ERRORS = [  # where a factor 1/2 more or less is not worth a word
    (
        lambda o, x: 2 * squared_error(o, x) / x[0].numel(),
        "the squared error is still a mean over the numbers of an example (`F.mse_loss`), and the KL is a sum, which "
        "outweighs it: half the sum of the squares is asked for",
    ),
    (lambda o, x: 2 * squared_error(o, x).sqrt(), "the root of the squared error is taken; half its sum belongs there"),
    (lambda o, x: squared_error(o, x).sqrt(), "the root of the squared error is taken; half of the sum belongs there"),
    (
        lambda o, x: 2 * (o[0] - x).abs().flatten(1).sum(1),
        "the absolute error is taken; half the squared error is asked for",
    ),
    (lambda o, x: (o[0] - x).abs().flatten(1).sum(1), "the absolute error is taken; the squared error is asked for"),
    (lambda o, x: (o[0] - x).flatten(1).sum(1), "the differences are not squared"),
    (lambda o, x: (o[0] - x).flatten(1).sum(1).square(), "the sum is squared; the squares are summed"),
]
DIVERGENCES: list[tuple[Callable[[Outputs], Tensor], str]] = [
    (divergence, ""),
    (
        lambda o: divergence(o) / o[1].shape[1],
        "the KL is a mean over the dimensions of the code; it is their sum",
    ),
    (lambda o: 2 * divergence(o), "the factor 1/2 of the KL is missing"),
    (lambda o: divergence(o).sum().expand(len(o[1])), "the KL is summed over the batch; the mean is asked for"),
    (lambda o: divergence(o) / len(o[1]), "the KL is divided by the batch size twice"),
    (
        lambda o: kl_divergence(o[2], o[1]),
        "mean and log_variance have changed places: `reconstruction, mean, log_variance = outputs`",
    ),
]
TOGETHER: list[tuple[Callable[[Tensor, Tensor, float], Tensor], str]] = [
    (lambda e, k, beta: e + beta * k, ""),
    (lambda e, k, beta: e + k, "beta is not used: it multiplies the KL"),
    (lambda e, k, beta: beta * e + k, "beta multiplies the squared error; it multiplies the KL"),
    (lambda e, k, beta: beta * (e + k), "beta multiplies both terms; it multiplies the KL alone"),
    (
        lambda e, k, beta: e + 0.5 * beta * k,
        "the KL is halved once more; the factor 1/2 is for the squared error alone, and the KL has its own",
    ),
    (lambda e, k, beta: e + beta**2 * k, "beta is squared; the KL is multiplied by beta once"),
    (lambda e, k, beta: e + k / beta, "the KL is divided by beta; it is multiplied"),
    (lambda e, k, beta: e / beta + k, "the squared error is divided by beta; the KL is multiplied by it"),
    (lambda e, k, beta: (1 - beta) * e + beta * k, "the squared error is multiplied by 1 - beta; it has no weight"),
    (lambda e, k, beta: e - beta * k, "the KL is subtracted, so the loss rewards a large one; add it"),
    (lambda e, k, beta: beta * k - e, "the squared error is subtracted; both terms are added"),
    (lambda e, k, beta: -e - beta * k, "that is the ELBO; a loss is minimised, so its negative is asked for"),
    (lambda e, k, beta: e, "the KL is missing: that is a plain autoencoder's loss"),
    (lambda e, k, beta: beta * k, "only the KL is there: the squared error is missing"),
]
BATCHES: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (torch.mean, ""),
    (torch.sum, "it is a sum over the batch; the mean over the batch is asked for"),
]


SCALED: Mistakes = [
    (
        lambda o, x, beta: right(o, x, beta) * 2 / x[0].numel(),
        "both terms are divided by half the numbers of an example: the minimum is the same, and the scale another. "
        "Sums are asked for",
    ),
    (
        lambda o, x, beta: squared_error(o, x).mean() / x[0].numel() + beta * divergence(o).mean() / x[0].numel(),
        "both terms are divided by the numbers of an example, and the squared error is not halved: sums are asked for",
    ),
    (
        lambda o, x, beta: right(o, x, beta) + 0.5 * math.log(2 * math.pi) * x[0].numel(),
        "the constant of the normal distribution is added (`log_prob`?); half the squared error is asked for alone",
    ),
]


def mistaken(error: Callable, half: float, kl: Callable, together: Callable, total: Callable) -> Callable:
    """The loss of these parts."""
    return lambda outputs, x, beta: total(together(half * error(outputs, x), kl(outputs), beta))


def mistakes() -> Mistakes:
    """Each of these alone and every two together, those with the fewest faults first."""
    found = [(1, loss, words) for loss, words in SCALED]
    rest = DIVERGENCES, TOGETHER, BATCHES
    common, rare = itertools.product(ERRORS, HALVES, *rest), itertools.product(OTHER_ERRORS, HALVES[:1], *rest)
    for parts in itertools.chain(common, rare):
        faults = [words for _, words in parts if words]
        if 0 < len(faults) <= 2:
            found.append((len(faults), mistaken(*(part for part, _ in parts)), ". And ".join(faults)))
    return [(loss, words) for _, loss, words in sorted(found, key=lambda entry: entry[0])]


AXES = "do you name a fixed number of axes? `flatten(1)` makes (B, ...) to (B, N), whatever their number"
UNSUMMED = "is the squared error summed over every axis of an example? `flatten(1).sum(dim=1)` gives shape (B,)"


@exercise(
    "06.collapse",
    title="posterior collapse",
    dots=3,
    minutes=20,
    repeatable=True,
    hints=(
        "Over how many numbers is the squared error averaged in the buggy loss? Over how many is the KL?",
        "`(reconstruction - x).square().flatten(1).sum(dim=1)` is the squared error of each example, shape (B,). "
        "`kl_divergence(mean, log_variance)` has the same shape.",
        "Half the squared error plus beta times the KL, for each example; then `.mean()` over the batch.",
    ),
)
def negative_elbo_check(answer, rng):
    cases = [
        case(rng, (5, 3, 4, 4), 6, 0.5),
        case(rng, (whole(rng, 6, 9), 7), 4, 4.0),
        case(rng, (1, 2, 5), 3, 2.0),
        case(rng, (4, 4), 4, 0.25),
    ]
    cases.append(cases[0])  # a second call gives the same
    judge_tensors(
        explained(
            answer,
            {
                "Dimension out of range": AXES,
                "too many indices": AXES,
                "not enough values": AXES,
                "must match the size": UNSUMMED,
            },
        ),
        cases,
        right,
        mistakes(),
        where=lambda outputs, x, beta: (
            f"for x of shape {tuple(x.shape)}, codes of {outputs[1].shape[1]} and beta {beta}"
        ),
        causes=lambda outputs, x, beta: {
            (len(x),): "a loss for each example; their mean is asked for, one number",
            (1,): "an axis too many: a single number has the shape ()",
            (len(x), outputs[1].shape[1]): "nothing is summed over the dimensions of the code",
            tuple(x.shape): "the squared error is not summed over the numbers of an example",
        },
        failing=fixed_factor,
    )
    outputs, x, beta = cases[0]

    def of_outputs(outputs: Outputs) -> Tensor:
        return answer.function(outputs, x, beta)

    remark = expect_gradients(Answer(of_outputs), (outputs,), lambda outputs: right(outputs, x, beta))
    return f"both terms are sums over an example, and the mean over the batch is taken; beta weighs the KL{remark}"


def fixed_factor(cases: Sequence[tuple], given: Sequence[Tensor]) -> str:
    """Words where the mean squared error has the same factor in every case, whatever the size of x; else empty."""
    for name, over in (
        ("mean squared error", lambda x: x.numel()),
        ("sum of the squared error over the batch", lambda x: 1),
        ("mean over the batch of the squared error", len),
    ):
        factors = [
            (value - beta * divergence(outputs).mean()) * over(x) / squared_error(outputs, x).sum()
            for (outputs, x, beta), value in zip(cases, given, strict=True)
        ]
        if all(torch.isclose(factor, factors[0], rtol=1e-3) for factor in factors):
            return (
                f"the {name} is multiplied by {float(factors[0]):,.5g} in every case, so a number is written in: an "
                "example may have any size, `x[0].numel()`, and half the sum over it is asked for"
            )
    return ""


def case(rng: torch.Generator, shape: tuple[int, ...], code: int, beta: float) -> tuple[Outputs, Tensor, float]:
    """Outputs whose two terms are of similar size, x, beta."""
    x = drawn(rng, *shape)
    mean, log_variance = drawn(rng, shape[0], code), 0.8 * drawn(rng, shape[0], code) - 0.5
    return (x + 0.6 * drawn(rng, *shape), mean, log_variance), x, beta
