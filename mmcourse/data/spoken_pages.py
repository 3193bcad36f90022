"""The book's pages read aloud, as log-mels of equal length: zeros after each sound's end."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.data.audio import CHUNK, LogMel, collate
from mmcourse.data.batches import together
from mmcourse.picturebook.book import PictureBook


def spoken_pages(book: PictureBook, log_mel: LogMel, pages: Tensor | None = None) -> Tensor:
    """The log-mel spectrogram of every page's voice; of all pages, or of those at the indices `pages`.

    -> (N, n_mels, T) float16, to save memory; T is that of the longest, the others end in frames of zeros.
    """
    positions = range(len(book)) if pages is None else pages.tolist()
    parts = []
    for start in range(0, len(positions), CHUNK):
        parts.append(padded_mels(log_mel, [book.sound(i) for i in positions[start : start + CHUNK]]).half())
    return together(parts)


def padded_mels(log_mel: LogMel, sounds: Sequence[Tensor]) -> Tensor:
    """The log-mel spectrograms of sounds (samples,) of any lengths, zeros after each end.   -> (B, n_mels, T)"""
    longest = max(map(len, sounds))
    parts = []
    for start in range(0, len(sounds), CHUNK):  # padded waveforms take far more memory than log-mels
        some = sounds[start : start + CHUNK]
        mels = log_mel(collate(some, samples=longest).to(log_mel.window.device))
        frames = torch.tensor([len(sound) // log_mel.hop + 1 for sound in some])
        parts.append(mels * (torch.arange(mels.shape[2]) < frames[:, None])[:, None].to(mels.device))
    return torch.cat(parts)


def frame_counts(mels: Tensor) -> Tensor:
    """Frames of each sound before the zeros that fill it up, 1 at least.   (B, n_mels, T) -> (B,) int64"""
    heard = (mels != 0).any(dim=1)  # (B, T)
    return (heard * torch.arange(1, mels.shape[2] + 1, device=mels.device)).amax(dim=1).clamp(min=1)
