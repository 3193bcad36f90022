"""Exercise 09.2: feature maps as tokens, each with the coordinates of its place."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, expect_finite, expect_tensor, explained, judge_tensors
from mmcourse.models.question_answering import with_positions as right


def with_coordinates(maps: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Tokens with these coordinates (H, W)."""
    where = torch.stack([x, y]).expand(len(maps), 2, *maps.shape[2:])
    return torch.cat([maps, where], dim=1).flatten(2).transpose(1, 2)


def grid(maps: Tensor, low: float = -1.0, high: float = 1.0) -> tuple[Tensor, Tensor]:
    """x and y of every place.   -> (H, W), (H, W)"""
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


def turned(maps: Tensor) -> Tensor:
    """Column after column."""
    return right(maps).unflatten(1, maps.shape[2:]).transpose(1, 2).flatten(1, 2)


def parted(features: Tensor, where: Tensor) -> Tensor:
    """The features of some tokens with the coordinates of others."""
    return torch.cat([features[..., :-2], where[..., -2:]], dim=2)


def exchanged_axes(maps: Tensor) -> Tensor:
    """Coordinates of a table as high as the maps are wide."""
    return parted(right(maps), right(maps.transpose(2, 3)))


def reshaped(maps: Tensor) -> Tensor:
    x, y = grid(maps)
    whole = torch.cat([maps, torch.stack([x, y]).expand(len(maps), 2, *x.shape)], dim=1)
    return whole.reshape(len(maps), x.numel(), -1)


MISTAKES: Mistakes = [
    (lambda m: with_coordinates(m, *grid(m)[::-1]), "x and y are exchanged: x comes first, and grows to the right"),
    (
        reshaped,
        "the shape is right and the contents are not: `reshape` cuts rows of numbers anew, so that one token holds "
        "several places of one channel. `flatten(2)` joins the places, `transpose(1, 2)` puts them before the channels",
    ),
    (
        lambda m: torch.cat([m.reshape(len(m), -1, m.shape[1]), right(m)[..., -2:]], dim=2),
        "the coordinates are right and the features are not: `reshape` cuts rows of numbers anew, so that one token "
        "holds several places of one channel. `flatten(2)`, then `transpose(1, 2)`",
    ),
    (turned, "the places come column after column; row after row is asked for, as `flatten` does it"),
    (
        lambda m: parted(right(m), turned(m)),
        "the features come row after row, and their coordinates column after column. `torch.meshgrid(y, x, "
        "indexing='ij')`, with y first, goes row after row",
    ),
    (
        lambda m: parted(turned(m), right(m)),
        "the coordinates come row after row, and the features column after column: `flatten(2)` takes them row by row",
    ),
    (exchanged_axes, "height and width are exchanged for the coordinates: maps are (B, C, H, W)"),
    (
        lambda m: torch.cat([right(m)[..., -2:], right(m)[..., :-2]], dim=2),
        "the coordinates come first; they come last",
    ),
    (lambda m: with_coordinates(m, *pixels(m)), "the coordinates are counted from 0; they go from -1 to 1"),
    (lambda m: with_coordinates(m, *grid(m, 0.0)), "the coordinates go from 0 to 1; they go from -1 to 1"),
    (
        lambda m: with_coordinates(m, *centres(m)),
        "these are the centres of the cells; -1 and 1 belong to the first and the last column and row",
    ),
    (
        lambda m: with_coordinates(m, *short_of_one(m)),
        "the last coordinates fall short of 1: between n columns lie n - 1 steps, so divide by n - 1, or use "
        "`torch.linspace`",
    ),
    (
        lambda m: with_coordinates(m, *grid(m, -3.0, 3.0)),
        "the coordinates go from -3 to 3, as the package's were asked to; here they go from -1 to 1",
    ),
    (lambda m: with_coordinates(m, grid(m)[0], grid(m)[0]), "both coordinates are x; the second is y"),
    (
        lambda m: with_coordinates(m, *grid(m, 1.0, -1.0)),
        "the coordinates run backwards: -1 is at the left, at the top",
    ),
    (
        lambda m: with_coordinates(m, grid(m)[0], -grid(m)[1]),
        "y grows upwards; in pictures it grows downwards: -1 is the top row",
    ),
    (lambda m: with_coordinates(m, -grid(m)[0], grid(m)[1]), "x grows to the left; -1 is the leftmost column"),
    (
        lambda m: torch.cat([right(m)[..., :-2], torch.zeros_like(right(m)[..., -2:])], dim=2),
        "the last two features are zero everywhere: do the coordinates get there?",
    ),
]
UNLIKE = {
    "Sizes of tensors must match": "maps and tables of coordinates have the same height and width, (H, W): "
    "`torch.meshgrid(y, x, indexing='ij')`, with y first",
    "expanded size": "a table of coordinates is (H, W): `torch.meshgrid(y, x, indexing='ij')`, with y first",
}


