"""Exercises 02.5 and 02.6: one vector for a sentence, from its real words alone."""

import re

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_tensor, named_mistake, relation
from mmcourse.exercises.properties import mixed_examples

FAR = 3000.0  # features this far below zero: what padding is set to must lie lower still


def at(states: Tensor, positions: Tensor) -> Tensor:
    """The state at a position of each sentence.   (B, T, H), (B,) -> (B, H)"""
    return states[torch.arange(len(states)), positions % states.shape[1]]


def real(lengths: Tensor, longest: int) -> Tensor:
    """True for real words.   (B,) -> (B, T, 1)"""
    return (torch.arange(longest) < lengths[:, None])[:, :, None]


LAST_MISTAKES = [
    (
        lambda s, n: s[:, -1],
        "that is the last column for every sentence; for shorter sentences it is padding",
    ),
    (lambda s, n: at(s, n), "one position too far: word 1 has index 0, so the last of n words has index n - 1"),
    (lambda s, n: at(s, n - 2), "one position too early: the last of n words has index n - 1"),
    (
        lambda s, n: at(s, n.max() - 1 + 0 * n),
        "that is the last position of the longest sentence, used for every sentence: each has its own length",
    ),
    (
        lambda s, n: at(s, n.min() - 1 + 0 * n),
        "that is the position of the shortest sentence's last word, for every sentence",
    ),
    (lambda s, n: at(s, n[0] - 1 + 0 * n), "that is the length of the first sentence, used for every sentence"),
    *(
        (
            lambda s, n, rounded=rounded: at(s, rounded(n.double().mean()).long() - 1 + 0 * n),
            "that is the position of the mean length, used for every sentence: each has its own length",
        )
        for rounded in (torch.floor, torch.round, torch.ceil)
    ),
    (
        lambda s, n: at(s, n - 1)[:, :1].expand_as(s[:, 0]),
        "every feature is the first one of the state: a state has H numbers",
    ),
    (lambda s, n: at(s, n - 1).flip(0), "the states are those of the sentences in reverse order"),
    (
        lambda s, n: at(s, n - 1)[:1].expand_as(s[:, 0]),
        "every row is the state of the first sentence; each sentence has its own",
    ),
    (lambda s, n: s[:, 0], "that is the state after the first word"),
    (lambda s, n: at(s, -n), "it counts from the right: `-lengths` is correct for padding on the left"),
    (lambda s, n: s.mean(1), "that is the mean over all positions, padding included"),
    (
        lambda s, n: (s * real(n, s.shape[1])).sum(1) / n[:, None],
        "that is the mean over the real words; select one state, the one after the last word",
    ),
    (lambda s, n: (s * real(n, s.shape[1])).sum(1), "that is the sum over the real words; select one state"),
    (lambda s, n: s.sum(1), "that is the sum over all positions, padding included"),
    (lambda s, n: s.amax(1), "that is the maximum over all positions, padding included"),
    (
        lambda s, n: s.masked_fill(~real(n, s.shape[1]), -torch.inf).amax(1),
        "that is the maximum over the real words, as in the next exercise; select one state here",
    ),
    (lambda s, n: torch.zeros_like(s[:, 0]), "all zeros: was anything assigned to the result?"),
]


