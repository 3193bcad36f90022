"""The command line and the learner's own copies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from mmcourse import assets, cli, workspace


def write_lesson(path: Path, text: str = "1 + 1", outputs=()) -> Path:
    """A published lesson with one cell."""
    cell = nbformat.v4.new_code_cell(text, id="a", outputs=list(outputs))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return path


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A checkout with two lessons, and an empty work folder in it."""
    root = tmp_path / "house"
    for name in ("00_welcome.ipynb", "01_pictures.ipynb", "answers/01_pictures.ipynb"):
        write_lesson(root / "notebooks" / name, text=f"'{name}'")
    monkeypatch.setattr(assets, "checkout", lambda: root)
    monkeypatch.delenv("MMCOURSE_WORK", raising=False)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_lesson_is_copied_once(house):
    copies = workspace.copy_lessons()
    assert [path.name for path in copies.made] == ["00_welcome.ipynb", "01_pictures.ipynb"]
    for copy in copies.made:
        assert copy.parent == house / "work"
        assert copy.read_bytes() == (house / "notebooks" / copy.name).read_bytes()
    before = contents(house / "work")
    assert workspace.copy_lessons() == workspace.Copies([], [])
    assert contents(house / "work") == before


def test_a_copy_is_never_overwritten(house):
    workspace.copy_lessons()
    mine = house / "work" / "01_pictures.ipynb"
    mine.write_text("what I wrote")
    write_lesson(house / "notebooks" / "01_pictures.ipynb", "a new version")
    assert workspace.copy_lessons() == workspace.Copies([], ["01"])
    assert mine.read_text() == "what I wrote"


def test_new_outputs_alone_are_no_new_version(house):
    workspace.copy_lessons()
    output = nbformat.v4.new_output("stream", text="2")
    write_lesson(house / "notebooks" / "00_welcome.ipynb", "'00_welcome.ipynb'", [output])
    assert workspace.copy_lessons().outdated == []


def test_a_copy_without_a_record_is_left_in_peace(house):
    workspace.copy_lessons()
    (house / "work" / workspace.RECORD).write_text("{ broken")
    assert workspace.copy_lessons() == workspace.Copies([], [])


def test_reset_keeps_the_old_copy(house):
    workspace.copy_lessons()
    mine = house / "work" / "01_pictures.ipynb"
    for text in ("first", "second", "third"):
        mine.write_text(text)
        copy, kept = workspace.reset_lesson("01")
        assert copy == mine and copy.read_bytes() == (house / "notebooks" / mine.name).read_bytes()
        assert kept.read_text() == text
    assert len(list(mine.parent.glob("01_pictures_kept_*.ipynb"))) == 3


def test_reset_ends_the_talk_of_a_newer_version(house):
    workspace.copy_lessons()
    write_lesson(house / "notebooks" / "01_pictures.ipynb", "a new version")
    assert workspace.copy_lessons().outdated == ["01"]
    workspace.reset_lesson("01")
    assert workspace.copy_lessons().outdated == []


def test_reset_gives_a_copy_where_there_was_none(house):
    copy, kept = workspace.reset_lesson("0")
    assert copy.is_file() and kept is None


@pytest.mark.parametrize("text", ["1", "01", "01_pictures", "01_pictures.ipynb", "work/01_pictures.ipynb"])
def test_a_lesson_can_be_named_in_several_ways(house, text):
    assert workspace.lesson_number(text, workspace.published_lessons()) == "01"


@pytest.mark.parametrize("text", ["07", "pictures", "", "01_words", "-1"])
def test_an_unknown_lesson_is_an_error_that_lists_the_known_ones(house, text):
    with pytest.raises(ValueError, match="00, 01"):
        workspace.lesson_number(text, workspace.published_lessons())


def test_an_unknown_lesson_ends_the_command_without_a_traceback(house, capsys):
    assert cli.main(["reset", "07"]) == 1
    assert "there is no lesson '07'" in capsys.readouterr().err
    assert not (house / "work").exists()


