import errno
import json
import multiprocessing
import os
from pathlib import Path

import pytest

from mmcourse.exercises import record


def add(id, state="right", source="answer"):
    return record.store(lambda data: record.add_try(data, id, state, source))


def test_nothing_there_is_an_empty_record_and_makes_no_file(own_record):
    assert record.load() == record.empty()
    assert not own_record.exists()


def test_once_right_stays_right_and_every_right_answer_is_kept():
    for state, source in (("wrong", None), ("right", "one"), ("wrong", None), ("right", "two"), ("right", "two")):
        add("01.1", state, source)
    entry = record.load()["exercises"]["01.1"]
    assert (entry["state"], entry["tries"], entry["answer"]) == ("right", 5, "two")
    assert entry["earlier_answers"] == ["one"]
    assert entry["first_right"] <= entry["last"]


def _write_many(folder, name, count):
    os.environ["MMCOURSE_WORK"] = str(folder)
    for i in range(count):
        record.store(lambda data, i=i: record.add_try(data, f"{name}.{i}", "right", "x"))


def test_two_kernels_lose_nothing(own_record):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(own_record, name, 25)) for name in ("10", "11")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert len(record.load()["exercises"]) == 50
    assert not [path for path in own_record.iterdir() if path.name.endswith(".new")]


def test_a_write_that_fails_leaves_the_old_record_whole(own_record, monkeypatch, capsys):
    add("01.1")
    before = (own_record / "progress.json").read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert not add("01.2")
    assert (own_record / "progress.json").read_bytes() == before
    assert not list(own_record.glob("*.new")) and "no space left" in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        b'{"format": 1, "exer',
        b"",
        b"[]",
        b'{"exercises": {}}',
        b"\xff\xfe\x00",
        b'{"format": 1, "exercises": [1]}',
        b'{"format": 1, "exercises": {"01.1": {"tries": "two"}}}',
        b'{"format": 1, "exercises": {"01.1": {"state": ["right"]}}}',
        b'{"format": 1, "exercises": {"01.1": {"answer": 3}}}',
        b'{"format": 1, "quizzes": {"01": {"q": "a"}}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_put_aside_and_told(own_record, content, capsys):
    own_record.mkdir()
    (own_record / "progress.json").write_bytes(content)
    assert add("01.1")
    aside = list(own_record.glob("progress.damaged-*.json"))
    assert len(aside) == 1 and aside[0].read_bytes() == content
    assert aside[0].name in capsys.readouterr().out
    assert record.load()["exercises"]["01.1"]["state"] == "right"


def test_keys_of_a_newer_course_survive(own_record):
    newer = {
        "format": 2,
        "badges": ["gold"],
        "exercises": {"01.1": {"state": "wrong", "tries": 1, "mood": "good"}, "33.x": {"state": "splendid"}},
        "quizzes": {"33": {"q": {"chosen": "a", "right": True}}},
    }
    own_record.mkdir()
    (own_record / "progress.json").write_text(json.dumps(newer))
    add("01.1")
    data = json.loads((own_record / "progress.json").read_text())
    assert data["format"] == 2 and data["badges"] == ["gold"] and data["quizzes"] == newer["quizzes"]
    assert data["exercises"]["33.x"] == {"state": "splendid"}
    assert data["exercises"]["01.1"]["mood"] == "good" and data["exercises"]["01.1"]["state"] == "right"


def test_a_newer_format_that_cannot_be_read_is_left_alone(own_record, capsys):
    own_record.mkdir()
    content = json.dumps({"format": 9, "exercises": [["01.1", "right"]]})
    (own_record / "progress.json").write_text(content)
    assert not add("01.1")
    assert (own_record / "progress.json").read_text() == content and "update the course" in capsys.readouterr().out
    assert record.load()["exercises"] == {}
    assert (own_record / "progress.json").read_text() == content
    with pytest.raises(record.Unreadable, match="update the course"):
        record.read()


def test_a_writer_that_never_lets_go_is_told_and_not_waited_for_forever(own_record, monkeypatch, capsys):
    monkeypatch.setattr(record, "WAIT", 0.05)
    own_record.mkdir()
    with record.FileLock(str(record.path()) + ".lock"):
        assert not add("01.1")
        assert not add("01.1")
    said = capsys.readouterr().out
    assert said.count("could not be stored (another kernel") == 2, "told each time"


def test_reading_needs_no_lock_and_leaves_the_folder_as_it_was(own_record, monkeypatch):
    add("01.1")
    (own_record / "progress.json.lock").unlink()
    before = sorted(own_record.iterdir())

    def none(*_, **__):
        raise PermissionError(13, "Permission denied", "progress.json.lock")

    monkeypatch.setattr(record, "FileLock", none)
    assert record.load()["exercises"]["01.1"]["state"] == "right"
    assert sorted(own_record.iterdir()) == before


