"""History: rows, columns, a table."""

import pytest

from mmcourse.training import History
from mmcourse.training.history import peak_memory

ROWS = [{"epoch": 1, "loss": 2.0, "accuracy": 0.25}, {"epoch": 2, "loss": 1.0, "accuracy": 0.5, "valid_loss": 1.5}]


def test_rows_and_columns():
    history = History(rows=ROWS, losses=[2.5, 1.5, 1.0], seconds=3.0)
    assert history[-1]["accuracy"] == 0.5 and history["loss"] == [2.0, 1.0] and history["valid_loss"] == [None, 1.5]
    assert len(history) == 2 and list(history) == ROWS and history.steps == 3
    with pytest.raises(KeyError, match="accuracy"):
        history["precision"]


def test_a_dataframe_and_a_table():
    history = History(rows=ROWS, interrupted=True)
    frame = history.dataframe()
    assert list(frame.columns) == ["epoch", "loss", "accuracy", "valid_loss"] and len(frame) == 2
    page = history._repr_html_()
    assert page.count("<tr>") == 3 and "0.25" in page and "stopped early" in page
    long = History(rows=[{"epoch": n, "<b>": 0.5} for n in range(1, 60)])
    assert long._repr_html_().count("<tr>") < 15 and "&lt;b&gt;" in long._repr_html_()
    assert "2 epochs" in repr(history) and History().dataframe().empty and repr(History())


def test_memory_is_in_bytes():
    assert 1e7 < peak_memory() < 1e12
