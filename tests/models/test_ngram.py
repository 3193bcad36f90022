"""The trigram model: counts by hand, distributions that sum to 1, no probability of 0."""

import pytest
import torch

from mmcourse.data.language import next_tokens
from mmcourse.data.text import pad
from mmcourse.models.ngram import Trigram

START, END, V = 2, 3, 8
TEXT = pad([[4, 5, 6], [4, 5, 7], [5, 6]])


@pytest.fixture
def model():
    return Trigram(V, weights=(0.5, 0.3, 0.1, 0.1)).count(*next_tokens(TEXT, START, END))


def test_probabilities_by_hand(model):
    p = model(torch.tensor([[START, 4, 5]])).exp()[0, 2]  # after 4, 5
    # trigrams 4 5 6 and 4 5 7, once each; after 5 comes 6 twice, 7 once; 11 tokens, 6 twice among them
    assert p[6].item() == pytest.approx(0.5 / 2 + 0.3 * 2 / 3 + 0.1 * 2 / 11 + 0.1 / 8)
    assert p[7].item() == pytest.approx(0.5 / 2 + 0.3 * 1 / 3 + 0.1 * 1 / 11 + 0.1 / 8)
    first = model(torch.tensor([[START]])).exp()[0, 0]
    assert first[4].item() == pytest.approx(0.5 * 2 / 3 + 0.3 * 2 / 3 + 0.1 * 2 / 11 + 0.1 / 8)


def test_every_distribution_sums_to_1_and_nothing_is_impossible(model):
    p = model(torch.randint(1, V, (20, 6))).exp()
    assert torch.allclose(p.sum(dim=-1), torch.ones(20, 6), atol=1e-5) and p.min() > 0


def test_a_token_depends_on_two_before_it_alone(model):
    a, b = model(torch.tensor([[START, 4, 5, 6]])), model(torch.tensor([[4, 7, 5, 6]]))
    assert torch.allclose(a[0, 3], b[0, 3]) and not torch.allclose(a[0, 2], b[0, 2])


def test_counting_in_parts_is_counting_at_once(model):
    parts = Trigram(V, model.weights)
    for row in TEXT:
        parts.count(*next_tokens(row[row != 0][None], START, END))
    assert torch.equal(parts.counts, model.counts)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Trigram(5_000), "512 or fewer"),
        (lambda: Trigram(V, (0.5, 0.5, 0, 0)), "the last above 0"),
        (lambda: Trigram(V, (0.5, 0.1, 0.1, 0.1)), "sum to 1"),
        (lambda: Trigram(V)(torch.tensor([[9]])), "expected 0 to 7"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
