"""Exercise 09.5: one layer of bottleneck tokens (Nagrani et al. 2021)."""

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import agrees, described, drawn, expect_tensor, explained, fitted_weights

Result = tuple[Tensor, list[Tensor]]


def right(shared: Tensor, modalities: Sequence[Tensor], layers: Sequence[Callable]) -> Result:
    """What `bottleneck_step` should return."""
    proposals, after = [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        proposals.append(both[:, : shared.shape[1]])
        after.append(both[:, shared.shape[1] :])
    return torch.stack(proposals).mean(0), after


def one_after_another(combine: Callable) -> Callable:
    """The step that updates the shared tokens after each modality; their proposals are combined at the end."""

    def step(shared, modalities, layers) -> Result:
        proposals, after = [shared], []
        for x, layer in zip(modalities, layers, strict=True):
            both = layer(torch.cat([proposals[-1], x], dim=1))
            proposals.append(both[:, : shared.shape[1]])
            after.append(both[:, shared.shape[1] :])
        return combine(proposals[1:]), after

    return step


def all_together(shared, modalities, layers) -> Result:
    parts = [shared, *modalities]
    both = layers[0](torch.cat(parts, dim=1)).split([part.shape[1] for part in parts], dim=1)
    return both[0], list(both[1:])


def all_in_turn(shared, modalities, layers) -> Result:
    parts = [shared, *modalities]
    both = torch.cat(parts, dim=1)
    for layer in layers:
        both = layer(both)
    first, *after = both.split([part.shape[1] for part in parts], dim=1)
    return first, after


def all_through_each(shared, modalities, layers) -> Result:
    runs = [all_together(shared, modalities, [layer]) for layer in layers]
    return mean_of(shared, [first for first, _ in runs]), [after[m] for m, (_, after) in enumerate(runs)]


def apart(shared, modalities, layers) -> Result:
    alone = [layer(x) for x, layer in zip(modalities, layers, strict=True)]
    return mean_of(shared, [layer(shared) for layer in layers]), alone


def ordered(join_first: bool, cut_first: bool) -> Callable:
    """The step with the shared tokens put first or last, and taken from the beginning or the end."""

    def step(shared, modalities, layers) -> Result:
        proposals, after, b = [], [], shared.shape[1]
        for x, layer in zip(modalities, layers, strict=True):
            both = layer(torch.cat([shared, x] if join_first else [x, shared], dim=1))
            proposals.append(both[:, :b] if cut_first else both[:, -b:])
            after.append(both[:, b:] if cut_first else both[:, :-b])
        return mean_of(shared, proposals), after

    return step


def called_again(shared, modalities, layers) -> Result:
    new, _ = right(shared, modalities, layers)
    return new, right(new, modalities, layers)[1]


def with_first_layer(shared, modalities, layers) -> Result:
    return right(shared, modalities, [layers[0]] * len(modalities))


def combined(combine: Callable, leave: Callable = lambda before, after: after) -> Callable:
    """The step with another combination of the proposals, or another output for the modalities."""

    def step(shared, modalities, layers) -> Result:
        _, after = right(shared, modalities, layers)
        proposals = [
            layer(torch.cat([shared, x], dim=1))[:, : shared.shape[1]]
            for x, layer in zip(modalities, layers, strict=True)
        ]
        return combine(shared, proposals), list(map(leave, modalities, after))

    return step


def mean_of(shared: Tensor, proposals: list[Tensor]) -> Tensor:
    return torch.stack(proposals).mean(0)


def without_shared(shared, modalities, layers) -> Result:
    return shared, [layer(x) for x, layer in zip(modalities, layers, strict=True)]


MISTAKES: list[tuple[Callable, str]] = [
    (
        one_after_another(lambda proposals: proposals[-1]),
        "the second modality gets shared tokens that the first has already changed. All modalities get the same "
        "ones; the mean is taken after the loop",
    ),
    (
        one_after_another(lambda proposals: torch.stack(proposals).mean(0)),
        "the mean is taken at the end, but `shared` is also overwritten within the loop, so the second modality "
        "gets the output of the first: collect the proposals in a list",
    ),
    (
        all_together,
        "all tokens went through one layer together, so every token attends to every other: that is what the "
        "bottleneck avoids",
    ),
    (
        all_through_each,
        "all modalities are in one sequence, so every token attends to every other. Each layer gets the shared "
        "tokens and its own modality only",
    ),
    (
        all_in_turn,
        "all modalities are in one sequence, which goes through one layer after the other. Each layer gets the shared "
        "tokens and its own modality only",
    ),
    (
        combined(lambda s, p: torch.stack(p).mean(0).mean(1, keepdim=True).expand_as(s)),
        "the mean is taken over the shared tokens too; take it over the modalities alone",
    ),
    (
        combined(lambda s, p: s + torch.stack(p).mean(0), lambda x, new: x + new),
        "the input is added to the layers' output, for shared tokens and modalities; the layers have residual "
        "connections already",
    ),
    (
        apart,
        "a layer gets the shared tokens and its modality in separate calls, so they never interact: concatenate "
        "them with `torch.cat([shared, x], dim=1)`",
    ),
    (with_first_layer, "every modality went through the first layer; each has its own"),
    (
        lambda s, m, layers: right(s, m, layers[::-1]),
        "the layers are in the wrong order: `layers[m]` belongs to modality m",
    ),
    (combined(lambda s, p: torch.stack(p).sum(0)), "the proposals are summed; take their mean"),
    (
        combined(lambda s, p: p[-1]),
        "the shared tokens are those of the last modality only; take the mean of all",
    ),
    (combined(lambda s, p: p[0]), "the shared tokens are those of the first modality only"),
    (
        combined(lambda s, p: functools.reduce(lambda mean, proposal: (mean + proposal) / 2, p)),
        "the mean is halved in every round, (old + new) / 2, so the last modality has half of the weight: collect all "
        "proposals first, then take their mean",
    ),
    (
        combined(lambda s, p: functools.reduce(lambda mean, proposal: (mean + proposal) / 2, p, s)),
        "the mean of old and new is taken in every round, beginning with the old shared tokens: collect all proposals "
        "first, then take their mean",
    ),
    (combined(lambda s, p: s), "the shared tokens are returned unchanged: the layers' output for them is lost"),
    (combined(lambda s, p: torch.stack([s, *p]).mean(0)), "the old shared tokens are included in the mean"),
    (
        combined(lambda s, p: s + torch.stack(p).mean(0)),
        "the old shared tokens are added; the layers have residual connections already",
    ),
    (combined(lambda s, p: torch.stack(p).amax(0)), "the maximum of the proposals is taken; take their mean"),
    *(
        (
            combined(lambda s, p, n=n: torch.stack(p).sum(0) / n),
            f"the proposals are divided by {n} regardless of their number, which is `len(modalities)`",
        )
        for n in (2, 3)
    ),
    (combined(mean_of, lambda x, new: x), "the modalities are returned unchanged: the layers' output for them is lost"),
    (
        combined(mean_of, lambda x, new: x + new),
        "the modalities are added to the layers' output; the layers have residual connections already",
    ),
    (called_again, "the modalities go through their layers again with the new shared tokens; call each layer once"),
    (without_shared, "the shared tokens never interact with a modality: put them before each modality's tokens"),
    (
        ordered(join_first=False, cut_first=True),
        "the shared tokens were put at the end of the sequence, but taken from its beginning: `[:, :b]` are other "
        "tokens",
    ),
    (
        ordered(join_first=True, cut_first=False),
        "the shared tokens were put at the beginning of the sequence, but taken from its end: `[:, -b:]` are other "
        "tokens",
    ),
    (
        ordered(join_first=False, cut_first=False),
        "the shared tokens were put last; they come first. For a layer with positional encodings the result differs",
    ),
]


@exercise(
    "09.5",
    title="one bottleneck layer",
    dots=3,
    minutes=15,
    repeatable=True,
    hints=(
        "Start with one modality: `torch.cat([shared, x], dim=1)` is (B, b + T, D), and its layer keeps that shape. "
        "Which part of the output belongs to the modality, which is a proposal for the shared tokens?",
        "Collect both in lists. `shared` itself must not change inside the loop, or the order of the modalities "
        "would matter.",
        "After the loop: `torch.stack(proposals).mean(dim=0)`.",
    ),
)
def bottleneck_step(answer, rng):
    cases = []
    for batch, b, widths, D in ((2, 3, (5, 4), 4), (3, 4, (1, 6, 2), 3), (2, 1, (4, 4), 5), (1, 2, (3, 5), 4)):
        layers = [Layer(b + max(widths) + sum(widths), D, rng) for _ in widths]
        cases.append((drawn(rng, batch, b, D), [drawn(rng, batch, T, D) for T in widths], layers))
    tried = explained(answer, {"except in dimension 2": "tokens are axis 1: `torch.cat([shared, x], dim=1)`"})
    given = [two_of(tried, case) for case in cases]
    calls = max(layer.calls for *_, layers in cases for layer in layers)
    expected = [right(*case) for case in cases]
    if not all(map(same, given, expected)):
        for mistaken, words in MISTAKES:
            if all(same(result, mistaken(*case)) for result, case in zip(given, cases, strict=True)):
                raise Mistake(words)
        i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if not same(*pair))
        if not calls:
            raise Mistake("no layer is ever called: `layers[m]` takes the shared tokens and those of modality m")
        shared_wrong = not agrees(given[i][0], expected[i][0])
        part, other = ("shared tokens", "modalities")[:: 1 if shared_wrong else -1]
        also = (
            ""
            if shared_wrong and not same((expected[i][0], given[i][1]), expected[i])
            else f"; the {other} are correct"
        )
        weights = proposal_weights(cases, given) if shared_wrong else ""
        raise Mistake(f"{where(*cases[i])} the {part} are wrong{also}{weights}")
    if calls > 1:
        raise Mistake(
            "the result is correct, but a layer is called twice for one modality, at double the cost: store its "
            "output and take both parts from it"
        )
    remark = expect_gradients(answer, cases[0], right)
    return (
        "correct for two and three modalities and one to four shared tokens; the order of the modalities does "
        "not matter"
    ) + remark


