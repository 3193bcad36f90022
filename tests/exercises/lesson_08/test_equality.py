import math

import pytest
import torch
from torch import nn

from mmcourse.exercises.checks import judge


def by_identity(n):
    return torch.eye(n), torch.eye(n), torch.ones(n), -0.5


def circle(n):
    turns = 2 * math.pi * torch.arange(n) / n
    points = torch.stack([turns.cos(), turns.sin()])
    border = (1 + math.cos(2 * math.pi / n)) / 2
    return points, points, torch.ones(2), -torch.tensor([border])


def distance(n):
    """A half less the squared distance of the kinds' numbers."""
    i, one = torch.arange(float(n)), torch.ones(n)
    return torch.stack([i**2, i, one]), torch.stack([one, i, i**2]), torch.tensor([-1.0, 2.0, -1.0]), 0.5


def signed(n):
    codes = 2 * torch.eye(n) - 1
    return torch.cat([torch.eye(n), codes]), torch.cat([torch.eye(n), torch.zeros(n, n)]), [1.0] * 2 * n, -0.9


def parts(U=None, V=None, w=None, b=-0.5):
    """The identity's answer with parts exchanged; each a function of n."""

    def equal_by_product(n):
        eye = torch.eye(n)
        return (
            U(n) if U else eye,
            V(n) if V else eye,
            w(n) if w else torch.ones(n),
            b,
        )

    return equal_by_product


def drawn(*shape):
    return torch.randn(*shape)


def test_equal_by_product(judged):
    judged(
        "08.3",
        {
            "identity": by_identity,
            "as layers have it": lambda n: (torch.eye(n), torch.eye(n), torch.ones(1, n), torch.tensor([-0.5])),
            "scaled": lambda n: (3 * torch.eye(n), torch.eye(n), torch.ones(n), torch.tensor(-1.0)),
            "one minus": lambda n: (torch.eye(n), 1 - torch.eye(n), -torch.ones(n), 0.5),
            "codes": signed,
            "circle": circle,
            "tiny": lambda n: (1e-3 * torch.eye(n), 1e-3 * torch.eye(n), torch.ones(n), -5e-7),
            "tinier": lambda n: (torch.eye(n), torch.eye(n), 1e-12 * torch.ones(n), -5e-13),
            "huge": lambda n: (1e4 * torch.eye(n), 1e4 * torch.eye(n), torch.ones(n), -1e7),
            "distance": distance,
            "many": lambda n: (torch.eye(n).repeat(40, 1), torch.eye(n).repeat(40, 1), torch.ones(40 * n), -20.0),
            "same order": lambda n: (torch.eye(n).roll(1, 0), torch.eye(n).roll(1, 0), torch.ones(n), -0.5),
            "lists": lambda n: [torch.eye(n).tolist(), torch.eye(n).tolist(), [1] * n, -0.5],
            "shuffled": lambda n: (torch.eye(n).flip(0), torch.eye(n).flip(0), torch.ones(n), -0.25),
        },
        {
            "no bias": (parts(b=0.0), "The bias is missing"),
            "bias on the border": (parts(b=-1.0), "The bias is wrong: the threshold"),
            "wrong sign": (parts(w=lambda n: -torch.ones(n)), "w has the wrong sign"),
            "turned": (parts(w=lambda n: -torch.ones(n), b=0.5), "the sign is reversed: equal vectors are below 0,"),
            "random": (parts(U=lambda n: drawn(n, n), V=lambda n: drawn(n, n), w=drawn), None),
            "ones": (
                parts(U=lambda n: torch.ones(n, n), V=lambda n: torch.ones(n, n)),
                "every pair has the same score",
            ),
            "one side constant": (
                parts(U=lambda n: torch.ones(n, n), w=torch.arange),
                "since one factor is the same for all classes",
            ),
            "different orders": (
                parts(U=lambda n: torch.eye(n).roll(1, 0)),
                "stated. U and V must use the same order; is one of",
            ),
            "turned about": (parts(V=lambda n: torch.eye(n).flip(0)), None),
            "one transposed": (
                parts(U=lambda n: torch.eye(n).roll(1, 0), V=lambda n: torch.eye(n).roll(1, 0).T),
                None,
            ),
            "tiny, no bias": (parts(U=lambda n: 1e-4 * torch.eye(n), V=lambda n: 1e-4 * torch.eye(n), b=0.0), None),
            "zeros": (parts(w=torch.zeros, b=0.0), None),
            "one number": (parts(U=lambda n: torch.arange(1.0, n + 1)[None], V=lambda n: torch.ones(1, n)), None),
            "turned round": (parts(U=lambda n: torch.ones(n, 7)), "Transpose it: `.T"),
            "numbers multiplied": (
                lambda n: (torch.arange(n)[None], torch.arange(n)[None], torch.ones(1), -0.5),
                None,
            ),
            "other widths": (parts(V=lambda n: torch.ones(n + 1, n)), "a product needs equally many"),
            "w too short": (parts(w=lambda n: torch.ones(2 * n)), "one weight per product"),
            "bias for each": (
                lambda n: (torch.eye(n), torch.eye(n), torch.ones(n), -0.5 * torch.ones(n)),
                "expected a single number, the bias of the score",
            ),
            "three": (lambda n: (torch.eye(n), torch.eye(n), torch.ones(n)), "expected a tuple of four: U, V, w, b"),
            "model": (lambda n: nn.Linear(n, 1), "this is a model; the four weights are expected:"),
            "fixed size": (lambda n: by_identity(5), None),
            "text": (parts(b="half"), "expected numbers"),
            "infinite": (parts(w=lambda n: torch.full((n,), torch.inf)), "w contains NaN"),
        },
        draws=2,
    )


def test_the_praise_says_how_many_products_it_took():
    assert "classes, with a product for each class. Fewer suffice:" in judge("08.3", by_identity).message
    assert "40 of them 2 products suffice. One does not" in judge("08.3", circle).message
    for many in (signed, distance):
        message = judge("08.3", many).message
        assert (
            f"with {len(many(40)[2])} products for 40 of them. Fewer suffice" in message and "does not" not in message
        )


@pytest.mark.parametrize(
    ("scale", "b", "words"), [(1e-4, 0.0, "The bias is missing"), (1e-4, -1e-8, "The bias is wrong: the threshold")]
)
def test_small_weights_are_blamed_for_what_large_ones_are(scale, b, words):
    small = parts(U=lambda n: scale * torch.eye(n), V=lambda n: scale * torch.eye(n), b=b)
    assert words in judge("08.3", small).message


def test_one_product_is_not_enough_for_three_kinds():
    verdict = judge("08.3", lambda n: (torch.arange(n)[None] - 0.5, torch.arange(n)[None] - 0.5, [1.0], 0.0))
    assert not verdict and "for 3 classes" in verdict.message
