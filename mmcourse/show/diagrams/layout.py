"""Where the parts of a diagram stand: a grid whose columns and rows are as wide as what stands in them needs."""

import math
from collections.abc import Iterable, Sequence
from itertools import permutations

from mmcourse.show.diagrams.arrows import LABEL_GAP, Arrow
from mmcourse.show.diagrams.canvas import SMALL, Rect, measure
from mmcourse.show.diagrams.nodes import Node

GROUP_PAD, GROUP_LINE = 0.12, 0.21  # between a group's frame and its parts; its label
STRETCH = (0.6, 0.4)  # how far a stretched block exceeds its first and last anchor, together
PASSING = 0.14  # between a part and an arrow that passes
Need = tuple[float, float, float]


def distribute(coordinates: Iterable[float], needs: Iterable[Need]) -> dict[float, float]:
    """Positions in inches for grid coordinates, as near to one another as the needs allow.

    needs  (a, b, distance): b > a must lie at least so far from a. Coordinates between two whole numbers keep their
           proportion, so 0.5 is midway between 0 and 1 whatever the columns' widths.
    """
    coordinates = sorted(set(coordinates))
    first, last = math.floor(coordinates[0]), math.ceil(coordinates[-1])
    steps = dict.fromkeys(range(first, last), 0.0)

    def parts(a: float, b: float) -> dict[int, float]:
        """How much of each step lies between two coordinates."""
        fractions = {k: min(b, k + 1) - max(a, k) for k in steps}
        return {k: fraction for k, fraction in fractions.items() if fraction > 0}

    for a, b, distance in sorted(needs, key=lambda need: need[1] - need[0]):
        between = parts(a, b)
        missing = distance - sum(fraction * steps[k] for k, fraction in between.items())
        if missing > 0:
            total = sum(fraction**2 for fraction in between.values())
            for k, fraction in between.items():
                steps[k] += missing * fraction / total
    return {c: sum(fraction * steps[k] for k, fraction in parts(first, c).items()) for c in coordinates}


def arrange(
    nodes: dict[str, Node], arrows: Sequence[Arrow], groups: Sequence[frozenset[str]], gap: tuple[float, float]
) -> None:
    """Give every part its anchor in inches: columns first, then rows for what lies above one another.

    groups  the names in each group with a frame, which needs room; gap: the least distances, across and down
    """
    _make_room(nodes, arrows)
    for axis in (0, 1):
        needs = [
            (*node.span(axis), _reach(node, axis, False) + _reach(node, axis, True) - STRETCH[axis])
            for node in nodes.values()
            if node.span(axis)[0] < node.span(axis)[1]
        ]
        for one, other in permutations(nodes.values(), 2):
            if _in_line(one, other, axis):
                needs.append(_between(one, other, axis, gap, groups))
        for arrow in arrows:
            needs += _along(arrow, nodes, axis, gap) + _past(arrow, nodes, axis)
        at = distribute([c for node in nodes.values() for c in (*node.span(axis), node.middle(axis))], needs)
        for node in nodes.values():
            start, end = node.span(axis)
            setattr(node, "xy"[axis], (at[start] + at[end]) / 2)
            if end > start:
                reach = at[end] - at[start] + STRETCH[axis]
                node.stretch(*((reach, 2 * node.up) if axis == 0 else (2 * node.right, reach)))


def group_reach(label: str = "any") -> Rect:
    """How far a group's frame stands off its parts on each side."""
    return Rect(GROUP_PAD, GROUP_PAD + GROUP_LINE * bool(label), GROUP_PAD, GROUP_PAD)


