"""The background of an image: sky for the time of day, three layers of land or sea, clouds, small lights, noise.

All random numbers depend on the page's seed alone, so an image does not depend on the batch in which it is drawn.
"""

import functools

import torch
from torch import Tensor

from .scene import TIMES

LOOKS = ("hills", "sea", "snow", "dunes")
BITS = 0xFFFFFFFF

# Sky: colours of top, middle and horizon; two for each time, between which a page's sky is interpolated.
SKY = torch.tensor(
    [
        [
            [[0.68, 0.84, 0.95], [0.86, 0.91, 0.95], [1.0, 0.91, 0.80]],
            [[0.80, 0.83, 0.94], [0.95, 0.88, 0.92], [1.0, 0.90, 0.74]],
        ],
        [
            [[0.52, 0.77, 0.95], [0.70, 0.88, 0.98], [0.90, 0.97, 0.99]],
            [[0.60, 0.83, 0.92], [0.78, 0.92, 0.95], [0.95, 0.98, 0.94]],
        ],
        [
            [[0.46, 0.45, 0.70], [0.85, 0.60, 0.68], [0.99, 0.78, 0.58]],
            [[0.62, 0.47, 0.66], [0.93, 0.65, 0.60], [1.0, 0.85, 0.66]],
        ],
        [
            [[0.10, 0.13, 0.30], [0.17, 0.22, 0.43], [0.34, 0.38, 0.60]],
            [[0.15, 0.12, 0.31], [0.25, 0.21, 0.46], [0.42, 0.36, 0.59]],
        ],
    ]
)
# Land: colours of far, middle and near layers by day, and the light of each time of day that changes them.
LAND = torch.tensor(
    [
        [[0.72, 0.83, 0.78], [0.64, 0.79, 0.60], [0.54, 0.72, 0.48]],
        [[0.60, 0.80, 0.87], [0.50, 0.73, 0.83], [0.41, 0.66, 0.78]],
        [[0.80, 0.85, 0.93], [0.85, 0.89, 0.96], [0.91, 0.93, 0.97]],
        [[0.90, 0.85, 0.74], [0.93, 0.85, 0.66], [0.88, 0.77, 0.55]],
    ]
)
LIGHT = torch.tensor([[1.02, 0.97, 0.93], [1.0, 1.0, 1.0], [0.98, 0.80, 0.74], [0.36, 0.43, 0.68]])
CLOUD = torch.tensor([[1.0, 0.97, 0.94], [1.0, 1.0, 1.0], [1.0, 0.82, 0.77], [0.44, 0.47, 0.68]])
CLOUD_OPACITY = torch.tensor([0.75, 0.85, 0.55, 0.45])
GLOW = torch.tensor([[1.0, 0.93, 0.74], [1.0, 1.0, 0.93], [1.0, 0.84, 0.55], [0.50, 0.54, 0.80]])
GLOW_OPACITY = torch.tensor([0.55, 0.35, 0.60, 0.35])
RIM = torch.tensor([[1.0, 0.99, 0.95], [1.0, 1.0, 1.0], [1.0, 0.94, 0.88], [0.80, 0.83, 0.98]])
RIM_OPACITY = torch.tensor([0.60, 0.55, 0.60, 0.85])


def _mix(x: Tensor) -> Tensor:
    """One round of a 32-bit integer hash in int64, in which no product overflows."""
    x = ((x ^ (x >> 16)) * 0x45D9F3B) & BITS
    x = ((x ^ (x >> 16)) * 0x45D9F3B) & BITS
    return x ^ (x >> 16)


def page_keys(seeds: list[int]) -> Tensor:
    """(N,) int64 keys for random_numbers(), one for each page's seed."""
    low = torch.tensor([seed & BITS for seed in seeds], dtype=torch.int64)
    high = torch.tensor([(seed >> 32) & BITS for seed in seeds], dtype=torch.int64)
    return _mix(low ^ _mix((high + 0x9E3779B9) & BITS))


def random_bits(keys: Tensor, first: int, count: int) -> Tensor:
    """(N, count) hashed 32-bit integers: draws first, first + 1, ... of each page's stream."""
    index = _mix((torch.arange(first, first + count) * 0x9E3779B1) & BITS)
    return _mix((keys[:, None] + index) & BITS)


def random_numbers(keys: Tensor, first: int, count: int) -> Tensor:
    """(N, count) float32, uniform in [0, 1)."""
    return (random_bits(keys, first, count) >> 8).float() / 2**24


