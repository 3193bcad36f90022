"""Sentences as conditions: length, the empty sentence, unknown words, what is frozen; the noise of a seed."""

import pytest
import torch

from mmcourse.data.text import pad
from mmcourse.models.sentence_condition import SentenceCondition, scaled_noise
from mmcourse.models.towers import SentenceTower
from mmcourse.picturebook.sentence import encode


def tokens(*sentences: str) -> torch.Tensor:
    return pad([encode(sentence) for sentence in sentences])


def test_conditions_point_where_the_tower_does():
    tower = SentenceTower(116, 8, 6)
    condition, two = SentenceCondition(tower), tokens("a big red fish", "this is a small blue house")
    vectors = condition(two)
    assert torch.allclose(vectors.square().mean(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(torch.cosine_similarity(vectors, tower(two)), torch.ones(2), atol=1e-5)


def test_an_empty_sentence_is_zero_and_changes_no_other():
    condition, two = SentenceCondition(), tokens("a big red fish", "a fish")
    mixed = torch.cat([two[:1], torch.zeros_like(two[:1]), two[1:]])
    assert torch.allclose(condition(mixed)[[0, 2]], condition(two), atol=1e-6)
    assert not condition(mixed)[1].any() and not condition(torch.zeros(2, 5, dtype=torch.long)).any()


def test_padding_changes_nothing_and_an_unknown_word_is_no_empty_sentence():
    condition, one = SentenceCondition(), tokens("a big red fish")
    assert torch.allclose(condition(torch.nn.functional.pad(one, (0, 3))), condition(one), atol=1e-6)
    assert condition(tokens("zeppelin")).any()


def test_a_frozen_tower_is_a_copy_without_gradients_in_evaluation_mode():
    tower = SentenceTower(116, 8, 6, dropout=0.5)
    frozen = SentenceCondition(tower)
    assert not any(p.requires_grad for p in frozen.parameters()) and all(p.requires_grad for p in tower.parameters())
    one = tokens("a big red fish")
    assert torch.equal(frozen.train()(one), frozen(one)) and not frozen.tower.training
    learned = SentenceCondition(tower, frozen=False)
    learned(one).sum().backward()
    assert learned.tower.head.weight.grad.any() and learned.tower.training


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (torch.tensor([[2, 3, 999]]), "vocabulary"),
        (torch.tensor([[2, 0, 3]]), "padding between"),
        (torch.tensor([2, 3]), r"tokens\[None\]"),
        (torch.zeros(0, 4, dtype=torch.long), "no sentence"),
        (["a fish"], "expected a tensor"),
    ],
)
def test_other_bad_tokens_are_told(wrong, message):
    with pytest.raises(ValueError, match=message):
        SentenceCondition()(wrong)


def test_noise_of_a_seed_and_a_temperature():
    like = torch.zeros(1)
    one, same, other = (scaled_noise((50, 4), 1.0, seed, like) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.allclose(scaled_noise((50, 4), 0.5, 0, like), one / 2)
    assert not scaled_noise((2, 2), 0, None, like).any()
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="temperature"):
            scaled_noise((2, 2), wrong, 0, like)
