"""Fusion of tokens: masked tokens have no effect, missing equals masked, and attention weights sum to 1."""

import pytest
import torch

from mmcourse.models.fusion import Bottleneck, CrossAttention

SIZES, WIDTH = {"text": 6, "image": 5, "sound": 3}, 8
LENGTHS = {"text": 4, "image": 9, "sound": 7}


def tokens(batch=3):
    return {name: torch.randn(batch, LENGTHS[name], size) for name, size in SIZES.items()}


def masks(batch=3):
    return {name: torch.arange(length) < torch.tensor([length, 2, 1])[:batch, None] for name, length in LENGTHS.items()}


@pytest.fixture(params=[CrossAttention, Bottleneck])
def fusion(request):
    torch.manual_seed(2)
    return request.param(SIZES, WIDTH, heads=2)


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_tokens_in_one_feature_out(fusion, batch):
    fused = fusion(tokens(batch))
    assert fused.shape == (batch, WIDTH) and fused.isfinite().all()


def test_the_order_of_the_dict_changes_nothing(fusion):
    x, real = tokens(), masks()
    assert torch.equal(fusion(x, real), fusion(dict(reversed(x.items())), dict(reversed(real.items()))))


@pytest.mark.parametrize("missing", SIZES)
def test_an_absent_modality_equals_a_masked_one(fusion, missing):
    x = tokens()
    absent = fusion({name: v for name, v in x.items() if name != missing})
    nothing = torch.zeros(3, LENGTHS[missing], dtype=torch.bool)
    assert torch.allclose(absent, fusion(x, {missing: nothing}), atol=1e-6)
    assert not torch.allclose(absent, fusion(x), atol=1e-3)


def test_padding_changes_nothing(fusion):
    x, real = tokens(), masks()
    longer = {name: torch.cat([v, torch.full((3, 5, v.shape[2]), float("nan"))], dim=1) for name, v in x.items()}
    still = {name: torch.cat([m, torch.zeros(3, 5, dtype=torch.bool)], dim=1) for name, m in real.items()}
    assert torch.allclose(fusion(x, real), fusion(longer, still), atol=1e-6)


def test_a_masked_token_is_ignored(fusion):
    x, real = tokens(), masks()
    other = {name: torch.where(real[name][..., None], v, 100 * torch.randn_like(v)) for name, v in x.items()}
    assert torch.equal(fusion(x, real), fusion(other, real))


def test_with_one_modality_alone(fusion):
    for name, x in tokens().items():
        assert fusion({name: x}).isfinite().all()


def test_gradients_reach_every_parameter(fusion):
    (fusion(tokens(), masks()) * torch.randn(3, WIDTH)).sum().backward()
    ignored = {"kind.text"} if isinstance(fusion, CrossAttention) else set()
    for name, parameter in fusion.named_parameters():
        assert name in ignored or parameter.grad.abs().sum() > 0 or name.endswith("key.bias"), name


def test_attention_weights_sum_to_one_over_all_others():
    fusion = CrossAttention(SIZES, WIDTH, query="text", heads=2)
    fused, weights = fusion.with_weights(tokens(), masks())
    assert set(weights) == {"image", "sound"}
    assert weights["image"].shape == (3, 2, 1 + LENGTHS["text"], LENGTHS["image"])
    total = sum(w.sum(dim=-1) for w in weights.values())
    assert torch.allclose(total, torch.ones_like(total), atol=1e-5)
    assert (weights["image"][1, ..., 2:] == 0).all()


@pytest.mark.parametrize(
    ("given", "real", "says"),
    [
        ({}, None, "no modality"),
        ({"text": torch.randn(3, 6)}, None, "one vector, not tokens"),
        ({"text": torch.randn(3, 4, 5)}, None, "text is torch.float32"),
        ({"smell": torch.randn(3, 4, 6)}, None, "'smell'"),
        ({"text": torch.randn(3, 4, 6)}, {"text": torch.ones(3, 4)}, "the mask of text"),
        ({"text": torch.randn(3, 4, 6), "image": torch.randn(2, 9, 5)}, None, "text 3, image 2"),
    ],
)
def test_what_does_not_fit_is_named(fusion, given, real, says):
    with pytest.raises(ValueError, match=says):
        fusion(given, real)
