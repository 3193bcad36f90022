"""The shipped captioner says what its card promises, on other pages, and is never at a loss for an end."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.metrics import share_right
from mmcourse.models.decoding import LONGEST, captions
from mmcourse.training import shipped


@pytest.fixture(scope="module")
def model():
    return shipped.load("captioner")


@pytest.mark.parametrize("split", ["test", "unseen_pairs"])
@pytest.mark.parametrize("things", [1, 2])
def test_captions_are_as_right_as_the_card_says(model, split, things):
    book = PictureBook(split, 200, things=things, seed=7, size=48)
    told = shipped.card("captioner")["figures"][split]["one thing" if things == 1 else "two things"]
    right = share_right(captions(model, book.images), book.scenes)
    assert abs(right - told) < 4 * (told * (1 - told) / 200) ** 0.5 + 0.02


def test_a_page_of_one_colour_is_told_of_and_the_sentence_ends(model):
    blank = torch.cat([torch.full((1, 3, 48, 48), shade) for shade in (0.0, 0.5, 1.0)])
    for sentence in captions(model, blank):
        assert 0 < len(sentence.split()) < LONGEST


def test_its_eyes_are_the_shipped_ones(model):
    eyes = shipped.load("picture_encoder").encoder.state_dict()
    assert all(torch.equal(value, eyes[name]) for name, value in model.encoder.state_dict().items())
    assert model.frozen and shipped.card("captioner")["splits"] == ["train"]
