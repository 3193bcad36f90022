"""Pages whose words differ in frequency, for speech and text that are not paired."""

from collections import Counter

import pytest

from mmcourse import PictureBook
from mmcourse.picturebook.scene import HELD_OUT_PAIRS, KINDS
from mmcourse.picturebook.sentence import split_words
from mmcourse.tasks.unpaired import EXCHANGEABLE, FREQUENCY, tokens, uneven, vocabulary


@pytest.fixture(scope="module")
def counts():
    book = PictureBook("train", pages=12_000, seed=5)
    kept = uneven(book)
    return Counter(word for page in kept for word in split_words(book.sentences[page])), len(kept)


def test_the_first_words_of_a_group_are_the_most_frequent(counts):
    count, kept = counts
    assert 150 < kept < 1_200
    for group in EXCHANGEABLE:
        half = len(group) // 2
        assert sum(count[word] for word in group[:half]) > 1.3 * sum(count[word] for word in group[half:])
    assert count[KINDS[0]] > 4 * count[KINDS[-1]]


def test_the_same_book_keeps_the_same_pages():
    assert uneven(PictureBook("test", pages=500)) == uneven(PictureBook("test", pages=500))
    assert uneven(PictureBook("test", pages=200)) == [p for p in uneven(PictureBook("test", pages=500)) if p < 200]


def test_no_held_out_combination_appears():
    book = PictureBook("train", pages=3_000)
    for page in uneven(book):
        item = book.scenes[page].objects[0]
        assert (item.kind, item.colour) not in HELD_OUT_PAIRS


def test_a_word_of_no_group_has_no_influence():
    assert not {"a", "the", "look", "night"} & FREQUENCY.keys()


def test_tokens_are_positions_in_the_vocabulary():
    words = vocabulary(["a red fish", "a blue fish"])
    assert words == ("a", "blue", "fish", "red")
    assert tokens("a red fish", words).tolist() == [0, 3, 2]
