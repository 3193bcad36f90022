"""Checks of the networks and batches of `fit_adversarial`, with errors that name the likely cause."""

import math
import numbers
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from mmcourse.data.conversion import how_to_convert
from mmcourse.data.shapes import shape_of
from mmcourse.training.batch import check_model
from mmcourse.training.device import to_device
from mmcourse.training.diagnosis import NonFiniteLoss

WHO = "fit_adversarial"
RANGES = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}  # of the last layers that bound a network's outputs
TOLERANCE = 1e-3  # beyond a range, for rounding


def check_players(generator: nn.Module, discriminator: nn.Module, average, discriminator_steps, optimiser) -> None:
    """ValueError unless these two networks can be trained against each other."""
    check_model(generator, WHO)
    check_model(discriminator, f"{WHO}(discriminator=...)")
    if not isinstance(latent_size := getattr(generator, "latent_size", None), numbers.Integral) or latent_size < 1:
        cause = "a size that was divided with /" if isinstance(latent_size, float) else "another attribute of this name"
        if latent_size is None:
            cause = f"{type(generator).__name__} does not set it"
        if isinstance(getattr(discriminator, "latent_size", None), numbers.Integral):
            cause = "generator and discriminator swapped"
        raise ValueError(
            f"{WHO} got a generator with latent_size={latent_size!r}; expected the size of its noise vector, 1 or "
            f"more. Likely cause: {cause}"
        )
    sizes = classes_of(generator), classes_of(discriminator)
    if hasattr(discriminator, "n_classes") and sizes[0] != sizes[1]:
        of_discriminator = f"n_classes={discriminator.n_classes}"
        raise ValueError(
            f"{WHO} got a generator with n_classes={getattr(generator, 'n_classes', None)} and a discriminator with "
            f"{of_discriminator}; expected the same in both. Likely cause: one was created without n_classes"
        )
    own = {id(parameter): name for name, parameter in generator.named_parameters() if parameter.requires_grad}
    if shared := [(own[id(p)], name) for name, p in discriminator.named_parameters() if id(p) in own]:
        raise ValueError(
            f"Generator and discriminator share {len(shared)} parameters, the first one {shared[0][0]!r} (in the "
            f"discriminator {shared[0][1]!r}); expected none, since each player changes its own. Likely cause: a layer "
            "created once and used in both, e.g. an embedding of the labels"
        )
    if not isinstance(discriminator_steps, numbers.Integral) or discriminator_steps < 1:
        raise ValueError(f"{WHO} got discriminator_steps={discriminator_steps!r}; expected a whole number, 1 or more")
    if isinstance(optimiser, torch.optim.Optimizer):
        kind = type(optimiser).__name__
        raise ValueError(
            f"{WHO} got one {kind} for two players; expected a function (parameters, lr=lr) that makes one for each: "
            f"optimiser=torch.optim.{kind}"
        )
    if average is not None:
        _check_average(average, generator)


def classes_of(network: nn.Module) -> tuple[int, ...]:
    """The number of classes of each attribute that a conditional network knows; () of an unconditional one."""
    n_classes = getattr(network, "n_classes", None) or ()
    return (n_classes,) if isinstance(n_classes, numbers.Integral) else tuple(n_classes)


def learning_rates(lr) -> tuple:
    """The generator's and the discriminator's learning rate, of one number or a pair; None stays None."""
    pair = tuple(lr) if isinstance(lr, (tuple, list)) else (lr, lr)
    if len(pair) != 2 or any(
        rate is not None and not (isinstance(rate, numbers.Real) and math.isfinite(rate) and rate >= 0) for rate in pair
    ):
        raise ValueError(f"{WHO} got lr={lr!r}; expected a number from 0 up or two: (generator's, discriminator's)")
    return pair


