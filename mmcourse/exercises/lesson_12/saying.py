"""Exercise 12.2: a caption, the likeliest word again and again."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, whole

START, END, V = 2, 3, 9
PATIENCE = 12  # calls of `step` after the last that was needed


class Speaker:
    """What it says next depends on its state, which counts and remembers, and on the word it was given."""

    def __init__(self, rng: torch.Generator, ends: bool, calls: int):
        self.table = torch.randn(50, V, V, generator=rng)
        self.table[:, :, :END] -= 20  # padding, <unk>, <start>
        if not ends:
            self.table[:, :, END] -= 20
        self.left = calls

    def step(self, state, word):
        if not isinstance(state, tuple) or len(state) != 2:
            raise NotRight(f"`step` was given {described(state)} as its state; give it what the last step gave back")
        if isinstance(word, Tensor) and word.numel() != 1:
            raise NotRight(f"`step` was given {described(word)} as its word; expected one word, a whole number")
        self.left -= 1
        if self.left < 0:
            raise NotRight("it goes on and on: stop at `end`, and after `longest` words whatever was said")
        count, memory = state
        word = int(word)
        if not 0 <= word < V:
            raise NotRight(f"`step` was given the word {word}, outside the vocabulary of {V}")
        return self.table[memory % 50, word].clone(), (count + 1, 7 * memory + 3 * word + 1)


def said(speaker: Speaker, state, longest: int, *, with_start=False, with_end=False, keep=False, forget=False, lag=0):
    """The words, or what a mistake makes of them. keep: the first state is used again; forget: <start> is read."""
    words, word = [START] if with_start else [], START
    first, n = state, 0
    while n < longest + lag:
        logits, state = speaker.step(first if keep else state, START if forget else word)
        word = int(logits.argmax())
        if word == END:
            return words + [END] * with_end
        words.append(word)
        n += 1
    return words


MISTAKES = [
    ({"with_end": True}, "<end> is among the words; it says that there are no more"),
    ({"with_start": True}, "<start> is among the words; it was read, and never said"),
    ({"with_start": True, "with_end": True}, "<start> and <end> are among the words; they only frame them"),
    ({"keep": True}, "the first state is used in every step: take the one that `step` gives back"),
    ({"forget": True}, "<start> is read in every step; read the word that was said last"),
    ({"keep": True, "forget": True}, "every step is the first one again: neither the state nor the word goes on"),
    ({"lag": 1}, "one word too many where there is no end: `longest` words at most"),
    ({"lag": -1}, "one word too few where there is no end: `longest` words are allowed"),
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
        seed, longest = whole(rng, 0, 10**6), whole(rng, 3, 7) if number % 2 else 30
        cases.append((seed, longest, number % 2 == 0))
    given = [words_of(run(answer, *case), case[1]) for case in cases]
    expected = [truth(*case) for case in cases]
    if given == expected:
        return "eight captions; those that never end are cut off"
    for options, words in MISTAKES:
        if given == [truth(*case, **options) for case in cases]:
            raise NotRight(words)
    i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if pair[0] != pair[1])
    raise NotRight(f"it said {given[i]}, expected {expected[i]}, for start={START}, end={END}, longest={cases[i][1]}")


def speaker_of(seed: int, ends: bool, calls: int) -> tuple[Speaker, tuple]:
    rng = torch.Generator().manual_seed(seed)
    return Speaker(rng, ends, calls), (0, whole(rng, 0, 10**6))


def truth(seed: int, longest: int, ends: bool, **options) -> list[int]:
    return said(*speaker_of(seed, ends, 100), longest, **options)


def run(answer, seed: int, longest: int, ends: bool):
    speaker, state = speaker_of(seed, ends, longest + PATIENCE)
    return answer(speaker.step, state, START, END, longest)


def words_of(result, longest: int) -> list[int]:
    """Whole numbers in a list."""
    if isinstance(result, Tensor) and result.dim() == 1:
        raise NotRight("it gave a tensor, expected a list of whole numbers: `.tolist()` makes one")
    if not isinstance(result, list | tuple):
        raise NotRight(f"it gave {described(result)}, expected a list of words (whole numbers)")
    if any(isinstance(word, Tensor) for word in result):
        raise NotRight("the words are tensors, expected whole numbers: `int(logits.argmax())`")
    return [int(word) for word in result]
