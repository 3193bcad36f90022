"""Saliency of words in a sentence that is typed: the prediction, and each word's evidence for it."""

from collections.abc import Callable, Sequence

import torch
import traitlets
from torch import nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.saliency import saliency
from mmcourse.show import style
from mmcourse.show.widgets.base import StaticImage, script

UNKNOWN = 1  # in every vocabulary of the course
MOST_WORDS = 256  # of a longer text the beginning is read
FEW = 6  # up to so many classes each has its bar, in the given order; of more, the most probable
TINTS = {True: "#0072B2", False: "#D55E00"}  # evidence for the class, against it; the bar of this class, of another
WIDE, LINE, MARGIN, GAP, SIZE, MOST_LINES = 7.2, 0.42, 0.2, 0.19, 13, 5  # of the static image, in inches and points
STRONGEST = 0.6  # how opaque the strongest word's tint is: letters stay readable on light and dark pages


def saliency_explorer(
    model: nn.Module, sentence: str, classes: Sequence[str], encode: Callable[[str], list[int]] | None = None
) -> "SaliencyExplorer":
    """A widget: type a sentence, see the model's prediction and which words are evidence for or against it.

    model     tokens (B, T) to logits (B, len(classes)), with an nn.Embedding
    sentence  the first text
    classes   the names of the logits
    encode    text to tokens, such as a Vocabulary's encode; None: the Picture Book's
    """
    return SaliencyExplorer(model, sentence, classes, encode)


class SaliencyExplorer(StaticImage):
    """The widget behind `saliency_explorer`. `guess` is (predicted class, probability), None without words."""

    _esm = script("saliency.js")
    text = traitlets.Unicode().tag(sync=True)
    classes = traitlets.List().tag(sync=True)
    explained = traitlets.Int(-1).tag(sync=True)  # the class that tints explain; -1: the predicted class
    strongest = traitlets.Float(STRONGEST).tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model: nn.Module, sentence: str, classes: Sequence[str], encode: Callable | None = None):
        super().__init__()
        if encode is None:
            from mmcourse.picturebook.sentence import encode
        self.model, self.encode = model, encode
        self.classes = [str(name) for name in classes]
        self.text = sentence
        self._fits()
        self.result = self._read()
        self.observe(self._typed, ("text", "explained"))

    @property
    def guess(self) -> tuple[str, float] | None:
        """The predicted class of the text, and its probability."""
        if not self.result["guesses"]:
            return None
        index, probability = max(self.result["guesses"], key=lambda guess: guess[1])
        return self.classes[index], probability

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _logits(self, tokens: torch.Tensor) -> torch.Tensor:
        with evaluation_mode(self.model):
            return self.model(tokens).float().cpu()

    def _fits(self) -> None:
        logits = self._logits(torch.tensor([[UNKNOWN]], device=self._device()))
        if tuple(logits.shape) != (1, len(self.classes)):
            raise ValueError(
                f"the model gives logits of shape {tuple(logits.shape)} for one sentence and there are "
                f"{len(self.classes)} classes; expected (1, {len(self.classes)}). Likely cause: a list of other classes"
            )

    def _typed(self, _change) -> None:
        try:
            self.result = self._read()
        except (ValueError, RuntimeError, IndexError) as error:  # shown in the widget: no cell is there to show it
            self.result = {"words": [], "guesses": [], "chosen": -1, "note": f"The model cannot process this: {error}"}

    def _read(self) -> dict:
        ids = [int(token) for token in self.encode(self.text)]
        words = words_of(self.text, ids, self.encode)
        note = f"Only the first {MOST_WORDS} of {len(ids)} words are used." if len(ids) > MOST_WORDS else ""
        ids, words = ids[:MOST_WORDS], words[:MOST_WORDS]
        if not ids:
            return {"words": [], "guesses": [], "chosen": -1, "note": "There is no word yet: type a sentence."}
        tokens = torch.tensor([ids], device=self._device())
        probabilities = self._logits(tokens)[0].softmax(0)
        best = int(probabilities.argmax())
        chosen = self.explained if 0 <= self.explained < len(self.classes) else best
        says = saliency(self.model, tokens, chosen)[0].float().cpu().tolist()
        shown = range(len(self.classes)) if len(self.classes) <= FEW else probabilities.topk(FEW).indices.tolist()
        return {
            "words": [[word, s, id == UNKNOWN] for word, s, id in zip(words, says, ids, strict=True)],
            "guesses": [[i, float(probabilities[i])] for i in shown],
            "chosen": chosen,
            "note": note,
        }

    def still(self) -> tuple[bytes, str]:
        """The words, tinted, and the bars as a PNG."""
        import matplotlib
        from matplotlib.figure import Figure

        words, guesses = self.result["words"], self.result["guesses"]
        with matplotlib.rc_context(style.SETTINGS):
            lines = in_lines([word for word, *_ in words])
            tall, bars_tall = LINE * len(lines) + 0.2, 0.25 * len(guesses)
            figure = Figure(figsize=(WIDE, tall + bars_tall + 0.6))
            height = figure.get_figheight()
            tinted(figure, lines, words, height)
            if guesses:
                bars = figure.add_axes((0.2, 0.5 / height, 0.5, bars_tall / height))
                colours = [TINTS[i == self.result["chosen"]] for i, _ in guesses]
                bars.barh([self.classes[i] for i, _ in guesses], [p for _, p in guesses], color=colours)
                bars.set(xlim=(0, 1), xlabel="probability")
                bars.invert_yaxis()
                bars.grid(axis="y", visible=False)
            position = 0.74 if guesses else MARGIN / WIDE
            figure.text(position, 0.3 / height, self._legend(), fontsize=8.5, va="bottom", linespacing=1.6)
            png = style.small_png(style.pixels_of(figure, 1.25))
        return png, self._alt()

    def _legend(self) -> str:
        if not self.result["words"]:
            return self.result["note"]
        name = self.classes[self.result["chosen"]]
        return f"blue: evidence for ‘{name}’,\norange against it;\ndashed: unknown"

    def _alt(self) -> str:
        words = sorted((word for word in self.result["words"] if word[1] > 0), key=lambda word: -word[1])
        said = ", ".join(f"{self.classes[i]} {p:.2f}" for i, p in self.result["guesses"])
        answer = f"Prediction for '{shortened(self.text)}': {said}. " if said else ""
        most = f"Strongest evidence for it: {', '.join(word for word, *_ in words[:3])}. " if words else ""
        return (
            f"A sentence to edit, bars for the class probabilities, coloured words. {answer}{most}Run the cell to type "
            "your own."
        )


