"""Pages to draw: sentences, facts and images belong together; results by one judge and by several."""

import pytest
import torch

from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, HELD_OUT_PAIRS, KINDS, SIZES
from mmcourse.picturebook.sentence import encode, parse
from mmcourse.tasks.big_objects import big_objects
from mmcourse.tasks.drawing import described_pages, facts_shown


class Oracle:
    """A judge that sees what it was told, in the order of the images' first pixels."""

    def __init__(self, seen: torch.Tensor):
        self.seen = seen

    def predict(self, images: torch.Tensor) -> torch.Tensor:
        return self.seen[images[:, 0, 0, 0].long()]


def test_sentences_facts_and_images_belong_together():
    pages, book = described_pages("valid", 30), PictureBook("valid", 30)
    assert len(pages) == 30 and torch.equal(pages.images, book.images)
    for tokens, sentence, (kind, colour, size) in zip(pages.tokens, pages.sentences, pages.facts, strict=True):
        assert tokens[tokens != 0].tolist() == encode(sentence)
        assert parse(sentence).objects == ((KINDS[kind], COLOURS[colour], SIZES[size]),)


def test_big_pages_are_those_of_lesson_07():
    pages, (images, kinds, colours) = described_pages("train", 60, 3, big=True), big_objects("train", 60, 3)
    assert torch.equal(pages.images, images)
    assert torch.equal(pages.facts[:, :2], torch.stack([kinds, colours], dim=1))
    assert (pages.facts[:, 2] == SIZES.index("big")).all()


def test_held_out_combinations_are_held_out():
    for split, held in (("train", False), ("held_out_pairs", True)):
        facts = described_pages(split, 40, seed=1, big=True).facts.tolist()
        assert all(((KINDS[kind], COLOURS[colour]) in HELD_OUT_PAIRS) == held for kind, colour, _ in facts)


def test_results_by_hand_and_the_lowest_of_two_judges():
    facts = torch.tensor([[0, 0, 0], [1, 1, 1], [2, 2, 0], [3, 3, 1]])
    images = torch.arange(4.0)[:, None, None, None].expand(4, 3, 32, 32)
    one, other = facts.clone(), facts.clone()
    one[0, 0], one[1, 1] = 9, 7  # one object wrong, one colour wrong
    other[0, 2] = 1  # one size wrong
    first = facts_shown(images, facts, Oracle(one))
    assert first == {"object": 0.75, "colour": 0.75, "size": 1.0, "object and colour": 0.5, "all": 0.5}
    both = facts_shown(images, facts, [Oracle(one), Oracle(other)])
    assert both == {"object": 0.75, "colour": 0.75, "size": 0.75, "object and colour": 0.5, "all": 0.5}
    with pytest.raises(ValueError, match="object, colour and size"):
        facts_shown(images, facts[:3], Oracle(one))
