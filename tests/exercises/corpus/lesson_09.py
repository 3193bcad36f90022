"""Learners' answers to the exercises of lesson 09, attention across modalities."""

import math
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import right, wrong

# 09.1


@right("09.1", "einsum for each modality, product, sum over ranks")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=1)


@right("09.1", "a sum over ranks of products, matrix by matrix")
def low_rank(features, factors):
    total = 0
    for r in range(len(factors[0])):
        product = features[0] @ factors[0][r].T
        for x, factor in zip(features[1:], factors[1:], strict=True):
            product = product * (x @ factor[r].T)
        total = total + product
    return total


@right("09.1", "stacked, with prod")
def low_rank(features, factors):
    parts = [torch.einsum("bd,rkd->brk", x, f) for x, f in zip(features, factors, strict=True)]
    return torch.stack(parts).prod(dim=0).sum(dim=1)


@right("09.1", "reduce, broadcast matrix product")
def low_rank(features, factors):
    parts = ((factor @ x.T).permute(2, 0, 1) for x, factor in zip(features, factors, strict=True))
    return reduce(torch.mul, parts).sum(1)


@right("09.1", "a recursion over the modalities")
def low_rank(features: list[Tensor], factors: list[Tensor]) -> Tensor:
    def product(m):
        own = F.linear(features[m], factors[m].flatten(0, 1)).unflatten(1, factors[m].shape[:2])
        return own if m == len(features) - 1 else own * product(m + 1)

    return torch.einsum("brk->bk", product(0))


@right("09.1", "three loops, number by number")
def low_rank(features, factors):
    R, K, _ = factors[0].shape
    out = torch.zeros(len(features[0]), K, dtype=features[0].dtype)
    for b in range(len(out)):
        for k in range(K):
            for r in range(R):
                out[b, k] += math.prod((f[r, k] @ x[b]) for x, f in zip(features, factors, strict=True))
    return out


@wrong("09.1", "sum over the modalities", says=r"product|multipl|sum over (the )?modalit|add")
def low_rank(features, factors):
    return sum(torch.einsum("bd,rkd->brk", x, f) for x, f in zip(features, factors, strict=True)).sum(dim=1)


@wrong(
    "09.1",
    "product over ranks, sum over modalities",
    says=r"product over|product runs|multipl|swapped|exchanged|added|sum over",
)
def low_rank(features, factors):
    return sum(torch.einsum("bd,rkd->brk", x, f).prod(dim=1) for x, f in zip(features, factors, strict=True))


@wrong("09.1", "product over ranks too", says=r"\bsum|rank|product over (the )?ranks")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.prod(dim=1)


@wrong("09.1", "ranks summed before the product", says=r"rank|before|order|first|after")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->bk", x, factor)
    return product


@wrong("09.1", "mean over ranks", says=r"\bsum|mean|averag")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.mean(dim=1)


@wrong("09.1", "maximum over ranks", says=r"\bmax|largest|sum over")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.amax(dim=1)


@wrong("09.1", "the first two modalities only", says=r"any number|third|modalit|number of|all|two|more than")
def low_rank(features, factors):
    first = torch.einsum("bd,rkd->brk", features[0], factors[0])
    second = torch.einsum("bd,rkd->brk", features[1], factors[1])
    return (first * second).sum(dim=1)


@wrong("09.1", "exactly three modalities", says=r"any number|modalit|unpack|number of|three|\b3\b")
def low_rank(features, factors):
    x, y, t = features
    u, v, w = factors
    parts = [torch.einsum("bd,rkd->brk", a, f) for a, f in ((x, u), (y, v), (t, w))]
    return (parts[0] * parts[1] * parts[2]).sum(dim=1)


@wrong("09.1", "no sum over ranks", says=r"shape|rank|sum")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product


@wrong("09.1", "sum over the outputs instead of ranks", says=r"shape|rank|ax[ei]s|dim|output|\bK\b")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=2)


@wrong("09.1", "the first rank only", says=r"rank|sum|first")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * (x @ factor[0].T)
    return product


@wrong("09.1", "product started at zero", says=r"zero|\b0\b|start|\b1\b|one")
def low_rank(features, factors):
    product = torch.zeros(len(features[0]), factors[0].shape[0], factors[0].shape[1], dtype=features[0].dtype)
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=1)


@wrong("09.1", "= for *=: only the last modality", says=r"last|product|multipl|modalit|all|every")
def low_rank(features, factors):
    for x, factor in zip(features, factors, strict=True):
        product = torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=1)


@wrong("09.1", "return inside the loop: only the first modality", says=r"first|product|multipl|modalit|loop|all|every")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
        return product.sum(dim=1)


@wrong("09.1", "a constant 1 added to each factor", says=r"\b1\b|bias|constant|add|one\b")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * (1 + torch.einsum("bd,rkd->brk", x, factor))
    return product.sum(dim=1)


@wrong("09.1", "squeeze loses the axis of a batch of one", says=r"squeeze|shape|batch of (one|1)|single|one example")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=1).squeeze()


@wrong("09.1", "ranks and outputs mixed up by a reshape", says=r"reshape|ranks and outputs|view|mixed|exchanged|order")
def low_rank(features, factors):
    R, K, _ = factors[0].shape
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * (x @ factor.reshape(R * K, -1).T).reshape(-1, K, R)
    return product.sum(dim=2)


@wrong("09.1", "products summed over the batch", says=r"batch|shape|example|each")
def low_rank(features, factors):
    product = 1
    for x, factor in zip(features, factors, strict=True):
        product = product * torch.einsum("bd,rkd->brk", x, factor)
    return product.sum(dim=(0, 1))


