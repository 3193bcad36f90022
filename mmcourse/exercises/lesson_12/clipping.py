"""Exercise 12.5: the clipped precision of single words, as in BLEU (Papineni et al. 2002)."""

import math
from collections import Counter

import torch

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, whole

WORDS = ["a", "the", "small", "big", "red", "blue", "fish", "boat", "is", "left", "of", "right", "above", "there"]


def common(generated: list[str], reference: list[str]) -> int:
    return (Counter(generated) & Counter(reference)).total()


def fraction(count, below):
    """A mistake that computes `count` of both lists of words, divided by `below` of them."""

    def given(generated: str, reference: str) -> float:
        words, known = generated.split(), reference.split()
        return count(words, known) / max(below(words, known), 1)

    return given


def spoken(generated: list[str], reference: list[str]) -> int:
    return len(generated)


def right(generated: str, reference: str) -> float:
    words = generated.split()
    return common(words, reference.split()) / len(words) if words else 0.0


def brevity(generated: list[str], reference: list[str]) -> float:
    """BLEU's penalty for captions shorter than the reference."""
    return min(1.0, math.exp(1 - len(reference) / max(len(generated), 1)))


def while_removing(generated: list[str], reference: list[str]) -> int:
    """Common words, counted while they are removed from both lists."""
    words, left, count = list(generated), list(reference), 0
    for word in words:
        if word in left:
            count += 1
            left.remove(word)
            words.remove(word)
    return count


def ngram_precision(generated: list[str], reference: list[str], n: int) -> float:
    """The clipped precision of sequences of n words."""
    said, known = ([tuple(words[i : i + n]) for i in range(len(words) - n + 1)] for words in (generated, reference))
    return common(said, known) / max(len(said), 1)


def clipped_once(generated: list[str], reference: list[str]) -> int:
    """Known words, minus one for each that was generated too often."""
    known = [word for word in generated if word in reference]
    return len(known) - sum(known.count(word) > reference.count(word) for word in set(known))


