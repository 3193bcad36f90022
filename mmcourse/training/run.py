"""The state of a call of `fit` or `fit_adversarial`: the steps taken, the results, its callbacks."""

import math
import numbers
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmcourse import settings
from mmcourse.data.shapes import examples_in, shape_of
from mmcourse.training.batch import EXPECTED, length, unpacked
from mmcourse.training.checkpoint import Checkpoint, path_to_resume, restore
from mmcourse.training.device import device, return_freed_memory
from mmcourse.training.diagnosis import explain_device
from mmcourse.training.history import History, peak_memory
from mmcourse.training.random_state import random_state, set_random_state
from mmcourse.training.stop import interrupted, stop_between_steps
from mmcourse.training.trained import Trained

EVENTS = ("on_start", "on_step", "on_break", "on_epoch", "on_end")
STEPS_BEFORE_A_LOOK = 32  # on a GPU, where reading the loss waits for all the work queued before it


class Run:
    """The state of a training run. Callbacks may read all of it and set `stop`.

    `trained` maps names in a checkpoint to optimisers with their models, `model` contains all that is trained.
    """

    who = "fit"
    expected = EXPECTED  # of batches
    call = "fit(model, ...)"  # the call that continues after an interrupt
    kept = "the model keeps its weights, and model.history is its history"

    def __init__(self, model: nn.Module, trained: dict[str, Trained], batches: Iterable, epochs, tally, per_step=1):
        self.model, self.trained, self.batches, self.tally = model, trained, batches, tally
        self.keeper = model  # its attribute `history` is set to this run's
        self.batches_per_step = per_step
        self.epochs, self.history = _whole(epochs, self.who), History()
        self.steps_per_epoch = math.ceil(length(batches, self.who, self.expected) / per_step)
        self.total_steps = self.steps_per_epoch * self.epochs
        self.last_step = settings.steps(sys.maxsize)  # of a fast run; others end with their epochs
        self.step = self.epoch = self.index = 0  # steps taken, epochs finished, steps of this epoch
        self.first_step = 0  # of this call
        self.examples = 0  # in the last batch, for a message where memory is too small
        self.exhausted = False  # whether the batches of this epoch are exhausted
        self.stop = self.interrupted = self.saving = False
        self.saved = None  # the file that holds this run, and after which step
        self.look_every = 1 if device().type == "cpu" else STEPS_BEFORE_A_LOOK
        self.listeners: dict[str, list[Callable]] = {event: [] for event in EVENTS}
        self.state_before_epoch = None  # random state when this epoch began
        self.resumed_state = None  # random state in the middle of the epoch that is resumed
        self.started = self.epoch_started = time.monotonic()

    def set_up(self, callbacks: Iterable, checkpoint, resume) -> None:
        """Register the callbacks, and load the saved run that `resume` names."""
        callbacks = [*callbacks, *([Checkpoint(checkpoint)] if checkpoint else [])]
        self.listen(callbacks)
        for callback in callbacks:
            if isinstance(callback, Checkpoint):
                callback.try_path()
        if saved := path_to_resume(resume, checkpoint, self.who):
            restore(self, saved)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Context of the loop, which handles interrupts, device errors and the end of the run."""
        return_freed_memory()
        self.start()
        try:
            with stop_between_steps(self):
                yield
        except KeyboardInterrupt:
            self.break_off()
        except RuntimeError as error:
            explain_device(error, self.examples)
            raise
        finally:
            self.end()
            return_freed_memory()
        if self.interrupted:
            raise interrupted(self) from None

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
        """Call the callbacks for the start of training."""
        self.first_step, self.stop = self.step, self.step >= self.last_step
        self.started = time.monotonic()
        self.notify("on_start")

    def notify(self, event: str) -> None:
        """Call the callbacks of an event; an interrupt ends one of them, the others follow, then it ends the run."""
        broken = None
        for listener in self.listeners[event]:
            try:
                listener(self)
            except KeyboardInterrupt as interrupt:
                broken = interrupt
        if broken is not None:
            raise broken

    def epoch_batches(self) -> Iterator[tuple]:
        """The remaining batches of this epoch, on the device, as `unpack` returns them."""
        self.epoch_started, self.exhausted = time.monotonic(), False
        taken = self.index * self.batches_per_step
        if taken:  # resumed within an epoch: draw the same batches again up to where it stopped
            set_random_state(self.state_before_epoch, self.batches)
        else:
            self.tally.reset()
            self.state_before_epoch = random_state(self.batches)
        left = iter(self.batches)
        for done in range(taken):
            if next(left, None) is None:
                if taken - done < self.batches_per_step:  # an epoch's last step takes the batches that are left
                    break
                raise ValueError(
                    f"The run was saved after batch {taken} of its epoch, and its batches end after {done}. "
                    "Likely cause: resumed with other batches than it was started with"
                )
        if taken:
            set_random_state(self.resumed_state, None)
        try:
            for batch in unpacked(left, self.who, self.unpack):
                self.examples = examples_in(batch)
                yield batch
        except RuntimeError:
            if not self.interrupted:
                raise
            return  # where a DataLoader's processes are not forked (macOS, Windows), an interrupt ends them as well
        self.exhausted = True

    def unpack(self, batch, who: str) -> tuple:
        """One batch, on the device, in its parts."""
        raise NotImplementedError

    def set_learning_rate(self) -> None:
        """Set the learning rates for the next step; without a schedule they are unchanged."""
        for trained in self.trained.values():
            trained.set_learning_rate(min(self.step / self.total_steps, 1.0))

    def look(self) -> None:
        """Read the values stored since the last call, which waits for the device; NonFiniteLoss for bad ones."""

    def count_step(self) -> None:
        """Count a step, and call the callbacks."""
        self.step += 1
        self.index += 1
        if self.step >= self.last_step:
            self.stop = True
        for listener in self.listeners["on_step"]:
            listener(self)

    def judged(self) -> dict:
        """The values of an epoch's row besides the means over its steps."""
        return {}

    def end_epoch(self) -> None:
        """Write the epoch's row, or that of its first part if the run was stopped within it."""
        self.look()
        if not self.index and self.interrupted:
            return
        if not self.index:
            raise ValueError(f"{self.who} got no batches. Likely cause: an empty split, or an exhausted generator")
        whole = self.exhausted or self.index >= self.steps_per_epoch
        if not whole:
            self.notify("on_break")
        row = {"epoch": self.epoch + 1, **self.tally.results(), **self.judged()}
        row["seconds"] = time.monotonic() - self.epoch_started
        self.history.rows.append(row)
        if whole:
            self._take_length(self.index)
            self.epoch, self.index = self.epoch + 1, 0
            self.notify("on_epoch")

    def _take_length(self, batches: int) -> None:
        """Continue with the actual number of batches, where len() was wrong."""
        if batches != self.steps_per_epoch:
            unit = "batches" if self.batches_per_step == 1 else f"steps of {self.batches_per_step} batches"
            warnings.warn(
                f"{self.who} got {batches} {unit} in epoch {self.epoch + 1}, and expected {self.steps_per_epoch} by "
                "len(batches); the epoch ends where they end. Likely cause: a __len__ that does not count the batches",
                stacklevel=3,
            )
            self.steps_per_epoch, self.total_steps = batches, batches * self.epochs

    def break_off(self) -> None:
        """End the run at a second interrupt, possibly within a step."""
        self.interrupted = True
        self.note_part()

    def note_part(self) -> None:
        """Write a row for the part of an epoch that was trained."""
        if self.index:
            self.history.rows.append({"epoch": self.epoch + 1, **self.tally.results()})

    def seconds(self) -> float:
        """Seconds since this call began."""
        return time.monotonic() - self.started

    def end(self) -> None:
        """Close the history, put what was trained in evaluation mode, call the callbacks."""
        for trained in self.trained.values():
            trained.reset_learning_rate()
        self.history.seconds += self.seconds()
        self.history.interrupted = self.interrupted
        self.history.peak_memory = peak_memory()
        self.model.eval()
        if isinstance(getattr(self.keeper, "history", None), (History, type(None))):
            self.keeper.history = self.history
        self.notify("on_end")


def _whole(epochs, who: str) -> int:
    if not isinstance(epochs, numbers.Real) or not float(epochs).is_integer() or epochs < 0:
        raise ValueError(f"{who} got epochs={epochs!r}; expected a whole number of passes over the batches, 0 or more")
    return int(epochs)


def check_loss_value(loss, who: str, whose: str) -> None:
    """ValueError where a loss is not one number that from which gradients reach the parameters of `whose`."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        raise ValueError(f"The loss is {shape_of(loss)}; expected a tensor with one number (its mean over the batch)")
    if not torch.is_grad_enabled():
        raise ValueError(
            f"{who} was called where gradients are switched off, inside torch.no_grad() or inference_mode()"
        )
    if not loss.requires_grad:
        raise ValueError(
            f"The loss does not depend on the {whose}'s parameters through gradients. "
            f"Likely cause: argmax, detach, .item() or no_grad between the {whose} and the loss"
        )
