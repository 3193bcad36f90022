"""A book of pages: each page a scene, its picture, a sentence about it and a voice that reads the sentence."""

import zlib
from functools import cached_property

import torch
from torch import Tensor

from mmcourse import settings
from mmcourse.picturebook.scene import COLOURS, KINDS, RELATIONS, SIZES, TIMES, Scene, check_split, imagine, stream
from mmcourse.picturebook.sentence import PAD, encode, tell

PICTURE_SIZE = {1: 32, 2: 48}
VOICES_OF = {"unseen_voices": "unseen", "far_voices": "far"}
CHUNK = 250


class PictureBook:
    """`pages` pages of a split, the same on every machine; each modality is made when first asked for.

    split    'train', 'valid', 'test', or one that holds something out: 'unseen_pairs' (kind x colour), 'unseen_voices',
             'unseen_wordings', 'far_voices' (another speech engine); everything else is as in training
    things   one or two on each page
    seed     another seed, another book. None: the run's seed (MMCOURSE_SEED) for 'train', and 0 for every other split,
             so that a run's seed never moves what it is judged on
    size     pixels along a picture's side; 32 for one thing, 48 for two

    In a fast run (MMCOURSE_FAST) a book holds only the first pages of the same book.
    """

    def __init__(self, split: str, pages: int, things: int = 1, seed: int | None = None, size: int | None = None):
        check_split(split)
        if pages < 1:
            raise ValueError(f"pages is {pages}; a book has at least one page (is the split empty?)")
        if things not in PICTURE_SIZE:
            raise ValueError(f"things is {things}; a page shows one or two")
        self.split, self.pages, self.things = split, settings.examples(pages), things
        self.seed = seed if seed is not None else settings.seed() if split == "train" else 0
        self.size = size or PICTURE_SIZE[things]

    def __len__(self) -> int:
        return self.pages

    def __repr__(self) -> str:
        return (
            f"PictureBook({self.split!r}, pages={self.pages}, things={self.things}, seed={self.seed}, size={self.size})"
        )

    def _key(self, what: str, page: int) -> tuple:
        if not 0 <= page < self.pages:
            raise IndexError(f"page {page} of a book of {self.pages} pages")
        return what, self.split, page, self.things, self.seed

    @cached_property
    def scenes(self) -> list[Scene]:
        """The truth of every page."""
        return [imagine(self.split, page, self.things, self.seed) for page in range(self.pages)]

    @cached_property
    def sentences(self) -> list[str]:
        """One sentence a page, true of its scene."""
        wordings = "unseen" if self.split == "unseen_wordings" else "seen"
        return [tell(scene, stream(*self._key("sentence", i)), wordings) for i, scene in enumerate(self.scenes)]

    @cached_property
    def tokens(self) -> Tensor:
        """Every sentence as indices into VOCABULARY, padded with 0 on the right.   (N, T) int64"""
        rows = [torch.tensor(encode(sentence)) for sentence in self.sentences]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)

    @cached_property
    def lengths(self) -> Tensor:
        """Words in each sentence.   (N,) int64"""
        return (self.tokens != PAD).sum(dim=1)

    @cached_property
    def images(self) -> Tensor:
        """Every page's picture.   (N, 3, S, S) float32 in [0, 1]"""
        from mmcourse.picturebook.picture import draw_batch

        images = torch.empty(self.pages, 3, self.size, self.size)
        for start in range(0, self.pages, CHUNK):
            pages = range(start, min(start + CHUNK, self.pages))
            images[pages.start : pages.stop] = draw_batch(
                [self.scenes[i] for i in pages], self.size, [self.picture_seed(i) for i in pages]
            )
        return images

    def picture_seed(self, page: int) -> int:
        """The seed of this page's drawing."""
        return zlib.crc32(repr(self._key("picture", page)).encode())

    def picture(self, page: int, size: int = 128) -> Tensor:
        """The same page drawn in another size, for people to look at.   (3, size, size)"""
        from mmcourse.picturebook.picture import draw

        seed = self.picture_seed(page)
        return draw(self.scenes[page], size, seed)

    def voice(self, page: int) -> str:
        """The name of the voice that reads this page."""
        from mmcourse.picturebook.speech import voices

        return stream(*self._key("voice", page)).choice(voices(VOICES_OF.get(self.split, "train")))

    def sound(self, page: int) -> Tensor:
        """This page's sentence, read aloud; made anew each time, a book of sound is gigabytes.   (samples,), 16 kHz"""
        from mmcourse.picturebook.speech import speak

        seed = zlib.crc32(repr(self._key("sound", page)).encode())
        return speak(self.sentences[page], self.voice(page), seed)

    def _labels(self, attribute: str, names: tuple[str, ...]) -> Tensor:
        labels = torch.tensor([[names.index(getattr(t, attribute)) for t in scene.things] for scene in self.scenes])
        return labels.squeeze(1) if self.things == 1 else labels

    @cached_property
    def kinds(self) -> Tensor:
        """Indices into KINDS.   (N,) for one thing, (N, 2) for two"""
        return self._labels("kind", KINDS)

    @cached_property
    def colours(self) -> Tensor:
        """Indices into COLOURS.   (N,) or (N, 2)"""
        return self._labels("colour", COLOURS)

    @cached_property
    def sizes(self) -> Tensor:
        """Indices into SIZES.   (N,) or (N, 2)"""
        return self._labels("size", SIZES)

    @cached_property
    def relations(self) -> Tensor:
        """Indices into RELATIONS: how the first thing stands to the second.   (N,), two things only"""
        if self.things == 1:
            raise ValueError("pages with one thing have no relation; make the book with things=2")
        return torch.tensor([RELATIONS.index(scene.relation) for scene in self.scenes])

    @cached_property
    def times(self) -> Tensor:
        """Indices into TIMES.   (N,)"""
        return torch.tensor([TIMES.index(scene.time) for scene in self.scenes])
