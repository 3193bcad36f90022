"""Explanations of failed training steps: tensors that do not fit, non-finite losses, too little memory."""

import math
import re
import traceback

import torch
from torch import Tensor, nn

from mmcourse.data.shapes import examples_in, shape_of, tensors_in
from mmcourse.training.loss_misfit import cause_in_loss
from mmcourse.training.misfit import cause_in_model, failed_layer, mentions

CAUSES = (
    "a learning rate that is too high (try a tenth), the logarithm or the division of a 0 in the model or the loss, "
    "inputs that are not normalised"
)
NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|_ALLOC_FAILED")  # MPS, CPU, cuBLAS

# exceptions of models and losses for inputs that do not fit
MISFITS = (RuntimeError, ValueError, IndexError, TypeError, AttributeError, AssertionError)
NOT_YET = object()  # stands for the outputs of a model that has not returned


class NonFiniteLoss(ArithmeticError):
    """The loss became NaN or infinite: `step`, `batch` and `value`, and the `history` so far."""

    def __init__(self, message: str, step: int, batch: int, value: float, history=None):
        super().__init__(message)
        self.step, self.batch, self.value, self.history = step, batch, value, history


class NotEnoughMemory(torch.OutOfMemoryError):
    """A device had too little memory for a batch; the message gives the batch size."""


class FailedAssertion(RuntimeError):
    """A CUDA kernel found an invalid value; the message says what to do."""


def check_loss(loss, who: str) -> None:
    """ValueError where a loss is not a function of (outputs, target)."""
    if isinstance(loss, type):
        raise ValueError(
            f"{who} got the class {loss.__name__} as its loss; expected an instance of it: loss={loss.__name__}()"
        )
    if not callable(loss):
        what = f"loss={loss!r}" if loss is None or isinstance(loss, str) else f"a loss of {shape_of(loss)}"
        raise ValueError(f"{who} got {what}; expected a function (outputs, target) -> number, e.g. F.cross_entropy")


def explain(error: Exception, inputs, outputs, target, who: str = "", model: nn.Module | None = None) -> None:
    """Raise an error with the inputs of the model (outputs is NOT_YET) or the loss, and the cause if it can be found.

    Returns, so that the original error is raised, for NotImplementedError, for a ValueError or an assertion outside
    PyTorch, and for an AttributeError that does not concern the batch.
    """
    given = inputs if outputs is NOT_YET else (outputs, target)
    explain_device(error, examples_in(inputs), who)
    if isinstance(error, NotImplementedError) and not _of_a_type(error):
        return
    if isinstance(error, (ValueError, AssertionError)) and not _raised_by_pytorch(error):
        return
    if isinstance(error, AttributeError) and not mentions(error, given):
        return
    raise misfit(error, inputs, outputs, target, who, model) from error


def misfit(error: Exception, inputs, outputs, target, who: str = "", model: nn.Module | None = None) -> ValueError:
    """The error to raise where the model (outputs is NOT_YET) or the loss failed on the tensors that `who` passed."""
    if outputs is NOT_YET:
        error = _uncompiled(error, model, inputs)
        where = failed_layer(error, model) if model is not None else None
        cause = cause_in_model(error, model, inputs, where, target) if model is not None else ""
        what = f"The model could not take inputs of shape {shape_of(inputs)}"
        neutral = f"The model failed on inputs of shape {shape_of(inputs)}"
    else:
        where, cause = None, cause_in_loss(error, inputs, outputs, target)
        shapes = f"outputs of shape {shape_of(outputs)} with a target of {shape_of(target)}"
        what = f"The loss could not compare {shapes} (inputs {shape_of(inputs)})"
        neutral = f"The loss failed on {shapes} (inputs {shape_of(inputs)})"
    parts = [(f"{who}: " if who else "") + (what if cause else neutral)]
    parts += [where.fact()] if where else []
    parts += [f"Likely cause: {cause}"] if cause else []
    return ValueError(f"{'. '.join(parts)}. The error was {type(error).__name__}: {error}")


