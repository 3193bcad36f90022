"""Exercise 07.3: one update of the discriminator, which leaves the generator alone."""

import copy
import math
import numbers
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, described, drawn, explained, whole
from mmcourse.exercises.lesson_07.game import LEARNING_RATE, Game, drawn_game
from mmcourse.exercises.properties import NetworkState


def hinge(r: Tensor, f: Tensor) -> Tensor:
    """The discriminator's loss, from the scores of real and generated images.   (B,), (B,) -> ()"""
    return F.relu(1 - r).mean() + F.relu(1 + f).mean()


MISTAKES: Mistakes = [
    (hinge, ""),
    (
        lambda r, f: F.relu(1 - r).mean(),
        "the generated images have no part in it: is their score detached or missing, or their term not "
        "max(0, 1 + D(G(z)))?",
    ),
    (lambda r, f: F.relu(1 + f).mean(), "the real images have no part in it: is their score detached, or missing?"),
    (lambda r, f: -f.mean(), "that is the generator's loss, -D(G(z)), which raises the scores of generated images"),
    (
        lambda r, f: F.relu(1 + r).mean() + F.relu(1 - f).mean(),
        "real and generated images are swapped: it lowers the scores of real images",
    ),
    (
        lambda r, f: F.relu(1 - r).mean() + F.relu(1 - f).mean(),
        "it raises the scores of generated images too: their term is max(0, 1 + D(G(z)))",
    ),
    (
        lambda r, f: F.relu(1 + r).mean() + F.relu(1 + f).mean(),
        "it lowers the scores of real images too: their term is max(0, 1 - D(x))",
    ),
    (
        lambda r, f: F.relu(r - 1).mean() + F.relu(1 + f).mean(),
        "the signs in the term of the real images are reversed: it is max(0, 1 - D(x))",
    ),
    (
        lambda r, f: F.relu(1 - r).mean() + F.relu(-1 - f).mean(),
        "the signs in the term of the generated images are reversed: it is max(0, 1 + D(G(z)))",
    ),
    (
        lambda r, f: F.relu(1 - r).mean() - F.relu(1 + f).mean(),
        "the term of the generated images is subtracted; both terms are added",
    ),
    (lambda r, f: -hinge(r, f), "the sign: the loss grows. Is `min` taken, or a minus too many?"),
    (
        lambda r, f: 2 - r.mean() + f.mean(),
        "the maximum with 0 is missing, so images beyond the margin count too: `F.relu(1 - scores)`",
    ),
    (lambda r, f: f.mean() - r.mean(), "that is the Wasserstein loss; the hinge loss is asked for"),
    (
        lambda r, f: F.relu(-r).mean() + F.relu(f).mean(),
        "the margin of 1 is missing: the terms are max(0, 1 - D(x)) and max(0, 1 + D(G(z)))",
    ),
    (
        lambda r, f: F.relu(1 - r.mean()) + F.relu(1 + f.mean()),
        "the mean is taken before the maximum; each image has its own maximum with 0",
    ),
    (
        lambda r, f: F.relu(1 - (r - f)).mean(),
        "the scores are subtracted inside one maximum; each batch has a term of its own",
    ),
    (
        lambda r, f: F.relu(1 - r).square().mean() + F.relu(1 + f).square().mean(),
        "the hinge terms are squared; they enter as they are",
    ),
    (
        lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum(),
        "it is summed over the batch; the mean is asked for, or a larger batch would take larger steps",
    ),
    (
        lambda r, f: hinge(r, f) / 2,
        "it is half as large as it should be: the two means are added, not averaged",
    ),
    (lambda r, f: hinge(r, r), "the real images stand in both terms; the second is of the generated ones"),
    (lambda r, f: hinge(f, f), "the generated images stand in both terms; the first is of the real ones"),
    (lambda r, f: hinge(r[:1], f[:1]), "only the first image of each batch counts; take the mean over the batch"),
    (
        lambda r, f: (1 - r).clamp(max=0).mean() + (1 + f).clamp(max=0).mean(),
        "the minimum with 0 is taken; the terms are maxima",
    ),
    (
        lambda r, f: F.relu(r - 1).mean() + F.relu(-1 - f).mean(),
        "the signs inside the maximum are reversed: max(0, 1 - D(x)) and max(0, 1 + D(G(z)))",
    ),
    (lambda r, f: hinge(r.sigmoid(), f.sigmoid()), "there is a sigmoid; the hinge loss takes the scores as they are"),
    (lambda r, f: hinge(r.tanh(), f.tanh()), "there is a tanh; the hinge loss takes the scores as they are"),
    (
        lambda r, f: (r - 1).square().mean() + f.square().mean(),
        "that is the least-squares loss (LSGAN); the hinge loss is asked for",
    ),
    (
        lambda r, f: (r - 1).square().mean() + (f + 1).square().mean(),
        "those are squared distances from 1 and -1; the hinge loss is 0 beyond them",
    ),
    (
        lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(),
        "that is the cross-entropy of exercise 07.2; the hinge loss is asked for",
    ),
]
NO_GRADIENT = (
    "no gradient leaves the loss: `detach` or `no_grad` belongs to the generator's images, and the discriminator's "
    "scores must keep their graph"
)
CAUSES = {
    "does not require grad": NO_GRADIENT,
    "modified by an inplace operation": "`backward` comes before `step`, which changes the parameters",
    "backward through the graph a second time": "one `backward` of the sum of both terms is enough",
    "'float' object has no attribute 'backward'": "`.item()` comes last, in the `return`",
}


