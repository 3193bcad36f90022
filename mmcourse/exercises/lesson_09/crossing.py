"""Exercise 09.3: cross-attention, whose queries come from one modality and keys and values from another."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, agrees, described, drawn, judge_tensors

Case = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def scores_of(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor) -> Tensor:
    """(B, T_q, T_k), divided by the root of d."""
    return (query_tokens @ W_q.T) @ (other @ W_k.T).transpose(1, 2) / len(W_q) ** 0.5


def crossed(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> tuple[Tensor, Tensor]:
    """What `cross_attention` should give.   -> (B, T_q, D), (B, T_q, T_k)"""
    weights = scores_of(query_tokens, other, W_q, W_k).softmax(-1)
    return weights @ (other @ W_v.T), weights


def weighed(weights_of) -> Mistakes:
    """Cross-attention whose weights come of the scores in another way."""
    return lambda a, o, q, k, v: weights_of(scores_of(a, o, q, k)) @ (o @ v.T)


MISTAKES: Mistakes = [
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * len(q) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are not divided by the root of d, which is the number of rows of `W_q`",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) / len(q) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by d itself; by its root they are to be",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / a.shape[-1]) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the root of the asking tokens' width; d is what the queries have after `W_q`",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / o.shape[-1]) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the root of the places' width; d is what the keys have after `W_k`",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / len(v)) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the root of the values' width; d is that of queries and keys",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / o.shape[1]) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the root of the number of places; d is the number of features of a query",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * len(q)).softmax(-1) @ (o @ v.T),
        "the scores are multiplied by the root of d; they are divided by it",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * len(q) ** 0.5).softmax(-1) @ (o @ v.T) / len(q) ** 0.5,
        "the root of d comes after the softmax, so the weights no longer sum to 1: divide the scores, before it",
    ),
    (
        lambda a, o, q, k, v: crossed(a, o, q, k, v)[0] / len(q) ** 0.5,
        "it is divided by the root of d once more after the softmax; before it is enough",
    ),
    (weighed(lambda s: s.softmax(1)), "the softmax runs over the asking tokens; what one of them takes sums to 1"),
    (weighed(lambda s: s.softmax(0)), "the softmax runs over the batch; what one token takes of its places sums to 1"),
    (weighed(lambda s: s), "the softmax is missing: the weights are bare scores"),
    (weighed(torch.sigmoid), "the weights come from a sigmoid; a softmax makes them sum to 1"),
    (
        weighed(lambda s: s.flatten(1).softmax(1).reshape(s.shape)),
        "the softmax runs over the whole table; each asking token has weights of its own that sum to 1",
    ),
    (
        weighed(lambda s: torch.nn.functional.one_hot(s.argmax(-1), s.shape[-1]).float()),
        "only the best place is taken; an argmax has no slope, so it could never learn",
    ),
    (
        lambda a, o, q, k, v: crossed(a, o, q, k, v)[0] / o.shape[1],
        "the result is divided by the number of places; the weights sum to 1 already",
    ),
]


@exercise(
    "09.3",
    title="cross-attention",
    dots=2,
    minutes=15,
    hints=(
        "Who asks gives the queries: `query_tokens @ W_q.T`. Who is looked at gives the rest: `other @ W_k.T` and "
        "`other @ W_v.T`. Write the three shapes down.",
        "From here on it is exercise 04.1. d is the last size of the queries, and the same for the keys, however wide "
        "the two modalities are.",
        "Return both: what was found, (B, T_q, D), and the weights, (B, T_q, T_k).",
    ),
)
def cross_attention(answer, rng):
    cases = []
    for batch, query_tokens, other, d, out in (
        (2, (3, 5), (7, 4), 6, 3),
        (3, (1, 4), (6, 9), 2, 5),
        (2, (5, 3), (4, 6), 7, 8),
    ):
        W = [drawn(rng, d, query_tokens[1]), drawn(rng, d, other[1]), drawn(rng, out, other[1])]
        cases.append((drawn(rng, batch, *query_tokens), drawn(rng, batch, *other), *W))
    both = [two_of(answer(*case), case) for case in cases]
    judge_tensors(Given(cases, [found for found, _ in both]), cases, found_by, MISTAKES, where, causes)
    for case, (_, weights) in zip(cases, both, strict=True):
        expected = crossed(*case)[1]
        if tuple(weights.shape) != tuple(expected.shape):
            turned = tuple(weights.shape) == tuple(expected.transpose(1, 2).shape)
            raise NotRight(
                f"{where(*case)} the weights have shape {tuple(weights.shape)}, expected {tuple(expected.shape)}"
                + (": a row for each that asks, a column for each place" if turned else "")
            )
        if not agrees(weights.detach().cpu(), expected):
            raise NotRight(
                "what was found is right, but what came with it are not the weights: after the softmax, those of one "
                "row sum to 1"
            )
    remark = expect_gradients(answer, cases[0], found_by, part=lambda result: result[0])
    return "three pairs of modalities of different widths; the weights of each token that asks sum to 1" + remark


class Given:
    """Gives back for each case what the learner's function gave before."""

    def __init__(self, cases: list[Case], results: list[Tensor]):
        self.results = {id(case[0]): result for case, result in zip(cases, results, strict=True)}

    def __call__(self, query_tokens: Tensor, *_) -> Tensor:
        return self.results[id(query_tokens)]


def found_by(*case: Tensor) -> Tensor:
    return crossed(*case)[0]


def two_of(result, case: Case) -> tuple[Tensor, Tensor]:
    """Found and weights, once two tensors came."""
    if isinstance(result, Tensor):
        raise NotRight("one tensor came back; what was found and the weights are asked for: `return found, weights`")
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise NotRight(f"{where(*case)} it gave {described(result)}, expected two tensors: found, weights")
    found, weights = result
    expected = crossed(*case)
    shapes = tuple(found.shape), tuple(weights.shape)
    if shapes == (tuple(expected[1].shape), tuple(expected[0].shape)):
        raise NotRight("the weights come first; `return found, weights`")
    return found, weights


def where(query_tokens: Tensor, other: Tensor, W_q: Tensor, *_) -> str:
    return f"for asking {tuple(query_tokens.shape)}, other {tuple(other.shape)} and d = {len(W_q)}"


def causes(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> dict[tuple, str]:
    batch, T_q, _ = query_tokens.shape
    T_k, out = other.shape[1], len(W_v)
    return {
        (
            batch,
            T_k,
            out,
        ): "as many tokens as there are places: the other modality asks here. Queries come of `query_tokens`",
        (batch, T_q, len(W_q)): "those are as wide as the keys: the values come of `W_v`",
        (batch, out): "the tokens that ask were averaged; each keeps what it found",
        (batch, T_q, other.shape[2]): "the values are the places themselves: `W_v` is left out",
    }
