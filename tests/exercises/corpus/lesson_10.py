"""Learners' answers to the exercises of lesson 10, missing modalities."""

import math
from functools import cache
from itertools import chain, combinations, permutations, product
from math import factorial, tanh

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import right, wrong

# 10.1


@right("10.1", "torch.where")
def fill_with_mean(features, present):
    mean = features[present].mean(dim=0)
    return torch.where(present[:, None], features, mean)


@right("10.1", "a clone, missing rows assigned")
def fill_with_mean(features, present):
    filled = features.clone()
    filled[~present] = features[present].mean(dim=0)
    return filled


@right("10.1", "a loop over the rows")
def fill_with_mean(features, present):
    total, count = torch.zeros(features.shape[1], dtype=features.dtype), 0
    for row, there in zip(features, present, strict=True):
        if there:
            total, count = total + row, count + 1
    return torch.stack([row if there else total / count for row, there in zip(features, present, strict=True)])


@right("10.1", "missing rows set to zero, sum divided by the number present")
def fill_with_mean(features, present):
    zeroed = features.masked_fill(~present.unsqueeze(1), 0.0)
    mean = zeroed.sum(dim=0) / present.sum()
    return zeroed + (~present).unsqueeze(1) * mean


@right("10.1", "missing rows set to NaN, then nanmean")
def fill_with_mean(features: Tensor, present: Tensor) -> Tensor:
    marked = features.masked_fill(~present[:, None], float("nan"))
    return torch.where(present[:, None], features, marked.nanmean(dim=0, keepdim=True))


@right("10.1", "numpy's masks")
def fill_with_mean(features, present):
    x, mask = features.detach().numpy().copy(), present.numpy()
    x[~mask] = x[mask].mean(axis=0)
    return torch.from_numpy(x)


@wrong("10.1", "mean over all rows", says=r"present|missing|nan|all rows|only")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features, features.mean(dim=0))


@wrong("10.1", "missing rows multiplied by zero: NaN stays NaN", says=r"nan|multipl|0 \*|\* 0|arbitrary")
def fill_with_mean(features, present):
    mask = present[:, None].to(features.dtype)
    mean = (features * mask).sum(dim=0) / mask.sum()
    return torch.where(present[:, None], features, mean)


@wrong("10.1", "mixed by multiplication at the end: NaN stays NaN", says=r"nan|multipl|0 \*|\* 0|arbitrary")
def fill_with_mean(features, present):
    mask = present[:, None].to(features.dtype)
    return features * mask + (1 - mask) * features[present].mean(dim=0)


@wrong("10.1", "nanmean over all rows", says=r"present|missing|arbitrary|nan|only|other values")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features, features.nanmean(dim=0))


@wrong("10.1", "NaN replaced, other missing values left", says=r"present|missing|arbitrary|nan|mask|finite")
def fill_with_mean(features, present):
    return torch.where(features.isnan(), features[present].mean(dim=0), features)


@wrong("10.1", "zeros for missing rows", says=r"zero|\b0\b|mean")
def fill_with_mean(features, present):
    return features.masked_fill(~present[:, None], 0)


@wrong(
    "10.1",
    "one number, the mean of all features",
    says=r"each feature|every feature|column|feature|dim|ax[ei]s|one number|same",
)
def fill_with_mean(features, present):
    return features.masked_fill(~present[:, None], features[present].mean().item())


@wrong("10.1", "present and missing exchanged", says=r"present|missing|swap|exchanged|invert|~|True")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features[~present].mean(dim=0), features)


@wrong("10.1", "every row replaced", says=r"present|as they are|keep|kept|unchanged|stay")
def fill_with_mean(features, present):
    return features[present].mean(dim=0).expand_as(features).clone()


@wrong("10.1", "missing rows left out", says=r"shape|row|left out|drop|number|\bN\b|missing")
def fill_with_mean(features, present):
    return features[present]


@wrong("10.1", "present rows first, then the means", says=r"order|row|position|shape|place")
def fill_with_mean(features, present):
    rows = features[present]
    return torch.cat([rows, rows.mean(dim=0).expand((~present).sum(), -1)])


@wrong("10.1", "median", says=r"median|mean")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features, features[present].median(dim=0).values)


@wrong("10.1", "sum divided by all rows", says=r"divid|number|present|\bN\b|count|len|too small")
def fill_with_mean(features, present):
    mean = features[present].sum(dim=0) / len(features)
    return torch.where(present[:, None], features, mean)


@wrong("10.1", "sum instead of mean", says=r"\bsum|mean|averag|divid")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features, features[present].sum(dim=0))


@wrong("10.1", "the first present row for all missing ones", says=r"mean|first|averag|all|row")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features, features[present][0])


@wrong("10.1", "the first missing row alone filled", says=r"only the first missing row")
def fill_with_mean(features, present):
    filled = features.clone()
    for i in range(len(features)):
        if not present[i]:
            filled[i] = features[present].mean(dim=0)
            break
    return filled


@wrong("10.1", "the mean alone", says=r"shape|row|mean|return")
def fill_with_mean(features, present):
    return features[present].mean(dim=0)


@wrong("10.1", "a running mean of the rows so far", says=r"running|so far|later rows|all present|before it|order")
def fill_with_mean(features, present):
    total, count, rows = torch.zeros_like(features[0]), 0, []
    for row, there in zip(features, present, strict=True):
        if there:
            total, count = total + row, count + 1
        rows.append(row if there else total / max(count, 1))
    return torch.stack(rows)


