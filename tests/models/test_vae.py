"""The VAE's parts: KL against PyTorch's and against samples, gradients through a sample, both terms of the loss."""

import pytest
import torch

from mmcourse.models.vae import ImageVAE, kl_divergence, negative_elbo, reparameterise


def test_kl_is_pytorchs_and_that_of_samples():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    p = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    assert torch.allclose(
        kl_divergence(mean, log_variance), torch.distributions.kl_divergence(q, p).sum(dim=1), atol=1e-5
    )
    z = q.sample((50_000,))  # (S, B, D)
    sampled = (q.log_prob(z) - p.log_prob(z)).sum(dim=2)
    error = sampled.std(dim=0) / 50_000**0.5
    assert ((sampled.mean(dim=0) - kl_divergence(mean, log_variance)).abs() < 5 * error).all()


def test_kl_is_zero_at_the_prior_alone():
    zeros = torch.zeros(1, 3)
    assert kl_divergence(zeros, zeros).item() == 0
    for change in (0.1, -0.1):
        assert kl_divergence(zeros + change, zeros).item() > 0
        assert kl_divergence(zeros, zeros + change).item() > 0


def test_samples_have_the_moments_and_pass_gradients():
    torch.manual_seed(0)
    mean = torch.tensor([[1.0, -2.0]]).expand(20_000, 2).clone().requires_grad_()
    log_variance = torch.tensor([[0.0, -2.0]]).expand(20_000, 2).clone().requires_grad_()
    z = reparameterise(mean, log_variance)
    assert torch.allclose(z.mean(dim=0), torch.tensor([1.0, -2.0]), atol=0.05)
    assert torch.allclose(z.std(dim=0), torch.tensor([1.0, 0.3679]), atol=0.05)
    z.sum().backward()
    assert torch.equal(mean.grad, torch.ones_like(mean))
    assert torch.allclose(log_variance.grad, (z - mean).detach() / 2, atol=1e-6), "dz/dlogvar = sigma * epsilon / 2"


def test_loss_by_hand():
    x, reconstruction = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]])
    mean, log_variance = torch.tensor([[1.0]]), torch.tensor([[0.0]])
    # half the squared error is 2, the KL 1/2
    assert negative_elbo((reconstruction, mean, log_variance), x, beta=0.1).item() == pytest.approx(2.05)
    twice = tuple(torch.cat([part, part]) for part in (reconstruction, mean, log_variance))
    assert negative_elbo(twice, torch.cat([x, x]), beta=0.1).item() == pytest.approx(2.05)
    with pytest.raises(ValueError, match="one shape"):
        negative_elbo((reconstruction, mean, log_variance), x[:, :1])


@pytest.mark.parametrize(("size", "widths", "channels"), [(32, (8, 16, 32), 3), (28, (8, 16), 1), (8, (8, 4), 3)])
def test_image_vae_samples_in_training_alone(size, widths, channels):
    model, images = ImageVAE(5, size, widths, channels), torch.rand(3, channels, size, size)
    model.eval()
    output, mean, log_variance = model(images)
    assert output.shape == images.shape and mean.shape == log_variance.shape == (3, 5)
    assert torch.equal(output, model.decode(model.encode(images)[0]))
    model.train()
    assert not torch.equal(model(images)[0], model(images)[0])
    negative_elbo(model(images), images).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert model.decode(torch.randn(2, 5)).shape == (2, channels, size, size)


def test_what_does_not_fit_is_explained():
    with pytest.raises(ValueError, match="multiple of 8"):
        ImageVAE(5, 28)
    with pytest.raises(ValueError, match="expected size 32"):
        ImageVAE(5)(torch.rand(2, 3, 28, 28))
    with pytest.raises(ValueError, match="codes have shape"):
        ImageVAE(5).decode(torch.randn(2, 4))
    with pytest.raises(ValueError, match="for both"):
        kl_divergence(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="for both"):
        reparameterise(torch.zeros(3), torch.zeros(3))
