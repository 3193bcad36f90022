"""Lessons are executed and stored, or nothing changes and the reason is said."""

import json
import os

import nbformat
import pytest

import build
from build import BuildError
from lesson_text import LESSON


@pytest.fixture(autouse=True)
def quick_stamp(monkeypatch):
    monkeypatch.setattr(build, "_device", lambda: "CPU with 1 core")


@pytest.fixture
def runs(monkeypatch):
    """How often a kernel was started, the kernel itself replaced by one that runs nothing."""
    started = []

    def run(notebook, folder, variables, **_):
        started.append(folder)
        for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
            cell.execution_count = number
        return build.kernel.Run(minutes=0.1, cpu_minutes=0.1, peak_mb=100)

    monkeypatch.setattr(build.kernel, "run", run)
    return started


def stored(house, copy):
    path = house.folder / ("answers" if copy == "answers" else "") / "90_adding.ipynb"
    return nbformat.read(path, as_version=4)


def outputs_of(notebook):
    return "".join(o.get("text", "") for c in notebook.cells for o in c.get("outputs", []))


def test_both_copies_are_executed_and_stamped(house):
    where = "import os\nprint(os.path.basename(os.getcwd()), 'MMCOURSE_FAST' in os.environ)"
    lesson = house.write(f"{LESSON}\n# %%\n{where}\n")
    builder = house.builder()
    assert builder.stale(lesson) == ["90_adding.ipynb is missing", "answers/90_adding.ipynb is missing"]
    assert builder.build(lesson)
    assert outputs_of(stored(house, "learner")) == "not tried yet\nnotebooks False\n"
    assert outputs_of(stored(house, "answers")) == "3\nthe fixed one\nanswers False\n"
    for copy in ("learner", "answers"):
        notebook = stored(house, copy)
        assert "Last verified on 20" in notebook.cells[0].source and "CPU with 1 core" in notebook.cells[0].source
        assert notebook.metadata.kernelspec.name == "python3" and "version" not in notebook.metadata.language_info
        assert "widgets" not in notebook.metadata
    assert "total_of_both" not in json.dumps(stored(house, "learner"))
    assert builder.stale(lesson) == []
    assert not builder.build(lesson)


def test_a_changed_source_is_stale_and_named(house, runs):
    lesson = house.write()
    house.builder().build(lesson)
    lesson = house.write(LESSON.replace("add(1, 2)", "add(2, 2)"))
    assert house.builder().stale(lesson) == [
        "90_adding.ipynb was made from an older source/90_adding.py",
        "answers/90_adding.ipynb was made from an older source/90_adding.py",
    ]
    assert house.builder().build(lesson) and len(runs) == 4


def test_where_only_text_changed_nothing_runs(house, runs):
    house.builder().build(house.write())
    date = stored(house, "learner").metadata.mmcourse.verified
    lesson = house.write(LESSON.replace("You will have added", "You add"))
    assert house.builder().build(lesson)
    assert len(runs) == 2
    assert "You add two numbers" in stored(house, "learner").cells[0].source
    assert stored(house, "learner").metadata.mmcourse.verified == date
    assert house.builder().stale(lesson) == []


def test_another_repository_changes_the_badges_and_runs_nothing(house, runs):
    lesson = house.write()
    house.builder().build(lesson)
    setting = house.root / "pyproject.toml"
    setting.write_text(setting.read_text().replace("someone/fork", "another/place"))
    assert "differs" in house.builder().stale(lesson)[0]
    house.builder().build(lesson)
    assert len(runs) == 2 and "another/place" in stored(house, "learner").cells[0].source


def test_an_edited_notebook_is_noticed(house, runs):
    lesson = house.write()
    house.builder().build(lesson)
    notebook = stored(house, "learner")
    notebook.cells[-1].source += "\n\nby hand"
    build.write(notebook, lesson.notebook(house.folder, "learner"))
    [reason] = house.builder().stale(lesson)
    assert reason.startswith("90_adding.ipynb differs from what its source makes")


def test_a_notebook_without_a_source_is_noticed(house, runs):
    lesson = house.write()
    house.builder().build(lesson)
    lesson.path.unlink()
    assert house.builder().orphans() == ["90_adding.ipynb has no source", "answers/90_adding.ipynb has no source"]


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings\nwarnings.warn('this will go away')", "stderr"),
        ("import os\nos._exit(1)", "kernel died"),
    ],
)
def test_a_lesson_that_fails_says_where_and_stores_nothing(house, cell, says):
    lesson = house.write(f"{LESSON}\n# %%\n{cell}\n")
    with pytest.raises(BuildError, match=says) as error:
        house.builder().build(lesson)
    assert "90_adding (learner)" in str(error.value) and "code cell 3" in str(error.value)
    assert sorted(os.listdir(house.folder)) == ["source"]


def test_both_copies_are_written_or_neither(house, runs, monkeypatch):
    house.builder().build(house.write())
    paths = [house.folder / "90_adding.ipynb", house.folder / "answers" / "90_adding.ipynb"]
    before = [path.read_text() for path in paths]
    run = build.kernel.run

    def fails_with_answers(notebook, *given, **more):
        if notebook.metadata.mmcourse["copy"] == "answers":
            raise build.LessonFailed("code cell 4")
        return run(notebook, *given, **more)

    monkeypatch.setattr(build.kernel, "run", fails_with_answers)
    with pytest.raises(BuildError, match=r"90_adding \(answers\) failed in code cell 4"):
        house.builder().build(house.write(LESSON.replace("add(1, 2)", "add(2, 2)")))
    assert [path.read_text() for path in paths] == before


def test_a_stub_that_stops_run_all_fails_the_build(house):
    lesson = house.write(LESSON.replace("except NotImplementedError", "except KeyError"))
    with pytest.raises(BuildError, match=r"(?s)learner.*code cell 2.*NotImplementedError"):
        house.builder().build(lesson)


def test_real_data_beside_the_checkout_is_found_and_then_required(house, monkeypatch, tmp_path):
    monkeypatch.delenv("MMCOURSE_DATA", raising=False)
    monkeypatch.setenv("MMCOURSE_GRADING", "1")
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    variables = build.kernel.environment(house.root, tmp_path, fast=True, seed=2)
    assert "MMCOURSE_STRICT" not in variables and "MMCOURSE_GRADING" not in variables
    assert "NBGRADER_EXECUTION" not in variables, "a check that raises would end the run"
    assert (variables["MMCOURSE_FAST"], variables["MMCOURSE_SEED"]) == ("1", "2")
    (tmp_path / "shared" / "data").mkdir(parents=True)
    variables = build.kernel.environment(house.root, tmp_path)
    assert variables["MMCOURSE_DATA"] == str(tmp_path / "shared" / "data") and variables["MMCOURSE_STRICT"] == "1"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMCOURSE_DATA", "real")
    assert build.kernel.environment(house.root, tmp_path)["MMCOURSE_DATA"] == str(tmp_path / "real")
