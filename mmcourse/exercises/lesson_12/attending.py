"""Exercise 12.3: one step of attention, with the decoder's state as the query and the image positions as keys."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import SQUEEZED, Mistakes, described, drawn, judge_tensors, squeezed
from mmcourse.exercises.properties import expect_right_when_large, ignored


def scores_of(state: Tensor, positions: Tensor, W: Tensor) -> Tensor:
    """(B, P)"""
    return (positions @ (state @ W.T)[:, :, None])[..., 0]


def attended(
    weights_of=lambda scores: scores.softmax(1),
    found_of=lambda w, positions: (w[:, None] @ positions)[:, 0],
    shown_of=lambda scores, w: w,
):
    """One step of attention, of which the weights, the context or the returned weights are computed differently.

    Context and weights are concatenated, (B, D + P).
    """

    def attend(state, positions, W):
        scores = scores_of(state, positions, W)
        weights = weights_of(scores)
        return torch.cat([found_of(weights, positions), shown_of(scores, weights)], dim=1)

    return attend


right = attended()
MISTAKES: Mistakes = [
    (attended(lambda s: s), "the softmax is missing: the weights are the raw scores"),
    (
        attended(lambda s: s.softmax(0)),
        "the softmax runs over the batch; the weights of one image, over its positions, sum to 1",
    ),
    (
        attended(torch.ones_like),
        "every weight is 1: the softmax runs over an axis of length 1, or over the features, whose weights are then "
        "summed; it belongs over the P positions",
    ),
    (
        attended(lambda s: s.flatten().softmax(0).view_as(s)),
        "the weights of the whole batch sum to 1 together; those of each image should: a softmax over P alone",
    ),
    (attended(torch.exp), "`exp` alone: divide by the sum over the positions, so that the weights sum to 1"),
    (
        attended(lambda s: s / s.sum(1, keepdim=True)),
        "the scores are divided by their sum and the `exp` is missing, so weights may be negative",
    ),
    (
        attended(shown_of=lambda scores, w: scores),
        "the context is correct, but the scores are returned as weights: return those after the softmax",
    ),
    (
        attended(shown_of=lambda scores, w: scores.log_softmax(1)),
        "the context is correct, but the logarithms of the weights are returned: `softmax`, not `log_softmax`",
    ),
    (attended(lambda s: s.log_softmax(1)), "the weights are logarithms: `softmax`, not `log_softmax`"),
    (
        lambda s, p, W: torch.cat([s @ W.T, right(s, p, W)[:, p.shape[2] :]], dim=1),
        "the query is returned as the context; the context is the weighted mean of the positions",
    ),
    (attended(torch.sigmoid), "the weights come from a sigmoid; a softmax makes those of one image sum to 1"),
    (
        attended(lambda s: (-s).softmax(1)),
        "the positions with the lowest scores get the largest weights: is there a minus sign too many?",
    ),
    (
        attended(lambda s: torch.nn.functional.one_hot(s.argmax(1), s.shape[1]).to(s)),
        "only the best position has a weight; an argmax is not differentiable, so nothing before it would be trained",
    ),
    (
        lambda s, p, W: attended(lambda x: (x / p.shape[2] ** 0.5).softmax(1))(s, p, W),
        "the scores are divided by the square root of D; this exercise does not scale them",
    ),
    (
        lambda s, p, W: attended(lambda x: (x / s.shape[1] ** 0.5).softmax(1))(s, p, W),
        "the scores are divided by the square root of H; this exercise does not scale them",
    ),
    (
        attended(found_of=lambda w, p: (w[:, None] @ p)[:, 0] / p.shape[1]),
        "the context is divided by the number of positions; the weights sum to 1 already",
    ),
    (attended(found_of=lambda w, p: p.sum(dim=1)), "the context is the unweighted sum: the weights are not used"),
    (attended(found_of=lambda w, p: p.mean(dim=1)), "the context is the unweighted mean: the weights are not used"),
    (
        attended(found_of=lambda w, p: p[torch.arange(len(p)), w.argmax(1)]),
        "the context is the best position alone; it is the weighted mean of all",
    ),
    (
        lambda s, p, W: right(s[:1].expand_as(s), p, W),
        "the state of the first example queries for the whole batch; each example has its own",
    ),
    (
        attended(lambda s: s.tanh().softmax(1)),
        "there is a tanh of the scores, as in additive attention; here a score is the dot product itself",
    ),
    (
        lambda s, p, W: with_scores(torch.cosine_similarity(p, (s @ W.T)[:, None], dim=2), p),
        "the scores are cosines; here they are dot products, without the division by the norms",
    ),
    (
        lambda s, p, W: with_scores((p + (s @ W.T)[:, None]).tanh().sum(2), p),
        "the scores are additive, with a tanh (Bahdanau); here a score is the dot product of position and query",
    ),
    (
        lambda s, p, W: with_scores((p + (s @ W.T)[:, None]).sum(2), p),
        "position and query are added; the score is their dot product",
    ),
    (
        lambda s, p, W: with_scores(-torch.cdist(p, (s @ W.T)[:, None])[..., 0], p),
        "the scores are negative distances; here they are dot products",
    ),
    (
        lambda s, p, W: torch.cat(
            [right(s, p, W)[:, : p.shape[2]] * (s @ W.T), right(s, p, W)[:, p.shape[2] :]], dim=1
        ),
        "the weights are correct; the context is multiplied by the query, component by component: it is the weighted "
        "sum of the positions themselves",
    ),
    (
        lambda s, p, W: torch.cat(
            [right(s, p, W)[:, : p.shape[2]] + (s @ W.T), right(s, p, W)[:, p.shape[2] :]], dim=1
        ),
        "the weights are correct; the query is added to the context: it is the weighted sum of the positions alone",
    ),
    *(
        (
            lambda s, p, W, factor=factor: attended(lambda x: (x * factor).softmax(1))(s, p, W),
            f"the scores are multiplied by {factor:g} before the softmax; this exercise does not scale them",
        )
        for factor in (0.1, 0.5, 2, 10)
    ),
    (
        lambda s, p, W: attended(lambda x: (x / p.shape[1] ** 0.5).softmax(1))(s, p, W),
        "the scores are divided by the square root of T; this exercise does not scale them",
    ),
]


def with_scores(scores: Tensor, positions: Tensor) -> Tensor:
    """Context and weights for other scores."""
    weights = scores.softmax(1)
    return torch.cat([(weights[:, None] @ positions)[:, 0], weights], dim=1)


@exercise(
    "12.3",
    title="one step of attention",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "`state @ W.T` is the query, (B, D), as wide as a position; its dot product with each position is a score.",
        "`positions @ query[:, :, None]` is (B, T, 1); `.squeeze(2)` and a softmax over T give the weights.",
        "The context, a weighted mean: `(weights[:, :, None] * positions).sum(dim=1)`, (B, D).",
    ),
)
def attend(answer, rng):
    cases = [
        (drawn(rng, batch, hidden), drawn(rng, batch, tokens, width), drawn(rng, width, hidden) / 2)
        for batch, tokens, width, hidden in ((3, 7, 4, 6), (4, 4, 6, 3), (2, 9, 5, 5), (1, 5, 3, 4))
    ]

    def tried(*case) -> Tensor:
        return joined(answer(*case), case)

    try:
        judge_tensors(tried, cases, right, MISTAKES, where, entry=entry)
    except Mistake as problem:
        if "Error" in str(problem) and ignored(tried, cases[2], 2, drawn(rng, 5, 5)):
            raise Mistake(f"{problem}. For another `W` the result is the same; the query is `state @ W.T`") from None
        raise
    state, positions, W = torch.tensor([[1.0, 0, 0]]), drawn(rng, 1, 4, 3), torch.eye(3)
    positions[0, :, 0] = torch.tensor([300.0, 301, 299, 300])  # the scores
    expect_right_when_large(tried, (state, positions, W), right)
    remark = expect_gradients(answer, cases[0], lambda *case: tuple(right(*case).split([4, 7], dim=1)), part=tuple)
    return "four sizes; the weights of each image sum to 1" + remark


def joined(result, case) -> Tensor:
    """Context and weights concatenated, once their shapes are correct."""
    state, positions, W = case
    batch, tokens, width = positions.shape
    if isinstance(result, Tensor):
        raise Mistake("one tensor was returned; context and weights are expected: `return context, weights`")
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Mistake(f"{where(*case)} it returned {described(result)}, expected two tensors: context, weights")
    found, weights = (x.detach().cpu() for x in result)
    shapes = tuple(found.shape), tuple(weights.shape)
    if squeezed(shapes[0], (batch, width)) or squeezed(shapes[1], (batch, tokens)):
        raise Mistake(f"{where(*case)} context and weights have shapes {shapes[0]} and {shapes[1]}: {SQUEEZED}")
    both = right(state, positions, W)
    if shapes == ((width,), (tokens,)) and torch.allclose(torch.cat([found, weights]), both[0], rtol=1e-3, atol=1e-4):
        raise Mistake(f"{where(*case)} only the first example is there: is a `return` inside the loop over the batch?")
    if (
        shapes == ((batch, tokens), (batch, width))
        and tokens != width
        and torch.allclose(torch.cat([weights, found], 1), both, rtol=1e-3, atol=1e-4)
    ):
        raise Mistake("the weights come first; `return context, weights`")
    if shapes[1] == (batch, tokens, 1) or shapes[0] in ((batch, width, 1), (batch, 1, width)):
        raise Mistake(f"{where(*case)} an axis of length 1 is left: {shapes[0]}, {shapes[1]}. `.squeeze(...)`")
    if shapes[0] == (batch, tokens) != (batch, width):
        raise Mistake(
            f"{where(*case)} the context has one number for each position, and none for the features: the sum runs "
            "over the positions, `.sum(dim=1)`"
        )
    if shapes[0] == (batch, tokens, width):
        raise Mistake(f"{where(*case)} the positions are not summed in the context: `.sum(dim=1)`")
    if shapes != ((batch, width), (batch, tokens)):
        raise Mistake(
            f"{where(*case)} context and weights have shapes {shapes[0]} and {shapes[1]}, expected {(batch, width)} "
            f"and {(batch, tokens)}"
        )
    return torch.cat([found, weights], dim=1)


def where(state: Tensor, positions: Tensor, W: Tensor) -> str:
    return f"for a state {tuple(state.shape)}, positions {tuple(positions.shape)} and W {tuple(W.shape)}"


def entry(position: tuple[int, int], case: tuple) -> str:
    (row, column), width = position, case[1].shape[2]
    return f"context[{row}, {column}]" if column < width else f"weights[{row}, {column - width}]"
