"""Losses against numbers computed by hand and PyTorch's own; the gradient penalty against linear critics."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.training import AdversarialLoss, Hinge, Minimax, NonSaturating, Wasserstein, gradient_penalty
from mmcourse.training.adversarial.losses import LOSSES, chosen_loss

REAL, FAKE = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])


def test_hinge_by_hand():
    # max(0, 1 - 2) = 0, max(0, 1 - 0.5) = 0.5; max(0, 1 - 2) = 0, max(0, 1 + 0.5) = 1.5
    assert Hinge().discriminator(REAL, FAKE).item() == pytest.approx(0.25 + 0.75)
    assert Hinge().generator(FAKE).item() == pytest.approx(0.75)


def test_wasserstein_by_hand():
    assert Wasserstein().discriminator(REAL, FAKE).item() == pytest.approx(-0.75 - 1.25)
    assert Wasserstein().generator(FAKE).item() == pytest.approx(0.75)


def test_cross_entropies_are_those_of_pytorch():
    ones, zeros = torch.ones(64), torch.zeros(64)
    real, fake = 5 * torch.randn(64), 5 * torch.randn(64)
    entropy = F.binary_cross_entropy_with_logits
    for loss in (NonSaturating(), Minimax()):
        torch.testing.assert_close(loss.discriminator(real, fake), entropy(real, ones) + entropy(fake, zeros))
    torch.testing.assert_close(NonSaturating().generator(fake), entropy(fake, ones))
    torch.testing.assert_close(Minimax().generator(fake), -entropy(fake, zeros))


def test_losses_at_chance_level():
    zeros = torch.zeros(8)
    assert NonSaturating().discriminator(zeros, zeros).item() == pytest.approx(2 * math.log(2))
    assert NonSaturating().generator(zeros).item() == pytest.approx(math.log(2))
    assert Hinge().discriminator(zeros, zeros).item() == 2


def test_the_minimax_gradient_vanishes_where_a_fake_is_rejected_and_the_non_saturating_one_does_not():
    gradients = {}
    for loss in (NonSaturating(), Minimax()):
        scores = torch.tensor([-8.0], requires_grad=True)
        loss.generator(scores).backward()
        gradients[type(loss).__name__] = abs(scores.grad.item())
    assert gradients["Minimax"] < 0.001 and gradients["NonSaturating"] > 0.999


@pytest.mark.parametrize("name", LOSSES)
def test_both_players_pull_a_fake_score_in_opposite_directions(name):
    loss, scores = LOSSES[name](), torch.zeros(4, requires_grad=True)
    (down,) = torch.autograd.grad(loss.discriminator(torch.zeros(4), scores), scores)
    (up,) = torch.autograd.grad(loss.generator(scores), scores)
    assert (down > 0).all() and (up < 0).all()


@pytest.mark.parametrize("shape", [(5, 3), (5, 2, 4, 4)])
def test_the_penalty_of_a_linear_critic_is_known(shape):
    """The gradient of w.x is w wherever it is taken: the penalty is (||w|| - 1)^2, and so is its gradient known."""
    weight = torch.randn(shape[1:], requires_grad=True)

    def critic(x):
        return (x * weight).flatten(1).sum(1)

    penalty = gradient_penalty(critic, torch.randn(shape), torch.randn(shape))
    norm = weight.norm().item()
    assert penalty.item() == pytest.approx((norm - 1) ** 2, rel=1e-4)
    penalty.backward()
    torch.testing.assert_close(weight.grad, 2 * (norm - 1) * weight.detach() / norm)
    assert gradient_penalty(critic, torch.randn(shape), torch.randn(shape), target=0).item() == pytest.approx(norm**2)


def test_the_penalty_looks_between_real_and_fake():
    """The score x^2 / 2 has the gradient x: from 3 to 5 the penalty lies between (3 - 1)^2 and (5 - 1)^2."""
    torch.manual_seed(0)
    seen = []

    def critic(x):
        seen.append(x.detach())
        return (x.square() / 2).sum(1)

    penalty = gradient_penalty(critic, torch.full((4000, 1), 3.0), torch.full((4000, 1), 5.0))
    assert seen[0].min() >= 3 and seen[0].max() <= 5
    assert penalty.item() == pytest.approx(28 / 3, rel=0.05)  # the mean of (x - 1)^2 over [3, 5]


def test_the_penalty_changes_the_critic_alone():
    critic = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0))
    real, fake = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    value = Wasserstein(penalty=10).penalty(critic, real, fake)
    value.backward()
    assert real.grad is None and fake.grad is None
    assert all(p.grad is not None for name, p in critic.named_parameters() if name != "2.bias")


def test_the_penalty_has_its_factor_and_passes_labels_on():
    def critic(x, labels):
        return (x * labels[:, None]).sum(1)

    real, labels = torch.zeros(3, 4), torch.full((3,), 2)
    assert Wasserstein(penalty=5).penalty(critic, real, real, labels).item() == pytest.approx(5 * (4 - 1) ** 2)
    assert Wasserstein(penalty=0).penalty(critic, real, real, labels) is None
    assert all(LOSSES[name]().penalty(critic, real, real) is None for name in LOSSES if name != "wasserstein")


def test_names_instances_and_own_losses():
    class LeastSquares(AdversarialLoss):
        pass

    own = LeastSquares()
    assert chosen_loss(own) is own and isinstance(chosen_loss("minimax"), Minimax)
    assert chosen_loss("wasserstein").betas == (0.0, 0.9) and chosen_loss("hinge").betas == (0.5, 0.999)
    for wrong, said in [
        ("hinges", "'hinges'.*'non_saturating'"),
        (Hinge, r"Hinge\(\)"),
        (F.cross_entropy, "cross_entropy.*two networks"),
    ]:
        with pytest.raises(ValueError, match=said):
            chosen_loss(wrong)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="penalty=-1"):
        Wasserstein(penalty=-1)
    with pytest.raises(ValueError, match="batches of different size"):
        gradient_penalty(lambda x: x.sum(1), torch.zeros(4, 2), torch.zeros(3, 2))
