"""Exercise 14.2: from noise to a sample along a velocity, by Euler's method."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, described, drawn, explained, judge_tensors, whole
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again

SEVEN = 7  # steps for which 1/7 + ... + 1/7 is below 1 in floating point


class Velocity:
    """A velocity of place and time that keeps the times it was asked for, and names arguments that do not fit."""

    def __init__(self, rng: torch.Generator):
        self.a, self.b, self.c = (0.5 + torch.rand(3, generator=rng)).tolist()
        self.times: list[Tensor] = []

    def __call__(self, x, t) -> Tensor:
        if not isinstance(x, Tensor):
            raise Mistake(f"the velocity gets {described(x)} for x; it takes the current examples")
        if isinstance(t, Tensor) and x.dim() < 2 <= t.dim():
            raise Mistake("the velocity gets x and t in the wrong order: `velocity(x, t)`")
        if not isinstance(t, Tensor):
            raise Mistake(
                f"the velocity gets {described(t)} for t; it takes a tensor with one time per example, (B,): "
                "`torch.full((len(x),), time)`"
            )
        if tuple(t.shape) != (len(x),):
            raise Mistake(
                f"the velocity gets a t of shape {tuple(t.shape)}; it takes one time per example, {(len(x),)}"
            )
        if t.dtype != x.dtype:
            raise Mistake(f"the velocity gets a t of {t.dtype}; it takes the dtype of `noise`, {x.dtype}")
        self.times.append(t.detach().clone())
        return self.at(x, t)

    def at(self, x: Tensor, t: Tensor | float) -> Tensor:
        """Without a record."""
        t = torch.as_tensor(t, dtype=x.dtype).reshape(-1, *[1] * (x.dim() - 1))
        return self.a * (3 * self.b * t).cos() - self.c * x + 0.5 * (2 * x * t).sin()


def steps_of(
    moved: Callable = lambda v, x, i, n: v.at(x, i / n) / n,
    count: Callable = lambda n: range(n),
    begins: Callable = lambda noise: noise,
) -> Callable:
    """Euler's method with any part exchanged: what a step adds, which steps there are, where it begins."""

    def integrated(velocity: Velocity, noise: Tensor, steps: int) -> Tensor:
        x = begins(noise)
        for i in count(steps):
            x = x + moved(velocity, x, i, steps)
        return x

    return integrated


right = steps_of()


def midpoint(v: Velocity, x: Tensor, i: int, n: int) -> Tensor:
    return v.at(x + v.at(x, i / n) / (2 * n), (i + 0.5) / n) / n


def heun(v: Velocity, x: Tensor, i: int, n: int) -> Tensor:
    first = v.at(x, i / n)
    return (first + v.at(x + first / n, (i + 1) / n)) / (2 * n)


def runge_kutta(v: Velocity, x: Tensor, i: int, n: int) -> Tensor:
    """The classical method of order 4."""
    t, h = i / n, 1 / n
    a = v.at(x, t)
    b = v.at(x + h / 2 * a, t + h / 2)
    c = v.at(x + h / 2 * b, t + h / 2)
    return h / 6 * (a + 2 * b + 2 * c + v.at(x + h * c, t + h))


def begins_again(velocity: Velocity, noise: Tensor, steps: int) -> Tensor:
    """Each step is added to the noise."""
    x = noise
    for i in range(steps):
        x = noise + velocity.at(x, i / steps) / steps
    return x


def never_moved(velocity: Velocity, noise: Tensor, steps: int) -> Tensor:
    """Every velocity is that of the noise."""
    return noise + sum(velocity.at(noise, i / steps) / steps for i in range(steps))


