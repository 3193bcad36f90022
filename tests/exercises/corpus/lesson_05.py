"""Answers to the exercises of lesson 05."""

import copy
import math
import re
from collections import Counter, defaultdict, deque
from contextlib import contextmanager
from itertools import pairwise
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from . import right, wrong

# 05.1 inputs and targets


@right("05.1", "two lists")
def next_token_pair(sentence: list[int], start: int, end: int) -> tuple[list[int], list[int]]:
    return [start] + sentence, sentence + [end]


@right("05.1", "the whole text, sliced twice")
def next_token_pair(sentence, start, end):
    text = [start, *sentence, end]
    return text[:-1], text[1:]


@right("05.1", "a loop")
def next_token_pair(sentence, start, end):
    inputs, targets = [], []
    previous = start
    for token in sentence:
        inputs.append(previous)
        targets.append(token)
        previous = token
    inputs.append(previous)
    targets.append(end)
    return inputs, targets


@right("05.1", "insert and append on copies")
def next_token_pair(sentence, start, end):
    inputs, targets = list(sentence), list(sentence)
    inputs.insert(0, start)
    targets.append(end)
    return inputs, targets


@wrong("05.1", "end is missing", says=r"\bend\b|last")
def next_token_pair(sentence, start, end):
    text = [start, *sentence]
    return text[:-1], text[1:]


@wrong("05.1", "start is missing", says=r"start|first")
def next_token_pair(sentence, start, end):
    text = [*sentence, end]
    return text[:-1], text[1:]


@wrong("05.1", "end is among the inputs", says=r"\bend\b|one (more|too)|length|same number|each")
def next_token_pair(sentence, start, end):
    return [start, *sentence, end], [*sentence, end]


@wrong("05.1", "targets not shifted", says=r"shift|follow|next|same|start|after")
def next_token_pair(sentence, start, end):
    return [start, *sentence], [start, *sentence]


@wrong("05.1", "both with start and end", says=r"shift|follow|next|same|\bend\b|start")
def next_token_pair(sentence, start, end):
    text = [start, *sentence, end]
    return text, text


@wrong("05.1", "targets before inputs", says=r"order|swap|exchang|first|inputs")
def next_token_pair(sentence, start, end):
    return sentence + [end], [start] + sentence


@wrong("05.1", "start and end swapped", says=r"start|\bend\b|swap|exchang")
def next_token_pair(sentence, start, end):
    return [end] + sentence, sentence + [start]


@wrong("05.1", "the inputs lack the last word", says=r"last|length|same number|each|one (target|input|less|too)")
def next_token_pair(sentence, start, end):
    return [start] + sentence[:-1], sentence + [end]


@wrong("05.1", "targets shifted by two", says=r"shift|next|follow|two|last|first|one")
def next_token_pair(sentence, start, end):
    text = [start, *sentence, end, end]
    return text[:-2], text[2:]


@wrong("05.1", "tokens 2 and 3 hard-coded", says=r"start|\bend\b|hard")
def next_token_pair(sentence, start, end):
    return [2, *sentence], [*sentence, 3]


@wrong(
    "05.1",
    "append to the sentence itself, so that end is an input",
    says=r"\bend\b|append|copy|input|same list|changed|one (more|too)",
)
def next_token_pair(sentence, start, end):
    targets = sentence
    targets.append(end)
    return [start] + sentence, targets


@wrong("05.1", "a list of pairs", says=r"two lists|pair|list of inputs|tuple|lists|each")
def next_token_pair(sentence, start, end):
    return list(zip([start, *sentence], [*sentence, end]))


@wrong("05.1", "whole prefixes as inputs", says=r"prefix|list of|number|token|one (input|token)|int")
def next_token_pair(sentence, start, end):
    text = [start, *sentence]
    return [text[: i + 1] for i in range(len(text))], [*sentence, end]


@wrong("05.1", "inputs alone", says=r"two|targets|pair|tuple|both")
def next_token_pair(sentence, start, end):
    return [start, *sentence]


@right("05.1", "pairs unzipped")
def next_token_pair(sentence, start, end):
    inputs, targets = zip(*pairwise([start, *sentence, end]))
    return list(inputs), list(targets)


@right("05.1", "the inputs shifted")
def next_token_pair(sentence, start, end):
    inputs = [start] + list(sentence)
    return inputs, inputs[1:] + [end]


@wrong("05.1", "the first word is never a target", says=r"first|length|number|inputs and|each")
def next_token_pair(sentence, start, end):
    return [start, *sentence], [*sentence[1:], end]


@wrong("05.1", "the sentence reversed", says=r"order|revers")
def next_token_pair(sentence, start, end):
    return [start, *sentence[::-1]], [*sentence[::-1], end]


@wrong("05.1", "end also before the first word of the targets", says=r"\bend\b|first|shift|number|each|length")
def next_token_pair(sentence, start, end):
    return [start, *sentence], [end, *sentence]


@wrong("05.1", "the last word predicted from itself", says=r"\bend token|last target|itself|repeat")
def next_token_pair(sentence, start, end):
    return [start, *sentence], [*sentence, sentence[-1]]


@wrong("05.1", "each token once", says=r"twice|repeat|once|lost|missing|number")
def next_token_pair(sentence, start, end):
    unique = list(dict.fromkeys(sentence))
    return [start, *unique], [*unique, end]


# 05.2 perplexity


@right("05.2", "cat, mean, exp")
def perplexity(sentences: list[Tensor]) -> float:
    return torch.exp(-torch.cat(sentences).mean()).item()


@right("05.2", "sums in a loop")
def perplexity(sentences):
    total, n = 0.0, 0
    for sentence in sentences:
        total += sentence.sum().item()
        n += len(sentence)
    return math.exp(-total / n)


@right("05.2", "plain Python numbers")
def perplexity(sentences):
    values = [value for sentence in sentences for value in sentence.tolist()]
    return math.exp(-math.fsum(values) / len(values))


@right("05.2", "numpy")
def perplexity(sentences):
    return float(np.exp(-np.mean(np.concatenate([sentence.numpy() for sentence in sentences]))))


@right("05.2", "geometric mean of the probabilities, token by token")
def perplexity(sentences):
    N = sum(s.numel() for s in sentences)
    result = 1.0
    for s in sentences:
        result *= float((s / N).exp().prod())
    return 1 / result


@wrong("05.2", "mean of the sentences' means", says=r"sentence|token|alike|length|weigh")
def perplexity(sentences):
    return math.exp(-sum(s.mean().item() for s in sentences) / len(sentences))


@wrong("05.2", "mean of the sentences' perplexities", says=r"sentence|token|alike|each|exp")
def perplexity(sentences):
    return sum(math.exp(-s.mean().item()) for s in sentences) / len(sentences)


