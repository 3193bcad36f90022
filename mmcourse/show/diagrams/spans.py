"""Rows of cells over the same frames, each cell as wide as its frames: what belongs to what is joined by arrows."""

from collections.abc import Sequence
from typing import NamedTuple

from mmcourse.show.diagrams.canvas import SIZE, Canvas, Rect, measure
from mmcourse.show.diagrams.layers import Box, write_box
from mmcourse.show.diagrams.nodes import QUIET, middle
from mmcourse.show.diagrams.sheet import MARGIN

DOWN = 0.62  # from one row to the next, inches
HIGH = 0.32


class Span(NamedTuple):
    """A cell from frame `first` up to `end`, which it does not include; a kind as in `Diagram.block`."""

    label: str
    first: int
    end: int
    kind: str = "data"


def span_rows(rows: dict[str, Sequence[Span] | str], cell: float = HIGH) -> Canvas:
    """Draw rows by title, from above; a text instead of cells is written in bold.   -> the sheet, not yet displayed

    cell  width of a frame in inches, at least that of the labels
    """
    spans = [span for row in rows.values() if not isinstance(row, str) for span in row]
    cell = max(cell, *((measure(span.label)[0] + 0.12) / (span.end - span.first) for span in spans))
    frames = max(span.end for span in spans)
    texts = [measure(row, SIZE, "bold")[0] for row in rows.values() if isinstance(row, str)]
    beside = max(measure(title, SIZE)[0] for title in rows) + 0.25
    canvas = Canvas(2 * MARGIN + beside + max(cell * frames, *texts, 0), 2 * MARGIN + HIGH + DOWN * (len(rows) - 1))
    above: list[tuple[str, Rect]] = []
    for i, (title, row) in enumerate(rows.items()):
        y = MARGIN + HIGH / 2 + i * DOWN
        canvas.text(MARGIN + measure(title, SIZE)[0] / 2, y, title)
        if isinstance(row, str):
            canvas.text(MARGIN + beside + measure(row, SIZE, "bold")[0] / 2, y, row, SIZE, "bold")
            continue
        here = []
        for span in row:
            left = MARGIN + beside
            rect = Rect(left + cell * span.first, y - HIGH / 2, left + cell * span.end, y + HIGH / 2).grown(-0.02)
            name = f"{title}, {span.label}, frame {span.first + 1}"
            write_box(canvas, rect, Box(span.label, kind=span.kind), name)
            here.append((name, rect))
        for upper, there in above:
            for lower, rect in here:
                if there.left < rect.right and rect.left < there.right:
                    x = middle(min(there, rect, key=lambda r: r.right - r.left))[0]  # of the narrower one
                    canvas.line([(x, there.bottom), (x, rect.top)], lower, (upper, lower), QUIET)
        above = here
    return canvas
