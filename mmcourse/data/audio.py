"""Sound as tensors: read files, bring sounds to one length, compute log-mel spectrograms and invert them."""

import io
import math
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.precision import exact, without_autocast

FLOOR = 1e-5  # added to every mel power, so that silence has a logarithm
CHUNK = 64  # sounds transformed at a time: the spectrum of 3,000 would take half a gigabyte
FRAME_MULTIPLE = 64  # batches are padded to a multiple: on a CPU, PyTorch caches memory for every input length
BLOCK = 1 << 20  # samples transformed at a time: larger blocks take more memory and are no faster on a CPU
READABLE = ("WAV", "FLAC", "MP3", "OGG", "AIFF")
TABLE = 1 << 20  # filter weights that torchaudio may compute for one pair of rates
LOBES, ROLLOFF = 6, 0.99  # of the resampling filter: zeros of the sinc on each side, cutoff as a fraction of Nyquist


def read(source: str | Path | bytes, rate: int = 16_000) -> Tensor:
    """An audio file, or its bytes, as (samples,) float32 at `rate`: channels averaged, other rates resampled.

    WAV, FLAC, MP3, OGG and AIFF can be read. FileNotFoundError where there is no file; ValueError for one that cannot
    be read, has no samples or is not finite.
    """
    return resample(*decode(source), rate)


def decode(source: str | Path | bytes, name: str | None = None) -> tuple[Tensor, int]:
    """An audio file, or its bytes, at its own rate: (samples,) float32, channels averaged, and samples a second.

    `name` is what messages call bytes. Errors as `read` has them.
    """
    import soundfile

    if not isinstance(source, bytes):
        if not Path(source).is_file():
            raise FileNotFoundError(f"there is no file {source}")
        name = str(source)
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise ValueError(
            f"{name or 'this file'} cannot be read as sound: {getattr(error, 'error_string', error)} "
            f"Likely cause: {_why_unreadable(name)}"
        ) from None
    if len(samples) == 0:
        raise ValueError(f"{name or 'this file'} holds no samples. Likely cause: a recording that was stopped at once")
    sound = torch.from_numpy(samples.mean(axis=1))
    if not sound.isfinite().all():
        raise ValueError(
            f"{name or 'this file'} holds values that are not finite. Likely cause: written after a division by zero"
        )
    return sound, rate


def _why_unreadable(name: str | None) -> str:
    """The likely cause: another format, with advice on conversion, or an incomplete file."""
    path = Path(name or "recording.m4a")
    if path.suffix.lower().lstrip(".") in (*map(str.lower, READABLE), "aif", "oga"):
        return "the file is truncated, or its content does not match its name"
    return (
        f"a truncated file, or a format other than {', '.join(READABLE)}; convert such a file first: "
        f'ffmpeg -i "{path.name}" "{path.stem}.wav"'
    )


def as_floats(sound: Tensor) -> Tensor:
    """Samples as floating point: integers scaled to [-1, 1] by their type, floats as they are.   any shape

    int8, int16 and int32 are divided by 128, 32,768 and 2^31; uint8 has its zero at 128, as in WAV files. ValueError
    for other types (int64, bool ...), which no audio format uses, so that their scale is unknown.
    """
    if sound.is_floating_point():
        return sound
    if sound.dtype in (torch.int8, torch.int16, torch.int32):
        return sound.float() / -torch.iinfo(sound.dtype).min
    if sound.dtype == torch.uint8:
        return (sound.float() - 128) / 128
    raise ValueError(
        f"the sound is {sound.dtype}, whose scale is unknown; expected floating point in [-1, 1], or samples of int8, "
        "int16, int32 or uint8. Likely cause: 16-bit samples that were converted; divide them: sound / 32768"
    )


def resample(sound: Tensor, rate: int, to: int) -> Tensor:
    """The same sound at another rate, frequencies that the new rate cannot hold removed first.   (..., samples)

    Integer samples are scaled as `as_floats` does. ValueError for a rate that is not a whole number.
    """
    for value in (rate, to):
        if value != int(value) or value < 1:
            raise ValueError(f"a rate is {value}; expected a whole number of samples a second, such as 16000")
    sound = as_floats(sound)
    if rate == to:
        return sound
    common = math.gcd(int(rate), int(to))
    rate, to = int(rate) // common, int(to) // common
    if rate * to > TABLE or sound.numel() == 0:
        return _resample_each(sound, rate, to)
    from torchaudio.functional import resample

    return resample(sound, rate, to, lowpass_filter_width=LOBES, rolloff=ROLLOFF)


