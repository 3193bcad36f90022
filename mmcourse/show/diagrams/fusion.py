"""Fusion of two or more modalities: the task that needs both, methods, stages, low rank, modulation by a condition."""

from mmcourse.show.diagrams.diagram import Diagram


def pairing(one: str = "red fish", other: str = "blue fish") -> None:
    """Display the 2 × 2 pairing of two images with two sentences, of which one modality alone determines nothing."""
    if not one.strip() or not other.strip() or one == other:
        raise ValueError(f"the pages show {one!r} and {other!r}; expected two different descriptions")
    d = Diagram(
        "Two images paired with two sentences: each row and each column has one true and one false pair, so that one "
        "modality alone is correct in one of two.",
        gap=(0.2, 0.18),
    )
    for column, (letter, words) in enumerate((("A", one), ("B", other)), 1):
        d.block(f"sentence {letter}", at=(column, 0), label=f"sentence {letter}\n“a {words}”", kind="data")
        d.block(f"image {letter}", at=(0, column), label=f"image {letter}\nof a {words}", kind="data")
    for row, image in enumerate("AB", 1):
        for column, sentence in enumerate("AB", 1):
            true = image == sentence
            d.block(f"{image}{sentence}", at=(column, row), label="true" if true else "false",
                    shape=f"image {image}, sentence {sentence}", kind="layer" if true else "loss")  # fmt: skip
        d.block(f"row {row}", at=(3, row), label="image alone:\none of two correct", kind="text")
    for column in (1, 2):
        d.block(f"column {column}", at=(column, 3), label="sentence alone:\none of two correct", kind="text")
    d.show()


def fusion_methods() -> None:
    """Display five methods that fuse the features of an image and of a sentence, before one linear head."""
    d = Diagram(
        "Five ways to fuse two feature vectors, x of the image and y of the text, before a linear head.", gap=(0.3, 0.1)
    )
    d.block("image", at=(0, 0.5), label="image\nencoder", shape="$x$ (B, 128)", kind="frozen")
    d.block("text", at=(0, 3.5), label="text\nencoder", shape="$y$ (B, 64)", kind="frozen")
    d.block("both", at=(1, 2), label="$x, y$", kind="text")
    methods = {
        "weighted sum": "$\\alpha W_1 x + (1 - \\alpha) W_2 y$",
        "concatenation": "$W\\,[x; y] + b$",
        "hidden layer": "$W_2\\ \\mathrm{ReLU}(W_1 [x; y] + b_1) + b_2$",
        "product": "$W_1 x \\odot W_2 y$",
        "gate": "$z \\odot W_1 x + (1 - z) \\odot W_2 y$,   $z = \\sigma(W [x; y] + b)$",
    }
    d.arrow("image", "both", out="right", into="top")
    d.arrow("text", "both", out="right", into="bottom")
    for row, (name, formula) in enumerate(methods.items()):
        d.block(name, at=(2, row), shape=formula)
        d.arrow("both", name, bend=0.35)
    d.block("head", at=(3, 2), label="linear\nhead")
    d.block("logits", at=(4, 2), shape="(B, 2)", kind="data")
    for name in methods:
        d.arrow(name, "head")
    d.path("head", "logits")
    d.show()


def fusion_stages() -> None:
    """Display early, intermediate and late fusion side by side: where in the network the modalities meet."""
    d = Diagram(
        "Early fusion combines inputs, intermediate fusion combines features, late fusion combines decisions.",
        gap=(0.14, 0.26),
    )
    stages = {
        "early": (None, None, "concatenate", "network"),
        "intermediate": ("encoder", None, "fusion", "head"),
        "late": ("encoder", "classifier", "combine\n(average, rule)", None),
    }
    for i, (stage, (first, second, join, after)) in enumerate(stages.items()):
        names, left = [], 2 * i
        for column, modality in ((left, "image"), (left + 1, "text")):
            chain = [f"{stage} {modality}"]
            d.block(chain[0], at=(column, 0), label=modality, kind="data")
            for row, label in ((1, first), (2, second)):
                if label:
                    chain.append(f"{stage} {modality} {label}")
                    d.block(chain[-1], at=(column, row), label=label)
            chain.append(f"{stage} join")
            if column == left:
                row = {"early": 1, "intermediate": 2, "late": 3}[stage]
                kind = "layer" if stage == "intermediate" else "operation"
                d.block(chain[-1], at=(left + 0.5, row), label=join, kind=kind)
            for start, end in zip(chain, chain[1:], strict=False):
                d.arrow(start, end, out="bottom", into="top")
            names += chain[:-1]
        names.append(f"{stage} join")
        if after:
            d.block(f"{stage} {after}", at=(left + 0.5, row + 1), label=after)
            d.arrow(names[-1], f"{stage} {after}", out="bottom", into="top")
            names.append(f"{stage} {after}")
        d.block(f"{stage} decision", at=(left + 0.5, 4), label="decision", kind="data")
        d.arrow(names[-1], f"{stage} decision", out="bottom", into="top")
        d.group(f"{stage} fusion", *names, f"{stage} decision")
    d.show()


def low_rank_fusion() -> None:
    """Display low-rank fusion of three vectors (Liu et al. 2018): factors, product, sum over ranks."""
    d = Diagram(
        "Low-rank fusion: each modality is projected for each of R ranks, the projections are multiplied entry by "
        "entry, and summed over the ranks; the outer product of all three is never formed."
    )
    rows = (("image", "x", "u", "I"), ("sound", "y", "v", "J"), ("text", "t", "w", "L"))
    d.block("product", at=(2, 1), label="×", kind="operation")
    for row, (modality, vector, factor, size) in enumerate(rows):
        d.block(modality, at=(0, row), label=f"{modality} ${vector}$", shape=f"(B, {size})", kind="data")
        label = f"${factor}_{{rk}} \\cdot {vector}$"
        d.block(f"factor {row}", at=(1, row), label=label, shape="(B, R, K)")
        d.arrow(modality, f"factor {row}")
        d.arrow(f"factor {row}", "product")
    d.block("sum", at=(3, 1), label="sum over\nranks $r$", kind="operation")
    d.block("output", at=(4, 1), label="$o$", shape="(B, K)", kind="data")
    d.arrow("product", "sum", "(B, R, K)")
    d.path("sum", "output")
    d.show()


def film() -> None:
    """Display feature-wise linear modulation (Perez et al. 2018): a condition scales and shifts features."""
    d = Diagram("FiLM: a condition c gives a scale 1 + gamma and a shift beta for each feature, alike for all tokens.")
    d.block("features", at=(0, 0), label="features $F$", shape="(B, T, D)", kind="data")
    d.block("times", at=(1, 0), label="×", kind="operation")
    d.block("plus", at=(2, 0), label="+", kind="operation")
    d.block("output", at=(3, 0), label="$(1 + \\gamma) \\odot F + \\beta$", shape="(B, T, D)", kind="data")
    d.block("gamma", at=(1, 1), label="$1 + \\gamma = 1 + W_\\gamma c + b_\\gamma$", shape="(B, D)")
    d.block("beta", at=(2, 1), label="$\\beta = W_\\beta c + b_\\beta$", shape="(B, D)")
    d.block("condition", at=(0, 2), label="condition $c$", shape="(B, C)", kind="data")
    d.path("features", "times", "plus", "output")
    for name, sign in (("gamma", "times"), ("beta", "plus")):
        d.arrow(name, sign)
        d.arrow("condition", name, out="right", into="bottom")
    d.show()
