"""Sequences of spoken digits: their words belong to their recordings, and each has one speaker."""

import pytest
import torch

from mmcourse.tasks.digit_sequences import NAMES, digit_sequences

# A recording is ten samples of 1 + its digit, and of a sign that tells its speaker.
DIGITS = [digit for digit in range(10) for _ in range(2)]
SPEAKERS = ["ann", "bob"] * 10
SOUNDS = [
    torch.full((10,), (1.0 + digit) * (1 if who == "ann" else -1)) for digit, who in zip(DIGITS, SPEAKERS, strict=True)
]


def test_words_are_those_of_the_recordings_and_speakers_take_turns():
    sounds, texts = digit_sequences(SOUNDS, DIGITS, SPEAKERS, 40)
    for number, (sound, text) in enumerate(zip(sounds, texts, strict=True)):
        parts = sound[sound != 0].unflatten(0, (-1, 10))[:, 0]
        assert text.split() == [NAMES[int(value.abs()) - 1] for value in parts]
        assert (parts > 0).all() if number % 2 == 0 else (parts < 0).all()
    assert {len(text.split()) for text in texts} == {3, 4, 5}


def test_the_same_seed_gives_the_same_sequences():
    first, again, other = (digit_sequences(SOUNDS, DIGITS, SPEAKERS, 5, seed) for seed in (1, 1, 2))
    assert first[1] == again[1] != other[1]
    assert all(torch.equal(a, b) for a, b in zip(first[0], again[0], strict=True))


@pytest.mark.parametrize("arguments", [([], [], []), (SOUNDS, DIGITS[:3], SPEAKERS)])
def test_lists_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError, match="as many of each"):
        digit_sequences(*arguments, 3)
