"""Run a notebook from top to bottom in a fresh kernel, and measure its time and its memory."""

import contextlib
import os
import re
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CELL_SECONDS = 600


class LessonFailed(RuntimeError):
    """A notebook did not reach its end; the message holds the cell and its traceback."""


@dataclass
class Run:
    """What a run took, from the start of the kernel to its end.

    minutes      by the clock
    cpu_minutes  of processor time, the kernel's and its children's: depends little on what else the machine does
    peak_mb      the most memory they held together (MB, RSS)
    """

    minutes: float
    cpu_minutes: float
    peak_mb: float


def environment(root: Path, work: Path, *, fast: bool = False, seed: int = 0, **more: str) -> dict[str, str]:
    """The variables a lesson runs under: none of the caller's own MMCOURSE_ ones but the folder of real data.

    Real data is MMCOURSE_DATA, else ../shared/data beside the checkout; where it is there, a check that skips it fails.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("MMCOURSE_")}
    variables = {"MMCOURSE_WORK": str(work), "MMCOURSE_SEED": str(seed), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    beside = root.parent / "shared" / "data"
    data = os.environ.get("MMCOURSE_DATA") or (str(beside) if beside.is_dir() else "")
    if data:
        variables |= {"MMCOURSE_DATA": data, "MMCOURSE_STRICT": "1"}
    if fast:
        variables["MMCOURSE_FAST"] = "1"
    return kept | variables | more


def run(
    notebook: NotebookNode,
    folder: Path,
    variables: dict[str, str],
    seconds: int = CELL_SECONDS,
    go_on: bool = False,
) -> Run:
    """Execute `notebook` in place, its kernel's working directory being `folder`; `go_on` runs past cells that raise.

    LessonFailed where a cell raises (unless tagged raises-exception), takes over `seconds`, or the kernel dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    language = notebook.metadata.get("language_info")
    current = {"cell": None}

    def starts(cell, cell_index):
        current["cell"] = cell_index

    client = NotebookClient(
        notebook,
        timeout=seconds,
        allow_errors=go_on,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=starts,
    )
    start = time.perf_counter()
    with _usage(client) as usage, tempfile.TemporaryFile("w+", errors="replace") as complaints:
        try:
            client.execute(env=variables, stderr=complaints)
        except CellExecutionError as error:
            raise LessonFailed(_failure(notebook, current["cell"], error.traceback or str(error))) from None
        except CellTimeoutError:
            raise LessonFailed(_failure(notebook, current["cell"], f"the cell ran for more than {seconds} s")) from None
        except DeadKernelError:
            complaints.seek(0)
            message = f"the kernel died (out of memory?) at {usage.peak_mb:.0f} MB or more\n{complaints.read()[-2000:]}"
            raise LessonFailed(_failure(notebook, current["cell"], message)) from None
    if language is not None:
        notebook.metadata["language_info"] = language
    notebook.metadata.pop("widgets", None)
    return Run((time.perf_counter() - start) / 60, usage.cpu_seconds / 60, usage.peak_mb)


def _failure(notebook: NotebookNode, index: int | None, traceback: str) -> str:
    """The cell that failed and what it said, without terminal colours."""
    if index is None:
        return ANSI.sub("", traceback)
    number = sum(c.cell_type == "code" for c in notebook.cells[: index + 1])
    return f"code cell {number}:\n\n{notebook.cells[index].source}\n\n{ANSI.sub('', traceback).strip()}"


class _Usage:
    """What a kernel and its children have used so far: the most memory at once, and processor time."""

    def __init__(self):
        self.peak_mb = self.cpu_seconds = 0.0

    def sample(self, pid: int) -> None:
        """Look at the process and all its children; those that ended before are counted in their parent's times."""
        memory = seconds = 0.0
        with contextlib.suppress(psutil.Error):
            kernel = psutil.Process(pid)
            for process in [kernel, *kernel.children(recursive=True)]:
                with contextlib.suppress(psutil.Error), process.oneshot():
                    memory += process.memory_info().rss / 1e6
                    seconds += sum(process.cpu_times()[:4])  # user, system, and both of children that ended
        self.peak_mb = max(self.peak_mb, memory)
        self.cpu_seconds = max(self.cpu_seconds, seconds)


@contextlib.contextmanager
def _usage(client: NotebookClient, every: float = 0.2):
    """Sample what the kernel uses while the block runs; yields the _Usage."""
    usage, done = _Usage(), threading.Event()

    def watch():
        while not done.wait(every):
            pid = getattr(getattr(client.km, "provisioner", None), "pid", None)
            if pid:
                usage.sample(pid)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        done.set()
        thread.join()
