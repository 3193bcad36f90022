"""Learners' answers for lesson 11, a shared space: written from the lesson alone, without its checks."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from . import right, wrong


@right("11.1", "normalised rows, matrix product")
def similarities(one: Tensor, other: Tensor) -> Tensor:
    return F.normalize(one, dim=1) @ F.normalize(other, dim=1).T


@right("11.1", "the library's cosine with broadcast axes")
def similarities(one, other):
    return F.cosine_similarity(one[:, None], other[None], dim=-1)


@right("11.1", "two nested loops")
def similarities(one, other):
    def cosine(a, b):
        return a @ b / (a.norm() * b.norm())

    return torch.stack([torch.stack([cosine(a, b) for b in other]) for a in one])


@right("11.1", "products divided by the outer product of the norms")
def similarities(one, other, eps=1e-12):
    products = torch.einsum("ad,bd->ab", one, other)
    return products / torch.outer(one.norm(dim=1), other.norm(dim=1)).clamp(min=eps)


@right("11.1", "filled entry by entry")
def similarities(one, other):
    result = torch.empty(one.shape[0], other.shape[0])
    for i in range(one.shape[0]):
        for j in range(other.shape[0]):
            dot = (one[i] * other[j]).sum()
            result[i, j] = dot / (one[i].pow(2).sum().sqrt() * other[j].pow(2).sum().sqrt())
    return result


@right("11.1", "numpy and back")
def similarities(one, other):
    a, b = one.detach().numpy(), other.detach().numpy()
    a = a / np.linalg.norm(a, axis=1, keepdims=True)
    b = b / np.linalg.norm(b, axis=1, keepdims=True)
    return torch.from_numpy(a @ b.T)


@wrong("11.1", "dot products, norms forgotten", says=r"norm|unit|length")
def similarities(one, other):
    return one @ other.T


@wrong("11.1", "normalises along the batch", says=r"dim|axis|row|column|each feature")
def similarities(one, other):
    return F.normalize(one, dim=0) @ F.normalize(other, dim=0).T


@wrong("11.1", "only the queries are normalised", says=r"other|both|second|only one|candidate")
def similarities(one, other):
    return F.normalize(one, dim=1) @ other.T


@wrong("11.1", "only the candidates are normalised", says=r"\bone\b|both|first|quer")
def similarities(one, other):
    return one @ F.normalize(other, dim=1).T


@wrong("11.1", "row i with row i only", says=r"every|pair|row by row|same row|all|matrix|shape|size of tensor")
def similarities(one, other):
    return F.cosine_similarity(one, other, dim=1)


@wrong("11.1", "rows and columns exchanged", says=r"transpos|shape|exchang|swap|rows of")
def similarities(one, other):
    return F.normalize(other, dim=1) @ F.normalize(one, dim=1).T


@wrong("11.1", "one norm for the whole matrix", says=r"norm.*(each|row|whole|own)|(each|row|whole|own).*norm|dim")
def similarities(one, other):
    return (one / one.norm()) @ (other / other.norm()).T


@wrong("11.1", "square root forgotten in the norms", says=r"root|sqrt|squar|norm")
def similarities(one, other):
    return one @ other.T / (one.square().sum(1)[:, None] * other.square().sum(1))


@wrong("11.1", "one with itself", says=r"itself|other|second|same|shape")
def similarities(one, other):
    one = F.normalize(one, dim=1)
    return one @ one.T


@wrong("11.1", "softmax over the candidates", says=r"softmax|sum to 1|probabilit")
def similarities(one, other):
    return (F.normalize(one, dim=1) @ F.normalize(other, dim=1).T).softmax(dim=1)


@wrong("11.1", "absolute values", says=r"negativ|sign|opposite|absolute|-1|below 0")
def similarities(one, other):
    return (F.normalize(one, dim=1) @ F.normalize(other, dim=1).T).abs()


@wrong("11.1", "norm of absolute values instead of squares", says=r"norm|squar|p=1|absolute|euclid|l1")
def similarities(one, other):
    return F.normalize(one, dim=1, p=1) @ F.normalize(other, dim=1, p=1).T


@wrong("11.1", "squeezes the result", says=r"squeeze|shape|one row|single|\(1,|axis|axes")
def similarities(one, other):
    return (F.normalize(one, dim=1) @ F.normalize(other, dim=1).T).squeeze()


@wrong("11.1", "norms without keepdim", says=r"keepdim|broadcast|axis|shape|size|dim|row")
def similarities(one, other):
    return (one / one.norm(dim=1)) @ (other / other.norm(dim=1)).T


@wrong("11.1", "distances instead of cosines", says=r"distance|cosine|angle")
def similarities(one, other):
    return torch.cdist(F.normalize(one, dim=1), F.normalize(other, dim=1))


@wrong("11.1", "centres the rows first, a correlation", says=r"mean|cent|correlat|subtract")
def similarities(one, other):
    one, other = one - one.mean(dim=1, keepdim=True), other - other.mean(dim=1, keepdim=True)
    return F.normalize(one, dim=1) @ F.normalize(other, dim=1).T


@wrong("11.1", "divides by the width", says=r"norm|width|number of|unit|length")
def similarities(one, other):
    return one @ other.T / one.shape[1]


@wrong("11.1", "the second one's vectors squared in the norm", says=r"second modality are not divided|own norm")
def similarities(one, other):
    one = one / one.norm(dim=1, keepdim=True)
    return one @ (other / other.square().sum(dim=1, keepdim=True)).T


# 11.2


@right("11.2", "cross-entropy twice")
def symmetric_info_nce(cosines: Tensor, scale: float) -> Tensor:
    logits, target = scale * cosines, torch.arange(len(cosines))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@right("11.2", "diagonal of the log-softmax")
def symmetric_info_nce(cosines, scale):
    logits = cosines * scale
    return -(logits.log_softmax(0).diag() + logits.log_softmax(1).diag()).mean() / 2


@right("11.2", "logsumexp minus the positives")
def symmetric_info_nce(cosines, scale):
    logits = scale * cosines
    rows, columns = logits.logsumexp(dim=1), logits.logsumexp(dim=0)
    return ((rows + columns) / 2 - logits.diagonal()).mean()


@right("11.2", "loop over the pages")
def symmetric_info_nce(cosines, scale):
    total, B = 0.0, cosines.shape[0]
    for i in range(B):
        row = torch.log_softmax(scale * cosines[i], dim=0)[i]
        column = torch.log_softmax(scale * cosines[:, i], dim=0)[i]
        total = total - row - column
    return total / (2 * B)


@right("11.2", "nn.CrossEntropyLoss with the identity as target probabilities")
def symmetric_info_nce(cosines, scale, **options):
    loss, eye = nn.CrossEntropyLoss(**options), torch.eye(cosines.shape[0], dtype=cosines.dtype)
    return torch.stack([loss(part * scale, eye) for part in (cosines, cosines.t())]).mean()


@wrong("11.2", "rows only", says=r"column|both|symmetric|direction|transpos")
def symmetric_info_nce(cosines, scale):
    return F.cross_entropy(scale * cosines, torch.arange(len(cosines)))


@wrong("11.2", "columns only", says=r"row|both|symmetric|direction")
def symmetric_info_nce(cosines, scale):
    return F.cross_entropy(scale * cosines.T, torch.arange(len(cosines)))


@wrong("11.2", "sum of both directions", says=r"mean|average|half|twice|/ ?2|double|two")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    return F.cross_entropy(scale * cosines, target) + F.cross_entropy(scale * cosines.T, target)


@wrong("11.2", "divides by the scale, as if it were the temperature", says=r"temperature|divid|multipl|scale")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    return (F.cross_entropy(cosines / scale, target) + F.cross_entropy(cosines.T / scale, target)) / 2


@wrong("11.2", "the scale is not used", says=r"scale")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    return (F.cross_entropy(cosines, target) + F.cross_entropy(cosines.T, target)) / 2


@wrong("11.2", "sum over the pages", says=r"mean|average|sum|divid|batch")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    logits = scale * cosines
    return (F.cross_entropy(logits, target, reduction="sum") + F.cross_entropy(logits.T, target, reduction="sum")) / 2


@wrong("11.2", "softmax before the cross-entropy, which has its own", says=r"softmax|twice|logits")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    logits = scale * cosines
    return (F.cross_entropy(logits.softmax(1), target) + F.cross_entropy(logits.T.softmax(1), target)) / 2


@wrong("11.2", "the first sentence is correct for all", says=r"diagonal|arange|target|class|positive")
def symmetric_info_nce(cosines, scale):
    target = torch.zeros(len(cosines), dtype=torch.int64)
    logits = scale * cosines
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@wrong("11.2", "a float, no gradient can pass", says=r"gradient|item|tensor|float|detach|number")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    return ((F.cross_entropy(scale * cosines, target) + F.cross_entropy(scale * cosines.T, target)) / 2).item()


@wrong("11.2", "a new tensor from numbers, no gradient can pass", says=r"gradient|detach|item|graph")
def symmetric_info_nce(cosines, scale):
    losses = []
    for part in (cosines, cosines.T):
        losses.append(F.cross_entropy(scale * part, torch.arange(len(cosines))).item())
    return torch.tensor(losses).mean()


@wrong("11.2", "batches of three, as in the example by hand", says=r"batch|size|length|shape|len|hard|fixed|three")
def symmetric_info_nce(cosines, scale):
    target = torch.tensor([0, 1, 2])
    return (F.cross_entropy(scale * cosines, target) + F.cross_entropy(scale * cosines.T, target)) / 2


@wrong("11.2", "transposed and softmax over the other axis: the rows twice", says=r"column|both|direction|twice|row")
def symmetric_info_nce(cosines, scale):
    logits = scale * cosines
    rows = -logits.log_softmax(dim=1).diag().mean()
    columns = -logits.T.log_softmax(dim=0).diag().mean()
    return (rows + columns) / 2


@wrong("11.2", "the minus sign is missing", says=r"sign|negativ|minus|below 0")
def symmetric_info_nce(cosines, scale):
    logits = scale * cosines
    return (logits.log_softmax(1).diag().mean() + logits.log_softmax(0).diag().mean()) / 2


@wrong(
    "11.2", "exponentials overflow for a scale of 100", says=r"overflow|\binf|nan|finite|logsumexp|log_softmax|large"
)
def symmetric_info_nce(cosines, scale):
    e = torch.exp(scale * cosines)
    return -(torch.log(e.diag() / e.sum(1)) + torch.log(e.diag() / e.sum(0))).mean() / 2


@wrong("11.2", "the positive is left out of the denominator", says=r"denominator|positive|diagonal|all j|sum over")
def symmetric_info_nce(cosines, scale):
    logits = scale * cosines
    others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), float("-inf"))
    return ((others.logsumexp(1) + others.logsumexp(0)) / 2 - logits.diag()).mean()


@wrong("11.2", "the most similar counts as correct", says=r"diagonal|argmax|positive|target|largest|most similar")
def symmetric_info_nce(cosines, scale):
    logits = scale * cosines
    return (F.cross_entropy(logits, logits.argmax(1)) + F.cross_entropy(logits.T, logits.argmax(0))) / 2


@wrong("11.2", "multiplies the loss instead of the logits", says=r"scale|logits")
def symmetric_info_nce(cosines, scale):
    target = torch.arange(len(cosines))
    return scale * (F.cross_entropy(cosines, target) + F.cross_entropy(cosines.T, target)) / 2


@wrong("11.2", "the learned logarithm: exponential of the scale", says=r"exp|log|scale")
def symmetric_info_nce(cosines, scale):
    logits, target = math.exp(scale) * cosines, torch.arange(len(cosines))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@wrong("11.2", "logarithm of the mean probability", says=r"mean of|log|each|average")
def symmetric_info_nce(cosines, scale):
    logits = scale * cosines
    rows, columns = logits.softmax(1).diag().mean(), logits.softmax(0).diag().mean()
    return -(rows.log() + columns.log()) / 2


@wrong("11.2", "only the columns' loss is halved", says=r"weight 1\.00|mean|average")
def symmetric_info_nce(cosines, scale):
    targets = torch.arange(len(cosines))
    return F.cross_entropy(scale * cosines, targets) + F.cross_entropy(scale * cosines.T, targets) / 2


# 11.3


@right("11.3", "comparison, each row divided by its sum")
def target_probabilities(meanings: Tensor) -> Tensor:
    same = (meanings[:, None] == meanings[None]).float()
    return same / same.sum(dim=1, keepdim=True)


@right("11.3", "nested loops")
def target_probabilities(meanings):
    B = len(meanings)
    result = torch.zeros(B, B)
    for i in range(B):
        positives = [j for j in range(B) if meanings[j] == meanings[i]]
        for j in positives:
            result[i, j] = 1 / len(positives)
    return result


@right("11.3", "one-hot vectors of the distinct meanings")
def target_probabilities(meanings):
    _, inverse, counts = meanings.unique(return_inverse=True, return_counts=True)
    one_hot = F.one_hot(inverse).float()
    return one_hot @ (one_hot / counts).T


@right("11.3", "L1 normalisation")
def target_probabilities(meanings, eps=1e-12):
    return F.normalize(torch.eq(meanings.unsqueeze(0), meanings.unsqueeze(1)).to(torch.float32), p=1, dim=-1, eps=eps)


@right("11.3", "divided along the wrong axis, which is the same: the matrix is symmetric")
def target_probabilities(meanings):
    same = meanings[:, None] == meanings
    return same / same.sum(dim=1)


@right("11.3", "numpy and back")
def target_probabilities(meanings):
    values = meanings.numpy()
    same = np.equal.outer(values, values).astype(np.float32)
    return torch.from_numpy(same / same.sum(axis=1, keepdims=True))


@right("11.3", "softmax with -inf where the meaning differs")
def target_probabilities(meanings):
    different = meanings[:, None] != meanings[None, :]
    return torch.zeros(different.shape).masked_fill(different, -torch.inf).softmax(dim=1)


@wrong("11.3", "rows do not sum to 1", says=r"sum|divid|probabilit|normalis")
def target_probabilities(meanings):
    return (meanings[:, None] == meanings[None]).float()


@wrong("11.3", "booleans instead of probabilities", says=r"bool|probabilit|sum|float|dtype|divid")
def target_probabilities(meanings):
    return meanings[:, None] == meanings[None]


@wrong("11.3", "only the diagonal", says=r"same meaning|equal|duplicate|diagonal|identity|share|several")
def target_probabilities(meanings):
    return torch.eye(len(meanings))


@wrong("11.3", "divides by B", says=r"sum|batch|divid|positives|row")
def target_probabilities(meanings):
    return (meanings[:, None] == meanings[None]).float() / len(meanings)


@wrong("11.3", "divides by the sum of the whole matrix", says=r"row|whole|sum|all")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).float()
    return same / same.sum()


@wrong("11.3", "softmax of zeros and ones", says=r"softmax|0|different|other meaning")
def target_probabilities(meanings):
    return (meanings[:, None] == meanings[None]).float().softmax(dim=1)


@wrong("11.3", "integer division", says=r"integer|//|round|float|sum")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).long()
    return same // same.sum(dim=1, keepdim=True)


@wrong("11.3", "a page is no positive of itself", says=r"itself|\bown|diagonal")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).float().fill_diagonal_(0)
    return same / same.sum(dim=1, keepdim=True)


@wrong("11.3", "batches of four", says=r"batch|size|length|shape|len|index|hard|fixed|bounds")
def target_probabilities(meanings):
    result = torch.zeros(4, 4)
    for i in range(4):
        for j in range(4):
            result[i, j] = meanings[i] == meanings[j]
    return result / result.sum(dim=1, keepdim=True)


@wrong("11.3", "one column for each distinct meaning", says=r"shape|column|\(B, B\)|example|square|each")
def target_probabilities(meanings):
    return F.one_hot(meanings.unique(return_inverse=True)[1]).float()


@wrong(
    "11.3", "compares the vector with itself, no second axis", says=r"shape|axis|None|broadcast|\(B, B\)|matrix|pair"
)
def target_probabilities(meanings):
    same = (meanings == meanings.T).float()
    return same / same.sum()


@wrong("11.3", "similar numbers count as similar meanings", says=r"equal|same|differ|==|close|near|distance")
def target_probabilities(meanings):
    return (-(meanings[:, None] - meanings[None]).abs().float()).softmax(dim=1)


@wrong("11.3", "returns after the first row", says=r"shape|row|loop|return|every|each")
def target_probabilities(meanings):
    for meaning in meanings:
        same = (meanings == meaning).float()
        return same / same.sum()


@wrong("11.3", "only neighbours are compared", says=r"neighbour|every|all|same meaning|equal|apart|positions")
def target_probabilities(meanings):
    same = torch.eye(len(meanings))
    for i in range(1, len(meanings)):
        if meanings[i] == meanings[i - 1]:
            same[i, i - 1] = same[i - 1, i] = 1
    return same / same.sum(dim=1, keepdim=True)


@wrong("11.3", "squeezed at the end", says=r"squeeze|batch of one|size 1")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).float()
    return (same / same.sum(dim=1, keepdim=True)).squeeze()


# 11.4


@right("11.4", "counts better ones and ties")
def my_ranks(similarities: Tensor, correct: Tensor) -> Tensor:
    own = similarities.gather(1, correct[:, None])
    higher, equal = (similarities > own).sum(dim=1), (similarities == own).sum(dim=1)
    return 1 + higher + (equal - 1) / 2


@right("11.4", "loop over queries and candidates")
def my_ranks(similarities, correct):
    ranks = []
    for row, index in zip(similarities.tolist(), correct.tolist()):
        rank = 1.0
        for j, value in enumerate(row):
            if value > row[index]:
                rank += 1
            elif value == row[index] and j != index:
                rank += 0.5
        ranks.append(rank)
    return torch.tensor(ranks)


@right("11.4", "mean of the best and the worst rank")
def my_ranks(similarities, correct):
    own = similarities[torch.arange(len(correct)), correct].unsqueeze(1)
    best = 1 + (similarities > own).sum(1)
    worst = (similarities >= own).sum(1)
    return (best + worst).float() / 2


@right("11.4", "sorted rows and a binary search from both sides")
def my_ranks(similarities, correct):
    rows = (-similarities).sort(dim=1).values
    own = -similarities.gather(1, correct[:, None])
    first, last = (torch.searchsorted(rows, own, side=side)[:, 0] for side in ("left", "right"))
    return (first + 1 + last).double() / 2


@right("11.4", "average ranks of scipy")
def my_ranks(similarities, correct):
    ranks = stats.rankdata(-similarities.numpy(), method="average", axis=1)
    return torch.from_numpy(ranks[np.arange(len(correct)), correct.numpy()])


@right("11.4", "a sign matrix")
def my_ranks(similarities, correct):
    own = torch.stack([row[c] for row, c in zip(similarities, correct)])
    return ((similarities - own[:, None]).sign() + 1).sum(dim=1) / 2 + 0.5


@wrong("11.4", "ties do not count", says=r"tie|equal|half|same similarity")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return 1.0 + (similarities > own).sum(dim=1)


@wrong("11.4", "ties count in full", says=r"tie|equal|half|same similarity")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return (similarities >= own).sum(dim=1).float()


@wrong("11.4", "the correct candidate is a tie with itself", says=r"itself|own|0\.5|half|correct one")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return 1 + (similarities > own).sum(dim=1) + (similarities == own).sum(dim=1) / 2


@wrong("11.4", "ranks from 0", says=r"\b1\b|zero|from 0|one too|off by")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2


@wrong(
    "11.4",
    "the least similar has rank 1",
    says=r"ascending|descending|order|larger|higher|lowest|least|most similar|less",
)
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return 1 + (similarities < own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2


@wrong("11.4", "position after a sort, in the original order of ties", says=r"tie|equal|half|sort|same similarity")
def my_ranks(similarities, correct):
    order = similarities.argsort(dim=1, descending=True, stable=True)
    return (order == correct[:, None]).float().argmax(dim=1) + 1.0


@wrong("11.4", "query i belongs to candidate i", says=r"correct|diagonal|index")
def my_ranks(similarities, correct):
    own = similarities.diag()[:, None]
    return 1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2


@wrong("11.4", "counts along the queries", says=r"dim|axis|row|column|quer|candidate|shape")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return 1 + (similarities > own).sum(dim=0) + ((similarities == own).sum(dim=0) - 1) / 2


@wrong("11.4", "ties halved by integer division", says=r"integer|half|//|round|tie|0\.5|\.5")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return 1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) // 2


@wrong("11.4", "squeezes the result", says=r"squeeze|shape|one query|single|\(1,")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return (1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2).squeeze()


@wrong("11.4", "nearly equal similarities are ties", says=r"exact|close|near|toleran|tie|equal")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    equal = torch.isclose(similarities, own, atol=1e-3)
    return 1 + ((similarities > own) & ~equal).sum(dim=1) + (equal.sum(dim=1) - 1) / 2


@wrong(
    "11.4", "sorts once: the candidate at that position, no rank", says=r"rank|position|argsort|sort|index|tie|twice"
)
def my_ranks(similarities, correct):
    order = similarities.argsort(dim=1, descending=True)
    return order[torch.arange(len(correct)), correct] + 1.0


@wrong("11.4", "one mean rank for all queries", says=r"shape|each query|mean|every query|one rank|scalar|axes")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return (1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2).mean()


@wrong("11.4", "the row of another query is looked up", says=r"row|correct|index|similarit|shape|column|gather")
def my_ranks(similarities, correct):
    own = similarities[correct]
    return 1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2


@wrong("11.4", "all correct columns for every query", says=r"gather|index|shape|column|own|correct")
def my_ranks(similarities, correct):
    own = similarities[:, correct]
    return 1.0 + (similarities[:, None] > own[..., None]).sum(dim=2)


@wrong("11.4", "returns after the first query", says=r"shape|loop|return|each query|every|first|float|tensor|number")
def my_ranks(similarities, correct):
    for row, c in zip(similarities, correct):
        return 1 + (row > row[c]).sum() + ((row == row[c]).sum() - 1) / 2


@wrong("11.4", "ranks rounded to whole numbers", says=r"\bround(ed|ing)\b|whole number|integer")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return (1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2).round().long()


# 11.5


@right("11.5", "normalise, einsum, maximum, argmax")
def zero_shot(images: Tensor, prompts: Tensor) -> Tensor:
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.amax(dim=2).argmax(dim=1)


@right("11.5", "flat prompts, index divided by their number; image norms cannot matter")
def zero_shot(images, prompts):
    K, P, D = prompts.shape
    flat = F.normalize(prompts.reshape(K * P, D), dim=1)
    return torch.div((images @ flat.T).argmax(dim=1), P, rounding_mode="floor")


@right("11.5", "loops over images and classes")
def zero_shot(images, prompts):
    answer = []
    for image in images:
        best = [F.cosine_similarity(image[None], of_class, dim=1).max().item() for of_class in prompts]
        answer.append(max(range(len(best)), key=best.__getitem__))
    return torch.tensor(answer)


@right("11.5", "the library's cosine with broadcast axes")
def zero_shot(images, prompts):
    cosines = F.cosine_similarity(images[:, None, None], prompts[None], dim=-1)
    return cosines.max(dim=-1).values.max(dim=-1).indices


@right("11.5", "smallest distance of unit vectors")
def zero_shot(images, prompts):
    one, other = F.normalize(images, dim=-1), F.normalize(prompts, dim=-1).flatten(0, 1)
    return torch.cdist(one, other).unflatten(1, prompts.shape[:2]).amin(dim=2).argmin(dim=1)


@right("11.5", "numpy and back")
def zero_shot(images, prompts):
    x, p = images.numpy(), prompts.numpy()
    p = p / np.linalg.norm(p, axis=-1, keepdims=True)
    return torch.from_numpy(np.tensordot(x, p, axes=(1, 2)).max(axis=2).argmax(axis=1))


@wrong("11.5", "prompts are not normalised", says=r"norm|unit|length")
def zero_shot(images, prompts):
    return (F.normalize(images, dim=1) @ prompts.flatten(0, 1).T).argmax(dim=1) // prompts.shape[1]


@wrong("11.5", "mean cosine of a class", says=r"mean|average|best|maxim|nearest")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.mean(dim=2).argmax(dim=1)


@wrong("11.5", "one mean vector for each class", says=r"mean|average|best|maxim|nearest")
def zero_shot(images, prompts):
    classes = F.normalize(F.normalize(prompts, dim=2).mean(dim=1), dim=1)
    return (F.normalize(images, dim=1) @ classes.T).argmax(dim=1)


@wrong("11.5", "number of the prompt instead of the class", says=r"prompt|//|divid|class|index")
def zero_shot(images, prompts):
    return (F.normalize(images, dim=1) @ F.normalize(prompts.flatten(0, 1), dim=1).T).argmax(dim=1)


@wrong("11.5", "remainder instead of quotient", says=r"%|remainder|//|class|phrasing|within|prompt")
def zero_shot(images, prompts):
    return (F.normalize(images, dim=1) @ F.normalize(prompts.flatten(0, 1), dim=1).T).argmax(dim=1) % prompts.shape[1]


@wrong(
    "11.5",
    "divides by the number of classes",
    says=r"//|number of (classes|prompts)|\bP\b|\bK\b|prompts (per|of)|shape|divid",
)
def zero_shot(images, prompts):
    return (F.normalize(images, dim=1) @ F.normalize(prompts.flatten(0, 1), dim=1).T).argmax(dim=1) // prompts.shape[0]


@wrong("11.5", "sixteen prompts, as in the lesson", says=r"16|sixteen|number of|hard|fixed|shape|\bP\b|divid|prompts")
def zero_shot(images, prompts):
    return (F.normalize(images, dim=1) @ F.normalize(prompts.flatten(0, 1), dim=1).T).argmax(dim=1) // 16


@wrong("11.5", "normalises along the prompts of a class", says=r"dim|axis|norm|feature")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=1))
    return cosines.amax(dim=2).argmax(dim=1)


@wrong("11.5", "the least similar class", says=r"least|smallest|argmin|min|farthest|nearest|opposite|largest")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.amax(dim=2).argmin(dim=1)


@wrong(
    "11.5",
    "the class whose worst prompt is best",
    says=r"worst|min|best|maxim|nearest|every prompt|all prompts|smallest|lowest",
)
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.amin(dim=2).argmax(dim=1)


@wrong("11.5", "the cosine instead of the class", says=r"index|indices|argmax|class|integer|int64|dtype")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.amax(dim=2).amax(dim=1)


@wrong("11.5", "squeezes the result", says=r"squeeze|shape|one image|single|\(1,")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2)).squeeze()
    return cosines.amax(dim=-1).argmax(dim=-1)


@wrong("11.5", "prompts flattened in the order of phrasings", says=r"order|transpos|flatten|reshape|class|//|%")
def zero_shot(images, prompts):
    flat = F.normalize(prompts.transpose(0, 1).flatten(0, 1), dim=1)
    return (F.normalize(images, dim=1) @ flat.T).argmax(dim=1) // prompts.shape[1]


@wrong("11.5", "distance of vectors that are not normalised", says=r"norm|unit|length|cosine|distance")
def zero_shot(images, prompts):
    return torch.cdist(images, prompts.flatten(0, 1)).argmin(dim=1) // prompts.shape[1]


@wrong("11.5", "only the first prompt of each class", says=r"first|all|every|best|prompts|other|nearest")
def zero_shot(images, prompts):
    return (images @ F.normalize(prompts[:, 0], dim=1).T).argmax(dim=1)


@wrong("11.5", "images normalised along the batch", says=r"dim|axis|batch|other images|norm|each image")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=0), F.normalize(prompts, dim=2))
    return cosines.amax(dim=2).argmax(dim=1)


@wrong("11.5", "a vote of the phrasings", says=r"vote|best|nearest|mean|single|each phrasing|majority|most")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.argmax(dim=1).mode(dim=1).values


@wrong("11.5", "one class for the whole batch", says=r"each image|shape|every image|dim|batch|axis")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.amax(dim=(0, 2)).argmax(dim=0)


@wrong("11.5", "prompts squeezed", says=r"squeeze|size 1|dimension|Dimension")
def zero_shot(images, prompts):
    table = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return table.squeeze().amax(dim=2).argmax(dim=1)


# 11.debug


def both_directions(logits: Tensor) -> Tensor:
    targets = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


def unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=1)


@right("11.debug", "logarithm of the scale as a parameter")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        logits = self.log_scale.exp() * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T
        targets = torch.arange(len(one), device=one.device)
        return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


@right("11.debug", "softplus of a parameter, cosine by the library")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.raw = nn.Parameter(torch.full((1,), 14.0))

    def forward(self, one, other):
        return both_directions(F.softplus(self.raw) * F.cosine_similarity(one[:, None], other[None], dim=2))


@right("11.debug", "learned logarithm of the temperature")
class Fixed(nn.Module):
    def __init__(self, temperature=0.07):
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature)))

    def forward(self, one, other):
        one, other = one / one.norm(dim=1, keepdim=True), other / other.norm(dim=1, keepdim=True)
        logits = one @ other.T / torch.exp(self.log_temperature)
        rows = logits.diag() - logits.logsumexp(dim=1)
        columns = logits.diag() - logits.logsumexp(dim=0)
        return -(rows.mean() + columns.mean()) / 2


@right("11.debug", "limited to 100, as in CLIP")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.logit_scale = nn.Parameter(torch.ones([]) * math.log(14))

    def forward(self, one, other):
        scale = self.logit_scale.exp().clamp(max=100)
        return both_directions(scale * (unit(one) @ unit(other).T))


class Exponential(nn.Module):
    def forward(self, x):
        return x.exp()

    def right_inverse(self, x):
        return x.log()


@right("11.debug", "a parametrised scale")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(14.0))
        register_parametrization(self, "scale", Exponential())

    def forward(self, one, other):
        return both_directions(self.scale * torch.einsum("id,jd->ij", unit(one), unit(other)))


@wrong("11.debug", "nothing changed", says=r"norm|scale|parameter")
class Fixed(nn.Module):
    def forward(self, one, other):
        return both_directions(one @ other.T / one.shape[1])


@wrong("11.debug", "normalised, no scale", says=r"scale|parameter")
class Fixed(nn.Module):
    def forward(self, one, other):
        return both_directions(unit(one) @ unit(other).T)


@wrong("11.debug", "a scale, norms still matter", says=r"norm|unit|length")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(14.0).log())

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * one @ other.T / one.shape[1])


@wrong("11.debug", "a constant scale of 14", says=r"parameter|learn")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 14

    def forward(self, one, other):
        return both_directions(self.scale * unit(one) @ unit(other).T)


@wrong("11.debug", "a tensor with gradient, but no parameter", says=r"parameter")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = torch.tensor(math.log(14), requires_grad=True)

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * unit(one) @ unit(other).T)


@wrong("11.debug", "the scale can become negative", says=r"positive|negative|sign|log|exp|below 0")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(14.0))

    def forward(self, one, other):
        return both_directions(self.scale * unit(one) @ unit(other).T)


@wrong("11.debug", "the exponential is forgotten: it starts at 2.6", says=r"start|14|exp|begin|initial|first")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return both_directions(self.log_scale * unit(one) @ unit(other).T)


@wrong("11.debug", "the scale starts at 1", says=r"start|14|begin|initial|first")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * unit(one) @ unit(other).T)


@wrong("11.debug", "divides by 14", says=r"divid|temperature|14|start|multipl|1/14|inverse")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return both_directions(unit(one) @ unit(other).T / self.log_scale.exp())


@wrong(
    "11.debug", "still divides by the width", says=r"width|divid|features|shape\[1\]|initial scale|starts? (at|near)"
)
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * unit(one) @ unit(other).T / one.shape[1])


@wrong("11.debug", "normalises along the batch", says=r"dim|axis|norm|row|batch")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * F.normalize(one, dim=0) @ F.normalize(other, dim=0).T)


@wrong("11.debug", "rows only", says=r"direction|both|column|symmetric|transpos")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        logits = self.log_scale.exp() * unit(one) @ unit(other).T
        return F.cross_entropy(logits, torch.arange(len(one)))


@wrong("11.debug", "a float from the parameter: the scale does not learn", says=r"gradient|learn|item|detach|parameter")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return both_directions(math.exp(self.log_scale.item()) * unit(one) @ unit(other).T)


@wrong("11.debug", "normalised without gradients: the towers do not learn", says=r"gradient|detach|no_grad|graph")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        with torch.no_grad():
            one, other = unit(one), unit(other)
        return both_directions(self.log_scale.exp() * one @ other.T)


@wrong("11.debug", "sum of both directions", says=r"mean|average|half|twice|/ ?2|sum|double")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return 2 * both_directions(self.log_scale.exp() * unit(one) @ unit(other).T)


@wrong("11.debug", "batches of 128", says=r"batch|size|length|shape|len|128|hard|fixed")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        logits, targets = self.log_scale.exp() * unit(one) @ unit(other).T, torch.arange(128)
        return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


@wrong("11.debug", "a new parameter in every call", says=r"parameter|learn|forward|every call|__init__|found")
class Fixed(nn.Module):
    def forward(self, one, other):
        log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())
        return both_directions(log_scale.exp() * unit(one) @ unit(other).T)


@wrong("11.debug", "one norm for the whole batch", says=r"norm|each|row|dim|own")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        one, other = one / one.norm(dim=1).mean(), other / other.norm(dim=1).mean()
        return both_directions(self.log_scale.exp() * one @ other.T)


@wrong("11.debug", "only the first input is normalised", says=r"norm|other|second|both")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * unit(one) @ other.T)


# Answers whose message once blamed something else, or showed an example alone


@wrong("11.1", "norm 5 of the example", says=r"own norm")
def similarities(one, other):
    return (one / 5) @ (other / 5).T


@wrong("11.1", "negative cosines cut off", says=r"negative")
def similarities(one, other):
    return (F.normalize(one, dim=1) @ F.normalize(other, dim=1).T).clamp(min=0)


@wrong("11.1", "normalised after the product", says=r"rows of the product")
def similarities(one, other):
    return F.normalize(one @ other.T, dim=1)


@wrong("11.1", "norms on swapped axes", says=r"\(B, A\)|other vectors")
def similarities(one, other):
    norms = torch.outer(other.norm(dim=1), one.norm(dim=1))
    return one @ other.T / norms.reshape(len(one), len(other))


@wrong("11.2", "rows and columns joined into one softmax", says=r"one softmax")
def symmetric_info_nce(cosines, scale):
    logits = torch.cat([scale * cosines, scale * cosines.T], dim=1)
    return F.cross_entropy(logits, torch.arange(len(cosines)))


@wrong("11.2", "batch of three", says=r"first 3")
def symmetric_info_nce(cosines, scale):
    labels = torch.tensor([0, 1, 2])
    return (F.cross_entropy(scale * cosines[:3, :3], labels) + F.cross_entropy(scale * cosines[:3, :3].T, labels)) / 2


@wrong("11.3", "compares neighbours", says=r"neighbours")
def target_probabilities(meanings):
    _, index, counts = meanings.unique_consecutive(return_inverse=True, return_counts=True)
    same = (index[:, None] == index).float()
    return same / counts[index][:, None]


@wrong("11.3", "half for the example, half for the others", says=r"half")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).float()
    others = same - torch.eye(len(meanings))
    n = others.sum(dim=1, keepdim=True)
    return torch.where(n > 0, 0.5 * torch.eye(len(meanings)) + 0.5 * others / n.clamp(min=1), torch.eye(len(meanings)))


@wrong("11.3", "divided by the number of distinct meanings", says=r"number of different meanings")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).float()
    return same / len(meanings.unique())


@wrong("11.3", "sum without keepdim over the wrong matrix", says=r"divided by B")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).float()
    return same.sum(dim=1, keepdim=True) / len(meanings) * same


@wrong("11.3", "earlier examples alone", says=r"later examples")
def target_probabilities(meanings):
    n = len(meanings)
    result = torch.zeros(n, n)
    for i in range(n):
        for j in range(i + 1):
            if meanings[i] == meanings[j]:
                result[i, j] = 1
        result[i] /= result[i].sum()
    return result


@wrong("11.3", "uniform over the batch", says=r"1/B")
def target_probabilities(meanings):
    return torch.full((len(meanings), len(meanings)), 1 / len(meanings))


@wrong("11.3", "first match only", says=r"first example")
def target_probabilities(meanings):
    same = (meanings[:, None] == meanings[None]).int()
    return F.one_hot(same.argmax(dim=1), len(meanings)).float()


@wrong("11.4", "queries compared", says=r"over the queries")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    greater = (similarities > own).sum(dim=0)
    equal = (similarities == own).sum(dim=0) - 1
    return (1 + greater + equal / 2)[correct]


@wrong("11.4", "nearly equal counts as tie", says=r"nearly equal")
def my_ranks(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    tied = torch.isclose(similarities, own, rtol=1e-3, atol=1e-3)
    return 1 + ((similarities > own) & ~tied).sum(dim=1) + (tied.sum(dim=1) - 1) / 2


@wrong("11.4", "distinct values counted", says=r"count once")
def my_ranks(similarities, correct):
    ranks = []
    for row, c in zip(similarities, correct):
        tied = (row == row[c]).sum() - 1
        ranks.append(1 + (row.unique() > row[c]).sum() + tied / 2)
    return torch.stack(ranks)


@wrong("11.4", "rows selected instead of entries", says=r"correct\[0\]")
def my_ranks(similarities, correct):
    own = similarities[:, correct][:, :1]
    return 1 + (similarities > own).sum(dim=1) + ((similarities == own).sum(dim=1) - 1) / 2


@wrong("11.5", "farthest prompt", says=r"farthest")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    return cosines.amin(dim=2).argmin(dim=1)


@wrong("11.5", "summed probabilities", says=r"softmax")
def zero_shot(images, prompts):
    cosines = torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), F.normalize(prompts, dim=2))
    probabilities = cosines.flatten(1).softmax(dim=1).unflatten(1, cosines.shape[1:])
    return probabilities.sum(dim=2).argmax(dim=1)


@wrong("11.5", "one norm per class", says=r"common norm")
def zero_shot(images, prompts):
    scaled = prompts / prompts.flatten(1).norm(dim=1)[:, None, None]
    return torch.einsum("bd,kpd->bkp", F.normalize(images, dim=1), scaled).amax(dim=2).argmax(dim=1)


@wrong("11.debug", "layer normalisation", says=r"no cosines.*layer norm")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        one, other = (F.layer_norm(x, x.shape[1:]) for x in (one, other))
        return both_directions(self.log_scale.exp() * one @ other.T)


@wrong("11.debug", "a frozen parameter", says=r"requires_grad=False")
class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log(), requires_grad=False)

    def forward(self, one, other):
        return both_directions(self.log_scale.exp() * unit(one) @ unit(other).T)
