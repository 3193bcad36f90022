"""Exercise 09.3: cross-attention, whose queries come from one modality and keys and values from another."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, agrees, described, drawn, expect_tensor, judge_tensors
from mmcourse.exercises.properties import expect_right_when_large, mixed_examples
from mmcourse.exercises.unfinished import left_at_zero

Case = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def scores_of(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor) -> Tensor:
    """Scaled scores, divided by the square root of d.   -> (B, T_q, T_k)"""
    return (query_tokens @ W_q.T) @ (other @ W_k.T).transpose(1, 2) / len(W_q) ** 0.5


def crossed(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> tuple[Tensor, Tensor]:
    """What `cross_attention` should return.   -> (B, T_q, D), (B, T_q, T_k)"""
    weights = scores_of(query_tokens, other, W_q, W_k).softmax(-1)
    return weights @ (other @ W_v.T), weights


def weighed(weights_of) -> Mistakes:
    """Cross-attention with another function from scores to weights."""
    return lambda a, o, q, k, v: weights_of(scores_of(a, o, q, k)) @ (o @ v.T)


MISTAKES: Mistakes = [
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * len(q) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are not divided by the square root of d, the number of rows of `W_q`",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) / len(q) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by d; divide by its square root",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / a.shape[-1]) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the square root of the width of `query_tokens`; d is the width of the queries, "
        "after `W_q`",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / o.shape[-1]) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the square root of the width of `other`; d is the width of the keys, after `W_k`",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / len(v)) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the square root of the width of the values; d is the width of queries and keys",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * (len(q) / o.shape[1]) ** 0.5).softmax(-1) @ (o @ v.T),
        "the scores are divided by the square root of the number of keys; d is the number of features of a query",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * len(q)).softmax(-1) @ (o @ v.T),
        "the scores are multiplied by the square root of d; divide by it",
    ),
    (
        lambda a, o, q, k, v: (scores_of(a, o, q, k) * len(q) ** 0.5).softmax(-1) @ (o @ v.T) / len(q) ** 0.5,
        "the division by the square root of d comes after the softmax, so the weights no longer sum to 1: divide "
        "the scores before it",
    ),
    (
        lambda a, o, q, k, v: crossed(a, o, q, k, v)[0] / len(q) ** 0.5,
        "the result is divided by the square root of d again after the softmax; dividing the scores is enough",
    ),
    (
        weighed(lambda s: s.softmax(1)),
        "the softmax runs over the queries; the weights of each query sum to 1 over the keys",
    ),
    (
        weighed(lambda s: s.softmax(0)),
        "the softmax runs over the batch; the weights of each query sum to 1 over the keys",
    ),
    (weighed(lambda s: s), "the softmax is missing: the weights are unnormalised scores"),
    (weighed(torch.sigmoid), "the weights come from a sigmoid; a softmax makes them sum to 1"),
    (
        weighed(lambda s: s.flatten(1).softmax(1).reshape(s.shape)),
        "the softmax runs over the whole matrix; the weights of each query sum to 1",
    ),
    (
        weighed(lambda s: torch.nn.functional.one_hot(s.argmax(-1), s.shape[-1]).float()),
        "only the position with the largest score is used; an argmax has no gradient, so it could never learn",
    ),
    (weighed(lambda s: s.log_softmax(-1)), "the weights are logarithms of probabilities: `softmax`, not `log_softmax`"),
    (
        weighed(torch.exp),
        "the exponentials are not divided by their sum; the weights of each query sum to 1: `softmax`",
    ),
    (
        weighed(lambda s: s.relu() / s.relu().sum(-1, keepdim=True)),
        "the scores are cut off at 0 and divided by their sum; the weights come from a softmax",
    ),
    (
        weighed(lambda s: s / s.sum(-1, keepdim=True)),
        "the scores are divided by their sum, without exponentials; the weights come from a softmax",
    ),
    (weighed(lambda s: (-s).softmax(-1)), "the sign of the scores is reversed: large scores get small weights"),
    (
        weighed(lambda s: s.softmax(-1).softmax(-1)),
        "the softmax is applied twice; the weights are those of one softmax",
    ),
    (
        weighed(lambda s: torch.full_like(s, 1 / s.shape[-1])),
        "the output is the plain mean over the positions of `other`: the weights are not used",
    ),
    *(
        (
            lambda a, o, q, k, v, n=n: (scores_of(a, o, q, k) * (len(q) / n) ** 0.5).softmax(-1) @ (o @ v.T),
            f"the scores are divided by the square root of {n}, whatever d is; d is the number of rows of `W_q`",
        )
        for n in (8, 16, 32, 64, 128, 256)
    ),
    (
        lambda a, o, q, k, v: crossed(a, o, q, k, v)[0] / o.shape[1],
        "the result is divided by the number of keys; the weights already sum to 1",
    ),
]


@exercise(
    "09.3",
    title="cross-attention",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "`query_tokens @ W_q.T` are the queries. Keys and values come from the other modality: `other @ W_k.T` and "
        "`other @ W_v.T`. Write down the three shapes.",
        "From here on it is exercise 04.1. d is the width of queries and keys, whatever the widths of the two "
        "modalities.",
        "Return both: the output, (B, T_q, D), and the weights, (B, T_q, T_k).",
    ),
)
def cross_attention(answer, rng):
    cases = []
    for batch, query_tokens, other, d, out in (
        (2, (3, 5), (7, 4), 6, 3),
        (3, (1, 4), (6, 9), 2, 5),
        (2, (5, 3), (4, 6), 7, 8),
        (1, (3, 2), (5, 4), 1, 6),
    ):
        W = [drawn(rng, d, query_tokens[1]), drawn(rng, d, other[1]), drawn(rng, out, other[1])]
        cases.append((drawn(rng, batch, *query_tokens), drawn(rng, batch, *other), *W))

    def property_lacking(*_) -> str:
        weights = [weights for _, weights in both]
        return (
            positions_masked(cases, weights)
            or left_at_zero(cases, [output for output, _ in both], output_of, "example")
            or mixed_examples(answer, cases[0], (0, 1))
            or other_scale(cases, weights)
        )

    both = [two_of(called(answer, case), case) for case in cases]
    judge_tensors(
        Given(cases, [output for output, _ in both]),
        cases,
        output_of,
        MISTAKES,
        where,
        causes,
        failing=property_lacking,
    )
    for case, (_, weights) in zip(cases, both, strict=True):
        expected = crossed(*case)[1]
        batch, T_q, T_k = expected.shape
        rows = {
            (batch, T_k, T_q): "a row per query, a column per key",
            (batch, T_k): "one row for all queries, a sum or a mean; each query has its own row of weights",
            (batch, T_q): "one number per query; each query has a weight for every key",
        }
        weights = expect_tensor(weights, f"{where(*case)}, for the weights,", expected.shape, rows)
        if not agrees(weights, expected):
            raise Mistake(
                "the output is correct, but the second tensor does not contain the weights: after the softmax each row "
                "sums to 1"
            )
    expect_right_when_large(lambda *case: tuple(answer(*case)), large_case(rng), crossed)
    remark = expect_gradients(answer, cases[0], output_of, part=lambda result: result[0])
    return "correct for four pairs of modalities of different widths; the weights of each query sum to 1" + remark


def large_case(rng) -> Case:
    """One query with the scores 300, 301, 299 and 300, which are exact in float32."""
    query_tokens, other = torch.tensor([[[2.0, 0, 0, 0]]]), drawn(rng, 1, 4, 4)
    other[0, :, 0] = torch.tensor([300.0, 301, 299, 300])
    values = drawn(rng, 3, 4)
    values[:, 0] = 0
    return query_tokens, other, torch.eye(4), torch.eye(4), values


def positions_masked(cases: list[Case], weights: list[Tensor]) -> str:
    """Words where weights are a softmax over some of the positions, and those of others are 0; else empty."""
    causal, found = [], ""
    for case, given in zip(cases, weights, strict=True):
        expected = crossed(*case)[1]
        given = given.detach()
        if given.shape != expected.shape:
            return ""
        out = (given == 0) & (expected > 1e-6)
        among_others = scores_of(*case[:4]).masked_fill(given == 0, -torch.inf).softmax(-1)
        if not torch.allclose(given.to(expected.dtype), among_others, rtol=1e-2, atol=1e-4):
            return ""
        later = torch.ones_like(expected, dtype=torch.bool).triu(1)
        causal.append(torch.equal(out, later & (expected > 1e-6)))
        if out.any() and not found:
            b, i, j = out.nonzero()[0].tolist()
            found = f"{where(*case)} query {i} gives position {j} of `other` the weight 0"
    if found and all(causal):
        return (
            f"{found}, and so for every later position: that is a causal mask. There is no order between the "
            "modalities, and every query attends to all positions"
        )
    return found and f"{found}; every query attends to all positions of `other`, and none is masked"


def other_scale(cases: list[Case], weights: list[Tensor]) -> str:
    """Words for weights that are a softmax of the scores with another factor; empty where they are not."""
    found = []
    for (query_tokens, other, W_q, W_k, _), given in zip(cases, weights, strict=True):
        scores = scores_of(query_tokens, other, W_q, W_k) * len(W_q) ** 0.5
        if given.shape != scores.shape or not (given > 0).all():
            return ""
        logarithms = given.detach().log()
        scores, logarithms = (x - x.mean(-1, keepdim=True) for x in (scores, logarithms))
        factor = (scores * logarithms).sum() / scores.square().sum()
        if (factor * scores - logarithms).abs().max() > 0.01 or (given.sum(-1) - 1).abs().max() > 1e-3:
            return ""
        found.append((len(W_q), float(factor)))
    d, factor = found[0]
    return (
        f"for d = {d} the weights are a softmax of the dot products times {factor:.3f}; the factor is 1 divided by the "
        f"square root of d, {d**-0.5:.3f}"
    )


class Given:
    """Returns for each case what the learner's function returned before."""

    def __init__(self, cases: list[Case], results: list[Tensor]):
        self.results = {id(case[0]): result for case, result in zip(cases, results, strict=True)}

    def __call__(self, query_tokens: Tensor, *_) -> Tensor:
        return self.results[id(query_tokens)]