@exercise(
    "07.3",
    title="the discriminator's step",
    dots=2,
    minutes=20,
    hints=(
        "Generate images, score real and generated ones, compute the loss, then the three lines of every update: "
        "`zero_grad`, `backward`, `step`.",
        "`generator(z).detach()` has the same values and no graph, so `backward` ends there.",
        "`F.relu(1 - scores).mean()` is the term of the real images. `loss.item()` is a float.",
    ),
)
def discriminator_step(answer, rng):
    tried = explained(answer, CAUSES)
    height = whole(rng, 3, 5)
    for sizes, old_gradients in (((6, 5), True), ((4, 1), False)):
        game, batches = drawn_game(rng, height, sizes)
        for network in (game.generator, game.discriminator):
            network.train(old_gradients)  # the second game in evaluation mode
        if old_gradients:
            for parameter in (*game.generator.parameters(), *game.discriminator.parameters()):
                parameter.grad = drawn(rng, *parameter.shape)
        weights = copy.deepcopy(game.discriminator.state_dict())
        for real, z in batches:
            game.discriminator.load_state_dict(weights)  # the batches were drawn for these
            judge_update(tried, game, real, z)
    return (
        "4 updates, one with a single image: the discriminator takes one step along the hinge loss's gradient, and the "
        "generator, its gradients included, is as it was"
    )


def judge_update(answer, game: Game, real: Tensor, z: Tensor) -> None:
    """One call: the step that was taken, what became of the generator, and the number returned."""
    before = copy.deepcopy(game.discriminator)
    generator, discriminator = NetworkState(game.generator), NetworkState(game.discriminator)
    old = list(discriminator.gradients.values())
    game.steps.clear()
    game.noise.clear()
    result = answer(game.generator, game.discriminator, game.optimizer, real, z)
    judge_noise(game, z)
    with torch.no_grad():
        fake = game.generator(z)
    if generator.values_changed():
        raise Mistake("the generator's parameters have changed; this step is the discriminator's alone")
    moved = [
        (was.detach() - now.detach()) / LEARNING_RATE
        for was, now in zip(before.parameters(), game.discriminator.parameters(), strict=True)
    ]
    judge_step_taken(game, moved)
    judge_step(moved, old, before, real, fake)
    if generator.gradients_changed():
        erased = all(p.grad is None or not p.grad.any() for p in game.generator.parameters())
        raise Mistake(
            "the generator's gradients were erased, or went with its old ones: they belong to the generator's step. "
            "With `detach` there is nothing to erase"
            if erased
            else "the step is correct, but gradients have reached the generator's parameters, where its own step would "
            "find them: `generator(z).detach()`"
        )
    generator.expect_settings_kept("generator")
    discriminator.expect_settings_kept("discriminator")
    judge_number(result, before(real).detach(), before(fake).detach(), game.discriminator, real, fake)


def judge_noise(game: Game, z: Tensor) -> None:
    """The generator was called, with the noise that was given."""
    if not game.noise:
        raise Mistake("the generator is never called: the generated images are `generator(z)`")
    if not any(given.shape == z.shape and torch.equal(given, z) for given in game.noise):
        raise Mistake("the generator gets other noise than `z`: the generated images are `generator(z)`")


