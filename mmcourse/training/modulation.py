"""On-the-fly gradient modulation (OGM: Peng et al. 2022): the gradient of the branch that is ahead is reduced."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.models.branches import Branches


def coefficients(scores: Mapping[str, float], alpha: float) -> dict[str, float]:
    """The factor of each branch's gradient: 1 - tanh(alpha * rho) for one that is ahead, 1 for the others.

    scores  the mean probability of the correct class by each branch alone
    rho     a branch's score over the mean score of the others (Peng et al. have two branches); above 1 it is ahead
    """
    if len(scores) < 2 or min(scores.values()) < 0 or alpha < 0:
        raise ValueError(
            f"scores are {dict(scores)}, alpha {alpha}; expected probabilities of two branches or more, alpha >= 0"
        )
    factors = {}
    for name, score in scores.items():
        others = (sum(scores.values()) - score) / (len(scores) - 1)
        rho = score / max(others, 1e-8)
        factors[name] = 1 - math.tanh(alpha * rho) if rho > 1 else 1.0
    return factors


class Modulated:
    """Cross-entropy for `fit` that scales the gradients of the branches of `model` at every step.

    The prediction of a branch alone is that of the fusion layer with all others missing. `log` keeps all scores.
    The noise that Peng et al. add to the gradients (GE) is left out. An optimiser that divides by the gradients'
    magnitude, such as Adam, cancels most of a constant factor.
    """

    def __init__(self, model: Branches, alpha: float):
        self.model, self.alpha = model, alpha
        self.log: list[dict[str, float]] = []

    def __call__(self, outputs: Tensor, target: Tensor) -> Tensor:
        if self.model.training and self.model.latest:
            self.log.append(branch_scores(self.model, target))
            for name, factor in coefficients(self.log[-1], self.alpha).items():
                features = self.model.latest[name]
                if features.requires_grad:
                    features.register_hook(lambda gradient, factor=factor: factor * gradient)
        return F.cross_entropy(outputs, target)


@torch.no_grad()
def branch_scores(model: Branches, target: Tensor) -> dict[str, float]:
    """The mean probability of the correct class by each branch alone, on the last training batch."""
    return {
        name: model.decide({name: features}).softmax(dim=1).gather(1, target[:, None]).mean().item()
        for name, features in model.latest.items()
    }
