"""The perceptual loss: its two terms, a frozen encoder, gradients to the outputs alone."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.models.cnn import AttributeClassifier, ImageClassifier, ImageEncoder
from mmcourse.models.perceptual import PerceptualLoss


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return ImageEncoder((4, 8))


def test_both_terms(encoder):
    a, b = torch.rand(2, 3, 3, 16, 16)
    loss = PerceptualLoss(encoder, weight=0.3)
    maps = zip(encoder.eval().all_feature_maps(a), encoder.all_feature_maps(b), strict=True)
    expected = F.mse_loss(a, b) + 0.3 * sum(F.mse_loss(one, other) for one, other in maps)
    assert torch.allclose(loss(a, b), expected)
    assert torch.allclose(PerceptualLoss(encoder, weight=0)(a, b), F.mse_loss(a, b))
    assert loss(a, a).item() == 0


def test_the_encoder_is_a_frozen_copy(encoder):
    encoder.train()
    loss = PerceptualLoss(encoder).train()
    a, b = torch.rand(2, 3, 3, 16, 16).requires_grad_()
    before = {name: value.clone() for name, value in loss.encoder.state_dict().items()}
    loss(a, b.detach()).backward()
    assert all(torch.equal(before[name], value) for name, value in loss.encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in [*loss.parameters(), *encoder.parameters()])
    assert encoder.training and encoder.blocks[0][0].weight.requires_grad, "the caller's encoder is left as it was"


def test_gradients_reach_the_outputs(encoder):
    outputs, target = torch.rand(2, 3, 16, 16, requires_grad=True), torch.rand(2, 3, 16, 16)
    PerceptualLoss(encoder).feature_distance(outputs, target).backward()
    assert outputs.grad.abs().sum() > 0


def test_what_does_not_fit_is_explained(encoder):
    with pytest.raises(ValueError, match="model.encoder"):
        PerceptualLoss(ImageClassifier(3))
    with pytest.raises(ValueError, match="one shape"):
        PerceptualLoss(encoder)(torch.rand(2, 3, 16, 16), torch.rand(1, 3, 16, 16))


def test_feature_maps_of_every_block(encoder):
    images = torch.rand(2, 3, 16, 16)
    maps = encoder.eval().all_feature_maps(images)
    assert [tuple(m.shape) for m in maps] == [(2, 4, 8, 8), (2, 8, 4, 4)]
    assert torch.equal(maps[-1], encoder.feature_maps(images))


def test_a_residual_classifier_has_the_judges_interface():
    model = AttributeClassifier(widths=(4, 8), residual=True).eval()
    images = torch.rand(3, 3, 32, 32)
    assert model(images).shape == (3, 24) and model.predict(images).shape == (3, 3)
    assert torch.allclose(model(images), model(images.flip(0)).flip(0), atol=1e-5)
