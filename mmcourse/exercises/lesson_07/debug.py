"""The debugging exercise of lesson 07: a tanh at the end of a discriminator trained with cross-entropy."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_finite, expect_tensor, learns_from, model_of, whole
from mmcourse.exercises.properties import expect_alone_as_in_batch, expect_without, size_written

SIDE = 32
STEPS = 60
NOT_FINITE = (
    (
        {"atanh", "arctanh"},
        "an inverse (`atanh`) cannot undo a tanh that has rounded to 1 or -1. Leave out the tanh, and no inverse is "
        "needed",
    ),
    ({"logit"}, "`logit` cannot undo a sigmoid that has rounded to 0 or 1. The last layer's output is the score"),
    (
        {"log", "log2", "log10", "log1p"},
        "there is a logarithm in `forward`, infinite for 0 and NaN below it. The last layer's output is the score",
    ),
    (
        {"std", "var", "std_mean", "var_mean"},
        "there is a standard deviation or a variance in `forward`, which is NaN for one number and may be 0",
    ),
)
ALWAYS_0 = "the score of every image is exactly 0, as after a ReLU: no score is ever negative, and nothing is learned"
UNLIMITED = 20.0  # a score that a discriminator of two clearly different images passes within these steps


@exercise(
    "07.debug",
    title="a discriminator whose loss cannot fall",
    dots=2,
    minutes=15,
    hints=(
        "Print the smallest and the largest score of a trained discriminator. What are the sigmoids of these two?",
        "With scores from -1 to 1 the probabilities stay between 0.27 and 0.73. What is the smallest possible loss?",
        "`F.binary_cross_entropy_with_logits` applies the sigmoid itself. The last layer's output is the score.",
    ),
)
def fixed_discriminator(answer, rng):
    sizes, models = {}, []
    for width in (6, whole(rng, 8, 10)):
        model = model_of(answer, width)
        sizes[width] = sum(parameter.numel() for parameter in model.parameters())
        judge_scores(model, rng)
        judge_images_count(model, rng)
        models.append(model)
    judge_range(model, rng)
    if len(set(sizes.values())) == 1:
        raise Mistake(
            f"`width` has no effect: with width {' and '.join(map(str, sizes))} the model has {sizes.popitem()[1]:,} "
            "parameters"
        )
    for model in models[:1]:
        judge_head(model, rng)
    return "one score per image, of any size and sign, for one image and for several; gradients reach every layer"


def drawn_images(rng: torch.Generator, batch: int) -> Tensor:
    """Images with values from 0 to 1.   (batch, 3, 32, 32)"""
    return torch.rand(batch, 3, SIDE, SIDE, generator=rng)


def scores_of(model: nn.Module, images: Tensor) -> Tensor:
    """The scores with their graph, one per image."""
    batch = len(images)
    try:
        scores = guarded(model, images, name="the model")
    except Mistake as problem:
        raise Mistake(f"{problem}{why_batch(model, images, str(problem))}") from None
    where = f"for {batch} image{'s' * (batch > 1)}"
    if scores is None:
        raise Mistake(f"{where} `forward` returned None: is the `return` missing?")
    causes = {
        (): "one score for the whole batch; each image has its own"
        if batch > 1
        else "a batch of one keeps its axis: `squeeze(1)` removes the second axis alone, `squeeze()` both",
        (batch, 1): "`squeeze(1)` removes the second axis",
        (batch, 2): "one score per image is asked for, not one per class",
    }
    expect_tensor(scores, where, (batch,), causes)
    if not scores.is_floating_point():
        raise Mistake(f"{where} the scores are {scores.dtype}: those are decisions, and a score is a float")
    if not torch.isfinite(scores).all():
        for functions, words in NOT_FINITE:
            expect_without(model, (images,), functions, f"{where} a score is NaN or infinite: {words}")
    expect_finite(scores.detach(), where, "a score may have any size, but is a number")
    return scores


def why_batch(model: nn.Module, images: Tensor, problem: str) -> str:
    """Words for an error that only some numbers of images cause."""
    if len(images) == 1 and model.training and "more than 1 value per channel" in problem:
        return (
            ". That is for a single image in training mode, where batch normalisation fails: an image's score "
            "depends on no other image"
        )
    written = size_written(lambda size: guarded(model, images[:1].expand(size, -1, -1, -1).clone(), name="the model"))
    if written:
        return f". It works for {written} images only: is that number written in? A batch may have any size"
    return ""


def judge_scores(model: nn.Module, rng: torch.Generator) -> None:
    """Shape, independence of the batch, and gradients."""
    images = drawn_images(rng, 5)
    model.eval()
    with torch.no_grad():
        if not torch.allclose(scores_of(model, images), scores_of(model, images), atol=1e-4):
            raise Mistake(
                "in evaluation mode two calls on the same images give different scores, so they are random: "
                "`F.dropout` needs `training=self.training`, and layers are made in `__init__`, not in `forward`"
            )
        expect_alone_as_in_batch(
            lambda some: scores_of(model, some),
            (images,),
            "an image gets another score alone than in a batch: its score depends on the other images",
        )
        model.train()
        scores_of(model, images[:1])
    scores = scores_of(model, images)
    if not scores.any():
        raise Mistake(ALWAYS_0)
    learns_from(model, torch.stack([torch.zeros_like(scores), scores], dim=1), 2, rng)


def judge_images_count(model: nn.Module, rng: torch.Generator) -> None:
    """Every pixel of every channel counts, and the network is not linear."""
    model.eval()
    images = drawn_images(rng, 4).requires_grad_()
    scores = scores_of(model, images)
    (gradient,) = torch.autograd.grad(scores.sum(), images, allow_unused=True)
    if gradient is None:
        raise Mistake("no gradient reaches the images, so no generator could learn: is there a `detach` or `.data`?")
    if not scores.any():
        raise Mistake(ALWAYS_0)
    ignored = (gradient == 0).all(0).float().mean().item()
    if ignored > 0.05:
        raise Mistake(f"{ignored:.0%} of the pixels have no influence on the score: the convolutions see all of them")
    with torch.no_grad():
        one, other = drawn_images(rng, 4) * 4 - 2, drawn_images(rng, 4) * 4 - 2
        middle = scores_of(model, (one + other) / 2)
        mean = (scores_of(model, one) + scores_of(model, other)) / 2
    if torch.allclose(middle, mean, atol=1e-5, rtol=1e-4):
        raise Mistake("the network is linear: only the last tanh is wrong, the activations between layers stay")


@torch.no_grad()
def judge_head(model: nn.Module, rng: torch.Generator) -> None:
    """`head` gets the flattened features of `convolutions` as they are, and its output is the score."""
    convolutions, head = getattr(model, "convolutions", None), getattr(model, "head", None)
    if not isinstance(convolutions, nn.Module) or not isinstance(head, nn.Module):
        return
    images = drawn_images(rng, 4)
    features = convolutions(images).flatten(1)
    if not torch.allclose(scores_of(model.eval(), images), head(features).squeeze(1), atol=1e-5, rtol=1e-4):
        words = "is there an activation, a normalisation or another layer before or after it?"
        for name in ("tanh", "sigmoid", "relu"):
            if torch.allclose(scores_of(model, images), head(getattr(features, name)()).squeeze(1), atol=1e-5):
                words = f"there is a {name} before it"
        raise Mistake(f"the score is not what `head` gives for the flattened features of `convolutions`: {words}")


def judge_range(model: nn.Module, rng: torch.Generator) -> None:
    """Trained to drive the scores of two kinds of images apart, they pass any bound; what limits them is named."""
    model.train()
    parameters = list(model.parameters())
    for _ in range(STEPS):
        bright, dark = two_kinds(rng)
        loss = scores_of(model, dark).mean() - scores_of(model, bright).mean()
        gradient = guarded(torch.autograd.grad, loss, parameters, allow_unused=True, name="grad")
        with torch.no_grad():
            for parameter, direction in zip(parameters, gradient, strict=True):
                if direction is not None:
                    parameter -= 0.01 * direction.sign()
    for mode in (True, False):
        model.train(mode)
        with torch.no_grad():
            high, low = (scores_of(model, images) for images in two_kinds(rng))
        judge_limits(high, low, "" if mode else "in evaluation mode, ")


def two_kinds(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Bright and dark images."""
    return 0.5 + drawn_images(rng, 4) / 2, drawn_images(rng, 4) / 2 - 0.5


