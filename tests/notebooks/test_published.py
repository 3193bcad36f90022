"""The lessons as they are published: made from their sources, fit to be read, and they run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from build import Builder
from pipeline import outputs, source
from pipeline.solutions import regions, solution_lines

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
LESSONS = source.lessons(FOLDER)
NOTEBOOKS = sorted([*FOLDER.glob("*.ipynb"), *(FOLDER / "answers").glob("*.ipynb")])
FILLER = re.compile(r"\b(simply|obviously|it is worth noting|delve|we will now)\b", re.IGNORECASE)


def name(path):
    return path.relative_to(FOLDER).as_posix()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_notebooks_are_what_their_source_makes(lesson):
    assert Builder(ROOT).stale(lesson) == [], "run 'make notebooks'"


def test_every_notebook_has_a_source():
    assert Builder(ROOT).orphans() == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_is_fit_to_be_read(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert outputs.problems(notebook, ROOT) == []
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert FILLER.findall(prose) == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_no_answer_stands_in_the_learners_notebook(lesson):
    learner = Builder(ROOT).stored(lesson, "learner")
    assert learner is not None, "run 'make notebooks'"
    answers = source.compose(lesson, "answers", "https://github.com/someone/fork")
    secrets, open_text = set(), ""
    for cell in answers.cells:
        secrets |= {line for line in solution_lines(cell.source) if len(line) > 15}
        lines = cell.source.split("\n")
        for start, end in reversed(regions(cell.source)):
            del lines[start : end + 1]
        if source.ANSWERS_ONLY not in cell.metadata.get("tags", []):
            open_text += "\n".join(lines) + "\n"
    shown = "\n".join(str(part) for c in learner.cells for part in (c.source, c.get("outputs", "")))
    assert [line for line in secrets if line not in open_text and line in shown] == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_some_outputs_are_compared_when_it_runs(lesson):
    learner = Builder(ROOT).stored(lesson, "learner")
    compared = [c for c in learner.cells if "nbval-check-output" in c.metadata.get("tags", [])]
    assert compared and all(cell.outputs for cell in compared)


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook_runs_in_fast_mode(path, tmp_path):
    """pytest --nbval-lax: every cell runs, and cells tagged nbval-check-output show what is stored."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    options = ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, "-q", "-c", str(tmp_path / "pytest.ini"), str(path)]
    dropped = ("MMCOURSE_SEED", "MMCOURSE_GRADING", "MMCOURSE_RESULTS")
    variables = {k: v for k, v in os.environ.items() if k not in dropped}
    variables |= {"MMCOURSE_FAST": "1", "MMCOURSE_WORK": str(tmp_path / "work")}
    ran = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, f"{name(path)} does not run:\n{ran.stdout[-6000:]}\n{ran.stderr[-1000:]}"
