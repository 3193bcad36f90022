"""Draw an image and watch a network's feature maps and its prediction."""

from collections.abc import Sequence

import traitlets
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.scene import imagine
from mmcourse.show import style
from mmcourse.show.widgets.base import as_bytes, script, to_image
from mmcourse.show.widgets.board import Board

MOST = 16
GUESSES = 5


def draw_and_watch(
    model: nn.Module, classes: Sequence[str], size: int = 32, seed: int = 0, split: str = "test"
) -> "DrawAndWatch":
    """A widget: draw with mouse, finger or keys, and see the feature maps and the prediction.

    model    images (B, 3, size, size) in [0, 1] to logits (B, len(classes)), with one Conv2d at least
    classes  the names of the logits
    split    where 'Give me a page' takes its pages from
    """
    return DrawAndWatch(model, classes, size, seed, split)


class DrawAndWatch(Board):
    """The widget behind `draw_and_watch`. `guess` is (name, probability) of the predicted class."""

    _esm = script("canvas.js") + script("drawing.js")
    explained = traitlets.Bool(False).tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model: nn.Module, classes: Sequence[str], size: int = 32, seed: int = 0, split: str = "test"):
        from mmcourse.picturebook.image import draw_batch

        super().__init__(size, seed, split)
        self.model, self.classes = model, tuple(classes)
        samples = draw_batch([imagine("train", i) for i in range(24)], size, 0)
        self._watched = Watched(model, samples, len(self.classes))
        self._look(self._image)
        self.observe(self._drawn, "explained")

    @property
    def guess(self) -> tuple[str, float]:
        """The predicted class of the canvas, and its probability."""
        return tuple(self.result["guesses"][0])

    def _look(self, image: Tensor) -> None:
        probabilities, layers = self._watched(image)
        top = probabilities.topk(min(GUESSES, len(self.classes)))
        heat = self._watched.explain(image) if self.explained else None
        self.result = {
            "guesses": [[self.classes[i], float(p)] for p, i in zip(top.values, top.indices.tolist(), strict=True)],
            "layers": [
                {
                    "title": title,
                    "height": maps.shape[1],
                    "width": maps.shape[2],
                    "count": len(maps),
                    "values": as_bytes(maps),
                }
                for title, maps in layers
            ],
            "heat": as_bytes(heat) if heat is not None else None,
        }

    def still(self) -> tuple[bytes, str]:
        """The canvas, the predictions and the maps as a PNG."""
        import matplotlib
        from matplotlib.figure import Figure

        _, layers = self._watched(self._image)
        guesses = self.result["guesses"]
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(7.2, 2.1 + 0.62 * len(layers)), layout="constrained")
            top, bottom = figure.subfigures(2, 1, height_ratios=(2.1, 0.62 * len(layers)))
            left, right = top.subplots(1, 2, width_ratios=(1, 1.7))
            left.imshow(to_image(self._canvas), interpolation="bicubic")
            left.set_axis_off()
            right.barh(
                [name for name, _ in guesses],
                [p for _, p in guesses],
                color=[style.GOOD] + [style.PALETTE["blue"]] * (len(guesses) - 1),
            )
            right.set(xlim=(0, 1), title="prediction")
            right.invert_yaxis()
            right.grid(axis="y", visible=False)
            axes = bottom.subplots(len(layers), MOST, squeeze=False)
            for row, (_, maps) in zip(axes, layers, strict=True):
                for axis in row:
                    axis.set_axis_off()
                for axis, each in zip(row, maps, strict=False):
                    axis.imshow(each.numpy(), vmin=0, vmax=1, cmap=style.SEQUENTIAL, interpolation="nearest")
            png = style.small_png(style.pixels_of(figure, 1.25))
        said = ", ".join(f"{name} {p:.2f}" for name, p in guesses[:3])
        shapes = "; ".join(title for title, _ in layers)
        return png, (
            f"A canvas to draw on. On it: {self.page['name']}. Predictions: {said}. Below, the feature maps of "
            f"its convolutions: {shapes}. Run the cell to draw yourself."
        )


