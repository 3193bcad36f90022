from itertools import permutations

import pytest
import torch
from torch import nn

from mmcourse.exercises.checks import judge


def step(
    order="ifgo",
    gates=lambda x, h, W, U, b: x @ W.T + h @ U.T + b,
    cut=lambda z: z.chunk(4, 1),
    squash=lambda i, f, g, o: (i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()),
    cell=lambda i, f, g, o, c: f * c + i * g,
    state=lambda i, f, g, o, old, new: o * new.tanh(),
    give=lambda h, c, old_h, old_c: (h, c),
):
    """An LSTM's step with any of its parts exchanged."""

    def lstm_step(x, h, c, W, U, b):
        named = dict(zip(order, cut(gates(x, h, W, U, b)), strict=True))
        squashed = squash(*(named[name] for name in "ifgo"))
        new = cell(*squashed, c)
        return give(state(*squashed, c, new), new, h, c)

    return lstm_step


def by_pytorch(x, h, c, W, U, b):
    layer = nn.LSTMCell(x.shape[1], h.shape[1])
    with torch.no_grad():
        layer.weight_ih.copy_(W)
        layer.weight_hh.copy_(U)
        layer.bias_ih.copy_(b)
        layer.bias_hh.zero_()
    return layer(x, (h, c))


def by_slices(x, h, c, W, U, b):
    n = h.shape[1]
    z = torch.cat([x, h], 1) @ torch.cat([W, U], 1).T + b
    i, f, o = (1 / (1 + torch.exp(-z[:, k * n : (k + 1) * n])) for k in (0, 1, 3))
    c = f * c + i * torch.tanh(z[:, 2 * n : 3 * n])
    return [o * torch.tanh(c), c]


def in_place(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, 1)
    c *= f.sigmoid()
    c += i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def squash(*functions):
    return step(squash=lambda *gates: tuple(f(gate) for f, gate in zip(functions, gates, strict=True)))


S, T = torch.sigmoid, torch.tanh


def same(z):
    return z


def test_lstm_step(judged):
    judged(
        "02.4",
        {
            "by hand": step(),
            "PyTorch": by_pytorch,
            "slices": by_slices,
            "stacked": lambda *a: torch.stack(step()(*a)),
            "unflatten": step(cut=lambda z: z.unflatten(1, (4, -1)).unbind(1)),
        },
        {
            "i and f": (step("figo"), "forget gate and the input gate are exchanged"),
            "o early": (step("ifog"), "taken as i, f, o, g"),
            "g first": (step("gifo"), "taken as g, i, f, o"),
            "interleaved": (step(cut=lambda z: z.reshape(len(z), -1, 4).unbind(2)), "column by column"),
            "along the batch": (step(cut=lambda z: z.chunk(4)), "use axis 0, the batch"),
            "exchanged": (squash(T, T, S, T), "sigmoid and tanh are exchanged"),
            "all sigmoid": (squash(S, S, S, S), "g has a sigmoid"),
            "all tanh": (squash(T, T, T, T), "the gates have a tanh"),
            "sigmoid, then tanh": (squash(S, S, lambda z: z.sigmoid().tanh(), S), "through a sigmoid and then a tanh"),
            "ReLU": (squash(S, S, torch.relu, S), "g has a ReLU"),
            "g open": (squash(S, S, same, S), "g has no tanh"),
            "gates open": (squash(same, same, T, same), "the gates have no sigmoid"),
            "all open": (squash(same, same, same, same), "both the sigmoids"),
            "old c": (step(state=lambda i, f, g, o, old, new: o * old.tanh()), "computed from the old c"),
            "no tanh of c": (step(state=lambda i, f, g, o, old, new: o * new), "in h the tanh of c is missing"),
            "no o": (step(state=lambda i, f, g, o, old, new: new.tanh()), "output gate o is missing"),
            "tanh around": (step(state=lambda i, f, g, o, old, new: (o * new).tanh()), "around o · c"),
            "sigmoid of c": (step(state=lambda i, f, g, o, old, new: o * new.sigmoid()), "a sigmoid of c"),
            "from g": (step(state=lambda i, f, g, o, old, new: o * g), "computed from g"),
            "no f": (step(cell=lambda i, f, g, o, c: c + i * g), "forget gate f is missing"),
            "no i": (step(cell=lambda i, f, g, o, c: f * c + g), "input gate i is missing"),
            "no old cell": (step(cell=lambda i, f, g, o, c: i * g), "the old cell is missing"),
            "nothing new": (step(cell=lambda i, f, g, o, c: f * c), "nothing new is written"),
            "as in a GRU": (step(cell=lambda i, f, g, o, c: f * c + (1 - f) * g), "how a GRU does it"),
            "f reversed": (step(cell=lambda i, f, g, o, c: (1 - f) * c + i * g), "not 1 - f"),
            "tanh in c": (step(cell=lambda i, f, g, o, c: (f * c + i * g).tanh()), "a tanh of its own"),
            "old h in c": (lambda x, h, c, W, U, b: step()(x, h, h, W, U, b), "multiplies the old state h"),
            "matrix product": (step(cell=lambda i, f, g, o, c: f @ c + i * g), "⊙ is `*`"),
            "matrix product in h": (step(state=lambda i, f, g, o, old, new: o @ new.tanh()), None),
            "no bias": (
                step(gates=lambda x, h, W, U, b: x @ W.T + h @ U.T),
                "`b` is missing",
            ),
            "no h": (step(gates=lambda x, h, W, U, b: x @ W.T + b), "old state h is not used"),
            "no x": (step(gates=lambda x, h, W, U, b: h @ U.T + b), "input x is not used"),
            "W and U": (step(gates=lambda x, h, W, U, b: x @ U.T + h @ W.T + b), "`W` and `U` are exchanged"),
            "not transposed": (step(gates=lambda x, h, W, U, b: x @ W + h @ U + b), "so `x @ W.T`"),
            "returned in reverse": (step(give=lambda h, c, *_: (c, h)), "in the other order"),
            "h alone": (step(give=lambda h, c, *_: h), "there is one result"),
            "old c returned": (step(give=lambda h, c, old_h, old_c: (h, old_c)), "the old c is returned"),
            "as nn.LSTM": (step(give=lambda h, c, *_: (h, (h, c))), "the second result is a pair"),
            "three": (step(give=lambda h, c, *_: (h, h, c)), "there are 3 results"),
            "in place": (in_place, "`c` was changed in place"),
            "h twice": (step(give=lambda h, c, *_: (h, h)), "h is returned twice"),
            "rows and columns": (step(give=lambda h, c, *_: (h.T, c.T)), "are exchanged: one"),
            "not cut": (step(give=lambda h, c, *_: (h.repeat(1, 4), c)), "the gates are not split"),
            "doubled": (step(give=lambda h, c, *_: (h, 2 * c)), "c[0, 0] is"),
            "only h wrong": (step(give=lambda h, c, *_: (h + 1, c)), "(and c is correct)"),
        },
        draws=3,
    )


@pytest.mark.parametrize("order", ["".join(p) for p in permutations("ifgo") if "".join(p) not in ("ifgo", "figo")])
def test_every_other_order_of_the_gates_is_named(order):
    assert f"taken as {', '.join(order)};" in judge("02.4", step(order)).message
