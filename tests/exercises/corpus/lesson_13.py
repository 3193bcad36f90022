"""Learners' answers for lesson 13, speech recognition: written from the lesson alone, without its checks."""

import difflib
import math
from collections.abc import Callable
from functools import cache, reduce
from itertools import groupby

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.text import word_error_rate

from mmcourse.show.widgets import word_errors

from . import right, wrong


@right("13.1", "loop with the previous symbol")
def collapse(ids: list[int], blank: int = 0) -> list[int]:
    text, before = [], None
    for symbol in ids:
        if symbol != before and symbol != blank:
            text.append(symbol)
        before = symbol
    return text


@right("13.1", "groupby")
def collapse(ids, blank=0):
    return [symbol for symbol, _ in groupby(ids) if symbol != blank]


@right("13.1", "two passes with zip")
def collapse(ids, blank=0):
    merged = ids[:1] + [b for a, b in zip(ids, ids[1:]) if a != b]
    return list(filter(lambda symbol: symbol != blank, merged))


@right("13.1", "torch, back to a list")
def collapse(ids, blank=0):
    merged = torch.unique_consecutive(torch.tensor(ids, dtype=torch.int64))
    return merged[merged != blank].tolist()


@right("13.1", "recursion from the end")
def collapse(ids, blank=0):
    def text(ids):
        if not ids:
            return []
        if ids[-1] == blank or ids[-2:-1] == ids[-1:]:
            return text(ids[:-1])
        return text(ids[:-1]) + [ids[-1]]

    return text(ids)


@right("13.1", "a fold")
def collapse(ids, blank=0):
    merged = reduce(lambda text, s: text if text and text[-1] == s else text + [s], ids, [])
    return [s for s in merged if s != blank]


@right("13.1", "indices, the blank as what comes before")
def collapse(ids, blank=0):
    text, last = [], blank
    for i in range(len(ids)):
        if ids[i] == last:
            continue
        last = ids[i]
        if last != blank:
            text += [last]
    return text


@wrong(
    "13.1",
    "blanks removed first, then repeats merged",
    says=r"order|first|before|blank.*separat|between|merge.*then|then",
)
def collapse(ids, blank=0):
    return [symbol for symbol, _ in groupby([i for i in ids if i != blank])]


@wrong("13.1", "repeats are kept", says=r"repeat|merge|neighbour|equal")
def collapse(ids, blank=0):
    return [i for i in ids if i != blank]


@wrong("13.1", "blanks are kept", says=r"blank")
def collapse(ids, blank=0):
    return [symbol for symbol, _ in groupby(ids)]


@wrong("13.1", "every symbol once", says=r"neighbour|again|later|twice|set|once|separat|more than|between")
def collapse(ids, blank=0):
    return [symbol for symbol in dict.fromkeys(ids) if symbol != blank]


@wrong("13.1", "the blank is always 0", says=r"blank|0|hard|fixed")
def collapse(ids, blank=0):
    return [symbol for symbol, _ in groupby(ids) if symbol != 0]


@wrong(
    "13.1",
    "false symbols are dropped, that is 0",
    says=r"truth|false|falsy|symbol 0|0 is (a symbol|dropped|no blank)|hard",
)
def collapse(ids, blank=0):
    return [symbol for symbol, _ in groupby(ids) if symbol and symbol != blank]


@wrong("13.1", "the last symbol is lost", says=r"last|end|missing|lost")
def collapse(ids, blank=0):
    return [a for a, b in zip(ids, ids[1:]) if a != b and a != blank]


@wrong("13.1", "the first symbol is lost", says=r"first|begin|start|missing|lost")
def collapse(ids, blank=0):
    return [b for a, b in zip(ids, ids[1:]) if a != b and b != blank]


@wrong("13.1", "an empty alignment is an error", says=r"empty|no symbol|\[\]|IndexError")
def collapse(ids, blank=0):
    text = [ids[0]]
    for symbol in ids[1:]:
        if symbol != text[-1]:
            text.append(symbol)
    return [symbol for symbol in text if symbol != blank]


@wrong("13.1", "what comes before the first symbol is 0", says=r"first|begin|start|before")
def collapse(ids, blank=0):
    text, before = [], 0
    for symbol in ids:
        if symbol != before and symbol != blank:
            text.append(symbol)
        before = symbol
    return text


@wrong("13.1", "compares with the last symbol that was kept", says=r"order|blank|separat|between|first|before")
def collapse(ids, blank=0):
    text = []
    for symbol in ids:
        if symbol != blank and (not text or symbol != text[-1]):
            text.append(symbol)
    return text


@wrong("13.1", "merges pairs only", says=r"pair|more than two|three|longer|all|repeat|merge|two")
def collapse(ids, blank=0):
    text, i = [], 0
    while i < len(ids):
        if ids[i] != blank:
            text.append(ids[i])
        i += 2 if i + 1 < len(ids) and ids[i + 1] == ids[i] else 1
    return text


@wrong("13.1", "compares identities", says=r"\bis not\b|identit|==|equal|large|256|merge|repeat")
def collapse(ids, blank=0):
    text, before = [], None
    for symbol in ids:
        if symbol is not before and symbol is not blank:
            text.append(symbol)
        before = symbol
    return text


@wrong("13.1", "returns inside the loop", says=r"return|loop|first|whole|all|every|rest|length")
def collapse(ids, blank=0):
    text, before = [], None
    for symbol in ids:
        if symbol != before and symbol != blank:
            text.append(symbol)
        before = symbol
        return text
    return text


