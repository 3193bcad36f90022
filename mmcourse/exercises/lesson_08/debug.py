"""The debugging exercise of lesson 08: a sentence encoder that returns before its GRU, and maps cut to a corner."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_finite, expect_tensor, learns_from, model_of
from mmcourse.exercises.properties import expect_alone_as_in_batch, expect_order_of_no_effect

LENGTHS = (7, 3, 5, 7, 1)  # words of each sentence, so that most are padded
SIDE, CLASSES = 4, 2
NOTICED = 1e-6
SQUEEZED = "for a batch of one `squeeze()` removes the batch axis too"


@exercise(
    "08.debug",
    title="a model that ignores most of its inputs",
    dots=2,
    minutes=15,
    hints=(
        "Test each branch separately. What is `encode_text(tokens)` for two padded sentences of different words? And "
        "how many of the 16 positions of `maps` can change the logits?",
        "Code after a `return` never runs, and Python does not complain. What should be returned is the state after "
        "each sentence's last real word.",
        "The encoded maps are (B, 32, 4, 4). Either `flatten(1)` makes 32 * 16 features of them, and `head` must "
        "expect as many; or take the maximum of each map, `amax(dim=(2, 3))`, as in lesson 01, and the sizes stay.",
    ),
)
def debug(answer, rng):
    for channels, vocabulary_size in ((8, 40), (5, 23)):
        judged(model_of(answer, channels, vocabulary_size), channels, vocabulary_size, rng)
    return (
        "all 16 positions, every word and the order of words matter; neither padding nor the rest of the batch "
        "changes a logit, and every parameter receives a gradient"
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
        if not torch.allclose(logits_of(model, maps, tokens), logits, atol=1e-4):
            raise Mistake(
                "in evaluation mode two calls with the same arguments give different logits, so something is random: "
                "`F.dropout` needs `training=self.training`, and layers are made in `__init__`"
            )
        expect_order_of_no_effect(
            lambda *case: logits_of(model, *case),
            (maps, tokens),
            "with its examples in another order a batch gives other logits: rows of different examples are exchanged "
            "or mixed. (A `sort` must be undone, and a recurrent layer needs `batch_first=True`.)",
        )
        faults = [fault_of(model, maps, tokens, logits) for fault_of in (looking, reading)]
        if any(faults):
            raise Mistake(". And ".join(filter(None, faults)))
        expect_alone_as_in_batch(
            lambda *case: logits_of(model, *case),
            (maps, tokens),
            "an example gives a different result alone than in a batch: which axis is the batch?",
        )
    model.train()
    learns_from(model, guarded(model, maps, tokens, name="the model"), CLASSES, rng)


def logits_of(model: nn.Module, maps: Tensor, tokens: Tensor) -> Tensor:
    """The model's logits, of the right shape; what usually goes wrong is named."""
    where = f"for maps of shape {tuple(maps.shape)} and tokens of shape {tuple(tokens.shape)}"
    try:
        logits = guarded(model, maps, tokens, name="the model")
    except Mistake as problem:
        raise Mistake(f"{problem}{misfit(model, maps, tokens) or advice(str(problem))}") from None
    batch = len(maps)
    causes = {
        (CLASSES,): "one row for the whole batch; each example has its own"
        if batch > 1
        else f"{SQUEEZED}: leave it out",
        (batch, tokens.shape[1], CLASSES): "one row per word: the state after the last word is enough",
    }
    logits = expect_tensor(logits, where, (batch, CLASSES), causes)
    if not logits.is_floating_point():
        raise Mistake(f"{where} the output is {logits.dtype}: those are predicted classes; logits are expected")
    expect_finite(logits, where, "look for a logarithm or a division in `forward`")
    return logits


