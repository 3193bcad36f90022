"""Networks for speech: a convolutional one on log-mels, and M5, which takes the waveform (Dai et al. 2017)."""

from torch import Tensor, nn

from mmcourse.data.audio import LogMel, check_sounds
from mmcourse.models.cnn import conv_block


def check_mels(mels: Tensor, n_mels: int) -> None:
    """ValueError unless mels are (B, n_mels, T) of floating point, with at least one sound and one frame."""
    if mels.dim() != 3 or mels.shape[1] != n_mels or mels.numel() == 0:
        cause = "no sound, or no frame"
        if mels.dim() == 2 and mels.shape[0] == n_mels:
            cause = "a single sound needs a batch axis: mels[None]"
        elif mels.dim() == 2:
            cause = "these are waveforms: LogMel makes log-mels of them"
        elif mels.dim() == 3 and mels.shape[2] == n_mels:
            cause = "time and bands are exchanged: mels.transpose(1, 2)"
        elif mels.dim() == 3 and mels.shape[1] != n_mels:
            cause = f"LogMel(n_mels={mels.shape[1]}) instead of {n_mels}"
        elif mels.dim() == 4:
            cause = "a channel axis too many: mels[:, 0]"
        raise ValueError(f"mels have shape {tuple(mels.shape)}; expected (B, {n_mels}, T). Likely cause: {cause}")
    if not mels.is_floating_point():
        raise ValueError(f"mels are {mels.dtype}; expected floating point, as LogMel returns")


class SpeechEncoder(nn.Module):
    """Log-mels to features: convolutions over bands and time, then one over time, then a maximum over time.

    Each block halves bands and time, so that T' is T / 8 with three of them. `width` features per state.
    """

    def __init__(self, n_mels: int = 40, widths: tuple[int, ...] = (16, 32, 64), width: int = 128):
        super().__init__()
        channels, bands = (1, *widths), n_mels
        for _ in widths:
            bands = -(-bands // 2)
        self.blocks = nn.Sequential(*(conv_block(a, b) for a, b in zip(channels, widths, strict=False)))
        self.over_time = nn.Sequential(
            nn.Conv1d(widths[-1] * bands, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.n_mels, self.width = n_mels, width

    def states(self, mels: Tensor) -> Tensor:
        """The features of every time step.   (B, n_mels, T) -> (B, T', D)"""
        check_mels(mels, self.n_mels)
        maps = self.blocks(mels[:, None])  # (B, C, n_mels', T')
        return self.over_time(maps.flatten(1, 2)).transpose(1, 2)

    def forward(self, mels: Tensor) -> Tensor:
        """(B, n_mels, T) -> (B, D)"""
        return self.states(mels).amax(dim=1)


class SpeechClassifier(nn.Module):
    """Log-mels to logits: an encoder, dropout, one linear layer.   (B, n_mels, T) -> (B, n_classes)"""

    def __init__(
        self,
        n_classes: int,
        n_mels: int = 40,
        widths: tuple[int, ...] = (16, 32, 64),
        width: int = 128,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.encoder = SpeechEncoder(n_mels, widths, width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, n_classes)

    def forward(self, mels: Tensor) -> Tensor:
        return self.head(self.dropout(self.encoder(mels)))


class WordRecogniser(nn.Module):
    """Waveforms to logits: LogMel with its statistics, then a SpeechClassifier.

    All is saved in one file, so LogMel does not have to be fitted again.   (B, samples) at `rate` -> (B, n_classes)
    """

    def __init__(self, n_classes: int, rate: int = 16_000, n_mels: int = 40, **classifier):
        super().__init__()
        self.log_mel = LogMel(rate, n_mels)
        self.classifier = SpeechClassifier(n_classes, n_mels, **classifier)

    def features(self, sounds: Tensor) -> Tensor:
        """(B, samples) -> (B, D)"""
        return self.classifier.encoder(self.log_mel(sounds))

    def forward(self, sounds: Tensor) -> Tensor:
        return self.classifier(self.log_mel(sounds))


class M5(nn.Module):
    """The waveform to logits, without a spectrogram: four 1-D convolutions, each with batch norm, ReLU and max pooling.

    Dai et al. 2017, *Very deep convolutional neural networks for raw waveforms*, M5: the first kernel has 80 samples
    and stride 4, the others 3; the last maps are averaged over time. The paper has 128 channels, this model `channels`.
    """

    SHORTEST = 1_100  # the number of samples that leaves one value after the last pooling

    def __init__(self, n_classes: int, channels: int = 32, kernel: int = 80, stride: int = 4):
        super().__init__()
        widths = (1, channels, channels, 2 * channels, 4 * channels)
        blocks = []
        for position, (a, b) in enumerate(zip(widths, widths[1:], strict=False)):
            convolution = nn.Conv1d(a, b, 3, padding=1) if position else nn.Conv1d(a, b, kernel, stride)
            blocks.append(nn.Sequential(convolution, nn.BatchNorm1d(b), nn.ReLU(), nn.MaxPool1d(4)))
        self.blocks, self.head = nn.Sequential(*blocks), nn.Linear(widths[-1], n_classes)

    def forward(self, sounds: Tensor) -> Tensor:
        """(B, samples) -> (B, n_classes)"""
        check_sounds(sounds)
        if sounds.shape[1] < self.SHORTEST:
            raise ValueError(
                f"sounds have {sounds.shape[1]} samples; M5 needs {self.SHORTEST:,} or more: collate(sounds, samples)"
            )
        return self.head(self.blocks(sounds[:, None]).mean(dim=2))
