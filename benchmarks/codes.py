"""Lesson 06's codes of different sizes: `python -m benchmarks.codes` writes `data/tables/06_codes.csv`.

Image autoencoders with 2, 4 and 8 maps of 8 x 8, trained on squared error and with the perceptual loss, beside PCA with
as many numbers. Judged on the test split by both judges; the lower score counts. Fifteen minutes on one core; not in
`make bench`.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse import Batches, PictureBook, fit, predict
from mmcourse.files import write_whole
from mmcourse.models.autoencoder import ImageAutoencoder
from mmcourse.models.perceptual import PerceptualLoss
from mmcourse.training import shipped
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "06_codes.csv"
CHANNELS = (2, 4, 8)
PAGES, EPOCHS, FITTED = 16_000, 4, 4_000


def score(images: Tensor, book: PictureBook) -> float:
    """The fraction of images in which a judge finds object, colour and size, the lower of both judges."""
    truth = torch.stack([book.kinds, book.colours, book.sizes], dim=1)
    judges = (shipped.load(name) for name in ("image_judge", "second_image_judge"))
    return min((judge.predict(images).cpu() == truth).all(dim=1).double().mean().item() for judge in judges)


def by_pca(train: Tensor, images: Tensor, components: int) -> Tensor:
    """Images reconstructed from their first principal components."""
    flat = train[:FITTED].flatten(1)
    mean = flat.mean(dim=0)
    _, _, directions = torch.pca_lowrank(flat - mean, q=components, center=False)
    return ((images.flatten(1) - mean) @ directions @ directions.T + mean).reshape(images.shape).clamp(0, 1)


def main() -> None:
    train, test = PictureBook("train", PAGES, seed=0).images, PictureBook("test", 2_000)
    losses = {"squared error": F.mse_loss, "perceptual loss": PerceptualLoss(shipped.load("image_encoder").encoder)}
    results: dict[str, list[float]] = {"PCA": []}
    for channels in CHANNELS:
        results["PCA"].append(score(by_pca(train, test.images, 64 * channels), test))
        for name, loss in losses.items():
            seed_everything(0)
            model = ImageAutoencoder(channels)
            fit(model, Batches(train, train, seed=0), loss=loss, epochs=EPOCHS, lr=4e-3, verbose=False)
            results.setdefault(name, []).append(score(predict(model, test.images), test))
        print(channels, {name: round(values[-1], 3) for name, values in results.items()}, flush=True)
    rows = [
        f"# Measured by benchmarks/codes.py: object, colour and size found in reconstructions of {len(test):,} test "
        f"pages, the lower of two judges; {PAGES:,} pages, {EPOCHS} epochs.",
        f"# One seed. {describe_device()}",
        ",".join(["method", *(f"{64 * channels} numbers" for channels in CHANNELS)]),
    ]
    rows += [",".join([name, *(f"{value:.3f}" for value in values)]) for name, values in results.items()]
    write_whole(TABLE, "\n".join(rows) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
