"""Save and load models, and training runs that resume bit for bit. Safetensors files, never pickles."""

import errno
import json
import math
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mmcourse.files import replacing
from mmcourse.training import optimiser_state
from mmcourse.training.batch import describe
from mmcourse.training.random_state import random_state, set_random_state

FORMAT = "mmcourse 2"  # version of a run's format, increased with every change


def save_model(model: nn.Module, path: str | Path, **card) -> Path:
    """Write a model's weights and buffers, with a card of facts about it (any JSON values)."""
    return _write(path, model.state_dict(), {"kind": "model", "model": type(model).__name__, "card": card})


def load_model(model: nn.Module, path: str | Path, part: str | None = None) -> nn.Module:
    """Fill a model of the same shape from a file of `save_model`, or of a checkpoint, in place; returns it.

    `part` names one of the networks in a checkpoint of `fit_adversarial`: 'generator', 'discriminator', 'average' (an
    AveragedModel) or 'average.module' (the averaged weights for a generator).
    ValueError names the file and the likely cause where it is damaged, of another format, or of another model.
    """
    tensors, about = _read(path)
    if about.get("kind") == "run":
        tensors = _below("model", tensors)
    if part is not None or about.get("loop") == "fit_adversarial":
        tensors = _part(part, tensors, about, path)
    _check_model(model, tensors, path)
    _fill(model, tensors)
    return model


def read_card(path: str | Path) -> dict:
    """The card that was saved with a model."""
    return _read(path)[1].get("card", {})


class Checkpoint:
    """A callback of `fit` that saves the run after every epoch, every `steps` steps, and where it is stopped."""

    def __init__(self, path: str | Path, steps: int | None = None):
        if steps is not None and steps < 1:
            raise ValueError(f"Checkpoint got steps={steps}; expected 1 or more, or None for once an epoch")
        self.path, self.steps = Path(path), steps

    def try_path(self) -> None:
        """OSError if the file cannot be written; `fit` calls this before training."""
        try:
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "it is a folder")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path.parent):
                pass
        except OSError as error:
            raise OSError(
                error.errno, f"the checkpoint {self.path} cannot be written ({error.strerror}); give another path"
            ) from None

    def on_step(self, run) -> None:
        if self.steps and run.step % self.steps == 0:
            save_run(run, self.path)

    def on_break(self, run) -> None:
        save_run(run, self.path)

    def on_epoch(self, run) -> None:
        save_run(run, self.path)


def save_run(run, path: str | Path) -> None:
    """Write the state of a run: weights, optimiser, order of the batches, random states, history.

    A second interrupt waits until the file is complete.
    """
    run.look()
    run.saving = True
    try:
        _write(path, *_contents(run))
        run.saved = path, run.step
    finally:
        run.saving = False


def _contents(run) -> tuple[dict[str, Tensor], dict]:
    tensors = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    optimisers = {}
    for optimiser, trained in run.trained.items():
        of_optimiser, optimisers[optimiser] = optimiser_state.pack(trained)
        tensors |= {f"{optimiser}.{name}": tensor for name, tensor in of_optimiser.items()}
    columns = {"losses": run.history.losses} | {f"per_step.{name}": v for name, v in run.history.per_step.items()}
    tensors |= {f"history.{name}": torch.tensor(values, dtype=torch.float64) for name, values in columns.items()}
    now, before = random_state(run.batches), run.state_before_epoch
    for moment, states in (("now", now), ("before", before)):
        tensors |= {f"random.{moment}.{name}": tensor for name, tensor in states["tensors"].items()}
    history = run.history
    about = {
        "kind": "run",
        "loop": run.who,
        "step": run.step,
        "epoch": run.epoch,
        "index": run.index,
        "steps_per_epoch": run.steps_per_epoch,
        "batches": describe(run.batches) | {"batches_per_step": run.batches_per_step},
        **optimisers,
        "random": {"now": now["plain"], "before": before["plain"]},
        "tally": run.tally.state(),
        "history": {"rows": history.rows, "seconds": history.seconds + run.seconds()},
    }
    return tensors, about


def path_to_resume(resume: str | Path | bool | None, checkpoint: str | Path | None, who: str) -> str | Path | None:
    """The file from which a run resumes, or None for a new run; `resume` and `checkpoint` are those of `who`."""
    if resume is not True:
        return resume or None
    if checkpoint is None:
        raise ValueError(
            f"{who} got resume=True and no checkpoint, so there is no file to resume from; "
            f"expected {who}(..., checkpoint=path, resume=True), or resume=path"
        )
    return checkpoint if Path(checkpoint).exists() else None


