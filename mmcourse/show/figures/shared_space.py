"""The vectors of a shared space in a plane, by principal component analysis: pairs, and the gap between modalities."""

from collections.abc import Mapping
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.show import style

COLOURS = ("blue", "vermillion", "green")
MARKERS = ("o", "s", "^")


def plane_of(vectors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], float]:
    """Unit vectors of all modalities in the plane of their first two principal components.

    {name: (N, D)} -> {name: (N, 2)}, and the fraction of the variance in that plane
    """
    units = {name: F.normalize(x.detach().cpu().double(), dim=1) for name, x in vectors.items()}
    everything = torch.cat(list(units.values()))
    centre = everything.mean(dim=0)
    _, spread, directions = torch.linalg.svd(everything - centre, full_matrices=False)
    signs = torch.where(directions.gather(1, directions.abs().argmax(dim=1, keepdim=True)) < 0, -1.0, 1.0)
    plane = (signs * directions)[:2]
    return {name: (x - centre) @ plane.T for name, x in units.items()}, float(
        spread[:2].square().sum() / spread.square().sum().clamp(min=1e-12)
    )


def modality_gap(one: Tensor, other: Tensor) -> float:
    """The distance between the mean unit vectors of two modalities (Liang et al. 2022).   (N, D), (M, D) -> 0 to 2"""
    means = (F.normalize(x.detach().cpu().double(), dim=1).mean(dim=0) for x in (one, other))
    return float((next(means) - next(means)).norm())


def show_shared_space(
    spaces: Mapping[str, Tensor] | Mapping[str, Mapping[str, Tensor]], pairs: int = 20, most: int = 400
) -> None:
    """Plot vectors of 2 or 3 modalities in one plane, with lines between some pairs and a cross at each mean.

    spaces  {modality: (N, D)}, row i of each about the same thing; or 1 to 3 of them by title, {title: {modality: ...}}
    pairs   how many examples get a line between their vectors; most: how many examples are drawn
    """
    given = {"": spaces} if all(isinstance(x, Tensor) for x in spaces.values()) else spaces
    if not 1 <= len(given) <= 3:
        raise ValueError(f"there are {len(given)} spaces; expected 1 to 3")
    for vectors in given.values():
        _check(vectors)
    planes = {title: plane_of(vectors) for title, vectors in given.items()}
    gaps = {title: _gaps(vectors) for title, vectors in given.items()}
    told = [
        f"{title + ': ' if title else ''}{', '.join(points)}; the plane holds {part:.0%} of the variance; the means of "
        f"{', of '.join(f'{names} are {gap:.2f} apart' for names, gap in gaps[title].items())}."
        for title, (points, part) in planes.items()
    ]
    alt = f"Vectors of a shared space in the plane of their first two principal components. {' '.join(told)}"
    with style.drawing(min(style.WIDTH, 0.5 + 3.95 * len(given)), 4.3, alt) as figure:
        for axis, title in zip(figure.subplots(1, len(given), squeeze=False)[0], given, strict=True):
            points = planes[title][0]
            for i in range(min(pairs, most, len(next(iter(points.values()))))):
                line = torch.stack([x[i] for x in points.values()])
                axis.plot(*line.T.numpy(), color=style.INK, alpha=0.3, linewidth=0.8, zorder=1)
            for (name, x), colour, marker in zip(points.items(), COLOURS, MARKERS, strict=False):
                look = {"c": style.PALETTE[colour], "zorder": 2}
                axis.scatter(*x[:most].T.numpy(), s=14, marker=marker, linewidths=0, label=name, **look)
                axis.scatter(*x.mean(dim=0).numpy(), s=110, marker="X", edgecolors=style.INK, **look | {"zorder": 3})
            axis.scatter([], [], s=60, marker="X", c=style.INK, label="mean")
            lines = [f"means of {names} {gap:.2f} apart" for names, gap in gaps[title].items()]
            axis.set_title("\n".join(filter(None, (title, *lines))), fontsize=10)
            axis.set(xlabel="first principal component", ylabel="second principal component")
            axis.set_aspect("equal", adjustable="datalim")
            axis.legend(loc="upper left", bbox_to_anchor=(0, -0.14), ncols=4, borderaxespad=0, handletextpad=0.2,
                        columnspacing=1.0)  # fmt: skip


def _gaps(vectors: Mapping[str, Tensor]) -> dict[str, float]:
    return {f"{one} and {other}": modality_gap(vectors[one], vectors[other]) for one, other in combinations(vectors, 2)}


def _check(vectors: Mapping[str, Tensor]) -> None:
    shapes = {name: tuple(x.shape) for name, x in vectors.items()}
    if not 2 <= len(shapes) <= 3 or len(set(shapes.values())) != 1:
        raise ValueError(
            f"the vectors have shapes {shapes}; expected (N, D) of 2 or 3 modalities, row i of each about one example"
        )
    (shape,) = set(shapes.values())
    if len(shape) != 2 or shape[0] < 2 or shape[1] < 2:
        raise ValueError(f"the vectors have shape {shape}; expected (N, D), two examples and two features at least")
    for name, x in vectors.items():
        if not torch.isfinite(x).all():
            raise ValueError(f"the vectors of {name!r} hold NaN or infinity; expected finite numbers")
