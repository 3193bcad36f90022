"""The cost of one training step: its time, and the memory that the forward pass keeps for the backward pass."""

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmcourse.training.device import device


@dataclass(frozen=True)
class Cost:
    """Seconds of the fastest step, and bytes kept between forward and backward pass."""

    seconds: float
    bytes: int


def cost_of_a_step(model: nn.Module, *inputs: Tensor, repeats: int = 3) -> Cost:
    """Run the model forward and backward on the inputs, `repeats` times after one that counts bytes and warms up.

    The bytes are those of the tensors that PyTorch saves for the backward pass, each storage once, without parameters
    and inputs: the part of the memory that grows with the inputs. Unlike the seconds, they are the same on every
    machine.
    """
    model.to(device())
    inputs = [tensor.to(device()) for tensor in inputs]
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers(), *inputs)}
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = model(*inputs)
    outputs.sum().backward()
    seconds = []
    for _ in range(repeats):
        _wait()
        begin = time.perf_counter()
        model(*inputs).sum().backward()
        _wait()
        seconds.append(time.perf_counter() - begin)
    model.zero_grad(set_to_none=True)
    return Cost(min(seconds), sum(kept.values()))


def _wait() -> None:
    """Wait until the GPU has finished its queued work."""
    if device().type == "cuda":
        torch.cuda.synchronize()
