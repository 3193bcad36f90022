"""Exercise 12.1: the inputs and targets of teacher forcing."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import SQUEEZED, described, squeezed, whole

START, END = 2, 3


@exercise(
    "12.1",
    title="inputs and targets",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Take one sentence, <start> a fish <end>. Which words has the decoder read when it predicts 'a'? And 'fish'?",
        "The last token is never an input, <start> is never a target. Both are slices of `tokens`.",
    ),
)
def shift_right(answer, rng):
    for longest, count in zip((6 + torch.randperm(6, generator=rng)[:4]).tolist(), (4, 5, 3, 1), strict=True):
        tokens = sentences(rng, longest, count)
        inputs, targets = pair_of(answer(tokens), tokens)
        judge(inputs, targets, tokens)
    padded = F.pad(sentences(rng, 7, 3), (0, 2))
    judge(*pair_of(answer(padded), padded), padded)
    return "five batches, one of a single sentence: at each position the input is one token, and the target is the next"


def sentences(rng: torch.Generator, longest: int, count: int) -> Tensor:
    """Sentences of different lengths from <start> to <end>, padded.   (count, longest)"""
    lengths = [longest, *(whole(rng, 4, longest - 1) for _ in range(count - 1))]
    tokens = torch.zeros(len(lengths), longest, dtype=torch.int64)
    for row, n in zip(tokens, lengths, strict=True):
        row[:n] = torch.randperm(40, generator=rng)[:n] + 5
        row[0], row[n - 1] = START, END
    return tokens


def pair_of(result, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets, once they are two tensors of the same shape."""
    where = f"for tokens {tuple(tokens.shape)}"
    if isinstance(result, Tensor):
        raise Mistake(f"{where} one tensor was returned; two are expected: `return inputs, targets`")
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Mistake(f"{where} it returned {described(result)}, expected two tensors: inputs, targets")
    inputs, targets = (x.detach().cpu() for x in result)
    if other := [x.dtype for x in (inputs, targets) if x.is_floating_point() or x.dtype == torch.bool]:
        raise Mistake(
            f"{where} the tokens are of type {other[0]}; they are indices of the vocabulary, so keep them integers"
        )
    batch, length = tokens.shape
    if any(squeezed(x.shape, (batch, length - 1)) for x in (inputs, targets)):
        raise Mistake(f"{where} both have shape {tuple(inputs.shape)}, expected {(batch, length - 1)}: {SQUEEZED}")
    if inputs.shape == targets.shape == (batch - 1, length):
        raise Mistake(f"{where} a sentence is missing: `[1:]` removes rows; positions are the second axis, `[:, 1:]`")
    if inputs.shape == targets.shape == tokens.shape:
        raise Mistake(
            f"{where} both are as long as the tokens, which is one too many: <start> is never a target, and after the "
            "last token there is none"
        )
    if inputs.shape != targets.shape:
        raise Mistake(
            f"{where} inputs are {tuple(inputs.shape)} and targets {tuple(targets.shape)}: each input "
            "has one target, so both are one position shorter than the tokens"
        )
    if inputs.shape != (batch, length - 1):
        wide = int((tokens != 0).any(0).sum())  # columns that hold a token
        cause = ": columns of padding alone are left out; keep them" if inputs.shape == (batch, wide - 1) else ""
        raise Mistake(f"{where} both have shape {tuple(inputs.shape)}, expected {(batch, length - 1)}{cause}")
    return inputs, targets


def judge(inputs: Tensor, targets: Tensor, tokens: Tensor) -> None:
    first, last = tokens[:, :-1], tokens[:, 1:]
    if len(tokens) > 1 and torch.equal(inputs.flatten(), tokens.flatten()[: inputs.numel()]):
        raise Mistake(
            "from the second row on, a row begins with tokens of another sentence: the batch was cut after it was "
            "flattened. Cut every row, along the second axis"
        )
    if torch.equal(inputs, last) and torch.equal(targets, first):
        raise Mistake("inputs and targets are exchanged: <start> is an input and never a target")
    if torch.equal(inputs, targets):
        raise Mistake(
            "inputs and targets are the same: the answer is part of the input. Shift one of them by one position"
        )
    if not torch.equal(targets, last):
        if torch.equal(targets, first):
            raise Mistake("<start> is among the targets; the first target is the word after it")
        raise Mistake("the targets are not the next tokens: all but <start>, padding included")
    real = last != 0
    if not torch.equal(inputs[real], first[real]):
        if torch.equal(inputs, last):
            raise Mistake("the inputs lack <start>, from which the first word is predicted")
        raise Mistake("the inputs are not the previous tokens: all but the last position")
    if ((inputs != first) & (inputs != 0)).any():
        raise Mistake("after the last word, an input is neither <end> nor padding")
