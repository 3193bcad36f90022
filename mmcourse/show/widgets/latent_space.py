"""Interpolate in a latent space between two examples' codes, and move along two directions."""

from collections.abc import Callable, Mapping

import matplotlib
import torch
import traitlets
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.figures.images import for_matplotlib
from mmcourse.show.figures.spectrogram import spectrogram_of
from mmcourse.show.players import as_samples, data_url, mp3
from mmcourse.show.widgets.base import StaticImage, script
from mmcourse.show.widgets.decoded import call, check_decoded, to_png
from mmcourse.show.widgets.spectrogram import RANGE, as_png

MOST_EXAMPLES, MOST_CODES = 40, 2000
REACH = 3.0  # how far the sliders of the directions go, to each side
STILLS = {"image": 7, "sound": 3}  # positions from A to B in the static image


def latent_space(
    decode: Callable[[Tensor], Tensor],
    examples: Mapping[str, Tensor],
    kind: str = "image",
    codes: Tensor | None = None,
    directions: str | tuple[int, int] | None = "principal",
    to_sound: Callable[[Tensor], Tensor] | None = None,
    rate: int = 16_000,
) -> "LatentSpace":
    """A widget: interpolate between the codes of two examples, move along two directions, and see or play the result.

    decode      codes (B, *code) to images (B, 3, S, S) or (B, 1, S, S) in [0, 1]; with kind="sound" to log-mels
                (B, M, T), or to waveforms (B, samples) where there is no `to_sound`
    examples    name -> code, all of one shape: (D,) or any other; of a VAE the posterior means
    codes       (N, *code), the codes whose principal directions are taken; those of the examples unless given
    directions  "principal"; or (i, j), two positions of the flattened code that the sliders are added to; or None
    to_sound    log-mels (1, M, T) to waveforms (1, samples), such as LogMel.inverse; called when Play is pressed
    rate        samples a second of the waveforms

    Of a module, or of a method of one, evaluation mode is set. ValueError where the parts do not fit.
    """
    return LatentSpace(decode, examples, kind, codes, directions, to_sound, rate)


