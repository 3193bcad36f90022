"""A model in evaluation mode for a while, with or without gradients, and afterwards in the modes it was in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode; afterwards every part is back in the mode it was in, frozen parts in evaluation mode too.

    Anything but an nn.Module has no modes.
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