@wrong("05.2", "product of the probabilities", says=r"long|hundred|underflow|inf|\b0\b|product|logarithm|sum")
def perplexity(sentences):
    p = torch.cat(sentences).exp()
    return (p.prod() ** (-1 / len(p))).item()


@wrong("05.2", "exponential of the sum, then the root", says=r"long|hundred|underflow|inf|\b0\b|product|mean|overflow")
def perplexity(sentences):
    values = torch.cat(sentences)
    return (torch.exp(values.sum()) ** (-1 / len(values))).item()


@wrong("05.2", "minus forgotten", says=r"minus|sign|negativ|below 1|inverse|1 /|-")
def perplexity(sentences):
    return torch.cat(sentences).mean().exp().item()


@wrong("05.2", "no exponential", says=r"exp|cross-entropy")
def perplexity(sentences):
    return -torch.cat(sentences).mean().item()


@wrong("05.2", "a power of two", says=r"base|\b2\b|natural|\be\b|exp")
def perplexity(sentences):
    return 2 ** (-torch.cat(sentences).mean().item())


@wrong("05.2", "logarithm of the log-probabilities", says=r"nan|already|logarithm|log")
def perplexity(sentences):
    return torch.exp(-torch.cat(sentences).log().mean()).item()


@wrong("05.2", "exponential of the log-probabilities, but no logarithm of them again", says=r"mean|probabilit|log")
def perplexity(sentences):
    return 1 / torch.cat(sentences).exp().mean().item()


@wrong("05.2", "sum in place of mean", says=r"mean|sum|number of tokens|divid|N\b|inf")
def perplexity(sentences):
    return torch.exp(-torch.cat(sentences).sum()).item()


@wrong("05.2", "divided by the number of sentences", says=r"sentence|token|number of|divid")
def perplexity(sentences):
    total = sum(s.sum() for s in sentences)
    return torch.exp(-total / len(sentences)).item()


@wrong("05.2", "padded with 0, which is counted", says=r"padd?(ing|ed)|zeros? (is|are) counted")
def perplexity(sentences):
    return torch.exp(-pad_sequence(sentences, batch_first=True).mean()).item()


@wrong("05.2", "stack, for sentences of one length", says=r"equal size|stack|differ|cat")
def perplexity(sentences):
    return torch.exp(-torch.stack(sentences).mean()).item()


@wrong("05.2", "return inside the loop", says=r"return|loop|first|all sentences|only|every|other sentences")
def perplexity(sentences):
    total, n = 0.0, 0
    for sentence in sentences:
        total += sentence.sum().item()
        n += len(sentence)
        return math.exp(-total / n)


@wrong("05.2", "assignment in place of addition", says=r"\+=|last sentence|add|overwrit")
def perplexity(sentences):
    total, n = 0.0, 0
    for sentence in sentences:
        total = sentence.sum().item()
        n += len(sentence)
    return math.exp(-total / n)


@wrong("05.2", "a tensor in place of a float", says=r"float|tensor|number|item")
def perplexity(sentences):
    return torch.exp(-torch.cat(sentences).mean())


@right("05.2", "mean of the standard library")
def perplexity(sentences):
    return math.exp(-fmean(value for sentence in sentences for value in sentence.tolist()))


@right("05.2", "means weighted by the number of tokens, in float64")
def perplexity(sentences):
    n = torch.tensor([len(s) for s in sentences], dtype=torch.float64)
    means = torch.stack([s.double().mean() for s in sentences])
    return float(torch.exp(-(means * n).sum() / n.sum()))


@wrong("05.2", "divided by one token less", says=r"N\b|number of tokens|- ?1|one token|one less")
def perplexity(sentences):
    values = torch.cat(sentences)
    return torch.exp(-values.sum() / (len(values) - 1)).item()


@wrong(
    "05.2", "the first token of each sentence is left out", says=r"first token|every token|all tokens|left out|missing"
)
def perplexity(sentences):
    return torch.exp(-torch.cat([s[1:] for s in sentences]).mean()).item()


@wrong("05.2", "one more token per sentence", says=r"number of tokens|one (more|too)|divid|count")
def perplexity(sentences):
    return math.exp(-sum(s.sum().item() for s in sentences) / sum(len(s) + 1 for s in sentences))


@wrong("05.2", "the median", says=r"median|mean")
def perplexity(sentences):
    return torch.exp(-torch.cat(sentences).median()).item()


@wrong("05.2", "mean of the tokens' inverse probabilities", says=r"mean|inverse|exp|logarithm|last|end")
def perplexity(sentences):
    return (-torch.cat(sentences)).exp().mean().item()


@wrong("05.2", "the longest sentence alone", says=r"all sentences|longest|only|other sentences|every")
def perplexity(sentences):
    return torch.exp(-max(sentences, key=len).mean()).item()


@wrong("05.2", "a list as default argument that keeps earlier calls", says=r"call|earlier|again|before|default|second")
def perplexity(sentences, values=[]):
    values.extend(sentences)
    return torch.exp(-torch.cat(values).mean()).item()


# 05.3 top-p


@right("05.3", "sort, cumulative sum, scatter")
def top_p(p: Tensor, limit: float) -> Tensor:
    values, order = p.sort(descending=True)
    before = values.cumsum(0) - values
    kept = values * (before < limit)
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@right("05.3", "a loop over the most probable tokens")
def top_p(p, limit):
    result = torch.zeros(len(p))
    total = 0.0
    for i in p.argsort(descending=True).tolist():
        result[i] = p[i]
        total += p[i].item()
        if total >= limit:
            break
    return result / result.sum()


@right("05.3", "the number to keep, then indexing")
def top_p(p, limit):
    order = torch.argsort(p, descending=True)
    sums = torch.cumsum(p[order], dim=0)
    n = int((sums < limit).sum()) + 1
    result = torch.zeros_like(p)
    result[order[:n]] = p[order[:n]]
    return result / result.sum()


@right("05.3", "numpy")
def top_p(p, limit):
    values = p.numpy()
    order = np.argsort(-values)
    n = np.searchsorted(np.cumsum(values[order]), limit) + 1
    kept = np.zeros_like(values)
    kept[order[:n]] = values[order[:n]] / values[order[:n]].sum()
    return torch.from_numpy(kept)


@right("05.3", "sorted pairs of Python")
def top_p(p, limit):
    kept, total = {}, 0
    for probability, token in sorted(((v, i) for i, v in enumerate(p.tolist())), reverse=True):
        if total >= limit:
            break
        kept[token] = probability
        total += probability
    return torch.tensor([kept.get(token, 0.0) / total for token in range(len(p))])


