"""The interface of all fusion: several modalities in, by name, some of them missing; one result out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Present = Mapping[str, Tensor] | None


class Fusion(nn.Module):
    """One feature vector from several: all fusions of features have the same interface.

    sizes   {"image": D_image, "text": D_text, ...}: the number of features of each modality
    width   the number of output features
    forward({"image": (B, D_image), ...}, present=None) -> (B, width)

    A modality is missing for the whole batch where its key is absent, for some rows where `present[name]` (B,) is
    False; both are equivalent, and the values of a missing row are ignored. The order of the dict does not matter.
    ValueError names the modality whose shape, type or name does not fit.
    """

    def __init__(self, sizes: Mapping[str, int], width: int):
        super().__init__()
        if not sizes:
            raise ValueError("sizes is empty; expected the modalities and their features, such as {'image': 96}")
        for name, size in [*sizes.items(), ("width", width)]:
            if not isinstance(name, str) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name!r} has size {size!r}; expected a name and an integer number of features")
        self.sizes, self.width = dict(sizes), width

    def linear(self, width: int | None = None) -> nn.ModuleDict:
        """A linear layer for each modality, from its features to `width`."""
        return nn.ModuleDict({name: nn.Linear(size, width or self.width) for name, size in self.sizes.items()})

    def gather(self, features: Mapping[str, Tensor], present: Present = None) -> tuple[dict[str, Tensor], Tensor]:
        """Every modality in the order of `sizes`, zeros where it is missing, and which are present.

        -> {name: (B, D)}, (B, modalities) bool
        """
        check_names(features, present, self.sizes)
        for name, given in features.items():
            if given.dim() != 2 or given.shape[1] != self.sizes[name] or not given.is_floating_point():
                raise ValueError(
                    f"{name} is {given.dtype} of shape {tuple(given.shape)}; expected floats (B, {self.sizes[name]}). "
                    f"Likely cause: {why_misfit(given, self.sizes[name])}"
                )
        first = next(iter(features.values()))
        batch = batch_of(features)
        here = presence(self.sizes, features, present, batch, first.device)  # (B, M)
        gathered = {}
        for position, (name, size) in enumerate(self.sizes.items()):
            x = features.get(name, first.new_zeros(batch, size))
            gathered[name] = torch.where(here[:, position, None], x, torch.zeros_like(x))
        return gathered, here


def check_names(given: Mapping[str, Tensor], present: Present, known) -> None:
    """ValueError unless at least one modality was given, and every name is known."""
    if not given:
        raise ValueError("no modality was given; expected at least one. Where one is missing, leave out its key")
    for what, names in (("features", given), ("present", present or {})):
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"{what} holds {unknown[0]!r}; this fusion was made for {', '.join(map(repr, known))}")


def why_misfit(given: Tensor, size: int) -> str:
    """The likely cause of features that do not fit."""
    if given.dim() == 1 and given.shape == (size,):
        return "a single example needs a batch axis: x[None]"
    if given.dim() == 3:
        return "these are tokens (B, T, D): pool them, or use a fusion of tokens"
    if not given.is_floating_point():
        return "raw bytes or indices that were not encoded"
    return "the features of another encoder, or of another modality"


def batch_of(given: Mapping[str, Tensor]) -> int:
    """How many examples there are; ValueError where the modalities do not agree."""
    counts = {name: len(x) for name, x in given.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ValueError(f"the batches differ: {listed}; expected the same number of examples of each modality")
    return next(iter(counts.values()))


def presence(names, given: Mapping[str, Tensor], present: Present, batch: int, device) -> Tensor:
    """Which modality each example has, in the order of `names`.   -> (B, M) bool"""
    columns = []
    for name in names:
        mask = (present or {}).get(name)
        if mask is not None and (mask.dtype != torch.bool or tuple(mask.shape) != (batch,)):
            raise ValueError(
                f"present[{name!r}] is {mask.dtype} of shape {tuple(mask.shape)}; expected bool ({batch},), True where "
                "the modality is present"
            )
        column = torch.full((batch,), name in given, device=device)
        columns.append(column if mask is None else column & mask.to(device))
    return torch.stack(columns, dim=1)


def normalised_weights(weights: Tensor, here: Tensor) -> Tensor:
    """Weights of the modalities that are present, scaled to the sum of all weights; zeros where none is.

    (M,) or (B, M), not negative; (B, M) bool -> (B, M)
    """
    kept = weights * here
    total = kept.sum(dim=-1, keepdim=True)
    return kept * weights.sum(dim=-1, keepdim=True) / total.where(total > 0, 1)
