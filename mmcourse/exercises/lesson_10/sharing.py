"""Exercise 10.4: Shapley values."""

import math
from collections.abc import Callable
from itertools import combinations, permutations

import torch

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import close, described, fitted_weights, numbers_by_name
from mmcourse.models.attribution import coalitions, shapley


def by(weight: Callable, gain: Callable = lambda v, s, n: v(s | {n}) - v(s), sizes: Callable = range) -> Callable:
    """Values as weighted sums over the sets without the name, for mistakes in a part of the formula."""

    def attributions(value, names):
        return {
            name: sum(
                weight(size, len(names)) * gain(value, frozenset(some), name)
                for size in sizes(len(names))
                for some in combinations([other for other in names if other != name], size)
            )
            for name in names
        }

    return attributions


def fair(size: int, players: int) -> float:
    return math.factorial(size) * math.factorial(players - size - 1) / math.factorial(players)


def first_order(value, names):
    """A single order."""
    attributions, some = {}, frozenset()
    for name in names:
        attributions[name] = value(some | {name}) - value(some)
        some |= {name}
    return attributions


def last_order(value, names):
    return first_order(value, tuple(reversed(names)))


def mean_of_orders(orders: Callable) -> Callable:
    """The average over some orders of positions."""

    def attributions(value, names):
        entered = [first_order(value, tuple(names[i] for i in order)) for order in orders(len(names))]
        return {name: sum(gains[name] for gains in entered) / len(entered) for name in names}

    return attributions


rotations = mean_of_orders(lambda m: [tuple((i + shift) % m for i in range(m)) for shift in range(m)])
both_directions = mean_of_orders(lambda m: [tuple(range(m)), tuple(reversed(range(m)))])


def normalised(value, names):
    """Values that sum to 1."""
    attributions = shapley(value, names)
    return {name: attribution / sum(attributions.values()) for name, attribution in attributions.items()}


MISTAKES = [
    (
        by(lambda s, m: 1 / 2 ** (m - 1)),
        "all sets have equal weights (these are Banzhaf values): the weight of a set depends on its size",
    ),
    (by(lambda s, m: 1.0), "the weights are missing: the gains are summed, not averaged"),
    (
        by(lambda s, m: float(s == m - 1)),
        "that is ablation: only the gain of entering last is used. The gains with fewer others are missing",
    ),
    (
        by(lambda s, m: float(s == 0)),
        "that is each name's gain when it enters first: the gains after others are missing",
    ),
    (
        by(lambda s, m: ((s == 0) + (s == m - 1)) / 2),
        "that is the mean of entering first and entering last (ablation); the positions in between count too",
    ),
    (
        by(lambda s, m: fair(s, m) * math.factorial(m) / 6),
        "the gains are divided by 6, the number of orders of three names; the number of orders is M!",
    ),
    (
        by(lambda s, m: fair(s, m) * math.factorial(m) / m),
        "the gains of all orders are divided by the number of names; divide by the number of orders, M!",
    ),
    (
        rotations,
        "only M orders are used, the rotations of the given one; there are M! orders, `permutations(names)`",
    ),
    (
        both_directions,
        "only two orders are used, the given one and its reverse; there are M! orders, `permutations(names)`",
    ),
    (
        by(fair, gain=lambda v, s, n: abs(v(s | {n}) - v(s))),
        "the absolute value of each gain is taken; a modality can make the result worse, so the sign is kept",
    ),
    (
        by(fair, gain=lambda v, s, n: max(v(s | {n}) - v(s), 0.0)),
        "negative gains are set to 0; a modality can make the result worse, so the sign is kept",
    ),
    (by(fair, gain=lambda v, s, n: (v(s | {n}) - v(s)) ** 2), "the gains are squared; they are averaged as they are"),
    (
        by(lambda s, m: {0: 1 / 3, 1: 1 / 6, 2: 1 / 3}.get(s, 0.0)),
        "the weights 1/3, 1/6, 1/3 are those of three names; for M names the weight is |S|! (M - |S| - 1)! / M!",
    ),
    (
        by(lambda s, m: {0: 1 / 2, 1: 1 / 2}.get(s, 0.0)),
        "the weights 1/2, 1/2 are those of two names; for M names the weight is |S|! (M - |S| - 1)! / M!",
    ),
    (
        by(lambda s, m: 1 / math.comb(m - 1, s)),
        "the means over the sets of each size are summed; their mean is asked for, so divide by the number of names",
    ),
    (first_order, "that is a single order; average over all orders"),
    (last_order, "that is a single order; average over all orders"),
    (
        by(lambda s, m: math.factorial(s) * math.factorial(m - s - 1)),
        "the weights are not divided by M!, the number of orders",
    ),
    (
        by(lambda s, m: math.factorial(s) * math.factorial(m - s) / math.factorial(m)),
        "the second factorial is that of M - |S| - 1: the name itself is not among those that enter later",
    ),
    (
        by(lambda s, m: math.factorial(s) * math.factorial(m - s - 1) / math.factorial(m - 1)),
        "the weights are divided by (M - 1)!; there are M! orders, each containing every name",
    ),
    (
        by(lambda s, m: 0.0),
        "every attribution is 0: a weight computed with `//` is rounded down to 0, `/` keeps it",
    ),
    (
        by(fair, gain=lambda v, s, n: v(s | {n}) - (v(s) if s else 0)),
        "for a name that enters first, v of the empty set is not subtracted: it adds v({name}) - v(frozenset())",
    ),
    (by(fair, gain=lambda v, s, n: v(s | {n}) + v(s)), "the values with and without are added; subtract"),
    (
        normalised,
        "the values are normalised to a sum of 1; they should sum to v(all) - v(none)",
    ),
    (by(fair, sizes=lambda m: range(1, m)), "the empty set is missing: some name enters first"),
    (by(fair, sizes=lambda m: range(m - 1)), "the set of all the others is missing: some name enters last"),
    (by(fair, gain=lambda v, s, n: v(s | {n})), "the value of the set before is not subtracted"),
    (by(fair, gain=lambda v, s, n: v(s) - v(s | {n})), "the sign is reversed: v(with) - v(without)"),
    (
        by(fair, gain=lambda v, s, n: v(s | {n}) - v(frozenset())),
        "v of the empty set is subtracted each time, instead of v(S)",
    ),
    (
        by(lambda s, m: 1 / m, gain=lambda v, s, n: v(s | {n}) - v(s)),
        "every set has the weight 1 / M; with more than two names several sets have the same size and divide that "
        "weight",
    ),
]


