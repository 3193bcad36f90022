"""`check` judges the answer to an exercise and names the mistake.

An exercise is a function in `lesson_NN.py`, registered with `@exercise("NN.x", ...)`. It gets the learner's answer
and a random generator, returns a message about what it verified, and raises `Mistake` with the mistake.
"""

import ast
import difflib
import inspect
import linecache
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module, util
from pathlib import Path

from mmcourse import settings
from mmcourse.exercises.showing import BADGES, line, note, notebook, plain_text, show
from mmcourse.renamed import new_exercise

# What torch says where a check subtracts or compares numbers and the result holds True and False.
OF_BOOLEANS = ("with a bool tensor", "Boolean inputs", "isin(): Bool", "for 'Bool'")
_registry: dict[str, "Exercise"] = {}


class WrongAnswer(AssertionError):
    """Raised by `check` for a wrong or missing answer while grading (`settings.grading`)."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: its title, difficulty (1 to 3 dots), minutes, hints, and the function that judges it."""

    id: str
    title: str
    dots: int
    minutes: int
    hints: tuple[str, ...]
    takes: str
    judge: Callable
    repeatable: bool = False


@dataclass
class Verdict:
    """The result of `check`, true for a correct answer. A notebook shows it once, in the `check` that made it."""

    id: str
    state: str  # "right", "wrong" or "untried"
    message: str
    _cell: object = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.state == "right"

    def __str__(self) -> str:
        return f"{BADGES[self.state][0]} {self.id}  {plain_text(self.message)}"

    def _repr_html_(self) -> str:
        return line(self.state, self.id, self.message)

    def show(self) -> None:
        """Show the verdict here."""
        shell = notebook()
        self._cell = getattr(shell, "execution_count", None)
        show(str(self), self._repr_html_())

    def _ipython_display_(self) -> None:
        shell = notebook()
        if shell is None or self._cell != getattr(shell, "execution_count", None):
            self.show()


def exercise(
    id: str,
    *,
    title: str,
    dots: int,
    minutes: int,
    hints: tuple[str, ...] = (),
    takes: str = "function",
    repeatable: bool = False,
):
    """Register a judge. `takes` is the type of the answer: "function" (wrapped for safe calls) or "value".

    repeatable: the same arguments give the same result, so for a wrong answer whose second call differs, this is the
    mistake that is named. Not for answers that draw random numbers or change an argument on purpose.
    """
    if not re.fullmatch(r"\d\d\.\w+", id) or dots not in (1, 2, 3) or takes not in ("function", "value"):
        raise ValueError(
            f"exercise({id!r}, dots={dots}, takes={takes!r}); expected an id such as '01.3' or '01.debug', "
            "1 to 3 dots, and 'function' or 'value'"
        )

    def register(judge: Callable) -> Callable:
        _registry[id] = Exercise(id, title, dots, minutes, tuple(hints), takes, judge, repeatable)
        return judge

    return register


def lessons() -> list[str]:
    """The numbers of the lessons that have exercises."""
    found = Path(__file__).parent.glob("lesson_[0-9][0-9]*")  # a module, or a package of several
    return sorted({path.stem[-2:] for path in found if path.suffix in ("", ".py")})


def exercises(lesson: str) -> list[Exercise]:
    """The exercises of a lesson, by their ids, the debugging exercise last. ValueError for an unknown lesson."""
    module = f"{__package__}.lesson_{lesson}"
    if not re.fullmatch(r"\d\d", str(lesson)) or util.find_spec(module) is None:
        raise ValueError(f"no exercises for lesson {lesson!r}; there are lessons {', '.join(lessons())}")
    import_module(module)
    return sorted((entry for entry in _registry.values() if entry.id.startswith(f"{lesson}.")), key=position)


def title(lesson: str) -> str:
    """The title of a lesson, as its module of checks states it; empty where it has none."""
    if lesson not in lessons():
        return ""
    return getattr(import_module(f"{__package__}.lesson_{lesson}"), "TITLE", "")


def position(entry: Exercise) -> tuple:
    """Sorts 01.2 before 01.10, and both before 01.debug."""
    name = entry.id.partition(".")[2]
    return (0, int(name), "") if name.isdigit() else (1, 0, name)


def find(id: str) -> Exercise:
    """The exercise with this id. An unknown id raises ValueError that names similar ones."""
    if not isinstance(id, str):
        raise ValueError(
            f"check({id!r}, ...); expected the exercise's id as text first, such as check('01.1', my_function)"
        )
    id = new_exercise(id)
    if id not in _registry:
        known = [entry.id for entry in exercises(id.partition(".")[0])]
        if id not in known:
            nearest = difflib.get_close_matches(id, known, n=3, cutoff=0.7) or known
            raise ValueError(f"no exercise {id!r}; nearest: {', '.join(nearest)}")
    return _registry[id]


