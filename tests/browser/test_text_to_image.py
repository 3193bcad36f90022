"""The widget that draws a sentence in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

DRAWN = """import torch
from mmcourse.show import text_to_image
class Painter:   # red: the number of words; green: the guidance; blue: the seed; brighter with the temperature
    def generate(self, tokens, temperature=1.0, seed=0, guidance=2.0):
        colour = torch.tensor([tokens.shape[1] / 10, guidance / 10, seed / 10]) * temperature
        return colour[None, :, None, None].expand(len(tokens), 3, 8, 8)
def judge(images):   # a red fish, small in the first image and big in the others
    logits = torch.zeros(len(images), 24)
    logits[:, [fish, 14]] = 1
    logits[0, 22] = logits[1:, 23] = 1
    return logits
from mmcourse.picturebook.scene import KINDS
fish = KINDS.index("fish")
text_to_image(Painter(), judge, "a small red fish", ("a small red fish", "a big white star at night"), count=3)"""

COLOUR = """() => {                      // the colour of the first image
    const canvas = document.createElement('canvas');
    canvas.getContext('2d').drawImage(document.querySelector('.mm-samples img'), 0, 0);
    return [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""


def colour(page, *expected):
    """Wait until the first image has a colour, each channel in tenths."""
    near = f"expected => ({COLOUR})().every((value, c) => Math.abs(value - 25.5 * expected[c]) <= 2)"
    page.page.wait_for_function(near, arg=list(expected))


def test_a_sentence_is_chosen_and_drawn(opened):
    page = opened(DRAWN)
    page.wait_for_text(0, "all correct in 1 of 3 images")
    colour(page, 4, 2, 0)
    alternatives = [image.get_attribute("alt") for image in page.page.locator(".mm-samples img").all()]
    assert alternatives[0].endswith("judge: small correct, red correct, fish correct")
    assert alternatives[1].endswith("judge: big wrong, red correct, fish correct")
    page.page.get_by_role("button", name="New noise").click()
    colour(page, 4, 2, 1)
    page.page.get_by_label("guidance").fill("6")
    colour(page, 4, 6, 1)
    page.page.get_by_label("temperature").fill("0.5")
    colour(page, 2, 3, 0.5)
    page.page.get_by_label("examples").select_option("a big white star at night")
    page.wait_for_text(0, "all correct in 0 of 3 images")
    colour(page, 3, 3, 0.5)
    page.page.get_by_label("sentence").fill("a small red dragon")
    page.page.get_by_role("button", name="Draw").click()
    page.page.get_by_role("alert").filter(has_text="Not a word of the Picture Book: 'dragon'").wait_for()
    assert page.page.locator(".mm-sentence").inner_text() == "a big white star at night", "what the images show"
    assert page.scrolls_sideways(390, 900, 1280) == []
    assert page.complaints() == []


def test_a_sentence_is_drawn_by_keyboard_alone(opened):
    page = opened(DRAWN)
    page.wait_for_text(0, "all correct in 1 of 3 images")
    page.page.get_by_label("sentence").focus()
    press = page.page.keyboard.press
    press("Control+A")
    press("Delete")
    press("Enter")
    page.page.get_by_role("alert").filter(has_text="The sentence is empty").wait_for()
    page.page.keyboard.type("a red fish")
    press("Enter")
    colour(page, 3, 2, 0)
    for name in ("Draw", "examples", "⚄ New noise"):
        page.tab_to(name)
    press("Enter")
    colour(page, 3, 2, 1)
    page.tab_to("temperature")
    press("End")
    colour(page, 6, 4, 2)
    page.tab_to("guidance")
    press("Home")
    colour(page, 6, 0, 2)
    assert page.complaints() == []