@wrong("10.1", "squeezed rows", says=r"squeeze")
def fill_with_mean(features, present):
    return torch.where(present[:, None], features, features[present].squeeze().mean(dim=0))


# 10.2


@right("10.2", "comprehensions")
def modulation_coefficients(scores, alpha):
    total, n = sum(scores.values()), len(scores)
    ratios = {name: s / ((total - s) / (n - 1)) for name, s in scores.items()}
    return {name: 1 - tanh(alpha * rho) if rho > 1 else 1.0 for name, rho in ratios.items()}


@right("10.2", "a loop with a list of the others")
def modulation_coefficients(scores, alpha):
    result = {}
    for name in scores:
        others = [scores[other] for other in scores if other != name]
        rho = scores[name] / (sum(others) / len(others))
        if rho > 1:
            result[name] = 1 - math.tanh(alpha * rho)
        else:
            result[name] = 1
    return result


@right("10.2", "numpy arrays")
def modulation_coefficients(scores, alpha):
    s = np.array(list(scores.values()), dtype=float)
    rho = s * (len(s) - 1) / (s.sum() - s)
    k = np.where(rho > 1, 1 - np.tanh(alpha * rho), 1.0)
    return {name: float(value) for name, value in zip(scores, k, strict=True)}


@right("10.2", "torch, the mean of the others by a matrix")
def modulation_coefficients(scores, alpha):
    s = torch.tensor(list(scores.values()), dtype=torch.float64)
    others = (torch.ones(len(s), len(s), dtype=s.dtype) - torch.eye(len(s), dtype=s.dtype)) @ s / (len(s) - 1)
    rho = s / others
    return dict(zip(scores, torch.where(rho > 1, 1 - torch.tanh(alpha * rho), 1.0).tolist(), strict=True))


@right("10.2", "tanh by exponentials of a negative number, a helper")
def modulation_coefficients(scores: dict[str, float], alpha: float) -> dict[str, float]:
    def factor(name):
        rest = {other: s for other, s in scores.items() if other != name}
        rho = scores[name] * len(rest) / sum(rest.values())
        small = math.exp(-2 * alpha * rho)
        return 2 * small / (1 + small) if rho > 1 else 1.0

    return {name: factor(name) for name in scores}


def _rho(scores, name):
    return scores[name] * (len(scores) - 1) / sum(s for other, s in scores.items() if other != name)


@wrong("10.2", "mean of all branches, its own included", says=r"others|own|itself|all|includ")
def modulation_coefficients(scores, alpha):
    mean = sum(scores.values()) / len(scores)
    return {name: 1 - tanh(alpha * s / mean) if s > mean else 1.0 for name, s in scores.items()}


@wrong("10.2", "sum of the others", says=r"mean|sum|averag|others")
def modulation_coefficients(scores, alpha):
    total = sum(scores.values())
    return {n: 1 - tanh(alpha * s / (total - s)) if s > total - s else 1.0 for n, s in scores.items()}


@wrong(
    "10.2",
    "sum of the others divided by the number of all",
    says=r"divided by|number of (all|the others|branches)|mean of",
)
def modulation_coefficients(scores, alpha):
    total, n = sum(scores.values()), len(scores)
    rho = {name: s / ((total - s) / n) for name, s in scores.items()}
    return {name: 1 - tanh(alpha * r) if r > 1 else 1.0 for name, r in rho.items()}


@wrong("10.2", "the best of the others", says=r"mean|max|best|averag|others")
def modulation_coefficients(scores, alpha):
    result = {}
    for name, s in scores.items():
        rho = s / max(other for key, other in scores.items() if key != name)
        result[name] = 1 - tanh(alpha * rho) if rho > 1 else 1.0
    return result


@wrong("10.2", "every branch slowed down", says=r"otherwise|\b1\b|ahead|behind|only|condition|ρ|rho")
def modulation_coefficients(scores, alpha):
    return {name: 1 - tanh(alpha * _rho(scores, name)) for name in scores}


@wrong("10.2", "only the best branch slowed down", says=r"every|each|second|more than one|ahead|best|two|rho|ρ|all")
def modulation_coefficients(scores, alpha):
    best = max(scores, key=scores.get)
    return {name: 1 - tanh(alpha * _rho(scores, name)) if name == best else 1.0 for name in scores}


@wrong("10.2", "tanh without 1 -", says=r"1 -|1 −|tanh|minus")
def modulation_coefficients(scores, alpha):
    return {name: tanh(alpha * _rho(scores, name)) if _rho(scores, name) > 1 else 1.0 for name in scores}


@wrong("10.2", "alpha outside the tanh", says=r"alpha|α|inside|tanh")
def modulation_coefficients(scores, alpha):
    return {name: 1 - alpha * tanh(_rho(scores, name)) if _rho(scores, name) > 1 else 1.0 for name in scores}


@wrong("10.2", "alpha ignored", says=r"alpha|α")
def modulation_coefficients(scores, alpha):
    return {name: 1 - tanh(_rho(scores, name)) if _rho(scores, name) > 1 else 1.0 for name in scores}


@wrong("10.2", "branches behind slowed down", says=r"ahead|behind|condition|swap|exchanged|> 1|above|other way|rho|ρ")
def modulation_coefficients(scores, alpha):
    return {name: 1 - tanh(alpha * _rho(scores, name)) if _rho(scores, name) < 1 else 1.0 for name in scores}