@exercise(
    "02.5",
    title="the state after the last word",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "Do it for one sentence first: in `states[0]`, (T, H), which row is the one after its last real word?",
        "Two lists of indices pick one entry for each pair: `states[[0, 1, 2], [4, 1, 3]]`. Which two do you need?",
        "`torch.arange(len(states))` numbers the sentences. The other index follows from `lengths`, counted from 1.",
    ),
)
def last_states(answer, rng):
    cases = []
    for lengths, longest, size in (
        ([3, 6, 2, 4, 5], 8, 3),  # the first is neither the shortest nor the longest, nor of mean length
        ([2, 7, 4], 7, 5),
        ([3], 6, 4),
        ([4, 4], 4, 2),
        ([1], 1, 3),
    ):
        order = torch.cat([torch.zeros(1).long(), 1 + torch.randperm(len(lengths) - 1, generator=rng)])
        states = torch.randn(len(lengths), longest, size, generator=rng)
        cases.append((states, torch.tensor(lengths)[order]))
    for i, (states, lengths) in enumerate(cases):
        batch, longest, size = states.shape
        where = f"for states {tuple(states.shape)} and lengths {lengths.tolist()}"
        try:
            given = answer(states, lengths)
        except Mistake as problem:
            raise Mistake(f"{where}: {problem}{too_far(str(problem), *states.shape)}") from None
        causes = {
            (batch, batch, size): "every sentence is indexed with every length: the sentences need an index of their "
            "own, `torch.arange`, in place of `:`",
            (size,): "the batch is gone: does a `squeeze` remove it?" if batch == 1 else "that is one sentence's state",
            (batch, 1, size): "one axis of size 1 is left: after `gather` take `[:, 0]` or `squeeze(1)`",
            (1, batch, size): "one axis of size 1 is left in front",
            (batch, longest, size): "all states are there: select one per sentence",
            (batch, longest): "the feature axis is gone; the time axis should be",
            (longest, size): "the batch axis is gone; the time axis, 1, should be",
            (batch, 1): "one number for each sentence: `gather` gives as many features as its index has, so the index "
            "needs all H of them (`expand`)"
            if isinstance(given, Tensor) and given.shape == (batch, 1) and agrees(given, at(states, lengths - 1)[:, :1])
            else "one number for each sentence; a state has H numbers",
            (batch,): "one number for each sentence; a state has H numbers",
            (size, batch): "rows and columns are exchanged: one row for each sentence",
        }
        given = expect_tensor(given, where, (batch, size), causes)
        expected = at(states, lengths - 1)
        if not agrees(given, expected):
            words = named_mistake(cases[:1], [given], LAST_MISTAKES) if i == 0 else None
            row = int((given - expected).abs().amax(1).argmax())
            words = words or relation(given, expected) or wrong_row(states, given, row, int(lengths[row]))
            raise Mistake(f"{where}: {words}")
    return f"{len(cases)} batches, with and without padding, one sentence and several"


def wrong_row(states: Tensor, given: Tensor, row: int, length: int) -> str:
    """Where a wrong state stands, if it stands anywhere."""
    found = (states - given[row]).abs().amax(2).lt(1e-4).nonzero()
    expected = f"expected that of sentence {row}, position {length - 1}"
    if len(found):
        sentence, position = found[0].tolist()
        return f"row {row} holds the state of sentence {sentence}, position {position} (counted from 0), {expected}"
    return f"row {row} is none of the states, {expected}"


def too_far(problem: str, batch: int, longest: int, size: int) -> str:
    """Words for an index beyond the last position of an axis, which its size tells: torch may number axes anew."""
    beyond = re.search(r"out of bounds for (?:dimension|axis) \d with size (\d+)", problem)
    if beyond and int(beyond[1]) == longest:
        return f". The last of {longest} words has index {longest - 1}"
    if beyond and int(beyond[1]) == batch:
        return ". `lengths` counts along axis 1, the time; axis 0 is the batch, numbered by `torch.arange(len(states))`"
    if beyond and int(beyond[1]) == size:
        return ". `lengths` counts along axis 1, the time; axis 2 holds the features, and all of them are kept"
    if "Index tensor must have the same number of dimensions" in problem:
        return ". `gather` wants an index of (B, 1, H): `lengths` needs two more axes, and one repeated H times"
    return ""


def largest(features: Tensor, padding: Tensor, value: float = -torch.inf) -> Tensor:
    """The maximum with padding set to a value.   (B, C, T), (B, T) -> (B, C)"""
    return features.masked_fill(padding[:, None], value).amax(2)


def mean_of(features: Tensor, tokens: Tensor) -> Tensor:
    """The mean over real words."""
    mask = (tokens != 0)[:, None]
    return (features * mask).sum(2) / mask.sum(2)


def numbers_of(tokens: Tensor) -> Tensor:
    """How many words each sentence has.   (B, T) -> (B,)"""
    return (tokens != 0).sum(1)