def judge_limits(high: Tensor, low: Tensor, mode: str) -> None:
    """Scores of two kinds of images after training to tell them apart."""
    least, most = min(low.min(), high.min()).item(), max(low.max(), high.max()).item()
    loss = (F.softplus(-high).mean() + F.softplus(low).mean()) / 2  # the mean over both kinds, as in the lesson
    if least == most == 0:
        raise Mistake(ALWAYS_0)
    found = f"{mode}trained on clearly different images, the scores stay between {least:.2f} and {most:.2f}"
    if least >= -1e-4 and most <= 1 + 1e-4:
        raise Mistake(
            f"{found}, as probabilities do. The loss applies a sigmoid itself, and does not fall below {loss:.2f}"
        )
    if least >= -1 - 1e-4 and most <= 1 + 1e-4:
        raise Mistake(f"{found}, so the loss does not fall below {loss:.2f}: the output is still limited, as by a tanh")
    if least >= -1e-4:
        raise Mistake(f"{mode}no score is ever negative, so a generated image gets no probability below 0.5")
    if most <= 1e-4:
        raise Mistake(f"{mode}no score is ever positive, so a real image gets no probability above 0.5")
    if max(most, -least) < UNLIMITED:
        raise Mistake(f"{found}: something limits them, and a logit may have any size")
