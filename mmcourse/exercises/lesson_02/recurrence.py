"""Exercise 02.3: a recurrent network by hand."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_finite, expect_tensor, named_mistake


def states_of(x: Tensor, W: Tensor, U: Tensor, b: Tensor, step: Callable | None = None, start: float = 0.0) -> Tensor:
    """All states of h_t = tanh(W x_t + U h_{t-1} + b); `step(W x_t, U h, b, h)` and `start` make them wrong.

    x (T, D), W (H, D), U (H, H), b (H,) -> (T, H)
    """
    step = step or (lambda wx, uh, b, h: torch.tanh(wx + uh + b))
    h = torch.full((len(U),), start)
    states = []
    for x_t in x:
        h = step(W @ x_t, U @ h, b, h)
        states.append(h)
    return torch.stack(states)


def stepping(step: Callable) -> Callable:
    """The states of another step."""
    return lambda x, W, U, b: states_of(x, W, U, b, step)


def before_tanh(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """What is carried has no tanh, what is kept has."""
    return stepping(lambda wx, uh, b, h: wx + uh + b)(x, W, U, b).tanh()


def shifted(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """The state before each word instead of after it."""
    return torch.cat([torch.zeros(1, len(U)), states_of(x, W, U, b)[:-1]])


def first_skipped(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """Row 0 stays zeros, and reading begins at the second word."""
    return torch.cat([torch.zeros(1, len(U)), states_of(x[1:], W, U, b)]) if len(x) > 1 else torch.zeros(1, len(U))


def words_alone(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """The state of the word before, made of that word alone, in place of h_{t-1}."""
    alone = torch.tanh(x @ W.T + b)
    return torch.tanh(x @ W.T + torch.cat([torch.zeros(1, len(U)), alone[:-1]]) @ U.T + b)


FIRST_SKIPPED = "the first word is skipped: h_1 depends on x[0] and zeros, so the loop begins at 0"
RNN_MISTAKES = [
    (
        words_alone,
        "the state reaches back one step only: it is computed from the word before, without all earlier states",
    ),
    (
        lambda x, W, U, b: torch.tanh(x @ W.T + torch.cat([torch.zeros(1, len(U)), x[:-1]]) @ U.T + b),
        "`U` is applied to the previous input; it is applied to the previous state h_{t-1}",
    ),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx + uh)), "the bias `b` is missing"),
    (stepping(lambda wx, uh, b, h: wx + uh + b), "the tanh is missing, so the states can grow without bound"),
    (
        lambda x, W, U, b: states_of(x, U, W, b),
        "`W` and `U` are exchanged: `W` stands before the word, `U` before the state",
    ),
    (
        stepping(lambda wx, uh, b, h: torch.tanh(wx + b)),
        "the state is not carried over: each word starts from zero",
    ),
    (stepping(lambda wx, uh, b, h: torch.tanh(uh + b)), "the words `x` are not used"),
    (lambda x, W, U, b: states_of(x, W.T, U.T, b), "`W` and `U` are transposed: it is `x_t @ W.T`, or `W @ x_t`"),
    (lambda x, W, U, b: states_of(x, W.T, U, b), "`W` is transposed: it is `x_t @ W.T`, or `W @ x_t`"),
    (lambda x, W, U, b: states_of(x, W, U.T, b), "`U` is transposed: it is `h @ U.T`, or `U @ h`"),
    (
        lambda x, W, U, b: states_of(x, U.T, W.T, b),
        "`W` and `U` are exchanged, and transposed",
    ),
    (stepping(lambda wx, uh, b, h: torch.sigmoid(wx + uh + b)), "that is a sigmoid; use tanh"),
    (stepping(lambda wx, uh, b, h: torch.relu(wx + uh + b)), "that is a ReLU; use tanh"),
    (before_tanh, "the state is carried over before its tanh: the next step needs h_{t-1}, tanh included"),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx) + uh + b), "the tanh is around `W x` alone; it goes around the sum"),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx + b) + uh), "the tanh leaves out `U h`; it goes around the whole sum"),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx + uh) + b), "the bias is added after the tanh; it belongs inside"),
    (stepping(lambda wx, uh, b, h: wx + b + torch.tanh(uh)), "the tanh is around `U h` alone; it goes around the sum"),
    (
        stepping(lambda wx, uh, b, h: torch.tanh(wx + b) + torch.tanh(uh)),
        "there are two tanh; one goes around the whole sum",
    ),
    *[
        (stepping(step), "each part has a tanh of its own; one tanh goes around the whole sum")
        for step in (
            lambda wx, uh, b, h: torch.tanh(wx) + torch.tanh(uh) + torch.tanh(b),
            lambda wx, uh, b, h: torch.tanh(wx) + torch.tanh(uh) + b,
            lambda wx, uh, b, h: torch.tanh(wx) + torch.tanh(uh + b),
        )
    ],
    (stepping(lambda wx, uh, b, h: torch.tanh(wx + uh + 2 * b)), "the bias is added twice"),
    (
        stepping(lambda wx, uh, b, h: h + torch.tanh(wx + uh + b)),
        "the old state is added to the new one; the formula replaces it",
    ),
    (lambda x, W, U, b: states_of(x, W, U, b, start=1.0), "the first state h_0 is ones; it is zeros"),
    (lambda x, W, U, b: states_of(x.flip(0), W, U, b), "the words are processed from the last to the first"),
    (lambda x, W, U, b: states_of(x.flip(0), W, U, b).flip(0), "the words are processed from the last to the first"),
    (lambda x, W, U, b: states_of(x, W, U, b).flip(0), "the states are correct but in reverse order"),
    (
        lambda x, W, U, b: states_of(x, W, U, b)[-1:].expand(len(x), -1),
        "every row is the last state: was one tensor stored T times and overwritten? `.clone()` makes a copy",
    ),
    (
        lambda x, W, U, b: states_of(x, W, U, b)[:1].expand(len(x), -1),
        "every row is the first state",
    ),
    (first_skipped, FIRST_SKIPPED),
    (
        lambda x, W, U, b: torch.cat([states_of(x, W, U, b)[:-1], torch.zeros(1, len(U))]),
        "the state after the last word is still 0: the loop ends one word too early",
    ),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx + uh - b)), "the bias is subtracted; it is added"),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx - uh + b)), "`U h` is subtracted; it is added"),
    (
        stepping(lambda wx, uh, b, h: torch.tanh(torch.tanh(wx + uh + b))),
        "there are two tanh around the sum; one is enough",
    ),
    (
        stepping(lambda wx, uh, b, h: (h + torch.tanh(wx + uh + b)) / 2),
        "the old state and the new one are averaged; the formula replaces it",
    ),
    (stepping(lambda wx, uh, b, h: torch.tanh(wx + h + b)), "the old state is added without `U`: it is `U h`"),
    (
        lambda x, W, U, b: states_of(x, W, U, b).cumsum(0),
        "every row contains the sum of the states before it: store each state alone",
    ),
    (
        lambda x, W, U, b: states_of(x[:1].expand_as(x), W, U, b),
        "every step reads the first word: step t reads `x[t]`",
    ),
    (shifted, "row t is the state before word t, not after it: store the state after the update"),
    (lambda x, W, U, b: torch.zeros(len(x), len(U)), "all zeros: was anything assigned to the result?"),
]


@exercise(
    "02.3",
    title="a recurrent network by hand",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "One loop over the words. Before it, a zero state: how many numbers does it have? `U` is (H, H).",
        "In the loop: compute the new state from `x[t]` and the old one, append it to a list, continue with it.",
        "`W @ x[t]` is (H,). After the loop `torch.stack` makes one (T, H) tensor of the list.",
    ),
)
def rnn(answer, rng):
    def draw(length: int, width: int, size: int) -> tuple[Tensor, ...]:
        return (
            torch.randn(length, width, generator=rng),
            torch.randn(size, width, generator=rng) / width**0.5,
            torch.randn(size, size, generator=rng) / size**0.5,
            torch.randn(size, generator=rng),
        )

    square, one, *others = [draw(6, 4, 4), draw(1, 4, 4), draw(5, 3, 4), draw(1, 2, 5), draw(12, 5, 3), draw(3, 4, 1)]
    right_states(answer, square, [square])
    right_states(answer, one, [])
    for case in others:
        try:
            right_states(answer, case, [])
        except Mistake as problem:
            where = f"for x {tuple(case[0].shape)} and U {tuple(case[2].shape)}"
            said = str(problem)
            said = said if said.startswith(where) else f"{where}: {said}"
            raise Mistake(f"correct where D = H, but {said}{what_size(said)}") from None
    return f"{2 + len(others)} sentences of 1 to 12 words, widths D and H equal and different"


def right_states(answer, case: tuple[Tensor, ...], telling: list) -> None:
    """Judge the states of one sentence; `telling` cases are those in which mistakes are looked for."""
    x, W, U, b = case
    where = f"for x {tuple(x.shape)} and U {tuple(U.shape)}"
    given = answer(*case)
    if isinstance(given, tuple) and len(given) == 2:
        raise Mistake(f"{where} there are two results; return all states, one tensor of shape (T, H)")
    length, size = len(x), len(U)
    if length > 1 and agrees(given, states_of(x[1:], W, U, b)):
        raise Mistake(f"{where}: {FIRST_SKIPPED}")
    causes = {
        (size,): "that is one state: append each state, and `torch.stack` them after the loop",
        (1, size): "that is one state; there is one for each word",
        (size, length): "rows and columns are exchanged: one row for each word",
        (length + 1, size): "one state too many: h_0 precedes the first word and is not returned",
        (length - 1, size): "one state too few: every word has its own",
        (length * size,): "the states are concatenated in one row: `torch.stack` gives one row per state",
        (length, 1, size): "one axis of size 1 is left in the middle",
        (1, length, size): "one axis of size 1 is left in front; there is no batch here",
        (length, size, 1): "one axis of size 1 is left at the end",
        (length, size, size): "each state is a matrix: `*` multiplies entry by entry, `@` is the matrix product",
    }
    given = expect_tensor(given, where, (length, size), causes)
    expect_finite(given, where, "was every row assigned? Is there a `torch.empty`, which is not initialised?")
    expected = states_of(*case)
    if agrees(given, expected):
        return
    words = named_mistake(telling, [given], RNN_MISTAKES) if telling else None
    row = (given - expected).abs().amax(1).gt(1e-3).nonzero().flatten()
    row = int(row[0]) if len(row) else 0
    if words is None:
        words = (
            f"the state after word {row} (counted from 0) begins with {given[row, 0]:.3f}, expected "
            f"{expected[row, 0]:.3f}" + (", so the states before it are correct" if row else "")
        )
    raise Mistake(f"{where}: {words}")


def what_size(problem: str) -> str:
    """Words for sizes that do not fit each other."""
    if "size" in problem or "shape" in problem:
        return ". The state has H numbers, as many as `U` has rows; a word has D"
    return ""
