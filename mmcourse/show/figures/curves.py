"""Figures of training and of judging: curves over epochs, and results side by side with their range over seeds."""

import math
import numbers
from collections.abc import Sequence

from mmcourse.show import style
from mmcourse.show.live import in_words


def plot_history(history, title: str | None = None, limits: tuple[float, float] | None = None) -> None:
    """Plot a training run: loss on the left (every step faint, every epoch bold), the metrics on the right.

    `history` is what `fit` returned, or a table with its columns (epoch, loss, accuracy, valid_loss ...). `limits` of
    the metrics' axis are taken from the figures unless given, which makes a mountain of a hundredth.
    Of `fit_adversarial`: both losses on the left (and the penalty), the mean scores on the right.
    """
    table = history.dataframe() if hasattr(history, "dataframe") else history
    if hasattr(table, "columns") and {"generator_loss", "discriminator_loss"} <= set(table.columns) and len(table):
        _plot_players(table, getattr(history, "per_step", {}), title, limits)
        return
    if not hasattr(table, "columns") or "loss" not in table or len(table) == 0:
        raise ValueError(
            f"history is a {type(history).__name__} with no epoch in it; expected what fit(...) returned, "
            "after one epoch at least"
        )
    epochs = list(table["epoch"]) if "epoch" in table else list(range(1, len(table) + 1))
    metrics = [name for name in table.columns if f"valid_{name}" in table.columns and name != "loss"] or [
        name
        for name in table.columns
        if "loss" not in name
        and not name.startswith("valid_")
        and name not in ("epoch", "step", "steps", "seconds", "lr")
    ]
    metrics = [name for name in metrics if all(isinstance(value, numbers.Real) for value in table[name])]
    listed = [
        f"{in_words(name)} from {table[name].iloc[0]:.3f} to {table[name].iloc[-1]:.3f}"
        for name in ("loss", "valid_loss", *metrics, *(f"valid_{name}" for name in metrics))
        if name in table
    ]
    alt = f"{title or 'A training run'} over {len(table)} epochs: {', '.join(listed)}."
    with style.drawing(style.WIDTH, 2.7, alt) as figure:
        panels = figure.subplots(1, 1 + bool(metrics), squeeze=False)[0]
        losses = getattr(history, "losses", [])
        if len(losses) > len(table):
            each = len(losses) / len(table)
            first = epochs[0] - 1
            thin = max(1, len(losses) // 600)
            panels[0].plot(
                [first + (i + 1) / each for i in range(0, len(losses), thin)],
                losses[::thin],
                color=style.PALETTE["sky"],
                alpha=0.45,
                linewidth=0.8,
            )
        _pair(panels[0], table, epochs, "loss")
        drawn = [y for line in panels[0].lines for y in map(float, line.get_ydata()) if math.isfinite(y)]
        panels[0].set(title="loss", xlabel="epoch", ylim=style.with_room(0, max(drawn, default=1.0)))
        if metrics:
            for i, name in enumerate(metrics):
                _pair(panels[1], table, epochs, name, ("-", "--", ":")[i % 3], len(metrics) > 1)
            panels[1].set(title=", ".join(name.replace("_", " ") for name in metrics), xlabel="epoch", ylim=limits)
        for panel in panels:
            panel.xaxis.get_major_locator().set_params(integer=True)
            if len(panel.lines) > 1:
                style.legend(panel)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontweight="bold")


def _plot_players(table, per_step: dict[str, list[float]], title: str | None, limits) -> None:
    panels = {
        "loss": [name for name in table.columns if name.endswith("_loss") or name == "penalty"],
        "mean score": [name for name in table.columns if name.endswith("_score")],
    }
    listed = [
        f"{name.replace('_', ' ')} from {table[name].iloc[0]:.3f} to {table[name].iloc[-1]:.3f}"
        for names in panels.values()
        for name in names
    ]
    alt = f"{title or 'A GAN in training'} over {len(table)} epochs: {', '.join(listed)}."
    colours = [style.PALETTE[name] for name in ("blue", "vermillion", "green")]
    with style.drawing(style.WIDTH, 2.7, alt) as figure:
        for axis, (heading, names) in zip(figure.subplots(1, 2), panels.items(), strict=True):
            for name, colour, line in zip(names, colours, ("-", "--", ":"), strict=False):
                steps = per_step.get(name, [])
                each, thin = len(steps) / len(table), max(1, len(steps) // 600)
                if each > 1:
                    places = [(i + 1) / each + table["epoch"].iloc[0] - 1 for i in range(0, len(steps), thin)]
                    axis.plot(places, steps[::thin], color=colour, alpha=0.3, linewidth=0.8)
                axis.plot(table["epoch"], table[name], line, color=colour, label=name.replace("_", " "))
            axis.set(title=heading, xlabel="epoch", ylim=limits if heading == "mean score" else None)
            axis.xaxis.get_major_locator().set_params(integer=True)
            style.legend(axis)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontweight="bold")