MISTAKES = [
    (
        fraction(lambda s, r: sum(word in r for word in s), spoken),
        "not clipped: 'the the the' gets 1. A word counts at most as often as it occurs in the reference",
    ),
    (
        fraction(common, lambda s, r: len(r)),
        "divided by the length of the reference: that is recall. Precision divides by the generated words",
    ),
    (
        fraction(lambda s, r: len(set(s) & set(r)), spoken),
        "each word counts once; a word that occurs twice in both counts twice",
    ),
    (
        fraction(lambda s, r: len(set(s) & set(r)), lambda s, r: len(set(s))),
        "different words are counted: a word that was generated twice counts twice",
    ),
    (
        fraction(lambda s, r: sum(a == b for a, b in zip(s, r, strict=False)), spoken),
        "words are compared position by position; the order does not matter here",
    ),
    (
        lambda s, r: sum(min(n, r.count(w)) for w, n in Counter(s.split()).items()) / max(len(s.split()), 1),
        "the reference is searched as one text, so 'a' is found in 'small': split it into words",
    ),
    (
        lambda s, r: sum(min(s.count(w), r.count(w)) for w in set(s.split())) / max(len(s.split()), 1),
        "both sentences are searched as texts, so 'a' is found in 'small': split them into words",
    ),
    (
        lambda s, r: sum(min(s.count(w), r.split().count(w)) for w in set(s.split())) / max(len(s.split()), 1),
        "`generated` is searched as one text, so 'a' is found in 'small': split it into words",
    ),
    (
        lambda s, r: sum(w in r for w in s.split()) / max(len(s.split()), 1),
        "not clipped, and 'a' is found in 'small': split the reference, and count its words",
    ),
    (
        fraction(lambda s, r: (Counter(s) - Counter(r)).total(), spoken),
        "the fraction of words that the reference lacks: `-` subtracts counts, `&` keeps the smaller one",
    ),
    (
        fraction(lambda s, r: sum(max(n, Counter(r)[w]) for w, n in Counter(s).items()), spoken),
        "the larger of two counts is taken; clipping takes the smaller one: `min`",
    ),
    (
        fraction(lambda s, r: sum(max(n, r.count(w)) for w, n in Counter(s).items() if w in r), spoken),
        "the larger of two counts is taken; clipping takes the smaller one: `min`",
    ),
    (
        lambda s, r: float(right(s, r) == 1),
        "integer division, `//`, leaves 0 or 1; `/` gives the fraction",
    ),
    (
        fraction(lambda s, r: int(s[:1] != [] and s[0] in r), spoken),
        "only the first word is counted: is a `return` inside the loop?",
    ),
    (
        fraction(while_removing, spoken),
        "words are skipped: the loop removes words from the list that it runs over. Run over a copy",
    ),
    (
        lambda s, r: right(s, r) * brevity(s.split(), r.split()),
        "BLEU's brevity penalty is included; precision alone is asked for",
    ),
    (
        fraction(clipped_once, spoken),
        "a word that was generated too often loses one count; it counts at most as often as in the reference",
    ),
    (
        fraction(lambda s, r: 2 * common(s, r), lambda s, r: len(s) + len(r)),
        "that is F1, which combines precision and recall; divide by the number of generated words alone",
    ),
    (
        fraction(common, lambda s, r: max(len(s), len(r))),
        "divided by the length of the longer sentence; divide by the number of generated words",
    ),
    (
        fraction(common, lambda s, r: len(set(s))),
        "divided by the number of different words; 'the the' is two words",
    ),
    (
        fraction(common, lambda s, r: (Counter(s) | Counter(r)).total()),
        "divided by the words of both sentences together; divide by the number of generated words",
    ),
    (
        lambda s, r: (Counter(s) & Counter(r)).total() / max(len(s), 1),
        "letters are counted: `.split()` splits a sentence into words",
    ),
    (
        lambda s, r: (Counter(s.split()) & Counter(r)).total() / max(len(s.split()), 1),
        "`Counter` counts the letters of the reference: `reference.split()` gives its words",
    ),
    (
        lambda s, r: (Counter(s) & Counter(r.split())).total() / max(len(s), 1),
        "`Counter` counts the letters of `generated`: `generated.split()` gives its words",
    ),
    (
        fraction(lambda s, r: (Counter(s) | Counter(r)).total(), spoken),
        "`|` keeps the larger of two counts; clipping takes the smaller one: `&`",
    ),
    (fraction(spoken, spoken), "every generated word is counted; only those in the reference count"),
    (fraction(lambda s, r: len(r), spoken), "every word of the reference is counted; only those generated count"),
    (fraction(common, lambda s, r: 1), "this is a number of words; divide it by the number of generated words"),
    (
        fraction(lambda s, r: sum(min(s.count(w), r.count(w)) for w in s), spoken),
        "a word that was generated twice is counted twice over: loop over the different words",
    ),
    (
        fraction(common, lambda s, r: len(s) - common(s, r)),
        "divided by the generated words that are left after the matches were removed; divide by all generated words",
    ),
    *(
        (
            lambda s, r, n=n: ngram_precision(s.split(), r.split(), n),
            f"sequences of {n} words are counted; single words are asked for",
        )
        for n in (2, 3)
    ),
    *(
        (
            fraction(count, spoken),
            "the larger of two counts is taken; clipping takes the smaller one: `min`",
        )
        for count in (
            lambda s, r: sum(max(s.count(w), r.count(w)) for w in set(s) if w in r),
            lambda s, r: sum(max(s.count(w), r.count(w)) for w in set(s)),
        )
    ),
    (
        fraction(lambda s, r: sum(r.count(w) for w in set(s)), spoken),
        "a word counts as often as it occurs in the reference, even if it was generated less often: `min` of both",
    ),
    (
        fraction(lambda s, r: sum(s.count(w) for w in set(r)), spoken),
        "not clipped: a word counts at most as often as it occurs in the reference",
    ),
    *(
        (
            fraction(count, spoken),
            "it ends at the first word that does not count: is a `return` or `break` in the loop?",
        )
        for count in (
            lambda s, r: next((i for i in range(len(s)) if common(s[: i + 1], r) <= i), len(s)),
            lambda s, r: next((i for i, word in enumerate(s) if word not in r), len(s)),
        )
    ),
    *(
        (
            fraction(common, below),
            "divided by the words of both sentences; divide by the number of generated words",
        )
        for below in (lambda s, r: len(s) + len(r), lambda s, r: len(set(s) | set(r)))
    ),
    (
        fraction(common, lambda s, r: min(len(s), len(r))),
        "divided by the shorter sentence's length; divide by the generated words",
    ),
    (
        fraction(common, lambda s, r: len(set(r))),
        "divided by the reference's different words; divide by the generated words",
    ),
]
ALWAYS = [
    ("the the the the", "the fish is left of the boat"),
    ("a a a", "small cat"),
    ("a small cat", "a cat is a cat"),
    ("there is a red fish", "a red fish"),
]


