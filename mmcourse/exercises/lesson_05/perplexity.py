"""Exercise 05.2: perplexity, weighted by tokens."""

import math

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_float, whole


def perplexity(sentences: list[Tensor]) -> float:
    """What the answer should give."""
    return math.exp(-torch.cat(sentences).mean().item())


def mean(values) -> float:
    """The mean of some numbers."""
    values = list(values)
    return sum(values) / len(values)


MISTAKES = [
    (
        lambda s: math.exp(torch.cat(s).mean().item()),
        "the minus sign is missing: it is below 1, and a perplexity is 1 or more",
    ),
    (lambda s: -torch.cat(s).mean().item(), "that is the cross-entropy; its exponential is the perplexity"),
    (
        lambda s: torch.cat(s).mean().item(),
        "that is the mean log-probability; the perplexity is the exponential of minus that",
    ),
    (
        lambda s: mean(math.exp(-x.mean().item()) for x in s),
        "that is the mean of the sentences' perplexities: take the mean over all tokens first, then one exponential",
    ),
    (
        lambda s: math.exp(-mean(x.mean().item() for x in s)),
        "every sentence counts alike, so a token of a short one counts more: take the mean over all tokens",
    ),
    (
        lambda s: math.exp(-mean(x.sum().item() for x in s)),
        "the sum is divided by the number of sentences; divide by the number of tokens",
    ),
    (lambda s: math.exp(-torch.cat(s).sum().item()), "the sum is not divided by the number of tokens"),
    (
        lambda s: 2 ** -torch.cat(s).mean().item(),
        "it is 2 to a power; the log-probabilities are natural logarithms: `exp`",
    ),
    (
        lambda s: 10 ** -torch.cat(s).mean().item(),
        "it is 10 to a power; the log-probabilities are natural logarithms: `exp`",
    ),
    (
        lambda s: mean((-torch.cat(s)).exp().tolist()),
        "the exponential of every token is taken before the mean: first the mean, then one exponential",
    ),
    (
        lambda s: 1 / torch.cat(s).exp().mean().item(),
        "that is 1 divided by the mean probability; the mean is over logarithms",
    ),
    (
        lambda s: math.exp(-torch.nn.utils.rnn.pad_sequence(s).mean().item()),
        "the sentences are padded with zeros, and the padding is counted: a logarithm of 0 is a probability of 1",
    ),
    (
        lambda s: math.exp(-s[-1].sum().item() / len(torch.cat(s))),
        "only the last sentence is in the sum: `=` replaces what `+=` adds to",
    ),
    (
        lambda s: math.exp(-torch.cat(s).sum().item() / (len(torch.cat(s)) - 1)),
        "the sum is divided by one token less than there are",
    ),
    (
        lambda s: math.exp(-torch.cat([x[1:] for x in s]).mean().item()),
        "the first token of each sentence is left out; every token counts",
    ),
    (
        lambda s: math.exp(-torch.cat([x[:-1] for x in s]).mean().item()),
        "the last token of each sentence is left out; every token counts",
    ),
    (
        lambda s: math.exp(-torch.cat(s).sum().item() / sum(len(x) + 1 for x in s)),
        "the sum is divided by one token more per sentence than there are: by the number of tokens",
    ),
    (
        lambda s: math.exp(-torch.cat(s).abs().log().mean().item()),
        "a logarithm of the values is taken; they are logarithms already",
    ),
    (
        lambda s: math.exp(min(-torch.cat(s).sum().item() / len(s[-1]), 700)),
        "the sum is divided by the length of the last sentence: `+=` adds the lengths up, `=` overwrites",
    ),
    (
        lambda s: math.exp(min(-torch.cat(s).sum().item() / len(s[0]), 700)),
        "the sum is divided by the length of the first sentence; divide by the number of all tokens",
    ),
    (
        lambda s: math.exp(min(-torch.cat(s).sum().item() / max(map(len, s)), 700)),
        "the sum is divided by the length of the longest sentence; divide by the number of all tokens",
    ),
    *(
        (
            lambda s, less=less: math.exp(min(-torch.cat(s).sum().item() / max(less(s), 1), 700)),
            "the number of tokens is one too small for each sentence: divide by the number of all tokens",
        )
        for less in (lambda s: sum(len(x) - 1 for x in s), lambda s: sum(max(len(x) - 1, 1) for x in s))
    ),
    (
        lambda s: math.exp(-torch.cat(s).sum().item() / (len(torch.cat(s)) + 1)),
        "the sum is divided by one token more than there are",
    ),
    (
        lambda s: math.exp(-torch.cat(s[:-1]).mean().item()),
        "the last sentence is left out; the tokens of all sentences count",
    ),
    (
        lambda s: math.exp(-torch.cat(s[1:]).mean().item()),
        "the first sentence is left out; the tokens of all sentences count",
    ),
    (
        lambda s: math.exp(min(-sum(x.mean().item() for x in s), 700)),
        "the sentences' means are added; take the mean over all tokens",
    ),
    (
        lambda s: math.exp(-min(s, key=len).mean().item()),
        "only the shortest sentence is counted; the tokens of all sentences count",
    ),
    (
        lambda s: math.exp(-math.fsum(math.exp(x) * x for x in torch.cat(s).tolist()) / len(torch.cat(s))),
        "each logarithm is weighted by its own probability; take their plain mean",
    ),
    (lambda s: -torch.cat(s).sum().item(), "that is the sum of the losses, neither divided nor in `exp`"),
    (lambda s: torch.cat(s).exp().mean().item(), "that is the mean probability of the tokens"),
    (lambda s: max(math.exp(-x.mean().item()) for x in s), "that is the largest of the sentences' perplexities"),
    (lambda s: math.exp(-torch.cat(s).median().item()), "that is the median of the tokens; take their mean"),
    (
        lambda s: math.exp(-max(s, key=len).mean().item()),
        "only the longest sentence is counted; the tokens of all sentences count",
    ),
    (lambda s: math.exp(-s[0].mean().item()), "only the first sentence is counted"),
    (
        lambda s: math.exp(-s[-1].mean().item()),
        "only the last sentence is counted: is something overwritten in the loop?",
    ),
]


