"""Exercise 08.1: the weighted sum of two feature vectors."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, fitted_weights, judge_tensors
from mmcourse.exercises.properties import mixed_examples
from mmcourse.exercises.unfinished import left_at_zero

ALPHAS = (0.3, 0.85, 0.0, 1.0, 0.6)


def weighted(image: Tensor, text: Tensor, alpha: float) -> Tensor:
    """What `weighted_sum` should give.   (B, D), (B, D) -> (B, D)"""
    return alpha * image + (1 - alpha) * text


POWER = "the weights are used as exponents, and such a power of a negative number is NaN; multiply with `*`"
MISTAKES: Mistakes = [
    (lambda x, y, a: weighted(y, x, a), "`alpha` is the image's weight; here it weights the text"),
    (lambda x, y, a: x + y, "both are added unweighted: `alpha` is not used"),
    (lambda x, y, a: (x + y) / 2, "that is the mean, whatever `alpha` is"),
    (lambda x, y, a: weighted(x, y, 0.5), "that is the mean, whatever `alpha` is"),
    (lambda x, y, a: a * x + y, "the text is unweighted: its weight is 1 - alpha"),
    (lambda x, y, a: x + a * y, "the image is unweighted, and `alpha` weights the text"),
    (lambda x, y, a: x + (1 - a) * y, "the image is unweighted: its weight is alpha"),
    (lambda x, y, a: a * (x + y), "`alpha` weights both: the text's weight is 1 - alpha"),
    (lambda x, y, a: a * x + 1 - a * y, "parentheses are missing: `(1 - alpha) * text`"),
    (lambda x, y, a: a * x + 1 - a + y, "1 - alpha is added; it should be a factor: `(1 - alpha) * text`"),
    (lambda x, y, a: a * x - (1 - a) * y, "the text is subtracted: its weight is 1 - alpha, not alpha - 1"),
    (lambda x, y, a: a * x + (1 + a) * y, "the text's weight is 1 + alpha; the two weights sum to 1: 1 - alpha"),
    (lambda x, y, a: a * x, "the text is left out"),
    (lambda x, y, a: (1 - a) * y, "the image is left out"),
    (lambda x, y, a: a * x * (1 - a) * y, "that is a product; F is a sum"),
    (lambda x, y, a: x**a * y ** (1 - a), POWER),
    (lambda x, y, a: x ** (1 - a) * y**a, POWER),
    (lambda x, y, a: x**a + y ** (1 - a), POWER),
    (lambda x, y, a: weighted(x, y, a) / 2, "the sum is halved: the weights already sum to 1"),
    (
        lambda x, y, a: weighted(F.normalize(x, dim=1), F.normalize(y, dim=1), a),
        "the features are normalised to length 1 first; here they are used unchanged",
    ),
    *(
        (
            lambda x, y, a, function=function: function(weighted(x, y, a)),
            f"{words} the weighted sum; the formula ends with the sum itself",
        )
        for function, words in (
            (lambda f: F.normalize(f, dim=1), "`F.normalize` scales the result to length 1, after"),
            (torch.relu, "a ReLU is applied to"),
            (torch.tanh, "a tanh is applied to"),
            (torch.sigmoid, "a sigmoid is applied to"),
            (lambda f: f.softmax(1), "a softmax is applied to"),
        )
    ),
    (
        lambda x, y, a: weighted(x, y, 1 / (1 + math.exp(-a))),
        "a sigmoid is applied to alpha, which is a weight from 0 to 1 already",
    ),
    (lambda x, y, a: weighted(x, y, a)[0], "only the first example's F: in a loop, `return` comes after it"),
    (lambda x, y, a: weighted(x, y, a)[-1], "only the last example's F: collect those of all in a list, `torch.stack`"),
    (lambda x, y, a: weighted(x, y, a).sum(0), "a sum over the batch: every example has its own F"),
    (lambda x, y, a: weighted(x, y, a).mean(0), "a mean over the batch: every example has its own F"),
    (lambda x, y, a: torch.where(torch.tensor(a > 0.5), x, y), "only one of the two is used; F is a mixture of both"),
]


@exercise(
    "08.1",
    title="the weighted sum",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "β is not an argument. The two weights sum to 1, so what is it?",
        "A number times a tensor multiplies every entry. No loop is needed, and no new shape comes out.",
    ),
)
def weighted_sum(answer, rng):
    cases = [
        (torch.randn(batch, width, generator=rng), torch.randn(batch, width, generator=rng), alpha)
        for (batch, width), alpha in zip(((5, 8), (3, 4), (2, 6), (4, 4), (1, 5)), ALPHAS, strict=True)
    ]
    judge_tensors(
        answer,
        cases,
        weighted,
        MISTAKES,
        where=lambda x, y, a: f"for features of shape {tuple(x.shape)} and alpha {a}",
        causes=causes,
        entry=lambda at, case: f"F for image {case[0][at]:.2f} and text {case[1][at]:.2f}",
        failing=lambda cases, given: (
            left_at_zero(cases, given, weighted, "example")
            or mixed_examples(answer, cases[0], (0, 1))
            or weights_found(cases, given)
        ),
    )
    remark = expect_gradients(answer, cases[0], weighted)
    return "correct for several widths and weights; with alpha 0 only the text remains, with 1 only the image" + remark


def causes(x: Tensor, y: Tensor, a: float) -> dict[tuple, str]:
    """What wrong shapes come from."""
    batch, width = x.shape
    return {
        (batch, 2 * width): "that is a concatenation of both; F = α image + β text has the width of one",
        (2 * batch, width): "the two were stacked; F is a sum, entry by entry",
        (2, batch, width): "the two were stacked; F is a sum, entry by entry",
        (width,): "one F for the whole batch: every example has its own",
        (batch,): "a sum over the features: F keeps all of them",
        (): "a single number: F keeps batch and features",
        (batch, batch): "`@` is a matrix product; multiply by a weight with `*`",
    }


def weights_found(cases: list[tuple], given: list[Tensor]) -> str:
    """Words for a weighted sum with other weights; empty where F is none."""
    found = [fitted_weights((x, y), value) for (x, y, _), value in zip(cases, given, strict=True)]
    if None in found:
        return ""
    (of_image, of_text), alpha = found[0], cases[0][2]
    observed = f"for alpha {alpha} the image has the weight {of_image:.2f} and the text {of_text:.2f}"
    if max(abs(one - other) for pair in found for one, other in zip(pair, found[0], strict=True)) < 1e-3:
        return f"{observed}, and so for every other alpha: `alpha` is not used"
    pairs = list(zip(found, (alpha for _, _, alpha in cases), strict=True))
    if all(abs(pair[0] - alpha) < 1e-3 for pair, alpha in pairs):
        return f"{observed}; the image's weight is correct, the text's should be {1 - cases[0][2]:.2f}, 1 - alpha"
    if all(abs(pair[1] - (1 - alpha)) < 1e-3 for pair, alpha in pairs):
        return f"{observed}; the text's weight is correct, the image's should be alpha itself"
    return f"{observed}: is alpha changed before it is used? The weights are alpha itself and 1 - alpha"
