"""Fusion of feature vectors, from a weighted sum to attention: each is a `Fusion`, so they are interchangeable."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.fusion.contract import Fusion, Present, normalised_weights


class WeightedSum(Fusion):
    """F = sum over modalities of weight * W x, the weights learned (a softmax) or given.

    weights  {"image": 0.7, "text": 0.3}: fixed, not negative; None: learned
    project  False: no linear layers, for features that already have `width` entries: F = a x + b y
    Missing modalities: the others' weights are scaled to the same sum; with none at all the result is zero.
    """

    def __init__(
        self, sizes: Mapping[str, int], width: int, weights: Mapping[str, float] | None = None, project: bool = True
    ):
        super().__init__(sizes, width)
        if not project and set(sizes.values()) != {width}:
            raise ValueError(f"sizes are {dict(sizes)}; without linear layers each must be the width, {width}")
        self.project = self.linear() if project else nn.ModuleDict({name: nn.Identity() for name in sizes})
        if weights is None:
            self.scores = nn.Parameter(torch.zeros(len(sizes)))
            self.given = None
            return
        if set(weights) != set(sizes) or min(weights.values()) < 0 or sum(weights.values()) <= 0:
            raise ValueError(
                f"weights are {dict(weights)}; expected one for each of {', '.join(sizes)}, none negative, not all zero"
            )
        self.register_buffer("given", torch.tensor([float(weights[name]) for name in sizes]))

    @property
    def weights(self) -> Tensor:
        """The weight of each modality, in the order of `sizes`.   (M,)"""
        return self.scores.softmax(dim=0) if self.given is None else self.given

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        x, here = self.gather(features, present)
        projected = torch.stack([self.project[name](x[name]) for name in self.sizes], dim=1)  # (B, M, width)
        return (normalised_weights(self.weights, here)[..., None] * projected).sum(dim=1)


class Concatenation(Fusion):
    """F = W [x_1; x_2; ...] + b, all features concatenated; with `hidden`, a small network instead of one layer.

    A missing modality is replaced by a learned vector, its `missing_embedding`.
    """

    def __init__(self, sizes: Mapping[str, int], width: int, hidden: int | None = None):
        super().__init__(sizes, width)
        self.missing_embedding = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(size)) for name, size in sizes.items()}
        )
        total = sum(sizes.values())
        self.layers = (
            nn.Sequential(nn.Linear(total, hidden), nn.ReLU(), nn.Linear(hidden, width))
            if hidden
            else nn.Linear(total, width)
        )

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        return self.layers(self.side_by_side(features, present))

    def side_by_side(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        """(B, D_1 + D_2 + ...)"""
        x, here = self.gather(features, present)
        filled = [
            torch.where(here[:, i, None], x[name], self.missing_embedding[name]) for i, name in enumerate(self.sizes)
        ]
        return torch.cat(filled, dim=1)


class Product(Fusion):
    """F = W_1 x_1 * W_2 x_2 * ..., entry by entry (Kim et al. 2017, Hadamard product): large where modalities agree.

    A missing modality is the factor 1; with none at all the result is one.
    """

    def __init__(self, sizes: Mapping[str, int], width: int):
        super().__init__(sizes, width)
        self.project = self.linear()

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        x, here = self.gather(features, present)
        result = 1.0
        for position, name in enumerate(self.sizes):
            factor = self.project[name](x[name])
            result = result * torch.where(here[:, position, None], factor, torch.ones_like(factor))
        return result


class LowRank(Fusion):
    """Tensor fusion with `rank` factors per modality (Liu et al. 2018): a weighted sum of `rank` products.

    The whole tensor of all products of features is never formed. A missing modality is the factor 1.
    """

    def __init__(self, sizes: Mapping[str, int], width: int, rank: int = 4):
        super().__init__(sizes, width)
        if rank < 1:
            raise ValueError(f"rank is {rank}; expected 1 or more")
        self.rank = rank
        self.factors = self.linear(width * rank)
        self.weights = nn.Parameter(torch.full((rank,), rank**-0.5))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        x, here = self.gather(features, present)
        result = 1.0
        for position, name in enumerate(self.sizes):
            factor = self.factors[name](x[name])  # (B, rank * width)
            result = result * torch.where(here[:, position, None], factor, torch.ones_like(factor))
        return self.weights @ result.unflatten(1, (self.rank, self.width)) + self.bias


class Gate(Fusion):
    """F = sum over modalities of z * W x, where the weights z of every feature depend on all modalities.

    The gated unit of Arevalo et al. 2017 for any number of modalities, without its tanh: a constant gate is a
    weighted sum. Missing modalities have weight 0.
    """

    def __init__(self, sizes: Mapping[str, int], width: int):
        super().__init__(sizes, width)
        self.project = self.linear()
        self.gate = nn.Linear(sum(sizes.values()), width * len(sizes))

    def mixing_weights(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        """Each modality's weight for each feature, in the order of `sizes`.   -> (B, M, width), sums to 1 over M"""
        return self._mixing_weights(*self.gather(features, present))

    def _mixing_weights(self, x: dict[str, Tensor], here: Tensor) -> Tensor:
        scores = self.gate(torch.cat(list(x.values()), dim=1)).unflatten(1, (len(self.sizes), self.width))
        scores = scores.masked_fill(~here[..., None], torch.finfo(scores.dtype).min)
        return scores.softmax(dim=1) * here[..., None]

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        x, here = self.gather(features, present)
        projected = torch.stack([self.project[name](x[name]) for name in self.sizes], dim=1)  # (B, M, width)
        return (self._mixing_weights(x, here) * projected).sum(dim=1)


