"""Text to tensors: words, a vocabulary with padding and unknown, batches of sentences of similar length.

vocabulary = Vocabulary.of(training_texts)                       # of training texts only
sequences = [vocabulary.encode(text) for text in texts]          # lists of different lengths
batches = SentenceBatches(sequences, labels)                     # yields (tokens (B, T), labels (B,))
"""

import numbers
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy
import torch
from torch import Tensor

from mmcourse.data.batches import Batches

PAD, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unk>")
POOL = 20  # a pool of sentences that is sorted by length, in batches

# '<unk>' is kept; "don't" becomes "do n't" as in Kim's preprocessing; any other punctuation mark is a token.
_WORD = re.compile(r"<\w+>|\w+?(?=n't\b)|n't\b|'(?:s|m|d|re|ve|ll)\b|\w+|[^\w\s]")


def split_words(text: str) -> list[str]:
    """The words and marks of a text, lower-cased: "It isn't bad!" -> it, is, n't, bad, !   (split as in Kim 2014)"""
    if not isinstance(text, str):
        advice = (
            ". A list of texts is taken one by one, a list of words as ' '.join(words)"
            if isinstance(text, list)
            else ""
        )
        raise ValueError(f"a text is of type {type(text).__name__}; expected str{advice}")
    return _WORD.findall(text.lower().replace("’", "'"))


class Vocabulary:
    """The words a model knows, each with its index: 0 is '<pad>', 1 is '<unk>', the word for all others.

    Built from training texts only, most frequent word first; a word that occurs only in other splits is unknown.
    """

    def __init__(self, words: Iterable[str], tokenise: Callable[[str], list[str]] = split_words):
        words = list(words)
        if not all(isinstance(word, str) for word in words):
            wrong = next(word for word in words if not isinstance(word, str))
            raise ValueError(
                f"words holds {_short(wrong)}; expected strings, each a word. To make a vocabulary of texts: "
                "Vocabulary.of(texts)"
            )
        self.words = SPECIAL + tuple(word for word in words if word not in SPECIAL)
        self.tokenise = tokenise
        self.index = {word: position for position, word in enumerate(self.words)}
        if len(self.index) < len(self.words):
            twice = next(word for word, times in Counter(self.words).items() if times > 1)
            raise ValueError(f"words holds {twice!r} more than once; expected each word once")

    @classmethod
    def of(
        cls, texts: Iterable[str], at_least: int = 2, tokenise: Callable[[str], list[str]] = split_words
    ) -> "Vocabulary":
        """The words that occur at least `at_least` times in the texts; equally frequent ones in alphabetical order."""
        if isinstance(texts, str):
            raise ValueError("texts is one text; expected a list of texts, e.g. Vocabulary.of([text])")
        texts = list(texts)
        times = Counter(word for text in texts for word in tokenise(text))
        if not times:
            cause = f"all {len(texts)} of them are empty" if texts else "it is empty, as an empty split is"
            raise ValueError(f"texts holds no word: {cause}")
        kept = (word for word, n in times.items() if n >= at_least)
        return cls(sorted(kept, key=lambda word: (-times[word], word)), tokenise)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words: {', '.join(self.words[:6])} ...)"

    def encode(self, text: str) -> list[int]:
        """The indices of a text's words; a word that is not in the vocabulary gets that of '<unk>'."""
        return [self.index.get(word, UNKNOWN) or UNKNOWN for word in self.tokenise(text)]  # a text's '<pad>' is unknown

    def decode(self, ids: Iterable[int]) -> str:
        """The words with these indices, without padding."""
        ids = ids.tolist() if isinstance(ids, Tensor) else list(ids)
        if wrong := [position for position in ids if not _is_whole(position)]:
            raise ValueError(f"decode got {_short(wrong[0])} as a token; expected whole numbers, those of a sentence")
        if outside := [position for position in ids if not 0 <= position < len(self)]:
            raise ValueError(
                f"token {outside[0]} is outside the vocabulary of {len(self)} words (0 to {len(self) - 1})"
            )
        return " ".join(self.words[position] for position in ids if position != PAD)


def pad(sequences: Sequence[Sequence[int]], to: int | None = None) -> Tensor:
    """Sequences of different lengths as one tensor, 0 on the right.   -> (B, T) int64

    T is the longest one's length, or `to`, where longer ones are cut. An empty sequence becomes one '<unk>'.
    """
    rows = [_tokens_of(sequence, number) for number, sequence in enumerate(sequences)]
    if not rows:
        raise ValueError("pad got no sequences; expected at least one. Likely cause: an empty split")
    width = max(map(len, rows)) if to is None else to
    if not _is_whole(width) or width < 1:
        raise ValueError(f"to is {to!r}; expected one token or more")
    return torch.tensor([row[:width] + [PAD] * (width - len(row)) for row in rows])


