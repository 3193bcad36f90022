"""Exercise 11.5: zero-shot classification by sentences."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, explained, judge_tensors
from mmcourse.exercises.lesson_11.likeness import unit


def likeness(images: Tensor, prompts: Tensor) -> Tensor:
    """The cosine of every image with every prompt.   (B, D), (K, P, D) -> (B, K, P)"""
    return torch.einsum("bd,kpd->bkp", unit(images), unit(prompts, 2))


def classes(images: Tensor, prompts: Tensor) -> Tensor:
    """What `zero_shot` should return."""
    return likeness(images, prompts).amax(2).argmax(1)


MISTAKES: Mistakes = [
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", x, p).amax(2).argmax(1),
        "the prompts are not normalised: prompts with a large norm win, whatever they mean",
    ),
    (
        lambda x, p: (unit(x) @ unit(unit(p, 2).mean(1)).T).argmax(1),
        "each class is represented by the mean of its prompts; use its nearest prompt",
    ),
    (
        lambda x, p: likeness(x, p).mean(2).argmax(1),
        "each class is scored by its mean cosine; use its largest",
    ),
    (lambda x, p: likeness(x, p)[:, :, 0].argmax(1), "only the first prompt of each class is used"),
    (lambda x, p: likeness(x, p).amin(2).argmax(1), "each class is scored by its smallest cosine; use the largest"),
    (lambda x, p: likeness(x, p).amax(2).argmin(1), "the least similar class is chosen"),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1),
        "that is the index of the best prompt among all; which class does it belong to? There are P per class",
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) % len(p),
        "that is the best prompt's index modulo K; prompts are ordered by class, P for each: the class is the index "
        "`// P`, and `unflatten(1, (K, P))` separates a matrix by class",
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) // len(p),
        "divided by the number of classes, K; of all K * P indices, P belong to each class: `// P`",
    ),
    *(
        (
            lambda x, p, count=count: likeness(x, p).flatten(1).argmax(1) // count,
            f"a {count} is hard-coded; the number of prompts per class is `prompts.shape[1]`",
        )
        for count in (14, 16)
    ),
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", unit(x), unit(p, 0)).amax(2).argmax(1),
        "the prompts are divided by norms over the classes (`dim=0`); `prompts` is (K, P, D), so `dim=2`",
    ),
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", unit(x), unit(p, 1)).amax(2).argmax(1),
        "the prompts are divided by norms over their class (`dim=1`); `prompts` is (K, P, D), so `dim=2`",
    ),
    (
        lambda x, p: torch.cdist(x, p.flatten(0, 1)).unflatten(1, p.shape[:2]).amin(2).argmin(1),
        "those are distances of unnormalised vectors: a prompt with a small norm is near to all images. Normalise "
        "both first",
    ),
    *(
        (
            mistaken,
            "the mean of a class's unnormalised prompts is used, dominated by those with large norms; use the "
            "nearest prompt",
        )
        for mistaken in (
            lambda x, p: (x @ p.mean(1).T).argmax(1),
            lambda x, p: (x @ unit(p.mean(1)).T).argmax(1),
            lambda x, p: torch.cdist(x, p.mean(1)).argmin(1),
        )
    ),
    (lambda x, p: classes(x, p) + 1, "the first class is 0; yours start at 1"),
    *(
        (
            mistaken,
            "the prompts are ordered by class, `flatten(0, 1)`: use `unflatten(1, (K, P))`, or `// P` of an index",
        )
        for mistaken in (
            lambda x, p: likeness(x, p).flatten(1).unflatten(1, p.shape[:2][::-1]).amax(2).argmax(1),
            lambda x, p: likeness(x, p).transpose(1, 2).flatten(1).unflatten(1, p.shape[:2]).amax(2).argmax(1),
            lambda x, p: likeness(x, p).transpose(1, 2).flatten(1).argmax(1) // p.shape[1],
        )
    ),
    (
        lambda x, p: likeness(x, p).flatten(1).argmax(1) % p.shape[1],
        "that is the best prompt's index within its class; return the class. For an index among all prompts it is "
        "`// P`; for a tensor (B, K, P) take `amax(2)` over the prompts, and then the argmax",
    ),
    (
        lambda x, p: likeness(x, p).argmax(2).mode(1).values,
        "the argmax runs over the prompts of each class; take each class's maximum first, `amax`",
    ),
    (
        lambda x, p: likeness(x, p).argmax(1).mode(1).values,
        "the phrasings vote, each for its best class; the class of the single nearest prompt counts",
    ),
    (
        lambda x, p: torch.einsum("bd,kpd->bkp", unit(x, 0), unit(p, 2)).amax(2).argmax(1),
        "the images are divided by norms over the batch (`dim=0`); each image has its own norm, `dim=1`",
    ),
    *(
        (mistaken, "the farthest prompt decides, as with distances; a large cosine means near: `amax` and `argmax`")
        for mistaken in (lambda x, p: likeness(x, p).amin(2).argmin(1), lambda x, p: likeness(x, p).mean(2).argmin(1))
    ),
    *(
        (
            lambda x, p, scale=scale: (scale * likeness(x, p)).logsumexp(2).argmax(1),
            "the probabilities (softmax) of a class's prompts are added; the nearest prompt alone counts",
        )
        for scale in (1, 10, 14, 1 / 0.07, 100)
    ),
    (
        lambda x, p: (
            torch.einsum("bd,kpd->bkp", unit(x), p / p.flatten(1).norm(dim=1)[:, None, None]).amax(2).argmax(1)
        ),
        "the prompts of a class are divided by one common norm; each prompt has its own",
    ),
]


@exercise(
    "11.5",
    title="classify by sentences",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "All prompts in one matrix: `prompts.flatten(0, 1)` is (K * P, D). Then it is exercise 11.1: (B, K * P).",
        "`.unflatten(1, (K, P))` separates the classes again. The best of each class is `amax` over its prompts.",
        "Then (B, K) is left, and an `argmax` over the classes.",
    ),
)
def zero_shot(answer, rng):
    cases = []
    for images, kinds, prompts, width in ((60, 4, 3, 5), (80, 7, 4, 4), (50, 3, 5, 6), (1, 5, 2, 4), (7, 3, 1, 5)):
        std = 3 * torch.rand(kinds, 1, 1, generator=rng)  # classes whose sentences agree, and others
        middle = torch.randn(kinds, 1, width, generator=rng)
        told = middle + std * torch.randn(kinds, prompts, width, generator=rng)
        told = told * (3 * torch.rand(kinds, prompts, 1, generator=rng) + 0.1)
        seen = torch.randn(images, width, generator=rng) * (3 * torch.rand(images, 1, generator=rng) + 0.1)
        cases.append((seen, told))
    judge_tensors(whole_numbers(explained(answer, UNLIKE)), cases, classes, MISTAKES, where, causes)
    return "correct: every image, also a single one, gets the class of the nearest prompt"


def whole_numbers(answer: Callable) -> Callable:
    """The answer, with a check that it returns class indices."""

    def tried(*case):
        given = answer(*case)
        if isinstance(given, torch.return_types.max):
            raise Mistake("`max(1)` returns two tensors, values and indices; a class is an index: `argmax(1)`")
        if not isinstance(given, Tensor):
            return given
        B, kinds = len(case[0]), len(case[1])
        if given.shape == (B, kinds) and ((given == 0) | (given == 1)).all() and (given.sum(1) == 1).all():
            raise Mistake(
                "that is one-hot: a row for each image with a 1 at its class; return the class index: `argmax(1)`"
            )
        if given.shape == (B,) and given.is_floating_point() and (given != given.round()).any():
            raise Mistake(
                f"classes are integers, and one of yours is {given[given != given.round()][0]:.3f}: `//` gives "
                "integers where `/` gives fractions, and `argmax` returns the index where `amax` returns the value"
            )
        return given

    return tried


UNLIKE = {"cannot be multiplied": "all prompts in one matrix are (K * P, D): `prompts.flatten(0, 1)`"}


def where(images: Tensor, prompts: Tensor) -> str:
    return f"for {len(images)} images and prompts of shape {tuple(prompts.shape)}"


def causes(images: Tensor, prompts: Tensor) -> dict[tuple, str]:
    B, (kinds, count, _) = len(images), prompts.shape
    return {
        (B, kinds): "those are scores; return the class with the largest: `argmax` over the classes",
        (B, kinds, count): "one number per prompt: take the maximum of each class, then the best class",
        (kinds,): "one image per class; return a class per image: the argmax runs over axis 1",
        (B, count): "one class per prompt index: take each class's maximum over its prompts first",
        (): "one class for all images",
    }
