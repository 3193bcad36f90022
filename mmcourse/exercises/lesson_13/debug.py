"""The debugging exercise of lesson 13: an alphabet without an index of its own for the blank."""

from itertools import groupby

import torch

from mmcourse.exercises.answers import Mistake, NotAttempted, guarded, is_stub_class
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, expect_tensor, expect_whole_number, explained, whole

LETTERS = " abcdefghijklmnopqrstuvwxyz'"
PLACEHOLDERS = "-_*#<>|~@^?"  # characters that often stand for the blank, and may be letters
CAUSES = {
    "out of range": (
        "an index has no character: do `encode` and `decode` count alike, and is the blank removed before the lookup?"
    ),
    "substring not found": (
        "`encode` looks for a character that is not among the letters it was given: is there a `lower()`? Capitals are "
        "letters of their own"
    ),
    "has no attribute": "keep `blank`, `n_outputs`, `encode` and `decode` as attributes of the object",
}


@exercise(
    "13.debug",
    title="words run together",
    dots=2,
    minutes=15,
    hints=(
        "Print `encode` of a sentence with spaces. Which of these indices does the loss take for the blank?",
        "The index of the blank belongs to no character, and the network needs an output for it.",
        "Put one more symbol in front of the letters, or add 1 to every index in `encode` and subtract it in `decode`. "
        "`n_outputs` grows by one.",
    ),
)
def fixed_alphabet(answer, rng):
    if is_stub_class(answer.function):
        raise NotAttempted
    sets = (
        drawn_letters(rng, 5),
        " " + drawn_letters(rng, 6).replace(" ", ""),
        drawn_letters(rng, whole(rng, 9, 14)),
        drawn_letters(rng, 3) + "AÉZ" + PLACEHOLDERS,
    )
    for letters in sets:
        alphabet = made(answer, letters)
        judge_encoding(alphabet, letters, rng)
        judge_decoding(alphabet, letters, rng)
    judge_separate(answer, sets[0], sets[3])
    return (
        "4 sets of letters: every character has an index of its own, the blank as well, and every sentence comes back "
        "from its alignments, doubled letters included"
    )


def drawn_letters(rng: torch.Generator, n: int) -> str:
    """Different characters in any order."""
    return "".join(LETTERS[i] for i in torch.randperm(len(LETTERS), generator=rng)[:n])


def made(answer, letters: str):
    """The alphabet, with the attributes that the loss needs."""
    alphabet = explained(answer, CAUSES)(letters)
    if isinstance(alphabet, type):
        raise Mistake(f"`{answer.name}` returned a class; make an object of it: `{alphabet.__name__}(letters)`")
    missing = [name for name in ("blank", "n_outputs", "encode", "decode") if not hasattr(alphabet, name)]
    if missing:
        raise Mistake(f"the alphabet has no `{missing[0]}`: {CAUSES['has no attribute']}")
    n_outputs = expect_whole_number(alphabet.n_outputs, "`n_outputs`")
    blank = expect_whole_number(alphabet.blank, "`blank`")
    if n_outputs == len(letters) and len(set(indices(alphabet, letters)) - {blank}) < len(letters):
        at = indices(alphabet, letters)
        if blank in at:
            raise Mistake(collision(letters[at.index(blank)], blank))
    if n_outputs != len(letters) + 1:
        raise Mistake(
            f"for {len(letters)} letters `n_outputs` is {n_outputs}, expected {len(letters) + 1}: one output for each "
            "letter and one for the blank, whatever `letters` is"
        )
    if not 0 <= blank < n_outputs:
        raise Mistake(
            f"`blank` is {blank}, but there are the outputs 0 to {n_outputs - 1}: the network needs one for it"
        )
    return alphabet


def judge_separate(answer, letters: str, others: str) -> None:
    """A second alphabet leaves the first as it was."""
    first = made(answer, letters)
    before = first.blank, first.n_outputs, indices(first, letters)
    made(answer, others)
    if before != (first.blank, first.n_outputs, indices(first, letters)):
        raise Mistake(
            "a second alphabet changes the first: something is stored in the class, or in a global name, which all "
            "alphabets share. `self.blank = ...` stores it in the object"
        )


def collision(letter: str, blank: int) -> str:
    """Words for a character that has the blank's index."""
    return (
        f"{letter!r} has the index {blank}, which is the blank: the loss and the decoder take it for 'no character', "
        "so it is never written"
    )


def indices(alphabet, text: str) -> list[int]:
    """What a text is encoded to."""
    given = explained(lambda one: guarded(alphabet.encode, one, name="encode"), CAUSES)(text)
    length = len(text)
    causes = {
        (2 * length + 1,): "the target holds no blanks; the loss adds them",
        (length, alphabet.n_outputs): "an index for each character is asked for, no one-hot vectors",
        (length + 1,): "there is one index too many",
        (length - 1,): "there is one index too few",
    }
    given = expect_tensor(given, f"`encode({text!r})`:", (length,), causes)
    if given.dtype != torch.int64:
        empty = ": a tensor of an empty list is float32 unless it gets a `dtype`" if not text else ""
        raise Mistake(f"`encode({text!r})` returned {given.dtype}, expected torch.int64{empty}")
    return given.tolist()


