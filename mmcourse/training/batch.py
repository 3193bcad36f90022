"""Checks of the model and batches of `fit`, `evaluate` and `predict`, with errors that name the likely cause."""

import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy
import torch
from torch import Tensor, nn

from mmcourse.data.conversion import IMAGES, NONE, UNEVEN, how_to_convert, table_to_tensors
from mmcourse.data.shapes import examples_in, is_table, shape_of, tensors_in
from mmcourse.training.device import to_device

EXPECTED = "expected Batches, a DataLoader or a list of (inputs..., target)"
NOT_COLLATED = ("equal size", "default_collate: batch must contain")  # in PyTorch's message where collating fails


def check_model(model, who: str) -> None:
    """ValueError where a model is not an nn.Module."""
    if isinstance(model, type):
        raise ValueError(
            f"{who} got the class {model.__name__}; expected a model, an instance of it: {model.__name__}(...)"
        )
    if not isinstance(model, nn.Module):
        raise ValueError(f"{who} got a model of type {type(model).__name__}; expected an nn.Module as first argument")


def check_inputs(inputs: tuple | list, size: int, who: str) -> None:
    """ValueError unless the inputs of `predict` are tensors of one length, at least 1, and its size is 1 or more."""
    if size < 1:
        raise ValueError(f"{who} got size={size}; expected a number of examples, 1 or more")
    for position, value in enumerate(inputs):
        if not isinstance(value, Tensor):
            advice = how_to_convert(value) or f"For the results over batches: evaluate. {who} takes (N, ...) tensors"
            raise ValueError(
                f"{who} got {shape_of(value)} at position {position} of its inputs; expected the inputs alone, a "
                f"tensor or a tuple of tensors. {advice}"
            )
    if len({len(tensor) if tensor.ndim else 0 for tensor in inputs}) > 1:
        raise ValueError(f"{who} got inputs of {shape_of(inputs)}; expected one row for each example in all of them")
    if examples_in(inputs) == 0:
        raise ValueError(f"{who} got 0 examples. Likely cause: an empty split or selection")


def check_options(lr, clip, callbacks, who: str) -> None:
    """ValueError for a negative learning rate, a clip of 0 or less, or callbacks that are not in a list."""
    known = lr is None or isinstance(lr, Tensor)
    if not known and not (isinstance(lr, numbers.Real) and math.isfinite(lr) and lr >= 0):
        raise ValueError(f"{who} got lr={lr!r}; expected a number of 0 or more, such as 1e-3")
    if clip is not None and not (isinstance(clip, numbers.Real) and clip > 0):  # a negative one would reverse gradients
        raise ValueError(f"{who} got clip={clip!r}; expected the largest norm of the gradients, above 0, or None")
    if not isinstance(callbacks, Iterable):
        raise ValueError(f"{who} got callbacks={callbacks!r}; expected a list of callbacks, here with one: [callback]")


def length(batches: Iterable, who: str, expected: str = EXPECTED) -> int:
    """How many batches there are; ValueError where there are none, or their number is unknown."""
    if problem := _no_batches(batches):
        raise ValueError(f"{who} got {shape_of(batches)}; {expected}. {problem}")
    try:
        number = len(batches)
    except TypeError:
        raise ValueError(
            f"{who} got batches of type {type(batches).__name__}, which has no length; {expected}. {_lengthen(batches)}"
        ) from None
    if number == 0:
        raise ValueError(f"{who} got 0 batches. {_why_none(batches)}")
    return number


def pairs(batches: Iterable, who: str) -> Iterator[tuple[list, Tensor]]:
    """Each batch as (inputs, target), on the device; ValueError where examples cannot be collated."""
    return unpacked(batches, who, inputs_and_target)


def unpacked(batches: Iterable, who: str, unpack: Callable[[object, str], tuple]) -> Iterator[tuple]:
    """Each batch as unpack(batch, who) returns it; ValueError where examples cannot be collated."""
    left = iter(batches)
    while True:
        try:
            batch = next(left)
        except StopIteration:
            return
        except (RuntimeError, TypeError) as error:
            said = str(error).strip().rpartition("\n")[2]  # of a worker process, without its traceback
            if not any(words in said for words in NOT_COLLATED):
                raise
            raise ValueError(
                f"{who} got examples that a DataLoader cannot put into a batch. {_uncollated(said)}"
            ) from error
        yield unpack(batch, who)


