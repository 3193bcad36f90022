"""The course's training loop: one model, one loss, one optimiser."""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.training.batch import check_options, length
from mmcourse.training.broadcasting import compare
from mmcourse.training.device import device, mixed_precision
from mmcourse.training.diagnosis import MISFITS, NOT_YET, check_loss, explain
from mmcourse.training.history import History
from mmcourse.training.means import parted
from mmcourse.training.model_run import ModelRun
from mmcourse.training.optimiser import check_gradients
from mmcourse.training.progress import progress
from mmcourse.training.schedule import one_cycle


def fit(
    model: nn.Module,
    batches: Iterable,
    valid: Iterable | None = None,
    loss: Callable = F.cross_entropy,
    metrics=None,
    epochs: int = 1,
    lr: float | None = None,
    *,
    optimiser: Callable | torch.optim.Optimizer | None = None,
    schedule: Callable[[float], float] | None = one_cycle,
    clip: float | None = None,
    callbacks: Iterable = (),
    checkpoint: str | Path | None = None,
    resume: str | Path | bool | None = None,
    compile: bool = False,
    verbose: bool = True,
    optimizer: Callable | torch.optim.Optimizer | None = None,
) -> History:
    """Train `model` in place and return its History, also kept as `model.history`; then the model is in eval mode.

    `batches` (Batches, a DataLoader, a list) yields (inputs..., target); the step is loss(model(*inputs), target).
    `metrics`: 'accuracy', torchmetrics, functions (outputs, target) -> number, in a list, or in a dict with their
    names; None: accuracy if there are classes. An epoch's loss and metrics are means over the targets that were
    counted, as `mmcourse.training.means` says: a loss may return (mean, count), or have an `ignore_index`.
    `optimiser` is made by optimiser(parameters, lr=lr), AdamW at 3e-3 unless given, or is one that has its own lr;
    `optimizer` is the same argument. `schedule` maps the fraction of training done to a factor of lr; None leaves the
    learning rate unchanged, for a PyTorch scheduler in a callback. `clip` bounds the norm of the gradients.
    A callback is a function of the Run, called after each step, or an object with any of on_start, on_step, on_epoch,
    on_end. `checkpoint` saves each epoch, `resume` continues a saved run (True: that of `checkpoint`, if it exists);
    options of the optimiser that this call changes, such as lr, hold from there on.

    An interrupt (Jupyter's stop button, Ctrl-C) ends training after the current step, saves the checkpoint and raises
    TrainingInterrupted, so that the cell ends and with it "Run all". The model and `model.history` are kept. A second
    interrupt does not wait for the step, or for validation, whose epoch is saved without its results.
    NonFiniteLoss (with the history so far), ValueError and OutOfMemoryError say what went wrong and the likely cause.
    """
    if optimiser is not None and optimizer is not None:
        raise ValueError("fit got both optimiser= and optimizer=, two spellings of one argument; expected one of them")
    check_loss(loss, "fit")
    check_options(lr, clip, callbacks, "fit")
    run = ModelRun(model, batches, valid, epochs, lr, optimiser or optimizer, schedule, metrics, loss, compile)
    optimiser, forward = run.optimiser, torch.compile(model) if compile else model
    if isinstance(loss, nn.Module):
        loss.to(device())
    if valid is not None:
        length(valid, "fit(valid=...)")  # raises before training if validation is impossible
    run.set_up(callbacks, checkpoint, resume)
    if verbose and (watch := progress(run.total_steps, run.epochs, run.step)):
        run.listen([watch])
    with run.training():
        while run.epoch < run.epochs and not run.stop:
            model.train()
            for inputs, target in run.epoch_batches():
                run.set_learning_rate()
                outputs = NOT_YET
                try:
                    with mixed_precision():
                        outputs = forward(*inputs)
                        value, counted = parted(compare(loss, outputs, target))
                except MISFITS as error:
                    explain(error, inputs, outputs, target, model=model)
                    raise
                run.note(value, inputs, target)  # stops here where the loss is not finite
                for parameter in run.parameters:
                    parameter.grad = None  # optimiser.zero_grad(), without its bookkeeping
                value.backward()
                if run.step == run.first_step:
                    check_gradients(optimiser, model)
                if clip is not None:
                    nn.utils.clip_grad_norm_(run.parameters, clip)
                optimiser.step()
                run.count(outputs, target, counted)
                if run.stop:
                    break
            run.end_epoch()
    return run.history
