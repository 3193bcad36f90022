"""Exercise 10.3: which modalities each example keeps, in modality dropout."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight, deadline
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_tensor, whole

MANY = 6_000
SECONDS = 20  # for one call: a loop over all rows in Python takes far less
FAR = 0.05  # a larger deviation of so many rows is not chance


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
    everyone = masks(answer, whole(rng, 5, 9), torch.zeros(4), rng)
    if not everyone.all():
        raise NotRight("with all rates 0 something is dropped; everything should be kept")
    hard = torch.full((3,), 0.9)
    kept = masks(answer, MANY, hard, rng)
    none_lost(kept, hard)
    given_back(kept, hard)
    draws(answer, rates, rng)
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
    endless = (
        f"{where} it keeps drawing for {SECONDS} seconds: among so many rows some always lose all. Draw again, or "
        "give one back, only in the rows that did"
    )
    with deadline(SECONDS, endless):
        given = answer(batch, rates, rng)
    if isinstance(given, Tensor) and given.dim() == 2 and given.shape[1] == n and len(given) < batch:
        raise NotRight(
            f"{where} {len(given):,} rows are returned: rows that lost all get one modality back; do not remove them"
        )
    kept = expect_tensor(given, where, (batch, n), causes)
    if kept.dtype != torch.bool:
        if set(kept.unique().tolist()) <= {0, 1}:
            raise NotRight(f"{where} it returned {kept.dtype}, expected bool: compare, or add `.bool()`")
        raise NotRight(
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
        raise NotRight("kept and dropped are swapped: True means kept, and a rate is the probability of dropping")


def none_lost(kept: Tensor, rates: Tensor) -> None:
    lost = int((~kept.any(dim=1)).sum())
    if lost == 0:
        return
    observed = f"{lost:,} of {len(kept):,} rows lost every modality"
    if lost < 0.5 * rates.prod() * len(kept):
        raise NotRight(f"{observed}: of rows that are drawn again, some lose all again. Repeat until none does")
    raise NotRight(
        f"{observed}: give one back to each of them (if you did: `kept[rows][...] = True` writes into a copy; "
        "index once)"
    )


def of_its_own(kept: Tensor) -> None:
    """Rows differ, and modalities within a row are independent."""
    if (kept == kept[:1]).all():
        raise NotRight("all rows are equal: draw for each example, `torch.rand(batch, len(rates), ...)`")
    if (kept.sum(dim=1) == 1).all():
        raise NotRight("every row keeps exactly one modality: drop each independently, with its own rate")
    gone = (~kept).float()
    together, alone = gone.T @ gone / len(gone), gone.mean(dim=0)
    excess = (together - alone[:, None] * alone).fill_diagonal_(0).max().item()  # giving one back makes it negative
    if excess > 0.02:
        raise NotRight(
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
        half = (found - (1 - rates / 2)).abs().max() < FAR
        cause = (
            "all are kept equally often: each has its own rate"
            if one_rate
            else "every row gets one back; only those that lost all should"
            if (found - (1 - rates + rates / len(rates))).abs().max() < FAR
            else "the rates are halved"
            if half
            else f"expected {', '.join(f'{fraction:.2f}' for fraction in expected.tolist())}"
        )
        raise NotRight(f"fraction kept, by dropout rate: {observed}; {cause}")


def given_back(kept: Tensor, rates: Tensor) -> None:
    """With high rates most rows lost all: each modality should be given back equally often."""
    found = kept.float().mean(dim=0)
    expected = expected_fraction(rates)
    if (found - expected).abs().max() < FAR:
        return
    if (found > 0.9).all() or kept.all(dim=1).float().mean() > 0.5:
        raise NotRight("rows that lost all get everything back; give back one modality, drawn at random")
    most = int(found.argmax())
    if found[most] > expected[most] + 0.2:
        raise NotRight(
            f"a row that lost all always gets the same modality back, number {most}: draw it at random for every row"
        )
    raise NotRight(
        f"with rates of 0.9 the fractions kept are {', '.join(f'{fraction:.2f}' for fraction in found.tolist())}, "
        f"expected {expected[0]:.2f} each: a row that lost all gets one of {len(rates)} back, each with equal "
        "probability"
    )


def draws(answer, rates: Tensor, rng: torch.Generator) -> None:
    """The generator is used: the same state gives the same masks, the next call different ones."""
    state = rng.get_state()
    first = masks(answer, 200, rates, rng)
    second = masks(answer, 200, rates, rng)
    rng.set_state(state)
    again = masks(answer, 200, rates, rng)
    if torch.equal(first, second):
        raise NotRight("two calls return the same masks: is the generator seeded inside?")
    if not torch.equal(first, again):
        raise NotRight("`rng` in the same state gives different masks: pass `generator=rng` to every draw")
