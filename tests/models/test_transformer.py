"""Transformer blocks: PyTorch's own with copied weights; sentences: padding, order and positions; errors that help."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.models.attention import causal_mask
from mmcourse.models.transformer import (
    DecoderBlock,
    EncoderBlock,
    TokenEncoder,
    TransformerClassifier,
    copy_pytorch,
)

WIDTH, HEADS, HIDDEN = 16, 4, 24
REAL = torch.arange(7) < torch.tensor([[7], [4], [1]])  # (3, 7)
MEMORY_REAL = torch.arange(5) < torch.tensor([[2], [5], [3]])  # (3, 5)
ORDERS = pytest.mark.parametrize("norm_first", [True, False], ids=["norm first", "norm after"])


def both_blocks(norm_first, ours=EncoderBlock, theirs=nn.TransformerEncoderLayer):
    """Our block and PyTorch's, with the same weights, none of them at its start value."""
    other = theirs(WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True, norm_first=norm_first)
    for parameter in other.parameters():
        nn.init.normal_(parameter, std=0.3)
    mine = ours(WIDTH, HEADS, HIDDEN, norm_first=norm_first)
    copy_pytorch(mine, other)
    return mine, other


def same(mine, other, *inputs):
    """Whether values agree, and the gradients at the inputs and at every weight matrix that has a namesake."""
    assert torch.allclose(mine, other, atol=1e-5)
    a, b = torch.autograd.grad(mine.pow(2).sum(), inputs), torch.autograd.grad(other.pow(2).sum(), inputs)
    return all(torch.allclose(x, y, atol=1e-3, rtol=1e-4) for x, y in zip(a, b, strict=True))


@ORDERS
def test_the_encoder_block_is_pytorchs(norm_first):
    ours, theirs = both_blocks(norm_first)
    x = torch.randn(3, 7, WIDTH, requires_grad=True)
    assert same(ours(x), theirs(x), x)
    masked, expected = ours(x, REAL[:, None, None]), theirs(x, src_key_padding_mask=~REAL)
    assert same(masked[REAL], expected[REAL], x)
    both = causal_mask(7) & REAL[:, None, None]
    assert same(ours(x, both), theirs(x, src_mask=~causal_mask(7), src_key_padding_mask=~REAL), x)


@ORDERS
def test_the_decoder_block_is_pytorchs(norm_first):
    ours, theirs = both_blocks(norm_first, DecoderBlock, nn.TransformerDecoderLayer)
    x, memory = torch.randn(3, 7, WIDTH, requires_grad=True), torch.randn(3, 5, WIDTH, requires_grad=True)
    assert same(ours(x, memory), theirs(x, memory, tgt_mask=~causal_mask(7)), x, memory)
    masks = {"tgt_key_padding_mask": ~REAL, "memory_key_padding_mask": ~MEMORY_REAL}
    masked = ours(x, memory, REAL[:, None, None], MEMORY_REAL[:, None, None])
    assert same(masked, theirs(x, memory, tgt_mask=~causal_mask(7), **masks), x, memory)


def test_the_weights_slopes_are_pytorchs():
    ours, theirs = both_blocks(True)
    x = torch.randn(3, 7, WIDTH)
    ours(x).pow(2).sum().backward()
    theirs(x).pow(2).sum().backward()
    projections = ours.attention.query, ours.attention.key, ours.attention.value
    gradients = torch.cat([layer.weight.grad for layer in projections])
    assert torch.allclose(gradients, theirs.self_attn.in_proj_weight.grad, rtol=1e-3, atol=1e-3)
    assert torch.allclose(ours.feed_forward[3].weight.grad, theirs.linear2.weight.grad, rtol=1e-3, atol=1e-3)


