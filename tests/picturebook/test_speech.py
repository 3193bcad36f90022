"""The voices are all there, apart from each other and well formed; a sentence is their clips, varied by its seed."""

import json
import random
import shutil

import pytest
import torch

from mmcourse.picturebook import speech
from mmcourse.picturebook.sentence import WORDS, split_words

SENTENCE = "there is a small fish, red"


@pytest.fixture
def broken_bank(tmp_path, monkeypatch):
    """A folder with a copy of the shipped bank, which `speech` reads afresh."""
    for name in ("voices.json", "voices.ogg"):
        shutil.copy(speech.asset(name), tmp_path / name)
    caches = (speech._index, speech._positions, speech._bank)
    for cached in caches:
        monkeypatch.setattr(speech, cached.__name__, speech.cache(cached.__wrapped__))
    monkeypatch.setattr("mmcourse.assets.shipped_folder", lambda: tmp_path)
    return tmp_path


def rows():
    return speech._index()["voices"]


def test_enough_voices_in_every_group():
    assert len(speech.voices("train")) >= 42
    assert len(speech.voices("held_out")) == 6
    assert len(speech.voices("far")) == 4


def test_the_speaking_voices_are_every_fourth_training_voice_and_have_all_accents():
    everyone = sorted(speech.voices("train"))
    assert tuple(everyone[::4]) == speech.SPEAKING_VOICES
    assert {name.split("+")[0] for name in speech.SPEAKING_VOICES} == {name.split("+")[0] for name in everyone}


def test_groups_share_no_speaker():
    names = [row["name"] for row in rows()]
    assert len(set(names)) == len(names)

    def families(group):
        return {row["variant"].lower().rstrip("0123456789") for row in rows() if row["group"] == group}

    assert not families("train") & families("held_out")
    assert {row["engine"] for row in rows() if row["group"] != "far"} == {"espeak-ng"}
    assert {row["engine"] for row in rows() if row["group"] == "far"} == {"flite"}


def test_no_two_voices_sound_the_same():
    lengths = [tuple(row["lengths"]) for row in rows()]
    assert len(set(lengths)) == len(lengths)


def test_every_word_in_every_voice_has_a_sensible_duration():
    for row in rows():
        seconds = torch.tensor(row["lengths"]) / speech.SAMPLE_RATE
        assert len(seconds) == len(WORDS)
        assert seconds.min() > 0.04 and seconds.max() < 1.2, row["name"]
        assert 0.2 < seconds.mean() < 0.6, row["name"]


def test_clips_are_neither_silent_nor_clipped():
    rng = random.Random(0)
    for row in rows():
        for word in rng.sample(WORDS, 12):
            sound = speech.clip(word, row["name"])
            assert sound.dtype == torch.float32 and sound.ndim == 1
            assert 0.04 < sound.square().mean().sqrt() < 0.12, (word, row["name"])
            assert sound.abs().max() < 0.9, (word, row["name"])


