"""The outlines of the fourteen kinds as signed distance functions, so that they are sharp at every size.

A drawing function takes coordinates (u, v) of equal shape, u to the right, v upwards, with the object inside the unit
circle, and returns its parts from back to front. A distance is negative inside, in units of the object's radius.
The shapes of circle, box, polygon, heart and star follow Inigo Quilez,
https://iquilezles.org/articles/distfunctions2d/.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

INK = (0.16, 0.12, 0.17)
BROWN = (0.50, 0.33, 0.20)
CREAM = (0.98, 0.94, 0.84)
GLASS = (0.80, 0.89, 0.92)
LEAF = (0.42, 0.58, 0.36)
BLUSH = (0.93, 0.62, 0.60)
OCHRE = (0.90, 0.68, 0.30)
STEEL = (0.70, 0.70, 0.73)


class Part(NamedTuple):
    """One layer of a drawing: its distance function, its colour (an RGB triple, or a shade of the object's: 'body',
    'dark', 'light'), whether it has a dark contour, and its opacity."""

    distance: Tensor
    paint: str | tuple[float, float, float]
    contour: bool = False
    opacity: float = 1.0


def length(x: Tensor, y: Tensor) -> Tensor:
    return (x * x + y * y + 1e-12).sqrt()


def circle(u, v, x, y, radius):
    return length(u - x, v - y) - radius


def ellipse(u, v, x, y, a, b, turn=0.0):
    """Approximate distance of an ellipse, accurate near the edge, where it is needed."""
    u, v = turned(u - x, v - y, turn)
    near = length(u / a, v / b)
    return near * (near - 1) / (length(u / a**2, v / b**2) + 1e-6)


def turned(u, v, turn):
    if not turn:
        return u, v
    return u * math.cos(turn) + v * math.sin(turn), v * math.cos(turn) - u * math.sin(turn)


def box(u, v, x, y, a, b, corner=0.0):
    across, along = (u - x).abs() - (a - corner), (v - y).abs() - (b - corner)
    return length(across.clamp(min=0), along.clamp(min=0)) + torch.maximum(across, along).clamp(max=0) - corner


def line(u, v, start, end, width):
    (ax, ay), (bx, by) = start, end
    dx, dy = bx - ax, by - ay
    along = (((u - ax) * dx + (v - ay) * dy) / (dx * dx + dy * dy)).clamp(0, 1)
    return length(u - ax - along * dx, v - ay - along * dy) - width


def polygon(u, v, points, corner=0.0):
    """Any simple polygon; `corner` grows it by that much and rounds it."""
    nearest, sign = None, None
    for (ax, ay), (bx, by) in zip(points, points[-1:] + points[:-1], strict=True):
        ex, ey = bx - ax, by - ay
        wx, wy = u - ax, v - ay
        along = ((wx * ex + wy * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        square = (wx - ex * along) ** 2 + (wy - ey * along) ** 2
        nearest = square if nearest is None else torch.minimum(nearest, square)
        crossed = ((v >= ay) != (v >= by)) & ((ex * wy > ey * wx) == (by > ay))
        sign = crossed if sign is None else sign ^ crossed
    distance = (nearest + 1e-12).sqrt()
    return torch.where(sign, -distance, distance) - corner


def lens(u, v, x, y, half, bulge, turn=0.0):
    """A leaf: two arcs that meet in points at ±half along the turned u axis, `bulge` wide on each side."""
    u, v = turned(u - x, v - y, turn)
    radius = (half * half + bulge * bulge) / (2 * bulge)
    return length(u, v.abs() + (radius - bulge)) - radius


def arc(u, v, x, y, radius, width, up=False):
    """A smile (or, up, a frown): the lower part of a ring."""
    w = (v - y) if up else -(v - y)
    return torch.maximum((length(u - x, v - y) - radius).abs() - width, 0.35 * radius - w)


def blend(a, b, soft):
    """The union of two shapes with a rounded seam."""
    h = (0.5 + 0.5 * (b - a) / soft).clamp(0, 1)
    return torch.lerp(b, a, h) - soft * h * (1 - h)


def union(*shapes):
    result = shapes[0]
    for shape in shapes[1:]:
        result = torch.minimum(result, shape)
    return result


def within(shape, *others):
    for other in others:
        shape = torch.maximum(shape, other)
    return shape


def five_points(u, v, radius, depth, corner):
    c, s = math.cos(math.pi / 5), math.sin(math.pi / 5)
    u = u.abs()
    fold = 2 * (u * c - v * s).clamp(min=0)
    u, v = u - fold * c, v + fold * s
    fold = 2 * (-u * c - v * s).clamp(min=0)
    u, v = (u + fold * c).abs(), v + fold * s - radius
    bx, by = depth * s, depth * c - 1
    h = ((u * bx + v * by) / (bx * bx + by * by)).clamp(0, radius)
    distance = length(u - bx * h, v - by * h)
    return torch.where(v * bx > u * by, distance, -distance) - corner


def crescent(u, v, outer, inner, apart):
    v = v.abs()
    a = (outer**2 - inner**2 + apart**2) / (2 * apart)
    b = math.sqrt(outer**2 - a * a)
    tip = (u * b - v * a) > apart * (b - v).clamp(min=0)
    return torch.where(tip, length(u - a, v - b), torch.maximum(length(u, v) - outer, inner - length(u - apart, v)))


def heart_shape(u, v, scale, lift):
    x, y = u.abs() / scale, v / scale + lift
    lobe = length(x - 0.25, y - 0.75) - math.sqrt(2) / 4
    fold = 0.5 * (x + y).clamp(min=0)
    point = torch.minimum(x**2 + (y - 1) ** 2, (x - fold) ** 2 + (y - fold) ** 2)
    point = torch.where(x > y, 1.0, -1.0) * (point + 1e-12).sqrt()
    return scale * torch.where(x + y > 1, lobe, point)


def eyes(u, v, x, y, size):
    both = union(ellipse(u, v, -x, y, size, 1.25 * size), ellipse(u, v, x, y, size, 1.25 * size))
    glints = union(
        circle(u, v, -x - 0.3 * size, y + 0.45 * size, 0.36 * size),
        circle(u, v, x - 0.3 * size, y + 0.45 * size, 0.36 * size),
    )
    return [Part(both, INK), Part(glints, (1.0, 1.0, 1.0))]


def gloss(u, v, body, x, y, a, b, turn, opacity=0.55):
    return Part(within(ellipse(u, v, x, y, a, b, turn), body + 0.04), (1.0, 1.0, 1.0), opacity=opacity)


def apple(u, v):
    body = blend(ellipse(u, v, -0.30, -0.12, 0.52, 0.68, 0.12), ellipse(u, v, 0.30, -0.12, 0.52, 0.68, -0.12), 0.12)
    leaf = lens(u, v, 0.32, 0.66, 0.29, 0.13, 0.45)
    return [
        Part(line(u, v, (0.0, 0.40), (0.06, 0.82), 0.055), BROWN, True),
        Part(leaf, LEAF, True),
        Part(body, "body", True),
        Part(within(ellipse(u, v, 0.02, 0.45, 0.22, 0.08), body), "dark", opacity=0.8),
        gloss(u, v, body, -0.46, 0.13, 0.11, 0.22, -0.35),
    ]


def bird(u, v):
    body = blend(ellipse(u, v, -0.06, -0.16, 0.60, 0.46, 0.25), circle(u, v, 0.40, 0.34, 0.33), 0.22)
    tail = polygon(u, v, [(-0.42, -0.05), (-0.86, 0.26), (-0.84, -0.02), (-0.88, -0.20)], 0.05)
    wing = lens(u, v, -0.22, -0.10, 0.46, 0.21, 0.30)
    legs = union(
        line(u, v, (-0.04, -0.55), (-0.04, -0.86), 0.03),
        line(u, v, (0.18, -0.52), (0.18, -0.84), 0.03),
        line(u, v, (-0.04, -0.86), (0.08, -0.88), 0.03),
        line(u, v, (0.18, -0.84), (0.30, -0.86), 0.03),
    )
    beak = polygon(u, v, [(0.68, 0.42), (0.92, 0.28), (0.68, 0.18)], 0.02)
    return [
        Part(legs, INK),
        Part(tail, "dark", True),
        Part(beak, OCHRE, True),
        Part(body, "body", True),
        Part(within(ellipse(u, v, 0.22, -0.38, 0.34, 0.24, 0.4), body + 0.03), "light", opacity=0.6),
        Part(wing, "body", True),
        Part(lens(u, v, -0.26, -0.12, 0.28, 0.08, 0.30), "dark"),
        Part(circle(u, v, 0.47, 0.40, 0.10), INK),
        Part(circle(u, v, 0.44, 0.44, 0.036), (1.0, 1.0, 1.0)),
    ]


def boat(u, v):
    hull = polygon(u, v, [(-0.80, -0.32), (0.80, -0.32), (0.50, -0.72), (-0.44, -0.72)], 0.06)
    main = polygon(u, v, [(0.08, 0.76), (0.08, -0.10), (0.66, -0.10)], 0.03)
    jib = polygon(u, v, [(-0.11, 0.58), (-0.11, -0.10), (-0.54, -0.10)], 0.03)
    stripe = within((v + 0.42).abs() - 0.045, hull + 0.01)
    return [
        Part(line(u, v, (-0.01, 0.86), (-0.01, -0.35), 0.035), BROWN, True),
        Part(main, "body", True),
        Part(within((u * 0.5 + v - 0.28).abs() - 0.06, main + 0.01), "light"),
        Part(jib, CREAM, True),
        Part(hull, "body", True),
        Part(stripe, CREAM),
        Part(within(v + 0.62, hull), "dark", opacity=0.9),
    ]


def car(u, v):
    cabin = polygon(u, v, [(-0.52, 0.0), (-0.34, 0.40), (0.22, 0.40), (0.48, 0.0)], 0.10)
    chassis = box(u, v, 0, -0.18, 0.92, 0.27, 0.18)
    body = blend(cabin, chassis, 0.06)
    panes = union(
        polygon(u, v, [(-0.42, 0.06), (-0.28, 0.37), (-0.10, 0.37), (-0.10, 0.06)], 0.03),
        polygon(u, v, [(0.06, 0.06), (0.06, 0.37), (0.19, 0.37), (0.38, 0.06)], 0.03),
    )
    tyres = union(circle(u, v, -0.48, -0.44, 0.24), circle(u, v, 0.48, -0.44, 0.24))
    hubs = union(circle(u, v, -0.48, -0.44, 0.11), circle(u, v, 0.48, -0.44, 0.11))
    return [
        Part(body, "body", True),
        Part(panes, GLASS, True),
        Part(within(v + 0.33, chassis), "dark"),
        Part(box(u, v, -0.02, -0.03, 0.08, 0.022, 0.02), INK),
        Part(ellipse(u, v, 0.80, -0.12, 0.08, 0.09), CREAM, True),
        Part(within((v - 0.42).abs() - 0.025, cabin + 0.05), "light"),
        Part(tyres, (0.23, 0.21, 0.25), True),
        Part(hubs, STEEL),
    ]


def cat(u, v):
    w = u.abs()
    ears = polygon(w, v, [(0.14, 0.46), (0.62, 0.74), (0.70, 0.10)], 0.06)
    inner = polygon(w, v, [(0.34, 0.48), (0.58, 0.62), (0.62, 0.30)], 0.02)
    head = blend(ellipse(u, v, 0, -0.12, 0.84, 0.68), ears, 0.05)
    whiskers = union(line(w, v, (0.46, -0.24), (0.94, -0.14), 0.022), line(w, v, (0.46, -0.34), (0.90, -0.42), 0.022))
    stripes = union(line(u, v, (0, 0.50), (0, 0.26), 0.045), line(w, v, (0.17, 0.46), (0.15, 0.30), 0.04))
    cheeks = ellipse(w, v, 0.12, -0.38, 0.15, 0.12)
    mouth = union(line(u, v, (0, -0.28), (0, -0.38), 0.02), arc(w, v, 0.12, -0.36, 0.12, 0.022))
    nose = polygon(u, v, [(-0.07, -0.22), (0.07, -0.22), (0.0, -0.29)], 0.035)
    return [
        Part(head, "body", True),
        Part(inner, BLUSH),
        Part(stripes, "dark"),
        Part(cheeks, "light", opacity=0.5),
        Part(whiskers, INK),
        Part(mouth, INK),
        Part(nose, BLUSH),
        *eyes(u, v, 0.36, 0.0, 0.125),
    ]


def fish(u, v):
    body = lens(u, v, 0.16, 0, 0.80, 0.52)
    body = blend(body, ellipse(u, v, 0.20, 0, 0.62, 0.48), 0.06)
    tail = polygon(u, v, [(-0.40, 0.0), (-0.82, 0.46), (-0.70, 0.0), (-0.82, -0.46)], 0.06)
    fins = union(
        polygon(u, v, [(-0.12, 0.36), (0.02, 0.70), (0.42, 0.40)], 0.05),
        polygon(u, v, [(-0.02, -0.36), (0.02, -0.64), (0.30, -0.38)], 0.05),
    )
    scales = union(
        *[
            within(circle(u, v, x, y, 0.16).abs() - 0.022, u - x + 0.02)
            for x, y in ((0.02, 0.19), (0.02, -0.19), (-0.16, 0.0), (0.20, 0.0))
        ]
    )
    gill = within(circle(u, v, 0.66, 0, 0.40).abs() - 0.03, u - 0.42, body + 0.05)
    return [
        Part(tail, "dark", True),
        Part(fins, "dark", True),
        Part(body, "body", True),
        Part(within(v + 0.24, body + 0.03), "light", opacity=0.55),
        Part(scales, "dark"),
        Part(gill, "dark"),
        Part(circle(u, v, 0.58, 0.12, 0.13), (1.0, 1.0, 1.0), True),
        Part(circle(u, v, 0.61, 0.12, 0.075), INK),
        Part(line(u, v, (0.74, -0.15), (0.84, -0.10), 0.025), INK),
    ]


def flower(u, v):
    cx, cy = 0.0, 0.24
    petals = union(
        *[
            ellipse(u, v, cx + 0.40 * math.sin(a), cy + 0.40 * math.cos(a), 0.235, 0.28, -a)
            for a in (2 * math.pi * k / 6 for k in range(6))
        ]
    )
    veins = union(
        *[
            line(
                u,
                v,
                (cx + 0.25 * math.sin(a), cy + 0.25 * math.cos(a)),
                (cx + 0.46 * math.sin(a), cy + 0.46 * math.cos(a)),
                0.02,
            )
            for a in (2 * math.pi * k / 6 for k in range(6))
        ]
    )
    leaves = union(lens(u, v, 0.27, -0.66, 0.28, 0.12, 0.5), lens(u, v, -0.27, -0.72, 0.28, 0.12, math.pi - 0.5))
    return [
        Part(line(u, v, (0, -0.1), (0, -0.92), 0.05), LEAF, True),
        Part(leaves, LEAF, True),
        Part(petals, "body", True),
        Part(veins, "dark"),
        Part(circle(u, v, cx, cy, 0.19), (0.56, 0.37, 0.22), True),
        Part(circle(u, v, cx - 0.05, cy + 0.06, 0.07), (0.74, 0.54, 0.36)),
    ]


def heart(u, v):
    body = heart_shape(u, v, 1.36, 0.58) - 0.04
    return [
        Part(body, "body", True),
        Part(within(-circle(u, v, -0.12, 0.22, 0.88), body + 0.05), "dark", opacity=0.6),
        gloss(u, v, body, -0.47, 0.46, 0.19, 0.11, 0.7),
        gloss(u, v, body, -0.66, 0.22, 0.055, 0.07, 0.0),
    ]


def house(u, v):
    wall = box(u, v, 0, -0.38, 0.58, 0.42, 0.02)
    roof = polygon(u, v, [(-0.74, 0.04), (0.74, 0.04), (0.0, 0.78)], 0.07)
    chimney = box(u, v, 0.42, 0.58, 0.10, 0.26, 0.02)
    tiles = within(((v - 0.09).remainder(0.2) - 0.1).abs() - 0.014, roof + 0.05)
    window = box(u, v, -0.24, -0.26, 0.17, 0.17, 0.03)
    bars = within(torch.minimum((u + 0.24).abs(), (v + 0.26).abs()) - 0.02, window)
    door = union(box(u, v, 0.27, -0.58, 0.15, 0.22), circle(u, v, 0.27, -0.36, 0.15))
    return [
        Part(chimney, BROWN, True),
        Part(wall, "body", True),
        Part(roof, "body", True),
        Part(tiles, INK, opacity=0.30),
        Part(window, CREAM, True),
        Part(bars, INK),
        Part(door, BROWN, True),
        Part(circle(u, v, 0.36, -0.55, 0.03), OCHRE),
    ]


def moon(u, v):
    body = crescent(*turned(u - 0.06, v, 0.35), 0.90, 0.66, 0.47)
    craters = union(circle(u, v, -0.42, 0.50, 0.10), circle(u, v, -0.16, -0.62, 0.11), circle(u, v, 0.22, -0.68, 0.06))
    return [
        Part(body, "body", True),
        Part(craters, "dark", opacity=0.8),
        Part(arc(u, v, -0.44, 0.16, 0.12, 0.035), INK),
        Part(arc(u, v, -0.30, -0.24, 0.13, 0.03), INK),
        Part(circle(u, v, -0.52, -0.14, 0.09), BLUSH, opacity=0.7),
    ]


def rocket(u, v):
    body = within(lens(u, v, 0, 0.08, 0.88, 0.40, math.pi / 2), -(v + 0.52)) - 0.02
    w = u.abs()
    fins = polygon(w, v, [(0.24, -0.05), (0.56, -0.42), (0.56, -0.70), (0.20, -0.46)], 0.05)
    flame = ellipse(u, v, 0, -0.66, 0.20, 0.30)
    core = ellipse(u, v, 0, -0.62, 0.10, 0.18)
    return [
        Part(flame, OCHRE, True),
        Part(core, CREAM),
        Part(fins, "dark", True),
        Part(body, "body", True),
        Part(within(body, 0.50 - v), "dark"),
        Part(within((v - 0.49).abs() - 0.03, body), INK),
        Part(within((v + 0.40).abs() - 0.045, body), "light"),
        Part(circle(u, v, 0, 0.14, 0.19), STEEL, True),
        Part(circle(u, v, 0, 0.14, 0.13), GLASS),
        gloss(u, v, body, -0.24, 0.02, 0.04, 0.26, 0.08, 0.4),
    ]


def star(u, v):
    v = v + 0.06
    body = five_points(u, v, 0.88, 0.50, 0.08)
    smile = arc(u, v, 0, -0.06, 0.13, 0.028)
    blush = circle(u.abs(), v, 0.30, -0.10, 0.075)
    return [
        Part(body, "body", True),
        Part(blush, BLUSH, opacity=0.8),
        *eyes(u, v, 0.17, 0.08, 0.08),
        Part(smile, INK),
        gloss(u, v, body, -0.07, 0.56, 0.045, 0.13, -0.3),
    ]


def tree(u, v):
    trunk = polygon(u, v, [(-0.10, 0.0), (0.10, 0.0), (0.20, -0.86), (-0.20, -0.86)], 0.03)
    crown = union(
        circle(u, v, -0.46, 0.02, 0.38),
        circle(u, v, 0.46, 0.02, 0.38),
        circle(u, v, -0.28, 0.42, 0.38),
        circle(u, v, 0.30, 0.42, 0.38),
        circle(u, v, 0, 0.08, 0.46),
        circle(u, v, 0, 0.54, 0.34),
    )
    curls = union(
        arc(u, v, -0.36, 0.10, 0.20, 0.03),
        arc(u, v, 0.30, 0.30, 0.20, 0.03),
        arc(u, v, 0.24, -0.10, 0.17, 0.03),
        arc(u, v, -0.12, 0.50, 0.17, 0.03),
    )
    light = within(ellipse(u, v, -0.34, 0.52, 0.20, 0.14, 0.6), crown + 0.05)
    return [Part(trunk, BROWN, True), Part(crown, "body", True), Part(light, "light", opacity=0.7), Part(curls, "dark")]


def umbrella(u, v):
    dome = within(ellipse(u, v, 0, -0.02, 0.92, 0.80), -(v + 0.02))
    scallops = union(*[circle(u, v, x, -0.14, 0.26) for x in (-0.66, -0.22, 0.22, 0.66)])
    canopy = within(dome, -scallops)
    rib = union(ellipse(u, v, 0, -0.02, 0.44, 0.80), ellipse(u, v, 0, -0.02, 0.012, 0.80))
    panels = within(ellipse(u, v, 0, -0.02, 0.44, 0.80), canopy)
    ribs = within(union(rib.abs() - 0.018, u.abs() - 0.018), canopy + 0.01)
    hook = torch.where(v < -0.68, (length(u - 0.14, v + 0.68) - 0.14).abs(), length(u, (v + 0.1).clamp(min=0))) - 0.04
    hook = torch.where((v >= -0.68) & (u > 0.14), length(u - 0.28, v + 0.68) - 0.04, hook)
    return [
        Part(hook, BROWN, True),
        Part(line(u, v, (0, 0.74), (0, 0.88), 0.03), BROWN, True),
        Part(canopy, "body", True),
        Part(panels, "light", opacity=0.35),
        Part(ribs, INK, opacity=0.6),
        gloss(u, v, canopy, -0.62, 0.34, 0.06, 0.16, -0.5, 0.5),
    ]


OUTLINES: dict[str, Callable[[Tensor, Tensor], list[Part]]] = {
    "apple": apple,
    "bird": bird,
    "boat": boat,
    "car": car,
    "cat": cat,
    "fish": fish,
    "flower": flower,
    "heart": heart,
    "house": house,
    "moon": moon,
    "rocket": rocket,
    "star": star,
    "tree": tree,
    "umbrella": umbrella,
}