def explain_device(error: BaseException, examples: int, who: str = "") -> None:
    """Raise an error with advice where a device failed on a batch of `examples`; otherwise return."""
    what, said = f"{who}: " if who else "", str(error)
    if isinstance(error, (NotEnoughMemory, FailedAssertion)):
        return
    if isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and NO_MEMORY.search(said)):
        memory = "This machine's" if re.search("CPUAllocator|not enough memory", said) else "The GPU's"
        advice = f"Try a batch of {examples // 2}" if examples > 1 else "Even one example is too large: a smaller model"
        raise NotEnoughMemory(
            f"{what}{memory} memory was too small for a batch of {examples}. {advice}, or free what other models and "
            f"tensors hold (restart the kernel). ({error})"
        ) from error
    if "device-side assert" in said:
        raise FailedAssertion(
            f"{what}A check on the GPU failed, most often for an index that is too large: a class beyond the model's "
            "outputs, a token beyond its vocabulary; perhaps in an earlier step. This process can no longer use the GPU"
            ": restart the kernel. On the CPU (CUDA_VISIBLE_DEVICES=-1) the error names the cause. "
            f"({said})"
        ) from error


def _uncompiled(error: Exception, model: nn.Module | None, inputs) -> Exception:
    """The error of the model itself, where torch.compile wraps it in a long message."""
    if type(error).__module__.startswith("torch._dynamo") and model is not None:
        try:
            model(*inputs)
        except MISFITS as plain:
            return plain
    return error


def _of_a_type(error: BaseException) -> bool:
    """Whether the error means that an operation does not exist for a dtype."""
    return bool(re.search(" not implemented for '| tensors? is not supported", str(error)))


def _raised_by_pytorch(error: BaseException) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__", "").partition(".")[0] == "torch"


def non_finite(
    value: float,
    step: int,
    batch: int,
    given=None,
    model=None,
    history=None,
    read: tuple[int, int] | None = None,
    ignored: int | None = None,
) -> NonFiniteLoss:
    """The error to raise for a loss that is not finite; names the cause if the batch or the weights show it.

    `given` is (inputs, target) of the step. `read` is the range of steps whose losses were read together, if the
    steps after this one were taken as well: batch and weights are then no longer those of the step and do not show
    the cause. `ignored` is the class that all targets of the batch have, where the loss ignores it.
    """
    inputs, target = given if given is not None else (None, None)
    largest = max((tensor.abs().max().item() for tensor in _floats(inputs)), default=0.0)
    if not _finite(inputs):
        cause = "the inputs of this batch already hold values that are not finite: clean the data"
    elif not _finite(target):
        cause = "the target of this batch already holds values that are not finite: clean the data"
    elif ignored is not None:
        cause = (
            f"all its targets are {ignored}, which are ignored, so it is a mean of nothing: leave such a batch out, or "
            "shuffle with larger batches"
        )
    elif model is not None and not all(p.isfinite().all() for p in model.parameters()):
        cause = "the weights are no longer finite, so an earlier step was too large: lower the learning rate, or clip=1"
        if step == 0:
            cause = "the weights were not finite before the first step: look at how the model was made or loaded"
    elif largest > 100:
        cause = f"inputs as large as {largest:.0f}: normalise them"
    else:
        cause = f"one of {CAUSES}"
    message = f"The loss is {'NaN' if math.isnan(value) else value} at step {step} (batch {batch} of its epoch). "
    message += f"Likely cause: {cause}."
    if read:
        message += (
            f" It was found when the losses of steps {read[0]} to {read[1]} were read together, as is done on a GPU: "
            "the steps from there on were taken, so the weights are not valid. Go back to a checkpoint, or train again."
        )
    elif model is not None and (corrupted := [name for name, buffer in model.named_buffers() if buffer.isnan().any()]):
        message += (
            f" No step was taken with it, but {', '.join(corrupted[:4])} already include this batch: train again."
        )
    return NonFiniteLoss(message, step, batch, value, history)


def _floats(value) -> list[Tensor]:
    return [tensor for tensor in tensors_in(value) if tensor.is_floating_point() and tensor.numel()]


def _finite(value) -> bool:
    return all(tensor.isfinite().all() for tensor in _floats(value))
