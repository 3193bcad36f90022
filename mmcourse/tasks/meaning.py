"""The meanings of pages as integers, for a shared space: equal for equal meanings, whatever the phrasing or image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.data.text import PAD, pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, KINDS, RELATIONS, SIZES, stream
from mmcourse.picturebook.sentence import Facts, describe, encode, facts_of


def meaning_of(facts: Facts) -> int:
    """An integer for the objects and their relation; the time of day, which few sentences mention, is ignored.

    The order of two objects does not matter: 'a above b' and 'b below a' have the same meaning.
    """
    number = 0
    for kind, colour, size in facts.objects:
        item = (KINDS.index(kind) * len(COLOURS) + COLOURS.index(colour)) * len(SIZES) + SIZES.index(size)
        number = number * len(KINDS) * len(COLOURS) * len(SIZES) + item + 1
    relation = 0 if facts.relation is None else 1 + RELATIONS.index(facts.relation)
    return number * (1 + len(RELATIONS)) + relation


def meanings(book: PictureBook) -> Tensor:
    """The meaning of each page.   -> (N,) int64"""
    return torch.tensor([meaning_of(facts_of(scene)) for scene in book.scenes])


def of_distinct_meaning(book: PictureBook, pages: int) -> Tensor:
    """The first pages of a book with different meanings, as candidates with one correct answer per query.

    -> (pages,) indices into the book, int64. ValueError where the book contains fewer meanings.
    """
    found: dict[int, int] = {}
    for position, meaning in enumerate(meanings(book).tolist()):
        found.setdefault(meaning, position)
    if len(found) < pages:
        raise ValueError(
            f"the book's {len(book)} pages have {len(found)} meanings; expected {pages}: make a longer book"
        )
    return torch.tensor(list(found.values())[:pages])


def phrasings(book: PictureBook, times: int) -> Tensor:
    """`times` phrasings of each page, drawn at random; the first is the book's own.   -> (N, times, T) int64"""
    if times < 1:
        raise ValueError(f"times is {times}; expected one phrasing or more")
    side = "held_out" if book.split == "held_out_phrasings" else "seen"
    rows = []
    for page, (scene, sentence) in enumerate(zip(book.scenes, book.sentences, strict=True)):
        rng = stream("phrasings", book.split, page, book.objects, book.seed)
        rows += [encode(sentence), *(encode(describe(scene, rng, side)) for _ in range(times - 1))]
    return pad(rows).unflatten(0, (len(book), times))


def any_phrasing(tokens: Tensor) -> Tensor:
    """One of each page's phrasings, at random, cut to the longest of them.   (B, times, T) -> (B, T)"""
    if tokens.dim() != 3:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; expected (B, times, T), as phrasings() returns them"
        )
    batch, times = tokens.shape[:2]
    pick = torch.randint(times, (batch,), device=tokens.device)
    chosen = tokens[torch.arange(batch, device=tokens.device), pick]
    return chosen[:, : max(int((chosen != PAD).sum(dim=1).max()), 1)]


def every_object(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Each (kind, colour) in each size: all meanings of a page with one object."""
    return [(kind, colour, size) for kind, colour in pairs for size in SIZES]
