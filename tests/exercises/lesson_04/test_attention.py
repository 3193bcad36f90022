import math

import pytest
import torch
import torch.nn.functional as F

from mmcourse.exercises.checks import judge


def scores(q, k, divisor=None):
    return q @ k.transpose(-2, -1) / (q.shape[-1] ** 0.5 if divisor is None else divisor)


def right(queries, keys, values):
    return scores(queries, keys).softmax(dim=-1) @ values


def weights_then(weigh, divisor=None):
    return lambda queries, keys, values: weigh(scores(queries, keys, divisor)) @ values


def with_einsum(queries, keys, values):
    table = torch.einsum("...qd,...kd->...qk", queries, keys) / math.sqrt(queries.size(-1))
    return torch.einsum("...qk,...kd->...qd", torch.softmax(table, -1), values)


def by_hand(queries, keys, values):
    exp = torch.exp(scores(queries, keys))
    return exp / exp.sum(-1, keepdim=True) @ values


def by_hand_and_stable(queries, keys, values):
    table = scores(queries, keys)
    exp = torch.exp(table - table.amax(-1, keepdim=True))
    return exp / exp.sum(-1, keepdim=True) @ values


def in_loops(queries, keys, values):
    output = torch.empty(*queries.shape[:-1], values.shape[-1])
    for position in torch.cartesian_prod(*[torch.arange(n) for n in queries.shape[:-1]]).reshape(-1, queries.ndim - 1):
        *batch, t = position.tolist()
        table = (keys[tuple(batch)] * queries[tuple(position)]).sum(-1) / queries.shape[-1] ** 0.5
        output[(*batch, t)] = (table.softmax(0)[:, None] * values[tuple(batch)]).sum(0)
    return output


def scaled_before(queries, keys, values):
    return ((queries / queries.shape[-1] ** 0.25) @ (keys / keys.shape[-1] ** 0.25).mT).softmax(-1) @ values


def table_of_queries(queries, keys, values):
    length = queries.shape[-2]
    columns = [(queries * keys[..., j, None, :]).sum(-1) for j in range(length)]
    weights = (torch.stack(columns, -1) / queries.shape[-1] ** 0.5).softmax(-1)
    return weights @ values


def in_place(queries, keys, values):
    queries /= queries.shape[-1] ** 0.5
    return (queries @ keys.mT).softmax(-1) @ values