def test_clips_stand_where_the_index_says():
    """The word fills its clip: both ends are quiet and the middle is not, for the last voice as for the first."""
    for voice in (speech.voices("train")[0], speech.voices("far")[-1]):
        for word in WORDS:
            sound = speech.clip(word, voice)
            assert sound[:32].abs().max() < 0.05 and sound[-32:].abs().max() < 0.05, (word, voice)
            assert sound[len(sound) // 10 : -len(sound) // 10].abs().max() > 0.08, (word, voice)


def test_the_article_is_not_the_letter_and_to_is_not_two():
    index = speech._index()
    assert index["phonemes"]["espeak-ng"].keys() == {"a", "to"}
    for voice in speech.voices("train")[:3]:
        assert not torch.equal(speech.clip("to", voice), speech.clip("two", voice))


def test_same_arguments_give_the_same_sound_and_others_do_not():
    voice, other = speech.voices("train")[:2]
    sound = speech.speak(SENTENCE, voice, seed=3)
    assert torch.equal(sound, speech.speak(SENTENCE, voice, seed=3))
    assert sound.dtype == torch.float32 and sound.ndim == 1 and sound.is_contiguous()
    assert sound.isfinite().all() and 0.05 < sound.abs().max() <= 1
    for different in (speech.speak(SENTENCE, voice, seed=4), speech.speak(SENTENCE, other, seed=3)):
        assert different.shape != sound.shape or not torch.equal(different, sound)


def test_the_times_are_those_of_the_words():
    voice = speech.voices("train")[0]
    sound, times = speech.speak_with_times(SENTENCE, voice, seed=3)
    assert torch.equal(sound, speech.speak(SENTENCE, voice, seed=3))
    assert times.shape == (len(split_words(SENTENCE)), 2)
    assert (times[:, 0] < times[:, 1]).all() and (times[1:] > times[:-1]).all()
    assert times.min() >= 0 and times.max() <= len(sound)
    inside = torch.zeros(len(sound), dtype=torch.bool)
    for start, end in times.tolist():
        inside[start:end] = True
    assert sound[inside].square().mean() > 10 * sound[~inside].square().mean()


def test_speaking_leaves_the_bank_as_it_was():
    voice = speech.voices("train")[0]
    before = speech.clip("fish", voice)
    speech.speak("fish fish", voice, seed=1)
    assert torch.equal(speech.clip("fish", voice), before)


def test_plain_speech_is_the_clips_in_a_row():
    voice = speech.voices("held_out")[0]
    clips = [speech.clip(word, voice) for word in ("a", "red", "fish")]
    assert torch.equal(speech.speak("a red fish", voice, varied=False), torch.cat(clips))
    assert torch.equal(
        speech.speak("A red, fish.", voice, varied=False), torch.cat([*clips[:2], torch.zeros(3200), clips[2]])
    )


def test_more_words_take_longer():
    voice, sentence = speech.voices("train")[5], "i see a big yellow moon and it is above a small blue boat"
    words = sentence.split()
    for varied in (True, False):
        lengths = [len(speech.speak(" ".join(words[:count]), voice, varied=varied)) for count in range(1, 14, 3)]
        assert lengths == sorted(set(lengths))


def test_a_comma_is_a_pause():
    voice = speech.voices("train")[0]
    with_comma, without = (
        torch.tensor([float(len(speech.speak(text, voice, seed))) for seed in range(20)]).mean()
        for text in ("a fish, red", "a fish red")
    )
    assert 0.1 < (with_comma - without) / speech.SAMPLE_RATE < 0.4


def test_noise_varies_from_sentence_to_sentence():
    voice = speech.voices("train")[0]
    hiss = torch.stack([speech.speak("fish", voice, seed)[:400].square().mean().sqrt() for seed in range(30)])
    assert hiss.max() > 4 * hiss.min() > 0


def test_everything_in_the_grammar_can_be_spoken():
    from mmcourse.picturebook.scene import imagine
    from mmcourse.picturebook.sentence import describe

    for page in range(60):
        phrasings = ("seen", "held_out")[page % 2]
        sentence = describe(imagine("test", page, objects=1 + page // 2 % 2), page, phrasings)
        assert len(speech.speak(sentence, speech.voices("far")[page % 4], page)) > 8_000


@pytest.mark.parametrize(
    "sentence, voice, message",
    [
        ("a reed fish", None, "near to it: .*red.*fixed: the 111 words"),
        ("a 3", None, "no voice can say '3'"),
        ("<mask> fish", None, "<mask>"),
        ("", None, "no word"),
        (" , .", None, "no word"),
        ("a fish", "en-us+alicia", "near to it: en-us.Alicia"),
        ("a fish", 7, "no voice is called 7"),
    ],
)
@pytest.mark.parametrize("varied", [True, False])
def test_errors_say_what_is_known(sentence, voice, message, varied):
    with pytest.raises(ValueError, match=message):
        speech.speak(sentence, voice or speech.voices("train")[0], varied=varied)


def test_unknown_group():
    with pytest.raises(ValueError, match="train, held_out, far"):
        speech.voices("held_out_voices")


@pytest.mark.parametrize("name", ["voices.ogg", "voices.json"])
def test_a_missing_bank_names_the_command_that_mends_it(broken_bank, name):
    (broken_bank / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing.*To repair it"):
        speech.speak("a fish", "en-us+Alicia")


@pytest.mark.parametrize(
    "name, keep", [("voices.ogg", 0.0), ("voices.ogg", 0.5), ("voices.ogg", 0.999), ("voices.json", 0.5)]
)
def test_a_bank_cut_short_is_named(broken_bank, name, keep):
    data = (broken_bank / name).read_bytes()
    (broken_bank / name).write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(ValueError, match=f"{name} is damaged.*mmcourse doctor"):
        speech.speak("a fish", "en-us+Alicia")


def test_a_bank_of_other_words_is_refused(broken_bank):
    index = json.loads((broken_bank / "voices.json").read_text(encoding="utf-8"))
    index["words"][0] = "other"
    (broken_bank / "voices.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ValueError, match="words are not those"):
        speech.voices("train")


def test_the_level_of_the_noise_changes_and_the_reading_stays():
    voice = speech.voices("train")[0]
    quiet, loud, louder = (speech.speak(SENTENCE, voice, 3, signal_to_noise=level) for level in (60, 20, 0))
    assert len(quiet) == len(loud) == len(louder) == len(speech.speak(SENTENCE, voice, 3))
    ratio = (louder - quiet).square().mean() / (loud - quiet).square().mean()
    assert 10 * ratio.log10() == pytest.approx(20, abs=0.5), "the same noise, 20 decibels louder"
    with pytest.raises(ValueError, match="varied is False"):
        speech.speak(SENTENCE, voice, varied=False, signal_to_noise=10)
