"""Maps of matrices and lines in panels: what they say and what they refuse."""

import pytest
import torch

from mmcourse.show.figures.matrices import plot_panels, show_matrices


def test_matrices_say_where_they_are_largest(shown):
    weights = torch.tensor([[0.1, 0.9], [0.5, 0.5]])
    show_matrices({"layer 1": weights, "layer 2": weights.flip(1)}, rows=["fish", "boat"], columns=["red", "blue"])
    assert "layer 1: 2 by 2, largest 0.9 at 'fish', 'blue'; layer 2" in shown.alt()
    show_matrices({"positions": torch.randn(50, 64)}, rows="place", columns="feature")
    show_matrices({"mask": torch.ones(3, 3).tril().bool()})
    assert "rows may attend to 1, 2, 3 of 3" in shown.alt()
    show_matrices({"wide": torch.eye(3), "square": torch.eye(3)}, rows="place", columns={"wide": "a", "square": "b"})
    assert "largest 1 at row 0, column 0" in shown.alt()


def test_panels_tell_their_ends(shown):
    plot_panels(
        {"time": {"RNN": [1, 2], "Transformer": [1, 4]}, "memory": {"RNN": [3, 6]}},
        [16, 32],
        "words",
        log="xy",
        ylabel=("ms", "MB"),
    )
    assert "time: RNN from 1 to 2; Transformer from 1 to 4. memory: RNN from 3 to 6" in shown.alt()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: show_matrices({}), "got nothing"),
        (lambda: show_matrices({"weights": torch.rand(4, 3, 3)}), "batch or heads left"),
        (lambda: show_matrices({"weights": torch.rand(3, 3)}, rows=["a"]), "1 names for its axis 0"),
        (lambda: plot_panels({"time": {"RNN": [1]}}, [1, 2], "words"), "for 2 values of x"),
        (lambda: plot_panels({"time": {"RNN": [0, 1]}}, [1, 2], "words", log="y"), "positive figures"),
        (lambda: plot_panels({"time": {"RNN": [1, float("nan")]}}, [1, 2], "words"), "finite"),
        (lambda: plot_panels({"time": {"RNN": []}}, [], "words"), "for 0 values of x"),
    ],
)
def test_what_cannot_be_drawn_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()
