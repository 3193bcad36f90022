"""Exercise 07.2: the losses of discriminator and generator, from scores."""

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import empty, expect_gradients, gradients
from mmcourse.exercises.judging import (
    Mistakes,
    agrees,
    described,
    distinct_texts,
    drawn,
    expect_finite,
    expect_tensor,
    explained,
    named_mistake,
    possible,
    whole,
)
from mmcourse.exercises.properties import expect_dtype_kept

LARGE = 200.0
NAMES = ("the discriminator's loss", "the generator's loss")
STABLE = "`F.softplus(-s)` is -log(sigmoid(s)) for scores of any size, and so is `-F.logsigmoid(s)`"


def high(s: Tensor) -> Tensor:
    """-log sigmoid(s): small where the scores are high."""
    return F.softplus(-s)


def low(s: Tensor) -> Tensor:
    """-log(1 - sigmoid(s)): small where the scores are low."""
    return F.softplus(s)


def right(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """What the answer should give.   (B,), (B,) -> (), ()"""
    return high(real).mean() + low(fake).mean(), high(fake).mean()


DISCRIMINATOR: Mistakes = [
    (
        lambda r, f: (high(r).mean() + low(f).mean()) / 2,
        "it is half as large as it should be: the sum of the two means is asked for, not the mean over both batches",
    ),
    (lambda r, f: high(r).sum() + low(f).sum(), "it is summed over the batch; the mean is asked for"),
    (
        lambda r, f: low(r).mean() + high(f).mean(),
        "the labels are swapped, or the two batches: real images should get high scores",
    ),
    (lambda r, f: high(r).mean() + high(f).mean(), "generated images are labelled real: their label is 0"),
    (lambda r, f: low(r).mean() + low(f).mean(), "real images are labelled as generated: their label is 1"),
    (lambda r, f: high(r).mean(), "the term of the generated images is missing"),
    (lambda r, f: low(f).mean(), "the term of the real images is missing"),
    (
        lambda r, f: -(high(r).mean() + low(f).mean()),
        "the sign: the discriminator maximises log D(x) + log(1 - D(G(z))), and a loss is minimised",
    ),
    (
        lambda r, f: high(r).mean() - low(f).mean(),
        "the two terms are subtracted: the second is -log(1 - D), so both are positive and added",
    ),
    (
        lambda r, f: low(f).mean() - high(r).mean(),
        "the two terms are subtracted: the first is -log D, so both are positive and added",
    ),
    (
        lambda r, f: high(r.sigmoid()).mean() + low(f.sigmoid()).mean(),
        'the sigmoid is applied twice: a loss "with logits", softplus and logsigmoid take the scores themselves',
    ),
    (
        lambda r, f: (1 - r.sigmoid()).mean() + f.sigmoid().mean(),
        "the logarithm is missing: those are probabilities",
    ),
    (
        lambda r, f: -r.sigmoid().mean() - (1 - f.sigmoid()).mean(),
        "the logarithm is missing: those are negative probabilities",
    ),
    (
        lambda r, f: -r.sigmoid().mean().log() - (1 - f.sigmoid()).mean().log(),
        "the mean is taken before the logarithm; each example has its own logarithm",
    ),
    (
        lambda r, f: high(r.mean()) + low(f.mean()),
        "the mean of the scores is taken first; each example has its own loss, and the mean is taken last",
    ),
    (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), "that is the hinge loss; here D is a sigmoid"),
    (lambda r, f: f.mean() - r.mean(), "that is the Wasserstein loss, of scores without a sigmoid"),
    (
        lambda r, f: (r - 1).square().mean() + f.square().mean(),
        "that is the least-squares loss (LSGAN); the cross-entropy is asked for",
    ),
    (
        lambda r, f: (high(r) + 0.1 * r).mean() + low(f).mean(),
        "the label of real images is 0.9 (label smoothing); here it is 1",
    ),
    (lambda r, f: high(r).median() + low(f).median(), "that is the median over the batch; the mean is asked for"),
    (lambda r, f: high(r).max() + low(f).max(), "that is the largest loss of the batch; the mean is asked for"),
    (
        lambda r, f: (r.sigmoid() - 1).square().mean() + f.sigmoid().square().mean(),
        "those are squared errors of probabilities; the cross-entropy is asked for",
    ),
]
GENERATOR: Mistakes = [
    (
        lambda r, f: -low(f).mean(),
        "that is the saturating loss log(1 - D(G(z))): its gradient vanishes where the discriminator is certain. "
        "The non-saturating one is -log D(G(z))",
    ),
    (
        lambda r, f: low(f).mean(),
        "that is -log(1 - D(G(z))), so the generator learns to be recognised: its target is the label of real images",
    ),
    (lambda r, f: -high(f).mean(), "the sign: log D(G(z)) is what the generator maximises; a loss is minimised"),
    (lambda r, f: high(r).mean(), "it is computed from the real scores, which the generator does not change"),
    (lambda r, f: high(f).sum(), "it is summed over the batch; the mean is asked for"),
    (lambda r, f: high(f).mean() / 2, "it is half as large as it should be: one mean, of the generated scores"),
    (
        lambda r, f: high(f.sigmoid()).mean(),
        'the sigmoid is applied twice: a loss "with logits", softplus and logsigmoid take the scores themselves',
    ),
    (lambda r, f: -f.sigmoid().mean(), "the logarithm is missing: that is a negative probability"),
    (lambda r, f: (1 - f.sigmoid()).mean(), "the logarithm is missing: that is a probability"),
    (
        lambda r, f: -f.sigmoid().mean().log(),
        "the mean is taken before the logarithm; each example has its own logarithm",
    ),
    (
        lambda r, f: high(f.mean()),
        "the mean of the scores is taken first; each example has its own loss, and the mean is taken last",
    ),
    (lambda r, f: -f.mean(), "that is the generator's loss in the hinge and Wasserstein forms: the sigmoid is missing"),
    (lambda r, f: high(f).median(), "that is the median over the batch; the mean is asked for"),
    (lambda r, f: high(f).max(), "that is the largest loss of the batch; the mean is asked for"),
    (
        lambda r, f: (f - 1).square().mean(),
        "that is the least-squares loss (LSGAN); the cross-entropy is asked for",
    ),
    (
        lambda r, f: (f.sigmoid() - 1).square().mean(),
        "those are squared errors of probabilities; the cross-entropy is asked for",
    ),
    (
        lambda r, f: high(f).mean() + low(r).mean(),
        "a term of real scores is added; the generator's loss has the generated ones alone",
    ),
    (
        lambda r, f: -(high(r).mean() + low(f).mean()),
        "that is minus the discriminator's loss, the saturating form of the game; -log D(G(z)) is asked for",
    ),
]
CAUSES = {
    "between 0 and 1": "`F.binary_cross_entropy` takes probabilities; the one for scores is "
    "`F.binary_cross_entropy_with_logits`",
    "not enough values to unpack": "each argument is one tensor of shape (B,)",
}