@wrong(
    "05.3", "the token that reaches the limit is left out", says=r"includ|reach|one (more|too|token)|up to|last|limit"
)
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) <= limit)
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong(
    "05.3",
    "one token too many where the sum equals the limit",
    says=r"equal|exactly|reach|one (more|too|token)|limit|too many",
)
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values <= limit)
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong("05.3", "not renormalised", says=r"sum to 1|renormal|divid|sum")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    return torch.zeros_like(p).scatter(0, order, kept)


@wrong("05.3", "divided by the limit", says=r"sum to 1|renormal|sum|limit")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    return torch.zeros_like(p).scatter(0, order, kept / limit)


@wrong("05.3", "renormalised by a softmax", says=r"softmax|sum|divid|\b0\b|renormal|propor|ratio")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    return torch.zeros_like(p).scatter(0, order, kept).softmax(0)


@wrong("05.3", "in sorted order", says=r"order|sort|position|token|place|scatter")
def top_p(p, limit):
    values, _ = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    return kept / kept.sum()


@wrong("05.3", "gather in place of scatter on the way back", says=r"order|sort|position|token|place|scatter|gather")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    return (kept / kept.sum())[order]


@wrong("05.3", "not sorted", says=r"sort|most probable|order|largest")
def top_p(p, limit):
    kept = p * (p.cumsum(0) - p < limit)
    return kept / kept.sum()


@wrong("05.3", "the least probable first", says=r"sort|most probable|least|order|largest|descend")
def top_p(p, limit):
    values, order = p.sort()
    kept = values * (values.cumsum(0) - values < limit)
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong("05.3", "tokens whose own probability reaches the limit", says=r"sum|cumul|own|threshold|each")
def top_p(p, limit):
    kept = p * (p >= limit)
    return kept / kept.sum()


@wrong("05.3", "two tokens, as in the example", says=r"number of tokens|always|two tokens|adapt|depends on|too many")
def top_p(p, limit):
    values, order = p.topk(2)
    return torch.zeros_like(p).scatter(0, order, values / values.sum())


@wrong(
    "05.3",
    "every token as probable as the last one is kept",
    says=r"tie|equal|as probable|same|smallest|reach|too many|one (more|too)|needed",
)
def top_p(p, limit):
    values, _ = p.sort(descending=True)
    last = values[min(int((values.cumsum(0) < limit).sum()), len(p) - 1)]
    kept = p * (p >= last)
    return kept / kept.sum()


@wrong("05.3", "the kept tokens alone", says=r"shape|\(V,\)|\b0\b|all|others|length")
def top_p(p, limit):
    values, _ = p.sort(descending=True)
    kept = values[values.cumsum(0) - values < limit]
    return kept / kept.sum()


@wrong("05.3", "what is left of the limit", says=r"1 - |too few|limit is")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < 1 - limit)
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong("05.3", "stops at the first token", says=r"too few|add|\+=|loop|stop|first token")
def top_p(p, limit):
    result = torch.zeros_like(p)
    total = 0.0
    for i in p.argsort(descending=True).tolist():
        result[i] = p[i]
        total = p[i].item()
        if total <= limit:
            break
    return result / result.sum()


@right("05.3", "recursion that takes the largest")
def top_p(p, limit):
    def keep(rest, total):
        if total >= limit or not rest:
            return []
        best = max(rest, key=lambda i: p[i].item())
        return [best] + keep([i for i in rest if i != best], total + p[best].item())

    kept = keep(list(range(len(p))), 0.0)
    result = torch.zeros_like(p)
    result[kept] = p[kept] / p[kept].sum()
    return result


@right("05.3", "a mask put back by the inverse order")
def top_p(p, limit):
    order = p.argsort(descending=True)
    sums = p[order].cumsum(0)
    removed = F.pad(sums >= limit, (1, 0))[:-1]
    q = p.masked_fill(removed[order.argsort()], 0.0)
    return q / q.sum()


@wrong("05.3", "at least two tokens are kept", says=r"one token|dominant|too many|at least|too|reach")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    keep = values.cumsum(0) - values < limit
    keep[:2] = True
    kept = values * keep
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong("05.3", "rolled mask, so that the last token comes back", says=r"roll|last token|too many|least|reach|first")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    removed = (values.cumsum(0) >= limit).roll(1)
    kept = values.masked_fill(removed, 0)
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong("05.3", "the most probable one is 1", says=r"sum to 1|maxim|largest|divid")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    return torch.zeros_like(p).scatter(0, order, kept / kept.max())


@wrong("05.3", "all kept tokens equally probable", says=r"equal|uniform|propor|ratio|same")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    keep = (values.cumsum(0) - values < limit).to(p.dtype)
    return torch.zeros_like(p).scatter(0, order, keep / keep.sum())


@wrong("05.3", "truth values", says=r"bool|probabilit|True|mask")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    keep = values.cumsum(0) - values < limit
    return torch.zeros(len(p), dtype=torch.bool).scatter(0, order, keep)


@wrong(
    "05.3", "one token after the limit is kept as well", says=r"one (more|too|token)|too many|reach|next token|up to"
)
def top_p(p, limit):
    values, order = p.sort(descending=True)
    n = int((values.cumsum(0) < limit).sum()) + 2
    kept = values.clone()
    kept[n:] = 0
    return torch.zeros_like(p).scatter(0, order, kept / kept.sum())


@wrong("05.3", "what was cut off is given to the most probable token", says=r"renormal|divid|sum|ratio|propor")
def top_p(p, limit):
    values, order = p.sort(descending=True)
    kept = values * (values.cumsum(0) - values < limit)
    kept[0] += 1 - kept.sum()
    return torch.zeros_like(p).scatter(0, order, kept)


# 05.4 mask tokens


@right("05.4", "torch.where, nested")
def mask_tokens(tokens: Tensor, chosen: Tensor, draw: Tensor, random_tokens: Tensor) -> tuple[Tensor, Tensor]:
    replaced = torch.where(draw < 0.8, 4, torch.where(draw < 0.9, random_tokens, tokens))
    inputs = torch.where(chosen, replaced, tokens)
    targets = torch.where(chosen, tokens, 0)
    return inputs, targets


@right("05.4", "a copy and boolean indices")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = tokens.clone()
    masked = chosen & (draw < 0.8)
    randomised = chosen & (draw >= 0.8) & (draw < 0.9)
    inputs[masked] = 4
    inputs[randomised] = random_tokens[randomised]
    targets = torch.zeros_like(tokens)
    targets[chosen] = tokens[chosen]
    return inputs, targets


