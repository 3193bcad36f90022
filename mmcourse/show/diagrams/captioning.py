"""Image captioning: three decoders, and beam search as a tree."""

from collections.abc import Mapping, Sequence
from math import log

from mmcourse.show.diagrams.canvas import SMALL, Canvas, measure
from mmcourse.show.diagrams.diagram import Diagram
from mmcourse.show.diagrams.layers import Box, Layers
from mmcourse.show.diagrams.nodes import QUIET
from mmcourse.show.diagrams.sheet import MARGIN

END = "<end>"
NEXT_WORDS = {  # probabilities of the next word after each beginning; the greedy choice is not the best caption
    "a": {"small": 0.40, "big": 0.35, "red": 0.25},
    "a small": {"fish": 0.45, "boat": 0.40, "moon": 0.15},
    "a big": {"fish": 0.90, "house": 0.10},
    "a big fish": {END: 0.9, "above": 0.1},
    "a small fish": {END: 0.8, "above": 0.2},
}


def show_and_tell(words: Sequence[str] = ("a", "red", "fish"), every_step: bool = True) -> None:
    """Display an LSTM that decodes a caption of 1 to 4 words from one image vector (Vinyals et al. 2015).

    every_step  whether the image vector stands beside every word, or is shown once before the first, as in the paper
    """
    words = list(words)
    if not 1 <= len(words) <= 4:
        raise ValueError(f"show_and_tell got {len(words)} words; expected 1 to 4")
    inputs, outputs = ["<start>", *words], [*words, END]
    when = "beside every word" if every_step else "once, before the first word"
    d = Diagram(
        f"A captioner without attention: an LSTM gets one vector of the image {when}, and predicts each next word.",
        gap=(0.26, 0.3),
    )
    d.block("image", at=(0, 1), shape="(B, 3, H, W)", kind="data")
    d.block("encoder", at=(0, 2), label="image encoder,\npooling")
    d.path("image", "encoder")
    first = 1 if every_step else 2
    for t, (before, after) in enumerate(zip(inputs, outputs, strict=True)):
        column = first + t
        shape = "$[e_t; v]$" if every_step else "$e_t$"
        d.block(f"in {t}", at=(column, 2), label=f"“{before}”", shape=shape, kind="data")
        d.block(f"cell {t}", at=(column, 1), label="LSTM", shape="$h_{" + str(t + 1) + "}$")
        d.block(f"out {t}", at=(column, 0), label=f"“{after}”", shape="linear, softmax")
        d.path(f"in {t}", f"cell {t}", f"out {t}")
        if t:
            d.arrow(f"cell {t - 1}", f"cell {t}")
    last = first + len(words)
    if every_step:
        d.block("v", at=(1, 3), until=(last, 3), label="image vector $v$   (B, D)", kind="data")
        d.arrow("encoder", "v", out="bottom", into="left")
        for t in range(len(inputs)):
            d.arrow("v", f"in {t}", out="top", into="bottom")
    else:
        d.block("v", at=(1, 2), label="vector $v$", shape="(B, D)", kind="data")
        d.block("cell v", at=(1, 1), label="LSTM", shape="$h_0$")
        d.path("encoder", "v", "cell v", "cell 0")
    d.show()


def attention_captioner() -> None:
    """Display one step of a captioner with attention: one LSTM computes the query, another predicts the next word.

    After Xu et al. 2015, with the two LSTMs of Anderson et al. 2018.
    """
    d = Diagram(
        "One step of a captioner with attention: the attention LSTM's state is the query, the attended image positions "
        "are the context, and the language LSTM predicts the next word.",
        gap=(0.26, 0.3),
    )
    d.block("word", at=(0, 0), label="word $w_t$", shape="(B)", kind="data")
    d.block("embedding", at=(1, 0), shape="(B, D)")
    d.block("attention lstm", at=(2, 0), label="attention\nLSTM", shape="(B, D)")
    d.block("language", at=(4, 0), label="language\nLSTM", shape="(B, D)")
    d.block("linear", at=(5, 0), label="linear,\nsoftmax")
    d.block("next", at=(6, 0), label="$p(w_{t+1})$", shape="(B, V)", kind="data")
    d.block("image", at=(0, 1), shape="(B, 3, H, W)", kind="data")
    d.block("encoder", at=(1, 1), label="image\nencoder", taper=1)
    d.block("positions", at=(2, 1), shape="(B, P, D)", kind="data")
    d.block("attend", at=(3, 1), label="attention", shape="weights (B, P)")
    d.block("context", at=(4, 1), label="context $c_t$", shape="(B, D)", kind="data")
    d.path("word", "embedding", "attention lstm")
    d.arrow("embedding", "language", out="top", into="top", tap=False)
    d.arrow("attention lstm", "attend", "query", out="right", into="top", side="top")
    d.path("image", "encoder", "positions")
    d.arrow("positions", "attend")
    d.path("attend", "context", "language", "linear", "next")
    d.arrow("context", "linear", out="right", into="bottom")
    d.show()


