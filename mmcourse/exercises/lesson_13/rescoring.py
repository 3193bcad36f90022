"""Exercise 13.4: candidates of a recogniser rescored with a language model."""

import math
from collections.abc import Callable

import torch

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, named_mistake, whole
from mmcourse.exercises.properties import expect_same_again

WORDS = ("the", "red", "cat", "sat", "mat", "dog", "saw", "a", "under", "fox")
LOW = -1e6  # the level of a case far below all others
Candidate = tuple[list[str], float]


class LanguageModel:
    """A random bigram model, which names arguments that are not a list of words."""

    def __init__(self, rng: torch.Generator):
        costs = (0.5 + 3 * torch.rand(len(WORDS) + 1, len(WORDS), generator=rng)).tolist()
        self.costs = {
            (before, word): cost
            for before, row in zip((None, *WORDS), costs, strict=True)
            for word, cost in zip(WORDS, row, strict=True)
        }

    def __call__(self, words) -> float:
        if isinstance(words, str):
            raise Mistake(
                "the language model gets a text; it takes the list of words"
                if " " in words
                else "the language model gets a single word; it takes the list of all words of a candidate"
            )
        if isinstance(words, tuple) and len(words) == 2 and isinstance(words[1], float):
            raise Mistake("the language model gets the whole candidate; it takes the words alone: `candidate[0]`")
        if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
            raise Mistake(f"the language model gets {described(words)}; it takes a candidate's list of words")
        if any(word not in WORDS for word in words):
            raise Mistake(f"the language model gets {list(words)!r}, which are not the words of a candidate")
        return -0.1 - sum(self.costs[pair] for pair in zip((None, *words), words, strict=False))


def chosen(score: Callable, pick: Callable = max) -> Callable:
    """The words of the candidate whose score is the largest."""

    def computed(candidates: list[Candidate], language_model: Callable, weight: float, bonus: float) -> list[str]:
        return pick(candidates, key=lambda one: score(one[0], one[1], language_model(one[0]), weight, bonus))[0]

    return computed


def total(words: list[str], acoustic: float, language: float, weight: float, bonus: float) -> float:
    """What is to be the largest."""
    return acoustic + weight * language + bonus * len(words)


right = chosen(total)


def per_word(value: float, words: list[str]) -> float:
    return value / max(len(words), 1)


def better_than_the_one_before(candidates, language_model, weight, bonus) -> list[str]:
    """The last candidate that beats its neighbour."""
    scores = [total(words, acoustic, language_model(words), weight, bonus) for words, acoustic in candidates]
    kept = candidates[0][0]
    for i in range(1, len(candidates)):
        if scores[i] > scores[i - 1]:
            kept = candidates[i][0]
    return kept


def in_turn(candidates, language_model, weight, bonus) -> list[tuple[float, list[str]]]:
    """The sums of all candidates with their words."""
    return [(total(words, acoustic, language_model(words), weight, bonus), words) for words, acoustic in candidates]


def until_worse(*case) -> list[str]:
    """The best up to the first candidate that is no improvement."""
    scored = in_turn(*case)
    count = next((i for i in range(1, len(scored)) if scored[i][0] <= scored[i - 1][0]), len(scored))
    return scored[count - 1][1]


def until_better(*case) -> list[str]:
    """The first candidate that beats the first of all."""
    scored = in_turn(*case)
    return next((words for one, words in scored if one > scored[0][0]), scored[0][1])


def above(start: float, kept: Callable = lambda candidates: []) -> Callable:
    """The best so far starts with a number, and no words or the first candidate's."""

    def computed(candidates: list[Candidate], language_model: Callable, weight: float, bonus: float) -> list[str]:
        scores = [total(words, acoustic, language_model(words), weight, bonus) for words, acoustic in candidates]
        return right(candidates, language_model, weight, bonus) if max(scores) > start else kept(candidates)

    return computed


