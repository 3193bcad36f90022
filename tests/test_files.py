"""Files whole or not at all, and names that load late."""

import hashlib
import os

import pytest

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


def test_late_names_load_once_and_unknown_ones_are_told():
    package = {"__name__": "shop"}
    get, names = lazy_names(package, {"sqrt": "math"})
    assert "sqrt" in names() and "sqrt" not in package
    assert get("sqrt")(9) == 3 and package["sqrt"](16) == 4
    with pytest.raises(AttributeError, match="module 'shop' has no attribute 'root'; its names are sqrt"):
        get("root")
