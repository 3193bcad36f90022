"""The debugging exercise of lesson 03: a split that keeps each speaker on one side."""

import numbers
from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described

NAMES = ("ann", "joann", "Ann", "theo", "theo2", "nicolas", "nico", "eve", "mo", "x")


@exercise(
    "03.debug",
    title="fix the split",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "Go through the speakers with `enumerate`: it gives the index and the speaker of each example.",
        "An example belongs to the test split exactly when its speaker is in `test_speakers`. Nothing is random.",
        "Two lists: the indices `i` whose speaker is not in the set `test_speakers`, then those whose speaker is.",
    ),
)
def split_by_speaker(answer, rng):
    cases = [
        (["ann", "theo", "ann", "eve", "theo", "ann"], {"theo"}),
        (mixed(rng, 30), {"eve", "mo"}),
        (mixed(rng, 40), {"ann", "theo2"}),  # parts of other names, or other names part of them
        (mixed(rng, 40), {"joann", "nicolas", "x"}),
        (sorted(mixed(rng, 24)), {"theo", "nobody"}),  # one who says nothing here
        (["ann", "eve", "ann"], set()),
        (["ann", "eve", "ann"], {"ann", "eve"}),
    ]
    judge_all(answer, cases)
    return f"{len(cases)} lists of speakers, every example on one side, no speaker on both"


def judge_all(answer, cases: list[tuple[list[str], set[str]]]) -> None:
    """Every split must be right; what holds in all of them is named first."""
    given = []
    for speakers, held in cases:
        where = call(speakers, held)
        parts = answer(speakers, held)
        given.append(tuple(indices(part, speakers, where, side) for part, side in two(parts, where, speakers)))
    if all(sorted(train + test) == [0] for train, test in given):
        raise Mistake("only example 0 is in the split: is the `return` inside the loop?")
    compared = all(
        not test and len(train) == len(speakers) for (speakers, _), (train, test) in zip(cases, given, strict=True)
    )
    for (speakers, held), (train, test) in zip(cases, given, strict=True):
        judge_split(call(speakers, held), speakers, held, train, test, compared)


def mixed(rng: torch.Generator, count: int) -> list[str]:
    """Every name three times at least where there is room, in random order."""
    names = [NAMES[i % len(NAMES)] for i in range(count)]
    return [names[i] for i in torch.randperm(count, generator=rng).tolist()]


def call(speakers: list[str], held: set[str]) -> str:
    """The call in words short enough to read."""
    names = ", ".join(sorted(held)) or "nobody"
    if len(speakers) <= 6:
        return f"for speakers {speakers} and {names} held out"
    return f"for {len(speakers)} examples and {names} held out"


def two(parts, where: str, speakers: list[str]) -> list[tuple]:
    """The two halves of the answer with their names."""
    if isinstance(parts, dict | set) or not hasattr(parts, "__len__") or isinstance(parts, str):
        raise Mistake(f"{where} the answer is {described(parts)}, expected two lists: `return train, test`")
    if len(parts) != 2:
        every = len(parts) == len(speakers)
        cause = ": is that one entry for each example?" if every else ": `return train, test`"
        raise Mistake(f"{where} the answer has {len(parts)} parts, expected two lists{cause}")
    return [(parts[0], "train"), (parts[1], "test")]


