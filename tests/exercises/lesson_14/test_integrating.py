import torch


def answer(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


def by_linspace(velocity, noise, steps):
    x = noise.clone()
    with torch.no_grad():
        for t in torch.linspace(0, 1, steps + 1, dtype=noise.dtype)[:-1]:
            x += velocity(x, t.expand(len(x))) * (1 / steps)
    return x


def by_while(velocity, noise, steps):
    x, t, i = noise, torch.zeros(len(noise), dtype=noise.dtype), 0
    while i < steps:
        x, t, i = x + velocity(x, t) / steps, t + 1 / steps, i + 1
    return x


def recursive(velocity, noise, steps, i=0):
    if i == steps:
        return noise
    t = torch.ones(len(noise), dtype=noise.dtype) * i / steps
    return recursive(velocity, noise + velocity(noise, t) / steps, steps, i + 1)


def euler(step, count=range):
    def integrated(velocity, noise, steps):
        def v(x, t):
            return velocity(x, torch.full((len(x),), float(t), dtype=x.dtype))

        x = noise
        for i in count(steps):
            x = step(v, x, i, steps)
        return x

    return integrated


def heun(v, x, i, n):
    first = v(x, i / n)
    return x + (first + v(x + first / n, (i + 1) / n)) / (2 * n)


def in_place(velocity, noise, steps):
    for i in range(steps):
        noise += velocity(noise, torch.full((len(noise),), i / steps, dtype=noise.dtype)) / steps
    return noise


def returned(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
        return x


def all_steps(velocity, noise, steps):
    xs = [noise]
    for i in range(steps):
        xs.append(xs[-1] + velocity(xs[-1], torch.full((len(noise),), i / steps, dtype=noise.dtype)) / steps)
    return torch.stack(xs)


def computed_twice(velocity, noise, steps):
    x = noise
    for i in range(steps):
        t = torch.full((len(x),), i / steps, dtype=x.dtype)
        x = x + (velocity(x, t) + velocity(x, t)) / 2 / steps
    return x


def until_1(velocity, noise, steps):
    x, t = noise, 0.0
    while t < 1:
        x = x + velocity(x, torch.full((len(x),), t, dtype=x.dtype)) / steps
        t += 1 / steps
    return x


def test_euler(judged):
    judged(
        "14.2",
        {"full": answer, "linspace": by_linspace, "while": by_while, "recursive": recursive},
        {
            "end": (euler(lambda v, x, i, n: x + v(x, (i + 1) / n) / n), "the time of a step is that at its end"),
            "inclusive": (euler(lambda v, x, i, n: x + v(x, i / max(n - 1, 1)) / n), "the times run from 0 to 1"),
            "number": (euler(lambda v, x, i, n: x + v(x, i) / n), "the time is the number of the step"),
            "no length": (euler(lambda v, x, i, n: x + v(x, i / n)), "the whole velocity is added"),
            "backwards": (euler(lambda v, x, i, n: x + v(x, 1 - i / n) / n), "the time runs from 1 to 0; it"),
            "subtracted": (euler(lambda v, x, i, n: x - v(x, i / n) / n), "the velocity is subtracted"),
            "replaced": (euler(lambda v, x, i, n: v(x, i / n)), "x is replaced by the velocity"),
            "heun": (euler(heun), "that is Heun's method"),
            "one short": (euler(lambda v, x, i, n: x + v(x, i / n) / n, lambda n: range(n - 1)), None),
            "one more": (
                euler(lambda v, x, i, n: x + v(x, i / n) / n, lambda n: range(n + 1)),
                "there is one step too many",
            ),
            "at once": (lambda v, x, n: x + v(x, torch.zeros(len(x), dtype=x.dtype)), None),
            "ten": (lambda v, x, n: answer(v, x, 10), "there are 10 steps whatever"),
            "float t": (lambda v, x, n: x + v(x, 0.0), "gets a float, 0.0 for t"),
            "t without axis": (lambda v, x, n: x + v(x, torch.tensor(0.0)), "gets a t of shape ()"),
            "t with axes": (
                lambda v, x, n: x + v(x, torch.zeros(len(x), 1)),
                "gets a t of shape (3, 1)",
            ),
            "t float32": (
                lambda v, x, n: by_while(lambda x, t: v(x, t.float()), x, n),
                "gets a t of torch.float32",
            ),
            "whole t": (
                lambda v, x, n: x + v(x, torch.zeros(len(x), dtype=torch.long)),
                "gets a t of torch.int64",
            ),
            "in place": (in_place, "was changed in place"),
            "return": (returned, "is a `return` inside the loop"),
            "all steps": (all_steps, "all steps are there"),
            "until 1": (until_1, "a little below 1 in floating point"),
            "fixed length": (euler(lambda v, x, i, n: x + 0.1 * v(x, i / n)), "a step has the length 0.1"),
            "swapped": (lambda v, x, n: v(torch.zeros(len(x)), x), "in the wrong order"),
            "twice": (computed_twice, "once per step is enough"),
            "never": (lambda v, x, n: x, "`velocity` is never called"),
        },
    )
