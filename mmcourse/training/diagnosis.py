"""What went wrong in a training step, in words: shapes that do not fit, losses not finite, memory too small."""

import math

import torch
from torch import Tensor

from mmcourse.training.broadcasting import ShapesCross

CAUSES = (
    "a learning rate that is too high (try a tenth), the logarithm or the division of a 0 in the model or the loss, "
    "inputs that are not normalised"
)


MISFITS = (RuntimeError, ValueError, IndexError, TypeError)  # what models and losses raise at wrong shapes


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite: `step` and `batch` say where, `value` what, `history` what went before."""

    def __init__(self, message: str, step: int, batch: int, value: float, history=None):
        super().__init__(message)
        self.step, self.batch, self.value, self.history = step, batch, value, history


def shape_of(value) -> str:
    """A short name of a tensor's shape and type, or of a tuple or dict of them: '(32, 10) float32'."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {shape_of(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return ", ".join(shape_of(part) for part in value)
    return type(value).__name__


def tensors_in(value) -> list[Tensor]:
    """Every tensor of a tensor, tuple, list or dict."""
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [tensor for part in parts for tensor in tensors_in(part)]


def examples_in(value) -> int:
    """How many examples a batch holds: the length of its first tensor, 0 where there is none."""
    return next((len(tensor) for tensor in tensors_in(value) if tensor.ndim), 0)


def explain(error: Exception, inputs, outputs, target, who: str = "") -> None:
    """Raise a ValueError that says what did not fit, where that is what happened; else the error itself goes on."""
    if "more than 1 value per channel" in str(error):
        raise ValueError(
            f"{who + ': ' if who else ''}BatchNorm cannot train on a batch of one example, inputs {shape_of(inputs)}: "
            "one value has no variance. Likely cause: a last batch of the one example that is left over, which "
            "DataLoader(..., drop_last=True) leaves out and Batches adds to the batch before; or batches of size 1. "
            f"PyTorch says: {error}"
        ) from error
    plain = isinstance(error, (torch.OutOfMemoryError, NotImplementedError, ShapesCross))
    if not plain and not (outputs is None and isinstance(error, ValueError)):
        raise misfit(error, inputs, outputs, target, who) from error


def misfit(error: Exception, inputs, outputs, target, who: str = "") -> ValueError:
    """The error to raise where the model (outputs is None) or the loss could not work with what `who` gave it."""
    if outputs is None:
        what = f"The model could not take inputs of shape {shape_of(inputs)}"
        cause = _cause_in_model(str(error), inputs)
    else:
        what = f"The loss could not compare outputs of shape {shape_of(outputs)} with a target of {shape_of(target)}"
        what += f" (inputs {shape_of(inputs)})"
        cause = _cause_in_loss(outputs, target)
    what = f"{who}: {what}" if who else what
    return ValueError(f"{what}. {'Likely cause: ' + cause + '. ' if cause else ''}PyTorch says: {error}")


def _cause_in_model(said: str, inputs) -> str:
    if "positional argument" in said:
        return f"a batch holds {len(inputs)} input(s) before its target, and forward() takes another number"
    if "mat1 and mat2" in said:
        return "a linear layer made for another number of features, often a picture that was not flattened"
    if "channels" in said:
        return "pictures with another number of channels than the first convolution expects, or no channel axis"
    if "same dtype" in said or "scalar type" in said or "should be the same" in said:
        return "inputs of another type than the weights; pictures must be float32 (images.float() / 255)"
    if "Long, Int" in said or "indices" in said or "index out of range" in said:
        return "an embedding wants int64 tokens, each smaller than its vocabulary"
    return ""


def _cause_in_loss(outputs, target) -> str:
    if not isinstance(outputs, Tensor):
        return f"the model returns a {type(outputs).__name__} and this loss takes a tensor"
    if not isinstance(target, Tensor):
        return ""
    if outputs.shape[:1] != target.shape[:1]:
        return "outputs for another number of examples than the batch has (a reshape that mixes batch and features?)"
    if target.is_floating_point() and outputs.ndim == target.ndim + 1:
        return "classes given as floats; cross_entropy wants int64 (target.long())"
    if target.ndim == outputs.ndim and target.ndim == 2 and target.shape[1] == 1:
        return "a target with an axis of length 1 too many (target.squeeze(1))"
    if not target.is_floating_point() and outputs.ndim == target.ndim + 1:
        low, high, classes = int(target.min()), int(target.max()), outputs.shape[1]
        if low < 0 or high >= classes:
            return f"classes from {low} to {high}, and the model has outputs for 0 to {classes - 1} alone"
    if outputs.shape == target.shape and not target.is_floating_point():
        return "an integer target where the loss wants floats (target.float())"
    if outputs.ndim == 3 and target.ndim == 2:
        return "cross_entropy wants the classes on axis 1: (B, K, T), so outputs.transpose(1, 2)"
    return "a target of another shape than this loss expects"


def non_finite(
    value: float, step: int, batch: int, inputs=None, model=None, history=None, read: tuple[int, int] | None = None
) -> NonFiniteLoss:
    """The error to raise for a loss that is not finite; looks at inputs and weights to say which cause it is.

    `read` is the range of steps whose losses were read together, where the steps after this one were taken as well:
    inputs and weights are then no longer those of the step, and say nothing of the cause.
    """
    floats = [tensor for tensor in tensors_in(inputs) if tensor.is_floating_point() and tensor.numel()]
    largest = max((tensor.abs().max().item() for tensor in floats), default=0.0)
    if not all(tensor.isfinite().all() for tensor in floats):
        cause = "the inputs of this batch already hold values that are not finite: mend the data"
    elif model is not None and not all(p.isfinite().all() for p in model.parameters()):
        cause = "the weights are no longer finite, so an earlier step was too large: lower the learning rate, or clip=1"
    elif largest > 100:
        cause = f"inputs as large as {largest:.0f}: normalise them"
    else:
        cause = f"one of {CAUSES}"
    message = f"The loss is {'NaN' if math.isnan(value) else value} at step {step} (batch {batch} of its epoch). "
    message += f"Likely cause: {cause}."
    if read:
        message += (
            f" It was found when the losses of steps {read[0]} to {read[1]} were read together, as is done on a GPU: "
            "the steps from there on were taken, so the weights are spoilt. Go back to a checkpoint, or train anew."
        )
    elif model is not None and (spoilt := [name for name, buffer in model.named_buffers() if buffer.isnan().any()]):
        message += f" No step was taken with it, but {', '.join(spoilt[:4])} took the batch in: train anew."
    return NonFiniteLoss(message, step, batch, value, history)


def out_of_memory(error: Exception, examples: int) -> torch.OutOfMemoryError:
    """The error to raise where the GPU's memory does not hold a step."""
    advice = f"Try a batch of {examples // 2}" if examples > 1 else "Even one example is too large: a smaller model"
    return torch.OutOfMemoryError(f"The GPU's memory does not hold a batch of {examples}. {advice}. ({error})")
