"""Outputs and a target that fit only by broadcasting, such as (B, 1) beside (B,): each output would be compared with
the target of every example, (B, B), without an error.
"""

from collections.abc import Callable

from torch import Tensor
from torch.overrides import TorchFunctionMode


class ShapesCross(ValueError):
    """A loss or metric compared outputs and a target whose shapes fit only by broadcasting both."""


def compare(function: Callable, outputs, target, name: str = "The loss"):
    """function(outputs, target), of a loss or metric; ShapesCross where it broadcasts both of them.

    A function that reshapes the two to one shape itself is accepted. `name` is used in the message.
    """
    if not cross(outputs, target):
        return function(outputs, target)
    with _Watch(outputs, target, name):
        return function(outputs, target)


def cross(outputs, target) -> bool:
    """Whether the shapes of both would change where they are broadcast together."""
    if not (isinstance(outputs, Tensor) and isinstance(target, Tensor)) or outputs.shape == target.shape:
        return False
    grows = {False}, {False}
    width = max(outputs.ndim, target.ndim)
    for m, n in zip(_padded(outputs, width), _padded(target, width), strict=True):
        if m != n and 1 not in (m, n):
            return False
        grows[0].add(m < n)
        grows[1].add(n < m)
    return all(True in axes for axes in grows)


def _padded(tensor: Tensor, width: int) -> tuple[int, ...]:
    return (1,) * (width - tensor.ndim) + tuple(tensor.shape)


class _Watch(TorchFunctionMode):
    """Checks each operation within a loss or metric: none may broadcast tensors made of outputs with those of target.

    Only tensors with the shapes of outputs and target are checked: a loss over pairs of examples has other shapes.
    """

    def __init__(self, outputs: Tensor, target: Tensor, name: str):
        super().__init__()
        self.name = name
        self.families = [outputs], [target]  # these and tensors computed from them; stored, so that no id is reused
        self.shapes = outputs.shape, target.shape

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)]
        from_outputs, from_target = (
            [value for value in given if any(value is one for one in family)] for family in self.families
        )
        if _any_of(from_outputs, self.shapes[0]) and _any_of(from_target, self.shapes[1]):
            outputs, target = map(tuple, self.shapes)
            raise ShapesCross(
                f"{self.name} compared outputs of shape {outputs} with a target of shape {target}, which fit only by "
                "broadcasting: each output would be compared with the target of every example. Likely cause: an axis "
                "of length 1 that one of them lacks; expected one shape for both (outputs.squeeze(1) in the model's "
                "forward, or target[:, None]); for cross_entropy one output for each class, or with one output of two "
                "classes F.binary_cross_entropy_with_logits"
            )
        result = function(*args, **kwargs)
        several = result if isinstance(result, (tuple, list)) else (result,)
        made = [value for value in several if isinstance(value, Tensor)]
        for family, members in zip(self.families, (from_outputs, from_target), strict=True):
            if members:
                family.extend(made)
        return result


def _any_of(tensors: list[Tensor], shape) -> bool:
    return any(tensor.shape == shape for tensor in tensors)
