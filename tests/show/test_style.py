import base64
import io
import itertools

import matplotlib
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from mmcourse.show import style


def test_a_figure_becomes_one_small_png_with_its_alt_text(shown):
    with style.drawing(4, 2, "a straight line") as figure:
        figure.subplots().plot([0, 1])
    assert len(shown) == 1
    data, metadata, *_ = shown[0]
    assert set(data) == {"image/png", "text/plain"}
    assert metadata["image/png"] == {"alt": "a straight line", "width": 400}
    image = base64.b64decode(data["image/png"])
    assert len(image) < 60_000
    assert Image.open(io.BytesIO(image)).size == (600, 300)


def test_a_figure_full_of_pictures_becomes_a_jpeg(shown):
    with style.drawing(2, 2, "noise", photo=True) as figure:
        figure.add_axes((0, 0, 1, 1))
    assert set(shown.data()) == {"image/jpeg", "text/plain"}
    assert shown.alt() == "noise"


def test_a_pyplot_figure_is_closed(shown):
    pytest.importorskip("matplotlib.pyplot")
    from matplotlib import pyplot

    figure = pyplot.figure()
    style.figure_output(figure, "nothing yet")
    assert not pyplot.fignum_exists(figure.number)


def test_no_figure_without_alt_text(shown):
    with pytest.raises(ValueError, match="alt is empty"):
        style.figure_output(Figure(), "  ")
    assert not shown


def test_drawing_leaves_the_learners_own_settings_alone(shown):
    before = matplotlib.rcParams["axes.grid"]
    with style.drawing(2, 2, "an empty figure"):
        pass
    assert matplotlib.rcParams["axes.grid"] == before


def test_a_legend_stands_in_the_order_of_its_curves():
    axis = Figure().subplots()
    axis.bar([0], [9], label="a bar")
    for name, row in {"falls": [3, 1], "is lost": [5, float("nan")], "rises": [1, 2], "never there": []}.items():
        axis.plot(range(len(row)), row, label=name)
    style.legend(axis, fontsize=8)
    entries = axis.get_legend().get_texts()
    assert [text.get_text() for text in entries] == ["is lost", "rises", "falls", "never there", "a bar"]
    assert {text.get_fontsize() for text in entries} == {8}


# What people without one of the three kinds of cones see, as matrices for linear RGB:
# Machado, Oliveira and Fernandes 2009, severity 1.0 (doi.org/10.1109/TVCG.2009.113).
VISION = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
D65 = [0.95047, 1.0, 1.08883]
# CIE 1976 colour difference in Lab. About 2.3 is just noticeable where two large areas touch (Mahy, Van Eycken and
# Oosterlinck 1994). Thin curves and small marks that lie apart need several times as much, here six times.
LEAST = 14.0


def seen(colour, vision):
    """A colour '#RRGGBB' in CIE Lab, as it looks with this kind of vision.   (3,)"""
    values = torch.tensor([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], dtype=torch.float64)
    linear = torch.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = (torch.tensor(VISION[vision], dtype=torch.float64) @ linear).clamp(0, 1)
    x = torch.tensor(TO_XYZ, dtype=torch.float64) @ linear / torch.tensor(D65, dtype=torch.float64)
    f = torch.where(x > (6 / 29) ** 3, x ** (1 / 3), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return torch.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_lab_of_pure_red_and_of_white():
    expected = {"#ff0000": [53.24, 80.09, 67.20], "#ffffff": [100.0, 0.0, 0.0]}
    for colour, lab in expected.items():
        torch.testing.assert_close(seen(colour, "all cones"), torch.tensor(lab).double(), atol=0.02, rtol=0)


def test_the_simulation_confuses_red_with_green_without_the_middle_cones():
    red, green = "#c00000", "#5a6000"  # an everyday pair: told apart by hue alone
    assert (seen(red, "all cones") - seen(green, "all cones")).norm() > 60
    assert (seen(red, "deuteranopia") - seen(green, "deuteranopia")).norm() < 25


@pytest.mark.parametrize("vision", VISION)
def test_colour_blind_readers_tell_the_palette_apart(vision):
    for (one, first), (other, second) in itertools.combinations(style.PALETTE.items(), 2):
        distance = float((seen(first, vision) - seen(second, vision)).norm())
        assert distance >= LEAST, f"{one} and {other}: {distance:.1f}"
    for colour in set(style.PALETTE.values()) - {style.PALETTE["yellow"]}:  # yellow is for areas with an edge
        assert (seen(colour, vision) - seen(style.PAPER, vision)).norm() >= 2 * LEAST


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("pair", [("green", "vermillion"), ("blue", "vermillion"), ("blue", "orange")])
def test_colours_that_stand_for_opposites_differ_clearly(pair, vision):
    one, other = (seen(style.PALETTE[name], vision) for name in pair)
    assert (one - other).norm() >= 2.5 * LEAST
