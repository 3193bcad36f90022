"""Speech for a typed sentence: the synthesised sound, its spectrogram with the words, and what is recognised."""

from collections.abc import Callable, Sequence

import matplotlib
import torch
import traitlets
from torch import Tensor, nn

from mmcourse.data.audio import LogMel
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.sentence import split_words
from mmcourse.show import style
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets.base import StaticImage, script
from mmcourse.show.widgets.sentences import EXAMPLES, problem_of_length, unknown_words
from mmcourse.show.widgets.spectrogram import RANGE, as_png
from mmcourse.show.widgets.word_errors import compared


def text_to_speech(
    model,
    voices: Sequence[str] | None = None,
    recogniser=None,
    sentence: str = "a small red fish above a big blue boat",
    examples: Sequence[str] = EXAMPLES,
    rate: int = 16_000,
) -> "TextToSpeechExplorer":
    """A widget: a sentence and a voice, the synthesised speech to listen to, and its log-mel spectrogram.

    model       has `speak(sentence, voice) -> waveform (samples,)`; where it also has `boundaries(sentence, voice) ->
                seconds (n_words + 1,)`, the words are marked in the spectrogram
    voices      the names that `speak` takes; `picturebook.speech.SPEAKING_VOICES` unless given
    recogniser  has `transcribe([waveform]) -> [text]`, or is a function (samples,) -> text; what it recognises is shown
                beside the true sentence
    rate        samples per second of the waveforms

    Evaluation mode is set while the model is called. ValueError where the parts do not fit.
    """
    return TextToSpeechExplorer(model, voices, recogniser, sentence, examples, rate)