@wrong("13.1", "a tensor", says=r"list|tensor|\bint")
def collapse(ids, blank=0):
    merged = torch.unique_consecutive(torch.tensor(ids, dtype=torch.int64))
    return merged[merged != blank]


@wrong("13.1", "a string", says=r"list|str|\bint")
def collapse(ids, blank=0):
    return "".join(str(symbol) for symbol, _ in groupby(ids) if symbol != blank)


@wrong(
    "13.1",
    "the list is a default argument, kept between calls",
    says=r"call|default|global|earlier|previous|again|twice|second",
)
def collapse(ids, blank=0, text=[]):
    before = None
    for symbol in ids:
        if symbol != before and symbol != blank:
            text.append(symbol)
        before = symbol
    return text


@wrong("13.1", "sorted, so that equal symbols are neighbours", says=r"order|sort|neighbour")
def collapse(ids, blank=0):
    return [symbol for symbol, _ in groupby(sorted(ids)) if symbol != blank]


@wrong("13.1", "nothing appended", says=r"empty|append")
def collapse(ids, blank=0):
    text = []
    for i, symbol in enumerate(ids):
        if symbol != blank and (i == 0 or symbol != ids[i - 1]):
            text = text + []
    return text


# 13.2


def with_blanks(target, blank):
    states = [blank]
    for symbol in target:
        states += [symbol, blank]
    return states


@right("13.2", "lists of tensors")
def forward_probability(probabilities: Tensor, target: list[int], blank: int = 0) -> Tensor:
    states, T = with_blanks(target, blank), probabilities.shape[0]
    alpha = [probabilities[0, v] if s < 2 else probabilities.new_zeros(()) for s, v in enumerate(states)]
    for t in range(1, T):
        new = []
        for s, v in enumerate(states):
            total = alpha[s]
            if s >= 1:
                total = total + alpha[s - 1]
            if s >= 2 and v != blank and v != states[s - 2]:
                total = total + alpha[s - 2]
            new.append(total * probabilities[t, v])
        alpha = new
    return sum(alpha[-2:])


@right("13.2", "vectors, shifted by padding")
def forward_probability(probabilities, target, blank=0):
    states = torch.tensor(with_blanks(target, blank))
    skip = torch.zeros(len(states), dtype=torch.bool)
    skip[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
    p = probabilities[:, states]
    alpha = p[0] * (torch.arange(len(states)) < 2)
    for row in p[1:]:
        one, two = F.pad(alpha, (1, 0))[:-1], F.pad(alpha, (2, 0))[:-2]
        alpha = (alpha + one + two * skip) * row
    return alpha[-2:].sum()


@right("13.2", "recursion with a cache")
def forward_probability(probabilities, target, blank=0):
    states = with_blanks(target, blank)

    @cache
    def alpha(t, s):
        if s < 0 or t < 0:
            return probabilities.new_zeros(())
        if t == 0:
            return probabilities[0, states[s]] if s <= 1 else probabilities.new_zeros(())
        total = alpha(t - 1, s) + alpha(t - 1, s - 1)
        if states[s] != blank and s > 1 and states[s] != states[s - 2]:
            total = total + alpha(t - 1, s - 2)
        return total * probabilities[t, states[s]]

    last = len(states) - 1
    return alpha(len(probabilities) - 1, last) + alpha(len(probabilities) - 1, last - 1)


@right("13.2", "a matrix of allowed steps")
def forward_probability(probabilities, target, blank=0):
    states = with_blanks(target, blank)
    n = len(states)
    steps = torch.eye(n, dtype=probabilities.dtype)
    for s in range(1, n):
        steps[s - 1, s] = 1
        if s > 1 and s % 2 == 1 and states[s] != states[s - 2]:
            steps[s - 2, s] = 1
    begin = torch.zeros(n, dtype=probabilities.dtype)
    begin[:2] = 1
    alpha = begin * probabilities[0, states]
    for t in range(1, len(probabilities)):
        alpha = (alpha @ steps) * probabilities[t, states]
    return alpha[-1] + alpha[-2] if n > 1 else alpha[-1]


@right("13.2", "an empty state in front, all frames in the loop")
def forward_probability(probabilities, target, blank=0):
    one, zero = probabilities.new_ones(()), probabilities.new_zeros(())
    states = with_blanks(target, blank)
    before = [one] + [zero] * len(states)
    for frame in probabilities:
        after = [zero]
        for s in range(len(states)):
            ways = before[s] + before[s + 1]
            if s % 2 and (s == 1 or states[s] != states[s - 2]):
                ways = ways + before[s - 1]
            after.append(ways * frame[states[s]])
        before = after
    return before[-1] + (before[-2] if target else 0)


@right("13.2", "by letters: the probabilities of ending in each letter and in the blank behind it")
def forward_probability(probabilities, target, blank=0):
    zero = torch.zeros((), dtype=probabilities.dtype)
    letter, gap = [zero] * (len(target) + 1), [zero + 1] + [zero] * len(target)
    for frame in probabilities:
        new_letter, new_gap = [zero], [gap[0] * frame[blank]]
        for i, symbol in enumerate(target, 1):
            ways = letter[i] + gap[i - 1]
            if i > 1 and target[i - 2] != symbol:
                ways = ways + letter[i - 1]
            new_letter.append(ways * frame[symbol])
            new_gap.append((gap[i] + letter[i]) * frame[blank])
        letter, gap = new_letter, new_gap
    return letter[-1] + gap[-1]


def forward(probabilities, target, blank, *, skip, starts=2, ends=2, emit=0):
    """The forward algorithm with exchangeable parts, for mistakes in one of them."""
    states = with_blanks(target, blank)
    zero = probabilities.new_zeros(())
    alpha = [probabilities[0, v] if s < starts else zero for s, v in enumerate(states)]
    for t in range(1, len(probabilities)):
        new = []
        for s, v in enumerate(states):
            total = alpha[s]
            if s >= 1:
                total = total + alpha[s - 1]
            if s >= 2 and skip(s, v, states):
                total = total + alpha[s - 2]
            new.append(total * probabilities[t - emit, v])
        alpha = new
    return alpha


@wrong("13.2", "skips the blank between equal characters too", says=r"equal|twice|same|repeat|different|double")
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: v != blank)[-2:])


