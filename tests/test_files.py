"""Files whole or not at all, and names that load late."""

import hashlib
import os

import pytest

from mmcourse import files
from mmcourse.files import digest, write_whole
from mmcourse.lazy import lazy_names


@pytest.mark.parametrize("content", [b"\x00\xff", "Größe\n", ""])
def test_what_is_written_is_read(tmp_path, content):
    path = tmp_path / "new" / "folder" / "file.txt"
    write_whole(path, content)
    content = content.encode() if isinstance(content, str) else content
    assert path.read_bytes() == content and digest(path) == hashlib.sha256(content).hexdigest()
    assert list(path.parent.iterdir()) == [path], "nothing else is left behind"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_broken_write_leaves_what_was_there(tmp_path, monkeypatch, step):
    path = tmp_path / "file.txt"
    write_whole(path, "before")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, "after")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_stays_and_its_file_keeps_its_permissions(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "links" / "link.txt"
    target.write_text("before")
    target.chmod(0o600)
    link.parent.mkdir()
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink() and target.read_text() == "after" and target.stat().st_mode & 0o777 == 0o600
    assert list(link.parent.iterdir()) == [link]


def test_a_link_to_nothing_makes_the_file_it_points_to(tmp_path):
    (tmp_path / "link.txt").symlink_to(tmp_path / "new" / "target.txt")
    write_whole(tmp_path / "link.txt", "text")
    assert (tmp_path / "new" / "target.txt").read_text() == "text"


def fails(times: int, action):
    """The action, which raises PermissionError the first times, as Windows does while another program reads."""
    left = [PermissionError(13, "Access is denied")] * times

    def tried(*arguments):
        if left:
            raise left.pop()
        return action(*arguments)

    return tried


@pytest.mark.parametrize("times", [1, len(files.WAITS)])
def test_a_file_that_another_program_has_open_is_tried_again(tmp_path, monkeypatch, times):
    slept = []
    monkeypatch.setattr(files.time, "sleep", slept.append)
    monkeypatch.setattr(os, "replace", fails(times, os.replace))
    write_whole(tmp_path / "file.txt", "text")
    assert (tmp_path / "file.txt").read_text() == "text" and slept == list(files.WAITS[:times])


def test_one_that_never_lets_go_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    monkeypatch.setattr(os, "replace", fails(99, os.replace))
    with pytest.raises(PermissionError):
        write_whole(tmp_path / "file.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_process_number_do_not_share_a_temporary_file(tmp_path, monkeypatch):
    """As in two containers with one home folder, or two threads."""
    path, inner = tmp_path / "file.txt", os.fsync

    def meanwhile(number):
        monkeypatch.setattr(os, "fsync", inner)
        write_whole(path, "the other's")
        inner(number)

    monkeypatch.setattr(os, "fsync", meanwhile)
    write_whole(path, "mine")
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]


def test_late_names_load_once_and_unknown_ones_are_told():
    package = {"__name__": "shop"}
    get, names = lazy_names(package, {"sqrt": "math"})
    assert "sqrt" in names() and "sqrt" not in package
    assert get("sqrt")(9) == 3 and package["sqrt"](16) == 4
    with pytest.raises(AttributeError, match="module 'shop' has no attribute 'root'; its names are sqrt"):
        get("root")