@exercise(
    "12.5",
    title="clipped precision",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "`Counter(words)` of the module `collections` counts how often each word occurs.",
        "For each different word of `generated`: the smaller of its two counts. Divide the sum by the generated words.",
        "An empty caption has a precision of 0.",
    ),
)
def precision(answer, rng):
    cases = [drawn(rng) for _ in range(8)] + ALWAYS
    given = [number(answer(*case), case) for case in cases]
    expected = [right(*case) for case in cases]
    if not alike(given, expected):
        more = [drawn(rng) for _ in range(16)]  # which tell apart mistakes that are near each other
        cases, expected = cases + more, expected + [right(*case) for case in more]
        given += [number(answer(*case), case) for case in more]
        for mistaken, words in MISTAKES:
            if alike(given, [mistaken(*case) for case in cases]):
                raise Mistake(words)
        limited = [words for mistaken, words in MISTAKES if alike(given, [min(mistaken(*case), 1.0) for case in cases])]
        if len(set(limited)) == 1:
            raise Mistake(limited[0])
        if alike(given, [100 * value for value in expected]):
            raise Mistake("a percentage; a fraction between 0 and 1 is expected")
        i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if not alike(*([x] for x in pair)))
        raise Mistake(f"{where(*cases[i])} it returned {given[i]:.3f}, expected {expected[i]:.3f}")
    judge_spaces(answer)
    judge_silence(answer)
    return "twelve pairs of sentences; 'the the the the' gets one half, and an empty caption 0"


def judge_spaces(answer) -> None:
    """Several spaces between two words, or around a caption, make no word."""
    case = (" a  red fish", "a red  boat ")
    given, expected = number(answer(*case), case), right(*case)
    if not alike([given], [expected]):
        raise Mistake(
            f"{where(*case)} it returned {given:.3f}, expected {expected:.3f}: words are what `split()` gives, without "
            "an argument; with one, two spaces have an empty word between them"
        )


def judge_silence(answer) -> None:
    """An empty caption, and one of spaces alone, gets 0."""
    for caption in ("", "  "):
        try:
            value = number(answer(caption, "a fish"), (caption, "a fish"))
        except Mistake as problem:
            raise Mistake(f"an empty caption stops it; its precision is 0: {problem}") from None
        if value != 0:
            raise Mistake(f"for the empty caption {caption!r} it returned {value:g}; its precision is 0")


def drawn(rng: torch.Generator) -> tuple[str, str]:
    """Two sentences of few different words, so that some occur more than once."""
    some = [WORDS[i] for i in torch.randperm(len(WORDS), generator=rng)[:5]]
    pair = []
    for _ in range(2):
        chosen = torch.randint(len(some), (whole(rng, 5, 10),), generator=rng)
        pair.append(" ".join(some[i] for i in chosen))
    return tuple(pair)


def number(value, case) -> float:
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"{where(*case)} it returned {described(value)}, expected a number from 0 to 1") from None


def where(generated: str, reference: str) -> str:
    return f"for {generated=} and {reference=}"


def alike(given: list[float], expected: list[float]) -> bool:
    return all(abs(a - b) < 1e-3 for a, b in zip(given, expected, strict=True))
