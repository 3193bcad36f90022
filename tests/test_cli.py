"""The command line and the learner's own copies."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from mmcourse import assets, cli, workspace


def write_lesson(path: Path, text: str = "1 + 1", outputs=()) -> Path:
    """A published lesson with one cell, which carries the hash of its source as `make notebooks` leaves it there."""
    cell = nbformat.v4.new_code_cell(text, id="a", outputs=list(outputs))
    path.parent.mkdir(parents=True, exist_ok=True)
    carried = {"mmcourse": {"source_sha256": hashlib.sha256(text.encode()).hexdigest()}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=carried), path)
    return path


@pytest.fixture
def house(tmp_path, monkeypatch):
    """A checkout with two lessons, and an empty work folder in it."""
    root = tmp_path / "house"
    for name in ("00_welcome.ipynb", "01_images.ipynb", "answers/01_images.ipynb"):
        write_lesson(root / "notebooks" / name, text=f"'{name}'")
    monkeypatch.setattr(assets, "checkout", lambda: root)
    monkeypatch.delenv("MMCOURSE_WORK", raising=False)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_lesson_is_copied_once(house):
    copies = workspace.copy_lessons()
    assert [path.name for path in copies.made] == ["00_welcome.ipynb", "01_images.ipynb"]
    for copy in copies.made:
        assert copy.parent == house / "work"
        assert copy.read_bytes() == (house / "notebooks" / copy.name).read_bytes()
    before = contents(house / "work")
    assert workspace.copy_lessons() == workspace.Copies([], [])
    assert contents(house / "work") == before


def test_a_copy_is_never_overwritten(house):
    workspace.copy_lessons()
    mine = house / "work" / "01_images.ipynb"
    mine.write_text("what I wrote")
    write_lesson(house / "notebooks" / "01_images.ipynb", "a new version")
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


@pytest.mark.parametrize("damage", ["{ broken", "[]", '{"01_images.ipynb": 5}', "", None])
def test_a_damaged_record_hides_no_update(house, damage):
    """The copy itself says which version it was made from, also where someone has written in it."""
    workspace.copy_lessons()
    mine = house / "work" / "01_images.ipynb"
    notebook = nbformat.read(mine, as_version=4)
    notebook.cells[0].source = "what I wrote"
    nbformat.write(notebook, mine)
    record = house / "work" / workspace.RECORD
    record.unlink() if damage is None else record.write_text(damage)
    write_lesson(house / "notebooks" / "01_images.ipynb", "a new version")
    assert workspace.copy_lessons().outdated == ["01"]
    assert workspace.copy_lessons().outdated == ["01"], "until it is reset"
    workspace.reset_lesson("01")
    assert workspace.copy_lessons().outdated == []


def test_a_copy_of_which_nothing_is_known_counts_as_new_from_now_on(house):
    workspace.copy_lessons()
    mine = house / "work" / "01_images.ipynb"
    mine.write_text("what I wrote")
    (house / "work" / workspace.RECORD).unlink()
    write_lesson(house / "notebooks" / "01_images.ipynb", "a new version")
    assert workspace.copy_lessons().outdated == []
    write_lesson(house / "notebooks" / "01_images.ipynb", "a newer version")
    assert workspace.copy_lessons().outdated == ["01"] and mine.read_text() == "what I wrote"


def test_a_copy_that_is_no_notebook_any_more_hides_no_other_lesson(house):
    workspace.copy_lessons()
    mine, source = house / "work" / "01_images.ipynb", "made from an older source"
    broken = json.dumps({"metadata": {"mmcourse": {"source_sha256": source}}})
    mine.write_text(broken)
    (house / "work" / workspace.RECORD).unlink()
    write_lesson(house / "notebooks" / "01_images.ipynb", "a new version")
    assert workspace.copy_lessons().outdated == ["01"] and mine.read_text() == broken


def test_an_interrupted_first_copy_hides_no_update(house, monkeypatch):
    write = workspace.write_whole

    def interrupted(path, content):
        if path.name == "01_images.ipynb":
            raise KeyboardInterrupt
        write(path, content)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(workspace, "write_whole", interrupted)
        workspace.copy_lessons()
    write_lesson(house / "notebooks" / "00_welcome.ipynb", "a new version")
    copies = workspace.copy_lessons()
    assert [path.name for path in copies.made] == ["01_images.ipynb"] and copies.outdated == ["00"]


@pytest.mark.parametrize("damage", ["", '{"cells": [', "[]", '{"cells": [{}]}', b"\xff\xfe"])
def test_a_damaged_lesson_is_not_copied_and_keeps_nobody_from_the_others(house, monkeypatch, capsys, damage):
    published = house / "notebooks" / "00_welcome.ipynb"
    published.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    started = []
    monkeypatch.setattr(os, "execv", lambda path, command: started.append(command))
    monkeypatch.setattr(subprocess, "call", lambda command: started.append(command))
    cli.main(["lab"])
    assert sorted(path.name for path in (house / "work").glob("*.ipynb")) == ["01_images.ipynb"]
    said = capsys.readouterr().out
    assert "Lesson 00 as published cannot be read" in said and "git restore notebooks" in said
    assert "--LabApp.default_url=/lab/tree/work/01_images.ipynb" in started[0]
    write_lesson(published)
    cli.main(["lab"])
    assert "1 lesson copied" in capsys.readouterr().out
    published.write_text("")
    cli.main(["lab"])
    assert "cannot be read" in capsys.readouterr().out


def test_a_damaged_lesson_resets_nothing(house):
    workspace.copy_lessons()
    (house / "notebooks" / "01_images.ipynb").write_text("")
    before = contents(house / "work")
    with pytest.raises(ValueError, match="git restore notebooks"):
        workspace.reset_lesson("01")
    assert contents(house / "work") == before


def test_where_no_lesson_can_be_copied_lab_says_so(house, capsys):
    for path in (house / "notebooks").glob("*.ipynb"):
        path.write_text("")
    assert cli.main(["lab"]) == 1
    assert "no lesson could be copied" in capsys.readouterr().err


def test_a_work_folder_that_cannot_be_written_opens_where_every_copy_is_there(house, monkeypatch):
    workspace.copy_lessons()
    (house / "work" / workspace.RECORD).unlink()

    def read_only(path, content):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(workspace, "write_whole", read_only)
    assert workspace.copy_lessons() == workspace.Copies([], [])
    (house / "work" / "01_images.ipynb").unlink()
    with pytest.raises(OSError, match="Read-only"):
        workspace.copy_lessons()


def test_a_full_disk_says_whose_file_it_was(house, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cli.main(["lab"]) == 1
    assert f"No space left on device: '{house / 'work'}" in capsys.readouterr().err


def test_a_relative_work_folder_is_the_shells_for_the_server_too(tmp_path):
    """`mmcourse lab`, with a JupyterLab that says what it was given."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake" / "jupyterlab.py").write_text(
        "import os, sys\nprint(os.environ['MMCOURSE_WORK'], os.environ['MMCOURSE_DATA'], *sys.argv, sep='\\n')"
    )
    variables = os.environ | {"MMCOURSE_WORK": "mine", "MMCOURSE_DATA": "../data"}
    variables["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "fake"), str(Path(cli.__file__).parents[1])])
    (tmp_path / "shell").mkdir()
    command = [sys.executable, "-m", "mmcourse.cli", "lab"]
    ran = subprocess.run(command, env=variables, cwd=tmp_path / "shell", capture_output=True, text=True, check=True)
    said = ran.stdout.splitlines()
    assert str(tmp_path / "shell" / "mine") in said and str(tmp_path / "shell" / ".." / "data") in said
    assert f"--ServerApp.root_dir={tmp_path / 'shell' / 'mine'}" in said
    assert (tmp_path / "shell" / "mine" / workspace.RECORD).is_file()


def test_reset_keeps_the_old_copy(house):
    workspace.copy_lessons()
    mine = house / "work" / "01_images.ipynb"
    for text in ("first", "second", "third"):
        mine.write_text(text)
        copy, kept = workspace.reset_lesson("01")
        assert copy == mine and copy.read_bytes() == (house / "notebooks" / mine.name).read_bytes()
        assert kept.read_text() == text
    assert len(list(mine.parent.glob("01_images_kept_*.ipynb"))) == 3


def test_reset_ends_the_talk_of_a_newer_version(house):
    workspace.copy_lessons()
    write_lesson(house / "notebooks" / "01_images.ipynb", "a new version")
    assert workspace.copy_lessons().outdated == ["01"]
    workspace.reset_lesson("01")
    assert workspace.copy_lessons().outdated == []


def test_reset_gives_a_copy_where_there_was_none(house):
    copy, kept = workspace.reset_lesson("0")
    assert copy.is_file() and kept is None


@pytest.mark.parametrize("text", ["1", "01", "01_images", "01_images.ipynb", "work/01_images.ipynb"])
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
    mine = house / "work" / "01_images.ipynb"
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


@pytest.mark.slow
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
    write_lesson(house / "notebooks" / "01_images.ipynb", "a new version")
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
