"""Lesson 03's spoken words: `python -m benchmarks.spoken_words` writes `data/tables/03_spoken_words.csv`.

The log-mel CNN without and with augmentation, and M5 on the waveform (at 8 kHz, to limit its training time), each
trained on the 46 training voices and evaluated on new takes of them, on held-out voices and on another speech engine.
Half an hour on one core.
"""

import time
from pathlib import Path
from statistics import mean

import torch

from mmcourse import Batches, evaluate, fit
from mmcourse.data.audio import LogMel, resample
from mmcourse.data.augment import shift_bands, spec_augment
from mmcourse.data.spoken import SpokenWords, spoken_words
from mmcourse.files import write_whole
from mmcourse.models.speech import M5, SpeechClassifier
from mmcourse.picturebook.sentence import WORDS
from mmcourse.picturebook.speech import voices
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "03_spoken_words.csv"
SEEDS = range(3)
TAKES, EPOCHS = 2, {"log-mel CNN": 7, "M5": 12}


def vary(mels):
    return spec_augment(shift_bands(mels))


def waves(speech: SpokenWords) -> torch.Tensor:
    """Every sound at 8 kHz, at unit loudness.   -> (N, 6000)"""
    return torch.cat([resample(sounds, 16_000, 8_000) for sounds in speech.batches()]) / 0.1


def main() -> None:
    judged = {
        "new takes of training voices": SpokenWords(voices("train")[::6], seed=0),
        "held-out voices": spoken_words("held_out"),
        "another engine": spoken_words("far"),
    }
    results = {}
    for seed in SEEDS:
        train = spoken_words("train", TAKES, seed=1 + seed)
        log_mel = LogMel().fit(train.sound(i) for i in range(0, len(train), 20))
        mels = train.log_mels(log_mel)
        runs = {
            "log-mel CNN: no augmentation": (lambda: SpeechClassifier(len(WORDS)), mels, None),
            "log-mel CNN: SpecAugment": (lambda: SpeechClassifier(len(WORDS)), mels, spec_augment),
            "log-mel CNN: SpecAugment and shifted bands": (lambda: SpeechClassifier(len(WORDS)), mels, vary),
            "M5: waveform": (lambda: M5(len(WORDS)), waves(train), None),
        }
        for name, (make, inputs, transform) in runs.items():
            seed_everything(seed)
            model, began = make(), time.process_time()
            fit(
                model,
                Batches(inputs, train.labels, seed=seed, transform=transform),
                epochs=EPOCHS[name.split(":")[0]],
                lr=5e-3,
                metrics=(),
                verbose=False,
            )
            row = results.setdefault(name, {"seconds": [], **{split: [] for split in judged}})
            row["seconds"].append(time.process_time() - began)
            for split, speech in judged.items():
                features = waves(speech) if name.startswith("M5") else speech.log_mels(log_mel)
                right = evaluate(model, Batches(features, speech.labels, shuffle=False))["accuracy"]
                row[split].append(right)
            print(seed, name, {what: round(values[-1], 3) for what, values in row.items()}, flush=True)
    first = mean(results["log-mel CNN: no augmentation"]["seconds"])
    notes = [
        f"# Measured by benchmarks/spoken_words.py: accuracy; {len(SEEDS)} seeds; 10,212 spoken words, 7 epochs "
        "(M5: 12); mean,",
        "# lowest and highest in brackets; training time as a multiple of the first row. " + describe_device(),
        ",".join(["model", *judged, "training time"]),
    ]
    rows = []
    for name, row in results.items():
        cells = [f"{mean(row[split]):.3f} ({min(row[split]):.3f} to {max(row[split]):.3f})" for split in judged]
        rows.append(",".join([name, *cells, f"{mean(row['seconds']) / first:.1f}"]))
    write_whole(TABLE, "\n".join([*notes, *rows]) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
