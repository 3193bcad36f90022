"""Sound to listen to: an HTML player with compressed sound and the words as text.

The sound is MP3, the one compressed format that Chromium, Firefox and every Safari play (Safari has had Ogg only since
18.4); five seconds of speech are about 20 kB, where a WAV file would be 160 kB.
"""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmcourse.data.audio import as_floats
from mmcourse.show import output

TEXT = "color:var(--jp-content-font-color1, inherit);font-family:var(--jp-content-font-family, sans-serif)"
BITRATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def play(
    sound: Tensor, rate: int = 16_000, words: str | None = None, title: str | None = None, waveform: bool = False
) -> None:
    """A player for one sound (samples,) in [-1, 1], with its words below it and, on request, its waveform above."""
    samples = as_samples(sound)
    if waveform:
        draw_waveform(samples, rate, words)
    output.publish(
        {"text/html": _figure(samples, rate, words, title), "text/plain": _plain(samples, rate, words, title)}
    )


def play_many(
    sounds: Sequence[Tensor],
    rate: int = 16_000,
    words: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 1,
) -> None:
    """Players for several sounds in a table: a title, the player and the words of each."""
    sounds = [as_samples(sound) for sound in sounds]
    if not sounds:
        raise ValueError("sounds is empty; expected at least one")
    for name, values in (("words", words), ("titles", titles)):
        if values is not None and len(values) != len(sounds):
            raise ValueError(f"{name} has {len(values)} entries for {len(sounds)} sounds; expected one each")
    words, titles = words or [None] * len(sounds), titles or [None] * len(sounds)
    cells = [_figure(*each) for each in zip(sounds, [rate] * len(sounds), words, titles, strict=True)]
    grid = (
        f'<div style="display:grid;grid-template-columns:repeat({columns},minmax(0,1fr));gap:2px 24px">'
        f"{''.join(cells)}</div>"
    )
    plain = "\n".join(_plain(sound, rate, w, t) for sound, w, t in zip(sounds, words, titles, strict=True))
    output.publish({"text/html": grid, "text/plain": plain})


def as_samples(sound) -> np.ndarray:
    """A sound as (samples,) float32 within [-1, 1]; ValueError where it is none.

    Integers are scaled by their type as `as_floats` does; floats beyond [-1, 1] are divided by their peak.
    """
    sound = sound.detach().cpu() if isinstance(sound, Tensor) else torch.from_numpy(np.array(sound))
    samples = as_floats(sound).float().numpy()
    if samples.ndim == 2 and samples.shape[0] == 1:
        samples = samples[0]
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"sound has shape {samples.shape}; expected (samples,): one channel, at least one sample")
    if not np.isfinite(samples).all():
        raise ValueError("sound holds values that are not finite. Likely cause: a division by a silent sound's maximum")
    peak = float(np.abs(samples).max())
    return samples / peak if peak > 1 else samples


def mp3(samples: np.ndarray, rate: int) -> bytes:
    """Samples as MP3, at the lowest bit rate that speech does not suffer from."""
    import soundfile

    if rate not in BITRATES:
        raise ValueError(
            f"rate is {rate}; MP3 knows {', '.join(map(str, BITRATES))} samples per second. "
            "Resample first: torchaudio.functional.resample"
        )
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="MP3", bitrate_mode="VARIABLE", compression_level=0.7)
    return buffer.getvalue()


def data_url(samples: np.ndarray, rate: int) -> str:
    """The sound as an address that a browser plays without a file."""
    return "data:audio/mpeg;base64," + base64.b64encode(mp3(samples, rate)).decode("ascii")


def _figure(samples: np.ndarray, rate: int, words: str | None, title: str | None) -> str:
    label = html.escape(" ".join(filter(None, (title, words))) or "sound", quote=True)
    above = f'<div style="font-weight:600;{TEXT}">{html.escape(title)}</div>' if title else ""
    below = f'<div style="font-style:italic;{TEXT}">{html.escape(words)}</div>' if words else ""
    return (
        f'<div style="margin:6px 0">{above}<audio controls preload="auto" aria-label="{label}" '
        f'style="height:36px;width:320px;max-width:100%" src="{data_url(samples, rate)}"></audio>{below}</div>'
    )


def _plain(samples: np.ndarray, rate: int, words: str | None, title: str | None) -> str:
    return " ".join(
        filter(
            None,
            (f"{title}:" if title else "", f"'{words}'" if words else "", f"({len(samples) / rate:.1f} s of sound)"),
        )
    )


def draw_waveform(samples: np.ndarray, rate: int, words: str | None = None) -> None:
    """Draw a sound's samples over time, thinned to what a screen can show."""
    from mmcourse.show import style

    seconds = len(samples) / rate
    bins = min(600, len(samples))
    pieces = np.array_split(samples, bins)
    low, high = [piece.min() for piece in pieces], [piece.max() for piece in pieces]
    alt = f"A waveform of {seconds:.1f} s, {len(samples):,} samples" + (f", of the words '{words}'." if words else ".")
    with style.drawing(style.WIDTH * 0.7, 1.5, alt) as figure:
        axis = figure.subplots()
        axis.fill_between(np.linspace(0, seconds, bins), low, high, color=style.PALETTE["blue"], linewidth=0.4)
        axis.set(xlabel="time (s)", ylabel="amplitude", ylim=(-1, 1), yticks=(-1, 0, 1), xlim=(0, seconds))
