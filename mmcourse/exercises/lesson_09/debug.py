"""The clinic of lesson 09: features of pictures and sounds cast to whole numbers and looked up like words."""

import inspect

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Answer, NotRight, NotTried, guarded, is_stub
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, expect_finite, expect_tensor, learns_from, model_of

LENGTHS = (6, 3, 5, 6, 1)  # words of each question, so that most are padded
NOTICED = 1e-6
NAMES = {"image": "the picture", "sound": "the sound"}
HALVES = {"encode_image": "image", "encode_sound": "sound"}


@exercise(
    "09.debug",
    title="pictures and sounds pushed through a word embedding",
    dots=2,
    minutes=15,
    hints=(
        "What does `.long()` make of 0.2, of 0.9 and of -0.4? And what is near to what in a table of words: is row 3 "
        "between row 2 and row 4?",
        "Words are names, so they are looked up. Features are amounts, so they are multiplied: a linear layer takes a "
        "vector of floats, `nn.Linear(features, width)`. Make one for each modality in `__init__`.",
        "`encode_image` and `encode_sound` then are one line each, and give (B, width), as before. The question stays "
        "with the embedding.",
    ),
)
def debug(answer, rng):
    for sizes, width in (((4, 40, 12, 9), ()), ((3, 23, 7, 11), (24,))):
        try:
            model = model_of(answer, *sizes, *(width if takes(answer, *sizes, *width) else ()))
        except NotRight:
            if untouched(answer.function):
                raise NotTried from None
            raise
        judged(model, *sizes, rng)
    return (
        "pictures and sounds count by their amounts, every feature of them, however small the change; the question is "
        "still looked up, its padding changes nothing, and every parameter learns"
    )


def untouched(made) -> bool:
    """Whether a class holds stubs alone: `__init__` calls its parent's and does no more."""
    own = vars(made) if isinstance(made, type) else {}
    if not {"__init__", *HALVES} <= set(own):
        return False
    begins = set(own["__init__"].__code__.co_names) <= {"super", "__init__", "NotImplementedError"}
    return begins and all(is_stub(own[name].__code__) for name in HALVES)


def takes(answer: Answer, *arguments) -> bool:
    """Whether the answer can be called with these."""
    try:
        inspect.signature(answer.function).bind(*arguments)
    except (TypeError, ValueError):
        return False
    return True


def judged(model: nn.Module, n_classes: int, vocabulary_size: int, image: int, sound: int, rng) -> None:
    """Judge one model."""
    batch = len(LENGTHS)
    given = {
        "image": torch.randn(batch, image, generator=rng),
        "sound": torch.randn(batch, sound, generator=rng),
        "tokens": torch.randint(1, vocabulary_size, (batch, max(LENGTHS)), generator=rng),
    }
    given["tokens"] *= torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    model.train()
    logits_of(model, given, n_classes)
    model.eval()
    with torch.no_grad():
        logits = logits_of(model, given, n_classes)
        if not torch.allclose(logits_of(model, given, n_classes), logits, atol=1e-5):
            raise NotRight(
                "the same input gives two results: make layers in `__init__`, since one made in `encode_image` or "
                "`encode_sound` is new at each call. And a dropout asks whether the model is in training"
            )
        alone = torch.cat(
            [logits_of(model, {n: x[i : i + 1] for n, x in given.items()}, n_classes) for i in range(batch)]
        )
        if not torch.allclose(alone, logits, atol=1e-4):
            raise NotRight(
                "an example gives another result alone than among others: which axis is the batch? A mean or a spread "
                "taken over the batch mixes its examples"
            )
        faults = [amounts(model, given, logits, name, rng) for name in NAMES]
        faults.append(reading(model, given, logits))
        if any(faults):
            raise NotRight(". And ".join(filter(None, faults)).replace("?. And", "? And"))
    model.train()
    learns_from(model, guarded(model, *given.values(), name="the model"), n_classes, rng)


def logits_of(model: nn.Module, given: dict[str, Tensor], n_classes: int) -> Tensor:
    """The model's logits, of the right shape; what usually goes wrong is named."""
    where = "for " + ", ".join(f"{name} {tuple(x.shape)}" for name, x in given.items())
    copies = {name: x.clone() for name, x in given.items()}
    try:
        logits = guarded(model, *copies.values(), name="the model")
    except NotRight as problem:
        raise NotRight(misfit(model, given) or f"{problem}{advice(str(problem))}") from None
    corrupted = [f"`{name}`" for name, x in given.items() if not torch.equal(x, copies[name])]
    if corrupted:
        raise NotRight(f"{' and '.join(corrupted)} came in and was changed in place: make a new tensor instead")
    batch = len(given["image"])
    causes = {
        (n_classes,): "one row for the whole batch: is there a `flatten()` of everything, or a mean over the batch?",
        (batch, given["tokens"].shape[1], n_classes): "one row a word: the question's words are averaged",
    }
    logits = expect_tensor(logits, where, (batch, n_classes), causes)
    if not logits.is_floating_point():
        raise NotRight(f"{where} the output is {logits.dtype}: those are chosen classes; logits are expected")
    expect_finite(logits, where, "look for a mean over no words, or a division")
    return logits


