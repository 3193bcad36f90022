"""Exercise 15.1: every letter's state repeated for as many frames as it lasts."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import (
    Mistakes,
    agrees,
    drawn,
    explained,
    judge_tensors,
    named_mistake,
    possible,
    whole,
)
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again


def expand(states: Tensor, durations: Tensor) -> Tensor:
    """What the answer should give.   (T, D), (T,) -> (sum of durations, D)"""
    return states[torch.arange(len(states)).repeat_interleave(durations)]


def in_turn(states: Tensor, durations: Tensor) -> Tensor:
    """The letters one after the other, again and again."""
    return states[torch.arange(int(durations.sum())) % len(states)]


def in_rounds(states: Tensor, durations: Tensor) -> Tensor:
    """In every round each letter that still has frames left."""
    rounds = range(int(durations.max()))
    return states[[i for round in rounds for i in range(len(states)) if durations[i] > round]]


def only_first_frame(states: Tensor, durations: Tensor) -> Tensor:
    """Zeros after the first frame of each letter."""
    result, ends = torch.zeros_like(expand(states, durations)), durations.cumsum(0)
    real = durations > 0
    result[(ends - durations)[real]] = states[real]
    return result


def shared_out(states: Tensor, durations: Tensor) -> Tensor:
    """Each letter is given the same number of frames."""
    total = int(durations.sum())
    return states[torch.arange(total) * len(states) // max(total, 1)]


def not_increased(states: Tensor, durations: Tensor) -> Tensor:
    """Zeros, filled from the duration of the letter before on."""
    result, position = states.new_zeros(int(durations.sum()), states.shape[1]), 0
    for state, n in zip(states, durations.tolist(), strict=True):
        result[position : position + n] = state
        position = n
    return result


def first_0(durations: Tensor) -> int:
    """The place of the first duration of 0; the number of letters where there is none."""
    return [*durations.tolist(), 0].index(0)


def interpolated(states: Tensor, durations: Tensor) -> Tensor:
    total = int(durations.sum())
    return F.interpolate(states.T[None], total, mode="linear", align_corners=False)[0].T


MISTAKES: Mistakes = [
    (
        in_turn,
        "the letters follow each other in turn, again and again (`repeat`?); all frames of a letter come together",
    ),
    (in_rounds, "the frames are in rounds, one of every letter; all frames of a letter come together"),
    (only_first_frame, "only the first frame of a letter holds its state, the others are 0"),
    (shared_out, "all letters get the same number of frames; each has its own duration"),
    (interpolated, "the states are interpolated; a state is repeated as it is"),
    (lambda s, d: expand(s, d).flip(0), "the frames are in reverse order"),
    (lambda s, d: expand(s.flip(0), d), "the letters are in reverse order, and the durations are not"),
    (lambda s, d: expand(s, d.flip(0)), "the durations are in reverse order, and the letters are not"),
    (lambda s, d: expand(s, d.roll(1)), "each letter gets the duration of the one before"),
    (lambda s, d: expand(s, d.roll(-1)), "each letter gets the duration of the one after"),
    (
        lambda s, d: expand(s, d) / d[d > 0].repeat_interleave(d[d > 0])[:, None],
        "the states are divided by their durations",
    ),
    (lambda s, d: expand(s * d[:, None], d), "the states are multiplied by their durations; they are repeated"),
    (lambda s, d: expand(s, d.sort().values), "the durations are sorted"),
    (
        lambda s, d: torch.cat([torch.zeros_like(s[:1]), expand(s, d)]),
        "a row of zeros is in front, from the tensor that the result began with",
    ),
    (
        lambda s, d: s.repeat_interleave(int(d.float().mean().round()), dim=0),
        "every letter is repeated as often as the mean duration; each has its own",
    ),
    (
        lambda s, d: s.repeat_interleave(int(d.float().mean()), dim=0),
        "every letter is repeated as often as the mean duration; each has its own",
    ),
    (lambda s, d: torch.zeros_like(expand(s, d)), "all frames are 0: is the result filled?"),
    (lambda s, d: s[:1].expand(int(d.sum()), -1), "every frame holds the first letter"),
    (lambda s, d: s[-1:].expand(int(d.sum()), -1), "every frame holds the last letter"),
    (lambda s, d: s.mean(0, keepdim=True).expand(int(d.sum()), -1), "every frame holds the mean of the letters"),
    (
        not_increased,
        "the position is set to the duration instead of increased by it (`+=`): letters overwrite each other",
    ),
    *(
        (mistaken, "the first frame of a letter gets the letter before: `torch.searchsorted(..., right=True)`")
        for mistaken in (
            lambda s, d: s[torch.searchsorted(d.cumsum(0), torch.arange(int(d.sum())))],
            lambda s, d: s[torch.searchsorted(d.cumsum(0), torch.arange(int(d.cumsum(0)[-1])))],
        )
    ),
    # of other shapes
    (lambda s, d: expand(s, d.clamp(min=1)), "a duration of 0 has become 1; such a letter has no frame"),
    (lambda s, d: expand(s, d + 1), "every letter has one frame too many"),
    (lambda s, d: expand(s, (d - 1).clamp(min=0)), "every letter has one frame less than it should"),
    (lambda s, d: expand(s[:1], d[:1]), "only the first letter is there: is a `return` inside the loop?"),
    (lambda s, d: expand(s[-1:], d[-1:]), "only the last letter is there: is the list overwritten in the loop?"),
    (
        lambda s, d: expand(s[: first_0(d)], d[: first_0(d)]),
        "all letters from the first duration of 0 on are missing: is there a `break` where `continue` is meant?",
    ),
    (lambda s, d: expand(s[:-1], d[:-1]), "the last letter is missing: does a loop end one too early?"),
    (lambda s, d: expand(s[1:], d[1:]), "the first letter is missing"),
    (lambda s, d: s.repeat_interleave(int(d[0]), dim=0), "every letter is repeated as often as the first"),
    (
        lambda s, d: s.repeat_interleave(int(d.max()), dim=0),
        "every letter is repeated as often as the longest: no padding is asked for",
    ),
    (
        lambda s, d: s.repeat_interleave(int(d.sum()), dim=0),
        "every letter is repeated as often as all of them together",
    ),
    (
        lambda s, d: s.repeat(int(d.sum()), 1),
        "the whole text is repeated, as often as there are frames; each letter is, as often as its duration says",
    ),
    (
        lambda s, d: s.repeat(int(d.max()), 1),
        "the whole text is repeated; each letter is, as often as its duration says",
    ),
    (lambda s, d: s, "nothing is repeated"),
    (lambda s, d: s * d[:, None], "the states are multiplied by their durations; they are repeated"),
    (lambda s, d: s[d > 0], "the letters of duration 0 are removed, and nothing is repeated"),
    (lambda s, d: expand(s, d).T, "the axes have changed places: frames first"),
    (
        lambda s, d: s.repeat_interleave(d),
        "the numbers are repeated in one long row: `dim=0` repeats letters",
    ),
    (
        lambda s, d: s.repeat_interleave(d, dim=1),
        "the numbers of a state are repeated, and not the letters: `dim=0`",
    ),
]


def causes(states: Tensor, durations: Tensor) -> dict[tuple, str]:
    """What wrong shapes come from."""
    n, width = states.shape
    total = int(durations.sum())
    return {
        (n, int(durations.max()), width): "the frames of each letter have an axis of their own; they follow each other",
        (total,): "the axis of the states, D, is missing",
        (total * width,): "all is in one row: without `dim=0` `repeat_interleave` flattens first",
        (1, total, width): "there is one axis too many in front",
        (0,): "for durations that are all 0 the result has the shape (0, D), as `states[:0]` has",
    }


def named(answer: Callable, cases: list[tuple]) -> None:
    """Mistake names a mistake that gives the answer's results, of whatever shape, in every case."""
    given = []
    for case in cases:
        try:
            given.append(answer(*case))
        except Mistake:
            given.append(None)
    given = [one.detach().cpu() if isinstance(one, Tensor) else None for one in given]
    mistakes = [(possible(mistaken), words) for mistaken, words in MISTAKES]
    expected = [expand(*case) for case in cases]
    seen = [i for i, one in enumerate(given) if one is not None]
    wrong = [i for i in seen if not agrees(given[i], expected[i])]
    if (
        wrong
        and len(seen) > 1
        and (words := named_mistake([cases[i] for i in seen], [given[i] for i in seen], mistakes))
    ):
        i = wrong[0]
        shapes = tuple(given[i].shape), tuple(expected[i].shape)
        told = f"{where(*cases[i])} the shape is {shapes[0]}, expected {shapes[1]}: " * (shapes[0] != shapes[1])
        raise Mistake(told + words)


