"""A tree that grows to the right, such as the hypotheses of a beam search."""

from collections.abc import Sequence
from typing import NamedTuple

from mmcourse.show.diagrams.diagram import Diagram


class Branch(NamedTuple):
    """A node of a tree: its text, a note below it such as a score, what follows, and whether it was pruned."""

    text: str
    note: str = ""
    children: Sequence["Branch"] = ()
    pruned: bool = False


def tree(root: Branch, summary: str) -> None:
    """Display a tree from left to right; pruned branches are grey with a dashed edge.

    tree(Branch("a", children=[Branch("red", "-1.1"), Branch("big", "-1.6", pruned=True)]), "Two hypotheses.")
    """
    if not isinstance(root, Branch):
        raise TypeError(f"the root is a {type(root).__name__}; expected a Branch")
    diagram = Diagram(summary, gap=(0.35, 0.12))
    _grow(diagram, root, "0", 0, 0)
    diagram.show()


def _grow(diagram: Diagram, branch: Branch, name: str, depth: int, row: float) -> float:
    """Add a branch and all that follows it; the first leaf stands in `row`.   -> the row behind the last leaf"""
    first, middles = row, []
    for i, child in enumerate(branch.children):
        start = row
        row = _grow(diagram, child, f"{name}.{i}", depth + 1, row)
        middles.append(diagram.nodes[f"{name}.{i}"].at[1] if row > start else start)
    row = row if branch.children else first + 1
    at = (middles[0] + middles[-1]) / 2 if middles else first
    note = ", ".join(filter(None, (branch.note, "pruned" * branch.pruned)))
    diagram.block(name, at=(depth, at), label=branch.text, shape=note, kind="frozen" if branch.pruned else "data")
    for i in range(len(branch.children)):
        diagram.arrow(name, f"{name}.{i}")
    return row
