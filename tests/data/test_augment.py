"""Augmentations change pixels and nothing else."""

import itertools

import pytest
import torch

from mmcourse.data.augment import flip, mask_words, permute_colours, shift, shift_bands, spec_augment


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
    assert len(found) == 6, "all six orders occur, drawn for each image"


def test_permuting_a_share(images):
    torch.manual_seed(0)
    assert torch.equal(permute_colours(images, fraction=0.0), images)
    changed = (
        (permute_colours(images.repeat(20, 1, 1, 1), fraction=0.5) != images.repeat(20, 1, 1, 1)).flatten(1).any(1)
    )
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
    for change in (permute_colours, flip, shift):
        with pytest.raises(ValueError, match=r"shape \(3, 8, 8\); expected \(B, C, H, W\).*image\[None\]"):
            change(torch.rand(3, 8, 8))


@pytest.mark.parametrize("fraction", [-0.1, 1.5, float("nan")])
def test_a_fraction_lies_from_0_to_1(fraction):
    with pytest.raises(ValueError, match="from 0 to 1"):
        permute_colours(torch.rand(2, 3, 8, 8), fraction)
    with pytest.raises(ValueError, match="from 0 to 1"):
        mask_words(torch.ones(2, 3, dtype=torch.int64), fraction)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32])
@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (1, 3, 7, 9), (2, 1, 1, 1)])
def test_images_of_every_type_and_size_keep_both(dtype, shape):
    images = (torch.rand(shape) * 200).to(dtype)
    for change in (permute_colours, flip, shift):
        changed = change(images)
        assert changed.dtype == dtype and changed.shape == shape


@pytest.fixture
def mels():
    return torch.rand(300, 40, 50, generator=torch.Generator().manual_seed(0)) + 1


def test_spec_augment_hides_a_stripe_of_bands_and_one_of_frames(mels):
    torch.manual_seed(0)
    copy, changed = mels.clone(), spec_augment(mels, band=6, time=12)
    hidden = changed == 0
    bands, frames = hidden.all(dim=2), hidden.all(dim=1)  # (B, M), (B, T)
    assert torch.equal(hidden, bands[:, :, None] | frames[:, None, :]) and torch.equal(changed[~hidden], mels[~hidden])
    for stripes, widest in ((bands, 6), (frames, 12)):
        assert set(stripes.sum(dim=1).tolist()) == set(range(widest + 1)), "every width from none to the widest"
        assert (stripes.long().diff(dim=1) == 1).sum(dim=1).max() <= 1, "one stripe, not several"
        assert stripes.any(dim=0).all(), "anywhere, the edges included"
        assert len({tuple(row) for row in stripes.tolist()}) > 50, "each example its own"
    assert torch.equal(mels, copy)


def test_spec_augment_of_short_and_of_nothing(mels):
    assert torch.equal(spec_augment(mels, 0, 0), mels)
    assert spec_augment(mels[:, :2, :1], band=9, time=9).shape == (300, 2, 1)
    with pytest.raises(ValueError, match=r"expected \(B, n_mels, T\)"):
        spec_augment(mels[0])
    with pytest.raises(ValueError, match="band is -1"):
        spec_augment(mels, band=-1)


def test_bands_are_shifted_whole_and_by_no_more(mels):
    torch.manual_seed(0)
    found = set()
    for before, after in zip(mels, shift_bands(mels, 2), strict=True):
        ways = [up for up in range(-2, 3) if torch.equal(before.roll(up, 0)[2:-2], after[2:-2])]
        assert len(ways) == 1
        found.add(ways[0])
    assert found == {-2, -1, 0, 1, 2} and torch.equal(shift_bands(mels, 0), mels)
    with pytest.raises(ValueError, match=r"expected \(B, n_mels, T\)"):
        shift_bands(mels[0])
