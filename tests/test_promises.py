"""expect judges a result in one line, records it, and rejects values that are not numbers."""

import json

import numpy
import pytest
import torch

from mmcourse import promises
from mmcourse.promises import Promise, Verdict, expect, read_promises

LISTED = """
["01.accuracy"]
text = "pictures named"
at_least = 0.9
["01.minutes"]
text = "time"
at_most = 5
"""


@pytest.fixture(autouse=True)
def listed(tmp_path, monkeypatch):
    file = tmp_path / "promises.toml"
    file.write_text(LISTED, encoding="utf-8")
    monkeypatch.setattr(promises, "promises_file", lambda: file)
    for name in ("MMCOURSE_FAST", "MMCOURSE_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    return file


@pytest.mark.parametrize(
    ("id", "value", "kept"),
    [
        ("01.accuracy", 0.9, True),
        ("01.accuracy", 0.899, False),
        ("01.minutes", 5, True),
        ("01.minutes", 5.1, False),
        ("01.accuracy", torch.tensor(0.95), True),
        ("01.accuracy", numpy.float32(0.95), True),
    ],
)
def test_kept_and_missed(capsys, id, value, kept):
    assert expect(id, value).kept is kept
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("✓ kept" if kept else "✗ missed") and ("pictures named" in line or "time" in line)


def test_small_figures_are_not_rounded_to_nothing():
    small = Verdict(Promise("04.equal", "difference", 1e-5, "at_most"), 2.4e-7, True)
    assert str(small) == "✓ kept: difference: 2.4e-07 (promised: at most 1.0e-05)"


def test_a_fast_run_is_not_judged(capsys, monkeypatch):
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    assert expect("01.accuracy", 0.1).kept is None
    assert capsys.readouterr().out.startswith("○ not judged")


def test_results_are_appended(tmp_path, monkeypatch):
    results = tmp_path / "results.jsonl"
    monkeypatch.setenv("MMCOURSE_RESULTS", str(results))
    expect("01.accuracy", 0.95)
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    expect("01.minutes", 9)
    first, second = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    assert first == {"id": "01.accuracy", "text": "pictures named", "value": 0.95, "at_least": 0.9, "kept": True}
    assert second["kept"] is None and second["at_most"] == 5


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "0.9", None, True, torch.ones(2), torch.tensor(True)])
def test_what_is_no_figure_is_refused(value):
    with pytest.raises(ValueError, match="01.accuracy got .*one finite number"):
        expect("01.accuracy", value)


def test_an_unknown_id_names_those_there_are():
    with pytest.raises(ValueError, match="01.accurate.*01.accuracy, 01.minutes"):
        expect("01.accurate", 1)


@pytest.mark.parametrize(
    "entry",
    [
        '["01.a"]\ntext = "x"',
        '["01.a"]\ntext = "x"\nat_least = 1\nat_most = 2',
        '["01.a"]\nat_least = 1',
        '["01.a"]\ntext = "x"\nat_least = "1"',
        '["01.a"]\ntext = "x"\nat_least = nan',
        '[01.a]\ntext = "x"\nat_least = 1',
        "not toml",
    ],
)
def test_entries_that_cannot_be_read_are_named(listed, entry):
    listed.write_text(entry, encoding="utf-8")
    with pytest.raises(ValueError, match="promises.toml"):
        read_promises()


def test_the_course_s_own_list_can_be_read(monkeypatch):
    monkeypatch.undo()
    read_promises()
