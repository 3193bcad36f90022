"""A chain of blocks, with the shape of what each gives on the arrow behind it."""

from collections.abc import Sequence

from mmcourse.show.diagrams.canvas import WIDEST
from mmcourse.show.diagrams.diagram import Diagram
from mmcourse.show.diagrams.sheet import MARGIN

Step = str | tuple[str, str] | tuple[str, str, str]


def flow(steps: Sequence[Step], summary: str, columns: int | None = None, down: bool = False) -> None:
    """Display a chain of blocks from left to right, in further rows where one is too narrow, or `down`.

    steps    each a label, (label, shape) or (label, shape, kind): the shape is what the block gives, and stands on the
             arrow behind it. Kinds as in `Diagram.block`; unless given, the first is 'data' and others are 'layer'
    columns  blocks in a row; None: as many as fit
    """
    if len(steps) < 2:
        raise ValueError(f"flow got {len(steps)} steps; expected at least two blocks")
    tuples = [(step,) if isinstance(step, str) else tuple(step) for step in steps]
    for step in tuples:
        if not 1 <= len(step) <= 3:
            raise ValueError(f"flow got the step {step}; expected a label, (label, shape) or (label, shape, kind)")
    if down:
        return _chain(tuples, summary, 1).show()
    if columns is not None:
        return _chain(tuples, summary, columns).show()
    for rows in range(1, len(tuples) + 1):
        diagram = _chain(tuples, summary, -(-len(tuples) // rows))
        if diagram.width() <= WIDEST - 2 * MARGIN:
            break
    diagram.show()


def _chain(steps: Sequence[tuple], summary: str, columns: int) -> Diagram:
    diagram = Diagram(summary)
    last = len(steps) - 1
    for i, (label, *rest) in enumerate(steps):
        shape, kind = (*rest, *("", "data" if i == 0 else "layer")[len(rest) :])
        row, column = divmod(i, columns)
        diagram.block(f"{i}", at=(column, row), label=label, shape=shape if i == last else "", kind=kind)
    for i, step in enumerate(steps[:-1]):
        back = {"out": "bottom", "into": "top"} if columns > 1 and (i + 1) % columns == 0 else {}
        diagram.arrow(f"{i}", f"{i + 1}", step[1] if len(step) > 1 else "", **back)
    return diagram
