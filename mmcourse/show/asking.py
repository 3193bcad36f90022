"""A model that is asked about pictures: where it looks when it hears a word, and what it answers word by word."""

from collections.abc import Callable, Sequence

import matplotlib
import torch
import traitlets
from torch import Tensor, nn

from mmcourse.data.text import UNKNOWN, pad
from mmcourse.models.judging import judging
from mmcourse.picturebook.sentence import encode, split_words
from mmcourse.show import style
from mmcourse.show.images import unit_range
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets import Pictured, script, to_jpeg

MOST = 16  # words shown of a question
SHOWN = 3  # answers shown of each step


def asking_explorer(
    model: nn.Module,
    images: Sequence[Tensor],
    places: Tensor,
    sentences: Sequence[str],
    say: Callable[[str], Tensor],
    hear: Callable[[list[Tensor]], Tensor],
    classes: Sequence[str],
    questions: Sequence[str],
) -> "AskingExplorer":
    """A widget: choose a page and a word that is heard, see where each head looks, and ask a question word by word.

    model      has look(places (B, T, D), heard (B, S)) -> found, weights (B, heads, T), as `Asking` does, and answers
               model(places, heard, tokens (B, L)) -> logits (B, n_classes)
    images     the pages (3, S, S) in [0, 1]; places (N, T, D) their tokens, T a square number; sentences tell them
    say        a word -> how it sounds, (samples,) at 16 kHz; hear: such sounds -> what the model gets, (B, S)
    classes    the names of the answers; questions: ready ones, the first to begin with

    ValueError where these do not fit.
    """
    return AskingExplorer(model, images, places, sentences, say, hear, classes, questions)


