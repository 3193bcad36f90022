"""Types that hold large numbers and many digits: the least, and without autocast."""

import pytest
import torch

from mmcourse.precision import exact, without_autocast


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_float32_at_least(given, expected):
    assert exact(torch.ones(2, dtype=given)).dtype == expected


def test_autocast_is_off_within_and_on_again_after():
    x = torch.randn(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with without_autocast(x):
            assert (x @ x).dtype == torch.float32
        assert (x @ x).dtype == torch.bfloat16


def test_a_device_without_autocast_will_do():
    with without_autocast(torch.ones(2, device="meta")):
        pass
