"""Classify an object from its image, its spoken name and a sentence in which the name is often masked."""

import re
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from mmcourse.data.audio import LogMel
from mmcourse.data.spoken import SAMPLES
from mmcourse.data.text import UNKNOWN, pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import KINDS, stream
from mmcourse.picturebook.sentence import encode
from mmcourse.renamed import old_keywords
from mmcourse.tasks.corrupted_pages import CorruptedPages

MASKED_NAME = "▇▇▇"
BEFORE_AND_NAME = re.compile(rf"\b(?:an? )?(?:{'|'.join(KINDS)})\b")


class NamedPages:
    """Pages with one object: image, spoken word and sentence, each of which may identify its kind.

    On `fraction` of the pages the object's name is masked in the sentence (the word becomes '<unk>', and an 'a' or 'an'
    right before it too), so that there the sentence does not say the kind: `name_masked` (N,) bool. Image and spoken
    word are clean. labels (N,) are the kinds; the voice is the page's.
    """

    @old_keywords
    def __init__(self, book: PictureBook, fraction: float = 0.5):
        if book.objects != 1:
            raise ValueError("NamedPages got a book with two objects per page; make the book with objects=1")
        if not 0 <= fraction <= 1:
            raise ValueError(f"fraction is {fraction}; expected 0 to 1")
        self.book, self.labels, self.images = book, book.kinds, book.images
        self._spoken = CorruptedPages(book, fraction=0)
        order = stream("masked names", book.split, book.seed, len(book)).sample(range(len(book)), len(book))
        self.name_masked = torch.zeros(len(book), dtype=torch.bool)
        self.name_masked[torch.tensor(order, dtype=torch.int64)[: round(fraction * len(book))]] = True

    def __len__(self) -> int:
        return len(self.book)

    @cached_property
    def sentences(self) -> list[str]:
        """Every sentence as text, a masked name as '▇▇▇'."""
        return [
            BEFORE_AND_NAME.sub(MASKED_NAME, sentence) if hidden else sentence
            for sentence, hidden in zip(self.book.sentences, self.name_masked.tolist(), strict=True)
        ]

    @cached_property
    def tokens(self) -> Tensor:
        """The sentences as indices into VOCABULARY, a masked name as '<unk>'.   (N, T) int64, 0 is padding"""
        return pad(
            [
                [UNKNOWN if word == MASKED_NAME else encode(word)[0] for word in sentence.replace(",", "").split()]
                for sentence in self.sentences
            ],
            to=self.book.tokens.shape[1],
        )

    def sound(self, page: int) -> Tensor:
        """The spoken name of the page's object; computed anew at each call.   (samples,) float32, 16 kHz"""
        return self._spoken.sound(page)

    def batches(self, samples: int = SAMPLES) -> Iterator[Tensor]:
        """The sounds in order, 64 at a time, padded or cut to one length.   yields (64, samples)"""
        return self._spoken.batches(samples)

    def log_mels(self, log_mel: LogMel, samples: int = SAMPLES) -> Tensor:
        """The log-mel spectrogram of every sound.   -> (N, n_mels, T)"""
        return torch.cat([log_mel(sounds) for sounds in self.batches(samples)])