@wrong("10.2", "the inverse ratio", says=r"ratio|invers|divid|other way|upside|swap|exchanged|rho|ρ|ahead")
def modulation_coefficients(scores, alpha):
    rho = {name: 1 / _rho(scores, name) for name in scores}
    return {name: 1 - tanh(alpha * r) if r > 1 else 1.0 for name, r in rho.items()}


@wrong("10.2", "difference instead of ratio", says=r"ratio|difference|divid|subtract")
def modulation_coefficients(scores, alpha):
    total, n = sum(scores.values()), len(scores)
    gap = {name: s - (total - s) / (n - 1) for name, s in scores.items()}
    return {name: 1 - tanh(alpha * g) if g > 0 else 1.0 for name, g in gap.items()}


@wrong("10.2", "the score in the tanh instead of the ratio", says=r"ratio|rho|ρ|alpha \* score")
def modulation_coefficients(scores, alpha):
    return {name: 1 - tanh(alpha * s) if _rho(scores, name) > 1 else 1.0 for name, s in scores.items()}


@wrong("10.2", "two branches assumed", says=r"any number|unpack|two|\b2\b|number of|branches|three")
def modulation_coefficients(scores, alpha):
    (a, x), (b, y) = scores.items()
    return {a: 1 - tanh(alpha * x / y) if x > y else 1.0, b: 1 - tanh(alpha * y / x) if y > x else 1.0}


@wrong("10.2", "a list", says=r"dict|name|list")
def modulation_coefficients(scores, alpha):
    return [1 - tanh(alpha * _rho(scores, name)) if _rho(scores, name) > 1 else 1.0 for name in scores]


@wrong("10.2", "return inside the loop", says=r"name|every|each|all|loop|missing|key|factors for")
def modulation_coefficients(scores, alpha):
    result = {}
    for name in scores:
        rho = _rho(scores, name)
        result[name] = 1 - tanh(alpha * rho) if rho > 1 else 1.0
        return result


@wrong("10.2", "0 for branches behind", says=r"\b1\b|zero|\b0\b|otherwise|behind|ahead")
def modulation_coefficients(scores, alpha):
    return {name: 1 - tanh(alpha * _rho(scores, name)) if _rho(scores, name) > 1 else 0.0 for name in scores}


@wrong("10.2", "the ratios returned", says=r"ratio|tanh|factor|ρ|rho|coefficient|above 1|1 -")
def modulation_coefficients(scores, alpha):
    return {name: _rho(scores, name) for name in scores}


@wrong("10.2", "only branches ahead in the result", says=r"name|every|each|all|missing|key|behind|factors for")
def modulation_coefficients(scores, alpha):
    return {name: 1 - tanh(alpha * _rho(scores, name)) for name in scores if _rho(scores, name) > 1}


@wrong(
    "10.2",
    "branches told apart by their score: equal ones vanish from the mean",
    says=r"equal|same score|others|tie|name|ZeroDivision|division",
)
def modulation_coefficients(scores, alpha):
    result = {}
    for name, s in scores.items():
        others = [other for other in scores.values() if other != s]
        rho = s / (sum(others) / len(others))
        result[name] = 1 - tanh(alpha * rho) if rho > 1 else 1.0
    return result


@wrong("10.2", "the others found by their score", says=r"by their score|by score")
def modulation_coefficients(scores, alpha):
    factors = {}
    for name, score in scores.items():
        others = [other for other in scores.values() if other != score]
        rho = score / (sum(others) / len(others)) if others else 1.0
        factors[name] = 1 - math.tanh(alpha * rho) if rho > 1 else 1.0
    return factors


# 10.3


@right("10.3", "random numbers against the rates, empty rows by index")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@right("10.3", "bernoulli, a choice for every row, one_hot")
def modality_dropout(batch, rates, rng):
    keep = torch.bernoulli((1 - rates).expand(batch, -1), generator=rng).bool()
    choice = torch.randint(0, len(rates), (batch,), generator=rng)
    rescue = torch.nn.functional.one_hot(choice, len(rates)).bool()
    return keep | (rescue & ~keep.any(dim=1, keepdim=True))


@right("10.3", "a loop over examples and modalities")
def modality_dropout(batch, rates, rng):
    mask = torch.zeros(batch, len(rates), dtype=torch.bool)
    for i in range(batch):
        for m in range(len(rates)):
            mask[i, m] = torch.rand((), generator=rng) >= rates[m]
        if not mask[i].any():
            mask[i, torch.randint(len(rates), (1,), generator=rng)] = True
    return mask


@right("10.3", "the largest of further random numbers is the one given back")
def modality_dropout(batch: int, rates: Tensor, rng: torch.Generator) -> Tensor:
    u = torch.rand(2, batch, rates.numel(), generator=rng)
    keep = u[0] >= rates
    back = u[1] == u[1].amax(dim=1, keepdim=True)
    return torch.where(keep.any(dim=1, keepdim=True), keep, back)


@right("10.3", "multinomial of equal weights")
def modality_dropout(batch, rates, rng):
    kept = ~(torch.rand(batch, len(rates), generator=rng) < rates)
    lost = kept.sum(1) == 0
    if lost.any():
        chosen = torch.multinomial(torch.ones(int(lost.sum()), len(rates)), 1, generator=rng)
        kept[lost] = torch.zeros(len(chosen), len(rates), dtype=torch.bool).scatter(1, chosen, True)
    return kept


@wrong("10.3", "True where dropped", says=r"rate|invert|kept|keep|swap|exchanged|dropped|opposite|revers")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) < rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong(
    "10.3",
    "empty rows left",
    says=r"all False|empty|lost|no modality|at least one|nothing|every modality|all of|none",
)
def modality_dropout(batch, rates, rng):
    return torch.rand(batch, len(rates), generator=rng) >= rates


