"""`progress`: what is done, tried and still open, lesson by lesson."""

import html
from dataclasses import dataclass

from mmcourse.exercises import checks, quizzes, record
from mmcourse.exercises.showing import BADGES, badge


@dataclass(frozen=True)
class LessonProgress:
    """One lesson: the state of each exercise, and how much of its quiz is answered and correct."""

    lesson: str
    title: str
    states: dict[str, str]  # exercise id -> "right", "wrong" (tried, not yet correct) or "untried"
    questions: int
    answered: int
    right: int

    @property
    def done(self) -> int:
        """How many exercises are correct."""
        return sum(state == "right" for state in self.states.values())

    @property
    def finished(self) -> bool:
        """Whether every exercise is correct and every question answered."""
        return self.done == len(self.states) and self.answered == self.questions


class Progress(list):
    """The lessons' progress, a list of `LessonProgress`; it prints, and shows in a notebook, as a table."""

    def __str__(self) -> str:
        width = max((len(row.title) for row in self), default=0)
        marks = max((len(row.states) for row in self), default=0)
        lines = []
        for row in self:
            signs = "".join(BADGES[state][0] for state in row.states.values())
            lines.append(
                f"{row.lesson}  {row.title:<{width}}  {signs:<{marks}}  {_exercises(row)}, quiz {_quiz(row)}"
                + ("  finished" if row.finished else "")
            )
        lines.append(f"{self.finished} of {len(self)} lessons finished  (✓ correct  ✗ tried  ○ open)")
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def finished(self) -> int:
        """How many lessons are finished."""
        return sum(row.finished for row in self)

    def _repr_html_(self) -> str:
        left = 'style="text-align:left;white-space:nowrap"'
        head = "".join(f'<th scope="col" {left}>{name}</th>' for name in ("Lesson", "Exercises", "", "Quiz", ""))
        rows = "".join(
            f'<tr><th scope="row" {left}>{row.lesson} · {html.escape(row.title)}</th><td {left}>'
            + "".join(f'<span title="{id}: {_WORDS[state]}">{badge(state)}</span>' for id, state in row.states.items())
            + f"</td><td {left}>{_exercises(row)}</td><td {left}>{_quiz(row)}</td>"
            f"<td {left}>{'<b>finished</b>' if row.finished else ''}</td></tr>"
            for row in self
        )
        caption = f"{self.finished} of {len(self)} lessons finished · ✓ correct, ✗ tried, ○ open"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><p>{caption}</p>"


_WORDS = {"right": "correct", "wrong": "tried", "untried": "open"}


def _exercises(row: LessonProgress) -> str:
    return f"{row.done} of {len(row.states)} exercises"


def _quiz(row: LessonProgress) -> str:
    return f"{row.answered} of {row.questions} answered, {row.right} correct" if row.questions else "none"


def progress() -> Progress:
    """The progress so far, a table of lessons. Exercises and quizzes that this version lacks stay in the record."""
    data = record.load()
    rows = Progress()
    for lesson in sorted({*checks.lessons(), *quizzes.lessons()}):
        entries = checks.exercises(lesson) if lesson in checks.lessons() else []
        states = {}
        for entry in entries:
            state = data["exercises"].get(entry.id, {}).get("state", "untried")
            states[entry.id] = state if state in BADGES else "untried"
        questions = quizzes.load_quiz(lesson) if lesson in quizzes.lessons() else ()
        chosen = [data["quizzes"].get(lesson, {}).get(question.id) for question in questions]
        chosen = [choice for choice in chosen if isinstance(choice, dict)]
        right = sum(bool(choice.get("right")) for choice in chosen)
        rows.append(LessonProgress(lesson, checks.title(lesson), states, len(questions), len(chosen), right))
    return rows
