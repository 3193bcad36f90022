"""The shipped captioner says what its card promises, on other pages, and is never at a loss for an end."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.metrics import caption_accuracy
from mmcourse.models.decoding import LONGEST, captions
from mmcourse.training import shipped


@pytest.fixture(scope="module")
def model():
    return shipped.load("captioner")


@pytest.mark.parametrize("split", ["test", "held_out_pairs"])
@pytest.mark.parametrize("objects", [1, 2])
def test_captions_are_as_right_as_the_card_says(model, split, objects):
    book = PictureBook(split, 200, objects=objects, seed=7, size=48)
    told = shipped.card("captioner")["results"][split]["one object" if objects == 1 else "two objects"]
    right = caption_accuracy(captions(model, book.images), book.scenes)
    assert abs(right - told) < 4 * (told * (1 - told) / 200) ** 0.5 + 0.02


BLANK = {
    "one colour": torch.rand(20, 3, 1, 1, generator=torch.Generator().manual_seed(0)).expand(20, 3, 48, 48),
    "a grey": torch.linspace(0, 1, 9)[:, None, None, None].expand(9, 3, 48, 48),
    "noise": torch.rand(20, 3, 48, 48, generator=torch.Generator().manual_seed(1)),
}


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize("width", [1, 4])
def test_of_a_page_with_nothing_on_it_a_sentence_is_said_that_ends(model, blank, width):
    for sentence in captions(model, BLANK[blank], width=width):
        words = sentence.split()
        assert 0 < len(words) < LONGEST
        assert all(word != after for word, after in zip(words, words[1:], strict=False)), sentence


def test_its_encoder_is_the_shipped_one(model):
    encoder = shipped.load("image_encoder").encoder.state_dict()
    assert all(torch.equal(value, encoder[name]) for name, value in model.encoder.state_dict().items())
    assert model.frozen and shipped.card("captioner")["splits"] == ["train"]