def inputs_and_target(batch, who: str) -> tuple[list, Tensor]:
    """One batch, on the device; ValueError where it has no target or no examples."""
    if isinstance(batch, Mapping):
        raise ValueError(
            f"{who} got a batch {shape_of(batch)}; expected (inputs..., target). {table_to_tensors(list(batch))}"
        )
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        advice = how_to_convert(batch) or "An autoencoder's target is its input: Batches(images, images)"
        raise ValueError(
            f"{who} got a batch of {shape_of(batch)}, without a target; expected (inputs..., target). {advice}"
        )
    *inputs, target = to_device(batch)
    if not (tensors := tensors_in(target)):
        advice = how_to_convert(target, target=True) or "Make a tensor of it: torch.tensor(target)"
        if isinstance(target, (int, float)):
            advice = _single(batch)
        raise ValueError(
            f"{who} got a batch of {shape_of(batch)}, whose last part, the target, is not a tensor; expected "
            f"(inputs..., target). {advice}"
        )
    if all(tensor.ndim == 0 for tensor in tensors):
        raise ValueError(
            f"{who} got a batch of {shape_of(batch)}, whose target has no batch axis; expected (inputs..., target). "
            f"{_single(batch)}"
        )
    if not examples_in(target):
        raise ValueError(f"{who} got an empty batch, {shape_of(batch)}. Likely cause: an empty split or selection")
    return inputs, target


def describe(batches: Iterable) -> dict:
    """What a resumed run has to match: batches and examples per epoch (None: unknown), and the source of the order."""
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


def _no_batches(batches) -> str:
    """Advice on how to make batches from a value that contains none; '' if it may contain some."""
    if isinstance(batches, nn.Module):
        return "The model is the first argument, its batches the second"
    if is_table(batches):
        return table_to_tensors(batches.column_names)
    if isinstance(batches, torch.utils.data.Dataset) and not isinstance(batches, torch.utils.data.IterableDataset):
        return f"{how_to_convert(batches)} (batch_size=None where each item is a batch already)"
    if isinstance(batches, (Tensor, numpy.ndarray)) or _all_arrays(batches):
        return "Batches(inputs, target) cuts tensors into batches"
    if isinstance(batches, type):
        return f"That is a class; use an instance of it: {batches.__name__}(...)"
    if isinstance(batches, Mapping):
        return f"Give one of its values; it has the keys {', '.join(map(str, batches))}"
    if isinstance(batches, str):
        return "A path or name is not loaded here"
    if callable(batches) and not hasattr(batches, "__iter__"):
        return "A function is given by name: loss=..., optimiser=..."
    return "A number is given by name: epochs=..., lr=..." if isinstance(batches, numbers.Number) else ""


def _why_none(batches) -> str:
    examples = _examples(batches)
    if examples and getattr(batches, "drop_last", False):
        return f"Likely cause: drop_last=True drops its {examples} examples, fewer than a batch of {batches.batch_size}"
    return "Likely cause: an empty split"


def _all_arrays(value) -> bool:
    return (
        isinstance(value, (tuple, list))
        and bool(value)
        and all(isinstance(part, (Tensor, numpy.ndarray)) for part in value)
    )


def _lengthen(batches) -> str:
    if isinstance(batches, Iterator):
        return "A generator would be empty after one pass: list(generator)"
    if isinstance(batches, torch.utils.data.DataLoader):
        return (
            f"Give its dataset's class, {type(batches.dataset).__name__}, a __len__ that returns how many examples it "
            "yields; or list(loader), if memory holds it"
        )
    return "" if hasattr(batches, "__iter__") else "It cannot be iterated over"


def _single(batch) -> str:
    inputs = shape_of(batch[0])
    return f"It looks like one example ({inputs}) and not a batch: DataLoader(examples, batch_size=64, shuffle=True)"


def _uncollated(said: str) -> str:
    if "equal size" in said:
        return f"{UNEVEN}. PyTorch says: {said}"
    advice = IMAGES if "PIL." in said else NONE if "NoneType" in said else ""
    return f"{advice}{'. ' if advice else ''}PyTorch says: {said}"
