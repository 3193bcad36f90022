"""Exercise 09.4: FiLM (Perez et al. 2018), features scaled and shifted as a condition says."""

import torch
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes
from mmcourse.exercises.lesson_09.judged import drawn, judge_tensors


def parts(condition: Tensor, W: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """gamma and beta, an axis for the tokens between.   (B, C), (2D, C), (2D,) -> (B, 1, D) each"""
    gamma, beta = (condition @ W.T + b)[:, None].chunk(2, dim=2)
    return gamma, beta


def modulated(mix) -> Tensor:
    """FiLM with its last line exchanged."""
    return lambda x, c, W, b: mix(x, *parts(c, W, b))


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
    (
        lambda x, c, W, b: right(x, c, W, 0 * b),
        "the bias `b` is left out",
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
    (
        lambda x, c, W, b: (1 + parts(c, W, b)[0].transpose(0, 1)) * x + parts(c, W, b)[1].transpose(0, 1),
        "the conditions run along the tokens: token 1 got the second example's. They need an axis between: "
        "`gamma[:, None]`",
    ),
]


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
    judge_tensors(answer, cases, right, MISTAKES, where, causes)
    return "four sizes, as many examples as tokens among them; each example's condition reaches all of its tokens"


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