def _resample_each(sound: Tensor, rate: int, to: int) -> Tensor:
    """torchaudio's filter, its weights computed for each new sample.   (..., samples) -> (..., samples')

    torchaudio computes them for each of `to` phases over `rate` samples: 44,100 to 16,001 Hz takes gigabytes.
    """
    step = ROLLOFF * min(rate, to) / rate  # zeros of the sinc per sample
    width = math.ceil(LOBES / step)
    offsets = torch.arange(-width, width + 2)
    padded = F.pad(sound, (width, width + 1))
    count = -(-to * sound.shape[-1] // rate)
    rows = sound.numel() // max(sound.shape[-1], 1)
    parts = []
    for positions in torch.arange(count).split(max(1, TABLE // (len(offsets) * max(rows, 1)))):
        whole, rest = positions * rate // to, positions * rate % to  # where the new sample lies among the old ones
        x = (offsets - rest[:, None].double() / to) * step
        weights = torch.where(x.abs() < LOBES, x.sinc() * (x * (torch.pi / LOBES / 2)).cos().square() * step, 0.0)
        near = padded[..., (whole[:, None] + offsets + width).to(sound.device)]  # (..., part, taps)
        parts.append((near * weights.to(sound)).sum(dim=-1))
    return torch.cat(parts, dim=-1) if parts else sound


def collate(sounds: Sequence[Tensor], samples: int | None = None) -> Tensor:
    """Sounds of any length as one tensor: short ones padded with zeros, long ones truncated.   -> (B, samples) float32

    `samples` is the length of the longest unless given. Integer samples are scaled to [-1, 1] as `as_floats` does.
    ValueError for no sound, an empty one, one that is not (samples,), or integers of unknown scale.
    """
    if len(sounds) == 0:
        raise ValueError("sounds is empty; expected at least one. Likely cause: a split or a filter that left nothing")
    for position, sound in enumerate(sounds):
        if sound.dim() != 1 or len(sound) == 0:
            raise ValueError(
                f"sound {position} has shape {tuple(sound.shape)}; expected (samples,), at least one. Likely cause: "
                + ("an empty recording" if sound.numel() == 0 else "stereo, average its channels: sound.mean(0)")
            )
    if samples is not None and samples < 1:
        raise ValueError(f"samples is {samples}; expected one or more")
    together = torch.zeros(len(sounds), samples or max(map(len, sounds)))
    for row, sound in zip(together, sounds, strict=True):
        row[: len(sound)] = as_floats(sound[: len(row)])
    return together


def same_loudness(sound: Tensor, level: float = 0.08) -> Tensor:
    """A sound brought to a root mean square of `level`, the book's own; silence stays silence.   (..., samples)"""
    sound = as_floats(sound)
    loudness = exact(sound).square().mean(dim=-1, keepdim=True).sqrt()  # in half precision, squares of quiet ones are 0
    return (sound * (level / loudness.clamp(min=1e-6))).to(sound.dtype)


class LogMel(nn.Module):
    """Log-mel spectrogram: log(power + 1e-5) of each of `n_mels` mel bands in each frame.

    rate        sampling rate of the sounds
    window, hop length of a frame, and distance between frames, in seconds
    low, high   frequency range of the bands in hertz (HTK's mel scale); `high` is half the rate unless given

    The window has an even number of samples: 552 at 22,050 a second. Computed in float32 at least, also under autocast.
    Frames are centred on 0, hop, 2 hop ..., with zeros beyond the ends: T = samples // hop + 1, for any length. After
    `fit`, every band has mean 0 and standard deviation 1 over the sounds given to it; these statistics are buffers,
    saved with the weights.
    """

    def __init__(
        self,
        rate: int = 16_000,
        n_mels: int = 40,
        window: float = 0.025,
        hop: float = 0.010,
        low: float = 60,
        high: float | None = None,
    ):
        from torchaudio.functional import melscale_fbanks

        super().__init__()
        self.rate, self.n_mels, self.hop = rate, n_mels, round(hop * rate)
        length, high = 2 * round(window * rate / 2), high or rate / 2
        if not 0 <= low < high <= rate / 2:
            raise ValueError(f"the bands go from {low} to {high} Hz; {rate} samples a second hold 0 to {rate / 2:g} Hz")
        if self.hop < 1 or length < self.hop:
            raise ValueError(f"window is {window} s and hop {hop} s; expected hop <= window, both a sample or more")
        with warnings.catch_warnings(action="ignore"):  # of empty bands: the next lines raise an error
            filters = melscale_fbanks(length // 2 + 1, low, high, n_mels, rate)  # (F, n_mels)
        if (filters.amax(dim=0) == 0).any():
            raise ValueError(
                f"{n_mels} bands are too narrow for a window of {window} s, whose frequencies lie {1 / window:g} Hz "
                "apart: some bands would be empty. Take fewer bands or a longer window"
            )
        self.register_buffer("window", torch.hann_window(length), persistent=False)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("mean", torch.zeros(n_mels, 1))
        self.register_buffer("std", torch.ones(n_mels, 1))

    def forward(self, sounds: Tensor) -> Tensor:
        """(B, samples) float in [-1, 1] -> (B, n_mels, T)"""
        return ((self.raw(sounds) - self.mean) / self.std).to(self.mean.dtype)

    def raw(self, sounds: Tensor) -> Tensor:
        """Before the statistics: log(power + 1e-5) of each band.   (B, samples) -> (B, n_mels, T)"""
        check_sounds(sounds)
        rows = max(1, min(CHUNK, BLOCK // sounds.shape[1]))
        with without_autocast(sounds):
            return torch.cat([self._raw(part) for part in sounds.split(rows)])

    def _raw(self, sounds: Tensor) -> Tensor:
        length, window, filters = len(self.window), exact(self.window), exact(self.filters)
        sounds = sounds.to(window.dtype)
        spectrum = torch.stft(sounds, length, self.hop, length, window, pad_mode="constant", return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()  # (B, F, T); abs() ** 2 takes three times as long
        return (filters.T @ power + FLOOR).log()

    def fit(self, sounds: Iterable[Tensor]) -> "LogMel":
        """Measure mean and standard deviation of each band on training sounds, (samples,) each; returns self.

        Frames of digital silence, such as zeros that pad a sound, are left out.
        """
        total, squares, frames = 0.0, 0.0, 0
        for sound in sounds:
            raw = self.raw(sound[None].to(self.mean.device))[0].cpu().double()  # (n_mels, T); MPS has no float64
            raw = raw[:, (raw > torch.tensor(FLOOR).log() + 1e-3).any(dim=0)]
            total, squares, frames = total + raw.sum(dim=1), squares + raw.square().sum(dim=1), frames + raw.shape[1]
        if frames == 0:
            raise ValueError("fit got no sound, or only silence. Likely cause: a generator that was used up")
        mean = total / frames
        self.mean.copy_(mean[:, None])
        self.std.copy_((squares / frames - mean.square()).clamp(min=1e-6).sqrt()[:, None])
        return self

    def inverse(self, mels: Tensor, rounds: int = 32) -> Tensor:
        """Sound whose log-mels are near these: a spectrum from the bands, phases by Griffin and Lim (1984).

        (B, n_mels, T) -> (B, (T - 1) * hop). The phases start from torch's random numbers. ValueError for other bands,
        fewer than two frames, or a hop as long as the window.
        """
        from torchaudio.transforms import GriffinLim, InverseMelScale

        if mels.dim() != 3 or mels.shape[1] != self.n_mels or mels.shape[2] < 2 or len(mels) == 0:
            raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (B, {self.n_mels}, T), two frames or more")
        length = len(self.window)
        if self.hop >= length:
            raise ValueError(f"hop and window are {length} samples; the inverse needs windows that overlap")
        samples = (mels.shape[2] - 1) * self.hop
        short = max(0, length // 2 // self.hop + 2 - mels.shape[2])  # Griffin-Lim needs more than half a window
        with without_autocast(mels):
            power = ((exact(mels) * self.std + self.mean).exp() - FLOOR).clamp(min=0)
            back = InverseMelScale(len(self.filters), self.n_mels, self.rate).to(mels.device)
            back.fb = self.filters.to(power)
            phases = GriffinLim(length, rounds, hop_length=self.hop, power=2).to(power)
            return phases(back(F.pad(power, (0, short))))[:, :samples]


def check_sounds(sounds: Tensor) -> None:
    """ValueError unless sounds are (B, samples) of floating point, finite, with a sound and a sample in it."""
    if sounds.dim() != 2 or sounds.numel() == 0:
        cause = "a single sound needs a batch axis: sound[None]" if sounds.dim() == 1 and len(sounds) else "no sound"
        cause = "a channel axis too many: sounds.mean(1)" if sounds.dim() == 3 else cause
        raise ValueError(f"sounds have shape {tuple(sounds.shape)}; expected (B, samples). Likely cause: {cause}")
    if not sounds.is_floating_point():
        raise ValueError(
            f"sounds are {sounds.dtype}; expected floating point in [-1, 1]. collate scales integer samples, or divide "
            "them: 16-bit samples / 32768"
        )
    if not sounds.isfinite().all():
        raise ValueError("sounds hold values that are not finite. Likely cause: a division by a silent sound's maximum")