def proposal_weights(cases: list[tuple], given: list[Result]) -> str:
    """Words where the shared tokens are a sum of the proposals with other weights than those of a mean; else empty."""
    shown = ""
    for (shared, modalities, layers), (first, _) in zip(cases, given, strict=True):
        b, count = shared.shape[1], len(modalities)
        proposals = [layer(torch.cat([shared, x], dim=1))[:, :b] for x, layer in zip(modalities, layers, strict=True)]
        weights = fitted_weights([*proposals, shared], first)
        if weights is None:
            return ""
        due = [1 / count] * count + [0.0]
        if not shown and any(abs(weight - of_mean) > 1e-3 for weight, of_mean in zip(weights, due, strict=True)):
            of_each = ", ".join(f"{weight:.2f}" for weight in weights[:-1])
            old = f" and the old shared tokens {weights[-1]:.2f}" if abs(weights[-1]) > 1e-3 else ""
            shown = f". The proposals of {count} modalities have the weights {of_each}{old}; in their mean each has "
            shown += f"{1 / count:.2f}"
    return shown


class Layer:
    """A layer in which every token depends on every other and on its position. It counts its calls.

    x + P = y, then y W + tanh of the mean of y V.   (B, T, D) -> (B, T, D)
    """

    def __init__(self, longest: int, D: int, rng: torch.Generator):
        self.P, self.W, self.V = drawn(rng, longest, D), drawn(rng, D, D), drawn(rng, D, D)
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        y = x + self.P[: x.shape[1]]
        return y @ self.W + torch.tanh((y @ self.V).mean(dim=1, keepdim=True))