@right("05.4", "two loops")
def mask_tokens(tokens, chosen, draw, random_tokens):
    B, T = tokens.shape
    inputs, targets = tokens.clone(), torch.zeros(B, T, dtype=torch.long)
    for b in range(B):
        for t in range(T):
            if not chosen[b, t]:
                continue
            targets[b, t] = tokens[b, t]
            if draw[b, t] < 0.8:
                inputs[b, t] = 4
            elif draw[b, t] < 0.9:
                inputs[b, t] = random_tokens[b, t]
    return inputs, targets


@right("05.4", "masked_fill and a product with the mask")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = tokens.masked_fill(chosen & draw.lt(0.8), 4)
    is_random = chosen & draw.ge(0.8) & draw.lt(0.9)
    inputs = inputs * ~is_random + random_tokens * is_random
    return inputs, tokens * chosen


@right("05.4", "numpy's select")
def mask_tokens(tokens, chosen, draw, random_tokens):
    t, c, d, r = (part.numpy() for part in (tokens, chosen, draw, random_tokens))
    inputs = np.select([~c, d < np.float32(0.8), d < np.float32(0.9)], [t, np.full_like(t, 4), r], default=t)
    return torch.from_numpy(inputs), torch.from_numpy(np.where(c, t, 0))


def masked_inputs(tokens, chosen, draw, random_tokens, mask=4):
    replaced = torch.where(draw < 0.8, mask, torch.where(draw < 0.9, random_tokens, tokens))
    return torch.where(chosen, replaced, tokens)


@wrong("05.4", "targets everywhere", says=r"target|chosen|\b0\b|elsewhere|loss")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens), tokens


@wrong("05.4", "targets of -100 elsewhere", says=r"-100|\b0\b|target|elsewhere")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens), torch.where(chosen, tokens, -100)


@wrong("05.4", "targets where the input is <mask> only", says=r"target|chosen|all chosen|unchanged|random|every")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = masked_inputs(tokens, chosen, draw, random_tokens)
    return inputs, torch.where(chosen & (draw < 0.8), tokens, 0)


@wrong(
    "05.4",
    "targets where the input differs only",
    says=r"target|chosen|unchanged|as they are|itself|0\.9|every|kept|stay",
)
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = masked_inputs(tokens, chosen, draw, random_tokens)
    return inputs, torch.where(inputs != tokens, tokens, 0)


@wrong(
    "05.4",
    "targets from the changed inputs",
    says=r"target|original|before|clone|copy|change|token that stood|overwrit",
)
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = tokens
    inputs[chosen & (draw < 0.8)] = 4
    randomised = chosen & (draw >= 0.8) & (draw < 0.9)
    inputs[randomised] = random_tokens[randomised]
    return inputs, torch.where(chosen, tokens, 0)


@wrong("05.4", "chosen ignored in the inputs", says=r"chosen|other|stay|not chosen|unchosen")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = torch.where(draw < 0.8, 4, torch.where(draw < 0.9, random_tokens, tokens))
    return inputs, torch.where(chosen, tokens, 0)


@wrong("05.4", "every chosen token is masked", says=r"0\.8|random|draw|chosen|all|stay|10|<mask>")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return torch.where(chosen, 4, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "random tokens overwrite the masks", says=r"0\.8|<mask>|random|overwrit|order|below|draw")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = tokens.clone()
    inputs[chosen & (draw < 0.8)] = 4
    inputs[chosen & (draw < 0.9)] = random_tokens[chosen & (draw < 0.9)]
    return inputs, torch.where(chosen, tokens, 0)


@wrong("05.4", "random from 0.8 on, none stays", says=r"0\.9|itself|stay|unchanged|as they are|random|kept")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = torch.where(draw < 0.8, 4, random_tokens)
    return torch.where(chosen, inputs, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "the last tenth random, the one before stays", says=r"0\.9|0\.8|random|swap|stay|itself|exchang|between")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = torch.where(draw < 0.8, 4, torch.where(draw >= 0.9, random_tokens, tokens))
    return torch.where(chosen, inputs, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "masked from 0.2 on", says=r"0\.2|below 0\.8|<mask>")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = torch.where(draw > 0.2, 4, torch.where(draw > 0.1, random_tokens, tokens))
    return torch.where(chosen, inputs, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "0.8 itself is masked", says=r"0\.8|exactly|below|border|boundar|equal")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = torch.where(draw <= 0.8, 4, torch.where(draw < 0.9, random_tokens, tokens))
    return torch.where(chosen, inputs, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "0.9 itself is random", says=r"0\.9|exactly|below|border|boundar|equal")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = torch.where(draw < 0.8, 4, torch.where(draw <= 0.9, random_tokens, tokens))
    return torch.where(chosen, inputs, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "token 1 in place of <mask>", says=r"<mask>|unk|\(4\)|token 4")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens, mask=1), torch.where(chosen, tokens, 0)


@wrong("05.4", "inputs of 0 where nothing was chosen", says=r"become 0|are 0|stay as|lost|zero")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens) * chosen, tokens * chosen


@wrong("05.4", "own random tokens", says=r"random_tokens|given|own|drawn")
def mask_tokens(tokens, chosen, draw, random_tokens):
    own = torch.randint(5, 116, tokens.shape)
    return masked_inputs(tokens, chosen, draw, own), torch.where(chosen, tokens, 0)


@wrong("05.4", "own random numbers", says=r"`?draw`? (is|was)|given|own|drawn")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, torch.rand(tokens.shape), random_tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "targets before inputs", says=r"order|swap|exchang|first|inputs and targets")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return torch.where(chosen, tokens, 0), masked_inputs(tokens, chosen, draw, random_tokens)


@wrong("05.4", "targets as floats", says=r"float|dtype|type|integer|whole|long")
def mask_tokens(tokens, chosen, draw, random_tokens):
    targets = torch.zeros(tokens.shape)
    targets[chosen] = tokens[chosen].float()
    return masked_inputs(tokens, chosen, draw, random_tokens), targets


@wrong("05.4", "targets hold the random token", says=r"original|random token|what stood|before")
def mask_tokens(tokens, chosen, draw, random_tokens):
    is_random = (draw >= 0.8) & (draw < 0.9)
    targets = torch.where(chosen, torch.where(is_random, random_tokens, tokens), 0)
    return masked_inputs(tokens, chosen, draw, random_tokens), targets


@right("05.4", "arithmetic with truth values")
def mask_tokens(tokens, chosen, draw, random_tokens):
    masked = (chosen & (draw < 0.8)).long()
    randomised = (chosen & (draw >= 0.8) & (draw < 0.9)).long()
    same = 1 - masked - randomised
    return 4 * masked + random_tokens * randomised + tokens * same, tokens * chosen.long()


