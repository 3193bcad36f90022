"""Names of version 0.1: old values are accepted and noticed, old names raise with the new one, old work is kept.

tests/renamed/version_0_1/ is a work folder made by that version: two copies of lessons, a record of progress.
"""

import importlib
import json
import shutil
import warnings
from pathlib import Path

import pytest
import torch

import mmcourse
from mmcourse import cli, renamed, workspace
from mmcourse.exercises import record
from mmcourse.exercises.checks import check, find
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import imagine
from mmcourse.picturebook.sentence import describe
from mmcourse.picturebook.speech import voices
from mmcourse.promises import expect, read_promises
from mmcourse.training import shipped

BEFORE = Path(__file__).parent / "renamed" / "version_0_1"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A learner's work folder as version 0.1 left it."""
    folder = tmp_path / "work"
    shutil.copytree(BEFORE, folder)
    monkeypatch.setenv("MMCOURSE_WORK", str(folder))
    return folder


@pytest.fixture(autouse=True)
def not_yet_noticed():
    renamed._given.clear()


# ---------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(("old", "new"), renamed.VALUES["split"].items())
@pytest.mark.parametrize("objects", [1, 2])
def test_an_old_split_gives_the_same_book_and_a_notice(old, new, objects):
    with pytest.warns(FutureWarning, match=f"split '{old}' is now called '{new}'"):
        before = PictureBook(old, 6, objects=objects)
    after = PictureBook(new, 6, objects=objects)
    assert before.split == new and repr(before) == repr(after)
    assert before.scenes == after.scenes and before.sentences == after.sentences
    assert torch.equal(before.images, after.images) and before.voice(3) == after.voice(3)
    assert torch.equal(before.sound(2), after.sound(2))


def test_streams_are_drawn_under_the_keys_of_version_0_1():
    from mmcourse.picturebook.streams import stream

    new = stream("sentence", "held_out_phrasings", 3, 1, 0).random()
    assert (
        new == stream("sentence", "unseen_wordings", 3, 1, 0).random() != stream("sentence", "test", 3, 1, 0).random()
    )


def test_other_old_values_are_accepted():
    with pytest.warns(FutureWarning, match="held_out"):
        assert voices("unseen") == voices("held_out")
    scene = imagine("test", 0)
    with pytest.warns(FutureWarning, match="held_out"):
        assert describe(scene, 1, "unseen") == describe(scene, 1, "held_out")
    with pytest.warns(FutureWarning, match="image_encoder"):
        assert shipped.card("picture_encoder") == shipped.card("image_encoder")


def test_an_old_promise_is_judged_under_its_new_id(capsys):
    with pytest.warns(FutureWarning, match="12.two_objects_from_scratch"):
        assert expect("12.two_cold", 0.9).promise.id == "12.two_objects_from_scratch"
    assert set(renamed.PROMISES.values()) <= set(read_promises()) and not set(renamed.PROMISES) & set(read_promises())


@pytest.mark.parametrize("id", sorted(renamed.RETIRED_PROMISES))
def test_a_retired_promise_is_announced_and_not_judged(id, capsys):
    with pytest.warns(FutureWarning, match=f"{id}.*retired"):
        assert expect(id, 0.9) is None
    assert not capsys.readouterr().out and id not in read_promises()


def test_a_notice_comes_once_and_new_values_bring_none():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert renamed.new_value("group", "unseen") == "held_out"
        assert renamed.new_value("group", "train") == "train" and renamed.new_value("group", None) is None
        assert not [w for w in seen[1:]]
    assert len(seen) == 1


# ---------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("module", "old", "new"), [(m, old, new) for m, names in renamed.NAMES.items() for old, new in names.items()]
)
def test_an_old_import_names_the_new_one(module, old, new):
    home = importlib.import_module(module)
    assert hasattr(home, new)
    with pytest.raises(ImportError, match=f"{old} is now called {new}"):
        exec(f"from {module} import {old}")


@pytest.mark.parametrize(("old", "new"), renamed.MODULES.items())
def test_an_old_module_names_the_new_one(old, new):
    assert importlib.util.find_spec(new) is not None
    with pytest.raises(ModuleNotFoundError, match=f"{old} is now {new}"):
        importlib.import_module(old)


def test_an_old_keyword_names_the_new_one():
    with pytest.raises(TypeError, match="things= is now called objects="):
        PictureBook("train", pages=3, things=2)
    with pytest.raises(TypeError, match="wordings= is now called phrasings="):
        describe(imagine("test", 0), 1, wordings="seen")


