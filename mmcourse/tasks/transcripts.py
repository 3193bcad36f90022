"""Spoken sentences and their characters: the examples of lesson 13's speech recognition."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from mmcourse.data.spoken_pages import frame_counts
from mmcourse.data.text import SentenceBatches, pad
from mmcourse.picturebook.sentence import encode, split_words

CHARACTERS = "- abcdefghijklmnopqrstuvwxyz"  # index 0, written "-", is the blank of CTC and the padding of targets
BLANK, SPACE = 0, 1
_INDEX = {character: i for i, character in enumerate(CHARACTERS) if i != BLANK}


def transcript(sentence: str) -> str:
    """What a recogniser should write: lower case, single spaces, no punctuation."""
    return " ".join(split_words(sentence))


def characters(sentences: Sequence[str]) -> Tensor:
    """The characters of each sentence's transcript, 0 on the right; an empty sentence is a row of 0.   -> (B, L) int64

    ValueError for no sentences, or a character that has no index, such as a digit.
    """
    if isinstance(sentences, str):
        raise ValueError(f"sentences is the text {sentences!r}; expected a list of texts: characters([sentence])")
    rows = [transcript(sentence) for sentence in sentences]
    if not rows:
        raise ValueError("sentences is empty; expected at least one. Likely cause: an empty split")
    if strange := {character for row in rows for character in row} - set(_INDEX):
        raise ValueError(
            f"no character {', '.join(map(repr, sorted(strange)))} is known; expected a to z and the space. Likely "
            "cause: digits, write them as words"
        )
    width = max(map(len, rows))
    return torch.tensor([[_INDEX[c] for c in row] + [BLANK] * (width - len(row)) for row in rows], dtype=torch.int64)


def text(ids: Sequence[int] | Tensor) -> str:
    """The text of some characters' indices, blanks and padding left out; ValueError for an index that has none."""
    ids = ids.tolist() if isinstance(ids, Tensor) else list(ids)
    if wrong := [i for i in ids if not 0 <= i < len(CHARACTERS)]:
        raise ValueError(f"index {wrong[0]} is no character's; expected 0 to {len(CHARACTERS) - 1}")
    return "".join(CHARACTERS[i] for i in ids if i != BLANK)


class TranscriptBatches(SentenceBatches):
    """Sentences of similar length, read aloud anew in every batch, with their characters as the target.

    Yields (mels (B, n_mels, T), lengths (B,) in frames, targets (B, L)).
    read    a ReadAloud: tokens (B, words) -> log-mels, frames of 0 after each end
    vary    augmentation of the log-mels, e.g. SpecAugment; lengths are counted before it
    Other options, and the order, are those of SentenceBatches.
    """

    def __init__(
        self,
        read: Callable[[Tensor], Tensor],
        sentences: Sequence[str],
        size: int = 32,
        vary: Callable[[Tensor], Tensor] | None = None,
        **options,
    ):
        super().__init__(characters(sentences), torch.arange(len(sentences)), size=size, **options)
        self.read, self.vary = read, vary
        self.words = pad([encode(sentence) for sentence in sentences])  # (N, words)

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        for targets, chosen in super()._cut(order):
            words = self.words[chosen.cpu()]
            mels = self.read(words[:, : int((words != 0).sum(dim=1).max())])
            lengths = frame_counts(mels)
            yield (self.vary(mels) if self.vary else mels), lengths, targets
