"""The clinic of lesson 08: a sentence encoder that returns before its GRU, and maps that are cut down to a corner."""

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import NotRight, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, expect_finite, expect_tensor, learns_from

LENGTHS = (7, 3, 5, 7, 1)  # words of each sentence, so that most are padded
SIDE, CLASSES = 4, 2
NOTICED = 1e-6


@exercise(
    "08.clinic",
    title="a joiner that hardly looks and does not read",
    dots=2,
    minutes=15,
    hints=(
        "Ask each half alone. What is `read(tokens)` for two sentences of different words, both padded? And how many "
        "of the 16 places of `seen` can change the logits?",
        "Nothing below a `return` ever runs, and Python does not complain. What should come back is the state after "
        "each sentence's last real word.",
        "`seen` is (B, 32, 4, 4). Either `flatten(1)` makes 32 * 16 features of it, and then `join` must expect as "
        "many; or the largest of each map does, `amax(dim=(2, 3))`, as in lesson 01, and the sizes stay.",
    ),
)
def clinic(answer, rng):
    if isinstance(answer.function, nn.Module):
        raise NotRight("this is a model; hand in the class itself: `Mended`, without brackets")
    for channels, vocabulary_size in ((8, 40), (5, 23)):
        model = answer(channels, vocabulary_size)
        if isinstance(model, type):
            raise NotRight(f"`{answer.name}` gave a class; make a model of it: `{model.__name__}(...)`")
        if not isinstance(model, nn.Module):
            raise NotRight(
                f"`{answer.name}({channels}, {vocabulary_size})` gave {described(model)}, "
                "expected a model (`nn.Module`)"
            )
        if not any(True for _ in model.parameters()):
            raise NotRight("the model has no parameters left to train")
        judged(model.cpu(), channels, vocabulary_size, rng)
    return (
        "all 16 places count, every word counts and so does their order; neither padding nor the rest of the batch "
        "changes a logit, and every parameter learns"
    )


def judged(model: nn.Module, channels: int, vocabulary_size: int, rng: torch.Generator) -> None:
    """Judge one model."""
    maps = torch.rand(len(LENGTHS), channels, SIDE, SIDE, generator=rng)
    tokens = torch.stack([torch.randperm(vocabulary_size - 2, generator=rng)[: max(LENGTHS)] + 2 for _ in LENGTHS])
    tokens = tokens * (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None])
    model.train()
    logits_of(model, maps, tokens)
    model.eval()
    with torch.no_grad():
        logits = logits_of(model, maps, tokens)
        faults = [look(model, maps, tokens, logits) for look in (looking, reading)]
        if any(faults):
            raise NotRight(". And ".join(filter(None, faults)))
        alone = torch.cat([logits_of(model, maps[i : i + 1], tokens[i : i + 1]) for i in range(len(maps))])
    if not torch.allclose(alone, logits, atol=1e-4):
        raise NotRight("an example gives another result alone than among others: which axis is the batch?")
    model.train()
    learns_from(model, guarded(model, maps, tokens, name="the model"), CLASSES, rng)


def logits_of(model: nn.Module, maps: Tensor, tokens: Tensor) -> Tensor:
    """The model's logits, of the right shape; what usually goes wrong is named."""
    where = f"for maps of shape {tuple(maps.shape)} and tokens of shape {tuple(tokens.shape)}"
    try:
        logits = guarded(model, maps, tokens, name="the model")
    except NotRight as problem:
        raise NotRight(f"{problem}{advice(str(problem))}") from None
    batch = len(maps)
    causes = {
        (CLASSES,): "one row for the whole batch: is there a `flatten()` of everything, or a mean over the batch?",
        (batch, tokens.shape[1], CLASSES): "one row a word: the state after the last word is enough",
    }
    logits = expect_tensor(logits, where, (batch, CLASSES), causes)
    if not logits.is_floating_point():
        raise NotRight(f"{where} the output is {logits.dtype}: those are chosen classes; logits are expected")
    expect_finite(logits, where, "look for a logarithm or a division in `forward`")
    return logits


def advice(problem: str) -> str:
    """What sizes that do not fit come from in this model."""
    if "cannot be multiplied" in problem:
        return (
            ". `join` was made for 32 numbers a picture. Flattened maps are 32 * 16: make a `join` that expects them "
            "(after `super().__init__`), or keep 32 with `amax(dim=(2, 3))`"
        )
    if "number of dimensions" in problem or "Sizes of tensors must match" in problem:
        return ". The two can be joined when both are (B, features): flatten all but the batch, `seen.flatten(1)`"
    return ""


def looking(model: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> str:
    """Words for places of the maps that do not count; empty where all do."""
    deaf = []
    for place in range(SIDE * SIDE):
        changes = []
        for value in (3.0, -3.0):  # a largest or a mean over the places notices at least one of the two
            changed = maps.clone()
            changed[:, :, place // SIDE, place % SIDE] += value
            changes.append((logits_of(model, changed, tokens) - logits).abs().max())
        if max(changes) < NOTICED:
            deaf.append(place)
    seen = [place for place in range(SIDE * SIDE) if place not in deaf]
    if not deaf:
        return ""
    if not seen:
        return "the picture can be any other and the logits stay the same: do the maps get into what is joined?"
    some = f"{len(deaf)} of the 16 places of the maps can change, and no logit notices"
    corner = {0, 1, 4, 5}  # a convolution of 3 x 3 at the corner sees these
    return f"{some}: the maps are still cut to the corner" if set(seen) <= corner else f"{some}: what is cut off?"


def reading(model: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> str:
    """Words for a sentence encoder that skips words or reads padding; empty where it does neither."""
    padded = torch.nn.functional.pad(tokens, (0, 4))
    longer = logits_of(model, maps, padded)
    other = torch.where(tokens != 0, tokens % int(tokens.max()) + 1, 0)  # every word another one
    short = torch.tensor(LENGTHS) < max(LENGTHS)
    unmoved = (logits_of(model, maps, other) - logits).abs().amax(1) < NOTICED
    if unmoved.all():
        return "the sentence can be any other and the logits stay the same: does what is read get into what is joined?"
    if unmoved[short].all():
        return (
            "a sentence shorter than the longest is not read at all: its words can change and no logit notices. What "
            "stands in the last column is padding, and it returns before the GRU"
        )
    if not torch.allclose(longer, logits, atol=1e-4):
        return (
            "four columns of padding more and the logits move: the state after the last column is no sentence's. "
            "`last_states(states, lengths(tokens))` takes the one after the last real word"
        )
    for place in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[:, place] = other[:, place]
        if ((logits_of(model, maps, changed) - logits).abs().amax(1) < NOTICED)[tokens[:, place] != 0].any():
            return f"word {place} of a sentence can be any other and the logits stay the same: is only one word read?"
    swapped = tokens.clone()
    swapped[0, :2] = tokens[0, :2].flip(0)
    if (logits_of(model, maps, swapped) - logits)[0].abs().max() < NOTICED:
        return "the first two words can change places and no logit notices: is the GRU still skipped?"
    return ""
