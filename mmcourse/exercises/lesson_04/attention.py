"""Exercises 04.1 and 04.2: scaled dot-product attention, and the same with a mask."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, agrees, expect_tensor
from mmcourse.exercises.lesson_04.attending import (
    ATTENTION_MISTAKES,
    attended,
    causal,
    drawn,
    hidden,
    judged_cases,
    scores_of,
)
from mmcourse.exercises.properties import expect_right_when_large


@exercise(
    "04.1",
    title="attention from scratch",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "Each query meets each key: a table of T × T dot products, from one matrix product. For that, d has to meet d, "
        "so the keys are turned.",
        "`transpose(-2, -1)` turns the last two axes, however many come before. d is the last size of the queries; "
        "divide by its root before the softmax.",
        "In the table a row is a query, a column a key. What one query takes from all keys sums to 1: that says which "
        "axis the softmax runs over. The rows of weights then mix the values, in a second matrix product.",
    ),
)
def attention(answer, rng):
    cases = [tuple(drawn(shape, rng) for _ in range(3)) for shape in ((6, 4), (3, 5, 9), (2, 3, 7, 5), (5, 7, 2))]
    cases.append((drawn((2, 4, 6), rng), drawn((2, 7, 6), rng), drawn((2, 7, 3), rng)))
    cases += [tuple(drawn((1, 4, 3), rng) for _ in range(3)), tuple(drawn((n, 5), rng) for n in (1, 4, 4))]
    remark = judged_cases(answer, cases, attended, ATTENTION_MISTAKES)
    expect_right_when_large(answer, large_case(rng), attended)
    return f"{len(cases)} inputs of two to four axes; once there are more keys than queries, and wider values" + remark


def large_case(rng) -> tuple[Tensor, Tensor, Tensor]:
    """One query with the scores 300, 301, 299 and 300, which are exact in float32."""
    queries, keys = torch.tensor([[2.0, 0, 0, 0]]), torch.zeros(4, 4)
    keys[:, 0] = torch.tensor([300.0, 301, 299, 300])
    return queries, keys, drawn((4, 4), rng)


def weighted_after(mask: Tensor, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention whose mask comes after the softmax."""
    return (scores_of(queries, keys).softmax(-1) * mask) @ values


NOT_LOW_ENOUGH = "the number that hides them is not low enough; `-inf` always is"
MASKED_MISTAKES: Mistakes = [
    (
        lambda q, k, v, m: attended(q, k, v),
        "the result is that of attention without a mask. Either the mask is not used, or it is put where it changes "
        "nothing, such as on the keys or on the result: it belongs on the scores",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, ~m),
        "the mask is inverted: True means that a query may attend, so hide where it is False (`~mask`)",
    ),
    (
        lambda q, k, v, m: weighted_after(m, q, k, v),
        "the mask comes after the softmax, so the weights of a query no longer sum to 1: it belongs on the scores",
    ),
    (
        lambda q, k, v, m: weighted_after(~m, q, k, v),
        "the mask comes after the softmax, and the wrong way round: it belongs on the scores, hiding where it is False",
    ),
    (
        lambda q, k, v, m: hidden(scores_of(q, k), m, 0.0).softmax(-1) @ v,
        "forbidden scores became 0, and the softmax gives exp(0) = 1 for those: `-inf` leaves exp(-inf) = 0",
    ),
    (
        lambda q, k, v, m: hidden(scores_of(q, k), ~m, 0.0).softmax(-1) @ v,
        "allowed scores became 0, forbidden ones stayed: hide where the mask is False, with `-inf`",
    ),
    (
        lambda q, k, v, m: (scores_of(q, k) + m).softmax(-1) @ v,
        "the mask is added to the scores as 0 and 1 (or taken off), which only nudges them: hide with `-inf`",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m.transpose(-2, -1)),
        "the mask is turned: its rows are queries and its columns keys, as in the scores",
    ),
    (
        lambda q, k, v, m: hidden(scores_of(q, k), m).softmax(-2) @ v,
        "the softmax runs over the queries (axis -2); what one query takes from all keys sums to 1: axis -1",
    ),
    (
        lambda q, k, v, m: v * torch.nan,
        "the result is NaN everywhere. Is there `0 * -inf` in it? That is NaN: `masked_fill` and `torch.where` choose "
        "instead of multiplying. Or did forbidden scores become +inf? It is `-inf` that leaves them no weight",
    ),
]