def judge_encoding(alphabet, letters: str, rng: torch.Generator) -> None:
    """Every letter has an index of its own, which is not the blank's and has an output."""
    own = {letter: indices(alphabet, letter)[0] for letter in letters}
    for letter, index in own.items():
        if index == alphabet.blank:
            raise Mistake(collision(letter, index))
        if not 0 <= index < alphabet.n_outputs:
            raise Mistake(f"{letter!r} has the index {index}, but there are the outputs 0 to {alphabet.n_outputs - 1}")
    for index in own.values():
        shared = [letter for letter in letters if own[letter] == index]
        if len(shared) > 1:
            capitals = shared[0].lower() == shared[1].lower()
            raise Mistake(
                f"{shared[0]!r} and {shared[1]!r} have the same index, {index}"
                + (": is there a `lower()`? Capitals are letters of their own" if capitals else "")
            )
    for text in ("", drawn_text(letters, rng), drawn_text(letters, rng)):
        given, expected = indices(alphabet, text), [own[letter] for letter in text]
        if given != expected:
            raise Mistake(f"`encode({text!r})` returned {given}; letter by letter it gives {expected}")


def drawn_text(letters: str, rng: torch.Generator) -> str:
    """Characters in any order, some of them doubled."""
    drawn = [letters[whole(rng, 0, len(letters) - 1)] for _ in range(whole(rng, 5, 9))]
    return "".join(drawn + drawn[-1:] + list(letters[:1]) * 2)


def aligned(symbols: list[int], blank: int, rng: torch.Generator) -> list[int]:
    """A random alignment of a text: repeats anywhere, blanks between equal symbols and in other places."""
    ids, before = [], None
    for symbol in symbols:
        if symbol == before or whole(rng, 0, 2) == 0:
            ids += [blank] * whole(rng, 1, 2)
        ids += [symbol] * whole(rng, 1, 3)
        before = symbol
    return ids + [blank] * whole(rng, 0, 2)


def decoded(alphabet, ids: list[int]) -> str:
    """The text of an alignment."""
    given = explained(lambda one: guarded(alphabet.decode, one, name="decode"), CAUSES)(list(ids))
    if given is None:
        raise Mistake("`decode` returned None: is the `return` missing, or not reached?")
    if not isinstance(given, str):
        raise Mistake(f"`decode` returned {described(given)}, expected a text (str)")
    return given


def judge_decoding(alphabet, letters: str, rng: torch.Generator) -> None:
    """Every text comes back from each of its alignments."""
    blank = alphabet.blank
    own = {indices(alphabet, letter)[0]: letter for letter in letters}
    alignments = [[blank] * 4, *([index] for index in own)]
    alignments += [aligned(indices(alphabet, drawn_text(letters, rng)), blank, rng) for _ in range(4)]
    for ids in alignments:
        expected = "".join(own[i] for i, _ in groupby(ids) if i != blank)
        given = decoded(alphabet, ids)
        if given != expected:
            raise Mistake(f"`decode({ids})` returned {given!r}, expected {expected!r}" + cause(ids, given, own, blank))


def consistent(ids: list[int], given: str) -> bool:
    """Whether each index stands for the same character wherever it is, and for another than every other index."""
    pairs = set(zip(ids, given, strict=True))
    return len(pairs) == len({i for i, _ in pairs}) == len({letter for _, letter in pairs})


def cause(ids: list[int], given: str, own: dict[int, str], blank: int) -> str:
    """What a wrong text comes from."""
    plain = [i for i in ids if i != blank]
    if given == "".join(own[i] for i in plain):
        return ": repeats are not merged"
    if given == "".join(own[i] for i, _ in groupby(plain)):
        return ": blanks are removed before repeats are merged"
    merged = [i for i, _ in groupby(ids)]
    if given == "".join(own[i] for i in merged if i != blank).lower():
        return ": capitals come back in lower case: is there a `lower()`? They are letters of their own"
    if given == "".join(own[i] for i in merged if i != blank).strip():
        return ": spaces at the ends are lost: is there a `strip`?"
    if len(given) == len(merged) > sum(i != blank for i in merged) and all(
        own[i] == letter for i, letter in zip(merged, given, strict=True) if i != blank
    ):
        return f": the blank is written as {given[merged.index(blank)]!r}; it is removed"
    if len(given) == sum(i != blank for i in merged) and consistent([i for i in merged if i != blank], given):
        return ": `encode` and `decode` do not agree on the index of each character"
    return f": the blank is {blank}, and the characters have the indices {own}"
