import torch
import torch.nn.functional as F


def answer(p, d, m):
    return F.mse_loss(p[m], d[m].log())


def by_sum(p, d, m):
    squares = (p - torch.where(m, d, 1).log()).square() * m
    return squares.sum() / m.sum()


def by_fill(p, d, m):
    return (p - d.masked_fill(~m, 1).log()).square()[m].mean()


def by_loop(p, d, m):
    total = p.new_zeros(())
    for i in range(len(p)):
        for j in range(p.shape[1]):
            if m[i, j]:
                total = total + (p[i, j] - torch.log(d[i, j])) ** 2
    return total / m.sum()


def where_after(p, d, m):
    return torch.where(m, (p - d.log()).square(), 0).sum() / m.sum()


def selected_after(p, d, m):
    return (p - d.log()).square()[m].mean()


def test_duration_loss(judged):
    judged(
        "15.3",
        {
            "mse_loss": answer,
            "sum": by_sum,
            "fill": by_fill,
            "loop": by_loop,
            "clamp": lambda p, d, m: ((p - d.clamp(min=1).log())[m] ** 2).mean(),
            "indices": lambda p, d, m: (p[d > 0] - d[d > 0].log()).pow(2).mean(),
        },
        {
            "times mask": (lambda p, d, m: ((p - d.log()) * m).square().sum() / m.sum(), "the loss is not finite"),
            "unmasked": (lambda p, d, m: F.mse_loss(p, d.log()), None),
            "clamped": (lambda p, d, m: F.mse_loss(p, d.clamp(min=1).log()), "padded positions count as letters"),
            "log1p": (lambda p, d, m: F.mse_loss(p[m], d[m].float().log1p()), "the duration plus 1"),
            "all positions": (
                lambda p, d, m: ((p - d.clamp(min=1).log()) * m).square().mean(),
                "divided by all positions",
            ),
            "sentences": (
                lambda p, d, m: torch.stack([answer(*case) for case in zip(p, d, m, strict=True)]).mean(),
                "the mean over words of each one's mean",
            ),
            "each": (
                lambda p, d, m: torch.stack([answer(*case) for case in zip(p, d, m, strict=True)]),
                None,
            ),
            "sum": (lambda p, d, m: F.mse_loss(p[m], d[m].log(), reduction="sum"), "it is a sum over the letters"),
            "absolute": (lambda p, d, m: F.l1_loss(p[m], d[m].log()), "the absolute errors"),
            "durations": (lambda p, d, m: F.mse_loss(p[m].exp(), d[m].to(p)), "durations are compared"),
            "no logarithm": (lambda p, d, m: F.mse_loss(p[m], d[m].to(p)), "compared with durations"),
            "root": (lambda p, d, m: answer(p, d, m).sqrt(), "the root of the mean"),
            "base 2": (lambda p, d, m: F.mse_loss(p[m], d[m].log2()), "the logarithm has base 2"),
            "inverted": (lambda p, d, m: answer(p, d, ~m), None),
            "where": (where_after, "its gradient is NaN at padded positions"),
            "selected after": (selected_after, None),
            "number": (lambda p, d, m: answer(p, d, m).item(), "no gradient passes through it"),
            "detached": (lambda p, d, m: answer(p.detach(), d, m), "no gradient reaches `p`"),
            "unreduced": (lambda p, d, m: F.mse_loss(p[m], d[m].log(), reduction="none"), None),
            "dtype": (lambda p, d, m: answer(p, d, m).float(), "for float64 tensors the result"),
        },
    )
