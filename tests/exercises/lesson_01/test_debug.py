import torch
from torch import nn

from mmcourse.exercises.checks import judge


def network(*end, n=None, batch_norm=False):
    def fixed(n_classes):
        layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU()]
        if batch_norm:
            layers.insert(1, nn.BatchNorm2d(8))
        return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, n or n_classes), *end)

    return fixed


class Network(nn.Module):
    """A network whose end is a function."""

    def __init__(self, n_classes, end=lambda logits, self: logits):
        super().__init__()
        self.convolution, self.end = nn.Conv2d(3, 8, 5), end
        self.head = nn.Linear(8, n_classes)

    def forward(self, images):
        return self.end(self.head(self.convolution(images).relu().amax((2, 3))), self)


def ending(end):
    return lambda n_classes: Network(n_classes, end)


class ByColumns(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.convolution = nn.Conv2d(3, n_classes, 5)

    def forward(self, images):
        return self.convolution(images).amax((2, 3))


class NoForward(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.convolution = nn.Conv2d(3, n_classes, 5)


class Unused(Network):
    def __init__(self, n_classes):
        super().__init__(n_classes)
        self.forgotten = nn.Linear(3, 3)


def dense(n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, n_classes))


def frozen(n_classes):
    model = Network(n_classes)
    model.convolution.requires_grad_(False)
    return model


def softmax_by_hand(logits, self):
    powers = logits.exp()
    return powers / powers.sum(1, keepdim=True)


def test_fixed(judged):
    judged(
        "01.debug",
        {
            "sequential": network(),
            "batch norm": network(batch_norm=True),
            "module": Network,
            "maximum of maps": ByColumns,
            "log_softmax": network(nn.LogSoftmax(dim=1)),
            "normalised": network(nn.Identity()),
        },
        {
            "softmax": (network(nn.Softmax(dim=1)), "every row of the output sums to 1"),
            "by hand": (ending(softmax_by_hand), None),
            "over the batch": (network(nn.Softmax(dim=0)), "every column"),
            "sigmoid": (network(nn.Sigmoid()), "stay between 0 and 1"),
            "tanh": (network(nn.Tanh()), "stay between -1 and 1"),
            "relu": (network(nn.ReLU()), "ever negative"),
            "evaluation only": (
                ending(lambda logits, self: logits if self.training else logits.softmax(1)),
                "in evaluation mode alone",
            ),
            "training only": (
                ending(lambda logits, self: logits.softmax(1) if self.training else logits),
                "in training mode alone",
            ),
            "fixed classes": (network(n=14), "is `n_classes` used"),
            "chosen": (ending(lambda logits, self: logits.argmax(1)), "those are chosen classes"),
            "detached": (ending(lambda logits, self: logits.detach()), "no gradient leaves the output"),
            "squeezed": (ending(lambda logits, self: logits.squeeze()), "does a `squeeze`"),
            "frozen": (frozen, "is frozen"),
            "unused": (Unused, "no gradient reaches `forgotten"),
            "dense": (dense, "no `nn.Conv2d` left"),
            "no parameters": (lambda n: nn.Sequential(nn.Flatten(), nn.Softmax(1)), "no parameters left"),
            "class": (lambda n: Network, "returned a class"),
            "loss": (lambda n: nn.CrossEntropyLoss(), None),
            "tensor": (lambda n: torch.randn(5, n), "returned a Tensor"),
            "maps": (lambda n: nn.Conv2d(3, n, 3), "pool or flatten the maps"),
            "no forward": (NoForward, "missing the required"),
            "softmax plus one": (ending(lambda logits, self: logits.softmax(1) + 1), None),
        },
        draws=3,
    )


def test_a_model_in_place_of_the_function_is_named():
    verdict = judge("01.debug", Network(14))
    assert verdict.state == "wrong" and "this is a model" in verdict.message


def test_log_softmax_is_right_with_a_remark_since_it_changes_nothing():
    logits, targets = torch.randn(6, 9), torch.randint(0, 9, (6,))
    once = nn.functional.cross_entropy(logits, targets)
    torch.testing.assert_close(nn.functional.cross_entropy(logits.log_softmax(1), targets), once)
    assert "log-probabilities" in judge("01.debug", network(nn.LogSoftmax(dim=1))).message
    assert "log-probabilities" not in judge("01.debug", network()).message
