"""Exercise 11.2: the contrastive loss of a matrix of cosines, in both directions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, expect_tensor, explained, fitted_weights, judge_tensors
from mmcourse.exercises.lesson_11.likeness import unit


def rows(logits: Tensor) -> Tensor:
    """The mean cross-entropy of the rows, positives on the diagonal."""
    return -logits.log_softmax(1).diagonal().mean()


def contrastive(cosines: Tensor, scale: float) -> Tensor:
    """What `symmetric_info_nce` should return.   (B, B) -> scalar"""
    logits = scale * cosines
    return (rows(logits) + rows(logits.T)) / 2


MISTAKES: Mistakes = [
    (lambda c, s: rows(s * c), "only the rows are used (each image classifies sentences); the columns count as much"),
    (
        lambda c, s: rows(s * c.T),
        "only the columns are used (each sentence classifies images); the rows count as much",
    ),
    (lambda c, s: rows(s * c) + rows(s * c.T), "the two directions are added; take their mean"),
    (lambda c, s: contrastive(c, 1.0), "the scale is missing: the logits are `scale * cosines`"),
    (
        lambda c, s: contrastive(c, 1 / s),
        "the cosines are divided by the scale; it is 1 / temperature, so multiply by it",
    ),
    (
        lambda c, s: -contrastive(c, s),
        "the sign is wrong: the logarithm of a probability is negative, and the loss is minus it",
    ),
    (
        lambda c, s: len(c) * contrastive(c, s),
        "the loss is summed over the batch; take the mean, or a larger batch would have a larger loss",
    ),
    (
        lambda c, s: 2 * len(c) * contrastive(c, s),
        "the loss is summed over the batch and both directions; take the mean",
    ),
    (
        lambda c, s: -(s * c).flatten().log_softmax(0).view_as(c).diagonal().mean(),
        "one softmax over the whole matrix; use one for each row, over its B entries, and one for each column",
    ),
    (
        lambda c, s: -((s * c).log_softmax(1).mean() + (s * c).T.log_softmax(1).mean()) / 2,
        "the mean is taken over the whole matrix; only the positives, on the diagonal, count",
    ),
    (
        lambda c, s: contrastive_of_softmax(s * c),
        "the softmax is applied twice: `F.cross_entropy` expects logits and applies its own",
    ),
    (
        lambda c, s: -((s * c).softmax(1).diagonal().mean().log() + (s * c).softmax(0).diagonal().mean().log()) / 2,
        "the mean is taken before the logarithm; take each example's logarithm first, then the mean",
    ),
    (
        lambda c, s: 1 - ((s * c).softmax(1).diagonal().mean() + (s * c).softmax(0).diagonal().mean()) / 2,
        "the logarithm is missing: that is 1 minus the mean probability of the positive",
    ),
    (
        lambda c, s: (crossed(s * c, torch.zeros(len(c)).long()) + crossed(s * c.T, torch.zeros(len(c)).long())) / 2,
        "the target is 0 for every row; the positive of row i is in column i: `torch.arange(B)`",
    ),
    (
        lambda c, s: (crossed(s * c, c.argmax(1)) + crossed(s * c.T, c.argmax(0))) / 2,
        "the largest entry of each row is the target (`argmax`); the positives are on the diagonal, `torch.arange(B)`",
    ),
    *(
        (mistaken, "the targets are off by one: the positive of row 0 is in column 0, `torch.arange(B)`")
        for mistaken in (lambda c, s: shifted(c, s, 1), lambda c, s: shifted(c, s, -1))
    ),
    (
        lambda c, s: (rows(s * c) + rows(c.T)) / 2,
        "the scale is missing for the columns: compute `logits = scale * cosines` first, then use `logits` and "
        "`logits.T`",
    ),
    (
        lambda c, s: (rows(c) + rows(s * c.T)) / 2,
        "the scale is missing for the rows: compute `logits = scale * cosines` first, then use `logits` and `logits.T`",
    ),
    *(
        (mistaken, "the scale multiplies the loss; multiply the cosines, before the softmax")
        for mistaken in (lambda c, s: s * contrastive(c, 1.0), lambda c, s: s * contrastive(c, s))
    ),
    (
        lambda c, s: contrastive(c, math.exp(s)),
        "exp of the scale is used; it is the scale already, not its logarithm",
    ),
    (
        lambda c, s: -((s * c).softmax(1).diagonal().mean() + (s * c).softmax(0).diagonal().mean()) / 2,
        "a logarithm is missing: `F.nll_loss` expects log probabilities (`log_softmax`), not probabilities",
    ),
    (
        lambda c, s: contrastive((c + c.T) / 2, s),
        "rows and columns are averaged before the softmax; each direction has its own softmax, and the losses are "
        "averaged",
    ),
    (
        lambda c, s: contrastive(c, s) / math.log(2),
        "the logarithm has base 2; use the natural one, `log`",
    ),
    (
        lambda c, s: contrastive(c, s) / math.log(len(c)),
        "the loss is divided by ln(B); do not normalise it",
    ),
    (
        lambda c, s: without_itself(s * c),
        "the positive is missing in the denominator: the softmax is over all B entries of a row",
    ),
    (
        lambda c, s: crossed(s * torch.cat([c, c.T], 1), torch.arange(len(c))),
        "rows and columns share one softmax over 2B entries; they are two classifications of B classes each",
    ),
    *(
        (
            lambda c, s, n=n: contrastive(c[:n, :n], s),
            f"only the first {n} examples are used, whatever the size of the batch: `torch.arange(B)`",
        )
        for n in (2, 3, 4, 5)
    ),
    *(
        (
            lambda c, s, fixed=fixed: contrastive(c, fixed),
            f"the scale is {fixed:.3g} whatever the argument says: use `scale`",
        )
        for fixed in (1 / 0.07, 14.3, 14.0, 0.07, 2.0, 10.0, 20.0, 100.0)
    ),
    (
        lambda c, s: torch.maximum(rows(s * c), rows(s * c.T)),
        "the larger of the two losses is returned; take their mean",
    ),
]


def shifted(cosines: Tensor, scale: float, step: int) -> Tensor:
    """The loss with targets shifted by `step` columns."""
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
    repeatable=True,
    hints=(
        "Row i is a classification among B sentences, and number i is correct. Which loss do you know for B "
        "classes, and what are the targets?",
        "`F.cross_entropy(logits, torch.arange(B))` is the mean over the rows. The columns are the rows of `logits.T`.",
    ),
)
def symmetric_info_nce(answer, rng):
    cases = []
    for size, scale in ((3, 2.0), (5, 0.5), (7, 12.0)):
        one, other = torch.randn(2, size, 6, generator=rng)
        cases.append((unit(one) @ unit(one + 0.7 * other).T, scale))
    cases[0] = cases[0][0].flip(1), cases[0][1]  # the largest entries beside the diagonal
    judge_tensors(explained(answer, UNLIKE), cases, contrastive, MISTAKES, where, causes, failing=weights_found)
    sharp, scale = torch.eye(6), 100.0
    for table, words in ((sharp, "nearly 0"), (-sharp, "about 100")):
        given = expect_tensor(answer(table, scale), where(table, scale), ())
        if not torch.isfinite(given) or abs(float(given) - float(contrastive(table, scale))) > 0.01:
            told = f"at scale 100 it returned {float(given):.3f}, expected {words}"
            if not torch.isfinite(given):
                raise Mistake(
                    f"{told}: exp(100) is too large for a float. `log_softmax` or `F.cross_entropy` subtracts the "
                    "largest logit first"
                )
            raise Mistake(told + limited(table, scale, float(given)))
    remark = expect_gradients(answer, cases[0], contrastive)
    return "correct in both directions, for three batch sizes, and numerically stable at scale 100" + remark


def limited(table: Tensor, scale: float, given: float) -> str:
    """Words where a limit of the probabilities or of the scale gives this loss; else empty."""
    probability = (scale * table).softmax(1).diagonal()
    for least in (10.0**-power for power in range(3, 31)):
        for kept in (probability + least, probability.clamp(min=least)):
            if abs(float(-kept.log().mean()) - given) < 0.01:
                return f": {least:g} limits the probabilities from below; `F.cross_entropy` needs no limit"
    for most in (10, 14, 20, 30, 50, 64, 80, 88):
        if abs(float(contrastive(table, float(most))) - given) < 0.01:
            return f": the scale is limited to {most}; use it as it is"
    return ""


def weights_found(cases: list[tuple], given: list[Tensor]) -> str:
    """Words for a sum of both directions with other weights than a half each; empty where it is none."""
    both = [torch.stack([rows(s * table) for table in tables]) for tables, s in (((c, c.T), s) for c, s in cases)]
    weights = fitted_weights(list(torch.stack(both, 1)), torch.stack(given))
    if weights is None:
        return ""
    return (
        f"the cross-entropy of the rows has the weight {weights[0]:.2f} and that of the columns {weights[1]:.2f}; in "
        "their mean both are 0.50"
    )


UNLIKE = {
    "expected scalar type Long": "targets must be integers: `torch.arange(B)`",
    "target dtype to be Long": "targets must be integers: `torch.arange(B)`",
    "out of bounds": "targets count from 0: the positive of row 0 is in column 0, `torch.arange(B)`",
}


def where(cosines: Tensor, scale: float) -> str:
    return f"for a {len(cosines)} x {len(cosines)} matrix at scale {scale:g}"


def causes(cosines: Tensor, scale: float) -> dict[tuple, str]:
    B = len(cosines)
    return {
        (B,): "one loss per example; take their mean",
        (B, B): "one number per pair; which of them are positives, and what is their mean?",
        (2,): "the two directions are separate; take their mean",
        (1,): "one axis too many: a single number has no axis",
    }
