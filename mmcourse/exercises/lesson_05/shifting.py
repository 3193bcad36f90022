"""Exercise 05.1: inputs and targets for next-token prediction."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, named_mistake, whole
from mmcourse.exercises.properties import expect_same_again

Pair = tuple[list[int], list[int]]


def shifted(sentence: list[int], start: int, end: int) -> Pair:
    """What `next_token_pair` should give."""
    return [start, *sentence], [*sentence, end]


def successors(text: list[int]) -> list[int]:
    """What follows each token at its first occurrence, the last token left out."""
    return [text[text.index(token) + 1] if text.index(token) + 1 < len(text) else 0 for token in text[:-1]]


MISTAKES = [
    (lambda s, a, b: (s, [*s, b]), "the inputs lack the start token: from what is the first word predicted?"),
    (lambda s, a, b: ([a, *s], s), "the targets lack the end token, so the model never learns when to stop"),
    (lambda s, a, b: ([a, *s[:-1]], s), "the end token is missing: it is the target of the last word"),
    (lambda s, a, b: (s, s), "inputs and targets are the same: the model would learn to copy its input"),
    (lambda s, a, b: ([a, *s], [a, *s]), "inputs and targets are the same: the model would learn to copy its input"),
    (
        lambda s, a, b: ([a, *s, b], [a, *s, b]),
        "inputs and targets are the same: the model would learn to copy its input",
    ),
    (lambda s, a, b: ([*s, b], [a, *s]), "they are swapped: the inputs begin with the start token"),
    (
        lambda s, a, b: ([*s, b], [*s[1:], b, b]),
        "the inputs lack the start token, and the end token is among them: nothing follows it",
    ),
    (lambda s, a, b: ([a, *s, b], [*s, b]), "the end token is among the inputs too, and no target belongs to it"),
    (lambda s, a, b: ([a, *s], [a, *s, b]), "the targets begin with the start token; they begin with the first word"),
    (lambda s, a, b: ([a, *s, b], [*s, b, 0]), "the end token is among the inputs too, and padding is its target"),
    (lambda s, a, b: (s[:-1], s[1:]), "start and end are missing: the words alone are shifted"),
    (lambda s, a, b: ([b, *s], [*s, a]), "start and end are swapped"),
    (lambda s, a, b: ([*s, b], [a, *s][::-1]), "the targets are in reverse order"),
    (
        lambda s, a, b: ([a, *s], [*s[1:], b]),
        "the targets begin with the second word; the start token predicts the first",
    ),
    (lambda s, a, b: ([*s], [*s[1:], b]), "the inputs lack the start token: from what is the first word predicted?"),
    (lambda s, a, b: ([a, *s], [b, *s]), "the targets are not shifted: the end token is the last of them"),
    (
        lambda s, a, b: ([a, *s], [*s[1:], b, b]),
        "the targets are shifted by two positions; the target is the next token, one position on",
    ),
    (
        lambda s, a, b: ([a, *s], successors([a, *s, b])),
        "a repeated token gets the successor of its first occurrence, which `index` finds: go by positions",
    ),
    (
        lambda s, a, b: ([a, *s[:-1]], [*s[:-1], b]),
        "the last word is missing from inputs and targets: it is a target too, and the input that predicts the end",
    ),
    (
        lambda s, a, b: ([a, *s[1:]], [*s[1:], b]),
        "the first word is missing from inputs and targets",
    ),
    (lambda s, a, b: ([*s, b], [*s[1:], b, 0]), "the inputs lack the start token, and padding is the last target"),
    (lambda s, a, b: ([a, *s], [*s, a]), "the last target is the start token; it is `end`"),
    (lambda s, a, b: ([b, *s], [*s, b]), "the inputs begin with `end`; they begin with `start`"),
    (lambda s, a, b: ([a, *s[:-1]], [*s[1:], b]), "the inputs lack the last word, and the targets the first"),
    (lambda s, a, b: ([a, *s], [*s[1:], b, 0]), "the targets begin with the second word, and end with padding"),
    (lambda s, a, b: (shifted(s, a, b)[1], shifted(s, a, b)[0]), "inputs and targets are swapped"),
    (lambda s, a, b: ([a, *s, b], [*s, b, b]), "the end token is among the inputs too; nothing follows it"),
    (lambda s, a, b: shifted(sorted(s), a, b), "the words are sorted; they keep their order"),
    (lambda s, a, b: shifted(s[:1], a, b), "only the first word is there"),
    (lambda s, a, b: ([2, *s], [*s, b]), "2 is written down; use `start`"),
    (lambda s, a, b: ([a, *s], [*s, 3]), "3 is written down; use `end`"),
    (lambda s, a, b: shifted(s[::-1], a, b), "the sentence is in reverse order"),
    (
        lambda s, a, b: ([a, *s], [*s, s[-1]]),
        "the last target repeats the last word; after the last word the end token is predicted",
    ),
    (
        lambda s, a, b: shifted(list(dict.fromkeys(s)), a, b),
        "a repeated token is there once; each position of the sentence has its own",
    ),
    (lambda s, a, b: ([2, *s], [*s, 3]), "2 and 3 are written down; use `start` and `end`"),
]


@exercise(
    "05.1",
    title="the next token",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Write both lists for the sentence [7, 8], with start 2 and end 3. How long is each?",
        "Each position of the inputs has the token that follows it as its target.",
        "Inputs: start, then the sentence. Targets: the sentence, then end.",
    ),
)
def next_token_pair(answer, rng):
    def draw(length: int) -> list[int]:
        return torch.randint(20, 99, (length,), generator=rng).tolist()

    cases = [(draw(whole(rng, 4, 6)), 2, 3), (draw(3), 11, 5), (draw(1), 7, 8), (2 * draw(4) + [33, 33], 2, 4)]
    given = []
    expect_same_again(answer, cases[0])
    for case in cases:
        where = f"`next_token_pair({case[0]}, {case[1]}, {case[2]})`"
        result = answer(*case)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Mistake(f"{where} returned {described(result)}, expected two lists: `return inputs, targets`")
        given.append(tuple(plain(part, where, name) for part, name in zip(result, ("inputs", "targets"), strict=True)))
    for case, pair in zip(cases, given, strict=True):
        if pair != shifted(*case):
            words = named_mistake(cases, given, MISTAKES)
            if words is None and len(pair[0]) != len(pair[1]):
                words = f"{len(pair[0])} inputs and {len(pair[1])} targets; each position has one of each"
            raise Mistake(
                f"for {case[0]} with start {case[1]} and end {case[2]} it returned {pair[0]} and {pair[1]}, expected "
                f"{shifted(*case)[0]} and {shifted(*case)[1]}" + (f": {words}" if words else "")
            )
    return "four sentences, one of a single word, with other start and end tokens"


def plain(part, where: str, name: str) -> list[int]:
    """One of the two results as a list."""
    if isinstance(part, Tensor):
        part = part.tolist()
    if isinstance(part, tuple):
        part = list(part)
    if not isinstance(part, list) or not all(type(token) is int for token in part):
        raise Mistake(f"{where}: {name} is {described(part)}, expected a list of whole numbers")
    return part
