"""Captions for training: `<start>` and `<end>` around each sentence, several sentences for a page, batches of both.

batches = CaptionBatches(book.images, tellings(book, 4), changes=(mirror,))    # yields (images, inputs, targets)
fit(captioner, batches, loss=caption_loss)
"""

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data.batches import Batches
from mmcourse.data.text import PAD, lengths, pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, stream
from mmcourse.picturebook.sentence import END, START, encode, tell

Change = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
LEFT, RIGHT = (encode(word)[0] for word in ("left", "right"))
COLOUR_WORDS = torch.tensor([encode(word)[0] for word in COLOURS])


def framed(sentences: Sequence[str]) -> Tensor:
    """`<start>`, the words, `<end>`, padding.   -> (N, L) int64"""
    if isinstance(sentences, str):
        raise ValueError(f"sentences is one text, {sentences!r}; expected a list of them: framed([sentence])")
    return pad([[START, *encode(sentence), END] for sentence in sentences])


def tellings(book: PictureBook, times: int = 4) -> Tensor:
    """Each page told `times` times, in wordings of its own split; the same for the same book.   -> (N, times, L)"""
    if times < 1:
        raise ValueError(f"times is {times}; expected one sentence a page or more")
    wordings = "unseen" if book.split == "unseen_wordings" else "seen"
    rows = framed(
        [
            tell(scene, stream("telling", book.split, page, book.things, book.seed, again), wordings)
            for page, scene in enumerate(book.scenes)
            for again in range(times)
        ]
    )
    return rows.unflatten(0, (len(book), times))


def shift_right(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """What the decoder reads and what it is to say: at each place the words so far, and the next.

    (B, L) from `<start>` to `<end>` -> inputs (B, L - 1), targets (B, L - 1); padding stays 0, and so does what is
    read after the last word.
    """
    if tokens.dim() != 2 or tokens.shape[1] < 2:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; expected (B, L) of two places or more, with <start> and <end>"
        )
    targets = tokens[:, 1:]
    return tokens[:, :-1].masked_fill(targets == PAD, PAD), targets


def caption_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the next word, averaged over words; 0 in the targets is not counted.   (B, L, V), (B, L)"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)


def word_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """The share of next words that are the likeliest ones, given the true words before.   (B, L, V), (B, L) -> ()"""
    counted = targets != PAD
    return ((logits.argmax(dim=-1) == targets) & counted).sum() / counted.sum()


def mirror(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mirror every other picture, at random, and exchange 'left' and 'right' in its words."""
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    other = torch.arange(int(max(inputs.max(), targets.max(), RIGHT)) + 1, device=inputs.device)
    other[LEFT], other[RIGHT] = RIGHT, LEFT
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return images, *(torch.where(mirrored[:, None], other[words], words) for words in (inputs, targets))


def recolour(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Permute the colour channels of every other picture, so that its colours are others, and count no colour word.

    What is read instead is a colour drawn at random: the kind must then be seen, and cannot be guessed from it. For
    pages with one thing; of two, the colour says which is meant.
    """
    chosen = torch.rand(len(images), device=images.device) < 0.5
    order = torch.rand(len(images), images.shape[1], device=images.device).argsort(dim=1)  # (B, C)
    permuted = images[torch.arange(len(images), device=images.device)[:, None], order]
    colours = COLOUR_WORDS.to(inputs.device)
    drawn = colours[torch.randint(len(colours), inputs.shape, device=inputs.device)]
    return (
        torch.where(chosen[:, None, None, None], permuted, images),
        torch.where(chosen[:, None] & torch.isin(inputs, colours), drawn, inputs),
        torch.where(chosen[:, None] & torch.isin(targets, colours), PAD, targets),
    )


class CaptionBatches(Batches):
    """Pictures and their sentences, for teacher forcing: (images (B, C, H, W), inputs (B, L)), targets (B, L).

    captions  (N, L), or (N, times, L), of which each epoch draws one a page; batches are cut to their longest
    changes   functions of (images, inputs, targets) that give the same three, such as `mirror`; made in this order
    Other options are those of Batches.
    """

    def __init__(self, images: Tensor, captions: Tensor, changes: Sequence[Change] = (), **options):
        if captions.dim() not in (2, 3):
            raise ValueError(f"captions have shape {tuple(captions.shape)}; expected (N, L) or (N, times, L)")
        self.changes = tuple(changes)
        super().__init__(images, captions if captions.dim() == 3 else captions[:, None], **options)

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        for images, captions in super()._cut(order):
            among = captions.shape[1]
            which = torch.randint(among, (len(captions),), device=captions.device) if self.shuffle else 0
            told = captions[torch.arange(len(captions), device=captions.device), which]
            batch = images, *shift_right(told[:, : int(lengths(told).max())])
            for change in self.changes:
                batch = change(*batch)
            yield batch
