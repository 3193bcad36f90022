import numpy as np
import torch


def weights(steps, code, last=1.0):
    return torch.linspace(0, last, steps).view(-1, *[1] * code.dim())


def answer(start, end, steps):
    a = weights(steps, start)
    return (1 - a) * start + a * end


def by_loop(start, end, steps):
    codes = []
    for i in range(steps):
        a = i / (steps - 1)
        codes.append(start + a * (end - start))
    return torch.stack(codes)


def flat(start, end, steps):
    a = torch.linspace(0, 1, steps)[:, None]
    return (start.flatten() + a * (end - start).flatten()).reshape(steps, *start.shape)


def by_numpy(start, end, steps):
    return torch.from_numpy(np.linspace(start.numpy(), end.numpy(), steps))


def mixed(of):
    def function(start, end, steps):
        a = of(steps).view(-1, *[1] * start.dim())
        return (1 - a) * start + a * end

    return function


def spherical(start, end, steps):
    a = weights(steps, start)
    angle = torch.acos((start * end).sum() / (start.norm() * end.norm()))
    return torch.sin((1 - a) * angle) / torch.sin(angle) * start + torch.sin(a * angle) / torch.sin(angle) * end


def in_place(start, end, steps):
    return torch.stack([start.lerp_(end, i / (steps - 1)).clone() for i in range(steps)])


def from_one(start, end, steps):
    codes = torch.zeros(steps, *start.shape)
    for i in range(1, steps):
        codes[i] = start + i / (steps - 1) * (end - start)
    return codes


def too_early(start, end, steps):
    codes = torch.zeros(steps, *start.shape)
    for i in range(steps - 1):
        codes[i] = start + i / (steps - 1) * (end - start)
    return codes


def return_in_loop(start, end, steps):
    for i in range(steps):
        return torch.stack([start + i / (steps - 1) * (end - start)])


def test_interpolate(judged):
    judged(
        "06.4",
        {
            "weights": answer,
            "loop": by_loop,
            "flat": flat,
            "numpy": by_numpy,
            "lerp": lambda s, e, n: torch.lerp(s, e, weights(n, s).to(s.dtype)),
            "einsum": lambda s, e, n: s + torch.einsum("n,...->n...", torch.arange(n, dtype=s.dtype) / (n - 1), e - s),
        },
        {
            "reversed": (lambda s, e, n: answer(e, s, n), "it runs from end to start"),
            "without end": (mixed(lambda n: torch.arange(n) / n), "the last code is not `end`"),
            "without start": (mixed(lambda n: torch.arange(1, n + 1) / n), "the first code is not `start`"),
            "without both": (mixed(lambda n: torch.linspace(0, 1, n + 2)[1:-1]), "neither `start` nor `end`"),
            "whole numbers": (mixed(lambda n: torch.linspace(0, 1, n).long()), "the weights are whole numbers"),
            "floor": (lambda s, e, n: torch.stack([s + i // (n - 1) * (e - s) for i in range(n)]), None),
            "not divided": (mixed(lambda n: torch.arange(n).float()), "divide them by steps - 1"),
            "end added": (lambda s, e, n: s + weights(n, s) * e, "`end` is added to `start`"),
            "away": (lambda s, e, n: s + weights(n, s) * (s - e), "it moves away from `end`"),
            "differences": (lambda s, e, n: weights(n, s) * (e - s), "these are the differences"),
            "without start's part": (lambda s, e, n: weights(n, s) * e, "it has the weight 1 - a"),
            "one more": (lambda s, e, n: answer(s, e, n + 1), "one code too many"),
            "two more": (lambda s, e, n: answer(s, e, n + 2), "two codes too many"),
            "always 8": (lambda s, e, n: answer(s, e, 8), "there are 8 codes"),
            "one less": (lambda s, e, n: answer(s, e, n)[:-1], "one code is missing"),
            "inner": (lambda s, e, n: answer(s, e, n)[1:-1], None),
            "one axis only": (
                lambda s, e, n: s + torch.linspace(0, 1, n)[:, None] * (e - s),
                "one of size 1 for every axis of the code",
            ),
            "no broadcasting": (lambda s, e, n: s + torch.linspace(0, 1, n) * (e - s), None),
            "batch axis": (lambda s, e, n: answer(s[None], e[None], n), "one axis too many after that of the steps"),
            "in front": (lambda s, e, n: answer(s, e, n)[None], "one axis too many in front"),
            "steps last": (lambda s, e, n: answer(s, e, n).movedim(0, -1), "the steps are the last axis"),
            "flattened": (lambda s, e, n: answer(s, e, n).flatten(1), "the codes are flattened"),
            "joined": (lambda s, e, n: torch.cat(list(answer(s, e, n))), "`torch.stack` makes a new one"),
            "list": (lambda s, e, n: list(answer(s, e, n)), "returned a list"),
            "from one": (from_one, "`range(steps)` begins at 0"),
            "too early": (too_early, "`range(steps)` includes steps - 1"),
            "sum of both": (lambda s, e, n: s + weights(n, s) * (s + e), "is `end - start`, not the sum"),
            "ten": (lambda s, e, n: answer(s, e, 10), "the shape is (10, 4), expected (3, 4)"),
            "squared": (mixed(lambda n: torch.linspace(0, 1, n) ** 2), "the weights are squared"),
            "half": (mixed(lambda n: torch.full((n,), 0.5)), "every code is the mean of both"),
            "spherical": (spherical, "spherical interpolation"),
            "in place": (in_place, "was changed in place"),
            "return in the loop": (return_in_loop, None),
            "random": (lambda s, e, n: mixed(torch.rand)(s, e, n), "is the result random"),
        },
    )
