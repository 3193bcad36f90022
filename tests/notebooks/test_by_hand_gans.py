"""What lesson 07 defines by hand computes what the package does."""

import ast
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance

from mmcourse.models import gan
from mmcourse.training import Hinge, NonSaturating

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "07_gans.py"
BY_HAND = {"optimal_discriminator", "gan_losses", "GeneratorByHand", "DiscriminatorByHand", "discriminator_step"}
BY_HAND |= {"generator_step", "frechet_distance", "gradient_penalty", "BuggyDiscriminator", "FixedDiscriminator"}


@pytest.fixture(scope="module")
def lesson():
    """The functions and classes that the lesson defines by hand, answers included."""
    names = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
    found = [
        node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if getattr(node, "name", "") in BY_HAND
    ]
    exec(compile(ast.Module(found, []), str(SOURCE), "exec"), names)
    return names


def test_the_networks_are_the_packages(lesson):
    by_hand, package = lesson["GeneratorByHand"](), gan.Generator()
    package.load_state_dict(by_hand.state_dict())
    z = torch.randn(4, 64)
    assert torch.allclose(by_hand(z), package(z), atol=1e-6)
    by_hand, package = lesson["DiscriminatorByHand"](), gan.Discriminator(norm=None)
    for theirs, ours in zip(by_hand.parameters(), package.parameters(), strict=True):
        ours.data = theirs.data
    images = torch.rand(4, 3, 32, 32)
    assert torch.allclose(by_hand(images), package(images), atol=1e-5)


def test_losses_are_the_packages(lesson):
    real, fake = torch.randn(6), torch.randn(6)
    d_loss, g_loss = lesson["gan_losses"](real, fake)
    assert torch.allclose(d_loss, NonSaturating().discriminator(real, fake))
    assert torch.allclose(g_loss, NonSaturating().generator(fake))


def test_each_step_changes_its_own_player(lesson):
    generator, discriminator = gan.Generator(8, widths=(8, 8, 8)), gan.Discriminator(widths=(8, 8, 8), norm=None)
    optimizers = [torch.optim.SGD(model.parameters(), 0.1) for model in (generator, discriminator)]
    weights = [[p.clone() for p in model.parameters()] for model in (generator, discriminator)]
    real, z = torch.rand(4, 3, 32, 32), torch.randn(4, 8)
    expected = Hinge().discriminator(discriminator(real), discriminator(generator(z)))
    assert lesson["discriminator_step"](generator, discriminator, optimizers[1], real, z) == pytest.approx(
        expected.item(), rel=1e-4
    )
    assert all(torch.equal(a, b) for a, b in zip(generator.parameters(), weights[0], strict=True))
    assert all(p.grad is None for p in generator.parameters())
    weights[1] = [p.clone() for p in discriminator.parameters()]
    lesson["generator_step"](generator, discriminator, optimizers[0], z)
    assert all(torch.equal(a, b) for a, b in zip(discriminator.parameters(), weights[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(generator.parameters(), weights[0], strict=True))


def test_frechet_distance_is_torchmetrics_and_the_closed_form(lesson):
    x, y = torch.randn(300, 6, dtype=torch.float64), 2 * torch.randn(200, 6, dtype=torch.float64) + 1
    metric = FrechetInceptionDistance(nn.Identity(), normalize=True, input_img_size=(6,)).set_dtype(torch.float64)
    metric.update(x, real=True)
    metric.update(y, real=False)
    assert lesson["frechet_distance"](x, y).item() == pytest.approx(metric.compute().item(), rel=1e-6)
    a, b = torch.randn(4000, 1), 3 + 2 * torch.randn(4000, 1)
    closed = (a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2
    flat = [F.pad(samples, (0, 1)) for samples in (a, b)]  # a second feature, constant: it changes nothing
    assert lesson["frechet_distance"](*flat).item() == pytest.approx(closed.item(), rel=1e-4)


def test_gradient_penalty_of_a_plane_and_of_the_package(lesson):
    plane = torch.zeros(1, 2, 2)
    plane[0, 0] = torch.tensor([3.0, 4.0])
    real, fake, t = torch.rand(5, 1, 2, 2), torch.rand(5, 1, 2, 2), torch.rand(5)
    penalty = lesson["gradient_penalty"](lambda images: (images * plane).sum(dim=(1, 2, 3)), real, fake, t)
    assert penalty.item() == pytest.approx((5 - 1) ** 2, rel=1e-5)


def test_the_buggy_discriminator_stops_early_and_the_fixed_one_does_not(lesson):
    images = 100 * torch.rand(4, 3, 32, 32)
    buggy, fixed = lesson["BuggyDiscriminator"](), lesson["FixedDiscriminator"]()
    fixed.load_state_dict(buggy.state_dict())
    assert buggy(images).abs().max() <= 1
    assert torch.allclose(torch.tanh(fixed(images)), buggy(images), atol=1e-5)
