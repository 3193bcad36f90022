"""Attention (Vaswani et al. 2017): scaled dot products, several heads, masks; sinusoidal positions and RoPE.

A mask is boolean and True where a query may attend to a key; it is broadcast to (..., T_q, T_k). PyTorch's own
`key_padding_mask` has the opposite meaning (True is hidden); its `scaled_dot_product_attention` uses this one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.precision import exact, without_autocast


def attention(
    queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, dropout: float = 0.0
) -> tuple[Tensor, Tensor]:
    """softmax(Q K^T / sqrt(d)) V, and the weights of the softmax.

    (..., T_q, d), (..., T_k, d), (..., T_k, D), mask (..., T_q, T_k) -> (..., T_q, D), (..., T_q, T_k)

    A query that may attend to no key gets zeros, as values and as weights, where a plain softmax would give NaN.
    `dropout` is the fraction of weights dropped at random. Scores and softmax are computed in float32 at least, also
    under autocast: products in float16 overflow at 65,504. ValueError where shapes, types or the mask do not fit.
    """
    _check(queries, keys, values)
    with without_autocast(queries):
        scores = exact(queries) @ exact(keys).transpose(-2, -1) / queries.shape[-1] ** 0.5  # (..., T_q, T_k)
        if mask is None:
            weights = scores.softmax(dim=-1)
        else:
            _check_mask(mask, tuple(scores.shape))
            lowest = torch.finfo(scores.dtype).min  # not -inf: a row without any key stays finite, gradient included
            weights = scores.masked_fill(~mask, lowest).softmax(dim=-1).masked_fill(~mask, 0.0)
    weights = weights.to(queries.dtype)
    kept = F.dropout(weights, dropout) if dropout else weights
    return kept @ values, weights


def causal_mask(length: int, device: torch.device | str | None = None) -> Tensor:
    """Each position may attend to itself and to those before it.   -> (T, T) bool, True on and below the diagonal"""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


class MultiHeadAttention(nn.Module):
    """Several attention heads in parallel, each on its part of the width; a linear layer combines their results.

    `nn.MultiheadAttention` with batch_first=True, its input projection as three linear layers with names.
    `rotary` first rotates queries and keys by their position (see `rotate`), which PyTorch's layer cannot.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0, rotary: bool = False):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(
                f"width is {width}, heads is {heads}; expected heads that divide the width, such as {divisors(width)}"
            )
        if rotary and width // heads % 2:
            raise ValueError(f"width {width} gives {width // heads} features a head; rotary rotates pairs of features")
        self.width, self.heads, self.dropout, self.rotary = width, heads, dropout, rotary
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x attends to memory, or to itself where none is given.   -> the results, and the weights

        x (B, T_q, D), memory (B, T_k, D), mask broadcast to (B, heads, T_q, T_k) -> (B, T_q, D), (B, heads, T_q, T_k)
        """
        memory = x if memory is None else memory
        check_features(x, self.width, "x")
        check_features(memory, self.width, "memory")
        if len(x) != len(memory):
            raise ValueError(
                f"x has {len(x)} sequences, memory {len(memory)}; expected the same number. "
                "Likely cause: batches of different splits"
            )
        queries, keys, values = (
            self.split(layer(part)) for layer, part in ((self.query, x), (self.key, memory), (self.value, memory))
        )  # (B, heads, T, D / heads)
        if self.rotary:
            queries, keys = rotate(queries), rotate(keys)
        attended, weights = attention(queries, keys, values, mask, self.dropout if self.training else 0.0)
        return self.out(self.join(attended)), weights

    def split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, heads, T, D / heads)"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def join(self, x: Tensor) -> Tensor:
        """(B, heads, T, D / heads) -> (B, T, D)"""
        return x.transpose(1, 2).flatten(-2)


def sinusoids(length: int, width: int) -> Tensor:
    """Sinusoidal positions (Vaswani et al. 2017, section 3.5).   -> (T, D)

    At position t, feature 2i is sin(t / 10000^(2i / width)) and feature 2i + 1 the cosine of the same angle.
    """
    if width < 2 or width % 2:
        raise ValueError(f"width is {width}; expected an even number, one half sines, one half cosines")
    positions = torch.arange(length, dtype=torch.float64)[:, None]  # (T, 1)
    angles = positions / 10_000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)  # (T, D / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1).float()


def rotate(x: Tensor) -> Tensor:
    """Rotate each pair of features by an angle that grows with the position: pair i at position t by the angle whose
    sine and cosine `sinusoids` holds.   (..., T, d) -> (..., T, d)

    The dot product of two rotated vectors depends on their relative position only (Su et al. 2021, RoFormer).
    """
    waves = sinusoids(*x.shape[-2:]).to(x)
    sine, cosine = waves[:, 0::2], waves[:, 1::2]  # (T, d / 2)
    first, second = x[..., 0::2], x[..., 1::2]
    return torch.stack([first * cosine - second * sine, first * sine + second * cosine], dim=-1).flatten(-2)


def divisors(width: int) -> str:
    """The numbers of heads that a width allows, as words: '1, 2, 4'."""
    return ", ".join(str(n) for n in range(1, min(width, 16) + 1) if width % n == 0)


def check_features(x: Tensor, width: int, name: str) -> None:
    """ValueError unless x is (B, T, width), of at least one sequence of at least one position."""
    if x.dim() != 3 or x.shape[-1] != width:
        cause = (
            f"a single sequence needs a batch axis: {name}[None]"
            if x.dim() == 2 and x.shape[-1] == width
            else "a mask as a positional argument; give it by name: mask=..."
            if x.dtype == torch.bool
            else "tokens that were not embedded"
            if not x.is_floating_point()
            else f"the layer was made for width {width}"
        )
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected (B, T, {width}). Likely cause: {cause}")
    if 0 in x.shape:
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; expected at least one sequence of at least one position. "
            "Likely cause: an empty batch"
        )


def _check(queries: Tensor, keys: Tensor, values: Tensor) -> None:
    if min(queries.dim(), keys.dim(), values.dim()) < 2:
        raise ValueError(
            f"queries, keys and values have shapes {tuple(queries.shape)}, {tuple(keys.shape)}, {tuple(values.shape)}; "
            "expected (..., T, d) each. Likely cause: a single query needs an axis: query[None]"
        )
    if not (queries.is_floating_point() and keys.is_floating_point() and values.is_floating_point()):
        raise ValueError(
            f"queries, keys and values are {queries.dtype}, {keys.dtype} and {values.dtype}; expected floating point. "
            "Likely cause: tokens that were not embedded"
        )
    if queries.shape[-1] != keys.shape[-1] or queries.shape[-1] == 0:
        raise ValueError(
            f"queries have {queries.shape[-1]} features, keys {keys.shape[-1]}; expected the same, at least one: "
            "their product compares feature with feature"
        )
    if keys.shape[-2] != values.shape[-2]:
        raise ValueError(
            f"there are {keys.shape[-2]} keys and {values.shape[-2]} values; expected a value for each key. "
            "Likely cause: keys and values of different sequences"
        )


def _check_mask(mask: Tensor, scores: tuple[int, ...]) -> None:
    if mask.dtype != torch.bool:
        raise ValueError(
            f"mask is {mask.dtype}; expected bool, True where a query may attend. Likely cause: numbers instead of a "
            "comparison, such as tokens != 0"
        )
    if mask.dim() > len(scores) or any(m not in (1, s) for m, s in zip(mask.shape[::-1], scores[::-1], strict=False)):
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}; expected one that broadcasts to (..., T_q, T_k) = {scores}. "
            "Likely cause: a padding mask (B, T) needs axes for heads and queries: mask[:, None, None]"
        )
