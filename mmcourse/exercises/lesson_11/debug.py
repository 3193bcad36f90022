"""The debugging exercise of lesson 11: a contrastive loss without a temperature and without unit vectors."""

import math

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Answer, Mistake, NotAttempted, guarded, is_stub, is_stub_class, same
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import alike, expect_gradients, gradients
from mmcourse.exercises.judging import asked_to_learn, expect_finite, expect_tensor, explained
from mmcourse.exercises.lesson_11.contrasting import contrastive, rows
from mmcourse.exercises.lesson_11.likeness import cosines, unit

SHARP = 100.0
UPWARDS = torch.logspace(-3, 12, 24, dtype=torch.float64)
SCALES = torch.cat([-UPWARDS.flip(0), torch.zeros(1, dtype=torch.float64), UPWARDS])
STEPS = (1.03, 4.9, 20.7, 203.0)  # how far a parameter is pushed; odd ones, which meet no 0 of it


@exercise(
    "11.debug",
    title="no temperature, no normalisation",
    dots=2,
    minutes=15,
    hints=(
        "Two things are missing. Multiply all vectors by 10: what happens to the loss, and what should? And what is "
        "the smallest loss possible with cosines, between -1 and 1, as logits?",
        "A learned scale is an `nn.Parameter`, created in `__init__`. What keeps it above 0 whatever the optimiser "
        "does? Its logarithm may be any number.",
        "`self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())`; in `forward` multiply by "
        "`self.log_scale.clamp(max=...).exp()`. `F.normalize(x, dim=1)` divides vectors by their norms.",
    ),
)
def debug(answer, rng):
    loss = made(answer)
    pairs = [tuple(torch.randn(2, size, width, generator=rng)) for size, width in ((9, 12), (5, 12), (7, 4))]
    one, other = pairs[0]
    pairs[0] = one, 0.4 * other - one  # away from each other: such a loss grows with the scale, and is never near 0
    with torch.no_grad():
        stretched(loss, pairs, rng)
        scale = scale_of(loss, pairs)
    parameter = learned(loss, pairs[0], scale)
    begins(scale, float(parameter.detach()))
    trained_through(loss, pairs[0], scale)
    remark = remarks(loss, parameter, pairs[0], scale)
    return f"norms no longer matter, and the scale, initially {scale:.1f}, is learned{remark}"


def made(answer) -> nn.Module:
    """The loss, made by the answer's class."""
    if isinstance(answer.function, nn.Module):
        raise Mistake(f"this is a loss; pass the class itself: `{type(answer.function).__name__}`")
    if is_stub_class(answer.function):
        raise NotAttempted
    causes = {"before Module.__init__": "`super().__init__()` comes first in `__init__`"}
    loss = explained(answer, causes)()
    if not isinstance(loss, nn.Module):
        raise Mistake(f"`{answer.name}()` returned a {type(loss).__name__}, expected an `nn.Module`")
    if is_stub(type(loss).forward.__code__):
        raise Mistake(
            "`__init__` is done; `forward` is still to do: its inputs are two vectors per pair, its output is a loss"
        )
    return loss.cpu()


def value_of(loss: nn.Module, one: Tensor, other: Tensor) -> Tensor:
    where = f"for {len(one)} pairs of width {one.shape[1]}"
    causes = {(len(one),): "one loss per pair; take their mean", (1,): "one axis too many: return a single number"}
    causes[(len(one), len(one))] = "those are logits; the loss is one number"
    given = one.clone(), other.clone()
    value = guarded(loss, *given, name="forward")
    if value is None:
        raise Mistake("`forward` returned None: is the `return` missing?")
    value = expect_tensor(value, where, (), causes)
    if not same((one, other), given):
        raise Mistake(
            "the input vectors are changed in place, so the towers' outputs are overwritten, and no gradient "
            "includes the change: make new tensors, as in `one = one / norms`, without `/=`, `.data` or a function "
            "whose name ends in `_`"
        )
    expect_finite(value, where, "exp of a large number, or a division by zero?")
    return value


TABLES = [
    (
        lambda a, b: unit(a, 0) @ unit(b, 0).T,
        "each feature is divided by its norm over the batch (`dim=0`); divide each vector by its own norm, `dim=1`",
    ),
    (
        lambda a, b: (a / a.norm()) @ (b / b.norm()).T,
        "all vectors are divided by one common norm; divide each by its own: `norm(dim=1, keepdim=True)`",
    ),
]


