"""The widget that reads along, without a browser."""

import base64
import io
import subprocess
import sys

import pytest
import torch
from PIL import Image

from mmcourse.data.text import Vocabulary
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.saliency import saliency
from mmcourse.models.textcnn import BagOfWords, TextCNN
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.picturebook.sentence import encode as encode_page
from mmcourse.show import saliency_explorer
from mmcourse.show.widgets.base import STATIC
from mmcourse.show.widgets.saliency import MOST_WORDS, STRONGEST, TINTS, words_of

SENTENCE = "a big red fish above a small blue boat"
CLASSES = ("no", "yes")


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SentenceClassifier(2, len(VOCABULARY), width=8, dropout=0.5)


@pytest.fixture
def widget(model):
    return saliency_explorer(model, SENTENCE, CLASSES)


def words(widget):
    return [word for word, *_ in widget.result["words"]]


def test_what_is_typed_is_what_the_model_reads(widget, model):
    before = widget.result
    widget.text = "A small DRAGON, over a boat"
    assert words(widget) == ["a", "small", "dragon", "over", "a", "boat"] and widget.result != before
    tokens = torch.tensor([encode_page(widget.text)])
    expected = model.eval()(tokens).softmax(1)[0].detach()
    assert [i for i, _ in widget.result["guesses"]] == [0, 1]
    torch.testing.assert_close(torch.tensor([p for _, p in widget.result["guesses"]]), expected)
    name, probability = widget.guess
    assert CLASSES.index(name) == int(expected.argmax()) and probability == pytest.approx(float(expected.max()))
    assert [unknown for *_, unknown in widget.result["words"]] == [False, False, True, False, False, False]


def test_tints_are_the_saliency_of_the_class_that_is_asked_for(widget, model):
    tokens = torch.tensor([encode_page(SENTENCE)])
    best = int(model.eval()(tokens).argmax())
    for explained, of in ((-1, best), (0, 0), (1, 1), (7, best)):
        widget.explained = explained
        found = torch.tensor([says for _, says, _ in widget.result["words"]])
        torch.testing.assert_close(found, saliency(model, tokens, of)[0])
        assert widget.result["chosen"] == of


def test_no_word_and_two_hundred_and_too_many(widget):
    for empty in ("", "   ", "?!"):
        widget.text = empty
        assert widget.result["words"] == [] and widget.guess is None and "no word yet" in widget.result["note"]
        assert widget.still()[0]
    widget.text = "the red fish and a dragon " * 34
    assert len(words(widget)) == 204 and widget.result["note"] == "" and widget.guess
    assert widget.still()[0]
    widget.text = "fish " * (MOST_WORDS + 44)
    assert len(words(widget)) == MOST_WORDS
    assert f"first {MOST_WORDS} of {MOST_WORDS + 44} words" in widget.result["note"]


def test_words_stand_with_their_tokens_in_real_text():
    vocabulary = Vocabulary.of(["It isn't bad, it's good.", "it isn't bad"], at_least=1)
    model = TextCNN(2, len(vocabulary), width=8, maps=4)
    widget = saliency_explorer(model, "It isn't <b>funny</b>!", ("negative", "positive"), encode=vocabulary.encode)
    assert words(widget)[:3] == ["it", "is", "n't"]
    known = [word in vocabulary.words for word in words(widget)]
    assert known[:3] == [True] * 3 and [not unknown for *_, unknown in widget.result["words"]] == known


@pytest.mark.parametrize(
    "encode, expected",
    [
        (lambda text: [3] * len(text.split()), ["don't", "stop", "now"]),
        (lambda text: [3] * 2, ["#3", "#3"]),
        (Vocabulary(["now"], tokenise=lambda text: list(text)).encode, list("Don't stop, now!")),
        (Vocabulary(["now"]).encode, ["do", "n't", "stop", ",", "now", "!"]),
    ],
)
def test_words_are_cut_as_the_tokens_are(encode, expected):
    text = "Don't stop, now!"
    assert words_of(text, encode(text), encode) == expected


def test_of_many_classes_the_most_probable_are_shown():
    torch.manual_seed(0)
    model = BagOfWords(12, len(VOCABULARY), width=8)
    widget = saliency_explorer(model, SENTENCE, [f"class {i}" for i in range(12)])
    shown = [p for _, p in widget.result["guesses"]]
    assert len(shown) == 6 and shown == sorted(shown, reverse=True) and widget.guess[1] == shown[0]


def test_watching_leaves_the_model_as_it_was(model, modes_kept):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with modes_kept(model, next(model.children())):
        saliency_explorer(model, SENTENCE, CLASSES).text = "a fish"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_text_that_the_model_refuses_is_said_in_the_widget(widget):
    widget.encode = lambda text: [len(VOCABULARY)]
    widget.text = "something"
    assert widget.guess is None and "outside" not in widget.text and "cannot process this" in widget.result["note"]
    widget.encode = encode_page
    widget.text = "a fish"
    assert widget.guess and widget.result["note"] == ""


def test_a_model_of_other_classes_is_refused(model):
    with pytest.raises(ValueError, match="3 classes"):
        saliency_explorer(model, SENTENCE, ("a", "b", "c"))


@pytest.mark.parametrize("sentence", [SENTENCE, "", "dragon " * 90, "x" * 200])
def test_its_still_picture_tells_what_is_there(model, sentence):
    data, metadata = saliency_explorer(model, sentence, CLASSES)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 90_000
    alt = metadata["image/png"]["alt"]
    assert "Run the cell" in alt and len(alt) < 500 and (("no 0." in alt and "yes 0." in alt) or not sentence)


def luminance(rgb):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("tint", TINTS.values())
@pytest.mark.parametrize("page, ink", [(1.0, 0.13), (0.067, 0.87)])
def test_letters_on_the_strongest_tint_can_be_read(tint, page, ink):
    """At least 4.5 to 1, for JupyterLab's text on a light and on a dark page."""
    colour = [int(tint[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    under = luminance([STRONGEST * c + (1 - STRONGEST) * page for c in colour])
    letters = luminance([ink] * 3)
    lighter, darker = max(under, letters), min(under, letters)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_its_script_ships_and_its_colours_are_pythons():
    text = (STATIC / "saliency.js").read_text(encoding="utf-8")
    for tint in TINTS.values():
        assert ", ".join(str(int(tint[i : i + 2], 16)) for i in (1, 3, 5)) in text


def test_the_bar_of_the_class_that_tints_explain_has_their_colour():
    """A word that speaks for 'no' and the bar of 'no' are of one colour, in the page and in the still picture."""
    css = (STATIC / "widgets.css").read_text(encoding="utf-8")
    assert f".mm-saliency .mm-explained .mm-bar {{ background: {TINTS[True]}; }}" in css
    assert f".mm-saliency .mm-answer .mm-bar {{ background: {TINTS[False]}; }}" in css
    assert "mm-explained" in (STATIC / "saliency.js").read_text(encoding="utf-8")


def test_the_still_bars_follow_the_class_that_is_explained(widget, monkeypatch):
    drawn = []
    monkeypatch.setattr("matplotlib.axes.Axes.barh", lambda axis, *a, color, **o: drawn.append(color))
    for explained in (0, 1):
        widget.explained = explained
        widget.still()
    assert drawn == [[TINTS[True], TINTS[False]], [TINTS[False], TINTS[True]]]


def test_naming_it_loads_neither_torch_nor_widgets():
    code = "import sys, mmcourse.show as s; print('saliency_explorer' in dir(s), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
