"""Captioners: one interface for three decoders; decoding in parallel equals decoding word by word."""

import pytest
import torch
from torch import nn

from mmcourse.models.captioner import ShowAndTell, ShowAttendAndTell, TransformerCaptioner
from mmcourse.models.cnn import ImageEncoder

V = 20
EVERY = (ShowAndTell, ShowAttendAndTell, TransformerCaptioner)


@pytest.fixture(params=EVERY, ids=lambda cls: cls.__name__)
def captioner(request):
    torch.manual_seed(0)
    return request.param(V, width=16, encoder=ImageEncoder((4, 6, 8))).eval()


@pytest.fixture
def images():
    return torch.rand(3, 3, 24, 32)


@pytest.fixture
def tokens():
    return torch.tensor([[2, 5, 6, 7, 8], [2, 9, 10, 0, 0], [2, 11, 12, 13, 0]])


def test_logits_for_every_next_word(captioner, images, tokens):
    assert captioner(images, tokens).shape == (3, 5, V)


def test_steps_give_the_same_logits_as_one_pass(captioner, images, tokens):
    at_once = captioner(images, tokens)
    state = captioner.start(images)
    for position in range(tokens.shape[1]):
        logits, state = captioner.step(state, tokens[:, position])
        torch.testing.assert_close(logits, at_once[:, position], rtol=1e-4, atol=1e-5)


def test_logits_do_not_depend_on_later_words(captioner, images, tokens):
    other = tokens.clone()
    other[0, 3] = 15
    before, after = captioner(images, tokens), captioner(images, other)
    torch.testing.assert_close(before[0, :3], after[0, :3])
    assert (before[0, 3] - after[0, 3]).abs().max() > 1e-4


def test_logits_depend_on_the_own_image_alone(captioner, images, tokens):
    other = images.clone()
    other[1] = torch.rand(3, 24, 32)
    before, after = captioner(images, tokens), captioner(other, tokens)
    torch.testing.assert_close(before[[0, 2]], after[[0, 2]])
    assert (before[1] - after[1]).abs().max() > 1e-5


def test_weights_of_each_word_sum_to_one_over_the_positions(captioner, images, tokens):
    logits, weights = captioner.with_weights(images, tokens)
    torch.testing.assert_close(logits, captioner(images, tokens))
    if type(captioner) is ShowAndTell:
        assert weights is None
        return
    assert captioner.grid(images) == (3, 4)
    assert weights.shape == (3, 5, 12)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(3, 5))


def test_a_frozen_encoder_keeps_its_weights_and_its_statistics(images, tokens):
    encoder = ImageEncoder((4, 6, 8))
    model = TransformerCaptioner(V, width=16, encoder=encoder, frozen=True)
    before = [value.clone() for value in encoder.state_dict().values()]
    model(images, tokens)  # as it is made, and after train()
    model.train()(images, tokens).sum().backward()
    assert (
        all(p.grad is None for p in encoder.parameters()) and model.memory_projection.position.weight.grad is not None
    )
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.state_dict().values(), strict=True))
    assert model.training and not encoder.training
    thawed = TransformerCaptioner(V, width=16, encoder=ImageEncoder((4, 6, 8))).train()
    thawed(images, tokens).sum().backward()
    assert all(p.grad is not None for p in thawed.encoder.parameters())


@pytest.mark.parametrize("kind", EVERY)
def test_stored_features_of_a_frozen_encoder_replace_the_images(kind, images, tokens):
    model = kind(V, width=16, encoder=ImageEncoder((4, 6, 8)), frozen=True).train()
    maps = model.extract_features(images, size=2)
    assert maps.shape == (3, 8, 3, 4) and maps.dtype == torch.float16 and model.grid(maps) == model.grid(images)
    torch.testing.assert_close(model.eval()(maps, tokens), model(images, tokens), rtol=1e-2, atol=1e-2)
    with pytest.raises(ValueError, match="frozen=True"):
        kind(V, width=16, encoder=ImageEncoder((4, 6, 8))).extract_features(images)


def test_the_language_lstm_remembers_earlier_contexts(images):
    torch.manual_seed(0)
    model = ShowAttendAndTell(V, width=16, encoder=ImageEncoder((4, 6, 8))).eval()
    start, other = (model.start(random_images) for random_images in (images, images.flip(3)))
    words, next_words = torch.tensor([2, 2, 2]), torch.tensor([5, 6, 7])
    _, state = model.step(start, words)
    _, elsewhere = model.step((*start[:4], *other[4:]), words)
    torch.testing.assert_close(elsewhere[0], state[0])  # what asks has read words alone
    after, after_elsewhere = (
        model.step((*language_words[:4], *start[4:]), next_words)[0] for language_words in (state, elsewhere)
    )
    assert (after - after_elsewhere).abs().max() > 1e-4


