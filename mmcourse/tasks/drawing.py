"""Drawing from sentences: pages with one object, their sentences and facts, and how well images show these facts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmcourse import settings
from mmcourse.models.cnn import AttributeClassifier
from mmcourse.picturebook.book import CHUNK, PictureBook
from mmcourse.picturebook.image import draw_batch

FACTS = ("object", "colour", "size")


@dataclass(frozen=True)
class DescribedPages:
    """Pages with one object: images (N, 3, 32, 32) in [0, 1], tokens (N, T), sentences, and facts (N, 3) int64.

    The facts are indices into KINDS, COLOURS and SIZES, in this order.
    """

    images: Tensor
    tokens: Tensor
    sentences: list[str]
    facts: Tensor

    def __len__(self) -> int:
        return len(self.sentences)


def described_pages(split: str, pages: int, seed: int | None = None, big: bool = False) -> DescribedPages:
    """The pages of a PictureBook with one object; big: only those that show a big object by day, about an eighth.

    Only the chosen pages are drawn; in a fast run, whose books are small, all are.
    """
    book = PictureBook(split, pages, seed=seed)
    chosen = list(range(len(book)))
    if big and not settings.fast():
        chosen = [i for i in chosen if book.scenes[i].objects[0].size == "big" and book.scenes[i].time == "day"]
    if not chosen:
        raise ValueError(f"no page of {book} shows a big object by day. Likely cause: too few pages")
    parts = [chosen[start : start + CHUNK] for start in range(0, len(chosen), CHUNK)]
    images = [
        draw_batch([book.scenes[i] for i in part], book.size, [book.image_seed(i) for i in part]) for part in parts
    ]
    facts = torch.stack([book.kinds, book.colours, book.sizes], dim=1)
    return DescribedPages(torch.cat(images), book.tokens[chosen], [book.sentences[i] for i in chosen], facts[chosen])


def facts_shown(
    images: Tensor, facts: Tensor, judges: AttributeClassifier | Sequence[AttributeClassifier]
) -> dict[str, float]:
    """In what fraction of the images a judge recognises the facts: each, object and colour together, and all three.

    images (N, 3, 32, 32), facts (N, 3). Of several judges the lowest result counts, for each entry by itself.
    """
    if len(images) != len(facts) or facts.shape[1:] != (3,):
        raise ValueError(
            f"images have shape {tuple(images.shape)}, facts {tuple(facts.shape)}; expected object, colour and size "
            "(N, 3) of N images"
        )
    results = []
    for judge in judges if isinstance(judges, Sequence) else [judges]:
        seen = torch.cat([judge.predict(part).cpu() for part in images.split(500)])
        right = seen == facts.cpu()
        row = {name: right[:, i] for i, name in enumerate(FACTS)}
        row |= {"object and colour": right[:, :2].all(dim=1), "all": right.all(dim=1)}
        results.append({name: values.float().mean().item() for name, values in row.items()})
    return {name: min(result[name] for result in results) for name in results[0]}
