"""Captions for training: `<start>` and `<end>` around each sentence, several sentences for a page, batches of both.

batches = CaptionBatches(book.images, tellings(book, 4), changes=(mirror,))    # yields (images, inputs, targets)
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
PERMUTED, PLAIN = 6, 27  # of _ways: the first six use each channel once, and no negative is among the first 27
NAMED = 0.3  # a colour that is farther from all colours of the book, in RGB, has no name
LEFT, RIGHT = (encode(word)[0] for word in ("left", "right"))
COLOUR_WORDS, KIND_WORDS = (torch.tensor([encode(word)[0] for word in words]) for words in (COLOURS, KINDS))


def caption_tokens(sentences: Sequence[str]) -> Tensor:
    """`<start>`, the words, `<end>`, padding.   -> (N, L) int64"""
    if isinstance(sentences, str):
        raise ValueError(f"sentences is one text, {sentences!r}; expected a list of them: framed([sentence])")
    return pad([[START, *encode(sentence), END] for sentence in sentences])


def sample_captions(book: PictureBook, times: int = 4) -> Tensor:
    """Each page's `phrasings`, with `<start>` and `<end>`; the same for the same book.   -> (N, times, L) int64"""
    rows = [[START, *row[row != PAD].tolist(), END] for row in phrasings(book, times).flatten(0, 1)]
    return pad(rows).unflatten(0, (len(book), times))


def shift_right(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """What the decoder reads and what it is to say: at each place the words so far, and the next.

    (B, L) from `<start>` to `<end>` -> inputs (B, L - 1), targets (B, L - 1); padding stays 0, and so does what is
    read after the last word. A `<mask>` is read and not to be said: its target is 0, too.
    """
    if tokens.dim() != 2 or tokens.shape[1] < 2:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; expected (B, L) of two places or more, with <start> and <end>"
        )
    targets = tokens[:, 1:]
    return tokens[:, :-1].masked_fill(targets == PAD, PAD), targets.masked_fill(targets == MASK, PAD)


def caption_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the next word, averaged over words; 0 in the targets is not counted.   (B, L, V), (B, L)"""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PAD)


def word_accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """The share of next words that are the likeliest ones, given the true words before.   (B, L, V), (B, L) -> ()"""
    counted = targets != PAD
    return ((logits.argmax(dim=-1) == targets) & counted).sum() / counted.sum()


caption_loss.ignore_index = word_accuracy.ignore_index = PAD  # so that `fit` and `evaluate` weigh batches by words


def mirror(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mirror every other picture, at random, and exchange 'left' and 'right' in its words."""
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    other = torch.arange(int(max(inputs.max(), targets.max(), RIGHT)) + 1, device=inputs.device)
    other[LEFT], other[RIGHT] = RIGHT, LEFT
    images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return images, *(torch.where(mirrored[:, None], other[words], words) for words in (inputs, targets))


