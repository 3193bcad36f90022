"""The widget of missing modalities: what it says is what the models say, with muted and noisy modalities."""

import base64
import io

import pytest
import torch
from PIL import Image
from torch import nn

from mmcourse.data.text import UNKNOWN
from mmcourse.models.branches import Branches, decisions_of, features_of
from mmcourse.show import missing_explorer
from mmcourse.tasks.naming import MASKED_NAME

CLASSES = ("fish", "boat", "star", "tree", "moon")


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)

    def forward(self, tokens):
        return self.embedding(tokens).mean(dim=1)


def branches(seed):
    torch.manual_seed(seed)
    encoders = {"image": nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), "sound": nn.Linear(6, 4), "text": Words()}
    model = Branches(encoders, width=4, classes=5).eval()
    nn.init.normal_(model.fusion.layers.weight, std=2)
    return model


@pytest.fixture
def models():
    return {"plain": branches(0), "with dropout": branches(1)}


@pytest.fixture
def inputs():
    torch.manual_seed(2)
    return torch.rand(3, 3, 4, 4), torch.randn(3, 6), torch.randint(2, 9, (3, 5))


@pytest.fixture
def widget(models, inputs):
    labels = torch.tensor([0, 3, 1])
    return missing_explorer(models, inputs, labels, CLASSES, torch.rand(3, 3, 16, 16), ["a fish", "a tree", "a boat"])


def probabilities(model, features, muted=()):
    return decisions_of(model, {n: x for n, x in features.items() if n not in muted}).softmax(1)


@pytest.mark.parametrize("muted", [[], ["sound"], ["image", "text"]])
def test_it_says_what_the_models_say_of_what_is_left(widget, models, inputs, muted):
    widget.muted = muted
    for page in range(3):
        widget.page = page
        for row in widget.result["models"]:
            made = features_of(models[row["model"]], [part[page : page + 1] for part in inputs])
            p = probabilities(models[row["model"]], made, muted)[0]
            assert row["guesses"][0][0] == CLASSES[int(p.argmax())]
            assert row["guesses"][0][1] == pytest.approx(float(p.max()), abs=1e-5)
            assert row["right"] == (int(p.argmax()) == [0, 3, 1][page])
            assert len(row["guesses"]) == 4


def test_with_everything_muted_it_still_answers(widget):
    widget.muted = ["image", "sound", "text"]
    before = widget.answers
    widget.page = 1
    assert widget.answers == before


def test_noise_grows_with_its_slider_and_is_the_same_noise(widget, inputs):
    clear = widget._noisy()
    assert all(torch.equal(part, whole[:1]) for part, whole in zip(clear, inputs, strict=True))
    widget.noise = {"image": 0.0, "sound": 0.25, "text": 0.0}
    some = widget._noisy()
    widget.noise = {"image": 0.0, "sound": 0.5, "text": 0.0}
    more = widget._noisy()
    assert torch.equal(some[0], clear[0]) and torch.equal(some[2], clear[2])
    assert torch.allclose(more[1] - clear[1], 2 * (some[1] - clear[1]), atol=1e-5)
    widget.noise = {"image": 1.0, "sound": 0.0, "text": 1.0}
    loud = widget._noisy()
    assert (loud[2] == UNKNOWN).all() and loud[0].min() >= 0 and loud[0].max() <= 1
    assert not torch.equal(loud[0], clear[0])


def test_the_sentence_shows_which_words_the_noise_hides(widget):
    assert widget.result["caption"] == "a fish"
    widget.noise = {"image": 0.0, "sound": 0.0, "text": 1.0}
    assert widget.result["caption"] == f"{MASKED_NAME} {MASKED_NAME}"
    widget.page = 1
    widget.noise = {"image": 0.0, "sound": 0.0, "text": 0.0}
    assert widget.result["caption"] == "a tree"


def test_a_muted_modality_is_not_heard_however_loud(widget):
    widget.muted = ["sound"]
    before = widget.answers
    widget.noise = {"image": 0.0, "sound": 1.0, "text": 0.0}
    assert widget.answers == before


def test_it_brings_a_picture_and_says_what_it_shows(widget):
    widget.muted = ["sound"]
    data, metadata = widget._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 90_000
    alt = metadata["image/png"]["alt"]
    assert "without sound" in alt and "with dropout predicts" in alt and "Run the cell" in alt


def test_pages_and_captions_are_optional(models, inputs):
    widget = missing_explorer(models, inputs, torch.tensor([0, 3, 1]), CLASSES)
    assert widget.result["image"] == "" and widget.thumbs == [] and widget.still()[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m, i, y: ({}, i, y), "models are none"),
        (lambda m, i, y: (m, i[:2], y), "2 inputs"),
        (lambda m, i, y: (m, i, y[:2]), "of as many pages"),
    ],
)
def test_what_does_not_fit_is_refused(models, inputs, change, says):
    with pytest.raises(ValueError, match=says):
        missing_explorer(*change(models, inputs, torch.tensor([0, 3, 1])), CLASSES)


def test_pages_of_bytes_are_shown_as_they_are(models, inputs):
    images, labels = (inputs[0] * 255).byte(), torch.tensor([0, 1, 2])
    plain = missing_explorer(models, inputs, labels, CLASSES, images / 255)
    widget = missing_explorer(models, inputs, labels, CLASSES, images)
    assert widget.thumbs == plain.thumbs and widget.result["image"] == plain.result["image"]
