"""Answers to the exercises of lesson 03."""

import math
import random
from collections import defaultdict
from itertools import compress

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import melscale_fbanks

from . import right, wrong

# 03.1 aliasing


@right("03.1", "the formula")
def alias(frequency: float, rate: float) -> float:
    return abs(frequency - rate * round(frequency / rate))


@right("03.1", "the remainder, mirrored")
def alias(frequency, rate):
    rest = frequency % rate
    return min(rest, rate - rest)


@right("03.1", "subtracts in a loop")
def alias(frequency, rate):
    while frequency > rate / 2:
        frequency = abs(frequency - rate)
    return frequency


@right("03.1", "recursion")
def alias(frequency, rate):
    if frequency <= rate / 2:
        return frequency
    return alias_again(abs(frequency - rate), rate)


def alias_again(frequency, rate):
    return frequency if frequency <= rate / 2 else alias_again(abs(frequency - rate), rate)


@right("03.1", "floor of half a step more, as a float")
def alias(frequency, rate):
    nearest = math.floor(frequency / rate + 0.5)
    return float(np.abs(frequency - rate * nearest))


@right("03.1", "the remainder of the standard")
def alias(frequency, rate):
    return abs(math.remainder(frequency, rate))


@wrong("03.1", "no absolute value", says=r"absolut|negative|abs|sign|\|")
def alias(frequency, rate):
    return frequency - rate * round(frequency / rate)


@wrong("03.1", "rounds down", says=r"round|nearest|floor|down|int\b|//")
def alias(frequency, rate):
    return abs(frequency - rate * int(frequency / rate))


@wrong("03.1", "rounds up", says=r"round|nearest|ceil|\bup\b")
def alias(frequency, rate):
    return abs(frequency - rate * math.ceil(frequency / rate))


@wrong("03.1", "the remainder alone", says=r"round|nearest|floor|remainder|%|modulo|half|Nyquist|rate / 2|mirror")
def alias(frequency, rate):
    return frequency % rate


@wrong(
    "03.1",
    "mirrored once only",
    says=r"round|several|once|multiple|higher|any frequency|rate \*|more than|repeat|f / r",
)
def alias(frequency, rate):
    if frequency <= rate / 2:
        return frequency
    return abs(rate - frequency)


@wrong("03.1", "multiples of the Nyquist frequency", says=r"half|Nyquist|rate / 2|rate")
def alias(frequency, rate):
    nyquist = rate / 2
    return abs(frequency - nyquist * round(frequency / nyquist))


@wrong("03.1", "remainder of the Nyquist frequency", says=r"half|Nyquist|rate / 2|mirror|round|rate")
def alias(frequency, rate):
    return frequency % (rate / 2)


@wrong("03.1", "limited to the Nyquist frequency", says=r"Nyquist|limit|clip|min|fold|mirror|appear|rate / 2|half")
def alias(frequency, rate):
    return min(frequency, rate / 2)


@wrong("03.1", "quotient upside down", says=r"f / r|frequency / rate|revers|swap|quotient|divi|round")
def alias(frequency, rate):
    return abs(frequency - rate * round(rate / frequency))


@wrong("03.1", "rate missing before the rounded number", says=r"rate|multipl|times|r ?[·*]")
def alias(frequency, rate):
    return abs(frequency - round(frequency / rate))


@wrong("03.1", "cut to a whole number", says=r"whole|integer|int\b|fraction|decimal|round")
def alias(frequency, rate):
    return int(abs(frequency - rate * round(frequency / rate)))


@wrong("03.1", "arguments swapped", says=r"order|swap|exchang|frequency, rate|first")
def alias(rate, frequency):
    return abs(frequency - rate * round(frequency / rate))


@wrong("03.1", "rate of 4,000 hard-coded", says=r"rate|4.?000|hard")
def alias(frequency, rate):
    return abs(frequency - 4_000 * round(frequency / 4_000))


@wrong(
    "03.1", "low frequencies are mirrored too", says=r"below|low|Nyquist|unchanged|round|half|nearest|always mirrored"
)
def alias(frequency, rate):
    return abs(rate - frequency % rate)


@right("03.1", "shifted by half the rate before the remainder")
def alias(frequency, rate):
    return abs((frequency + rate / 2) % rate - rate / 2)


@right("03.1", "the angle of one step on the circle")
def alias(frequency, rate):
    angle = 2 * math.pi * frequency / rate
    return abs(math.atan2(math.sin(angle), math.cos(angle))) * rate / (2 * math.pi)


