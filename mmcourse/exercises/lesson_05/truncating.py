"""Exercise 05.3: top-p, or nucleus, sampling."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, drawn, expect_tensor, judge_tensors, whole


def kept_before(p: Tensor, limit: float) -> Tensor:
    """Which tokens are kept: those before which less than `limit` was reached.   (V,) -> (V,) bool"""
    return kept_where(p, lambda total, value: total - value < limit)


def kept_within(p: Tensor, limit: float) -> Tensor:
    """Those up to which no more than `limit` was reached: without the token that crosses it."""
    return kept_where(p, lambda total, value: total <= limit)


def kept_below(p: Tensor, limit: float) -> Tensor:
    """Those up to which less than `limit` was reached: without the token that reaches it."""
    return kept_where(p, lambda total, value: total < limit)


def kept_where(p: Tensor, condition: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Tokens for which the condition holds on the sum up to them, most probable first, and on their probability."""
    ordered, order = p.sort(descending=True)
    return torch.zeros(len(p), dtype=torch.bool).scatter(0, order, condition(ordered.cumsum(0), ordered))


def first_true(condition: Tensor) -> Tensor:
    """True up to and including the first place where a condition holds."""
    return condition.cumsum(0) - condition.long() == 0


def and_first(p: Tensor, kept: Tensor) -> Tensor:
    """The kept tokens, and the most probable one in any case."""
    return kept | (torch.arange(len(p)) == p.argmax())


def in_sorted_order(p: Tensor, limit: float) -> Tensor:
    """The mask of the kept tokens, most probable first, as if `p` were sorted."""
    return kept_before(p, limit).sort(descending=True).values


def sorted_twice(p: Tensor, limit: float) -> Tensor:
    """Sorted probabilities, indexed with the order that sorted them."""
    ordered, order = p.sort(descending=True)
    return (ordered * in_sorted_order(p, limit))[order]


def taken_again(p: Tensor, kept: Tensor) -> Tensor:
    """The mask in sorted order, indexed with the order that sorted."""
    order = p.sort(descending=True).indices
    return kept[order][order]


def normalised(p: Tensor) -> Tensor:
    """Probabilities that sum to 1."""
    return p / p.sum()


def top_p(p: Tensor, limit: float) -> Tensor:
    """What the answer should give."""
    return normalised(p * kept_before(p, limit))


def in_order(p: Tensor, kept: Tensor) -> Tensor:
    """The kept tokens, most probable first."""
    return normalised((p * kept).sort(descending=True).values)


def ascending(p: Tensor, limit: float) -> Tensor:
    """Tokens are kept from the least probable one on."""
    ordered, order = p.sort()
    return torch.zeros(len(p), dtype=torch.bool).scatter(0, order, ordered.cumsum(0) - ordered < limit)


def one_more(p: Tensor, limit: float) -> Tensor:
    """One token more than needed."""
    n = int(kept_before(p, limit).sum()) + 1
    return kept_where(p, lambda total, value: torch.arange(len(p)) < n)


