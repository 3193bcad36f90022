"""Question answering about images: the attention weights of a spoken word, and the answers after each question word."""

from collections.abc import Callable, Sequence

import matplotlib
import torch
import traitlets
from matplotlib.colors import to_rgba
from torch import Tensor, nn

from mmcourse.data.text import UNKNOWN, pad
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.sentence import encode, split_words
from mmcourse.show import style
from mmcourse.show.figures.images import unit_range
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets.base import StaticImage, script, to_jpeg

MOST = 16  # words shown of a question
SHOWN = 3  # answers shown of each step
FADED = 0.85  # opacity of the paper over a position without attention


def question_answering_explorer(
    model: nn.Module,
    images: Sequence[Tensor],
    positions: Tensor,
    sentences: Sequence[str],
    speak: Callable[[str], Tensor],
    encode_sound: Callable[[list[Tensor]], Tensor],
    classes: Sequence[str],
    questions: Sequence[str],
) -> "QuestionAnsweringExplorer":
    """A widget: choose a page and a spoken word, see each head's attention weights, and ask a question word by word.

    model      has attend(positions (B, T, D), sound (B, S)) -> found, weights (B, heads, T), as `QuestionAnswerer` has,
               and answers: model(positions, sound, tokens (B, L)) -> logits (B, n_classes)
    images     the pages (3, S, S) in [0, 1]; positions (N, T, D) their tokens, T a square number; their sentences
    speak      a word -> its sound, (samples,) at 16 kHz; encode_sound: such sounds -> their features, (B, S)
    classes    the names of the answers; questions  to choose from, the first is shown

    ValueError where these do not fit.
    """
    return QuestionAnsweringExplorer(model, images, positions, sentences, speak, encode_sound, classes, questions)


