"""Figures of attention: weights, masks and positions as small maps, and lines in panels that share one x axis."""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.patches import Patch
from matplotlib.ticker import LogFormatter
from torch import Tensor

from mmcourse.show import style

READABLE = 64  # cells, up to which each gets its number


def show_matrices(
    maps: Mapping[str, Tensor],
    rows: Sequence[str] | str = "row",
    columns: Sequence[str] | str | Mapping[str, str] = "column",
    numbers: bool | None = None,
) -> None:
    """Show matrices (R, C) side by side, each with its name: attention weights, masks, a table of positions.

    `rows` and `columns` name the axis, or each row and column; {matrix: name} names each matrix's own column axis.
    Values from 0 on go from white to blue, others from blue over white to red; matrices of
    True and False are masks, with a legend 'may attend' and 'hidden'. `numbers` writes each value into its cell; None:
    where they are few enough to be read.
    """
    masks = bool(maps) and all(torch.as_tensor(layer).dtype == torch.bool for layer in maps.values())
    layers = {name: torch.as_tensor(layer).detach().cpu().float() for name, layer in maps.items()}
    if not layers or any(layer.dim() != 2 or 0 in layer.shape for layer in layers.values()):
        shapes = ", ".join(f"{name}: {tuple(layer.shape)}" for name, layer in layers.items()) or "nothing"
        raise ValueError(f"show_matrices got {shapes}; expected (R, C) each. Likely cause: axes of batch or heads left")
    for names, axis in ((rows, 0), (columns, 1)):
        for title, layer in layers.items():
            if not isinstance(names, str | Mapping) and len(names) != layer.shape[axis]:
                raise ValueError(
                    f"{title!r} has shape {tuple(layer.shape)}, and there are {len(names)} names for its axis {axis}"
                )
    signed = any(bool((layer < 0).any()) for layer in layers.values())
    top = max(float(layer.abs().max()) for layer in layers.values()) or 1.0
    listed = "; ".join(
        f"{name}: {_masked(layer) if masks else _told(layer, rows, columns)}" for name, layer in layers.items()
    )
    wide = min(style.WIDTH, 3.9 * len(layers) + 0.4)
    shape = next(iter(layers.values())).shape
    high = min(4.2, max(1.4, 0.75 + (wide / len(layers) - 0.9) * shape[0] / shape[1]))
    with style.drawing(wide, high, f"Maps of {len(layers)} matrices. {listed}.") as figure:
        for axis, (name, layer) in zip(figure.subplots(1, len(layers), squeeze=False)[0], layers.items(), strict=True):
            shown = axis.imshow(
                layer.numpy(),
                cmap=style.DIVERGING if signed else "Blues",
                vmin=-top if signed else 0,
                vmax=top,
                aspect="auto",
                interpolation="nearest",
            )
            axis.set_title(name)
            axis.grid(visible=False)
            _name(axis, rows, columns[name] if isinstance(columns, Mapping) else columns)
            if numbers or (numbers is None and not masks and layer.numel() <= READABLE):
                for i, row in enumerate(layer.tolist()):
                    for j, value in enumerate(row):
                        colour = "white" if abs(value) > 0.6 * top else style.INK
                        axis.text(j, i, f"{value:.2g}", ha="center", va="center", color=colour, fontsize=8.5)
        if masks:
            for axis in figure.axes:
                axis.set_xlabel("key")
            figure.axes[0].set_ylabel("query")
            colours = shown.get_cmap()
            keys = [
                Patch(facecolor=colours(1.0), label="may attend"),
                Patch(facecolor=colours(0.0), label="hidden", edgecolor=style.INK),
            ]
            figure.legend(handles=keys, loc="outside right upper")
            return
        bar = figure.colorbar(shown, ax=figure.axes, fraction=0.03, pad=0.01)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=8)


def plot_panels(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    x: Sequence[float],
    xlabel: str,
    log: str = "x",
    ylabel: str | Sequence[str] = "",
) -> None:
    """Plot lines over one x in panels side by side, the same names in the same colours.

    panels {title: {name: one figure for each x}}; `log` says which axes have powers: 'x', 'y', 'xy' or ''.
    `ylabel` names the axis of the first panel, or that of each.
    """
    x = [float(value) for value in x]
    rows = [list(map(float, row)) for lines in panels.values() for row in lines.values()]
    if not rows or not x or any(len(row) != len(x) or not all(map(math.isfinite, row)) for row in rows):
        raise ValueError(
            f"panels hold lines of {sorted({len(row) for row in rows})} figures for {len(x)} values of x; expected one "
            "finite figure for each"
        )
    if set(log) - set("xy") or ("x" in log and min(x) <= 0) or ("y" in log and min(map(min, rows)) <= 0):
        raise ValueError(f"log is {log!r}; expected 'x', 'y', 'xy' or '', and positive figures on such an axis")
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    colours = [colour for name, colour in style.PALETTE.items() if name not in ("black", "yellow", "sky")]
    listed = ". ".join(
        f"{title}: "
        + "; ".join(f"{name} from {float(row[0]):.3g} to {float(row[-1]):.3g}" for name, row in lines.items())
        for title, lines in panels.items()
    )
    alt = f"Lines over {xlabel}, {x[0]:g} to {x[-1]:g}. {listed}."
    with style.drawing(style.WIDTH if len(panels) > 1 else 0.7 * style.WIDTH, 2.9, alt) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, label in zip(axes, [ylabel] if isinstance(ylabel, str) else ylabel, strict=False):
            axis.set_ylabel(label)
        for axis, (title, lines) in zip(axes, panels.items(), strict=True):
            for name, row in lines.items():
                i = names.index(name)
                axis.plot(
                    x,
                    row,
                    ("-", "--", "-.", ":")[i % 4],
                    color=colours[i % len(colours)],
                    marker="o",
                    markersize=4,
                    label=name,
                )
            axis.set(title=title, xlabel=xlabel)
            if "x" in log:
                axis.set_xscale("log", base=2)
                labelled = x if len(x) <= 5 else x[::2]
                axis.set_xticks(labelled, [f"{value:g}" for value in labelled])
                axis.minorticks_off()
            if "y" in log:
                axis.set_yscale("log")
                axis.yaxis.set_major_formatter("{x:g}")
                axis.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))  # 20, 30 instead of 2 × 10^1
            else:
                axis.set_ylim(bottom=0)
        style.legend(axes[0])


def _name(axis, rows: Sequence[str] | str, columns: Sequence[str] | str) -> None:
    if isinstance(rows, str):
        axis.set_ylabel(rows)
    else:
        axis.set_yticks(range(len(rows)), rows)
    if isinstance(columns, str):
        axis.set_xlabel(columns)
    else:
        axis.set_xticks(range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor")


def _told(layer: Tensor, rows: Sequence[str] | str, columns: Sequence[str] | str) -> str:
    """Size and largest value, in words."""
    row, column = divmod(int(layer.argmax()), layer.shape[1])
    where = f"row {row}" if isinstance(rows, str) else f"'{rows[row]}'"
    there = f"column {column}" if isinstance(columns, str | Mapping) else f"'{columns[column]}'"
    return f"{layer.shape[0]} by {layer.shape[1]}, largest {float(layer.max()):.2g} at {where}, {there}"


def _masked(layer: Tensor) -> str:
    """How many positions the rows of a mask may attend to, from the first to the last."""
    seen = [int(row.sum()) for row in layer]
    listed = (
        f"each row may attend to {seen[0]}"
        if len(set(seen)) == 1
        else f"rows may attend to {', '.join(map(str, seen))}"
    )
    return f"{listed} of {layer.shape[1]}"
