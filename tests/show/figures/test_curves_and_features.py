"""Curves, feature maps, mistakes and shapes: what their figures say and what they refuse."""

import pandas
import pytest
import torch

from mmcourse.show.figures.curves import bar_with_range, plot_history
from mmcourse.show.figures.features import heat_over, show_feature_maps, show_filters, show_heatmap_over
from mmcourse.show.figures.mistakes import confusion_matrix, show_mistakes
from mmcourse.show.figures.shapes import shape_of
from mmcourse.training.history import History

NAMES = ("apple", "boat", "cat")


def test_a_history_is_plotted_and_told(shown):
    rows = [
        {"epoch": i, "loss": 2 / i, "accuracy": 1 - 1 / i, "valid_loss": 3 / i, "valid_accuracy": 0.5}
        for i in (1, 2, 3)
    ]
    plot_history(History(rows=rows, losses=[1.0] * 30), title="a run")
    assert "loss from 2.000 to 0.667" in shown.alt() and "validation accuracy from 0.500 to 0.500" in shown.alt()
    plot_history(pandas.DataFrame(rows)[["epoch", "loss"]])
    assert len(shown) == 2


def test_the_metrics_axis_can_be_held_and_a_flat_loss_is_not_on_the_edge(shown, monkeypatch):
    limits = []
    monkeypatch.setattr(
        "mmcourse.show.style.figure_output",
        lambda figure, *_: limits.extend(axis.get_ylim() for axis in figure.axes),
    )
    rows = [{"epoch": i, "loss": 0.69, "accuracy": 0.5, "valid_loss": 0.69, "valid_accuracy": 0.51} for i in (1, 2)]
    plot_history(History(rows=rows, losses=[0.7] * 30), limits=(0.4, 1))
    (bottom, top), accuracy = limits
    assert bottom == 0 and 0.74 < top < 0.8 and accuracy == (0.4, 1)
    plot_history(History(rows=rows, losses=[float("nan")] * 30))


def test_a_history_of_two_players_shows_both_losses_and_scores(shown, monkeypatch):
    rows = [
        {"epoch": i, "generator_loss": 1 / i, "discriminator_loss": 1, "penalty": 0, "real_score": i, "fake_score": -i}
        for i in (1, 2, 3)
    ]
    plot_history(History(rows=rows, per_step={"generator_loss": [1.0] * 30, "real_score": [0.0] * 30}))
    assert "generator loss from 1.000 to 0.333" in shown.alt() and "fake score from -1.000 to -3.000" in shown.alt()
    panels = []
    monkeypatch.setattr("mmcourse.show.style.figure_output", lambda figure, *_: panels.extend(figure.axes))
    plot_history(pandas.DataFrame(rows), title="a GAN")
    assert [len(panel.lines) for panel in panels] == [3, 2]
    assert [text.get_text() for text in panels[1].get_legend().get_texts()] == ["real score", "fake score"]


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="no epoch"):
        plot_history(History())


def test_bars_tell_mean_and_range(shown):
    bar_with_range({"linear": 0.4, "CNN": [0.9, 0.95, 1.0]}, chance=1 / 14, goal=0.95)
    assert "linear 0.400" in shown.alt() and "CNN 0.950 (from 0.900 to 1.000 over 3 runs)" in shown.alt()
    bar_with_range({"CNN": torch.tensor(0.5), "RNN": torch.tensor([0.25, 0.75])})
    assert "CNN 0.500; RNN 0.500 (from 0.250 to 0.750 over 2 runs)" in shown.alt()
    with pytest.raises(ValueError, match="expected a figure"):
        bar_with_range({"CNN": [float("nan")]})


def test_filters_of_every_depth(shown):
    for channels in (1, 3, 16):
        show_filters(torch.randn(8, channels, 3, 3))
    assert "mean over 16 channels" in shown.alt()
    with pytest.raises(ValueError, match="Conv2d"):
        show_filters(torch.randn(8, 9))


