"""A CTC recogniser at work: a sentence is spoken, each frame's probabilities are shown, and the frames become text."""

from collections.abc import Callable, Sequence
from itertools import groupby

import matplotlib
import torch
import traitlets
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.sentence import split_words
from mmcourse.picturebook.speech import GROUPS, SAMPLE_RATE, speak, voices
from mmcourse.show import style
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets.base import StaticImage, script
from mmcourse.show.widgets.sentences import EXAMPLES, problem_with
from mmcourse.show.widgets.spectrogram import RANGE, as_png
from mmcourse.show.widgets.word_errors import compared

BLANK = 0
TITLES = {"train": "training voices", "held_out": "held-out voices", "far": "another speech engine"}
MOST, LEAST = 40.0, -10.0  # decibels of signal to noise
BLANK_COLOUR, LETTER, SPACE = "#808080", "#0072B2", "#D55E00"  # as in widgets.css


def recogniser(
    model: nn.Module,
    log_mel: Callable[[Tensor], Tensor] | None = None,
    characters: Sequence[str] | None = None,
    sentence: str = "a small red fish above a big blue boat",
    voice: str | None = None,
    examples: Sequence[str] = EXAMPLES,
    seed: int = 0,
) -> "RecogniserExplorer":
    """A widget: a sentence in a chosen voice and noise, the probabilities of a CTC recogniser, and its transcript.

    model       (log-mels (1, n_mels, T), lengths (1,)) -> (log-probabilities (1, T', V), lengths (1,))
    log_mel     sounds (1, samples) at 16 kHz -> log-mels (1, n_mels, T); `model.log_mel` unless given
    characters  the symbol of each of the V positions, the blank first; those of `tasks.transcripts` unless given
    voice       one of `picturebook.speech.voices`; the first held-out one unless given

    Evaluation mode is set while the model is called. ValueError where the parts do not fit.
    """
    return RecogniserExplorer(model, log_mel, characters, sentence, voice, examples, seed)


