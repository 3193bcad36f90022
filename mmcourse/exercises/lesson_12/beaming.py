"""Exercise 12.4: one step of beam search, from some beginnings to the best continuations."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import (
    SQUEEZED,
    Mistakes,
    described,
    drawn,
    expect_finite,
    explained,
    judge_tensors,
    squeezed,
    whole,
)


def best_of(total: Tensor, width: int, columns: int | None = None) -> Tensor:
    """Scores, parents and words of the largest entries of a table (W, V).   -> (3, width)"""
    scores, position = total.flatten().topk(width)
    columns = columns or total.shape[1]
    return torch.stack([scores, (position // columns).float(), (position % columns).float()])


def right(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    return best_of(scores[:, None] + log_p, width)


def flat_positions(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    """What leads from the parents to positions in the flattened table, after a row of zeros; and zeros.   (3, width)"""
    _, parents, words = right(scores, log_p, width)
    return torch.stack([parents * (log_p.shape[1] - 1) + words, 0 * words, 0 * words])


def each_its_best(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    best, word = (scores[:, None] + log_p).max(dim=1)
    found, order = best.topk(width)
    return torch.stack([found, order.float(), word[order].float()])


def in_their_order(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    best, word = (scores[:, None] + log_p).max(dim=1)
    return torch.stack([best, torch.arange(len(best)).float(), word.float()])[:, :width]


def with_scores(scores_of):
    """The correct pairs, with other scores."""

    def step(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
        _, parents, words = right(scores, log_p, width)
        return torch.stack([scores_of(scores, log_p, parents.long(), words.long()), parents, words])

    return step


def no_word_twice(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    best, parent = (scores[:, None] + log_p).max(dim=0)
    found, words = best.topk(width)
    return torch.stack([found, parent[words].float(), words.float()])


def some_of_each(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    total = scores[:, None] + log_p
    kept = total.topk(max(width // len(scores), 1), dim=1).indices
    return best_of(torch.full_like(total, -torch.inf).scatter(1, kept, total.gather(1, kept)), width)


def few_of_each(count: int):
    """The best of the best `count` continuations of each beginning, as many as there are, at most `width`."""

    def step(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
        total = scores[:, None] + log_p
        kept = total.topk(min(count, total.shape[1]), dim=1).indices
        table = torch.full_like(total, -torch.inf).scatter(1, kept, total.gather(1, kept))
        return best_of(table, min(width, kept.numel()))

    return step


def along_the_words(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    """The score of beginning j is added to word j."""
    words = log_p.shape[1]
    return best_of(torch.nn.functional.pad(scores, (0, max(words - len(scores), 0)))[:words] + log_p, width)


def by_parent(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    """The right continuations in the order of the table."""
    best = right(scores, log_p, width)
    return best[:, (best[1] * log_p.shape[1] + best[2]).argsort()]


def from_the_best(scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    best = scores.argmax()
    found, words = (scores[best] + log_p[best]).topk(width)
    return torch.stack([found, torch.full((width,), float(best)), words.float()])


MISTAKES: Mistakes = [
    (
        lambda s, p, w: best_of(p, w),
        "the scores of the beginnings are left out: a probable word after an improbable beginning wins",
    ),
    (
        lambda s, p, w: best_of(s[:, None] - p, w),
        "the log-probabilities are subtracted from the scores; logarithms of probabilities are added",
    ),
    (
        lambda s, p, w: right(s, p, w)[[0, 1, 1]],
        "the words are the beginnings once more: the word is the remainder, `position % V`",
    ),
    (
        lambda s, p, w: right(s, p, w)[[0, 2, 2]],
        "the parents are the words once more: the beginning is `position // V`",
    ),
    (
        lambda s, p, w: right(s, p, w) + flat_positions(s, p, w)[[1, 0, 1]],
        "the parent is the position in the flattened table: divide by the number of words, `position // V`",
    ),
    (
        lambda s, p, w: best_of(s[:, None] * p, w),
        "scores and log-probabilities are multiplied; logarithms of probabilities are added",
    ),
    (
        lambda s, p, w: best_of(s[:, None] + p.exp(), w),
        "probabilities are added to log-probabilities: without the `exp`",
    ),
    (
        lambda s, p, w: best_of(s[:, None] * p.exp(), w),
        "scores are multiplied with probabilities; all are logarithms here, which are added",
    ),
    (
        with_scores(lambda s, p, parents, words: p[parents, words]),
        "the pairs are correct, their scores are those of the words alone: add the score of the beginning",
    ),
    (
        with_scores(lambda s, p, parents, words: s[parents]),
        "the pairs are correct, their scores are those of the beginnings: add the word's log-probability",
    ),
    (no_word_twice, "no word is kept twice; two beginnings may continue with the same word"),
    (
        some_of_each,
        "each beginning keeps a fixed number of continuations; the best may all continue the same beginning",
    ),
    (from_the_best, "only the best beginning is continued; the continuation of another may score higher"),
    (
        lambda s, p, w: best_of((s[:, None] + p).topk(w, dim=1).values, w),
        "the word is its rank among the best of its beginning; `topk`'s indices tell which word has that rank",
    ),
    (
        lambda s, p, w: best_of(s[:, None] + p, w, w),
        "the position is divided by `width`; a row of the table has V entries: `position // V`, `position % V`",
    ),
    (lambda s, p, w: best_of((s[:, None] + p).exp(), w), "the scores are probabilities; return logarithms"),
    (
        lambda s, p, w: -best_of(-(s[:, None] + p), w) * torch.tensor([[1.0], [-1.0], [-1.0]]),
        "the least probable are kept; `topk` takes the largest by default",
    ),
    (
        each_its_best,
        "each beginning keeps exactly one word; two of the best may continue the same beginning",
    ),
    (in_their_order, "each beginning keeps its best word; choose among all pairs of a beginning and a word"),
    (
        lambda s, p, w: right(s, p, w)[[0, 2, 1]],
        "parents and words are exchanged: `position // V` is the beginning, `position % V` the word",
    ),
    (
        lambda s, p, w: best_of(s[:, None] + p, w, len(s)),
        "the position is divided by the number of beginnings; a row of the table has V entries",
    ),
    (lambda s, p, w: right(s, p, w).flip(1), "the order is ascending; the best comes first"),
    (by_parent, "the right continuations, sorted by their beginning; they are sorted by score, the best first"),
    (
        lambda s, p, w: right(s, p, w) + right(s, p, w)[1] * torch.tensor([[0.0], [0.0], [p.shape[1]]]),
        "the word is its position in the flattened table: take the remainder, `position % V`",
    ),
    (lambda s, p, w: best_of((s[:, None] + p) / 2, w), "the mean of both logarithms is taken; they are added"),
    *(
        (
            lambda s, p, w, over=over: normalised(s, p, w, over),
            "the sums are normalised once more (`softmax` or `log_softmax`); `log_p` are log-probabilities already",
        )
        for over in ("all", "words", "beginnings")
    ),
    *(
        (
            few_of_each(count),
            f"at most {count} continuations of each beginning are considered; the best may all continue the same one",
        )
        for count in (2, 3)
    ),
    (along_the_words, "the scores are added along the words; the beginnings are rows: `scores[:, None]`"),
    (lambda s, p, w: best_of(s.mean() + p, w), "one mean score is added to all; each beginning has its own"),
    (
        lambda s, p, w: best_of(s[:1, None] + p, w),
        "the score of the first beginning is added to all; each has its own",
    ),
]


def normalised(scores: Tensor, log_p: Tensor, width: int, over: str) -> Tensor:
    """The sums, normalised once more."""
    total = scores[:, None] + log_p
    if over == "all":
        return best_of(total.flatten().log_softmax(0).view_as(total), width)
    return best_of(total.log_softmax(1 if over == "words" else 0), width)


CAUSES = {
    "selected index k out of range": "`topk` gets fewer than `width` numbers. There may be fewer beginnings than "
    "`width`, since one beginning can continue with several words: flatten the table of all pairs first",
    "must match the size": "`scores[:, None]` adds the score of each beginning to its own row of `log_p`",
}


@exercise(
    "12.4",
    title="one step of beam search",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "A continuation's score is that of its beginning plus the word's log-probability: `scores[:, None] + log_p`.",
        "`.flatten().topk(width)` finds the best of the whole table, and the position of each in the flattened table.",
        "Row and column of a position: `position // V` and `position % V`.",
    ),
)
def beam_step(answer, rng):
    cases = []
    for beginnings, words, width in ((3, 7, 3), (2, 9, 4), (5, 4, 2), (1, 6, 3)):
        log_p = (2 * drawn(rng, beginnings, words)).log_softmax(dim=1)
        cases.append((-3 * torch.rand(beginnings, generator=rng) - 0.5, log_p, width))
    cases += [one_word_twice(rng), all_from_one(rng)]
    cases.append((*cases[0][:2], 1))
    tried = explained(answer, CAUSES)
    judge_tensors(lambda *case: stacked(tried(*case), *case), cases, right, MISTAKES, where, entry=entry)
    return "beams of seven sizes, one of width 1; all pairs of a beginning and a word were considered"


def one_word_twice(rng: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """Both beginnings are best continued with the same word."""
    logits = drawn(rng, 2, 5)
    logits[:, whole(rng, 0, 4)] = logits.max() + 6
    return -3 * torch.rand(2, generator=rng) - 0.5, logits.log_softmax(dim=1), 2


def all_from_one(rng: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """The best all continue the same beginning."""
    scores = -20 - torch.rand(3, generator=rng)
    scores[whole(rng, 0, 2)] = -0.5
    return scores, drawn(rng, 3, 6).log_softmax(dim=1), 3


def stacked(result, scores: Tensor, log_p: Tensor, width: int) -> Tensor:
    """Three rows of `width`, once they are there."""
    here = where(scores, log_p, width)
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise Mistake(f"{here} it returned {described(result)}, expected three tensors: scores, parents, words")
    try:
        rows = [torch.as_tensor(row).detach().cpu() for row in result]
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"{here} one of the three is not a tensor: expected scores, parents, words") from None
    shapes = [tuple(row.shape) for row in rows]
    if any(squeezed(shape, (width,)) for shape in shapes):
        raise Mistake(f"{here} the three have shapes {shapes[0]}, {shapes[1]}, {shapes[2]}: {SQUEEZED}")
    if shapes == [log_p.shape[:1] + (width,)] * 3 or (len(shapes[0]) == 2 and shapes[0][1] == width):
        raise Mistake(
            f"{here} `width` of each beginning were returned; keep `width` of all together: flatten the table first"
        )
    if shapes == [(log_p.numel(),)] * 3 and log_p.numel() != width:
        raise Mistake(f"{here} all pairs were returned; keep only the best `width`")
    if len(set(shapes)) == 1 and len(shapes[0]) == 1 and shapes[0] != (width,):
        given, count = torch.stack([row.float() for row in rows]), len(scores)
        for mistaken, words in (
            (
                lambda: in_their_order(scores, log_p, count),
                "one word of each beginning was returned: choose among all pairs",
            ),
            (
                lambda: in_their_order(scores, log_p, count)[[0, 2, 1]],
                "one word of each beginning was returned: choose among all pairs; parents come before words",
            ),
            (
                lambda: few_of_each(1)(scores, log_p, count),
                "one word of each beginning was returned: choose among all pairs",
            ),
            (
                lambda: few_of_each(width // count)(scores, log_p, width),
                "`width` is divided among the beginnings, and fewer than `width` were returned: choose among all pairs",
            ),
            *(
                (
                    lambda n=n: few_of_each(n)(scores, log_p, width),
                    f"at most {n} continuations of each beginning are considered, so fewer than `width` were returned",
                )
                for n in range(1, 4)
            ),
        ):
            computed = mistaken()
            if computed.shape == given.shape and torch.allclose(given, computed, rtol=1e-3, atol=1e-4):
                raise Mistake(f"{here} {words}")
    if shapes != [(width,)] * 3:
        raise Mistake(f"{here} the three have shapes {shapes[0]}, {shapes[1]}, {shapes[2]}, expected ({width},) each")
    cause = "is this the logarithm of a negative number? `log_p` and `scores` are logarithms already"
    expect_finite(rows[0], here, cause)
    if any((row != row.round()).any() for row in rows[1:]):
        raise Mistake(f"{here} parents or words are not integers: `//` and `%`, not `/`; scores come first")
    return torch.stack([row.float() for row in rows])


def where(scores: Tensor, log_p: Tensor, width: int) -> str:
    return f"for scores {tuple(scores.shape)}, log_p {tuple(log_p.shape)} and width={width}"


def entry(position: tuple[int, int], case: tuple) -> str:
    row, column = position
    return f"{('scores', 'parents', 'words')[row]}[{column}]"