def test_a_failed_copy_leaves_nothing_behind(house, monkeypatch):
    workspace.copy_lessons()
    mine = house / "work" / "01_pictures.ipynb"
    mine.write_text("what I wrote")
    before = contents(house / "work")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        workspace.reset_lesson("01")
    assert contents(house / "work") == before


def test_no_lessons_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="git restore notebooks"):
        workspace.published_lessons(tmp_path)
    monkeypatch.setattr(assets, "checkout", lambda: None)
    with pytest.raises(FileNotFoundError, match="Clone the repository"):
        workspace.published_lessons()


def test_jupyter_opens_the_copy_of_lesson_00(house):
    command = cli.lab_command(house / "work", "00_welcome.ipynb", ["--no-browser", "--port=8899"])
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={house}" in command  # so that a copy's link to ../notebooks/answers resolves
    assert "--LabApp.default_url=/lab/tree/work/00_welcome.ipynb" in command
    assert command[-2:] == ["--no-browser", "--port=8899"]


def test_a_work_folder_elsewhere_is_its_own_root(house, tmp_path):
    command = cli.lab_command(tmp_path / "elsewhere", "00_welcome.ipynb")
    assert f"--ServerApp.root_dir={tmp_path / 'elsewhere'}" in command
    assert "--LabApp.default_url=/lab/tree/00_welcome.ipynb" in command


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no root on this system")
@pytest.mark.parametrize("user, allowed", [(0, True), (1000, False)])
def test_root_is_allowed_only_where_it_is_root(house, monkeypatch, user, allowed):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert ("--allow-root" in cli.lab_command(house / "work", "00_welcome.ipynb")) == allowed


def test_jupyter_takes_every_option_that_lab_gives_it(house):
    """Spelling: an option JupyterLab does not know is only a warning there, and news would be asked for."""
    command = cli.lab_command(house / "work", "00_welcome.ipynb")
    (house / "work").mkdir()
    result = subprocess.run([*command, "--show-config-json"], capture_output=True, text=True, check=True)
    config = json.loads(result.stdout)
    assert config["LabApp"]["default_url"] == "/lab/tree/work/00_welcome.ipynb"
    assert config["ServerApp"]["root_dir"] == str(house)
    from jupyterlab.handlers.announcements import NeverCheckForUpdate
    from jupyterlab.labapp import LabApp

    assert LabApp.news_url.from_string(config["LabApp"]["news_url"]) is None
    updates = f"{NeverCheckForUpdate.__module__}.{NeverCheckForUpdate.__name__}"
    assert config["LabApp"]["check_for_updates_class"] == updates
    assert "FutureWarning" not in result.stderr


def test_lab_copies_then_becomes_jupyter(house, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(os, "execv", lambda path, command: started.append(command))
    monkeypatch.setattr(subprocess, "call", lambda command: started.append(command))
    cli.main(["lab", "--no-browser", "--port=8899"])
    assert started[0][-2:] == ["--no-browser", "--port=8899"]
    assert "2 lessons copied" in capsys.readouterr().out
    write_lesson(house / "notebooks" / "01_pictures.ipynb", "a new version")
    cli.main(["lab"])
    said = capsys.readouterr().out
    assert "mmcourse reset 01" in said and "copied" not in said and "reset 00" not in said


def test_data_names_are_looked_at_before_anything_is_fetched(monkeypatch, capsys):
    real = pytest.importorskip("mmcourse.data.real")
    fetched = []
    monkeypatch.setattr(real, "get", lambda name, into=None: fetched.append((name, into)))
    assert cli.main(["data", "get", "mnist", "minst"]) == 1
    assert fetched == [] and "minst; known: mnist" in capsys.readouterr().err
    assert cli.main(["data", "get", "mnist", "wnut_17", "--into", "here"]) == 0
    assert fetched == [("mnist", "here"), ("wnut_17", "here")]


def test_data_list_names_every_set(capsys):
    real = pytest.importorskip("mmcourse.data.real")
    assert cli.main(["data", "list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in real.NAMES)


@pytest.mark.parametrize("arguments", [[], ["lessons"], ["reset"], ["data"], ["doctor", "--quick"]])
def test_a_wrong_command_says_how_to_use_it(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2
    assert "usage: mmcourse" in capsys.readouterr().err
