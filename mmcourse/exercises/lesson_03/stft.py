"""Exercise 03.3: the short-time Fourier transform by hand."""

import re

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_finite, expect_tensor, named_mistake, whole
from mmcourse.exercises.properties import expect_without


def frames_of(samples: Tensor, size: int, hop: int) -> Tensor:
    """(samples,) -> (T, W): every window that fits, as it is."""
    return samples.double().unfold(0, size, hop)


def transformed(samples: Tensor, window: Tensor, hop: int) -> Tensor:
    """What `stft` should give.   (samples,), (W,) -> (W // 2 + 1, T) complex"""
    return torch.fft.rfft(frames_of(samples, len(window), hop) * window).T


def without_mean(frames: Tensor) -> Tensor:
    return frames - frames.mean(-1, keepdim=True)


def power_of(samples: Tensor, window: Tensor, hop: int) -> Tensor:
    return transformed(samples, window, hop).abs().square()


def with_window(make):
    """The transform with another window, made for the right length, in place of the given one."""
    return lambda x, w, h: torch.fft.rfft(frames_of(x, len(w), h) * make(len(w))).T


HANN = "`torch.hann_window` is used instead of `window`: multiply by the given window, which may be another one"
HAMMING = "`torch.hamming_window` is used instead of `window`: multiply by the given window"
AFTER = "the window is applied after the transform: apply it to the samples of a frame, before `rfft`"
REAL_MISTAKES = [
    (lambda x, w, h: transformed(x, w, h).abs(), "the magnitude; the phase is lost, so omit `.abs()`"),
    (power_of, "the power; the phase is lost, so omit the square"),
    (
        lambda x, w, h: transformed(x, w, h).real,
        "the real part alone: the imaginary part, the other half of each number, is lost",
    ),
    (lambda x, w, h: transformed(x, w, h).imag, "the imaginary part alone: the real part is lost"),
    (lambda x, w, h: transformed(x, w, h).angle(), "the phase alone: the magnitude of each frequency is lost"),
]
STFT_MISTAKES = [
    (
        lambda x, w, h: torch.fft.rfft(frames_of(x, len(w), h)).T,
        "the window is not applied: multiply each frame by it before the transform",
    ),
    (
        lambda x, w, h: torch.fft.rfft(frames_of(x, len(w), h) * w * w).T,
        "the window is applied twice: multiply each frame by it once",
    ),
    (
        lambda x, w, h: transformed(x, w.flip(0), h),
        "the window is applied backwards: entry i of the window belongs to sample i of a frame",
    ),
    *(
        (mistaken, "the mean of each frame is subtracted: the frames are transformed as they are")
        for mistaken in (
            lambda x, w, h: torch.fft.rfft(without_mean(frames_of(x, len(w), h)) * w).T,
            lambda x, w, h: torch.fft.rfft(without_mean(frames_of(x, len(w), h) * w)).T,
        )
    ),
    (with_window(torch.hann_window), HANN),
    (with_window(lambda size: torch.hann_window(size, periodic=False)), HANN),
    (with_window(torch.hamming_window), HAMMING),
    (with_window(lambda size: torch.hamming_window(size, periodic=False)), HAMMING),
    (lambda x, w, h: (torch.fft.rfft(frames_of(x, len(w), h)) * w[: len(w) // 2 + 1]).T, AFTER),
    (
        lambda x, w, h: transformed(x, w, h).T.reshape(transformed(x, w, h).shape),
        "`reshape` or `view` only regroups the numbers: `.T` exchanges rows and columns",
    ),
    (
        lambda x, w, h: transformed(x, w, h).conj(),
        "every imaginary part has the wrong sign: is there a `conj` or an `ifft`?",
    ),
    (
        lambda x, w, h: torch.fft.ihfft(frames_of(x, len(w), h) * w).T,
        "the inverse transform: `torch.fft.rfft` goes from samples to frequencies",
    ),
    (lambda x, w, h: transformed(x, w, h) / len(w), "divided by the length of the window; nothing is averaged here"),
    (lambda x, w, h: transformed(x, w, h) / len(w) ** 0.5, 'divided by √W: is this `norm="ortho"`?'),
    (lambda x, w, h: transformed(x, w, h) / w.sum(), "divided by the sum of the window; nothing is normalised here"),
    (lambda x, w, h: transformed(x, w, h).flip(1), "the frames are in reverse order in time"),
    (lambda x, w, h: transformed(x, w, h).flip(0), "the frequencies are in reverse order, from high to low"),
    (lambda x, w, h: transformed(x.flip(0), w, h), "the sound is reversed"),
    (lambda x, w, h: power_of(x, w, h) + 0j, "the power, as complex numbers: the phase is lost"),
    (lambda x, w, h: transformed(x, w, h).real + 0j, "the imaginary parts are 0: only the real part is left"),
    (lambda x, w, h: transformed(x, w, h).square(), "every number is squared: return the transform itself"),
    (lambda x, w, h: -transformed(x, w, h), "every number has the other sign"),
    (
        lambda x, w, h: torch.cat([transformed(x, w, h)[:, :-1], torch.zeros(len(w) // 2 + 1, 1)], 1),
        "the last frame is still 0: it fits too",
    ),
    (
        lambda x, w, h: torch.cat([torch.zeros(len(w) // 2 + 1, 1), transformed(x, w, h)[:, 1:]], 1),
        "the first frame is still 0: frames count from 0",
    ),
    (lambda x, w, h: transformed(x, w + 1, h), "1 is added to the window"),
    (lambda x, w, h: torch.fft.rfft(frames_of(x, len(w), h) / w).T, "each frame is divided by the window"),
    (lambda x, w, h: torch.fft.rfft(frames_of(x, len(w), h) + w).T, "the window is added; multiply by it"),
    (with_window(torch.blackman_window), "`torch.blackman_window` is used instead of `window`"),
    (lambda x, w, h: transformed(x, w, h).abs() + 0j, "the magnitude as a complex number: the phase is lost"),
    (
        lambda x, w, h: transformed(x, w, h)[:, :1].expand(-1, transformed(x, w, h).shape[1]),
        "every frame is the first one: frame t begins at `t * hop`",
    ),
    (
        lambda x, w, h: transformed(x, w, 1)[:, : transformed(x, w, h).shape[1]],
        "the frames begin one sample apart: frame t begins at `t * hop`",
    ),
    (
        lambda x, w, h: torch.fft.rfft(frames_of(x, len(w), h).flip(1) * w).T,
        "every frame is reversed in time",
    ),
    (
        lambda x, w, h: torch.fft.fft(frames_of(x, len(w), h) * w).flip(1)[:, : len(w) // 2 + 1].T,
        "the upper half of `torch.fft.fft`: the frequencies up to half the rate come first",
    ),
    (lambda x, w, h: torch.zeros_like(transformed(x, w, h)), "all zeros: was anything assigned to the result?"),
]


def shape_causes(samples: int, size: int, hop: int) -> dict[tuple, str]:
    """What each wrong shape of the result comes from."""
    bins, frames = size // 2 + 1, (samples - size) // hop + 1
    counts = {
        1: "there is one frame, where the sound is to be split into several",
        hop: "there are `hop` frames: `hop` is the distance between them, not their number",
        samples // hop: "the last frames extend beyond the end: without padding only whole windows count",
        -(-samples // hop): "the last frames extend beyond the end: without padding only whole windows count",
        samples // hop + 1: "as many frames as `torch.stft` gives when it pads both ends; here nothing is added",
        frames + 1: "one frame too many: the last window would extend beyond the end",
        frames - 1: "one frame is missing: the last one that fits, from exercise 03.2, counts too",
        samples - size + 1: "the hop is ignored: frame t begins at `t * hop`",
        samples - size: "the hop is ignored: frame t begins at `t * hop`",
        samples // size: "the frames do not overlap: frame t begins at `t * hop`",
    }
    causes = {(bins, count): words for count, words in counts.items() if count != frames}
    causes |= {
        (frames, bins): "the result is transposed: frequencies are rows, frames are columns",
        (size, frames): "the upper half of `torch.fft.fft` mirrors the lower one; `rfft` omits it",
        (
            frames,
            size,
        ): "frames of samples, or `torch.fft.fft` and its transpose: take `rfft`, and a column for each frame",
        (bins - 1, frames): "one frequency is missing: there are W // 2 + 1, with 0 and half the rate both included",
        (size + 1, frames): "the transform is twice as long as the frame, filled up with zeros: is there an `n=`? "
        "`rfft` of W samples gives W // 2 + 1 frequencies",
        (bins, frames, 2): "real and imaginary part have a separate axis: return complex numbers",
        (1, bins, frames): "one axis of size 1 is left in front: take `[0]`",
        (size, frames, 1): "one axis of size 1 is left at the end",
        (bins * frames,): "the values are in one row: `torch.stack` the frames",
        (
            size,
            frames // 2 + 1,
        ): "the transform runs along the frames: apply it to the samples of each frame, the last axis",
        (
            2 ** (size - 1).bit_length() // 2 + 1,
            frames,
        ): "the transform is as long as the next power of two, filled up with zeros (`n=`); it is as long as a frame",
        (frames // 2 + 1, size): "the transform runs along the frames: apply it to the samples of each frame",
        (size // 2 + 1,): "that is a single frame: expected one column per frame",
    }
    if bins == frames:
        causes.pop((frames, bins))
    return causes


@exercise(
    "03.3",
    title="the short-time Fourier transform",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "Frame t is the `len(window)` samples that begin at `t * hop`. Exercise 03.2 says how many frames there are.",
        "Multiply a frame by the window, then `torch.fft.rfft` gives its W // 2 + 1 complex numbers: one column.",
        "`torch.stack` joins columns along an axis `dim=`. Or: `samples.unfold(0, size, hop)` is all frames at once.",
    ),
)
def stft(answer, rng):
    sizes = [
        (96, 18, 6),
        (100, 16, 7),
        (103, 16, 6),
        (103, 16, 8),  # one sample less than another frame would need
        (97, 20, 5),
        (64, 15, 7),
        (60, 60, 8),
        (whole(rng, 150, 190), 32, 11),
    ]
    cases, given = [], []
    for samples, size, hop in sizes:
        sound = torch.randn(samples, generator=rng)
        window = torch.hann_window(size) + 0.3 * torch.rand(size, generator=rng)  # not symmetric
        where = f"for {samples} samples, a window of {size} and a hop of {hop}"
        frames = (samples - size) // hop + 1
        try:
            result = answer(sound, window, hop)
        except Mistake as problem:
            raise Mistake(f"{where}: {problem}{of_sizes(str(problem), size)}") from None
        if frames == 1 and isinstance(result, Tensor) and tuple(result.shape) == (size // 2 + 1,):
            raise Mistake(f"{where} there is one frame, and its axis is gone: the shape is {tuple(result.shape)}")
        expected = (size // 2 + 1, frames)
        if isinstance(result, Tensor) and tuple(result.shape) != expected:
            expect_hop(answer, where, rng)
        result = expect_tensor(result, where, expected, shape_causes(samples, size, hop))
        expect_finite(result, where, "was every entry assigned? Is there a `torch.empty`, which is not initialised?")
        cases.append((sound, window, hop))
        given.append(result)
    if not all(result.is_complex() for result in given):
        words = named_mistake(cases, given, REAL_MISTAKES) or "each holds a real and an imaginary part"
        raise Mistake(f"the result has type {given[0].dtype}, expected complex numbers: {words}")
    expected = [transformed(*case) for case in cases]
    if all(agrees(a, b) for a, b in zip(given, expected, strict=True)):
        expect_without(
            answer,
            cases[0],
            {"stft"},
            "the numbers are correct, but `torch.stft` itself computed them, which is not allowed here: split into "
            "frames and use `torch.fft.rfft`",
        )
        return f"equal to `torch.stft` with `center=False` on {len(cases)} sounds"
    i = next(i for i in range(len(given)) if not agrees(given[i], expected[i]))
    samples, size, hop = sizes[i]
    words = named_mistake(cases, given, STFT_MISTAKES) or where_wrong(given[i], expected[i])
    raise Mistake(f"for {samples} samples, a window of {size} and a hop of {hop}: {words}")


def of_sizes(problem: str, size: int) -> str:
    """What sizes that do not fit together come from, as far as torch's message shows."""
    sizes = re.search(r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", problem)
    if sizes is None:
        return ""
    if {int(sizes[1]), int(sizes[2])} == {size, size // 2 + 1}:
        return (
            ". A frame has W samples, its transform W // 2 + 1 numbers: apply the window to the samples, before `rfft`"
        )
    return ". Every frame is `len(window)` long, also the last one"


def expect_hop(answer, where: str, rng: torch.Generator) -> None:
    """Refuse an answer whose frames are the same for every hop. Asked where a shape is wrong."""
    sound, window = torch.randn(1000, generator=rng), torch.rand(37, generator=rng) + 0.5
    try:
        first, second = answer(sound, window, 7), answer(sound, window, 13)
    except Mistake:
        return
    if not all(isinstance(result, Tensor) and result.ndim == 2 for result in (first, second)):
        return
    first, second = first.detach().cpu(), second.detach().cpu()
    end_to_end = len(sound) // len(window)
    if not agrees(first, second) or min(first.shape) == 1 or end_to_end in first.shape:
        return
    if first.ndim == 2 and len(first) != len(window) // 2 + 1:
        return
    counted = [hop for hop in range(1, 964) if (len(sound) - len(window)) // hop + 1 == first.shape[1]]
    every = next((hop for hop in counted if agrees(first, transformed(sound, window, hop))), None)
    half = len(window) // 2
    if every == half:
        raise Mistake(f"{where} the frames begin half a window apart, `len(window) // 2`; frame t begins at `t * hop`")
    if every == 1:
        raise Mistake(f"{where} the hop is ignored: a frame begins at every sample. Frame t begins at `t * hop`")
    parts = {len(window) // n: f"`len(window) // {n}`" for n in (4, 3, 2)} | {len(window): "`len(window)`"}
    apart = f"the frames begin {parts.get(every, every)} samples apart" if every else "the frames are the same"
    raise Mistake(f"{where} {apart}, whatever `hop` is: frame t begins at `t * hop`")


def where_wrong(given: Tensor, expected: Tensor) -> str:
    """The first frame that differs, in words."""
    off = (given - expected).abs().amax(0) > 1e-3 * expected.abs().max()  # (T,)
    frame = int(off.nonzero()[0]) if off.any() else int((given - expected).abs().amax(0).argmax())
    row = int((given - expected).abs()[:, frame].argmax())
    before = f"frames 0 to {frame - 1} are correct" if frame > 1 else "frame 0 is correct"
    position = f"{before}, frame {frame} is not" if frame else "frame 0 is wrong"
    return f"{position}: entry [{row}, {frame}] is {number(given[row, frame])}, expected {number(expected[row, frame])}"


def number(value: Tensor) -> str:
    """A complex number with two decimals."""
    value = complex(value)
    return f"{value.real:.2f}{value.imag:+.2f}j"