@right("03.1", "the nearest of all multiples of the rate")
def alias(frequency, rate):
    return min(abs(frequency - k * rate) for k in range(int(frequency // rate) + 2))


@wrong("03.1", "mirrored at the Nyquist frequency once", says=r"once|any|multiple|higher|1\.5|negative|beyond|above")
def alias(frequency, rate):
    nyquist = rate / 2
    return nyquist - abs(frequency - nyquist)


@wrong(
    "03.1", "the rate subtracted once if the frequency is above Nyquist", says=r"once|multiple|higher|1\.5|nearer|any"
)
def alias(frequency, rate):
    return abs(frequency - rate * (frequency > rate / 2))


@wrong("03.1", "the result rounded to hertz", says=r"round|fraction|whole|integer|decimal|cut off")
def alias(frequency, rate):
    return round(abs(frequency - rate * round(frequency / rate)))


@wrong("03.1", "half the rate in the quotient alone", says=r"half|Nyquist|rate / 2|f / r|frequency / rate")
def alias(frequency, rate):
    return abs(frequency - rate * round(frequency / (rate / 2)))


# 03.2 number of frames


@right("03.2", "the formula with a condition")
def n_frames(samples: int, window: int, hop: int) -> int:
    if samples < window:
        return 0
    return (samples - window) // hop + 1


@right("03.2", "max with 0")
def n_frames(samples, window, hop):
    return max(0, (samples - window) // hop + 1)


@right("03.2", "counts the starts")
def n_frames(samples, window, hop):
    n, start = 0, 0
    while start + window <= samples:
        n += 1
        start += hop
    return n


@right("03.2", "the length of a range")
def n_frames(samples, window, hop):
    return len(range(0, samples - window + 1, hop))


@right("03.2", "recursion")
def n_frames(samples, window, hop):
    def count(left):
        return 0 if left < window else 1 + count(left - hop)

    return count(samples)


@wrong("03.2", "short sounds give a negative number", says=r"short|negative|\b0\b|none")
def n_frames(samples, window, hop):
    return (samples - window) // hop + 1


@wrong("03.2", "short sounds have one frame", says=r"short|\b0\b|none|no frame")
def n_frames(samples, window, hop):
    return max(1, (samples - window) // hop + 1)


@wrong("03.2", "the difference is limited, so short sounds have one", says=r"short|\b0\b|none|no frame")
def n_frames(samples, window, hop):
    return max(0, samples - window) // hop + 1


@wrong("03.2", "plus 1 forgotten", says=r"\+ ?1|first|one (frame|too|less|short|more)|add 1|plus 1")
def n_frames(samples, window, hop):
    return max(0, (samples - window) // hop)


@wrong("03.2", "window ignored", says=r"window|whole|entirely|last|beyond|end|W\b")
def n_frames(samples, window, hop):
    return samples // hop


@wrong("03.2", "as with a padded sound", says=r"window|whole|entirely|pad|beyond|end|W\b|within")
def n_frames(samples, window, hop):
    return samples // hop + 1


@wrong("03.2", "hop ignored", says=r"hop|overlap")
def n_frames(samples, window, hop):
    return samples // window


@wrong("03.2", "rounds up, so a part of a frame counts", says=r"whole|entirely|round|down|ceil|part|floor|//|\bup\b")
def n_frames(samples, window, hop):
    if samples < window:
        return 0
    return math.ceil((samples - window) / hop) + 1


@wrong("03.2", "a division without rounding down", says=r"whole|integer|int\b|float|round|floor|//")
def n_frames(samples, window, hop):
    if samples < window:
        return 0
    return (samples - window) / hop + 1


@wrong("03.2", "window and hop swapped", says=r"swap|order|hop|window|exchang")
def n_frames(samples, window, hop):
    if samples < window:
        return 0
    return (samples - hop) // window + 1


@wrong(
    "03.2",
    "a sound as long as the window has none",
    says=r"exactly|equal|as long as|<=|>=|one window|short|one frame|\b1\b",
)
def n_frames(samples, window, hop):
    if samples <= window:
        return 0
    return (samples - window) // hop + 1


@wrong("03.2", "plus 1 inside the fraction", says=r"\+ ?1|outside|after the division|before the division|plus 1|first")
def n_frames(samples, window, hop):
    return max(0, (samples - window + 1) // hop)


@wrong("03.2", "window of 400 and hop of 160 hard-coded", says=r"hard|400 and 160|instead of `?(window|hop)")
def n_frames(samples, window, hop):
    return max(0, (samples - 400) // 160 + 1)


@right("03.2", "a quotient rounded up")
def n_frames(samples, window, hop):
    return max(0, math.ceil((samples - window + 1) / hop))


@right("03.2", "the number of rows of unfold")
def n_frames(samples, window, hop):
    return torch.empty(samples).unfold(0, window, hop).shape[0] if samples >= window else 0


@right("03.2", "sum over all possible starts")
def n_frames(samples, window, hop):
    return sum(start % hop == 0 and start + window <= samples for start in range(samples))


@wrong("03.2", "rounded to the nearest number", says=r"round|whole|nearest|down|//")
def n_frames(samples, window, hop):
    return max(0, round((samples - window) / hop) + 1)


@wrong("03.2", "samples and window divided separately", says=r"first|together|separate|difference|subtract")
def n_frames(samples, window, hop):
    return max(0, samples // hop - window // hop + 1)


@wrong("03.2", "padding of half a window on both sides", says=r"pad|centr|both|within|whole")
def n_frames(samples, window, hop):
    return (samples + 2 * (window // 2) - window) // hop + 1


@wrong("03.2", "None for a short sound", says=r"None|short|\b0\b|return")
def n_frames(samples, window, hop):
    if samples >= window:
        return (samples - window) // hop + 1


# 03.3 the short-time Fourier transform


@right("03.3", "unfold and rfft")
def stft(samples: Tensor, window: Tensor, hop: int) -> Tensor:
    frames = samples.unfold(0, len(window), hop)
    return torch.fft.rfft(frames * window).T


@right("03.3", "a loop over the frames")
def stft(samples, window, hop):
    W = window.shape[0]
    columns = []
    for start in range(0, samples.shape[0] - W + 1, hop):
        frame = samples[start : start + W] * window
        columns.append(torch.fft.rfft(frame))
    return torch.stack(columns, dim=1)


@right("03.3", "the sum of the formula as a matrix product")
def stft(samples, window, hop):
    W = len(window)
    frames = samples.unfold(0, W, hop) * window
    k, n = torch.arange(W // 2 + 1)[:, None], torch.arange(W)
    waves = torch.exp(-2j * torch.pi * ((k * n) % W) / W)
    return waves.to(torch.complex64) @ frames.T.to(torch.complex64)


@right("03.3", "numpy")
def stft(samples, window, hop):
    W = len(window)
    frames = np.lib.stride_tricks.sliding_window_view(samples.numpy(), W)[::hop]
    return torch.from_numpy(np.fft.rfft(frames * window.numpy(), axis=1).T)


@right("03.3", "columns written into zeros, the upper half of fft cut off")
def stft(samples, window, hop):
    W = len(window)
    T = (len(samples) - W) // hop + 1
    result = torch.zeros(W // 2 + 1, T, dtype=torch.complex64)
    for t in range(T):
        result[:, t] = torch.fft.fft(window * samples[t * hop : t * hop + W])[: W // 2 + 1]
    return result


@wrong("03.3", "no window", says=r"window")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop)).T


@wrong("03.3", "the window applied twice", says=r"window|twice|squar")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window * window).T


@wrong("03.3", "a Hann window in place of the given one", says=r"window|given|Hann")
def stft(samples, window, hop):
    W = len(window)
    return torch.fft.rfft(samples.unfold(0, W, hop) * torch.hann_window(W)).T


@wrong("03.3", "frames in rows", says=r"transpos|rows|columns|shape|W // 2")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window)


@wrong("03.3", "torch.stft, which the text rules out", says=r"stft|allowed|yourself|without")
def stft(samples, window, hop):
    W = len(window)
    return torch.stft(samples, W, hop, W, window, center=False, return_complex=True)


@wrong("03.3", "torch.stft with its padding", says=r"stft|pad|cent|allowed|yourself|whole|frames")
def stft(samples, window, hop):
    W = len(window)
    return torch.stft(samples, W, hop, W, window, return_complex=True)


@wrong("03.3", "all W frequencies", says=r"W // 2|rfft|mirror|half|shape|frequenc")
def stft(samples, window, hop):
    return torch.fft.fft(samples.unfold(0, len(window), hop) * window).T


@wrong("03.3", "magnitudes", says=r"complex|abs|magnitude|phase")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window).T.abs()


@wrong("03.3", "the real part", says=r"complex|real|phase|imagin")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window).T.real


@wrong("03.3", "the last frame missing", says=r"last|one (frame|too|column)|frames|\+ ?1|shape|columns")
def stft(samples, window, hop):
    W = len(window)
    starts = range(0, len(samples) - W, hop)
    return torch.stack([torch.fft.rfft(samples[s : s + W] * window) for s in starts], dim=1)


@wrong("03.3", "the rest of the sound padded to a frame", says=r"whole|pad|last|frames|rest|incomplete|shape|columns")
def stft(samples, window, hop):
    W = len(window)
    padded = F.pad(samples, (0, W))
    starts = range(0, len(samples), hop)
    return torch.stack([torch.fft.rfft(padded[s : s + W] * window) for s in starts], dim=1)


@wrong("03.3", "frames do not overlap, hop ignored", says=r"hop|overlap|frames|shape|columns")
def stft(samples, window, hop):
    W = len(window)
    return torch.fft.rfft(samples.unfold(0, W, W) * window).T


@wrong("03.3", "a hop of one sample", says=r"hop|every sample|frames|shape|columns")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), 1) * window).T


@wrong(
    "03.3",
    "transform over the frames in place of the samples",
    says=r"axis|dim|each frame|samples|shape|rows|over the frames|along",
)
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window, dim=0)


@wrong("03.3", "divided by the window's length", says=r"divid|scal|normal|factor|length|W\b|mean")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window, norm="forward").T


@wrong(
    "03.3", "conjugate, a plus in the exponent", says=r"sign|conjugat|exponent|minus|e\^|imagin|-2|inverse|adjoint|\.H"
)
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window).mH


@wrong("03.3", "window of 400 hard-coded", says=r"hard|400|len\(window\)")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, 400, hop) * window).T