@exercise(
    "09.2",
    title="places that know where they are",
    dots=1,
    minutes=10,
    hints=(
        "`torch.linspace(-1, 1, W)` holds the x of a row. `torch.meshgrid(y, x, indexing='ij')` makes two tables "
        "(H, W) of it: the y, then the x of each place.",
        "`torch.stack([x, y])` is (2, H, W): two more maps, the same for each picture. `.expand(B, -1, -1, -1)` makes "
        "(B, 2, H, W), and `torch.cat` puts them behind the others.",
        "`flatten(2)` makes (B, C + 2, H * W), row after row. Tokens come before features: `transpose(1, 2)`.",
    ),
)
def with_positions(answer, rng):
    cases = [(drawn(rng, *shape),) for shape in ((2, 3, 4, 5), (3, 4, 3, 2), (1, 2, 6, 6), (4, 5, 2, 3))]
    judge_tensors(explained(answer, UNLIKE), cases, right, MISTAKES, where, causes)
    remark = expect_gradients(answer, cases[0], right) + narrow(answer, rng)
    return "four sizes, high ones and wide ones; every place kept its features and knows its x and y" + remark


def narrow(answer: Answer, rng: torch.Generator) -> str:
    """Judge maps of one row or column: any coordinate will do that is a number. Where it stops, it is remarked on."""
    for shape, words in (((2, 3, 1, 5), "one row"), ((2, 3, 5, 1), "one column")):
        maps = drawn(rng, *shape)
        try:
            result = answer(maps)
        except NotRight as problem:
            if "ZeroDivisionError" in str(problem):
                return f". For maps of {words} it divides by zero and stops; `torch.linspace` would not"
            raise NotRight(f"for maps of {words}: {problem}") from None
        given = expect_tensor(result, where(maps), right(maps).shape)
        expect_finite(given, f"for maps of {words}", "its coordinates are 0 divided by 0; use `torch.linspace`")
    return ""


def where(maps: Tensor) -> str:
    return f"for maps of shape {tuple(maps.shape)}"


def causes(maps: Tensor) -> dict[tuple, str]:
    batch, channels, height, width = maps.shape
    count = height * width
    return {
        (batch, channels + 2, count): "tokens come before features: `transpose(1, 2)`",
        (batch, count, channels): "the two coordinates are missing",
        (batch, channels, count): "the coordinates are missing, and tokens come before features",
        (batch, channels + 2, height, width): "the places are still in rows: `flatten(2)`, then `transpose(1, 2)`",
        (batch, height, width, channels + 2): "the places are still in rows: flatten those two axes",
        (batch, height * width, 2): "those are the coordinates alone; the features belong before them",
        (batch * count, channels + 2): "the pictures were put into one: keep the batch",
        (batch, count, channels + 1): "one coordinate is missing: x and y",
        (1, count, channels + 2): "only the first picture is left",
    }
