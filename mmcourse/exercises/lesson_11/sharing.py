"""Exercise 11.3: target probabilities where several examples of a batch have the same meaning."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
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


def runs(meanings: Tensor) -> Tensor:
    """As `alike`, within runs of equal neighbours."""
    numbers = meanings.unique_consecutive(return_inverse=True)[1]
    return alike(numbers)


def itself_and_others(meanings: Tensor) -> Tensor:
    """One half for the example itself, where there are others, and one half for the others."""
    itself = torch.eye(len(meanings))
    others = alike(meanings) - itself
    count = others.sum(1, keepdim=True)
    return torch.where(count > 0, 0.5 * itself + 0.5 * others / count.clamp(min=1), itself)


def chosen(meanings: Tensor, last: bool) -> Tensor:
    """A 1 at the first or the last example with the meaning."""
    same = alike(meanings)
    at = len(meanings) - 1 - same.flip(1).argmax(1) if last else same.argmax(1)
    return torch.eye(len(meanings))[at]


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
    *(
        (mistaken, "equal meanings are found only where they are neighbours; compare every example with every other")
        for mistaken in (lambda m: runs(m) / runs(m).sum(1, keepdim=True), lambda m: runs(m) / alike(m).sum(1, True))
    ),
    (itself_and_others, "the example itself gets one half; all positives have equal probabilities, 1/n"),
    (
        lambda m: alike(m) / len(m.unique()),
        "divided by the number of different meanings; divide each row by its number of positives",
    ),
    (
        lambda m: alike(m) * alike(m).sum(1, keepdim=True) / len(m),
        "each row is multiplied by its number of positives and divided by B; divide it by that number",
    ),
    (
        lambda m: alike(m) / alike(m).sum(0, keepdim=True).max(),
        "all rows are divided by the same number; divide each by its own number of positives",
    ),
    *(
        (mistaken, "later examples with the same meaning are left out; every one of the batch is a positive")
        for mistaken in (
            lambda m: alike(m).tril(),
            lambda m: alike(m).tril() / alike(m).tril().sum(1, keepdim=True),
            lambda m: alike(m).tril() / alike(m).sum(1, keepdim=True),
        )
    ),
    *(
        (mistaken, "earlier examples with the same meaning are left out; every one of the batch is a positive")
        for mistaken in (
            lambda m: alike(m).triu(),
            lambda m: alike(m).triu() / alike(m).triu().sum(1, keepdim=True),
            lambda m: alike(m).triu() / alike(m).sum(1, keepdim=True),
        )
    ),
    (
        lambda m: torch.full((len(m), len(m)), 1 / len(m)),
        "every example of the batch gets 1/B; those with another meaning have the probability 0",
    ),
    (lambda m: chosen(m, False), "only the first example with the meaning is a positive; all of them share it equally"),
    (lambda m: chosen(m, True), "only the last example with the meaning is a positive; all of them share it equally"),
]


def lacking(cases: list[tuple], given: list[Tensor]) -> str:
    """What is wrong with the probabilities of one row: negatives, positives or their sum."""
    for (meanings,), value in zip(cases, given, strict=True):
        positive = alike(meanings).bool()
        for i, (row, own) in enumerate(zip(value, positive, strict=True)):
            told = f"{where(meanings)} row {i} is {[round(x, 3) for x in row.tolist()]}:"
            if (row[~own].abs() > 1e-4).any():
                return f"{told} examples with another meaning have the probability 0"
            if (row[own].abs() < 1e-4).any():
                return f"{told} an example with the same meaning has no probability above 0"
            if row[own].max() - row[own].min() > 1e-4:
                return f"{told} the examples with the same meaning, itself included, have equal probabilities"
            if abs(row.sum() - 1) > 1e-4:
                return f"{told} its sum is {row.sum():.3f} and has to be 1: divide it by its number of positives"
    return ""


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
    judge_tensors(as_numbers(answer), cases, targets, MISTAKES, where, causes, failing=lacking)
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
            raise Mistake(
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
