"""Scheduled sampling (Bengio et al. 2015): a growing fraction of a decoder's input words are its own predictions."""

import torch
from torch import Tensor, nn

from mmcourse.data.text import PAD
from mmcourse.models.captioner import Captioner
from mmcourse.models.decoding import without_marks


class ScheduledSampling(nn.Module):
    """Trains a captioner with some of its own words as input: fit(sampling, batches, callbacks=[sampling]).

    Each input word except <start> is replaced, with a probability that grows from 0 to `most`, by a sample of the
    model's own distribution at that position, without special tokens. Unlike in the paper all words are sampled in one
    pass, given the true words before, as Mihaylova and Martins 2019 do for Transformers. The target remains the true
    next word.
    """

    def __init__(self, model: Captioner, most: float = 0.25):
        super().__init__()
        if not 0 <= most <= 1:
            raise ValueError(f"most is {most}; expected a fraction from 0 to 1")
        self.model, self.most, self.fraction = model, most, 0.0

    def on_step(self, run) -> None:
        """Called by `fit` after each step."""
        self.fraction = self.most * min(run.step / run.total_steps, 1.0)

    def on_start(self, run) -> None:
        """Called by `fit` before the first step, also of a run that is resumed."""
        if run.total_steps:
            self.on_step(run)

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        """(B, C, H, W), (B, L) -> (B, L, V)"""
        self.model.check(images, tokens)
        positions = self.model.encode(images)
        if self.training and self.fraction:
            with torch.no_grad():
                logits, _, _ = self.model.decode(self.model.initial_state(positions), tokens)
            tokens = mixed(tokens, without_marks(logits), self.fraction)
        return self.model.decode(self.model.initial_state(positions), tokens)[0]


def mixed(tokens: Tensor, logits: Tensor, fraction: float) -> Tensor:
    """Replaces a fraction of the words by samples of the logits one position before.   (B, L), (B, L, V) -> (B, L)"""
    own = torch.distributions.Categorical(logits=logits[:, :-1]).sample()  # (B, L - 1): samples for positions 1, 2, ...
    chosen = (torch.rand(own.shape, device=own.device) < fraction) & (tokens[:, 1:] != PAD)
    return torch.cat([tokens[:, :1], torch.where(chosen, own, tokens[:, 1:])], dim=1)
