"""A trigram model with interpolated smoothing: the baseline of lesson 05's language models."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.text import PAD, check_tokens

LARGEST = 512  # V * V * V counts are stored: half a gigabyte


class Trigram(nn.Module):
    """Next-token probabilities from counts of the two tokens before (Jelinek and Mercer 1980).

    p(w | u, v) = a3 * c(u, v, w) / c(u, v) + a2 * c(v, w) / c(v) + a1 * c(w) / N + a0 / V

    weights  (a3, a2, a1, a0), which sum to 1. For a history that never occurred, its term is uniform
    forward returns log-probabilities in place of logits, (B, T) -> (B, T, V), so it is evaluated and sampled from like
    a Transformer. Positions before the sentence count as token 0.
    """

    def __init__(self, vocabulary_size: int, weights: tuple[float, float, float, float] = (0.8, 0.15, 0.04, 0.01)):
        super().__init__()
        if vocabulary_size > LARGEST:
            raise ValueError(
                f"vocabulary_size is {vocabulary_size}; expected {LARGEST} or fewer, since all triples are counted"
            )
        self.vocabulary_size = vocabulary_size
        self.set_weights(weights)
        self.register_buffer("counts", torch.zeros(vocabulary_size, vocabulary_size, vocabulary_size))

    def set_weights(self, weights: tuple[float, float, float, float]) -> None:
        """Choose the weights of trigram, bigram, unigram and uniform distribution."""
        if len(weights) != 4 or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6 or weights[3] == 0:
            raise ValueError(
                f"weights are {weights}; expected four numbers that sum to 1, the last above 0, so that no token has "
                "probability 0"
            )
        self.weights = tuple(weights)

    def count(self, inputs: Tensor, targets: Tensor) -> "Trigram":
        """Add the triples of a text: two inputs and the target after them; targets of 0 are ignored.   (B, T) each"""
        check_tokens(inputs, self.vocabulary_size)
        before = F.pad(inputs, (1, 0))[:, :-1]
        kept = targets != PAD
        triples = (before * self.vocabulary_size + inputs) * self.vocabulary_size + targets  # (B, T)
        self.counts += torch.bincount(triples[kept], minlength=self.counts.numel()).view_as(self.counts)
        return self

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) -> log-probabilities (B, T, V)"""
        check_tokens(tokens, self.vocabulary_size)
        before = F.pad(tokens, (1, 0))[:, :-1]
        pairs = self.counts.sum(dim=0)  # (V, V)
        terms = (self.counts[before, tokens], pairs[tokens], pairs.sum(dim=0).expand(*tokens.shape, -1))
        uniform = 1 / self.vocabulary_size
        probabilities = torch.full((*tokens.shape, self.vocabulary_size), self.weights[3] * uniform)
        probabilities = probabilities.to(self.counts.device)
        for weight, counts in zip(self.weights, terms, strict=False):
            total = counts.sum(dim=-1, keepdim=True)
            probabilities = probabilities + weight * torch.where(total > 0, counts / total.clamp(min=1), uniform)
        return probabilities.log()
