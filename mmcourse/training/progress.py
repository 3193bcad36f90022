"""Progress of training: a live view in a notebook, a bar on a terminal, no output in a log."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

SECONDS_BETWEEN_UPDATES = 0.25
STEPS_SHOWN = 20  # the number of steps over which the displayed loss is averaged


class Progress:
    """A callback of `fit` that passes a few results per second to a view with update, epoch and close."""

    def __init__(self, view):
        self.view = view
        self.next_update = 0.0

    def on_step(self, run) -> None:
        now = time.monotonic()
        if now >= self.next_update:
            self.next_update = now + SECONDS_BETWEEN_UPDATES
            self.show(run)

    def on_epoch(self, run) -> None:
        self.show(run)
        self.view.epoch(run.history[-1])

    def on_end(self, run) -> None:
        self.view.close(run.history)

    def show(self, run) -> None:
        recent = run.history.losses[-STEPS_SHOWN:]
        results = run.tally.running()
        results.pop("loss", None)
        if recent:
            self.view.update(run.step, sum(recent) / len(recent), results)


class Bar:
    """A plain bar on stderr."""

    def __init__(self, total_steps: int, epochs: int, done: int = 0):
        from tqdm import tqdm

        self.bar = tqdm(total=total_steps, initial=done, unit=" steps", dynamic_ncols=True, leave=True)

    def update(self, step: int, loss: float | dict[str, float], metrics: dict) -> None:
        losses = loss if isinstance(loss, dict) else {"loss": loss}
        shown = {name: f"{value:.3f}" for name, value in (losses | metrics).items() if isinstance(value, float)}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update(step - self.bar.n)

    def epoch(self, row: dict) -> None:
        pass

    def close(self, history) -> None:
        self.bar.close()


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def progress(total_steps: int, epochs: int, done: int = 0) -> Progress | None:
    """The callback for a notebook or a terminal; None without output or steps."""

    def live():
        from mmcourse.show.live import live_view

        return live_view(total_steps, epochs)

    view = view_for_here(live, total_steps, epochs, done)
    return Progress(view) if view else None


def view_for_here(live: Callable, total_steps: int, epochs: int, done: int = 0):
    """The view live() in a notebook, a bar on a terminal or if live() raises ImportError; else None."""
    if not total_steps:
        return None
    if in_notebook():
        with suppress(ImportError):
            return live()
        return Bar(total_steps, epochs, done)
    return Bar(total_steps, epochs, done) if sys.stderr is not None and sys.stderr.isatty() else None
