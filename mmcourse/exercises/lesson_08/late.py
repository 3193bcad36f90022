"""Exercise 08.4: late fusion, the logarithm of the mean probability, without overflow."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, expect_tensor, fitted_weights, named_mistake
from mmcourse.exercises.properties import mixed_examples

LOG_2 = math.log(2)
OVER_CLASSES = "the sum runs over the classes; it should run over the two modalities, `dim=0` of a stack of both"


def fused(one: Tensor, other: Tensor) -> Tensor:
    """What `late_fusion` should give.   (B, K), (B, K) -> (B, K)"""
    return torch.stack([one.log_softmax(1), other.log_softmax(1)]).logsumexp(0) - LOG_2


def of(combine: Callable, dim: int = 1) -> Callable:
    """What comes of combining both probabilities."""
    return lambda one, other: combine(one.softmax(dim), other.softmax(dim))


MISTAKES: Mistakes = [
    (
        lambda a, b: (a + b) / 2,
        "that is the mean of the logits: two votes are multiplied, and one sure 'no' forbids a class",
    ),
    (lambda a, b: a + b, "that is the sum of the logits: make probabilities of each first, then take their mean"),
    (
        lambda a, b: ((a + b) / 2).log_softmax(1),
        "the logits are averaged before the softmax: first the softmax, then the mean",
    ),
    (
        lambda a, b: (a + b).log_softmax(1),
        "the logits are added before the softmax: first the softmax, then the mean",
    ),
    (
        lambda a, b: (a.log_softmax(1) + b.log_softmax(1)) / 2,
        "that is the mean of the log-probabilities, hence a product of probabilities: the mean comes before the "
        "logarithm",
    ),
    (
        lambda a, b: a.log_softmax(1) + b.log_softmax(1),
        "log-probabilities are added, which multiplies the probabilities: their mean is expected",
    ),
    (of(lambda p, q: (p + q) / 2), "these are the mean probabilities; their logarithm is expected"),
    (
        lambda a, b: torch.stack([a.log_softmax(1), b.log_softmax(1)]).sum(0) - LOG_2,
        "log-probabilities are added, which multiplies the probabilities: `logsumexp` adds the probabilities",
    ),
    (
        of(lambda p, q: torch.stack([p, q]).logsumexp(0) - LOG_2),
        "`logsumexp` was applied to probabilities; it expects their logarithms: `log_softmax` instead of `softmax`",
    ),
    (
        of(lambda p, q: torch.stack([p, q]).logsumexp(0)),
        "`logsumexp` was applied to probabilities; it expects their logarithms: `log_softmax` instead of `softmax`. "
        "And log 2 is not subtracted",
    ),
    *(
        (
            lambda a, b, raw=raw: (
                torch.stack(
                    [a if raw == "image" else a.log_softmax(1), b if raw == "sound" else b.log_softmax(1)]
                ).logsumexp(0)
                - LOG_2
            ),
            f"the raw logits of the {raw} are used; make log-probabilities of both, `log_softmax`",
        )
        for raw in ("image", "sound")
    ),
    (of(lambda p, q: (p + q).log()), "the sum of the probabilities, not their mean: subtract log 2"),
    (of(lambda p, q: p + q), "the sum of the probabilities; the logarithm of their mean is expected"),
    (
        lambda a, b: torch.stack([a, b]).logsumexp(0),
        "logsumexp was applied to the raw logits: a modality with large logits then counts more. `log_softmax` first",
    ),
    (
        lambda a, b: torch.stack([a, b]).logsumexp(0) - LOG_2,
        "logsumexp was applied to the raw logits: a modality with large logits then counts more. `log_softmax` first",
    ),
    (
        lambda a, b: torch.logaddexp(a, b).log_softmax(1),
        "both are normalised by one common sum: a modality with large logits then counts more. A `log_softmax` for "
        "each",
    ),
    (
        lambda a, b: torch.stack([a.log_softmax(1), b.log_softmax(1)]).logsumexp(0) + LOG_2,
        "log 2 is added; a mean is a sum divided by 2, so subtract it",
    ),
    (
        lambda a, b: torch.stack([a.log_softmax(1), b.log_softmax(1)]).logsumexp(0) / 2,
        "the logarithm is halved; to halve its argument, subtract log 2",
    ),
    (of(lambda p, q: ((p + q) / 2).log(), 0), "the softmax runs over the batch; classes are the last axis"),
    (of(lambda p, q: torch.maximum(p, q).log()), "that is the larger of the two probabilities, not their mean"),
    (of(lambda p, q: ((p + q) / 2).log_softmax(1)), "another softmax is applied to the mean of the probabilities"),
    (of(lambda p, q: ((p + q) / 2).softmax(1)), "another softmax is applied to the mean of the probabilities"),
    (lambda a, b: -fused(a, b), "the sign is reversed: the most likely class has the largest value"),
    (lambda a, b: a.log_softmax(1), "the sound is not used"),
    (lambda a, b: b.log_softmax(1), "the image is not used"),
    (lambda a, b: fused(a, b) / LOG_2, "that is the logarithm to base 2; the natural one is expected"),
    (lambda a, b: fused(a, b) / math.log(10), "that is the logarithm to base 10; the natural one is expected"),
]


@exercise(
    "08.4",
    title="late fusion without overflow",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "On paper: log of (p + q) / 2. `log_softmax` gives log p and log q, safely, for logits of any size.",
        "`torch.logsumexp(x, dim)` is log of the sum of exp(x), exp(x) never formed. Of which x is that log (p + q)?",
        "`torch.stack([log_p, log_q])` is (2, B, K): the sum runs over the first axis. And what does the division by 2 "
        "become under a logarithm?",
    ),
)
def late_fusion(answer, rng):
    cases = [tuple(2 * torch.randn(n, k, generator=rng) for _ in range(2)) for n, k in ((5, 4), (3, 7), (4, 2), (1, 3))]
    cases[1] = (3 * cases[1][0], cases[1][1] + 5)  # one more confident, the other shifted by a constant
    given = []
    for one, other in cases:
        batch, classes = one.shape
        causes = {
            (batch,): "one number per example: keep all K classes",
            (2, batch, classes): "the two are stacked: sum over that first axis",
            (batch, 2 * classes): "the two are concatenated; average the same class of both",
            (2, batch): OVER_CLASSES,
            (batch, 2): OVER_CLASSES,
            (2, classes): "the sum runs over the batch; it should run over the two modalities",
            (classes,): "a sum over the batch: every example has its own probabilities",
            (batch, 1): OVER_CLASSES,
        }
        where = f"for logits of shape {tuple(one.shape)}"
        given.append(expect_tensor(answer(one, other), where, one.shape, causes))
    for (one, other), value in zip(cases, given, strict=True):
        expected = fused(one, other)
        if not torch.allclose(value.to(expected.dtype), expected, rtol=1e-3, atol=1e-4):
            if words := named_mistake(cases, given, MISTAKES):
                raise Mistake(words)
            if words := mixed_examples(answer, cases[0], (0, 1)) or shifted(cases, given) or unequal(cases, given):
                raise Mistake(words)
            i, j = divmod(int((value - expected).abs().argmax()), expected.shape[1])
            total = value[i].exp().sum().item()
            sums = f"; the probabilities of an example (exp of a row) sum to {total:.2f} instead of 1"
            raise Mistake(
                f"example {i}, class {j}: it gives {value[i, j].item():.3f}, expected {expected[i, j]:.3f}"
                + (sums if abs(total - 1) > 0.01 else "")
            )
    far = torch.tensor([[400.0, 0, -400], [0.0, 300, -200]]) + torch.rand(2, 3, generator=rng)
    close = far + torch.rand(2, 3, generator=rng)
    value, expected = expect_tensor(answer(far, close), "for large logits", far.shape), fused(far, close)
    expect_each_row(answer, far, rng)
    if torch.isnan(value).any() or (value == torch.inf).any():
        raise Mistake("for logits of 400 it gives NaN or infinity: exp(400) is too large for a float. `log_softmax`")
    if torch.isfinite(value).all() and not torch.allclose(value.to(expected.dtype), expected, rtol=1e-3, atol=1e-2):
        raise Mistake(
            "correct for small logits, but for large ones something limits the logits, the probabilities or their "
            f"logarithms: the smallest result is {value.min().item():.0f}, expected {expected.min():.0f}. A `clamp`, a "
            "small number added or a rounded probability does so: `log_softmax` and `torch.logsumexp` need none of them"
            if value.min() > expected.min() + 1
            else f"correct for small logits, but for large ones it gives {value.min().item():.4g}, expected "
            f"{expected.min():.4g}: `log_softmax` and `torch.logsumexp` are exact for any size"
        )
    if torch.isinf(value).any() or not torch.allclose(value.to(expected.dtype), expected, rtol=1e-3, atol=1e-2):
        raise Mistake(
            "correct for small logits, but for large ones a probability is rounded to 0 and its logarithm is lost "
            f"(it gives {value.min().item():.0f}, expected {expected.min():.0f}): compute with logarithms: "
            "`log_softmax` and `torch.logsumexp`"
        )
    remark = expect_gradients(answer, cases[0], fused)
    return "the logarithms of the mean probabilities, correct for logits of 400 too" + remark


def expect_each_row(answer, far: Tensor, rng: torch.Generator) -> None:
    """An example whose logits lie far below those of another gives what it gives alone."""
    low = far[1:] - 1000
    both = torch.cat([far[:1], low])
    other = both + torch.rand(both.shape, generator=rng)
    together, alone = answer(both, other), answer(low, other[1:])
    if torch.isfinite(alone).all() and not torch.allclose(together[1:], alone, rtol=1e-3, atol=1e-2):
        raise Mistake(
            "correct for an example alone, but not in a batch with another whose logits are larger by 1,000: is the "
            "maximum of the whole batch subtracted? Each row has its own, `log_softmax(dim=1)`"
        )


def shifted(cases: list[tuple[Tensor, Tensor]], given: list[Tensor]) -> str:
    """Words where every value differs from the correct one by the same constant; else empty."""
    apart = torch.cat([(value - fused(*case)).flatten() for case, value in zip(cases, given, strict=True)])
    if not torch.isfinite(apart).all() or (apart - apart[0]).abs().max() > 1e-3:
        return ""
    size, sign = abs(apart[0].item()), "large" if apart[0] > 0 else "small"
    return f"every value is too {sign} by {size:.3f}: the mean of two subtracts the natural logarithm of 2, {LOG_2:.3f}"


def unequal(cases: list[tuple[Tensor, Tensor]], given: list[Tensor]) -> str:
    """Words where the probabilities are a sum of both with other weights than a half each; else empty."""
    votes = [torch.cat([one.softmax(1).flatten() for one in ones]) for ones in zip(*cases, strict=True)]
    weights = fitted_weights(votes, torch.cat([value.exp().flatten() for value in given]))
    if weights is None or abs(weights[0] - weights[1]) < 0.01:
        return ""
    of_image, of_sound = weights
    return f"the image's probability has weight {of_image:.2f} and the sound's {of_sound:.2f}; in a mean both are 0.50"