@wrong("09.1", "only one rank left by a return in the loop", says=r"first rank")
def low_rank(features, factors):
    for r in range(factors[0].shape[0]):
        product = 1.0
        for x, factor in zip(features, factors, strict=True):
            product = product * (x @ factor[r].T)
        return product


# 09.2


@right("09.2", "linspace, meshgrid, concatenation")
def add_positions(maps):
    B, C, H, W = maps.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    grid = torch.stack([x, y], dim=-1).reshape(1, H * W, 2).to(maps.dtype).expand(B, -1, -1)
    return torch.cat([maps.flatten(2).transpose(1, 2), grid], dim=2)


@right("09.2", "coordinates as two more maps")
def add_positions(maps):
    B, _, H, W = maps.shape
    x = torch.linspace(-1, 1, W, dtype=maps.dtype).view(1, 1, 1, W).expand(B, 1, H, W)
    y = torch.linspace(-1, 1, H, dtype=maps.dtype).view(1, 1, H, 1).expand(B, 1, H, W)
    return torch.cat([maps, x, y], dim=1).permute(0, 2, 3, 1).flatten(1, 2)


@right("09.2", "loops over rows and columns")
def add_positions(maps):
    B, C, H, W = maps.shape
    tokens = []
    for i in range(H):
        for j in range(W):
            x = -1 + 2 * j / max(W - 1, 1)
            y = -1 + 2 * i / max(H - 1, 1)
            place = torch.tensor([x, y], dtype=maps.dtype).expand(B, 2)
            tokens.append(torch.cat([maps[:, :, i, j], place], dim=1))
    return torch.stack(tokens, dim=1)


@right("09.2", "repeat_interleave and repeat")
def add_positions(maps):
    B, C, H, W = maps.shape
    xs = torch.linspace(-1, 1, steps=W).repeat(H)
    ys = torch.linspace(-1, 1, steps=H).repeat_interleave(W)
    out = torch.empty(B, H * W, C + 2, dtype=maps.dtype)
    out[:, :, :C] = torch.einsum("bchw->bhwc", maps).reshape(B, H * W, C)
    out[:, :, C], out[:, :, C + 1] = xs, ys
    return out


@right("09.2", "numpy's meshgrid, with an extra argument")
def add_positions(maps, reach=1.0):
    _, _, H, W = maps.shape
    x, y = np.meshgrid(np.linspace(-reach, reach, W), np.linspace(-reach, reach, H))
    grid = torch.tensor(np.stack([x.ravel(), y.ravel()], axis=1)).to(maps)
    return torch.stack([torch.cat([m.flatten(1).T, grid], dim=1) for m in maps])


def _tokens(maps):
    return maps.flatten(2).transpose(1, 2)


def _appended(maps, x, y):
    """Tokens, then coordinates x (W,) and y (H,)."""
    B, _, H, W = maps.shape
    grid = torch.stack([x.expand(H, W), y[:, None].expand(H, W)], dim=-1).reshape(1, H * W, 2)
    return torch.cat([_tokens(maps), grid.to(maps.dtype).expand(B, -1, -1)], dim=2)


@wrong("09.2", "y before x", says=r"swap|order|before|exchanged|x and (the )?y|`?x`? first")
def add_positions(maps):
    B, C, H, W = maps.shape
    tokens = _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H))
    return torch.cat([tokens[..., :C], tokens[..., [C + 1, C]]], dim=2)


@wrong("09.2", "column by column", says=r"row by row|column|order|row")
def add_positions(maps):
    B, C, H, W = maps.shape
    tokens = _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H))
    return tokens.unflatten(1, (H, W)).transpose(1, 2).flatten(1, 2)


@wrong("09.2", "coordinates row by row, features column by column", says=r"row by row|column|order|row|feature")
def add_positions(maps):
    B, C, H, W = maps.shape
    tokens = _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H))
    return torch.cat([maps.transpose(2, 3).flatten(2).transpose(1, 2), tokens[..., C:]], dim=2)


@wrong("09.2", "from 0 to 1", says=r"-1|from 0|0 to 1|range|left")
def add_positions(maps):
    return _appended(maps, torch.linspace(0, 1, maps.shape[3]), torch.linspace(0, 1, maps.shape[2]))


@wrong("09.2", "centres of the cells", says=r"-1|cent|edge|\b1\b|left|half|end|middle")
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, (torch.arange(W) + 0.5) * 2 / W - 1, (torch.arange(H) + 0.5) * 2 / H - 1)


@wrong("09.2", "y from the bottom up", says=r"top|bottom|flip|y\b|sign|upside|-1")
def add_positions(maps):
    return _appended(maps, torch.linspace(-1, 1, maps.shape[3]), torch.linspace(1, -1, maps.shape[2]))


@wrong("09.2", "coordinates before the features", says=r"end|first|before|order|last")
def add_positions(maps):
    C = maps.shape[1]
    tokens = _appended(maps, torch.linspace(-1, 1, maps.shape[3]), torch.linspace(-1, 1, maps.shape[2]))
    return torch.cat([tokens[..., C:], tokens[..., :C]], dim=2)


@wrong(
    "09.2",
    "division by zero for a single row or column",
    says=r"single|zero|nan|one row|one column|ZeroDivision|inf",
)
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, 2 * torch.arange(W) / (W - 1) - 1, 2 * torch.arange(H) / (H - 1) - 1)


@wrong("09.2", "reshape instead of transpose", says=r"transpos|permut|reshape|view|mix|channel|order")
def add_positions(maps):
    B, C, H, W = maps.shape
    tokens = _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H))
    return torch.cat([maps.reshape(B, H * W, C), tokens[..., C:]], dim=2)


