"""From a waveform to a log-mel spectrogram, and how frames overlap."""

import numpy as np

from mmcourse.show.diagrams.chains import flow
from mmcourse.show.diagrams.diagram import Diagram


def spectrogram_pipeline() -> None:
    """Display the steps from a waveform to its log-mel spectrogram, with shapes."""
    flow(
        [
            ("waveform", "(B, samples)"),
            ("split into\nframes", "(B, T, W)", "operation"),
            ("multiply by\nwindow $w_n$", "(B, T, W)", "operation"),
            ("Fourier\ntransform", "(B, T, W/2 + 1)", "operation"),
            ("power\n$|S_{k,t}|^2$", "(B, T, W/2 + 1)", "operation"),
            ("mel filters", "(B, T, M)", "operation"),
            ("logarithm", "(B, T, M)", "operation"),
            ("log-mel\nspectrogram", "(B, M, T)", "data"),
        ],
        "From sound to a log-mel spectrogram: T frames of W samples, M mel bands; no step has parameters.",
    )


def framing(samples: int = 12, window: int = 6, hop: int = 3) -> None:
    """Display how a short sound is split into overlapping frames, each of which gives one column of a spectrogram."""
    if not 2 <= window <= samples <= 16 or not 1 <= hop <= window:
        raise ValueError(f"samples {samples}, window {window}, hop {hop}; expected hop <= window <= samples <= 16")
    count = (samples - window) // hop + 1
    starts = hop * np.arange(count)[:, None]
    inside = (np.arange(samples) >= starts) & (np.arange(samples) < starts + window)
    d = Diagram(
        f"A sound of {samples} samples is split into {count} frames of {window} samples, {hop} samples apart; the "
        "transform of each frame is one column of the spectrogram."
    )
    d.grid(
        "frames",
        at=(0, 0),
        cells=inside * 0.4,
        rows=[f"frame {t}" for t in range(count)],
        columns=[str(n) for n in range(samples)],
        title=f"window W = {window}, hop H = {hop}",
        column_title="sample $tH + n$",
    )
    d.block("window", at=(1, 0), label="multiply by\nwindow $w_n$", shape="(T, W)", kind="operation")
    d.block("transform", at=(2, 0), label="Fourier\ntransform", kind="operation")
    d.block("columns", at=(3, 0), label="$S_{k,t}$", shape="(W/2 + 1, T)", kind="data")
    d.path("frames", "window", "transform", "columns")
    d.show()
