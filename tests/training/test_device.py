"""The device, seeds, and the order in memory of convolutions."""

import random
import sys
from collections import namedtuple

import numpy
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from mmcourse.training.device import (
    describe_device,
    device,
    keep_freed_memory,
    prepare,
    return_freed_memory,
    seed_everything,
    to_device,
)


def test_one_device_in_one_line():
    assert device() is device() and device().type in ("cuda", "mps", "cpu")
    line = describe_device()
    assert device().type in line.lower() and torch.__version__.partition("+")[0] in line and "\n" not in line


def test_seeds_reach_every_generator(monkeypatch):
    def draw():
        return random.random(), numpy.random.rand(), torch.rand(1).item()

    seed_everything(4)
    first = draw()
    assert draw() != first
    monkeypatch.setenv("MMCOURSE_SEED", "4")
    assert seed_everything() == 4 and draw() == first


def test_convolutions_are_channels_last_and_compute_the_same():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(180, 2))
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        expected = plain(x)
        outputs = prepare(plain)(to_device(x)).cpu()
    assert device().type == "mps" or plain[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)


def test_everything_in_a_batch_is_moved():
    batch = to_device([{"image": torch.ones(2)}, (torch.zeros(1), "name"), 3])
    assert batch[0]["image"].device.type == batch[1][0].device.type == device().type
    assert batch[1][1] == "name" and batch[2] == 3


def test_named_and_packed_sequences_stay_what_they_are():
    Pair = namedtuple("Pair", "image label")
    pair = to_device(Pair(torch.ones(2), (torch.zeros(1), "name")))
    assert isinstance(pair, Pair) and pair.image.device.type == pair.label[0].device.type == device().type
    packed = pack_sequence([torch.ones(3, 2), torch.ones(1, 2)])
    moved = to_device(packed)
    assert isinstance(moved, type(packed)) and moved.data.device.type == device().type
    assert moved.batch_sizes.device.type == "cpu" and torch.equal(moved.data.cpu(), packed.data)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_freed_memory_is_returned_after_training():
    """Blocks below the threshold stay with glibc when they are freed; after the call the process is smaller again."""
    keep_freed_memory()
    blocks = [torch.ones(1 << 18) for _ in range(200)]  # 1 MB each, in one piece of the heap
    last = torch.ones(1 << 10)
    full = resident()
    del blocks
    assert return_freed_memory()
    assert resident() < full - 150 * 2**20 and last.sum() == 1 << 10


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
