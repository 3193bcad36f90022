"""Figures of recurrent networks: the same step at every word, and lines over time."""

import math
from collections.abc import Mapping, Sequence

from mmcourse.show import style


def show_unrolled(words: Sequence[str]) -> None:
    """Draw a recurrent network unrolled over some words: each state is made of one word and the state before it."""
    words = list(words)
    if not 1 <= len(words) <= 12:
        raise ValueError(f"show_unrolled got {len(words)} words; expected 1 to 12, or they cannot be read")
    last = len(words)
    alt = (
        f"A recurrent network over {last} words: from each word ({', '.join(words)}) an arrow W leads up to a state h, "
        f"and from each state an arrow U to the next, from h0, which is zero, to h{last}, which leads to the answer."
    )
    with style.drawing(style.WIDTH, 2.4, alt) as figure:
        axis = figure.subplots()
        axis.set(xlim=(-0.6, last + 1.15), ylim=(-0.45, 1.75))
        axis.axis("off")
        blue, orange = style.PALETTE["blue"], style.PALETTE["orange"]
        arrow = {"arrowstyle": "-|>", "color": style.INK, "linewidth": 1.4, "shrinkA": 15, "shrinkB": 15}
        for t in range(last + 1):
            axis.text(
                t, 1, f"$h_{{{t}}}$", ha="center", va="center", color="white" if t else style.INK, fontsize=12,
                bbox={"boxstyle": "circle,pad=0.35", "facecolor": blue if t else style.PAPER, "edgecolor": blue},
            )  # fmt: skip
            if t:
                axis.text(
                    t, 0, words[t - 1], ha="center", va="center",
                    bbox={"boxstyle": "round,pad=0.4", "facecolor": style.PAPER, "edgecolor": orange, "linewidth": 1.5},
                )  # fmt: skip
                axis.annotate("", (t, 1), (t, 0), arrowprops=arrow | {"shrinkA": 12})
                axis.annotate("", (t, 1), (t - 1, 1), arrowprops=arrow)
                axis.text(t + 0.06, 0.46, "$W$", color=orange, fontsize=11)
                axis.text(t - 0.5, 1.12, "$U$", color=blue, fontsize=11, ha="center")
        axis.annotate("", (last + 0.8, 1), (last, 1), arrowprops=arrow | {"shrinkB": 0})
        axis.text(last + 0.83, 1, "answer", va="center", ha="left", fontsize=10)


def plot_lines(
    lines: Mapping[str, Sequence[float]],
    x: Sequence[float],
    xlabel: str,
    ylabel: str,
    log: bool = False,
    limits: tuple[float, float] | None = None,
) -> None:
    """Plot some lines over the same x, each with its name; `log` gives the y axis powers of ten.

    lines {name: one figure for each x}; `limits` of the y axis are taken from the figures unless given.
    """
    x = [float(value) for value in x]
    rows = {name: [float(value) for value in values] for name, values in lines.items()}
    if not rows or not x or any(len(row) != len(x) for row in rows.values()):
        raise ValueError(
            f"lines hold {', '.join(f'{name}: {len(row)}' for name, row in rows.items()) or 'nothing'} for {len(x)} "
            "values of x; expected one figure for each x"
        )
    if any(not math.isfinite(value) or (log and value <= 0) for row in rows.values() for value in row):
        raise ValueError(
            f"lines hold figures that cannot be drawn{' on a log axis' * log}: nan, infinite{' or <= 0' * log}"
        )
    listed = "; ".join(f"{name} from {row[0]:.3g} to {row[-1]:.3g}" for name, row in rows.items())
    alt = f"Lines of {ylabel} over {xlabel}, {x[0]:g} to {x[-1]:g}: {listed}."
    dashes = ("-", "--", "-.", ":")
    with style.drawing(style.WIDTH * 0.75, 3.0, alt) as figure:
        axis = figure.subplots()
        colours = [colour for name, colour in style.PALETTE.items() if name not in ("black", "yellow", "sky")]
        for i, (name, row) in enumerate(rows.items()):
            marker = "o" if len(x) < 25 else ""
            axis.plot(x, row, dashes[i % 4], color=colours[i % len(colours)], marker=marker, markersize=4, label=name)
        axis.set(xlabel=xlabel, ylabel=ylabel)
        if log:
            axis.set_yscale("log")
        if limits:
            axis.set_ylim(*limits)
        style.legend(axis)