@wrong("13.2", "never skips a blank", says=r"skip|blank between|without a blank|different|s ?- ?2")
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: False)[-2:])


@wrong("13.2", "skips characters: from blank to blank", says=r"skip|character|left out|blank|omit")
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: v == blank or v != states[s - 2])[-2:])


@wrong("13.2", "skips from everywhere", says=r"skip|character|different|blank")
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: True)[-2:])


@wrong("13.2", "ends in the last character only", says=r"end|last|blank behind|final|trailing")
def forward_probability(probabilities, target, blank=0):
    alpha = forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))
    return alpha[-2] if target else alpha[-1]


@wrong("13.2", "ends in the last blank only", says=r"end|last|final|trailing")
def forward_probability(probabilities, target, blank=0):
    return forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))[-1]


@wrong("13.2", "sums all states at the end", says=r"end|last|final|all states|whole target|complete|prefix")
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2])))


@wrong("13.2", "starts in the blank only", says=r"start|begin|first")
def forward_probability(probabilities, target, blank=0):
    skip = lambda s, v, states: v not in (blank, states[s - 2])
    return sum(forward(probabilities, target, blank, skip=skip, starts=1)[-2:])


@wrong("13.2", "starts in any state", says=r"start|begin|first")
def forward_probability(probabilities, target, blank=0):
    skip = lambda s, v, states: v not in (blank, states[s - 2])
    return sum(forward(probabilities, target, blank, skip=skip, starts=10**6)[-2:])


@wrong("13.2", "probabilities of the frame before", says=r"frame|off by|t ?- ?1|one (too )?(early|late)|last|shift")
def forward_probability(probabilities, target, blank=0):
    skip = lambda s, v, states: v not in (blank, states[s - 2])
    return sum(forward(probabilities, target, blank, skip=skip, emit=1)[-2:])


@wrong("13.2", "the last frame is left out", says=r"last|frame|left out|missing|one frame")
def forward_probability(probabilities, target, blank=0):
    skip = lambda s, v, states: v not in (blank, states[s - 2])
    return sum(forward(probabilities[:-1] if len(probabilities) > 1 else probabilities, target, blank, skip=skip)[-2:])


@wrong("13.2", "the blank is always column 0", says=r"blank|column|0|hard|fixed")
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, 0, skip=lambda s, v, states: v not in (0, states[s - 2]))[-2:])


@wrong("13.2", "an empty target is an error", says=r"empty|no character|\[\]|IndexError")
def forward_probability(probabilities, target, blank=0):
    states = with_blanks(target, blank)
    alpha = torch.zeros(len(probabilities), len(states), dtype=probabilities.dtype)
    alpha[0, 0], alpha[0, 1] = probabilities[0, blank], probabilities[0, target[0]]
    for t in range(1, len(probabilities)):
        for s, v in enumerate(states):
            total = alpha[t - 1, max(0, s - 1) : s + 1].clone().sum()
            if s >= 2 and v not in (blank, states[s - 2]):
                total = total + alpha[t - 1, s - 2].clone()
            alpha[t, s] = total * probabilities[t, v]
    return alpha[-1, -1] + alpha[-1, -2]


@wrong("13.2", "an empty target counts its only state twice", says=r"empty|twice|double|no character")
def forward_probability(probabilities, target, blank=0):
    alpha = forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))
    return alpha[len(alpha) - 1] + alpha[len(alpha) - 2 if len(alpha) > 1 else 0]


@wrong("13.2", "numbers instead of tensors: no gradient", says=r"gradient|item|detach|graph")
def forward_probability(probabilities, target, blank=0):
    values = probabilities.detach()
    alpha = forward(values, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))
    return torch.tensor(sum(part.item() for part in alpha[-2:]), dtype=probabilities.dtype)


@wrong("13.2", "without gradients", says=r"gradient|no_grad|graph")
@torch.no_grad()
def forward_probability(probabilities, target, blank=0):
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))[-2:])


@wrong("13.2", "always float32", says=r"dtype|float64|double|float32|precision")
def forward_probability(probabilities, target, blank=0):
    values = probabilities.float()
    return sum(forward(values, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))[-2:])


@wrong("13.2", "the logarithm", says=r"log|probabilit|negativ|between 0")
def forward_probability(probabilities, target, blank=0):
    alpha = forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))
    return sum(alpha[-2:]).log()


@wrong("13.2", "one axis left", says=r"shape|axes|axis|scalar|\(1,\)|\(\)")
def forward_probability(probabilities, target, blank=0):
    alpha = forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))
    return torch.stack(alpha)[-2:].sum(dim=0, keepdim=True)


@wrong("13.2", "the best alignment alone", says=r"best|max|all alignments|sum|viterbi|single")
def forward_probability(probabilities, target, blank=0):
    states, zero = with_blanks(target, blank), probabilities.new_zeros(())
    alpha = [probabilities[0, v] if s < 2 else zero for s, v in enumerate(states)]
    for t in range(1, len(probabilities)):
        new = []
        for s, v in enumerate(states):
            ways = [alpha[s]] + ([alpha[s - 1]] if s else [])
            if s >= 2 and v not in (blank, states[s - 2]):
                ways.append(alpha[s - 2])
            new.append(torch.stack(ways).max() * probabilities[t, v])
        alpha = new
    return torch.stack(alpha[-2:]).max()