MASKED_MISTAKES += [
    *(
        (
            lambda q, k, v, m, fill=fill: hidden(scores_of(q, k), m, fill).softmax(-2) @ v,
            "the softmax runs over the queries (axis -2); what one query takes from all keys sums to 1: axis -1",
        )
        for fill in (-1e9, -1e4)
    ),
    *(
        (
            lambda q, k, v, m, least=least: (
                (w := scores_of(q, k).softmax(-1) * m) / w.sum(-2, keepdim=True).clamp(min=least) @ v
            ),
            "the masked weights are divided by their sum over the queries (axis -2); a query's weights sum to 1 over "
            "the keys, axis -1",
        )
        for least in (0, 1e-9, 1e-6)
    ),
    (
        lambda q, k, v, m: (scores_of(q, k) * m).softmax(-1) @ v,
        "forbidden scores became 0, and the softmax gives exp(0) = 1 for those: `-inf` leaves exp(-inf) = 0",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m[..., :1]),
        "the first column of the mask is used for every key; each key has its own column",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m & causal(q, k)),
        "a causal mask is applied besides the given `mask`",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m) * m.any(-1, keepdim=True) * m[..., :1],
        "the mask multiplies the result: it belongs on the scores",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m[..., :1, :]),
        "the first row of the mask is used for every query; each query has its own row",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m[(0,) * (m.ndim - 2)]),
        "the mask of the first sentence is used for the whole batch; each sentence has its own",
    ),
    (
        lambda q, k, v, m: hidden(scores_of(q, k), m.all(-2, keepdim=True), -1e9).softmax(-1) @ v,
        "a key that is hidden from one query is hidden from all; each query has its own row of the mask",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, m.any(-2, keepdim=True)),
        "a key that one query may attend to is open to all; each query has its own row of the mask",
    ),
    (
        lambda q, k, v, m: scores_of(q, k).softmax(-1) @ (v * m.any(-2)[..., None]),
        "values are set to 0, and their keys still take weight: the mask belongs on the scores, before the softmax",
    ),
    (
        lambda q, k, v, m: (w := scores_of(q, k).softmax(-1) * m) / w.sum((-2, -1), keepdim=True) @ v,
        "the masked weights are divided by the sum over all queries; each row is divided by its own sum",
    ),
    (
        lambda q, k, v, m: attended(q, k, v, causal(q, k)),
        "a causal mask is used in place of the given `mask`",
    ),
]
INFINITE_WEIGHTS: Mistakes = [
    (
        lambda q, k, v, m: hidden(scores_of(q, k).softmax(-1), m) @ v,
        "`-inf` is filled in after the softmax, and the weights themselves become infinite: it belongs on the scores, "
        "and the softmax then makes zeros of it",
    ),
]


@exercise(
    "04.2",
    title="attention with a mask",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "A forbidden key should get the weight 0, and the other weights should still sum to 1. So it has to vanish "
        "before the softmax and not after it.",
        "Which score does the softmax turn into exactly 0? Ask `torch.tensor([1.0, -torch.inf]).softmax(0)`.",
        "`scores.masked_fill(condition, number)` puts the number wherever the condition is True. The mask is True "
        "where a query may attend, so the condition is its opposite, `~mask`.",
    ),
)
def masked_attention(answer, rng):
    cases = [masked_case(shape, shape, rng) for shape in ((6, 4), (3, 5, 9), (2, 3, 7, 5))]
    cases.append(masked_case((2, 4, 6), (2, 7, 6), rng))
    queries, keys, _, mask = masked_case((2, 4, 6), (2, 5, 6), rng)
    cases.append((queries, keys, drawn((2, 5, 3), rng), mask))
    cases.append(masked_case((1, 4, 3), (1, 4, 3), rng))
    others = INFINITE_WEIGHTS if right_when_open(answer, cases[0]) else ATTENTION_MISTAKES
    mistakes = [*MASKED_MISTAKES, *others]
    remark = judged_cases(answer, cases, attended, mistakes, lambda case: told_by_weights(answer, case))
    fewer_axes(answer, rng)
    low_scores(answer, rng)
    remark += lowest_scores(answer, rng)
    return f"{len(cases)} inputs with random masks, forbidden keys far ahead of the others" + (
        remark + nothing_to_see(answer, rng)
    )


def masked_case(shape: tuple, others: tuple, rng: torch.Generator) -> tuple:
    """Queries of a shape, keys and values of another, and a mask with True and False in every row."""
    mask = torch.rand(*shape[:-1], others[-2], generator=rng)
    mask = (mask > 0.4) & (mask > mask.amin(-1, keepdim=True)) | (mask == mask.amax(-1, keepdim=True))
    return drawn(shape, rng), drawn(others, rng), drawn(others, rng), mask


def tried_quietly(answer, *case: Tensor) -> Tensor | None:
    """The result as a tensor of its own, or None where the answer fails."""
    try:
        given = answer(*case)
    except Mistake:
        return None
    return given.detach().cpu() if isinstance(given, Tensor) else None


