"""Exercise 09.2: feature maps as tokens, each with its coordinates."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import (
    Mistakes,
    agrees,
    drawn,
    expect_finite,
    expect_tensor,
    explained,
    judge_tensors,
)
from mmcourse.models.question_answering import with_positions as right


def with_coordinates(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Tokens with these coordinates (H, W)."""
    where = torch.stack([x, y]).expand(len(maps), 2, *maps.shape[2:])
    return torch.cat([maps, where], dim=1).flatten(2).transpose(1, 2)


def grid(maps: Tensor, low: float = -1.0, high: float = 1.0) -> tuple[Tensor, Tensor]:
    """x and y of every position.   -> (H, W), (H, W)"""
    height, width = maps.shape[2:]
    y, x = torch.meshgrid(torch.linspace(low, high, height), torch.linspace(low, high, width), indexing="ij")
    return x, y


def pixels(maps: Tensor) -> tuple[Tensor, Tensor]:
    height, width = maps.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return x.float(), y.float()


def centres(maps: Tensor) -> tuple[Tensor, Tensor]:
    height, width = maps.shape[2:]
    y, x = ((2 * torch.arange(n) + 1) / n - 1 for n in (height, width))
    y, x = torch.meshgrid(y, x, indexing="ij")
    return x, y


def short_of_one(maps: Tensor) -> tuple[Tensor, Tensor]:
    x, y = pixels(maps)
    return 2 * x / maps.shape[3] - 1, 2 * y / maps.shape[2] - 1


def in_columns(maps: Tensor) -> Tensor:
    """In column order."""
    return right(maps).unflatten(1, maps.shape[2:]).transpose(1, 2).flatten(1, 2)


def combined(features: Tensor, where: Tensor) -> Tensor:
    """The features of some tokens with the coordinates of others."""
    return torch.cat([features[..., :-2], where[..., -2:]], dim=2)


def exchanged_axes(maps: Tensor) -> Tensor:
    """Coordinates of a table with height and width swapped."""
    return combined(right(maps), right(maps.transpose(2, 3)))


def reshaped(maps: Tensor) -> Tensor:
    x, y = grid(maps)
    whole = torch.cat([maps, torch.stack([x, y]).expand(len(maps), 2, *x.shape)], dim=1)
    return whole.reshape(len(maps), x.numel(), -1)


MISTAKES: Mistakes = [
    (lambda m: with_coordinates(m, *grid(m)[::-1]), "x and y are swapped: x comes first, and increases to the right"),
    (
        reshaped,
        "the shape is correct and the contents are not: `reshape` splits the numbers in memory order, so one token "
        "contains several positions of one channel. `flatten(2)` merges the positions, `transpose(1, 2)` puts them "
        "before the channels",
    ),
    (
        lambda m: torch.cat([m.reshape(len(m), -1, m.shape[1]), right(m)[..., -2:]], dim=2),
        "the coordinates are correct and the features are not: `reshape` splits the numbers in memory order, so one "
        "token contains several positions of one channel. `flatten(2)`, then `transpose(1, 2)`",
    ),
    (in_columns, "the positions are in column order; use row order, as `flatten` does"),
    (
        lambda m: combined(right(m), in_columns(m)),
        "the features are in row order, and their coordinates in column order. "
        "`torch.meshgrid(y, x, indexing='ij')`, with y first, gives row order",
    ),
    (
        lambda m: combined(in_columns(m), right(m)),
        "the coordinates are in row order, and the features in column order: `flatten(2)` gives row order",
    ),
    (exchanged_axes, "height and width are swapped for the coordinates: maps are (B, C, H, W)"),
    (
        lambda m: torch.cat([right(m)[..., -2:], right(m)[..., :-2]], dim=2),
        "the coordinates come first; they come last",
    ),
    (lambda m: with_coordinates(m, *pixels(m)), "the coordinates count from 0; they range from -1 to 1"),
    (lambda m: with_coordinates(m, *grid(m, 0.0)), "the coordinates range from 0 to 1; they should range from -1 to 1"),
    (
        lambda m: with_coordinates(m, *centres(m)),
        "these are the centres of the cells; the first column and row are at -1, the last at 1",
    ),
    (
        lambda m: with_coordinates(m, *short_of_one(m)),
        "the last coordinates are less than 1: n columns have n - 1 intervals, so divide by n - 1, or use "
        "`torch.linspace`",
    ),
    (
        lambda m: with_coordinates(m, *grid(m, -3.0, 3.0)),
        "the coordinates range from -3 to 3, as in the call of the package's function; here they range from -1 to 1",
    ),
    (
        lambda m: torch.cat(
            [right(m)[..., :-2], torch.linspace(-1, 1, m[0, 0].numel())[:, None].expand(len(m), -1, 2)], dim=2
        ),
        "the coordinates run over the whole sequence of tokens; x runs over each row, and y over each column",
    ),
    (lambda m: with_coordinates(m, grid(m)[0], grid(m)[0]), "both coordinates are x; the second is y"),
    (
        lambda m: with_coordinates(m, *grid(m, 1.0, -1.0)),
        "the coordinates are reversed: -1 is at the left and at the top",
    ),
    (
        lambda m: with_coordinates(m, grid(m)[0], -grid(m)[1]),
        "y increases upwards; in images it increases downwards: -1 is the top row",
    ),
    (lambda m: with_coordinates(m, -grid(m)[0], grid(m)[1]), "x increases to the left; -1 is the leftmost column"),
    (
        lambda m: torch.cat([right(m)[..., :-2], torch.zeros_like(right(m)[..., -2:])], dim=2),
        "the last two features are zero everywhere: are the coordinates written to them?",
    ),
]
UNLIKE = {
    "Sizes of tensors must match": "maps and tables of coordinates have the same height and width, (H, W), those of "
    "`maps.shape`: `torch.meshgrid(y, x, indexing='ij')`, with y first",
    "expanded size": "a table of coordinates is (H, W): `torch.meshgrid(y, x, indexing='ij')`, with y first",
}


