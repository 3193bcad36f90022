"""The book's pages read aloud, as log-mels: zeros after a sound's end, and batches of sounds of like length."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from mmcourse.data.audio import CHUNK, LogMel, collate
from mmcourse.data.batches import Batches, together
from mmcourse.data.text import POOL
from mmcourse.picturebook.book import PictureBook


def spoken_pages(book: PictureBook, log_mel: LogMel, pages: Tensor | None = None) -> Tensor:
    """What `log_mel` makes of every page's voice; all of them, or those at the places `pages`.

    -> (N, n_mels, T) float16, half the memory; T is that of the longest, the others end in frames of zeros.
    """
    places = range(len(book)) if pages is None else pages.tolist()
    parts = []
    for start in range(0, len(places), CHUNK):
        parts.append(padded_mels(log_mel, [book.sound(i) for i in places[start : start + CHUNK]]).half())
    return together(parts)


def padded_mels(log_mel: LogMel, sounds: Sequence[Tensor]) -> Tensor:
    """What `log_mel` makes of sounds (samples,) of any lengths, frames of zeros after each end.   -> (B, n_mels, T)"""
    mels = log_mel(collate(sounds))
    frames = torch.tensor([len(sound) // log_mel.hop + 1 for sound in sounds])
    return mels * (torch.arange(mels.shape[2]) < frames[:, None])[:, None].to(mels.device)


class SpeechBatches(Batches):
    """Batches of sounds of like length, each cut to its own longest: (mels (B, n_mels, T) float32, ..., target).

    `mels` (N, n_mels, T) end in frames of zeros, as `spoken_pages` gives them. Shuffled, each epoch draws a new order,
    sorts it by length within pools of 20 batches, and shuffles the batches; otherwise the order stays as given.
    """

    def __init__(
        self,
        mels: Tensor,
        *tensors: Tensor,
        size: int = 64,
        shuffle: bool = True,
        seed: int | None = None,
        transform: Callable[[Tensor], Tensor] | None = None,
        device: torch.device | str | None = None,
    ):
        if mels.dim() != 3:
            raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (N, n_mels, T)")
        super().__init__(mels, *tensors, size=size, shuffle=shuffle, seed=seed, transform=transform, device=device)
        place = torch.arange(1, mels.shape[2] + 1)
        self.frames = ((mels != 0).any(dim=1).cpu() * place).amax(dim=1)  # (N,)

    def order(self, epoch: int) -> Tensor:
        """The order of the sounds in one epoch; a batch that is not full comes last.   -> (N,) int64"""
        order = super().order(epoch).cpu()
        pools = [pool[self.frames[pool].argsort(stable=True)] for pool in order.split(self.size * POOL)]
        chunks = torch.cat(pools).split(self.size)
        full = [chunk for chunk in chunks if len(chunk) == self.size]
        mixed = [full[i] for i in order[order < len(full)].tolist()]  # a random order of the full batches
        return torch.cat(mixed + [chunk for chunk in chunks if len(chunk) < self.size])

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        order = torch.arange(self.examples) if order is None else order
        for chosen in order.split(self.size):
            longest = max(int(self.frames[chosen].max()), 1)
            there = chosen.to(self.tensors[0].device)
            mels, *others = (tensor.index_select(0, there) for tensor in self.tensors)
            mels = mels[:, :, :longest].float()
            yield self.transform(mels) if self.transform else mels, *others
