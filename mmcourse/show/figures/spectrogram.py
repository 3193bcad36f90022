"""Spectrograms: the level of each frequency over time."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.players import as_samples

WINDOW, HOP = 0.025, 0.010  # seconds
RANGE = 65  # decibels from the loudest to the darkest shown


def spectrogram_of(sound: Tensor, rate: int = 16_000, window: float = WINDOW, hop: float = HOP) -> Tensor:
    """The level of each frequency over time, in decibels.   (samples,) -> (F, T)

    Row f is f * rate / samples-in-a-window hertz. Frames lie wholly within the sound; a sound shorter than a window is
    one frame of its own length.
    """
    samples = torch.from_numpy(as_samples(sound).copy())
    length = min(round(window * rate), len(samples))
    spectrum = torch.stft(
        samples, length, max(1, round(hop * rate)), window=torch.hann_window(length), center=False, return_complex=True
    )
    return 20 * spectrum.abs().clamp(min=1e-6).log10()


def show_spectrogram(sound: Tensor, rate: int = 16_000, words: str | None = None, highest: int | None = None) -> None:
    """Draw a sound's spectrogram: time to the right, frequency upward, loud is bright.

    sound (samples,); windows of 25 ms every 10 ms, up to `highest` hertz: 6,000 unless given, or what `rate` can hold.
    `words` go into the title and the alt text.
    """
    show_spectrograms([sound], rate, [words or ""], highest)


def show_spectrograms(
    sounds: Sequence[Tensor], rate: int = 16_000, titles: Sequence[str] | None = None, highest: int | None = None
) -> None:
    """Draw several sounds side by side, to the same frequency scale; `titles` name them."""
    titles = list(titles) if titles is not None else [""] * len(sounds)
    if len(sounds) == 0 or len(titles) != len(sounds):
        raise ValueError(f"there are {len(sounds)} sounds and {len(titles)} titles; expected one each, one at least")
    highest = min(highest or 6_000, rate // 2)
    seconds = [len(as_samples(sound)) / rate for sound in sounds]
    listed = ", ".join(
        f"{length:.1f} seconds" + f" of '{t}'" * bool(t) for t, length in zip(titles, seconds, strict=True)
    )
    alt = f"Spectrogram{'s' * (len(sounds) > 1)} up to {highest:,} hertz: {listed}."
    with style.drawing(style.WIDTH, 2.6, alt) as figure:
        panels = figure.subplots(1, len(sounds), squeeze=False, sharey=True)[0]
        for panel, sound, title, length in zip(panels, sounds, titles, seconds, strict=True):
            level = spectrogram_of(sound, rate)
            apart = rate / min(round(WINDOW * rate), round(length * rate))  # hertz from row to row
            level = level[: round(highest / apart) + 1]
            panel.imshow(
                level.numpy(),
                origin="lower",
                aspect="auto",
                cmap=style.SEQUENTIAL,
                interpolation="nearest",
                extent=(0, length, 0, highest / 1000),
                vmin=float(level.max()) - RANGE,
            )
            panel.set_xlabel("time (s)")
            panel.set_title(title, fontweight="normal", style="italic")
            panel.grid(visible=False)
        panels[0].set_ylabel("frequency (kHz)")


def show_frame(sound: Tensor, at: float, rate: int = 16_000, window: float = WINDOW) -> None:
    """Draw one frame, `window` seconds from second `at` on: its samples under the Hann window, and its spectrum."""
    samples = torch.from_numpy(as_samples(sound).copy())
    length, start = round(window * rate), round(at * rate)
    frame = samples[max(start, 0) : max(start, 0) + length]
    if len(frame) < length or start < 0:
        raise ValueError(f"no frame of {window} s begins at {at} s: the sound is {len(samples) / rate:.2f} s long")
    fade = torch.hann_window(length)
    level = spectrogram_of(frame, rate, window)[:, 0]
    hertz = torch.arange(len(level)) * rate / length
    alt = (
        f"{1000 * window:.0f} ms of sound under a window; beside it its spectrum in decibels, "
        f"loudest at {hertz[level.argmax()]:.0f} hertz."
    )
    with style.drawing(style.WIDTH, 2.5, alt) as figure:
        left, right = figure.subplots(1, 2)
        time = torch.arange(length) / rate * 1000
        left.plot(time, frame, color=style.PALETTE["sky"], linewidth=1.2, label="samples")
        left.plot(time, fade * frame, color=style.PALETTE["blue"], label="windowed")
        left.plot(time, fade * frame.abs().max(), "--", color=style.PALETTE["orange"], linewidth=1.3, label="window")
        left.set(xlabel="time (ms)", ylabel="amplitude")
        left.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        right.plot(hertz / 1000, level, color=style.PALETTE["blue"], linewidth=1.2)
        right.set(xlabel="frequency (kHz)", ylabel="level (dB)")


def show_bands(filters: Tensor, rate: int = 16_000) -> None:
    """Draw filters over frequency, such as mel bands.   filters (n_bins, n_mels), bins from 0 to rate / 2"""
    if filters.dim() != 2:
        raise ValueError(f"filters have shape {tuple(filters.shape)}; expected (n_bins, n_mels)")
    hertz = torch.linspace(0, rate / 2, len(filters))
    peaks = ", ".join(f"{hertz[position]:.0f}" for position in filters.argmax(dim=0))
    with style.drawing(style.WIDTH, 2.0, f"{filters.shape[1]} filters with peaks at {peaks} hertz.") as figure:
        axis = figure.subplots()
        for band in filters.T:
            axis.plot(hertz / 1000, band, linewidth=1.5)
        axis.set(xlabel="frequency (kHz)", ylabel="weight", ylim=(0, None))


def show_log_mels(mels: Tensor, titles: Sequence[str] | None = None, hop: float = HOP) -> None:
    """Draw log-mels side by side, to one colour scale: time to the right, bands upward.   (N, n_mels, T)"""
    if mels.dim() != 3 or mels.numel() == 0:
        raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (N, n_mels, T)")
    titles = list(titles) if titles is not None else [""] * len(mels)
    if len(titles) != len(mels):
        raise ValueError(f"there are {len(mels)} log-mels and {len(titles)} titles; expected one each")
    mels = mels.detach().cpu().float()
    alt = f"Log-mels of {mels.shape[1]} bands over {mels.shape[2] * hop:.1f} seconds: {', '.join(titles)}."
    with style.drawing(style.WIDTH, 2.4, alt) as figure:
        panels = figure.subplots(1, len(mels), squeeze=False, sharey=True)[0]
        for panel, mel, title in zip(panels, mels, titles, strict=True):
            panel.imshow(
                mel.numpy(),
                origin="lower",
                aspect="auto",
                cmap=style.SEQUENTIAL,
                interpolation="nearest",
                extent=(0, mel.shape[1] * hop, 0, mel.shape[0]),
                vmin=float(mels.quantile(0.02)),
                vmax=float(mels.max()),
            )
            panel.set_xlabel("time (s)")
            panel.set_title(title, fontweight="normal", style="italic")
            panel.grid(visible=False)
        panels[0].set_ylabel("mel band")
