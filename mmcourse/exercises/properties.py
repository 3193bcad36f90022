"""Properties that a right answer has whatever it computes; an exercise asks for one in a line."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmcourse.exercises.answers import Answer, NotRight, copied
from mmcourse.exercises.gradients import tensors
from mmcourse.exercises.judging import agrees


def in_float64(case: tuple) -> tuple:
    """The same arguments, with tensors of floats and of complex numbers in double precision."""
    return tuple(doubled(one) if isinstance(one, Tensor) else one for one in case)


def doubled(value: Tensor) -> Tensor:
    """In double precision, unless it holds whole numbers or a mask."""
    if value.is_complex():
        return value.to(torch.complex128)
    return value.double() if value.is_floating_point() else value


def expect_dtype_kept(answer: Answer, case: tuple) -> None:
    """For float64 arguments, all tensors of the result are float64, complex ones complex128."""
    try:
        results = list(tensors(answer(*in_float64(case))))
    except NotRight as problem:
        raise NotRight(
            f"right for float32, but for float64 it stops: {problem}. New tensors take the type of what is there: "
            "`torch.zeros_like`, or `dtype=x.dtype`"
        ) from None
    for result in results:
        if result.dtype not in (torch.float64, torch.complex128):
            raise NotRight(
                f"for float64 tensors the result is {result.dtype}: is there a `.float()`, or a new tensor without "
                "`dtype`?"
            )


CHANGES = (
    "a second call with the same arguments gives something else: does a default argument such as `[]`, a global or an "
    "attribute keep what the first call left there? Or is something random?"
)


def expect_same_again(answer: Callable, case: tuple) -> None:
    """A second call with the same arguments gives the same, for results that agree can compare."""
    first = copied(answer(*case))
    if not agrees_throughout(answer(*case), first):
        raise NotRight(CHANGES)


class _Called(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.names.add(getattr(function, "__name__", ""))
        return function(*args, **(kwargs or {}))


def expect_without(answer: Callable, case: tuple, forbidden: set[str], words: str) -> None:
    """The answer calls none of these functions of torch, whatever object or module it finds them in."""
    with _Called() as called:
        answer(*case)
    if forbidden & called.names:
        raise NotRight(words)


def agrees_throughout(given, expected) -> bool:
    """Equal results, also of several tensors; what cannot be compared counts as equal."""
    if isinstance(expected, tuple | list) and isinstance(given, tuple | list):
        return len(given) == len(expected) and all(map(agrees_throughout, given, expected))
    if isinstance(expected, Iterator):
        return True
    try:
        return bool(agrees(given, expected))
    except (RuntimeError, TypeError, ValueError):
        return True


class NetworkState:
    """A network's parameters, buffers, gradients, mode and frozen parameters at one moment."""

    def __init__(self, network: nn.Module):
        self.network = network
        self.values = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.gradients = gradients_of(network)
        self.learns = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
        self.modes = {name: part.training for name, part in network.named_modules()}

    def values_changed(self) -> bool:
        """Whether a parameter or a buffer is another one now."""
        now = self.network.state_dict()
        return any(not torch.equal(value, now[name]) for name, value in self.values.items())

    def gradients_changed(self) -> bool:
        """Whether a gradient was added to, replaced or erased."""
        now = gradients_of(self.network)
        return any(not equal(gradient, now[name]) for name, gradient in self.gradients.items())

    def expect_settings_kept(self, name: str) -> None:
        """The mode of every layer, and which parameters learn, are as they were."""
        if self.modes != {name: part.training for name, part in self.network.named_modules()}:
            raise NotRight(f"`{name}` is left in another mode (training or evaluation) than it was in")
        frozen = [
            one for one, parameter in self.network.named_parameters() if parameter.requires_grad < self.learns[one]
        ]
        if frozen:
            raise NotRight(
                f"`{name}` is left with frozen parameters (`requires_grad` is False), so it cannot learn afterwards"
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
