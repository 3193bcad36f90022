"""The debugging exercise of lesson 10: a report that leaves out every row in which a modality is missing."""

import math
from itertools import combinations

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import close, described

ROWS = 60
WIDTHS = {"image": 5, "sound": 4, "text": 3}


@exercise(
    "10.debug",
    title="a report that hides failures",
    dots=2,
    minutes=15,
    hints=(
        "Which rows does the buggy report evaluate? Count them. And which non-empty sets of three names are there?",
        "`for size in range(1, len(features) + 1): for kept in combinations(features, size)`: then '+'.join(kept).",
        "For each set build a new dict: `torch.where(present, x, means[name])`, with `present` False in all rows of "
        "a modality that is not kept, and in rows with NaN.",
    ),
)
def debug(answer, rng):
    for names in (tuple(WIDTHS), ("sound", "image")):
        case = Case(names, rng)
        while not case.tells_apart():
            case = Case(names, rng)
        judged(answer, case)
    return "correct: a result for every set of modalities, the training mean for every gap, no row left out"


class Case:
    """Features with gaps, labels, means, and a model that uses each modality in its own way."""

    def __init__(self, names: tuple[str, ...], rng: torch.Generator):
        self.names = names
        self.labels = torch.randint(0, 3, (ROWS,), generator=rng)
        self.layers = {name: torch.randn(WIDTHS[name], 3, generator=rng) for name in names}
        self.features = {}
        for name in names:
            toward = torch.linalg.pinv(self.layers[name])[self.labels]
            x = 2 * toward + 1.2 * torch.randn(ROWS, WIDTHS[name], generator=rng) + 0.5
            gaps = torch.rand(ROWS, 1, generator=rng) < 0.35
            one = torch.randint(WIDTHS[name], (ROWS, 1), generator=rng) == torch.arange(WIDTHS[name])
            whole = torch.rand(ROWS, 1, generator=rng) < 0.5
            self.features[name] = x.masked_fill(gaps & (one | whole), torch.nan)

        self.means = self.drawn_means(rng)
        while self.decide(self.means).argmax() == 0:  # the prediction for NaN; for the means it should differ
            self.means = self.drawn_means(rng)

    def drawn_means(self, rng: torch.Generator) -> dict[str, Tensor]:
        """Training means, different from the means of the evaluated features."""
        return {name: torch.randn(WIDTHS[name], generator=rng) for name in self.names}

    def decide(self, given: dict[str, Tensor]) -> Tensor:
        if not isinstance(given, dict) or set(given) != set(self.names):
            received = listed(given) if isinstance(given, dict) else described(given)
            raise Mistake(
                f"`decide` was given {received}; this model needs every modality, {listed(self.names)}: replace a "
                "missing one by its mean"
            )
        parts = []
        for name, x in given.items():
            if not isinstance(x, Tensor) or x.shape[-1:] != (WIDTHS[name],):
                raise Mistake(f"`decide` was given {described(x)} as {name}, expected (N, {WIDTHS[name]})")
            parts.append((x if x.dim() == 2 else x[None]) @ self.layers[name])
        sizes = {len(part) for part in parts} - {1}
        if len(sizes) > 1:
            raise Mistake(f"`decide` was given {sizes} rows of the modalities: rows of one of them were left out")
        return sum(parts)

    def whole(self, names) -> Tensor:
        """Rows that lack none of these modalities.   -> (N,) bool"""
        return torch.stack([~self.features[name].isnan().any(1) for name in names]).all(0)

    def own_mean(self, name: str) -> Tensor:
        return self.features[name][self.whole([name])].mean(0)

    def known_mean(self, name: str) -> Tensor:
        """The mean of all numbers that are not NaN, those of incomplete rows too."""
        return self.features[name].nanmean(0)

    def zeros(self, name: str) -> Tensor:
        return torch.zeros(WIDTHS[name])

    def training_mean(self, name: str) -> Tensor:
        return self.means[name]

    def tells_apart(self) -> bool:
        """Whether no common mistake gives the right report by chance."""
        expected = self.accuracies()
        return not any(close(mistaken, expected, rel_tol=1e-9) for mistaken, _ in mistakes(self, expected))

    def accuracies(
        self, keep=None, mean=None, gaps=None, only=None, emptied=None, failed=None, missing=None, axis=1
    ) -> dict[str, float]:
        """The report, with or without a mistake.

        keep: "inverted" if the named ones are removed. mean, gaps: imputations, by name, of removed ones and of gaps.
        only, emptied, failed: for a set of names, the rows that are evaluated; the rows that keep anything; the rows
        that can be correct. missing: of features with NaN, what is replaced in modalities that are kept. axis: that of
        the largest logit.
        """
        mean = mean or self.training_mean
        results = {}
        for size in range(1, len(self.names) + 1):
            for kept in combinations(self.names, size):
                filled = {}
                for name, x in self.features.items():
                    if missing is None:
                        there = (self.whole([name]) if emptied is None else emptied(kept))[:, None] & ~x.isnan()
                    else:
                        there = ~missing(x)
                    filled[name] = torch.where(there, x, (gaps or mean)(name))
                    if (name in kept) == (keep == "inverted"):
                        filled[name] = mean(name).expand_as(x)
                predicted = self.decide(filled).argmax(axis)
                right = (predicted if axis else predicted[self.labels]) == self.labels
                right = right if failed is None else right & failed(kept)
                results["+".join(kept)] = (right if only is None else right[only(kept)]).float().mean().item()
        return results


