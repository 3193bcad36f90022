"""Exercise 06.1: how many numbers of the input stand for one number of the code."""

import math
from collections.abc import Callable

import torch

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_number, explained, told_apart, whole

Shape = tuple[int, ...]


def right(x: Shape, code: Shape) -> float:
    """What the answer should give, from the two shapes."""
    return math.prod(x[1:]) / math.prod(code[1:])


MISTAKES: list[tuple[Callable[[Shape, Shape], float], str]] = [
    (
        lambda x, code: 1 / right(x, code),
        "the fraction is the wrong way round: numbers of the example, divided by numbers of the code",
    ),
    (
        lambda x, code: right(x, code) // 1,
        "`//` drops what follows the decimal point; the factor need not be whole: `/`",
    ),
    (lambda x, code: round(right(x, code)), "the factor is rounded; it need not be whole"),
    (
        lambda x, code: x[1] / code[1],
        "only the first axis after the batch is counted (`len(x[0])`, `shape[1]`); multiply all axes after the batch",
    ),
    (lambda x, code: x[1] // code[1], "only the first axis after the batch is counted, and `//` drops the fraction"),
    (lambda x, code: x[-1] / code[-1], "only the last axis is counted; multiply all axes after the batch"),
    (
        lambda x, code: math.prod(x) / math.prod(code[1:]),
        "the batch is counted in `x` and not in `code`: it counts in neither",
    ),
    (
        lambda x, code: math.prod(x[1:]) / math.prod(code),
        "the batch is counted in `code` and not in `x`: it counts in neither",
    ),
    (
        lambda x, code: math.prod(x[2:]) / math.prod(code[2:]),
        "the first axis after the batch is left out (the channels of an image): only axis 0 is the batch",
    ),
    (lambda x, code: sum(x[1:]) / sum(code[1:]), "the sizes of the axes are added; multiply them"),
    (lambda x, code: sum(x) / sum(code), "the sizes of the axes are added, the batch among them; multiply all others"),
    (lambda x, code: len(x) / len(code), "that is the ratio of the numbers of axes; count the numbers in a tensor"),
    (lambda x, code: x[0] / code[0], "that is the ratio of the two batch sizes: `len` of a tensor is its first axis"),
    (lambda x, code: math.prod(x[1:]) - math.prod(code[1:]), "that is the difference; a factor is a ratio"),
    (
        lambda x, code: 1 - 1 / right(x, code),
        "that is the fraction of numbers saved; the factor is one count divided by the other",
    ),
    (lambda x, code: 100 * right(x, code), "that is in percent; the factor itself was asked for"),
    (lambda x, code: math.prod(x[1:]), "that is the number of numbers in an example; divide by those in its code"),
    (lambda x, code: math.prod(code[1:]), "that is the number of numbers in a code; divide those of an example by it"),
    (
        lambda x, code: math.prod(x[2:]) / math.prod(code[1:]),
        "the first axis after the batch is left out for `x` (the channels of an image)",
    ),
    (lambda x, code: math.log2(right(x, code)), "that is the logarithm of the factor"),
    (lambda x, code: math.sqrt(right(x, code)), "that is the square root of the factor"),
    (lambda x, code: 6.0, "it is 6 for every shape: compute it from `x` and `code`"),
]
AXES = "do you name a fixed number of axes? There may be any number of them: `x[0].numel()` counts all"
CAUSES = {"index out of range": AXES, "not enough values": AXES, "too many values": AXES}


@exercise(
    "06.1",
    title="compression factor",
    dots=1,
    minutes=5,
    hints=(
        "How many numbers are in one image of shape (3, 32, 32)? How many in a code of shape (8, 8, 8)?",
        "`x[0]` is one example, without the batch axis. `numel()` counts all numbers of a tensor.",
        "Divide the count of `x[0]` by that of `code[0]`, with `/`.",
    ),
)
def compression_factor(answer, rng):
    shapes = [
        ((64, 3, 32, 32), (64, 8, 8, 8)),
        ((7, 3, 16, whole(rng, 17, 31)), (7, 5, 4, 2)),
        ((4, 1, 40, 8 * whole(rng, 5, 12)), (4, 32, 10)),
        ((1, 30), (1, 4)),
        ((9, 2, 3), (9, 12)),
    ]

    tried = explained(answer, CAUSES)
    given = [expect_number(tried(torch.zeros(x), torch.zeros(code)), f"{where(x, code)} it") for x, code in shapes]
    if all(equal(value, right(*pair)) for value, pair in zip(given, shapes, strict=True)):
        return f"{len(shapes)} pairs of shapes: images, spectrograms, vectors, a batch of one"
    for mistaken, words in MISTAKES:
        try:
            if all(equal(value, mistaken(*pair)) for value, pair in zip(given, shapes, strict=True)):
                raise NotRight(words)
        except IndexError:
            continue
    wrong, pair = next(pair for pair in zip(given, shapes, strict=True) if not equal(pair[0], right(*pair[1])))
    came, due = told_apart(*torch.tensor([wrong, right(*pair)], dtype=torch.double))
    raise NotRight(f"{where(*pair)} it gave {came}, expected {due}")


def where(x: Shape, code: Shape) -> str:
    """The case in words."""
    return f"for examples of shape {x} and codes of shape {code}"


def equal(value: float, expected: float) -> bool:
    """Equal up to the rounding of single precision."""
    return math.isclose(value, expected, rel_tol=1e-5)
