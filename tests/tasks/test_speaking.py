"""Clips: log-mels and durations of each, batches of similar length, and messages."""

import pytest
import torch

from mmcourse.data.audio import LogMel
from mmcourse.picturebook.speech import SPEAKING_VOICES, clip
from mmcourse.tasks.speaking import Clips, even_durations

LOG_MEL = LogMel(16_000, 80, window=0.064, hop=0.016)
WORDS = ("umbrella", "a", "fish", "purple", "moon")
SOUNDS = [clip(word, SPEAKING_VOICES[0]) for word in WORDS]
CLIPS = Clips(WORDS, [0, 1, 2, 0, 1], SOUNDS, LOG_MEL)


def test_a_clip_is_its_log_mel():
    for i, sound in enumerate(SOUNDS):
        own = LOG_MEL(sound[None])[0]
        assert CLIPS.frames[i] == own.shape[1]
        assert torch.allclose(CLIPS.mels[i, :, : own.shape[1]], own, atol=1e-4)
    assert torch.equal(CLIPS.durations.sum(dim=1), CLIPS.frames)
    assert torch.equal(CLIPS.durations > 0, CLIPS.letters != 0)


def test_durations_are_even_and_whole():
    assert even_durations(torch.tensor([7, 4]), torch.tensor([3, 2])).tolist() == [[2, 2, 3], [2, 2, 0]]
    frames, lengths = torch.randint(9, 50, (20,)), torch.randint(1, 9, (20,))
    durations = even_durations(frames, lengths)
    assert torch.equal(durations.sum(dim=1), frames)
    for row, length in zip(durations, lengths, strict=True):
        assert row[:length].max() - row[:length].min() <= 1


def test_batches_hold_every_clip_once_cut_to_the_longest():
    batches = CLIPS.batches(size=2)
    seen = []
    for letters, voices, durations, mels in batches:
        assert mels.shape[2] == durations.sum(dim=1).max()
        assert letters.shape == durations.shape and len(voices) == len(mels)
        seen += durations.sum(dim=1).tolist()
    assert sorted(seen) == sorted(CLIPS.frames.tolist())
    assert len(batches) == 2, "a single one joins the batch before it"


def test_chosen_clips_and_stretches():
    assert CLIPS.batches(torch.tensor([True, False, True, False, False])).examples == 2
    stretches = CLIPS.stretches(16)
    assert stretches.shape == (int(CLIPS.frames.sum()) // 16, 80, 16)
    assert torch.equal(stretches[0], CLIPS.mels[0, :, :16])


def test_what_does_not_fit_says_why():
    with pytest.raises(ValueError, match="one of each"):
        Clips(WORDS, [0], SOUNDS, LOG_MEL)
    with pytest.raises(ValueError, match="3 frames for 4 letters"):
        even_durations(torch.tensor([3]), torch.tensor([4]))
