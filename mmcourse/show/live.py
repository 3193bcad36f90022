"""Training as it happens: a bar with loss, metric and time left, and a curve that grows.

Plain HTML and SVG in one display that is replaced a few times a second; no widget, no comm. When training ends, a small
static image with its results in words takes its place, which is what a stored notebook keeps.
"""

import html
import math
import numbers
import textwrap
import time
import uuid
from itertools import pairwise

from mmcourse.show import output

EVERY = 0.2  # seconds between two redraws at the least
POINTS = 240  # points of the curve at most
WIDTH, HEIGHT = 420, 96
BLUE, GREEN, ORANGE, VERMILLION = "#2E8FCF", "#009E73", "#C97B00", "#D55E00"  # legible on light and on dark
LINES = ((BLUE, "", "━"), (VERMILLION, "7 4", "╍"))  # colour, dashes in SVG, and what stands for it in words
TRAINING = "training loss"


def live_view(total_steps: int, epochs: int = 1) -> "LiveView":
    """A view of a training run of `total_steps` steps in all; `fit` opens one in a notebook."""
    return LiveView(total_steps, epochs)


class Curve:
    """A loss over the steps, kept as at most 2 * POINTS points however many come; `last` is the last value."""

    def __init__(self):
        self.points: list[tuple[int, float]] = []
        self.last = None
        self._stride, self._bucket = 1, []

    def add(self, step: int, value: float) -> None:
        """One more value; one that is not finite is left out."""
        if not math.isfinite(value):
            return
        self.last = value
        self._bucket.append(value)
        if len(self._bucket) >= self._stride:
            self.points.append((step, sum(self._bucket) / len(self._bucket)))
            self._bucket.clear()
        if len(self.points) >= 2 * POINTS:
            pairs = zip(self.points[::2], self.points[1::2], strict=False)
            self.points = [(b[0], (a[1] + b[1]) / 2) for a, b in pairs]
            self._stride *= 2


