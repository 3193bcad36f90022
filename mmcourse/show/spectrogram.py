"""Sound as a picture: how loud each pitch is at each moment."""

import torch
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.players import as_samples


def show_spectrogram(sound: Tensor, rate: int = 16_000, words: str | None = None, highest: int = 6_000) -> None:
    """Draw a sound's spectrogram in decibels: time to the right, pitch upwards, loud bright.

    sound (samples,); windows of 25 ms every 10 ms, up to `highest` hertz. `words` go into the title and the alt text.
    """
    samples = torch.from_numpy(as_samples(sound).copy())
    window = min(round(0.025 * rate), len(samples))
    hop = max(1, round(0.010 * rate))
    spectrum = torch.stft(samples, window, hop, window=torch.hann_window(window), center=False, return_complex=True)
    level = 20 * spectrum.abs().clamp(min=1e-6).log10()  # (F, T)
    level = level[: round(highest / rate * window) + 1]
    seconds = len(samples) / rate
    alt = f"A spectrogram of {seconds:.1f} seconds, up to {highest:,} hertz" + (f", of '{words}'." if words else ".")
    with style.drawing(style.WIDTH, 2.6, alt) as figure:
        axis = figure.subplots()
        axis.imshow(
            level.numpy(),
            origin="lower",
            aspect="auto",
            cmap=style.SEQUENTIAL,
            extent=(0, seconds, 0, highest / 1000),
            vmin=float(level.max()) - 65,
        )
        axis.set(xlabel="seconds", ylabel="kilohertz")
        axis.set_title(words or "", fontweight="normal", style="italic")
        axis.grid(visible=False)
