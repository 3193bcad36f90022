"""Outputs and targets that fit only by broadcasting are an error, and nothing else is."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import evaluate, fit
from mmcourse.training.broadcasting import cross

X, Y = torch.randn(12, 4), torch.randn(12)


def use(loss, target=Y, outputs=1, size=6):
    torch.manual_seed(0)
    model = nn.Linear(4, outputs) if outputs else nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    batches = Batches(X, target, size=size)
    return fit(model, batches, loss=loss, metrics=()), evaluate(model, batches, loss, metrics=())


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize(
    "loss",
    [
        F.mse_loss,
        nn.L1Loss(),
        lambda outputs, target: F.smooth_l1_loss(outputs, target),
        lambda outputs, target: ((outputs - target) ** 2).mean(),
        lambda outputs, target: (target - outputs.sigmoid()).abs().mean(),
        lambda outputs, target: torch.nn.functional.huber_loss(input=outputs, target=target.double().float()),
    ],
)
@pytest.mark.parametrize(("outputs", "target"), [(1, Y), (None, Y[:, None])])
def test_a_broadcast_loss_is_refused(loss, outputs, target):
    shapes = r"\(6, 1\).*\(6,\)" if outputs else r"\(6,\).*\(6, 1\)"
    with pytest.raises(ValueError, match=f"^The loss compared outputs of shape {shapes}.*squeeze"):
        use(loss, target, outputs)
    with pytest.raises(ValueError, match="^The loss compared outputs"):
        evaluate(nn.Linear(4, 1), Batches(X, Y, size=6), F.mse_loss)


@pytest.mark.parametrize(
    "loss",
    [
        lambda outputs, target: F.mse_loss(outputs.squeeze(1), target),
        lambda outputs, target: F.mse_loss(outputs[:, 0], target),
        lambda outputs, target: F.mse_loss(outputs.view(-1), target),
        lambda outputs, target: F.mse_loss(outputs, target[:, None]),
        lambda outputs, target: F.binary_cross_entropy_with_logits(outputs.flatten(), (target > 0).float()),
        lambda outputs, target: F.softplus(
            outputs * (target.unsqueeze(1) < target).float().mean(1, keepdim=True)
        ).mean(),
    ],
)
def test_a_loss_that_brings_them_to_one_shape_is_left_alone(loss):
    history, figures = use(loss)
    assert history.steps == 2 and figures["loss"] >= 0


def test_one_class_and_pictures_without_their_channel():
    with pytest.raises(ValueError, match="one output for each class.*binary_cross_entropy_with_logits"):
        use(F.cross_entropy, torch.zeros(12, dtype=torch.int64))
    images = torch.randn(12, 5, 5)
    with pytest.raises(ValueError, match=r"\(6, 1, 5, 5\).*\(6, 5, 5\)"):
        fit(nn.Conv2d(1, 1, 3, padding=1), Batches(images[:, None], images, size=6), loss=F.mse_loss, metrics=())


@pytest.mark.parametrize(
    ("outputs", "target", "expected"),
    [
        ((6, 1), (6,), True),
        ((6,), (6, 1), True),
        ((1, 1), (1,), False),
        ((6, 3), (6,), False),
        ((6, 6), (6,), False),
        ((6, 3, 5), (6, 5), False),
        ((6, 1, 5), (6, 5), True),
        ((6, 1), (1, 6), True),
        ((6, 1), (6, 1), False),
        ((), (6,), False),
    ],
)
def test_which_shapes_are_broadcast_both(outputs, target, expected):
    a, b = torch.zeros(outputs), torch.zeros(target)
    assert cross(a, b) == expected
    if expected:
        assert (a + b).numel() > max(a.numel(), b.numel())
    assert not cross({"a": a}, b) and not cross(a, [b])


@pytest.mark.parametrize("metric", [lambda outputs, target: ((outputs > 0) == (target > 0)).float().mean(), F.l1_loss])
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_broadcast_metric_is_refused(metric):
    def loss(outputs, target):
        return F.mse_loss(outputs.squeeze(1), target)

    with pytest.raises(ValueError, match=r"^metric 'close' compared outputs of shape \(6, 1\).*\(6,\)"):
        fit(nn.Linear(4, 1), Batches(X, Y, size=6), loss=loss, metrics={"close": metric})
    with pytest.raises(ValueError, match="^metric 'close' compared outputs"):
        evaluate(nn.Linear(4, 1), Batches(X, Y, size=6), metrics={"close": metric})
    metrics = {"close": lambda outputs, target: metric(outputs.squeeze(1), target)}
    assert evaluate(nn.Linear(4, 1), Batches(X, Y, size=6), metrics=metrics)["close"] >= 0
