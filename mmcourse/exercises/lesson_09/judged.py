"""How the checks of lesson 09 judge a function of tensors: shapes first, then figures, and which mistake gives them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, NotRight
from mmcourse.exercises.judging import Mistakes, agrees, expect_finite, expect_tensor, named_mistake


def drawn(rng: torch.Generator, *shape: int) -> Tensor:
    """Random numbers of mean 0 and spread 1."""
    return torch.randn(*shape, generator=rng)


def judge_tensors(
    answer: Callable,
    cases: Sequence[tuple],
    right: Callable,
    mistakes: Mistakes,
    where: Callable[..., str],
    causes: Callable[..., dict[tuple, str]] = lambda *case: {},
) -> None:
    """The answer must give, for every case, what `right` gives; `where` says in words what a case is."""
    given, expected = [], [right(*case) for case in cases]
    for case, truth in zip(cases, expected, strict=True):
        known = {shape: words for shape, words in causes(*case).items() if shape != tuple(truth.shape)}
        value = expect_tensor(answer(*case), where(*case), truth.shape, known)
        expect_finite(value, where(*case), "is there a division by zero, or the logarithm of one?")
        given.append(value)
    if all(agrees(value.to(truth.dtype), truth) for value, truth in zip(given, expected, strict=True)):
        return
    if words := named_mistake(cases, given, [(possible(mistaken), words) for mistaken, words in mistakes]):
        raise NotRight(words)
    i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if not agrees(*pair))
    apart = (given[i] - expected[i]).abs()
    place = tuple((apart == apart.max()).nonzero()[0].tolist())
    raise NotRight(
        f"{where(*cases[i])} entry {list(place)} is {given[i][place]:.3f}, expected {expected[i][place]:.3f}"
    )


def explained(answer: Answer, causes: dict[str, str]) -> Callable:
    """The answer, which adds words to exceptions of its own that hold one of these texts."""

    def tried(*case):
        try:
            return answer(*case)
        except NotRight as problem:
            words = next((words for text, words in causes.items() if text in str(problem)), None)
            if words is None:
                raise
            raise NotRight(f"{problem}. {words[0].upper()}{words[1:]}") from None

    return tried


def possible(mistaken: Callable) -> Callable:
    """The same, giving nothing where the mistake is not possible for a case's shapes."""

    def tried(*case):
        try:
            return mistaken(*case)
        except (RuntimeError, IndexError, ValueError):
            return torch.tensor(torch.nan)

    return tried
