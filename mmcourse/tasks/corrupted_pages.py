"""The rescue task: name the thing from its picture and from the word for it, one of which may be spoilt."""

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

CONTRAST, GRAIN = 0.4, 0.9  # what is left of a spoilt picture's contrast; the spread of the noise on it
LOUDER = (12.0, 20.0)  # decibels by which noise drowns a word


class CorruptedPages:
    """A book's pages with one thing and the word for it, spoken: some pictures spoilt, other words drowned, never both.

    `fraction` of the pages have a spoilt picture, as many others a word under noise, so the rest has both clear.
    `corrupted` and `noisy` (N,) bool say which; labels (N,) are the kinds. The voice is the page's.
    """

    @old_keywords
    def __init__(self, book: PictureBook, fraction: float = 0.4):
        if book.objects != 1:
            raise ValueError("CorruptedPages got a book with two things a page; make the book with objects=1")
        if not 0 <= fraction <= 0.5:
            raise ValueError(f"fraction is {fraction}; expected 0 to 0.5, since picture and word are never both spoilt")
        self.book, self.labels = book, book.kinds
        rng = stream("corrupted", book.split, book.seed, len(book))
        order, each = torch.tensor(rng.sample(range(len(book)), len(book))), round(fraction * len(book))
        self.corrupted, self.noisy = torch.zeros(2, len(book), dtype=torch.bool)
        self.corrupted[order[:each]], self.noisy[order[each : 2 * each]] = True, True

    def __len__(self) -> int:
        return len(self.book)

    @cached_property
    def images(self) -> Tensor:
        """The pictures, some pale and covered in grain.   (N, 3, S, S) float32 in [0, 1]"""
        images = self.book.images.clone()
        for page in self.corrupted.nonzero()[:, 0].tolist():
            grain = torch.randn(images.shape[1:], generator=_generator("grain", self.book, page))
            images[page] = (0.5 + CONTRAST * (images[page] - 0.5) + GRAIN * grain).clamp(0, 1)
        return images

    def sound(self, page: int) -> Tensor:
        """The word for the page's thing, clear or under noise; made anew each time.   (samples,) float32, 16 kHz"""
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
    """A random generator of this page's own."""
    seed = stream(what, book.split, page, book.seed).randrange(2**63)
    return torch.Generator().manual_seed(seed)
