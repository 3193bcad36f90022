"""Exercise 11.4: the rank of the right candidate, fair to ties."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight, same
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, explained, judge_tensors, named_mistake


def own(table: Tensor, right: Tensor) -> Tensor:
    """The right candidate's similarity.   (Q, C), (Q,) -> (Q, 1)"""
    return table.gather(1, right[:, None])


def rank(table: Tensor, right: Tensor) -> Tensor:
    """What `ranks` should give."""
    best = own(table, right)
    return 1 + (table > best).sum(1) + ((table == best).sum(1) - 1) / 2


def loose(table: Tensor, right: Tensor, width: float) -> Tensor:
    """The rank where whatever is so near counts as tied."""
    apart = table - own(table, right)
    return 1 + (apart > width).sum(1) + ((apart.abs() <= width).sum(1) - 1) / 2


def rounded(table: Tensor, right: Tensor, digits: int) -> Tensor:
    return rank((table * 10**digits).round(), right)


NEAR = "what is merely near is taken for tied: without rounding and without a softmax first, equals are `==`"
SORTED = (
    "a sort gives tied ones an order, and so luck decides; no sort: count those that are larger, and half of the tied"
)


MISTAKES: Mistakes = [
    (lambda t, r: rank(t, r) - 1, "the best position is 1; yours begin at 0"),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1),
        "the right one is put before all that are tied with it; where everything is alike, all would be found at once",
    ),
    (
        lambda t, r: (t >= own(t, r)).sum(1),
        "the right one is put behind all that are tied with it; the mean of the places they share is asked for",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + ((t == own(t, r)).sum(1) > 1) / 2,
        "a half is added once, however many are tied; each of them stands before the right one half of the time",
    ),
    (
        lambda t, r: torch.tensor([1 + len(row[row > x].unique()) for row, x in zip(t, own(t, r), strict=True)]),
        "equals in front of it are counted as one; each of them takes a place of its own",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + (t == own(t, r)).sum(1) / 2,
        "the right candidate is counted as tied with itself: take one off before you halve",
    ),
    (
        lambda t, r: 1 + (t > own(t, r)).sum(1) + (t == own(t, r)).sum(1) - 1,
        "all that are tied are put before the right one; only half of them are, on average",
    ),
    (lambda t, r: rank(-t, r), "counted from the other end: the larger a similarity, the better its place"),
    (
        lambda t, r: 1 + t.argsort(1, descending=True).gather(1, r[:, None])[:, 0],
        "`argsort` says who stands at a place, and not at which place someone stands: count those that are larger",
    ),
    (lambda t, r: t.argmax(1), "that is the candidate found first; at which place is the right one?"),
    (lambda t, r: 1 + t.argmax(1), "that is the candidate found first; at which place is the right one?"),
    (
        lambda t, r: rank(t, torch.arange(len(r))),
        "the diagonal is taken for right; `right` says which candidate is, for each query",
    ),
    (lambda t, r: own(t, r)[:, 0], "that is how similar the right one is; how many are more so?"),
    (
        lambda t, r: (t.argmax(1) == r).float(),
        "that is whether the right one comes first; its place is asked for",
    ),
    (lambda t, r: 1 / rank(t, r), "those are reciprocal ranks; the ranks themselves are asked for"),
    (
        lambda t, r: 1 + ((t > own(t, r)).sum(1) + ((t == own(t, r)).sum(1) - 1) / 2).floor(),
        "half places are cut off: `//` or `.long()` makes 1 of 1.5",
    ),
    *((lambda t, r, width=width: loose(t, r, width), NEAR) for width in (0.001, 0.01, 0.1)),
    *((lambda t, r, digits=digits: rounded(t, r, digits), NEAR) for digits in (1, 2, 3)),
    (lambda t, r: rank((100 * t).softmax(1), r), NEAR),
]


@exercise(
    "11.4",
    title="at which place?",
    dots=2,
    minutes=10,
    hints=(
        "No sorting is needed: its position is 1 + how many of the row are larger than it.",
        "`similarities.gather(1, right[:, None])` is the right one's similarity in each row, (Q, 1).",
        "Those that are equal to it stand before it in half of all orders. It is equal to itself, too.",
    ),
)
def ranks(answer, rng):
    cases = []
    for queries, candidates in ((5, 8), (4, 4), (6, 12)):
        table = torch.randint(0, 6, (queries, candidates), generator=rng) / 5.0
        right = torch.randint(candidates, (queries,), generator=rng)
        right[0], right[1] = 1, 0
        right[3] = candidates - 1
        table[0], table[1, :3], table[2] = 0.4, 0.6, torch.arange(candidates).flip(0) / candidates
        # Far below the largest, and no two are alike: the right one stands a little above its neighbours.
        table[3] = 4e-4 * torch.randperm(candidates, generator=rng) - 0.9
        table[3, 0], table[3, -1] = 0.9, 4e-4 * candidates - 0.9
        cases.append((table, right))
    tried = explained(answer, UNLIKE)
    sorts(tried, cases)
    judge_tensors(tried, cases, rank, MISTAKES, where, causes)
    return "from 1 to the number of candidates; ties are neither luck nor bad luck"


def sorts(answer: Callable, cases: list[tuple]) -> None:
    """Refuse the places that a sort gives: whole ones, any of those that the tied share."""
    given, again = ([answer(*case) for case in cases] for _ in range(2))
    shapes = [getattr(value, "shape", None) for value in given]
    if shapes != [right.shape for _, right in cases] or named_mistake(cases, given, MISTAKES):
        return
    for sign, first in ((1, 1), (1, 0), (-1, 1), (-1, 0)):
        if all(among(sign * t, r, position + 1 - first) for (t, r), position in zip(cases, given, strict=True)):
            faults = [] if same(given, again) else ["noise makes each call another one"]
            faults += ["counted from the other end: the largest comes first"] * (sign < 0)
            faults += ["the best position is 1; yours begin at 0"] * (not first)
            raise NotRight(". Besides: ".join([SORTED, *faults]))


def among(table: Tensor, right: Tensor, positions: Tensor) -> bool:
    """Whether these are whole places, each among those that the right candidate shares."""
    best = own(table, right)
    first, last = 1 + (table > best).sum(1), (table >= best).sum(1)
    return bool(((positions == positions.round()) & (positions >= first) & (positions <= last)).all())


UNLIKE = {
    "Index tensor must have the same number of dimensions": "`right` is (Q,); `gather` wants (Q, 1)",
    "must match the size": "the right one's similarity is one number for each query, (Q, 1), to be compared with its "
    "row: `similarities.gather(1, right[:, None])`, or `[torch.arange(Q), right][:, None]`; `[:, right]` takes whole "
    "columns",
    "out of bounds": "rows are queries, columns candidates, and `right` says a column for each row: "
    "`similarities.gather(1, right[:, None])`; `similarities[right]` takes whole rows, and `.T` turns the table",
}


def where(table: Tensor, right: Tensor) -> str:
    return f"for {len(table)} queries and {table.shape[1]} candidates"


def causes(table: Tensor, right: Tensor) -> dict[tuple, str]:
    queries, candidates = table.shape
    return {
        (queries, 1): "an axis too many: one rank a query, (Q,)",
        (queries, candidates): "a number for each candidate; the right one's place alone is asked for",
        (candidates,): "a number for each candidate: sum over the candidates, axis 1",
        (): "one number for all queries; each has its own rank",
    }
