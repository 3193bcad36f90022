"""The sheet that diagrams are drawn on: inches from the upper left corner, measured text, and one gate before display.

`Canvas.show` refuses a diagram in which text leaves its block or the sheet, blocks overlap, or an arrow crosses a block
or a text, and names the position. Every diagram is displayed there, with alt text and the metadata key 'diagram'.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Polygon
from matplotlib.text import Text

from mmcourse.show import output, style
from mmcourse.show.diagrams.words import plain

WIDEST = 8.0  # inches, about a notebook's column
SCALE = 1.5  # image pixels to CSS pixels
DPI = style.PIXELS * SCALE
SIZE, SMALL = 10.0, 9.0  # points; 9 points are 12.5 CSS pixels
HEAD = 0.1  # length of an arrow head
CLEAR = 0.04  # between a line and a block that it passes
CAPITAL = 0.73  # height of a capital letter, of the font's size
Point = tuple[float, float]


class Rect(NamedTuple):
    """Left, top, right and bottom in inches; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by: float) -> "Rect":
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def overlaps(self, other: "Rect") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def contains(self, other: "Rect") -> bool:
        return self.grown(0.015) == self.grown(0.015).union(other)

    def union(self, other: "Rect") -> "Rect":
        return Rect(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def crossed_by(self, start: Point, end: Point) -> bool:
        """Whether a straight line has a part inside (Liang and Barsky's clipping)."""
        first, last = 0.0, 1.0
        for a, b, low, high in (
            (start[0], end[0], self.left, self.right),
            (start[1], end[1], self.top, self.bottom),
        ):
            if a == b:
                if not low < a < high:
                    return False
                continue
            enter, leave = sorted(((low - a) / (b - a), (high - a) / (b - a)))
            first, last = max(first, enter), min(last, leave)
        return first < last


def font(size: float, weight: str = "normal") -> dict:
    """The font of every text, the same whatever matplotlib's settings are: it is measured before it is drawn."""
    return {"fontsize": size, "fontweight": weight, "fontfamily": "DejaVu Sans", "math_fontfamily": "dejavusans",
            "zorder": 5}  # fmt: skip


@cache
def _extent(line: str, size: float, weight: str) -> tuple[float, float]:
    figure = Figure(figsize=(1, 1), dpi=DPI)
    box = figure.text(0, 0, line, **font(size, weight)).get_window_extent(FigureCanvasAgg(figure).get_renderer())
    return box.width / DPI, box.height / DPI


def line_heights(text: str, size: float, weight: str = "normal") -> list[float]:
    """Inches that each line takes: the same for all, but for tall formulas."""
    return [max(1.2 * size / 72, _extent(line, size, weight)[1] + 0.02) for line in text.split("\n")]


def measure(text: str, size: float = SIZE, weight: str = "normal") -> tuple[float, float]:
    """Width and height in inches of a text as it will be drawn, of one line or more."""
    if not text:
        return 0.0, 0.0
    widths = [_extent(line, size, weight)[0] for line in text.split("\n")]
    return max(widths), sum(line_heights(text, size, weight))


def mix(colour: str, other: str, fraction: float) -> str:
    """`fraction` of the first colour, the rest of the other, as '#rrggbb'."""
    parts = (
        round(fraction * int(colour[i : i + 2], 16) + (1 - fraction) * int(other[i : i + 2], 16)) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


class TooWide(ValueError):
    """A diagram that is wider than a notebook."""


class Canvas:
    """A sheet of `width` x `height` inches that remembers what was drawn where."""

    def __init__(self, width: float, height: float):
        if width > WIDEST + 0.005:
            raise TooWide(
                f"the diagram is {width:.2f} inches wide; expected at most {WIDEST:g}, the width of a notebook. "
                "Break long labels with a line break, or use more rows"
            )
        self.sheet = Rect(0.0, 0.0, width, height)
        self.figure = Figure(figsize=(width, height), dpi=DPI, facecolor=style.PAPER)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(height, 0))
        self.axes.axis("off")
        self.boxes: list[tuple[str, Rect]] = []
        self.texts: list[tuple[Text, Rect | None]] = []
        self.frames: list[Rect] = []
        self.lines: list[tuple[str, list[Point], frozenset[str]]] = []

    def box(
        self, rect: Rect, name: str, fill: str, edge: str, width: float = 1.5, round_by: float = 0.0, dashed=False
    ) -> None:
        """Draw a solid rectangle that nothing else may enter."""
        self.boxes.append((name, rect))
        self.frame(rect, fill, edge, width, round_by, (0, (4, 2)) if dashed else "-", zorder=3)

    def frame(self, rect: Rect, fill: str, edge: str, width: float = 1.2, round_by: float = 0.0, line="-", zorder=1):
        """Draw a rectangle that other parts may enter: a group's frame, or a cell inside a box."""
        self.axes.add_patch(
            FancyBboxPatch(
                rect[:2], rect.right - rect.left, rect.bottom - rect.top,
                boxstyle=f"round,pad=0,rounding_size={round_by}" if round_by else "square,pad=0",
                facecolor=fill, edgecolor=edge, linewidth=width, linestyle=line, zorder=zorder,
            )
        )  # fmt: skip

    def group(self, rect: Rect, fill: str, edge: str) -> None:
        """Draw a frame around blocks, whose edge no text may cross."""
        self.frames.append(rect)
        self.frame(rect, fill, edge, 1.0, 0.08)

    def trapezoid(self, corners: Sequence[Point], name: str, fill: str, edge: str, dashed: bool = False) -> None:
        """Draw a trapezoid, from its upper left corner clockwise; nothing else may enter it (its mean height)."""
        (left, a), (right, b), (_, c), (_, d) = corners
        self.boxes.append((name, Rect(left, (a + b) / 2, right, (c + d) / 2)))
        line = (0, (4, 2)) if dashed else "-"
        self.axes.add_patch(
            Polygon(corners, closed=True, facecolor=fill, edgecolor=edge, linewidth=1.5, linestyle=line, zorder=3)
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = SIZE,
        weight: str = "normal",
        colour: str = style.INK,
        within: Rect | None = None,
        turned: bool = False,
    ) -> None:
        """Write a text centred at a point, each line on its baseline; `within` is the block that must hold it."""
        if turned:
            item = self.axes.text(x, y, text, ha="center", va="center", color=colour, rotation=90, **font(size))
            self.texts.append((item, within))
            return
        y -= measure(text, size, weight)[1] / 2
        for line, high in zip(text.split("\n"), line_heights(text, size, weight), strict=True):
            if line:
                base = y + (high + CAPITAL * size / 72) / 2
                item = self.axes.text(x, base, line, ha="center", va="baseline", color=colour, **font(size, weight))
                self.texts.append((item, within))
            y += high

    def line(
        self,
        points: Sequence[Point],
        name: str,
        ends: Sequence[str] = (),
        colour: str = style.INK,
        dashes="-",
        head: bool = True,
    ) -> None:
        """Draw a line through some points, with an arrow head at its end; `ends` are what it joins."""
        points = list(points)
        self.lines.append((name, points, frozenset(ends)))
        (x, y), (from_x, from_y) = points[-1], points[-2]
        if head:
            length = ((x - from_x) ** 2 + (y - from_y) ** 2) ** 0.5 or 1.0
            ux, uy = (x - from_x) / length, (y - from_y) / length
            base = (x - HEAD * ux, y - HEAD * uy)
            sides = [(base[0] + s * 0.45 * HEAD * uy, base[1] - s * 0.45 * HEAD * ux) for s in (1, -1)]
            self.axes.add_patch(Polygon([(x, y), *sides], closed=True, facecolor=colour, linewidth=0, zorder=4))
            points = [*points[:-1], (x - 0.5 * HEAD * ux, y - 0.5 * HEAD * uy)]
        self.axes.add_line(
            Line2D(*zip(*points, strict=True), color=colour, linewidth=1.4, linestyle=dashes, zorder=2,
                   solid_joinstyle="miter")
        )  # fmt: skip

    def written(self) -> list[tuple[str, Rect, Rect | None]]:
        """Every text with its bounding box, by the renderer, and the block that must hold it."""
        renderer, high = FigureCanvasAgg(self.figure).get_renderer(), self.sheet.bottom
        found = []
        for item, within in self.texts:
            box = item.get_window_extent(renderer)
            rect = Rect(box.x0 / DPI, high - box.y1 / DPI, box.x1 / DPI, high - box.y0 / DPI)
            found.append((item.get_text().replace("\n", " "), rect, within))
        return found

    def faults(self) -> Iterator[str]:
        """What a reader would stumble over, one line each."""
        texts = self.written()
        for text, rect, within in texts:
            if not self.sheet.contains(rect):
                yield f"the text {text!r} leaves the sheet"
            if within and not within.contains(rect):
                yield f"the text {text!r} leaves its block"
            for name, box in self.boxes:
                own = within and (within.contains(box) or box.contains(within))
                if not own and box.overlaps(rect.grown(-0.01)):
                    yield f"the text {text!r} overlaps the block {name!r}"
            if any(frame.overlaps(rect) and not frame.contains(rect) for frame in self.frames):
                yield f"the text {text!r} crosses a group's frame"
            for name, points, _ in self.lines:
                if any(rect.grown(-0.01).crossed_by(*part) for part in zip(points, points[1:], strict=False)):
                    yield f"{name} crosses the text {text!r}"
        for (text, rect, _), (other, there, _) in combinations(texts, 2):
            if rect.grown(-0.01).overlaps(there.grown(-0.01)):
                yield f"the texts {text!r} and {other!r} overlap"
        for (name, rect), (other, there) in combinations(self.boxes, 2):
            if rect.grown(-0.01).overlaps(there):
                yield f"the blocks {name!r} and {other!r} overlap"
        for name, points, ends in self.lines:
            for block, rect in self.boxes:
                near = rect.grown(-0.02 if block in ends else CLEAR)
                if any(near.crossed_by(*part) for part in zip(points, points[1:], strict=False)):
                    yield f"{name} crosses the block {block!r}"
        for (name, points, ends), (other, there, others) in combinations(self.lines, 2):
            if not ends & others and _share_a_stretch(points, there):
                yield f"{name} and {other} lie on each other"

    def show(self, alt: str) -> None:
        """Display the diagram, with its alt text and the metadata key 'diagram'. ValueError where it has a fault."""
        faults = list(self.faults())
        if faults:
            raise ValueError(
                f"the diagram cannot be read: {'; '.join(map(plain, faults[:3]))}. Move a block (at=...), choose the "
                "sides of an arrow (out=..., into=...) or where it bends (bend=...)"
            )
        width = round(self.sheet.right * style.PIXELS)
        data, metadata = style.image_bundle(style.small_png(style.pixels_of(self.figure, SCALE)), alt, width)
        output.publish(data, metadata | {"diagram": True})


def _share_a_stretch(one: Sequence[Point], other: Sequence[Point]) -> bool:
    """Whether two lines of horizontal and vertical parts run along each other."""
    for axis in (0, 1):
        for (a, b), (c, d) in (
            (p, q) for p in zip(one, one[1:], strict=False) for q in zip(other, other[1:], strict=False)
        ):
            level = {round(point[axis], 2) for point in (a, b, c, d)}
            low, high = (sorted((p[1 - axis], q[1 - axis])) for p, q in ((a, b), (c, d)))
            if len(level) == 1 and min(low[1], high[1]) - max(low[0], high[0]) > 0.03:
                return True
    return False
