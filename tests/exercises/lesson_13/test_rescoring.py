import math

import numpy as np


def answer(candidates, lm, weight, bonus):
    return max(candidates, key=lambda one: one[1] + weight * lm(one[0]) + bonus * len(one[0]))[0]


def by_loop(candidates, lm, weight, bonus):
    best, best_score = None, -math.inf
    for words, acoustic in candidates:
        score = acoustic + weight * lm(words) + bonus * len(words)
        if score > best_score:
            best, best_score = words, score
    return best


def by_numpy(candidates, lm, weight, bonus):
    scores = [acoustic + weight * lm(words) + bonus * len(words) for words, acoustic in candidates]
    return candidates[int(np.argmax(scores))][0]


def by_sorting(candidates, lm, weight, bonus):
    return sorted(candidates, key=lambda one: -(one[1] + weight * lm(one[0]) + bonus * len(one[0])))[0][0]


def scored(score, pick=max):
    return lambda candidates, lm, k, b: pick(candidates, key=lambda one: score(one[0], one[1], lm, k, b))[0]


def from_zero(candidates, lm, weight, bonus):
    best, best_score = [], 0
    for words, acoustic in candidates:
        score = acoustic + weight * lm(words) + bonus * len(words)
        if score > best_score:
            best, best_score = words, score
    return best


def neighbours(candidates, lm, weight, bonus):
    before, best = -math.inf, None
    for words, acoustic in candidates:
        score = acoustic + weight * lm(words) + bonus * len(words)
        if score > before:
            best = words
        before = score
    return best


def test_best_of(judged):
    judged(
        "13.4",
        {
            "max": answer,
            "loop": by_loop,
            "numpy": by_numpy,
            "sorted": by_sorting,
            "tuple": lambda *case: tuple(answer(*case)),
        },
        {
            "acoustic": (scored(lambda w, a, lm, k, b: a), "only the acoustic log-probability counts"),
            "language": (scored(lambda w, a, lm, k, b: lm(w)), "only the language model counts"),
            "no bonus": (scored(lambda w, a, lm, k, b: a + k * lm(w)), "the bonus for every word is missing"),
            "bonus once": (scored(lambda w, a, lm, k, b: a + k * lm(w) + b), None),
            "no weight": (scored(lambda w, a, lm, k, b: a + lm(w) + b * len(w)), "is not multiplied by `weight`"),
            "weight on both": (scored(lambda w, a, lm, k, b: k * (a + lm(w)) + b * len(w)), "multiplies both log-"),
            "weight on acoustic": (
                scored(lambda w, a, lm, k, b: k * a + lm(w) + b * len(w)),
                "`weight` multiplies the acoustic log-probability",
            ),
            "interpolated": (
                scored(lambda w, a, lm, k, b: (1 - k) * a + k * lm(w) + b * len(w)),
                "is multiplied by 1 - weight",
            ),
            "bonus subtracted": (scored(lambda w, a, lm, k, b: a + k * lm(w) - b * len(w)), "the bonus is subtracted"),
            "characters": (
                scored(lambda w, a, lm, k, b: a + k * lm(w) + b * len("".join(w))),
                "the bonus is counted for every character; ",
            ),
            "text": (scored(lambda w, a, lm, k, b: a + k * lm(" ".join(w)) + b * len(w)), None),
            "each word": (
                scored(lambda w, a, lm, k, b: a + k * sum(map(lm, w)) + b * len(w)),
                "gets a single word",
            ),
            "candidate": (
                lambda c, lm, k, b: max(c, key=lambda one: one[1] + k * lm(one) + b * len(one[0]))[0],
                "gets the whole candidate",
            ),
            "minimum": (
                scored(lambda w, a, lm, k, b: a + k * lm(w) + b * len(w), min),
                "that is the worst candidate",
            ),
            "exponential": (
                scored(lambda w, a, lm, k, b: math.exp(a) + k * math.exp(lm(w)) + b * len(w)),
                "exponentials are added",
            ),
            "from zero": (from_zero, "the best sum so far starts at 0"),
            "neighbours": (neighbours, "is compared with the one before it"),
            "both": (lambda *case: max(case[0], key=lambda one: one[1]), "the words together with a number"),
            "joined": (lambda *case: " ".join(answer(*case)), "leave out the `join`"),
            "index": (lambda *case: [c[0] for c in case[0]].index(answer(*case)), "not its sum or its place"),
            "first": (lambda c, lm, k, b: c[0][0], "that is always the first candidate"),
            "per word": (
                scored(lambda w, a, lm, k, b: (a + k * lm(w) + b * len(w)) / max(1, len(w))),
                "the sum is divided by the number of words",
            ),
            "sorted in place": (
                lambda c, lm, k, b: (c.sort(key=lambda one: one[1]), answer(c, lm, k, b))[1],
                "was changed in place",
            ),
        },
    )