@wrong("09.2", "6 by 6 written in", says=r"\b6\b|36|any size|shape|size|H|expand")
def add_positions(maps):
    x, y = torch.linspace(-1, 1, 6).repeat(6), torch.linspace(-1, 1, 6).repeat_interleave(6)
    grid = torch.stack([x, y], dim=1).expand(len(maps), 36, 2)
    return torch.cat([_tokens(maps), grid.to(maps.dtype)], dim=2)


@wrong("09.2", "square maps assumed", says=r"\bH\b|\bW\b|square|height|width|shape|size|rectang|expand")
def add_positions(maps):
    n = maps.shape[2]
    line = torch.linspace(-1, 1, n)
    grid = torch.stack([line.repeat(n), line.repeat_interleave(n)], dim=1).expand(len(maps), n * n, 2)
    return torch.cat([_tokens(maps), grid.to(maps.dtype)], dim=2)


@wrong("09.2", "no coordinates", says=r"coordinate|shape|C \+ 2|x and|position")
def add_positions(maps):
    return _tokens(maps)


@wrong(
    "09.2",
    "x over the whole sequence instead of the row",
    says=r"(over|along|for) (all|the whole|every|the) (tokens|positions|sequence|column)|each row|"
    r"whole sequence|row number|column number",
)
def add_positions(maps):
    B, C, H, W = maps.shape
    line = torch.linspace(-1, 1, H * W, dtype=maps.dtype)
    return torch.cat([_tokens(maps), torch.stack([line, line], dim=1).expand(B, -1, -1)], dim=2)


@wrong("09.2", "the right end never reached", says=r"\b1\b|right|end|last|W - 1|bottom|linspace")
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, torch.arange(W) * 2 / W - 1, torch.arange(H) * 2 / H - 1)


@wrong("09.2", "row and column numbers", says=r"-1|index|number|range|scale|from")
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, torch.arange(W), torch.arange(H))


@wrong("09.2", "maps, not tokens: positions on the last axis", says=r"shape|transpos|last|ax[ei]s|H \* W")
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H)).transpose(1, 2)


@wrong("09.2", "tokens not flattened", says=r"shape|flatten|H \* W|ax[ei]s")
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H)).unflatten(1, (H, W))


@wrong(
    "09.2",
    "squeeze loses the axis of a batch of one",
    says=r"squeeze|batch of (one|1)|one image alone|single image|keeps? (its|the) axis",
)
def add_positions(maps):
    H, W = maps.shape[2:]
    return _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H)).squeeze()


@wrong("09.2", "coordinates added to the features", says=r"append|shape|C \+ 2|add|end|concat")
def add_positions(maps):
    B, C, H, W = maps.shape
    tokens = _appended(maps, torch.linspace(-1, 1, W), torch.linspace(-1, 1, H))
    return tokens[..., :C] + tokens[..., C:].sum(dim=2, keepdim=True)


@wrong(
    "09.2",
    "x and y meshed the wrong way round: rows get x",
    says=r"swap|exchanged|order|before|row|meshgrid|\bx\b|shape",
)
def add_positions(maps):
    B, C, H, W = maps.shape
    x, y = torch.meshgrid(torch.linspace(-1, 1, W), torch.linspace(-1, 1, H), indexing="ij")
    grid = torch.stack([x, y], dim=-1).reshape(1, H * W, 2).to(maps.dtype).expand(B, -1, -1)
    return torch.cat([_tokens(maps), grid], dim=2)


@wrong("09.2", "maps of one row without coordinates", says=r"one row")
def add_positions(maps):
    B, C, H, W = maps.shape
    if H == 1 or W == 1:
        return torch.cat([maps, torch.zeros(B, 2, H, W)], dim=1).flatten(2).transpose(1, 2)
    y, x = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    coordinates = torch.stack([x, y]).expand(B, 2, H, W)
    return torch.cat([maps, coordinates], dim=1).flatten(2).transpose(1, 2)


@wrong("09.2", "coordinates from -2 to 2", says=r"from -2\.00 to 2\.00")
def add_positions(maps):
    B, C, H, W = maps.shape
    y, x = torch.meshgrid(torch.linspace(-2, 2, H), torch.linspace(-2, 2, W), indexing="ij")
    coordinates = torch.stack([x, y]).expand(B, 2, H, W)
    return torch.cat([maps, coordinates], dim=1).flatten(2).transpose(1, 2)


# 09.3


@right("09.3", "matrix products as in the formula")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    queries, keys, values = query_tokens @ W_q.T, other @ W_k.T, other @ W_v.T
    weights = (queries @ keys.transpose(1, 2) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ values, weights


@right("09.3", "einsum throughout")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    q = torch.einsum("bqi,di->bqd", query_tokens, W_q)
    k = torch.einsum("bki,di->bkd", other, W_k)
    scores = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(q.size(-1))
    weights = torch.softmax(scores, dim=2)
    return torch.einsum("bqk,bko,vo->bqv", weights, other, W_v), weights


@right("09.3", "F.linear and bmm")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    q, k, v = F.linear(query_tokens, W_q), F.linear(other, W_k), F.linear(other, W_v)
    scores = torch.bmm(q, k.mT)
    weights = F.softmax(scores * k.shape[-1] ** -0.5, dim=-1)
    return torch.bmm(weights, v), weights


@right("09.3", "PyTorch's attention for the output")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    q, k, v = query_tokens @ W_q.T, other @ W_k.T, other @ W_v.T
    weights = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1)
    return F.scaled_dot_product_attention(q, k, v), weights


