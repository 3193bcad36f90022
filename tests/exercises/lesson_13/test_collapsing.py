from itertools import groupby

import numpy as np
import torch


def answer(ids, blank=0):
    return [s for i, s in enumerate(ids) if s != blank and (i == 0 or s != ids[i - 1])]


def by_groupby(ids, blank=0):
    return [symbol for symbol, _ in groupby(ids) if symbol != blank]


def by_torch(ids, blank=0):
    once = torch.unique_consecutive(torch.tensor(ids, dtype=torch.long))
    return once[once != blank]


def by_numpy(ids, blank=0):
    array = np.array(ids, dtype=int)
    changes = np.ones(len(array), dtype=bool)
    changes[1:] = array[1:] != array[:-1]
    return list(array[changes & (array != blank)])


def by_previous(ids, blank=0):
    text, previous = [], blank
    for symbol in ids:
        if symbol != previous and symbol != blank:
            text.append(symbol)
        previous = symbol
    return text


def recursive(ids, blank=0):
    if not ids:
        return []
    head, *tail = ids
    rest = recursive(tail, blank)
    return rest if head == blank or (tail and tail[0] == head) else [head, *rest]


def last_kept(ids, blank=0):
    text = []
    for symbol in ids:
        if symbol != blank and text[-1:] != [symbol]:
            text.append(symbol)
    return text


def previous_0(ids, blank=0):
    text, previous = [], 0
    for symbol in ids:
        if symbol not in (previous, blank):
            text.append(symbol)
        previous = symbol
    return text


def kept_default(ids, blank=0, text=[]):  # noqa: B006
    text += answer(ids, blank)
    return list(text)


def from_index_1(ids, blank=0):
    return [ids[i] for i in range(1, len(ids)) if ids[i] not in (blank, ids[i - 1])]


def last_run_lost(ids, blank=0):
    text = []
    for i in range(len(ids) - 1):
        if ids[i] != ids[i + 1] and ids[i] != blank:
            text.append(ids[i])
    return text


def by_identity(ids, blank=0):
    """`is` compares objects, and two equal numbers above 256 are two objects."""
    return [s for i, s in enumerate(ids) if s is not blank and (i == 0 or s is not ids[i - 1])]


def by_digits(ids, blank=0):
    text = "".join(map(str, ids))
    for digit in "0123456789":
        while 2 * digit in text:
            text = text.replace(2 * digit, digit)
    return [int(digit) for digit in text if digit != str(blank)]


def until_a_blank(ids, blank=0):
    text = []
    for i, symbol in enumerate(ids):
        if symbol == blank:
            break
        if i == 0 or symbol != ids[i - 1]:
            text.append(symbol)
    return text


def return_inside(ids, blank=0):
    text = []
    for i, symbol in enumerate(ids):
        if symbol != blank and (i == 0 or symbol != ids[i - 1]):
            text.append(symbol)
            return text
    return text


def emptied(ids, blank=0):
    while blank in ids:
        ids.remove(blank)
    return answer(ids, blank)


def test_collapse(judged):
    judged(
        "13.1",
        {
            "comprehension": answer,
            "groupby": by_groupby,
            "numpy": by_numpy,
            "previous": by_previous,
            "recursive": recursive,
            "tuple": lambda ids, blank=0: tuple(answer(ids, blank)),
        },
        {
            "torch": (by_torch, "expected a list: `.tolist()` makes one"),
            "last kept": (last_kept, "blanks are removed before repeats are merged"),
            "not merged": (lambda ids, blank=0: [s for s in ids if s != blank], "repeats are not merged"),
            "blanks kept": (lambda ids, blank=0: [s for s, _ in groupby(ids)], "the blanks are still there"),
            "blank is 0": (lambda ids, blank=0: answer(ids, 0), "the blank is 0 whatever"),
            "truth": (lambda ids, blank=0: [s for s, _ in groupby(ids) if s], None),
            "wraps": (
                lambda ids, blank=0: [s for i, s in enumerate(ids) if s not in (blank, ids[i - 1])],
                "is `ids[-1]`",
            ),
            "first frame": (from_index_1, "the first run of equal symbols is lost"),
            "last run": (last_run_lost, "the last run of equal symbols is lost"),
            "previous 0": (previous_0, "a 0 at the start is lost"),
            "set": (lambda ids, blank=0: sorted({s for s in ids if s != blank}), "in the order of their numbers"),
            "once": (
                lambda ids, blank=0: list(dict.fromkeys(s for s in ids if s != blank)),
                "each symbol is kept once",
            ),
            "singles": (
                lambda ids, blank=0: [s for s, run in groupby(ids) if len(list(run)) == 1 and s != blank],
                "symbols that are repeated are lost",
            ),
            "identity": (by_identity, None),
            "digits": (by_digits, None),
            "break": (until_a_blank, "the text ends at the first blank"),
            "return": (return_inside, "is a `return` inside the loop"),
            "default": (kept_default, "a second call with the same arguments"),
            "text": (lambda ids, blank=0: "".join(map(str, answer(ids, blank))), "returned a str"),
            "generator": (lambda ids, blank=0: (s for s in answer(ids, blank)), "`list(...)` makes a list of it"),
            "floats": (lambda ids, blank=0: [float(s) for s in answer(ids, blank)], "returned a list with a float"),
            "larger": (
                lambda ids, blank=0: [s for s, _ in groupby(ids) if s > blank],
                "symbols below the blank's number",
            ),
            "in place": (emptied, "was changed in place"),
            "no default": (lambda ids, blank: answer(ids, blank), "does not take the 1 argument"),
            "swapped": (lambda blank, ids=0: answer(ids, blank), None),
        },
    )