def listed(keys) -> str:
    """Each in quotes: a key may contain commas."""
    return ", ".join(map(repr, keys))


def judged(answer, case: Case) -> None:
    given = guarded(answer, case.decide, case.features, case.labels, case.means, name=answer.name)
    if not isinstance(given, dict):
        raise Mistake(f"it returned {described(given)}, expected a dict from a set of names to its accuracy")
    expected = case.accuracies()
    keys(given, expected, case.names)
    try:
        results = {key: float(given[key]) for key in expected}
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"the accuracies are {described(next(iter(given.values())))}, expected numbers") from None
    if any(math.isnan(result) for result in results.values()):
        raise Mistake("an accuracy is NaN, as the mean over no rows is: every row counts")
    if close(results, expected, rel_tol=1e-9):
        return
    if all(result > 1 or expected[key] == 0 for key, result in results.items()):
        raise Mistake(f"the accuracies go up to {max(results.values()):.1f}; return fractions between 0 and 1")
    for mistaken, words in mistakes(case, expected):
        if close(results, mistaken, rel_tol=1e-9):
            raise Mistake(words)
    key = next(key for key in expected if not math.isclose(results[key], expected[key], abs_tol=1e-4))
    raise Mistake(f"for {key} it returned {results[key]:.3f}, expected {expected[key]:.3f} on {ROWS} rows")


