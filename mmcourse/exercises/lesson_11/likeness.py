"""Exercise 11.1: the cosine of every vector of one modality with every vector of another."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors


def unit(x: Tensor, dim: int = 1) -> Tensor:
    return x / x.norm(dim=dim, keepdim=True)


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """What `similarities` should return.   (A, D), (B, D) -> (A, B)"""
    return unit(one) @ unit(other).T


MISTAKES: Mistakes = [
    (lambda a, b: a @ b.T, "the norms still matter: divide every vector by its own norm first"),
    (lambda a, b: unit(a) @ b.T, "only the first modality's vectors are normalised; normalise the others too"),
    (lambda a, b: a @ unit(b).T, "only the second modality's vectors are normalised; normalise the first too"),
    (
        lambda a, b: unit(a, 0) @ unit(b, 0).T,
        "each feature is divided by its norm over the batch (`dim=0`); divide each vector by its own, `dim=1`",
    ),
    (
        lambda a, b: (a @ b.T) / (a.norm() * b.norm()),
        "the products are divided by the norm of all vectors together: `norm(dim=1, keepdim=True)`",
    ),
    (
        lambda a, b: (a / a.norm(dim=1, keepdim=True) ** 2) @ (b / b.norm(dim=1, keepdim=True) ** 2).T,
        "each vector is divided by the square of its norm: the square root of the sum of squares is missing",
    ),
    (
        lambda a, b: (a / a.sum(1, keepdim=True)) @ (b / b.sum(1, keepdim=True)).T,
        "each vector is divided by the sum of its entries; the norm is the square root of the sum of their squares",
    ),
    (
        lambda a, b: (a / a.abs().sum(1, keepdim=True)) @ (b / b.abs().sum(1, keepdim=True)).T,
        "each vector is divided by the sum of its absolute values (`p=1`); the norm is the square root of the sum "
        "of squares",
    ),
    (
        lambda a, b: a.softmax(1) @ b.softmax(1).T,
        "a softmax makes entries that sum to 1, not vectors of norm 1: divide by the norm",
    ),
    (
        lambda a, b: (a @ b.T) / a.shape[1],
        "the products are divided by the number of features; divide every vector by its own norm",
    ),
    (
        lambda a, b: (a @ b.T) / a.shape[1] ** 0.5,
        "that is the square root of D from attention; here every vector is divided by its own norm",
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
        "that is 1 minus the cosine, a distance; the cosine is 1 for equal directions",
    ),
    *(
        (mistaken, "those are angles; return the cosine of the angle, which is the product itself")
        for mistaken in (lambda a, b: cosines(a, b).acos(), lambda a, b: cosines(a, b).acos().rad2deg())
    ),
    (
        lambda a, b: cosines(a, b).abs(),
        "the signs are lost: the cosine of opposite vectors is negative",
    ),
    *(
        (mistaken, "a softmax is applied to the cosines; return them unchanged, between -1 and 1")
        for mistaken in (lambda a, b: cosines(a, b).softmax(1), lambda a, b: cosines(a, b).softmax(0))
    ),
    (
        lambda a, b: (a @ b.T).softmax(1),
        "that is a softmax of the products over each row; the cosine is the product of unit vectors",
    ),
    (
        lambda a, b: unit(a - a.mean(1, keepdim=True)) @ unit(b - b.mean(1, keepdim=True)).T,
        "that is the correlation: each vector's mean is subtracted first; the cosine does not subtract it",
    ),
    (
        lambda a, b: cosines(a, b).clamp(min=0),
        "negative cosines have become 0 (`clamp` or `relu`?); opposite directions have the cosine -1",
    ),
    *(
        (
            lambda a, b, dim=dim: unit(a @ b.T, dim),
            f"the {which} of the product are normalised; normalise the vectors, before the product",
        )
        for dim, which in ((1, "rows"), (0, "columns"))
    ),
    (
        lambda a, b: (a @ b.T) / torch.outer(b.norm(dim=1), a.norm(dim=1)).reshape(len(a), len(b)),
        "the products are divided by the norms of other vectors: the matrix of norms is laid out as (B, A), not (A, B)",
    ),
]


@exercise(
    "11.1",
    title="all cosine similarities",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "The norm of a vector is `x.norm()`. For all rows at once: `x.norm(dim=1, keepdim=True)`, which is (N, 1).",
        "For two matrices of unit vectors, (A, D) and (B, D), `@` with the second one transposed gives all A x B "
        "products.",
    ),
)
def similarities(answer, rng):
    cases = []
    for a, b, width in ((3, 5, 4), (6, 2, 3), (4, 4, 8), (1, 3, 5), (4, 1, 3)):
        stretch = [4 * torch.rand(n, 1, generator=rng) + 0.2 for n in (a, b)]
        cases.append((drawn(rng, a, width) * stretch[0], drawn(rng, b, width) * stretch[1]))
    judge_tensors(precise(explained(answer, UNLIKE)), cases, cosines, MISTAKES, where, causes, failing=not_unit)
    small = tuple(1e-4 * x for x in cases[0])
    given = answer(*small)
    if not torch.allclose(given.detach().cpu().to(torch.float32), cosines(*small), atol=1e-3):
        raise Mistake("for vectors of norm 0.0001 the cosines change: is a constant added to the norm?")
    return "correct for every pair of vectors, whatever their norms, and for a single vector"


def not_unit(cases: list[tuple], given: list[Tensor]) -> str:
    """Words where the result is that of the products or the cosines times factors, or no cosine; else empty."""
    factors = [value / (a @ b.T) for (a, b), value in zip(cases, given, strict=True)]
    if all(torch.allclose(r, factors[0][0, 0].expand_as(r), rtol=1e-2) for r in factors):
        return (
            f"every product is multiplied by {factors[0][0, 0]:.3g}, whatever the norms are; each vector has its own "
            "norm, by which it is divided"
        )
    ratios = [value / cosines(*case) for case, value in zip(cases, given, strict=True) if min(value.shape) > 1]
    if all(torch.allclose(r, ratios[0][0, 0].expand_as(r), rtol=1e-2) for r in ratios):
        return f"every cosine is multiplied by {ratios[0][0, 0]:.3g}; return the cosines themselves"
    for dim, which in ((1, "first"), (0, "second")):
        if all(torch.allclose(r, r.mean(dim, keepdim=True), rtol=1e-2) for r in ratios):
            factors = ratios[0].select(dim, 0)
            listed = ", ".join(f"{factor:.2f}" for factor in factors)
            return (
                f"{where(*cases[0])} the {('columns', 'rows')[dim]} are the cosines times {listed}: the vectors of the "
                f"{which} modality are not divided by their own norms, the square root of the sum of squares of each"
            )
    for case, value in zip(cases, given, strict=True):
        if value.abs().max() > 1.001:
            return (
                f"{where(*case)} one number is {value.flatten()[value.abs().argmax()]:.3f}; no cosine is beyond -1 or 1"
            )
    return ""


def precise(answer: Callable) -> Callable:
    """The answer, with a check of its precision."""

    def tried(*case):
        given, expected = answer(*case), cosines(*case)
        if isinstance(given, Tensor) and given.shape == expected.shape:
            apart = (given.detach().cpu().double() - expected).abs().max()
            if 2e-5 < apart < 0.01:
                raise Mistake(
                    f"{where(*case)} the result deviates by {apart:.5f}: is something rounded, converted to `half` or "
                    "`bfloat16`, or added to the norm?"
                )
        return given

    return tried


UNLIKE = {
    "at non-singleton dimension 0": "that compares row by row; a matrix of all pairs is needed: `@`",
    "must match the size": "the norms of the rows must be (N, 1): `keepdim=True`",
    "cannot be multiplied": "(A, D) times (D, B) gives (A, B): transpose the second one, `.T`",
}


def where(one: Tensor, other: Tensor) -> str:
    return f"for vectors of shape {tuple(one.shape)} and {tuple(other.shape)}"


def causes(one: Tensor, other: Tensor) -> dict[tuple, str]:
    (a, width), b = one.shape, len(other)
    return {
        (b, a): "a row for each vector of the first, a column for each of the second: it is transposed",
        (a,): "one number per row; each of the A x B pairs has its own: `@`",
        (
            a,
            width,
        ): "a column for each feature; one for each vector of the second is needed: `@` sums over the features",
        (width, width): "a row and a column for each feature; each vector has one: transpose the second, `.T`",
        (): "one number in all; each pair has its own",
        (a, b, width): "the products are not summed over the features",
    }
