"""Sentences: telling and understanding are each other's inverse, and wordings are split without leaks."""

import random

import pytest

from mmcourse.picturebook.scene import imagine
from mmcourse.picturebook.sentence import (
    END,
    HELD_OUT_SIZE_WORDS,
    HELD_OUT_TEMPLATES,
    PAD,
    SEEN_TEMPLATES,
    START,
    TIME_WORDS,
    UNKNOWN,
    VOCABULARY,
    WORDS,
    Facts,
    decode,
    describe,
    encode,
    facts_of,
    parse,
)


@pytest.mark.parametrize("objects", [1, 2])
@pytest.mark.parametrize("phrasings", ["seen", "held_out"])
def test_understand_is_the_inverse_of_tell(objects, phrasings):
    for page in range(1500):
        scene = imagine("train", page, objects)
        sentence = describe(scene, page, phrasings)
        facts = parse(sentence)
        assert facts is not None and facts.same_meaning(facts_of(scene)), sentence
        assert (facts.time is not None) == any(words in sentence for words in TIME_WORDS.values())
        assert parse(decode(encode(sentence))) == facts, "the same from its tokens, commas lost"


def test_meaning_does_not_depend_on_who_comes_first():
    first = parse("a small red fish above a big yellow moon")
    assert first == parse("the big yellow moon is under the little red fish")
    assert first != parse("a big yellow moon above a small red fish")
    assert first.same_meaning(Facts(first.objects, "above", "night"))
    assert not Facts(first.objects, "above", "day").same_meaning(Facts(first.objects, "above", "night"))
    assert not first.same_meaning(None)


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "fish",
        "a red fish",
        "a small red",
        "a small red fish above",
        "small a red fish",
        "a small red fish a big blue cat",
        "a small red fish above a big dragon",
        "at night a small red fish at night",
        "a small red fish fish",
        "a small red fish above a big yellow moon above a small blue cat",
        "<mask> small red fish",
    ],
)
def test_what_is_not_of_the_grammar_is_not_understood(sentence):
    assert parse(sentence) is None


def test_wordings_are_split_without_leaks():
    """No held-out template or size word is ever told as seen; each held-out sentence has a held-out template."""
    seen = {n: {describe(imagine("train", p, n), p, "seen") for p in range(3000)} for n in (1, 2)}
    held_out = {n: {describe(imagine("train", p, n), p, "held_out") for p in range(3000)} for n in (1, 2)}
    for n in (1, 2):
        assert not seen[n] & held_out[n]
        assert not any(word in s.split() for s in seen[n] for word in HELD_OUT_SIZE_WORDS)
        assert any(word in s.split() for s in held_out[n] for word in HELD_OUT_SIZE_WORDS)
        assert not set(SEEN_TEMPLATES[n]) & set(HELD_OUT_TEMPLATES[n])


def test_words_of_unseen_wordings_are_in_the_vocabulary():
    for n in (1, 2):
        for phrasings in ("seen", "held_out"):
            for page in range(1000):
                assert UNKNOWN not in encode(describe(imagine("train", page, n), page, phrasings))


def test_vocabulary_is_frozen():
    """Shipped models and voices rest on the order of the words: a change here makes them all wrong."""
    assert VOCABULARY[:6] == ("<pad>", "<unk>", "<start>", "<end>", "<mask>", "a")
    assert (len(VOCABULARY), VOCABULARY[-1], VOCABULARY[60]) == (116, "zero", WORDS[55])
    assert len(set(VOCABULARY)) == len(VOCABULARY)
    assert {"zero", "nine", "yes", "no", "tiny", "beneath", "umbrella", "once"} <= set(WORDS)


def test_articles():
    told = [describe(imagine("held_out_pairs", p, 1), p, "held_out") for p in range(800)]
    assert any(s.startswith("an umbrella that is") for s in told)
    assert not any(" a apple" in f" {s}" or " a umbrella" in f" {s}" for s in told)


def test_encode_and_decode():
    assert decode([START, *encode("a small red fish"), END, 77, PAD]) == "a small red fish"
    assert encode("A small, RED fish.") == encode("a small red fish")
    assert encode("a dragon")[1] == UNKNOWN
    assert encode("") == []
    with pytest.raises(ValueError, match="token 500 is outside the vocabulary of 116"):
        decode([500])


def test_same_stream_same_sentence():
    scene = imagine("train", 0, 2)
    assert describe(scene, random.Random(5)) == describe(scene, 5)
    assert len({describe(scene, seed) for seed in range(40)}) > 15
    with pytest.raises(ValueError, match="expected 'seen' or 'held_out'"):
        describe(scene, phrasings="all")
