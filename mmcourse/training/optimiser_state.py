"""The state of an optimiser in a checkpoint: options, state and name of each parameter."""

import torch
from torch import Tensor


def options(optimiser: torch.optim.Optimizer) -> list[dict]:
    """The options of each group (lr, betas, weight_decay, ...), as JSON has them."""
    return [
        {name: _plain(value) for name, value in group.items() if name != "params"} for group in optimiser.param_groups
    ]


def pack(trained) -> tuple[dict[str, Tensor], dict]:
    """The optimiser of a Trained as tensors and JSON values, with the learning rates before the schedule."""
    tensors, plain = {}, {}
    for number, entries in trained.optimiser.state_dict()["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{number}.{name}"] = value
            else:
                plain.setdefault(str(number), {})[name] = value
    groups = options(trained.optimiser)
    if trained.schedule is not None:
        groups = [group | {"lr": given["lr"]} for group, given in zip(groups, trained.options, strict=True)]
    about = {"name": type(trained.optimiser).__name__, "parameters": _names(trained), "plain": plain}
    return tensors, about | {"groups": groups, "options": trained.options}


def check(trained, about: dict, path) -> None:
    """ValueError where `unpack` could not restore the optimiser of a Trained."""
    saved, given = about["parameters"], _names(trained)
    if about["name"] == type(trained.optimiser).__name__ and saved == given:
        return
    counts = [[len(names) for names in part] for part in (saved, given)]
    order = " in another order or of another part of the model" if counts[0] == counts[1] and saved != given else ""
    raise ValueError(
        f"{path} holds the state of {about['name']} for {counts[0]} parameters; this run uses "
        f"{type(trained.optimiser).__name__} for {counts[1]}{order}. Resume with the optimiser the run was started with"
    )


def unpack(trained, tensors: dict[str, Tensor], about: dict) -> None:
    """Restore the optimiser of a Trained. Options that this call changed keep their new values."""
    state = {int(number): dict(entries) for number, entries in about["plain"].items()}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        like = trained.parameters[int(number)]
        if tensor.shape == like.shape:  # in the parameter's own memory order, as the optimiser made it
            tensor = torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(number), {})[name] = tensor
    groups = trained.optimiser.state_dict()["param_groups"]
    for group, now, then, saved in zip(groups, trained.options, about["options"], about["groups"], strict=True):
        if trained.default_lr:
            now["lr"] = then["lr"]
        changed = {name: value for name, value in now.items() if value != then.get(name)}
        group |= {name: tuple(v) if isinstance(v, list) else v for name, v in (saved | changed).items()}
    trained.optimiser.load_state_dict({"state": state, "param_groups": groups})


def _plain(value):
    return value.tolist() if isinstance(value, Tensor) else list(value) if isinstance(value, tuple) else value


def _names(trained) -> list[list[str]]:
    """The parameters of each group, by their names in the model."""
    names = {id(parameter): name for name, parameter in trained.model.named_parameters()}
    return [[names.get(id(p), "not in the model") for p in group["params"]] for group in trained.optimiser.param_groups]
