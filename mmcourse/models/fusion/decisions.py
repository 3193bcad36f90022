"""Fusion of decisions: each modality has a classifier of its own; their logits (B, K) become logits (B, K)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.fusion.contract import Present, batch_of, check_names, normalised_weights, presence


def gather_logits(logits: Mapping[str, Tensor], present: Present, names) -> tuple[Tensor, Tensor]:
    """All logits in the order of `names`, zeros where missing, and which are present.   -> (B, M, K), (B, M) bool"""
    check_names(logits, present, names)
    classes = {name: tuple(given.shape[1:]) for name, given in logits.items()}
    if len(set(classes.values())) > 1 or any(given.dim() != 2 for given in logits.values()):
        listed = ", ".join(f"{name} {tuple(given.shape)}" for name, given in logits.items())
        raise ValueError(f"the logits have shapes {listed}; expected (B, K) each, with the same classes")
    first = next(iter(logits.values()))
    here = presence(names, logits, present, batch_of(logits), first.device)  # (B, M)
    stacked = torch.stack([logits.get(name, torch.zeros_like(first)) for name in names], dim=1)  # (B, M, K)
    return torch.where(here[..., None], stacked, 0.0), here


class LateFusion(nn.Module):
    """The mean of the modalities' probabilities or of their logits.

    names    the modalities
    of       'probabilities': log of the mean probability, which one confident modality can decide;
             'logits': mean of the logits, a product of probabilities, which one confident 'no' can veto
    weights  {"image": 0.6, "text": 0.4}; equal unless given. Missing modalities have weight 0; with none at all,
             all classes are equally likely.
    forward({"image": (B, K), ...}, present=None) -> (B, K)
    """

    def __init__(self, names, of: str = "probabilities", weights: Mapping[str, float] | None = None):
        super().__init__()
        self.names, self.of = tuple(names), of
        if of not in ("probabilities", "logits") or not self.names:
            raise ValueError(f"of is {of!r}, names {self.names}; expected 'probabilities' or 'logits', and modalities")
        weights = weights or dict.fromkeys(self.names, 1.0)
        if set(weights) != set(self.names) or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(
                f"weights are {dict(weights)}; expected one for each of {', '.join(self.names)}, none negative"
            )
        values = torch.tensor([float(weights[name]) for name in self.names])
        self.register_buffer("weights", values / values.sum())

    def forward(self, logits: Mapping[str, Tensor], present: Present = None) -> Tensor:
        stacked, here = gather_logits(logits, present, self.names)
        return mixed(stacked, normalised_weights(self.weights, here), self.of)


class ConfidenceMixture(nn.Module):
    """A mixture of probabilities in which the more confident modality counts more, example by example.

    A modality's weight is the softmax over modalities of -sharpness * H, with H the entropy of its probabilities in
    units of ln K. `sharpness` is learned; at 0 this is LateFusion of probabilities; where it is large, only the
    most confident one counts. A modality that is confident and wrong dominates: calibrate probabilities first (Guo et
    al. 2017).
    forward({"image": (B, K), ...}, present=None) -> (B, K)
    """

    def __init__(self, names, sharpness: float = 4.0):
        super().__init__()
        self.names = tuple(names)
        if not self.names:
            raise ValueError("names is empty; expected the modalities")
        self.sharpness = nn.Parameter(torch.tensor(float(sharpness)))

    def mixing_weights(self, logits: Mapping[str, Tensor], present: Present = None) -> Tensor:
        """The weight of each modality, in the order of `names`.   -> (B, M)"""
        return self._mixing_weights(*gather_logits(logits, present, self.names))

    def _mixing_weights(self, stacked: Tensor, here: Tensor) -> Tensor:
        log_p = stacked.log_softmax(dim=-1)
        p = log_p.exp()
        entropy = -(p * log_p.masked_fill(p == 0, 0.0)).sum(dim=-1)  # (B, M); an impossible class (-inf) adds 0
        scale = torch.tensor(float(max(stacked.shape[-1], 2))).log()
        scores = (-self.sharpness * entropy / scale).masked_fill(~here, torch.finfo(log_p.dtype).min)
        return scores.softmax(dim=1) * here

    def forward(self, logits: Mapping[str, Tensor], present: Present = None) -> Tensor:
        stacked, here = gather_logits(logits, present, self.names)
        return mixed(stacked, self._mixing_weights(stacked, here), "probabilities")


def mixed(stacked: Tensor, mixing_weights: Tensor, of: str) -> Tensor:
    """Logits of a weighted mixture; zeros for an example without any weight.   (B, M, K), (B, M) -> (B, K)

    A logit of -inf marks a class as impossible, and is allowed.
    """
    used = mixing_weights[..., None] > 0  # (B, M, 1)
    if of == "logits":
        return torch.where(used, mixing_weights[..., None] * stacked, 0.0).sum(dim=1)
    none = mixing_weights.sum(dim=1, keepdim=True) == 0  # (B, 1)
    log_weights = (
        mixing_weights.clamp(min=1e-30).log().masked_fill(mixing_weights == 0, torch.finfo(mixing_weights.dtype).min)
    )
    log_p = F.log_softmax(stacked, dim=-1)
    impossible = log_p == float("-inf")  # where all are, the gradient of logsumexp would be NaN
    log_p = log_p.masked_fill(impossible, torch.finfo(log_p.dtype).min / 4)
    together = (log_p + log_weights[..., None]).logsumexp(dim=1)
    together = together.masked_fill((impossible | ~used).all(dim=1), float("-inf"))
    return torch.where(none, torch.zeros_like(together), together)