def test_the_attention_captioner_is_initialised_from_a_captioner_with_one_vector(images, tokens):
    torch.manual_seed(0)
    one, model = (kind(V, width=16, encoder=ImageEncoder((4, 6, 8))) for kind in (ShowAndTell, ShowAttendAndTell))
    missing, unexpected = model.load_state_dict(one.state_dict(), strict=False)
    assert not unexpected and {name.split(".")[0] for name in missing} == {
        "attention_lstm",
        "norm",
        "query",
        "key",
        "position",
    }
    nn.init.zeros_(model.position.weight), nn.init.zeros_(model.position.bias)
    flat = torch.ones(3, 3, 24, 32) * torch.rand(3, 3, 1, 1)  # inside, every place is the same
    one.eval(), model.eval()
    one.encoder = model.encoder = Flat()
    torch.testing.assert_close(model(flat, tokens), one(flat, tokens), rtol=1e-4, atol=1e-5)


class Flat(nn.Module):
    """An encoder whose places are all alike, so that their mean is their largest."""

    blocks, width, in_channels = (0, 0, 0), 8, 3

    def feature_maps(self, images):
        return images[:, :1, :3, :4].mean(dim=(2, 3), keepdim=True).expand(-1, 8, 3, 4)


def test_one_vector_does_not_represent_positions():
    model = ShowAndTell(V, 16, ImageEncoder((4, 6, 8))).eval()
    maps = model.encode(torch.rand(3, 3, 24, 32))
    torch.testing.assert_close(model.initial_state(maps), model.initial_state(maps[:, torch.randperm(12)]))


@pytest.mark.parametrize("kind", EVERY)
def test_every_captioner_learns_two_images(kind):
    torch.manual_seed(0)
    images = torch.zeros(2, 3, 16, 16)
    images[0, 0], images[1, 2, :, 8:] = 1, 1
    language_words = torch.tensor([[2, 5, 6, 3], [2, 7, 8, 3]])
    model = kind(V, width=16, encoder=ImageEncoder((4, 6)))
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(60):
        logits = model(images, language_words[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), language_words[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.3


def test_bad_input_is_refused(captioner, images, tokens):
    with pytest.raises(ValueError, match="3 images and 2 sentences"):
        captioner(images, tokens[:2])
    with pytest.raises(ValueError, match="vocabulary"):
        captioner(images, tokens + 15)
    with pytest.raises(ValueError, match="batch axis"):
        captioner(images[0], tokens)


def test_a_transformer_refuses_a_caption_that_is_too_long(images):
    model = TransformerCaptioner(V, width=16, encoder=ImageEncoder((4, 6, 8)), longest=4)
    with pytest.raises(ValueError, match="longest"):
        model(images, torch.full((3, 5), 2))


def test_masked_words_change_attention_but_not_the_language_lstm(images):
    torch.manual_seed(0)
    model = ShowAttendAndTell(V, width=16, encoder=ImageEncoder((4, 6, 8)), masked_words=[6, 7]).eval()
    six, seven, eight = (torch.tensor([[2, 5, word, 9]] * 3) for word in (6, 7, 8))
    assert (model(images, six) - model(images, seven)).abs().max() > 1e-5
    nn.init.zeros_(model.query.weight)  # now it looks everywhere alike, whatever it has read
    nn.init.zeros_(model.query.bias)
    torch.testing.assert_close(model(images, six), model(images, seven))
    assert (model(images, six) - model(images, eight)).abs().max() > 1e-5
    for wrong in ([V], [-1]):
        with pytest.raises(ValueError, match="masked_words is"):
            ShowAttendAndTell(V, masked_words=wrong)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_stored_features_are_converted_to_the_models_precision(kind, dtype, images, tokens):
    model = kind(V, width=16, encoder=ImageEncoder((4, 6, 8)), frozen=True).to(dtype)
    assert model(model.extract_features(images.to(dtype)), tokens).dtype == dtype


def test_extracting_features_keeps_every_modules_mode(images):
    model = ShowAndTell(V, width=16, encoder=ImageEncoder((4, 6, 8)), frozen=True)
    model.encoder.blocks[1].train()  # by someone who lets it learn its statistics
    before = [part.training for part in model.modules()]
    model.extract_features(images)
    assert [part.training for part in model.modules()] == before
