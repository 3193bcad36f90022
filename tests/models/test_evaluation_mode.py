"""Evaluation mode for a while: every part goes back to the mode it was in, gradients as asked for."""

import pytest
import torch
from torch import nn

from mmcourse.models.evaluation_mode import evaluating, evaluation_mode


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)))


@pytest.mark.parametrize("manager", [evaluating, evaluation_mode])
def test_every_part_evaluates_and_goes_back_to_its_mode(manager, model, modes_kept):
    with modes_kept(model, model[1][1]):
        with manager(model):
            assert not any(part.training for part in model.modules())
        with pytest.raises(RuntimeError, match="on the way"), manager(model):
            raise RuntimeError("on the way")


def test_only_judging_goes_without_gradients(model):
    x = torch.randn(4, 2)
    with evaluating(model):
        assert model(x).requires_grad
    with evaluation_mode(model):
        assert not model(x).requires_grad


def test_what_is_no_module_has_no_modes():
    with evaluation_mode(object()):
        assert not torch.is_grad_enabled()
