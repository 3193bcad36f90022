"""Attention: equal to PyTorch's, masks that leak nothing, positions, and errors that help."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.models.attention import MultiHeadAttention, attention, causal_mask, rotate, sinusoids
from mmcourse.models.transformer import copy_pytorch

REAL = torch.arange(6) < torch.tensor([[6], [4], [1]])  # (3, 6): which places are words


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def maskings():
    yield None
    yield causal_mask(6)
    yield REAL[:, None, None]
    yield causal_mask(6) & REAL[:, None, None]


@pytest.mark.parametrize("mask", list(maskings()))
def test_attention_is_pytorchs(mask):
    q, k, v = drawn(3, 2, 6, 8), drawn(3, 2, 6, 8), drawn(3, 2, 6, 5)
    seen, weights = attention(q, k, v, mask)
    assert torch.allclose(seen, F.scaled_dot_product_attention(q, k, v, mask), atol=1e-6)
    assert torch.allclose(weights.sum(-1), torch.ones(3, 2, 6))
    if mask is not None:
        assert (weights.masked_select(~mask.expand_as(weights)) == 0).all()


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_many_heads_are_pytorchs_values_and_gradients(heads):
    theirs = nn.MultiheadAttention(8, heads, batch_first=True)
    nn.init.normal_(theirs.in_proj_bias)
    ours = MultiHeadAttention(8, heads)
    copy_pytorch(ours, theirs)
    x, memory = drawn(3, 5, 8).requires_grad_(), drawn(3, 6, 8)
    seen, weights = ours(x, memory, REAL[:, None, None])
    (gradient,) = torch.autograd.grad(seen.pow(2).sum(), x)
    expected, expected_weights = theirs(x, memory, memory, key_padding_mask=~REAL, average_attn_weights=False)
    (expected_gradient,) = torch.autograd.grad(expected.pow(2).sum(), x)
    assert torch.allclose(seen, expected, atol=1e-6)
    assert torch.allclose(weights, expected_weights, atol=1e-6)
    assert torch.allclose(gradient, expected_gradient, atol=1e-5)


def test_a_query_that_may_look_at_nothing_gets_zeros_and_finite_gradients():
    q, k, v = (drawn(2, 3, 4).requires_grad_() for _ in range(3))
    mask = torch.ones(2, 3, 3, dtype=torch.bool)
    mask[0, 1] = False
    seen, weights = attention(q, k, v, mask)
    assert torch.equal(seen[0, 1], torch.zeros(4)) and torch.equal(weights[0, 1], torch.zeros(3))
    seen.sum().backward()
    assert all(t.grad.isfinite().all() for t in (q, k, v))
    assert torch.equal(q.grad[0, 1], torch.zeros(4))


def test_what_is_masked_changes_nothing_even_where_it_is_huge():
    q, k, v = drawn(3, 1, 6, 4), drawn(3, 1, 6, 4), drawn(3, 1, 6, 4)
    before, _ = attention(q, k, v, REAL[:, None, None])
    hidden = ~REAL[:, None, :, None]
    after, _ = attention(q, k.masked_fill(hidden, 1e4), v.masked_fill(hidden, -1e4), REAL[:, None, None])
    assert torch.equal(before, after)


def test_the_scores_keep_their_spread_whatever_the_width():
    for width in (4, 64, 1024):
        q, k = drawn(1, 200, width), drawn(2, 200, width)[:1]
        _, weights = attention(q, k, k)
        assert 0.9 < (weights.log() - weights.log().mean(-1, keepdim=True)).std() < 1.1


def test_gradients_are_the_numerical_ones():
    q, k, v = (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    mask = causal_mask(3)
    assert torch.autograd.gradcheck(lambda *t: attention(*t, mask)[0], (q, k, v))
    layer = MultiHeadAttention(4, 2).double()
    assert torch.autograd.gradcheck(lambda x: layer(x, mask=mask)[0], (q,))


def test_dropout_leaves_out_a_share_of_the_weights_in_training_alone():
    layer, x = MultiHeadAttention(8, 2, dropout=0.5), drawn(2, 5, 8)
    assert not torch.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_the_causal_mask_shows_the_past_and_oneself():
    assert causal_mask(3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]


def test_sinusoids_are_the_papers_formula():
    table = sinusoids(50, 8)
    for t, i in ((0, 0), (7, 1), (49, 3)):
        assert math.isclose(table[t, 2 * i], math.sin(t / 10_000 ** (2 * i / 8)), abs_tol=1e-6)
        assert math.isclose(table[t, 2 * i + 1], math.cos(t / 10_000 ** (2 * i / 8)), abs_tol=1e-6)


def test_the_product_of_two_positions_depends_on_their_distance_alone():
    table = sinusoids(40, 16)
    products = table @ table.T
    assert torch.allclose(products[3, 8], products[30, 35], atol=1e-4)
    assert torch.allclose(products.diagonal(), torch.full((40,), 8.0))


def test_turned_vectors_know_their_distance_alone():
    query, key = drawn(1, 1, 8).expand(1, 12, 8), drawn(1, 2, 8)[:, :1].expand(1, 12, 8)
    products = (rotate(query) @ rotate(key).transpose(1, 2))[0]
    for distance in (-5, 0, 3):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[0].expand_as(diagonal), atol=1e-4)
    assert not torch.allclose(products[0, 3], products[3, 0], atol=1e-2), "before is not after"
    assert torch.allclose(rotate(query).norm(dim=-1), query.norm(dim=-1), atol=1e-5), "a turn keeps the length"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MultiHeadAttention(10, 4), "heads that divide the width, such as 1, 2, 5, 10"),
        (lambda: MultiHeadAttention(8, 0), "heads is 0"),
        (lambda: MultiHeadAttention(8, 2)(torch.rand(2, 3, 6)), "the layer was made for width 8"),
        (lambda: MultiHeadAttention(8, 2)(torch.rand(3, 8)), r"needs a batch axis: x\[None\]"),
        (lambda: MultiHeadAttention(8, 2)(torch.ones(3, 8, dtype=torch.int64)[None, :, :5]), "not embedded"),
        (lambda: MultiHeadAttention(8, 2)(torch.ones(2, 3, 8), torch.ones(2, 1, 1, 3) > 0), "by name: mask="),
        (lambda: MultiHeadAttention(8, 2)(torch.rand(0, 3, 8)), "empty batch"),
        (lambda: MultiHeadAttention(8, 2)(torch.rand(2, 3, 8), torch.rand(3, 3, 8)), "memory 3"),
        (lambda: attention(torch.rand(3, 4), torch.rand(3, 5), torch.rand(3, 4)), "4 features, keys 5"),
        (lambda: attention(torch.rand(3, 4), torch.rand(3, 4), torch.rand(2, 4)), "a value for each key"),
        (lambda: attention(torch.rand(4), torch.rand(3, 4), torch.rand(3, 4)), r"query\[None\]"),
        (lambda: attention(*[torch.rand(3, 4)] * 3, torch.ones(3, 3)), "expected bool"),
        (lambda: attention(*[torch.rand(5, 2, 3, 4)] * 3, torch.ones(5, 3).bool()), r"mask\[:, None, None\]"),
        (lambda: sinusoids(4, 5), "width is 5; expected an even number"),
    ],
)
def test_what_does_not_fit_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("size", [1.0, 40.0, 300.0])
@pytest.mark.parametrize("mask", [None, causal_mask(6), torch.zeros(6, 6, dtype=torch.bool)])
def test_half_precision_gives_the_weights_of_float32(dtype, size, mask):
    """300 * 300 * 64 is far beyond float16's largest number, 65,504, and so is a hundredth of it."""
    q, k, v = ((size * drawn(2, 6, 64) * sign).to(dtype) for sign in (1, 2, 1))
    seen, weights = attention(q, k, v, mask)
    _, expected = attention(q.float(), k.float(), v.float(), mask)
    assert seen.dtype == weights.dtype == dtype and seen.isfinite().all()
    assert torch.allclose(weights.float(), expected, atol=4e-3)


def test_under_autocast_the_scores_keep_their_digits():
    layer, x = MultiHeadAttention(64, 1), 30 * drawn(2, 6, 64)
    q, k = layer.query(x).detach().bfloat16(), layer.key(x).detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        weights = attention(q, k, k)[1].float()
    assert torch.allclose(weights, attention(q.float(), k.float(), k.float())[1], atol=4e-3)


def test_no_key_gives_zeros_and_numbers_of_no_features_are_refused():
    assert torch.equal(attention(drawn(1, 2, 4), torch.ones(1, 0, 4), torch.ones(1, 0, 3))[0], torch.zeros(1, 2, 3))
    tokens = torch.ones(1, 2, 4, dtype=torch.int64)
    with pytest.raises(ValueError, match="int64.*not embedded"):
        attention(tokens, tokens, tokens)
