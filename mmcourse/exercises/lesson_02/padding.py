"""Exercise 02.2: sentences of different length become one tensor."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_tensor, named_mistake, whole


def padded(sequences: list[list[int]], value: int = 0, left: bool = False, width: int | None = None) -> Tensor:
    """Rows of equal length, and with other arguments some ways to get it wrong."""
    width = max(map(len, sequences)) if width is None else width
    rows = []
    for sequence in sequences:
        filling = [value] * (width - len(sequence))
        rows.append(filling + sequence if left else sequence + filling)
    return torch.tensor(rows, dtype=torch.long)


def padded_with(sequences: list[list[int]], filling) -> Tensor:
    """Rows of equal length, each filled up with a token of its own."""
    width = max(map(len, sequences))
    return torch.tensor([one + [filling(one)] * (width - len(one)) for one in sequences])


def shared_row(sequences: list[list[int]]) -> Tensor:
    """What `[[0] * width] * batch` becomes: one list in every row, which each sequence overwrites in turn."""
    row = [0] * max(map(len, sequences))
    for sequence in sequences:
        row[: len(sequence)] = sequence
    return torch.tensor([row] * len(sequences))


PAD_MISTAKES = [
    (
        shared_row,
        "all rows are the same list, overwritten by each sequence: `[[0] * n] * B` repeats one list, it copies none",
    ),
    (
        lambda s: padded(s, left=True),
        "the zeros are on the left, before the words; they belong on the right, after them",
    ),
    (lambda s: padded(s, 1), "it is padded with 1, which is '<unk>', a word; padding is 0"),
    (lambda s: padded(s, -1), "it is padded with -1, and an embedding has no such row; padding is 0"),
    (lambda s: padded([each[::-1] for each in s]), "each sequence is in reverse order"),
    (
        lambda s: padded([each[::-1] for each in s], left=True).flip(0),
        "rows and columns are in reverse order",
    ),
    (lambda s: padded(s, left=True).flip(1), "each sequence is in reverse order"),
    (
        lambda s: padded(sorted(s, key=len, reverse=True)),
        "the sequences are sorted by length: row i of the batch must be sequence i, or the labels no longer match",
    ),
    (
        lambda s: padded(sorted(s, key=len)),
        "the sequences are sorted by length: row i of the batch must be sequence i, or the labels no longer match",
    ),
    (
        lambda s: padded_with(s, lambda one: one[-1]),
        "the padding repeats the last token of each sequence; it must be 0",
    ),
    (
        lambda s: padded_with(s, lambda one: one[0]),
        "the padding repeats the first token of each sequence; it must be 0",
    ),
    (
        lambda s: torch.tensor([(one * 99)[: max(map(len, s))] for one in s]),
        "the padding repeats each sequence from its beginning; it must be 0",
    ),
    (lambda s: padded([*s[:-1], []], width=max(map(len, s))), "the last row holds only zeros: it is not filled"),
    (
        lambda s: padded([one[1:] for one in s], width=max(map(len, s))),
        "the first token of each sequence is missing: positions count from 0",
    ),
    (lambda s: padded([[0, *one[1:]] for one in s]), "the first token of each sequence is 0: positions count from 0"),
    (
        lambda s: padded([one[: min(map(len, s))] for one in s], width=max(map(len, s))),
        "every sequence is cut to the length of the shortest one",
    ),
    (lambda s: padded([s[0]] * len(s), width=max(map(len, s))), "every row holds the first sequence"),
    (lambda s: (padded(s) != 0).long(), "those are 1 for words and 0 for padding; the tokens are asked for"),
    (lambda s: torch.zeros_like(padded(s)), "all zeros: were the sequences assigned to the result?"),
    (
        lambda s: padded([each[:-1] for each in s], width=max(map(len, s))),
        "the last token of each sequence is missing",
    ),
    (
        lambda s: padded([s[-1]] * len(s), width=max(map(len, s))),
        "every row holds the last sequence",
    ),
    (
        lambda s: padded([s[0], *[[]] * (len(s) - 1)], width=max(map(len, s))),
        "only the first row is filled: is the `return` inside the loop?",
    ),
    (
        lambda s: padded([*[[]] * (len(s) - 1), s[-1]], width=max(map(len, s))),
        "only the last row is filled",
    ),
    (
        lambda s: padded([[], *s[1:]], width=max(map(len, s))),
        "the first row holds only zeros: does the loop begin at 1? `range(len(sequences))` begins at 0",
    ),
]


@exercise(
    "02.2",
    title="one tensor for many sentences",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "How many columns does the batch need so that the longest sequence fits and no column is only padding?",
        "Either make a tensor of zeros and copy each sequence into its row, or extend each list with zeros "
        "and make one tensor of all lists.",
        "`[0] * n` is a list of n zeros. `torch.zeros(B, T)` has floats unless you give `dtype`.",
    ),
)
def pad_batch(answer, rng):
    def draw(*sizes: int) -> list[list[int]]:
        drawn = [torch.randint(3, 60, (size,), generator=rng).tolist() for size in sizes]
        if max(sizes):
            drawn[sizes.index(max(sizes))][0] = 2  # so the longest is not also the largest of the lists
        if len(set(sizes)) > 3:
            drawn[2][0] = 90  # so the largest of the lists is neither the shortest nor the longest
        return drawn

    longest = whole(rng, 8, 9)
    cases = [draw(3, longest, 6, 2, 5), draw(2, 4, 3, 6, 1), draw(4), draw(5, 5), draw(2, 0, 4), draw(0, 3)]
    given = [given_for(answer, case) for case in cases]
    for case, value in zip(cases, given, strict=True):
        if isinstance(value, list) and value == padded(case).tolist():
            raise Mistake(f"for lengths {lengths_of(case)} the result is a list with the correct numbers, not a tensor")
        expect_tensor(value, f"for lengths {lengths_of(case)}")
    widths = {tuple(value.shape)[-1:] for value in given}
    if len(widths) == 1 and given[0].ndim == 2:
        raise Mistake(
            f"every batch gets {next(iter(widths))[0]} columns, whatever its lengths: make each as long as the longest "
            "sequence of this batch"
        )
    for i, (case, value) in enumerate(zip(cases, given, strict=True)):
        where = f"for lengths {lengths_of(case)}"
        given[i] = expect_tensor(value, where, padded(case).shape, widths_of(case))
        whole_tokens(given[i], where, case)
    for case, value in zip(cases, given, strict=True):
        expected = padded(case)
        if agrees(value, expected):
            continue
        telling = slice(0, 2)  # lengths that differ, none of them 0: they tell mistakes apart
        words = named_mistake([(each,) for each in cases[telling]], given[telling], PAD_MISTAKES)
        wrong = (value != expected).nonzero()[0].tolist()
        if words is None and agrees(torch.where(expected == 0, 0, value), expected):
            words = "the words are correct, but padding must be 0. Is there a `torch.empty`, which is not initialised?"
        raise Mistake(
            f"for lengths {lengths_of(case)}, entry [{wrong[0]}, {wrong[1]}] is {value[tuple(wrong)].item()}, "
            f"expected {expected[tuple(wrong)].item()}" + (f": {words}" if words else "")
        )
    return f"{len(cases)} batches: one sequence, equal lengths, different ones, an empty one"


def given_for(answer, case: list[list[int]]):
    """The learner's result; a tensor of rows that are not of one length says what is missing."""
    try:
        return answer(case)
    except Mistake as problem:
        if any(words in str(problem) for words in ("expected sequence of length", "each tensor to be equal size")):
            raise Mistake(
                f"for lengths {lengths_of(case)}: {problem}. The rows differ in length, and those of a tensor must "
                "not: pad each with zeros first"
            ) from None
        raise


