"""The trained models that the course ships: `data/models/NAME.safetensors`, each with a card `NAME.json` beside it.

Models that lessons start from were trained without held-out combinations, voices and phrasings. A judge may be trained
on all data; it only evaluates other models.
"""

import importlib
import json

from torch import nn

from mmcourse.assets import asset, shipped_folder
from mmcourse.files import digest
from mmcourse.renamed import new_value

CARD_FIELDS = (
    "what",
    "role",
    "class",
    "arguments",
    "trained",
    "splits",
    "results",
    "licence",
    "parameters",
    "sha256",
    "versions",
    "date",
)


def names() -> tuple[str, ...]:
    """The names of all shipped models."""
    return tuple(sorted(path.stem for path in (shipped_folder() / "models").glob("*.json")))


def card(name: str) -> dict:
    """What a shipped model is, how and on which splits it was trained, its results and its licence."""
    name = new_value("model", name)
    if name not in names():
        raise ValueError(f"no shipped model is called {name!r}; there are {', '.join(names()) or 'none'}")
    return json.loads(asset(f"models/{name}.json").read_text(encoding="utf-8"))


def load(name: str) -> nn.Module:
    """A shipped model with its weights, in evaluation mode, on the course's device.

    FileNotFoundError where the weights are missing, ValueError where they do not fit their card.
    """
    from mmcourse.training.checkpoint import load_model
    from mmcourse.training.device import device

    name = new_value("model", name)
    about = card(name)
    path = asset(f"models/{name}.safetensors")
    if digest(path) != about["sha256"]:
        raise ValueError(
            f"{path.name} is not the file its card describes (another checksum). Likely cause: a half-written "
            "copy, or a model that was retrained without its card. `mmcourse doctor` checks all of them"
        )
    module, _, cls = about["class"].rpartition(".")
    model = getattr(importlib.import_module(module), cls)(**about["arguments"])
    return load_model(model, path).to(device()).eval()
