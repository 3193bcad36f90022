"""Exercise 13.1: the text of an alignment, repeats merged and then blanks removed."""

from collections.abc import Callable
from itertools import groupby

import torch

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, call, compare, described, explained, listed_numbers, whole
from mmcourse.exercises.properties import expect_same_again


def collapse(ids: list[int], blank: int = 0) -> list[int]:
    """What the answer should give."""
    return [symbol for symbol in merged(ids) if symbol != blank]


def merged(ids: list[int]) -> list[int]:
    """One symbol for each run of equal ones."""
    return [symbol for symbol, _ in groupby(ids)]


def without(ids: list[int], blank: int) -> list[int]:
    """Every symbol that is not the blank."""
    return [symbol for symbol in ids if symbol != blank]


def compared_with_last(ids: list[int], blank: int) -> list[int]:
    """The first symbol is compared with `ids[-1]`."""
    return [symbol for i, symbol in enumerate(ids) if symbol != blank and symbol != ids[i - 1]]


def in_pairs(ids: list[int], blank: int) -> list[int]:
    """After two equal symbols the second is skipped, and the third counts again."""
    kept, i = [], 0
    while i < len(ids):
        kept.append(ids[i])
        i += 2 if ids[i : i + 1] == ids[i + 1 : i + 2] else 1
    return without(kept, blank)


def after_no_blank(ids: list[int], blank: int) -> list[int]:
    """A symbol behind a blank is lost."""
    return [s for i, s in enumerate(ids) if s != blank and (i == 0 or ids[i - 1] not in (s, blank))]


def by_identity(ids: list[int], blank: int, neighbours: bool, blanks: bool) -> list[int]:
    """Neighbours, or symbols and the blank, are compared by `is`, which holds for small numbers alone."""
    small = 256
    return [
        symbol
        for i, symbol in enumerate(ids)
        if (i == 0 or symbol != ids[i - 1] or (neighbours and symbol > small))
        and (symbol != blank or (blanks and symbol > small))
    ]


def until(ids: list[int], blank: int, ends: Callable[[int, list[int], int], bool]) -> list[int]:
    """The text up to the first frame at which it ends, given the frame, the text so far and the frame before."""
    kept, before = [], -1
    for i, symbol in enumerate(ids):
        if ends(symbol, kept, before):
            break
        if symbol not in (blank, before):
            kept.append(symbol)
        before = ids[i]
    return kept


def stripped(ids: list[int], blank: int) -> list[int]:
    """Repeats merged, and blanks removed at both ends."""
    kept = merged(ids)
    return kept[kept[:1] == [blank] : len(kept) - (kept[-1:] == [blank])]


