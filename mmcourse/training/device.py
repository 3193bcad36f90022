"""The device of training, chosen once, and settings that make training fast on it."""

import ctypes
import functools
import random
import sys
from contextlib import AbstractContextManager, nullcontext

import numpy
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from mmcourse import settings


@functools.cache
def device() -> torch.device:
    """The device of this session: CUDA, else Apple's MPS, else the CPU. Chosen at the first call."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    keep_freed_memory()
    return torch.device("cpu")


def describe_device() -> str:
    """One line to print: 'device: CPU, 2 threads · torch 2.14.0'."""
    kind = device().type
    if kind == "cuda":
        name = f"{torch.cuda.get_device_name()}, {torch.cuda.get_device_properties(0).total_memory / 2**30:.0f} GB"
    elif kind == "mps":
        name = "Apple GPU (MPS)"
    else:
        threads = torch.get_num_threads()
        name = f"CPU, {threads} thread{'s' * (threads > 1)}"
    return f"device: {name} · torch {torch.__version__.partition('+')[0]}"


@functools.cache
def keep_freed_memory(threshold: int = 1 << 30) -> bool:
    """Let glibc keep freed memory for the next step instead of returning it to the system; True if supported.

    Otherwise every activation above 128 kB causes page faults in every step: a step of two convolutions on 64 images of
    32 px takes 12.6 ms instead of 17.4 (one Xeon core); a small perceptron does not become faster.
    Does nothing (False) on macOS, Windows, musl.
    """
    if not sys.platform.startswith("linux"):
        return False
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(mmap_threshold, threshold)) and bool(mallopt(trim_threshold, threshold))


def return_freed_memory() -> bool:
    """Return freed memory that glibc keeps to the system; True if some was returned.

    Called before and after a training and after each cell of a lesson, so that what one took does not add to what the
    next one takes. False on macOS, Windows, musl.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):
        return False


def seed_everything(seed: int | None = None) -> int:
    """Seed Python, NumPy and PyTorch (every device) alike; the default is MMCOURSE_SEED. Returns the seed."""
    seed = settings.seed() if seed is None else seed
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return seed


def mixed_precision() -> AbstractContextManager:
    """bfloat16 where it helps, which is on CUDA only: on a CPU it was 1.3 to 2.3 times slower."""
    if device().type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def prepare(model: nn.Module) -> nn.Module:
    """Move a model to the device, in place, its convolutions in channels-last order (their inputs follow)."""
    model.to(device())
    if device().type != "mps" and any(isinstance(part, nn.Conv2d) for part in model.modules()):
        model.to(memory_format=torch.channels_last)
    return model


def to_device(value):
    """Move a tensor, or every tensor of a tuple, namedtuple, list or dict, to the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device(), non_blocking=True)
    if isinstance(value, PackedSequence):
        return value.to(device())
    if isinstance(value, dict):
        return {name: to_device(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [to_device(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)  # namedtuples take fields
    return value
