"""Exercise 06.4: codes on the straight line between two codes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors, whole


def along(weights: Tensor, code: Tensor) -> Tensor:
    """Weights with as many axes as the stack of codes.   (steps,) -> (steps, 1, ...)"""
    return weights.to(code.dtype).reshape(-1, *[1] * code.dim())


def mixed(start: Tensor, end: Tensor, weights: Tensor) -> Tensor:
    """(1 - weight) * start + weight * end for every weight.   (...), (...), (steps,) -> (steps, ...)"""
    a = along(weights, start)
    return (1 - a) * start + a * end


def right(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """What the answer should give."""
    return mixed(start, end, torch.linspace(0, 1, steps))


def spherical(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """Along the arc between two codes (slerp)."""
    cosine = torch.nn.functional.cosine_similarity(start.flatten(), end.flatten(), dim=0)
    angle, a = cosine.acos(), along(torch.linspace(0, 1, steps), start)
    return (((1 - a) * angle).sin() * start + (a * angle).sin() * end) / angle.sin()


MISTAKES: Mistakes = [
    (lambda s, e, n: right(e, s, n), "it runs from end to start: the first code should be `start`"),
    (
        lambda s, e, n: mixed(s, e, torch.arange(n) / n),
        "the last code is not `end`: the weights stop at (steps - 1) / steps. `torch.linspace(0, 1, steps)` includes 1",
    ),
    (
        lambda s, e, n: mixed(s, e, torch.arange(1, n + 1) / n),
        "the first code is not `start`: the weights begin at 1 / steps. `torch.linspace(0, 1, steps)` includes 0",
    ),
    (
        lambda s, e, n: mixed(s, e, torch.linspace(0, 1, n + 2)[1:-1]),
        "neither `start` nor `end` is among the codes; both are included",
    ),
    (
        lambda s, e, n: mixed(s, e, torch.arange(n) // (n - 1)),
        "the weights are whole numbers, 0 or 1: `//` and integer types cut the fractions off",
    ),
    (
        lambda s, e, n: mixed(s, e, torch.arange(n).float()),
        "the weights are 0, 1, 2, ...; divide them by steps - 1, so that the last one is 1",
    ),
    (
        lambda s, e, n: s + along(torch.linspace(0, 1, n), s) * e,
        "`end` is added to `start`; only the difference, `end - start`, is added step by step",
    ),
    (
        lambda s, e, n: s + along(torch.linspace(0, 1, n), s) * (s - e),
        "it moves away from `end`: the difference is `end - start`",
    ),
    (
        lambda s, e, n: along(torch.linspace(0, 1, n), s) * (e - s),
        "`start` is missing: these are the differences to it",
    ),
    (
        lambda s, e, n: along(torch.linspace(0, 1, n), s) * e,
        "`start` is missing: it has the weight 1 - a",
    ),
    (
        lambda s, e, n: along(torch.linspace(0, 1, n), s) * (s + e),
        "both codes have the weight a; that of `start` is 1 - a",
    ),
    (
        lambda s, e, n: along(1 - torch.linspace(0, 1, n), s) * (s + e),
        "both codes have the weight 1 - a; that of `end` is a",
    ),
    (lambda s, e, n: mixed(s, e, torch.full((n,), 0.5)), "every code is the mean of both: the weight runs from 0 to 1"),
    (
        lambda s, e, n: mixed(s, e, torch.zeros(n)),
        "every code is `start`: the weight runs from 0 to 1, and `//` would round it down to 0",
    ),
    (lambda s, e, n: mixed(s, e, torch.ones(n)), "every code is `end`"),
    (
        lambda s, e, n: mixed(s, e, torch.linspace(0, 1, n) ** 2),
        "the codes are not at equal distances: the weights are squared",
    ),
    (lambda s, e, n: s + along(torch.linspace(0, 1, n), s) * (s + e), "the difference is `end - start`, not the sum"),
    (
        lambda s, e, n: mixed(s, e, torch.arange(n) / (n + 1)),
        "the last code is not `end`: the weights are divided by steps + 1; divide by steps - 1",
    ),
    (lambda s, e, n: mixed(e, s, torch.arange(n) / n), "it runs from end to start, and the last code is not `start`"),
    (
        lambda s, e, n: torch.cat([torch.zeros_like(s)[None], right(s, e, n)[1:]]),
        "the first code is 0 everywhere: `range(steps)` begins at 0",
    ),
    (
        lambda s, e, n: torch.cat([right(s, e, n)[:-1], torch.zeros_like(s)[None]]),
        "the last code is 0 everywhere: `range(steps)` includes steps - 1",
    ),
    (spherical, "that is spherical interpolation, along an arc; a straight line was asked for"),
]
BROADCAST = (
    "the weights need one axis for the steps, then one of size 1 for every axis of the code, whatever their number: "
    "`weights.reshape(-1, *[1] * start.dim())`"
)
EXPLAINED = {"must match the size": BROADCAST, "must match the existing size": BROADCAST}
EXPLAINED["number of sizes provided"] = "codes may have any number of axes: `torch.zeros(steps, *start.shape)`"
EXPLAINED["linspace only supports"] = "take weights instead: `torch.linspace(0, 1, steps)`"


def causes(start: Tensor, end: Tensor, steps: int) -> dict[tuple, str]:
    """What wrong shapes come from."""
    shape = tuple(start.shape)
    found = {
        (steps + 1, *shape): "one code too many: `steps` is the number of codes, both ends among them",
        (steps + 2, *shape): "two codes too many: `steps` counts both ends as well",
        (steps - 1, *shape): "one code is missing: `steps` is the number of codes, both ends among them",
        (steps - 2, *shape): "both ends are missing: `steps` counts them as well",
        (1, steps, *shape): "there is one axis too many in front",
        (steps, 1, *shape): "there is one axis too many after that of the steps",
        (steps, 1, 1, *shape): BROADCAST,
        (steps, 1, 1, 1, *shape): BROADCAST,
        (steps, start.numel()): "the codes are flattened; each keeps its own shape",
        (steps * shape[0], *shape[1:]): "the codes are joined along their first axis: `torch.stack` makes a new one",
        (shape[0], steps, *shape[1:]): "the steps are the second axis; they come first",
        (*shape, steps): "the steps are the last axis; they come first",
    }
    found.setdefault((8, *shape), "there are 8 codes; `steps` is their number")
    found.setdefault(shape, "the axis of the steps, the first, is missing")
    return found


def uneven(cases: Sequence[tuple], given: Sequence[Tensor]) -> str | None:
    """Words for codes that are all equal, or on the line and not at equal distances."""
    if all(torch.equal(codes, codes[:1].expand_as(codes)) for codes in given):
        return (
            "all codes are equal. A tensor that `+=` changes in place and a list collects again and again is one and "
            "the same; `code = code + step` makes a new one"
        )
    for (start, end, steps), codes in zip(cases, given, strict=True):
        line = (end - start).flatten().double()
        moved = (codes - start).flatten(1).double()
        weights = moved @ line / line.square().sum()
        if not torch.allclose(moved, weights[:, None] * line, atol=1e-4):
            return None
        if not torch.allclose(weights.diff(), weights.diff().mean(), atol=1e-4):
            shown = ", ".join(f"{weight:.2f}" for weight in weights)
            even = ", ".join(f"{i / (steps - 1):.2f}" for i in range(steps))
            return (
                f"the codes are on the line, but not at equal distances: the weights of `end` are {shown}, not {even}"
            )
    return None


@exercise(
    "06.4",
    title="interpolation",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "Which codes are they for `steps` = 3? What is the weight of `end` in each of them?",
        "`torch.linspace(0, 1, steps)` gives the weights a. Each code is (1 - a) * start + a * end.",
        "For broadcasting, give the weights one axis of size 1 for every axis of the code: "
        "`a.reshape(-1, *[1] * start.dim())`. Or collect the codes in a list, then `torch.stack`.",
    ),
)
def interpolate_check(answer, rng):
    sizes = [((4,), 3), ((5,), whole(rng, 6, 9)), ((2, 3, 4), 5), ((3, 2), 2), ((4, 4, 4), 4), ((6, 5), 11)]
    sizes += [((2,), 7), ((3,), 10), ((4,), 22)]  # where a fractional step, added up, gives one code too many
    cases = [(drawn(rng, *shape), drawn(rng, *shape), steps) for shape, steps in sizes]
    cases.append(cases[0])  # a second call gives the same
    judge_tensors(
        explained(answer, EXPLAINED),
        cases,
        right,
        MISTAKES,
        where=lambda start, _, steps: f"for codes of shape {tuple(start.shape)} and {steps} steps",
        causes=causes,
        entry=lambda position, case: f"code {position[0]}, entry {list(position[1:])},",
        failing=uneven,
    )
    return "codes with one, two and three axes, from `start` to `end` at equal distances"
