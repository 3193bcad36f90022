"""The asking task: a picture of two things, a written question, and a spoken word that says which thing is meant.

    a red fish above a small blue boat; 'what colour is it'; "boat"   ->   blue

Without the picture there is nothing to see, without the question nothing to tell, without the voice no one to tell of.
"""

from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor

from mmcourse.data.audio import collate
from mmcourse.data.spoken import CHUNK, SAMPLES
from mmcourse.data.text import pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, OPPOSITE, SIZES, stream
from mmcourse.picturebook.sentence import encode
from mmcourse.picturebook.speech import speak

PLACES = {"left of": "left", "right of": "right", "above": "above", "below": "below"}
ANSWERS = (*COLOURS, *SIZES, *PLACES.values())
# How each is asked for; the last wording of each is held out.
QUESTIONS = {
    "colour": ("what colour is it", "which colour is this thing", "what is the colour of it"),
    "size": ("what size is it", "is this thing big or small", "what is the size of it"),
    "place": ("where is it", "where on the page is this thing", "what is it on, left or right, above or below"),
}


class Questions:
    """One question about each page of a book with two things, and a spoken word that names the thing it is about.

    `labels` (N,) index ANSWERS; `sentences` and `tokens` (N, T) ask, `words` are spoken by the page's voice; `asked`
    names what is asked for. The book's split says what is held out: pairs, voices, or the wordings of the questions.
    """

    def __init__(self, book: PictureBook):
        if book.things != 2:
            raise ValueError("Questions got a book with one thing a page; make the book with things=2")
        self.book, self.asked, self.sentences, self.words, labels = book, [], [], [], []
        for page, scene in enumerate(book.scenes):
            rng = stream("question", book.split, page, book.seed)
            place, asked = rng.randrange(2), rng.choice(tuple(QUESTIONS))
            thing = scene.things[place]
            where = PLACES[scene.relation if place == 0 else OPPOSITE[scene.relation]]
            wordings = QUESTIONS[asked]
            self.asked.append(asked)
            self.sentences.append(wordings[-1] if book.split == "unseen_wordings" else rng.choice(wordings[:-1]))
            self.words.append(thing.kind)
            labels.append(ANSWERS.index({"colour": thing.colour, "size": thing.size, "place": where}[asked]))
        self.labels = torch.tensor(labels)

    def __len__(self) -> int:
        return len(self.book)

    @cached_property
    def tokens(self) -> Tensor:
        """Every question as indices into VOCABULARY.   (N, T) int64, 0 is padding"""
        return pad([encode(sentence.replace(",", "")) for sentence in self.sentences])

    def sound(self, page: int) -> Tensor:
        """The spoken word; made anew each time.   (samples,) float32, 16 kHz"""
        seed = stream("spoken answer", self.book.split, page, self.book.seed).randrange(2**31)
        return speak(self.words[page], self.book.voice(page), seed)

    def batches(self, samples: int = SAMPLES) -> Iterator[Tensor]:
        """The spoken words in order, 64 at a time, padded or cut to one length.   yields (64, samples)"""
        for start in range(0, len(self), CHUNK):
            yield collate([self.sound(i) for i in range(start, min(start + CHUNK, len(self)))], samples)