@wrong(
    "13.2",
    "overwrites states that it still needs",
    says=r"overwrit|in place|old|previous frame|same frame|already|updated|new",
)
def forward_probability(probabilities, target, blank=0):
    states, zero = with_blanks(target, blank), probabilities.new_zeros(())
    alpha = [probabilities[0, v] if s < 2 else zero for s, v in enumerate(states)]
    for t in range(1, len(probabilities)):
        for s, v in enumerate(states):
            total = alpha[s]
            if s >= 1:
                total = total + alpha[s - 1]
            if s >= 2 and v not in (blank, states[s - 2]):
                total = total + alpha[s - 2]
            alpha[s] = total * probabilities[t, v]
    return sum(alpha[-2:])


@wrong("13.2", "no blanks between the characters", says=r"blank")
def forward_probability(probabilities, target, blank=0):
    zero = probabilities.new_zeros(())
    if not target:
        return probabilities[:, blank].prod()
    alpha = [probabilities[0, target[0]]] + [zero] * (len(target) - 1)
    for t in range(1, len(probabilities)):
        alpha = [(alpha[s] + (alpha[s - 1] if s else zero)) * probabilities[t, v] for s, v in enumerate(target)]
    return alpha[-1]


@wrong(
    "13.2",
    "a target that is too long is an error",
    says=r"\bis 0\b|then 0|expected 0|returns? 0|gives? 0|probability 0",
)
def forward_probability(probabilities, target, blank=0):
    if len(target) > len(probabilities):
        raise ValueError("the target is too long")
    return sum(forward(probabilities, target, blank, skip=lambda s, v, states: v not in (blank, states[s - 2]))[-2:])


@wrong("13.2", "= instead of +=: only the last way counts", says=r"sum|add|all|ways|stay|previous|\+=")
def forward_probability(probabilities, target, blank=0):
    states, zero = with_blanks(target, blank), probabilities.new_zeros(())
    alpha = [probabilities[0, v] if s < 2 else zero for s, v in enumerate(states)]
    for t in range(1, len(probabilities)):
        new = []
        for s, v in enumerate(states):
            total = alpha[s]
            if s >= 1:
                total = alpha[s - 1]
            if s >= 2 and v not in (blank, states[s - 2]):
                total = alpha[s - 2]
            new.append(total * probabilities[t, v])
        alpha = new
    return sum(alpha[-2:])


# 13.3


def edits(one, other, substitution=1):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (substitution if a != b else 0)))
    return row[-1]


@right("13.3", "a table for each sentence")
def corpus_error_rate(references: list[str], hypotheses: list[str]) -> float:
    errors, total = 0, 0
    for reference, hypothesis in zip(references, hypotheses):
        a, b = reference.split(), hypothesis.split()
        d = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
        for i in range(len(a) + 1):
            for j in range(len(b) + 1):
                if i == 0 or j == 0:
                    d[i][j] = i + j
                else:
                    cost = 0 if a[i - 1] == b[j - 1] else 1
                    d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost)
        errors += d[-1][-1]
        total += len(a)
    return errors / total


@right("13.3", "two rows")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses)]
    return sum(edits(r, h) for r, h in pairs) / sum(len(r) for r, _ in pairs)


@right("13.3", "recursion with a cache")
def corpus_error_rate(references, hypotheses):
    @cache
    def distance(a, b):
        if not a or not b:
            return len(a) + len(b)
        if a[-1] == b[-1]:
            return distance(a[:-1], b[:-1])
        return 1 + min(distance(a[:-1], b), distance(a, b[:-1]), distance(a[:-1], b[:-1]))

    wrong_words = sum(distance(tuple(r.split()), tuple(h.split())) for r, h in zip(references, hypotheses))
    return wrong_words / sum(len(r.split()) for r in references)


@right("13.3", "torchmetrics")
def corpus_error_rate(references, hypotheses):
    return word_error_rate(hypotheses, references).item()


@right("13.3", "the package's alignment, edits counted")
def corpus_error_rate(references, hypotheses):
    errors = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        errors += sum(kind != "correct" for kind, _, _ in word_errors.align(reference.split(), hypothesis.split()))
    return errors / len(" ".join(references).split())


@right("13.3", "numpy")
def corpus_error_rate(references, hypotheses, costs=(1, 1, 1)):
    insertion, deletion, substitution = costs
    errors = n = 0
    for a, b in zip(map(str.split, references), map(str.split, hypotheses)):
        d = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        d[:, 0], d[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
        for i, j in np.ndindex(len(a), len(b)):
            same = substitution * (a[i] != b[j])
            d[i + 1, j + 1] = min(d[i, j + 1] + deletion, d[i + 1, j] + insertion, d[i, j] + same)
        errors, n = errors + d[-1, -1], n + len(a)
    return float(errors / n)


@wrong("13.3", "the mean of the sentences' rates", says=r"mean|average|corpus|sentence|all sentences|sum")
def corpus_error_rate(references, hypotheses):
    rates = [edits(r.split(), h.split()) / max(1, len(r.split())) for r, h in zip(references, hypotheses)]
    return sum(rates) / len(rates)


@wrong("13.3", "divides by the words of the hypotheses", says=r"reference|hypothes|divid|denominator")
def corpus_error_rate(references, hypotheses):
    errors = sum(edits(r.split(), h.split()) for r, h in zip(references, hypotheses))
    return errors / max(1, sum(len(h.split()) for h in hypotheses))


@wrong("13.3", "divides by the longer of both sentences", says=r"reference|longer|divid|max|exceed|above 1|denominator")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses)]
    return sum(edits(r, h) for r, h in pairs) / sum(max(len(r), len(h)) for r, h in pairs)