class LatentSpace(StaticImage):
    """The widget behind `latent_space`.

    The code shown is (1 - t) A + t B + x d1 + y d2: t is `position`, (x, y) is `direction`, and a principal direction
    d has the length of one standard deviation. `code` is that code, `decoded` what it was decoded to.
    """

    _esm = script("controls.js") + script("latent_space.js")
    kind = traitlets.Unicode("image").tag(sync=True)
    names = traitlets.List().tag(sync=True)
    thumbnails = traitlets.List().tag(sync=True)
    axes = traitlets.List().tag(sync=True)  # the names of both directions; none: interpolation only
    a = traitlets.Unicode().tag(sync=True)
    b = traitlets.Unicode().tag(sync=True)
    position = traitlets.Float(0.0, min=0.0, max=1.0).tag(sync=True)
    direction = traitlets.List([0.0, 0.0]).tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    sound = traitlets.Dict().tag(sync=True)

    def __init__(self, decode, examples, kind, codes, directions, to_sound, rate):
        if kind not in STILLS:
            raise ValueError(f"kind is {kind!r}; expected 'image' or 'sound'")
        self.decode, self.to_sound, self.rate = decode, to_sound, rate
        self.codes = checked_codes(examples)
        names = list(self.codes)
        self.steps, axes = steps_of(directions, torch.stack(list(self.codes.values())), codes)
        decoded = call(decode, torch.stack(list(self.codes.values())))
        check_decoded(decoded, len(names), kind)
        if kind == "sound" and (decoded.dim() == 3) != (to_sound is not None):
            raise ValueError(
                f"decode gave shape {tuple(decoded.shape)} and to_sound is {'not ' * (to_sound is None)}given; "
                "expected log-mels (B, M, T) with to_sound, or waveforms (B, samples) without"
            )
        self.levels = (0.0, 1.0)
        if kind == "sound":
            self.levels = level_range(decoded, rate)
            mp3(as_samples(self.waveform(self.codes[names[0]])), rate)  # an error while Play is pressed stays unseen
        super().__init__(kind=kind, names=names, axes=axes, a=names[0], b=names[1])
        self.thumbnails = [self._picture(each) for each in decoded]
        self._count = 0
        self._update()
        self.observe(self._update, ("a", "b", "position", "direction"))
        self.on_msg(self._asked)

    @traitlets.validate("a", "b")
    def _known(self, proposal):
        if proposal["value"] not in self.codes:
            raise traitlets.TraitError(f"there is no example {proposal['value']!r}; expected {', '.join(self.codes)}")
        return proposal["value"]

    @property
    def code(self) -> Tensor:
        """The code that is decoded now."""
        return self._code_at(self.position)

    def _code_at(self, position: float) -> Tensor:
        code = (1 - position) * self.codes[self.a] + position * self.codes[self.b]
        for amount, step in zip(self.direction, self.steps, strict=False):
            code = code + min(max(float(amount), -REACH), REACH) * step
        return code

    def _update(self, _change=None) -> None:
        self.decoded = call(self.decode, self.code[None])[0]
        self._count += 1  # an equal picture is an answer too
        self.result = {"picture": self._picture(self.decoded), "count": self._count}

    def _picture(self, decoded: Tensor) -> bytes:
        """An image, or the spectrogram of a sound, as PNG bytes."""
        return to_png(decoded) if self.kind == "image" else as_png(self._levels(decoded))

    def _levels(self, decoded: Tensor) -> Tensor:
        """The spectrogram of a decoded sound, scaled to [-RANGE, 0] over all examples."""
        low, high = self.levels
        return ((spectrogram(decoded, self.rate) - high) / (high - low) * RANGE).clamp(-RANGE, 0)

    def _asked(self, _widget, content: dict, _buffers) -> None:
        codes = {"a": self.codes[self.a], "b": self.codes[self.b], "code": self.code}
        if content.get("ask") == "sound" and content.get("of") in codes:
            samples = self.waveform(codes[content["of"]])
            self._count += 1
            self.sound = {"url": data_url(as_samples(samples), self.rate), "count": self._count}

    def waveform(self, code: Tensor) -> Tensor:
        """The sound that a code stands for.   (*code) -> (samples,)"""
        with torch.random.fork_rng(devices=[]):  # Griffin-Lim starts from random phases
            torch.default_generator.manual_seed(0)  # the CPU's, where to_sound runs; torch.manual_seed seeds GPUs too
            decoded = call(self.decode, code[None])
            return (call(self.to_sound, decoded) if self.to_sound else decoded)[0]

    def still(self) -> tuple[bytes, str]:
        """The interpolation between the two examples, as a row of images or spectrograms."""
        from matplotlib.figure import Figure

        positions = torch.linspace(0, 1, STILLS[self.kind]).tolist()
        decoded = call(self.decode, torch.stack([self._code_at(position) for position in positions]))
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(style.WIDTH, 1.75), layout="constrained")
            for axis, position, each in zip(figure.subplots(1, len(positions)), positions, decoded, strict=True):
                axis.set_axis_off()
                axis.set_title(f"t = {position:.2f}", fontsize=9, fontweight="normal")
                if self.kind == "image":
                    axis.imshow(for_matplotlib(each), interpolation="bicubic")
                else:
                    levels = self._levels(each).numpy()
                    axis.imshow(levels, origin="lower", aspect="auto", cmap=style.SEQUENTIAL, vmin=-RANGE, vmax=0)
            figure.suptitle(f"from '{self.a}' to '{self.b}'", fontsize=10)
            pixels = style.pixels_of(figure, 1.25 if self.kind == "image" else 1.0)
        shown = "images" if self.kind == "image" else "spectrograms"
        return style.small_jpeg(pixels) if self.kind == "image" else style.small_png(pixels), (
            f"A latent space: {len(positions)} decoded {shown} at equal steps from the code of '{self.a}' to the code "
            f"of '{self.b}'. Run the cell to choose two examples and to move between them."
        )


