"""Exercises 11.1 to 11.5 on right answers and on the wrong ones that people give."""

import math

import torch
import torch.nn.functional as F


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
            "afterwards": lambda a, b: (a @ b.T) / torch.outer(a.norm(dim=1), b.norm(dim=1)),
            "einsum": lambda a, b: torch.einsum("ad,bd->ab", a, b) / a.norm(dim=1)[:, None] / b.norm(dim=1),
        },
        {
            "bare products": (lambda a, b: a @ b.T, "the lengths still count"),
            "first only": (lambda a, b: unit(a) @ b.T, "only the first modality's vectors"),
            "second only": (lambda a, b: a @ unit(b).T, "only the second modality's vectors"),
            "over the batch": (lambda a, b: unit(a, 0) @ unit(b, 0).T, "over the batch (`dim=0`)"),
            "default of normalize": (lambda a, b: F.normalize(a, dim=0) @ F.normalize(b, dim=0).T, None),
            "whole table": (lambda a, b: (a @ b.T) / (a.norm() * b.norm()), "all vectors taken as one"),
            "no root": (
                lambda a, b: (a / (a * a).sum(1, keepdim=True)) @ (b / (b * b).sum(1, keepdim=True)).T,
                "lacks its root",
            ),
            "by the sum": (
                lambda a, b: (a / a.sum(1, keepdim=True)) @ (b / b.sum(1, keepdim=True)).T,
                "divided by the sum of its numbers",
            ),
            "p=1": (
                lambda a, b: F.normalize(a, p=1, dim=1) @ F.normalize(b, p=1, dim=1).T,
                "the sum of the sizes of its numbers",
            ),
            "softmax": (lambda a, b: a.softmax(1) @ b.softmax(1).T, "a softmax makes numbers that sum to 1"),
            "root of D": (lambda a, b: (a @ b.T) / a.shape[1] ** 0.5, "attention's root of D"),
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
            "detached": (lambda a, b: cosines(a.detach(), b), "no gradient reaches `a`"),
            "list": (lambda a, b: cosines(a, b).tolist(), "gave a list"),
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


def test_contrastive_loss(judged):
    judged(
        "11.2",
        {
            "cross-entropy": contrastive,
            "numbers": contrastive_by_numbers,
            "log_softmax": lambda c, s: -0.5 * ((s * c).log_softmax(1) + (s * c).log_softmax(0)).diagonal().mean(),
            "trace": lambda c, s: -((s * c).log_softmax(1).trace() + (s * c).log_softmax(0).trace()) / (2 * len(c)),
            "eye as a target": lambda c, s: (
                F.cross_entropy(s * c, torch.eye(len(c))) + F.cross_entropy(s * c.T, torch.eye(len(c)))
            )
            / 2,
        },
        {
            "rows": (lambda c, s: rows(s * c), "only the rows are judged"),
            "columns": (lambda c, s: rows(s * c.T), "only the columns are judged"),
            "same rows twice": (lambda c, s: (rows(s * c) + rows(s * c)) / 2, None),
            "added": (lambda c, s: rows(s * c) + rows(s * c.T), "the two directions are added"),
            "no scale": (lambda c, s: contrastive(c, 1), "the scale is left out"),
            "divided": (lambda c, s: contrastive(c, 1 / s), "the cosines are divided by the scale"),
            "no minus": (lambda c, s: -contrastive(c, s), "the sign is turned"),
            "sum": (lambda c, s: len(c) * contrastive(c, s), "a larger batch would be a larger loss"),
            "sum of both": (lambda c, s: 2 * len(c) * contrastive(c, s), "summed over the batch and both"),
            "one softmax": (
                lambda c, s: -(s * c).flatten().softmax(0).view_as(c).diagonal().log().mean(),
                "one softmax over the whole table",
            ),
            "mean of all": (
                lambda c, s: -((s * c).log_softmax(1).mean() + (s * c).log_softmax(0).mean()) / 2,
                "the mean is over the whole table",
            ),
            "softmax twice": (
                lambda c, s: (rows((s * c).softmax(1)) + rows((s * c.T).softmax(1))) / 2,
                "the softmax is taken twice",
            ),
            "mean first": (
                lambda c, s: -(
                    (s * c).softmax(1).diagonal().mean().log() + (s * c).softmax(0).diagonal().mean().log()
                )
                / 2,
                "taken before the logarithm",
            ),
            "no log": (
                lambda c, s: 1 - ((s * c).softmax(1) + (s * c).softmax(0)).diagonal().mean() / 2,
                "the logarithm is missing",
            ),
            "zeros": (
                lambda c, s: (
                    F.cross_entropy(s * c, torch.zeros(len(c)).long())
                    + F.cross_entropy(s * c.T, torch.zeros(len(c)).long())
                )
                / 2,
                "the target is 0 for every row",
            ),
            "base 2": (lambda c, s: contrastive(c, s) / math.log(2), "to base 2"),
            "by ln B": (lambda c, s: contrastive(c, s) / math.log(len(c)), "divided by ln(B)"),
            "bare exp": (bare_softmax, "does not fit into a float"),
            "each example": (
                lambda c, s: F.cross_entropy(s * c, torch.arange(len(c)), reduction="none"),
                "a loss for each example",
            ),
            "float targets": (lambda c, s: F.cross_entropy(s * c, torch.arange(len(c)).float()), None),
            "item": (lambda c, s: torch.tensor(contrastive(c, s).item()), "no gradient reaches `c`"),
            "number": (lambda c, s: contrastive(c, s).item(), "a single number, where"),
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


def test_shared_targets(judged):
    judged(
        "11.3",
        {
            "formula": shared,
            "numbers": shared_by_numbers,
            "counts": lambda m: same(m) / torch.unique(m, return_inverse=True, return_counts=True)[2][
                torch.unique(m, return_inverse=True)[1]
            ][:, None],
            "normalize": lambda m: F.normalize(same(m), p=1, dim=1),
            "double": lambda m: shared(m).double(),
        },
        {
            "eye": (lambda m: torch.eye(len(m)), "only the partner is right"),
            "not shared": (same, "a 1 for all that mean the same"),
            "booleans": (lambda m: m[:, None] == m, None),
            "whole table": (lambda m: same(m) / same(m).sum(), "the whole table sums to 1"),
            "by B": (lambda m: same(m) / len(m), "divided by the size of the batch"),
            "softmax": (lambda m: same(m).softmax(1), "a softmax leaves something"),
            "turned round": (
                lambda m: (1 - same(m)) / (1 - same(m)).sum(1, keepdim=True),
                "those of other meanings share",
            ),
            "without itself": (lambda m: same(m) - torch.eye(len(m)), "the rows do not sum to 1"),
            "half": (lambda m: (torch.eye(len(m)) + shared(m)) / 2, "the partner gets more"),
            "length": (lambda m: F.normalize(same(m), dim=1), "each row has length 1"),
            "sums": (lambda m: same(m).sum(1), "one number for each example"),
            "one-hot": (
                lambda m: F.one_hot(torch.unique(m, return_inverse=True)[1]).float(),
                None,
            ),
        },
    )


def rank(similarities, right):
    own = similarities.gather(1, right[:, None])
    return 1 + (similarities > own).sum(1) + ((similarities == own).sum(1) - 1) / 2


def rank_by_loops(similarities, right):
    places = []
    for row, j in zip(similarities.tolist(), right.tolist(), strict=True):
        before = sum(x > row[j] for x in row)
        tied = sum(x == row[j] for i, x in enumerate(row) if i != j)
        places.append(1 + before + 0.5 * tied)
    return torch.tensor(places)


def rank_by_two_sorts(similarities, right):
    own = similarities[torch.arange(len(right)), right][:, None]
    first = 1 + (similarities > own).sum(dim=1)
    last = (similarities >= own).sum(dim=1)
    return (first + last) / 2


def above(s, r):
    return (s > s.gather(1, r[:, None])).sum(1)


def level(s, r):
    return (s == s.gather(1, r[:, None])).sum(1)


def test_ranks(judged):
    judged(
        "11.4",
        {"count": rank, "loops": rank_by_loops, "first and last": rank_by_two_sorts},
        {
            "from 0": (lambda s, r: rank(s, r) - 1, "yours begin at 0"),
            "lucky": (lambda s, r: 1 + above(s, r), "before all that are tied"),
            "unlucky": (lambda s, r: above(s, r) + level(s, r), "behind all that are tied"),
            "itself": (lambda s, r: 1 + above(s, r) + level(s, r) / 2, "as tied with itself"),
            "from the end": (lambda s, r: rank(-s, r), "counted from the other end"),
            "argsort": (
                lambda s, r: 1 + s.argsort(1, descending=True).gather(1, r[:, None])[:, 0],
                "who stands at a place",
            ),
            "double argsort": (
                lambda s, r: 1 + s.argsort(1, descending=True).argsort(1).gather(1, r[:, None])[:, 0],
                None,
            ),
            "argmax": (lambda s, r: s.argmax(1), "the candidate found first"),
            "diagonal": (lambda s, r: rank(s, torch.arange(len(r))), "the diagonal is taken for right"),
            "similarity": (lambda s, r: s.gather(1, r[:, None])[:, 0], "how similar the right one is"),
            "hits": (lambda s, r: (s.argmax(1) == r).float(), "whether the right one comes first"),
            "reciprocal": (lambda s, r: 1 / rank(s, r), "reciprocal ranks"),
            "whole": (lambda s, r: 1 + above(s, r) + (level(s, r) - 1) // 2, "half places are cut off"),
            "axis": (lambda s, r: rank(s, r)[:, None], "an axis too many"),
            "mean": (lambda s, r: rank(s, r).mean(), "one number for all queries"),
        },
    )


def zero_shot(pictures, prompts):
    table = F.normalize(pictures, dim=1) @ F.normalize(prompts, dim=2).flatten(0, 1).T
    return table.unflatten(1, prompts.shape[:2]).amax(dim=2).argmax(dim=1)


def zero_shot_by_numbers(pictures, prompts):
    found = []
    for x in pictures:
        best = [max(float(x @ v / v.norm()) for v in some) for some in prompts]
        found.append(best.index(max(best)))
    return torch.tensor(found)


def every(x, p):
    return torch.einsum("bd,kpd->bkp", unit(x), unit(p, 2))


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
                "the sentences are not brought to length 1",
            ),
            "mean direction": (
                lambda x, p: (unit(x) @ unit(unit(p, 2).mean(1)).T).argmax(1),
                "by the mean of its sentences",
            ),
            "mean cosine": (lambda x, p: every(x, p).mean(2).argmax(1), "by its mean cosine"),
            "first sentence": (lambda x, p: (unit(x) @ unit(p[:, 0]).T).argmax(1), "only the first sentence"),
            "worst sentence": (lambda x, p: every(x, p).amin(2).argmax(1), "by its worst sentence"),
            "least": (lambda x, p: every(x, p).amax(2).argmin(1), "the least similar class"),
            "place": (lambda x, p: every(x, p).flatten(1).argmax(1), "among all; which class is it of"),
            "remainder": (lambda x, p: every(x, p).flatten(1).argmax(1) % p.shape[1], "and not `%`"),
            "scores": (lambda x, p: every(x, p).amax(2), "those are scores"),
            "all scores": (every, "a number for each sentence"),
            "wrong axis": (lambda x, p: every(x, p).amax(2).argmax(0), "a picture for each class"),
            "over the classes first": (lambda x, p: every(x, p).argmax(1), "a class for each sentence number"),
        },
    )