def called(answer, case: Case):
    """The answer's result; where matrices do not fit, which was exchanged or not transposed."""
    query_tokens, other, W_q, W_k, W_v = case
    try:
        return answer(*case)
    except Mistake as problem:
        for tokens, name, widths in ((query_tokens, "query_tokens", "D_query"), (other, "other", "D_other")):
            rows, width = tokens.shape[0] * tokens.shape[1], tokens.shape[2]
            for W, role in ((W_q, "queries"), (W_k, "keys"), (W_v, "values")):
                source = "query_tokens" if W is W_q else "other"
                matrix = f"W_{role[0]}"
                if name != source and f"({rows}x{width} and {W.shape[1]}x{len(W)})" in str(problem):
                    words = f"the {role} come from `{source}`, `{source} @ {matrix}.T`, and here from `{name}`"
                elif name == source and f"({rows}x{width} and {len(W)}x{W.shape[1]})" in str(problem):
                    words = (
                        f"`{matrix}` is ({'D' if W is W_v else 'd'}, {widths}): multiply by its transpose, `{matrix}.T`"
                    )
                else:
                    continue
                raise Mistake(f"{problem}. {words[0].upper()}{words[1:]}") from None
        raise


def output_of(*case: Tensor) -> Tensor:
    return crossed(*case)[0]