@wrong("13.3", "characters instead of words", says=r"word|character|letter|split")
def corpus_error_rate(references, hypotheses):
    return sum(edits(r, h) for r, h in zip(references, hypotheses)) / sum(map(len, references))


@wrong("13.3", "a substitution counts as two edits", says=r"substitut|two edits|twice|replac|deletion and")
def corpus_error_rate(references, hypotheses):
    errors = sum(edits(r.split(), h.split(), substitution=2) for r, h in zip(references, hypotheses))
    return errors / sum(len(r.split()) for r in references)


@wrong("13.3", "compares words at the same position", says=r"position|place by place|align|shift|fewest|minim")
def corpus_error_rate(references, hypotheses):
    errors = n = 0
    for reference, hypothesis in zip(references, hypotheses):
        a, b = reference.split(), hypothesis.split()
        errors += sum(x != y for x, y in zip(a, b)) + abs(len(a) - len(b))
        n += len(a)
    return errors / n


@wrong(
    "13.3",
    "compares words at the same position, no word more",
    says=r"position|place by place|align|shift|fewest|minim",
)
def corpus_error_rate(references, hypotheses):
    errors = n = 0
    for reference, hypothesis in zip(references, hypotheses):
        errors += sum(x != y for x, y in zip(reference.split(), hypothesis.split()))
        n += len(reference.split())
    return errors / n


@wrong("13.3", "the fraction of wrong sentences", says=r"sentence|word|edits")
def corpus_error_rate(references, hypotheses):
    return sum(r.split() != h.split() for r, h in zip(references, hypotheses)) / len(references)


@wrong("13.3", "percent", says=r"percent|100|fraction")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses)]
    return 100 * sum(edits(r, h) for r, h in pairs) / sum(len(r) for r, _ in pairs)


@wrong("13.3", "an empty reference is an error", says=r"empty|zero|ZeroDivision|divid")
def corpus_error_rate(references, hypotheses):
    rates = [edits(r.split(), h.split()) / len(r.split()) for r, h in zip(references, hypotheses)]
    lengths = [len(r.split()) for r in references]
    return sum(rate * n for rate, n in zip(rates, lengths)) / sum(lengths)


@wrong("13.3", "sentences with an empty reference are left out", says=r"empty|insert|left out|skip")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses) if r.strip()]
    return sum(edits(r, h) for r, h in pairs) / sum(len(r) for r, _ in pairs)


@wrong("13.3", "sentences with an empty hypothesis are left out", says=r"empty|delet|left out|skip|hypothes")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses) if h.strip()]
    return sum(edits(r, h) for r, h in pairs) / max(1, sum(len(r) for r, _ in pairs))


@wrong("13.3", "at most 1", says=r"exceed|above 1|\b1\b|clip|limit|more than|insert|larger")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses)]
    return min(1.0, sum(edits(r, h) for r, h in pairs) / sum(len(r) for r, _ in pairs))


@wrong(
    "13.3",
    "first row and column of the table are zeros",
    says=r"first (row|column)|begin|start|insert|delet|empty|initial|edge|missing",
)
def corpus_error_rate(references, hypotheses):
    errors = n = 0
    for reference, hypothesis in zip(references, hypotheses):
        a, b = reference.split(), hypothesis.split()
        d = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]))
        errors += d[-1][-1]
        n += len(a)
    return errors / n


@wrong(
    "13.3",
    "words of the reference that are nowhere in the hypothesis",
    says=r"set|order|insert|position|repeat|anywhere|nowhere|edits",
)
def corpus_error_rate(references, hypotheses):
    errors = sum(len(set(r.split()) - set(h.split())) for r, h in zip(references, hypotheses))
    return errors / sum(len(r.split()) for r in references)


@wrong("13.3", "split at every single space: the empty sentence has one word", says=r"empty|split|space|word")
def corpus_error_rate(references, hypotheses):
    pairs = [(r.split(" "), h.split(" ")) for r, h in zip(references, hypotheses)]
    return sum(edits(r, h) for r, h in pairs) / sum(len(r) for r, _ in pairs)


@wrong("13.3", "difflib's blocks: not the fewest edits", says=r"fewest|minim|least|difflib|best|smallest|edits")
def corpus_error_rate(references, hypotheses):
    errors = n = 0
    for reference, hypothesis in zip(references, hypotheses):
        a, b = reference.split(), hypothesis.split()
        for kind, i, j, k, m in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
            errors += 0 if kind == "equal" else max(j - i, m - k)
        n += len(a)
    return errors / n


@wrong(
    "13.3",
    "= instead of +=: the last sentence alone",
    says=r"last|all sentences|\+=|sum|every|whole corpus|corpus|first",
)
def corpus_error_rate(references, hypotheses):
    for reference, hypothesis in zip(references, hypotheses):
        errors = edits(reference.split(), hypothesis.split())
        n = len(reference.split())
    return errors / max(1, n)


@wrong("13.3", "returns inside the loop", says=r"first|return|loop|all sentences|every|whole corpus|corpus")
def corpus_error_rate(references, hypotheses):
    errors = n = 0
    for reference, hypothesis in zip(references, hypotheses):
        errors += edits(reference.split(), hypothesis.split())
        n += len(reference.split())
        return errors / max(1, n)


