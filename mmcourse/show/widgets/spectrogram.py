"""A spectrogram to explore: play any stretch of it, and see the effect of window, hop and mel bands."""

import io
import math
import warnings

import matplotlib
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.players import BITRATES, as_samples, mp3
from mmcourse.show.widgets.base import StaticImage, script

RANGE = 70  # decibels from the loudest point down to the darkest colour
COLUMNS, ROWS = 1200, 300  # of the image at most: more is pooled by its maximum
FRAMES = 1000  # transformed at a time
LIMITS = {"window": (2.0, 128.0), "hop": (1.0, 50.0), "n_mels": (8, 128)}  # milliseconds, milliseconds, bands
START = {"window": 25.0, "hop": 10.0, "mel": False, "n_mels": 40}
EXACT = 200_000  # bytes up to which a sound is sent as it is; above, as MP3


def spectrogram_explorer(sound: Tensor, rate: int = 16_000, words: str | None = None) -> "SpectrogramExplorer":
    """A widget: drag over the spectrogram of a sound (samples,), play that stretch, and change how it is computed.

    rate   samples per second
    words  the transcript, shown above

    ValueError for a sound that is stereo, empty or not finite.
    """
    return SpectrogramExplorer(sound, rate, words)


class SpectrogramExplorer(StaticImage):
    """The widget behind `spectrogram_explorer`.

    `settings` holds window and hop in milliseconds, `mel` and `n_mels`; `levels` is the picture that belongs to them,
    (rows, columns) in decibels below the loudest point; `selection` is (from, to) in seconds, `stretch` its samples.
    """

    _esm = script("spectrogram.js")
    words = traitlets.Unicode("").tag(sync=True)
    seconds = traitlets.Float().tag(sync=True)
    sound = traitlets.Dict().tag(sync=True)  # what the browser plays: bytes, kind, rate, length
    limits = traitlets.Dict().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    selection = traitlets.List().tag(sync=True)
    image = traitlets.Dict().tag(sync=True)

    def __init__(self, sound: Tensor, rate: int = 16_000, words: str | None = None):
        self.samples = torch.from_numpy(as_samples(sound).copy())
        if isinstance(rate, bool) or not isinstance(rate, int | float) or rate != int(rate) or rate < 100:
            raise ValueError(f"rate is {rate!r}; expected a whole number of samples per second, such as 16000")
        self.rate = int(rate)
        super().__init__(
            words=words or "",
            seconds=len(self.samples) / self.rate,
            sound=playable(self.samples, self.rate),
            limits={name: list(bounds) for name, bounds in LIMITS.items()},
            settings=START,
            selection=[],
        )
        self._draw()
        self.observe(lambda _: self._draw(), "settings")

    @property
    def stretch(self) -> Tensor:
        """The samples that are selected, all of them where nothing is.   (samples,)"""
        if len(self.selection) != 2:
            return self.samples
        low, high = (min(max(round(s * self.rate), 0), len(self.samples)) for s in sorted(self.selection))
        return self.samples[low:high]

    def _draw(self) -> None:
        chosen = START | self.settings
        window, hop, n_mels = (min(max(float(chosen[name]), low), high) for name, (low, high) in LIMITS.items())
        size = min(max(2, 2 * round(window / 2000 * self.rate)), len(self.samples) // 2 * 2 or 1)  # even, as for mel
        step = max(1, round(hop / 1000 * self.rate))
        frames = (len(self.samples) - size) // step + 1
        bank, deaf = mel_bank(size, self.rate, int(n_mels)) if chosen["mel"] else (None, 0)
        power, joined = pooled_power(self.samples, size, step, bank)
        self.levels = decibels(power)
        bins = self.rate / size
        top = float(to_mel(self.rate / 2))
        half = top / (int(n_mels) + 1) / 2  # half of what lies between the middles of two bands, in mel
        edges = (half, top - half) if chosen["mel"] else (-bins / 2, self.rate / 2 + bins / 2)
        left = (size - step) / 2 / self.rate
        self.image = {
            "png": as_png(self.levels),
            "span": [left, left + len(self.levels[0]) * joined * step / self.rate],  # seconds from edge to edge
            "marks": kilohertz(*edges, self.rate / 2, chosen["mel"]),
            "shape": f"{int(n_mels)} mel bands" if chosen["mel"] else f"{size // 2 + 1} frequencies",
            "frames": frames,
            "note": self._note(size, step, deaf, len(bank[0]) if chosen["mel"] else 0),
        }

    def _note(self, size: int, step: int, deaf: int, bands: int) -> str:
        """What these settings mean, in one or two sentences."""
        said = (
            f"A window of {size} samples every {step}: a frame covers {1000 * size / self.rate:.3g} ms, "
            f"its frequencies are {self.rate / size:.3g} Hz apart."
        )
        if not self.samples.any():
            return f"Silence: there is nothing to see. {said}"
        if step > size:
            said += " The hop is longer than the window, so some samples are in no frame."
        if deaf:
            said += f" {deaf} of {bands} bands are so narrow that no frequency falls into them: they stay dark."
        return said

    def still(self) -> tuple[bytes, str]:
        """The spectrogram as it stands, with its axes and what is selected, as a PNG."""
        from matplotlib.figure import Figure

        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(7.6, 2.9), layout="constrained")
            axis = figure.subplots()
            axis.imshow(
                self.levels.numpy(),
                origin="lower",
                aspect="auto",
                interpolation="nearest",
                cmap=style.SEQUENTIAL,
                vmin=-RANGE,
                vmax=0,
                extent=(*self.image["span"], 0, 1),
            )
            axis.set_yticks(
                [position for _, position in self.image["marks"]], [text for text, _ in self.image["marks"]]
            )
            axis.set(xlabel="time (s)", ylabel="frequency (kHz)", xlim=(0, self.seconds), ylim=(0, 1))
            axis.set_title(self.words, fontweight="normal", style="italic")
            axis.grid(visible=False)
            if len(self.selection) == 2:
                axis.axvspan(*sorted(self.selection), facecolor="white", alpha=0.3)
            png = style.small_png(style.pixels_of(figure, 1.25))
        said = f" of '{self.words}'" if self.words else ""
        return png, (
            f"A spectrogram{said} to explore: {self.seconds:.2f} seconds, {self.image['shape']} up to "
            f"{self.rate / 2000:g} kilohertz, {self.image['frames']} frames. Run the cell to select a stretch, play "
            "it, and change window, hop and mel bands."
        )


