import pytest
import torch
from torch import nn

from mmcourse.exercises.answers import Answer, NotRight
from mmcourse.exercises.properties import NetworkState, expect_dtype_kept

CASE = (torch.rand(3), 2, [torch.rand(2)])


def test_a_result_in_the_type_of_its_arguments_passes():
    expect_dtype_kept(Answer(lambda x, n, more: (n * x, x.sum())), CASE)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, n, more: x.float(), "the result is torch.float32"),
        (lambda x, n, more: (x, torch.zeros(n)), "the result is torch.float32"),
        (lambda x, n, more: torch.eye(3) @ x, "for float64 it stops"),
    ],
)
def test_a_result_of_another_type_is_refused(function, words):
    with pytest.raises(NotRight, match=words):
        expect_dtype_kept(Answer(function), CASE)


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_a_network_that_was_only_looked_at_is_as_it_was(network):
    state = NetworkState(network.eval())
    network(torch.rand(4, 2)).sum()
    assert not state.values_changed() and not state.gradients_changed()
    state.expect_settings_kept("network")


def test_parameters_buffers_and_gradients_are_noticed(network):
    state = NetworkState(network)
    network(torch.rand(4, 2))  # running statistics
    assert state.values_changed() and not state.gradients_changed()
    network(torch.rand(4, 2)).sum().backward()
    assert state.gradients_changed()
    state = NetworkState(network)
    network.zero_grad()
    assert state.gradients_changed() and not state.values_changed()


def test_mode_and_frozen_parameters_are_noticed(network):
    state = NetworkState(network)
    network[1].eval()
    with pytest.raises(NotRight, match="another mode"):
        state.expect_settings_kept("network")
    network.train()
    network[0].requires_grad_(False)
    with pytest.raises(NotRight, match="`network` is left with frozen parameters"):
        state.expect_settings_kept("network")