def stretched(loss: nn.Module, pairs, rng: torch.Generator) -> None:
    """The norms must not matter, in either modality."""
    one, other = pairs[0]
    lengths = 5 * torch.rand(len(one), 1, generator=rng) + 0.1
    before = value_of(loss, one, other)
    apart = [value_of(loss, one * lengths, other) - before, value_of(loss, one, other * lengths) - before]
    moved = [abs(float(gap)) > 2e-4 * (1 + abs(float(before))) for gap in apart]
    if any(moved):
        values = [float(value_of(loss, *pair)) for pair in pairs]
        for table, words in TABLES:
            if common(contrastive, [table(*pair) for pair in pairs], values) is not None:
                raise Mistake(f"the norms of the vectors still change the loss: {words}")
    if all(moved):
        raise Mistake(
            "the norms of the vectors still change the loss, so the towers can reduce it by increasing them. "
            "Normalise both modalities"
        )
    if any(moved):
        which = "first" if moved[0] else "second"
        raise Mistake(f"the norms of the {which} modality still change the loss; the other modality is normalised")


def scale_of(loss: nn.Module, pairs) -> float:
    """The scale at which the correct loss has the same value as this one, equal for all pairs."""
    values = [float(value_of(loss, one, other)) for one, other in pairs]
    tables = [cosines(one, other) for one, other in pairs]
    if (found := common(contrastive, tables, values)) is not None:
        return found
    for kind, words in KINDS:
        if common(kind, tables, values) is not None:
            raise Mistake(words)
    by_width = [table / one.shape[1] for table, (one, _) in zip(tables, pairs, strict=True)]
    if (found := common(contrastive, by_width, values)) is not None:
        raise Mistake(
            f"the cosines are still divided by the number of features, D, so the scale starts at {found:.1f} / D: "
            "leave out `/ one.shape[1]`"
        )
    for table, words in UNLIKE:
        if common(contrastive, [table(*pair) for pair in pairs], values) is not None:
            raise Mistake(f"those are no cosines: {words}. `F.normalize(x, dim=1)` divides by the norm")
    raise Mistake(
        f"for {len(pairs[0][0])} pairs it returned {values[0]:.3f}, and for other pairs numbers that no single scale "
        "yields, with cosines and the mean of the cross-entropies of rows and columns (exercise 11.2)"
    )


def centred(x: Tensor) -> Tensor:
    return unit(x - x.mean(1, keepdim=True))


UNLIKE = [
    (
        lambda a, b: a.shape[1] * centred(a) @ centred(b).T,
        "each vector is standardised, as by layer norm, which subtracts its mean and leaves a norm of sqrt(D)",
    ),
    (lambda a, b: centred(a) @ centred(b).T, "the mean of each vector is subtracted, which makes them correlations"),
    *(
        (
            lambda a, b, p=p: (a / a.norm(p, 1, True)) @ (b / b.norm(p, 1, True)).T,
            f"each vector is divided by its {what}",
        )
        for p, what in ((1, "sum of absolute values (`p=1`)"), (math.inf, "largest absolute value (`p=inf`)"))
    ),
    (lambda a, b: -torch.cdist(unit(a), unit(b)), "distances of unit vectors are the logits"),
    (lambda a, b: -(torch.cdist(unit(a), unit(b)) ** 2), "squared distances of unit vectors are the logits"),
    (lambda a, b: cosines(a, b).abs(), "the absolute values are taken"),
    (lambda a, b: cosines(a, b).clamp(min=0), "negative ones have become 0"),
]
KINDS = [
    (lambda t, s: rows(s * t), "only the rows are used; the buggy loss used the columns too, as in exercise 11.2"),
    (lambda t, s: rows(s * t.T), "only the columns are used; the buggy loss used the rows too, as in exercise 11.2"),
    (lambda t, s: 2 * contrastive(t, s), "the two directions are added; average them"),
    (lambda t, s: len(t) * contrastive(t, s), "summed over the batch; use the mean over the batch"),
    (lambda t, s: s * contrastive(t, 1.0), "the scale multiplies the loss; multiply the cosines instead"),
]


def common(kind, tables: list[Tensor], values: list[float]) -> float | None:
    """The scale at which `kind` of every matrix has its value."""
    for scale in solutions(kind, tables[0], values[0]):
        if not any(differs(kind, table, scale, value) for table, value in zip(tables, values, strict=True)):
            return scale
    return None


