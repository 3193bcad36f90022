import torch
from torch import nn


def network(step=lambda wx, uh, b, h: torch.tanh(wx + uh + b), start=torch.zeros, size=lambda x, U: len(U)):
    """An RNN by a loop with any of its parts exchanged."""

    def rnn(x, W, U, b):
        h, states = start(size(x, U)), []
        for x_t in x:
            h = step(W @ x_t, U @ h, b, h)
            states.append(h)
        return torch.stack(states)

    return rnn


right = network()


def by_pytorch(x, W, U, b):
    layer = nn.RNN(x.shape[1], len(U), batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(W)
        layer.weight_hh_l0.copy_(U)
        layer.bias_ih_l0.copy_(b)
        layer.bias_hh_l0.zero_()
    return layer(x[None])[0][0]


def preallocated(x, W, U, b):
    states = torch.zeros(len(x), len(U))
    for t in range(len(x)):
        before = states[t - 1] if t else torch.zeros(len(U))
        states[t] = torch.tanh(x[t] @ W.T + before @ U.T + b)
    return states


def one_tensor(x, W, U, b):
    h, states = torch.zeros(len(U)), []
    for x_t in x:
        h[:] = torch.tanh(W @ x_t + U @ h + b)
        states.append(h)
    return torch.stack(states)


def before_tanh(x, W, U, b):
    return network(lambda wx, uh, b, h: wx + uh + b)(x, W, U, b).tanh()


def kept_before(x, W, U, b):
    h, states = torch.zeros(len(U)), []
    for x_t in x:
        states.append(h)
        h = torch.tanh(W @ x_t + U @ h + b)
    return torch.stack(states)


def first_skipped(x, W, U, b):
    states = torch.zeros(len(x), len(U))
    for t in range(1, len(x)):
        states[t] = torch.tanh(W @ x[t] + U @ states[t - 1] + b)
    return states


def one_short(x, W, U, b):
    return right(x, W, U, b)[:-1]


def swapped(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for x_t in x:
        h = torch.tanh(U @ x_t + W @ h + b)
        states.append(h)
    return torch.stack(states)


def not_transposed(x, W, U, b):
    h, states = torch.zeros(len(U)), []
    for x_t in x:
        h = torch.tanh(x_t @ W + U @ h + b)
        states.append(h)
    return torch.stack(states)


def entry_by_entry(x, W, U, b):
    return network(lambda wx, uh, bias, h: torch.tanh(wx + U * h + bias), start=lambda n: torch.zeros(n, n))(x, W, U, b)


def test_rnn(judged):
    judged(
        "02.3",
        {
            "loop": right,
            "PyTorch": by_pytorch,
            "preallocated": preallocated,
            "row by row": lambda x, W, U, b: torch.cat([h[None] for h in right(x, W, U, b)]),
            "double": lambda x, W, U, b: right(x, W, U, b).double(),
            "tanh by hand": network(lambda wx, uh, b, h: 2 * torch.sigmoid(2 * (wx + uh + b)) - 1),
        },
        {
            "no bias": (network(lambda wx, uh, b, h: torch.tanh(wx + uh)), "`b` is missing"),
            "no tanh": (network(lambda wx, uh, b, h: wx + uh + b), "the tanh is missing"),
            "swapped": (swapped, "`W` and `U` are exchanged: `W` stands"),
            "not carried": (network(lambda wx, uh, b, h: torch.tanh(wx + b)), "not carried over"),
            "no input": (network(lambda wx, uh, b, h: torch.tanh(uh + b)), "`x` are not used"),
            "W transposed": (not_transposed, "`W` is transposed"),
            "U transposed": (lambda x, W, U, b: right(x, W, U.T, b), "`U` is transposed"),
            "both transposed": (
                lambda x, W, U, b: right(x, W.T, U.T, b) if len(W) == W.shape[1] else right(x, W, U.T, b),
                "`W` and `U` are transposed",
            ),
            "sigmoid": (network(lambda wx, uh, b, h: torch.sigmoid(wx + uh + b)), "that is a sigmoid"),
            "relu": (network(lambda wx, uh, b, h: torch.relu(wx + uh + b)), "that is a ReLU"),
            "before tanh": (before_tanh, "before its tanh"),
            "tanh of W x": (network(lambda wx, uh, b, h: torch.tanh(wx) + uh + b), "around `W x` alone"),
            "tanh without U h": (network(lambda wx, uh, b, h: torch.tanh(wx + b) + uh), "leaves out `U h`"),
            "bias outside": (network(lambda wx, uh, b, h: torch.tanh(wx + uh) + b), "added after the tanh"),
            "two tanh": (network(lambda wx, uh, b, h: torch.tanh(wx + b) + torch.tanh(uh)), "two tanh"),
            "bias twice": (network(lambda wx, uh, b, h: torch.tanh(wx + uh + 2 * b)), "added twice"),
            "added": (network(lambda wx, uh, b, h: h + torch.tanh(wx + uh + b)), "old state is added"),
            "ones": (network(start=torch.ones), "h_0 is ones"),
            "random": (network(start=torch.randn), "Or is the result random"),
            "backwards": (lambda x, W, U, b: right(x.flip(0), W, U, b), "from the last to the first"),
            "reverse": (lambda x, W, U, b: right(x, W, U, b).flip(0), "in reverse order"),
            "one tensor": (one_tensor, "every row is the last state"),
            "kept before": (kept_before, "the state before word t"),
            "first skipped": (first_skipped, "the first word is skipped: h_1"),
            "first skipped, appended": (lambda x, W, U, b: right(x[1:] if len(x) > 1 else x, W, U, b), None),
            "three tanh": (network(lambda wx, uh, b, h: wx.tanh() + uh.tanh() + b.tanh()), "a tanh of its own"),
            "tanh each, b bare": (network(lambda wx, uh, b, h: wx.tanh() + uh.tanh() + b), None),
            "tanh each, b with U": (network(lambda wx, uh, b, h: wx.tanh() + (uh + b).tanh()), None),
            "one short": (one_short, "one state too few"),
            "last": (lambda x, W, U, b: right(x, W, U, b)[-1], "that is one state:"),
            "last as a row": (lambda x, W, U, b: right(x, W, U, b)[-1:], "there is one for each word"),
            "transposed": (lambda x, W, U, b: right(x, W, U, b).T, "rows and columns"),
            "with h_0": (
                lambda x, W, U, b: torch.cat([torch.zeros(1, len(U)), right(x, W, U, b)]),
                "one state too many",
            ),
            "in one row": (lambda x, W, U, b: right(x, W, U, b).flatten(), "concatenated in one row"),
            "cat": (lambda x, W, U, b: torch.cat(list(right(x, W, U, b))), None),
            "list": (lambda x, W, U, b: list(right(x, W, U, b)), "returned a list"),
            "as nn.RNN": (lambda x, W, U, b: (right(x, W, U, b), right(x, W, U, b)[-1]), "two results"),
            "batch": (lambda x, W, U, b: right(x, W, U, b)[None], "left in front"),
            "width of x": (network(size=lambda x, U: x.shape[1]), "The state has H numbers"),
            "in place": (lambda x, W, U, b: right(x.mul_(2), W, U, b), "`x` was changed in place"),
            "zeros": (lambda x, W, U, b: torch.zeros(len(x), len(U)), "all zeros"),
            "entry by entry": (entry_by_entry, None),
            "softmax": (network(lambda wx, uh, b, h: torch.softmax(wx + uh + b, 0)), None),
            "not finite": (lambda x, W, U, b: right(x, W, U, b) / 0, "infinity"),
        },
        draws=3,
    )
