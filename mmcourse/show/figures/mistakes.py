"""What a classifier gets wrong: the confusion matrix, and its most confident mistakes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmcourse.picturebook.sentence import with_article
from mmcourse.show import style
from mmcourse.show.figures.images import as_images, grid, smooth


def confusion_matrix(truth: Tensor, guess: Tensor, names: Sequence[str], title: str | None = None) -> None:
    """Show how often each class (a row) was classified as each class (a column), as a fraction of the row.

    truth (N,) class indices; guess (N,) class indices, or logits (N, K); names: the K classes.
    """
    truth, guess = _classes(truth, "truth"), _classes(guess, "guess")
    if truth.shape != guess.shape or len(truth) == 0:
        raise ValueError(
            f"truth has shape {tuple(truth.shape)} and guess {tuple(guess.shape)}; expected the same, not empty"
        )
    n = len(names)
    if int(max(truth.max(), guess.max())) >= n:
        raise ValueError(f"a class index is {int(max(truth.max(), guess.max()))}, but names has only {n} entries")
    counts = torch.bincount(truth * n + guess, minlength=n * n).view(n, n)
    fractions = (counts / counts.sum(1, keepdim=True).clamp(min=1)).numpy()
    off = counts.clone().fill_diagonal_(0)
    worst = [divmod(int(i), n) for i in off.flatten().argsort(descending=True)[:4]]
    listed = "; ".join(f"{names[r]} classified as {names[c]} {int(off[r, c])} times" for r, c in worst if off[r, c])
    alt = f"Confusion matrix over {len(truth):,} examples, accuracy {float((truth == guess).float().mean()):.1%}. " + (
        f"Most frequent mistakes: {listed}." if listed else "No mistakes."
    )
    side = max(3.2, 0.36 * n + 1.3)
    with style.drawing(side + 0.4, side, alt) as figure:
        axis = figure.subplots()
        axis.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
        for r, c in zip(*np.nonzero(fractions >= 0.005), strict=True):
            axis.text(
                c,
                r,
                f"{100 * fractions[r, c]:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if fractions[r, c] > 0.55 else style.INK,
            )
        axis.set_xticks(range(n), names, rotation=90 if n > 5 else 0)
        axis.set_yticks(range(n), names)
        axis.set(xlabel="predicted class", ylabel="true class", title=title or "percent of each row")
        axis.grid(visible=False)
        axis.spines[:].set_visible(False)


def show_mistakes(
    images: Tensor,
    truth: Tensor,
    guess: Tensor,
    confidence: Tensor | None = None,
    names: Sequence[str] | None = None,
    count: int = 8,
    columns: int = 8,
) -> None:
    """Show the most confident mistakes, each with the prediction, its confidence and the true class.

    truth (N,); guess (N,) class indices, with `confidence` (N,) beside them, or logits (N, K) that tell both.
    """
    images = as_images(images)
    if guess.is_floating_point() and guess.dim() == 2:
        confidence = guess.detach().cpu().float().softmax(1).amax(1)
    truth, guess = _classes(truth, "truth"), _classes(guess, "guess")
    if not len(images) == len(truth) == len(guess):
        raise ValueError(
            f"there are {len(images)} images, {len(truth)} true classes and {len(guess)} predictions; expected as many "
            "of each"
        )
    confidence = torch.zeros(len(truth)) if confidence is None else confidence.detach().cpu().float()
    wrong = (truth != guess).nonzero()[:, 0]
    wrong = wrong[confidence[wrong].argsort(descending=True, stable=True)][:count]
    if len(wrong) == 0:
        print(f"no mistake among {len(truth):,}")
        return
    name = (lambda i: str(names[int(i)])) if names is not None else (lambda i: str(int(i)))
    listed = [(name(guess[i]), f" {confidence[i]:.2f}" if confidence[i] > 0 else "", name(truth[i])) for i in wrong]
    alt = (
        f"The {len(wrong)} most confident of {int((truth != guess).sum())} mistakes: "
        + "; ".join(
            f"{with_article(true)} classified as {with_article(said)}{', confidence' + sure if sure else ''}"
            for said, sure, true in listed
        )
        + "."
    )
    grid(
        smooth(images[wrong], 96),
        alt,
        columns,
        above=[f"{said}{sure}" for said, sure, _ in listed],
        below=[f"true: {true}" for _, _, true in listed],
    )


def _classes(values: Tensor, what: str) -> Tensor:
    """Class indices (N,), taken from logits (N, K) where these came."""
    values = torch.as_tensor(values).detach().cpu()
    if values.dim() == 2 and values.is_floating_point():
        values = values.argmax(1)
    if values.dim() != 1:
        raise ValueError(f"{what} has shape {tuple(values.shape)}; expected (N,) class indices or (N, K) logits")
    if values.is_floating_point() and (values != values.floor()).any():
        raise ValueError(f"{what} holds fractions; expected class indices. Likely cause: probabilities of one class")
    if len(values) and values.min() < 0:
        raise ValueError(
            f"{what} holds {int(values.min())}; expected class indices from 0. Likely cause: targets that are to be "
            "ignored (-100); leave them out"
        )
    return values.long()
