"""The widgets of lessons 02 and 04 in JupyterLab: what is typed is read at once, a word shows where it looks."""

import pytest

pytestmark = pytest.mark.browser

READING = """import torch
from mmcourse.show import saliency_explorer
class FishFinder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(116, 1)
        torch.nn.init.zeros_(self.embedding.weight)
        with torch.no_grad():
            self.embedding.weight[FISH] = 3.0
    def forward(self, tokens):
        found = self.embedding(tokens).sum(dim=(1, 2))
        return torch.stack([1 - found, found], dim=1)
from mmcourse.picturebook.sentence import encode
FISH = encode("fish")[0]
saliency_explorer(FishFinder(), "a red fish", ["no fish", "a fish"])"""

LOOKING = """import torch
from mmcourse.show import attention_explorer
class LooksBack(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
    def attention_maps(self, tokens):
        words = tokens.shape[1]
        first = torch.zeros(1, 1, 1, words, words)
        first[..., 0] = 1
        return torch.cat([first, torch.eye(words).expand(1, 1, 1, words, words)], dim=2)
attention_explorer(LooksBack(), ["a red fish", "a small boat"], head=0)"""


def test_typing_is_read_and_unknown_words_are_marked(opened):
    page = opened(READING)
    page.wait_for_text(0, "3 words; predicted: ‘a fish’.")
    area = page.page.get_by_label("sentence", exact=True)
    area.fill("a red dragon")
    page.wait_for_text(0, "3 words; predicted: ‘no fish’.")
    assert page.page.locator(".mm-words .mm-unknown").all_inner_texts() == ["dragon\n\u00a0"]
    page.page.get_by_label("class that the tints explain").select_option(label="a fish")
    page.wait_for_text(0, "evidence for ‘a fish’")
    area.fill("")
    page.wait_for_text(0, "There is no word yet")
    assert page.complaints() == []


def test_pointing_at_a_word_shows_where_it_looks(opened):
    page = opened(LOOKING)
    page.wait_for_text(0, "Mean attention weight on each word")
    page.page.locator(".mm-looker", has_text="fish").hover()
    page.wait_for_text(0, "fish attends to: a 1")
    page.page.get_by_label("head", exact=True).select_option(label="2 of 2")
    page.page.get_by_label("examples of sentences").select_option(label="a small boat")
    page.page.locator(".mm-looker", has_text="boat").hover()
    page.wait_for_text(0, "boat attends to: itself 1")
    assert page.complaints() == []
