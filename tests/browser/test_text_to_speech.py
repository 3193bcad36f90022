"""The widget of synthesised speech in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

SPEECH = """import torch
from mmcourse.show import text_to_speech
class Speaker:   # a tone of a quarter of a second for each word
    def speak(self, sentence, voice):
        time = torch.arange(4000 * len(sentence.split())) / 16_000
        return 0.5 * torch.sin(time * (3000 if voice == "high" else 1000))
    def boundaries(self, sentence, voice):
        return [0.25 * i for i in range(len(sentence.split()) + 1)]
text_to_speech(Speaker(), ("high", "low"), lambda sound: "a fish" if len(sound) > 8000 else "", "a red fish",
    examples=("a red fish", "a blue boat at night"))"""
HEARD = "() => document.querySelector('.mm audio').currentTime > 0.05"


def test_a_sentence_is_chosen_and_heard(opened):
    page = opened(SPEECH)
    page.wait_for_text(0, "high: “a red fish”")
    page.wait_for_text(0, "Word error rate 33%: 1 deletion in 3 words")
    player = page.page.locator(".mm audio")
    assert player.evaluate("player => player.paused && !player.autoplay"), "nothing plays by itself"
    player.click(position={"x": 25, "y": 18})
    page.page.wait_for_function(HEARD)
    assert page.page.locator(".mm-spoken-words span").all_inner_texts() == ["a", "red", "fish"]
    page.page.get_by_label("voice").select_option("low")
    page.wait_for_text(0, "low: “a red fish”")
    assert player.evaluate("player => player.paused"), "another voice waits to be played"
    page.page.get_by_label("examples").select_option("a blue boat at night")
    page.wait_for_text(0, "low: “a blue boat at night”")
    left, right = (page.page.locator(".mm-spoken-words span").nth(i).bounding_box() for i in (0, 4))
    width = page.page.locator(".mm-mels").bounding_box()["width"]
    assert right["x"] - left["x"] == pytest.approx(0.8 * width, abs=2)
    page.page.get_by_label("sentence").fill("...")
    page.page.get_by_role("button", name="Speak").click()
    page.page.get_by_role("alert").filter(has_text="The sentence is empty").wait_for()
    assert page.scrolls_sideways(390, 900, 1280) == []
    assert page.complaints() == []


def test_speech_by_keyboard_alone(opened):
    page = opened(SPEECH)
    page.wait_for_text(0, "high: “a red fish”")
    page.page.get_by_label("sentence").focus()
    press = page.page.keyboard.press
    press("Control+A")
    page.page.keyboard.type("a blue dragon")
    press("Enter")
    page.wait_for_text(0, "Not a word of the Picture Book: 'dragon'")
    page.wait_for_text(0, "high: “a blue dragon”")
    for name in ("Speak", "examples", "voice"):
        page.tab_to(name)
    press("ArrowDown")
    page.wait_for_text(0, "low: “a blue dragon”")
    page.tab_to("a blue dragon, spoken by low")
    press(" ")
    page.page.wait_for_function(HEARD)
    assert page.complaints() == []
