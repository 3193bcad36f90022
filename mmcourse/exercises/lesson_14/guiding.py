"""Exercise 14.3: classifier-free guidance."""

import torch
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, agrees, drawn, judge_tensors, weights_in_words, whole
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """What the answer should give."""
    return unconditional + scale * (conditional - unconditional)


OTHER_SCALE = (
    "that is (1 + scale) * conditional - scale * unconditional, the scale of Ho and Salimans (2022), where 0 gives the "
    "conditional velocity; here 0 gives the unconditional one and 1 the conditional one"
)


def each(values: Tensor, like: Tensor) -> Tensor:
    """One number per example with the axes of another tensor.   (B,) -> (B, 1, ...)"""
    return values.reshape(-1, *[1] * (like.dim() - 1))


def by_norm(result: Tensor, like: Tensor) -> Tensor:
    """Every example with the norm of another tensor's."""
    return result * each(like.flatten(1).norm(dim=1) / result.flatten(1).norm(dim=1), result)


def by_batch_norm(result: Tensor, like: Tensor) -> Tensor:
    """The whole batch with the norm of another."""
    return result * like.norm() / result.norm()


def by_std(result: Tensor, like: Tensor) -> Tensor:
    """Every example with the standard deviation of another tensor's (Lin et al. 2024)."""
    return result * each(like.flatten(1).std(dim=1) / result.flatten(1).std(dim=1), result)


MISTAKES: Mistakes = [
    (lambda c, u, s: c + s * (c - u), OTHER_SCALE),
    (
        lambda c, u, s: guided(u, c, s),
        "for scale 0 it is the conditional velocity, and for 1 the unconditional one; exchange them",
    ),
    (
        lambda c, u, s: c + s * (u - c),
        "for scale 0 it is the conditional velocity, and for 1 the unconditional one; exchange them",
    ),
    (lambda c, u, s: c + s * (c - u) if s else u, OTHER_SCALE),
    (
        lambda c, u, s: guided(c, u, max(s, 1.0)),
        "a scale below 1 has no effect; between 0 and 1 it lies between the velocities",
    ),
    (lambda c, u, s: u * s * (c - u), "the unconditional velocity is multiplied; it is added"),
    (
        lambda c, u, s: (s * c + u) / (s + 1),
        "the weights are scale / (scale + 1) and 1 / (scale + 1): a mean, never beyond the conditional velocity",
    ),
    (
        lambda c, u, s: (s + 1) * c - u,
        "the weights do not add up to 1: the unconditional velocity has the weight 1 - scale",
    ),
    (lambda c, u, s: u + s * (c - u) / 2, "the difference is halved"),
    (lambda c, u, s: u + s * (c - u).sum(0), "the difference is summed over the batch; every example has its own"),
    (lambda c, u, s: -guided(c, u, s), "the sign of the result is wrong"),
    (lambda c, u, s: guided(c, u, s).tanh(), "there is a tanh; velocities have any size"),
    (lambda c, u, s: u - s * (c - u), "the sign: it moves away from the conditional velocity"),
    (lambda c, u, s: s * (c - u), "the unconditional velocity, where the line begins, is missing"),
    (
        lambda c, u, s: u + s * c,
        "the conditional velocity is added as it is; the difference of the two is multiplied by the scale",
    ),
    (
        lambda c, u, s: u + s + (c - u),
        "the scale is added to the difference; it multiplies it",
    ),
    (lambda c, u, s: s * c, "the unconditional velocity is not used"),
    (lambda c, u, s: u + c - u, "the scale is not used: that is the conditional velocity"),
    (lambda c, u, s: u, "that is the unconditional velocity"),
    (lambda c, u, s: (c + u) / 2, "that is the mean of both; the scale is not used"),
    (
        lambda c, u, s: s * c + (s - 1) * u,
        "the weight of the unconditional velocity is scale - 1; both weights add up to 1",
    ),
    (
        lambda c, u, s: s * c + (1 + s) * u,
        "the weight of the unconditional velocity is 1 + scale; both weights add up to 1",
    ),
    (
        lambda c, u, s: s * c - (1 + s) * u,
        "the weights do not add up to 1: for scale 1 it is the conditional velocity alone",
    ),
    (lambda c, u, s: s * c - u, "the weights do not add up to 1: for scale 1 it is the conditional velocity alone"),
    (lambda c, u, s: c - s * u, "the weights do not add up to 1: for scale 0 it is the unconditional velocity"),
    (
        lambda c, u, s: s * c - s * u + c - u,
        "the weights do not add up to 1: for scale 0 it is the unconditional velocity",
    ),
    (lambda c, u, s: u + (s - 1) * (c - u), "the scale is one too small: for 1 it is the conditional velocity"),
    (
        lambda c, u, s: c + u + s * (c - u),
        "both velocities stand before the difference; only the unconditional one does",
    ),
    (lambda c, u, s: (u + s * (c - u)) / max(s, 1e-9) if s else u, "it is divided by the scale"),
    (lambda c, u, s: u + s**2 * (c - u), "the scale is squared"),
    (
        lambda c, u, s: guided(c, u, min(max(s, 0.0), 1.0)),
        "the scale is limited to 1; above 1 it goes beyond the conditional velocity",
    ),
    (lambda c, u, s: u + s * (c - u).abs(), "the absolute difference is taken; it has a sign"),
    (lambda c, u, s: guided(c, u, s).clamp(-1, 1), "the result is cut off at -1 and 1; velocities have any size"),
    (lambda c, u, s: guided(c, u, s).clamp(0, 1), "the result is cut off at 0 and 1; velocities have any size"),
    (
        lambda c, u, s: u + s * (c - u) / (c - u).flatten(1).norm(dim=1).reshape(-1, *[1] * (c.dim() - 1)),
        "the difference is normalised; its length counts",
    ),
    *(
        (
            lambda c, u, s, dim=dim: u + s * torch.nn.functional.normalize(c - u, dim=dim),
            "the difference is normalised; its length counts",
        )
        for dim in (1, -1)
    ),
    (
        lambda c, u, s: u + s * (c - u).mean(0),
        "the difference is a mean over the batch; every example has its own",
    ),
    (
        lambda c, u, s: c if s >= 1 else guided(c, u, s),
        "a scale above 1 has no effect; it goes beyond the conditional velocity",
    ),
    (lambda c, u, s: guided(c, u, float(int(s))), "the scale is cut to a whole number"),
    (lambda c, u, s: u + s * c - u, "brackets are missing around the difference"),
    (
        lambda c, u, s: guided(c, u, s) if s else c,
        "for scale 0 it is the conditional velocity; the unconditional one is asked for: does `if scale` treat 0 as "
        "missing?",
    ),
    (
        lambda c, u, s: guided(c, u, s) if s > 1 else c,
        "for a scale below 1 it is the conditional velocity; between 0 and 1 it lies between the two",
    ),
    *(
        (
            lambda c, u, s, rescaled=rescaled, to=to: rescaled(guided(c, u, s), (c, u)[to]),
            f"the result is rescaled to the norm or standard deviation of the {('', 'un')[to]}conditional velocity; "
            "then it leaves the straight line",
        )
        for rescaled in (by_norm, by_batch_norm, by_std)
        for to in (0, 1)
    ),
    (lambda c, u, s: torch.lerp(c, u, s), "for scale 0 it is the conditional velocity; exchange them"),
]


