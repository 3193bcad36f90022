"""Parts of a diagram that are made of cells: strips of tokens, matrices, stacks of feature maps."""

import math
from collections.abc import Collection, Sequence

import numpy as np

from mmcourse.show import style
from mmcourse.show.diagrams.canvas import SIZE, SMALL, Canvas, Point, Rect, measure, mix
from mmcourse.show.diagrams.nodes import KINDS, QUIET, WHITE, Node, middle
from mmcourse.show.diagrams.words import plain


class Strip(Node):
    """Cells side by side with a text each, such as the tokens of a sentence; `marked` ones are coloured."""

    slides = True

    def __init__(
        self, name: str, cells: Sequence[str], marked: Collection[int] = (), spoken: str = "", cell: float = 0.0
    ):
        cells = [str(cell) for cell in cells]
        if not cells:
            raise ValueError(f"strip {name!r} has no cells; expected at least one text")
        if any(not 0 <= i < len(cells) for i in marked):
            raise ValueError(f"strip {name!r} marks cells {sorted(marked)}; it has cells 0 to {len(cells) - 1}")
        super().__init__(name, plain(spoken or " ".join(cells)))
        self.cells, self.marked = cells, frozenset(marked)
        self.widths = [max(measure(text)[0] + 0.14, cell, 0.26) for text in cells]
        self.left = self.right = sum(self.widths) / 2
        self.up = self.down = max(0.28, cell, *(measure(text)[1] + 0.1 for text in cells)) / 2

    def cell(self, i: int) -> Rect:
        """Where one cell stands."""
        start = self.x - self.left + sum(self.widths[:i])
        return Rect(start, self.y - self.up, start + self.widths[i], self.y + self.down)

    def draw(self, canvas: Canvas) -> None:
        canvas.boxes.append((self.name, self.rect))
        for i, text in enumerate(self.cells):
            fill, edge = KINDS["marked" if i in self.marked else "data"]
            canvas.frame(self.cell(i), fill, edge, 1.2, zorder=4 if i in self.marked else 3)
            canvas.text(*middle(self.cell(i)), text, within=self.cell(i))


class Grid(Node):
    """A matrix of cells: True or False, or numbers from 0 to 1 that are written where `texts` says so.

    `rows` and `columns` name them, `row_title` and `column_title` the axes; `title` stands above. True is dark.
    """

    def __init__(
        self,
        name: str,
        cells,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        title: str = "",
        row_title: str = "",
        column_title: str = "",
        texts: Sequence[Sequence[str]] | None = None,
        cell: float = 0.3,
        spoken: str = "",
    ):
        self.cells = np.asarray(cells)
        if self.cells.ndim != 2 or 0 in self.cells.shape:
            raise ValueError(f"grid {name!r} has shape {self.cells.shape}; expected (rows, columns), none of them 0")
        for names, count, axis in ((rows, self.cells.shape[0], "rows"), (columns, self.cells.shape[1], "columns")):
            if len(names) not in (0, count):
                raise ValueError(f"grid {name!r} has {count} {axis} and {len(names)} names for them; expected as many")
        super().__init__(name, plain(spoken or title or name))
        self.rows, self.columns, self.title, self.texts = list(rows), list(columns), title, texts
        self.row_title, self.column_title = row_title, column_title
        written = [measure(text, SMALL)[0] + 0.08 for row in texts or () for text in row]
        self.cell = max(cell, *written, 0.0)
        self.turned = max((measure(text, SMALL)[0] for text in self.columns), default=0) > self.cell - 0.04
        self.beside = max((measure(text, SMALL)[0] for text in self.rows), default=-0.07) + 0.07
        self.above = max((measure(text, SMALL)[0 if self.turned else 1] for text in self.columns), default=-0.07) + 0.07
        high, wide = (count * self.cell / 2 for count in self.cells.shape)
        self.left = wide + self.beside + 0.2 * bool(row_title)
        self.right = max(wide, measure(title, SIZE)[0] - self.left)
        self.up, self.down = high + self.above + 0.2 * bool(column_title) + 0.27 * bool(title), high

    @property
    def body(self) -> Rect:
        high, wide = (count * self.cell / 2 for count in self.cells.shape)
        return Rect(self.x - wide, self.y - high, self.x + wide, self.y + high)

    def port(self, side: str) -> Point:
        x, y = super().port(side)
        return (self.rect.left if side == "left" else x), (self.rect.top if side == "top" else y)

    def draw(self, canvas: Canvas) -> None:
        body, holder = self.body, self.rect.grown(0.02)
        canvas.boxes.append((self.name, body))
        dark = mix(style.PALETTE["blue"], style.INK, 0.85)
        for i, row in enumerate(self.cells):
            for j, value in enumerate(row):
                corner = (body.left + j * self.cell, body.top + i * self.cell)
                square = Rect(*corner, corner[0] + self.cell, corner[1] + self.cell)
                fraction = float(value)
                canvas.frame(square, mix(dark, WHITE, fraction), mix(style.INK, WHITE, 0.45), 0.8, zorder=3)
                if self.texts:
                    colour = WHITE if fraction > 0.5 else style.INK
                    canvas.text(*middle(square), self.texts[i][j], SMALL, colour=colour, within=square)
        for i, text in enumerate(self.rows):
            at = body.left - 0.07 - measure(text, SMALL)[0] / 2
            canvas.text(at, body.top + (i + 0.5) * self.cell, text, SMALL, within=holder)
        for j, text in enumerate(self.columns):
            at = body.top - 0.06 - measure(text, SMALL)[0 if self.turned else 1] / 2
            canvas.text(body.left + (j + 0.5) * self.cell, at, text, SMALL, within=holder, turned=self.turned)
        canvas.text(body.left - self.beside - 0.11, self.y, self.row_title, SMALL, colour=QUIET, turned=True)
        canvas.text(self.x, body.top - self.above - 0.11, self.column_title, SMALL, colour=QUIET)
        title_at = self.x - self.left + measure(self.title, SIZE, "bold")[0] / 2
        canvas.text(title_at, self.y - self.up + 0.1, self.title, SIZE, "bold")


