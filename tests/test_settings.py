"""The environment variables: a fast run, and folders that are the same in the shell, the server and the kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmcourse import PictureBook, examples, settings, steps
from mmcourse.data.spoken import spoken_words
from mmcourse.settings import FAST_EXAMPLES, FAST_STEPS

ROOT = Path(__file__).resolve().parents[1]


def python(code: str, folder: Path, **variables: str) -> list[str]:
    """The lines that a new process prints, started in `folder`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MMCOURSE_")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"PYTHONPATH": str(ROOT)} | variables,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


SHOW = "from mmcourse import settings; print(settings.work_folder()); print(settings.data_folder())"


@pytest.mark.parametrize("work, data", [("mine", "../data"), ("./Übungen ü", "real data")])
def test_relative_folders_are_one_place_for_all_processes_and_after_a_change_of_directory(tmp_path, work, data):
    shell, notebooks = tmp_path / "shell", tmp_path / "shell" / "notebooks"
    notebooks.mkdir(parents=True)
    code = f"import os, subprocess, sys\n{SHOW}\nos.chdir('notebooks')\n{SHOW}\nsys.stdout.flush()\n"
    code += f"subprocess.run([sys.executable, '-c', {SHOW!r}])"
    said = python(code, shell, MMCOURSE_WORK=work, MMCOURSE_DATA=data)
    assert said == [str(shell / work), str(shell / data)] * 3


def test_a_variable_set_later_is_absolute_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMCOURSE_WORK", "mine")
    monkeypatch.setenv("MMCOURSE_DATA", "data")
    assert (settings.work_folder(), settings.data_folder()) == (tmp_path / "mine", tmp_path / "data")


@pytest.mark.parametrize("text, folder", [("", None), ("~/data", Path.home() / "data"), ("/data", Path("/data"))])
def test_empty_is_unset_and_a_home_is_expanded(monkeypatch, text, folder):
    monkeypatch.setenv("MMCOURSE_DATA", text)
    assert settings.data_folder() == folder


def test_a_home_that_does_not_exist_names_the_variable(monkeypatch):
    monkeypatch.setenv("MMCOURSE_WORK", "~nobody-of-this-name/work")
    with pytest.raises(ValueError, match="MMCOURSE_WORK is '~nobody-of-this-name/work'; expected the path of a folder"):
        settings.work_folder()


def test_a_home_that_does_not_exist_does_not_break_the_import(tmp_path):
    assert python("import mmcourse.settings; print('imported')", tmp_path, MMCOURSE_WORK="~nobody-of-this-name") == [
        "imported"
    ]


@pytest.mark.parametrize(
    "variables, grading",
    [
        ({}, False),
        ({"NBGRADER_EXECUTION": "autograde"}, True),
        ({"NBGRADER_EXECUTION": "validate"}, True),
        ({"NBGRADER_EXECUTION": "autograde", "MMCOURSE_GRADING": "0"}, False),
        ({"MMCOURSE_GRADING": "1"}, True),
    ],
)
def test_grading_is_on_by_its_variable_and_else_in_a_kernel_of_nbgrader(monkeypatch, variables, grading):
    for name in ("MMCOURSE_GRADING", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settings.grading() is grading


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setenv("MMCOURSE_FAST", "1")


@pytest.mark.parametrize("n", [1, FAST_STEPS, 5_000])
def test_nothing_is_capped_in_a_full_run(n, monkeypatch):
    monkeypatch.delenv("MMCOURSE_FAST", raising=False)
    assert steps(n) == examples(n) == n


def test_a_fast_run_caps_steps_and_examples(fast):
    assert (steps(2), steps(5_000)) == (2, FAST_STEPS)
    assert (examples(200), examples(5_000)) == (200, FAST_EXAMPLES)


def test_a_book_of_a_fast_run_is_the_beginning_of_the_whole_book(monkeypatch):
    whole = PictureBook("train", pages=300, objects=2, seed=1)
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    few = PictureBook("train", pages=300, objects=2, seed=1)
    assert len(few) == FAST_EXAMPLES
    assert few.sentences == whole.sentences[:FAST_EXAMPLES]
    assert torch.equal(few.images[-3:], whole.images[FAST_EXAMPLES - 3 : FAST_EXAMPLES])


def test_all_voices_say_some_of_the_words_in_a_fast_run(monkeypatch):
    whole = spoken_words("train", takes=2)
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    few = spoken_words("train", takes=2)
    assert len(few) == FAST_EXAMPLES < len(whole)
    assert set(few.speakers.tolist()) == set(range(len(whole.voices)))
    last = len(whole) * (len(few) - 1) // len(few)
    assert (few.labels[-1], few.speakers[-1]) == (whole.labels[last], whole.speakers[last])
    assert torch.equal(few.sound(len(few) - 1), whole.sound(last))


@pytest.mark.parametrize(
    "value, fails", [("1", "data browser"), ("0", ""), ("", ""), ("data", "data"), ("Browser", "browser")]
)
def test_a_strict_run_fails_for_all_checks_or_for_the_named_one(monkeypatch, value, fails):
    monkeypatch.setenv("MMCOURSE_STRICT", value)
    assert [check for check in ("data", "browser") if settings.strict(check)] == fails.split()
