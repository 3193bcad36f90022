"""The widgets of lessons 08 to 10 in JupyterLab: a line moves, a word is heard, a question grows, a sense is muted."""

import pytest

pytestmark = pytest.mark.browser

SUMS = """import torch
from mmcourse.show import fusion_explorer
rng = torch.Generator().manual_seed(0)
around = lambda *middle: torch.tensor(middle) + 0.01 * torch.randn(20, 3, generator=rng)
fusion_explorer([around(1.0, 0, 0), around(-1.0, 0, 0)], [around(0, 1.0, 0), around(0, -1.0, 0)], ("fish", "boat"))"""

ANSWERING = """import torch
from mmcourse.show import question_answering_explorer
class Pointer(torch.nn.Module):
    '''Attends to the position that the word names, and answers by the number of words in the question.'''
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
    def attend(self, positions, sound):
        return None, torch.nn.functional.one_hot(sound[:, 0].long(), 4).float()[:, None]
    def forward(self, positions, sound, tokens):
        return 9.0 * torch.nn.functional.one_hot((tokens != 0).sum(dim=1) - 1, 3)
question_answering_explorer(Pointer(), torch.rand(2, 3, 32, 32), torch.zeros(2, 4, 1), ["red fish", "big boat"],
    speak=lambda word: 0.1 * torch.ones(800) * ["red", "fish", "big", "boat"].index(word),
    encode_sound=lambda sounds: torch.stack([sound[:1] / 0.1 for sound in sounds]).round(),
    classes=("one", "two", "three"), questions=["what colour", "where is it"])"""

MISSING = """import torch
from torch import nn
from mmcourse.models.branches import Branches
from mmcourse.show import missing_explorer
class Same(nn.Module):
    width = 3
    def forward(self, x):
        return x
torch.manual_seed(0)
model = Branches({"image": Same(), "sound": Same()}, 3, 3)
model.eval()
x = torch.eye(3)
missing_explorer({"plain": model, "other": model}, (x, x), torch.arange(3), ("fish", "boat", "moon"))"""
SHOWN = "document.querySelector('.mm-missing').innerText.trim()"


def test_no_line_parts_the_sums_and_one_parts_the_products(opened):
    page = opened(SUMS)
    page.wait_for_text(0, "of 80 points on the correct side of the line")
    page.page.get_by_role("button", name="best line").click()
    page.wait_for_text(0, "60 of 80 points on the correct side of the line: 0.75")
    page.page.get_by_label("α").fill("0.9")
    page.wait_for_text(0, "0.90")
    page.page.get_by_role("button", name="product").click()
    page.page.get_by_role("button", name="best line").click()
    page.wait_for_text(0, "80 of 80 points on the correct side of the line: 1.00")
    assert page.complaints() == []


def test_a_word_shows_where_it_looks_and_answers_grow_with_the_question(opened):
    page = opened(ANSWERING)
    page.wait_for_text(0, "The answer after each word")
    page.page.locator(".mm-looker", has_text="fish").hover()
    assert "row 1, column 2" in page.page.locator(".mm-look").get_attribute("aria-label")
    page.page.get_by_role("button", name="page 2").click()
    page.page.locator(".mm-looker", has_text="boat").hover()
    page.wait_for_text(0, "spoken word: boat")
    assert "row 2, column 2" in page.page.locator(".mm-look").get_attribute("aria-label")
    page.page.get_by_label("a question").fill("what size is")
    page.wait_for_text(0, "three 1.00")
    page.page.get_by_label("examples of questions").select_option(label="what colour")
    page.wait_for_text(0, "two 1.00")
    assert page.complaints() == []


def test_a_muted_sense_goes_and_comes_back(opened):
    page = opened(MISSING)
    page.wait_for_text(0, "True class: fish.")
    everything = page.page.evaluate(SHOWN)
    buttons = [page.page.locator(".mm-sense", has_text=sense).get_by_role("button") for sense in ("image", "sound")]
    for button in buttons:
        button.click()
    page.wait_for_text(0, "Without any modality")
    for button in buttons:
        button.click()
    page.page.wait_for_function(f"text => {SHOWN} === text", arg=everything)
    page.page.get_by_label("noise on the sound").fill("1")
    page.page.wait_for_function(f"text => {SHOWN} !== text", arg=everything)
    assert page.complaints() == []