@pytest.mark.filterwarnings("ignore:The use of `x.T`", "ignore:Implicit dimension")
def test_attention(judged):
    judged(
        "04.1",
        {
            "matrix products": right,
            "einsum": with_einsum,
            "softmax by hand, stable": by_hand_and_stable,
            "loops": in_loops,
            "scaled before": scaled_before,
            "swapaxes": lambda q, k, v: F.softmax(q @ k.swapaxes(-1, -2) * k.shape[-1] ** -0.5, -1) @ v,
            "double": lambda q, k, v: right(q.double(), k.double(), v.double()),
            "PyTorch": F.scaled_dot_product_attention,
            "turned": lambda q, k, v: (v.mT @ (k @ q.mT / q.shape[-1] ** 0.5).softmax(-2)).mT,
        },
        {
            "softmax by hand": (by_hand, "`exp` overflows"),
            "not divided": (weights_then(lambda s: s.softmax(-1), 1), "are not divided by √d"),
            "by d": (lambda q, k, v: scores(q, k, q.shape[-1]).softmax(-1) @ v, "are divided by d; it is"),
            "by √T": (lambda q, k, v: scores(q, k, q.shape[-2] ** 0.5).softmax(-1) @ v, "divided by √T"),
            "by √len": (lambda q, k, v: scores(q, k, len(q) ** 0.5).softmax(-1) @ v, None),
            "by T": (lambda q, k, v: scores(q, k, q.shape[-2]).softmax(-1) @ v, "divided by T, the number"),
            "times √d": (lambda q, k, v: scores(q, k, q.shape[-1] ** -0.5).softmax(-1) @ v, "are multiplied by √d"),
            "fourth root": (lambda q, k, v: scores(q, k, q.shape[-1] ** 0.25).softmax(-1) @ v, "fourth root"),
            "d squared": (lambda q, k, v: scores(q, k, q.shape[-1] ** 2).softmax(-1) @ v, "divided by d²"),
            "fixed d": (lambda q, k, v: scores(q, k, 2).softmax(-1) @ v, "divided by √4, and here d = 9"),
            "D for d": (
                lambda q, k, v: scores(q, k, v.shape[-1] ** 0.5).softmax(-1) @ v,
                "d is the last size of the queries",
            ),
            "over queries": (weights_then(lambda s: s.softmax(-2)), "softmax runs over the queries (axis -2)"),
            "over axis 0": (weights_then(lambda s: s.softmax(0)), "runs over axis 0, the batch"),
            "over axis 1": (weights_then(lambda s: s.softmax(1)), "runs over axis 1"),
            "no axis": (weights_then(lambda s: F.softmax(s)), None),
            "keys and values": (lambda q, k, v: right(q, v, k), "keys and values are exchanged"),
            "queries and keys": (lambda q, k, v: right(k, q, v), "queries and keys are exchanged"),
            "rotated": (lambda q, k, v: right(v, q, k), "values · queries"),
            "queries twice": (lambda q, k, v: right(q, q, v), "queries · queries"),
            "mixes keys": (lambda q, k, v: right(q, k, k), "queries · keys, and then mixes the keys"),
            "scaled after": (
                lambda q, k, v: scores(q, k, 1).softmax(-1) / q.shape[-1] ** 0.5 @ v,
                "division by √d comes after",
            ),
            "divided by d after": (lambda q, k, v: scores(q, k, 1).softmax(-1) / q.shape[-1] @ v, "by d after"),
            "no softmax": (weights_then(lambda s: s), "there is no softmax"),
            "dot products": (weights_then(lambda s: s, 1), "neither a softmax nor"),
            "no exp": (weights_then(lambda s: s / s.sum(-1, keepdim=True)), "divided by their sum; the softmax takes"),
            "no sum": (weights_then(torch.exp), "that are not divided by their sum"),
            "sigmoid": (weights_then(torch.sigmoid), "a sigmoid instead"),
            "logarithms": (weights_then(lambda s: s.log_softmax(-1)), "logarithms of weights"),
            "the best": (
                weights_then(lambda s: F.one_hot(s.argmax(-1), s.shape[-1]).float()),
                "its best key alone",
            ),
            "twice": (weights_then(lambda s: s.softmax(-1).softmax(-1)), "two softmaxes"),
            "weights turned": (weights_then(lambda s: s.softmax(-1).mT), "weights are turned"),
            "softmax last": (lambda q, k, v: (scores(q, k) @ v).softmax(-1), "after the values were mixed"),
            "entry by entry": (lambda q, k, v: (q * k / q.shape[-1] ** 0.5).softmax(-1) * v, "`*` multiplies each"),
            "mean": (lambda q, k, v: v.mean(-2, keepdim=True).expand_as(v), "plain mean of the values"),
            "values": (lambda q, k, v: v.clone(), "the values come back"),
            "weights": (lambda q, k, v: scores(q, k).softmax(-1), "those are the weights, one"),
            "both": (lambda q, k, v: (right(q, k, v), scores(q, k).softmax(-1)), "two tensors came back"),
            ".T": (lambda q, k, v: (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) @ v, "correct for two axes, (T, d), but"),
            "three axes": (
                lambda q, k, v: torch.bmm((torch.bmm(q, k.transpose(1, 2)) / q.shape[2] ** 0.5).softmax(2), v),
                "correct for three axes, (B, T, d), ",
            ),
            "not turned": (lambda q, k, v: (q @ k / q.shape[-1] ** 0.5).softmax(-1) @ v, "Each query meets each key"),
            "queries turned": (
                lambda q, k, v: v @ (q.mT @ k / q.shape[-1] ** 0.5).softmax(-1),
                None,
            ),
            "square table": (table_of_queries, "one shape, but RuntimeError"),
            "values first": (
                lambda q, k, v: v @ scores(q, k).softmax(-1),
                "The weights (6, 6) come first",
            ),
            "times two": (lambda q, k, v: 2 * right(q, k, v), "2 times the expected"),
            "in place": (in_place, "`queries` was changed in place"),
            "list": (lambda q, k, v: right(q, k, v).tolist(), "returned a list"),
            "one mixture": (lambda q, k, v: right(q, k, v).mean(-2), "the words are gone"),
            "nothing": (lambda q, k, v: print(end=""), "returned None"),
            "zero": (lambda q, k, v: torch.zeros_like(v), "entry ["),
        },
        draws=2,
    )


