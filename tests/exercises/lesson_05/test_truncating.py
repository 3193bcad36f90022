import torch

from mmcourse.models.sampling import next_token_probabilities


def kept(p, limit):
    ordered, order = p.sort(descending=True)
    keep = ordered.cumsum(0) - ordered < limit
    return torch.zeros(len(p)).scatter(0, order, keep.float()).bool()


def answer(p, limit):
    result = p * kept(p, limit)
    return result / result.sum()


def by_loop(p, limit):
    result, total = torch.zeros(len(p)), 0.0
    for i in p.argsort(descending=True).tolist():
        if total >= limit:
            break
        result[i] = p[i]
        total += p[i].item()
    return result / result.sum()


def by_index(p, limit):
    ordered, order = torch.sort(p, descending=True)
    n = int((ordered.cumsum(0) < limit).sum()) + 1
    result = torch.zeros_like(p)
    result[order[:n]] = p[order[:n]]
    return result / result.sum()


def by_logits(p, limit):
    return p.log().masked_fill(~kept(p, limit), float("-inf")).softmax(0)


def strict(p, limit):
    ordered, order = p.sort(descending=True)
    return torch.zeros(len(p)).scatter(0, order, (ordered.cumsum(0) <= limit).float()) * p


def first_kept(p, limit):
    ordered, order = p.sort(descending=True)
    keep = ordered.cumsum(0) < limit
    keep[0] = True
    result = torch.zeros_like(p)
    result[order[keep]] = ordered[keep]
    return result / result.sum()


def library_style(p, limit):
    ordered, order = p.sort(descending=True)
    remove = ordered.cumsum(0) > limit
    remove[1:] = remove[:-1].clone()
    remove[0] = False
    result = p.clone()
    result[order[remove]] = 0
    return result / result.sum()


def mask_in_sorted_order(p, limit):
    ordered = p.sort(descending=True).values
    result = p * (ordered.cumsum(0) - ordered < limit)
    return result / result.sum()


def sorted_twice(p, limit):
    ordered, order = p.sort(descending=True)
    result = (ordered * (ordered.cumsum(0) - ordered < limit))[order]
    return result / result.sum()


def sorted_result(p, limit):
    ordered = p.sort(descending=True).values
    ordered = ordered * (ordered.cumsum(0) - ordered < limit)
    return ordered / ordered.sum()


def unsorted(p, limit):
    result = p * (p.cumsum(0) - p < limit)
    return result / result.sum()


def ascending(p, limit):
    ordered, order = p.sort()
    result = torch.zeros_like(p).scatter(0, order, ordered * (ordered.cumsum(0) - ordered < limit))
    return result / result.sum()


def one_more(p, limit):
    ordered, order = p.sort(descending=True)
    n = int(kept(p, limit).sum()) + 1
    result = torch.zeros_like(p)
    result[order[:n]] = p[order[:n]]
    return result / result.sum()


def test_top_p(judged):
    judged(
        "05.3",
        {
            "scatter": answer,
            "loop": by_loop,
            "index": by_index,
            "logits": by_logits,
            "package": lambda p, limit: next_token_probabilities(p.log(), top_p=limit),
        },
        {
            "not renormalised": (lambda p, limit: p * kept(p, limit), "do not sum to 1: divide by their sum"),
            "crossing left out": (
                lambda p, limit: strict(p, limit) / strict(p, limit).sum(),
                "With one dominant token nothing would be left",
            ),
            "reaching left out, first kept": (first_kept, "sum to less than `limit`"),
            "one more where the sum is exactly the limit": (library_style, "sum to exactly `limit`"),
            "divided by the limit": (lambda p, limit: p * kept(p, limit) / limit, "are divided by `limit`"),
            "mask in sorted order": (mask_in_sorted_order, "the mask is in sorted order"),
            "sorted twice": (sorted_twice, "which sorts a second time"),
            "most probable": (lambda p, limit: (p == p.max()).float(), "only the most probable token"),
            "crossing left out, not renormalised": (strict, "is left out, and the rest does not sum to 1"),
            "sorted": (sorted_result, "in sorted order: put each back"),
            "unsorted sum": (unsorted, "in the order of the vocabulary: sort"),
            "ascending": (ascending, "the least probable tokens are kept"),
            "one more": (one_more, "one token too many"),
            "softmax": (
                lambda p, limit: p.masked_fill(~kept(p, limit), -torch.inf).softmax(0),
                "a softmax of probabilities is no renormalisation",
            ),
            "softmax over zeros": (
                lambda p, limit: (p * kept(p, limit)).softmax(0),
                "gives a token of probability 0 some",
            ),
            "mask": (lambda p, limit: kept(p, limit).float(), "those are 1 for the kept tokens"),
            "uniform": (
                lambda p, limit: kept(p, limit) / kept(p, limit).sum(),
                "all kept tokens have the same probability",
            ),
            "nothing": (lambda p, limit: p, "nothing is left out"),
            "inverted": (lambda p, limit: p * ~kept(p, limit) / max((p * ~kept(p, limit)).sum(), 1e-9), None),
            "shorter": (lambda p, limit: answer(p, limit)[kept(p, limit)], "only the kept tokens are there"),
            "list": (lambda p, limit: answer(p, limit).tolist(), "returned a list"),
            "in place": (lambda p, limit: p.mul_(kept(p, limit)).div_(p.sum()), "was changed in place"),
            "each compared": (
                lambda p, limit: p * (p >= limit) / max((p * (p >= limit)).sum(), 1e-9),
                "each probability is compared",
            ),
        },
    )