@wrong("10.3", "always the first modality given back", says=r"equal|first|random|each|always|same|back|probab")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    keep[~keep.any(dim=1), 0] = True
    return keep


@wrong("10.3", "the modality of the lowest rate given back", says=r"equal|random|each|always|same|back|probab|lowest")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    keep[~keep.any(dim=1), rates.argmin()] = True
    return keep


@wrong("10.3", "all modalities given back", says=r"\bone\b|all|back|equal")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    keep[~keep.any(dim=1)] = True
    return keep


@wrong("10.3", "given back by their keep rates", says=r"equal|probab|each|rate|back")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    if len(empty):
        keep[empty, torch.multinomial(1.01 - rates, len(empty), replacement=True, generator=rng)] = True
    return keep


@wrong("10.3", "drawn again until nothing is empty", says=r"equal|probab|rate|again|back|redraw|resampl|each")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    for _ in range(100):
        empty = ~keep.any(dim=1)
        if not empty.any():
            break
        keep[empty] = torch.rand(int(empty.sum()), len(rates), generator=rng) >= rates
    keep[~keep.any(dim=1), 0] = True
    return keep


@wrong("10.3", "the last modality never given back", says=r"equal|last|each|probab|never|back")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(0, max(1, len(rates) - 1), (len(empty),), generator=rng)] = True
    return keep


@wrong(
    "10.3",
    "the same modality for all empty rows of a batch",
    says=r"same|each|own|share|equal|independen|batch|every|row",
)
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    keep[~keep.any(dim=1), torch.randint(len(rates), (1,), generator=rng).item()] = True
    return keep


@wrong(
    "10.3",
    "one draw for the whole batch",
    says=r"each example|every example|example|same|batch|independen|row|share",
)
def modality_dropout(batch, rates, rng):
    keep = torch.rand(len(rates), generator=rng) >= rates
    if not keep.any():
        keep[torch.randint(len(rates), (1,), generator=rng)] = True
    return keep.expand(batch, -1).clone()


@wrong(
    "10.3",
    "one random number per example for all modalities",
    says=r"independen|same|share|together|each modality|every modality",
)
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, 1, generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong("10.3", "the mean rate for all", says=r"own|rate|each|mean|that modality|averag")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates.mean()
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong("10.3", "one half for every modality", says=r"rate|0\.5|half|own")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= 0.5
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong(
    "10.3",
    "at most one modality dropped",
    says=r"independen|at most one|never (two|more)|two (are|modalities)|several",
)
def modality_dropout(batch, rates, rng):
    keep = torch.ones(batch, len(rates), dtype=torch.bool)
    chosen = torch.randint(len(rates), (batch,), generator=rng)
    dropped = torch.rand(batch, generator=rng) < rates[chosen]
    if len(rates) > 1:
        keep[dropped, chosen[dropped]] = False
    return keep


@wrong("10.3", "a fixed number of rows dropped", says=r"independen|exact|random|count|number|same|vary|rate|fixed")
def modality_dropout(batch, rates, rng):
    keep = torch.ones(batch, len(rates), dtype=torch.bool)
    for m, rate in enumerate(rates.tolist()):
        keep[torch.randperm(batch, generator=rng)[: round(rate * batch)], m] = False
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong("10.3", "numbers instead of bool", says=r"bool|dtype|type|float")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep.float()


@wrong("10.3", "seeded in the function: the same mask in each call", says=r"seed|same|again|call|generator|rng|draw")
def modality_dropout(batch, rates, rng):
    rng = torch.Generator().manual_seed(0)
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong("10.3", "one row too few helped", says=r"all False|lost every modality|lost all|at least one")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    empty = (~keep.any(dim=1)).nonzero()[:, 0][1:]
    keep[empty, torch.randint(len(rates), (len(empty),), generator=rng)] = True
    return keep


@wrong("10.3", "modalities along the first axis", says=r"shape|ax[ei]s|transpos|\(batch, M\)|row")
def modality_dropout(batch, rates, rng):
    keep = torch.rand(len(rates), batch, generator=rng) >= rates[:, None]
    empty = (~keep.any(dim=0)).nonzero()[:, 0]
    keep[torch.randint(len(rates), (len(empty),), generator=rng), empty] = True
    return keep


@wrong(
    "10.3",
    "a modality switched on in every row when one is empty",
    says=r"every row|only those|kept too often|always kept|in all rows",
)
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    if not keep.any(dim=1).all():
        keep[:, torch.randint(len(rates), (1,), generator=rng)] = True
    return keep


@wrong(
    "10.3",
    "a random modality always kept, empty or not",
    says=r"rate|only|empty|too (many|often|rarely|seldom)|always|lost|kept",
)
def modality_dropout(batch, rates, rng):
    keep = torch.rand(batch, len(rates), generator=rng) >= rates
    keep[torch.arange(batch), torch.randint(len(rates), (batch,), generator=rng)] = True
    return keep


@wrong("10.3", "one-hot without the number of modalities", says=r"one_hot|number of columns")
def modality_dropout(batch, rates, rng):
    kept = torch.rand(batch, len(rates), generator=rng) >= rates
    one = torch.randint(len(rates), (batch,), generator=rng)
    return kept | (~kept.any(dim=1, keepdim=True) & F.one_hot(one).bool())


