"""Self-supervised targets: the next token at every position, or tokens that were masked. Lesson 05.

Targets are tokens of the same text; 0 marks the positions that the loss does not count.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data.text import PAD, SentenceBatches

FRACTION = 0.15  # of the tokens are predicted in masked language modelling (Devlin et al. 2019)
MASKED, RANDOM = 0.8, 0.1  # of these become the mask token, or a random one; the others stay as they are


def next_tokens(tokens: Tensor, start: int, end: int) -> tuple[Tensor, Tensor]:
    """Inputs that begin with `start`, and at each position the token that follows; the last one is `end`.

    (B, T) int64, 0 = padding on the right -> inputs (B, T + 1), targets (B, T + 1), both padded with 0
    """
    _check(tokens)
    inputs = F.pad(tokens, (1, 0), value=start)
    targets = F.pad(tokens, (0, 1), value=PAD)
    ends = (tokens != PAD).sum(dim=1, keepdim=True)  # (B, 1)
    return inputs, targets.scatter(1, ends, end)


def mask_tokens(
    tokens: Tensor, vocabulary_size: int, mask: int, special: int, fraction: float = FRACTION
) -> tuple[Tensor, Tensor]:
    """Inputs in which some tokens are hidden, and these tokens as targets: the masking of BERT (Devlin et al. 2019).

    A `fraction` of the tokens is chosen at random, at least one in each row. Of these, 80% become `mask`, 10% a random
    token from `special` to `vocabulary_size` - 1, and 10% stay. Tokens below `special` (padding, <unk>, marks) are
    never chosen. Draws from PyTorch's generator.
    (B, T) int64 -> inputs (B, T), targets (B, T): the token where one was chosen, 0 elsewhere
    """
    _check(tokens)
    if not 0 < fraction <= 1 or not 0 <= mask < special < vocabulary_size:
        raise ValueError(
            f"fraction is {fraction}, mask {mask}, special {special}, vocabulary_size {vocabulary_size}; expected a "
            "fraction from 0 to 1, and the mask among the special tokens, which come first in the vocabulary"
        )
    scores = torch.rand(tokens.shape, device=tokens.device).masked_fill(tokens < special, 2.0)
    chosen = (scores < fraction) | (scores == scores.amin(dim=1, keepdim=True))  # at least one a row
    chosen &= tokens >= special
    action = torch.rand(tokens.shape, device=tokens.device)
    random = torch.randint(special, vocabulary_size, tokens.shape, device=tokens.device)
    inputs = torch.where(chosen & (action < MASKED), mask, tokens)
    inputs = torch.where(chosen & (action >= MASKED) & (action < MASKED + RANDOM), random, inputs)
    return inputs, tokens.masked_fill(~chosen, PAD)


def token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy, averaged over the positions whose target is not 0.   (B, T, V), (B, T) -> ()"""
    if logits.shape[:-1] != targets.shape:
        raise ValueError(
            f"logits have shape {tuple(logits.shape)}, targets {tuple(targets.shape)}; expected (B, T, V) and (B, T)"
        )
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)


class LanguageBatches(SentenceBatches):
    """Batches of sentences of similar length, from which an objective makes inputs and targets.

    `objective(tokens (B, T)) -> inputs, targets`, such as `next_tokens` or `mask_tokens` with its settings, is called
    for every batch anew, so masks differ from epoch to epoch. Other arguments are those of SentenceBatches.
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int]] | Tensor,
        objective: Callable[[Tensor], tuple[Tensor, Tensor]],
        **options,
    ):
        super().__init__(sequences, torch.zeros(len(sequences), dtype=torch.int64), **options)
        self.objective = objective

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for tokens, _ in super().__iter__():
            yield self.objective(tokens)


def _check(tokens: Tensor) -> None:
    if not isinstance(tokens, Tensor) or tokens.dim() != 2 or tokens.is_floating_point():
        shape = (
            f"{tokens.dtype} of shape {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else type(tokens).__name__
        )
        raise ValueError(
            f"tokens are {shape}; expected integers (B, T). Likely cause: one sentence without a batch axis"
        )
    if tokens.numel() == 0:
        raise ValueError(f"tokens have shape {tuple(tokens.shape)}; expected at least one sentence")
