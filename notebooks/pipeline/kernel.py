"""Run a notebook from top to bottom in a fresh kernel, and measure its time and its memory."""

import asyncio
import contextlib
import os
import re
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from mmcourse import settings

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CELL_SECONDS = 600
GRACE_SECONDS = 10  # seconds for a cell to end after an interrupt


class LessonFailed(RuntimeError):
    """A notebook failed; the message contains the cell and its traceback.

    cell: the index of that cell among all cells, or None; interrupted: as in `Run`.
    """

    def __init__(self, message: str, cell: int | None = None, interrupted: list[int] | None = None):
        super().__init__(message)
        self.cell, self.interrupted = cell, interrupted or []


@dataclass
class Run:
    """Time and memory of a run, from the start of the kernel to its end.

    minutes      of wall-clock time
    cpu_minutes  of CPU time, of the kernel and its children: depends little on other programs
    peak_mb      their highest total memory (MB, RSS)
    interrupted  the indices of the cells that were interrupted at their limit
    """

    minutes: float
    cpu_minutes: float
    peak_mb: float
    interrupted: list[int] = field(default_factory=list)


def environment(root: Path, work: Path, *, fast: bool = False, seed: int = 0, **more: str) -> dict[str, str]:
    """The variables a lesson runs under: none of the caller's own MMCOURSE_ ones but the folder of real data.

    Real data is MMCOURSE_DATA, else ../shared/data beside the checkout; where it is there, a check that skips it fails.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MMCOURSE_", "NBGRADER_"))}
    variables = {"MMCOURSE_WORK": str(work), "MMCOURSE_SEED": str(seed), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    beside = root.parent / "shared" / "data"
    data = settings.data_folder() or (beside if beside.is_dir() else None)
    if data:
        variables |= {"MMCOURSE_DATA": str(data), "MMCOURSE_STRICT": "1"}
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
    """Execute `notebook` in place, its kernel's working directory being `folder`.

    LessonFailed where a cell raises (unless tagged raises-exception), takes over `seconds`, or the kernel dies.
    go_on: continue after cells that raise, and interrupt a cell at its limit; LessonFailed if it does not end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    language = notebook.metadata.get("language_info")
    current, interrupted = {"cell": None, "limit": None}, []

    def starts(cell, cell_index):
        current["cell"] = cell_index
        if go_on:
            current["limit"] = asyncio.get_running_loop().call_later(seconds, interrupt, cell_index)

    def ended(**_):
        if current["limit"]:
            current["limit"].cancel()

    def interrupt(cell_index):
        interrupted.append(cell_index)
        current["interrupt"] = asyncio.ensure_future(client.km.interrupt_kernel())

    client = NotebookClient(
        notebook,
        timeout=seconds + GRACE_SECONDS if go_on else seconds,
        allow_errors=go_on,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=starts,
        on_cell_executed=ended,
    )
    start = time.perf_counter()
    with _usage(client) as usage, tempfile.TemporaryFile("w+", errors="replace") as complaints:
        try:
            client.execute(env=variables, stderr=complaints)
        except CellExecutionError as error:
            message = error.traceback or str(error)
        except CellTimeoutError:
            message = f"the cell ran for more than {seconds} s" + (" and could not be interrupted" if go_on else "")
        except DeadKernelError:
            complaints.seek(0)
            message = f"the kernel died (out of memory?) at {usage.peak_mb:.0f} MB or more\n{complaints.read()[-2000:]}"
        else:
            message = None
    ended()
    if message is not None:
        raise LessonFailed(_failure(notebook, current["cell"], message), current["cell"], interrupted)
    if language is not None:
        notebook.metadata["language_info"] = language
    notebook.metadata.pop("widgets", None)
    return Run((time.perf_counter() - start) / 60, usage.cpu_seconds / 60, usage.peak_mb, interrupted)


def number(notebook: NotebookNode, index: int) -> int:
    """The number of a code cell, counted from 1."""
    return sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])


def _failure(notebook: NotebookNode, index: int | None, traceback: str) -> str:
    """The cell that failed and its traceback, without terminal colours."""
    if index is None:
        return ANSI.sub("", traceback)
    return (
        f"code cell {number(notebook, index)}:\n\n{notebook.cells[index].source}\n\n{ANSI.sub('', traceback).strip()}"
    )


class _Usage:
    """The highest memory and the CPU time of a kernel and its children so far."""

    def __init__(self):
        self.peak_mb = self.cpu_seconds = 0.0

    def sample(self, pid: int) -> None:
        """Measure the process and its children; those that have ended are counted in their parent's times."""
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
    """Sample the kernel's usage while the block runs; yields the _Usage."""
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
