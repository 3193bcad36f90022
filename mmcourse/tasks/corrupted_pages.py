"""Classify an object from its image and its spoken name, one of which may be corrupted."""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from mmcourse.data.audio import collate
from mmcourse.data.spoken import CHUNK, SAMPLES
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import KINDS, stream
from mmcourse.picturebook.speech import speak
from mmcourse.renamed import old_keywords

CONTRAST, GRAIN = 0.4, 0.9  # a corrupted image's remaining contrast; the standard deviation of its noise
LOUDER = (12.0, 20.0)  # decibels by which noise exceeds a noisy word


class CorruptedPages:
    """Pages with one object and its spoken name: some images corrupted, other words noisy, never both.

    On `fraction` of the pages the image is corrupted, on as many others the word is noisy; the rest is clean.
    `corrupted` and `noisy` (N,) bool are the masks; labels (N,) are the kinds. The voice is the page's.
    """

    @old_keywords
    def __init__(self, book: PictureBook, fraction: float = 0.4):
        if book.objects != 1:
            raise ValueError("CorruptedPages got a book with two objects per page; make the book with objects=1")
        if not 0 <= fraction <= 0.5:
            raise ValueError(
                f"fraction is {fraction}; expected 0 to 0.5, since image and word are never both corrupted"
            )
        self.book, self.labels = book, book.kinds
        rng = stream("corrupted", book.split, book.seed, len(book))
        order, each = torch.tensor(rng.sample(range(len(book)), len(book))), round(fraction * len(book))
        self.corrupted, self.noisy = torch.zeros(2, len(book), dtype=torch.bool)
        self.corrupted[order[:each]], self.noisy[order[each : 2 * each]] = True, True

    def __len__(self) -> int:
        return len(self.book)

    @cached_property
    def images(self) -> Tensor:
        """The images, some with low contrast and noise.   (N, 3, S, S) float32 in [0, 1]"""
        images = self.book.images.clone()
        for page in self.corrupted.nonzero()[:, 0].tolist():
            grain = torch.randn(images.shape[1:], generator=_generator("grain", self.book, page))
            images[page] = (0.5 + CONTRAST * (images[page] - 0.5) + GRAIN * grain).clamp(0, 1)
        return images

    def sound(self, page: int) -> Tensor:
        """The spoken name of the page's object, clean or noisy; computed at each call.   (samples,) float32, 16 kHz"""
        rng = stream("word", self.book.split, page, self.book.seed)
        word = speak(KINDS[self.labels[page]], self.book.voice(page), rng.randrange(2**31))
        if not self.noisy[page]:
            return word
        noise = torch.randn(word.shape, generator=_generator("noise", self.book, page))
        level = word.square().mean().sqrt() * 10 ** (rng.uniform(*LOUDER) / 20)
        both = word + level * noise
        return both * (word.abs().amax() / both.abs().amax())

    def batches(self, samples: int = SAMPLES) -> Iterator[Tensor]:
        """The sounds in order, 64 at a time, padded or cut to one length.   yields (64, samples)"""
        for start in range(0, len(self), CHUNK):
            yield collate([self.sound(i) for i in range(start, min(start + CHUNK, len(self)))], samples)


def _generator(what: str, book: PictureBook, page: int) -> torch.Generator:
    """A random generator for this page."""
    seed = stream(what, book.split, page, book.seed).randrange(2**63)
    return torch.Generator().manual_seed(seed)