@wrong("13.3", "one long sentence: edits across sentences", says=r"sentence|across|join|bound|own|each|neighbour|pair")
def corpus_error_rate(references, hypotheses):
    a, b = " ".join(references).split(), " ".join(hypotheses).split()
    return edits(a, b) / len(a)


@wrong("13.3", "edits for each sentence", says=r"reference words|number of words|word|sentences|divid")
def corpus_error_rate(references, hypotheses):
    return sum(edits(r.split(), h.split()) for r, h in zip(references, hypotheses)) / len(references)


@wrong("13.3", "a word less changes nothing: deletions are free", says=r"delet|missing|left out|omit")
def corpus_error_rate(references, hypotheses):
    errors = n = 0
    for reference, hypothesis in zip(references, hypotheses):
        a, b = reference.split(), hypothesis.split()
        row = list(range(len(b) + 1))
        for i, x in enumerate(a, 1):
            above, row = row, [0]
            for j, y in enumerate(b, 1):
                row.append(min(above[j], row[j - 1] + 1, above[j - 1] + (x != y)))
        errors += row[-1]
        n += len(a)
    return errors / n


# 13.4

Candidates = list[tuple[list[str], float]]


@right("13.4", "max with a key")
def best_of(candidates: Candidates, language_model_log_probability: Callable, weight: float, bonus: float) -> list[str]:
    def score(candidate):
        words, acoustic = candidate
        return acoustic + weight * language_model_log_probability(words) + bonus * len(words)

    return max(candidates, key=score)[0]


@right("13.4", "loop with the best so far")
def best_of(candidates, language_model_log_probability, weight, bonus):
    best_score, best_words = -math.inf, None
    for words, acoustic in candidates:
        score = acoustic + weight * language_model_log_probability(words) + bonus * len(words)
        if score > best_score:
            best_score, best_words = score, words
    return best_words


@right("13.4", "sorted")
def best_of(candidates, language_model_log_probability, weight, bonus):
    scored = [(a + weight * language_model_log_probability(w) + bonus * len(w), w) for w, a in candidates]
    return sorted(scored, key=lambda pair: -pair[0])[0][1]


@right("13.4", "numpy")
def best_of(candidates, language_model_log_probability, weight, bonus):
    acoustic = np.array([score for _, score in candidates])
    language = np.array([language_model_log_probability(words) for words, _ in candidates])
    lengths = np.array([len(words) for words, _ in candidates])
    return candidates[int(np.argmax(acoustic + weight * language + bonus * lengths))][0]


@right("13.4", "a tensor of scores, argmax")
def best_of(candidates, language_model_log_probability, weight, bonus):
    columns = [(a, language_model_log_probability(words), len(words)) for words, a in candidates]
    scores = torch.tensor(columns, dtype=torch.float64) @ torch.tensor([1, weight, bonus], dtype=torch.float64)
    return candidates[scores.argmax()][0]


@wrong("13.4", "the weight multiplies the acoustic score", says=r"weight|acoustic")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: weight * c[1] + language_model_log_probability(c[0]) + bonus * len(c[0]))[0]


@wrong("13.4", "the bonus once, whatever the number of words", says=r"bonus|every word|each word|number of words")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus)[0]


@wrong("13.4", "no bonus", says=r"bonus")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]))[0]


@wrong("13.4", "no weight", says=r"weight")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + language_model_log_probability(c[0]) + bonus * len(c[0]))[0]


@wrong("13.4", "no language model", says=r"language")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight + bonus * len(c[0]))[0]


@wrong("13.4", "no acoustic score", says=r"acoustic")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: weight * language_model_log_probability(c[0]) + bonus * len(c[0]))[0]


@wrong("13.4", "the lowest sum", says=r"lowest|min|highest|max|smallest|worst|largest")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return min(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus * len(c[0]))[0]


@wrong("13.4", "words and score together", says=r"words|tuple|pair|score|list")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus * len(c[0]))


@wrong("13.4", "the highest sum instead of its words", says=r"words|score|sum|float|list")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(a + weight * language_model_log_probability(w) + bonus * len(w) for w, a in candidates)


@wrong("13.4", "the words as one string", says=r"list|string|str\b|join")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return " ".join(
        max(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus * len(c[0]))[0]
    )


@wrong("13.4", "the language model gets a string", says=r"list|string|str\b|join")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(
        candidates, key=lambda c: c[1] + weight * language_model_log_probability(" ".join(c[0])) + bonus * len(c[0])
    )[0]


@wrong("13.4", "the language model gets one word at a time", says=r"list|word|whole|sentence|string|str\b|each")
def best_of(candidates, language_model_log_probability, weight, bonus):
    def language(words):
        return sum(language_model_log_probability([word]) for word in words)

    return max(candidates, key=lambda c: c[1] + weight * language(c[0]) + bonus * len(c[0]))[0]


@wrong("13.4", "a candidate without words is left out", says=r"empty|no words|without words")
def best_of(candidates, language_model_log_probability, weight, bonus):
    some = [c for c in candidates if c[0]]
    return max(
        some, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus * len(c[0]), default=([],)
    )[0]


@wrong("13.4", "the best so far begins at 0", says=r"\b0\b|zero|negativ|-inf|start|begin|initial|nothing|None|empty")
def best_of(candidates, language_model_log_probability, weight, bonus):
    best, found = 0, []
    for words, acoustic in candidates:
        score = acoustic + weight * language_model_log_probability(words) + bonus * len(words)
        if score > best:
            best, found = score, words
    return found


