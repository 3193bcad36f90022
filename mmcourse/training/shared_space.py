"""Training of a page space, as in lesson 11: images with text, then sound with the frozen text tower.

Image and sound are never paired.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.data.augment import shift_bands, spec_augment
from mmcourse.data.batches import Batches, together
from mmcourse.data.read_aloud import ReadAloud, ReadingBatches
from mmcourse.data.text import pad
from mmcourse.models.towers import PageSpace
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.sentence import encode, split_words
from mmcourse.tasks.meaning import any_phrasing, meanings, phrasings
from mmcourse.training.fit import fit
from mmcourse.training.history import History
from mmcourse.training.shipped import load

SOUND_SEED = 1_000  # added to the seed of the pages that are read aloud
STATISTICS_PAGES = 200  # pages of each book that the log-mels' statistics come from
READINGS = 92  # repetitions of each word in an epoch of single words: two per training voice


def vary(mels: Tensor) -> Tensor:
    """Vocal-tract augmentation and masking.   (B, n_mels, T) -> (B, n_mels, T)"""
    return spec_augment(shift_bands(mels, 1), band=6, time=4)  # masks shorter than a word


def train_image_tower(
    space: PageSpace, books: Sequence[PictureBook], epochs: int, lr: float = 3e-3, size: int = 128, **options
) -> History:
    """Align the books' images and sentences, in four phrasings each; words that do not occur become unknown."""
    tokens = together([phrasings(book, 4) for book in books])  # (N, 4, T)
    space.tower("text").encoder.restrict_vocabulary(tokens.flatten(0, 1))
    pair = space.pair("text", "image")
    pages = Batches(
        tokens,
        torch.cat([book.images.half() for book in books]),
        torch.cat([meanings(book) for book in books]),
        size=size,
        transform=any_phrasing,
    )
    return fit(pair, pages, loss=pair.loss, epochs=epochs, lr=lr, metrics=(), **options)


def read_aloud(space: PageSpace, books: Sequence[PictureBook]) -> ReadAloud:
    """A `ReadAloud` for these books' sentences; the log-mels' statistics are fitted to some of their spoken pages."""
    space.log_mel.fit(book.sound(i) for book in books for i in range(0, len(book), -(-len(book) // STATISTICS_PAGES)))
    words = {word for book in books for sentence in book.sentences for word in split_words(sentence)}
    return ReadAloud(space.log_mel, sorted(words))


def train_on_words(
    space: PageSpace, read: ReadAloud, epochs: int, lr: float = 5e-3, size: int = 128, **options
) -> History:
    """Align single spoken words, each READINGS times per epoch, with the frozen text tower."""
    pair = space.pair("sound", "text", locked="text")
    tokens = pad([encode(word) for word in read.words]).repeat(READINGS, 1)  # (N, 1)
    labels = torch.arange(len(read.words)).repeat(READINGS)
    words = ReadingBatches(lambda some: vary(read(some)), tokens, labels, size=size)
    return fit(pair, words, loss=pair.near_loss, epochs=epochs, lr=lr, metrics=(), **options)


def train_sound_tower(
    space: PageSpace,
    read: ReadAloud,
    books: Sequence[PictureBook],
    epochs: int,
    lr: float = 5e-3,
    size: int = 64,
    **options,
) -> History:
    """Align the books' sentences, read aloud anew in each epoch, with the frozen text tower."""
    pair = space.pair("sound", "text", locked="text")
    tokens = together([book.tokens for book in books])
    pages = ReadingBatches(
        lambda some: vary(read(some)), tokens, torch.cat([meanings(book) for book in books]), size=size
    )
    return fit(pair, pages, loss=pair.near_loss, epochs=epochs, lr=lr, metrics=(), **options)


def pretrained_space(width: int = 128) -> PageSpace:
    """A space with the shipped image and text encoders, which were trained on training pages only."""
    encoder = load("text_encoder").encoder
    space = PageSpace(width, text_width=encoder.width)
    space.tower("image").encoder, space.tower("text").encoder = load("image_encoder").encoder, encoder
    return space


def train_space(
    space: PageSpace,
    image_pages: Sequence[tuple[int, int]],
    sound_pages: Sequence[tuple[int, int]],
    epochs: tuple[int, int, int],
    seed: int,
    **options,
) -> PageSpace:
    """All three steps: image and text, spoken words, spoken sentences. Returns the same space in evaluation mode.

    image_pages, sound_pages  (objects, pages) of each training book; the sounds belong to other pages than the images
    epochs                    of the three steps
    """
    books = [PictureBook("train", pages, objects, seed, size=48) for objects, pages in image_pages]
    train_image_tower(space, books, epochs[0], **options)
    books = [PictureBook("train", pages, objects, SOUND_SEED + seed) for objects, pages in sound_pages]
    read = read_aloud(space, books)
    train_on_words(space, read, epochs[1], **options)
    train_sound_tower(space, read, books, epochs[2], **options)
    return space.eval()