class Watched:
    """A model with hooks: an image (3, S, S) in, probabilities (K,) and the maps of each convolution out.

    The maps of a convolution are what leaves the normalisation and the ReLU that follow it; negative values count as 0.
    Each map is scaled to [0, 1] by the largest value that it takes on sample pages.
    Of more than MOST maps, those that differ most over sample pages are shown, always in the same order.
    """

    def __init__(self, model: nn.Module, samples: Tensor, classes: int):
        self.model = model
        self.convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
        if not self.convolutions:
            raise ValueError(f"the {type(model).__name__} has no Conv2d, so there are no feature maps to watch")
        logits, layers = self.run(samples)
        if logits.dim() != 2 or logits.shape[1] != classes:
            raise ValueError(
                f"the model gives logits of shape {tuple(logits.shape)} for {len(samples)} images and there are "
                f"{classes} classes; expected ({len(samples)}, {classes}). Likely cause: a list of other classes"
            )
        self.chosen = [
            maps.amax(dim=(2, 3)).std(dim=0).topk(min(MOST, maps.shape[1])).indices.sort().values for maps in layers
        ]
        self.tops = [
            maps[:, chosen].amax(dim=(0, 2, 3)).clamp(min=1e-6)[:, None, None]
            for maps, chosen in zip(layers, self.chosen, strict=True)
        ]
        self.last = self._last_layer(samples[:1])

    def _record(self, images: Tensor, keep) -> Tensor:
        """Run the model in evaluation mode with `keep(module, output)` called for each leaf module, in order."""
        handles = [
            module.register_forward_hook(lambda m, _inputs, output: keep(m, output))
            for module in self.model.modules()
            if not any(True for _ in module.children())
        ]
        try:
            with evaluation_mode(self.model):
                return self.model(images.to(next(self.model.parameters()).device))
        finally:
            for handle in handles:
                handle.remove()

    def run(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, K), and for each convolution its maps (B, C, H, W), cut at 0, on the CPU."""
        layers = []

        def keep(module, output):
            if not isinstance(output, Tensor) or output.dim() != 4:
                return
            if isinstance(module, nn.Conv2d):
                layers.append(output)
            elif layers and output.shape == layers[-1].shape and not isinstance(module, nn.Dropout2d | nn.Dropout):
                layers[-1] = output

        logits = self._record(images, keep)
        return logits.float().cpu(), [maps.float().cpu().clamp(min=0) for maps in layers]

    def _last_layer(self, image: Tensor) -> nn.Module:
        """The last module whose output is the maps of the last convolution: Grad-CAM uses it."""
        found = []

        def keep(module, output):
            if (
                isinstance(output, Tensor)
                and output.dim() == 4
                and (isinstance(module, nn.Conv2d) or (found and output.shape == found[-1][1]))
            ):
                found.append((module, output.shape))

        self._record(image, keep)
        return found[-1][0]

    def __call__(self, image: Tensor) -> tuple[Tensor, list[tuple[str, Tensor]]]:
        logits, layers = self.run(image[None])
        named = []
        for i, (maps, chosen, top) in enumerate(zip(layers, self.chosen, self.tops, strict=True), 1):
            total, height, width = maps.shape[1:]
            of = f"{len(chosen)} of {total}" if len(chosen) < total else str(total)
            named.append((f"convolution {i} · {of} maps of {height}×{width}", (maps[0, chosen] / top).clamp(max=1)))
        return logits[0].softmax(0), named

    def explain(self, image: Tensor) -> Tensor:
        """Grad-CAM of the predicted class.   (3, S, S) -> (S, S) in [0, 1]"""
        from mmcourse.models.gradcam import explain

        return (
            explain(self.model, self.last, image[None].to(next(self.model.parameters()).device))[0]
            .detach()
            .float()
            .cpu()
        )
