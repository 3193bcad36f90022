"""The word-order task: labels agree with what sentences mean, both answers as often, the bag of words tells nothing."""

import pytest
import torch

from mmcourse import PictureBook, parse
from mmcourse.tasks.relation import word_order


@pytest.mark.parametrize("split", ["train", "test", "held_out_phrasings", "held_out_pairs"])
def test_labels_are_what_the_sentences_say(split):
    book = PictureBook(split, 300, objects=2)
    tokens, labels, keep = word_order(book)
    assert tokens.dtype == labels.dtype == keep.dtype == torch.int64
    assert torch.equal(tokens, book.tokens[keep]) and len(labels) == len(keep) > 200
    assert labels.float().mean() == 0.5 and (keep.diff() > 0).all()
    for page, label in zip(keep.tolist(), labels.tolist(), strict=True):
        (first, *_), (second, *_) = parse(book.sentences[page]).objects  # left or upper thing first
        assert label == (first < second), book.sentences[page]


def test_the_same_words_stand_under_both_answers():
    """Turning the things round keeps every word of 'A above B' and changes the answer."""
    _, labels, keep = word_order(PictureBook("train", 6_000, objects=2, seed=0))
    book = PictureBook("train", 6_000, objects=2, seed=0)
    pairs = {}
    for page, label in zip(keep.tolist(), labels.tolist(), strict=True):
        words = book.sentences[page].split()
        bag = tuple(sorted(word for word in words if word not in ("a", "an", "the")))
        pairs.setdefault(tuple(sorted(set(bag) & {"above", "below", "left", "right"})), set()).add(label)
    assert all(answers == {0, 1} for answers in pairs.values()), "no relation word gives the answer away"


def test_refusals():
    with pytest.raises(ValueError, match="objects=2"):
        word_order(PictureBook("train", 20))
    with pytest.raises(ValueError, match="more pages"):
        word_order(PictureBook("train", 1, objects=2))
