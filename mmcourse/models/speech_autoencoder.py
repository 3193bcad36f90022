"""An autoencoder of speech: log-mels to a code for every frame, and back. Lesson 15.

Lesson 06's SpectrogramAutoencoder has one code per eight frames and needs a number of frames divisible by 8. This one
takes sounds of any length, and its code has one vector per frame of the log-mel.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from mmcourse.models.autoencoder import check_codes
from mmcourse.models.speech import check_mels


class FrameBlock(nn.Module):
    """x + ReLU(norm(convolution over time)), the norm over the channels of each frame.   (B, C, T) -> (B, C, T)"""

    def __init__(self, channels: int, kernel: int = 5, dilation: int = 1):
        super().__init__()
        self.convolution = nn.Conv1d(
            channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.convolution(x).transpose(1, 2)).transpose(1, 2).relu()


def masked(layers: Iterable[nn.Module], x: Tensor, mask: Tensor | None) -> Tensor:
    """The layers one after the other, each followed by the mask.   (B, C, T), (B, 1, T) -> (B, C', T)

    The mask is 1 on real frames and 0 on padding. Without it, the bias of one convolution would fill the padding, and
    the next one would carry it into real frames.
    """
    for layer in layers:
        x = layer(x) if mask is None else layer(x) * mask
    return x


class SpeechAutoencoder(nn.Module):
    """Log-mels to log-mels through a code of `channels` numbers for every frame.

    Inputs and outputs are those of a fitted LogMel, of any number of frames. `width` is the number of channels between,
    `blocks` the number of convolutions over time on each side, every second one with dilation 2. With 80 bands and 48
    channels the code is 60% of the input.
    """

    def __init__(self, n_mels: int = 80, channels: int = 48, width: int = 128, blocks: int = 2):
        super().__init__()
        self.n_mels, self.channels = n_mels, channels
        self.encoder = nn.Sequential(
            nn.Conv1d(n_mels, width, kernel_size=3, padding=1),
            *(FrameBlock(width, dilation=1 + i % 2) for i in range(blocks)),
            nn.Conv1d(width, channels, kernel_size=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(channels, width, kernel_size=3, padding=1),
            *(FrameBlock(width, dilation=1 + i % 2) for i in range(blocks)),
            nn.Conv1d(width, n_mels, kernel_size=1),
        )

    def encode(self, mels: Tensor) -> Tensor:
        """(B, n_mels, T) -> (B, channels, T)"""
        check_mels(mels, self.n_mels)
        return self.encoder(mels)

    def decode(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, channels, T) -> (B, n_mels, T); mask (B, 1, T) is 0 on padding, which then changes no real frame."""
        check_codes(codes, (self.channels, "T"))
        return masked(self.decoder, codes, mask)

    def forward(self, mels: Tensor) -> Tensor:
        """(B, n_mels, T) -> (B, n_mels, T)"""
        return self.decode(self.encode(mels))