MISTAKES: Mistakes = [
    (
        lambda ids, blank: merged(without(ids, blank)),
        "blanks are removed before repeats are merged (or a symbol is compared with the last one kept, not with the "
        "frame before). A blank between two equal symbols keeps them apart: merge first",
    ),
    (without, "blanks are removed, but repeats are not merged"),
    (lambda ids, blank: merged(ids), "repeats are merged, but the blanks are still there"),
    (lambda ids, blank: collapse(ids, 0), "the blank is 0 whatever the argument says: compare with `blank`"),
    (
        lambda ids, blank: merged(without(ids, 0)),
        "the blank is 0 whatever `blank` says, and it is removed before repeats are merged",
    ),
    (lambda ids, blank: without(ids, 0), "the blank is 0 whatever `blank` says, and repeats are not merged"),
    (
        compared_with_last,
        "the first symbol is compared with the last one: for i = 0, `ids[i - 1]` is `ids[-1]`, the end of the list",
    ),
    (lambda ids, blank: collapse(ids[1:], blank), "the first frame is left out"),
    (lambda ids, blank: collapse(ids[:-1], blank), "the last frame is left out: does a loop end one too early?"),
    (
        lambda ids, blank: without(merged(ids)[:-1], blank),
        "the last run of equal symbols is lost: it has to be added after the loop, or each run where it begins",
    ),
    (lambda ids, blank: without(merged(ids)[1:], blank), "the first run of equal symbols is lost"),
    (
        lambda ids, blank: without(merged([0, *ids])[1:], blank),
        "a 0 at the start is lost: with `previous = 0` before the loop it looks like a repeat. `None` equals no symbol",
    ),
    (in_pairs, "of three equal symbols in a row two are left: a run of any length becomes one symbol"),
    (after_no_blank, "a symbol right after a blank is lost"),
    (
        lambda ids, blank: list(dict.fromkeys(without(ids, blank))),
        "each symbol is kept once; only neighbours that are equal are merged",
    ),
    (
        lambda ids, blank: sorted(set(without(ids, blank))),
        "those are the different symbols in the order of their numbers: merge only neighbours that are equal",
    ),
    (
        lambda ids, blank: [s for s, run in groupby(ids) if s != blank and len(list(run)) == 1],
        "symbols that are repeated are lost; one of each run is kept",
    ),
    (
        lambda ids, blank: [s for s, run in groupby(ids) if s != blank and len(list(run)) > 1],
        "only symbols that are repeated are kept; a run may also have the length 1",
    ),
    (lambda ids, blank: collapse(ids, blank)[::-1], "the symbols are in reverse order"),
    (lambda ids, blank: collapse(ids, blank)[:1], "only the first symbol is there: is a `return` inside the loop?"),
    (lambda ids, blank: sorted(collapse(ids, blank)), "the symbols are sorted; they keep their order"),
    (
        lambda ids, blank: without(merged(ids), 0) if blank else merged(without(ids, 0)),
        "blank 0 is removed before repeats are merged",
    ),
    (lambda ids, blank: list(ids), "nothing is changed"),
    (lambda ids, blank: [], "the result is always empty: is a symbol ever appended?"),
    (
        lambda ids, blank: [s for i, s in enumerate(ids) if s != blank and i and s == ids[i - 1]],
        "only symbols that repeat the one before are kept; those that repeat it are left out",
    ),
    (
        lambda ids, blank: [s for i, s in enumerate(ids) if s != blank or i == 0 or s != ids[i - 1]],
        "one of two conditions is enough; both must hold: it is no blank, `and` it differs from the one before",
    ),
    (
        lambda ids, blank: [s for i, s in enumerate(ids) if i == 0 or s not in (blank, ids[i - 1])],
        "the first symbol is kept even if it is the blank",
    ),
    (
        lambda ids, blank: [*without(merged(ids)[:-1], blank), *ids[-1:]],
        "the last symbol is kept even if it is the blank",
    ),
    (
        lambda ids, blank: merged(ids[: ids.index(blank)] if blank in ids else ids),
        "the text ends at the first blank: is there a `break`? Blanks are left out, and the text goes on",
    ),
    (
        lambda ids, blank: until(ids, blank, lambda symbol, kept, before: symbol == blank and kept),
        "the text ends at the first blank after a symbol: is there a `break` or `return` where `continue` is meant?",
    ),
    (
        lambda ids, blank: until(ids, blank, lambda symbol, kept, before: symbol == before),
        "the text ends at the first repeat: is there a `break` or `return` where `continue` is meant?",
    ),
    (
        lambda ids, blank: until(ids, blank, lambda symbol, kept, before: symbol == before != blank),
        "the text ends at the first repeated symbol: is there a `break` or `return` where `continue` is meant?",
    ),
    (
        lambda ids, blank: until(ids, blank, lambda symbol, kept, before: symbol in (blank, before)),
        "the text ends at the first blank or repeat: is there a `break` or `return` where `continue` is meant?",
    ),
    (
        lambda ids, blank: collapse(ids[ids.index(blank) :] if blank in ids else ids, blank),
        "what stands before the first blank is lost",
    ),
    (
        lambda ids, blank: collapse(ids, blank)[-1:],
        "only the last symbol is there: is the list overwritten in the loop?",
    ),
    (lambda ids, blank: collapse(ids, blank)[1:], "the first symbol of the text is lost"),
    (lambda ids, blank: collapse(ids, blank)[:-1], "the last symbol of the text is lost"),
    (stripped, "only the blanks at the ends are removed"),
    (
        lambda ids, blank: [s for i, s in enumerate(ids) if s != blank or (i and s != ids[i - 1])],
        "one of two conditions is enough; both must hold: it is no blank, `and` it differs from the one before",
    ),
    (
        lambda ids, blank: [s for i, s in enumerate(merged(ids)) if s != blank or blank in merged(ids)[:i]],
        "only the first blank is removed (`list.remove` removes one)",
    ),
    (lambda ids, blank: [s for s in merged(ids) if s == blank], "only the blanks are left; they are to be removed"),
    (
        lambda ids, blank: [s for s in merged(ids) if s > blank],
        "symbols below the blank's number are lost: `!= blank`, since any number can be the blank",
    ),
    (
        lambda ids, blank: collapse(ids, max(ids, default=0)),
        "the blank is taken to be the largest index; it is `blank`",
    ),
    (lambda ids, blank: collapse(ids, ids[0] if ids else 0), "the first symbol is taken for the blank; it is `blank`"),
    (
        lambda ids, blank: without(collapse(ids, blank), 0),
        "the symbol 0 is lost where another number is the blank: `if symbol` is false for 0; compare with `blank`",
    ),
    (
        lambda ids, blank: collapse(ids[:1], blank),
        "only the first frame is used: is a `return` inside the loop?",
    ),
    *(
        (
            lambda ids, blank, neighbours=neighbours, blanks=blanks: by_identity(ids, blank, neighbours, blanks),
            "equal numbers above 256 count as different: `is not` compares objects, `!=` compares numbers",
        )
        for neighbours, blanks in ((True, True), (True, False), (False, True))
    ),
]
CAUSES = {
    "index out of range": "`ids` may be empty, and the last frame has no neighbour after it",
    "pop from empty": "`ids` may be empty",
}


