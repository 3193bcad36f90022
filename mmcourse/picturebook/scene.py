"""The content of a page: one or two objects, their relation, and the time of day.

The splits are defined here, since held-out combinations are a property of scenes: `held_out_pairs` uses only
combinations of kind and colour that no other split contains.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from mmcourse.picturebook.streams import stream
from mmcourse.renamed import names_of, new_value, old_keywords

KINDS = (
    "apple",
    "bird",
    "boat",
    "car",
    "cat",
    "fish",
    "flower",
    "heart",
    "house",
    "moon",
    "rocket",
    "star",
    "tree",
    "umbrella",
)
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SIZES = ("small", "big")
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
TIMES = ("morning", "day", "evening", "night")

SPLITS = ("train", "valid", "test", "held_out_pairs", "held_out_voices", "held_out_phrasings", "far_voices")

# Three of the eight colours of every kind are held out; each colour is missing from five or six kinds.
HELD_OUT_PAIRS = frozenset(
    (kind, COLOURS[(3 * i + i // 8 + away) % 8]) for i, kind in enumerate(KINDS) for away in (0, 2, 4)
)
SEEN_PAIRS = tuple((k, c) for k in KINDS for c in COLOURS if (k, c) not in HELD_OUT_PAIRS)

RADIUS = {1: {"small": (0.15, 0.19), "big": (0.30, 0.38)}, 2: {"small": (0.115, 0.14), "big": (0.19, 0.225)}}
MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One object on a page: its attributes, and its centre (x, y) and radius as fractions of the page, y downwards."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    radius: float

    def __post_init__(self):
        for name, value, known in (
            ("kind", self.kind, KINDS),
            ("colour", self.colour, COLOURS),
            ("size", self.size, SIZES),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; expected one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts of a page. `relation` means 'objects[0] is RELATION objects[1]'; None for a single object."""

    objects: tuple[SceneObject, ...]
    relation: str | None = None
    time: str = "day"

    def __post_init__(self):
        if len(self.objects) not in (1, 2):
            raise ValueError(f"a scene has one or two objects, not {len(self.objects)}")
        if (self.relation in RELATIONS) != (len(self.objects) == 2) or (len(self.objects) == 1 and self.relation):
            raise ValueError(
                f"relation is {self.relation!r} for {len(self.objects)} object(s); two objects need one of "
                f"{', '.join(RELATIONS)}, a single object has none"
            )
        if self.time not in TIMES:
            raise ValueError(f"time is {self.time!r}; expected one of {', '.join(TIMES)}")


def check_split(split: str) -> None:
    """ValueError for an unknown split."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected one of {', '.join(SPLITS)}")


@old_keywords
def imagine(split: str, page: int, objects: int = 1, seed: int = 0) -> Scene:
    """The scene on one page of a split: the same for the same arguments, independent of the other pages."""
    split = new_value("split", split)
    rng = stream("scene", split, page, objects, seed)
    pairs = sorted(HELD_OUT_PAIRS) if split == "held_out_pairs" else SEEN_PAIRS
    time = rng.choice(TIMES)
    chosen = [rng.choice(pairs)]
    relation = None
    if objects == 2:
        chosen.append(rng.choice([pair for pair in pairs if pair[0] != chosen[0][0]]))
        relation = rng.choice(RELATIONS)
    elif objects != 1:
        raise ValueError(f"objects is {objects}; a page shows one or two")
    return arrange([(kind, colour, rng.choice(SIZES)) for kind, colour in chosen], relation, time, rng)


def arrange(objects: Sequence[tuple[str, str, str]], relation: str | None, time: str, rng: random.Random) -> Scene:
    """A scene of these (kind, colour, size), placed at random so that the relation is true and unambiguous.

    Two objects are separated along the axis of their relation and shifted across it by at most a sixth of that, so
    that no other relation holds as well.
    """
    radii = [rng.uniform(*RADIUS[len(objects)][size]) for _, _, size in objects]
    if len(objects) == 1:
        room = 0.5 - radii[0] - MARGIN
        positions = [(0.5 + rng.uniform(-room, room), 0.5 + rng.uniform(-room, room))]
    else:
        apart = sum(radii) + rng.uniform(0.01, 0.05)
        room = 0.5 - MARGIN - (apart + sum(radii)) / 2
        middle = 0.5 + rng.uniform(-room, room) + (radii[0] - radii[1]) / 2
        along = [middle - apart / 2, middle + apart / 2]
        shift = rng.uniform(-apart / 6, apart / 6)
        room = max(0.0, 0.5 - MARGIN - max(radii) - abs(shift))
        centre = 0.5 + rng.uniform(-room, room)
        across = [centre - shift, centre + shift]
        if relation in ("right of", "below"):
            along = [1 - position for position in along]
        positions = list(zip(along, across, strict=True))
        if relation in ("above", "below"):
            positions = [(x, y) for y, x in positions]
    return Scene(
        tuple(
            SceneObject(*item, *position, radius)
            for item, position, radius in zip(objects, positions, radii, strict=True)
        ),
        relation,
        time,
    )


__getattr__ = names_of(__name__)
