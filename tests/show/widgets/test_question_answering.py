"""The asking explorer without a browser: where a word looks, what a growing question is answered, its still picture."""

import base64
import io

import pytest
import torch
from PIL import Image
from torch import nn

from mmcourse.models.question_answering import QuestionAnswerer
from mmcourse.picturebook.sentence import VOCABULARY, encode
from mmcourse.show.widgets.question_answering import MOST, position_of, question_answering_explorer

SENTENCES = ["a red fish above a small blue boat", "a tree is left of the moon, at night"]
ANSWERS = ("red", "blue", "small", "big")


def speak(word):
    return torch.sin(torch.arange(4_000) * 0.05 * len(word)) * 0.1


def encode_sound(sounds):
    return torch.stack([torch.tensor([sound.std(), sound[:50].sum(), len(sound) / 1e4]) for sound in sounds])


@pytest.fixture
def given():
    torch.manual_seed(0)
    model = QuestionAnswerer(len(ANSWERS), len(VOCABULARY), image_width=7, sound_width=3, width=8, heads=2)
    return {
        "model": model,
        "images": torch.rand(2, 3, 32, 32),
        "positions": torch.randn(2, 16, 7),
        "sentences": SENTENCES,
        "speak": speak,
        "encode_sound": encode_sound,
        "classes": ANSWERS,
        "questions": ["what colour is it", "where is it"],
    }


def test_the_weights_are_the_models_for_every_word_of_the_page(given):
    widget = question_answering_explorer(**given)
    for page in (1, 0):
        widget.page = page
        words = widget.words
        sound = encode_sound([speak(word) for word in words])
        _, expected = given["model"].attend(given["positions"][page].expand(len(words), -1, -1), sound)
        torch.testing.assert_close(widget.weights, expected)
        assert widget.result["words"] == words and len(widget.result["sounds"]) == len(words)
        torch.testing.assert_close(torch.tensor(widget.result["weights"]), expected, atol=1e-4, rtol=0)
    assert words == ["a", "red", "fish", "above", "a", "small", "blue", "boat"]


def test_the_answers_grow_with_the_question(given):
    widget = question_answering_explorer(**given)
    widget.page, widget.word, widget.question = 1, 3, "where is it?"
    assert [words for words, _ in widget.steps] == ["where", "where is", "where is it"]
    sound = encode_sound([speak(widget.words[3])])
    for i, (_, best) in enumerate(widget.steps):
        tokens = torch.tensor([encode("where is it")[: i + 1]])
        expected = given["model"].eval()(given["positions"][1:], sound, tokens)[0].softmax(0)
        assert best[0][0] == ANSWERS[int(expected.argmax())]
        assert best[0][1] == pytest.approx(expected.max().item(), abs=1e-3)
    assert widget.result["answers"][3] == [best for _, best in widget.steps]


def test_the_word_stays_within_the_page(given):
    widget = question_answering_explorer(**given)
    widget.page, widget.word = 1, 8
    widget.page = 0
    assert widget.word == len(widget.words) - 1 and widget.steps


def test_unknown_long_and_empty_questions(given):
    widget = question_answering_explorer(**given)
    widget.question = "what zebra is it"
    assert "zebra" in widget.result["note"]
    widget.question = "what is it " * MOST
    assert len(widget.steps) == MOST and f"first {MOST}" in widget.result["note"]
    widget.question = "  ?"
    assert widget.steps == [] and widget.still()[0].startswith(b"\x89PNG")


def test_the_model_keeps_its_modes_and_is_asked_in_evaluation_mode(given, modes_kept):
    model = given["model"]
    model.key.append(torch.nn.Dropout())
    with modes_kept(model, model.film):
        weights = question_answering_explorer(**given).weights
    torch.testing.assert_close(weights, question_answering_explorer(**given | {"model": model.eval()}).weights)


def test_pages_of_bytes_are_shown_as_they_are(given):
    images = (given["images"] * 255).byte()
    expected = question_answering_explorer(**given | {"images": images / 255}).images
    assert question_answering_explorer(**given | {"images": images}).images == expected


def test_the_still_picture_and_its_alt_text(given):
    widget = question_answering_explorer(**given)
    data, metadata = widget._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 500
    alt = metadata["image/png"]["alt"]
    assert SENTENCES[0] in alt and f"spoken word '{widget.words[widget.word]}'" in alt and "after 'what colour'" in alt


def test_a_place_in_words():
    weights = torch.zeros(16)
    weights[6] = 0.6
    assert position_of(weights) == "row 2, column 3 (0.60)"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": torch.rand(1, 3, 8, 8)}, "as many of each"),
        ({"positions": torch.randn(2, 15, 7)}, "square number"),
        ({"questions": ["?"]}, "holds no word"),
        ({"classes": ("a", "b")}, "2 classes"),
        ({"encode_sound": lambda sounds: torch.zeros(3)}, "encode_sound gave shape"),
        ({"model": nn.Linear(2, 2)}, "no attend"),
    ],
)
def test_what_does_not_fit_is_refused(given, change, says):
    with pytest.raises(ValueError, match=says):
        question_answering_explorer(**given | change)