@exercise(
    "09.2",
    title="tokens with coordinates",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "`torch.linspace(-1, 1, W)` contains the x of a row. `torch.meshgrid(y, x, indexing='ij')` returns two "
        "tables (H, W): the y, then the x of each position.",
        "`torch.stack([x, y])` is (2, H, W): two more maps, the same for each image. `.expand(B, -1, -1, -1)` gives "
        "(B, 2, H, W), and `torch.cat` appends them to the others.",
        "`flatten(2)` gives (B, C + 2, H * W), in row order. Tokens come before features: `transpose(1, 2)`.",
    ),
)
def with_positions(answer, rng):
    cases = [(drawn(rng, *shape),) for shape in ((2, 3, 4, 5), (3, 4, 3, 2), (1, 2, 6, 6), (4, 5, 2, 3))]
    judge_tensors(
        explained(answer, UNLIKE),
        cases,
        right,
        MISTAKES,
        where,
        causes,
        failing=part_at_fault,
    )
    remark = expect_gradients(answer, cases[0], right) + narrow(answer, rng)
    return "correct for four sizes; every position keeps its features and gets its x and y" + remark


def part_at_fault(cases: list[tuple[Tensor]], results: list[Tensor]) -> str:
    """Whether features or coordinates are wrong, and from where to where the coordinates run."""
    expected = [right(*case) for case in cases]
    if all(agrees(one[..., :-2], other[..., :-2]) for one, other in zip(results, expected, strict=True)):
        i = next(i for i, pair in enumerate(zip(results, expected, strict=True)) if not agrees(*pair))
        x, y = results[i][..., -2], results[i][..., -1]
        b, n = (results[i] - expected[i]).abs().sum(2).nonzero()[0].tolist()
        return (
            f"the features are correct, the coordinates are not: {where(*cases[i])} token {n} has ({x[b, n]:.2f}, "
            f"{y[b, n]:.2f}), expected ({expected[i][b, n, -2]:.2f}, {expected[i][b, n, -1]:.2f}); x goes from "
            f"{x.min():.2f} to {x.max():.2f} and y from {y.min():.2f} to {y.max():.2f}"
        )
    if all(agrees(one[..., -2:], other[..., -2:]) for one, other in zip(results, expected, strict=True)):
        return "the coordinates are correct; the features are not those of their positions, or they are changed"
    return ""


def narrow(answer: Answer, rng: torch.Generator) -> str:
    """Judge maps of one row or column: any finite coordinate is accepted. An error becomes a remark."""
    for shape, words in (((2, 3, 1, 5), "one row"), ((2, 3, 5, 1), "one column")):
        maps = drawn(rng, *shape)
        try:
            result = answer(maps)
        except Mistake as problem:
            if "ZeroDivisionError" in str(problem):
                return f". For maps of {words} it stops with a division by zero; `torch.linspace` would not"
            raise Mistake(f"for maps of {words}: {problem}") from None
        expected = right(maps)
        given = expect_tensor(result, where(maps), expected.shape)
        expect_finite(given, f"for maps of {words}", "its coordinates are 0 divided by 0; use `torch.linspace`")
        any_value = -1 if maps.shape[2] == 1 else -2  # the y of the only row, the x of the only column
        given, expected = given.clone(), expected.clone()
        given[..., any_value] = expected[..., any_value] = 0
        if not agrees(given, expected):
            raise Mistake(
                f"correct for maps of several rows and columns, but for {words} the features or the other coordinate "
                "are not those of their position"
            )
    return ""


def where(maps: Tensor) -> str:
    return f"for maps of shape {tuple(maps.shape)}"


def causes(maps: Tensor) -> dict[tuple, str]:
    batch, channels, height, width = maps.shape
    count = height * width
    return {
        (batch, channels + 2, count): "tokens come before features: `transpose(1, 2)`",
        (batch, count, channels): "the two coordinates are missing as features of their own: append them, `torch.cat`",
        (batch, channels, count): "the coordinates are missing, and tokens come before features",
        (batch, channels + 2, height, width): "the positions are still in rows: `flatten(2)`, then `transpose(1, 2)`",
        (batch, height, width, channels + 2): "the positions are still in rows: flatten those two axes",
        (batch, height * width, 2): "those are the coordinates only; the features come before them",
        (batch * count, channels + 2): "the images were merged into one: keep the batch",
        (batch, count, channels + 1): "one coordinate is missing: x and y",
        (1, count, channels + 2): "only the first image is left",
    }
