"""A convolution, one step at a time: the window moves, its products and their sum are shown, the output grows."""

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.widgets.base import StaticImage, script

LARGEST = 12
EXAMPLE = (
    (0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 9, 0, 0, 0),
    (0, 0, 9, 9, 9, 0, 0),
    (0, 9, 9, 9, 9, 9, 0),
    (0, 0, 9, 9, 9, 0, 0),
    (0, 0, 9, 9, 9, 0, 0),
    (0, 0, 0, 0, 0, 0, 0),
)
KERNELS = {
    "vertical edges": ((1, 0, -1), (1, 0, -1), (1, 0, -1)),
    "horizontal edges": ((1, 1, 1), (0, 0, 0), (-1, -1, -1)),
    "outline": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "mean": ((0.1, 0.1, 0.1), (0.1, 0.1, 0.1), (0.1, 0.1, 0.1)),
    "the same": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}


def convolution_by_hand(image: Tensor | None = None, kernel: Tensor | None = None) -> "ConvolutionByHand":
    """A widget: move a kernel (3, 3) over an image (H, W), step by step; the kernel's numbers can be changed.

    image   a small one, 3 to 12 pixels a side; a small house on 7 x 7 pixels unless given
    kernel  `vertical edges` unless given
    """
    return ConvolutionByHand(image, kernel)


class ConvolutionByHand(StaticImage):
    """The widget behind `convolution_by_hand`. `output` is the whole result for the kernel as it stands now."""

    _esm = script("convolution.js")
    image = traitlets.List().tag(sync=True)
    kernel = traitlets.List().tag(sync=True)
    presets = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)

    def __init__(self, image: Tensor | None = None, kernel: Tensor | None = None):
        super().__init__()
        image = torch.tensor(EXAMPLE) if image is None else torch.as_tensor(image)
        kernel = torch.tensor(KERNELS["vertical edges"]) if kernel is None else torch.as_tensor(kernel)
        if image.dim() != 2 or not 3 <= min(image.shape) <= max(image.shape) <= LARGEST:
            raise ValueError(
                f"image has shape {tuple(image.shape)}; expected (H, W) with 3 to {LARGEST} pixels a side, few enough "
                "to read its numbers: one channel, image[0], and a part of it, image[10:20, 10:20]"
            )
        if tuple(kernel.shape) != (3, 3):
            raise ValueError(f"kernel has shape {tuple(kernel.shape)}; expected (3, 3)")
        self.image, self.kernel = image.float().tolist(), kernel.float().tolist()
        self.presets = {name: [list(map(float, row)) for row in rows] for name, rows in KERNELS.items()}

    @property
    def output(self) -> Tensor:
        """The output map: conv2d without padding.   (H - 2, W - 2)"""
        image, kernel = torch.tensor(self.image).float(), torch.tensor(self.kernel).float()
        return F.conv2d(image[None, None], kernel[None, None])[0, 0]

    def still(self) -> tuple[bytes, str]:
        """Image, kernel and the whole output side by side as a PNG."""
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle

        output, image = self.output, torch.tensor(self.image).float()
        row, column = divmod(min(self.step or output.numel() // 2, output.numel() - 1), output.shape[1])
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(7.6, 2.9), layout="constrained")
            axes = figure.subplots(1, 3, width_ratios=(image.shape[1], 4, output.shape[1]))
            for axis, values, title in zip(
                axes, (image, torch.tensor(self.kernel), output), ("image", "kernel", "output"), strict=True
            ):
                top = float(values.abs().max()) or 1.0
                axis.imshow(values.numpy(), cmap=style.DIVERGING, vmin=-top * 2.2, vmax=top * 2.2)
                for (r, c), value in ((divmod(i, values.shape[1]), v) for i, v in enumerate(values.flatten().tolist())):
                    axis.text(
                        c,
                        r,
                        f"{value:g}" if abs(value) >= 1 or value == 0 else f"{value:.1f}",
                        ha="center",
                        va="center",
                        fontsize=7.5,
                    )
                axis.set_axis_off()
                axis.set_title(title)
            for axis, corner, side in ((axes[0], (column, row), 3), (axes[2], (column, row), 1)):
                axis.add_patch(
                    Rectangle(
                        (corner[0] - 0.5, corner[1] - 0.5), side, side, fill=False, linewidth=2.5, edgecolor=style.BAD
                    )
                )
            png = style.small_png(style.pixels_of(figure, 1.25))
        return png, (
            f"A convolution by hand: an image of {image.shape[0]} by {image.shape[1]} numbers, a kernel of 3 by 3, the "
            f"output of {output.shape[0]} by {output.shape[1]}. The window at row {row}, column {column} gives "
            f"{float(output[row, column]):g}. Run the cell to move the window."
        )
