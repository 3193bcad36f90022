"""Exercise 09.3 on right answers and on the wrong ones that people give."""

import torch
import torch.nn.functional as F
from torch import nn


def crossing(query_tokens, other, W_q, W_k, W_v):
    scores = (query_tokens @ W_q.T) @ (other @ W_k.T).transpose(-2, -1) / W_q.shape[0] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


def by_linear(query_tokens, other, W_q, W_k, W_v):
    queries, keys, values = F.linear(query_tokens, W_q), F.linear(other, W_k), F.linear(other, W_v)
    scores = torch.einsum("bqd,bkd->bqk", queries / len(W_q) ** 0.5, keys)
    weights = scores.softmax(-1)
    return torch.einsum("bqk,bkd->bqd", weights, values), weights


def by_pytorch(query_tokens, other, W_q, W_k, W_v):
    q, k, v = query_tokens @ W_q.T, other @ W_k.T, other @ W_v.T
    weights = F.scaled_dot_product_attention(q, k, torch.eye(k.shape[1]).expand(len(k), -1, -1))
    return F.scaled_dot_product_attention(q, k, v), weights


def by_layers(query_tokens, other, W_q, W_k, W_v):
    """Layers of its own, into which the weights are copied."""
    layers = [nn.Linear(W.shape[1], W.shape[0], bias=False) for W in (W_q, W_k, W_v)]
    for layer, W in zip(layers, (W_q, W_k, W_v), strict=True):
        layer.weight.data = W
    scores = layers[0](query_tokens) @ layers[1](other).mT / len(W_q) ** 0.5
    return scores.softmax(2) @ layers[2](other), scores.softmax(2)


def by_numbers(query_tokens, other, W_q, W_k, W_v):
    """Place by place, into a tensor that is filled."""
    weights = torch.zeros(len(query_tokens), query_tokens.shape[1], other.shape[1])
    found = torch.zeros(len(query_tokens), query_tokens.shape[1], len(W_v))
    for b in range(len(query_tokens)):
        for t in range(query_tokens.shape[1]):
            scores = torch.stack(
                [(W_q @ query_tokens[b, t]) @ (W_k @ position) / len(W_q) ** 0.5 for position in other[b]]
            )
            weights[b, t] = scores.softmax(0)
            for j, position in enumerate(other[b]):
                found[b, t] += weights[b, t, j] * (W_v @ position)
    return found, weights


def scored(weigh, divisor=None):
    def cross(query_tokens, other, W_q, W_k, W_v):
        size = divisor(query_tokens, other, W_q, W_v) if divisor else len(W_q) ** 0.5
        weights = weigh((query_tokens @ W_q.T) @ (other @ W_k.T).mT / size)
        return weights @ (other @ W_v.T), weights

    return cross


def divided_late(divisor=None):
    """After the softmax, everything is divided by the root of d."""
    return lambda *given: [part / len(given[2]) ** 0.5 for part in scored(soft, divisor)(*given)]


def soft(scores):
    return scores.softmax(-1)


def modalities_swapped(query_tokens, other, W_q, W_k, W_v):
    scores = (other @ W_k.T) @ (query_tokens @ W_q.T).mT / len(W_q) ** 0.5
    weights = scores.softmax(-1)  # (B, T_k, T_q)
    return other @ W_v.T, weights


def test_cross_attention(judged):
    judged(
        "09.3",
        {
            "formula": crossing,
            "linear": by_linear,
            "PyTorch's": by_pytorch,
            "numbers": by_numbers,
            "weights to look at": lambda *given: (crossing(*given)[0], crossing(*given)[1].detach()),
            "a list": lambda *given: list(crossing(*given)),
        },
        {
            "not divided": (scored(soft, lambda *_: 1), "the scores are not divided"),
            "by d": (scored(soft, lambda a, o, q, v: len(q)), "the scores are divided by d; divide by its square"),
            "by the queries' width": (
                scored(soft, lambda a, o, q, v: a.shape[2] ** 0.5),
                "by the square root of the width of `query_tokens`",
            ),
            "by the keys' width": (
                scored(soft, lambda a, o, q, v: o.shape[2] ** 0.5),
                "by the square root of the width of `other`; d is",
            ),
            "by the values' width": (
                scored(soft, lambda a, o, q, v: len(v) ** 0.5),
                "by the square root of the width of the values",
            ),
            "over the queries": (scored(lambda s: s.softmax(1)), "the softmax runs over the queries; the weights of"),
            "over the batch": (scored(lambda s: s.softmax(0)), "the softmax runs over the batch"),
            "no softmax": (scored(lambda s: s), "the softmax is missing"),
            "sigmoid": (scored(torch.sigmoid), "come from a sigmoid"),
            "over all": (
                scored(lambda s: s.flatten(1).softmax(1).view_as(s)),
                "the softmax runs over the whole matrix; the",
            ),
            "best only": (
                scored(lambda s: F.one_hot(s.argmax(-1), s.shape[-1]).float()),
                "only the position with the largest score is used",
            ),
            "modalities swapped": (modalities_swapped, "one output per position of `other`: the modalities"),
            "averaged": (lambda *g: (crossing(*g)[0].mean(1), crossing(*g)[1]), "one output for all queries"),
            "values as keys": (
                lambda a, o, q, k, v: (soft(crossing(a, o, q, k, v)[1]) @ (o @ k.T), crossing(a, o, q, k, v)[1]),
                "that is the width of the keys; the values come from",
            ),
            "no W_v": (
                lambda a, o, q, k, v: (crossing(a, o, q, k, v)[1] @ o, crossing(a, o, q, k, v)[1]),
                "the values are `other @ W_v.T`",
            ),
            "output alone": (lambda *g: crossing(*g)[0], "one tensor was returned; return the output and the"),
            "weights first": (lambda *g: crossing(*g)[::-1], "the weights are returned first; `return output"),
            "transposed weights": (
                lambda *g: (crossing(*g)[0], crossing(*g)[1].mT),
                "a row per query, a column per key",
            ),
            "scores for weights": (
                lambda *g: (crossing(*g)[0], crossing(*g)[1].log()),
                "the output is correct, but the second tensor does",
            ),
            "three": (lambda *g: (*crossing(*g), 1), "expected two tensors"),
            "mean over positions": (
                lambda *g: (crossing(*g)[0] / g[1].shape[1], crossing(*g)[1]),
                "the result is divided by the number of keys; the",
            ),
            "by the number of keys": (
                scored(soft, lambda a, o, q, v: o.shape[1] ** 0.5),
                "are divided by the square root of the number of",
            ),
            "multiplied": (
                scored(soft, lambda a, o, q, v: len(q) ** -0.5),
                "the scores are multiplied by the square root of d",
            ),
            "divided late": (divided_late(lambda *_: 1), "the division by the square root of d comes after"),
            "divided twice": (divided_late(), "the result is divided by the square root of d"),
            "detached": (lambda *g: [part.detach() for part in crossing(*g)], "no gradient reaches `g`"),
            "copied weights": (by_layers, "no gradient reaches `W_q`, `W_k` and `W_v`"),
            "new tensor": (lambda *g: [torch.tensor(part.tolist()) for part in crossing(*g)], None),
            "keys detached": (
                lambda a, o, q, k, v: crossing(a, o, q, k.detach(), v),
                "no gradient reaches `k`, so",
            ),
            "positions with positions": (lambda a, o, q, k, v: crossing(o, o, k, k, v), None),
        },
    )
