"""The animated game of a GAN in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

GAME = """import torch
from mmcourse.show import game
x = torch.linspace(-4, 4, 50)
frames = [{"step": 10 * i, "samples": torch.linspace(-1, 1, 100) + i / 10, "discriminator": torch.sigmoid(x - i / 10),
           "discriminator_loss": 1.3 - i / 100, "generator_loss": 0.5 + i / 100} for i in range(21)]
game(x, torch.exp(-x ** 2 / 2) / 2.5, frames)"""
SHAPE = "() => document.querySelector('.mm-game polygon[fill-opacity=\"0.18\"]').getAttribute('points')"
SAID = "() => document.querySelector('.mm-says').innerText"
FIRST = "Step 0: discriminator's loss 1.300, generator's loss 0.500."
LAST = "Step 200: discriminator's loss 1.100, generator's loss 0.700."


def test_it_is_paused_plays_and_pauses(opened):
    page = opened(GAME)
    page.wait_for_text(0, FIRST)
    page.page.wait_for_timeout(1000)
    assert page.page.evaluate(SAID) == FIRST
    before = page.page.evaluate(SHAPE)
    page.page.get_by_role("button", name="Play").click()
    page.wait_for_text(0, "Step 30:")
    page.page.get_by_role("button", name="Pause").click()
    paused = page.page.evaluate(SAID)
    page.page.wait_for_timeout(1000)
    assert page.page.evaluate(SAID) == paused and page.page.evaluate(SHAPE) != before
    page.page.get_by_role("slider", name="training step").fill("20")
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
    page.wait_for_text(0, "Step 190:")
    page.page.keyboard.press("Home")
    page.wait_for_text(0, FIRST)
    page.page.keyboard.press("Space")
    page.wait_for_text(0, "Step 20:")
    page.page.keyboard.press("Space")
    paused = page.page.evaluate(SAID)
    page.page.wait_for_timeout(800)
    assert page.page.evaluate(SAID) == paused
    page.page.keyboard.press("Shift+Tab")
    page.page.keyboard.press("Enter")
    page.wait_for_text(0, LAST)
    assert page.complaints() == []


def test_nothing_plays_by_itself_where_motion_is_reduced(opened):
    page = opened(GAME)
    page.wait_for_text(0, FIRST)
    page.page.emulate_media(reduced_motion="reduce")
    button = page.page.get_by_role("button", name="Next frame")
    button.click()
    page.wait_for_text(0, "Step 10:")
    page.page.wait_for_timeout(1000)
    assert page.page.evaluate(SAID).startswith("Step 10:")
    assert page.complaints() == []
