"""Figures side by side, stored tables, the spectrogram and the grid of conversions."""

import pytest
import torch

from mmcourse.picturebook.scene import Scene, Thing, imagine
from mmcourse.show import comparison, conversions, output, spectrogram


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


def test_spectrogram_shows_a_tone_where_it_is():
    sound = torch.sin(2 * torch.pi * 2000 * torch.arange(16_000) / 16_000)
    level = torch.stft(sound, 400, 160, window=torch.hann_window(400), center=False, return_complex=True).abs()
    assert level.mean(dim=1).argmax() == 2000 / 16_000 * 400


def test_conversions_do_what_they_say():
    from mmcourse.picturebook.sentence import facts_of, understand

    scene = Scene((Thing("apple", "red", "big", 0.5, 0.5, 0.34),))
    done = conversions.convert(scene, seed=3)
    assert understand(done["words", "words"].content).same_meaning(facts_of(scene))
    assert done["words", "picture"].content.shape == (3, 128, 128)
    assert done["words", "sound"].content.dim() == 1
    assert understand(done["picture", "words"].content) is not None
    assert done["picture", "words"].how == "learned" and done["words", "words"].how == "by rule"
    with pytest.raises(ValueError, match="one thing"):
        conversions.convert(imagine("train", 0, 2))


def test_grid_names_nine_conversions(published):
    conversions.show_conversions(imagine("test", 0))
    lines = published[0][0]["text/plain"].splitlines()
    assert len(lines) == 9
    assert "sound to words: lesson 13" in lines