def checked_codes(examples: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The codes of the examples as float32; ValueError where they are too few, of several shapes or not finite."""
    if not isinstance(examples, Mapping) or not 2 <= len(examples) <= MOST_EXAMPLES:
        what = f"{len(examples)} entries" if isinstance(examples, Mapping) else type(examples).__name__
        raise ValueError(f"examples: {what}; expected a mapping of 2 to {MOST_EXAMPLES} names to codes")
    codes = {str(name): torch.as_tensor(code).detach().float().cpu() for name, code in examples.items()}
    shapes = {name: tuple(code.shape) for name, code in codes.items()}
    if len(set(shapes.values())) > 1 or () in shapes.values():
        listed = ", ".join(f"{name}: {shape}" for name, shape in list(shapes.items())[:4])
        raise ValueError(
            f"the codes have shapes {listed}; expected one shape, such as (D,). Likely cause: codes with and without "
            "a batch dimension"
        )
    if not all(code.isfinite().all() for code in codes.values()):
        raise ValueError("the codes hold values that are not finite. Likely cause: a training run that diverged")
    return codes


def steps_of(directions, examples: Tensor, codes: Tensor | None) -> tuple[list[Tensor], list[str]]:
    """What one unit of each direction adds to a code, and the names of the directions.   examples (n, *code)"""
    shape = examples.shape[1:]
    if directions is None:
        return [], []
    if directions == "principal":
        source = examples if codes is None else torch.as_tensor(codes).detach().float().cpu()
        if source.shape[1:] != shape:
            raise ValueError(
                f"codes have shape {tuple(source.shape)}; expected (N, {', '.join(map(str, shape))}), as the examples"
            )
        return principal_steps(source), ["principal direction 1", "principal direction 2"]
    size = shape.numel()
    two = isinstance(directions, tuple | list) and len(directions) == 2
    if not two or not all(isinstance(i, int) and 0 <= i < size for i in directions):
        raise ValueError(
            f"directions are {directions!r}; expected 'principal', None or two positions of a code of {size} numbers"
        )
    return list(torch.eye(size)[list(directions)].view(2, *shape)), [f"dimension {i}" for i in directions]


def principal_steps(codes: Tensor) -> list[Tensor]:
    """The two principal directions of codes (N, *code), each as long as one standard deviation along it."""
    flat = codes[:MOST_CODES].flatten(1)
    _, values, rows = torch.linalg.svd(flat - flat.mean(dim=0), full_matrices=False)
    if len(values) < 2 or values[1] < 1e-4 * values[0].clamp(min=1e-12):
        raise ValueError(
            f"{len(flat)} codes of {flat.shape[1]} numbers vary in fewer than two directions; expected two principal "
            "directions. Likely cause: too few examples; give `codes` of many, or directions=None"
        )
    steps = rows[:2] * (values[:2, None] / (len(flat) - 1) ** 0.5)
    signs = steps.gather(1, steps.abs().argmax(dim=1, keepdim=True)).sign()  # a direction has no sign of its own
    return list((steps * signs).view(2, *codes.shape[1:]))


def spectrogram(decoded: Tensor, rate: int) -> Tensor:
    """Log-mels as they are; the spectrogram of a waveform in decibels.   (M, T) or (samples,) -> (rows, columns)"""
    return decoded if decoded.dim() == 2 else spectrogram_of(decoded, rate)


def level_range(decoded: Tensor, rate: int) -> tuple[float, float]:
    """The levels that get the darkest and the brightest colour, over all decoded examples."""
    levels = torch.stack([spectrogram(each, rate) for each in decoded])
    high = float(levels.max())
    low = float(levels.min()) if decoded.dim() == 3 else high - RANGE
    return low, max(high, low + 1e-6)
