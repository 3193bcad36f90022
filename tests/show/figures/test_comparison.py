"""Figures side by side, stored tables, the spectrogram and the grid of conversions."""

import pytest
import torch

from mmcourse.assets import shipped_folder
from mmcourse.picturebook.scene import Scene, SceneObject, imagine
from mmcourse.show import output
from mmcourse.show.figures import comparison, conversions, spectrogram


@pytest.fixture
def published(monkeypatch):
    bundles = []

    def publish(data, metadata=None, **_):
        bundles.append((data, metadata))

    monkeypatch.setattr(output, "publish", publish)
    return bundles


def test_compare_tells_every_figure_in_words(published):
    comparison.compare({"plain": {"test": 0.96, "unseen": 0.7}, "cured": {"test": 0.97, "unseen": 0.94}}, chance=0.07)
    ((data, _),) = published
    assert data["image/png"]
    for part in ("plain: test 0.96, unseen 0.70", "cured: test 0.97, unseen 0.94"):
        assert part in data["text/plain"]


@pytest.mark.parametrize("results", [{}, {"plain": {}}, {"a": {"test": 1.0}, "b": {"unseen": 1.0}}])
def test_compare_wants_the_same_splits(results):
    with pytest.raises(ValueError, match="same splits"):
        comparison.compare(results)


@pytest.mark.parametrize("path", sorted(shipped_folder().glob("tables/*.csv")), ids=lambda path: path.stem)
def test_every_stored_table_can_be_shown(published, path):
    comparison.show_stored_table(path.stem)
    assert "Measured by benchmarks/" in published[0][0]["text/plain"]


def test_stored_table_with_a_stray_comma(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_text("model,test\nplain, as drawn,0.96\n")
    monkeypatch.setattr(comparison, "asset", lambda name: path)
    with pytest.raises(ValueError, match="comma"):
        comparison.show_stored_table("x")


def test_stored_table_keeps_its_origin(published, tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_text("# measured by a script\nmodel,test\nplain <1>,0.96\n")
    monkeypatch.setattr(comparison, "asset", lambda name: path)
    comparison.show_stored_table("x")
    ((data, _),) = published
    assert "plain &lt;1&gt;" in data["text/html"] and "measured by a script" in data["text/html"]
    assert data["text/plain"].splitlines()[-1] == "measured by a script"


def test_shortcut_table_is_shipped(published):
    comparison.show_stored_table("01_shortcut")
    assert "5 seeds" in published[0][0]["text/plain"]


@pytest.mark.parametrize("samples", [1, 100, 16_000])
def test_spectrogram_of_any_length(published, samples):
    spectrogram.show_spectrogram(torch.randn(samples) * 0.1, words="a fish")
    assert "'a fish'" in published[0][0]["text/plain"]


@pytest.mark.parametrize(("rate", "hertz", "window"), [(16_000, 2_000, 0.025), (8_000, 3_400, 0.05)])
def test_spectrogram_shows_a_tone_where_it_is(rate, hertz, window):
    sound = 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(rate) / rate)
    sound[: rate // 2] = 0
    level = spectrogram.spectrogram_of(sound, rate, window)
    assert level.shape == (round(window * rate) // 2 + 1, int((1 - window) * 100 + 1e-6) + 1)
    assert level[:, -10:].mean(dim=1).argmax() == hertz * window, "row f is f / window hertz"
    assert level[:, :40].max() < level[:, -10:].max() - 65, "silence is dark"
    louder = spectrogram.spectrogram_of(2 * sound, rate, window)
    assert (louder - level)[:, -10:].max() == pytest.approx(6.02, abs=0.01), "twice the pressure is 6 decibels more"


@pytest.mark.parametrize("samples", [1, 100, 399])
def test_spectrogram_of_less_than_a_window_is_one_frame(samples):
    assert spectrogram.spectrogram_of(torch.rand(samples)).shape == (samples // 2 + 1, 1)


def test_spectrograms_bands_and_frames_are_told_in_words(published):
    sound = 0.5 * torch.sin(2 * torch.pi * 1_000 * torch.arange(16_000) / 16_000)
    spectrogram.show_spectrograms([sound, sound[:8_000]], titles=["long", "short"])
    spectrogram.show_frame(sound, at=0.5)
    spectrogram.show_bands(torch.eye(5), rate=8_000)
    spectrogram.show_log_mels(torch.rand(2, 40, 50), titles=["one", "two"])
    told = [data["text/plain"] for data, _ in published]
    assert "1.0 seconds of 'long', 0.5 seconds of 'short'" in told[0] and "loudest at 1000 hertz" in told[1]
    assert "peaks at 0, 1000, 2000, 3000, 4000 hertz" in told[2] and "40 bands over 0.5 seconds: one, two" in told[3]


def test_what_cannot_be_drawn_says_why():
    for wrong in (
        lambda: spectrogram.show_frame(torch.zeros(100), at=0),
        lambda: spectrogram.show_spectrograms([]),
        lambda: spectrogram.show_bands(torch.zeros(5)),
        lambda: spectrogram.show_log_mels(torch.zeros(40, 9)),
    ):
        with pytest.raises(ValueError):
            wrong()


def test_conversions_do_what_they_say():
    from mmcourse.picturebook.sentence import facts_of, parse

    scene = Scene((SceneObject("apple", "red", "big", 0.5, 0.5, 0.34),))
    done = conversions.convert(scene, seed=3)
    assert parse(done["text", "text"].content).same_meaning(facts_of(scene))
    assert done["text", "image"].content.shape == (3, 32, 32)
    assert done["text", "sound"].content.dim() == 1
    assert parse(done["image", "text"].content) is not None
    assert done["image", "text"].how == "learned" and done["text", "text"].how == "by rule"
    assert len(done["sound", "text"].content.split()) > 2
    with pytest.raises(ValueError, match="one object"):
        conversions.convert(imagine("train", 0, 2))


def test_grid_names_nine_conversions(published):
    conversions.show_conversions(imagine("test", 0))
    lines = published[0][0]["text/plain"].splitlines()
    assert len(lines) == 9
    assert "sound to image: lesson 16" in lines
