"""A sentence as the condition of a generator: a text encoder, and a vector of zeros where no sentence is given."""

import copy
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.text import PAD, check_tokens
from mmcourse.models.towers import SentenceTower
from mmcourse.picturebook.sentence import VOCABULARY


class SentenceCondition(nn.Module):
    """Tokens to condition vectors whose numbers have a mean square of 1; 0 for an empty sentence.   (B, T) -> (B, D)

    tower    a SentenceTower, copied, such as that of lesson 11's shared space; None: a new one of its shape, whose
             weights a file fills
    frozen   the tower gets no gradients and stays in evaluation mode; False: it is trained as well
    An empty sentence is a row of padding only, and means no condition. ValueError for other tokens that
    the tower cannot take.
    """

    def __init__(self, tower: nn.Module | None = None, frozen: bool = True):
        super().__init__()
        self.tower = SentenceTower(len(VOCABULARY), hidden=64) if tower is None else copy.deepcopy(tower)
        self.frozen, self.size = frozen, self.tower.width
        self.vocabulary_size = self.tower.encoder.vocabulary_size
        self.requires_grad_(not frozen).train()

    def train(self, mode: bool = True) -> "SentenceCondition":
        """Set the mode; a frozen tower stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.tower.eval()
        return self

    def forward(self, tokens: Tensor) -> Tensor:
        if not isinstance(tokens, Tensor) or tokens.dim() != 2 or tokens.numel() == 0:
            check_tokens(tokens, self.vocabulary_size)
        weight = self.tower.head.weight
        conditions = torch.zeros(len(tokens), self.size, device=weight.device, dtype=weight.dtype)
        given = (tokens != PAD).any(dim=1).to(weight.device)  # (B,)
        if given.any():
            vectors = self.tower(tokens.to(weight.device)[given])
            conditions = conditions.index_put((given,), F.normalize(vectors, dim=1) * math.sqrt(self.size))
        return conditions


def scaled_noise(shape: tuple[int, ...], temperature: float, seed: int | None, like: Tensor) -> Tensor:
    """temperature times standard normal noise, the same for the same seed on every device, in `like`'s dtype.

    seed None: different noise at each call. ValueError for a temperature below 0.
    """
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature is {temperature}; expected 0 or more: it scales the noise")
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return (temperature * torch.randn(shape, generator=generator)).to(like)