def weights_found(cases: list[tuple], given: list[Tensor]) -> str:
    """Words where every result is a weighted sum of both velocities; else empty."""
    found = [
        weights_in_words({"conditional velocity": c, "unconditional one": u}, result, (s, 1 - s))
        for (c, u, s), result in zip(cases, given, strict=True)
    ]
    if not all(found):
        return ""
    wrong = next(i for i, case in enumerate(cases) if not agrees(given[i], guided(*case)))
    return f"for scale {cases[wrong][2]} {found[wrong]}"


@exercise(
    "14.3",
    title="classifier-free guidance",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "With the velocities 2 (unconditional) and 5 (conditional): what do the scales 0, 1 and 2 give?",
        "A straight line through two points: the one at scale 0, plus scale times the difference.",
    ),
)
def guided_check(answer, rng):
    sizes = [((3, 2, 4, 4), 2.0), ((1, 5), 3.5), ((4, 4), 0.0), ((2, 3, 2), 1.0), ((5, 6), 0.4)]
    sizes.append(((whole(rng, 6, 8), 2, 3), 7.5))
    cases = [(drawn(rng, *shape), drawn(rng, *shape), scale) for shape, scale in sizes]
    cases.append((drawn(rng, 2, 3), drawn(rng, 2, 3), 2))
    expect_same_again(answer, cases[0])
    judge_tensors(
        answer,
        cases,
        guided,
        MISTAKES,
        where=lambda c, u, s: f"for velocities of shape {tuple(c.shape)} and scale {s}",
        failing=weights_found,
    )
    remark = expect_gradients(answer, cases[0], guided)
    expect_dtype_kept(answer, cases[0])
    return f"{len(cases)} pairs of velocities, with scales from 0 to 7.5{remark}"
