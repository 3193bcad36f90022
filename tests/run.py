"""Run the tests in two steps: what can share the machine in several processes, then what needs it alone.

    python tests/run.py [--quick] [pytest's own options]

Each process of the first step computes with one thread, so that two of them do not wait for each other's. Browser tests
and tests marked `alone` follow one by one. Options go to both steps; `-n 0` runs the first step in one process.
--quick leaves out the lessons, slow tests and the second step.
"""

import os
import subprocess
import sys
from pathlib import Path

NO_TESTS = 5  # pytest's exit status where its options select nothing
MOST_PROCESSES = 4  # a lesson's kernel takes up to 2 GB
ONE_THREAD = dict.fromkeys(("MMCOURSE_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def processes(options: list[str]) -> list[str]:
    """xdist's options; none for a debugger, which needs the terminal."""
    if "--pdb" in options or "--trace" in options:
        return []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ["-n", str(min(cores, MOST_PROCESSES)), "--dist", "worksteal"]


def main(options: list[str]) -> int:
    quick = "--quick" in options
    options = [option for option in options if option != "--quick"]
    command = [sys.executable, "-m", "pytest", *(["-m", "not notebook and not slow"] if quick else [])]
    root = Path(__file__).resolve().parents[1]
    shared = subprocess.run(
        [*command, "--part", "shared", *processes(options), *options], cwd=root, env={**os.environ, **ONE_THREAD}
    )
    if quick or shared.returncode not in (0, 1, NO_TESTS):  # interrupted, or options that pytest does not know
        return shared.returncode
    alone = subprocess.run([*command, "--part", "alone", *options], cwd=root)
    statuses = {shared.returncode, alone.returncode}
    return NO_TESTS if statuses == {NO_TESTS} else max(statuses - {NO_TESTS})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