def solutions(kind, table: Tensor, value: float) -> list[float]:
    """The scales at which `kind` of the matrix is `value`; there may be two, since a loss may fall and rise."""
    table = table.double()
    gaps = torch.stack([kind(table, scale) for scale in SCALES]) - value
    found = []
    for i in (gaps[:-1] * gaps[1:] <= 0).nonzero()[:, 0].tolist():
        low, high, below = SCALES[i], SCALES[i + 1], gaps[i]
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if (kind(table, middle) - value) * below > 0 else (low, middle)
        found.append(float(low))
    return found


def differs(kind, table: Tensor, scale: float, value: float) -> bool:
    return abs(float(kind(table.double(), scale)) - value) > 1e-3 * (1 + abs(value))


def learned(loss: nn.Module, pair, scale: float) -> nn.Parameter:
    """The parameter from which the scale is computed."""
    parameters = [p for p in loss.parameters() if p.requires_grad]
    values = [guarded(loss, *(x.clone() for x in pair), name="forward") for _ in range(2)]
    leaves = [{id(leaf) for leaf in asked_to_learn(value)} for value in values]
    if any(leaves) and not leaves[0] & leaves[1]:
        raise Mistake(
            "the parameter is created anew in every `forward`, so it is never learned: create it in `__init__`, once"
        )
    if leaves[0] - set(map(id, parameters)):
        raise Mistake(
            "the learned tensor is not among the loss's parameters, so no optimiser updates it: a plain list hides "
            "parameters (assign each to an attribute), and a tensor of your own must be an `nn.Parameter`"
        )
    if frozen := [name for name, p in loss.named_parameters() if not p.requires_grad and not parameters]:
        raise Mistake(f"the parameter `{frozen[0]}` has `requires_grad=False`, so no optimiser changes it")
    if not parameters:
        raise Mistake(
            "nothing is learned: the scale is a constant. Make it an `nn.Parameter` in `__init__`, so that an "
            "optimiser updates it"
        )
    one, other = (x.clone().requires_grad_() for x in pair)
    value = guarded(loss, one, other, name="forward")
    if not value.requires_grad:
        raise Mistake("the loss has no gradient: is there a `detach`, an `.item()` or a `no_grad` in `forward`?")
    loss.zero_grad()
    guarded(value.backward, name="backward")
    if held := [p for p in parameters if p.grad is not None and p.grad.abs().sum() == 0]:
        raise Mistake(held_still(loss, held[0], pair, scale))
    moved = [p for p in parameters if p.grad is not None]
    if not moved and all(
        abs(other - scale) < 1e-3 * (1 + scale) for one in parameters for other in pushed(loss, one, pair)
    ):
        raise Mistake("there is a parameter, but the loss does not depend on it")
    if not moved:
        raise Mistake("there is a parameter, but no gradient reaches it: `.item()`, `.data` or `float()` cuts it off")
    if len(moved) > 1 or moved[0].numel() > 1:
        raise Mistake(f"only one number should be learned, the scale; there are {sum(p.numel() for p in moved)}")
    return moved[0]


def held_still(loss: nn.Module, parameter: nn.Parameter, pair, begun: float) -> str:
    """A message about a parameter whose gradient is 0."""
    scales = pushed(loss, parameter, pair)
    if all(abs(scale - begun) < 1e-3 * (1 + begun) for scale in scales):
        return "there is a parameter, but the loss does not depend on it"
    which = "maximum" if max(scales) <= begun * 1.001 else "minimum"
    return (
        f"the scale starts at {begun:.1f}, the {which} that its `clamp` allows, and beyond a clamp the gradient is "
        "0: it never changes. `clamp(max=100)` sets the maximum, `clamp(100)` the minimum"
    )


