"""Exercise 12.5: the precision at the heart of BLEU, clipped (Papineni et al. 2002)."""

from collections import Counter

import torch

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, whole

WORDS = ["a", "the", "small", "big", "red", "blue", "fish", "boat", "is", "left", "of", "right", "above", "there"]


def common(said: list[str], reference: list[str]) -> int:
    return (Counter(said) & Counter(reference)).total()


def right(said: str, reference: str) -> float:
    words = said.split()
    return common(words, reference.split()) / len(words) if words else 0.0


def among(said: str, reference: str) -> float:
    words, known = said.split(), set(reference.split())
    return sum(word in known for word in words) / max(len(words), 1)


MISTAKES = [
    (among, "not clipped: 'the the the' gets full marks. A word counts as often as the reference has it, at most"),
    (
        lambda s, r: common(s.split(), r.split()) / max(len(r.split()), 1),
        "divided by the length of the reference: that is recall. Precision asks how much of what was said is right",
    ),
    (
        lambda s, r: len(set(s.split()) & set(r.split())) / max(len(s.split()), 1),
        "each word counts once; a word that stands twice in both counts twice",
    ),
    (
        lambda s, r: len(set(s.split()) & set(r.split())) / max(len(set(s.split())), 1),
        "different words are counted, and not words: said twice is said twice",
    ),
    (
        lambda s, r: sum(a == b for a, b in zip(s.split(), r.split(), strict=False)) / max(len(s.split()), 1),
        "words are compared place by place; here order does not matter",
    ),
    (
        lambda s, r: (Counter(s) & Counter(r)).total() / max(len(s), 1),
        "letters are counted: `.split()` makes words of a sentence",
    ),
    (lambda s, r: float(common(s.split(), r.split())), "a number of words; divide it by how many were said"),
    (
        lambda s, r: sum(min(s.split().count(w), r.split().count(w)) for w in s.split()) / max(len(s.split()), 1),
        "a word that was said twice is counted twice over: go through the different words",
    ),
]


@exercise(
    "12.5",
    title="precision, clipped",
    dots=2,
    minutes=10,
    hints=(
        "`Counter(words)` of the module `collections` says how often each word stands there.",
        "For each different word of `said`: the smaller of the two counts. Their sum, divided by the words said.",
        "Nothing said? Then nothing is right: 0.",
    ),
)
def precision(answer, rng):
    cases = [drawn(rng) for _ in range(8)] + [("the the the the", "the fish is left of the boat")]
    given = [number(answer(*case), case) for case in cases]
    expected = [right(*case) for case in cases]
    if not alike(given, expected):
        for mistaken, words in MISTAKES:
            if alike(given, [mistaken(*case) for case in cases]):
                raise NotRight(words)
        if alike(given, [100 * value for value in expected]):
            raise NotRight("in per cent; a share between 0 and 1 is asked for")
        i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if not alike(*([x] for x in pair)))
        raise NotRight(f"`{cases[i][0]}` beside `{cases[i][1]}` gave {given[i]:.3f}, expected {expected[i]:.3f}")
    if number(answer("", "a fish"), ("", "a fish")) != 0:
        raise NotRight("nothing said is nothing right: 0")
    return "nine pairs of sentences; 'the the the the' gets one half, and silence nothing"


def drawn(rng: torch.Generator) -> tuple[str, str]:
    """Two sentences of few words, so that some stand more often than once."""
    some = [WORDS[i] for i in torch.randperm(len(WORDS), generator=rng)[:5]]
    pair = []
    for _ in range(2):
        chosen = torch.randint(len(some), (whole(rng, 5, 10),), generator=rng)
        pair.append(" ".join(some[i] for i in chosen))
    return tuple(pair)


def number(value, case) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise NotRight(f"for {case[0]!r} it gave {described(value)}, expected a number from 0 to 1") from None


def alike(given: list[float], expected: list[float]) -> bool:
    return all(abs(a - b) < 1e-6 for a, b in zip(given, expected, strict=True))
