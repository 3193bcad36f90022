"""Exercises 04.3 and 04.4: splitting features into heads, and joining the heads again."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, expect_tensor, named_mistake, whole


def split(x: Tensor, n_heads: int) -> Tensor:
    """What `split_heads` should give.   (B, T, D) -> (B, heads, T, D / heads)"""
    return torch.stack(x.chunk(n_heads, dim=-1), dim=1)


def join(x: Tensor) -> Tensor:
    """What `join_heads` should give.   (B, heads, T, D / heads) -> (B, T, D)"""
    return torch.cat(x.unbind(1), dim=-1)


def numbered(*shape: int) -> Tensor:
    """Every entry another number, of either sign and not in order of size, so that each can be found again."""
    numbers = torch.arange(1, 1 + torch.Size(shape).numel())
    return (numbers * (0.5 - numbers % 2)).reshape(shape)


def missing_heads(right: Callable, axis: int, after: Callable = lambda x: x) -> list[tuple[Callable, str]]:
    """Results in which the features of one head, or of all but one, are still 0."""

    def keep(part: slice) -> Callable:
        def kept(*case) -> Tensor:
            heads = right(*case)
            chosen = torch.zeros(heads.shape[axis])
            chosen[part] = 1
            return after(heads * chosen[:, None, None].to(heads.dtype))

        return kept

    return [
        (keep(slice(-1)), "the features of the last head are still 0: the loop ends one head too early"),
        (keep(slice(1, None)), "the features of the first head are still 0: heads count from 0"),
        (keep(slice(1)), "only the features of the first head are there, the others are 0"),
        (keep(slice(-1, None)), "only the features of the last head are there, the others are 0"),
    ]


SPLIT_MISTAKES: Mistakes = [
    (
        lambda x, n: x.reshape(len(x), n, x.shape[1], -1),
        "the shape is correct, but words are mixed: `view` only regroups memory, so head 0 holds parts of the "
        "first words. Split D into two axes (B, T, heads, D / heads), then exchange two axes",
    ),
    (
        lambda x, n: x.reshape(*x.shape[:2], -1, n).permute(0, 3, 1, 2),
        "each head gets every n-th feature; it should get neighbours: the first D / heads features belong to head 0",
    ),
    (
        lambda x, n: x.transpose(1, 2).reshape(len(x), n, x.shape[1], -1),
        "words and features are mixed: split D while it is still the last axis, then move it",
    ),
    (
        lambda x, n: x.transpose(1, 2).reshape(len(x), n, -1, x.shape[1]).transpose(2, 3).flip(1),
        "the heads are in reverse order",
    ),
    (lambda x, n: split(x, n).flip(1), "the heads are in reverse order"),
    (lambda x, n: split(x, n)[:, :1].expand(-1, n, -1, -1), "every head gets the same features, the first ones"),
    (
        lambda x, n: x.reshape(len(x), n, -1, x.shape[1]).transpose(2, 3),
        "words and features are mixed: `view` only regroups memory. Split D into (B, T, heads, D / heads) first, then "
        "exchange axes 1 and 2",
    ),
    (
        lambda x, n: torch.stack([x[:, :, h : h + x.shape[2] // n] for h in range(n)], dim=1),
        "neighbouring heads overlap: head h begins at feature h; it begins at h * d, where d is D / heads",
    ),
    *missing_heads(split, 1),
    (lambda x, n: split(x, n)[:, -1:].expand(-1, n, -1, -1), "every head gets the same features, the last ones"),
    (lambda x, n: split(x, n).roll(1, 1), "the heads are shifted by one"),
    (lambda x, n: split(x.flip(1), n), "the words are in reverse order"),
    (lambda x, n: split(x, n).flip(3), "the features of each head are in reverse order"),
    (lambda x, n: split(x, n).flip(0), "the examples of the batch are exchanged"),
]


@exercise(
    "04.3",
    title="split into heads",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Two steps. First split the last axis, so that D becomes (heads, D / heads). What is the shape now?",
        "`x.view(B, T, n_heads, -1)` splits it. The heads now come after the words; attention needs them before.",
        "`transpose(1, 2)` exchanges two axes. `view` alone would give the same shape and other numbers: try it on "
        "`torch.arange(12).view(1, 3, 4)` and look.",
    ),
)
def split_heads(answer, rng):
    sizes = [(2, 5, 36, 3), (3, 4, 20, 2), (1, 7, 8, 8), (4, 6, 9, 1), (2, 3, 30, whole(rng, 5, 6))]
    cases = [(numbered(batch, length, width), heads) for batch, length, width, heads in sizes]
    where = [f"for x of shape {tuple(x.shape)} and {heads} heads" for x, heads in cases]
    given = []
    for (x, heads), position in zip(cases, where, strict=True):
        batch, length, width = x.shape
        each = width // heads
        causes = {
            (batch, length, heads, each): "the heads come after the words; attention runs over the last two axes, "
            "so exchange axes 1 and 2",
            (batch, length, each, heads): "the heads are the last axis: split D into (heads, D / heads), "
            "then move the heads before the words",
            (batch, heads, each, length): "the words are the last axis; the last two should be (T, D / heads)",
            (batch, each, length, heads): "`n_heads` and D / n_heads are exchanged",
            (batch, each, heads, length): "the axes are in the wrong order",
            (heads, batch, length, each): "the heads come before the batch: the batch stays first",
            (batch * heads, length, each): "the heads are in the batch's axis; they should have one of their own",
            (batch, heads, length, width): "each head has all D features; it should get D / heads of them",
            (batch, heads, length, heads): "the last axis is as long as there are heads; it has D / heads features",
            (batch, each, length, each): "D / heads twice: the second axis is the heads",
            (batch, length, width): "that is the shape of x",
        }
        shape = (batch, heads, length, each)
        for n in range(1, width + 1):
            if width % n == 0 and n not in (heads, each):
                causes[batch, n, length, width // n] = f"there are {n} heads, and `n_heads` is {heads}"
        given.append(in_shape(answer, (x, heads), position, shape, causes))
    judge_moved(cases, given, where, split, SPLIT_MISTAKES)
    return f"{len(cases)} shapes, one head and as many heads as features among them"


JOIN_MISTAKES: Mistakes = [
    (
        lambda x: x.reshape(len(x), x.shape[2], -1),
        "the shape is correct, but words are mixed: the heads are still before the words when the axes are merged. "
        "Exchange axes 1 and 2 first",
    ),
    (
        lambda x: x.permute(0, 2, 3, 1).reshape(len(x), x.shape[2], -1),
        "the features of the heads are shuffled into one another: put heads after words and before features "
        "(B, T, heads, d), then merge the last two",
    ),
    (
        lambda x: x.transpose(2, 3).reshape(len(x), x.shape[2], -1),
        "words and features were exchanged before the axes were merged: exchange heads and words, axes 1 and 2",
    ),
    (
        lambda x: x.transpose(1, 3).reshape(len(x), x.shape[2], -1),
        "heads and features are exchanged: exchange axes 1 and 2, heads and words",
    ),
    *(
        (
            lambda x, order=order: x.permute(order).reshape(len(x), x.shape[2], -1),
            "batch and words were exchanged before the axes were merged: leave the batch where it is, "
            "and exchange axes 1 and 2",
        )
        for order in ((2, 1, 0, 3), (2, 0, 1, 3))
    ),
    (lambda x: join(x).flip(1), "the words are in reverse order"),
    *missing_heads(lambda x: x, 1, after=join),
    (lambda x: join(x.roll(1, 1)), "the heads are shifted by one"),
    (lambda x: join(x[:, -1:].expand_as(x)), "the last head is repeated instead of the others"),
    (lambda x: join(x.flip(3)), "the features of each head are in reverse order"),
    (lambda x: join(x.flip(0)), "the examples of the batch are exchanged"),
    (lambda x: join(x.flip(1)), "the heads are joined in reverse order"),
    (lambda x: join(x[:, :1].expand_as(x)), "the first head is repeated instead of the others"),
]


@exercise(
    "04.4",
    title="join the heads",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Go backwards through 04.3: which of its two steps has to be undone first?",
        "Exchange axes 1 and 2 again; then heads and D / heads are adjacent and can be merged into D.",
        "After a `transpose`, `view` refuses: the numbers no longer lie in memory in that order. `reshape` and "
        "`flatten` copy them where they must.",
    ),
)
def join_heads(answer, rng):
    sizes = [(2, 3, 5, 4), (3, 2, 4, 7), (1, 8, 7, 1), (4, 1, 6, 9), (2, whole(rng, 5, 6), 3, 8)]
    cases = [(numbered(*size),) for size in sizes]
    cases[1] = (split(numbered(3, 4, 14), 2),)
    cases[0] = (numbered(2, 5, 3, 4).transpose(1, 2),)  # as a split leaves it: not contiguous
    where = [f"for x of shape {tuple(x.shape)}" for (x,) in cases]
    given = []
    for (x,), position in zip(cases, where, strict=True):
        batch, heads, length, each = x.shape
        causes = {
            (batch, length, heads, each): "the heads are moved, but not merged with D / heads: `flatten` or `reshape`",
            (batch, heads * length, each): "the heads are joined along the words: one after the other in time. "
            "Join them along the features",
            (batch, heads, length * each): "words and features are merged; it is heads and features that are merged",
            (batch, length, each): "the features of one head instead of all: joining keeps all features",
            **{
                (batch, length, n * each): f"the features of {n} heads are there, and x has {heads}"
                for n in range(2, 2 * heads)
                if n != heads
            },
            (batch, heads * each, length): "the last two axes are exchanged",
            (batch, length * each, heads): "the heads are the last axis; they are to be merged with D / heads",
            (batch * length, heads * each): "batch and words are merged",
            (length, batch, heads * each): "batch and words are exchanged: exchange axes 1 and 2 instead",
            (batch * heads, length, each): "the heads are merged with the batch; merge them with D / heads",
            (batch, heads, length, each): "that is the shape of x",
            (length, heads * each): "the batch is gone",
        }
        given.append(in_shape(answer, (x,), position, (batch, length, heads * each), causes))
    judge_moved(cases, given, where, join, JOIN_MISTAKES)
    return f"{len(cases)} shapes; it undoes `split_heads`"


def in_shape(answer, case: tuple, where: str, shape: tuple, causes: dict[tuple, str]) -> Tensor:
    """The answer for one case, of the right shape; what `view` and `reshape` refuse is explained."""
    try:
        return expect_tensor(answer(*case), where, shape, causes)
    except Mistake as problem:
        if "view size is not compatible" in str(problem):
            raise Mistake(
                f"{problem}. After a `transpose` the numbers do not lie in memory in that order: `reshape` copies "
                "where `view` refuses"
            ) from None
        if "TypeError" in str(problem) and "float" in str(problem):
            raise Mistake(f"{problem}. `/` always gives a float, and a size is an integer: `//`") from None
        if "stack expects each tensor" in str(problem) and f", {case[0].shape[-1]}]" in str(problem):
            raise Mistake(f"{problem}. The time is split (axis 1); split the features, the last axis") from None
        if "is invalid for input of size" in str(problem):
            raise Mistake(
                f"{where}: {problem}. The new sizes have to multiply to as many entries as x has, whatever `n_heads` "
                "and the sizes of x are"
            ) from None
        raise


def judge_moved(
    cases: Sequence[tuple], given: Sequence[Tensor], where: Sequence[str], right: Callable, mistakes: Mistakes
) -> None:
    """Every entry in its place; the usual ways to misplace them are named."""
    expected = [right(*case) for case in cases]
    wrong = [i for i in range(len(cases)) if not torch.equal(given[i].to(expected[i].dtype), expected[i])]
    if not wrong:
        return
    words = named_mistake(cases, given, mistakes)
    i = wrong[0]
    if words is None and not torch.equal(given[i].flatten().sort().values, cases[i][0].flatten().sort().values):
        zero = given[i] == 0
        if torch.equal(given[i][~zero].to(expected[i].dtype), expected[i][~zero]):
            words = "some entries are still 0, and the others are correct: every entry of x has a place in the result"
        else:
            words = "values have changed: only split, move and merge axes, compute nothing"
        if torch.isin(given[i].to(cases[i][0].dtype), cases[i][0]).all():
            words = "some values occur twice, and others are missing: each belongs to one head"
    if words is None:
        position = (given[i] != expected[i]).nonzero()[0].tolist()
        at = cases[i][0]
        source = (at == given[i][tuple(position)]).nonzero()[0].tolist()
        wanted = (at == expected[i][tuple(position)]).nonzero()[0].tolist()
        words = f"entry {position} of the result is x{source}, expected x{wanted}"
    raise Mistake(f"{where[i]}: {words}")
