"""Progress: few updates, the correct results, and no output where it is not wanted."""

import io
import sys
import types

import torch
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import fit
from mmcourse.training.progress import Bar, Progress, progress


class View:
    def __init__(self):
        self.updates, self.rows, self.closed = [], [], 0

    def update(self, step, loss, metrics):
        self.updates.append((step, loss, metrics))

    def epoch(self, row):
        self.rows.append(row)

    def close(self, history):
        self.closed += 1


def run(callbacks=(), epochs=2, **more):
    torch.manual_seed(0)
    x = torch.randn(400, 3)
    model = nn.Linear(3, 2)
    return fit(model, Batches(x, (x[:, 0] > 0).long(), size=2), epochs=epochs, callbacks=callbacks, **more)


def test_a_view_hears_a_few_times_a_second():
    view = View()
    history = run([Progress(view)])
    assert 2 <= len(view.updates) < 100 < history.steps
    step, loss, metrics = view.updates[-1]
    assert step == history.steps and 0 < loss < 2 and metrics == {"accuracy": history[-1]["accuracy"]}
    assert view.rows == history.rows and view.closed == 1


def test_the_view_is_closed_after_an_error_too():
    view = View()

    def fail(run):
        raise OSError

    try:
        run([Progress(view), fail])
    except OSError:
        assert view.closed == 1
    else:
        raise AssertionError


def test_silent_where_nobody_watches_and_a_bar_on_a_terminal(monkeypatch, capsys):
    assert progress(10, 1) is None
    run()
    assert capsys.readouterr() == ("", "")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert isinstance(progress(10, 1).view, Bar)
    run()
    assert "accuracy" in sys.stderr.getvalue() and "400/400" in sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", Terminal())
    run(verbose=False)
    assert sys.stderr.getvalue() == ""


def test_a_notebook_gets_the_live_view_and_the_bar_where_there_is_none(monkeypatch):
    monkeypatch.setattr("mmcourse.training.progress.in_notebook", lambda: True)
    view = View()
    monkeypatch.setitem(sys.modules, "mmcourse.show.live", types.SimpleNamespace(live_view=lambda steps, epochs: view))
    run()
    assert view.closed == 1
    monkeypatch.setitem(sys.modules, "mmcourse.show.live", None)
    assert isinstance(progress(10, 1).view, Bar)


def test_nothing_to_train_shows_nothing(monkeypatch):
    monkeypatch.setattr("mmcourse.training.progress.in_notebook", lambda: True)
    assert progress(0, 0) is None
    assert run(epochs=0).steps == 0
