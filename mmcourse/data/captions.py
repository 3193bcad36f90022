"""Captions for training: `<start>` and `<end>` around each sentence, several sentences for a page, batches of both.

batches = CaptionBatches(book.images, tellings(book, 4), changes=(mirror,))    # yields (images, inputs, targets)
fit(captioner, batches, loss=caption_loss)
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import permutations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data.batches import Batches
from mmcourse.data.text import PAD, lengths, pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.picture import RGB
from mmcourse.picturebook.scene import COLOURS, KINDS, stream
from mmcourse.picturebook.sentence import END, START, VOCABULARY, encode, tell

Change = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
NAMED = 0.3  # a colour that is farther from all colours of the book, in RGB, has no name
LEFT, RIGHT = (encode(word)[0] for word in ("left", "right"))
COLOUR_WORDS, KIND_WORDS = (torch.tensor([encode(word)[0] for word in words]) for words in (COLOURS, KINDS))


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
    """Permute the colour channels of three pictures in four, at random: they teach kinds, and the others colours.

    In a permuted picture no colour word is counted, since it has no name; what is read instead is a colour drawn at
    random. In the others no kind is counted, so that no kind can be learned by its colour. For pages with one thing: of
    two, the colour says which is meant.
    """
    chosen = torch.rand(len(images), device=images.device) < 0.75
    order = torch.rand(len(images), images.shape[1], device=images.device).argsort(dim=1)  # (B, C)
    permuted = images[torch.arange(len(images), device=images.device)[:, None], order]
    colours, kinds = COLOUR_WORDS.to(inputs.device), KIND_WORDS.to(inputs.device)
    drawn = colours[torch.randint(len(colours), inputs.shape, device=inputs.device)]
    hidden = torch.where(chosen[:, None], torch.isin(targets, colours), torch.isin(targets, kinds))
    return (
        torch.where(chosen[:, None, None, None], permuted, images),
        torch.where(chosen[:, None] & torch.isin(inputs, colours), drawn, inputs),
        targets.masked_fill(hidden, PAD),
    )


def repaint(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Permute the colour channels of each page at random, and call its colours what they have become.

    A page stays as it is where one of its colours becomes none that has a name. For pages with several things, each of
    which is told by its colour. It paints pairs of kind and colour that the training split does not hold.
    """
    orders, names = (table.to(inputs.device) for table in _repainted())
    drawn = torch.randint(len(orders), (len(images),), device=images.device)
    named = [names[drawn].gather(1, words) for words in (inputs, targets)]  # (B, L)
    changed = torch.stack([(words >= 0).all(dim=1) for words in named]).all(dim=0)  # (B,)
    permuted = images[torch.arange(len(images), device=images.device)[:, None], orders[drawn].to(images.device)]
    return (
        torch.where(changed[:, None, None, None], permuted, images),
        *(torch.where(changed[:, None], new, words) for new, words in zip(named, (inputs, targets), strict=True)),
    )


def seen_by(captioner, images: Tensor, told: Tensor, changes: Sequence[Change] = (mirror, repaint), times: int = 4):
    """Each page `times` times, changed anew, as the kept eyes of a captioner see it: computed once, and not each epoch.

    (N, C, H, W), (N, n, L) -> maps (times * N, D, h, w) float16, words (times * N, n, L)
    """
    if len(images) != len(told) or told.dim() != 3:
        raise ValueError(f"there are {len(images)} images and told is {tuple(told.shape)}; expected (N, n, L) of one N")
    maps, words = None, told.repeat(times, 1, 1)
    for first in (again * len(told) + start for again in range(times) for start in range(0, len(told), 250)):
        some = images[first % len(told) :][:250]
        rows = slice(first, first + len(some))
        for change in changes:
            some, said, _ = change(some, flat := words[rows].flatten(1), flat)
            words[rows] = said.unflatten(1, told.shape[1:])
        seen = captioner.look(some)
        if maps is None:  # filled part by part: a list of parts that are joined would take the memory twice
            maps = seen.new_empty(len(words), *seen.shape[1:])
        maps[rows] = seen
    return maps, words


@cache
def _repainted() -> tuple[Tensor, Tensor]:
    """The orders of three channels (6, 3), and what each word is called in each of them (6, V); -1 has no name."""
    orders = torch.tensor(list(permutations(range(3))))
    apart, becomes = torch.cdist(RGB[:, orders].transpose(0, 1), RGB).min(dim=2)  # (6, n_colours)
    names = torch.arange(len(VOCABULARY)).repeat(len(orders), 1)
    names[:, COLOUR_WORDS] = torch.where(apart < NAMED, COLOUR_WORDS[becomes], -1)
    return orders, names


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
