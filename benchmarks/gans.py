"""Lesson 07's table: `python -m benchmarks.gans` writes `data/tables/07_gans.csv`.

The lesson's conditional GAN with three losses and five seeds, for fewer steps than in the lesson, and as many for each
loss. Half an hour on one core; not in `make bench`.
"""

from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.image.fid import FrechetInceptionDistance

from mmcourse import Batches, fit_adversarial, predict
from mmcourse.files import write_whole
from mmcourse.metrics import diversity
from mmcourse.models.gan import Discriminator, Generator
from mmcourse.picturebook.scene import KINDS
from mmcourse.tasks.big_objects import big_objects
from mmcourse.training import shipped
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "07_gans.csv"
SEEDS = range(5)
EPOCHS, PAGES, SAMPLES = 5, 48_000, 1_400
K = len(KINDS)
LOSSES = {  # name, the loss, the discriminator's norm
    "non-saturating": ("non_saturating", "spectral"),
    "hinge": ("hinge", "spectral"),
    "Wasserstein with gradient penalty": ("wasserstein", None),
}


def trained(loss: str, norm: str | None, images: Tensor, kinds: Tensor, seed: int) -> Generator:
    """A generator trained as in the lesson, for fewer epochs."""
    seed_everything(seed)
    generator = Generator(n_classes=K)
    fit_adversarial(
        generator,
        Discriminator(n_classes=K, norm=norm),
        Batches(images, kinds, size=32, seed=seed),
        loss=loss,
        epochs=EPOCHS,
        lr=1e-3,
        optimiser=partial(torch.optim.Adam, betas=(0.0, 0.99)),
        schedule=lambda done: 1 - done,
        verbose=False,
    )
    return generator


def collapsed(predicted: Tensor, relative_diversity: float) -> bool:
    """Fewer than half of the kinds generated, or a diversity below 30% of real pages'."""
    return predicted.unique().numel() < K / 2 or relative_diversity < 0.3


def main() -> None:
    judge = shipped.load("image_judge")
    real, real_kinds, _ = big_objects("test", 12_000)
    real_diversity = diversity(predict(judge.encoder, real), real_kinds)
    requested = torch.arange(SAMPLES) % K
    notes = [
        f"# Measured by benchmarks/gans.py: {SAMPLES:,} samples of the lesson's conditional GAN after {EPOCHS} epochs, "
        "by the shipped judge's predictions and features.",
        "# Diversity is relative to test pages; collapsed: fewer than 7 kinds, or a diversity below 0.3. "
        + describe_device(),
        "loss,seed,accuracy,diversity,Fréchet distance,collapsed",
    ]
    rows: dict[str, list[str]] = {name: [] for name in LOSSES}
    for seed in SEEDS:
        images, kinds, _ = big_objects("train", PAGES, seed)
        for name, (loss, norm) in LOSSES.items():
            generator = trained(loss, norm, images, kinds, seed)
            samples = predict(generator, (torch.randn(SAMPLES, generator.latent_size), requested))
            predicted = judge.predict(samples)[:, 0].cpu()
            relative = diversity(predict(judge.encoder, samples), requested) / real_diversity
            where = next(judge.parameters()).device
            frechet = FrechetInceptionDistance(judge.encoder, normalize=True, input_img_size=(3, 32, 32)).to(where)
            with torch.no_grad():
                frechet.update(real.to(where), real=True)
                frechet.update(samples.to(where), real=False)
            accuracy = (predicted == requested).double().mean().item()
            found = "yes" if collapsed(predicted, relative) else "no"
            rows[name].append(f"{name},{seed},{accuracy:.2f},{relative:.2f},{frechet.compute().item():.0f},{found}")
            print(rows[name][-1], flush=True)
        write_whole(TABLE, "\n".join([*notes, *sum(rows.values(), [])]) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