@exercise(
    "13.1",
    title="from an alignment to a text",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "What is the text of [2, 2, 0, 2, 3], with blank 0? Which 2 is a repeat, and which is a letter of its own?",
        "A frame adds a symbol if it is not the blank and differs from the frame before, whatever that one is.",
        "The first frame has none before it: `i == 0 or ids[i] != ids[i - 1]`. `itertools.groupby` merges as well.",
    ),
)
def collapse_check(answer, rng):
    cases = [
        ([2, 2, 0, 2, 3], 0),
        ([1, 2, 3, 1], 0),
        ([0, 0, 3, 3, 3, 0], 3),
        ([2, 4, 0, 0, 4], 4),
        ([], 0),
        ([0, 0, 0], 0),
        ([2], 1),
        ([2, 2, 2, 2], 0),
        ([int(f"{i}0") for i in (31, 31, 77, 31, 1, 1, 77)], 770),  # `is` is no comparison of numbers
    ]
    for n_symbols, blank in ((3, 0), (4, 2), (3, 2), (5, 0), (6, 5), (4, 3)):
        cases.append((torch.randint(n_symbols, (whole(rng, 9, 14),), generator=rng).tolist(), blank))

    def tried(*case) -> list[int]:
        return listed_numbers(explained(answer, CAUSES)(*case), f"`{call(answer.name, *case)}`")

    expect_same_again(tried, cases[0])
    given = [tried(*case) for case in cases]
    compare(answer.name, cases, given, collapse, MISTAKES)
    kept = answer(*cases[0])
    if not isinstance(kept, list | tuple):
        raise Mistake(
            f"the symbols are correct, but it returned {described(kept)}, expected a list: `.tolist()` makes one"
        )
    if tried([1, 0, 1]) != [1, 1]:
        raise Mistake("without the argument `blank` the blank is 0: keep the default in the first line")
    return f"{len(cases)} alignments, an empty one, one of blanks alone, and blanks of other numbers than 0"