def word_by_word(candidates, language_model, weight, bonus) -> list[str]:
    """Every word has its own call of the language model."""

    def score(one: Candidate) -> float:
        return total(*one, sum(language_model([word]) for word in one[0]), weight, bonus)

    return max(candidates, key=score)[0]


MISTAKES = [
    (chosen(lambda w, a, lm, k, b: a), "only the acoustic log-probability counts"),
    (chosen(lambda w, a, lm, k, b: lm), "only the language model counts"),
    (chosen(lambda w, a, lm, k, b: k * lm + b * len(w)), "the acoustic log-probability is missing in the sum"),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm),
        "the bonus for every word is missing in the sum (a bonus that is added once changes no order)",
    ),
    (chosen(lambda w, a, lm, k, b: a + b * len(w)), "the language model is missing in the sum"),
    (chosen(lambda w, a, lm, k, b: a + lm + b * len(w)), "the language model is not multiplied by `weight`"),
    (
        chosen(lambda w, a, lm, k, b: k * a + lm + b * len(w)),
        "`weight` multiplies the acoustic log-probability; it multiplies the language model's",
    ),
    (
        chosen(lambda w, a, lm, k, b: k * (a + lm) + b * len(w)),
        "`weight` multiplies both log-probabilities; it multiplies the language model's alone",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * (lm + b * len(w))),
        "`weight` multiplies the bonus too: brackets in the wrong place",
    ),
    (
        chosen(lambda w, a, lm, k, b: k * (a + lm + b * len(w))),
        "`weight` multiplies the whole sum; it multiplies the language model's log-probability",
    ),
    (
        chosen(lambda w, a, lm, k, b: (1 - k) * a + k * lm + b * len(w)),
        "the acoustic log-probability is multiplied by 1 - weight; it has no factor",
    ),
    (chosen(lambda w, a, lm, k, b: a + k * lm - b * len(w)), "the bonus is subtracted; it is added for every word"),
    (
        chosen(lambda w, a, lm, k, b: a - k * lm + b * len(w)),
        "the language model's log-probability is subtracted; it is added",
    ),
    (
        chosen(lambda w, a, lm, k, b: -a + k * lm + b * len(w)),
        "the acoustic log-probability is subtracted; it is added",
    ),
    (
        chosen(lambda w, a, lm, k, b: -a - k * lm + b * len(w), min),
        "the sign of the bonus: with negative log-probabilities and a minimum it has to be subtracted",
    ),
    (chosen(lambda w, a, lm, k, b: a + k * lm + len(w)), "every word adds 1; it adds `bonus`"),
    (chosen(lambda w, a, lm, k, b: a + k * lm + b * len(set(w))), "a word that comes twice gets its bonus once"),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm + b * (len(w) > 0)),
        "the bonus is added once, whatever the number of words",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm + b * sum(map(len, w))),
        "the bonus is counted for every character; it is for every word",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm + b * len(" ".join(w))),
        "the bonus is counted for every character, spaces too; it is for every word",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm + b / max(len(w), 1)),
        "the bonus is divided by the number of words; it is multiplied by it",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm * len(w) + b * len(w)),
        "the language model's log-probability is multiplied by the number of words",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + lm / k + b * len(w)),
        "the language model's log-probability is divided by `weight`; it is multiplied",
    ),
    (chosen(lambda w, a, lm, k, b: a + b * lm + k * len(w)), "`weight` and `bonus` have changed places"),
    (
        chosen(lambda w, a, lm, k, b: (a + k * lm + b) * len(w)),
        "the whole sum is multiplied by the number of words: brackets in the wrong place",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * math.exp(lm) + b * len(w)),
        "the exponential of the language model's log-probability is taken; logarithms are added",
    ),
    (
        chosen(lambda w, a, lm, k, b: math.exp(a) + k * math.exp(lm) + b * len(w)),
        "exponentials are added; logarithms are",
    ),
    (
        chosen(lambda w, a, lm, k, b: math.exp(a) * k * math.exp(lm) + b * len(w)),
        "a bonus of logarithms is added to a product of probabilities: add the log-probabilities",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * per_word(lm, w) + b * len(w)),
        "the language model's log-probability is divided by the number of words; the bonus is for the length",
    ),
    (
        chosen(lambda w, a, lm, k, b: per_word(total(w, a, lm, k, b), w)),
        "the sum is divided by the number of words; the bonus is for the length",
    ),
    (chosen(lambda w, a, lm, k, b: a * k * lm + b * len(w)), "the log-probabilities are multiplied; they are added"),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm + b * max(len(w) - 1, 0)),
        "the first word has no bonus; every word has one",
    ),
    (
        chosen(lambda w, a, lm, k, b: per_word(a, w) + k * lm + b * len(w)),
        "the acoustic log-probability is divided by the number of words; the bonus is for the length",
    ),
    (
        chosen(lambda w, a, lm, k, b: (a + k * lm) / (1 + k) + b * len(w)),
        "the log-probabilities are averaged; they are added, and only the language model's has a weight",
    ),
    (
        chosen(lambda w, a, lm, k, b: b * (a + k * lm) + len(w)),
        "`bonus` multiplies the log-probabilities; it multiplies the number of words",
    ),
    (
        chosen(lambda w, a, lm, k, b: a + k * lm + b ** len(w)),
        "`bonus` is raised to the number of words; it is multiplied by it",
    ),
    (chosen(total, min), "that is the worst candidate: take the largest sum"),
    (lambda c, lm, k, b: c[0][0], "that is always the first candidate: is a `return` inside the loop?"),
    (lambda c, lm, k, b: c[-1][0], "that is always the last candidate"),
    (lambda c, lm, k, b: right(c[1:] or c, lm, k, b), "the first candidate is left out"),
    (
        lambda c, lm, k, b: right(c[:-1] or c, lm, k, b),
        "the last candidate is left out: does a loop end one too early?",
    ),
    *(
        (
            lambda c, lm, k, b, n=n: right(c[:n], lm, k, b),
            f"only the first {n} candidates are compared: is a `return` inside the loop?",
        )
        for n in (2, 3)
    ),
    (until_worse, "the comparison ends at the first candidate that is not better: is there a `break` or `return`?"),
    (until_better, "the first candidate that beats the first one is returned; a later one can be better still"),
    *(
        (chosen(score, pick), "the log-probabilities are multiplied; they are added")
        for score, pick in (
            (lambda w, a, lm, k, b: -(a * k * lm) + b * len(w), max),
            (lambda w, a, lm, k, b: a * k * lm - b * len(w), max),
            (lambda w, a, lm, k, b: a * k * lm, max),
            (lambda w, a, lm, k, b: a * k * lm, min),
            (lambda w, a, lm, k, b: a * lm + b * len(w), max),
            (lambda w, a, lm, k, b: -(a * lm) + b * len(w), max),
            (lambda w, a, lm, k, b: -(a * lm * k * b), max),
        )
    ),
    (
        chosen(lambda w, a, lm, k, b: a * abs(lm) ** k + b * len(w)),
        "the language model's log-probability is raised to `weight` and multiplied; it is multiplied by it and added",
    ),
    (better_than_the_one_before, "a candidate is compared with the one before it, not with the best so far"),
    *(
        (mistaken, "the best sum so far starts at 0, and most sums are negative: start with `-math.inf`")
        for mistaken in (above(0), above(0, lambda candidates: candidates[0][0]))
    ),
    *(
        (mistaken, "the best sum so far starts at a number that sums can be below: start with `-math.inf`")
        for mistaken in (above(LOW / 2), above(LOW / 2, lambda candidates: candidates[0][0]))
    ),
    (
        word_by_word,
        "the language model gets every word alone; it takes the list of all words of a candidate, whose order counts",
    ),
    (
        chosen(lambda w, a, lm, k, b: per_word(a + k * lm, w) + b * len(w)),
        "the log-probabilities are divided by the number of words; the bonus is for the length",
    ),
    (
        lambda c, lm, k, b: [x for x in c if x[0]] and right([x for x in c if x[0]], lm, k, b),
        "a candidate without words is left out; it can be the best",
    ),
    (lambda c, lm, k, b: max(c, key=lambda one: len(one[0]))[0], "that is the longest candidate"),
    (lambda c, lm, k, b: min(c, key=lambda one: len(one[0]))[0], "that is the shortest candidate"),
    (lambda c, lm, k, b: max(c)[0], "candidates are compared by their words: `key` says what is compared"),
]


