import math

import numpy as np
import torch


def test_perplexity(judged):
    def by_loop(sentences):
        total, n = 0.0, 0
        for s in sentences:
            total -= s.sum().item()
            n += len(s)
        return math.exp(total / n)

    def last(sentences):
        for s in sentences:
            result = math.exp(-s.mean())
        return result

    def of_each(sentences):
        return [math.exp(-s.mean()) for s in sentences]

    judged(
        "05.2",
        {
            "cat": lambda s: math.exp(-torch.cat(s).mean().item()),
            "loop": by_loop,
            "sums": lambda s: math.exp(-sum(x.sum().item() for x in s) / sum(len(x) for x in s)),
            "numpy": lambda s: np.exp(-np.concatenate([x.numpy() for x in s]).mean()),  # a float32 of numpy
        },
        {
            "tensor": (lambda s: (-torch.cat(s).mean()).exp(), "`.item()` takes a number out"),
            "no minus": (lambda s: math.exp(torch.cat(s).mean().item()), "the minus sign is missing"),
            "cross-entropy": (lambda s: -torch.cat(s).mean().item(), "its exponential is the perplexity"),
            "mean log": (lambda s: torch.cat(s).mean().item(), "the exponential of minus that"),
            "mean of perplexities": (lambda s: sum(of_each(s)) / len(s), "mean of the sentences' perplexities"),
            "sentences alike": (
                lambda s: math.exp(-sum(x.mean().item() for x in s) / len(s)),
                "every sentence counts alike",
            ),
            "by sentences": (
                lambda s: math.exp(-sum(x.sum().item() for x in s) / len(s)),
                "divided by the number of sentences",
            ),
            "sum": (lambda s: math.exp(-torch.cat(s).sum().item()), "is not divided by"),
            "base 2": (lambda s: 2 ** -torch.cat(s).mean().item(), "it is 2 to a power"),
            "base 10": (lambda s: 10 ** -torch.cat(s).mean().item(), "it is 10 to a power"),
            "exp first": (lambda s: (-torch.cat(s)).exp().mean().item(), "before the mean"),
            "mean probability": (lambda s: 1 / torch.cat(s).exp().mean().item(), "the mean is over logarithms"),
            "first": (lambda s: math.exp(-s[0].mean()), "only the first sentence"),
            "last": (last, "only the last sentence"),
            "list": (of_each, "it returned a list"),
            "infinite": (lambda s: math.inf, None),
            "product": (
                lambda s: torch.cat(s).exp().prod().pow(-1 / sum(map(len, s))).item(),
                "it returned inf",
            ),
            "powers": (
                lambda s: torch.cat(s).sum().exp().item() ** (-1 / sum(map(len, s))),
                "Perhaps the product of 800",
            ),
            "log of logs": (lambda s: math.exp(-torch.cat(s).log().mean()), "a logarithm of a negative number is NaN"),
        },
    )
