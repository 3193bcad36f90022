"""The debugging exercise of lesson 02: a state of a fixed batch size, and plain SGD that leaves an LSTM at chance."""

import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, expect_finite, expect_tensor

WORDS, LENGTH = 300, 8  # size of the toy task's vocabulary, and of its sentences
STEPS, BATCH = 80, 64
LEARNED = 0.55  # chance is ln 2, 0.69; plain SGD at 0.01 stays above 0.6, Adam at 0.001 passes after 15 to 60 steps
PADDING = 4  # zeros on the right that must change nothing
FASTEST = 0.05  # of Adam and its kin: at 0.03 the film reviews are learned, at 0.1 they stay near chance


@exercise(
    "02.debug",
    title="a model that works for one sentence and does not learn",
    dots=2,
    minutes=15,
    hints=(
        "There are two bugs, the state and the optimiser. First give the model five sentences at once, and read the "
        "sizes in the error: which of them should be 5? Where is that size set?",
        "A zero state can be made in `forward`, where the batch size is known, or left out: what does `nn.LSTM` start "
        "from without one? The input of the head stays as in `Buggy`: the state after each sentence's last word.",
        "Print the loss: it stays near ln 2. Most weights are rows of the embedding, and a row has a tiny gradient, "
        "if its word occurs at all. Which optimiser makes steps of similar size, however small the gradient?",
    ),
)
def debug(answer, rng):
    if isinstance(answer.function, nn.Module):
        raise Mistake("this is a model; pass the function that makes a model and its optimiser: `fixed`")
    model, optimiser = both(answer)
    its_parameters(model, optimiser)
    batches_of_any_size(model, rng)
    alone_and_together(model, rng)
    with_zeros_behind(model, rng)
    of_different_lengths(model, rng)
    up_to_the_last_word(model, rng)
    for_any_vocabulary(answer)
    twice_in_training(model, rng)
    from_zeros(model, rng)
    steps = learns(model, optimiser, rng)
    if words := too_fast(optimiser):
        raise Mistake(f"the toy task is learned, but {words}")
    return (
        "batches of 1, 5 and 64, of equal and different lengths, neither padding nor another sentence changes one, "
        "and the toy task is learned after "
        f"{steps} steps"
    )


def both(answer, words: int = WORDS) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The model and its optimiser, once that is what came."""
    given = answer(words)
    if isinstance(given, nn.Module):
        raise Mistake(f"`{answer.name}` returned a model alone; return its optimiser too: `return model, optimiser`")
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise Mistake(f"`{answer.name}` returned {described(given)}, expected a model and its optimiser")
    model, optimiser = given
    if isinstance(model, torch.optim.Optimizer) and isinstance(optimiser, nn.Module):
        raise Mistake("the optimiser comes first; expected the model, then its optimiser")
    for name, value, kind in (("first", model, nn.Module), ("second", optimiser, torch.optim.Optimizer)):
        if isinstance(value, type):
            raise Mistake(f"the {name} of the two is a class; instantiate it: `{value.__name__}(...)`")
        if not isinstance(value, kind):
            article = "a model (`nn.Module`)" if kind is nn.Module else "an optimiser, such as one of `torch.optim`"
            raise Mistake(f"the {name} of the two is {described(value)}, expected {article}")
    return model, optimiser


def its_parameters(model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """The optimiser moves this model's parameters, all of them."""
    moved = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    own = dict(model.named_parameters())
    if not own:
        raise Mistake("the model has no parameters left to train")
    if not moved & {id(parameter) for parameter in own.values()}:
        raise Mistake(
            "the optimiser has the parameters of another model: make it after the model, from `model.parameters()`"
        )
    for name, parameter in own.items():
        if not parameter.requires_grad:
            raise Mistake(f"`{name}` is frozen (`requires_grad` is False), so it will not learn")
        if id(parameter) not in moved:
            raise Mistake(f"the optimiser does not update `{name}`: give it all of `model.parameters()`")


