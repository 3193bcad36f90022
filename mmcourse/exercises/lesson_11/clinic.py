"""The clinic of lesson 11: a contrastive loss without a temperature and without unit vectors."""

import math

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import NotRight, NotTried, guarded, is_stub
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_finite, expect_tensor
from mmcourse.exercises.lesson_11.contrasting import contrastive, rows
from mmcourse.exercises.lesson_11.likeness import cosines

SHARP = 100.0


@exercise(
    "11.clinic",
    title="no temperature, no normalisation",
    dots=2,
    minutes=15,
    hints=(
        "Two things are missing. Multiply all vectors by 10: what happens to the loss, and what should? And what is "
        "the smallest loss that cosines alone, between -1 and 1, can reach?",
        "A scale that is learned is an `nn.Parameter`, made in `__init__`. What keeps it above 0 whatever the "
        "optimiser does to it? Its logarithm can be any number.",
        "`self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())`; in `forward` multiply by "
        "`self.log_scale.clamp(max=...).exp()`. `F.normalize(x, dim=1)` brings vectors to length 1.",
    ),
)
def clinic(answer, rng):
    loss = made(answer)
    one, other = torch.randn(2, 9, 12, generator=rng)
    other = one + 0.8 * other
    pairs = [(one, other), (other[:5], one[:5]), (torch.randn(7, 4, generator=rng), torch.randn(7, 4, generator=rng))]
    with torch.no_grad():
        stretched(loss, *pairs[0], rng)
        scale = scale_of(loss, pairs)
    parameter = learned(loss, pairs[0])
    if scale < 3:
        raise NotRight(
            f"it begins at a scale of {scale:.2f}: with cosines between -1 and 1 the softmax stays flat. CLIP begins "
            "at 1 / 0.07, about 14"
        )
    return f"lengths no longer count, and the scale, {scale:.1f} at first, is learned{remarks(loss, parameter, pairs)}"


def made(answer) -> nn.Module:
    """The loss, made by the answer's class."""
    if isinstance(answer.function, nn.Module):
        raise NotRight(f"this is a loss; hand in the class itself: `{type(answer.function).__name__}`")
    try:
        loss = answer()
        if untouched(answer.function):
            raise NotTried
    except NotRight:
        if untouched(answer.function):
            raise NotTried from None
        raise
    if not isinstance(loss, nn.Module):
        raise NotRight(f"`{answer.name}()` gave a {type(loss).__name__}, expected an `nn.Module`")
    return loss.cpu()


def untouched(kind) -> bool:
    """Whether the class's own `forward` is the stub still."""
    own = vars(kind).get("forward") if isinstance(kind, type) else None
    return own is not None and is_stub(own.__code__)


def value_of(loss: nn.Module, one: Tensor, other: Tensor) -> Tensor:
    where = f"for {len(one)} pairs of width {one.shape[1]}"
    causes = {(len(one),): "a loss for each pair; their mean is asked for", (1,): "an axis too many: a single number"}
    causes[(len(one), len(one))] = "those are logits; the loss is one number"
    value = guarded(loss, one.clone(), other.clone(), name="forward")
    if value is None:
        raise NotRight("`forward` gave None: is the `return` missing?")
    value = expect_tensor(value, where, (), causes)
    expect_finite(value, where, "exp of a large number, or a division by zero?")
    return value


def stretched(loss: nn.Module, one: Tensor, other: Tensor, rng: torch.Generator) -> None:
    """Lengths must not count, of either modality."""
    lengths = 5 * torch.rand(len(one), 1, generator=rng) + 0.1
    before = value_of(loss, one, other)
    apart = [value_of(loss, one * lengths, other) - before, value_of(loss, one, other * lengths) - before]
    moved = [abs(float(gap)) > 1e-3 * (1 + abs(float(before))) for gap in apart]
    if all(moved):
        raise NotRight("longer vectors still change the loss: it gains by growing them. Bring both to length 1")
    if any(moved):
        which = "first" if moved[0] else "second"
        raise NotRight(f"longer vectors of the {which} modality still change the loss; the others are of length 1")