def transformer_captioner(layers: str = "N") -> None:
    """Display a Transformer captioner: decoder blocks with causal self-attention and cross-attention to the image."""
    d = Diagram(
        f"A Transformer captioner: {layers} decoder blocks let each word attend to the words before it, and to the "
        "positions of the image; all next words are predicted at once in training.",
        gap=(0.22, 0.3),
    )
    d.block("image", at=(1, 0), shape="(B, 3, H, W)", kind="data")
    d.block("encoder", at=(2, 0), label="image\nencoder", taper=1)
    d.block("memory", at=(3, 0), label="projection:\nkeys, values", shape="(B, P, D)")
    d.block("words", at=(0, 1), label="words from\n<start>", shape="(B, L)", kind="data")
    d.block("embedding", at=(1, 1), label="embedding\n+ position", shape="(B, L, D)")
    d.block("self", at=(2, 1), label="causal self-\nattention")
    d.block("cross", at=(3, 1), label="cross-\nattention")
    d.block("ff", at=(4, 1), label="feed-\nforward")
    d.block("linear", at=(5, 1), label="norm,\nlinear", shape="(B, L, V)")
    d.path("image", "encoder", "memory")
    d.path("words", "embedding", "self", "cross", "ff", "linear")
    d.arrow("memory", "cross")
    d.group(f"{layers} decoder blocks", "self", "cross", "ff")
    d.show()


def beam_search(next_words: Mapping[str, Mapping[str, float]] | None = None, width: int = 2) -> None:
    """Display beam search as a tree: sums of log-probabilities, of which the `width` largest are kept at each step.

    next_words  {beginning: {next word: probability}}, the first key is where the search starts; a beginning that is not
                there, or ends in <end>, is finished. None: an example
    """
    table = NEXT_WORDS if next_words is None else next_words
    if not table or width < 1:
        raise ValueError(f"{len(table)} beginnings and width {width}; expected at least one of each")
    if wrong := [p for words in table.values() for p in words.values() if not 0 < p <= 1]:
        raise ValueError(f"probabilities are {wrong}; expected numbers above 0, up to 1")
    start = next(iter(table))
    scores, kept, children, told = {start: 0.0}, [start], {}, []
    while any(text in table for text in kept):
        ahead = {}
        for text in kept:
            if text not in table:
                ahead[text] = scores[text]  # finished
                continue
            children[text] = [f"{text} {word}" for word in table[text]]
            ahead |= {f"{text} {word}": scores[text] + log(p) for word, p in table[text].items()}
        scores |= ahead
        kept = sorted(ahead, key=lambda text: -ahead[text])[:width]
        told.append(", ".join(f"{text} {_score(ahead[text])}{' pruned' * (text not in kept)}" for text in ahead))
    columns: list[dict[str, Box]] = []
    _place(columns, children, start, 0, 0.0)
    for column in columns:
        for text, box in column.items():
            box.text, box.note = text.split()[-1], _score(scores[text]) + ", best" * (text == kept[0])
            box.kind = "layer" if text == kept[0] else "data" if text in kept or text in children else "frozen"
    columns[0][start].note = ""
    links = [(text, child, child in kept or child in children) for text in children for child in children[text]]
    layers = Layers(columns, links, ["start", *(f"step {i}" for i in range(1, len(columns)))], gap=(0.6, 0.1))
    note = f"sums of log-probabilities; dashed: pruned (width {width})"
    wide, high = layers.size
    canvas = Canvas(2 * MARGIN + max(wide, measure(note, SMALL)[0]), 2 * MARGIN + high + 0.3)
    layers.draw(canvas, left=(canvas.sheet.right - wide) / 2)
    canvas.text(canvas.sheet.right / 2, canvas.sheet.bottom - MARGIN - 0.06, note, SMALL, colour=QUIET)
    canvas.show(
        f"Beam search of width {width} with sums of log-probabilities; the best caption is "
        f"'{kept[0].removesuffix(END).strip()}'. Diagram: "
        f"{'; '.join(f'step {i}: {step}' for i, step in enumerate(told, 1))}."
    )


def _place(columns: list[dict[str, Box]], children: dict[str, list[str]], text: str, depth: int, row: float) -> float:
    """Add a beginning and all that follows it, its first leaf in `row`.   -> the row behind its last leaf"""
    if depth == len(columns):
        columns.append({})
    box = columns[depth][text] = Box("", row=row)
    first, rows = row, []
    for child in children.get(text, ()):
        row = _place(columns, children, child, depth + 1, row)
        rows.append(columns[depth + 1][child].row)
    if rows:
        box.row = (rows[0] + rows[-1]) / 2
    return row if rows else first + 1


def _score(score: float) -> str:
    return f"{score + 0.0:.2f}".replace("-", "−")
