"""`quiz` asks a few questions on a lesson and explains every option.

The questions of lesson NN are in `quiz_NN.toml`. With a kernel they are radio buttons, for mouse and keyboard;
without one, the same output shows text that unfolds.
"""

import html
import tomllib
from dataclasses import dataclass
from pathlib import Path

from mmcourse.exercises import record
from mmcourse.exercises.showing import badge, line, marked_up, notebook, plain_text, say


@dataclass(frozen=True)
class Option:
    """One option, and why it is correct or wrong."""

    text: str
    right: bool
    because: str


@dataclass(frozen=True)
class Question:
    """One question. Its id stays when its text changes: answers are stored under it."""

    id: str
    text: str
    options: tuple[Option, ...]


WRAPPING = """<style>
.mmcourse-quiz .widget-radio-box label { display: flex; flex-direction: row-reverse; justify-content: flex-end }
.mmcourse-quiz .widget-radio-box label { height: auto; line-height: 20px; white-space: normal }
.mmcourse-quiz .widget-radio-box input { flex: none }
.mmcourse-quiz .widget-radio { height: auto }
.mmcourse-quiz input:focus-visible { outline: 3px solid var(--jp-ui-font-color1, #0072B2); outline-offset: 2px }
</style>"""  # a long option takes two lines on a narrow screen instead of running over the next one; the focus is seen


def lessons() -> list[str]:
    """The numbers of the lessons that have a quiz."""
    return sorted(path.stem[-2:] for path in Path(__file__).parent.glob("quiz_[0-9][0-9].toml"))


def load_quiz(lesson: str) -> tuple[Question, ...]:
    """The questions of a lesson. ValueError for a lesson without a quiz names those that have one."""
    if lesson not in lessons():
        raise ValueError(f"no quiz for lesson {lesson!r}; there are quizzes for {', '.join(lessons())}")
    return parse(Path(__file__).with_name(f"quiz_{lesson}.toml").read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Question, ...]:
    """Questions from TOML. ValueError for a question that cannot be used names its id."""
    questions = []
    for entry in tomllib.loads(text).get("question", []):
        options = tuple(
            Option(" ".join(o["text"].split()), o.get("right", False), " ".join(o.get("because", "").split()))
            for o in entry.get("option", [])
        )
        question = Question(entry["id"], " ".join(entry["text"].split()), options)
        texts = [option.text for option in options]
        if len(options) < 2 or sum(option.right for option in options) != 1 or len(set(texts)) < len(texts):
            raise ValueError(
                f"question {question.id!r}: expected two or more different options, exactly one of them correct"
            )
        if not all(option.because for option in options):
            raise ValueError(f"question {question.id!r}: every option needs its explanation (`because`)")
        if question.id in [other.id for other in questions]:
            raise ValueError(f"question {question.id!r} is there twice; ids name the stored answers")
        questions.append(question)
    return tuple(questions)


def quiz(lesson: str) -> None:
    """Show the quiz of a lesson, such as "01". What was chosen is stored and shown again next time."""
    questions = load_quiz(lesson)
    if notebook() is None:
        say(as_text(lesson, questions))
        return
    from IPython.display import display

    bundle = {"text/plain": as_text(lesson, questions), "text/html": as_html(lesson, questions)}
    try:
        widget = as_widget(lesson, questions)
        view = widget._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
    except (ImportError, KeyError, TypeError):
        pass  # without ipywidgets the text that unfolds is shown
    else:
        bundle["application/vnd.jupyter.widget-view+json"] = view
    display(bundle, raw=True)


def as_text(lesson: str, questions: tuple[Question, ...]) -> str:
    """The questions as plain text, the explanations after them."""
    lines = [f"Quiz {lesson}"]
    for i, question in enumerate(questions, 1):
        lines += ["", f"{i}. {plain_text(question.text)}"]
        lines += [f"   {letter}) {plain_text(option.text)}" for letter, option in zip("abcdefgh", question.options)]  # noqa: B905
    lines += ["", "Answers"]
    for i, question in enumerate(questions, 1):
        for letter, option in zip("abcdefgh", question.options):  # noqa: B905
            lines.append(f"   {i}{letter} {'✓' if option.right else '✗'} {plain_text(option.because)}")
    return "\n".join(lines)


def as_html(lesson: str, questions: tuple[Question, ...]) -> str:
    """The questions as HTML that needs no kernel: each option unfolds its explanation."""
    parts = [f"<p><b>Quiz {html.escape(lesson)}</b>: open the option that you choose.</p>"]
    for i, question in enumerate(questions, 1):
        parts.append(f"<p><b>{i}.</b> {marked_up(question.text)}</p>")
        for option in question.options:
            sign = badge("right" if option.right else "wrong")
            parts.append(
                f'<details style="margin-left:1.5em"><summary>{marked_up(option.text)}</summary>'
                f"<p>{sign}{marked_up(option.because)}</p></details>"
            )
    return "".join(parts)


def as_widget(lesson: str, questions: tuple[Question, ...]):
    """The questions as radio buttons; choosing one shows its explanation and stores it."""
    import ipywidgets as widgets

    stored = record.load()["quizzes"].get(lesson, {})
    chosen: dict[str, Option] = {}
    score = widgets.HTML()

    def count() -> None:
        right = sum(option.right for option in chosen.values())
        score.value = f"<b>{len(chosen)} of {len(questions)} answered, {right} correct</b>"

    parts: list[widgets.Widget] = []
    for i, question in enumerate(questions, 1):
        parts += _ask(i, lesson, question, stored.get(question.id, {}).get("chosen"), chosen, count)
    count()
    box = widgets.VBox([widgets.HTML(WRAPPING), *parts, score])
    return box.add_class("mmcourse-quiz")


def _ask(number: int, lesson: str, question: Question, before: str | None, chosen: dict, count) -> list:
    """The widgets of one question.

    Each option is a separate group of radio buttons, so that Tab reaches it and Space chooses it: the arrow keys,
    which move inside a group, belong to the notebook.
    """
    import ipywidgets as widgets

    heading = widgets.HTML(
        f'<div style="line-height:1.5;margin-top:.7em"><b>{number}.</b> {marked_up(question.text)}</div>'
    )
    layout = {"width": "auto", "margin": "0 0 0 1em", "min_height": "0"}
    buttons = [
        widgets.RadioButtons(options=[plain_text(option.text)], value=None, layout=layout)
        for option in question.options
    ]
    answer = widgets.HTML()

    def choose(number: int, keep: bool = True) -> None:
        option = question.options[number]
        chosen[question.id] = option
        answer.value = line("right" if option.right else "wrong", "", option.because)
        count()
        for i, other in enumerate(buttons):
            if i != number:
                other.index = None
        if not keep:
            return
        try:
            remark = record.write(lambda data: record.add_choice(data, lesson, question.id, option.text, option.right))
        except record.NotStored as error:
            remark = str(error)
        if remark:  # said here: what a click prints, a notebook does not show
            answer.value += line("note", "", remark)

    for i, (button, option) in enumerate(zip(buttons, question.options, strict=True)):
        if option.text == before:
            button.index = 0
            choose(i, keep=False)
    for i, button in enumerate(buttons):
        button.observe(lambda change, i=i: choose(i) if change["new"] == 0 else None, names="index")
    return [heading, *buttons, answer]
