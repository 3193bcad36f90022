"""Diagram: named parts on a grid, arrows between them, groups around them; it places, checks and displays itself.

    diagram = Diagram("An encoder and a classifier.")
    diagram.block("x", at=(0, 0), label="images", shape="(B, 3, H, W)", kind="data")
    diagram.block("encoder", at=(1, 0))
    diagram.arrow("x", "encoder")
    diagram.show()

`at` is a column and a row, counted from the upper left; columns and rows become as wide as their parts need, and
fractions stand between them. Where text would not fit or an arrow would cross a block, `show` raises ValueError.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from mmcourse.show.diagrams.arrows import Arrow
from mmcourse.show.diagrams.canvas import Canvas, TooWide
from mmcourse.show.diagrams.grids import Grid, Maps, Strip
from mmcourse.show.diagrams.layout import arrange
from mmcourse.show.diagrams.nodes import Block, Dot, Node
from mmcourse.show.diagrams.sheet import Group, draw
from mmcourse.show.diagrams.words import plain

CLOSER = 0.7  # of the gap between columns, where a diagram would be too wide


class Diagram:
    """A diagram with a summary, one sentence that begins its alt text.

    gap  the least distance in inches between parts side by side and one above the other; the first shrinks where the
         diagram would be too wide for a notebook
    """

    def __init__(self, summary: str, gap: tuple[float, float] = (0.3, 0.3)):
        if not summary.strip():
            raise ValueError("summary is empty; expected a sentence that says what the diagram shows")
        self.summary, self.gap = summary.strip(), gap
        self.nodes: dict[str, Node] = {}
        self.arrows: list[Arrow] = []
        self.groups: list[Group] = []

    def block(
        self,
        name: str,
        at: tuple[float, float],
        label: str | None = None,
        shape: str = "",
        kind: str = "layer",
        until: tuple[float, float] | None = None,
        taper: int = 0,
    ) -> None:
        """A labelled block; the label is the name unless given.

        kind   'layer' (trained), 'frozen', 'data', 'operation' (no parameters; one sign such as + is a circle),
               'loss', 'text' (no frame)
        until  the grid position up to which the block reaches, down or to the right
        taper  1 narrows to the right as an encoder does, -1 widens
        """
        self._add(Block(name, name if label is None else label, shape, kind, taper), at, until)

    def strip(self, name: str, at: tuple[float, float], cells: Sequence[str], marked: Collection[int] = ()) -> None:
        """Cells side by side with a text each, such as tokens; the `marked` ones are coloured."""
        self._add(Strip(name, cells, marked), at)

    def grid(self, name: str, at: tuple[float, float], cells, **options) -> None:
        """A matrix (rows, columns) of truth values or numbers from 0 to 1; options as those of `grids.Grid`."""
        self._add(Grid(name, cells, **options), at)

    def maps(self, name: str, at: tuple[float, float], shape: tuple[int, int, int], label: str = "") -> None:
        """A stack of feature maps of shape (channels, height, width)."""
        self._add(Maps(name, shape, label), at)

    def dot(self, name: str, at: tuple[float, float]) -> None:
        """A point at which an arrow branches."""
        self._add(Dot(name, ""), at)

    def arrow(self, start: str, end: str, label: str = "", **options) -> None:
        """An arrow between two parts.

        kind       'forward', 'gradient' (dashed) or 'shared' (dotted, no head: the same weights)
        out, into  sides where it leaves and arrives: 'left', 'right', 'top', 'bottom'; twice the same: a detour around
                   what stands between, as a residual connection; None: as the two stand to each other
        bend       where a bend lies on the way, from 0 (at the start) to 1; lift: how far a detour stands off
        tap        a detour branches off the arrow that leaves `start` forwards, as a residual connection does
        side       where the label stands: 'top' or 'bottom' of a horizontal stretch, 'right' or 'left' of a vertical
        """
        for name in (start, end):
            if name not in self.nodes:
                known = ", ".join(map(repr, self.nodes)) or "none yet"
                raise ValueError(f"there is no block {name!r} for an arrow; the blocks are {known}")
        if start == end:
            raise ValueError(f"an arrow from {start!r} to itself; expected two blocks")
        self.arrows.append(Arrow(start, end, label, **options, head=not isinstance(self.nodes[end], Dot)))

    def path(self, *names: str) -> None:
        """An arrow from each named part to the next."""
        if len(names) < 2:
            raise ValueError(f"a path of {len(names)} blocks; expected at least two names")
        for start, end in zip(names, names[1:], strict=False):
            self.arrow(start, end)

    def group(self, label: str, *names: str) -> None:
        """A frame around some parts, with a label such as '× 6'."""
        unknown = [name for name in names if name not in self.nodes]
        if unknown or not names:
            raise ValueError(f"group {label!r} has unknown blocks {unknown}; the blocks are {list(self.nodes)}")
        self.groups.append(Group(label, frozenset(names)))

    def alt(self) -> str:
        """The summary, then the structure in words: 'tokens (B, T) to embedding (B, T, D) to ...'."""
        met: set[str] = set()

        def spoken(name: str) -> str:
            node = self.nodes[name]
            text = plain(node.label) if name in met and isinstance(node, Block) else node.spoken
            met.add(name)
            return text or name

        left, chains = self._without_dots(), []
        while left:
            arrow = next((a for a in left if all(other.end != a.start for other in left)), left[0])
            chain = spoken(arrow.start)
            while arrow:
                left.remove(arrow)
                word = {"forward": "to", "gradient": "gradient to", "shared": "same as"}[arrow.kind]
                note = plain(arrow.label)
                note = f" {note}" if note.startswith("(") else f" ({note})" * bool(note)
                chain += f"{note} {word} {spoken(arrow.end)}"
                arrow = next((a for a in left if a.start == arrow.end), None)
            chains.append(chain)
        chains += [spoken(name) for name, node in self.nodes.items() if name not in met and node.spoken]
        for group in self.groups:
            members = [node.spoken for name, node in self.nodes.items() if name in group.members and node.spoken]
            chains.append(f"{plain(group.label) or 'group'}: {', '.join(members)}")
        return f"{self.summary} Diagram: {'; '.join(chains)}."

    def show(self) -> None:
        """Place everything, check it, display it. ValueError where it cannot be read."""
        self.drawn().show(self.alt())

    def drawn(self) -> Canvas:
        """Everything on a sheet of its own size."""
        if not self.nodes:
            raise ValueError("the diagram is empty; expected at least one block")
        try:
            return self._drawn(1.0)
        except TooWide:
            return self._drawn(CLOSER)

    def width(self) -> float:
        """Inches from the leftmost to the rightmost part, as placed."""
        self._arrange()
        rects = [node.rect for node in self.nodes.values()]
        return max(rect.right for rect in rects) - min(rect.left for rect in rects)

    def _drawn(self, closer: float) -> Canvas:
        self._arrange(closer)
        return draw(self.nodes, self.arrows, self.groups)

    def _arrange(self, closer: float = 1.0) -> None:
        gap = (closer * self.gap[0], self.gap[1])
        arrange(self.nodes, self.arrows, [group.members for group in self.groups], gap)

    def _add(self, node: Node, at: tuple[float, float], until: tuple[float, float] | None = None) -> None:
        if node.name in self.nodes:
            raise ValueError(f"there is already a block {node.name!r}; expected a new name (label=... may repeat)")
        until = at if until is None else until
        for spot in (at, until):
            if not isinstance(spot, Sequence) or len(spot) != 2:
                raise ValueError(f"block {node.name!r} is at {spot}; expected a column and a row, such as (0, 1)")
        if until[0] < at[0] or until[1] < at[1]:
            raise ValueError(f"block {node.name!r} reaches from {at} back to {until}; expected at <= until")
        node.at, node.until = tuple(at), tuple(until)
        self.nodes[node.name] = node

    def _without_dots(self) -> list[Arrow]:
        """The arrows, each from the part where it comes from: dots are where they branch, and nothing by themselves."""
        source = {a.end: a for a in self.arrows if isinstance(self.nodes[a.end], Dot)}
        return [
            replace(a, start=source[a.start].start, label=a.label or source[a.start].label) if a.start in source else a
            for a in self.arrows
            if a.end not in source
        ]
