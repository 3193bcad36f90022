"""Imputation by prediction: one modality's features, predicted from the features of the others."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Imputer(nn.Module):
    """A small network that predicts the features of a missing modality.

    missing  the name of the predicted modality; sizes {name: features}, all modalities
    forward({"image": (B, D_image), ...}) -> (B, D_missing); an entry for the missing one is ignored.
    Trained by the squared error: fit(imputer.layers, Batches(imputer.given(features), features[missing]), ...)
    """

    def __init__(self, missing: str, sizes: Mapping[str, int], hidden: int = 128):
        super().__init__()
        if missing not in sizes or len(sizes) < 2:
            raise ValueError(f"missing is {missing!r}; expected one of {', '.join(sizes)}, and another to predict from")
        self.missing, self.sources = missing, tuple(name for name in sizes if name != missing)
        self.layers = nn.Sequential(
            nn.Linear(sum(sizes[name] for name in self.sources), hidden), nn.ReLU(), nn.Linear(hidden, sizes[missing])
        )

    def given(self, features: Mapping[str, Tensor]) -> Tensor:
        """The others' features, concatenated: the input of `layers`.   -> (B, D_1 + D_2 + ...)"""
        if absent := [name for name in self.sources if name not in features]:
            raise ValueError(f"{absent[0]} is missing too; this imputer predicts {self.missing} from it")
        return torch.cat([features[name] for name in self.sources], dim=1)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.layers(self.given(features))
