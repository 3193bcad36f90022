"""Grad-CAM against its definition, and on a network whose answer is known."""

import pytest
import torch
from torch import nn

from mmcourse.models.gradcam import explain, grad_cam


def test_hand_computed_case():
    maps = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]], [[3.0, 0.0], [1.0, 0.0]]]])  # (1, 2, 2, 2)
    gradients = torch.stack([torch.full((2, 2), 1.0), torch.full((2, 2), -1.0)])[None]
    assert torch.allclose(grad_cam(maps, gradients)[0], torch.tensor([[0.0, 0.5], [0.0, 1.0]]))


def test_range_and_nothing_positive():
    heat = grad_cam(torch.rand(5, 4, 6, 6), torch.randn(5, 4, 6, 6))
    assert heat.shape == (5, 6, 6) and heat.min() >= 0 and heat.max() <= 1
    assert torch.equal(grad_cam(torch.ones(1, 2, 3, 3), -torch.ones(1, 2, 3, 3)), torch.zeros(1, 3, 3))


def test_it_points_at_what_the_class_is_made_of():
    """A network whose class 0 is 'red here': the heat lies where the red is."""
    layer = nn.Conv2d(3, 2, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[:, :, None, None]
    model = nn.Sequential(layer, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    images = torch.zeros(1, 3, 8, 8)
    images[:, 0, :4, :4] = 1
    images[:, 2, 4:, 4:] = 1
    for class_, row in ((0, 1), (1, 6)):
        heat = explain(model, layer, images, torch.tensor([class_]))[0]
        assert heat[row, row] > 0.9 and heat[7 - row, 7 - row] < 0.1
    assert not layer._forward_hooks and model.training and layer.weight.grad is None


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="expected the same"):
        grad_cam(torch.rand(1, 2, 3, 3), torch.rand(1, 2, 4, 4))
