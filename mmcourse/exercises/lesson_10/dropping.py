"""Exercise 10.3: which modalities each example keeps, in modality dropout."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight, deadline
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_tensor, whole

MANY = 6_000
SECONDS = 20  # for one call: a loop over all rows in Python takes far less
FAR = 0.05  # a share of so many rows that is off by more is no accident


@exercise(
    "10.3",
    title="who is there?",
    dots=2,
    minutes=10,
    hints=(
        "`torch.rand(batch, len(rates), generator=rng)` is below a rate with that probability: dropped.",
        "`kept.any(dim=1)` is False for a row that lost all. How many such rows are there? What does each get?",
        "`torch.randint(len(rates), (batch,), generator=rng)` draws a place a row; `F.one_hot(...).bool()` makes "
        "a mask of it, and `|` adds it to the rows that need it.",
    ),
)
def modality_dropout(answer, rng):
    rates = torch.tensor([0.2, 0.6, 0.35])[torch.randperm(3, generator=rng)]
    kept = masks(answer, MANY, rates, rng)
    not_exchanged(kept, rates)
    none_lost(kept, rates)
    of_its_own(kept)
    check_fractions(kept, rates)
    everyone = masks(answer, whole(rng, 5, 9), torch.zeros(4), rng)
    if not everyone.all():
        raise NotRight("with all rates 0 something is dropped; nothing may be")
    hard = torch.full((3,), 0.9)
    kept = masks(answer, MANY, hard, rng)
    none_lost(kept, hard)
    came_back(kept, hard)
    draws(answer, rates, rng)
    return f"rates as asked on {MANY:,} rows, each on its own, and nobody left with nothing"


def masks(answer, batch: int, rates: Tensor, rng: torch.Generator) -> Tensor:
    where = f"for a batch of {batch:,} and {len(rates)} rates"
    n = len(rates)
    causes = {
        (n, batch): "turned round: a row for each example",
        (n,): "one draw for the whole batch: every example has its own",
        (1, n): "one draw for the whole batch: every example has its own",
        (batch,): "one draw for each example: every modality of it has its own",
        (batch, 1): "one draw for each example: every modality of it has its own",
    }
    endless = (
        f"{where} it draws on and on, {SECONDS} seconds long: among so many rows some always lose all. Draw again, or "
        "give one back, only in the rows that did"
    )
    with deadline(SECONDS, endless):
        given = answer(batch, rates, rng)
    if isinstance(given, Tensor) and given.dim() == 2 and given.shape[1] == n and len(given) < batch:
        raise NotRight(f"{where} {len(given):,} rows come back: rows that lost all are to get one back, not to go")
    kept = expect_tensor(given, where, (batch, n), causes)
    if kept.dtype != torch.bool:
        if set(kept.unique().tolist()) <= {0, 1}:
            raise NotRight(f"{where} it gave {kept.dtype}, expected bool: compare, or add `.bool()`")
        raise NotRight(f"{where} it gave {kept.dtype} that are not 0 or 1, expected bool: compare with the rates")
    return kept


def not_exchanged(kept: Tensor, rates: Tensor) -> None:
    """Before rows that lost all are looked for: in an exchanged mask they are the rows that kept all."""
    found = kept.float().mean(dim=0)
    if any(
        (found - fraction).abs().max() < FAR
        for fraction in (1 - expected_fraction(rates), expected_fraction(1 - rates))
    ):
        raise NotRight("kept and dropped are exchanged: True is kept, and a rate says how often it is dropped")


def none_lost(kept: Tensor, rates: Tensor) -> None:
    lost = int((~kept.any(dim=1)).sum())
    if lost == 0:
        return
    told = f"{lost:,} of {len(kept):,} rows lost every modality"
    if lost < 0.5 * rates.prod() * len(kept):
        raise NotRight(f"{told}: of rows that are drawn again, some lose all again. Go on until none does")
    raise NotRight(
        f"{told}: each of them gets one back (if you gave one back: `kept[rows][...] = True` writes into a copy; "
        "index once)"
    )


def of_its_own(kept: Tensor) -> None:
    """Rows differ, and so do the modalities of a row."""
    if (kept == kept[:1]).all():
        raise NotRight("every row is the same: draw for each example, `torch.rand(batch, len(rates), ...)`")
    if (kept.sum(dim=1) == 1).all():
        raise NotRight("every row keeps exactly one modality: each is dropped on its own, with its own rate")
    gone = (~kept).float()
    together, alone = gone.T @ gone / len(gone), gone.mean(dim=0)
    excess = (together - alone[:, None] * alone).fill_diagonal_(0).max().item()  # what comes back makes it negative
    if excess > 0.02:
        raise NotRight(
            "the modalities of a row are not dropped independently: two go together more often than two that know "
            "nothing of each other. Is one random number used for all?"
        )


def expected_fraction(rates: Tensor) -> Tensor:
    """How often each is kept: as its rate says, and as the one of M that comes back to a row that lost all."""
    return 1 - rates + rates.prod() / len(rates)


def check_fractions(kept: Tensor, rates: Tensor) -> None:
    found = kept.float().mean(dim=0)
    expected = expected_fraction(rates)
    if (found - expected).abs().max() > FAR:
        told = ", ".join(
            f"{rate:.2f}: {fraction:.2f}" for rate, fraction in zip(rates.tolist(), found.tolist(), strict=True)
        )
        one_rate = found.max() - found.min() < FAR
        half = (found - (1 - rates / 2)).abs().max() < FAR
        cause = (
            "all are kept equally often: each has a rate of its own"
            if one_rate
            else "every row gets one back; only those that lost all should"
            if (found - (1 - rates + rates / len(rates))).abs().max() < FAR
            else "half as often as asked"
            if half
            else f"expected {', '.join(f'{fraction:.2f}' for fraction in expected.tolist())}"
        )
        raise NotRight(f"kept, by rate of dropping: {told}; {cause}")


def came_back(kept: Tensor, rates: Tensor) -> None:
    """With high rates most rows lost all: what comes back should be any."""
    found = kept.float().mean(dim=0)
    expected = expected_fraction(rates)
    if (found - expected).abs().max() < FAR:
        return
    if (found > 0.9).all() or kept.all(dim=1).float().mean() > 0.5:
        raise NotRight("rows that lost all get everything back; one modality, drawn at random, is enough")
    most = int(found.argmax())
    if found[most] > expected[most] + 0.2:
        raise NotRight(
            f"what comes back is always the same modality, number {most}: draw it at random, for every row anew"
        )
    raise NotRight(
        f"with rates of 0.9 they are kept {', '.join(f'{fraction:.2f}' for fraction in found.tolist())}, expected "
        f"{expected[0]:.2f} each: of a row that lost all, one of {len(rates)} comes back, each equally often"
    )


def draws(answer, rates: Tensor, rng: torch.Generator) -> None:
    """The generator is used: the same one gives the same masks, the next call others."""
    state = rng.get_state()
    first = masks(answer, 200, rates, rng)
    second = masks(answer, 200, rates, rng)
    rng.set_state(state)
    again = masks(answer, 200, rates, rng)
    if torch.equal(first, second):
        raise NotRight("two calls give the same masks: is the generator seeded inside?")
    if not torch.equal(first, again):
        raise NotRight("`rng` in the same state gives other masks: pass `generator=rng` to every draw")
