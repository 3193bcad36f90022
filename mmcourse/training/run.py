"""What one call of `fit` knows while it runs: the steps taken, the results so far, its callbacks."""

import math
import numbers
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from mmcourse import settings
from mmcourse.data.shapes import shape_of
from mmcourse.training.batch import check_model, length, pairs
from mmcourse.training.checkpoint import random_state, set_random_state
from mmcourse.training.device import device, prepare
from mmcourse.training.diagnosis import non_finite
from mmcourse.training.evaluate import evaluate
from mmcourse.training.history import History, peak_memory
from mmcourse.training.optimiser import chosen_optimiser
from mmcourse.training.optimiser_state import options
from mmcourse.training.tally import Tally

EVENTS = ("on_start", "on_step", "on_break", "on_epoch", "on_end")
STEPS_BEFORE_A_LOOK = 32  # on a GPU, where reading the loss waits for all the work queued before it


class Run:
    """The state of a training run. Callbacks may read all of it and set `stop`."""

    def __init__(self, model: nn.Module, batches: Iterable, epochs, lr, optimiser, schedule, metrics, loss, compile):
        check_model(model, "fit")
        if schedule is not None and not callable(schedule):
            raise ValueError(
                f"fit got a {type(schedule).__name__} as schedule; expected a function of the fraction of training "
                "done, or None. A scheduler of PyTorch's: schedule=None, callbacks=[lambda run: scheduler.step()]"
            )
        self.epochs, self.steps_per_epoch = _whole(epochs), length(batches, "fit")
        self.history, self.tally = History(), Tally(metrics, loss)
        self.optimiser = chosen_optimiser(model, optimiser, lr, loss, compile)
        self.model, self.batches, self.schedule = prepare(model), batches, schedule
        self.total_steps = self.steps_per_epoch * self.epochs
        self.last_step = settings.steps(sys.maxsize)  # of a fast run; others end with their epochs
        self.parameters = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        self.options = options(self.optimiser)  # of each group as this call has them, lr before the schedule
        self.default_lr = lr is None and not isinstance(optimiser, torch.optim.Optimizer)
        self.step = self.epoch = self.index = 0  # steps taken, epochs finished, batches of this epoch
        self.first_step = 0  # of this call of `fit`
        self.exhausted = False  # whether this epoch's batches came to their end
        self.stop = self.interrupted = self.saving = False
        self.saved = None  # the file that holds this run, and after which step
        self.loss: Tensor | float = 0.0  # of this step
        self.losses: list[Tensor | float] = []  # of the steps since the last look
        self.look_every = 1 if device().type == "cpu" else STEPS_BEFORE_A_LOOK
        self.listeners: dict[str, list[Callable]] = {event: [] for event in EVENTS}
        self.state_before_epoch = None  # random state when this epoch began
        self.resumed_state = None  # random state in the middle of the epoch that is resumed
        self.started = self.epoch_started = time.monotonic()

    def listen(self, callbacks: Iterable) -> None:
        """Register callbacks, functions of the run or objects with some of EVENTS."""
        for callback in callbacks:
            found = [event for event in EVENTS if hasattr(callback, event)]
            for event in found:
                self.listeners[event].append(getattr(callback, event))
            if not found and callable(callback):
                self.listeners["on_step"].append(callback)
            elif not found:
                raise ValueError(
                    f"callbacks got {callback!r}; expected a function of the run or an object with one of {EVENTS}"
                )

    def start(self) -> None:
        """Tell the callbacks that training starts."""
        self.first_step, self.stop = self.step, self.step >= self.last_step
        self.started = time.monotonic()
        self.tell("on_start")

    def tell(self, event: str) -> None:
        """Call the callbacks of an event; an interrupt ends one of them, the others follow, then it ends the run."""
        broken = None
        for listener in self.listeners[event]:
            try:
                listener(self)
            except KeyboardInterrupt as interrupt:
                broken = interrupt
        if broken is not None:
            raise broken

    def epoch_batches(self) -> Iterator[tuple[list, Tensor]]:
        """The batches of this epoch that are still to come, on the device: (inputs, target)."""
        self.epoch_started, self.exhausted = time.monotonic(), False
        if self.index:  # resumed in the middle: draw the same batches again up to where it stopped
            set_random_state(self.state_before_epoch, self.batches)
        else:
            self.tally.reset()
            self.state_before_epoch = random_state(self.batches)
        left = iter(self.batches)
        for done in range(self.index):
            if next(left, None) is None:
                raise ValueError(
                    f"The run was saved after batch {self.index} of its epoch, and its batches end after {done}. "
                    "Likely cause: resumed with other batches than it was started with"
                )
        if self.index:
            set_random_state(self.resumed_state, None)
        try:
            yield from pairs(left, "fit")
        except RuntimeError:
            if not self.interrupted:
                raise
            return  # where a DataLoader's processes are not forked (macOS, Windows), an interrupt ends them as well
        self.exhausted = True

    def set_learning_rate(self) -> None:
        """Set each group's learning rate for the step to come; without a schedule it is left as it is."""
        if self.schedule is not None:
            factor = self.schedule(min(self.step / self.total_steps, 1.0))
            for group, given in zip(self.optimiser.param_groups, self.options, strict=True):
                group["lr"] = given["lr"] * factor

    def note(self, loss: Tensor, inputs, target) -> None:
        """Keep the loss of the step; NonFiniteLoss at once on a processor, after a few steps on a GPU."""
        if self.step == self.first_step:
            _check_loss(loss)
        self.loss = loss.detach() if self.look_every > 1 else loss.item()
        self.losses.append(self.loss)
        if len(self.losses) >= self.look_every:
            self.look((inputs, target))

    def look(self, given=None) -> None:
        """Read the losses noted since the last look; `given` is (inputs, target) of the step at hand."""
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
        """Count a step that was taken, its loss the mean over `counted` where it said so, and tell the callbacks."""
        self.tally.add(self.loss, outputs, target, counted)
        self.step += 1
        self.index += 1
        if self.step >= self.last_step:
            self.stop = True
        for listener in self.listeners["on_step"]:
            listener(self)

    def end_epoch(self, valid: Iterable | None, loss: Callable) -> None:
        """Write the epoch's row: of the part that was seen, where the run was stopped within it."""
        self.look()
        if not self.index and self.interrupted:
            return
        if not self.index:
            raise ValueError("fit got no batches. Likely cause: an empty split, or a generator that was used up")
        whole = self.exhausted or self.index >= self.steps_per_epoch
        if not whole:
            self.tell("on_break")
        row = {"epoch": self.epoch + 1, **self.tally.figures()}
        if valid is not None and not self.interrupted:
            try:
                judged = evaluate(self.model, valid, loss, self.tally.metrics, who="fit(valid=...)")
                row |= {f"valid_{name}": value for name, value in judged.items()}
            except (KeyboardInterrupt, RuntimeError) as error:
                if isinstance(error, RuntimeError) and not self.interrupted:
                    raise
                self.interrupted = self.stop = True  # a second interrupt: the epoch is saved without these figures
        row["seconds"] = time.monotonic() - self.epoch_started
        self.history.rows.append(row)
        if whole:
            self._take_length(self.index)
            self.epoch, self.index = self.epoch + 1, 0
            self.tell("on_epoch")

    def _take_length(self, batches: int) -> None:
        """Go on with the number of batches that came, where len() promised another."""
        if batches != self.steps_per_epoch:
            warnings.warn(
                f"fit got {batches} batches in epoch {self.epoch + 1}, and expected {self.steps_per_epoch} by "
                "len(batches); the epoch ends where they end. Likely cause: a length that does not count what comes",
                stacklevel=3,
            )
            self.steps_per_epoch, self.total_steps = batches, batches * self.epochs

    def break_off(self) -> None:
        """End where a second interrupt fell, perhaps in the middle of a step."""
        self.interrupted = True
        self.note_part()

    def note_part(self) -> None:
        """Write a row for the part of an epoch that was seen."""
        if self.index:
            self.history.rows.append({"epoch": self.epoch + 1, **self.tally.figures()})

    def seconds(self) -> float:
        """Seconds since this call of `fit` began."""
        return time.monotonic() - self.started

    def end(self) -> None:
        """Close the history, put the model in evaluation mode, tell the callbacks."""
        if self.schedule is not None:
            for group, given in zip(self.optimiser.param_groups, self.options, strict=True):
                group["lr"] = given["lr"]
        self.history.losses += map(float, self.losses)
        self.history.seconds += self.seconds()
        self.history.interrupted = self.interrupted
        self.history.peak_memory = peak_memory()
        self.model.eval()
        if isinstance(getattr(self.model, "history", None), (History, type(None))):
            self.model.history = self.history
        self.tell("on_end")


def _whole(epochs) -> int:
    if not isinstance(epochs, numbers.Real) or not float(epochs).is_integer() or epochs < 0:
        raise ValueError(f"fit got epochs={epochs!r}; expected a whole number of passes over the batches, 0 or more")
    return int(epochs)


def _check_loss(loss) -> None:
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise ValueError(f"The loss is {shape_of(loss)}; expected a tensor with one number (its mean over the batch)")
    if not torch.is_grad_enabled():
        raise ValueError("fit was called where gradients are switched off, inside torch.no_grad() or inference_mode()")
    if not loss.requires_grad:
        raise ValueError(
            "The loss does not depend on the model's parameters through gradients. "
            "Likely cause: argmax, detach, .item() or no_grad between the model and the loss"
        )