def _make_room(nodes: dict[str, Node], arrows: Sequence[Arrow]) -> None:
    """Reserve room for detours beside the parts that they pass."""
    for node in nodes.values():
        node.reserve = Rect(0.0, 0.0, 0.0, 0.0)
    for arrow in arrows:
        if not arrow.detour:
            continue
        axis = 0 if arrow.detour in ("top", "bottom") else 1
        ends = [nodes[arrow.start], nodes[arrow.end]]
        low, high = sorted(end.middle(axis) for end in ends)
        room = arrow.lift + (measure(arrow.label, SMALL)[1 - axis] + LABEL_GAP) * bool(arrow.label) + 0.04
        for node in nodes.values():
            if low <= node.middle(axis) <= high and node.middle(1 - axis) in {end.middle(1 - axis) for end in ends}:
                kept = getattr(node.reserve, arrow.detour)
                node.reserve = node.reserve._replace(**{arrow.detour: max(kept, room)})


def _in_line(one: Node, other: Node, axis: int) -> bool:
    """Whether a part lies before another along an axis and would meet it: in one row; or above it, in inches."""
    ahead = other.span(axis)[0] - one.span(axis)[1]
    if ahead <= 0:
        return False
    if axis == 1:
        return one.rect.left < other.rect.right + 0.1 and other.rect.left < one.rect.right + 0.1
    (start, end), (other_start, other_end) = one.span(1), other.span(1)
    return max(start - other_end, other_start - end) < min(1, ahead + 0.01)


def _between(one: Node, other: Node, axis: int, gap: tuple[float, float], groups) -> Need:
    """The least distance of two parts: of their anchors, or of the facing ends of what is stretched."""
    room = one.reserve[axis + 2] + other.reserve[axis] + gap[axis]
    for members in groups:
        if (one.name in members) != (other.name in members):
            room += group_reach()[axis + 2 if one.name in members else axis]
    (_, end), (start, _) = one.span(axis), other.span(axis)
    ahead = _reach(one, axis, True) if one.span(axis)[0] == end else STRETCH[axis] / 2
    behind = _reach(other, axis, False) if other.span(axis)[1] == start else STRETCH[axis] / 2
    return (end, start, ahead + behind + room)


def _along(arrow: Arrow, nodes: dict[str, Node], axis: int, gap: tuple[float, float]) -> list[Need]:
    """The distance that an arrow, its label and its bends need between its ends."""
    start, end = nodes[arrow.start], nodes[arrow.end]
    if arrow.detour or start.middle(axis) == end.middle(axis):
        return []
    along = [(side in ("left", "right")) == (axis == 0) for side in arrow.sides(start, end)]
    if not any(along):
        return []
    label = measure(arrow.label, SMALL)[axis] + 0.2 if arrow.label else 0.0
    if axis == 1 and all(along) and start.middle(0) != end.middle(0):
        label *= 2  # over a stretch that lies half-way
    forward = end.middle(axis) > start.middle(axis)
    reach = along[0] * _reach(start, axis, forward) + along[1] * _reach(end, axis, not forward)
    return [(*sorted((start.middle(axis), end.middle(axis))), reach + max(gap[axis], label))]


def _past(arrow: Arrow, nodes: dict[str, Node], axis: int) -> list[Need]:
    """The distances of other parts from the stretches of an arrow that pass them."""
    start, end = nodes[arrow.start], nodes[arrow.end]
    if arrow.detour:
        return []
    legs = set()
    for node, side in zip((start, end), arrow.sides(start, end), strict=True):
        if (side in ("top", "bottom")) == (axis == 0):
            legs.add(node.middle(axis))
    low, high = sorted((start.middle(1 - axis), end.middle(1 - axis)))
    beside = measure(arrow.label, SMALL)[axis] + LABEL_GAP if arrow.label and axis == 0 and not arrow.side else 0.0
    needs = []
    for node in nodes.values():
        if node in (start, end) or not low < node.middle(1 - axis) < high:
            continue
        for leg in legs:
            if node.middle(axis) < leg:
                needs.append((node.middle(axis), leg, _reach(node, axis, True) + PASSING))
            elif node.middle(axis) > leg:
                needs.append((leg, node.middle(axis), _reach(node, axis, False) + PASSING + beside))
    return needs


def _reach(node: Node, axis: int, ahead: bool) -> float:
    """How far a part reaches from its anchor along an axis."""
    return ((node.left, node.right), (node.up, node.down))[axis][ahead]
