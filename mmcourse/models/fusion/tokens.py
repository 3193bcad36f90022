"""Fusion of tokens: words, positions of an image, frames of a sound, before any pooling.

    fusion = CrossAttention({"text": 64, "image": 96}, width=64)
    fused = fusion({"text": words, "image": positions}, {"text": words_real})

Tokens are (B, T, D), each modality with its own T and D; masks (B, T) are True at real tokens. An absent key and a row
whose mask is all False are equivalent: the modality is missing.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mmcourse.models.attention import MultiHeadAttention
from mmcourse.models.fusion.contract import batch_of, check_names, why_misfit
from mmcourse.models.transformer import EncoderBlock

Masks = Mapping[str, Tensor] | None


class TokenFusion(nn.Module):
    """The common part: a linear layer per modality, to a common width, and the masks."""

    def __init__(self, sizes: Mapping[str, int], width: int):
        super().__init__()
        if len(sizes) < 1 or any(size < 1 for size in sizes.values()):
            raise ValueError(f"sizes are {dict(sizes)}; expected modalities and their features, such as {{'text': 64}}")
        self.sizes, self.width = dict(sizes), width
        self.project = nn.ModuleDict({name: nn.Linear(size, width) for name, size in sizes.items()})

    def gather(self, tokens: Mapping[str, Tensor], masks: Masks) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The modalities that were given, projected, with their masks.   -> {name: (B, T, width)}, {name: (B, T)}"""
        check_names(tokens, masks, self.sizes)
        batch, real = batch_of(tokens), {}
        for name, given in tokens.items():
            if given.dim() != 3 or given.shape[2] != self.sizes[name] or not given.is_floating_point():
                flat = "one vector, not tokens: x[:, None]" if given.dim() == 2 else None
                raise ValueError(
                    f"{name} is {given.dtype} of shape {tuple(given.shape)}; expected floats "
                    f"(B, T, {self.sizes[name]}). Likely cause: {flat or why_misfit(given, self.sizes[name])}"
                )
            mask = (masks or {}).get(name)
            if mask is not None and (mask.dtype != torch.bool or mask.shape != given.shape[:2]):
                raise ValueError(
                    f"the mask of {name} is {mask.dtype} of shape {tuple(mask.shape)}; expected bool "
                    f"{(batch, given.shape[1])}, True at real tokens"
                )
            real[name] = torch.ones_like(given[..., 0], dtype=torch.bool) if mask is None else mask
        order = [name for name in self.sizes if name in tokens]
        clean = {name: torch.where(real[name][..., None], tokens[name], 0.0) for name in order}
        return {name: self.project[name](clean[name]) for name in order}, {name: real[name] for name in order}


class CrossAttention(TokenFusion):
    """One modality's tokens attend to all tokens of the others (Vaswani et al. 2017, the decoder's second attention).

    query   the modality that computes the queries; the first of `sizes` unless given
    forward(tokens, masks=None) -> (B, width): the mean over its tokens and one learned token
    """

    def __init__(self, sizes: Mapping[str, int], width: int, query: str | None = None, heads: int = 4):
        super().__init__(sizes, width)
        self.query = query or next(iter(sizes))
        if self.query not in sizes or len(sizes) < 2:
            raise ValueError(
                f"query is {self.query!r}, sizes {dict(sizes)}; expected one of them, and another to attend to"
            )
        self.always = nn.Parameter(torch.randn(width) * 0.02)
        self.kind = nn.ParameterDict({name: nn.Parameter(torch.randn(width) * 0.02) for name in sizes})
        self.norm_query, self.norm_key = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Mapping[str, Tensor], masks: Masks = None) -> Tensor:
        return self.with_weights(tokens, masks)[0]

    def with_weights(self, tokens: Mapping[str, Tensor], masks: Masks = None) -> tuple[Tensor, dict[str, Tensor]]:
        """As forward, and the attention weights of each query; the learned token comes first.

        -> (B, width), {other: (B, heads, 1 + T_query, T_other)}
        """
        x, real = self.gather(tokens, masks)
        batch = batch_of(x)
        queries, query_mask = self.always.expand(batch, 1, -1), self.always.new_ones(batch, 1, dtype=torch.bool)
        if self.query in x:
            queries = torch.cat([queries, x[self.query]], dim=1)  # (B, 1 + T_query, width)
            query_mask = torch.cat([query_mask, real[self.query]], dim=1)  # (B, 1 + T_query)
        others = [name for name in x if name != self.query]
        weights = {}
        if others and batch:
            memory = torch.cat([x[name] + self.kind[name] for name in others], dim=1)
            there = torch.cat([real[name] for name in others], dim=1)  # (B, T)
            attended, looked = self.attention(self.norm_query(queries), self.norm_key(memory), there[:, None, None])
            queries = queries + attended * there.any(dim=1)[:, None, None]
            weights = dict(zip(others, looked.split([x[name].shape[1] for name in others], dim=-1), strict=True))
        queries = queries + self.feed_forward(queries)
        return (queries * query_mask[..., None]).sum(dim=1) / query_mask.sum(dim=1, keepdim=True), weights


class Bottleneck(TokenFusion):
    """Modalities exchange information through a few shared tokens only (Nagrani et al. 2021), in every layer.

    forward(tokens, masks=None) -> (B, width): the mean of the shared tokens after the last layer
    """

    def __init__(self, sizes: Mapping[str, int], width: int, bottlenecks: int = 4, layers: int = 2, heads: int = 4):
        super().__init__(sizes, width)
        if bottlenecks < 1 or layers < 1:
            raise ValueError(f"bottlenecks is {bottlenecks}, layers is {layers}; expected 1 or more of each")
        self.shared = nn.Parameter(torch.randn(bottlenecks, width) * 0.02)
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: EncoderBlock(width, heads, 2 * width) for name in sizes}) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Mapping[str, Tensor], masks: Masks = None) -> Tensor:
        x, real = self.gather(tokens, masks)
        batch = batch_of(x)
        shared = self.shared.expand(batch, -1, -1)  # (B, bottlenecks, width)
        if batch == 0:
            return self.norm(shared.mean(dim=1))
        always = torch.ones_like(shared[..., 0], dtype=torch.bool)
        here = torch.stack([real[name].any(dim=1) for name in x])[..., None, None]  # (M, B, 1, 1)
        for layer in self.layers:
            proposals = []
            for name in x:
                both = layer[name](
                    torch.cat([shared, x[name]], dim=1), torch.cat([always, real[name]], dim=1)[:, None, None]
                )
                proposals.append(both[:, : len(self.shared)])
                x[name] = both[:, len(self.shared) :]
            mean = (torch.stack(proposals) * here).sum(dim=0) / here.sum(dim=0).clamp(min=1)
            shared = torch.where(here.any(dim=0), mean, shared)
        return self.norm(shared.mean(dim=1))
