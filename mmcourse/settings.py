"""The environment variables that change how the course runs, read in one place.

MMCOURSE_FAST=1      a smoke test: training loops stop after a few steps, data sets are small, no result is judged
MMCOURSE_SEED=n      moves the training book, the initial weights and the order of batches, never a test split
MMCOURSE_STRICT=1    a real-data or browser check that would be skipped fails instead
MMCOURSE_GRADING=1   `check` raises when an answer is wrong
MMCOURSE_DATA=path   folder with copies of the real data sets
MMCOURSE_WORK=path   folder of the learner's own copies, answers and progress
"""

import os
from pathlib import Path

FAST_STEPS = 3
FAST_EXAMPLES = 256


def _flag(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() not in ("", "0", "false", "no")


def fast() -> bool:
    """Whether this is a smoke test: loops capped at a few steps, data at a few examples (MMCOURSE_FAST)."""
    return _flag("MMCOURSE_FAST")


def strict() -> bool:
    """Whether a check that would be skipped must fail (MMCOURSE_STRICT)."""
    return _flag("MMCOURSE_STRICT")


def grading() -> bool:
    """Whether `check` raises on a wrong answer (MMCOURSE_GRADING)."""
    return _flag("MMCOURSE_GRADING")


def steps(n: int) -> int:
    """How many steps a loop written by hand takes: n, or a few in a fast run."""
    return min(n, FAST_STEPS) if fast() else n


def examples(n: int) -> int:
    """How many examples a data set or an evaluation holds: n, or at most 256 in a fast run."""
    return min(n, FAST_EXAMPLES) if fast() else n


def seed() -> int:
    """The seed of this run (MMCOURSE_SEED, 0 unless set)."""
    text = os.environ.get("MMCOURSE_SEED", "0")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"MMCOURSE_SEED is {text!r}; expected a whole number such as 0, 1 or 2") from None


def data_folder() -> Path | None:
    """The folder with local copies of the real data sets (MMCOURSE_DATA), or None."""
    text = os.environ.get("MMCOURSE_DATA")
    return Path(text).expanduser() if text else None


def work_folder() -> Path:
    """Where the learner's copies, answers and progress live; never overwritten by the course."""
    text = os.environ.get("MMCOURSE_WORK")
    if text:
        return Path(text).expanduser()
    from mmcourse.assets import checkout

    root = checkout()
    return root / "work" if root else Path.home() / ".mmcourse"
