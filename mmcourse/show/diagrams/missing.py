"""Missing modalities: modality dropout, and the orders over which Shapley values average."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

from mmcourse.show.diagrams.canvas import SMALL, Canvas, measure
from mmcourse.show.diagrams.diagram import Diagram
from mmcourse.show.diagrams.layers import Box, Layers
from mmcourse.show.diagrams.nodes import QUIET
from mmcourse.show.diagrams.sheet import MARGIN

NAMES = ("image", "text", "sound")


def modality_dropout(classes: int = 14, width: int = 64) -> None:
    """Display a model of three modalities, one of which was dropped and is replaced by a learned vector."""
    d = Diagram(
        "Modality dropout: in each training step whole modalities are dropped at random, here the sound; a learned "
        "vector takes the place of its features."
    )
    shapes = {"image": "(B, 3, H, W)", "text": "(B, T)", "sound": "(B, M, T)"}
    for row, (name, shape) in enumerate(shapes.items()):
        d.block(name, at=(0, row), shape=shape, kind="data")
        d.block(f"{name} encoder", at=(1, row), label=f"{name}\nencoder")
        d.block(f"{name} norm", at=(2, row), label="batch\nnorm", shape=f"(B, {width})", kind="operation")
        d.path(name, f"{name} encoder", f"{name} norm")
    d.block("dropped", at=(3, 2), label="✕  dropped with\nprobability $p$", kind="loss")
    d.block("missing", at=(3, 3), label="missing-modality\nembedding", shape=f"({width})")
    d.block("join", at=(4, 1), label="concat-\nenate", shape=f"(B, {3 * width})", kind="operation")
    d.block("linear", at=(5, 1), label="linear", shape=f"(B, {classes})")
    d.path("sound norm", "dropped")
    d.arrow("image norm", "join")
    d.path("text norm", "join")
    d.arrow("missing", "join", "instead", out="right", into="bottom")
    d.path("join", "linear")
    d.show()


def shapley_orders(names: Sequence[str] = NAMES, values: Mapping[frozenset, float] | None = None) -> None:
    """Display all sets of 2 or 3 modalities; each path from none to all is an order in which they can be added.

    values  {frozenset of names: value of the set}, written below each set where given
    """
    names = list(names)
    if not 2 <= len(names) <= 3 or len(set(names)) != len(names):
        raise ValueError(f"the modalities are {names}; expected 2 or 3 different names")
    sets = [[frozenset(some) for some in combinations(names, size)] for size in range(len(names) + 1)]
    if values is not None and (lacking := [sorted(s) for column in sets for s in column if s not in values]):
        raise ValueError(f"values lack the sets {lacking}; expected a value for each, the empty set too")
    tallest = max(map(len, sets))
    chain = [frozenset(names[:size]) for size in range(len(names) + 1)]
    columns = [
        {
            some: Box(
                " + ".join(name for name in names if name in some) or "∅",
                "" if values is None else f"v = {values[some]:.3g}",
                "layer" if some in chain else "data",
                i + (tallest - len(column)) / 2,
            )
            for i, some in enumerate(column)
        }
        for column in sets
    ]
    links = [
        (small, large, small in chain and large in chain)
        for before, after in zip(sets, sets[1:], strict=False)
        for small in before
        for large in after
        if small < large
    ]
    titles = ["none", "one", "two", "three"][: len(names)] + ["all"]
    layers = Layers(columns, links, titles, gap=(0.6, 0.3))
    orders = factorial(len(names))
    note = f"{orders} paths from {titles[0]} to all = {orders} orders; coloured: {', then '.join(names)}"
    wide, high = layers.size
    canvas = Canvas(2 * MARGIN + max(wide, measure(note, SMALL)[0]), 2 * MARGIN + high + 0.32)
    layers.draw(canvas, left=(canvas.sheet.right - wide) / 2)
    canvas.text(canvas.sheet.right / 2, canvas.sheet.bottom - MARGIN - 0.07, note, SMALL, colour=QUIET)
    told = "" if values is None else "; " + ", ".join(
        f"{' and '.join(sorted(some)) or 'none'} {values[some]:.3g}" for column in sets for some in column
    )  # fmt: skip
    canvas.show(
        f"All sets of the modalities {', '.join(names)}: a path from none to all is an order in which they are added, "
        f"and the Shapley value of a modality is its mean gain over {orders} orders. Diagram: sets by size, an arrow "
        f"wherever one modality is added{told}."
    )
