"""The search box of lesson 11 in JupyterLab: written words, a picked page, its voice, an empty query."""

import pytest

pytestmark = pytest.mark.browser

SEARCH = """import torch
from mmcourse.show import search_explorer
sentences = ["a red fish", "a blue boat", "a tree by day"]
spots = torch.eye(3)
search_explorer({"image": spots, "text": spots, "sound": spots.roll(1, dims=0)}, torch.rand(3, 3, 32, 32), sentences,
    [torch.sin(torch.arange(2000) * 0.05 * (i + 1)) for i in range(3)],
    embed_text=lambda text: spots[sentences.index(text)] if text in sentences else torch.ones(3))"""


def test_words_pages_and_voices_find_their_like(opened):
    page = opened(SEARCH)
    hits = page.page.locator(".mm-hit")
    page.wait_for_text(0, "1.00")
    assert hits.count() == 3 and "a red fish" in hits.first.inner_text()
    page.page.get_by_label("a sentence to search with").fill("a tree by day")
    page.page.wait_for_function("document.querySelector('.mm-hit').innerText.includes('a tree by day')")
    page.page.get_by_label("a sentence to search with").fill("a blue boat")
    page.page.get_by_role("button", name="sentences").click()  # at once: what was typed is not lost
    page.page.wait_for_function("document.querySelector('.mm-hit').innerText.includes('a blue boat')")
    page.page.get_by_role("button", name="images").click()
    page.page.get_by_role("button", name="query with page 2").click()
    page.wait_for_text(0, "this page")
    assert page.page.get_by_role("button", name="query with page 2").get_attribute("aria-pressed") == "true"
    assert "a blue boat" in hits.first.inner_text()
    page.page.get_by_role("button", name="sounds").click()
    page.page.wait_for_function("document.querySelector('.mm-hit').innerText.includes('a tree by day')")
    page.page.get_by_role("button", name="play number 1").click()
    page.page.get_by_role("button", name="my words").click()
    page.page.get_by_label("a sentence to search with").fill("")
    page.wait_for_text(0, "write a sentence")
    assert hits.count() == 0 and page.complaints() == []