def move(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Move each picture by up to two pixels; its words stay. What leaves on one side comes back on the other."""
    return shift(images, 2), inputs, targets


def recolour(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Paint three pictures in four, at random, in other colours: they teach kinds, and the others colours.

    Each new channel is one of the old three, drawn at random. Half of these pictures have to get a colour that has no
    name, for which they can become negatives, too; the others get any in which they show no held-out pair. No colour
    word of a painted picture is counted, and what is read instead is a colour drawn at random. In the pictures that
    keep their colours no kind is counted, so that no kind can be learned by its colour. For pages with one thing: of
    two, the colour says which is meant.
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
    """Permute the colour channels of each page at random, and call its colours what they have become.

    Of the orders of channels those are drawn in which each colour of the page becomes one that has a name, and no pair
    of kind and colour becomes one that is held out. For pages with several things, each of which is told by its colour.
    """
    names = _ways().names[:PERMUTED].to(targets.device)
    way = _drawn(_shows_no_held_out(targets)[:, :PERMUTED] & (names[:, targets] >= 0).all(dim=2).T)
    renamed = [names[way].gather(1, words) for words in (inputs, targets)]
    return _painted(images, way), *renamed


def disguise(images: Tensor, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Permute the colour channels of each page at random, and put `<mask>` for its colours: they teach kinds alone.

    No pair of kind and colour becomes one that is held out.
    """
    colours = COLOUR_WORDS.to(inputs.device)
    masked = [words.masked_fill(torch.isin(words, colours), MASK) for words in (inputs, targets)]
    return _painted(images, _drawn(_shows_no_held_out(targets)[:, :PERMUTED])), *masked


ROUNDS = (*3 * ((mirror, repaint),), (mirror, disguise))


def cached_features(captioner, images: Tensor, captions: Tensor, rounds: Sequence[Sequence[Change]] = ROUNDS):
    """Each page once a round, as the kept eyes of a captioner see it: computed once, and not in each epoch.

    (N, C, H, W), (N, n, L) -> maps (rounds * N, D, h, w) float16, words (rounds * N, n, L)
    rounds   the changes of each, made anew for every page; they change what is read and what is said alike
    """
    if len(images) != len(captions) or captions.dim() != 3 or len(images) == 0:
        raise ValueError(
            f"there are {len(images)} images and captions of shape {tuple(captions.shape)}; expected (N, n, L) with "
            "the same N, at least 1"
        )
    if not rounds:
        raise ValueError("rounds is empty; expected the changes of at least one, rounds=[()] for none")
    maps, words = None, captions.repeat(len(rounds), 1, 1)
    for first in (
        again * len(captions) + start for again in range(len(rounds)) for start in range(0, len(captions), 250)
    ):
        some = images[first % len(captions) :][:250]
        rows = slice(first, first + len(some))
        for change in rounds[first // len(captions)]:
            some, new_inputs, new_targets = change(some, flat := words[rows].flatten(1), flat)
            if not torch.equal(new_inputs, new_targets):
                raise ValueError(f"{change} hides words, so no whole sentence is left; give it to CaptionBatches")
            words[rows] = new_targets.unflatten(1, captions.shape[1:])
        features = captioner.extract_features(some)
        if maps is None:  # filled part by part: a list of parts that are joined would take the memory twice
            maps = features.new_empty(len(words), *features.shape[1:])
        maps[rows] = features
    return maps, words


@dataclass(frozen=True)
class _Ways:
    """The ways to make three colour channels of three, and what the book's colours become in each.

    First the six orders of all three; then, up to 27, those that repeat a channel; then the negatives of all these.
    """

    channels: Tensor  # (54, 3), the first changes nothing
    names: Tensor  # (54, V): what each word is called then; -1 for a colour that becomes none that has a name
    held: Tensor  # (54, n_kinds, n_colours): whether a kind in a colour becomes, or comes nearest to, a held-out pair


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
    """The ways in which no thing that is told of becomes a held-out pair.   (B, L) -> (B, 54) bool

    In all wordings of the book the first colour belongs to the first kind, the second to the second.
    """
    kinds, colours = (_in_order(words, known) for known in (KIND_WORDS, COLOUR_WORDS))
    most = min(kinds.shape[1], colours.shape[1])
    kinds, colours = kinds[:, :most], colours[:, :most]
    becomes = _ways().held.to(words.device)[:, kinds.clamp(min=0), colours.clamp(min=0)]  # (54, B, most)
    return ~(becomes & (kinds >= 0) & (colours >= 0)).any(dim=2).T


def _in_order(words: Tensor, known: Tensor) -> Tensor:
    """Which of the known words a sentence has, one after the other, then -1.   (B, L), (n,) -> (B, most)"""
    number = torch.full((len(VOCABULARY),), -1, device=words.device)
    number[known.to(words.device)] = torch.arange(len(known), device=words.device)
    found = number[words]
    most = int((found >= 0).sum(dim=1).max())
    return found.gather(1, (found < 0).to(torch.uint8).argsort(dim=1, stable=True)[:, :most])


def _drawn(allowed: Tensor) -> Tensor:
    """One of the allowed ways for each page; where there is none, the one that changes nothing.   (B, n) -> (B,)"""
    allowed = allowed.float()
    allowed[:, 0] += allowed.sum(dim=1) == 0
    return torch.multinomial(allowed, 1).squeeze(1)


def _painted(images: Tensor, way: Tensor) -> Tensor:
    """Pictures with other channels, each in its way.   (B, 3, H, W), (B,) -> (B, 3, H, W)"""
    channels = _ways().channels.to(images.device)[way.to(images.device)]  # (B, 3)
    images = images[torch.arange(len(images), device=images.device)[:, None], channels]
    return torch.where((way >= PLAIN).to(images.device)[:, None, None, None], 1 - images, images)


class CaptionBatches(Batches):
    """Pictures and their sentences, for teacher forcing: (images (B, C, H, W), inputs (B, L)), targets (B, L).

    captions  (N, L), or (N, times, L), of which each epoch draws one a page; batches are cut to their longest
    changes   functions of (images, inputs, targets) that give the same three, such as `mirror`; made in this order
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
