"""Language models: what a position may depend on, shared weights, and encoders that move to other models."""

import pytest
import torch
from torch import nn

from mmcourse.data.text import pad
from mmcourse.models.language_model import LanguageModel
from mmcourse.models.transformer import TokenEncoder, TransformerClassifier, TransformerTagger

V = 20
TOKENS = pad([[5, 6, 7, 8, 9], [10, 11, 12]])


@pytest.fixture(params=["rotary", "sinusoids"])
def positions(request):
    return request.param


@pytest.mark.parametrize("layers", [1, 3])
def test_a_later_token_changes_nothing_before_it(positions, layers):
    model = LanguageModel(V, width=16, layers=layers, positions=positions)
    before = model(TOKENS)
    for changed in range(1, 5):
        tokens = TOKENS.clone()
        tokens[0, changed] = 13
        after = model(tokens)
        assert torch.allclose(after[0, :changed], before[0, :changed], atol=1e-6)
        assert not torch.allclose(after[0, changed], before[0, changed])


def test_without_the_causal_mask_every_position_depends_on_every_token():
    model = LanguageModel(V, width=16, causal=False)
    tokens = TOKENS.clone()
    tokens[0, 4] = 13
    moved = (model(tokens) - model(TOKENS))[0].abs().amax(dim=-1)
    assert (moved > 1e-6).all()


@pytest.mark.parametrize("causal", [True, False])
def test_padding_changes_nothing(causal):
    model = LanguageModel(V, width=16, causal=causal)
    together = model(TOKENS)[1, :3]
    assert torch.allclose(together, model(TOKENS[1:, :3])[0], atol=1e-5)


def test_attention_maps_of_a_causal_model_are_lower_triangles():
    maps = LanguageModel(V, width=16, heads=2, layers=2).attention_maps(TOKENS[:1])
    assert maps.shape == (2, 1, 2, 5, 5)
    assert torch.equal(maps, maps.tril()) and torch.allclose(maps.sum(-1), torch.ones(2, 1, 2, 5))


def test_embedding_and_output_layer_are_one_matrix():
    model = LanguageModel(V, width=16, layers=1)
    shared = [p for p in model.parameters() if V in p.shape and p.dim() == 2]
    assert len(shared) == 1
    assert torch.allclose(model(TOKENS), model.encoder.states(TOKENS) @ shared[0].T + model.bias)


@pytest.mark.parametrize("head", [TransformerClassifier, TransformerTagger])
def test_the_encoder_moves_to_a_classifier_and_a_tagger(head):
    model = LanguageModel(V, width=16, causal=False)
    other = head(3, V, width=16, positions="rotary")
    other.encoder.load_state_dict(model.encoder.state_dict())
    assert torch.equal(other.encoder.states(TOKENS), model.encoder.states(TOKENS))


def test_a_tagger_gives_logits_for_every_token():
    tagger = TransformerTagger(3, V, width=16)
    logits = tagger(TOKENS)
    assert logits.shape == (2, 5, 3)
    logits.sum().backward()
    assert all(p.grad is not None for p in tagger.parameters())


def test_one_block_by_pytorch_is_the_same():
    """GPT's block is PyTorch's encoder layer with a causal mask."""
    from mmcourse.models.transformer import copy_pytorch

    encoder = TokenEncoder(V, 16, 2, 1, positions="sinusoids", causal=True)
    theirs = nn.TransformerEncoderLayer(16, 2, 64, 0.0, batch_first=True, norm_first=True)
    copy_pytorch(encoder.blocks[0], theirs)
    x = encoder.embedding(TOKENS[:1]) + encoder.positions[:5]
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    assert torch.allclose(encoder.states(TOKENS[:1]), encoder.norm(theirs(x, src_mask=mask)), atol=1e-5)


def test_logits_of_chosen_positions_alone():
    model = LanguageModel(V, width=16, causal=False)
    chosen = torch.tensor([[True, False, True, False, False], [False, True, False, False, False]])
    assert torch.allclose(model(TOKENS, chosen), model(TOKENS)[chosen], atol=1e-6)


def test_the_last_state_of_a_causal_encoder_depends_on_every_token():
    encoder = TokenEncoder(V, 16, positions="rotary", causal=True, pooling="last")
    features = encoder(TOKENS)
    assert torch.equal(features, torch.stack([encoder.states(TOKENS)[0, 4], encoder.states(TOKENS)[1, 2]]))
    for changed in range(3):
        tokens = TOKENS.clone()
        tokens[:, changed] = 13
        assert ((encoder(tokens) - features).abs().amax(dim=1) > 1e-6).all()
