"""Images side by side: pages of the book, batches of images, with captions and alt text."""

import textwrap
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from torch import Tensor

from mmcourse.data.conversion import to_tensor
from mmcourse.picturebook.scene import Scene
from mmcourse.picturebook.sentence import describe
from mmcourse.show import style

WHITE = {torch.bool: 1, torch.uint8: 255, torch.uint16: 65_535}  # the largest value, by type
MOST = 256  # images in one figure
BRIGHTEST = 16  # floats beyond it are no overshoot of [0, 1], but bytes
GAP, LINE, WIDEST = 0.08, 0.155, 1.8  # inches between images, of a line of text, of an image
TEXT = {"fontsize": 8.6, "linespacing": 1.15}


def show_pages(
    pages,
    rows: int = 2,
    columns: int = 6,
    sentences: Sequence[str] | bool | None = None,
    marks: Sequence[bool | None] | None = None,
    titles: Sequence[str] | None = None,
    size: int = 128,
    alt: str | None = None,
) -> None:
    """Show the first rows x columns pages, drawn anew in `size` pixels where their scenes are known.

    pages      a PictureBook, a list of Scenes, or a tensor of images (N, C, H, W) in [0, 1]
    sentences  the text below each image; a book's own unless given, False for none
    marks      True, False or None for each page: a tick, a cross, nothing
    titles     the text above each image
    """
    count = min(rows * columns, len(pages))
    if count < 1:
        raise ValueError("there is no page to show: the book, list or tensor is empty, or rows or columns is 0")
    descriptions = None
    if isinstance(pages, Tensor):
        images = smooth(as_images(pages)[:count], size)
    elif hasattr(pages, "scenes"):
        images = [pages.image(i, size) for i in range(count)]
        descriptions = pages.sentences[:count]
        sentences = descriptions if sentences is None else sentences
    elif all(isinstance(page, Scene) for page in pages):
        from mmcourse.picturebook.image import draw

        images = [draw(scene, size, i) for i, scene in enumerate(pages[:count])]
        descriptions = [describe(scene, 0) for scene in pages[:count]]
    else:
        raise ValueError(
            f"pages is a {type(pages).__name__}; expected a PictureBook, a list of Scenes or a tensor of images"
        )
    captions = list(sentences[:count]) if sentences is not None and sentences is not False else None
    descriptions = descriptions or captions or [""] * count
    check_counts(count, titles=titles, sentences=captions, marks=marks)
    if alt is None:
        parts = []
        for i in range(count):
            words = [str(titles[i])] if titles is not None else []
            words += [descriptions[i]] if descriptions[i] else []
            words += [f"below it: {captions[i]}"] if captions and captions[i] != descriptions[i] else []
            words += (
                ["marked correct" if marks[i] else "marked wrong"] if marks is not None and marks[i] is not None else []
            )
            parts.append(f"{i + 1}: " + ", ".join(words) if words else str(i + 1))
        alt = f"{count} page{'s' * (count > 1)} of the Picture Book. " + "; ".join(parts) + "."
    grid(images, alt, columns, above=titles, below=captions, marks=marks)


def show_images(
    images: Tensor | Sequence[Tensor],
    titles: Sequence | None = None,
    columns: int = 8,
    alt: str | None = None,
    smoothly: bool = True,
    size: int = 96,
) -> None:
    """Show a batch of images (N, C, H, W) or (N, H, W); `smoothly=False` shows every pixel as a square.

    Floats in [0, 1], uint8 or uint16. (3, H, W) are three greyscale images; one colour image is image[None].
    """
    images = as_images(images)
    check_few(images)
    if alt is None:
        named = ": " + ", ".join(str(title).replace("\n", " ") for title in titles) if titles is not None else ""
        alt = f"{len(images)} image{'s' * (len(images) > 1)} of {images.shape[-2]} by {images.shape[-1]} pixels{named}."
    grid(smooth(images, size) if smoothly else blocks(images, size), alt, columns, above=titles)


def as_images(images: Tensor | Sequence[Tensor]) -> Tensor:
    """Images as (N, C, H, W) float32 in [0, 1] on the CPU, C being 1 or 3.

    Takes (N, C, H, W), (N, H, W) or (H, W), or a sequence of images of one size, of the types that `unit_range` takes.
    ValueError for other shapes and types, and for no image.
    """
    if not isinstance(images, Tensor):
        images = [to_tensor(image, "show_images", " as an image") for image in images]
        if len({tuple(image.shape) for image in images}) > 1:
            sizes = ", ".join(str(tuple(image.shape)) for image in images[:4])
            raise ValueError(f"the images have shapes {sizes} ...; expected one shape. Resize or crop them first")
        images = torch.stack(images) if images else torch.zeros(0, 1, 1, 1)
    shape = tuple(images.shape)
    if len(shape) and len(images) == 0:
        raise ValueError("images is empty; expected at least one image. Likely cause: an empty split or selection")
    if len(shape) == 2:
        images = images[None]
    if images.dim() == 3 and shape[-1] != 3:
        images = images[:, None]
    if images.dim() != 4 or images.shape[1] not in (1, 3) or 0 in shape:
        cause = ""
        if len(shape) in (3, 4) and shape[-1] in (1, 3):
            turned = "images.permute(0, 3, 1, 2)" if len(shape) == 4 else "image.permute(2, 0, 1)[None]"
            cause = f" Likely cause: the channels stand last; {turned} puts them second."
        raise ValueError(f"images have shape {shape}; expected (N, 3, H, W), (N, 1, H, W) or (N, H, W).{cause}")
    return unit_range(images.detach().cpu())


