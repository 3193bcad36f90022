"""The captioning widget in JupyterLab: what is drawn is described, and a word shows where the model looked."""

import pytest

pytestmark = pytest.mark.browser

DRAWING = """import torch
from mmcourse.models.captioner import Captioner
from mmcourse.picturebook.sentence import END, VOCABULARY, encode
from mmcourse.show import captioning_explorer
class Painter(Captioner):
    '''Generates 'red fish' where the middle of the image is red, else 'big boat'; attends to position t for word t.'''
    def __init__(self):
        super().__init__(len(VOCABULARY))
        self.plans = torch.tensor([[*encode(text), END, END] for text in ("big boat", "red fish")])
    def grid(self, images):
        return 2, 2
    def encode(self, images):
        r, g, b = images[:, :, 20:28, 20:28].mean(dim=(2, 3)).unbind(1)
        return ((r > 0.6) & (g < 0.4) & (b < 0.5)).long()
    def initial_state(self, positions):
        return positions, torch.zeros_like(positions)
    def decode(self, state, tokens):
        which, generated = state
        position = (generated[:, None] + torch.arange(tokens.shape[1])).clamp(max=3)
        logits = 9.0 * torch.nn.functional.one_hot(self.plans[which[:, None], position], len(VOCABULARY)).float()
        return logits, torch.nn.functional.one_hot(position, 4).float(), (which, generated + tokens.shape[1])
captioning_explorer(Painter())"""


def test_a_drawing_is_captioned_and_a_word_shows_its_attention_weights(opened):
    page = opened(DRAWING)
    page.wait_for_text(0, "Generated caption")
    page.page.get_by_role("button", name="Clear").click()
    page.wait_for_text(0, "boat")
    canvas = page.page.locator(".mm-draw")
    page.page.get_by_label("brush size").fill("64")
    box = canvas.bounding_box()
    page.page.mouse.move(box["x"] + 100, box["y"] + 128)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 160, box["y"] + 128, steps=4)
    page.page.mouse.up()
    page.wait_for_text(0, "fish")
    page.page.locator(".mm-looker", has_text="fish").hover()
    page.wait_for_text(0, "Attention for 'fish': the largest weight, 1.00, is at row 1, column 2.")
    page.page.get_by_label("show attention").uncheck()
    assert not page.page.locator(".mm-unseen").is_visible()
    page.page.get_by_role("button", name="Give me a page").click()
    page.wait_for_text(0, "Now paint over it")
    assert page.complaints() == []
