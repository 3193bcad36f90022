"""Griffin-Lim: torchaudio's, monotonic, its random phases by seed; mels inverted within a bound; messages."""

import pytest
import torch
import torch.nn.functional as F
from torchaudio.transforms import GriffinLim, InverseMelScale

from mmcourse.data.audio import LogMel
from mmcourse.data.griffin_lim import griffin_lim, griffin_lim_step, inconsistency, spectrum_from_mels, to_sound
from mmcourse.picturebook.speech import SPEAKING_VOICES, speak

N_FFT, HOP, WINDOW = 256, 64, torch.hann_window(256)
SPEECH = speak("a red fish", SPEAKING_VOICES[0], varied=False)
MAGNITUDE = torch.stft(F.pad(SPEECH, (N_FFT, N_FFT)), N_FFT, HOP, window=WINDOW, return_complex=True).abs()
LOG_MEL = LogMel(16_000, 80, window=0.064, hop=0.016).fit([SPEECH])


def random_phases(like: torch.Tensor, seed: int = 0) -> torch.Tensor:
    angles = torch.rand(like.shape, generator=torch.Generator().manual_seed(seed)) * 2 * torch.pi
    return torch.polar(torch.ones_like(like), angles)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99])
def test_it_is_torchaudios(momentum):
    theirs = GriffinLim(N_FFT, 8, hop_length=HOP, power=1, momentum=momentum, rand_init=False)(MAGNITUDE)
    assert torch.allclose(griffin_lim(MAGNITUDE, N_FFT, HOP, WINDOW, 8, momentum, seed=None), theirs, atol=1e-5)


