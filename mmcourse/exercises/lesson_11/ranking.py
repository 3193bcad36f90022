"""Exercise 11.4: the rank of the correct candidate, with ties counted half."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake, same
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, explained, judge_tensors, named_mistake


def own(table: Tensor, correct: Tensor) -> Tensor:
    """The correct candidate's similarity.   (Q, C), (Q,) -> (Q, 1)"""
    return table.gather(1, correct[:, None])


def rank(table: Tensor, correct: Tensor) -> Tensor:
    """What `my_ranks` should return."""
    best = own(table, correct)
    return 1 + (table > best).sum(1) + ((table == best).sum(1) - 1) / 2


def loose(table: Tensor, correct: Tensor, width: float) -> Tensor:
    """The rank where similarities that differ by less than `width` count as tied."""
    apart = table - own(table, correct)
    return 1 + (apart > width).sum(1) + ((apart.abs() <= width).sum(1) - 1) / 2


def isclose(table: Tensor, correct: Tensor, rtol: float, atol: float, apart: bool) -> Tensor:
    """The rank with ties by `torch.isclose`, which are not counted as larger where `apart`."""
    best = own(table, correct)
    tied = torch.isclose(table, best, rtol=rtol, atol=atol)
    larger = (table > best) & ~tied if apart else table > best
    return 1 + larger.sum(1) + (tied.sum(1) - 1) / 2


def by_column(table: Tensor, correct: Tensor) -> Tensor:
    """Counts over the queries, one for each candidate."""
    best = own(table, correct)
    return 1 + (table > best).sum(0) + ((table == best).sum(0) - 1) / 2


def distinct(table: Tensor, correct: Tensor, ties: bool) -> Tensor:
    """The rank among different similarities, half of the tied candidates added or not."""
    larger = [1 + (row.unique() > row[c]).sum() for row, c in zip(table, correct, strict=True)]
    return torch.stack(larger) + ties * ((table == own(table, correct)).sum(1) - 1) / 2


def against(table: Tensor, best: Tensor) -> Tensor:
    """The rank that a similarity has in each row."""
    return 1 + (table > best).sum(1) + ((table == best).sum(1) - 1) / 2


def rounded(table: Tensor, correct: Tensor, digits: int) -> Tensor:
    return rank((table * 10**digits).round(), correct)


NEAR = "nearly equal similarities are counted as tied: do not round and do not apply a softmax first; ties are `==`"
SORTED = (
    "tied candidates are put in some order, as by a sort; do not sort: count those that are larger, and half of the "
    "tied ones"
)


