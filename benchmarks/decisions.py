"""Late fusion in the tables of fusion: a classifier per modality, trained alone, and several ways to combine them."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models import fusion

DECISIONS: dict[str, Callable[[tuple[str, ...]], nn.Module]] = {
    "late: probabilities": lambda names: fusion.LateFusion(names),
    "late: logits": lambda names: fusion.LateFusion(names, of="logits"),
    "late: by confidence": lambda names: fusion.ConfidenceMixture(names),
}


class Mixed(nn.Module):
    """Classifiers of each modality, their logits combined.   inputs of `apart` -> (B, K)"""

    def __init__(self, apart: nn.Module, names: tuple[str, ...], mix: nn.Module):
        super().__init__()
        self.apart, self.names, self.mix = apart, names, mix

    def forward(self, *given: Tensor) -> Tensor:
        return self.mix(dict(zip(self.names, self.apart(*given).unbind(dim=1), strict=True)))


def each_its_own(logits: Tensor, target: Tensor) -> Tensor:
    """The cross-entropy of every modality's own logits.   (B, M, K), (B,)"""
    return F.cross_entropy(logits.flatten(0, 1), target.repeat_interleave(logits.shape[1]))
