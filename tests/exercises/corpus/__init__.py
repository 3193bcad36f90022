"""Answers that learners give, written from the exercises' text alone: the checks are measured against them.

One module per lesson. An answer is a function or a class, registered by `right` or `wrong`:

    @wrong("01.1", "floor before the division is forgotten", says=r"whole number|floor|round")
    def output_size(size, kernel, stride=1, padding=0):
        return (size + 2 * padding - kernel) / stride + 1
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer to an exercise: `words` say its style where it is right, its mistake where it is wrong.

    says: a regular expression, whatever the case, for messages that name the mistake; None where no words could.
    """

    exercise: str
    words: str
    answer: Callable
    right: bool
    says: str | None = None

    def named_by(self, message: str) -> bool:
        """Whether a check's message names this answer's mistake."""
        return self.says is None or bool(re.search(self.says, message, re.IGNORECASE))


ANSWERS: list[Answer] = []


def right(exercise: str, words: str) -> Callable:
    """Register a right answer to an exercise, written in the style that the words name."""
    return _registering(exercise, words, right=True)


def wrong(exercise: str, words: str, says: str | None) -> Callable:
    """Register a wrong answer to an exercise, with the mistake that the words name."""
    return _registering(exercise, words, right=False, says=says)


def _registering(exercise: str, words: str, right: bool, says: str | None = None) -> Callable:
    if any((other.exercise, other.words) == (exercise, words) for other in ANSWERS):
        raise ValueError(f"two answers to {exercise} have the same words: {words!r}")
    if says is not None:
        re.compile(says)

    def register(answer: Callable) -> Callable:
        ANSWERS.append(Answer(exercise, words, answer, right, says))
        return answer

    return register
