"""Gradient blending (Wang, Tran, Feiszli 2020): each branch answers for itself besides, on a loss of its own."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor


def blended(weights: Sequence[float] | None = None) -> Callable[..., Tensor]:
    """A loss that adds each branch's own to the joint one (gradient blending: Wang, Tran, Feiszli 2020).

    weights  of each branch's loss, 1 unless given. Outputs are logits, or (joint, branch, branch, ...).
    """

    def loss(outputs: Tensor | tuple[Tensor, ...], target: Tensor) -> Tensor:
        if isinstance(outputs, Tensor):
            return F.cross_entropy(outputs, target)
        joint, *own = outputs
        factors = [1.0] * len(own) if weights is None else list(weights)
        if len(factors) != len(own):
            raise ValueError(f"blended got {len(factors)} weights for {len(own)} branches")
        return F.cross_entropy(joint, target) + sum(
            factor * F.cross_entropy(logits, target) for factor, logits in zip(factors, own, strict=True)
        )

    return loss