@wrong("10.3", "one draw for two rows", says=r"independent")
def modality_dropout(batch, rates, rng):
    kept = torch.rand((batch + 1) // 2, len(rates), generator=rng).repeat_interleave(2, dim=0)[:batch] >= rates
    one = torch.randint(len(rates), (batch,), generator=rng)
    return kept | (~kept.any(dim=1, keepdim=True) & F.one_hot(one, len(rates)).bool())


@wrong("10.3", "three modalities written in", says=r"one column for each rate")
def modality_dropout(batch, rates, rng):
    kept = torch.rand(batch, 3, generator=rng) >= rates
    empty = (~kept.any(dim=1)).nonzero()[:, 0]
    kept[empty, torch.randint(3, (len(empty),), generator=rng)] = True
    return kept


@wrong("10.3", "squeezed at the end", says=r"squeeze|size 1")
def modality_dropout(batch, rates, rng):
    kept = torch.rand(batch, len(rates), generator=rng) >= rates
    one = torch.randint(len(rates), (batch,), generator=rng)
    return (kept | (~kept.any(dim=1, keepdim=True) & F.one_hot(one, len(rates)).bool())).squeeze()


@wrong("10.3", "normal random numbers", says=r"normal|randn")
def modality_dropout(batch, rates, rng):
    kept = torch.randn(batch, len(rates), generator=rng) >= rates
    one = torch.randint(len(rates), (batch,), generator=rng)
    return kept | (~kept.any(dim=1, keepdim=True) & F.one_hot(one, len(rates)).bool())


# 10.4


@right("10.4", "the formula, subset by subset")
def shapley_values(value, names):
    M, phi = len(names), {}
    for name in names:
        rest = [other for other in names if other != name]
        phi[name] = 0.0
        for size in range(M):
            weight = factorial(size) * factorial(M - size - 1) / factorial(M)
            for S in combinations(rest, size):
                phi[name] += weight * (value(frozenset(S) | {name}) - value(frozenset(S)))
    return phi


@right("10.4", "a loop over all orders")
def shapley_values(value, names):
    phi = dict.fromkeys(names, 0.0)
    orders = list(permutations(names))
    for order in orders:
        present = frozenset()
        for name in order:
            phi[name] += value(present | {name}) - value(present)
            present = present | {name}
    return {name: total / len(orders) for name, total in phi.items()}


@right("10.4", "all subsets as rows of 0 and 1, binomial coefficients")
def shapley_values(value, names):
    M = len(names)
    v = {bits: value(frozenset(n for n, b in zip(names, bits, strict=True) if b)) for bits in product((0, 1), repeat=M)}
    phi = {}
    for i, name in enumerate(names):
        without = [bits for bits in v if not bits[i]]
        gains = [(v[bits[:i] + (1,) + bits[i + 1 :]] - v[bits]) / math.comb(M - 1, sum(bits)) for bits in without]
        phi[name] = sum(gains) / M
    return phi


@right("10.4", "a recursion over the players left, with a cache")
def shapley_values(value, names):
    @cache
    def gain(name, present):
        left = [other for other in names if other not in present]
        own = value(present | {name}) - value(present)
        later = [gain(name, present | {other}) for other in left if other != name]
        return (own + sum(later)) / len(left)

    return {name: gain(name, frozenset()) for name in names}


@right("10.4", "mean over sizes of the mean over subsets, numpy")
def shapley_values(value, names: tuple[str, ...]) -> dict[str, float]:
    result = {}
    for name in names:
        others = tuple(n for n in names if n != name)
        means = []
        for size in range(len(names)):
            sets = [frozenset(s) for s in combinations(others, size)]
            means.append(np.mean([value(s.union([name])) - value(s) for s in sets]))
        result[name] = float(np.mean(means))
    return result


def _subsets(names, name):
    rest = [other for other in names if other != name]
    return [frozenset(S) for size in range(len(names)) for S in combinations(rest, size)]


@wrong("10.4", "ablation", says=r"ablation|order|averag|subset|without|all")
def shapley_values(value, names):
    everything = frozenset(names)
    return {name: value(everything) - value(everything - {name}) for name in names}


@wrong("10.4", "each one alone", says=r"alone|order|averag|subset|empty|first")
def shapley_values(value, names):
    return {name: value(frozenset({name})) - value(frozenset()) for name in names}


@wrong("10.4", "the mean of alone and ablation", says=r"first and last|orders|between|in the middle|ablation|sets of")
def shapley_values(value, names):
    a = frozenset(names)
    return {n: (value(frozenset({n})) - value(frozenset()) + value(a) - value(a - {n})) / 2 for n in names}


@wrong("10.4", "all subsets with the same weight", says=r"weight|size|order|averag|factorial|equal")
def shapley_values(value, names):
    phi = {}
    for name in names:
        subsets = _subsets(names, name)
        phi[name] = sum(value(S | {name}) - value(S) for S in subsets) / len(subsets)
    return phi


@wrong("10.4", "the largest subsets left out", says=r"range|size|largest|all others|subset|last|full|M - 1|off by one")
def shapley_values(value, names):
    M, phi = len(names), {}
    for name in names:
        rest = [other for other in names if other != name]
        phi[name] = 0.0
        for size in range(M - 1):
            weight = factorial(size) * factorial(M - size - 1) / factorial(M)
            phi[name] += sum(
                weight * (value(frozenset(S) | {name}) - value(frozenset(S))) for S in combinations(rest, size)
            )
    return phi


@wrong("10.4", "the empty set left out", says=r"range|size|empty|subset|first|off by one")
def shapley_values(value, names):
    M, phi = len(names), {}
    for name in names:
        rest = [other for other in names if other != name]
        phi[name] = 0.0
        for size in range(1, M):
            weight = factorial(size) * factorial(M - size - 1) / factorial(M)
            phi[name] += sum(
                weight * (value(frozenset(S) | {name}) - value(frozenset(S))) for S in combinations(rest, size)
            )
    return phi


@wrong("10.4", "not divided by M!", says=r"divid|factorial|M!|number of orders|averag|weight|sum")
def shapley_values(value, names):
    M = len(names)
    return {
        name: sum(
            factorial(len(S)) * factorial(M - len(S) - 1) * (value(S | {name}) - value(S))
            for S in _subsets(names, name)
        )
        for name in names
    }


@wrong("10.4", "(M - |S|)! in the weight", says=r"weight|factorial|M - \|?S|- 1|off by one|size")
def shapley_values(value, names):
    M = len(names)
    return {
        name: sum(
            factorial(len(S)) * factorial(M - len(S)) / factorial(M) * (value(S | {name}) - value(S))
            for S in _subsets(names, name)
        )
        for name in names
    }


@wrong("10.4", "integer division of the weights", says=r"integer|//|weight|zero|\b0\b|round|whole")
def shapley_values(value, names):
    M = len(names)
    return {
        name: sum(
            factorial(len(S)) * factorial(M - len(S) - 1) // factorial(M) * (value(S | {name}) - value(S))
            for S in _subsets(names, name)
        )
        for name in names
    }


@wrong("10.4", "the difference the wrong way round", says=r"sign|minus|order|swap|exchanged|negative|without")
def shapley_values(value, names):
    M = len(names)
    return {
        name: sum(
            factorial(len(S)) * factorial(M - len(S) - 1) / factorial(M) * (value(S) - value(S | {name}))
            for S in _subsets(names, name)
        )
        for name in names
    }


@wrong("10.4", "a tuple given to value", says=r"frozenset|tuple|set")
def shapley_values(value, names):
    phi = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        for i, name in enumerate(order):
            phi[name] += (value(order[: i + 1]) - value(order[:i])) / factorial(len(names))
    return phi


@wrong("10.4", "a set given to value", says=r"frozenset|hash|set")
def shapley_values(value, names):
    phi = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        present = set()
        for name in order:
            before = value(set(present))
            present.add(name)
            phi[name] += (value(set(present)) - before) / factorial(len(names))
    return phi


@wrong("10.4", "a single order", says=r"order|averag|all")
def shapley_values(value, names):
    phi, present = {}, frozenset()
    for name in names:
        phi[name] = value(present | {name}) - value(present)
        present |= {name}
    return phi


@wrong("10.4", "random orders", says=r"all orders|every order|exact|random|sampl|differ")
def shapley_values(value, names, samples=50):
    phi = dict.fromkeys(names, 0.0)
    for _ in range(samples):
        present = frozenset()
        for i in torch.randperm(len(names)).tolist():
            phi[names[i]] += (value(present | {names[i]}) - value(present)) / samples
            present |= {names[i]}
    return phi


@wrong("10.4", "= for +=: the last order counts", says=r"order|last|averag|\+=|sum|add|all")
def shapley_values(value, names):
    phi = {}
    for order in permutations(names):
        present = frozenset()
        for name in order:
            phi[name] = value(present | {name}) - value(present)
            present |= {name}
    return phi


@wrong("10.4", "three modalities written in: divided by 6", says=r"\b6\b|M!|factorial|number of orders|any number")
def shapley_values(value, names):
    phi = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        present = frozenset()
        for name in order:
            phi[name] += (value(present | {name}) - value(present)) / 6
            present |= {name}
    return phi


@wrong("10.4", "normalised to a sum of 1", says=r"normali|sum|divid|v\(|total|scale|fraction")
def shapley_values(value, names):
    M = len(names)
    phi = {
        name: sum(
            factorial(len(S)) * factorial(M - len(S) - 1) / factorial(M) * (value(S | {name}) - value(S))
            for S in _subsets(names, name)
        )
        for name in names
    }
    total = sum(phi.values())
    return {name: x / total for name, x in phi.items()} if total else phi


@wrong("10.4", "return inside the loop: one name only", says=r"name|every|each|all|missing|key|loop|values for")
def shapley_values(value, names):
    M, phi = len(names), {}
    for name in names:
        phi[name] = sum(
            factorial(len(S)) * factorial(M - len(S) - 1) / factorial(M) * (value(S | {name}) - value(S))
            for S in _subsets(names, name)
        )
        return phi


@wrong("10.4", "a list of values", says=r"dict|name|list")
def shapley_values(value, names):
    M = len(names)
    return [
        sum(
            factorial(len(S)) * factorial(M - len(S) - 1) / factorial(M) * (value(S | {name}) - value(S))
            for S in _subsets(names, name)
        )
        for name in names
    ]


@wrong(
    "10.4",
    "value of the sets instead of what is added",
    says=r"differ|adds|subtract|without|v\(S\)|minus|gain|what",
)
def shapley_values(value, names):
    M = len(names)
    return {
        name: sum(
            factorial(len(S)) * factorial(M - len(S) - 1) / factorial(M) * value(S | {name})
            for S in _subsets(names, name)
        )
        for name in names
    }


@wrong("10.4", "divided by the number of names instead of orders", says=r"number of (orders|names)|M!|factorial")
def shapley_values(value, names):
    phi = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        present = frozenset()
        for name in order:
            phi[name] += (value(present | {name}) - value(present)) / len(names)
            present |= {name}
    return phi


# 10.debug


def _sets(names):
    """Every non-empty set, in the order of the names."""
    names = list(names)
    return chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))