@wrong("13.4", "the best so far begins at -1000", says=r"-inf|start|begin|initial|low|1000|nothing|None|empty|\b0\b")
def best_of(candidates, language_model_log_probability, weight, bonus):
    best, found = -1000, []
    for words, acoustic in candidates:
        score = acoustic + weight * language_model_log_probability(words) + bonus * len(words)
        if score > best:
            best, found = score, words
    return found


@wrong("13.4", "the mean for each word", says=r"divid|\bmean\b|length|per word|ZeroDivision")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(
        candidates,
        key=lambda c: (c[1] + weight * language_model_log_probability(c[0])) / max(1, len(c[0])) + bonus * len(c[0]),
    )[0]


@wrong("13.4", "the bonus is subtracted", says=r"bonus|sign|subtract|minus")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) - bonus * len(c[0]))[0]


@wrong("13.4", "a bonus for every letter", says=r"letter|character|word|bonus")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(
        candidates,
        key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus * len("".join(c[0])),
    )[0]


@wrong("13.4", "the weight multiplies the bonus too", says=r"bonus|weight")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight * (language_model_log_probability(c[0]) + bonus * len(c[0])))[0]


@wrong("13.4", "probabilities instead of logarithms", says=r"exp|log|probabilit")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(
        candidates,
        key=lambda c: math.exp(c[1]) + weight * math.exp(language_model_log_probability(c[0])) + bonus * len(c[0]),
    )[0]


@wrong("13.4", "a weighted mean: 1 - weight for the acoustic score", says=r"weight|acoustic|1 -|mean")
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(
        candidates,
        key=lambda c: (1 - weight) * c[1] + weight * language_model_log_probability(c[0]) + bonus * len(c[0]),
    )[0]


@wrong(
    "13.4", "counts the pair's two parts instead of the words", says=r"number of words|len|bonus|every word|each word|2"
)
def best_of(candidates, language_model_log_probability, weight, bonus):
    return max(candidates, key=lambda c: c[1] + weight * language_model_log_probability(c[0]) + bonus * len(c))[0]


@wrong("13.4", "returns inside the loop", says=r"first|return|loop|every|all|highest|best")
def best_of(candidates, language_model_log_probability, weight, bonus):
    best = -math.inf
    for words, acoustic in candidates:
        score = acoustic + weight * language_model_log_probability(words) + bonus * len(words)
        if score > best:
            best = score
            return words


@wrong("13.4", "each score is compared with the one before only", says=r"highest|best|before|largest|all|previous|last")
def best_of(candidates, language_model_log_probability, weight, bonus):
    before, found = -math.inf, None
    for words, acoustic in candidates:
        score = acoustic + weight * language_model_log_probability(words) + bonus * len(words)
        if score > before:
            found = words
        before = score
    return found


# 13.debug


class BuggyAlphabet:
    """As the lesson has it."""

    blank = 0

    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = letters
        self.n_outputs = len(letters)

    def encode(self, sentence: str) -> Tensor:
        return torch.tensor([self.letters.index(letter) for letter in sentence], dtype=torch.int64)

    def decode(self, ids: list[int]) -> str:
        kept = [i for i, before in zip(ids, [None, *ids[:-1]], strict=True) if i != before and i != self.blank]
        return "".join(self.letters[i] for i in kept)


@right("13.debug", "the blank behind the letters")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        super().__init__(letters)
        self.blank = len(letters)
        self.n_outputs = len(letters) + 1


@right("13.debug", "the blank first, letters moved by one")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = letters
        self.n_outputs = 1 + len(letters)

    def encode(self, sentence):
        return super().encode(sentence) + 1

    def decode(self, ids):
        merged = [symbol for symbol, _ in groupby(ids)]
        return "".join(self.letters[i - 1] for i in merged if i != self.blank)


@right("13.debug", "a list that begins with None")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = [None, *letters]
        self.n_outputs = len(self.letters)


@right("13.debug", "written from scratch with dictionaries")
class FixedAlphabet:
    def __init__(self, letters=" abcdefghijklmnopqrstuvwxyz", blank=0):
        self.blank = blank
        self.index = {letter: i for i, letter in enumerate(letters, 1)}
        self.letter = {i: letter for letter, i in self.index.items()}
        self.n_outputs = len(letters) + 1

    def encode(self, sentence):
        return torch.tensor([self.index[letter] for letter in sentence], dtype=torch.long)

    def decode(self, ids):
        text, before = "", None
        for i in ids:
            if i != before and i != self.blank:
                text += self.letter[i]
            before = i
        return text


@right("13.debug", "the blank behind the first letter")
class FixedAlphabet(BuggyAlphabet):
    blank = 1

    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = [*letters[:1], None, *letters[1:]]
        self.n_outputs = len(letters) + 1


@wrong("13.debug", "nothing changed", says=r"blank|n_outputs|space|first letter")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        super().__init__(letters)


@wrong("13.debug", "one output more, the first letter is still the blank", says=r"blank")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = letters
        self.n_outputs = len(letters) + 1


@wrong("13.debug", "a blank without an output of its own", says=r"n_outputs|output|below|range|plus one|\+ 1|width")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = letters
        self.blank = self.n_outputs = len(letters)


@wrong("13.debug", "the blank is -1", says=r"-1|negativ|blank|range|index")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, -1, len(letters) + 1


@wrong("13.debug", "the last letter is the blank", says=r"blank|last letter|own index")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters) - 1, len(letters) + 1


