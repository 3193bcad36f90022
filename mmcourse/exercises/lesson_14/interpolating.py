"""Exercise 14.1: a point on the line from noise to data, and the velocity there."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import (
    Mistakes,
    agrees,
    described,
    drawn,
    explained,
    judge_tensors,
    weights_in_words,
    whole,
)
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again


def times(t: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1)"""
    return t[:, None, None, None]


def point(noise: Tensor, data: Tensor, t: Tensor) -> Tensor:
    """(B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)"""
    return (1 - times(t)) * noise + times(t) * data


def velocity(noise: Tensor, data: Tensor, t: Tensor) -> Tensor:
    """(B, C, H, W), (B, C, H, W), (B,) -> (B, C, H, W)"""
    return data - noise


def flow_pair(noise: Tensor, data: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """What the answer should give."""
    return point(noise, data, t), velocity(noise, data, t)


POINTS: Mistakes = [
    (velocity, "the velocity comes first; the point comes first, the velocity second"),
    (
        lambda n, d, t: point(d, n, t),
        "at t = 0 it is the data, and at t = 1 the noise; it goes the other way, from noise to data",
    ),
    (lambda n, d, t: point(n, d, t.square()), "t is squared; the line is straight"),
    (lambda n, d, t: point(n, d, t.sqrt()), "the root of t is taken; the line is straight"),
    (
        lambda n, d, t: (1 - times(t)).sqrt() * n + times(t).sqrt() * d,
        "the weights are the roots of 1 - t and t, as in diffusion models; here they are 1 - t and t",
    ),
    (
        lambda n, d, t: (1 - times(t).square()).sqrt() * n + times(t) * d,
        "the weights are those of a diffusion process; here they are 1 - t and t",
    ),
    (
        lambda n, d, t: (torch.pi / 2 * times(t)).cos() * n + (torch.pi / 2 * times(t)).sin() * d,
        "the weights are a cosine and a sine; here they are 1 - t and t",
    ),
    (lambda n, d, t: n + times(t) * d, "the weight 1 - t of the noise is missing"),
    (lambda n, d, t: (1 - times(t)) * n + d, "the weight t of the data is missing"),
    (lambda n, d, t: (1 - times(t)) * n - times(t) * d, "the data are subtracted; they are added"),
    (lambda n, d, t: n - times(t) * (d - n), "the sign: from the noise it moves away from the data"),
    (lambda n, d, t: times(t) * (d - n), "the noise, where the line begins, is missing: add it to t * (data - noise)"),
    (lambda n, d, t: d + times(t) * (d - n), "the line begins at the noise, not at the data"),
    (lambda n, d, t: 1 - times(t) * n + times(t) * d, "brackets are missing around `1 - t`"),
    (lambda n, d, t: point(n, d, t[:1].expand(len(t))), "all examples get the t of the first one; each has its own"),
    (lambda n, d, t: point(n, d, t.mean().expand(len(t))), "all examples get the mean of t; each has its own"),
    (lambda n, d, t: point(n, d, t.flip(0)), "the examples get each other's t"),
    (lambda n, d, t: (n + d) / 2, "that is the middle of the line; t is not used"),
    (
        lambda n, d, t: (1 - t) * n + t * d,
        "t runs along the last axis, W: `t[:, None, None, None]` gives every example its own",
    ),
    (
        lambda n, d, t: (1 - t[:, None]) * n + t[:, None] * d,
        "t runs along another axis than the batch: `t[:, None, None, None]` gives every example its own",
    ),
    (
        lambda n, d, t: (1 - t[:, None, None]) * n + t[:, None, None] * d,
        "t runs along the channels: `t[:, None, None, None]` gives every example its own",
    ),
    (lambda n, d, t: point(n, d, t.round()), "t is rounded; it is any number from 0 to 1"),
    (lambda n, d, t: point(n, d, 3 * t**2 - 2 * t**3), "the line is followed at a changing speed; it is straight in t"),
    (lambda n, d, t: n, "that is the noise; t is not used"),
    (lambda n, d, t: d, "that is the data; t is not used"),
    (lambda n, d, t: n + d, "noise and data are added without their weights"),
    (lambda n, d, t: point(n, d, t).clamp(0, 1), "the point is cut off at 0 and 1; noise has any size"),
    (lambda n, d, t: point(n, d, t).clamp(-1, 1), "the point is cut off at -1 and 1; noise has any size"),
]
VELOCITIES: Mistakes = [
    (lambda n, d, t: n - d, "the velocity points to the noise: it is data - noise"),
    (lambda n, d, t: times(t) * (d - n), "the velocity is multiplied by t; it is the same all along the line"),
    (
        lambda n, d, t: (1 - times(t)) * (d - n),
        "that is the rest of the way to the data, (1 - t) * (data - noise); it is the same all along the line",
    ),
    (
        lambda n, d, t: d - point(n, d, t),
        "that is the rest of the way to the data; the velocity is the same all along the line",
    ),
    (lambda n, d, t: point(n, d, t) - n, "that is the way already gone; the velocity is the same all along the line"),
    (
        lambda n, d, t: (d - point(n, d, t)) / times(t),
        "the rest of the way is divided by t; that from t to 1 takes 1 - t",
    ),
    (
        lambda n, d, t: (d - point(n, d, t)) / (1 - times(t)),
        "the rest of the way, divided by 1 - t, is 0 / 0 at t = 1; data - noise is the same, and needs no t",
    ),
    (
        lambda n, d, t: (d - n) * (times(t) < 1),
        "the rest of the way, divided by 1 - t and a small number, is 0 at t = 1; data - noise needs no t",
    ),
    (
        lambda n, d, t: (d - n).mean(0).expand_as(n),
        "a mean over the batch is taken; every example has its own velocity",
    ),
    (lambda n, d, t: (d - n) / times(t), "the velocity is divided by t; it is the same all along the line"),
    (lambda n, d, t: point(n, d, t), "the second result is the point again; it is the velocity"),
    (lambda n, d, t: d, "that is the data; the velocity is data - noise"),
    (lambda n, d, t: n, "that is the noise, which a diffusion model predicts; the velocity is data - noise"),
    (lambda n, d, t: d + n, "noise and data are added; the velocity is their difference"),
    (
        lambda n, d, t: (d - n) / (d - n).flatten(1).norm(dim=1)[:, None, None, None],
        "the velocity is normalised; its length counts",
    ),
    (lambda n, d, t: (d - n) / 2, "the velocity is halved"),
    (lambda n, d, t: (d - n).abs(), "the absolute value is taken; the velocity has a sign"),
    (lambda n, d, t: (d - n).square(), "the square is taken; the velocity is the difference itself"),
]
SHAPE_OF_T = (
    "`t` has the shape (B,), the images (B, C, H, W): broadcasting compares axes from the last one. "
    "`t[:, None, None, None]` has the shape (B, 1, 1, 1)"
)
CAUSES = {"must match the size": SHAPE_OF_T, "is invalid for input": SHAPE_OF_T}


@exercise(
    "14.1",
    title="a pair for flow matching",
    dots=1,
    minutes=10,
    hints=(
        "For noise 2 and data 6, where is the point at t = 0.25, and how far does it move per unit of time?",
        "Every example has its own t: give it three axes of size 1, `t[:, None, None, None]`.",
        "The point is (1 - t) * noise + t * data, the velocity data - noise, whatever t is.",
    ),
)
def flow_pair_check(answer, rng):
    shapes = [(3, 2, 4, 5), (4, 4, 4, 4), (1, 3, 2, 6), (2, 1, 1, 3), (whole(rng, 5, 7), 2, 3, 4)]
    cases = [(drawn(rng, *shape), drawn(rng, *shape), torch.rand(shape[0], generator=rng)) for shape in shapes]
    noise, data, _ = cases[0]
    cases.append((noise, data, torch.tensor([0.0, 1.0, 0.5])))
    tried = explained(answer, CAUSES)
    expect_same_again(tried, cases[0])
    for part, right, mistakes, name in ((0, point, POINTS, "point"), (1, velocity, VELOCITIES, "velocity")):
        judge_tensors(
            of_pair(tried, part),
            cases,
            right,
            mistakes,
            where=lambda n, d, t, name=name: f"for images of shape {tuple(n.shape)} the {name}:",
            failing=lambda cases, given, part=part: weights_found(cases, given, part),
        )
    remark = expect_gradients(answer, cases[0], flow_pair)
    expect_dtype_kept(answer, cases[0])
    return f"{len(cases)} batches, one of a single example, one with t = 0 and t = 1{remark}"


def weights_found(cases: list[tuple], given: list[Tensor], part: int) -> str:
    """Words where every example's result is a weighted sum of its noise and data; else empty."""
    found, wrong = [], []
    for (noise, data, t), results in zip(cases, given, strict=True):
        for n, d, result, time in zip(noise, data, results, t.tolist(), strict=True):
            weights = (-1.0, 1.0) if part else (1 - time, time)
            found.append(weights_in_words({"noise": n, "data": d}, result, weights))
            if not agrees(result, weights[0] * n + weights[1] * d):
                wrong.append(f"for t = {time:.2f} in the {('point', 'velocity')[part]} {found[-1]}")
    return wrong[0] if all(found) else ""


def of_pair(answer: Callable, part: int) -> Callable:
    """One of the two results."""

    def one(*case) -> Tensor:
        given = answer(*case)
        if isinstance(given, Tensor) or not isinstance(given, tuple | list) or len(given) != 2:
            what = described(given) if not isinstance(given, tuple | list) else f"{len(given)} results"
            raise Mistake(f"it returned {what}, expected two tensors: the point and the velocity")
        return given[part]

    return one