@exercise(
    "13.4",
    title="rescoring with a language model",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "Every further word multiplies the language model's probability by a number below 1. Which sentences does it "
        "prefer, and how does `bonus * len(words)` change that?",
        "Write a function `score(candidate)` that unpacks `words, acoustic = candidate`.",
        "`max(candidates, key=score)` is the candidate with the largest score; its first part are the words.",
    ),
)
def best_of_check(answer, rng):
    model = LanguageModel(rng)
    cases = [(drawn_candidates(rng, whole(rng, 3, 8)), model, *weights(rng)) for _ in range(40)]
    cases.append(([(words, level + LOW) for words, level in drawn_candidates(rng, 6)], model, *weights(rng)))
    cases += [(drawn_candidates(rng, 1), model, *weights(rng)), (drawn_candidates(rng, 6), model, 0.0, 0.0)]
    expect_same_again(answer, cases[0])
    given = [words_of(answer(*case), case) for case in cases]
    if all(words == right(*case) for words, case in zip(given, cases, strict=True)):
        return f"{len(cases)} lists of candidates, one with a single candidate, some with an empty one"
    if words := named_mistake(cases, given, MISTAKES):
        raise Mistake(words)
    wrong = next(i for i, case in enumerate(cases) if given[i] != right(*case))
    raise Mistake(difference(cases[wrong], given[wrong]))


