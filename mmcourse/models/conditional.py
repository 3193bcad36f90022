"""Images of 32 pixels from sentences in one pass: a conditional VAE and a conditional GAN. Lesson 14.

Sohn, Lee and Yan 2015, *Learning structured output representation using deep conditional generative models*; Mirza and
Osindero 2014; projection: Miyato and Koyama 2018. Both share one decoder, modulated by FiLM (Perez et al. 2018).
`generate(tokens, temperature=1.0, seed=None)` draws.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mmcourse.models import gan
from mmcourse.models.autoencoder import check_codes
from mmcourse.models.cnn import check_images, conv_block
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.sentence_condition import SentenceCondition, scaled_noise
from mmcourse.models.vae import reparameterise

SIZE = gan.SIZE  # pixels along an image's side


class ModulatedDecoder(nn.Module):
    """A vector to images in [0, 1]; after each convolution the vector scales and shifts every channel (FiLM).

    n_inputs   numbers of the vector: the latent ones and the condition, concatenated
    widths     channels at 4, 8, 16 and 32 pixels
    (B, n_inputs) -> (B, channels, 32, 32)
    """

    def __init__(self, n_inputs: int, widths: tuple[int, int, int, int] = (160, 128, 96, 48), channels: int = 3):
        super().__init__()
        self.n_inputs = n_inputs
        self.linear = nn.Linear(n_inputs, widths[0] * 4 * 4)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, kernel_size=3, padding=1, bias=False) for a, b in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, affine=False) for _, b in pairs)
        self.modulations = nn.ModuleList(nn.Linear(n_inputs, 2 * b) for _, b in pairs)
        self.to_image = nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        check_codes(x, (self.n_inputs,))
        maps = self.linear(x).relu().unflatten(1, (-1, 4, 4))  # (B, C, 4, 4)
        for convolution, norm, modulation in zip(self.convolutions, self.norms, self.modulations, strict=True):
            scale, shift = modulation(x)[:, :, None, None].chunk(2, dim=1)  # (B, C', 1, 1)
            maps = norm(convolution(F.interpolate(maps, scale_factor=2)))  # (B, C', 2H, 2W)
            maps = ((1 + scale) * maps + shift).relu()
        return self.to_image(maps).sigmoid()


class ConditionalVAE(nn.Module):
    """A VAE whose encoder and decoder both get the sentence; the code holds what the sentence leaves open.

    text     the SentenceCondition; None: one of the default shape
    code     numbers of the code
    widths   of the decoder (ModulatedDecoder)
    Train with `negative_elbo` on the images: Batches(images, tokens, images).
    """

    def __init__(
        self,
        text: nn.Module | None = None,
        code: int = 24,
        widths: tuple[int, int, int, int] = (160, 128, 96, 48),
        channels: int = 3,
    ):
        super().__init__()
        self.text, self.code, self.channels = text or SentenceCondition(), code, channels
        self.encoder = nn.Sequential(conv_block(channels, 32), conv_block(32, 64), conv_block(64, 64), nn.Flatten())
        self.to_moments = nn.Linear(64 * 4 * 4 + self.text.size, 2 * code)
        self.decoder = ModulatedDecoder(code + self.text.size, widths, channels)

    def encode(self, images: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of q(z | x, c).   (B, C, 32, 32), (B, D) -> (B, code), (B, code)"""
        check_images(images, self.channels)
        if images.shape[2:] != (SIZE, SIZE):
            raise ValueError(f"images have shape {tuple(images.shape)}; expected {SIZE} x {SIZE} pixels")
        return self.to_moments(torch.cat([self.encoder(images - 0.5), condition], dim=1)).chunk(2, dim=1)

    def decode(self, codes: Tensor, condition: Tensor) -> Tensor:
        """(B, code), (B, D) -> (B, C, 32, 32) in [0, 1]"""
        check_codes(codes, (self.code,))
        return self.decoder(torch.cat([codes, condition], dim=1))

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, mean, log_variance; the code is sampled in training, and the mean in evaluation mode."""
        condition = self.text(tokens)
        mean, log_variance = self.encode(images, condition)
        codes = reparameterise(mean, log_variance) if self.training else mean
        return self.decode(codes, condition), mean, log_variance

    def generate(self, tokens: Tensor, temperature: float = 1.0, seed: int | None = None) -> Tensor:
        """Images of these sentences from temperature times standard normal codes.   (B, T) -> (B, C, 32, 32)"""
        with evaluation_mode(self):
            condition = self.text(tokens)
            return self.decode(scaled_noise((len(tokens), self.code), temperature, seed, condition), condition)


class SentenceGenerator(nn.Module):
    """The generator of a conditional GAN: noise and a sentence to images.   (B, Z), (B, T) -> (B, channels, 32, 32)

    length   tokens of the training sentences, padding included. For `fit_adversarial` the sentence is a label of
             `length` attributes, each a word; afterwards sentences may have other lengths
    """

    def __init__(
        self,
        length: int,
        text: nn.Module | None = None,
        latent_size: int = 24,
        widths: tuple[int, int, int, int] = (160, 128, 96, 48),
        channels: int = 3,
    ):
        super().__init__()
        self.text, self.latent_size = text or SentenceCondition(), latent_size
        self.n_classes = (self.text.vocabulary_size,) * length
        self.decoder = ModulatedDecoder(latent_size + self.text.size, widths, channels)

    def forward(self, z: Tensor, tokens: Tensor) -> Tensor:
        check_codes(z, (self.latent_size,))
        return self.decoder(torch.cat([z, self.text(tokens)], dim=1))

    def generate(self, tokens: Tensor, temperature: float = 1.0, seed: int | None = None) -> Tensor:
        """Images of these sentences from temperature times standard normal noise.   (B, T) -> (B, channels, 32, 32)"""
        with evaluation_mode(self):
            like = self.decoder.linear.weight
            return self(scaled_noise((len(tokens), self.latent_size), temperature, seed, like), tokens)


class SentenceDiscriminator(gan.Discriminator):
    """A score for an image and its sentence, by projection.   (B, channels, 32, 32), (B, T) -> (B,)

    The dot product of the image's features with a linear map of the condition is added to the unconditional score;
    both are spectrally normalised. `length` as in SentenceGenerator.
    """

    def __init__(
        self,
        length: int,
        text: nn.Module | None = None,
        widths: tuple[int, int, int] = (32, 64, 128),
        channels: int = 3,
    ):
        super().__init__(widths=widths, channels=channels)
        self.text = text or SentenceCondition()
        self.n_classes = (self.text.vocabulary_size,) * length
        self.projection = spectral_norm(nn.Linear(self.text.size, widths[-1] * 4 * 4, bias=False))

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        features = self.features(images)  # (B, D)
        return self.linear(features).squeeze(1) + (self.projection(self.text(tokens)) * features).sum(dim=1)
