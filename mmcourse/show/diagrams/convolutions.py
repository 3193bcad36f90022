"""Convolution on numbers, and how the receptive field grows over layers."""

import math
from collections.abc import Sequence

import numpy as np

from mmcourse.show.diagrams.canvas import SMALL, Canvas, Rect, measure
from mmcourse.show.diagrams.diagram import Diagram
from mmcourse.show.diagrams.nodes import KINDS, QUIET
from mmcourse.show.diagrams.sheet import MARGIN

CELL = 0.26  # inches
LEVEL = 0.55  # between layers


def convolution(
    size: int = 7, kernel: Sequence[Sequence[int]] = ((1, 0, -1),) * 3, stride: int = 2, row: int = 1, column: int = 1
) -> None:
    """Display a convolution of a small image of whole numbers, and how one number of its output comes about.

    row, column  of that number in the output; its window is dark, the one before it lighter: they are `stride` apart
    """
    weights = np.asarray(kernel)
    k = len(weights)
    if weights.shape != (k, k) or not 1 <= k <= size <= 8:
        raise ValueError(
            f"the kernel has shape {weights.shape}, the image {size} rows; expected a square kernel no larger than the "
            "image, and an image of at most 8 rows"
        )
    if stride < 1:
        raise ValueError(f"stride is {stride}; expected at least 1")
    n = (size - k) // stride + 1
    if not (0 <= row < n and 0 <= column < n):
        raise ValueError(f"the number in row {row}, column {column} was asked for; the output is {n} by {n}")
    image = np.add.outer(3 * np.arange(size), np.arange(size) ** 2) % 5
    windows = np.lib.stride_tricks.sliding_window_view(image, (k, k))[::stride, ::stride]
    output = (windows * weights).sum(axis=(2, 3))
    seen, made = np.zeros((size, size)), np.zeros((n, n))
    for there, shade in ((column - 1, 0.25), (column, 1.0)):
        if there >= 0:
            seen[row * stride : row * stride + k, there * stride : there * stride + k] = shade
            made[row, there] = shade
    terms = [f"{'+' if x > 0 else '-'} {abs(x)}" for x in (windows[row, column] * weights).ravel() if x] or ["0"]
    terms[0] = terms[0].replace(" ", "").lstrip("+")
    worked = f"{' '.join(terms)} = {output[row, column]}".replace("-", "−")
    d = Diagram(
        f"A convolution with a kernel of {k} by {k} and stride {stride}: a window of the input, multiplied by the "
        f"kernel and summed, gives one number of the output, {worked}."
    )
    for i, (name, numbers, shades) in enumerate(
        (("input", image, seen), ("kernel", weights, np.zeros((k, k))), ("output", output, made))
    ):
        texts = [[str(x).replace("-", "−") for x in line] for line in numbers]
        title = f"{name} {numbers.shape[0]} × {numbers.shape[1]}"
        d.grid(name, at=(2 * i, 0), cells=shades, texts=texts, title=title, cell=0.3)
    d.block("by", at=(1, 0), label="∗", kind="operation")
    d.block("gives", at=(3, 0), label="=", kind="operation")
    d.block("note", at=(2, 1), label=f"stride {stride}: the window moves by {stride}, from light to dark;   {worked}",
            kind="text")  # fmt: skip
    d.show()


def receptive_field(kernels: Sequence[int] = (3, 3, 3), strides: Sequence[int] = (1, 2, 1)) -> None:
    """Display, in one dimension, what one value of the last of 1 to 4 layers depends on: its receptive field."""
    if not 1 <= len(kernels) <= 4 or len(kernels) != len(strides) or min(*kernels, *strides) < 1:
        raise ValueError(f"kernels are {tuple(kernels)}, strides {tuple(strides)}; expected 1 to 4 of each, from 1 on")
    counts = [1]  # cells that are marked, from the input up
    for k, step in zip(reversed(kernels), reversed(strides), strict=True):
        counts.insert(0, (counts[0] - 1) * step + k)
    spacing = [math.prod(strides[:level]) for level in range(len(counts))]  # between neighbours, in inputs
    grown = [(k - 1) * step for k, step in zip(kernels, spacing, strict=False)]
    fields = [1 + sum(grown[:level]) for level in range(len(counts))]
    notes = ["input"] + [
        f"layer {level}: kernel {k}, stride {s}, receptive field {field}"
        for level, (k, s, field) in enumerate(zip(kernels, strides, fields[1:], strict=True), 1)
    ]
    wide, side = (counts[0] + 2) * CELL, max(measure(note, SMALL)[0] for note in notes)
    canvas = Canvas(2 * MARGIN + wide + 0.25 + side, 2 * MARGIN + CELL + LEVEL * len(kernels))
    cells = []
    for level, marked in enumerate(counts):
        y = canvas.sheet.bottom - MARGIN - CELL / 2 - level * LEVEL
        middle = MARGIN + wide / 2
        step = spacing[level] * CELL
        extra = 1 if middle - ((marked - 1) / 2 + 1) * step - CELL / 2 >= MARGIN - 0.01 else 0
        cells.append([])
        for i in range(-extra, marked + extra):
            x = middle + (i - (marked - 1) / 2) * step
            inside = 0 <= i < marked
            fill, edge = KINDS["layer" if inside else "data"]
            rect = Rect(x - CELL / 2, y - CELL / 2, x + CELL / 2, y + CELL / 2).grown(-0.02)
            canvas.box(rect, f"{notes[level]}, {i}", fill, edge if inside else QUIET, 1.2)
            if inside:
                cells[-1].append((f"{notes[level]}, {i}", x, rect))
        canvas.text(MARGIN + wide + 0.25 + measure(notes[level], SMALL)[0] / 2, y, notes[level], SMALL)
    for level, (k, s) in enumerate(zip(kernels, strides, strict=True), 1):
        for i, (name, x, rect) in enumerate(cells[level]):
            for below, below_x, there in cells[level - 1][i * s : i * s + k]:
                canvas.line([(x, rect.bottom), (below_x, there.top)], name, (name, below), QUIET, head=False)
    canvas.show(f"The receptive field of one value of layer {len(kernels)}: it depends on {counts[0]} inputs. Diagram: "
                f"{'; '.join(notes)}.")  # fmt: skip
