"""Named entities: a tag for every word, targets for its first subword, and tags back from a model's logits. Lesson 05.

Tags follow the BIO scheme: 'B-person' begins an entity, 'I-person' continues it, 'O' is outside of all.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.data.subwords import Subwords
from mmcourse.data.text import PAD, pad

Tags = list[list[str]]


def tag_names(dataset) -> tuple[str, ...]:
    """The names of a data set's tags, such as those of load('wnut_17')."""
    return tuple(dataset.features["ner_tags"].feature.names)


def tags_of(dataset) -> Tags:
    """The tag of every word, sentence by sentence."""
    names = tag_names(dataset)
    return [[names[i] for i in row] for row in dataset["ner_tags"]]


def first_piece_targets(dataset, subwords: Subwords) -> tuple[Tensor, Tensor]:
    """Subword tokens, and the number of the word's tag plus 1 at the first piece of each word, 0 elsewhere.

    -> tokens (N, T), targets (N, T) int64, both padded with 0
    """
    rows = [subwords.encode_words(words) for words in dataset["tokens"]]
    tokens = pad([ids for ids, _ in rows])
    targets = torch.zeros_like(tokens)
    for i, ((_, first), tags) in enumerate(zip(rows, dataset["ner_tags"], strict=True)):
        targets[i, first] = torch.tensor(tags) + 1
    return tokens, targets


def tags_from(logits: Tensor, targets: Tensor, names: Sequence[str]) -> Tags:
    """The most probable tag of every word, read at its first piece.

    logits (N, T, len(names) + 1) of a tagger; class 0, which marks what is not counted, is never chosen. targets
    (N, T) are 0 where no word begins
    """
    best = logits[..., 1:].argmax(dim=-1)  # (N, T)
    return [[names[i] for i in row[there].tolist()] for row, there in zip(best, targets != PAD, strict=True)]


class SeenEntities:
    """A baseline that memorises: it tags the entities of its training sentences, longest match first."""

    def __init__(self, sentences: Sequence[Sequence[str]], tags: Tags):
        self.types: dict[tuple[str, ...], str] = {}
        for words, row in zip(sentences, tags, strict=True):
            for start, end, kind in spans(row):
                self.types[tuple(words[start:end])] = kind
        self.longest = max(map(len, self.types), default=0)

    def tag(self, words: Sequence[str]) -> list[str]:
        """One tag for each word."""
        found, i = [], 0
        while i < len(words):
            lengths = range(min(self.longest, len(words) - i), 0, -1)
            n = next((n for n in lengths if tuple(words[i : i + n]) in self.types), 0)
            kind = self.types.get(tuple(words[i : i + n]))
            found += [f"B-{kind}"] + [f"I-{kind}"] * (n - 1) if n else ["O"]
            i += max(n, 1)
        return found


def spans(tags: Sequence[str]) -> list[tuple[int, int, str]]:
    """The entities of a sentence: first word, word after the last, type. An I- without its B- begins one."""
    found: list[tuple[int, int, str]] = []
    for i, tag in enumerate(tags):
        mark, _, kind = tag.partition("-")
        if mark == "I" and found and found[-1][1:] == (i, kind):
            found[-1] = (found[-1][0], i + 1, kind)
        elif mark in ("B", "I"):
            found.append((i, i + 1, kind))
    return found
