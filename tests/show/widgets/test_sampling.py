"""The widget that samples from a language model, without a browser."""

import io

import pytest
import torch
from PIL import Image
from torch import nn

from mmcourse.models.language_model import LanguageModel
from mmcourse.models.sampling import next_token_probabilities
from mmcourse.picturebook.sentence import END, MASK, START, VOCABULARY, encode
from mmcourse.show import sampling_explorer
from mmcourse.show.widgets.sampling import LONGEST


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LanguageModel(len(VOCABULARY), width=16, dropout=0.5).train()


def act(widget, name, count=[0]):  # noqa: B006
    count[0] += 1
    widget.action = {"name": name, "count": count[0]}


class Ends(nn.Module):
    """After the prompt comes 'fish', then the end."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, len(VOCABULARY))
        fish = encode("fish")[0]
        return logits.scatter(2, torch.where(tokens == fish, END, fish)[..., None], 40.0)


def test_candidates_are_the_models_distribution_and_the_truncated_one(model):
    widget = sampling_explorer(model, "a small")
    widget.temperature, widget.top_k, widget.top_p = 0.7, 3, 0.9
    logits = model.eval()(torch.tensor([[START, *encode("a small")]]))[0, -1].detach()
    logits[[0, 1, START, MASK]] = -torch.inf
    expected = next_token_probabilities(logits, 0.7, 3, 0.9)
    for word, of_model, drawn in widget.result["candidates"]:
        i = VOCABULARY.index(word)
        assert of_model == pytest.approx(logits.softmax(0)[i].item(), abs=1e-4)
        assert drawn == pytest.approx(expected[i].item(), abs=1e-4)
    assert widget.result["kept"] == int((expected > 0).sum())
    assert [word for word, *_ in widget.result["candidates"]][0] == VOCABULARY[int(logits.argmax())]


def test_words_are_drawn_one_by_one_and_to_the_end():
    widget = sampling_explorer(Ends(), "a small")
    assert widget.sentence == "a small" and not widget.result["ended"]
    act(widget, "next")
    assert widget.result["words"][-1] == ["fish", 1.0]
    act(widget, "finish")
    assert widget.sentence == "a small fish <end>" and widget.result["ended"] and widget.result["candidates"] == []
    act(widget, "next")
    assert widget.sentence == "a small fish <end>", "nothing follows the end"
    act(widget, "restart")
    assert widget.sentence == "a small"


def test_another_prompt_starts_again(model):
    widget = sampling_explorer(model, "a small")
    act(widget, "next")
    widget.prompt = "there is a dragon"
    assert widget.sentence == "there is a <unk>" and "not in the vocabulary" in widget.result["note"]
    widget.prompt = ""
    assert widget.result["words"] == [] and widget.result["candidates"]


def test_a_text_without_an_end_stops(model):
    widget = sampling_explorer(model, "a small")
    widget.end = -1
    act(widget, "finish")
    assert len(widget.result["words"]) == LONGEST - 1 and "has reached" in widget.result["note"]


def test_the_same_seed_draws_the_same_and_the_model_stays_as_it_was(model):
    first, second = (sampling_explorer(model, "a", seed=3) for _ in range(2))
    for widget in (first, second):
        act(widget, "finish")
    assert first.sentence == second.sentence and model.training


def test_settings_change_what_can_be_drawn(model):
    widget = sampling_explorer(model, "a small")
    all_words = widget.result["kept"]
    widget.top_k = 2
    assert widget.result["kept"] == 2 < all_words == len(VOCABULARY) - 4
    widget.top_k, widget.top_p = 0, 0.3
    assert 1 <= widget.result["kept"] < all_words


def test_it_shows_a_still_image(model):
    widget = sampling_explorer(model, "a small")
    png, alt = widget.still()
    assert Image.open(io.BytesIO(png)).width > 400 and "a small" in alt


def test_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="Likely cause: another vocabulary"):
        sampling_explorer(LanguageModel(20, width=16), "a small")
