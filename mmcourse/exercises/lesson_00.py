"""The checks of lesson 00: start here."""

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import call, compare, described, expect_whole_number, whole

TITLE = "Start here"


@exercise(
    "00.1",
    title="the shape of a stack of pages",
    dots=1,
    minutes=5,
    hints=(
        "PyTorch counts the pictures first. What does one picture alone look like: `book.images[0].shape`?",
        "One picture is (3, S, S): three colour channels, then rows, then columns. Put the number of pages in front.",
    ),
)
def page_shape(answer, rng):
    cases = [(pages := whole(rng, 5, 60), whole(rng, 61, 128)), (1, 32), (whole(rng, 61, 999), 48)]
    given = []
    for case in cases:
        shape, where = answer(*case), call("page_shape", *case)
        if hasattr(shape, "shape"):
            raise NotRight(f"`{where}` gave a tensor, expected its shape alone: the tuple (N, 3, S, S)")
        if isinstance(shape, list):
            raise NotRight(f"`{where}` gave a list, expected a tuple: round brackets, as in `(1, 2)`")
        if not isinstance(shape, tuple):
            raise NotRight(f"`{where}` gave {described(shape)}, expected a tuple of four whole numbers")
        given.append(tuple(expect_whole_number(size, f"in `{where}`, entry {i}") for i, size in enumerate(shape)))
    compare(
        "page_shape",
        cases,
        given,
        lambda n, s: (n, 3, s, s),
        [
            (
                lambda n, s: (
                    n,
                    s,
                    s,
                    3,
                ),
                "the channels come last here, as matplotlib wants them; PyTorch wants them right after the batch",
            ),
            (
                lambda n, s: (n, s, s),
                "the colour channels are missing: red, green and blue are three planes of each picture",
            ),
            (lambda n, s: (3, s, s, n), "the batch comes last here; PyTorch wants it first"),
            (lambda n, s: (3, s, s), "this is one picture; a stack of pages has the number of pages in front"),
            (lambda n, s: (n, 1, s, s), "one channel would be a grey picture; these have red, green and blue"),
            (lambda n, s: (3, n, s, s), "the channels come first here; the batch stands before them"),
            (lambda n, s: (s, 3, n, n), "`pages` and `size` have changed places"),
            (lambda n, s: (n, 3, 48, 48), "the pictures are not always 48 pixels wide: use `size`"),
            (lambda n, s: (n, 3, 32, 32), "the pictures are not always 32 pixels wide: use `size`"),
            (lambda n, s: (n, 3, s), "there is one `size` too few: a picture has rows and columns"),
        ],
    )
    return f"the shape of 1, {pages} and {cases[2][0]} pages, of three sizes"
