"""A parser of the Picture Book's sentences: from tokens to the attributes of each object, in the order of `Facts`."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.rnn import SentenceEncoder
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, TIMES
from mmcourse.picturebook.sentence import VOCABULARY, Facts, parse

# The parts and their classes; None where a sentence does not state one. The left or upper object comes first.
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
    """The facts of the book's sentences, as indices into PARTS.   -> (N, 8) int64"""
    rows = []
    for sentence in sentences:
        facts = parse(sentence)
        if facts is None:
            raise ValueError(f"{sentence!r} is not a sentence of the Picture Book; expected one in its grammar")
        objects = (*facts.objects, (None,) * 3)[:2]
        values = (*objects[0], *objects[1], facts.relation, facts.time)
        rows.append([PARTS[part].index(value) for part, value in zip(PARTS, values, strict=True)])
    return torch.tensor(rows, dtype=torch.int64).reshape(-1, len(PARTS))


def reading_loss(logits: Tensor, target: Tensor) -> Tensor:
    """The sum of the cross-entropies of all parts.   (B, 59), (B, 8)"""
    parts = logits.split([len(values) for values in PARTS.values()], dim=1)
    return sum(F.cross_entropy(part, target[:, i]) for i, part in enumerate(parts))


class SentenceParser(nn.Module):
    """Kind, colour and size of each object, their relation and the time of day, from one encoder.

    Options are SentenceEncoder's. forward: (B, T) tokens of the book -> (B, 59) logits, concatenated; `split`
    separates them.
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

    def predict(self, tokens: Tensor) -> Tensor:
        """The most likely class of each part, as indices into PARTS.   (B, T) -> (B, 8) int64"""
        with evaluation_mode(self):
            logits = self(tokens.to(self.head.weight.device))
        return torch.stack([part.argmax(dim=1) for part in self.split(logits).values()], dim=1)

    def facts(self, tokens: Tensor) -> list[Facts]:
        """The facts of each sentence. Without a predicted relation or second kind, there is one object."""
        found = []
        for row in self.predict(tokens).tolist():
            values = [PARTS[part][position] for part, position in zip(PARTS, row, strict=True)]
            two = values[6] is not None and None not in values[3:6]
            objects = (tuple(values[:3]), tuple(values[3:6]))[: 1 + two]
            found.append(Facts(objects, values[6] if two else None, values[7]))
        return found
