"""Words as letters, for text to speech: 0 is padding, 1 to 26 are a to z, 27 is the apostrophe."""

from collections.abc import Sequence

import torch
from torch import Tensor

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
N_LETTERS = len(LETTERS) + 1  # with padding
_INDEX = {letter: i for i, letter in enumerate(LETTERS, 1)}


def letters(words: Sequence[str]) -> Tensor:
    """The letters of each word, 0 on the right.   -> (B, L) int64

    ValueError for no word, an empty one, or a character that is not a letter.
    """
    if isinstance(words, str):
        raise ValueError(f"words is the string {words!r}; expected a list of words: [{words!r}]")
    if not words or not all(words):
        raise ValueError(f"words is {list(words)!r}; expected one word at least, and a letter at least in each")
    for word in words:
        for character in word.lower():
            if character not in _INDEX:
                cause = "numbers are spelled out: 'three' for '3'" if character.isdigit() else "another alphabet"
                raise ValueError(
                    f"{word!r} holds {character!r}; expected the letters a to z or an apostrophe. Likely cause: {cause}"
                )
    table = torch.zeros(len(words), max(map(len, words)), dtype=torch.int64)
    for row, word in zip(table, words, strict=True):
        row[: len(word)] = torch.tensor([_INDEX[character] for character in word.lower()])
    return table
