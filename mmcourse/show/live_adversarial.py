"""A GAN's training as it happens: samples of the same latents, both losses, time left.

The view of `fit` with two curves and a grid of images, which is drawn anew every few seconds at most.
"""

import base64
import math
import time
from collections.abc import Callable
from contextlib import suppress

import torch.nn.functional as F
from torch import Tensor

from mmcourse.show.live import Curve, LiveView

SAMPLES_EVERY = 3.0  # seconds between two grids at the least
BYTES, QUALITIES = 44_000, (76, 55, 35)  # of a still picture at the most, and of a JPEG: noise is hard to compress
COLUMNS, SIDE, GAP = 8, 72, 2  # images in a row, pixels of an image's side and between two


class AdversarialView(LiveView):
    """What `fit_adversarial` shows of itself in a notebook; used as a LiveView.

    `samples()` returns what the generator makes of the same latents each time, images (N, 1 or 3, H, W) in [0, 1]. What
    it returns otherwise, such as numbers, is not drawn.
    """

    def __init__(self, total_steps: int, epochs: int = 1, samples: Callable[[], Tensor] | None = None):
        super().__init__(total_steps, epochs)
        self.samples = samples
        self.curves = {"generator loss": Curve(), "discriminator loss": Curve()}
        self._grid, self._encoded, self._sampled = None, "", -math.inf  # the last samples, as JPEG, and when

    def _below(self) -> str:
        if time.perf_counter() - self._sampled >= SAMPLES_EVERY:
            self._sample()
        hint = '<div style="opacity:0.8">Interrupt the kernel (■) to stop: what was learned is kept.</div>'
        if self._grid is None:
            return hint
        return (
            f'<img src="data:image/jpeg;base64,{self._encoded}" alt="{self._more_alt().strip()}" '
            f'width="{self._grid.width}" height="{self._grid.height}" '
            f'style="display:block;margin:6px 0;max-width:100%;height:auto">{hint}'
        )

    def losses_in(self, history) -> dict[str, list[float]]:
        columns = getattr(history, "per_step", {})
        return {name: list(columns.get(name.replace(" ", "_"), [])) for name in self.curves}

    def _sample(self) -> None:
        self._sampled = time.perf_counter()
        images = None if self.samples is None else self.samples()
        if images is not None and images.dim() == 4 and images.shape[1] in (1, 3):
            from mmcourse.show import style

            self._grid = tiled(images)
            self._encoded = base64.b64encode(style.small_jpeg(self._grid)).decode("ascii")

    def _more_alt(self) -> str:
        return "" if self._grid is None else " Images that the generator makes of the same latents each time."

    def _still(self, summary: str) -> bytes:
        """The samples and, below them, the curves, as a small picture in full colour."""
        with suppress(Exception):  # of a run that failed, whose own error must be seen
            self._sample()
        if self._grid is None:
            return super()._still(summary)
        import matplotlib
        from matplotlib.figure import Figure

        from mmcourse.show import style

        width = 6.4
        high = width * self._grid.height / self._grid.width
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(width, high + 1.75), layout="constrained")
            above, below = figure.subfigures(2, 1, height_ratios=(high, 1.75))
            axis = above.add_axes((0, 0, 1, 1))
            axis.set_axis_off()
            axis.imshow(self._grid, aspect="auto")
            self._plot(below, summary)
            pixels = style.pixels_of(figure, scale=1.25)
        for quality in QUALITIES:
            picture = style.small_jpeg(pixels, quality)
            if len(picture) <= BYTES:
                break
        return picture


def tiled(images: Tensor, columns: int = COLUMNS):
    """Images side by side as one of Pillow's, in rows of `columns`.   (N, 1 or 3, H, W) in [0, 1]"""
    from PIL import Image

    from mmcourse.show.figures.images import smooth

    images = images.detach().float().cpu().nan_to_num()
    if max(images.shape[-2:]) > SIDE:
        scale = SIDE / max(images.shape[-2:])
        images = F.interpolate(images, scale_factor=scale, mode="bilinear", antialias=True)
    images = F.pad(smooth(images, SIDE), [GAP // 2] * 4, value=1.0).expand(-1, 3, -1, -1)
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    images = F.pad(images, (0, 0, 0, 0, 0, 0, 0, rows * columns - len(images)), value=1.0)
    _, channels, height, width = images.shape
    grid = images.reshape(rows, columns, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = grid.reshape(rows * height, columns * width, channels)
    return Image.fromarray((pixels * 255).round().byte().numpy())
