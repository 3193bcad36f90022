"""The alignment of a recognised sentence with the true one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.text import word_error_rate

from mmcourse.show.widgets.word_errors import align, compared

words = st.lists(st.sampled_from(("a", "red", "blue", "fish")), max_size=7)


@given(words, words)
def test_an_alignment_spells_both_sentences(reference, hypothesis):
    pairs = align(reference, hypothesis)
    assert [true for _, true, _ in pairs if true] == reference
    assert [said for _, _, said in pairs if said] == hypothesis
    for kind, true, said in pairs:
        expected = (
            ("correct" if true == said else "substitution") if true and said else ("deletion" if true else "insertion")
        )
        assert kind == expected


@given(words.filter(bool), words)
def test_the_word_error_rate_is_that_of_torchmetrics(reference, hypothesis):
    reference, hypothesis = " ".join(reference), " ".join(hypothesis)
    expected = float(word_error_rate([hypothesis], [reference]))
    assert compared(reference, hypothesis)["rate"] == pytest.approx(expected)


def test_edits_are_named_in_the_order_of_the_words():
    told = compared("a small red fish", "small red big dish")
    assert [kind for kind, _, _ in told["words"]] == ["deletion", "correct", "correct", "insertion", "substitution"]
    assert told["summary"] == "Word error rate 75%: 1 substitution + 1 deletion + 1 insertion in 4 words."
    assert compared("a fish", "a fish")["summary"] == "Word error rate 0%: all 2 words are correct."
