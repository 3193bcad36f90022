"""Exercise 09.1: low-rank tensor fusion (Liu et al. 2018), a sum over ranks of products over modalities."""

import torch
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, fitted_weights, judge_tensors
from mmcourse.exercises.properties import mixed_examples


def projected(features: list[Tensor], factors: list[Tensor]) -> Tensor:
    """The projection of each modality for each rank.   -> (M, B, R, K)"""
    return torch.stack([torch.einsum("bd,rkd->brk", x, factor) for x, factor in zip(features, factors, strict=True)])


def right(features: list[Tensor], factors: list[Tensor]) -> Tensor:
    """(B, D_m) each, (R, K, D_m) each -> (B, K)"""
    return projected(features, factors).prod(0).sum(1)


def rank_weights(cases: list[tuple], given: list[Tensor]) -> str:
    """Words where the products of the ranks are summed with weights that are not all 1; else empty."""
    found, shapes = [], []
    for case, value in zip(cases, given, strict=True):
        products = projected(*case).prod(0)
        if value.numel() <= products.shape[1]:  # too few numbers to find weights, which would fit anything
            continue
        scale = products.abs().max()
        weights = fitted_weights((products / scale).unbind(1), value.to(products.dtype) / scale)
        if weights is None:
            return ""
        found.append(weights)
        shapes.append(where(*case))
    left_out = [[r for r, weight in enumerate(weights) if abs(weight) < 1e-3] for weights in found]
    others_count = all(abs(weight - 1) < 1e-3 for weights in found for weight in weights if abs(weight) > 1e-3)
    if others_count and all(out == [len(weights) - 1] for out, weights in zip(left_out, found, strict=True)):
        return "the last rank is left out of the sum: `range(R)` ends with R - 1, the last rank"
    if others_count and all(out == [0] for out in left_out):
        return "the first rank is left out of the sum: ranks are counted from 0"
    for sizes, weights in zip(shapes, found, strict=True):
        if any(abs(weight - 1) > 1e-3 for weight in weights):
            shown = ", ".join(f"{weight:.2f}" for weight in weights)
            return f"{sizes} the products of the ranks have the weights {shown} in the sum; each has the weight 1"
    return ""


MISTAKES: Mistakes = [
    (
        lambda x, w: projected(x, w).sum(2).prod(0),
        "the ranks are summed before the product: that is rank 1 again, with the summed factors. First take the "
        "product over the modalities for each rank, then the sum",
    ),
    (lambda x, w: projected(x, w).sum(0).sum(1), "the modalities are added; multiply them, entry by entry"),
    (
        lambda x, w: (1 + projected(x, w).sum(0)).sum(1),
        "the modalities are added to the 1 that a product starts with; multiply them, entry by entry",
    ),
    (
        lambda x, w: projected(x, w).sum(0).prod(1),
        "sum and product are swapped: the product runs over the modalities, the sum over the ranks",
    ),
    (
        lambda x, w: projected(x, w).prod(2).sum(0),
        "the product runs over the ranks, and the sum over the modalities: it is the other way round",
    ),
    (lambda x, w: projected(x, w).prod(0).amax(1), "that is the maximum over the ranks; sum over them"),
    (
        lambda x, w: projected(x, w).prod(0).reshape(len(x[0]), w[0].shape[1], -1).sum(2),
        "ranks and outputs are mixed by a `reshape`: a factor is (R, K, D_m), so the ranks come first, "
        "`reshape(-1, R, K)`, and the sum runs over that axis",
    ),
    (lambda x, w: projected(x, w).prod(0).prod(1), "the product runs over the ranks as well; sum over them"),
    (lambda x, w: projected(x, w).prod(0).mean(1), "that is the mean over the ranks; sum over them"),
    (lambda x, w: projected(x, w).prod(0)[:, 0], "only the first rank is used"),
    (
        lambda x, w: projected(x, w).prod(0)[:, -1],
        "only the last rank is used; in a loop, `+=` adds and `=` overwrites",
    ),
    (lambda x, w: projected(x[:2], w[:2]).prod(0).sum(1), "only the first two modalities are used; there may be more"),
    (lambda x, w: right([x[0], x[-1]], [w[0], w[-1]]), "only the first and the last modality are used; use all"),
    (lambda x, w: projected(x[:1], w[:1]).prod(0).sum(1), "only the first modality is used"),
    (
        lambda x, w: projected(x[-1:], w[-1:]).prod(0).sum(1),
        "only the last modality is used; in a loop, `*=` multiplies and `=` overwrites",
    ),
    (lambda x, w: projected(x, w)[:-1].prod(0).sum(1), "the last modality is left out: the loop ends one too early"),
    (lambda x, w: projected(x, w)[1:].prod(0).sum(1), "the first modality is left out: the loop begins one too late"),
    *(
        (
            lambda x, w, function=function: function(right(x, w)),
            f"a {name} is applied to the result; there is no nonlinearity here",
        )
        for function, name in ((torch.relu, "ReLU"), (torch.tanh, "tanh"), (torch.sigmoid, "sigmoid"))
    ),
    (
        lambda x, w: projected(x, w).tanh().prod(0).sum(1),
        "a tanh is applied to each modality's projection; there is no nonlinearity here",
    ),
    (
        lambda x, w: projected(x, w).mean(0).sum(1),
        "the mean over the modalities is taken; multiply them, entry by entry",
    ),
    (lambda x, w: projected(x, w).amax(0).sum(1), "the maximum over the modalities is taken; multiply them"),
    (
        lambda x, w: right(x, w) + 1,
        "the sum over the ranks starts at one; a sum starts at zero, and a product at one",
    ),
    (
        lambda x, w: torch.zeros(len(x[0]), w[0].shape[1]),
        "the result is zero: a product that starts at zero stays zero; it starts at one",
    ),
    (
        lambda x, w: (projected(x, w).prod(0)).relu().sum(1),
        "a ReLU is applied to the products; there is no nonlinearity here",
    ),
    (
        lambda x, w: projected(x, w).relu().prod(0).sum(1),
        "a ReLU is applied to each modality's projection; there is no nonlinearity here",
    ),
    (
        lambda x, w: (projected(x, w) + 1).prod(0).sum(1),
        "1 is added to each factor of the product; here the factors have no bias",
    ),
    (
        lambda x, w: right(x, w) / len(w[0]) ** 0.5,
        "the sum is divided by the square root of the rank; there is no scaling here",
    ),
]
UNLIKE = {
    "list index out of range": "there may be one, two or four modalities: loop over them",
    "values to unpack": "there may be one, two or four modalities: loop over them",
    "is out of bounds": "the number of ranks varies: it is `len(factors[0])`",
}