@right("05.4", "token by token in a comprehension")
def mask_tokens(tokens, chosen, draw, random_tokens):
    def one(token, is_chosen, number, other):
        return token if not is_chosen or number >= 0.9 else 4 if number < 0.8 else other

    flat = zip(*(part.flatten().tolist() for part in (tokens, chosen, draw.double(), random_tokens)))
    inputs = torch.tensor([one(*row) for row in flat]).view_as(tokens)
    return inputs, tokens.masked_fill(~chosen, 0)


@wrong(
    "05.4",
    "chosen times draw below 0.8, which holds where nothing was chosen",
    says=r"bracket|combine|chosen &|times|tokens that were not chosen",
)
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = tokens.clone()
    inputs[chosen * draw < 0.8] = 4
    between = (chosen * draw >= 0.8) & (chosen * draw < 0.9)
    inputs[between] = random_tokens[between]
    return inputs, torch.where(chosen, tokens, 0)


@wrong("05.4", "brackets missing around the comparison", says=r"bracket|precedence|&|parenthes|\(draw")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = tokens.clone()
    inputs[chosen & draw < 0.8] = 4
    return inputs, torch.where(chosen, tokens, 0)


@wrong("05.4", "chosen reversed", says=r"chosen|revers|not chosen|invert|opposite")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, ~chosen, draw, random_tokens), torch.where(~chosen, tokens, 0)


@wrong("05.4", "80%, 20% and nothing kept by mistake of the bounds", says=r"0\.9|stay|itself|kept|as it is|random")
def mask_tokens(tokens, chosen, draw, random_tokens):
    replaced = torch.where(draw < 0.8, 4, torch.where(draw < 1.0, random_tokens, tokens))
    return torch.where(chosen, replaced, tokens), torch.where(chosen, tokens, 0)


@wrong("05.4", "targets in the shape of the chosen tokens alone", says=r"shape|\(B, T\)|elsewhere|\b0\b|everywhere")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens), tokens[chosen]


@wrong("05.4", "targets are truth values", says=r"bool|token|original|target|integer|whole")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens), chosen


@wrong("05.4", "targets in place of inputs and the other way round where kept", says=None)
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = masked_inputs(tokens, chosen, draw, random_tokens)
    return torch.where(draw >= 0.9, torch.where(chosen, tokens, 0), inputs), torch.where(chosen, tokens, 0)


@wrong("05.4", "the random tokens are changed in place", says=r"changed|in place|clone|copy|random_tokens|input")
def mask_tokens(tokens, chosen, draw, random_tokens):
    inputs = random_tokens
    inputs[draw < 0.8] = 4
    inputs[draw >= 0.9] = tokens[draw >= 0.9]
    inputs[~chosen] = tokens[~chosen]
    return inputs, torch.where(chosen, tokens, 0)


@wrong("05.4", "inputs as floats", says=r"float|dtype|type|integer|whole|long")
def mask_tokens(tokens, chosen, draw, random_tokens):
    return masked_inputs(tokens, chosen, draw, random_tokens) * 1.0, torch.where(chosen, tokens, 0)


# 05.5 one merge


def most_frequent_pair(words):
    pairs = Counter()
    for word, count in words.items():
        for pair in zip(word, word[1:]):
            pairs[pair] += count
    return pairs.most_common(1)[0][0]


def merged(word, pair):
    result, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            result.append(word[i] + word[i + 1])
            i += 2
        else:
            result.append(word[i])
            i += 1
    return tuple(result)


