"""The background of a page: a sky for the time of day, three layers of land or sea, clouds, small lights, paper grain.

Everything random is a function of the page's seed alone, so a page looks the same in whatever batch it is drawn.
"""

import math

import torch
from torch import Tensor

from .scene import TIMES

LOOKS = ("hills", "sea", "snow", "dunes")
BITS = 0xFFFFFFFF

# Sky: top, middle, horizon; two for each time, and a page lies anywhere between them.
SKY = torch.tensor([
    [[[.68, .84, .95], [.86, .91, .95], [1.0, .91, .80]], [[.80, .83, .94], [.95, .88, .92], [1.0, .90, .74]]],
    [[[.52, .77, .95], [.70, .88, .98], [.90, .97, .99]], [[.60, .83, .92], [.78, .92, .95], [.95, .98, .94]]],
    [[[.46, .45, .70], [.85, .60, .68], [.99, .78, .58]], [[.62, .47, .66], [.93, .65, .60], [1.0, .85, .66]]],
    [[[.07, .09, .24], [.13, .17, .36], [.27, .31, .52]], [[.11, .08, .25], [.20, .16, .39], [.36, .29, .52]]],
])
# Land by look: far, middle, near, as by day; and what the light of each time makes of it.
LAND = torch.tensor([
    [[.72, .83, .78], [.64, .79, .60], [.54, .72, .48]],
    [[.60, .80, .87], [.50, .73, .83], [.41, .66, .78]],
    [[.83, .88, .95], [.90, .93, .98], [.96, .97, .99]],
    [[.90, .85, .74], [.93, .85, .66], [.88, .77, .55]],
])
LIGHT = torch.tensor([[1.02, .97, .93], [1.0, 1.0, 1.0], [.93, .73, .70], [.34, .38, .60]])
CLOUD = torch.tensor([[1.0, .97, .94], [1.0, 1.0, 1.0], [1.0, .80, .74], [.36, .39, .60]])
CLOUD_OPACITY = torch.tensor([.75, .85, .55, .45])
GLOW = torch.tensor([[1.0, .93, .74], [1.0, 1.0, .93], [1.0, .84, .55], [.50, .54, .80]])
GLOW_OPACITY = torch.tensor([.55, .35, .60, .35])
RIM = torch.tensor([[1.0, .99, .95], [1.0, 1.0, 1.0], [1.0, .94, .88], [.66, .70, .95]])


def _mix(x: Tensor) -> Tensor:
    """One round of a 32-bit integer hash in int64, which no product overflows."""
    x = ((x ^ (x >> 16)) * 0x45D9F3B) & BITS
    x = ((x ^ (x >> 16)) * 0x45D9F3B) & BITS
    return x ^ (x >> 16)


def page_keys(seeds: list[int]) -> Tensor:
    """(N,) int64 keys for random_numbers(), one for each page's seed."""
    low = torch.tensor([seed & BITS for seed in seeds], dtype=torch.int64)
    high = torch.tensor([(seed >> 32) & BITS for seed in seeds], dtype=torch.int64)
    return _mix(low ^ _mix((high + 0x9E3779B9) & BITS))


def random_bits(keys: Tensor, first: int, count: int) -> Tensor:
    """(N, count) hashed 32-bit integers: draws first, first + 1, ... of each page's own stream."""
    index = _mix((torch.arange(first, first + count) * 0x9E3779B1) & BITS)
    return _mix((keys[:, None] + index) & BITS)


def random_numbers(keys: Tensor, first: int, count: int) -> Tensor:
    """(N, count) float32, uniform in [0, 1)."""
    return (random_bits(keys, first, count) >> 8).float() / 2**24


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
    """Paints colour (N, 3) or (N, 3, S, S) over page (N, 3, S, S) where alpha (N, S, S) says."""
    colour = colour[:, :, None, None] if colour.dim() == 2 else colour
    return torch.lerp(page, colour, alpha[:, None])


