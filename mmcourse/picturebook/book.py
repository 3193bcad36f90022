"""A book of pages: each page has a scene, its image, a sentence that describes it, and the sentence as speech."""

from functools import cached_property

import torch
from torch import Tensor

from mmcourse import settings
from mmcourse.picturebook.scene import COLOURS, KINDS, RELATIONS, SIZES, TIMES, Scene, check_split, imagine, stream
from mmcourse.picturebook.sentence import PAD, describe, encode
from mmcourse.picturebook.streams import stream_seed
from mmcourse.renamed import new_value, old_keywords

IMAGE_SIZE = {1: 32, 2: 48}
VOICES_OF = {"held_out_voices": "held_out", "far_voices": "far"}
CHUNK = 250


class PictureBook:
    """`pages` pages of a split, the same on every machine; each modality is created at first access.

    split    'train', 'valid', 'test', or a held-out split: 'held_out_pairs' (kind x colour),
             'held_out_voices', 'held_out_phrasings', 'far_voices' (another speech engine); everything else is as in
             training
    objects  one or two on each page
    seed     determines the pages. None: the run's seed (MMCOURSE_SEED) for 'train', and 0 for every other split, so
             that a run's seed never changes the test data
    size     height and width of the images in pixels; 32 for one object, 48 for two

    In a fast run (MMCOURSE_FAST) a book contains only its first pages.
    """

    @old_keywords
    def __init__(self, split: str, pages: int, objects: int = 1, seed: int | None = None, size: int | None = None):
        split = new_value("split", split)
        check_split(split)
        if pages < 1:
            raise ValueError(f"pages is {pages}; a book has at least one page (is the split empty?)")
        if objects not in IMAGE_SIZE:
            raise ValueError(f"objects is {objects}; a page shows one or two")
        self.split, self.pages, self.objects = split, settings.examples(pages), objects
        self.seed = seed if seed is not None else settings.seed() if split == "train" else 0
        self.size = size or IMAGE_SIZE[objects]

    def __len__(self) -> int:
        return self.pages

    def __repr__(self) -> str:
        return (
            f"PictureBook({self.split!r}, pages={self.pages}, objects={self.objects}, seed={self.seed}, "
            f"size={self.size})"
        )

    def _key(self, what: str, page: int) -> tuple:
        if not 0 <= page < self.pages:
            raise IndexError(f"page {page} of a book of {self.pages} pages")
        return what, self.split, page, self.objects, self.seed

    @cached_property
    def scenes(self) -> list[Scene]:
        """The scene of every page."""
        return [imagine(self.split, page, self.objects, self.seed) for page in range(self.pages)]

    @cached_property
    def sentences(self) -> list[str]:
        """A true sentence about each page's scene."""
        phrasings = "held_out" if self.split == "held_out_phrasings" else "seen"
        return [describe(scene, stream(*self._key("sentence", i)), phrasings) for i, scene in enumerate(self.scenes)]

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
        """Every page's image.   (N, 3, S, S) float32 in [0, 1]"""
        from mmcourse.picturebook.image import draw_batch

        images = torch.empty(self.pages, 3, self.size, self.size)
        for start in range(0, self.pages, CHUNK):
            pages = range(start, min(start + CHUNK, self.pages))
            images[pages.start : pages.stop] = draw_batch(
                [self.scenes[i] for i in pages], self.size, [self.image_seed(i) for i in pages]
            )
        return images

    def image_seed(self, page: int) -> int:
        """The seed with which this page's image is drawn."""
        return stream_seed(*self._key("image", page))

    def image(self, page: int, size: int = 128) -> Tensor:
        """The same page drawn in another size, for people to look at.   (3, size, size)"""
        from mmcourse.picturebook.image import draw

        seed = self.image_seed(page)
        return draw(self.scenes[page], size, seed)

    def voice(self, page: int) -> str:
        """The name of the voice that reads this page."""
        from mmcourse.picturebook.speech import voices

        return stream(*self._key("voice", page)).choice(voices(VOICES_OF.get(self.split, "train")))

    def sound(self, page: int) -> Tensor:
        """This page's sentence, read aloud; computed at each call, as all would take gigabytes.   (samples,), 16 kHz"""
        from mmcourse.picturebook.speech import speak

        seed = stream_seed(*self._key("sound", page))
        return speak(self.sentences[page], self.voice(page), seed)

    def _labels(self, attribute: str, names: tuple[str, ...]) -> Tensor:
        labels = torch.tensor([[names.index(getattr(t, attribute)) for t in scene.objects] for scene in self.scenes])
        return labels.squeeze(1) if self.objects == 1 else labels

    @cached_property
    def kinds(self) -> Tensor:
        """Indices into KINDS.   (N,) for one object, (N, 2) for two"""
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
        """Indices into RELATIONS, of the first object to the second.   (N,), two objects only"""
        if self.objects == 1:
            raise ValueError("pages with one object have no relation; make the book with objects=2")
        return torch.tensor([RELATIONS.index(scene.relation) for scene in self.scenes])

    @cached_property
    def times(self) -> Tensor:
        """Indices into TIMES.   (N,)"""
        return torch.tensor([TIMES.index(scene.time) for scene in self.scenes])
