import itertools
from functools import cache

import torch
import torch.nn.functional as F

from mmcourse.exercises.checks import judge


def with_blanks(target, blank):
    return [blank] + [one for symbol in target for one in (symbol, blank)]


def answer(p, target, blank=0, skip=lambda s, i, blank: s[i] != blank and s[i] != s[i - 2]):
    symbols = with_blanks(target, blank)
    alpha = [p[0, symbols[0]]] + [p[0, s] for s in symbols[1:2]] + [p.new_zeros(())] * (len(symbols) - 2)
    for t in range(1, len(p)):
        new = []
        for i, symbol in enumerate(symbols):
            total = alpha[i]
            if i >= 1:
                total = total + alpha[i - 1]
            if i >= 2 and skip(symbols, i, blank):
                total = total + alpha[i - 2]
            new.append(total * p[t, symbol])
        alpha = new
    return alpha[-1] + alpha[-2] if len(alpha) > 1 else alpha[-1]


def vectorised(p, target, blank=0):
    symbols = torch.tensor(with_blanks(target, blank))
    skips = (symbols != blank) & (symbols != symbols.roll(2)) & (torch.arange(len(symbols)) >= 2)
    alpha = torch.where(torch.arange(len(symbols)) < 2, p[0, symbols], 0)
    for frame in p[1:]:
        one = F.pad(alpha, (1, 0))[: len(alpha)]
        two = F.pad(alpha, (2, 0))[: len(alpha)] * skips
        alpha = (alpha + one + two) * frame[symbols]
    return alpha[-2:].sum()


def by_ctc_loss(p, target, blank=0):
    targets = torch.tensor([target], dtype=torch.long)
    return torch.exp(
        -F.ctc_loss(
            p.log()[:, None], targets, torch.tensor([len(p)]), torch.tensor([len(target)]), blank, reduction="sum"
        )
    )


def in_place(p, target, blank=0):
    """A table that is filled: right, though no gradient passes through it."""
    symbols = with_blanks(target, blank)
    alpha = torch.zeros(len(p), len(symbols), dtype=p.dtype)
    alpha[0, : min(2, len(symbols))] = p[0, symbols[:2]]
    for t in range(1, len(p)):
        for i, symbol in enumerate(symbols):
            total = alpha[t - 1, i].clone()
            if i > 0:
                total += alpha[t - 1, i - 1]
            if i > 1 and symbol != blank and symbol != symbols[i - 2]:
                total += alpha[t - 1, i - 2]
            alpha[t, i] = total * p[t, symbol]
    return alpha[-1, -2:].sum()


def by_recursion(p, target, blank=0):
    symbols = with_blanks(target, blank)

    @cache
    def alpha(t, i):
        if i < 0:
            return p.new_zeros(())
        if t == 0:
            return p[0, symbols[i]] if i < 2 else p.new_zeros(())
        total = alpha(t - 1, i) + alpha(t - 1, i - 1)
        if i > 1 and symbols[i] not in (blank, symbols[i - 2]):
            total = total + alpha(t - 1, i - 2)
        return total * p[t, symbols[i]]

    return sum(alpha(len(p) - 1, i) for i in range(max(len(symbols) - 2, 0), len(symbols)))


def enumerated(p, target, blank=0):
    total = p.new_zeros(())
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        text = [s for s, _ in itertools.groupby(path) if s != blank]
        if text == target:
            total = total + p[range(len(p)), path].prod()
    return total


def wrong_skip(condition):
    return lambda p, target, blank=0: answer(p, target, blank, condition)


def overwritten(p, target, blank=0):
    symbols = with_blanks(target, blank)
    alpha = [p[0, s] if i < 2 else p.new_zeros(()) for i, s in enumerate(symbols)]
    for frame in p[1:]:
        for i, symbol in enumerate(symbols):
            total = alpha[i]
            if i:
                total = total + alpha[i - 1]
            if i > 1 and symbol not in (blank, symbols[i - 2]):
                total = total + alpha[i - 2]
            alpha[i] = total * frame[symbol]
    return sum(alpha[-2:])


def viterbi(p, target, blank=0):
    symbols = with_blanks(target, blank)
    alpha = [p[0, s] if i < 2 else p.new_zeros(()) for i, s in enumerate(symbols)]
    for frame in p[1:]:
        alpha = [
            max(
                alpha[i],
                alpha[i - 1] if i else alpha[i],
                alpha[i - 2] if i > 1 and symbol not in (blank, symbols[i - 2]) else alpha[i],
            )
            * frame[symbol]
            for i, symbol in enumerate(symbols)
        ]
    return sum(alpha[-2:])