@wrong("03.3", "one transform of the whole sound", says=r"frame|whole|shape|split|hop|each")
def stft(samples, window, hop):
    return torch.fft.rfft(samples, n=len(window))


@right("03.3", "a convolution with windowed waves")
def stft(samples, window, hop):
    W = len(window)
    angles = 2 * math.pi * torch.arange(W // 2 + 1)[:, None] * torch.arange(W) / W
    kernels = torch.cat([angles.cos(), -angles.sin()]) * window
    real, imaginary = F.conv1d(samples[None, None], kernels[:, None], stride=hop)[0].chunk(2)
    return torch.complex(real, imaginary)


@right("03.3", "as_strided frames, transposed before the transform")
def stft(samples, window, hop):
    W = window.numel()
    T = 1 + (samples.numel() - W) // hop
    frames = samples.contiguous().as_strided((W, T), (1, hop))
    return torch.fft.rfft(frames * window[:, None], dim=0)


@wrong(
    "03.3", "the window multiplied after the transform", says=r"window|before the transform|after the transform|frame"
)
def stft(samples, window, hop):
    W = len(window)
    return (torch.fft.rfft(samples.unfold(0, W, hop)) * window[: W // 2 + 1]).T


@wrong("03.3", "the window backwards", says=r"revers|backward|flip")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window.flip(0)).T


@wrong("03.3", "the mean of each frame subtracted", says=r"mean|subtract|constant|k = 0|frequency 0")
def stft(samples, window, hop):
    frames = samples.unfold(0, len(window), hop)
    return torch.fft.rfft((frames - frames.mean(dim=1, keepdim=True)) * window).T


@wrong("03.3", "the power", says=r"complex|power|squar|abs")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window).T.abs() ** 2


@wrong("03.3", "the magnitude as a complex number", says=r"phase|magnitude|abs|imagin")
def stft(samples, window, hop):
    return torch.fft.rfft(samples.unfold(0, len(window), hop) * window).T.abs().to(torch.complex64)


@wrong("03.3", "the transform twice as long, with zeros", says=r"n=|zeros|length of the transform|twice|W // 2")
def stft(samples, window, hop):
    W = len(window)
    return torch.fft.rfft(samples.unfold(0, W, hop) * window, n=2 * W).T


@wrong("03.3", "a hop of half a window", says=r"hop|overlap|half")
def stft(samples, window, hop):
    W = len(window)
    return torch.fft.rfft(samples.unfold(0, W, W // 2) * window).T


@wrong(
    "03.3", "the highest frequency missing", says=r"W // 2 \+ 1|W / 2|last|highest|shape|one (row|frequency)|Nyquist"
)
def stft(samples, window, hop):
    W = len(window)
    return torch.fft.rfft(samples.unfold(0, W, hop) * window).T[: W // 2]


@wrong(
    "03.3",
    "all frames of the same start, the loop variable unused",
    says=r"frame|start|same|first|t \* hop|equal|column",
)
def stft(samples, window, hop):
    W = len(window)
    T = (len(samples) - W) // hop + 1
    return torch.stack([torch.fft.rfft(samples[:W] * window) for _ in range(T)], dim=1)


# 03.4 mel filters


def to_mel(hertz):
    return 2595 * math.log10(1 + hertz / 700)


def to_hertz(mel):
    return 700 * (10 ** (mel / 2595) - 1)


def points(n_mels, rate):
    return to_hertz(torch.linspace(0, to_mel(rate / 2), n_mels + 2))


def triangles(p, f):
    up = (f[:, None] - p[:-2]) / (p[1:-1] - p[:-2])
    down = (p[2:] - f[:, None]) / (p[2:] - p[1:-1])
    return torch.minimum(up, down).clamp(min=0)


@right("03.4", "the smaller of two slopes, not below 0")
def mel_filters(n_mels: int, n_bins: int, rate: float) -> Tensor:
    top = 2595 * math.log10(1 + rate / 2 / 700)
    mel = torch.linspace(0, top, n_mels + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    f = torch.linspace(0, rate / 2, n_bins)[:, None]
    rising = (f - hertz[:-2]) / (hertz[1:-1] - hertz[:-2])
    falling = (hertz[2:] - f) / (hertz[2:] - hertz[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


@right("03.4", "two loops with conditions")
def mel_filters(n_mels, n_bins, rate):
    top = 2595 * math.log10(1 + (rate / 2) / 700)
    hertz = [700 * (10 ** (i * top / (n_mels + 1) / 2595) - 1) for i in range(n_mels + 2)]
    filters = torch.zeros(n_bins, n_mels)
    for k in range(n_bins):
        f = k * (rate / 2) / (n_bins - 1)
        for j in range(n_mels):
            left, peak, end = hertz[j : j + 3]
            if left <= f <= peak:
                filters[k, j] = (f - left) / (peak - left)
            elif peak < f <= end:
                filters[k, j] = (end - f) / (end - peak)
    return filters


@right("03.4", "numpy's interp")
def mel_filters(n_mels, n_bins, rate):
    mel = np.linspace(0, 2595 * np.log10(1 + rate / 1400), n_mels + 2)
    hertz = 700 * (10 ** (mel / 2595) - 1)
    f = np.linspace(0, rate / 2, n_bins)
    columns = [np.interp(f, hertz[j : j + 3], [0, 1, 0]) for j in range(n_mels)]
    return torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)


@right("03.4", "torchaudio's function")
def mel_filters(n_mels, n_bins, rate):
    return melscale_fbanks(n_bins, 0.0, rate / 2, n_mels, int(rate))


@right("03.4", "natural logarithm, whose factor cancels")
def mel_filters(n_mels, n_bins, rate):
    mel = torch.linspace(0, math.log1p(rate / 2 / 700), n_mels + 2, dtype=torch.float64)
    p = 700 * torch.expm1(mel)
    f = torch.linspace(0, rate / 2, n_bins, dtype=torch.float64)
    return triangles(p, f).float()


@wrong("03.4", "points evenly in hertz", says=r"mel|even|hertz|spac")
def mel_filters(n_mels, n_bins, rate):
    return triangles(torch.linspace(0, rate / 2, n_mels + 2), torch.linspace(0, rate / 2, n_bins))


@wrong("03.4", "n_mels points, so two filters are missing", says=r"n_mels|shape|points|\+ ?2|filters")
def mel_filters(n_mels, n_bins, rate):
    return triangles(points(n_mels - 2, rate), torch.linspace(0, rate / 2, n_bins))


@wrong("03.4", "filters in rows", says=r"transpos|shape|rows|columns|n_bins")
def mel_filters(n_mels, n_bins, rate):
    return triangles(points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)).T


@wrong("03.4", "up to rate in place of rate / 2", says=r"rate / 2|half|Nyquist|rate")
def mel_filters(n_mels, n_bins, rate):
    return triangles(points(n_mels, 2 * rate), torch.linspace(0, rate, n_bins))


@wrong("03.4", "points up to rate, frequencies up to rate / 2", says=r"rate / 2|half|Nyquist|rate|points")
def mel_filters(n_mels, n_bins, rate):
    return triangles(points(n_mels, 2 * rate), torch.linspace(0, rate / 2, n_bins))


@wrong("03.4", "values below 0 kept", says=r"negative|below 0|clamp|outside|\b0\b")
def mel_filters(n_mels, n_bins, rate):
    p, f = points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)
    up = (f[:, None] - p[:-2]) / (p[1:-1] - p[:-2])
    down = (p[2:] - f[:, None]) / (p[2:] - p[1:-1])
    return torch.minimum(up, down)


@wrong("03.4", "divided by the area", says=r"area|peak|\b1\b|normal|height|sum|largest|width|scal")
def mel_filters(n_mels, n_bins, rate):
    p = points(n_mels, rate)
    return triangles(p, torch.linspace(0, rate / 2, n_bins)) * 2 / (p[2:] - p[:-2])


@wrong("03.4", "each filter sums to 1", says=r"sum|peak|\b1\b|normal|height|scal")
def mel_filters(n_mels, n_bins, rate):
    filters = triangles(points(n_mels, rate), torch.linspace(0, rate / 2, n_bins))
    return filters / filters.sum(dim=0, keepdim=True).clamp(min=1e-9)


@wrong("03.4", "slopes linear in mel", says=r"linear|hertz|mel|slope|curve|straight")
def mel_filters(n_mels, n_bins, rate):
    mel = torch.linspace(0, to_mel(rate / 2), n_mels + 2)
    f = 2595 * torch.log10(1 + torch.linspace(0, rate / 2, n_bins) / 700)
    return triangles(mel, f)


@wrong("03.4", "minus 1 forgotten on the way back to hertz", says=r"- ?1|inverse|back|hertz|700|formula|\b0\b|point")
def mel_filters(n_mels, n_bins, rate):
    p = 700 * 10 ** (torch.linspace(0, to_mel(rate / 2), n_mels + 2) / 2595)
    return triangles(p, torch.linspace(0, rate / 2, n_bins))


@wrong(
    "03.4", "natural logarithm one way, powers of ten back", says=r"log|10|base|inverse|back|formula|natural|point|mel"
)
def mel_filters(n_mels, n_bins, rate):
    top = 2595 * math.log(1 + rate / 2 / 700)
    p = 700 * (10 ** (torch.linspace(0, top, n_mels + 2) / 2595) - 1)
    return triangles(p, torch.linspace(0, rate / 2, n_bins))


@wrong("03.4", "points rounded to bins", says=r"round|bin|nearest|between|exact|point|grid|hertz")
def mel_filters(n_mels, n_bins, rate):
    step = rate / 2 / (n_bins - 1)
    p = (points(n_mels, rate) / step).round()
    f = torch.arange(n_bins, dtype=torch.float32)
    filters = torch.zeros(n_bins, n_mels)
    for j in range(n_mels):
        left, peak, end = p[j : j + 3]
        up = (f - left) / max(peak - left, 1)
        down = (end - f) / max(end - peak, 1)
        filters[:, j] = torch.minimum(up, down).clamp(min=0)
    return filters


@wrong("03.4", "the last frequency below rate / 2", says=r"n_bins|rate / 2|last|even|frequenc|n_bins - 1|linspace|spac")
def mel_filters(n_mels, n_bins, rate):
    f = torch.arange(n_bins) * (rate / 2) / n_bins
    return triangles(points(n_mels, rate), f)


@wrong("03.4", "rectangles", says=r"linear|rise|triang|slope|\b1\b|between")
def mel_filters(n_mels, n_bins, rate):
    p, f = points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)
    return torch.stack([((f >= p[j]) & (f < p[j + 2])).float() for j in range(n_mels)], dim=1)


@wrong("03.4", "the rising side only", says=r"fall|down|second|rises|right|after|peak|j \+ 2")
def mel_filters(n_mels, n_bins, rate):
    p, f = points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)
    filters = torch.zeros(n_bins, n_mels)
    for j in range(n_mels):
        inside = (f >= p[j]) & (f <= p[j + 1])
        filters[inside, j] = (f[inside] - p[j]) / (p[j + 1] - p[j])
    return filters


@wrong("03.4", "filters from point to next point, without overlap", says=r"overlap|j \+ 2|point|peak|width|wide|narrow")
def mel_filters(n_mels, n_bins, rate):
    p = to_hertz(torch.linspace(0, to_mel(rate / 2), n_mels + 1))
    f = torch.linspace(0, rate / 2, n_bins)[:, None]
    middle, half = (p[1:] + p[:-1]) / 2, (p[1:] - p[:-1]) / 2
    return (1 - (f - middle).abs() / half).clamp(min=0)


@wrong("03.4", "a numpy array", says=r"tensor|numpy|array")
def mel_filters(n_mels, n_bins, rate):
    p, f = points(n_mels, rate).numpy(), np.linspace(0, rate / 2, n_bins)
    return np.stack([np.interp(f, p[j : j + 3], [0, 1, 0]) for j in range(n_mels)], axis=1)


@wrong("03.4", "rate of 16,000 hard-coded", says=r"rate|16.?000|8.?000|hard")
def mel_filters(n_mels, n_bins, rate):
    return triangles(points(n_mels, 16_000), torch.linspace(0, 8_000, n_bins))


@right("03.4", "a function for one triangle")
def mel_filters(n_mels, n_bins, rate):
    def hertz(i):
        top = math.log10(1 + rate / 2 / 700)
        return 700 * (10 ** (top * i / (n_mels + 1)) - 1)

    f = torch.arange(n_bins, dtype=torch.float64) * rate / 2 / (n_bins - 1)

    def triangle(j):
        left, peak, end = hertz(j), hertz(j + 1), hertz(j + 2)
        value = torch.where(f <= peak, (f - left) / (peak - left), (end - f) / (end - peak))
        return F.relu(value)

    return torch.stack([triangle(j) for j in range(n_mels)], dim=1).float()


@right("03.4", "float64 throughout")
def mel_filters(n_mels, n_bins, rate):
    m = torch.linspace(0, to_mel(rate / 2), n_mels + 2, dtype=torch.float64)
    return triangles(700 * (10 ** (m / 2595) - 1), torch.linspace(0, rate / 2, n_bins, dtype=torch.float64))


@wrong(
    "03.4", "peaks at point j, half a filter too low", says=r"point|peak|shift|j \+ 1|too low|first filter|one filter"
)
def mel_filters(n_mels, n_bins, rate):
    p = points(n_mels, rate)
    p = torch.cat([-p[1:2], p[:-1]])
    return triangles(p, torch.linspace(0, rate / 2, n_bins))


@wrong(
    "03.4",
    "widths of rising and falling side swapped",
    says=r"rising|falling|slope|side|swap|exchang|width|left|right|divi",
)
def mel_filters(n_mels, n_bins, rate):
    p, f = points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)[:, None]
    up = (f - p[:-2]) / (p[2:] - p[1:-1])
    down = (p[2:] - f) / (p[1:-1] - p[:-2])
    return torch.minimum(up, down).clamp(0, 1)


@wrong("03.4", "the larger of two slopes", says=r"smaller|minim|larger|max|inside|outside|between")
def mel_filters(n_mels, n_bins, rate):
    p, f = points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)[:, None]
    up = (f - p[:-2]) / (p[1:-1] - p[:-2])
    down = (p[2:] - f) / (p[2:] - p[1:-1])
    return torch.maximum(up, down).clamp(0, 1)


