"""Text to speech as a cross-modal autoencoder: a text encoder predicts codes for a speech decoder. Lesson 15.

The decoder comes from an autoencoder that was trained on speech alone (`SpeechAutoencoder`). The text encoder learns to
predict that autoencoder's codes from letters, a voice and durations, as FastSpeech does for log-mels (Ren et al. 2019).
The waveform comes from log-mels by `mmcourse.data.griffin_lim`.
"""

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmcourse.data.audio import FLOOR, LogMel, same_loudness
from mmcourse.data.griffin_lim import to_sound
from mmcourse.data.letters import N_LETTERS, letters
from mmcourse.data.text import check_tokens, lengths
from mmcourse.models.durations import duration_loss, expand_batch, whole_frames
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.speech_autoencoder import FrameBlock, SpeechAutoencoder, masked
from mmcourse.picturebook.sentence import split_words

WINDOW, HOP = 0.064, 0.016  # seconds
WAVES = 8  # sines and cosines each that represent the position of a frame in its word
WORD_GAP, COMMA_GAP = 2, 12  # silent frames


class TextEncoder(nn.Module):
    """Letters, a voice and durations to the codes of a speech autoencoder.

    A bidirectional GRU encodes the letters of a word; each state is repeated for the frames of its letter; residual
    convolutions over the frames compute the codes. A second head predicts the logarithm of each letter's frames.
    """

    def __init__(self, n_voices: int, channels: int = 48, width: int = 128, voice_width: int = 32, blocks: int = 4):
        super().__init__()
        self.n_voices, self.channels, self.voice_width = n_voices, channels, voice_width
        self.letters = nn.Embedding(N_LETTERS, width // 2, padding_idx=0)
        self.voices = nn.Embedding(n_voices, voice_width)
        self.gru = nn.GRU(width // 2, width // 2, batch_first=True, bidirectional=True)
        self.durations = nn.Sequential(nn.Linear(width + voice_width, width // 2), nn.ReLU(), nn.Linear(width // 2, 1))
        self.to_frames = nn.Linear(width + voice_width + 2 * WAVES, width)
        self.blocks = nn.ModuleList(FrameBlock(width, dilation=1 + i % 2) for i in range(blocks))
        self.to_code = nn.Conv1d(width, channels, kernel_size=1)

    def states(self, letters: Tensor) -> Tensor:
        """One state for each letter, in the context of its word.   (B, L) -> (B, L, D)"""
        check_tokens(letters, N_LETTERS)
        packed = pack_padded_sequence(
            self.letters(letters), lengths(letters).cpu(), batch_first=True, enforce_sorted=False
        )
        return pad_packed_sequence(self.gru(packed)[0], batch_first=True, total_length=letters.shape[1])[0]

    def voice_vectors(self, voices: Tensor) -> Tensor:
        """The embeddings of voices (B,) int64; vectors (B, D) are embeddings already and returned unchanged."""
        if voices.is_floating_point():
            if voices.dim() != 2 or voices.shape[1] != self.voice_width:
                raise ValueError(f"voices have shape {tuple(voices.shape)}; expected (B, {self.voice_width}) vectors")
            return voices
        if voices.dim() != 1 or len(voices) == 0 or voices.min() < 0 or voices.max() >= self.n_voices:
            raise ValueError(
                f"voices are {voices.tolist()}; expected (B,) integers from 0 to {self.n_voices - 1}. Likely cause: "
                "positions in another list of voices"
            )
        return self.voices(voices)

    def log_durations(self, letters: Tensor, voices: Tensor) -> Tensor:
        """The predicted logarithm of each letter's frames.   (B, L), (B,) or (B, D) -> (B, L)"""
        states, voice = self.states(letters), self.voice_vectors(voices)
        return self._log_durations(states, voice)

    def _log_durations(self, states: Tensor, voice: Tensor) -> Tensor:
        joined = torch.cat([states, voice[:, None].expand(-1, states.shape[1], -1)], dim=2)
        return self.durations(joined)[:, :, 0]

    def forward(self, letters: Tensor, voices: Tensor, durations: Tensor | None = None) -> tuple[Tensor, ...]:
        """(B, L), (B,) or (B, D), (B, L) -> codes (B, channels, T), log-durations (B, L), frames (B, L), mask (B, 1, T)

        Without `durations` (in frames) the predicted ones are used.
        """
        states, voice = self.states(letters), self.voice_vectors(voices)
        log_durations = self._log_durations(states, voice)
        if durations is None:
            durations = whole_frames(log_durations.detach(), letters != 0)
        frames, mask = expand_batch(states, durations)  # (B, T, D), (B, T)
        place = [voice[:, None].expand(-1, frames.shape[1], -1), positions(durations, frames.shape[1]).to(frames)]
        x = self.to_frames(torch.cat([frames, *place], dim=2)).transpose(1, 2)  # (B, D, T)
        mask = mask[:, None].to(x)
        return masked([*self.blocks, self.to_code], x * mask, mask), log_durations, durations, mask


def positions(durations: Tensor, frames: int) -> Tensor:
    """The relative position of each frame in its word, as sines and cosines.   (B, L) -> (B, T, 16)"""
    total = durations.sum(dim=1, keepdim=True).clamp(min=1)  # (B, 1)
    fraction = (torch.arange(frames, device=durations.device) + 0.5) / total  # (B, T)
    angles = torch.pi * fraction[:, :, None] * torch.arange(1, WAVES + 1, device=durations.device)
    return torch.cat([angles.sin(), angles.cos()], dim=2)


class TextToSpeech(nn.Module):
    """A sentence spoken in one of `voices`: text encoder, speech decoder, Griffin-Lim; saved as one, with its LogMel.

    The autoencoder is trained first, on speech alone. Then `freeze_autoencoder()`, and forward trains the text encoder:
    its codes are decoded by weights that no longer change.
    """

    def __init__(
        self,
        voices: Sequence[str],
        rate: int = 16_000,
        n_mels: int = 80,
        channels: int = 48,
        width: int = 128,
        voice_width: int = 32,
    ):
        super().__init__()
        if not voices:
            raise ValueError("voices is empty; expected the name of each voice")
        self.voices, self.rate = tuple(voices), rate
        self.log_mel = LogMel(rate, n_mels, WINDOW, HOP)
        self.autoencoder = SpeechAutoencoder(n_mels, channels, width)
        self.text_encoder = TextEncoder(len(self.voices), channels, width, voice_width)

    def freeze_autoencoder(self) -> "TextToSpeech":
        """The autoencoder's weights get no gradients from here on; returns self."""
        self.autoencoder.requires_grad_(False)
        return self

    def forward(self, letters: Tensor, voices: Tensor, durations: Tensor | None = None) -> tuple[Tensor, ...]:
        """Letters (B, L), voices (B,), frames of each letter (B, L) ->

        log-mels (B, n_mels, T), log-durations (B, L), frames of each letter (B, L), mask (B, 1, T).
        """
        codes, log_durations, durations, mask = self.text_encoder(letters, voices, durations)
        return self.autoencoder.decode(codes, mask), log_durations, durations, mask

    def log_mels(self, sentence: str, voice: str | int | Tensor) -> Tensor:
        """The log-mels of a sentence: its words, with short gaps, longer ones at commas.   -> (n_mels, T)

        `voice` is a name, a position in `voices`, or an embedding (voice_width,). ValueError for an empty sentence, an
        unknown voice, or a character that is not a letter.
        """
        return torch.cat(self._pieces(sentence, voice), dim=1)

    def boundaries(self, sentence: str, voice: str | int | Tensor) -> list[float]:
        """The second at which each word of a sentence begins, and at last the second at which the last one ends."""
        ends = torch.tensor([piece.shape[1] for piece in self._pieces(sentence, voice)]).cumsum(dim=0)
        return [frames * self.log_mel.hop / self.rate for frames in (*ends[:-1:2].tolist(), int(ends[-2]))]

    def _pieces(self, sentence: str, voice: str | int | Tensor) -> list[Tensor]:
        """Silence, a word, silence, a word ... silence.   (n_mels, T_i) each"""
        parts = [words for words in map(split_words, sentence.split(",")) if words]
        if not parts:
            raise ValueError(f"sentence is {sentence!r}, which contains no word; expected at least one")
        given, where = letters([word for words in parts for word in words]), self.log_mel.mean.device
        vector = voice if isinstance(voice, Tensor) else torch.tensor(self._position(voice))
        with evaluation_mode(self):
            mels, _, durations, _ = self(given.to(where), vector.to(where).expand(len(given), *vector.shape))
        spoken = (mel[:, :frames] for mel, frames in zip(mels, durations.sum(dim=1).tolist(), strict=True))
        pieces = [self._silence(WORD_GAP)]
        for words in parts:
            for _ in words:
                pieces += [next(spoken), self._silence(WORD_GAP)]
            pieces[-1] = self._silence(COMMA_GAP)
        return [*pieces[:-1], self._silence(WORD_GAP)]

    def speak(self, sentence: str, voice: str | int | Tensor = 0, seed: int = 0, rounds: int = 32) -> Tensor:
        """A sentence as sound: (samples,) float32 at `rate`, the same for the same arguments. Errors as `log_mels`'.

        `seed` draws the phases with which Griffin-Lim begins, for `rounds` rounds.
        """
        return same_loudness(to_sound(self.log_mels(sentence, voice)[None], self.log_mel, rounds, seed=seed)[0].cpu())

    def _silence(self, frames: int) -> Tensor:
        quiet = (torch.tensor(FLOOR).log().to(self.log_mel.mean) - self.log_mel.mean) / self.log_mel.std  # (n_mels, 1)
        return quiet.expand(-1, frames)

    def _position(self, voice: str | int) -> int:
        if isinstance(voice, str) and voice in self.voices:
            return self.voices.index(voice)
        if isinstance(voice, int) and 0 <= voice < len(self.voices):
            return voice
        near = difflib.get_close_matches(str(voice), self.voices, 3, 0.4) or self.voices[:3]
        raise ValueError(
            f"voice is {voice!r}; expected one of the {len(self.voices)} voices that this model learned, such as "
            f"{', '.join(near)}, or a position from 0 to {len(self.voices) - 1}"
        )


def speech_loss(outputs: tuple[Tensor, ...], mels: Tensor, duration_weight: float = 0.1) -> Tensor:
    """Mean absolute error of the log-mels over real frames, plus the durations' squared error, weighted.   -> ()

    outputs: what TextToSpeech gives; mels (B, n_mels, T), padded to the same T
    """
    predicted, log_durations, durations, mask = outputs
    if predicted.shape != mels.shape:
        raise ValueError(
            f"predicted log-mels have shape {tuple(predicted.shape)}, the target {tuple(mels.shape)}. Likely cause: "
            "durations that do not add up to the frames of the target"
        )
    error = ((predicted - mels).abs() * mask).sum() / (mask.sum() * mels.shape[1])
    return error + duration_weight * duration_loss(log_durations, durations, durations > 0)
