"""Subwords: frequent words whole, rare ones in pieces, words and pieces aligned."""

import pytest

from mmcourse.data.subwords import SPECIAL, Subwords

TEXTS = [
    "the low lower lowest",
    "the new newer newest",
    "the wide wider widest",
    "low new wide the the The",
    "slow tower bell",
] * 3


@pytest.fixture(scope="module")
def subwords():
    return Subwords.of(TEXTS, size=60)


def test_special_tokens_come_first(subwords):
    assert [subwords.tokenizer.id_to_token(i) for i in range(5)] == list(SPECIAL)


def test_frequent_words_are_whole_and_rare_ones_in_pieces(subwords):
    assert subwords.split("the") == ["the"]
    pieces = subwords.split("widelow")
    assert len(pieces) > 1 and "".join(piece.removeprefix("##") for piece in pieces) == "widelow"
    assert all(piece.startswith("##") for piece in pieces[1:])


def test_decoding_gives_the_text_back(subwords):
    for text in ("the lowest", "wider newer", "slow tower", "The"):
        assert subwords.decode([2, *subwords.encode(text), 3, 0]) == text


def test_words_and_their_first_pieces(subwords):
    words = ["the", "newlow", "", "wide"]
    ids, first = subwords.encode_words(words)
    assert len(first) == 4 and first[0] == 0 and first == sorted(set(first))
    assert [subwords.tokenizer.id_to_token(ids[i]) for i in (first[0], first[2])] == ["the", "<unk>"]
    assert ids == [i for word in words for i in (subwords.encode(word) or [1])]


def test_only_unknown_characters_are_unknown(subwords):
    assert 1 in subwords.encode("日") and 1 not in subwords.encode("tehid")


def test_more_tokens_make_shorter_texts():
    small, large = Subwords.of(TEXTS, size=40), Subwords.of(TEXTS, size=80)
    assert len(small) <= 40 < len(large) and len(large.encode(TEXTS[0])) < len(small.encode(TEXTS[0]))


@pytest.mark.parametrize("texts", ["one text", [], ["", " "]])
def test_bad_texts_are_refused(texts):
    with pytest.raises(ValueError, match="texts"):
        Subwords.of(texts)


def test_tokens_of_another_vocabulary_are_refused(subwords):
    with pytest.raises(ValueError, match="outside the vocabulary"):
        subwords.decode([9_999])
