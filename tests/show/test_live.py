import math
from types import SimpleNamespace

import pytest

from mmcourse.show import live


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = SimpleNamespace(time=100.0)
    monkeypatch.setattr(live.time, "perf_counter", lambda: now.time)
    return now


def run(view, clock, steps, seconds=0.01):
    for step in range(1, steps + 1):
        clock.time += seconds
        view.update(step, 2.5 * math.exp(-step / 300), {"accuracy": step / steps})


def test_a_thousand_steps_are_drawn_a_few_times_a_second(shown, clock):
    view = live.live_view(1_000, epochs=4)
    run(view, clock, 1_000)  # ten seconds
    assert 20 <= len(shown) <= 55
    assert view.drawn == len(shown)


def test_every_display_replaces_the_first(shown, clock):
    view = live.live_view(100)
    run(view, clock, 100, seconds=0.5)
    view.close(SimpleNamespace(losses=[2.0, 1.5, 1.0], seconds=3))
    assert len({display_id for _, _, display_id, _ in shown}) == 1
    assert [update for *_, update in shown] == [False] + [True] * (len(shown) - 1)


def test_a_drawing_tells_loss_metric_and_time_left(shown, clock):
    view = live.live_view(200, epochs=2)
    run(view, clock, 100, seconds=0.5)
    page = shown.data()["text/html"]
    assert "left" in page and "accuracy" in page and 'role="progressbar"' in page and "<polyline" in page
    assert "50 s left" in view.words()


def test_the_end_is_one_small_picture_with_the_figures(shown, clock):
    view = live.live_view(100, epochs=2)
    run(view, clock, 100, seconds=0.1)
    view.epoch({"epoch": 2, "loss": 0.5, "accuracy": 0.91, "valid_loss": 0.6, "valid_accuracy": 0.87})
    view.close(SimpleNamespace(losses=[2.0 - step / 60 for step in range(100)], seconds=71.0))
    data = shown.data()
    assert set(data) == {"image/png", "text/plain"} and len(data["image/png"]) < 60_000
    assert "validation accuracy 0.870" in shown.alt() and "1 min 11 s" in data["text/plain"]
    before = len(shown)
    view.close()
    assert len(shown) == before


def test_an_interrupted_run_says_where_it_stopped(shown, clock):
    view = live.live_view(1_000, epochs=2)
    run(view, clock, 40)
    view.close(SimpleNamespace(losses=[1.0] * 40, seconds=4))
    assert "stopped at step 40 of 1,000" in shown.data()["text/plain"]


def test_the_curve_stays_small_however_long_the_run(shown, clock):
    view = live.live_view(100_000, epochs=500)
    run(view, clock, 100_000, seconds=0)
    for epoch in range(500):
        view.epoch({"epoch": epoch + 1, "loss": 0.1, "valid_loss": 0.2})
    assert len(view.html()) < 15_000


def test_losses_that_are_not_finite_do_not_break_the_view(shown, clock):
    view = live.live_view(10)
    for step in range(1, 11):
        clock.time += 1
        view.update(step, math.nan if step % 2 else 1.0)
    view.close(SimpleNamespace(losses=[math.nan] * 10, seconds=1))
    assert "nan" not in shown.data()["text/plain"]


@pytest.mark.parametrize("steps", [1, 100, live.POINTS, 992, 100_001])
def test_the_kept_curve_has_no_short_piece_at_its_end(steps):
    """A last batch of long sentences, alone in its piece, would end the curve in a spike."""
    points = live.thinned([1.0] * (steps - 1) + [2.0])
    assert len(points) == min(steps, live.POINTS) and points[-1][0] == steps
    sizes = [b - a for (a, _), (b, _) in zip(points, points[1:], strict=False)]
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert live.thinned([], 3) == [] and live.thinned([math.nan, 1.0], 3) == [(5, 1.0)]


def test_outside_a_notebook_an_epoch_is_a_line(capsys):
    view = live.live_view(10, epochs=3)
    view.update(5, 0.5)
    view.epoch({"epoch": 1, "loss": 0.5, "valid_accuracy": 0.75})
    view.close()
    assert capsys.readouterr().out == "epoch 1 of 3 · loss 0.500 · validation accuracy 0.750\n"


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="total_steps is 0"):
        live.live_view(0)


def test_metrics_with_several_values_are_left_out(shown, clock):
    view = live.live_view(10, epochs=2)
    matrix = [[1, 2], [3, 4]]
    for step in range(1, 11):
        clock.time += 1
        view.update(step, 0.5, {"matrix": matrix, "accuracy": 0.5})
    view.epoch({"epoch": 1, "loss": 0.5, "matrix": matrix, "valid_matrix": matrix, "valid_accuracy": 0.25})
    assert "accuracy 0.500" in view.words() and "validation accuracy 0.250" in view.words()
    view.close(SimpleNamespace(losses=[0.5] * 10, seconds=1))
    assert "matrix" not in shown.data()["text/plain"] and "validation accuracy 0.250" in shown.data()["text/plain"]
