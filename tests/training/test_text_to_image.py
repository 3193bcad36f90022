"""Training of text to image: losses fall, averaged weights and dropped conditions arrive, other parts are kept."""

import pytest
import torch

from mmcourse.models.autoencoder import ImageAutoencoder
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.perceptual import PerceptualLoss
from mmcourse.models.text_to_image import TextToImage
from mmcourse.models.velocity import VelocityNetwork
from mmcourse.training import text_to_image
from mmcourse.training.text_to_image import rate, train_autoencoder, train_velocity


@pytest.fixture
def model() -> TextToImage:
    torch.manual_seed(0)
    sizes = {"channels": 2, "side": 4, "condition_size": 4, "width": 8, "inner_width": 8, "depth": 1, "heads": 2}
    model = TextToImage(ImageAutoencoder(2, (8, 8)), VelocityNetwork(**sizes, hidden=8))
    return model


def test_the_rate_rises_stays_and_falls():
    rates = [rate(step, 10_000) for step in range(10_000)]
    assert rates[0] == 1 / 200 and rates[199] == rates[6_000] == 1 and rates[8_000] == pytest.approx(0.5)
    assert min(rates[200:]) == rates[-1] == 0.02


def test_the_velocity_learns_to_tell_conditions_apart(model):
    """Codes are -1 for one condition and 1 for the other: the velocity from noise points there."""
    signs = torch.randint(2, (256, 1)) * 2.0 - 1
    codes, conditions = signs[:, :, None, None].expand(-1, 2, 4, 4), signs.expand(-1, 4).contiguous()
    before = model.autoencoder.state_dict()
    losses = train_velocity(model, codes, conditions, 100, size=32, lr=2e-2, decay=0.9)
    assert len(losses) == 100 and sum(losses[-20:]) < 0.5 * sum(losses[:20])
    assert all(torch.equal(before[name], value) for name, value in model.autoencoder.state_dict().items())
    with torch.no_grad():
        x, t = torch.zeros(2, 2, 4, 4), torch.full((2,), 0.5)
        velocity = model.velocity(x, t, torch.tensor([[1.0], [-1.0]]).expand(-1, 4)).mean(dim=(1, 2, 3))
    assert velocity[0] > 0.7 and velocity[1] < -0.7


def test_conditions_are_dropped_with_their_probability(model, monkeypatch):
    seen = []
    monkeypatch.setattr(
        text_to_image, "flow_matching_loss", lambda network, codes, c, **_: seen.append(c) or network.positions.sum()
    )
    train_velocity(model, torch.zeros(50, 2, 4, 4), torch.ones(50, 4), 20, size=100, dropped=0.3)
    empty = (torch.cat(seen) == 0).all(dim=1)
    assert torch.equal(empty, (torch.cat(seen) == 0).any(dim=1))
    assert empty.float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_the_autoencoder_learns_under_noise():
    torch.manual_seed(0)
    images = torch.rand(64, 3, 1, 1).expand(-1, -1, 8, 8).contiguous()
    autoencoder, loss = ImageAutoencoder(4, (8, 8)), PerceptualLoss(ImageEncoder((4,)).eval(), 0.01)
    before = torch.nn.functional.mse_loss(autoencoder.eval()(images), images)
    train_autoencoder(autoencoder, images, loss, 150, size=32)
    assert not autoencoder.training
    assert torch.nn.functional.mse_loss(autoencoder(images), images) < 0.5 * before
