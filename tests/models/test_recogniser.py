"""Speech recognisers: shapes, padding, gradients, and sounds of all kinds written down."""

import pytest
import torch

from mmcourse import fit
from mmcourse.models.ctc import ctc_loss
from mmcourse.models.recogniser import ConvolutionalRecogniser, RecurrentRecogniser
from mmcourse.picturebook.speech import speak
from mmcourse.tasks.transcripts import CHARACTERS, characters
from mmcourse.training.device import device, seed_everything

CLASSES = (RecurrentRecogniser, ConvolutionalRecogniser)


def small(cls):
    torch.manual_seed(0)
    return cls(width=16).eval()


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("frames", [1, 2, 7, 64])
def test_every_second_frame_gets_a_distribution_over_characters(cls, frames):
    log_probs, lengths = small(cls)(torch.randn(3, 40, frames), torch.tensor([frames, 1, (frames + 1) // 2]))
    steps = -(-frames // 2)
    assert log_probs.shape == (3, steps, len(CHARACTERS))
    assert torch.allclose(log_probs.exp().sum(dim=2), torch.ones(3, steps), atol=1e-5)
    assert lengths.tolist() == [steps, 1, -(-((frames + 1) // 2) // 2)]


@pytest.mark.parametrize("cls", CLASSES)
def test_what_follows_a_sound_in_its_batch_changes_nothing(cls):
    model, mels = small(cls), torch.randn(1, 40, 41)
    alone, n = model(mels, torch.tensor([41]))
    padded = torch.cat([torch.nn.functional.pad(mels, (0, 39)), torch.randn(1, 40, 80)])
    beside, lengths = model(padded, torch.tensor([41, 80]))
    assert lengths.tolist() == [21, 40]
    assert torch.allclose(alone[0, : n[0]], beside[0, : n[0]], atol=1e-5)


def test_the_recurrent_states_are_those_of_pytorchs_packed_sequences():
    model, x, lengths = small(RecurrentRecogniser), torch.randn(3, 16, 20), torch.tensor([20, 7, 1])
    expected = model.packed_states(x.transpose(1, 2), lengths)
    for ours, theirs, length in zip(model.states(x, lengths), expected, lengths, strict=True):
        assert torch.allclose(ours[:length], theirs[:length], atol=1e-6)


@pytest.mark.parametrize("cls", CLASSES)
def test_each_step_hears_its_neighbourhood(cls):
    mels = torch.randn(1, 40, 60).requires_grad_()
    log_probs, _ = small(cls)(mels, torch.tensor([60]))
    log_probs[0, 15].max().backward()
    assert mels.grad[0, :, [24, 30, 36]].abs().sum(dim=0).min() > 0


@pytest.mark.parametrize("cls", CLASSES)
def test_a_level_or_a_colour_of_the_sound_changes_nothing(cls):
    model, mels, lengths = small(cls), torch.randn(2, 40, 30), torch.tensor([30, 20])
    changed = model(mels + torch.randn(2, 40, 1), lengths)[0]
    assert torch.allclose(changed[0], model(mels, lengths)[0][0], atol=1e-4)


@pytest.mark.parametrize("cls", CLASSES)
def test_gradients_reach_every_parameter(cls):
    model = small(cls).train()
    ctc_loss(model(torch.randn(2, 40, 60), torch.tensor([60, 50])), characters(["a fish", "tree"])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.dim() > 1)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_same_seed_gives_the_same_recogniser(cls):
    batches = [(torch.randn(4, 40, 60), torch.full((4,), 60), characters(["a fish", "a tree", "one", "two"]))] * 3

    def trained():
        seed_everything(3)
        model = cls(width=16)
        fit(model, batches, loss=ctc_loss, metrics=(), epochs=1, verbose=False)
        return model.state_dict()

    first, second = trained(), trained()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("cls", CLASSES)
def test_transcripts_come_in_the_order_of_the_sounds_whatever_their_lengths(cls):
    model = small(cls).to(device())
    sounds = [speak("a small red fish above a boat", "en+Alex"), torch.zeros(100), speak("one", "en+m5"), torch.ones(1)]
    together = model.log_probabilities(sounds)
    assert [len(rows) for rows in together] == [-(-(len(s) // 160 + 1) // 2) for s in sounds]
    for sound, rows in zip(sounds, together, strict=True):
        assert torch.allclose(model.log_probabilities([sound])[0], rows, atol=1e-4)
    assert model.transcribe([]) == []
    assert all(set(text) <= set(CHARACTERS[1:]) for text in model.transcribe(sounds))


def test_transcribing_leaves_the_mode_as_it_was():
    model = small(ConvolutionalRecogniser).train()
    model.transcribe([torch.zeros(1_000)])
    assert model.training


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    ("mels", "lengths", "message"),
    [
        (torch.randn(40, 50), torch.tensor([50]), "batch axis"),
        (torch.randn(2, 50, 40), torch.tensor([50, 50]), "exchanged"),
        (torch.randn(2, 40, 50), torch.tensor([50]), "lengths are"),
        (torch.randn(2, 40, 50), torch.tensor([50.0, 50.0]), "integers"),
        (torch.randn(2, 40, 50), torch.tensor([8_000, 7_000]), "in samples"),
        (torch.randn(2, 40, 50), torch.tensor([50, 0]), "lengths go from 0"),
    ],
)
def test_what_does_not_fit_is_refused(cls, mels, lengths, message):
    with pytest.raises(ValueError, match=message):
        small(cls)(mels, lengths)


def test_a_single_waveform_and_an_empty_one_are_refused():
    model = small(ConvolutionalRecogniser)
    with pytest.raises(ValueError, match=r"\[sound\]"):
        model.transcribe(torch.zeros(1_000))
    with pytest.raises(ValueError, match="empty recording"):
        model.transcribe([torch.zeros(0)])
