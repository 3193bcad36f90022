"""Sound as tensors: files read, sounds of one length, log-mel spectrograms and the way back."""

import io
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

FLOOR = 1e-5  # added to every mel power, so that silence has a logarithm
CHUNK = 64  # sounds transformed at a time: the spectrum of 3,000 would take half a gigabyte


def read(source: str | Path | bytes, rate: int = 16_000) -> Tensor:
    """A sound file, or its bytes, as (samples,) float32 at `rate`: channels averaged, other rates resampled.

    FileNotFoundError where there is no file, ValueError for one that is no sound, has no samples or is not finite.
    """
    import soundfile

    name = "these bytes" if isinstance(source, bytes) else source
    if not isinstance(source, bytes) and not Path(source).is_file():
        raise FileNotFoundError(f"there is no file {source}")
    try:
        samples, found = soundfile.read(
            io.BytesIO(source) if isinstance(source, bytes) else source, dtype="float32", always_2d=True
        )
    except (soundfile.LibsndfileError, TypeError) as error:
        raise ValueError(f"{name} cannot be read as sound: {error}. Likely cause: cut short, or no sound") from None
    if len(samples) == 0:
        raise ValueError(f"{name} holds no samples. Likely cause: a recording that was stopped at once")
    sound = torch.from_numpy(samples.mean(axis=1))
    if not sound.isfinite().all():
        raise ValueError(f"{name} holds values that are not finite. Likely cause: written after a division by zero")
    return resample(sound, found, rate)


def resample(sound: Tensor, rate: int, to: int) -> Tensor:
    """The same sound at another rate, what the new rate cannot hold filtered out first.   (..., samples)"""
    for value in (rate, to):
        if value != int(value) or value < 1:
            raise ValueError(f"a rate is {value}; expected a whole number of samples a second, such as 16000")
    if rate == to:
        return sound
    from torchaudio.functional import resample

    return resample(sound, int(rate), int(to))


def collate(sounds: Sequence[Tensor], samples: int | None = None) -> Tensor:
    """Sounds of any lengths as one tensor: zeros after the short ones, the long ones cut.   -> (B, samples) float32

    `samples` is the length of the longest unless given. ValueError for no sound, an empty one, or one that is not
    (samples,).
    """
    if len(sounds) == 0:
        raise ValueError("sounds is empty; expected at least one. Likely cause: a split or a filter that left nothing")
    for place, sound in enumerate(sounds):
        if sound.dim() != 1 or len(sound) == 0:
            raise ValueError(
                f"sound {place} has shape {tuple(sound.shape)}; expected (samples,), at least one. Likely cause: "
                + ("an empty recording" if sound.numel() == 0 else "stereo, average its channels: sound.mean(0)")
            )
    if samples is not None and samples < 1:
        raise ValueError(f"samples is {samples}; expected one or more")
    together = torch.zeros(len(sounds), samples or max(map(len, sounds)))
    for row, sound in zip(together, sounds, strict=True):
        row[: len(sound)] = sound[: len(row)]
    return together


def same_loudness(sound: Tensor, level: float = 0.08) -> Tensor:
    """A sound brought to a root mean square of `level`, the book's own; silence stays silence.   (..., samples)"""
    loudness = sound.square().mean(dim=-1, keepdim=True).sqrt()
    return sound * (level / loudness.clamp(min=1e-6))


