"""The course's training loop: one model, one loss, one optimiser."""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.training.batch import length
from mmcourse.training.checkpoint import Checkpoint, path_to_resume, restore
from mmcourse.training.device import device, mixed_precision
from mmcourse.training.diagnosis import MISFITS, examples_in, explain, out_of_memory
from mmcourse.training.history import History
from mmcourse.training.progress import progress
from mmcourse.training.run import Run
from mmcourse.training.schedule import one_cycle
from mmcourse.training.stop import stop_between_steps


def fit(
    model: nn.Module,
    batches: Iterable,
    valid: Iterable | None = None,
    loss: Callable = F.cross_entropy,
    metrics=None,
    epochs: int = 1,
    lr: float = 3e-3,
    *,
    optimiser: Callable | torch.optim.Optimizer | None = None,
    schedule: Callable[[float], float] | None = one_cycle,
    clip: float | None = None,
    callbacks: Iterable = (),
    checkpoint: str | Path | None = None,
    resume: str | Path | bool | None = None,
    compile: bool = False,
    verbose: bool = True,
) -> History:
    """Train `model` in place and return its History; afterwards the model is in evaluation mode.

    `batches` (Batches, a DataLoader, a list) yields (inputs..., target); the step is loss(model(*inputs), target).
    `metrics`: 'accuracy', torchmetrics, functions (outputs, target) -> number; None: accuracy if there are classes.
    `optimiser` is made by optimiser(parameters, lr=lr), AdamW unless given; `schedule` maps the share of training done
    to a factor of lr, None keeps lr. `clip` bounds the norm of the gradients. A callback is a function of the Run,
    called after each step, or an object with any of on_start, on_step, on_epoch, on_end. `checkpoint` saves each epoch,
    `resume` goes on from a saved one (True: from `checkpoint`, where it exists).
    NonFiniteLoss (with the history so far), ValueError and OutOfMemoryError say what went wrong and the likely cause.
    """
    run = Run(model, batches, epochs, lr, optimiser, schedule, metrics, compile)
    optimiser, forward = run.optimiser, torch.compile(model) if compile else model
    if isinstance(loss, nn.Module):
        loss.to(device())
    if valid is not None:
        length(valid, "fit(valid=...)")  # raises where it could not be judged, before time is spent on training
    if saved := path_to_resume(resume, checkpoint):
        restore(run, saved)
    callbacks = [*callbacks]
    if checkpoint:
        callbacks.append(Checkpoint(checkpoint))
    if verbose and (watch := progress(run.total_steps, run.epochs, run.step)):
        callbacks.append(watch)
    target = None
    run.start(callbacks)
    try:
        with stop_between_steps(run):
            while run.epoch < run.epochs and not run.stop:
                model.train()
                for inputs, target in run.epoch_batches():
                    run.set_learning_rate()
                    outputs = None
                    try:
                        with mixed_precision():
                            outputs = forward(*inputs)
                            value = loss(outputs, target)
                    except MISFITS as error:
                        explain(error, inputs, outputs, target)
                        raise
                    run.note(value, inputs)  # stops here where the loss is not finite
                    for parameter in run.parameters:
                        parameter.grad = None  # optimiser.zero_grad(), without its bookkeeping
                    value.backward()
                    if clip:
                        nn.utils.clip_grad_norm_(run.parameters, clip)
                    optimiser.step()
                    run.count(outputs, target)
                    if run.stop:
                        break
                run.end_epoch(valid, loss, metrics)
    except KeyboardInterrupt:
        run.break_off()
    except torch.OutOfMemoryError as error:
        raise out_of_memory(error, examples_in(target)) from error
    finally:
        run.end()
    return run.history
