"""The cause of a failure in the model, where the layer that failed shows it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import fit, predict

X, Y = torch.rand(12, 1, 8, 8), torch.arange(12) % 2
TOKENS = torch.arange(60).view(12, 5) % 9 + 1


def linear(outputs=2):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def convolution(channels=1):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.Flatten(), nn.Linear(144, 2))


def embedding():
    return nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(20, 2))


class ByHand(nn.Module):
    """No layer of torch.nn takes the inputs."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64, 2))

    def forward(self, x):
        return x.flatten(1) @ self.weight


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(8, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.lstm(x[:, 0]))


def message(model, x=X, y=Y, loss=F.cross_entropy) -> str:
    with pytest.raises(ValueError) as caught:
        fit(model, Batches(x, y, size=12, shuffle=False), loss=loss, verbose=False)
    return str(caught.value)


def cause(*args, **options) -> str:
    return message(*args, **options).partition("Likely cause: ")[2]


@pytest.mark.parametrize("build", [linear, convolution, ByHand])
@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        (torch.uint8, "images.float() / 255"),
        (torch.float64, "NumPy's default type, made float32 by tensor.float()"),
        (torch.int64, "tensor.float()"),
        (torch.float16, "tensor.float()"),
        (torch.bool, "tensor.float()"),
    ],
)
def test_inputs_of_another_type(build, kind, advice):
    text = cause(build(), (X * 255).to(kind))
    assert "the weights are float32" in text and str(kind).removeprefix("torch.") in text and advice in text
    assert "flatten" not in text


def test_weights_of_another_type():
    assert "the weights are float64 and its input float32" in cause(linear().double()) and "model.float()" in cause(
        linear().double()
    )


@pytest.mark.parametrize(
    ("model", "x", "words"),
    [
        (nn.Linear(64, 2), X, "not flattened: x.flatten(1)"),
        (
            linear(),
            torch.rand(12, 1, 9, 9),
            "a linear layer for 64 features, and the last axis holds 81: nn.Linear(81, 2)",
        ),
        (nn.Linear(10, 2), X, "10 features, and the last axis holds 8 (64 if each example were flattened)"),
        (convolution(), X[:, 0], "no channel axis; it takes (B, C, H, W)"),
        (convolution(), X[:, 0], "x[:, None]"),
        (convolution(), X.flatten(1), "2 axes, where it takes (B, C, H, W)"),
        (convolution(3), X, "made for 3 channels, and got 1 on axis 1"),
        (
            convolution(3),
            torch.rand(12, 8, 8, 3),
            "channels on the last axis, and it takes (B, C, H, W): x.permute(0, 3, 1, 2)",
        ),
        (nn.Conv1d(4, 2, 3), torch.rand(12, 9, 4), "x.permute(0, 2, 1)"),
        (
            nn.Sequential(nn.MaxPool2d(4), nn.Conv2d(1, 4, 3)),
            X,
            "kernel is larger than what the layers before it leave",
        ),
        (nn.BatchNorm1d(10), X.flatten(1), "normalises 10 channels, and got 64 on axis 1"),
        (
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(0), nn.Unflatten(0, (1, 12)), nn.BatchNorm1d(12)),
            X,
            "a single value for each channel",
        ),
        (nn.LSTM(10, 2), X[:, 0], "takes 10 features for each step, and the last axis holds 8"),
        (Reader(), X, "nn.LSTM return (outputs, state)"),
        (nn.Linear(64, 2), X.flatten(1)[:, 0], "a single axis, where it takes (B, 64)"),
        (nn.Linear(64, 2), X.flatten(1) + 0j, "its input complex64; for magnitudes: tensor.abs()"),
        (embedding(), TOKENS.float(), "integers (int64), and these are float32: tokens.long()"),
        (embedding(), TOKENS + 0.5, "and these are float32"),
        (embedding(), TOKENS.byte(), "uint8: tokens.long()"),
        (embedding(), TOKENS + 5, "tokens run from 6 to 14, and this embedding has rows only for 0 to 9"),
        (embedding(), TOKENS - 3, "tokens run from -2 to 6"),
    ],
)
def test_shapes_that_a_layer_does_not_take(model, x, words):
    assert words in cause(model, x)


def test_the_layer_is_named_with_what_it_got():
    text = message(linear(), torch.rand(12, 1, 9, 9))
    assert "The model could not take inputs of shape (12, 1, 9, 9) float32. It failed in layer '1', Linear(" in text
    assert "in_features=64" in text and "which got (12, 81) float32" in text and "RuntimeError: mat1 and mat2" in text


def test_another_number_of_inputs():
    class Two(nn.Linear):
        def forward(self, image, words):
            return image

    assert "forward(image, words) of Two takes 2 inputs and was given 1; the last tensor" in cause(Two(1, 1))
    with pytest.raises(
        ValueError, match=r"predict: .*forward\(image, words\) of Two takes 2 inputs and was given 1\. "
    ):
        predict(Two(1, 1), X)


def test_assertions_of_pytorch_alone_are_explained():
    text = message(nn.Sequential(nn.Flatten(2), nn.TransformerEncoderLayer(16, 2, batch_first=True)))
    assert "layer '1.self_attn', MultiheadAttention" in text and "takes 16 features for each token" in text

    class Asserting(nn.Linear):
        def forward(self, x):
            raise AssertionError("x must be flat")

    with pytest.raises(AssertionError, match="^x must be flat$"):
        fit(Asserting(1, 1), Batches(X, Y))


def test_without_a_verified_cause_none_is_named():
    class Odd(nn.Linear):
        def forward(self, x):
            return x.flatten(1) @ torch.ones(3, 2)

    text = message(Odd(1, 1))
    assert text.startswith(
        "The model failed on inputs of shape (12, 1, 8, 8) float32. The error was RuntimeError: mat1"
    )
    with pytest.raises(ValueError) as caught:
        fit(Reading(1, 1), [(["a", "b"], Y[:2])])
    assert "inputs of shape [str, str]. The error was RuntimeError: no such word" in str(caught.value)
    with pytest.raises(AttributeError, match="no attribute 'head'"):
        fit(type("Forgotten", (nn.Linear,), {"forward": lambda self, x: self.head(x)})(1, 1), Batches(X, Y))


class Reading(nn.Linear):
    """A model that takes texts."""

    def forward(self, texts):
        raise RuntimeError("no such word")