def to_mel(hertz) -> Tensor:
    """HTK's mel scale: 2595 log10(1 + f / 700)."""
    return 2595 * torch.log10(1 + torch.as_tensor(hertz) / 700)


def mel_bank(size: int, rate: int, n_mels: int) -> tuple[Tensor, int]:
    """The mel filters for frames of `size` samples, (F, n_mels), and how many of them catch no frequency."""
    from torchaudio.functional import melscale_fbanks

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "At least one mel filterbank has all zero values")  # the widget says it
        bank = melscale_fbanks(size // 2 + 1, 0.0, rate / 2, n_mels, rate)
    return bank, int((bank.amax(dim=0) == 0).sum())


def pooled_power(samples: Tensor, size: int, step: int, bank: Tensor | None) -> tuple[Tensor, int]:
    """The power of each frequency or mel band in each frame, thinned to what a screen shows; and frames a column.

    (samples,) -> (rows, columns). Only whole windows count, as in the lesson; a Hann window. Where there are more than
    COLUMNS frames or ROWS frequencies, neighbours share a pixel, which shows their maximum.
    """
    frames = samples.unfold(0, size, step)  # (T, W), not copied
    window = torch.hann_window(size)
    joined = math.ceil(len(frames) / COLUMNS)
    columns = []
    for some in frames.split(max(1, FRAMES // joined) * joined):
        power = torch.fft.rfft(some * window).abs().square()  # (t, F)
        power = power @ bank if bank is not None else power
        if power.shape[1] > ROWS:
            power = torch.nn.functional.adaptive_max_pool1d(power[None], ROWS)[0]
        columns += [group.amax(dim=0) for group in power.split(joined)]
    return torch.stack(columns, dim=1), joined


def decibels(power: Tensor) -> Tensor:
    """Power as decibels below its largest value, not below -RANGE; silence is -RANGE everywhere."""
    top = float(power.max())
    if top < 1e-12:
        return torch.full_like(power, -RANGE)
    return 10 * (power / top).clamp(min=10 ** (-RANGE / 10)).log10()


def as_png(levels: Tensor) -> bytes:
    """(rows, columns) in decibels, the lowest frequency first -> a PNG with that row at the bottom."""
    values = ((levels / RANGE + 1) * 255).round().byte().flip(0).contiguous()
    image = Image.fromarray(values.numpy())
    colours = matplotlib.colormaps[style.SEQUENTIAL](np.arange(256))[:, :3]
    image.putpalette((colours * 255).round().astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def playable(samples: Tensor, rate: int) -> dict:
    """The sound as a browser takes it: 16-bit samples where they are few, else MP3, at a rate that browsers play."""
    if rate < 8000 or rate > 96_000:
        from torchaudio.functional import resample

        up, down = math.ceil(8000 / rate), math.ceil(rate / 96_000)
        samples, rate = resample(samples, down, up), round(rate * up / down)
    samples = samples.clamp(-1, 1)
    sent = {"rate": rate, "length": len(samples)}
    if 2 * len(samples) <= EXACT or rate not in BITRATES:
        return sent | {"kind": "pcm", "bytes": (samples * 32767).round().short().numpy().astype("<i2").tobytes()}
    return sent | {"kind": "mp3", "bytes": mp3(samples.numpy(), rate)}


def kilohertz(low: float, high: float, highest: float, in_mel: bool) -> list[list]:
    """Round kilohertz to mark on an axis, each as [text, fraction of the height].

    The axis goes from low to high, in mel or in hertz; `highest` is the highest frequency of the sound in hertz.
    """
    step = next((s for s in (100, 200, 500, 1000, 2000, 4000, 8000) if highest / s <= 9), 20_000)
    rounded = (0, 100, 200, 500, 1000, 2000, 3000, 4000, 6000, 8000, 12_000, 16_000, 20_000, 24_000, 48_000)
    marks: list[list] = []
    for hertz in rounded if in_mel else range(0, int(highest) + 1, step):
        fraction = ((float(to_mel(hertz)) if in_mel else hertz) - low) / (high - low)
        if 0 <= fraction <= 1 and (not marks or fraction - marks[-1][1] > 0.075):
            marks.append([f"{hertz / 1000:g}", fraction])
    return marks