def restore(run, path: str | Path) -> None:
    """Load the state that `save_run` wrote into a new run.

    Bit for bit on the same machine, given the same model, batches, optimiser, schedule and epochs. An option of the
    optimiser, such as lr, that this call changes is taken from this call. ValueError where the batches, the model or
    the optimiser differ, or the run was already trained for longer than requested; then nothing is changed.
    """
    tensors, about = _read(path)
    if about.get("kind") != "run":
        raise ValueError(
            f"{path} holds a model, not a training run. To start from its weights: load_model(model, path)"
        )
    if about.get("version") != FORMAT:
        raise ValueError(
            f"{path} was saved by another version of mmcourse, whose runs this one cannot resume. "
            "To start a new run from its weights: load_model(model, path)"
        )
    if (loop := about.get("loop", "fit")) != run.who:
        raise ValueError(f"{path} holds a run of {loop}, which {run.who} cannot resume")
    _check_batches(about["batches"], describe(run.batches) | {"batches_per_step": run.batches_per_step}, path)
    steps_per_epoch = about["steps_per_epoch"]
    if about["epoch"] + (about["index"] > 0) > run.epochs:
        done, asked = about["step"] / steps_per_epoch, run.epochs * steps_per_epoch
        raise ValueError(
            f"{path} was already trained for {about['step']} steps ({done:.3g} epochs); {run.who} got "
            f"epochs={run.epochs}, which is {asked} steps. Likely cause: `epochs` counts from the start of the run, "
            f"not from where it resumes; for one more: epochs={math.ceil(done) + 1}"
        )
    weights = _below("model", tensors)
    _check_model(run.model, weights, path)
    for optimiser, trained in run.trained.items():
        optimiser_state.check(trained, about[optimiser], path)
    _fill(run.model, weights)
    for optimiser, trained in run.trained.items():
        optimiser_state.unpack(trained, _below(optimiser, tensors), about[optimiser])
    run.steps_per_epoch, run.total_steps = steps_per_epoch, steps_per_epoch * run.epochs
    run.step, run.epoch, run.index = about["step"], about["epoch"], about["index"]
    run.history.rows, run.history.seconds = about["history"]["rows"], about["history"]["seconds"]
    run.history.losses = tensors["history.losses"].tolist()
    run.history.per_step |= {name: v.tolist() for name, v in _below("history.per_step", tensors).items()}
    run.tally.load_state(about["tally"])
    run.state_before_epoch, run.resumed_state = (
        {"tensors": _below(f"random.{moment}", tensors), "plain": about["random"][moment]}
        for moment in ("before", "now")
    )
    set_random_state(run.resumed_state, run.batches)
    if run.epoch >= run.epochs or run.step >= run.last_step:
        print(f"{path} holds this run after its last step, {run.step}: nothing is left to train.")
        run.note_part()


def _part(part: str | None, tensors: dict[str, Tensor], about: dict, path) -> dict[str, Tensor]:
    if about.get("loop") != "fit_adversarial":
        raise ValueError(f"load_model got part={part!r}, and {path} holds a single model: load_model(model, path)")
    parts = sorted({name.partition(".")[0] for name in tensors})
    if part is None or not (chosen := _below(part, tensors)):
        raise ValueError(
            f"{path} holds {', '.join(parts)} of a run of fit_adversarial; load_model got part={part!r}. Expected one "
            "of them: load_model(generator, path, part='generator')"
        )
    return chosen


def _check_batches(saved: dict, given: dict, path) -> None:
    names = {"steps_per_epoch": "batches an epoch", "examples": "examples", "order": "order"}
    names["batches_per_step"] = "batches a step"
    other = [
        f"{name}: {saved[key]} saved, {given[key]} given"
        for key, name in names.items()
        if None not in (saved.get(key), given[key]) and saved[key] != given[key]
    ]
    if not other:
        return
    cause = "another batch size" if saved["examples"] == given["examples"] else "another split or selection of examples"
    if saved["order"] != given["order"]:
        cause = "a DataLoader in place of Batches or the reverse, or another generator"
    if saved.get("batches_per_step", 1) != given["batches_per_step"]:
        cause = "another number of discriminator_steps"
    raise ValueError(
        f"{path} was saved by a run over other batches ({'; '.join(other)}). Likely cause: {cause}. Resume with the "
        "batches the run was started with, or start a new run from its weights: load_model(model, path)"
    )


def _check_model(model: nn.Module, tensors: dict[str, Tensor], path) -> None:
    own = model.state_dict()
    wrong = [f"{name} is missing" for name in own if name not in tensors]
    wrong += [f"{name} is not in the model" for name in tensors if name not in own]
    wrong += [
        f"{name} is {tuple(tensors[name].shape)} in the file and {tuple(own[name].shape)} in the model"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    if wrong:
        more = f"; and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise ValueError(
            f"{path} does not fit {type(model).__name__}: {'; '.join(wrong[:8])}{more}. "
            "Likely cause: a model built with other sizes than the one that was saved"
        )


def _fill(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            tensor.copy_(tensors[name])


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix + "."): t for name, t in tensors.items() if name.startswith(prefix + ".")}


def _write(path: str | Path, tensors: dict[str, Tensor], about: dict) -> Path:
    own = {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    with replacing(Path(path)) as temporary:
        save_file(own, temporary, metadata={"format": "pt", "mmcourse": json.dumps({"version": FORMAT, **about})})
        temporary.chmod(0o644)  # safetensors makes it readable by its owner alone
    return Path(path)


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a file written by save_model or a checkpoint of fit")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("mmcourse", "{}"))
            # copies, since Windows cannot replace a file that a tensor still maps
            return {name: file.get_tensor(name).clone() for name in file.keys()}, about  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        size = path.stat().st_size
        raise ValueError(f"{path} ({size} bytes) cannot be read as safetensors: {_why(path)} ({error})") from None


def _why(path: Path) -> str:
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        return "it is empty, so writing or copying it was interrupted"
    if head.startswith((b"PK", b"\x80")):
        return "it is a pickle of torch.save; save the model with save_model"
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS; fetch the file itself with git lfs pull"
    if head.lstrip().startswith((b"<", b"{")):
        return "it is a text or web page, so a download went wrong"
    if len(head) > 9 and head[8:9] == b"{":
        return "it is truncated or damaged: copy or save it again"
    return "it has another format"
