"""Words for results of which a part is right and the rest was left as it was made, as after a loop that ends early."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

LOOP = "In a loop over them, `return` comes after the loop, with the indentation of `for`"


def left_at_zero(cases: Sequence[tuple], given: Sequence[Tensor], right: Callable, what: str) -> str:
    """Words where, in every case, each row is right or 0 throughout, and some are 0; else empty.

    what: the name of a row, in the singular.   right(*case) and what was given for it: (N, ...)
    """
    computed = []
    for case, value in zip(cases, given, strict=True):
        expected = right(*case)
        correct = rows(value.to(expected.dtype) - expected).abs().amax(1) <= 1e-4 * (1 + rows(expected).abs().amax(1))
        if not (correct | (rows(value) == 0).all(1)).all():
            return ""
        computed.append(correct.nonzero()[:, 0].tolist())
    sizes = list(map(len, given))
    patterns: dict[str, list[list[int]]] = {
        f"only the first {what} is computed, the others are left at 0. {LOOP}": [[0] for _ in sizes],
        f"only the last {what} is computed, the others are left at 0": [[n - 1] for n in sizes],
        f"the last {what} is left at 0: `range(n)` ends with n - 1": [list(range(n - 1)) for n in sizes],
        f"the first {what} is left at 0: indices begin with 0": [list(range(1, n)) for n in sizes],
    }
    for words, pattern in patterns.items():
        if computed == pattern:
            return words
    i = next((i for i, done in enumerate(computed) if len(done) < sizes[i]), None)
    if i is None:
        return ""
    missing = next(row for row in range(sizes[i]) if row not in computed[i])
    return f"{what} {missing} of {sizes[i]} is left at 0, and those that are not 0 are correct"


def rows(values: Tensor) -> Tensor:
    """One row for each entry of the first axis.   (N, ...) -> (N, numbers)"""
    return values.reshape(len(values), -1) if values.dim() > 1 else values[:, None]


def share_a_row(given: Sequence[Tensor], what: str) -> str:
    """Words where all rows of a result are equal, in every case with several of them; else empty."""
    several = [value for value in given if len(value) > 1]
    if several and all(torch.equal(value, value[:1].expand_as(value)) for value in several):
        return f"every {what} has the same result"
    return ""
