"""The word-order task: which of two objects is on the left, or above? The order of the words decides."""

import torch
from torch import Tensor

from mmcourse.picturebook.book import PictureBook
from mmcourse.renamed import names_of

ANSWERS = ("no", "yes")  # is the object whose kind comes first in the alphabet on the left, or above?


def word_order(book: PictureBook) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens (N, T), labels (N,) and the book's pages they come from (N,), all int64.

    Each sentence describes two objects. The label is 1 if the object whose kind comes first in the alphabet is on the
    left (or above), else 0: 'a big red fish above a small blue boat' has label 0, 'a big red boat above a small blue
    fish' label 1, and 'a small blue fish below a big red boat' as well.
    Both labels are equally frequent, so chance level is 50%: surplus pages at the book's end are left out.
    """
    if book.objects != 2:
        raise ValueError("word_order got a book with one object per page; make the book with objects=2")
    turned = (book.relations == 1) | (book.relations == 3)  # right of, below: the second object is left or above
    labels = ((book.kinds[:, 0] < book.kinds[:, 1]) ^ turned).long()
    each = min(int(labels.sum()), int((1 - labels).sum()))
    if each == 0:
        raise ValueError(f"a book of {len(book)} pages has only one of the two labels; make it with more pages")
    keep = torch.cat([(labels == answer).nonzero()[:each, 0] for answer in (0, 1)]).sort().values
    return book.tokens[keep], labels[keep], keep


__getattr__ = names_of(__name__)
