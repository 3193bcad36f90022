"""Text to speech: shapes, padding, durations, voices, sentences, determinism, and messages."""

import pytest
import torch

from mmcourse.data.letters import letters
from mmcourse.models.text_to_speech import COMMA_GAP, WORD_GAP, TextToSpeech, speech_loss
from mmcourse.picturebook.speech import SPEAKING_VOICES
from mmcourse.training.device import seed_everything


@pytest.fixture(scope="module")
def model():
    seed_everything(0)
    return TextToSpeech(("ann", "bob", "cat"), n_mels=40, channels=4, width=16, voice_width=8).eval()


WORDS = letters(["umbrella", "a", "fish"])
VOICES = torch.tensor([0, 1, 2])
DURATIONS = torch.tensor([[2, 3, 2, 3, 2, 3, 2, 3], [9, 0, 0, 0, 0, 0, 0, 0], [3, 4, 3, 4, 0, 0, 0, 0]])


def test_shapes_and_masks(model):
    mels, log_durations, durations, mask = model(WORDS, VOICES, DURATIONS)
    assert mels.shape == (3, 40, 20) and log_durations.shape == (3, 8) and mask.shape == (3, 1, 20)
    assert torch.equal(durations, DURATIONS)
    assert mask.sum(dim=(1, 2)).tolist() == [20, 9, 14]
    assert (mels * (1 - mask) == 0).all()


def test_padding_changes_nothing(model):
    together = model(WORDS, VOICES, DURATIONS)[0]
    alone = model(WORDS[2:, :4], VOICES[2:], DURATIONS[2:, :4])[0]
    assert torch.allclose(together[2:, :, :14], alone, atol=1e-5)


def test_the_voice_and_the_letters_matter(model):
    mels = model(WORDS, VOICES, DURATIONS)[0]
    assert not torch.allclose(mels, model(WORDS, VOICES.flip(0), DURATIONS)[0], atol=1e-3)
    other = WORDS.clone()
    other[2, 0] = 4
    assert not torch.allclose(mels[2], model(other, VOICES, DURATIONS)[0][2], atol=1e-3)


def test_vectors_stand_for_voices(model):
    vectors = model.text_encoder.voices(VOICES)
    for by_name, by_vector in zip(model(WORDS, VOICES, DURATIONS), model(WORDS, vectors, DURATIONS), strict=True):
        assert torch.equal(by_name, by_vector)
    assert torch.equal(model.log_mels("a fish", "bob"), model.log_mels("a fish", model.text_encoder.voices.weight[1]))


def test_a_frozen_autoencoder_stays(model):
    trained = TextToSpeech(("ann",), n_mels=40, channels=4, width=16).freeze_autoencoder()
    speech_loss(trained(WORDS, VOICES * 0, DURATIONS), torch.randn(3, 40, 20)).backward()
    assert all(p.grad is None for p in trained.autoencoder.parameters())
    assert all(p.grad is not None for p in trained.text_encoder.parameters())


def test_the_loss_leaves_padding_out(model):
    outputs, target = model(WORDS, VOICES, DURATIONS), torch.randn(3, 40, 20)
    changed = target + 9 * (1 - outputs[3])
    assert torch.equal(speech_loss(outputs, target), speech_loss(outputs, changed))
    assert speech_loss(outputs, outputs[0]) < speech_loss(outputs, target)
    with pytest.raises(ValueError, match="do not add up"):
        speech_loss(outputs, target[..., :-1])


def test_a_sentence_is_its_words_with_gaps(model):
    durations = [int(model(letters([word]), torch.tensor([1]))[2].sum()) for word in ("red", "fish", "moon")]
    spoken = model.log_mels("Red fish, moon.", "bob")
    assert spoken.shape == (40, sum(durations) + 3 * WORD_GAP + COMMA_GAP)
    start = WORD_GAP
    assert torch.allclose(
        spoken[:, start : start + durations[0]], model(letters(["red"]), torch.tensor([1]))[0][0], atol=1e-5
    )


def test_boundaries_are_where_words_begin(model):
    spoken, seconds = model.log_mels("red fish, moon", "bob"), model.boundaries("red fish, moon", "bob")
    frames = [round(second * model.rate / model.log_mel.hop) for second in seconds]
    lengths = [int(model(letters([word]), torch.tensor([1]))[2].sum()) for word in ("red", "fish", "moon")]
    assert frames[0] == WORD_GAP and frames[1] == frames[0] + lengths[0] + WORD_GAP
    assert frames[2] == frames[1] + lengths[1] + COMMA_GAP
    assert frames[3] == frames[2] + lengths[2] == spoken.shape[1] - WORD_GAP


def test_the_seed_decides(model):
    sound = model.speak("a fish", "ann", rounds=2)
    assert sound.dim() == 1 and sound.isfinite().all() and sound.dtype == torch.float32
    assert torch.equal(sound, model.speak("a fish", 0, rounds=2))
    assert not torch.equal(sound, model.speak("a fish", "ann", seed=1, rounds=2))
    assert not model.training


def test_unknown_words_are_spelled(model):
    assert model.speak("zyzzyva", "ann", rounds=1).numel() > 0


@pytest.mark.parametrize(
    "sentence, voice, says",
    [
        ("", "ann", "contains no word"),
        (" ,. ", "ann", "contains no word"),
        ("3 fish", "ann", "spelled out"),
        ("<unk>", "ann", "a to z"),
        ("fish", "anne", "ann"),
        ("fish", 3, "0 to 2"),
        ("fish", -1, "0 to 2"),
    ],
)
def test_what_cannot_be_spoken_says_why(model, sentence, voice, says):
    with pytest.raises(ValueError, match=says):
        model.speak(sentence, voice)


def test_wrong_voices_and_none():
    with pytest.raises(ValueError, match="the name of each voice"):
        TextToSpeech(())
    small = TextToSpeech(("ann",), n_mels=40, channels=4, width=16)
    with pytest.raises(ValueError, match="another list of voices"):
        small(WORDS, VOICES, DURATIONS)
    with pytest.raises(ValueError, match="vectors"):
        small(WORDS, torch.randn(3, 5), DURATIONS)


def test_twelve_voices_fit_into_four_megabytes():
    parameters = sum(p.numel() for p in TextToSpeech(SPEAKING_VOICES).parameters())
    assert 4 * parameters < 4e6
