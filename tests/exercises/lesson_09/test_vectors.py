"""Exercises 09.1 to 09.4 on right answers and on the wrong ones that people give."""

import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.models.asking import places


def by_loops(features, factors):
    result = 0
    for rank in range(len(factors[0])):
        product = 1
        for x, factor in zip(features, factors, strict=True):
            product = product * (x @ factor[rank].T)
        result = result + product
    return result


def by_einsum(features, factors):
    product = 1.0
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=1)


def by_the_whole_tensor(features, factors):
    """The tensor of all products of features, and its weights."""
    outer = features[0]
    for x in features[1:]:
        outer = (outer[..., None] * x[:, None]).flatten(1)  # (B, D_1 * D_2 ...)
    weights = factors[0]
    for factor in factors[1:]:
        weights = (weights[..., None] * factor[:, :, None]).flatten(2)  # (R, K, D_1 * D_2 ...)
    return outer @ weights.sum(0).T


def by_broadcasting(features, factors):
    return (
        torch.stack([(f[None] * x[:, None, None]).sum(-1) for x, f in zip(features, factors, strict=True)])
        .prod(0)
        .sum(1)
    )


def rank_first(features, factors):
    return torch.stack([(x @ f.transpose(1, 2)) for x, f in zip(features, factors, strict=True)]).prod(0).sum(0)


def terms(features, factors):
    return torch.stack([torch.einsum("bd,rkd->brk", x, f) for x, f in zip(features, factors, strict=True)])


def two_only(features, factors):
    return by_loops(features[:2], factors[:2])


def last_rank(features, factors):
    for rank in range(len(factors[0])):
        product = 1
        for x, factor in zip(features, factors, strict=True):
            product = product * (x @ factor[rank].T)
        result = product
    return result


def starts_at_zero(features, factors):
    result = 0
    for rank in range(len(factors[0])):
        product = 0
        for x, factor in zip(features, factors, strict=True):
            product = product * (x @ factor[rank].T)
        result = result + product
    return result


def test_low_rank(judged):
    judged(
        "09.1",
        {
            "loops": by_loops,
            "einsum": by_einsum,
            "whole tensor": by_the_whole_tensor,
            "broadcasting": by_broadcasting,
            "rank first": rank_first,
            "logarithms of complex numbers": lambda x, f: (
                terms(x, f).to(torch.complex128).log().sum(0).exp().real.sum(1)
            ),
        },
        {
            "sum first": (lambda x, f: terms(x, f).sum(2).prod(0), "rank 1 again"),
            "added": (lambda x, f: terms(x, f).sum(0).sum(1), "the modalities are added"),
            "exchanged": (lambda x, f: terms(x, f).sum(0).prod(1), "sum and product are exchanged"),
            "all products": (lambda x, f: terms(x, f).prod(0).prod(1), "the product runs over the ranks"),
            "mean": (lambda x, f: terms(x, f).prod(0).mean(1), "the mean over the ranks"),
            "first rank": (lambda x, f: by_loops(x, [w[:1] for w in f]), "only the first rank"),
            "last rank": (last_rank, "only the last rank is left"),
            "two only": (two_only, "only the first two modalities"),
            "first modality": (lambda x, f: by_loops(x[:1], f[:1]), "only the first modality counts"),
            "from zero": (starts_at_zero, "a product that starts at zero"),
            "from one": (lambda x, f: by_loops(x, f) + 1, "a sum starts at zero, and a product at one"),
            "ranks kept": (lambda x, f: terms(x, f).prod(0), "the ranks are still there"),
            "outputs summed": (lambda x, f: terms(x, f).prod(0).sum(2), "the outputs were summed; the ranks"),
            "side by side": (lambda x, f: terms(x, f).prod(0).flatten(1), "the ranks stand side by side"),
            "no transpose": (lambda x, f: by_loops(x, [w.transpose(1, 2) for w in f]), None),
            "relu": (lambda x, f: terms(x, f).prod(0).relu().sum(1), "a ReLU cuts"),
            "softmax": (lambda x, f: by_loops(x, f).softmax(1), None),
        },
    )


