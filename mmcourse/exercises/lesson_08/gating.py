"""Exercise 08.2: a gate, whose weights are computed from both modalities, feature by feature."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, expect_finite, expect_tensor, named_mistake
from mmcourse.exercises.properties import expect_no_overflow, mixed_examples
from mmcourse.exercises.unfinished import left_at_zero


def mixed(z: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Both, weighted."""
    return z * x + (1 - z) * y


def gated(
    squash: Callable = torch.sigmoid,
    scores: Callable = lambda x, y, W, b: torch.cat([x, y], 1) @ W.T + b,
    mix: Callable = mixed,
) -> Callable:
    """A gate with any of its parts exchanged: what `gate` should give, and what mistakes give."""
    return lambda x, y, W, b: mix(squash(scores(x, y, W, b)), x, y)


right = gated()
MISTAKES: Mistakes = [
    (gated(squash=lambda s: s), "z is not limited to 0 to 1: the sigmoid is missing"),
    (gated(squash=torch.tanh), "z comes from a tanh, from -1 to 1; a weight from 0 to 1 comes from a sigmoid"),
    (
        gated(squash=torch.relu),
        "z comes from a ReLU, which has no upper limit; a weight from 0 to 1 comes from a sigmoid",
    ),
    (
        gated(squash=lambda s: s.softmax(1)),
        "the softmax makes the weights of an example's features sum to 1; each feature has an independent weight",
    ),
    (
        gated(squash=F.hardsigmoid),
        "z is a hard sigmoid, made of straight lines and exactly 0 or 1 far from 0; use `torch.sigmoid`",
    ),
    (gated(squash=lambda s: s.clamp(0, 1)), "z is the score cut off at 0 and 1; a sigmoid is asked for"),
    (gated(squash=lambda s: (s.tanh() + 1) / 2), "(tanh(s) + 1) / 2 is the sigmoid of 2 s; use `torch.sigmoid`"),
    (gated(squash=lambda s: torch.sigmoid(s).round()), "z is rounded to 0 or 1, and has no gradient then"),
    *(
        (gated(squash=function), f"z comes from {words}; a weight from 0 to 1 comes from a sigmoid")
        for function, words in (
            (torch.exp, "an exponential"),
            (F.softplus, "a softplus"),
            (F.logsigmoid, "the logarithm of a sigmoid"),
            (F.softsign, "a softsign"),
            (F.silu, "SiLU, the score times its sigmoid"),
            (F.gelu, "GELU"),
            (lambda s: torch.sigmoid(torch.relu(s)), "a sigmoid after a ReLU, and is never below 0.5"),
            (lambda s: torch.sigmoid(torch.sigmoid(s)), "two sigmoids, one after the other"),
        )
    ),
    (
        gated(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.reshape(W.shape[1], len(W)) + b),
        "`W` is reshaped to (2D, D), which mixes its rows; transpose it, `W.T`",
    ),
    (
        gated(scores=lambda x, y, W, b: torch.cat([x, y], 1).tanh() @ W.T + b),
        "a tanh is applied to the features before z is computed; here they are used unchanged",
    ),
    *(
        (
            lambda x, y, W, b, function=function: function(right(x, y, W, b)),
            f"{words} is applied to F, which is the weighted sum itself",
        )
        for function, words in ((torch.tanh, "a tanh"), (torch.relu, "a ReLU"), (F.normalize, "`F.normalize`"))
    ),
    (gated(squash=lambda s: s.softmax(0)), "the softmax runs over the batch, so the weights of all examples sum to 1"),
    (
        gated(squash=lambda s: (s > 0).float()),
        "z is 0 or 1, a step function: its gradient is zero, so it could never learn",
    ),
    (
        gated(scores=lambda x, y, W, b: torch.cat([y, x], 1) @ W.T + b),
        "the text comes first in the concatenation; the weights expect [image; text]",
    ),
    (
        gated(scores=lambda x, y, W, b: torch.cat([y, x], 1) @ W.T + b, mix=lambda z, x, y: (1 - z) * x + z * y),
        "two things are swapped: z is computed from [image; text], and z is the image's weight",
    ),
    (gated(mix=lambda z, x, y: (1 - z) * x + z * y), "z is the weight of the image; here it multiplies the text"),
    (gated(mix=lambda z, x, y: z * x + z * y), "both are multiplied by z; the text's weight is 1 - z"),
    (gated(mix=lambda z, x, y: z * x + y), "the text is added unweighted; its weight is 1 - z"),
    (gated(mix=lambda z, x, y: x + (1 - z) * y), "the image is added unweighted; its weight is z"),
    (gated(mix=lambda z, x, y: z * x), "the text is left out of the sum"),
    (gated(mix=lambda z, x, y: (1 - z) * y), "the image is left out of the sum"),
    (gated(mix=lambda z, x, y: z * x * (1 - z) * y), "the two weighted features are multiplied; F is their sum"),
    (gated(mix=lambda z, x, y: z + x + (1 - z) * y), "z is added to the image; it multiplies the image"),
    (gated(mix=lambda z, x, y: z * x + (1 - z) + y), "1 - z is added to the text; it multiplies the text"),
    (gated(mix=lambda z, x, y: z * x + 1 - z * y), "parentheses are missing: `(1 - z) * text`"),
    (gated(mix=lambda z, x, y: (x + y) / 2), "that is the mean of both: z is not used"),
    (gated(mix=lambda z, x, y: x + y), "both are added unweighted: z is not used"),
    (gated(mix=lambda z, x, y: mixed(z, x, y) / 2), "the sum is halved: z and 1 - z already sum to 1"),
    (gated(mix=lambda z, x, y: z * x - (1 - z) * y), "the text is subtracted; F is a sum"),
    (
        gated(mix=lambda z, x, y: z * x + (1 + z) * y),
        "the text's weight is 1 + z; the two weights sum to 1, so it is 1 - z",
    ),
    (
        gated(mix=lambda z, x, y: z * x.tanh() + (1 - z) * y.tanh()),
        "a tanh is applied to the features first. The paper does so; here they are used unchanged",
    ),
    (
        lambda x, y, W, b: right(x.tanh(), y.tanh(), W, b),
        "a tanh is applied to the features before z is computed; here they are used unchanged",
    ),
    (gated(mix=lambda z, x, y: z + 0 * x), "z itself is returned; it weights the two features"),
    (gated(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T), "the bias `b` is missing"),
    (gated(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T - b), "the bias is subtracted: the scores are W … + b"),
    (
        lambda x, y, W, b: mixed(torch.sigmoid(torch.cat([x, y], 1) @ W.T) + b, x, y),
        "the bias is added after the sigmoid, so z leaves 0 to 1; it belongs inside the sigmoid",
    ),
    (
        lambda x, y, W, b: mixed(torch.sigmoid(torch.cat([x, y], 1) @ W.T), x, y) + b,
        "the bias is added to F; it belongs inside the sigmoid",
    ),
    (
        gated(scores=lambda x, y, W, b: x @ W[:, : x.shape[1]].T + b),
        "z is computed from the image alone; a gate depends on both",
    ),
    (
        gated(scores=lambda x, y, W, b: y @ W[:, x.shape[1] :].T + b),
        "z is computed from the text alone; a gate depends on both",
    ),
    (
        lambda x, y, W, b: torch.sigmoid(right(x, y, W, b)),
        "the sigmoid is applied to F too: it belongs to z alone",
    ),
    (
        gated(scores=lambda x, y, W, b: (torch.cat([x, y], 1) @ W.T + b).mean(1, keepdim=True)),
        "one weight for a whole example: each of the D features has its own",
    ),
    (
        gated(mix=lambda z, x, y: mixed(z.mean(1, keepdim=True), x, y)),
        "the mean of z is one weight for all features of an example; each has its own",
    ),
    (
        gated(mix=lambda z, x, y: mixed(z.mean(0, keepdim=True), x, y)),
        "the mean of z over the batch: every example has its own weights",
    ),
    (
        gated(mix=lambda z, x, y: mixed(z.mean(), x, y)),
        "the mean of all z is a single number; every feature of every example has its own weight",
    ),
]