def sentences(batch: int, rng: torch.Generator, length: int = LENGTH) -> Tensor:
    """Random words, no padding.   -> (B, T)"""
    return torch.randint(2, WORDS, (batch, length), generator=rng)


def run(model: nn.Module, tokens: Tensor) -> Tensor:
    """The model's logits, of the right shape; what usually goes wrong is named.   (B, T) -> (B, K)"""
    batch, length = tokens.shape
    where = f"for {batch} sentence{'s' * (batch > 1)} of {length} words"
    try:
        logits = guarded(model, tokens.to(next(model.parameters()).device), name="the model")
    except Mistake as problem:
        raise Mistake(f"{where}: {problem}{why_sizes(str(problem), batch, length)}") from None
    logits = expect_tensor(logits, where) if not isinstance(logits, Tensor) else logits
    if not logits.is_floating_point():
        raise Mistake(f"{where} the output is {logits.dtype}: those are chosen classes; the loss needs logits")
    if logits.ndim == 1 and batch == 1 and len(logits) > 1:
        raise Mistake(f"{where} the shape is {tuple(logits.shape)}: does a `squeeze` remove the batch?")
    if logits.ndim == 3 and logits.shape[:2] == (batch, length):
        raise Mistake(
            f"{where} the shape is {tuple(logits.shape)}: logits after every word; expected one row per sentence"
        )
    if logits.ndim == 2 and len(logits) == length != batch:
        raise Mistake(f"{where} there are {length} rows, one for each position: {FIRST}")
    if logits.ndim != 2 or len(logits) != batch or logits.shape[1] < 2:
        raise Mistake(
            f"{where} the shape is {tuple(logits.shape)}, expected ({batch}, 2): one row of logits per sentence"
        )
    expect_finite(logits.detach(), where, "look for a logarithm or a division in `forward`")
    outputs = logits.detach()
    if (outputs >= 0).all() and torch.allclose(outputs.sum(1), torch.ones(batch, device=outputs.device), atol=1e-4):
        raise Mistake(
            f"{where} each row of the output sums to 1: there is a softmax at the end of `forward`. "
            "`cross_entropy` expects logits and applies a softmax itself; with a second one the loss cannot get near 0"
        )
    return logits


FIRST = "without `batch_first=True` a recurrent layer treats axis 0 as time, and sentences as words"
FIXED = (
    "the state is made for a batch of {}: make it in `forward`, where the batch size is known, or leave it to the layer"
)


def why_sizes(problem: str, batch: int, length: int) -> str:
    """Words for the exceptions that belong to this exercise."""
    sizes = re.search(r"[Ee]xpected hidden(?:\[\d\])? size \(\d+, (\d+), \d+\), got \[\d+, (\d+), \d+\]", problem)
    if sizes and int(sizes[1]) == length != batch:
        return f". The layer takes {length}, the number of words, for the batch size: {FIRST}"
    if sizes:
        return ". " + FIXED.format(sizes[2])[0].upper() + FIXED.format(sizes[2])[1:]
    if "index out of range" in problem:
        return f". The vocabulary has {WORDS} words: is `vocabulary_size` used?"
    if "backward through the graph a second time" in problem or "modified by an inplace operation" in problem:
        return ". The state of one batch is carried over to the next, its graph included; each batch starts from zeros"
    return ""


def batches_of_any_size(model: nn.Module, rng: torch.Generator) -> None:
    """It runs for 1, 5 and 64 sentences, training and not."""
    for batch, length in ((1, LENGTH), (5, LENGTH), (BATCH, 5)):
        for training in (False, True):
            model.train(training)
            run(model, sentences(batch, rng, length))


