"""The widget of a CTC recogniser in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

RECOGNISER = """import torch
from mmcourse.show import recogniser
characters = ("-", " ", *"abcdefghijklmnopqrstuvwxyz")
class Recogniser(torch.nn.Module):   # 'a red fish', and 'a bed fish' in much noise, whatever is said
    def forward(self, mels, lengths):
        text = "aa--  -bbee-d-  -f-i-s-h--" if float(mels.amin()) > 1e-3 else "aa--  -rree-d-  -f-i-s-h--"
        ids = torch.tensor([characters.index(c) for c in text])
        return torch.nn.functional.one_hot(ids, 28)[None].mul(0.9).add(0.1 / 28).log(), torch.tensor([len(ids)])
def bands(sounds):
    return sounds[:, :len(sounds[0]) // 160 * 160].unflatten(1, (-1, 160)).square().mean(2)[:, None].expand(-1, 4, -1)
recogniser(Recogniser(), bands, characters, "a red fish", examples=("a red fish", "a red boat"))"""

HEARD = "() => { const player = document.querySelector('.mm audio'); return player.currentTime > 0.05; }"


def symbols(page):
    return page.page.locator(".mm-symbols").all_inner_texts()


def test_a_sentence_is_chosen_heard_and_recognised(opened):
    page = opened(RECOGNISER)
    page.wait_for_text(0, "Word error rate 0%: all 3 words are correct")
    assert symbols(page) == ["aa--␣␣-rree-d-␣␣-f-i-s-h--", "a-␣-re-d-␣-f-i-s-h-", "a red fish"]
    player = page.page.locator(".mm audio")
    assert player.evaluate("player => player.paused && !player.autoplay"), "nothing plays by itself"
    player.click(position={"x": 25, "y": 18})
    page.page.wait_for_function(HEARD)
    page.page.get_by_label("signal to noise").fill("-10")
    page.wait_for_text(0, "Word error rate 33%: 1 substitution in 3 words")
    assert page.page.get_by_label("red, recognised as bed").is_visible()
    page.page.get_by_label("examples").select_option("a red boat")
    page.wait_for_text(0, "Word error rate 67%: 2 substitutions in 3 words")
    box = page.page.locator(".mm-mels").bounding_box()
    page.page.mouse.move(box["x"] + box["width"] * 7.5 / 26, box["y"] + 10)
    page.wait_for_text(0, "frame 8 of 26: b 0.9")
    assert page.page.locator(".mm-at").all_inner_texts() == ["b"]
    page.page.get_by_label("sentence").fill("a red dragon")
    page.page.get_by_role("button", name="Recognise").click()
    page.page.get_by_role("alert").filter(has_text="Not a word of the Picture Book: 'dragon'").wait_for()
    assert page.page.get_by_label("sentence").get_attribute("aria-invalid") == "true"
    assert page.scrolls_sideways(390, 900, 1280) == []
    assert page.complaints() == []


def test_a_recogniser_by_keyboard_alone(opened):
    page = opened(RECOGNISER)
    page.wait_for_text(0, "Word error rate 0%")
    page.page.get_by_label("sentence").focus()
    press = page.page.keyboard.press
    press("Control+A")
    press("Delete")
    press("Enter")
    page.page.get_by_role("alert").filter(has_text="The sentence is empty").wait_for()
    page.page.keyboard.type("A red, red fish")
    press("Enter")
    page.wait_for_text(0, "Word error rate 25%: 1 deletion in 4 words")
    assert page.page.get_by_role("alert").inner_text() == ""
    for name in ("Recognise", "examples", "voice"):
        page.tab_to(name)
    before = page.page.locator(".mm audio").get_attribute("src")
    press("ArrowDown")
    changed = "before => document.querySelector('.mm audio').src !== before"
    page.page.wait_for_function(changed, arg=before)
    page.tab_to("signal to noise")
    press("Home")
    page.wait_for_text(0, "1 substitution")
    page.tab_to("⚄ New reading")
    before = page.page.locator(".mm audio").get_attribute("src")
    press("Enter")
    page.page.wait_for_function(changed, arg=before)
    press("Tab")
    press(" ")
    page.page.wait_for_function(HEARD)
    page.tab_to("frame")
    press("ArrowRight")
    press("ArrowRight")
    page.wait_for_text(0, "frame 3 of 26: blank 0.9")
    assert page.complaints() == []