def right_when_open(answer, case: tuple) -> bool:
    """Whether the answer is right where every query may look at everything: then only its mask is at fault."""
    queries, keys, values, mask = case
    given = tried_quietly(answer, queries, keys, values, torch.ones_like(mask))
    return agrees(given, attended(queries, keys, values))


def told_by_weights(answer, case: tuple) -> str | None:
    """What the weights say, seen by giving each key a value of its own; None where they say nothing."""
    queries, keys, _, mask = case
    values = torch.eye(keys.shape[-2]).expand(*keys.shape[:-1], -1)  # (..., T_k, T_k)
    if not right_when_open(answer, case):
        return None
    weights = tried_quietly(answer, queries, keys, values, mask)
    if weights is None or weights.shape != mask.shape or not torch.isfinite(weights).all() or (weights < 0).any():
        return None
    most, sums = float((weights * ~mask).max()), weights.sum(-1)
    allowed = weights * mask
    fair = agrees(allowed / allowed.sum(-1, keepdim=True), attended(queries, keys, values, mask))
    if fair and most > 0 and agrees(sums, torch.ones_like(sums)):
        return f"forbidden keys still get weights of up to {most:.2g}: {NOT_LOW_ENOUGH}"
    if most == 0 and not agrees(sums, torch.ones_like(sums)):
        return (
            f"no forbidden key gets weight, but the weights of a query sum to {float(sums.min()):.2f}; they should to 1"
        )
    return None


def low_scores(answer, rng) -> None:
    """Keys that fit badly must still win against forbidden ones, which fit better."""
    queries, values = torch.ones(3, 4), drawn((5, 4), rng)
    keys = torch.tensor([0.0, -30.0, -30.0, 0.0, -30.0])[:, None] * torch.ones(5, 4)  # scores of 0 and -60
    mask = torch.tensor([False, True, True, False, True]).expand(3, 5).clone()
    given = expect_tensor(answer(queries, keys, values, mask), "for keys that fit badly", (3, 4))
    if not agrees(given, attended(queries, keys, values, mask)):
        raise Mistake(f"where every allowed score is low (-60), forbidden keys get weight after all: {NOT_LOW_ENOUGH}")


def lowest_scores(answer, rng) -> str:
    """A remark on what is right until scores are lower than any that one meets."""
    queries, values = torch.ones(3, 4), drawn((5, 4), rng)
    keys = torch.tensor([0.0, -2e9, -2e9, 0.0, -2e9])[:, None] * torch.ones(5, 4)  # scores of 0 and -4e9
    mask = torch.tensor([False, True, True, False, True]).expand(3, 5).clone()
    given = tried_quietly(answer, queries, keys, values, mask)
    if given is None or agrees(given, attended(queries, keys, values, mask)):
        return ""
    if torch.isfinite(given).all() and (given != 0).any():
        return ". The number is finite, so it works while no allowed score is lower; `-inf` always works"
    return (
        ". Weights set to 0 and divided by their sum are correct too, until all allowed ones are rounded to zero "
        "(0 / 0); `-inf` before the softmax has no such limit"
    )


def nothing_to_see(answer, rng) -> str:
    """A remark on what a query gets that may look at nothing. Each of the usual answers is right here."""
    queries, keys, values, mask = masked_case((4, 6), (4, 6), rng)
    mask[1] = False
    try:
        given = expect_tensor(answer(queries, keys, values, mask), "for a query that may attend to nothing", (4, 6))
    except Mistake:
        return ""
    if torch.isnan(given[1]).any():
        return ". A query that may attend to nothing gets NaN here (0 / 0 in the softmax); `mmcourse` gives it zeros"
    if agrees(given[1], values.mean(0)):
        return ". A query that may attend to nothing gets the mean of all values here; `mmcourse` gives it zeros"
    return ""


def fewer_axes(answer, rng) -> None:
    """A mask that is the same for all heads and queries broadcasts to the scores."""
    queries, keys, values = (drawn((2, 3, 5, 4), rng) for _ in range(3))
    mask = torch.tensor([[True, True, False, True, False], [True, True, True, True, False]])[:, None, None]
    where = f"for queries of shape {tuple(queries.shape)} and a mask of shape {tuple(mask.shape)}"
    try:
        given = expect_tensor(answer(queries, keys, values, mask), where, queries.shape)
    except Mistake as problem:
        raise Mistake(
            f"the mask may have fewer rows than the scores, to which it broadcasts, but {where}: {problem}. "
            "`masked_fill` and `torch.where` broadcast, an index such as `scores[~mask]` does not"
        ) from None
    if not agrees(given, attended(queries, keys, values, mask)):
        raise Mistake(f"{where} the result is wrong: the mask broadcasts to the scores, over heads and queries")
