"""Figures side by side: several models, each judged on several splits; and tables that a benchmark stored."""

import csv
import html
from collections.abc import Mapping, Sequence

from mmcourse.assets import asset
from mmcourse.renamed import new_value
from mmcourse.show import output, style


def compare(results: Mapping[str, Mapping[str, float]], label: str = "accuracy", chance: float | None = None) -> None:
    """Bars for each model, one for each split, with its value at the end; `chance` is drawn as a line to compare with.

    results {model: {split: value in [0, 1]}}, every model with the same splits; a single one is named at the axis.
    """
    splits = list(next(iter(results.values()), {}))
    if not splits or any(list(row) != splits for row in results.values()):
        raise ValueError(
            "results must give every model the same splits, at least one; got "
            + "; ".join(f"{name}: {', '.join(row) or 'none'}" for name, row in results.items())
        )
    listed = "; ".join(
        f"{name}: " + ", ".join(f"{split} {row[split]:.2f}" for split in splits) for name, row in results.items()
    )
    colours = [colour for name, colour in style.PALETTE.items() if name not in ("black", "yellow")]
    names = [split.replace("_", " ") for split in splits]
    height = 0.8 / len(splits)
    with style.drawing(
        style.WIDTH * 0.85, 0.9 + 0.3 * len(results) * len(splits), f"Bars, {label}. {listed}."
    ) as figure:
        axis = figure.subplots()
        for i, split in enumerate(splits):
            positions = [row + (i - (len(splits) - 1) / 2) * height for row in range(len(results))]
            values = [row[split] for row in results.values()]
            axis.barh(positions, values, height * 0.92, color=colours[i], label=names[i] if len(names) > 1 else None)
            for position, value in zip(positions, values, strict=True):
                axis.annotate(
                    f"{value:.2f}",
                    (value, position),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                    bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1},  # over the line of the chance level
                )
        if chance is not None:
            axis.axvline(chance, color=style.INK, linestyle="--", linewidth=1.2, label="chance level")
        axis.set_yticks(range(len(results)), list(results))
        axis.set(xlim=(0, 1.06), xlabel=label if len(names) > 1 else f"{label}: {names[0]}")
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
        if len(names) > 1 or chance is not None:
            _legend(axis)


def _legend(axis) -> None:
    """A legend above the bars, row by row in the order of the bars; the chance level is last."""
    entries = list(zip(*axis.get_legend_handles_labels(), strict=True))
    entries.sort(key=lambda entry: entry[1] == "chance level")  # matplotlib lists a line before the bars
    letters = sum(len(text) + 6 for _, text in entries)  # 6 stand for the sample of the colour and the gap
    columns = len(entries)
    if letters >= 90:  # too wide for one row
        columns = 2 if columns == 4 else min(columns, 3)
    by_column = [entry for i in range(columns) for entry in entries[i::columns]]  # matplotlib fills column by column
    axis.legend(*zip(*by_column, strict=True), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns)


def show_stored_table(name: str) -> None:
    """Show a table that a script under benchmarks/ measured and stored (`data/tables/NAME.csv`).

    The lines that begin with '#' say how it was made; they stand below the table. ValueError where rows differ in
    length.
    """
    name = new_value("table", name)
    lines = asset(f"tables/{name}.csv").read_text(encoding="utf-8").splitlines()
    notes = [line.lstrip("# ") for line in lines if line.startswith("#")]
    rows = list(csv.reader(line for line in lines if line and not line.startswith("#")))
    if len(set(map(len, rows))) != 1:
        raise ValueError(
            f"the rows of tables/{name}.csv have {sorted(set(map(len, rows)))} cells; expected as many in each. "
            "Likely cause: a comma inside a cell that is not in quotes"
        )
    output.publish({"text/html": _table(rows, notes), "text/plain": _plain(rows, notes)})


def _table(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    def row(cells, tag):
        return (
            "<tr>"
            + "".join(
                f'<{tag} style="text-align:{"left" if i == 0 else "right"};padding:2px 1em">{html.escape(cell)}</{tag}>'
                for i, cell in enumerate(cells)
            )
            + "</tr>"
        )

    body = "".join(row(cells, "td") for cells in rows[1:])
    note = html.escape(" ".join(notes))
    return (
        f'<table style="margin:6px 0"><thead>{row(rows[0], "th")}</thead><tbody>{body}</tbody></table>'
        f'<div style="font-size:85%;opacity:.75;max-width:48em">{note}</div>'
    )


def _plain(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, " ".join(notes)])