def drawn_afresh():
    """A generator for a check's inputs, which differ at every call, so that no answer can be fitted to them."""
    import torch

    rng = torch.Generator()
    rng.seed()
    return rng


def judge(id: str, answer) -> Verdict:
    """The verdict on an answer. It is neither shown nor stored."""
    import torch

    from mmcourse.exercises.answers import Answer, Mistake, NotAttempted
    from mmcourse.exercises.blame import without_unfounded_questions
    from mmcourse.exercises.properties import expect_first_call_again
    from mmcourse.exercises.randomness import states_kept

    entry = find(id)
    id, rng = entry.id, drawn_afresh()
    if answer is None or answer is Ellipsis:
        return Verdict(id, "untried", "not tried yet")
    if entry.takes == "function" and not callable(answer):
        kind = type(answer).__name__
        return Verdict(
            id,
            "wrong",
            f"hand in the function itself, without brackets, as in `check({id!r}, name)`; this is its result ({kind})",
        )
    given = Answer(answer) if entry.takes == "function" else answer
    try:
        with states_kept():
            torch.manual_seed(rng.initial_seed())
            try:
                verified = entry.judge(given, rng)
            except Mistake as mistake:
                if entry.repeatable and "torch.empty" not in without_unfounded_questions(
                    str(mistake), answer
                ):  # which explains other values already
                    expect_first_call_again(given)
                raise
    except NotAttempted:
        return Verdict(id, "untried", "not tried yet")
    except Mistake as mistake:
        return Verdict(id, "wrong", without_unfounded_questions(str(mistake), answer))
    except Exception as error:
        if any(words in str(error) for words in OF_BOOLEANS):
            return Verdict(id, "wrong", "the result holds True and False (torch.bool), where numbers are expected")
        return Verdict(
            id,
            "wrong",
            f"the check cannot make sense of this ({type(error).__name__}: {error}); is your answer correct? Report it",
        )
    return Verdict(id, "right", verified)


def check(id: str, answer) -> Verdict:
    """Judge an answer, show the verdict, store it, return it.

    id: the exercise, such as "01.1". answer: the learner's function, not its result.
    Raises ValueError for an unknown id, and `WrongAnswer` for a wrong or missing answer when grading: MMCOURSE_GRADING
    is set, or nbgrader runs this kernel.
    """
    verdict = judge(id, answer)
    verdict.show()
    if settings.grading():
        if not verdict:
            raise WrongAnswer(str(verdict))
    elif verdict.state != "untried":
        from mmcourse.exercises import record

        source = source_of(answer) if verdict else None
        record.store(lambda data: record.add_try(data, verdict.id, verdict.state, source))
    return verdict


def hint(id: str) -> None:
    """Show the next hint for an exercise; how many were shown is stored. After the last, all are shown again."""
    from mmcourse.exercises import record

    entry = find(id)
    id, hints = entry.id, entry.hints
    if not hints:
        note(f"{id} has no hints")
        return
    shown = min(record.hints_shown(record.load(), id), len(hints))
    if shown < len(hints):
        record.store(lambda data: record.add_hint(data, id, shown + 1))
        fresh = [(shown + 1, hints[shown])]
    else:
        fresh = list(enumerate(hints, 1))
    for number, text in fresh:
        label = f"{id} hint {number} of {len(hints)}"
        show(f"{label}: {plain_text(text)}", line("note", label, text))


def source_of(answer) -> str:
    """The source of what was handed in, or its value as text where it has none."""
    try:
        return inspect.getsource(answer)
    except (TypeError, OSError):
        pass
    try:
        return (class_source(answer) if isinstance(answer, type) else None) or repr(answer)[:10_000]
    except Exception as error:  # the learner's own __repr__
        return f"{type(answer).__name__}, whose repr raised {type(error).__name__}: {error}"


def class_source(kind: type) -> str | None:
    """The source of a class defined in a notebook. It has no file for `inspect`, so one of its methods finds it."""
    for member in vars(kind).values():
        code = getattr(getattr(member, "__func__", member), "__code__", None)
        lines = linecache.getlines(code.co_filename) if code else []
        for node in ast.walk(ast.parse("".join(lines))):
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first <= code.co_firstlineno <= node.end_lineno:
                    return "".join(lines[first - 1 : node.end_lineno])
    return None
