"""The matching task: is the sentence true of the image? Neither alone determines the label."""

import random
from collections import defaultdict

import torch
from torch import Tensor

from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import stream


def true_or_false(book: PictureBook) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of images (N,) and of sentences (N,), both pages of `book`, and labels (N,), 1 for true.

    Pages are paired so that kind, colour and size differ in exactly one. Each pair gives four examples: both images
    with both sentences, two true and two false. Each image and each sentence occurs once in a true and once in a false
    example, so a model of one modality has exactly 50% accuracy. Sentences are the split's own, so held-out properties
    do not indicate the label. A page without a partner is left out.
    """
    if book.objects != 1:
        raise ValueError("true_or_false got a book with two objects per page; make the book with objects=1")
    rng = stream("true or false", book.split, book.seed, len(book))
    pairs = torch.tensor(_pairs(book, rng), dtype=torch.int64).reshape(-1, 2)
    if not len(pairs):
        raise ValueError(f"no two of {len(book)} pages differ in exactly one fact; make the book with more pages")
    one, other = pairs.T
    images = torch.stack([one, other, one, other], dim=1).flatten()
    sentences = torch.stack([one, other, other, one], dim=1).flatten()
    return images, sentences, (images == sentences).long()


def _pairs(book: PictureBook, rng: random.Random) -> list[tuple[int, int]]:
    """Pairs of pages that differ in one fact: each page is paired with an earlier page that has no partner yet."""
    facts = list(zip(book.kinds.tolist(), book.colours.tolist(), book.sizes.tolist(), strict=True))
    waiting, pairs = defaultdict(list), []
    for page in rng.sample(range(len(book)), len(book)):
        keys = [(fact, *facts[page][:fact], *facts[page][fact + 1 :]) for fact in rng.sample(range(3), 3)]
        fitting = ((key, other) for key in keys for other in waiting[key] if facts[other] != facts[page])
        if found := next(fitting, None):
            key, partner = found
            waiting[key].remove(partner)
            pairs.append((partner, page))
        else:
            waiting[keys[0]].append(page)
    return pairs
