"""Exercise 13.2: the probability of a text over all alignments, by the forward algorithm."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake, deadline
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import agrees, expect_tensor, explained, named_mistake, possible, whole
from mmcourse.exercises.lesson_13.alignments import MISTAKES, forward
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again, expect_without

LIMIT = 1.5  # seconds for the long case, which takes the forward algorithm a few hundredths
LOGARITHMS = [
    (lambda p: p.log(), "that is the logarithm of the probability; the probability itself is asked for"),
    (lambda p: -p.log(), "that is the negative logarithm, the CTC loss; the probability itself is asked for"),
]
CAUSES = {
    "out of range": "the text may be empty: then there is one position, a blank, and no second entry of alpha",
    "out of bounds": "the text may be empty: then there is one position, a blank, and no second entry of alpha",
}
SLOW = (
    "correct for short texts, but for 40 frames it takes too long: alignments are enumerated one by one (or a "
    "recursion computes the same again and again). The forward algorithm takes T * (2 L + 1) steps"
)
SHAPES = {(1,): "an axis is left over; one number without axes is asked for"}


@exercise(
    "13.2",
    title="the forward algorithm",
    dots=3,
    minutes=30,
    repeatable=True,
    hints=(
        "Write the text with blanks: [3, 5] becomes [0, 3, 0, 5, 0]. At which two of these positions can an alignment "
        "begin, and at which two can it end?",
        "alpha[s] is the probability of all beginnings that have reached position s. The next frame's is (alpha[s] + "
        "alpha[s - 1]) times the probability of symbol s, and alpha[s - 2] is added where a blank may be left out.",
        "A blank is left out before a symbol that is not the blank and differs from the symbol two positions before. "
        "The result is the sum of the last two entries of alpha; for an empty text there is only one.",
    ),
)
def forward_check(answer, rng):
    cases = drawn_cases(rng)

    def tried(*case):
        try:
            return (answer if case[1] else explained(answer, CAUSES))(*case)
        except Mistake as problem:
            if len(case[1]) > len(case[0]):
                raise Mistake(f"{problem}. This text is too long for its frames; its probability is 0") from None
            raise

    expect_same_again(tried, cases[0])
    expect_without(
        tried, cases[0], {"ctc_loss"}, "PyTorch's CTC loss is called; the forward algorithm is to be written here"
    )
    judge_probabilities(tried, [case for case in cases if case[1] and len(case[0]) > 1])
    judge_probabilities(tried, cases)  # with an empty text and a single frame, which many answers treat apart
    remark = expect_gradients(answer, cases[2], forward)
    expect_dtype_kept(answer, cases[1])
    judge_default(tried, cases[0])
    with deadline(LIMIT, SLOW):
        judge_long(tried, (drawn_probabilities(rng, 40, 6), [1, 4, 4, 2, 5, 1, 3], 0))
    return (
        f"{len(cases) + 1} texts: empty, too long, with a symbol twice in a row, with other blanks, and one of 7 "
        f"symbols over 40 frames{remark}"
    )


def drawn_probabilities(rng: torch.Generator, frames: int, symbols: int) -> Tensor:
    """Rows that sum to 1.   -> (T, V)"""
    return (1.5 * torch.randn(frames, symbols, generator=rng)).softmax(1)


def drawn_cases(rng: torch.Generator) -> list[tuple[Tensor, list[int], int]]:
    """Short texts, those that fail one rule only among them."""
    sizes = [
        (3, 4, [1, 2], 0),
        (3, 3, [2], 0),
        (5, 3, [1, 1], 0),
        (5, 5, [3, 1, 3], 0),
        (4, 5, [0, 2], 4),
        (5, 4, [3, 3, 0], 1),
        (1, 5, [2], 0),
        (1, 4, [], 0),
        (4, 3, [], 2),
        (2, 4, [1, 1], 0),
        (2, 4, [1, 2, 3], 0),
        (2, 3, [2, 1], 0),
        (whole(rng, 6, 7), 4, [2, 1, 1, 3], 0),
    ]
    return [(drawn_probabilities(rng, frames, width), target, blank) for frames, width, target, blank in sizes]


def judge_probabilities(answer: Callable, cases: list[tuple]) -> None:
    """Probabilities are compared by their logarithms, since small ones are near each other."""
    given = [expect_tensor(answer(*case), where(case), (), SHAPES) for case in cases]
    expected = [forward(*case) for case in cases]
    if all(agrees(a.log(), b.log()) for a, b in zip(given, expected, strict=True)):
        return
    for changed_to, words in LOGARITHMS:
        if all(agrees(a, changed_to(b)) for a, b in zip(given, expected, strict=True)):
            raise Mistake(words)
    mistakes = [(possible(logarithm(mistaken)), words) for mistaken, words in MISTAKES]
    if words := named_mistake(cases, [one.log() for one in given], mistakes):
        raise Mistake(words)
    wrong = next(i for i, (a, b) in enumerate(zip(given, expected, strict=True)) if not agrees(a.log(), b.log()))
    came, due = given[wrong].item(), expected[wrong].item()
    raise Mistake(f"{where(cases[wrong])} it returned {came:.5g}, expected {due:.5g}{clue(cases[wrong])}")


def judge_long(answer: Callable, case: tuple) -> None:
    """A text over many frames, where the probability is small."""
    given, expected = expect_tensor(answer(*case), where(case), (), SHAPES), forward(*case)
    if not agrees(given.log(), expected.log()):
        raise Mistake(
            f"correct for short texts, but {where(case)} it returned {given.item():.5g}, expected "
            f"{expected.item():.5g}: is there a number too small for the dtype, or a limit?"
        )


def logarithm(mistaken: Callable) -> Callable:
    """The logarithm of what a mistake computes."""
    return lambda *case: torch.as_tensor(mistaken(*case)).log()


def clue(case: tuple) -> str:
    """What is special about a case."""
    p, target, blank = case
    if not target:
        return ": the only alignment of an empty text has a blank in every frame"
    if forward(*case) == 0:
        return ": there are too few frames for this text (a blank has to stand between equal symbols)"
    return ""


def judge_default(answer: Callable, case: tuple) -> None:
    """Without `blank` it is 0."""
    if not agrees(expect_tensor(answer(*case[:2]), "without `blank`", ()).log(), forward(*case).log()):
        raise Mistake("without the argument `blank` the blank is 0: keep the default in the first line")


def where(case: tuple) -> str:
    """A case in words."""
    p, target, blank = case
    return f"for {len(p)} frame{'s' * (len(p) != 1)} of {p.shape[1]} symbols, target {target} and blank {blank}"
