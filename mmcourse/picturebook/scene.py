"""What is on a page: one or two things, how they stand to each other, and the time of day.

The splits live here, because what they hold out is a property of scenes: `unseen_pairs` uses only
kind x colour pairs that no other split ever shows.
"""

import random
import zlib
from dataclasses import dataclass

KINDS = ("apple", "bird", "boat", "car", "cat", "fish", "flower", "heart", "house", "moon", "rocket", "star", "tree",
         "umbrella")
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
SIZES = ("small", "big")
RELATIONS = ("left of", "right of", "above", "below")
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
TIMES = ("morning", "day", "evening", "night")

SPLITS = ("train", "valid", "test", "unseen_pairs", "unseen_voices", "unseen_wordings", "far_voices")

# One colour of every kind is held out, so that each colour is missing from one or two kinds only.
HELD_OUT_PAIRS = frozenset((kind, COLOURS[(3 * i + i // 8) % 8]) for i, kind in enumerate(KINDS))
SEEN_PAIRS = tuple((k, c) for k in KINDS for c in COLOURS if (k, c) not in HELD_OUT_PAIRS)

RADIUS = {1: {"small": (0.15, 0.19), "big": (0.30, 0.38)}, 2: {"small": (0.115, 0.14), "big": (0.19, 0.225)}}
MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing on a page: what it is, and its centre (x, y) and radius as fractions of the page, y downwards."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    radius: float

    def __post_init__(self):
        for name, value, known in (("kind", self.kind, KINDS), ("colour", self.colour, COLOURS),
                                   ("size", self.size, SIZES)):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; expected one of {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class Scene:
    """A page's truth. `relation` is read 'things[0] is RELATION things[1]', and None for a single thing."""

    things: tuple[Thing, ...]
    relation: str | None = None
    time: str = "day"

    def __post_init__(self):
        if len(self.things) not in (1, 2):
            raise ValueError(f"a scene has one or two things, not {len(self.things)}")
        if (self.relation in RELATIONS) != (len(self.things) == 2) or (len(self.things) == 1 and self.relation):
            raise ValueError(f"relation is {self.relation!r} for {len(self.things)} thing(s); two things need one of "
                             f"{', '.join(RELATIONS)}, a single thing has none")
        if self.time not in TIMES:
            raise ValueError(f"time is {self.time!r}; expected one of {', '.join(TIMES)}")


def stream(*key) -> random.Random:
    """A random stream of its own for this key, the same on every machine."""
    return random.Random(zlib.crc32(repr(key).encode()))


def check_split(split: str) -> None:
    """ValueError for a name that is no split."""
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; expected one of {', '.join(SPLITS)}")


def imagine(split: str, page: int, things: int = 1, seed: int = 0) -> Scene:
    """The scene on one page of a split: the same for the same arguments, whatever else the book holds."""
    rng = stream("scene", split, page, things, seed)
    pairs = sorted(HELD_OUT_PAIRS) if split == "unseen_pairs" else SEEN_PAIRS
    time = rng.choice(TIMES)
    if things == 1:
        kind, colour = rng.choice(pairs)
        size = rng.choice(SIZES)
        radius = rng.uniform(*RADIUS[1][size])
        room = 0.5 - radius - MARGIN
        return Scene((Thing(kind, colour, size, 0.5 + rng.uniform(-room, room), 0.5 + rng.uniform(-room, room), radius),),
                     None, time)
    if things != 2:
        raise ValueError(f"things is {things}; a page shows one or two")
    first = rng.choice(pairs)
    second = rng.choice([pair for pair in pairs if pair[0] != first[0]])
    relation = rng.choice(RELATIONS)
    sizes = [rng.choice(SIZES) for _ in range(2)]
    radii = [rng.uniform(*RADIUS[2][size]) for size in sizes]
    gap = rng.uniform(0.01, 0.05)
    apart = radii[0] + radii[1] + gap
    # Along the axis of the relation the two stand apart; across it they may shift by a third of that, so that the
    # relation that is told is always the plainest one.
    along_room = 0.5 - MARGIN - (apart + radii[0] + radii[1]) / 2
    middle = 0.5 + rng.uniform(-along_room, along_room) + (radii[0] - radii[1]) / 2
    along = [middle - apart / 2, middle + apart / 2]
    shift = rng.uniform(-apart / 6, apart / 6)
    across_room = max(0.0, 0.5 - MARGIN - max(radii) - abs(shift))
    centre = 0.5 + rng.uniform(-across_room, across_room)
    across = [centre - shift, centre + shift]
    if relation in ("right of", "below"):
        along[0], along[1] = 1 - along[0], 1 - along[1]
    places = list(zip(along, across, strict=True)) if relation in ("left of", "right of") else \
        list(zip(across, along, strict=True))
    return Scene(tuple(Thing(kind, colour, size, x, y, radius) for (kind, colour), size, (x, y), radius
                       in zip((first, second), sizes, places, radii, strict=True)), relation, time)