MISTAKES: Mistakes = [
    (lambda t, r: rank(t, r) - 1, "the best rank is 1; yours start at 0"),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1),
        "the correct candidate is ranked before all that are tied with it; if all were equal, every query would "
        "have rank 1",
    ),
    (
        lambda t, r: (t >= own(t, r)).sum(1),
        "the correct candidate is ranked after all that are tied with it; use the mean of the tied ranks",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + ((t == own(t, r)).sum(1) > 1) / 2,
        "0.5 is added once, however many are tied; each of them is ranked before the correct one half of the time",
    ),
    (
        lambda t, r: torch.tensor([1 + len(row[row > x].unique()) for row, x in zip(t, own(t, r), strict=True)]),
        "equal candidates before the correct one are counted once; count each of them",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + (t == own(t, r)).sum(1) / 2,
        "the correct candidate is counted as tied with itself: subtract one before you halve",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + (t == own(t, r)).sum(1) - 1,
        "all tied candidates are counted as ranked before the correct one; count half of them",
    ),
    (
        lambda t, r: 1 + (t >= own(t, r)).sum(1) + ((t == own(t, r)).sum(1) - 1) / 2,
        "tied candidates, and the correct one itself, are counted with `>=` and once more as tied: `>` for the first",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + ((t >= own(t, r)).sum(1) - 1) / 2,
        "all that are at least as similar are halved; half of those with exactly the same similarity count, `==`",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) - ((t == own(t, r)).sum(1) - 1) / 2,
        "half of the tied candidates is subtracted; it is added",
    ),
    (
        lambda t, r: (1 + (t > own(t, r)).sum(1) + (t == own(t, r)).sum(1) - 1) / 2,
        "the whole rank is halved; only the tied candidates count half",
    ),
    (
        lambda t, r: (t > own(t, r)).sum(1) + (t == own(t, r)).sum(1) / 2,
        "the correct candidate is counted as tied with itself, and the best rank is not 1",
    ),
    (lambda t, r: rank(-t, r), "the order is reversed: the larger a similarity, the better its rank"),
    (
        lambda t, r: 1 + t.argsort(1, descending=True).gather(1, r[:, None])[:, 0],
        "`argsort` returns which candidate has a rank, not which rank a candidate has: count those that are larger",
    ),
    (lambda t, r: t.argmax(1), "that is the candidate with rank 1; what is the rank of the correct one?"),
    (lambda t, r: 1 + t.argmax(1), "that is the candidate with rank 1; what is the rank of the correct one?"),
    (
        lambda t, r: rank(t, torch.arange(len(r))),
        "the diagonal is used as the correct candidates; `correct` is the index for each query",
    ),
    (lambda t, r: own(t, r)[:, 0], "that is the similarity of the correct candidate; how many are larger?"),
    (
        lambda t, r: (t.argmax(1) == r).float(),
        "that is whether the correct candidate has rank 1; return its rank",
    ),
    (lambda t, r: 1 / rank(t, r), "those are reciprocal ranks; return the ranks themselves"),
    (
        lambda t, r: 1 + ((t > own(t, r)).sum(1) + ((t == own(t, r)).sum(1) - 1) / 2).floor(),
        "half ranks are truncated: `//` or `.long()` turns 1.5 into 1",
    ),
    *(
        (mistaken, "half ranks are rounded to whole numbers; a rank of 1.5 stays 1.5")
        for mistaken in (lambda t, r: rank(t, r).round(), lambda t, r: rank(t, r).ceil())
    ),
    *((lambda t, r, width=width: loose(t, r, width), NEAR) for width in (0.001, 0.01, 0.1)),
    *((lambda t, r, digits=digits: rounded(t, r, digits), NEAR) for digits in (1, 2, 3)),
    (lambda t, r: rank((100 * t).softmax(1), r), NEAR),
    *(
        (
            lambda t, r, rtol=rtol, atol=atol, apart=apart: isclose(t, r, rtol, atol, apart),
            "nearly equal similarities are counted as tied (`isclose`?); ties are exactly equal, `==`",
        )
        for rtol, atol in (
            (1e-3, 1e-3),
            (1e-5, 1e-3),
            (1e-2, 1e-2),
            (1e-5, 1e-2),
            (1e-3, 1e-8),
            (1e-2, 1e-8),
            (1e-5, 0.1),
        )
        for apart in (True, False)
    ),
    *(
        (mistaken, "the sums run over the queries (`dim=0`); the candidates of a query are in its row, `dim=1`")
        for mistaken in (by_column, lambda t, r: by_column(t, r)[r])
    ),
    *(
        (
            lambda t, r, ties=ties: distinct(t, r, ties),
            "several candidates of equal similarity count once before the correct one (`unique`?); each counts",
        )
        for ties in (True, False)
    ),
    *(
        (
            lambda t, r, i=i: against(t, t[:, r[i : i + 1 or None]]),
            f"every query is compared with its similarity to `correct[{i}]`; entry (i, correct[i]) is needed: "
            "`similarities.gather(1, correct[:, None])`",
        )
        for i in (0, -1)
    ),
    (
        lambda t, r: against(t, own(t, r)[:1]),
        "every query is compared with the correct candidate's similarity of the first query; each has its own",
    ),
]


