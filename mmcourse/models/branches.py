"""A network for each modality and a fusion of their features; any modality may be missing."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.fusion import Concatenation
from mmcourse.models.fusion.contract import Present
from mmcourse.models.fusion.dropout import ModalityDropout
from mmcourse.renamed import old_keywords


class Branches(nn.Module):
    """Several inputs to logits: each has an encoder, a linear layer takes the concatenated features.

    encoders         {"image": a network to (B, width), ...}; inputs come in this order
    dropout          rates of modality dropout, {"image": 0.2, ...}; None: no modality is missing in training
    auxiliary_heads  a linear classifier for each branch in addition; in training the output is then a tuple: the joint
                     logits, then those of each branch, for `with_auxiliary_losses`

    A branch's features have mean 0 and standard deviation 1 (batch norm without weights), so the embedding of a missing
    modality is initially the training mean; with dropout it is learned.   inputs (B, ...) each -> (B, classes)
    """

    @old_keywords
    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        width: int,
        classes: int,
        dropout: Mapping[str, float] | None = None,
        auxiliary_heads: bool = False,
    ):
        super().__init__()
        if dropout is not None and list(dropout) != list(encoders):
            raise ValueError(f"dropout has rates for {list(dropout)}; expected the modalities, {list(encoders)}")
        self.encoders = nn.ModuleDict(encoders)
        self.norms = nn.ModuleDict({name: nn.BatchNorm1d(width, affine=False) for name in encoders})
        self.fusion = Concatenation(dict.fromkeys(encoders, width), classes)
        self.heads = nn.ModuleDict({name: nn.Linear(width, classes) for name in encoders if auxiliary_heads})
        self.dropout = ModalityDropout(dropout) if dropout else None
        self.latest: dict[str, Tensor] = {}  # the features of the last training batch, used by `modulation`

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.encoders)

    def features(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The features of each branch.   (B, ...) each -> {name: (B, width)}"""
        if len(inputs) != len(self.encoders):
            raise ValueError(f"got {len(inputs)} inputs; expected one for each of {', '.join(self.names)}, in order")
        return {name: self.norms[name](self.encoders[name](x)) for name, x in zip(self.names, inputs, strict=True)}

    def decide(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        """Logits from features, some of them missing.   {name: (B, width)} -> (B, classes)"""
        return self.fusion(features, present)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        features = self.features(*inputs)
        if not self.training:
            return self.decide(features)
        self.latest = features
        present = self.dropout(len(inputs[0]), inputs[0].device) if self.dropout else None
        joint = self.decide(features, present)
        return (joint, *(head(features[name]) for name, head in self.heads.items())) if self.heads else joint


def features_of(model: Branches, inputs: Sequence[Tensor], size: int = 256) -> dict[str, Tensor]:
    """The features of many examples, on the CPU, in evaluation mode.   -> {name: (N, width)}"""
    where = next(model.parameters()).device
    with evaluation_mode(model):
        parts = [
            model.features(*(x[start : start + size].to(where) for x in inputs))
            for start in range(0, max(len(inputs[0]), 1), size)
        ]
    return {name: torch.cat([part[name].cpu() for part in parts]) for name in model.names}


def decisions_of(model: Branches, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
    """The logits for given features, on the CPU, in evaluation mode.   {name: (N, width)} -> (N, K)"""
    where = next(model.parameters()).device
    with evaluation_mode(model):
        return model.decide({name: x.to(where) for name, x in features.items()}, present).cpu()
