"""The game of a GAN in one dimension, without a browser: what is drawn is what was recorded."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from mmcourse.show import game
from mmcourse.show.widgets.game import FRAMES, GRID, OUTSIDE, TICKS, rounded_up

X = torch.linspace(-4, 4, 100)
REAL = torch.distributions.Normal(1.0, 0.5).log_prob(X).exp()


def frame(step, middle=0.0, **entries):
    samples = middle + 0.3 * torch.randn(500, generator=torch.Generator().manual_seed(0))
    made = {"step": step, "samples": samples, "discriminator": torch.sigmoid(X), "discriminator_loss": 1.3}
    return made | {"generator_loss": torch.tensor(0.7)} | entries


FRAME_LIST = [frame(10 * i, middle=i / 10) for i in range(5)]


def sent(widget, name, kind=np.uint8):
    return np.frombuffer(widget.data[name], kind).reshape(len(widget.data["step"]), -1)


def test_what_is_sent_are_the_recorded_curves():
    widget = game(X, REAL, FRAME_LIST)
    grid = np.linspace(-4, 4, GRID)
    expected = np.interp(grid, X, torch.sigmoid(X))
    assert np.abs(sent(widget, "discriminator") / 255 - expected).max() < 0.005
    real = np.frombuffer(widget.data["real"], np.uint8) / 255 * widget.data["densityLimit"]
    assert np.abs(real - np.interp(grid, X, REAL)).max() < 0.005 * widget.data["densityLimit"]
    assert widget.data["step"] == [0, 10, 20, 30, 40] and widget.data["generatorLoss"] == [0.7] * 5
    assert widget.frame == 0 and widget.is_probability


def test_the_density_of_samples_follows_them_and_has_area_one():
    widget = game(X, REAL, FRAME_LIST)
    for density, position in zip(widget.generated, range(5), strict=True):
        assert np.trapezoid(density, widget.x) == pytest.approx(1, abs=0.01)
        assert np.trapezoid(density * widget.x, widget.x) == pytest.approx(position / 10, abs=0.05)


def test_a_given_density_is_drawn_as_it_is():
    frames = [{name: value for name, value in frame(i, density=REAL).items() if name != "samples"} for i in range(2)]
    widget = game(X, REAL, frames)
    np.testing.assert_allclose(widget.generated[1], widget.real)
    assert widget.data["count"] == 0 and widget.data["outside"] == [0, 0]


def test_ticks_lie_at_the_samples_and_those_outside_are_counted():
    column = torch.tensor([-4.0, 0.0, 4.0, 9.0])[:, None]
    widget = game(X, REAL, [frame(0, samples=column), frame(1, samples=column)])
    assert sent(widget, "ticks", "<u2")[0].tolist() == [0, (OUTSIDE - 1) // 2, OUTSIDE - 1, OUTSIDE]
    assert widget.data["outside"] == [0.25, 0.25]
    assert game(X, REAL, FRAME_LIST).data["count"] == TICKS


def test_scores_of_a_critic_get_an_axis_of_their_own():
    widget = game(X, REAL, [frame(i, discriminator=5 * X) for i in range(2)])
    low, high = widget.data["outputLimits"]
    assert not widget.data["probability"] and low < -20 and high > 20
    assert game(X, REAL, [frame(i, discriminator=0 * X + 2) for i in range(2)]).data["outputLimits"] == [1.5, 2.5]


def test_a_collapsed_generator_leaves_the_real_density_visible():
    widget = game(X, REAL, [frame(i, samples=torch.zeros(50)) for i in range(2)])
    assert widget.real.max() <= widget.data["densityLimit"] <= 4 * widget.real.max() < 4 * widget.generated.max()


@pytest.mark.parametrize(("value", "end"), [(0.4, 0.4), (0.41, 0.5), (1.1, 1.2), (8.5, 10), (130, 160)])
def test_axes_end_at_round_numbers(value, end):
    assert rounded_up(value) == pytest.approx(end)


def test_many_frames_are_thinned_and_stay_small():
    widget = game(X, REAL, [frame(i) for i in range(2 * FRAMES + 1)])
    steps = widget.data["step"]
    assert len(steps) == FRAMES and steps[0] == 0 and steps[-1] == 2 * FRAMES
    size = sum(4 * len(v) / 3 if isinstance(v, bytes) else len(json.dumps(v)) for v in widget.data.values())
    assert size < 300_000


def test_it_shows_a_still_image():
    data, metadata = game(X, REAL, FRAME_LIST)._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 90_000
    alt = metadata["image/png"]["alt"]
    assert "from step 0 to 40" in alt and "1.30" in alt and "0.70" in alt and "Run the cell" in alt


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": X.flip(0)}, "x increasing"),
        ({"x": X[:5], "real": REAL[:5]}, "10 positions or more"),
        ({"real": REAL[:-1]}, r"real \(99,\); expected \(G,\) both"),
        ({"real": -REAL}, "expected a density"),
        ({"real": REAL / 0}, "real holds values that are not finite"),
        ({"frames": FRAME_LIST[:1]}, "there are 1 frames; expected two or more"),
        ({"frames": [FRAME_LIST[0], {"step": 1}]}, "frame 1 has step; expected also discriminator_loss"),
        ({"frames": [frame(0), frame(1, density=REAL)]}, "either samples or density"),
        ({"frames": [frame(0), frame(1, discriminator=X[:, None])]}, r"\(100, 1\); expected \(100,\).*a column"),
        ({"frames": [frame(0), frame(1, discriminator=X[:50])]}, "another grid"),
        ({"frames": [frame(0), frame(1, samples=torch.zeros(9, 2))]}, "more than one dimension"),
        ({"frames": [frame(0), frame(1, generator_loss=torch.nan)]}, "generator_loss of frame 1 holds values"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        game(**({"x": X, "real": REAL, "frames": FRAME_LIST} | change))