def test_feature_maps_of_several_layers(shown):
    show_feature_maps({"first": torch.rand(20, 8, 8), "second": torch.zeros(4, 4, 4)}, image=torch.rand(3, 32, 32))
    assert "16 of 20 maps of 8×8" in shown.alt() and "second · 4 maps of 4×4: 0 respond" in shown.alt()
    with pytest.raises(ValueError, match=r"maps\[0\]"):
        show_feature_maps(torch.rand(2, 4, 8, 8))
    with pytest.raises(ValueError, match="maps is empty"):
        show_feature_maps({})


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 8, 8), (8, 8), (1, 3, 8, 8)])
def test_feature_maps_stand_beside_one_picture_of_any_form(shown, monkeypatch, shape):
    drawn = []
    monkeypatch.setattr("mmcourse.show.figures.features._maps", lambda blocks, *_: drawn.extend(blocks))
    show_feature_maps(torch.rand(2, 4, 4), image=torch.full(shape, 51, dtype=torch.uint8))
    assert drawn[0][1].shape == (1, 3 if 3 in shape else 1, 8, 8) and torch.allclose(drawn[0][1], torch.tensor(0.2))


def test_a_heat_map_says_where_it_is_highest(shown):
    heat = torch.zeros(2, 4, 4)
    heat[0, 0, 0] = heat[1, 3, 3] = 1
    show_heatmap_over(torch.rand(2, 3, 32, 32), heat, titles=["cat", "boat"], size=32)
    assert "cat: top left" in shown.alt() and "boat: bottom right" in shown.alt()
    with pytest.raises(ValueError, match="2 images"):
        show_heatmap_over(torch.rand(2, 3, 32, 32), heat[:1])


def test_heat_changes_a_picture_most_where_it_is_highest():
    image = torch.full((3, 32, 32), 0.5)
    heat = torch.zeros(4, 4)
    heat[3, 0] = 5
    changed = (heat_over(image, heat) - heat_over(image, torch.zeros(4, 4))).abs().sum(0)
    assert changed[24:, :8].mean() > 10 * changed[:8, 24:].mean()


def test_the_confusion_matrix_names_the_worst_confusion(shown):
    truth, guess = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([1, 1, 0, 1, 1, 2])
    confusion_matrix(truth, guess, NAMES)
    assert "accuracy 66.7%" in shown.alt() and "apple classified as boat 2 times" in shown.alt()
    confusion_matrix(truth, torch.eye(3)[guess], NAMES)
    assert shown.alt(0) == shown.alt(1)
    with pytest.raises(ValueError, match="names has only 2"):
        confusion_matrix(truth, guess, NAMES[:2])
    with pytest.raises(ValueError, match="truth holds -100"):
        confusion_matrix(torch.tensor([0, -100]), torch.tensor([0, 1]), NAMES)
    with pytest.raises(ValueError, match="guess holds fractions.*probabilities"):
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([0.2, 0.9]), NAMES)


def test_the_most_confident_mistake_comes_first(shown, capsys):
    truth, guess = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 2, 2])
    show_mistakes(torch.rand(4, 3, 8, 8), truth, guess, torch.tensor([0.3, 0.9, 1.0, 0.6]), NAMES, count=2)
    assert "2 most confident of 3 mistakes: a boat classified as a cat, confidence 0.90; an apple" in shown.alt()
    show_mistakes(torch.rand(4, 3, 8, 8), truth, truth)
    assert len(shown) == 1 and "no mistake among 4" in capsys.readouterr().out


def test_a_shape_with_its_letters(capsys):
    shape_of(torch.zeros(12, 3, 32, 32), "NCHW", "images")
    first, letters, meanings = capsys.readouterr().out.splitlines()
    assert first.split()[:5] == ["images", "12", "3", "32", "32"] and "float32, 147 kB" in first
    assert letters.split() == list("NCHW") and meanings.split() == ["examples", "channels", "height", "width"]
    with pytest.raises(ValueError, match="2 axes"):
        shape_of(torch.zeros(2, 3), "NCHW")


def test_a_history_with_a_confusion_matrix_is_drawn_without_it(shown):
    row = {"loss": 0.5, "accuracy": 0.5, "matrix": [[1, 2], [3, 4]]}
    rows = [{"epoch": n, **row, **{f"valid_{name}": value for name, value in row.items()}} for n in (1, 2)]
    plot_history(History(rows=rows, losses=[0.5] * 4))
    assert "validation accuracy" in shown.alt() and "matrix" not in shown.alt()
