import base64
import io

import matplotlib
import pytest
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
