"""Autoencoders: an encoder compresses the input to a code, a decoder reconstructs the input from it. Lesson 06.

Hinton and Salakhutdinov 2006, *Reducing the dimensionality of data with neural networks*. Every class has `encode` and
`decode`; forward is decode(encode(x)). Variational ones are in `mmcourse.models.vae`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.text import PAD, check_tokens, lengths
from mmcourse.models.cnn import check_images, conv_block
from mmcourse.models.rnn import SentenceEncoder
from mmcourse.models.speech import check_mels


def check_codes(codes: Tensor, shape: Sequence[int | str]) -> None:
    """ValueError unless codes are floating point of shape (B, *shape); a name in `shape` stands for any length.

    check_codes(codes, (8, "H", "W")) expects (B, 8, H, W).
    """
    wanted = ("B", *shape)
    fits = codes.dim() == len(wanted) and len(codes) > 0
    fits = fits and all(isinstance(b, str) or a == b for a, b in zip(codes.shape, wanted, strict=True))
    if not fits:
        cause = "codes of another autoencoder"
        if codes.dim() == len(shape):
            cause = "a single code needs a batch axis: code[None]"
        elif len(codes) == 0:
            cause = "an empty batch"
        raise ValueError(
            f"codes have shape {tuple(codes.shape)}; expected ({', '.join(map(str, wanted))}). Likely cause: {cause}"
        )
    if not codes.is_floating_point():
        raise ValueError(f"codes are {codes.dtype}; expected floating point, as encode returns")


def interpolate(start: Tensor, end: Tensor, steps: int) -> Tensor:
    """`steps` codes on the straight line from start to end, both included.   (...), (...) -> (steps, ...)

    (1 - a) * start + a * end for a = 0 ... 1 at equal distances. ValueError for codes of different shapes, or fewer
    than two steps.
    """
    if start.shape != end.shape or steps < 2:
        raise ValueError(
            f"start has shape {tuple(start.shape)}, end {tuple(end.shape)}, steps is {steps}; expected two codes of "
            "one shape without a batch axis, and two steps or more"
        )
    a = torch.linspace(0, 1, steps, device=start.device, dtype=start.dtype).reshape(-1, *[1] * start.dim())
    return (1 - a) * start + a * end


def upsampling_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Transposed convolution 4x4 that doubles height and width, batch norm, ReLU.   (B, C, H, W) -> (B, C', 2H, 2W)"""
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def upsampling_blocks(widths: Sequence[int]) -> list[nn.Sequential]:
    """The mirror of convolution blocks of these widths: of (16, 32, 64), blocks 64 -> 32, 32 -> 16, 16 -> 16."""
    outputs = (widths[0], *widths[:-1])
    return [upsampling_block(a, b) for a, b in zip(widths[::-1], outputs[::-1], strict=True)]


class DenseAutoencoder(nn.Module):
    """Vectors to vectors through a code of `code` numbers; `hidden` are the widths of the encoder's hidden layers.

    Without hidden layers it is linear: trained on squared error, it finds the subspace of principal component analysis
    (Baldi and Hornik 1989).
    """

    def __init__(self, n_inputs: int, code: int, hidden: Sequence[int] = ()):
        super().__init__()
        self.n_inputs, self.code = n_inputs, code
        widths = (n_inputs, *hidden, code)
        self.encoder, self.decoder = _dense(widths), _dense(widths[::-1])

    def encode(self, x: Tensor) -> Tensor:
        """(B, n_inputs) -> (B, code)"""
        if x.dim() != 2 or x.shape[1] != self.n_inputs or len(x) == 0:
            cause = "an empty split" if len(x) == 0 else "images that are not flattened: images.flatten(1)"
            raise ValueError(f"x has shape {tuple(x.shape)}; expected (B, {self.n_inputs}). Likely cause: {cause}")
        return self.encoder(x)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, code) -> (B, n_inputs)"""
        check_codes(codes, (self.code,))
        return self.decoder(codes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_inputs) -> (B, n_inputs)"""
        return self.decode(self.encode(x))


