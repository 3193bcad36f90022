"""Titles name two kinds from left to right, or from top to bottom."""

import pytest

from mmcourse import PictureBook
from mmcourse.picturebook.sentence import END, VOCABULARY, parse
from mmcourse.tasks.relation import word_order
from mmcourse.tasks.titles import sentences_with_titles, titles


@pytest.fixture(scope="module")
def book():
    return PictureBook("train", pages=200, objects=2)


def test_titles_agree_with_the_sentences(book):
    for sentence, title in zip(book.sentences, titles(book), strict=True):
        assert title == " and ".join(kind for kind, _, _ in parse(sentence).objects)


def test_a_title_in_alphabetical_order_is_the_label_of_the_word_order_task(book):
    _, labels, pages = word_order(book)
    names = titles(book)
    for label, page in zip(labels.tolist(), pages.tolist(), strict=True):
        first, second = names[page].split(" and ")
        assert (first < second) == bool(label) or first == second


def test_a_text_is_sentence_end_title(book):
    for tokens, sentence, title in zip(sentences_with_titles(book), book.sentences, titles(book), strict=True):
        cut = tokens.index(END)
        assert " ".join(VOCABULARY[t] for t in tokens[cut + 1 :]) == title
        assert " ".join(VOCABULARY[t] for t in tokens[:cut]) == sentence.replace(",", "")


def test_one_object_has_no_title():
    with pytest.raises(ValueError, match="objects=2"):
        titles(PictureBook("train", pages=2))
