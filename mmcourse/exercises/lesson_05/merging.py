"""Exercise 05.5: one merge of byte-pair encoding."""

from collections import Counter
from itertools import combinations

import torch

from mmcourse.exercises.answers import Answer, Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, whole

Words = dict[tuple[str, ...], int]


def merged(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """A word in which every occurrence of the pair, from left to right, became one piece."""
    pieces, i = [], 0
    while i < len(word):
        if word[i : i + 2] == pair:
            pieces.append(word[i] + word[i + 1])
            i += 2
        else:
            pieces.append(word[i])
            i += 1
    return tuple(pieces)


def pair_counts(words: Words) -> Counter:
    """How often each pair of neighbouring pieces occurs, each word counted as often as it occurs."""
    counts: Counter = Counter()
    for word, times in words.items():
        for pair in zip(word, word[1:], strict=False):
            counts[pair] += times
    return counts


def most_frequent(words: Words) -> tuple[str, str]:
    """The pair that occurs most often."""
    return pair_counts(words).most_common(1)[0][0]


def merge_all(words: Words, pair: tuple[str, str], merge=merged) -> Words:
    """Every word with the pair merged."""
    return {merge(word, pair): times for word, times in words.items()}


def unweighted(words: Words) -> tuple[str, str]:
    """The most frequent pair where each word counts once."""
    return most_frequent(dict.fromkeys(words, 1))


def once(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The first occurrence alone is merged."""
    for i in range(len(word) - 1):
        if word[i : i + 2] == pair:
            return (*word[:i], word[i] + word[i + 1], *word[i + 2 :])
    return word


def both_kept(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The second piece of the pair stays behind the merged one."""
    pieces = []
    for i, piece in enumerate(word):
        pieces.append("".join(pair) if word[i : i + 2] == pair else piece)
    return tuple(pieces)


def first_kept(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The first piece of the pair stays before the merged one."""
    pieces = []
    for i, piece in enumerate(word):
        if word[i : i + 2] == pair:
            pieces.append(piece)
        elif i and word[i - 1 : i + 1] == pair:
            pieces.append("".join(pair))
        else:
            pieces.append(piece)
    return tuple(pieces)


def overlapping(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """Every occurrence is merged, also one that begins inside another."""
    found = [word[i : i + 2] == pair for i in range(len(word))]
    inside = [False, *found]
    return tuple(word[i] + word[i + 1] if found[i] else word[i] for i in range(len(word)) if found[i] or not inside[i])


def from_the_right(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The pair merged from right to left."""
    mirrored = merged(tuple(piece[::-1] for piece in word[::-1]), (pair[1][::-1], pair[0][::-1]))
    return tuple(piece[::-1] for piece in mirrored[::-1])


def in_text(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The pair replaced in a text of pieces and spaces, also where it is only a part of two pieces."""
    return tuple(" ".join(word).replace(" ".join(pair), "".join(pair)).split(" "))


def dropped(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """The last piece of a word is lost unless it was merged."""
    pieces = merged(word, pair)
    return pieces[:-1] if pieces[-1] == word[-1] else pieces


def ends(words: Words) -> tuple[str, str]:
    """The most frequent single pieces, two of them."""
    counts: Counter = Counter()
    for word, times in words.items():
        for piece in word:
            counts[piece] += times
    (first, _), (second, _) = counts.most_common(2)
    return first, second


def pairwise(word: tuple[str, ...], start: int) -> tuple[str, ...]:
    """Pieces merged two by two."""
    return word[:start] + tuple("".join(word[i : i + 2]) for i in range(start, len(word), 2))


def rarest(words: Words) -> tuple[str, str]:
    """The pair that occurs least often."""
    counts = pair_counts(words)
    return min(counts, key=lambda pair: counts[pair])


def overwritten(words: Words) -> tuple[str, str]:
    """The most frequent pair where each pair has the count of the last word that holds it."""
    counts = {pair: times for word, times in words.items() for pair in zip(word, word[1:], strict=False)}
    return max(counts, key=lambda pair: counts[pair])


def pair_of_each_word(words: Words) -> Words:
    """In every word its own most frequent pair is merged."""
    return {merged(word, most_frequent({word: times})): times for word, times in words.items()}


def once_per_word(words: Words) -> Counter:
    """How often each pair occurs where a word that holds it twice counts once."""
    counts: Counter = Counter()
    for word, times in words.items():
        for pair in set(zip(word, word[1:], strict=False)):
            counts[pair] += times
    return counts


def in_either_order(words: Words) -> Counter:
    """How often each pair occurs where the order of its two pieces does not matter."""
    counts: Counter = Counter()
    for pair, times in pair_counts(words).items():
        counts[tuple(sorted(pair))] += times
    return counts


def after_most_frequent(words: Words) -> Counter:
    """What follows the most frequent piece; every pair where nothing does."""
    first = ends(words)[0]
    followed = Counter({pair: times for pair, times in pair_counts(words).items() if pair[0] == first})
    return followed or pair_counts(words)


def across_words(words: Words) -> Counter:
    """How often each pair occurs where the last piece of a word and the first of the next are a pair, too."""
    row = [(piece, times) for word, times in words.items() for piece in word]
    counts: Counter = Counter()
    for (first, times), (second, _) in zip(row, row[1:], strict=False):
        counts[first, second] += times
    return counts


def across_repeated(words: Words) -> Counter:
    """How often each pair occurs in a text of all words, each written as often as it occurs, without borders."""
    row = [piece for word, times in words.items() for _ in range(times) for piece in word]
    return Counter(zip(row, row[1:], strict=False))


def of_pairs(words: Words, part: slice) -> Counter:
    """How often each pair occurs where only a part of each word's pairs is counted."""
    counts: Counter = Counter()
    for word, times in words.items():
        for pair in list(zip(word, word[1:], strict=False))[part]:
            counts[pair] += times
    return counts


def of_words(words: Words, part: slice) -> Counter:
    """How often each pair occurs in a part of the words."""
    return pair_counts(dict(list(words.items())[part]))


def of_single_letters(words: Words) -> Counter:
    """How often each pair of two single letters occurs."""
    return Counter({pair: times for pair, times in pair_counts(words).items() if len(pair[0]) == len(pair[1]) == 1})


def joined_by(sign: str):
    """Merging with a sign between the two pieces."""

    def signed(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
        return tuple(sign.join(pair) if piece == "".join(pair) else piece for piece in merged(word, pair))

    return lambda words: merge_all(words, most_frequent(words), signed)


def by_letters(words: Words) -> Words:
    """One merge of the words as they are spelt, whatever pieces they had."""
    return expected({tuple("".join(word)): times for word, times in words.items()})


def merges(words: Words, counts: Counter) -> list[Words]:
    """The words with each of the pairs merged that these counts make most frequent; as they are without any pair."""
    return [merge_all(words, pair) for pair, times in counts.items() if times == max(counts.values())] or [words]


def any_two(words: Words) -> Counter:
    """How often two pieces occur in a word in this order, neighbours or not."""
    counts: Counter = Counter()
    for word, times in words.items():
        for pair in combinations(word, 2):
            counts[pair] += times
    return counts


def either_order(words: Words) -> list[Words]:
    """The words with the most frequent pair merged, whatever the order of its pieces, in both orders."""
    counts = in_either_order(words)
    found = []
    for pair, times in counts.items():
        if times == max(counts.values()):
            found.append({in_both_orders(word, pair): n for word, n in words.items()})
    return found


def in_both_orders(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """A word in which the pair is merged from left to right, in either order."""
    pieces, i = [], 0
    while i < len(word):
        both = i + 1 < len(word) and tuple(sorted(word[i : i + 2])) == pair
        pieces.append("".join(word[i : i + 2]) if both else word[i])
        i += 2 if both else 1
    return tuple(pieces)


def in_one_word(words: Words, which) -> Words:
    """The most frequent pair merged in one word alone."""
    pair, only = most_frequent(words), which(words)
    return {merged(word, pair) if word == only else word: times for word, times in words.items()}


WRONG_COUNTS = [
    (any_two, "pieces of a word that are not neighbours are counted as pairs: only neighbours are"),
    (once_per_word, "a pair that a word holds more than once is counted once per word; each occurrence counts"),
    (in_either_order, "the order of a pair is ignored in the count: 'e', 'w' is another pair than 'w', 'e'"),
    (after_most_frequent, "it begins with the most frequent piece; count pairs of neighbouring pieces"),
    *(
        (count, "pairs are counted across the border between two words; they never cross it")
        for count in (across_words, across_repeated)
    ),
    *(
        (lambda words, count=count, part=part: count(words, part), told)
        for count, part, told in (
            (of_pairs, slice(-1), "the last pair of each word is not counted: `range(len(word) - 1)` includes it"),
            (of_pairs, slice(1, None), "the first pair of each word is not counted: positions count from 0"),
            (of_pairs, slice(1), "only the first pair of each word is counted; a word has several"),
            (of_words, slice(-1), "the last word is left out when pairs are counted"),
            (of_words, slice(1, None), "the first word is left out when pairs are counted"),
            (of_words, slice(1), "only the pairs of the first word are counted: is there a `return` or `break`?"),
        )
    ),
    (of_single_letters, "only pairs of single letters are counted; longer pieces are merged as well"),
    (
        lambda words: Counter([max(pair_counts(words))]),
        "`max` of the pairs is the last in the alphabet: `key=counts.get`",
    ),
    (
        lambda words: Counter([max((word for word in words if len(word) > 1), key=words.get)[:2]]),
        "it is the first pair of the most frequent word; a pair counts in all words that hold it",
    ),
]
MISTAKES = [
    (
        lambda words: either_order(words),
        "the order of a pair is ignored: a pair is merged in both orders, but 'w', 'e' is another pair than 'e', 'w'",
    ),
    *(
        (lambda words, kept=kept: in_one_word(words, kept), told)
        for kept, told in (
            (
                lambda words: max(words, key=words.get),
                "the pair is merged in the most frequent word alone: merge it in every word",
            ),
            (lambda words: next(iter(words)), "the pair is merged in the first word alone: merge it in every word"),
            (lambda words: list(words)[-1], "the pair is merged in the last word alone: merge it in every word"),
        )
    ),
    *((lambda words, count=count: merges(words, count(words)), told) for count, told in WRONG_COUNTS),
    (
        lambda words: merge_all(words, most_frequent(words), lambda word, pair: merged(word[::-1], pair[::-1])[::-1]),
        "the words are gone through from right to left, and the two pieces are joined in the wrong order",
    ),
    (
        lambda words: expected(expected(words)) if any(len(word) > 1 for word in expected(words)) else expected(words),
        "there are two merges; one pair is merged, once",
    ),
    *(
        (
            lambda words, start=start: {pairwise(word, start): times for word, times in words.items()},
            "every pair of neighbours is merged; only one pair is, the most frequent",
        )
        for start in (0, 1)
    ),
    (by_letters, "the pieces are split into letters first; they stay as they are"),
    (
        lambda words: dict([next(iter(expected(words).items()))]),
        "only the first word is there: is the `return` in the loop?",
    ),
    *(
        (joined_by(sign), f"there is {sign!r} between the merged pieces; they are joined without anything between")
        for sign in ("_", " ", "+", "-", "##", "@@")
    ),
    (
        lambda words: merge_all(words, unweighted(words)),
        "each word is counted once; a pair counts as often as its word occurs",
    ),
    (lambda words: merge_all(words, most_frequent(words), once), "only the first occurrence in a word is merged"),
    (
        lambda words: merge_all(words, most_frequent(words), both_kept),
        "the second piece of the pair is still there after the merged one: skip it",
    ),
    (
        lambda words: merge_all(words, most_frequent(words), first_kept),
        "the first piece of the pair is still there before the merged one",
    ),
    (
        lambda words: merge_all(words, most_frequent(words), dropped),
        "the last piece of a word is lost unless it was merged: does the loop end one too early?",
    ),
    (
        lambda words: merge_all(words, most_frequent(words), overlapping),
        "a piece is merged twice where two pairs overlap, as in 'a a a': after a merge go on behind it",
    ),
    (
        lambda words: merge_all(words, most_frequent(words), from_the_right),
        "overlapping pairs are merged from the right; go through a word from left to right",
    ),
    (
        lambda words: merge_all(words, most_frequent(words), in_text),
        "letters are compared instead of pieces: 'th e' is also found in 'bath e'. Compare whole pieces",
    ),
    (
        lambda words: merge_all(words, overwritten(words)),
        "the count of a pair is overwritten by the next word that holds it: add to it",
    ),
    (pair_of_each_word, "every word has a pair of its own merged; one pair, the same for all words, is merged"),
    (lambda words: words, "nothing is merged"),
    (
        lambda words: dict.fromkeys(merge_all(words, most_frequent(words)), 1),
        "the numbers of occurrences have become 1; each word keeps its own",
    ),
    (
        lambda words: merge_all(words, ends(words)),
        "the two most frequent pieces are merged; it is the most frequent pair of neighbours",
    ),
    (lambda words: merge_all(words, rarest(words)), "the rarest pair is merged; it is the most frequent one"),
    (
        lambda words: {word: n for word, n in merge_all(words, most_frequent(words)).items() if word not in words},
        "words without the pair are missing; they stay as they are",
    ),
    (
        lambda words: {("".join(word),): n for word, n in words.items()},
        "each word is in one piece: one merge joins one pair of pieces",
    ),
]


@exercise(
    "05.5",
    title="one merge",
    dots=3,
    minutes=20,
    repeatable=True,
    hints=(
        "First count each pair of neighbours, `zip(word, word[1:])`, as often as its word occurs. Then merge.",
        "`max(counts, key=counts.get)` is the most frequent pair. `word[i : i + 2] == pair` finds it in a word.",
        "Go through a word with `while i < len(word)`: after a merge go on by 2, otherwise by 1.",
    ),
)
def merge_most_frequent(answer, rng):
    cases = [
        {tuple("low"): 5, tuple("lower"): 2, tuple("newest"): 6, tuple("wide"): 3},
        {tuple("banana"): 4, tuple("bandana"): 1, tuple("cab"): 2},
        {("th", "e"): 9, ("o", "th", "e", "r"): 2, ("bath", "e"): 3, ("wi", "th", "er"): 1},
        {tuple("aaaa"): 2, tuple("baaab"): 3, tuple("ab"): 1},
        {tuple("qa"): 5, tuple("br"): 5, tuple("sa"): 5, tuple("bt"): 5, tuple("qax"): 1},  # a b only between words
        {tuple("xy"): 10, tuple("abab"): 4, tuple("abc"): 3, tuple("cabd"): 1, tuple("dab"): 1},
        {tuple("uvx"): 4, tuple("abx"): 2, tuple("wab"): 3},  # the first word, the last word and
        {tuple("abx"): 2, tuple("uvx"): 4, tuple("wab"): 3},  # the last pair decide
        {tuple("ab"): 5, tuple("uvxy"): 4},
        {tuple("xpa"): 3, tuple("xqa"): 3, tuple("xp"): 1},  # a x between words, also where one is repeated
        drawn_words(rng),
    ]
    given = [result_of(answer, words) for words in cases]
    for words, result in zip(cases, given, strict=True):
        if result == expected(words):
            continue
        told = next((told for wrong, told in MISTAKES if explains(wrong, cases, given)), None)
        raise Mistake(
            f"for {as_text(words)} the most frequent pair is {most_frequent(words)}; it returned {as_text(result)}"
            + (f": {told}" if told else "")
        )
    judge_tie(answer, {tuple("fish"): 3, tuple("cat"): 3, tuple("boy"): 1})
    return f"{len(cases) + 1} sets of words, pieces of several letters, overlapping pairs and a tie among them"


def judge_tie(answer: Answer, words: Words) -> None:
    """Of several pairs that are equally frequent any one may be merged, and one alone."""
    result, counts = result_of(answer, words), pair_counts(words)
    tied = [pair for pair, times in counts.items() if times == max(counts.values())]
    if not any(result == merge_all(words, pair) for pair in tied):
        shown = ", ".join(" ".join(word) for word in result)
        raise Mistake(
            f"{len(tied)} pairs are equally frequent in {as_text(words)}; it returned {shown}: merge one of them"
        )


def expected(words: Words) -> Words:
    """Words after one merge."""
    return merge_all(words, most_frequent(words))


def as_text(words: Words) -> str:
    """The first words, their pieces apart, with their counts."""
    return ", ".join(f"{' '.join(word)}: {times}" for word, times in list(words.items())[:5])


def explains(wrong, cases: list[Words], given: list[Words]) -> bool:
    """Whether a mistake gives what the answer returned, in every case; where it may give several, one of them."""
    made = [wrong(words) for words in cases]
    return all(
        result in options if isinstance(options, list) else result == options
        for options, result in zip(made, given, strict=True)
    )


def drawn_words(rng: torch.Generator) -> Words:
    """Random words over four letters with one most frequent pair."""
    while True:
        words = {}
        for _ in range(5):
            length = whole(rng, 3, 6)
            letters = torch.randint(4, (length,), generator=rng).tolist()
            words[tuple("abcd"[i] for i in letters)] = whole(rng, 1, 9)
        (_, first), (_, second) = pair_counts(words).most_common(2)
        if first > second:
            return words


def result_of(answer, words: Words) -> Words:
    """The answer's result, once it is a dict of tuples."""
    result = answer(words)
    if isinstance(result, Counter):
        result = dict(result)
    if isinstance(result, tuple) and len(result) == 2 and all(isinstance(part, str) for part in result):
        raise Mistake(f"it returned {result!r}, the pair alone; the words after the merge are asked for")
    if not isinstance(result, dict):
        raise Mistake(f"it returned {described(result)}, expected a dict of the words and how often each occurs")
    if any(isinstance(word, str) for word in result):
        raise Mistake("the words are strings; each is a tuple of its pieces, such as ('l', 'o', 'w')")
    if any(isinstance(word, tuple) and any(isinstance(piece, tuple) for piece in word) for word in result):
        raise Mistake("the merged pair is a tuple inside the word; join its two pieces to one string: `a + b`")
    if not all(isinstance(word, tuple) and all(isinstance(piece, str) for piece in word) for word in result):
        raise Mistake(f"it returned {described(result)}, expected a dict whose keys are tuples of pieces")
    return result