@right("10.debug", "filled once, then every combination")
def report(decide, features, labels, means):
    filled = {}
    for name, x in features.items():
        missing = x.isnan().any(dim=1, keepdim=True)
        filled[name] = torch.where(missing, means[name], x)
    result = {}
    for size in range(1, len(features) + 1):
        for kept in combinations(features, size):
            inputs = {name: x if name in kept else means[name].expand_as(x) for name, x in filled.items()}
            result["+".join(kept)] = (decide(inputs).argmax(dim=1) == labels).float().mean().item()
    return result


@right("10.debug", "bits of a number choose the set")
def report(decide, features, labels, means):
    names, result = list(features), {}
    for bits in range(1, 2 ** len(names)):
        kept = [name for i, name in enumerate(names) if bits >> i & 1]
        inputs = {}
        for name in names:
            x = means[name].repeat(len(labels), 1)
            if name in kept:
                complete = ~features[name].isnan().any(dim=1)
                x[complete] = features[name][complete]
            inputs[name] = x
        correct = (decide(inputs).argmax(dim=1) == labels).sum().item()
        result["+".join(kept)] = correct / len(labels)
    return result


@right("10.debug", "rows in a loop, a helper for the accuracy")
def report(decide, features, labels, means):
    def row_or_mean(name, row, kept):
        return means[name] if name not in kept or torch.isnan(row).any() else row

    def accuracy(kept):
        inputs = {name: torch.stack([row_or_mean(name, row, kept) for row in x]) for name, x in features.items()}
        predicted = decide(inputs).max(dim=1).indices
        return float((predicted == labels).double().mean())

    return {"+".join(kept): accuracy(kept) for kept in _sets(features)}


