"""What `fit` and `evaluate` ask of batches: a length, and (inputs..., target) in each."""

from collections.abc import Iterable

import torch
from torch import Tensor

from mmcourse.training.device import to_device
from mmcourse.training.diagnosis import examples_in, shape_of


def length(batches: Iterable, who: str) -> int:
    """How many batches there are; ValueError where there are none, or nobody can say. `who` asks."""
    try:
        number = len(batches)
    except TypeError:
        if hasattr(batches, "dataset"):
            raise ValueError(
                f"{who} got a {type(batches).__name__} over a {type(batches.dataset).__name__} of no known length. "
                "Give that class a __len__ that returns how many examples it yields"
            ) from None
        raise ValueError(
            f"{who} got batches of type {type(batches).__name__}, which has no length; expected Batches, a DataLoader "
            "or a list of (inputs..., target). A generator would be empty after one pass: list(generator)"
        ) from None
    if number == 0:
        raise ValueError(f"{who} got 0 batches. Likely cause: an empty split")
    return number


def inputs_and_target(batch, who: str) -> tuple[list, Tensor]:
    """One batch, on the device; ValueError where it has no target or no examples."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise ValueError(
            f"{who} got a batch of {shape_of(batch)}; expected (inputs..., target). "
            "Likely cause: no target; an autoencoder's target is its input, Batches(images, images)"
        )
    *inputs, target = to_device(batch)
    if isinstance(target, Tensor) and not target.numel():
        raise ValueError(f"{who} got an empty batch, {shape_of(batch)}. Likely cause: an empty split or selection")
    return inputs, target


def describe(batches: Iterable) -> dict:
    """What a resumed run must find again: batches and examples an epoch (None: unknown), and who keeps the order."""
    order = "kept by the batches" if isinstance(getattr(batches, "epoch", None), int) else "left to PyTorch"
    if isinstance(getattr(batches, "generator", None), torch.Generator):
        order = "kept by their generator"
    return {"steps_per_epoch": len(batches), "examples": _examples(batches), "order": order}


def _examples(batches) -> int | None:
    if isinstance(batches, (list, tuple)):
        return sum(examples_in(batch) for batch in batches)
    if isinstance(number := getattr(batches, "examples", None), int):
        return number
    try:
        return len(batches.sampler)
    except (AttributeError, TypeError):
        return None
