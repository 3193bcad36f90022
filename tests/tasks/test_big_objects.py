"""Pages with a big object by day: the book's own images, and no others."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.tasks.big_objects import big_objects


def test_these_are_the_books_pages():
    book = PictureBook("test", pages=80)
    images, kinds, colours = big_objects("test", 80)
    chosen = [i for i, scene in enumerate(book.scenes) if scene.objects[0].size == "big" and scene.time == "day"]
    assert torch.allclose(images, book.images[chosen], atol=1e-6)
    assert torch.equal(kinds, book.kinds[chosen]) and torch.equal(colours, book.colours[chosen])


def test_a_book_without_such_a_page_is_named():
    with pytest.raises(ValueError, match="too few pages"):
        big_objects("test", 1)
