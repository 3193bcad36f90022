import numpy as np
import pytest
import torch
from torch import nn

from mmcourse.exercises.answers import Answer, NotRight
from mmcourse.exercises.judging import (
    compare,
    expect_finite,
    expect_gradients,
    expect_tensor,
    expect_whole_number,
    learns_from,
    named_mistake,
    whole,
)


def test_whole_numbers_of_every_kind_are_taken():
    assert expect_whole_number(3, "x") == 3 and expect_whole_number(np.int64(4), "x") == 4


@pytest.mark.parametrize(
    ("given", "words"),
    [(3.0, "a float"), (torch.tensor(3), "`.item\\(\\)`"), (True, "a bool"), ("3", "a str"), ([3], "a list")],
)
def test_what_is_no_whole_number_is_named(given, words):
    with pytest.raises(NotRight, match=words):
        expect_whole_number(given, "f(1)")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0], "torch.stack"),
        ((torch.ones(2), torch.ones(2)), "comma"),
        (np.ones(2), "from_numpy"),
        (1.0, "a single number"),
        ({}, "a dict"),
    ],
)
def test_what_is_no_tensor_is_named(given, words):
    with pytest.raises(NotRight, match=words):
        expect_tensor(given, "for these", (2,))


def test_shapes_and_their_causes():
    with pytest.raises(NotRight, match=r"for these the shape is \(3, 2\), expected \(2, 3\): transposed"):
        expect_tensor(torch.ones(3, 2), "for these", (2, 3), {(3, 2): "transposed"})
    assert not expect_tensor(torch.ones(2, requires_grad=True), "", (2,)).requires_grad


def test_nan_and_infinity_are_named():
    for value, words in ((float("nan"), "NaN"), (float("inf"), "infinity")):
        with pytest.raises(NotRight, match=words):
            expect_finite(torch.tensor([value]), "for these", "why")


def test_a_mistake_is_named_only_when_it_explains_every_value():
    cases, mistakes = [(1,), (2,)], [(lambda x: 2 * x, "doubled"), (lambda x: x * x, "squared")]
    assert named_mistake(cases, [2, 4], mistakes) == "doubled"
    assert named_mistake(cases, [1, 4], mistakes) == "squared"
    assert named_mistake(cases, [2, 5], mistakes) is None
    compare("f", cases, [1, 2], lambda x: x, mistakes)
    with pytest.raises(NotRight, match=r"`f\(2\)` gave 4, expected 2: squared"):
        compare("f", cases, [1, 4], lambda x: x, mistakes)


def test_whole_includes_both_ends():
    rng = torch.Generator().manual_seed(0)
    assert {whole(rng, 2, 4) for _ in range(100)} == {2, 3, 4}


class Hiding(nn.Module):
    """A layer that is registered, then one that is not."""

    def __init__(self, hidden):
        super().__init__()
        self.first, self.hidden = nn.Linear(4, 4), hidden

    def forward(self, x):
        (last,) = self.hidden
        return self.first(x) @ last if isinstance(last, torch.Tensor) else last(self.first(x))


def test_what_no_optimiser_sees_is_named():
    rng = torch.Generator().manual_seed(0)
    for hidden in ([nn.Linear(4, 3)], [torch.randn(4, 3, requires_grad=True)]):
        with pytest.raises(NotRight, match="a plain list hides layers"):
            model = Hiding(hidden)
            learns_from(model, model(torch.randn(5, 4)), 3, rng)
    for hidden in (nn.ModuleList([nn.Linear(4, 3)]), nn.ParameterList([torch.randn(4, 3)]), [torch.randn(4, 3)]):
        model = Hiding(hidden)
        learns_from(model, model(torch.randn(5, 4)), 3, rng)
        model.zero_grad()


def weigh(x, parts):
    return x * parts[0], [x + part**2 for part in parts]


def by_numpy(x, parts):
    return weigh(x, parts)[0], [torch.from_numpy(x.numpy() + part.numpy() ** 2) for part in parts]


def filled(x, parts):
    total = torch.ones(3)
    for i in range(3):
        total[i] = x[i] * parts[0][i]
        total[i] = total[i] ** 2
    return total


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            lambda x, parts: [result.detach() for result in weigh(x, parts)[1]],
            "no gradient reaches `x` and `parts`, so",
        ),
        (lambda x, parts: weigh(x, [parts[0], parts[1].detach()]), "no gradient reaches `parts\\[1\\]`, so"),
        (lambda x, parts: weigh(x.detach(), parts), "no gradient reaches `x`, so"),
        (lambda x, parts: (weigh(x, parts)[0].detach(), weigh(x, parts)[1]), "a part of the gradient reaches `x` and"),
        (by_numpy, "stay with tensors"),
        (torch.no_grad()(weigh), "no gradient reaches"),
    ],
)
def test_a_gradient_that_is_cut_off_is_named(answer, words):
    case = (torch.tensor([1.0, 2, 3]), [torch.tensor([4.0, 5, 6]), torch.tensor([0.5, 2, 1])])
    with pytest.raises(NotRight, match=words):
        expect_gradients(Answer(answer), case, weigh)


def test_a_gradient_that_passes_is_left_alone():
    case = (torch.tensor([1.0, 2, 3]), [torch.tensor([4.0, 5, 6]), torch.tensor([0.5, 2, 1])])
    assert expect_gradients(Answer(weigh), case, weigh) == ""
    assert expect_gradients(Answer(lambda x, p: weigh(x.double(), [part.double() for part in p])), case, weigh) == ""
    loose = Answer(lambda x, p: (weigh(x, p)[0], weigh(x, p)[1][0].detach()))
    assert expect_gradients(loose, case, lambda x, p: weigh(x, p)[0], part=lambda result: result[0]) == ""
    assert "in place" in expect_gradients(Answer(filled), case, lambda x, p: (x * p[0]) ** 2)
