"""Jupyter's stop button and Ctrl-C: training ends between two steps, is saved, and the cell ends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TrainingInterrupted(KeyboardInterrupt):
    """A training loop was interrupted: raised after saving, so that the cell and "Run all" end.

    `history` is what the loop would have returned, also kept as `model.history` (of a GAN: `generator.history`); the
    models keep their weights.
    """

    def __init__(self, message: str, history):
        super().__init__(message)
        self.history = history


def interrupted(run) -> TrainingInterrupted:
    """The error to raise after a run was interrupted; says what is kept and how to continue."""
    if run.saved:
        path, step = run.saved
        on = f"{path} holds the run after step {step}; the same call with resume={str(path)!r} continues it"
    else:
        on = f"{run.call} trains these weights on; with checkpoint=path the run itself could have been resumed"
    return TrainingInterrupted(f"Stopped after step {run.step} of {run.total_steps}: {run.kept}. {on}.", run.history)


@contextmanager
def stop_between_steps(run) -> Iterator[None]:
    """The first interrupt asks `run` to stop after its step; a second one ends it at once, except while saving."""

    def ask(number, frame):
        if run.interrupted and not run.saving:
            raise KeyboardInterrupt
        run.interrupted = run.stop = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.default_int_handler)
