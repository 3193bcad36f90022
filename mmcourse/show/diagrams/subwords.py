"""Byte-pair encoding: which pair is merged at each step (Sennrich et al. 2016)."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mmcourse.show.diagrams.diagram import Diagram

WORDS = {"fish": 5, "wish": 3, "fishing": 2, "ring": 2}


def merge_steps(words: Mapping[str, int], steps: int) -> list[tuple[tuple[str, str], int, list[list[str]]]]:
    """The pair merged at each step, how often it occurs, and the words in tokens after it.

    words {word: how often it occurs}. Of pairs that occur as often, the first to be met is merged.
    """
    split = {word: list(word) for word in words}
    done = []
    for _ in range(steps):
        pairs = Counter()
        for word, tokens in split.items():
            for pair in zip(tokens, tokens[1:], strict=False):
                pairs[pair] += words[word]
        if not pairs:
            break
        pair, count = pairs.most_common(1)[0]
        split = {word: _merged(tokens, pair) for word, tokens in split.items()}
        done.append((pair, count, list(split.values())))
    return done


def byte_pair_merges(words: Mapping[str, int] | None = None, steps: int = 4) -> None:
    """Display the first 1 to 6 merges of byte-pair encoding; {word: how often it occurs}, 1 to 5 words."""
    words = dict(WORDS if words is None else words)
    if not 1 <= len(words) <= 5 or not 1 <= steps <= 6 or min(words.values()) < 1:
        raise ValueError(f"{len(words)} words, {steps} steps; expected 1 to 5 words that occur, and 1 to 6 steps")
    d = Diagram("Byte-pair encoding: at each step the most frequent pair of neighbouring tokens becomes one token.",
                gap=(0.25, 0.1))  # fmt: skip
    d.block("pair", at=(0, 0), label="merge", kind="text")
    for column, (word, count) in enumerate(words.items(), 1):
        d.block(word, at=(column, 0), label=f"{word}  × {count}", kind="text")
        d.strip(f"{word}, start", at=(column, 1), cells=list(word))
    d.block("start", at=(0, 1), label="characters", kind="text")
    before = [list(word) for word in words]
    for row, (pair, count, split) in enumerate(merge_steps(words, steps), 2):
        d.block(f"merge {row - 1}", at=(0, row), label=f"{pair[0]} + {pair[1]}  ({count} times)", kind="text")
        for column, (word, tokens) in enumerate(zip(words, split, strict=True), 1):
            new = [i for i, token in enumerate(tokens) if token == "".join(pair) and tokens != before[column - 1]]
            d.strip(f"{word}, merge {row - 1}", at=(column, row), cells=tokens, marked=new)
        before = split
    d.show()


def _merged(tokens: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """The tokens with each occurrence of a pair, from the left, as one."""
    made, i = [], 0
    while i < len(tokens):
        whole = tuple(tokens[i : i + 2]) == pair
        made.append("".join(pair) if whole else tokens[i])
        i += 1 + whole
    return made
