"""A model being judged or used: in evaluation mode, without gradients, and afterwards as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def judging(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every part is back in the mode it was in.

    What is no nn.Module, but knows the next word, has no modes.
    """
    modes = [(part, part.training) for part in model.modules()] if isinstance(model, nn.Module) else []
    try:
        if modes:
            model.eval()
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training
