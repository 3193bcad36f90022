"""Plot a stored table whose cells hold a mean and its range over seeds."""

import csv
import re

from mmcourse.assets import asset
from mmcourse.show import style

CELL = re.compile(r"([\d.]+)(?: \(([\d.]+) to ([\d.]+)\))?")


def plot_stored_curves(name: str, xlabel: str, ylabel: str, chance: float | None = None) -> None:
    """Plot `data/tables/NAME.csv`: a line for each row, a column for each x, the range over seeds as a band.

    Column titles begin with a number; cells are '0.765' or '0.765 (0.760 to 0.770)'. `chance` is drawn as a line.
    ValueError where a title or a cell is not so.
    """
    lines = asset(f"tables/{name}.csv").read_text(encoding="utf-8").splitlines()
    (_, *titles), *rows = csv.reader(line for line in lines if line and not line.startswith("#"))
    x = [_number(title, r"[\d,]+", name) for title in titles]
    curves = {row[0]: [_cell(cell, name) for cell in row[1:]] for row in rows}
    told = "; ".join(f"{label} from {found[0][0]:.2f} to {found[-1][0]:.2f}" for label, found in curves.items())
    with style.drawing(
        style.WIDTH * 0.8, 3.4, f"Lines of {ylabel} over {xlabel}, {x[0]:,g} to {x[-1]:,g}: {told}."
    ) as figure:
        axis = figure.subplots()
        colours = [colour for label, colour in style.PALETTE.items() if label not in ("black", "yellow", "sky")]
        colours.append(style.INK)
        for i, (label, found) in enumerate(curves.items()):
            means, low, high = zip(*found, strict=True)
            dash, colour, marker = ("-", "--", "-.", ":")[i % 4], colours[i % len(colours)], "osD^vP"[i % 6]
            axis.plot(x, means, dash, color=colour, marker=marker, markersize=4, label=label)
            axis.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
        if chance is not None:
            axis.axhline(chance, color=style.INK, linewidth=1, linestyle=":", label="chance level")
        axis.set(xlabel=xlabel, ylabel=ylabel, xscale="log")
        axis.set_xticks(x, [f"{value:,g}" for value in x])
        axis.minorticks_off()
        style.legend(axis, fontsize=8)


def _number(text: str, pattern: str, name: str) -> float:
    match = re.match(pattern, text)
    if not match or not match[0].strip():
        raise ValueError(f"tables/{name}.csv has a column {text!r}; expected a title that begins with a number")
    return float(match[0].replace(",", ""))


def _cell(text: str, name: str) -> tuple[float, float, float]:
    """Mean, lowest, highest."""
    match = CELL.fullmatch(text)
    if not match:
        raise ValueError(f"tables/{name}.csv has a cell {text!r}; expected '0.765' or '0.765 (0.760 to 0.770)'")
    value = float(match[1])
    return value, float(match[2] or value), float(match[3] or value)