def test_rounds_are_steps():
    phase = torch.polar(torch.ones_like(MAGNITUDE), torch.zeros_like(MAGNITUDE))
    for _ in range(3):
        phase = griffin_lim_step(MAGNITUDE, phase, N_FFT, HOP, WINDOW)
    sound = torch.istft(MAGNITUDE * phase, N_FFT, HOP, window=WINDOW)
    assert torch.allclose(sound, griffin_lim(MAGNITUDE, N_FFT, HOP, WINDOW, 3, momentum=0, seed=None), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("magnitude", [MAGNITUDE, torch.rand(129, 30, generator=torch.Generator().manual_seed(2))])
def test_a_step_never_raises_the_inconsistency(magnitude, seed):
    phase, before = random_phases(magnitude, seed), float("inf")
    for _ in range(15):
        now = inconsistency(magnitude, phase, N_FFT, HOP, WINDOW).item()
        assert now <= before + 1e-6
        phase, before = griffin_lim_step(magnitude, phase, N_FFT, HOP, WINDOW), now


def test_phases_are_unit_and_the_true_ones_stay():
    sound = F.pad(SPEECH, (N_FFT, N_FFT))[: len(SPEECH) // HOP * HOP]
    spectrum = torch.stft(sound, N_FFT, HOP, window=WINDOW, return_complex=True)
    loud = spectrum.abs() > 1e-2
    phase = spectrum / spectrum.abs().clamp(min=1e-12)
    after = griffin_lim_step(spectrum.abs(), phase, N_FFT, HOP, WINDOW)
    assert torch.allclose(after[loud], phase[loud], atol=1e-2)
    assert torch.allclose(after[loud].abs(), torch.ones(loud.sum().item()), atol=1e-5)
    assert inconsistency(spectrum.abs(), phase, N_FFT, HOP, WINDOW) < 1e-3


def test_a_batch_is_its_rows():
    both = torch.stack([MAGNITUDE, MAGNITUDE.flip(-1)])
    phases = torch.stack([random_phases(MAGNITUDE), random_phases(MAGNITUDE, 1)])
    together = griffin_lim_step(both, phases, N_FFT, HOP, WINDOW)
    for row, magnitude, phase in zip(together, both, phases, strict=True):
        alone = griffin_lim_step(magnitude, phase, N_FFT, HOP, WINDOW)
        sound = torch.istft(magnitude * phase, N_FFT, HOP, window=WINDOW)
        found = torch.stft(sound, N_FFT, HOP, window=WINDOW, return_complex=True).abs()  # no phase where this is 0
        assert torch.allclose(row * found, alone * found, atol=1e-3)
    assert inconsistency(both, phases, N_FFT, HOP, WINDOW).shape == (2,)


def test_the_seed_decides():
    def made(seed):
        return griffin_lim(MAGNITUDE, N_FFT, HOP, WINDOW, 2, seed=seed)

    assert torch.equal(made(1), made(1))
    assert not torch.allclose(made(1), made(2))
    state = torch.get_rng_state()
    made(3)
    assert torch.equal(state, torch.get_rng_state()), "other random numbers are left alone"


def test_spectrum_from_mels_is_torchaudios_and_updates_improve_it():
    powers = (LOG_MEL.raw(SPEECH[None])[0].exp() - 1e-5).clamp(min=0)  # (80, T)
    inverse = InverseMelScale(513, 80, 16_000, f_min=60)
    plain = spectrum_from_mels(powers, LOG_MEL.filters, updates=0)
    assert torch.allclose(plain, inverse(powers), atol=1e-3 * powers.max().item())
    errors = []
    for updates in (0, 1, 3, 10):
        spectrum = spectrum_from_mels(powers, LOG_MEL.filters, updates)
        assert (spectrum >= 0).all()
        errors.append((LOG_MEL.filters.T @ spectrum - powers).norm().item())
    assert errors == sorted(errors, reverse=True) and errors[-1] < errors[0] / 1.5


def test_a_spectrum_in_the_filters_span_comes_back():
    """Where the least-norm solution is positive, nothing is cut off and the bands are met exactly."""
    powers = LOG_MEL.filters.T @ (LOG_MEL.filters @ (torch.rand(80, 5) + 1))
    spectrum = spectrum_from_mels(powers, LOG_MEL.filters, updates=0)
    assert torch.allclose(LOG_MEL.filters.T @ spectrum, powers, rtol=1e-2)


def test_the_way_back_is_bounded():
    """The log-mels of the sound are within a quarter of a standard deviation of those it was made from."""
    mels = LOG_MEL(SPEECH[None])
    sound = to_sound(mels, LOG_MEL)
    assert sound.shape == (1, (mels.shape[2] - 1) * LOG_MEL.hop)
    assert (LOG_MEL(sound) - mels).abs().mean() < 0.25
    random = torch.randn(mels.shape, generator=torch.Generator().manual_seed(0))
    assert (LOG_MEL(to_sound(random, LOG_MEL)) - random).abs().mean() > 0.25, "the bound can fail"


def test_short_and_silent_sounds():
    silent = LOG_MEL(torch.zeros(1, 4_000))
    assert to_sound(silent, LOG_MEL).abs().max() < 1e-2
    assert to_sound(LOG_MEL(SPEECH[None])[..., 10:12], LOG_MEL).shape == (1, 256)


def test_what_does_not_fit_says_why():
    good = random_phases(MAGNITUDE)
    for call, says in (
        (lambda: griffin_lim_step(MAGNITUDE, good, 512, HOP, torch.hann_window(512)), "other settings"),
        (lambda: griffin_lim_step(MAGNITUDE, good.angle(), N_FFT, HOP, WINDOW), "torch.polar"),
        (lambda: griffin_lim_step(MAGNITUDE * good, good, N_FFT, HOP, WINDOW), "with its phases"),
        (lambda: griffin_lim_step(MAGNITUDE, good, N_FFT, HOP, WINDOW[:-1]), "window has 255"),
        (lambda: griffin_lim_step(MAGNITUDE[:, :2], good[:, :2], N_FFT, HOP, WINDOW), "silent frames"),
        (lambda: griffin_lim(MAGNITUDE, N_FFT, HOP, WINDOW, momentum=1.0), "momentum 1.0"),
        (lambda: spectrum_from_mels(torch.ones(40, 3), LOG_MEL.filters), "another LogMel"),
        (lambda: to_sound(torch.ones(1, 40, 9), LOG_MEL), "expected \\(B, 80, T\\)"),
    ):
        with pytest.raises(ValueError, match=says):
            call()
