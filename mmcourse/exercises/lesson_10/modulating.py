"""Exercise 10.2: the coefficients of on-the-fly gradient modulation."""

import math
from collections.abc import Callable

import torch

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import close, explained, numbers_by_name


def others_mean(scores: dict[str, float], name: str) -> float:
    return (sum(scores.values()) - scores[name]) / (len(scores) - 1)


def by_score(scores: dict[str, float], name: str) -> float:
    """rho, where the others are those with another score; 0 where there are none."""
    others = [score for score in scores.values() if score != scores[name]]
    return scores[name] / (sum(others) / len(others)) if others else 0.0


def modulated(
    ratio: Callable = lambda s, n: s[n] / others_mean(s, n),
    ahead: Callable = lambda rho: rho > 1,
    factor: Callable = lambda alpha, rho: 1 - math.tanh(alpha * rho),
) -> Callable:
    """The coefficients with any part replaced: what `modulation_coefficients` should return, and common mistakes."""

    def coefficients(scores: dict[str, float], alpha: float) -> dict[str, float]:
        rho = {name: ratio(scores, name) for name in scores}
        return {name: factor(alpha, rho[name]) if ahead(rho[name]) else 1.0 for name in scores}

    return coefficients


right = modulated()
MISTAKES = [
    (modulated(ahead=lambda rho: True), "branches behind are slowed down too: for rho of at most 1 the factor is 1"),
    (
        modulated(ahead=lambda rho: rho < 1),
        "the branches behind are slowed down instead of the one ahead: reverse the comparison",
    ),
    (
        modulated(factor=lambda a, rho: math.tanh(a * rho)),
        "that is tanh(alpha rho), which increases with the lead: the factor is 1 minus it",
    ),
    (
        modulated(ratio=lambda s, n: s[n] / (sum(s.values()) - s[n])),
        "the score is divided by the sum of the others; divide by their mean",
    ),
    (
        modulated(ratio=lambda s, n: s[n] / (sum(s.values()) / len(s))),
        "the score is divided by the mean of all branches; 'the others' do not include its own",
    ),
    (
        modulated(ratio=lambda s, n: others_mean(s, n) / s[n]),
        "the ratio is inverted: rho is the branch's own score over the others'",
    ),
    (
        modulated(ratio=lambda s, n: s[n] / max(v for k, v in s.items() if k != n)),
        "the score is divided by the largest of the others; divide by their mean",
    ),
    (
        modulated(ratio=lambda s, n: s[n] / min(v for k, v in s.items() if k != n)),
        "the score is divided by the smallest of the others; divide by their mean",
    ),
    (
        modulated(ratio=lambda s, n: s[n] / ((sum(s.values()) - s[n]) / len(s))),
        "the sum of the others is divided by the number of all branches; the others are one fewer",
    ),
    (
        modulated(ratio=lambda s, n: s[n] - others_mean(s, n), ahead=lambda gap: gap > 0),
        "the difference to the mean of the others is used; rho is the ratio to it",
    ),
    (
        lambda s, a: {n: 1 - math.tanh(a * s[n]) if s[n] > others_mean(s, n) else 1.0 for n in s},
        "the score is inside tanh, where rho belongs, its ratio to the others: tanh(alpha * rho)",
    ),
    (modulated(factor=lambda a, rho: 1 - math.tanh(rho)), "`alpha` is not used"),
    (modulated(factor=lambda a, rho: 1 - math.tanh(a)), "rho is not used inside tanh: tanh(alpha * rho)"),
    (modulated(factor=lambda a, rho: 1 - a * rho), "the tanh is missing: 1 - tanh(alpha * rho)"),
    (
        modulated(factor=lambda a, rho: math.tanh(a * rho) - 1),
        "the sign is reversed: the factor is 1 - tanh(alpha * rho)",
    ),
    (modulated(factor=lambda a, rho: -math.tanh(a * rho)), "the 1 is missing: the factor is 1 - tanh(alpha * rho)"),
    (modulated(factor=lambda a, rho: 1 - math.tanh(a / rho)), "alpha is divided by rho; they are multiplied"),
    (modulated(factor=lambda a, rho: 1 - math.tanh(a + rho)), "alpha and rho are added; they are multiplied"),
    (
        modulated(ratio=lambda s, n: s[n] / (others_mean(s, n) * (len(s) - 1) ** 2)),
        "the sum of the others is multiplied by their number; divide by it",
    ),
    (
        modulated(ratio=by_score),
        "'the others' are found by their score, so a branch with an equal score is left out: compare the names",
    ),
    (modulated(factor=lambda a, rho: 1 - a * math.tanh(rho)), "`alpha` belongs inside tanh: tanh(alpha * rho)"),
    (
        modulated(factor=lambda a, rho: 1 - math.tanh(a * (rho - 1))),
        "that is 1 - tanh(alpha (rho - 1)); use rho itself",
    ),
    (modulated(factor=lambda a, rho: 1 / (1 + math.exp(-a * rho))), "that is a sigmoid; use 1 - tanh"),
    (
        modulated(factor=lambda a, rho: 1 + math.tanh(a * rho)),
        "the branch ahead is accelerated: the factor is 1 - tanh",
    ),
    (
        lambda s, a: {name: factor if factor < 1 else 0.0 for name, factor in right(s, a).items()},
        "the gradient of branches behind is switched off by a factor of 0; their factor is 1",
    ),
    (
        lambda s, a: {name: s[name] / others_mean(s, name) for name in s},
        "those are the ratios rho themselves; the factor of a branch ahead is 1 - tanh(alpha * rho)",
    ),
    (
        modulated(factor=lambda a, rho: rho),
        "for branches ahead that is the ratio rho itself; the factor is 1 - tanh(alpha * rho)",
    ),
    (lambda s, a: dict.fromkeys(s, 1.0), "every factor is 1: no branch is slowed down"),
    (
        lambda s, a: {n: (1 - math.tanh(a * s[n] / others_mean(s, n)) if s[n] == max(s.values()) else 1.0) for n in s},
        "only the best branch is slowed down; slow down every branch with rho above 1",
    ),
    (
        modulated(ahead=lambda rho: True, ratio=lambda s, n: s[n]),
        "the score itself is used instead of rho, its ratio to the others",
    ),
]


