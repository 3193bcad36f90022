"""Lesson 01's shortcut and its remedy: `python -m benchmarks.shortcut` writes `data/tables/01_shortcut.csv`.

Trains three networks (no augmentation; flip and shift; channel permutation as well) on five training books and reports
their accuracy on the test split and on held-out combinations of kind and colour. Five minutes on one core; not in
`make bench`.
"""

from pathlib import Path
from statistics import mean

from mmcourse import Batches, PictureBook, evaluate, fit
from mmcourse.data.augment import flip, permute_colours, shift
from mmcourse.files import write_whole
from mmcourse.models.cnn import ImageClassifier
from mmcourse.picturebook.scene import KINDS
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "01_shortcut.csv"
SEEDS = range(5)
RUNS = {
    "none": (None, 8),
    "flip and shift": (lambda images: shift(flip(images)), 8),
    '"flip, shift and channel permutation"': (lambda images: permute_colours(shift(flip(images)), fraction=0.9), 8),
}


def main() -> None:
    judged = {split: PictureBook(split, 2_000) for split in ("test", "held_out_pairs")}
    results = {name: {split: [] for split in judged} for name in RUNS}
    for seed in SEEDS:
        train = PictureBook("train", 8_000, seed=seed)
        for name, (transform, epochs) in RUNS.items():
            seed_everything(seed)
            model = ImageClassifier(len(KINDS))
            fit(
                model,
                Batches(train.images, train.kinds, seed=seed, transform=transform),
                epochs=epochs,
                lr=6e-3,
                verbose=False,
            )
            for split, book in judged.items():
                right = evaluate(model, Batches(book.images, book.kinds, shuffle=False))["accuracy"]
                results[name][split].append(right)
            print(seed, name, {split: round(values[-1], 3) for split, values in results[name].items()}, flush=True)
    rows = [
        f"# Measured by benchmarks/shortcut.py: {len(SEEDS)} seeds, 8,000 training images, 2,000 test images per "
        "split.",
        "# Accuracy: mean over the seeds, lowest and highest in brackets. " + describe_device(),
        "augmentation,test split,held-out combinations",
    ]
    rows += [
        ",".join([name] + [f"{mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for v in results[name].values()])
        for name in RUNS
    ]
    write_whole(TABLE, "\n".join(rows) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
