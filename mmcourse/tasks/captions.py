"""Captions for training: sentences from `<start>` to `<end>`, several per page; batches with augmentation.

batches = CaptionBatches(book.images, sample_captions(book, 4), changes=(mirror,))    # (images, inputs), targets
fit(captioner, batches, loss=caption_loss)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data.augment import shift
from mmcourse.data.batches import Batches
from mmcourse.data.text import PAD, check_padding, lengths, pad
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.image import RGB
from mmcourse.picturebook.scene import COLOURS, HELD_OUT_PAIRS, KINDS
from mmcourse.picturebook.sentence import END, MASK, START, VOCABULARY, encode
from mmcourse.tasks.meaning import phrasings

Change = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
PERMUTED, PLAIN = 6, 27  # of _ways: the first six are permutations, the first 27 include no negative
NAMED = 0.3  # a colour at a larger distance from all colours of the book, in RGB, has no name
LEFT, RIGHT = (encode(word)[0] for word in ("left", "right"))
COLOUR_WORDS, KIND_WORDS = (torch.tensor([encode(word)[0] for word in words]) for words in (COLOURS, KINDS))


def caption_tokens(sentences: Sequence[str]) -> Tensor:
    """`<start>`, the words, `<end>`, padding.   -> (N, L) int64"""
    if isinstance(sentences, str):
        raise ValueError(f"sentences is one text, {sentences!r}; expected a list: caption_tokens([sentence])")
    return pad([[START, *encode(sentence), END] for sentence in sentences])


def sample_captions(book: PictureBook, times: int = 4) -> Tensor:
    """Each page's `phrasings`, with `<start>` and `<end>`; the same for the same book.   -> (N, times, L) int64"""
    rows = [[START, *row[row != PAD].tolist(), END] for row in phrasings(book, times).flatten(0, 1)]
    return pad(rows).unflatten(0, (len(book), times))


