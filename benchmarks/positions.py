"""Lesson 04's Transformer with each kind of position: `python -m benchmarks.positions`, `data/tables/04_positions.csv`.

Trains the same Transformer with sinusoidal and with rotary position embeddings (RoPE), on sentences of up to 14 words
of three training books, and evaluates it on sentences of the same lengths, on longer ones and on held-out phrasings.
Five minutes on one core; not in `make bench`.
"""

from pathlib import Path
from statistics import mean

import torch

from mmcourse import PictureBook, evaluate, fit
from mmcourse.data.augment import mask_words
from mmcourse.data.text import SentenceBatches, Vocabulary
from mmcourse.files import write_whole
from mmcourse.models.transformer import TransformerClassifier
from mmcourse.tasks.relation import word_order
from mmcourse.training.device import describe_device, seed_everything

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "04_positions.csv"
SEEDS = range(3)
LONGEST = 14
POSITIONS = {"RoPE": "rotary", "added sinusoids": "sinusoids"}


def sentences_and_answers(book: PictureBook) -> list[tuple[str, int]]:
    _, answers, pages = word_order(book)
    return [(book.sentences[page], answer) for page, answer in zip(pages, answers, strict=True)]


def is_short(example: tuple[str, int]) -> bool:
    return len(example[0].split()) <= LONGEST


def main() -> None:
    test = sentences_and_answers(PictureBook("test", 4_000, objects=2))
    judged = {
        "as long as in training": [example for example in test if is_short(example)],
        "longer sentences": [example for example in test if not is_short(example)],
        "held-out phrasings": sentences_and_answers(PictureBook("held_out_phrasings", 2_000, objects=2)),
    }
    figures = {name: {split: [] for split in judged} for name in POSITIONS}
    for seed in SEEDS:
        train = [*filter(is_short, sentences_and_answers(PictureBook("train", 10_000, objects=2, seed=seed)))]
        vocabulary = Vocabulary.of(sentence for sentence, _ in train)

        def batches(examples, vocabulary=vocabulary, **options):
            sentences, answers = zip(*examples, strict=True)
            return SentenceBatches([vocabulary.encode(text) for text in sentences], torch.stack(answers), **options)

        for name, positions in POSITIONS.items():
            seed_everything(seed)
            model = TransformerClassifier(
                2, len(vocabulary), width=64, heads=4, layers=2, positions=positions, pooling="max"
            )
            training = batches(train, size=32, seed=seed, transform=lambda tokens: mask_words(tokens, 0.05))
            fit(model, training, epochs=6, lr=2e-3, verbose=False)
            for split, examples in judged.items():
                figures[name][split].append(evaluate(model, batches(examples, shuffle=False))["accuracy"])
            print(seed, name, {split: round(row[-1], 3) for split, row in figures[name].items()}, flush=True)
    rows = [
        f"# Measured by benchmarks/positions.py: accuracy; {len(SEEDS)} seeds, trained on sentences of up to {LONGEST} "
        "words.",
        "# Mean, lowest and highest in brackets. " + describe_device(),
        ",".join(["positions", *judged]),
    ]
    rows += [
        ",".join([name] + [f"{mean(row):.3f} ({min(row):.3f} to {max(row):.3f})" for row in figures[name].values()])
        for name in POSITIONS
    ]
    write_whole(TABLE, "\n".join(rows) + "\n")
    print("stored; now renew the checksums: python data/checksums.py")


if __name__ == "__main__":
    main()
