"""Checks that gradients flow through a learner's function to its inputs."""

import inspect
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, Mistake, guarded

ON_THE_WAY = "is there a `detach`, a `.data`, an `.item()`, a `no_grad` or a new `torch.tensor` on"


def expect_gradients(answer: Answer, case: tuple, right: Callable, part: Callable = lambda result: result) -> str:
    """The gradient of every tensor of the case equals that through `right`. For answers whose values are correct.

    The case and the results may hold tensors in lists. part: the part of the answer's result that is judged. Returns
    a remark, usually an empty one. Mistake where a gradient is missing or different.
    """
    try:
        given = gradients(lambda *leaves: part(answer.function(*leaves)), case, answer.name)
    except Mistake as problem:
        if "numpy()" in str(problem):
            raise Mistake("correct, but no gradient passes through numpy: stay with tensors") from None
        if "modified by an inplace operation" in str(problem):
            return ". Training through it would fail, though: a tensor is changed in place after it was used"
        raise
    expected = gradients(right, case, "right")
    cut = [position for position, gradient in given.items() if empty(gradient) and not empty(expected[position])]
    if cut:
        reached = listed(answer, cut, given)
        raise Mistake(
            f"correct, but no gradient reaches {reached}, so layers before it cannot learn: {ON_THE_WAY} the way?"
        )
    short = [
        position
        for position, gradient in given.items()
        if gradient is not None and not alike(gradient, expected[position])
    ]
    if short:
        reached = listed(answer, short, given)
        raise Mistake(f"correct, but only a part of the gradient reaches {reached}: {ON_THE_WAY} a part of the way?")
    return ""


def gradients(function: Callable, case: tuple, name: str) -> dict[tuple[int, ...], Tensor | None]:
    """The gradient of a weighted sum of all results, for every tensor of the case, by its position in the case.

    Tensors of whole numbers and masks are passed on as they are.
    """
    leaves: dict[tuple[int, ...], Tensor] = {}

    def led(value, position: tuple[int, ...] = ()):
        if isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
            leaves[position] = value.clone().requires_grad_()
            return leaves[position].clone()
        if isinstance(value, tuple | list):
            return type(value)(led(one, (*position, i)) for i, one in enumerate(value))
        return value

    with torch.enable_grad():
        results = list(tensors(guarded(function, *led(case), name=name)))
    rng = torch.Generator().manual_seed(0)
    weights = [torch.randn(result.shape, generator=rng) for result in results]
    total = sum((result.cpu() * weight).sum() for result, weight in zip(results, weights, strict=True))
    if not total.requires_grad:
        return dict.fromkeys(leaves)
    found = guarded(torch.autograd.grad, total, list(leaves.values()), allow_unused=True, name="grad")
    return dict(zip(leaves, found, strict=True))


def tensors(value) -> Iterator[Tensor]:
    """Every tensor in nested lists and tuples, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from tensors(one)


def empty(gradient: Tensor | None) -> bool:
    """Whether a gradient is missing or 0 everywhere, as that of `torch.normal`."""
    return gradient is None or not gradient.any()


def alike(gradient: Tensor, expected: Tensor | None) -> bool:
    """Whether gradients are equal, up to the rounding errors of sums of large numbers."""
    if expected is None:
        return True
    return bool((gradient - expected).abs().max() <= 1e-3 * expected.abs().max() + 1e-4)


def listed(answer: Answer, positions: Sequence[tuple[int, ...]], every: Sequence[tuple[int, ...]]) -> str:
    """The parameter names of the tensors at these positions; the name alone where all tensors of a list are meant."""
    try:
        names = list(inspect.signature(answer.function).parameters)
    except (TypeError, ValueError):
        names = []
    words = []
    for position in positions:
        name = names[position[0]] if position[0] < len(names) else f"argument {position[0] + 1}"
        whole = {one for one in every if one[0] == position[0]} <= set(positions)
        words.append(f"`{name}`" if whole else f"`{name}{''.join(f'[{i}]' for i in position[1:])}`")
    *others, last = dict.fromkeys(words)
    return f"{', '.join(others)} and {last}" if others else last
