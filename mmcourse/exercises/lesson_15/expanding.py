"""Exercise 15.1: every letter's state repeated for as many frames as it lasts."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors, whole
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
]


def causes(states: Tensor, durations: Tensor) -> dict[tuple, str]:
    """What wrong shapes come from."""
    n, width = states.shape
    total = int(durations.sum())
    found = {
        (int(durations.clamp(min=1).sum()), width): "a duration of 0 has become 1; such a letter has no frame",
        (total + n, width): "every letter has one frame too many",
        (int((durations - 1).clamp(min=0).sum()), width): "every letter has one frame less than it should",
        (int(durations[:-1].sum()), width): "the last letter is missing: does a loop end one too early?",
        (int(durations[1:].sum()), width): "the first letter is missing",
        (n * int(durations[0]), width): "every letter is repeated as often as the first",
        (n * int(durations.max()), width): "every letter is repeated as often as the longest: no padding is asked for",
        (n, int(durations.max()), width): "the frames of each letter have an axis of their own; they follow each other",
        (total * n, width): "every letter is repeated as often as all of them together",
        (n, width): "nothing is repeated",
        (n, total): "the numbers of a state are repeated, and not the letters: `dim=0`",
        (total,): "the axis of the states, D, is missing",
        (total * width,): "all is in one row: without `dim=0` `repeat_interleave` flattens first",
        (1, total, width): "there is one axis too many in front",
        (width, total): "the axes have changed places: frames first",
        (int(durations[0]), width): "only the first letter is there: is a `return` inside the loop?",
        (int(durations[-1]), width): "only the last letter is there",
        (0,): "for durations that are all 0 the result has the shape (0, D)",
    }
    return found


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
    lists = [[6, 0, 7, 0, 2, 3], [0, 1, 0], [1, 2, 4, 1, 3, 2], [0, 5, 0], [3], [0, 0, 0], [4, 1, 2, 3]]
    lists.append([whole(rng, 0, 5) for _ in range(whole(rng, 7, 9))] + [2])
    widths = 3, 4, 2, 3, 5, 4, 4, 1
    cases = [
        (drawn(rng, len(lengths), width), torch.tensor(lengths)) for lengths, width in zip(lists, widths, strict=True)
    ]
    silent = next(case for case in cases if not case[1].any())
    empty = "all durations can be 0: the result then has the shape (0, D)"
    tried = explained(answer, {"non-empty": empty, "expected a non": empty})
    expect_same_again(tried, cases[0])
    judge_tensors(
        tried,
        cases,
        expand,
        MISTAKES,
        where=lambda states, durations: f"for {len(states)} letters of durations {durations.tolist()}",
        causes=causes,
        entry=lambda position, case: f"frame {position[0]}, entry {position[1]},",
    )
    remark = expect_gradients(answer, cases[0], expand)
    for case in (cases[0], silent):
        expect_dtype_kept(answer, case)
    return f"{len(cases)} texts, one of a single letter, one of a single frame, one whose durations are all 0{remark}"
