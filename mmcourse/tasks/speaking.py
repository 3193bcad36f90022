"""Spoken words with their letters and durations: what text to speech learns from. Lesson 15.

clips = Clips(words, voices, sounds, log_mel)                    # word i in voice i as waveform i
fit(model, clips.batches(), loss=speech_loss)                    # yields (letters, voices, durations), log-mels
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mmcourse.data.audio import LogMel, collate
from mmcourse.data.batches import Batches
from mmcourse.data.letters import letters

CHUNK = 64  # sounds transformed at a time
POOL = 10  # a pool of clips that is sorted by length, in batches


class Clips:
    """Words, the voice of each (an index), and their sounds as log-mels with as many frames as each has.

    letters (N, L), voices (N,), frames (N,), durations (N, L): the frames of a word, distributed evenly over its
    letters, since the boundaries of letters are not annotated; mels (N, n_mels, T), silence after the shorter ones.
    """

    def __init__(self, words: Sequence[str], voices: Sequence[int], sounds: Sequence[Tensor], log_mel: LogMel):
        if not len(words) == len(voices) == len(sounds) or not words:
            raise ValueError(
                f"{len(words)} words, {len(voices)} voices, {len(sounds)} sounds; expected one of each for every clip"
            )
        self.words, self.log_mel = tuple(words), log_mel
        self.letters, self.voices = letters(words), torch.as_tensor(voices)
        self.frames = torch.tensor([len(sound) // log_mel.hop + 1 for sound in sounds])
        self.durations = even_durations(self.frames, (self.letters != 0).sum(dim=1))
        longest = int(self.frames.max())
        self.mels = torch.empty(len(words), log_mel.n_mels, longest)
        with torch.no_grad():
            for start in range(0, len(words), CHUNK):
                part = collate(sounds[start : start + CHUNK], longest * log_mel.hop - 1)
                self.mels[start : start + CHUNK] = log_mel(part)

    def __len__(self) -> int:
        return len(self.words)

    def batches(self, chosen: Tensor | None = None, **options) -> "ClipBatches":
        """Batches of all clips, or of those at `chosen` (indices, or a mask (N,)); options as those of Batches."""
        chosen = slice(None) if chosen is None else chosen
        parts = (self.letters, self.voices, self.durations, self.mels)
        return ClipBatches(*(part[chosen] for part in parts), **options)

    def stretches(self, frames: int = 64) -> Tensor:
        """All clips one after the other, cut into segments of equal length.   -> (M, n_mels, frames)"""
        parts = [mel[:, :length] for mel, length in zip(self.mels, self.frames.tolist(), strict=True)]
        stream = torch.cat(parts, dim=1)
        whole = stream.shape[1] // frames * frames
        return stream[:, :whole].unflatten(1, (-1, frames)).transpose(0, 1).contiguous()


class ClipBatches(Batches):
    """Clips of similar length, cut to a batch's longest: letters, voices, durations, and log-mels as the target."""

    def order(self, epoch: int) -> Tensor:
        """A new order for each epoch, sorted by length within pools of ten batches, the batches shuffled.   -> (N,)"""
        order, frames = super().order(epoch).cpu(), self.tensors[2].sum(dim=1).cpu()
        pools = [pool[frames[pool].argsort(stable=True)] for pool in order.split(self.size * POOL)]
        chunks = torch.cat(pools).split(self.size)
        full = [chunk for chunk in chunks if len(chunk) == self.size]
        mixed = [full[i] for i in order[order < len(full)].tolist()]
        rest = [chunk for chunk in chunks if len(chunk) < self.size]
        return torch.cat(mixed + rest).to(self.tensors[0].device)

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        for given, voices, durations, mels in super()._cut(order):
            length, frames = int((given != 0).sum(dim=1).max()), int(durations.sum(dim=1).max())
            yield given[:, :length], voices, durations[:, :length], mels[:, :, :frames]


def even_durations(frames: Tensor, lengths: Tensor) -> Tensor:
    """The frames of each word, distributed as evenly as possible over its letters.   (B,), (B,) -> (B, L) int64

    A word of 7 frames and 3 letters: 2, 2, 3. 0 after the last letter.
    """
    if (frames < lengths).any() or (lengths < 1).any():
        row = int(((frames < lengths) | (lengths < 1)).nonzero()[0])
        raise ValueError(
            f"word {row} has {int(frames[row])} frames for {int(lengths[row])} letters; expected a frame for each at "
            "least. Likely cause: a clip that was cut short, or words and sounds in another order"
        )
    letters = torch.arange(int(lengths.max()) + 1, device=frames.device)  # (L + 1,)
    ends = frames[:, None] * torch.minimum(letters, lengths[:, None]) // lengths[:, None]
    return ends.diff(dim=1)