@right("05.5", "Counter and a while loop")
def merge_most_frequent(words: dict[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    pairs = Counter()
    for word, count in words.items():
        for left, right_piece in zip(word, word[1:]):
            pairs[left, right_piece] += count
    best = max(pairs, key=pairs.get)
    result = {}
    for word, count in words.items():
        pieces, i = [], 0
        while i < len(word):
            if word[i : i + 2] == best:
                pieces.append("".join(best))
                i += 2
            else:
                pieces.append(word[i])
                i += 1
        result[tuple(pieces)] = count
    return result


@right("05.5", "dictionary and recursion")
def merge_most_frequent(words):
    counts = defaultdict(int)
    for word in words:
        for i in range(len(word) - 1):
            counts[word[i], word[i + 1]] += words[word]
    pair = sorted(counts.items(), key=lambda item: item[1])[-1][0]

    def merge(word):
        if len(word) < 2:
            return word
        if word[:2] == pair:
            return (word[0] + word[1],) + merge(word[2:])
        return word[:1] + merge(word[1:])

    return {merge(word): n for word, n in words.items()}


@right("05.5", "lists with pop")
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    result = {}
    for word, n in words.items():
        pieces = list(word)
        i = 0
        while i < len(pieces) - 1:
            if pieces[i] == pair[0] and pieces[i + 1] == pair[1]:
                pieces[i] += pieces.pop(i + 1)
            i += 1
        result[tuple(pieces)] = n
    return result


@right("05.5", "a loop with a flag for the piece already used")
def merge_most_frequent(words):
    a, b = most_frequent_pair(words)
    result = Counter()
    for word, n in words.items():
        pieces, skip = [], False
        for piece, following in zip(word, (*word[1:], None)):
            if skip:
                skip = False
            elif piece == a and following == b:
                pieces.append(a + b)
                skip = True
            else:
                pieces.append(piece)
        result[tuple(pieces)] += n
    return dict(result)


@wrong("05.5", "each word counts once", says=r"as often|occur|number|weigh|count|frequen")
def merge_most_frequent(words):
    pairs = Counter(pair for word in words for pair in zip(word, word[1:]))
    pair = pairs.most_common(1)[0][0]
    return {merged(word, pair): n for word, n in words.items()}


@wrong(
    "05.5",
    "a pair counts once per word",
    says=r"twice|several times|each time|once per|once in a|more than once",
)
def merge_most_frequent(words):
    pairs = Counter()
    for word, n in words.items():
        for pair in set(zip(word, word[1:])):
            pairs[pair] += n
    pair = pairs.most_common(1)[0][0]
    return {merged(word, pair): n for word, n in words.items()}


@wrong("05.5", "the rarest pair", says=r"most frequent|rarest|least|frequen")
def merge_most_frequent(words):
    pairs = Counter()
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            pairs[pair] += n
    pair = min(pairs, key=pairs.get)
    return {merged(word, pair): n for word, n in words.items()}


@wrong(
    "05.5",
    "only the first pair of each word is merged",
    says=r"every|all|first|each|again|once|second|further|other place",
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    result = {}
    for word, n in words.items():
        for i in range(len(word) - 1):
            if word[i : i + 2] == pair:
                word = word[:i] + (word[i] + word[i + 1],) + word[i + 2 :]
                break
        result[word] = n
    return result


@wrong(
    "05.5", "from right to left", says=r"left to right|right to left|from the left|direction|other way|exchanged|order"
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    return {merged(word[::-1], pair[::-1])[::-1]: n for word, n in words.items()}


@wrong("05.5", "a piece is used twice", says=r"twice|overlap|again|aa a|left to right|already|repeat|used|letters")
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    result = {}
    for word, n in words.items():
        pieces, used = [], False
        for i, piece in enumerate(word):
            if word[i : i + 2] == pair:
                pieces.append(piece + word[i + 1])
                used = True
            elif used:
                used = False
            else:
                pieces.append(piece)
        result[tuple(pieces)] = n
    return result


@wrong(
    "05.5",
    "the second piece stays behind the merged one",
    says=r"twice|remain|stay|second|remov|replac|letters|again|spell|left over|text",
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    result = {}
    for word, n in words.items():
        pieces = []
        for i, piece in enumerate(word):
            pieces.append("".join(pair) if word[i : i + 2] == pair else piece)
        result[tuple(pieces)] = n
    return result


@wrong(
    "05.5",
    "replaced in a text with spaces, across the borders of pieces",
    says=r"piece|border|whole|part of|replace|inside|longer|end of|only",
)
def merge_most_frequent(words):
    a, b = most_frequent_pair(words)
    return {tuple(" ".join(word).replace(f"{a} {b}", a + b).split()): n for word, n in words.items()}


@wrong("05.5", "counts lost", says=r"number of occurrences|occurrences|count|often|\b1\b|number")
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    return {merged(word, pair): 1 for word in words}


@wrong(
    "05.5",
    "only words with the pair are returned",
    says=r"missing|other words|every word|all words|unchanged|without|lost|left out|left|each",
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    return {merged(word, pair): n for word, n in words.items() if merged(word, pair) != word}


@wrong("05.5", "the pair in place of the words", says=r"dict|words|pair|tuple")
def merge_most_frequent(words):
    return most_frequent_pair(words)


@wrong("05.5", "words as text", says=r"tuple|text|str|pieces|key")
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    return {" ".join(merged(word, pair)): n for word, n in words.items()}


@wrong("05.5", "the pair's order is ignored in the count", says=r"order|direction|revers|'e', 'w'|left and right")
def merge_most_frequent(words):
    pairs = Counter()
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            pairs[tuple(sorted(pair))] += n
    pair = pairs.most_common(1)[0][0]
    return {merged(word, pair): n for word, n in words.items()}


@wrong(
    "05.5",
    "the most frequent piece and its follower",
    says=r"frequent piece|pieces? (is|are) counted|single piece|count pairs",
)
def merge_most_frequent(words):
    pieces = Counter()
    for word, n in words.items():
        for piece in word:
            pieces[piece] += n
    first = pieces.most_common(1)[0][0]
    followers = Counter()
    for word, n in words.items():
        for a, b in zip(word, word[1:]):
            if a == first:
                followers[b] += n
    pair = (first, followers.most_common(1)[0][0]) if followers else most_frequent_pair(words)
    return {merged(word, pair): n for word, n in words.items()}


@wrong("05.5", "two merges", says=r"one (pair|merge)|once|more than one|second|only this|single")
def merge_most_frequent(words):
    for _ in range(2):
        if not any(len(word) > 1 for word in words):
            break
        pair = most_frequent_pair(words)
        words = {merged(word, pair): n for word, n in words.items()}
    return words


@wrong(
    "05.5",
    "every pair of neighbours is merged",
    says=r"one pair|every pair|all pairs|other pairs|only this|single pair",
)
def merge_most_frequent(words):
    result = {}
    for word, n in words.items():
        result[tuple("".join(word[i : i + 2]) for i in range(0, len(word), 2))] = n
    return result


@wrong(
    "05.5",
    "pairs across the border of two words",
    says=r"border|across|between (two )?words|word|neighbour|frequen|never",
)
def merge_most_frequent(words):
    pairs = Counter()
    row = [(piece, n) for word, n in words.items() for piece in word]
    for (a, n), (b, _) in zip(row, row[1:]):
        pairs[a, b] += n
    pair = pairs.most_common(1)[0][0]
    return {merged(word, pair): n for word, n in words.items()}


@wrong("05.5", "pieces split into characters first", says=r"split|letters|characters|pieces stay")
def merge_most_frequent(words):
    words = {tuple("".join(word)): n for word, n in words.items()}
    pair = most_frequent_pair(words)
    return {merged(word, pair): n for word, n in words.items()}


@wrong(
    "05.5",
    "return inside the loop",
    says=r"return|loop|missing|only the first|lost",
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    result = {}
    for word, n in words.items():
        result[merged(word, pair)] = n
        return result


@right("05.5", "a regular expression over marked pieces")
def merge_most_frequent(words):
    a, b = most_frequent_pair(words)
    pattern = re.compile(rf"(?<=\0){re.escape(a)}\0{re.escape(b)}(?=\0)")
    result = {}
    for word, n in words.items():
        text = "\0" + "\0".join(word) + "\0"
        result[tuple(pattern.sub((a + b).replace("\\", r"\\"), text).strip("\0").split("\0"))] = n
    return result


@right("05.5", "pieces taken from a queue")
def merge_most_frequent(words):
    a, b = most_frequent_pair(words)

    def merge(word):
        queue, out = deque(word), []
        while queue:
            piece = queue.popleft()
            if queue and piece == a and queue[0] == b:
                piece += queue.popleft()
            out.append(piece)
        return tuple(out)

    return dict((merge(word), n) for word, n in words.items())


@wrong("05.5", "the pair that is last in the alphabet", says=r"alphabet|key=")
def merge_most_frequent(words):
    pairs = Counter()
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            pairs[pair] += n
    return {merged(word, max(pairs)): n for word, n in words.items()}


@wrong("05.5", "the last piece is lost", says=r"last|lost|missing|end|spell|letters")
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    result = {}
    for word, n in words.items():
        pieces, i = [], 0
        while i < len(word) - 1:
            if word[i : i + 2] == pair:
                pieces.append("".join(pair))
                i += 2
            else:
                pieces.append(word[i])
                i += 1
        result[tuple(pieces)] = n
    return result


@wrong(
    "05.5", "the dictionary changed while the loop runs over it", says=r"chang|iterat|loop|copy|new dictionary|in place"
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    for word in words:
        words[merged(word, pair)] = words.pop(word)
    return words


@wrong("05.5", "lists as keys", says=r"tuple|list|hash")
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    return {list(merged(word, pair)): n for word, n in words.items()}


@wrong("05.5", "the most frequent word's first pair", says=r"frequent word|all words|every word|sum over")
def merge_most_frequent(words):
    longer = [word for word in words if len(word) > 1]
    pair = max(longer, key=words.get)[:2]
    return {merged(word, pair): n for word, n in words.items()}


@wrong(
    "05.5", "an underscore between the merged pieces", says=r"underscore|'_'|joined|without anything between|spelling"
)
def merge_most_frequent(words):
    pair = most_frequent_pair(words)
    joined = "".join(pair)
    return {tuple("_".join(pair) if p == joined else p for p in merged(word, pair)): n for word, n in words.items()}


@wrong("05.5", "counts added up in each other, = for +=", says=r"count|often|frequent|\+=|overwrit|last word|add")
def merge_most_frequent(words):
    pairs = {}
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            pairs[pair] = n
    pair = max(pairs, key=pairs.get)
    return {merged(word, pair): n for word, n in words.items()}


@wrong("05.5", "only words that occur more than once count", says=None)
def merge_most_frequent(words):
    pairs = Counter()
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            pairs[pair] += n - 1
    pair = pairs.most_common(1)[0][0]
    return {merged(word, pair): n for word, n in words.items()}


@wrong("05.5", "pieces of single letters only are merged", says=r"single letters|longer pieces|several letters")
def merge_most_frequent(words):
    pairs = Counter()
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            if len(pair[0]) == len(pair[1]) == 1:
                pairs[pair] += n
    if not pairs:
        return words
    pair = pairs.most_common(1)[0][0]
    return {merged(word, pair): n for word, n in words.items()}


# 05.debug


@right("05.debug", "mode saved and restored")
def fixed_perplexity(model: nn.Module, batches) -> float:
    was_training = model.training
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
            n += (targets != 0).sum().item()
    model.train(was_training)
    return torch.tensor(total / n).exp().item()


@right("05.debug", "try, finally and inference mode")
def fixed_perplexity(model, batches):
    mode = model.training
    try:
        model.eval()
        losses = []
        with torch.inference_mode():
            for inputs, targets in batches:
                logits = model(inputs)
                losses.append(
                    F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0, reduction="none")
                )
                losses[-1] = losses[-1][targets.flatten() != 0]
        return torch.cat(losses).mean().exp().item()
    finally:
        model.train(mode)


@right("05.debug", "log-probabilities gathered by hand")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.train(False)
    total, n = 0.0, 0
    for inputs, targets in batches:
        log_p = model(inputs).log_softmax(dim=-1)
        chosen = log_p.gather(2, targets.unsqueeze(2)).squeeze(2)
        real = targets != 0
        total -= chosen[real].sum().item()
        n += int(real.sum())
    if training:
        model.train()
    return math.exp(total / n)


@right("05.debug", "a copy in evaluation mode")
def fixed_perplexity(model, batches):
    evaluated = copy.deepcopy(model).eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            loss = F.cross_entropy(evaluated(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum")
            total, n = total + loss.item(), n + (targets != 0).sum().item()
    return math.exp(total / n)


@right("05.debug", "the mode of every module restored")
def fixed_perplexity(model, batches):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
            n += (targets != 0).sum().item()
    for module, mode in modes.items():
        module.training = mode
    return float(np.exp(total / n))


def total_and_number(model, batches, **options):
    total, n = 0.0, 0
    for inputs, targets in batches:
        options = {"ignore_index": 0, "reduction": "sum"} | options
        total += F.cross_entropy(model(inputs).transpose(1, 2), targets, **options).item()
        n += (targets != 0).sum().item()
    return total, n


@wrong("05.debug", "nothing changed", says=r"dropout|eval|mode")
@torch.no_grad()
def fixed_perplexity(model, batches):
    total, n = total_and_number(model, batches)
    return math.exp(total / n)


@wrong("05.debug", "the model stays in evaluation mode", says=r"mode|train|restor|afterwards|as before")
@torch.no_grad()
def fixed_perplexity(model, batches):
    model.eval()
    total, n = total_and_number(model, batches)
    return math.exp(total / n)


@wrong("05.debug", "always in training mode afterwards", says=r"mode|as before|evaluation|restor|was")
@torch.no_grad()
def fixed_perplexity(model, batches):
    model.eval()
    total, n = total_and_number(model, batches)
    model.train()
    return math.exp(total / n)


@wrong("05.debug", "return before the mode is restored", says=r"mode|restor|afterwards|as before|train")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches)
    return math.exp(total / n)
    model.train(training)


@wrong("05.debug", "the mode is read after eval", says=r"mode|restor|afterwards|as before|train")
@torch.no_grad()
def fixed_perplexity(model, batches):
    model.eval()
    was_training = model.training
    total, n = total_and_number(model, batches)
    model.train(was_training)
    return math.exp(total / n)


@wrong("05.debug", "the attribute of the outer module alone", says=r"dropout|eval|mode|inner|submodule|parts")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.training = False
    total, n = total_and_number(model, batches)
    model.training = training
    return math.exp(total / n)


@wrong("05.debug", "with gradients", says=r"gradient|no_grad")
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches)
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "mean of the batches' means", says=r"token|batch|mean|sum|weigh|alike")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    losses = [F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=0).item() for x, y in batches]
    model.train(training)
    return math.exp(sum(losses) / len(losses))


@wrong("05.debug", "mean of the batches' perplexities", says=r"token|batch|mean|sum|weigh|exp")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    losses = [F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=0).exp().item() for x, y in batches]
    model.train(training)
    return sum(losses) / len(losses)


@wrong("05.debug", "padding in the sum", says=r"padding|\b0\b|ignore")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches, ignore_index=-100)
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "padding in the number of tokens", says=r"padding|\b0\b|number|count|divid")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    batches = list(batches)
    total, _ = total_and_number(model, batches)
    model.train(training)
    return math.exp(total / sum(targets.numel() for _, targets in batches))


@wrong("05.debug", "no exponential", says=r"exp|cross-entropy|perplexity")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches)
    model.train(training)
    return total / n


@wrong("05.debug", "dropout set to 0 for good", says=r"dropout|afterwards|restor|changed|mode|as before|permanent|p\b")
@torch.no_grad()
def fixed_perplexity(model, batches):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
    total, n = total_and_number(model, batches)
    return math.exp(total / n)


@wrong("05.debug", "a fixed seed in place of evaluation mode", says=r"dropout|eval|mode|seed")
@torch.no_grad()
def fixed_perplexity(model, batches):
    torch.manual_seed(0)
    total, n = total_and_number(model, batches)
    return math.exp(total / n)


@wrong("05.debug", "mean over ten noisy evaluations", says=r"dropout|eval|mode")
@torch.no_grad()
def fixed_perplexity(model, batches):
    batches = list(batches)
    pairs = [total_and_number(model, batches) for _ in range(10)]
    return math.exp(sum(total for total, _ in pairs) / sum(n for _, n in pairs))


@wrong("05.debug", "training mode again after the first batch", says=r"dropout|eval|mode|first batch|loop")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = 0.0, 0
    for inputs, targets in batches:
        total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
        n += (targets != 0).sum().item()
        model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "return inside the loop", says=r"return|loop|first batch|all batches|every batch|only|batch")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    try:
        for batch in batches:
            total, n = total_and_number(model, [batch])
            return math.exp(total / n)
    finally:
        model.train(training)