def unit_range(images: Tensor) -> Tensor:
    """Pixels as float32 in [0, 1]: bool, uint8 and uint16 divided by their largest value, floats as they are.

    ValueError for other integers, whose type does not tell which value is white, and for floats far beyond 1.
    """
    if images.dtype in WHITE:
        return images.float() / WHITE[images.dtype]
    if not images.is_floating_point():
        raise ValueError(
            f"images are {images.dtype}; expected floats in [0, 1], uint8 (white is 255) or uint16 (65,535). Likely "
            "cause: pixels that were converted; divide them by the value that stands for white: images / 255"
        )
    images = images.float()
    if images.numel() and images.max() > BRIGHTEST:
        raise ValueError(
            f"images are floats up to {float(images.max()):g}; expected [0, 1]. Likely cause: bytes 0 to 255 that were "
            "converted: images / 255"
        )
    return images


def smooth(images: Tensor, size: int) -> Tensor:
    """Images enlarged to about `size` pixels by bicubic interpolation; larger ones stay.   (N, C, H, W)"""
    factor = size / max(images.shape[-2:])
    if factor <= 1:
        return images.clamp(0, 1)
    return F.interpolate(images, scale_factor=factor, mode="bicubic", antialias=False).clamp(0, 1)


def blocks(images: Tensor, size: int) -> Tensor:
    """Images enlarged by a whole factor, every pixel a square.   (N, C, H, W) -> (N, C, k H, k W)"""
    factor = max(1, round(size / max(images.shape[-2:])))
    return images.repeat_interleave(factor, -2).repeat_interleave(factor, -1).clamp(0, 1)


def for_matplotlib(image: Tensor):
    """(C, H, W) in [0, 1] -> (H, W, 3) array."""
    return image.clamp(0, 1).expand(3, -1, -1).permute(1, 2, 0).numpy()


def wrap(text, width: float) -> str:
    """Break a caption into lines of about `width` inches."""
    lines = str(text).split("\n")
    return "\n".join(textwrap.fill(line, max(8, int(width * 15.5))) for line in lines)


def check_counts(count: int, **each: Sequence | None) -> None:
    """ValueError where a list is shorter than the list of images."""
    for name, values in each.items():
        if values is not None and len(values) < count:
            raise ValueError(f"{name} has {len(values)} entries for {count} images; expected one each")


def check_few(images: Tensor) -> None:
    """ValueError for more images than a figure can show."""
    if len(images) > MOST:
        raise ValueError(f"there are {len(images):,} images; expected {MOST} at most in one figure: images[:32]")


def grid(
    images,
    alt: str,
    columns: int,
    above: Sequence | None = None,
    below: Sequence | None = None,
    marks: Sequence[bool | None] | None = None,
) -> None:
    """Draw images in rows, with text above and below each, and a tick or a cross in the corner of a marked one."""
    count = len(images)
    columns = max(1, min(columns, count))
    check_counts(count, titles=above, sentences=below, marks=marks)
    cell = min(style.WIDTH / columns, WIDEST)
    side = cell - GAP
    above = [wrap(text, cell) for text in above[:count]] if above is not None else [""] * count
    below = [wrap(text, cell) for text in below[:count]] if below is not None else [""] * count
    high = side * images[0].shape[-2] / images[0].shape[-1]
    rows = [range(start, min(start + columns, count)) for start in range(0, count, columns)]
    heads, feet = (
        [LINE * max(texts[i].count("\n") + bool(texts[i]) for i in row) for row in rows] for texts in (above, below)
    )
    heights = [head + high + foot + GAP for head, foot in zip(heads, feet, strict=True)]
    width, height = cell * columns, sum(heights) + GAP
    with style.drawing(width, height, alt, scale=1, photo=True) as figure:
        top = height - GAP / 2
        for row, head, tall in zip(rows, heads, heights, strict=True):
            for position, i in enumerate(row):
                left, bottom = position * cell + GAP / 2, top - head - high
                axis = figure.add_axes((left / width, bottom / height, side / width, high / height))
                axis.set_axis_off()
                axis.imshow(for_matplotlib(images[i]), interpolation="antialiased", aspect="auto")
                middle = (left + side / 2) / width
                figure.text(middle, (bottom + high + 0.04) / height, above[i], ha="center", va="bottom", **TEXT)
                figure.text(middle, (bottom - 0.03) / height, below[i], ha="center", va="top", **TEXT)
                if marks is not None and marks[i] is not None:
                    _mark(axis, bool(marks[i]))
            top -= tall


def _mark(axis, right: bool) -> None:
    colour = style.GOOD if right else style.BAD
    axis.add_patch(
        Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, edgecolor=colour, linewidth=3, clip_on=False)
    )
    axis.text(
        0.965,
        0.965,
        "✓" if right else "✗",
        transform=axis.transAxes,
        ha="center",
        va="center",
        color="white",
        fontsize=9,
        fontweight="bold",
        bbox={"boxstyle": "circle,pad=0.2", "facecolor": colour, "edgecolor": "none"},
    )