def alone_and_together(model: nn.Module, rng: torch.Generator) -> None:
    """What comes out for a sentence depends on its words and their order, and on nothing else."""
    model.eval()
    tokens = sentences(5, rng)
    with torch.no_grad():
        together, again = run(model, tokens), run(model, tokens)
        alone = torch.cat([run(model, row[None]) for row in tokens])
        reverse = run(model, tokens.flip(1))
    if not torch.allclose(together, again, atol=1e-4):
        raise Mistake(
            "the same sentences give another result the second time: is the state carried over to the next batch? "
            "Each sentence starts from zeros. (Or is something random still active in evaluation mode?)"
        )
    if not torch.allclose(together, alone, atol=1e-4):
        layers = [part for part in model.modules() if isinstance(part, nn.RNNBase)]
        cause = FIRST if any(not layer.batch_first for layer in layers) else "which axis is the batch?"
        if cause != FIRST and passed_on(model, tokens, together):
            raise Mistake(
                "within a batch the state is carried from sentence to sentence: a sentence changes with those before "
                "it, and the first with none. Each sentence starts from zeros"
            )
        raise Mistake(f"a sentence gives different results alone and among others, so sentences mix: {cause}")
    if torch.allclose(together, reverse, atol=1e-6):
        raise Mistake("the same words in reverse give the same result: is the recurrent layer still used? Keep it")


@torch.no_grad()
def passed_on(model: nn.Module, tokens: Tensor, together: Tensor) -> bool:
    """Whether sentences depend on those before them in the batch, and on none after them."""
    changed = run(model, torch.cat([tokens[:-1], tokens[:1]]))
    first = run(model, torch.cat([tokens[-1:], tokens[1:]]))
    return torch.allclose(changed[:-1], together[:-1], atol=1e-4) and not torch.allclose(
        first[1:], together[1:], atol=1e-4
    )


LENGTHS = (5, 3, 8, 2, 6)  # the first is neither the shortest nor the longest


@torch.no_grad()
def of_different_lengths(model: nn.Module, rng: torch.Generator) -> None:
    """In a batch of sentences of different lengths each gets what it gets alone; what it gets instead is named."""
    model.eval()
    tokens = sentences(len(LENGTHS), rng, max(LENGTHS))
    for row, length in zip(tokens, LENGTHS, strict=True):
        row[length:] = 0
    together = run(model, tokens)
    alone = torch.cat([run(model, row[None, :length]) for row, length in zip(tokens, LENGTHS, strict=True)])
    if torch.allclose(together, alone, atol=1e-4):
        return
    rows = (together[:, None] - alone).abs().amax(2) < 1e-4  # (B in the batch, B alone)
    if rows.any(1).all() and rows.any(0).all():
        raise Mistake(
            "in a batch of different lengths the results are those of other sentences, so their order has changed: "
            "sentences that are sorted for packing must be put back in their own order"
        )
    for length, whose in ((LENGTHS[0], "first"), (min(LENGTHS), "shortest")):
        longer = [i for i, own in enumerate(LENGTHS) if own >= length]
        cut = torch.cat([run(model, tokens[i : i + 1, :length]) for i in longer])
        if torch.allclose(together[longer], cut, atol=1e-4):
            raise Mistake(
                f"in a batch of different lengths the length of the {whose} sentence is used for all: each sentence "
                "has a last word of its own"
            )
    raise Mistake(
        "in a batch of different lengths a sentence gets another result than alone: does the head get the state after "
        "each sentence's own last word?"
    )


@torch.no_grad()
def up_to_the_last_word(model: nn.Module, rng: torch.Generator) -> None:
    """Another last word gives another result, in a sentence of the longest length and in a shorter one."""
    model.eval()
    tokens = sentences(2, rng)
    tokens[1, 5:] = 0
    other = tokens.clone()
    for row, length in ((0, LENGTH), (1, 5)):
        other[row, length - 1] = 2 + (tokens[row, length - 1] - 1) % (WORDS - 2)
    apart = (run(model, tokens) - run(model, other)).abs().amax(1)
    if (apart < 1e-7).any():
        raise Mistake(
            "another last word does not change the result: the head gets the state before the last word; it should get "
            "the state after it"
        )


