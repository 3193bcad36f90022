"""Exercise 15.2: one step of the Griffin-Lim algorithm."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import (
    Mistakes,
    agrees,
    described,
    drawn,
    expect_finite,
    explained,
    judge_tensors,
    whole,
)
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again


def rebuilt(m: Tensor, p: Tensor, n_fft: int, hop: int, window: Tensor, **options) -> Tensor:
    """The spectrum of the sound of a spectrum.   (F, T), (F, T) -> (F, T) complex"""
    sound = torch.istft(m * p, n_fft, hop, window=window, **options)
    return torch.stft(sound, n_fft, hop, window=window, return_complex=True, **options)


def step(*case) -> Tensor:
    """What the answer should give."""
    return rebuilt(*case).sgn()


def with_momentum(m: Tensor, p: Tensor, *rest, momentum: float) -> Tensor:
    """A step of the fast variant."""
    new = rebuilt(m, p, *rest)
    return (new + momentum * (new - m * p)).sgn()


def windows(first: Callable, second: Callable) -> Callable:
    """A step with other windows in the two transforms."""

    def computed(m: Tensor, p: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
        sound = torch.istft(m * p, n_fft, hop, window=first(window))
        return torch.stft(sound, n_fft, hop, window=second(window), return_complex=True).sgn()

    return computed


def padded(mode: str) -> Callable:
    """A step with another padding of the sound."""

    def computed(m: Tensor, p: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
        sound = torch.istft(m * p, n_fft, hop, window=window)
        return torch.stft(sound, n_fft, hop, window=window, pad_mode=mode, return_complex=True).sgn()

    return computed


def same(window: Tensor) -> Tensor:
    return window


def hann(window: Tensor) -> Tensor:
    return torch.hann_window(len(window), dtype=window.dtype)


MISTAKES: Mistakes = [
    (rebuilt, "that is the new spectrogram; its phase is asked for: divide by its magnitude"),
    (
        lambda m, p, *rest: m * step(m, p, *rest),
        "the magnitude is put back onto the new phase; the phase alone, of absolute value 1, is asked for",
    ),
    (lambda m, p, *rest: p, "that is the phase that came in"),
    (lambda m, p, *rest: m * p, "that is the spectrogram that came in"),
    (lambda m, p, *rest: step(m, p, *rest).conj(), "the sign of the phase is reversed (the complex conjugate)"),
    (
        lambda m, p, *rest: step(torch.ones_like(m), p, *rest),
        "the magnitude is not used: give it the phase first, `magnitude * phase`",
    ),
    (
        lambda m, p, *rest: step(m, torch.ones_like(p), *rest),
        "the phase that came in is not used: the magnitude alone is transformed",
    ),
    (lambda m, p, *rest: step(m.square(), p, *rest), "the magnitude is squared; it is used as it is"),
    (lambda m, p, *rest: step(m.sqrt(), p, *rest), "the root of the magnitude is taken; it is used as it is"),
    (lambda m, p, *rest: step(m.exp(), p, *rest), "the exponential of the magnitude is taken; it is no logarithm"),
    (
        lambda m, p, *rest: step(m, torch.exp(1j * p), *rest),
        "the phase is a complex number already: no `exp(1j * phase)`",
    ),
    (lambda m, p, *rest: step(m + p, 1, *rest), "magnitude and phase are added; they are multiplied"),
    (
        lambda m, p, *rest: step(m, p.conj(), *rest),
        "the magnitude is divided by the phase, or multiplied by its complex conjugate: `magnitude * phase`",
    ),
    (
        lambda m, p, *rest: torch.ones_like(p),
        "the new spectrogram is divided by itself; divide it by its absolute value",
    ),
    (
        lambda m, p, *rest: rebuilt(m, p, *rest) / m,
        "the new spectrogram is divided by the old magnitude; divide by its own",
    ),
    (lambda m, p, *rest: torch.exp(1j * rebuilt(m, p, *rest).abs()), "the new magnitude is used as an angle"),
    (
        lambda m, p, *rest: rebuilt(m, p, *rest) / rebuilt(m, p, *rest).abs().max(),
        "the new spectrogram is divided by one number; each entry has its own absolute value",
    ),
    (
        lambda m, p, *rest: rebuilt(m, p, *rest) / rebuilt(m, p, *rest).abs().square(),
        "the new spectrogram is divided by the square of its magnitude",
    ),
    (
        lambda m, p, *rest: rebuilt(m, p, *rest).sgn().angle().exp() + 0j,
        "the imaginary unit is missing: exp(1j * angle)",
    ),
    (windows(hann, same), "`istft` gets a Hann window instead of `window`"),
    (windows(same, hann), "`stft` gets a Hann window instead of `window`"),
    (windows(hann, hann), "both transforms get a Hann window instead of `window`"),
    (
        windows(torch.ones_like, torch.ones_like),
        "the window is missing in both transforms, so they use a rectangular one",
    ),
    (windows(torch.ones_like, same), "the window is missing in `istft`, which uses a rectangular one"),
    (windows(same, torch.ones_like), "the window is missing in `stft`, which uses a rectangular one"),
    (windows(same, lambda window: window.square()), "the window is applied twice in `stft`"),
    *(
        (
            padded(mode),
            f"the sound is padded by other samples than the default beyond its ends (`pad_mode={mode!r}`)",
        )
        for mode in ("constant", "replicate", "circular")
    ),
    (
        lambda m, p, *rest: step(m, step(m, p, *rest), *rest),
        "those are two steps of the algorithm; one is asked for",
    ),
    (
        lambda m, p, n_fft, hop, window: step(m, p, n_fft, n_fft // 4, window),
        "the hop is n_fft // 4, the default of both transforms: use `hop`",
    ),
    (
        lambda *case: torch.complex(step(*case).imag, step(*case).real),
        "real and imaginary part have changed places: the cosine of the angle is the real part",
    ),
    (
        lambda *case: torch.polar(rebuilt(*case).angle(), torch.ones_like(case[0])),
        "the arguments of `torch.polar` have changed places: the absolute value, 1, comes first",
    ),
    (
        lambda m, p, *rest: (p + step(m, p, *rest)) / 2,
        "that is the mean of the old and the new phase; the new one replaces the old",
    ),
    (
        lambda m, p, *rest: (m * p - rebuilt(m, p, *rest)).sgn(),
        "that is the phase of the difference of both spectrograms",
    ),
    *(
        (
            lambda m, p, *rest, momentum=momentum: with_momentum(m, p, *rest, momentum=momentum),
            "the momentum of the fast variant (Perraudin et al.) is added; one plain step is asked for",
        )
        for momentum in (0.99, 0.9, 0.5, 0.2, 0.1, 1.0, 1.3)
    ),
    (
        lambda m, p, *rest: step(m, p, *rest) * p,
        "the old phase multiplies the new one; the new one replaces it",
    ),
]
CAUSES = {
    "window overlap add": (
        "a hop that is too large for the window: are `hop` and `window` used, and not the defaults of `istft`?"
    ),
    "dimension of size": "the spectrogram has n_fft // 2 + 1 rows: is `n_fft` written as a number?",
    "istft requires": "`istft` takes the complex spectrogram: magnitude * phase",
    "stft requires": "`torch.stft` needs `return_complex=True`",
}


@exercise(
    "15.2",
    title="one step of Griffin-Lim",
    dots=2,
    minutes=20,
    repeatable=True,
    hints=(
        "Few spectrograms belong to a sound: neighbouring frames overlap. What does `stft(istft(...))` change?",
        "`magnitude * phase` is the spectrogram to transform. Both transforms take `n_fft`, `hop` and `window=window`.",
        "Divide the new spectrogram by its own magnitude. Where that is 0 the division gives NaN: `torch.sgn` gives 0, "
        "or clamp the magnitude from below.",
    ),
)
def griffin_lim_check(answer, rng):
    settings = [
        (16, 4, "hann"),
        (24, 8, "hamming"),
        (20, 5, "hamming"),
        (16, 8, "blackman"),
        (32, whole(rng, 9, 12), "hamming"),
    ]
    cases = [drawn_case(rng, n_fft, hop, kind, whole(rng, 6, 9)) for n_fft, hop, kind in settings]
    tried = explained(answer, CAUSES)

    def parts(*case) -> Tensor:
        return torch.view_as_real(complex_of(tried(*case), case))

    expect_same_again(parts, cases[0])
    try:
        judge_tensors(
            parts,
            cases,
            lambda *case: torch.view_as_real(step(*case).resolve_conj()),
            [(in_parts(wrong), words) for wrong, words in MISTAKES],
            where=where,
            entry=lambda position, case: f"the {('real', 'imaginary')[position[2]]} part of entry {list(position[:2])}",
        )
    except Mistake as problem:
        if " part of entry" in str(problem):
            judge_size(tried, cases)
        raise
    m, *rest = cases[0]
    silent = complex_of(tried(torch.zeros_like(m), *rest), cases[0])
    expect_finite(silent, "for silence, a magnitude of 0,", "0 divided by 0; clamp the magnitude, or use `torch.sgn`")
    expect_dtype_kept(tried, cases[1])
    return (
        f"{len(cases)} spectrograms with other hops and windows, and silence: the phase of absolute value 1, and no NaN"
    )


def drawn_case(rng: torch.Generator, n_fft: int, hop: int, kind: str, frames: int) -> tuple:
    """A random spectrogram none of whose new entries is near 0, where the phase would be rounding."""
    window = getattr(torch, f"{kind}_window")(n_fft)
    frames = max(frames, n_fft // hop + 2)
    while True:
        magnitude = 0.2 + drawn(rng, n_fft // 2 + 1, frames).abs()
        phase = torch.polar(torch.ones_like(magnitude), 6.28 * torch.rand(magnitude.shape, generator=rng))
        case = magnitude, phase, n_fft, hop, window
        if rebuilt(*case).abs().min() > 5e-3:
            return case


def complex_of(given, case: tuple) -> Tensor:
    """The result, once it is complex and has the shape of the magnitude."""
    shape = tuple(case[0].shape)
    if isinstance(given, tuple | list):
        raise Mistake(f"it returned {len(given)} results; the phase alone is asked for")
    if not isinstance(given, Tensor):
        raise Mistake(f"it returned {described(given)}, expected a tensor")
    if given.dim() == 1:
        raise Mistake(
            f"it returned a tensor of shape {tuple(given.shape)}, a waveform; the phase of its `stft` is asked for"
        )
    if not given.is_complex() and tuple(given.shape) == shape:
        new = rebuilt(*case)
        kinds = [(new.angle(), ", angles"), (new.abs(), ", magnitudes"), (new.angle().exp(), ": the `1j` is missing")]
        kind = next((words for one, words in kinds if agrees(given.detach(), one)), "")
        raise Mistake(f"it returned real numbers{kind}; complex numbers of absolute value 1 are asked for")
    if tuple(given.shape[:-1]) == shape and given.shape[-1] == 2:
        raise Mistake("real and imaginary parts have an axis of their own: `torch.stft` needs `return_complex=True`")
    if not given.is_complex():
        raise Mistake(
            f"it returned {given.dtype} of shape {tuple(given.shape)}, expected complex numbers of shape {shape}"
        )
    if tuple(given.shape) != shape:
        raise Mistake(
            f"{where(*case)} the shape is {tuple(given.shape)}, expected {shape}: are `n_fft` and `hop` used in both "
            "transforms, and their defaults for the rest (`center`, `length`)?"
        )
    return given.detach().resolve_conj()


def in_parts(computed: Callable) -> Callable:
    """Real and imaginary part of what is computed.   -> (F, T, 2)"""
    return lambda *case: torch.view_as_real((computed(*case) + 0j).resolve_conj())


def judge_size(answer: Callable, cases: list[tuple]) -> None:
    """Where only the absolute value is wrong, that is said."""
    given = [complex_of(answer(*case), case) for case in cases]
    if all(
        torch.allclose(one.sgn(), step(*case), rtol=1e-3, atol=1e-3) for one, case in zip(given, cases, strict=True)
    ):
        sizes = torch.cat([one.abs().flatten() for one in given])
        raise Mistake(
            f"the angles are correct, the absolute value goes from {sizes.min():.3g} to {sizes.max():.3g}; it is 1: "
            "divide each entry by its own magnitude (a number against a division by 0 has to be tiny)"
        )


def where(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> str:
    """A case in words."""
    return f"for {magnitude.shape[1]} frames, n_fft {n_fft} and hop {hop}"
