"""The two-player game of a GAN in one dimension, as an animation of recorded training steps."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import torch
import traitlets

from mmcourse.show import style
from mmcourse.show.widgets.base import StaticImage, script

GRID, FRAMES, TICKS = 160, 300, 60  # positions on the axis, frames, samples drawn as ticks: at most
BANDWIDTH = 1 / 60  # of the kernel density estimate, as a fraction of the axis
TALLEST = 3  # the axis of densities ends at this multiple of the real data's; a collapsed generator is cut off there
OUTSIDE = 65_535  # the position of a tick that lies beyond the axis
NUMBERS = ("step", "discriminator_loss", "generator_loss")
COLOURS = {
    "real": style.PALETTE["blue"],
    "generated": style.PALETTE["vermillion"],
    "discriminator": style.INK,
    "paper": style.PAPER,
    "faint": style.FAINT,
}


def game(x, real, frames: Sequence[Mapping]) -> "Game":
    """A widget: real and generated density and the discriminator's output at recorded training steps, as an animation.

    x        (G,) increasing positions; real (G,) the density of the real data there
    frames   a mapping a recorded step: "step"; "samples" (n,) of the generator, or their "density" (G,);
             "discriminator" (G,), its output D(x), a probability or a critic's score; "discriminator_loss" and
             "generator_loss"

    The density of samples is a Gaussian kernel density estimate whose bandwidth is a 60th of the axis. Samples from the
    same latents in every frame are seen to move. Of more than 300 frames, 300 at equal distances are kept. ValueError
    for other shapes, missing entries and values that are not finite.
    """
    return Game(x, real, frames)


class Game(StaticImage):
    """The widget behind `game`. `frame` is the position of the frame shown; the animation starts paused."""

    _esm = script("controls.js") + script("game.js")
    data = traitlets.Dict().tag(sync=True)
    frame = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(self, x, real, frames):
        x, real = numbers(x, "x"), numbers(real, "real")
        if x.ndim != 1 or len(x) < 10 or real.shape != x.shape or not (np.diff(x) > 0).all():
            raise ValueError(
                f"x has shape {x.shape} and real {real.shape}; expected (G,) both, x increasing, 10 positions or more"
            )
        if real.min() < 0 or real.max() <= 0:
            raise ValueError(
                f"real has values from {real.min():.3g} to {real.max():.3g}; expected a density, 0 or more"
            )
        if len(frames) < 2:
            raise ValueError(f"there are {len(frames)} frames; expected two or more, one every few training steps")
        kept = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), FRAMES)).round().astype(int))
        frames = [checked_frame(frames[i], i, x) for i in kept]
        self.x = np.linspace(x[0], x[-1], GRID)
        self.real = np.interp(self.x, x, real)
        self.generated = np.stack([generated_density(frame, self.x, x) for frame in frames])
        self.discriminator = np.stack([np.interp(self.x, x, frame["discriminator"]) for frame in frames])
        self.told = {name: [float(frame[name]) for frame in frames] for name in NUMBERS}
        self.density_limit = rounded_up(max(self.real.max(), min(self.generated.max(), TALLEST * self.real.max())))
        low, high = float(self.discriminator.min()), float(self.discriminator.max())
        self.is_probability = low >= 0 and high <= 1
        margin = 0.05 * (high - low) or 0.5
        self.output_limits = (0.0, 1.0) if self.is_probability else (low - margin, high + margin)
        super().__init__(data=self._sent(frames))

    def _sent(self, frames: list[dict]) -> dict:
        """What the browser draws: a byte for each value of a curve, two for each tick."""
        low, high = self.output_limits
        ticks = [positions(frame.get("samples", np.zeros(0))[:TICKS], self.x) for frame in frames]
        count = min(map(len, ticks))
        return {
            "range": [float(self.x[0]), float(self.x[-1])],
            "grid": GRID,
            "real": as_bytes(self.real / self.density_limit),
            "generated": as_bytes(self.generated / self.density_limit),
            "discriminator": as_bytes((self.discriminator - low) / (high - low)),
            "ticks": np.stack([each[:count] for each in ticks]).astype("<u2").tobytes(),
            "count": count,
            "outside": [outside(frame.get("samples"), self.x) for frame in frames],
            "densityLimit": self.density_limit,
            "outputLimits": [low, high],
            "probability": self.is_probability,
            "step": [int(step) for step in self.told["step"]],
            "discriminatorLoss": [round(loss, 4) for loss in self.told["discriminator_loss"]],
            "generatorLoss": [round(loss, 4) for loss in self.told["generator_loss"]],
            "colours": COLOURS,
        }

    def still(self) -> tuple[bytes, str]:
        """The first frame, one in the middle and the last one, side by side."""
        from matplotlib.figure import Figure

        last = len(self.generated) - 1
        shown = list(dict.fromkeys((0, last // 2, last)))
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(style.WIDTH, 2.7), layout="constrained")
            panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
            for axis, frame in zip(panels, shown, strict=True):
                axis.fill_between(self.x, self.real, color=COLOURS["real"], alpha=0.25)
                axis.plot(self.x, self.real, color=COLOURS["real"], label="real data")
                axis.plot(self.x, self.generated[frame], color=COLOURS["generated"], label="generated")
                axis.set(ylim=(0, self.density_limit), xlabel="x", title=f"step {self.told['step'][frame]:,.0f}")
                output = axis.twinx()
                output.plot(self.x, self.discriminator[frame], "--", color=COLOURS["discriminator"], label="D(x)")
                output.set_ylim(*self.output_limits)
                output.grid(visible=False)
                if frame < last:
                    output.set_yticks([])
            output.set_ylabel("D(x)")
            panels[0].set_ylabel("density")
            handles = [*panels[0].get_lines(), *output.get_lines()]
            figure.legend(handles=handles, loc="outside upper center", ncols=3)
            png = style.small_png(style.pixels_of(figure, 1.25))
        first, final = ({name: self.told[name][i] for name in NUMBERS} for i in (0, last))
        return png, (
            f"The game of a GAN in one dimension from step {first['step']:,.0f} to {final['step']:,.0f}: density of "
            "real data, density of generated samples and D(x). At the end the discriminator's loss is "
            f"{final['discriminator_loss']:.2f} and the generator's {final['generator_loss']:.2f}. Run the cell to "
            "play the steps as an animation."
        )


def rounded_up(value: float) -> float:
    """The next larger of the round numbers 1, 1.2, 1.6, 2, 3, 4, 5, 6, 8 times a power of ten: an end for an axis."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(digit * power for digit in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if digit * power >= value))


