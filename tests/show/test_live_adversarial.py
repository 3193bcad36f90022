import base64
import io
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from mmcourse.show import live
from mmcourse.show.live_adversarial import SAMPLES_EVERY, AdversarialView, tiled


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(live.time, "perf_counter", lambda: now.time)
    return now


class Samples:
    def __init__(self, *shape):
        self.shape, self.calls = shape or (16, 3, 32, 32), 0

    def __call__(self):
        self.calls += 1
        return torch.rand(self.shape, generator=torch.Generator().manual_seed(self.calls))


def run(view, clock, steps, seconds=0.05):
    for step in range(1, steps + 1):
        clock.time += seconds
        losses = {"generator loss": 0.7 + 1 / step, "discriminator loss": 1.4 - 1 / step}
        view.update(step, losses, {"real score": 0.5, "fake score": -0.5})


def history(steps):
    columns = {"generator_loss": [0.7 + 1 / (i + 1) for i in range(steps)], "discriminator_loss": [1.3] * steps}
    return SimpleNamespace(per_step=columns, seconds=71.0, losses=[])


def test_a_drawing_has_both_losses_scores_samples_and_time_left(shown, clock):
    view = AdversarialView(400, 2, Samples())
    run(view, clock, 200, seconds=0.5)
    page = shown.data()["text/html"]
    assert page.count("<polyline") == 2 and "data:image/jpeg;base64," in page and 'role="progressbar"' in page
    assert "generator loss, from" in page and "discriminator loss, from" in page and "Interrupt the kernel" in page
    assert "real score 0.500" in page and "1 min 40 s left" in page
    assert len(page) < 60_000


def test_samples_are_drawn_every_few_seconds_at_most(shown, clock):
    samples = Samples()
    run(AdversarialView(1_000, 2, samples), clock, 1_000)  # 50 seconds
    assert 50 / SAMPLES_EVERY * 0.7 <= samples.calls <= 50 / SAMPLES_EVERY + 1 < len(shown)


def test_the_end_is_one_small_picture_with_alt_text(shown, clock):
    samples = Samples()
    view = AdversarialView(100, 2, samples)
    run(view, clock, 100)
    before = samples.calls
    view.epoch({"epoch": 2, "generator_loss": 0.71, "discriminator_loss": 1.3, "real_score": 0.1})
    view.close(history(100))
    data = shown.data()
    assert set(data) == {"image/jpeg", "text/plain"} and len(data["image/jpeg"]) < 60_000
    alt = shown.alt()
    assert "generator loss from 1.70 to 0.71" in alt and "discriminator loss from 1.30" in alt and "Images" in alt
    assert "1 min 11 s" in data["text/plain"]
    assert samples.calls == before + 1, "the last samples are those of the trained generator"
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert picture.width > 2 * picture.height / 1.5


def test_an_interrupted_run_says_where_it_stopped(shown, clock):
    view = AdversarialView(1_000, 2, Samples())
    run(view, clock, 40)
    view.close(history(40))
    assert "stopped at step 40 of 1,000" in shown.data()["text/plain"]


@pytest.mark.parametrize("samples", [None, Samples(16, 1)])
def test_a_generator_of_numbers_has_curves_alone(shown, clock, samples):
    view = AdversarialView(100, 1, samples)
    run(view, clock, 100)
    assert "<img" not in shown.data()["text/html"] and "<polyline" in shown.data()["text/html"]
    view.close(history(100))
    assert set(shown.data()) == {"image/png", "text/plain"} and "Images" not in shown.alt()


def test_a_run_that_failed_shows_its_own_error(shown, clock):
    def broken():
        raise RuntimeError("out of memory")

    view = AdversarialView(100, 1, Samples())
    run(view, clock, 50)
    view.samples = broken
    view.close(history(50))
    assert "stopped at step 50" in shown.data()["text/plain"]


@pytest.mark.parametrize(
    ("shape", "rows"),
    [((16, 3, 32, 32), 2), ((9, 1, 28, 28), 2), ((3, 3, 16, 24), 1), ((16, 3, 256, 256), 2), ((1, 1, 4, 4), 1)],
)
def test_images_of_any_size_make_a_grid(shape, rows):
    grid = tiled(torch.rand(shape))
    columns = min(8, shape[0])
    assert grid.width == pytest.approx(columns * 74, abs=columns) and grid.mode == "RGB"
    assert grid.height <= rows * 75


def test_pixels_that_are_not_finite_or_out_of_range_are_drawn_all_the_same():
    images = torch.full((2, 3, 8, 8), float("nan"))
    images[1] = 7.0
    assert tiled(images).getpixel((30, 30)) == (0, 0, 0) and tiled(images).getpixel((110, 30)) == (255, 255, 255)
