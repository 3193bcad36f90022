"""Sentences read aloud as log-mels: words' spectra are concatenated, as `picturebook.speech.speak` concatenates sounds.

Synthesising 10,000 sentences takes longer than an epoch of training, and each would have a single voice. Here every
reading of a sentence has a random voice, pace and noise.
"""

import copy
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from mmcourse.data.audio import CHUNK, FLOOR, FRAME_MULTIPLE, LogMel, collate
from mmcourse.data.text import PAD, SentenceBatches, check_tokens
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.picturebook.speech import (
    BREAK,
    EDGE,
    LEVEL,
    LOUDNESS,
    PACE,
    SIGNAL_TO_NOISE,
    WORD_LEVEL,
    WORD_PACE,
    clip,
    noises,
    voices,
)

FINE = 4  # spectra per frame of the log-mel, so that a word can begin between frames


class ReadAloud:
    """Sentences of some words, read by training voices drawn at random: tokens (B, T) -> log-mels (B, n_mels, F).

    Pace, level, pauses and noise vary as in `speak`; frames after a sentence's end are 0, and F is a multiple of 64.
    Random numbers come from PyTorch's default generator. `log_mel` must be fitted. Unlike in `speak`, the pace does not
    change the pitch (data.augment.shift_bands has a similar effect), and words do not overlap (a later one replaces an
    earlier). `signal_to_noise` is the range of the noise's level, in decibels below the voice.
    """

    def __init__(
        self,
        log_mel: LogMel,
        words: Sequence[str],
        speakers: Sequence[str] | None = None,
        signal_to_noise: tuple[float, float] = SIGNAL_TO_NOISE,
    ):
        speakers = tuple(speakers or voices("train"))
        if not words:
            raise ValueError("words is empty; expected the words of the sentences")
        if strange := set(words) - set(VOCABULARY):
            raise ValueError(f"{', '.join(sorted(strange))}: not in the book's vocabulary, so there is no recording")
        if log_mel.hop % FINE:
            raise ValueError(
                f"the log-mel's hop is {log_mel.hop} samples; expected a multiple of {FINE}: LogMel(hop=0.02)"
            )
        if signal_to_noise[0] > signal_to_noise[1]:
            raise ValueError(f"signal_to_noise is {signal_to_noise}; expected the lower end first, in decibels")
        self.signal_to_noise = signal_to_noise
        log_mel = copy.deepcopy(log_mel).cpu()
        self.log_mel, self.speakers, self.words = log_mel, len(speakers), tuple(words)
        self.row = torch.full((len(VOCABULARY),), -1)  # the index of a token's spectra
        self.row[[VOCABULARY.index(word) for word in words]] = torch.arange(len(words))
        fine, rate = copy.deepcopy(log_mel), log_mel.rate
        fine.hop = log_mel.hop // FINE
        self.second = rate / fine.hop  # fine frames
        said = [(word, speaker) for word in words for speaker in speakers]
        self.lengths = torch.tensor([len(clip(*each)) // fine.hop + 1 for each in said])
        self.starts = self.lengths.cumsum(0) - self.lengths  # of each clip in `power`
        self.power = torch.empty(int(self.lengths.sum()), log_mel.n_mels)  # all clips, one after the other
        for start in range(0, len(said), CHUNK):  # the clips of all voices would take 100 MB
            sounds = [clip(*each) for each in said[start : start + CHUNK]]
            for i, power in enumerate(fine.raw(collate(sounds)).exp().transpose(1, 2), start):
                length = int(self.lengths[i])
                self.power[self.starts[i] : self.starts[i] + length] = power[:length]
        hisses = torch.stack([LOUDNESS * hiss[: 10 * rate] for hiss in noises()])
        self.noise = fine.raw(hisses).exp().mean(dim=2)  # (colours, n_mels)

    def __call__(self, tokens: Tensor) -> Tensor:
        """Each sentence in a voice drawn at random.   (B, T) int64, 0 is padding -> (B, n_mels, F) float32"""
        where, tokens = tokens.device, tokens.cpu()
        check_tokens(tokens, len(VOCABULARY))
        batch, real = len(tokens), tokens != PAD
        if (unknown := real & (self.row[tokens] < 0)).any():
            strange = VOCABULARY[int(tokens[unknown][0])]
            raise ValueError(f"{strange!r} is not among the {len(self.words)} words of this ReadAloud")
        voice = torch.randint(self.speakers, (batch, 1))
        which = self.row[tokens].clamp(min=0) * self.speakers + voice  # (B, T)
        pace = between(PACE, batch, 1) * between(WORD_PACE, *tokens.shape)
        spoken = self.lengths[which] / pace
        taken = (spoken + between(BREAK, *tokens.shape) * self.second) * real
        begin = between(EDGE, batch, 1) * self.second + taken.cumsum(dim=1) - taken
        end = (begin + spoken).masked_fill(~real, 0).amax(dim=1) + between(EDGE, batch) * self.second
        frames = (end / FINE).long() + 1  # (B,)
        position = torch.arange(-(-int(frames.max()) // FRAME_MULTIPLE) * FRAME_MULTIPLE) * FINE  # (F,)
        word = (begin.masked_fill(~real, torch.inf)[..., None] <= position).sum(dim=1) - 1  # (B, F) which word sounds
        level = between(LEVEL, batch, 1)
        loud = decibels(level + between(WORD_LEVEL, *tokens.shape))
        audible = word >= 0
        word = word.clamp(min=0)
        at = ((position - begin.gather(1, word)) * pace.gather(1, word)).round().long()
        which, loud = which.gather(1, word), loud.gather(1, word)
        audible &= at < self.lengths[which]
        there = self.starts[which] + at.clamp(min=0).minimum(self.lengths[which] - 1)
        power = self.power[there] * (loud * audible)[..., None]  # (B, F, n_mels)
        hiss = self.noise[torch.randint(len(self.noise), (batch,))]
        hiss = hiss * decibels(level - between(self.signal_to_noise, batch, 1))
        power += hiss[:, None] * (1 + torch.empty_like(power).exponential_()) / 2  # the noise's power varies as well
        mels = ((power + FLOOR).log().transpose(1, 2) - self.log_mel.mean) / self.log_mel.std
        return (mels * (torch.arange(len(position)) < frames[:, None])[:, None]).to(where)


class ReadingBatches(SentenceBatches):
    """Batches of sentences of similar length and of their readings by `read`, computed anew for every batch.

    Yields (read(tokens), tokens (B, T), labels (B,)). The order is that of SentenceBatches.
    """

    def __init__(self, read: Callable[[Tensor], Tensor], tokens: Tensor, labels: Tensor, **options):
        super().__init__(tokens, labels, **options)
        self.read = read

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        for tokens, labels in super()._cut(order):
            yield self.read(tokens), tokens, labels


def between(ends: tuple[float, float], *shape: int) -> Tensor:
    """Uniform random numbers from one end to the other."""
    return torch.empty(shape).uniform_(*ends)


def decibels(values: Tensor) -> Tensor:
    """Decibels as factors of power."""
    return 10 ** (values / 10)
