"""Exercises 10.1 and 10.2 on right answers and on the wrong ones that people give."""

import math
from statistics import mean

import torch

from mmcourse.training.modulation import coefficients


def by_a_loop(x, here):
    rows = [row for row, there in zip(x, here, strict=True) if there]
    middle = sum(rows) / len(rows)
    return torch.stack([row if there else middle for row, there in zip(x, here, strict=True)])


def on_a_copy(x, here):
    x = x.clone()
    x[~here] = x[here].mean(dim=0)
    return x


def in_place(x, here):
    x[~here] = x[here].mean(dim=0)
    return x


def weighed(x, here):
    """Right where the missing rows hold numbers, NaN where they hold none."""
    mask = here[:, None].float()
    middle = (x * mask).sum(0) / mask.sum()
    return x * mask + middle * (1 - mask)


def fill(x, here, value):
    return torch.where(here[:, None], x, value)


def test_fill_with_mean(judged):
    judged(
        "10.1",
        {
            "where": lambda x, here: fill(x, here, x[here].mean(0)),
            "loop": by_a_loop,
            "copy": on_a_copy,
            "nanmean": lambda x, here: fill(x, here, x.masked_fill(~here[:, None], torch.nan).nanmean(0)),
            "matrix": lambda x, here: fill(x, here, here.float() @ x.where(here[:, None], 0.0) / here.sum()),
        },
        {
            "nothing": (lambda x, here: x, "nothing is imputed: the arbitrary values of the"),
            "mean of all": (lambda x, here: fill(x, here, x.mean(0)), "the mean is over all rows"),
            "divided by all": (lambda x, here: fill(x, here, x[here].sum(0) / len(x)), "by the number of all rows"),
            "zeros": (lambda x, here: x * here[:, None], "missing rows are replaced by zeros"),
            "one number": (
                lambda x, here: fill(x, here, x[here].mean()),
                "one mean for all features: each feature has its",
            ),
            "of the missing": (lambda x, here: fill(x, here, x[~here].mean(0)), "mean of the missing rows"),
            "overwritten": (lambda x, here: fill(x, ~here, x[here].mean(0)), "are overwritten"),
            "inverted": (
                lambda x, here: fill(x, ~here, x[~here].mean(0)),
                "everything is inverted: `present` is True where",
            ),
            "all": (lambda x, here: x[here].mean(0).expand_as(x), "every row is replaced by the mean; present rows"),
            "median": (lambda x, here: fill(x, here, x[here].median(0).values), "that is the median"),
            "sum": (lambda x, here: fill(x, here, x[here].sum(0)), "divide by their number"),
            "first": (lambda x, here: fill(x, here, x[here][0]), "missing rows are replaced by the first present"),
            "last": (lambda x, here: fill(x, here, x[here][-1]), "missing rows are replaced by the last present row"),
            "over features": (lambda x, here: fill(x, here, x.mean(1, keepdim=True)), "over the features (axis 1)"),
            "left out": (lambda x, here: x[here], "the missing rows are left out"),
            "mean alone": (lambda x, here: x[here].mean(0), "that is only the mean: insert it into the missing"),
            "in place": (in_place, "was changed in place"),
            "weighed": (weighed, "0 times NaN is NaN"),
            "list": (lambda x, here: by_a_loop(x, here).tolist(), "makes one of a list"),
            "noise": (lambda x, here: fill(x, here, x[here].mean(0) + torch.randn(x.shape)), None),
            "scaled": (
                lambda x, here: fill(2 * x, here, x[here].mean(0)),
                "present rows are changed; change only the missing",
            ),
        },
        draws=10,
    )


def modulation(scores, alpha):
    factors = {}
    for name, score in scores.items():
        rho = score / mean(other for branch, other in scores.items() if branch != name)
        factors[name] = 1 - math.tanh(alpha * rho) if rho > 1 else 1.0
    return factors


def others(scores, name):
    return [score for branch, score in scores.items() if branch != name]


def wrong(rho=lambda s, n: s[n] / mean(others(s, n)), when=lambda r: r > 1, factor=lambda a, r: 1 - math.tanh(a * r)):
    return lambda s, a: {n: factor(a, rho(s, n)) if when(rho(s, n)) else 1.0 for n in s}


def test_modulation(judged):
    judged(
        "10.2",
        {
            "formula": modulation,
            "package": coefficients,
            "at one": wrong(when=lambda r: r > 1 + 1e-9),
            "tensors": lambda s, a: {n: torch.tensor(v) for n, v in modulation(s, a).items()},
            "by exp": wrong(factor=lambda a, r: 2 / (math.exp(2 * a * r) + 1)),
        },
        {
            "everyone": (wrong(when=lambda r: True), "branches behind are slowed down too: for rho of at"),
            "inverted": (wrong(when=lambda r: r < 1), "the branches behind are slowed down instead of the"),
            "tanh": (wrong(factor=lambda a, r: math.tanh(a * r)), "that is tanh(alpha rho), which increases with the"),
            "sum": (wrong(rho=lambda s, n: s[n] / sum(others(s, n))), "divided by the sum of the others"),
            "mean of all": (
                wrong(rho=lambda s, n: s[n] / mean(s.values())),
                "the score is divided by the mean of all branches",
            ),
            "upside down": (
                wrong(rho=lambda s, n: mean(others(s, n)) / s[n]),
                "the ratio is inverted: rho is the branch's own",
            ),
            "best": (wrong(rho=lambda s, n: s[n] / max(others(s, n))), None),
            "least": (wrong(rho=lambda s, n: s[n] / min(others(s, n))), None),
            "no alpha": (wrong(factor=lambda a, r: 1 - math.tanh(r)), "`alpha` is not used"),
            "alpha outside": (wrong(factor=lambda a, r: 1 - a * math.tanh(r)), "`alpha` belongs inside"),
            "lead": (
                wrong(factor=lambda a, r: 1 - math.tanh(a * (r - 1))),
                "that is 1 - tanh(alpha (rho - 1)); use rho itself",
            ),
            "sigmoid": (wrong(factor=lambda a, r: 1 / (1 + math.exp(-a * r))), "that is a sigmoid"),
            "faster": (
                wrong(factor=lambda a, r: 1 + math.tanh(a * r)),
                "the branch ahead is accelerated: the factor is 1 -",
            ),
            "zero behind": (
                lambda s, a: {n: k if k < 1 else 0 for n, k in modulation(s, a).items()},
                "the gradient of branches behind is switched off by",
            ),
            "ratio": (wrong(when=lambda r: True, factor=lambda a, r: r), "those are the ratios rho themselves"),
            "ratio ahead": (wrong(factor=lambda a, r: r), "for branches ahead that is the ratio rho itself"),
            "ones": (lambda s, a: dict.fromkeys(s, 1.0), "every factor is 1: no branch is slowed down"),
            "score": (
                wrong(rho=lambda s, n: s[n], when=lambda r: True),
                "the score itself is used instead of rho, its ratio",
            ),
            "winner": (
                lambda s, a: {n: k if s[n] == max(s.values()) else 1.0 for n, k in modulation(s, a).items()},
                "only the best branch is slowed down; slow down",
            ),
            "list": (lambda s, a: list(modulation(s, a).values()), "expected a dict"),
            "one short": (lambda s, a: dict(list(modulation(s, a).items())[1:]), "it returned factors for"),
            "at equal": (wrong(when=lambda r: r >= 1), "with equal scores no branch is ahead, rho is 1"),
            "halved": (wrong(factor=lambda a, r: (1 - math.tanh(a * r)) / 2), None),
        },
        draws=10,
    )
