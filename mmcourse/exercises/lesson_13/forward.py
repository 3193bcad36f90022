"""Exercise 13.2: the probability of a text over all alignments, by the forward algorithm."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight, deadline
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import agrees, expect_tensor, explained, named_mistake, possible, whole
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again, expect_without

LIMIT = 1.5  # seconds for the long case, which takes the forward algorithm a few hundredths


def with_blanks(target: Sequence[int], blank: int) -> list[int]:
    """The target with a blank at both ends and between its symbols."""
    return [blank] + [one for symbol in target for one in (symbol, blank)]


def different(symbols: Sequence[int], i: int, blank: int) -> bool:
    """Whether position i is reached from i - 2, over a blank that is left out."""
    return symbols[i] not in (blank, symbols[i - 2])


def forward(
    p: Tensor,
    target: Sequence[int],
    blank: int = 0,
    *,
    extended: Callable = with_blanks,
    skips: Callable = different,
    starts: int = 2,
    ends: int = 2,
    stays: bool = True,
    moves: bool = True,
    joined: Callable = sum,
    frame_of: Callable = lambda t: t,
    symbol_of: Callable = lambda symbols, i: symbols[i],
    in_place: bool = False,
) -> Tensor:
    """What the answer should give; each option makes it another mistake.   (T, V), L symbols -> ()"""
    symbols = extended(target, blank)
    zero = torch.zeros_like(p[0, 0])
    alpha = [p[0, symbol] if i < starts else zero for i, symbol in enumerate(symbols)]
    for t in range(1, len(p)):
        before = alpha if in_place else list(alpha)
        for i in range(len(symbols)):
            ways = [before[i]] if stays else []
            ways += [before[i - 1]] if moves and i else []
            ways += [before[i - 2]] if i >= 2 and skips(symbols, i, blank) else []
            alpha[i] = (joined(ways) if ways else zero) * p[frame_of(t), symbol_of(symbols, i)]
    return sum(alpha[-ends:])


def no_skip(symbols, i, blank) -> bool:
    return False


def only_last_label(p: Tensor, target: list[int], blank: int) -> Tensor:
    """The alignments that end with the last symbol."""
    return forward(p, target, blank, extended=lambda target, blank: with_blanks(target, blank)[:-1], ends=1)


def best_symbols(p: Tensor, target: list[int], blank: int) -> Tensor:
    """The probability of the most probable alignment of all, whatever its text."""
    return p.max(1).values.prod()


def no_blank(target: Sequence[int], blank: int) -> list[int]:
    """The target as it is."""
    return list(target)


def changed(**options) -> Callable:
    """The forward algorithm with a mistake in it."""
    return lambda p, target, blank: forward(p, target, blank, **options)


MISTAKES = [
    (
        changed(skips=lambda symbols, i, blank: symbols[i] != blank),
        "the blank between two equal symbols is left out, but without it they merge into one: skip a blank only "
        "between different symbols",
    ),
    (changed(skips=no_skip), "no blank is ever left out: between two different symbols it may be"),
    (
        changed(skips=lambda symbols, i, blank: True),
        "a step over two positions is taken everywhere: it may leave out a blank, never a symbol of the text, and not "
        "the blank between equal symbols",
    ),
    (
        changed(skips=lambda symbols, i, blank: symbols[i] == blank or symbols[i] != symbols[i - 2]),
        "from a blank to the next blank a symbol of the text is left out: only a blank may be",
    ),
    (
        changed(skips=lambda symbols, i, blank: symbols[i] == blank),
        "blanks skip over symbols of the text; it is the other way round: a symbol may skip the blank before it",
    ),
    (
        changed(skips=lambda symbols, i, blank: symbols[i] != blank and symbols[i] == symbols[i - 2]),
        "a blank is left out between equal symbols; it may be left out between different ones",
    ),
    (
        only_last_label,
        "alignments with a blank at the end are missing: add the last two entries of alpha",
    ),
    (
        changed(ends=1),
        "alignments that end with the last symbol are missing: add the last two entries of alpha",
    ),
    (
        changed(starts=1),
        "alignments that begin with the first symbol are missing: the first two entries of alpha can be above 0",
    ),
    (
        changed(extended=lambda target, blank: with_blanks(target, blank)[1:], starts=1),
        "alignments with a blank at the start are missing",
    ),
    (changed(starts=99), "an alignment begins at the first blank or the first symbol, not at any position"),
    (
        changed(ends=10**6),
        "all entries of alpha are added at the end: the last two are complete texts, the others only beginnings",
    ),
    (changed(stays=False), "alpha[s] itself is missing in the sum: a symbol may last for several frames"),
    (changed(moves=False), "alpha[s - 1] is missing in the sum"),
    (changed(joined=max), "that is the most probable alignment alone: add the ways, no maximum"),
    (
        changed(in_place=True),
        "values of the same frame are used instead of those of the frame before: alpha is overwritten while it is "
        "still needed. Keep the old one",
    ),
    (changed(frame_of=lambda t: t - 1), "each step uses the probabilities of the frame before: one index too small"),
    (changed(frame_of=lambda t: 0), "every step uses the probabilities of the first frame"),
    (
        changed(symbol_of=lambda symbols, i: symbols[i - 1] if i else symbols[0]),
        "a step is multiplied by the probability of the symbol it comes from; it is that of the symbol it goes to",
    ),
    (
        changed(symbol_of=lambda symbols, i: min(i, 10**6)),
        "the position in the extended text is used as the column: the column is the symbol at that position",
    ),
    (lambda p, target, blank: forward(p, target, 0), "the blank is 0 whatever the argument says: use `blank`"),
    (
        lambda p, target, blank: forward(p[:-1], target, blank),
        "the last frame is left out: does a loop end one too early?",
    ),
    (lambda p, target, blank: forward(p[1:], target, blank), "the first frame is left out"),
    (
        lambda p, target, blank: forward(torch.cat([p[:1], p]), target, blank),
        "the first frame is counted twice: after alpha is set from frame 0, go on with frame 1",
    ),
    (
        lambda p, target, blank: forward(p.softmax(1), target, blank),
        "a softmax is applied to probabilities; they are used as they are",
    ),
    (
        lambda p, target, blank: forward(p.exp(), target, blank),
        "the exponential of the probabilities is taken; they are no logarithms",
    ),
    (best_symbols, "that is the probability of the most probable alignment, whatever its text"),
    (
        changed(extended=no_blank, starts=1, ends=1, skips=no_skip),
        "alignments with blanks are missing: extend the text by blanks first",
    ),
    (
        lambda p, target, blank: forward(p, list(dict.fromkeys(target)), blank),
        "symbols that the text contains twice are used once",
    ),
    (lambda p, target, blank: forward(p, target[::-1], blank), "the text is read from its end"),
    (lambda p, target, blank: 1 - forward(p, target, blank), "that is 1 minus the probability"),
    (
        lambda p, target, blank: forward(p, target, blank) / len(p),
        "it is divided by the number of frames; it is a plain sum",
    ),
    (
        lambda p, target, blank: forward(p, target, blank) / max(len(target), 1),
        "it is divided by the length of the text; it is a plain sum",
    ),
    (
        lambda p, target, blank: forward(p, target, blank) / len(p) ** 0 if target else torch.ones(()),
        "an empty text does not have the probability 1: its alignment is a blank in every frame",
    ),
    (
        lambda p, target, blank: forward(p, target, blank) if target else torch.zeros(()),
        "an empty text does not have the probability 0: its alignment is a blank in every frame",
    ),
    (
        lambda p, target, blank: forward(p, target, blank) * (1 if target else 2),
        "for an empty text the blank is counted twice: alpha has one entry, which is its first and its last",
    ),
]
LOGARITHMS = [
    (lambda p: p.log(), "that is the logarithm of the probability; the probability itself is asked for"),
    (lambda p: -p.log(), "that is the negative logarithm, the CTC loss; the probability itself is asked for"),
]
CAUSES = {
    "out of range": "the text may be empty: then there is one position, a blank, and no second entry of alpha",
    "out of bounds": "the text may be empty: then there is one position, a blank, and no second entry of alpha",
}
SLOW = (
    "right for short texts, but for 40 frames it takes too long: alignments are enumerated one by one (or a recursion "
    "computes the same again and again). The forward algorithm takes T * (2 L + 1) steps"
)
SHAPES = {(1,): "an axis is left over; one number without axes is asked for"}


@exercise(
    "13.2",
    title="the forward algorithm",
    dots=3,
    minutes=30,
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
    tried = explained(answer, CAUSES)
    expect_same_again(tried, cases[0])
    expect_without(
        tried, cases[0], {"ctc_loss"}, "PyTorch's CTC loss is called; the forward algorithm is to be written here"
    )
    judge_probabilities(tried, cases)
    remark = expect_gradients(answer, cases[2], forward)
    expect_dtype_kept(answer, cases[1])
    judge_default(tried, cases[0])
    with deadline(LIMIT, SLOW):
        judge_probabilities(tried, [(drawn_probabilities(rng, 40, 6), [1, 4, 4, 2, 5, 1, 3], 0)])
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
            raise NotRight(words)
    mistakes = [(possible(logarithm(mistaken)), words) for mistaken, words in MISTAKES]
    if words := named_mistake(cases, [one.log() for one in given], mistakes):
        raise NotRight(words)
    wrong = next(i for i, (a, b) in enumerate(zip(given, expected, strict=True)) if not agrees(a.log(), b.log()))
    came, due = given[wrong].item(), expected[wrong].item()
    raise NotRight(f"{where(cases[wrong])} it gave {came:.5g}, expected {due:.5g}{clue(cases[wrong])}")


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
        raise NotRight("without the argument `blank` the blank is 0: keep the default in the first line")


def where(case: tuple) -> str:
    """A case in words."""
    p, target, blank = case
    return f"for {len(p)} frame{'s' * (len(p) != 1)} of {p.shape[1]} symbols, target {target} and blank {blank}"