def _pair(axis, table, epochs, name: str, line: str = "-", named: bool = False) -> None:
    """A column and its valid_ twin, in the two colours that stand for training and validation."""
    suffix = f" {name.replace('_', ' ')}" if named else ""
    marker = "o" if len(epochs) < 25 else ""
    if name in table:
        axis.plot(
            epochs,
            table[name],
            line,
            color=style.PALETTE["blue"],
            marker=marker,
            markersize=4,
            label=f"training{suffix}",
        )
    if f"valid_{name}" in table:
        axis.plot(
            epochs,
            table[f"valid_{name}"],
            line,
            color=style.PALETTE["orange"],
            marker=marker,
            markersize=4,
            label=f"validation{suffix}",
        )


def bar_with_range(
    values: dict[str, float | Sequence[float]],
    label: str = "accuracy",
    chance: float | None = None,
    goal: float | None = None,
    title: str | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Compare figures as bars: one figure a name, or several (of seeds, of speakers left out).

    With several, the bar is their mean, the dots are the figures and the line is their range.
    `chance` and `goal` draw a line to compare with; `limits` sets the axis, 0 to 1 where every figure lies there.
    """
    rows = {
        name: [float(v) for v in value] if hasattr(value, "__len__") and getattr(value, "ndim", 1) else [float(value)]
        for name, value in values.items()
    }
    if not rows or any(not row or not all(map(math.isfinite, row)) for row in rows.values()):
        raise ValueError(f"values is {values!r}; expected a figure, or a list of figures, for each name")
    means = {name: sum(row) / len(row) for name, row in rows.items()}
    everything = [v for row in rows.values() for v in row]
    limits = limits or (
        (0, 1) if min(everything) >= 0 and max(everything) <= 1 else (min(0, *everything), 1.1 * max(everything))
    )
    listed = [
        f"{name} {means[name]:.3f}"
        + (f" (from {min(row):.3f} to {max(row):.3f} over {len(row)} runs)" if len(row) > 1 else "")
        for name, row in rows.items()
    ]
    lines = [(what, at) for what, at in (("chance level", chance), ("goal", goal)) if at is not None]
    alt = f"{title or 'Bars'}, {label}: {'; '.join(listed)}." + "".join(
        f" {what.capitalize()} is {at:.3g}." for what, at in lines
    )
    with style.drawing(style.WIDTH * 0.8, 0.75 + 0.36 * len(rows) + 0.25 * bool(title), alt) as figure:
        axis = figure.subplots()
        colours = [c for name, c in style.PALETTE.items() if name not in ("black", "yellow")]
        for i, (name, row) in enumerate(rows.items()):
            axis.barh(i, means[name], height=0.62, color=colours[i % len(colours)], alpha=0.85)
            if len(row) > 1:
                axis.plot([min(row), max(row)], [i, i], color=style.INK, linewidth=1.5)
                axis.plot(row, [i] * len(row), "o", color=style.INK, markersize=3.5)
            axis.annotate(
                f"{means[name]:.3f}", (max(row), i), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9
            )
        for (what, at), dash in zip(lines, ("--", ":"), strict=False):
            axis.axvline(at, color=style.INK, linestyle=dash, linewidth=1.3)
            axis.annotate(
                what,
                (at, 1),
                xycoords=("data", "axes fraction"),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=8.5,
            )
        axis.set_yticks(range(len(rows)), list(rows))
        axis.set(xlim=limits, xlabel=label)
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
        if title:
            axis.set_title(title, pad=16 if lines else 8)
