"""Exercise 04.5: the causal mask."""

import ast
import inspect
import textwrap

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_tensor, named_mistake, whole


def first_row(length: int) -> Tensor:
    """The first row as it should be, the others all False."""
    return square(length).tril() & (torch.arange(length) == 0)[:, None]


def square(length: int) -> Tensor:
    """All True.   -> (T, T)"""
    return torch.ones(length, length, dtype=torch.bool)


def causal(length: int) -> Tensor:
    """What `causal_mask` should give."""
    return square(length).tril()


EVERYTHING = "everything is True: no word may attend to a later one"
CAUSAL_MISTAKES = [
    (
        lambda n: square(n).triu(1),
        "it is inverted: True means that a word may attend, here only to later words. "
        "(PyTorch's `nn.MultiheadAttention` wants it so, this lesson does not)",
    ),
    (
        lambda n: square(n).triu(),
        "it is the upper triangle: in row t, columns 0 to t are allowed, the lower triangle",
    ),
    (
        lambda n: square(n).tril(-1),
        "the diagonal is False: each word may attend to itself, and the first has no other",
    ),
    (square, EVERYTHING),
    (lambda n: ~square(n), "everything is False"),
    (
        lambda n: causal(n) & (torch.arange(n) < n - 1)[:, None],
        "the last row is still all False: it is the word that may attend to all",
    ),
    (
        lambda n: causal(n) & (torch.arange(n) > 0)[:, None],
        "the first row is all False: rows count from 0, and a word may attend to itself",
    ),
    (
        lambda n: square(n).tril(-1) | (torch.arange(n) == 0)[:, None] & (torch.arange(n) == 0),
        "the diagonal is False in all rows but the first: each word may attend to itself",
    ),
    (lambda n: causal(n) & (torch.arange(n) > 0), "the first column is all False: each word may attend to the first"),
    (lambda n: (torch.arange(n) == 0).expand(n, n), "only the first column is True"),
    (lambda n: square(n).tril() & (torch.arange(n) < n - 1), "the last column is all False: columns go up to t"),
    (first_row, "only the first row is filled: is the `return` inside the loop?"),
    (lambda n: square(n).tril(1), "each word attends to one word too many: the next one, which is to be predicted"),
    (
        lambda n: torch.eye(n, dtype=torch.bool),
        "only the diagonal is True: each word may attend to earlier words as well",
    ),
    *(
        (
            lambda n, back=back: square(n).tril().triu(-back),
            f"a band: each word attends at most {back} position{'s' * (back > 1)} back, not to all earlier words",
        )
        for back in (1, 2, 3)
    ),
    (lambda n: ~torch.eye(n, dtype=torch.bool), "all but the diagonal is True: later words are to be hidden"),
    (
        lambda n: causal(n).flip(1),
        "the triangle is mirrored: in row t the True ones are the first t + 1 columns, from the left",
    ),
    (lambda n: causal(n).flip(0), "the triangle is upside down: the first row has one True, the last row only True"),
]


@exercise(
    "04.5",
    title="causal mask",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Write the mask for three words by hand: row t says what word t may attend to. How many are True?",
        "A word may attend to itself, so the diagonal is True; everything to the right of it is False.",
        "`torch.tril` keeps the lower triangle of a matrix. Of which matrix, and of which type?",
    ),
)
def causal_mask(answer, rng):
    lengths = (4, 1, 2, whole(rng, 5, 9), whole(rng, 10, 20))
    given = []
    for length in lengths:
        where = f"`causal_mask({length})`"
        causes = {
            (1, length, length): "one axis too many in front",
            (1, 1, length, length): "two axes too many in front; they are added where the mask is used",
            (length,): "one row; each word has its own",
            (length + 1, length + 1): "one row and column too many",
            (length - 1, length - 1): "one row and column are missing",
            (length * length,): "the rows are concatenated",
        }
        result = expect_tensor(called(answer, length), where, (length, length), causes)
        if result.dtype != torch.bool:
            raise Mistake(f"{where} is {result.dtype}: {not_boolean(result, length)}")
        given.append(result)
    if all(torch.equal(mask, causal(length)) for mask, length in zip(given, lengths, strict=True)):
        return f"{len(lengths)} lengths, one word among them"
    words = named_mistake([(length,) for length in lengths], given, CAUSAL_MISTAKES)
    i = next(i for i, length in enumerate(lengths) if not torch.equal(given[i], causal(length)))
    row, column = (given[i] != causal(lengths[i])).nonzero()[0].tolist()
    raise Mistake(
        f"`causal_mask({lengths[i]})`: "
        + (
            (same_rows(answer) if words == EVERYTHING else "")
            or words
            or f"entry [{row}, {column}] is {bool(given[i][row, column])}, expected {column <= row}"
        )
    )


def called(answer, length: int):
    """The answer for one length; what `tril` says of a single row is explained."""
    try:
        return answer(length)
    except Mistake as problem:
        if "at least 2 dimensions" in str(problem):
            raise Mistake(
                f"{problem}. `torch.ones(length)` is one row of numbers; the mask has a row for each word: "
                "`torch.ones(length, length)`"
            ) from None
        raise


def same_rows(answer) -> str:
    """Words for rows that are one list, repeated: the code builds a list of it with `*`."""
    function = answer.function
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.left, node.right):
                if isinstance(side, ast.List) and any(
                    isinstance(inner, ast.List | ast.BinOp | ast.Name) for inner in side.elts
                ):
                    return "everything is True, since all rows are one list: `[row] * n` repeats it, and copies none"
    return ""


def not_boolean(given: Tensor, length: int) -> str:
    """Words for a mask of numbers."""
    lower = causal(length)
    if given.is_floating_point() and torch.isinf(given).any():
        return "numbers to add to scores, 0 and -inf; return a mask of True and False"
    if torch.equal(given != 0, lower):
        return "the positions are correct; `.bool()`, or `dtype=torch.bool`, converts 1 and 0 to True and False"
    return "a mask contains True and False: use `.bool()` or a comparison. Its positions are wrong too"