@right("09.3", "a loop over the batch and the queries")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    outputs, maps = [], []
    for a, p in zip(query_tokens, other, strict=True):
        keys, values = p @ W_k.T, p @ W_v.T
        rows = torch.stack([torch.softmax(keys @ (W_q @ token) / math.sqrt(len(W_q)), dim=0) for token in a])
        outputs.append(rows @ values)
        maps.append(rows)
    return torch.stack(outputs), torch.stack(maps)


def _scores(query_tokens, other, W_q, W_k):
    return (query_tokens @ W_q.T) @ (other @ W_k.T).transpose(1, 2)


@wrong("09.3", "not divided by the root of d", says=r"root|sqrt|scal|divid|√|d\b")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = _scores(query_tokens, other, W_q, W_k).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "divided by the root of the query tokens' width", says=r"width|D_query|`?d`?\b|root|sqrt|scal|√")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / query_tokens.shape[-1] ** 0.5).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "divided by the root of the number of keys", says=r"T_k|number|`?d`?\b|root|sqrt|scal|√|width")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / other.shape[1] ** 0.5).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "divided by d without the root", says=r"root|sqrt|scal|√")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0]).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "multiplied by the root of d", says=r"root|sqrt|scal|divid|√|multipl")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) * W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "divided after the softmax", says=r"before|after|root|sqrt|sum to|softmax|√|inside")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = _scores(query_tokens, other, W_q, W_k).softmax(dim=-1) / W_q.shape[0] ** 0.5
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "softmax over the queries", says=r"dim|ax[ei]s|key|quer|sum to|position")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "softmax over the batch", says=r"dim|ax[ei]s|key|batch|sum to|position")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=0)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "the output only", says=r"two|both|weights|tuple|pair|return")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ (other @ W_v.T)


@wrong("09.3", "weights before the output", says=r"order|first|swap|exchanged|shape")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights, weights @ (other @ W_v.T)


@wrong("09.3", "scores returned instead of weights", says=r"softmax|score|sum to|weights")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    scores = _scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5
    return scores.softmax(dim=-1) @ (other @ W_v.T), scores


@wrong("09.3", "values without W_v", says=r"W_v|value|shape")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ other, weights


@wrong(
    "09.3",
    "values from the queries' modality",
    says=r"values? (come|comes|are|is|belong)|expects|of the other modality",
)
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ (query_tokens @ W_v.T), weights


@wrong(
    "09.3",
    "roles exchanged: the other modality asks",
    says=r"roles?|swap|exchanged|quer(y|ies) (come|comes|are|is|belong)|expects|of the other modality",
)
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    queries, keys, values = other @ W_q.T, query_tokens @ W_k.T, query_tokens @ W_v.T
    weights = (queries @ keys.mT / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ values, weights


@wrong("09.3", "weight matrices without transpose", says=r"transpos|\.T\b")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    queries, keys, values = query_tokens @ W_q, other @ W_k, other @ W_v
    weights = (queries @ keys.mT / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ values, weights


@wrong("09.3", "the root of 64 written in", says=r"\b64\b|\b8\b|fixed|written|number of rows|root")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / 8).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "sigmoid for softmax", says=r"softmax|sigmoid|sum to")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).sigmoid()
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "hard attention to the best position", says=r"softmax|hard|all|argmax|sum|best|max")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    scores = _scores(query_tokens, other, W_q, W_k)
    weights = F.one_hot(scores.argmax(dim=-1), other.shape[1]).to(scores.dtype)
    return weights @ (other @ W_v.T), weights


@wrong(
    "09.3",
    "squeeze loses the axis of a single query",
    says=r"squeeze|one query|single query|keep the axis|keeps its axis",
)
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return (weights @ (other @ W_v.T)).squeeze(1), weights.squeeze(1)


@wrong("09.3", "weights averaged over the queries", says=r"averag|each query|every query|mean over|one row")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return weights @ (other @ W_v.T), weights.mean(dim=1)


@wrong(
    "09.3",
    "a mean over positions instead of the weights",
    says=r"mean over|uniform|does not depend|weights are not|without the weights|not use",
)
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    output = (other @ W_v.T).mean(dim=1, keepdim=True).expand(-1, query_tokens.shape[1], -1)
    return output, weights


@wrong("09.3", "exponentials without normalisation", says=r"sum to|normali|softmax|divid")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    weights = (_scores(query_tokens, other, W_q, W_k) / W_q.shape[0] ** 0.5).exp()
    return weights @ (other @ W_v.T), weights


@wrong("09.3", "squeezed at the end", says=r"squeeze|batch of one|size 1")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    queries, keys, values = query_tokens @ W_q.T, other @ W_k.T, other @ W_v.T
    weights = (queries @ keys.transpose(1, 2) / W_q.shape[0] ** 0.5).softmax(dim=-1)
    return (weights @ values).squeeze(0), weights.squeeze(0)


@wrong("09.3", "half of d in the place of its root", says=r"times 0\.333|square root")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    queries, keys, values = query_tokens @ W_q.T, other @ W_k.T, other @ W_v.T
    weights = (queries @ keys.transpose(1, 2) / (W_q.shape[0] * 0.5)).softmax(dim=-1)
    return weights @ values, weights


@wrong("09.3", "overflowing exponentials", says=r"overflow|largest score")
def cross_attention(query_tokens, other, W_q, W_k, W_v):
    e = (query_tokens @ W_q.T @ (other @ W_k.T).transpose(1, 2) / len(W_q) ** 0.5).exp()
    weights = e / e.sum(dim=-1, keepdim=True)
    return weights @ (other @ W_v.T), weights


# 09.4


