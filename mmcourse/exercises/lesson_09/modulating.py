"""Exercise 09.4: FiLM (Perez et al. 2018), features scaled and shifted by a condition."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors
from mmcourse.exercises.properties import mixed_examples
from mmcourse.exercises.unfinished import left_at_zero


def parts(condition: Tensor, W: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """gamma and beta, with an axis for the tokens in between.   (B, C), (2D, C), (2D,) -> (B, 1, D) each"""
    gamma, beta = (condition @ W.T + b)[:, None].chunk(2, dim=2)
    return gamma, beta


def modulated(mix) -> Tensor:
    """FiLM with another last line."""
    return lambda x, c, W, b: mix(x, *parts(c, W, b))


def made_from(W_gamma: int, b_gamma: int | None, W_beta: int, b_beta: int | None):
    """FiLM whose γ and β use the first (0) or second (1) half of `W` and `b`, or no bias."""

    def film(x, c, W, b):
        weights, biases = W.chunk(2), b.chunk(2)
        halves = ((W_gamma, b_gamma), (W_beta, b_beta))
        gamma, beta = ((c @ weights[i].T + (0 if j is None else biases[j]))[:, None] for i, j in halves)
        return (1 + gamma) * x + beta

    return film


right = modulated(lambda x, gamma, beta: (1 + gamma) * x + beta)
MISTAKES: Mistakes = [
    (
        modulated(lambda x, gamma, beta: gamma * x + beta),
        "the 1 is missing: with W = 0 and b = 0 the features should be unchanged, and here they are zero",
    ),
    (modulated(lambda x, gamma, beta: (1 + beta) * x + gamma), "γ and β are swapped: the first D rows compute γ"),
    (
        modulated(lambda x, gamma, beta: beta * x + gamma),
        "γ and β are swapped (the first D rows compute γ), and the 1 before γ is missing",
    ),
    (modulated(lambda x, gamma, beta: (1 + gamma) * x), "the shift β is missing"),
    (modulated(lambda x, gamma, beta: x + beta), "the scale 1 + γ is missing: a shift alone is a sum"),
    *(
        (
            lambda x, c, W, b, choose=choose: right(x, choose(c).expand_as(c), W, b),
            f"every example is modulated by {words}; each has a condition of its own",
        )
        for choose, words in (
            (lambda c: c[:1], "the first example's condition"),
            (lambda c: c[-1:], "the last example's condition"),
            (lambda c: c.mean(0, keepdim=True), "the mean condition of the batch"),
        )
    ),
    (
        modulated(lambda x, gamma, beta: x * (1 + gamma + beta)),
        "β is multiplied by the features: features * (1 + γ + β); it is added after the product",
    ),
    (
        modulated(lambda x, gamma, beta: gamma * (x + beta)),
        "β is scaled too, and the 1 is missing: `(1 + gamma) * features + beta`",
    ),
    (modulated(lambda x, gamma, beta: x + gamma + beta), "γ is added to the features; 1 + γ multiplies them"),
    (
        modulated(lambda x, gamma, beta: (1 + gamma) + beta + 0 * x),
        "the features are not used: 1 + γ multiplies them",
    ),
    *(
        (
            modulated(lambda x, gamma, beta, function=function: function((1 + gamma) * x + beta)),
            f"{words} is applied to the result, which is (1 + γ) * features + β itself",
        )
        for function, words in ((torch.relu, "a ReLU"), (torch.tanh, "a tanh"), (torch.sigmoid, "a sigmoid"))
    ),
    (
        modulated(lambda x, gamma, beta: (1 + gamma) * F.layer_norm(x, x.shape[-1:]) + beta),
        "the features are normalised first; they are scaled and shifted as they are",
    ),
    *(
        (
            modulated(lambda x, gamma, beta, function=function: (1 + gamma) * x + function(beta)),
            f"a {name} is applied to β; β itself is added, as it comes out of the layer",
        )
        for function, name in ((torch.sigmoid, "sigmoid"), (torch.tanh, "tanh"), (torch.relu, "ReLU"))
    ),
    (modulated(lambda x, gamma, beta: (1 + gamma) * (x + beta)), "β is scaled too: first scale, then shift"),
    (modulated(lambda x, gamma, beta: 1 + gamma * x + beta), "parentheses are missing: `(1 + gamma) * features`"),
    (
        lambda x, c, W, b: right(x, c, W, -b),
        "the bias is subtracted: a linear layer is `condition @ W.T + b`",
    ),
    (modulated(lambda x, gamma, beta: 1 + gamma + x + beta), "1 + γ is added to the features; it multiplies them"),
    (modulated(lambda x, gamma, beta: (1 + gamma) * x * beta), "the features are multiplied by β; it is added"),
    (made_from(0, None, 1, None), "the bias `b` is missing"),
    (made_from(0, 0, 1, 0), "β uses the first half of `b`, which belongs to γ; use the second"),
    (made_from(0, 1, 1, 0), "the halves of `b` are swapped: the first belongs to γ, like the first rows of `W`"),
    (made_from(0, 1, 1, 1), "γ uses the second half of `b`, which belongs to β; use the first"),
    (made_from(0, None, 1, 1), "γ lacks its half of `b`, the first"),
    (made_from(0, 0, 1, None), "β lacks its half of `b`, the second"),
    (made_from(0, 0, 0, 1), "β is computed with the first D rows of `W`, which belong to γ; use the others"),
    (modulated(lambda x, gamma, beta: (1 - gamma) * x + beta), "γ is subtracted from 1; the scale is 1 + γ"),
    (modulated(lambda x, gamma, beta: (1 + gamma) * x - beta), "the shift β is subtracted; add it"),
    (
        modulated(lambda x, gamma, beta: gamma.exp() * x + beta),
        "the features are scaled by exp(γ), which is never negative; the scale is 1 + γ",
    ),
    (
        modulated(lambda x, gamma, beta: x + (1 + gamma) * x + beta),
        "the features are added once more: the 1 in 1 + γ already passes them on",
    ),
    *(
        (
            modulated(lambda x, gamma, beta, function=function: (1 + function(gamma)) * x + beta),
            f"a {name} is applied to γ; γ itself is used, as it comes out of the layer",
        )
        for function, name in ((torch.sigmoid, "sigmoid"), (torch.tanh, "tanh"), (torch.relu, "ReLU"))
    ),
    (
        modulated(lambda x, gamma, beta: (1 + gamma) * x + 1 + beta),
        "1 is added to the shift β too; it is added to γ alone",
    ),
    (
        modulated(lambda x, gamma, beta: torch.cat([((1 + gamma) * x + beta)[:, :1], x[:, 1:]], dim=1)),
        "only the first token is modulated; the condition modulates all tokens of its example",
    ),
    (
        lambda x, c, W, b: (lambda halves: (1 + halves[0]) * x + halves[1])(
            (c @ W.T + b).reshape(2, len(x), 1, x.shape[2])
        ),
        "a `reshape` to halves mixes the examples of the batch: γ and β are the halves of axis 1, `chunk(2, dim=1)`",
    ),
    (
        modulated(lambda x, gamma, beta: torch.sigmoid(gamma) * x + beta),
        "a sigmoid is applied to γ, so it can only attenuate; FiLM may reverse a feature's sign",
    ),
    (
        lambda x, c, W, b: (1 + (c @ W.T + b)[:, None, 0::2]) * x + (c @ W.T + b)[:, None, 1::2],
        "every second row is used for γ; the first half computes γ, the second β: `chunk(2, dim=1)`",
    ),
    (
        modulated(lambda x, gamma, beta: (1 + gamma).mean(2, keepdim=True) * x + beta.mean(2, keepdim=True)),
        "one scale for all features; each feature has its own",
    ),
]
UNLIKE = {
    "at non-singleton dimension 1": "`gamma[:, None]` adds an axis for the tokens: γ is (B, D), the features (B, T, D)",
    "at non-singleton dimension 2": "`chunk(2, dim=1)` splits the layer's output, (B, 2D), into γ and β of (B, D)",
    "shapes cannot be multiplied": "`W` is (2D, C), as in a linear layer: `condition @ W.T`",
}


@exercise(
    "09.4",
    title="FiLM",
    dots=1,
    minutes=10,
    repeatable=True,
    hints=(
        "`condition @ W.T + b` is (B, 2D). `.chunk(2, dim=1)` splits it into two halves of (B, D): γ, then β.",
        "The features are (B, T, D), γ is (B, D): an axis for the tokens is missing, `gamma[:, None]`.",
    ),
)
def film(answer, rng):
    cases = []
    for batch, tokens, width, condition in ((3, 5, 4, 6), (4, 4, 2, 3), (2, 1, 6, 1), (1, 3, 3, 3)):
        x, c = drawn(rng, batch, tokens, width), drawn(rng, batch, condition)
        cases.append((x, c, drawn(rng, 2 * width, condition), drawn(rng, 2 * width)))
    judge_tensors(
        explained(answer, UNLIKE),
        cases,
        right,
        MISTAKES,
        where,
        causes,
        failing=lambda cases, given: (
            left_at_zero(cases, given, right, "example") or mixed_examples(answer, cases[0], (0, 1))
        ),
    )
    remark = expect_gradients(answer, cases[0], right)
    said = (
        "correct for four sizes, one of them with as many examples as tokens; each example's condition modulates "
        "all of its tokens"
    )
    return said + remark


def where(features: Tensor, condition: Tensor, *_) -> str:
    return f"for features {tuple(features.shape)} and a condition {tuple(condition.shape)}"


def causes(features: Tensor, condition: Tensor, W: Tensor, b: Tensor) -> dict[tuple, str]:
    batch, tokens, width = features.shape
    return {
        (batch, batch, tokens, width): "one axis too many: γ is (B, 1, D)",
        (batch, 1, width): "one row for all tokens; (1 + γ) * features + β has a row for each",
        (batch, 2 * width): "those are γ and β; use them to scale and shift the features",
        (batch, width): "one row for all tokens; each keeps its features, scaled and shifted",
        (batch, tokens, 2 * width): "γ and β are not separated: split with `chunk(2, dim=1)`",
    }