def test_reading_a_damaged_file_tells_it_and_moves_nothing(own_record, capsys):
    own_record.mkdir()
    (own_record / "progress.json").write_text("{")
    assert record.load() == record.load() == record.empty()
    assert capsys.readouterr().out.count("is damaged") == 2
    assert [path.name for path in own_record.iterdir()] == ["progress.json"]


def test_a_file_that_may_not_be_read_is_told_each_time(own_record, monkeypatch, capsys):
    add("01.1")
    monkeypatch.setattr("mmcourse.files.WAITS", ())

    def forbidden(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert record.load() == record.load() == record.empty()
    assert capsys.readouterr().out.count("could not be read") == 2
    with pytest.raises(record.Unreadable, match="Permission denied"):
        record.read()
    assert not add("01.2")


@pytest.mark.parametrize("error", [NotImplementedError(), OSError(errno.ENOLCK, "No locks available")])
def test_a_file_system_without_locks_stores_all_the_same(own_record, monkeypatch, error):
    def refuse(self):
        raise error

    monkeypatch.setattr(record.FileLock, "acquire", refuse)
    assert add("01.1") and add("01.2")
    assert set(record.load()["exercises"]) == {"01.1", "01.2"}


def test_half_a_surrogate_pair_in_an_answer_is_stored():
    assert add("01.1", source="x = '\ud83d'")
    assert record.load()["exercises"]["01.1"]["answer"] == "x = '\ud83d'"


def test_a_record_behind_a_symbolic_link_is_changed_where_it_lies(own_record, tmp_path):
    own_record.mkdir()
    add("01.1")
    elsewhere = tmp_path / "synchronised.json"
    (own_record / "progress.json").rename(elsewhere)
    (own_record / "progress.json").symlink_to(elsewhere)
    add("01.2")
    assert (own_record / "progress.json").is_symlink()
    assert set(json.loads(elsewhere.read_text())["exercises"]) == {"01.1", "01.2"}


def test_merging_keeps_the_better_state_the_larger_counts_and_both_answers():
    ours = {
        "format": 1,
        "exercises": {
            "a": {"state": "right", "tries": 2, "answer": "ours", "last": "2026-01-01"},
            "b": {"state": "wrong", "tries": 5, "last": "2026-01-01"},
        },
        "quizzes": {"01": {"q": {"chosen": "x", "right": False, "last": "2026-01-01"}}},
    }
    theirs = {
        "format": 1,
        "course": "other",
        "exercises": {
            "a": {
                "state": "wrong",
                "tries": 7,
                "answer": "theirs",
                "earlier_answers": ["old", "ours"],
                "last": "2026-02-01",
            },
            "b": {"state": "right", "tries": 1, "answer": "b's", "last": "2026-02-01"},
            "c": {"state": "right", "answer": "c's"},
        },
        "quizzes": {"01": {"q": {"chosen": "y", "right": True, "last": "2026-02-01"}}, "02": {"r": {"chosen": "z"}}},
    }
    record.merge(ours, theirs)
    a, b, c = (ours["exercises"][id] for id in "abc")
    assert (a["state"], a["tries"], a["answer"], a["last"]) == ("right", 7, "ours", "2026-02-01")
    assert set(a["earlier_answers"]) == {"theirs", "old"}
    assert (b["state"], b["tries"], b["answer"]) == ("right", 5, "b's")
    assert c["answer"] == "c's" and "earlier_answers" not in c
    assert ours["quizzes"]["01"]["q"]["chosen"] == "y" and "r" in ours["quizzes"]["02"] and ours["course"] == "other"
    again = json.loads(json.dumps(ours))
    record.merge(again, theirs)
    assert again == ours


@pytest.mark.parametrize("newer_here", [True, False])
def test_of_two_answers_to_a_question_the_newer_one_stays_whatever_the_time_zones(newer_here):
    tokyo = {"chosen": "older", "last": "2026-01-01T23:00:00+09:00"}
    london = {"chosen": "newer", "last": "2026-01-01T20:00:00+00:00"}  # six hours later
    here, there = (london, tokyo) if newer_here else (tokyo, london)
    data = {"format": 1, "exercises": {"a": {"last": here["last"]}}, "quizzes": {"01": {"q": dict(here)}}}
    other = {"exercises": {"a": {"last": there["last"]}}, "quizzes": {"01": {"q": dict(there)}}}
    record.merge(data, other)
    assert data["quizzes"]["01"]["q"]["chosen"] == "newer" and data["exercises"]["a"]["last"] == london["last"]
