"""Exercise 15.3: the loss of predicted durations, in logarithms, without padding."""

import math

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients, gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors, whole
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again


def duration_loss(log_durations: Tensor, durations: Tensor, mask: Tensor) -> Tensor:
    """What the answer should give.   (B, T), (B, T), (B, T) -> ()"""
    return errors(log_durations, durations)[mask].square().mean()


def errors(log_durations: Tensor, durations: Tensor) -> Tensor:
    """Differences of the logarithms; 0 stands for the padding.   -> (B, T)"""
    return log_durations - durations.clamp(min=1).log()


def by_word(squares: Tensor, mask: Tensor) -> Tensor:
    """The mean over words of each one's mean."""
    return ((squares * mask).sum(1) / mask.sum(1)).mean()


MISTAKES: Mistakes = [
    (
        lambda p, d, m: errors(p, d).square().mean(),
        "padded positions count as letters, as if they lasted one frame: select the letters by `mask`",
    ),
    (
        lambda p, d, m: (errors(p, d).square() * m).mean(),
        "the sum is divided by all positions, padded ones too; divide by the number of letters, `mask.sum()`",
    ),
    (
        lambda p, d, m: ((p * m) - d.clamp(min=1).log() * m).square().mean(),
        "the sum is divided by all positions, padded ones too",
    ),
    (
        lambda p, d, m: by_word(errors(p, d).square(), m),
        "that is the mean over words of each one's mean, so a letter of a short word counts more; every "
        "letter of the batch counts the same",
    ),
    (
        lambda p, d, m: (errors(p, d).square() * m).sum() / len(m),
        "the sum is divided by the number of words; divide by that of letters",
    ),
    (lambda p, d, m: errors(p, d)[m].square().sum(), "it is a sum over the letters; the mean is asked for"),
    (lambda p, d, m: errors(p, d)[m].abs().mean(), "the absolute errors are averaged; their squares are asked for"),
    (lambda p, d, m: p[m].square().mean(), "the durations are not used: that is the mean square of the predictions"),
    (
        lambda p, d, m: d[m].log().square().mean(),
        "the predictions are not used: that is the mean square of the logarithms of `durations`",
    ),
    (lambda p, d, m: errors(p, d)[m].mean(), "the differences are not squared"),
    (lambda p, d, m: errors(p, d)[m].mean().square(), "the mean is squared; the squares are averaged"),
    (lambda p, d, m: duration_loss(p, d, m).sqrt(), "the root of the mean is taken; it ends without one"),
    (lambda p, d, m: duration_loss(p, d, m) / 2, "there is a factor 1/2 too many"),
    (lambda p, d, m: -duration_loss(p, d, m), "the sign: a squared error is positive"),
    (
        lambda p, d, m: (p - d)[m].square().mean(),
        "predicted logarithms are compared with durations; take the logarithm of `durations` first",
    ),
    (
        lambda p, d, m: (p.exp() - d)[m].square().mean(),
        "durations are compared, not their logarithms: a long letter would count most",
    ),
    (
        lambda p, d, m: (p - (d + 1).log())[m].square().mean(),
        "the logarithm of the duration plus 1 is taken (`log1p`?); letters last a frame or more, no 1 is needed",
    ),
    (
        lambda p, d, m: (p.log() - d.clamp(min=1).log())[m].square().mean(),
        "the logarithm of the prediction is taken, which is one already",
    ),
    *(
        (
            lambda p, d, m, least=least: (p.abs().clamp(min=least).log() - d.clamp(min=1).log())[m].square().mean(),
            "the logarithm of the prediction is taken, which is one already",
        )
        for least in (0.0, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-12)
    ),
    *(
        (
            lambda p, d, m, added=added: ((p + added).log() - d.clamp(min=1).log())[m].square().mean(),
            "the logarithm of the prediction is taken, which is one already",
        )
        for added in (1e-8, 1e-6, 1e-5, 1e-3, 1.0)
    ),
    *(
        (
            lambda p, d, m, least=least: (p.clamp(min=least).log() - d.clamp(min=1).log())[m].square().mean(),
            "the logarithm of the prediction is taken, which is one already",
        )
        for least in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10, 1e-12)
    ),
    (
        lambda p, d, m: (p.log() - d)[m].square().mean(),
        "the logarithm of the prediction is taken; take that of `durations`",
    ),
    (
        lambda p, d, m: (p - d.clamp(min=1).log2())[m].square().mean(),
        "the logarithm has base 2; the natural one is asked for",
    ),
    (
        lambda p, d, m: (p - d.clamp(min=1).log10())[m].square().mean(),
        "the logarithm has base 10; the natural one is asked for",
    ),
    (lambda p, d, m: (p + d.clamp(min=1).log())[m].square().mean(), "the logarithms are added; subtract them"),
    (
        lambda p, d, m: duration_loss(p, d, ~m) if (~m).any() else p.new_tensor(math.nan),
        "the mask is used the wrong way round: it is True for letters",
    ),
    (
        lambda p, d, m: (errors(p, d).square() * ~m).sum() / (~m).sum().clamp(min=1),
        "the mask is used the wrong way round: it is True for letters",
    ),
    (
        lambda p, d, m: (errors(p, d).square() * ~m).sum() / m.sum(),
        "the mask is used the wrong way round: it is True for letters",
    ),
    (
        lambda p, d, m: (errors(p, d).square() * ~m).mean(),
        "the mask is used the wrong way round: it is True for letters",
    ),
    (
        lambda p, d, m: errors(p, d)[:1][m[:1]].square().mean(),
        "only the first word counts: is a `return` inside the loop?",
    ),
    (
        lambda p, d, m: errors(p, d)[-1:][m[-1:]].square().mean(),
        "only the last word counts: is there an `=` where `+=` belongs?",
    ),
    (
        lambda p, d, m: torch.nn.functional.smooth_l1_loss(p[m], d[m].log()),
        "that is the smooth L1 (Huber) loss; the mean squared error is asked for",
    ),
    (
        lambda p, d, m: (errors(p, d)[m].square() * d[m]).sum() / d.sum(),
        "each letter is weighted by its duration; all letters count the same",
    ),
    (
        lambda p, d, m: errors(p, d)[m].square().sum() / d.sum(),
        "the sum is divided by the number of frames; divide by that of letters",
    ),
    (
        lambda p, d, m: errors(p, d)[m].square().sum() / m.shape[1],
        "the sum is divided by the length of the longest word; divide by the number of letters of all",
    ),
    (
        lambda p, d, m: ((p.exp() - d) / d.clamp(min=1))[m].square().mean(),
        "that is the relative error of the durations; the difference of the logarithms is asked for",
    ),
    (lambda p, d, m: errors(p, d)[m].var(), "that is a variance, from which the mean error is subtracted"),
    (lambda p, d, m: errors(p, d)[m].var(correction=0), "that is a variance, from which the mean error is subtracted"),
    (lambda p, d, m: errors(p, d)[m].square().max(), "that is the largest error; the mean is asked for"),
    (lambda p, d, m: duration_loss(p, d, m).log(), "the logarithm of the loss is taken; only that of `durations` is"),
    (
        lambda p, d, m: (p - d.sqrt())[m].square().mean(),
        "the root of the durations is taken; their logarithm is asked for",
    ),
    *(
        (
            lambda p, d, m, extra=extra: (p - (d + extra).log())[m].square().mean(),
            f"{extra:g} is added to the durations before the logarithm; real letters last at least one frame",
        )
        for extra in (0.5, 0.1, 0.01)
    ),
    (
        lambda p, d, m: duration_loss(p, d, m & (d > 1)),
        "letters of one frame are left out; their logarithm, 0, counts as well",
    ),
    (lambda p, d, m: errors(p, d)[m].square().median(), "that is the median; the mean is asked for"),
]
NOT_FINITE = (
    "is the logarithm of a padded duration, 0, in the loss? It is -inf, and even multiplied by 0 it gives NaN: select "
    "the letters by `mask` first"
)


