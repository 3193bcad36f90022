"""Text to image: standardised codes, guidance, determinism, and sentences that ask for nothing known."""

import pytest
import torch
from torch import nn

from mmcourse.models.autoencoder import ImageAutoencoder
from mmcourse.models.flow import euler
from mmcourse.models.text_to_image import TextToImage
from mmcourse.models.velocity import VelocityNetwork


@pytest.fixture(scope="module")
def model() -> TextToImage:
    torch.manual_seed(0)
    velocity = VelocityNetwork(channels=3, side=8, width=16, inner_width=16, depth=1, heads=2, hidden=8)
    for layer in velocity.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.3)
    return TextToImage(ImageAutoencoder(3, (8, 8)), velocity, guidance=2.0, steps=3).eval()


def test_codes_are_standardised_and_decoded_back(model):
    images = torch.rand(600, 3, 32, 32) * torch.rand(600, 3, 1, 1)
    model.fit_codes(images)
    codes = model.encode(images)
    assert torch.allclose(codes.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-3)
    assert torch.allclose(codes.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3)
    assert torch.allclose(model.decode(codes[:4]), model.autoencoder(images[:4]), atol=1e-5)


def test_drawing_repeats_with_the_seed_alone(model):
    sentences = ["a big red fish", "a small blue house at night"]
    one, same, other = (model.draw(sentences, seed=seed) for seed in (0, 0, 1))
    assert one.shape == (2, 3, 32, 32) and one.min() >= 0 and one.max() <= 1 and not one.requires_grad
    assert torch.equal(one, same) and not torch.allclose(one, other)
    assert not torch.equal(model.draw(sentences[0]), model.draw(sentences[0])), "without a seed, another each time"


def test_generate_integrates_the_guided_velocity(model):
    tokens = torch.tensor([[5, 9, 12], [7, 8, 0]])
    noise = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    nothing = torch.zeros_like(tokens)
    with torch.no_grad():
        for scale in (0.0, 1.0, 2.0):

            def velocity(x, t, scale=scale):
                with_sentence, without = model(x, t, tokens), model(x, t, nothing)
                return without + scale * (with_sentence - without)

            expected = model.decode(euler(velocity, noise, 3))
            assert torch.allclose(model.generate(tokens, seed=4, guidance=scale), expected, atol=1e-5)
        assert torch.allclose(model.generate(tokens, seed=4), expected, atol=1e-5), "2 is this model's default"
        without = model.generate(nothing, seed=4)
    assert torch.allclose(model.generate(tokens, seed=4, guidance=0), without, atol=1e-5)


def test_temperature_0_draws_one_image_for_each_sentence(model):
    still = model.draw(["a big red fish"] * 2, temperature=0)
    assert torch.allclose(still[0], still[1], atol=1e-6)


def test_odd_sentences_get_a_sensible_answer(model):
    empty, blank, pads = (
        model.draw("", seed=0),
        model.draw("   ", seed=0),
        model.generate(torch.zeros(1, 4).long(), seed=0),
    )
    assert torch.equal(empty, blank) and torch.allclose(empty, pads)
    unknown, other = model.draw("a big red zeppelin", seed=0), model.draw("a big red dirigible", seed=0)
    assert torch.equal(unknown, other) and not torch.allclose(unknown, empty)
    assert torch.allclose(
        model.draw(["", "a big red fish"], seed=0, guidance=1)[:1], model.draw("", seed=0, guidance=1)
    )


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([],), {}, "one or more strings"),
        ((["a fish", 3],), {}, "one or more strings"),
        (("a fish",), {"temperature": -1}, "temperature"),
        (("a fish",), {"steps": 0}, "whole number"),
        (("a fish",), {"guidance": float("nan")}, "finite"),
    ],
)
def test_bad_requests_are_told(model, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        model.draw(*arguments, **options)


def test_tokens_of_another_vocabulary_are_told(model):
    with pytest.raises(ValueError, match="vocabulary"):
        model.generate(torch.tensor([[5, 9_999]]))
