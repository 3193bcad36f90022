"""A model and the optimiser that trains it: one in a run of `fit`, two in `fit_adversarial`."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmcourse.training.device import prepare
from mmcourse.training.optimiser import chosen_optimiser
from mmcourse.training.optimiser_state import options


class Trained:
    """A model on the device, its optimiser and the schedule of its learning rate.

    `optimiser`, `lr`, `schedule` as in `fit`; `default_lr`: whether lr is a default, which a resumed run may replace.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: Callable | torch.optim.Optimizer | None,
        lr: float | None,
        schedule: Callable[[float], float] | None = None,
        loss=None,
        compile: bool = False,
        default_lr: bool | None = None,
        who: str = "fit",
    ):
        if schedule is not None and not callable(schedule):
            raise ValueError(
                f"{who} got a {type(schedule).__name__} as schedule; expected a function of the fraction of training "
                "done, or None. A scheduler of PyTorch's: schedule=None, callbacks=[lambda run: scheduler.step()]"
            )
        self.optimiser = chosen_optimiser(model, optimiser, lr, loss, compile, who)
        self.model, self.schedule = prepare(model), schedule
        self.parameters = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        self.options = options(self.optimiser)  # of each group in this call, lr before the schedule
        own_lr = isinstance(optimiser, torch.optim.Optimizer)
        self.default_lr = (lr is None and not own_lr) if default_lr is None else default_lr

    def set_learning_rate(self, done: float) -> None:
        """Set each group's learning rate for a step, `done` being the fraction of training before it."""
        if self.schedule is not None:
            self._multiply_rates(self.schedule(done))

    def reset_learning_rate(self) -> None:
        """Restore the learning rates before the schedule."""
        if self.schedule is not None:
            self._multiply_rates(1)

    def update(self, loss: Tensor) -> None:
        """One step of the optimiser along the loss's gradients for this model; other models receive no gradients."""
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward(inputs=[parameter for parameter in self.parameters if parameter.requires_grad])
        self.optimiser.step()

    def _multiply_rates(self, factor: float) -> None:
        for group, given in zip(self.optimiser.param_groups, self.options, strict=True):
            group["lr"] = given["lr"] * factor
