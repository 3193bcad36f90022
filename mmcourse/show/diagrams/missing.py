"""Missing modalities: modality dropout, auxiliary losses, and the orders over which Shapley values average."""

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

from mmcourse.show.diagrams.canvas import SIZE, Canvas, measure
from mmcourse.show.diagrams.diagram import Diagram
from mmcourse.show.diagrams.layers import Box, Layers
from mmcourse.show.diagrams.nodes import QUIET
from mmcourse.show.diagrams.sheet import MARGIN
from mmcourse.show.style import INK

NAMES = ("image", "text", "sound")
EXAMPLE = {
    frozenset(some): value
    for some, value in (
        ((), 0.07), (("image",), 0.6), (("text",), 0.5), (("sound",), 0.7), (("image", "text"), 0.8),
        (("image", "sound"), 0.9), (("text", "sound"), 0.85), (NAMES, 0.95),
    )
}  # fmt: skip


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
        d.block(f"{name} norm", at=(2, row), label="batch norm,\naffine=False", shape=f"(B, {width})", kind="operation")
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


def auxiliary_losses(classes: int = 14, width: int = 64) -> None:
    """Display a model of three modalities whose branches have a head and a loss of their own beside the joint ones."""
    d = Diagram(
        "Auxiliary losses: each branch has a linear head and a loss of its own, in addition to the joint loss.",
        gap=(0.3, 0.12),
    )
    d.block("fusion", at=(5, 0), until=(5, 4), label="fusion\nlayer", shape=f"(B, {classes})")
    d.block("joint", at=(6, 2), label="$L_{joint}$", kind="loss")
    for i, name in enumerate(NAMES):
        row = 2 * i
        d.block(name, at=(0, row), kind="data")
        d.block(f"{name} encoder", at=(1, row), label=f"{name}\nencoder", shape=f"(B, {width})")
        d.dot(f"{name} features", at=(2, row))
        d.block(f"{name} head", at=(3, row + 1), shape=f"(B, {classes})")
        d.block(f"{name} loss", at=(4, row + 1), label=f"$L_{{{name}}}$", kind="loss")
        d.path(name, f"{name} encoder", f"{name} features", "fusion")
        d.arrow(f"{name} features", f"{name} head", out="bottom", into="left")
        d.path(f"{name} head", f"{name} loss")
    d.path("fusion", "joint")
    d.show()


def shapley_orders(names: Sequence[str] = NAMES, values: Mapping[frozenset, float] | None = None) -> None:
    """Display all orders in which 2 or 3 modalities can be added, and what each adds when it enters.

    values  {frozenset of names: value of the set}, the empty set too; None: an example for image, text and sound
    """
    names, example = list(names), values is None
    if not 2 <= len(names) <= 3 or len(set(names)) != len(names):
        raise ValueError(f"the modalities are {names}; expected 2 or 3 different names")
    values = EXAMPLE if example else values
    sets = [frozenset(some) for size in range(len(names) + 1) for some in combinations(names, size)]
    if lacking := [sorted(some) for some in sets if some not in values]:
        raise ValueError(f"values lack the sets {lacking}; expected a value for each, the empty set too")
    orders = list(permutations(names))
    gains = [
        [values[frozenset(order[: i + 1])] - values[frozenset(order[:i])] for i in range(len(names))]
        for order in orders
    ]
    columns = [
        {
            (row, i): Box(order[i], f"{round(gains[row][i], 2) + 0.0:+.2f}".replace("-", "−"),
                          "layer" if order[i] == names[0] else "data", row)
            for row, order in enumerate(orders)
        }
        for i in range(len(names))
    ]  # fmt: skip
    links = [((row, i - 1), (row, i), True) for row in range(len(orders)) for i in range(1, len(names))]
    layers = Layers(columns, links, ["first", "second", "third"][: len(names)], gap=(0.45, 0.1))
    shapley = {
        name: sum(gain[order.index(name)] for gain, order in zip(gains, orders, strict=True)) / len(orders)
        for name in names
    }
    value = f"{shapley[names[0]]:.2f}".replace("-", "−")
    notes = [f"Shapley value of {names[0]}:", f"mean of the {len(orders)} coloured gains", f"= {value}"]
    notes += ["", "(example values)"] * example
    wide, high = layers.size
    side = max(measure(note, SIZE)[0] for note in notes)
    canvas = Canvas(2 * MARGIN + wide + 0.35 + side, 2 * MARGIN + max(high, 0.22 * len(notes)))
    layers.draw(canvas)
    y = canvas.sheet.bottom / 2 - 0.11 * len(notes)
    for note in notes:
        y += 0.22
        canvas.text(MARGIN + wide + 0.35 + measure(note, SIZE)[0] / 2, y, note, colour=QUIET if "(" in note else INK)
    told = "; ".join(
        ", then ".join(f"{name} adds {gain:.2f}" for name, gain in zip(order, row, strict=True))
        for order, row in zip(orders, gains, strict=True)
    )
    canvas.show(
        f"Shapley values: {' and '.join(names)} are added in each of {len(orders)} orders; the value of a modality is "
        f"its mean gain. Diagram: {told}; Shapley value of "
        f"{', of '.join(f'{name} {value:.2f}' for name, value in shapley.items())}."
    )
