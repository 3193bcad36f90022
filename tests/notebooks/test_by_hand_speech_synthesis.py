"""What lesson 15 defines by hand computes what the package does."""

import ast
import difflib
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data import audio, griffin_lim, letters
from mmcourse.models import durations, speech_autoencoder, text_to_speech
from mmcourse.picturebook import speech

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "15_text_to_speech.py"
BY_HAND = {"expand", "griffin_lim_step", "FrameBlock", "frame_network", "TextEncoder", "duration_loss", "speech_loss"}
BY_HAND |= {"recognised_words", "spectrum_from_mels", "buggy_resynthesis", "resynthesise"}


@pytest.fixture(scope="module")
def lesson():
    """The functions and classes that the lesson defines by hand, answers included."""
    names = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor, "difflib": difflib, "audio": audio}
    names |= {"griffin_lim": griffin_lim, "letters": letters, "durations": durations, "text_to_speech": text_to_speech}
    found = [
        node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if getattr(node, "name", "") in BY_HAND
    ]
    assert {node.name for node in found} == BY_HAND
    exec(compile(ast.Module(found, []), str(SOURCE), "exec"), names)
    return names


def test_functions_are_the_packages(lesson):
    states, times = torch.randn(4, 3), torch.tensor([2, 0, 3, 1])
    assert torch.equal(lesson["expand"](states, times), durations.expand(states, times))
    logs, frames, mask = torch.randn(2, 3), torch.tensor([[1, 2, 3], [4, 0, 0]]), torch.tensor([[1, 1, 1], [1, 0, 0]])
    assert torch.allclose(
        lesson["duration_loss"](logs, frames, mask.bool()), durations.duration_loss(logs, frames, mask.bool())
    )
    powers, filters = torch.rand(5, 7), torch.rand(12, 5)
    assert torch.allclose(
        lesson["spectrum_from_mels"](powers, filters),
        griffin_lim.spectrum_from_mels(powers, filters, updates=0),
        atol=1e-5,
    )


def test_the_step_is_the_packages(lesson):
    magnitude = torch.rand(65, 20)
    phase = torch.polar(torch.ones_like(magnitude), 6 * torch.rand(65, 20))
    given = magnitude, phase, 128, 32, torch.hann_window(128)
    assert torch.allclose(lesson["griffin_lim_step"](*given), griffin_lim.griffin_lim_step(*given), atol=1e-5)


def test_the_autoencoder_is_the_packages(lesson):
    package = speech_autoencoder.SpeechAutoencoder(80, 16)
    encoder, decoder = lesson["frame_network"](80, 16), lesson["frame_network"](16, 80)
    encoder.load_state_dict(package.encoder.state_dict())
    decoder.load_state_dict(package.decoder.state_dict())
    mels = torch.randn(2, 80, 9)
    assert torch.allclose(decoder(encoder(mels)), package(mels), atol=1e-5)


def test_the_text_encoder_is_the_packages_without_padding(lesson):
    by_hand, package = lesson["TextEncoder"](3), text_to_speech.TextEncoder(3)
    names = {name.replace("blocks.4", "to_code"): value for name, value in by_hand.state_dict().items()}
    package.load_state_dict(names)
    ids, voice = letters.letters(["moon", "fish"]), torch.tensor([2, 0])
    frames = torch.tensor([[3, 4, 2, 3], [3, 3, 3, 3]])
    codes, log_durations = by_hand(ids, voice, frames)
    theirs = package(ids, voice, frames)
    assert torch.allclose(codes, theirs[0], atol=1e-5) and torch.allclose(log_durations, theirs[1], atol=1e-5)


def test_the_loss_is_the_packages(lesson):
    model = text_to_speech.TextToSpeech(("ann",), n_mels=40, channels=4, width=16)
    outputs = model(
        letters.letters(["moon", "a"]), torch.zeros(2, dtype=torch.int64), torch.tensor([[2] * 4, [3, 0, 0, 0]])
    )
    target = torch.randn(2, 40, 8)
    assert torch.allclose(lesson["speech_loss"](outputs, target), text_to_speech.speech_loss(outputs, target))


def test_words_are_aligned_in_order(lesson):
    recognised = lesson["recognised_words"]
    assert recognised("a red fish above a moon", "a bed fish above moon") == [True, False, True, True, False, True]
    assert recognised("a b", "") == [False, False]


def test_the_bug_is_one_and_the_fix_is_none(lesson):
    """With an autoencoder that changes nothing, the fix gives the recording back; the buggy version is far longer."""
    log_mel = audio.LogMel(16_000, 80, window=0.064, hop=0.016).fit(
        [speech.clip("umbrella", speech.SPEAKING_VOICES[0])]
    )
    sound = speech.clip("umbrella", speech.SPEAKING_VOICES[1])
    fixed = lesson["resynthesise"](sound, nn.Identity(), log_mel)
    assert abs(len(fixed) - len(sound)) <= log_mel.hop
    assert (log_mel(fixed[None]) - log_mel(sound[None, : len(fixed)])).abs().mean() < 0.5
    buggy = lesson["buggy_resynthesis"](sound, nn.Identity(), log_mel)
    assert len(buggy) / len(sound) == pytest.approx(1.6, rel=0.05)
