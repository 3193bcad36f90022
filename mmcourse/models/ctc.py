"""Connectionist temporal classification (CTC, Graves et al. 2006): collapsing, likelihood and decoding. Lesson 13.

An alignment gives each frame one label or the blank; `collapse` makes a label sequence of it. The probability of a
sequence is the sum over all alignments that collapse to it.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from math import exp, log1p

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.tasks.transcripts import BLANK, SPACE, text

NEVER = -1e30  # a log-probability of 0 whose gradient is finite, unlike that of -inf
WORTH_TRYING = -7.0  # prefix_beam skips labels with a lower log-probability in a frame
LanguageScores = Callable[[tuple[str, ...], str | None], float]


def collapse(ids: Sequence[int], blank: int = BLANK) -> list[int]:
    """Merge repeated labels, then remove blanks: 'hh-ee-l-ll-o' becomes 'hello'."""
    return [label for label, _ in groupby(ids) if label != blank]


def ctc_log_likelihood(log_probs: Tensor, targets: Tensor, blank: int = BLANK) -> Tensor:
    """ln p(targets), summed over all alignments by the forward algorithm; differentiable.   (T, V), (L,) -> ()

    -inf where T frames are too few for the targets. ValueError for other shapes, or targets that contain the blank.
    """
    check_log_probs(log_probs)
    targets = torch.as_tensor(targets, dtype=torch.int64, device=log_probs.device)
    if targets.dim() != 1 or (targets == blank).any() or ((targets < 0) | (targets >= log_probs.shape[1])).any():
        raise ValueError(
            f"targets are {targets.tolist()}; expected labels (L,) below {log_probs.shape[1]}, none of them the blank "
            f"({blank}). Likely cause: targets with their padding"
        )
    states = targets.new_full((2 * len(targets) + 1,), blank)  # a blank between any two labels and at both ends
    states[1::2] = targets
    emissions = log_probs[:, states]  # (T, S)
    skip = torch.zeros_like(states, dtype=torch.bool)  # transitions that skip the blank between two labels
    skip[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
    alpha = torch.where(torch.arange(len(states), device=states.device) < 2, emissions[0], NEVER)
    for emission in emissions[1:]:
        one, two = F.pad(alpha, (1, 0), value=NEVER)[:-1], F.pad(alpha, (2, 0), value=NEVER)[:-2]
        alpha = torch.stack([alpha, one, torch.where(skip, two, NEVER)]).logsumexp(dim=0) + emission
    total = alpha[-2:].logsumexp(dim=0)
    return torch.where(total > NEVER / 2, total, -torch.inf)


def ctc_loss(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """nn.CTCLoss of a recogniser's outputs: mean of -ln p divided by the target's length.

    outputs  log-probabilities (B, T, V) and lengths (B,); targets (B, L), 0 on the right
    """
    log_probs, lengths = outputs
    target_lengths = (targets != BLANK).sum(dim=1)
    return F.ctc_loss(log_probs.transpose(0, 1), targets, lengths, target_lengths, BLANK, zero_infinity=True)


def greedy(log_probs: Tensor) -> list[int]:
    """The most probable label of each frame, collapsed.   (T, V) -> labels"""
    check_log_probs(log_probs)
    return collapse(log_probs.argmax(dim=1).tolist())


def prefix_beam(
    log_probs: Tensor,
    width: int = 16,
    language_model: LanguageScores | None = None,
    weight: float = 0.5,
    bonus: float = 0.0,
    worth_trying: float = WORTH_TRYING,
) -> list[int]:
    """The label sequence that scores best, its alignments summed, by a search over prefixes.   (T, V) -> labels

    The score is ln p(labels) + weight * ln p(words) + bonus * number of words (Hannun et al. 2014).
    width           prefixes kept after each frame
    language_model  (words before, word) -> ln p(word | words before); word None is the sentence's end. Called when a
                    space follows a word, and at the end
    worth_trying    labels with a lower log-probability in a frame are skipped there
    """
    check_log_probs(log_probs)
    if width < 1:
        raise ValueError(f"width is {width}; expected one prefix or more")
    scores = _Words(language_model, weight, bonus)
    never = -torch.inf
    beam = {(): (0.0, never)}  # ln p of the prefix's alignments that end in a blank, and in its last label
    rows = log_probs.double()
    for row in rows:
        tried = (row > worth_trying).nonzero()[:, 0].tolist() or [int(row.argmax())]
        row, found = row.tolist(), {}
        for prefix, (blank, label) in beam.items():
            for c in tried:
                if c == BLANK:
                    _add(found, prefix, 0, _plus(blank, label) + row[c])
                    continue
                if prefix and c == prefix[-1]:
                    _add(found, prefix, 1, label + row[c])  # the same label continues
                    _add(found, (*prefix, c), 1, blank + row[c])  # after a blank: the label is repeated
                else:
                    _add(found, (*prefix, c), 1, _plus(blank, label) + row[c])
        best = sorted(found, key=lambda prefix: _plus(*found[prefix]) + scores(prefix), reverse=True)[:width]
        beam = {prefix: tuple(found[prefix]) for prefix in best}
    return list(max(beam, key=lambda prefix: _plus(*beam[prefix]) + scores(prefix, finished=True)))


class _Words:
    """The contribution of the language model and the bonus to a prefix's score, cached, since prefixes recur."""

    def __init__(self, language_model: LanguageScores | None, weight: float, bonus: float):
        self.language_model, self.weight, self.bonus, self.known = language_model, weight, bonus, {}

    def __call__(self, prefix: tuple[int, ...], finished: bool = False) -> float:
        if self.language_model is None and not self.bonus:
            return 0.0
        key = prefix if finished else prefix[: _last_space(prefix)]
        if (key, finished) not in self.known:
            words = tuple(text(key).split())
            total = self.bonus * len(words)
            if self.language_model is not None:
                asked = (*words, None) if finished else words
                total += self.weight * sum(self.language_model(words[:i], word) for i, word in enumerate(asked))
            self.known[key, finished] = total
        return self.known[key, finished]


def _last_space(prefix: tuple[int, ...]) -> int:
    """The position at which the unfinished last word begins."""
    for position in range(len(prefix) - 1, -1, -1):
        if prefix[position] == SPACE:
            return position
    return 0


def _add(found: dict, prefix: tuple[int, ...], kind: int, value: float) -> None:
    entry = found.setdefault(prefix, [-torch.inf, -torch.inf])
    entry[kind] = _plus(entry[kind], value)


def _plus(a: float, b: float) -> float:
    """ln(e^a + e^b)"""
    a, b = (a, b) if a > b else (b, a)
    return a if b == -torch.inf else a + log1p(exp(b - a))


def check_log_probs(log_probs: Tensor) -> None:
    """ValueError unless log_probs are (T, V) with at least one frame and no value above 0."""
    if not isinstance(log_probs, Tensor) or log_probs.dim() != 2 or log_probs.numel() == 0:
        shape = tuple(log_probs.shape) if isinstance(log_probs, Tensor) else type(log_probs).__name__
        raise ValueError(
            f"log_probs are {shape}; expected (T, V), the frames of one sound. Likely cause: a batch; select one sound "
            "and its real frames: log_probs[i, :lengths[i]]"
        )
    if (top := log_probs.max().item()) > 1e-3:
        raise ValueError(f"log_probs go up to {top:.3g}; expected none above 0. Likely cause: logits or probabilities")
