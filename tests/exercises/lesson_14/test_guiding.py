import torch


def answer(c, u, s):
    return u + s * (c - u)


def by_loop(c, u, s):
    return torch.stack([(1 - s) * b + s * a for a, b in zip(c, u, strict=True)])


def test_guided(judged):
    judged(
        "14.3",
        {
            "difference": answer,
            "weights": lambda c, u, s: s * c + (1 - s) * u,
            "lerp": lambda c, u, s: torch.lerp(u, c, float(s)),
            "from the conditional": lambda c, u, s: c + (s - 1) * (c - u),
            "loop": by_loop,
            "tensor": lambda c, u, s: torch.add(u, c - u, alpha=s),
        },
        {
            "other scale": (lambda c, u, s: (1 + s) * c - s * u, "Ho and Salimans"),
            "exchanged": (lambda c, u, s: c + s * (u - c), "exchange them"),
            "no start": (lambda c, u, s: s * (c - u), "where the line begins, is missing"),
            "sign": (lambda c, u, s: u - s * (c - u), "moves away from the conditional"),
            "sum": (lambda c, u, s: u + s * c, "the conditional velocity is added as it is"),
            "conditional": (lambda c, u, s: c, None),
            "unconditional ignored": (lambda c, u, s: s * c, "the unconditional velocity is not used"),
            "brackets": (lambda c, u, s: u + s * c - u, None),
            "limited": (lambda c, u, s: answer(c, u, min(s, 1.0)), None),
            "mean": (lambda c, u, s: (c + u) / 2, "that is the mean of both"),
            "weights": (lambda c, u, s: s * c - u, "the weights do not add up to 1: for scale 1"),
            "clamped": (lambda c, u, s: answer(c, u, s).clamp(-1, 1), "cut off at -1 and 1"),
            "squeezed": (lambda c, u, s: answer(c, u, s).squeeze(), None),
            "detached": (lambda c, u, s: u.detach() + s * (c - u.detach()), "no gradient reaches `u`"),
            "dtype": (lambda c, u, s: answer(c, u, s).float(), "for float64 tensors the result"),
            "in place": (lambda c, u, s: u.add_(s * (c - u)), "was changed in place"),
            "one of them": (lambda c, u, s: c if s > 0 else u, None),
            "absolute": (lambda c, u, s: u + s * (c - u).abs(), "the absolute difference"),
        },
    )
