import torch


def rebuilt(m, p, n_fft, hop, window, first=None, second=None):
    first, second = window if first is None else first, window if second is None else second
    sound = torch.istft(m * p, n_fft, hop, window=first)
    return torch.stft(sound, n_fft, hop, window=second, return_complex=True)


def answer(*case):
    return rebuilt(*case).sgn()


def by_division(*case):
    spectrum = rebuilt(*case)
    return spectrum / (spectrum.abs() + 1e-16)


def by_clamp(*case):
    spectrum = rebuilt(*case)
    return spectrum / spectrum.abs().clamp(min=1e-8)


def by_polar(magnitude, *rest):
    return torch.polar(torch.ones_like(magnitude), rebuilt(magnitude, *rest).angle())


def by_exponential(*case):
    return torch.exp(1j * rebuilt(*case).angle())


def two_steps(m, p, *rest):
    return answer(m, answer(m, p, *rest), *rest)


def default_hop(m, p, n_fft, hop, window):
    sound = torch.istft(m * p, n_fft, window=window)
    return torch.stft(sound, n_fft, window=window, return_complex=True).sgn()


def not_centred(m, p, n_fft, hop, window):
    sound = torch.istft(m * p, n_fft, hop, window=window)
    return torch.stft(sound, n_fft, hop, window=window, center=False, return_complex=True).sgn()


def test_griffin_lim_step(judged):
    judged(
        "15.2",
        {
            "sgn": answer,
            "division": by_division,
            "clamp": by_clamp,
            "polar": by_polar,
            "exponential": by_exponential,
            "win_length": lambda m, p, n, h, w: torch.stft(
                torch.istft(m * p, n, hop_length=h, win_length=n, window=w),
                n,
                hop_length=h,
                win_length=n,
                window=w,
                return_complex=True,
            ).sgn(),
        },
        {
            "spectrum": (rebuilt, "that is the new spectrogram"),
            "with magnitude": (lambda m, *rest: m * answer(m, *rest), "the magnitude is put back"),
            "angle": (lambda *case: rebuilt(*case).angle(), "it returned real numbers, angles"),
            "magnitude": (lambda *case: rebuilt(*case).abs(), "it returned real numbers, magnitudes"),
            "waveform": (lambda m, p, n, h, w: torch.istft(m * p, n, h, window=w), "a waveform; the phase"),
            "old phase": (lambda m, p, *rest: p, "that is the phase that came in"),
            "conjugate": (lambda *case: answer(*case).conj(), "the sign of the phase is reversed"),
            "phase ignored": (
                lambda m, p, *rest: answer(m, torch.ones_like(p), *rest),
                "the phase that came in is not used",
            ),
            "magnitude ignored": (
                lambda m, p, *rest: answer(torch.ones_like(m), p, *rest),
                "the magnitude is not used",
            ),
            "squared": (lambda m, p, *rest: answer(m**2, p, *rest), "the magnitude is squared"),
            "no window in stft": (
                lambda m, p, n, h, w: rebuilt(m, p, n, h, w, second=torch.ones_like(w)).sgn(),
                "the window is missing in `stft`",
            ),
            "no windows": (
                lambda m, p, n, h, w: rebuilt(m, p, n, h, torch.ones_like(w)).sgn(),
                "the window is missing in both",
            ),
            "hann": (
                lambda m, p, n, h, w: rebuilt(m, p, n, h, torch.hann_window(n)).sgn(),
                None,
            ),
            "two steps": (two_steps, "those are two steps"),
            "not centred": (not_centred, None),
            "nan": (lambda *case: (x := rebuilt(*case)) / x.abs(), "for silence, a magnitude of 0"),
            "large clamp": (
                lambda *case: (x := rebuilt(*case)) / (x.abs() + 1e-2),
                None,
            ),
            "column": (lambda *case: (x := rebuilt(*case)) / x.norm(dim=0), None),
            "hop of torch": (default_hop, "the hop is n_fft // 4"),
            "in place": (lambda m, p, *rest: answer(m, p.mul_(m) / m, *rest), "was changed in place"),
            "pair": (lambda *case: (answer(*case), 0), "it returned 2 results"),
            "not complex": (
                lambda m, p, n, h, w: torch.view_as_real(answer(m, p, n, h, w)),
                "real and imaginary parts have an axis of their own",
            ),
            "single": (lambda *case: answer(*case).to(torch.complex64), "for float64 tensors the result"),
        },
    )