def test_pytorchs_own_function_is_right_with_a_remark():
    assert "PyTorch's function computed them" in judge("04.1", F.scaled_dot_product_attention).message
    assert "PyTorch's own" not in judge("04.1", right).message
    assert "overflows" in judge("04.1", by_hand).message
    assert "overflows" not in judge("04.1", by_hand_and_stable).message


def masked(fill):
    def attention(queries, keys, values, mask):
        return scores(queries, keys).masked_fill(~mask, fill).softmax(-1) @ values

    return attention


def over(hide, axis=-1):
    """Masked attention, given how the scores and the mask become the softmax's input."""
    return lambda q, k, v, mask: hide(scores(q, k), mask).softmax(axis) @ v


def by_index(queries, keys, values, mask):
    table = scores(queries, keys)
    table[~mask] = -torch.inf
    return table.softmax(-1) @ values


def weights_renewed(queries, keys, values, mask):
    weights = scores(queries, keys).softmax(-1) * mask
    return weights / weights.sum(-1, keepdim=True) @ values


def as_the_package(queries, keys, values, mask):
    from mmcourse.models.attention import attention

    return attention(queries, keys, values, mask)[0]


def additive(low):
    return over(lambda s, m: s + torch.zeros(m.shape).masked_fill(~m, low))


def square_only(queries, keys, values, mask):
    table = torch.zeros(*queries.shape[:-1], queries.shape[-2])
    table += scores(queries, keys).masked_fill(~mask, -torch.inf)
    return table.softmax(-1) @ values


def masked_in_place(queries, keys, values, mask):
    mask.logical_not_()
    return scores(queries, keys).masked_fill(mask, -torch.inf).softmax(-1) @ values