def by_loop(maps):
    B, C, H, W = maps.shape
    tokens = torch.zeros(B, H * W, C + 2)
    for i in range(H):
        for j in range(W):
            tokens[:, i * W + j, :C] = maps[:, :, i, j]
            tokens[:, i * W + j, C] = -1 + 2 * j / (W - 1)
            tokens[:, i * W + j, C + 1] = -1 + 2 * i / (H - 1)
    return tokens


def by_permute(maps):
    B, C, H, W = maps.shape
    x = torch.linspace(-1, 1, W).repeat(H)
    y = torch.linspace(-1, 1, H).repeat_interleave(W)
    features = maps.permute(0, 2, 3, 1).reshape(B, H * W, C)
    return torch.cat([features, torch.stack([x, y], 1).expand(B, -1, -1)], dim=2)


def by_affine_grid(maps):
    B, C, H, W = maps.shape
    grid = F.affine_grid(torch.eye(2, 3).expand(B, 2, 3), (B, 1, H, W), align_corners=True)
    return torch.cat([maps.permute(0, 2, 3, 1), grid], dim=3).flatten(1, 2)


def coordinates(maps, x, y):
    B, C, H, W = maps.shape
    y, x = torch.meshgrid(y, x, indexing="ij")
    return torch.cat([maps, torch.stack([x, y]).expand(B, 2, H, W)], dim=1).flatten(2).transpose(1, 2)


def lines(maps, start, end):
    return torch.linspace(start, end, maps.shape[3]), torch.linspace(start, end, maps.shape[2])


def test_places(judged):
    judged(
        "09.2",
        {"loop": by_loop, "permute": by_permute, "grid": by_affine_grid, "package": lambda maps: places(maps)},
        {
            "x and y exchanged": (lambda m: by_permute(m)[..., [*range(m.shape[1]), -1, -2]], "x and y are exchanged"),
            "reshaped": (
                lambda m: by_permute(m).transpose(1, 2).reshape(len(m), -1, m.shape[1] + 2),
                "the shape is right and the contents are not",
            ),
            "features reshaped": (
                lambda m: torch.cat([m.reshape(len(m), -1, m.shape[1]), by_loop(m)[..., -2:]], 2),
                "the coordinates are right and the features are not",
            ),
            "columns first": (
                lambda m: by_loop(m).unflatten(1, m.shape[2:]).transpose(1, 2).flatten(1, 2),
                "column after column",
            ),
            "coordinates first": (lambda m: by_loop(m).roll(2, 2), "they come last"),
            "pixels": (
                lambda m: coordinates(m, torch.arange(m.shape[3]).float(), torch.arange(m.shape[2]).float()),
                "counted from 0",
            ),
            "from 0": (lambda m: coordinates(m, *lines(m, 0, 1)), "go from 0 to 1"),
            "backwards": (lambda m: coordinates(m, *lines(m, 1, -1)), "run backwards"),
            "y upwards": (lambda m: by_loop(m) * torch.tensor([1.0] * (m.shape[1] + 1) + [-1.0]), "y grows upwards"),
            "no coordinates": (lambda m: m.flatten(2).transpose(1, 2), "the two coordinates are missing"),
            "features before tokens": (lambda m: by_loop(m).transpose(1, 2), "before features: `transpose(1, 2)`"),
            "in rows": (
                lambda m: by_loop(m).transpose(1, 2).unflatten(2, m.shape[2:]),
                "the places are still in rows: `flatten",
            ),
            "zeros": (
                lambda m: torch.cat([by_loop(m)[..., :-2], torch.zeros(len(m), m[0, 0].numel(), 2)], 2),
                "zero everywhere",
            ),
            "indexing xy": (
                lambda m: torch.cat(
                    [m, torch.stack(torch.meshgrid(*lines(m, -1, 1), indexing="ij")).expand(len(m), -1, -1, -1)], 1
                ),
                None,
            ),
            "one picture": (lambda m: by_loop(m)[0], None),
        },
    )


