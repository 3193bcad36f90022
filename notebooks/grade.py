"""Grade a folder of submitted lessons: run each in a fresh kernel and collect the verdicts of `check` in a CSV file.

    python notebooks/grade.py submissions/ [--out grades.csv] [--seconds 120] [--full]

One row per notebook (any depth below the folder), one column per exercise: 1 right, 0 wrong, empty not tried. `ended`
says whether the notebook could be run at all. Training is cut to a few steps unless --full is given.
A submission is code from someone else and runs with your rights: grade on a machine or in a container you can lose.
"""

import argparse
import csv
import io
import re
import sys
import tempfile
from pathlib import Path

import nbformat

from build import ROOT
from mmcourse.files import write_whole
from pipeline import kernel
from pipeline.kernel import LessonFailed

_CHECK = re.compile(r"\bcheck\(\s*[\"']([\w.]+)[\"']")


def grade(path: Path, seconds: int = 120, full: bool = False) -> dict:
    """The verdicts of one submission: {"file", "ended", "right", then every exercise it hands in: 1, 0 or ""}.

    Cells that raise do not stop the rest; `seconds` is the limit of each cell.
    """
    row = {"file": path.name, "ended": "yes", "right": 0}
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        return row | {"ended": f"not a notebook: {error}"[:200]}
    asked = sorted(set(_CHECK.findall("\n".join(c.source for c in notebook.cells if c.cell_type == "code"))))
    with tempfile.TemporaryDirectory() as work:
        variables = kernel.environment(ROOT, Path(work), fast=not full)
        variables.pop("MMCOURSE_STRICT", None)
        try:
            kernel.run(notebook, path.parent, variables, seconds=seconds, go_on=True)
        except LessonFailed as error:
            row["ended"] = " ".join(str(error).split())[-200:]
        states = _states(Path(work))
    verdicts = {name: {"right": 1, "wrong": 0}.get(states.get(name), "") for name in asked}
    return row | {"right": sum(v == 1 for v in verdicts.values())} | verdicts


def _states(work: Path) -> dict[str, str]:
    """What `check` recorded in a work folder: {"01.1": "right" or "wrong"}."""
    from mmcourse.exercises import record

    path = work / "progress.json"
    if not path.is_file():
        return {}
    return {name: entry.get("state", "") for name, entry in record.parse(path.read_text())["exercises"].items()}


def write(rows: list[dict], path: Path) -> None:
    """Store the grades as CSV, whole or not at all."""
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
    parser.add_argument("--seconds", type=int, default=120, help="the longest a cell may run")
    parser.add_argument("--full", action="store_true", help="train in full; slow")
    given = parser.parse_args(arguments)
    submitted = [p for p in sorted(given.folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    if not submitted:
        parser.error(f"no notebooks in {given.folder}")
    rows = []
    for path in submitted:
        row = grade(path, given.seconds, given.full) | {"file": path.relative_to(given.folder).as_posix()}
        print(f"{row['file']}: {row['right']} right; ended: {row['ended']}", flush=True)
        rows.append(row)
        write(rows, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