@exercise(
    "07.2",
    title="both losses from scores",
    dots=2,
    minutes=15,
    repeatable=True,
    hints=(
        "Write down -log D and -log(1 - D) for D = sigmoid(s). How does sigmoid(-s) relate to 1 - sigmoid(s)?",
        "-log(sigmoid(s)) is `F.softplus(-s)`. Since 1 - sigmoid(s) = sigmoid(-s), -log(1 - sigmoid(s)) is "
        "`F.softplus(s)`.",
        "The discriminator wants high scores for real images and low ones for generated images. The generator wants "
        "high scores for its own.",
    ),
)
def gan_losses(answer, rng):
    cases = [tuple(2 * drawn(rng, 2, batch) + 0.5) for batch in (4, 1, whole(rng, 6, 9))]
    tried = explained(answer, CAUSES)
    given = [losses_of(tried, case) for case in cases]
    judge_values(cases, given)
    judge_large_scores(answer)
    remark = ""
    for part, name in enumerate(NAMES):
        try:
            remark = expect_gradients(answer, cases[0], partly(part), lambda result, part=part: result[part]) or remark
        except Mistake as problem:
            raise Mistake(f"{name}: {problem}") from None
    judge_gradients_at_zero(answer)
    expect_dtype_kept(answer, cases[0])
    return f"both losses for {len(cases)} batches, one of a single image, and for scores of {LARGE:.0f}" + remark


