"""The word-order task: which of two things is on the left, or above? The same words in another order tell another."""

import torch
from torch import Tensor

from mmcourse.picturebook.book import PictureBook

ANSWERS = ("no", "yes")  # is the thing whose kind comes first in the alphabet the one on the left, or above?


def which_is_where(book: PictureBook) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (N, T), labels (N,) and the book's pages they come from (N,), all int64.

    A sentence tells of two things. Name their kinds in the order of the alphabet: the label is 1 where the first of
    them is the one on the left (or above), 0 where it is the second: 'a big red fish above a small blue boat' is 0,
    'a big red boat above a small blue fish' is 1, and so is 'a small blue fish below a big red boat'.
    There are as many of each, so a guess is right half the time: surplus pages at the book's end are left out.
    """
    if book.objects != 2:
        raise ValueError("which_is_where got a book with one thing a page; make the book with objects=2")
    turned = (book.relations == 1) | (book.relations == 3)  # right of, below: the second thing is left or above
    labels = ((book.kinds[:, 0] < book.kinds[:, 1]) ^ turned).long()
    each = min(int(labels.sum()), int((1 - labels).sum()))
    if each == 0:
        raise ValueError(f"a book of {len(book)} pages holds one of the two answers alone; make it with more pages")
    keep = torch.cat([(labels == answer).nonzero()[:each, 0] for answer in (0, 1)]).sort().values
    return book.tokens[keep], labels[keep], keep
