"""Pooling of the vectors of words to one vector per sentence, without padding."""

import torch
from torch import Tensor

from mmcourse.data.text import PAD
from mmcourse.precision import exact


def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    """The state after each sentence's last word.   (B, T, D), (B,) -> (B, D)"""
    return states[torch.arange(len(states), device=states.device), lengths - 1]


def max_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    """Each feature's largest value over a sentence's words (Kim 2014).   (B, C, T), (B, T) -> (B, C)"""
    return features.masked_fill((tokens == PAD)[:, None], float("-inf")).amax(dim=2)


def mean_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    """Each feature's mean over a sentence's words.   (B, C, T), (B, T) -> (B, C)"""
    real = (tokens != PAD)[:, None]  # (B, 1, T)
    total = exact(features).masked_fill(~real, 0.0).sum(dim=2)  # a float16 sum over a long text overflows
    return (total / real.sum(dim=2)).to(features.dtype)