@exercise(
    "10.4",
    title="Shapley values",
    dots=3,
    minutes=20,
    repeatable=True,
    hints=(
        "For one name: the others are `[other for other in names if other != name]`. Their subsets of size 0, 1, "
        "... are `combinations(others, size)`.",
        "`value` expects a frozenset: `frozenset(subset)` without the name, `frozenset(subset) | {name}` with it.",
        "Or by orders: `for order in permutations(names)`: let the names enter one by one, record what each adds, "
        "divide by the number of orders. Try it on the two-modality example above.",
    ),
)
def shapley_values(answer, rng):
    games = []
    for players in (2, 3, 4, 3):
        names = ("image", "sound", "text", "touch")[:players]
        if len(games) == 3:
            names = ("b", "c", "a")
        values = dict(zip(coalitions(names), torch.rand(2**players, generator=rng).tolist(), strict=True))
        games.append((values, names))
    given = [attributions_from(answer, *game) for game in games]
    expected = [shapley(values.__getitem__, names) for values, names in games]
    if not all(map(close, given, expected)):
        for mistaken, words in MISTAKES:
            if all(close(value, mistaken(g[0].__getitem__, g[1])) for value, g in zip(given, games, strict=True)):
                raise Mistake(words)
        if not close(attributions_from(answer, *games[1]), given[1]):
            raise Mistake(
                "a second call gives other values: are orders drawn at random? The average is over all orders, "
                "`permutations(names)`"
            )
        (values, names), value, wanted = next(
            (g, v, e) for g, v, e in zip(games, given, expected, strict=True) if not close(v, e)
        )
        whole = values[frozenset(names)] - values[frozenset()]
        total = sum(value.values())
        observed = (
            f"they sum to {total:.3f}, and v(all) - v(none) is {whole:.3f}"
            if abs(total - whole) > 1e-3
            else f"the sum is correct, but {names[0]} gets {value[names[0]]:.3f}, expected {wanted[names[0]]:.3f}"
        )
        raise Mistake(f"for {len(names)} names {observed}{size_weights(answer, names, rng)}")
    return "correct for two to four modalities; each time the values sum to v(all) - v(none)"


def size_weights(answer, names: tuple[str, ...], rng: torch.Generator) -> str:
    """Words where the result is a sum of gains with other weights for the sets of each size; else empty."""
    sizes, rows, results = range(len(names)), [], []
    for _ in range(4):  # games that differ, so that weights which fit them all are those of the answer
        drawn = torch.rand(2 ** len(names), generator=rng).tolist()
        values = dict(zip(coalitions(names), drawn, strict=True))
        given = attributions_from(answer, values, names)
        sums = [by(lambda s, m, size=size: float(s == size))(values.__getitem__, names) for size in sizes]
        rows += [[of_size[name] for of_size in sums] for name in names]
        results += [given[name] for name in names]
    weights = fitted_weights(torch.tensor(rows).unbind(1), torch.tensor(results))
    if weights is None:
        return ""
    found, due = (", ".join(f"{one:.3f}" for one in some) for some in (weights, [fair(s, len(names)) for s in sizes]))
    return f". Gains after {', '.join(map(str, sizes))} others have the weights {found}, expected {due}"


def attributions_from(answer, values: dict, names: tuple[str, ...]) -> dict[str, float]:
    """The answer's values for a game that rejects anything but known sets of names."""

    def value(some):
        if not isinstance(some, frozenset):
            raise Mistake(f"`value` was called with {described(some)}; it expects a frozenset of names")
        if some not in values:
            unknown = sorted(map(str, some - set(names)))
            split = next((name for name in names if len(name) > 1 and set(name) <= some), None)
            if split:
                raise Mistake(
                    f"`value` was called with {', '.join(unknown)}: `frozenset({split!r})` is a set of letters; "
                    f"`{{{split!r}}}` is the set of the name, as in `subset | {{name}}`"
                )
            raise Mistake(f"`value` was called with {', '.join(unknown)}, which is not among the names")
        return values[some]

    given = guarded(answer, value, names, name=answer.name)
    return numbers_by_name(given, names, "values")


def by_orders(value, names):
    """The average over all orders: the other correct solution."""
    orders = list(permutations(names))
    attributions = dict.fromkeys(names, 0.0)
    for order in orders:
        for name, gain in first_order(value, order).items():
            attributions[name] += gain / len(orders)
    return attributions
