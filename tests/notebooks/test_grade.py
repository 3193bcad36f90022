"""Submissions are run one by one, and what `check` found in each becomes a row."""

import csv
import os

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import grade
from grade import main

CHECK = '''import json, os
def check(id, right):
    """What mmcourse.exercises.check records."""
    path = os.path.join(os.environ["MMCOURSE_WORK"], "progress.json")
    record = json.load(open(path)) if os.path.exists(path) else {"format": 1, "exercises": {}, "quizzes": {}}
    record["exercises"][id] = {"state": "right" if right else "wrong"}
    json.dump(record, open(path, "w"))
'''


def submit(folder, student, *cells):
    (folder / student).mkdir(parents=True)
    book = new_notebook(cells=[new_markdown_cell("# Mine"), *map(new_code_cell, [CHECK, *cells])])
    nbformat.write(book, folder / student / "90.ipynb")


def graded(folder, *options):
    """The rows by file."""
    out = folder.parent / "grades.csv"
    assert main([str(folder), "--out", str(out), *options]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_grades(tmp_path):
    folder = tmp_path / "submissions"
    submit(folder, "ada", "check('90.1', True)", "check('90.2', True)")
    submit(folder, "bob", "1 / 0", "check('90.1', False)", "# check('90.2', answer)")
    (folder / "broken.ipynb").write_text("not json")
    (folder / "empty.ipynb").write_text("{}")
    (folder / "cells.ipynb").write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [3]}')
    rows = graded(folder)
    assert [(r["right"], r["90.1"], r["90.2"]) for r in (rows["ada/90.ipynb"], rows["bob/90.ipynb"])] == [
        ("2", "1", "1"),
        ("0", "0", ""),
    ]
    assert rows["ada/90.ipynb"]["ended"] == rows["bob/90.ipynb"]["ended"] == "yes"
    for name in ("broken", "empty", "cells"):
        assert "not a notebook" in rows[f"{name}.ipynb"]["ended"]


@pytest.mark.slow
def test_an_endless_cell_is_wrong_and_hides_no_other_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(grade.kernel, "GRACE_SECONDS", 1)
    endless, deaf = "while True: pass", "while True:\n    try:\n        time.sleep(60)\n    except BaseException: pass"
    submit(
        tmp_path / "class",
        "bob",
        "import os, time\ncheck('90.1', True)",
        f"check('90.2', True) if 0 else None\nkept = 1\n{endless}",
        "check('90.3', kept == 1)",
        f"if 0: check('90.4', True)\n{deaf}",
        "check('90.5', kept == 1)",
        "if 0: check('90.6', True)\nos._exit(1)",
        "check('90.7', True)",
    )
    row = graded(tmp_path / "class", "--seconds", "1")["bob/90.ipynb"]
    assert [row[f"90.{i}"] for i in range(1, 8)] == ["1", "0", "1", "0", "1", "0", "1"] and row["right"] == "4"
    assert "code cell 3 ran for more than 1 s" in row["ended"]
    assert "code cell 5 was skipped: the cell ran for more than 1 s and could not be interrupted" in row["ended"]
    assert "code cell 7 was skipped: the kernel died" in row["ended"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b'{"format": 1, "exer',
        b'{"format": 1, "exercises": {"90.1": {"state": ["right"]}}}',
    ],
)
def test_a_damaged_record_ends_nobody_elses_grading(tmp_path, content):
    corrupt = f"open(os.environ['MMCOURSE_WORK'] + '/progress.json', 'wb').write({content!r})"
    submit(tmp_path / "class", "ada", "check('90.1', True)", corrupt)
    submit(tmp_path / "class", "zoe", "check('90.1', True)")
    rows = graded(tmp_path / "class")
    assert "record cannot be read" in rows["ada/90.ipynb"]["ended"] and rows["ada/90.ipynb"]["right"] == "0"
    assert rows["zoe/90.ipynb"]["ended"] == "yes" and rows["zoe/90.ipynb"]["90.1"] == "1"


@pytest.fixture
def quick(monkeypatch):
    """Grades without kernels: {file name: an exception or a row}."""
    known = {}

    def fake(path, *_):
        if isinstance(known.get(path.name), Exception):
            raise known[path.name]
        return {"file": path.name, "ended": "yes", "right": 1, "90.1": 1}

    monkeypatch.setattr(grade, "grade", fake)
    return known


def test_whatever_goes_wrong_with_one_the_next_is_graded(tmp_path, quick):
    submit(tmp_path / "class", "ada")
    submit(tmp_path / "class", "zoë ☃")
    quick["90.ipynb"] = None
    (tmp_path / "class" / "bad.ipynb").write_text("")
    quick["bad.ipynb"] = RuntimeError("no kernel came up")
    rows = graded(tmp_path / "class")
    assert rows["bad.ipynb"]["ended"] == "could not be graded: RuntimeError: no kernel came up"
    assert rows["zoë ☃/90.ipynb"]["right"] == rows["ada/90.ipynb"]["right"] == "1"


def test_a_table_that_is_there_is_kept(tmp_path, quick):
    submit(tmp_path / "class", "ada")
    (tmp_path / "grades.csv").write_text("what I wrote beside them")
    assert list(graded(tmp_path / "class")) == ["ada/90.ipynb"]
    (kept,) = tmp_path.glob("grades_kept_*.csv")
    assert kept.read_text() == "what I wrote beside them"


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text_is_graded(tmp_path, quick):
    (tmp_path / "class").mkdir()
    with open(os.fsencode(tmp_path / "class") + b"/jos\xe9.ipynb", "w") as file:
        file.write("{}")
    assert list(graded(tmp_path / "class")) == ["jos?.ipynb"]


def test_a_table_that_cannot_be_written_once_is_written_at_the_end(tmp_path, quick, monkeypatch, capsys):
    for student in ("ada", "bob"):
        submit(tmp_path / "class", student)
    real, left = grade.write_whole, [PermissionError(13, "Permission denied", "grades.csv")]

    def sometimes(*arguments):
        if left:
            raise left.pop()
        real(*arguments)

    monkeypatch.setattr(grade, "write_whole", sometimes)
    assert len(graded(tmp_path / "class")) == 2
    assert "could not be written" in capsys.readouterr().out


def test_an_exercise_handed_in_under_its_old_id_gets_its_present_column(tmp_path):
    submit(tmp_path / "class", "ada", "check('90.clinic', True)")
    row = graded(tmp_path / "class")["ada/90.ipynb"]
    assert row["90.debug"] == "1" and row["right"] == "1" and "90.clinic" not in row