MISTAKES: Mistakes = [
    (
        steps_of(lambda v, x, i, n: v.at(x, (i + 1) / n) / n),
        "the time of a step is that at its end; it is that at its beginning, `i / steps`",
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, (i + 0.5) / n) / n),
        "the time of a step is that in its middle; it is that at its beginning",
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / max(n - 1, 1)) / n),
        "the times run from 0 to 1 inclusive (`linspace(0, 1, steps)`); the last step begins at 1 - 1/steps",
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / max(n - 1, 1)) / max(n - 1, 1)),
        "the step is 1 / (steps - 1): `steps` steps of that size go beyond t = 1",
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / (n - 1)) / (n - 1) if n > 1 else 0 * x, lambda n: range(n - 1)),
        "there are steps - 1 steps: `linspace(0, 1, steps)` has that many intervals",
    ),
    (steps_of(lambda v, x, i, n: v.at(x, float(i)) / n), "the time is the number of the step; divide it by `steps`"),
    (steps_of(lambda v, x, i, n: v.at(x, 0.0) / n), "the time stays 0; it grows by 1 / steps in each step"),
    (steps_of(lambda v, x, i, n: v.at(x, 1.0) / n), "the time stays 1; it grows from 0 by 1 / steps in each step"),
    (
        steps_of(lambda v, x, i, n: v.at(x, 1 - i / n) / n),
        "the time runs from 1 to 0; it runs from 0 (noise) to 1 (sample)",
    ),
    (
        steps_of(lambda v, x, i, n: -v.at(x, 1 - i / n) / n),
        "that goes from the sample back to the noise, with the times from 1 to 0",
    ),
    (steps_of(lambda v, x, i, n: -v.at(x, i / n) / n), "the velocity is subtracted; add it"),
    (steps_of(lambda v, x, i, n: v.at(x, i / n)), "the whole velocity is added in each step; a step lasts 1 / steps"),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / n) * i / n),
        "the velocity is multiplied by the time; it is multiplied by the length of a step, 1 / steps",
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / n) - x),
        "x is replaced by the velocity; the velocity, times 1 / steps, is added",
    ),
    (steps_of(lambda v, x, i, n: v.at(x, i / n) / n - x), "x is replaced by the step; the step is added"),
    (steps_of(count=lambda n: range(n - 1)), "the last step is missing: does the loop end one too early?"),
    (steps_of(count=lambda n: range(n + 1)), "there is one step too many"),
    (steps_of(count=lambda n: range(1, n)), "the first step is missing: the loop begins at 1"),
    (
        steps_of(count=lambda n: range(1, n + 1)),
        "the steps are counted from 1, so the time is that at the end of a step",
    ),
    (steps_of(count=lambda n: range(1)), "there is only one step of size 1 / steps: is a `return` inside the loop?"),
    (lambda v, noise, n: noise + v.at(noise, 0.0), "there is one step of size 1; take `steps` of them"),
    *(
        (
            steps_of(lambda v, x, i, n, length=length: v.at(x, i / n) * length),
            f"a step has the length {length:g}, whatever `steps` is; it is 1 / steps",
        )
        for length in (0.5, 0.1, 0.05, 0.02, 0.01)
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, (n - 1 - i) / n) / n),
        "the times come in reverse order; they begin at 0, where x is the noise",
    ),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / n).mean(0) / n),
        "a mean over the batch is taken; every example has its own velocity",
    ),
    (steps_of(lambda v, x, i, n: v.at(x, i / n) * n), "the velocity is multiplied by `steps`; a step lasts 1 / steps"),
    (steps_of(lambda v, x, i, n: v.at(x, i / n) / n**2), "the velocity is divided by `steps` twice"),
    (
        steps_of(lambda v, x, i, n: v.at(x, i / n) / (n - i)),
        "the velocity is divided by the number of steps left; a step lasts 1 / steps",
    ),
    (
        steps_of(runge_kutta),
        "that is a Runge-Kutta method; Euler's method evaluates the velocity once, at the beginning of a step",
    ),
    (begins_again, "each step begins at the noise again; it begins at the current x"),
    (lambda v, noise, n: right(v, noise, n).sigmoid(), "there is a sigmoid at the end; leave x as it is"),
    (
        steps_of(midpoint),
        "that is the midpoint method; Euler's method evaluates the velocity once, at the beginning of a step",
    ),
    (steps_of(heun), "that is Heun's method; Euler's method evaluates the velocity once, at the beginning of a step"),
    (never_moved, "the velocity is always that at the noise; it is that at the current x"),
    (steps_of(begins=torch.zeros_like), "x begins at 0; it begins at the noise"),
    (
        lambda v, noise, n: right(v, noise, n) - noise,
        "that is the way from the noise to the sample; add the noise, where x begins",
    ),
    (lambda v, noise, n: right(v, noise, n).clamp(0, 1), "the result is cut off at 0 and 1; leave it as it is"),
    (lambda v, noise, n: right(v, noise, n).clamp(-1, 1), "the result is cut off at -1 and 1; leave it as it is"),
    *(
        (
            steps_of(lambda v, x, i, n, low=low: (x + v.at(x, i / n) / n).clamp(low, 1) - x),
            f"x is cut off at {low} and 1 in every step; leave it as it is",
        )
        for low in (0, -1)
    ),
    (lambda v, noise, n: noise, "that is the noise"),
    *(
        (
            lambda v, noise, n, fixed=fixed: right(v, noise, fixed),
            f"there are {fixed} steps whatever `steps` is",
        )
        for fixed in (10, 20, 50, 100)
    ),
]