def weights(rng: torch.Generator) -> tuple[float, float]:
    """A weight and a bonus for which every part of the sum matters."""
    first, second = torch.rand(2, generator=rng).tolist()
    return 0.3 + 0.9 * first, 0.3 + 3 * second


def drawn_candidates(rng: torch.Generator, n: int) -> list[Candidate]:
    """Candidates of 0 to 6 words, each with its log-probability."""
    lengths = [whole(rng, 0, 6) for _ in range(n)]
    lists = [[WORDS[whole(rng, 0, len(WORDS) - 1)] for _ in range(length)] for length in lengths]
    levels = (-0.5 - 9 * torch.rand(n, generator=rng)).tolist()
    return list({tuple(words): (words, level) for words, level in zip(lists, levels, strict=True)}.values())


def words_of(given, case: tuple) -> list[str]:
    """The answer's list of words."""
    if isinstance(given, str):
        raise Mistake(f"it returned {described(given)}, expected the list of words: leave out the `join`")
    if isinstance(given, int | float):
        raise Mistake(
            f"it returned {described(given)}, expected the words of the best candidate, not its sum or its place"
        )
    if isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], list | tuple):
        raise Mistake("it returned the words together with a number; the words alone are asked for: `candidate[0]`")
    if isinstance(given, list | tuple) and given and all(isinstance(one, list | tuple) for one in given):
        raise Mistake(
            "it returned several candidates; the words of the best one are asked for: `[0]` is the first of a list"
        )
    if not isinstance(given, list | tuple) or not all(isinstance(word, str) for word in given):
        raise Mistake(f"it returned {described(given)}, expected a list of words")
    return list(given)


def difference(case: tuple, given: list[str]) -> str:
    """Both sums, of the answer's candidate and of the best one."""
    candidates, model, weight, bonus = case
    best = right(*case)
    sums = {tuple(words): total(words, acoustic, model(words), weight, bonus) for words, acoustic in candidates}
    if tuple(given) not in sums:
        return f"it returned {given}, which is none of the candidates"
    return (
        f"for weight {weight:.2f} and bonus {bonus:.2f} it returned {given}, whose sum is {sums[tuple(given)]:.3f}; "
        f"that of {best} is {sums[tuple(best)]:.3f}"
    )
