"""Titles of pages with two objects, which name them in reading order: the pretraining text of lesson 05."""

from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.sentence import END, encode, facts_of


def titles(book: PictureBook) -> list[str]:
    """The kinds of each page's two objects, from left to right or from top to bottom: 'boat and fish'."""
    if book.objects != 2:
        raise ValueError("titles got a book with one object per page; make the book with objects=2")
    return [" and ".join(kind for kind, _, _ in facts_of(scene).objects) for scene in book.scenes]


def sentences_with_titles(book: PictureBook) -> list[list[int]]:
    """Each page's text as tokens: the sentence, <end>, the title."""
    pairs = zip(book.sentences, titles(book), strict=True)
    return [[*encode(sentence), END, *encode(title)] for sentence, title in pairs]
