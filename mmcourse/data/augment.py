"""Random changes to training examples that keep their meaning, by PyTorch's own generator: images, words, sound."""

import torch
from torch import Tensor

from mmcourse.data.text import PAD, UNKNOWN
from mmcourse.renamed import old_keywords


@old_keywords
def permute_colours(images: Tensor, fraction: float = 1.0) -> Tensor:
    """Permute the colour channels of a fraction of the images, each at random.   (B, 3, H, W) -> (B, 3, H, W)

    A red fish becomes a green or a blue one, so the colour no longer indicates the kind. The result may show
    combinations of kind and colour that are held out from the training split.
    """
    _check_images(images)
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}; expected a fraction from 0 to 1")
    batch, channels = images.shape[:2]
    order = torch.rand(batch, channels, device=images.device).argsort(dim=1)  # (B, C)
    order[torch.rand(batch, device=images.device) >= fraction] = torch.arange(channels, device=images.device)
    return images[torch.arange(batch, device=images.device)[:, None], order]


def flip(images: Tensor) -> Tensor:
    """Flip each image horizontally with probability 1/2.   (B, C, H, W) -> (B, C, H, W)"""
    _check_images(images)
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def shift(images: Tensor, pixels: int = 3) -> Tensor:
    """Shift each image cyclically by up to `pixels` in both directions.   (B, C, H, W)"""
    if pixels < 0:
        raise ValueError(f"pixels is {pixels}; expected zero or more")
    _check_images(images)
    batch, _, height, width = images.shape
    device = images.device
    down, right = torch.randint(-pixels, pixels + 1, (2, batch, 1), device=device)
    rows = (torch.arange(height, device=device) - down) % height  # (B, H)
    columns = (torch.arange(width, device=device) - right) % width  # (B, W)
    return images[torch.arange(batch, device=device)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )


@old_keywords
def mask_words(tokens: Tensor, fraction: float) -> Tensor:
    """Word dropout: each word becomes '<unk>' (1) with probability `fraction`; padding stays.   (B, T) -> (B, T)

    A model trained so has seen '<unk>' at every position, and cannot rely on one word alone.
    """
    if tokens.is_floating_point() or tokens.dtype == torch.bool or not 0 <= fraction <= 1:
        raise ValueError(
            f"mask_words got {tokens.dtype} and fraction={fraction}; expected integer tokens, a fraction from 0 to 1"
        )
    chosen = (torch.rand(tokens.shape, device=tokens.device) < fraction) & (tokens != PAD)
    return tokens.masked_fill(chosen, UNKNOWN)


def spec_augment(mels: Tensor, band: int = 6, time: int = 12) -> Tensor:
    """Set a stripe of up to `band` mel bands and one of up to `time` frames to 0, at random, for each sound separately.

    Park et al. 2019 (SpecAugment), without the time warp. With log-mels of mean 0, the stripe holds the mean.
    (B, n_mels, T) -> (B, n_mels, T)
    """
    if mels.dim() != 3:
        raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (B, n_mels, T)")
    if band < 0 or time < 0:
        raise ValueError(f"band is {band} and time {time}; expected zero or more")
    bands, frames = _stripes(mels, 1, band), _stripes(mels, 2, time)
    return mels.masked_fill(bands[:, :, None] | frames[:, None, :], 0)


def shift_bands(mels: Tensor, bands: int = 2) -> Tensor:
    """Shift each sound up or down by up to `bands` mel bands, like another vocal tract length; edges are repeated.

    A rough approximation of vocal tract length perturbation (Jaitly, Hinton 2013), which warps the frequencies.
    (B, n_mels, T) -> (B, n_mels, T)
    """
    if mels.dim() != 3 or bands < 0:
        raise ValueError(f"mels have shape {tuple(mels.shape)}, bands is {bands}; expected (B, n_mels, T), 0 or more")
    up = torch.randint(-bands, bands + 1, (len(mels), 1), device=mels.device)
    source = (torch.arange(mels.shape[1], device=mels.device) - up).clamp(0, mels.shape[1] - 1)  # (B, n_mels)
    return mels.gather(1, source[:, :, None].expand_as(mels))


def _check_images(images: Tensor) -> None:
    """ValueError unless images are (B, C, H, W)."""
    if images.dim() != 4:
        cause = " Likely cause: a single image needs a batch axis: image[None]" if images.dim() == 3 else ""
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, C, H, W).{cause}")


def _stripes(mels: Tensor, axis: int, widest: int) -> Tensor:
    """For each example a range of 0 to `widest` positions along an axis.   -> (B, length of the axis) bool"""
    batch, length = len(mels), mels.shape[axis]
    width = torch.randint(min(widest, length) + 1, (batch, 1), device=mels.device)
    start = (torch.rand(batch, 1, device=mels.device) * (length - width + 1)).long()
    position = torch.arange(length, device=mels.device)
    return (position >= start) & (position < start + width)
