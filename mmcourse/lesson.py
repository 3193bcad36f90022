"""The header that every lesson calls: `begin("01")`."""

import os
import time
import warnings

from mmcourse import CPU_SECONDS_AT_IMPORT, settings

# Harmless but confusing warnings: the message and its category.
HARMLESS = (("IProgress not found", "tqdm.std.TqdmWarning"),)
_begun: float | None = None


def begin(lesson: str) -> None:
    """Make a lesson ready: seeds (MMCOURSE_SEED), threads (MMCOURSE_THREADS, else unchanged), the style of figures.

    Prints one line with the device, and whether this is a fast run. In a notebook, every cell from now on
    returns the memory that it has freed to the system when it ends. ValueError unless the lesson is two digits.
    """
    global _begun
    if not (isinstance(lesson, str) and len(lesson) == 2 and lesson.isdigit()):
        raise ValueError(f"lesson is {lesson!r}; expected its number as two digits, such as '01'")
    _begun = CPU_SECONDS_AT_IMPORT if _begun is None else time.process_time()
    quieten()
    import torch

    threads = os.environ.get("MMCOURSE_THREADS")
    if threads:
        if not threads.isdigit() or int(threads) < 1:
            raise ValueError(f"MMCOURSE_THREADS is {threads!r}; expected an integer of 1 or more")
        torch.set_num_threads(int(threads))
    from IPython import get_ipython

    from mmcourse.show.style import use_style
    from mmcourse.training.device import describe_device, seed_everything

    seed_everything()
    use_style()
    if shell := get_ipython():
        shell.events.register("post_run_cell", _return_freed_memory)  # once, however often it is registered
    seed, fast = settings.seed(), " · fast run: no result is judged" if settings.fast() else ""
    print(f"Lesson {lesson} · {describe_device()}" + (f" · seed {seed}" if seed else "") + fast)


def _return_freed_memory(result) -> None:
    """Called after each cell, so that the memory of reading data or evaluating does not add to the next cell's."""
    from mmcourse.training.device import return_freed_memory

    return_freed_memory()


def cpu_seconds_since_begin() -> float:
    """Seconds of processor time since `begin`; the first `begin` of a kernel counts from the import of mmcourse.

    Unlike wall-clock time, it depends little on other programs.
    """
    if _begun is None:
        raise ValueError('no lesson has begun; call begin("01"), with the lesson\'s number, first')
    return time.process_time() - _begun


def quieten() -> None:
    """Silence the warnings that are known to be harmless, and no others."""
    for message, category in HARMLESS:
        module, _, name = category.rpartition(".")
        try:
            kind = getattr(__import__(module, fromlist=[name]), name)
        except ImportError:
            continue
        warnings.filterwarnings("ignore", message=message, category=kind)
