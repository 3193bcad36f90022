"""What exceptions and wrong shapes come from in a learner's attention, for exercises 04.1 and 04.2."""

import re
from collections.abc import Sequence

HAS_AXES = {2: "two axes, (T, d)", 3: "three axes, (B, T, d)", 4: "four axes, (B, heads, T, d)"}


def among_others(case: tuple, problem: str, cases: Sequence[tuple], good: Sequence[bool]) -> str:
    """An exception or a wrong shape, with what it comes from: axes counted from the front, keys not turned."""
    if "squeeze" in problem or "axis of size 1 is in front" in problem or "leading axes are one" in problem:
        return problem
    fitting = sorted({other[0].ndim for other, fine in zip(cases, good, strict=True) if fine})
    queries = case[0]
    if fitting and queries.ndim not in fitting:
        return (
            f"correct for {' and '.join(HAS_AXES[n] for n in fitting)}, not for {HAS_AXES[queries.ndim]}: {problem}. "
            "Count axes from the end: `.transpose(-2, -1)` turns the last two, and `dim=-1` is the last, "
            "however many come before (`.T` turns all of them)"
        )
    if fitting:
        return f"correct where queries, keys and values have one shape, but {problem}"
    advice = crash_advice(case, problem)
    return f"{problem}. {advice}" if advice else problem


def crash_advice(case: tuple, problem: str) -> str:
    """What an exception in the learner's code comes from; empty where its words do not say."""
    length, width = case[0].shape[-2:]
    factors = re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", problem)
    sizes = tuple(map(int, factors.groups())) if factors else ()
    if "Subtraction" in problem:
        return "A mask of True and False is turned round by `~mask`"
    if sizes == (length, width, length, length):
        return f"The weights ({length}, {length}) come first, then the values ({length}, {width}): `weights @ values`"
    if len(case) > 3 and re.search(rf"(?<!\d){int(case[3].sum())}(?!\d)", problem):
        return (
            "An index such as `scores[mask]` picks the allowed scores out in one long line, and the table is gone: "
            "`masked_fill` keeps the table and changes entries in it"
        )
    if sizes in ((length, width, length, width), (width, length, width, length)) or (
        not sizes and ("must match the size" in problem or "to be [" in problem)
    ):
        return (
            f"Each query meets each key in a dot product over d: `queries` ({length}, {width}) times the "
            f"keys turned to ({width}, {length})"
        )
    return ""