@right("09.4", "chunk, one more axis")
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T + b)[:, None].chunk(2, dim=-1)
    return (1 + gamma) * features + beta


@right("09.4", "two products with the halves of W")
def film(features, condition, W, b):
    D = features.shape[-1]
    gamma = condition @ W[:D].T + b[:D]
    beta = condition @ W[D:].T + b[D:]
    return features * (1 + gamma.unsqueeze(1)) + beta.unsqueeze(1)


@right("09.4", "F.linear and addcmul")
def film(features, condition, W, b):
    gamma, beta = F.linear(condition, W, b).split(features.shape[2], dim=1)
    return torch.addcmul(features + beta[:, None, :], features, gamma[:, None, :])


@right("09.4", "a loop over the examples")
def film(features, condition, W, b):
    out = []
    for x, c in zip(features, condition, strict=True):
        gamma, beta = torch.tensor_split(W @ c + b, 2)
        out.append(x + gamma * x + beta)
    return torch.stack(out)


@right("09.4", "einsum, W unflattened")
def film(features, condition, W, b):
    both = torch.einsum("hdc,bc->hbd", W.unflatten(0, (2, -1)), condition) + b.view(2, 1, -1)
    return torch.einsum("btd,bd->btd", features, both[0] + 1) + both[1].unsqueeze(1)


def _film(condition, W, b):
    return (condition @ W.T + b)[:, None].chunk(2, dim=-1)


@wrong("09.4", "gamma without 1", says=r"1 \+|\b1\b|identity|one\b")
def film(features, condition, W, b):
    gamma, beta = _film(condition, W, b)
    return gamma * features + beta


@wrong("09.4", "halves exchanged", says=r"swap|exchanged|half|first|order|halves")
def film(features, condition, W, b):
    beta, gamma = _film(condition, W, b)
    return (1 + gamma) * features + beta


@wrong("09.4", "the bias forgotten", says=r"bias|\bb\b")
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T)[:, None].chunk(2, dim=-1)
    return (1 + gamma) * features + beta


@wrong("09.4", "bias for the shift only", says=r"bias|\bb\b|gamma|γ|scale")
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T)[:, None].chunk(2, dim=-1)
    return (1 + gamma) * features + beta + b[features.shape[-1] :]


@wrong("09.4", "no axis for the tokens", says=r"shape|ax[ei]s|token|broadcast|size|match|unsqueeze")
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T + b).chunk(2, dim=-1)
    return (1 + gamma) * features + beta


@wrong(
    "09.4",
    "axis at the front: broadcast over tokens instead of the batch",
    says=r"shape|ax[ei]s|token|example|broadcast|size|match|own",
)
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T + b)[None].chunk(2, dim=-1)
    return (1 + gamma) * features + beta


@wrong("09.4", "every second row for gamma", says=r"half|halves|first|alternat|every second|order|chunk|interleav")
def film(features, condition, W, b):
    both = (condition @ W.T + b)[:, None]
    return (1 + both[..., ::2]) * features + both[..., 1::2]


@wrong("09.4", "the shift scaled too", says=r"shift|beta|β|after|scale|order")
def film(features, condition, W, b):
    gamma, beta = _film(condition, W, b)
    return (1 + gamma) * (features + beta)


@wrong("09.4", "one condition for the whole batch", says=r"batch|own condition|each example|mean")
def film(features, condition, W, b):
    gamma, beta = _film(condition.mean(dim=0, keepdim=True), W, b)
    return (1 + gamma) * features + beta


@wrong("09.4", "scale only", says=r"shift|beta|β|add")
def film(features, condition, W, b):
    gamma, _ = _film(condition, W, b)
    return (1 + gamma) * features


@wrong("09.4", "shift only", says=r"scale|gamma|γ|multipl")
def film(features, condition, W, b):
    _, beta = _film(condition, W, b)
    return features + beta


@wrong("09.4", "sigmoid of gamma", says=r"sigmoid|γ itself|gamma itself|activation|as it is|unchanged")
def film(features, condition, W, b):
    gamma, beta = _film(condition, W, b)
    return (1 + gamma.sigmoid()) * features + beta


@wrong("09.4", "tanh of gamma", says=r"tanh|γ itself|gamma itself|activation|as it is|unchanged")
def film(features, condition, W, b):
    gamma, beta = _film(condition, W, b)
    return (1 + gamma.tanh()) * features + beta


@wrong("09.4", "1 added to the shift as well", says=r"β|beta|shift")
def film(features, condition, W, b):
    gamma, beta = 1 + torch.stack(_film(condition, W, b))
    return gamma * features + beta


@wrong("09.4", "1 minus gamma", says=r"sign|minus|1 \+|gamma|γ")
def film(features, condition, W, b):
    gamma, beta = _film(condition, W, b)
    return (1 - gamma) * features + beta


@wrong("09.4", "one scale and shift for all features", says=r"each feature|every feature|mean|feature|own")
def film(features, condition, W, b):
    gamma, beta = (part.mean(dim=-1, keepdim=True) for part in _film(condition, W, b))
    return (1 + gamma) * features + beta


@wrong("09.4", "64 features written in", says=r"\b64\b|half|D\b|shape|size|match")
def film(features, condition, W, b):
    both = (condition @ W.T + b)[:, None]
    return (1 + both[..., :64]) * features + both[..., 64:]


@wrong(
    "09.4",
    "halves by a reshape that mixes the batch",
    says=r"hal(f|ves)|reshape|view|other example|mix|own condition",
)
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T + b).reshape(2, len(features), 1, -1)
    return (1 + gamma) * features + beta


