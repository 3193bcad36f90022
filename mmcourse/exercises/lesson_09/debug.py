"""The debugging exercise of lesson 09: features of images and sounds cast to integers and looked up like words."""

import inspect

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Answer, Mistake, NotAttempted, guarded, is_stub
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import (
    SQUEEZED,
    described,
    expect_finite,
    expect_tensor,
    learns_from,
    model_of,
    squeezed,
)
from mmcourse.exercises.properties import expect_alone_as_in_batch

LENGTHS = (6, 3, 5, 6, 1)  # words of each question, so that most are padded
NOTICED = 1e-6
NAMES = {"image": "the image", "sound": "the sound"}
HALVES = {"encode_image": "image", "encode_sound": "sound"}


@exercise(
    "09.debug",
    title="images and sounds treated as token ids",
    dots=2,
    minutes=15,
    hints=(
        "What does `.long()` return for 0.2, for 0.9 and for -0.4? And is row 3 of an embedding between row 2 and "
        "row 4?",
        "Token ids are categories, so they are looked up. Features are quantities, so they are multiplied: a linear "
        "layer takes a vector of floats, `nn.Linear(features, width)`. Create one for each modality in `__init__`.",
        "`encode_image` and `encode_sound` are then one line each, and return (B, width), as before. The question "
        "still uses the embedding.",
    ),
)
def debug(answer, rng):
    for sizes, width in (((4, 40, 12, 9), ()), ((3, 23, 7, 11), (24,))):
        try:
            model = model_of(answer, *sizes, *(width if takes(answer, *sizes, *width) else ()))
        except Mistake:
            if untouched(answer.function):
                raise NotAttempted from None
            raise
        judged(model, *sizes, rng)
    return (
        "every feature of images and sounds matters, however small the change; the question is still looked up, its "
        "padding has no effect, and every parameter receives a gradient"
    )


def untouched(made) -> bool:
    """Whether a class contains only stubs: `__init__` calls its parent's and nothing else."""
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
            raise Mistake(
                "the same input gives two different outputs: create layers in `__init__`, since one created in "
                "`encode_image` or `encode_sound` is new at each call. A dropout must depend on `self.training`"
            )
        expect_alone_as_in_batch(
            lambda *case: logits_of(model, dict(zip(given, case, strict=True)), n_classes),
            tuple(given.values()),
            "an example gives a different result alone than in a batch, so it depends on the other examples",
        )
        faults = [amounts(model, given, logits, name, rng) for name in NAMES]
        faults.append(reading(model, given, logits))
        if any(faults):
            raise Mistake(". And ".join(filter(None, faults)).replace("?. And", "? And"))
    model.train()
    learns_from(model, guarded(model, *given.values(), name="the model"), n_classes, rng)


def logits_of(model: nn.Module, given: dict[str, Tensor], n_classes: int) -> Tensor:
    """The model's logits, after a check of their shape; common mistakes are named."""
    where = "for " + ", ".join(f"{name} {tuple(x.shape)}" for name, x in given.items())
    copies = {name: x.clone() for name, x in given.items()}
    try:
        logits = guarded(model, *copies.values(), name="the model")
    except Mistake as problem:
        cause = overwritten(model, given, str(problem)) or advice(str(problem))
        raise Mistake(misfit(model, given) or f"{problem}{cause}") from None
    corrupted = [f"`{name}`" for name, x in given.items() if not torch.equal(x, copies[name])]
    if corrupted:
        raise Mistake(f"{' and '.join(corrupted)} was changed in place: make a new tensor instead")
    batch = len(given["image"])
    causes = {
        (n_classes,): "one row for the whole batch; each example has its own",
        (
            batch,
            given["tokens"].shape[1],
            n_classes,
        ): "one row per word: the embeddings of the question's words are averaged",
    }
    logits = expect_tensor(logits, where, (batch, n_classes), causes)
    if not logits.is_floating_point():
        raise Mistake(f"{where} the output is {logits.dtype}: those are predicted classes; logits are expected")
    expect_finite(logits, where, "look for a mean over zero words, or a division")
    return logits


def misfit(model: nn.Module, given: dict[str, Tensor]) -> str:
    """Which branch, if the model still has it, gives a shape that cannot be concatenated; empty where neither does."""
    batch = len(given["image"])
    try:
        width = model.encode_text(given["tokens"]).shape[1]
        halves = {name: getattr(model, name)(given[modality]) for name, modality in HALVES.items()}
    except Exception:  # whatever it is, it has been reported
        return ""
    for name, half in halves.items():
        if half is None:
            return f"`{name}` returned None: is the `return` missing?"
        if not isinstance(half, Tensor):
            return f"`{name}` returned {described(half)}, expected a tensor (B, width)"
        if tuple(half.shape) != (batch, width):
            causes = {
                (batch, 1, width): "an axis too many",
                (batch, 64): "the number of outputs is `width`, here not 64",
                (width,): "one row for the whole batch",
            }
            cause = causes.get(tuple(half.shape), "the linear layer should have `width` outputs")
            if squeezed(half.shape, (batch, width)):
                cause = SQUEEZED
            return f"`{name}` returned {tuple(half.shape)}, expected {(batch, width)}: {cause}"
    return ""


