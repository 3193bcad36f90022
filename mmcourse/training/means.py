"""Means over an epoch, weighted so that no result depends on the batch size.

A loss or a metric is a function (outputs, target) that returns the mean over its batch. A batch has the weight

- `count`, where the function returns (mean, count): for functions with their own mask, such as frames that are not
padding; - else the number of elements of the target. In an integer target those equal to the function's `ignore_index`
are left
  out: of nn.CrossEntropyLoss(ignore_index=0), functools.partial(F.cross_entropy, ignore_index=0), or a function of
  yours after my_loss.ignore_index = 0; where it has none, -100 as in PyTorch. With the class weights of a
  cross-entropy, each counts with its weight;
- else, where the target is a tuple or dict of tensors, the number of examples.

A function with reduction="sum" returns the sum; its mean is the sum divided by the count.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.shapes import examples_in, shape_of

IGNORED = -100  # PyTorch's ignore_index
_CLASS_WEIGHTS = (nn.CrossEntropyLoss, nn.NLLLoss, F.cross_entropy, F.nll_loss)


def option(function, name: str, default=None):
    """An option of a loss or metric: the keyword of a functools.partial, or an attribute."""
    if isinstance(function, functools.partial):
        return function.keywords[name] if name in function.keywords else option(function.func, name, default)
    return getattr(function, name, default)


def kept(target: Tensor, ignore_index: int = IGNORED) -> Tensor | None:
    """Which elements of a target count, None for all: only an integer target can have ignored ones."""
    if target.is_floating_point() or target.is_complex() or (ignore_index < 0 and not target.dtype.is_signed):
        return None
    return target != ignore_index


def counted(target, ignore_index: int = IGNORED) -> int | Tensor:
    """The number of elements of a target that count, or of examples for a tuple or dict of tensors."""
    if not isinstance(target, Tensor):
        return examples_in(target)
    counts = kept(target, ignore_index)
    return target.numel() if counts is None else torch.count_nonzero(counts)


def parted(returned) -> tuple:
    """The result of a loss or metric as (mean, count); count is None if it returned the mean alone."""
    if not isinstance(returned, tuple) or len(returned) != 2:
        return returned, None
    if isinstance(returned[1], Tensor) and returned[1].requires_grad:
        raise ValueError(
            "A loss or metric returned two values, and the second has gradients; expected (mean, count), the count "
            "being how many targets the mean is over. Likely cause: a loss in two parts; return their sum"
        )
    return returned


class Mean:
    """The running mean of a loss or metric, kept on its device, in float64 (float32 on MPS, which has no float64)."""

    def __init__(self, function=None, name: str = "loss", ignore_index: int = IGNORED):
        self.name = name
        ignored = option(function, "ignore_index")
        self.ignore_index = ignore_index if ignored is None else ignored
        self.is_sum = option(function, "reduction") == "sum"
        inner = function.func if isinstance(function, functools.partial) else function
        weighs = isinstance(inner, _CLASS_WEIGHTS[:2]) or inner in _CLASS_WEIGHTS[2:]
        self.weights = option(function, "weight") if weighs else None
        self.reset()

    def reset(self) -> None:
        """Start an epoch."""
        self.total, self.counted = 0.0, 0

    def add(self, value, target, count=None) -> None:
        """Add a batch, without waiting for a GPU."""
        if count is None:
            count = self.weight_of(target)
        value, count = _exact(value, self.name), _exact(count, f"the count of {self.name}")
        part = value if self.is_sum else value * count
        if isinstance(count, Tensor):
            part = torch.where(count > 0, part, 0.0)  # the mean of nothing is NaN
        elif not count:
            return
        self.total, self.counted = self.total + part, self.counted + count

    def weight_of(self, target) -> float | Tensor:
        """The weight of a batch with this target."""
        counts = kept(target, self.ignore_index) if self.weights is not None and isinstance(target, Tensor) else None
        if counts is None:
            return counted(target, self.ignore_index)
        return (self.weights.to(target.device)[torch.where(counts, target, 0)] * counts).sum()

    def sums(self) -> tuple[float, float]:
        """The sum and the count, as numbers; this waits for the device."""
        return float(self.total), float(self.counted)

    def load(self, total: float, counted: float) -> None:
        """Continue from these `sums`."""
        self.total, self.counted = total, counted

    def value(self) -> float:
        """The mean so far, NaN where nothing was counted; this waits for the device."""
        total, counted = self.sums()
        return total / counted if counted else math.nan


def _exact(value, name: str) -> float | Tensor:
    """One number, immediately in CPU memory, else on its device in double precision."""
    if isinstance(value, Tensor) and value.numel() == 1:
        if value.device.type == "cpu":
            return value.item()
        return value.detach().reshape(()).to(torch.float32 if value.device.type == "mps" else torch.float64)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} is {shape_of(value)}; expected one number, the mean over the batch, or (mean, count)"
        ) from None
