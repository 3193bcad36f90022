"""How long each character lasts: states of characters become states of frames. Lesson 15.

The length regulator of FastSpeech (Ren et al. 2019): every character's state is repeated once for each of its frames.
"""

import torch
from torch import Tensor


def expand(states: Tensor, durations: Tensor) -> Tensor:
    """Every state once for each of its frames.   (T, D), (T,) int64 -> (sum of the durations, D)"""
    _check(states[None], durations[None])
    return states.repeat_interleave(durations, dim=0)


def expand_batch(states: Tensor, durations: Tensor) -> tuple[Tensor, Tensor]:
    """The same for a batch, and which frames are real.   (B, L, D), (B, L) int64 -> (B, T, D), mask (B, T) bool

    T is the length of the longest; the frames after a shorter one are 0.
    """
    _check(states, durations)
    ends = durations.cumsum(dim=1)  # (B, L): the frame at which each character ends
    frames = torch.arange(int(ends[:, -1].max()), device=states.device).expand(len(states), -1).contiguous()
    mask = frames < ends[:, -1:]
    at = torch.searchsorted(ends, frames, right=True).clamp(max=states.shape[1] - 1)  # (B, T) character of each frame
    expanded = states.gather(1, at[:, :, None].expand(-1, -1, states.shape[2]))
    return expanded * mask[:, :, None], mask


def duration_loss(log_durations: Tensor, durations: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of the logarithms, over real characters alone.   (B, L), (B, L) frames, (B, L) bool -> ()

    Logarithms compare ratios: 4 frames for 2 is as wrong as 20 for 10.
    """
    if not log_durations.shape == durations.shape == mask.shape:
        raise ValueError(
            f"log_durations have shape {tuple(log_durations.shape)}, durations {tuple(durations.shape)}, mask "
            f"{tuple(mask.shape)}; expected (B, L) three times"
        )
    if (durations[mask] <= 0).any() or not mask.any():
        raise ValueError("a real character has a duration of 0, or none is real; the logarithm needs a frame or more")
    return (log_durations[mask] - durations[mask].to(log_durations).log()).square().mean()


def whole_frames(log_durations: Tensor, mask: Tensor) -> Tensor:
    """Predicted durations as whole frames, whose sum is near the predicted one.   (B, L), (B, L) bool -> (B, L) int64

    The ends of the characters are rounded, not their durations, so that rounding does not add up. A word has one frame
    at least.
    """
    ends = (log_durations.exp() * mask).cumsum(dim=1).round().long()
    ends[:, -1] = ends[:, -1].clamp(min=1)
    return ends.diff(dim=1, prepend=ends.new_zeros(len(ends), 1))


def _check(states: Tensor, durations: Tensor) -> None:
    if states.dim() != 3 or durations.shape != states.shape[:2] or states.shape[1] == 0:
        raise ValueError(
            f"states have shape {tuple(states.shape[-2:])}, durations {tuple(durations.shape[-1:])}; expected a "
            "duration for each state, (T, D) and (T,), or (B, L, D) and (B, L)"
        )
    if durations.is_floating_point() or durations.dtype == torch.bool or (durations < 0).any():
        raise ValueError(f"durations are {durations.dtype}; expected whole numbers of frames, 0 or more")
