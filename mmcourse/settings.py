"""The environment variables that change how the course runs, read in one place.

MMCOURSE_FAST=1      a smoke test: training loops stop after a few steps, data sets are small, no result is judged
MMCOURSE_SEED=n      changes the training book, the initial weights and the order of batches, never a test split
MMCOURSE_STRICT=1    a real-data or browser check that would be skipped fails instead; data, browser: only that one
MMCOURSE_GRADING=1   `check` raises when an answer is wrong or missing, and stores nothing; where it is not set, the
                     same holds in a kernel that nbgrader started (it sets NBGRADER_EXECUTION)
MMCOURSE_DATA=path   folder with copies of the real data sets
MMCOURSE_WORK=path   folder of the learner's own copies, answers and progress

A relative path is relative to the current directory of the process that first imports this module. The import replaces
it in the environment by the absolute path, so that it names the same folder after a change of directory and in
every process started from there. For `mmcourse lab` that is the shell's directory, for `make` the checkout; their
server and kernels inherit it. For any other kernel it is relative to the folder of the notebook.
"""

import os
from contextlib import suppress
from pathlib import Path

FAST_STEPS = 3
FAST_EXAMPLES = 256
FOLDERS = ("MMCOURSE_DATA", "MMCOURSE_WORK")


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no")


def fast() -> bool:
    """Whether this is a smoke test: loops capped at a few steps, data at a few examples (MMCOURSE_FAST)."""
    return _flag("MMCOURSE_FAST")


def strict(check: str) -> bool:
    """Whether a check on 'data' or in a 'browser' that would be skipped must fail (MMCOURSE_STRICT)."""
    if os.environ.get("MMCOURSE_STRICT", "").strip().lower() in ("data", "browser"):
        return os.environ["MMCOURSE_STRICT"].strip().lower() == check
    return _flag("MMCOURSE_STRICT")


def grading() -> bool:
    """Whether `check` raises on a wrong or missing answer: MMCOURSE_GRADING, else whether nbgrader runs this kernel."""
    return _flag("MMCOURSE_GRADING" if "MMCOURSE_GRADING" in os.environ else "NBGRADER_EXECUTION")


def steps(n: int) -> int:
    """The number of steps of a loop written by hand: n, or a few in a fast run."""
    return min(n, FAST_STEPS) if fast() else n


def examples(n: int) -> int:
    """The number of examples of a data set or an evaluation: n, or at most 256 in a fast run."""
    return min(n, FAST_EXAMPLES) if fast() else n


def seed() -> int:
    """The seed of this run (MMCOURSE_SEED, 0 unless set)."""
    text = os.environ.get("MMCOURSE_SEED", "0")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"MMCOURSE_SEED is {text!r}; expected a whole number such as 0, 1 or 2") from None


def _folder(name: str) -> Path | None:
    """The absolute folder that a variable names, or None where it is not set."""
    text = os.environ.get(name)
    if not text:
        return None
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{name} is {text!r}; expected the path of a folder ({error})") from None


def data_folder() -> Path | None:
    """The folder with local copies of the real data sets (MMCOURSE_DATA), or None. Absolute."""
    return _folder("MMCOURSE_DATA")


def work_folder() -> Path:
    """Where the learner's copies, answers and progress live; never overwritten by the course. Absolute."""
    folder = _folder("MMCOURSE_WORK")
    if folder is not None:
        return folder
    from mmcourse.assets import checkout

    root = checkout()
    return root / "work" if root else Path.home() / ".mmcourse"


def _make_folders_absolute() -> None:
    for name in FOLDERS:
        with suppress(OSError, ValueError):  # no current or home directory: raised again where it is used
            if folder := _folder(name):
                os.environ[name] = str(folder)


_make_folders_absolute()
