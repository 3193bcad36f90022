"""Progress of fit_adversarial: both losses and scores reach the view that suits where it runs."""

import io
import sys

import pytest
import torch

from mmcourse import Batches, fit_adversarial
from mmcourse.models.gan import Discriminator, Generator

IMAGES = torch.rand(24, 3, 32, 32, generator=torch.Generator().manual_seed(1))


class View:
    def __init__(self, total_steps, epochs, samples):
        self.given, self.samples, self.updates, self.rows, self.closed = (total_steps, epochs), samples, [], [], 0

    def update(self, step, losses, scores):
        self.updates.append((step, losses, scores))

    def epoch(self, row):
        self.rows.append(row)

    def close(self, history):
        self.closed += 1


def run(**options):
    torch.manual_seed(0)
    networks = Generator(4, widths=(8, 8, 8)), Discriminator(widths=(8, 8, 8))
    return networks, fit_adversarial(*networks, Batches(IMAGES, size=8, seed=0), epochs=2, **options)


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setattr("mmcourse.training.progress.in_notebook", lambda: True)
    monkeypatch.setattr("mmcourse.training.progress.SECONDS_BETWEEN_UPDATES", 0)


def test_a_notebook_gets_both_losses_scores_and_samples(notebook, monkeypatch):
    views = []
    monkeypatch.setattr(
        "mmcourse.show.live_adversarial.AdversarialView", lambda *given: views.append(View(*given)) or views[-1]
    )
    _, history = run()
    (view,) = views
    assert view.given == (6, 2) and view.samples().shape == (16, 3, 32, 32)
    assert [step for step, _, _ in view.updates] == [1, 2, 3, 3, 4, 5, 6, 6]  # after each step and each epoch
    step, losses, scores = view.updates[-1]
    assert losses == {name: history[-1][name.replace(" ", "_")] for name in ("generator loss", "discriminator loss")}
    assert scores == {name: history[-1][name.replace(" ", "_")] for name in ("real score", "fake score")}
    assert view.rows == history.rows and view.closed == 1


def test_who_watches_changes_nothing(notebook):
    (watched, _), (alone, _) = run(), run(verbose=False)
    for one, other in zip(watched, alone, strict=True):
        for (name, value), same in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
            assert torch.equal(value, same), name


def test_a_terminal_gets_a_bar_and_a_log_nothing(monkeypatch, capsys):
    run()
    assert capsys.readouterr() == ("", "")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    run()
    said = sys.stderr.getvalue()
    assert "6/6" in said and "generator loss=" in said and "discriminator loss=" in said and "fake score=" in said