def test_names_that_never_were_stay_unknown():
    with pytest.raises(AttributeError, match="its names are"):
        mmcourse.Unheard  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'Unheard'"):
        exec("from mmcourse.models.cnn import Unheard")
    with pytest.raises(ModuleNotFoundError, match="No module named 'mmcourse.data.unheard'"):
        importlib.import_module("mmcourse.data.unheard")


# ---------------------------------------------------------------------------------------------------- a learner's work


def test_a_record_of_version_0_1_is_read_and_carried_over(work):
    before = json.loads((BEFORE / "progress.json").read_text())
    data = record.load()
    assert set(data["exercises"]) == {"01.1", "01.debug", "03.debug"}
    assert data["exercises"]["01.1"] == before["exercises"]["01.1"]
    for id in ("01", "03"):
        assert data["exercises"][f"{id}.debug"] == before["exercises"][f"{id}.clinic"]
    assert data["quizzes"]["01"]["held-out-pairs"] == before["quizzes"]["01"]["unseen-pairs"]
    assert data["quizzes"]["01"]["pooling"] == before["quizzes"]["01"]["pooling"]
    assert set(data["quizzes"]["01"]) == {"held-out-pairs", "pooling"}


def test_what_is_stored_next_has_the_new_ids_alone(work):
    record.store(lambda data: record.add_try(data, "01.debug", "wrong"))
    stored = json.loads((work / "progress.json").read_text())
    assert set(stored["exercises"]) == {"01.1", "01.debug", "03.debug"}
    assert stored["exercises"]["01.debug"]["tries"] == 3 and stored["exercises"]["01.debug"]["state"] == "right"


def test_old_and_new_work_on_one_exercise_is_merged(work):
    data = json.loads((work / "progress.json").read_text())
    data["exercises"]["01.debug"] = {"state": "wrong", "tries": 5, "last": "2027-01-01T00:00:00+00:00"}
    entry = record.parse(json.dumps(data))["exercises"]["01.debug"]
    assert entry["state"] == "right" and entry["tries"] == 5 and "PictureClassifier" in entry["answer"]
    assert entry["last"] == "2027-01-01T00:00:00+00:00" and entry["hints"] == 2


def test_a_downloaded_record_of_version_0_1_is_restored(tmp_path, monkeypatch):
    monkeypatch.setenv("MMCOURSE_WORK", str(tmp_path))
    from mmcourse.exercises.transfer import restore_progress

    restore_progress(BEFORE / "progress.json")
    assert record.load()["exercises"]["03.debug"]["state"] == "right"


def test_check_with_an_old_id_counts_for_the_new_one(work):
    assert find("03.clinic") is find("03.debug")
    verdict = check("03.clinic", lambda speakers, held: ([], []))
    assert verdict.id == "03.debug" and not verdict
    assert record.load()["exercises"]["03.debug"]["tries"] == 2


def published(folder: Path) -> dict[str, Path]:
    cell = {"cell_type": "code", "source": "check('01.debug', fixed)"}
    folder.mkdir()
    for name in ("00_start_here", "01_images"):
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": [cell]}))
    return workspace.published_lessons(folder)


def test_an_old_copy_is_kept_untouched_and_its_successor_named(work, tmp_path, monkeypatch, capsys):
    lessons = published(tmp_path / "notebooks")
    monkeypatch.setattr(workspace, "published_lessons", lambda: lessons)
    monkeypatch.setattr("os.execv", lambda *_: None)
    monkeypatch.setattr("subprocess.call", lambda *_: 0)
    assert cli.main(["lab"]) in (0, None)
    said = capsys.readouterr().out
    assert "01_pictures.ipynb is kept as it is; its lesson goes on in 01_images.ipynb." in said
    assert "00_start_here.ipynb is kept" not in said
    assert (work / "01_pictures.ipynb").read_bytes() == (BEFORE / "01_pictures.ipynb").read_bytes()
    assert (work / "00_start_here.ipynb").read_bytes() == (BEFORE / "00_start_here.ipynb").read_bytes()
    assert (work / "01_images.ipynb").read_bytes() == lessons["01"].read_bytes()
    cli.main(["lab"])
    assert "01_pictures" not in capsys.readouterr().out


def test_a_lesson_is_found_by_its_old_name(tmp_path):
    lessons = published(tmp_path / "notebooks")
    assert workspace.lesson_number("work/01_pictures.ipynb", lessons) == "01"
    assert all(renamed.successor(f"{old}.ipynb") == f"{new}.ipynb" for old, new in renamed.LESSONS.items())
    assert renamed.successor("01_images.ipynb") is None and renamed.successor("mine.ipynb") is None