class FiLM(Fusion):
    """F = gamma * W x + beta: one modality's features, scaled and shifted by the others (Perez et al. 2018).

    base   the modality that is scaled; the first of `sizes` unless given
    Where the others are missing, gamma is 1 and beta 0; where the base is, only beta remains.
    """

    def __init__(self, sizes: Mapping[str, int], width: int, base: str | None = None):
        super().__init__(sizes, width)
        self.base = base or next(iter(sizes))
        if self.base not in sizes or len(sizes) < 2:
            raise ValueError(
                f"base is {self.base!r} and sizes {dict(sizes)}; expected one of them as the base, another to scale it"
            )
        self.project = nn.Linear(sizes[self.base], width)
        self.gamma = nn.ModuleDict({n: nn.Linear(size, width) for n, size in sizes.items() if n != self.base})
        self.beta = nn.ModuleDict({n: nn.Linear(size, width) for n, size in sizes.items() if n != self.base})

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        x, here = self.gather(features, present)
        here = dict(zip(self.sizes, here.T[..., None], strict=True))  # {name: (B, 1)}
        fused = self.project(x[self.base]) * here[self.base]
        gamma = 1 + sum(self.gamma[name](x[name]) * here[name] for name in self.gamma)
        return gamma * fused + sum(self.beta[name](x[name]) * here[name] for name in self.beta)


class Attention(Fusion):
    """F = sum over modalities of a * V x, with attention weights a: one learned query, a key for each modality.

    One token per modality; for words and positions see `tokens.CrossAttention`. Missing modalities have weight 0.
    """

    def __init__(self, sizes: Mapping[str, int], width: int):
        super().__init__(sizes, width)
        self.keys, self.values = self.linear(), self.linear()
        self.query = nn.Parameter(torch.randn(width) * width**-0.5)

    def forward(self, features: Mapping[str, Tensor], present: Present = None) -> Tensor:
        x, here = self.gather(features, present)
        keys, values = (
            torch.stack([layers[name](x[name]) for name in self.sizes], dim=1) for layers in (self.keys, self.values)
        )  # (B, M, width)
        attended = F.scaled_dot_product_attention(
            self.query.expand(len(keys), 1, -1), keys, values, attn_mask=(here | ~here.any(1, keepdim=True))[:, None]
        )
        return attended[:, 0] * here.any(dim=1, keepdim=True)
