"""Exercise 09.4 on right answers and on the wrong ones that people give."""

import torch
import torch.nn.functional as F


def filmed(mix):
    def film(features, condition, W, b):
        gamma, beta = (condition @ W.T + b).chunk(2, dim=1)
        return mix(features, gamma[:, None], beta[:, None])

    return film


def in_halves(features, condition, W, b, b_gamma=None, b_beta=None, W_beta=None):
    """Each half of the layer by itself; the halves can be exchanged."""
    D = features.shape[2]
    gamma = F.linear(condition, W[:D], b[:D] if b_gamma is None else b_gamma)
    beta = F.linear(condition, W[D:] if W_beta is None else W_beta, b[D:] if b_beta is None else b_beta)
    return torch.addcmul(beta.unsqueeze(1) + features, gamma.unsqueeze(1), features)


def one_by_one(features, condition, W, b):
    made = F.linear(condition, W, b)
    D = features.shape[2]
    return torch.stack([features[i] + made[i, :D] * features[i] + made[i, D:] for i in range(len(features))])


def along_the_tokens(features, condition, W, b):
    gamma, beta = (condition @ W.T + b).chunk(2, dim=1)
    return (1 + gamma) * features + beta


def without_transpose(features, condition, W, b):
    return along_the_tokens(features, condition, (condition @ W).T, b)


def cut_across(features, condition, W, b):
    gamma, beta = (condition @ W.T + b).chunk(2, dim=0)
    return (1 + gamma[:, None]) * features + beta[:, None]


def test_film(judged):
    right = filmed(lambda x, gamma, beta: (1 + gamma) * x + beta)
    judged(
        "09.4",
        {
            "formula": right,
            "halves": in_halves,
            "one by one": one_by_one,
            "split": lambda x, c, W, b: (
                x * (1 + (c @ W.T + b).split(x.shape[2], 1)[0][:, None, :])
                + (c @ W.T + b).split(x.shape[2], 1)[1][:, None, :]
            ),
        },
        {
            "no one": (filmed(lambda x, gamma, beta: gamma * x + beta), "the 1 is missing: with W = 0"),
            "exchanged": (
                filmed(lambda x, gamma, beta: (1 + beta) * x + gamma),
                "γ and β are swapped: the first D rows compute γ",
            ),
            "exchanged, no one": (
                filmed(lambda x, gamma, beta: beta * x + gamma),
                "γ and β are swapped (the first D rows compute γ)",
            ),
            "no shift": (filmed(lambda x, gamma, beta: (1 + gamma) * x), "the shift β is missing"),
            "no scale": (filmed(lambda x, gamma, beta: x + beta), "the scale 1 + γ is missing: a shift alone is a sum"),
            "shift first": (filmed(lambda x, gamma, beta: (1 + gamma) * (x + beta)), "first scale, then shift"),
            "bracket": (
                filmed(lambda x, gamma, beta: 1 + gamma * x + beta),
                "parentheses are missing: `(1 + gamma) * features`",
            ),
            "minus the scale": (
                filmed(lambda x, gamma, beta: (1 - gamma) * x + beta),
                "γ is subtracted from 1; the scale is 1 + γ",
            ),
            "minus the shift": (
                filmed(lambda x, gamma, beta: (1 + gamma) * x - beta),
                "the shift β is subtracted; add it",
            ),
            "exponential": (filmed(lambda x, gamma, beta: gamma.exp() * x + beta), "scaled by exp(γ)"),
            "shortcut": (filmed(lambda x, gamma, beta: x + (1 + gamma) * x + beta), "added once more"),
            "no bias": (lambda x, c, W, b: right(x, c, W, 0 * b), "the bias `b` is missing"),
            "γ's bias": (
                lambda x, c, W, b: in_halves(x, c, W, b, b_beta=b[: len(b) // 2]),
                "β uses the first half of `b`, which belongs to γ",
            ),
            "β's bias": (
                lambda x, c, W, b: in_halves(x, c, W, b, b_gamma=b[len(b) // 2 :]),
                "γ uses the second half of `b`, which belongs to β",
            ),
            "biases exchanged": (
                lambda x, c, W, b: right(x, c, W, torch.cat(b.chunk(2)[::-1])),
                "the halves of `b` are swapped: the first belongs",
            ),
            "no bias for γ": (
                lambda x, c, W, b: in_halves(x, c, W, b, b_gamma=0 * b[: len(b) // 2]),
                "γ lacks its half of `b`, the first",
            ),
            "no bias for β": (
                lambda x, c, W, b: in_halves(x, c, W, b, b_beta=0 * b[: len(b) // 2]),
                "β lacks its half of `b`, the second",
            ),
            "γ's rows": (
                lambda x, c, W, b: in_halves(x, c, W, b, W_beta=W[: len(W) // 2]),
                "β is computed with the first D rows of `W`, which",
            ),
            "sigmoid": (
                filmed(lambda x, gamma, beta: gamma.sigmoid() * x + beta),
                "a sigmoid is applied to γ, so it can only",
            ),
            "every second": (
                lambda x, c, W, b: (1 + (c @ W.T + b)[:, None, ::2]) * x + (c @ W.T + b)[:, None, 1::2],
                "every second row is used for γ; the first half",
            ),
            "one scale": (
                filmed(lambda x, gamma, beta: (1 + gamma).mean(2, keepdim=True) * x + beta.mean(2, keepdim=True)),
                "one scale for all features",
            ),
            "along the tokens": (along_the_tokens, "`gamma[:, None]` adds an axis for the tokens: γ is"),
            "cut across": (cut_across, "`chunk(2, dim=1)` splits the layer's output, (B"),
            "no transpose": (without_transpose, "as in a linear layer"),
            "both": (lambda x, c, W, b: c @ W.T + b, "those are γ and β; use them to scale and shift the"),
            "mean": (lambda *given: in_halves(*given).mean(1), None),
            "detached": (lambda *given: right(*given).detach(), "no gradient reaches `given`"),
            "condition detached": (lambda x, c, W, b: right(x, c.detach(), W, b), "no gradient reaches `c`"),
            "scale detached": (
                filmed(lambda x, gamma, beta: (1 + gamma.detach()) * x + beta),
                "only a part of the gradient",
            ),
            "numbers": (lambda *given: torch.tensor([[[i.item() for i in t] for t in x] for x in right(*given)]), None),
        },
    )