@wrong("05.debug", "a tensor in place of a float", says=r"float|tensor|number|item")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches)
    model.train(training)
    return torch.tensor(total / n).exp()


@right("05.debug", "the metric of torchmetrics")
def fixed_perplexity(model, batches):
    from torchmetrics.text import Perplexity

    training = model.training
    metric = Perplexity(ignore_index=0)
    model.eval()
    with torch.no_grad():
        for inputs, targets in batches:
            metric.update(model(inputs), targets)
    model.train(training)
    return metric.compute().item()


@contextmanager
def evaluating(model):
    training = model.training
    model.eval()
    with torch.no_grad():
        yield
    model.train(training)


@right("05.debug", "a context manager, and means weighted by their tokens")
def fixed_perplexity(model, batches):
    total = n = 0
    with evaluating(model):
        for inputs, targets in batches:
            count = int((targets != 0).sum())
            loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=0)
            total, n = total + loss.item() * count, n + count
    return math.exp(total / n)


@wrong(
    "05.debug", "gradients stay switched off afterwards", says=r"gradient|no_grad|set_grad_enabled|afterwards|restor"
)
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    torch.set_grad_enabled(False)
    total, n = total_and_number(model, batches)
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "parameters frozen for good", says=r"requires_grad|frozen|parameter|gradient|afterwards")
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    model.requires_grad_(False)
    total, n = total_and_number(model, batches)
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "the last batch alone, = for +=", says=r"last batch|\+=|all batches|only|every batch|batch")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    for inputs, targets in batches:
        total = F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
        n = (targets != 0).sum().item()
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "inputs counted in place of targets", says=r"targets|inputs|division counts")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = 0.0, 0
    for inputs, targets in batches:
        total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
        n += inputs.numel()
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "inputs compared with their own tokens", says=r"targets|inputs|next")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = 0.0, 0
    for inputs, targets in batches:
        total += F.cross_entropy(model(inputs).transpose(1, 2), inputs, ignore_index=0, reduction="sum").item()
        n += (inputs != 0).sum().item()
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "mean and sum mixed up, divided by the number again", says=r"mean|sum|twice|divid|reduction")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches, reduction="mean")
    model.train(training)
    return math.exp(total / n)


