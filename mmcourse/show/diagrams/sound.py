"""From a waveform to a log-mel spectrogram."""

from mmcourse.show.diagrams.chains import flow


def spectrogram_pipeline() -> None:
    """Display the steps from a waveform to its log-mel spectrogram, with shapes."""
    flow(
        [
            ("waveform", "(B, samples)"),
            ("cut into\nframes", "(B, T, W)", "operation"),
            ("multiply by\nwindow $w_n$", "(B, T, W)", "operation"),
            ("Fourier\ntransform", "(B, T, W/2 + 1)", "operation"),
            ("power\n$|S_{k,t}|^2$", "(B, T, W/2 + 1)", "operation"),
            ("mel filters", "(B, T, M)", "operation"),
            ("logarithm", "(B, T, M)", "operation"),
            ("log-mel\nspectrogram", "(B, M, T)", "data"),
        ],
        "From sound to a log-mel spectrogram: T frames of W samples, M mel bands; no step has parameters.",
    )
