"""A part of a sheet with two axes of its own, y upwards: points, paths and vectors among texts that are checked."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import FancyArrowPatch

from mmcourse.show import style
from mmcourse.show.diagrams.canvas import SMALL, Canvas, Point, Rect, measure
from mmcourse.show.diagrams.nodes import QUIET


class Plane:
    """A square panel of a sheet; `reach` is the range of both axes, (low, high) of x and of y.

    frame  whether the panel has a border
    """

    def __init__(self, canvas: Canvas, rect: Rect, x: tuple[float, float], y: tuple[float, float], frame: bool = True):
        self.canvas, self.rect, self.x, self.y = canvas, rect, x, y
        if frame:
            canvas.frame(rect, "#FFFFFF", style.FAINT, 1.0)

    def at(self, point: Sequence[float]) -> Point:
        """Inches on the sheet."""
        (left, top, right, bottom), (low_x, high_x), (low_y, high_y) = self.rect, self.x, self.y
        return (
            left + (point[0] - low_x) / (high_x - low_x) * (right - left),
            bottom - (point[1] - low_y) / (high_y - low_y) * (bottom - top),
        )

    def dots(self, points: Sequence[Sequence[float]], colour: str, size: float = 16, edge: str = "none", marker="o"):
        """Points of `size` square points each."""
        x, y = zip(*map(self.at, points), strict=True)
        self.canvas.axes.scatter(x, y, s=size, c=colour, edgecolors=edge, linewidths=1.0, marker=marker, zorder=4)

    def path(self, points: Sequence[Sequence[float]], colour: str = QUIET, width: float = 1.0, line="-") -> None:
        """Points joined by straight stretches."""
        x, y = zip(*map(self.at, points), strict=True)
        self.canvas.axes.plot(x, y, color=colour, linewidth=width, linestyle=line, zorder=2)

    def arrow(self, start, end, colour: str = style.INK, width: float = 1.6, head: float = 9.0, line="-") -> None:
        """A vector from one point to another."""
        self.canvas.axes.add_patch(
            FancyArrowPatch(
                self.at(start), self.at(end), arrowstyle="-|>", mutation_scale=head, shrinkA=0, shrinkB=0,
                color=colour, linewidth=width, linestyle=line, zorder=3,
            )
        )  # fmt: skip

    def text(self, point, text: str, where: str = "right", colour: str = style.INK, size: float = SMALL) -> None:
        """A text beside a point: 'right', 'left', 'above' or 'below'."""
        (x, y), (wide, high) = self.at(point), measure(text, size)
        dx, dy = {
            "right": (0.08 + wide / 2, 0.0), "left": (-0.08 - wide / 2, 0.0),
            "above": (0.0, -0.07 - high / 2), "below": (0.0, 0.07 + high / 2),
        }[where]  # fmt: skip
        self.canvas.text(x + dx, y + dy, text, size, colour=colour)


def velocities(x: np.ndarray, t: float, centres: np.ndarray, spread: float) -> np.ndarray:
    """The velocity that flow matching learns, from N(0, I) to equal clusters N(centre, spread² I).   (N, 2) -> (N, 2)

    (E[data | x at time t] - x) / (1 - t), for t from 0 up to, not including, 1.
    """
    variance = (1 - t) ** 2 + (t * spread) ** 2  # of x at time t, within a cluster
    distance = ((x[:, None] - t * centres[None]) ** 2).sum(2) / (2 * variance)  # (N, clusters)
    weights = np.exp(distance.min(1, keepdims=True) - distance)
    weights /= weights.sum(1, keepdims=True)
    ends = centres[None] + t * spread**2 / variance * (x[:, None] - t * centres[None])  # (N, clusters, 2)
    return ((weights[:, :, None] * ends).sum(1) - x) / (1 - t)


def euler_path(start: np.ndarray, centres: np.ndarray, spread: float, steps: int) -> np.ndarray:
    """Points from t = 0 to 1 in equal steps of Euler's method.   (N, 2) -> (steps + 1, N, 2)"""
    path = [start]
    for k in range(steps):
        path.append(path[-1] + velocities(path[-1], k / steps, centres, spread) / steps)
    return np.stack(path)
