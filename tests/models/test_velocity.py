"""The velocity network: shapes, the identity at the start, and the reach of time, condition and every position."""

import pytest
import torch
from torch import nn

from mmcourse.models.attention import MultiHeadAttention
from mmcourse.models.velocity import ModulatedBlock, ModulatedResidual, VelocityNetwork, modulate, time_features

SMALL = {
    "channels": 2,
    "side": 4,
    "condition_size": 3,
    "width": 8,
    "inner_width": 8,
    "depth": 2,
    "heads": 2,
    "hidden": 6,
}


def awake(**options) -> VelocityNetwork:
    """A network whose modulation and output do not start at 0."""
    torch.manual_seed(0)
    model = VelocityNetwork(**SMALL | options)
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.3)
    return model


def test_time_features_are_bounded_and_tell_times_apart():
    t = torch.linspace(0, 1, 50)
    features = time_features(t, 8)
    assert features.shape == (50, 8) and features.abs().max() <= 1
    assert torch.pdist(features).min() > 0.01


def test_modulation_by_hand():
    x, scale, shift = torch.randn(2, 5, 3), torch.randn(2, 3), torch.randn(2, 3)
    for i in range(2):
        assert torch.allclose(modulate(x, scale, shift)[i], x[i] * (1 + scale[i]) + shift[i])


def test_an_untrained_block_is_the_identity_and_an_untrained_network_gives_zeros():
    x, condition = torch.randn(2, 5, 8), torch.randn(2, 6)
    assert torch.equal(ModulatedBlock(8, 2, 6)(x, condition), x)
    maps = torch.randn(2, 8, 4, 4)
    assert torch.equal(ModulatedResidual(8, 6)(maps, condition), maps)
    model = VelocityNetwork(**SMALL)
    assert not model(torch.randn(2, 2, 4, 4), torch.rand(2), torch.randn(2, 3)).any()


def test_a_block_with_open_gates_is_a_transformer_block():
    torch.manual_seed(0)
    block, x = ModulatedBlock(8, 2, 6), torch.randn(2, 5, 8)
    with torch.no_grad():
        block.modulation.bias[16:24] = block.modulation.bias[40:48] = 1.0  # both gates; no scale and no shift
    plain = nn.TransformerEncoderLayer(8, 2, 32, 0.0, nn.GELU(approximate="tanh"), batch_first=True, norm_first=True)
    own = block.attention
    assert isinstance(own, MultiHeadAttention)
    with torch.no_grad():
        parts = (own.query, own.key, own.value)
        plain.self_attn.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        plain.self_attn.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    plain.self_attn.out_proj.load_state_dict(own.out.state_dict())
    plain.linear1.load_state_dict(block.feed_forward[0].state_dict())
    plain.linear2.load_state_dict(block.feed_forward[2].state_dict())
    assert torch.allclose(block(x, torch.randn(2, 6)), plain(x), atol=1e-5)


def test_the_condition_modulates_a_residual_block():
    torch.manual_seed(0)
    block, maps = ModulatedResidual(8, 6), torch.randn(2, 8, 4, 4)
    for layer in (block.convolution2, block.modulation):
        nn.init.normal_(layer.weight, std=0.3)
    one, other = torch.randn(2, 6), torch.randn(2, 6)
    assert not torch.allclose(block(maps, one), block(maps, other))
    assert torch.allclose(block(maps, one)[:1], block(maps[:1], one[:1]), atol=1e-6)


@pytest.mark.parametrize(("channels", "side"), [(2, 4), (8, 8), (4, 6)])
def test_the_output_has_the_shape_of_the_codes(channels, side):
    model = awake(channels=channels, side=side)
    assert len(model.positions) == (side // 2) ** 2
    x = torch.randn(3, channels, side, side)
    assert model(x, torch.rand(3), torch.randn(3, 3)).shape == x.shape


def test_time_condition_and_every_position_count():
    model = awake()
    x, t, condition = torch.randn(2, 2, 4, 4), torch.rand(2), torch.randn(2, 3)
    out = model(x, t, condition)
    assert not torch.allclose(out, model(x, t + 0.1, condition))
    assert not torch.allclose(out, model(x, t, condition + 1))
    assert torch.allclose(out[:1], model(x[:1], t[:1], condition[:1]), rtol=1e-4, atol=1e-5), "examples are independent"
    moved = x.clone()
    moved[:, :, 0, 0] += 1
    assert not torch.allclose(out[:, :, 3, 3], model(moved, t, condition)[:, :, 3, 3])


def test_all_parameters_learn_once_the_output_is_not_zero():
    model = awake()
    model(torch.randn(2, 2, 4, 4), torch.rand(2), torch.randn(2, 3)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("x", "t", "condition", "message"),
    [
        ((2, 3, 4, 4), (2,), (2, 3), r"\(B, 2, 4, 4\)"),
        ((2, 2, 8, 8), (2,), (2, 3), r"\(B, 2, 4, 4\)"),
        ((2, 2, 4, 4), (2, 1), (2, 3), r"expected \(2,\)"),
        ((2, 2, 4, 4), (2,), (2, 4), r"\(2, 3\)"),
    ],
)
def test_wrong_shapes_are_told(x, t, condition, message):
    with pytest.raises(ValueError, match=message):
        VelocityNetwork(**SMALL)(torch.randn(x), torch.rand(t), torch.randn(condition))


def test_a_side_is_even():
    with pytest.raises(ValueError, match="even number"):
        VelocityNetwork(**SMALL | {"side": 5})
