"""Properties that any correct answer has, such as keeping the dtype; a check verifies each in one line."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmcourse.exercises.answers import Answer, Mistake, NotAttempted, copied
from mmcourse.exercises.gradients import tensors
from mmcourse.exercises.judging import agrees

DOUBLE = (torch.float64, torch.complex128)


def in_float64(case: tuple) -> tuple:
    """The same arguments, with floating-point and complex tensors in double precision."""
    return tuple(doubled(one) if isinstance(one, Tensor) else one for one in case)


def doubled(value: Tensor) -> Tensor:
    """The tensor in double precision; integers and masks stay as they are."""
    if value.is_complex():
        return value.to(torch.complex128)
    return value.double() if value.is_floating_point() else value


def expect_dtype_kept(answer: Answer, case: tuple) -> None:
    """The result is as precise as the arguments: float64 for float64, no float64 for float32; the same if complex."""
    if not any(one.dtype in DOUBLE for one in tensors(case)):
        for result in tensors(answer(*case)):
            if result.dtype in DOUBLE:
                raise Mistake(
                    f"for float32 tensors the result is {result.dtype}: is there a `.double()`, a numpy array, or a "
                    "new tensor in float64?"
                )
    try:
        results = list(tensors(answer(*in_float64(case))))
    except Mistake as problem:
        raise Mistake(
            f"correct for float32, but it fails for float64: {problem}. Create tensors with the dtype of the input: "
            "`torch.zeros_like`, or `dtype=x.dtype`"
        ) from None
    for result in results:
        if result.dtype not in DOUBLE:
            raise Mistake(
                f"for float64 tensors the result is {result.dtype}: is there a `.float()`, or a new tensor without "
                "`dtype`?"
            )


CHANGES = (
    "a second call with the same arguments returns another result: does a default argument such as `[]`, a global or "
    "an attribute keep a value from the first call? Or is the result random, or a part of `torch.empty` never assigned?"
)


def expect_same_again(answer: Callable, case: tuple) -> None:
    """Mistake where a second call with the same arguments returns another result, for types that `agrees` compares."""
    first = copied(answer(*case))
    if not agrees_throughout(answer(*case), first):
        raise Mistake(CHANGES)


def expect_first_call_again(answer: Answer) -> None:
    """Mistake where the answer's first call, made again, returns another result; nothing where it stops."""
    if answer.first_call is None:
        return
    arguments, options, result = answer.first_call
    try:
        again = answer(*arguments, **options)
    except (Mistake, NotAttempted):
        return
    if not agrees_throughout(again, result):
        raise Mistake(CHANGES)


MIXED = (
    "an example's result changes when the other examples of the batch do; each depends on itself alone. Is there a "
    "mean, a softmax or a maximum over the batch axis, or a `reshape` that mixes rows?"
)


def mixed_examples(answer: Callable, case: tuple, batched: tuple[int, ...]) -> str:
    """Words for an answer whose first or last example changes with the others; empty where neither does.

    batched: which arguments have a batch axis, the first one; lists of such tensors too.
    """
    try:
        before = list(tensors(answer(*case)))
        for row in (0, -1):
            others = tuple(with_others(one, row) if i in batched else one for i, one in enumerate(case))
            now = tensors(answer(*others))
            if not all(agrees(came[row], was[row]) for came, was in zip(now, before, strict=True)):
                return MIXED
    except (Mistake, ValueError, IndexError):  # what an example's result is cannot be told
        pass
    return ""


def with_others(value, row: int):
    """Other examples around one that stays.   (B, ...), or a list of such tensors"""
    if isinstance(value, tuple | list):
        return type(value)(with_others(one, row) for one in value)
    other = 1.5 * value.roll(1, 0) if value.is_floating_point() else value.roll(1, 0)
    other[row] = value[row]
    return other


def expect_alone_as_in_batch(call: Callable[..., Tensor], case: tuple[Tensor, ...], words: str) -> None:
    """Every example alone, in a batch of one, gives what it gives in the batch.   (B, ...) each -> (B, ...)"""
    together = call(*case)
    alone = torch.cat([call(*(one[i : i + 1] for one in case)) for i in range(len(together))])
    if not torch.allclose(alone, together, atol=1e-4):
        raise Mistake(words)


