"""Tests of random numbers by their distribution alone, so that a learner may use any generator.

A correct answer fails one of these tests with a probability below one in a million.
"""

import math
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

FALSE_ALARM = 1e-8


@contextmanager
def states_kept() -> Iterator[None]:
    """Leaves torch's, Python's and numpy's global generators and the gradient mode as they were."""
    numpy = sys.modules.get("numpy")
    before, arrays = random.getstate(), numpy and numpy.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            yield
    finally:
        random.setstate(before)
        if numpy:
            numpy.random.set_state(arrays)


def normal_cdf(x: Tensor) -> Tensor:
    """Distribution function of the standard normal distribution."""
    return torch.special.ndtr(x)


def uniform_cdf(low: float, high: float) -> Callable[[Tensor], Tensor]:
    """Distribution function of the uniform distribution from low to high."""
    return lambda x: ((x - low) / (high - low)).clamp(0, 1)


def as_often(count: int, draws: int, probability: float) -> bool:
    """Whether an event of this probability may have occurred so often in independent draws (Chernoff's bound)."""
    found = count / draws
    divergence = sum(
        a * math.log(a / b) if a else 0.0 for a, b in ((found, probability), (1 - found, 1 - probability)) if a or b
    )
    return draws * divergence <= math.log(2 / FALSE_ALARM)


def follows(draws: Tensor, cdf: Callable[[Tensor], Tensor]) -> bool:
    """Whether independent draws follow a continuous distribution (Kolmogorov-Smirnov test).

    The bound is that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990), which holds for any number.
    """
    ordered = draws.detach().flatten().double().sort().values
    if not torch.isfinite(ordered).all():
        return False
    n, expected = len(ordered), cdf(ordered)
    reached = torch.arange(n + 1, dtype=torch.double) / n
    distance = torch.maximum(reached[1:] - expected, expected - reached[:-1]).max()
    return bool(distance <= math.sqrt(math.log(2 / FALSE_ALARM) / (2 * n)))


def is_standard_normal(draws: Tensor) -> bool:
    """Whether draws, all together, have mean 0, standard deviation 1 and the shape of a normal distribution."""
    return follows(draws, normal_cdf)


def standardised(draws: Tensor) -> bool:
    """Whether independent normal draws have mean 0 and standard deviation 1: finds a wrong scale before `follows` does.

    By the normal approximation of both, whose standard errors are 1 / sqrt(n) and 1 / sqrt(2 n).
    """
    values = draws.detach().flatten().double()
    bound = math.sqrt(2 * math.log(4 / FALSE_ALARM) / len(values))
    return bool(values.mean().abs() <= bound and (values.std() - 1).abs() <= bound / math.sqrt(2))


def varies(draws: Tensor, dim: int) -> bool:
    """Whether draws differ along an axis, at more than one position: False if one number is repeated along the axis."""
    first = draws.narrow(dim, 0, 1)
    return bool((draws - first).abs().max() > 1e-4 * draws.abs().max())


def correlated(draws: Tensor) -> bool:
    """Whether columns are correlated more than by chance.   (N, D), N at least 1,000"""
    n, width = draws.shape
    correlation = torch.corrcoef(draws.detach().double().T).fill_diagonal_(0)
    pairs = width * (width - 1)
    return bool(correlation.abs().max() > math.sqrt(2 * math.log(2 * pairs / FALSE_ALARM) / n))


def repeated(draws: Tensor) -> bool:
    """Whether numbers repeat, such as one row of noise for every second example."""
    values = draws.detach().flatten().float()
    return len(values.round(decimals=5).unique()) < 0.75 * len(values)
