"""What lesson 06 defines by hand computes what the package does."""

import ast
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models import autoencoder, cnn, vae

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "06_autoencoders.py"
BY_HAND = {"AutoencoderByHand", "compression_factor", "reparameterise", "kl_divergence", "interpolate"}
BY_HAND |= {"BuggyAutoencoder", "FixedAutoencoder", "buggy_loss", "negative_elbo"}


@pytest.fixture(scope="module")
def lesson():
    """The functions and the classes that the lesson defines by hand, answers included."""
    names = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor, "autoencoder": autoencoder, "cnn": cnn, "vae": vae}
    found = [
        node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if getattr(node, "name", "") in BY_HAND
    ]
    assert {node.name for node in found} == BY_HAND
    exec(compile(ast.Module(found, []), str(SOURCE), "exec"), names)
    return names


def test_autoencoder_by_hand_is_the_image_autoencoder(lesson):
    by_hand, package = lesson["AutoencoderByHand"](), autoencoder.ImageAutoencoder()
    by_hand.down1, by_hand.down2, by_hand.to_code = package.encoder
    by_hand.from_code, by_hand.norm, _, by_hand.up1, by_hand.up2, by_hand.to_pixels, _ = package.decoder
    images = torch.rand(2, 3, 32, 32)
    for mode in (True, False):
        assert torch.allclose(by_hand.train(mode)(images), package.train(mode)(images), atol=1e-5)


def test_parts_of_the_vae_are_the_packages(lesson):
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    assert torch.allclose(lesson["kl_divergence"](mean, log_variance), vae.kl_divergence(mean, log_variance))
    torch.manual_seed(0)
    by_hand = lesson["reparameterise"](mean, log_variance)
    torch.manual_seed(0)
    assert torch.allclose(by_hand, vae.reparameterise(mean, log_variance))
    x = torch.rand(4, 3, 8, 8)
    outputs = torch.rand(4, 3, 8, 8), mean, log_variance
    assert torch.allclose(lesson["negative_elbo"](outputs, x, 0.3), vae.negative_elbo(outputs, x, 0.3))


def test_interpolation_and_compression(lesson):
    start, end = torch.randn(2, 8, 4, 4)
    assert torch.allclose(lesson["interpolate"](start, end, 5), autoencoder.interpolate(start, end, 5))
    assert lesson["compression_factor"](torch.rand(2, 3, 32, 32), torch.rand(2, 8, 8, 8)) == 6


def test_the_buggy_autoencoder_mixes_examples_and_the_fixed_one_does_not(lesson):
    x = torch.randn(6, 20)
    changed = x.clone()
    changed[2] = 0
    for name, expected in (("BuggyAutoencoder", [4, 5]), ("FixedAutoencoder", [2])):
        model = lesson[name](20, 4)
        moved = (model(x) - model(changed)).abs().amax(dim=1) > 1e-6
        assert moved.nonzero()[:, 0].tolist() == expected


def test_the_buggy_loss_weighs_the_kl_by_the_number_of_values(lesson):
    x, mean, log_variance = torch.rand(4, 3, 8, 8), torch.randn(4, 5), torch.randn(4, 5)
    outputs = torch.rand(4, 3, 8, 8), mean, log_variance
    right = vae.negative_elbo(outputs, x, beta=x[0].numel() / 2)
    assert torch.allclose(lesson["buggy_loss"](outputs, x), right * 2 / x[0].numel(), rtol=1e-4)
