"""Autoencoders: shapes, the contract decode(encode(x)), PCA as the linear case, padding, and messages."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.data.text import pad
from mmcourse.models.autoencoder import (
    DenseAutoencoder,
    ImageAutoencoder,
    RecurrentSentenceAutoencoder,
    SentenceAutoencoder,
    SpectrogramAutoencoder,
    interpolate,
    sentence_targets,
)

V, LENGTH = 30, 12
TOKENS = pad([[5, 6, 7, 8, 9], [10, 11], [12]])
CASES = {
    "dense": (DenseAutoencoder(20, 4, (8,)), torch.randn(3, 20), (3, 4), (3, 20)),
    "image": (ImageAutoencoder(), torch.rand(3, 3, 32, 32), (3, 8, 8, 8), (3, 3, 32, 32)),
    "grey image": (ImageAutoencoder(2, (8, 16), 1), torch.rand(3, 1, 28, 28), (3, 2, 7, 7), (3, 1, 28, 28)),
    "spectrogram": (SpectrogramAutoencoder(40, 16), torch.randn(3, 40, 80), (3, 16, 10), (3, 40, 80)),
    "any widths": (ImageAutoencoder(2, (16, 8, 32)), torch.rand(3, 3, 16, 16), (3, 2, 2, 2), (3, 3, 16, 16)),
    "narrow": (ImageAutoencoder(2, (2, 4)), torch.rand(3, 3, 16, 16), (3, 2, 4, 4), (3, 3, 16, 16)),
    "spectrogram, any widths": (SpectrogramAutoencoder(8, 4, (8, 4)), torch.randn(3, 8, 8), (3, 4, 2), (3, 8, 8)),
    "sentence": (SentenceAutoencoder(V, LENGTH, 4, 16, blocks=2), TOKENS, (3, 4, 3), (3, LENGTH, V)),
    "recurrent": (RecurrentSentenceAutoencoder(V, LENGTH, 6, 16), TOKENS, (3, 6), (3, LENGTH, V)),
}
SENTENCE_MODELS = ("sentence", "recurrent")


@pytest.mark.parametrize("name", CASES)
def test_forward_is_decode_of_encode(name):
    model, x, code, output = CASES[name]
    model.eval()
    assert model.encode(x).shape == code
    assert model(x).shape == output
    assert torch.equal(model(x), model.decode(model.encode(x)))
    assert torch.allclose(model(x[:1]), model(x)[:1], atol=1e-5), "an example depends on itself alone"


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_every_parameter(name):
    model, x, *_ = CASES[name]
    model.train()
    model(x).square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), parameter_name
    model.zero_grad()


@pytest.mark.parametrize("name", CASES)
def test_codes_of_another_shape_are_refused(name):
    model, x, *_ = CASES[name]
    code = model.eval().encode(x).detach()
    with pytest.raises(ValueError, match="batch axis"):
        model.decode(code[0])
    with pytest.raises(ValueError, match="codes have shape"):
        model.decode(torch.cat([code, code], dim=1))
    with pytest.raises(ValueError, match="floating point"):
        model.decode(code.long())
    with pytest.raises(ValueError, match="empty"):
        model.decode(code[:0])


def test_images_lie_between_0_and_1():
    model = ImageAutoencoder().eval()
    images = model.decode(10 * torch.randn(4, 8, 8, 8))
    assert images.min() >= 0 and images.max() <= 1


def test_linear_autoencoder_finds_the_subspace_of_pca():
    torch.manual_seed(0)
    scales = torch.tensor([5.0, 4, 3, 0.5, 0.4, 0.3])
    x = torch.randn(400, 6) * scales @ torch.linalg.qr(torch.randn(6, 6))[0]
    x = x - x.mean(dim=0)
    model = DenseAutoencoder(6, 3)
    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = F.mse_loss(model(x), x)
        loss.backward()
        return loss

    optimiser.step(closure)
    directions = torch.linalg.svd(x, full_matrices=False).Vh[:3].T  # (6, 3)
    by_pca = F.mse_loss(x @ directions @ directions.T, x)
    assert F.mse_loss(model(x), x).item() == pytest.approx(by_pca.item(), rel=1e-3)
    basis = torch.linalg.qr(model.decoder[0].weight)[0]
    assert torch.linalg.svdvals(directions.T @ basis).min() > 0.999


@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_padding_changes_nothing(name):
    model = CASES[name][0].eval()
    assert torch.allclose(model(TOKENS), model(F.pad(TOKENS, (0, 3))), atol=1e-5)
    assert torch.allclose(model(TOKENS)[2:], model(TOKENS[2:, :1]), atol=1e-5)


@pytest.mark.parametrize("name", SENTENCE_MODELS)
def test_sentences_that_do_not_fit_are_refused(name):
    model = CASES[name][0]
    with pytest.raises(ValueError, match="11 at most"):
        model(torch.ones(1, LENGTH, dtype=torch.long))
    with pytest.raises(ValueError, match="0 to 29"):
        model(torch.tensor([[V]]))


def test_targets_end_with_end():
    targets = sentence_targets(TOKENS, 7, end=3)
    assert targets.tolist() == [[5, 6, 7, 8, 9, 3, 0], [10, 11, 3, 0, 0, 0, 0], [12, 3, 0, 0, 0, 0, 0]]
    with pytest.raises(ValueError, match="4 at most"):
        sentence_targets(TOKENS, 5, end=3)
    with pytest.raises(ValueError, match="no sentence"):
        sentence_targets(TOKENS[:0], 7, end=3)
    with pytest.raises(ValueError, match="from -1 to 12; expected 0 to"):
        sentence_targets(torch.tensor([[12, -1]]), 7, end=3)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4)])
def test_interpolation_runs_from_start_to_end_in_equal_steps(shape):
    start, end = torch.randn(2, *shape)
    codes = interpolate(start, end, 5)
    assert codes.shape == (5, *shape)
    assert torch.equal(codes[0], start) and torch.allclose(codes[-1], end)
    assert torch.allclose(codes.diff(dim=0), ((end - start) / 4).expand(4, *shape), atol=1e-6)
    with pytest.raises(ValueError, match="two steps"):
        interpolate(start, end, 1)
    with pytest.raises(ValueError, match="one shape"):
        interpolate(start, end[:1], 3)


def test_inputs_that_do_not_fit_are_explained():
    with pytest.raises(ValueError, match="flattened"):
        DenseAutoencoder(12, 2)(torch.rand(2, 3, 2, 2))
    with pytest.raises(ValueError, match="empty split"):
        DenseAutoencoder(12, 2)(torch.rand(0, 12))
    with pytest.raises(ValueError, match="divisible by 4"):
        ImageAutoencoder()(torch.rand(2, 3, 30, 30))
    with pytest.raises(ValueError, match="divisible by 8"):
        SpectrogramAutoencoder()(torch.randn(2, 40, 76))
    with pytest.raises(ValueError, match="multiple of 8"):
        SpectrogramAutoencoder(n_mels=36)
    with pytest.raises(ValueError, match="multiple of 4"):
        SentenceAutoencoder(V, 10, blocks=2)
