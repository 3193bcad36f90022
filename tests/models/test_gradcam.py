"""Grad-CAM against its definition, and on a network whose answer is known."""

import pytest
import torch
from torch import nn

from mmcourse.models.cnn import ImageClassifier
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


def classifier():
    torch.manual_seed(0)
    return ImageClassifier(4, widths=(4, 6, 8))


def test_one_class_for_all_images_and_what_cannot_be_explained():
    model = ImageClassifier(4).eval()
    images, layer = torch.rand(3, 3, 32, 32), model.encoder.blocks
    assert torch.equal(explain(model, layer, images, 2), explain(model, layer, images, torch.tensor([2, 2, 2])))
    assert torch.equal(explain(model, layer, images, [0, 1, 2]), explain(model, layer, images, torch.tensor([0, 1, 2])))
    with pytest.raises(ValueError, match="whole numbers from 0 to 3"):
        explain(model, layer, images, 4)
    with pytest.raises(ValueError, match=r"image\[None\]"):
        explain(model, layer, images[0])


def test_every_part_stays_in_its_mode(modes_kept):
    model = classifier()
    with modes_kept(model, model.encoder.blocks[0]):
        explain(model, model.encoder.blocks[1], torch.rand(2, 3, 16, 16))


@pytest.mark.parametrize("gradients", [True, False])
def test_a_frozen_model_is_explained_alike(gradients):
    model, images = classifier(), torch.rand(2, 3, 16, 16)
    expected = explain(model, model.encoder.blocks[1], images)
    model.requires_grad_(False)
    with torch.set_grad_enabled(gradients):
        assert torch.equal(explain(model, model.encoder.blocks[1], images), expected)
    assert not images.requires_grad and not any(p.requires_grad for p in model.parameters())


def test_what_follows_may_change_the_maps_in_place():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)]
    plain, images = nn.Sequential(*layers), torch.rand(2, 3, 9, 9)
    expected = explain(plain, layers[0], images)
    in_place = nn.Sequential(layers[0], nn.ReLU(inplace=True), *layers[2:])
    assert torch.equal(explain(in_place, layers[0], images), expected) and expected.max() > 0.5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_neither_overflows_nor_divides_by_zero(dtype):
    maps = torch.full((1, 64, 3, 3), 3_000.0, dtype=dtype)
    assert torch.equal(grad_cam(maps, torch.ones_like(maps)), torch.ones(1, 3, 3))
    assert torch.equal(grad_cam(maps, -torch.ones_like(maps)), torch.zeros(1, 3, 3))
    assert torch.equal(grad_cam(maps, torch.full_like(maps, 1e-7)), torch.ones(1, 3, 3)), "however small the gradient"


def test_a_layer_that_takes_no_part_is_named():
    model, images = classifier(), torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="the Conv2d takes no part in the logits of the ImageClassifier"):
        explain(model, nn.Conv2d(3, 3, 1), images)
    with pytest.raises(ValueError, match="uint8"):
        explain(model, model.encoder.blocks[1], (images * 255).byte())