class QuestionAnsweringExplorer(StaticImage):
    """The widget behind `question_answering_explorer`.

    `page`, `word` (an index of `words`) and `question` are what was chosen; `weights` (words, heads, T) belong to the
    page, and `steps` are the answers after each word of the question: (words so far, [(answer, probability)]).
    """

    _esm = script("question_answering.js")
    images = traitlets.List().tag(sync=True)
    sentences = traitlets.List().tag(sync=True)
    questions = traitlets.List().tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    word = traitlets.Int(0).tag(sync=True)
    question = traitlets.Unicode("").tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model, images, positions, sentences, speak, encode_sound, classes, questions):
        if not callable(getattr(model, "attend", None)):
            raise ValueError(
                f"the {type(model).__name__} has no attend(positions, sound); expected one such as QuestionAnswerer. "
                "Likely cause: a model that fuses vectors, which has no positions to attend to"
            )
        images = [unit_range(torch.as_tensor(image).detach().cpu()) for image in images]
        if not images or not len(images) == len(positions) == len(sentences):
            raise ValueError(
                f"there are {len(images)} images, positions of {len(positions)} images and {len(sentences)} sentences; "
                "expected as many of each, at least one"
            )
        if positions.dim() != 3 or int(positions.shape[1] ** 0.5) ** 2 != positions.shape[1]:
            raise ValueError(f"positions have shape {tuple(positions.shape)}; expected (N, T, D), T a square number")
        if not questions or not all(split_words(text) for text in (questions[0], *sentences)):
            raise ValueError("the first question or a sentence holds no word; expected one to begin with")
        super().__init__()
        self.model, self.positions, self.classes, self.image_tensors = model, positions, tuple(classes), images
        self.images, self.sentences, self.questions = [to_jpeg(image) for image in images], [*sentences], [*questions]
        self.question = questions[0]
        words = sorted({word for sentence in sentences for word in split_words(sentence)})
        sounds = [speak(word) for word in words]
        features = encode_sound(sounds)
        if features.dim() != 2 or len(features) != len(words):
            raise ValueError(
                f"encode_sound gave shape {tuple(features.shape)} for {len(words)} sounds; expected ({len(words)}, "
                "features)"
            )
        self.sound = dict(zip(words, features.detach().cpu(), strict=True))
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
        """The answers to the question, word by word, for the chosen spoken word."""
        return [(" ".join(self.asked[: i + 1]), self._ranked(row)) for i, row in enumerate(self.answers[self.word])]

    def _look(self) -> None:
        """The attention weights of every word of the page, and the answers."""
        self.word = min(self.word, len(self.words) - 1)
        sound = torch.stack([self.sound[word] for word in self.words])
        with evaluation_mode(self.model):
            _, weights = self.model.attend(*self._there(self.positions[self.page].expand(len(sound), -1, -1), sound))
        self.weights = weights.float().cpu()  # (words, heads, T)
        if self.weights.dim() != 3 or self.weights.shape[2] != self.positions.shape[1]:
            raise ValueError(f"attend gave weights of shape {tuple(weights.shape)}; expected (B, heads, T)")
        self._ask()

    def _ask(self) -> None:
        """The answers to each beginning of the question, for each spoken word."""
        text = split_words(self.question.replace("?", " "))
        cut, self.asked = len(text) > MOST, text[:MOST]
        tokens = encode(" ".join(self.asked))
        self.answers = torch.zeros(len(self.words), 0, len(self.classes))
        if tokens:
            grown = pad([tokens[: i + 1] for i in range(len(tokens))])  # (L, L)
            sound = torch.stack([self.sound[word] for word in self.words])
            pairs = len(sound) * len(grown)
            with evaluation_mode(self.model):
                logits = self.model(
                    *self._there(
                        self.positions[self.page].expand(pairs, -1, -1),
                        sound.repeat_interleave(len(grown), dim=0),
                        grown.repeat(len(sound), 1),
                    )
                )
            if logits.shape != (pairs, len(self.classes)):
                raise ValueError(
                    f"the model gives logits of shape {tuple(logits.shape)} for {pairs} questions and there are "
                    f"{len(self.classes)} classes"
                )
            self.answers = logits.softmax(dim=1).float().cpu().unflatten(0, (len(sound), -1))
        unknown = [word for word, position in zip(self.asked, tokens, strict=True) if position == UNKNOWN]
        notes = [f"the first {MOST} words count" if cut else ""]
        notes.append(f"not in the vocabulary: {', '.join(dict.fromkeys(unknown))}" if unknown else "")
        self.result = {
            "words": self.words,
            "sounds": [self.sounds[word] for word in self.words],
            "side": int(self.positions.shape[1] ** 0.5),
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

        weights, sound = self.weights[self.word], self.words[self.word]
        side, heads = int(weights.shape[1] ** 0.5), len(weights)
        with matplotlib.rc_context(style.SETTINGS):
            columns, rows = min(heads, 2), -(-heads // 2)
            figure = Figure(figsize=(2.3 * columns + 3.6, 2.5 * rows + 0.3), layout="constrained")
            grid = figure.add_gridspec(rows, columns + 1, width_ratios=[2.3] * columns + [3.6])
            for head in range(heads):
                axis = figure.add_subplot(grid[divmod(head, columns)])
                shade = torch.tensor(to_rgba(style.PAPER)).expand(side, side, 4).clone()
                shade[..., 3] = FADED * (1 - weights[head] / weights[head].max().clamp(min=1e-8)).unflatten(
                    0, (side, -1)
                )
                axis.imshow(
                    self.image_tensors[self.page].permute(1, 2, 0).clamp(0, 1).numpy(), extent=(0, side, side, 0)
                )
                axis.imshow(shade.numpy(), extent=(0, side, side, 0), interpolation="nearest")
                axis.set_title(f"'{sound}', head {head + 1}")
                axis.set_axis_off()
            axis = figure.add_subplot(grid[:, -1])
            axis.set_axis_off()
            axis.set_title("answer after each word")
            lines = [
                f"… {word}: {best[0][0]} ({best[0][1]:.2f})"
                for word, (_, best) in zip(self.asked, self.steps, strict=True)
            ]
            axis.text(0, 0.97, "\n".join(lines) or "no question", va="top", fontsize=10.5, linespacing=1.4)
            png = style.small_png(style.pixels_of(figure, 1.25))
        said = "; ".join(f"after '{words}': {best[0][0]} ({best[0][1]:.2f})" for words, best in self.steps)
        return png, (
            f"A page, '{self.sentences[self.page]}', and the largest attention weights for the "
            f"spoken word '{sound}': "
            + ", ".join(f"head {i + 1} at {position_of(row)}" for i, row in enumerate(weights))
            + f". The question is '{self.question}'. {said}. Run the cell to choose pages, words and questions."
        )


def position_of(weights: Tensor) -> str:
    """The position of the largest of a square of weights in words: 'row 2, column 5 (0.61)'.   (T,)"""
    row, column = divmod(int(weights.argmax()), int(len(weights) ** 0.5))
    return f"row {row + 1}, column {column + 1} ({weights.max():.2f})"