def numbers(values, name: str) -> np.ndarray:
    """A tensor, array or list of numbers as float64; ValueError where one is not finite."""
    values = values.detach().cpu() if isinstance(values, torch.Tensor) else values
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite. Likely cause: a training run that diverged")
    return array


def checked_frame(frame: Mapping, position: int, x: np.ndarray) -> dict:
    """A frame's entries as numbers; ValueError for one that is missing or of another shape."""
    missing = [name for name in (*NUMBERS, "discriminator") if name not in frame]
    if ("samples" in frame) == ("density" in frame):
        missing.append("either samples or density")
    if missing:
        raise ValueError(
            f"frame {position} has {', '.join(map(str, frame)) or 'nothing'}; expected also {', '.join(missing)}"
        )
    expected = dict.fromkeys(NUMBERS, ()) | dict.fromkeys(("discriminator", "density"), x.shape)
    known = [name for name in (*expected, "samples") if name in frame]
    checked = {name: numbers(frame[name], f"{name} of frame {position}") for name in known}
    for name, shape in expected.items():
        if name in checked and checked[name].shape != shape:
            cause = (
                "a column (G, 1); squeeze it" if checked[name].squeeze().shape == shape else "values on another grid"
            )
            raise ValueError(
                f"{name} of frame {position} has shape {checked[name].shape}; expected {shape}. Likely cause: {cause}"
            )
    if "samples" in checked:
        if checked["samples"].ndim == 2 and checked["samples"].shape[1] == 1:
            checked["samples"] = checked["samples"][:, 0]
        if checked["samples"].ndim != 1 or len(checked["samples"]) == 0:
            raise ValueError(
                f"samples of frame {position} have shape {np.shape(frame['samples'])}; expected (n,). Likely cause: a "
                "generator of more than one dimension, or no samples"
            )
    return checked


def generated_density(frame: dict, grid: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The density of a frame's samples on the grid, by Gaussian kernels, or the density that it has.   (GRID,)"""
    if "density" in frame:
        return np.interp(grid, x, frame["density"])
    width = BANDWIDTH * (grid[-1] - grid[0])
    kernels = np.exp(-0.5 * ((grid[:, None] - frame["samples"]) / width) ** 2)
    return kernels.mean(axis=1) / (width * np.sqrt(2 * np.pi))


def positions(samples: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Samples as whole numbers from 0 to 65,534 along the axis; OUTSIDE for those beyond it."""
    fractions = (samples - grid[0]) / (grid[-1] - grid[0])
    inside = (fractions >= 0) & (fractions <= 1)
    return np.where(inside, np.round(fractions.clip(0, 1) * (OUTSIDE - 1)), OUTSIDE)


def outside(samples: np.ndarray | None, grid: np.ndarray) -> float:
    """The fraction of samples beyond the axis."""
    return 0.0 if samples is None else round(float(np.mean((samples < grid[0]) | (samples > grid[-1]))), 3)


def as_bytes(fractions: np.ndarray) -> bytes:
    """Values in [0, 1] as one byte each; those beyond are cut off."""
    return np.round(fractions.clip(0, 1) * 255).astype(np.uint8).tobytes()