@exercise(
    "14.2",
    title="from noise to an image",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "With 4 steps, how long does each last, and at which four times does a step begin?",
        "One step: `x = x + velocity(x, t) / steps`, where t is `torch.full((len(x),), i / steps)`.",
        "Give t the dtype of the noise: `torch.full((len(x),), i / steps, dtype=x.dtype)`.",
    ),
)
def euler_check(answer, rng):
    velocity = Velocity(rng)
    sizes = [((3, 2), 4), ((2, 3, 4, 4), 1), ((1, 5), 3), ((4, 4), SEVEN), ((5, 2, 3), 2), ((3, 1), whole(rng, 11, 16))]
    cases = [(velocity, drawn(rng, *shape), steps) for shape, steps in sizes]
    tried = explained(answer, {"modified by an inplace": "leave `noise` and the velocity's results as they are"})
    expect_same_again(tried, cases[0])
    calls: dict[int, int] = {}

    def counted(velocity: Velocity, noise: Tensor, steps: int):
        velocity.times.clear()
        given = tried(velocity, noise, steps)
        calls[steps] = len(velocity.times)
        if calls.get(4) == 4 and calls.get(SEVEN) == SEVEN + 1:
            raise Mistake(
                f"for {SEVEN} steps there are {SEVEN + 1}, since the sum of 1/{SEVEN}, {SEVEN} times, is a little "
                "below 1 in floating point: count the steps instead of comparing t with 1"
            )
        if not velocity.times and steps > 1:
            raise Mistake("`velocity` is never called")
        return given

    judge_tensors(
        counted,
        cases,
        right,
        MISTAKES,
        where=lambda v, noise, steps: f"for noise of shape {tuple(noise.shape)} and {steps} step{'s' * (steps != 1)}",
        causes=lambda v, noise, steps: {
            (steps, *noise.shape): "all steps are there; the last x alone is asked for",
            (steps + 1, *noise.shape): "all steps are there; the last x alone is asked for",
        },
    )
    for case in cases[:3]:
        counted(*case)
        if len(velocity.times) != case[2]:
            raise Mistake(
                f"the result is correct, but for {case[2]} steps the velocity, a large network, is computed "
                f"{len(velocity.times)} times; once per step is enough"
            )
    expect_dtype_kept(lambda noise: tried(velocity, noise, 3), (cases[0][1],))
    return f"{len(cases)} integrations of 1 to {sizes[-1][1]} steps at the times 0, 1/n, ..., 1 - 1/n"
