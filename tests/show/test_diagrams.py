"""Diagrams: what they show, that it can be read, and what they refuse."""

import base64
import json
import re
import subprocess
import sys
from itertools import combinations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from torch import nn

from mmcourse.models import attribution
from mmcourse.show import diagrams, style
from mmcourse.show.diagrams import Branch, Diagram
from mmcourse.show.diagrams.canvas import Canvas, Rect, measure
from mmcourse.show.diagrams.grids import Grid, Maps, Strip
from mmcourse.show.diagrams.layout import distribute
from mmcourse.show.diagrams.masks import mask_of
from mmcourse.show.diagrams.nodes import KINDS, QUIET, Block
from mmcourse.show.diagrams.subwords import merge_steps
from mmcourse.show.diagrams.words import plain

BEAMS = Branch("start", children=[Branch("a", "−0.4", [Branch("fish"), Branch("boat")]), Branch("the", pruned=True)])
FRAMES = torch.tensor([[0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.2, 0.1, 0.7]])
VALUES = {frozenset(): 0.1, frozenset("a"): 0.9, frozenset("b"): 0.9, frozenset("ab"): 0.9}
CASES = {name: getattr(diagrams, name) for name in diagrams.READY} | {
    "cross-attention": lambda: diagrams.attention_head(cross=True),
    "two heads more": lambda: diagrams.multi_head_attention(heads=8),
    "six words": lambda: diagrams.rnn_unrolled(["a", "big", "red", "fish", "swims", "away"]),
    "other receptive field": lambda: diagrams.receptive_field((5, 3), (2, 2)),
    "mask of another shape": lambda: diagrams.attention_masks({"cross": torch.rand(2, 3) > 0.5}, "ab", keys="xyz"),
    "first token masked": lambda: diagrams.masked_token_prediction(["the", "blue", "boat"], masked=0),
    "long chain": lambda: diagrams.flow([(f"layer {i}", "(B, T, D)") for i in range(11)], "A chain in rows."),
    "chain downwards": lambda: diagrams.flow([("x", "(B, T)"), ("embedding", "(B, T, D)"), "GRU"], "Down.", down=True),
    "tree": lambda: diagrams.tree(BEAMS, "Beam search."),
    "collapse of one frame": lambda: diagrams.ctc_collapse("-"),
    "lattice with probabilities": lambda: diagrams.ctc_lattice("ab", probabilities=FRAMES, symbols="-ab"),
    "large lattice": lambda: diagrams.ctc_lattice("abba", frames=6),
    "large prefix search": lambda: diagrams.prefix_beam(torch.full((4, 3), 1 / 3), width=4),
    "length regulator of one letter": lambda: diagrams.length_regulator("i", [16]),
    "GAN of sentences": lambda: diagrams.conditional_gan("sentence"),
    "one Euler step": lambda: diagrams.flow_matching(steps=1),
    "strong guidance": lambda: diagrams.guidance(scale=5),
    "other pairing": lambda: diagrams.pairing("small house", "big house"),
    "two modalities with values": lambda: diagrams.shapley_orders(["a", "b"], VALUES),
    "four pairs": lambda: diagrams.contrastive_matrix(torch.eye(4), temperature=0.07),
    "image once": lambda: diagrams.show_and_tell(every_step=False),
    "wide beam": lambda: diagrams.beam_search(width=3),
    "recogniser of every frame": lambda: diagrams.recogniser(stride=1, mels="80"),
}


@pytest.fixture
def canvases(monkeypatch, shown):
    """Every sheet that is displayed."""
    kept, show = [], Canvas.show

    def keep(self, alt):
        kept.append(self)
        show(self, alt)

    monkeypatch.setattr(Canvas, "show", keep)
    return kept


def drawn_boxes(canvas: Canvas) -> list[tuple[str, Rect]]:
    """Every text with its bounding box in inches from the upper left, as a renderer of its own finds it."""
    renderer, dpi, high = FigureCanvasAgg(canvas.figure).get_renderer(), canvas.figure.dpi, canvas.sheet.bottom
    boxes = [(item.get_text(), item.get_window_extent(renderer)) for item in canvas.axes.texts]
    return [(text, Rect(b.x0 / dpi, high - b.y1 / dpi, b.x1 / dpi, high - b.y0 / dpi)) for text, b in boxes]


