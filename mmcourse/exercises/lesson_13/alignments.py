"""The forward algorithm of exercise 13.2, right and with each of its usual mistakes."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.judging import Mistakes
from mmcourse.exercises.lesson_13.collapsing import collapse


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
    ended: Callable = sum,
    frame_of: Callable = lambda t: t,
    symbol_of: Callable = lambda symbols, i: symbols[i],
    in_place: bool = False,
    wraps: bool = False,
    first: int = 0,
) -> Tensor:
    """What the answer should give; each option makes it another mistake.   (T, V), L symbols -> ()"""
    symbols = extended(target, blank)
    zero = torch.zeros_like(p[0, 0])
    alpha = [p[0, symbol] if i < starts else zero for i, symbol in enumerate(symbols)]
    for t in range(1, len(p)):
        before = alpha if in_place else list(alpha)
        for i in range(len(symbols)):
            ways = [before[i]] if stays and i >= first else []
            ways += [before[i - 1]] if moves and (i or wraps) else []
            ways += [before[i - 2]] if (i >= 2 or wraps) and skips(symbols, i, blank) else []
            alpha[i] = (joined(ways) if ways else zero) * p[frame_of(t), symbol_of(symbols, i)]
    return ended(alpha[-ends:])


def no_skip(symbols, i, blank) -> bool:
    return False


def only_last_label(p: Tensor, target: list[int], blank: int) -> Tensor:
    """The alignments that end with the last symbol."""
    return forward(p, target, blank, extended=lambda target, blank: with_blanks(target, blank)[:-1], ends=1)


def best_symbols(p: Tensor, target: list[int], blank: int) -> Tensor:
    """The probability of the most probable alignment of all, whatever its text."""
    return p.max(1).values.prod()


def only_greedy(p: Tensor, target: list[int], blank: int) -> Tensor:
    """The probability of the most probable alignment if it gives the text."""
    return best_symbols(p, target, blank) * (collapse(p.argmax(1).tolist(), blank) == target)


def normalised(p: Tensor, target: list[int], blank: int) -> Tensor:
    """What is left if alpha is scaled to the sum 1 in every frame."""
    ends = forward(p, target, blank)
    return ends / forward(p, target, blank, ends=10**6)


def no_blank(target: Sequence[int], blank: int) -> list[int]:
    """The target as it is."""
    return list(target)


def changed(**options) -> Callable:
    """The forward algorithm with a mistake in it."""
    return lambda p, target, blank: forward(p, target, blank, **options)


MISTAKES: Mistakes = [
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
    *(
        (mistaken, "that is the most probable alignment alone: add the ways, no maximum")
        for mistaken in (changed(joined=max), changed(joined=max, ended=max))
    ),
    (
        changed(joined=lambda ways: ways[-1]),
        "only the last of the ways into a position counts: is there an `=` where `+=` belongs?",
    ),
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
        changed(symbol_of=lambda symbols, i: i),
        "the position in the extended text is used as the column: the column is the symbol at that position",
    ),
    (
        changed(wraps=True),
        "for the first position `alpha[i - 1]` is `alpha[-1]`, the end of the list: nothing comes before it",
    ),
    (
        changed(skips=lambda symbols, i, blank: symbols[i] != blank and symbols[i] not in symbols[i + 2 : i + 3]),
        "a symbol is compared with the one two positions after it; the blank before it is left out if it differs from "
        "the one two positions before",
    ),
    (
        changed(skips=lambda symbols, i, blank: symbols[i] != blank and symbols[i] not in symbols[:i]),
        "a blank is not left out before a symbol that occurs anywhere earlier in the text; only an equal symbol two "
        "positions before, `states[s - 2]`, forbids it",
    ),
    (
        changed(skips=lambda symbols, i, blank: symbols[i] != blank and symbols.count(symbols[i]) == 1),
        "a blank is not left out before a symbol that occurs twice anywhere in the text; only an equal symbol two "
        "positions before forbids it",
    ),
    (
        changed(skips=lambda symbols, i, blank: different(symbols, i, blank) and len(set(symbols)) > len(symbols) // 2),
        "no blank is left out in a text with a symbol twice; only between two equal neighbours it has to stay",
    ),
    (
        changed(first=1),
        "the first blank gets a value in frame 0 alone: does the loop over positions begin at 1?",
    ),
    (changed(starts=1, ends=1), "alignments that begin or end with a symbol of the text are missing"),
    (only_greedy, "only the most probable alignment counts, and only if it gives the text; add up all that do"),
    (normalised, "alpha is divided by its sum in every frame; the product of these sums is the probability"),
    (
        lambda p, target, blank: forward(p, target, blank) if len(target) < len(p) else torch.zeros(()),
        "a text with as many symbols as there are frames is possible, unless a symbol comes twice in a row",
    ),
    (
        lambda p, target, blank: forward(p, [symbol for symbol in target if symbol], blank),
        "a 0 in the text is taken for the blank: use `blank`",
    ),
    (
        lambda p, target, blank: forward(p, [symbol - 1 for symbol in target], blank),
        "the columns are shifted by one: symbol v has column v",
    ),
    (
        lambda p, target, blank: forward(p.log(), target, blank),
        "logarithms are added like probabilities; use probabilities",
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
        lambda p, target, blank: forward(p, target, blank) if target else torch.ones(()),
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
