"""A Transformer on patches of an image or code, modulated by a condition: DiT (Peebles and Xie 2023). Lesson 14."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.attention import MultiHeadAttention
from mmcourse.models.autoencoder import check_codes


def time_features(t: Tensor, width: int = 32) -> Tensor:
    """Sines and cosines of a time in [0, 1], of wavelengths from 2 down to 0.02.   (B,) -> (B, width)"""
    frequencies = torch.exp(torch.linspace(0, math.log(100), width // 2, device=t.device, dtype=t.dtype))
    angles = math.pi * t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """FiLM: (1 + scale) * x + shift, alike at all positions.   (B, T, D), (B, D), (B, D) -> (B, T, D)"""
    return (1 + scale[:, None]) * x + shift[:, None]


class ModulatedBlock(nn.Module):
    """A Transformer block whose layer norms get scale and shift from a condition, and whose two steps get a gate.

    adaLN-Zero: all modulation starts at 0, so that an untrained block is the identity.   (B, T, D), (B, E) -> (B, T, D)
    """

    def __init__(self, width: int, heads: int, condition_width: int):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.norm1, self.norm2 = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.modulation = zeros(nn.Linear(condition_width, 6 * width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale1, shift1, gate1, scale2, shift2, gate2 = self.modulation(condition).chunk(6, dim=1)  # (B, D) each
        attended, _ = self.attention(modulate(self.norm1(x), scale1, shift1))
        x = x + gate1[:, None] * attended
        return x + gate2[:, None] * self.feed_forward(modulate(self.norm2(x), scale2, shift2))


class DiffusionTransformer(nn.Module):
    """A velocity for codes (or images), given the time and a condition.   (B, C, H, W), (B,), (B, E) -> (B, C, H, W)

    channels, side   of the codes, (B, channels, side, side)
    patch            each patch x patch square becomes one token of `width` features; there are (side / patch)^2
    condition_size   numbers of the condition, such as those of a sentence vector; all 0 is no condition
    depth, heads     Transformer blocks, and heads of each
    hidden           features of the time and the condition together, which modulate the blocks
    """

    def __init__(
        self,
        channels: int = 8,
        side: int = 8,
        condition_size: int = 128,
        patch: int = 2,
        width: int = 192,
        depth: int = 5,
        heads: int = 6,
        hidden: int = 96,
    ):
        super().__init__()
        if side % patch:
            raise ValueError(f"side is {side}, patch {patch}; expected a side that patches divide without remainder")
        self.channels, self.side, self.patch, self.condition_size = channels, side, patch, condition_size
        n_tokens, values = (side // patch) ** 2, channels * patch**2
        self.time = nn.Sequential(nn.Linear(32, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.condition = nn.Sequential(nn.Linear(condition_size, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.to_tokens = nn.Linear(values, width)
        self.positions = nn.Parameter(0.02 * torch.randn(n_tokens, width))
        self.blocks = nn.ModuleList(ModulatedBlock(width, heads, hidden) for _ in range(depth))
        self.norm, self.modulation = nn.LayerNorm(width, elementwise_affine=False), zeros(nn.Linear(hidden, 2 * width))
        self.from_tokens = zeros(nn.Linear(width, values))

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        check_codes(x, (self.channels, self.side, self.side))
        if t.shape != x.shape[:1] or condition.shape != (len(x), self.condition_size):
            raise ValueError(
                f"t has shape {tuple(t.shape)}, condition {tuple(condition.shape)}; expected ({len(x)},) and "
                f"({len(x)}, {self.condition_size}) for {len(x)} examples"
            )
        c = F.silu(self.time(time_features(t)) + self.condition(condition))  # (B, E)
        tokens = F.pixel_unshuffle(x, self.patch).flatten(2).transpose(1, 2)  # (B, T, C * patch^2)
        tokens = self.to_tokens(tokens) + self.positions  # (B, T, D)
        for block in self.blocks:
            tokens = block(tokens, c)
        tokens = self.from_tokens(modulate(self.norm(tokens), *self.modulation(c).chunk(2, dim=1)))
        maps = tokens.transpose(1, 2).unflatten(2, (self.side // self.patch,) * 2)  # (B, C * patch^2, H', W')
        return F.pixel_shuffle(maps, self.patch)


def zeros(layer: nn.Linear) -> nn.Linear:
    """A linear layer whose weights and biases start at 0."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
