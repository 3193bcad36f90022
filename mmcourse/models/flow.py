"""Flow matching: noise becomes data along straight lines, whose direction a network learns. Lesson 14.

Lipman et al. 2023, *Flow matching for generative modeling*, with the straight paths that Liu, Gong and Liu 2023 call
rectified flow. Guidance: Ho and Salimans 2022, *Classifier-free diffusion guidance*.
"""

import math
import numbers
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from mmcourse.data.text import PAD


def flow_pair(noise: Tensor, data: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """A point between noise (t = 0) and data (t = 1), and the velocity along the straight line.

    x_t = (1 - t) * noise + t * data and velocity = data - noise.   (B, ...), (B, ...), (B,) -> (B, ...), (B, ...)
    """
    if noise.shape != data.shape or t.shape != noise.shape[:1]:
        raise ValueError(
            f"noise has shape {tuple(noise.shape)}, data {tuple(data.shape)}, t {tuple(t.shape)}; expected the same "
            "shape twice, and one time for each example, (B,)"
        )
    t = t.reshape(-1, *[1] * (data.dim() - 1))
    return (1 - t) * noise + t * data, data - noise


def logit_normal_times(n: int, mean: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
    """Times in (0, 1), few near the ends: the sigmoid of normal numbers of this mean and variance 1.   -> (n,)

    Esser et al. 2024, *Scaling rectified flow Transformers for high-resolution image synthesis*. A mean below 0 draws
    more times near the noise.
    """
    return (mean + torch.randn(n, generator=generator)).sigmoid()


def flow_matching_loss(
    velocity: Callable[..., Tensor], data: Tensor, *conditions: Tensor, time_mean: float = 0.0
) -> Tensor:
    """Mean squared error of velocity(x_t, t, *conditions) between new noise and the data.   -> ()

    The times are `logit_normal_times` with `time_mean`.
    """
    t = logit_normal_times(len(data), time_mean).to(data)
    x, target = flow_pair(torch.randn_like(data), data, t)
    return mse_loss(velocity(x, t, *conditions), target)


def euler(velocity: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int) -> Tensor:
    """Integrate dx/dt = velocity(x, t) from t = 0 to 1 in equal steps (Euler's method); t has the shape (B,).

    (B, ...) -> (B, ...)
    """
    if not isinstance(steps, numbers.Integral) or steps < 1:
        raise ValueError(f"steps is {steps!r}; expected a whole number, 1 or more")
    x = noise
    for k in range(steps):
        t = torch.full((len(x),), k / steps, device=x.device, dtype=x.dtype)
        x = x + velocity(x, t) / steps
    return x


def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance: unconditional + scale * (conditional - unconditional).   (B, ...), (B, ...) -> (B, ...)

    1 is the conditional velocity, 0 the unconditional one; above 1 the condition counts for more.
    """
    if conditional.shape != unconditional.shape or not math.isfinite(scale):
        raise ValueError(
            f"the velocities have shapes {tuple(conditional.shape)} and {tuple(unconditional.shape)}, scale is "
            f"{scale}; expected one shape and a finite number"
        )
    return unconditional + scale * (conditional - unconditional)


def drop_conditions(tokens: Tensor, probability: float = 0.1, empty: Tensor | None = None) -> Tensor:
    """Whole sentences replaced by the empty one, each with this probability.   (B, T) -> (B, T), a new tensor

    `empty` (T,) is the empty sentence, padding throughout unless given. A network trained so knows the unconditional
    velocity as well.
    """
    if not 0 <= probability <= 1:
        raise ValueError(f"probability is {probability}; expected a number from 0 to 1")
    empty = torch.full_like(tokens[0], PAD) if empty is None else empty
    dropped = torch.rand(len(tokens), device=tokens.device) < probability
    return torch.where(dropped[:, None], empty, tokens)
