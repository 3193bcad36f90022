"""A quiz in JupyterLab: on a narrow screen, by keyboard alone, with a screen reader, on light and dark."""

import pytest

pytestmark = pytest.mark.browser

QUIZ = """from mmcourse.exercises.quizzes import quiz
quiz("01")"""
RADIOS = ".mmcourse-quiz input[type=radio]"


def test_a_quiz_is_for_everyone(opened):
    from widget_page import ROOM, Audit

    notebook = opened(QUIZ)
    page = notebook.page
    page.wait_for_selector(RADIOS)
    audit = Audit(page, ".mmcourse-quiz")
    radios = page.locator(RADIOS)
    radios.first.focus()
    assert audit.tab_through(3.0, steps=radios.count()) == ([], [])
    radios.first.focus()
    page.keyboard.press(" ")
    notebook.wait_for_text(0, "1 of ")
    assert page.locator(".mmcourse-quiz [role=status]").count() == 1, "the explanation is announced"
    assert audit.without_name() == []
    for theme in ("Light", "Dark"):
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", f"JupyterLab {theme}"
        )
        page.wait_for_selector(f"body[data-jp-theme-light={str(theme == 'Light').lower()}]", state="attached")
        assert audit.low_contrast(4.5) == []
    for width, room in ROOM.items():
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(300)
        assert audit.too_wide() == []
        output = page.locator(".jp-OutputArea-output").first.evaluate("node => node.clientWidth")
        assert output >= room, "widget_page.py gives widgets more room than they have here"
    assert notebook.complaints() == []