@wrong("03.4", "the order of the filters reversed", says=r"order|revers|first|low")
def mel_filters(n_mels, n_bins, rate):
    return triangles(points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)).flip(1)


@wrong("03.4", "700 added in place of a quotient by 700", says=r"formula|700|mel|points|hertz")
def mel_filters(n_mels, n_bins, rate):
    top = 2595 * math.log10(1 + rate / 2 + 700)
    p = 10 ** (torch.linspace(0, top, n_mels + 2) / 2595) - 1
    return triangles(p * (rate / 2) / p[-1], torch.linspace(0, rate / 2, n_bins))


@wrong("03.4", "from 60 Hz up, as in LogMel", says=r"60|from 0|lowest point|first point|begin at")
def mel_filters(n_mels, n_bins, rate):
    p = to_hertz(torch.linspace(to_mel(60), to_mel(rate / 2), n_mels + 2))
    return triangles(p, torch.linspace(0, rate / 2, n_bins))


@wrong("03.4", "the logarithm of the filters", says=r"log|negative|0 to 1|range|inf")
def mel_filters(n_mels, n_bins, rate):
    return (triangles(points(n_mels, rate), torch.linspace(0, rate / 2, n_bins)) + 1e-5).log()


# 03.5 time masking


@right("03.5", "a loop with randint on a copy")
def mask_frames(mels: Tensor, widest: int) -> Tensor:
    masked = mels.clone()
    T = mels.shape[2]
    for example in masked:
        width = torch.randint(0, widest + 1, ()).item()
        start = torch.randint(0, T - width + 1, ()).item()
        example[:, start : start + width] = 0
    return masked