def mistakes(case: Case, expected: dict[str, float]) -> list[tuple[dict[str, float], str]]:
    """The reports of common mistakes, and the words for each."""
    everything = "+".join(case.names)
    return [
        (
            case.accuracies(only=lambda kept: case.whole(case.names)),
            "rows that lack a modality are still left out, as in the buggy report: they are the difficult ones",
        ),
        (
            case.accuracies(only=case.whole),
            "for each set, rows that lack one of its modalities are left out; insert the mean and keep them",
        ),
        (
            case.accuracies(emptied=lambda kept: case.whole(case.names)),
            "a row that lacks one modality gets the mean for all modalities; insert it only for the missing one",
        ),
        (
            case.accuracies(emptied=case.whole),
            "a row that lacks one modality of a set gets the mean for the whole set; insert it only for the missing "
            "one",
        ),
        (
            case.accuracies(missing=Tensor.isnan),
            "only the NaN themselves are replaced; a row with at least one NaN lacks the modality and gets the mean in "
            "all of its features",
        ),
        *(
            (
                report,
                f"only the NaN themselves are replaced, and by {words}; a row with at least one NaN lacks the modality "
                "and gets the training mean in all of its features",
            )
            for report, words in (
                (case.accuracies(missing=Tensor.isnan, gaps=case.zeros), "zeros"),
                (case.accuracies(missing=Tensor.isnan, mean=case.zeros), "zeros"),
                (case.accuracies(missing=Tensor.isnan, gaps=case.known_mean), "the mean of the rows at hand"),
                (case.accuracies(missing=Tensor.isnan, mean=case.known_mean), "the mean of the rows at hand"),
            )
        ),
        (
            case.accuracies(missing=lambda x: x.isnan().all(1, keepdim=True)),
            "a row counts as missing only if all of its features are NaN; at least one is enough, and the others reach "
            "the model with NaN",
        ),
        (
            case.accuracies(failed=case.whole),
            "rows with a gap count as errors; they get the mean, and count if the prediction is correct",
        ),
        (
            case.accuracies(axis=0),
            "the largest logit is taken over the rows (`dim=0`); each row has a prediction of its own, `argmax(dim=1)`",
        ),
        (case.accuracies(keep="inverted"), "the named modalities are removed, and the others kept: swap the two"),
        (
            case.accuracies(mean=case.zeros),
            "missing values are replaced by zeros; use the training mean, given as `means`",
        ),
        (
            case.accuracies(mean=case.zeros, gaps=case.training_mean),
            "removed modalities are replaced by zeros; use the training mean, as in the gaps",
        ),
        (
            case.accuracies(mean=case.own_mean),
            "the mean is that of the evaluated data; in use there is a single page: `means` is from training",
        ),
        *(
            (
                report,
                "the mean is that of the rows at hand (`nanmean`); in use there is a single page: `means` is from "
                "training",
            )
            for report in (
                case.accuracies(mean=case.known_mean),
                case.accuracies(mean=case.known_mean, gaps=case.training_mean),
                case.accuracies(gaps=case.known_mean),
                case.accuracies(mean=case.own_mean, gaps=case.training_mean),
            )
        ),
        (
            case.accuracies(gaps=case.zeros),
            "the gaps (NaN) of a modality that is kept are filled with zeros; use the training mean there too",
        ),
        (
            case.accuracies(gaps=case.own_mean),
            "the gaps (NaN) of a modality that is kept are filled with the mean of the evaluated data; use `means`",
        ),
        (dict.fromkeys(expected, expected[everything]), "every set has the same accuracy: nothing is removed"),
        (
            {key: 1 - result for key, result in expected.items()},
            "those are error rates, not accuracies",
        ),
        (
            {key: result * ROWS for key, result in expected.items()},
            "the correct predictions are counted; divide by the number of rows",
        ),
        (hollow(case), "rows with NaN are passed to the model unchanged: their predictions are meaningless"),
    ]


def hollow(case: Case) -> dict[str, float]:
    """The report with NaN left in the kept modalities."""
    results = {}
    for size in range(1, len(case.names) + 1):
        for kept in combinations(case.names, size):
            filled = {n: x if n in kept else case.means[n].expand_as(x) for n, x in case.features.items()}
            results["+".join(kept)] = (case.decide(filled).argmax(1) == case.labels).float().mean().item()
    return results


def keys(given: dict, expected: dict[str, float], names: tuple[str, ...]) -> None:
    if set(given) == set(expected):
        return
    if set(given) == {"accuracy"}:
        raise Mistake("one accuracy, with everything present: that is the buggy report. Every set has its own")
    if any(not isinstance(key, str) for key in given):
        raise Mistake(
            f"a key is {described(next(k for k in given if not isinstance(k, str)))}, expected text: '+'.join(kept)"
        )
    if "" in given:
        raise Mistake("the empty set is among the keys; return results for non-empty sets only")
    unsorted = {"+".join(sorted(key.split("+"), key=lambda n: names.index(n) if n in names else 99)) for key in given}
    if unsorted == set(expected):
        raise Mistake(f"the names of a key are in a different order than in the dict: expected {listed(expected)}")
    absent = [key for key in expected if key not in given]
    if absent and set(given) <= set(expected):
        singles = set(given) <= set(names)
        cause = ": only single modalities are included" if singles else ""
        raise Mistake(f"there is no accuracy for {listed(absent)}{cause}")
    raise Mistake(f"the keys are {listed(given)}; expected {listed(expected)}")
