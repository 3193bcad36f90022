"""Adversarial training of speech to text without pairs, and a criterion to compare runs without transcripts.

The loss and its terms are those of wav2vec-U (Baevski, Hsu, Conneau, Auli 2021): a non-saturating GAN with a gradient
penalty, and a penalty on a small effective vocabulary. No transcripts of the speech are used.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.text import pad
from mmcourse.models.ngram import Trigram
from mmcourse.models.unpaired import merge_repeated

CHUNK = 256  # transcripts scored at a time


@dataclass(frozen=True)
class Recipe:
    """How `fit_unpaired` trains; the losses' factors are those named in `discriminator_loss` and `generator_loss`."""

    steps: int = 800
    batch_size: int = 64
    lr: tuple[float, float] = (4e-3, 8e-3)  # generator, discriminator
    betas: tuple[float, float] = (0.5, 0.98)
    penalty: float = 0.05
    penalty_every: int = 4  # steps; in between the discriminator's loss has no penalty, which saves half the time
    diversity: float = 1.0
    merge: bool = False  # merge neighbouring segments with the same most likely word
    every: int = 200  # steps between two checkpoints


@dataclass
class Sequences:
    """Padded sequences: values (N, T, D) and mask (N, T), True where an element is real."""

    values: Tensor
    mask: Tensor

    @classmethod
    def of(cls, rows: Sequence[Tensor]) -> "Sequences":
        """Rows (T_i, D) of different lengths, padded with zeros on the right."""
        if len(rows) == 0 or min(map(len, rows)) == 0:
            raise ValueError("no sequences, or one without elements; expected one element or more in each")
        lengths = torch.tensor([len(row) for row in rows])
        values = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
        return cls(values, torch.arange(values.shape[1]) < lengths[:, None])

    def __len__(self) -> int:
        return len(self.values)

    def sample(self, size: int) -> "Sequences":
        """Some of the sequences, drawn with replacement."""
        chosen = torch.randint(len(self), (size,))
        return Sequences(self.values[chosen], self.mask[chosen])


def word_distributions(generator: nn.Module, segments: Sequences, merge: bool) -> Sequences:
    """The generator's distributions over words, zeros at padding."""
    logits, mask = generator(segments.values), segments.mask
    if merge:
        logits, mask = merge_repeated(logits, mask)
    return Sequences(logits.softmax(dim=2) * mask[..., None], mask)


