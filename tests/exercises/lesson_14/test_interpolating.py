import torch


def answer(n, d, t):
    t = t[:, None, None, None]
    return (1 - t) * n + t * d, d - n


def by_lerp(n, d, t):
    return torch.lerp(n, d, t.view(-1, 1, 1, 1)), d - n


def by_loop(n, d, t):
    points = [(1 - s) * a + s * b for a, b, s in zip(n, d, t, strict=True)]
    return torch.stack(points), d.sub(n)


def by_einsum(n, d, t):
    return [n + torch.einsum("b,bchw->bchw", t, d - n), d - n]


def pair(point, velocity=lambda n, d, t: d - n):
    return lambda n, d, t: (point(n, d, t[:, None, None, None]), velocity(n, d, t[:, None, None, None]))


def line(n, d, t):
    return (1 - t) * n + t * d


def test_flow_pair(judged):
    judged(
        "14.1",
        {"formula": answer, "lerp": by_lerp, "loop": by_loop, "einsum": by_einsum},
        {
            "reversed line": (pair(lambda n, d, t: t * n + (1 - t) * d), "at t = 0 it is the data"),
            "reversed velocity": (pair(line, lambda n, d, t: n - d), "the velocity points to the noise"),
            "velocity first": (lambda n, d, t: answer(n, d, t)[::-1], "the velocity comes first"),
            "no axes": (lambda n, d, t: ((1 - t) * n + t * d, d - n), "broadcasting compares axes"),
            "one t": (lambda n, d, t: pair(line)(n, d, t[:1].expand(len(t))), "all examples get the t of the first"),
            "roots": (pair(lambda n, d, t: (1 - t).sqrt() * n + t.sqrt() * d), "the weights are the roots"),
            "no noise": (pair(lambda n, d, t: t * (d - n)), "where the line begins, is missing"),
            "no weight": (pair(lambda n, d, t: n + t * d), "the weight 1 - t of the noise is missing"),
            "brackets": (pair(lambda n, d, t: 1 - t * n + t * d), "brackets are missing"),
            "velocity times t": (pair(line, lambda n, d, t: t * (d - n)), "the velocity is multiplied by t"),
            "rest": (pair(line, lambda n, d, t: d - line(n, d, t)), "that is the rest of the way to the data"),
            "data": (pair(line, lambda n, d, t: d), "that is the data; the velocity"),
            "noise": (pair(line, lambda n, d, t: n), "which a diffusion model predicts"),
            "point alone": (lambda n, d, t: answer(n, d, t)[0], "expected two tensors"),
            "squeezed": (lambda n, d, t: tuple(one.squeeze() for one in answer(n, d, t)), None),
            "detached": (lambda n, d, t: answer(n, d.detach(), t), "no gradient reaches `d`"),
            "dtype": (lambda n, d, t: tuple(one.float() for one in answer(n, d, t)), "for float64 tensors the result"),
            "in place": (lambda n, d, t: (n.lerp_(d, t[:, None, None, None]), d - n), "was changed in place"),
            "middle": (pair(lambda n, d, t: (n + d) / 2), "that is the middle of the line"),
        },
    )
