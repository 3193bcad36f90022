"""Modality dropout: whole modalities are removed at random during training (ModDrop, Neverova et al. 2016)."""

from collections.abc import Mapping

import torch
from torch import Tensor


class ModalityDropout:
    """Draws which modalities each example keeps, as the `present` masks that every fusion takes.

    rates   {"image": 0.2, "sound": 0.7}: the probability of dropping each, at least 0 and below 1
    drop(B) -> {"image": (B,) bool, ...}, True where it is kept; no example loses all: one drawn at random is kept
    """

    def __init__(self, rates: Mapping[str, float]):
        if not rates or not all(0 <= rate < 1 for rate in rates.values()):
            raise ValueError(
                f"rates are {dict(rates)}; expected a rate from 0 up to below 1 for each modality. Likely cause: a "
                "modality that is always dropped is never learned"
            )
        self.rates = {name: float(rate) for name, rate in rates.items()}

    def __call__(self, batch: int, device: torch.device | str | None = None) -> dict[str, Tensor]:
        rates = torch.tensor(list(self.rates.values()), device=device)
        kept = torch.rand(batch, len(rates), device=device) >= rates  # (B, M)
        empty = ~kept.any(dim=1)
        back = torch.randint(len(rates), (int(empty.sum()),), device=device)
        kept[empty, back] = True
        return dict(zip(self.rates, kept.T, strict=True))
