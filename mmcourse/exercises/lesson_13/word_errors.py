"""Exercise 13.3: the word error rate of a corpus."""

import torch

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, call, expect_number, explained, named_mistake, possible, whole
from mmcourse.exercises.lesson_13.rates import MISTAKES, right
from mmcourse.exercises.properties import expect_same_again

WORDS = ("the", "red", "cat", "sat", "mat", "dog", "saw", "a", "ran", "fox")
CAUSES = {
    "ZeroDivisionError": (
        "a reference can be empty: add edits and words over the whole corpus, and divide once at the end"
    ),
    "index out of range": "a reference or a hypothesis can be empty: the table has a row and a column for no words",
}


@exercise(
    "13.3",
    title="word error rate",
    dots=2,
    minutes=20,
    repeatable=True,
    hints=(
        "Fill a table: entry (i, j) is the number of edits from the first i words of the reference to the first j "
        "words of the hypothesis. What are entries (0, j) and (i, 0)?",
        "Entry (i, j) is the smallest of three: (i - 1, j) + 1 for a deletion, (i, j - 1) + 1 for an insertion, and "
        "(i - 1, j - 1), plus 1 if the words differ.",
        "Add the last entries of all sentences and the lengths of all references. Divide once, at the end.",
    ),
)
def word_error_check(answer, rng):
    cases = [
        (["the cat sat", "a dog"], ["the cat sat", "a dog"]),
        (["the cat sat on the mat", "a fox"], ["cat sat on a mat", "fox"]),
        (["the cat", "", "red fox ran"], ["the cat sat", "a mat", "fox"]),
        (["the red fox ran", "a dog"], ["", "dog"]),
        (["a  cat sat ", "the dog"], ["a cat sat", " the   dog"]),
        (["a", "cat"], ["the cat saw a red dog", "cat"]),
        (["a a red dog", "the the", "cat dog"], ["a red dog dog", "the", "dog dog"]),
        (["the cat", "sat"], ["the", "cat sat"]),
        (["cat dog", "a fox"], ["dog cat", "a fox"]),
    ]
    cases += [drawn_corpus(rng) for _ in range(6)]
    tried = explained(answer, CAUSES)
    expect_same_again(tried, cases[1])
    given = [expect_number(tried(*case), f"`{call(answer.name, *case)}`") for case in cases]
    if all(near(a, right(*case)) for a, case in zip(given, cases, strict=True)):
        return f"{len(cases)} corpora, with empty references and hypotheses, insertions, deletions and substitutions"
    if words := named_mistake(cases, given, [(possible(mistaken), words) for mistaken, words in MISTAKES]):
        raise Mistake(words)
    wrong = next(i for i, (a, case) in enumerate(zip(given, cases, strict=True)) if not near(a, right(*case)))
    raise Mistake(
        f"`{call(answer.name, *cases[wrong])}` returned {given[wrong]:.6g}, expected {right(*cases[wrong]):.6g}"
    )


def near(given: float, expected: float) -> bool:
    """Equal up to float32's rounding."""
    return agrees(given, expected) or abs(given - expected) < 1e-6


def drawn_corpus(rng: torch.Generator) -> tuple[list[str], list[str]]:
    """Sentences with random edits, at least one of them not empty."""
    references, hypotheses = ["the cat"], ["the cat ran"]
    for _ in range(whole(rng, 2, 4)):
        words = [WORDS[whole(rng, 0, len(WORDS) - 1)] for _ in range(whole(rng, 0, 6))]
        heard = []
        for word in words:
            fate = whole(rng, 0, 5)
            heard += {0: [], 1: [WORDS[whole(rng, 0, 9)]], 2: [word, WORDS[whole(rng, 0, 9)]]}.get(fate, [word])
        if not words:
            heard = [WORDS[whole(rng, 0, 9)] for _ in range(whole(rng, 0, 3))]
        references.append(" ".join(words))
        hypotheses.append(" ".join(heard))
    return [*references, "a red fox"], [*hypotheses, "a fox ran"]
