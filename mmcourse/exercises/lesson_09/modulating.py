"""Exercise 09.4: FiLM (Perez et al. 2018), features scaled and shifted as a condition says."""

import torch
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, drawn, explained, judge_tensors


def parts(condition: Tensor, W: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """gamma and beta, an axis for the tokens between.   (B, C), (2D, C), (2D,) -> (B, 1, D) each"""
    gamma, beta = (condition @ W.T + b)[:, None].chunk(2, dim=2)
    return gamma, beta


def modulated(mix) -> Tensor:
    """FiLM with its last line exchanged."""
    return lambda x, c, W, b: mix(x, *parts(c, W, b))


def made_from(W_gamma: int, b_gamma: int | None, W_beta: int, b_beta: int | None):
    """FiLM whose γ and β come from the first (0) or second (1) half of `W` and `b`, or from no bias."""

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
        "the 1 is missing: with W = 0 and b = 0 the features should pass unchanged, and here they vanish",
    ),
    (modulated(lambda x, gamma, beta: (1 + beta) * x + gamma), "γ and β are exchanged: the first D rows make γ"),
    (
        modulated(lambda x, gamma, beta: beta * x + gamma),
        "γ and β are exchanged (γ comes of the first D rows), and besides, the 1 before γ is left out",
    ),
    (modulated(lambda x, gamma, beta: (1 + gamma) * x), "the shift β is left out"),
    (modulated(lambda x, gamma, beta: x + beta), "the scale 1 + γ is left out: a shift alone is a sum"),
    (modulated(lambda x, gamma, beta: (1 + gamma) * (x + beta)), "β is scaled too: first scale, then shift"),
    (modulated(lambda x, gamma, beta: 1 + gamma * x + beta), "a bracket is missing: `(1 + gamma) * features`"),
    (made_from(0, None, 1, None), "the bias `b` is left out"),
    (made_from(0, 0, 1, 0), "β gets the first half of `b`, which is γ's; its own is the second"),
    (made_from(0, 1, 1, 0), "the halves of `b` are exchanged: the first belongs to γ, as the first rows of `W` do"),
    (made_from(0, 1, 1, 1), "γ gets the second half of `b`, which is β's; its own is the first"),
    (made_from(0, None, 1, 1), "γ goes without its half of `b`, the first"),
    (made_from(0, 0, 1, None), "β goes without its half of `b`, the second"),
    (made_from(0, 0, 0, 1), "β is made with the first D rows of `W`, which are γ's; its own are the others"),
    (modulated(lambda x, gamma, beta: (1 - gamma) * x + beta), "γ is taken away from 1; it is added: 1 + γ"),
    (modulated(lambda x, gamma, beta: (1 + gamma) * x - beta), "the shift β is taken away; it is added"),
    (
        modulated(lambda x, gamma, beta: gamma.exp() * x + beta),
        "the features are scaled by exp(γ), which is never negative; the scale is 1 + γ",
    ),
    (
        modulated(lambda x, gamma, beta: x + (1 + gamma) * x + beta),
        "the features are added once more: the 1 in 1 + γ is what lets them pass",
    ),
    (
        modulated(lambda x, gamma, beta: torch.sigmoid(gamma) * x + beta),
        "γ goes through a sigmoid, so it can only weaken; FiLM may turn a feature's sign",
    ),
    (
        lambda x, c, W, b: (1 + (c @ W.T + b)[:, None, 0::2]) * x + (c @ W.T + b)[:, None, 1::2],
        "every second row is taken for γ; the first half makes γ, the second β: `chunk(2, dim=1)`",
    ),
    (
        modulated(lambda x, gamma, beta: (1 + gamma).mean(2, keepdim=True) * x + beta.mean(2, keepdim=True)),
        "one scale for all features; each feature has its own",
    ),
]
UNLIKE = {
    "at non-singleton dimension 1": "`gamma[:, None]` gives the tokens' axis: γ is (B, D), the features (B, T, D)",
    "at non-singleton dimension 2": "`chunk(2, dim=1)` cuts what the layer makes, (B, 2D), into γ and β of (B, D)",
    "shapes cannot be multiplied": "`W` is (2D, C), as in a linear layer: `condition @ W.T`",
}


@exercise(
    "09.4",
    title="FiLM",
    dots=1,
    minutes=10,
    hints=(
        "`condition @ W.T + b` is (B, 2D). `.chunk(2, dim=1)` cuts it into two halves of (B, D): γ, then β.",
        "The features are (B, T, D), γ is (B, D): an axis for the tokens is missing, `gamma[:, None]`.",
    ),
)
def film(answer, rng):
    cases = []
    for batch, tokens, width, condition in ((3, 5, 4, 6), (4, 4, 2, 3), (2, 1, 6, 2), (1, 3, 3, 3)):
        x, c = drawn(rng, batch, tokens, width), drawn(rng, batch, condition)
        cases.append((x, c, drawn(rng, 2 * width, condition), drawn(rng, 2 * width)))
    judge_tensors(explained(answer, UNLIKE), cases, right, MISTAKES, where, causes)
    remark = expect_gradients(answer, cases[0], right)
    said = "four sizes, as many examples as tokens among them; each example's condition reaches all of its tokens"
    return said + remark


def where(features: Tensor, condition: Tensor, *_) -> str:
    return f"for features {tuple(features.shape)} and a condition {tuple(condition.shape)}"


def causes(features: Tensor, condition: Tensor, W: Tensor, b: Tensor) -> dict[tuple, str]:
    batch, tokens, width = features.shape
    return {
        (batch, batch, tokens, width): "an axis too many: γ is (B, 1, D)",
        (batch, 2 * width): "those are γ and β; they still have to scale and shift the features",
        (batch, width): "the tokens are gone: each keeps its features, scaled and shifted",
        (batch, tokens, 2 * width): "γ and β are still one: cut them with `chunk(2, dim=1)`",
    }
