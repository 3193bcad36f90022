"""A small generator and discriminator for checks, and batches on which mistakes of a hinge loss show."""

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmcourse.exercises.judging import drawn

NOISE, LEARNING_RATE = 3, 0.25


@dataclass
class Game:
    """Two small networks, the discriminator's optimiser, and what was seen of them during a step."""

    generator: nn.Module
    discriminator: nn.Module
    optimizer: torch.optim.Optimizer
    steps: list
    noise: list[Tensor]


def new_game(rng: torch.Generator, height: int, width: int) -> Game:
    """Untrained networks for images of shape (B, 3, height, width); scores have a standard deviation of about 2."""
    pixels = 3 * height * width
    generator = nn.Sequential(nn.Linear(NOISE, pixels), nn.Tanh(), nn.Unflatten(1, (3, height, width)))
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, 12), nn.LeakyReLU(0.2), nn.Linear(12, 1), nn.Flatten(0)
    )
    with torch.no_grad():
        for network in (generator, discriminator):
            for name, parameter in network.named_parameters():
                fan_in = parameter.shape[-1] if name.endswith("weight") else 10.0
                parameter.copy_(drawn(rng, *parameter.shape) * 1.5 / math.sqrt(fan_in))
    game = Game(generator, discriminator, torch.optim.SGD(discriminator.parameters(), lr=LEARNING_RATE), [], [])
    game.optimizer.register_step_post_hook(lambda *_: game.steps.append(copy.deepcopy(discriminator.state_dict())))
    generator.register_forward_pre_hook(lambda _, given: game.noise.append(given[0].detach().clone()))
    return game


def drawn_batches(game: Game, rng: torch.Generator, sizes: tuple[int, ...]) -> list[tuple[Tensor, Tensor]] | None:
    """For each size real images and noise, with scores inside and outside the margin; None if there are too few.

    Most real images lie beyond the margin, so that their mean score does too; most generated ones lie within.
    """
    height, width = game.generator[2].unflattened_size[1:]
    found = []
    for batch in sizes:
        real, z = drawn(rng, 300, 3, height, width), drawn(rng, 300, NOISE)
        with torch.no_grad():
            r, f = game.discriminator(real), game.discriminator(game.generator(z))
        few, many = batch // 3, batch - 1 - batch // 3
        of_real = (chosen(r, -0.8, -0.1, 1), chosen(r, 0.1, 0.9, few), chosen(r, 3, 9, batch - 1 - few))
        of_fake = (chosen(f, -0.8, -0.1, 1), chosen(f, 0.1, 0.9, many), chosen(f, -2, -1.2, few))
        rows = torch.cat(of_real), torch.cat(of_fake)
        if min(map(len, rows)) < batch:
            return None
        found.append((real[rows[0]], z[rows[1]]))
    return found


def chosen(scores: Tensor, low: float, high: float, count: int) -> Tensor:
    """The first so many positions of scores within these bounds."""
    return ((low < scores) & (scores < high)).nonzero()[:count, 0]


def drawn_game(rng: torch.Generator, height: int, sizes: tuple[int, ...]) -> tuple[Game, list]:
    """Networks, and batches on which every mistake shows."""
    while True:
        game = new_game(rng, height, height + 1)
        if (batches := drawn_batches(game, rng, sizes)) is not None:
            return game, batches