@right("10.debug", "a recursion over the names, masks and masked rows")
def report(decide, features, labels, means):
    names = tuple(features)
    result = {}

    def visit(i, kept):
        if i == len(names):
            if kept:
                inputs = {}
                for name, x in features.items():
                    use = ~x.isnan().any(1) & torch.tensor(name in kept)
                    inputs[name] = torch.where(use[:, None], x, means[name][None])
                logits = decide(inputs).detach().numpy()
                result["+".join(kept)] = float(np.mean(logits.argmax(axis=1) == labels.numpy()))
            return
        visit(i + 1, (*kept, names[i]))
        visit(i + 1, kept)

    visit(0, ())
    return result


@right("10.debug", "product of True and False")
def report(decide, features: dict[str, Tensor], labels: Tensor, means: dict[str, Tensor]) -> dict[str, float]:
    table = {}
    for choice in product((True, False), repeat=len(features)):
        present = dict(zip(features, choice, strict=True))
        if not any(choice):
            continue
        inputs = {n: means[n].expand(len(x), -1).clone() for n, x in features.items()}
        for n in [n for n in features if present[n]]:
            rows = (features[n] == features[n]).all(dim=1)
            inputs[n][rows] = features[n][rows]
        table["+".join(n for n in features if present[n])] = (
            (torch.argmax(decide(inputs), -1) == labels).to(torch.float64).mean().item()
        )
    return table


def _filled(x, mean):
    return torch.where(x.isnan().any(dim=1, keepdim=True), mean, x)


def _accuracy(logits, labels):
    return (logits.argmax(dim=1) == labels).float().mean().item()


def _inputs(features, means, kept):
    return {n: _filled(x, means[n]) if n in kept else means[n].expand_as(x) for n, x in features.items()}


@wrong(
    "10.debug",
    "complete rows only, for every set",
    says=r"left out|complete|all rows|every row|no row|drop|row|number",
)
def report(decide, features, labels, means):
    complete = torch.stack([~x.isnan().any(dim=1) for x in features.values()]).all(dim=0)
    inputs = {n: x[complete] for n, x in features.items()}
    return {
        "+".join(kept): _accuracy(decide(_inputs(inputs, means, kept)), labels[complete]) for kept in _sets(features)
    }


@wrong(
    "10.debug",
    "rows left out that lack a kept modality",
    says=r"left out|complete|all rows|every row|no row|drop|row|number",
)
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        rows = torch.stack([~features[n].isnan().any(dim=1) for n in kept]).all(dim=0)
        inputs = {n: x[rows] for n, x in features.items()}
        result["+".join(kept)] = _accuracy(decide(_inputs(inputs, means, kept)), labels[rows])
    return result


@wrong("10.debug", "the full set alone", says=r"every|key|missing|combination|subset|non-empty|no accuracy for")
def report(decide, features, labels, means):
    return {"+".join(features): _accuracy(decide(_inputs(features, means, tuple(features))), labels)}


@wrong("10.debug", "the empty set included", says=r"empty|key|''|\"\"|non-empty|too many|extra")
def report(decide, features, labels, means):
    sets = [(), *_sets(features)]
    return {"+".join(kept): _accuracy(decide(_inputs(features, means, kept)), labels) for kept in sets}


@wrong("10.debug", "the full set missing", says=r"full|key|missing|all|every|set|image\+sound")
def report(decide, features, labels, means):
    sets = [kept for kept in _sets(features) if len(kept) < len(features)]
    return {"+".join(kept): _accuracy(decide(_inputs(features, means, kept)), labels) for kept in sets}