def words_of(text: str, ids: Sequence[int], encode: Callable) -> list[str]:
    """The words of a text, one for each of its tokens: as the vocabulary cuts it, or as the first cut that fits."""
    from mmcourse.data import text as real_text
    from mmcourse.picturebook import sentence

    own = getattr(getattr(encode, "__self__", None), "tokenise", None)
    for cut in filter(None, (own, sentence.split_words, real_text.split_words, str.split)):
        words = cut(text)
        if len(words) == len(ids):
            return list(words)
    return [f"#{token}" for token in ids]


def shortened(text: str, most: int = 120) -> str:
    """A text on one line, its end left out where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def opacity(says: float, largest: float) -> float:
    """How opaque a word's tint is: in proportion to its saliency, the strongest of its sentence STRONGEST."""
    return STRONGEST * abs(says) / largest if largest > 0 else 0.0


def in_lines(words: list[str]) -> list[list[float]]:
    """Where each word of each line begins, in inches; what does not fit in MOST_LINES lines is left out."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="serif", size=SIZE)
    lines: list[list[float]] = [[]]
    x = MARGIN
    for word in words:
        wide = TextPath((0, 0), word, prop=font).get_extents().width / 72
        if lines[-1] and x + wide > WIDE - MARGIN:
            if len(lines) == MOST_LINES:
                return lines
            lines.append([])
            x = MARGIN
        lines[-1].append(x)
        x += wide + GAP
    return lines


def tinted(figure, lines: list[list[float]], words: list, height: float) -> None:
    """Draw tinted words where their lines have them, on a figure of some height in inches."""
    from matplotlib.colors import to_rgba

    largest = max((abs(says) for _, says, _ in words), default=0.0)
    left_over = iter(words)
    for number, line in enumerate(lines):
        y = 1 - (number + 0.75) * LINE / height
        for x, (word, says, unknown) in zip(line, left_over, strict=False):
            box = {"facecolor": to_rgba(TINTS[says > 0], opacity(says, largest)), "boxstyle": "round,pad=0.25"}
            box |= {"edgecolor": style.INK if unknown else "none", "linestyle": "--", "linewidth": 1}
            figure.text(x / WIDE, y, word, fontsize=SIZE, family="serif", bbox=box, va="baseline")
    if len(words) > sum(map(len, lines)):
        figure.text(1 - 0.05 / WIDE, y, "…", fontsize=SIZE, ha="right")