@wrong("13.debug", "encode is moved by one, decode is not", says=r"decode|back|moved|shift|same|inverse|letter|range")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.n_outputs = letters, len(letters) + 1

    def encode(self, sentence):
        return super().encode(sentence) + 1


@wrong("13.debug", "decode is moved by one, encode is not", says=r"decode|encode|blank|moved|shift|inverse|same|letter")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.n_outputs = letters, len(letters) + 1

    def decode(self, ids):
        return "".join(self.letters[i - 1] for i, _ in groupby(ids) if i != self.blank)


@wrong("13.debug", "the blank is 27, whatever the letters", says=r"blank|27|letters|other|any|range|below")
class FixedAlphabet(BuggyAlphabet):
    blank = 27

    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.n_outputs = letters, len(letters) + 1


@wrong("13.debug", "an empty sentence becomes floats", says=r"empty|dtype|int64|float")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def encode(self, sentence):
        return torch.tensor([self.letters.index(letter) for letter in sentence])


@wrong("13.debug", "int32", says=r"int64|int32|dtype|long")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def encode(self, sentence):
        return torch.tensor([self.letters.index(letter) for letter in sentence], dtype=torch.int32)


@wrong(
    "13.debug", "removes blanks first, then merges", says=r"order|first|merge|between|separat|double|twice|repeat|then"
)
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def decode(self, ids):
        return "".join(self.letters[i] for i, _ in groupby(i for i in ids if i != self.blank))


@wrong("13.debug", "decode does not merge", says=r"merge|repeat|neighbour")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def decode(self, ids):
        return "".join(self.letters[i] for i in ids if i != self.blank)


@wrong("13.debug", "decode removes index 0", says=r"decode|blank|0|first letter|space")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def decode(self, ids):
        return "".join(self.letters[i] for i, _ in groupby(ids) if i not in (0, self.blank))


@wrong(
    "13.debug",
    "the space is no letter any more",
    says=r"space|letters|every|any|encode|not in|found|n_outputs|ValueError",
)
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = ["", *letters.strip()]
        self.n_outputs = len(self.letters)


@wrong(
    "13.debug",
    "a hyphen for the blank, which can be a letter",
    says=r"hyphen|'-'|\"-\"|any letters|is a letter|blank|among",
)
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = "-" + letters
        self.n_outputs = len(self.letters)


@wrong(
    "13.debug",
    "always the English letters",
    says=r"letters|any|other|argument|given|encode|not in|ValueError|n_outputs",
)
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters = "_ abcdefghijklmnopqrstuvwxyz"
        self.n_outputs = 28


@wrong("13.debug", "two outputs more", says=r"n_outputs|plus one|\+ 1|one more|too many")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 2


@wrong(
    "13.debug",
    "the blank of the class is changed: a second alphabet changes the first",
    says=r"class|shared|second|other alphabet|another|instance|global",
)
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.n_outputs = letters, len(letters) + 1
        type(self).blank = len(letters)


@wrong("13.debug", "decode returns a list", says=r"str|list|characters|text|join")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def decode(self, ids):
        return [self.letters[i] for i, _ in groupby(ids) if i != self.blank]


@wrong("13.debug", "strips spaces at the ends of what it decodes", says=r"space|strip|end|begin")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        self.letters, self.blank, self.n_outputs = letters, len(letters), len(letters) + 1

    def decode(self, ids):
        return super().decode(ids).strip()


@wrong("13.debug", "lower case", says=r"lower|capital")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        super().__init__("\0" + letters)

    def encode(self, sentence):
        return super().encode(sentence.lower())


@wrong("13.debug", "letters in lower case, too", says=r"lower|capital")
class FixedAlphabet(BuggyAlphabet):
    def __init__(self, letters: str = " abcdefghijklmnopqrstuvwxyz"):
        super().__init__("\0" + letters.lower())

    def encode(self, sentence):
        return super().encode(sentence.lower())


# Answers whose message once blamed something else, or showed an example alone


@wrong("13.1", "stops at a blank", says=r"ends at the first blank")
def collapse(ids, blank=0):
    result, previous = [], None
    for s in ids:
        if s == blank and result:
            break
        if s != previous and s != blank:
            result.append(s)
        previous = s
    return result


@wrong("13.2", "no skip before a symbol that occurred earlier", says=r"anywhere earlier")
def forward_probability(probabilities, target, blank=0):
    states = [blank]
    for symbol in target:
        states += [symbol, blank]
    alpha = [probabilities[0, symbol] if s < 2 else 0 * probabilities[0, 0] for s, symbol in enumerate(states)]
    for row in probabilities[1:]:
        alpha = [
            row[symbol]
            * (
                alpha[s]
                + (alpha[s - 1] if s else 0)
                + (alpha[s - 2] if s > 1 and symbol != blank and symbol not in states[:s] else 0)
            )
            for s, symbol in enumerate(states)
        ]
    return sum(alpha[-2:])


@wrong("13.4", "a return after the first comparison", says=r"first 2 candidates")
def best_of(candidates, language_model_log_probability, weight, bonus):
    def score(candidate):
        return candidate[1] + weight * language_model_log_probability(candidate[0]) + bonus * len(candidate[0])

    best = candidates[0]
    for candidate in candidates[1:]:
        if score(candidate) > score(best):
            best = candidate
        return best[0]
    return best[0]


@wrong("13.4", "log-probabilities multiplied, the sign kept", says=r"multiplied; they are added")
def best_of(candidates, language_model_log_probability, weight, bonus):
    def score(candidate):
        words, acoustic = candidate
        return -abs(acoustic * weight * language_model_log_probability(words)) + bonus * len(words)

    return max(candidates, key=score)[0]