def discriminator_loss(discriminator: nn.Module, real: Sequences, fake: Sequences, penalty: float) -> Tensor:
    """-ln D(real) - ln(1 - D(fake)), each a mean, + penalty * mean((||gradient|| - 1)^2) between both.   -> ()

    D is the sigmoid of the score. For the penalty, sequences are paired by length.
    """
    real_scores, fake_scores = discriminator(real.values, real.mask), discriminator(fake.values, fake.mask)
    loss = F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()
    if penalty == 0:
        return loss
    longest = max(real.values.shape[1], fake.values.shape[1])
    pairs = []
    for part in (real, fake):
        order = part.mask.sum(dim=1).argsort()
        room = longest - part.values.shape[1]
        pairs.append((F.pad(part.values[order], (0, 0, 0, room)), F.pad(part.mask[order], (0, room))))
    (a, mask_a), (b, mask_b) = pairs
    between = torch.lerp(a, b, torch.rand(len(a), 1, 1)).detach().requires_grad_()
    scores = discriminator(between, mask_a | mask_b)
    (gradient,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    return loss + penalty * (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def generator_loss(discriminator: nn.Module, fake: Sequences, diversity: float) -> Tensor:
    """-ln D(fake) + diversity * (1 - exp(H) / V), where H is the entropy of the batch's mean distribution.   -> ()"""
    adversarial = F.softplus(-discriminator(fake.values, fake.mask)).mean()
    mean = fake.values[fake.mask].mean(dim=0)  # (V,)
    entropy = -torch.special.xlogy(mean, mean).sum()
    return adversarial + diversity * (1 - entropy.exp() / len(mean))


@torch.no_grad()
def transcribe(generator: nn.Module, segments: Sequences, merge: bool = False) -> list[list[int]]:
    """The most likely word of every segment, one list of word indices per sentence."""
    logits, mask = generator(segments.values), segments.mask
    if merge:
        logits, mask = merge_repeated(logits, mask)
    return [row[kept].tolist() for row, kept in zip(logits.argmax(dim=2), mask, strict=True)]


@dataclass(frozen=True)
class Checkpoint:
    """Measurements after `step` steps, without transcripts; a lower `score` is better."""

    step: int
    perplexity: float
    usage: float

    @property
    def score(self) -> float:
        """Perplexity divided by the square of the vocabulary usage."""
        return self.perplexity / max(self.usage, 1e-6) ** 2


def fit_unpaired(
    generator: nn.Module,
    discriminator: nn.Module,
    speech: Sequences,
    text: Sequences,
    measure: Callable[[list[list[int]]], tuple[float, float]],
    recipe: Recipe = Recipe(),
) -> list[Checkpoint]:
    """Train both networks in turn; the generator ends with the weights of its best checkpoint by `Checkpoint.score`.

    speech   vectors of segments (N, T, D)
    text     tokens of other sentences, (M, T) int64, from 0 up
    measure  (transcripts) -> their perplexity under a language model, and the fraction of the vocabulary that they use

    Batches of speech and of text are drawn independently, so a pairing of the two has no influence. Random numbers come
    from PyTorch's default generator.
    """
    vocabulary_size = discriminator.vocabulary_size
    g_optimiser = torch.optim.Adam(generator.parameters(), recipe.lr[0], recipe.betas)
    d_optimiser = torch.optim.Adam(discriminator.parameters(), recipe.lr[1], recipe.betas)
    checkpoints, best = [], None
    for step in range(1, recipe.steps + 1):
        tokens = text.sample(recipe.batch_size)
        one_hot = F.one_hot(tokens.values, vocabulary_size) * tokens.mask[..., None]
        fake = word_distributions(generator, speech.sample(recipe.batch_size), recipe.merge)
        fixed = Sequences(fake.values.detach(), fake.mask)
        factor = 0.0 if step % recipe.penalty_every else recipe.penalty * recipe.penalty_every
        d_loss = discriminator_loss(discriminator, Sequences(one_hot.float(), tokens.mask), fixed, factor)
        d_optimiser.zero_grad()
        d_loss.backward()
        d_optimiser.step()
        g_loss = generator_loss(discriminator, fake, recipe.diversity)
        g_optimiser.zero_grad()
        g_loss.backward()
        g_optimiser.step()
        if step % recipe.every == 0 or step == recipe.steps:
            checkpoints.append(Checkpoint(step, *measure(transcribe(generator, speech, recipe.merge))))
            if best is None or checkpoints[-1].score < best[0]:
                best = (checkpoints[-1].score, copy.deepcopy(generator.state_dict()))
    generator.load_state_dict(best[1])
    return checkpoints


class TextCriterion:
    """A criterion for transcripts from a text alone: perplexity under its trigram model, and vocabulary usage.

    Transcripts are lists of tokens below `vocabulary_size`. Usage is the fraction of the vocabulary that occurs in
    them. One repeated sentence would have a low perplexity, so usage is measured as well.
    """

    def __init__(self, text: Sequence[Sequence[int]], vocabulary_size: int):
        self.vocabulary_size = vocabulary_size
        self.start, self.end = vocabulary_size + 1, vocabulary_size + 2  # 0 is the padding, words begin at 1
        self.model = Trigram(vocabulary_size + 3).count(*self._framed(text))

    def _framed(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        rows = [[token + 1 for token in row] for row in rows]
        return pad([[self.start, *row] for row in rows]), pad([[*row, self.end] for row in rows])

    def perplexity(self, transcripts: Sequence[Sequence[int]]) -> float:
        """exp of the mean negative log-probability of a word, or of a sentence's end."""
        total, count = 0.0, 0
        for start in range(0, len(transcripts), CHUNK):
            inputs, targets = self._framed(transcripts[start : start + CHUNK])
            log_probabilities = self.model(inputs).gather(2, targets[..., None])[..., 0]
            total, count = total - log_probabilities[targets > 0].sum().item(), count + int((targets > 0).sum())
        return math.exp(total / count)

    def __call__(self, transcripts: Sequence[Sequence[int]]) -> tuple[float, float]:
        """Perplexity and vocabulary usage."""
        used = {token for row in transcripts for token in row}
        return self.perplexity(transcripts), len(used) / self.vocabulary_size
