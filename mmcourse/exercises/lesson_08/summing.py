"""Exercise 08.1: the weighted sum of two feature vectors."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, expect_finite, expect_tensor, named_mistake

ALPHAS = (0.3, 0.85, 0.0, 1.0)


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
    (lambda x, y, a: torch.where(torch.tensor(a > 0.5), x, y), "only one of the two is used; F is a mixture of both"),
]


@exercise(
    "08.1",
    title="the weighted sum",
    dots=1,
    minutes=5,
    hints=(
        "β is not an argument. The two weights sum to 1, so what is it?",
        "A number times a tensor multiplies every entry. No loop is needed, and no new shape comes out.",
    ),
)
def weighted_sum(answer, rng):
    cases = [
        (torch.randn(batch, width, generator=rng), torch.randn(batch, width, generator=rng), alpha)
        for (batch, width), alpha in zip(((5, 8), (3, 4), (2, 6), (4, 4)), ALPHAS, strict=True)
    ]
    given = []
    for x, y, a in cases:
        where = f"for features of shape {tuple(x.shape)} and alpha {a}"
        batch, width = x.shape
        causes = {
            (batch, 2 * width): "that is a concatenation of both; F = α image + β text has the width of one",
            (2 * batch, width): "the two were stacked; F is a sum, entry by entry",
            (2, batch, width): "the two were stacked; F is a sum, entry by entry",
            (width,): "a sum over the batch: every example has its own F",
            (batch,): "a sum over the features: F keeps all of them",
            (): "a single number: F keeps batch and features",
            (batch, batch): "`@` is a matrix product; multiply by a weight with `*`",
        }
        given.append(expect_tensor(answer(x, y, a), where, x.shape, causes))
    for (x, y, a), value in zip(cases, given, strict=True):
        expected = weighted(x, y, a)
        if not torch.allclose(value.to(expected.dtype), expected, rtol=1e-3, atol=1e-5):
            words = named_mistake(cases, given, MISTAKES)
            if words is None:
                expect_finite(value, f"for alpha {a}", "is there a division, a root or a logarithm?")
                at = divmod(int((value - expected).abs().argmax()), x.shape[1])
                words = (
                    f"for alpha {a}, image {x[at]:.2f} and text {y[at]:.2f} F is {value[at].item():.2f}, "
                    f"expected {expected[at]:.2f}"
                )
            raise NotRight(words)
    remark = expect_gradients(answer, cases[0], weighted)
    return "correct for several widths and weights; with alpha 0 only the text remains, with 1 only the image" + remark
