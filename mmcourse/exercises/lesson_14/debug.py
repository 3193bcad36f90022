"""The debugging exercise of lesson 14: a generator that ignores its sentence, since a normalisation removes it."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, NotAttempted, guarded, is_stub_class
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import drawn, expect_finite, expect_tensor, explained, model_of, trains
from mmcourse.exercises.properties import expect_alone_as_in_batch

SIDE = 32
SIZES = (23, 6, 12), (17, 9, 8)  # vocabulary, noise, width
LEAST = 0.02  # effect of a sentence, relative to that of the noise; the buggy generator has below 0.001
OTHERS = 6  # words that replace one
REMOVED = (
    "something removes what the sentence has changed. Which layer subtracts a mean and divides by a standard deviation?"
)
CAUSES = {
    "cannot be multiplied": "two layers that follow each other do not fit: are sizes written as numbers somewhere?",
    "out of range in self": "a token is not below the size of the embedding: it is `vocabulary_size`",
    "step must be nonzero": "the embedding gets sentences without a word: is a position cut off?",
    "before Module.__init__": "`super().__init__()` comes first in `__init__`",
}


@exercise(
    "14.debug",
    title="whatever the sentence",
    dots=2,
    minutes=20,
    hints=(
        "Generate from one noise and several sentences, and print how far the images differ. Then print the "
        "same for `maps` after every line of `forward`.",
        "Instance normalisation subtracts the mean of every channel and divides by its standard deviation. What "
        "becomes of a shift and of a scale that were applied before?",
        "Normalise first, then scale and shift, then go through the layers.",
    ),
)
def fixed_generator(answer, rng):
    if is_stub_class(answer.function):
        raise NotAttempted
    judge_width(answer)
    for sizes in SIZES:
        model = explained(lambda *sizes: model_of(answer, *sizes), CAUSES)(*sizes)
        judge_learning(model, rng, sizes)
        shaken(model, rng)
        model.eval()
        judge_images(model, rng, sizes)
        judge_influence(model, rng, sizes)
        judge_words(model, rng, sizes)
        judge_batch(model, rng, sizes)
        judge_film(model, rng, sizes)
    return (
        "every image depends on its own noise and on each word of its own sentence, and on no padding and no other "
        "example; gradients reach every parameter"
    )


def judge_width(answer) -> None:
    """Another width gives another network."""
    make = explained(lambda *sizes: model_of(answer, *sizes), CAUSES)
    counts = {width: sum(one.numel() for one in make(23, 6, width).parameters()) for width in (8, 12)}
    if len(set(counts.values())) == 1:
        raise Mistake(f"`width` has no effect: with 8 and with 12 the model has {counts[8]:,} parameters")


def drawn_sentences(rng: torch.Generator, batch: int, length: int, vocabulary: int) -> Tensor:
    """Sentences without padding whose words all differ.   -> (batch, length)"""
    return torch.stack([1 + torch.randperm(vocabulary - 1, generator=rng)[:length] for _ in range(batch)])


def shaken(model: nn.Module, rng: torch.Generator) -> None:
    """A little noise on every parameter, as after some training: a layer that begins at 0 is then no longer 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * drawn(rng, *parameter.shape)
        for layer in model.modules():  # no training changes the row of the padding
            if isinstance(layer, nn.Embedding | nn.EmbeddingBag) and layer.padding_idx is not None:
                layer.weight[layer.padding_idx] = 0


def images_of(model: nn.Module, z: Tensor, tokens: Tensor) -> Tensor:
    """The images with their graph.   (B, Z), (B, T) -> (B, 3, 32, 32)"""
    batch = len(z)
    where = f"for {batch} example{'s' * (batch != 1)} and sentences of {tokens.shape[1]} words"
    images = explained(lambda *inputs: guarded(model, *inputs, name="the model"), CAUSES)(z.clone(), tokens.clone())
    if images is None:
        raise Mistake(f"{where} `forward` returned None: is the `return` missing?")
    causes = {(3, SIDE, SIDE): "the batch axis is lost: is there a `squeeze`?"}
    expect_finite(expect_tensor(images, where, (batch, 3, SIDE, SIDE), causes), where, "is there a division or a root?")
    return images