def misfit(model: nn.Module, maps: Tensor, tokens: Tensor) -> str:
    """Which branch, if the model still has it, gives a shape that cannot be concatenated; empty where neither does."""
    shapes = {}
    for name, given in (("encode_image", maps), ("encode_text", tokens)):
        try:
            half = getattr(model, name)(given)
        except Exception:  # whatever it is, it has been reported
            return ""
        if isinstance(half, tuple):
            return f". `{name}` returns several values; one tensor (B, features) is expected"
        if not isinstance(half, Tensor):
            return ""
        shapes[name] = tuple(half.shape)
        found, batch = f". `{name}` returned {shapes[name]}", len(given)
        if half.dim() == 2 and len(half) == batch:
            continue
        if batch == 1 and half.dim() == 1:
            return f"{found}: {SQUEEZED}; `flatten(1)` keeps it"
        if name == "encode_text" and half.dim() == 3 and len(half) == 1:
            return f"{found}, expected ({batch}, {half.shape[2]}): the last state has an axis for layers: take `[0]`"
        if name == "encode_text" and half.dim() == 3:
            return f"{found}, a state for each word: use only the one after the last word"
        return f"{found}. It must be (B, features): flatten all but the batch, `flatten(1)`"
    image, text = shapes["encode_image"][1], shapes["encode_text"][1]
    wanted = next((part.in_features for part in model.modules() if isinstance(part, nn.Linear)), image + text)
    if wanted == image + text or image == 32 * SIDE * SIDE:
        return ""
    causes = {
        32: f"let it expect {image + text}",
        SIDE * SIDE: "as many as positions; a maximum over the positions, `amax(dim=(2, 3))`, keeps the channels",
        maps.shape[1]: "as many as the input maps; the convolution gives 32",
        maps.shape[1] * SIDE * SIDE: "as many as the input maps hold; the convolution gives 32 maps",
    }
    cause = causes.get(image, "`amax(dim=(2, 3))` keeps 32, `flatten(1)` 32 * 16")
    return (
        f". `encode_image` returned {image} numbers per image, `encode_text` {text} per sentence, and `head` expects "
        f"{wanted}: {cause}"
    )


def advice(problem: str) -> str:
    """What sizes that do not fit come from in this model."""
    if "cannot be multiplied" in problem:
        return (
            ". `head` expects 32 numbers per image. Flattened maps are 32 * 16: make a `head` that expects them "
            "(after `super().__init__`), or keep 32 with `amax(dim=(2, 3))`"
        )
    if "number of dimensions" in problem or "Sizes of tensors must match" in problem:
        return ". Both must be (B, features): flatten all but the batch, `flatten(1)`"
    return ""


