"""Mute a modality of a page, or add noise to it, and compare the predictions of several models."""

import base64
from collections.abc import Mapping, Sequence

import matplotlib
import torch
import traitlets
from torch import Tensor

from mmcourse.data.text import PAD, UNKNOWN
from mmcourse.models.branches import Branches, decisions_of, features_of
from mmcourse.show import style
from mmcourse.show.figures.images import as_images
from mmcourse.show.widgets.base import StaticImage, script, to_image, to_jpeg
from mmcourse.tasks.naming import MASKED_NAME

LOUDEST = 4.0  # noise at 1, in standard deviations of a modality
FEW = 4  # classes with a bar
MOST_PAGES = 12


def missing_explorer(
    models: Mapping[str, Branches],
    inputs: Sequence[Tensor],
    labels: Tensor,
    classes: Sequence[str],
    images: Tensor | None = None,
    captions: Sequence[str] | None = None,
) -> "MissingExplorer":
    """A widget: choose a page, mute each of its modalities or add noise, and compare the predictions of the models.

    models    {name: Branches}, all with the same modalities; two or three
    inputs    of each modality in the models' order, (P, ...); whole numbers are tokens, whose noise is hidden words
    labels    (P,) the true classes; `classes` are their names
    images    (P, 3, S, S) in [0, 1], to show; captions  (P,) their sentences
    """
    return MissingExplorer(models, inputs, labels, classes, images, captions)


class MissingExplorer(StaticImage):
    """The widget behind `missing_explorer`. `answers` is {model: (predicted class, its probability)}."""

    _esm = script("missing.js")
    names = traitlets.List().tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    muted = traitlets.List().tag(sync=True)
    noise = traitlets.Dict().tag(sync=True)  # {modality: 0 to 1}
    thumbs = traitlets.List().tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, models, inputs, labels, classes, images=None, captions=None):
        names = next(iter(models.values())).names if models else ()
        if not models or any(model.names != names for model in models.values()):
            raise ValueError("models are none, or differ in their modalities; expected two with the same")
        counts = {len(part) for part in (*inputs, labels, *(p for p in (images, captions) if p is not None))}
        if len(inputs) != len(names) or len(counts) > 1 or not 0 < max(counts) <= MOST_PAGES:
            raise ValueError(
                f"{len(inputs)} inputs of {sorted(counts)} pages; expected one for each of {', '.join(names)}, of as "
                f"many pages as there are labels, {MOST_PAGES} at the most"
            )
        self.models, self.inputs, self.labels, self.classes = dict(models), tuple(inputs), labels, list(classes)
        images = None if images is None else as_images(images)
        self.images, self.captions, self._hidden = images, captions, []
        super().__init__(
            names=list(names),
            noise=dict.fromkeys(names, 0.0),
            thumbs=[] if images is None else [as_url(image) for image in images],
        )
        self.result = self._ask()
        self.observe(self._moved, ("page", "muted", "noise"))

    @property
    def answers(self) -> dict[str, tuple[str, float]]:
        return {row["model"]: tuple(row["guesses"][0]) for row in self.result["models"]}

    def _moved(self, _change) -> None:
        self.page = min(max(self.page, 0), len(self.labels) - 1)
        self.result = self._ask()

    def _noisy(self) -> list[Tensor]:
        """The page's inputs with their noise, a batch of one each."""
        parts = []
        for position, (name, whole) in enumerate(zip(self.names, self.inputs, strict=True)):
            level = min(max(float(self.noise.get(name, 0.0)), 0.0), 1.0)
            rng = torch.Generator().manual_seed(1_000 * self.page + position)  # more of the same noise, not another
            x = whole[self.page : self.page + 1].cpu()
            if x.is_floating_point():
                grain = torch.randn(x.shape, generator=rng)
                noisy = x + LOUDEST * level * whole.float().std().cpu() * grain
                x = noisy.clamp(0, 1) if name == "image" else noisy
            else:
                hidden = (torch.rand(x.shape, generator=rng) < level) & (x != PAD)
                x = x.masked_fill(hidden, UNKNOWN)
                self._hidden = hidden[0].tolist()
            parts.append(x)
        return parts

    def _ask(self) -> dict:
        inputs = self._noisy()
        here = [name for name in self.names if name not in self.muted]
        rows = []
        for title, model in self.models.items():
            made = features_of(model, inputs)
            present = {
                name: torch.tensor([name in here], device=next(model.parameters()).device) for name in self.names
            }
            p = decisions_of(model, made, present)[0].softmax(dim=0)
            best = p.topk(min(FEW, len(p)))
            guesses = [[self.classes[i], float(value)] for value, i in zip(*best, strict=True)]
            rows.append(
                {"model": title, "guesses": guesses, "right": int(best.indices[0]) == int(self.labels[self.page])}
            )
        level = float(self.noise.get("image", 0.0))
        return {
            "models": rows,
            "truth": self.classes[int(self.labels[self.page])],
            "caption": self._caption(),
            "image": as_url(self._drawn(level)) if self.images is not None else "",
        }

    def _caption(self) -> str:
        """The page's sentence, a blot over each word that noise hides."""
        if self.captions is None:
            return ""
        words = str(self.captions[self.page]).split()
        hidden = [*self._hidden, *[False] * len(words)]
        return " ".join(MASKED_NAME if gone else word for word, gone in zip(words, hidden, strict=False))

    def _drawn(self, level: float) -> Tensor:
        image = self.images[self.page].cpu()
        if not level:
            return image
        rng = torch.Generator().manual_seed(self.page)
        return (image + LOUDEST * level * image.std() * torch.randn(image.shape, generator=rng)).clamp(0, 1)

    def still(self) -> tuple[bytes, str]:
        """The page and the bars of every model as a PNG."""
        from matplotlib.figure import Figure

        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(style.WIDTH, 2.6), layout="constrained")
            axes = figure.subplots(1, 1 + len(self.models), width_ratios=[1, *[1.4] * len(self.models)])
            axes[0].axis("off")
            if self.images is not None and "image" not in self.muted:
                axes[0].imshow(to_image(self._drawn(float(self.noise.get("image", 0.0)))))
            gone = f"without {', '.join(self.muted)}" if self.muted else "nothing missing"
            axes[0].set_title(gone)
            for axis, row in zip(axes[1:], self.result["models"], strict=True):
                names, values = zip(*row["guesses"], strict=True)
                axis.barh(names, values, color=style.GOOD if row["right"] else style.BAD)
                axis.invert_yaxis()
                axis.set(xlim=(0, 1), title=row["model"], xlabel="probability")
                axis.grid(axis="y", visible=False)
            png = style.small_png(style.pixels_of(figure, 1.25))
        said = "; ".join(f"{name} predicts {best} ({p:.2f})" for name, (best, p) in self.answers.items())
        item = f"A page whose true class is '{self.result['truth']}', {gone}"
        return png, f"{item}: {said}. Run the cell to mute modalities or add noise to them."


def as_url(image: Tensor) -> str:
    """An image (3, H, W) as a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(to_jpeg(image)).decode()
