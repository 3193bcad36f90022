"""Corrupted pages: never both modalities, clean ones unchanged, corrupted ones changed."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.picturebook.scene import KINDS
from mmcourse.picturebook.speech import voices
from mmcourse.tasks.corrupted_pages import CorruptedPages


@pytest.fixture(scope="module")
def pages():
    return CorruptedPages(PictureBook("test", 60))


def test_never_both_and_as_many_of_each(pages):
    assert not (pages.corrupted & pages.noisy).any()
    assert pages.corrupted.sum() == pages.noisy.sum() == 24
    assert torch.equal(pages.labels, pages.book.kinds)


def test_clean_images_are_unchanged_and_corrupted_ones_noisy(pages):
    changed = (pages.images - pages.book.images).abs().mean(dim=(1, 2, 3))
    assert (changed[~pages.corrupted] == 0).all() and (changed[pages.corrupted] > 0.2).all()
    assert pages.images.amin() >= 0 and pages.images.amax() <= 1


def test_a_noisy_word_is_loud_noise_and_a_clean_one_is_not(pages):
    """The quietest tenth of a second of a clean word is far below its loudest; noise fills every gap."""

    def range_of(page):
        power = pages.sound(page).unfold(0, 400, 200).square().mean(dim=1)
        return (power.quantile(0.9) / power.quantile(0.1)).item()

    noisy, clear = ([range_of(int(i)) for i in which.nonzero()[:8]] for which in (pages.noisy, ~pages.noisy))
    assert max(noisy) < 5 < min(clear)


def test_the_word_is_spoken_by_a_voice_of_the_split():
    pages = CorruptedPages(PictureBook("held_out_voices", 5))
    assert all(pages.book.voice(i) in voices("held_out") for i in range(5))
    assert not any(pages.book.voice(i) in voices("train") for i in range(5))


def test_same_book_same_pages(pages):
    again = CorruptedPages(PictureBook("test", 60))
    assert torch.equal(pages.images, again.images) and torch.equal(pages.sound(3), again.sound(3))
    assert torch.equal(pages.corrupted, again.corrupted)


def test_batches_hold_every_sound(pages):
    batches = list(pages.batches(8_000))
    assert [len(batch) for batch in batches] == [60] and batches[0].shape == (60, 8_000)
    sound = pages.sound(7)[:8_000]
    assert torch.equal(batches[0][7, : len(sound)], sound)


def test_corrupted_pages_are_of_all_kinds():
    pages = CorruptedPages(PictureBook("train", 600, seed=0))
    for which in (pages.corrupted, pages.noisy):
        assert (torch.bincount(pages.labels[which], minlength=len(KINDS)) > 5).all()


def test_refusals():
    with pytest.raises(ValueError, match="0 to 0.5"):
        CorruptedPages(PictureBook("test", 5), fraction=0.6)
    with pytest.raises(ValueError, match="objects=1"):
        CorruptedPages(PictureBook("test", 5, objects=2))
