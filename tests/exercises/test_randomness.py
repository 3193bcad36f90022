import random

import numpy as np
import pytest
import torch

from mmcourse.exercises.randomness import (
    as_often,
    correlated,
    follows,
    is_standard_normal,
    repeated,
    standardised,
    states_kept,
    uniform_cdf,
    varies,
)

N = 4_000


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize(
    "draws",
    [
        lambda: torch.randn(N, 5),
        lambda: torch.from_numpy(np.random.default_rng(1).standard_normal((N, 5))),
        lambda: torch.tensor([random.Random(2).gauss(0, 1) for _ in range(1)] + torch.randn(N - 1).tolist())[:, None],
        lambda: torch.distributions.Normal(0.0, 1.0).sample((N, 2)),
    ],
)
def test_normal_noise_of_any_generator(draws):
    assert is_standard_normal(draws()) and not repeated(draws())


@pytest.mark.parametrize(
    "draws",
    [
        torch.rand(N, 5),
        2 * torch.rand(N, 5) - 1,
        12**0.5 * (torch.rand(N, 5) - 0.5),
        1.1 * torch.randn(N, 5),
        torch.randn(N, 5) + 0.1,
        torch.zeros(N, 5),
        torch.randn(N, 5).abs(),
        torch.full((N, 5), torch.nan),
    ],
)
def test_other_distributions(draws):
    assert not is_standard_normal(draws)


def test_no_false_alarm_in_300_tries():
    assert all(is_standard_normal(torch.randn(500)) for _ in range(300))
    assert not any(correlated(torch.randn(1_000, 6)) for _ in range(300))


def test_a_small_error_of_scale_or_mean_is_found():
    noise = torch.randn(5 * N)
    assert not any(standardised(wrong) for wrong in (0.95 * noise, 1.05 * noise, noise + 0.06, noise.clamp(-1.5, 1.5)))
    assert all(standardised(torch.randn(500)) for _ in range(300))


def test_uniform():
    assert follows(torch.rand(N), uniform_cdf(0, 1)) and follows(6 * torch.rand(N) - 2, uniform_cdf(-2, 4))
    assert not follows(torch.rand(N), uniform_cdf(0, 1.2)) and not follows(torch.randn(N), uniform_cdf(0, 1))


def test_what_is_shared_does_not_vary():
    noise = torch.randn(N, 4)
    assert varies(noise, 0) and varies(noise, 1)
    assert not varies(torch.randn(1, 4).expand(N, 4), 0) and not varies(torch.randn(N, 1).expand(N, 4), 1)


def test_dependence_and_repetition():
    one = torch.randn(N, 1)
    assert correlated(torch.cat([one, one + 0.5 * torch.randn(N, 1)], 1)) and not correlated(torch.randn(N, 3))
    assert repeated(torch.randn(N // 2, 3).repeat(2, 1)) and not repeated(torch.randn(N, 3))


@pytest.mark.parametrize("count, probability, found", [(1000, 0.25, True), (1100, 0.25, True), (667, 0.25, False)])
def test_an_event_as_often_as_its_probability_says(count, probability, found):
    assert as_often(count, N, probability) is found and as_often(N - count, N, 1 - probability) is found
    assert as_often(0, N, 0.001) and not as_often(0, N, 0.01)


def test_states_are_left_as_they_were():
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    with states_kept():
        random.random(), np.random.rand(), torch.rand(1)
        torch.set_grad_enabled(False)
    assert torch.is_grad_enabled()
    drawn = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(3), np.random.seed(3), torch.manual_seed(3)
    assert drawn == (random.random(), np.random.rand(), torch.rand(1).item())
