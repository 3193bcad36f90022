"""Gradients that a learner's answer cuts off are named, those that pass are left alone."""

import pytest
import torch

from mmcourse.exercises.answers import Answer, Mistake
from mmcourse.exercises.gradients import expect_gradients


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
        (lambda x, parts: weigh(torch.normal(x, 0 * x), parts), "no gradient reaches `x`, so"),
    ],
)
def test_a_gradient_that_is_cut_off_is_named(answer, words):
    case = (torch.tensor([1.0, 2, 3]), [torch.tensor([4.0, 5, 6]), torch.tensor([0.5, 2, 1])])
    with pytest.raises(Mistake, match=words):
        expect_gradients(Answer(answer), case, weigh)


def test_a_gradient_that_passes_is_left_alone():
    case = (torch.tensor([1.0, 2, 3]), [torch.tensor([4.0, 5, 6]), torch.tensor([0.5, 2, 1])])
    assert expect_gradients(Answer(weigh), case, weigh) == ""
    assert expect_gradients(Answer(lambda x, p: weigh(x.double(), [part.double() for part in p])), case, weigh) == ""
    loose = Answer(lambda x, p: (weigh(x, p)[0], weigh(x, p)[1][0].detach()))
    assert expect_gradients(loose, case, lambda x, p: weigh(x, p)[0], part=lambda result: result[0]) == ""
    assert "in place" in expect_gradients(Answer(filled), case, lambda x, p: (x * p[0]) ** 2)


def test_whole_numbers_and_masks_have_no_gradient_and_are_passed_on():
    case = (torch.rand(3, 2), torch.tensor([1, 0, 2]), torch.tensor([True, False, True]))
    picked = lambda x, n, mask: x[mask].repeat_interleave(n[mask], dim=0)  # noqa: E731
    assert expect_gradients(Answer(picked), case, picked) == ""
    with pytest.raises(Mistake, match="no gradient reaches `x`"):
        expect_gradients(Answer(lambda x, n, mask: picked(x.detach(), n, mask)), case, picked)