@exercise(
    "09.1",
    title="low-rank fusion",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "Start with one rank. `factors[m][0]` is (K, D_m), the weights of a linear layer: `features[m] @ W.T` is "
        "(B, K), for every modality. Which operation combines these?",
        "The product over the modalities is taken entry by entry, `*`, and stays (B, K). It starts from 1.",
        "A loop over the ranks sums the products. Without a loop: `torch.einsum('bd,rkd->brk', x, w)` gives one "
        "modality's (B, R, K).",
    ),
)
def low_rank(answer, rng):
    cases = []
    sizes = ((5, (3, 4), 2, 6), (4, (6, 2, 3), 3, 5), (2, (4, 4, 4, 4), 5, 3), (3, (5,), 2, 4), (1, (3, 2), 4, 3))
    for batch, widths, rank, out in sizes:
        features = [drawn(rng, batch, width) for width in widths]
        cases.append((features, [drawn(rng, rank, out, width) for width in widths]))
    judge_tensors(
        explained(answer, UNLIKE),
        cases,
        right,
        MISTAKES,
        where,
        causes,
        failing=lambda cases, given: rank_weights(cases, given) or mixed_examples(answer, cases[0], (0,)),
    )
    remark = expect_gradients(answer, cases[1], right)
    return "correct for one to four modalities of different widths and two to five ranks" + remark


def where(features: list[Tensor], factors: list[Tensor]) -> str:
    widths = ", ".join(str(x.shape[1]) for x in features)
    return f"for modalities of {widths} features and rank {len(factors[0])}"


def causes(features: list[Tensor], factors: list[Tensor]) -> dict[tuple, str]:
    batch, (rank, out, _) = len(features[0]), factors[0].shape
    return {
        (batch, rank, out): "the ranks are still there: sum over them",
        (rank, batch, out): "the ranks are still there: sum over them",
        (batch, rank): "the outputs were summed; sum over the ranks",
        (out,): "the batch was summed; every example has its own output",
        (rank, out): "the batch was summed, and the ranks are still there",
        (out, batch): "the outputs come before the batch: transpose",
        (batch,): "one number per example: the outputs were summed too",
        (): "a single number",
        (batch, rank * out): "the ranks are concatenated; sum over them",
    }