class Maps(Node):
    """A stack of feature maps of shape (channels, height, width): the more channels, the more sheets."""

    def __init__(self, name: str, shape: tuple[int, int, int], label: str = "", kind: str = "data", side: float = 0.0):
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"maps {name!r} have shape {tuple(shape)}; expected (channels, height, width), from 1 on")
        channels, height, width = shape
        self.size_text = f"{channels} × {height} × {width}"
        super().__init__(name, plain(f"{label} {self.size_text}"))
        self.label, self.kind = label, kind
        side = side or 0.16 + 0.16 * math.log2(max(height, width))
        self.face = side * width / max(height, width), side * height / max(height, width)
        self.sheets = max(min(channels, 3), round(math.log2(channels)))
        self.step = 0.035
        depth = (self.sheets - 1) * self.step
        self.half = (self.face[0] + depth) / 2, (self.face[1] + depth) / 2
        texts = [measure(self.size_text, SMALL), measure(label, SIZE)]
        self.left = self.right = max(self.half[0], *(wide / 2 for wide, _ in texts))
        self.up = self.half[1]
        self.down = self.half[1] + 0.05 + sum(high + 0.04 for _, high in texts if high)

    @property
    def body(self) -> Rect:
        return Rect(self.x - self.half[0], self.y - self.half[1], self.x + self.half[0], self.y + self.half[1])

    def draw(self, canvas: Canvas) -> None:
        body, (fill, edge) = self.body, KINDS[self.kind]
        canvas.boxes.append((self.name, body))
        for sheet in range(self.sheets):
            left = body.right - self.face[0] - sheet * self.step
            top = body.top + sheet * self.step
            rect = Rect(left, top, left + self.face[0], top + self.face[1])
            canvas.frame(rect, fill, edge, 1.0, zorder=3)
        at = body.bottom + 0.05
        for text, size, colour in ((self.label, SIZE, style.INK), (self.size_text, SMALL, QUIET)):
            high = measure(text, size)[1]
            canvas.text(self.x, at + high / 2, text, size, colour=colour, within=self.rect.grown(0.02))
            at += high + 0.04 if text else 0