def test_blocks_pass_gradcheck():
    x, memory = (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(EncoderBlock(4, 2, 6).double(), (x,))
    assert torch.autograd.gradcheck(DecoderBlock(4, 2, 6).double(), (x, memory))


def test_a_masked_word_changes_no_other_place():
    block, x = EncoderBlock(WIDTH, HEADS), torch.randn(3, 7, WIDTH)
    changed = torch.where(REAL[..., None], x, 100 * torch.randn(3, 7, WIDTH))
    assert torch.equal(block(x, REAL[:, None, None])[REAL], block(changed, REAL[:, None, None])[REAL])
    assert not torch.allclose(block(x)[REAL], block(changed)[REAL]), "without the mask it does"


def test_no_place_of_the_decoder_sees_a_later_one():
    block, x, memory = DecoderBlock(WIDTH, HEADS), torch.randn(2, 7, WIDTH), torch.randn(2, 5, WIDTH)
    later = x.clone()
    later[:, 4:] = torch.randn(2, 3, WIDTH)
    assert torch.equal(block(x, memory)[:, :4], block(later, memory)[:, :4])
    memory_later = memory + torch.eye(5)[3][:, None]
    assert not torch.allclose(block(x, memory), block(x, memory_later)), "all of memory is seen"


def test_the_cross_attentions_weights_come_with_it():
    block = DecoderBlock(WIDTH, HEADS)
    x, memory = torch.randn(3, 7, WIDTH), torch.randn(3, 5, WIDTH)
    _, weights = block.with_weights(x, memory, None, MEMORY_REAL[:, None, None])
    assert weights.shape == (3, HEADS, 7, 5)
    assert (weights.masked_select(~MEMORY_REAL[:, None, None]) == 0).all()


@pytest.fixture
def sentences():
    tokens = torch.randint(1, 30, (3, 7), generator=torch.Generator().manual_seed(3))
    return tokens.masked_fill(~REAL, 0)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_padding_changes_no_prediction_and_has_no_state(sentences, pooling):
    model = TransformerClassifier(5, 30, 16, pooling=pooling).eval()
    logits = model(sentences)
    assert logits.shape == (3, 5)
    longer = F.pad(sentences, (0, 20))
    assert torch.allclose(model(longer), logits, atol=1e-5)
    assert torch.allclose(model(sentences[1:2, :4]), logits[1:2], atol=1e-5)
    states = model.encoder.states(longer)
    assert states.shape == (3, 27, 16) and (states[longer == 0] == 0).all()


def test_without_positions_order_is_lost_and_with_them_it_is_not(sentences):
    words, turned = sentences[:1], sentences[:1].flip(1)
    bag, ordered = TokenEncoder(30, 16, positions=None).eval(), TokenEncoder(30, 16).eval()
    assert torch.allclose(bag(words), bag(turned), atol=1e-5)
    assert torch.allclose(bag.states(words).flip(1), bag.states(turned), atol=1e-5), "places move with words"
    assert not torch.allclose(ordered(words), ordered(turned), atol=1e-3)


def test_rotary_sees_distances_alone(sentences):
    encoder = TokenEncoder(30, 16, positions="rotary").eval()
    words = sentences[:1, :4]
    assert not torch.allclose(encoder(words), encoder(words.flip(1)), atol=1e-3), "order counts"
    block = encoder.blocks[0]
    x = encoder.embedding(F.pad(words, (9, 0)))  # the same words, nine places later
    later = block(x, (torch.arange(13) >= 9)[None, None, None])[:, 9:]
    assert torch.allclose(block(encoder.embedding(words)), later, atol=1e-5)
    assert encoder(torch.ones(1, 600, dtype=torch.int64)).isfinite().all(), "sentences of any length"


def test_attention_maps_of_every_layer(sentences):
    model = TransformerClassifier(5, 30, 16, heads=2, layers=3, dropout=0.5).train()
    maps = model.attention_maps(sentences)
    assert maps.shape == (3, 3, 2, 7, 7) and not maps.requires_grad and model.training
    assert torch.equal(maps, model.attention_maps(sentences)), "no dropout"
    assert torch.allclose(maps.sum(-1), torch.ones(3, 3, 2, 7))
    assert (maps[:, 1, :, :, 4:] == 0).all(), "nobody looks at padding"


@ORDERS
@pytest.mark.parametrize("positions", ["sinusoids", "rotary"])
def test_every_parameter_gets_a_gradient(sentences, norm_first, positions):
    model = TransformerClassifier(5, 30, 16, norm_first=norm_first, dropout=0.1, positions=positions)
    F.cross_entropy(model(sentences), torch.tensor([0, 3, 4])).backward()
    for name, parameter in model.named_parameters():
        if not (
            name.endswith("key.bias") and positions == "sinusoids"
        ):  # moves all of a query's scores alike, and the softmax takes no notice
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_embeddings_begin_with_the_spread_asked_for():
    for std in (1.0, 0.1):
        assert 0.9 < TokenEncoder(500, 16, std=std).embedding.weight.std() / std < 1.1


def test_positions_are_no_part_of_what_is_saved():
    assert not [name for name in TokenEncoder(30, 16).state_dict() if "places" in name]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: EncoderBlock(WIDTH, 5), "heads that divide the width"),
        (lambda: EncoderBlock(WIDTH, 4)(torch.rand(2, 3, 8)), "the layer was made for width 16"),
        (lambda: DecoderBlock(WIDTH, 4)(torch.rand(2, 3, 16), torch.rand(2, 3, 8)), "memory has shape"),
        (lambda: DecoderBlock(WIDTH, 4)(torch.rand(0, 3, 16), torch.rand(0, 3, 16)), "empty batch"),
        (lambda: TokenEncoder(30, 16)(torch.tensor([[3, 30]])), "expected 0 to 29"),
        (lambda: TokenEncoder(30, 16)(torch.zeros(0, 4, dtype=torch.int64)), "empty split"),
        (lambda: TokenEncoder(30, 16)(torch.tensor([1, 2])), r"tokens\[None\]"),
        (lambda: TokenEncoder(30, 16, longest=4)(torch.ones(1, 5, dtype=torch.int64)), "longest=5"),
        (lambda: EncoderBlock(12, 4, rotary=True), "3 features a head"),
        (lambda: TokenEncoder(30, 16, positions="learned"), "positions is 'learned'"),
        (lambda: TokenEncoder(30, 16, pooling="sum"), "pooling is 'sum'"),
    ],
)
def test_what_does_not_fit_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_attention_maps_leave_every_part_in_its_mode(sentences, modes_kept):
    model = TransformerClassifier(2, 30, width=8, heads=2, dropout=0.5)
    with modes_kept(model, model.encoder.blocks[0]):
        model.attention_maps(sentences)
