from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
import torch
from torchmetrics.functional.text import word_error_rate


def distance(words, heard, substitution=1, insertion=1, deletion=1):
    row = [j * insertion for j in range(len(heard) + 1)]
    for i, word in enumerate(words, 1):
        previous, row = row, [i * deletion]
        for j, other in enumerate(heard, 1):
            row.append(
                min(previous[j] + deletion, row[-1] + insertion, previous[j - 1] + substitution * (word != other))
            )
    return row[-1]


def answer(references, hypotheses, edits=distance, split=str.split):
    total = sum(edits(split(r), split(h)) for r, h in zip(references, hypotheses, strict=True))
    return total / sum(len(split(r)) for r in references)


def by_recursion(references, hypotheses):
    def edits(a, b):
        @lru_cache
        def d(i, j):
            if i == 0 or j == 0:
                return i + j
            return min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

        return d(len(a), len(b))

    return answer(references, hypotheses, edits)


def by_table(references, hypotheses):
    total, words = torch.tensor(0), torch.tensor(0)
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        a, b = reference.split(), hypothesis.split()
        table = torch.zeros(len(a) + 1, len(b) + 1, dtype=torch.long)
        table[:, 0], table[0] = torch.arange(len(a) + 1), torch.arange(len(b) + 1)
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                ways = table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + int(a[i - 1] != b[j - 1])
                table[i, j] = min(ways)
        total, words = total + table[-1, -1], words + len(a)
    return total / words


def by_sentence(references, hypotheses):
    return sum(answer([r], [h]) for r, h in zip(references, hypotheses, strict=True)) / len(references)


def by_sentence_guarded(references, hypotheses):
    rates = [
        distance(r.split(), h.split()) / max(len(r.split()), 1) for r, h in zip(references, hypotheses, strict=True)
    ]
    return sum(rates) / len(rates)


def over(length):
    def rate(references, hypotheses):
        pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses, strict=True)]
        return sum(distance(*pair) for pair in pairs) / sum(length(*pair) for pair in pairs)

    return rate


def assigned(references, hypotheses):
    for r, h in zip(references, hypotheses, strict=True):
        edits = distance(r.split(), h.split())
    return edits / sum(len(r.split()) for r in references)


def returned(references, hypotheses):
    for r, h in zip(references, hypotheses, strict=True):
        return distance(r.split(), h.split()) / len(r.split())


def by_place(a, b):
    return sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))


def edges_0(a, b):
    table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
    return table[-1, -1]


def cheap(a, b):
    """A wrong word costs 1 in each of the three ways, an equal one nothing."""
    table = [[i + j for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(table[i - 1][j], table[i][j - 1], table[i - 1][j - 1]) + (a[i - 1] != b[j - 1])
    return table[-1][-1]


def one_list(a, b):
    table = [[0] * (len(b) + 1)] * (len(a) + 1)
    for i in range(len(a) + 1):
        table[i][0] = i
    for j in range(len(b) + 1):
        table[0][j] = j
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
    return table[-1][-1]


def by_matcher(a, b):
    codes = SequenceMatcher(None, a, b).get_opcodes()
    return sum(max(j - i, m - k) for kind, i, j, k, m in codes if kind != "equal")


def with_edits(edits):
    return lambda references, hypotheses: answer(references, hypotheses, edits)


def costing(**costs):
    return with_edits(lambda a, b: distance(a, b, **costs))


def test_word_error_rate(judged):
    judged(
        "13.3",
        {
            "rows": answer,
            "recursion": by_recursion,
            "tensors": by_table,
            "numpy": lambda r, h: np.float64(answer(r, h)),
            "library": lambda r, h: word_error_rate(h, r),
        },
        {
            "mean of sentences": (by_sentence, "ZeroDivisionError"),
            "mean, guarded": (by_sentence_guarded, None),
            "hypotheses": (lambda r, h: answer(h, r), None),
            "by hypotheses": (over(lambda a, b: len(b)), None),
            "longer": (over(lambda a, b: max(len(a), len(b))), "divided by the longer of both"),
            "both": (over(lambda a, b: len(a) + len(b)), "divided by the words of both"),
            "sentences": (over(lambda a, b: 1), "divided by the number of sentences"),
            "edits": (lambda r, h: answer(r, h) * sum(len(a.split()) for a in r), "that is the number of edits"),
            "characters": (lambda r, h: answer(r, h, split=list), "that is the character error rate"),
            "split": (lambda r, h: answer(r, h, split=lambda text: text.split(" ")), "finds an empty word"),
            "substitution": (costing(substitution=2), "a substitution counts as two edits"),
            "no insertion": (costing(insertion=100), None),
            "no deletion": (costing(deletion=100), None),
            "places": (with_edits(by_place), "words are compared position by position, so that one missing"),
            "edges": (with_edits(edges_0), "the first row and column of the table are 0"),
            "cheap": (with_edits(cheap), "costs nothing where the two words are equal"),
            "one list": (with_edits(one_list), "all rows of the table are one list"),
            "difflib": (with_edits(by_matcher), "`difflib` looks for long common parts"),
            "empty counts 1": (
                with_edits(lambda a, b: distance(a, b) if a else len(b) > 0),
                "for an empty reference one error is counted",
            ),
            "percent": (lambda r, h: 100 * answer(r, h), "that is in percent"),
            "accuracy": (lambda r, h: 1 - answer(r, h), "that is 1 minus the word error rate"),
            "cut": (lambda r, h: min(1.0, answer(r, h)), "it is cut off at 1"),
            "corpus joined": (lambda r, h: answer([" ".join(r)], [" ".join(h)]), "as one long sentence"),
            "assigned": (assigned, "only the edits of the last sentence count"),
            "return": (returned, "only the first sentence counts"),
            "sets": (with_edits(lambda a, b: len(set(a) - set(b))), "the words are compared as sets"),
            "exact": (
                lambda r, h: sum(a.split() != b.split() for a, b in zip(r, h, strict=True)) / len(r),
                "the fraction of sentences with an error",
            ),
            "empty skipped": (
                lambda r, h: answer(*zip(*((a, b) for a, b in zip(r, h, strict=True) if a.strip()), strict=True)),
                "sentences without reference words are left out",
            ),
            "list": (lambda r, h: [answer(r, h)], "expected one number"),
        },
    )
