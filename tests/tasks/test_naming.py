"""Named pages: a mask hides the name and nothing else, the same on every machine."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.data.text import UNKNOWN
from mmcourse.picturebook.scene import KINDS
from mmcourse.picturebook.sentence import encode
from mmcourse.tasks.naming import MASKED_NAME, NamedPages


@pytest.mark.parametrize("split", ["train", "held_out_phrasings"])
def test_a_mask_hides_the_kind_and_nothing_else(split):
    pages = NamedPages(PictureBook(split, 300, seed=0))
    assert pages.name_masked.sum() == 150 and len(pages) == 300
    names = torch.tensor([encode(kind)[0] for kind in KINDS])
    named = torch.isin(pages.tokens, names).any(dim=1)
    assert torch.equal(named, ~pages.name_masked)
    assert torch.equal((pages.tokens == UNKNOWN).any(dim=1), pages.name_masked)
    assert torch.equal(pages.tokens[~pages.name_masked], pages.book.tokens[~pages.name_masked])
    for i in pages.name_masked.nonzero()[:, 0].tolist():
        told, whole = pages.sentences[i], pages.book.sentences[i]
        assert told.count(MASKED_NAME) == 1 and KINDS[pages.labels[i]] in whole
        assert (
            f"an {MASKED_NAME}" not in told and f" a {MASKED_NAME}" not in told
        )  # 'an' would tell an apple from a fish
        assert whole in (
            told.replace(MASKED_NAME, f"{article}{KINDS[pages.labels[i]]}") for article in ("", "a ", "an ")
        )


def test_fractions_of_none_and_of_all():
    book = PictureBook("valid", 40)
    assert torch.equal(NamedPages(book, fraction=0).tokens, book.tokens)
    assert NamedPages(book, fraction=1).name_masked.all()


def test_the_same_every_time_and_another_for_another_seed():
    one, again, other = (NamedPages(PictureBook("train", 60, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one.name_masked, again.name_masked) and torch.equal(one.sound(3), again.sound(3))
    assert not torch.equal(one.name_masked, other.name_masked)


def test_masks_are_independent_of_the_kind():
    pages = NamedPages(PictureBook("test", 2_000))
    shares = torch.stack([pages.name_masked[pages.labels == kind].float().mean() for kind in range(len(KINDS))])
    assert (shares - 0.5).abs().max() < 0.15


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NamedPages(PictureBook("train", 4, objects=2)), "objects=1"),
        (lambda: NamedPages(PictureBook("train", 4), fraction=1.5), "expected 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