@torch.no_grad()
def for_any_vocabulary(answer, words: int = 20_000) -> None:
    """A model for a large vocabulary takes its last word."""
    try:
        run(both(answer, words)[0].eval(), torch.tensor([[words - 1, 2]]))
    except Mistake as problem:
        raise Mistake(
            f"for a vocabulary of {words:,} words its last word does not fit in: is `vocabulary_size` used, or a "
            f"hard-coded number? {str(problem).partition('. The vocabulary has')[0]}"
        ) from None


def with_zeros_behind(model: nn.Module, rng: torch.Generator) -> None:
    """Padding on the right, which is there wherever a longer sentence is in the batch, changes nothing."""
    model.eval()
    tokens = sentences(5, rng)
    longer = F.pad(tokens, (0, PADDING))
    with torch.no_grad():
        bare = run(model, tokens)
        heard, padded = listened(model, longer)
    if not torch.allclose(bare, padded, atol=1e-4):
        raise Mistake(
            f"{PADDING} zeros after a sentence change its result: {what_head_gets(heard)}. A sentence must give the "
            "same result in every batch: `pooling.last_states(states, lengths(tokens))` excludes padding, as in `Buggy`"
        )


def listened(model: nn.Module, tokens: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """The logits, and what was heard on the way: the recurrent layer's 'states' (B, T, H), and what the 'head' got."""
    heard: dict[str, Tensor] = {}

    def hear(layer: nn.Module, inputs: tuple, output) -> None:
        if isinstance(layer, nn.RNNBase) and isinstance(output[0], Tensor) and output[0].ndim == 3:
            heard["states"] = output[0] if layer.batch_first else output[0].transpose(0, 1)
        elif isinstance(layer, nn.Linear):
            heard["head"] = inputs[0]

    hooks = [part.register_forward_hook(hear) for part in model.modules()]
    try:
        return heard, run(model, tokens)  # heard is filled by then
    finally:
        for hook in hooks:
            hook.remove()


def what_head_gets(heard: dict[str, Tensor]) -> str:
    """How padding got into what the head is given, as far as it can be told."""
    states, head = heard.get("states"), heard.get("head")
    if states is None or head is None or head.shape != states[:, -1].shape:
        return "padding is processed, and it affects the input of the head"
    for given, words in (
        (states[:, -1], "the head gets the state of the last column (`[:, -1]`, or `h_n` of an unpacked batch)"),
        (states.mean(1), "the head gets a mean over all columns, padding included"),
        (states.sum(1), "the head gets a sum over all columns, padding included"),
        (states.amax(1), "the head gets the largest over all columns, padding included"),
    ):
        if torch.allclose(head, given, atol=1e-5):
            return words
    return "padding is processed, and it affects the input of the head"


def twice_in_training(model: nn.Module, rng: torch.Generator) -> None:
    """In training, too, a batch leaves nothing behind for the next; dropout is drawn from the same seed each time."""
    model.train()
    tokens, other = sentences(5, rng), sentences(5, rng)

    def seeded() -> Tensor:
        torch.manual_seed(0)
        return run(model, tokens)

    with torch.no_grad():
        first, _, second = seeded(), run(model, other), seeded()
    if not torch.allclose(first, second, atol=1e-5):
        raise Mistake(
            "in training the same batch gives another result after another batch, though no weight changed: a "
            "state is carried over from batch to batch. Each sentence starts from zeros, in training as well"
        )


@torch.no_grad()
def from_zeros(model: nn.Module, rng: torch.Generator) -> None:
    """No recurrent layer is given a first state other than zeros, before it is trained."""
    first: dict[nn.Module, tuple] = {}

    def keep(layer: nn.Module, inputs: tuple, options: dict) -> None:
        state = inputs[1] if len(inputs) > 1 else options.get("hx")
        first.setdefault(layer, state if isinstance(state, tuple | list) else (state,))

    layers = [part for part in model.modules() if isinstance(part, nn.RNNBase | nn.RNNCellBase)]
    hooks = [layer.register_forward_pre_hook(keep, with_kwargs=True) for layer in layers]
    try:
        run(model.eval(), sentences(5, rng))
    finally:
        for hook in hooks:
            hook.remove()
    if any(isinstance(state, Tensor) and state.any() for states in first.values() for state in states):
        raise Mistake(
            "the first state is not zero: is it a parameter, or a number other than 0? Each sentence starts from zeros"
        )


def too_fast(optimiser: torch.optim.Optimizer) -> str:
    """Adam and its kin move each weight by about the learning rate; the toy task often forgives a huge one."""
    rate = max(float(group["lr"]) for group in optimiser.param_groups)
    if rate <= FASTEST or "betas" not in optimiser.param_groups[0]:
        return ""
    return (
        f"the learning rate {rate:g} is too large: {type(optimiser).__name__} moves every weight by about {rate:g} "
        "per step, and an LSTM's weights start within ±0.2: on reviews it would stay near chance level. Try 0.003"
    )


def toy(rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Sentences of words from one half of the vocabulary, and which half it is.   -> (B, T), (B,)"""
    half = (WORDS - 2) // 2
    labels = torch.randint(0, 2, (BATCH,), generator=rng)
    return torch.randint(2, 2 + half, (BATCH, LENGTH), generator=rng) + half * labels[:, None], labels


def learns(model: nn.Module, optimiser: torch.optim.Optimizer, rng: torch.Generator) -> int:
    """Trains on the toy task until the loss is below chance; the number of steps. Not learning is explained."""
    model.train()
    losses: list[float] = []
    while len(losses) < STEPS:
        tokens, labels = toy(rng)
        logits = run(model, tokens)
        loss = F.cross_entropy(logits, labels.to(logits.device))
        if not loss.requires_grad:
            raise Mistake("no gradient leaves the output: is there a `no_grad`, a `detach` or an `.item()` on the way?")
        optimiser.zero_grad()
        try:
            guarded(loss.backward, name="backward")
            guarded(optimiser.step, name="the optimiser's step")
        except Mistake as problem:
            raise Mistake(f"{problem}{why_sizes(str(problem), *tokens.shape)}") from None
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise Mistake(f"in training the loss became {losses[-1]}: {rate_of(optimiser)}")
        if len(losses) >= 5 and sum(losses[-5:]) / 5 < LEARNED:
            return len(losses)
    unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    if unused:
        raise Mistake(f"it does not learn, and no gradient reaches `{unused[0]}`: is it cut off by a `detach`?")
    raise Mistake(
        f"after {STEPS} steps on an easy toy task the loss is {sum(losses[-5:]) / 5:.2f}; chance is 0.69, and below "
        f"{LEARNED} was expected: {rate_of(optimiser)}"
    )


def rate_of(optimiser: torch.optim.Optimizer) -> str:
    """What is the matter with an optimiser that does not get there."""
    groups = optimiser.param_groups
    rate = float(max(group["lr"] for group in groups))
    if isinstance(optimiser, torch.optim.SGD):
        momentum = float(max(group["momentum"] for group in groups))
        if not momentum and rate <= 0.5:
            return f"this is still plain SGD, at {rate:g}; the embedding of a rare word hardly changes"
        longer = 1 / max(1 - momentum, 1e-3)
        if rate * longer <= 0.5:
            return (
                f"this is still SGD, at {rate:g}: momentum {momentum:g} makes its steps up to {longer:.0f} times as "
                "long, and they are still in proportion to a tiny gradient"
            )
    if words := too_fast(optimiser):
        return words
    if rate < 1e-3:
        return f"the learning rate {rate:g} is too small"
    if rate > 0.03:
        return f"the learning rate {rate:g} is too large"
    return (
        f"{type(optimiser).__name__} at {rate:g} should work, so look at the model: what does its head get, and does "
        "a softmax follow it?"
    )
