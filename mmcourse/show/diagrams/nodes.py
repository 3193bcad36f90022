"""The parts of a diagram: what they have in common, and labelled blocks; `grids` has those that are made of cells.

A part knows how far it reaches from its anchor, the point that the grid places and that arrows aim at; it draws itself
around that point.
"""

from mmcourse.show import style
from mmcourse.show.diagrams.canvas import SIZE, SMALL, Canvas, Point, Rect, measure, mix
from mmcourse.show.diagrams.words import plain

WHITE, QUIET = "#FFFFFF", "#55555F"


def _deep(name: str) -> str:
    """A colour of the palette, darkened until a line in it stands out from the paper."""
    return mix(style.PALETTE[name], style.INK, 0.75)


KINDS = {  # fill, edge
    "layer": (mix(style.PALETTE["sky"], WHITE, 0.35), _deep("blue")),
    "frozen": (mix(style.INK, WHITE, 0.10), QUIET),
    "data": (WHITE, style.INK),
    "operation": (mix(style.PALETTE["yellow"], WHITE, 0.35), mix(style.PALETTE["orange"], style.INK, 0.5)),
    "loss": (mix(style.PALETTE["vermillion"], WHITE, 0.20), _deep("vermillion")),
    "marked": (mix(style.PALETTE["purple"], WHITE, 0.35), mix(style.PALETTE["purple"], style.INK, 0.6)),
    "text": (style.PAPER, style.PAPER),
}
LEGEND = {"layer": "trained", "frozen": "not updated", "operation": "no parameters"}
ROUND = {"layer": 0.06, "frozen": 0.06, "operation": 0.12, "loss": 0.12}
PAD = 0.09  # between a block's edge and its text
BIG = 12.0  # points of an operator such as +


class Node:
    """A part of a diagram: reaches `left`, `up`, `right`, `down` inches from its anchor (x, y)."""

    left = up = right = down = 0.0
    x = y = 0.0
    at = until = (0.0, 0.0)  # column and row, the first and the last
    slides = False  # whether arrows may end beside the middle of a side

    def __init__(self, name: str, spoken: str):
        self.name, self.spoken = name, spoken
        self.reserve = Rect(0.0, 0.0, 0.0, 0.0)  # room for arrows that pass by, on each side

    def span(self, axis: int) -> tuple[float, float]:
        """The first and the last column (axis 0) or row (axis 1)."""
        return self.at[axis], self.until[axis]

    def middle(self, axis: int) -> float:
        """The column or row of the anchor."""
        return (self.at[axis] + self.until[axis]) / 2

    @property
    def rect(self) -> Rect:
        """All that the part covers."""
        return Rect(self.x - self.left, self.y - self.up, self.x + self.right, self.y + self.down)

    @property
    def body(self) -> Rect:
        """Where arrows end."""
        return self.rect

    def port(self, side: str) -> Point:
        """The point of a side at which an arrow starts or ends."""
        body = self.body
        return {
            "left": (body.left, self.y),
            "right": (body.right, self.y),
            "top": (self.x, body.top),
            "bottom": (self.x, body.bottom),
        }[side]

    def draw(self, canvas: Canvas) -> None:
        raise NotImplementedError


class Block(Node):
    """A box with a label and, in a second line, a shape. `taper` makes it a trapezoid: 1 narrows to the right, as an
    encoder does, -1 widens."""

    def __init__(self, name: str, label: str, shape: str = "", kind: str = "layer", taper: int = 0):
        if kind not in KINDS:
            raise ValueError(f"block {name!r} is of kind {kind!r}; expected one of {', '.join(KINDS)}")
        super().__init__(name, plain(f"{label} {shape}"))
        self.label, self.shape, self.kind, self.taper = label, shape, kind, taper
        # An operator such as + or σ is a circle.
        self.sign = kind == "operation" and not shape and len(label) <= 2
        self.size = BIG if self.sign else SIZE
        (wide, self.label_high), (shape_wide, self.shape_high) = measure(label, self.size), measure(shape, SMALL)
        high = self.label_high + (self.shape_high + 0.04 if shape else 0)
        pad = 0.0 if kind == "text" else PAD
        self.wide, self.high = max(wide, shape_wide) + 2 * pad, high + 2 * pad
        if self.sign:
            self.wide = self.high = max(0.27, wide + 0.1)
        elif kind != "text":
            self.wide, self.high = max(self.wide, 0.45), max(self.high, 0.4)
        self.taper_height = 0.16 * bool(taper)
        self.high += 2 * self.taper_height
        self.slides = not self.sign
        self.stretch(self.wide, self.high)

    def stretch(self, wide: float, high: float) -> None:
        """Make the block at least so wide and so high."""
        self.left = self.right = max(self.wide, wide) / 2
        self.up = self.down = max(self.high, high) / 2

    def port(self, side: str) -> Point:
        x, y = super().port(side)
        return x, y + self.taper_height / 2 * ((side == "top") - (side == "bottom"))

    def draw(self, canvas: Canvas) -> None:
        (fill, edge), rect = KINDS[self.kind], self.rect
        if self.kind == "text":
            canvas.boxes.append((self.name, rect))
        elif self.taper:
            taper_height = self.taper_height
            near, far = (0, taper_height) if self.taper > 0 else (taper_height, 0)
            corners = [
                (rect.left, rect.top + near), (rect.right, rect.top + far),
                (rect.right, rect.bottom - far), (rect.left, rect.bottom - near),
            ]  # fmt: skip
            canvas.trapezoid(corners, self.name, fill, edge, dashed=self.kind == "frozen")
        else:
            around = self.wide / 2 if self.sign else ROUND.get(self.kind, 0.0)
            canvas.box(rect, self.name, fill, edge, round_by=around, dashed=self.kind == "frozen")
        inner = rect if self.sign or self.kind == "text" else rect.grown(-0.03)
        inner = inner._replace(top=inner.top + self.taper_height / 2, bottom=inner.bottom - self.taper_height / 2)
        total = self.label_high + (self.shape_high + 0.04 if self.shape else 0)
        top = self.y - total / 2
        label_y = top + self.label_high / 2
        canvas.text(self.x, label_y, self.label, self.size, within=inner)
        canvas.text(self.x, top + total - self.shape_high / 2, self.shape, SMALL, colour=QUIET, within=inner)


class Dot(Node):
    """The point at which an arrow branches."""

    left = up = right = down = 0.045

    def draw(self, canvas: Canvas) -> None:
        canvas.box(self.rect, self.name, style.INK, style.INK, 0.0, round_by=self.left)


def middle(rect: Rect) -> Point:
    """The centre of a rectangle."""
    return (rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2
