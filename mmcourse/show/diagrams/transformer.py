"""The blocks of a Transformer, with the norm before each step, and a stack of them: GPT."""

from mmcourse.show.diagrams.diagram import Diagram


def encoder_block() -> None:
    """Display an encoder block: self-attention and a feed-forward network, each with a norm and a residual path."""
    d = Diagram("A Transformer encoder block: each of two steps is normalised, computed and added to its input.")
    _encoder(d, "$x$", "multi-head\nself-attention", 0)
    d.show()


def decoder_block() -> None:
    """Display a decoder block: causal self-attention, cross-attention to a memory, a feed-forward network."""
    d = Diagram("A Transformer decoder block: as an encoder block, with a causal mask and a step of cross-attention.")
    d.block("x", at=(0, 1), label="$x$", shape="(B, T, D)", kind="data")
    _step(d, "x", (1, 1), "1", "causal\nself-attention", "bottom")
    _step(d, "add 1", (4, 1), "2", "cross-\nattention", "bottom")
    d.block("memory", at=(0, 0), shape="(B, S, D)", kind="data")
    d.arrow("memory", "core 2", "keys and values", out="right", into="top")
    d.dot("branch", at=(3, 2))
    d.arrow("add 2", "branch", out="right", into="top", bend=0.62)
    _step(d, "branch", (4, 2), "3", "feed-\nforward", "bottom", tap=False)
    d.block("y", at=(7, 2), label="$y$", shape="(B, T, D)", kind="data")
    d.arrow("add 3", "y")
    d.show()


def gpt_blocks(layers: str = "N") -> None:
    """Display GPT: embeddings, `layers` blocks with a causal mask, and an output layer tied to the embedding."""
    d = Diagram("GPT: a stack of Transformer blocks with a causal mask; the output layer has the embedding's weights.",
                gap=(0.24, 0.25))  # fmt: skip
    d.block("tokens", at=(0, 0), shape="(B, T)", kind="data")
    d.block("embedding", at=(1, 0), label="token\nembedding", shape="$E$ (V, D)")
    d.block("plus", at=(2, 0), label="+", kind="operation")
    d.block("positions", at=(1, 1), label="position\nembedding", shape="(T, D)")
    d.block("stack", at=(3, 0), label=f"{layers} blocks\n(below)", shape="(B, T, D)")
    d.block("norm", at=(4, 0), label="layer\nnorm")
    d.block("output", at=(5, 0), label="output\nlayer", shape="$E^\\top$ (D, V)")
    d.block("logits", at=(6, 0), label="logits of\nnext token", shape="(B, T, V)", kind="data")
    d.path("tokens", "embedding", "plus", "stack", "norm", "output", "logits")
    d.arrow("positions", "plus", out="right", into="bottom")
    d.arrow("embedding", "output", "the same weights $E$ (tied)", kind="shared", out="top", into="top")
    _encoder(d, "in", "causal\nself-attention", 2)
    d.group(f"inside each of the {layers} blocks", "in", "out", *_names("1"), *_names("2"))
    d.show()


def _encoder(d: Diagram, x: str, attention: str, row: float) -> None:
    d.block("in", at=(0, row), label=x, shape="(B, T, D)", kind="data")
    _step(d, "in", (1, row), "1", attention)
    _step(d, "add 1", (4, row), "2", "feed-\nforward")
    d.block("out", at=(7, row), label="$y$" if x == "$x$" else "out", shape="(B, T, D)", kind="data")
    d.arrow("add 2", "out")


def _step(
    d: Diagram, start: str, at: tuple[float, float], number: str, label: str, around: str = "top", tap: bool = True
) -> None:
    """Norm, what is computed, and the sum with what went in; the residual connection passes on the side `around`."""
    column, row = at
    norm, core, add = _names(number)
    d.block(norm, at=(column, row), label="layer\nnorm")
    d.block(core, at=(column + 1, row), label=label)
    d.block(add, at=(column + 2, row), label="+", kind="operation")
    d.path(start, norm, core, add)
    d.arrow(start, add, out=around, into=around, tap=tap)


def _names(number: str) -> tuple[str, str, str]:
    return f"norm {number}", f"core {number}", f"add {number}"