def same(one: Result, other: Result) -> bool:
    parts = [one[0], *one[1]], [other[0], *other[1]]
    return len(parts[0]) == len(parts[1]) and all(map(agrees, *parts))


def two_of(answer: Callable, case: tuple) -> Result:
    """Shared tokens and the list of modalities, after a check of their shapes."""
    shared, modalities, _ = case
    result = answer(*case)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake(
            f"{where(*case)} it returned {described(result)}, expected two values: the shared tokens and the list of "
            "modalities"
        )
    after = result[1]
    if isinstance(result[0], list | tuple) and isinstance(after, Tensor):
        raise Mistake("the list of modalities is returned first; `return shared, modalities`")
    if not isinstance(after, list | tuple) or len(after) != len(modalities):
        raise Mistake(
            f"{where(*case)} the second value should be a list of {len(modalities)} tensors, one per modality, and it "
            f"is {described(after)}"
        )
    b = shared.shape[1]
    lists = {"list": "the proposals are still a list: take their mean"}
    if type(result[0]).__name__ in lists:
        raise Mistake(lists["list"])
    first = expect_tensor(
        result[0],
        f"{where(*case)}, for the shared tokens,",
        shared.shape,
        {
            (len(modalities), *shared.shape): "the proposals are still separate: take their mean over the modalities",
            (len(shared), b * len(modalities), shared.shape[2]): "the proposals are concatenated: take their mean",
            (len(shared), 1, shared.shape[2]): "one token is left; the mean is over the modalities, not the tokens",
            tuple(shared.shape[1:]): "the batch axis is lost: `torch.stack(proposals)` adds an axis for the mean, "
            "`torch.cat` does not",
            (len(shared), 4, shared.shape[2]): "the number of shared tokens is `shared.shape[1]`, here not 4",
        },
    )
    parts = []
    for x, given in zip(modalities, after, strict=True):
        batch, T, D = x.shape
        known = {
            (batch, T + b, D): f"the shared tokens are still included: remove the first {b}",
            (batch, b, D): "those are the positions of the shared tokens",
        }
        parts.append(expect_tensor(given, f"{where(*case)}, for a modality of {T} tokens,", x.shape, known))
    return first, parts


def where(shared: Tensor, modalities: list[Tensor], _) -> str:
    return f"for {shared.shape[1]} shared tokens and modalities of {', '.join(str(x.shape[1]) for x in modalities)}"