class LiveView:
    """The progress of `fit`, displayed: call `update` after steps, `epoch` after epochs, `close` at the end.

    drawn    how often the display was replaced so far
    """

    def __init__(self, total_steps: int, epochs: int = 1):
        if total_steps < 1 or epochs < 1:
            raise ValueError(f"total_steps is {total_steps}, epochs is {epochs}; expected at least 1 each")
        self.total_steps, self.epochs = total_steps, epochs
        self.step, self.drawn, self.rows = 0, 0, []
        self.curves: dict[str, Curve] = {}
        self._metrics = {}
        self._begun, self._shown = time.perf_counter(), -math.inf
        self._id, self._closed = uuid.uuid4().hex, False
        self._notebook = output.in_notebook()

    def update(self, step: int, loss: float | dict[str, float], metrics: dict[str, float] | None = None) -> None:
        """After a step: its number (from 1), its loss, or several by name, and metrics so far.

        Draws a few times a second at most.
        """
        self.step = step
        self._metrics = metrics or self._metrics
        for name, value in (loss if isinstance(loss, dict) else {TRAINING: loss}).items():
            self.curves.setdefault(name, Curve()).add(step, float(value))
        if self.due():
            self._draw()

    def due(self) -> bool:
        """Whether an update would be drawn now; a loop may skip reading its loss from the device until it is."""
        return self._notebook and time.perf_counter() - self._shown >= EVERY

    def epoch(self, row: dict) -> None:
        """After an epoch: its row of the history (epoch, loss, accuracy, valid_loss, valid_accuracy ...)."""
        self.rows.append(dict(row))
        if not self._notebook:
            print(figures_of(row, self.epochs))
        elif self.due() or len(self.rows) == self.epochs:
            self._draw()

    def close(self, history=None) -> None:
        """At the end, also after an interruption: a small static image takes the place of the bar."""
        if self._closed:
            return
        self._closed = True
        if self._notebook:
            self._final(history)

    def _draw(self) -> None:
        self._shown = time.perf_counter()
        output.publish(
            {"text/html": self.html(), "text/plain": self.words()}, display_id=self._id, update=self.drawn > 0
        )
        self.drawn += 1

    def words(self) -> str:
        """The state in a line of words."""
        seconds = time.perf_counter() - self._begun
        parts = [f"step {self.step:,} of {self.total_steps:,}"]
        last = {name.removeprefix("training "): curve.last for name, curve in self.curves.items()}
        parts += [f"{name} {value:.3f}" for name, value in last.items() if value is not None]
        judged = self.rows[-1] if self.rows else {}
        valid = {n: value for n, value in judged.items() if n.startswith("valid_") and n != "valid_loss"}
        parts += [
            f"{in_words(name)} {value:.3f}"
            for name, value in (self._metrics | valid).items()
            if isinstance(value, numbers.Real)  # a metric may have several values, such as a confusion matrix
        ]
        if 0 < self.step < self.total_steps:
            parts.append(f"{clock(seconds / self.step * (self.total_steps - self.step))} left")
        else:
            parts.append(clock(seconds))
        return " · ".join(parts)

    def html(self) -> str:
        """The bar, the words and the curves as HTML."""
        fraction = min(100.0, 100 * self.step / self.total_steps)
        epoch = min(self.epochs, int(self.step / self.total_steps * self.epochs) + 1)
        return (
            '<div style="max-width:640px;color:var(--jp-content-font-color1,inherit);'
            'font-family:var(--jp-content-font-family,sans-serif);font-size:13px;line-height:1.5">'
            '<div style="display:flex;align-items:center;gap:10px">'
            '<div role="progressbar" aria-label="training" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{fraction:.0f}" '
            'style="flex:1;height:8px;border-radius:4px;overflow:hidden;background:var(--jp-layout-color3,#ccc)">'
            f'<div style="width:{fraction:.1f}%;height:100%;border-radius:4px;background:{GREEN}"></div></div>'
            f"<span>epoch {epoch} of {self.epochs}</span></div>"
            f'<div style="font-variant-numeric:tabular-nums">{html.escape(self.words())}</div>'
            f"{self._svg()}{self._below()}</div>"
        )

    def _below(self) -> str:
        """HTML below the curves."""
        return ""

    def _drawn(self) -> dict[str, list[tuple[int, float]]]:
        """The points of each curve that has enough of them to be drawn."""
        return {name: curve.points for name, curve in self.curves.items() if len(curve.points) > 1}

    def _svg(self) -> str:
        if not (drawn := self._drawn()):
            return ""
        checks = self._checks()
        values = [loss for points in (*drawn.values(), checks) for _, loss in points]
        top, bottom = max(values), min(0.0, *values)
        span = (top - bottom) or 1.0

        def position(step, value):
            return f"{step / self.total_steps * WIDTH:.1f},{HEIGHT - 4 - (value - bottom) / span * (HEIGHT - 8):.1f}"

        lines, notes = [], []
        for (name, points), (colour, dashes, mark) in zip(drawn.items(), LINES, strict=False):
            lines.append(
                f'<polyline points="{" ".join(position(*point) for point in points)}" fill="none" stroke="{colour}" '
                f'stroke-width="1.8" stroke-linejoin="round" stroke-dasharray="{dashes}"/>'
            )
            notes.append(f'<span style="color:{colour}">{mark}</span> {html.escape(name)}, from {points[0][1]:.2f}')
        for step, value in checks:
            x, y = position(step, value).split(",")
            lines.append(f'<circle cx="{x}" cy="{y}" r="3.2" fill="{ORANGE}"/>')
        if checks:
            notes.append(f'<span style="color:{ORANGE}">●</span> validation loss')
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
            f'aria-label="{html.escape(" and ".join(drawn))} so far" '
            'style="display:block;margin-top:4px;max-width:100%">'
            f'<line x1="0" y1="{HEIGHT - 1}" x2="{WIDTH}" y2="{HEIGHT - 1}" stroke="currentColor" '
            'stroke-opacity="0.35"/>'
            f"{''.join(lines)}</svg><div>{' · '.join(notes)}</div>"
        )

    def _checks(self) -> list[tuple[float, float]]:
        """(step, validation loss) of the epochs that have one, of at most some 60 of them."""
        every = math.ceil(len(self.rows) / 60) or 1
        return [
            ((i + 1) * self.total_steps / self.epochs, row["valid_loss"])
            for i, row in enumerate(self.rows)
            if i % every == every - 1 and math.isfinite(row.get("valid_loss", math.nan))
        ]

    def losses_in(self, history) -> dict[str, list[float]]:
        """The losses of each step that a history holds, by the names of the curves."""
        return {TRAINING: list(getattr(history, "losses", []))}

    def _final(self, history) -> None:
        for name, losses in self.losses_in(history).items():
            if len(losses) > 2:
                self.step = max(self.step, len(losses))
                self.curves.setdefault(name, Curve()).points = thinned(losses, self.step - len(losses))
        ran = clock(getattr(history, "seconds", 0) or time.perf_counter() - self._begun)
        stopped = "" if self.step >= self.total_steps else f" · stopped at step {self.step:,} of {self.total_steps:,}"
        last = figures_of(self.rows[-1], self.epochs) if self.rows else f"step {self.step:,} of {self.total_steps:,}"
        summary = f"{last} · {ran}{stopped}"
        if not (drawn := self._drawn()):
            output.publish({"text/plain": summary}, display_id=self._id, update=self.drawn > 0)
            return
        from mmcourse.show import style

        ranges = [f"{name} from {points[0][1]:.2f} to {points[-1][1]:.2f}" for name, points in drawn.items()]
        alt = f"Over {self.step:,} steps: {', '.join(ranges)}. {summary}."
        data, metadata = style.image_bundle(self._still(summary), alt + self._more_alt(), 640)
        output.publish(data | {"text/plain": summary}, metadata, display_id=self._id, update=self.drawn > 0)
        self.drawn += 1

    def _more_alt(self) -> str:
        """What the static image shows besides the curves, in words."""
        return ""

    def _still(self, summary: str) -> bytes:
        """The whole curves as a small PNG, their last values above them."""
        import matplotlib
        from matplotlib.figure import Figure

        from mmcourse.show import style

        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(6.4, 1.75), layout="constrained")
            self._plot(figure, summary)
            return style.small_png(style.pixels_of(figure))

    def _plot(self, figure, summary: str) -> None:
        """Draw the curves into a figure of matplotlib, or a part of one."""
        from mmcourse.show import style

        axis = figure.subplots()
        colours = style.PALETTE["blue"], style.PALETTE["vermillion"]
        for (name, points), colour, line in zip(self._drawn().items(), colours, ("-", "--"), strict=False):
            axis.plot(*zip(*points, strict=True), line, color=colour, linewidth=1.4, label=name)
        if self._checks():
            axis.plot(
                *zip(*self._checks(), strict=True),
                "o",
                color=style.PALETTE["orange"],
                markersize=4,
                clip_on=False,
                label="validation loss",
            )
        drawn = [loss for points in (*self._drawn().values(), self._checks()) for _, loss in points]
        axis.set_ylim(*style.with_room(min(0.0, *drawn), max(drawn)))
        axis.set_xlim(0, max(self.total_steps, self.step))
        axis.set_xlabel("step", fontsize=8)
        axis.set_ylabel("loss", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.set_title(wrapped(summary, 90), fontsize=8.6, fontweight="normal")
        figure.legend(fontsize=8, loc="outside right center")  # a flat loss would run through it anywhere inside


def wrapped(summary: str, width: int) -> str:
    """A summary in lines of at most `width` letters, broken between its parts, never inside one."""
    parts = [part.replace(" ", "\u00a0") for part in summary.split(" · ")]
    return textwrap.fill("\u00a0· ".join(parts), width, break_long_words=False, break_on_hyphens=False)


def thinned(losses: list[float], first: int = 0) -> list[tuple[int, float]]:
    """The losses of many steps as at most POINTS points (step, mean); values that are not finite are left out."""
    n = min(len(losses), POINTS)
    ends = [i * len(losses) // n for i in range(n + 1)] if n else [0]  # no short piece at the end: it would be a spike
    pieces = [(end, [x for x in losses[start:end] if math.isfinite(x)]) for start, end in pairwise(ends)]
    return [(first + end, sum(piece) / len(piece)) for end, piece in pieces if piece]


def figures_of(row: dict, epochs: int) -> str:
    """One epoch's results in a line: 'epoch 3 of 6 · loss 0.412 · accuracy 0.871 · validation accuracy 0.902'."""
    numbers = [
        f"{in_words(name)} {value:.3f}"
        for name, value in row.items()
        if name not in ("epoch", "step", "steps", "seconds", "lr") and isinstance(value, float)
    ]
    return " · ".join([f"epoch {row.get('epoch', '?')} of {epochs}", *numbers])


def in_words(column: str) -> str:
    """A column of a history in words: 'valid_accuracy' is 'validation accuracy'."""
    return column.replace("valid_", "validation ").replace("_", " ")


def clock(seconds: float) -> str:
    """'8 s', '2 min 05 s'."""
    seconds = round(seconds)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"
