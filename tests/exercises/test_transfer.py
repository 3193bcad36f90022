import base64
import json
import re
import sys
import zipfile
from types import ModuleType

import pytest

from mmcourse.exercises import download_progress, record, restore_progress


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
    assert "2 right answers" in capsys.readouterr().out


def test_by_default_it_goes_to_the_work_folder(own_record):
    done()
    download_progress()
    (path,) = own_record.glob("mmcourse-progress-*.zip")
    restore_progress(path)


def test_with_nothing_done_it_is_still_a_file(own_record):
    download_progress()
    assert len(list(own_record.glob("*.zip"))) == 1


def test_the_link_carries_the_file(tmp_path, monkeypatch):
    from mmcourse.exercises import transfer

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
    with pytest.raises(ValueError, match="file.zip is no record of progress"):
        restore_progress(tmp_path / "file.zip")
    assert record.load() == before


def test_a_download_cut_short_is_refused(tmp_path):
    done()
    download_progress(tmp_path / "saved.zip")
    content = (tmp_path / "saved.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="no record of progress"):
        restore_progress(tmp_path / "half.zip")


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="what download_progress"):
        restore_progress(tmp_path / "none.zip")
