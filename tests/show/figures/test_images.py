import numpy as np
import pytest
import torch

from mmcourse.picturebook.book import PictureBook
from mmcourse.show.figures.images import as_images, show_images, show_pages, smooth
from mmcourse.show.widgets.base import to_image


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
    assert "marked correct" in shown.alt() and "marked wrong" in shown.alt()
    assert book.scenes[0].objects[0].kind in shown.alt() and "two" in shown.alt()


def test_images_of_every_usual_form_are_shown(shown):
    for images in (
        torch.rand(3, 3, 8, 8),
        torch.rand(3, 1, 8, 8),
        torch.rand(3, 8, 8),
        [torch.rand(3, 8, 8)] * 2,
        torch.rand(8, 8),
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8),
        torch.rand(2, 3, 8, 8).half(),
        torch.rand(2, 1, 1),
    ):
        show_images(images)
    assert len(shown) == 8
    show_images(torch.rand(2, 3, 8, 8), titles=["cat", "dog"], smoothly=False)
    assert "cat" in shown.alt() and "dog" in shown.alt()


def test_enlarging_keeps_the_range_and_large_images():
    images = torch.rand(2, 3, 16, 16)
    large = smooth(images, 64)
    assert large.shape == (2, 3, 64, 64) and large.min() >= 0 and large.max() <= 1
    assert smooth(images, 8).shape == images.shape


WHITE = {torch.bool: 1, torch.uint8: 255, torch.uint16: 65_535}


@pytest.mark.parametrize("dtype", WHITE)
def test_integers_are_scaled_by_the_white_of_their_type(dtype):
    images = (torch.rand(2, 3, 8, 8) * (WHITE[dtype] + 1)).floor().to(dtype)
    shown = as_images(images)
    assert shown.dtype == torch.float32 and torch.equal(shown, images.float() / WHITE[dtype])
    assert torch.equal(as_images(images.numpy()), shown)
    pixels = torch.from_numpy(np.asarray(to_image(images[0])).copy()).permute(2, 0, 1)
    assert torch.equal(pixels, (shown[0] * 255).round().byte())


@pytest.mark.parametrize("dtype", [torch.int16, torch.int32, torch.int64])
def test_integers_without_a_white_and_bytes_as_floats_are_refused(dtype, shown):
    pixels = torch.randint(256, (2, 3, 8, 8))
    for use in (as_images, show_images, show_pages, lambda images: to_image(images[0])):
        with pytest.raises(ValueError, match=f"{dtype}; expected floats .*images / 255"):
            use(pixels.to(dtype))
        with pytest.raises(ValueError, match=r"floats up to .*expected \[0, 1\]"):
            use(pixels.float())
    assert not shown
    as_images(3 * torch.randn(2, 3, 8, 8))  # noise, and images that were standardised, are cut at 0 and 1


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_any_number_of_greyscale_images_stays_that(count, shown):
    images = torch.rand(count, 9, 8)
    for given in (images, list(images), images.numpy()):
        assert torch.equal(as_images(given), images[:, None])
    show_images(images)
    assert shown.alt().startswith(f"{count} image")
    show_pages(images)
    assert shown.alt().startswith(f"{count} page")
    assert as_images(images[:, None].expand(-1, 3, -1, -1)).shape == (count, 3, 9, 8)


def test_a_grey_picture_becomes_an_image_too():
    assert to_image(torch.full((1, 2, 2), 0.5)).getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize(
    "images, says",
    [
        (torch.rand(8, 8, 3), "permute"),
        ([], "empty"),
        ([torch.rand(8, 8), torch.rand(8, 9)], "expected one shape"),
        (torch.rand(2, 0, 8), r"shape \(2, 0, 8\)"),
        (torch.tensor(1.0), r"shape \(\)"),
        (torch.rand(2, 8, 8, 3), "permute"),
        (torch.rand(2, 5, 8, 8), r"shape \(2, 5, 8, 8\)"),
        (torch.rand(0, 3, 8, 8), "empty"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(images, says):
    with pytest.raises(ValueError, match=says):
        as_images(images)


def test_more_images_than_a_figure_can_show_are_refused():
    with pytest.raises(ValueError, match=r"8,000 images; expected 256 at most.*images\[:32\]"):
        show_images(torch.zeros(8_000, 4, 4))


def test_too_few_sentences_or_pages_are_refused(shown, book):
    with pytest.raises(ValueError, match="no page"):
        show_pages(book, rows=0)
    with pytest.raises(ValueError, match="sentences has 1 entries for 2"):
        show_pages(book.scenes[:2], sentences=["only one"], size=32)
    with pytest.raises(ValueError, match="pages is a str"):
        show_pages("book")


def test_a_list_of_pil_images_is_refused_with_its_conversion():
    from PIL import Image

    with pytest.raises(ValueError, match="show_images got .*Image.*pil_to_tensor|to_tensor"):
        show_images([Image.new("L", (8, 8))] * 2)
