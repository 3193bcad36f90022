import numpy as np
import torch
import torch.nn.functional as F


def answer(m, w):
    return (torch.linalg.pinv(w.T) @ m).clamp(min=0)


def updates(m, w):
    s = answer(m, w).clamp(min=1e-8)
    for _ in range(3):
        s = s * (w @ m) / (w @ (w.T @ s)).clamp(min=1e-12)
    return s


def test_spectrum_from_mels(judged):
    judged(
        "15.4",
        {
            "pinv": answer,
            "transposed after": lambda m, w: F.relu(torch.linalg.pinv(w).T @ m),
            "least squares": lambda m, w: torch.relu(torch.linalg.lstsq(w.T, m, driver="gelsd").solution),
            "numpy": lambda m, w: torch.from_numpy(np.maximum(np.linalg.pinv(w.numpy().T) @ m.numpy(), 0)),
            "frames": lambda m, w: torch.stack([answer(one[:, None], w)[:, 0] for one in m.T], dim=1),
        },
        {
            "normal equations": (
                lambda m, w: torch.clamp(w @ torch.linalg.solve(w.T @ w, m), min=0),
                "correct for linearly independent bands",
            ),
            "negative": (lambda m, w: torch.linalg.pinv(w.T) @ m, "negative powers are left"),
            "absolute": (lambda m, w: (torch.linalg.pinv(w.T) @ m).abs(), "the absolute value is taken"),
            "filters": (lambda m, w: w @ m, "is no inverse: it spreads"),
            "normalised": (lambda m, w: (w / w.sum(0)) @ m, "each band is spread over its filter; the bands"),
            "weighted": (lambda m, w: w / w.sum(1, keepdim=True) @ m, None),
            "wrong pinv": (lambda m, w: torch.linalg.pinv(w) @ m, None),
            "inverse": (lambda m, w: torch.linalg.inv(w.T) @ m, "is not square and has no inverse"),
            "pinv clamped": (lambda m, w: torch.linalg.pinv(w.T).clamp(min=0) @ m, "the pseudo-inverse is clamped"),
            "root": (lambda m, w: answer(m, w).sqrt(), "the root is taken: powers"),
            "exponential": (lambda m, w: answer(m.exp(), w), "they are no logarithms"),
            "updates": (updates, "multiplicative updates follow"),
            "clamp": (lambda m, w: (torch.linalg.pinv(w.T) @ m).clamp(0, 1), "powers above 1 are cut off"),
            "maximum": (lambda m, w: (torch.linalg.pinv(w.T) @ m).clamp(max=0), "the maximum is limited"),
            "columns": (lambda m, w: answer(m, w).T, None),
            "softplus": (lambda m, w: F.softplus(torch.linalg.pinv(w.T) @ m), "a softplus changes all powers"),
            "floor": (lambda m, w: answer(m, w).clamp(min=1e-5), "does not give 0"),
            "size": (lambda m, w: answer(m, w)[:201], None),
            "limited": (lambda m, w: torch.minimum(answer(m, w), m.max()), "powers above those of the bands"),
            "in place": (lambda m, w: answer(m.abs_().mul_(1.5), w) / 1.5, "was changed in place"),
            "dtype": (lambda m, w: answer(m.float(), w.float()), "for float64 tensors the result"),
        },
    )
