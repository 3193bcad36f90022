"""Evaluation of a trained model: metrics over a split, predictions, accuracy. The model is not changed."""

import sys
from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor, nn

from mmcourse import settings
from mmcourse.data.conversion import to_tensor
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.training.batch import check_inputs, check_model, length, pairs
from mmcourse.training.broadcasting import compare
from mmcourse.training.device import device, mixed_precision
from mmcourse.training.diagnosis import MISFITS, NOT_YET, check_loss, explain
from mmcourse.training.means import kept, parted
from mmcourse.training.tally import Tally, hits


def evaluate(model: nn.Module, batches: Iterable, loss=None, metrics=None, *, who: str = "evaluate") -> dict:
    """The mean loss (where one is given) and the metrics over all batches, e.g. {'loss': 0.21, 'accuracy': 0.93}.

    `metrics` as for `fit`; each is the mean over counted targets, so it does not depend on the batch size (see
    `means`). ValueError for batches that are empty, have no length, or do not fit the model; its message begins with
    `who`.
    """
    check_model(model, who)
    if loss is not None:
        check_loss(loss, who)
    length(batches, who)
    model.to(device())
    tally = Tally(metrics, loss)
    with evaluation_mode(model):
        for inputs, target in pairs(islice(batches, settings.steps(sys.maxsize)), who):
            outputs = NOT_YET
            try:
                with mixed_precision():
                    outputs = model(*inputs)
                    value, count = parted(compare(loss, outputs, target)) if loss else (0.0, None)
            except MISFITS as error:
                explain(error, inputs, outputs, target, who, model)
                raise
            tally.add(value, outputs, target, count)
    results = tally.results()
    if not results:
        raise ValueError(f"{who} got no batches. Likely cause: an empty split, or an exhausted generator")
    return results if loss else {name: value for name, value in results.items() if name != "loss"}


def predict(model: nn.Module, inputs, size: int = 256):
    """The model's outputs for all inputs, `size` at a time, returned on the CPU.   (N, ...) -> (N, ...)

    `inputs` is a tensor, or a tuple of tensors for a model with several; a model that returns a tuple gives a tuple.
    ValueError where there are no examples, or they do not fit the model.
    """
    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    check_model(model, "predict")
    check_inputs(inputs, size, "predict")
    where = next((p.device for p in model.parameters()), device())
    parts = []
    with evaluation_mode(model), mixed_precision():
        for start in range(0, len(inputs[0]), size):
            some = [tensor[start : start + size].to(where) for tensor in inputs]
            try:
                parts.append(model(*some))
            except MISFITS as error:
                explain(error, some, NOT_YET, None, "predict", model)
                raise
    if isinstance(parts[0], tuple):
        return tuple(_together(part) for part in zip(*parts, strict=True))
    return _together(parts)


def accuracy(model: nn.Module, inputs, target: Tensor) -> float:
    """The fraction of targets, except -100, whose highest logit is the correct class.   inputs (N, ...), target (N,)"""
    target = to_tensor(target, "accuracy", " as its target", target=True).cpu()
    right, counts = hits(predict(model, inputs), target), kept(target)
    return (right if counts is None else right[counts]).double().mean().item()


def _together(parts) -> Tensor:
    whole = torch.cat(tuple(parts)).cpu()
    return whole.float() if whole.is_floating_point() else whole
