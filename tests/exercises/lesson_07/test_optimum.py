import torch


def by_loop(p, q):
    result = torch.zeros(len(p))
    for i in range(len(p)):
        result[i] = p[i].item() / (p[i].item() + q[i].item())
    return result


def test_optimal_discriminator(judged):
    judged(
        "07.1",
        {
            "formula": lambda p, q: p / (p + q),
            "reciprocal": lambda p, q: 1 / (1 + q / p),
            "sigmoid of the score": lambda p, q: torch.sigmoid(p.log() - q.log()),
            "loop": by_loop,
            "stacked": lambda p, q: torch.stack([p, q]).div(torch.stack([p, q]).sum(0))[0],
        },
        {
            "a small number": (lambda p, q: p / (p + q + 1e-8), "a small number is added"),
            "limited": (lambda p, q: (p / (p + q)).clamp(1e-3, 1 - 1e-3), "is it limited"),
            "generated": (lambda p, q: q / (p + q), "that it is real is 1 minus that"),
            "no brackets": (lambda p, q: p / p + q, "put brackets around the sum"),
            "ratio": (lambda p, q: p / q, "the ratio of the densities, which can exceed 1; divide by the sum"),
            "cut off": (lambda p, q: (p / q).clamp(max=1), "cut off at 1"),
            "over the difference": (lambda p, q: p / (p - q), "the densities, not their difference"),
            "score": (lambda p, q: (p / q).log(), "the optimal score (logit)"),
            "softmax": (lambda p, q: torch.stack([p, q]).softmax(0)[0], "uses their exponentials"),
            "sigmoid of the ratio": (lambda p, q: (p / q).sigmoid(), "and not the ratio itself"),
            "difference": (lambda p, q: p - q, "that is a difference"),
            "signed": (lambda p, q: (p - q) / (p + q), "from -1 to 1"),
            "decision": (lambda p, q: (p > q).float(), "decides for the larger density"),
            "half": (lambda p, q: torch.full_like(p, 0.5), "and only there"),
            "sum over the points": (lambda p, q: p / (p + q).sum(), "no sum or maximum over the points"),
            "mean": (lambda p, q: 2 * p / (p + q), "divided by the mean of both"),
            "data alone": (lambda p, q: p, "the data alone is no probability"),
            "every pair": (lambda p, q: p[:, None] / (p[:, None] + q), None),
            "squeeze": (lambda p, q: (p / (p + q)).squeeze(), "a single point keeps its axis"),
            "list": (lambda p, q: (p / (p + q)).tolist(), "returned a list"),
            "in place": (lambda p, q: p.div_(p + q), "was changed in place"),
            "both": (lambda p, q: torch.stack([p, q]) / (p + q), "of real examples alone is asked for"),
        },
    )