@exercise(
    "05.2",
    title="perplexity",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "How many tokens do all sentences have together? The sum of all log-probabilities is divided by that number.",
        "`torch.cat(sentences)` puts the log-probabilities of all sentences into one tensor.",
        "Mean, minus sign, exponential, in this order. `.item()` gives a number.",
    ),
)
def perplexity_check(answer, rng):
    def draw(*lengths: int) -> list[Tensor]:
        return [-4 * torch.rand(length, generator=rng) - 0.1 * (i + 1) for i, length in enumerate(lengths)]

    cases = [(draw(whole(rng, 8, 12), 2),), (draw(1, 5, whole(rng, 9, 14)),), (draw(4, 4, 4, 1),)]
    given = []
    for (sentences,) in cases:
        given.append(expect_float(answer(sentences), f"{of_lengths(sentences)} it"))
    if all(close(value, perplexity(*case)) for value, case in zip(given, cases, strict=True)):
        uniform = expect_float(answer([torch.full((3,), 1 / 7).log(), torch.full((5,), 1 / 7).log()]), "it")
        if not close(uniform, 7):
            raise Mistake(f"where every token has probability 1/7 it returned {uniform:.3f}, expected 7")
        judge_long_text(answer, draw(300, 500))
        return (
            f"{len(cases)} texts of sentences of different lengths, and a long one; among 7 equally probable tokens "
            "it is 7"
        )
    words = next((words for wrong, words in MISTAKES if gives(wrong, cases, given)), None)
    if any(map(math.isnan, given)):
        words = "a logarithm of a negative number is NaN, and the values are logarithms already, all negative"
    i = next(i for i, case in enumerate(cases) if not close(given[i], perplexity(*case)))
    raise Mistake(
        f"{of_lengths(cases[i][0])} it returned {given[i]:.3f}, expected "
        f"{perplexity(*cases[i]):.3f}" + (f": {words}" if words else "")
    )


def gives(wrong, cases: list[tuple], given: list[float]) -> bool:
    """Whether a mistake gives every result; not where it cannot be made."""
    try:
        return all(map(close, given, (wrong(*case) for case in cases)))
    except (OverflowError, ZeroDivisionError, ValueError):
        return False


def judge_long_text(answer: Answer, sentences: list[Tensor]) -> None:
    """The product of many probabilities is too small for a float; their logarithms are not."""
    words = "the product of 800 probabilities is too small for a float and becomes 0: add logarithms instead"
    try:
        result = expect_float(answer(sentences), f"{of_lengths(sentences)} it")
    except Mistake as problem:
        raise Mistake(f"{of_lengths(sentences)}: {problem}. Perhaps {words}") from None
    if not close(result, perplexity(sentences)):
        told = f": {words}" if result in (0, math.inf) else ""
        raise Mistake(f"{of_lengths(sentences)} it returned {result:.3f}, expected {perplexity(sentences):.3f}{told}")


def of_lengths(sentences: list[Tensor]) -> str:
    """What a case is, in words."""
    return f"for sentences of {', '.join(str(len(s)) for s in sentences)} tokens"


def close(value: float, expected: float) -> bool:
    """Equal up to rounding."""
    return math.isclose(value, expected, rel_tol=1e-4)
