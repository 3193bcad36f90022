"""Jupyter's stop button and Ctrl-C: training ends between two steps, is saved, and then ends the cell as well."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class TrainingInterrupted(KeyboardInterrupt):
    """A training loop was interrupted: raised once all is saved, so that the cell ends and "Run all" with it.

    `history` is what the loop would have returned, also kept as `model.history` (of a GAN: `generator.history`); the
    models keep their weights.
    """

    def __init__(self, message: str, history):
        super().__init__(message)
        self.history = history


def interrupted(run) -> TrainingInterrupted:
    """The error to raise after a run was interrupted; says what is kept and how to go on."""
    if run.saved:
        path, step = run.saved
        on = f"{path} holds the run after step {step}; the same call with resume={str(path)!r} goes on from there"
    else:
        on = f"{run.call} trains these weights on; with checkpoint=path the run itself could have been resumed"
    return TrainingInterrupted(f"Stopped after step {run.step} of {run.total_steps}: {run.kept}. {on}.", run.history)


@contextmanager
def stop_between_steps(run) -> Iterator[None]:
    """The first interrupt asks `run` to stop after its step; a second one breaks off at once, but no saving."""

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
