"""Exercise 14.4: whole sentences replaced by the empty one, at random."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_tensor, explained
from mmcourse.exercises.randomness import FALSE_ALARM, correlated

MANY, SOME, CALLS, BATCH = 8_000, 2_000, 1_000, 8
CAUSES = {
    "must match the size": "one decision per sentence has the shape (B,); `[:, None]` gives it an axis for the words",
    "shape of the mask": "one decision per sentence has the shape (B,), and selects rows: `result[dropped] = 0`",
    "boolean index": "one decision per sentence has the shape (B,), and selects rows: `result[dropped] = 0`",
}


@exercise(
    "14.4",
    title="condition dropout",
    dots=2,
    minutes=15,
    hints=(
        "What would the network learn from a batch in which all sentences are empty, or every sentence has a few words "
        "left?",
        "`torch.rand(len(tokens)) < probability` is one decision for each sentence, (B,).",
        "`dropped[:, None]` has the shape (B, 1), `empty` the shape (T,): `torch.where` broadcasts both.",
    ),
)
def drop_check(answer, rng):
    tried = explained(answer, CAUSES)
    tokens, empty = drawn_tokens(rng, 12, 5), drawn_empty(rng, 5)
    for _ in range(12):
        dropped(tried, tokens, 0.5, empty)
    judge_ends(tried, rng)
    for probability, many in ((0.1, SOME), (0.35, MANY), (0.8, SOME)):
        judge_fraction(tried, rng, many, probability)
    tokens, empty = drawn_tokens(rng, BATCH, 4), torch.zeros(4, dtype=torch.int64)
    judge_independence(torch.stack([dropped(tried, tokens, 0.5, empty) for _ in range(CALLS)]))
    return "fractions for 5 probabilities, sentences replaced whole, independently of each other and anew in every call"


def decisions(answer: Callable, rng: torch.Generator, many: int, probability: float) -> Tensor:
    """Which of many sentences are replaced.   -> (many,) bool"""
    return dropped(answer, drawn_tokens(rng, many, 3), probability, drawn_empty(rng, 3))


def judge_ends(answer: Callable, rng: torch.Generator) -> None:
    """For probability 0 no sentence is replaced, for probability 1 every one."""
    sizes = (5, 3), (4, 4), (1, 6), (3, 7)
    inputs = [(drawn_tokens(rng, *size), drawn_empty(rng, size[1])) for size in sizes]
    none, every = ([dropped(answer, tokens, p, empty) for tokens, empty in inputs] for p in (0.0, 1.0))
    if not any(one.any() for one in none) and all(one.all() for one in every):
        return
    if all(one.all() for one in none) and not any(one.any() for one in every):
        raise Mistake(
            "for probability 0 all sentences are replaced, and for 1 none; it is the other way round: exchange the two"
        )
    if all(one[0] and not one[1:].any() for one in every):
        raise Mistake("for probability 1 the first sentence alone is replaced: is a `return` inside the loop?")
    if all(one[:-1].all() and not one[-1] for one in every):
        raise Mistake("for probability 1 the last sentence is kept: does the loop end one too early?")
    found = {p: decisions(answer, rng, SOME, p).double().mean().item() for p in (0.1, 0.35, 0.8)}
    if all(near(fraction, normal_below(p), SOME) for p, fraction in found.items()):
        raise Mistake(
            "for probability 0 sentences are replaced: are the random numbers normal (`randn`)? `rand` is uniform"
        )
    mean = sum(found.values()) / len(found)
    if all(near(fraction, mean, SOME) for fraction in found.values()):
        raise Mistake(
            f"a fraction of {mean:.2f} of the sentences is replaced, whatever `probability` is: it is ignored"
        )
    for p, told, wrong in (
        (0, "replaced, {}; none is", none),
        (1, "kept, {}; all are replaced", [~one for one in every]),
    ):
        for one in wrong:
            if one.any():
                words = wrong_fractions(answer, rng)
                raise Mistake(
                    f"for probability {p} a sentence is {told.format(place(one))}" + (f"; {words}" if words else "")
                )


def normal_below(x: float) -> float:
    """The probability that a normal random number is below x."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def drawn_tokens(rng: torch.Generator, batch: int, length: int) -> Tensor:
    """Sentences of at least one word, padded with 0.   -> (batch, length)"""
    lengths = torch.randint(1, length + 1, (batch, 1), generator=rng)
    return torch.randint(1, 40, (batch, length), generator=rng) * (torch.arange(length) < lengths)


def drawn_empty(rng: torch.Generator, length: int) -> Tensor:
    """Tokens that no sentence has: a start and an end, and padding between or after.   -> (length,)"""
    return torch.tensor([50, *[0] * (length - 2), 51][:length])[torch.randperm(length, generator=rng)]


