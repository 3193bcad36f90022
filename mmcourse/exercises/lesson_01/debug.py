"""The debugging exercise of lesson 01: a softmax before a cross-entropy that applies its own."""

import copy

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_finite, expect_tensor, learns_from


@exercise(
    "01.debug",
    title="a model that learns slowly and badly",
    dots=2,
    minutes=10,
    hints=(
        "Compare the first loss with the lowest one. With 14 classes, how low can it get if no input exceeds 1?",
        "Read what `nn.CrossEntropyLoss` expects as its input. Then print `model(images).sum(dim=1)`.",
        "Cross-entropy applies log-softmax itself, so the model must give logits. Which layer must be removed?",
    ),
)
def debug(answer, rng):
    remark = ""
    if isinstance(answer.function, nn.Module):
        raise Mistake("this is a model; pass the function that makes one for any number of classes: `fixed`")
    for n_classes in (14, 3):
        model = answer(n_classes)
        if isinstance(model, type):
            raise Mistake(f"`{answer.name}` returned a class; instantiate it: `{model.__name__}(...)`")
        if not isinstance(model, nn.Module):
            raise Mistake(
                f"`{answer.name}({n_classes})` returned a {type(model).__name__}, expected a model (`nn.Module`)"
            )
        remark = fixed_model(model.cpu(), n_classes, rng) or remark
    return "logits of the right shape, for one image and for five; gradients reach every layer" + remark


def fixed_model(model: nn.Module, n_classes: int, rng: torch.Generator) -> str:
    """Judge one model; words for a remark that does not make it wrong."""
    if not any(True for _ in model.parameters()):
        raise Mistake("the model has no parameters left to train")
    if not any(isinstance(part, nn.Conv2d) for part in model.modules()):
        raise Mistake("there is no `nn.Conv2d` left: fix the model, but keep its convolutions")
    outputs = {}
    for mode, batch in (("evaluation", 1), ("evaluation", 5), ("training", 5)):
        model.train(mode == "training")
        images = torch.rand(batch, 3, 32, 32, generator=rng)
        logits = guarded(model, images, name="the model")
        classes_out(logits, batch, n_classes)
        outputs[mode] = logits.detach()
    not_probabilities(outputs)
    learns_from(model, logits, n_classes, rng)
    bounded(model, images)
    if logits.detach().logsumexp(1).abs().max() < 1e-4:
        return (
            ". These are log-probabilities: cross-entropy applies log-softmax again, which changes nothing, "
            "so the model trains correctly; plain logits would suffice"
        )
    return ""


def classes_out(logits, batch: int, n_classes: int) -> None:
    """The model's output has one number for each image and class."""
    where = f"for {batch} image{'s' * (batch > 1)} and {n_classes} classes"
    expect_tensor(logits, where)
    if not logits.ndim:
        raise Mistake(f"{where} the output is one number, as a loss is: return the logits, {(batch, n_classes)}")
    if not logits.is_floating_point():
        raise Mistake(
            f"{where} the output is {logits.dtype}: those are chosen classes (`argmax`?), the loss needs logits"
        )
    if tuple(logits.shape) == (n_classes,) and batch == 1:
        raise Mistake(
            f"{where} the shape is {(n_classes,)}, expected {(1, n_classes)}: does a `squeeze` remove the batch?"
        )
    if logits.ndim == 2 and len(logits) == batch and logits.shape[1] != n_classes:
        raise Mistake(f"{where} there are {logits.shape[1]} outputs per image: is `n_classes` used?")
    if logits.ndim == 4 and tuple(logits.shape[:2]) == (batch, n_classes):
        raise Mistake(
            f"{where} the shape is {tuple(logits.shape)}: pool or flatten the maps, one number for each class"
        )
    expect_tensor(logits, where, (batch, n_classes))
    expect_finite(logits, where, "look for a logarithm or a division in `forward`")


def not_probabilities(outputs: dict[str, Tensor]) -> None:
    """Outputs that are already probabilities, in one mode or in both, are named."""
    if all(((output == 0) | (output == 1)).all() for output in outputs.values()):
        raise Mistake(
            "every output is 0 or 1: a choice has been made (`argmax`, `one_hot`, a comparison), through which no "
            "gradient passes; give the logits themselves"
        )
    sums_to_one = {mode: inside(output) and ones(output.sum(1)) for mode, output in outputs.items()}
    if all(sums_to_one.values()):
        raise Mistake(
            "every row of the output sums to 1: a softmax is still there, and cross-entropy applies its own to that"
        )
    for mode, found in sums_to_one.items():
        if found:
            raise Mistake(f"in {mode} mode alone the rows of the output sum to 1: there is a softmax on that path")
    if all(inside(output) and ones(output.sum(0)) for output in outputs.values()):
        raise Mistake(
            "every column of the output sums to 1: this softmax runs over the images of the batch. "
            "None is needed at all"
        )


def inside(output: Tensor) -> bool:
    """Whether all values could be probabilities."""
    return bool(((output >= 0) & (output <= 1)).all())


def ones(sums: Tensor) -> bool:
    """Whether all sums are 1, up to rounding."""
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


def bounded(model: nn.Module, images: Tensor) -> None:
    """Other weights must be able to give large and negative logits: a squashing function at the end is named."""
    model.eval()
    outputs = []
    for scale, bias in ((1, None), (10, None), (-10, None), (10, -100.0)):
        changed = copy.deepcopy(model)
        for parameter in changed.parameters():
            if bias is not None and parameter.ndim < 2:
                parameter.data.fill_(bias)
            else:
                parameter.data *= scale * (torch.randint(0, 2, parameter.shape) * 2 - 1 if scale < 0 else 1)
        with torch.no_grad():
            outputs.append(guarded(changed, images, name="the model"))
    everything = torch.cat(outputs)
    if (everything >= 0).all():
        if everything.max() <= 1:
            raise Mistake(
                "the outputs stay between 0 and 1: a sigmoid or a clamp at the end; a logit may be any number"
            )
        if ones((-everything).exp().sum(1)):
            raise Mistake("these are negative log-probabilities, with a minus: no output is ever negative; give logits")
        raise Mistake(
            "no output is ever negative: a ReLU, an `exp` or a softplus at the end? A logit may be any number"
        )
    if everything.abs().max() <= 1.0001:
        if ones(everything.norm(dim=1)):
            raise Mistake("every row of the output has length 1: it is normalised; a logit may be any number")
        raise Mistake("the outputs stay between -1 and 1: a tanh or a clamp at the end; a logit may be any number")
