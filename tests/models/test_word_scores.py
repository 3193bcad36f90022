"""A language model with the interface of prefix beam search: probabilities of words after words, kept."""

import math

import pytest
import torch

from mmcourse.models.language_model import LanguageModel
from mmcourse.models.ngram import Trigram
from mmcourse.models.word_scores import NO_WORD, WordScores
from mmcourse.picturebook.sentence import END, START, VOCABULARY, encode


def trigram():
    model = Trigram(len(VOCABULARY))
    row = encode("a red fish")
    return model.count(torch.tensor([[START, *row]]), torch.tensor([[*row, END]]))


def gpt():
    torch.manual_seed(0)
    return LanguageModel(len(VOCABULARY), width=16, heads=2, layers=1)


def test_what_followed_in_the_text_is_more_probable():
    scores = WordScores(trigram())
    assert scores(("a", "red"), "fish") > math.log(0.7) > math.log(0.1) > scores(("a", "red"), "boat")
    assert scores(("a", "red", "fish"), None) > scores(("a", "red"), None)


@pytest.mark.parametrize("model", [trigram, gpt])
def test_words_and_the_end_are_a_distribution(model):
    scores = WordScores(model().eval())
    total = sum(math.exp(scores(("a",), word)) for word in VOCABULARY[5:]) + math.exp(scores(("a",), None))
    assert 0.8 < total <= 1 + 1e-5


def test_a_sentence_scores_as_the_language_model_itself_scores_it():
    model, words = gpt().eval(), ("a", "red", "fish", "above", "a", "boat")
    tokens = torch.tensor([[START, *encode(" ".join(words)), END]])
    rows = model(tokens[:, :-1]).log_softmax(dim=2)
    expected = rows.gather(2, tokens[:, 1:, None]).sum().item()
    scores = WordScores(model)
    assert sum(scores(words[:i], word) for i, word in enumerate((*words, None))) == pytest.approx(expected, abs=1e-3)


def test_what_is_no_word_gets_its_own_value_and_the_model_is_asked_once():
    asked = []

    def model(tokens):
        asked.append(tokens)
        return torch.zeros(1, tokens.shape[1], len(VOCABULARY))

    scores = WordScores(model, no_word=-7.0)
    assert scores(("a",), "fisj") == -7.0 != NO_WORD
    assert scores(("a",), "fish") == pytest.approx(-math.log(len(VOCABULARY)))
    assert len(asked) == 1 and asked[0].tolist() == [[START, *encode("a")]]
