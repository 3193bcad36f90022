"""Flow matching: the closed form of the velocity, Euler's method, guidance, dropped conditions."""

import math

import pytest
import torch

from mmcourse.models.flow import (
    drop_conditions,
    euler,
    flow_matching_loss,
    flow_pair,
    guided,
    logit_normal_times,
)


def test_the_pair_lies_on_the_line_and_its_velocity_is_the_derivative():
    torch.manual_seed(0)
    noise, data, t = torch.randn(4, 2, 3, 3), torch.randn(4, 2, 3, 3), torch.tensor([0.0, 0.25, 0.5, 1.0])
    x, velocity = flow_pair(noise, data, t)
    assert torch.allclose(x[0], noise[0]) and torch.allclose(x[3], data[3])
    assert torch.allclose(x[1], 0.75 * noise[1] + 0.25 * data[1])
    later = flow_pair(noise, data, t + 0.25)[0]
    assert torch.allclose((later - x) / 0.25, velocity, atol=1e-5), "the direction of the line"
    assert torch.allclose(x + (1 - t)[:, None, None, None] * velocity, data, atol=1e-6), "the line ends at the data"


def test_wrong_shapes_are_told():
    a = torch.randn(4, 2)
    for noise, data, t in ((a, a[:3], torch.rand(4)), (a, a, torch.rand(4, 1)), (a, a, torch.tensor(0.5))):
        with pytest.raises(ValueError, match="one time for each example"):
            flow_pair(noise, data, t)


def test_euler_is_exact_for_a_constant_velocity():
    noise, velocity = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    for steps in (1, 7):
        assert torch.allclose(euler(lambda x, t: velocity, noise, steps), noise + velocity, atol=1e-5)


def test_euler_is_handed_the_start_of_each_step():
    seen = []

    def velocity(x, t):
        seen.append(t.tolist())
        return torch.zeros_like(x)

    euler(velocity, torch.zeros(2, 1), 4)
    assert seen == [[0.0, 0.0], [0.25, 0.25], [0.5, 0.5], [0.75, 0.75]]


def test_euler_by_its_own_formula_and_against_an_exact_solution():
    noise = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    assert torch.allclose(euler(lambda x, t: x, noise, 10), noise * 1.1**10)
    # dx/dt = cos(3t) - x has the solution (cos 3t + 3 sin 3t) / 10 + (x_0 - 1/10) e^-t
    exact = (math.cos(3) + 3 * math.sin(3)) / 10 + (noise - 0.1) * math.exp(-1)
    errors = [(euler(lambda x, t: (3 * t).cos()[:, None] - x, noise, n) - exact).abs().max() for n in (20, 40)]
    assert errors[1] < 0.55 * errors[0] < 0.05, "the error of Euler's method halves with the step"


@pytest.mark.parametrize("steps", [0, -1, 2.5, None])
def test_steps_are_whole(steps):
    with pytest.raises(ValueError, match="whole number"):
        euler(lambda x, t: x, torch.zeros(1, 1), steps)


def test_the_optimal_velocity_transports_one_normal_distribution_to_another():
    """Noise N(0, 1), data N(2, 1/4), independent: E[data - noise | x_t = x] in closed form, and where it leads."""
    torch.manual_seed(0)
    mean, std = 2.0, 0.5

    def optimal(x, t):
        t = t[:, None]
        variance = (1 - t) ** 2 + (t * std) ** 2
        return mean + (t * std**2 - (1 - t)) / variance * (x - t * mean)

    noise = torch.randn(4_000, 1)
    samples = euler(optimal, noise, 100)
    assert samples.mean().item() == pytest.approx(mean, abs=0.05) and samples.std().item() == pytest.approx(
        std, abs=0.05
    )
    data = mean + std * torch.randn(100_000, 1)
    t = torch.full((len(data),), 0.3)
    x, target = flow_pair(torch.randn_like(data), data, t)
    near = (x - 0.6).abs()[:, 0] < 0.05
    assert target[near].mean().item() == pytest.approx(optimal(torch.tensor([[0.6]]), t[:1]).item(), abs=0.1)


def test_the_loss_is_least_for_the_target_and_passes_gradients():
    torch.manual_seed(0)
    data = torch.randn(5, 2, 4, 4)
    # where all data are 0, the velocity is known from x_t = (1 - t) noise: it is -x_t / (1 - t)
    exact = flow_matching_loss(lambda x, t: -x / (1 - t)[:, None, None, None], torch.zeros_like(data))
    assert exact.item() == pytest.approx(0, abs=1e-9)
    scale = torch.ones((), requires_grad=True)
    handed = []

    def network(x, t, condition):
        handed.append((t.shape, condition))
        return scale * x

    flow_matching_loss(network, data, "sentence").backward()
    assert scale.grad is not None and handed == [((5,), "sentence")]


def test_times_are_logit_normal():
    for mean in (0.0, -0.5):
        t = logit_normal_times(20_000, mean, torch.Generator().manual_seed(0))
        assert t.min() > 0 and t.max() < 1
        assert torch.allclose(t.logit().std(), torch.tensor(1.0), atol=0.03)
        assert torch.allclose(t.logit().mean(), torch.tensor(mean), atol=0.03)


def test_guidance_goes_through_both_velocities():
    conditional, unconditional = torch.randn(2, 3), torch.randn(2, 3)
    assert torch.allclose(guided(conditional, unconditional, 1), conditional)
    assert torch.allclose(guided(conditional, unconditional, 0), unconditional)
    assert torch.allclose(guided(torch.tensor([2.0]), torch.tensor([1.0]), 3), torch.tensor([4.0]))
    with pytest.raises(ValueError, match="one shape"):
        guided(conditional, unconditional[:1], 2)
    with pytest.raises(ValueError, match="finite"):
        guided(conditional, unconditional, float("nan"))


def test_whole_sentences_are_dropped():
    torch.manual_seed(0)
    tokens = torch.randint(1, 9, (4_000, 6))
    before, dropped = tokens.clone(), drop_conditions(tokens, 0.25)
    empty = (dropped == 0).all(dim=1)
    assert torch.equal(tokens, before) and torch.equal(dropped[~empty], tokens[~empty])
    assert empty.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(drop_conditions(tokens, 0), tokens) and not drop_conditions(tokens, 1).any()
    assert torch.equal(drop_conditions(tokens, 1, empty=tokens[0]), tokens[:1].expand_as(tokens))
    with pytest.raises(ValueError, match="from 0 to 1"):
        drop_conditions(tokens, 1.5)
