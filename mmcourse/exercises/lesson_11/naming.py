"""Exercise 11.5: zero-shot classification by sentences."""

import torch
from torch import Tensor

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, explained, judge_tensors
from mmcourse.exercises.lesson_11.likeness import unit


def likeness(pictures: Tensor, prompts: Tensor) -> Tensor:
    """The cosine of every picture with every sentence.   (B, D), (K, P, D) -> (B, K, P)"""
    return torch.einsum("bd,kpd->bkp", unit(pictures), unit(prompts, 2))


def classes(pictures: Tensor, prompts: Tensor) -> Tensor:
    """What `zero_shot` should give."""
    return likeness(pictures, prompts).amax(2).argmax(1)


MISTAKES: Mistakes = [
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", x, p).amax(2).argmax(1),
        "the sentences are not brought to length 1: long vectors win, whatever they mean",
    ),
    (
        lambda x, p: (unit(x) @ unit(unit(p, 2).mean(1)).T).argmax(1),
        "each class is judged by the mean of its sentences; by the nearest of them was asked",
    ),
    (
        lambda x, p: likeness(x, p).mean(2).argmax(1),
        "each class is judged by its mean cosine; by its best was asked",
    ),
    (lambda x, p: likeness(x, p)[:, :, 0].argmax(1), "only the first sentence of each class is used"),
    (lambda x, p: likeness(x, p).amin(2).argmax(1), "each class is judged by its worst sentence; take the best"),
    (lambda x, p: likeness(x, p).amax(2).argmin(1), "the least similar class is taken"),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1),
        "that is the place of the best sentence among all; which class is it of? There are P to a class",
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) % len(p),
        "`%` gives a place within something; the class is how many whole P fit: `//`",
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) % p.shape[1],
        "that is which of its class's sentences was best; the class is asked for: `//` and not `%`",
    ),
    (
        lambda x, p: likeness(x, p).argmax(2).mode(1).values,
        "the argmax runs over the sentences of each class; first take each class's best value, `amax`",
    ),
]


@exercise(
    "11.5",
    title="name it by a sentence",
    dots=2,
    minutes=10,
    hints=(
        "All sentences in one list: `prompts.flatten(0, 1)` is (K * P, D). Then it is exercise 11.1: (B, K * P).",
        "`.unflatten(1, (K, P))` puts the classes apart again. The best of each class is `amax` over its sentences.",
        "Then (B, K) is left, and an `argmax` over the classes.",
    ),
)
def zero_shot(answer, rng):
    cases = []
    for pictures, kinds, prompts, width in ((60, 4, 3, 5), (80, 7, 4, 4), (50, 3, 5, 6)):
        spread = 3 * torch.rand(kinds, 1, 1, generator=rng)  # classes whose sentences agree, and others
        middle = torch.randn(kinds, 1, width, generator=rng)
        told = middle + spread * torch.randn(kinds, prompts, width, generator=rng)
        told = told * (3 * torch.rand(kinds, prompts, 1, generator=rng) + 0.1)
        seen = torch.randn(pictures, width, generator=rng) * (3 * torch.rand(pictures, 1, generator=rng) + 0.1)
        cases.append((seen, told))
    judge_tensors(explained(answer, UNLIKE), cases, classes, MISTAKES, where, causes)
    return "every picture gets the class of the sentence that is nearest"


UNLIKE = {"cannot be multiplied": "all sentences in one table are (K * P, D): `prompts.flatten(0, 1)`"}


def where(pictures: Tensor, prompts: Tensor) -> str:
    return f"for {len(pictures)} pictures and sentences of shape {tuple(prompts.shape)}"


def causes(pictures: Tensor, prompts: Tensor) -> dict[tuple, str]:
    B, (kinds, count, _) = len(pictures), prompts.shape
    return {
        (B, kinds): "those are scores; the class of the best is asked for: `argmax` over the classes",
        (B, kinds, count): "a number for each sentence: take each class's best, then the class that is best",
        (kinds,): "a picture for each class; a class for each picture is asked for: the argmax runs over axis 1",
        (B, count): "a class for each sentence number: take each class's best over its sentences first",
        (): "one class for all pictures",
    }
