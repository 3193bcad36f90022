"""Columns of small boxes with straight arrows between them: the states of a lattice, the hypotheses of a search."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from mmcourse.show.diagrams.canvas import SIZE, SMALL, Canvas, Rect, measure
from mmcourse.show.diagrams.nodes import KINDS, QUIET, middle
from mmcourse.show.diagrams.sheet import MARGIN

GAP = (0.5, 0.1)  # between boxes side by side and one above the other, inches
TITLE = 0.3  # the row of the columns' titles


@dataclass
class Box:
    """A box in a column: a text, a note below it, a kind as in `Diagram.block`, and the row that it stands in."""

    text: str
    note: str = ""
    kind: str = "data"
    row: float = 0.0


@dataclass
class Layers:
    """Columns of boxes by name, and links (start, end, strong): strong ones are drawn dark.

    titles  one for each column, of one line or more; row_titles: one for each row, to the left
    """

    columns: list[dict[Hashable, Box]]
    links: list[tuple[Hashable, Hashable, bool]] = field(default_factory=list)
    titles: Sequence[str] = ()
    row_titles: Sequence[str] = ()
    gap: tuple[float, float] = GAP

    def __post_init__(self):
        boxes = [box for column in self.columns for box in column.values()]
        sizes = [_size(box) for box in boxes]
        self.wide = [max(_size(box)[0] for box in column.values()) for column in self.columns]
        for i, title in enumerate(self.titles):
            self.wide[i] = max(self.wide[i], measure(title, SMALL)[0])
        self.high = max(high for _, high in sizes)
        self.rows = max(box.row for box in boxes)
        self.beside = max((measure(title, SIZE, "bold")[0] + 0.15 for title in self.row_titles), default=0.0)
        line = measure("x", SMALL)[1]
        self.above = TITLE + max(title.count("\n") for title in self.titles) * line if self.titles else 0.0

    @property
    def size(self) -> tuple[float, float]:
        """Inches that the columns take, with their titles."""
        across, down = self.gap
        wide = self.beside + sum(self.wide) + across * (len(self.wide) - 1)
        return wide, self.above + self.high + self.rows * (self.high + down)

    def draw(self, canvas: Canvas, left: float = MARGIN, top: float = MARGIN) -> dict[Hashable, Rect]:
        """Draw everything with its upper left corner at a point.   -> where each box stands"""
        rects, x = {}, left + self.beside
        step = self.high + self.gap[1]
        for i, (column, wide) in enumerate(zip(self.columns, self.wide, strict=True)):
            if self.titles:
                below = self.titles[i].count("\n") * measure("x", SMALL)[1]
                canvas.text(x + wide / 2, top + 0.1 + below / 2, self.titles[i], SMALL, colour=QUIET)
            for name, box in column.items():
                y = top + self.above + box.row * step
                rects[name] = Rect(x, y, x + wide, y + self.high)
                write_box(canvas, rects[name], box, str(name))
            x += wide + self.gap[0]
        for row, title in enumerate(self.row_titles):
            y = top + self.above + row * step + self.high / 2
            canvas.text(left + (self.beside - 0.15) / 2, y, title, SIZE, "bold")
        for start, end, strong in self.links:
            a, b = rects[start], rects[end]
            points = [(a.right, middle(a)[1]), (b.left, middle(b)[1])]
            colour, dashes = (QUIET, (0, (1, 2))) if not strong else (KINDS["data"][1], "-")
            canvas.line(points, f"the arrow from {start} to {end}", (str(start), str(end)), colour, dashes, head=strong)
        return rects


def write_box(canvas: Canvas, rect: Rect, box: Box, name: str) -> None:
    """A box with its text, and its note below."""
    fill, edge = KINDS[box.kind]
    canvas.box(rect, name, fill, edge, 1.2, 0.05, dashed=box.kind == "frozen")
    x, y = middle(rect)
    note_high = measure(box.note, SMALL)[1]
    canvas.text(x, y - note_high / 2, box.text, SIZE, within=rect)
    canvas.text(x, y + measure(box.text, SIZE)[1] / 2, box.note, SMALL, colour=QUIET, within=rect)


def _size(box: Box) -> tuple[float, float]:
    (wide, high), (note_wide, note_high) = measure(box.text, SIZE), measure(box.note, SMALL)
    return max(wide, note_wide, 0.3) + 0.16, high + note_high + 0.12
