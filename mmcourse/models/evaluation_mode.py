"""Context managers that put a model in evaluation mode and restore its modes afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; afterwards the mode of every submodule is restored.

    Anything but an nn.Module is left unchanged.
    """
    modes = [(part, part.training) for part in model.modules()] if isinstance(model, nn.Module) else []
    try:
        if modes:
            model.eval()
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode as `evaluating` has it, without gradients."""
    with evaluating(model), torch.no_grad():
        yield