class LogMel(nn.Module):
    """Log-mel spectrogram: how loud each of `n_mels` bands is at each moment, as log(power + 1e-5).

    rate        samples a second of the sounds to come
    window, hop seconds that one frame looks at, and seconds from one frame to the next
    low, high   hertz that the bands span (HTK's mel scale); `high` is half the rate unless given

    Frames stand centred on 0, hop, 2 hop ..., with zeros beyond the ends: T = samples // hop + 1, for any length. Once
    fitted, every band has mean 0 and spread 1 over the sounds that `fit` saw; the statistics are saved with the weights
    of a model that holds this.
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
        length, high = round(window * rate), high or rate / 2
        if not 0 <= low < high <= rate / 2:
            raise ValueError(f"the bands go from {low} to {high} Hz; {rate} samples a second hold 0 to {rate / 2:g} Hz")
        if self.hop < 1 or length < self.hop:
            raise ValueError(f"window is {window} s and hop {hop} s; expected hop <= window, both a sample or more")
        with warnings.catch_warnings(action="ignore"):  # of bands that hear nothing: the next line says it
            filters = melscale_fbanks(length // 2 + 1, low, high, n_mels, rate)  # (F, n_mels)
        if (filters.amax(dim=0) == 0).any():
            raise ValueError(
                f"{n_mels} bands are too narrow for a window of {window} s, whose frequencies lie {1 / window:g} Hz "
                "apart: some would hear nothing. Take fewer bands or a longer window"
            )
        self.register_buffer("window", torch.hann_window(length), persistent=False)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("mean", torch.zeros(n_mels, 1))
        self.register_buffer("spread", torch.ones(n_mels, 1))

    def forward(self, sounds: Tensor) -> Tensor:
        """(B, samples) float in [-1, 1] -> (B, n_mels, T)"""
        return (self.raw(sounds) - self.mean) / self.spread

    def raw(self, sounds: Tensor) -> Tensor:
        """Before the statistics: log(power + 1e-5) of each band.   (B, samples) -> (B, n_mels, T)"""
        check_sounds(sounds)
        return torch.cat([self._raw(part) for part in sounds.split(CHUNK)])

    def _raw(self, sounds: Tensor) -> Tensor:
        length = len(self.window)
        spectrum = torch.stft(sounds, length, self.hop, length, self.window, pad_mode="constant", return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()  # (B, F, T); abs() ** 2 takes three times as long
        return (self.filters.T @ power + FLOOR).log()

    def fit(self, sounds: Iterable[Tensor]) -> "LogMel":
        """Learn mean and spread of each band from training sounds, (samples,) each, and return self.

        Frames of digital silence, such as zeros that pad a sound, are left out.
        """
        total, squares, frames = 0.0, 0.0, 0
        for sound in sounds:
            raw = self.raw(sound[None].to(self.mean.device))[0].double()  # (n_mels, T)
            raw = raw[:, (raw > torch.tensor(FLOOR).log() + 1e-3).any(dim=0)]
            total, squares, frames = total + raw.sum(dim=1), squares + raw.square().sum(dim=1), frames + raw.shape[1]
        if frames == 0:
            raise ValueError("fit got no sound, or only silence. Likely cause: a generator that was used up")
        mean = total / frames
        self.mean.copy_(mean[:, None])
        self.spread.copy_((squares / frames - mean.square()).clamp(min=1e-6).sqrt()[:, None])
        return self

    def inverse(self, mels: Tensor, rounds: int = 32) -> Tensor:
        """Sound whose log-mels are near these: a spectrum from the bands, phases by Griffin and Lim (1984).

        (B, n_mels, T) -> (B, (T - 1) * hop). The phases start from torch's random numbers. ValueError for other bands.
        """
        from torchaudio.transforms import GriffinLim, InverseMelScale

        if mels.dim() != 3 or mels.shape[1] != self.n_mels or mels.shape[2] < 2:
            raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (B, {self.n_mels}, T), two frames or more")
        length = len(self.window)
        power = ((mels * self.spread + self.mean).exp() - FLOOR).clamp(min=0)
        back = InverseMelScale(len(self.filters), self.n_mels, self.rate).to(mels.device)
        back.fb = self.filters
        phases = GriffinLim(length, rounds, hop_length=self.hop, power=2).to(mels.device)
        return phases(back(power))


def check_sounds(sounds: Tensor) -> None:
    """ValueError unless sounds are (B, samples) of floating point, finite, with a sound and a sample in it."""
    if sounds.dim() != 2 or sounds.numel() == 0:
        cause = "a single sound needs a batch axis: sound[None]" if sounds.dim() == 1 and len(sounds) else "no sound"
        cause = "a channel axis too many: sounds.mean(1)" if sounds.dim() == 3 else cause
        raise ValueError(f"sounds have shape {tuple(sounds.shape)}; expected (B, samples). Likely cause: {cause}")
    if not sounds.is_floating_point():
        raise ValueError(f"sounds are {sounds.dtype}; expected floating point in [-1, 1]: 16-bit samples / 32768")
    if not sounds.isfinite().all():
        raise ValueError("sounds hold values that are not finite. Likely cause: a division by a silent sound's maximum")