def begins(scale: float, parameter: float) -> None:
    """Check the initial scale: above 0, large enough for cosines, and not far above CLIP's limit."""
    bare = any(abs(scale - x) < 1e-2 * (1 + abs(x)) for x in (parameter, 1 / parameter if parameter else 0.0))
    asked = ". The parameter is used directly: is an `.exp()` missing?" if bare else ""
    near = "start near 14 = 1 / 0.07, as CLIP does"
    if scale < -1e-3:
        raise Mistake(
            f"the initial scale is {scale:.2f}: below 0 the least similar candidate is the most probable; {near}{asked}"
        )
    if scale < 1e-3:
        raise Mistake(f"the initial scale is 0, where all logits are 0 and the loss is ln(B); {near}{asked}")
    if scale < 3:
        raise Mistake(
            f"the initial scale is {scale:.2f}: with cosines between -1 and 1 the softmax is almost uniform; "
            f"{near}{asked}"
        )
    if scale > 10 * SHARP:
        raise Mistake(
            f"the initial scale is {scale:,.0f}, where only the hardest negative matters; {near}. Its logarithm, "
            "2.66, is the parameter: `torch.tensor(1 / 0.07).log()`"
        )


def trained_through(loss: nn.Module, pair, scale: float) -> None:
    """The gradient that reaches the vectors must be that of the correct loss."""

    def detached(one: Tensor, other: Tensor) -> Tensor:
        one, other = (x / x.norm(dim=1, keepdim=True).detach() for x in (one, other))
        return contrastive(one @ other.T, scale)

    found, expected = (gradients(function, pair, "forward") for function in (loss, detached))
    if all(gradient is not None and alike(gradient, expected[position]) for position, gradient in found.items()):
        raise Mistake(
            "the loss is correct, but the norms it divides by are detached, so its gradient still increases the "
            "norms: keep them in the graph, without `detach`, `.data` or `no_grad`"
        )
    expect_gradients(Answer(loss.forward), pair, lambda one, other: contrastive(cosines(one, other), scale))


def pushed(loss: nn.Module, parameter: nn.Parameter, pair) -> list[float]:
    """The scale after each step of the parameter down, then up; NaN where the loss is NaN."""
    first, table, scales = parameter.detach().clone(), cosines(*pair), []
    with torch.no_grad():
        for step in (*(-step for step in STEPS), *STEPS):
            parameter.copy_(first + step)
            value = float(guarded(loss, *(x.clone() for x in pair), name="forward"))
            found = solutions(contrastive, table, value) if math.isfinite(value) else [math.nan]
            scales.append(found[-1] if found else math.inf)
        parameter.copy_(first)
    return scales


def remarks(loss: nn.Module, parameter: nn.Parameter, pair, begun: float) -> str:
    """The scale has to stay above 0 for any value of the parameter; returns a remark about its limits."""
    ways = pushed(loss, parameter, pair)
    for sign, scales in ((-1, ways[: len(STEPS)]), (1, ways[len(STEPS) :])):
        for step, scale, before in zip(STEPS, scales, (begun, *scales), strict=False):
            at = f"if the optimiser moves the parameter to {float(parameter.detach()) + sign * step:.1f},"
            if scale < -1e-3:
                raise Mistake(
                    f"the scale can become negative: {at} it is {scale:.2f}, and the least similar candidate is the "
                    "most probable. Learn its logarithm: `.exp()` of any number is above 0"
                )
            if math.isnan(scale) and step < STEPS[-1] and before < 1e6:
                raise Mistake(f"{at} the loss is NaN: `.exp()` accepts any number, a root or a logarithm does not")
    if any(stuck(loss, parameter, pair, step) for step in (-STEPS[2], STEPS[2])):
        raise Mistake(
            "the scale can become 0, and then it receives no gradient: keep it above 0. Learn its logarithm: "
            "`.exp()` of any number is above 0"
        )
    if begun > SHARP * 1.005:
        return ". It starts above 100, though; CLIP starts near 14 and limits it to 100: `clamp`"
    if any(not scale <= SHARP * 1.01 for scale in ways):  # NaN included, which is beyond any bound
        return ". CLIP limits it to 100, to keep training stable: `clamp`"
    return ", and never above 100"


def stuck(loss: nn.Module, parameter: nn.Parameter, pair, step: float) -> bool:
    """Whether neither the vectors nor the parameter get a gradient after a step: the scale is 0 and stays 0."""
    first = parameter.detach().clone()
    with torch.no_grad():
        parameter.copy_(first + step)
    leaves = [*(x.clone().requires_grad_() for x in pair), parameter]
    value = guarded(loss, *leaves[:2], name="forward")
    found = torch.autograd.grad(value, leaves, allow_unused=True)
    with torch.no_grad():
        parameter.copy_(first)
    return not any(gradient is not None and gradient.any() for gradient in found)
