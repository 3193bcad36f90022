"""Training of the shipped TextToImage: an autoencoder with noise on its codes, then the velocity network."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mmcourse.models.flow import flow_matching_loss
from mmcourse.models.perceptual import PerceptualLoss
from mmcourse.models.text_to_image import TextToImage
from mmcourse.settings import steps as allowed
from mmcourse.training.device import device, prepare, to_device

WARM_UP = 200  # steps


def train_autoencoder(
    autoencoder: nn.Module,
    images: Tensor,
    loss: PerceptualLoss,
    steps: int,
    noise: float = 0.2,
    size: int = 64,
    lr: float = 5e-3,
) -> nn.Module:
    """Train an ImageAutoencoder in place, to decode noisy codes; at the end it is in eval mode.

    noise   standard deviation of the noise, relative to that of each channel of the codes. A generated code is never
            exact, so the decoder learns to tolerate small errors.
    images (N, 3, H, W) in [0, 1]; `steps` of `size` images with AdamW, one cycle to `lr`.
    """
    steps = allowed(steps)
    prepare(autoencoder).train()
    loss.to(device())
    optimizer = torch.optim.AdamW(autoencoder.parameters(), lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.15)
    for batch in random_batches(len(images), size, steps):
        real = to_device(images[batch])
        codes = autoencoder.encode(real)
        scale = noise * codes.detach().std(dim=(0, 2, 3), keepdim=True)
        value = loss(autoencoder.decode(codes + scale * torch.randn_like(codes)), real)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    return autoencoder.eval()


def train_velocity(
    model: TextToImage,
    codes: Tensor,
    conditions: Tensor,
    steps: int,
    size: int = 64,
    lr: float = 1e-3,
    dropped: float = 0.1,
    time_mean: float = -0.5,
    decay: float = 0.9995,
) -> list[float]:
    """Train model.velocity in place and return the loss of each step; at the end it has the averaged weights.

    codes       standardised ones, as model.encode returns (N, C, side, side), and their conditions (N, E)
    dropped     fraction of the conditions that become 0, for guidance
    time_mean   of the logit-normal times; below 0 there are more times near the noise, where the object is determined
    decay       of the exponential moving average of the weights
    AdamW; the learning rate increases for 200 steps and decreases linearly over the last 40%.
    """
    steps = allowed(steps)
    network = prepare(model.velocity).train()
    average = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps))
    losses = []
    for step, batch in enumerate(random_batches(len(codes), size, steps)):
        given = (torch.rand(len(batch), 1) >= dropped).float()  # (B, 1)
        value = flow_matching_loss(
            network, to_device(codes[batch].float()), to_device(conditions[batch] * given), time_mean=time_mean
        )
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for mean, parameter in zip(average.parameters(), network.parameters(), strict=True):
                mean.lerp_(parameter, 1 - min(decay, (step + 1) / (step + 20)))
        losses.append(value.item())
    network.load_state_dict(average.state_dict())
    network.eval()
    return losses


def rate(step: int, steps: int) -> float:
    """The factor of the learning rate."""
    return min(1.0, (step + 1) / WARM_UP, max((1 - step / steps) / 0.4, 0.02))


def random_batches(examples: int, size: int, steps: int) -> Iterator[Tensor]:
    """Indices of `size` examples, drawn with replacement, `steps` times.   -> (size,) each"""
    for _ in range(steps):
        yield torch.randint(examples, (size,))
