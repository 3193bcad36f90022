"""Inside a convolutional network: filters, feature maps, and heat maps over images."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.figures.images import as_images, check_few, for_matplotlib, smooth

TITLE_CHARACTER = 0.085  # inches of a title's character, bold and 10 points high


def show_filters(weight: Tensor, columns: int = 16, most: int = 64, title: str | None = None) -> None:
    """Show the filters of a convolution, its weight (O, I, kH, kW).

    Over three channels each filter is shown in colour (grey is 0); over one, blue is negative and red positive; over
    more, the mean over the channels is shown in the same way.
    """
    weight = weight.detach().cpu().float()
    if weight.dim() != 4 or 0 in weight.shape:
        raise ValueError(f"weight has shape {tuple(weight.shape)}; expected (O, I, kH, kW), the weight of a Conv2d")
    filters, channels, high, wide = weight.shape
    shown = weight[:most]
    in_colour = channels == 3
    what = "in colour, grey is zero" if in_colour else "blue is negative, red positive"
    if channels not in (1, 3):
        shown, what = shown.mean(1, keepdim=True), f"mean over {channels} channels, {what}"
    alt = f"{len(shown)} of {filters} filters of {high} by {wide}, {what}. Largest weight {weight.abs().max():.2f}."
    if in_colour:
        shown = 0.5 + 0.5 * shown / shown.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-8)
    _maps([(title or f"{filters} filters ({what})", shown if in_colour else shown[:, 0])], columns, alt, diverging=True)


def show_feature_maps(
    maps: Tensor | dict[str, Tensor], columns: int = 8, most: int = 16, image: Tensor | None = None
) -> None:
    """Show feature maps (C, H, W), or several layers' by name; first the image they come from, if given.

    Maps without negative values go from dark (0) to bright; others from blue (negative) over white to red (positive).
    """
    layers = maps if isinstance(maps, dict) else {"feature maps": maps}
    if not layers:
        raise ValueError("maps is empty; expected the feature maps of a layer at least")
    blocks = []
    for name, layer in layers.items():
        layer = layer.detach().cpu().float()
        layer = layer[0] if layer.dim() == 4 and len(layer) == 1 else layer
        if layer.dim() != 3 or 0 in layer.shape:
            raise ValueError(
                f"{name!r} has shape {tuple(layer.shape)}; expected (C, H, W), the maps of one image: maps[0]"
            )
        blocks.append((f"{name} · {_shown(len(layer), most)} of {layer.shape[1]}×{layer.shape[2]}", layer[:most]))
    negative = any(bool((layer < 0).any()) for _, layer in blocks)
    alt = (
        "Feature maps. "
        + "; ".join(f"{name}: {int((layer.amax(dim=(1, 2)) > 0).sum())} respond somewhere" for name, layer in blocks)
        + "."
    )
    if image is not None:
        blocks.insert(0, ("image", as_images(image[None] if image.dim() == 3 else image)[:1]))
    _maps(blocks, columns, alt, negative)


def show_heatmap_over(
    images: Tensor, maps: Tensor, titles=None, columns: int = 6, alt: str | None = None, size: int = 128
) -> None:
    """Lay maps (N, h, w) or (N, 1, h, w) over images (N, C, H, W), as Grad-CAM is shown: bright where the map is high.

    Each map is scaled to its own maximum; negative values count as 0.
    """
    images = as_images(images)
    check_few(images)
    maps = maps.detach().cpu().float()
    maps = maps[:, 0] if maps.dim() == 4 and maps.shape[1] == 1 else maps
    if maps.dim() != 3 or len(maps) != len(images):
        raise ValueError(
            f"maps have shape {tuple(maps.shape)} for {len(images)} images; expected ({len(images)}, h, w)"
        )
    if alt is None:
        positions = [_position(each) for each in maps]
        named = titles if titles is not None else [f"image {i + 1}" for i in range(len(images))]
        alt = (
            "Heat maps over images, strongest: "
            + "; ".join(
                f"{str(name).replace(chr(10), ' ')}: {position}"
                for name, position in zip(named, positions, strict=False)
            )
            + "."
        )
    from mmcourse.show.figures.images import grid

    grid(
        [heat_over(image, each) for image, each in zip(smooth(images, size), maps, strict=True)],
        alt,
        columns,
        above=titles,
    )


def heat_over(image: Tensor, heat: Tensor) -> Tensor:
    """One image with a heat map laid over its grey version.   (C, H, W), (h, w) -> (3, H, W)"""
    import matplotlib

    heat = heat.clamp(min=0)
    heat = F.interpolate(heat[None, None], size=image.shape[-2:], mode="bicubic", align_corners=False)[0, 0].clamp(
        min=0
    )
    heat = heat / heat.max().clamp(min=1e-8)
    colours = torch.from_numpy(matplotlib.colormaps[style.HEAT](heat.numpy())[..., :3]).permute(2, 0, 1).float()
    grey = image.mean(0, keepdim=True).expand(3, -1, -1) * 0.75 + image.expand(3, -1, -1) * 0.25
    opacity = (0.15 + 0.75 * heat).clamp(max=0.8)
    return grey * (1 - opacity) + colours * opacity


def _position(heat: Tensor) -> str:
    """Where a map is highest, in words."""
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    across = ("left", "middle", "right")[min(2, 3 * column // heat.shape[1])]
    down = ("top", "middle", "bottom")[min(2, 3 * row // heat.shape[0])]
    return "middle" if across == down == "middle" else f"{down} {across}"


def _shown(count: int, most: int) -> str:
    return f"{count} maps" if count <= most else f"{most} of {count} maps"


def _maps(blocks: list[tuple[str, Tensor]], columns: int, alt: str, diverging: bool) -> None:
    """Blocks of small images: (title, (C, H, W) maps in one scale, or (N, 3, H, W) colours)."""
    columns = min(columns, max(len(layer) for _, layer in blocks))
    wide = min((style.WIDTH - 0.75) / columns, 0.95)
    rows = [math.ceil(len(layer) / columns) for _, layer in blocks]
    heights = [0.3 + n * wide * layer.shape[-2] / layer.shape[-1] for n, (_, layer) in zip(rows, blocks, strict=True)]
    title_width = TITLE_CHARACTER * max(len(title) for title, _ in blocks)
    width = max(wide * columns + 0.75, min(title_width, style.WIDTH))
    with style.drawing(width, sum(heights), alt, scale=1.25) as figure:
        parts = figure.subfigures(len(blocks), 1, height_ratios=heights, squeeze=False)[:, 0]
        for part, (title, layer), n in zip(parts, blocks, rows, strict=True):
            part.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
            axes = part.subplots(n, columns, squeeze=False)
            top = float(layer.abs().max()) or 1.0
            shown = None
            for axis in axes.flat:
                axis.set_axis_off()
            for axis, each in zip(axes.flat, layer, strict=False):
                if each.dim() == 3:
                    axis.imshow(for_matplotlib(each), interpolation="nearest")
                else:
                    shown = axis.imshow(
                        np.asarray(each),
                        cmap=style.DIVERGING if diverging else style.SEQUENTIAL,
                        vmin=-top if diverging else 0,
                        vmax=top,
                        interpolation="nearest",
                    )
            if shown is not None:
                bar = part.colorbar(shown, ax=axes, fraction=0.03, pad=0.01, aspect=12 * n)
                bar.outline.set_visible(False)
                bar.ax.tick_params(labelsize=7)
