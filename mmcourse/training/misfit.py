"""Why a model could not process its inputs, found from the tensors that its layers were called with.

The traceback of the error leads to the layer that raised it, and to its arguments. A cause is named only if these
show it; otherwise the result is ''.
"""

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmcourse.data.conversion import how_to_convert
from mmcourse.data.shapes import examples_in, shape_of, tensors_in, type_of

CONVERSION = {  # how to convert a tensor to float32, by its dtype
    torch.uint8: "for images stored as 0 to 255: images.float() / 255",
    torch.float64: "NumPy's default type, made float32 by tensor.float()",
}
ONE_EXAMPLE = (
    "BatchNorm cannot train on a batch of one example, as one value has no variance; a last batch of the one example "
    "that is left over is left out by DataLoader(..., drop_last=True), and Batches adds it to the batch before"
)


class FailedLayer(NamedTuple):
    """The layer of torch.nn that raised an error: its name in the model, and what it was given."""

    name: str
    layer: nn.Module
    given: object

    def fact(self) -> str:
        layer = f"{type(self.layer).__name__}({self.layer.extra_repr()})"
        position = f"layer {self.name!r}, " if self.name else ""
        return f"It failed in {position}{layer}, which got {shape_of(self.given)}"


def failed_layer(error: BaseException, model: nn.Module) -> FailedLayer | None:
    """The innermost layer in the traceback, where it is one of torch.nn; else None."""
    found = None
    for frame in frames(error):
        layer = frame.f_locals.get("self")
        if isinstance(layer, nn.Module) and frame.f_code.co_argcount > 1:
            name = next((name for name, part in model.named_modules() if part is layer), "")
            of_pytorch = frame.f_globals.get("__name__", "").startswith("torch.nn.")
            found = FailedLayer(name, layer, frame.f_locals.get(frame.f_code.co_varnames[1])) if of_pytorch else None
    return found


def cause_in_model(error: BaseException, model: nn.Module, inputs, where: FailedLayer | None, target=None) -> str:
    """Why the model could not process its inputs."""
    if wrong_number := _number_of_inputs(model, inputs, target):
        return wrong_number
    if "more than 1 value per channel" in str(error) and examples_in(inputs) == 1:
        return ONE_EXAMPLE
    if where is None:
        return (foreign(inputs) if mentions(error, inputs) else "") or _types_of(error, model, inputs)
    if not isinstance(where.given, Tensor):
        return _no_tensor(model, where.given)
    try:
        return _type_of(where.layer, where.given) or _shape_for(where.layer, where.given)
    except RuntimeError:  # the GPU can no longer be read
        return ""


def mentions(error: BaseException, value) -> bool:
    """Whether an error names the type of something in a nested value that is not a tensor, such as 'tuple'."""
    if isinstance(value, Tensor) or not isinstance(error, (TypeError, AttributeError)):
        return False
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return bool(re.search(rf"\b{type(value).__name__}\b", str(error))) or any(mentions(error, part) for part in parts)


def frames(error: BaseException) -> Iterator[FrameType]:
    """The frames of an error's traceback, the innermost one last."""
    step = error.__traceback__
    while step:
        yield step.tb_frame
        step = step.tb_next


def _number_of_inputs(model: nn.Module, inputs, target) -> str:
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*inputs)
    except TypeError:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        takes = [p.name for p in signature.parameters.values() if p.kind in kinds]
        batch = "; the last tensor of a batch is its target, all before are inputs" if target is not None else ""
        return (
            f"forward({', '.join(takes)}) of {type(model).__name__} takes {_count(takes)} and was given "
            f"{len(inputs)}{batch}"
        )
    return ""


def _count(takes: list) -> str:
    return f"{len(takes)} input{'s' * (len(takes) != 1)}"


def foreign(value, target: bool = False) -> str:
    """What inputs or target contain instead of tensors, and how to convert it."""
    advice = how_to_convert(value, target)
    return f"{'the target holds' if target else 'the inputs hold'} no tensors. {advice}" if advice else ""


def _no_tensor(model: nn.Module, given) -> str:
    if advice := foreign(given):
        return advice
    if isinstance(given, tuple) and tensors_in(given):
        recurrent = any(isinstance(part, nn.RNNBase) for part in model.modules())
        return "it takes one tensor, and the layer before it returns several" + (
            "; nn.RNN, nn.GRU and nn.LSTM return (outputs, state): states, _ = lstm(x)" if recurrent else ""
        )
    return ""


def _types_of(error: BaseException, model: nn.Module, inputs) -> str:
    """Inputs whose dtype differs from that of the weights, for an error about dtypes that no layer raised."""
    said = str(error)
    if not any(word in said for word in ("dtype", "scalar type", "not implemented for", "should be the same")):
        return ""
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    wrong = next((t for t in tensors_in(inputs) if weight is not None and _differ(t, weight)), None)
    return "" if wrong is None else _conversion(wrong, weight, "inputs")


