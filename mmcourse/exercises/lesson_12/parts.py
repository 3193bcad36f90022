"""What the checks of lesson 12 share: several results judged side by side, an entry told by its own name."""

from collections.abc import Callable, Sequence

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.judging import Mistakes, agrees, described, expect_finite, named_mistake, possible


def told(result) -> str:
    """What came instead of several tensors: for a tuple or a list also what is in it."""
    if not isinstance(result, tuple | list) or not result:
        return described(result)
    kinds = [type(one).__name__ for one in result]
    inside = f"{len(kinds)} of type {kinds[0]}" if len(set(kinds)) == 1 else ", ".join(kinds)
    return f"a {type(result).__name__} of {inside}"


def judge_stacked(
    answer: Callable, cases: Sequence[tuple], right: Callable, mistakes: Mistakes, where: Callable, entry: Callable
) -> None:
    """Like `judge_tensors`, for a matrix that several results are side by side.

    entry(place, given, expected, case) tells of a wrong number by the name of the result that it stands in.
    """
    given, expected = [answer(*case) for case in cases], [right(*case) for case in cases]
    for case, value in zip(cases, given, strict=True):
        expect_finite(value, where(*case), "is there a division by zero, or the logarithm of one?")
    apart = [i for i, pair in enumerate(zip(given, expected, strict=True)) if not agrees(*pair)]
    if not apart:
        return
    if words := named_mistake(cases, given, [(possible(mistaken), words) for mistaken, words in mistakes]):
        raise NotRight(words)
    case, value, truth = cases[apart[0]], given[apart[0]], expected[apart[0]]
    place = divmod(int((value - truth).abs().argmax()), truth.shape[1])
    raise NotRight(f"{where(*case)} {entry(place, value[place].item(), truth[place].item(), case)}")
