"""What `attention` should give, and what typical mistakes give instead, for exercises 04.1 and 04.2."""

import math
from collections.abc import Callable, Sequence
from itertools import permutations

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.judging import Mistakes, agrees, expect_tensor, named_mistake, relation
from mmcourse.exercises.lesson_04.crashes import HAS_AXES, among_others
from mmcourse.exercises.properties import expect_without

READY_MADE = {"scaled_dot_product_attention", "multi_head_attention_forward", "_native_multi_head_attention"}
FROM_SCRATCH = ". The numbers are correct, but PyTorch's function computed them: write it once with `@` and `softmax`"


def drawn(shape: Sequence[int], rng: torch.Generator) -> Tensor:
    """Random vectors, far enough apart for the softmax to prefer some."""
    return 1.5 * torch.randn(*shape, generator=rng)


def scores_of(queries: Tensor, keys: Tensor, divisor: float | None = None) -> Tensor:
    """Dot products over sqrt(d), or over another divisor.   (..., T_q, d), (..., T_k, d) -> (..., T_q, T_k)"""
    return queries @ keys.transpose(-2, -1) / (math.sqrt(queries.shape[-1]) if divisor is None else divisor)


def unit(vectors: Tensor) -> Tensor:
    """Vectors of length 1."""
    return vectors / vectors.norm(dim=-1, keepdim=True)


def causal(queries: Tensor, keys: Tensor) -> Tensor:
    """True up to a query's own position.   -> (T_q, T_k)"""
    return torch.ones(queries.shape[-2], keys.shape[-2], dtype=torch.bool).tril()


def hidden(scores: Tensor, mask: Tensor | None, fill: float = -math.inf) -> Tensor:
    """Scores with `fill` where the mask forbids."""
    return scores if mask is None else scores.masked_fill(~mask, fill)


def attended(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, divisor=None, axis=-1):
    """Attention as it should be, or with another divisor or axis."""
    return hidden(scores_of(queries, keys, divisor), mask).softmax(axis) @ values


def weighted_by(weigh: Callable[[Tensor], Tensor]) -> Callable:
    """Attention whose weights are made of the masked scores in another way."""
    return lambda q, k, v, mask=None: weigh(hidden(scores_of(q, k), mask)) @ v


def divided_by(divisor: Callable[[Tensor], float]) -> Callable:
    """Attention with a divisor that comes from the queries in another way."""
    return lambda q, k, v, mask=None: attended(q, k, v, mask, divisor=divisor(q))


def along(axis: int) -> Callable:
    """Attention whose softmax runs over another axis."""
    return lambda q, k, v, mask=None: attended(q, k, v, mask, axis=axis)


def possible(mistaken: Callable) -> Callable:
    """The same, giving None where shapes forbid this mistake."""

    def attempt(*case):
        try:
            return mistaken(*case)
        except (RuntimeError, IndexError):
            return None

    return attempt


def exchanged() -> list[tuple[Callable, str]]:
    """Every way to put queries, keys and values in one another's places, or one of them in two places."""
    names = ("queries", "keys", "values")
    found = []
    for order in [*permutations(range(3)), (0, 0, 2), (1, 1, 2), (0, 1, 0), (0, 1, 1), (2, 2, 2), (0, 2, 2)]:
        if order == (0, 1, 2):
            continue
        wrong = [names[i] for i in order]
        words = f"it is computed with {wrong[0]} · {wrong[1]}, and then mixes the {wrong[2]}; " + (
            "queries · keys give the scores, and what is mixed are the values"
        )
        if order == (0, 2, 1):
            words = "keys and values are exchanged: queries are compared with keys, and values are averaged"
        if order == (1, 0, 2):
            words = "queries and keys are exchanged: a row of scores belongs to a query, a column to a key"
        found.append(
            (
                lambda q, k, v, mask=None, order=order: attended(*((q, k, v)[i] for i in order), mask),
                words,
            )
        )
    return found


