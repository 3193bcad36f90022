"""Draws a placed diagram: groups behind, parts, arrows, and a legend where some parts are trained and others not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmcourse.show import style
from mmcourse.show.diagrams.arrows import Arrow, align
from mmcourse.show.diagrams.canvas import SMALL, Canvas, Point, Rect, measure, mix
from mmcourse.show.diagrams.layout import group_reach
from mmcourse.show.diagrams.nodes import KINDS, LEGEND, QUIET, Block, Node

MARGIN = 0.12  # around the whole, inches
SWATCH, LEGEND_HIGH, LEGEND_GAP = 0.15, 0.28, 0.25  # the legend's squares, its row, between its entries
BEHIND = mix(style.FAINT, style.PAPER, 0.45)  # the colour of a group


@dataclass
class Group:
    """A frame around some parts, with a label on top."""

    label: str
    members: frozenset[str]


def draw(nodes: Mapping[str, Node], arrows: Sequence[Arrow], groups: Sequence[Group]) -> Canvas:
    """Draw parts that have their anchors; moves them by the sheet's margin."""
    routes = [arrow.route(nodes[arrow.start], nodes[arrow.end], nodes.values()) for arrow in arrows]
    align(arrows, routes)
    drawn = list(zip(arrows, routes, strict=True))
    groups = sorted(groups, key=lambda group: -len(group.members))
    frames = [_frame(group, groups, nodes, drawn) for group in groups]
    whole = _around([node.rect for node in nodes.values()] + frames + [r for pair in drawn for r in _covered(*pair)])
    dx, dy = MARGIN - whole.left, MARGIN - whole.top
    kinds = _legend(nodes)
    wide = max(whole.right + dx, MARGIN + sum(map(_legend_width, kinds)) - LEGEND_GAP) + MARGIN
    canvas = Canvas(wide, whole.bottom + dy + MARGIN + LEGEND_HIGH * bool(kinds))
    for group, frame in zip(groups, frames, strict=True):
        for name, node in nodes.items():
            if name not in group.members and frame.overlaps(node.rect):
                raise ValueError(f"block {name!r} stands in the frame of the group {group.label!r}, but is not in it")
        _draw_group(canvas, group.label, Rect(frame.left + dx, frame.top + dy, frame.right + dx, frame.bottom + dy))
    for node in nodes.values():
        node.x, node.y = node.x + dx, node.y + dy
        node.draw(canvas)
    for arrow, points in drawn:
        arrow.draw(canvas, [(x + dx, y + dy) for x, y in points])
    _draw_legend(canvas, kinds)
    return canvas


def _around(rects: Sequence[Rect]) -> Rect:
    whole = rects[0]
    for rect in rects[1:]:
        whole = whole.union(rect)
    return whole


def _covered(arrow: Arrow, points: Sequence[Point]) -> list[Rect]:
    """The corners of an arrow and the place of its label."""
    return [Rect(x, y, x, y) for x, y in points] + [arrow.label_rect(points)] * bool(arrow.label)


def _frame(group: Group, groups: Sequence[Group], nodes: Mapping[str, Node], drawn) -> Rect:
    """Around the parts of a group, the arrows between them and the groups within."""
    whole = _around(
        [nodes[name].rect for name in group.members]
        + [r for arrow, points in drawn if {arrow.start, arrow.end} <= group.members for r in _covered(arrow, points)]
        + [_frame(other, groups, nodes, drawn) for other in groups if other.members < group.members]
    )
    off = group_reach(group.label)
    frame = Rect(whole.left - off.left, whole.top - off.top, whole.right + off.right, whole.bottom + off.bottom)
    label, strip = measure(group.label, SMALL, "bold")[0] + 0.2, frame._replace(bottom=whole.top)
    entering = [  # the label must end before the first arrow that comes from above
        a[0] for _, points in drawn for a, b in zip(points, points[1:], strict=False) if strip.crossed_by(a, b)
    ]
    left = min([frame.left, *(x - label for x in entering if group.label and x - label < frame.left)])
    return frame._replace(left=left, right=max(frame.right, left + label))


def _draw_group(canvas: Canvas, label: str, frame: Rect) -> None:
    canvas.group(frame, BEHIND, QUIET)
    wide, high = measure(label, SMALL, "bold")
    canvas.text(frame.left + 0.1 + wide / 2, frame.top + 0.06 + high / 2, label, SMALL, "bold", QUIET, within=frame)


def _legend(nodes: Mapping[str, Node]) -> list[str]:
    """The kinds of blocks to be explained: where some have parameters to be trained and others do not."""
    kinds = {node.kind for node in nodes.values() if isinstance(node, Block)}
    return [kind for kind in LEGEND if kind in kinds] if len(kinds & set(LEGEND)) > 1 else []


def _legend_width(kind: str) -> float:
    return SWATCH + 0.06 + measure(LEGEND[kind], SMALL)[0] + LEGEND_GAP


def _draw_legend(canvas: Canvas, kinds: Sequence[str]) -> None:
    x, y = MARGIN, canvas.sheet.bottom - MARGIN - SWATCH
    for kind in kinds:
        fill, edge = KINDS[kind]
        canvas.box(Rect(x, y, x + SWATCH, y + SWATCH), kind, fill, edge, 1.2, 0.03, kind == "frozen")
        wide = measure(LEGEND[kind], SMALL)[0]
        canvas.text(x + SWATCH + 0.06 + wide / 2, y + SWATCH / 2, LEGEND[kind], SMALL, colour=QUIET)
        x += _legend_width(kind)
