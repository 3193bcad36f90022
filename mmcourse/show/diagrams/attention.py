"""Attention: one head, and several side by side."""

from mmcourse.show.diagrams.diagram import Diagram


def attention_head(cross: bool = False) -> None:
    """Display scaled dot-product attention with a mask; `cross`: keys and values come from another sequence."""
    kind = "Cross-attention" if cross else "Self-attention"
    d = Diagram(f"{kind}, one head: queries are compared with keys, and the weights average the values.")
    d.block("x", at=(0, 0 if cross else 1), label="$x$", shape="(B, T, D)", kind="data")
    if cross:
        d.block("memory", at=(0, 1.5), shape="(B, S, D)", kind="data")
    for row, letter in enumerate("QKV"):
        d.block(letter, at=(1, row), label=f"$W_{letter}$")
        d.arrow("memory" if cross and row else "x", letter)
    d.block("scores", at=(2, 0.5), label="$QK^\\top / \\sqrt{d}$", kind="operation")
    d.block("mask", at=(3, 0.5), label="mask", kind="operation")
    d.block("softmax", at=(4, 0.5), label="softmax", kind="operation")
    d.block("mean", at=(5, 1.25), label="weighted\nmean of $V$", kind="operation")
    d.block("y", at=(6, 1.25), label="output", shape="(B, T, d)", kind="data")
    keys = "S" if cross else "T"
    d.arrow("Q", "scores", "$Q$ (B, T, d)", out="right", into="top")
    d.arrow("K", "scores", f"$K$ (B, {keys}, d)", out="right", into="bottom", side="bottom")
    d.path("scores", "mask", "softmax")
    d.arrow("softmax", "mean", f"weights (B, T, {keys})", out="right", into="top")
    d.arrow("V", "mean", f"$V$ (B, {keys}, d)", out="right", into="bottom")
    d.path("mean", "y")
    d.show()


def multi_head_attention(heads: int = 4) -> None:
    """Display how the width is split into heads that attend side by side, and joined again."""
    if heads < 3:
        raise ValueError(f"heads is {heads}; expected at least 3, of which the first two and the last are drawn")
    d = Diagram(f"Multi-head attention: {heads} heads, each with D / heads features of its own.")
    d.block("x", at=(0, 1), label="$x$", shape="(B, T, D)", kind="data")
    d.block("linear", at=(1, 1), label="$W_Q, W_K, W_V$")
    d.block("split", at=(2, 1), label="split into\nheads", kind="operation")
    names = "head 1", "head 2", f"head {heads}"
    for row, name in enumerate(names):
        d.block(name, at=(3, row), label=f"attention,\n{name}", shape=f"(B, T, D/{heads})", kind="operation")
        d.arrow("split", name)
    d.block("more", at=(3, 1.5), label="…", kind="text")
    d.block("join", at=(4, 1), label="concat-\nenate", kind="operation")
    for name in names:
        d.arrow(name, "join")
    d.block("out", at=(5, 1), label="$W_O$")
    d.block("y", at=(6, 1), label="output", shape="(B, T, D)", kind="data")
    d.path("x", "linear", "split")
    d.path("join", "out", "y")
    d.show()