@right("03.5", "positions compared with start and end")
def mask_frames(mels, widest):
    B, _, T = mels.shape
    width = torch.randint(0, widest + 1, (B, 1))
    start = (torch.rand(B, 1) * (T - width + 1)).long()
    t = torch.arange(T)
    masked = (t >= start) & (t < start + width)
    return mels.masked_fill(masked[:, None], 0.0)


@right("03.5", "Python's random module and a list")
def mask_frames(mels, widest):
    result = []
    for mel in mels:
        width = random.randint(0, widest)
        start = random.randint(0, mel.shape[-1] - width)
        parts = [mel[:, :start], torch.zeros_like(mel[:, :width]), mel[:, start + width :]]
        result.append(torch.cat(parts, dim=1))
    return torch.stack(result)


@right("03.5", "numpy's generator and a product")
def mask_frames(mels, widest):
    keep = torch.ones(mels.shape[0], 1, mels.shape[2], dtype=mels.dtype)
    for row in keep:
        width = np.random.randint(widest + 1)
        start = np.random.randint(mels.shape[2] - width + 1)
        row[0, start : start + width] = 0
    return mels * keep


def stripes(mels, width_of, start_of, value=0.0):
    masked = mels.clone()
    for example in masked:
        width = width_of()
        start = start_of(mels.shape[2], width)
        example[:, start : start + width] = value
    return masked


def any_start(T, width):
    return random.randint(0, T - width)


@wrong("03.5", "the input is changed", says=r"input|in place|unchanged|clone|copy")
def mask_frames(mels, widest):
    for example in mels:
        width = random.randint(0, widest)
        start = random.randint(0, mels.shape[2] - width)
        example[:, start : start + width] = 0
    return mels


@wrong("03.5", "one stretch for the whole batch", says=r"each example|every example|separately|same|own|batch")
def mask_frames(mels, widest):
    width = random.randint(0, widest)
    start = random.randint(0, mels.shape[2] - width)
    masked = mels.clone()
    masked[:, :, start : start + width] = 0
    return masked


