"""The table of lesson 10: `python -m benchmarks.missing` writes `data/tables/10_missing.csv`.

Several ways to train on images, speech and sentences, each evaluated with all modalities, with each modality missing,
and without sound by each imputation; five seeds, which change the training pages, the initialisation and the order of
batches. About a quarter of an hour on one core; `--quick` runs everything on few pages and stores nothing.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import Batches, PictureBook, fit, predict
from mmcourse.data.audio import LogMel, collate
from mmcourse.data.spoken import SAMPLES
from mmcourse.files import write_whole
from mmcourse.models.branches import Branches, decisions_of, features_of
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.imputation import Imputer
from mmcourse.models.speech import SpeechEncoder
from mmcourse.models.textcnn import BagOfWords
from mmcourse.picturebook.scene import KINDS
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.tasks.naming import NamedPages
from mmcourse.training.auxiliary import with_auxiliary_losses
from mmcourse.training.device import describe_device, seed_everything
from mmcourse.training.modulation import Modulated

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "10_missing.csv"
SEEDS, NAMES, WIDTH, EPOCHS = range(5), ("image", "sound", "text"), 64, 10
RATES, EVEN = {"image": 0.2, "sound": 0.7, "text": 0.3}, dict.fromkeys(NAMES, 0.5)  # chosen on validation pages
Inputs = tuple[Tensor, Tensor, Tensor]

# {training: (options of Branches, the loss or a function of the model that makes it, plain SGD?)}
TRAININGS: dict[str, tuple[dict, Callable | None, bool]] = {
    "plain": ({}, None, False),
    "plain, SGD": ({}, None, True),
    "gradient modulation (OGM)": ({}, lambda model: Modulated(model, alpha=1.0), False),
    "gradient modulation (OGM), SGD": ({}, lambda model: Modulated(model, alpha=1.0), True),
    "auxiliary losses": ({"auxiliary_heads": True}, lambda model: with_auxiliary_losses(), False),
    "dropout, all 0.5": ({"dropout": EVEN}, None, False),
    "dropout, sound 0.7": ({"dropout": RATES}, None, False),
    "auxiliary losses, dropout, sound 0.7": (
        {"auxiliary_heads": True, "dropout": RATES},
        lambda model: with_auxiliary_losses(),
        False,
    ),
}
COLUMNS = (
    "without sound",
    "nothing missing",
    "without image",
    "without text",
    "no sound: silence",
    "no sound: mask",
    "no sound: generated",
    "image, linear probe",
)


def encoders() -> dict[str, nn.Module]:
    """A new network for each modality, to WIDTH features."""
    return {
        "image": ImageEncoder((16, 32, WIDTH)),
        "sound": SpeechEncoder(40, (8, 16, 32), WIDTH),
        "text": BagOfWords(WIDTH, len(VOCABULARY)),
    }


def train(training: str, inputs: Inputs, labels: Tensor, seed: int, epochs: int) -> tuple[Branches, float]:
    """A trained model and the seconds of its training."""
    options, make_loss, plain_sgd = TRAININGS[training]
    seed_everything(seed)
    model = Branches(encoders(), WIDTH, len(KINDS), **options)
    loss = make_loss(model) if make_loss else F.cross_entropy
    rule = {"lr": 1e-2}
    if plain_sgd:
        rule = {"lr": 0.1, "optimiser": lambda parameters, lr: torch.optim.SGD(parameters, lr=lr, momentum=0.9)}
    began = time.process_time()
    fit(model, Batches(*inputs, labels, seed=seed), loss=loss, metrics=(), epochs=epochs, verbose=False, **rule)
    return model, time.process_time() - began


def results(model: Branches, train_on: Inputs, labels: Tensor, test_on: Inputs, truth: Tensor, silence: Tensor) -> dict:
    """{column: accuracy on the test pages}."""
    made, here = features_of(model, train_on), features_of(model, test_on)

    def right(features: dict[str, Tensor]) -> float:
        return (decisions_of(model, features).argmax(dim=1) == truth).float().mean().item()

    def with_mean(name: str) -> dict[str, Tensor]:
        return here | {name: made[name].mean(dim=0).expand_as(here[name])}

    inventor = Imputer("sound", dict.fromkeys(NAMES, WIDTH))
    given = Batches(inventor.given(made), made["sound"])
    fit(inventor.layers, given, loss=F.mse_loss, metrics=(), epochs=5, verbose=False)
    probe = nn.Linear(WIDTH, len(KINDS))
    fit(probe, Batches(made["image"], labels), metrics=(), epochs=5, lr=1e-2, verbose=False)
    silent = features_of(model, (test_on[0], silence.expand(len(truth), -1, -1), test_on[2]))
    return {
        "nothing missing": right(here),
        "without image": right(with_mean("image")),
        "without sound": right(with_mean("sound")),
        "without text": right(with_mean("text")),
        "no sound: silence": right(silent),
        "no sound: mask": right({name: x for name, x in here.items() if name != "sound"}),
        "no sound: generated": right(here | {"sound": predict(inventor.layers, inventor.given(here))}),
        "image, linear probe": (predict(probe, here["image"]).argmax(dim=1) == truth).float().mean().item(),
    }


def measure(seeds: Sequence[int] = SEEDS, pages: int = 4_000, epochs: int = EPOCHS) -> dict[str, dict[str, list]]:
    """{training: {column: a result for each seed}}, with the seconds."""
    table: dict[str, dict[str, list]] = {name: {column: [] for column in ("seconds", *COLUMNS)} for name in TRAININGS}
    for seed in seeds:
        some = NamedPages(PictureBook("train", pages, seed=seed))
        test = NamedPages(PictureBook("test", pages // 2))
        log_mel = LogMel(hop=0.020).fit(collate([some.sound(i) for i in range(min(500, pages))], samples=SAMPLES))
        train_on, test_on = ((part.images, part.log_mels(log_mel), part.tokens) for part in (some, test))
        silence = log_mel(torch.zeros(1, SAMPLES))
        for training in TRAININGS:
            model, seconds = train(training, train_on, some.labels, seed, epochs)
            row = results(model, train_on, some.labels, test_on, test.labels, silence) | {"seconds": seconds}
            for column, value in row.items():
                table[training][column].append(value)
            summary = {
                column: round(row[column], 3) for column in ("nothing missing", "without sound", "image, linear probe")
            }
            print(seed, training, summary, flush=True)
    return table


def as_csv(table: dict[str, dict[str, list]], note: str) -> str:
    """The table, with its notes above."""
    base = mean(table["plain"]["seconds"]) or 1.0
    lines = [
        f"# Measured by benchmarks/missing.py: {note}. Accuracy on test pages, means over the seeds; without sound the "
        "lowest",
        "# and the highest in brackets. The features of a missing modality are replaced by their training mean unless "
        "another imputation is named. Time "
        f"to train: a multiple of the plain one's. {describe_device()}",
        ",".join(["training", "time", *(f'"{column}"' for column in COLUMNS)]),
    ]
    for training, row in table.items():
        cells = [f"{mean(row[column]):.3f}" for column in COLUMNS]
        cells[0] += f" ({min(row['without sound']):.3f} to {max(row['without sound']):.3f})"
        lines.append(",".join([f'"{training}"', f"{mean(row['seconds']) / base:.1f}", *cells]))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.missing", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few pages; stores nothing")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="number of seeds")
    arguments = parser.parse_args()
    if arguments.quick:
        print(as_csv(measure(range(1), pages=200, epochs=1), "a quick try"))
        return 0
    note = f"{arguments.seeds} seed{'s' * (arguments.seeds != 1)}, 4,000 training pages, {EPOCHS} epochs"
    write_whole(TABLE, as_csv(measure(range(arguments.seeds)), note))
    print("stored 10_missing; now renew the checksums: python data/checksums.py", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