ATTENTION_MISTAKES: Mistakes = [
    (
        divided_by(lambda q: 1),
        "the scores are not divided by √d, so with long vectors the softmax saturates",
    ),
    (divided_by(lambda q: q.shape[-1]), "the scores are divided by d; it is its square root"),
    (
        divided_by(lambda q: math.sqrt(q.shape[-2])),
        "the scores are divided by √T, the root of the number of words; d is the last size",
    ),
    (
        divided_by(lambda q: math.sqrt(len(q))),
        "the scores are divided by the root of `len(queries)`, the first size; d is the last one, `queries.shape[-1]`",
    ),
    (
        lambda q, k, v, mask=None: hidden(scores_of(unit(q), unit(k), 1), mask).softmax(-1) @ v,
        "queries and keys are scaled to length 1, as for a cosine similarity; take dot products, divided by √d",
    ),
    (
        lambda q, k, v, mask=None: hidden(scores_of(unit(q), unit(k)), mask).softmax(-1) @ v,
        "queries and keys are scaled to length 1, as for a cosine similarity; take plain dot products",
    ),
    (
        lambda q, k, v, mask=None: q + attended(q, k, v, mask),
        "the queries are added to the result, as a residual connection does; return the averaged values alone",
    ),
    (divided_by(lambda q: q.shape[-2]), "the scores are divided by T, the number of words; divide by √d"),
    (divided_by(lambda q: q.shape[-1] ** -0.5), "the scores are multiplied by √d; divide by it"),
    (divided_by(lambda q: q.shape[-1] ** 0.25), "the scores are divided by the fourth root of d: one root too many"),
    (divided_by(lambda q: q.shape[-1] ** 2), "the scores are divided by d²; it is the square root, `d ** 0.5`"),
    (
        along(-2),
        "the softmax runs over the queries (axis -2), so what one word gives adds up to 1; "
        "what one query takes from all keys should: axis -1",
    ),
    (along(0), "the softmax runs over axis 0, the batch; it runs over the keys, the last axis: `dim=-1`"),
    (along(1), "the softmax runs over axis 1; it runs over the keys, the last axis however many there are: `dim=-1`"),
    *exchanged(),
    (
        lambda q, k, v, mask=None: hidden(scores_of(q, k, 1), mask).softmax(-1) / math.sqrt(q.shape[-1]) @ v,
        "the division by √d comes after the softmax, so the weights no longer sum to 1: divide the scores",
    ),
    (
        lambda q, k, v, mask=None: hidden(scores_of(q, k, 1), mask).softmax(-1) / q.shape[-1] @ v,
        "there is a division by d after the softmax: divide the scores, by √d",
    ),
    (weighted_by(lambda s: s), "there is no softmax: the scores themselves weigh the values"),
    (
        lambda q, k, v, mask=None: hidden(scores_of(q, k, 1), mask) @ v,
        "there is neither a softmax nor a division by √d: the dot products themselves weigh the values",
    ),
    (
        weighted_by(lambda s: s / s.sum(-1, keepdim=True)),
        "the scores are divided by their sum; the softmax takes exp first",
    ),
    (weighted_by(torch.exp), "exponentials that are not divided by their sum: the weights of a query should sum to 1"),
    (weighted_by(torch.sigmoid), "a sigmoid instead of the softmax: the weights of a query should sum to 1"),
    (weighted_by(lambda s: s.log_softmax(-1)), "`log_softmax` gives logarithms of weights; take `softmax`"),
    (
        weighted_by(lambda s: (s == s.amax(-1, keepdim=True)).to(s.dtype)),
        "each query takes the value of its best key alone; a softmax mixes all of them",
    ),
    (
        weighted_by(lambda s: s.softmax(-1).softmax(-1)),
        "there are two softmaxes: the second makes the weights nearly equal",
    ),
    (
        weighted_by(lambda s: s.softmax(-1).transpose(-2, -1)),
        "the weights are turned before they meet the values: `weights @ values`, row by row",
    ),
    (
        lambda q, k, v, mask=None: (scores_of(q, k) @ v).softmax(-1),
        "the softmax comes after the values were mixed: it makes weights of the scores, and then they mix",
    ),
    (
        lambda q, k, v, mask=None: (q * k / math.sqrt(q.shape[-1])).softmax(-1) * v,
        "`*` multiplies each query with the key at its own position; `@` compares every query with every key",
    ),
    (
        lambda q, k, v, mask=None: v.mean(-2, keepdim=True).expand_as(v),
        "every query gets the plain mean of the values, as if all scores were equal",
    ),
    (
        lambda q, k, v, mask=None: v.sum(-2, keepdim=True).expand_as(v),
        "every query gets the plain sum of the values, as if all weights were 1",
    ),
    (weighted_by(lambda s: (-s).softmax(-1)), "the scores have the other sign: the least similar key weighs most"),
    (weighted_by(lambda s: s.relu().softmax(-1)), "negative scores have become 0 before the softmax; they stay"),
    (weighted_by(lambda s: s.abs().softmax(-1)), "the scores have lost their signs before the softmax"),
    (weighted_by(lambda s: s.tanh().softmax(-1)), "the scores go through a tanh before the softmax; they stay"),
    (divided_by(lambda q: q.shape[-1] / 2), "the scores are divided by d / 2; divide by √d"),
    (divided_by(lambda q: math.sqrt(2 * q.shape[-1])), "the scores are divided by √(2 d); divide by √d"),
    (lambda q, k, v, mask=None: v + attended(q, k, v, mask), "the values are added to the result"),
    (lambda q, k, v, mask=None: attended(q, k, v, mask).relu(), "negative entries of the result have become 0"),
    (
        lambda q, k, v, mask=None: attended(q, k, v, causal(q, k)),
        "there is a causal mask, so no query attends to later keys; "
        "that is not asked for here: the keys to attend to are all keys, or those of the given mask",
    ),
    (lambda q, k, v, mask=None: v, "the values come back as they were"),
]