def crossing(asking, other, W_q, W_k, W_v):
    scores = (asking @ W_q.T) @ (other @ W_k.T).transpose(-2, -1) / W_q.shape[0] ** 0.5
    weights = scores.softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


def by_linear(asking, other, W_q, W_k, W_v):
    queries, keys, values = F.linear(asking, W_q), F.linear(other, W_k), F.linear(other, W_v)
    scores = torch.einsum("bqd,bkd->bqk", queries / len(W_q) ** 0.5, keys)
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return torch.einsum("bqk,bkd->bqd", weights, values), weights


def by_pytorch(asking, other, W_q, W_k, W_v):
    q, k, v = asking @ W_q.T, other @ W_k.T, other @ W_v.T
    weights = F.scaled_dot_product_attention(q, k, torch.eye(k.shape[1]).expand(len(k), -1, -1))
    return F.scaled_dot_product_attention(q, k, v), weights


def by_layers(asking, other, W_q, W_k, W_v):
    layers = [nn.Linear(W.shape[1], W.shape[0], bias=False) for W in (W_q, W_k, W_v)]
    for layer, W in zip(layers, (W_q, W_k, W_v), strict=True):
        layer.weight.data = W
    scores = layers[0](asking) @ layers[1](other).mT / len(W_q) ** 0.5
    return scores.softmax(2) @ layers[2](other), scores.softmax(2)


def scored(weigh, divisor=None):
    def cross(asking, other, W_q, W_k, W_v):
        size = divisor(asking, other, W_q, W_v) if divisor else len(W_q) ** 0.5
        weights = weigh((asking @ W_q.T) @ (other @ W_k.T).mT / size)
        return weights @ (other @ W_v.T), weights

    return cross


def soft(scores):
    return scores.softmax(-1)


def other_asks(asking, other, W_q, W_k, W_v):
    scores = (other @ W_k.T) @ (asking @ W_q.T).mT / len(W_q) ** 0.5
    weights = scores.softmax(-1)  # (B, T_k, T_q)
    return other @ W_v.T, weights


def test_cross_attention(judged):
    judged(
        "09.3",
        {
            "formula": crossing,
            "linear": by_linear,
            "PyTorch's": by_pytorch,
            "layers": by_layers,
            "a list": lambda *given: list(crossing(*given)),
        },
        {
            "not divided": (scored(soft, lambda *_: 1), "the scores are not divided"),
            "by d": (scored(soft, lambda a, o, q, v: len(q)), "divided by d itself"),
            "by the asking width": (scored(soft, lambda a, o, q, v: a.shape[2] ** 0.5), "the asking tokens' width"),
            "by the places' width": (scored(soft, lambda a, o, q, v: o.shape[2] ** 0.5), "the places' width"),
            "by the values' width": (scored(soft, lambda a, o, q, v: len(v) ** 0.5), "the values' width"),
            "over the queries": (scored(lambda s: s.softmax(1)), "the softmax runs over the asking tokens"),
            "over the batch": (scored(lambda s: s.softmax(0)), "the softmax runs over the batch"),
            "no softmax": (scored(lambda s: s), "the softmax is missing"),
            "sigmoid": (scored(torch.sigmoid), "come from a sigmoid"),
            "over all": (scored(lambda s: s.flatten(1).softmax(1).view_as(s)), "over the whole table"),
            "best only": (scored(lambda s: F.one_hot(s.argmax(-1), s.shape[-1]).float()), "only the best place"),
            "the other asks": (other_asks, "the other modality asks here"),
            "averaged": (lambda *g: (crossing(*g)[0].mean(1), crossing(*g)[1]), "were averaged"),
            "values as keys": (
                lambda a, o, q, k, v: (soft(crossing(a, o, q, k, v)[1]) @ (o @ k.T), crossing(a, o, q, k, v)[1]),
                "as wide as the keys",
            ),
            "no W_v": (
                lambda a, o, q, k, v: (crossing(a, o, q, k, v)[1] @ o, crossing(a, o, q, k, v)[1]),
                "`W_v` is left out",
            ),
            "found alone": (lambda *g: crossing(*g)[0], "one tensor came back"),
            "weights first": (lambda *g: crossing(*g)[::-1], "the weights come first"),
            "turned weights": (lambda *g: (crossing(*g)[0], crossing(*g)[1].mT), "a column for each place"),
            "scores for weights": (lambda *g: (crossing(*g)[0], crossing(*g)[1].log()), "are not the weights"),
            "three": (lambda *g: (*crossing(*g), 1), "expected two tensors"),
            "mean over places": (
                lambda *g: (crossing(*g)[0] / g[1].shape[1], crossing(*g)[1]),
                "the weights sum to 1 already",
            ),
            "places with places": (lambda a, o, q, k, v: crossing(o, o, k, k, v), None),
        },
    )


