import math

import torch
from torch.distributions import Normal, kl_divergence


def answer(m, v):
    return 0.5 * (m**2 + v.exp() - 1 - v).sum(dim=1)


def by_distributions(m, v):
    return kl_divergence(Normal(m, (v / 2).exp()), Normal(torch.zeros_like(m), torch.ones_like(m))).sum(-1)


def by_loop(m, v):
    results = []
    for i in range(len(m)):
        total = torch.zeros(())
        for j in range(m.shape[1]):
            total = total + 0.5 * (m[i, j] ** 2 + v[i, j].exp() - 1 - v[i, j])
        results.append(total)
    return torch.stack(results)


def by_sigma(m, v):
    sigma = (0.5 * v).exp()
    return -0.5 * torch.sum(1 + 2 * sigma.log() - m.pow(2) - sigma.square(), dim=-1)


def only_first(m, v):
    for i in range(len(m)):
        return answer(m[i : i + 1], v[i : i + 1])


def half(terms, sum_=lambda x: x.sum(1)):
    return lambda m, v: 0.5 * sum_(terms(m, v))


def test_kl_divergence(judged):
    terms = lambda m, v: m**2 + v.exp() - 1 - v  # noqa: E731
    judged(
        "06.3",
        {
            "formula": answer,
            "distributions": by_distributions,
            "loop": by_loop,
            "sigma": by_sigma,
            "einsum": lambda m, v: torch.einsum("bd->b", m * m + torch.expm1(v) - v) / 2,
        },
        {
            "mean over dimensions": (half(terms, lambda x: x.mean(1)), "a mean over the dimensions of the code"),
            "no factor": (lambda m, v: 2 * answer(m, v), "the factor 1/2 is missing"),
            "sign": (lambda m, v: -answer(m, v), "never negative"),
            "sign and factor": (lambda m, v: -2 * answer(m, v), None),
            "number": (lambda m, v: answer(m, v).mean(), "one number for the whole batch"),
            "sum of all": (lambda m, v: answer(m, v).sum(), None),
            "unsummed": (lambda m, v: 0.5 * terms(m, v), "nothing is summed over the dimensions"),
            "over the batch": (half(terms, lambda x: x.sum(0)), "the sum runs over the batch"),
            "keepdim": (half(terms, lambda x: x.sum(1, keepdim=True)), "leave `keepdim` out"),
            "squeeze": (lambda m, v: answer(m, v).squeeze(), "the batch axis is lost for a batch of one"),
            "no -1": (half(lambda m, v: m**2 + v.exp() - v), "the -1 is missing"),
            "mean not squared": (half(lambda m, v: m + v.exp() - 1 - v), "the mean is not squared"),
            "no mean": (half(lambda m, v: v.exp() - 1 - v), "the square of the mean is missing"),
            "no variance": (half(lambda m, v: m**2 - 1 - v), "the variance, `log_variance.exp()`, is missing"),
            "no logarithm": (half(lambda m, v: m**2 + v.exp() - 1), "the logarithm of the variance is missing"),
            "plus": (half(lambda m, v: m**2 + v.exp() - 1 + v), "is added; it is subtracted"),
            "squared variance": (half(lambda m, v: m**2 + v.exp() ** 2 - 1 - v), "is the variance squared"),
            "log of deviation": (
                half(lambda m, v: m**2 + v.exp() ** 2 - 1 - 2 * v),
                "as the logarithm of the standard deviation",
            ),
            "deviation": (half(lambda m, v: m**2 + (v / 2).exp() - 1 - v), "the variance belongs there, `exp("),
            "log of log": (half(lambda m, v: m**2 + v - 1 - v.log()), "the result is NaN where log_variance"),
            "log-variance": (half(lambda m, v: m**2 + v - 1 - v), "stands where the variance belongs"),
            "reversed": (half(lambda m, v: (1 + m**2) / v.exp() - 1 + v), "in the other direction"),
            "swapped": (lambda m, v: answer(v, m), "have changed places"),
            "bits": (lambda m, v: answer(m, v) / math.log(2), "that is in bits"),
            "brackets": (
                lambda m, v: (0.5 * m**2 + v.exp() - 1 - v).sum(1),
                "only the square of the mean is halved",
            ),
            "1 not halved": (lambda m, v: (m**2 / 2 + v.exp() / 2 - 1 - v / 2).sum(1), "the 1 is not halved"),
            "1 once": (lambda m, v: 0.5 * ((m**2).sum(1) + v.exp().sum(1) - 1 - v.sum(1)), "1 is subtracted once"),
            "1 after the sum": (lambda m, v: 0.5 * (m**2 + v.exp() - v).sum(1) - 1, "1 is subtracted after the sum"),
            "two faults": (lambda m, v: -terms(m, v).mean(1), None),
            "detached": (lambda m, v: answer(m, v.detach()), "no gradient reaches `v`"),
            "list": (lambda m, v: answer(m, v).tolist(), "returned a list"),
            "return in the loop": (only_first, None),
            "in place": (lambda m, v: 0.5 * (m.pow_(2) + v.exp() - 1 - v).sum(1), "was changed in place"),
            "another": (lambda m, v: answer(m, v) + 0.02, "the divergence of example"),
        },
    )


def test_two_faults_are_both_named():
    from mmcourse.exercises.checks import judge

    message = judge("06.3", lambda m, v: (m**2 + v.exp() - v).mean(1)).message
    assert all(words in message for words in ("-1 is missing", "factor 1/2", "mean over the dimensions"))
