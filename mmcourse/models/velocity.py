"""The network of lesson 14's flow: convolutions around a Transformer, both modulated by time and sentence.

The Transformer blocks are those of DiT (Peebles and Xie 2023); the way down and up, with a skip connection, is a small
U-Net (Ronneberger et al. 2015).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.attention import MultiHeadAttention
from mmcourse.models.autoencoder import check_codes

TIME_FEATURES = 32


def time_features(t: Tensor, width: int = TIME_FEATURES) -> Tensor:
    """Sines and cosines of a time in [0, 1], of wavelengths from 2 down to 0.02.   (B,) -> (B, width)"""
    frequencies = torch.exp(torch.linspace(0, math.log(100), width // 2, device=t.device, dtype=t.dtype))
    angles = math.pi * t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """FiLM: (1 + scale) * x + shift, alike at all positions.   (B, T, D), (B, D), (B, D) -> (B, T, D)"""
    return (1 + scale[:, None]) * x + shift[:, None]


class ModulatedResidual(nn.Module):
    """A residual block of two convolutions; FiLM from a condition stands before the second.

    At first the block is the identity, since the second convolution starts at 0.   (B, C, H, W), (B, E) -> (B, C, H, W)
    """

    def __init__(self, channels: int, condition_width: int):
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(8, channels) for _ in range(2))
        self.convolution1, self.convolution2 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.modulation = zeros(nn.Linear(condition_width, 2 * channels))
        zeros(self.convolution2)

    def forward(self, maps: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition)[:, :, None, None].chunk(2, dim=1)  # (B, C, 1, 1) each
        inner = self.convolution1(F.silu(self.norm1(maps)))
        return maps + self.convolution2(F.silu((1 + scale) * self.norm2(inner) + shift))


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


class VelocityNetwork(nn.Module):
    """A velocity for codes, given the time and a condition.   (B, C, H, W), (B,), (B, E) -> (B, C, H, W)

    channels, side    of the codes, (B, channels, side, side); the side is even
    condition_size    numbers of the condition, such as those of a sentence vector; all 0 is no condition
    width             channels of the convolutions at the codes' own resolution
    inner_width       features of the Transformer, whose tokens are squares of 2 x 2 positions
    depth, heads      Transformer blocks, and heads of each
    hidden            features of time and condition together, which modulate all blocks
    An untrained network returns 0 everywhere.
    """

    def __init__(
        self,
        channels: int = 8,
        side: int = 8,
        condition_size: int = 128,
        width: int = 64,
        inner_width: int = 192,
        depth: int = 3,
        heads: int = 6,
        hidden: int = 96,
    ):
        super().__init__()
        if side % 2:
            raise ValueError(f"side is {side}; expected an even number, since a token is a square of 2 x 2 positions")
        self.channels, self.side, self.condition_size = channels, side, condition_size
        self.time = nn.Sequential(nn.Linear(TIME_FEATURES, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.condition = nn.Sequential(nn.Linear(condition_size, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.from_code = nn.Conv2d(channels, width, kernel_size=3, padding=1)
        self.residual1, self.residual2 = (ModulatedResidual(width, hidden) for _ in range(2))
        self.down = nn.Conv2d(width, inner_width, kernel_size=2, stride=2)
        self.positions = nn.Parameter(0.02 * torch.randn((side // 2) ** 2, inner_width))
        self.blocks = nn.ModuleList(ModulatedBlock(inner_width, heads, hidden) for _ in range(depth))
        self.norm = nn.LayerNorm(inner_width)
        self.up = nn.ConvTranspose2d(inner_width, width, kernel_size=2, stride=2)
        self.join = nn.Conv2d(2 * width, width, kernel_size=1)
        self.to_code = nn.Sequential(
            nn.GroupNorm(8, width), nn.SiLU(), zeros(nn.Conv2d(width, channels, kernel_size=3, padding=1))
        )

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        check_codes(x, (self.channels, self.side, self.side))
        if t.shape != x.shape[:1] or condition.shape != (len(x), self.condition_size):
            raise ValueError(
                f"t has shape {tuple(t.shape)}, condition {tuple(condition.shape)}; expected ({len(x)},) and "
                f"({len(x)}, {self.condition_size}) for {len(x)} examples"
            )
        c = F.silu(self.time(time_features(t)) + self.condition(condition))  # (B, E)
        maps = self.residual1(self.from_code(x), c)  # (B, D, H, W)
        tokens = self.down(maps).flatten(2).transpose(1, 2) + self.positions  # (B, H / 2 * W / 2, D')
        for block in self.blocks:
            tokens = block(tokens, c)
        inner = self.norm(tokens).transpose(1, 2).unflatten(2, (self.side // 2, self.side // 2))
        maps = self.join(torch.cat([maps, self.up(inner)], dim=1))  # (B, D, H, W): the skip connection
        return self.to_code(self.residual2(maps, c))


def zeros(layer: nn.Linear | nn.Conv2d) -> nn.Module:
    """A layer whose weights and biases start at 0."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
