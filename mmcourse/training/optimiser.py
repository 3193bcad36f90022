"""The optimiser of a training loop: a given one, checked, or PyTorch's fused AdamW or Adam with a faster start.

PyTorch's optimisers import its compiler when the first of them is made and in every step. `fit` needs it only with
compile=True and otherwise skips the import, which saves 4.6 s of CPU time before the first step (torch 2.14). In a
version of PyTorch with other internals the compiler is imported as usual.
"""

import torch
from torch import nn

from mmcourse.training.device import device

LEARNING_RATE = 3e-3  # unless one is given

_BOOKKEEPING = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


class _WithoutCompiler:
    """A PyTorch optimiser whose first step does not import the compiler; fused if the device supports it."""

    def __init__(self, parameters, lr: float, **options):
        for name in _BOOKKEEPING:  # torch._compile stores here the function to call without the compiler
            inner = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
            if inner is not None and not hasattr(inner, "__dynamo_disable"):
                setattr(inner, "__dynamo_disable", inner)  # noqa: B010 (the name would be mangled)
        super().__init__(parameters, lr=lr, fused=device().type != "mps", **options)

    @torch.no_grad()
    def step(self, closure=None):
        """One step; `closure` as in PyTorch."""
        return self.plain_step(closure)


class AdamW(_WithoutCompiler, torch.optim.AdamW):
    """torch.optim.AdamW (Loshchilov and Hutter 2019), the same results bit for bit."""

    plain_step = getattr(torch.optim.AdamW.step, "__wrapped__", torch.optim.AdamW.step)


class Adam(_WithoutCompiler, torch.optim.Adam):
    """torch.optim.Adam (Kingma and Ba 2015), the same results bit for bit."""

    plain_step = getattr(torch.optim.Adam.step, "__wrapped__", torch.optim.Adam.step)


def default_optimiser(parameters, lr: float, compile: bool = False) -> torch.optim.Optimizer:
    """AdamW, fused if the device supports it."""
    if compile:
        return torch.optim.AdamW(parameters, lr=lr, fused=device().type != "mps")
    return AdamW(parameters, lr=lr)


def chosen_optimiser(
    model: nn.Module, optimiser, lr: float | None, loss=None, compile: bool = False, who: str = "fit"
) -> torch.optim.Optimizer:
    """The optimiser that `who` was given, or one made by a class or function (parameters, lr=lr), else AdamW."""
    if isinstance(optimiser, torch.optim.Optimizer):
        if lr is not None:
            raise ValueError(
                f"{who} got lr={lr} beside an optimiser that has its own, {_rates(optimiser)}. Set it there, or give "
                f"the class: optimiser=torch.optim.{type(optimiser).__name__}, lr={lr}"
            )
        own = {id(parameter) for parameter in _parameters(model, loss)}
        if not any(id(parameter) in own for group in optimiser.param_groups for parameter in group["params"]):
            raise ValueError(_foreign("no parameter", model, "nothing would be trained"))
        return optimiser
    if optimiser is not None and not callable(optimiser):
        raise ValueError(
            f"{who} got optimiser={optimiser!r}; expected a class such as torch.optim.SGD, a function "
            "(parameters, lr=lr) that makes one, or an optimiser made for this model"
        )
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise ValueError(f"{type(model).__name__} has nothing to train: all its parameters are frozen, or it has none")
    lr = LEARNING_RATE if lr is None else lr
    if optimiser is None:
        return default_optimiser(parameters, lr, compile)
    made = optimiser(parameters, lr=lr)
    if not isinstance(made, torch.optim.Optimizer):
        raise ValueError(
            f"optimiser(parameters, lr=lr) returned a {type(made).__name__}; expected a torch.optim.Optimizer"
        )
    return made


def check_gradients(optimiser: torch.optim.Optimizer, model: nn.Module) -> None:
    """After a backward pass: ValueError where the optimiser holds parameters of another model, without gradients."""
    own = {id(parameter) for parameter in model.parameters()}
    held = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if idle := [p for p in held if id(p) not in own and p.requires_grad and p.grad is None]:
        held = f"{len(idle)} of {len(held)} parameters that get no gradient and are not those"
        raise ValueError(_foreign(held, model, "their replacements are not trained"))


def _parameters(*modules) -> list[nn.Parameter]:
    return [parameter for module in modules if isinstance(module, nn.Module) for parameter in module.parameters()]


def _rates(optimiser: torch.optim.Optimizer) -> str:
    return " and ".join(f"lr={rate}" for rate in dict.fromkeys(group["lr"] for group in optimiser.param_groups))


def _foreign(held: str, model: nn.Module, so: str) -> str:
    return (
        f"The optimiser holds {held} of this {type(model).__name__}, so {so}. Likely cause: the model, or a part of "
        "it, was created again after the optimiser; create the optimiser again as well"
    )