@pytest.mark.parametrize("name", CASES)
def test_a_diagram_is_small_has_alt_text_and_can_be_read(name, canvases, shown):
    CASES[name]()
    (data, metadata, *_), (canvas,) = shown[0], canvases
    assert len(shown) == 1 and '"diagram"' in json.dumps(metadata) and metadata["diagram"] is True
    assert metadata["image/png"]["width"] <= 800
    assert "$" not in shown.alt() and "\\" not in shown.alt() and len(shown.alt().split()) >= 8
    assert len(base64.b64decode(data["image/png"])) < 60_000
    texts = drawn_boxes(canvas)
    assert len(texts) == len(canvas.texts)
    for text, rect in texts:
        assert canvas.sheet.contains(rect), text
    for (text, rect), (_, holder) in zip(texts, canvas.texts, strict=True):
        assert holder is None or holder.contains(rect), text
    for (text, rect), (other, there) in combinations(texts, 2):
        assert not rect.grown(-0.01).overlaps(there.grown(-0.01)), (text, other)
    for (block, rect), (other, there) in combinations(canvas.boxes, 2):
        assert not rect.grown(-0.01).overlaps(there), (block, other)
    assert min(item.get_fontsize() for item in canvas.axes.texts) >= 9


def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Of WCAG 2: 1 for the same colour, 21 for black on white."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_colours_stand_out(kind):
    fill, edge = KINDS[kind]
    assert contrast(style.INK, fill) >= 7 and contrast(QUIET, fill) >= 4.5
    assert kind == "text" or contrast(edge, style.PAPER) >= 3


def chain(**options) -> Diagram:
    diagram = Diagram("Three blocks.", **options)
    for i, name in enumerate("abc"):
        diagram.block(name, at=(i, 0))
    return diagram


def test_alt_text_tells_the_structure(shown):
    diagram = Diagram("A classifier of sentences.")
    diagram.block("x", at=(0, 0), label="tokens", shape="(B, T)", kind="data")
    diagram.block("embedding", at=(1, 0), shape="(B, T, D)")
    diagram.dot("branch", at=(2, 0))
    diagram.block("h", at=(3, 0), label=r"$\hat h_{t-1}$")
    diagram.block("mean", at=(3, 1), kind="operation")
    diagram.path("x", "embedding", "branch", "h")
    diagram.arrow("branch", "mean", "words")
    diagram.group("encoder", "embedding", "branch", "h", "mean")
    diagram.show()
    assert shown.alt() == (
        "A classifier of sentences. Diagram: tokens (B, T) to embedding (B, T, D) to h hat t-1; "
        "embedding (words) to mean; encoder: embedding (B, T, D), h hat t-1, mean."
    )


def test_a_chain_puts_shapes_on_its_arrows(shown):
    diagrams.flow([("tokens", "(B, T)"), ("embedding", "(B, T, D)"), ("linear", "(B, K)")], "A bag of words.")
    assert "tokens (B, T) to embedding (B, T, D) to linear (B, K)" in shown.alt()


def test_a_tree_tells_its_branches(shown):
    diagrams.tree(BEAMS, "Beam search.")
    assert "start to a −0.4 to fish; a to boat; start to the pruned" in shown.alt()


def test_a_wide_chain_goes_on_in_further_rows(canvases):
    diagrams.flow(["a short label"] * 3, "Short.")
    diagrams.flow(["a short label"] * 10, "Long.")
    one, many = (canvas.sheet for canvas in canvases)
    assert many.bottom > 1.5 * one.bottom


def test_a_residual_connection_goes_around_what_stands_between(canvases):
    diagram = chain()
    diagram.path("a", "b", "c")
    diagram.arrow("a", "c", out="top", into="top", tap=True)
    diagram.show()
    boxes, (_, detour, _) = dict(canvases[0].boxes), canvases[0].lines[-1]
    assert min(y for _, y in detour) < boxes["b"].top - 0.1
    assert detour[0][0] > boxes["a"].right and detour[-1][1] == pytest.approx(boxes["c"].top)


def test_a_stretched_block_covers_its_columns_and_is_reached_straight(canvases):
    diagram = chain()
    diagram.block("wide", at=(0, 1), until=(2, 1))
    for name in "abc":
        diagram.arrow(name, "wide", out="bottom", into="top")
    diagram.show()
    boxes = dict(canvases[0].boxes)
    assert boxes["wide"].left < boxes["a"].right and boxes["wide"].right > boxes["c"].left
    assert all(len(points) == 2 for _, points, _ in canvases[0].lines)


def test_a_diagram_that_is_slightly_too_wide_moves_together(canvases):
    fits = 0.3 + (7.7 - chain().width()) / 2  # two gaps between three blocks
    for gap in (fits, fits + 0.5, 2 * fits):
        if gap < 2 * fits:
            chain(gap=(gap, 0.3)).show()
        else:
            with pytest.raises(ValueError, match="inches wide"):
                chain(gap=(gap, 0.3)).show()
    wide, moved = (canvas.sheet.right for canvas in canvases)
    assert moved < wide <= 8