EACH_COMPARED = (
    "each probability is compared with `limit`; it is their sum, from the most probable on, that is compared"
)
MISTAKES = [
    (lambda p, limit: p, "nothing is left out"),
    (
        lambda p, limit: p * kept_before(p, limit),
        "the correct tokens are kept, but their probabilities do not sum to 1: divide by their sum",
    ),
    *(
        mistake
        for left_out in (kept_within, kept_below)
        for mistake in (
            (
                lambda p, limit, kept=left_out: normalised(p * kept(p, limit)),
                "the token with which the sum reaches `limit` is left out; it is kept as well. With one dominant token "
                "nothing would be left",
            ),
            (
                lambda p, limit, kept=left_out: p * kept(p, limit),
                "the token with which the sum reaches `limit` is left out, and the rest does not sum to 1",
            ),
            (
                lambda p, limit, kept=left_out: normalised(p * and_first(p, kept(p, limit))),
                "the kept probabilities sum to less than `limit`: the token with which the sum reaches it is kept too",
            ),
        )
    ),
    (
        lambda p, limit: normalised(p * kept_where(p, lambda total, value: total - value <= limit)),
        "where the kept probabilities sum to exactly `limit`, the next token is kept as well: `<` instead of `<=`, or "
        "the other way round",
    ),
    (
        lambda p, limit: p * kept_before(p, limit) / limit,
        "the kept probabilities are divided by `limit`; their sum is above it: divide by the sum",
    ),
    (
        lambda p, limit: in_order(p, kept_before(p, limit)),
        "the probabilities are in sorted order: put each back at the position of its token, with `scatter`",
    ),
    (
        lambda p, limit: (p * kept_before(p, limit)).sort(descending=True).values,
        "the probabilities are in sorted order and do not sum to 1",
    ),
    (
        lambda p, limit: in_order(p, kept_within(p, limit)),
        "the probabilities are in sorted order, and the token that reaches `limit` is left out",
    ),
    (
        lambda p, limit: normalised(p * in_sorted_order(p, limit)),
        "the mask is in sorted order and `p` is not: put the mask back with `scatter` before you use it",
    ),
    (
        lambda p, limit: normalised(sorted_twice(p, limit)),
        "`order` is applied to sorted values, which sorts a second time; `scatter` puts them back",
    ),
    (
        lambda p, limit: normalised(p * (p.cumsum(0) - p < limit)),
        "the sum runs in the order of the vocabulary: sort by probability first",
    ),
    (
        lambda p, limit: normalised(p * (p.cumsum(0) <= limit)),
        "the sum runs in the order of the vocabulary, and the token that reaches `limit` is left out: sort first",
    ),
    (
        lambda p, limit: normalised(p * ascending(p, limit)),
        "the least probable tokens are kept: sort in descending order",
    ),
    *(
        (lambda p, limit, divide=divide: divide(p * (p >= limit)), EACH_COMPARED)
        for divide in (normalised, lambda kept: torch.nan_to_num(normalised(kept)), lambda kept: kept)
    ),
    (
        lambda p, limit: normalised(torch.where(p >= limit, p, 0) if (p >= limit).any() else p * (p == p.max())),
        EACH_COMPARED,
    ),
    (
        lambda p, limit: normalised(torch.where(p > limit, p, 0) if (p > limit).any() else p * (p == p.max())),
        EACH_COMPARED,
    ),
    *(
        (
            lambda p, limit, cut=cut, divide=divide: divide(p * ((p >= cut(p, limit)) | (p == p.max()))),
            told,
        )
        for divide in (normalised, lambda kept: kept)
        for cut, told in (
            (
                lambda p, limit: (1 - limit) * p.max(),
                "tokens are kept by their ratio to the largest probability (min-p); their sum is compared with `limit`",
            ),
            (
                lambda p, limit: limit * p.max(),
                "tokens are kept by their ratio to the largest probability (min-p); their sum is compared with `limit`",
            ),
            (
                lambda p, limit: 1 - limit,
                "tokens below 1 - `limit` are left out by their own probability; `limit` is for the sum of those kept",
            ),
        )
    ),
    *(
        (
            lambda p, limit, kept=kept: normalised(p * taken_again(p, kept(p, limit))),
            "the mask belongs to the sorted order, and `keep[order]` does not undo the sorting: `scatter`, or "
            "`kept[order] = keep`, puts it back",
        )
        for kept in (kept_before, kept_within, kept_below)
    ),
    (
        lambda p, limit: normalised(p * kept_where(p, lambda total, value: torch.arange(len(p)) < 1)),
        "only the most probable token is kept",
    ),
    *(
        (
            lambda p, limit, n=n: normalised(p * kept_where(p, lambda total, value: torch.arange(len(p)) < n)),
            f"{n} tokens are always kept; how many it takes depends on `limit`",
        )
        for n in (3, 4, 5)
    ),
    *(
        (
            lambda p, limit, fixed=fixed: top_p(p, fixed),
            f"`limit` is not used: {fixed:g}, a hard-coded number, stands in its place",
        )
        for fixed in (0.5, 0.7, 0.75, 0.8, 0.9, 0.95)
    ),
    (lambda p, limit: top_p(p, limit).square(), "every entry is squared"),
    (lambda p, limit: (p == p.max()).float(), "only the most probable token is kept"),
    (
        lambda p, limit: normalised(p * (p <= limit)),
        "tokens below `limit` are kept one by one; their sum from the most probable on is compared with it",
    ),
    (
        lambda p, limit: normalised(p * one_more(p, limit)),
        "one token too many is kept: stop at the one that reaches `limit`",
    ),
    (
        lambda p, limit: normalised(p * kept_where(p, lambda total, value: torch.arange(len(p)) < 2)),
        "two tokens are always kept, as in the example; how many it takes depends on `limit`",
    ),
    (
        lambda p, limit: normalised(p * kept_before(p, 1 - limit)),
        "the sum is compared with 1 - `limit`; it has to reach `limit`",
    ),
    (
        lambda p, limit: normalised(p * kept_where(p, lambda total, value: first_true(value <= limit))),
        "each probability is compared by itself: `=` replaces what `+=` adds to, so too few tokens are kept",
    ),
    (
        lambda p, limit: normalised(p * kept_where(p, lambda total, value: first_true(value >= limit))),
        "each probability is compared by itself: `=` replaces what `+=` adds to, so too many tokens are kept",
    ),
    (
        lambda p, limit: normalised(
            p * (kept_before(p, limit) | kept_where(p, lambda total, value: torch.arange(len(p)) < 2))
        ),
        "at least two tokens are kept; where one dominant token reaches `limit`, it is the only one",
    ),
    (
        lambda p, limit: normalised(p * kept_where(p, lambda total, value: ~(total >= limit).roll(1))),
        "`roll` brings the last entry of the mask back to the first token, which is kept in any case",
    ),
    (
        lambda p, limit: p * kept_before(p, limit) / p.max(),
        "the kept probabilities are divided by the largest one, so they do not sum to 1: divide by their sum",
    ),
    (
        lambda p, limit: (kept := p * kept_before(p, limit)) + (1 - kept.sum()) * (torch.arange(len(p)) == p.argmax()),
        "what was cut off is added to the most probable token; divide by the sum, so that all keep their proportions",
    ),
    (
        lambda p, limit: (p * kept_before(p, limit)).softmax(0),
        "the probabilities went through a softmax: it gives a token of probability 0 some again",
    ),
    (
        lambda p, limit: p.masked_fill(~kept_before(p, limit), -torch.inf).softmax(0),
        "the correct tokens are kept, but a softmax of probabilities is no renormalisation: divide by their sum",
    ),
    (
        lambda p, limit: kept_before(p, limit).float(),
        "those are 1 for the kept tokens; their probabilities are asked for",
    ),
    (
        lambda p, limit: normalised(kept_before(p, limit).float()),
        "all kept tokens have the same probability; they keep their proportions",
    ),
    (
        lambda p, limit: normalised(p * ~kept_before(p, limit)),
        "the tokens that should go are kept, and the others left out",
    ),
]


