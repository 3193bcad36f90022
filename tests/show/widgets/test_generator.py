"""The widget that samples from a generator, without a browser."""

import base64
import io
import itertools

import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

from mmcourse.show import generator
from mmcourse.show.widgets.generator import EVERY, spherical, truncated_normal

NAMES = ("cat", "fish", "boat")
COUNT = itertools.count(1)


class Generator(nn.Module):
    """Images as bright as the class; it keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.modes = []

    def forward(self, latents, classes):
        self.latents, self.classes = latents, classes
        self.modes.append((self.training, torch.is_grad_enabled()))
        return (self.weight * classes / 4)[:, None, None, None].expand(-1, 3, 8, 8)


def new_latents(widget):
    widget.action = {"name": "new", "count": next(COUNT)}


def test_every_sample_has_the_chosen_class_and_its_own_latents():
    model = Generator().train()
    widget = generator(model, 5, NAMES, count=4)
    assert model.classes.tolist() == [0] * 4 and model.classes.dtype == torch.int64
    assert model.latents.shape == (4, 5) and model.latents.unique(dim=0).shape == (4, 5)
    before = model.latents
    widget.chosen = "boat"
    assert model.classes.tolist() == [2] * 4 and torch.equal(model.latents, before)
    assert len(widget.result["images"]) == 4 and widget.result["labels"][1] == "boat, sample 2"
    assert set(model.modes) == {(False, False)} and model.training


def test_every_class_has_one_latent_vector():
    model = Generator()
    widget = generator(model, 5, NAMES, count=4)
    widget.chosen = EVERY
    assert model.classes.tolist() == [0, 1, 2] and model.latents.unique(dim=0).shape == (1, 5)
    assert widget.result["labels"] == list(NAMES)


def test_without_names_there_are_no_classes():
    given = []

    def generate(latents):
        given.append(latents)
        return torch.zeros(len(latents), 1, 8, 8)

    widget = generator(generate, 3, count=2)
    assert given[-1].shape == (2, 3) and widget.names == [] and len(widget.result["images"]) == 2


def test_new_latents_differ_and_a_seed_repeats_them():
    first, second = (generator(Generator(), 5, NAMES, seed=3) for _ in range(2))
    before = first.latents
    assert torch.equal(before, second.latents)
    new_latents(first)
    assert not torch.equal(first.latents, before)
    new_latents(second)
    assert torch.equal(first.latents, second.latents)


def test_interpolation_goes_from_one_latent_to_another_of_the_same_length():
    widget = generator(Generator(), 200, NAMES)
    ends = []
    for position in (0.0, 1.0, 0.5):
        widget.position = position
        ends.append(widget.latents)
    torch.testing.assert_close(ends[2], spherical(ends[0], ends[1], 0.5))
    lengths = [end.norm(dim=1) for end in ends]
    assert (lengths[2] > 0.9 * torch.minimum(lengths[0], lengths[1])).all(), "a straight line passes nearer to 0"


@pytest.mark.parametrize(("first", "second"), [([3.0], [-1.0]), ([2.0, 0], [2.0, 0]), ([2.0, 0], [-2.0, 0])])
def test_where_there_is_no_circle_interpolation_is_linear(first, second):
    first, second = torch.tensor([first]), torch.tensor([second])
    torch.testing.assert_close(spherical(first, second, 0.25), 0.75 * first + 0.25 * second)


def test_truncated_latents_are_normal_within_the_threshold():
    uniform = torch.rand(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    normal = truncated_normal(uniform, float("inf"))
    assert float(normal.mean()) == pytest.approx(0, abs=0.01) and float(normal.std()) == pytest.approx(1, abs=0.01)
    truncated = truncated_normal(uniform, 1.0)
    kept = normal[normal.abs() <= 1]
    quantiles = torch.linspace(0.05, 0.95, 10)
    torch.testing.assert_close(truncated.quantile(quantiles), kept.quantile(quantiles), atol=0.02, rtol=0)
    assert truncated.abs().max() <= 1
    assert (truncated.abs() <= normal.abs() + 1e-6).all(), "each number moves towards 0"


def test_truncation_acts_on_the_latents_shown():
    widget = generator(Generator(), 50, NAMES)
    assert widget.latents.abs().max() > 1.5 and "no truncation" in widget.result["note"]
    widget.truncation = 0.5
    assert widget.latents.abs().max() <= 0.5 and "within ±0.5" in widget.result["note"]


@pytest.mark.parametrize("names", [NAMES, None])
def test_it_shows_a_still_image(names):
    generate = Generator() if names else lambda latents: torch.rand(len(latents), 3, 32, 32)
    data, metadata = generator(generate, 3, names)._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert image.width > 400 and len(data["image/jpeg"]) < 90_000
    assert "12 samples" in metadata["image/jpeg"]["alt"] and "Run the cell" in metadata["image/jpeg"]["alt"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"count": 0}, "count is 0"),
        ({"latent_size": 0}, "latent_size 0"),
        ({"names": ()}, "expected 1 to 40 different names"),
        ({"names": ("cat", "cat")}, "different names"),
        ({"names": ("cat", EVERY)}, "none of them 'every class'"),
        ({"generate": lambda z, c: torch.full((len(z), 3, 8, 8), -0.8)}, "as after tanh"),
        ({"generate": lambda z, c: torch.zeros(len(z), 3, 8, 8).flatten(1)}, r"expected \(B, 3, S, S\)"),
        ({"generate": lambda z, c: torch.zeros(1, 3, 8, 8)}, "with B = 12"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        generator(**({"generate": Generator(), "latent_size": 5, "names": NAMES} | change))


def test_an_unknown_class_is_named():
    widget = generator(Generator(), 5, NAMES)
    with pytest.raises(traitlets.TraitError, match="no class 'dog'; expected cat, fish, boat"):
        widget.chosen = "dog"
