"""Exercise 12.3: before a word is said, the decoder's state asks all places of the picture."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import Mistakes, described, drawn, judge_tensors


def scores_of(state: Tensor, positions: Tensor, W: Tensor) -> Tensor:
    """(B, T)"""
    return (positions @ (state @ W.T)[:, :, None])[..., 0]


def attended(
    weights_of=lambda scores: scores.softmax(1),
    found_of=lambda w, positions: (w[:, None] @ positions)[:, 0],
    shown_of=lambda scores, w: w,
):
    """Attention in one step, its weights, its mean or what is given for weights made in another way.

    Found and weights are side by side, (B, D + T).
    """

    def attend(state, positions, W):
        scores = scores_of(state, positions, W)
        weights = weights_of(scores)
        return torch.cat([found_of(weights, positions), shown_of(scores, weights)], dim=1)

    return attend


right = attended()
MISTAKES: Mistakes = [
    (attended(lambda s: s), "the softmax is missing: the weights are bare scores"),
    (attended(lambda s: s.softmax(0)), "the softmax runs over the batch; over the places of one picture they sum to 1"),
    (
        attended(torch.ones_like),
        "every weight is 1: the softmax runs over an axis of length 1; it belongs over the T places",
    ),
    (
        attended(lambda s: s.flatten().softmax(0).view_as(s)),
        "the weights of the whole batch sum to 1 together; those of each picture do: a softmax over T alone",
    ),
    (attended(torch.exp), "`exp` alone: divided by their sum over the places, the weights sum to 1"),
    (
        attended(lambda s: s / s.sum(1, keepdim=True)),
        "the scores are divided by their sum and the `exp` is missing, so weights may be negative",
    ),
    (
        attended(shown_of=lambda scores, w: scores),
        "found is right, but the scores are given for the weights: those after the softmax are asked for",
    ),
    (
        attended(shown_of=lambda scores, w: scores.log_softmax(1)),
        "found is right, but the logarithms of the weights are given: `softmax`, not `log_softmax`",
    ),
    (attended(lambda s: s.log_softmax(1)), "the weights are logarithms: `softmax`, not `log_softmax`"),
    (
        lambda s, p, W: torch.cat([s @ W.T, right(s, p, W)[:, p.shape[2] :]], dim=1),
        "what is given as found is the query; found is the mean of the places, weighted",
    ),
    (attended(torch.sigmoid), "the weights come from a sigmoid; a softmax makes those of one picture sum to 1"),
    (
        attended(lambda s: (-s).softmax(1)),
        "places that fit worst get most of the weight: a minus too many?",
    ),
    (
        attended(lambda s: torch.nn.functional.one_hot(s.argmax(1), s.shape[1]).to(s)),
        "only the best place counts; with an argmax nothing before it could learn",
    ),
    (
        lambda s, p, W: attended(lambda x: (x / p.shape[2] ** 0.5).softmax(1))(s, p, W),
        "the scores are divided by the root of D; here they are taken as they are",
    ),
    (
        lambda s, p, W: attended(lambda x: (x / s.shape[1] ** 0.5).softmax(1))(s, p, W),
        "the scores are divided by the root of H; here they are taken as they are",
    ),
    (
        attended(found_of=lambda w, p: (w[:, None] @ p)[:, 0] / p.shape[1]),
        "what was found is divided by the number of places; the weights sum to 1 already",
    ),
    (attended(found_of=lambda w, p: p.mean(dim=1)), "what was found is the plain mean: the weights are not used"),
    (
        attended(found_of=lambda w, p: p[torch.arange(len(p)), w.argmax(1)]),
        "what was found is the best place alone; it is the mean of all, weighted",
    ),
]


@exercise(
    "12.3",
    title="look before you speak",
    dots=2,
    minutes=10,
    hints=(
        "`state @ W.T` is the query, (B, D), a vector like those of the places; its product with each is a score.",
        "`(positions @ query[:, :, None])` is (B, T, 1); `.squeeze(2)` and a softmax over T make the weights.",
        "The mean: `(weights[:, :, None] * positions).sum(dim=1)`, (B, D).",
    ),
)
def attend(answer, rng):
    cases = [
        (drawn(rng, batch, hidden), drawn(rng, batch, tokens, width), drawn(rng, width, hidden) / 2)
        for batch, tokens, width, hidden in ((3, 7, 4, 6), (4, 4, 6, 3), (2, 9, 5, 5), (1, 5, 3, 4))
    ]
    judge_tensors(lambda *case: joined(answer(*case), case), cases, right, MISTAKES, where, entry=entry)
    remark = expect_gradients(answer, cases[0], lambda *case: tuple(right(*case).split([4, 7], dim=1)), part=tuple)
    return "four sizes; the weights of each picture sum to 1" + remark


def joined(result, case) -> Tensor:
    """Found and weights side by side, once they have their shapes."""
    state, positions, _ = case
    batch, tokens, width = positions.shape
    if isinstance(result, Tensor):
        raise NotRight("one tensor came back; what was found and the weights are asked for: `return found, weights`")
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise NotRight(f"{where(*case)} it gave {described(result)}, expected two tensors: found, weights")
    found, weights = (x.detach().cpu() for x in result)
    shapes = tuple(found.shape), tuple(weights.shape)
    if shapes == ((batch, tokens), (batch, width)) and tokens != width:
        raise NotRight("the weights come first; `return found, weights`")
    if shapes[1] == (batch, tokens, 1) or shapes[0] in ((batch, width, 1), (batch, 1, width)):
        raise NotRight(f"{where(*case)} an axis of 1 is left over, {shapes[0]} and {shapes[1]}: `.squeeze(...)`")
    if shapes[0] == (batch, tokens, width):
        raise NotRight(f"{where(*case)} the places are weighted and not yet added up: `.sum(dim=1)`")
    if shapes != ((batch, width), (batch, tokens)):
        raise NotRight(
            f"{where(*case)} found has shape {shapes[0]} and the weights {shapes[1]}, expected {(batch, width)} and "
            f"{(batch, tokens)}"
        )
    return torch.cat([found, weights], dim=1)


def where(state: Tensor, positions: Tensor, W: Tensor) -> str:
    return f"for a state {tuple(state.shape)}, places {tuple(positions.shape)} and W {tuple(W.shape)}"


def entry(position: tuple[int, int], case: tuple) -> str:
    (row, column), width = position, case[1].shape[2]
    return f"found[{row}, {column}]" if column < width else f"weights[{row}, {column - width}]"