class RecogniserExplorer(StaticImage):
    """The widget behind `recogniser`.

    `probabilities` (T', V) are those of each frame, `frames` the most probable symbol of each, `text` what is left when
    repeats are merged and then blanks removed. `problem` says what is wrong with the sentence typed last, or ''.
    """

    _esm = script("controls.js") + script("speech.js") + script("recogniser.js")
    examples = traitlets.List().tag(sync=True)
    groups = traitlets.List().tag(sync=True)  # [[title, [voice, ...]], ...]
    characters = traitlets.List().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    voice = traitlets.Unicode().tag(sync=True)
    noise = traitlets.Float(30.0, min=LEAST, max=MOST).tag(sync=True)  # decibels of signal to noise
    seed = traitlets.Int(0).tag(sync=True)  # of pace and pauses
    problem = traitlets.Unicode("").tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)

    def __init__(self, model, log_mel, characters, sentence, voice, examples, seed):
        log_mel = log_mel or getattr(model, "log_mel", None)
        if log_mel is None:
            raise ValueError("log_mel is not given and the model has none; expected a LogMel, fitted as in training")
        if characters is None:
            from mmcourse.tasks.transcripts import CHARACTERS as characters
        groups = [[TITLES[group], list(voices(group))] for group in GROUPS]
        voice = voice or voices("held_out")[0]
        self.model, self.log_mel = model, log_mel
        symbols = [str(character) for character in characters]
        super().__init__(groups=groups, characters=symbols, examples=list(examples), voice=voice, seed=seed)
        if problem := problem_with(sentence):
            raise ValueError(problem)
        self.sentence = sentence
        self._recognise()
        self.observe(self._update, ("sentence", "voice", "noise", "seed"))

    @traitlets.validate("voice")
    def _known(self, proposal):
        if not any(proposal["value"] in names for _, names in self.groups):
            raise traitlets.TraitError(f"no voice is called {proposal['value']!r}; see picturebook.speech.voices")
        return proposal["value"]

    def _update(self, _change) -> None:
        self.problem = problem_with(self.sentence)
        if not self.problem:
            try:
                self._recognise()
            except ValueError as error:  # a sound that is too short for this model, and the like
                self.problem = str(error)
        self.answered += 1

    def _recognise(self) -> None:
        self.sound = speak(self.sentence, self.voice, self.seed, signal_to_noise=self.noise)
        self.mels, self.probabilities = self._probabilities(self.sound)
        self.frames = self.probabilities.argmax(dim=1).tolist()
        merged = [symbol for symbol, _ in groupby(self.frames)]
        self.text = "".join(self.characters[symbol] for symbol in merged if symbol != BLANK)
        low, high = float(self.mels.quantile(0.02)), float(self.mels.max())
        self.levels = ((self.mels - high) / max(high - low, 1e-6) * RANGE).clamp(-RANGE, 0)
        truth = " ".join(split_words(self.sentence))
        self.comparison = compared(truth, self.text)
        self.result = {
            "truth": truth,
            "voice": self.voice,
            "seconds": len(self.sound) / SAMPLE_RATE,
            "url": data_url(as_samples(self.sound), SAMPLE_RATE),
            "spectrogram": as_png(self.levels),
            "probabilities": (self.probabilities * 255).round().byte().contiguous().numpy().tobytes(),
            "frames": self.frames,
            "merged": merged,
            "text": self.text,
            **self.comparison,
        }

    def _probabilities(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """The log-mels of a sound and the probabilities of each frame.   (samples,) -> (n_mels, T), (T', V)"""
        first = next(iter(self.model.state_dict().values()), sound)
        if isinstance(self.log_mel, nn.Module):
            sound = sound.to(next(iter(self.log_mel.buffers()), sound).device)
        with evaluation_mode(self.model):
            mels = self.log_mel(sound[None]).to(first.device)
            returned = self.model(mels, torch.tensor([mels.shape[-1]], device=first.device))
        if not isinstance(returned, tuple) or len(returned) != 2 or returned[0].dim() != 3:
            raise ValueError(
                f"the model returned {described(returned)}; expected (log-probabilities (1, T', V), lengths (1,))"
            )
        log_probs, lengths = returned
        log_probs = log_probs[0, : int(lengths[0])].detach().float().cpu()
        if log_probs.shape[1] != len(self.characters) or len(log_probs) == 0:
            raise ValueError(
                f"the model gives {tuple(log_probs.shape)} log-probabilities for {len(self.characters)} characters; "
                f"expected (T', {len(self.characters)}) with T' >= 1. Likely cause: an alphabet without the blank, or "
                "time and characters exchanged"
            )
        probabilities = log_probs.exp()
        if not torch.allclose(probabilities.sum(dim=1), torch.ones(len(probabilities)), atol=1e-2):
            raise ValueError(
                "the probabilities of a frame do not sum to 1. Likely cause: logits without log_softmax over characters"
            )
        return mels[0].detach().float().cpu(), probabilities

    def still(self) -> tuple[bytes, str]:
        """The log-mels, the probabilities below them and the transcript, as a PNG."""
        from matplotlib.figure import Figure

        seconds = self.result["seconds"]
        times = (torch.arange(len(self.frames)) + 0.5) * seconds / len(self.frames)
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(style.WIDTH, 3.9), layout="constrained")
            above, below = figure.subplots(2, 1, sharex=True)
            above.imshow(
                self.levels.numpy(),
                origin="lower",
                aspect="auto",
                cmap=style.SEQUENTIAL,
                vmin=-RANGE,
                vmax=0,
                interpolation="nearest",
                extent=(0, seconds, 0, len(self.levels)),
            )
            above.set(ylabel="mel band")
            above.grid(visible=False)
            above.set_title(f"spoken by {self.result['voice']}: {self.result['truth']}", fontweight="normal")
            below.plot(times, self.probabilities[:, BLANK], color=BLANK_COLOUR, linewidth=1, label="blank")
            for symbol in sorted(set(self.frames) - {BLANK}):
                colour = SPACE if self.characters[symbol] == " " else LETTER
                below.plot(times, self.probabilities[:, symbol], color=colour, linewidth=1.2)
            for symbol, frame in peaks(self.frames, self.probabilities):
                below.text(times[frame], 1.04, shown(self.characters[symbol]), ha="center", fontsize=8)
            below.set(ylim=(0, 1.18), ylabel="probability", xlabel="time (s)", yticks=(0, 1), xlim=(0, seconds))
            below.grid(visible=False)
            figure.supxlabel(f"recognised: {self.text}", fontsize=10)
            png = style.small_png(style.pixels_of(figure, 1.25))
        return png, (
            f"The log-mel spectrogram of the sentence '{self.result['truth']}', and below it the probability of each "
            f"character in each frame: mostly the blank, with a short peak for each character. Recognised: "
            f"'{self.text}'. {self.comparison['summary']} Run the cell to choose sentence, voice and noise."
        )


def peaks(frames: Sequence[int], probabilities: Tensor) -> list[tuple[int, int]]:
    """Where each symbol that the frames emit is most probable: (symbol, frame), blanks left out."""
    found, start = [], 0
    for symbol, run in groupby(frames):
        length = len(list(run))
        if symbol != BLANK:
            found.append((symbol, start + int(probabilities[start : start + length, symbol].argmax())))
        start += length
    return found


def shown(character: str) -> str:
    """A character as it is shown on its own: a space is seen."""
    return "␣" if character == " " else character


def described(returned) -> str:
    """What a model returned, in a few words."""
    if isinstance(returned, Tensor):
        return f"one tensor of shape {tuple(returned.shape)}"
    if isinstance(returned, tuple):
        return f"({', '.join(str(tuple(getattr(each, 'shape', ()))) for each in returned)})"
    return type(returned).__name__
