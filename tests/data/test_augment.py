"""Augmentations change pixels and nothing else."""

import itertools

import pytest
import torch

from mmcourse.data.augment import flip, permute_colours, shift


@pytest.fixture
def images():
    return torch.rand(64, 3, 8, 9, generator=torch.Generator().manual_seed(0))


def test_permuting_keeps_every_channel_of_every_picture(images):
    torch.manual_seed(0)
    changed = permute_colours(images)
    found = set()
    for before, after in zip(images, changed, strict=True):
        orders = [o for o in itertools.permutations(range(3)) if torch.equal(before[list(o)], after)]
        assert len(orders) == 1
        found.add(orders[0])
    assert len(found) == 6, "all six orders come up, each picture its own"


def test_permuting_a_share(images):
    torch.manual_seed(0)
    assert torch.equal(permute_colours(images, share=0.0), images)
    changed = (permute_colours(images.repeat(20, 1, 1, 1), share=0.5) != images.repeat(20, 1, 1, 1)).flatten(1).any(1)
    assert 0.35 < changed.float().mean() < 0.48, "half of them, of which one in six gets its own order back"


def test_flip_mirrors_whole_pictures(images):
    torch.manual_seed(0)
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(flip(images), images, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(flip(images), images, strict=True)]
    assert 10 < sum(mirrored) < 54 and 10 < sum(same) < 54


def test_shift_moves_by_at_most_that_much(images):
    torch.manual_seed(0)
    for before, after in zip(images, shift(images, 2), strict=True):
        assert any(torch.equal(before.roll((d, r), (1, 2)), after) for d in range(-2, 3) for r in range(-2, 3))
    assert torch.equal(shift(images, 0), images)
    with pytest.raises(ValueError, match="pixels is -1"):
        shift(images, -1)


def test_originals_stay_and_the_stream_decides(images):
    copy = images.clone()
    for change in (permute_colours, flip, shift):
        torch.manual_seed(3)
        first = change(images)
        torch.manual_seed(3)
        assert torch.equal(first, change(images))
        assert first.shape == images.shape
    assert torch.equal(images, copy)


def test_a_single_picture_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 8, 8\); expected \(B, C, H, W\)"):
        permute_colours(torch.rand(3, 8, 8))
