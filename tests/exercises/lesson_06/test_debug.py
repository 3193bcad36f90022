import pytest
import torch
from torch import nn

from mmcourse.exercises.checks import judge


class Buggy(nn.Module):
    def __init__(self, n_inputs, code):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, n_inputs))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, codes):
        return self.decoder(codes.reshape(-1, self.decoder[0].in_features))

    def forward(self, x):
        return self.decode(self.encode(x))[: len(x)]


class Fixed(Buggy):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.encoder[2] = nn.Linear(64, code)

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, x):
        return self.decode(self.encode(x))


class LeftOver(Buggy):
    """The `reshape` and the cut are still there, and do nothing."""

    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.encoder[2] = nn.Linear(64, code)


class Functional(nn.Module):
    def __init__(self, n_inputs, code):
        super().__init__()
        self.a, self.b = nn.Linear(n_inputs, 50), nn.Linear(50, code)
        self.c, self.d = nn.Linear(code, 50), nn.Linear(50, n_inputs)

    def encode(self, x):
        return self.b(torch.tanh(self.a(x)))

    def decode(self, codes):
        return torch.sigmoid(self.d(torch.relu(self.c(codes))))

    def forward(self, x):
        return self.decode(self.encode(x))


class Normalised(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.encoder[1] = nn.Sequential(nn.BatchNorm1d(64), nn.ReLU(inplace=True), nn.Dropout(0.1))


class OneMoreLayer(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.encoder = nn.Sequential(*Buggy(n_inputs, code).encoder, nn.ReLU(), nn.Linear(2 * code, code))


def wrapper(n_inputs, code):
    """A function is as good as a class."""
    return Fixed(n_inputs, code)


class BothWide(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, 2 * code)


class CutOff(Buggy):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.code = code

    def encode(self, x):
        return self.encoder(x)[:, : self.code]


class EverySecondRow(Buggy):
    def forward(self, x):
        return self.decode(self.encode(x))[::2]


class NoLastLayer(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.decoder = self.decoder[:2]


class Written(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(784, 32)


class WrittenCode(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, 6)


class Rows(Fixed):
    """The mean of the rows of every code takes the batch with it."""

    def forward(self, x):
        codes = self.encode(x)
        return self.decode(codes - codes.mean(0))


class Detached(Fixed):
    def forward(self, x):
        return self.decode(self.encode(x).detach())


class Squeezed(Fixed):
    def encode(self, x):
        return self.encoder(x).squeeze()

    def forward(self, x):
        return self.decode(self.encoder(x))


class Without(nn.Module):
    def __init__(self, n_inputs, code):
        super().__init__()
        self.layers = Fixed(n_inputs, code)

    def forward(self, x):
        return self.layers(x)


class List(Fixed):
    def __init__(self, n_inputs, code):
        super().__init__(n_inputs, code)
        self.hidden = [nn.Linear(code, code)]

    def encode(self, x):
        return self.hidden[0](self.encoder(x))


class Noisy(Fixed):
    def forward(self, x):
        return self.decode(self.encode(x) + 0.1 * torch.randn(len(x), 1))


class OtherForward(Fixed):
    def forward(self, x):
        return self.decode(2 * self.encode(x))


class Flipped(Fixed):
    def forward(self, x):
        return super().forward(x).flip(0)


class NoDecoder(Fixed):
    def forward(self, x):
        return 0 * super().forward(x)


class NoSuper(nn.Module):
    def __init__(self, n_inputs, code):
        self.encoder = nn.Linear(n_inputs, code)


class Reshaped(Buggy):
    """Two rows for each example, and no cut."""

    def forward(self, x):
        return self.decode(self.encode(x))


class EverySecondNumber(Buggy):
    def encode(self, x):
        return self.encoder(x)[:, ::2]


class WrittenBatch(LeftOver):
    def encode(self, x):
        return self.encoder(x).reshape(64, -1)


class MeanOfHalves(Buggy):
    """Wasteful, and right."""

    def encode(self, x):
        return self.encoder(x).unflatten(1, (2, -1)).mean(1)


class NoReshape(Buggy):
    def decode(self, codes):
        return self.decoder(codes)


class FourRows(Fixed):
    def forward(self, x):
        return super().forward(x)[:4]


class FirstRows(Buggy):
    def encode(self, x):
        return self.encoder(x).reshape(-1, self.decoder[0].in_features)[: len(x)]


class NotDecoded(Fixed):
    def forward(self, x):
        return self.encode(x)


def test_fixed_autoencoder(judged):
    judged(
        "06.debug",
        {
            "fixed": Fixed,
            "left over": LeftOver,
            "functional": Functional,
            "normalised": Normalised,
            "one more layer": OneMoreLayer,
            "wrapper": wrapper,
            "mean of halves": MeanOfHalves,
        },
        {
            "buggy": (Buggy, "changes with example i // 2"),
            "reshaped": (Reshaped, "there are two rows for each example"),
            "every second number": (EverySecondNumber, None),
            "written batch size": (WrittenBatch, None),
            "no reshape": (NoReshape, None),
            "four rows": (FourRows, "there are 4 rows for a batch of 10 too"),
            "first rows": (FirstRows, None),
            "both wide": (BothWide, "the code is twice as wide as asked"),
            "cut off": (CutOff, "is computed and then cut off"),
            "every second row": (EverySecondRow, None),
            "no last layer": (NoLastLayer, "the result of a layer inside the network"),
            "not decoded": (NotDecoded, "that is as wide as the code; `forward` decodes it"),
            "written": (Written, "f the four numbers, the second is the width that comes"),
            "written code": (WrittenCode, "whatever `code` is"),
            "mean over the batch": (Rows, "the rows of a batch are mixed"),
            "detached": (Detached, "no gradient reaches `encoder.0.weight`"),
            "squeezed": (Squeezed, "a batch of one keeps its axis"),
            "without methods": (Without, "has no method `encode`"),
            "list": (List, "is not among the model's parameters"),
            "noisy": (Noisy, "what is random in `forward`"),
            "other forward": (OtherForward, "does not give what `decode(encode(x))` gives"),
            "flipped": (Flipped, None),
            "constant": (NoDecoder, "the decoder does not get the code"),
            "no super": (NoSuper, "`super().__init__()` comes first"),
            "a model": (Fixed(30, 4), "hand in the class itself"),
        },
        draws=2,
    )


def test_a_stub_of_the_class_is_no_try():
    class Stub(nn.Module):
        def __init__(self, n_inputs, code):
            super().__init__()
            # YOUR CODE HERE
            raise NotImplementedError()

        def forward(self, x):
            # YOUR CODE HERE
            raise NotImplementedError()

    assert judge("06.debug", Stub).state == "untried"


@pytest.mark.parametrize("kind", [Fixed, Functional, OneMoreLayer])
def test_no_right_model_is_refused_for_its_first_weights(kind):
    assert all(judge("06.debug", kind) for _ in range(25))


def test_a_method_left_as_a_stub_is_named():
    class HalfDone(Fixed):
        def __init__(self, n_inputs, code):
            super().__init__(n_inputs, code)
            self.code = code

        def decode(self, codes):
            # YOUR CODE HERE
            raise NotImplementedError()

    assert "`decode` is still to do" in judge("06.debug", HalfDone).message
