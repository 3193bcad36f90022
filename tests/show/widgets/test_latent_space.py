"""The widget that walks a latent space, without a browser: what is decoded, and what does not fit."""

import base64
import io

import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

from mmcourse.show import latent_space
from mmcourse.show.widgets.latent_space import principal_steps

EXAMPLES = {"dark": torch.tensor([0.1, 0.0]), "light": torch.tensor([0.9, 0.4]), "middle": torch.tensor([0.5, 0.9])}


class Grey(nn.Module):
    """An image as bright as the first number of a code; it keeps the shapes that it was given."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(1)
        self.shapes, self.modes = [], []

    def decode(self, codes):
        self.shapes.append(tuple(codes.shape))
        self.modes.append((self.training, torch.is_grad_enabled()))
        return codes.flatten(1)[:, :1, None, None].expand(-1, 3, 8, 8).clamp(0, 1)


def tones(codes):
    """A tone of 0.1 seconds for each code, as loud as its first number."""
    return codes[:, :1] * torch.sin(torch.arange(1600) * 0.3)


def pixel(png):
    return Image.open(io.BytesIO(png)).getpixel((0, 0))[0] / 255


@pytest.mark.parametrize("position", [0.0, 0.25, 1.0])
def test_the_code_lies_between_those_of_the_examples(position):
    widget = latent_space(Grey().decode, EXAMPLES)
    widget.position = position
    torch.testing.assert_close(widget.code, (1 - position) * EXAMPLES["dark"] + position * EXAMPLES["light"])
    assert pixel(widget.result["picture"]) == pytest.approx(float(widget.code[0]), abs=0.01)
    widget.b = "middle"
    torch.testing.assert_close(widget.code, (1 - position) * EXAMPLES["dark"] + position * EXAMPLES["middle"])


def test_every_move_is_answered_even_with_an_equal_image():
    widget = latent_space(lambda codes: torch.zeros(len(codes), 1, 8, 8), EXAMPLES)
    answers = []
    widget.observe(lambda change: answers.append(change["new"]["picture"]), "result")
    widget.position, widget.direction, widget.a = 0.3, [1.0, 0.0], "middle"
    assert len(answers) == 3 and len(set(answers)) == 1


@pytest.mark.parametrize("shape", [(6,), (2, 3, 4)])
def test_codes_of_any_shape_are_decoded_in_evaluation_mode(shape):
    model = Grey().train()
    examples = {name: torch.rand(shape) for name in "abcd"}
    widget = latent_space(model.decode, examples)
    widget.direction = [0.5, -1.0]
    assert set(model.shapes) == {(4, *shape), (1, *shape)} and set(model.modes) == {(False, False)}
    assert model.training and widget.code.shape == shape
    widget.still()
    assert model.shapes[-1] == (7, *shape)


def test_principal_directions_are_a_standard_deviation_long():
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(5, 5)).Q
    codes = torch.randn(2000, 5) * torch.tensor([3.0, 2.0, 0.1, 0.1, 0.1]) @ axes.T
    for step, deviation, axis in zip(principal_steps(codes), (3.0, 2.0), axes.T, strict=False):
        assert float(step.norm()) == pytest.approx(deviation, rel=0.1)
        assert abs(float(step @ axis)) == pytest.approx(deviation, rel=0.1)
        assert float(step.norm()) == pytest.approx(float((codes @ step / step.norm()).std()), rel=1e-3)


def test_the_directions_are_added_within_their_reach():
    widget = latent_space(Grey().decode, EXAMPLES, directions=(1, 0))
    assert widget.axes == ["dimension 1", "dimension 0"]
    widget.direction = [0.5, 0.25]
    torch.testing.assert_close(widget.code, EXAMPLES["dark"] + torch.tensor([0.25, 0.5]))
    widget.direction = [100.0, -100.0]
    torch.testing.assert_close(widget.code, EXAMPLES["dark"] + torch.tensor([-3.0, 3.0]))
    assert latent_space(Grey().decode, EXAMPLES, directions=None).axes == []


def test_a_sound_is_decoded_when_it_is_asked_for():
    random = torch.get_rng_state()
    mels = []

    def to_sound(log_mels):
        mels.append(tuple(log_mels.shape))
        return 0.1 * torch.randn(1, 1600)

    widget = latent_space(lambda codes: codes[:, :1, None].expand(-1, 40, 9), EXAMPLES, kind="sound", to_sound=to_sound)
    before = len(mels)
    widget.position = 0.5
    assert len(mels) == before and widget.sound == {}
    for of in ("a", "b", "code"):
        widget._asked(widget, {"ask": "sound", "of": of}, [])
        assert base64.b64decode(widget.sound["url"].removeprefix("data:audio/mpeg;base64,"))
    assert len(mels) == before + 3 and set(mels) == {(1, 40, 9)}
    assert torch.equal(random, torch.get_rng_state())
    assert torch.equal(widget.waveform(widget.code), widget.waveform(widget.code))


def test_a_sound_leaves_the_random_numbers_of_gpus_alone(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    latent_space(tones, EXAMPLES, kind="sound").waveform(EXAMPLES["light"])
    assert not seeds


def test_waveforms_are_drawn_as_spectrograms():
    widget = latent_space(tones, EXAMPLES, kind="sound")
    assert Image.open(io.BytesIO(widget.result["picture"])).size == (8, 201)
    torch.testing.assert_close(widget.waveform(EXAMPLES["light"]), tones(EXAMPLES["light"][None])[0])


@pytest.mark.parametrize(("decode", "kind", "media"), [(Grey().decode, "image", "jpeg"), (tones, "sound", "png")])
def test_it_shows_a_still_image(decode, kind, media):
    data, metadata = latent_space(decode, EXAMPLES, kind)._repr_mimebundle_()
    encoded, alt = data[f"image/{media}"], metadata[f"image/{media}"]["alt"]
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert image.width > 400 and len(encoded) < 90_000
    assert "'dark'" in alt and "'light'" in alt and "Run the cell" in alt


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "video"}, "expected 'image' or 'sound'"),
        ({"examples": [torch.zeros(2)] * 3}, "list; expected a mapping"),
        ({"examples": {"dark": torch.zeros(2)}}, "1 entries; expected a mapping of 2 to 40"),
        ({"examples": {"a": torch.zeros(2), "b": torch.zeros(1, 2)}}, "with and without a batch dimension"),
        ({"examples": {"a": torch.zeros(2), "b": torch.full((2,), torch.nan)}}, "not finite"),
        ({"examples": {"a": torch.zeros(2), "b": torch.ones(2)}}, "fewer than two directions"),
        ({"codes": torch.zeros(9, 3)}, r"codes have shape \(9, 3\); expected \(N, 2\)"),
        ({"directions": (0, 5)}, r"\(0, 5\); expected 'principal', None or two positions of a code of 2"),
        ({"directions": 1}, "expected 'principal', None or two positions"),
        ({"decode": lambda codes: (codes, codes)}, "returned tuple"),
        ({"decode": lambda codes: torch.zeros(3, 8, 8)}, "no batch dimension"),
        ({"decode": lambda codes: torch.zeros(len(codes), 8, 8, 3)}, r"expected \(B, 3, S, S\)"),
        ({"decode": lambda codes: torch.full((len(codes), 3, 8, 8), torch.nan)}, "diverged"),
        ({"decode": lambda codes: torch.full((len(codes), 3, 8, 8), -0.9)}, "as after tanh"),
        ({"decode": lambda codes: torch.full((len(codes), 3, 8, 8), 200.0)}, "images / 255"),
        ({"decode": lambda codes: torch.full((len(codes), 3, 8, 8), -5.0)}, "logits without a sigmoid"),
        ({"kind": "sound", "decode": lambda codes: torch.zeros(len(codes), 40, 9)}, "to_sound is not given"),
        ({"kind": "sound", "decode": tones, "to_sound": tones}, "to_sound is given"),
        ({"kind": "sound", "decode": tones, "rate": 12_345}, "Resample first"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        latent_space(**({"decode": Grey().decode, "examples": EXAMPLES} | change))


def test_an_unknown_example_is_named():
    widget = latent_space(Grey().decode, EXAMPLES)
    with pytest.raises(traitlets.TraitError, match="no example 'red'; expected dark, light, middle"):
        widget.a = "red"
