"""The checks of lesson 00: start here."""

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import call, compare, described, expect_whole_number, whole

TITLE = "Start here"


@exercise(
    "00.1",
    title="the shape of a batch of images",
    dots=1,
    minutes=5,
    hints=(
        "The batch axis comes first. What is the shape of one image, `book.images[0].shape`?",
        "One image is (3, S, S): three colour channels, rows and columns. The number of pages comes first.",
    ),
)
def page_shape(answer, rng):
    cases = [(pages := whole(rng, 5, 60), whole(rng, 61, 128)), (1, 32), (whole(rng, 61, 999), 48)]
    given = []
    for case in cases:
        shape, where = answer(*case), call("page_shape", *case)
        if hasattr(shape, "shape"):
            raise Mistake(f"`{where}` returned a tensor, expected only its shape, the tuple (N, 3, S, S)")
        if isinstance(shape, list):
            raise Mistake(f"`{where}` returned a list, expected a tuple, with parentheses: `(1, 2)`")
        if not isinstance(shape, tuple):
            raise Mistake(f"`{where}` returned {described(shape)}, expected a tuple of four whole numbers")
        given.append(tuple(expect_whole_number(size, f"in `{where}`, entry {i}") for i, size in enumerate(shape)))
    compare(
        "page_shape",
        cases,
        given,
        lambda n, s: (n, 3, s, s),
        [
            (
                lambda n, s: (n, s, s, 3),
                "the channels come last, as in matplotlib; in PyTorch they follow the batch axis",
            ),
            (
                lambda n, s: (n, s, s),
                "the colour channels are missing: each image has three, for red, green and blue",
            ),
            (lambda n, s: (3, s, s, n), "the batch axis comes last; in PyTorch it comes first"),
            (
                lambda n, s: (3, s, s),
                "this is the shape of one image; the first axis of a batch is the number of pages",
            ),
            (lambda n, s: (n, 1, s, s), "one channel is a greyscale image; these images have red, green and blue"),
            (lambda n, s: (3, n, s, s), "the channels come first; the batch axis comes before them"),
            (lambda n, s: (s, 3, n, n), "`pages` and `size` are swapped"),
            (lambda n, s: (n, 3, 48, 48), "the images are not always 48 pixels wide: use `size`"),
            (lambda n, s: (n, 3, 32, 32), "the images are not always 32 pixels wide: use `size`"),
            (lambda n, s: (n, 3, s), "one `size` is missing: an image has rows and columns"),
        ],
    )
    return f"the shapes of batches of 1, {pages} and {cases[2][0]} images of three sizes"
