"""Text to image by flow matching in the codes of an autoencoder (Rombach et al. 2022: latent diffusion). Lesson 14.

model = shipped.load("text_to_image")
images = model.draw(["a big red fish", "a small blue house at night"], seed=0)                     # (2, 3, 32, 32)
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from mmcourse.data.text import PAD
from mmcourse.models.autoencoder import ImageAutoencoder
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.flow import euler, guided
from mmcourse.models.sentence_condition import SentenceCondition, scaled_noise
from mmcourse.models.velocity import VelocityNetwork
from mmcourse.picturebook.sentence import encode


class TextToImage(nn.Module):
    """Noise becomes the code of an image along velocities that depend on a sentence; a decoder makes the image.

    autoencoder   an ImageAutoencoder of (channels, side, side) codes; None: one for codes of 8 x 8 x 8
    velocity      a network (x, t, condition) -> velocity, such as a VelocityNetwork; None: one of default size
    text          the SentenceCondition; None: one of the default shape
    guidance      the default scale of classifier-free guidance
    steps         the default number of Euler steps
    Codes are standardised for each channel by `code_mean` and `code_std`, which `fit_codes` measures.
    """

    def __init__(
        self,
        autoencoder: nn.Module | None = None,
        velocity: nn.Module | None = None,
        text: nn.Module | None = None,
        guidance: float = 4.0,
        steps: int = 20,
    ):
        super().__init__()
        self.autoencoder, self.text = autoencoder or ImageAutoencoder(), text or SentenceCondition()
        self.velocity = velocity or VelocityNetwork(self.autoencoder.channels, condition_size=self.text.size)
        self.guidance, self.steps = guidance, steps
        for name in ("code_mean", "code_std"):
            self.register_buffer(name, torch.full((1, self.autoencoder.channels, 1, 1), float(name == "code_std")))

    def fit_codes(self, images: Tensor) -> None:
        """Measure mean and standard deviation of every channel of these images' codes.   (N, 3, 32, 32)"""
        codes = self._codes(images)
        self.code_mean.copy_(codes.mean(dim=(0, 2, 3), keepdim=True))
        self.code_std.copy_(codes.std(dim=(0, 2, 3), keepdim=True))

    def encode(self, images: Tensor) -> Tensor:
        """Standardised codes of any number of images, without gradients.   (N, 3, H, W) -> (N, C, side, side)"""
        return (self._codes(images) - self.code_mean) / self.code_std

    def _codes(self, images: Tensor) -> Tensor:
        with evaluation_mode(self.autoencoder):
            return torch.cat([self.autoencoder.encode(part.to(self.code_mean)) for part in images.split(500)])

    def decode(self, codes: Tensor) -> Tensor:
        """Images of standardised codes.   (B, C, side, side) -> (B, 3, H, W) in [0, 1]"""
        parts = (codes * self.code_std + self.code_mean).split(200)  # the maps of many images need much memory
        return torch.cat([self.autoencoder.decode(part) for part in parts])

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor) -> Tensor:
        """The velocity at x, given sentences.   (B, C, side, side), (B,), (B, T) -> (B, C, side, side)"""
        return self.velocity(x, t, self.text(tokens))

    def guided_velocity(self, tokens: Tensor, guidance: float | None = None) -> Callable[[Tensor, Tensor], Tensor]:
        """The function (x, t) -> velocity that `generate` integrates; both velocities come from one batch of 2B."""
        scale = self.guidance if guidance is None else guidance
        condition = self.text(tokens)
        if scale == 1:
            return lambda x, t: self.velocity(x, t, condition)
        both = torch.cat([condition, torch.zeros_like(condition)])  # (2B, D): with the sentence, and without

        def velocity(x: Tensor, t: Tensor) -> Tensor:
            return guided(*self.velocity(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2), scale)

        return velocity

    def generate(
        self,
        tokens: Tensor,
        temperature: float = 1.0,
        seed: int | None = None,
        guidance: float | None = None,
        steps: int | None = None,
    ) -> Tensor:
        """Images of these sentences; the same seed draws the same images.   (B, T) int64 -> (B, 3, H, W) in [0, 1]

        temperature scales the noise at the start; `guidance` and `steps` replace the model's defaults. A row of padding
        only is the empty sentence, without a condition. ValueError for other bad tokens, temperature or steps.
        """
        with evaluation_mode(self):
            velocity = self.guided_velocity(tokens, guidance)
            shape = len(tokens), self.velocity.channels, self.velocity.side, self.velocity.side
            noise = scaled_noise(shape, temperature, seed, self.code_mean)
            return self.decode(euler(velocity, noise, self.steps if steps is None else steps))

    def draw(self, sentences: str | Sequence[str], **options) -> Tensor:
        """Images of sentences in words; options as for `generate`. An unknown word becomes '<unk>'.

        "" or blanks mean no condition.   -> (N, 3, H, W); one string -> (1, 3, H, W)
        """
        sentences = [sentences] if isinstance(sentences, str) else list(sentences)
        if not sentences or not all(isinstance(sentence, str) for sentence in sentences):
            raise ValueError(f"sentences is {sentences!r}; expected a string, or one or more strings in a list")
        rows = [torch.tensor(encode(sentence) or [PAD]) for sentence in sentences]
        return self.generate(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD), **options)
