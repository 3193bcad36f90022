import json

import numpy as np
import pytest
import torch

from mmcourse.exercises import check, checks, exercise, hint, record
from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import Exercise, Verdict, WrongAnswer, find, judge


def right(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride + 1


def wrong(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride


def stub(size, kernel, stride=1, padding=0):
    raise NotImplementedError()


def stored(folder):
    return json.loads((folder / "progress.json").read_text())["exercises"]


def test_three_states_shown_returned_and_stored(own_record, capsys):
    assert check("01.1", stub).state == "untried"
    assert not (own_record / "progress.json").exists()
    assert check("01.1", wrong).state == "wrong"
    assert stored(own_record)["01.1"]["state"] == "wrong"
    assert check("01.1", right)
    said = capsys.readouterr().out.splitlines()
    assert [line[:7] for line in said] == ["○ 01.1 ", "✗ 01.1 ", "✓ 01.1 "]
    entry = stored(own_record)["01.1"]
    assert entry["state"] == "right" and entry["tries"] == 2 and "def right" in entry["answer"]
    check("01.1", wrong)
    assert stored(own_record)["01.1"]["state"] == "right"


@pytest.mark.parametrize("answer", [None, ...])
def test_no_answer_is_untried(answer):
    assert judge("01.1", answer).state == "untried"


def test_a_result_in_place_of_the_function_is_named():
    verdict = judge("01.1", right(5, 3))
    assert verdict.state == "wrong" and "the function itself" in verdict.message


def test_only_grading_raises_and_stores_nothing(monkeypatch, own_record):
    monkeypatch.setenv("MMCOURSE_GRADING", "1")
    assert check("01.1", right)
    for answer in (wrong, stub, ...):
        with pytest.raises(WrongAnswer, match=r"01\.1"):
            check("01.1", answer)
    assert not own_record.exists()


def test_nbgrader_s_own_variable_makes_it_raise(monkeypatch, own_record):
    """What nbgrader's autograder sets in the kernel's environment, and nothing else."""
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check("01.1", right)
    for answer in (wrong, stub, None, ...):
        with pytest.raises(WrongAnswer, match=r"01\.1"):
            check("01.1", answer)
    assert not own_record.exists()


def test_unknown_ids_name_what_there_is():
    with pytest.raises(ValueError, match=r"no exercise '01.debgu'; nearest: 01\.debug"):
        check("01.debgu", right)
    with pytest.raises(ValueError, match=r"no exercises for lesson '99'; there are lessons 00, 01"):
        check("99.1", right)
    with pytest.raises(ValueError, match="exercise's id as text first"):
        check(right, "01.1")
    with pytest.raises(ValueError, match="lesson ''"):
        find("")
    with pytest.raises(ValueError, match="01.1"):
        find("01")


@pytest.mark.parametrize("settings", [{"id": "1"}, {"dots": 4}, {"takes": "file"}])
def test_an_exercise_that_cannot_be_is_refused(settings):
    with pytest.raises(ValueError, match="expected an id such as"):
        exercise(**{"id": "98.1", "title": "t", "dots": 1, "minutes": 5, **settings})


def test_every_exercise_states_title_dots_minutes_and_hints():
    for lesson in checks.lessons():
        assert checks.title(lesson)
        for entry in checks.exercises(lesson):
            assert entry.title and entry.minutes > 0 and len(entry.hints) >= 2, entry.id
    assert [entry.id for entry in checks.exercises("01")] == [
        "01.1",
        "01.2",
        "01.3",
        "01.4",
        "01.5",
        "01.6",
        "01.debug",
    ]


def test_a_check_leaves_the_learners_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    judge("01.6", lambda images: torch.stack([image[torch.randperm(3)] for image in images]))
    assert torch.equal(torch.rand(4), expected)


def register(monkeypatch, judge, takes="function", repeatable=False):
    monkeypatch.setitem(checks._registry, "98.1", Exercise("98.1", "title", 1, 5, (), takes, judge, repeatable))


def test_inputs_are_drawn_afresh(monkeypatch):
    seen = []
    register(monkeypatch, lambda answer, rng: seen.append(torch.rand(1, generator=rng).item()) or "drawn")
    for _ in range(3):
        judge("98.1", right)
    assert len(set(seen)) == 3


def test_a_check_that_stumbles_breaks_no_lesson(monkeypatch):
    register(monkeypatch, lambda answer, rng: answer(1).no_such_thing)
    verdict = judge("98.1", lambda x: x)
    assert verdict.state == "wrong" and "AttributeError" in verdict.message


def test_a_check_can_take_a_value(monkeypatch):
    def about(answer, rng):
        if answer != 42:
            raise Mistake(f"{answer} is not it")
        return "the answer"

    register(monkeypatch, about, takes="value")
    assert judge("98.1", 42)
    assert "41 is not it" in judge("98.1", 41).message
    assert check("98.1", 42)
    assert record.load()["exercises"]["98.1"]["answer"] == "42"


def accumulated(x, seen=[]):  # noqa: B006
    seen.append(x)
    return sum(seen)


@pytest.mark.parametrize("repeatable", [True, False])
def test_a_wrong_answer_that_changes_from_call_to_call_is_named_where_it_should_not(monkeypatch, repeatable):
    def two_calls(answer, rng):
        answer(torch.ones(2))
        raise Mistake("another mistake")

    register(monkeypatch, two_calls, repeatable=repeatable)
    assert ("second call" in judge("98.1", accumulated).message) == repeatable
    assert judge("98.1", lambda x: 2 * x).message == "another mistake"


def test_true_and_false_in_place_of_numbers_are_named(monkeypatch):
    register(monkeypatch, lambda answer, rng: str(answer(torch.ones(2)) - 1))
    assert "True and False" in judge("98.1", lambda x: x > 0).message


class Mine:
    def __repr__(self):
        raise RuntimeError("no text")


def test_an_answer_without_source_or_text_is_stored_as_right(monkeypatch):
    register(monkeypatch, lambda answer, rng: "fine", takes="value")
    assert check("98.1", Mine())
    assert record.load()["exercises"]["98.1"]["answer"] == "Mine, whose repr raised RuntimeError: no text"


def test_a_verdict_is_text_and_html_that_is_escaped():
    verdict = Verdict("01.1", "wrong", "`a < b` & <script>alert(1)</script>")
    assert str(verdict) == "✗ 01.1  a < b & <script>alert(1)</script>"
    markup = verdict._repr_html_()
    assert "<code>a &lt; b</code> &amp;" in markup and "<script>" not in markup


def contrast(colour):
    def channel(value):
        value /= 255
        return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4

    rgb = np.array([channel(int(colour[i : i + 2], 16)) for i in (1, 3, 5)])
    return 1.05 / (rgb @ [0.2126, 0.7152, 0.0722] + 0.05)


def test_signs_can_be_read_on_their_badges():
    from mmcourse.exercises.showing import BADGES

    assert all(contrast(colour) >= 4.5 for _, colour in BADGES.values())
    assert len({sign for sign, _ in BADGES.values()}) == len(BADGES)


def test_hints_come_one_at_a_time_then_all_again(capsys):
    hints = find("01.1").hints
    for number, text in enumerate(hints, 1):
        hint("01.1")
        said = capsys.readouterr().out
        assert said.startswith(f"01.1 hint {number} of {len(hints)}") and said.count("hint") == 1
        assert text.replace("`", "") in said
    hint("01.1")
    assert capsys.readouterr().out.count("01.1 hint") == len(hints)
    assert record.hints_shown(record.load(), "01.1") == len(hints)


def test_a_record_that_cannot_be_stored_does_not_hide_the_verdict(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MMCOURSE_WORK", str(tmp_path / "file" / "work"))
    assert check("01.1", right)
    check("01.1", right)
    said = capsys.readouterr().out
    assert said.count("✓ 01.1") == 2 and said.count("could not be stored") == 2


CLASS = """\
@named
class Net:
    size = 3

    @staticmethod
    def doubled(x):
        return 2 * x
"""


@pytest.mark.slow
def test_in_a_kernel_a_verdict_is_shown_once(tmp_path):
    """Shown by `check`, not again as the cell's result, and once more where it is asked for later."""
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "from mmcourse.exercises import check, checks, quiz, progress, record",
        "def f(size, kernel, stride=1, padding=0):\n    return size",
        'check("01.1", f)',
        'verdict = check("01.1", f)',
        "verdict",
        'check("01.1", ...)',
        'quiz("01")',
        "progress()",
        "named = lambda kind: kind\n\n" + CLASS + "\nprint(0)",
        'checks._registry["98.1"] = checks.Exercise("98.1", "title", 1, 5, (), "function", lambda answer, rng: "fine")',
        'check("98.1", Net)\nprint(record.load()["exercises"]["98.1"]["answer"])',
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in book.cells]
    outputs = outputs[1:]
    for i in range(1, 6):
        assert [output.output_type for output in outputs[i]] == ["display_data"], i
    assert outputs[1][0].data["text/plain"].startswith("✗ 01.1") and "<code>" in outputs[1][0].data["text/html"]
    assert "the size of the input" in outputs[1][0].data["text/plain"]
    assert outputs[4][0].data["text/plain"] == "○ 01.1  not tried yet"
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} == set(outputs[5][0].data)
    assert "<table>" in outputs[6][0].data["text/html"]
    assert outputs[9][1].text == CLASS + "\n", "the source of a class is stored as well"