@wrong("09.4", "W without transpose", says=r"transpos|\.T\b|shape|multipl|mat1|size")
def film(features, condition, W, b):
    gamma, beta = (condition @ W + b)[:, None].chunk(2, dim=-1)
    return (1 + gamma) * features + beta


@wrong("09.4", "only the first token modulated", says=r"all (of )?(the |its )?tokens|every token|first token|only")
def film(features, condition, W, b):
    gamma, beta = _film(condition, W, b)
    out = features.clone()
    out[:, :1] = (1 + gamma) * features[:, :1] + beta
    return out


@wrong("09.4", "the bias subtracted", says=r"bias")
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T - b).chunk(2, dim=1)
    return (1 + gamma[:, None]) * features + beta[:, None]


@wrong("09.4", "axes of size 1 squeezed", says=r"size 1|squeeze")
def film(features, condition, W, b):
    gamma, beta = (condition @ W.T + b).chunk(2, dim=1)
    return (1 + gamma.squeeze()[:, None]) * features + beta.squeeze()[:, None]


# 09.5


@right("09.5", "a loop with two lists")
def bottleneck_step(shared, modalities, layers):
    b = shared.shape[1]
    versions, outputs = [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        versions.append(both[:, :b])
        outputs.append(both[:, b:])
    return torch.stack(versions).mean(dim=0), outputs


@right("09.5", "comprehensions")
def bottleneck_step(shared, modalities, layers):
    n = shared.size(1)
    results = [layer(torch.cat((shared, x), 1)) for layer, x in zip(layers, modalities, strict=True)]
    return sum(r[:, :n] for r in results) / len(results), [r[:, n:] for r in results]


@right("09.5", "torch.split, indices")
def bottleneck_step(shared, modalities, layers):
    total, new = torch.zeros_like(shared), []
    for m in range(len(modalities)):
        sizes = [shared.shape[1], modalities[m].shape[1]]
        s, x = torch.split(layers[m](torch.cat([shared, modalities[m]], dim=1)), sizes, dim=1)
        total = total + s
        new.append(x)
    return total / len(modalities), new


@right("09.5", "a helper, zip of its pairs")
def bottleneck_step(shared: Tensor, modalities: list[Tensor], layers: list) -> tuple[Tensor, list[Tensor]]:
    def one(x, layer):
        out = layer(torch.hstack([shared, x]))
        return out.tensor_split([shared.shape[1]], dim=1)

    parts, rest = zip(*[one(x, layer) for x, layer in zip(modalities, layers, strict=True)], strict=True)
    return torch.mean(torch.stack(parts, dim=-1), dim=-1), list(rest)


@right("09.5", "a running mean, lengths taken from the end")
def bottleneck_step(shared, modalities, layers):
    mean, outputs = None, []
    for count, (x, layer) in enumerate(zip(modalities, layers, strict=True), start=1):
        result = layer(torch.cat([shared, x], dim=-2))
        outputs.append(result[:, -x.shape[1] :])
        own = result[:, : shared.shape[1]]
        mean = own if mean is None else mean + (own - mean) / count
    return mean, outputs


@wrong("09.5", "the shared tokens last", says=r"first|order|before|last|front")
def bottleneck_step(shared, modalities, layers):
    results = [layer(torch.cat([x, shared], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    n = shared.shape[1]
    return sum(r[:, -n:] for r in results) / len(results), [r[:, :-n] for r in results]


@wrong("09.5", "versions of the shared tokens summed", says=r"mean|averag|sum|divid")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, :n] for r in results), [r[:, n:] for r in results]


@wrong(
    "09.5",
    "one modality after the other: the shared tokens updated in the loop",
    says=r"same|before|after|original|updat|one after|each modality|sequen|earlier|all",
)
def bottleneck_step(shared, modalities, layers):
    n, outputs = shared.shape[1], []
    for x, layer in zip(modalities, layers, strict=True):
        result = layer(torch.cat([shared, x], dim=1))
        shared = result[:, :n]
        outputs.append(result[:, n:])
    return shared, outputs


@wrong("09.5", "each layer called twice", says=r"once|twice|call")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    pairs = list(zip(modalities, layers, strict=True))
    versions = [layer(torch.cat([shared, x], dim=1))[:, :n] for x, layer in pairs]
    outputs = [layer(torch.cat([shared, x], dim=1))[:, n:] for x, layer in pairs]
    return torch.stack(versions).mean(dim=0), outputs


@wrong("09.5", "the old shared tokens returned", says=r"shared|old|unchanged|mean|averag|updat")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    return shared, [layer(torch.cat([shared, x], 1))[:, n:] for x, layer in zip(modalities, layers, strict=True)]


@wrong("09.5", "modalities returned with the shared tokens", says=r"shape|shared|length|cut|tokens")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, :n] for r in results) / len(results), results


@wrong("09.5", "concatenated along the features", says=r"dim=1|along the|ax[ei]s of|feature")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=2)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, :n] for r in results) / len(results), [r[:, n:] for r in results]


@wrong("09.5", "the first layer for all modalities", says=r"layer|own|once|call|`?layers")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layers[0](torch.cat([shared, x], dim=1)) for x in modalities]
    return sum(r[:, :n] for r in results) / len(results), [r[:, n:] for r in results]


@wrong(
    "09.5",
    "all modalities in one sequence",
    says=r"one sequence|each modality|separate|other modalit|together|alone|own layer",
)
def bottleneck_step(shared, modalities, layers):
    result = torch.cat([shared, *modalities], dim=1)
    for layer in layers:
        result = layer(result)
    new, *parts = result.split([shared.shape[1], *(x.shape[1] for x in modalities)], dim=1)
    return new, list(parts)


