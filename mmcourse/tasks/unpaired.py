"""Speech and text that were never paired: sentences of one book read aloud, sentences of another as text.

The Picture Book draws all kinds, colours and size words equally often. Exchanging two of them in every sentence then
changes no statistics of the text, so no method could determine which sound is which word. Real language has
no such symmetry. `uneven` keeps pages so that exchangeable words differ in frequency, as by Zipf's law.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, KINDS
from mmcourse.picturebook.sentence import split_words
from mmcourse.picturebook.streams import stream

EXCHANGEABLE = (KINDS, COLOURS, ("small", "big", "large", "little"), ("there", "this"), ("evening", "morning"))
FREQUENCY = {word: 1 / rank for group in EXCHANGEABLE for rank, word in enumerate(group, start=1)}


def uneven(book: PictureBook) -> list[int]:
    """Pages kept at random, each with the product of its words' relative frequencies as its probability.

    In each group of EXCHANGEABLE words the n-th is kept 1 / n times as often as the first (Zipf). The same book keeps
    the same pages. About one page in thirty of a book with one object is kept.
    """
    kept = []
    for page, sentence in enumerate(book.sentences):
        probability = 1.0
        for word in split_words(sentence):
            probability *= FREQUENCY.get(word, 1.0)
        if stream("uneven", book.split, page, book.objects, book.seed).random() < probability:
            kept.append(page)
    return kept


def vocabulary(sentences: Sequence[str]) -> tuple[str, ...]:
    """The words of some sentences, sorted; a word's token here is its position."""
    return tuple(sorted({word for sentence in sentences for word in split_words(sentence)}))


def tokens(sentence: str, words: Sequence[str]) -> Tensor:
    """Positions in `words` of the words of a sentence.   -> (T,) int64"""
    return torch.tensor([words.index(word) for word in split_words(sentence)])
