"""Speech networks: shapes, gradients, what they do not depend on, and errors that help."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.data.audio import LogMel
from mmcourse.models.speech import M5, SpeechClassifier, SpeechEncoder, WordRecogniser


@pytest.mark.parametrize("frames", [1, 7, 91])
@pytest.mark.parametrize("batch", [1, 3])
def test_shapes(frames, batch):
    mels = torch.randn(batch, 40, frames)
    encoder = SpeechEncoder(40, (4, 6, 8), width=10).eval()
    assert encoder(mels).shape == (batch, 10) and encoder.width == 10
    assert encoder.states(mels).shape == (batch, -(-frames // 8), 10)
    assert SpeechClassifier(7).eval()(mels).shape == (batch, 7)
    assert SpeechClassifier(7, n_mels=23, widths=(4, 6)).eval()(mels[:, :23]).shape == (batch, 7)


def test_the_features_are_the_largest_of_the_states():
    encoder, mels = SpeechEncoder().eval(), torch.randn(2, 40, 91)
    assert torch.equal(encoder(mels), encoder.states(mels).amax(dim=1))


@pytest.mark.parametrize(
    ("model", "inputs"),
    [(SpeechClassifier(5, widths=(4, 6, 8), width=10), torch.randn(10, 40, 50)), (M5(5, 8), torch.randn(10, 4_000))],
)
def test_every_parameter_gets_a_gradient(model, inputs):
    F.cross_entropy(model(inputs), torch.arange(10) % 5).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if "bias" not in name:  # a bias before a batch norm has none, which is why the encoder has no such bias
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    ("model", "inputs"), [(SpeechClassifier(5), torch.randn(6, 40, 50)), (M5(5), torch.randn(6, 4_000))]
)
def test_in_evaluation_a_sound_does_not_depend_on_its_batch(model, inputs):
    model = model.eval()
    assert torch.allclose(model(inputs)[2], model(inputs[2:3])[0], atol=1e-5)


def test_pitch_matters_and_moment_does_not():
    model, mels = SpeechClassifier(5).eval(), torch.zeros(1, 40, 96)
    mels[:, 8:12, 32:48] = 3
    later, higher = model(mels.roll(16, 2)), model(mels.roll(16, 1))
    assert torch.allclose(model(mels), later, atol=1e-4) and not torch.allclose(model(mels), higher, atol=1e-4)


def test_a_recogniser_holds_all_it_needs():
    log_mel = LogMel().fit([torch.randn(8_000)])
    model = WordRecogniser(5, widths=(4, 6), width=8).eval()
    model.log_mel.load_state_dict(log_mel.state_dict())
    sounds = torch.randn(2, 9_000)
    logits = model(sounds)
    assert torch.allclose(logits, model.classifier(log_mel(sounds)), atol=1e-5)
    assert torch.allclose(model.classifier.head(model.features(sounds)), logits, atol=1e-5)
    other = WordRecogniser(5, widths=(4, 6), width=8).eval()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(sounds), logits)


def test_m5_has_the_papers_layers():
    kernels = [tuple(p.shape) for name, p in M5(10, channels=128).named_parameters() if p.dim() == 3]
    assert kernels == [(128, 1, 80), (128, 128, 3), (256, 128, 3), (512, 256, 3)]
    assert M5(10).blocks[0][0].stride == (4,)


@pytest.mark.parametrize(
    ("mels", "says"),
    [
        (torch.zeros(40, 91), r"mels\[None\]"),
        (torch.zeros(2, 16_000), "these are waveforms"),
        (torch.zeros(2, 91, 40), r"mels.transpose\(1, 2\)"),
        (torch.zeros(2, 64, 91), r"LogMel\(n_mels=64\)"),
        (torch.zeros(2, 1, 40, 91), r"mels\[:, 0\]"),
        (torch.zeros(0, 40, 91), "no sound"),
        (torch.zeros(2, 40, 91, dtype=torch.int64), "floating point"),
    ],
)
def test_wrong_mels_say_why(mels, says):
    with pytest.raises(ValueError, match=says):
        SpeechEncoder()(mels)


def test_m5_wants_more_than_a_moment():
    with pytest.raises(ValueError, match="M5 needs"):
        M5(5)(torch.zeros(1, 500))
    assert M5(5).eval()(torch.zeros(1, M5.SHORTEST)).isfinite().all()
