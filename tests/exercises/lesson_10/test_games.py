"""Exercises 10.3 and 10.4 on right answers and on the wrong ones that people give."""

import math
from itertools import combinations, permutations

import pytest
import torch
import torch.nn.functional as F

from mmcourse.exercises import checks
from mmcourse.exercises.lesson_10 import dropping
from mmcourse.exercises.lesson_10.sharing import by_orders
from mmcourse.models.attribution import ablation, shapley
from mmcourse.models.fusion.dropout import ModalityDropout


def drop(batch, rates, rng, give_back=True):
    kept = torch.rand(batch, len(rates), generator=rng) >= rates
    lost = ~kept.any(1)
    one = F.one_hot(torch.randint(len(rates), (batch,), generator=rng), len(rates)).bool()
    return kept | (lost[:, None] & one) if give_back else kept


def by_a_loop(batch, rates, rng):
    rows = []
    for _ in range(batch):
        row = [float(torch.rand((), generator=rng)) >= rate for rate in rates.tolist()]
        if not any(row):
            row[int(torch.randint(len(rates), (), generator=rng))] = True
        rows.append(row)
    return torch.tensor(rows)


def redrawn_one(batch, rates, rng):
    kept = torch.rand(batch, len(rates), generator=rng) >= rates
    rows = (~kept.any(1)).nonzero()[:, 0]
    kept[rows, torch.randint(len(rates), (len(rows),), generator=rng)] = True
    return kept


def first_back(batch, rates, rng):
    kept = drop(batch, rates, rng, give_back=False)
    kept[~kept.any(1), 0] = True
    return kept


def all_back(batch, rates, rng):
    kept = drop(batch, rates, rng, give_back=False)
    kept[~kept.any(1)] = True
    return kept


def redrawn(batch, rates, rng):
    """Rows that lost all are drawn again until something is there, which favours modalities with a low rate."""
    kept = drop(batch, rates, rng, give_back=False)
    while (lost := ~kept.any(1)).any():
        kept[lost] = torch.rand(int(lost.sum()), len(rates), generator=rng) >= rates
    return kept


def written_into_a_copy(batch, rates, rng):
    kept = drop(batch, rates, rng, give_back=False)
    rows = ~kept.any(1)
    kept[rows][:, int(torch.randint(len(rates), (), generator=rng))] = True
    return kept


def redrawn_once(batch, rates, rng):
    kept = drop(batch, rates, rng, give_back=False)
    lost = ~kept.any(1)
    kept[lost] = torch.rand(int(lost.sum()), len(rates), generator=rng) >= rates
    return kept


def all_redrawn(batch, rates, rng):
    """The whole batch again, until no row is empty: with many rows, never."""
    while True:
        kept = drop(batch, rates, rng, give_back=False)
        if kept.any(1).all():
            return kept


def same_number(batch, rates, rng):
    kept = torch.rand(batch, 1, generator=rng) >= rates
    lost = ~kept.any(1)
    one = F.one_hot(torch.randint(len(rates), (batch,), generator=rng), len(rates)).bool()
    return kept | (lost[:, None] & one)


def of_its_own_seed(batch, rates, rng):
    return drop(batch, rates, torch.Generator().manual_seed(0))


def packaged(batch, rates, rng):
    """The package draws from PyTorch's own generator, so it does not follow `rng`."""
    drop = ModalityDropout({str(i): min(float(rate), 0.99) for i, rate in enumerate(rates)})
    return torch.stack(list(drop(batch).values()), dim=1)


def test_modality_dropout(judged):
    judged(
        "10.3",
        {
            "masks": drop,
            "loop": by_a_loop,
            "rows": redrawn_one,
        },
        {
            "redrawn": (redrawn, "rows that lost all are drawn again, so"),
            "all may go": (lambda b, r, g: drop(b, r, g, give_back=False), "give one back to each of them (if you did"),
            "redrawn once": (redrawn_once, "some lose all again"),
            "inverted": (lambda b, r, g: drop(b, 1 - r, g), "kept and dropped are swapped: True means kept, and"),
            "one rate": (lambda b, r, g: drop(b, torch.full_like(r, float(r.mean())), g), "all are kept equally often"),
            "whole batch": (lambda b, r, g: drop(1, r, g).expand(b, -1), "all rows are equal: draw for each example"),
            "one draw": (lambda b, r, g: drop(1, r, g)[0], "one draw for the whole batch"),
            "same number": (same_number, "not dropped independently"),
            "first back": (first_back, "a row that lost all always gets the same modality"),
            "all back": (all_back, "get everything back"),
            "back to all": (lambda b, r, g: drop(b, r, g) | drop(b, torch.ones(len(r)), g), "every row gets one back"),
            "left out": (
                lambda b, r, g: (k := drop(b, r, g, False))[k.any(1)],
                "rows are returned: rows that lost all get one",
            ),
            "floats": (lambda b, r, g: drop(b, r, g).float(), "or add `.bool()`"),
            "numbers": (lambda b, r, g: torch.rand(b, len(r), generator=g), "compare with the rates"),
            "transposed": (lambda b, r, g: drop(b, r, g).T, "a row for each example"),
            "own seed": (of_its_own_seed, "is the generator seeded inside"),
            "no generator": (packaged, "pass `generator=rng`"),
            "one each": (lambda b, r, g: drop(b, torch.ones(len(r)), g), "exactly one modality"),
            "list": (lambda b, r, g: drop(b, r, g).tolist(), "makes one of a list"),
            "none": (lambda b, r, g: torch.ones(b, len(r), dtype=torch.bool), None),
        },
        draws=4,
    )


