"""The variational autoencoder: Kingma and Welling 2014, *Auto-encoding variational Bayes*. Lesson 06."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmcourse.models.autoencoder import check_codes, upsampling_blocks
from mmcourse.models.cnn import check_images, conv_block


def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A sample z = mean + sigma * epsilon, epsilon ~ N(0, I), through which gradients reach both.   (B, D) -> (B, D)"""
    _check_moments(mean, log_variance)
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, I)) of each example, in nats.   (B, D), (B, D) -> (B,)

    1/2 * sum(mean^2 + variance - 1 - log_variance), Kingma and Welling 2014, appendix B.
    """
    _check_moments(mean, log_variance)
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(dim=1)


def negative_elbo(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor, beta: float = 1.0) -> Tensor:
    """The loss of a VAE: half the squared error, summed over an example, plus beta times its KL; mean over examples.

    outputs: reconstruction (B, ...), mean (B, D), log_variance (B, D), as a VAE's forward returns; x (B, ...) -> ()
    Up to a constant and a factor, this is the negative evidence lower bound for a decoder with pixel variance beta.
    """
    reconstruction, mean, log_variance = outputs
    if reconstruction.shape != x.shape:
        raise ValueError(
            f"the reconstruction has shape {tuple(reconstruction.shape)}, x {tuple(x.shape)}; expected one shape"
        )
    error = 0.5 * (reconstruction - x).square().flatten(1).sum(dim=1)  # (B,)
    return (error + beta * kl_divergence(mean, log_variance)).mean()


class ImageVAE(nn.Module):
    """A variational autoencoder of images, whose code is one vector.

    code         numbers of the code
    size         height and width of the images, divisible by 2^blocks
    widths       one convolution block each, which halves height and width; the decoder has them in reverse
    in_channels  3 for colour, 1 for grey
    Outputs lie in [0, 1]. decode(torch.randn(n, code)) generates images.
    """

    def __init__(self, code: int = 32, size: int = 32, widths: Sequence[int] = (32, 64, 128), in_channels: int = 3):
        super().__init__()
        factor = 2 ** len(widths)
        if size % factor:
            raise ValueError(f"size is {size}; expected a multiple of {factor}")
        self.code, self.size, self.in_channels = code, size, in_channels
        pairs = zip((in_channels, *widths), widths, strict=False)
        side = size // factor
        self.encoder = nn.Sequential(*(conv_block(a, b) for a, b in pairs), nn.Flatten())
        self.to_moments = nn.Linear(widths[-1] * side**2, 2 * code)
        self.from_code = nn.Sequential(
            nn.Linear(code, widths[-1] * side**2), nn.ReLU(), nn.Unflatten(1, (widths[-1], side, side))
        )
        self.decoder = nn.Sequential(
            *upsampling_blocks(widths),
            nn.Conv2d(widths[0], in_channels, kernel_size=3, padding=1),
            nn.Sigmoid(),
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance of q(z | x).   (B, C, S, S) in [0, 1] -> (B, code), (B, code)"""
        check_images(images, self.in_channels)
        if images.shape[2:] != (self.size, self.size):
            raise ValueError(
                f"images are {tuple(images.shape[2:])}; expected size {self.size}, the `size` of this ImageVAE"
            )
        return self.to_moments(self.encoder(images - 0.5)).chunk(2, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, code) -> (B, C, S, S) in [0, 1]"""
        check_codes(codes, (self.code,))
        return self.decoder(self.from_code(codes))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, mean, log_variance; the code is sampled in training, and the mean in evaluation mode."""
        mean, log_variance = self.encode(images)
        codes = reparameterise(mean, log_variance) if self.training else mean
        return self.decode(codes), mean, log_variance


def _check_moments(mean: Tensor, log_variance: Tensor) -> None:
    if mean.shape != log_variance.shape or mean.dim() < 2:
        raise ValueError(
            f"mean has shape {tuple(mean.shape)}, log_variance {tuple(log_variance.shape)}; expected (B, D) for both"
        )