def test_masked_attention(judged):
    judged(
        "04.2",
        {
            "masked_fill": masked(-torch.inf),
            "where": over(lambda s, m: torch.where(m, s, -torch.inf)),
            "a large number": masked(-1e9),
            "the lowest number": masked(torch.finfo(torch.float32).min),
            "added -inf": additive(-torch.inf),
            "added -1e9": additive(-1e9),
            "1 - mask": over(lambda s, m: s - 1e9 * (1 - m.float())),
            "before the division": lambda q, k, v, m: (
                ((q @ k.mT).masked_fill(m == 0, -1e20) / q.shape[-1] ** 0.5).softmax(-1) @ v
            ),
            "logarithm of the mask": over(lambda s, m: s + m.float().log()),
            "weights renewed": weights_renewed,
            "the package's": as_the_package,
            "PyTorch": F.scaled_dot_product_attention,
        },
        {
            "not used": (lambda q, k, v, m: right(q, k, v), "such as on the keys"),
            "inverted": (over(lambda s, m: s.masked_fill(m, -torch.inf)), "so hide where it is False (`~mask`)"),
            "inverted, finite": (over(lambda s, m: s.masked_fill(m, -1e9)), None),
            "after the softmax": (
                lambda q, k, v, m: (scores(q, k).softmax(-1) * m) @ v,
                "comes after the softmax, so the weights",
            ),
            "-inf after the softmax": (
                lambda q, k, v, m: scores(q, k).softmax(-1).masked_fill(~m, -torch.inf) @ v,
                "the weights themselves become infinite",
            ),
            "keys hidden": (lambda q, k, v, m: right(q, k * m.any(-2)[..., None], v), None),
            "result times the mask": (lambda q, k, v, m: right(q, k, v) * m.any(-1, keepdim=True), None),
            "picked out": (
                lambda q, k, v, m: scores(q, k)[m].softmax(-1) @ v,
                "`masked_fill` keeps the table",
            ),
            "values first": (
                lambda q, k, v, m: v @ scores(q, k).masked_fill(~m, -torch.inf).softmax(-1),
                "The weights (6, 6) come first",
            ),
            "no sum of 1": (
                lambda q, k, v, m: (scores(q, k).softmax(-1) * m) ** 2 @ v,
                None,
            ),
            "after, inverted": (
                lambda q, k, v, m: scores(q, k).softmax(-1).masked_fill(m, 0) @ v,
                "after the softmax, and the wrong way round",
            ),
            "zero": (masked(0.0), "forbidden scores became 0"),
            "times the mask": (over(lambda s, m: s * m), None),
            "zero, inverted": (over(lambda s, m: s.masked_fill(m, 0.0)), "allowed scores became 0"),
            "added": (over(lambda s, m: s + m), "as 0 and 1"),
            "one less": (over(lambda s, m: s - (~m).float()), None),
            "turned": (over(lambda s, m: s.masked_fill(~m.mT, -torch.inf)), None),
            "square, turned": (
                lambda q, k, v, m: masked(-torch.inf)(q, k, v, m.mT if m.shape[-1] == m.shape[-2] else m),
                "the mask is turned",
            ),
            "over queries": (over(lambda s, m: s.masked_fill(~m, -torch.inf), -2), "over the queries (axis -2)"),
            "plus infinity": (masked(torch.inf), None),
            "NaN": (over(lambda s, m: s + (~m).float() * -torch.inf), "`0 * -inf`"),
            "-10": (masked(-10.0), "forbidden keys still get weights of up to"),
            "-3, added": (additive(-3.0), None),
            "-30": (masked(-30.0), "every allowed score is low (-60)"),
            "not divided": (
                lambda q, k, v, m: scores(q, k, 1).masked_fill(~m, -torch.inf).softmax(-1) @ v,
                "are not divided by √d",
            ),
            "by d": (
                lambda q, k, v, m: scores(q, k, k.shape[-1]).masked_fill(~m, -1e9).softmax(-1) @ v,
                "are divided by d; it is",
            ),
            "keys and values": (
                lambda q, k, v, m: masked(-torch.inf)(q, v, k, m),
                "keys and values are exchanged: queries",
            ),
            "no softmax": (lambda q, k, v, m: scores(q, k).masked_fill(~m, 0) @ v, None),
            "no softmax, -inf": (
                lambda q, k, v, m: scores(q, k).masked_fill(~m, -torch.inf) @ v,
                "there is no softmax",
            ),
            "subtracted": (over(lambda s, m: s - 1e9 * (1 - m)), "is turned round by `~mask`"),
            "in place": (masked_in_place, "`mask` was changed in place"),
            "weights": (lambda q, k, v, m: scores(q, k).masked_fill(~m, -1e9).softmax(-1), "those are the weights"),
            "both": (lambda q, k, v, m: (masked(-1e9)(q, k, v, m), m), "two tensors came back"),
            "square only": (square_only, "correct where queries, keys and values have one shape"),
        },
        draws=2,
    )


def test_what_a_query_gets_that_may_look_at_nothing_is_remarked_on_and_never_wrong():
    assert "gets NaN here" in judge("04.2", masked(-torch.inf)).message
    assert "the mean of all values" in judge("04.2", masked(-1e9)).message
    assert "look at nothing" not in judge("04.2", as_the_package).message


def test_the_mask_broadcasts_to_the_scores():
    verdict = judge("04.2", by_index)
    assert not verdict and "may have fewer rows than the scores" in verdict.message


def test_a_finite_fill_and_weights_made_to_sum_to_1_again_are_right_with_a_remark():
    for low in (-100.0, -1e3, -1e9):
        assert "The number is finite" in judge("04.2", masked(low)).message
    assert "divided by their sum are correct too" in judge("04.2", weights_renewed).message
    for answer in (masked(-torch.inf), as_the_package, F.scaled_dot_product_attention):
        message = judge("04.2", answer).message
        assert "finite" not in message and "divided by their sum" not in message
