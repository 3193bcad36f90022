"""Towers for a shared space: an image, a sentence or a spoken sentence to a vector of the same size."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmcourse.data.audio import LogMel
from mmcourse.data.spoken_pages import padded_mels
from mmcourse.data.text import pad
from mmcourse.models.cnn import ImageEncoder, check_images
from mmcourse.models.contrastive import SharedSpace
from mmcourse.models.pooling import last_states
from mmcourse.models.rnn import SentenceEncoder
from mmcourse.models.speech import SpeechEncoder, check_mels
from mmcourse.picturebook.sentence import VOCABULARY, encode
from mmcourse.renamed import names_of, old_keywords


class ImageTower(nn.Module):
    """An image to a vector: feature maps, reduced to few channels at every position, then a hidden layer over all.

    It preserves positions, which a maximum over positions would discard. `side` is the images' side in pixels; the
    encoder may be replaced by a shipped ImageEncoder. Images may be in half precision.   (B, 3, side, side) -> (B, D)
    """

    def __init__(
        self,
        width: int = 128,
        side: int = 48,
        widths: tuple[int, ...] = (32, 64, 128),
        squeezed: int = 32,
        hidden: int = 256,
        in_channels: int = 3,
    ):
        super().__init__()
        self.encoder = ImageEncoder(widths, in_channels)
        for _ in widths:
            side = -(-side // 2)
        self.squeeze = nn.Sequential(
            nn.Conv2d(widths[-1], squeezed, kernel_size=1, bias=False), nn.BatchNorm2d(squeezed), nn.ReLU()
        )
        self.side, self.width = side, width
        self.head = nn.Sequential(
            nn.Linear(squeezed * side**2, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, width),
        )

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.encoder.in_channels)
        maps = self.encoder.feature_maps(images.to(self.head[0].weight.dtype))  # (B, C, H, W)
        if maps.shape[2:] != (self.side, self.side):
            raise ValueError(
                f"images have shape {tuple(images.shape)}, which leaves maps of {tuple(maps.shape[2:])}; this tower "
                f"needs {self.side} x {self.side}. Likely cause: pages with one object, PictureBook(..., size=48)"
            )
        return self.head(self.squeeze(maps).flatten(1))


class SentenceTower(nn.Module):
    """A sentence to a vector: a SentenceEncoder and one linear layer.   (B, T) tokens, 0 is padding -> (B, D)"""

    def __init__(self, vocabulary_size: int, width: int = 128, hidden: int = 128, **options):
        super().__init__()
        self.encoder = SentenceEncoder(vocabulary_size, hidden, **options)
        self.head = nn.Linear(hidden, width)
        self.width = width

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(tokens))


class SpeechTower(nn.Module):
    """A spoken sentence to a vector: a SpeechEncoder, a GRU, then the last state and maxima over time of both.

    mels (B, n_mels, T), of any lengths: frames of zeros on the right are padding, which does not change the
    output.   -> (B, D)
    """

    def __init__(
        self,
        width: int = 128,
        n_mels: int = 40,
        widths: tuple[int, ...] = (16, 32, 64),
        hidden: int = 128,
    ):
        super().__init__()
        self.encoder = SpeechEncoder(n_mels, widths, hidden)
        self.recurrent = nn.GRU(hidden, hidden, batch_first=True)
        self.head = nn.Linear(3 * hidden, width)
        self.width = width

    def states(self, mels: Tensor) -> tuple[Tensor, Tensor]:
        """The states of every frame, 0 at padding, and which frames are real.   -> (B, T', D), (B, T') bool"""
        check_mels(mels, self.encoder.n_mels)
        mels = mels.to(self.head.weight.dtype)  # they may be kept in half precision
        real = real_frames(mels)  # (B, T)
        maps = mels[:, None]
        for block in self.encoder.blocks:
            real = real[:, ::2]
            maps = block(maps) * real[:, None, None]
        return self.encoder.over_time(maps.flatten(1, 2)).transpose(1, 2) * real[..., None], real

    def forward(self, mels: Tensor) -> Tensor:
        states, real = self.states(mels)
        hidden_states, _ = self.recurrent(states)  # padding on the right cannot affect a real state
        largest = hidden_states.masked_fill(~real[..., None], -torch.inf).amax(dim=1)
        return self.head(torch.cat([last_states(hidden_states, real.sum(dim=1)), largest, states.amax(dim=1)], dim=1))


def real_frames(mels: Tensor) -> Tensor:
    """Which frames are sound: all up to the last that is not zero.   (B, n_mels, T) -> (B, T) bool

    ValueError for a sound that is padding only.
    """
    sounding = (mels != 0).any(dim=1)  # (B, T)
    if not sounding.any(dim=1).all():
        row = int((~sounding.any(dim=1)).nonzero()[0])
        raise ValueError(f"sound {row} consists of zeros only. Likely cause: all padding")
    return sounding.flip(1).cummax(dim=1).values.flip(1)


class PageSpace(SharedSpace):
    """The Picture Book's shared space: images of 48 pixels, sentences, and voices from the waveform on.

    Its file contains LogMel's statistics. Inputs of the towers `image`, `text` and `sound` are images (B, 3, 48, 48),
    tokens (B, T) and log-mels (B, 40, T); `embed_text` and `embed_sound` compute the latter two.
    `text_width` is the width of the text encoder.
    """

    @old_keywords
    def __init__(self, width: int = 128, text_width: int = 128, hop: float = 0.020):
        text = SentenceTower(len(VOCABULARY), width, text_width)
        super().__init__({"image": ImageTower(width), "text": text, "sound": SpeechTower(width)})
        self.log_mel = LogMel(hop=hop)

    def embed_text(self, sentences: Sequence[str]) -> Tensor:
        """The vectors of sentences.   -> (N, D), each of norm 1"""
        return self.embed("text", pad([encode(sentence) for sentence in sentences]))

    def embed_sound(self, sounds: Sequence[Tensor]) -> Tensor:
        """The vectors of sounds (samples,) at 16 kHz.   -> (N, D), each of norm 1"""
        return self.embed("sound", padded_mels(self.log_mel, sounds))


__getattr__ = names_of(__name__)
