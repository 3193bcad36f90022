"""The speech autoencoder: shapes, any length, padding under a mask, and messages."""

import pytest
import torch

from mmcourse.models.speech_autoencoder import SpeechAutoencoder

MODEL = SpeechAutoencoder(20, 4, 16).eval()


@pytest.mark.parametrize("frames", [1, 7, 40])
def test_every_frame_has_a_code(frames):
    mels = torch.randn(2, 20, frames)
    codes = MODEL.encode(mels)
    assert codes.shape == (2, 4, frames)
    assert MODEL(mels).shape == mels.shape
    assert torch.equal(MODEL(mels), MODEL.decode(codes))


def test_gradients_reach_every_parameter():
    model = SpeechAutoencoder(20, 4, 16)
    model(torch.randn(2, 20, 9)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_masked_frames_change_no_others():
    codes, mask = torch.randn(1, 4, 12), (torch.arange(12) < 7).float()[None, None]
    decoded = MODEL.decode(codes * mask, mask)
    assert torch.allclose(decoded[..., :7], MODEL.decode(codes[..., :7]), atol=1e-6)
    assert (decoded[..., 7:] == 0).all()
    assert not torch.allclose(MODEL.decode(codes * mask)[..., :7], decoded[..., :7], atol=1e-6), "the mask is needed"


def test_far_frames_do_not_reach_each_other():
    """A moment of the reconstruction depends on its neighbourhood: 15 frames on either side at most, here."""
    mels = torch.randn(1, 20, 60)
    other = mels.clone()
    other[..., 50:] += 1
    assert torch.allclose(MODEL(mels)[..., :30], MODEL(other)[..., :30], atol=1e-6)
    assert not torch.allclose(MODEL(mels)[..., 45:], MODEL(other)[..., 45:], atol=1e-3)


def test_what_does_not_fit_says_why():
    with pytest.raises(ValueError, match="LogMel"):
        MODEL(torch.randn(2, 40, 9))
    with pytest.raises(ValueError, match="batch axis"):
        MODEL.decode(torch.randn(4, 9))
