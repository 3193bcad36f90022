"""Two encoders into a shared space, and the matrix of similarities between what they give."""

from mmcourse.show.diagrams.diagram import Diagram

Tower = tuple[str, str, str]


def two_towers(
    one: Tower = ("images", "(B, 3, H, W)", "image encoder"),
    other: Tower = ("sentences", "(B, T)", "text encoder"),
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
        diagram.block(f"norm {row}", at=(2, row), label="normalise\nto length 1", kind="operation")
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
