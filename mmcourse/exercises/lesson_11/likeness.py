"""Exercise 11.1: the cosine of every vector of one modality with every vector of another."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors


def unit(x: Tensor, dim: int = 1) -> Tensor:
    return x / x.norm(dim=dim, keepdim=True)


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """What `similarities` should give.   (A, D), (B, D) -> (A, B)"""
    return unit(one) @ unit(other).T


MISTAKES: Mistakes = [
    (lambda a, b: a @ b.T, "the lengths still count: divide every vector by its own length first"),
    (lambda a, b: unit(a) @ b.T, "only the first modality's vectors are brought to length 1; the others keep theirs"),
    (lambda a, b: a @ unit(b).T, "only the second modality's vectors are brought to length 1; the first keep theirs"),
    (
        lambda a, b: unit(a, 0) @ unit(b, 0).T,
        "each feature is divided by its length over the batch (`dim=0`); each vector by its own, `dim=1`",
    ),
    (
        lambda a, b: (a @ b.T) / (a.norm() * b.norm()),
        "the products are divided by the length of all vectors taken as one: `norm(dim=1, keepdim=True)`",
    ),
    (
        lambda a, b: (a / a.norm(dim=1, keepdim=True) ** 2) @ (b / b.norm(dim=1, keepdim=True) ** 2).T,
        "each vector is divided by the square of its length: the sum of squares lacks its root",
    ),
    (
        lambda a, b: (a / a.sum(1, keepdim=True)) @ (b / b.sum(1, keepdim=True)).T,
        "each vector is divided by the sum of its numbers; its length is the root of the sum of their squares",
    ),
    (
        lambda a, b: (a / a.abs().sum(1, keepdim=True)) @ (b / b.abs().sum(1, keepdim=True)).T,
        "each vector is divided by the sum of the sizes of its numbers (`p=1`); a length is the root of their squares",
    ),
    (
        lambda a, b: a.softmax(1) @ b.softmax(1).T,
        "a softmax makes numbers that sum to 1; a vector of length 1 is another thing: divide by the norm",
    ),
    (
        lambda a, b: (a @ b.T) / a.shape[1],
        "the products are divided by the number of features; divide every vector by its own length",
    ),
    (
        lambda a, b: (a @ b.T) / a.shape[1] ** 0.5,
        "that is attention's root of D; here every vector is divided by its own length",
    ),
    *(
        (mistaken, "those are distances; the cosine is the product of unit vectors")
        for mistaken in (
            lambda a, b: torch.cdist(unit(a), unit(b)),
            lambda a, b: -torch.cdist(unit(a), unit(b)),
            torch.cdist,
            lambda a, b: -torch.cdist(a, b),
        )
    ),
    (
        lambda a, b: 1 - cosines(a, b),
        "that is 1 minus the cosine, a distance; the cosine itself is 1 for the same direction",
    ),
    *(
        (mistaken, "those are angles; the cosine of the angle is asked for, which is the product itself")
        for mistaken in (lambda a, b: cosines(a, b).acos(), lambda a, b: cosines(a, b).acos().rad2deg())
    ),
    (
        lambda a, b: cosines(a, b).abs(),
        "the signs are lost: the cosine of vectors that point away from each other is negative",
    ),
    *(
        (mistaken, "a softmax of the cosines; they are asked for as they are, between -1 and 1")
        for mistaken in (lambda a, b: cosines(a, b).softmax(1), lambda a, b: cosines(a, b).softmax(0))
    ),
    (
        lambda a, b: (a @ b.T).softmax(1),
        "a softmax of the products is a share of each row; the cosine is the product of unit vectors",
    ),
    (
        lambda a, b: unit(a - a.mean(1, keepdim=True)) @ unit(b - b.mean(1, keepdim=True)).T,
        "that is the correlation: a mean is taken off each vector before its length; the cosine takes none off",
    ),
]


@exercise(
    "11.1",
    title="the cosine of all with all",
    dots=1,
    minutes=5,
    hints=(
        "The length of a vector is `x.norm()`. For all rows at once: `x.norm(dim=1, keepdim=True)`, which is (N, 1).",
        "Of two tables of unit vectors, (A, D) and (B, D), `@` with the second one turned gives all A x B products.",
    ),
)
def similarities(answer, rng):
    cases = []
    for a, b, width in ((3, 5, 4), (6, 2, 3), (4, 4, 8)):
        stretch = [4 * torch.rand(n, 1, generator=rng) + 0.2 for n in (a, b)]
        cases.append((drawn(rng, a, width) * stretch[0], drawn(rng, b, width) * stretch[1]))
    judge_tensors(precise(explained(answer, UNLIKE)), cases, cosines, MISTAKES, where, causes)
    small = tuple(1e-4 * x for x in cases[0])
    given = answer(*small)
    if not torch.allclose(given.detach().cpu().to(torch.float32), cosines(*small), atol=1e-3):
        raise NotRight("for vectors of length 0.0001 the cosines change: is something added to the length?")
    remark = expect_gradients(answer, cases[0], cosines)
    return "every vector with every other, whatever their lengths" + remark


def precise(answer: Callable) -> Callable:
    """The answer, which has to be right to more than the first digits."""

    def tried(*case):
        given, expected = answer(*case), cosines(*case)
        if isinstance(given, Tensor) and given.shape == expected.shape:
            apart = (given.detach().cpu().double() - expected).abs().max()
            if 2e-5 < apart < 0.01:
                raise NotRight(
                    f"{where(*case)} it is right to the first digits only, {apart:.5f} off: is something rounded, made "
                    "`half` or `bfloat16`, or added to the length?"
                )
        return given

    return tried


UNLIKE = {
    "at non-singleton dimension 0": "that compares pairs only, row by row; a table of all with all is asked for: `@`",
    "must match the size": "a length for every row is (N, 1): `keepdim=True`",
    "cannot be multiplied": "(A, D) times (D, B) gives (A, B): turn the second one, `.T`",
}


def where(one: Tensor, other: Tensor) -> str:
    return f"for vectors of shape {tuple(one.shape)} and {tuple(other.shape)}"


def causes(one: Tensor, other: Tensor) -> dict[tuple, str]:
    (a, width), b = one.shape, len(other)
    return {
        (b, a): "a row for each of the first, a column for each of the second: it is turned",
        (a,): "each with its partner alone; all with all is asked for, so `@` and not `*`",
        (a, width): "numbers are multiplied one by one; `@` with the second turned sums them up",
        (width, width): "features with features: the first is turned in place of the second",
        (): "one number for all; each pair has its own",
        (a, b, width): "the products are not summed over the features",
    }
