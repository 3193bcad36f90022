"""Flow matching (Lipman et al. 2023) and classifier-free guidance (Ho and Salimans 2022), drawn in two dimensions."""

import numpy as np

from mmcourse.show import style
from mmcourse.show.diagrams.canvas import SIZE, SMALL, Canvas, Rect, measure, mix
from mmcourse.show.diagrams.nodes import KINDS, QUIET
from mmcourse.show.diagrams.plane import Plane, euler_path, velocities
from mmcourse.show.diagrams.sheet import MARGIN

NOISE, DATA, VELOCITY = QUIET, style.PALETTE["blue"], KINDS["loss"][1]
LIGHT, SPREAD = mix(QUIET, "#FFFFFF", 0.45), 0.22  # colour of paths; standard deviation of a cluster
SIDE, GAP = 2.45, 0.14  # of a panel; between panels
REACH = (-3.4, 3.4)


def flow_matching(steps: int = 8) -> None:
    """Display flow matching in two dimensions: training pairs, the learned velocity at t = 0.5, samples by Euler steps.

    steps  of Euler's method, 1 to 50. The data lie in six clusters; their velocity is exact, not trained
    """
    if not 1 <= steps <= 50:
        raise ValueError(f"steps is {steps}; expected 1 to 50 Euler steps")
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * (np.arange(6) + 0.25) / 6
    centres = 2.5 * np.stack([np.cos(angles), np.sin(angles)], 1)  # (6, 2)
    data = (centres[:, None] + SPREAD * rng.standard_normal((6, 10, 2))).reshape(-1, 2)
    noise = rng.standard_normal((30, 2))
    titles = ("1  training pairs", "2  learned velocity, t = 0.5", "3  samples: " + _counted(steps, "Euler step"))
    canvas = Canvas(2 * MARGIN + 3 * SIDE + 2 * GAP, 2 * MARGIN + SIDE + 0.58)
    panels = []
    for i, title in enumerate(titles):
        left, top = MARGIN + i * (SIDE + GAP), MARGIN + 0.28
        canvas.text(left + measure(title, SMALL, "bold")[0] / 2, MARGIN + 0.1, title, SMALL, "bold")
        panels.append(Plane(canvas, Rect(left, top, left + SIDE, top + SIDE), REACH, REACH))
        panels[-1].dots(data, DATA, 5)
    pairs, field, samples = panels
    for start, end in zip(noise[:8], data[5::7], strict=False):
        pairs.path([start, end], LIGHT)
    pairs.dots(noise[:8], NOISE, 14)
    start, end = np.array([-1.0, -0.9]), centres[0]
    middle = 0.5 * start + 0.5 * end
    pairs.path([start, end], style.INK, 1.4)
    pairs.dots([start], NOISE, 34)
    pairs.dots([end], DATA, 34)
    pairs.arrow(middle, middle + 0.3 * (end - start), VELOCITY, 2.4, 12)
    pairs.dots([middle], VELOCITY, 34)
    for point, name, where in ((start, "$x_0$", "left"), (end, "$x_1$", "right"), (middle, "$x_t$", "right")):
        pairs.text(point, name, where, size=SIZE)
    grid = np.stack(np.meshgrid(np.linspace(-2.8, 2.8, 8), np.linspace(-2.8, 2.8, 8)), -1).reshape(-1, 2)
    for point, velocity in zip(grid, velocities(grid, 0.5, centres, SPREAD), strict=True):
        field.arrow(point, point + 0.26 * velocity, VELOCITY, 1.1, 6)
    paths = euler_path(noise, centres, SPREAD, steps)  # (steps + 1, 30, 2)
    for k in range(paths.shape[1]):
        samples.path(paths[:, k], LIGHT)
    samples.dots(paths[0], NOISE, 10)
    samples.dots(paths[-1], "#FFFFFF", 18, VELOCITY)
    filled = [("noise $x_0$", NOISE, "o"), ("data $x_1$", DATA, "o"), ("velocity $x_1 - x_0$", VELOCITY, ">")]
    _legend(canvas, [*((text, fill, "none", marker) for text, fill, marker in filled),
                     ("sample", "#FFFFFF", VELOCITY, "o")])  # fmt: skip
    canvas.show(
        "Flow matching in two dimensions, from noise in the centre to data in six clusters. Diagram: 1 training pairs, "
        "a point x t on the straight line from noise x 0 to data x 1, and its velocity x 1 - x 0; 2 the learned "
        "velocity at t = 0.5, the mean over all pairs that pass a point, leads to the clusters; 3 "
        f"{_counted(steps, 'Euler step')} along the velocity from noise, which end in samples."
    )


def guidance(scale: float = 3.0) -> None:
    """Display classifier-free guidance as vectors: the conditional velocity, extrapolated from the unconditional one.

    scale  from 1.5 to 5
    """
    if not 1.5 <= scale <= 5:
        raise ValueError(f"scale is {scale}; expected 1.5 to 5, so that the vectors can be told apart")
    without, given = np.array([1.6, 0.0]), np.array([1.6, 0.62])
    guided = without + scale * (given - without)
    high = guided[1] + 0.2
    unit = min(0.95, 3.0 / high)  # inches
    wide = 5.8
    canvas = Canvas(2 * MARGIN + wide, 2 * MARGIN + unit * (high + 0.32))
    plane = Plane(canvas, Rect(MARGIN, MARGIN, MARGIN + wide, canvas.sheet.bottom - MARGIN),
                  (-0.25, wide / unit - 0.25), (-0.32, high), frame=False)  # fmt: skip
    blue, start = KINDS["layer"][1], np.zeros(2)
    plane.arrow(without, guided, QUIET, 1.4, 9, (0, (4, 2)))
    plane.arrow(start, without, QUIET, 2.2, 12)
    plane.arrow(start, given, blue, 2.2, 12)
    plane.arrow(start, guided, VELOCITY, 2.2, 12)
    plane.dots([start], style.INK, 34)
    plane.text(start, "$x_t$", "below", size=SIZE)
    number = f"{scale:g}"
    plane.text(without, "without the sentence: $v_\\varnothing$   (scale 0)", colour=QUIET, size=SIZE)
    plane.text(given, "with the sentence: $v_c$   (scale 1)", colour=blue, size=SIZE)
    formula = f"guided: $v_\\varnothing + {number}\\,(v_c - v_\\varnothing)$   (scale {number})"
    plane.text(guided, formula, colour=VELOCITY, size=SIZE)
    canvas.show(
        "Classifier-free guidance: the step goes farther in the direction in which the sentence changes the velocity. "
        "Diagram: three vectors from the point x t, the velocity without the sentence (scale 0), the velocity with the "
        f"sentence (scale 1), and the guided velocity, {number} times as far from the first as the second."
    )


def _counted(n: int, name: str) -> str:
    return f"{n} {name}{'s' * (n != 1)}"


def _legend(canvas: Canvas, entries: list[tuple[str, str, str, str]]) -> None:
    x, y = MARGIN + 0.08, canvas.sheet.bottom - MARGIN - 0.07
    for text, fill, edge, marker in entries:
        canvas.axes.scatter([x], [y], s=26, c=fill, edgecolors=edge, linewidths=1.0, marker=marker)
        wide = measure(text, SMALL)[0]
        canvas.text(x + 0.1 + wide / 2, y, text, SMALL, colour=QUIET)
        x += wide + 0.42
