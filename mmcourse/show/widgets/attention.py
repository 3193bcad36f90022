"""A Transformer's attention weights over a sentence that is typed or chosen, by layer and head."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from mmcourse.data.text import PAD, UNKNOWN, split_words
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook import sentence as picturebook
from mmcourse.show import style
from mmcourse.show.widgets.base import StaticImage, script

MOST = 60  # words shown of a text
MEAN = -1  # in place of a head's number: the mean over all heads
STRONGEST = 3  # named in the alt text


def attention_explorer(
    model: nn.Module,
    sentences: Sequence[str],
    encode: Callable[[str], Sequence[int]] | None = None,
    classes: Sequence[str] | None = None,
    layer: int | None = None,
    head: int = MEAN,
) -> "AttentionExplorer":
    """A widget: type or choose a sentence, choose a layer and a head, and see which word attends to which.

    model    has `attention_maps(tokens (B, T)) -> (layers, B, heads, T, T)`, such as TransformerClassifier
    encode   a sentence to token indices, 0 = padding, 1 = unknown: the Picture Book's own, or a Vocabulary's `encode`
    classes  the names of the model's logits, to show its prediction beside; without them none is shown
    layer    the layer to begin with, counted from 0; the last unless given
    head     the head to begin with, counted from 0; the mean of all unless given

    ValueError for a model without attention maps, classes that do not fit, or no sentence to begin with.
    """
    return AttentionExplorer(model, sentences, encode, classes, layer, head)


class AttentionExplorer(StaticImage):
    """The widget behind `attention_explorer`.

    `maps` (layers, heads, T, T) belongs to the sentence as it stands, `weights` (T, T) to the chosen layer and head: a
    row is a query, a column a key. `words` are its T words; `guess` is (class, probability).
    """

    _esm = script("attention.js")
    sentences = traitlets.List().tag(sync=True)
    sentence = traitlets.Unicode("").tag(sync=True)
    layer = traitlets.Int(0).tag(sync=True)
    head = traitlets.Int(MEAN).tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model, sentences, encode=None, classes=None, layer=None, head=MEAN):
        if not callable(getattr(model, "attention_maps", None)):
            raise ValueError(
                f"the {type(model).__name__} has no attention_maps(tokens); expected a model such as "
                "TransformerClassifier. Likely cause: a model of another kind, such as a GRU"
            )
        if isinstance(sentences, str) or not sentences or not all(isinstance(text, str) for text in sentences):
            raise ValueError(
                f"sentences is {type(sentences).__name__} {str(sentences)[:40]!r}; expected a list of one text or more"
            )
        super().__init__()
        self.model, self.classes = model, tuple(classes or ())
        self.encode = encode or picturebook.encode
        self.sentences, self.sentence = list(sentences), sentences[0]
        self._look()
        if not self.words:
            raise ValueError("the first sentence holds no word; expected one to begin with")
        layers, heads = self.maps.shape[:2]
        self.layer = self._within("layer", layers - 1 if layer is None else layer, 0, layers)
        self.head = self._within("head", head, MEAN, heads)
        self.observe(self._changed, "sentence")

    @property
    def weights(self) -> Tensor:
        """The attention weights of the chosen layer and head; rows sum to 1.   (T, T)"""
        heads = self.maps[self.layer]
        return heads.mean(0) if self.head == MEAN else heads[self.head]

    @staticmethod
    def _within(name: str, value: int, low: int, high: int) -> int:
        if not low <= value < high:
            mean = ", or -1 for the mean" if low == MEAN else ""
            raise ValueError(f"{name} is {value}; the model has {high}, so expected 0 to {high - 1}{mean}")
        return value

    def _changed(self, _change) -> None:
        try:
            self._look()
        except ValueError as problem:  # a model says why it cannot read this
            self._show([], [], self.maps[..., :0, :0], None, str(problem))

    def _look(self) -> None:
        """Compute weights and prediction for the current sentence."""
        positions = [int(position) for position in self.encode(self.sentence)]
        words = words_of(self.sentence, positions, self.encode)
        pairs = [(word, position) for word, position in zip(words, positions, strict=True) if position != PAD]
        note = f"{len(pairs)} words; the first {MOST} are shown." if len(pairs) > MOST else ""
        words, positions = [word for word, _ in pairs[:MOST]], [position for _, position in pairs[:MOST]]
        if not positions:
            maps = self.maps[..., :0, :0] if hasattr(self, "maps") else torch.zeros(1, 1, 0, 0)
            self._show([], [], maps, None, "Write a few words.")
            return
        tokens = torch.tensor([positions], device=next(self.model.parameters()).device)
        maps = self.model.attention_maps(tokens)
        if maps.dim() != 5 or maps.shape[1] != 1 or maps.shape[-2:] != (len(positions),) * 2:
            raise ValueError(
                f"attention_maps gave shape {tuple(maps.shape)} for one sentence of {len(positions)} words; "
                f"expected (layers, 1, heads, {len(positions)}, {len(positions)})"
            )
        unknown = [position == UNKNOWN for position in positions]
        self._show(words, unknown, maps[:, 0].float().cpu(), self._predict(tokens), note)

    def _show(self, words: list[str], unknown: list[bool], maps: Tensor, probabilities, note: str) -> None:
        self.words, self.unknown, self.maps = words, unknown, maps
        guesses = [] if probabilities is None else zip(self.classes, probabilities.tolist(), strict=True)
        self.guesses = sorted(guesses, key=lambda pair: -pair[1])
        self.result = {
            "words": words,
            "unknown": unknown,
            "layers": maps.shape[0],
            "heads": maps.shape[1],
            "maps": (maps.clamp(0, 1) * 65535).round().numpy().astype("<u2").tobytes(),
            "guesses": self.guesses[:6],
            "note": note,
        }

    @property
    def guess(self) -> tuple[str, float] | None:
        """The predicted class and its probability; None where no classes were given."""
        return self.guesses[0] if self.guesses else None

    def _predict(self, tokens: Tensor) -> Tensor | None:
        if not self.classes:
            return None
        with evaluation_mode(self.model):
            logits = self.model(tokens)
        if logits.shape != (1, len(self.classes)):
            raise ValueError(
                f"the model gives logits of shape {tuple(logits.shape)} for one sentence and there are "
                f"{len(self.classes)} classes; expected (1, {len(self.classes)}). Likely cause: a list of other classes"
            )
        return logits[0].softmax(0).float().cpu()

    def still(self) -> tuple[bytes, str]:
        """The chosen map as a PNG, words beside and above it."""
        import matplotlib
        from matplotlib.figure import Figure

        weights, words = self.weights, self.words
        labels = [f"{word}?" if strange else word for word, strange in zip(words, self.unknown, strict=True)]
        side = min(4.6, 1.0 + 0.26 * len(words))
        what = f"layer {self.layer + 1}, " + ("mean of the heads" if self.head == MEAN else f"head {self.head + 1}")
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(side + 1.9, side + 0.7), layout="constrained")
            axis = figure.subplots()
            axis.grid(visible=False)
            if words:
                image = axis.imshow(weights.numpy(), vmin=0, cmap="YlOrBr", interpolation="nearest")
                figure.colorbar(image, ax=axis, fraction=0.04, pad=0.02).outline.set_visible(False)
            size = float(np.clip(260 / max(len(words), 1), 5, 9))
            axis.set_xticks(range(len(words)), labels, rotation=90, fontsize=size)
            axis.set_yticks(range(len(words)), labels, fontsize=size)
            axis.xaxis.tick_top()
            axis.set(xlabel="key", ylabel="query")
            axis.set_title(what)
            png = style.small_png(style.pixels_of(figure, 1.25))
        said = f"Predicted: {self.guess[0]} ({self.guess[1]:.2f}). " if self.guess else ""
        return png, (
            f"Attention weights over the sentence '{' '.join(words)}', {what}: {strongest(weights, words)}. {said}"
            "Run the cell to type a sentence and to choose layer and head."
        )


def strongest(weights: Tensor, words: Sequence[str]) -> str:
    """The largest weights in words: 'boat attends to above (0.43)'."""
    top = weights.flatten().topk(min(STRONGEST, weights.numel()))
    pairs = [
        (divmod(position, len(words)), weight)
        for position, weight in zip(top.indices.tolist(), top.values, strict=True)
    ]
    return ", ".join(f"{words[i]} attends to {words[j]} ({weight:.2f})" for (i, j), weight in pairs) or "no words"


def words_of(text: str, positions: Sequence[int], encode: Callable) -> list[str]:
    """The words that `encode` made tokens of, in their order; the indices themselves where no way of cutting fits."""
    own = getattr(getattr(encode, "__self__", None), "tokenise", None)
    for cut in (own, picturebook.split_words if encode is picturebook.encode else None, split_words, str.split):
        if cut is not None and len(words := cut(text)) == len(positions):
            return list(words)
    return [str(position) for position in positions]