def indices(part, speakers: list[str], where: str, side: str) -> list[int]:
    """The places of one side as a list; a list, tuple, range, tensor or array of whole numbers is fine."""
    if isinstance(part, set | frozenset | dict):
        raise Mistake(f"{where} {side} is a {type(part).__name__}, expected a list: `sorted(...)` makes one")
    if isinstance(part, str | numbers.Number) or not hasattr(part, "__iter__"):
        raise Mistake(f"{where} {side} is {described(part)}, expected a list of indices")
    if isinstance(part, Iterator):
        kind = "a generator" if isinstance(part, Generator) else f"{type(part).__name__}, an iterator"
        raise Mistake(f"{where} {side} is {kind}, which cannot index a tensor later: convert it, `list(...)`")
    values = guarded(list, part.tolist() if isinstance(part, Tensor) and part.ndim else part, name=side)
    if values and all(isinstance(value, str) for value in values):
        raise Mistake(f"{where} {side} lists speakers; expected indices into `speakers`")
    if values and all(isinstance(value, tuple | list) for value in values):
        raise Mistake(f"{where} {side} lists pairs such as {values[0]!r}: keep the index of each pair alone")
    if values and all(type(value).__name__ in ("bool", "bool_") for value in values):
        raise Mistake(f"{where} {side} is a boolean mask; expected the indices where it is true")
    found = []
    for value in values:
        value = value.item() if hasattr(value, "item") else value
        if not isinstance(value, numbers.Integral) or isinstance(value, bool):
            raise Mistake(f"{where} {side} holds {described(value)}, expected integers: indices into `speakers`")
        if not 0 <= value < len(speakers):
            cause = ": does it count from 1?" if value == len(speakers) else ""
            raise Mistake(f"{where} {side} holds {value}; the indices go from 0 to {len(speakers) - 1}{cause}")
        found.append(int(value))
    return found


def judge_split(
    where: str, speakers: list[str], held: set[str], train: list[int], test: list[int], compared: bool
) -> None:
    """Name what is wrong with a split. compared: no split has anything in test, as `speaker == held` gives."""
    right = [i for i, speaker in enumerate(speakers) if speaker in held]
    others = [i for i, speaker in enumerate(speakers) if speaker not in held]
    if sorted(train) == others and sorted(test) == right:
        return
    if sorted(train) == right and sorted(test) == others:
        raise Mistake(f"{where} train and test are exchanged: the held-out speakers are the test split")
    for side, values in (("train", train), ("test", test)):
        if len(set(values)) < len(values):
            twice = next(i for i in values if values.count(i) > 1)
            first = speakers.index(speakers[twice]) == twice
            cause = "; `speakers.index(name)` always finds the first one of a name" if first else ""
            raise Mistake(f"{where} {side} holds example {twice} more than once{cause}")
    if test == list(range(len(right))) and train in (others, list(range(len(others)))) and test != right:
        raise Mistake(
            f"{where} test is {test}, counted from 0 within the split: the indices are positions in `speakers`, "
            f"expected {right}"
        )
    both = sorted(set(train) & set(test))
    if both:
        raise Mistake(f"{where} example {both[0]} is on both sides")
    shared = sorted({speakers[i] for i in train} & {speakers[i] for i in test})
    if shared:
        raise Mistake(
            f"{where} {shared[0]} is on both sides: the speaker leaks. All examples of a speaker belong to one side"
        )
    if right and compared:
        raise Mistake(
            f"{where} test is empty: `test_speakers` is a set of names, so use `speaker in test_speakers`, not `==`"
        )
    stray = sorted({speakers[i] for i in test} - held)
    like = [(other, name) for other in stray for name in sorted(held) if akin(other, name)]
    if like:
        raise Mistake(
            f"{where} {like[0][0]} is in test too. {like[0][0]} and {like[0][1]} are two speakers: compare whole names"
        )
    in_train = sorted({speakers[i] for i in train} & held)
    if in_train:
        raise Mistake(f"{where} {in_train[0]}, who is held out, is in train")
    if stray:
        raise Mistake(f"{where} {stray[0]} is in test, but not held out")
    lost = sorted(set(range(len(speakers))) - set(train) - set(test))
    raise Mistake(
        f"{where} {len(lost)} of {len(speakers)} examples are lost, the first is {lost[0]} ({speakers[lost[0]]}): "
        "each belongs to train or test"
    )


def akin(name: str, other: str) -> bool:
    """Whether two names may be taken for one: one is a part of the other, or the case alone differs."""
    return name.lower() in other.lower() or other.lower() in name.lower()