def _type_of(layer: nn.Module, given: Tensor) -> str:
    if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)):
        return _tokens(layer, given)
    weight = next((p for p in layer.parameters() if p.is_floating_point()), None)
    return _conversion(given, weight, "its input") if weight is not None and _differ(given, weight) else ""


def _differ(tensor: Tensor, weight: Tensor) -> bool:
    autocast = tensor.is_cuda and tensor.is_floating_point() and tensor.dtype != torch.float64
    return tensor.dtype != weight.dtype and not autocast


def _conversion(tensor: Tensor, weight: Tensor, what: str) -> str:
    if weight.dtype != torch.float32:
        return (
            f"the weights are {type_of(weight)} and {what} {type_of(tensor)}; model.float() makes the weights float32"
        )
    advice = (
        "for magnitudes: tensor.abs()"
        if tensor.is_complex()
        else CONVERSION.get(tensor.dtype, "tensor.float() makes it float32")
    )
    return f"the weights are float32 and {what} {type_of(tensor)}; {advice}"


def _tokens(layer: nn.Embedding | nn.EmbeddingBag, given: Tensor) -> str:
    if given.dtype not in (torch.int32, torch.int64):
        advice = "" if given.is_floating_point() and (given != given.round()).any() else ": tokens.long()"
        return f"an embedding takes integers (int64), and these are {type_of(given)}{advice}"
    low, high, size = int(given.min()), int(given.max()), layer.num_embeddings
    if low < 0 or high >= size:
        return f"tokens run from {low} to {high}, and this embedding has rows only for 0 to {size - 1}"
    return ""


def _shape_for(layer: nn.Module, given: Tensor) -> str:
    shape = tuple(given.shape)
    if isinstance(layer, nn.Linear):
        return _features(layer, shape)
    if isinstance(layer, nn.modules.conv._ConvNd) and not layer.transposed:
        return _convolution(layer, shape)
    if isinstance(layer, nn.modules.batchnorm._NormBase) and len(shape) > 1:
        return _normalisation(layer, shape)
    if isinstance(layer, nn.RNNBase) and shape and shape[-1] != layer.input_size:
        return f"it takes {layer.input_size} features for each step, and the last axis holds {shape[-1]}"
    if isinstance(layer, nn.MultiheadAttention) and shape and shape[-1] != layer.embed_dim:
        return f"it takes {layer.embed_dim} features for each token, and the last axis holds {shape[-1]}"
    return ""


def _features(layer: nn.Linear, shape: tuple) -> str:
    if not shape or shape[-1] == layer.in_features:
        return ""
    if len(shape) == 1:
        return f"a single axis, where it takes (B, {layer.in_features}): the layers before it lose an axis"
    flat = math.prod(shape[1:])
    if len(shape) > 2 and flat == layer.in_features:
        return "examples that were not flattened: x.flatten(1), or nn.Flatten() before it"
    if len(shape) > 2:
        also = f" ({flat} if each example were flattened)"
    else:
        also = f": nn.Linear({shape[-1]}, {layer.out_features}), or inputs of the size it was made for"
    return f"a linear layer for {layer.in_features} features, and the last axis holds {shape[-1]}{also}"


def _normalisation(layer: nn.modules.batchnorm._NormBase, shape: tuple) -> str:
    if shape[1] != layer.num_features:
        return f"it normalises {layer.num_features} channels, and got {shape[1]} on axis 1"
    if layer.training and math.prod(shape) == shape[1]:
        return "a single value for each channel, of which training takes no variance"
    return ""


def _convolution(layer: nn.modules.conv._ConvNd, shape: tuple) -> str:
    axes, wanted = len(layer.kernel_size), layer.in_channels
    layout = "(B, C" + "".join(f", {axis}" for axis in ("T", "HW", "DHW")[axes - 1]) + ")"
    if len(shape) == axes + 1 and shape[0] != wanted:
        add = ": x[:, None] adds an axis of one channel" if wanted == 1 else ""
        return f"no channel axis; it takes {layout}, and takes {len(shape)} axes for a single example{add}"
    if len(shape) not in (axes + 1, axes + 2):
        return f"{len(shape)} axes, where it takes {layout}"
    channels, size = shape[-axes - 1], shape[-axes:]
    if channels != wanted:
        if shape[-1] == wanted:
            order = (0, len(shape) - 1, *range(1, len(shape) - 1))
            return f"channels on the last axis, and it takes {layout}: x.permute{order}"
        return (
            f"it was made for {wanted} channel{'s' * (wanted != 1)}, and got {channels} on axis {len(shape) - axes - 1}"
        )
    needed = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    padding = layer.padding if isinstance(layer.padding, tuple) else (0,) * axes
    if layer.padding != "same" and any(s + 2 * p < n for s, p, n in zip(size, padding, needed, strict=True)):
        return "its kernel is larger than what the layers before it leave: larger inputs, or less pooling and stride"
    return ""