def images_and_labels(batch, sizes: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
    """A batch on the device: images, and labels or None; `sizes` are those that `classes_of` returns."""
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    expected = "(images, labels)" if sizes else "images alone"
    if isinstance(batch, Mapping) or not parts or not all(isinstance(part, Tensor) for part in parts[:2]):
        advice = how_to_convert(batch) or "Batches(images, labels) makes such batches of tensors"
        raise ValueError(f"{WHO} got a batch of {shape_of(batch)}; expected {expected}, as tensors. {advice}")
    images = to_device(parts[0])
    if not images.is_floating_point() or images.dim() < 2:
        cause = "an example without a batch axis" if images.dim() < 2 else "bytes 0 to 255: images.float() / 255"
        raise ValueError(
            f"{WHO} got images {shape_of(images)}; expected floating point (B, ...). Likely cause: {cause}"
        )
    if not len(images):
        raise ValueError(f"{WHO} got an empty batch, {shape_of(images)}. Likely cause: an empty split or selection")
    if not sizes:
        return images, None
    if len(parts) < 2:
        raise ValueError(
            f"{WHO} got a batch of {shape_of(batch)}, without labels, and a generator with {_classes(sizes)}; "
            "expected (images, labels): Batches(images, labels)"
        )
    return images, to_device(parts[1])


def check_labels(labels: Tensor | None, examples: int, sizes: tuple[int, ...]) -> None:
    """ValueError where labels of a batch are not classes of the generator; waits for the device."""
    if labels is None:
        return
    shape = (examples,) if len(sizes) == 1 else (examples, len(sizes))
    if labels.dtype not in (torch.int64, torch.int32) or labels.shape != shape:
        cause = "one-hot labels: labels.argmax(1)" if labels.dim() == 2 and len(sizes) == 1 else "another target"
        raise ValueError(
            f"{WHO} got labels {shape_of(labels)} and a generator with {_classes(sizes)}; expected {shape} int64. "
            f"Likely cause: {cause}"
        )
    for column, size in zip(labels.reshape(examples, -1).T, sizes, strict=True):
        if not 0 <= int(column.min()) <= int(column.max()) < size:
            raise ValueError(
                f"{WHO} got labels from {int(column.min())} to {int(column.max())} and a generator with "
                f"{_classes(sizes)}; expected 0 to {size - 1}. Likely cause: classes counted from 1"
            )


def check_images(images: Tensor, fake, generator: nn.Module) -> None:
    """ValueError where generated images differ from real ones in shape or range."""
    if not isinstance(fake, Tensor) or fake.shape != images.shape:
        cause = "a generator made for images of another size or number of channels"
        if isinstance(fake, Tensor) and fake.shape == images.shape[:1]:
            cause = "generator and discriminator swapped"
        raise ValueError(
            f"The generator returned {shape_of(fake)} for real images {shape_of(images)}; expected the same shape. "
            f"Likely cause: {cause}"
        )
    last = last_layer(generator)
    low, high = RANGES.get(type(last), (-math.inf, math.inf))
    smallest, largest = float(images.min()), float(images.max())
    if smallest < low - TOLERANCE or largest > high + TOLERANCE:
        cause = "bytes 0 to 255: images / 255" if largest > 2 else "images scaled to [-1, 1]: end with nn.Tanh()"
        if isinstance(last, nn.Tanh) and largest <= 2:
            cause = "images that were standardised: scale them to [-1, 1], images * 2 - 1"
        raise ValueError(
            f"The images run from {smallest:.3g} to {largest:.3g}, and the generator ends in {last}, whose outputs lie "
            f"in [{low:.0f}, {high:.0f}], so that the discriminator can tell them apart by their range. Likely cause: "
            f"{cause}"
        )


def check_scores(scores, examples: int, discriminator: nn.Module, own_loss: bool) -> None:
    """ValueError unless the discriminator returned one unbounded score per example."""
    if not isinstance(scores, Tensor) or scores.shape != (examples,):
        raise ValueError(
            f"The discriminator returned {shape_of(scores)} for {examples} examples; expected scores ({examples},). "
            f"Likely cause: {_why_scores(scores, examples)}"
        )
    last = last_layer(discriminator)
    if type(last) in RANGES and not own_loss:
        low, high = RANGES[type(last)]
        raise ValueError(
            f"The discriminator ends in {last}, so its scores lie in [{low:.0f}, {high:.0f}]; expected unbounded "
            "scores. The losses here apply their own sigmoid where they need one: remove that layer"
        )


def last_layer(network: nn.Module) -> nn.Module:
    """The last layer, in the order in which the network registered them."""
    return [part for part in network.modules() if next(part.children(), None) is None][-1]


def check_reached(parameters: list[Tensor]) -> None:
    """ValueError where the generator received no gradient."""
    if all(parameter.grad is None for parameter in parameters):
        raise ValueError(
            "The generator got no gradient from the discriminator's scores, so it would not be trained. Likely cause: "
            "detach, no_grad, round or argmax at the end of the generator or the beginning of the discriminator"
        )


def non_finite(value: float, name: str, run, images: Tensor | None) -> NonFiniteLoss:
    """The error to raise for a non-finite loss of one network; names the cause if data or weights show it."""
    broken = [player for player, network in run.model.items() if not _finite(network.parameters())]
    if images is not None and not _finite([images]):
        cause = "the images of this batch already hold values that are not finite: clean the data"
    elif broken and run.step == run.first_step and images is not None:
        cause = f"the weights of the {' and the '.join(broken)} were not finite before the first step"
    elif broken:
        cause = f"the weights of the {' and the '.join(broken)} are no longer finite: lower its learning rate"
    else:
        cause = (
            "scores that grow without bound. Lower both learning rates, normalise the discriminator "
            "(nn.utils.parametrizations.spectral_norm), or use a gradient penalty (loss='wasserstein')"
        )
    late = "" if images is not None else " The steps after it were taken: go back to a checkpoint, or train again."
    scores = {name: values[-1] for name, values in run.history.per_step.items() if name.endswith("score") and values}
    before = f" Before it: {', '.join(f'{name} {value:.3g}' for name, value in scores.items())}." if scores else ""
    step = run.history.steps
    message = (
        f"The {name.replace('_', ' ')} is {'NaN' if math.isnan(value) else value} at step {step}.{before} "
        f"Likely cause: {cause}.{late}"
    )
    return NonFiniteLoss(message, step, step % run.steps_per_epoch, value, run.history)


def _classes(sizes: tuple[int, ...]) -> str:
    return f"n_classes={sizes[0] if len(sizes) == 1 else sizes}"


def _finite(tensors) -> bool:
    return all(tensor.isfinite().all() for tensor in tensors)


def _check_average(average, generator: nn.Module) -> None:
    if not isinstance(average, AveragedModel):
        raise ValueError(
            f"{WHO} got average={average if isinstance(average, numbers.Real) else type(average).__name__}; expected "
            "torch.optim.swa_utils.AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(0.999), use_buffers=True)"
        )
    shapes = [{name: t.shape for name, t in network.state_dict().items()} for network in (average.module, generator)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{WHO} got an average of a {type(average.module).__name__} with other parameters than the generator, a "
            f"{type(generator).__name__}; expected AveragedModel(generator, ...)"
        )


def _why_scores(scores, examples: int) -> str:
    if not isinstance(scores, Tensor):
        return "a discriminator that returns several values; return the scores alone"
    if scores.dim() == 0:
        return "a mean over the batch; the loss takes it"
    if scores.dim() > 1 and scores.numel() == examples:
        return "axes of size 1 at the end: scores.flatten()"
    if scores.dim() == 2 and len(scores) == examples:
        return f"a classifier's {scores.shape[1]} logits; a discriminator ends in nn.Linear(..., 1)"
    if scores.dim() == 4 and len(scores) == examples:
        return "generator and discriminator swapped, or a score for each patch: take their mean over the last axes"
    return "a batch axis that was flattened away"