MAX_MISTAKES = [
    (
        lambda f, t: f[:, :, : numbers_of(t).min()].amax(2),
        "every sentence is cut to the length of the shortest: later real words are left out",
    ),
    (
        lambda f, t: f[:, :, : numbers_of(t)[0]].amax(2),
        "the length of the first sentence is used for every sentence: each has its own",
    ),
    (
        lambda f, t: largest(f, ~real((numbers_of(t) - 1).clamp(min=1), t.shape[1])[:, :, 0]),
        "the last real word of each sentence is left out: a slice that ends at `n` contains word n - 1, the last one",
    ),
    (
        lambda f, t: largest(f[:, :, 1:], t[:, 1:] == 0),
        "the first word is left out: positions count from 0",
    ),
    (
        lambda f, t: largest(f, t == 0).amax(0).expand(len(f), -1),
        "there is one maximum for the whole batch; each sentence has its own",
    ),
    (
        lambda f, t: f.amax(2),
        "padding is included: where a feature is largest on padding, that value is the maximum",
    ),
    (
        lambda f, t: largest(f, t == 0, 0.0),
        "padding is set to 0, and if a feature is negative on every real word, 0 is the maximum",
    ),
    (lambda f, t: largest(f, t != 0), "the mask is inverted: this is the maximum over padding alone"),
    (lambda f, t: largest(f, t != 0, 0.0), "the mask is inverted: the real words are set to 0"),
    (lambda f, t: largest(f, t <= 1), "token 1, '<unk>', is left out: it stands for a real word; only 0 is padding"),
    (lambda f, t: mean_of(f, t), "that is the mean over the real words; the exercise is about the maximum"),
    (
        lambda f, t: f.mean(2),
        "that is the mean, padding included; the exercise is about the maximum over the real words",
    ),
    (lambda f, t: largest(f.abs(), t == 0), "that is the maximum of the absolute values; the sign matters"),
    (lambda f, t: largest(f, t == 0).relu(), "negative results became 0, as by a ReLU or an initial 0"),
    (lambda f, t: -largest(-f, t == 0), "that is the minimum over the real words"),
    (
        lambda f, t: f.sum(2),
        "that is the sum over all positions; the exercise is about the maximum over the real words",
    ),
    (lambda f, t: largest(f, t == 0)[:, :1].expand(-1, f.shape[1]), "every feature gets the maximum of the first one"),
    (lambda f, t: f[:, :, 0], "that is the value on the first word"),
    (
        lambda f, t: f.gather(2, ((t != 0).sum(1) - 1)[:, None, None].expand(-1, f.shape[1], 1))[:, :, 0],
        "that is the value on the last real word; the exercise is about the maximum over all real words",
    ),
    (
        lambda f, t: f.gather(2, (f * (t != 0)[:, None]).abs().argmax(2, keepdim=True))[:, :, 0],
        "the value of largest magnitude is taken, which may be negative; the largest value is asked for",
    ),
    (
        lambda f, t: f.gather(2, f.abs().masked_fill((t == 0)[:, None], -1).argmax(2, keepdim=True))[:, :, 0],
        "the value of largest magnitude is taken, which may be negative; the largest value is asked for",
    ),
    (
        lambda f, t: largest(f[:1], t[:1] == 0).expand(len(f), -1),
        "every row is that of the first sentence; each sentence has its own",
    ),
    (lambda f, t: (f * (t != 0)[:, None]).sum(2), "that is the sum over the real words; the maximum is asked for"),
    (lambda f, t: largest(f, (t == 0)[:1]), "the mask of the first sentence is used for every sentence"),
    (
        lambda f, t: f.masked_fill((t == 0)[:, None], -torch.inf).topk(min(2, t.shape[1]), 2).values[:, :, -1],
        "that is the second largest value",
    ),
    (lambda f, t: torch.zeros_like(f[:, :, 0]), "all zeros: was anything assigned to the result?"),
]
OVER_CHANNELS = (
    "the mask of sentence i is applied to feature i: `tokens` is (B, T), so it needs an axis for the features"
)


@exercise(
    "02.6",
    title="the maximum over real words",
    dots=3,
    minutes=10,
    repeatable=True,
    hints=(
        "Try one feature: -3, -1 and one padding token. What should the maximum be? What is it if padding is set to 0?",
        "Padding must never be the maximum. Which value is smaller than every number?",
        "`tokens == 0` is (B, T) and `features` are (B, C, T): an axis of size 1 in the middle makes them fit. "
        "`masked_fill` gives a new tensor and leaves the old one.",
    ),
)
def max_over_time(answer, rng):
    def draw(lengths: list[int], longest: int, channels: int) -> tuple[Tensor, Tensor]:
        tokens = torch.randint(2, 40, (len(lengths), longest), generator=rng)
        for row, length in enumerate(lengths):
            tokens[row, length:] = 0
        tokens[0, 0] = 1
        features = torch.randn(len(lengths), channels, longest, generator=rng)
        features += torch.randn(len(lengths), channels, 1, generator=rng) * 2
        features[:, ::2] -= 4  # negative on every word
        features[0, :, 0] += 20  # '<unk>' wins
        return features + 7.0 * (tokens == 0)[:, None], tokens

    cases = [draw([4, 5, 1], 5, 6), draw([3, 6, 2, 5], 6, 4), draw([5, 5], 5, 3), draw([2], 4, 2)]
    far, positions = draw([2, 4, 3], 4, 5)
    cases.append((far - FAR, positions))
    given = [largest_given(answer, *case) for case in cases]
    for i, ((features, tokens), value) in enumerate(zip(cases, given, strict=True)):
        expected = largest(features, tokens == 0)
        if agrees(value, expected):
            continue
        if i == len(cases) - 1:
            raise Mistake(
                f"correct for small features, but near {-FAR:.0f} the maximum is {value.max():.0f}: padding has to be "
                "set to a number that is always smaller, `-inf`"
            )
        words = named_mistake(cases[:2], given[:2], MAX_MISTAKES)
        words = words or named_mistake(cases[1:2], given[1:2], [(over_channels, OVER_CHANNELS)])
        words = words or filled_with(value, expected, (tokens == 0).any(1))
        words = words or mixed_examples(answer, cases[1], (0, 1)) or relation(value, expected)
        row, channel = divmod(int((value - expected).abs().argmax()), value.shape[1])
        words = words or (
            f"feature {channel} of sentence {row} is {value[row, channel]:.3f}, expected {expected[row, channel]:.3f}"
        )
        raise Mistake(f"for features {tuple(features.shape)}: {words}")
    return f"{len(cases)} batches, features negative everywhere among them, one sentence, no padding" + empty(answer)