@functools.lru_cache
def _spline(size: int, knots: int) -> Tensor:
    """(size, knots + 3) weights of a cubic B-spline over the page."""
    at = (torch.arange(size) + 0.5) / size * knots
    away = (at[:, None] - torch.arange(-1, knots + 2)).abs()
    near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away).clamp(min=0) ** 3 / 6
    return torch.where(away < 1, near, far)


def _field(keys: Tensor, first: int, size: int, across: int, down: int) -> Tensor:
    """(N, size, size) smooth random field, about uniform in ±0.5, with that many bumps each way."""
    values = random_numbers(keys, first, (down + 3) * (across + 3)).view(-1, down + 3, across + 3) - 0.5
    return _spline(size, down) @ values @ _spline(size, across).T


def _over(page: Tensor, colour: Tensor, alpha: Tensor) -> Tensor:
    """Blends colour (N, 3) or (N, 3, S, S) over page (N, 3, S, S) with opacity alpha (N, S, S)."""
    colour = colour[:, :, None, None] if colour.dim() == 2 else colour
    return torch.lerp(page, colour, alpha[:, None])


def paint_background(keys: Tensor, times: Tensor, size: int) -> Tensor:
    """(N, 3, size, size) backgrounds for pages with these keys (N,) and indices into TIMES (N,)."""
    n = len(keys)
    draw = random_numbers(keys, 0, 128)
    at = (torch.arange(size) + 0.5) / size
    look = (draw[:, 0] * len(LOOKS)).long()
    horizon = 0.58 + 0.20 * draw[:, 1, None]

    pair = SKY[times]
    sky = torch.lerp(pair[:, 0], pair[:, 1], draw[:, 2, None, None]) + 0.05 * (draw[:, 3:12].view(n, 3, 3) - 0.5)
    fall = (at / horizon * 2).clamp(max=2)
    weights = torch.stack([(1 - fall).clamp(min=0), 1 - (fall - 1).abs(), (fall - 1).clamp(min=0)], 1)
    page = (sky.transpose(1, 2) @ weights)[..., None] + 0.05 * _field(keys, 1000, size, 3, 6)[:, None]
    glow_x, wide = 0.15 + 0.7 * draw[:, 12, None], 0.22 + 0.12 * draw[:, 13, None]
    glow = _bell(at - horizon, 0.8 * wide)[:, :, None] * _bell(at - glow_x, wide)[:, None]
    page = _over(page, GLOW[times], glow * GLOW_OPACITY[times].view(n, 1, 1))
    page = _over(page, CLOUD[times], _clouds(draw, at, horizon) * CLOUD_OPACITY[times].view(n, 1, 1))
    page, land = _land(page, keys, draw, times, look, at, horizon, sky[:, 0])
    return _over(page, torch.tensor([1.0, 0.98, 0.90]).expand(n, 3), _specks(keys, times, look, land))


def _land(page, keys, draw, times, look, at, horizon, sky):
    """Three layers of hills, snow, dunes or sea, each with a bright crest; and the mask of the land."""
    size = len(at)
    sea = (look == LOOKS.index("sea")).float()[:, None]
    land, shade = None, torch.ones(())
    for layer in range(3):
        d = draw[:, 80 + 8 * layer : 88 + 8 * layer, None]
        tall = (0.035, 0.03, 0.025)[layer] * (0.5 + d[:, 1]) * (1 - sea)
        crest = tall * (
            torch.sin((4 + 4 * d[:, 2]) * at + 6.3 * d[:, 3]) + 0.4 * torch.sin((9 + 6 * d[:, 4]) * at + 6.3 * d[:, 5])
        )
        waves = torch.sin((26 - 5 * layer + 4 * d[:, 2]) * at + 6.3 * d[:, 3]).abs() * 2 - 1
        crest = crest + 0.007 * layer * sea * waves + horizon + (0.0, 0.10, 0.22)[layer] * (0.8 + 0.4 * d[:, 0])
        depth = at[:, None] - crest[:, None, :]
        alpha = (depth * size + 0.5).clamp(0, 1)
        colour = (LAND[look, layer] + 0.06 * (d[:, 5:8, 0] - 0.5)) * LIGHT[times]
        colour = torch.lerp(colour, sky, 0.40 * sea)
        page = _over(page, colour, alpha)
        shade = torch.lerp(shade, 0.94 + 0.16 * (1 - depth / 0.14).clamp(0, 1) ** 2, alpha)
        land = alpha if land is None else land
    grain = 1 + 0.07 * _field(keys, 2000, size, 4, 14) * land
    return page * (shade * grain)[:, None], land


