"""Exercise 11.5: zero-shot classification by sentences."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, explained, judge_tensors
from mmcourse.exercises.lesson_11.likeness import unit


def likeness(images: Tensor, prompts: Tensor) -> Tensor:
    """The cosine of every picture with every sentence.   (B, D), (K, P, D) -> (B, K, P)"""
    return torch.einsum("bd,kpd->bkp", unit(images), unit(prompts, 2))


def classes(images: Tensor, prompts: Tensor) -> Tensor:
    """What `zero_shot` should give."""
    return likeness(images, prompts).amax(2).argmax(1)


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
        "the remainder by K of the best sentence's place; sentences lie class after class, P to each: the class is "
        "the place `// P`, and `unflatten(1, (K, P))` parts a table",
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) // len(p),
        "divided by the number of classes, K; of the place among all K * P sentences, P belong to each class: `// P`",
    ),
    *(
        (
            lambda x, p, count=count: likeness(x, p).flatten(1).argmax(1) // count,
            f"a {count} is written out; how many sentences a class has is `prompts.shape[1]`",
        )
        for count in (14, 16)
    ),
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", unit(x), unit(p, 0)).amax(2).argmax(1),
        "the sentences are divided by lengths over the classes (`dim=0`); `prompts` is (K, P, D), so `dim=2`",
    ),
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", unit(x), unit(p, 1)).amax(2).argmax(1),
        "the sentences are divided by lengths over their class (`dim=1`); `prompts` is (K, P, D), so `dim=2`",
    ),
    (
        lambda x, p: torch.cdist(x, p.flatten(0, 1)).unflatten(1, p.shape[:2]).amin(2).argmin(1),
        "distances of vectors as they come: a short one is near to all. Bring both to length 1 first",
    ),
    *(
        (
            mistaken,
            "the mean of a class's sentences as they come is taken, long ones above all; by the nearest was asked",
        )
        for mistaken in (
            lambda x, p: (x @ p.mean(1).T).argmax(1),
            lambda x, p: (x @ unit(p.mean(1)).T).argmax(1),
            lambda x, p: torch.cdist(x, p.mean(1)).argmin(1),
        )
    ),
    (lambda x, p: classes(x, p) + 1, "the first class is 0; yours begin at 1"),
    *(
        (mistaken, "the sentences lie class after class, `flatten(0, 1)`: `unflatten(1, (K, P))`, or `// P` of a place")
        for mistaken in (
            lambda x, p: likeness(x, p).flatten(1).unflatten(1, p.shape[:2][::-1]).amax(2).argmax(1),
            lambda x, p: likeness(x, p).transpose(1, 2).flatten(1).unflatten(1, p.shape[:2]).amax(2).argmax(1),
            lambda x, p: likeness(x, p).transpose(1, 2).flatten(1).argmax(1) // p.shape[1],
        )
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) % p.shape[1],
        "that is the best sentence's number within its class; the class is asked for. Of a place among all it is "
        "`// P`; of a table (B, K, P) take `amax(2)`, over the sentences, and then the argmax",
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
    for images, kinds, prompts, width in ((60, 4, 3, 5), (80, 7, 4, 4), (50, 3, 5, 6)):
        std = 3 * torch.rand(kinds, 1, 1, generator=rng)  # classes whose sentences agree, and others
        middle = torch.randn(kinds, 1, width, generator=rng)
        told = middle + std * torch.randn(kinds, prompts, width, generator=rng)
        told = told * (3 * torch.rand(kinds, prompts, 1, generator=rng) + 0.1)
        seen = torch.randn(images, width, generator=rng) * (3 * torch.rand(images, 1, generator=rng) + 0.1)
        cases.append((seen, told))
    judge_tensors(whole_numbers(explained(answer, UNLIKE)), cases, classes, MISTAKES, where, causes)
    return "every picture gets the class of the sentence that is nearest"


def whole_numbers(answer: Callable) -> Callable:
    """The answer, which has to say classes by their numbers."""

    def tried(*case):
        given = answer(*case)
        if isinstance(given, torch.return_types.max):
            raise NotRight("`max(1)` gives two things, the values and their places; a class is a place: `argmax(1)`")
        if not isinstance(given, Tensor):
            return given
        B, kinds = len(case[0]), len(case[1])
        if given.shape == (B, kinds) and ((given == 0) | (given == 1)).all() and (given.sum(1) == 1).all():
            raise NotRight(
                "a row for each picture, with a 1 at its class; the class's number is asked for: `argmax(1)`"
            )
        if given.shape == (B,) and given.is_floating_point() and (given != given.round()).any():
            raise NotRight(
                f"classes are whole numbers, and one of yours is {given[given != given.round()][0]:.3f}: `//` gives "
                "whole numbers where `/` gives fractions, and `argmax` says which is best where `amax` says how good"
            )
        return given

    return tried


UNLIKE = {"cannot be multiplied": "all sentences in one table are (K * P, D): `prompts.flatten(0, 1)`"}


def where(images: Tensor, prompts: Tensor) -> str:
    return f"for {len(images)} pictures and sentences of shape {tuple(prompts.shape)}"


def causes(images: Tensor, prompts: Tensor) -> dict[tuple, str]:
    B, (kinds, count, _) = len(images), prompts.shape
    return {
        (B, kinds): "those are scores; the class of the best is asked for: `argmax` over the classes",
        (B, kinds, count): "a number for each sentence: take each class's best, then the class that is best",
        (kinds,): "a picture for each class; a class for each picture is asked for: the argmax runs over axis 1",
        (B, count): "a class for each sentence number: take each class's best over its sentences first",
        (): "one class for all pictures",
    }
