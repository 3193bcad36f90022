"""Changes to training examples that keep what they mean, at random, by torch's own stream: pictures, words, sound."""

import torch
from torch import Tensor

from mmcourse.data.text import PAD, UNKNOWN


def permute_colours(images: Tensor, share: float = 1.0) -> Tensor:
    """Give a share of the pictures a random order of their own for the colour channels.   (B, 3, H, W) -> (B, 3, H, W)

    A red fish becomes a green or a blue one, so the colour no longer tells the kind. It paints pairs of kind and colour
    that the training split does not hold.
    """
    if images.dim() != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, C, H, W)")
    batch, channels = images.shape[:2]
    order = torch.rand(batch, channels, device=images.device).argsort(dim=1)  # (B, C)
    order[torch.rand(batch, device=images.device) >= share] = torch.arange(channels, device=images.device)
    return images[torch.arange(batch, device=images.device)[:, None], order]


def flip(images: Tensor) -> Tensor:
    """Mirror every other picture, left to right, at random.   (B, C, H, W) -> (B, C, H, W)"""
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def shift(images: Tensor, pixels: int = 3) -> Tensor:
    """Move each picture by up to some pixels; what leaves on one side comes back on the other.   (B, C, H, W)"""
    if pixels < 0:
        raise ValueError(f"pixels is {pixels}; expected zero or more")
    batch, _, height, width = images.shape
    device = images.device
    down, right = torch.randint(-pixels, pixels + 1, (2, batch, 1), device=device)
    rows = (torch.arange(height, device=device) - down) % height  # (B, H)
    columns = (torch.arange(width, device=device) - right) % width  # (B, W)
    return images[torch.arange(batch, device=device)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )


def mask_words(tokens: Tensor, share: float) -> Tensor:
    """Word dropout: each word becomes '<unk>' (1) with probability `share`; padding stays.   (B, T) -> (B, T)

    A model trained so has met '<unk>' in every place, and cannot lean on one word alone.
    """
    if tokens.is_floating_point() or not 0 <= share <= 1:
        raise ValueError(
            f"mask_words got {tokens.dtype} and share={share}; expected integer tokens, a share from 0 to 1"
        )
    chosen = (torch.rand(tokens.shape, device=tokens.device) < share) & (tokens != PAD)
    return tokens.masked_fill(chosen, UNKNOWN)
