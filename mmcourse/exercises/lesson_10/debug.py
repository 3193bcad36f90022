"""The clinic of lesson 10: a report with every modality present, and none of the rows where one is missing."""

import math
from itertools import combinations

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import close, described

ROWS = 60
WIDTHS = {"image": 5, "sound": 4, "text": 3}


@exercise(
    "10.debug",
    title="a report that can be bad",
    dots=2,
    minutes=15,
    hints=(
        "Which rows does the patient judge? Count them. And which sets of three names are there, empty one apart?",
        "`for size in range(1, len(features) + 1): for kept in combinations(features, size)`: then '+'.join(kept).",
        "For each set build a new dict: `torch.where(there, x, means[name])`, with `there` False for all rows of what "
        "is not kept, and for rows that are NaN.",
    ),
)
def debug(answer, rng):
    for names in (tuple(WIDTHS), ("sound", "image")):
        case = Case(names, rng)
        judged(answer, case)
    return "a row for every set of modalities, the mean of training in every gap, no page left out"


class Case:
    """Features with gaps, labels, means, and a model that leans on each modality in its own way."""

    def __init__(self, names: tuple[str, ...], rng: torch.Generator):
        self.names = names
        self.labels = torch.randint(0, 3, (ROWS,), generator=rng)
        self.layers = {name: torch.randn(WIDTHS[name], 3, generator=rng) for name in names}
        self.features = {}
        for name in names:
            toward = torch.linalg.pinv(self.layers[name])[self.labels]
            x = 2 * toward + 1.2 * torch.randn(ROWS, WIDTHS[name], generator=rng) + 0.5
            self.features[name] = x.masked_fill(torch.rand(ROWS, 1, generator=rng) < 0.25, torch.nan)

        self.means = self.drawn_means(rng)
        while self.decide(self.means).argmax() == 0:  # what a model makes of NaN; of means it makes another class
            self.means = self.drawn_means(rng)

    def drawn_means(self, rng: torch.Generator) -> dict[str, Tensor]:
        """Those of training: not this table's own."""
        return {name: torch.randn(WIDTHS[name], generator=rng) for name in self.names}

    def decide(self, given: dict[str, Tensor]) -> Tensor:
        if not isinstance(given, dict) or set(given) != set(self.names):
            told = listed(given) if isinstance(given, dict) else described(given)
            raise NotRight(
                f"`decide` was given {told}; this model wants every modality, {listed(self.names)}: a missing one "
                "as its mean"
            )
        parts = []
        for name, x in given.items():
            if not isinstance(x, Tensor) or x.shape[-1:] != (WIDTHS[name],):
                raise NotRight(f"`decide` was given {described(x)} as {name}, expected (N, {WIDTHS[name]})")
            parts.append((x if x.dim() == 2 else x[None]) @ self.layers[name])
        sizes = {len(part) for part in parts} - {1}
        if len(sizes) > 1:
            raise NotRight(f"`decide` was given {sizes} rows of the modalities: rows were left out of one of them")
        return sum(parts)

    def whole(self, names) -> Tensor:
        """Rows that lack none of these modalities.   -> (N,) bool"""
        return torch.stack([~self.features[name].isnan().any(1) for name in names]).all(0)

    def own_mean(self, name: str) -> Tensor:
        return self.features[name][self.whole([name])].mean(0)

    def zeros(self, name: str) -> Tensor:
        return torch.zeros(WIDTHS[name])

    def training_mean(self, name: str) -> Tensor:
        return self.means[name]

    def accuracies(self, keep=None, mean=None, gaps=None, only=None, emptied=None) -> dict[str, float]:
        """The report, or what mistakes make of it.

        keep: "turned" if the named ones go. mean, gaps: what stands for what is taken away, and in the gaps, by name.
        only, emptied: for a set of names, the rows that are judged; the rows that keep anything.
        """
        mean = mean or self.training_mean
        figures = {}
        for size in range(1, len(self.names) + 1):
            for kept in combinations(self.names, size):
                filled = {}
                for name, x in self.features.items():
                    there = self.whole([name]) if emptied is None else emptied(kept)
                    filled[name] = torch.where(there[:, None] & ~x.isnan(), x, (gaps or mean)(name))
                    if (name in kept) == (keep == "turned"):
                        filled[name] = mean(name).expand_as(x)
                right = self.decide(filled).argmax(1) == self.labels
                figures["+".join(kept)] = (right if only is None else right[only(kept)]).float().mean().item()
        return figures


def listed(keys) -> str:
    """Each in quotes: a key may hold commas itself."""
    return ", ".join(map(repr, keys))


