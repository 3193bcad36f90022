"""Exercise 02.1: words become numbers."""

import numbers
import re
import string
from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, named_mistake, whole

KNOWN = ["a", "the", "small", "big", "red", "green", "fish", "boat", "moon", "cat", "above", "below", "and", "i", "see"]
UNKNOWN = ["dragon", "purple", "pizza", "beside", "seven", "quickly"]

UNKNOWN_MISTAKES: list[tuple[Callable, str]] = [
    (lambda index: [index["<unk>"]], ""),
    (
        lambda index: [0],
        "a word that is not in the index becomes 0, which is padding: the model would not know that there is a word",
    ),
    (lambda index: [None], "a word that is not in the index becomes None: `.get` takes a default value"),
    (lambda index: [-1], "a word that is not in the index becomes -1, and an embedding has no such row"),
    (lambda index: ["<unk>"], "a word that is not in the index becomes the text '<unk>'; return its number"),
    (lambda index: [], "a word that is not in the index is left out; '<unk>' keeps its position in the sentence"),
    (lambda index: [len(index)], "a word that is not in the index gets a new number, and an embedding has no such row"),
    (
        lambda index: [1],
        "in this index '<unk>' is not number 1: look its number up instead of hard-coding it",
    ),
]
CASES: list[tuple[Callable, str]] = [
    (str.lower, ""),
    (str, "the case is kept, so 'Fish' is another word than 'fish'"),
    (str.upper, "the index has no upper-case words"),
    (
        lambda sentence: " ".join(word[:1].lower() + word[1:] for word in sentence.split()),
        "only the first letter of a word becomes lower case, so 'FISH' is not found; `.lower()` changes all letters",
    ),
]


def numbered(sentence: str, index: dict, case: Callable = str.lower, unknown: Callable | None = None) -> list:
    """The numbers of a sentence's words, and with other arguments some ways to get it wrong."""
    unknown = unknown or (lambda index: [index["<unk>"]])
    return [id for word in case(sentence).split() for id in ([index[word]] if word in index else unknown(index))]


def encode_mistakes() -> list[tuple[Callable, str]]:
    """Each way to treat case with each way to treat unknown words, and some that do not go by words."""
    both = [
        (
            lambda sentence, index, case=case, unknown=unknown: numbered(sentence, index, case, unknown),
            "; and ".join(filter(None, (about_case, about_unknown))),
        )
        for case, about_case in CASES
        for unknown, about_unknown in UNKNOWN_MISTAKES
        if about_case or about_unknown
    ]
    return both + [
        (
            lambda s, index: [index.get(word, index["<unk>"]) for word in s.lower().split(" ")],
            "`.split(' ')` splits at every single space and at no tab or line break; `.split()` splits at white space",
        ),
        (
            lambda s, index: [index.get(word, index["<unk>"]) for word in re.split(" +", s.lower().strip())],
            "it splits at runs of spaces, but at no tab or line break; `.split()` splits at all white space",
        ),
        (
            lambda s, index: [index.get(word, index["<unk>"]) for word in s.lower().replace("\n", " ").split(" ")],
            "it splits at every single space and at no tab; `.split()` splits at all white space",
        ),
        (
            lambda s, index: numbered(s, {word: i for i, word in enumerate(sorted(index))}),
            "those are positions among the sorted words; look up the number of a word, `index[word]`",
        ),
        (
            lambda s, index: numbered(s, {word: len(word) for word in index}),
            "those are the lengths of the words; look up the number of a word, `index[word]`",
        ),
        (lambda s, index: numbered(s, index)[:-1], "the last word is missing"),
        (lambda s, index: numbered(s, index)[1:], "the first word is missing: positions count from 0"),
        (lambda s, index: [id + 1 for id in numbered(s, index)], "every number is too large by 1"),
        (lambda s, index: [id - 1 for id in numbered(s, index)], "every number is too small by 1"),
        (
            lambda s, index: numbered(s.translate(str.maketrans("", "", string.punctuation)), index),
            "punctuation is removed; only split at white space, so that 'fish,' is another word, which is unknown",
        ),
        (
            lambda s, index: [(index.get(word) or index["<unk>"]) for word in s.lower().split()],
            "the word with number 0 becomes '<unk>': `or` takes 0 for missing, `.get(word, default)` does not",
        ),
        (
            lambda s, index: numbered(s, {word: i for i, word in enumerate(index)}),
            "that is a word's position in the dictionary; look up its number, `index[word]`",
        ),
        *(
            (
                lambda s, index, most=most: numbered(s, index)[:most],
                f"there are at most {most} numbers, so long sentences are cut: every word has its number",
            )
            for most in range(2, 20)
        ),
        (
            lambda s, index: [index.get(c, index["<unk>"]) for c in s.lower()],
            "there is a number for each letter: a text is a sequence of letters until `.split()` splits it into words",
        ),
        (lambda s, index: s.lower().split(), "those are the words; look the number of each up in `index`"),
        (lambda s, index: numbered(s, index)[::-1], "the words are in reverse order"),
        (lambda s, index: sorted(numbered(s, index)), "the numbers are sorted, and the order of the words is lost"),
        (
            lambda s, index: sorted(set(numbered(s, index))),
            "each word occurs once, and in another order: a set keeps neither repetitions nor order",
        ),
        (
            lambda s, index: list(set(numbered(s, index))),
            "each word occurs once, and in another order: a set keeps neither repetitions nor order",
        ),
        (
            lambda s, index: list(dict.fromkeys(numbered(s, index))),
            "a repeated word occurs once; each position of the sentence has its number",
        ),
        (lambda s, index: numbered(s, index)[:1], "only the first word is there: is the `return` inside the loop?"),
        (lambda s, index: [numbered(s, index)], "the list is inside another list; return one list of numbers"),
        (
            lambda s, index: [[id] for id in numbered(s, index)],
            "each number is in a list of its own; return one list of numbers",
        ),
        (lambda s, index: [float(id) for id in numbered(s, index)], "those are floats; tokens are integers"),
    ]