@wrong("05.debug", "minus in the exponent", says=r"minus|sign|below 1|negative|inverse")
@torch.no_grad()
def fixed_perplexity(model, batches):
    training = model.training
    model.eval()
    total, n = total_and_number(model, batches)
    model.train(training)
    return math.exp(-total / n)


@wrong("05.debug", "training mode in the loop, evaluation mode afterwards", says=r"mode|dropout|eval|train")
@torch.no_grad()
def fixed_perplexity(model, batches):
    model.train()
    total, n = total_and_number(model, batches)
    model.eval()
    return math.exp(total / n)


# found by changing right answers


def merged_once(words, best):
    """Each word with this pair merged."""
    merged = {}
    for word, n in words.items():
        pieces, i = [], 0
        while i < len(word):
            step = 2 if word[i : i + 2] == best else 1
            pieces.append("".join(word[i : i + step]))
            i += step
        merged[tuple(pieces)] = n
    return merged


@wrong("05.5", "the last word is not counted", says=r"last word")
def merge_most_frequent(words):
    counts = {}
    for word, n in list(words.items())[:-1]:
        for i in range(len(word) - 1):
            counts[word[i : i + 2]] = counts.get(word[i : i + 2], 0) + n
    return merged_once(words, max(counts, key=counts.get))


@wrong("05.5", "the last pair of each word is not counted", says=r"last pair")
def merge_most_frequent(words):
    counts = {}
    for word, n in words.items():
        for i in range(len(word) - 2):
            counts[word[i : i + 2]] = counts.get(word[i : i + 2], 0) + n
    return merged_once(words, max(counts, key=counts.get))


@wrong("05.5", "the first pair of each word is not counted", says=r"first pair")
def merge_most_frequent(words):
    counts = {}
    for word, n in words.items():
        for i in range(1, len(word) - 1):
            counts[word[i : i + 2]] = counts.get(word[i : i + 2], 0) + n
    return merged_once(words, max(counts, key=counts.get))


@wrong("05.5", "counts kept in a default argument", says=r"second call|default")
def merge_most_frequent(words, counts={}):  # noqa: B006
    for word, n in words.items():
        for i in range(len(word) - 1):
            counts[word[i : i + 2]] = counts.get(word[i : i + 2], 0) + n
    return merged_once(words, max(counts, key=counts.get))


# found where messages blamed what these answers do not do


@wrong("05.debug", "parameters frozen", says=r"requires_grad|frozen")
def fixed_perplexity(model: nn.Module, batches) -> float:
    was_training = model.training
    model.eval().requires_grad_(False)
    total, n = 0.0, 0
    for inputs, targets in batches:
        total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
        n += (targets != 0).sum().item()
    model.train(was_training)
    return torch.tensor(total / n).exp().item()


@wrong("05.debug", "all parameters thawed", says=r"frozen before|requires_grad")
def fixed_perplexity(model: nn.Module, batches) -> float:
    was_training = model.training
    model.eval().requires_grad_(False)
    total, n = 0.0, 0
    for inputs, targets in batches:
        total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
        n += (targets != 0).sum().item()
    model.train(was_training).requires_grad_(True)
    return torch.tensor(total / n).exp().item()


@wrong("05.debug", "restored after the first batch", says=r"after the loop|not in it")
def fixed_perplexity(model: nn.Module, batches) -> float:
    was_training = model.training
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            total += F.cross_entropy(model(inputs).transpose(1, 2), targets, ignore_index=0, reduction="sum").item()
            n += (targets != 0).sum().item()
            model.train(was_training)
    return math.exp(total / n)


@wrong("05.5", "pairs across words, each written as often as it occurs", says=r"border|between two words")
def merge_most_frequent(words: dict[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    stream = [piece for word, n in words.items() for _ in range(n) for piece in word]
    best = Counter(zip(stream, stream[1:])).most_common(1)[0][0]
    result = {}
    for word, n in words.items():
        pieces, i = [], 0
        while i < len(word):
            width = 2 if word[i : i + 2] == best else 1
            pieces.append("".join(word[i : i + width]))
            i += width
        result[tuple(pieces)] = n
    return result
