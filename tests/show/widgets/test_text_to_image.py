"""The widget that draws a sentence, without a browser."""

import base64
import io

import pytest
import torch
from PIL import Image
from torch import nn

from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES
from mmcourse.picturebook.sentence import encode
from mmcourse.show import text_to_image


class Painter(nn.Module):
    """Images whose red is the temperature, green the guidance and blue the noise; it keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.guidance = 3.0
        self.modes = []

    def generate(self, tokens, temperature=1.0, seed=None, guidance=None):
        self.tokens, self.settings = tokens, (temperature, seed, guidance)
        self.modes.append((self.training, torch.is_grad_enabled()))
        noise = torch.rand(len(tokens), 1, generator=torch.Generator().manual_seed(seed))
        colours = torch.cat([torch.full_like(noise, temperature / 2), torch.full_like(noise, guidance / 8), noise], 1)
        return colours[:, :, None, None].expand(-1, 3, 8, 8) + self.weight[0]


class Unguided:
    """As the conditional VAE and GAN have it: nothing to guide."""

    def generate(self, tokens, temperature=1.0, seed=None):
        return torch.zeros(len(tokens), 3, 8, 8)


def judge_of(*facts):
    """A judge that sees these (kind, colour, size), in turn."""

    def judge(images):
        logits = torch.zeros(len(images), len(KINDS) + len(COLOURS) + len(SIZES))
        for row, (kind, colour, size) in zip(logits, facts * len(images), strict=False):
            row[KINDS.index(kind)] = row[len(KINDS) + COLOURS.index(colour)] = 1
            row[len(KINDS) + len(COLOURS) + SIZES.index(size)] = 1
        return logits

    return judge


RIGHT, WRONG = ("fish", "red", "small"), ("boat", "red", "big")


def test_every_image_is_of_the_sentence_and_has_its_own_noise():
    model = Painter().train()
    widget = text_to_image(model, sentence="a small red fish", count=4)
    assert model.tokens.tolist() == [encode("a small red fish")] * 4 and model.tokens.dtype == torch.int64
    assert model.settings == (1.0, 0, 3.0), "the guidance of the model"
    assert len(widget.images[:, 2, 0, 0].unique()) == 4 and len(widget.result["images"]) == 4
    widget.sentence = "A big, blue boat"
    assert model.tokens[0].tolist() == encode("a big blue boat")
    assert set(model.modes) == {(False, False)} and model.training


def test_sliders_keep_the_noise_and_new_noise_keeps_the_sliders():
    model = Painter()
    widget = text_to_image(model, count=2)
    before = widget.images
    widget.temperature, widget.guidance = 0.5, 4.0
    assert model.settings == (0.5, 0, 4.0) and torch.equal(widget.images[:, 2], before[:, 2])
    widget.seed += 1
    assert model.settings == (0.5, 1, 4.0) and not torch.equal(widget.images[:, 2], before[:, 2])


def test_only_what_can_be_guided_has_a_slider_for_it():
    assert set(text_to_image(Painter()).limits) == {"temperature", "guidance"}
    assert set(text_to_image(Unguided()).limits) == {"temperature"}


def test_verdicts_are_compared_with_the_sentence():
    widget = text_to_image(Painter(), judge_of(RIGHT, WRONG), "look at the little red fish", count=4)
    assert widget.verdicts[0] == [["fish", True], ["red", True], ["small", True]]
    assert widget.verdicts[1] == [["boat", False], ["red", True], ["big", False]]
    assert "all correct in 2 of 4 images" in widget.result["note"]
    assert text_to_image(Painter()).result["verdicts"] == []


@pytest.mark.parametrize(
    ("sentence", "says"),
    [("red fish red", "outside the grammar"), ("a small red fish above a big blue boat", "two objects")],
)
def test_verdicts_stand_alone_where_the_sentence_is_not_about_one_object(sentence, says):
    widget = text_to_image(Painter(), judge_of(RIGHT), sentence, count=1)
    assert widget.verdicts == [[["fish", None], ["red", None], ["small", None]]] and says in widget.result["note"]


@pytest.mark.parametrize(
    ("sentence", "says"), [("", "is empty"), ("a red dragon", "'dragon'"), ("red " * 21, "21 words")]
)
def test_a_sentence_that_cannot_be_drawn_is_answered_and_the_images_stay(sentence, says):
    widget = text_to_image(Painter())
    before, answered = widget.result, widget.answered
    widget.sentence = sentence
    assert says in widget.problem and widget.result is before and widget.answered == answered + 1
    widget.sentence = "a blue boat"
    assert widget.problem == "" and widget.result["sentence"] == "a blue boat"


def test_it_shows_a_still_image():
    class Noise:
        def generate(self, tokens, temperature, seed):
            return torch.rand(len(tokens), 3, 32, 32)

    data, metadata = text_to_image(Noise(), judge_of(RIGHT, WRONG), count=12)._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert image.width > 400 and len(data["image/jpeg"]) < 150_000
    alt = metadata["image/jpeg"]["alt"]
    assert "'a small red fish'" in alt and "correct in 6 of 12" in alt and "Run the cell" in alt


class Wrong:
    """Draws whatever it is given."""

    def __init__(self, returned):
        self.returned = returned

    def generate(self, tokens, temperature, seed):
        return self.returned


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": object()}, r"expected one with generate\(tokens, ...\)"),
        ({"model": Wrong([])}, "generate returned list"),
        ({"model": Wrong(torch.zeros(1, 3, 8, 8))}, "with B = 6"),
        ({"model": Wrong(torch.full((6, 3, 8, 8), -0.9))}, "as after tanh"),
        ({"judge": lambda images: torch.zeros(6, 14)}, "14 \\+ 8 \\+ 2 kinds, colours and sizes"),
        ({"count": 0}, "count is 0"),
        ({"sentence": "a red dragon"}, "dragon"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        text_to_image(**({"model": Painter()} | change))
