"""The training loop of generative adversarial networks: two networks, updated in turn (Goodfellow et al. 2014)."""

from collections.abc import Callable, Iterable
from pathlib import Path

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from mmcourse.training.adversarial.checks import WHO, check_reached
from mmcourse.training.adversarial.losses import AdversarialLoss, chosen_loss
from mmcourse.training.adversarial.progress import progress
from mmcourse.training.adversarial.run import AdversarialRun
from mmcourse.training.batch import check_options
from mmcourse.training.device import mixed_precision
from mmcourse.training.history import History


def fit_adversarial(
    generator: nn.Module,
    discriminator: nn.Module,
    batches: Iterable,
    loss: str | AdversarialLoss = "hinge",
    epochs: int = 1,
    lr: float | tuple[float, float] | None = None,
    *,
    discriminator_steps: int = 1,
    optimiser: Callable | None = None,
    schedule: Callable[[float], float] | None = None,
    average: AveragedModel | None = None,
    callbacks: Iterable = (),
    checkpoint: str | Path | None = None,
    resume: str | Path | bool | None = None,
    verbose: bool = True,
) -> History:
    """Train both networks in place and return their History, also kept as `generator.history`; both end in eval mode.

    `generator(z)` makes images of standard normal noise (B, generator.latent_size), `discriminator(images)` returns
    scores (B,), higher for images that look real. Where `generator.n_classes` is set (a number; a tuple for several
    attributes), both also get labels, (B,) or (B, n_attributes), and `batches` (Batches, a DataLoader, a list) yields
    (images, labels); else images alone, and labels are ignored. A generated image gets the label of a real one.

    A step is `discriminator_steps` updates of the discriminator, each on a fresh batch and freshly generated images,
    then an update of the generator on the last generated images, used for both as in DCGAN's reference code. An update
    changes neither parameters nor gradients of the other network. Both are in training mode throughout: real and
    generated images are separate batches to batch norm, which updates its running statistics in each forward pass.

    `loss`: 'non_saturating', 'hinge', 'wasserstein', 'minimax' or an AdversarialLoss. `lr` is one number or a pair
    (generator, discriminator). Both optimisers are Adam with the loss's own lr and betas, 2e-4 and (0.5, 0.999)
    (Radford et al. 2016), for Wasserstein 1e-4 and (0, 0.9) (Gulrajani et al. 2017); else each is made by
    optimiser(parameters, lr=lr). `average`, an AveragedModel of the generator, is updated after each step.
    `schedule`, `callbacks`, `checkpoint`, `resume`, interrupts and errors are those of `fit`.

    The history has the columns generator_loss, discriminator_loss (without the penalty), penalty, real_score and
    fake_score: means over an epoch in its rows, and each step in `history.per_step`.
    """
    check_options(None, None, callbacks, WHO)
    loss = chosen_loss(loss)
    run = AdversarialRun(
        generator, discriminator, batches, loss, epochs, lr, discriminator_steps, optimiser, schedule, average
    )
    run.set_up(callbacks, checkpoint, resume)
    if verbose and (watch := progress(run)):
        run.listen([watch])
    with run.training():
        while run.epoch < run.epochs and not run.stop:
            generator.train()
            discriminator.train()
            for step_batches in run.epoch_batches():
                run.set_learning_rate()
                for images, labels in step_batches:
                    fake = run.generate(images, labels)
                    train_discriminator(run, images, fake.detach(), labels)
                train_generator(run, images, fake, labels)
                run.count()
                if run.stop:
                    break
            run.end_epoch()
    return run.history


def train_discriminator(run: AdversarialRun, images: Tensor, fake: Tensor, labels: Tensor | None) -> None:
    """One update of the discriminator, on real images and as many generated ones, which carry no gradient."""
    with mixed_precision():
        real_scores, fake_scores = run.score(images, labels), run.score(fake, labels)
    value = run.loss.discriminator(real_scores, fake_scores)
    run.note("discriminator_loss", value, images)
    penalty = run.loss.penalty(run.discriminator, images, fake, labels)
    if penalty is not None:
        run.note("penalty", penalty, images)
        value = value + penalty
    run.note("real_score", real_scores.mean())
    run.note("fake_score", fake_scores.mean())
    run.trained["discriminator_optimiser"].update(value)


def train_generator(run: AdversarialRun, images: Tensor, fake: Tensor, labels: Tensor | None) -> None:
    """One update of the generator by the scores of its images; the gradient flows through the discriminator."""
    with mixed_precision():
        scores = run.score(fake, labels)
    value = run.loss.generator(scores)
    run.note("generator_loss", value, images)
    player = run.trained["generator_optimiser"]
    player.update(value)
    if run.step == run.first_step:
        check_reached(player.parameters)
