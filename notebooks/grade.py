"""Grade a folder of submitted lessons: run each in a fresh kernel and collect the verdicts of `check` in a CSV file.

    python notebooks/grade.py submissions/ [--out grades.csv] [--seconds 120] [--full]

One row per notebook (any depth below the folder), one column per exercise: 1 correct, 0 wrong, empty not tried. `ended`
is "yes", or an error message. A cell that runs longer than --seconds is interrupted, and the run continues; a cell that
cannot be interrupted or ends the kernel is skipped, and the notebook is run again. An exercise checked in such a cell
is wrong. The next submission is graded in any case. Training is cut to a few steps unless --full is given. A submission
is code from someone else and runs with your permissions: use a disposable machine or container.
"""

import argparse
import csv
import io
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from build import ROOT
from mmcourse.exercises import record
from mmcourse.exercises.showing import say
from mmcourse.files import write_whole
from mmcourse.renamed import new_exercise
from pipeline import kernel
from pipeline.kernel import LessonFailed

_CHECK = re.compile(r"\bcheck\(\s*[\"']([\w.]+)[\"']")


def grade(path: Path, seconds: int = 120, full: bool = False) -> dict:
    """The verdicts of one submission: {"file", "ended", "right", then every submitted exercise: 1, 0 or ""}.

    The run continues after cells that raise; `seconds` is the limit of each cell.
    """
    row = {"file": path.name, "ended": "yes", "right": 0}
    try:
        notebook = nbformat.read(path, as_version=4)
        asked = [_checked(cell) for cell in notebook.cells]
    except Exception as error:  # nbformat raises various exceptions
        return row | {"ended": f"not a notebook: {type(error).__name__}: {error}"[:200]}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        variables = kernel.environment(ROOT, Path(work), fast=not full)
        variables.pop("MMCOURSE_STRICT", None)
        stopped = _run(notebook, path.parent, variables, seconds)
        try:
            states = _states(Path(work))
        except (OSError, ValueError, record.NewerFormat) as error:
            states, stopped[None] = {}, f"its record cannot be read: {error}"
    if stopped:
        row["ended"] = "; ".join(stopped.values())[:400]
    verdicts = {name: "" for name in sorted(set().union(*asked))}
    for index in filter(lambda index: index is not None, stopped):
        verdicts |= dict.fromkeys(asked[index], 0)
    verdicts |= {name: {"right": 1, "wrong": 0}[state] for name, state in states.items() if name in verdicts}
    return row | {"right": sum(value == 1 for value in verdicts.values())} | verdicts


def _checked(cell: NotebookNode) -> set[str]:
    """The exercises that a cell submits."""
    return {new_exercise(id) for id in _CHECK.findall(cell.source)} if cell.cell_type == "code" else set()


def _run(notebook: NotebookNode, folder: Path, variables: dict[str, str], seconds: int) -> dict[int | None, str]:
    """Run all cells that can be run; {index: reason} for those that were interrupted or skipped."""
    stopped: dict[int | None, str] = {}
    while True:
        try:
            interrupted = kernel.run(notebook, folder, variables, seconds=seconds, go_on=True).interrupted
            failure = None
        except LessonFailed as error:
            interrupted, failure = error.interrupted, error
        for index in interrupted:
            stopped[index] = f"code cell {kernel.number(notebook, index)} ran for more than {seconds} s"
        if failure is None:
            return stopped
        if failure.cell is None or not notebook.cells[failure.cell].source:
            return stopped | {None: " ".join(str(failure).split())[-200:]}
        which, why = kernel.number(notebook, failure.cell), str(failure).rpartition("\n\n")[2].splitlines()[0]
        stopped[failure.cell] = f"code cell {which} was skipped: {why}"
        notebook.cells[failure.cell].source = ""


def _states(work: Path) -> dict[str, str]:
    """What `check` recorded in a work folder: {"01.1": "right" or "wrong"}."""
    path = work / "progress.json"
    if not path.is_file():
        return {}
    entries = record.parse(path.read_text(encoding="utf-8"))["exercises"]
    return {name: entry["state"] for name, entry in entries.items() if entry.get("state") in record.RANK}


def write(rows: list[dict], path: Path) -> None:
    """Store the grades as CSV in one step."""
    exercises = sorted({name for row in rows for name in row} - {"file", "ended", "right"})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["file", "ended", "right", *exercises], restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("grades.csv"))
    parser.add_argument("--seconds", type=int, default=120, help="time limit of a cell")
    parser.add_argument("--full", action="store_true", help="train in full; slow")
    given = parser.parse_args(arguments)
    submitted = [p for p in sorted(given.folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    if not submitted:
        parser.error(f"no notebooks in {given.folder}")
    if given.out.exists():  # it may have been edited
        kept = given.out.with_name(f"{given.out.stem}_kept_{datetime.now():%Y-%m-%d_%H%M%S-%f}{given.out.suffix}")
        given.out.replace(kept)
        say(f"The existing table is kept as {kept}")
    rows = []
    for path in submitted:
        name = path.relative_to(given.folder).as_posix().encode(errors="replace").decode()
        try:
            row = grade(path, given.seconds, given.full)
        except Exception as error:  # an error in one submission must not stop the others
            row = {"right": 0, "ended": f"could not be graded: {type(error).__name__}: {error}"[:400]}
        rows.append(row | {"file": name})
        say(f"{name}: {row['right']} correct; ended: {row['ended']}")
        sys.stdout.flush()
        try:
            write(rows, given.out)
        except OSError as error:  # such as a table that is open in another program
            say(f"{given.out} could not be written ({error}); it is tried again after the next submission")
    write(rows, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