def dropped(answer: Callable, tokens: Tensor, probability: float, empty: Tensor) -> Tensor:
    """Which sentences were replaced, once each is as it was or empty.   -> (B,) bool"""
    given = expect_tensor(
        answer(tokens, probability, empty),
        f"for tokens of shape {tuple(tokens.shape)}",
        tokens.shape,
        {(len(tokens),): "those are the decisions, or one word of each sentence"}
        | ({tuple(tokens.shape[1:]): "the batch axis is lost"} if len(tokens) == 1 else {}),
    )
    if given.dtype != tokens.dtype:
        raise Mistake(f"the result is {given.dtype}, the tokens are {tokens.dtype}")
    kept, replaced = (given == tokens).all(1), (given == empty).all(1)
    if (kept | replaced).all():
        return replaced
    row = int((~(kept | replaced)).nonzero()[0, 0])
    example = f"{tokens[row].tolist()} became {given[row].tolist()}"
    changed = given != tokens
    if empty.any() and (kept | (given == 0).all(1)).all():
        raise Mistake(f"{example}: zeros replace the sentence; `empty`, here {empty.tolist()}, replaces it")
    if not ((given == tokens) | (given == empty)).all():
        raise Mistake(f"{example}, which is neither the sentence nor `empty`, here {empty.tolist()}")
    columns = changed.any(0) & (given == empty).all(0)
    if len(tokens) > 3 and columns.any() and not changed[:, ~columns].any():
        raise Mistake(
            f"{example}: the same positions are dropped in all sentences. A decision per sentence has the shape (B, 1)"
        )
    raise Mistake(
        f"{example}: single words are dropped, and others of the sentence stay; one decision is made for all of it"
    )


FRACTIONS = (
    (lambda p: 1 - p, "`probability` is that of keeping a sentence; it is that of replacing it"),
    (lambda p: p / 2, "half as many"),
    (lambda p: 1 - (1 - p) ** 2, "two decisions are made, and one of them is enough; make one"),
    (lambda p: p**2, "two decisions are needed for one"),
    (lambda p: math.floor(10 * p) / 10, "is `probability` rounded to tenths, by `int` or `//`?"),
    (lambda p: normal_below(p), "are the random numbers normal (`randn`)? `rand` is uniform"),
)


def wrong_fractions(answer: Callable, rng: torch.Generator) -> str:
    """Words for fractions that are another function of the probability; empty where they are none of these."""
    asked = (0.19, 0.39, 0.59, 0.79, 0.99)
    found = {p: decisions(answer, rng, MANY, p).double().mean().item() for p in asked}
    for fraction_of, words in FRACTIONS:
        if all(near(fraction, fraction_of(p), MANY) for p, fraction in found.items()):
            return words
    factor = sum(found.values()) / sum(asked)
    if all(near(fraction, p, MANY) for p, fraction in found.items()):
        return ""
    if factor and all(near(fraction, factor * p, MANY) for p, fraction in found.items()):
        return f"{factor:.2f} times as many as `probability` says are replaced: compare with `probability` itself"
    return ""


def judge_fraction(answer: Callable, rng: torch.Generator, many: int, probability: float) -> None:
    """How many of many sentences are replaced, in every part of the batch."""
    was_dropped = decisions(answer, rng, many, probability)
    fraction = was_dropped.double().mean().item()
    if fraction in (0.0, 1.0):
        raise Mistake(
            f"for probability {probability} all {len(was_dropped):,} sentences of a batch are replaced, or none is: "
            "each sentence has a decision of its own"
            if fraction
            else f"for probability {probability} not one of {len(was_dropped):,} sentences is replaced: is there one "
            "decision for the whole batch, or none?"
        )
    if not near(fraction, probability, len(was_dropped)):
        found = f"for probability {probability} a fraction of {fraction:.3f} of the sentences is replaced"
        words = wrong_fractions(answer, rng)
        raise Mistake(f"{found}: {words}" if words else found)
    parts = was_dropped.chunk(4)
    if any(not near(part.double().mean().item(), probability, len(part)) for part in parts):
        raise Mistake(
            "the fraction is correct, but not in every part of the batch: each sentence has the same probability"
        )
    if correlated(torch.stack([was_dropped[::2], was_dropped[1::2]], 1)):
        raise Mistake("neighbouring sentences are not independent of each other")


def place(chosen: Tensor) -> str:
    """Where the first chosen sentence stands."""
    return f"number {int(chosen.nonzero()[0, 0]) + 1} of {len(chosen)}"


def near(fraction: float, probability: float, n: int) -> bool:
    """Whether a fraction of n independent decisions fits a probability (Hoeffding's inequality)."""
    return abs(fraction - probability) <= math.sqrt(math.log(2 / FALSE_ALARM) / (2 * n))


def judge_independence(decisions: Tensor) -> None:
    """Decisions of many calls, which do not depend on each other.   (calls, B) bool"""
    if (decisions == decisions[0]).all():
        raise Mistake("every call replaces the same sentences: draw anew in every call, and set no seed inside")
    if (decisions == decisions[:, :1]).all():
        raise Mistake("all sentences of a batch are replaced, or none is: each sentence has a decision of its own")
    counts = decisions.sum(1)
    if (counts == counts[0]).all():
        raise Mistake(
            f"in every call exactly {int(counts[0])} of {decisions.shape[1]} sentences are replaced; independent "
            "decisions give other numbers by chance"
        )
    fractions = decisions.double().mean(0).tolist()
    if any(not near(fraction, 0.5, len(decisions)) for fraction in fractions):
        raise Mistake(
            f"for probability 0.5 the sentences of a batch are replaced in {[round(one, 2) for one in fractions]} of "
            f"{len(decisions):,} calls: each has the same probability"
        )
    if correlated(decisions):
        raise Mistake("two sentences of a batch are replaced together more often, or less, than by chance")
    if correlated(torch.cat([decisions[:-1], decisions[1:]], 1)):
        raise Mistake("a call depends on the one before: draw anew in every call, and set no seed inside")