def judge_learning(model: nn.Module, rng: torch.Generator, sizes: tuple[int, int, int]) -> None:
    """Gradients reach every parameter, and those of words more than a rounding error."""
    vocabulary, noise, _ = sizes
    model.train()
    z, tokens = drawn(rng, 6, noise), drawn_sentences(rng, 6, 5, vocabulary)
    trains(model, images_of(model, z, tokens), lambda images: (images * drawn(rng, *images.shape)).sum())
    model.zero_grad()


def judge_film(model: nn.Module, rng: torch.Generator, sizes: tuple[int, int, int]) -> None:
    """Scale and shift, the halves of what `film` gives, both have an effect."""
    vocabulary, noise, width = sizes
    film = getattr(model, "film", None)
    if not isinstance(film, nn.Linear) or film.out_features != 2 * width:
        return
    images = images_of(model, drawn(rng, 6, noise), drawn_sentences(rng, 6, 5, vocabulary))
    (gradient,) = torch.autograd.grad((images * drawn(rng, *images.shape)).sum(), [film.weight], allow_unused=True)
    for name, half in zip(("scale", "shift"), gradient.chunk(2) if gradient is not None else (), strict=False):
        if not half.any():
            raise Mistake(f"the {name} of FiLM has no effect: half of what `film` gives is not used. Both act")


def judge_images(model: nn.Module, rng: torch.Generator, sizes: tuple[int, int, int]) -> None:
    """Shape and range, for one example and for several."""
    vocabulary, noise, _ = sizes
    for batch, length in ((1, 4), (4, 4), (5, 1)):
        images = images_of(model, drawn(rng, batch, noise), drawn_sentences(rng, batch, length, vocabulary))
        if images.min() < 0 or images.max() > 1:
            raise Mistake(
                f"pixels go from {images.min().item():.2f} to {images.max().item():.2f}; they are between 0 and 1: is "
                "the sigmoid at the end missing?"
            )


def judge_influence(model: nn.Module, rng: torch.Generator, sizes: tuple[int, int, int]) -> None:
    """Noise and sentence both change the image, the sentence at least a little beside the noise."""
    vocabulary, noise, _ = sizes
    z, tokens = drawn(rng, 8, noise), drawn_sentences(rng, 8, 5, vocabulary)
    with torch.no_grad():
        first, again = images_of(model, z, tokens), images_of(model, z, tokens)
        if not torch.allclose(first, again, atol=1e-5):
            raise Mistake(
                "the same noise and sentence give another image in a second call: is something random in `forward`?"
            )
        by_noise = difference(first, images_of(model, drawn(rng, 8, noise), tokens))
        others = drawn_sentences(rng, 8, 5, vocabulary)
        by_words = difference(first, images_of(model, z, others))
    if not by_noise.any() and not by_words.any():
        raise Mistake("the image is always the same: neither the noise nor the sentence changes it")
    if (by_noise <= 1e-3 * by_words.mean()).any():
        raise Mistake("the noise does not change the image: every sentence gives one image only")
    effect = by_words / by_noise.mean()
    if (effect <= 1e-6).all():
        raise Mistake("the sentence does not change the image at all: is what was computed from it used?")
    if effect.median() < LEAST:
        told = (
            f"another sentence changes the image {effect.median().item():.1e} times as much as another noise, which is "
        )
        found = removed(
            lambda: (by_sentences(model, z, tokens, others) / by_noise.mean()).median() > 5 * effect.median()
        )
        raise Mistake(f"{told}hardly more than rounding" + (f": {REMOVED}" if found else ""))