@exercise(
    "11.4",
    title="ranks",
    dots=2,
    minutes=10,
    hints=(
        "No sorting is needed: the rank is 1 + the number of larger entries in the row.",
        "`similarities.gather(1, correct[:, None])` is the correct candidate's similarity in each row, (Q, 1).",
        "Candidates with an equal similarity are ranked before it in half of all orders. It is equal to itself, too.",
    ),
)
def ranks(answer, rng):
    cases = []
    for queries, candidates in ((5, 8), (4, 4), (6, 12)):
        table = torch.randint(0, 6, (queries, candidates), generator=rng) / 5.0
        correct = torch.randint(candidates, (queries,), generator=rng)
        correct[0], correct[1] = 1, 0
        correct[3] = candidates - 1
        table[0], table[1, :3], table[2] = 0.4, 0.6, torch.arange(candidates).flip(0) / candidates
        # Far below the largest, and all different: the correct one is slightly above the next.
        table[3] = 4e-4 * torch.randperm(candidates, generator=rng) - 0.9
        table[3, 0], table[3, -1] = 0.9, 4e-4 * candidates - 0.9
        if queries > 4:  # a rank of 1.5
            table[4], correct[4] = 0.2, 0
            table[4, :2] = 0.8
        cases.append((table, correct))
    cases.append((torch.rand(1, 6, generator=rng), torch.tensor([4])))
    tried = explained(answer, UNLIKE)
    sorts(tried, cases)
    judge_tensors(tried, cases, rank, MISTAKES, where, causes)
    return "correct from 1 to the number of candidates, for a single query too; ties count half"


def sorts(answer: Callable, cases: list[tuple]) -> None:
    """Refuse the ranks that a sort gives: integers, any of those of the tied candidates."""
    given, again = ([answer(*case) for case in cases] for _ in range(2))
    shapes = [getattr(value, "shape", None) for value in given]
    if shapes != [correct.shape for _, correct in cases] or named_mistake(cases, given, MISTAKES):
        return
    for sign, first in ((1, 1), (1, 0), (-1, 1), (-1, 0)):
        if all(among(sign * t, r, position + 1 - first) for (t, r), position in zip(cases, given, strict=True)):
            faults = [] if same(given, again) else ["random numbers change the result from call to call"]
            faults += ["the order is reversed: the largest similarity has rank 1"] * (sign < 0)
            faults += ["the best rank is 1; the ranks start at 0"] * (not first)
            raise Mistake(". In addition: ".join([SORTED, *faults]))


def among(table: Tensor, correct: Tensor, positions: Tensor) -> bool:
    """Whether these are integer ranks, each among those of the candidates tied with the correct one."""
    best = own(table, correct)
    first, last = 1 + (table > best).sum(1), (table >= best).sum(1)
    return bool(((positions == positions.round()) & (positions >= first) & (positions <= last)).all())


UNLIKE = {
    "Index tensor must have the same number of dimensions": "`correct` is (Q,); `gather` expects (Q, 1)",
    "must match the size": "the correct candidate's similarity is one number per query, (Q, 1), compare it with its "
    "row: `similarities.gather(1, correct[:, None])`, or `[torch.arange(Q), correct][:, None]`; `[:, correct]` "
    "selects whole columns",
    "out of bounds": "rows are queries, columns are candidates, and `correct` is a column index for each row: "
    "`similarities.gather(1, correct[:, None])`; `similarities[correct]` selects whole rows, and `.T` "
    "transposes the matrix",
}


def where(table: Tensor, correct: Tensor) -> str:
    return f"for {len(table)} queries and {table.shape[1]} candidates"


def causes(table: Tensor, correct: Tensor) -> dict[tuple, str]:
    queries, candidates = table.shape
    return {
        (queries, 1): "one axis too many: one rank per query, (Q,)",
        (queries, candidates): "one number per candidate; return only the rank of the correct one",
        (candidates,): "one number per candidate: sum over the candidates, axis 1",
        (): "one number for all queries; each has its own rank",
    }
