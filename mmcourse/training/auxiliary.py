"""Auxiliary unimodal losses: each branch of a multimodal model also has its own head and loss."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor


def with_auxiliary_losses(weights: Sequence[float] | None = None) -> Callable[..., Tensor]:
    """The joint cross-entropy plus a weighted sum of each branch's own.

    weights  one per branch, all 1 unless given. Outputs are logits, or (joint, branch, branch, ...). Gradient blending
    (Wang, Tran, Feiszli 2020) has this form, with weights computed from how much each branch overfits.
    """

    def loss(outputs: Tensor | tuple[Tensor, ...], target: Tensor) -> Tensor:
        if isinstance(outputs, Tensor):
            return F.cross_entropy(outputs, target)
        joint, *own = outputs
        factors = [1.0] * len(own) if weights is None else list(weights)
        if len(factors) != len(own):
            raise ValueError(f"{len(factors)} weights were given for {len(own)} branches; expected one per branch")
        return F.cross_entropy(joint, target) + sum(
            factor * F.cross_entropy(logits, target) for factor, logits in zip(factors, own, strict=True)
        )

    return loss