def shift_right(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The decoder's inputs and targets for teacher forcing.

    (B, L) from `<start>` to `<end>` -> inputs (B, L - 1), targets (B, L - 1). Padding is 0, as are the inputs after the
    last word. A `<mask>` is only an input: its target is 0, too.
    """
    if tokens.dim() != 2 or tokens.shape[1] < 2:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; expected (B, L) with at least two positions, <start> and <end>"
        )
    targets = tokens[:, 1:]
    return tokens[:, :-1].masked_fill(targets == PAD, PAD), targets.masked_fill(targets == MASK, PAD)


def caption_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the next word, averaged over words; targets of 0 are ignored.   (B, L, V), (B, L)"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)


def word_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """The fraction of next words predicted correctly under teacher forcing.   (B, L, V), (B, L) -> ()"""
    counted = targets != PAD
    return ((logits.argmax(dim=-1) == targets) & counted).sum() / counted.sum()


caption_loss.ignore_index = word_accuracy.ignore_index = PAD  # so that `fit` and `evaluate` weigh batches by words


def mirror(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mirror each image with probability one half, and exchange 'left' and 'right' in its caption."""
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    other = torch.arange(int(max(inputs.max(), targets.max(), RIGHT)) + 1, device=inputs.device)
    other[LEFT], other[RIGHT] = RIGHT, LEFT
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return images, *(torch.where(mirrored[:, None], other[words], words) for words in (inputs, targets))


def move(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shift each image by up to two pixels, circularly; its caption stays the same."""
    return shift(images, 2), inputs, targets


def recolour(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Recolour 75% of the images at random: these train the kinds, the others the colours. For pages with one object.

    Each new channel is one of the old three, drawn at random. Half of the recoloured images get a colour without a
    name, possibly as negatives; the others any colour in which they show no held-out combination. Their colour words
    are excluded from the loss and replaced by random colours in the input. In the images that keep their colours the
    kinds are excluded, so that no kind can be learned from its colour. With two objects, the colour identifies which
    one is meant.
    """
    draw = torch.rand(len(images), device=images.device)
    chosen, nameless = draw < 0.75, draw < 0.375
    colours, kinds = COLOUR_WORDS.to(inputs.device), KIND_WORDS.to(inputs.device)
    unnamed = (_ways().names.to(targets.device)[:, targets] < 0).any(dim=2).T  # (B, 54)
    spared = _shows_no_held_out(targets)
    spared[:, PLAIN:] = False
    painted = _painted(images, _drawn(torch.where(nameless[:, None], unnamed, spared)))
    drawn = colours[torch.randint(len(colours), inputs.shape, device=inputs.device)]
    hidden = torch.where(chosen[:, None], torch.isin(targets, colours), torch.isin(targets, kinds))
    return (
        torch.where(chosen[:, None, None, None], painted, images),
        torch.where(chosen[:, None] & torch.isin(inputs, colours), drawn, inputs),
        targets.masked_fill(hidden, PAD),
    )


def repaint(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Permute the colour channels of each image at random, and rename the colours in its caption.

    A permutation is drawn from those that turn each colour of the page into a colour with a name, and no combination of
    kind and colour into a held-out one. For pages with several objects, which their colours distinguish.
    """
    names = _ways().names[:PERMUTED].to(targets.device)
    way = _drawn(_shows_no_held_out(targets)[:, :PERMUTED] & (names[:, targets] >= 0).all(dim=2).T)
    renamed = [names[way].gather(1, words) for words in (inputs, targets)]
    return _painted(images, way), *renamed


def disguise(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Permute the colour channels of each image at random, and replace colour words by `<mask>`: trains kinds alone.

    No combination of kind and colour becomes a held-out one.
    """
    colours = COLOUR_WORDS.to(inputs.device)
    masked = [words.masked_fill(torch.isin(words, colours), MASK) for words in (inputs, targets)]
    return _painted(images, _drawn(_shows_no_held_out(targets)[:, :PERMUTED])), *masked


ROUNDS = (*3 * ((mirror, repaint),), (mirror, disguise))


def cached_features(captioner, images: Tensor, captions: Tensor, rounds: Sequence[Sequence[Change]] = ROUNDS):
    """The feature maps of a captioner's frozen encoder, each page once per round, computed once for all epochs.

    (N, C, H, W), (N, n, L) -> maps (rounds * N, D, h, w) float16, words (rounds * N, n, L)
    rounds   the augmentations of each round, applied to every page; they must change inputs and targets alike
    """
    if len(images) != len(captions) or captions.dim() != 3 or len(images) == 0:
        raise ValueError(
            f"there are {len(images)} images and captions of shape {tuple(captions.shape)}; expected (N, n, L) with "
            "the same N, at least 1"
        )
    if not rounds:
        raise ValueError("rounds is empty; expected at least one round, rounds=[()] for no augmentation")
    maps, words = None, captions.repeat(len(rounds), 1, 1)
    for first in (
        again * len(captions) + start for again in range(len(rounds)) for start in range(0, len(captions), 250)
    ):
        some = images[first % len(captions) :][:250]
        rows = slice(first, first + len(some))
        for change in rounds[first // len(captions)]:
            some, new_inputs, new_targets = change(some, flat := words[rows].flatten(1), flat)
            if not torch.equal(new_inputs, new_targets):
                raise ValueError(f"{change} excludes words, so sentences are incomplete; pass it to CaptionBatches")
            words[rows] = new_targets.unflatten(1, captions.shape[1:])
        features = captioner.extract_features(some)
        if maps is None:  # filled part by part: concatenating a list of parts would need twice the memory
            maps = features.new_empty(len(words), *features.shape[1:])
        maps[rows] = features
    return maps, words


@dataclass(frozen=True)
class _Ways:
    """The mappings of three colour channels to three, and what they turn the book's colours into.

    First the six permutations; then, up to 27, mappings that repeat a channel; then the negatives of all these.
    """

    channels: Tensor  # (54, 3), the first is the identity
    names: Tensor  # (54, V): each word after the mapping; -1 for a colour that becomes one without a name
    held: Tensor  # (54, n_kinds, n_colours): whether the nearest combination is a held-out one


@cache
def _ways() -> _Ways:
    channels = torch.tensor(2 * sorted(product(range(3), repeat=3), key=lambda order: len(set(order)) < 3))
    colours = RGB[:, channels].transpose(0, 1)  # (54, n_colours, 3)
    colours[PLAIN:] = 1 - colours[PLAIN:]
    apart, becomes = torch.cdist(colours, RGB).min(dim=2)  # (54, n_colours)
    names = torch.arange(len(VOCABULARY)).repeat(len(channels), 1)
    names[:, COLOUR_WORDS] = torch.where(apart < NAMED, COLOUR_WORDS[becomes], -1)
    held = torch.tensor([[(kind, colour) in HELD_OUT_PAIRS for colour in COLOURS] for kind in KINDS])
    return _Ways(channels, names, held[:, becomes].transpose(0, 1))


def _shows_no_held_out(words: Tensor) -> Tensor:
    """The mappings that turn no object of a caption into a held-out combination.   (B, L) -> (B, 54) bool

    In all phrasings of the book the first colour belongs to the first kind, the second to the second.
    """
    kinds, colours = (_in_order(words, known) for known in (KIND_WORDS, COLOUR_WORDS))
    most = min(kinds.shape[1], colours.shape[1])
    kinds, colours = kinds[:, :most], colours[:, :most]
    becomes = _ways().held.to(words.device)[:, kinds.clamp(min=0), colours.clamp(min=0)]  # (54, B, most)
    return ~(becomes & (kinds >= 0) & (colours >= 0)).any(dim=2).T


def _in_order(words: Tensor, known: Tensor) -> Tensor:
    """Indices of the known words in a sentence, in order, padded with -1.   (B, L), (n,) -> (B, most)"""
    number = torch.full((len(VOCABULARY),), -1, device=words.device)
    number[known.to(words.device)] = torch.arange(len(known), device=words.device)
    found = number[words]
    most = int((found >= 0).sum(dim=1).max())
    return found.gather(1, (found < 0).to(torch.uint8).argsort(dim=1, stable=True)[:, :most])


def _drawn(allowed: Tensor) -> Tensor:
    """A random allowed mapping for each page; the identity where there is none.   (B, n) -> (B,)"""
    allowed = allowed.float()
    allowed[:, 0] += allowed.sum(dim=1) == 0
    return torch.multinomial(allowed, 1).squeeze(1)


def _painted(images: Tensor, way: Tensor) -> Tensor:
    """Images after their mappings of channels.   (B, 3, H, W), (B,) -> (B, 3, H, W)"""
    channels = _ways().channels.to(images.device)[way.to(images.device)]  # (B, 3)
    images = images[torch.arange(len(images), device=images.device)[:, None], channels]
    return torch.where((way >= PLAIN).to(images.device)[:, None, None, None], 1 - images, images)


class CaptionBatches(Batches):
    """Images and captions for teacher forcing: (images (B, C, H, W), inputs (B, L)), targets (B, L).

    captions  (N, L), or (N, times, L), of which each epoch draws one per page; batches are cut to their longest
    changes   functions of (images, inputs, targets) that return the same three, such as `mirror`; applied in order
    Other options are those of Batches.
    """

    def __init__(self, images: Tensor, captions: Tensor, changes: Sequence[Change] = (), **options):
        if captions.dim() not in (2, 3):
            raise ValueError(f"captions have shape {tuple(captions.shape)}; expected (N, L) or (N, times, L)")
        check_padding(captions.flatten(0, -2))
        self.changes = tuple(changes)
        super().__init__(images, captions if captions.dim() == 3 else captions[:, None], **options)

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        for images, captions in super()._cut(order):
            among = captions.shape[1]
            which = torch.randint(among, (len(captions),), device=captions.device) if self.shuffle else 0
            chosen = captions[torch.arange(len(captions), device=captions.device), which]
            batch = images, *shift_right(chosen[:, : int(lengths(chosen).max())])
            for change in self.changes:
                batch = change(*batch)
            yield batch
