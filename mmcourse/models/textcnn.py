"""Sentence classifiers without recurrence: TextCNN, and a bag of words, which ignores the order of the words."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.text import PAD, check_tokens
from mmcourse.models.pooling import max_over_time, mean_over_time
from mmcourse.renamed import old_keywords


class TextCNN(nn.Module):
    """Convolutions over word embeddings, the largest value of each feature map, dropout, one linear layer.

    Kim 2014, 'Convolutional Neural Networks for Sentence Classification'; the variant CNN-rand, with randomly
    initialised embeddings. `windows` are the kernel sizes in words, each with `maps` feature maps; `std` is the
    standard deviation of the initial embeddings (with PyTorch's 1.0 the model overfits). Padding (0, on the right)
    changes no output, since windows beyond the end of a sentence contain zeros with or without padding. forward: (B, T)
    -> (B, n_classes)
    """

    @old_keywords
    def __init__(
        self,
        n_classes: int,
        vocabulary_size: int,
        width: int = 128,
        windows: tuple[int, ...] = (3, 4, 5),
        maps: int = 100,
        dropout: float = 0.5,
        std: float = 0.1,
    ):
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=PAD)
        with torch.no_grad():
            self.embedding.weight *= std
        self.convolutions = nn.ModuleList(nn.Conv1d(width, maps, window) for window in windows)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(maps * len(windows), n_classes)

    def feature_maps(self, tokens: Tensor) -> list[Tensor]:
        """The feature maps of each window size around every word.   (B, T) -> [(B, maps, T), ...]"""
        check_tokens(tokens, self.vocabulary_size)
        embedded = self.embedding(tokens).transpose(1, 2)  # (B, D, T)
        maps = []
        for convolution in self.convolutions:
            (window,) = convolution.kernel_size
            maps.append(F.relu(convolution(F.pad(embedded, ((window - 1) // 2, window // 2)))))
        return maps

    def forward(self, tokens: Tensor) -> Tensor:
        features = torch.cat([max_over_time(maps, tokens) for maps in self.feature_maps(tokens)], dim=1)
        return self.head(self.dropout(features))


class BagOfWords(nn.Module):
    """The mean of a sentence's word embeddings, a hidden layer, logits: the order of the words is lost.

    forward: (B, T) -> (B, n_classes)
    """

    def __init__(self, n_classes: int, vocabulary_size: int, width: int = 64):
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=PAD)
        self.hidden = nn.Linear(width, width)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        check_tokens(tokens, self.vocabulary_size)
        mean = mean_over_time(self.embedding(tokens).transpose(1, 2), tokens)
        return self.head(F.relu(self.hidden(mean)))