def judge_gradients_at_zero(answer) -> None:
    """Scores of exactly 0, which a head that starts at zero gives, receive gradients too."""
    case = torch.zeros(3), torch.zeros(3)
    for part, name in enumerate(NAMES):
        found = gradients(lambda *scores, part=part: answer.function(*scores)[part], case, answer.name)
        reached = found[(1,)] if part else torch.stack([empty_as_zero(one) for one in found.values()]).abs().amin(0)
        if empty(reached):
            raise Mistake(
                f"{name}: correct, but no gradient reaches scores of exactly 0: `abs`, `relu` and a comparison such as "
                f"`s > 0` have the gradient 0 there. {STABLE}"
            )


def empty_as_zero(gradient: Tensor | None) -> Tensor:
    """The gradient of three scores, zeros where there is none."""
    return torch.zeros(3) if gradient is None else gradient


def partly(part: int):
    """One of the two right losses as a function of the scores."""
    return lambda real, fake: right(real, fake)[part]


def losses_of(answer, case: tuple) -> tuple[Tensor, Tensor]:
    """The two losses, each a single number."""
    batch = len(case[0])
    where = f"for {batch} real and {batch} generated score{'s' * (batch > 1)}"
    result = answer(*case)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake(
            f"{where} it returned {described(result)}, expected two losses: `return discriminator_loss, generator_loss`"
        )
    causes = {
        (batch,): "one loss for each image: their mean is asked for",
        (2 * batch,): "one loss for each image: the mean of each batch is asked for",
        (1,): "a single number has no axis: `.mean()` removes it",
    }
    parts = []
    for part, name in zip(result, NAMES, strict=True):
        part = expect_tensor(part, f"{where}, {name}:", (), causes)
        expect_finite(part, f"{where}, {name}:", f"is the sigmoid left out before the logarithm? {STABLE}")
        parts.append(part)
    return parts[0], parts[1]


def judge_values(cases: list[tuple], given: list[tuple[Tensor, Tensor]]) -> None:
    """Both losses agree with their formulas; each that does not is told with its mistake."""
    expected = [right(*case) for case in cases]
    pairs = list(zip(given, expected, strict=True))
    if all(agrees(came[0], due[1]) and agrees(came[1], due[0]) for came, due in pairs):
        raise Mistake("the two losses have changed places: first the discriminator's, then the generator's")
    found = []
    for part, (name, mistakes) in enumerate(zip(NAMES, (DISCRIMINATOR, GENERATOR), strict=True)):
        if all(agrees(came[part], due[part]) for came, due in pairs):
            continue
        words = named_mistake(
            cases, [came[part] for came in given], [(possible(mistaken), words) for mistaken, words in mistakes]
        )
        if words is None:
            i = next(i for i, (came, due) in enumerate(pairs) if not agrees(came[part], due[part]))
            scores = [[round(score, 2) for score in batch.tolist()] for batch in cases[i]]
            came, due = distinct_texts(given[i][part], expected[i][part])
            words = f"for real scores {scores[0]} and generated ones {scores[1]} it is {came}, expected {due}"
        found.append(f"{name}: {words}")
    if found:
        raise Mistake("; and ".join(found))


def judge_large_scores(answer) -> None:
    """Scores whose sigmoid is 0 or 1 in floating point give finite, exact losses and gradients."""
    case = torch.tensor([LARGE, -LARGE, 1.0]), torch.tensor([-LARGE, LARGE, -1.0])
    words = f"for scores of {LARGE:.0f} and -{LARGE:.0f}"
    for part, (name, came, due) in enumerate(zip(NAMES, answer(*case), right(*case), strict=True)):
        came = expect_tensor(came, f"{words}, {name}:", ())
        if not torch.isfinite(came):
            raise Mistake(
                f"correct for small scores, but {words} {name} is {came.item()}: the sigmoid has become exactly 0 or "
                f"1, or an exponential infinite. {STABLE}"
            )
        if not agrees(came, due):
            raise Mistake(
                f"correct for small scores, but {words} {name} is {came:.2f}, expected {due:.2f}: a logarithm or the "
                f"scores are limited on the way. {STABLE}"
            )
        found = gradients(lambda *scores, part=part: answer.function(*scores)[part], case, answer.name)
        if any(gradient is not None and not torch.isfinite(gradient).all() for gradient in found.values()):
            raise Mistake(f"{words} the gradient of {name} holds NaN or infinity. {STABLE}")
