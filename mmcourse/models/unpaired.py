"""Speech to text without pairs, after wav2vec-U (Baevski, Hsu, Conneau, Auli 2021) in miniature.

A generator maps segments of speech to distributions over words; a discriminator compares sequences of them with real
sentences as one-hot vectors. Sequences are padded: `mask` (B, T) is True where there is a segment or a word.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class SegmentGenerator(nn.Module):
    """Logits over the vocabulary for each segment: one linear convolution.   (B, T, D) -> (B, T, V)

    `kernel` is the number of neighbouring segments that one output depends on, an odd number; with 1, every segment is
    classified on its own.
    """

    def __init__(self, features: int, vocabulary_size: int, kernel: int = 1):
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}; expected an odd number, so that outputs stay at their segments")
        self.features = features
        self.convolution = nn.Conv1d(features, vocabulary_size, kernel, padding=kernel // 2, bias=False)

    def forward(self, segments: Tensor) -> Tensor:
        if segments.dim() != 3 or segments.shape[2] != self.features:
            raise ValueError(
                f"segments have shape {tuple(segments.shape)}; expected (B, T, {self.features}). Likely cause: a "
                "single sentence without a batch axis, or vectors of another size"
            )
        return self.convolution(segments.transpose(1, 2)).transpose(1, 2)


class SequenceDiscriminator(nn.Module):
    """A score for each sequence of word distributions, higher for what looks real.   (B, T, V), (B, T) -> (B,)

    Convolutions over `kernel` neighbouring words; the score is the mean over the sequence's own positions, so
    padding has no influence.
    """

    def __init__(self, vocabulary_size: int, width: int = 64, kernel: int = 3, layers: int = 2):
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.embedding = nn.Conv1d(vocabulary_size, width, kernel_size=1)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=kernel // 2) for _ in range(layers))
        self.score = nn.Conv1d(width, 1, kernel_size=1)

    def forward(self, words: Tensor, mask: Tensor) -> Tensor:
        if words.dim() != 3 or words.shape[2] != self.vocabulary_size or mask.shape != words.shape[:2]:
            raise ValueError(
                f"words and mask have shapes {tuple(words.shape)} and {tuple(mask.shape)}; expected "
                f"(B, T, {self.vocabulary_size}) and (B, T). Likely cause: tokens instead of one-hot vectors"
            )
        if not mask.any(dim=1).all():
            raise ValueError("a sequence of the batch is only padding; expected a word in each")
        mask = mask[:, None].to(words.dtype)  # (B, 1, T)
        x = self.embedding(words.transpose(1, 2)) * mask  # (B, width, T)
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), 0.2) * mask
        return (self.score(x) * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


def merge_repeated(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Merge neighbouring segments with the same most likely word: the mean of their logits, at the first position.

    (B, T, V), (B, T) -> (B, T', V), (B, T'). A word that was split in two then counts once, as in wav2vec-U.
    """
    best = logits.argmax(dim=2)
    new = mask.clone()
    new[:, 1:] &= best[:, 1:] != best[:, :-1]
    position = (new.cumsum(dim=1) - 1).clamp(min=0)  # (B, T)
    shape = (len(logits), max(int(new.sum(dim=1).max()), 1))
    weight = mask.to(logits.dtype)
    count = logits.new_zeros(shape).scatter_add(1, position, weight)
    index = position[..., None].expand_as(logits)
    total = logits.new_zeros(*shape, logits.shape[2]).scatter_add(1, index, logits * weight[..., None])
    return total / count.clamp(min=1)[..., None], count > 0