@exercise(
    "08.2",
    title="a gate",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "`torch.cat([image, text], dim=1)` is (B, 2D). A linear layer by hand is `x @ W.T + b`: which shape has that?",
        "z is (B, D), each entry from 0 to 1: which function maps any number into that range?",
        "The rest is exercise 08.1, with z in the place of alpha, and `*`.",
    ),
)
def gate(answer, rng):
    def drawn(*shape):
        return torch.randn(*shape, generator=rng)

    cases = [(drawn(n, d), drawn(n, d), drawn(d, 2 * d), drawn(d)) for n, d in ((5, 3), (4, 6), (2, 4), (1, 5), (3, 1))]
    given = []
    for case in cases:
        x, _, W, _ = case
        where = f"for features of shape {tuple(x.shape)} and W of shape {tuple(W.shape)}"
        batch, width = x.shape
        causes = {
            (
                batch,
                2 * width,
            ): "a product with the concatenation has this shape; each modality has D features, and so does F",
            (batch,): "one number per example: F keeps all features",
            (batch, 1): "one number per example: z has an entry for each feature",
            (width, batch): "rows and columns are swapped: the batch comes first",
        }
        try:
            value = answer(*case)
        except Mistake as problem:
            raise Mistake(f"{problem}{why_sizes(str(problem), batch, width)}") from None
        if isinstance(value, tuple):
            raise Mistake("several results were returned; only F is expected")
        value = expect_tensor(value, where, x.shape, causes)
        expect_finite(value, where, "exp of a large number? `torch.sigmoid` is safe")
        given.append(value)
    for case, value in zip(cases, given, strict=True):
        expected = right(*case)
        if not torch.allclose(value.to(expected.dtype), expected, rtol=1e-3, atol=1e-5):
            words = (
                named_mistake(cases, given, MISTAKES)
                or left_at_zero(cases, given, right, "example")
                or mixed_examples(answer, cases[0], (0, 1))
            )
            i, j = divmod(int((value - expected).abs().argmax()), expected.shape[1])
            found = f"F[{i}, {j}] is {value[i, j].item():.3f}, expected {expected[i, j]:.3f}"
            raise Mistake(words or found)
    x, y, W, b = (10 * part for part in cases[0])
    expect_no_overflow(
        answer,
        (x, y, 100 * W, b),
        "for large features it gives NaN: exp of a large number is infinite. `torch.sigmoid` is safe",
    )
    remark = expect_gradients(answer, cases[0], right)
    return "every feature of F lies between the image's and the text's, weighted by z" + remark


def why_sizes(problem: str, batch: int, width: int) -> str:
    """What sizes that do not fit come from."""
    if f"({2 * batch}x{width} and" in problem:
        return ". The two were concatenated along the batch: features are the second axis, `dim=1`"
    if "cannot be multiplied" in problem:
        return f". `W` is (D, 2D) = ({width}, {2 * width}): multiply the concatenation of both by `W.T`"
    if "must match the size" in problem:
        return ". Are the scores 2D wide? `W` gives D of them, one for each feature"
    return ""
