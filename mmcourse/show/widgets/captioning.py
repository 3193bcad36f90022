"""Draw an image and have it captioned: the attention weights for each word, and the candidates of the beam search."""

import matplotlib
import torch
import traitlets
from torch import Tensor

from mmcourse.models.captioner import Captioner
from mmcourse.models.decoding import LONGEST, beam
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.sentence import END, PAD, START, VOCABULARY, decode
from mmcourse.renamed import old_keywords
from mmcourse.show import style
from mmcourse.show.figures.images import smooth
from mmcourse.show.widgets.base import script, to_image
from mmcourse.show.widgets.board import Board

SHOWN = 4  # sentences that the beam ends with
DARK = 0.72  # opacity of the shade where the attention weight is 0


@old_keywords
def captioning_explorer(
    model: Captioner, size: int = 48, objects: int = 2, seed: int = 0, split: str = "test"
) -> "CaptioningExplorer":
    """A widget: draw, and the model generates a caption; point at a word to see the attention weights for it.

    model   a captioner of images (B, 3, size, size), with attention (without it no weights are shown)
    objects  the number of objects on the pages that 'Give me a page' draws from `split`
    """
    return CaptioningExplorer(model, size, objects, seed, split)


class CaptioningExplorer(Board):
    """The widget behind `captioning_explorer`.

    `sentence` is the caption of the canvas, by greedy decoding or a beam of `width`; `weights` (words, rows, columns)
    are the attention weights of its words, END last, or None; `others` the beam's sentences with their probabilities.
    """

    _esm = script("canvas.js") + script("captioning.js")
    width = traitlets.Int(1, min=1, max=8).tag(sync=True)
    word = traitlets.Int(0).tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model: Captioner, size: int, objects: int, seed: int, split: str):
        if not isinstance(model, Captioner):
            raise ValueError(
                f"the model is a {type(model).__name__}; expected a Captioner, such as TransformerCaptioner"
            )
        if model.vocabulary_size != len(VOCABULARY):
            raise ValueError(
                f"the model's vocabulary has {model.vocabulary_size} words, the Picture Book's {len(VOCABULARY)}"
            )
        super().__init__(size, seed, split, objects)
        self.model = model
        self._look(self._image)
        self.observe(self._drawn, "width")

    @property
    def sentence(self) -> str:
        """The caption of the canvas."""
        return " ".join(self.result["words"])

    @property
    def others(self) -> list[tuple[str, float]]:
        """The candidates of the beam search, most probable first, each with its probability."""
        return [tuple(pair) for pair in self.result["others"]]

    def _look(self, canvas: Tensor) -> None:
        image = canvas[None].to(next(self.model.parameters()).device)
        candidates, scores = beam(self.model, image, max(self.width, SHOWN), LONGEST)
        best, _ = beam(self.model, image, self.width, LONGEST)
        tokens = [token for token in best[0, 0].tolist() if token != PAD]
        self.weights, probabilities = self._explain(image, tokens)
        words = [VOCABULARY[token] for token in tokens if token != END]
        self.word = min(self.word, max(len(words) - 1, 0))
        self.result = {
            "words": words,
            "probabilities": [round(probability, 3) for probability in probabilities],
            "weights": None if self.weights is None else self.weights.double().mul(1e4).round().div(1e4).tolist(),
            "others": [
                [decode(row), round(score.exp().item(), 4)]
                for row, score in zip(candidates[0].cpu(), scores[0].cpu(), strict=True)
                if score > float("-inf")
            ][:SHOWN],
        }

    def _explain(self, image: Tensor, tokens: list[int]) -> tuple[Tensor | None, list[float]]:
        """The attention weights, (L, rows, columns) or None, and the probability of each token."""
        inputs = torch.tensor([[START, *tokens[:-1]]], device=image.device)
        with evaluation_mode(self.model):
            logits, weights = self.model.with_weights(image, inputs)
        probabilities = logits[0].softmax(dim=1)[torch.arange(len(tokens)), tokens].tolist()
        return None if weights is None else weights[0].float().cpu().unflatten(1, self.model.grid(image)), probabilities

    def still(self) -> tuple[bytes, str]:
        """The image, and for each word the image shaded by its attention weights, as a PNG."""
        from matplotlib.figure import Figure

        words, n = self.result["words"], min(len(self.result["words"]), 14)
        canvas = to_image(smooth(self._canvas[None], 128)[0])
        columns = 8
        rows = -(-(n + 1) // columns)
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(9.0, 1.35 * rows), layout="constrained")
            axes = figure.subplots(rows, columns, squeeze=False).flatten()
            for axis in axes:
                axis.set_axis_off()
            axes[0].imshow(canvas, extent=(0, 1, 1, 0))
            for position in range(n):
                axes[position + 1].imshow(canvas, extent=(0, 1, 1, 0))
                axes[position + 1].set_title(words[position], fontsize=9)
                if self.weights is not None:
                    shade = torch.full((*self.weights.shape[1:], 4), 0.08)
                    shade[..., 3] = DARK * (1 - self.weights[position] / self.weights[position].max().clamp(min=1e-8))
                    axes[position + 1].imshow(shade.numpy(), extent=(0, 1, 1, 0), interpolation="bicubic")
            png = style.small_png(style.pixels_of(figure, 1.25))
        attended = "" if self.weights is None else " For each word, bright areas have large attention weights."
        shown = "a drawing" if len(self.pixels) else self.page["name"]
        return png, (
            f"A canvas to draw on. On it: {shown}. Generated caption: '{self.sentence}'.{attended} "
            "Run the cell to draw yourself."
        )
