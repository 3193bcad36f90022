"""The debugging exercise of lesson 05: a language model evaluated in training mode."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_float, whole
from mmcourse.exercises.properties import NetworkState

VOCABULARY_SIZE = 12


class Spy(nn.Module):
    """A small language model with dropout that notes in which mode it is called, and whether gradients are kept."""

    def __init__(self, rng: torch.Generator):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY_SIZE, 16)
        self.inner = nn.Sequential(nn.Dropout(0.5), nn.Linear(16, VOCABULARY_SIZE))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=rng))
        self.embedding.requires_grad_(False)  # as in fine-tuning: it must not learn afterwards either
        self.modes, self.gradients = [], []

    def forward(self, tokens: Tensor) -> Tensor:
        self.modes.append((self.training, self.inner[0].training))
        logits = self.inner(self.embedding(tokens))
        self.gradients.append(logits.requires_grad)
        return logits


@exercise(
    "05.debug",
    title="another score at every evaluation",
    dots=2,
    minutes=15,
    hints=(
        "Evaluate the same model on the same batches twice. What in a model is random? When should it not be?",
        "Dropout is on while the model is in training mode, and stays on until `model.eval()` is called. After `fit` a "
        "model is in evaluation mode; in the middle of training it is not.",
        "Note the mode first (`was_training = model.training`), call `model.eval()`, evaluate under `torch.no_grad()`, "
        "and go back with `model.train(was_training)`.",
    ),
)
def perplexity_fixed(answer, rng):
    for was_training in (True, False):
        for lengths in ((9, 3, 6), (whole(rng, 2, 4), 8)):
            judge_evaluation(answer, rng, was_training, lengths)
    return (
        "dropout and gradients are off while it evaluates, every token counts alike, and afterwards the model is in "
        "the mode it was in"
    )


def batches_of(lengths: tuple[int, ...], rng: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Inputs and targets, the first batch much larger than the others; some targets are 0, which is not counted."""
    found = []
    for i, length in enumerate(lengths):
        tokens = torch.randint(1, VOCABULARY_SIZE, (5 if i == 0 else 1, length), generator=rng)
        targets = torch.randint(1, VOCABULARY_SIZE, tokens.shape, generator=rng)
        targets[0, -1] = 0
        found.append((tokens, targets))
    return found


def judge_evaluation(answer, rng: torch.Generator, was_training: bool, lengths: tuple[int, ...]) -> None:
    """One model in one mode on one list of batches."""
    model, batches = Spy(rng).train(was_training), batches_of(lengths, rng)
    before, gradients = NetworkState(model), torch.is_grad_enabled()
    rates = model.inner[0].p
    result = answer(model, batches)
    if torch.is_grad_enabled() != gradients:
        torch.set_grad_enabled(gradients)
        raise Mistake(
            "gradients stay switched off afterwards, so training cannot go on: `with torch.no_grad():` ends, "
            "`torch.set_grad_enabled(False)` does not"
        )
    if isinstance(result, Tensor) and result.requires_grad:
        raise Mistake("the result carries a graph: gradients are kept; evaluate under `torch.no_grad()`")
    result = expect_float(result, "it")
    if before.values_changed():
        raise Mistake("the weights have changed: an evaluation takes no step")
    if model.inner[0].p != rates:
        raise Mistake(
            "the rate of the dropout was changed, and training goes on without it: `model.eval()` switches it off"
        )
    learns = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    if learns != before.learns:
        frozen = [name for name in learns if before.learns[name] and not learns[name]]
        raise Mistake(
            f"`{frozen[0]}` is frozen afterwards (`requires_grad` is False), so it no longer learns: evaluate under "
            "`torch.no_grad()`, which ends by itself"
            if frozen
            else "parameters that were frozen before learn afterwards: evaluate under `torch.no_grad()`, which changes "
            "no `requires_grad`"
        )
    if model.modes and any(inner for _, inner in model.modes):
        if any(outer for outer, _ in model.modes):
            modes = [inner for _, inner in model.modes]
            which = [str(i) for i, training in enumerate(modes) if training]
            raise Mistake(
                f"of {len(modes)} batches, {', '.join(which)} (counted from 0) "
                f"{'is' if len(which) == 1 else 'are'} evaluated in training mode: "
                + (
                    "`model.eval()` belongs before the loop"
                    if modes[0]
                    else "the mode goes back only after the loop over the batches, not in it"
                )
                if not all(modes)
                else "dropout is still on: the model is in training mode while it is evaluated. First `model.eval()`"
            )
        raise Mistake(
            "`model.training` is False, but its layers are still in training mode: `model.eval()` sets them all"
        )
    if any(model.gradients):
        raise Mistake("gradients are kept during the evaluation, which costs memory and time: `with torch.no_grad():`")
    if model.training != was_training or model.inner[0].training != was_training:
        if was_training:
            raise Mistake(
                "the model stays in evaluation mode: training goes on without dropout. Go back to the mode it was in"
            )
        raise Mistake(
            "the model was in evaluation mode and is in training mode afterwards: note the mode, then go back to it"
        )
    before.expect_settings_kept("model")
    judge_number(result, model, batches)


