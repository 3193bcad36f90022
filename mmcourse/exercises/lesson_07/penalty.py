"""Exercise 07.5: the gradient penalty."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import (
    agrees,
    distinct_texts,
    drawn,
    expect_finite,
    expect_tensor,
    explained,
    named_mistake,
    possible,
    whole,
)
from mmcourse.exercises.properties import NetworkState, expect_dtype_kept


def along(t: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1)"""
    return t[:, None, None, None]


def between(real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    """The interpolated images.   (B, C, H, W)"""
    return along(t) * real + (1 - along(t)) * fake


def norms(gradient: Tensor) -> Tensor:
    """One norm per example.   (B, C, H, W) -> (B,)"""
    return gradient.flatten(1).norm(dim=1)


def deviation(norm: Tensor) -> Tensor:
    return (norm - 1).square().mean()


def penalty(
    at: Callable = between,
    of: Callable = torch.sum,
    norm: Callable = norms,
    of_norms: Callable = deviation,
) -> Callable:
    """The gradient penalty with any of its parts exchanged."""

    def computed(discriminator: nn.Module, real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
        images = at(real, fake, t).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(of(discriminator(images)), images, create_graph=True)
        return of_norms(norm(gradient))

    return computed


right = penalty()
MISTAKES = [
    (
        penalty(at=lambda real, fake, t: between(fake, real, t)),
        "real and generated images are swapped: `t` belongs to the real ones",
    ),
    (
        penalty(at=lambda real, fake, t: real),
        "the gradient is taken at the real images, not between real and generated",
    ),
    (
        penalty(at=lambda real, fake, t: fake),
        "the gradient is taken at the generated images, not between real and generated",
    ),
    (
        penalty(at=lambda real, fake, t: between(real, fake, t[:1].expand_as(t))),
        "the first `t` is used for every example; each has its own",
    ),
    (
        penalty(at=lambda real, fake, t: between(real, fake, t.mean().expand_as(t))),
        "the mean of `t` is used for every example; each has its own",
    ),
    (
        penalty(at=lambda real, fake, t: between(real, fake, torch.full_like(t, 0.5))),
        "`t` is not used: the gradient is taken in the middle",
    ),
    (
        penalty(at=lambda real, fake, t: real + along(t) * (real - fake)),
        "the images are not between real and generated ones: `fake + t * (real - fake)`",
    ),
    (penalty(at=lambda real, fake, t: real - fake), "the gradient is taken at the difference of the images"),
    (penalty(at=lambda real, fake, t: along(t) * (real + fake)), "the generated images have the weight 1 - t"),
    (
        penalty(at=lambda real, fake, t: torch.cat([real, fake])),
        "the gradient is taken at the real and the generated images; it is wanted between them",
    ),
    (penalty(of=lambda scores: scores[0]), "only the first image's score is differentiated: sum the scores"),
    (penalty(norm=lambda g: g[0].norm()), "only the first image's gradient counts"),
    (penalty(at=lambda real, fake, t: along(t) * real + fake), "the generated images have the weight 1 - t"),
    (
        penalty(of=torch.mean),
        "the gradient is B times too small: take it of the sum of the scores, since the mean divides by B",
    ),
    *(
        (penalty(norm=norm), "one norm over the whole batch is taken; each example has its own: `flatten(1)`")
        for norm in (torch.norm, lambda g: g.norm() / len(g) ** 0.5)
    ),
    (
        penalty(norm=lambda g: g.norm(dim=1)),
        "the norm is taken over the channels alone, so there is one per pixel: `flatten(1)` first",
    ),
    (
        penalty(norm=lambda g: g.flatten(1).norm(dim=0)),
        "the norm is taken over the batch, so there is one per pixel: `dim=1`",
    ),
    (
        penalty(norm=lambda g: g.norm(dim=(2, 3))),
        "the norm is taken over height and width alone, so there is one per channel: `flatten(1)` first",
    ),
    (
        penalty(norm=lambda g: g.norm(dim=-1)),
        "the norm is taken over the last axis alone: `flatten(1)` first",
    ),
    (penalty(norm=lambda g: g.flatten(1).square().sum(1)), "the root is missing: that is the squared norm"),
    (
        penalty(norm=lambda g: g.flatten(1).abs().sum(1)),
        "that is the sum of absolute values; the Euclidean norm is the root of the sum of squares",
    ),
    (
        penalty(norm=lambda g: g.flatten(1).square().mean(1).sqrt()),
        "the mean of the squares is taken over the pixels; the norm is the root of their sum",
    ),
    (penalty(norm=lambda g: g), "there is no norm: each entry of the gradient is compared with 1"),
    (penalty(of_norms=lambda n: n.square().mean()), "the norm is not compared with 1: `norm - 1`"),
    (penalty(of_norms=lambda n: n.mean()), "that is the mean norm; its squared deviation from 1 is asked for"),
    (penalty(of_norms=lambda n: (1 - n).mean()), "the deviation from 1 is not squared"),
    (
        penalty(of_norms=lambda n: deviation(n).sqrt()),
        "the root of the mean is taken at the end; the mean is asked for",
    ),
    (penalty(of_norms=lambda n: (n - 1).square().max()), "that is the largest deviation; the mean is asked for"),
    (penalty(of_norms=lambda n: (n - 1).mean()), "the deviation from 1 is not squared"),
    (penalty(of_norms=lambda n: (n - 1).abs().mean()), "that is the absolute deviation from 1; square it"),
    (penalty(of_norms=lambda n: (n.mean() - 1).square()), "the mean is taken before the square; it comes last"),
    (
        penalty(of_norms=lambda n: (n.square() - 1).mean()),
        "the norms are squared and not the deviation: subtract 1 first",
    ),
    (
        penalty(of_norms=lambda n: (n - 1).clamp(min=0).square().mean()),
        "that is the one-sided penalty; norms below 1 count as well",
    ),
    (penalty(of_norms=lambda n: (n - 1).square().sum()), "it is summed over the batch; the mean is asked for"),
    (
        penalty(of_norms=lambda n: 10 * deviation(n)),
        "the weight 10 belongs to the training step; the penalty itself has none",
    ),
    (penalty(of_norms=lambda n: -deviation(n)), "the sign: a penalty is added to the loss"),
    (penalty(of_norms=lambda n: deviation(n) / 2), "it is half as large as it should be"),
]
CAUSES = {
    "does not require grad": "the gradient is with respect to the interpolated images: `requires_grad_()` comes before "
    "the discriminator scores them",
    "only for scalar outputs": "the gradient of one number is computed: sum the scores of the batch first",
    "appears to not have been used": "the discriminator must score the very tensor that the gradient is asked for",
    "must match the size": "`t` has one number per example: `t[:, None, None, None]` has the shape (B, 1, 1, 1)",
    "unsupported operand type(s) for -: 'tuple'": "`torch.autograd.grad` gives a tuple of one gradient: take `[0]`",
    "'tuple' object has no attribute": "`torch.autograd.grad` gives a tuple of one gradient: take `[0]`",
}


class SmallDiscriminator(nn.Module):
    """A smooth network, whose gradient differs from image to image.   (B, C, H, W) -> (B,)"""

    def __init__(self, pixels: int, rng: torch.Generator):
        super().__init__()
        self.hidden, self.head = nn.Linear(pixels, 8), nn.Linear(8, 1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(drawn(rng, *parameter.shape) / math.sqrt(parameter.shape[-1]))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(torch.tanh(self.hidden(images.flatten(1)))).squeeze(1)


@exercise(
    "07.5",
    title="the gradient penalty",
    dots=3,
    minutes=25,
    hints=(
        "Three steps: interpolate, differentiate the scores with respect to what you interpolated, compare each norm "
        "with 1.",
        "`torch.autograd.grad(scores.sum(), images, create_graph=True)` gives a tuple of one gradient, in the shape of "
        "the images. Why the sum? An example's score depends on no other example.",
        "`images.requires_grad_()` comes before the scores. `gradient.flatten(1).norm(dim=1)` is one norm per example.",
    ),
)
def gradient_penalty(answer, rng):
    cases = [
        drawn_case(rng, *shape)
        for shape in ((4, 3, 3, 4), (1, 3, 4, 5), (whole(rng, 5, 7), 2, 4, 3))  # first: as wide as the batch is large
    ]
    tried = explained(answer, CAUSES)
    given = [penalty_of(tried, case) for case in cases]
    values = [value.detach() for value in given]
    if not all(agrees(value, right(*case).detach()) for value, case in zip(values, cases, strict=True)):
        name_mistake(tried, cases, values)
    for value, case in zip(given, cases, strict=True):
        judge_graph(value, case)
    discriminator, *others = cases[0]
    expect_dtype_kept(lambda *rest: answer(discriminator.to(rest[0].dtype), *rest), tuple(others))
    return (
        f"{len(cases)} batches, one of a single image: one norm per example, at its own point, and the penalty can "
        "train the discriminator"
    )


def drawn_case(rng: torch.Generator, batch: int, channels: int, height: int, width: int) -> tuple:
    """A discriminator, real and generated images, and one t per example; norms lie on both sides of 1."""
    real, fake = (drawn(rng, batch, channels, height, width) for _ in range(2))
    t = torch.rand(batch, generator=rng)
    discriminator = SmallDiscriminator(channels * height * width, rng)
    images = between(real, fake, t).requires_grad_()
    found = norms(torch.autograd.grad(discriminator(images).sum(), images)[0])
    with torch.no_grad():
        discriminator.head.weight *= (1 if batch > 1 else 1.6) / (found.min() * found.max()).sqrt()
    return discriminator, real, fake, t


def where(case: tuple) -> str:
    return f"for images of shape {tuple(case[1].shape)}"


def penalty_of(answer, case: tuple) -> Tensor:
    """The penalty with its graph, one number; the discriminator is as it was."""
    discriminator, real, _, _ = case
    state = NetworkState(discriminator)
    value = answer(*case)
    batch = len(real)
    causes = {
        (batch,): "one number per example: the mean over the batch is asked for",
        (1,): "an axis too many: a single number has no axis",
        tuple(real.shape): "one number per pixel: take the norm of each example's gradient, then the mean",
    }
    expect_finite(expect_tensor(value, where(case), (), causes), where(case), "is there a division by zero?")
    if state.values_changed():
        raise Mistake("the discriminator's parameters have changed; the penalty only computes a number")
    if state.gradients_changed():
        raise Mistake(
            "`backward` has left gradients in the discriminator's parameters, where its next step would add them to "
            "its own: `torch.autograd.grad(scores.sum(), images, create_graph=True)` leaves none"
        )
    state.expect_settings_kept("discriminator")
    return value


def name_mistake(answer, cases: list[tuple], values: list[Tensor]) -> None:
    """Tells what was computed instead, or shows a counterexample."""
    again = penalty_of(answer, cases[0]).detach()
    if not torch.equal(again, values[0]):
        raise Mistake("the same arguments give another penalty at the next call: `t` is given, so nothing is drawn")
    computed = [
        (possible(lambda *case, mistaken=mistaken: mistaken(*case).detach()), words) for mistaken, words in MISTAKES
    ]
    if words := named_mistake(cases, values, computed):
        raise Mistake(words)
    for case, value in zip(cases, values, strict=True):
        expected = right(*case).detach()
        if not agrees(value, expected):
            came, due = distinct_texts(value, expected)
            raise Mistake(f"{where(case)} it returned {came}, expected {due}")


def judge_graph(value: Tensor, case: tuple) -> None:
    """The penalty's gradient reaches the discriminator's parameters, all of it."""
    parameters = list(case[0].parameters())
    lost = (
        "the value is correct, but the penalty cannot train the discriminator: no gradient reaches its parameters. "
        "`create_graph=True` keeps the graph of the gradient; a `detach` or `.item()` would cut it"
    )
    if not value.requires_grad:
        raise Mistake(lost)
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    expected = torch.autograd.grad(right(*case), parameters, allow_unused=True)
    if all(one is None for one in found):
        raise Mistake(lost)
    for one, due in zip(found, expected, strict=True):
        one, due = (torch.zeros_like(case[0].head.bias) if part is None else part for part in (one, due))
        if one.shape != due.shape or not torch.allclose(one, due, rtol=1e-2, atol=1e-4):
            raise Mistake(
                "the value is correct, but only a part of its gradient reaches the discriminator's parameters: "
                "is there a `detach`, a `.data` or a `no_grad` on the way?"
            )
