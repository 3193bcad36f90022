"""A reader of the Picture Book's sentences: from tokens to what they say of each thing, in the order of `Facts`."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.judging import judging
from mmcourse.models.rnn import SentenceEncoder
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, TIMES
from mmcourse.picturebook.sentence import VOCABULARY, Facts, understand

# What is read, and the answers to each; None where a sentence does not tell. The left or upper thing comes first.
PARTS: dict[str, tuple] = {
    "kind": KINDS,
    "colour": COLOURS,
    "size": SIZES,
    "second kind": (None, *KINDS),
    "second colour": (None, *COLOURS),
    "second size": (None, *SIZES),
    "relation": (None, "left of", "above"),
    "time": (None, *TIMES),
}


def answers(sentences: Sequence[str]) -> Tensor:
    """What sentences of the book say, as places in PARTS.   -> (N, 8) int64"""
    rows = []
    for sentence in sentences:
        facts = understand(sentence)
        if facts is None:
            raise ValueError(
                f"{sentence!r} is no sentence of the Picture Book; expected one that understand() can read"
            )
        things = (*facts.things, (None,) * 3)[:2]
        told = (*things[0], *things[1], facts.relation, facts.time)
        rows.append([PARTS[part].index(value) for part, value in zip(PARTS, told, strict=True)])
    return torch.tensor(rows, dtype=torch.int64).reshape(-1, len(PARTS))


def reading_loss(logits: Tensor, target: Tensor) -> Tensor:
    """The sum of the cross-entropies of all parts.   (B, 59), (B, 8)"""
    parts = logits.split([len(values) for values in PARTS.values()], dim=1)
    return sum(F.cross_entropy(part, target[:, i]) for i, part in enumerate(parts))


class SentenceReader(nn.Module):
    """Kind, colour and size of each thing, their relation and the time of day, from one encoder.

    Options are SentenceEncoder's. forward: (B, T) tokens of the book -> (B, 59) logits side by side; `split` takes
    them apart.
    """

    def __init__(self, width: int = 64, **options):
        super().__init__()
        self.encoder = SentenceEncoder(len(VOCABULARY), width, **options)
        self.head = nn.Linear(width, sum(map(len, PARTS.values())))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(tokens))

    def split(self, logits: Tensor) -> dict[str, Tensor]:
        """The logits of each part: {'kind': (B, 14), 'colour': (B, 8), ...}"""
        return dict(zip(PARTS, logits.split([len(values) for values in PARTS.values()], dim=1), strict=True))

    def read(self, tokens: Tensor) -> Tensor:
        """The most likely answer to each part, as places in PARTS.   (B, T) -> (B, 8) int64"""
        with judging(self):
            logits = self(tokens.to(self.head.weight.device))
        return torch.stack([part.argmax(dim=1) for part in self.split(logits).values()], dim=1)

    def facts(self, tokens: Tensor) -> list[Facts]:
        """What each sentence says, in words. Where no relation or no second kind is read, there is one thing."""
        found = []
        for row in self.read(tokens).tolist():
            told = [PARTS[part][place] for part, place in zip(PARTS, row, strict=True)]
            two = told[6] is not None and None not in told[3:6]
            things = (tuple(told[:3]), tuple(told[3:6]))[: 1 + two]
            found.append(Facts(things, told[6] if two else None, told[7]))
        return found
