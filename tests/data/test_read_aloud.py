"""Sentences read aloud by concatenated spectra: close to `speak`, a random voice each time, padding and mistakes."""

import pytest
import torch

from mmcourse.data.audio import LogMel
from mmcourse.data.read_aloud import ReadAloud, ReadingBatches
from mmcourse.data.text import pad
from mmcourse.picturebook.sentence import encode
from mmcourse.picturebook.speech import speak, voices

WORDS = ("a", "big", "fish", "is", "little", "moon", "red", "there")
SENTENCES = ("there is a big red fish", "a little moon", "moon")


@pytest.fixture(scope="module")
def log_mel():
    spoken = [speak(sentence, voice) for sentence in SENTENCES for voice in voices("train")[:6]]
    return LogMel(hop=0.02).fit(spoken)


@pytest.fixture(scope="module")
def read(log_mel):
    return ReadAloud(log_mel, WORDS, voices("train")[:6])


@pytest.fixture
def tokens():
    return pad([encode(sentence) for sentence in SENTENCES])


def test_a_sentence_sounds_like_its_spoken_one_and_not_like_another(log_mel):
    voice = voices("train")[3]
    read = ReadAloud(log_mel, WORDS, [voice])
    spoken = {
        word: torch.stack([average(log_mel(speak(word, voice, seed=i)[None])[0]) for i in range(8)]).mean(dim=0)
        for word in WORDS
    }
    torch.manual_seed(0)
    right = 0
    for word in WORDS:
        mels = read(pad([encode(word)] * 8))
        joined = torch.stack([average(mel) for mel in mels]).mean(dim=0)
        right += min(spoken, key=lambda other: (spoken[other] - joined).square().mean()) == word
    assert right >= len(WORDS) - 1


def average(mel):
    """The mean spectrum over the loud half of the real frames.   (n_mels, F) -> (n_mels,)"""
    mel = mel[:, (mel != 0).any(dim=0)]
    loud = mel.mean(dim=0)
    return mel[:, loud >= loud.median()].mean(dim=1)


def test_lengths_levels_and_variation_are_those_of_speech(log_mel, read, tokens):
    torch.manual_seed(0)
    mels = read(tokens[:1].expand(200, -1))
    spoken = [log_mel(speak(SENTENCES[0], voices("train")[i % 6], seed=i)[None])[0] for i in range(60)]
    frames = (mels != 0).any(dim=1).sum(dim=1).float()
    expected = torch.tensor([float(mel.shape[1]) for mel in spoken])
    assert abs(frames.mean() / expected.mean() - 1) < 0.08 and 0.5 < frames.std() / expected.std() < 2
    sounding, said = mels.transpose(1, 2)[(mels != 0).any(dim=1)], torch.cat(spoken, dim=1)
    assert abs(sounding.mean() - said.mean()) < 0.2 and 0.85 < sounding.std() / said.std() < 1.2


def test_voices_change_the_stream_is_torchs_and_padding_is_zero(read, tokens):
    torch.manual_seed(0)
    first, second = read(tokens), read(tokens)
    torch.manual_seed(0)
    assert torch.equal(read(tokens), first) and not torch.equal(first[:, :, :20], second[:, :, :20])
    frames = (first != 0).any(dim=1)
    assert first.shape[2] % 64 == 0 and 0 <= first.shape[2] - frames[0].sum() < 64
    assert frames[0].sum() > frames[1].sum() > frames[2].sum()
    for row, real in zip(first, frames, strict=True):
        assert real[: real.sum()].all() and not row[:, real.sum() :].any()


def test_mistakes_are_named(log_mel, read, tokens):
    blue = pad([encode("a blue fish")])
    for wrong, told in (
        (tokens[0], "expected \\(B, T\\)"),
        (tokens.float(), "expected integers"),
        (tokens * 0, "row 0 is only padding"),
        (tokens + 500, "tokens run from"),
        (blue, "'blue' is not among the 8"),
    ):
        with pytest.raises(ValueError, match=told):
            read(wrong)
    with pytest.raises(ValueError, match="words is empty"):
        ReadAloud(log_mel, [])
    with pytest.raises(ValueError, match="zebra: not in the book's vocabulary"):
        ReadAloud(log_mel, ["fish", "zebra"])
    with pytest.raises(ValueError, match="hop is 163 samples; expected a multiple of 4"):
        ReadAloud(LogMel(hop=0.0102), WORDS)


def test_the_bands_are_those_of_the_log_mel():
    voice = voices("train")[2]
    log_mel = LogMel(hop=0.02, low=200, high=4000).fit([speak(sentence, voice) for sentence in SENTENCES])
    before = log_mel.mean.clone()
    read = ReadAloud(log_mel, WORDS, [voice])
    torch.manual_seed(0)
    spoken = torch.cat([log_mel(speak(SENTENCES[0], voice, seed=i)[None])[0] for i in range(8)], dim=1)
    mels = read(pad([encode(SENTENCES[0])] * 8))
    joined = mels.transpose(1, 2)[(mels != 0).any(dim=1)]
    assert abs(joined.mean() - spoken.mean()) < 0.25
    assert (joined.mean(dim=0) - spoken.mean(dim=1)).abs().mean() < 0.3
    assert torch.equal(log_mel.mean, before)


def test_batches_contain_the_readings_their_tokens_and_labels(read, tokens):
    many, labels = tokens.repeat(20, 1), torch.arange(60)
    batches = ReadingBatches(read, many, labels, size=8, seed=0)
    seen = []
    for mels, words, positions in batches:
        assert len(mels) == len(words) == len(positions) and mels.dim() == 3
        assert torch.equal(words, many[positions][:, : words.shape[1]]) and (words != 0).any(dim=0).all()
        seen += positions.tolist()
    assert sorted(seen) == labels.tolist()


def test_the_noise_has_the_level_that_was_asked_for(log_mel, tokens):
    """In the quietest frames: before the first word only the noise sounds."""
    floors = {}
    for level in (20, 40):
        read = ReadAloud(log_mel, WORDS, voices("train")[:6], signal_to_noise=(level, level))
        torch.manual_seed(0)
        raw = read(tokens[:1].expand(100, -1))[:, :, 0] * log_mel.std[:, 0] + log_mel.mean[:, 0]  # ln of power
        floors[level] = raw.exp().mean().log10().item() * 10
    assert floors[20] - floors[40] == pytest.approx(20, abs=0.5)


def test_a_range_of_noise_from_high_to_low_is_refused(log_mel):
    with pytest.raises(ValueError, match=r"signal_to_noise.*40, 15.*lower end first"):
        ReadAloud(log_mel, WORDS, voices("train")[:1], signal_to_noise=(40, 15))
