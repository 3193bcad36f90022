"""Exercise 06.1: how many numbers of the input stand for one number of the code."""

import itertools
import math
from collections.abc import Callable

import torch

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import distinct_texts, expect_number, explained, whole

Shape = tuple[int, ...]


def right(x: Shape, code: Shape) -> float:
    """What the answer should give, from the two shapes."""
    return math.prod(x[1:]) / math.prod(code[1:])


COUNTS: list[tuple[Callable[[Shape], float], str]] = [
    (lambda shape: math.prod(shape[1:]), ""),
    (math.prod, "the batch is counted as well"),
    (lambda shape: shape[1], "only the first axis after the batch is counted (`len(x[0])`, `shape[1]`)"),
    (lambda shape: shape[-1], "only the last axis is counted"),
    (lambda shape: math.prod(shape[2:]), "the first axis after the batch is left out; only axis 0 is the batch"),
    (lambda shape: math.prod(shape[1:-1]), "the last axis is left out"),
    (lambda shape: sum(shape[1:]), "the sizes of the axes are added; multiply them"),
    (
        lambda shape: math.prod(shape[-2:]),
        "only the last two axes are counted, without the channels: `x[0].numel()` counts all but the batch",
    ),
    (
        lambda shape: math.prod([size for size in shape if size != 1][1:]),
        "axes of size 1 are lost, as by a `squeeze()`: a batch of one keeps its axis",
    ),
    (sum, "the sizes of the axes are added, the batch among them; multiply all others"),
    (len, "the axes are counted; count the numbers in a tensor"),
    (lambda shape: shape[0], "the examples are counted (`len` of a batch); count the numbers of one of them"),
    (lambda shape: 1, "nothing is counted"),
]
RATIOS: list[tuple[Callable[[float, float], float], str]] = [
    (lambda x, code: x / code, ""),
    (
        lambda x, code: x // code,
        "`//` or `int` drops what follows the decimal point; the factor need not be whole: `/`",
    ),
    (lambda x, code: round(x / code), "the factor is rounded; it need not be whole"),
    (lambda x, code: round(x / code, 1), "the factor is rounded to one decimal; give it as it is"),
    (lambda x, code: round(x / code, 2), "the factor is rounded to two decimals; give it as it is"),
    (lambda x, code: math.ceil(x / code), "the factor is rounded up; it need not be whole"),
    (lambda x, code: code / x, "the fraction is the wrong way round: numbers of the example / numbers of the code"),
    (lambda x, code: code // x, "the fraction is the wrong way round, and `//` drops what follows the decimal point"),
    (lambda x, code: x - code, "that is the difference; a factor is a ratio"),
    (lambda x, code: 1 - code / x, "that is the fraction of numbers saved; the factor is one count / the other"),
    (
        lambda x, code: 100 * (1 - code / x),
        "that is the percentage of numbers saved; the factor is one count / the other",
    ),
    (lambda x, code: 100 * x / code, "that is in percent; the factor itself was asked for"),
    (lambda x, code: math.sqrt(x / code), "that is the square root of the factor"),
    (lambda x, code: 4 * x / code, "4 times too much: are bytes counted in one of the two?"),
    (lambda x, code: x / code / 4, "4 times too little: are bytes counted in one of the two?"),
    (lambda x, code: 6.0, "it is 6 for every shape: compute it from `x` and `code`"),
]


def named(shapes: list[tuple[Shape, Shape]], given: list[float]) -> str | None:
    """Words for the combination of fewest mistakes that gives these numbers."""
    found = []
    of_x_counts, of_code_counts = COUNTS + written(shapes, given, 0), COUNTS + written(shapes, given, 1)
    for (of_x, x_words), (of_code, code_words), (ratio, words) in itertools.product(
        of_x_counts, of_code_counts, RATIOS
    ):
        values = (ratio(of_x(x), of_code(code)) for x, code in shapes)
        if all(map(equal, given, values)):
            if x_words == code_words:
                faults = [x_words, words]
            else:
                faults = [x_words and f"for `x` {x_words}", code_words and f"for `code` {code_words}", words]
            found.append([fault for fault in faults if fault])
    return ". And ".join(min(found, key=len)) if found else None


def written(shapes: list[tuple[Shape, Shape]], given: list[float], part: int) -> list:
    """The one count of `x` (part 0) or `code` (part 1) that would give the first number, the other counted rightly."""
    x, code = shapes[0]
    counts = given[0] * math.prod(code[1:]), math.prod(x[1:]) / given[0] if given[0] else 0.0
    count = counts[part]
    if not math.isfinite(count) or count < 2:
        return []
    return [(lambda shape: count, f"the count is {count:,.6g} for every shape: compute it, `x[0].numel()` for example")]


AXES = "do you name a fixed number of axes? There may be any number of them: `x[0].numel()` counts all"
CAUSES = {"index out of range": AXES, "not enough values": AXES, "too many values": AXES}


@exercise(
    "06.1",
    title="compression factor",
    dots=1,
    minutes=5,
    repeatable=True,
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
        ((5, 2, 10), (5, 7)),
    ]

    tried = explained(answer, CAUSES)
    given = [expect_number(tried(torch.ones(x), torch.ones(code)), f"{where(x, code)} it") for x, code in shapes]
    if all(equal(value, right(*pair)) for value, pair in zip(given, shapes, strict=True)):
        judge_entries(tried)
        return f"{len(shapes)} pairs of shapes: images, spectrograms, vectors, a batch of one"
    if words := named(shapes, given):
        raise Mistake(words)
    wrong, pair = next(pair for pair in zip(given, shapes, strict=True) if not equal(pair[0], right(*pair[1])))
    came, due = distinct_texts(*torch.tensor([wrong, right(*pair)], dtype=torch.double))
    raise Mistake(f"{where(*pair)} it returned {came}, expected {due}")


def judge_entries(answer: Callable) -> None:
    """Neither the dtype nor the values have an effect."""
    x, code = torch.ones(4, 6), torch.ones(4, 2)
    sparse = x * (torch.arange(6) % 2)
    for case, words in (
        ((x.double(), code), "for float64 examples and float32 codes the factor changes: bytes are counted"),
        ((sparse, code), "where half of the entries are 0 the factor changes: the values are counted or compared"),
    ):
        if not equal(expect_number(answer(*case), "it"), 3.0):
            raise Mistake(f"{words}. Each entry is one number, whatever its dtype and value: `numel()`")


def where(x: Shape, code: Shape) -> str:
    """The case in words."""
    return f"for examples of shape {x} and codes of shape {code}"


def equal(value: float, expected: float) -> bool:
    """Equal up to the rounding of single precision."""
    return math.isclose(value, expected, rel_tol=1e-5)
