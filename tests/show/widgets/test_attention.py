"""The attention explorer without a browser: what Python makes of a sentence that was typed, and its still picture."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mmcourse.data.text import Vocabulary
from mmcourse.models.transformer import TransformerClassifier
from mmcourse.picturebook.sentence import VOCABULARY, encode
from mmcourse.show.widgets.attention import MEAN, MOST, attention_explorer

SENTENCES = ["a big red fish above a small blue boat", "a tree is left of the moon"]


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = TransformerClassifier(2, len(VOCABULARY), width=16, heads=4, layers=2)
    with torch.no_grad():
        for block in model.encoder.blocks:
            block.attention.query.weight *= 8
            block.attention.key.weight *= 8
    return model


def sent(widget):
    """The maps as the browser reads them.   (layers, heads, T, T)"""
    result = widget.result
    shape = result["layers"], result["heads"], len(result["words"]), len(result["words"])
    return torch.from_numpy(np.frombuffer(result["maps"], "<u2").reshape(shape).astype("float32") / 65535)


def test_the_maps_are_the_models_and_every_row_sums_to_one(model):
    widget = attention_explorer(model, SENTENCES)
    for sentence in (*SENTENCES, "moon"):
        widget.sentence = sentence
        expected = model.attention_maps(torch.tensor([encode(sentence)]))[:, 0]
        torch.testing.assert_close(widget.maps, expected)
        assert widget.words == sentence.split()
        torch.testing.assert_close(widget.maps.sum(-1), torch.ones(2, 4, len(widget.words)))
        torch.testing.assert_close(sent(widget), expected, atol=1e-5, rtol=0)


def test_layer_and_head_choose_the_weights(model):
    widget = attention_explorer(model, SENTENCES)
    assert widget.layer == 1 and widget.head == MEAN
    torch.testing.assert_close(widget.weights, widget.maps[1].mean(0))
    widget.layer, widget.head = 0, 3
    torch.testing.assert_close(widget.weights, widget.maps[0, 3])
    begun = attention_explorer(model, SENTENCES, layer=0, head=2)
    torch.testing.assert_close(begun.weights, widget.maps[0, 2])


def test_padding_that_encode_adds_is_left_out(model):
    padded = attention_explorer(model, SENTENCES, encode=lambda text: encode(text) + [0, 0, 0])
    plain = attention_explorer(model, SENTENCES)
    torch.testing.assert_close(padded.maps, plain.maps)
    assert len(padded.words) == len(plain.words)


def test_unknown_words_are_marked(model):
    widget = attention_explorer(model, SENTENCES)
    widget.sentence = "The ZEBRA is left of the boat!"
    assert widget.words == ["the", "zebra", "is", "left", "of", "the", "boat"]
    assert widget.result["unknown"] == [False, True, False, False, False, False, False]


def test_words_are_cut_as_the_vocabulary_cuts_them(model):
    vocabulary = Vocabulary(["a", "fish", "is", "n't", "good", "!"])
    widget = attention_explorer(model, ["A fish isn't good!"], encode=vocabulary.encode)
    assert widget.words == ["a", "fish", "is", "n't", "good", "!"] and not any(widget.unknown)
    by_letters = attention_explorer(model, ["abc d"], encode=lambda text: [2, 3, 4, 5, 6])
    assert by_letters.words == ["2", "3", "4", "5", "6"]


@pytest.mark.parametrize("nothing", ["", "   ", "!?"])
def test_an_empty_sentence_shows_nothing_and_the_next_one_is_read(model, nothing):
    widget = attention_explorer(model, SENTENCES, classes=("no", "yes"))
    widget.sentence = nothing
    assert widget.words == [] and widget.guess is None and "Write" in widget.result["note"]
    assert widget.result["layers"] == 2 and widget.result["heads"] == 4
    assert widget.still()[0].startswith(b"\x89PNG")
    widget.sentence = SENTENCES[1]
    assert len(widget.words) == 7 and widget.result["note"] == "" and widget.guess is not None


def test_the_prediction_is_the_models(model, modes_kept):
    with modes_kept(model, model.encoder.blocks[0]):
        widget = attention_explorer(model, SENTENCES, classes=("no", "yes"))
        widget.sentence = SENTENCES[1]
    expected = model.eval()(torch.tensor([encode(SENTENCES[1])]))[0].softmax(0)
    name, probability = widget.guess
    assert name == ("no", "yes")[int(expected.argmax())]
    assert probability == pytest.approx(expected.max().item(), abs=1e-5)
    assert [name for name, _ in widget.result["guesses"]] == [name for name, _ in widget.guesses]
    assert attention_explorer(model, SENTENCES).result["guesses"] == []


def test_a_long_text_is_cut_and_says_so(model):
    widget = attention_explorer(model, SENTENCES)
    widget.sentence = "a fish " * MOST
    assert len(widget.words) == MOST and f"{2 * MOST} words; the first {MOST}" in widget.result["note"]


def test_what_the_model_cannot_read_is_said_and_not_raised():
    model = TransformerClassifier(2, len(VOCABULARY), width=16, heads=2, layers=1, longest=5)
    widget = attention_explorer(model, ["a red fish"])
    widget.sentence = SENTENCES[0]
    assert widget.words == [] and "5" in widget.result["note"]
    widget.sentence = "a red boat"
    assert widget.words == ["a", "red", "boat"] and widget.result["note"] == ""


def test_the_still_picture_and_its_alt_text(model):
    widget = attention_explorer(model, SENTENCES, classes=("no", "yes"))
    data, metadata = widget._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 90_000
    alt = metadata["image/png"]["alt"]
    position, words = divmod(int(widget.weights.argmax()), len(widget.words)), widget.words
    assert f"{words[position[0]]} attends to {words[position[1]]}" in alt
    assert "Run the cell" in alt and f"Predicted: {widget.guess[0]}" in alt


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": nn.Linear(2, 2)}, "no attention_maps"),
        ({"sentences": "a fish"}, "list of one text"),
        ({"sentences": []}, "list of one text"),
        ({"sentences": ["", "a fish"]}, "no word"),
        ({"classes": ("a", "b", "c")}, "3 classes"),
        ({"layer": 2}, "layer is 2"),
        ({"head": 4}, "head is 4"),
        ({"head": -2}, "-1 for the mean"),
    ],
)
def test_what_does_not_fit_is_refused(model, change, says):
    given = {"model": model, "sentences": SENTENCES} | change
    with pytest.raises(ValueError, match=says):
        attention_explorer(**given)
