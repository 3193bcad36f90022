"""Arrows between parts of a diagram: horizontal and vertical stretches that follow from the sides where they end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmcourse.show import style
from mmcourse.show.diagrams.canvas import HEAD, SMALL, Canvas, Point, Rect, measure, mix
from mmcourse.show.diagrams.nodes import QUIET, Node

SIDES = ("left", "top", "right", "bottom")
OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
ARROWS = {  # colour, dashes, arrow head
    "forward": (style.INK, "-", True),
    "gradient": (mix(style.PALETTE["vermillion"], style.INK, 0.8), (0, (4, 2)), True),
    "shared": (QUIET, (0, (1, 1.5)), False),
}
LABEL_GAP = 0.06
TAP = 0.11  # how far behind a block a residual connection branches off


@dataclass
class Arrow:
    """From one part to another: label, kind, sides, where a bend lies between 0 and 1, how far a detour stands off."""

    start: str
    end: str
    label: str = ""
    kind: str = "forward"
    out: str | None = None
    into: str | None = None
    bend: float = 0.5
    lift: float = 0.2
    side: str = ""
    tap: bool = False
    head: bool = True

    def __post_init__(self):
        where = f"the arrow from {self.start!r} to {self.end!r}"
        if self.kind not in ARROWS:
            raise ValueError(f"{where} is of kind {self.kind!r}; expected one of {', '.join(ARROWS)}")
        for side in (self.out, self.into):
            if side not in (None, *SIDES):
                raise ValueError(f"{where} has the side {side!r}; expected one of {', '.join(SIDES)}")
        if self.side not in ("", *SIDES):
            raise ValueError(f"{where} has its label on the side {self.side!r}; expected one of {', '.join(SIDES)}")

    @property
    def detour(self) -> str | None:
        """The side on which the arrow leaves and arrives, if it is the same: a residual connection."""
        return self.out if self.out and self.out == self.into else None

    @property
    def name(self) -> str:
        return f"the arrow from {self.start!r} to {self.end!r}"

    def route(self, a: Node, b: Node, others: Iterable[Node]) -> list[Point]:
        """The corners of the line from a to b."""
        out, into = self.sides(a, b)
        if self.detour:
            return self._around(a, b, out, others)
        if into != OPPOSITE[out]:
            (x, y), (to_x, to_y) = a.port(out), b.port(into)
            if (out in ("left", "right")) == (into in ("left", "right")):
                raise ValueError(f"{self.name} leaves on the {out} and arrives on the {into}; expected sides that meet")
            if out in ("left", "right"):
                if (to_x - x) * (1 if out == "right" else -1) < 0:  # b lies behind: around a corner of a
                    away, half = x + (self.lift if out == "right" else -self.lift), y + self.bend * (to_y - y)
                    return [(x, y), (away, y), (away, half), (to_x, half), (to_x, to_y)]
                return [(x, y), (to_x, y), (to_x, to_y)]
            return [(x, y), (x, to_y), (to_x, to_y)]
        return self._across(a, b, out, into)

    def sides(self, a: Node, b: Node) -> tuple[str, str]:
        """Where the arrow leaves and arrives: as given, or as the two parts stand to each other on the grid."""
        if self.out and self.into:
            return self.out, self.into
        if self.out:
            return self.out, OPPOSITE[self.out]
        if self.into:
            return OPPOSITE[self.into], self.into
        across, down = (max(a.span(axis)[0] - b.span(axis)[1], b.span(axis)[0] - a.span(axis)[1]) for axis in (0, 1))
        back = b.middle(0) < a.middle(0)
        if down >= 1 and (across < 1 or back) or across <= 0:
            out = "bottom" if b.middle(1) > a.middle(1) else "top"
        else:
            out = "left" if back else "right"
        return out, OPPOSITE[out]

    def _across(self, a: Node, b: Node, out: str, into: str) -> list[Point]:
        """Straight where a level meets both, else with two bends between them."""
        start, end = a.port(out), b.port(into)
        flat = out in ("left", "right")
        axis = 1 if flat else 0
        for level, other in ((start[axis], b), (end[axis], a)):
            low, high = (other.body.top, other.body.bottom) if flat else (other.body.left, other.body.right)
            if abs(start[axis] - end[axis]) < 0.005 or (other.slides and low + 0.06 < level < high - 0.06):
                return [(start[0], level), (end[0], level)] if flat else [(level, start[1]), (level, end[1])]
        if flat:
            middle = start[0] + self.bend * (end[0] - start[0])
            return [start, (middle, start[1]), (middle, end[1]), end]
        middle = start[1] + self.bend * (end[1] - start[1])
        return [start, (start[0], middle), (end[0], middle), end]

    def _around(self, a: Node, b: Node, side: str, others: Iterable[Node]) -> list[Point]:
        """Out, along all that stands between, and back. It branches off just behind a, so it may have company there."""
        axis = 0 if side in ("top", "bottom") else 1
        start, end = a.port(side), b.port(side)
        if self.tap:
            ahead = 1 if end[axis] > start[axis] else -1
            edge = a.body[axis + 2 if ahead > 0 else axis] + ahead * TAP
            start = (edge, a.y) if axis == 0 else (a.x, edge)
        low, high = sorted((start[axis], end[axis]))
        level = SIDES.index(side)
        rects = [node.rect for node in others if node.rect[axis] < high and node.rect[axis + 2] > low]
        levels = [rect[level] for rect in rects if self._beside(rect, a, b, axis)] + [a.rect[level], b.rect[level]]
        away = min(levels) - self.lift if side in ("left", "top") else max(levels) + self.lift
        if axis == 0:
            return [start, (start[0], away), (end[0], away), end]
        return [start, (away, start[1]), (away, end[1]), end]

    def _beside(self, rect: Rect, a: Node, b: Node, axis: int) -> bool:
        """Whether something stands in the row (axis 0) or column (axis 1) of the arrow's ends."""
        low, high = min(a.rect[1 - axis], b.rect[1 - axis]), max(a.rect[3 - axis], b.rect[3 - axis])
        return rect[1 - axis] < high and rect[3 - axis] > low

    def label_at(self, points: Sequence[Point]) -> Point:
        """The middle of the label: over the longest horizontal stretch that is wide enough, else beside a vertical."""
        wide, high = measure(self.label, SMALL)
        parts = list(zip(points, points[1:], strict=False))
        flat = [part for part in parts if part[0][1] == part[1][1]]
        best = max(flat, key=lambda part: abs(part[0][0] - part[1][0]), default=None)
        tall = [part for part in parts if part[0][1] != part[1][1]]
        if best and self.side in ("", "top", "bottom") and (abs(best[0][0] - best[1][0]) >= wide or not tall):
            above = -1 if self.side != "bottom" else 1
            ahead = HEAD / 2 if best == parts[-1] and ARROWS[self.kind][2] else 0.0
            ahead = ahead if best[1][0] > best[0][0] else -ahead
            return (best[0][0] + best[1][0]) / 2 - ahead, best[0][1] + above * (LABEL_GAP + high / 2)
        (x, y), (_, to_y) = max(tall or parts, key=lambda part: abs(part[0][1] - part[1][1]))
        beside = -1 if self.side == "left" else 1
        return x + beside * (LABEL_GAP + wide / 2), (y + to_y) / 2

    def label_rect(self, points: Sequence[Point]) -> Rect:
        (x, y), (wide, high) = self.label_at(points), measure(self.label, SMALL)
        return Rect(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)

    def draw(self, canvas: Canvas, points: Sequence[Point]) -> None:
        colour, dashes, head = ARROWS[self.kind]
        canvas.line(points, self.name, (self.start, self.end), colour, dashes, head and self.head)
        if self.tap:
            x, y = points[0]
            canvas.frame(Rect(x, y, x, y).grown(0.035), colour, colour, 0.0, 0.035, zorder=4)
        if self.label:
            canvas.text(*self.label_at(points), self.label, SMALL, colour=colour)


def align(arrows: Sequence[Arrow], routes: Sequence[list[Point]]) -> None:
    """Bend arrows that leave one part, or reach one, at the same place; changes the routes."""
    for end in ("start", "end"):
        fans: dict[tuple, list[list[Point]]] = {}
        for arrow, points in zip(arrows, routes, strict=True):
            if len(points) == 4 and not arrow.detour:
                axis = 0 if points[0][1] == points[1][1] else 1
                ahead = points[-1][axis] > points[0][axis]
                fans.setdefault((getattr(arrow, end), axis, ahead, arrow.bend), []).append(points)
        for (_, axis, ahead, _), fan in fans.items():
            nearest = min if (end == "start") == ahead else max
            level = nearest(points[1][axis] for points in fan)
            for points in fan:
                for i in (1, 2):
                    points[i] = (level, points[i][1]) if axis == 0 else (points[i][0], level)
