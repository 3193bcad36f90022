"""Greedy decoding and beam search: sentences from a model of the next word. Lesson 12.

A model has `start(inputs) -> state` and `step(state, words (B,)) -> logits (B, V), state`; a state is a tensor or a
tuple of tensors whose first axis is the batch. Sentences begin after START, end with END and are padded with PAD.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data.text import PAD, UNKNOWN
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.sentence import END, MASK, START, decode

NEVER_SAID = (PAD, UNKNOWN, START, MASK)
LONGEST = 24


def greedy(model, images: Tensor, length: int = LONGEST) -> Tensor:
    """The most probable word at each step, until END or for `length` words.   -> (B, length) int64"""
    _check(images, length)
    with evaluation_mode(model):
        state = model.start(images)
        words = torch.full((len(images),), START, device=images.device)
        over, said = torch.zeros_like(words, dtype=torch.bool), []
        for _ in range(length):
            logits, state = model.step(state, words)
            words = without_marks(logits).argmax(dim=1).masked_fill(over, PAD)  # (B,)
            said.append(words)
            over = over | (words == END)
            if over.all():
                break
    said = torch.stack(said, dim=1)
    return F.pad(said, (0, length - said.shape[1]), value=PAD)


def beam(
    model, images: Tensor, width: int = 4, length: int = LONGEST, length_penalty: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The sentences that beam search finds, best first.   -> (B, width, length), scores (B, width)

    At each step every beginning is continued with every word, and the `width` most probable of all are kept. A finished
    sentence stays unchanged. The final score of a sentence of n words, END included, is its log-probability divided by
    n^length_penalty: 0 favours short sentences, 1 is the mean over words. An unused entry of the beam scores -inf.
    """
    _check(images, length)
    if width < 1:
        raise ValueError(f"width is {width}; expected one beginning or more (1 is greedy)")
    batch = len(images)
    with evaluation_mode(model):
        state = rows(model.start(images), torch.arange(batch, device=images.device).repeat_interleave(width))
        words = torch.full((batch, width, 1), START, device=images.device)
        scores = torch.full((batch, width), float("-inf"), device=images.device)
        scores[:, 0] = 0.0  # all beginnings are equal at first, so only one counts
        for _ in range(length):
            logits, state = model.step(state, words[:, :, -1].flatten())
            further = without_marks(logits).float().log_softmax(dim=1).unflatten(0, (batch, width))  # (B, W, V)
            over = (words[:, :, -1] == END) | (words[:, :, -1] == PAD)
            further = further.masked_fill(over[..., None], float("-inf"))
            further[..., PAD] = further[..., PAD].masked_fill(over, 0.0)
            total = scores[..., None] + further
            scores, best = total.flatten(1).topk(width, dim=1)  # (B, W)
            parent, word = best // logits.shape[1], best % logits.shape[1]
            words = torch.cat([words.gather(1, parent[..., None].expand_as(words)), word[..., None]], dim=2)
            first = torch.arange(batch, device=images.device)[:, None] * width
            state = rows(state, (first + parent).flatten())
            if (over.gather(1, parent) | (word == END))[scores > float("-inf")].all():
                break
    said = F.pad(words[:, :, 1:], (0, length - words.shape[2] + 1), value=PAD)
    n = (said != PAD).sum(dim=2).clamp(min=1).float()
    scores, order = (scores / n**length_penalty).sort(dim=1, descending=True, stable=True)
    return said.gather(1, order[..., None].expand_as(said)), scores


def captions(model, images: Tensor, width: int = 1, size: int = 250, **options) -> list[str]:
    """The caption of each image; a `width` of 1 is greedy decoding. Options are those of `greedy` and `beam`."""
    where = next(model.parameters()).device
    said = []
    for some in images.split(size):
        some = some.to(where)
        tokens = greedy(model, some, **options) if width == 1 else beam(model, some, width, **options)[0][:, 0]
        said += [decode(row) for row in tokens.cpu()]
    return said


def without_marks(logits: Tensor) -> Tensor:
    """Logits in which padding, <unk>, <start> and <mask> are -inf.   (..., V) -> (..., V)"""
    logits = logits.clone()
    logits[..., [mark for mark in NEVER_SAID if mark < logits.shape[-1]]] = float("-inf")
    return logits


def rows(state, chosen: Tensor):
    """The chosen rows of every tensor of a state."""
    if isinstance(state, Tensor):
        return state.index_select(0, chosen)
    return tuple(rows(part, chosen) for part in state)


def _check(images: Tensor, length: int) -> None:
    if len(images) == 0:
        raise ValueError("images is an empty batch; expected at least one image. Likely cause: an empty split")
    if length < 1:
        raise ValueError(f"length is {length}; expected one word or more")
