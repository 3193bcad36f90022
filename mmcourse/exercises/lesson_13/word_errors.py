"""Exercise 13.3: the word error rate of a corpus."""

from collections import Counter
from collections.abc import Callable

import torch

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, call, expect_number, explained, named_mistake, possible, whole
from mmcourse.exercises.properties import expect_same_again

WORDS = ("the", "red", "cat", "sat", "mat", "dog", "saw", "a", "ran", "fox")


def edits(words: list, heard: list, substitution=1, insertion=1, deletion=1, edges=True, total=True) -> int:
    """Edit distance; each option makes it another mistake."""
    row = [j * insertion if edges else 0 for j in range(len(heard) + 1)]
    for i, word in enumerate(words, 1):
        before, row = row, [i * deletion if edges else 0]
        for j, other in enumerate(heard, 1):
            row.append(min(before[j] + deletion, row[-1] + insertion, before[j - 1] + substitution * (word != other)))
    return row[-1] if total else min(row)


def rate(of_pair: Callable = edits, split: Callable = str.split, length: Callable | None = None) -> Callable:
    """Edits of all sentences over the length of all references."""

    def computed(references: list[str], hypotheses: list[str]) -> float:
        pairs = [(split(r), split(h)) for r, h in zip(references, hypotheses, strict=True)]
        total = sum((length or (lambda words, heard: len(words)))(*pair) for pair in pairs)
        return float(sum(of_pair(*pair) for pair in pairs) / total)

    return computed


right = rate()


def by_sentence(references: list[str], hypotheses: list[str], empty: float | None = None) -> float:
    """The mean of the sentences' rates; those without reference words count `empty`, or not at all."""
    rates = []
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        if reference.split():
            rates.append(right([reference], [hypothesis]))
        elif empty is not None:
            rates.append(empty * (len(hypothesis.split()) > 0))
    return sum(rates) / len(rates)


def unequal_places(words: list, heard: list) -> int:
    """Words are compared place by place."""
    return sum(a != b for a, b in zip(words, heard, strict=False)) + abs(len(words) - len(heard))


def unequal_common_places(words: list, heard: list) -> int:
    return sum(a != b for a, b in zip(words, heard, strict=False))


def missing_words(words: list, heard: list) -> int:
    return (Counter(words) - Counter(heard)).total()


def bag(words: list, heard: list) -> int:
    """Words are counted without their order."""
    return max((Counter(words) - Counter(heard)).total(), (Counter(heard) - Counter(words)).total())


def sets(words: list, heard: list) -> int:
    return len(set(words) - set(heard))


def skipping_empty(references: list[str], hypotheses: list[str]) -> float:
    """Sentences without reference words are left out."""
    kept = [(r, h) for r, h in zip(references, hypotheses, strict=True) if r.split()]
    return right(*map(list, zip(*kept, strict=True)))


def skipping_silence(references: list[str], hypotheses: list[str]) -> float:
    """Sentences without hypothesis words are left out."""
    kept = [(r, h) for r, h in zip(references, hypotheses, strict=True) if h.split()]
    return right(*map(list, zip(*kept, strict=True)))


def joined(references: list[str], hypotheses: list[str]) -> float:
    """The corpus as one long sentence."""
    return right([" ".join(references)], [" ".join(hypotheses)])


NO_INSERTION, NO_DELETION, NO_SUBSTITUTION = {"insertion": 10**6}, {"deletion": 10**6}, {"substitution": 10**6}


def costing(**costs) -> Callable:
    """The rate with other costs of an edit."""
    return rate(lambda words, heard: edits(words, heard, **costs))