@wrong("03.5", "one width for the whole batch", says=r"each example|every example|separately|same|own|batch|width")
def mask_frames(mels, widest):
    width = random.randint(0, widest)
    return stripes(mels, lambda: width, any_start)


@wrong("03.5", "bands in place of frames", says=r"frame|band|time|axis|dim")
def mask_frames(mels, widest):
    masked = mels.clone()
    for example in masked:
        width = random.randint(0, widest)
        start = random.randint(0, max(mels.shape[1] - width, 0))
        example[start : start + width] = 0
    return masked


@wrong("03.5", "the widest never occurs", says=r"widest|never|includ|\+ ?1|width|uniform")
def mask_frames(mels, widest):
    return stripes(mels, lambda: torch.randint(0, widest, ()).item(), any_start)


@wrong("03.5", "width 0 never occurs", says=r"\b0\b|never|no frame|width|uniform|unmasked|unchanged")
def mask_frames(mels, widest):
    return stripes(mels, lambda: random.randint(1, widest), any_start)


@wrong("03.5", "always the widest", says=r"widest|always|width|uniform|drawn|same")
def mask_frames(mels, widest):
    return stripes(mels, lambda: widest, any_start)


@wrong("03.5", "always at the beginning", says=r"begin|start|position|always|frame 0|first|random")
def mask_frames(mels, widest):
    return stripes(mels, lambda: random.randint(0, widest), lambda T, width: 0)