INSERTED = "one axis too many: the mask broadcasts to the scores as it is, without `[:, None]`"
ONE_IN_FRONT = "one axis of size 1 is in front; the result has as many axes as the queries, here two"
FLATTENED = "the leading axes are one: give the result those of the queries again, `reshape(*queries.shape[:-1], -1)`"


def shape_causes(queries: Tensor, keys: Tensor, values: Tensor, masked: bool = False) -> dict[tuple, str]:
    """What each wrong shape of the result comes from."""
    *before, length, _ = queries.shape
    others, width = values.shape[-2:]
    return {
        (*before, width, length): "the last two axes are exchanged",
        (*before, width, width): "one axis for d twice: the dot product of a query and a key runs over d, "
        "so the keys are turned and not the queries",
        (*before, others, length): "those are weights, turned; mix the values with them",
        (*before, length, others): "those are the weights, one for each query and key; mix the values with them",
        (*before, width): "the words are gone: each query gets its own mixture",
        (*before, 1, width): "one mixture for all: each query gets its own",
        (length, width): "the batch is gone: each example attends within itself",
        **({} if before or not masked else {(length, length, width): INSERTED}),
        **({} if before else {(1, length, width): ONE_IN_FRONT}),
        **({(math.prod(before), length, width): FLATTENED} if len(before) > 1 else {}),
    }


def judged_cases(
    answer,
    cases: Sequence[tuple],
    right: Callable,
    mistakes: Mistakes,
    otherwise: Callable[[tuple], str | None] | None = None,
) -> str:
    """Judge the answer for all cases (queries, keys, values, and a mask or none); words for a remark.

    Which mistake it is shows where queries, keys and values have one shape, so these cases are judged first.
    `otherwise` may have words for a case that no typical mistake explains.
    """
    given, problems = zip(*[tried(answer, case) for case in cases], strict=True)
    expected = [right(*case) for case in cases]
    good = [value is not None and agrees(value, truth) for value, truth in zip(given, expected, strict=True)]
    if all(good):
        try:
            expect_without(answer, cases[0], READY_MADE, FROM_SCRATCH)
        except Mistake as remark:
            return str(remark)
        return ""
    alike = [case[0].shape == case[1].shape == case[2].shape for case in cases]
    wrong = sorted((i for i, fine in enumerate(good) if not fine), key=lambda i: (not alike[i], problems[i] is None))
    i = wrong[0]
    if problems[i]:
        raise Mistake(among_others(cases[i], problems[i], cases, good))
    shown = [(case, value) for case, value, same in zip(cases, given, alike, strict=True) if same]
    words = None
    if alike[i]:
        words = named_mistake(*zip(*shown, strict=True), [(possible(wrongly), words) for wrongly, words in mistakes])
    if words is None and alike[i] and otherwise is not None:
        words = otherwise(cases[i])
    where = f"for queries of shape {tuple(cases[i][0].shape)}"
    raise Mistake(f"{where}: {words or unexplained(cases, given, expected, i, alike)}")


