"""Figures of recurrent networks: what they say and what they refuse."""

import pytest

from mmcourse.show.figures.recurrence import plot_lines, show_unrolled


def test_a_network_is_unrolled_over_its_words(shown):
    show_unrolled(["a", "red", "fish"])
    assert "a, red, fish" in shown.alt() and "h3" in shown.alt() and "h4" not in shown.alt()
    for words in ([], ["a"] * 13):
        with pytest.raises(ValueError, match="expected 1 to 12"):
            show_unrolled(words)


def test_lines_are_plotted_and_told(shown):
    plot_lines({"RNN": [1.0, 0.1], "LSTM": [0.5, 0.5]}, [0, 20], xlabel="steps", ylabel="gradient", log=True)
    assert "gradient over steps, 0 to 20" in shown.alt() and "RNN from 1 to 0.1; LSTM from 0.5 to 0.5" in shown.alt()
    plot_lines({"one": [0, 1]}, [1, 2], xlabel="steps", ylabel="accuracy", limits=(0, 1))
    assert len(shown) == 2


@pytest.mark.parametrize(
    ("lines", "log", "message"),
    [
        ({"RNN": [1.0]}, False, "RNN: 1 for 2 values of x"),
        ({}, False, "nothing"),
        ({"RNN": [1.0, 0.0]}, True, "log axis"),
        ({"RNN": [1.0, float("nan")]}, False, "cannot be drawn"),
    ],
)
def test_what_cannot_be_drawn_is_refused(lines, log, message):
    with pytest.raises(ValueError, match=message):
        plot_lines(lines, [0, 1], xlabel="steps", ylabel="gradient", log=log)