def largest_given(answer, features: Tensor, tokens: Tensor) -> Tensor:
    """The learner's result for one batch, of the right type and shape."""
    batch, channels, longest = features.shape
    where = f"for features {tuple(features.shape)} and tokens {tuple(tokens.shape)}"
    try:
        given = answer(features, tokens)
    except Mistake as problem:
        said = str(problem)
        if "must match the size" in said or "shape" in said:
            said += ". `tokens` is (B, T) and `features` are (B, C, T): the mask needs an axis for the features"
        raise Mistake(f"{where}: {said}") from None
    if type(given).__name__ == "max" and hasattr(given, "values"):
        raise Mistake(f"{where} `max` with a `dim` gives values and indices: take `.values`, or use `amax`")
    causes = {
        (
            batch,
            longest,
        ): "one number per position: the maximum runs over the features; it should run over time, axis 2",
        (channels, longest): "the maximum runs over the batch; it should run over time, axis 2",
        (batch, channels, 1): "one axis of size 1 is left: without `keepdim`",
        (batch, channels, longest): "the time axis is still there: take the maximum over it",
        (channels,): "the batch is gone" if batch > 1 else "the batch is gone: does a `squeeze` remove it?",
        (batch,): "one number for each sentence: each feature has its own maximum",
        (): "one number for everything: each sentence and feature has its own maximum",
        (channels, batch): "rows and columns are exchanged: one row for each sentence",
    }
    given = expect_tensor(given, where, (batch, channels), causes)
    if not given.is_floating_point():
        raise Mistake(f"{where} the result is {given.dtype}: those are indices (`argmax`?); return the values")
    corrupted, padded = given.isnan().any(1), (tokens == 0).any(1)
    if corrupted.any() and not corrupted[~padded].any() and not padded.all():
        raise Mistake(f"{where} the result contains NaN: padding is set to NaN, and every maximum with NaN is NaN")
    if corrupted.any():
        raise Mistake(f"{where} the result contains NaN: 0 · ∞ is NaN, so a mask times -inf changes the real words")
    return given


def filled_with(given: Tensor, expected: Tensor, padded: Tensor) -> str | None:
    """Words for padding that was set to some number: where there is padding, nothing is smaller."""
    off = (given - expected).abs() > 1e-3
    number = given[off][0].item()
    if padded.any() and given[padded].isinf().all():
        return unusable_infinity(given[padded][0, 0].item())
    if (given[off] - number).abs().max() > 1e-4 or (given[padded] < number - 1e-3).any():
        return None
    return f"padding is set to {number:g}, and if a feature is smaller on every real word, {number:g} is the maximum"


def unusable_infinity(number: float) -> str:
    """Words for a result that the infinity on padding reaches, positive or negative."""
    if number > 0:
        return "the result is inf where there is padding: is the value of padding inf? `-inf` is below every number"
    return "the result is -inf where there is padding: the maximum never is; is a minimum, a sum or a mean taken?"


def over_channels(features: Tensor, tokens: Tensor) -> Tensor:
    """The mask (B, T) broadcast over (C, T) where B = C."""
    return features.masked_fill(tokens == 0, -torch.inf).amax(2)


def empty(answer) -> str:
    """A remark on a sentence of padding alone, which `pad` never makes."""
    try:
        given = answer(torch.zeros(2, 3, 4), torch.tensor([[5, 6, 0, 0], [0, 0, 0, 0]]))
    except Mistake:
        return ""
    if isinstance(given, Tensor) and given.numel() == 6 and given.min() < -1e3:
        return f". A sentence of padding alone would give {given.min().item():.0g}, but `pad` never makes one"
    return ""