@exercise(
    "02.1",
    title="words to numbers",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Three steps: lower case, split at white space, look each word up. Print what each gives for one sentence.",
        "`index[word]` raises a KeyError for a missing word. What does a dictionary offer instead of brackets?",
        "`index.get(word, something)` gives `something` if `word` is missing. What number should that be?",
    ),
)
def encode(answer, rng):
    def draw(*pools: list[str]) -> list[str]:
        return [pool[whole(rng, 0, len(pool) - 1)] for pool in pools]

    shuffled = [KNOWN[i] for i in torch.randperm(len(KNOWN), generator=rng).tolist()]
    index = {word: i for i, word in enumerate(["<pad>", "<unk>", *shuffled])}
    elsewhere = {word: i for i, word in enumerate(["<pad>", *shuffled, "<unk>"])}
    known = [*draw(*[KNOWN] * 5), "fish", "a", "fish"]
    capital = ["The", "small", "FISH", *draw(KNOWN, KNOWN), "Moon"]
    strange = [*draw(KNOWN), *draw(UNKNOWN, KNOWN), "dragon", *draw(KNOWN, KNOWN)]
    cases = [(" ".join(words), index) for words in (known, capital, strange)]
    cases += [(" ".join(["A", *strange]), elsewhere), ("fish", index)]
    order = torch.randperm(len(index), generator=rng).tolist()
    unordered = {word: i for i, word in zip(order, index, strict=True)}
    zero = next(word for word, i in unordered.items() if i == 0)
    cases += [
        (" ".join(draw(*[KNOWN] * 20)), index),
        ("a  fish\tthe moon\n and a   boat", index),
        ("a fish, the boat. see!", index),
        (" ".join([*draw(*[KNOWN] * 3), zero]), unordered),
    ]
    given = []
    for sentence, numbers_of in cases:
        try:
            given.append(plain(answer(sentence, numbers_of)))
        except Mistake as problem:
            raise Mistake(why_missing(str(problem), sentence, numbers_of)) from None
    mistakes = encode_mistakes()
    for (sentence, numbers_of), value in zip(cases, given, strict=True):
        if value != numbered(sentence, numbers_of) or not all(type(id) is int for id in value):
            where = f"for {sentence!r}"
            words = named_mistake(cases, given, mistakes)
            if words is None and once_each(value, numbered(sentence, numbers_of)):
                words = "a repeated word occurs once; each position of the sentence has its number"
            if words is None and not (isinstance(value, list) and all(whole_number(id) for id in value)):
                raise Mistake(f"{where} the result is {described(value)}, expected a list of integers")
            expected = numbered(sentence, numbers_of)
            raise Mistake(f"{where} the result is {value}, expected {expected}" + (f": {words}" if words else ""))
    return "known words, capitals, unknown words, white space, three different indices" + nothing(answer, index)


def once_each(given, expected: list[int]) -> bool:
    """Whether the numbers are the expected ones, each once, in any order."""
    return (
        isinstance(given, list)
        and len(given) < len(expected)
        and sorted(given, key=str) == sorted(set(expected), key=str)
    )


def plain(value):
    """A list of plain whole numbers where the given value is one, else the value."""
    if isinstance(value, Tensor):
        raise Mistake(
            f"the result is a tensor of shape {tuple(value.shape)}, expected a list: sentences of different length "
            "become one tensor in the next exercise"
        )
    if isinstance(value, list):
        return [int(id) if whole_number(id) else id for id in value]
    remedy = {"map": "`list(...)` converts it", "generator": "square brackets make a list of it"}
    kind = type(value).__name__
    more = f": {remedy[kind]}" if kind in remedy else ""
    raise Mistake(f"the result is {described(value)}, expected a list of integers{more}")


def whole_number(value) -> bool:
    """Whether a value is a whole number, numpy's kinds included."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def why_missing(problem: str, sentence: str, index: dict) -> str:
    """Add to a KeyError what it comes from: a capital letter, or a word outside the vocabulary."""
    if not problem.startswith("KeyError"):
        return problem
    if any(word in problem for word in sentence.split() if word.lower() in index and word not in index):
        return f"for {sentence!r}: {problem}. The index contains lower-case words only"
    if any(word in problem for word in sentence.lower().split() if word not in index):
        return f"for {sentence!r}: {problem}. The word is not in the index; `'<unk>'` stands for all such words"
    return f"for {sentence!r}: {problem}"


def nothing(answer, index: dict) -> str:
    """A remark on a sentence without words, which does not make an answer wrong."""
    try:
        given = answer("", index)
    except Mistake:
        return ". An empty sentence raises an error, though: handle it before you use this elsewhere"
    if given != []:
        return f". An empty sentence gives {described(given)}, though; it has no words, and `.split()` finds none"
    return ""
