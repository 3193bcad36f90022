"""The animated game of a GAN in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

GAME = """import torch
from mmcourse.show import game
x = torch.linspace(-4, 4, 50)
frames = [{"step": 10 * i, "samples": torch.linspace(-1, 1, 100) + i / 30, "discriminator": torch.sigmoid(x - i / 30),
           "discriminator_loss": 1.3 - i / 100, "generator_loss": 0.5 + i / 100} for i in range(61)]
game(x, torch.exp(-x ** 2 / 2) / 2.5, frames)"""
SHAPE = "() => document.querySelector('.mm-game polygon[fill-opacity=\"0.18\"]').getAttribute('points')"
SAID = "() => document.querySelector('.mm-says').innerText"
FIRST = "Step 0: discriminator's loss 1.300, generator's loss 0.500."
LAST = "Step 600: discriminator's loss 0.700, generator's loss 1.100."
PASSED = "step => Number(document.querySelector('.mm-says').innerText.match(/\\d+/)[0]) > step"


def test_it_is_paused_plays_and_pauses(opened):
    page = opened(GAME)
    page.wait_for_text(0, FIRST)
    page.page.wait_for_timeout(1000)
    assert page.page.evaluate(SAID) == FIRST
    before = page.page.evaluate(SHAPE)
    page.page.get_by_role("button", name="Play").click()
    page.page.wait_for_function(PASSED, arg=20)
    page.page.get_by_role("button", name="Pause").click()
    paused = page.page.evaluate(SAID)
    page.page.wait_for_timeout(1000)
    assert page.page.evaluate(SAID) == paused != LAST and page.page.evaluate(SHAPE) != before
    page.page.get_by_role("slider", name="training step").fill("60")
    page.wait_for_text(0, LAST)
    assert page.scrolls_sideways(390, 900, 1280) == []
    drawn = page.page.locator("svg.mm-game").first
    assert float(drawn.get_attribute("viewBox").split()[2]) == pytest.approx(drawn.bounding_box()["width"], abs=2)
    assert page.complaints() == []


def test_by_keyboard_alone(opened):
    page = opened(GAME)
    page.wait_for_text(0, FIRST)
    page.page.get_by_role("button", name="Play").focus()
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("ArrowRight")
    page.wait_for_text(0, "Step 10:")
    page.page.keyboard.press("End")
    page.wait_for_text(0, LAST)
    page.page.keyboard.press("ArrowLeft")
    page.wait_for_text(0, "Step 590:")
    page.page.keyboard.press("Home")
    page.wait_for_text(0, FIRST)
    page.page.keyboard.press("Space")
    page.page.wait_for_function(PASSED, arg=10)
    page.page.keyboard.press("Space")
    paused = page.page.evaluate(SAID)
    page.page.wait_for_timeout(800)
    assert page.page.evaluate(SAID) == paused != LAST
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(f"said => ({SAID})() !== said", arg=paused)
    assert page.complaints() == []


def test_nothing_plays_by_itself_where_motion_is_reduced(opened):
    page = opened(GAME)
    page.wait_for_text(0, FIRST)
    page.page.emulate_media(reduced_motion="reduce")
    button = page.page.get_by_role("button", name="Next frame")
    button.click()
    page.wait_for_text(0, "Step 30:")
    page.page.wait_for_timeout(1000)
    assert page.page.evaluate(SAID).startswith("Step 30:")
    assert page.complaints() == []