NORMS = ("instance_norm", "layer_norm", "group_norm", "batch_norm")


def removed(larger: Callable[[], bool]) -> bool:
    """Whether something holds once PyTorch's normalisations, of layers too, leave everything as it is."""
    kept = {name: getattr(nn.functional, name) for name in NORMS}
    try:
        for name in NORMS:
            setattr(nn.functional, name, lambda x, *rest, **named: x)
        with torch.no_grad():
            return bool(larger())
    except Mistake:
        return False
    finally:
        for name, function in kept.items():
            setattr(nn.functional, name, function)


def by_sentences(model: nn.Module, z: Tensor, tokens: Tensor, others: Tensor) -> Tensor:
    """How much other sentences change each image.   -> (B,)"""
    return difference(images_of(model, z, tokens), images_of(model, z, others))


def difference(one: Tensor, other: Tensor) -> Tensor:
    """Root mean squared difference of each image.   -> (B,)"""
    return (one - other).square().flatten(1).mean(1).sqrt()


def judge_words(model: nn.Module, rng: torch.Generator, sizes: tuple[int, int, int]) -> None:
    """Each word counts, wherever it stands, and padding does not."""
    vocabulary, noise, _ = sizes
    z, tokens = drawn(rng, 3, noise), drawn_sentences(rng, 3, 4, vocabulary)
    with torch.no_grad():
        before = images_of(model, z, tokens)
        padded = images_of(model, z, nn.functional.pad(tokens, (0, 3)))
        scale = difference(before, images_of(model, z, drawn_sentences(rng, 3, 4, vocabulary))).mean()

        def smallest(place: int) -> Tensor:
            """The smallest change by another word at this place."""
            others = replaced(tokens, place, vocabulary)
            images = images_of(model, z, tokens).repeat(OTHERS, 1, 1, 1)
            return difference(images, images_of(model, z.repeat(OTHERS, 1), others)).min()

        for place in range(4):
            others = replaced(tokens, place, vocabulary)
            changes = difference(before.repeat(OTHERS, 1, 1, 1), images_of(model, z.repeat(OTHERS, 1), others))
            if (changes > 3e-3 * scale).all():
                continue
            if changes.max() > 0.01 * scale:
                told = f"word {place + 1} of 4 changes the image for some words, and for others by hardly more than"
                least = changes.min()
                found = removed(lambda at=place, least=least: smallest(at) > 3 * least)
                raise Mistake(f"{told} rounding: {REMOVED}" if found else f"{told} rounding")
            last = ": is the last position cut off?" if place == 3 else ""
            raise Mistake(f"word {place + 1} of 4 does not change the image; every word of the sentence counts{last}")
        if (difference(before, padded) > 1e-3 * scale + 1e-6).any():
            raise Mistake(
                "zeros at the end of a sentence change the image: padding is no word (`padding_idx=0`), "
                "and the last word comes before it"
            )


def replaced(tokens: Tensor, place: int, vocabulary: int) -> Tensor:
    """The sentences with other words at one place, `OTHERS` times.   (B, T) -> (OTHERS * B, T)"""
    others = tokens.repeat(OTHERS, 1, 1)
    steps = torch.arange(OTHERS)[:, None]
    others[:, :, place] = 1 + (others[:, :, place] + steps) % (vocabulary - 1)
    return others.flatten(0, 1)


def judge_batch(model: nn.Module, rng: torch.Generator, sizes: tuple[int, int, int]) -> None:
    """An example alone gives what it gives in a batch."""
    vocabulary, noise, _ = sizes
    z, tokens = drawn(rng, 4, noise), drawn_sentences(rng, 4, 5, vocabulary)
    with torch.no_grad():
        expect_alone_as_in_batch(
            lambda *inputs: images_of(model, *inputs),
            (z, tokens),
            "an example gives another image alone than in a batch: is one sentence or one noise used for all of "
            "them, or does something run over the batch axis?",
        )
