"""Two encoders into a shared space, the matrix of similarities between what they give, and its contrastive loss."""

import numpy as np

from mmcourse.show.diagrams.diagram import Diagram

EXAMPLE = ((0.9, 0.2, 0.1), (0.4, 0.7, 0.0), (0.1, 0.3, 0.8))  # similarities of three pairs
Tower = tuple[str, str, str]


def two_towers(
    one: Tower = ("images", "(B, 3, H, W)", "image tower"),
    other: Tower = ("sentences", "(B, T)", "sentence tower"),
    batch: int = 4,
) -> None:
    """Display two encoders, their unit vectors and the matrix of all similarities, pairs on the diagonal.

    one, other  (name of the data, its shape, name of the encoder); `batch`: rows and columns that are drawn
    """
    if not 2 <= batch <= 8:
        raise ValueError(f"batch is {batch}; expected 2 to 8 examples, or the matrix cannot be read")
    diagram = Diagram("Contrastive learning: matching pairs, on the diagonal, are to have the largest similarities.")
    for row, (data, shape, encoder), vector in ((0, one, "u"), (2, other, "v")):
        diagram.block(data, at=(0, row), shape=shape, kind="data")
        diagram.block(encoder, at=(1, row))
        diagram.block(f"norm {row}", at=(2, row), label="L2\nnormalise", kind="operation")
        diagram.block(vector, at=(3, row), label=f"${vector}_1 \\ldots {vector}_{batch}$", shape="(B, D)", kind="data")
        diagram.path(data, encoder, f"norm {row}", vector)
    names = {letter: [f"${letter}_{{{i + 1}}}$" for i in range(batch)] for letter in "uv"}
    diagram.grid(
        "similarities", at=(4, 1), cells=[[float(i == j) for j in range(batch)] for i in range(batch)],
        rows=names["u"], columns=names["v"], title="similarities (B, B)", cell=0.42,
        texts=[[f"$u_{i + 1} \\cdot v_{j + 1}$" for j in range(batch)] for i in range(batch)],
    )  # fmt: skip
    diagram.block("loss", at=(5, 1), label="symmetric\nInfoNCE", kind="loss")
    diagram.arrow("u", "similarities", out="bottom", into="left")
    diagram.arrow("v", "similarities", out="right", into="bottom")
    diagram.arrow("similarities", "loss")
    diagram.show()


def contrastive_matrix(similarities=None, temperature: float = 0.2) -> None:
    """Display the symmetric InfoNCE loss on 2 to 4 pairs: softmax of rows and of columns, the diagonal as target.

    similarities  (B, B) of unit vectors, an image in each row and its text in the column of the same number; None: an
                  example
    """
    given = np.asarray(EXAMPLE if similarities is None else similarities, dtype=float)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not 2 <= len(given) <= 4 or temperature <= 0:
        raise ValueError(
            f"the similarities have shape {given.shape}, the temperature is {temperature}; expected (B, B) for 2 to 4 "
            "pairs, and a temperature above 0"
        )
    scaled = np.exp((given - given.max()) / temperature)
    by_row, by_column = scaled / scaled.sum(1, keepdims=True), scaled / scaled.sum(0, keepdims=True)
    loss = -np.log(np.concatenate([by_row.diagonal(), by_column.diagonal()])).mean()
    count = range(1, len(given) + 1)
    names = {"rows": [f"$u_{i}$" for i in count], "columns": [f"$v_{i}$" for i in count]}
    pairs = zip(count, by_row.diagonal(), by_column.diagonal(), strict=True)
    told = "; ".join(f"pair {i}: {row:.2f} by row, {column:.2f} by column" for i, row, column in pairs)
    d = Diagram(
        f"Symmetric InfoNCE on {len(given)} pairs of images u and texts v: similarities times the scale s, a softmax "
        f"over each row and each column; the diagonal contains the matching pairs. Probabilities of {told}."
    )
    for name, at, cells, title in (
        ("s", (0, 0.5), given, "similarities $u_i \\cdot v_j$"),
        ("rows", (2, 0), by_row, "image to text"),
        ("columns", (2, 1), by_column, "text to image"),
    ):
        texts = [[f"{value:.2f}".replace("-", "−") for value in row] for row in cells]
        d.grid(name, at=at, cells=cells.clip(0, 1), texts=texts, title=title, cell=0.44, **names)
    for row, axis in enumerate(("rows", "columns")):
        label = f"multiply by $s$ = {1 / temperature:.3g},\nsoftmax of {axis}"
        d.block(f"softmax {axis}", at=(1, row), label=label, kind="operation")
        d.arrow("s", f"softmax {axis}")
        d.path(f"softmax {axis}", axis)
    d.block("loss", at=(3, 0.5), label="mean of\n$-\\log$ diagonal", shape=f"= {loss:.2f}", kind="loss")
    for axis in ("rows", "columns"):
        d.arrow(axis, "loss")
    d.show()


def binding() -> None:
    """Display how sound is added to a shared space of images and sentences, aligned to the frozen sentence tower alone.

    After Girdhar et al. 2023 (ImageBind), which binds through images.
    """
    d = Diagram(
        "Binding through text: image and sentence towers learn from pairs; then the sentence tower is frozen, and a "
        "sound tower is trained on pairs of sentences and sounds. Images and sounds were never paired, yet share "
        "one space."
    )
    for row, data, shape, tower, kind, vector in (
        (0, "images", "(B, 3, H, W)", "image\ntower", "layer", "u"),
        (1, "sentences", "(B, T)", "sentence\ntower", "layer", "v"),
        (2, "sentences", "(B, T)", "the same\ntower", "frozen", "v"),
        (3, "sounds", "(B, M, T)", "sound\ntower", "layer", "w"),
    ):
        d.block(f"data {row}", at=(0, row), label=data, shape=shape, kind="data")
        d.block(f"tower {row}", at=(1, row), label=tower, kind=kind)
        d.block(f"vector {row}", at=(2, row), label=f"${vector}$", shape="(B, D)", kind="data")
        d.path(f"data {row}", f"tower {row}", f"vector {row}")
    for first in (0, 2):
        d.block(f"loss {first}", at=(3, first + 0.5), label="contrastive\nloss", kind="loss")
        for row in (first, first + 1):
            d.arrow(f"vector {row}", f"loss {first}", out="right", into="top" if row == first else "bottom")
    d.arrow("tower 1", "tower 2", kind="shared")
    for first, title in ((0, "1  pairs of images and sentences"), (2, "2  pairs of sentences and sounds")):
        names = [f"{part} {row}" for part in ("data", "tower", "vector") for row in (first, first + 1)]
        d.group(title, *names, f"loss {first}")
    d.block("never", at=(1.5, 4), label="$u$ and $w$ were never paired, yet share one space", kind="text")
    d.show()
