"""Submissions are run one by one, and what `check` found in each becomes a row."""

import csv

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

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


def test_grades(tmp_path):
    folder, out = tmp_path / "submissions", tmp_path / "grades.csv"
    submit(folder, "ada", "check('90.1', True)", "check('90.2', True)")
    submit(folder, "bob", "1 / 0", "check('90.1', False)", "# check('90.2', answer)", "import time\ntime.sleep(60)")
    (folder / "broken.ipynb").write_text("not json")
    assert main([str(folder), "--out", str(out), "--seconds", "6"]) == 0
    rows = {row["file"]: row for row in csv.DictReader(out.open())}
    assert [(r["right"], r["90.1"], r["90.2"]) for r in (rows["ada/90.ipynb"], rows["bob/90.ipynb"])] == [
        ("2", "1", "1"),
        ("0", "0", ""),
    ]
    assert rows["ada/90.ipynb"]["ended"] == "yes" and "more than 6 s" in rows["bob/90.ipynb"]["ended"]
    assert "not a notebook" in rows["broken.ipynb"]["ended"]
