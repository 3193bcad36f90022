"""Exercises 11.1 to 11.5 on correct answers and on the wrong ones that people give."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmcourse.exercises import checks


def unit(x, dim=1):
    return x / x.norm(dim=dim, keepdim=True)


def cosines(one, other):
    return unit(one) @ unit(other).T


def cosines_by_numbers(one, other):
    table = torch.zeros(len(one), len(other))
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i, j] = (a * b).sum() / ((a * a).sum() ** 0.5 * (b * b).sum() ** 0.5)
    return table


def test_similarities(judged):
    judged(
        "11.1",
        {
            "norm": cosines,
            "normalize": lambda a, b: F.normalize(a, dim=1) @ F.normalize(b, dim=1).T,
            "PyTorch's": lambda a, b: F.cosine_similarity(a[:, None], b[None], dim=2),
            "numbers": cosines_by_numbers,
            "no gradient": lambda a, b: cosines(a.detach(), b).detach(),
            "afterwards": lambda a, b: (a @ b.T) / torch.outer(a.norm(dim=1), b.norm(dim=1)),
            "einsum": lambda a, b: torch.einsum("ad,bd->ab", a, b) / a.norm(dim=1)[:, None] / b.norm(dim=1),
        },
        {
            "bare products": (lambda a, b: a @ b.T, "the norms still matter: divide every vector by its"),
            "first only": (lambda a, b: unit(a) @ b.T, "only the first modality's vectors"),
            "second only": (lambda a, b: a @ unit(b).T, "only the second modality's vectors"),
            "over the batch": (lambda a, b: unit(a, 0) @ unit(b, 0).T, "over the batch (`dim=0`)"),
            "default of normalize": (lambda a, b: F.normalize(a, dim=0) @ F.normalize(b, dim=0).T, None),
            "whole table": (
                lambda a, b: (a @ b.T) / (a.norm() * b.norm()),
                "the products are divided by the norm of all",
            ),
            "no root": (
                lambda a, b: (a / (a * a).sum(1, keepdim=True)) @ (b / (b * b).sum(1, keepdim=True)).T,
                "each vector is divided by the square of its norm",
            ),
            "by the sum": (
                lambda a, b: (a / a.sum(1, keepdim=True)) @ (b / b.sum(1, keepdim=True)).T,
                "each vector is divided by the sum of its entries",
            ),
            "p=1": (
                lambda a, b: F.normalize(a, p=1, dim=1) @ F.normalize(b, p=1, dim=1).T,
                "each vector is divided by the sum of its absolute",
            ),
            "softmax": (
                lambda a, b: a.softmax(1) @ b.softmax(1).T,
                "a softmax makes entries that sum to 1, not vectors",
            ),
            "root of D": (
                lambda a, b: (a @ b.T) / a.shape[1] ** 0.5,
                "that is the square root of D from attention; here",
            ),
            "by D": (lambda a, b: (a @ b.T) / a.shape[1], "divided by the number of features"),
            "distances": (lambda a, b: torch.cdist(unit(a), unit(b)), "those are distances"),
            "correlation": (
                lambda a, b: cosines(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)),
                "that is the correlation",
            ),
            "turned": (lambda a, b: cosines(b, a), None),
            "not turned": (lambda a, b: unit(a) @ unit(b), None),
            "no keepdim": (lambda a, b: (a / a.norm(dim=1)) @ (b / b.norm(dim=1)).T, None),
            "with a floor": (
                lambda a, b: (a / (a.norm(dim=1, keepdim=True) + 1e-3)) @ (b / b.norm(dim=1, keepdim=True)).T,
                None,
            ),
            "pairs only": (
                lambda a, b: F.cosine_similarity(a, b, dim=1),
                "compares row by row; a matrix of all pairs",
            ),
            "minus distances": (lambda a, b: -torch.cdist(unit(a), unit(b)), None),
            "raw distances": (lambda a, b: torch.cdist(a, b), None),
            "1 minus": (lambda a, b: 1 - cosines(a, b), "1 minus the cosine"),
            "angles": (lambda a, b: cosines(a, b).clamp(-1, 1).acos(), "those are angles"),
            "sizes": (lambda a, b: cosines(a, b).abs(), "the signs are lost"),
            "softmax of cosines": (
                lambda a, b: cosines(a, b).softmax(1),
                "a softmax is applied to the cosines; return them",
            ),
            "softmax of products": (lambda a, b: (a @ b.T).softmax(1), "a softmax of the products"),
            "half": (lambda a, b: cosines(a.half(), b.half()), "is something rounded, converted to `half` or"),
            "bfloat16": (lambda a, b: cosines(a.bfloat16(), b.bfloat16()), None),
            "half, and back": (lambda a, b: cosines(a, b).half().float(), None),
            "list": (lambda a, b: cosines(a, b).tolist(), "returned a list"),
        },
    )


def contrastive(cosines, scale):
    targets = torch.arange(len(cosines))
    return (F.cross_entropy(scale * cosines, targets) + F.cross_entropy(scale * cosines.T, targets)) / 2


def contrastive_by_numbers(cosines, scale):
    logits, total = scale * cosines, 0.0
    for i in range(len(logits)):
        total = total - logits[i, i] + torch.logsumexp(logits[i], 0)
        total = total - logits[i, i] + torch.logsumexp(logits[:, i], 0)
    return total / (2 * len(logits))


def bare_softmax(cosines, scale):
    p, q = (scale * cosines).exp(), (scale * cosines).exp()
    p, q = p / p.sum(1, keepdim=True), q / q.sum(0, keepdim=True)
    return -(p.diagonal().log().mean() + q.diagonal().log().mean()) / 2


def rows(logits):
    return F.cross_entropy(logits, torch.arange(len(logits)))


def off_by(cosines, scale, step):
    targets = (torch.arange(len(cosines)) + step) % len(cosines)
    return (F.cross_entropy(scale * cosines, targets) + F.cross_entropy(scale * cosines.T, targets)) / 2


@pytest.mark.filterwarnings("error")
def test_symmetric_info_nce(judged):
    judged(
        "11.2",
        {
            "cross-entropy": contrastive,
            "numbers": contrastive_by_numbers,
            "log_softmax": lambda c, s: -0.5 * ((s * c).log_softmax(1) + (s * c).log_softmax(0)).diagonal().mean(),
            "trace": lambda c, s: -((s * c).log_softmax(1).trace() + (s * c).log_softmax(0).trace()) / (2 * len(c)),
            "eye as a target": lambda c, s: (
                (F.cross_entropy(s * c, torch.eye(len(c))) + F.cross_entropy(s * c.T, torch.eye(len(c)))) / 2
            ),
        },
        {
            "rows": (lambda c, s: rows(s * c), "only the rows are used (each image classifies"),
            "columns": (lambda c, s: rows(s * c.T), "only the columns are used (each sentence"),
            "same rows twice": (lambda c, s: (rows(s * c) + rows(s * c)) / 2, None),
            "added": (lambda c, s: rows(s * c) + rows(s * c.T), "the two directions are added"),
            "no scale": (lambda c, s: contrastive(c, 1), "the scale is missing: the logits are `scale *"),
            "divided": (lambda c, s: contrastive(c, 1 / s), "the cosines are divided by the scale"),
            "no minus": (lambda c, s: -contrastive(c, s), "the sign is wrong: the logarithm of a probability"),
            "sum": (lambda c, s: len(c) * contrastive(c, s), "the loss is summed over the batch; take the mean"),
            "sum of both": (lambda c, s: 2 * len(c) * contrastive(c, s), "summed over the batch and both"),
            "one softmax": (
                lambda c, s: -(s * c).flatten().softmax(0).view_as(c).diagonal().log().mean(),
                "one softmax over the whole matrix; use one for",
            ),
            "mean of all": (
                lambda c, s: -((s * c).log_softmax(1).mean() + (s * c).log_softmax(0).mean()) / 2,
                "the mean is taken over the whole matrix; only the",
            ),
            "softmax twice": (
                lambda c, s: (rows((s * c).softmax(1)) + rows((s * c.T).softmax(1))) / 2,
                "the softmax is applied twice: `F.cross_entropy`",
            ),
            "mean first": (
                lambda c, s: (
                    -((s * c).softmax(1).diagonal().mean().log() + (s * c).softmax(0).diagonal().mean().log()) / 2
                ),
                "taken before the logarithm",
            ),
            "no log": (
                lambda c, s: 1 - ((s * c).softmax(1) + (s * c).softmax(0)).diagonal().mean() / 2,
                "the logarithm is missing",
            ),
            "zeros": (
                lambda c, s: (
                    (
                        F.cross_entropy(s * c, torch.zeros(len(c)).long())
                        + F.cross_entropy(s * c.T, torch.zeros(len(c)).long())
                    )
                    / 2
                ),
                "the target is 0 for every row",
            ),
            "base 2": (lambda c, s: contrastive(c, s) / math.log(2), "the logarithm has base 2; use the natural one"),
            "by ln B": (lambda c, s: contrastive(c, s) / math.log(len(c)), "divided by ln(B)"),
            "bare exp": (bare_softmax, "exp(100) is too large for a float. `log_softmax`"),
            "one on": (lambda c, s: off_by(c, s, 1), "off by one"),
            "one back": (lambda c, s: off_by(c, s, -1), None),
            "from 1": (lambda c, s: F.cross_entropy(s * c, torch.arange(len(c)) + 1), "targets count from 0"),
            "scale on rows": (
                lambda c, s: (rows(s * c) + rows(c.T)) / 2,
                "the scale is missing for the columns: compute",
            ),
            "scale on columns": (
                lambda c, s: (rows(c) + rows(s * c.T)) / 2,
                "the scale is missing for the rows: compute `logits",
            ),
            "scale on the loss": (lambda c, s: s * contrastive(c, 1), "the scale multiplies the loss"),
            "exp of the scale": (lambda c, s: contrastive(c, math.exp(s)), "exp of the scale"),
            "nll of shares": (
                lambda c, s: (
                    F.nll_loss((s * c).softmax(1), torch.arange(len(c))) / 2
                    + F.nll_loss((s * c.T).softmax(1), torch.arange(len(c))) / 2
                ),
                "a logarithm is missing",
            ),
            "symmetrised": (
                lambda c, s: contrastive((c + c.T) / 2, s),
                "rows and columns are averaged before the softmax",
            ),
            "something else": (lambda c, s: contrastive(c, s) + 0.3, "at scale 2 it returned "),
            "made anew": (lambda c, s: torch.tensor(contrastive(c, s).item(), requires_grad=True), None),
            "each example": (
                lambda c, s: F.cross_entropy(s * c, torch.arange(len(c)), reduction="none"),
                "one loss per example; take their mean",
            ),
            "float targets": (
                lambda c, s: F.cross_entropy(s * c, torch.arange(len(c)).float()),
                "argets must be integers: `torch.arange(B)`",
            ),
            "item": (lambda c, s: torch.tensor(contrastive(c, s).item()), "no gradient reaches `c`"),
            "number": (lambda c, s: contrastive(c, s).item(), "take the number out"),
        },
    )


def shared(meanings):
    same = (meanings[:, None] == meanings[None]).float()
    return same / same.sum(dim=1, keepdim=True)


def shared_by_numbers(meanings):
    rows = []
    for a in meanings.tolist():
        row = torch.tensor([float(a == b) for b in meanings.tolist()])
        rows.append(row / row.sum())
    return torch.stack(rows)


def same(meanings):
    return (meanings[:, None] == meanings).float()


def test_target_probabilities(judged):
    judged(
        "11.3",
        {
            "formula": shared,
            "numbers": shared_by_numbers,
            "counts": lambda m: (
                same(m)
                / torch.unique(m, return_inverse=True, return_counts=True)[2][torch.unique(m, return_inverse=True)[1]][
                    :, None
                ]
            ),
            "normalize": lambda m: F.normalize(same(m), p=1, dim=1),
            "double": lambda m: shared(m).double(),
        },
        {
            "eye": (lambda m: torch.eye(len(m)), "only the diagonal is positive; examples with the"),
            "not shared": (same, "each row has a 1 for all positives; it has to sum"),
            "booleans": (lambda m: m[:, None] == m, None),
            "whole table": (lambda m: same(m) / same(m).sum(), "the whole matrix sums to 1; each row has to sum to"),
            "by B": (lambda m: same(m) / len(m), "divided by the batch size; divide each row by its"),
            "softmax": (lambda m: same(m).softmax(1), "a softmax gives negatives a probability above 0"),
            "turned round": (
                lambda m: (1 - same(m)) / (1 - same(m)).sum(1, keepdim=True),
                "inverted: examples with other meanings get the",
            ),
            "without itself": (lambda m: same(m) - torch.eye(len(m)), "the rows do not sum to 1"),
            "half": (lambda m: (torch.eye(len(m)) + shared(m)) / 2, "the example itself gets more than the other"),
            "length": (lambda m: F.normalize(same(m), dim=1), "each row has norm 1; it has to sum to 1: divide by"),
            "whole shares": (
                lambda m: same(m).long() // same(m).long().sum(1, keepdim=True),
                "the probabilities are rounded to integers: use",
            ),
            "everywhere": (
                lambda m: (1 / same(m).sum(1, keepdim=True)).expand(len(m), len(m)),
                "each row contains its probability everywhere; only",
            ),
            "everywhere, turned": (
                lambda m: (1 / same(m).sum(0)).expand(len(m), -1),
                "each column contains its probability everywhere",
            ),
            "something added": (
                lambda m: same(m) / (same(m).sum(1, keepdim=True) + 2e-3),
                "is something added to the divisor, or rounded?",
            ),
            "sums": (lambda m: same(m).sum(1), "one number per example; return a row of B for each"),
            "one-hot": (
                lambda m: F.one_hot(torch.unique(m, return_inverse=True)[1]).float(),
                None,
            ),
        },
    )


def rank(similarities, correct):
    own = similarities.gather(1, correct[:, None])
    return 1 + (similarities > own).sum(1) + ((similarities == own).sum(1) - 1) / 2


def rank_by_loops(similarities, correct):
    positions = []
    for row, j in zip(similarities.tolist(), correct.tolist(), strict=True):
        before = sum(x > row[j] for x in row)
        tied = sum(x == row[j] for i, x in enumerate(row) if i != j)
        positions.append(1 + before + 0.5 * tied)
    return torch.tensor(positions)


def rank_by_two_sorts(similarities, correct):
    own = similarities[torch.arange(len(correct)), correct][:, None]
    first = 1 + (similarities > own).sum(dim=1)
    last = (similarities >= own).sum(dim=1)
    return (first + last) / 2


def above(s, r):
    return (s > s.gather(1, r[:, None])).sum(1)


def level(s, r):
    return (s == s.gather(1, r[:, None])).sum(1)


def position_in(order, correct):
    return (order == correct[:, None]).nonzero()[:, 1]


def sorted_position(similarities, correct):
    return 1 + position_in(similarities.argsort(1, descending=True), correct)


def near(similarities, correct, width):
    apart = similarities - similarities.gather(1, correct[:, None])
    return 1 + (apart > width).sum(1) + ((apart.abs() <= width).sum(1) - 1) / 2


def test_my_ranks(judged):
    judged(
        "11.4",
        {
            "count": rank,
            "loops": rank_by_loops,
            "first and last": rank_by_two_sorts,
            "isclose": lambda s, r: 0.5 + (s > (own := s.gather(1, r[:, None]))).sum(1) + s.isclose(own).sum(1) / 2,
        },
        {
            "from 0": (lambda s, r: rank(s, r) - 1, "the best rank is 1; yours start at 0"),
            "lucky": (lambda s, r: 1 + above(s, r), "before all that are tied"),
            "unlucky": (lambda s, r: above(s, r) + level(s, r), "the correct candidate is ranked after all that are"),
            "itself": (lambda s, r: 1 + above(s, r) + level(s, r) / 2, "as tied with itself"),
            "from the end": (lambda s, r: rank(-s, r), "the order is reversed: the larger a similarity"),
            "argsort": (
                lambda s, r: 1 + s.argsort(1, descending=True).gather(1, r[:, None])[:, 0],
                "`argsort` returns which candidate has a rank, not",
            ),
            "position in an argsort": (sorted_position, None),
            "stable": (lambda s, r: 1 + position_in(s.argsort(dim=1, descending=True, stable=True), r), None),
            "ascending, from its end": (lambda s, r: s.shape[1] - position_in(s.argsort(dim=1, stable=True), r), None),
            "double argsort": (
                lambda s, r: 1 + s.argsort(1, descending=True).argsort(1).gather(1, r[:, None])[:, 0],
                None,
            ),
            "double argsort from 0": (
                lambda s, r: s.argsort(1, descending=True).argsort(1).gather(1, r[:, None])[:, 0],
                None,
            ),
            "ascending": (
                lambda s, r: 1 + position_in(s.argsort(1), r),
                "the order is reversed: the largest similarity has",
            ),
            "noise": (
                lambda s, r: sorted_position(s + 1e-6 * torch.rand(s.shape), r),
                "random numbers change the result from call to call",
            ),
            "dense": (
                lambda s, r: torch.tensor(
                    [1 + len(set(row[row > row[j]].tolist())) for row, j in zip(s, r, strict=True)]
                ),
                "equal candidates before the correct one are",
            ),
            "a half if tied": (
                lambda s, r: 1 + above(s, r) + 0.5 * (level(s, r) > 1),
                "0.5 is added once, however many are tied; each of",
            ),
            "within 0.001": (lambda s, r: near(s, r, 1e-3), "nearly equal similarities are counted as tied: do"),
            "within 0.01": (lambda s, r: near(s, r, 1e-2), None),
            "within 0.1": (lambda s, r: near(s, r, 0.1), None),
            "two digits": (lambda s, r: rank((s * 100).round() / 100, r), None),
            "softmax first": (lambda s, r: rank((s * 100).softmax(1), r), None),
            "no axis": (
                lambda s, r: 1 + (s > s[torch.arange(len(r)), r]).sum(1),
                "candidate's similarity is one number",
            ),
            "columns": (lambda s, r: 1 + (s > s[:, r]).sum(1), None),
            "rows": (lambda s, r: 1 + (s > s[r]).sum(1), "rows are queries, columns are candidates, and"),
            "turned": (lambda s, r: rank(s.T, r), None),
            "argmax": (lambda s, r: s.argmax(1), "that is the candidate with rank 1; what is the"),
            "diagonal": (lambda s, r: rank(s, torch.arange(len(r))), "the diagonal is used as the correct candidates"),
            "similarity": (
                lambda s, r: s.gather(1, r[:, None])[:, 0],
                "that is the similarity of the correct candidate",
            ),
            "hits": (lambda s, r: (s.argmax(1) == r).float(), "that is whether the correct candidate has rank 1"),
            "reciprocal": (lambda s, r: 1 / rank(s, r), "reciprocal ranks"),
            "whole": (
                lambda s, r: 1 + above(s, r) + (level(s, r) - 1) // 2,
                "half ranks are truncated: `//` or `.long()` turns",
            ),
            "axis": (lambda s, r: rank(s, r)[:, None], "one axis too many"),
            "mean": (lambda s, r: rank(s, r).mean(), "one number for all queries"),
        },
    )


def test_a_sort_is_named():
    for positions in (
        sorted_position,
        lambda s, r: sorted_position(s, r) - 1,
        lambda s, r: 1 + position_in(s.argsort(1), r),
    ):
        message = checks.judge("11.4", positions).message
        assert "tied candidates are put in some order, as by a sort" in message and "half of the tied" in message


def zero_shot(images, prompts):
    table = F.normalize(images, dim=1) @ F.normalize(prompts, dim=2).flatten(0, 1).T
    return table.unflatten(1, prompts.shape[:2]).amax(dim=2).argmax(dim=1)


def zero_shot_by_numbers(images, prompts):
    found = []
    for x in images:
        best = [max(float(x @ v / v.norm()) for v in some) for some in prompts]
        found.append(best.index(max(best)))
    return torch.tensor(found)


def every(x, p):
    return torch.einsum("bd,kpd->bkp", unit(x), unit(p, 2))


def by_length(x, p, dim):
    return torch.einsum("bd,kpd->bkp", unit(x), unit(p, dim)).amax(2).argmax(1)


def test_zero_shot(judged):
    judged(
        "11.5",
        {
            "formula": zero_shot,
            "numbers": zero_shot_by_numbers,
            "by division": lambda x, p: (x @ unit(p, 2).flatten(0, 1).T).argmax(1) // p.shape[1],
        },
        {
            "no lengths": (
                lambda x, p: (x @ p.flatten(0, 1).T).unflatten(1, p.shape[:2]).amax(2).argmax(1),
                "the prompts are not normalised: prompts with a",
            ),
            "mean direction": (
                lambda x, p: (unit(x) @ unit(unit(p, 2).mean(1)).T).argmax(1),
                "each class is represented by the mean of its",
            ),
            "mean cosine": (lambda x, p: every(x, p).mean(2).argmax(1), "by its mean cosine"),
            "first sentence": (
                lambda x, p: (unit(x) @ unit(p[:, 0]).T).argmax(1),
                "only the first prompt of each class is used",
            ),
            "worst sentence": (
                lambda x, p: every(x, p).amin(2).argmax(1),
                "each class is scored by its smallest cosine; use",
            ),
            "least": (lambda x, p: every(x, p).amax(2).argmin(1), "the least similar class"),
            "index": (lambda x, p: every(x, p).flatten(1).argmax(1), "that is the index of the best prompt among all"),
            "remainder": (
                lambda x, p: every(x, p).flatten(1).argmax(1) % p.shape[1],
                "that is the best prompt's index within its class",
            ),
            "fractions": (
                lambda x, p: every(x, p).flatten(1).argmax(1) / p.shape[1],
                "`//` gives integers where `/` gives fractions, and",
            ),
            "and 0.4": (lambda x, p: zero_shot(x, p) + 0.4, None),
            "how good": (lambda x, p: every(x, p).amax(2).amax(1), None),
            "max": (lambda x, p: every(x, p).amax(2).max(1), "`max(1)` returns two tensors, values and indices"),
            "one-hot": (lambda x, p: F.one_hot(zero_shot(x, p), len(p)), "a 1 at its class"),
            "by K": (lambda x, p: every(x, p).flatten(1).argmax(1) // len(p), "divided by the number of classes"),
            "by 16": (lambda x, p: every(x, p).flatten(1).argmax(1) // 16, "a 16 is hard-coded"),
            "lengths over classes": (lambda x, p: by_length(x, p, 0), "(`dim=0`)"),
            "default of normalize": (lambda x, p: by_length(x, p, 1), "(`dim=1`)"),
            "bare distances": (
                lambda x, p: torch.cdist(x, p.flatten(0, 1)).argmin(1) // p.shape[1],
                "those are distances of unnormalised vectors: a",
            ),
            "bare mean": (
                lambda x, p: (unit(x) @ unit(p.mean(1)).T).argmax(1),
                "the mean of a class's unnormalised prompts is",
            ),
            "bare mean, bare product": (lambda x, p: (x @ p.mean(1).T).argmax(1), None),
            "from 1": (lambda x, p: zero_shot(x, p) + 1, "the first class is 0; yours start at 1"),
            "parted wrongly": (
                lambda x, p: every(x, p).flatten(1).unflatten(1, p.shape[:2][::-1]).amax(1).argmax(1),
                "that is the best prompt's index modulo K; prompts",
            ),
            "joined wrongly": (
                lambda x, p: (
                    (x @ unit(p, 2).transpose(0, 1).flatten(0, 1).T).unflatten(1, p.shape[:2]).amax(2).argmax(1)
                ),
                "the prompts are ordered by class, `flatten(0, 1)`",
            ),
            "over the classes": (lambda x, p: every(x, p).amax(1).argmax(1), None),
            "scores": (lambda x, p: every(x, p).amax(2), "those are scores"),
            "all scores": (every, "one number per prompt: take the maximum of each"),
            "wrong axis": (
                lambda x, p: every(x, p).amax(2).argmax(0),
                "one image per class; return a class per image: the",
            ),
            "over the classes first": (
                lambda x, p: every(x, p).argmax(1),
                "one class per prompt index: take each class's",
            ),
        },
    )
