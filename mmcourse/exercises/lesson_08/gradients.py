"""Whether what a learner wrote can be trained through."""

import inspect

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, NotRight, guarded


def expect_gradients(answer: Answer, case: tuple) -> None:
    """Judge that a gradient reaches every tensor of the case. To be asked last, of an answer whose values are right."""
    leaves = {i: part.clone().requires_grad_() for i, part in enumerate(case) if isinstance(part, Tensor)}
    arguments = [leaves[i].clone() if i in leaves else part for i, part in enumerate(case)]
    try:
        with torch.enable_grad():
            value = guarded(answer.function, *arguments, name=answer.name)
    except NotRight as problem:
        if "numpy()" not in str(problem):
            raise
        raise NotRight("right, but no gradient passes through numpy: stay with tensors") from None
    slopes = [None] * len(leaves)
    if value.requires_grad:
        slopes = guarded(torch.autograd.grad, value.sum(), list(leaves.values()), allow_unused=True, name="grad")
    cut = [i for i, slope in zip(leaves, slopes, strict=True) if slope is None]
    if cut:
        try:
            names = [f"`{name}`" for name in inspect.signature(answer.function).parameters]
        except (TypeError, ValueError):
            names = []
        which = " and ".join(names[i] if i < len(names) else f"argument {i + 1}" for i in cut)
        raise NotRight(
            f"right, but no gradient reaches {which}, so what lies before could not learn: is there a `detach`, a "
            "`no_grad`, a `.data` or a new `torch.tensor` on the way?"
        )
