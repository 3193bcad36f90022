"""The run of `fit`: one model, one optimiser, one loss for each step."""

import math
from collections.abc import Callable, Iterable

from torch import Tensor, nn

from mmcourse.training.batch import check_model, inputs_and_target
from mmcourse.training.diagnosis import non_finite
from mmcourse.training.evaluate import evaluate
from mmcourse.training.run import Run, check_loss_value
from mmcourse.training.tally import Tally
from mmcourse.training.trained import Trained


class ModelRun(Run):
    """The state of a call of `fit`, whose arguments it takes."""

    unpack = staticmethod(inputs_and_target)

    def __init__(
        self,
        model: nn.Module,
        batches: Iterable,
        valid: Iterable | None,
        epochs,
        lr,
        optimiser,
        schedule,
        metrics,
        loss: Callable,
        compile: bool,
    ):
        check_model(model, self.who)
        trained = Trained(model, optimiser, lr, schedule, loss, compile)
        super().__init__(model, {"optimiser": trained}, batches, epochs, Tally(metrics, loss))
        self.valid, self.judge = valid, loss
        self.optimiser, self.parameters = trained.optimiser, trained.parameters
        self.loss: Tensor | float = 0.0  # of this step
        self.losses: list[Tensor | float] = []  # of the steps since they were last read

    def note(self, loss: Tensor, inputs, target) -> None:
        """Store the loss of the step; NonFiniteLoss at once on a CPU, after a few steps on a GPU."""
        if self.step == self.first_step:
            check_loss_value(loss, self.who, "model")
        self.loss = loss.detach() if self.look_every > 1 else loss.item()
        self.losses.append(self.loss)
        if len(self.losses) >= self.look_every:
            self.look((inputs, target))

    def look(self, given=None) -> None:
        """Read the losses stored since the last call; `given` is (inputs, target) of the current step."""
        first = len(self.history.losses)
        last = first + len(self.losses) - 1
        for step, value in enumerate(map(float, self.losses), first):
            if not math.isfinite(value):
                self.losses.clear()
                batch, history = step % self.steps_per_epoch, self.history
                if given is None or step < last:  # that step was taken: batch and weights are no longer its own
                    raise non_finite(value, step, batch, history=history, read=(first, last))
                ignored = None if self.tally.loss.weight_of(given[1]) else self.tally.loss.ignore_index
                raise non_finite(value, step, batch, given, self.model, history, ignored=ignored)
            self.history.losses.append(value)
        self.losses.clear()

    def count(self, outputs, target, counted=None) -> None:
        """Count a step, whose loss is the mean over `counted` if given, and call the callbacks."""
        self.tally.add(self.loss, outputs, target, counted)
        self.count_step()

    def judged(self) -> dict:
        """The loss and the metrics of the validation batches; nothing where an interrupt ended them."""
        if self.valid is None or self.interrupted:
            return {}
        try:
            judged = evaluate(self.model, self.valid, self.judge, self.tally.metrics, who="fit(valid=...)")
            return {f"valid_{name}": value for name, value in judged.items()}
        except (KeyboardInterrupt, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not self.interrupted:
                raise
            self.interrupted = self.stop = True  # a second interrupt: the epoch is saved without these results
            return {}

    def end(self) -> None:
        """Add the remaining losses to the history, and end the run."""
        self.history.losses += map(float, self.losses)
        super().end()
