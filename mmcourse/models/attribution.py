"""The contribution of each modality to a prediction: ablation, Shapley values (Shapley 1953) and gradients.

A *game* is a function of a set of names: the model's result with only those modalities, a number or one per example
(True and False count as 1 and 0). Every attribution here is {name: value}.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from math import comb

import torch
from torch import Tensor

from mmcourse.precision import exact
from mmcourse.renamed import names_of

Game = Callable[[frozenset[str]], float | Tensor]


def coalitions(names) -> Iterator[frozenset[str]]:
    """Every set of the names, the empty one first."""
    names = tuple(names)
    for size in range(len(names) + 1):
        yield from map(frozenset, combinations(names, size))


def ablation(game: Game, names) -> dict[str, float | Tensor]:
    """The loss when one is removed and the others are kept: v(all) - v(all without it)."""
    everyone = frozenset(names)
    whole = _value(game, everyone)
    return {name: whole - _value(game, everyone - {name}) for name in names}


def shapley(game: Game, names) -> dict[str, float | Tensor]:
    """The mean gain when each is added, over all orders in which they can be added.

    The values sum to v(all) - v(none). The game is evaluated 2^M times, once for each set.
    """
    names = tuple(names)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"names are {names}; expected each player once, at least one")
    value = {some: _value(game, some) for some in coalitions(names)}
    attributions = {}
    for name in names:
        before = [some for some in value if name not in some]
        attributions[name] = sum(
            (value[some | {name}] - value[some]) / (len(names) * comb(len(names) - 1, len(some))) for some in before
        )
    return attributions


def _value(game: Game, some: frozenset[str]) -> float | Tensor:
    """The value of a game, True and False as numbers."""
    value = game(some)
    return value.float() if isinstance(value, Tensor) and value.dtype == torch.bool else value


def probability_game(
    decide: Callable[..., Tensor], features: Mapping[str, Tensor], target: Tensor
) -> Callable[[frozenset[str]], Tensor]:
    """The probability of the correct class with some modalities, the others marked as missing.   -> (N,)"""
    batch = len(target)

    @torch.no_grad()
    def game(some: frozenset[str]) -> Tensor:
        present = {name: torch.full((batch,), name in some, device=x.device) for name, x in features.items()}
        return exact(decide(features, present)).softmax(dim=1).gather(1, target[:, None])[:, 0]

    return game


def gradient_attributions(
    decide: Callable[[Mapping[str, Tensor]], Tensor],
    features: Mapping[str, Tensor],
    target: Tensor,
    method: str = "integrated",
    nothing: Mapping[str, Tensor] | None = None,
    steps: int = 16,
) -> dict[str, Tensor]:
    """Gradients of the correct class's probability at the features, times the features, summed for each modality.

    method   'input': the gradient at the example (Shrikumar et al. 2016); 'integrated': its mean on the straight
             path from `nothing`, times the path (Sundararajan et al. 2017): they sum to p(example) - p(nothing)
    nothing  {name: (D,)}: the baseline, zeros unless given; with a fusion's `missing_embedding` it is the mask
    Computed by captum.   {name: (N, D)} -> {name: (N,)}
    """
    if method not in ("input", "integrated"):
        raise ValueError(f"method is {method!r}; expected 'input' or 'integrated'")
    if len(target) == 0:
        raise ValueError("target is empty; expected one example or more. Likely cause: an empty split or selection")
    from captum.attr import InputXGradient, IntegratedGradients

    names = tuple(features)

    def probability(*parts: Tensor) -> Tensor:
        logits = decide(dict(zip(names, parts, strict=True)))
        wanted = target.repeat(len(logits) // len(target))  # captum stacks its steps
        return logits.softmax(dim=1).gather(1, wanted[:, None])[:, 0]

    inputs = tuple(features[name].detach().clone().requires_grad_() for name in names)
    if method == "input":
        attributions = InputXGradient(probability).attribute(inputs)
    else:
        start = tuple(
            torch.zeros_like(x) if nothing is None else nothing[n].detach().expand_as(x) for n, x in features.items()
        )
        attributions = IntegratedGradients(probability).attribute(inputs, baselines=start, n_steps=steps)
    return {name: attribution.sum(dim=1).detach() for name, attribution in zip(names, attributions, strict=True)}


__getattr__ = names_of(__name__)
