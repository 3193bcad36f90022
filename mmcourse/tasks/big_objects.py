"""Pages with one big object by day, the training data of a small generator."""

import torch
from torch import Tensor

from mmcourse import settings
from mmcourse.picturebook.book import CHUNK, PictureBook
from mmcourse.picturebook.image import draw_batch


def big_objects(split: str, pages: int, seed: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Images, kinds and colours of the pages of a book that show a big object by day, about an eighth of all.

    -> (N, 3, 32, 32) in [0, 1], (N,), (N,). Only these pages are drawn; in a fast run, whose books are small, all are.
    """
    book = PictureBook(split, pages=pages, seed=seed)
    chosen = [
        page
        for page, scene in enumerate(book.scenes)
        if settings.fast() or (scene.objects[0].size == "big" and scene.time == "day")
    ]
    if not chosen:
        raise ValueError(f"no page of {book} shows a big object by day. Likely cause: too few pages")
    parts = [chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK)]
    images = [
        draw_batch([book.scenes[i] for i in part], book.size, [book.image_seed(i) for i in part]) for part in parts
    ]
    return torch.cat(images), book.kinds[chosen], book.colours[chosen]
