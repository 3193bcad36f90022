"""Diagrams of flow matching: the velocity that they draw is the one that training would find."""

import numpy as np
import pytest

from mmcourse.show import diagrams
from mmcourse.show.diagrams.plane import euler_path, velocities

CENTRES, SPREAD = np.array([[2.0, 1.0], [-1.0, 2.0], [0.5, -2.5]]), 0.3


@pytest.mark.parametrize("t", [0.0, 0.4, 0.9])
def test_the_velocity_to_one_cluster_is_that_between_two_gaussians(t):
    x, centre = np.random.default_rng(0).standard_normal((5, 2)), CENTRES[:1]
    growth = (t * SPREAD**2 - (1 - t)) / ((1 - t) ** 2 + (t * SPREAD) ** 2)
    assert np.allclose(velocities(x, t, centre, SPREAD), centre + growth * (x - t * centre))


def test_the_velocity_is_the_mean_over_pairs_that_pass_a_point():
    rng, t, x = np.random.default_rng(0), 0.5, np.array([[0.3, 0.6]])
    noise = rng.standard_normal((400_000, 2))
    data = CENTRES[rng.integers(3, size=len(noise))] + SPREAD * rng.standard_normal(noise.shape)
    passing = np.linalg.norm((1 - t) * noise + t * data - x, axis=1) < 0.1
    assert passing.sum() > 1_000
    error = (data - noise)[passing].std(0) / passing.sum() ** 0.5
    assert np.all(np.abs((data - noise)[passing].mean(0) - velocities(x, t, CENTRES, SPREAD)[0]) < 5 * error + 0.02)


def test_more_euler_steps_end_nearer_to_the_data():
    noise = np.random.default_rng(1).standard_normal((200, 2))
    distances = []
    for steps in (1, 4, 50):
        path = euler_path(noise, CENTRES, SPREAD, steps)
        assert path.shape == (steps + 1, 200, 2) and np.array_equal(path[0], noise)
        distances.append(np.linalg.norm(path[-1][:, None] - CENTRES[None], axis=2).min(1).mean())
    assert distances[0] > distances[1] > distances[2]
    assert distances[2] == pytest.approx(SPREAD * (np.pi / 2) ** 0.5, rel=0.2)  # mean length of a 2-D Gaussian's vector


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagrams.flow_matching(steps=0), "steps is 0"),
        (lambda: diagrams.guidance(1.0), "1.5 to 5"),
        (lambda: diagrams.conditional_gan("image"), "'class' or 'sentence'"),
    ],
)
def test_bad_input_gets_a_clear_error(call, message, shown):
    with pytest.raises(ValueError, match=message):
        call()
    assert not shown