@wrong("03.5", "always in the middle", says=r"middle|cent|position|always|random|start|never")
def mask_frames(mels, widest):
    return stripes(mels, lambda: random.randint(0, widest), lambda T, width: (T - width) // 2)


@wrong("03.5", "stretches run past the end", says=r"inside|entirely|end|cut|short|past|beyond|width|uniform")
def mask_frames(mels, widest):
    return stripes(mels, lambda: random.randint(0, widest), lambda T, width: random.randint(0, T - 1))


@wrong("03.5", "the last frame is never masked", says=r"last|end|never|position|\+ ?1|inside")
def mask_frames(mels, widest):
    return stripes(mels, lambda: random.randint(0, widest), lambda T, width: random.randint(0, T - width - 1))


@wrong("03.5", "filled with the mean of the example", says=r"\b0\b|zero|mean|fill|value")
def mask_frames(mels, widest):
    masked = mels.clone()
    for example in masked:
        width = random.randint(0, widest)
        start = any_start(mels.shape[2], width)
        example[:, start : start + width] = example.mean()
    return masked


@wrong("03.5", "filled with noise", says=r"\b0\b|zero|noise|fill|value")
def mask_frames(mels, widest):
    masked = mels.clone()
    for example in masked:
        width = random.randint(0, widest)
        start = any_start(mels.shape[2], width)
        example[:, start : start + width] = torch.randn(mels.shape[1], width)
    return masked


@wrong("03.5", "filled with the smallest value", says=r"\b0\b|zero|smallest|minim|fill|value")
def mask_frames(mels, widest):
    return stripes(mels, lambda: random.randint(0, widest), any_start, value=mels.min().item())


@wrong("03.5", "each band has its own stretch", says=r"all bands|each band|every band|same|band")
def mask_frames(mels, widest):
    return torch.stack([stripes(mel[:, None], lambda: random.randint(0, widest), any_start)[:, 0] for mel in mels])


@wrong(
    "03.5",
    "single frames at random in place of a stretch",
    says=r"one stretch|stretch|neighbour|contiguous|single|gaps|consecutive|scatter|in a row|several|together",
)
def mask_frames(mels, widest):
    masked = mels.clone()
    for example in masked:
        frames = torch.randperm(mels.shape[2])[: random.randint(0, widest)]
        example[:, frames] = 0
    return masked


@wrong(
    "03.5",
    "a fixed seed gives the same stretch at every call",
    says=r"seed|same|every call|each call|again|random|calls",
)
def mask_frames(mels, widest):
    torch.manual_seed(0)
    B, _, T = mels.shape
    width = torch.randint(0, widest + 1, (B, 1))
    start = (torch.rand(B, 1) * (T - width + 1)).long()
    t = torch.arange(T)
    return mels.masked_fill(((t >= start) & (t < start + width))[:, None], 0.0)


@wrong("03.5", "two stretches per example", says=r"one stretch|two|several|single|more than|stretch|widest|many")
def mask_frames(mels, widest):
    def once(m):
        return stripes(m, lambda: random.randint(0, widest), any_start)

    return once(once(mels))


@wrong(
    "03.5",
    "only half of the examples",
    says=r"half|each example|every example|often|unchanged|no frame|uniform|width|\b0\b",
)
def mask_frames(mels, widest):
    masked = stripes(mels, lambda: random.randint(0, widest), any_start)
    kept = torch.rand(len(mels)) < 0.5
    return torch.where(kept[:, None, None], mels, masked)


@wrong("03.5", "the stretch is cut out", says=r"shape|\(B, M, T\)|length|frames|cut|same")
def mask_frames(mels, widest):
    width = random.randint(1, widest)
    start = random.randint(0, mels.shape[2] - width)
    return torch.cat([mels[:, :, :start], mels[:, :, start + width :]], dim=2)


@right("03.5", "masks of a cumulative sum")
def mask_frames(mels, widest):
    B, M, T = mels.shape
    edges = torch.zeros(B, T + 1)
    for row in edges:
        width = int(torch.randint(widest + 1, ()))
        start = int(torch.randperm(T - width + 1)[0])
        row[start] += 1
        row[start + width] -= 1
    inside = edges[:, :T].cumsum(dim=1) > 0
    return torch.where(inside[:, None], torch.zeros_like(mels), mels)


@right("03.5", "index_fill on each example")
def mask_frames(mels, widest):
    def one(mel):
        width = torch.randint(0, widest + 1, (1,)).item()
        start = torch.randint(0, mel.shape[1] - width + 1, (1,)).item()
        return mel.index_fill(1, torch.arange(start, start + width), 0.0)

    return torch.stack([one(mel) for mel in mels])


@wrong("03.5", "one start for the whole batch, widths differ", says=r"start|each example|same|own|position|batch")
def mask_frames(mels, widest):
    start = random.randint(0, mels.shape[2] - widest)
    return stripes(mels, lambda: random.randint(0, widest), lambda T, width: start)


@wrong(
    "03.5",
    "a rounded random width, so that 0 and the widest are half as likely",
    says=r"uniform|equally|likely|round|often|half",
)
def mask_frames(mels, widest):
    return stripes(mels, lambda: round(random.random() * widest), any_start)


@wrong("03.5", "a view in place of a copy", says=r"input|in place|unchanged|clone|copy")
def mask_frames(mels, widest):
    masked = mels[:]
    for example in masked:
        width = random.randint(0, widest)
        start = any_start(mels.shape[2], width)
        example[:, start : start + width] = 0
    return masked


@wrong("03.5", "halved in place of 0", says=r"\b0\b|zero|half|value")
def mask_frames(mels, widest):
    masked = mels.clone()
    for example in masked:
        width = random.randint(0, widest)
        start = any_start(mels.shape[2], width)
        example[:, start : start + width] *= 0.5
    return masked


@wrong(
    "03.5",
    "only the first example",
    says=r"first example|other examples|only|every example",
)
def mask_frames(mels, widest):
    masked = mels.clone()
    width = random.randint(0, widest)
    start = any_start(mels.shape[2], width)
    masked[0, :, start : start + width] = 0
    return masked


@wrong(
    "03.5",
    "starts among as many frames as there are bands",
    says=r"frames|T\b|bands|axis|last|start|none (covers|reaches)",
)
def mask_frames(mels, widest):
    def start(T, width):
        return random.randint(0, max(0, min(T, mels.shape[1]) - width))

    return stripes(mels, lambda: random.randint(0, widest), start)


@wrong("03.5", "the first frame is never masked", says=r"first frame|frame 0|start|never|0 to T")
def mask_frames(mels, widest):
    return stripes(
        mels, lambda: random.randint(0, widest), lambda T, width: random.randint(min(1, T - width), T - width)
    )


@wrong(
    "03.5",
    "everything but the stretch is masked",
    says=r"revers|invert|outside|opposite|other frames|all frames|wide|more than|most",
)
def mask_frames(mels, widest):
    masked = torch.zeros_like(mels)
    for new, old in zip(masked, mels):
        width = random.randint(0, widest)
        start = any_start(mels.shape[2], width)
        new[:, start : start + width] = old[:, start : start + width]
    return masked


@wrong("03.5", "a quarter of the examples keeps its band 0", says=r"all bands|band|every band|whole")
def mask_frames(mels, widest):
    masked = stripes(mels, lambda: random.randint(0, widest), any_start)
    masked[:, 0] = mels[:, 0]
    return masked


@wrong("03.5", "a width fixed when the module was loaded", says=r"width|drawn|always|every one|same|each")
def mask_frames(mels, widest, width=2):
    return stripes(mels, lambda: min(width, widest), any_start)


# 03.debug


@right("03.debug", "two comprehensions")
def split_by_speaker(speakers: list[str], held: set[str]) -> tuple[list[int], list[int]]:
    train = [i for i, speaker in enumerate(speakers) if speaker not in held]
    test = [i for i, speaker in enumerate(speakers) if speaker in held]
    return train, test


@right("03.debug", "a loop with two lists")
def split_by_speaker(speakers, held):
    train, test = [], []
    for i in range(len(speakers)):
        if speakers[i] in held:
            test.append(i)
        else:
            train.append(i)
    return train, test


@right("03.debug", "numpy's isin")
def split_by_speaker(speakers, held):
    is_held = np.isin(np.array(speakers), list(held))
    return np.flatnonzero(~is_held).tolist(), np.flatnonzero(is_held).tolist()


@right("03.debug", "a difference of sets")
def split_by_speaker(speakers, held):
    test = {i for i, name in enumerate(speakers) if name in held}
    return sorted(set(range(len(speakers))) - test), sorted(test)


@right("03.debug", "torch's nonzero on a mask")
def split_by_speaker(speakers, held):
    mask = torch.tensor([s in held for s in speakers], dtype=torch.bool)
    return (~mask).nonzero().flatten().tolist(), mask.nonzero().flatten().tolist()


@wrong("03.debug", "training and test swapped", says=r"swap|order|first|revers|exchang|train")
def split_by_speaker(speakers, held):
    test = [i for i, speaker in enumerate(speakers) if speaker in held]
    return test, [i for i in range(len(speakers)) if i not in test]


@wrong("03.debug", "a random tenth, as before", says=r"random|speaker leak|leaks|both sides")
def split_by_speaker(speakers, held):
    order = torch.randperm(len(speakers)).tolist()
    n = len(speakers) // 10
    return order[n:], order[:n]


@wrong("03.debug", "names in place of indices", says=r"ind(ex|ices)|name|number|int")
def split_by_speaker(speakers, held):
    return [s for s in speakers if s not in held], [s for s in speakers if s in held]


@wrong(
    "03.debug",
    "only the first recording of each speaker, by index",
    says=r"first|all recordings|repeat|index|twice|missing|each recording|every recording",
)
def split_by_speaker(speakers, held):
    train = [speakers.index(s) for s in speakers if s not in held]
    return train, [speakers.index(s) for s in speakers if s in held]


@wrong("03.debug", "held speakers stay in training", says=r"both|leak|train|also|twice|overlap")
def split_by_speaker(speakers, held):
    return list(range(len(speakers))), [i for i, s in enumerate(speakers) if s in held]


@wrong(
    "03.debug",
    "one recording of each held speaker for testing, the others for training",
    says=r"all recordings|leak|train|both|every recording|missing|each|speaker",
)
def split_by_speaker(speakers, held):
    test = [speakers.index(s) for s in held if s in speakers]
    return [i for i in range(len(speakers)) if i not in test], test


@wrong(
    "03.debug",
    "one recording of each held speaker for testing, the others lost",
    says=r"all recordings|lost|missing|neither|every recording|left out|each|nowhere",
)
def split_by_speaker(speakers, held):
    test = [speakers.index(s) for s in held if s in speakers]
    return [i for i, s in enumerate(speakers) if s not in held], test


@wrong("03.debug", "one of the held speakers only", says=r"every|all|each|several|held|one|train|leak|missing")
def split_by_speaker(speakers, held):
    person = next(iter(held), None)
    train = [i for i, s in enumerate(speakers) if s != person]
    return train, [i for i, s in enumerate(speakers) if s == person]


@wrong("03.debug", "compares a name with the whole set", says=r"\bin\b|held|empty|set|test|==|none")
def split_by_speaker(speakers, held):
    train = [i for i, s in enumerate(speakers) if s != held]
    return train, [i for i, s in enumerate(speakers) if s == held]


@wrong(
    "03.debug",
    "names that contain a held name count too",
    says=r"substring|part of|contain|exact|equal|other speaker|held|similar|begin",
)
def split_by_speaker(speakers, held):
    test = [i for i, s in enumerate(speakers) if any(name in s for name in held)]
    return [i for i in range(len(speakers)) if i not in test], test


@wrong("03.debug", "masks in place of indices", says=r"ind(ex|ices)|mask|bool|True|number|int")
def split_by_speaker(speakers, held):
    return [s not in held for s in speakers], [s in held for s in speakers]


@wrong(
    "03.debug",
    "the first of the held speaker's recordings to the end",
    says=r"speaker|held|order|contiguous|other|block|sorted|train",
)
def split_by_speaker(speakers, held):
    first = next((i for i, s in enumerate(speakers) if s in held), len(speakers))
    return list(range(first)), list(range(first, len(speakers)))


@wrong("03.debug", "return inside the loop", says=r"return|loop|only the first")
def split_by_speaker(speakers, held):
    train, test = [], []
    for i, s in enumerate(speakers):
        (test if s in held else train).append(i)
        return train, test


@wrong(
    "03.debug",
    "indices counted from 1",
    says=r"\b0\b|from 1|off by one|index|start|missing|count|range|exist|recording",
)
def split_by_speaker(speakers, held):
    train = [i for i, s in enumerate(speakers, 1) if s not in held]
    return train, [i for i, s in enumerate(speakers, 1) if s in held]


@wrong("03.debug", "lists that grow from call to call", says=r"call|earlier|previous|default|remember|grow")
def split_by_speaker(speakers, held, train=[], test=[]):
    for i, s in enumerate(speakers):
        (test if s in held else train).append(i)
    return train, test


@right("03.debug", "itertools.compress")
def split_by_speaker(speakers, held):
    is_held = [speaker in held for speaker in speakers]
    indices = range(len(speakers))
    return list(compress(indices, [not h for h in is_held])), list(compress(indices, is_held))


@right("03.debug", "groups by speaker, sorted at the end")
def split_by_speaker(speakers, held):
    groups = defaultdict(list)
    for i, speaker in enumerate(speakers):
        groups[speaker].append(i)
    train = [i for name, rows in groups.items() if name not in held for i in rows]
    return sorted(train), sorted(i for name in held for i in groups[name])


@right("03.debug", "numpy integers in lists")
def split_by_speaker(speakers, held):
    is_held = np.array([s in held for s in speakers], dtype=bool)
    return list(np.flatnonzero(~is_held)), list(np.flatnonzero(is_held))


@wrong(
    "03.debug",
    "indices removed from the list that the loop runs over",
    says=r"skip|both sides|leak|train|loop|remove|iterat",
)
def split_by_speaker(speakers, held):
    train, test = list(range(len(speakers))), []
    for i in train:
        if speakers[i] in held:
            train.remove(i)
            test.append(i)
    return train, test


@wrong("03.debug", "compared by the first letter", says=r"letters|names|whole|exact|substring|part|held|train")
def split_by_speaker(speakers, held):
    letters = "".join(held)
    test = [i for i, s in enumerate(speakers) if s[0] in letters]
    return [i for i in range(len(speakers)) if i not in test], test


@wrong("03.debug", "as many for testing as for training", says=r"lost|missing|each belongs|left out|every|neither")
def split_by_speaker(speakers, held):
    train = [i for i, s in enumerate(speakers) if s not in held]
    test = [i for i, s in enumerate(speakers) if s in held]
    n = min(len(train), len(test))
    return train[:n], test[:n]


@wrong("03.debug", "the last recording of each speaker for testing", says=r"both sides|leak|held|speaker|train")
def split_by_speaker(speakers, held):
    last = {s: i for i, s in enumerate(speakers)}
    return [i for i, s in enumerate(speakers) if last[s] != i], sorted(last.values())


@wrong("03.debug", "numbers of recordings in place of indices", says=r"ind(ex|ices)|list|number|int")
def split_by_speaker(speakers, held):
    n = sum(s in held for s in speakers)
    return len(speakers) - n, n


@wrong("03.debug", "held speakers left out of both", says=r"test|empty|lost|missing|neither")
def split_by_speaker(speakers, held):
    train = [i for i, s in enumerate(speakers) if s not in held]
    return train, [i for i in train if speakers[i] in held]


# found by changing right answers


@wrong("03.1", "the rate is made a whole number", says=r"whole|int")
def alias(frequency, rate):
    rate = int(rate)
    return abs(frequency - rate * round(frequency / rate))


@wrong("03.1", "half of an odd rate by integer division", says=r"rate // 2|rounds half")
def alias(frequency: float, rate: float) -> float:
    rest = frequency % rate
    return rate - rest if rest > rate // 2 else rest


@wrong("03.3", "a start too far", says=r"frame|last|W \+ 1|size")
def stft(samples, window, hop):
    W = len(window)
    columns = []
    for start in range(0, len(samples) - W + 2, hop):
        columns.append(torch.fft.rfft(samples[start : start + W] * window))
    return torch.stack(columns, dim=1)


@wrong("03.3", "returned after the first frame", says=r"return|one frame")
def stft(samples, window, hop):
    W = len(window)
    columns = []
    for start in range(0, len(samples) - W + 1, hop):
        columns.append(torch.fft.rfft(samples[start : start + W] * window))
        return torch.stack(columns, dim=1)


# found where messages blamed what these answers do not do


@wrong("03.3", "hop of half a window", says=r"half a window")
def stft(samples: Tensor, window: Tensor, hop: int) -> Tensor:
    W = len(window)
    return torch.fft.rfft(samples.unfold(0, W, max(W // 2, 1)) * window).T


@wrong("03.4", "n_mels points in the middle spread", says=r"below `rate / 2`|n_mels \+ 1 steps")
def mel_filters(n_mels: int, n_bins: int, rate: float) -> Tensor:
    top = 2595 * math.log10(1 + rate / 1400)
    mel = top * torch.arange(n_mels + 2, dtype=torch.float64) / (n_mels + 2)
    return triangles(700 * (10 ** (mel / 2595) - 1), torch.linspace(0, rate / 2, n_bins, dtype=torch.float64))


@wrong("03.5", "width up to the whole sound", says=r"from 0 to `widest`")
def mask_frames(mels: Tensor, widest: int) -> Tensor:
    result = mels.clone()
    T = mels.shape[2]
    for example in result:
        width = random.randint(0, T)
        start = random.randint(0, T - width)
        example[:, start : start + width] = 0
    return result


@wrong("03.5", "two random ends", says=r"equally likely")
def mask_frames(mels: Tensor, widest: int) -> Tensor:
    result = mels.clone()
    for example in result:
        offset = random.randint(0, mels.shape[2] - widest)
        a, b = sorted(random.choices(range(widest + 1), k=2))
        example[:, offset + a : offset + b] = 0
    return result