@torch.no_grad()
def judge_number(result: float, model: Spy, batches: list[tuple[Tensor, Tensor]]) -> None:
    """The perplexity over all counted tokens; other averages are named."""
    model.eval()
    losses = [
        F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=0, reduction="sum").item() for x, y in batches
    ]
    every = [F.cross_entropy(model(x).flatten(0, 1), y.flatten(), reduction="sum").item() for x, y in batches]
    counts = [int((y != 0).sum()) for _, y in batches]
    cells = [y.numel() for _, y in batches]
    own = [F.cross_entropy(model(x).flatten(0, 1), x.flatten(), reduction="sum").item() for x, _ in batches]
    means = [loss / n for loss, n in zip(losses, counts, strict=True)]
    right = math.exp(sum(losses) / sum(counts))
    mistakes = (
        (sum(losses) / sum(counts), "that is the cross-entropy; the perplexity is its exponential"),
        (
            math.exp(sum(means) / len(means)),
            "every batch counts alike, so a token of a small batch counts more: divide the sum by the number of tokens",
        ),
        (
            sum(map(math.exp, means)) / len(means),
            "that is the mean of the batches' perplexities: one exponential, at the end",
        ),
        (math.exp(sum(every) / sum(cells)), "targets of 0 are counted; they are padding: `ignore_index=0`"),
        (math.exp(sum(losses) / sum(cells)), "the loss leaves padding out, and the division counts it"),
        (
            math.exp(min(sum(every) / sum(counts), 700)),
            "the sum contains padding, whose targets are 0, and the division leaves it out: `ignore_index=0`",
        ),
        *(
            (
                math.exp(min(sum(own) / sum(number), 700)),
                "the outputs are compared with the inputs; compare them with the targets",
            )
            for number in (counts, cells)
        ),
        *(
            (math.exp(total / sum(counts)), 'means are added and divided again: add sums, `reduction="sum"`')
            for total in (sum(means), sum(every) / sum(cells))
        ),
        (1 / right, "the sign is wrong: there is a minus too many, and cross-entropy has its own. It is below 1"),
        (math.exp(min(means[-1], 700)), "only the last batch is counted"),
        (math.exp(min(means[0], 700)), "only the first batch is counted: is the `return` inside the loop?"),
        (math.exp(min(sum(means), 700)), "the losses of the batches are added and not divided"),
    )
    if math.isclose(result, right, rel_tol=1e-3):
        return
    for value, words in mistakes:
        if math.isclose(result, value, rel_tol=1e-3):
            raise Mistake(words)
    raise Mistake(f"the mode is correct, but it returned {result:.3f}, expected {right:.3f}")