@exercise(
    "10.2",
    title="modulation coefficients",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "Loop over the names. 'The others' are all except this one; how many are there?",
        "First compute rho for a branch. Then there are two cases: above 1, and not. `tanh` is imported from `math`.",
    ),
)
def modulation_coefficients(answer, rng):
    def draw(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=rng))

    equal = draw(0.5, 0.6)
    cases = [
        ({"image": draw(0.3, 0.4), "sound": draw(0.7, 0.9)}, 0.5),
        ({"image": draw(0.1, 0.2), "sound": draw(0.8, 0.9), "text": draw(0.6, 0.7)}, draw(0.2, 0.4)),
        ({"image": draw(0.5, 0.6), "sound": draw(0.3, 0.4), "text": draw(0.1, 0.2), "touch": draw(0.42, 0.48)}, 0.7),
        ({"image": equal, "sound": draw(0.05, 0.1), "text": equal, "touch": draw(0.7, 0.8)}, 0.6),
    ]
    given = []
    tried = explained(answer, {"values to unpack": "there may be any number of branches: loop over the names"})
    for scores, alpha in cases:
        value = tried(scores, alpha)
        given.append(numbers_by_name(value, tuple(scores), "factors"))
    if not all(close(value, right(*case)) for case, value in zip(cases, given, strict=True)):
        for mistaken, words in MISTAKES:
            if all(close(value, mistaken(*case)) for case, value in zip(cases, given, strict=True)):
                raise Mistake(words)
        case, value = next((c, v) for c, v in zip(cases, given, strict=True) if not close(v, right(*c)))
        shown = {name: round(score, 2) for name, score in case[0].items()}
        given, wanted = ({name: round(v, 3) for name, v in some.items()} for some in (value, right(*case)))
        raise Mistake(f"for scores {shown} and alpha {case[1]:.2f} it returned {given}, expected {wanted}")
    apart = "correct for different scores, not for equal scores: are 'the others' found by score instead of by name?"
    level = explained(answer, {"ZeroDivisionError": apart})({"image": 0.5, "sound": 0.5}, 1.0)
    if any(abs(float(factor) - 1) > 1e-6 for factor in level.values()):
        raise Mistake("with equal scores no branch is ahead, rho is 1, and both factors are 1")
    return "correct for two to four branches: a branch ahead is slowed down, a branch behind keeps its whole gradient"
