"""The image of a page: a background for its time of day, and its objects in front of it.

The same outlines are used for every size: 32 pixels for pages with one object, 48 for two, 128 and more for display.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .background import RIM, RIM_OPACITY, add_noise, page_keys, paint_background, random_numbers
from .outlines import INK, OUTLINES
from .scene import COLOURS, TIMES, Scene

RGB = torch.tensor(
    [
        [0.86, 0.15, 0.17],
        [0.97, 0.54, 0.11],
        [0.98, 0.87, 0.22],
        [0.22, 0.67, 0.29],
        [0.18, 0.40, 0.90],
        [0.53, 0.24, 0.74],
        [0.98, 0.60, 0.78],
        [0.97, 0.97, 0.96],
    ]
)
TURN = 0.18
NOISE = 0.018
REACH = 1.18
# Pixels at a time: enough objects of one kind for efficient operations, few enough background pixels for the cache.
CHUNK = 512 * 32**2
BACKGROUNDS = 64 * 32**2


def draw(scene: Scene, size: int = 128, seed: int = 0) -> Tensor:
    """One page as (3, size, size) float32 in [0, 1]. `seed` determines what the scene leaves open:

    the rotation of each object, its exact shade, and the background.
    """
    return draw_batch([scene], size, seed)[0]


def draw_batch(scenes: Sequence[Scene], size: int = 32, seed: int | Sequence[int] = 0) -> Tensor:
    """Many pages as (N, 3, size, size) float32 in [0, 1].

    `seed` is one int per scene; a single int stands for seed, seed + 1, seed + 2, ... An image depends on its scene,
    its seed and the size alone, neither on the batch nor on the order of the scene's objects.
    ValueError for a size below 8, for anything but a Scene, and for a number of seeds that differs from the scenes'.
    """
    scenes = list(scenes) if isinstance(scenes, (list, tuple)) else _refuse(scenes)
    for position, scene in enumerate(scenes):
        if not isinstance(scene, Scene):
            raise ValueError(f"scenes[{position}] is a {type(scene).__name__}; expected a Scene")
    if isinstance(size, bool) or not isinstance(size, int) or size < 8:
        raise ValueError(f"size is {size!r}; expected a whole number of pixels, 8 or more")
    seeds = _seeds(seed, len(scenes))
    pages = torch.empty(len(scenes), 3, size, size)
    chunk = max(1, CHUNK // size**2)
    for start in range(0, len(scenes), chunk):
        pages[start : start + chunk] = _draw(scenes[start : start + chunk], size, seeds[start : start + chunk])
    return pages


def _refuse(scenes):
    if isinstance(scenes, Scene):
        raise ValueError("scenes is a single Scene; expected a list of them (draw() takes one)")
    try:
        return list(scenes)
    except TypeError:
        raise ValueError(f"scenes is a {type(scenes).__name__}; expected a list of Scene") from None


def _seeds(seed, pages: int) -> list[int]:
    if isinstance(seed, int):
        return [seed + page for page in range(pages)]
    try:
        seeds = [int(one) for one in seed]
    except (TypeError, ValueError):
        raise ValueError(f"seed is {seed!r}; expected an int, or one int for each scene") from None
    if len(seeds) != pages:
        raise ValueError(f"{len(seeds)} seeds for {pages} scenes; expected one for each scene, or a single int")
    return seeds


def _draw(scenes: list[Scene], size: int, seeds: list[int]) -> Tensor:
    keys = page_keys(seeds)
    times = torch.tensor([TIMES.index(scene.time) for scene in scenes])
    pages = torch.empty(len(scenes), 3, size, size)
    step = max(1, BACKGROUNDS // size**2)
    for start in range(0, len(scenes), step):
        some = slice(start, start + step)
        pages[some] = paint_background(keys[some], times[some], size)
    # Upper objects first, in any order of the scene's objects.
    ordered = [sorted(scene.objects, key=lambda item: (item.y, item.x)) for scene in scenes]
    for turn in range(2):
        groups: dict[tuple[str, str], list[int]] = {}
        for page, objects in enumerate(ordered):
            if turn < len(objects):
                groups.setdefault((objects[turn].kind, objects[turn].size), []).append(page)
        for (kind, _), members in groups.items():
            objects = [ordered[page][turn] for page in members]
            position = torch.tensor([(item.x, item.y, item.radius) for item in objects])
            colour = torch.tensor([COLOURS.index(item.colour) for item in objects])
            index = torch.tensor(members)
            jitter = random_numbers(keys[index], 500 + 20 * turn, 12)
            _paint(pages, index, kind, colour, position, jitter, times[index], size)
    add_noise(pages, keys, NOISE * min(1.0, 48 / size))
    return pages.clamp_(0, 1)


def _paint(pages, index, kind, colour, position, jitter, time, size) -> None:
    """Paints objects of one kind onto pages[index], in place, computing only the square that each object fills."""
    n = len(index)
    x, y, radius = (position[:, i].view(n, 1, 1) for i in range(3))
    contour = 0.010 / radius + 0.045
    side = min(size, math.ceil(2 * float((radius * (REACH + contour)).max()) * size) + 2)
    column, row = ((position[:, :2] * size - side / 2).round().long().clamp(0, size - side)).unbind(1)
    windows = pages.unfold(2, side, 1).unfold(3, side, 1)
    patch = windows[index, :, row, column]

    # The sum of three uniform numbers, scaled to a standard deviation of TURN and never more than three of them.
    turn = TURN * 2 * (jitter[:, :3].sum(1).view(n, 1, 1) - 1.5)
    side_way = torch.where(jitter[:, 3].view(n, 1, 1) < 0.5, -1.0, 1.0)
    pixel = torch.arange(side) + 0.5
    across = ((column[:, None] + pixel) / size - position[:, :1])[:, None, :] / radius
    up = (position[:, 1:2] - (row[:, None] + pixel) / size)[:, :, None] / radius
    u = (across * turn.cos() + up * turn.sin()) * side_way
    v = up * turn.cos() - across * turn.sin()

    body = (RGB[colour] + 0.07 * (jitter[:, 4:7] - 0.5) + 0.04 * (jitter[:, 7:8] - 0.5)).clamp(0, 0.99)
    body = body[:, :, None, None]
    paints = {"body": body, "dark": body * 0.80, "light": body * 0.5 + 0.5}
    ink = 0.5 * torch.tensor(INK).view(1, 3, 1, 1) + 0.16 * body
    pixels = radius * size
    light = 1 + 0.07 * (up - 0.5 * across)

    parts = OUTLINES[kind](u, v)
    outline = None
    for part in parts:
        if part.contour:
            outline = part.distance if outline is None else torch.minimum(outline, part.distance)
    halo = (1 - (outline - contour) / 0.20).clamp(0, 1) ** 2 * RIM_OPACITY[time].view(n, 1, 1)
    patch = torch.lerp(patch, RIM[time][:, :, None, None], halo[:, None])
    for part in parts:
        if part.contour:
            patch = torch.lerp(patch, ink, (0.5 - (part.distance - contour) * pixels).clamp(0, 1)[:, None])
        alpha = (0.5 - part.distance * pixels).clamp(0, 1)[:, None]
        if part.opacity < 1:
            alpha = alpha * part.opacity
        if isinstance(part.paint, str):
            paint = paints[part.paint]
            if part.contour:
                paint = paint * (light * (0.89 + 0.11 * (part.distance / -0.28).clamp(0, 1)))[:, None]
        else:
            paint = torch.tensor(part.paint).view(1, 3, 1, 1)
        patch = torch.lerp(patch, paint, alpha)
    windows[index, :, row, column] = patch