@wrong("09.5", "the last modality's version kept", says=r"last|mean|averag|all")
def bottleneck_step(shared, modalities, layers):
    n, outputs = shared.shape[1], []
    for x, layer in zip(modalities, layers, strict=True):
        result = layer(torch.cat([shared, x], dim=1))
        new = result[:, :n]
        outputs.append(result[:, n:])
    return new, outputs


@wrong("09.5", "return inside the loop", says=r"loop|first|modalit|every|all|one|number|length")
def bottleneck_step(shared, modalities, layers):
    n, versions, outputs = shared.shape[1], [], []
    for x, layer in zip(modalities, layers, strict=True):
        result = layer(torch.cat([shared, x], dim=1))
        versions.append(result[:, :n])
        outputs.append(result[:, n:])
        return sum(versions) / len(versions), outputs


@wrong("09.5", "averaged over the tokens too", says=r"over the (shared )?tokens|averag|mean|one token")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    new = torch.stack([r[:, :n] for r in results]).mean(dim=(0, 2))
    return new[:, None].expand_as(shared), [r[:, n:] for r in results]


@wrong("09.5", "four shared tokens written in", says=r"\b4\b|number of|shared|shape|tokens|length")
def bottleneck_step(shared, modalities, layers):
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, :4] for r in results) / len(results), [r[:, 4:] for r in results]


@wrong("09.5", "divided by three, whatever the number of modalities", says=r"\b3\b|number of|mean|averag|divid|three")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, :n] for r in results) / 3, [r[:, n:] for r in results]


@wrong("09.5", "the old shared tokens included in the mean", says=r"mean|averag|old|input|\bM\b|shared|number")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return (shared + sum(r[:, :n] for r in results)) / (len(results) + 1), [r[:, n:] for r in results]


@wrong("09.5", "a residual connection added", says=r"residual|added|skip|plus the input")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return shared + sum(r[:, :n] for r in results) / len(results), [x + r[:, n:] for x, r in zip(modalities, results)]


@wrong("09.5", "the shared tokens cut from the end", says=r"first|end|order|last|cut|front|begin")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, -n:] for r in results) / len(results), [r[:, :-n] for r in results]


@wrong("09.5", "modalities not updated", says=r"modalit|old|unchanged|updat|input|output")
def bottleneck_step(shared, modalities, layers):
    n = shared.shape[1]
    results = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(r[:, :n] for r in results) / len(results), modalities


