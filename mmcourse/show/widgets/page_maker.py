"""A page of the learner's own: choose its objects, then see its image, read its sentence and play its sound."""

import random

import torch
import traitlets

from mmcourse.picturebook.scene import (
    COLOURS,
    HELD_OUT_PAIRS,
    KINDS,
    OPPOSITE,
    RADIUS,
    RELATIONS,
    SIZES,
    TIMES,
    Scene,
    SceneObject,
)
from mmcourse.picturebook.sentence import describe, encode
from mmcourse.show import style
from mmcourse.show.figures.images import wrap
from mmcourse.show.players import as_samples, mp3
from mmcourse.show.widgets.base import StaticImage, script, to_image, to_jpeg

SIZE = 256
RATE = 16_000
START = {
    "kind": "fish",
    "colour": "red",
    "size": "big",
    "second": False,
    "relation": "above",
    "kind2": "boat",
    "colour2": "yellow",
    "size2": "small",
    "time": "day",
    "voice": "",
    "seed": 0,
}


def make_a_page(seed: int = 0) -> "PageMaker":
    """A widget: choose the objects, their relation, time of day and a voice; image, sentence and sound follow."""
    return PageMaker(seed)


class PageMaker(StaticImage):
    """The widget behind `make_a_page`. `choices` is what was chosen, `scene` the page, `sentence` its words."""

    _esm = script("page_maker.js")
    options = traitlets.Dict().tag(sync=True)
    choices = traitlets.Dict().tag(sync=True)
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, seed: int = 0):
        super().__init__()
        self._rng = random.Random(seed)
        voices = some_voices()
        self.options = {
            "kinds": KINDS,
            "colours": COLOURS,
            "sizes": SIZES,
            "relations": RELATIONS,
            "times": TIMES,
            "voices": voices,
        }
        self.observe(lambda _: self._make(), "choices")
        self.on_msg(self._asked)
        self.choices = START | {"seed": seed, "voice": voices[0] if voices else ""}

    def _asked(self, _widget, content, _buffers) -> None:
        if content.get("ask") == "surprise":
            pick = self._rng.choice
            kind, kind2 = self._rng.sample(KINDS, 2)
            self.choices = {
                "kind": kind,
                "colour": pick(COLOURS),
                "size": pick(SIZES),
                "second": pick((True, False)),
                "relation": pick(RELATIONS),
                "kind2": kind2,
                "colour2": pick(COLOURS),
                "size2": pick(SIZES),
                "time": pick(TIMES),
                "voice": pick(self.options["voices"] or [""]),
                "seed": self._rng.randrange(1000),
            }

    def _make(self) -> None:
        from mmcourse.picturebook.image import draw

        chosen = START | self.choices
        seed = int(chosen["seed"])
        self.scene = compose(chosen)
        self.sentence = describe(self.scene, seed)
        self.image = draw(self.scene, SIZE, seed)
        held_out = [f"{t.colour} {t.kind}" for t in self.scene.objects if (t.kind, t.colour) in HELD_OUT_PAIRS]
        page = {
            "image": to_jpeg(self.image),
            "sentence": self.sentence,
            "note": f"No training page has a {' or a '.join(held_out)}: this combination is held out."
            if held_out
            else "",
        }
        shapes = [
            ("image", shape(self.image), "channels, rows, columns"),
            ("text", shape(torch.tensor(encode(self.sentence))), "one number per word"),
        ]
        self.sound = None
        if chosen["voice"]:
            from mmcourse.picturebook.speech import speak

            self.sound = speak(self.sentence, chosen["voice"], seed)
            page["sound"] = mp3(as_samples(self.sound), RATE)
            shapes.append(("sound", shape(self.sound), "samples, 16,000 per second"))
        else:
            page["note"] = " ".join(
                filter(None, (page["note"], "There is no sound: the voice bank is missing (mmcourse doctor)."))
            )
        self.page = page | {"shapes": shapes}

    def still(self) -> tuple[bytes, str]:
        """The page, its sentence and the shapes of its modalities as a PNG."""
        import matplotlib
        from matplotlib.figure import Figure

        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(6.6, 2.2))
            axis = figure.add_axes((0.015, 0.05, 0.9 * 2.2 / 6.6, 0.9))
            axis.imshow(to_image(self.image))
            axis.set_axis_off()
            figure.text(0.36, 0.86, wrap(self.sentence, 3.4), fontsize=13, family="serif", va="top")
            rows = "\n".join(f"{what:<8} {size:<16} {axes}" for what, size, axes in self.page["shapes"])
            figure.text(0.36, 0.28, rows, fontsize=8.5, family="monospace", va="center")
            figure.text(0.36, 0.06, "Run this cell to make pages of your own.", fontsize=8.5, style="italic")
            png = style.small_png(style.pixels_of(figure, 1.25))
        return (
            png,
            f"A page maker. Its page: {self.sentence}. Run the cell to choose its objects and to play its sound.",
        )


def shape(tensor: torch.Tensor) -> str:
    """A shape as it is written: '(3, 256, 256)'."""
    return str(tuple(tensor.shape))


def some_voices(each: int = 6) -> list[str]:
    """A few voices to choose from: training, held-out and far ones; none where the voice bank is missing."""
    from mmcourse.picturebook.speech import voices

    try:
        return [
            name
            for group, n in (("train", each), ("held_out", 2), ("far", 2))
            for name in evenly_spaced(voices(group), n)
        ]
    except FileNotFoundError:
        return []


def evenly_spaced(names, count: int) -> list[str]:
    """`count` names taken at even distances."""
    return [names[i * len(names) // count] for i in range(min(count, len(names)))]


def compose(chosen: dict) -> Scene:
    """The scene of some choices, its objects in the middle of the page; ValueError for an unknown choice."""
    count = 2 if chosen["second"] else 1
    objects = [(chosen[f"kind{s}"], chosen[f"colour{s}"], chosen[f"size{s}"]) for s in ("", "2")[:count]]
    for _, _, size in objects:
        if size not in SIZES:
            raise ValueError(f"size is {size!r}; expected one of {', '.join(SIZES)}")
    radii = [sum(RADIUS[count][size]) / 2 for _, _, size in objects]
    if count == 1:
        return Scene((SceneObject(*objects[0], 0.5, 0.52, radii[0]),), None, chosen["time"])
    relation = chosen["relation"]
    if relation not in RELATIONS:
        raise ValueError(f"relation is {relation!r}; expected one of {', '.join(RELATIONS)}")
    apart = sum(radii) + 0.05
    first = 0.5 - apart / 2 + (radii[0] - radii[1]) / 2
    along = [first, first + apart]
    if relation in (OPPOSITE["left of"], OPPOSITE["above"]):
        along = [1 - position for position in along]
    positions = [(a, 0.52) if relation in ("left of", "right of") else (0.5, a) for a in along]
    return Scene(
        tuple(
            SceneObject(*item, *position, radius)
            for item, position, radius in zip(objects, positions, radii, strict=True)
        ),
        relation,
        chosen["time"],
    )
