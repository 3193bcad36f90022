"""A fast run caps steps and examples, and leaves everything else as it is."""

import pytest
import torch

from mmcourse import PictureBook, examples, steps
from mmcourse.data.spoken import spoken_words
from mmcourse.settings import FAST_EXAMPLES, FAST_STEPS


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setenv("MMCOURSE_FAST", "1")


@pytest.mark.parametrize("n", [1, FAST_STEPS, 5_000])
def test_nothing_is_capped_in_a_full_run(n, monkeypatch):
    monkeypatch.delenv("MMCOURSE_FAST", raising=False)
    assert steps(n) == examples(n) == n


def test_a_fast_run_caps_steps_and_examples(fast):
    assert (steps(2), steps(5_000)) == (2, FAST_STEPS)
    assert (examples(200), examples(5_000)) == (200, FAST_EXAMPLES)


def test_a_book_of_a_fast_run_is_the_beginning_of_the_whole_book(monkeypatch):
    whole = PictureBook("train", pages=300, things=2, seed=1)
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    few = PictureBook("train", pages=300, things=2, seed=1)
    assert len(few) == FAST_EXAMPLES
    assert few.sentences == whole.sentences[:FAST_EXAMPLES]
    assert torch.equal(few.images[-3:], whole.images[FAST_EXAMPLES - 3 : FAST_EXAMPLES])


def test_all_voices_say_some_of_the_words_in_a_fast_run(monkeypatch):
    whole = spoken_words("train", takes=2)
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    few = spoken_words("train", takes=2)
    assert len(few) == FAST_EXAMPLES < len(whole)
    assert set(few.speakers.tolist()) == set(range(len(whole.voices)))
    last = len(whole) * (len(few) - 1) // len(few)
    assert (few.labels[-1], few.speakers[-1]) == (whole.labels[last], whole.speakers[last])
    assert torch.equal(few.sound(len(few) - 1), whole.sound(last))
