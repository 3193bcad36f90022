"""Why a loss could not compare outputs and target, found from the arguments of PyTorch's loss function."""

import torch
from torch import Tensor

from mmcourse.data.shapes import tensors_in, type_of
from mmcourse.training.misfit import foreign, frames, mentions

CLASS_LOSSES = ("cross_entropy", "nll_loss")
BINARY_LOSSES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
PAIRED_LOSSES = (*BINARY_LOSSES, "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


def cause_in_loss(error: BaseException, inputs, outputs, target) -> str:
    """The cause, if outputs and target show one, else ''."""
    name, given, wanted = _loss_call(error) or ("", outputs, target)
    if not isinstance(given, Tensor):
        if not mentions(error, given):
            return ""
        if given is None:
            return "the model returns None: forward() without return"
        return f"this loss takes a tensor, and the model returns a {type(given).__name__}"
    if not isinstance(wanted, Tensor):
        return foreign(wanted, target=True) if mentions(error, wanted) else ""
    try:
        if name and given.shape[:1] != wanted.shape[:1]:
            return _numbers_of_examples(inputs, given, wanted)
        if name in CLASS_LOSSES:
            return _classes(name, given, wanted)
        return _pairs(name, given, wanted) if name in PAIRED_LOSSES else ""
    except RuntimeError:
        return ""


def _loss_call(error: BaseException) -> tuple[str, object, object] | None:
    """The innermost loss of torch.nn.functional in the traceback: its name, input and target."""
    found = None
    for frame in frames(error):
        if frame.f_globals.get("__name__") == "torch.nn.functional" and {"input", "target"} <= frame.f_locals.keys():
            found = (frame.f_code.co_name, frame.f_locals["input"], frame.f_locals["target"])
    return found


def _numbers_of_examples(inputs, outputs: Tensor, target: Tensor) -> str:
    if not outputs.ndim or not target.ndim:
        return f"outputs of {outputs.ndim} axes and a target of {target.ndim}; both need a batch axis"
    n = next((len(tensor) for tensor in tensors_in(inputs) if tensor.ndim), None)
    text = f"outputs for {len(outputs)} examples and a target for {len(target)}"
    if n == len(target):
        return f"{text}: the model (or the loss) merges the batch axis with another one, by a reshape or flatten"
    if n == len(outputs):
        return f"{text}: the batch itself has different numbers of inputs and targets"
    return text


def _classes(name: str, outputs: Tensor, target: Tensor) -> str:
    classes = outputs.shape[1] if outputs.ndim > 1 else 0
    if not outputs.is_floating_point():
        return (
            f"its first argument, the outputs, is {type_of(outputs)} and holds no scores: an argmax in the model, or "
            "outputs and target swapped in the loss"
        )
    if outputs.ndim == target.ndim == 2 and target.shape[1] == 1 < classes:
        classes_of = "target.squeeze(1).long()" if target.is_floating_point() else "target.squeeze(1)"
        return f"a target with an extra axis of length 1 ({classes_of})"
    if target.shape == outputs.shape and not target.is_floating_point():
        if ((target == 0) | (target == 1)).all() and (target.sum(1) == 1).all():
            return f"a one-hot target of type {type_of(target)}: target.argmax(1), or target.float()"
        return f"a target of the outputs' shape holds the probability of each class, and these are {type_of(target)}"
    if target.shape == outputs.shape[:1] + outputs.shape[2:]:
        if target.is_floating_point():
            return f"classes given as floats; {name} takes them as int64 (target.long())"
        if target.dtype not in (torch.int64, torch.uint8):
            return f"classes of type {type_of(target)}; {name} takes int64 (target.long())"
        low, high = int(target.min()), int(target.max())
        if low < 0 or high >= classes:
            text = f"classes from {low} to {high}, and the model has outputs only for 0 to {classes - 1}"
            return text + ("; classes are counted from 0 (target - 1)" if low == 1 and high == classes else "")
    elif outputs.ndim > 2 and target.shape == outputs.shape[:-1]:
        return f"{name} takes the classes on axis 1: (B, K, ...), so outputs.transpose(1, -1)"
    elif target.shape != outputs.shape:
        return f"{name} takes scores (B, K, ...) and classes (B, ...)"
    return ""


def _pairs(name: str, outputs: Tensor, target: Tensor) -> str:
    if outputs.ndim == target.ndim + 1 and outputs.shape[-1] == 1:
        return "outputs with an extra axis of length 1 (outputs.squeeze(-1) in the model, or target[:, None])"
    if outputs.ndim == target.ndim + 1 and not target.is_floating_point():
        return f"a target of class numbers, which {name} cannot compare with a score for each class: F.cross_entropy"
    if outputs.shape != target.shape:
        return f"{name} takes outputs and target of one shape"
    if not target.is_floating_point():
        return f"a target of type {type_of(target)} where the loss takes floats (target.float())"
    if name == "binary_cross_entropy" and not ((outputs >= 0) & (outputs <= 1)).all():
        return "outputs that are not probabilities, from 0 to 1; for logits: F.binary_cross_entropy_with_logits"
    if name in BINARY_LOSSES and not ((target >= 0) & (target <= 1)).all():
        return f"a target from {target.min().item():.3g} to {target.max().item():.3g}; {name} takes 0 to 1"
    return ""