def judge_step_taken(game: Game, moved: list[Tensor]) -> None:
    """The optimiser took one step."""
    still = not any(step.any() for step in moved)
    if not game.steps:
        raise Mistake(
            "the discriminator has not changed: `optimizer.step()` is missing"
            if still
            else "the discriminator has changed without a step of `optimizer`, the one that was handed over"
        )
    if len(game.steps) > 1:
        raise Mistake(
            f"the optimizer took {len(game.steps)} steps: one step along the gradient of the sum of both terms"
        )
    if any(not torch.equal(value, game.steps[0][name]) for name, value in game.discriminator.state_dict().items()):
        raise Mistake("the discriminator's parameters are changed again after `optimizer.step()`: clipped, perhaps?")
    if still:
        raise Mistake(
            "the optimizer took a step, but the discriminator has not changed, since there were no gradients: first "
            "`zero_grad`, then `backward`, then `step`"
        )


def judge_step(moved: list[Tensor], old: list, before: nn.Module, real: Tensor, fake: Tensor) -> None:
    """The step is the gradient of the hinge loss; steps along other gradients are named."""
    stale = [
        torch.zeros_like(step) if gradient is None else gradient for step, gradient in zip(moved, old, strict=True)
    ]
    if any(gradient.any() for gradient in stale) and same_step(moved, stale):
        raise Mistake("the step follows the gradients from before the call: it needs those of `backward`")
    for loss, words in MISTAKES:
        gradient = gradient_of(loss, before, real, fake)
        if same_step(moved, gradient):
            if words:
                raise Mistake(f"the step follows another loss: {words}")
            return
        if same_step(moved, [new + left for new, left in zip(gradient, stale, strict=True)]):
            added = "gradients from before the call are added: `optimizer.zero_grad()` is missing before `backward`"
            raise Mistake(f"{added}; and {words}" if words else added)
    expected = torch.cat([one.flatten() for one in gradient_of(hinge, before, real, fake)])
    came = torch.cat([one.flatten() for one in moved])
    cosine, ratio = F.cosine_similarity(came, expected, dim=0).item(), (came.norm() / expected.norm()).item()
    if cosine > 0.9999:
        raise Mistake(
            f"the step has the correct direction, but is {ratio:.3g} times as long: is the loss or the gradient scaled?"
        )
    raise Mistake(
        f"the step is not the one of the hinge loss: it is {ratio:.3f} times as long, and the cosine between the two "
        f"is {cosine:.3f}"
    )


def gradient_of(loss: Callable, network: nn.Module, real: Tensor, fake: Tensor) -> list[Tensor]:
    """The gradient of a loss of both scores for every parameter."""
    parameters = list(network.parameters())
    found = torch.autograd.grad(loss(network(real), network(fake)), parameters, allow_unused=True)
    return [torch.zeros_like(p) if one is None else one for p, one in zip(parameters, found, strict=True)]


def same_step(moved: list[Tensor], gradient: list[Tensor]) -> bool:
    """Whether the parameters moved by this gradient, up to the rounding of parameters."""
    scale = max(float(one.abs().max()) for one in gradient)
    return all(bool((came - due).abs().max() <= 1e-3 * scale + 1e-5) for came, due in zip(moved, gradient, strict=True))


def judge_number(result, r: Tensor, f: Tensor, after: nn.Module, real: Tensor, fake: Tensor) -> None:
    """The loss before the step, as a float."""
    if isinstance(result, Tensor):
        raise Mistake(
            "the step is correct, but it returns a tensor; `loss.item()` is the float that is asked for"
            + (", and does not keep the graph in memory" if result.requires_grad else "")
        )
    if isinstance(result, bool) or not isinstance(result, numbers.Real):
        raise Mistake(f"the step is correct, but it returned {described(result)}, expected the loss, a float")
    for loss, words in MISTAKES:
        if math.isclose(result, loss(r, f), rel_tol=1e-3, abs_tol=1e-5):
            if words:
                raise Mistake(f"the step is correct, but the number returned is another loss: {words}")
            return
    with torch.no_grad():
        later = hinge(after(real), after(fake)).item()
    cause = ": that is the loss after the step" if math.isclose(result, later, rel_tol=1e-3, abs_tol=1e-5) else ""
    raise Mistake(
        f"the step is correct, but it returned {result:.5g}, expected the loss, {hinge(r, f).item():.5g}{cause}"
    )
