"""Fusion of token sequences: cross-attention, a model that answers questions about images, bottleneck tokens."""

from mmcourse.show.diagrams.diagram import Diagram


def cross_attention() -> None:
    """Display cross-attention between two modalities: queries from one, keys and values from the other."""
    d = Diagram(
        "Cross-attention: queries come from tokens A of one modality, keys and values from tokens P of another; the "
        "weights average the values."
    )
    d.block("word", at=(0, 0), label="tokens $A$", shape="$(B, T_q, D_A)$", kind="data")
    d.block("positions", at=(0, 1.5), label="tokens $P$", shape="$(B, T_k, D_P)$", kind="data")
    for row, letter in enumerate("qkv"):
        d.block(letter, at=(1, row), label=f"$W_{letter}$")
        d.arrow("positions" if row else "word", letter)
    d.block("scores", at=(2, 0.5), label="$QK^\\top / \\sqrt{d}$", kind="operation")
    d.block("softmax", at=(3, 0.5), label="softmax", kind="operation")
    d.block("mean", at=(4, 1.25), label="weighted\nmean of $V$", kind="operation")
    d.block("output", at=(5, 1.25), label="output", shape="$(B, T_q, D)$", kind="data")
    d.arrow("q", "scores", "$Q$ $(B, T_q, d)$", out="right", into="top")
    d.arrow("k", "scores", "$K$ $(B, T_k, d)$", out="right", into="bottom", side="bottom")
    d.path("scores", "softmax")
    d.arrow("softmax", "mean", "weights $(B, T_q, T_k)$", out="right", into="top")
    d.arrow("v", "mean", "$V$ $(B, T_k, D)$", out="right", into="bottom")
    d.path("mean", "output")
    d.show()


def cross_attention_model(heads: int = 4, positions: int = 36) -> None:
    """Display lesson 09's model: a spoken word attends to image positions, a question modulates the result."""
    if heads < 1 or positions < 1:
        raise ValueError(f"heads is {heads}, positions is {positions}; expected 1 or more of each")
    d = Diagram(
        f"A model that answers questions about images: a spoken word attends to {positions} image positions with "
        f"{heads} heads, the question modulates the attended features by FiLM, and a hidden layer gives the logits."
    )
    d.block("word", at=(0, 0), label="spoken word", shape="(B, 128)", kind="data")
    d.block("positions", at=(0, 1.5), label="image positions", shape=f"(B, {positions}, 130)", kind="data")
    d.block("question", at=(0, 3), shape="(B, L)", kind="data")
    d.block("query", at=(1, 0), label="query\nnetwork", shape="(B, 1, 64)")
    d.block("key", at=(1, 1), label="key\nnetwork", shape=f"(B, {positions}, 64)")
    d.block("value", at=(1, 2), label="linear:\nvalues", shape=f"(B, {positions}, 128)")
    d.block("text", at=(1, 3), label="mean of\nword vectors", shape="(B, 64)")
    d.block(
        "attention",
        at=(2, 1),
        label="attention,\n" + f"{heads} head{'s' * (heads > 1)}",
        shape="(B, 128)",
        kind="operation",
    )
    d.block("film", at=(3, 1), label="FiLM", shape="(B, 128)")
    d.block("head", at=(4, 1), label="hidden layer,\nlinear")
    d.block("logits", at=(5, 1), label="logits", shape="(B, 14)", kind="data")
    d.path("word", "query")
    d.path("positions", "key")
    d.path("positions", "value")
    d.path("question", "text")
    for name, side in (("query", "top"), ("key", "left"), ("value", "bottom")):
        d.arrow(name, "attention", out="right", into=side)
    d.arrow("text", "film", "condition", out="right", into="bottom")
    d.path("attention", "film", "head", "logits")
    d.show()


def fusion_bottleneck() -> None:
    """Display a layer with bottleneck tokens (Nagrani et al. 2021), through which alone modalities exchange."""
    d = Diagram(
        "A bottleneck layer: each modality attends to its own tokens and to a few shared tokens s; the two versions of "
        "s are averaged, and nothing else passes between the modalities."
    )
    for row, name, m in ((0, "image", 1), (2, "text", 2)):
        d.block(name, at=(0, row), label=f"{name} tokens $x_{m}$", shape=f"$(B, T_{m}, D)$", kind="data")
        d.block(f"layer {m}", at=(1, row), label=f"Transformer layer\non $[s; x_{m}]$")
        d.block(f"after {m}", at=(3, row), label=f"{name} tokens $x_{m}$", shape=f"$(B, T_{m}, D)$", kind="data")
    d.block("shared", at=(0, 1), label="bottleneck\ntokens $s$", shape="(B, b, D)", kind="marked")
    d.block("mean", at=(2, 1), label="mean", kind="operation")
    d.block("shared after", at=(3, 1), label="bottleneck\ntokens $s$", shape="(B, b, D)", kind="marked")
    for m, name in ((1, "image"), (2, "text")):
        d.path(name, f"layer {m}", f"after {m}")
        d.arrow("shared", f"layer {m}", out="right", into="bottom" if m == 1 else "top")
        d.arrow(f"layer {m}", "mean", f"$s_{m}$", out="right", into="top" if m == 1 else "bottom", side="right")
    d.path("mean", "shared after")
    d.show()
