"""Save and restore the state of every random generator that training uses."""

import random

import numpy
import torch


def random_state(batches=None) -> dict:
    """The state of every random generator that training uses, and of the order of the batches."""
    kind, keys, position, has_gauss, gauss = numpy.random.get_state()
    version, words, gauss_next = random.getstate()
    tensors = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(keys.astype(numpy.int64)),
        "python": torch.tensor(words),
    }
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    if isinstance(generator := getattr(batches, "generator", None), torch.Generator):
        tensors["batches"] = generator.get_state()
    plain = {"numpy": [kind, position, has_gauss, gauss], "python": [version, gauss_next]}
    plain["epoch"] = epoch if isinstance(epoch := getattr(batches, "epoch", None), int) else None
    return {"tensors": tensors, "plain": plain}


def set_random_state(state: dict, batches=None) -> None:
    """Restore a state of `random_state`: the generators and, if given, the order of the batches."""
    tensors, plain = state["tensors"], state["plain"]
    torch.set_rng_state(tensors["torch"])
    kind, *rest = plain["numpy"]
    numpy.random.set_state((kind, tensors["numpy"].numpy().astype(numpy.uint32), *rest))
    version, gauss_next = plain["python"]
    random.setstate((version, tuple(tensors["python"].tolist()), gauss_next))
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])
    if "batches" in tensors and batches is not None:
        batches.generator.set_state(tensors["batches"])
    if plain["epoch"] is not None and batches is not None:
        batches.epoch = plain["epoch"]
