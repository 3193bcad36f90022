"""Exercise 09.1 on right answers and on the wrong ones that people give."""

import pytest
import torch

from mmcourse.exercises.checks import judge


def terms(features, factors):
    """What each modality says.   -> (M, B, R, K)"""
    return torch.stack([torch.einsum("bd,rkd->brk", x, w) for x, w in zip(features, factors, strict=True)])


def by_loops(features, factors, result=0, start=1):
    for rank in range(len(factors[0])):
        product = start
        for x, factor in zip(features, factors, strict=True):
            product = product * (x @ factor[rank].T)
        result = result + product
    return result


def by_the_whole_tensor(features, factors):
    """The tensor of all products of features, and its weights."""
    outer, weights = features[0], factors[0]
    for x, factor in zip(features[1:], factors[1:], strict=True):
        outer = (outer[..., None] * x[:, None]).flatten(1)  # (B, D_1 * D_2 ...)
        weights = (weights[..., None] * factor[:, :, None]).flatten(2)  # (R, K, D_1 * D_2 ...)
    return outer @ weights.sum(0).T


def rank_first(features, factors):
    return torch.stack([x @ w.transpose(1, 2) for x, w in zip(features, factors, strict=True)]).prod(0).sum(0)


def changed_in_place(features, factors):
    product, *others = terms(features, factors).unbind()
    product = product.clone()
    for other in others:
        product *= other
    return product.sum(1)


def of_three(features, factors):
    first, second, third = terms(features, factors)
    return (first * second * third).sum(1)


def by_number(features, factors):
    return by_loops([features[0], features[1], features[2]], factors[:3])


def of_three_ranks(features, factors):
    return sum(by_loops(features, [factor[rank][None] for factor in factors]) for rank in range(3))


def test_low_rank(judged):
    judged(
        "09.1",
        {
            "loops": by_loops,
            "einsum": lambda x, w: terms(x, w).prod(0).sum(1),
            "whole tensor": by_the_whole_tensor,
            "rank first": rank_first,
            "in double precision": lambda x, w: by_loops([a.double() for a in x], [a.double() for a in w]),
            "in place": changed_in_place,
            "logarithms of complex numbers": lambda x, w: (
                terms(x, w).to(torch.complex128).log().sum(0).exp().real.sum(1)
            ),
        },
        {
            "sum first": (lambda x, w: terms(x, w).sum(2).prod(0), "rank 1 again"),
            "added": (lambda x, w: terms(x, w).sum(0).sum(1), "the modalities are added"),
            "exchanged": (
                lambda x, w: terms(x, w).sum(0).prod(1),
                "sum and product are swapped: the product runs over",
            ),
            "all products": (lambda x, w: terms(x, w).prod(0).prod(1), "the product runs over the ranks"),
            "mean": (lambda x, w: terms(x, w).prod(0).mean(1), "the mean over the ranks"),
            "first rank": (lambda x, w: by_loops(x, [factor[:1] for factor in w]), "only the first rank"),
            "last rank": (
                lambda x, w: by_loops(x, [factor[-1:] for factor in w]),
                "only the last rank is used",
            ),
            "two only": (lambda x, w: by_loops(x[:2], w[:2]), "only the first two modalities"),
            "first modality": (lambda x, w: by_loops(x[:1], w[:1]), "only the first modality is used"),
            "last modality": (lambda x, w: by_loops(x[-1:], w[-1:]), "only the last modality is used"),
            "first and last": (
                lambda x, w: by_loops([x[0], x[-1]], [w[0], w[-1]]),
                "only the first and the last modality are used; use",
            ),
            "three": (of_three, "values to unpack"),
            "by number": (by_number, "list index out of range"),
            "three ranks": (of_three_ranks, "number of ranks varies: it is"),
            "from zero": (lambda x, w: by_loops(x, w, start=0), "a product that starts at zero"),
            "from one": (lambda x, w: by_loops(x, w, result=1), "a sum starts at zero, and a product at one"),
            "with a bias": (
                lambda x, w: (terms(x, w) + 1).prod(0).sum(1),
                "1 is added to each factor of the product; here the",
            ),
            "divided": (
                lambda x, w: by_loops(x, w) / len(w[0]) ** 0.5,
                "the sum is divided by the square root of the rank",
            ),
            "ranks kept": (lambda x, w: terms(x, w).prod(0), "expected (5, 6): the ranks are still there"),
            "outputs summed": (lambda x, w: terms(x, w).prod(0).sum(2), "the outputs were summed; sum over the ranks"),
            "batch summed": (lambda x, w: terms(x, w).prod(0).sum(0), "the batch was summed, and the ranks"),
            "turned": (lambda x, w: by_loops(x, w).T, "the outputs come before the batch: transpose"),
            "side by side": (lambda x, w: terms(x, w).prod(0).flatten(1), "the ranks are concatenated; sum over them"),
            "no transpose": (lambda x, w: by_loops(x, [factor.transpose(1, 2) for factor in w]), None),
            "relu": (lambda x, w: terms(x, w).prod(0).relu().sum(1), "a ReLU is applied to the products; there is no"),
            "relu first": (
                lambda x, w: terms(x, w).relu().prod(0).sum(1),
                "a ReLU is applied to each modality's projection",
            ),
            "softmax": (lambda x, w: by_loops(x, w).softmax(1), None),
            "detached": (lambda x, w: by_loops(x, w).detach(), "no gradient reaches `x` and `w`"),
            "numbers": (lambda x, w: torch.tensor([[number.item() for number in row] for row in by_loops(x, w)]), None),
            "numpy": (lambda x, w: torch.from_numpy(by_loops(x, w).numpy()), "through numpy"),
            "one detached": (lambda x, w: by_loops([x[0].detach(), *x[1:]], w), "no gradient reaches `x[0]`"),
        },
    )


@pytest.mark.parametrize("answer", [of_three, by_number])
def test_a_fixed_number_of_modalities_is_named(answer):
    assert "loop over them" in judge("09.1", answer).message
