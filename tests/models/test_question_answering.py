"""Asking a picture: places that know where they are, one look from sound to places, a question that modulates."""

import pytest
import torch

from mmcourse.models.question_answering import QuestionAnswerer, with_positions


@pytest.fixture
def model():
    torch.manual_seed(0)
    return QuestionAnswerer(n_classes=14, vocabulary_size=30, image_width=7, sound_width=6, width=8, heads=2).eval()


def test_places_keep_their_features_and_know_where_they_are():
    maps = torch.randn(2, 3, 4, 5)
    tokens = with_positions(maps, reach=2.0)
    assert tokens.shape == (2, 20, 5)
    for row in range(4):
        for column in range(5):
            token = tokens[:, row * 5 + column]
            assert torch.equal(token[:, :3], maps[:, :, row, column])
            expected = torch.tensor([-2 + column, -2 + 4 * row / 3])
            torch.testing.assert_close(token[:, 3:], expected.expand(2, 2))


def test_weights_are_shares_and_the_order_of_places_does_not_matter(model):
    x, sound, tokens = torch.randn(3, 10, 7), torch.randn(3, 6), torch.randint(1, 30, (3, 5))
    found, weights = model.attend(x, sound)
    assert found.shape == (3, 16) and weights.shape == (3, 2, 10)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2))
    order = torch.randperm(10)
    torch.testing.assert_close(model(x[:, order], sound, tokens), model(x, sound, tokens))
    torch.testing.assert_close(model.attend(x[:, order], sound)[1], weights[:, :, order])


def test_what_is_found_is_the_mean_of_the_values_so_weighted(model):
    x, sound = torch.randn(3, 10, 7), torch.randn(3, 6)
    found, weights = model.attend(x, sound)
    values = model.value(x)  # (3, 10, 16)
    first = (weights[:, 0, :, None] * values[..., :8]).sum(1)
    second = (weights[:, 1, :, None] * values[..., 8:]).sum(1)
    torch.testing.assert_close(found, torch.cat([first, second], dim=1))


def test_all_three_count_and_padding_does_not(model):
    x, sound, tokens = torch.randn(3, 10, 7), torch.randn(3, 6), torch.randint(1, 30, (3, 5))
    logits = model(x, sound, tokens)
    assert logits.shape == (3, 14)
    for changed in (
        (torch.randn_like(x), sound, tokens),
        (x, torch.randn_like(sound), tokens),
        (x, sound, tokens % 29 + 1),
    ):
        assert (model(*changed) - logits).abs().amax(1).min() > 1e-5
    torch.testing.assert_close(model(x, sound, torch.nn.functional.pad(tokens, (0, 3))), logits)


def test_every_parameter_learns(model):
    x, sound, tokens = torch.randn(8, 10, 7), torch.randn(8, 6), torch.randint(1, 30, (8, 5))
    model(x, sound, tokens).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_a_question_of_padding_alone_is_a_missing_one(model):
    x, sound = torch.randn(3, 10, 7), torch.randn(3, 6)
    assert torch.isfinite(model(x, sound, torch.zeros(3, 4, dtype=torch.int64))).all()


def test_refusals(model):
    with pytest.raises(ValueError, match="already pooled"):
        with_positions(torch.randn(2, 8))
    with pytest.raises(ValueError, match="heads that divide"):
        QuestionAnswerer(14, 30, width=10, heads=3)
    with pytest.raises(ValueError, match="pages instead of examples"):
        model(torch.randn(2, 10, 7), torch.randn(4, 6), torch.zeros(4, 5, dtype=torch.int64))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3), (3, 1)])
def test_the_only_row_or_column_is_the_middle(height, width):
    xy = with_positions(torch.zeros(1, 2, height, width))[0, :, 2:].unflatten(0, (height, width))
    assert torch.equal(xy[..., 0], torch.tensor([[0.0] if width == 1 else [-1, 0, 1]]).expand(height, width))
    assert torch.equal(xy[..., 1], torch.tensor([[0.0]] if height == 1 else [[-1.0], [0], [1]]).expand(height, width))
