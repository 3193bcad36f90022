"""Conditional VAE and GAN: modulation, what the sentence reaches, the loss's KL term, projection, determinism."""

import pytest
import torch
from torch import nn

from mmcourse import Batches, fit, fit_adversarial
from mmcourse.models.conditional import ConditionalVAE, ModulatedDecoder, SentenceDiscriminator, SentenceGenerator
from mmcourse.models.sentence_condition import SentenceCondition
from mmcourse.models.towers import SentenceTower
from mmcourse.models.vae import negative_elbo

WIDTHS = (8, 6, 6, 4)


def text() -> SentenceCondition:
    torch.manual_seed(0)
    return SentenceCondition(SentenceTower(20, 6, 5))


def sentences(n: int = 4) -> torch.Tensor:
    return torch.randint(1, 20, (n, 5), generator=torch.Generator().manual_seed(1))


def test_the_decoder_modulates_every_convolution():
    torch.manual_seed(0)
    decoder = ModulatedDecoder(5, WIDTHS).eval()
    x = torch.randn(3, 5)
    images = decoder(x)
    assert images.shape == (3, 3, 32, 32) and images.min() >= 0 and images.max() <= 1
    nn.init.zeros_(decoder.linear.weight)  # now the vector reaches the images by FiLM alone
    images = decoder(x)
    assert not torch.allclose(images[0], images[1])
    for modulation in decoder.modulations:
        nn.init.zeros_(modulation.weight)
    images = decoder(x)
    assert torch.allclose(images[0], images[1])


def test_vae_outputs_fit_the_elbo_and_its_kl():
    torch.manual_seed(0)
    model, images, tokens = ConditionalVAE(text(), 7, WIDTHS), torch.rand(4, 3, 32, 32), sentences()
    outputs = model(images, tokens)
    assert [tuple(part.shape) for part in outputs] == [(4, 3, 32, 32), (4, 7), (4, 7)]
    parts = [negative_elbo(outputs, images, beta) for beta in (0.0, 1.0)]
    q = torch.distributions.Normal(outputs[1], (outputs[2] / 2).exp())
    p = torch.distributions.Normal(torch.zeros(4, 7), torch.ones(4, 7))
    kl = torch.distributions.kl_divergence(q, p).sum(dim=1).mean()
    assert (parts[1] - parts[0]).item() == pytest.approx(kl.item(), rel=1e-3)


def test_the_vae_samples_in_training_alone_and_uses_sentence_and_code():
    model, images, tokens = ConditionalVAE(text(), 7, WIDTHS), torch.rand(4, 3, 32, 32), sentences()
    model.eval()
    output, mean, _ = model(images, tokens)
    condition = model.text(tokens)
    assert torch.equal(output, model.decode(mean, condition))
    assert not torch.allclose(output, model.decode(mean, condition.flip(0)))
    assert not torch.allclose(mean, model.encode(images, condition.flip(0))[0])
    assert not torch.allclose(output, model.decode(mean + 1, condition))


@pytest.mark.parametrize("model", [ConditionalVAE(text(), 7, WIDTHS), SentenceGenerator(5, text(), 7, WIDTHS)])
def test_generation_is_repeatable_and_leaves_the_model_in_its_mode(model):
    model.train()
    tokens = sentences(2)
    one, same, other = (model.generate(tokens, seed=seed) for seed in (0, 0, 1))
    assert model.training and not one.requires_grad and one.shape == (2, 3, 32, 32)
    assert torch.equal(one, same) and not torch.allclose(one, other)
    assert not torch.allclose(one[0], one[1])
    still = model.generate(tokens[:1].expand(3, -1), temperature=0)
    assert torch.allclose(still[0], still[1], atol=1e-6)
    empty = model.generate(torch.zeros(1, 4, dtype=torch.long), seed=0)
    assert empty.isfinite().all()
    with pytest.raises(ValueError, match="temperature"):
        model.generate(tokens, temperature=-1)


def test_projection_by_hand():
    torch.manual_seed(0)
    discriminator, tokens = SentenceDiscriminator(5, text(), (8, 8, 16)).eval(), sentences()
    images = torch.rand(4, 3, 32, 32)
    features, condition = discriminator.features(images), discriminator.text(tokens)
    without = discriminator.linear(features).squeeze(1)
    expected = without + torch.einsum("bd,de,be->b", features, discriminator.projection.weight, condition)
    assert torch.allclose(discriminator(images, tokens), expected, atol=1e-5)
    nothing = torch.zeros(4, 5, dtype=torch.long)
    assert torch.allclose(discriminator(images, nothing), without, atol=1e-6), "no sentence, no projection"


def test_both_train_with_the_course_s_loops():
    images, tokens = torch.rand(8, 3, 32, 32), sentences(8)
    vae = ConditionalVAE(text(), 7, WIDTHS)
    frozen = vae.text.tower.head.weight.clone()
    assert fit(vae, Batches(images, tokens, images, size=4), loss=negative_elbo, metrics=(), verbose=False).steps == 2
    assert torch.equal(vae.text.tower.head.weight, frozen)
    shared = text()  # frozen, so that both players may use the same one
    players = SentenceGenerator(5, shared, 7, WIDTHS), SentenceDiscriminator(5, shared, (8, 8, 16))
    assert fit_adversarial(*players, Batches(images, tokens, size=4), verbose=False).steps == 2
    assert all(torch.equal(player.text.tower.head.weight, frozen) for player in players)


def test_wrong_sizes_are_told():
    model = ConditionalVAE(text(), 7, WIDTHS)
    with pytest.raises(ValueError, match="32 x 32"):
        model(torch.rand(2, 3, 16, 16), sentences(2))
    with pytest.raises(ValueError, match=r"\(B, 7\)"):
        model.decode(torch.randn(2, 6), torch.randn(2, 6))
    with pytest.raises(ValueError, match=r"\(B, 7\)"):
        SentenceGenerator(5, text(), 7, WIDTHS)(torch.randn(2, 6), sentences(2))