def test_blocks_grow_with_their_text():
    assert Block("x", "a very long label indeed").rect.right > Block("x", "short").rect.right
    assert Block("x", "one\ntwo\nthree").rect.bottom > Block("x", "one").rect.bottom
    assert measure("two\nlines")[1] == pytest.approx(2 * measure("line")[1])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6), st.floats(0.1, 3)), min_size=1, max_size=8))
def test_columns_keep_their_distances_and_proportions(halves):
    needs = [(start / 2, (start + steps) / 2, distance) for start, steps, distance in halves]
    at = distribute([c for a, b, _ in needs for c in (a, b)] + [0, 0.5, 1], needs)
    assert all(at[b] - at[a] >= distance - 1e-9 for a, b, distance in needs)
    assert at[0.5] == pytest.approx((at[0] + at[1]) / 2)
    assert list(at.values()) == sorted(at.values())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: d.block("a", at=(3, 0)), "already a block 'a'"),
        (lambda d: d.arrow("a", "z"), "no block 'z' for an arrow; the blocks are 'a', 'b', 'c'"),
        (lambda d: d.arrow("a", "a"), "from 'a' to itself"),
        (lambda d: d.arrow("a", "b", kind="solid"), "'solid'; expected one of forward, gradient, shared"),
        (lambda d: d.arrow("a", "b", out="up"), "the side 'up'"),
        (lambda d: d.arrow("a", "b", side="above"), "label on the side 'above'"),
        (lambda d: d.path("a"), "at least two names"),
        (lambda d: d.group("g", "a", "z"), r"unknown blocks \['z'\]"),
        (lambda d: d.block("d", at=(0, 1), kind="box"), "'box'; expected one of layer"),
        (lambda d: d.block("d", at=3), "expected a column and a row"),
        (lambda d: d.block("d", at=(1, 1), until=(0, 1)), "back to"),
        (lambda d: d.block("d", at=(1, 0)), "'b' and 'd' overlap"),
        (lambda d: d.arrow("a", "c"), "from 'a' to 'c' crosses the block 'b'"),
        (lambda d: d.group("g", "a", "c"), "block 'b' stands in the frame of the group 'g'"),
        (lambda d: d.block("d", at=(3, 0), label="far too long " * 8), "inches wide; expected at most 8"),
        (lambda d: d.strip("s", at=(0, 1), cells=[]), "no cells"),
        (lambda d: d.strip("s", at=(0, 1), cells="ab", marked=[2]), "cells 0 to 1"),
        (lambda d: d.grid("m", at=(0, 1), cells=[1.0]), r"expected \(rows, columns\)"),
        (lambda d: d.grid("m", at=(0, 1), cells=torch.eye(2), rows=["a"]), "2 rows and 1 names"),
        (lambda d: d.maps("m", at=(0, 1), shape=(3, 32)), r"expected \(channels, height, width\)"),
    ],
)
def test_what_cannot_be_read_is_refused(make, message, shown):
    diagram = chain()
    with pytest.raises(ValueError, match=message):
        make(diagram)
        diagram.show()
    assert not shown


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Diagram(" "), "summary is empty"),
        (lambda: Diagram("Nothing.").show(), "diagram is empty"),
        (lambda: diagrams.flow(["x"], "One."), "1 steps"),
        (lambda: diagrams.flow(["x", ("y", "(B)", "layer", "?")], "Four."), "expected a label"),
        (lambda: diagrams.two_towers(batch=1), "2 to 8 examples"),
        (lambda: diagrams.rnn_unrolled([]), "0 words"),
        (lambda: diagrams.multi_head_attention(heads=2), "at least 3"),
        (lambda: diagrams.convolution(size=2), "no larger than the image"),
        (lambda: diagrams.convolution(stride=0), "stride is 0"),
        (lambda: diagrams.convolution(row=3), "the output is 3 by 3"),
        (lambda: diagrams.receptive_field((3, 3), (1,)), "1 to 4 of each"),
        (lambda: diagrams.masked_token_prediction(masked=4), "one of them masked"),
        (lambda: diagrams.byte_pair_merges({"fish": 0}), "words that occur"),
        (lambda: diagrams.length_regulator("ab", (1, 2, 3)), "one duration for each letter"),
        (lambda: diagrams.length_regulator("ab", (0, 2)), "from 1 frame on"),
        (lambda: diagrams.pairing("red fish", "red fish"), "two different descriptions"),
        (lambda: diagrams.cross_attention_model(heads=0), "heads is 0"),
        (lambda: diagrams.shapley_orders(["a", "a"]), "2 or 3 different names"),
        (lambda: diagrams.shapley_orders(["a", "b"], {frozenset(): 0.0}), r"lack the sets \[\['a'\], \['b'\], "),
        (lambda: diagrams.contrastive_matrix(torch.eye(5)), "2 to 4 pairs"),
        (lambda: diagrams.show_and_tell([]), "0 words"),
        (lambda: diagrams.beam_search(width=0), "width 0"),
        (lambda: diagrams.beam_search({"a": {"fish": 0.0}}), "above 0, up to 1"),
        (lambda: diagrams.dcgan_generator(stages=[(3, 4, 4)]), "at least two"),
        (lambda: diagrams.attention_masks({"m": torch.ones(3, 3).bool()}, "ab"), "one row for each query"),
        (lambda: diagrams.attention_masks({"m": torch.ones(2, 2)}, "ab"), "float32"),
        (lambda: diagrams.attention_masks({"m": "padding"}, "ab"), "'causal' or 'bidirectional'"),
        (lambda: diagrams.attention_masks({}), "0 masks"),
    ],
)
def test_bad_input_gets_a_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
    with pytest.raises(TypeError, match="expected a Branch"):
        diagrams.tree("a", "A word.")