def _bell(away: Tensor, wide: Tensor) -> Tensor:
    """exp(-(away / wide)²), clipped above the denormal numbers that slow down a CPU."""
    return torch.exp(-((away / wide) ** 2).clamp(max=30))


def _clouds(draw, at, horizon):
    """(N, S, S) opacity of up to three soft clouds: a row of puffs each, rounded above and flat below."""
    puffs = []
    for cloud in range(3):
        d = draw[:, 20 + 16 * cloud : 36 + 16 * cloud]
        wide = 0.045 + 0.035 * d[:, 0]
        x, y = (cloud + d[:, 1]) / 3, (0.08 + 0.62 * d[:, 2]) * horizon[:, 0]
        for puff in range(5):
            radius = wide * (0.50 + 0.40 * d[:, 8 + puff]) * (0.62, 1.0, 1.3, 1.0, 0.62)[puff]
            across = (puff - 2) * 0.80 * wide + 0.35 * wide * (d[:, 3 + puff] - 0.5)
            puffs.append(torch.stack([x + across, y - 0.75 * radius, radius, (d[:, 13] < 0.75).float()], 1))
    x, y, radius, there = torch.stack(puffs, 2)[..., None].unbind(1)
    below = at - y
    rows = _bell(below, radius * torch.where(below > 0, 0.80, 1.05)) * there
    field = rows.transpose(1, 2) @ _bell(at - x, 1.05 * radius)
    soft = ((field - 0.36) / 0.28).clamp(0, 1)
    return soft * soft * (3 - 2 * soft)


def _specks(keys, times, look, land):
    """(N, S, S) opacity of small round lights: in the night sky, flakes where it snows, dots on land, glints at sea."""
    n, size, cells = len(keys), land.shape[-1], 11
    sea, snow = ((look == LOOKS.index(name)).float()[:, None] for name in ("sea", "snow"))
    night = (times == TIMES.index("night")).float()[:, None]
    d = random_numbers(keys, 3000, 4 * cells * cells).view(n, 4, cells * cells)
    # A speck below one pixel keeps its brightness and loses its edge, so that small images do not flicker.
    radius = 0.04 + 0.06 * d[:, 2] ** 2
    dim = (radius * (2 * size / cells)).clamp(max=1) ** 0.5
    above = dim * (0.9 * night * (1 - snow) + 0.75 * snow) * (d[:, 3] < 0.45)
    ground = dim * (0.45 + 0.3 * snow - 0.15 * night) * (d[:, 3] < 0.30)
    place, cell = _grid(size, cells)
    values = torch.stack([0.2 + 0.6 * d[:, 0], 0.2 + 0.6 * d[:, 1], radius, above, ground], 1).view(n, 5, cells, cells)
    x, y, radius, above, ground = (cell @ values @ cell.T).unbind(1)
    flat = 1 + 1.2 * sea[..., None] * land
    away = ((place - x) / flat) ** 2 + ((place[:, None] - y) * flat) ** 2
    alpha = ((radius - (away + 1e-9).sqrt()) * (size / cells) + 0.5).clamp(0, 1)
    return alpha * torch.lerp(above, ground, land)


@functools.lru_cache
def _grid(size: int, cells: int) -> tuple[Tensor, Tensor]:
    """Each pixel's position inside its cell (S,), and the cell, one-hot (S, cells)."""
    place = (torch.arange(size) + 0.5) / size * cells
    return place - place.floor(), torch.nn.functional.one_hot(place.long(), cells).float()


@functools.lru_cache
def _grain(size: int) -> Tensor:
    noise = random_bits(page_keys([0]), 0, 3 * (size + 256) ** 2).view(3, size + 256, size + 256)
    return (noise & 0xFFFF).float() / 0xFFFF - 0.5


def add_noise(pages: Tensor, keys: Tensor, std: float) -> None:
    """Adds uniform noise of this standard deviation, in place: each page uses another window of a noise image."""
    size = pages.shape[-1]
    windows = _grain(size).unfold(1, size, 1).unfold(2, size, 1)
    row, column = (random_bits(keys, 900, 2) % 257).unbind(1)
    pages.add_(windows[:, row, column].transpose(0, 1), alpha=std * 12**0.5)