@exercise(
    "05.3",
    title="top-p",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "With the probabilities 0.1, 0.5, 0.25, 0.15 and the limit 0.7, the second and the third token are kept. Why?",
        "`p.sort(descending=True)` gives the values and their positions. `cumsum` of the values, minus the values, is "
        "the sum of all that are more probable.",
        "Keep a token if the sum before it is below `limit`. `torch.zeros_like(p).scatter(0, order, kept)` puts "
        "the result back.",
    ),
)
def top_p_check(answer, rng):
    cases = [(torch.tensor([0.1, 0.5, 0.25, 0.15]), 0.7)]
    for size, limit, scale in ((whole(rng, 6, 9), 0.6, 1.5), (12, 0.9, 1.0), (8, 0.35, 1.0), (5, 0.5, 6.0)):
        cases.append(((drawn(rng, size) * scale).softmax(0), limit))
    cases[-1] = (torch.tensor([0.05, 0.02, 0.9, 0.02, 0.01]), 0.5)
    cases.append((drawn(rng, 7).softmax(0), 1.0))
    cases.append((torch.tensor([0.1, 0.4, 0.36, 0.14]), 0.35))  # two tokens are above the limit
    cases.append((torch.tensor([0.125, 0.5, 0.125, 0.25]), 0.5))  # the most probable token reaches it exactly

    def where(p: Tensor, limit: float) -> str:
        return f"for p = {[round(x, 2) for x in p.tolist()]} and limit {limit}"

    def causes(p: Tensor, limit: float) -> dict:
        kept = int(kept_before(p, limit).sum())
        return {
            **{(n,): "only the kept tokens are there; the others stay, with probability 0" for n in range(len(p))},
            (kept,): "only the kept tokens are there; the others stay, with probability 0",
            (1, len(p)): "one axis too many",
        }

    judge_tensors(answer, cases, top_p, MISTAKES, where, causes, lambda position, case: f"token {position[0]}")
    judge_tie(answer)
    return f"{len(cases) + 1} distributions: one with a dominant token, one with limit 1, one that reaches it exactly"


def judge_tie(answer) -> None:
    """Of equally probable tokens only as many are kept as it takes, whichever they are."""
    p = torch.tensor([0.2, 0.1, 0.2, 0.3, 0.2])
    given = expect_tensor(answer(p, 0.45), "for tokens of equal probability", p.shape)
    if not agrees(given.sort(descending=True).values.float(), torch.tensor([0.6, 0.4, 0.0, 0.0, 0.0])):
        raise Mistake(
            f"for p = {[round(x, 2) for x in p.tolist()]} and limit 0.45, {int((given > 0).sum())} tokens are kept, "
            "expected 2: of equally probable tokens at the limit only as many are kept as it takes to reach it"
        )