@wrong("10.debug", "single modalities alone", says=r"every|set|key|missing|combination|pair|subset|\+")
def report(decide, features, labels, means):
    return {n: _accuracy(decide(_inputs(features, means, (n,))), labels) for n in features}


@wrong("10.debug", "names in alphabetical order", says=r"order|key|sorted|name")
def report(decide, features, labels, means):
    return {
        "+".join(sorted(kept)): _accuracy(decide(_inputs(features, means, kept)), labels) for kept in _sets(features)
    }


@wrong("10.debug", "joined by a comma", says=r"\+|key|join|comma|name")
def report(decide, features, labels, means):
    return {",".join(kept): _accuracy(decide(_inputs(features, means, kept)), labels) for kept in _sets(features)}


@wrong("10.debug", "tuples as keys", says=r"\+|key|join|tuple|name|string|text")
def report(decide, features, labels, means):
    return {kept: _accuracy(decide(_inputs(features, means, kept)), labels) for kept in _sets(features)}


@wrong("10.debug", "single NaN replaced, the rest of the row kept", says=r"row|at least one|whole|entire|any|nan")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        inputs = {
            n: torch.where(x.isnan(), means[n], x) if n in kept else means[n].expand_as(x) for n, x in features.items()
        }
        result["+".join(kept)] = _accuracy(decide(inputs), labels)
    return result


@wrong("10.debug", "a row counts as missing only if all its numbers are NaN", says=r"row|at least one|any|nan|all")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        inputs = {}
        for n, x in features.items():
            lost = x.isnan().all(dim=1, keepdim=True)
            inputs[n] = torch.where(lost, means[n], x) if n in kept else means[n].expand_as(x)
        result["+".join(kept)] = _accuracy(decide(inputs), labels)
    return result


@wrong("10.debug", "NaN left in kept modalities", says=r"nan|row|lack|missing|mean|gap")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        inputs = {n: x if n in kept else means[n].expand_as(x) for n, x in features.items()}
        result["+".join(kept)] = _accuracy(decide(inputs), labels)
    return result


@wrong("10.debug", "NaN becomes zero", says=r"zero|\b0\b|mean|nan")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        inputs = {n: x.nan_to_num(0.0) if n in kept else means[n].expand_as(x) for n, x in features.items()}
        result["+".join(kept)] = _accuracy(decide(inputs), labels)
    return result


@wrong("10.debug", "zeros for the modalities outside the set", says=r"zero|\b0\b|mean|other")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        inputs = {n: _filled(x, means[n]) if n in kept else torch.zeros_like(x) for n, x in features.items()}
        result["+".join(kept)] = _accuracy(decide(inputs), labels)
    return result


@wrong(
    "10.debug",
    "only the kept modalities given to the model",
    says=r"all|every|others?|mean|missing|KeyError|left out|given",
)
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        inputs = {n: _filled(features[n], means[n]) for n in kept}
        result["+".join(kept)] = _accuracy(decide(inputs), labels)
    return result


@wrong("10.debug", "the mean of the given rows instead of the training mean", says=r"training|means|given|mean")
def report(decide, features, labels, means):
    means = {n: x[~x.isnan().any(dim=1)].mean(dim=0) for n, x in features.items()}
    return {"+".join(kept): _accuracy(decide(_inputs(features, means, kept)), labels) for kept in _sets(features)}


@wrong(
    "10.debug",
    "keys name the removed modalities",
    says=r"key|removed|kept|present|left|swap|exchanged|other|name|opposite",
)
def report(decide, features, labels, means):
    result = {}
    for removed in _sets(features):
        kept = tuple(n for n in features if n not in removed)
        result["+".join(removed)] = _accuracy(decide(_inputs(features, means, kept)), labels)
    return result


@wrong("10.debug", "in percent", says=r"percent|100|fraction|between 0|accuracy")
def report(decide, features, labels, means):
    return {"+".join(kept): 100 * _accuracy(decide(_inputs(features, means, kept)), labels) for kept in _sets(features)}


@wrong("10.debug", "error rates", says=r"error|1 -|accuracy|wrong|correct")
def report(decide, features, labels, means):
    return {"+".join(kept): 1 - _accuracy(decide(_inputs(features, means, kept)), labels) for kept in _sets(features)}


@wrong("10.debug", "names of the lesson written in", says=r"name|KeyError|key|dictionary|any|image")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(("image", "sound", "text")):
        result["+".join(kept)] = _accuracy(decide(_inputs(features, means, kept)), labels)
    return result


@wrong("10.debug", "the largest logit over the batch", says=r"\bdim\b|ax[ei]s|argmax|over the (rows|batch)")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        predicted = decide(_inputs(features, means, kept)).argmax(dim=0)
        result["+".join(kept)] = (predicted[labels] == labels).float().mean().item()
    return result


@wrong(
    "10.debug",
    "return inside the loop: sets of one modality",
    says=r"every|set|key|missing|combination|pair|subset|\+|loop",
)
def report(decide, features, labels, means):
    result = {}
    for size in range(1, len(features) + 1):
        for kept in combinations(features, size):
            result["+".join(kept)] = _accuracy(decide(_inputs(features, means, kept)), labels)
        return result


@wrong("10.debug", "rows with a gap count as errors", says=r"count(s|ed)? as|rows (with|that lack)|gap")
def report(decide, features, labels, means):
    result = {}
    for kept in _sets(features):
        correct = decide(_inputs(features, means, kept)).argmax(dim=1) == labels
        for n in kept:
            correct = correct & ~features[n].isnan().any(dim=1)
        result["+".join(kept)] = correct.float().mean().item()
    return result
