"""Recurrent networks: unrolled over a sentence, and the cells of LSTM and GRU with the symbols of lesson 02."""

from collections.abc import Sequence

from mmcourse.show.diagrams.diagram import Diagram


def rnn_unrolled(words: Sequence[str] = ("a", "red", "fish", "swims")) -> None:
    """Display a recurrent network unrolled over 1 to 6 words: the same cell at every step."""
    words = list(words)
    if not 1 <= len(words) <= 6:
        raise ValueError(f"rnn_unrolled got {len(words)} words; expected 1 to 6")
    diagram = Diagram("A recurrent network unrolled over time: every step applies the same weights.")
    diagram.block("h0", at=(0, 0), label="$h_0 = 0$", shape="(B, H)", kind="data")
    for t, word in enumerate(words, 1):
        diagram.block(f"cell {t}", at=(t, 0), label="RNN", shape="$W, U, b$")
        diagram.block(f"x{t}", at=(t, 1), label=f"$x_{t}$", shape=f"“{word}”", kind="data")
        diagram.arrow(f"x{t}", f"cell {t}")
        diagram.arrow(f"cell {t - 1}" if t > 1 else "h0", f"cell {t}", f"$h_{t - 1}$" if t > 1 else "")
    last = len(words)
    diagram.block("end", at=(last + 1, 0), label=f"$h_{last}$", shape="(B, H)", kind="data")
    diagram.arrow(f"cell {last}", "end")
    diagram.group("the same weights at every step", *(f"cell {t}" for t in range(1, last + 1)))
    diagram.show()


def lstm_cell() -> None:
    """Display one step of an LSTM: gates f, i, o, candidate g, cell state c and hidden state h."""
    d = Diagram("One step of an LSTM: the cell state is scaled by the forget gate, and the gated candidate is added.")
    d.block("c", at=(0, 0), label="$c_{t-1}$", shape="(B, H)", kind="data")
    d.block("h", at=(0, 4), label="$h_{t-1}$", shape="(B, H)", kind="data")
    d.block("x", at=(2.5, 5), label="$x_t$", shape="(B, D)", kind="data")
    d.block("linear", at=(1, 4), until=(4, 4), label="$W x_t + U h_{t-1} + b$   (B, 4H)")
    gates = {"forget": "f = \\sigma", "input": "i = \\sigma", "candidate": "g = \\tanh", "output": "o = \\sigma"}
    for column, (name, gate) in enumerate(gates.items(), 1):
        d.block(name, at=(column, 3), label=f"{name}\n${gate}(\\cdot)$", kind="operation")
        d.arrow("linear", name, out="top", into="bottom")
    d.block("keep", at=(1, 0), label="×", kind="operation")
    d.block("write", at=(2, 1), label="×", kind="operation")
    d.block("add", at=(2, 0), label="+", kind="operation")
    d.block("tanh", at=(5, 1), kind="operation")
    d.block("show", at=(5, 2), label="×", kind="operation")
    d.block("new c", at=(6, 0), label="$c_t$", shape="(B, H)", kind="data")
    d.block("new h", at=(6, 2), label="$h_t$", shape="(B, H)", kind="data")
    d.path("c", "keep", "add", "new c")
    d.arrow("forget", "keep")
    d.arrow("input", "write")
    d.arrow("candidate", "write", out="top", into="right")
    d.arrow("write", "add")
    d.arrow("add", "tanh", out="right", into="top")
    d.path("tanh", "show", "new h")
    d.arrow("output", "show", out="top", into="left")
    d.arrow("h", "linear")
    d.arrow("x", "linear")
    d.show()


def gru_cell() -> None:
    """Display one step of a GRU: reset gate r, update gate z, candidate n and state h."""
    d = Diagram("One step of a GRU: the update gate z mixes the old state with a candidate.")
    d.block("h", at=(0, 0), label="$h_{t-1}$", shape="(B, H)", kind="data")
    d.block("U", at=(1, 1), label="$U_n h_{t-1} + b'_n$")
    d.block("reset by", at=(2, 1), label="×", kind="operation")
    d.block("n", at=(3, 1), label="candidate\n$n = \\tanh(W_n x_t + b_n + \\cdot)$")
    d.block("r", at=(2, 2), label="reset gate $r$\n$\\sigma(W_r x_t + U_r h_{t-1} + b_r)$")
    d.block("z", at=(4, 2), label="update gate $z$\n$\\sigma(W_z x_t + U_z h_{t-1} + b_z)$")
    d.block("old", at=(4, 0), label="×", kind="operation")
    d.block("less", at=(5, 2), label="$1 - z$", kind="operation")
    d.block("new", at=(5, 1), label="×", kind="operation")
    d.block("add", at=(5, 0), label="+", kind="operation")
    d.block("new h", at=(6, 0), label="$h_t$", shape="(B, H)", kind="data")
    d.block("inputs", at=(2, 3), until=(4, 3), label="$x_t$ (B, D)  and  $h_{t-1}$ (B, H)", kind="data")
    d.path("h", "old", "add", "new h")
    d.arrow("h", "U", out="bottom", into="left")
    d.path("U", "reset by", "n", "new", "add")
    d.arrow("r", "reset by")
    d.arrow("z", "old")
    d.path("z", "less", "new")
    d.arrow("inputs", "r", out="top", into="bottom")
    d.arrow("inputs", "z", out="top", into="bottom")
    d.arrow("inputs", "n", "$x_t$", out="top", into="bottom")
    d.show()
