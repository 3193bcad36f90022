"""Visual question answering: an image of two objects, a written question, and a spoken word that names one of them.

    a red fish above a small blue boat; 'what colour is it'; "boat"   ->   blue

Each of the three is needed: the question selects an attribute, the word an object, the image shows both.
"""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from mmcourse.data.audio import collate
from mmcourse.data.batches import Batches
from mmcourse.data.spoken import CHUNK, SAMPLES
from mmcourse.data.text import pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, OPPOSITE, SIZES, Scene, stream
from mmcourse.picturebook.sentence import encode
from mmcourse.picturebook.speech import speak

POSITIONS = {"left of": "left", "right of": "right", "above": "above", "below": "below"}
ANSWERS = (*COLOURS, *SIZES, *POSITIONS.values())
# Phrasings of each question; the last of each is held out.
QUESTIONS = {
    "colour": ("what colour is it", "which colour is this thing", "what is the colour of it"),
    "size": ("what size is it", "is this thing big or small", "what is the size of it"),
    "position": ("where is it", "where on the page is this thing", "what is it on, left or right, above or below"),
}


class Questions:
    """Every question about both objects of each page of a book: six examples per page.

    `pages` (N,) are indices of images, `spoken` (N,) those of spoken words, two per page; `labels` (N,) index ANSWERS;
    `sentences` and `tokens` (N, T) are the questions, `question_types` their attributes. The order is (page, object,
    question): `labels.unflatten(0, (-1, 2, 3))`. Both objects of a page are combined with the same questions, so a
    model without sound is correct for at most one of the two where their answers differ. The book's split determines
    what is held out: combinations, voices, or phrasings of the questions.
    """

    def __init__(self, book: PictureBook):
        if book.objects != 2:
            raise ValueError("Questions got a book with one object per page; make the book with objects=2")
        self.book = book
        self.words = [item.kind for scene in book.scenes for item in scene.objects]
        self.question_types, self.sentences, labels = [], [], []
        for page, scene in enumerate(book.scenes):
            rng = stream("question", book.split, page, book.seed)
            said = [
                phrasings[-1] if book.split == "held_out_phrasings" else rng.choice(phrasings[:-1])
                for phrasings in QUESTIONS.values()
            ]
            for position in range(2):
                self.question_types.extend(QUESTIONS)
                self.sentences.extend(said)
                labels.extend(ANSWERS.index(answer) for answer in answers(scene, position))
        self.labels = torch.tensor(labels, dtype=torch.int64)
        self.pages = torch.arange(len(book)).repeat_interleave(2 * len(QUESTIONS))
        self.spoken = torch.arange(len(self.words)).repeat_interleave(len(QUESTIONS))

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def tokens(self) -> Tensor:
        """Every question as indices into VOCABULARY.   (N, T) int64, 0 is padding"""
        return pad([encode(sentence.replace(",", "")) for sentence in self.sentences])

    def sound(self, word: int) -> Tensor:
        """A word, spoken by its page's voice; computed anew at each call.   (samples,) float32, 16 kHz"""
        page = word // 2
        seed = stream("spoken answer", self.book.split, word, self.book.seed).randrange(2**31)
        return speak(self.words[word], self.book.voice(page), seed)

    def batches(self, samples: int = SAMPLES) -> Iterator[Tensor]:
        """All spoken words in order, 64 at a time, padded or cut to one length.   yields (64, samples)"""
        for start in range(0, len(self.words), CHUNK):
            yield collate([self.sound(i) for i in range(start, min(start + CHUNK, len(self.words)))], samples)


def answers(scene: Scene, position: int) -> tuple[str, str, str]:
    """The answers for one of a scene's two objects, in the order of QUESTIONS."""
    item = scene.objects[position]
    where = POSITIONS[scene.relation if position == 0 else OPPOSITE[scene.relation]]
    return item.colour, item.size, where


class QuestionBatches(Batches):
    """Batches of (positions, sounds, tokens), labels: features of pages and of spoken words, indexed by `questions`.

    positions (pages, ...) of each page, sounds (2 * pages, ...) of each spoken word; the rest as for Batches.
    """

    def __init__(self, questions: Questions, positions: Tensor, sounds: Tensor, **options):
        if len(positions) != len(questions.book) or len(sounds) != len(questions.words):
            raise ValueError(
                f"features of {len(positions)} pages and {len(sounds)} spoken words; expected {len(questions.book)} "
                f"and {len(questions.words)}. Likely cause: the features of another split"
            )
        super().__init__(questions.pages, questions.spoken, questions.tokens, questions.labels, **options)
        self.positions, self.words = positions.to(self.tensors[0].device), sounds.to(self.tensors[0].device)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        for pages, sounds, tokens, labels in super().__iter__():
            yield self.positions[pages], self.words[sounds], tokens, labels