class ImageAutoencoder(nn.Module):
    """Images to images through a code that is a small stack of maps.

    channels     maps of the code
    widths       one convolution block each, which halves height and width; the decoder has them in reverse
    in_channels  3 for colour, 1 for grey
    Height and width must be divisible by 2^blocks. Images of 32 pixels have codes of 8 x 8 x 8; outputs lie in [0, 1].
    """

    def __init__(self, channels: int = 8, widths: Sequence[int] = (32, 64), in_channels: int = 3):
        super().__init__()
        self.channels, self.in_channels, self.factor = channels, in_channels, 2 ** len(widths)
        pairs = zip((in_channels, *widths), widths, strict=False)
        self.encoder = nn.Sequential(
            *(conv_block(a, b) for a, b in pairs), nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1)
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, widths[-1], kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(),
            *upsampling_blocks(widths),
            nn.Conv2d(widths[0], in_channels, kernel_size=3, padding=1),
            nn.Sigmoid(),
        )

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, channels, H / 2^blocks, W / 2^blocks)"""
        check_images(images, self.in_channels)
        check_divisible(images, self.factor)
        return self.encoder(images - 0.5)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, channels, H', W') -> (B, C, H, W) in [0, 1]"""
        check_codes(codes, (self.channels, "H", "W"))
        return self.decoder(codes)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)"""
        return self.decode(self.encode(images))


class SentenceAutoencoder(nn.Module):
    """Sentences to logits of the same sentences, by convolutions over the words; the code is a short sequence.

    length    tokens that the decoder returns, '<end>' included, divisible by 2^blocks; sentences must be shorter
    channels  numbers of the code for each 2^blocks tokens; `width` features between; `blocks` halve the length
    Train with `token_loss` on the tokens followed by '<end>' (`sentence_targets`). Every sentence is padded to `length`
    first, so padding changes no output.
    """

    def __init__(self, vocabulary_size: int, length: int = 24, channels: int = 16, width: int = 128, blocks: int = 1):
        super().__init__()
        if length % 2**blocks:
            raise ValueError(f"length is {length}; expected a multiple of {2**blocks}, which {blocks} blocks need")
        self.vocabulary_size, self.length, self.channels = vocabulary_size, length, channels
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=PAD)
        down = (_block1d(nn.Conv1d(width, width, 3, stride=2, padding=1, bias=False)) for _ in range(blocks))
        up = (_block1d(nn.ConvTranspose1d(width, width, 4, stride=2, padding=1, bias=False)) for _ in range(blocks))
        self.encoder = nn.Sequential(*down, nn.Conv1d(width, channels, kernel_size=3, padding=1))
        self.decoder = nn.Sequential(
            _block1d(nn.Conv1d(channels, width, kernel_size=3, padding=1, bias=False)),
            *up,
            nn.Conv1d(width, vocabulary_size, kernel_size=3, padding=1),
        )

    def encode(self, tokens: Tensor) -> Tensor:
        """(B, T) int64, 0 is padding -> (B, channels, length / 2^blocks)"""
        tokens = _of_length(tokens, self.vocabulary_size, self.length)
        return self.encoder(self.embedding(tokens).transpose(1, 2))

    def decode(self, codes: Tensor) -> Tensor:
        """(B, channels, T') -> logits (B, length, V)"""
        check_codes(codes, (self.channels, "T"))
        return self.decoder(codes).transpose(1, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> logits (B, length, V)"""
        return self.decode(self.encode(tokens))


class RecurrentSentenceAutoencoder(nn.Module):
    """Sentences to logits of the same sentences through one vector: a GRU encodes, another decodes.

    Options as SentenceAutoencoder's; `code` numbers are the code. The decoder gets the code at every step and never a
    word, so the code must hold the whole sentence. Padding changes no output.
    """

    def __init__(self, vocabulary_size: int, length: int = 24, code: int = 64, width: int = 128):
        super().__init__()
        self.vocabulary_size, self.length, self.code = vocabulary_size, length, code
        self.encoder = SentenceEncoder(vocabulary_size, width, "gru")
        self.to_code = nn.Linear(width, code)
        self.decoder = nn.GRU(code, width, batch_first=True)
        self.head = nn.Linear(width, vocabulary_size)

    def encode(self, tokens: Tensor) -> Tensor:
        """(B, T) int64, 0 is padding -> (B, code)"""
        _of_length(tokens, self.vocabulary_size, self.length)
        return self.to_code(self.encoder(tokens))

    def decode(self, codes: Tensor) -> Tensor:
        """(B, code) -> logits (B, length, V)"""
        check_codes(codes, (self.code,))
        states, _ = self.decoder(codes[:, None].expand(-1, self.length, -1))  # (B, length, D)
        return self.head(states)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> logits (B, length, V)"""
        return self.decode(self.encode(tokens))


def sentence_targets(tokens: Tensor, length: int, end: int) -> Tensor:
    """The tokens, then `end`, padded with 0: the targets of a sentence autoencoder of this length.

    (B, T) int64, 0 is padding on the right -> (B, length). ValueError where a sentence leaves no room for `end`.
    """
    any_vocabulary = torch.iinfo(torch.int64).max
    padded = _of_length(tokens, any_vocabulary, length)
    return padded.scatter(1, lengths(tokens)[:, None], end)


def _of_length(tokens: Tensor, vocabulary_size: int, length: int) -> Tensor:
    """Checked tokens, padded or cropped to `length`.   (B, T) -> (B, length)"""
    check_tokens(tokens, vocabulary_size)
    longest = int(lengths(tokens).max())
    if longest >= length:
        raise ValueError(
            f"a sentence has {longest} tokens; expected {length - 1} at most, and '<end>' after them. Likely cause: a "
            "length taken from other sentences"
        )
    return F.pad(tokens, (0, length - tokens.shape[1]))


def _block1d(convolution: nn.Module) -> nn.Sequential:
    """A convolution over time, batch norm, ReLU."""
    return nn.Sequential(convolution, nn.BatchNorm1d(convolution.out_channels), nn.ReLU())


class SpectrogramAutoencoder(nn.Module):
    """Log-mels to log-mels through a code that is a short sequence of vectors, one for each 2^blocks frames.

    Inputs and outputs are those of a fitted LogMel, with mean 0 and standard deviation 1 in every band. The number of
    frames and of bands must be divisible by 2^blocks: 80 frames of 40 bands have a code of (channels, 10).
    """

    def __init__(self, n_mels: int = 40, channels: int = 32, widths: Sequence[int] = (16, 32, 64)):
        super().__init__()
        self.n_mels, self.channels, self.factor = n_mels, channels, 2 ** len(widths)
        if n_mels % self.factor:
            raise ValueError(f"n_mels is {n_mels}; expected a multiple of {self.factor}")
        pairs, bands = zip((1, *widths), widths, strict=False), n_mels // self.factor
        self.blocks = nn.Sequential(*(conv_block(a, b) for a, b in pairs))
        self.to_code = nn.Conv1d(widths[-1] * bands, channels, kernel_size=3, padding=1)
        self.from_code = nn.Sequential(
            nn.Conv1d(channels, widths[-1] * bands, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm1d(widths[-1] * bands),
            nn.ReLU(),
            nn.Unflatten(1, (widths[-1], bands)),
        )
        self.decoder = nn.Sequential(
            *upsampling_blocks(widths),
            nn.Conv2d(widths[0], 1, kernel_size=3, padding=1),
        )

    def encode(self, mels: Tensor) -> Tensor:
        """(B, n_mels, T) -> (B, channels, T / 2^blocks)"""
        check_mels(mels, self.n_mels)
        check_divisible(mels, self.factor)
        return self.to_code(self.blocks(mels[:, None]).flatten(1, 2))

    def decode(self, codes: Tensor) -> Tensor:
        """(B, channels, T') -> (B, n_mels, T' * 2^blocks)"""
        check_codes(codes, (self.channels, "T"))
        return self.decoder(self.from_code(codes))[:, 0]

    def forward(self, mels: Tensor) -> Tensor:
        """(B, n_mels, T) -> (B, n_mels, T)"""
        return self.decode(self.encode(mels))


def check_divisible(x: Tensor, factor: int) -> None:
    """ValueError unless the last two axes are divisible by `factor`."""
    if any(size % factor for size in x.shape[-2:]):
        advice = "pad or crop the images" if x.dim() == 4 else "choose the number of samples: collate(sounds, samples)"
        raise ValueError(
            f"the input has shape {tuple(x.shape)}; expected its last two axes divisible by {factor}, since the "
            f"encoder halves them; otherwise the reconstruction has another size. {advice}"
        )


def _dense(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers = []
    for a, b in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
