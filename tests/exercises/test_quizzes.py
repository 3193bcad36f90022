import pytest

from mmcourse.exercises import progress, quiz, quizzes, record

QUESTION = """
[[question]]
id = "q"
text = "What?"
[[question.option]]
text = "a"
right = true
because = "yes"
[[question.option]]
text = "b"
because = "no"
"""


def radios(widget):
    return [part for part in widget.children if type(part).__name__ == "RadioButtons"]


def texts(widget):
    return " ".join(part.value for part in widget.children if type(part).__name__ == "HTML")


def test_the_shipped_quizzes_explain_every_option():
    assert set(quizzes.lessons()) >= {"00", "01"}
    for lesson in quizzes.lessons():
        questions = quizzes.load_quiz(lesson)
        assert questions
        for question in questions:
            explanations = [option.because for option in question.options]
            assert len(set(explanations)) == len(explanations) >= 3 and min(map(len, explanations)) > 20
    positions = {[option.right for option in question.options].index(True) for question in quizzes.load_quiz("01")}
    assert len(positions) >= 3


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("right = true", "", "exactly one"),
        ('text = "b"', 'text = "b"\nright = true', "exactly one"),
        ('text = "b"', 'text = "a"', "different options"),
        ('because = "no"', "", "explanation"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(old, new, words):
    assert quizzes.parse(QUESTION)
    with pytest.raises(ValueError, match=words):
        quizzes.parse(QUESTION.replace(old, new))


def test_the_same_id_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        quizzes.parse(QUESTION + QUESTION)


def test_a_lesson_without_a_quiz_says_which_have_one():
    with pytest.raises(ValueError, match="no quiz for lesson '99'; there are quizzes for 00, 01"):
        quiz("99")


def test_without_a_kernel_it_is_text(capsys):
    quiz("01")
    said = capsys.readouterr().out
    for question in quizzes.load_quiz("01"):
        for option in question.options:
            assert option.text.replace("`", "") in said and option.because.replace("`", "") in said


def test_the_page_without_a_kernel_unfolds_every_explanation():
    questions = quizzes.load_quiz("01")
    markup = quizzes.as_html("01", questions)
    assert markup.count("<details") == markup.count("</details>") == sum(len(q.options) for q in questions)


def test_choosing_explains_stores_and_is_there_again(own_record):
    questions = quizzes.parse(QUESTION + QUESTION.replace('"q"', '"r"').replace("yes", "indeed").replace("no", "never"))
    widget = quizzes.as_widget("01", questions)
    a, b, c, d = radios(widget)
    assert "0 of 2 answered, 0 correct" in texts(widget) and "yes" not in texts(widget)
    b.index = 0
    assert "no</div>" in texts(widget) and "1 of 2 answered, 0 correct" in texts(widget)
    a.index = 0
    assert b.index is None and "yes</div>" in texts(widget) and "no</div>" not in texts(widget)
    stored = record.load()["quizzes"]["01"]["q"]
    assert (stored["chosen"], stored["right"], stored["right_at_once"], stored["tries"]) == ("a", True, False, 2)
    again = quizzes.as_widget("01", questions)
    assert [button.index for button in radios(again)] == [0, None, None, None]
    assert "yes</div>" in texts(again) and "1 of 2 answered, 1 correct" in texts(again)
    assert record.load()["quizzes"]["01"]["q"]["tries"] == 2


def test_a_choice_that_could_not_be_stored_is_told_beside_it(own_record, monkeypatch):
    widget = quizzes.as_widget("01", quizzes.parse(QUESTION))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(record, "write_whole", full)
        for button in radios(widget):
            button.index = 0
            assert texts(widget).count("could not be stored") == 1 and "No space left" in texts(widget)
    own_record.mkdir(exist_ok=True)
    (own_record / "progress.json").write_text("{")
    radios(widget)[0].index = 0
    assert "was damaged" in texts(widget) and "could not be stored" not in texts(widget)


def test_each_option_is_reached_by_the_keyboard():
    for button in radios(quizzes.as_widget("01", quizzes.load_quiz("01"))):
        assert len(button.options) == 1


def test_an_answer_whose_wording_has_changed_is_asked_anew(own_record):
    record.store(lambda data: record.add_choice(data, "01", "q", "an older wording", True))
    widget = quizzes.as_widget("01", quizzes.parse(QUESTION))
    assert "0 of 1 answered" in texts(widget)


def test_progress_counts_exercises_quizzes_and_finished_lessons(own_record):
    rows = {row.lesson: row for row in progress()}
    assert rows["00"].done == 0 and not rows["00"].finished and set(rows["00"].states.values()) == {"untried"}
    record.store(lambda data: record.add_try(data, "00.1", "right", "x"))
    record.store(lambda data: record.add_try(data, "01.2", "wrong"))
    for question in quizzes.load_quiz("00"):
        text = question.options[0].text
        record.store(lambda data, id=question.id, text=text: record.add_choice(data, "00", id, text, False))
    table = progress()
    rows = {row.lesson: row for row in table}
    assert rows["00"].finished and table.finished == 1 and rows["00"].right == 0
    assert rows["01"].states["01.2"] == "wrong" and not rows["01"].finished
    assert "00  Start here" in str(table) and "○✗○" in str(table) and "1 of " in str(table)
    assert table._repr_html_().count("<tr>") == len(table) + 1 and "finished" in table._repr_html_()
