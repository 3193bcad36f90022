"""The cause of a failure in the loss, where outputs and target show it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import evaluate, fit

X, Y = torch.rand(12, 1, 8, 8), torch.arange(12) % 2


def linear(outputs=2):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def column():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))


def message(model, y=Y, loss=F.cross_entropy) -> str:
    with pytest.raises(ValueError) as caught:
        fit(model, Batches(X, y, size=12, shuffle=False), loss=loss, verbose=False)
    return str(caught.value)


def cause(*args, **options) -> str:
    return message(*args, **options).partition("Likely cause: ")[2]


@pytest.mark.parametrize(
    ("target", "loss", "words"),
    [
        (Y.int(), F.cross_entropy, "classes of type int32; cross_entropy takes int64 (target.long())"),
        (Y.short(), F.cross_entropy, "classes of type int16"),
        (Y.bool(), F.cross_entropy, "classes of type bool"),
        (Y.double(), F.cross_entropy, "classes given as floats; cross_entropy takes them as int64 (target.long())"),
        (F.one_hot(Y), F.cross_entropy, "a one-hot target of type int64: target.argmax(1)"),
        (Y[:, None], F.cross_entropy, "target.squeeze(1))"),
        (Y[:, None].float(), F.cross_entropy, "target.squeeze(1).long()"),
        (torch.ones(12, 2).long(), F.cross_entropy, "the probability of each class, and these are int64"),
        (torch.ones(12, 3).long(), F.cross_entropy, "cross_entropy takes scores (B, K, ...) and classes (B, ...)"),
        (Y, lambda out, y: F.cross_entropy(y, out), "outputs and target swapped in the loss"),
        (
            Y + 1,
            F.cross_entropy,
            "classes from 1 to 2, and the model has outputs only for 0 to 1; classes are counted from 0",
        ),
        (Y + 5, F.cross_entropy, "classes from 5 to 6"),
        (Y - 1, F.cross_entropy, "classes from -1 to 0"),
        (Y.int(), lambda out, y: F.nll_loss(out.log_softmax(1), y), "nll_loss takes int64"),
        (Y, F.mse_loss, "class numbers, which mse_loss cannot compare with a score for each class: F.cross_entropy"),
        (torch.rand(12, 3), F.mse_loss, "mse_loss takes outputs and target of one shape"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_targets_that_a_loss_does_not_take(target, loss, words):
    assert words in cause(linear(), y=target, loss=loss)
    with pytest.raises(ValueError, match="evaluate: The loss could not compare"):
        evaluate(linear(), Batches(X, target), loss)


@pytest.mark.parametrize(
    ("model", "target", "loss", "words"),
    [
        (
            nn.Sequential(nn.Flatten(1, 2), nn.Linear(8, 1)),
            torch.zeros(12, 8),
            F.binary_cross_entropy_with_logits,
            "outputs.squeeze(-1)",
        ),
        (column(), Y, F.binary_cross_entropy_with_logits, "target.float()"),
        (column(), Y.bool(), F.binary_cross_entropy_with_logits, "a target of type bool where the loss takes floats"),
        (column(), Y.bool(), F.l1_loss, "a target of type bool where the loss takes floats"),
        (column(), Y.float(), lambda out, y: F.binary_cross_entropy(out * 9, y), "not probabilities"),
        (nn.Sequential(column(), nn.Sigmoid()), Y + 1.0, F.binary_cross_entropy, "a target from 1 to 2"),
        (
            nn.Sequential(nn.Flatten(0, 2), nn.Linear(8, 2)),
            Y,
            F.cross_entropy,
            "outputs for 96 examples and a target for 12: the model",
        ),
        (nn.Linear(8, 3), torch.zeros(12, 1, 8).long(), F.cross_entropy, "transpose(1, -1)"),
        (nn.Sequential(nn.Flatten(2), nn.LSTM(64, 2)), Y, F.cross_entropy, "the model returns a tuple"),
    ],
)
def test_outputs_that_a_loss_does_not_take(model, target, loss, words):
    assert words in cause(model, y=target, loss=loss)


def test_a_model_that_returns_nothing():
    class Silent(nn.Linear):
        def forward(self, x):
            super().forward(x.flatten(1))

    assert "forward() without return" in cause(Silent(64, 2))


def test_classes_where_scores_are_expected():
    class Decided(nn.Linear):
        def forward(self, x):
            return super().forward(x.flatten(1)).argmax(1)

    assert "int64 and holds no scores: an argmax in the model" in cause(Decided(64, 2))


def test_a_batch_of_other_numbers_of_inputs_and_targets():
    with pytest.raises(ValueError, match="outputs for 12 examples and a target for 5: the batch itself"):
        fit(linear(), [(X, Y[:5])])


def test_without_a_verified_cause_none_is_named():
    text = message(linear(), loss=lambda out, y: out[:, 7].mean())
    assert "Likely cause" not in text and "The error was IndexError: index 7" in text
    text = message(Several(64, 2), loss=lambda outputs, y: F.cross_entropy(outputs[2], y))
    assert "Likely cause" not in text and "The error was IndexError: tuple index out of range" in text
    assert "the model returns a tuple" in cause(Several(64, 2), loss=lambda outputs, y: (outputs.argmax(1) == y).sum())
    with pytest.raises(KeyError, match="head"):
        fit(linear(), [(X, {"class": Y})], loss=lambda outputs, target: F.cross_entropy(outputs, target["head"]))
    with pytest.raises(ValueError, match="^class 7 is not known$"):
        fit(linear(), Batches(X, Y), loss=refuse)


class Several(nn.Linear):
    def forward(self, x):
        outputs = super().forward(x.flatten(1))
        return outputs, outputs


def refuse(outputs, target):
    raise ValueError("class 7 is not known")
