"""Exercise 02.4: one step of an LSTM."""

from collections.abc import Callable
from itertools import permutations

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import (
    agrees,
    described,
    distinct_texts,
    expect_finite,
    expect_tensor,
    named_mistake,
)
from mmcourse.exercises.properties import mixed_examples

Gates = tuple[Tensor, Tensor, Tensor, Tensor]  # i, f, g, o before their sigmoid or tanh, each (B, H)


def linear(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """All four gates before their sigmoid or tanh.   -> (B, 4H)"""
    return x @ W.T + h @ U.T + b


def squashed(i: Tensor, f: Tensor, g: Tensor, o: Tensor) -> Gates:
    """Sigmoid for the gates, tanh for what may be added."""
    return i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()


def cell(i: Tensor, f: Tensor, g: Tensor, o: Tensor, c: Tensor) -> Tensor:
    """New cell."""
    return f * c + i * g


def output(i: Tensor, f: Tensor, g: Tensor, o: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """New state."""
    return o * new.tanh()


def stepped(
    order: str = "ifgo",
    linear: Callable = linear,
    squashed: Callable = squashed,
    cell: Callable = cell,
    output: Callable = output,
    cut: Callable = lambda gates: gates.chunk(4, dim=1),
    give: Callable = lambda h, c, old_h, old_c: (h, c),
) -> Callable:
    """A step as one function of the exercise's arguments, with any of its parts exchanged.   -> (2, B, H)"""

    def step(x, h, c, W, U, b):
        parts = dict(zip(order, cut(linear(x, h, W, U, b)), strict=True))
        gates = squashed(*(parts[name] for name in "ifgo"))
        new = cell(*gates, c)
        return torch.stack(give(output(*gates, c, new), new, h, c))

    return step


def interleaved(gates: Tensor) -> tuple[Tensor, ...]:
    """Every fourth column belongs to the same gate."""
    return gates.reshape(len(gates), -1, 4).unbind(2)


ORDERS = [
    (
        stepped("".join(order)),
        "the forget gate and the input gate are exchanged: PyTorch's order is i, f, g, o"
        if "".join(order) == "figo"
        else f"the four blocks are taken as {', '.join(order)}; PyTorch's order is i, f, g, o",
    )
    for order in permutations("ifgo")
    if "".join(order) != "ifgo"
]
LSTM_MISTAKES = [
    *ORDERS,
    (stepped(cut=interleaved), "the gates are interleaved column by column; each is a block of H consecutive columns"),
    (
        stepped(squashed=lambda i, f, g, o: (i.tanh(), f.tanh(), g.sigmoid(), o.tanh())),
        "sigmoid and tanh are exchanged: gates are between 0 and 1 (sigmoid), g may add or subtract (tanh)",
    ),
    (
        stepped(squashed=lambda i, f, g, o: (i.sigmoid(), f.sigmoid(), g.sigmoid(), o.sigmoid())),
        "g has a sigmoid, so the cell state could only grow; use tanh",
    ),
    (
        stepped(squashed=lambda i, f, g, o: (i.tanh(), f.tanh(), g.tanh(), o.tanh())),
        "the gates have a tanh; they are between 0 and 1, so use a sigmoid",
    ),
    (
        stepped(squashed=lambda i, f, g, o: (i.sigmoid(), f.sigmoid(), g, o.sigmoid())),
        "g has no tanh",
    ),
    (
        stepped(squashed=lambda i, f, g, o: (i.sigmoid(), f.sigmoid(), g.sigmoid().tanh(), o.sigmoid())),
        "g goes through a sigmoid and then a tanh; use the tanh alone",
    ),
    (
        stepped(squashed=lambda i, f, g, o: (i.sigmoid(), f.sigmoid(), g.relu(), o.sigmoid())),
        "g has a ReLU; use tanh, so that g may be negative and is at most 1",
    ),
    (stepped(squashed=lambda i, f, g, o: (i, f, g.tanh(), o)), "the gates have no sigmoid"),
    (stepped(squashed=lambda i, f, g, o: (i, f, g, o)), "both the sigmoids of the gates and the tanh of g are missing"),
    (
        stepped(squashed=lambda i, f, g, o: tuple(torch.stack([i, f, g, o]).softmax(0))),
        "a softmax makes the gates sum to 1; each gate is independent",
    ),
    (stepped(output=lambda i, f, g, o, old, new: o * old.tanh()), "h is computed from the old c; use the new one"),
    (stepped(output=lambda i, f, g, o, old, new: o * new), "in h the tanh of c is missing"),
    (stepped(output=lambda i, f, g, o, old, new: new.tanh()), "in h the output gate o is missing"),
    (
        stepped(output=lambda i, f, g, o, old, new: (o * new).tanh()),
        "in h the tanh is around o · c; it belongs around c alone",
    ),
    (stepped(output=lambda i, f, g, o, old, new: o * new.sigmoid()), "in h there is a sigmoid of c; use tanh"),
    (stepped(output=lambda i, f, g, o, old, new: o * g), "h is computed from g; use the new c"),
    (stepped(output=lambda i, f, g, o, old, new: o + new.tanh()), "in h the output gate is added; it multiplies"),
    (stepped(cell=lambda i, f, g, o, c: c + i * g), "in c the forget gate f is missing: nothing is ever forgotten"),
    (stepped(cell=lambda i, f, g, o, c: f * c + g), "in c the input gate i is missing: everything is written"),
    (stepped(cell=lambda i, f, g, o, c: i * g), "in c the old cell is missing: nothing is remembered"),
    (stepped(cell=lambda i, f, g, o, c: f * c), "in c nothing new is written: i · g is missing"),
    (
        stepped(cell=lambda i, f, g, o, c: f * c + (1 - f) * g),
        "in c the factor of g is 1 - f; that is how a GRU does it, an LSTM has a separate gate, i",
    ),
    (
        stepped(cell=lambda i, f, g, o, c: i * c + f * g),
        "i multiplies the old cell and f multiplies g: it is the other way round",
    ),
    (
        stepped(cell=lambda i, f, g, o, c: (1 - f) * c + i * g),
        "f close to 1 keeps the cell: c is multiplied by f, not 1 - f",
    ),
    (stepped(cell=lambda i, f, g, o, c: (f * c + i * g).tanh()), "c has a tanh of its own; that is for h alone"),
    (
        lambda x, h, c, W, U, b: stepped()(x, h, h, W, U, b),
        "in c the forget gate multiplies the old state h; it multiplies the old cell c",
    ),
    (
        lambda x, h, c, W, U, b: stepped()(x, c, c, W, U, b),
        "`U` is applied to the old cell state c; it is applied to the old state h",
    ),
    (
        stepped(give=lambda h, c, old_h, old_c: (h, c.tanh())),
        "c is stored after its tanh; the tanh is for h alone, and c stays as it is",
    ),
    (stepped(linear=lambda x, h, W, U, b: x @ W.T + h @ U.T), "the bias `b` is missing"),
    (stepped(linear=lambda x, h, W, U, b: x @ W.T + h @ U.T + 2 * b), "the bias is added twice"),
    (stepped(linear=lambda x, h, W, U, b: x @ W.T + b), "the old state h is not used"),
    (stepped(linear=lambda x, h, W, U, b: h @ U.T + b), "the input x is not used"),
    (
        stepped(linear=lambda x, h, W, U, b: x @ U.T + h @ W.T + b),
        "`W` and `U` are exchanged: `W` stands before x, `U` before h",
    ),
    *(
        (
            stepped(
                squashed=lambda i, f, g, o, added=added, at=at: squashed(
                    *(x + added * (at == k) for k, x in enumerate((i, f, g, o)))
                )
            ),
            f"{added} is added to the {name} before its {'tanh' if name == 'g' else 'sigmoid'}; the formula has no "
            "such constant",
        )
        for added in (1, -1, 2, 0.5)
        for at, name in enumerate(("input gate", "forget gate", "g", "output gate"))
    ),
    (stepped(linear=lambda x, h, W, U, b: x @ W.T + h @ U.T - b), "the bias is subtracted; it is added"),
    (stepped(cell=lambda i, f, g, o, c: f * c - i * g), "in c the new part is subtracted; it is added"),
    (stepped(cell=lambda i, f, g, o, c: f * (c + i * g)), "in c the forget gate multiplies the new part too"),
    (stepped(cell=lambda i, f, g, o, c: f * c.tanh() + i * g), "in c the old cell has a tanh; it stays as it is"),
    (stepped(cell=lambda i, f, g, o, c: f * c + o * g), "in c the output gate multiplies g; the input gate does"),
    (stepped(output=lambda i, f, g, o, old, new: i * new.tanh()), "in h the input gate is used; the output gate is"),
    (stepped(output=lambda i, f, g, o, old, new: f * new.tanh()), "in h the forget gate is used; the output gate is"),
    (stepped(give=lambda h, c, old_h, old_c: (c, h)), "c and h are returned in the other order; h comes first"),
    (stepped(give=lambda h, c, old_h, old_c: (h, old_c)), "the old c is returned; return the new one"),
    (stepped(give=lambda h, c, old_h, old_c: (old_h, c)), "the old h is returned"),
    (stepped(give=lambda h, c, old_h, old_c: (h, h)), "h is returned twice; the second one is c"),
    (stepped(give=lambda h, c, old_h, old_c: (c, c)), "c is returned twice; the first one is h"),
]


@exercise(
    "02.4",
    title="one step of an LSTM",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "Compute all four gates at once: `x @ W.T + h @ U.T + b` is (B, 4H). Which axis has to be split into four?",
        "The order is i, f, g, o. Three of them are between 0 and 1, one may be negative: which function for which?",
        "First the new c: the forget gate times the old one, plus the input gate times g. Then h, from the new c.",
    ),
)
def lstm_step(answer, rng):
    def draw(batch: int, width: int, size: int) -> tuple[Tensor, ...]:
        return (
            torch.randn(batch, width, generator=rng),
            torch.randn(batch, size, generator=rng),
            torch.randn(batch, size, generator=rng),
            torch.randn(4 * size, width, generator=rng) / width**0.5,
            torch.randn(4 * size, size, generator=rng) / size**0.5,
            torch.randn(4 * size, generator=rng),
        )

    cases = [draw(4, 8, 8), draw(3, 5, 2), draw(1, 4, 6)]
    for i, case in enumerate(cases):
        batch, size = case[1].shape
        where = f"for x {tuple(case[0].shape)}, h and c {batch, size}"
        try:
            given = pair(answer(*case), where, batch, size)
        except Mistake as problem:
            said = str(problem)
            if i:
                said = said if said.startswith(where) else f"{where}: {said}"
                said = f"correct for x {tuple(cases[0][0].shape)}, but {said}"
            raise Mistake(said + what_axis(said, batch, size)) from None
        expected = stepped()(*case)
        if not agrees(given, expected):
            words = named_mistake([case], [given], LSTM_MISTAKES) if i == 0 else None
            words = words or mixed_examples(answer, case, (0, 1, 2)) or None
            if words is None:
                name = "c" if not agrees(given[1], expected[1]) else "h"
                first = int(name == "c")
                right = " (and c is correct)" if name == "h" else ""
                came, due = distinct_texts(given[first, 0, 0], expected[first, 0, 0])
                words = f"{name}[0, 0] is {came}, expected {due}{right}"
            raise Mistake(f"{where}: {words}")
    return "equal to `nn.LSTMCell` for batches of 1, 3 and 4, widths D and H equal and different"


def pair(given, where: str, batch: int, size: int) -> Tensor:
    """The two results in one tensor, once they are two of the right shape.   -> (2, B, H)"""
    if isinstance(given, Tensor) and tuple(given.shape) == (2, batch, size):
        given = tuple(given)
    if isinstance(given, Tensor):
        raise Mistake(f"{where} there is one result, {described(given)}; expected two: `return h, c`")
    if isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[1], tuple | list):
        raise Mistake(f"{where} the second result is a pair: `nn.LSTM` gives (output, (h, c)), one step gives (h, c)")
    if not isinstance(given, tuple | list) or len(given) != 2:
        count = f"{len(given)} results" if isinstance(given, tuple | list) else described(given)
        raise Mistake(f"{where} there are {count}; expected two: `return h, c`")
    causes = {
        (batch, 4 * size): "the gates are not split: each is one of four blocks of H columns",
        (size,): "the batch is gone",
        (1, batch, size): "one axis of size 1 is left in front",
        (size, batch): "rows and columns are exchanged: one row for each example of the batch",
    }
    both = []
    for name, each in zip("hc", given, strict=True):
        each = expect_tensor(each, f"{where}, {name}:", (batch, size), causes)
        expect_finite(each, f"{where}, {name}:", "is there a logarithm or a division?")
        both.append(each)
    return torch.stack(both)


def what_axis(problem: str, batch: int, size: int) -> str:
    """Words for the two usual shapes that do not fit: gates cut along the batch, weights not transposed."""
    uncut = f"({4 * size}) must match the size of tensor b ({size})"
    if "not enough values to unpack" in problem or (uncut in problem and "dim=1" not in problem):
        return ". `chunk` and `split` use axis 0, the batch, unless `dim` is given; the gates are side by side"
    if f"({batch}x{size} and {batch}x{size})" in problem:
        return ". ⊙ is `*`, element by element; `@` is the matrix product"
    if "mat1 and mat2" in problem:
        return ". `W` is (4H, D) and `U` is (4H, H): one row for each gate's number, so `x @ W.T`"
    return ""
