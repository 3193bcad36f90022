"""Curves from a stored table."""

import pytest
from matplotlib.axes import Axes

from mmcourse.show.figures import stored


@pytest.fixture
def table(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "tables").mkdir(exist_ok=True)
        (tmp_path / "tables" / "90_curve.csv").write_text(text)
        monkeypatch.setattr(stored, "asset", lambda name: tmp_path / name)

    return write


def test_means_and_ranges_are_told(table, capsys):
    table(
        '# a note\nnetwork,10 labels,"1,000 labels"\nbig,0.500 (0.400 to 0.600),0.900\nsmall,0.510,0.600 (0.5 to 0.7)\n'
    )
    stored.plot_stored_curves("90_curve", "labels", "accuracy", chance=0.5)
    assert "10 to 1,000: big from 0.50 to 0.90; small from 0.51 to 0.60" in capsys.readouterr().out


def test_no_two_of_six_lines_look_alike(table, monkeypatch):
    found = []
    monkeypatch.setattr(Axes, "legend", lambda axis, **_: found.extend(axis.get_lines()))
    table("network,10,100\n" + "".join(f"model {i},0.5,0.{i}\n" for i in range(1, 7)))
    stored.plot_stored_curves("90_curve", "labels", "accuracy")
    assert len(found) == len({line.get_color() for line in found}) == len({line.get_marker() for line in found}) == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [("network,labels\nbig,0.5\n", "begins with a number"), ("network,10\nbig,half\n", "a cell 'half'")],
)
def test_other_tables_are_refused(table, text, words):
    table(text)
    with pytest.raises(ValueError, match=words):
        stored.plot_stored_curves("90_curve", "labels", "accuracy")