@pytest.mark.parametrize(
    "answer", [lambda b, r, g: ~drop(b, r, g), lambda b, r, g: torch.rand(b, len(r), generator=g) < r]
)
def test_an_exchanged_mask_is_named_before_its_empty_rows(answer):
    assert "kept and dropped are swapped: True means kept, and" in checks.judge("10.3", answer).message


def test_one_given_back_in_a_copy():
    assert "writes into a copy" in checks.judge("10.3", written_into_a_copy).message


def test_a_batch_drawn_again_as_a_whole_ends_at_the_deadline(monkeypatch):
    monkeypatch.setattr(dropping, "SECONDS", 0.5)
    verdict = checks.judge("10.3", all_redrawn)
    assert verdict.state == "wrong" and "seconds of the processor" in verdict.message


def weighted(weight, gain=lambda v, s, n: v(s | {n}) - v(s), sizes=range):
    def shares(value, names):
        result = {}
        for name in names:
            others = [other for other in names if other != name]
            result[name] = sum(
                weight(size, len(names)) * gain(value, frozenset(some), name)
                for size in sizes(len(names))
                for some in combinations(others, size)
            )
        return result

    return shares


def fair(s, m):
    return math.factorial(s) * math.factorial(m - s - 1) / math.factorial(m)


def one_order(value, names):
    shares, some = {}, frozenset()
    for name in names:
        shares[name] = value(some | {name}) - value(some)
        some |= {name}
    return shares


def summed_orders(value, names):
    shares = dict.fromkeys(names, 0.0)
    for order in permutations(names):
        for name, gain in one_order(value, order).items():
            shares[name] += gain
    return shares


def divided_by_their_sum(value, names):
    shares = shapley(value, names)
    return {name: fraction / sum(shares.values()) for name, fraction in shares.items()}


def test_shapley_values(judged):
    judged(
        "10.4",
        {
            "formula": weighted(fair),
            "binomial": weighted(lambda s, m: 1 / (m * math.comb(m - 1, s))),
            "orders": by_orders,
            "package": shapley,
        },
        {
            "equal weights": (weighted(lambda s, m: 1 / 2 ** (m - 1)), "Banzhaf"),
            "no weights": (weighted(lambda s, m: 1), "the weights are missing"),
            "ablation": (ablation, "that is ablation"),
            "alone": (weighted(lambda s, m: float(s == 0)), "that is each name's gain when it enters first: the"),
            "one order": (one_order, "that is a single order; average over all orders"),
            "not divided": (lambda v, n: summed_orders(v, n), "not divided by M!"),
            "factorial": (
                weighted(lambda s, m: math.factorial(s) * math.factorial(m - s) / math.factorial(m)),
                "the second factorial",
            ),
            "no empty": (
                weighted(fair, sizes=lambda m: range(1, m)),
                "the empty set is missing: some name enters first",
            ),
            "no full": (weighted(fair, sizes=lambda m: range(m - 1)), "the set of all the others"),
            "not taken off": (weighted(fair, gain=lambda v, s, n: v(s | {n})), "the value of the set before"),
            "sign": (
                weighted(fair, gain=lambda v, s, n: v(s) - v(s | {n})),
                "the sign is reversed: v(with) - v(without)",
            ),
            "from nothing": (
                weighted(fair, gain=lambda v, s, n: v(s | {n}) - v(frozenset())),
                "v of the empty set is subtracted each time",
            ),
            "one over M": (weighted(lambda s, m: 1 / m), "every set has the weight 1 / M; with more than two"),
            "one order fewer": (
                weighted(lambda s, m: math.factorial(s) * math.factorial(m - s - 1) / math.factorial(m - 1)),
                "so divide by the number of names",
            ),
            "whole division": (
                weighted(lambda s, m: math.factorial(s) * math.factorial(m - s - 1) // math.factorial(m)),
                "rounded down",
            ),
            "first from zero": (
                weighted(fair, gain=lambda v, s, n: v(s | {n}) - (v(s) if s else 0)),
                "for a name that enters first, v of the empty set",
            ),
            "added": (
                weighted(fair, gain=lambda v, s, n: v(s | {n}) + v(s)),
                "the values with and without are added; subtract",
            ),
            "divided by their sum": (divided_by_their_sum, "the values are normalised to a sum of 1"),
            "letters": (weighted(fair, gain=lambda v, s, n: v(s | frozenset(n)) - v(s)), "is a set of letters"),
            "tuples": (lambda v, n: {name: v((name,)) for name in n}, "it expects a frozenset of names"),
            "a string": (lambda v, n: {name: v(frozenset(name)) for name in n}, None),
            "list": (lambda v, n: list(shapley(v, n).values()), "expected a dict"),
            "one short": (lambda v, n: dict(list(shapley(v, n).items())[1:]), "it returned values for"),
            "halves": (lambda v, n: {k: s / 2 for k, s in shapley(v, n).items()}, "they sum to"),
            "evened": (
                lambda v, n: dict.fromkeys(n, (v(frozenset(n)) - v(frozenset())) / len(n)),
                "the sum is correct, but",
            ),
        },
        draws=10,
    )
