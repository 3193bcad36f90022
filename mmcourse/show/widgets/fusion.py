"""Sums of features in the plane: two kinds of images and of sentences, their four sums, and a line to separate them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import matplotlib
import torch
import traitlets
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.widgets.base import StaticImage, script

MOST = 60  # examples of each that are drawn
TRUE, FALSE = style.PALETTE["blue"], style.PALETTE["orange"]
ANGLES, OFFSETS = range(0, 180, 2), torch.linspace(-1, 1, 81)  # lines that `best_line` tries


@dataclass(frozen=True)
class Plane:
    """Images (2, n, 2) and sentences (2, n, 2) of two kinds in one plane, each modality centred.

    The plane contains the difference of the two kinds' means, for images and for sentences. `along` is the coordinate
    of each example along its own modality's difference, -1 and 1 on average.
    """

    images: Tensor
    sentences: Tensor
    along: tuple[Tensor, Tensor]  # (2, n) of the images, (2, n) of the sentences

    @cached_property
    def true(self) -> Tensor:
        """Whether the sentence matches the image, in the order of `joined`.   (4 n,) bool"""
        return torch.tensor([True, False, False, True]).repeat_interleave(self.images.shape[1])

    def joined(self, alpha: float, product: bool = False) -> Tensor:
        """Every kind of image with every kind of sentence: AA, AB, BA, BB.   -> (4 n, 2)

        The sum alpha * image + (1 - alpha) * sentence; with `product`, along * along and alpha * along + ...
        """
        one, other = self.along if product else (self.images, self.sentences)
        one, other = one.repeat_interleave(2, dim=0).flatten(0, 1), other.repeat(2, *[1] * (other.dim() - 1))
        other = other.flatten(0, 1)
        mixed = alpha * one + (1 - alpha) * other
        return torch.stack([one * other, mixed], dim=1) if product else mixed

    def limit(self, product: bool = False) -> float:
        """How far the axes go, for every alpha."""
        ends = [self.joined(alpha, product).abs().max() for alpha in (0.0, 1.0)]
        return 1.08 * float(max(ends))


def plane_of(images: Sequence[Tensor], sentences: Sequence[Tensor]) -> Plane:
    """The plane of two kinds: images [(n, D), (m, D)] and sentences [(k, D), (l, D)], all with the same D.

    ValueError where there are not two kinds of each, the widths differ, or two kinds have the same mean.
    """
    groups = [torch.as_tensor(group).detach().cpu().double() for group in (*images, *sentences)]
    shapes = ", ".join(str(tuple(group.shape)) for group in groups)
    if len(images) != 2 or len(sentences) != 2 or any(g.dim() != 2 or not len(g) for g in groups):
        raise ValueError(f"the features have shapes {shapes}; expected two kinds of images, two of sentences")
    if len({group.shape[1] for group in groups}) > 1:
        raise ValueError(
            f"the features have shapes {shapes}; expected one width, since they are to be added. Likely cause: the "
            "encoders' own features; a linear layer each brings them to one width"
        )
    if not all(group.isfinite().all() for group in groups):
        raise ValueError("the features contain values that are not finite. Likely cause: a training run that diverged")
    count = min(MOST, *map(len, groups))
    means = [group.mean(dim=0) for group in groups]
    ways = [(means[0] - means[1]) / 2, (means[2] - means[3]) / 2]
    middles = [(means[0] + means[1]) / 2, (means[2] + means[3]) / 2]
    across = ways[1] - (ways[1] @ ways[0]) / (ways[0] @ ways[0]).clamp(min=1e-12) * ways[0]
    if ways[0].norm() < 1e-6 or across.norm() < 1e-6:
        raise ValueError("the two kinds have the same mean, or images and sentences differ in the same direction")
    axes = torch.stack([ways[0] / ways[0].norm(), across / across.norm()], dim=1)  # (D, 2)
    inside, along = [], []
    for modality in range(2):
        centred = [group[:count] - middles[modality] for group in groups[2 * modality : 2 * modality + 2]]
        inside.append(torch.stack([group @ axes for group in centred]))
        way = ways[modality]
        along.append(torch.stack([group @ way / (way @ way) for group in centred]).float())
    scale = max(float(part.abs().max()) for part in inside)
    return Plane(*(part.float() / scale for part in inside), tuple(along))


def line_accuracy(points: Tensor, true: Tensor, angle: float, offset: float, limit: float) -> float:
    """The accuracy of a line as a classifier, for the better choice of its true side; offset from -1 to 1."""
    turn = torch.deg2rad(torch.tensor(float(angle)))
    side = points @ torch.stack([turn.cos(), turn.sin()]) > offset * limit
    fraction = float((side == true).float().mean())
    return max(fraction, 1 - fraction)


def best_line(points: Tensor, true: Tensor, limit: float) -> tuple[float, int, float]:
    """The line with the best accuracy.   -> accuracy, angle in degrees, offset"""
    turns = torch.deg2rad(torch.tensor(ANGLES, dtype=torch.float32))
    heights = points @ torch.stack([turns.cos(), turns.sin()])  # (N, angles)
    fractions = ((heights[..., None] > OFFSETS * limit) == true[:, None, None]).float().mean(dim=0)  # (angles, offsets)
    fractions = torch.maximum(fractions, 1 - fractions)
    angle, offset = divmod(int(fractions.argmax()), len(OFFSETS))
    return float(fractions[angle, offset]), ANGLES[angle], round(float(OFFSETS[offset]), 3)


def show_sums(
    images: Sequence[Tensor], sentences: Sequence[Tensor], names: tuple[str, str], alpha: float = 0.5
) -> None:
    """Draw the four sums of two kinds of images and two kinds of sentences, and the parallelogram of their means."""
    plane = plane_of(images, sentences)
    fraction, *_ = best_line(plane.joined(alpha), plane.true, plane.limit())
    alt = (
        f"Four clouds of sums of image and sentence features at alpha {alpha:g}, {names[0]} and {names[1]}. Their "
        f"means are the corners of a parallelogram; the two true clouds are at opposite corners, and so are the two "
        f"false ones. The best line has an accuracy of {fraction:.2f}."
    )
    with style.drawing(style.WIDTH * 0.8, 4.2, alt) as figure:
        draw(figure.subplots(), plane, names, alpha, limit=1.35 * float(plane.joined(alpha).abs().max()))


def draw(
    axis, plane: Plane, names: Sequence[str], alpha: float, product: bool = False, limit: float | None = None
) -> None:
    """The four clouds, the parallelogram of their means, what each is."""
    points = plane.joined(alpha, product).unflatten(0, (4, -1))
    means, limit = points.mean(dim=1), limit or plane.limit(product)
    corners = means[[0, 1, 3, 2, 0]]
    if not product:
        axis.plot(*corners.T.tolist(), color=style.INK, linewidth=1, alpha=0.6)
        for pair in ((0, 3), (1, 2)):
            axis.plot(*means[list(pair)].T.tolist(), color=style.INK, linewidth=1, linestyle=":", alpha=0.8)
    for group, (pictured, listed) in enumerate((i, j) for i in range(2) for j in range(2)):
        fits = pictured == listed
        axis.scatter(
            *points[group].T.tolist(),
            s=16,
            marker="os"[pictured],
            color=TRUE if fits else FALSE,
            alpha=0.7,
            linewidths=0,
            label=("true" if fits else "false") if pictured == 0 else None,
        )
        away = [26 if value > 0 else -26 for value in means[group].tolist()]
        axis.annotate(
            f"{names[pictured]} + '{names[listed]}'",
            means[group].tolist(),
            xytext=(0 if product else 1.5 * away[0], 1.3 * away[1]),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=9,
            bbox={"boxstyle": "round,pad=0.2", "facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.85},
        )
    axis.set(xlim=(-limit, limit), ylim=(-limit, limit))
    if product:
        axis.set(xlabel="image coordinate times sentence coordinate", ylabel="their weighted sum")
    else:
        axis.set(xlabel="along the mean difference of the images", ylabel="orthogonal to it, in the same plane")
    axis.legend(loc="upper right")


def fusion_explorer(images: Sequence[Tensor], sentences: Sequence[Tensor], names: tuple[str, str]) -> "FusionExplorer":
    """A widget: move alpha between the sentences and the images, rotate a line, and see its accuracy.

    images     features of two kinds of images, [(n, D), (m, D)]; sentences likewise, with the same D
    names      of the two kinds
    """
    return FusionExplorer(images, sentences, names)


class FusionExplorer(StaticImage):
    """The widget behind `fusion_explorer`. `fraction` is the line's accuracy."""

    _esm = script("fusion.js")
    names = traitlets.List().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    alpha = traitlets.Float(0.5).tag(sync=True)
    product = traitlets.Bool(False).tag(sync=True)
    angle = traitlets.Float(90).tag(sync=True)  # of the line's normal, in degrees
    offset = traitlets.Float(0).tag(sync=True)

    def __init__(self, images: Sequence[Tensor], sentences: Sequence[Tensor], names: tuple[str, str]):
        if len(names) != 2:
            raise ValueError(f"names are {tuple(names)}; expected two, one for each kind")
        self.plane = plane_of(images, sentences)
        rounded = {
            "images": self.plane.images,
            "sentences": self.plane.sentences,
            "alongPictures": self.plane.along[0],
            "alongSentences": self.plane.along[1],
        }
        super().__init__(
            names=list(names),
            data={name: (1e4 * part).round().div(1e4).double().tolist() for name, part in rounded.items()}
            | {"limits": [self.plane.limit(), self.plane.limit(product=True)]},
        )
        self.on_msg(self._asked)

    @property
    def fraction(self) -> float:
        """The line's accuracy, for the better choice of its true side."""
        points = self.plane.joined(self.alpha, self.product)
        return line_accuracy(points, self.plane.true, self.angle, self.offset, self.plane.limit(self.product))

    def _asked(self, _widget, content: dict, _buffers) -> None:
        if content.get("ask") == "best":
            points, limit = self.plane.joined(self.alpha, self.product), self.plane.limit(self.product)
            _, angle, offset = best_line(points, self.plane.true, limit)
            with self.hold_sync():
                self.angle, self.offset = float(angle), offset

    def still(self) -> tuple[bytes, str]:
        """The points and the line as a PNG."""
        from matplotlib.figure import Figure

        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(6.4, 4.2), layout="constrained")
            axis = figure.subplots()
            draw(axis, self.plane, self.names, self.alpha, self.product)
            turn, limit = torch.deg2rad(torch.tensor(self.angle)), self.plane.limit(self.product)
            normal = torch.stack([turn.cos(), turn.sin()])
            along = torch.stack([-turn.sin(), turn.cos()]) * 3 * limit
            foot = self.offset * limit * normal
            axis.plot(*torch.stack([foot - along, foot + along]).T.tolist(), color=style.INK, linewidth=2)
            axis.set_title(f"alpha {self.alpha:.2f}: accuracy of the line {self.fraction:.2f}")
            png = style.small_png(style.pixels_of(figure, 1.25))
        return png, (
            f"{'Products' if self.product else 'Sums'} of image and sentence features in the plane, {self.names[0]} "
            f"and {self.names[1]}, at alpha {self.alpha:.2f}; accuracy of the line {self.fraction:.2f}. "
            "Run the cell to move alpha and the line."
        )