def paint_background(keys: Tensor, times: Tensor, size: int) -> Tensor:
    """(N, 3, size, size) backgrounds for pages with these keys (N,) and indices into TIMES (N,)."""
    n = len(keys)
    draw = random_numbers(keys, 0, 128)
    at = (torch.arange(size) + 0.5) / size
    x, y = at[None, None, :], at[None, :, None]
    look = (draw[:, 0] * len(LOOKS)).long()
    horizon = 0.58 + 0.20 * draw[:, 1]
    sea, snow = (look == 1).float(), (look == 2).float()
    night = (times == TIMES.index("night")).float()

    pair = SKY[times]
    sky = torch.lerp(pair[:, 0], pair[:, 1], draw[:, 2, None, None])
    sky = sky + 0.05 * (draw[:, 3:12].view(n, 3, 3) - 0.5)
    fall = (at[None] / horizon[:, None] * 2).clamp(0, 2)
    weights = torch.stack([(1 - fall).clamp(min=0), 1 - (fall - 1).abs(), (fall - 1).clamp(min=0)], 1)
    page = (sky.transpose(1, 2) @ weights)[..., None].expand(n, 3, size, size)
    page = page + 0.05 * _field(keys, 1000, size, 3, 6)[:, None]

    glow_x, wide = 0.15 + 0.7 * draw[:, 12, None], 0.22 + 0.12 * draw[:, 13, None]
    glow = torch.exp(-((at - glow_x) / wide) ** 2)[:, None] * torch.exp(-((at - horizon[:, None]) / (0.8 * wide)) ** 2)[..., None]
    page = _over(page, GLOW[times], glow * GLOW_OPACITY[times][:, None, None])
    page = _clouds(page, draw, times, at, horizon)

    alpha_land = None
    light = LIGHT[times]
    grain = _field(keys, 2000, size, 4, 14)
    for layer in range(3):
        d = draw[:, 80 + 8 * layer:88 + 8 * layer]
        base = horizon + (0.0, 0.10, 0.22)[layer] * (0.8 + 0.4 * d[:, 0])
        slow = (0.035, 0.03, 0.025)[layer] * (0.5 + d[:, 1]) * (1 - sea)
        waves = 0.007 * layer * sea
        crest = base[:, None] + slow[:, None] * torch.sin((4 + 4 * d[:, 2, None]) * at + 6.3 * d[:, 3, None])
        crest = crest + 0.4 * slow[:, None] * torch.sin((9 + 6 * d[:, 4, None]) * at + 6.3 * d[:, 5, None])
        crest = crest + waves[:, None] * (torch.sin(((26 - 5 * layer) + 4 * d[:, 2, None]) * at + 6.3 * d[:, 3, None]).abs() * 2 - 1)
        depth = y - crest[:, None, :]
        alpha = (depth * size + 0.5).clamp(0, 1)
        colour = (LAND[look, layer] + 0.06 * (d[:, 5:8] - 0.5)) * light
        shade = 1 + 0.10 * (1 - depth / 0.10).clamp(0, 1) ** 2 - 0.10 * (depth / 0.4).clamp(0, 1) + 0.07 * grain
        page = torch.lerp(page, colour[:, :, None, None] * shade[:, None], alpha[:, None])
        alpha_land = alpha if alpha_land is None else alpha_land

    return _specks(page, keys, times, look, alpha_land, night, sea, snow, size)


def _clouds(page, draw, times, at, horizon):
    """Three soft clouds: a row of puffs each, rounded above and flat below."""
    places, n = [], len(draw)
    for cloud in range(3):
        d = draw[:, 20 + 16 * cloud:36 + 16 * cloud]
        big = 0.045 + 0.035 * d[:, 0]
        cx = (cloud + d[:, 1]) / 3
        cy = (0.08 + 0.62 * d[:, 2]) * horizon
        there = (d[:, 3] < 0.75).float()
        for puff in range(4):
            offset = (puff - 1.5) * 0.95 * big + 0.4 * big * (d[:, 4 + puff] - 0.5)
            radius = big * (0.55 + 0.35 * d[:, 8 + puff]) * (1.25 if puff in (1, 2) else 0.9)
            places.append(torch.stack([cx + offset, cy - 0.45 * radius, radius, there], 1))
    puffs = torch.stack(places, 1)
    dx = torch.exp(-((at - puffs[:, :, 0, None]) / (1.25 * puffs[:, :, 2, None])) ** 2)
    below = at - puffs[:, :, 1, None]
    tall = puffs[:, :, 2, None] * torch.where(below > 0, 0.62, 0.95)
    dy = torch.exp(-(below / tall) ** 2) * puffs[:, :, 3, None]
    field = dy.transpose(1, 2) @ dx
    soft = ((field - 0.42) / 0.30).clamp(0, 1)
    soft = soft * soft * (3 - 2 * soft)
    return _over(page, CLOUD[times], soft * CLOUD_OPACITY[times].view(n, 1, 1))


def _specks(page, keys, times, look, land, night, sea, snow, size):
    """Small round lights in the night sky, flakes where it snows, light specks on the land, glints on the sea."""
    cells = 11
    n = len(keys)
    place = (torch.arange(size) + 0.5) / size * cells
    cell = place.floor().long()
    inside = place - cell
    index = (cell[:, None] * cells + cell[None]).flatten()
    d = random_numbers(keys, 3000, 4 * cells * cells).view(n, 4, cells * cells)
    radius = 0.04 + 0.06 * d[:, 2] ** 2
    chance = d[:, 3]
    cx, cy, radius, chance = (value[:, index].view(n, size, size) for value in
                              (0.2 + 0.6 * d[:, 0], 0.2 + 0.6 * d[:, 1], radius, chance))
    flat = (1 + 1.2 * sea[:, None, None] * land)
    away = ((inside[None, None] - cx) / flat) ** 2 + ((inside[None, :, None] - cy) * flat) ** 2
    alpha = ((radius - (away + 1e-9).sqrt()) * (size / cells) + 0.5).clamp(0, 1)
    # Below one pixel a speck keeps its light and loses its edge, so that small pages do not sparkle.
    alpha = alpha * (radius * (2 * size / cells)).clamp(max=1) ** 0.5
    above = (0.9 * night * (1 - snow) + 0.75 * snow)[:, None, None] * (chance < 0.45 * 1.0)
    ground = (0.45 + 0.3 * snow - 0.15 * night)[:, None, None] * (chance < 0.30)
    alpha = alpha * torch.lerp(above, ground, land)
    return _over(page, torch.tensor([1.0, 0.98, 0.90]).expand(n, 3), alpha)
