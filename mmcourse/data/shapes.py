"""Descriptions of batches: shapes and types, their tensors, the number of examples."""

from collections.abc import Mapping
from itertools import groupby

import numpy
from torch import Tensor

MANY = 4  # from this number on, equal parts are counted instead of repeated


def shape_of(value) -> str:
    """The shape and type of a tensor, or of all elements of a tuple, list or dict: '(32, 10) float32, [32 x str]'."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {type_of(value)}"
    if isinstance(value, numpy.ndarray):
        return f"ndarray {value.shape} {value.dtype}"
    if is_table(value):
        return f"datasets.{type(value).__name__} (columns {', '.join(value.column_names)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {shape_of(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (tuple, list)) and value:
        return ", ".join(_several(name, len(list(same))) for name, same in groupby(map(_part, value)))
    if isinstance(value, type):
        return f"class {value.__name__}"
    return f"empty {type(value).__name__}" if isinstance(value, (tuple, list)) else type(value).__name__


def type_of(tensor: Tensor) -> str:
    """A tensor's type without 'torch.': 'float32'."""
    return str(tensor.dtype).removeprefix("torch.")


def tensors_in(value) -> list[Tensor]:
    """Every tensor of a tensor, tuple, list or dict."""
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return [tensor for part in parts for tensor in tensors_in(part)]


def examples_in(value) -> int:
    """The number of examples in a batch: the length of its first tensor, 0 without a tensor."""
    return next((len(tensor) for tensor in tensors_in(value) if tensor.ndim), 0)


def is_table(value) -> bool:
    """Whether a value is a Dataset of the `datasets` library, whose rows are dicts."""
    return type(value).__module__.startswith("datasets.") and isinstance(getattr(value, "column_names", None), list)


def is_image(value) -> bool:
    """Whether a value is an image of Pillow (PIL)."""
    return any(cls.__module__.startswith("PIL.") for cls in type(value).__mro__)


def _part(value) -> str:
    return f"[{shape_of(value)}]" if isinstance(value, (tuple, list)) and value else shape_of(value)


def _several(name: str, times: int) -> str:
    return f"{times} x {name}" if times >= MANY else ", ".join([name] * times)