def tried(answer, case: tuple) -> tuple[Tensor | None, str]:
    """The result for one case, once it has the right shape; or None and what is wrong with it."""
    queries, _, values = case[:3]
    where = f"for queries of shape {tuple(queries.shape)}"
    where += f" and values of shape {tuple(values.shape)}" if queries.shape != values.shape else ""
    where += "" if len(case) < 4 else f" and a mask of shape {tuple(case[3].shape)}"
    try:
        result = answer(*case)
        if isinstance(result, tuple) and len(result) == 2 and all(isinstance(part, Tensor) for part in result):
            raise Mistake(
                f"{where} two tensors came back, of shapes {tuple(result[0].shape)} and {tuple(result[1].shape)}; "
                "here return the averaged values alone, without the weights"
            )
        shape = (*queries.shape[:-1], values.shape[-1])
        return expect_tensor(result, where, shape, shape_causes(*case[:3], len(case) > 3)), ""
    except Mistake as problem:
        return None, str(problem)


def unexplained(cases, given, expected, i: int, alike: Sequence[bool]) -> str:
    """Words for a wrong result that no typical mistake explains."""
    if not alike[i]:
        return (
            "correct where queries, keys and values have one shape, but here values have "
            f"{tuple(cases[i][2].shape)}: d is the last size of the queries"
        )
    if agrees(given[i], attended(*cases[i], divisor=int(math.sqrt(cases[i][0].shape[-1])))):
        return (
            "√d is rounded down to a whole number (`int`, `//`, `math.isqrt`), which is correct for d = 4 and 9 alone: "
            "divide by `d ** 0.5`"
        )
    if agrees(given[i], attended(*cases[i], divisor=round(math.sqrt(cases[i][0].shape[-1])))):
        return "√d is rounded to a whole number; divide by `d ** 0.5`"
    widths = sorted({case[0].shape[-1] for case, a, b in zip(cases, given, expected, strict=True) if agrees(a, b)})
    width = cases[i][0].shape[-1]
    if widths and agrees(given[i], attended(*cases[i], divisor=math.sqrt(widths[0]))):
        return f"the scores are divided by √{widths[0]}, and here d = {width}: take d from `queries.shape[-1]`"
    axes = sorted({case[0].ndim for case, a, b in zip(cases, given, expected, strict=True) if agrees(a, b)})
    if axes and cases[i][0].ndim not in axes:
        return (
            f"correct for {' and '.join(HAS_AXES[n] for n in axes)}, but not for {HAS_AXES[cases[i][0].ndim]}: "
            "count axes from the end, -1 and -2"
        )
    if not torch.isfinite(given[i]).all():
        return (
            "the result contains NaN or infinity, as a division by zero, a logarithm or a root of a negative number "
            "gives it, or an `exp` that overflows"
        )
    if not axes and agrees_up_to_factor(given[i], expected[i]):
        factor = float((given[i] * expected[i]).sum() / (expected[i] * expected[i]).sum())
        return f"every entry is {factor:.3g} times the expected one: the weights of each query should sum to 1"
    apart = (given[i] - expected[i]).abs()
    position = tuple((apart == apart.max()).nonzero()[0].tolist())
    words = "".join(f": {more}" for more in [relation(given[i], expected[i])] if more)
    return f"entry {list(position)} is {given[i][position]:.3f}, expected {expected[i][position]:.3f}{words}"


def agrees_up_to_factor(given: Tensor, expected: Tensor) -> bool:
    """Whether one number turns the one into the other."""
    factor = (given * expected).sum() / (expected * expected).sum()
    return bool(factor.abs() > 1e-6) and agrees(given / factor, expected)
