"""Exercise 12.2: a caption, the likeliest word again and again."""

import numbers

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, whole

START, END, V = 2, 3, 9  # the marks as the book numbers them; those of a case are drawn
PATIENCE = 12  # words read after the last that was needed


class Speaker:
    """What it says next depends on its state, which counts and remembers, and on the word it was given."""

    def __init__(self, rng: torch.Generator, start: int, end: int, longest: int, ends: bool):
        self.table = torch.randn(50, V, V, generator=rng)
        self.table[:, :, [start] if ends else [start, end]] -= 20
        self.longest, self.calls = longest, 0

    def step(self, state, word):
        if not isinstance(state, tuple) or len(state) != 2:
            raise NotRight(f"`step` was given {described(state)} as its state; give it what the last step gave back")
        if isinstance(word, Tensor) and word.numel() != 1:
            raise NotRight(f"`step` was given {described(word)} as its word; expected one word, a whole number")
        count, memory = state
        self.calls += 1
        if count > self.longest + PATIENCE:
            raise NotRight("it goes on and on: stop at `end`, and after `longest` words whatever was said")
        if self.calls > self.longest * (self.longest + 1) + 2 * PATIENCE:  # each word read again, and twice
            raise NotRight(f"`step` is called too often, {self.calls} times for {self.longest} words at most")
        word = int(word)
        if not 0 <= word < V:
            raise NotRight(f"`step` was given the word {word}, outside the vocabulary of {V}")
        return self.table[memory % 50, word].clone(), (count + 1, 7 * memory + 3 * word + 1)


def said(
    speaker: Speaker,
    state,
    start: int,
    end: int,
    longest: int,
    *,
    before=False,
    after="",
    keep=False,
    forget=False,
    lag=0,
    on="",
    pick=torch.argmax,
) -> list[int]:
    """The words, or what a mistake makes of them.

    before, after: <start> is among them, and <end>, where it was 'said' or 'always'. keep: the first state is used
    again. forget: <start> is read. lag: words too many. on: after <end> it goes on, which is 'kept' or 'left out'.
    """
    words, word = [start] if before else [], start
    first = state
    for _ in range(longest + lag):
        logits, state = speaker.step(first if keep else state, start if forget else word)
        word = int(pick(logits))
        if word == end and not on:
            return words + [end] * bool(after)
        if word != end or on == "kept":
            words.append(word)
    return words + [end] * (after == "always")


MISTAKES = [
    ({"after": "said"}, "<end> is among the words; it says that there are no more"),
    ({"after": "always"}, "<end> is added to the words, also where it was never said; it is no word of the caption"),
    ({"before": True}, "<start> is among the words; it was read, and never said"),
    ({"before": True, "after": "said"}, "<start> and <end> are among the words; they only frame them"),
    ({"before": True, "after": "always"}, "<start>, the words and <end> are given; the words alone are asked for"),
    ({"before": True, "lag": -1}, "<start> is given and counted as one of `longest` words; it was never said"),
    ({"keep": True}, "the first state is used in every step: take the one that `step` gives back"),
    ({"forget": True}, "<start> is read in every step; read the word that was said last"),
    ({"keep": True, "forget": True}, "every step is the first one again: neither the state nor the word goes on"),
    ({"lag": 1}, "one word too many where there is no end: `longest` words at most"),
    ({"lag": -1}, "one word too few where there is no end: `longest` words are allowed"),
    ({"on": "kept"}, "it does not stop at `end`: whatever comes after it is no part of the caption"),
    ({"on": "left out"}, "it leaves `end` out and talks on; after `end` nothing is said"),
    ({"pick": torch.argmin}, "the unlikeliest word is said each time: `argmax`"),
    ({"end": 0}, "it stops at 0; stop at `end`, which may be any number"),
    ({"end": END}, f"it stops at {END}, the book's <end>; the argument `end` may be another number"),
    ({"start": START}, f"it begins with {START}, the book's <start>; the argument `start` may be another number"),
    ({"start": START, "end": END}, "the book's <start> and <end> are used; the arguments may be other numbers"),
]


@exercise(
    "12.2",
    title="say it",
    dots=2,
    minutes=10,
    hints=(
        "Before the loop: `word = start`, and an empty list. In the loop: `logits, state = step(state, word)`.",
        "`int(logits.argmax())` is the next word. Is it `end`? Then stop, without keeping it.",
        "`for _ in range(longest)` cannot go on forever.",
    ),
)
def say(answer, rng):
    cases = []
    for number in range(8):
        start, end = torch.randperm(V, generator=rng)[:2].tolist()
        longest = whole(rng, 3, 7) if number % 2 else 30
        cases.append((whole(rng, 0, 10**6), start, end, longest, number % 2 == 0))
    given = [words_of(run(answer, *case)) for case in cases]
    expected = [truth(case) for case in cases]
    if given == expected:
        return "eight captions; those that never end are cut off"
    for options, words in MISTAKES:
        if given == [truth(case, **options) for case in cases]:
            raise NotRight(words)
    i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if pair[0] != pair[1])
    _, start, end, longest, _ = cases[i]
    raise NotRight(f"for start={start}, end={end}, longest={longest} it said {given[i]}, expected {expected[i]}")


def speaker_of(seed: int, *case) -> tuple[Speaker, tuple]:
    rng = torch.Generator().manual_seed(seed)
    return Speaker(rng, *case), (0, whole(rng, 0, 10**6))


def truth(case: tuple, **options) -> list[int]:
    """What is said in a case, or what a mistake makes of it: options of `said`."""
    speaker, state = speaker_of(*case)
    _, start, end, longest, _ = case
    return said(speaker, state, **({"start": start, "end": end, "longest": longest} | options))


def run(answer, seed: int, start: int, end: int, longest: int, ends: bool):
    speaker, state = speaker_of(seed, start, end, longest, ends)
    return answer(speaker.step, state, start, end, longest)


def words_of(result) -> list[int]:
    """Whole numbers in a list."""
    if isinstance(result, Tensor) and result.dim() == 1:
        raise NotRight("it gave a tensor, expected a list of whole numbers: `.tolist()` makes one")
    if not isinstance(result, list | tuple):
        raise NotRight(f"it gave {described(result)}, expected a list of words (whole numbers)")
    if isinstance(result, tuple) and result and isinstance(result[0], list | tuple):
        raise NotRight("it gave the words and something besides: return the words alone")
    if any(isinstance(word, Tensor) for word in result):
        raise NotRight("the words are tensors, expected whole numbers: `int(logits.argmax())`")
    if other := [word for word in result if not isinstance(word, numbers.Integral)]:
        raise NotRight(f"among the words is {described(other[0])}, expected whole numbers: `int(logits.argmax())`")
    return [int(word) for word in result]