MISTAKES = [
    (
        lambda r, h: by_sentence(r, h, 1.0),
        "that is the mean of the sentences' rates, in which a short sentence counts as much as a long one: add edits "
        "and words over the corpus, then divide once",
    ),
    *(
        (
            lambda r, h, empty=empty: by_sentence(r, h, empty),
            "that is the mean of the sentences' rates, and what a sentence without reference words counts had to be "
            "made up. Add edits and words over the corpus, then divide once",
        )
        for empty in (None, 0.0)
    ),
    (
        lambda r, h: (
            sum(right([a], [b]) if a.split() else float(len(b.split())) for a, b in zip(r, h, strict=True)) / len(r)
        ),
        "that is a mean over sentences: add edits and words over the corpus, then divide once",
    ),
    (
        rate(length=lambda words, heard: len(heard)),
        "it is divided by the number of words in the hypotheses; divide by that of the references",
    ),
    (
        rate(length=lambda words, heard: max(len(words), len(heard))),
        "it is divided by the longer of both; divide by the references",
    ),
    (
        rate(length=lambda words, heard: len(words) + len(heard)),
        "it is divided by the words of both; divide by the references",
    ),
    (
        rate(length=lambda words, heard: 1),
        "the edits are divided by the number of sentences; divide by that of reference words",
    ),
    (
        lambda r, h: right(r, h) * sum(len(a.split()) for a in r),
        "that is the number of edits: divide by the number of reference words",
    ),
    (rate(split=list), "that is the character error rate: `split()` gives the words of a sentence"),
    (
        rate(split=lambda text: list(text.replace(" ", ""))),
        "that is a character error rate without spaces: `split()` gives the words of a sentence",
    ),
    (
        rate(lambda words, heard: edits(list(" ".join(words)), list(" ".join(heard)))),
        "edits of characters are divided by a number of words: `split()` gives the words of a sentence",
    ),
    (
        rate(split=lambda text: text.split(" ")),
        '`split(" ")` finds an empty word in an empty sentence and between two spaces: `split()` without an argument '
        "does not",
    ),
    (
        rate(length=lambda words, heard: max(len(words), 1)),
        "a sentence without reference words is counted as one word; it has none",
    ),
    (costing(substitution=2), "a substitution counts as two edits (a deletion and an insertion); it is one"),
    (costing(**NO_SUBSTITUTION), "there are no substitutions: a wrong word is one edit"),
    (costing(**NO_INSERTION), "insertions are not possible"),
    (costing(**NO_DELETION), "deletions are not possible"),
    (costing(insertion=0), "insertions count 0 edits; each is one"),
    (costing(deletion=0), "deletions count 0 edits; each is one"),
    (costing(substitution=0), "substitutions count 0 edits; each is one"),
    (
        costing(edges=False),
        "the first row and column of the table are 0: from no words to j words it takes j insertions, from i words to "
        "none i deletions",
    ),
    (rate(unequal_places), "words are compared place by place, so that one missing word makes all that follow wrong"),
    (
        rate(unequal_common_places),
        "words are compared place by place by `zip`, which also stops at the shorter sentence",
    ),
    (
        rate(bag),
        "the words are compared without their order",
    ),
    (rate(missing_words), "only missing words are counted, without their order"),
    (rate(sets), "the words are compared as sets, without their order and number"),
    (
        rate(lambda words, heard: abs(len(words) - len(heard))),
        "only the numbers of words are compared",
    ),
    (
        lambda r, h: sum(a.split() != b.split() for a, b in zip(r, h, strict=True)) / len(r),
        "that is the fraction of sentences with an error",
    ),
    (lambda r, h: 100 * right(r, h), "that is in percent; a fraction is asked for"),
    (lambda r, h: 1 - right(r, h), "that is 1 minus the word error rate"),
    (lambda r, h: min(right(r, h), 1.0), "it is cut off at 1; with many insertions the rate can exceed 1"),
    (skipping_empty, "sentences without reference words are left out; their insertions are edits as well"),
    (skipping_silence, "sentences without hypothesis words are left out; their words are deletions"),
    (
        joined,
        "the corpus is compared as one long sentence, so words are matched across sentences",
    ),
    (lambda r, h: right(r[:1], h[:1]), "only the first sentence counts: is a `return` inside the loop?"),
    (lambda r, h: right(r[-1:], h[-1:]), "only the last sentence counts: is there an `=` where `+=` belongs?"),
    (
        lambda r, h: edits(r[-1].split(), h[-1].split()) / sum(len(one.split()) for one in r),
        "only the edits of the last sentence count: is there an `=` where `+=` belongs?",
    ),
    (
        lambda r, h: sum(edits(a.split(), b.split()) for a, b in zip(r, h, strict=True)) / len(r[-1].split()),
        "the edits of the corpus are divided by the words of the last reference alone: `+=`",
    ),
    (lambda r, h: right(r[:-1], h[:-1]), "the last sentence is left out: does a loop end one too early?"),
    (
        rate(lambda words, heard: edits(words[1:], heard[1:])),
        "the first word of every sentence is left out: does a loop start at 1?",
    ),
    (rate(lambda words, heard: edits(words[:-1], heard[:-1])), "the last word of every sentence is left out"),
    (
        lambda r, h: round(right(r, h), 2),
        "it is rounded; return the fraction as it is",
    ),
    (
        lambda r, h: float(right(r, h) // 1),
        "`//` drops the fraction: divide with `/`",
    ),
]
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
        (["the cat sat on the mat"], ["cat sat on a mat"]),
        (["the cat", "", "red fox ran"], ["the cat sat", "a", "fox"]),
        (["the red fox ran", "a dog"], ["", "dog"]),
        (["a  cat sat ", "the dog"], ["a cat sat", " the   dog"]),
        (["a"], ["the cat saw a red dog"]),
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
        raise NotRight(words)
    wrong = next(i for i, (a, case) in enumerate(zip(given, cases, strict=True)) if not near(a, right(*case)))
    raise NotRight(f"`{call(answer.name, *cases[wrong])}` gave {given[wrong]:.6g}, expected {right(*cases[wrong]):.6g}")


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
        references.append(" ".join(words))
        hypotheses.append(" ".join(heard))
    return references, hypotheses
