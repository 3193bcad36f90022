"""From log-mels to a waveform: powers from mel bands, phases by the Griffin-Lim algorithm. Lesson 15.

Griffin and Lim 1984, *Signal estimation from modified short-time Fourier transform*; with momentum: Perraudin, Balazs
and Sondergaard 2013, *A fast Griffin-Lim algorithm*. `torchaudio.transforms` has both steps as InverseMelScale and
GriffinLim; here they are implemented step by step, with seeded random phases.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data.audio import FLOOR, LogMel
from mmcourse.precision import exact, without_autocast

MOMENTUM = 0.99  # torchaudio's default; 0 is the algorithm of 1984


def spectrum_from_mels(mel_powers: Tensor, filters: Tensor, updates: int = 3) -> Tensor:
    """The power of every frequency from that of every mel band.   (..., M, T), filters (F, M) -> (..., F, T)

    The pseudo-inverse of the filters, negative powers set to 0, as torchaudio's InverseMelScale has it. Multiplicative
    updates (Lee and Seung 2001) then correct the result: they bring the bands closer to the given ones and keep every
    power positive.
    """
    if filters.dim() != 2 or mel_powers.dim() < 2 or mel_powers.shape[-2] != filters.shape[1]:
        raise ValueError(
            f"mel_powers have shape {tuple(mel_powers.shape)}, filters {tuple(filters.shape)}; expected "
            "(..., M, T) and (F, M) with the same number M of bands. Likely cause: filters that are transposed, or of "
            "another LogMel"
        )
    powers = (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=0)
    for _ in range(updates):
        powers = powers.clamp(min=1e-8)  # a factor cannot increase a zero
        powers = powers * (filters @ mel_powers) / (filters @ (filters.T @ powers)).clamp(min=1e-12)
    return powers


def griffin_lim_step(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """The phases after one round: spectrum to samples and back to a spectrum, whose magnitude is discarded.

    magnitude (..., F, T), phase (..., F, T) complex of absolute value 1 -> (..., F, T) complex of absolute value 1
    """
    return _unit(_rebuilt(magnitude, phase, n_fft, hop, window))


def inconsistency(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """The relative norm of the difference between these magnitudes and those of the spectrum's sound.   -> (...)

    0 if the spectrum belongs to a sound. Frequencies are weighted as in the two-sided spectrum. No step of the
    Griffin-Lim algorithm increases it.
    """
    both_sides = magnitude.new_full((magnitude.shape[-2], 1), 2.0)
    both_sides[0] = both_sides[-1] = 1
    found = _rebuilt(magnitude, phase, n_fft, hop, window).abs()
    error = ((found - magnitude).square() * both_sides).sum(dim=(-2, -1))
    return (error / (magnitude.square() * both_sides).sum(dim=(-2, -1)).clamp(min=1e-20)).sqrt()


def griffin_lim(
    magnitude: Tensor,
    n_fft: int,
    hop: int,
    window: Tensor,
    rounds: int = 32,
    momentum: float = MOMENTUM,
    seed: int | None = 0,
) -> Tensor:
    """A sound whose spectrum has approximately these magnitudes.   (..., F, T) -> (..., (T - 1) * hop)

    `rounds` steps from random phases, the same for the same `seed`; with None all phases start at 0. `momentum` adds a
    fraction of the previous step to each step.
    """
    _check(magnitude, n_fft, hop, window)
    if rounds < 0 or not 0 <= momentum < 1:
        raise ValueError(f"rounds is {rounds}, momentum {momentum}; expected 0 or more rounds, and 0 <= momentum < 1")
    angles = torch.zeros_like(magnitude)
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        angles = torch.rand(magnitude.shape, generator=generator).to(magnitude) * (2 * torch.pi)
    phase, before = torch.polar(torch.ones_like(angles), angles), 0
    for _ in range(rounds):
        rebuilt = _rebuilt(magnitude, phase, n_fft, hop, window)
        phase = _unit(rebuilt - momentum / (1 + momentum) * before)
        before = rebuilt
    return _to_samples(magnitude, phase, n_fft, hop, window)


def to_sound(mels: Tensor, log_mel: LogMel, rounds: int = 32, momentum: float = MOMENTUM, seed: int = 0) -> Tensor:
    """Sounds whose log-mels are close to these: `log_mel` inverted step by step.   (B, n_mels, T) -> (B, (T - 1) * hop)

    The standardisation of `log_mel` is inverted, then the logarithm and the filters; phases are estimated last.
    """
    length = len(log_mel.window)
    if mels.dim() != 3 or mels.shape[1] != log_mel.n_mels or mels.shape[2] < 2 or len(mels) == 0:
        raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (B, {log_mel.n_mels}, T), two frames or more")
    samples = (mels.shape[2] - 1) * log_mel.hop
    edge = length // (2 * log_mel.hop) + 2  # silent frames at both ends: Griffin-Lim needs more than half a window
    with without_autocast(mels):
        powers = ((exact(mels) * log_mel.std + log_mel.mean).exp() - FLOOR).clamp(min=0)
        magnitude = spectrum_from_mels(F.pad(powers, (edge, edge)), log_mel.filters.to(powers)).sqrt()
        sounds = griffin_lim(magnitude, length, log_mel.hop, log_mel.window.to(powers), rounds, momentum, seed)
    return sounds[:, edge * log_mel.hop :][:, :samples]


def _rebuilt(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """The spectrum of the sound that results from this one.   -> (..., F, T) complex"""
    _check(magnitude, n_fft, hop, window)
    if phase.shape != magnitude.shape or not phase.is_complex():
        raise ValueError(
            f"phase is {phase.dtype} of shape {tuple(phase.shape)}; expected complex numbers of the magnitude's shape "
            f"{tuple(magnitude.shape)}. Angles in radians become such numbers by torch.polar(torch.ones_like(a), a)"
        )
    sound = _to_samples(magnitude, phase, n_fft, hop, window)
    flat = torch.stft(sound.reshape(-1, sound.shape[-1]), n_fft, hop, window=window, return_complex=True)
    return flat.reshape(magnitude.shape)


def _to_samples(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """Overlap-add: the sound whose spectrum is closest.   -> (..., (T - 1) * hop)"""
    flat = (magnitude * phase).reshape(-1, *magnitude.shape[-2:])
    return torch.istft(flat, n_fft, hop, window=window).reshape(*magnitude.shape[:-2], -1)


def _unit(spectrum: Tensor) -> Tensor:
    return spectrum / (spectrum.abs() + 1e-16)


def _check(magnitude: Tensor, n_fft: int, hop: int, window: Tensor) -> None:
    """ValueError unless this is a spectrum for n_fft, with overlapping windows and enough frames."""
    if magnitude.dim() < 2 or magnitude.shape[-2] != n_fft // 2 + 1 or magnitude.is_complex():
        raise ValueError(
            f"magnitude is {magnitude.dtype} of shape {tuple(magnitude.shape)}; expected real numbers "
            f"(..., {n_fft // 2 + 1}, T), since n_fft is {n_fft}. Likely cause: a spectrum with other settings, or "
            "with its phases: spectrum.abs()"
        )
    if len(window) != n_fft or not 0 < hop <= n_fft // 2:
        raise ValueError(
            f"the window has {len(window)} samples, hop is {hop}; expected {n_fft}, and half of it at most"
        )
    if (magnitude.shape[-1] - 1) * hop <= n_fft // 2:
        raise ValueError(
            f"{magnitude.shape[-1]} frames are {(magnitude.shape[-1] - 1) * hop} samples; expected more than half a "
            f"window, {n_fft // 2}. Pad the magnitudes with silent frames"
        )
