import pytest
import torch

from mmcourse.picturebook.book import PictureBook
from mmcourse.show.images import as_images, show_images, show_pages, smooth


@pytest.fixture(scope="module")
def book():
    return PictureBook("test", 5)


def test_the_pages_of_a_book_tell_their_sentences_in_the_alt_text(shown, book):
    show_pages(book, rows=1, columns=4, size=32)
    assert len(shown) == 1
    assert all(sentence in shown.alt() for sentence in book.sentences[:4])
    assert book.sentences[4] not in shown.alt()


def test_scenes_are_told_too_and_marks_are_read_aloud(shown, book):
    show_pages(book.scenes, columns=3, rows=1, sentences=["one", "two", "three"], marks=[True, False, None], size=32)
    assert "marked right" in shown.alt() and "marked wrong" in shown.alt()
    assert book.scenes[0].things[0].kind in shown.alt() and "two" in shown.alt()


def test_images_of_every_usual_form_are_shown(shown):
    for images in (
        torch.rand(3, 3, 8, 8),
        torch.rand(3, 1, 8, 8),
        torch.rand(3, 8, 8),
        [torch.rand(3, 8, 8)] * 2,
        torch.rand(8, 8),
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
    ):
        show_images(images)
    assert len(shown) == 6
    show_images(torch.rand(2, 3, 8, 8), titles=["cat", "dog"], smoothly=False)
    assert "cat" in shown.alt() and "dog" in shown.alt()


def test_enlarging_keeps_the_range_and_large_images():
    images = torch.rand(2, 3, 16, 16)
    large = smooth(images, 64)
    assert large.shape == (2, 3, 64, 64) and large.min() >= 0 and large.max() <= 1
    assert smooth(images, 8).shape == images.shape


@pytest.mark.parametrize(
    "images, says",
    [
        (torch.rand(2, 8, 8, 3), "permute"),
        (torch.rand(2, 5, 8, 8), r"shape \(2, 5, 8, 8\)"),
        (torch.rand(0, 3, 8, 8), "empty"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(images, says):
    with pytest.raises(ValueError, match=says):
        as_images(images)


def test_too_few_sentences_or_pages_are_refused(shown, book):
    with pytest.raises(ValueError, match="no page"):
        show_pages(book, rows=0)
    with pytest.raises(ValueError, match="sentences has 1 entries for 2"):
        show_pages(book.scenes[:2], sentences=["only one"], size=32)
    with pytest.raises(ValueError, match="pages is a str"):
        show_pages("book")
