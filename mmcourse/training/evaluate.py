"""Use a model that is trained: figures over a split, predictions, accuracy. Nothing here changes the model."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmcourse import settings
from mmcourse.training.device import device, mixed_precision, to_device
from mmcourse.training.diagnosis import misfit
from mmcourse.training.tally import Tally, hits


@contextmanager
def judging(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every part is back in the mode it was in."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def evaluate(model: nn.Module, batches: Iterable, loss=None, metrics=None) -> dict[str, float]:
    """The mean loss (where one is given) and the metrics over all batches, e.g. {'loss': 0.21, 'accuracy': 0.93}.

    `metrics` as for `fit`. ValueError where the batches hold nothing.
    """
    model.to(device())
    tally = Tally(metrics)
    tally.reset()
    with judging(model):
        most = settings.steps(len(batches))
        for (*inputs, target), _ in zip(batches, range(most), strict=False):
            inputs, target = to_device(inputs), to_device(target)
            with mixed_precision():
                outputs = model(*inputs)
                try:
                    value = loss(outputs, target) if loss else 0.0
                except (RuntimeError, ValueError, IndexError) as error:
                    raise misfit(error, inputs, outputs, target) from error
            tally.add(value, outputs, target)
    figures = tally.figures()
    if not figures:
        raise ValueError("evaluate got no batches. Likely cause: an empty split, or a generator that was used up")
    return figures if loss else {name: value for name, value in figures.items() if name != "loss"}


def predict(model: nn.Module, inputs, size: int = 256):
    """The model's outputs for all inputs, `size` at a time, on the processor.   (N, ...) -> (N, ...)

    `inputs` is a tensor, or a tuple of tensors for a model with several; a model that returns a tuple gives a tuple.
    """
    inputs = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    if not inputs or len(inputs[0]) == 0:
        raise ValueError("predict got 0 examples. Likely cause: an empty split or selection")
    where = next((p.device for p in model.parameters()), device())
    with judging(model), mixed_precision():
        parts = [
            model(*(tensor[start : start + size].to(where) for tensor in inputs))
            for start in range(0, len(inputs[0]), size)
        ]
    if isinstance(parts[0], tuple):
        return tuple(_together(part) for part in zip(*parts, strict=True))
    return _together(parts)


def accuracy(model: nn.Module, inputs, target: Tensor) -> float:
    """The share of targets whose highest logit is the right class.   inputs (N, ...), target (N,)"""
    return hits(predict(model, inputs), target.cpu()).double().mean().item()


def _together(parts) -> Tensor:
    whole = torch.cat(tuple(parts)).cpu()
    return whole.float() if whole.is_floating_point() else whole
