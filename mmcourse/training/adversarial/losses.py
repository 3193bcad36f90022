"""The losses of generative adversarial networks with one interface; both networks minimise theirs.

A score is unbounded, and higher for real examples; s_r are scores of real examples, s_f of generated ones.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.precision import exact, without_autocast


class AdversarialLoss:
    """The interface of a loss for `fit_adversarial`; subclass it for other losses.

    lr, betas    default learning rate and Adam's betas
    """

    lr, betas = 2e-4, (0.5, 0.999)  # Radford, Metz, Chintala 2016 (DCGAN), section 4

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """The discriminator's loss.   (B,), (B,) -> ()"""
        raise NotImplementedError

    def generator(self, fake_scores: Tensor) -> Tensor:
        """The generator's loss.   (B,) -> ()"""
        raise NotImplementedError

    def penalty(self, discriminator: Callable, real: Tensor, fake: Tensor, labels: Tensor | None = None):
        """A term of the discriminator's loss, its factor included; None for none.   (B, ...), (B, ...) -> ()"""
        return None


class NonSaturating(AdversarialLoss):
    """Binary cross-entropy; the generator maximises log D(fake) (Goodfellow et al. 2014, section 3).

    With D = sigmoid(score): discriminator -log D(real) - log(1 - D(fake)), generator -log D(fake). At chance level the
    discriminator's loss is 2 log 2 = 1.386, the generator's log 2 = 0.693.
    """

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        return F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()

    def generator(self, fake_scores: Tensor) -> Tensor:
        return F.softplus(-fake_scores).mean()


class Minimax(NonSaturating):
    """The original loss: the generator minimises log(1 - D(fake)) (Goodfellow et al. 2014, equation 1).

    Its gradient vanishes where the discriminator rejects a fake with confidence, so it is included for comparison only.
    """

    def generator(self, fake_scores: Tensor) -> Tensor:
        return -F.softplus(fake_scores).mean()


class Hinge(AdversarialLoss):
    """max(0, 1 - s_r) + max(0, 1 + s_f) against -s_f (Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17).

    A score beyond the margin of 1 adds no gradient for the discriminator. At scores of 0 its loss is 2.
    """

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        return F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()

    def generator(self, fake_scores: Tensor) -> Tensor:
        return -fake_scores.mean()


class Wasserstein(AdversarialLoss):
    """s_f - s_r against -s_f, with a gradient penalty (Gulrajani et al. 2017, equation 3); the critic has no sigmoid.

    `penalty` is the factor lambda of the gradient penalty, 10 in the paper. Batch norm in the critic mixes examples,
    for which the penalty is not valid: use no norm, or layer norm (section 4).
    """

    lr, betas = 1e-4, (0.0, 0.9)  # algorithm 1 of the paper, which also takes 5 discriminator_steps

    def __init__(self, penalty: float = 10.0):
        if not penalty >= 0:
            raise ValueError(f"Wasserstein got penalty={penalty!r}; expected the factor of the penalty, 0 or more")
        self.factor = penalty

    def discriminator(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        return fake_scores.mean() - real_scores.mean()

    def generator(self, fake_scores: Tensor) -> Tensor:
        return -fake_scores.mean()

    def penalty(self, discriminator: Callable, real: Tensor, fake: Tensor, labels: Tensor | None = None):
        if self.factor == 0:
            return None
        return self.factor * gradient_penalty(discriminator, real, fake, labels)


def gradient_penalty(
    discriminator: Callable, real: Tensor, fake: Tensor, labels: Tensor | None = None, target: float = 1.0
) -> Tensor:
    """mean((||gradient of the score|| - target)^2) at random points between real and fake (Gulrajani et al. 2017).

    (B, ...), (B, ...) -> (), differentiable in the discriminator's parameters. A point is real + a * (fake - real),
    with one `a` per example, uniform in [0, 1]; the norm is over all axes of an example.
    """
    if real.shape != fake.shape:
        raise ValueError(
            f"gradient_penalty got real {tuple(real.shape)} and fake {tuple(fake.shape)}; expected one shape, since "
            "the points lie between pairs. Likely cause: batches of different size, or a generator of other images"
        )
    with without_autocast(real), torch.enable_grad():
        weight = torch.rand(len(real)).to(exact(real)).view(-1, *[1] * (real.dim() - 1))
        between = torch.lerp(exact(real.detach()), exact(fake.detach()), weight).requires_grad_()
        scores = discriminator(between) if labels is None else discriminator(between, labels)
        (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        return (gradient.flatten(1).norm(dim=1) - target).square().mean()


LOSSES = {
    "non_saturating": NonSaturating,
    "minimax": Minimax,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
}


def chosen_loss(loss: str | AdversarialLoss) -> AdversarialLoss:
    """The loss with this name, or the given instance; ValueError for an unknown name or another object."""
    if isinstance(loss, str) and loss in LOSSES:
        return LOSSES[loss]()
    if isinstance(loss, type):
        raise ValueError(
            f"fit_adversarial got the class {loss.__name__} as its loss; expected an instance: {loss.__name__}()"
        )
    if isinstance(loss, AdversarialLoss):
        return loss
    what = repr(loss) if isinstance(loss, str) else f"a {getattr(loss, '__name__', type(loss).__name__)}"
    raise ValueError(
        f"fit_adversarial got loss={what}; expected one of {', '.join(map(repr, LOSSES))}, or an "
        "instance of a subclass of AdversarialLoss. One function (outputs, target) cannot serve two networks"
    )
