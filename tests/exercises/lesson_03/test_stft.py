import torch
from torch.nn import functional as F


def starts(samples, window, hop):
    return range(0, len(samples) - len(window) + 1, hop)


def framed(samples, window, hop):
    return samples.unfold(0, len(window), hop)


def right(samples, window, hop):
    return torch.fft.rfft(framed(samples, window, hop) * window).T


def stacked(samples, window, hop):
    columns = [torch.fft.rfft(samples[i : i + len(window)] * window) for i in starts(samples, window, hop)]
    return torch.stack(columns, dim=1)


def filled(samples, window, hop):
    result = torch.zeros(len(window) // 2 + 1, len(starts(samples, window, hop)), dtype=torch.complex64)
    for t, i in enumerate(starts(samples, window, hop)):
        result[:, t] = torch.fft.rfft(samples[i : i + len(window)] * window)
    return result


def by_matrix(samples, window, hop):
    size = len(window)
    k, n = torch.arange(size // 2 + 1), torch.arange(size)
    wave = torch.exp(-2j * torch.pi * k[:, None] * n / size)
    return wave @ (framed(samples, window, hop) * window).T.to(wave.dtype)


def by_fft(samples, window, hop):
    return torch.fft.fft(framed(samples, window, hop) * window)[:, : len(window) // 2 + 1].T


def by_torch(samples, window, hop, **options):
    return torch.stft(samples, len(window), hop, window=window, return_complex=True, **options)


def frame_by_frame(samples, window, hop, last=0, shift=1):
    """Some ways to be off by one."""
    count = (len(samples) - len(window)) // hop + 1 + last
    padded = F.pad(samples, (0, len(window)))
    columns = [torch.fft.rfft(padded[t * hop * shift :][: len(window)] * window) for t in range(count)]
    return torch.stack(columns, dim=1)


def one_axis_lost(samples, window, hop):
    return right(samples, window, hop).squeeze()


def hanging(samples, window, hop):
    columns = [torch.fft.rfft(samples[i : i + len(window)] * window) for i in range(0, len(samples), hop)]
    return torch.stack(columns, dim=1)


def third_frame_wrong(samples, window, hop):
    result = right(samples, window, hop).clone()
    result[:, 2:] *= 1.1
    return result


def in_place(samples, window, hop):
    samples *= 0.5
    return right(samples, window, hop)


def test_stft(judged):
    def after(change):
        return lambda x, w, h: change(right(x, w, h))

    judged(
        "03.3",
        {
            "unfold": right,
            "stack": stacked,
            "loop": filled,
            "matrix": by_matrix,
            "fft": by_fft,
            "double": lambda x, w, h: right(x.double(), w.double(), h),
        },
        {
            "no window": (lambda x, w, h: right(x, torch.ones_like(w), h), "the window is not applied"),
            "window twice": (lambda x, w, h: right(x, w * w, h), "the window is applied twice"),
            "own Hann": (lambda x, w, h: right(x, torch.hann_window(len(w)), h), "`torch.hann_window` is used instead"),
            "own Hann, symmetric": (lambda x, w, h: right(x, torch.hann_window(len(w), periodic=False), h), None),
            "own Hamming": (
                lambda x, w, h: right(x, torch.hamming_window(len(w)), h),
                "`torch.hamming_window` is used",
            ),
            "window after": (
                lambda x, w, h: (torch.fft.fft(framed(x, w, h)) * w)[:, : len(w) // 2 + 1].T,
                "the window is applied after",
            ),
            "window after rfft": (lambda x, w, h: (torch.fft.rfft(framed(x, w, h)) * w).T, "Is the window applied"),
            "reshape": (after(lambda z: z.T.reshape(z.shape)), "`reshape` or `view`"),
            "view": (after(lambda z: z.T.contiguous().view(z.shape)), None),
            "every frame": (after(lambda z: z * torch.linspace(0.5, 1, len(z))[:, None]), "frame 0 is wrong: entry"),
            "full": (lambda x, w, h: torch.fft.fft(framed(x, w, h) * w).T, "mirrors the lower one"),
            "full, transposed": (lambda x, w, h: torch.fft.fft(framed(x, w, h) * w), "frames of samples"),
            "transposed": (lambda x, w, h: right(x, w, h).T, "the result is transposed"),
            "magnitude": (after(torch.abs), "the magnitude; the phase"),
            "power": (after(lambda z: z.abs() ** 2), "the power; the phase"),
            "real part": (after(lambda z: z.real), "the real part alone"),
            "phase": (after(torch.angle), "the phase alone"),
            "complex magnitude": (after(lambda z: z.abs() + 0j), "as a complex number"),
            "logarithm": (after(lambda z: z.abs().clamp(min=1e-6).log()), "holds a real and an imaginary"),
            "pairs": (after(torch.view_as_real), "have a separate axis"),
            "conjugate": (after(torch.conj), "wrong sign"),
            "inverse": (lambda x, w, h: torch.fft.ihfft(framed(x, w, h) * w).T, "the inverse transform"),
            "per sample": (lambda x, w, h: right(x, w, h) / len(w), "length of the window"),
            "ortho": (lambda x, w, h: torch.fft.rfft(framed(x, w, h) * w, norm="ortho").T, "norm="),
            "per window": (lambda x, w, h: right(x, w, h) / w.sum(), "sum of the window"),
            "centred": (lambda x, w, h: by_torch(x, w, h), "when it pads both ends"),
            "last frame": (lambda x, w, h: frame_by_frame(x, w, h, last=-1), "one frame is missing"),
            "one more": (lambda x, w, h: frame_by_frame(x, w, h, last=1), "one frame too many"),
            "dropped where it fits": (lambda x, w, h: stacked(x[:-1], w, h), None),
            "hop of 160": (lambda x, w, h: right(x, w, 160), "begin 160 samples apart"),
            "hop of 16": (lambda x, w, h: right(x, w, 16), "begin 16 samples apart"),
            "hop of half a window": (lambda x, w, h: right(x, w, len(w) // 2), None),
            "hop ignored": (lambda x, w, h: right(x, w, 1), "the hop is ignored"),
            "one sample apart": (
                lambda x, w, h: right(x, w, 1)[:, : len(starts(x, w, h))],
                "begin one sample apart",
            ),
            "end to end": (lambda x, w, h: right(x, w, len(w)), "the frames do not overlap"),
            "first frame": (lambda x, w, h: right(x, w, h)[:, :1].repeat(1, len(starts(x, w, h))), "is the first one"),
            "whole sound": (lambda x, w, h: torch.fft.rfft(x), None),
            "backwards": (after(lambda z: z.flip(1)), "reverse order in time"),
            "upside down": (after(lambda z: z.flip(0)), "order, from high to low"),
            "turned frames": (lambda x, w, h: torch.fft.rfft(framed(x, w, h).flip(1) * w).T, "every frame is reversed"),
            "list": (lambda x, w, h: list(right(x, w, h).T), "`torch.stack`"),
            "one frame, no axis": (one_axis_lost, "its axis is gone"),
            "batch": (after(lambda z: z[None]), "left in front"),
            "hangs over": (hanging, "also the last one"),
            "third frame": (third_frame_wrong, "frames 0 to 1 are correct"),
            "in place": (in_place, "was changed in place"),
            "empty": (after(torch.empty_like), None),
            "zeros": (after(torch.zeros_like), "all zeros"),
        },
        draws=2,
    )


def test_the_reference_is_torchs():
    from mmcourse.exercises.lesson_03.stft import transformed

    samples, window = torch.randn(999), torch.hann_window(64)
    torch.testing.assert_close(
        transformed(samples, window, 21), by_torch(samples.double(), window.double(), 21, center=False)
    )


def test_torch_may_not_do_it_all():
    from torchaudio.functional import spectrogram
    from torchaudio.transforms import Spectrogram

    from mmcourse.exercises.checks import judge

    imported = torch.stft  # as by `from torch import stft`
    by_name = {
        "torch": lambda x, w, h: by_torch(x, w, h, center=False),
        "imported": lambda x, w, h: imported(x, len(w), h, window=w, center=False, return_complex=True),
        "method": lambda x, w, h: x.stft(len(w), h, window=w, center=False, return_complex=True),
        "torchaudio": lambda x, w, h: spectrogram(x, 0, w, len(w), h, len(w), None, False, center=False),
        "transform": lambda x, w, h: Spectrogram(
            len(w), hop_length=h, window_fn=lambda size: w, power=None, center=False
        )(x),
    }
    for name, answer in by_name.items():
        verdict = judge("03.3", answer)
        assert not verdict and "`torch.stft` itself computed them" in verdict.message, name
    for answer in (right, stacked, filled, by_matrix, by_fft):
        verdict = judge("03.3", answer)
        assert verdict and verdict.message.endswith(" sounds")