def _tokens_of(sequence, number: int) -> list[int]:
    """The tokens of a sequence, one '<unk>' where there are none."""
    if isinstance(sequence, str):
        raise ValueError(
            f"sequence {number} is the text {_short(sequence)}; expected tokens, those of vocabulary.encode(text)"
        )
    row = sequence.tolist() if hasattr(sequence, "tolist") else sequence
    if isinstance(row, (int, float)):
        raise ValueError("pad got one sequence; expected a list of sequences, e.g. pad([sequence])")
    if not isinstance(row, Iterable):
        raise ValueError(f"sequence {number} is of type {type(sequence).__name__}; expected a list of tokens")
    row = list(row)
    if all(type(token) is int and token > PAD for token in row):
        return row or [UNKNOWN]
    row = [token.item() if isinstance(token, Tensor) and token.ndim == 0 else token for token in row]
    for token in row:
        if isinstance(token, str):
            cause = "; words become tokens by vocabulary.encode(text)"
        elif not _is_whole(token) or token < PAD:
            cause = ""
        elif token == PAD:
            cause = ", since 0 is the padding, which pad adds"
        else:
            continue
        raise ValueError(f"sequence {number} holds {_short(token)}; expected whole numbers from 1 up{cause}")
    return row


def _is_whole(token) -> bool:
    return isinstance(token, numbers.Integral) and not isinstance(token, bool)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def lengths(tokens: Tensor) -> Tensor:
    """The number of tokens in each row that are not padding.   (B, T) -> (B,) int64"""
    return (tokens != PAD).sum(dim=1)


def check_padding(tokens: Tensor) -> None:
    """ValueError where a row of tokens (B, T) has padding before a word."""
    real = tokens != PAD
    if (wrong := (real[:, 1:] & ~real[:, :-1]).any(dim=1)).any():
        row = int(wrong.nonzero()[0])
        where = "has padding between its words" if real[row, 0] else "begins with padding"
        raise ValueError(
            f"row {row} {where}: {_short(tokens[row].tolist())}; expected padding (0) only on the right: "
            "pad([row[row != 0] for row in tokens])"
        )


def check_tokens(tokens: Tensor, vocabulary_size: int) -> None:
    """ValueError unless tokens are (B, T) integers in the vocabulary, with a word first in each row, padding last."""
    if not isinstance(tokens, Tensor):
        raise ValueError(f"tokens are of type {type(tokens).__name__}; expected a tensor (B, T), e.g. pad(sequences)")
    shape = tuple(tokens.shape)
    if len(shape) != 2:
        advice = ". A single sentence needs a batch axis: tokens[None]" if len(shape) == 1 else ""
        raise ValueError(f"tokens have shape {shape}; expected (B, T){advice}")
    if tokens.numel() == 0:
        what = "no word in any sentence" if len(tokens) else "no sentence. Likely cause: an empty split"
        raise ValueError(f"tokens have shape {shape}: {what}")
    if tokens.is_floating_point() or tokens.dtype == torch.bool:
        raise ValueError(f"tokens are {tokens.dtype}; expected integers, indices of words in the vocabulary")
    low, high = tokens.min().item(), tokens.max().item()
    if low < 0 or high >= vocabulary_size:
        raise ValueError(
            f"tokens run from {low} to {high}; expected 0 to {vocabulary_size - 1}, indices in the model's vocabulary"
        )
    check_padding(tokens)
    if (empty := tokens[:, 0] == PAD).any():
        raise ValueError(
            f"row {int(empty.nonzero()[0])} is only padding; expected a word first, and '<unk>' for an "
            "empty sentence, as pad does it"
        )


class SentenceBatches(Batches):
    """Batches of sentences of similar length, each padded to its longest: (tokens (B, T), labels (B,) or (B, T)).

    `sequences` are lists of tokens, or a tensor padded with 0 on the right; ValueError where it has padding before a
    word. Shuffled, each epoch draws a new order, sorts it by length within pools of 20 batches, and shuffles the
    batches; otherwise the order stays as given. `transform` changes each batch's tokens, e.g. to mask words.
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int]] | Tensor,
        labels: Tensor,
        size: int = 64,
        shuffle: bool = True,
        seed: int | None = None,
        device: torch.device | str | None = None,
        transform: Callable[[Tensor], Tensor] | None = None,
    ):
        if isinstance(sequences, numpy.ndarray) and sequences.ndim == 2:
            sequences = torch.as_tensor(sequences)
        tokens = sequences if isinstance(sequences, Tensor) and sequences.dim() == 2 else pad(sequences)
        if tokens.is_floating_point() or tokens.dtype == torch.bool:
            raise ValueError(f"sequences are {tokens.dtype}; expected integers, indices of words in the vocabulary")
        check_padding(tokens)
        super().__init__(tokens, labels, size=size, shuffle=shuffle, seed=seed, transform=transform, device=device)
        self.lengths = lengths(tokens).cpu()

    def order(self, epoch: int) -> Tensor:
        """The order of the sentences in one epoch; a batch that is not full comes last.   -> (N,) int64"""
        order = super().order(epoch).cpu()
        pools = [pool[self.lengths[pool].argsort(stable=True)] for pool in order.split(self.size * POOL)]
        chunks = torch.cat(pools).split(self.size)
        full = [chunk for chunk in chunks if len(chunk) == self.size]
        mixed = [full[i] for i in (order[order < len(full)]).tolist()]  # a random order of the full batches
        return torch.cat(mixed + [chunk for chunk in chunks if len(chunk) < self.size])

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        tokens, labels = self.tensors
        order = torch.arange(self.examples) if order is None else order
        for chosen in (order[part] for part in self.parts()):
            longest = max(int(self.lengths[chosen].max()), 1)
            there = chosen.to(tokens.device)
            part = tokens[:, :longest].index_select(0, there)
            targets = labels.index_select(0, there)
            targets = targets[:, :longest] if labels.dim() == 2 else targets
            yield self.transform(part) if self.transform else part, targets