def expect_no_overflow(answer: Callable, case: tuple, words: str) -> None:
    """For large arguments no tensor of the result holds NaN or infinity."""
    if not all(torch.isfinite(result).all() for result in tensors(answer(*case))):
        raise Mistake(words)


OVERFLOW = (
    "for scores in the hundreds the result holds NaN or infinity: `exp` overflows. `softmax` subtracts the largest "
    "score first"
)


def expect_right_when_large(answer: Callable, case: tuple, right: Callable) -> None:
    """For scores in the hundreds the result is finite and that of `right`, one tensor."""
    expect_no_overflow(answer, case, OVERFLOW)
    if not agrees_throughout(answer(*case), right(*case)):
        raise Mistake(
            "correct for small scores, but not for scores in the hundreds: are they limited (`clamp`), or divided by "
            "the largest? Only differences between scores count"
        )


def expect_order_of_no_effect(call: Callable[..., Tensor], case: tuple[Tensor, ...], words: str) -> None:
    """The same examples in another order give the same results in that order.   (B, ...) each -> (B, ...)"""
    if not torch.allclose(call(*(one.flip(0) for one in case)).flip(0), call(*case), atol=1e-4, equal_nan=True):
        raise Mistake(words)


def size_written(call: Callable[[int], object], sizes: tuple[int, ...] = (8, 16, 32, 64, 128)) -> int | None:
    """The only one of these sizes for which code runs that fails for others; None where there is no such size."""

    def runs(size: int) -> bool:
        try:
            call(size)
        except Mistake:
            return False
        return True

    fitting = [size for size in sizes if runs(size)]
    return fitting[0] if len(fitting) == 1 else None


class _Called(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.names.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))


def expect_without(answer: Callable, case: tuple, forbidden: set[str], words: str) -> None:
    """Mistake where the answer calls one of these functions of torch, through any object or module."""
    with _Called() as called:
        answer(*case)
    if forbidden & called.names:
        raise Mistake(words)


def agrees_throughout(given, expected) -> bool:
    """Whether results, one or several tensors, are equal; types that cannot be compared count as equal."""
    if isinstance(expected, tuple | list) and isinstance(given, tuple | list):
        return len(given) == len(expected) and all(map(agrees_throughout, given, expected))
    if isinstance(expected, Iterator) or type(expected).__eq__ is object.__eq__:  # such as a model
        return True
    try:
        return bool(agrees(given, expected))
    except (RuntimeError, TypeError, ValueError):
        return True


def ignored(answer: Callable, case: tuple, position: int, other) -> bool:
    """Whether another value of one argument changes nothing; False where either call stops."""
    try:
        before = copied(answer(*case))
        return agrees_throughout(answer(*case[:position], other, *case[position + 1 :]), before)
    except Mistake:
        return False


class NetworkState:
    """A network's parameters, buffers, gradients, mode and frozen parameters at one moment."""

    def __init__(self, network: nn.Module):
        self.network = network
        self.values = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.gradients = gradients_of(network)
        self.learns = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
        self.modes = {name: part.training for name, part in network.named_modules()}

    def values_changed(self) -> bool:
        """Whether a parameter or a buffer has changed."""
        now = self.network.state_dict()
        return any(not torch.equal(value, now[name]) for name, value in self.values.items())

    def gradients_changed(self) -> bool:
        """Whether a gradient was accumulated, replaced or removed."""
        now = gradients_of(self.network)
        return any(not equal(gradient, now[name]) for name, gradient in self.gradients.items())

    def expect_settings_kept(self, name: str) -> None:
        """Mistake where the mode of a layer or the `requires_grad` of a parameter has changed."""
        if self.modes != {name: part.training for name, part in self.network.named_modules()}:
            raise Mistake(f"`{name}` is left in another mode (training or evaluation) than it was in")
        frozen = [
            one for one, parameter in self.network.named_parameters() if parameter.requires_grad < self.learns[one]
        ]
        if frozen:
            raise Mistake(
                f"`{name}` is left with frozen parameters (`requires_grad` is False), so it can no longer be trained"
            )


def gradients_of(network: nn.Module) -> dict[str, Tensor | None]:
    """A copy of every parameter's gradient, None where there is none."""
    return {
        name: None if parameter.grad is None else parameter.grad.detach().clone()
        for name, parameter in network.named_parameters()
    }


def equal(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two gradients are the same, where either may be missing."""
    return one is other if one is None or other is None else torch.equal(one, other)
