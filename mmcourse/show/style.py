"""One look for every figure: colours that colour-blind readers can tell apart, on paper that suits any theme.

Figures are drawn on opaque, slightly warm paper: dark ink stays readable whatever theme the notebook has.
Palette: Okabe and Ito 2008, "Color Universal Design".
"""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from mmcourse.show import output

PALETTE = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
PAPER, INK, FAINT = "#FBFAF6", "#2B2B33", "#D9D7CF"
GOOD, BAD = PALETTE["green"], PALETTE["vermillion"]
SEQUENTIAL, DIVERGING, HEAT = "viridis", "RdBu_r", "inferno"
WIDTH = 8.4  # inches; a notebook column is about 840 CSS pixels
PIXELS = 100  # CSS pixels an inch

SETTINGS = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "figure.dpi": PIXELS,
    "savefig.dpi": PIXELS,
    "figure.figsize": (WIDTH * 0.7, 3.2),
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "axes.prop_cycle": cycler(color=[c for name, c in PALETTE.items() if name != "yellow"]),
    "image.cmap": SEQUENTIAL,
}


def use_style() -> None:
    """Give the course's look to every matplotlib figure made from now on."""
    matplotlib.rcParams.update(SETTINGS)


def legend(axis, **options) -> None:
    """A legend of curves in their own order: on top the one that ends highest. What is no curve comes last."""
    handles, labels = axis.get_legend_handles_labels()

    def end(handle) -> float:
        values = np.asarray(handle.get_ydata() if isinstance(handle, Line2D) else [], dtype=float)
        finite = values[np.isfinite(values)]
        return finite[-1] if len(finite) else -np.inf

    order = sorted(range(len(handles)), key=lambda i: -end(handles[i]))
    axis.legend(handles=[handles[i] for i in order], labels=[labels[i] for i in order], **options)


def with_room(bottom: float, top: float) -> tuple[float, float]:
    """Limits of an axis that leave some room above the highest value: a curve on the edge is half cut off."""
    return bottom, top + 0.08 * ((top - bottom) or 1.0)


@contextmanager
def drawing(width: float, height: float, alt: str, scale: float = 1.5, photo: bool = False) -> Iterator[Figure]:
    """A figure of `width` x `height` inches to draw in; displayed with its alt text where the block ends."""
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(width, height), layout=None if photo else "constrained")
        yield figure
        figure_output(figure, alt, scale, photo)


def figure_output(figure: Figure, alt: str, scale: float = 1.5, photo: bool = False) -> None:
    """Display a figure as one small image with its alt text, and close it.

    `scale` is image pixels to CSS pixels: more is sharper on a fine screen, and larger. A `photo`, a figure full of
    images, becomes a JPEG (half the size, and every colour is kept), any other a PNG. A figure made with
    pyplot is closed, so that it is not displayed a second time.
    """
    image = pixels_of(figure, scale)
    width = round(figure.get_figwidth() * PIXELS)
    if getattr(figure, "number", None) is not None:
        from matplotlib import pyplot

        pyplot.close(figure)
    output.publish(*image_bundle(small_jpeg(image) if photo else small_png(image), alt, width))


def image_bundle(image: bytes, alt: str, width: int | None = None) -> tuple[dict, dict]:
    """A display bundle and its metadata for a PNG or JPEG with alt text, `width` CSS pixels wide.

    The alt text stands in the metadata (nbconvert writes it into `<img alt>`) and again as 'text/plain'.
    """
    if not alt.strip():
        raise ValueError("alt is empty; expected one or two sentences that describe the image")
    kind = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
    metadata = {"alt": alt} | ({"width": width} if width else {})
    return {kind: base64.b64encode(image).decode("ascii"), "text/plain": alt}, {kind: metadata}


def pixels_of(figure: Figure, scale: float = 1.5) -> Image.Image:
    """The figure as an RGB image."""
    figure.set_dpi(PIXELS * scale)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def small_png(image: Image.Image) -> bytes:
    """A PNG with a palette of 256 colours, a third of the size in full colour: enough for curves, bars and maps."""
    buffer = io.BytesIO()
    palette = image.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    palette.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def small_jpeg(image: Image.Image, quality: int = 76) -> bytes:
    """A JPEG in full colour; a palette would turn a red car purple among eleven other images."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
    return buffer.getvalue()
