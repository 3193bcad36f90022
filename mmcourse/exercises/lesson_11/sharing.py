"""Exercise 11.3: targets where several examples of a batch mean the same."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, judge_tensors


def targets(meanings: Tensor) -> Tensor:
    """What `shared_targets` should give.   (B,) -> (B, B)"""
    same = (meanings[:, None] == meanings).float()
    return same / same.sum(1, keepdim=True)


def alike(meanings: Tensor) -> Tensor:
    return (meanings[:, None] == meanings).float()


MISTAKES: Mistakes = [
    (lambda m: torch.eye(len(m)), "only the partner is right; whatever has the same meaning is right as well"),
    (alike, "each row has a 1 for all that mean the same; it has to sum to 1, so they share it"),
    (lambda m: alike(m) / alike(m).sum(), "the whole table sums to 1; each row is to sum to 1"),
    (lambda m: alike(m) / len(m), "divided by the size of the batch; divide each row by how many mean the same"),
    (lambda m: alike(m).softmax(1), "a softmax leaves something for every wrong one; divide by the row's sum"),
    (
        lambda m: alike(m) // alike(m).sum(1, keepdim=True),
        "the shares are cut to whole numbers: `/`, and not `//` or `.long()`",
    ),
    (
        lambda m: (1 / alike(m).sum(1, keepdim=True)).expand(len(m), len(m)),
        "each row holds its share everywhere; only those that mean the same get one: multiply by the table",
    ),
    (
        lambda m: (1 / alike(m).sum(0, keepdim=True)).expand(len(m), len(m)),
        "each column holds its share everywhere; only those that mean the same get one: multiply by the table",
    ),
    (
        lambda m: (1 - alike(m)) / (1 - alike(m)).sum(1, keepdim=True).clamp(min=1),
        "turned round: those of other meanings share the 1",
    ),
    (
        lambda m: alike(m) - torch.eye(len(m)),
        "the partner itself is left out, and the rows do not sum to 1",
    ),
    (
        lambda m: (alike(m) - torch.eye(len(m))) / (alike(m).sum(1, keepdim=True) - 1).clamp(min=1),
        "the partner itself is left out: it is right too",
    ),
    (
        lambda m: 0.5 * torch.eye(len(m)) + 0.5 * targets(m),
        "the partner gets more than the others of its meaning; all are right in equal parts",
    ),
    (
        lambda m: alike(m) / alike(m).sum(1, keepdim=True) ** 0.5,
        "each row has length 1; it is to sum to 1: divide by the sum, not by its root",
    ),
]


@exercise(
    "11.3",
    title="several right answers",
    dots=1,
    minutes=5,
    hints=(
        "`meanings[:, None] == meanings[None]` is a table (B, B): True where row and column mean the same.",
        "Make numbers of it (`.float()`), then divide each row by its sum: `keepdim=True` keeps the axis.",
    ),
)
def shared_targets(answer, rng):
    cases = []
    for size, kinds in ((6, 3), (9, 4), (5, 40)):
        meanings = torch.randint(1_000, 1_000 + kinds, (size,), generator=rng)
        if kinds < size:
            meanings[:3] = meanings[0]
            meanings[3] = 7
        cases.append((meanings,))
    judge_tensors(as_numbers(answer), cases, targets, MISTAKES, where, causes)
    return "whatever means the same shares each row's 1"


def as_numbers(answer):
    """The answer; a table of True and False is judged as one of 1 and 0. Rows that nearly sum to 1 are refused."""

    def tried(*case):
        given = answer(*case)
        if not isinstance(given, Tensor) or given.dim() != 2:
            return given
        given = given.float() if given.dtype == torch.bool else given
        apart = (given.detach().double().sum(1) - 1).abs()
        if 1e-4 < apart.max() < 0.02:
            raise NotRight(
                f"{where(*case)} a row's sum is {apart.max():.5f} off, and each is to sum to 1: is something added to "
                "what you divide by, or is it rounded?"
            )
        return given

    return tried


def where(meanings: Tensor) -> str:
    return f"for meanings {meanings.tolist()}"


def causes(meanings: Tensor) -> dict[tuple, str]:
    B = len(meanings)
    return {
        (B,): "one number for each example; a row of B for each is asked for",
        (B, 1): "one number for each example; a row of B for each is asked for",
        (B, len(meanings.unique())): "a column for each meaning; a column for each example of the batch is asked for",
    }
