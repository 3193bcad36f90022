"""The book's words, spoken one by one by groups of voices, and splits by speaker."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mmcourse import settings
from mmcourse.data.audio import LogMel, collate
from mmcourse.picturebook.sentence import WORDS
from mmcourse.picturebook.speech import speak, voices

SAMPLES = 12_000  # 0.75 s at 16 kHz; about 1% of the words are longer and lose their end
CHUNK = 64


class SpokenWords:
    """Every word by every voice, `takes` times; takes differ in pace, level and noise.

    `labels` (N,) index into `words`, `speakers` (N,) into `voices`. A sound is computed at each
    access: 5,106 sounds would take 300 MB, their log-mels, which a model needs, take a quarter. A fast run
    (MMCOURSE_FAST) has only some of the sounds, at equal distances, so from all voices.
    """

    def __init__(self, voices: Sequence[str], words: Sequence[str] = WORDS, takes: int = 1, seed: int = 0):
        if takes < 1 or not voices or not words:
            raise ValueError(f"{len(voices)} voices, {len(words)} words, {takes} takes; expected one of each at least")
        self.voices, self.words, self.takes, self.seed = tuple(voices), tuple(words), takes, seed
        sounds = takes * len(voices) * len(words)
        kept = settings.examples(sounds)
        self._positions = sounds * torch.arange(kept) // kept
        self.labels = self._positions % len(words)
        self.speakers = self._positions // len(words) % len(voices)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        takes = f"{self.takes} take" + "s" * (self.takes > 1)
        return f"SpokenWords({len(self.voices)} voices, {len(self.words)} words, {takes}: {len(self):,} sounds)"

    def sound(self, i: int) -> Tensor:
        """One spoken word.   (samples,) float32, 16 kHz"""
        if not 0 <= i < len(self):
            raise IndexError(f"sound {i} of {len(self):,}")
        take = int(self._positions[i]) // (len(self.words) * len(self.voices))
        return speak(self.words[self.labels[i]], self.voices[self.speakers[i]], seed=1_000 * self.seed + take)

    def __iter__(self) -> Iterator[Tensor]:
        return map(self.sound, range(len(self)))

    def batches(self, samples: int = SAMPLES) -> Iterator[Tensor]:
        """The sounds in order, 64 at a time, padded or cut to one length.   yields (64, samples)"""
        for start in range(0, len(self), CHUNK):
            yield collate([self.sound(i) for i in range(start, min(start + CHUNK, len(self)))], samples)

    def log_mels(self, log_mel: LogMel, samples: int = SAMPLES) -> Tensor:
        """The log-mel spectrogram of every sound, padded or truncated to one length.   -> (N, n_mels, T)"""
        whole = None  # filled part by part: concatenating a list of parts would need twice the memory
        for start, sounds in zip(range(0, len(self), CHUNK), self.batches(samples), strict=True):
            mels = log_mel(sounds)
            whole = mels.new_empty(len(self), *mels.shape[1:]) if whole is None else whole
            whole[start : start + len(mels)] = mels
        return whole


def spoken_words(group: str, takes: int = 1, seed: int | None = None, words: Sequence[str] = WORDS) -> SpokenWords:
    """The book's words by all voices of a group: 'train', 'held_out' or 'far' (another speech engine).

    `seed` determines pace, level and noise: the run's seed (MMCOURSE_SEED) for 'train', 0 for the others, unless given.
    """
    if seed is None:
        seed = 1 + settings.seed() if group == "train" else 0
    return SpokenWords(voices(group), words, takes, seed)


def leave_one_out(speakers: Sequence[str]) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Each speaker in alphabetical order: the name, the indices of the others' recordings, the indices of its own.

    ValueError for fewer than two speakers.
    """
    people = sorted(set(speakers))
    if len(people) < 2:
        raise ValueError(f"the recordings are by {', '.join(people) or 'nobody'}; expected two speakers at least")
    for person in people:
        own = torch.tensor([speaker == person for speaker in speakers])
        yield person, (~own).nonzero()[:, 0], own.nonzero()[:, 0]
