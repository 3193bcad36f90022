"""Exercise 11.2: the contrastive loss of a table of cosines, in both directions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, expect_tensor, explained, judge_tensors
from mmcourse.exercises.lesson_11.likeness import unit


def rows(logits: Tensor) -> Tensor:
    """Mean over rows of minus the log of what the softmax gives the partner."""
    return -logits.log_softmax(1).diagonal().mean()


def contrastive(cosines: Tensor, scale: float) -> Tensor:
    """What the exercise asks for.   (B, B) -> scalar"""
    logits = scale * cosines
    return (rows(logits) + rows(logits.T)) / 2


MISTAKES: Mistakes = [
    (lambda c, s: rows(s * c), "only the rows are judged (each picture seeks its sentence); the columns count as much"),
    (
        lambda c, s: rows(s * c.T),
        "only the columns are judged (each sentence seeks its picture); the rows count as much",
    ),
    (lambda c, s: rows(s * c) + rows(s * c.T), "the two directions are added; half of their sum is asked for"),
    (lambda c, s: contrastive(c, 1.0), "the scale is left out: the logits are `scale * cosines`"),
    (
        lambda c, s: contrastive(c, 1 / s),
        "the cosines are divided by the scale; it is 1 / temperature, so it multiplies",
    ),
    (lambda c, s: -contrastive(c, s), "the sign is turned: the log of a share is negative, and a loss is its opposite"),
    (
        lambda c, s: len(c) * contrastive(c, s),
        "summed over the batch; the mean is asked for, or a larger batch would be a larger loss",
    ),
    (lambda c, s: 2 * len(c) * contrastive(c, s), "summed over the batch and both directions; the mean is asked for"),
    (
        lambda c, s: -(s * c).flatten().log_softmax(0).view_as(c).diagonal().mean(),
        "one softmax over the whole table; each row chooses among its own B, and each column too",
    ),
    (
        lambda c, s: -((s * c).log_softmax(1).mean() + (s * c).T.log_softmax(1).mean()) / 2,
        "the mean is over the whole table; only the partners, on the diagonal, are right",
    ),
    (
        lambda c, s: contrastive_of_softmax(s * c),
        "the softmax is taken twice: `F.cross_entropy` wants logits, and applies its own",
    ),
    (
        lambda c, s: -((s * c).softmax(1).diagonal().mean().log() + (s * c).softmax(0).diagonal().mean().log()) / 2,
        "the mean is taken before the logarithm; each example's own logarithm first, then their mean",
    ),
    (
        lambda c, s: 1 - ((s * c).softmax(1).diagonal().mean() + (s * c).softmax(0).diagonal().mean()) / 2,
        "the logarithm is missing: that is 1 minus the mean probability of the partner",
    ),
    (
        lambda c, s: (crossed(s * c, torch.zeros(len(c)).long()) + crossed(s * c.T, torch.zeros(len(c)).long())) / 2,
        "the target is 0 for every row; the i-th row's partner stands in column i: `torch.arange(B)`",
    ),
    *(
        (mistaken, "the targets are off by one: row 0's partner stands in column 0, `torch.arange(B)`")
        for mistaken in (lambda c, s: shifted(c, s, 1), lambda c, s: shifted(c, s, -1))
    ),
    (
        lambda c, s: (rows(s * c) + rows(c.T)) / 2,
        "the columns go without the scale: `logits = scale * cosines` first, then `logits` and `logits.T`",
    ),
    (
        lambda c, s: (rows(c) + rows(s * c.T)) / 2,
        "the rows go without the scale: `logits = scale * cosines` first, then `logits` and `logits.T`",
    ),
    *(
        (mistaken, "the scale multiplies the loss; it belongs to the cosines, before the softmax")
        for mistaken in (lambda c, s: s * contrastive(c, 1.0), lambda c, s: s * contrastive(c, s))
    ),
    (
        lambda c, s: contrastive(c, math.exp(s)),
        "exp of the scale; it is the scale already, and no logarithm of it",
    ),
    (
        lambda c, s: -((s * c).softmax(1).diagonal().mean() + (s * c).softmax(0).diagonal().mean()) / 2,
        "a logarithm is missing: `F.nll_loss` takes logarithms of shares (`log_softmax`), and no bare shares",
    ),
    (
        lambda c, s: contrastive((c + c.T) / 2, s),
        "rows and columns are mixed before the softmax; each direction has its own, and their losses are averaged",
    ),
    (
        lambda c, s: contrastive(c, s) / math.log(2),
        "the logarithm is to base 2; `log` is the natural one",
    ),
    (
        lambda c, s: contrastive(c, s) / math.log(len(c)),
        "it is divided by ln(B); the bare loss is asked for",
    ),
    (lambda c, s: without_itself(s * c), "the partner is missing in the sum below: the softmax is over all B of a row"),
]


def shifted(cosines: Tensor, scale: float, step: int) -> Tensor:
    """The loss with each partner so many places on."""
    target = torch.arange(len(cosines)).add(step) % len(cosines)
    return (crossed(scale * cosines, target) + crossed(scale * cosines.T, target)) / 2


def crossed(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits, target)


def contrastive_of_softmax(logits: Tensor) -> Tensor:
    return (rows(logits.softmax(1)) + rows(logits.T.softmax(1))) / 2


def without_itself(logits: Tensor) -> Tensor:
    hidden = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), -torch.inf)
    both = logits.diagonal() - hidden.logsumexp(1), logits.diagonal() - hidden.logsumexp(0)
    return -(both[0].mean() + both[1].mean()) / 2


@exercise(
    "11.2",
    title="the contrastive loss",
    dots=2,
    minutes=15,
    hints=(
        "Row i is a choice among B sentences, and number i is right. Which loss do you know for a choice among B "
        "classes, and what would the targets be?",
        "`F.cross_entropy(logits, torch.arange(B))` is the mean over the rows. The columns are the rows of `logits.T`.",
    ),
)
def contrastive_loss(answer, rng):
    cases = []
    for size, scale in ((3, 2.0), (5, 0.5), (7, 12.0)):
        one, other = torch.randn(2, size, 6, generator=rng)
        cases.append((unit(one) @ unit(one + 0.7 * other).T, scale))
    judge_tensors(explained(answer, UNLIKE), cases, contrastive, MISTAKES, where, causes)
    sharp, scale = torch.eye(6), 100.0
    for table, words in ((sharp, "nearly 0"), (-sharp, "about 100")):
        given = expect_tensor(answer(table, scale), where(table, scale), ())
        if not torch.isfinite(given) or abs(float(given) - float(contrastive(table, scale))) > 0.01:
            raise NotRight(
                f"at scale 100 it gave {float(given):.3f}, expected {words}: exp(100) does not fit into a float. "
                "`log_softmax` or `F.cross_entropy` subtracts the largest logit first"
            )
    remark = expect_gradients(answer, cases[0], contrastive)
    return "both directions, three sizes of batch, and steady at scale 100" + remark


UNLIKE = {
    "expected scalar type Long": "targets are whole numbers: `torch.arange(B)`",
    "target dtype to be Long": "targets are whole numbers: `torch.arange(B)`",
    "out of bounds": "targets count from 0: row 0's partner stands in column 0, `torch.arange(B)`",
}


def where(cosines: Tensor, scale: float) -> str:
    return f"for a table of {len(cosines)} x {len(cosines)} at scale {scale:g}"


def causes(cosines: Tensor, scale: float) -> dict[tuple, str]:
    B = len(cosines)
    return {
        (B,): "a loss for each example; their mean is asked for",
        (B, B): "a number for each pair; which of them are right, and what is their mean?",
        (2,): "the two directions apart; their mean is asked for",
        (1,): "an axis too many: a single number has no axis",
    }