def scale_of(loss: nn.Module, pairs) -> float:
    """The scale at which the right loss gives what this one gives, the same for all pairs."""
    values = [float(value_of(loss, one, other)) for one, other in pairs]
    tables = [cosines(one, other) for one, other in pairs]
    if (found := common(contrastive, tables, values)) is not None:
        return found
    for kind, words in KINDS:
        if common(kind, tables, values) is not None:
            raise NotRight(words)
    raise NotRight(
        f"for {len(pairs[0][0])} pairs it gave {values[0]:.3f}, and no scale gives that: is it the mean of the "
        "cross-entropies of rows and columns, as in exercise 11.2?"
    )


KINDS = [
    (lambda t, s: rows(s * t), "only the rows are judged now; the patient judged the columns too, as exercise 11.2"),
    (lambda t, s: rows(s * t.T), "only the columns are judged now; the patient judged the rows too, as exercise 11.2"),
    (lambda t, s: 2 * contrastive(t, s), "the two directions are added; their mean is asked for"),
    (lambda t, s: len(t) * contrastive(t, s), "summed over the batch; the mean is asked for"),
]


def common(kind, tables: list[Tensor], values: list[float]) -> float | None:
    """The scale at which `kind` of every table has its value."""
    for scale in solutions(kind, tables[0], values[0]):
        if not any(differs(kind, table, scale, value) for table, value in zip(tables, values, strict=True)):
            return scale
    return None


def solutions(kind, table: Tensor, value: float) -> list[float]:
    """The scales above 0 at which `kind` of the table is `value`; there may be two, since losses fall and rise."""
    table, grid = table.double(), torch.logspace(-3, 3, 300, dtype=torch.float64)
    gaps = torch.stack([kind(table, scale) for scale in grid]) - value
    found = []
    for i in (gaps[:-1] * gaps[1:] <= 0).nonzero()[:, 0].tolist():
        low, high, below = grid[i], grid[i + 1], gaps[i]
        for _ in range(30):
            middle = (low * high).sqrt()
            low, high = (middle, high) if (kind(table, middle) - value) * below > 0 else (low, middle)
        found.append(float(low))
    return found


def differs(kind, table: Tensor, scale: float, value: float) -> bool:
    return abs(float(kind(table, scale)) - value) > 2e-3 * (1 + abs(value))


def learned(loss: nn.Module, pair) -> nn.Parameter:
    """The parameter that the scale is made of."""
    parameters = [p for p in loss.parameters() if p.requires_grad]
    if not parameters:
        raise NotRight(
            "nothing in it can be learned: the scale is a fixed number. Make it an `nn.Parameter` in `__init__`, so "
            "that an optimiser sees it"
        )
    one, other = (x.clone().requires_grad_() for x in pair)
    value = guarded(loss, one, other, name="forward")
    if not value.requires_grad:
        raise NotRight("no gradient leaves the loss: is there a `detach`, an `.item()` or a `no_grad` in `forward`?")
    guarded(value.backward, name="backward")
    if one.grad is None or other.grad is None:
        raise NotRight("no gradient reaches the vectors, so no tower could learn: is there a `detach` on the way?")
    moved = [p for p in parameters if p.grad is not None and p.grad.abs().sum() > 0]
    if not moved:
        raise NotRight("there is a parameter, but no gradient reaches it: `.item()`, `.data` or `float()` cuts it off")
    if len(moved) > 1 or moved[0].numel() > 1:
        raise NotRight(f"one number is to be learned, the scale; here are {sum(p.numel() for p in moved)}")
    return moved[0]


def remarks(loss: nn.Module, parameter: nn.Parameter, pairs) -> str:
    """What else there is to say of how the scale is kept in bounds."""
    one, other = pairs[-1]  # which do not fit, so that the loss keeps growing with the scale
    first, losses = parameter.detach().clone(), []
    for step in (-20.0, 20.0):
        with torch.no_grad():
            parameter.copy_(first + step)
            losses.append(float(guarded(loss, one.clone(), other.clone(), name="forward")))
            parameter.copy_(first)
    table = cosines(one, other)
    lowest, highest = (float(contrastive(table, scale)) for scale in (0.0, SHARP))
    if not math.isfinite(losses[0]) or losses[0] > lowest + 1e-3:
        return ". One thing more: its parameter can become negative, and then all is turned round; learn its logarithm"
    if not math.isfinite(losses[1]) or abs(losses[1] - highest) > 1e-2 * (1 + highest):
        return ". CLIP lets it grow to 100 at most, so that training stays steady: `clamp`"
    return ", and never above 100"
