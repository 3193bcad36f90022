import pytest
import torch
from torch import nn

from mmcourse.exercises.answers import Answer, Mistake
from mmcourse.exercises.properties import (
    NetworkState,
    expect_alone_as_in_batch,
    expect_dtype_kept,
    expect_no_overflow,
    expect_order_of_no_effect,
    expect_right_when_large,
    expect_same_again,
    expect_without,
    ignored,
    mixed_examples,
    size_written,
)

CASE = (torch.rand(3), 2, [torch.rand(2)])


def test_a_result_in_the_type_of_its_arguments_passes():
    expect_dtype_kept(Answer(lambda x, n, more: (n * x, x.sum())), CASE)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, n, more: x.float(), "the result is torch.float32"),
        (lambda x, n, more: (x, torch.zeros(n)), "the result is torch.float32"),
        (lambda x, n, more: torch.eye(3) @ x, "it fails for float64"),
    ],
)
def test_a_result_of_another_type_is_refused(function, words):
    with pytest.raises(Mistake, match=words):
        expect_dtype_kept(Answer(function), CASE)


def test_a_result_in_float64_for_float32_is_refused():
    with pytest.raises(Mistake, match="for float32 tensors the result is torch.float64"):
        expect_dtype_kept(Answer(lambda x, n, more: x.double()), CASE)


def test_an_example_alone_gives_what_it_gives_in_a_batch():
    case = torch.rand(3, 2), torch.rand(3, 2)
    expect_alone_as_in_batch(lambda x, y: x * y.sum(1, keepdim=True), case, "mixed")
    with pytest.raises(Mistake, match="mixed"):
        expect_alone_as_in_batch(lambda x, y: x - x.mean(0), case, "mixed")


def test_an_argument_without_effect_is_ignored():
    assert ignored(Answer(lambda x, y: x), (torch.ones(2), torch.ones(2)), 1, torch.zeros(2))
    assert not ignored(Answer(lambda x, y: x + y), (torch.ones(2), torch.ones(2)), 1, torch.zeros(2))
    assert not ignored(Answer(lambda x, y: x / 0 if y is None else x), (1, 2), 1, None)


def test_large_arguments_that_overflow_are_refused():
    expect_no_overflow(lambda x: x.softmax(0), (torch.tensor([1e3, 0.0]),), "overflow")
    with pytest.raises(Mistake, match="overflow"):
        expect_no_overflow(lambda x: x.exp() / x.exp().sum(), (torch.tensor([1e3, 0.0]),), "overflow")


def test_large_scores_must_give_the_right_result():
    case, right = (torch.tensor([300.0, 301.0]),), lambda x: x.softmax(0)
    expect_right_when_large(lambda x: x.exp() / x.exp().sum() if x.max() < 80 else x.softmax(0), case, right)
    with pytest.raises(Mistake, match="overflows"):
        expect_right_when_large(lambda x: x.exp() / x.exp().sum(), case, right)
    with pytest.raises(Mistake, match="clamp"):
        expect_right_when_large(lambda x: x.clamp(max=50).softmax(0), case, right)


def test_complex_numbers_are_asked_in_double_precision_and_whole_numbers_are_not():
    case = (torch.polar(torch.ones(3), torch.rand(3)), torch.tensor([1, 2, 3]))
    expect_dtype_kept(Answer(lambda z, n: z * n), case)
    with pytest.raises(Mistake, match="the result is torch.complex64"):
        expect_dtype_kept(Answer(lambda z, n: (z * n).to(torch.complex64)), case)


def kept(x, seen=[]):  # noqa: B006
    seen.append(x)
    return len(seen)


@pytest.mark.parametrize("function", [kept, lambda x: torch.rand(3), lambda x: [torch.rand(2), 1]])
def test_a_second_call_that_differs_is_named(function):
    with pytest.raises(Mistake, match="a second call with the same arguments"):
        expect_same_again(Answer(function), (2,))


@pytest.mark.parametrize("function", [lambda x: [x, 1], lambda x: {"a": torch.ones(2)}, lambda x: (torch.ones(2), "b")])
def test_a_second_call_that_gives_the_same_passes(function):
    expect_same_again(Answer(function), (2,))


@pytest.mark.parametrize(
    "function", [torch.cumsum, lambda x, dim: x.cumsum(dim), lambda x, dim: x.abs().cumsum(dim=dim)]
)
def test_a_forbidden_function_is_noticed(function):
    expect_without(Answer(function), (torch.ones(3), 0), {"softmax"}, "no softmax")
    with pytest.raises(Mistake, match="no cumsum"):
        expect_without(Answer(function), (torch.ones(3), 0), {"cumsum"}, "no cumsum")


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
    with pytest.raises(Mistake, match="another mode"):
        state.expect_settings_kept("network")
    network.train()
    network[0].requires_grad_(False)
    with pytest.raises(Mistake, match="`network` is left with frozen parameters"):
        state.expect_settings_kept("network")


@pytest.mark.parametrize("mix", [torch.cumsum, lambda x, dim: x - x.mean(dim), lambda x, dim: x.reshape(3, 4).T])
def test_examples_that_others_change_are_named(mix):
    case = torch.rand(4, 3), 0.5
    assert "when the other examples" in mixed_examples(Answer(lambda x, a: a * mix(x, 0)), case, (0,))
    assert not mixed_examples(Answer(lambda x, a: a * x.cumsum(1)), case, (0,))


def test_the_batch_may_be_in_lists_of_tensors():
    case = ([torch.rand(2, 3), torch.rand(2, 3)],)
    assert mixed_examples(Answer(lambda pair: (pair[0], pair[1].sum(0).expand(2, 3))), case, (0,))
    assert not mixed_examples(Answer(lambda pair: (pair[0], pair[0] * pair[1])), case, (0,))


def test_an_example_alone_and_the_order_of_the_batch():
    case = torch.rand(4, 3), torch.rand(4, 3)
    for expect in (expect_alone_as_in_batch, expect_order_of_no_effect):
        expect(lambda x, y: x * y, case, "mixed")
        with pytest.raises(Mistake, match="mixed"):
            expect(lambda x, y: x.cumsum(0) * y, case, "mixed")
    expect_order_of_no_effect(lambda x, y: x - y.mean(0), case, "mixed")


def test_a_size_that_is_written_in_an_answer_is_found():
    assert size_written(lambda size: Answer(lambda x: x.reshape(32, 2))(torch.rand(size, 2))) == 32
    assert size_written(torch.rand) is None


def test_an_overflow_is_refused():
    expect_no_overflow(lambda x: (x.sigmoid(), [x]), (torch.tensor([1e4]),), "infinite")
    with pytest.raises(Mistake, match="infinite"):
        expect_no_overflow(lambda x: (x, [x.exp()]), (torch.tensor([1e4]),), "infinite")