class TextToSpeechExplorer(StaticImage):
    """The widget behind `text_to_speech`.

    `sound` (samples,) is what `sentence` sounds like in `voice`, `recognised` what the recogniser makes of it.
    `problem` says what is wrong with the sentence typed last, or ''; a word that the book has not is tried, and named
    in `result["note"]`.
    """

    _esm = script("controls.js") + script("speech.js") + script("text_to_speech.js")
    examples = traitlets.List().tag(sync=True)
    voices = traitlets.List().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)
    voice = traitlets.Unicode().tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)

    def __init__(self, model, voices, recogniser, sentence, examples, rate):
        if not callable(getattr(model, "speak", None)):
            raise ValueError(f"the model is a {type(model).__name__}; expected one with speak(sentence, voice)")
        if voices is None:
            from mmcourse.picturebook.speech import SPEAKING_VOICES as voices
        names = [str(voice) for voice in voices]
        if not names:
            raise ValueError("voices is empty; expected at least one name that the model's `speak` takes")
        self.model, self.recognise, self.rate = model, transcriber(recogniser), rate
        self.log_mel = LogMel(rate)
        if problem := problem_of_length(sentence):
            raise ValueError(problem)
        super().__init__(voices=names, voice=names[0], examples=list(examples), sentence=sentence)
        self._speak()
        self.observe(self._update, ("sentence", "voice"))

    @traitlets.validate("voice")
    def _known(self, proposal):
        if proposal["value"] not in self.voices:
            raise traitlets.TraitError(f"no voice is called {proposal['value']!r}; expected {', '.join(self.voices)}")
        return proposal["value"]

    def _update(self, _change) -> None:
        self.problem = problem_of_length(self.sentence)
        if not self.problem:
            try:
                self._speak()
            except ValueError as error:  # a word that this model lacks, and the like
                self.problem = str(error)
        self.answered += 1

    def _speak(self) -> None:
        words = split_words(self.sentence)
        with evaluation_mode(self.model), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)  # Griffin-Lim starts from random phases
            sound = checked_sound(self.model.speak(self.sentence, self.voice))
            boundaries = getattr(self.model, "boundaries", None)
            edges = checked_edges(boundaries(self.sentence, self.voice), len(words)) if boundaries else []
        recognised = None if self.recognise is None else self.recognise(sound)
        mels = self.log_mel.raw(sound[None])[0]
        high = float(mels.max())
        low = max(float(mels.quantile(0.02)), high - RANGE * 0.2303)  # natural logarithms: RANGE decibels
        self.levels = ((mels - high) / max(high - low, 1e-6) * RANGE).clamp(-RANGE, 0)
        self.sound, self.edges, self.recognised = sound, edges, recognised
        self.comparison = None if recognised is None else compared(" ".join(words), recognised)
        self.result = {
            "sentence": " ".join(words),
            "voice": self.voice,
            "seconds": len(sound) / self.rate,
            "url": data_url(as_samples(sound), self.rate),
            "spectrogram": as_png(self.levels),
            "edges": edges,
            "words": words,
            "recognised": self.comparison,
            "note": unknown_words(self.sentence),
        }

    def still(self) -> tuple[bytes, str]:
        """The log-mel spectrogram with the words, and what was recognised, as a PNG."""
        from matplotlib.figure import Figure

        shown, seconds = self.result, self.result["seconds"]
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(style.WIDTH, 2.9), layout="constrained")
            axis = figure.subplots()
            axis.imshow(
                self.levels.numpy(),
                origin="lower",
                aspect="auto",
                cmap=style.SEQUENTIAL,
                vmin=-RANGE,
                vmax=0,
                interpolation="nearest",
                extent=(0, seconds, 0, len(self.levels)),
            )
            axis.grid(visible=False)
            axis.set(xlabel="time (s)", ylabel="mel band", xlim=(0, seconds))
            for edge in self.edges:
                axis.axvline(edge, color="white", linewidth=1)
            for word, left, right in zip(shown["words"], self.edges, self.edges[1:], strict=False):
                axis.text((left + right) / 2, len(self.levels) * 1.02, word, ha="center", fontsize=8)
            axis.set_title(f"{shown['voice']}: {shown['sentence']}", fontweight="normal", pad=16 if self.edges else 6)
            if self.recognised is not None:
                figure.supxlabel(f"recognised: {self.recognised}", fontsize=10)
            png = style.small_png(style.pixels_of(figure, 1.25))
        told = "" if self.recognised is None else f" Recognised: '{self.recognised}'. {self.comparison['summary']}"
        return png, (
            f"The log-mel spectrogram of synthesised speech, {seconds:.1f} seconds: '{shown['sentence']}' in the voice "
            f"{shown['voice']}.{told} Run the cell to type a sentence, choose a voice and listen."
        )


def transcriber(recogniser) -> Callable[[Tensor], str] | None:
    """A recogniser as a function (samples,) -> text."""
    if recogniser is None:
        return None
    transcribe = getattr(recogniser, "transcribe", None)
    if transcribe is None and (isinstance(recogniser, nn.Module) or not callable(recogniser)):
        raise ValueError(
            f"the recogniser is a {type(recogniser).__name__}; expected one with transcribe([waveform]), or a function "
            "(samples,) -> text. Likely cause: a recogniser of words, or of log-mels"
        )
    return (lambda sound: str(transcribe([sound])[0])) if transcribe else (lambda sound: str(recogniser(sound)))


def checked_sound(sound) -> Tensor:
    """The model's waveform, (samples,) float32 within [-1, 1]; ValueError where it is none."""
    if not isinstance(sound, Tensor):
        raise ValueError(
            f"speak returned {type(sound).__name__}; expected a waveform (samples,). Likely cause: the log-mel is "
            "returned with it"
        )
    return torch.from_numpy(as_samples(sound).copy())


def checked_edges(boundaries, words: int) -> list[float]:
    """Where words begin and end, in seconds; ValueError unless there is one more than words, in order."""
    edges = [float(edge) for edge in boundaries]
    if len(edges) != words + 1 or sorted(edges) != edges:
        raise ValueError(
            f"boundaries gave {len(edges)} positions for {words} words; expected {words + 1}, in increasing order: "
            "where each word begins, and the end of the last"
        )
    return edges
