"""Exercise 08.2: a gate, whose shares are computed from both modalities, feature by feature."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, expect_finite, expect_tensor, named_mistake


def mixed(z: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Both by their shares."""
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
    (gated(squash=lambda s: s), "z is not squeezed into 0 to 1: the sigmoid is missing"),
    (gated(squash=torch.tanh), "z comes from a tanh, from -1 to 1; a share comes from a sigmoid, from 0 to 1"),
    (gated(squash=torch.relu), "z comes from a ReLU, which has no upper end; a share comes from a sigmoid, 0 to 1"),
    (
        gated(squash=lambda s: s.softmax(1)),
        "the softmax makes the features of an example share 1 between them; each feature has a share of its own",
    ),
    (gated(squash=lambda s: s.softmax(0)), "the softmax runs over the batch, so the examples share 1 between them"),
    (gated(squash=lambda s: (s > 0).float()), "z is 0 or 1, a switch: it has no slope, so it could never learn"),
    (
        gated(scores=lambda x, y, W, b: torch.cat([y, x], 1) @ W.T + b),
        "the text stands first in the concatenation; the weights expect [image; text]",
    ),
    (
        gated(scores=lambda x, y, W, b: torch.cat([y, x], 1) @ W.T + b, mix=lambda z, x, y: (1 - z) * x + z * y),
        "two things are exchanged: [image; text] goes into z, and z is the picture's share",
    ),
    (gated(mix=lambda z, x, y: (1 - z) * x + z * y), "z is the share of the picture; here the text gets it"),
    (gated(mix=lambda z, x, y: z * x + z * y), "both get the share z; the text's is 1 - z"),
    (gated(mix=lambda z, x, y: z * x + y), "the text passes whole; its fraction is 1 - z"),
    (gated(mix=lambda z, x, y: x + (1 - z) * y), "the picture passes whole; its share is z"),
    (gated(mix=lambda z, x, y: z * x), "the text is left out of the sum"),
    (gated(mix=lambda z, x, y: z * x - (1 - z) * y), "the text is taken away; F is a sum"),
    (gated(mix=lambda z, x, y: z * x + (1 + z) * y), "the text's fraction is 1 + z; the two sum to 1: 1 - z"),
    (
        gated(mix=lambda z, x, y: z * x.tanh() + (1 - z) * y.tanh()),
        "a tanh squeezes the features first. The paper has it; here they pass as they are",
    ),
    (
        lambda x, y, W, b: right(x.tanh(), y.tanh(), W, b),
        "a tanh squeezes the features before z sees them; here they go in, and pass, as they are",
    ),
    (gated(mix=lambda z, x, y: z + 0 * x), "z itself is given; it says how much of each passes"),
    (gated(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T), "the bias `b` is missing"),
    (gated(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T - b), "the bias is taken away: the scores are W … + b"),
    (
        lambda x, y, W, b: mixed(torch.sigmoid(torch.cat([x, y], 1) @ W.T) + b, x, y),
        "the bias comes after the sigmoid, so z leaves 0 to 1; it belongs to the scores, inside",
    ),
    (
        lambda x, y, W, b: mixed(torch.sigmoid(torch.cat([x, y], 1) @ W.T), x, y) + b,
        "the bias is added to the sum; it belongs to the scores that z comes from",
    ),
    (
        gated(scores=lambda x, y, W, b: x @ W[:, : x.shape[1]].T + b),
        "z looks at the picture alone; what makes a gate is that it sees both",
    ),
    (
        gated(scores=lambda x, y, W, b: y @ W[:, x.shape[1] :].T + b),
        "z looks at the text alone; what makes a gate is that it sees both",
    ),
    (
        lambda x, y, W, b: torch.sigmoid(right(x, y, W, b)),
        "the sigmoid squeezes the sum too: it belongs to z alone",
    ),
    (
        gated(scores=lambda x, y, W, b: (torch.cat([x, y], 1) @ W.T + b).mean(1, keepdim=True)),
        "one share for a whole example: each of the D features has its own",
    ),
    (
        gated(mix=lambda z, x, y: mixed(z.mean(1, keepdim=True), x, y)),
        "the mean of z is one share for all features of an example; each has its own",
    ),
    (
        gated(mix=lambda z, x, y: mixed(z.mean(0, keepdim=True), x, y)),
        "the mean of z over the batch: every example has its own shares",
    ),
    (
        gated(mix=lambda z, x, y: mixed(z.mean(), x, y)),
        "the mean of all z is one number for everything; every feature of every example has its own share",
    ),
]


@exercise(
    "08.2",
    title="a gate",
    dots=2,
    minutes=10,
    hints=(
        "`torch.cat([image, text], dim=1)` is (B, 2D). A linear layer by hand is `x @ W.T + b`: which shape has that?",
        "z is (B, D), each entry from 0 to 1: which function squeezes any number into that?",
        "The rest is exercise 08.1, with z in the place of alpha, and `*`.",
    ),
)
def gate(answer, rng):
    def drawn(*shape):
        return torch.randn(*shape, generator=rng)

    cases = [(drawn(n, d), drawn(n, d), drawn(d, 2 * d), drawn(d)) for n, d in ((5, 3), (4, 6), (2, 4))]
    given = []
    for case in cases:
        x, _, W, _ = case
        where = f"for features of shape {tuple(x.shape)} and W of shape {tuple(W.shape)}"
        batch, width = x.shape
        causes = {
            (batch, 2 * width): "z times both side by side? Each modality is D wide, and so is their sum",
            (batch,): "a sum over the features: F keeps all of them",
            (batch, 1): "one number an example: z has an entry for each feature",
            (width, batch): "rows and columns are exchanged: the batch comes first",
        }
        try:
            value = answer(*case)
        except NotRight as problem:
            raise NotRight(f"{problem}{why_sizes(str(problem), width)}") from None
        if isinstance(value, tuple):
            raise NotRight("there are several results; F alone is asked for")
        value = expect_tensor(value, where, x.shape, causes)
        expect_finite(value, where, "exp of a large number? `torch.sigmoid` is safe")
        given.append(value)
    for case, value in zip(cases, given, strict=True):
        expected = right(*case)
        if not torch.allclose(value.to(expected.dtype), expected, rtol=1e-3, atol=1e-5):
            words = named_mistake(cases, given, MISTAKES)
            i, j = divmod(int((value - expected).abs().argmax()), expected.shape[1])
            found = f"F[{i}, {j}] is {value[i, j].item():.3f}, expected {expected[i, j]:.3f}"
            raise NotRight(words or f"{found}; no usual mistake explains it")
    x, y, W, b = (10 * part for part in cases[0])
    large = expect_tensor(answer(x, y, 100 * W, b), "for large features", x.shape)
    if not torch.isfinite(large).all():
        raise NotRight("for large features it gives NaN: exp of a large number is infinite. `torch.sigmoid` is safe")
    remark = expect_gradients(answer, cases[0], right)
    return "F lies between picture and text in every feature, as far towards each as both together say" + remark


def why_sizes(problem: str, width: int) -> str:
    """What sizes that do not fit come from."""
    if "cannot be multiplied" in problem:
        return f". `W` is (D, 2D) = ({width}, {2 * width}): both modalities go in, side by side, and `W.T` turns it"
    if "must match the size" in problem:
        return ". Are the scores 2D wide? `W` makes D of them, one share for each feature"
    return ""