def test_faults_of_a_sheet_are_found():
    sheet = Canvas(4, 4)
    sheet.box(Rect(0, 0, 1, 1), "a", "#ffffff", "#000000")
    sheet.text(0.5, 0.5, "far too long for it", within=Rect(0, 0, 1, 1))
    sheet.text(3.9, 3, "cut off")
    sheet.line([(0, 2), (2, 2)], "one", ("p", "q"))
    sheet.line([(1, 2), (3, 2)], "another", ("r", "s"))
    sheet.text(2.5, 2, "crossed")
    sheet.group(Rect(1.5, 2.5, 3, 3.5), "#ffffff", "#000000")
    sheet.text(3, 3.3, "on the frame")
    found = "; ".join(sheet.faults())
    for fault in (
        "'far too long for it' leaves its block", "'cut off' leaves the sheet", "one and another lie on each other",
        "another crosses the text 'crossed'", "'on the frame' crosses a group's frame",
    ):  # fmt: skip
        assert fault in found


@pytest.mark.parametrize("length", [1, 2, 5])
def test_masks_are_those_of_torch(length, canvases):
    tokens = [f"w{i}" for i in range(length)]
    theirs = nn.Transformer.generate_square_subsequent_mask(length)
    assert torch.equal(mask_of("causal", tokens), theirs == 0)
    assert mask_of("bidirectional", tokens).all()
    x = torch.randn(1, 1, length + 1, 4)
    padded = mask_of("bidirectional", [*tokens, "<pad>"])
    ours = F.scaled_dot_product_attention(x, x, x, attn_mask=padded)
    assert torch.allclose(ours, F.scaled_dot_product_attention(x, x[:, :, :-1], x[:, :, :-1]), atol=1e-6)


def test_a_drawn_mask_is_the_one_that_is_meant(shown):
    diagrams.attention_masks({"GPT": "causal"}, ["a", "red", "<pad>"])
    assert "GPT: a attends to a, red attends to a red, <pad> attends to a red" in shown.alt()
    grid = Grid("m", mask_of("causal", "abc"))
    assert torch.equal(torch.as_tensor(grid.cells), torch.ones(3, 3).tril().bool())


@pytest.mark.parametrize(
    ("kernels", "strides"), [((3, 3, 3), (1, 2, 1)), ((5, 3), (2, 2)), ((2,), (1,)), ((3, 1, 2), (3, 1, 2))]
)
def test_the_receptive_field_is_that_of_convolutions(kernels, strides, shown):
    x = torch.zeros(1, 1, 64, requires_grad=True)
    y = x
    for k, s in zip(kernels, strides, strict=True):
        y = F.conv1d(y, torch.ones(1, 1, k), stride=s)
    y[0, 0, 0].backward()
    diagrams.receptive_field(kernels, strides)
    assert f"depends on {int((x.grad != 0).sum())} inputs" in shown.alt()
    assert f"receptive field {int((x.grad != 0).sum())}." in shown.alt()