def lengths_of(sequences: list[list[int]]) -> str:
    """'3, 9, 2'."""
    return ", ".join(str(len(sequence)) for sequence in sequences)


def widths_of(sequences: list[list[int]]) -> dict[tuple, str]:
    """What each wrong shape of a batch comes from."""
    sizes = [len(sequence) for sequence in sequences]
    batch, longest = len(sizes), max(sizes)
    return {
        (batch, len(max(sequences))): "`max` of lists compares their first entries; compare their lengths",
        (batch, min(sizes)): "that is the length of the shortest sequence: the others lose their end",
        (batch, sizes[-1]): "that is the length of the last sequence",
        (batch, sizes[0]): "that is the length of the first sequence",
        (batch, longest + 1): "one column too many: the longest sequence needs no padding",
        (batch, longest - 1): "one column too few: the longest sequence loses its last token",
        (batch, sum(sizes)): "that is the length of all sequences together",
        (sum(sizes),): "all sequences are in one row, without padding",
        (batch * longest,): "everything is in one row: `reshape` it to one row per sequence",
        (1, batch, longest): "one axis of size 1 is left in front",
        (longest, batch): "there is one row per position and one column per sequence: the batch comes first",
    }


def whole_tokens(value: Tensor, where: str, case: list[list[int]]) -> None:
    """Tokens are int64; anything else says why that matters."""
    if value.dtype == torch.long:
        return
    if value.is_floating_point():
        empty = ", and `torch.tensor([])`, of an empty list, too" if not all(case) else ""
        raise Mistake(
            f"{where} the result is {value.dtype}: an embedding needs integer indices. `torch.zeros` makes "
            f"floats{empty}, unless `dtype=torch.long` says otherwise"
        )
    raise Mistake(f"{where} the result is {value.dtype}, expected torch.int64 (`torch.long`), the type of token ids")