def where(states: Tensor, durations: Tensor) -> str:
    """A case in words."""
    return f"for {len(states)} letters of durations {durations.tolist()}"


@exercise(
    "15.1",
    title="from letters to frames",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "States a, b, c with durations 2, 0, 3: write down the five frames.",
        "`torch.repeat_interleave` repeats each row before it goes on to the next. `repeat` repeats the whole table.",
        "`states.repeat_interleave(durations, dim=0)`; or collect `state.expand(n, -1)` in a list, then `torch.cat`.",
    ),
)
def expand_check(answer, rng):
    lists = [[2, 1, 0, 7, 0, 4], [0, 1, 0], [1, 2, 4, 1, 3, 2], [0, 5, 0], [3], [0, 0, 0], [4, 1, 2, 3]]
    lists.append([whole(rng, 0, 5) for _ in range(whole(rng, 7, 9))] + [2])
    widths = 3, 4, 2, 3, 5, 4, 4, 1
    cases = [
        (drawn(rng, len(lengths), width), torch.tensor(lengths)) for lengths, width in zip(lists, widths, strict=True)
    ]
    silent = next(case for case in cases if not case[1].any())
    empty = "all durations can be 0: the result then has the shape (0, D)"
    tried = explained(answer, {"non-empty": empty, "expected a non": empty})
    expect_same_again(tried, cases[0])
    named(tried, cases)
    judge_tensors(
        tried,
        cases,
        expand,
        MISTAKES,
        where=where,
        causes=causes,
        entry=lambda position, case: f"frame {position[0]}, entry {position[1]},",
    )
    remark = expect_gradients(answer, cases[0], expand)
    for case in (cases[0], silent):
        expect_dtype_kept(answer, case)
    return f"{len(cases)} texts, one of a single letter, one of a single frame, one whose durations are all 0{remark}"
