"""The sampling widget of lesson 05 in JupyterLab, by mouse and by keyboard alone."""

import pytest

pytestmark = pytest.mark.browser

SAMPLING = """import torch
from mmcourse.picturebook.sentence import END, VOCABULARY, encode
from mmcourse.show import sampling_explorer
class FishOrBoat(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
    def forward(self, tokens):
        logits = torch.full((*tokens.shape, len(VOCABULARY)), -9.0)
        fish, boat = encode("fish boat")
        logits[..., fish], logits[..., boat] = 2.0, 1.0
        over = (tokens == fish) | (tokens == boat)
        logits[over] = -9.0
        logits[over, END] = 9.0
        return logits
sampling_explorer(FishOrBoat(), "a small red")"""


def test_words_are_sampled_and_truncated(opened):
    page = opened(SAMPLING)
    page.wait_for_text(0, "words can be drawn")
    page.page.get_by_label("top-k", exact=True).fill("1")
    page.wait_for_text(0, "1 word can be drawn")
    page.page.get_by_role("button", name="Sample a word").click()
    page.wait_for_text(0, "fish")
    page.page.get_by_role("button", name="Sample to the end").click()
    page.wait_for_text(0, "The sentence has ended.")
    page.page.get_by_role("button", name="Start again").click()
    page.wait_for_text(0, "1 word can be drawn")
    assert page.complaints() == []


def test_by_keyboard_alone(opened):
    page = opened(SAMPLING)
    page.wait_for_text(0, "words can be drawn")
    prompt = page.page.get_by_label("prompt", exact=True)
    prompt.focus()
    page.page.keyboard.press("Control+A")
    page.page.keyboard.type("there is a big")
    assert prompt.input_value() == "there is a big"
    page.page.keyboard.press("Tab")
    for _ in range(3):
        page.page.keyboard.press("ArrowLeft")
    assert page.page.get_by_label("temperature", exact=True).input_value() == "0.7"
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("ArrowRight")
    page.wait_for_text(0, "1 word can be drawn")
    for _ in range(2):
        page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")
    page.wait_for_text(0, "fish")
    assert page.complaints() == []