def judged(answer, case: Case) -> None:
    given = guarded(answer, case.decide, case.features, case.labels, case.means, name=answer.name)
    if not isinstance(given, dict):
        raise NotRight(f"it gave {described(given)}, expected a dict: a set of names to its accuracy")
    expected = case.accuracies()
    keys(given, expected, case.names)
    try:
        figures = {key: float(given[key]) for key in expected}
    except (TypeError, ValueError, RuntimeError):
        raise NotRight(f"the figures are {described(next(iter(given.values())))}, expected numbers") from None
    if any(math.isnan(figure) for figure in figures.values()):
        raise NotRight("an accuracy is NaN: was every row thrown away?")
    if close(figures, expected, rel_tol=1e-9):
        return
    if all(figure > 1 or expected[key] == 0 for key, figure in figures.items()):
        raise NotRight(f"the figures go up to {max(figures.values()):.1f}: a share between 0 and 1 is asked for")
    everything = "+".join(case.names)
    known = [
        (
            case.accuracies(only=lambda kept: case.whole(case.names)),
            "rows that lack a modality are still left out, like in the patient's report: they are the hard ones",
        ),
        (
            case.accuracies(only=case.whole),
            "for each set, rows that lack one of its modalities are left out; they get the mean there, and count",
        ),
        (
            case.accuracies(emptied=lambda kept: case.whole(case.names)),
            "a row that lacks one modality gets the mean for all of them; only the one that it lacks is filled",
        ),
        (
            case.accuracies(emptied=case.whole),
            "a row that lacks one modality of a set gets the mean for all of the set; only the one is filled",
        ),
        (case.accuracies(keep="turned"), "the named modalities are taken away, and the others kept: turn it round"),
        (case.accuracies(mean=case.zeros), "zeros stand in; the mean of training was asked for, and given as `means`"),
        (
            case.accuracies(mean=case.zeros, gaps=case.training_mean),
            "zeros stand in for what is taken away; the mean of training belongs there, as in the gaps",
        ),
        (
            case.accuracies(mean=case.own_mean),
            "the mean comes from the table that is judged; in use there is no such table: `means` is from training",
        ),
        (
            case.accuracies(gaps=case.zeros),
            "the gaps (NaN) of a modality that is kept are filled with zeros; the mean of training belongs there too",
        ),
        (
            case.accuracies(gaps=case.own_mean),
            "the gaps (NaN) of a modality that is kept are filled with this table's own mean; take `means`",
        ),
        (dict.fromkeys(expected, expected[everything]), "every set has the same figure: nothing is taken away"),
        (
            {key: 1 - figure for key, figure in expected.items()},
            "those are the shares of mistakes, not of right answers",
        ),
        ({key: figure * ROWS for key, figure in expected.items()}, "the right answers are counted; divide by all rows"),
    ]
    for mistaken, words in known:
        if close(figures, mistaken, rel_tol=1e-9):
            raise NotRight(words)
    with_gaps = hollow(case)
    if close(figures, with_gaps, rel_tol=1e-9):
        raise NotRight(
            "rows with NaN go into the model as they are: every such row is then wrong, or right by accident"
        )
    key = next(key for key in expected if not math.isclose(figures[key], expected[key], abs_tol=1e-4))
    raise NotRight(f"for {key} it gave {figures[key]:.3f}, expected {expected[key]:.3f} on {ROWS} rows")


def hollow(case: Case) -> dict[str, float]:
    """What comes of NaN left in the kept modalities."""
    figures = {}
    for size in range(1, len(case.names) + 1):
        for kept in combinations(case.names, size):
            filled = {n: x if n in kept else case.means[n].expand_as(x) for n, x in case.features.items()}
            figures["+".join(kept)] = (case.decide(filled).argmax(1) == case.labels).float().mean().item()
    return figures


def keys(given: dict, expected: dict[str, float], names: tuple[str, ...]) -> None:
    if set(given) == set(expected):
        return
    if set(given) == {"accuracy"}:
        raise NotRight("one figure, with everything present: that is the patient's report. Every set has its own")
    if any(not isinstance(key, str) for key in given):
        raise NotRight(
            f"a key is {described(next(k for k in given if not isinstance(k, str)))}, expected text: '+'.join(kept)"
        )
    if "" in given:
        raise NotRight("the empty set is among the keys; with nothing there, there is nothing to report")
    unsorted = {"+".join(sorted(key.split("+"), key=lambda n: names.index(n) if n in names else 99)) for key in given}
    if unsorted == set(expected):
        raise NotRight(f"the names of a key stand in another order than in the dict: expected {listed(expected)}")
    absent = [key for key in expected if key not in given]
    if absent and set(given) <= set(expected):
        singles = set(given) <= set(names)
        cause = ": single modalities alone are reported" if singles else ""
        raise NotRight(f"there is no figure for {listed(absent)}{cause}")
    raise NotRight(f"the keys are {listed(given)}; expected {listed(expected)}")
