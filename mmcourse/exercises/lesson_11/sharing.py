"""Exercise 11.3: target probabilities where several examples of a batch have the same meaning."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, judge_tensors


def targets(meanings: Tensor) -> Tensor:
    """What `target_probabilities` should return.   (B,) -> (B, B)"""
    same = (meanings[:, None] == meanings).float()
    return same / same.sum(1, keepdim=True)


def alike(meanings: Tensor) -> Tensor:
    return (meanings[:, None] == meanings).float()


def neighbours(meanings: Tensor) -> Tensor:
    """As `alike`, between neighbours alone."""
    return alike(meanings).triu(-1).tril(1)


def apart(meanings: Tensor) -> Tensor:
    return (meanings[:, None] - meanings).abs().float()


MISTAKES: Mistakes = [
    (lambda m: torch.eye(len(m)), "only the diagonal is positive; examples with the same meaning are positives too"),
    (alike, "each row has a 1 for all positives; it has to sum to 1, so divide it by their number"),
    (lambda m: alike(m) / alike(m).sum(), "the whole matrix sums to 1; each row has to sum to 1"),
    (lambda m: alike(m) / len(m), "divided by the batch size; divide each row by its number of positives"),
    (lambda m: alike(m).softmax(1), "a softmax gives negatives a probability above 0; divide by the sum of the row"),
    (
        lambda m: alike(m) // alike(m).sum(1, keepdim=True),
        "the probabilities are rounded to integers: use `/`, not `//` or `.long()`",
    ),
    (
        lambda m: (1 / alike(m).sum(1, keepdim=True)).expand(len(m), len(m)),
        "each row contains its probability everywhere; only positives get it: multiply by the matrix",
    ),
    (
        lambda m: (1 / alike(m).sum(0, keepdim=True)).expand(len(m), len(m)),
        "each column contains its probability everywhere; only positives get it: multiply by the matrix",
    ),
    (
        lambda m: (1 - alike(m)) / (1 - alike(m)).sum(1, keepdim=True).clamp(min=1),
        "inverted: examples with other meanings get the probability",
    ),
    (
        lambda m: (1 - alike(m)) / (1 - alike(m)).sum(1, keepdim=True),
        "inverted: examples with other meanings get the probability",
    ),
    (
        lambda m: alike(m) - torch.eye(len(m)),
        "the example itself is left out, and the rows do not sum to 1",
    ),
    (
        lambda m: (alike(m) - torch.eye(len(m))) / (alike(m).sum(1, keepdim=True) - 1).clamp(min=1),
        "the example itself is left out: it is a positive too",
    ),
    (
        lambda m: (alike(m) - torch.eye(len(m))) / (alike(m).sum(1, keepdim=True) - 1),
        "the example itself is left out, which leaves rows of 0 / 0: it is a positive too",
    ),
    (
        lambda m: neighbours(m) / neighbours(m).sum(1, keepdim=True),
        "only neighbours in the batch are compared; compare every example with every other",
    ),
    *(
        (mistaken, "similar numbers count as similar meanings; only equal numbers are the same meaning: `==`")
        for mistaken in (
            lambda m: (-apart(m)).softmax(1),
            lambda m: 1 / (1 + apart(m)) / (1 / (1 + apart(m))).sum(1, keepdim=True),
        )
    ),
    (
        lambda m: 0.5 * torch.eye(len(m)) + 0.5 * targets(m),
        "the example itself gets more than the other positives; all have equal probabilities",
    ),
    (
        lambda m: alike(m) / alike(m).sum(1, keepdim=True) ** 0.5,
        "each row has norm 1; it has to sum to 1: divide by the sum, not by its square root",
    ),
]


@exercise(
    "11.3",
    title="target probabilities",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "`meanings[:, None] == meanings[None]` is a matrix (B, B): True where row and column have the same meaning.",
        "Convert it to numbers (`.float()`), then divide each row by its sum: `keepdim=True` keeps the axis.",
    ),
)
def target_probabilities(answer, rng):
    cases = []
    for size, kinds in ((6, 3), (9, 4), (5, 40), (1, 1)):
        meanings = torch.randint(1_000, 1_000 + kinds, (size,), generator=rng)
        if kinds < size:
            meanings[:3] = meanings[0]
            meanings[3] = 0
        cases.append((meanings,))
    judge_tensors(as_numbers(answer), cases, targets, MISTAKES, where, causes)
    return "correct: the positives of each row have equal probabilities, which sum to 1"


def as_numbers(answer):
    """The answer; True and False are judged as 1 and 0. Rows whose sum is only close to 1 are refused."""

    def tried(*case):
        given = answer(*case)
        if not isinstance(given, Tensor) or given.dim() != 2:
            return given
        given = given.float() if given.dtype == torch.bool else given
        apart = (given.detach().double().sum(1) - 1).abs()
        if 1e-4 < apart.max() < 0.02:
            raise NotRight(
                f"{where(*case)} the sum of a row deviates from 1 by {apart.max():.5f}: is something added to the "
                "divisor, or rounded?"
            )
        return given

    return tried


def where(meanings: Tensor) -> str:
    return f"for meanings {meanings.tolist()}"


def causes(meanings: Tensor) -> dict[tuple, str]:
    B = len(meanings)
    return {
        (B,): "one number per example; return a row of B for each",
        (1, B): "every example is compared with itself alone: `meanings[:, None]` is a column, `meanings[None]` a row",
        (B, 1): "one number per example; return a row of B for each",
        (B, len(meanings.unique())): "a column for each meaning; return a column for each example of the batch",
    }
