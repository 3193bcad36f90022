"""Exercise 12.2: greedy decoding."""

import numbers

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, explained, whole
from mmcourse.exercises.properties import expect_same_again

START, END, V = 2, 3, 9  # the tokens of the book; those of a case are drawn
PATIENCE = 120  # steps allowed after the last that was needed, more than any fixed number of words


class Speaker:
    """A model whose logits depend on its state, which counts and remembers, and on the input word.

    Where sentences end the state is a pair, as an LSTM's; where they do not, one tensor, as a GRU's.
    """

    def __init__(self, rng: torch.Generator, start: int, end: int, longest: int, ends: bool):
        self.table = torch.randn(50, V, V, generator=rng)
        self.table[:, :, [start] if ends else [start, end]] -= 20
        self.longest, self.paired, self.calls = longest, ends, 0

    def state(self, count: int, memory: int):
        """A state as `step` takes and returns it."""
        return (count, memory) if self.paired else torch.tensor([[count, memory]])

    def step(self, state, word):
        if not (isinstance(state, tuple) and len(state) == 2 if self.paired else one_tensor(state)):
            raise Mistake(f"`step` got {described(state)} as its state; pass the state that the last step returned")
        if isinstance(word, Tensor) and word.numel() != 1:
            raise Mistake(f"`step` got {described(word)} as its word; expected one word, an integer")
        count, memory = state if self.paired else state[0].tolist()
        self.calls += 1
        if count > self.longest + PATIENCE:
            raise Mistake(
                f"it never stops: where `longest` is {self.longest}, `step` is called for word {count}. Stop at `end`, "
                "and after `longest` words in any case"
            )
        if self.calls > self.longest * (self.longest + 1) + 2 * PATIENCE:  # each word read again, and twice
            raise Mistake(f"`step` is called too often, {self.calls} times for at most {self.longest} words")
        word = int(word)
        if not 0 <= word < V:
            raise Mistake(f"`step` got the word {word}, outside the vocabulary of {V}")
        return self.table[memory % 50, word].clone(), self.state(count + 1, (7 * memory + 3 * word + 1) % 10**9)


def one_tensor(state) -> bool:
    """Whether this is the state of a model whose state is one tensor."""
    return isinstance(state, Tensor) and state.shape == (1, 2)


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
    once=False,
    repeats=True,
    anew=True,
) -> list[int]:
    """The caption, or what a mistake makes of it.

    before, after: it includes <start>, or <end> where that was 'said' or 'always'. keep: the first state is used in
    every step. forget: so is <start>. lag: words too many. on: it continues after <end>, which is 'kept' or 'left out'.
    once: no word comes twice. repeats: False where it stops at a repeated word. anew: False where it stops at a word
    that was there before.
    """
    words, word = [start] if before else [], start
    first = state
    for _ in range(longest + lag):
        logits, state = speaker.step(first if keep else state, start if forget else word)
        if once:
            logits[words] = -torch.inf
        before, word = word, int(pick(logits))
        if (word == end and not on) or (word == before and not repeats) or (word in words and not anew):
            return words + [end] * bool(after)
        if word != end or on == "kept":
            words.append(word)
    return words + [end] * (after == "always")


MISTAKES = [
    ({"after": "said"}, "<end> is among the words; it only marks the end of the caption"),
    ({"after": "always"}, "<end> is appended, also where it was never predicted; it is not a word of the caption"),
    ({"before": True}, "<start> is among the words; it is an input and never predicted"),
    (
        {"before": True, "after": "said"},
        "<start> and <end> are among the words; they only mark where the caption begins and ends",
    ),
    ({"before": True, "after": "always"}, "<start>, the words and <end> are returned; return the words alone"),
    ({"before": True, "lag": -1}, "<start> is returned and counted as one of `longest` words; it is never predicted"),
    ({"keep": True}, "the first state is used in every step: use the one that `step` returns"),
    ({"forget": True}, "<start> is the input of every step; use the last predicted word"),
    ({"keep": True, "forget": True}, "every step repeats the first one: neither the state nor the word is updated"),
    ({"lag": 1}, "one word too many where `end` is not predicted: `longest` words at most"),
    ({"lag": -1}, "one word too few where `end` is not predicted: `longest` words are allowed"),
    ({"on": "kept"}, "it does not stop at `end`: what follows is not part of the caption"),
    ({"on": "left out"}, "it omits `end` and continues; the caption ends there"),
    ({"longest": 1}, "only the first word is there: is a `return` inside the loop?"),
    ({"once": True}, "no word comes twice; a caption may repeat a word, such as 'a'"),
    ({"repeats": False}, "it stops where a word is repeated; it stops at `end`, and after `longest` words"),
    ({"anew": False}, "it stops at a word that was there before; it stops at `end`, and after `longest` words"),
    *(
        (
            {"pick": lambda logits, to=to: to(float(logits.max()))},
            "the largest logit itself is taken as the word; the word is its index: `argmax`",
        )
        for to in (int, round)
    ),
    ({"pick": lambda logits: logits.topk(2).indices[1]}, "the second most probable word is taken each time: `argmax`"),
    ({"pick": torch.argmin}, "the least probable word is taken each time: use `argmax`"),
    ({"end": 0}, "it stops at 0; stop at `end`, which may be any index"),
    ({"end": END}, f"it stops at {END}, the book's <end>; the argument `end` may be another index"),
    ({"start": START}, f"it begins with {START}, the book's <start>; the argument `start` may be another index"),
    ({"start": START, "end": END}, "the book's <start> and <end> are used; the arguments may be other indices"),
    *(({"end": n}, f"it stops at {n}, whatever the argument `end` is") for n in range(V) if n not in (0, END)),
]
CUT = [
    (lambda words: words[1:], "the first word is missing: is it passed on without being added?"),
    (lambda words: words[:-1], "the last word is missing: does it end before that word is added?"),
    (lambda words: words[::-1], "the words are in reverse order"),
    (lambda words: words[-1:], "only the last word is there: is the list overwritten?"),
]
CAUSES = {
    "to unpack": "`state` is whatever `step` returned, for a GRU a single tensor: pass it on as it is",
    "'tuple' object has no attribute": "`step` returns the logits first: `logits, state = step(state, word)`",
    "must be Tensor, not tuple": "`step` returns the logits first: `logits, state = step(state, word)`",
}


