"""Sample from a generator: the class, new latent vectors, interpolation between them, and truncation."""

from collections.abc import Callable, Sequence

import matplotlib
import torch
import traitlets
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.figures.images import for_matplotlib
from mmcourse.show.widgets.base import StaticImage, script
from mmcourse.show.widgets.decoded import call, check_decoded, to_png

MOST = 4.0  # the threshold of the truncation from which on there is none
EVERY = "every class"
MOST_SAMPLES = 40


def generator(
    generate: Callable[..., Tensor],
    latent_size: int,
    names: Sequence[str] | None = None,
    count: int = 12,
    seed: int = 0,
) -> "GeneratorExplorer":
    """A widget: samples of a generator for a class, new latent vectors, interpolation and truncation.

    generate     (latents (B, D), classes (B,) int64) to images (B, 3, S, S) or (B, 1, S, S) in [0, 1]; without `names`
                 it gets the latents alone
    latent_size  D; the latents are drawn from N(0, I)
    names        of the classes, in the order of their numbers
    count        samples shown; "every class" shows each class once, all from one latent vector

    Of a module, or of a method of one, evaluation mode is set. ValueError where the parts do not fit.
    """
    return GeneratorExplorer(generate, latent_size, names, count, seed)


class GeneratorExplorer(StaticImage):
    """The widget behind `generator`.

    `latents` (count, D) are those shown. Each moves from its first latent vector to its second along the great circle
    as `position` goes from 0 to 1 (spherical interpolation: White 2016, arXiv:1609.04468). `truncation` restricts every
    number of a latent vector to [-truncation, truncation] (the truncation trick: Brock et al. 2019, arXiv:1809.11096).
    """

    _esm = script("controls.js") + script("generator.js")
    names = traitlets.List().tag(sync=True)
    every = traitlets.Unicode(EVERY).tag(sync=True)
    most = traitlets.Float(MOST).tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    position = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    truncation = traitlets.Float(MOST, min=0.1, max=MOST).tag(sync=True)
    action = traitlets.Dict().tag(sync=True)  # {"name": "new", "count": a number that changes}
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, generate, latent_size, names, count, seed):
        if not 1 <= count <= MOST_SAMPLES or latent_size < 1:
            raise ValueError(
                f"count is {count} and latent_size {latent_size}; expected 1 to {MOST_SAMPLES} samples of latent "
                "vectors of one number or more"
            )
        named = [str(name) for name in names or ()]
        if names is not None and not 1 <= len(set(named) - {EVERY}) == len(named) <= MOST_SAMPLES:
            raise ValueError(f"names are {named}; expected 1 to {MOST_SAMPLES} different names, none of them '{EVERY}'")
        self.generate, self.latent_size, self.count = generate, latent_size, count
        self.random = torch.Generator().manual_seed(seed)
        super().__init__(names=named, chosen=named[0] if named else EVERY)
        self._draw()
        self._update()
        self.observe(self._update, ("chosen", "position", "truncation"))
        self.observe(self._act, "action")

    @traitlets.validate("chosen")
    def _known(self, proposal):
        if proposal["value"] not in (*self.names, EVERY):
            raise traitlets.TraitError(
                f"there is no class {proposal['value']!r}; expected {', '.join(self.names)}, {EVERY}"
            )
        return proposal["value"]

    @property
    def latents(self) -> Tensor:
        """The latent vectors of the samples shown.   (count, D)"""
        first, second = truncated_normal(self.uniform, self.truncation if self.truncation < MOST else float("inf"))
        return spherical(first, second, self.position)

    def _draw(self) -> None:
        self.uniform = torch.rand(2, self.count, self.latent_size, generator=self.random, dtype=torch.float64)

    def _act(self, _change) -> None:
        if self.action.get("name") == "new":
            self._draw()
            self._update()

    def _update(self, _change=None) -> None:
        latents = self.latents
        if not self.names:
            labels, note = [f"sample {i + 1}" for i in range(self.count)], f"{self.count} samples"
            self.images = call(self.generate, latents)
        else:
            together = self.chosen == EVERY
            if together:
                latents, classes = latents[:1].repeat(len(self.names), 1), torch.arange(len(self.names))
                labels, note = self.names, "Each class once, all from one latent vector"
            else:
                classes = torch.full((self.count,), self.names.index(self.chosen))
                labels = [f"{self.chosen}, sample {i + 1}" for i in range(self.count)]
                note = f"{self.count} samples of the class '{self.chosen}'"
            self.images = call(self.generate, latents, classes)
        check_decoded(self.images, len(latents))
        limit = (
            f"each number of a latent vector within ±{self.truncation:.1f}"
            if self.truncation < MOST
            else "no truncation"
        )
        self.result = {
            "images": [to_png(image) for image in self.images],
            "labels": labels,
            "note": f"{note}; interpolation at t = {self.position:.2f}, {limit}.",
        }

    def still(self) -> tuple[bytes, str]:
        """The samples as they stand, as a JPEG."""
        from matplotlib.figure import Figure

        columns = min(len(self.images), 7)
        rows = -(-len(self.images) // columns)
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(0.95 * columns, 0.95 * rows + 0.35), layout="constrained")
            figure.suptitle(self.chosen if self.names else "samples", fontsize=10)
            for number, axis in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
                axis.set_axis_off()
                if number < len(self.images):
                    axis.imshow(for_matplotlib(self.images[number]), interpolation="bicubic")
            image = style.small_jpeg(style.pixels_of(figure, 1.25))
        return image, (
            f"Images from a generator. {self.result['note']} Run the cell to choose a class, to draw new latent "
            "vectors, to interpolate and to truncate."
        )


def truncated_normal(uniform: Tensor, threshold: float) -> Tensor:
    """Uniform numbers in [0, 1) as numbers from N(0, 1) restricted to [-threshold, threshold], by the inverse CDF.

    The same uniform numbers give latents that move towards 0 as the threshold falls.   any shape, float32 out
    """
    low = torch.special.ndtr(torch.tensor(-threshold, dtype=torch.float64))
    values = torch.special.ndtri((low + uniform.double() * (1 - 2 * low)).clamp(1e-12, 1 - 1e-12))
    return values.clamp(-threshold, threshold).float()


def spherical(first: Tensor, second: Tensor, t: float) -> Tensor:
    """Spherical interpolation: sin((1 - t) w) / sin w first + sin(t w) / sin w second, w the angle between them.

    (..., D), (..., D) -> (..., D). Where the angle is 0 or 180 degrees, there is no one circle: linear interpolation.
    """
    cosine = torch.nn.functional.cosine_similarity(first, second, dim=-1)[..., None]
    angle = cosine.clamp(-1, 1).arccos()
    sine = angle.sin()
    on_line = sine < 1e-3
    sine = sine.masked_fill(on_line, 1)
    weights = [torch.where(on_line, s, (s * angle).sin() / sine) for s in (1 - t, t)]
    return weights[0] * first + weights[1] * second
