import base64
import json
import re
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest

from mmcourse.exercises import download_progress, record, restore_progress, transfer


def done(id="01.1", source="def f(): ...\n"):
    record.store(lambda data: record.add_try(data, id, "right", source))


def test_a_download_holds_progress_and_answers_and_merges_back(tmp_path, monkeypatch, capsys):
    done()
    done("01.2", "ours")
    download_progress(tmp_path / "saved.zip")
    assert "saved.zip" in capsys.readouterr().out
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        assert set(archive.namelist()) == {"progress.json", "answers/01.1.py", "answers/01.2.py"}
        assert archive.read("answers/01.1.py") == b"def f(): ...\n"
    monkeypatch.setenv("MMCOURSE_WORK", str(tmp_path / "elsewhere"))
    done("01.3")
    restore_progress(tmp_path / "saved.zip")
    assert set(record.load()["exercises"]) == {"01.1", "01.2", "01.3"}
    assert "2 correct answers" in capsys.readouterr().out


def test_by_default_it_goes_to_the_work_folder(own_record):
    done()
    download_progress()
    (path,) = own_record.glob("mmcourse-progress-*.zip")
    restore_progress(path)


def test_with_nothing_done_it_is_still_a_file(own_record):
    download_progress()
    assert len(list(own_record.glob("*.zip"))) == 1


def test_the_link_carries_the_file(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(transfer, "show", lambda plain, markup: shown.append(markup))
    done()
    download_progress(tmp_path / "saved.zip")
    content = base64.b64decode(re.search(r"base64,([^\"]+)\"", shown[0]).group(1))
    assert content == (tmp_path / "saved.zip").read_bytes()


def test_on_colab_the_browser_downloads_it(tmp_path, monkeypatch):
    sent = []
    colab, files = ModuleType("google.colab"), ModuleType("google.colab.files")
    files.download = sent.append
    colab.files = files
    for name, module in (("google", ModuleType("google")), ("google.colab", colab), ("google.colab.files", files)):
        monkeypatch.setitem(sys.modules, name, module)
    download_progress(tmp_path / "saved.zip")
    assert sent == [str(tmp_path / "saved.zip")]


def test_a_bare_record_is_taken_as_well(tmp_path):
    (tmp_path / "progress.json").write_text(json.dumps({"format": 1, "exercises": {"01.1": {"state": "right"}}}))
    restore_progress(tmp_path / "progress.json")
    assert record.load()["exercises"]["01.1"]["state"] == "right"


@pytest.mark.parametrize("content", [b"", b"not json", b"{}", b"PK\x03\x04 cut off"])
def test_what_is_no_record_is_refused_and_changes_nothing(tmp_path, content):
    done()
    before = record.load()
    (tmp_path / "file.zip").write_bytes(content)
    with pytest.raises(ValueError, match="file.zip is not a record of progress"):
        restore_progress(tmp_path / "file.zip")
    assert record.load() == before


def test_a_download_cut_short_is_refused(tmp_path):
    done()
    download_progress(tmp_path / "saved.zip")
    content = (tmp_path / "saved.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a record of progress"):
        restore_progress(tmp_path / "half.zip")


def forbidden(path):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize(
    "content",
    ["{ broken", json.dumps({"format": 9, "exercises": [1]}), None],
    ids=["damaged", "newer format", "no permission"],
)
def test_a_record_that_cannot_be_read_writes_no_empty_download_over_a_good_one(own_record, monkeypatch, content):
    done()
    download_progress()
    (saved,) = own_record.glob("*.zip")
    before = saved.read_bytes()
    if content is None:
        monkeypatch.setattr("mmcourse.files.WAITS", ())
        monkeypatch.setattr(Path, "read_bytes", forbidden)
    else:
        (own_record / "progress.json").write_text(content)
    with pytest.raises(record.Unreadable, match="No file was written"):
        download_progress()
    monkeypatch.undo()
    assert saved.read_bytes() == before and list(own_record.glob("*.zip")) == [saved]


def test_a_day_s_download_is_replaced_only_by_one_that_holds_all_of_it(own_record):
    done("01.1", "one")
    download_progress()
    done("01.1", "two")
    done("01.2")
    download_progress()
    (first,) = own_record.glob("*.zip")
    (own_record / "progress.json").unlink()
    done("01.3")
    download_progress()
    assert len(list(own_record.glob("*.zip"))) == 2
    restore_progress(first)
    entry = record.load()["exercises"]["01.1"]
    assert (entry["answer"], entry["earlier_answers"]) == ("two", ["one"])
    assert set(record.load()["exercises"]) == {"01.1", "01.2", "01.3"}


def test_a_given_file_that_holds_something_else_is_not_replaced(tmp_path):
    done()
    mine = tmp_path / "essay.zip"
    mine.write_text("what I wrote")
    with pytest.raises(FileExistsError, match="essay.zip exists and contains entries that this download lacks"):
        download_progress(mine)
    assert mine.read_text() == "what I wrote"
    download_progress(tmp_path / "saved.zip")
    download_progress(tmp_path / "saved.zip")


def test_a_folder_takes_the_day_s_file(tmp_path):
    done()
    (tmp_path / "folder").mkdir()
    download_progress(tmp_path / "folder")
    (saved,) = (tmp_path / "folder").glob("mmcourse-progress-*.zip")
    restore_progress(saved)


def test_where_no_file_can_be_written_the_link_still_holds_it(own_record, monkeypatch):
    done()
    shown = []
    monkeypatch.setattr(transfer, "show", lambda plain, markup: shown.append((plain, markup)))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        download_progress()
    assert shown == []
    monkeypatch.setattr(transfer, "notebook", object)
    download_progress()
    ((plain, markup),) = shown
    assert "could not be written" in plain and "No space left" in plain
    content = base64.b64decode(re.search(r"base64,([^\"]+)\"", markup).group(1))
    assert zipfile.ZipFile(BytesIO(content)).testzip() is None


def test_names_are_escaped_in_what_a_notebook_shows(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(transfer, "show", lambda plain, markup: shown.append((plain, markup)))
    done()
    folder = tmp_path / "<b>&" / '"><img src=x onerror=alert(1)>'
    path = folder / 'a"><script>alert(1)<.zip'
    path.parent.mkdir(parents=True)
    download_progress(path)
    restore_progress(path)
    for plain, markup in shown:
        assert "<script>" in plain and "<script>" not in markup and "<img" not in markup and "<b>" not in markup
        assert 'a"' not in markup


def test_a_file_with_a_hostile_id_unpacks_into_its_folder_alone(tmp_path):
    done("../../../.bashrc", "x")
    done("01.1", "'\ud83d'")
    download_progress(tmp_path / "saved.zip")
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        names = archive.namelist()
        assert archive.read("answers/01.1.py") == rb"'\ud83d'"
    assert not [name for name in names if ".." in name.split("/")], names
    restore_progress(tmp_path / "saved.zip")


def test_a_download_whose_bytes_are_damaged_is_refused(tmp_path):
    done(source="".join(f"line {i * i}\n" for i in range(500)))
    download_progress(tmp_path / "saved.zip")
    content = bytearray((tmp_path / "saved.zip").read_bytes())
    content[60:200] = bytes(140)
    (tmp_path / "saved.zip").write_bytes(content)
    with pytest.raises(ValueError, match="not a record of progress"):
        restore_progress(tmp_path / "saved.zip")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="what download_progress"):
        restore_progress(tmp_path / "none.zip")
