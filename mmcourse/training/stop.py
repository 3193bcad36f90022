"""Jupyter's stop button and Ctrl-C: end training between two steps, so that no step is left half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_between_steps(run) -> Iterator[None]:
    """The first interrupt asks `run` to stop after its step; a second one breaks off at once."""

    def ask(number, frame):
        if run.interrupted:
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
