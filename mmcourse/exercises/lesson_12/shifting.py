"""Exercise 12.1: what a decoder reads in teacher forcing, and what it is to say."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, whole

START, END = 2, 3


@exercise(
    "12.1",
    title="what is read, what is said",
    dots=1,
    minutes=5,
    hints=(
        "Take one sentence, <start> a fish <end>. What does the decoder know before it says 'a'? Before 'fish'?",
        "The last word is never read, nothing comes after it; <start> is never said. Both are slices of `tokens`.",
    ),
)
def shift_right(answer, rng):
    for longest in (6 + torch.randperm(6, generator=rng)[:3]).tolist():
        tokens = sentences(rng, longest)
        inputs, targets = pair_of(answer(tokens), tokens)
        judge(inputs, targets, tokens)
    return "three batches: at each place the words so far are read, and the next one is said"


def sentences(rng: torch.Generator, longest: int) -> Tensor:
    """Framed sentences of different lengths, padded.   (B, longest)"""
    lengths = [longest, *(whole(rng, 4, longest - 1) for _ in range(3))]
    tokens = torch.zeros(len(lengths), longest, dtype=torch.int64)
    for row, n in zip(tokens, lengths, strict=True):
        row[:n] = torch.randperm(40, generator=rng)[:n] + 5
        row[0], row[n - 1] = START, END
    return tokens


def pair_of(result, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and targets, once two tensors of one shape came."""
    where = f"for tokens {tuple(tokens.shape)}"
    if isinstance(result, Tensor):
        raise NotRight(f"{where} one tensor came back; two are asked for: `return inputs, targets`")
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise NotRight(f"{where} it gave {described(result)}, expected two tensors: inputs, targets")
    inputs, targets = (x.detach().cpu() for x in result)
    if other := [x.dtype for x in (inputs, targets) if x.is_floating_point() or x.dtype == torch.bool]:
        raise NotRight(f"{where} the words are of type {other[0]}; they are looked up, so leave them the whole numbers")
    batch, length = tokens.shape
    if inputs.shape == targets.shape == (batch - 1, length):
        raise NotRight(f"{where} a sentence is missing: `[1:]` cuts rows; places are the second axis, `[:, 1:]`")
    if inputs.shape == targets.shape == tokens.shape:
        raise NotRight(
            f"{where} both are as long as the tokens; there is one step less: <start> is not said, and after the last "
            "word nothing is"
        )
    if inputs.shape != targets.shape:
        raise NotRight(
            f"{where} inputs are {tuple(inputs.shape)} and targets {tuple(targets.shape)}: for each word that is read "
            "one is said, so both are one place shorter than the tokens"
        )
    if inputs.shape != (batch, length - 1):
        raise NotRight(f"{where} both have shape {tuple(inputs.shape)}, expected {(batch, length - 1)}")
    return inputs, targets


def judge(inputs: Tensor, targets: Tensor, tokens: Tensor) -> None:
    first, last = tokens[:, :-1], tokens[:, 1:]
    if torch.equal(inputs, last) and torch.equal(targets, first):
        raise NotRight("inputs and targets are exchanged: <start> is read and never said")
    if torch.equal(inputs, targets):
        raise NotRight("what is read is what is to be said: the answer stands in the question. Shift one by one")
    if not torch.equal(targets, last):
        if torch.equal(targets, first):
            raise NotRight("<start> is among the targets; the first word that is said comes after it")
        raise NotRight("the targets are not the next words: everything but <start>, padding included")
    real = last != 0
    if not torch.equal(inputs[real], first[real]):
        if torch.equal(inputs, last):
            raise NotRight("the inputs lack <start>: the first word has to be said from something")
        raise NotRight("the inputs are not the words before: everything but the last place")
    if ((inputs != first) & (inputs != 0)).any():
        raise NotRight("after the last word something else than <end> or padding is read")
