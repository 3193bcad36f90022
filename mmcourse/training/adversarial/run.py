"""The run of `fit_adversarial`: two networks, two optimisers, and the results of each step."""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.training.adversarial import checks
from mmcourse.training.adversarial.losses import AdversarialLoss
from mmcourse.training.device import device, mixed_precision
from mmcourse.training.diagnosis import MISFITS, NOT_YET, explain
from mmcourse.training.history import History
from mmcourse.training.optimiser import Adam
from mmcourse.training.run import Run, check_loss_value
from mmcourse.training.trained import Trained

COLUMNS = ("generator_loss", "discriminator_loss", "penalty", "real_score", "fake_score")  # of the history
MINIMISED = ("discriminator_loss", "penalty", "generator_loss")  # in the order of a step; must be finite
SAMPLES = 16  # the number of fixed latents that a live view shows


class AdversarialRun(Run):
    """The state of a call of `fit_adversarial`, whose arguments it takes. Callbacks may read it and set `stop`."""

    who = checks.WHO
    expected = "expected Batches, a DataLoader or a list of (images,) or (images, labels)"
    call = "fit_adversarial(generator, discriminator, ...)"
    kept = "both networks keep their weights, and generator.history is their history"

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        batches: Iterable,
        loss: AdversarialLoss,
        epochs,
        lr,
        discriminator_steps: int,
        optimiser: Callable | None,
        schedule: Callable | None,
        average: AveragedModel | None,
    ):
        checks.check_players(generator, discriminator, average, discriminator_steps, optimiser)
        rates = dict(zip(("generator", "discriminator"), checks.learning_rates(lr), strict=True))
        networks = {"generator": generator, "discriminator": discriminator}
        optimiser = optimiser or partial(Adam, betas=loss.betas)
        trained = {
            f"{name}_optimiser": Trained(
                network,
                optimiser,
                loss.lr if rates[name] is None else rates[name],
                schedule,
                default_lr=rates[name] is None,
                who=self.who,
            )
            for name, network in networks.items()
        }
        players = Players(networks | ({"average": average.to(device())} if average is not None else {}))
        super().__init__(players, trained, batches, epochs, None, discriminator_steps)
        self.tally = StepMeans(self.history)
        self.keeper, self.loss, self.average = generator, loss, average
        self.generator, self.discriminator = generator, discriminator
        self.sizes = checks.classes_of(generator)  # the number of classes of each attribute
        self.noted: dict[str, list[Tensor | float]] = {}  # of the current step
        self.unread: list[dict[str, Tensor | float]] = []  # of the steps since they were last read
        self.lowest = 0.0  # of the images: 0, or -1 where they lie in [-1, 1]

    def unpack(self, batch, who: str) -> tuple[Tensor, Tensor | None]:
        """One batch, on the device: images, and labels or None."""
        images, labels = checks.images_and_labels(batch, self.sizes)
        if self.step == self.first_step:
            checks.check_labels(labels, len(images), self.sizes)
        return images, labels

    def epoch_batches(self) -> Iterator[list[tuple[Tensor, Tensor | None]]]:
        """For each step that is still to come, the batches of the discriminator's updates; fewer in the last one."""
        left = super().epoch_batches()
        while batches := list(islice(left, self.batches_per_step)):
            if len(batches) < self.batches_per_step and not self.exhausted:
                return  # an interrupt ended the worker processes
            yield batches

    def generate(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """Images generated from new noise, as many as given, with the given labels.   -> (B, ...)"""
        noise = torch.randn(len(images), self.generator.latent_size).to(images.device)
        with mixed_precision():
            fake = self._called(self.generator, noise, labels)
        if self.step == self.first_step:
            checks.check_images(images, fake, self.generator)
            self.lowest = -1.0 if images.min() < -checks.TOLERANCE else 0.0
        return fake

    def score(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The discriminator's scores, in float32.   (B, ...) -> (B,)"""
        scores = self._called(self.discriminator, images, labels)
        if self.step == self.first_step:
            known = type(self.loss).__module__ == AdversarialLoss.__module__
            checks.check_scores(scores, len(images), self.discriminator, own_loss=not known)
        return scores.float()

    def note(self, name: str, value: Tensor, images: Tensor | None = None) -> None:
        """Store a loss, the penalty or a mean score of the current step.

        NonFiniteLoss for a loss or penalty: at once on a CPU, after a few steps on a GPU.
        """
        if name in MINIMISED and self.step == self.first_step:
            check_loss_value(value, self.who, "generator" if name == "generator_loss" else "discriminator")
        value = value.detach() if self.look_every > 1 else value.item()
        if name in MINIMISED and self.look_every == 1 and not math.isfinite(value):
            self.look()
            raise checks.non_finite(value, name, self, images)
        self.noted.setdefault(name, []).append(value)

    def count(self) -> None:
        """Count a step of both networks, and call the callbacks."""
        if self.average is not None:
            self.average.update_parameters(self.generator)
        noted = {name: self.noted[name] for name in COLUMNS if name in self.noted}
        self.unread.append({name: sum(values) / len(values) for name, values in noted.items()})
        self.noted.clear()
        if len(self.unread) >= self.look_every:
            self.look()
        self.count_step()

    def look(self) -> None:
        """Write the steps since the last call into the history; on a GPU this waits for all queued work."""
        unread, self.unread = self.unread, []
        for step in unread:
            for name in MINIMISED:
                if name in step and not math.isfinite(step[name]):
                    raise checks.non_finite(float(step[name]), name, self, None)
            for name, value in step.items():
                self.history.per_step.setdefault(name, []).append(float(value))

    def samples(self, number: int = SAMPLES) -> Tensor:
        """Images of the generator (or its average) from the same latents at each call.   -> (n, ...)

        In evaluation mode; labels are 0, 1, ... in turn. The random state of the training is unchanged.
        """
        latents = torch.randn(number, self.generator.latent_size, generator=torch.Generator().manual_seed(0))
        columns = [torch.arange(number, device=device()) % size for size in self.sizes]
        labels = columns[:1] if len(columns) < 2 else [torch.stack(columns, dim=1)]
        network = self.generator if self.average is None else self.average
        cuda = [device()] if device().type == "cuda" else []
        with torch.random.fork_rng(cuda), evaluation_mode(network):
            images = network(latents.to(device()), *labels)
        return (images.float().cpu() - self.lowest) / (1 - self.lowest)

    def end(self) -> None:
        """Add the remaining steps to the history, and end the run."""
        self.unread = [step for step in self.unread if all(map(math.isfinite, step.values()))]
        self.look()
        super().end()

    def _called(self, network: nn.Module, *inputs: Tensor | None) -> Tensor:
        given = [value for value in inputs if value is not None]
        try:
            return network(*given)
        except MISFITS as error:
            name = "generator" if network is self.generator else "discriminator"
            explain(error, given, NOT_YET, None, f"{self.who} ({name})", network)
            raise


class Players(nn.ModuleDict):
    """Generator, discriminator and, where there is one, the generator's average, as a checkpoint holds them."""


class StepMeans:
    """An epoch's results: the mean over its steps of each column of `history.per_step`."""

    def __init__(self, history: History):
        self.history, self.first = history, 0

    def reset(self) -> None:
        """Start an epoch."""
        self.first = self.history.steps

    def state(self) -> dict:
        """The state for `load_state`."""
        return {"first": self.first}

    def load_state(self, state: dict) -> None:
        """Continue the epoch of a saved state."""
        self.first = state["first"]

    def results(self, last: int | None = None) -> dict[str, float]:
        """The mean of each column over the epoch so far, or over its last `last` steps."""
        first = self.first if last is None else max(self.first, self.history.steps - last)
        columns = {name: values[first:] for name, values in self.history.per_step.items()}
        return {name: sum(values) / len(values) for name, values in columns.items() if values}