def overwritten(model: nn.Module, given: dict[str, Tensor], problem: str) -> str:
    """Words where a layer that the model needs was replaced by another under the same name; else empty."""
    if not isinstance(getattr(model, "embedding", nn.Embedding(1, 1)), nn.Embedding):
        return (
            f". `self.embedding` was replaced by a `{type(model.embedding).__name__}`, and the question still needs "
            "it: give every new layer a name of its own"
        )
    taken = {part.in_features for part in model.modules() if isinstance(part, nn.Linear)}
    absent = [name for name in ("image", "sound") if given[name].shape[1] not in taken]
    if "cannot be multiplied" in problem and len(absent) == 1:
        return (
            f". No linear layer takes the {given[absent[0]].shape[1]} features of {NAMES[absent[0]]}. Each modality "
            "needs a layer of its own, under a name of its own, that takes its number of features, `image` or `sound`"
        )
    return ""


def advice(problem: str) -> str:
    """The causes of errors that are common in this model."""
    if "cannot be multiplied" in problem:
        return ". Each modality's linear layer expects that modality's number of features: `image`, `sound`"
    if "same dtype" in problem or "Long" in problem:
        return ". A linear layer takes floats: is there still a `.long()` before it?"
    if "index out of range in self" in problem:
        return ". An embedding was indexed with a row that it does not have: are features still looked up?"
    if "must be a matrix" in problem or "number of dimensions" in problem:
        return ". Every part must be (B, width) for the concatenation"
    return ""


def amounts(model: nn.Module, given: dict[str, Tensor], logits: Tensor, name: str, rng) -> str:
    """A message about a modality whose values are not used as quantities; empty where they are."""
    whose, x = NAMES[name], given[name]

    def moved(other: Tensor, before: Tensor = logits) -> Tensor:
        return (logits_of(model, given | {name: other}, logits.shape[1]) - before).abs().amax(1)

    if (moved(x + 5 * torch.randn(x.shape, generator=rng)) < NOTICED).all():
        return f"the logits are the same for any value of {whose}: does it reach the concatenation?"
    inside = x.trunc() + x.sign() * (0.25 + 0.5 * torch.rand(x.shape, generator=rng))  # another, cast to the same
    if (moved(inside) < NOTICED).all() and (moved(x.trunc() + 0.3 * x.sign()) < NOTICED).all():
        return f"{whose} is still cast to integers: 0.3 and 0.8 give the same logits. Features need a linear layer"
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
                f"the logits depend on the values of {whose}, but no gradient reaches it: is there a `detach`, a "
                "`.data` or a `no_grad` on the way? The encoder of these features could not learn"
            )
        return (
            f"no gradient reaches {whose}, and a small change of it has no effect, so it is still quantised: values "
            "within one step are one category, not quantities. Multiply instead"
        )
    for position in range(x.shape[1]):
        other = x.clone()
        other[:, position] += 3
        if (moved(other) < NOTICED).all():
            return f"feature {position} of {whose} does not affect any logit: is a part discarded?"
    below = -x.abs() - 0.5
    before = logits_of(model, given | {name: below}, logits.shape[1])
    for position in range(x.shape[1]):
        lower = below.clone()
        lower[:, position] -= 1
        if (moved(lower, before) < NOTICED).all():
            return (
                f"all values of {whose} below 0 are treated alike: is the `clamp` still there, or a ReLU before the "
                "first layer? A feature of -1.2 is a quantity too"
            )
    if (moved(-x) < NOTICED).all():
        return (
            f"the sign of the features of {whose} has no effect: is there an absolute value or a square before the "
            "first layer? -1.2 and 1.2 are two quantities; features are multiplied by weights, negative ones too"
        )
    order = torch.arange(x.shape[1]).roll(1)
    if (moved(x[:, order]) < NOTICED).all():
        return (
            f"permuting the features of {whose} does not change any logit, as if only their mean or sum were used. "
            "Each feature needs its own weight"
        )
    return ""


def reading(model: nn.Module, given: dict[str, Tensor], logits: Tensor) -> str:
    """A message about a question that is encoded wrongly; empty where it is not."""
    tokens = given["tokens"]

    def moved(other: Tensor) -> Tensor:
        return (logits_of(model, given | {"tokens": other}, logits.shape[1]) - logits).abs().amax(1)

    if moved(torch.nn.functional.pad(tokens, (0, 3))).max() > 1e-4:
        return (
            "three more columns of padding change the logits: the question was encoded correctly before; keep "
            "`encode_text`"
        )
    other = torch.where(tokens != 0, tokens % int(tokens.max()) + 1, 0)
    if (moved(other) < NOTICED).any():
        return "the logits are the same for any question: does the encoded question reach the concatenation?"
    return ""
