"""Meanings as integers: equal for every phrasing and order, different for every change; pages of distinct meaning."""

import pytest
import torch

from mmcourse import PictureBook, describe, parse
from mmcourse.picturebook.scene import SEEN_PAIRS
from mmcourse.picturebook.sentence import Facts, decode, facts_of
from mmcourse.tasks.meaning import any_phrasing, every_object, meaning_of, meanings, of_distinct_meaning, phrasings


@pytest.mark.parametrize("objects", [1, 2])
def test_every_phrasing_of_a_page_has_the_same_meaning(objects):
    book = PictureBook("test", 40, objects=objects)
    for scene, number in zip(book.scenes, meanings(book).tolist(), strict=True):
        for seed in range(6):
            for side in ("seen", "held_out"):
                assert meaning_of(parse(describe(scene, seed, side))) == number


def test_numbers_differ_exactly_where_facts_do():
    book = PictureBook("train", 3_000, objects=2)
    facts = [(facts_of(s).objects, facts_of(s).relation) for s in book.scenes]
    numbers = meanings(book).tolist()
    assert len(set(facts)) == len(set(numbers)) == len(set(zip(facts, numbers, strict=True)))


def test_any_change_is_another_meaning():
    one, two = ("fish", "red", "big"), ("boat", "blue", "small")
    different = [
        Facts.of([one, two], "above"),
        Facts.of([two, one], "above"),
        Facts.of([one, two], "left of"),
        Facts.of([("fish", "blue", "big"), ("boat", "red", "small")], "above"),
        Facts.of([("fish", "red", "small"), two], "above"),
        Facts.of([one]),
        Facts.of([two]),
    ]
    assert len({meaning_of(facts) for facts in different}) == len(different)
    assert meaning_of(Facts.of([two, one], "below")) == meaning_of(different[0])
    assert meaning_of(Facts.of([one], time="night")) == meaning_of(different[5])


def test_pages_of_distinct_meaning():
    book = PictureBook("test", 400, objects=1)
    chosen = of_distinct_meaning(book, 100)
    assert len(set(meanings(book)[chosen].tolist())) == 100
    for position in chosen.tolist():
        assert meanings(book)[position] not in meanings(book)[:position]
    with pytest.raises(ValueError, match="expected 150: make a longer book"):
        of_distinct_meaning(book, 150)


def test_phrasings_are_true_and_vary_and_the_first_is_the_books():
    book = PictureBook("train", 60, objects=2)
    told = phrasings(book, 4)
    assert told.shape[:2] == (60, 4) and told.dtype == torch.int64
    torch.testing.assert_close(told[:, 0, : book.tokens.shape[1]], book.tokens)
    numbers = meanings(book).tolist()
    for row, number in zip(told, numbers, strict=True):
        assert {meaning_of(parse(decode(sentence))) for sentence in row} == {number}
    assert (told[:, 0] != told[:, 1]).any(dim=1).float().mean() > 0.8
    assert torch.equal(told, phrasings(PictureBook("train", 60, objects=2), 4))
    with pytest.raises(ValueError, match="times is 0"):
        phrasings(book, 0)


def test_held_out_phrasings_stay_held_out():
    told = phrasings(PictureBook("held_out_phrasings", 200), 2).flatten(0, 1)
    words = {word for row in told for word in decode(row).split()}
    assert {"tiny", "huge", "here"} <= words and "look" not in words


def test_every_object():
    assert len(every_object(SEEN_PAIRS)) == 2 * len(SEEN_PAIRS) == len(set(every_object(SEEN_PAIRS)))


def test_any_phrasing_picks_whole_sentences_of_the_same_page():
    told = phrasings(PictureBook("train", 30, objects=2), 3)
    torch.manual_seed(0)
    picks = set()
    for _ in range(8):
        chosen = any_phrasing(told)
        assert (chosen != 0).sum(dim=1).max() == chosen.shape[1]
        whole = torch.nn.functional.pad(chosen, (0, told.shape[2] - chosen.shape[1]))
        is_it = (told == whole[:, None]).all(dim=2)
        assert is_it.any(dim=1).all()
        picks |= set(is_it.float().argmax(dim=1).tolist())
    assert picks == {0, 1, 2}
    with pytest.raises(ValueError, match="expected \\(B, times, T\\)"):
        any_phrasing(told[:, 0])
