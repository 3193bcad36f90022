"""Widgets for everyone: on a narrow screen, by keyboard alone, with a screen reader, on light and dark.

Each widget is drawn in a plain page, without JupyterLab, by its own script and style sheet; likewise the quiz as it is
displayed where no kernel runs, and the live view of a training.
"""

import pytest
import torch
from widget_examples import EXAMPLES

from mmcourse.exercises import quizzes
from mmcourse.show.live import live_view
from mmcourse.show.widgets.base import STATIC

pytestmark = pytest.mark.browser

WIDTHS = (390, 900, 1280)  # a phone, a small window, a laptop; CSS pixels
TEXT, GRAPHICS = 4.5, 3.0  # least contrast of text, of bars and of the ring at the focus: WCAG 2.2, 1.4.3 and 1.4.11


def quiz_without_a_kernel():
    questions = quizzes.as_html("01", quizzes.load_quiz("01"))
    return questions.replace("<details", "<details open", 1)


def live_view_of_training():
    view = live_view(100, epochs=2)
    for step in range(1, 80):
        view.update(step, 1 / step, {"accuracy": step / 100})
    view.epoch({"epoch": 1, "loss": 0.1, "valid_loss": 0.2, "valid_accuracy": 0.7})
    return view.html()


MAKES = [*(make for makes in EXAMPLES.values() for make in makes), quiz_without_a_kernel, live_view_of_training]


@pytest.fixture(scope="module", params=MAKES, ids=lambda make: make.__name__)
def page(request, plain_browser):
    torch.manual_seed(0)
    shown = plain_browser.show(request.param())
    yield shown
    shown.page.close()


def test_every_widget_has_an_example():
    scripts = {path.name for path in STATIC.glob("*.js") if "export default" in path.read_text(encoding="utf-8")}
    assert scripts == set(EXAMPLES)


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_without_scrolling_sideways(page, width):
    page.set_width(width)
    assert page.too_wide() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_background(page, theme):
    page.set_theme(theme)
    assert page.low_contrast(TEXT) == [] and page.faint_bars(GRAPHICS) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tab_reaches_every_control_and_shows_where_it_is(page, theme):
    page.set_theme(theme)
    assert page.by_keyboard(GRAPHICS) == ([], [])


def test_every_control_and_every_image_has_a_name(page):
    assert page.without_name() == []
