"""Word error rates of exercise 13.3, right and with each of its usual mistakes."""

from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher

from mmcourse.exercises.judging import Mistakes


def edits(words: list, heard: list, substitution=1, insertion=1, deletion=1, top=True, side=True) -> int:
    """Edit distance; each option makes it another mistake."""
    row = [j * insertion if top else 0 for j in range(len(heard) + 1)]
    for i, word in enumerate(words, 1):
        before, row = row, [i * deletion if side else 0]
        for j, other in enumerate(heard, 1):
            row.append(min(before[j] + deletion, row[-1] + insertion, before[j - 1] + substitution * (word != other)))
    return row[-1]


def filled(words: list, heard: list, entry: Callable) -> int:
    """The last entry of a table, each from the ones above, to the left and on the diagonal."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(words, 1):
        before, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(entry(before[j], row[-1], before[j - 1], word != other))
    return row[-1]


def shared_rows(words: list, heard: list) -> int:
    """A table whose rows are the same list."""
    table = [[0] * (len(heard) + 1)] * (len(words) + 1)
    for i in range(len(words) + 1):
        table[i][0] = i
    table[0][:] = range(len(heard) + 1)
    for i, word in enumerate(words, 1):
        for j, other in enumerate(heard, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (word != other))
    return table[-1][-1]


def with_exchange(words: list, heard: list) -> int:
    """Edit distance in which two neighbouring words exchanged are one edit."""
    table = [[i + j for j in range(len(heard) + 1)] for i in range(len(words) + 1)]
    for i, word in enumerate(words, 1):
        for j, other in enumerate(heard, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (word != other))
            if words[max(i - 2, 0) : i] == heard[max(j - 2, 0) : j][::-1] and min(i, j) > 1:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


def common(words: list, heard: list) -> int:
    """Length of the longest common subsequence."""
    return len(words) - edits(words, heard, insertion=0, substitution=10**6)


def by_difflib(words: list, heard: list) -> int:
    blocks = SequenceMatcher(None, words, heard, autojunk=False).get_opcodes()
    return sum(max(b - a, d - c) for kind, a, b, c, d in blocks if kind != "equal")


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
    """Words are compared position by position."""
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


MISTAKES: Mistakes = [
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
        costing(top=False, side=False),
        "the first row and column of the table are 0: from no words to j words it takes j insertions, from i words to "
        "none i deletions",
    ),
    (costing(top=False), "the first row of the table is 0: from no words to j words it takes j insertions"),
    (costing(side=False), "the first column of the table is 0: from i words to no words it takes i deletions"),
    *(
        (rate(lambda words, heard, entry=entry: filled(words, heard, entry)), words)
        for entry, words in (
            (lambda a, b, c, wrong: min(a, b + 1, c + wrong), "in the table a deletion costs nothing; each costs 1"),
            (lambda a, b, c, wrong: min(a + 1, b, c + wrong), "in the table an insertion costs nothing; each costs 1"),
            (lambda a, b, c, wrong: min(a + 1, b + 1, c), "in the table a substitution costs nothing; each costs 1"),
            (lambda a, b, c, wrong: min(b + 1, c + wrong), "the way from above is missing in the table, a deletion"),
            (
                lambda a, b, c, wrong: min(a + 1, c + wrong),
                "the way from the left is missing in the table, an insertion",
            ),
            (
                lambda a, b, c, wrong: min(a, b) + 1,
                "the diagonal is missing in the table: equal words cost nothing, a substitution 1",
            ),
            (
                lambda a, b, c, wrong: min(a + 1, b + 1, c + (not wrong)),
                "the diagonal costs 1 where the words are equal; it costs 1 where they differ",
            ),
        )
    ),
    (
        rate(lambda words, heard: filled(words, heard, lambda a, b, c, wrong: min(a, b, c) + wrong)),
        "an insertion or deletion costs nothing where the two words are equal: only the diagonal depends on that",
    ),
    (
        rate(lambda words, heard: filled(words, heard, lambda a, b, c, wrong: min(a, b, c) + 1)),
        "1 is added even if the two words are equal",
    ),
    (
        rate(lambda words, heard: filled(words, heard, lambda a, b, c, wrong: 1 + max(a, b, c) if wrong else c)),
        "the maximum of three ways is taken; the smallest counts",
    ),
    (
        rate(shared_rows),
        "all rows of the table are one list, `[[0] * n] * m`, so that a change in one changes all: make each row anew",
    ),
    (rate(with_exchange), "two words that are exchanged count as one edit (Damerau); here they are two"),
    (
        rate(lambda words, heard: max(len(words), len(heard)) - common(words, heard)),
        "the longest common subsequence is subtracted from the longer sentence, which counts too few edits",
    ),
    (rate(by_difflib), "`difflib` looks for long common parts, which does not always give the fewest edits"),
    (
        rate(
            lambda words, heard: (Counter(words) - Counter(heard)).total() + (Counter(heard) - Counter(words)).total()
        ),
        "missing and additional words are counted without their order",
    ),
    (
        rate(lambda words, heard: sum(word not in heard for word in words)),
        "words that occur nowhere in the hypothesis are counted; order, repetitions and insertions count too",
    ),
    (
        rate(lambda words, heard: edits(words, heard) if words else bool(heard)),
        "for an empty reference one error is counted; each word of the hypothesis is an insertion",
    ),
    (
        rate(unequal_places),
        "words are compared position by position, so that one missing word makes all that follow wrong",
    ),
    (
        rate(unequal_common_places),
        "words are compared position by position by `zip`, which also stops at the shorter sentence",
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
        lambda r, h: edits(r[0].split(), h[0].split()) / sum(len(one.split()) for one in r),
        "only the edits of the first sentence count: is a `return` or a `break` inside the loop?",
    ),
    (
        lambda r, h: right(r, h) * sum(len(one.split()) for one in r) / sum(map(len, r)),
        "it is divided by the number of characters of the references: `split()` gives the words of a sentence",
    ),
    (lambda r, h: 0.0, "the result is always 0: are the edits of each sentence added?"),
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
