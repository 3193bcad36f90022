"""The book's words, spoken: every word by every voice, and no voice on two sides."""

import pytest
import torch

from mmcourse.data.audio import LogMel
from mmcourse.data.spoken import SAMPLES, SpokenWords, leave_one_out, spoken_words
from mmcourse.picturebook.sentence import WORDS
from mmcourse.picturebook.speech import voices
from mmcourse.training import shipped


def test_every_voice_says_every_word_in_every_take():
    speech = SpokenWords(voices("far")[:2], words=WORDS[:5], takes=3)
    spoken = {(speaker, word) for speaker, word in zip(speech.speakers.tolist(), speech.labels.tolist(), strict=True)}
    assert len(speech) == 30 and len(spoken) == 10
    assert speech.labels.bincount().tolist() == [6] * 5 and speech.speakers.bincount().tolist() == [15] * 2


def test_no_voice_stands_in_two_groups():
    groups = [set(spoken_words(group).voices) for group in ("train", "held_out", "far")]
    assert [len(group) for group in groups] == [46, 6, 4]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    kinds = [{voice.partition("+")[2] for voice in group} for group in groups[:2]]
    assert not kinds[0] & kinds[1], "a held-out variant with another accent is the same speaker"


def test_a_take_is_the_same_each_time_and_no_other():
    speech = spoken_words("held_out", takes=2)
    half = len(speech) // 2
    assert torch.equal(speech.sound(7), spoken_words("held_out", takes=2).sound(7))
    assert speech.labels[7] == speech.labels[7 + half] and not torch.equal(speech.sound(7), speech.sound(7 + half))


def test_the_runs_seed_moves_training_alone(monkeypatch):
    def first(group, **arguments):
        return spoken_words(group, **arguments).sound(0)

    train, held_out, fresh = first("train"), first("held_out"), first("train", seed=0)
    assert not torch.equal(train, fresh), "the fresh takes that a test hears are not those of any training"
    monkeypatch.setenv("MMCOURSE_SEED", "1")
    assert torch.equal(first("held_out"), held_out) and torch.equal(first("train", seed=0), fresh)
    assert not torch.equal(first("train"), train)


def test_log_mels_of_all_in_order():
    speech, log_mel = SpokenWords(voices("held_out")[:1]), LogMel()
    mels = speech.log_mels(log_mel)
    assert mels.shape == (len(WORDS), 40, SAMPLES // 160 + 1)
    sound = torch.zeros(SAMPLES)
    position = WORDS.index("umbrella")
    sound[: len(speech.sound(position))] = speech.sound(position)[:SAMPLES]
    assert torch.allclose(mels[position], log_mel(sound[None])[0], atol=1e-5)


def test_hardly_any_word_is_cut():
    speech = spoken_words("train")
    longest = sorted(len(speech.sound(i)) for i in range(0, len(speech), 5))
    assert longest[int(0.98 * len(longest))] <= SAMPLES


def test_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="0 takes"):
        SpokenWords(voices("far"), takes=0)
    with pytest.raises(ValueError, match="group is 'near'"):
        spoken_words("near")
    with pytest.raises(IndexError):
        SpokenWords(voices("far")[:1]).sound(len(WORDS))


def test_who_is_left_out_is_heard_in_no_training():
    speakers = ["theo", "ann", "theodor", "ann", "theo", "eve"]
    folds = list(leave_one_out(speakers))
    assert [person for person, _, _ in folds] == ["ann", "eve", "theo", "theodor"]
    for person, others, own in folds:
        assert {speakers[i] for i in own} == {person} and person not in {speakers[i] for i in others}
        assert sorted([*others.tolist(), *own.tolist()]) == list(range(6))
    with pytest.raises(ValueError, match="by ann; expected two"):
        next(leave_one_out(["ann", "ann"]))


def test_speech_is_understood_after_the_way_back():
    """Forty bands and Griffin-Lim keep the words: 0.97 were understood, before and after."""
    recogniser = shipped.load("sound_encoder").cpu()
    speech = SpokenWords(voices("train")[::12], words=WORDS[::3], seed=0)
    sounds, truth = torch.cat(list(speech.batches())), 3 * speech.labels
    with torch.no_grad():
        before = recogniser(sounds).argmax(dim=1) == truth
        torch.manual_seed(0)
        after = recogniser(recogniser.log_mel.inverse(recogniser.log_mel(sounds))).argmax(dim=1) == truth
    assert before.float().mean() > 0.94 and after.float().mean() > 0.92