@exercise(
    "12.2",
    title="greedy decoding",
    dots=2,
    minutes=10,
    hints=(
        "Before the loop: `word = start`, and an empty list. In the loop: `logits, state = step(state, word)`.",
        "`int(logits.argmax())` is the next word. If it is `end`, stop without appending it.",
        "`for _ in range(longest)` always terminates.",
    ),
)
def say(answer, rng):
    cases = []
    for number in range(8):
        start, end = torch.randperm(V, generator=rng)[:2].tolist()
        longest = whole(rng, 3, 7) if number % 2 else 30
        cases.append((whole(rng, 0, 10**6), start, end, longest, number % 2 == 0))
    tried = explained(answer, CAUSES)
    for case in cases[:4]:
        expect_same_again(lambda *case: words_of(run(tried, *case)), case)
    given = [words_of(run(tried, *case)) for case in cases]
    expected = [truth(case) for case in cases]
    if given == expected:
        return "eight captions; those that never end are truncated"
    for options, words in MISTAKES:
        if given == [truth(case, **options) for case in cases]:
            raise Mistake(words)
    for cut, words in CUT:
        for more in (0, 1):
            if given == [cut(truth(case, longest=case[3] + more)) for case in cases]:
                raise Mistake(words)
    limit = max(map(len, given))
    if not limit:
        raise Mistake("the list is always empty: is a word ever appended?")
    if given == [truth(case, longest=limit) for case in cases]:
        raise Mistake(f"it stops after {limit} words, whatever `longest` is: use the argument")
    i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if pair[0] != pair[1])
    _, start, end, longest, _ = cases[i]
    raise Mistake(f"for start={start}, end={end}, longest={longest} it generated {given[i]}, expected {expected[i]}")


def speaker_of(seed: int, *case) -> tuple[Speaker, tuple]:
    rng = torch.Generator().manual_seed(seed)
    speaker = Speaker(rng, *case)
    return speaker, speaker.state(0, whole(rng, 0, 10**6))


def truth(case: tuple, **options) -> list[int]:
    """The caption of a case, or what a mistake makes of it: options of `said`."""
    speaker, state = speaker_of(*case)
    _, start, end, longest, _ = case
    return said(speaker, state, **({"start": start, "end": end, "longest": longest} | options))


def run(answer, seed: int, start: int, end: int, longest: int, ends: bool):
    speaker, state = speaker_of(seed, start, end, longest, ends)
    return answer(speaker.step, state, start, end, longest)


def words_of(result) -> list[int]:
    """The returned words as a list of integers."""
    if isinstance(result, Tensor) and result.dim() == 1:
        raise Mistake("it returned a tensor, expected a list of integers: `.tolist()` makes one")
    if not isinstance(result, list | tuple):
        raise Mistake(f"it returned {described(result)}, expected a list of words (integers)")
    if isinstance(result, tuple) and result and isinstance(result[0], list | tuple):
        raise Mistake("it returned the words and something else: return only the list")
    if any(isinstance(word, Tensor) for word in result):
        raise Mistake("the words are tensors, expected integers: `int(logits.argmax())`")
    if other := [word for word in result if not isinstance(word, numbers.Integral)]:
        raise Mistake(f"among the words is {described(other[0])}, expected integers: `int(logits.argmax())`")
    return [int(word) for word in result]