def wraps(p, target, blank=0):
    """alpha[-1] and alpha[-2] stand before the first position."""
    symbols = with_blanks(target, blank)
    alpha = [p[0, s] if i < 2 else p.new_zeros(()) for i, s in enumerate(symbols)]
    for frame in p[1:]:
        alpha = [
            (alpha[i] + alpha[i - 1] + (alpha[i - 2] if s != blank and s != symbols[i - 2] else 0)) * frame[s]
            for i, s in enumerate(symbols)
        ]
    return sum(alpha[-2:])


def from_position_1(p, target, blank=0):
    symbols = with_blanks(target, blank)
    alpha = torch.zeros(len(p), len(symbols), dtype=p.dtype)
    alpha[0, :2] = p[0, symbols[:2]]
    for t in range(1, len(p)):
        for i in range(1, len(symbols)):
            skipped = alpha[t - 1, i - 2] if i > 1 and symbols[i] not in (blank, symbols[i - 2]) else 0
            alpha[t, i] = (alpha[t - 1, i] + alpha[t - 1, i - 1] + skipped) * p[t, symbols[i]]
    return alpha[-1, -2:].sum()


def best_path(p, target, blank=0):
    return p.max(dim=1).values.prod()


def test_forward_probability(judged):
    judged(
        "13.2",
        {
            "lists": answer,
            "vectorised": vectorised,
            "unequal": wrong_skip(lambda s, i, b: s[i] != s[i - 2]),
            "in place": in_place,
            "recursion": by_recursion,
        },
        {
            "every blank": (wrong_skip(lambda s, i, b: s[i] != b), "the blank between two equal symbols is left out"),
            "no skip": (wrong_skip(lambda s, i, b: False), "no blank is ever left out"),
            "all skips": (wrong_skip(lambda s, i, b: True), "a step over two positions is taken everywhere"),
            "library": (by_ctc_loss, "PyTorch's CTC loss is called"),
            "blanks skip": (wrong_skip(lambda s, i, b: s[i] == b), "blanks skip over symbols of the text"),
            "overwritten": (overwritten, "alpha is overwritten while it is still needed"),
            "wraps": (wraps, "is `alpha[-1]`, the end of the list"),
            "from position 1": (from_position_1, "does the loop over positions begin at 1"),
            "half precision": (lambda p, t, blank=0: answer(p.half(), t, blank).to(p), "too small for the dtype"),
            "transposed": (lambda p, t, blank=0: answer(p.T, t, blank), None),
            "viterbi": (viterbi, "that is the most probable alignment alone"),
            "best path": (best_path, "whatever its text"),
            "logarithm": (lambda p, t, blank=0: answer(p, t, blank).log(), "that is the logarithm of the probability"),
            "loss": (lambda p, t, blank=0: -answer(p, t, blank).log(), "the CTC loss; the probability"),
            "blank is 0": (lambda p, t, blank=0: answer(p, t), "the blank is 0 whatever the argument says"),
            "softmax": (lambda p, t, blank=0: answer(p.softmax(1), t, blank), "a softmax is applied"),
            "last frame": (
                lambda p, t, blank=0: answer(p[:-1], t, blank) if len(p) > 1 else p.new_ones(()),
                None,
            ),
            "number": (lambda p, t, blank=0: answer(p, t, blank).item(), "no gradient passes through it"),
            "detached": (lambda p, t, blank=0: answer(p.detach(), t, blank), "no gradient reaches `p`"),
            "dtype": (lambda p, t, blank=0: answer(p.float(), t, blank), "for float64 tensors the result"),
            "axis": (lambda p, t, blank=0: answer(p, t, blank)[None], "an axis is left over"),
            "empty": (
                lambda p, t, blank=0: answer(p, t, blank) if t else p.new_ones(()),
                "does not have the probability 1",
            ),
            "empty twice": (
                lambda p, t, blank=0: answer(p, t, blank) * (1 if t else 2),
                "for an empty text the blank is counted twice",
            ),
            "blanks of the target changed": (
                lambda p, t, blank=0: (t.append(0), answer(p, t[:-1], blank))[1],
                "was changed in place",
            ),
            "no default": (lambda p, t, blank: answer(p, t, blank), "does not take the 2 arguments"),
        },
        draws=2,
    )


def test_enumerating_is_right_and_too_slow():
    assert "alignments are enumerated one by one" in judge("13.2", enumerated).message


def test_the_reference_agrees_with_torch_and_with_brute_force():
    from mmcourse.exercises.lesson_13.forward import drawn_cases, forward

    for case in drawn_cases(torch.Generator().manual_seed(0)):
        torch.testing.assert_close(forward(*case), enumerated(*case))
        torch.testing.assert_close(forward(*case), by_ctc_loss(*case))