def looking(model: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> str:
    """A message about positions of the maps that have no effect; empty where all have."""
    unused = []
    for position in range(SIDE * SIDE):
        changes = []
        for value in (3.0, -3.0):  # a maximum or a mean over positions changes for at least one of the two
            changed = maps.clone()
            changed[:, :, position // SIDE, position % SIDE] += value
            changes.append((logits_of(model, changed, tokens) - logits).abs().max())
        if max(changes) < NOTICED:
            unused.append(position)
    seen = [position for position in range(SIDE * SIDE) if position not in unused]
    if not unused:
        return channels(model, maps, tokens, logits)
    if not seen:
        return "the logits are the same for any image: do the maps reach the concatenation?"
    some = f"{len(unused)} of the 16 positions of the maps do not affect any logit"
    corner = {0, 1, 4, 5}  # a 3 x 3 convolution at the corner covers these
    return f"{some}: the maps are still cut to the corner" if set(seen) <= corner else f"{some}: what is discarded?"


def channels(model: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> str:
    """A message about maps of a convolution that have no effect; empty where all have."""
    for layer in model.modules():
        if not isinstance(layer, nn.Conv2d):
            continue
        unused, weight = [], layer.weight.detach().clone()
        for channel in range(len(weight)):
            layer.weight[channel] *= -1.5  # a map that a ReLU sets to 0 becomes positive
            if (logits_of(model, maps, tokens) - logits).abs().max() < NOTICED:
                unused.append(channel)
            layer.weight.copy_(weight)
        if unused:
            return f"{len(unused)} of the {len(weight)} maps of the convolution affect no logit: what is discarded?"
        if words := convolved(model, layer, maps, tokens, logits):
            return words
    return ""


def convolved(model: nn.Module, layer: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> str:
    """A message about positions after a convolution that have no effect; empty where all have."""
    sizes: list[tuple[int, int]] = []

    def changes(row: int, column: int, change: float) -> bool:
        def changed(_layer, _inputs, output: Tensor) -> Tensor:
            sizes.append(tuple(output.shape[-2:]))
            output = output.clone()
            output[..., row, column] += change
            return output

        hook = layer.register_forward_hook(changed)
        try:
            return bool((logits_of(model, maps, tokens) - logits).abs().max() >= NOTICED)
        finally:
            hook.remove()

    changes(0, 0, 0.0)
    rows, columns = sizes[0] if sizes else (0, 0)
    positions = [(row, column) for row in range(rows) for column in range(columns)]
    unused = [at for at in positions if not changes(*at, 10.0) and not changes(*at, -10.0)]
    if not unused:
        return ""
    return (
        f"{len(unused)} of the {rows * columns} positions after the convolution affect no logit, the first of them "
        f"{list(unused[0])}: flatten all, or take the maximum or mean over all"
    )


def reading(model: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> str:
    """A message about a sentence encoder that skips words or uses padding; empty where it does neither."""
    padded = torch.nn.functional.pad(tokens, (0, 4))
    longer = logits_of(model, maps, padded)
    other = torch.where(tokens != 0, tokens % int(tokens.max()) + 1, 0)  # every word another one
    short = torch.tensor(LENGTHS) < max(LENGTHS)
    unmoved = (logits_of(model, maps, other) - logits).abs().amax(1) < NOTICED
    if unmoved.all():
        return "the logits are the same for any sentence: does the encoded sentence reach the concatenation?"
    if unmoved[short].all():
        ran = states_read(model, maps, padded) is not None
        return "the words of a sentence shorter than the longest do not affect any logit" + (
            "" if ran else ". Its last column is padding, and the method returns before the GRU"
        )
    rows, last = torch.arange(len(tokens)), torch.tensor(LENGTHS) - 1
    early = [unmoved_by(model, maps, tokens, rows, (last - back).clamp(min=0), logits) for back in (0, 1)]
    several = last > 1
    if early[0][several].all() and not early[1][several].any():
        return (
            "the last word of each sentence has no effect: the state is taken one word too early. The last of n words "
            "is in column n - 1; `last_states(states, lengths(tokens))` already accounts for that"
        )
    moved = not torch.allclose(longer, logits, atol=1e-4)
    read = states_read(model, maps, padded) if moved else Read([], [], False, False)
    if read is None:
        return "four more columns of padding change the logits, and the GRU never runs: padding counts as words"
    short, longer_one, last_column = read.second, read.third, padded.shape[1] - 1
    if read.padding_first:
        return (
            "padding is read before the words, as after a `flip` of the padded sentence, and changes the state on the "
            "way: four more columns of it change the logits. Read the words in their own order"
        )
    padding = [column for column in short if column >= LENGTHS[1]]
    if (short, longer_one) == ([LENGTHS[1]], [LENGTHS[2]]):
        return "the state is taken one column too far, after the first padding: the last of n words is in column n - 1"
    if len(short) == 1 and short == longer_one and short[0] < last_column:
        return (
            f"the state of column {short[0]} is taken, whatever the number of words: a fixed column. "
            "`last_states(states, lengths(tokens))` takes the one after each sentence's last word"
        )
    if padding and short != [last_column]:
        return (
            f"padding takes part: for a sentence of {LENGTHS[1]} words, states of {len(padding)} of the "
            f"{padded.shape[1] - LENGTHS[1]} columns of padding count. The state "
            "after the last real word is enough, or a mean or maximum over real words alone"
        )
    if moved and (read.final or short == longer_one == [last_column]):
        return (
            "four more columns of padding change the logits: the state after the last column belongs to padding. "
            "`last_states(states, lengths(tokens))` takes the one after the last real word"
        )
    if moved and short and max(short) < LENGTHS[1] and max(longer_one) < LENGTHS[2]:
        return "only states of real words count, and four more columns of padding change the logits all the same" + (
            ": their sum is divided by the number of columns; divide by the number of real words, `lengths(tokens)`"
            if divided_by_columns(model, tokens, padded)
            else ""
        )
    if moved:
        return "four more columns of padding change the logits; padding must have no effect"
    for position in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[:, position] = other[:, position]
        if ((logits_of(model, maps, changed) - logits).abs().amax(1) < NOTICED)[tokens[:, position] != 0].any():
            return f"word {position} of a sentence does not affect any logit: is only one word used?"
    cut = tokens * (torch.arange(tokens.shape[1]) < 5)
    kept = torch.tensor(LENGTHS) <= 5
    reworded = tokens.clone()
    reworded[~kept] = other[~kept]
    if moves(model, maps, cut, logits)[kept].any() and not moves(model, maps, reworded, logits)[kept].any():
        return (
            "the encoding of a sentence depends on the length of the longest in the batch: the state is taken after "
            "the longest sentence's end instead of each sentence's own"
        )
    swapped = tokens.clone()
    swapped[0, :2] = tokens[0, :2].flip(0)
    if (logits_of(model, maps, swapped) - logits)[0].abs().max() < NOTICED:
        skipped = states_read(model, maps, tokens) is None
        return "swapping the first two words does not affect any logit" + ": the GRU is still skipped" * skipped
    return ""


def divided_by_columns(model: nn.Module, tokens: Tensor, padded: Tensor) -> bool:
    """Whether the encoded sentence is a sum divided by the number of columns."""
    try:
        sums = [guarded(model.encode_text, some, name="encode_text") * some.shape[1] for some in (tokens, padded)]
        return torch.allclose(*sums, rtol=1e-3, atol=1e-5)
    except (AttributeError, Mistake, RuntimeError, TypeError):
        return False


def moves(model: nn.Module, maps: Tensor, tokens: Tensor, logits: Tensor) -> Tensor:
    """Which rows of the logits change for these tokens.   -> (B,) bool"""
    return (logits_of(model, maps, tokens) - logits).abs().amax(1) > 1e-5


def unmoved_by(model, maps: Tensor, tokens: Tensor, rows: Tensor, columns: Tensor, logits: Tensor) -> Tensor:
    """Which sentences are unaffected by another word in the given column.   -> (B,) bool"""
    changed = tokens.clone()
    changed[rows, columns] = tokens[rows, columns] % int(tokens.max()) + 1
    return (logits_of(model, maps, changed) - logits).abs().amax(1) < NOTICED


class Read(NamedTuple):
    """The columns of states that logits are made of, for the second and the third sentence; [] where not seen."""

    second: list[int]
    third: list[int]
    padding_first: bool  # the recurrent network gets the padding of the shortest sentence before its word
    final: bool  # the logits use the state after the last column, which a recurrent layer returns second


def states_read(model: nn.Module, maps: Tensor, tokens: Tensor) -> Read | None:
    """What the logits are made of; None where no recurrent network runs."""
    kept: list[Tensor] = []
    finals: list[Tensor] = []
    ran, flipped = [], []

    def keep(module, given, result):
        ran.append(module)
        words = given[0]
        if isinstance(words, Tensor) and words.shape[:2] == tokens.shape:
            shortest = words[LENGTHS.index(1)]
            flipped.append(torch.equal(shortest[0], shortest[1]) and not torch.equal(shortest[-1], shortest[-2]))
            if isinstance(result[1], Tensor) and result[1].requires_grad:
                result[1].retain_grad()
                finals.append(result[1])
        if isinstance(result[0], Tensor) and result[0].shape[:2] == tokens.shape and result[0].requires_grad:
            result[0].retain_grad()
            kept.append(result[0])

    hooks = [part.register_forward_hook(keep) for part in model.modules() if isinstance(part, nn.RNNBase)]
    try:
        with torch.enable_grad():
            logits = guarded(model, maps, tokens, name="the model")
            if logits.requires_grad:
                guarded(logits[1:3].sum().backward, name="backward")
    finally:
        for hook in hooks:
            hook.remove()
        model.zero_grad()
    if not ran:
        return None
    gradients = [states.grad.abs().sum(2) for states in kept if states.grad is not None]
    columns = [sum(gradients)[row].nonzero()[:, 0].tolist() if gradients else [] for row in (1, 2)]
    used = any(state.grad is not None and bool(state.grad.any()) for state in finals)
    return Read(*columns, any(flipped), used)
