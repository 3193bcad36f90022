"""The matching task: labels agree with images and sentences, and neither alone determines them."""

from collections import Counter

import pytest
import torch

from mmcourse import PictureBook, parse
from mmcourse.picturebook.scene import HELD_OUT_PAIRS
from mmcourse.tasks.statement import true_or_false


@pytest.mark.parametrize("split", ["train", "test", "held_out_phrasings", "held_out_pairs"])
def test_a_statement_is_true_or_wrong_in_one_fact(split):
    book = PictureBook(split, 600)
    images, sentences, labels = true_or_false(book)
    assert images.dtype == sentences.dtype == labels.dtype == torch.int64
    wrong = Counter()
    for image, sentence, label in zip(images.tolist(), sentences.tolist(), labels.tolist(), strict=True):
        shown = book.scenes[image].objects[0]
        told = parse(book.sentences[sentence]).objects[0]
        differs = tuple(a != b for a, b in zip((shown.kind, shown.colour, shown.size), told, strict=True))
        assert sum(differs) == 1 - label, book.sentences[sentence]
        wrong[differs] += 1 - label
    assert all(wrong[tuple(i == fact for i in range(3))] > 100 for fact in range(3)), "each fact is wrong at times"


def test_every_image_and_every_sentence_is_true_once_and_false_once():
    """So a model of one modality has at most 50% accuracy."""
    book = PictureBook("train", 2_000, seed=0)
    images, sentences, labels = true_or_false(book)
    for pages in (images, sentences):
        counts = Counter(zip(pages.tolist(), labels.tolist(), strict=True))
        assert set(counts.values()) == {1} and len(counts) == 2 * len(set(pages.tolist()))
    assert len(labels) > 0.9 * 2 * len(book), "few pages are left out"


def test_a_false_statement_of_a_training_image_names_a_training_combination():
    """Otherwise a held-out combination would indicate a false statement."""
    book = PictureBook("train", 300, seed=0)
    told = {parse(book.sentences[i]).objects[0][:2] for i in true_or_false(book)[1].tolist()}
    assert not told & HELD_OUT_PAIRS


def test_the_same_book_gives_the_same_statements():
    one, other = (true_or_false(PictureBook("test", 200)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_refusals():
    with pytest.raises(ValueError, match="objects=1"):
        true_or_false(PictureBook("train", 20, objects=2))
    with pytest.raises(ValueError, match="more pages"):
        true_or_false(PictureBook("train", 1))