@exercise(
    "15.3",
    title="a loss for durations",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "What are log(0), log(0) * 0, and the gradient of `torch.where(mask, x, 0)` where x is infinite?",
        "`log_durations[mask]` is a row of the predictions for real letters alone; so is `durations[mask]`.",
        "Take the logarithm of the selected durations, subtract, square, and average.",
    ),
)
def duration_loss_check(answer, rng):
    lengths = [[5, 2, 4], [3], [4, 4, 4, 4], [1, 6], [whole(rng, 1, 8) for _ in range(4)] + [8]]
    cases = [drawn_case(rng, one) for one in lengths]
    tried = explained(
        answer,
        {
            "shape mismatch": "the mask selects positions of a (B, T) tensor",
            "the shape of the mask": "the mask is (B, T)",
        },
    )
    expect_same_again(lambda *case: torch.nan_to_num(torch.as_tensor(tried(*case))), cases[0])
    try:
        judge_tensors(tried, cases, duration_loss, MISTAKES, where=where, causes=causes)
    except Mistake as problem:
        told, holds, _ = str(problem).partition(" the result holds ")
        if holds and all(math.isfinite(float(tried(*case))) for case in cases if case[2].all()):
            raise Mistake(f"{told} the loss is not finite: {NOT_FINITE}") from None
        raise
    judge_gradient(answer, cases[0])
    remark = expect_gradients(answer, cases[0], duration_loss)
    expect_dtype_kept(answer, cases[0])
    return f"{len(cases)} batches, one of a single word, one without padding; padding counts nowhere{remark}"


def drawn_case(rng: torch.Generator, lengths: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Predictions, durations with 0 for padding, and the mask."""
    shape = len(lengths), max(lengths) + (len(lengths) > 1 and len(set(lengths)) > 1)
    mask = torch.arange(shape[1]) < torch.tensor(lengths)[:, None]
    durations = torch.randint(1, 12, shape, generator=rng) * mask
    return 1.2 + drawn(rng, *shape), durations, mask


def judge_gradient(answer, case: tuple) -> None:
    """No NaN at padded positions, which `torch.where` after the square would leave there."""
    for gradient in gradients(answer.function, case, answer.name).values():
        if gradient is not None and not torch.isfinite(gradient).all():
            raise Mistake(
                "the loss is correct, but its gradient is NaN at padded positions: the backward pass multiplies an "
                "infinite difference by 0. Select the letters before the logarithm, or give padding a duration of 1"
            )


def where(log_durations: Tensor, durations: Tensor, mask: Tensor) -> str:
    """A case in words."""
    return f"for words of {mask.sum(1).tolist()} letters, padded to {mask.shape[1]},"


def causes(log_durations: Tensor, durations: Tensor, mask: Tensor) -> dict[tuple, str]:
    """What wrong shapes come from."""
    batch, time = mask.shape
    return {
        (batch,): "each word has a loss of its own; one mean over all letters is asked for",
        (1,): "an axis is left over; one number without axes is asked for",
        (batch, time): "nothing is averaged",
        (int(mask.sum()),): "there is one number per letter; one mean over all letters is asked for",
    }
