"""Speech recognisers that write characters: log-mels to log-probabilities of characters in each frame. Lesson 13."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmcourse.data.audio import FRAME_MULTIPLE, LogMel
from mmcourse.data.spoken_pages import padded_mels
from mmcourse.models.ctc import greedy
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.speech import check_mels
from mmcourse.tasks.transcripts import CHARACTERS, text

CHUNK = 8  # sounds in one batch; more take memory and are no faster on a CPU
STRIDE = 2  # frames of the log-mel for one of the output: 20 ms


class Recogniser(nn.Module):
    """Base class of both recognisers: log-mels with their statistics, a convolution of stride 2, transcripts.

    forward  mels (B, n_mels, T), lengths (B,) in frames -> log-probabilities (B, T', V), lengths (B,), T' = ceil(T / 2)
    `log_mel` has to be fitted before training. Padding does not affect the outputs.
    centre   whether the mean of each band over a sound, which depends on the speaker, is subtracted
    """

    def __init__(
        self, width: int, n_mels: int = 40, n_characters: int = len(CHARACTERS), rate: int = 16_000, centre: bool = True
    ):
        super().__init__()
        self.log_mel, self.n_mels, self.centre = LogMel(rate, n_mels), n_mels, centre
        self.first = nn.Sequential(nn.Conv1d(n_mels, width, 5, STRIDE, padding=2), nn.BatchNorm1d(width), nn.ReLU())
        self.head = nn.Linear(width, n_characters)

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Features of each step with its context.   (B, D, T'), lengths (B,) of T' -> (B, T', D)"""
        raise NotImplementedError

    def forward(self, mels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        check_mels(mels, self.n_mels)
        check_lengths(lengths, mels)
        steps = -(-lengths // STRIDE)
        x = self.first(centred(mels, lengths) if self.centre else mels)
        return self.head(self.states(x, steps)).log_softmax(dim=2), steps

    def log_probabilities(self, sounds: Sequence[Tensor]) -> list[Tensor]:
        """The output for each sound, (samples,) at the log-mels' rate, its own steps only.   -> for each (T', V)"""
        if isinstance(sounds, Tensor) and sounds.dim() == 1:
            raise ValueError(f"sounds are one tensor {tuple(sounds.shape)}; expected a list of sounds: [sound]")
        order = sorted(range(len(sounds)), key=lambda i: len(sounds[i]))
        heard: list[Tensor] = [torch.empty(0)] * len(sounds)
        with evaluation_mode(self):
            for start in range(0, len(order), CHUNK):
                some = order[start : start + CHUNK]
                mels = padded_mels(self.log_mel, [sounds[i] for i in some])
                mels = F.pad(mels, (0, -mels.shape[2] % FRAME_MULTIPLE))
                frames = torch.tensor([len(sounds[i]) // self.log_mel.hop + 1 for i in some], device=mels.device)
                log_probs, lengths = self(mels, frames)
                for i, row, length in zip(some, log_probs.cpu(), lengths.tolist(), strict=True):
                    heard[i] = row[:length]
        return heard

    def transcribe(self, sounds: Sequence[Tensor], decoder: Callable[[Tensor], list[int]] = greedy) -> list[str]:
        """The transcript of each sound."""
        return [text(decoder(log_probs)) for log_probs in self.log_probabilities(sounds)]


def centred(mels: Tensor, lengths: Tensor) -> Tensor:
    """Log-mels minus the mean of each band over the frames of the sound, 0 after its end.   (B, n_mels, T)"""
    real = (torch.arange(mels.shape[2], device=mels.device) < lengths[:, None])[:, None]  # (B, 1, T)
    mean = (mels * real).sum(dim=2, keepdim=True) / lengths[:, None, None]
    return (mels - mean) * real


class RecurrentRecogniser(Recogniser):
    """A bidirectional LSTM of several layers (after Graves, Mohamed and Hinton 2013).

    width  features of each step, half of them of each direction; `sizes` as Recogniser has them
    """

    def __init__(self, width: int = 192, layers: int = 2, **sizes):
        super().__init__(width, **sizes)
        self.recurrent = nn.LSTM(width, width // 2, layers, batch_first=True, bidirectional=True)

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        if x.device.type != "cpu":
            return self.packed_states(x, lengths)
        for layer in range(self.recurrent.num_layers):
            back = self._one_way(reverse(x, lengths), layer, back=True)
            x = torch.cat([self._one_way(x, layer), reverse(back, lengths)], dim=2)
        return x

    def packed_states(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The same by PyTorch's packed sequences, 0 after each end.   (B, T', D) -> (B, T', D)"""
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.recurrent(packed)[0], batch_first=True, total_length=x.shape[1])[0]

    def _one_way(self, x: Tensor, layer: int, back: bool = False) -> Tensor:
        """One layer in one direction.   (B, T, D) -> (B, T, D / 2)

        On packed sequences of unequal lengths PyTorch's backward pass takes ten times as long on a CPU.
        """
        names = [f"{name}_l{layer}{'_reverse' * back}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        start = x.new_zeros(1, len(x), self.recurrent.hidden_size)
        weights = [getattr(self.recurrent, name) for name in names]
        return torch.lstm(x, (start, start), weights, True, 1, 0.0, self.training, False, True)[0]


def reverse(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row's first `lengths` steps reversed, the following ones unchanged.   (B, T, D) -> (B, T, D)"""
    step = torch.arange(x.shape[1], device=x.device)
    source = torch.where(step < lengths[:, None], lengths[:, None] - 1 - step, step)  # (B, T)
    return x.gather(1, source[:, :, None].expand_as(x))


class ResidualBlock(nn.Module):
    """A dilated convolution over time, batch normalisation and ReLU, added to its input.   (B, D, T) -> (B, D, T)"""

    def __init__(self, width: int, kernel: int, dilation: int):
        super().__init__()
        self.convolution = nn.Conv1d(width, width, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.convolution(x)).relu()


class ConvolutionalRecogniser(Recogniser):
    """Residual blocks of convolutions over time, each with its dilation; `sizes` as Recogniser has them."""

    def __init__(self, width: int = 128, dilations: Sequence[int] = (1, 2, 4), kernel: int = 5, **sizes):
        super().__init__(width, **sizes)
        self.blocks = nn.ModuleList(ResidualBlock(width, kernel, dilation) for dilation in dilations)

    def states(self, x: Tensor, lengths: Tensor) -> Tensor:
        real = (torch.arange(x.shape[2], device=x.device) < lengths[:, None])[:, None]  # (B, 1, T')
        for block in self.blocks:
            x = block(x * real)
        return x.transpose(1, 2)


def check_lengths(lengths: Tensor, mels: Tensor) -> None:
    """ValueError unless lengths are (B,) integers from 1 to T."""
    if lengths.shape != mels.shape[:1] or lengths.is_floating_point():
        raise ValueError(f"lengths are {lengths.dtype} {tuple(lengths.shape)}; expected ({len(mels)},) integers")
    if lengths.min() < 1 or lengths.max() > mels.shape[2]:
        raise ValueError(
            f"lengths go from {int(lengths.min())} to {int(lengths.max())}; expected 1 to {mels.shape[2]}, the frames "
            "of the log-mels. Likely cause: lengths in samples, or those of another batch"
        )
