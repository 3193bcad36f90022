"""Exercise 09.2 on right answers and on the wrong ones that people give."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.exercises.checks import judge
from mmcourse.models.question_answering import with_positions


def by_loop(maps):
    B, C, H, W = maps.shape
    tokens = torch.zeros(B, H * W, C + 2)
    for i in range(H):
        for j in range(W):
            tokens[:, i * W + j, :C] = maps[:, :, i, j]
            tokens[:, i * W + j, C] = -1 + 2 * j / (W - 1)
            tokens[:, i * W + j, C + 1] = -1 + 2 * i / (H - 1)
    return tokens


def by_permute(maps):
    B, C, H, W = maps.shape
    x = torch.linspace(-1, 1, W).repeat(H)
    y = torch.linspace(-1, 1, H).repeat_interleave(W)
    features = maps.permute(0, 2, 3, 1).reshape(B, H * W, C)
    return torch.cat([features, torch.stack([x, y], 1).expand(B, -1, -1)], dim=2)


def by_affine_grid(maps):
    B, C, H, W = maps.shape
    grid = F.affine_grid(torch.eye(2, 3).expand(B, 2, 3), (B, 1, H, W), align_corners=True)
    return torch.cat([maps.permute(0, 2, 3, 1), grid], dim=3).flatten(1, 2)


def placed(maps, line, turn=False):
    """Tokens whose coordinates along n places are line(n); with `turn`, the coordinates go column after column."""
    B, _, H, W = maps.shape
    x, y = torch.meshgrid(line(W), line(H), indexing="ij" if turn else "xy")
    return torch.cat([maps.flatten(2).mT, torch.stack([x.flatten(), y.flatten()], 1).float().expand(B, -1, -1)], dim=2)


def line(n):
    return torch.linspace(-1, 1, n)


def counted(n):
    """From -1 to 1, and NaN for one place."""
    return torch.arange(n) / torch.tensor(n - 1) * 2 - 1


def columns_first(tokens, maps):
    return tokens.unflatten(1, maps.shape[2:]).transpose(1, 2).flatten(1, 2)


def with_table(maps, x, y):
    """The maps with a table of coordinates made of x, then y."""
    return torch.cat([maps, torch.stack(torch.meshgrid(x, y, indexing="ij")).expand(len(maps), -1, -1, -1)], 1)


def expanded(maps):
    """A table (W, H), to be laid over the maps."""
    tables = torch.stack(torch.meshgrid(line(maps.shape[3]), line(maps.shape[2]), indexing="ij"))
    return torch.cat([maps, tables.expand(len(maps), 2, *maps.shape[2:])], 1).flatten(2).mT


def of_exchanged_axes(maps):
    B, _, W, H = maps.shape
    y, x = torch.meshgrid(line(H), line(W), indexing="ij")
    return torch.cat([maps.flatten(2).mT, torch.stack([x.flatten(), y.flatten()], 1).expand(B, -1, -1)], dim=2)


@pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid")
def test_indices(judged):
    judged(
        "09.2",
        {
            "loop": by_loop,
            "permute": by_permute,
            "grid": by_affine_grid,
            "table": lambda maps: placed(maps, line),
            "package": lambda maps: with_positions(maps),
        },
        {
            "x and y swapped": (
                lambda m: by_permute(m)[..., [*range(m.shape[1]), -1, -2]],
                "x and y are swapped: x comes first, and increases",
            ),
            "reshaped": (
                lambda m: by_permute(m).mT.reshape(len(m), -1, m.shape[1] + 2),
                "the shape is correct and the contents are not",
            ),
            "features reshaped": (
                lambda m: torch.cat([m.reshape(len(m), -1, m.shape[1]), by_loop(m)[..., -2:]], 2),
                "the coordinates are correct and the features are",
            ),
            "columns first": (
                lambda m: columns_first(by_loop(m), m),
                "the positions are in column order; use row order",
            ),
            "coordinates in columns": (
                lambda m: placed(m, line, turn=True),
                "the features are in row order, and their",
            ),
            "features in columns": (
                lambda m: torch.cat([columns_first(by_loop(m), m)[..., :-2], by_loop(m)[..., -2:]], 2),
                "the coordinates are in row order, and the features",
            ),
            "axes swapped": (of_exchanged_axes, "height and width are swapped for the coordinates"),
            "coordinates first": (lambda m: by_loop(m).roll(2, 2), "they come last"),
            "pixels": (lambda m: placed(m, torch.arange), "the coordinates count from 0; they range from -1"),
            "from 0": (
                lambda m: placed(m, lambda n: torch.linspace(0, 1, n)),
                "the coordinates range from 0 to 1; they should",
            ),
            "by n": (lambda m: placed(m, lambda n: torch.arange(n) / n * 2 - 1), "divide by n - 1"),
            "centres": (lambda m: placed(m, lambda n: (2 * torch.arange(n) + 1) / n - 1), "the centres of the cells"),
            "up to 3": (
                lambda m: placed(m, lambda n: 3 * line(n)),
                "the coordinates range from -3 to 3, as in the call",
            ),
            "backwards": (lambda m: placed(m, lambda n: -line(n)), "the coordinates are reversed: -1 is at the left"),
            "x to the left": (
                lambda m: by_loop(m) * torch.tensor([1.0] * m.shape[1] + [-1.0, 1]),
                "x increases to the left; -1 is the leftmost column",
            ),
            "x twice": (lambda m: by_permute(m)[..., [*range(m.shape[1]), -2, -2]], "both coordinates are x"),
            "y upwards": (
                lambda m: by_loop(m) * torch.tensor([1.0] * (m.shape[1] + 1) + [-1.0]),
                "y increases upwards; in images it increases",
            ),
            "no coordinates": (lambda m: m.flatten(2).mT, "the two coordinates are missing"),
            "features before tokens": (lambda m: by_loop(m).mT, "before features: `transpose(1, 2)`"),
            "in rows": (
                lambda m: by_loop(m).mT.unflatten(2, m.shape[2:]),
                "the positions are still in rows: `flatten(2)`",
            ),
            "zeros": (lambda m: F.pad(m.flatten(2).mT, (0, 2)), "zero everywhere"),
            "table turned": (
                lambda m: with_table(m, line(m.shape[3]), line(m.shape[2])).flatten(2).mT,
                "Maps and tables of coordinates have the same height",
            ),
            "table expanded": (expanded, "A table of coordinates is (H, W)"),
            "one image": (lambda m: by_loop(m)[0], None),
            "first image": (lambda m: by_loop(m)[:1], "only the first image is left"),
            "one row": (lambda m: placed(m, counted), "for maps of one row the result holds NaN"),
            "one column": (
                lambda m: placed(m, line) if m.shape[3] > 1 else placed(m, counted),
                "for maps of one column the result holds NaN",
            ),
            "no single row": (
                lambda m: placed(m, line) if m.shape[2] > 1 else m[:, :, 1],
                "for maps of one row: IndexError",
            ),
            "detached": (lambda m: by_permute(m).detach(), "no gradient reaches `m`"),
            "new tensor": (lambda m: torch.tensor(by_permute(m).tolist()), None),
            "half detached": (
                lambda m: by_permute(torch.cat([m[:, :1].detach(), m[:, 1:]], 1)),
                "only a part of the gradient reaches `m`",
            ),
        },
    )


def test_a_division_by_zero_that_says_so_is_remarked_on():
    assert "it stops with a division by zero; `torch.linspace`" in judge("09.2", by_loop).message
    assert "divides" not in judge("09.2", by_permute).message