class AskingExplorer(Pictured):
    """The widget behind `asking_explorer`.

    `page`, `word` (a place in `words`) and `question` are what was chosen; `weights` (words, heads, T) belong to the
    page, and `steps` are the answers after each word of the question: (words so far, [(answer, probability)]).
    """

    _esm = script("asking.js")
    images = traitlets.List().tag(sync=True)
    sentences = traitlets.List().tag(sync=True)
    questions = traitlets.List().tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    word = traitlets.Int(0).tag(sync=True)
    question = traitlets.Unicode("").tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model, images, places, sentences, say, hear, classes, questions):
        if not callable(getattr(model, "look", None)):
            raise ValueError(
                f"the {type(model).__name__} has no look(places, heard); expected a model such as Asking. Likely "
                "cause: a model that joins vectors, which has no places to look at"
            )
        images = [unit_range(torch.as_tensor(image).detach().cpu()) for image in images]
        if not images or not len(images) == len(places) == len(sentences):
            raise ValueError(
                f"there are {len(images)} images, places of {len(places)} and {len(sentences)} sentences; expected as "
                "many of each, at least one"
            )
        if places.dim() != 3 or int(places.shape[1] ** 0.5) ** 2 != places.shape[1]:
            raise ValueError(f"places have shape {tuple(places.shape)}; expected (N, T, D), T a square number")
        if not questions or not all(split_words(text) for text in (questions[0], *sentences)):
            raise ValueError("the first question or a sentence holds no word; expected one to begin with")
        super().__init__()
        self.model, self.places, self.classes, self.pictures = model, places, tuple(classes), images
        self.images, self.sentences, self.questions = [to_jpeg(image) for image in images], [*sentences], [*questions]
        self.question = questions[0]
        words = sorted({word for sentence in sentences for word in split_words(sentence)})
        sounds = [say(word) for word in words]
        features = hear(sounds)
        if features.dim() != 2 or len(features) != len(words):
            raise ValueError(
                f"hear gave shape {tuple(features.shape)} for {len(words)} sounds; expected ({len(words)}, features)"
            )
        self.heard = dict(zip(words, features.detach().cpu(), strict=True))
        self.sounds = {word: data_url(as_samples(sound), 16_000) for word, sound in zip(words, sounds, strict=True)}
        self._look()
        self.word = max(range(len(self.words)), key=lambda i: self.weights[i].amax(-1).mean().item())
        self.observe(lambda _change: self._look(), "page")
        self.observe(lambda _change: self._ask(), "question")

    @property
    def words(self) -> list[str]:
        """The words of the chosen page's sentence."""
        return split_words(self.sentences[self.page])

    @property
    def steps(self) -> list[tuple[str, list[tuple[str, float]]]]:
        """The answers to the question, word by word, for the word that is heard."""
        return [(" ".join(self.asked[: i + 1]), self._ranked(row)) for i, row in enumerate(self.answers[self.word])]

    def _look(self) -> None:
        """Where every word of the page looks, and what follows."""
        self.word = min(self.word, len(self.words) - 1)
        heard = torch.stack([self.heard[word] for word in self.words])
        with judging(self.model):
            _, weights = self.model.look(*self._there(self.places[self.page].expand(len(heard), -1, -1), heard))
        self.weights = weights.float().cpu()  # (words, heads, T)
        if self.weights.dim() != 3 or self.weights.shape[2] != self.places.shape[1]:
            raise ValueError(f"look gave weights of shape {tuple(weights.shape)}; expected (B, heads, places)")
        self._ask()

    def _ask(self) -> None:
        """What the model answers to each beginning of the question, for each word that might be heard."""
        text = split_words(self.question.replace("?", " "))
        cut, self.asked = len(text) > MOST, text[:MOST]
        tokens = encode(" ".join(self.asked))
        self.answers = torch.zeros(len(self.words), 0, len(self.classes))
        if tokens:
            grown = pad([tokens[: i + 1] for i in range(len(tokens))])  # (L, L)
            heard = torch.stack([self.heard[word] for word in self.words])
            pairs = len(heard) * len(grown)
            with judging(self.model):
                logits = self.model(
                    *self._there(
                        self.places[self.page].expand(pairs, -1, -1),
                        heard.repeat_interleave(len(grown), dim=0),
                        grown.repeat(len(heard), 1),
                    )
                )
            if logits.shape != (pairs, len(self.classes)):
                raise ValueError(
                    f"the model gives logits of shape {tuple(logits.shape)} for {pairs} questions and there are "
                    f"{len(self.classes)} classes"
                )
            self.answers = logits.softmax(dim=1).float().cpu().unflatten(0, (len(heard), -1))
        unknown = [word for word, place in zip(self.asked, tokens, strict=True) if place == UNKNOWN]
        notes = [f"the first {MOST} words count" if cut else ""]
        notes.append(f"not in the vocabulary: {', '.join(dict.fromkeys(unknown))}" if unknown else "")
        self.result = {
            "words": self.words,
            "sounds": [self.sounds[word] for word in self.words],
            "side": int(self.places.shape[1] ** 0.5),
            "weights": self.weights.double().mul(1e4).round().div(1e4).tolist(),
            "asked": self.asked,
            "answers": [[self._ranked(row) for row in rows] for rows in self.answers],
            "note": "; ".join(filter(None, notes)),
        }

    def _there(self, *tensors: Tensor) -> list[Tensor]:
        where = next(self.model.parameters()).device
        return [tensor.to(where) for tensor in tensors]

    def _ranked(self, probabilities: Tensor) -> list[tuple[str, float]]:
        best = probabilities.topk(min(SHOWN, len(self.classes)))
        return [
            (self.classes[i], round(p, 3)) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]

    def still(self) -> tuple[bytes, str]:
        """The page under each head's weights, and the answers beside, as a PNG."""
        from matplotlib.figure import Figure

        weights, heard = self.weights[self.word], self.words[self.word]
        side, heads = int(weights.shape[1] ** 0.5), len(weights)
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(2.4 * heads + 3.4, 2.7), layout="constrained")
            axes = figure.subplots(1, heads + 1, width_ratios=[2.4] * heads + [3.4])
            for head, axis in enumerate(axes[:-1]):
                shade = torch.ones(side, side, 4) * 0.08
                shade[..., 3] = 0.72 * (1 - weights[head] / weights[head].max().clamp(min=1e-8)).unflatten(
                    0, (side, -1)
                )
                axis.imshow(self.pictures[self.page].permute(1, 2, 0).clamp(0, 1).numpy(), extent=(0, side, side, 0))
                axis.imshow(shade.numpy(), extent=(0, side, side, 0), interpolation="nearest")
                axis.set_title(f"'{heard}', head {head + 1}")
                axis.set_axis_off()
            axes[-1].set_axis_off()
            lines = [f"{words}: {best[0][0]} ({best[0][1]:.2f})" for words, best in self.steps]
            axes[-1].text(0, 0.95, "\n".join(lines) or "no question", va="top", fontsize=9, linespacing=1.6)
            png = style.small_png(style.pixels_of(figure, 1.25))
        said = "; ".join(f"after '{words}': {best[0][0]} ({best[0][1]:.2f})" for words, best in self.steps)
        return png, (
            f"A page, '{self.sentences[self.page]}', and where {heads} heads look when '{heard}' is heard: "
            + ", ".join(f"head {i + 1} at {place_of(row)}" for i, row in enumerate(weights))
            + f". The question is '{self.question}'. {said}. Run the cell to choose pages and words and to ask."
        )


def place_of(weights: Tensor) -> str:
    """The strongest place of a square of them in words, and its share: 'row 2, column 5 (0.61)'.   (T,)"""
    row, column = divmod(int(weights.argmax()), int(len(weights) ** 0.5))
    return f"row {row + 1}, column {column + 1} ({weights.max():.2f})"