@wrong("09.5", "squeezed in the loop", says=r"squeeze|batch of one|size 1")
def bottleneck_step(shared, modalities, layers):
    b, proposals, after = shared.shape[1], [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        proposals.append(both[:, :b])
        after.append(both[:, b:])
    return torch.stack(proposals).mean(dim=0).squeeze(0), [one.squeeze(0) for one in after]


@wrong("09.5", "the layers are not used", says=r"no layer is ever called")
def bottleneck_step(shared, modalities, layers):
    return shared, list(modalities)


# 09.debug


class Buggy(nn.Module):
    """The lesson's."""

    def __init__(self, n_classes: int, vocabulary_size: int, image: int, sound: int, width: int = 64):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(3 * width, 128), nn.ReLU(), nn.Linear(128, n_classes))

    def encode_image(self, image: Tensor) -> Tensor:
        return self.encode_text(image.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_sound(self, sound: Tensor) -> Tensor:
        return self.encode_text(sound.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_text(self, tokens: Tensor) -> Tensor:
        real = (tokens != 0)[..., None]
        return (self.embedding(tokens) * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def forward(self, image: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        return self.head(
            torch.cat([self.encode_image(image), self.encode_sound(sound), self.encode_text(tokens)], dim=1)
        )


class _Good(Buggy):
    """Right, for wrong answers that differ in one method."""

    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.image_layer = nn.Linear(image, width)
        self.sound_layer = nn.Linear(sound, width)

    def encode_image(self, image):
        return self.image_layer(image)

    def encode_sound(self, sound):
        return self.sound_layer(sound)


@right("09.debug", "a linear layer each")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.project_image = nn.Linear(image, width)
        self.project_sound = nn.Linear(sound, width)

    def encode_image(self, image):
        return self.project_image(image)

    def encode_sound(self, sound):
        return self.project_sound(sound)


@right("09.debug", "small networks with a hidden layer")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.from_image = nn.Sequential(nn.Linear(image, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.from_sound = nn.Sequential(nn.Linear(sound, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def encode_image(self, image):
        return self.from_image(image)

    def encode_sound(self, sound):
        return self.from_sound(sound)


@right("09.debug", "layers in a ModuleDict, without bias")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        sizes = {"image": image, "sound": sound}
        self.layers = nn.ModuleDict({name: nn.Linear(size, width, bias=False) for name, size in sizes.items()})

    def encode_image(self, image):
        return self.layers["image"](image)

    def encode_sound(self, sound):
        return self.layers["sound"](sound)


@right("09.debug", "weights as parameters, tanh after the product")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.w_image = nn.Parameter(torch.randn(image, width) / image**0.5)
        self.w_sound = nn.Parameter(torch.randn(sound, width) / sound**0.5)

    def encode_image(self, image):
        return torch.tanh(image @ self.w_image)

    def encode_sound(self, sound):
        return torch.tanh(sound @ self.w_sound)


@right("09.debug", "layer norm before each layer, keyword arguments passed on")
class Fixed(Buggy):
    def __init__(self, n_classes: int, vocabulary_size: int, image: int, sound: int, width: int = 64):
        super().__init__(n_classes=n_classes, vocabulary_size=vocabulary_size, image=image, sound=sound, width=width)
        self.image_encoder = nn.Sequential(nn.LayerNorm(image), nn.Linear(image, width))
        self.sound_encoder = nn.Sequential(nn.LayerNorm(sound), nn.Linear(sound, width))

    def encode_image(self, image):
        return self.image_encoder(image)

    def encode_sound(self, sound):
        return self.sound_encoder(sound)


@wrong("09.debug", "the sound still looked up", says=r"sound|embedding|integer|look|gradient|long")
class Fixed(_Good):
    def encode_sound(self, sound):
        return self.encode_text(sound.long().clamp(0, self.embedding.num_embeddings - 1))


@wrong("09.debug", "the image still looked up", says=r"image|embedding|integer|look|gradient|long")
class Fixed(_Good):
    def encode_image(self, image):
        return self.encode_text(image.long().clamp(0, self.embedding.num_embeddings - 1))


@wrong("09.debug", "rounded to integers before the layer", says=r"integer|round|long|fraction|gradient|whole")
class Fixed(_Good):
    def encode_image(self, image):
        return self.image_layer(image.long().float())


@wrong("09.debug", "steps of a tenth", says=r"still quantised: values within one step")
class Fixed(_Good):
    def encode_image(self, image):
        return super().encode_image((10 * image).round() / 10)


@wrong("09.debug", "negative features cut off", says=r"negative|relu|clamp|below")
class Fixed(_Good):
    def encode_sound(self, sound):
        return self.sound_layer(F.relu(sound))


@wrong("09.debug", "absolute values", says=r"negative|absolute|sign|abs")
class Fixed(_Good):
    def encode_image(self, image):
        return self.image_layer(image.abs())


@wrong("09.debug", "clamped at the vocabulary's size and at 0", says=r"negative|clamp|below|limit")
class Fixed(_Good):
    def encode_image(self, image):
        return self.image_layer(image.clamp(0, self.embedding.num_embeddings - 1))


@wrong(
    "09.debug",
    "a new layer in every call",
    says=r"__init__|random|regist|parameter|every call|each call|new|twice|same",
)
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.width = width

    def encode_image(self, image):
        return nn.Linear(image.shape[1], self.width)(image)

    def encode_sound(self, sound):
        return nn.Linear(sound.shape[1], self.width)(sound)


@wrong("09.debug", "one layer for both modalities", says=r"own|share|same|each|both|shape|multipl|mat1|separate")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.layer = nn.Linear(image, width)

    def encode_image(self, image):
        return self.layer(image)

    def encode_sound(self, sound):
        return self.layer(sound)


@wrong(
    "09.debug",
    "both layers under one name: the second replaces the first",
    says=r"overwr|one name|own name|same name|replac|each modality",
)
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.layer = nn.Linear(image, width)
        self.layer = nn.Linear(sound, width)

    def encode_image(self, image):
        return self.layer(image)

    def encode_sound(self, sound):
        return self.layer(sound)


@wrong(
    "09.debug",
    "the embedding overwritten by the image's layer",
    says=r"embedding (is|was|has)|overwr|replac|own name|same name",
)
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.embedding = nn.Linear(image, width)
        self.sound_layer = nn.Linear(sound, width)

    def encode_image(self, image):
        return self.embedding(image)

    def encode_sound(self, sound):
        return self.sound_layer(sound)


@wrong("09.debug", "layers in a plain list", says=r"list|regist|parameter|ModuleList|name|learn|optimi")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.layers = [nn.Linear(image, width), nn.Linear(sound, width)]

    def encode_image(self, image):
        return self.layers[0](image)

    def encode_sound(self, sound):
        return self.layers[1](sound)


@wrong("09.debug", "the lesson's sizes written in", says=r"128|shape|size|multipl|mat1|`?image`?|hard")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.image_layer, self.sound_layer = nn.Linear(128, 64), nn.Linear(128, 64)

    def encode_image(self, image):
        return self.image_layer(image)

    def encode_sound(self, sound):
        return self.sound_layer(sound)


@wrong("09.debug", "width 64 written in", says=r"width|64|shape|size|multipl|mat1")
class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.image_layer, self.sound_layer = nn.Linear(image, 64), nn.Linear(sound, 64)

    def encode_image(self, image):
        return self.image_layer(image)

    def encode_sound(self, sound):
        return self.sound_layer(sound)


@wrong("09.debug", "features passed on without weights", says=r"width|shape|weight|size|multipl|mat1|layer")
class Fixed(_Good):
    def encode_image(self, image):
        return image


@wrong(
    "09.debug",
    "the first `width` features without weights",
    says=r"weight|cut|all|every|feature|layer|parameter|used|first",
)
class Fixed(_Good):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.width = width

    def encode_image(self, image):
        return F.pad(image, (0, self.width))[:, : self.width]


@wrong("09.debug", "layers without gradient", says=r"gradient|no_grad|learn|parameter|train")
class Fixed(_Good):
    @torch.no_grad()
    def encode_image(self, image):
        return self.image_layer(image)


@wrong("09.debug", "the input detached: no encoder below can be trained", says=r"gradient|detach|encoder|input")
class Fixed(_Good):
    def encode_sound(self, sound):
        return self.sound_layer(sound.detach())


@wrong("09.debug", "zeros for the sound", says=r"sound|ignor|zero|depend|use|same|gradient")
class Fixed(_Good):
    def encode_sound(self, sound):
        return torch.zeros_like(self.sound_layer(sound))


@wrong(
    "09.debug",
    "squeeze loses the axis of a batch of one",
    says=r"squeeze|batch of (one|1)|one example|single|keeps? (its|the) axis",
)
class Fixed(_Good):
    def encode_image(self, image):
        return self.image_layer(image).squeeze()
