"""Lesson 14's table: `python -m benchmarks.text_to_image [SEED ...]` writes `data/tables/14_text_to_image.csv`.

The lesson's conditional VAE and GAN with and without the perceptual loss, on pages with a big object by day, as many
epochs for each as in the lesson. For the GAN the perceptual loss is a term of the generator's loss, the distance to the
page that belongs to the sentence. About two minutes for each model and seed on one core; not in `make bench`.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, fit
from mmcourse.files import write_whole
from mmcourse.models import conditional, perceptual, vae
from mmcourse.models.sentence_condition import SentenceCondition
from mmcourse.settings import steps
from mmcourse.tasks import drawing
from mmcourse.training import shipped
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "14_text_to_image.csv"
PAGES, JUDGED, EPOCHS, WIDTHS = 48_000, 6_400, 5, (96, 64, 32, 16)


def trained_vae(pages: drawing.DescribedPages, condition: nn.Module, weight: float, seed: int) -> nn.Module:
    """A conditional VAE; `weight` of the perceptual distance, 0 for squared error alone."""
    loss = perceptual.PerceptualLoss(shipped.load("image_encoder").encoder, weight)

    def elbo(outputs: tuple[Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
        value = vae.negative_elbo(outputs, x, beta=0.3)
        return value + weight * loss.feature_distance(outputs[0], x) * x[0].numel() / 2 if weight else value

    model = conditional.ConditionalVAE(condition, widths=WIDTHS)
    batches = Batches(pages.images, pages.tokens, pages.images, seed=seed)
    fit(model, batches, loss=elbo, metrics=(), epochs=EPOCHS, lr=4e-3, verbose=False)
    return model


def trained_gan(pages: drawing.DescribedPages, condition: nn.Module, weight: float, seed: int) -> nn.Module:
    """A conditional GAN with the hinge loss; `weight` of the perceptual distance to the sentence's page."""
    loss = perceptual.PerceptualLoss(shipped.load("image_encoder").encoder)
    length = pages.tokens.shape[1]
    generator = conditional.SentenceGenerator(length, condition, widths=WIDTHS)
    discriminator = conditional.SentenceDiscriminator(length, condition)
    players = [torch.optim.Adam(net.parameters(), 1e-3, betas=(0.0, 0.99)) for net in (generator, discriminator)]
    batches = Batches(pages.images, pages.tokens, size=32, seed=seed)
    total = steps(EPOCHS * len(batches))
    schedules = [torch.optim.lr_scheduler.LinearLR(player, 1.0, 1e-3, total) for player in players]
    step = 0
    while step < total:
        for images, tokens in batches:
            fake = generator(torch.randn(len(images), generator.latent_size), tokens)
            real_score, fake_score = discriminator(images, tokens), discriminator(fake.detach(), tokens)
            update(players[1], F.relu(1 - real_score).mean() + F.relu(1 + fake_score).mean())
            g_loss = -discriminator(fake, tokens).mean()
            update(players[0], g_loss + weight * loss(fake, images) if weight else g_loss)
            for schedule in schedules:
                schedule.step()
            step += 1
            if step == total:
                break
    return generator.eval()


def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


MODELS = {  # name: how it is trained, the weight of the perceptual loss
    "VAE, squared error": (trained_vae, 0.0),
    "VAE, perceptual loss": (trained_vae, 0.02),
    "GAN": (trained_gan, 0.0),
    "GAN, perceptual loss": (trained_gan, 10.0),
}


def main(seeds: list[int]) -> None:
    judges = [shipped.load(name) for name in ("image_judge", "second_image_judge")]
    judged = {split: drawing.described_pages(split, JUDGED, big=True) for split in ("test", "held_out_pairs")}
    notes = [
        f"# Measured by benchmarks/text_to_image.py: {EPOCHS} epochs for each model, as in the lesson, "
        f"on pages with a big object by day, {len(seeds)} seeds; object and colour correct by the lower result of two "
        "judges.",
        f"# {describe_device()}",
        "model,seed,test,held-out combinations",
    ]
    rows: dict[str, list[str]] = {name: [] for name in MODELS}
    for seed in seeds:
        seed_everything(seed)
        condition = SentenceCondition(shipped.load("shared_space").tower("text"))
        pages = drawing.described_pages("train", PAGES, seed, big=True)
        for name, (train, weight) in MODELS.items():
            seed_everything(seed)
            model = train(pages, condition, weight, seed)
            shown = [
                drawing.facts_shown(model.generate(part.tokens, seed=0), part.facts, judges)["object and colour"]
                for part in judged.values()
            ]
            rows[name].append(f"{name.replace(',', ' with')},{seed},{shown[0]:.2f},{shown[1]:.2f}")
            print(rows[name][-1], flush=True)
            write_whole(TABLE, "\n".join([*notes, *sum(rows.values(), [])]) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1])