def filmed(mix):
    def film(features, condition, W, b):
        gamma, beta = (condition @ W.T + b).chunk(2, dim=1)
        return mix(features, gamma[:, None], beta[:, None])

    return film


def in_halves(features, condition, W, b):
    D = features.shape[2]
    gamma = F.linear(condition, W[:D], b[:D])
    beta = F.linear(condition, W[D:], b[D:])
    return torch.addcmul(beta.unsqueeze(1) + features, gamma.unsqueeze(1), features)


def one_by_one(features, condition, W, b):
    made = F.linear(condition, W, b)
    D = features.shape[2]
    return torch.stack([features[i] + made[i, :D] * features[i] + made[i, D:] for i in range(len(features))])


def along_the_tokens(features, condition, W, b):
    gamma, beta = (condition @ W.T + b).chunk(2, dim=1)
    return (1 + gamma) * features + beta


def test_film(judged):
    judged(
        "09.4",
        {
            "formula": filmed(lambda x, gamma, beta: (1 + gamma) * x + beta),
            "halves": in_halves,
            "one by one": one_by_one,
            "split": lambda x, c, W, b: (
                x * (1 + (c @ W.T + b).split(x.shape[2], 1)[0][:, None, :])
                + (c @ W.T + b).split(x.shape[2], 1)[1][:, None, :]
            ),
        },
        {
            "no one": (filmed(lambda x, gamma, beta: gamma * x + beta), "the 1 is missing: with W = 0"),
            "exchanged": (filmed(lambda x, gamma, beta: (1 + beta) * x + gamma), "the first D rows make γ"),
            "exchanged, no one": (filmed(lambda x, gamma, beta: beta * x + gamma), "and besides, the 1"),
            "no shift": (filmed(lambda x, gamma, beta: (1 + gamma) * x), "the shift β is left out"),
            "no scale": (filmed(lambda x, gamma, beta: x + beta), "the scale 1 + γ is left out"),
            "shift first": (filmed(lambda x, gamma, beta: (1 + gamma) * (x + beta)), "first scale, then shift"),
            "bracket": (filmed(lambda x, gamma, beta: 1 + gamma * x + beta), "a bracket is missing"),
            "no bias": (lambda x, c, W, b: in_halves(x, c, W, 0 * b), "the bias `b` is left out"),
            "sigmoid": (filmed(lambda x, gamma, beta: gamma.sigmoid() * x + beta), "γ goes through a sigmoid"),
            "every second": (
                lambda x, c, W, b: (1 + (c @ W.T + b)[:, None, ::2]) * x + (c @ W.T + b)[:, None, 1::2],
                "every second row is taken",
            ),
            "one scale": (
                filmed(lambda x, gamma, beta: (1 + gamma).mean(2, keepdim=True) * x + beta.mean(2, keepdim=True)),
                "one scale for all features",
            ),
            "along the tokens": (along_the_tokens, None),
            "both": (lambda x, c, W, b: c @ W.T + b, "they still have to scale"),
            "mean": (lambda *g: in_halves(*g).mean(1), None),
        },
    )
