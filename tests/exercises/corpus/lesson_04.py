"""Answers to the exercises of lesson 04."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models import pooling
from mmcourse.models.attention import MultiHeadAttention, sinusoids

from . import right, wrong

# 04.1 attention


@right("04.1", "one line")
def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1) @ values


@right("04.1", "einsum")
def attention(queries, keys, values):
    d = queries.size(-1)
    scores = torch.einsum("...qd,...kd->...qk", queries, keys) / math.sqrt(d)
    weights = F.softmax(scores, dim=-1)
    return torch.einsum("...qk,...kv->...qv", weights, values)


@right("04.1", "the softmax written out, its maximum subtracted")
def attention(queries, keys, values):
    scores = torch.matmul(queries / math.sqrt(queries.shape[-1]), keys.mT)
    e = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    return (e / e.sum(dim=-1, keepdim=True)) @ values


@right("04.1", "one query after the other")
def attention(queries, keys, values):
    outputs = []
    for t in range(queries.shape[-2]):
        q = queries[..., t, :].unsqueeze(-2)
        scores = (q * keys).sum(dim=-1) / queries.shape[-1] ** 0.5
        weights = scores.softmax(dim=-1)
        outputs.append((weights.unsqueeze(-1) * values).sum(dim=-2))
    return torch.stack(outputs, dim=-2)


@right("04.1", "PyTorch's function, which the text does not rule out")
def attention(queries, keys, values):
    return F.scaled_dot_product_attention(queries, keys, values)


@wrong("04.1", "not divided by the root of d", says=r"sqrt|√|root|divid|scal")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1)).softmax(dim=-1) @ values


@wrong("04.1", "divided by d", says=r"sqrt|√|root")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1]).softmax(dim=-1) @ values


@wrong("04.1", "multiplied by the root of d", says=r"sqrt|√|root|divid")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) * queries.shape[-1] ** 0.5).softmax(dim=-1) @ values


@wrong("04.1", "root of the number of keys", says=r"sqrt|√|root|\bd\b|features|T_k|number of keys|length")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / keys.shape[-2] ** 0.5).softmax(dim=-1) @ values


@wrong("04.1", "root of the values' width", says=r"sqrt|√|root|\bd\b|features|values|width")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / values.shape[-1] ** 0.5).softmax(dim=-1) @ values


@wrong("04.1", "root of len(queries)", says=r"sqrt|√|root|\bd\b|features|len|axis|first")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / len(queries) ** 0.5).softmax(dim=-1) @ values


@wrong("04.1", "divided after the softmax", says=r"before the softmax|after the softmax|sqrt|√|root|sum to 1|scal")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1)).softmax(dim=-1) / queries.shape[-1] ** 0.5 @ values


@wrong("04.1", "d of 4 hard-coded", says=r"sqrt|√|root|\bd\b|hard|features")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / 2).softmax(dim=-1) @ values


@wrong("04.1", "softmax over the queries", says=r"softmax|axis|dim|over the keys|quer")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-2) @ values


@wrong("04.1", "softmax over axis 1", says=r"softmax|axis|dim|over the keys|-1|leading|last")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=1) @ values


@wrong("04.1", "no softmax", says=r"softmax|sum to 1|weights")
def attention(queries, keys, values):
    return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5 @ values


@wrong(
    "04.1", ".T, which turns every axis around", says=r"\.T\b|transpos|axes|leading|batch|several|dimension|any number"
)
def attention(queries, keys, values):
    return (queries @ keys.T / queries.shape[-1] ** 0.5).softmax(dim=-1) @ values


@wrong(
    "04.1", "for exactly three axes", says=r"axes|leading|batch|several|dimension|any number|bmm|shape|3-?D|three|2-?D"
)
def attention(queries, keys, values):
    return torch.bmm((torch.bmm(queries, keys.transpose(1, 2)) / queries.shape[-1] ** 0.5).softmax(dim=-1), values)


@wrong("04.1", "keys and values swapped", says=r"swap|exchang|keys|values|shape")
def attention(queries, keys, values):
    return (queries @ values.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1) @ keys


@wrong("04.1", "precedence: the root of the scores", says=r"root|√|bracket|parenthes|negative")
def attention(queries, keys, values):
    return ((queries @ keys.transpose(-2, -1) / queries.shape[-1]) ** 0.5).softmax(dim=-1) @ values


@wrong("04.1", "the weights are returned as well", says=r"tuple|weights|two|output|tensor|pair")
def attention(queries, keys, values):
    weights = (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1)
    return weights @ values, weights


@wrong("04.1", "the weights in place of the output", says=r"weights|values|output|shape")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1)


@wrong("04.1", "all keys alike", says=r"mean|equal|quer|weights|score|alike|depend")
def attention(queries, keys, values):
    return values.mean(dim=-2, keepdim=True).expand(*queries.shape[:-1], values.shape[-1])


@wrong("04.1", "squeeze removes axes of one", says=r"squeeze|shape|axes|axis|one query|single|dimension")
def attention(queries, keys, values):
    return ((queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1) @ values).squeeze()


@right("04.1", "computed in float64")
def attention(queries, keys, values):
    q, k, v = queries.double(), keys.double(), values.double()
    weights = torch.softmax(q.matmul(k.swapaxes(-1, -2)) * q.shape[-1] ** -0.5, dim=-1)
    return weights.matmul(v).to(queries.dtype)


@right("04.1", "leading axes flattened and put back")
def attention(queries, keys, values):
    q, k, v = (part.reshape(-1, *part.shape[-2:]) for part in (queries, keys, values))
    out = torch.stack([(a @ b.T / len(b.T) ** 0.5).softmax(1) @ c for a, b, c in zip(q, k, v)])
    return out.reshape(*queries.shape[:-1], values.shape[-1])


@right("04.1", "broadcast products and a log-softmax")
def attention(queries, keys, values):
    scores = (queries.unsqueeze(-2) * keys.unsqueeze(-3)).sum(-1) / math.sqrt(keys.shape[-1])
    weights = F.log_softmax(scores, dim=-1).exp()
    return (weights.unsqueeze(-1) * values.unsqueeze(-3)).sum(-2)


@wrong("04.1", "queries and keys both divided by the root", says=r"twice|divided by d|square root|√|root|both")
def attention(queries, keys, values):
    root = queries.shape[-1] ** 0.5
    return ((queries / root) @ (keys / root).transpose(-2, -1)).softmax(dim=-1) @ values


@wrong("04.1", "root of axis 1", says=r"√|root|\bd\b|last size|axis|-1|T\b")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[1] ** 0.5).softmax(dim=-1) @ values


@wrong("04.1", "exponentials not divided by their sum", says=r"sum|divid|softmax|normal")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).exp() @ values


@wrong("04.1", "scores divided by their sum, without exponentials", says=r"softmax|exp|negative|sum")
def attention(queries, keys, values):
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
    return scores / scores.sum(dim=-1, keepdim=True) @ values


@wrong("04.1", "sigmoid in place of softmax", says=r"sigmoid|softmax|sum to 1")
def attention(queries, keys, values):
    return (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).sigmoid() @ values


@wrong("04.1", "the best key alone", says=r"best|one key|argmax|weighted|softmax|largest|mean")
def attention(queries, keys, values):
    best = (queries @ keys.transpose(-2, -1)).argmax(dim=-1)
    return F.one_hot(best, keys.shape[-2]).to(values.dtype) @ values


@wrong("04.1", "cosine similarity", says=r"cosine|length|normal|dot product|√|root")
def attention(queries, keys, values):
    scores = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1)
    return scores.softmax(dim=-1) @ values


@wrong("04.1", "a causal mask too", says=r"causal|mask|later|all keys|every key")
def attention(queries, keys, values):
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(later, float("-inf")).softmax(dim=-1) @ values


@wrong("04.1", "the queries added to the result", says=r"residual|added|queries are")
def attention(queries, keys, values):
    attended = (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1) @ values
    return queries + attended if attended.shape == queries.shape else attended


@wrong("04.1", "keys in the rows of the scores", says=r"transpos|rows|quer|shape|keys|order|axis")
def attention(queries, keys, values):
    weights = (keys @ queries.transpose(-2, -1) / queries.shape[-1] ** 0.5).softmax(dim=-1)
    return weights @ values if weights.shape[-1] == values.shape[-2] else weights.transpose(-2, -1) @ values


# 04.2 attention with a mask


def scores_of(queries, keys):
    return queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5


@right("04.2", "masked_fill")
def masked_attention(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ values


@right("04.2", "torch.where")
def masked_attention(queries, keys, values, mask):
    scores = torch.matmul(queries, keys.mT) / math.sqrt(keys.shape[-1])
    scores = torch.where(mask, scores, torch.full_like(scores, -torch.inf))
    return torch.matmul(torch.softmax(scores, -1), values)


@right("04.2", "a bias of zeros and minus infinity is added")
def masked_attention(queries, keys, values, mask):
    bias = torch.zeros(mask.shape, dtype=queries.dtype).masked_fill(mask.logical_not(), float("-inf"))
    return F.softmax(scores_of(queries, keys) + bias, dim=-1) @ values


@right("04.2", "PyTorch's function")
def masked_attention(queries, keys, values, mask):
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)


@right("04.2", "exponentials times the mask, then divided by their sum")
def masked_attention(queries, keys, values, mask):
    scores = scores_of(queries, keys)
    e = (scores - scores.amax(-1, keepdim=True)).exp() * mask
    return e / e.sum(-1, keepdim=True) @ values


@wrong("04.2", "score set to 0", says=r"\b0\b|zero|inf|∞")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask, 0).softmax(dim=-1) @ values


@wrong("04.2", "scores times the mask", says=r"\b0\b|zero|inf|∞|multipl")
def masked_attention(queries, keys, values, mask):
    return (scores_of(queries, keys) * mask).softmax(dim=-1) @ values


@wrong(
    "04.2",
    "weights set to 0 after the softmax",
    says=r"before the softmax|after the softmax|sum|less than 1|renormal|below 1",
)
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).softmax(dim=-1).masked_fill(~mask, 0) @ values


@wrong("04.2", "mask reversed", says=r"revers|invert|opposite|True|~|wrong way|attend")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(mask, float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "mask ignored", says=r"mask|attend")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).softmax(dim=-1) @ values


@wrong("04.2", "not divided by the root of d", says=r"sqrt|√|root|divid|scal")
def masked_attention(queries, keys, values, mask):
    scores = queries @ keys.transpose(-2, -1)
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "score set to -1", says=r"-1\b|inf|∞|small enough|still|leak|weight")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask, -1.0).softmax(dim=-1) @ values


@wrong("04.2", "score set to 1e-9 in place of -1e9", says=r"\b0\b|zero|1e-9|inf|∞|still|leak|weight")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask, 1e-9).softmax(dim=-1) @ values


@wrong("04.2", "minus infinity times the mask gives NaN", says=r"nan|not a number|inf|∞")
def masked_attention(queries, keys, values, mask):
    return (scores_of(queries, keys) + (~mask) * float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "False and True added to the scores", says=r"inf|∞|add|mask|attend|\b1\b|bool")
def masked_attention(queries, keys, values, mask):
    return (scores_of(queries, keys) + mask).softmax(dim=-1) @ values


@wrong("04.2", "indexing with the mask, which must have the scores' shape", says=r"broadcast|shape|expand|index")
def masked_attention(queries, keys, values, mask):
    scores = scores_of(queries, keys)
    scores[~mask] = float("-inf")
    return scores.softmax(dim=-1) @ values


@wrong("04.2", "mask transposed", says=r"transpos|T_q|keys|axis|axes|quer|row|shape|broadcast")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask.transpose(-2, -1), float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "an axis inserted into the mask", says=r"axis too many|inserted|None|broadcasts")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask[:, None], float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "the first row of the mask for all queries", says=r"own row|first row|each query|every query")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask[..., :1, :], float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "softmax over the queries", says=r"softmax|axis|dim|over the keys|quer|nan")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask, float("-inf")).softmax(dim=-2) @ values


@wrong("04.2", "masked after the values were mixed", says=r"score|before the softmax|shape|output|after|keys|softmax")
def masked_attention(queries, keys, values, mask):
    mixed = scores_of(queries, keys).softmax(dim=-1) @ values
    return mixed * mask.any(dim=-1, keepdim=True)


@right("04.2", "a large negative number")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(mask == 0, -1e9).softmax(dim=-1) @ values


@right("04.2", "the logarithm of the mask is added")
def masked_attention(queries, keys, values, mask):
    return (scores_of(queries, keys) + mask.to(queries.dtype).log()).softmax(dim=-1) @ values


@right("04.2", "the smallest number of the type")
def masked_attention(queries, keys, values, mask):
    scores = scores_of(queries, keys)
    hidden = mask.logical_not().expand_as(scores)
    scores[hidden] = torch.finfo(scores.dtype).min
    return torch.softmax(scores, dim=-1) @ values


@wrong("04.2", "score set to the smallest score", says=r"low enough|small|still|inf|∞|weight")
def masked_attention(queries, keys, values, mask):
    scores = scores_of(queries, keys)
    return torch.where(mask, scores, scores.min()).softmax(dim=-1) @ values


@wrong("04.2", "the values set to 0", says=r"values|score|softmax|weights|sum")
def masked_attention(queries, keys, values, mask):
    hidden = ~mask.any(dim=-2).unsqueeze(-1)
    return scores_of(queries, keys).softmax(dim=-1) @ values.masked_fill(hidden, 0)


@wrong("04.2", "arguments of where in the wrong order", says=r"revers|invert|True|order|wrong way|where")
def masked_attention(queries, keys, values, mask):
    scores = scores_of(queries, keys)
    return torch.where(mask, torch.full_like(scores, float("-inf")), scores).softmax(dim=-1) @ values


@wrong("04.2", "plus infinity", says=r"inf|∞|sign|nan")
def masked_attention(queries, keys, values, mask):
    return scores_of(queries, keys).masked_fill(~mask, float("inf")).softmax(dim=-1) @ values


@wrong(
    "04.2",
    "weights masked and not divided by their own row's sum",
    says=r"sum|row|each query|own|renormal|divid|softmax",
)
def masked_attention(queries, keys, values, mask):
    weights = scores_of(queries, keys).softmax(dim=-1) * mask
    return weights / weights.sum(dim=(-2, -1), keepdim=True) @ values


@wrong("04.2", "a causal mask in place of the given one", says=r"causal|given|mask|later")
def masked_attention(queries, keys, values, mask):
    scores = scores_of(queries, keys)
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return scores.masked_fill(~allowed, float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "the mask of the first sentence for all", says=r"first|each sentence|own|batch|broadcast")
def masked_attention(queries, keys, values, mask):
    one = mask
    while one.dim() > 2:
        one = one[0]
    return scores_of(queries, keys).masked_fill(~one, float("-inf")).softmax(dim=-1) @ values


@wrong("04.2", "a key hidden from one query is hidden from all", says=r"each query|every query|own|row|all queries|any")
def masked_attention(queries, keys, values, mask):
    common = mask.all(dim=-2, keepdim=True)
    scores = scores_of(queries, keys)
    return scores.masked_fill(~common, -1e9).softmax(dim=-1) @ values


# 04.3 split into heads


@right("04.3", "reshape and transpose")
def split_heads(x: Tensor, n_heads: int) -> Tensor:
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads).transpose(1, 2)


@right("04.3", "chunks stacked")
def split_heads(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=-1), dim=1)


@right("04.3", "unflatten and permute")
def split_heads(x, n_heads):
    return x.unflatten(2, (n_heads, -1)).permute(0, 2, 1, 3)


@right("04.3", "a loop over the heads")
def split_heads(x, n_heads):
    B, T, D = x.size()
    d = D // n_heads
    out = x.new_empty(B, n_heads, T, d)
    for h in range(n_heads):
        out[:, h] = x[:, :, h * d : (h + 1) * d]
    return out


@wrong("04.3", "reshape without transpose", says=r"transpos|time|mix|order|word|positions")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, n_heads, T, D // n_heads)


@wrong("04.3", "every n-th feature", says=r"first|next|interleav|every|order|features|neighbour|consecutive")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, D // n_heads, n_heads).permute(0, 3, 1, 2)


@wrong("04.3", "heads stay behind the time", says=r"transpos|axis|axes|shape|before the time|order")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads)


@wrong("04.3", "the last two axes swapped", says=r"transpos|axis|axes|shape|order")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads).permute(0, 2, 3, 1)


@wrong("04.3", "heads first", says=r"axis|axes|shape|batch|order")
def split_heads(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=-1))


@wrong("04.3", "heads and sentences in one axis", says=r"axis|axes|shape|dimension")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads).transpose(1, 2).reshape(B * n_heads, T, -1)


@wrong("04.3", "a list of heads", says=r"tensor|list|tuple|stack")
def split_heads(x, n_heads):
    return x.chunk(n_heads, dim=-1)


@wrong("04.3", "four heads hard-coded", says=r"n_heads|heads|\b4\b|shape|hard")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, 4, D // 4).transpose(1, 2)


@wrong("04.3", "heads of n_heads features", says=r"n_heads|heads|D / heads|features|shape|number")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, D // n_heads, n_heads).transpose(1, 2)


@wrong("04.3", "the time is split", says=r"features|D / heads|width|time is|words are split|last axis")
def split_heads(x, n_heads):
    return torch.stack(x.tensor_split(n_heads, dim=1), dim=1)


@wrong("04.3", "every head gets all features", says=r"D / heads|features|all|shape|part")
def split_heads(x, n_heads):
    return x.unsqueeze(1).expand(-1, n_heads, -1, -1)


@wrong("04.3", "heads in reverse order", says=r"order|first|head 0|revers")
def split_heads(x, n_heads):
    return torch.stack(x.chunk(n_heads, dim=-1)[::-1], dim=1)


@wrong("04.3", "squeeze removes axes of one", says=r"squeeze|axis of (size )?1|batch is gone|axes of")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads).transpose(1, 2).squeeze()


@right("04.3", "view and swapaxes")
def split_heads(x, n_heads):
    return x.contiguous().view(*x.shape[:2], n_heads, -1).swapaxes(1, 2)


@right("04.3", "indices of the features of each head")
def split_heads(x, n_heads):
    d = x.shape[-1] // n_heads
    index = torch.arange(n_heads * d).view(n_heads, d)
    return x[:, :, index].movedim(2, 1)


@right("04.3", "sentence by sentence, word by word")
def split_heads(x, n_heads):
    sentences = []
    for sentence in x:
        words = [torch.stack(word.chunk(n_heads)) for word in sentence]
        sentences.append(torch.stack(words, dim=1))
    return torch.stack(sentences)


@wrong("04.3", "view with the heads first, then turned", says=r"mix|order|split|words|feature|wrong")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, n_heads, D // n_heads, T).transpose(2, 3)


@wrong("04.3", "batch and heads exchanged", says=r"batch|shape|axis|axes|first|exchang")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.reshape(B, T, n_heads, D // n_heads).permute(2, 0, 1, 3)


@wrong("04.3", "the first head copied", says=r"first|same|each head|copy|head 0|equal|all heads")
def split_heads(x, n_heads):
    d = x.shape[-1] // n_heads
    return x[:, None, :, :d].expand(-1, n_heads, -1, -1)


@wrong("04.3", "neighbouring heads overlap", says=r"overlap|start|twice|next|h \* d|feature|head 1")
def split_heads(x, n_heads):
    d = x.shape[-1] // n_heads
    return torch.stack([x[:, :, h : h + d] for h in range(n_heads)], dim=1)


# 04.4 concatenate the heads


@right("04.4", "transpose and reshape")
def join_heads(x: Tensor) -> Tensor:
    B, heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, heads * d)


@right("04.4", "cat along the features")
def join_heads(x):
    return torch.cat([x[:, h] for h in range(x.shape[1])], dim=-1)


@right("04.4", "contiguous and view")
def join_heads(x):
    x = x.permute(0, 2, 1, 3).contiguous()
    return x.view(x.shape[0], x.shape[1], -1)


@right("04.4", "swapaxes and flatten")
def join_heads(x):
    return x.swapaxes(1, 2).flatten(start_dim=2)


@right("04.4", "cat of unbind")
def join_heads(x):
    return torch.cat(x.unbind(1), dim=2)


@wrong("04.4", "reshape without transpose", says=r"transpos|time|mix|order|word|positions")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.reshape(B, T, heads * d)


@wrong("04.4", "view after transpose, which needs contiguous memory", says=r"contiguous|reshape|view")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.transpose(1, 2).view(B, T, heads * d)


@wrong("04.4", "features interleaved", says=r"order|interleav|same order|features|neighbour|heads|transpos")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, heads * d)


@wrong("04.4", "heads averaged", says=r"mean|averag|concat|shape|D\b")
def join_heads(x):
    return x.mean(dim=1)


@wrong("04.4", "heads added", says=r"sum|add|concat|shape|D\b")
def join_heads(x):
    return x.sum(dim=1)


@wrong("04.4", "heads concatenated along the time", says=r"time|features|axis|shape|dim")
def join_heads(x):
    return torch.cat(list(x.unbind(1)), dim=1)


@wrong("04.4", "features in reverse order of the heads", says=r"order|revers|first")
def join_heads(x):
    return torch.cat(list(x.unbind(1))[::-1], dim=-1)


@wrong("04.4", "only the transpose", says=r"shape|concat|axes|axis|reshape|four|dimension|D\b")
def join_heads(x):
    return x.transpose(1, 2)


@wrong("04.4", "sentences and words in one axis", says=r"shape|axis|axes|\(B, T, D\)|dimension")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B * T, heads * d)


@wrong("04.4", "the first head alone", says=r"head|shape|concat|all|D\b")
def join_heads(x):
    return x[:, 0]


@wrong("04.4", "time and features swapped", says=r"transpos|axes|axis|order|shape|time|mix")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.transpose(2, 3).reshape(B, T, heads * d)


@wrong("04.4", "squeeze removes axes of one", says=r"squeeze|shape|axis|axes|one (sentence|head|word)|single|dimension")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, heads * d).squeeze()


@right("04.4", "einsum-free: written head by head")
def join_heads(x):
    B, n_heads, T, d = x.shape
    out = x.new_zeros(B, T, n_heads * d)
    for h in range(n_heads):
        out[..., h * d : (h + 1) * d] = x[:, h]
    return out


@right("04.4", "hstack of each sentence's heads")
def join_heads(x):
    return torch.stack([torch.hstack(list(sentence)) for sentence in x])


@right("04.4", "movedim and flatten")
def join_heads(x):
    return x.movedim(1, 2).flatten(-2)


@wrong("04.4", "transposed, then the wrong axes merged", says=r"shape|words|merge|axes|axis|flatten|features")
def join_heads(x):
    return x.transpose(1, 2).flatten(1, 2)


@wrong("04.4", "words in reverse order", says=r"order|revers|words|time")
def join_heads(x):
    B, n_heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, n_heads * d).flip(1)


@wrong("04.4", "four heads hard-coded", says=r"4|hard|heads|shape")
def join_heads(x):
    B, n_heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, 4 * d)


@wrong("04.4", "batch and words exchanged", says=r"batch|shape|axis|axes|order|sentence|words")
def join_heads(x):
    B, n_heads, T, d = x.shape
    return x.permute(2, 0, 1, 3).reshape(T, B, n_heads * d)


# 04.5 causal mask


@right("04.5", "tril of ones")
def causal_mask(length: int) -> Tensor:
    return torch.ones(length, length, dtype=torch.bool).tril()


@right("04.5", "positions compared")
def causal_mask(length):
    t = torch.arange(length)
    return t[:, None] >= t[None, :]


@right("04.5", "two loops")
def causal_mask(length):
    mask = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        for j in range(i + 1):
            mask[i, j] = True
    return mask


@right("04.5", "nested lists")
def causal_mask(length):
    return torch.tensor([[column <= row for column in range(length)] for row in range(length)])


@right("04.5", "numpy's tri")
def causal_mask(length):
    return torch.from_numpy(np.tri(length, dtype=bool))


@right("04.5", "what lies above the diagonal, negated")
def causal_mask(length):
    return ~torch.triu(torch.ones(length, length), diagonal=1).bool()


@wrong("04.5", "upper triangle", says=r"later|earlier|above|below|transpos|upper|tril|future")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).triu()


@wrong("04.5", "without the diagonal", says=r"itself|diagonal|own")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).tril(-1)


@wrong("04.5", "one position too far", says=r"diagonal|next|later|future|one")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).tril(1)


@wrong("04.5", "True where attention is forbidden", says=r"True|revers|opposite|invert|may attend|~|later|earlier")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


@wrong("04.5", "floats", says=r"bool|float|dtype|type")
def causal_mask(length):
    return torch.tril(torch.ones(length, length))


@wrong("04.5", "whole numbers", says=r"bool|int|dtype|type")
def causal_mask(length):
    return torch.tril(torch.ones(length, length, dtype=torch.long))


@wrong("04.5", "minus infinity and 0 to add", says=r"bool|float|dtype|type|inf")
def causal_mask(length):
    return nn.Transformer.generate_square_subsequent_mask(length)


@wrong("04.5", "every position", says=r"later|future|earlier|above|all|diagonal")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool)


@wrong("04.5", "the position itself alone", says=r"earlier|below|diagonal|itself|before")
def causal_mask(length):
    return torch.eye(length, dtype=torch.bool)


@wrong("04.5", "the position itself and the one before", says=r"earlier|all|below|before|only")
def causal_mask(length):
    full = torch.ones(length, length, dtype=torch.bool)
    return full.tril() & full.triu(-1)


@wrong("04.5", "axes for batch and heads", says=r"shape|axes|axis|\(T, T\)|dimension")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).tril()[None, None]


@wrong("04.5", "rows upside down", says=r"row|order|first|revers|flip|upside|later|earlier|above")
def causal_mask(length):
    return torch.ones(length, length, dtype=torch.bool).tril().flip(0)


@wrong("04.5", "one row and column too few", says=r"shape|length|\(T, T\)|size|row|one")
def causal_mask(length):
    t = torch.arange(1, length)
    return t[:, None] >= t


@wrong("04.5", "a list of lists", says=r"tensor|list")
def causal_mask(length):
    return [[column <= row for column in range(length)] for row in range(length)]


@wrong("04.5", "return inside the loop", says=r"return|loop|first row|row|earlier|below|only")
def causal_mask(length):
    mask = torch.zeros(length, length, dtype=torch.bool)
    for i in range(length):
        mask[i, : i + 1] = True
        return mask


@right("04.5", "PyTorch's additive mask compared with 0")
def causal_mask(length):
    return nn.Transformer.generate_square_subsequent_mask(length) == 0


@right("04.5", "cumulative sum of the identity")
def causal_mask(length):
    return torch.eye(length).cumsum(dim=0).bool()


@right("04.5", "lower triangle by indices")
def causal_mask(length):
    mask = torch.zeros(length, length, dtype=bool)
    rows, columns = torch.tril_indices(length, length)
    mask[rows, columns] = True
    return mask


@right("04.5", "rows stacked")
def causal_mask(length):
    return torch.stack([torch.arange(length) <= t for t in range(length)])


@wrong("04.5", "PyTorch's additive mask as truth values", says=r"revers|invert|True|later|may attend|opposite")
def causal_mask(length):
    return nn.Transformer.generate_square_subsequent_mask(length).bool()


@wrong("04.5", "the first row may attend to all", says=r"first row|row|later|order|last")
def causal_mask(length):
    t = torch.arange(length)
    return t[:, None] + t <= length - 1


@wrong("04.5", "one row for all", says=r"shape|\(T, T\)|row|last|square")
def causal_mask(length):
    return torch.ones(length, dtype=torch.bool)


@wrong("04.5", "every other position", says=None)
def causal_mask(length):
    t = torch.arange(length)
    return (t[:, None] >= t) & ((t[:, None] - t) % 2 == 0)


# 04.6 number of parameters


@right("04.6", "part by part")
def block_parameters(width: int, hidden: int) -> int:
    attention = 4 * (width * width + width)
    feed_forward = width * hidden + hidden + hidden * width + width
    norms = 2 * 2 * width
    return attention + feed_forward + norms


@right("04.6", "collected into one formula")
def block_parameters(width, hidden):
    return 4 * width**2 + 2 * width * hidden + 9 * width + hidden


@right("04.6", "a helper for a linear layer")
def block_parameters(width, hidden):
    def linear(n_in, n_out):
        return (n_in + 1) * n_out

    return sum([linear(width, width)] * 4) + linear(width, hidden) + linear(hidden, width) + 4 * width


@right("04.6", "counts PyTorch's layer")
def block_parameters(width, hidden):
    layer = nn.TransformerEncoderLayer(width, 1, hidden)
    return sum(p.numel() for p in layer.parameters())


@wrong("04.6", "no biases", says=r"bias")
def block_parameters(width, hidden):
    return 4 * width**2 + 2 * width * hidden + 4 * width


@wrong("04.6", "no biases in attention", says=r"bias|attention")
def block_parameters(width, hidden):
    return 4 * width**2 + 2 * width * hidden + width + hidden + 4 * width


@wrong("04.6", "no biases in the feed-forward network", says=r"bias|feed")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + 4 * width


@wrong("04.6", "three layers of attention", says=r"four|fourth|output|three|\b4\b|out\b")
def block_parameters(width, hidden):
    return 3 * (width**2 + width) + 2 * width * hidden + width + hidden + 4 * width


@wrong("04.6", "one layer of attention", says=r"four|\b4\b|one projection|layers of attention")
def block_parameters(width, hidden):
    return (width**2 + width) + 2 * width * hidden + width + hidden + 4 * width


@wrong("04.6", "no norms", says=r"norm")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden


@wrong("04.6", "one norm", says=r"norm")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden + 2 * width


@wrong("04.6", "norms with a scale alone", says=r"norm|shift|scale")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden + 2 * width


@wrong("04.6", "one scale and one shift per norm", says=r"norm|feature|scale")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden + 4


@wrong("04.6", "a third norm over the hidden features", says=r"norm|hidden")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden + 4 * width + 2 * hidden


@wrong("04.6", "hidden is taken for 4 times the width", says=r"hidden")
def block_parameters(width, hidden):
    return 12 * width**2 + 13 * width


@wrong("04.6", "both biases of the feed-forward network are as wide as hidden", says=r"bias|feed|hidden|width")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * (width * hidden + hidden) + 4 * width


@wrong("04.6", "one feed-forward layer", says=r"feed|two|second|hidden")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + width * hidden + hidden + 4 * width


@wrong("04.6", "attention counted for 4 heads", says=r"head|attention|four times|too many")
def block_parameters(width, hidden):
    return 16 * (width**2 + width) + 2 * width * hidden + width + hidden + 4 * width


@wrong("04.6", "a float", says=r"whole|int\b|integer|float")
def block_parameters(width, hidden):
    return 4 * width**2.0 + 2 * width * hidden + 9 * width + hidden


@wrong("04.6", "width and hidden swapped", says=r"swap|order|width|hidden|exchang")
def block_parameters(hidden, width):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden + 4 * width


class Block4(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


@right("04.6", "counts the lesson's block")
def block_parameters(width, hidden):
    return sum(p.numel() for p in Block4(width, 1, hidden).parameters())


@right("04.6", "a list of shapes")
def block_parameters(width, hidden):
    shapes = 4 * [(width, width), (width,)] + 4 * [(width,)]
    shapes += [(hidden, width), (hidden,), (width, hidden), (width,)]
    return sum(math.prod(shape) for shape in shapes)


@wrong("04.6", "one bias per layer", says=r"bias|each output|one an output")
def block_parameters(width, hidden):
    return 4 * (width**2 + 1) + 2 * (width * hidden + 1) + 4 * width


@wrong("04.6", "three norms", says=r"norm|two|third")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + width + hidden + 6 * width


@wrong("04.6", "five layers of attention", says=r"four|attention|layer|projection|five")
def block_parameters(width, hidden):
    return 5 * (width**2 + width) + 2 * width * hidden + width + hidden + 4 * width


@wrong("04.6", "the cross-attention of a decoder too", says=r"cross|decoder|attention|twice|eight")
def block_parameters(width, hidden):
    return 8 * (width**2 + width) + 2 * width * hidden + width + hidden + 6 * width


@wrong("04.6", "no bias in the second feed-forward layer", says=r"bias|second|width")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + 2 * width * hidden + hidden + 4 * width


@wrong("04.6", "no bias in the output layer of attention", says=r"attention|output layer|fourth")
def block_parameters(width, hidden):
    return 4 * width**2 + 3 * width + 2 * width * hidden + width + hidden + 4 * width


@wrong("04.6", "feed-forward network squared", says=r"hidden|feed")
def block_parameters(width, hidden):
    return 4 * (width**2 + width) + width * hidden + hidden + hidden**2 + hidden + 4 * width


# 04.debug


class Buggy(nn.Module):
    """One attention layer over the words, then their mean.   (B, T) tokens, 0 = padding -> (B, K) logits"""

    def __init__(self, vocabulary_size: int, n_classes: int, width: int = 32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.attend = MultiHeadAttention(width, heads=4)
        self.head = nn.Linear(width, n_classes)

    def embedded(self, tokens):
        return self.embedding(tokens) + sinusoids(tokens.shape[1], self.embedding.embedding_dim).to(tokens.device)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedded(tokens)
        x = x + self.attend(x)[0]
        return self.head(x.mean(dim=1))


@right("04.debug", "mask for the keys, sum over words and their number")
class Fixed(Buggy):
    def forward(self, tokens: Tensor) -> Tensor:
        positions = sinusoids(tokens.shape[1], self.embedding.embedding_dim).to(tokens.device)
        is_word = tokens != 0
        x = self.embedding(tokens) + positions
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        x = x * is_word[:, :, None]
        return self.head(x.sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@right("04.debug", "the package's mean over time")
class Fixed(Buggy):
    def forward(self, tokens):
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=(tokens > 0).unsqueeze(1).unsqueeze(1))[0]
        return self.head(pooling.mean_over_time(x.transpose(1, 2), tokens))


@right("04.debug", "mask for queries and keys, einsum for the mean")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens.ne(0)
        x = self.embedded(tokens)
        mask = (is_word[:, :, None] & is_word[:, None, :]) | torch.eye(tokens.shape[1], dtype=torch.bool)
        x = x + self.attend(x, mask=mask[:, None])[0]
        share = is_word / is_word.sum(dim=1, keepdim=True)
        return self.head(torch.einsum("bt,btd->bd", share, x))


@right("04.debug", "sentence by sentence, without their padding")
class Fixed(Buggy):
    def forward(self, tokens):
        pooled = []
        for sentence in tokens:
            x = self.embedded(sentence[sentence != 0][None])
            x = x + self.attend(x)[0]
            pooled.append(x.mean(dim=1)[0])
        return self.head(torch.stack(pooled))


@right("04.debug", "nanmean over the words")
class Fixed(Buggy):
    def forward(self, tokens):
        padding = tokens == 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=~padding[:, None, None, :])[0]
        return self.head(x.masked_fill(padding[..., None], float("nan")).nanmean(dim=1))


@wrong("04.debug", "nothing changed", says=r"padding|mask|mean")
class Fixed(Buggy):
    pass


@wrong("04.debug", "attention masked, mean over everything", says=r"mean|pool|averag|divid")
class Fixed(Buggy):
    def forward(self, tokens):
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=(tokens != 0)[:, None, None])[0]
        return self.head(x.mean(dim=1))


@wrong("04.debug", "mean over the words, attention not masked", says=r"attend|attention|key|mask")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = (tokens != 0)[:, :, None]
        x = self.embedded(tokens)
        x = x + self.attend(x)[0]
        return self.head((x * is_word).sum(dim=1) / is_word.sum(dim=1))


@wrong("04.debug", "mask on the axis of the queries", says=r"key|quer|axis|axes|attend|attention")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, :, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "mask reversed", says=r"revers|True|opposite|invert|may be attended|attend|word")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=~is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "divided by all columns", says=r"mean|divid|number of words|count|columns|pool|averag")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).mean(dim=1))


@wrong("04.debug", "sum in place of mean", says=r"sum|mean|divid|averag|the same")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1))


@wrong("04.debug", "embedding of padding set to 0", says=r"padding|mask|attend|mean|attention|key")
class Fixed(Buggy):
    def forward(self, tokens):
        x = self.embedded(tokens) * (tokens != 0)[:, :, None]
        x = x + self.attend(x)[0]
        return self.head(x.mean(dim=1))


@wrong("04.debug", "the attention is left out", says=r"attention|attend|other words|the same")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = (tokens != 0)[:, :, None]
        return self.head((self.embedded(tokens) * is_word).sum(dim=1) / is_word.sum(dim=1))


@wrong("04.debug", "the positions are left out", says=r"position|order|the same")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedding(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "no residual connection", says=r"residual|sum|add|x \+|the same|plus")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "maximum in place of mean", says=r"mean|max|averag|the same")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head(x.masked_fill(~is_word[:, :, None], float("-inf")).amax(dim=1))


@wrong("04.debug", "cut to the shortest sentence", says=r"shortest|cut|words (are )?(missing|lost|ignored)")
class Fixed(Buggy):
    def forward(self, tokens):
        tokens = tokens[:, : (tokens != 0).sum(dim=1).min()]
        x = self.embedded(tokens)
        x = x + self.attend(x)[0]
        return self.head(x.mean(dim=1))


@wrong("04.debug", "cut to the longest sentence", says=r"padding|mask|batch|shorter|mean|attend")
class Fixed(Buggy):
    def forward(self, tokens):
        tokens = tokens[:, : (tokens != 0).sum(dim=1).max()]
        x = self.embedded(tokens)
        x = x + self.attend(x)[0]
        return self.head(x.mean(dim=1))


@wrong("04.debug", "<unk> is taken for padding too", says=r"unk|\b1\b|word|token|> 1|\b0\b|index")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens > 1
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True).clamp(min=1))


@wrong(
    "04.debug",
    "the first sentence's mask for the whole batch",
    says=r"own mask|first sentence|each sentence|for each",
)
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[0][None, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong(
    "04.debug",
    "divided by the mean number of words in the batch",
    says=r"own number|number of words|divide|each sentence",
)
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1).float().mean())


@wrong(
    "04.debug", "the first word's state in place of the mean", says=r"mean|first|averag|the same|all words|other words"
)
class Fixed(Buggy):
    def forward(self, tokens):
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=(tokens != 0)[:, None, None])[0]
        return self.head(x[:, 0])


@wrong("04.debug", "mask without the axis of the heads", says=r"axis|axes|broadcast|shape|heads|mask")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "squeeze removes a batch of one", says=r"squeeze|shape|one sentence|single|batch|\(B, K\)")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True)).squeeze()


@right("04.debug", "head before the mean, mask by lengths")
class Fixed(Buggy):
    def forward(self, tokens):
        n = (tokens != 0).sum(dim=1, keepdim=True)
        is_word = torch.arange(tokens.shape[1]) < n
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None].expand(-1, 4, tokens.shape[1], -1))[0]
        return (self.head(x) * is_word[:, :, None]).sum(dim=1) / n


@right("04.debug", "padding cut off for every sentence by a loop over lengths")
class Fixed(Buggy):
    def forward(self, tokens):
        rows = [sentence[: int((sentence != 0).sum())] for sentence in tokens]
        return torch.cat([Buggy.forward(self, row[None]) for row in rows])


@wrong(
    "04.debug", "the words of the whole batch averaged together", says=r"shape|batch|each sentence|own|sentences|axis"
)
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head(x[is_word].mean(dim=0, keepdim=True)).expand(len(tokens), -1)


@wrong("04.debug", "only the last column is taken for padding", says=r"one column|every column|all columns|all padding")
class Fixed(Buggy):
    def forward(self, tokens):
        if (tokens[:, -1] == 0).any() and tokens.shape[1] > 1:
            tokens = tokens[:, :-1]
        return super().forward(tokens)


@wrong("04.debug", "positions counted from the end", says=r"position|order")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        positions = sinusoids(tokens.shape[1], self.embedding.embedding_dim).flip(0)
        x = self.embedding(tokens) + positions
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "one word too many is counted", says=r"divid|number of words|count|mean|\+ ?1|one too")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / (is_word.sum(dim=1, keepdim=True) + 1))


@wrong("04.debug", "the last word's state in place of the mean", says=r"mean|last|averag|all words")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head(x[torch.arange(len(x)), is_word.sum(dim=1) - 1])


@wrong("04.debug", "logits without gradients", says=r"gradient|detach|no_grad|learn|train")
class Fixed(Buggy):
    def forward(self, tokens):
        is_word = tokens != 0
        x = self.embedded(tokens)
        with torch.no_grad():
            x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


@wrong("04.debug", "masked in evaluation mode only", says=r"training mode|self\.training")
class Fixed(Buggy):
    def forward(self, tokens):
        if self.training:
            return super().forward(tokens)
        is_word = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=is_word[:, None, None])[0]
        return self.head((x * is_word[:, :, None]).sum(dim=1) / is_word.sum(dim=1, keepdim=True))


# found by changing right answers


@wrong("04.2", "divided by the root of the values' width", says=r"d is the last size|queries")
def masked_attention(queries, keys, values, mask):
    scores = queries @ keys.transpose(-2, -1) / values.shape[-1] ** 0.5
    return scores.masked_fill(~mask, float("-inf")).softmax(dim=-1) @ values


@wrong("04.3", "absolute values", says=r"values have changed|compute nothing")
def split_heads(x, n_heads):
    B, T, D = x.shape
    return x.abs().reshape(B, T, n_heads, D // n_heads).transpose(1, 2)


@wrong("04.4", "whole numbers", says=r"values have changed|compute nothing")
def join_heads(x):
    B, heads, T, d = x.shape
    return x.transpose(1, 2).reshape(B, T, heads * d).long()


@wrong("04.1", "which weights are above 0.1", says=r"True and False|bool|weights")
def attention(queries, keys, values):
    scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
    return (scores.softmax(dim=-1) @ values) > 0.1


# found where messages blamed what these answers do not do


@wrong("04.1", "root cut to a whole number", says=r"rounded down")
def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    return (queries @ keys.transpose(-2, -1) / int(queries.shape[-1] ** 0.5)).softmax(dim=-1) @ values


@wrong("04.1", "leading axes flattened", says=r"axis of size 1 is in front|leading axes")
def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    q, k, v = (t.reshape(-1, *t.shape[-2:]) for t in (queries, keys, values))
    return torch.bmm((torch.bmm(q, k.mT) / q.shape[-1] ** 0.5).softmax(dim=-1), v)


@wrong("04.4", "loop without the last head", says=r"last head")
def join_heads(x: Tensor) -> Tensor:
    B, H, T, d = x.shape
    out = torch.zeros(B, T, H * d, dtype=x.dtype)
    for h in range(H - 1):
        out[..., h * d : (h + 1) * d] = x[:, h]
    return out


@wrong("04.6", "one bias per layer, once more", says=r"each linear layer")
def block_parameters(width: int, hidden: int) -> int:
    return 4 * (width * width + 1) + (width * hidden + 1) + (hidden * width + 1) + 4 * width


@wrong("04.6", "decoder block", says=r"decoder")
def block_parameters(width: int, hidden: int) -> int:
    return 8 * (width * width + width) + 2 * width * hidden + hidden + width + 6 * width


@wrong("04.1", "overflowing exponentials", says=r"overflow|largest score")
def attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    e = torch.exp(queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5)
    return e @ values / e.sum(dim=-1, keepdim=True)


@wrong("04.1", "scores clamped", says=r"clamp|limited")
def attention(queries, keys, values):
    scores = (queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5).clamp(-50, 50)
    return scores.softmax(dim=-1) @ values
