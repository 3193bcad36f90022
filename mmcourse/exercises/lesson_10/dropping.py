"""Exercise 10.3: which modalities each example keeps, in modality dropout."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake, deadline
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_tensor, explained, whole
from mmcourse.exercises.randomness import correlated, normal_cdf

MANY = 4_000
SECONDS = 5  # of processor time for one call: a loop over all rows in Python takes less than one
FAR = 0.05  # more than 6 standard errors of a fraction of so many rows

COLUMNS = (
    "correct for large batches; in a small one the last modality may not be drawn, and `F.one_hot(one)` without "
    "`len(rates)` then has fewer columns"
)


@exercise(
    "10.3",
    title="which modalities are kept?",
    dots=2,
    minutes=10,
    hints=(
        "`torch.rand(batch, len(rates), generator=rng)` is below a rate with that probability: then the modality is "
        "dropped.",
        "`kept.any(dim=1)` is False for a row that lost all. How many such rows are there? What does each of them get?",
        "`torch.randint(len(rates), (batch,), generator=rng)` draws one modality per row; `F.one_hot(...).bool()` "
        "turns it into a mask, and `|` adds it to the rows that need it.",
    ),
)
def modality_dropout(answer, rng):
    rates = torch.tensor([0.2, 0.6, 0.35])[torch.randperm(3, generator=rng)]
    kept = masks(answer, MANY, rates, rng)
    not_swapped(kept, rates)
    none_lost(kept, rates)
    of_its_own(kept)
    check_fractions(kept, rates)
    if correlated(torch.cat([kept[0::2], kept[1::2]], dim=1).float()[:, [0, 3]]):
        raise Mistake("neighbouring rows are not independent of each other: draw for every example")
    if not masks(answer, 7, torch.tensor([0.7]), rng).all():
        raise Mistake("with a single modality a row lost it; such a row gets it back")
    small = explained(answer, {"at non-singleton dimension 1": COLUMNS})
    masks(answer, 400, torch.tensor([0.9, 0.8, 0.9, 0.7]), rng)
    for _ in range(20):  # a single row, and two, of which no index needs to be the largest
        for batch in (1, 2):
            none_lost(masks(small, batch, torch.tensor([0.9, 0.8, 0.9, 0.7]), rng), torch.ones(4))
    everyone = masks(answer, whole(rng, 5, 9), torch.zeros(4), rng)
    if not everyone.all():
        raise Mistake("with all rates 0 something is dropped; everything should be kept")
    hard = torch.tensor([0.95, 0.9, 0.6])[torch.randperm(3, generator=rng)]
    kept = masks(answer, MANY, hard, rng)
    none_lost(kept, hard)
    given_back(kept, hard)
    draws(answer, rates, rng)
    counts_vary(answer, rng)
    return f"correct rates on {MANY:,} rows, independent draws, and no row without a modality"


def masks(answer, batch: int, rates: Tensor, rng: torch.Generator) -> Tensor:
    where = f"for a batch of {batch:,} and {len(rates)} rates"
    n = len(rates)
    causes = {
        (n, batch): "transposed: a row for each example",
        (n,): "one draw for the whole batch: draw for every example",
        (1, n): "one draw for the whole batch: draw for every example",
        (batch,): "one draw for each example: draw for every modality of it",
        (batch, 1): "one draw for each example: draw for every modality of it",
    }
    causes |= {(batch, columns): f"there is one column for each rate, `len(rates)`: {n}" for columns in (2, 3, 4)}
    causes.pop((batch, n), None)
    endless = (
        f"{where} one call takes more than {SECONDS} seconds of the processor. Is the whole batch drawn again until no "
        "row is empty? That never ends, since among so many rows some always lose all: give one back in those rows"
    )
    with deadline(SECONDS, endless):
        given = answer(batch, rates, rng)
    if isinstance(given, Tensor) and given.dim() == 2 and given.shape[1] == n and len(given) < batch:
        raise Mistake(
            f"{where} {len(given):,} rows are returned: rows that lost all get one modality back; do not remove them"
        )
    kept = expect_tensor(given, where, (batch, n), causes)
    if kept.dtype != torch.bool:
        if set(kept.unique().tolist()) <= {0, 1}:
            raise Mistake(f"{where} it returned {kept.dtype}, expected bool: compare, or add `.bool()`")
        raise Mistake(
            f"{where} it returned {kept.dtype} with values other than 0 and 1, expected bool: compare with the rates"
        )
    return kept


def not_swapped(kept: Tensor, rates: Tensor) -> None:
    """Called before the search for rows that lost all: in a swapped mask they are the rows that kept all."""
    found = kept.float().mean(dim=0)
    if any(
        (found - fraction).abs().max() < FAR
        for fraction in (1 - expected_fraction(rates), expected_fraction(1 - rates))
    ):
        raise Mistake("kept and dropped are swapped: True means kept, and a rate is the probability of dropping")


def none_lost(kept: Tensor, rates: Tensor) -> None:
    lost = int((~kept.any(dim=1)).sum())
    if lost == 0:
        return
    observed = f"{lost:,} of {len(kept):,} rows lost every modality"
    if lost < 0.5 * rates.prod() * len(kept):
        raise Mistake(
            f"{observed}, fewer than were drawn. (Of rows that are drawn again, some lose all again.) Give one "
            "modality back to each row that lost all"
        )
    raise Mistake(
        f"{observed}: give one back to each of them (if you did: `kept[rows][...] = True` writes into a copy; "
        "index once)"
    )


def of_its_own(kept: Tensor) -> None:
    """Rows differ, and modalities within a row are independent."""
    if (kept == kept[:1]).all():
        raise Mistake("all rows are equal: draw for each example, `torch.rand(batch, len(rates), ...)`")
    if (kept.sum(dim=1) == 1).all():
        raise Mistake("every row keeps exactly one modality: drop each independently, with its own rate")
    if (kept.sum(dim=1) >= kept.shape[1] - 1).all():
        raise Mistake("no row ever lacks two modalities: drop each independently, with its own rate")
    gone = (~kept).float()
    together, alone = gone.T @ gone / len(gone), gone.mean(dim=0)
    excess = (together - alone[:, None] * alone).fill_diagonal_(0).max().item()  # giving one back makes it negative
    if excess > 0.025:
        raise Mistake(
            "the modalities of a row are not dropped independently: two are dropped together more often than "
            "independence allows. Is one random number used for all?"
        )


def expected_fraction(rates: Tensor) -> Tensor:
    """The fraction kept: 1 - rate, and the one of M that is given back to a row that lost all."""
    return 1 - rates + rates.prod() / len(rates)


def check_fractions(kept: Tensor, rates: Tensor) -> None:
    found = kept.float().mean(dim=0)
    expected = expected_fraction(rates)
    if (found - expected).abs().max() > FAR:
        observed = ", ".join(
            f"{rate:.2f}: {fraction:.2f}" for rate, fraction in zip(rates.tolist(), found.tolist(), strict=True)
        )
        one_rate = found.max() - found.min() < FAR
        always = (kept.all(dim=0) & (rates > 0)).nonzero()[:, 0].tolist()
        half = (found - (1 - rates / 2)).abs().max() < FAR
        cause = (
            "all are kept equally often: each has its own rate"
            if one_rate
            else f"number {always[0]} is kept in every row: one is given back only in the rows that lost all"
            if always
            else "every row gets one back; only those that lost all should"
            if (found - (1 - rates + rates / len(rates))).abs().max() < FAR
            else "the rates are halved"
            if half
            else "are the random numbers normal (`randn`)? Those of `rand` are below a rate with that probability"
            if (found - expected_fraction(normal_cdf(rates))).abs().max() < FAR
            else f"expected {', '.join(f'{fraction:.2f}' for fraction in expected.tolist())}"
        )
        raise Mistake(f"fraction kept, by dropout rate: {observed}; {cause}")


def given_back(kept: Tensor, rates: Tensor) -> None:
    """With high rates most rows lost all: each modality is given back equally often, however high its rate."""
    found = kept.float().mean(dim=0)
    if (found - expected_fraction(rates)).abs().max() < FAR:
        return
    back = (found - (1 - rates)) / rates.prod()  # of the rows that lost all, the fraction that gets each one back
    if back.min() > 0.9:
        raise Mistake("rows that lost all get everything back; give back one modality, drawn at random")
    if back.max() > 0.9:
        raise Mistake(
            f"a row that lost all always gets the same modality back, number {int(back.argmax())}: draw it at random "
            "for every row"
        )
    again = (1 - rates) / (1 - rates.prod())  # the fraction kept of a row that does not lose all
    for fractions, words in (
        (again, "rows that lost all are drawn again, so a modality with a low rate is given back more often"),
        (1 - rates + rates.prod() * (1 - rates) / (1 - rates).sum(), "the keep rates decide which one is given back"),
        (1 - rates + rates.prod() * rates / rates.sum(), "the dropout rates decide which one is given back"),
    ):
        if (found - fractions).abs().max() < 0.6 * FAR:
            raise Mistake(f"{words}. An example that lost all gets one back, each with equal probability")
    parts = ", ".join(f"{rate:.2f}: {part:.0%}" for rate, part in zip(rates.tolist(), back.tolist(), strict=True))
    raise Mistake(
        f"of the rows that lost all, the fraction that gets each modality back is, by dropout rate, {parts}; expected "
        f"{1 / len(rates):.0%} each: one of {len(rates)}, each with equal probability"
    )


def counts_vary(answer, rng: torch.Generator) -> None:
    """How many rows of a small batch keep a modality is left to chance; 14 equal counts have probability 2e-10."""
    rates = torch.tensor([0.5, 0.0])
    counts = {int(masks(answer, 20, rates, rng)[:, 0].sum()) for _ in range(14)}
    if len(counts) == 1:
        raise Mistake(
            f"in every batch of 20 exactly {counts.pop()} rows keep a modality with rate 0.5: that is a fixed number "
            "of rows. Each example's draw is independent of the others, so the number varies"
        )


def draws(answer, rates: Tensor, rng: torch.Generator) -> None:
    """The generator is used: the same state gives the same masks, the next call different ones."""
    state = rng.get_state()
    first = masks(answer, 200, rates, rng)
    second = masks(answer, 200, rates, rng)
    rng.set_state(state)
    again = masks(answer, 200, rates, rng)
    if torch.equal(first, second):
        raise Mistake("two calls return the same masks: is the generator seeded inside?")
    if not torch.equal(first, again):
        raise Mistake("`rng` in the same state gives different masks: pass `generator=rng` to every draw")