@pytest.mark.parametrize(("stride", "row", "column"), [(1, 2, 3), (2, 1, 1), (3, 0, 1)])
def test_the_convolution_is_that_of_torch(stride, row, column, shown, monkeypatch):
    seen = {}
    monkeypatch.setattr(Diagram, "grid", lambda self, name, at, cells, **options: seen.update({name: options["texts"]}))
    monkeypatch.setattr(Diagram, "show", lambda self: None)
    diagrams.convolution(stride=stride, row=row, column=column)
    image, kernel, output = (
        torch.tensor([[float(text.replace("−", "-")) for text in line] for line in seen[name]])
        for name in ("input", "kernel", "output")
    )
    assert torch.equal(F.conv2d(image[None, None], kernel[None, None], stride=stride)[0, 0], output)


def test_the_length_regulator_repeats_states_as_torch_does(canvases):
    diagrams.length_regulator("cab", (2, 1, 4))
    cells = [text for text, rect in drawn_boxes(canvases[0]) if rect.top > canvases[0].sheet.bottom - 0.5]
    repeated = torch.arange(3).repeat_interleave(torch.tensor([2, 1, 4]))
    assert cells[1:] == [f"$h_{{{'cab'[i]}}}$" for i in repeated]


def test_shapley_values_are_those_of_the_package(shown):
    sets = map(frozenset, ["", "a", "b", "c", "ab", "ac", "bc", "abc"])
    values = {some: float(len(some) ** 2 + ("a" in some)) for some in sets}
    diagrams.shapley_orders("abc", values)
    expected = attribution.shapley(values.get, ("a", "b", "c"))
    assert shown.alt().endswith(", of ".join(f"{name} {value:.2f}" for name, value in expected.items()) + ".")


def test_the_contrastive_loss_is_the_mean_of_both_cross_entropies(shown):
    similarities = torch.rand(3, 3, generator=torch.Generator().manual_seed(0))
    diagrams.contrastive_matrix(similarities, temperature=0.1)
    pairs = torch.arange(3)
    loss = (F.cross_entropy(similarities / 0.1, pairs) + F.cross_entropy(similarities.T / 0.1, pairs)) / 2
    assert f"mean of -log diagonal = {loss:.2f}" in shown.alt()


@pytest.mark.parametrize(("width", "best"), [(1, "a small fish"), (2, "a big fish"), (9, "a big fish")])
def test_a_beam_finds_what_the_greedy_choice_misses(width, best, shown):
    diagrams.beam_search(width=width)
    assert f"the best caption is '{best}'" in shown.alt()
    kept = re.findall(r"step 1: (.*?); step 2", shown.alt())[0].split(", ")
    assert sum("pruned" not in text for text in kept) == min(width, 3)


def test_a_beam_adds_log_probabilities(shown):
    diagrams.beam_search({"a": {"cat": 0.5, "dog": 0.5}, "a cat": {"<end>": 0.25}, "a dog": {"<end>": 1.0}}, width=2)
    assert "a cat <end> −2.08, a dog <end> −0.69" in shown.alt() and "best caption is 'a dog'" in shown.alt()


def test_merges_take_the_most_frequent_pair():
    words = {"low": 2, "lower": 1, "newer": 3}
    steps = merge_steps(words, 3)
    assert [(pair, count) for pair, count, _ in steps][:1] == [(("w", "e"), 4)]
    assert steps[1][0] == ("we", "r") and steps[1][1] == 4
    for _, _, split in steps:
        assert ["".join(tokens) for tokens in split] == list(words)
    assert [sum(map(len, split)) for *_, split in steps] == sorted((sum(map(len, s)) for *_, s in steps), reverse=True)
    assert len(merge_steps({"ab": 1}, 5)) == 1


def test_more_channels_are_more_sheets():
    sheets = [Maps("m", (channels, 8, 8)).sheets for channels in (1, 3, 16, 128)]
    assert sheets == sorted(set(sheets)) and sheets[:2] == [1, 3]
    assert Strip("s", ["a", "long token"]).widths[1] > Strip("s", ["a", "b"]).widths[1]


def test_formulas_become_words():
    assert plain(r"$\hat x_{t-1}$ of $\sigma^2$") == "x hat t-1 of sigma squared"
    assert plain("3 × 32 × 32") == "3 by 32 by 32"
    assert plain("block × 6") == "block times 6"


def test_names_load_in_any_order_and_lightly():
    code = (
        "import sys; from mmcourse.show import diagrams; assert 'matplotlib' not in sys.modules; "
        "names = [getattr(diagrams, name) for name in diagrams.__all__ if name != 'READY']; "
        "assert all(map(callable, names)), names; "
        "assert all(callable(getattr(diagrams, name)) for name in diagrams.__all__ if name != 'READY')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
