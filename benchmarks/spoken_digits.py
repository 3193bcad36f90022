"""Lesson 03's real digits: `python -m benchmarks.spoken_digits` writes `data/tables/03_spoken_digits.csv`.

The log-mel CNN and M5, each on the official split and with every speaker left out in turn, on several seeds. Needs the
free spoken digits (MMCOURSE_DATA, or `mmcourse data get free_spoken_digits`). A quarter of an hour on one core.
"""

from pathlib import Path
from statistics import mean, stdev

import torch

from mmcourse import Batches, evaluate, fit
from mmcourse.data import real
from mmcourse.data.audio import LogMel, collate, same_loudness
from mmcourse.data.augment import shift_bands, spec_augment
from mmcourse.data.spoken import leave_one_out
from mmcourse.files import write_whole
from mmcourse.models.speech import M5, SpeechClassifier
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "03_spoken_digits.csv"
SAMPLES = 6_000  # 0.75 s at 8 kHz
MODELS = {  # seeds, epochs
    "log-mel CNN: no augmentation": (3, 6),
    "log-mel CNN: augmentation": (3, 6),
    "M5 on the waveform": (2, 12),
}


def accuracy(name: str, train: tuple, test: tuple, seed: int) -> float:
    """Accuracy on `test` after training on `train`, each a list of sounds and their labels."""
    seed_everything(seed)
    (sounds, labels), (test_sounds, test_labels) = train, test
    if name.startswith("M5"):
        model, prepare, transform = M5(10), lambda part: collate(part, SAMPLES) / 0.1, None
    else:
        log_mel = LogMel(rate=8_000).fit(sounds[::5])
        model, prepare = SpeechClassifier(10), lambda part: log_mel(collate(part, SAMPLES))
        transform = (lambda mels: spec_augment(shift_bands(mels))) if name.endswith(": augmentation") else None
    batches = Batches(prepare(sounds), labels, seed=seed, transform=transform)
    fit(model, batches, epochs=MODELS[name][1], lr=5e-3, metrics=(), verbose=False)
    return evaluate(model, Batches(prepare(test_sounds), test_labels, shuffle=False))["accuracy"]


def row(name: str, official: list[float], people: dict[str, list[float]]) -> str:
    """A line of the table: mean over seeds; the standard deviation is over speakers."""
    each = [mean(figures) for figures in people.values()]
    cells = [f"{mean(official):.3f}", f"{mean(each):.3f}", f"{stdev(each):.3f}", *(f"{figure:.2f}" for figure in each)]
    return ",".join([f"{name} ({MODELS[name][0]} seeds)", *cells])


def main() -> None:
    sets = {}
    for split in ("train", "test"):
        rows = real.load("free_spoken_digits", split)
        features = [same_loudness(real.sound(row)[0]) for row in rows]
        sets[split] = features, torch.tensor(rows["label"]), list(rows["speaker"])
    sounds, labels, speakers = sets["train"]
    people, lines = sorted(set(speakers)), []
    for name, (seeds, _) in MODELS.items():
        official, left_out = [], {person: [] for person in people}
        for seed in range(seeds):
            official.append(accuracy(name, sets["train"][:2], sets["test"][:2], seed))
            for person, *sides in leave_one_out(speakers):
                train, test = (([sounds[i] for i in side], labels[side]) for side in sides)
                left_out[person].append(accuracy(name, train, test, seed))
        lines.append(row(name, official, left_out))
        print(lines[-1], flush=True)
    notes = [
        "# Measured by benchmarks/spoken_digits.py on the free spoken digits: accuracy on the official split, and with",
        "# each speaker of its training part left out in turn. Mean over seeds; std is the standard deviation over "
        "speakers.",
        "# " + describe_device(),
    ]
    header = ",".join(["model", "official split", "left out: mean", "std", *people])
    write_whole(TABLE, "\n".join([*notes, header, *lines]) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
