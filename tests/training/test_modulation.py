"""Gradient modulation: its coefficients, that they reach the branches and nothing else, and that zero is plain."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.models.branches import Branches
from mmcourse.training.modulation import Modulated, branch_scores, coefficients


def test_only_the_branch_ahead_is_slowed_down():
    factors = coefficients({"image": 0.3, "sound": 0.9}, alpha=0.5)
    assert factors == pytest.approx({"image": 1.0, "sound": 1 - math.tanh(1.5)})
    three = coefficients({"image": 0.2, "sound": 0.8, "text": 0.4}, alpha=0.3)
    assert three == pytest.approx({"image": 1.0, "sound": 1 - math.tanh(0.3 * 0.8 / 0.3), "text": 1.0})
    assert coefficients({"image": 0.5, "sound": 0.5}, 1.0) == {"image": 1.0, "sound": 1.0}
    assert coefficients({"image": 0.1, "sound": 0.9}, 0.0) == {"image": 1.0, "sound": 1.0}
    assert 0 <= coefficients({"image": 0.0, "sound": 0.9}, 1.0)["sound"] < 1e-6


@pytest.mark.parametrize("scores", [{"image": 0.5}, {"image": -0.1, "sound": 0.5}])
def test_scores_that_make_no_sense_are_refused(scores):
    with pytest.raises(ValueError, match="two branches or more"):
        coefficients(scores, 0.5)


def gradients(alpha):
    torch.manual_seed(0)
    model = Branches({"image": nn.Linear(3, 4), "sound": nn.Linear(3, 4)}, width=4, classes=3).train()
    target = torch.arange(30) % 3
    x = torch.randn(30, 3), F.one_hot(target, 3).float() + 0.1 * torch.randn(30, 3)
    with torch.no_grad():  # sound is ahead
        model.encoders["sound"].weight.copy_(3 * torch.eye(4)[:, :3])
        model.fusion.layers.weight[:, 4:] = 2 * torch.eye(4)[:3]
    loss = Modulated(model, alpha)
    loss(model(*x), target).backward()
    return model, loss.log[-1], {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def test_the_branch_ahead_gets_its_gradient_times_the_factor_and_the_fusion_layer_all_of_it():
    _, scores, plain = gradients(0.0)
    _, _, held = gradients(0.7)
    factors = coefficients(scores, 0.7)
    assert scores["sound"] > scores["image"] and factors["sound"] < 0.5
    for name, gradient in plain.items():
        branch = name.split(".")[1] if name.startswith("encoders") else None
        assert torch.allclose(held[name], gradient * factors.get(branch, 1.0), atol=1e-6), name


def test_a_branch_is_scored_with_all_others_missing():
    model, scores, _ = gradients(0.0)
    target = torch.arange(30) % 3
    alone = model.decide({"sound": model.latest["sound"]}).softmax(dim=1)[torch.arange(30), target].mean()
    assert scores["sound"] == pytest.approx(alone.item(), abs=1e-6)
    assert branch_scores(model, target) == pytest.approx(scores)


def test_evaluation_records_no_scores():
    model, *_ = gradients(0.0)
    loss = Modulated(model.eval(), 0.5)
    loss(model(torch.randn(4, 3), torch.randn(4, 3)), torch.zeros(4, dtype=torch.int64))
    assert loss.log == []