def two_of(result, case: Case) -> tuple[Tensor, Tensor]:
    """Output and weights, after a check that there are two tensors."""
    if isinstance(result, Tensor):
        raise Mistake("one tensor was returned; return the output and the weights: `return output, weights`")
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Mistake(f"{where(*case)} it returned {described(result)}, expected two tensors: output, weights")
    output, weights = result
    expected = crossed(*case)
    shapes = tuple(output.shape), tuple(weights.shape)
    if shapes == (tuple(expected[1].shape), tuple(expected[0].shape)):
        raise Mistake("the weights are returned first; `return output, weights`")
    return output, weights


def where(query_tokens: Tensor, other: Tensor, W_q: Tensor, *_) -> str:
    return f"for query_tokens {tuple(query_tokens.shape)}, other {tuple(other.shape)} and d = {len(W_q)}"


def causes(query_tokens: Tensor, other: Tensor, W_q: Tensor, W_k: Tensor, W_v: Tensor) -> dict[tuple, str]:
    batch, T_q, _ = query_tokens.shape
    T_k, out = other.shape[1], len(W_v)
    return {
        (
            batch,
            T_k,
            out,
        ): "one output per position of `other`: the modalities are swapped. The queries come from `query_tokens`",
        (batch, T_q, T_k): "that is the shape of the weights; the output is their product with the values",
        (batch, T_q, len(W_q)): "that is the width of the keys; the values come from `W_v`",
        (batch, out): "one output for all queries; each query keeps its own",
        (batch, T_q, other.shape[2]): "that is the width of `other`; the values are `other @ W_v.T`",
    }