def misfit(model: nn.Module, given: dict[str, Tensor]) -> str:
    """Which half, where the model has them still, gives what cannot be joined; empty where neither does."""
    batch = len(given["image"])
    try:
        width = model.encode_text(given["tokens"]).shape[1]
        halves = {name: getattr(model, name)(given[modality]) for name, modality in HALVES.items()}
    except Exception:  # whatever it is, it is told already
        return ""
    for name, half in halves.items():
        if half is None:
            return f"`{name}` gave None: is the `return` missing?"
        if not isinstance(half, Tensor):
            return f"`{name}` gave {described(half)}, expected a tensor (B, width)"
        if tuple(half.shape) != (batch, width):
            causes = {
                (batch, 1, width): "an axis too many",
                (batch, 64): "64 is fixed; write `width`, which may be another",
                (width,): "one row for the whole batch",
            }
            cause = causes.get(tuple(half.shape), "a linear layer ends with `width` features")
            return f"`{name}` gave {tuple(half.shape)}, expected {(batch, width)}: {cause}"
    return ""


def advice(problem: str) -> str:
    """What errors that are usual in this model come from."""
    if "cannot be multiplied" in problem:
        return ". A linear layer for each modality begins with that modality's number of features: `image`, `sound`"
    if "same dtype" in problem or "Long" in problem:
        return ". A linear layer takes floats: is there still a `.long()` before it?"
    if "index out of range in self" in problem:
        return ". An embedding was asked for a row that it does not have: are amounts still looked up?"
    if "must be a matrix" in problem or "number of dimensions" in problem:
        return ". Every part is (B, width) when the three are joined"
    return ""


def amounts(model: nn.Module, given: dict[str, Tensor], logits: Tensor, name: str, rng) -> str:
    """Words for a modality that does not count by its amounts; empty where it does."""
    whose, x = NAMES[name], given[name]

    def moved(other: Tensor, before: Tensor = logits) -> Tensor:
        return (logits_of(model, given | {name: other}, logits.shape[1]) - before).abs().amax(1)

    if (moved(x + 5 * torch.randn(x.shape, generator=rng)) < NOTICED).all():
        return f"{whose} can be any other and the logits stay the same: does it get into what is joined?"
    inside = x.trunc() + x.sign() * (0.25 + 0.5 * torch.rand(x.shape, generator=rng))  # another, cast to the same
    if (moved(inside) < NOTICED).all() and (moved(x.trunc() + 0.3 * x.sign()) < NOTICED).all():
        return (
            f"{whose} is still cast to whole numbers: 0.3 and 0.8 give the same logits. Amounts belong into a linear "
            "layer"
        )
    with torch.enable_grad():
        asked = x.clone().requires_grad_()
        logits_with_gradient = guarded(model, *(given | {name: asked}).values(), name="the model")
        gradient = (
            torch.autograd.grad(logits_with_gradient.sum(), asked, allow_unused=True)[0]
            if logits_with_gradient.requires_grad
            else None
        )
    if gradient is None or not gradient.any():
        if (moved(x + 3e-4 * torch.randn(x.shape, generator=rng)) > NOTICED).all():
            return (
                f"{whose} counts by its amounts, but no gradient reaches it: is there a `detach`, a `.data` or a "
                "`no_grad` on the way? What made these features could not learn"
            )
        return (
            f"{whose} is still cut into steps, finer ones than before: no gradient reaches it, so 0.1 and 0.2 are two "
            "names and not two amounts. Multiply it"
        )
    for position in range(x.shape[1]):
        other = x.clone()
        other[:, position] += 3
        if (moved(other) < NOTICED).all():
            return f"feature {position} of {whose} changes no logit, whatever it is: is a part cut off?"
    below = -x.abs() - 0.5
    before = logits_of(model, given | {name: below}, logits.shape[1])
    for position in range(x.shape[1]):
        lower = below.clone()
        lower[:, position] -= 1
        if (moved(lower, before) < NOTICED).all():
            return (
                f"below 0 all amounts of {whose} are the same: is the `clamp` still there, or a ReLU before the first "
                "layer? A feature of -1.2 is an amount too"
            )
    order = torch.arange(x.shape[1]).roll(1)
    if (moved(x[:, order]) < NOTICED).all():
        return (
            f"the features of {whose} can change places and no logit notices: their mean or sum alone counts. Each "
            "feature needs a weight of its own"
        )
    return ""


def reading(model: nn.Module, given: dict[str, Tensor], logits: Tensor) -> str:
    """Words for a question that is read wrongly; empty where it is not."""
    tokens = given["tokens"]

    def moved(other: Tensor) -> Tensor:
        return (logits_of(model, given | {"tokens": other}, logits.shape[1]) - logits).abs().amax(1)

    if moved(torch.nn.functional.pad(tokens, (0, 3))).max() > 1e-4:
        return (
            "three columns of padding more and the logits move: the question was read well before; leave `encode_text`"
        )
    other = torch.where(tokens != 0, tokens % int(tokens.max()) + 1, 0)
    if (moved(other) < NOTICED).any():
        return "the question can be any other and the logits stay the same: does what is read get into what is joined?"
    return ""
