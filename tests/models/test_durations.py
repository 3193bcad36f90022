"""Durations: expansion, its batch, rounding, the loss over real characters, and messages."""

import pytest
import torch

from mmcourse.models.durations import duration_loss, expand, expand_batch, whole_frames


def test_each_state_is_there_for_its_frames():
    states = torch.arange(6.0).reshape(3, 2)
    assert expand(states, torch.tensor([2, 0, 1])).tolist() == [[0, 1], [0, 1], [4, 5]]
    assert expand(states, torch.tensor([0, 0, 0])).shape == (0, 2)


def test_a_batch_is_its_rows():
    states = torch.randn(5, 4, 3)
    durations = torch.randint(0, 5, (5, 4), generator=torch.Generator().manual_seed(0))
    together, mask = expand_batch(states, durations)
    assert mask.sum(dim=1).tolist() == durations.sum(dim=1).tolist()
    for row, keep, one, times in zip(together, mask, states, durations, strict=True):
        assert torch.equal(row[keep], expand(one, times))
        assert (row[~keep] == 0).all()


def test_gradients_add_up_over_frames():
    states = torch.randn(1, 3, 2, requires_grad=True)
    expand_batch(states, torch.tensor([[3, 1, 0]]))[0].sum().backward()
    assert states.grad[0, :, 0].tolist() == [3, 1, 0]


def test_the_loss_compares_ratios_over_real_characters():
    durations, mask = torch.tensor([[2, 10, 0]]), torch.tensor([[True, True, False]])
    predicted = torch.tensor([[4.0, 20.0, 99.0]]).log()
    assert duration_loss(predicted, durations, mask).item() == pytest.approx(torch.tensor(2.0).log().square().item())
    assert duration_loss(durations.clamp(min=1).log(), durations, mask) == 0


def test_rounding_does_not_add_up():
    log_durations = torch.full((1, 8), 2.4).log()
    mask = torch.ones(1, 8, dtype=torch.bool)
    frames = whole_frames(log_durations, mask)
    assert frames.sum() == 19 and set(frames[0].tolist()) == {2, 3}
    assert whole_frames(log_durations - 9, mask).sum() == 1, "a word is never silent"
    mask[0, 4:] = False
    assert whole_frames(log_durations, mask)[0, 4:].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: expand(torch.ones(3, 2), torch.tensor([1, 2])), "a duration for each state"),
        (lambda: expand(torch.ones(2, 2), torch.tensor([1.5, 2.0])), "whole numbers"),
        (lambda: expand(torch.ones(2, 2), torch.tensor([1, -2])), "0 or more"),
        (lambda: duration_loss(torch.ones(1, 2), torch.ones(1, 3), torch.ones(1, 2).bool()), "three times"),
        (lambda: duration_loss(torch.ones(1, 2), torch.tensor([[1, 0]]), torch.ones(1, 2).bool()), "a frame or more"),
    ],
)
def test_what_does_not_fit_says_why(call, says):
    with pytest.raises(ValueError, match=says):
        call()
