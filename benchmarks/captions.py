"""The table of lesson 12: `python -m benchmarks.captions` writes `data/tables/12_captioning.csv`.

Captioners of pages with one object and with two, on an encoder trained from scratch or on the shipped one; decoders
initialised randomly or from a captioner of one object. All decoders for two objects are trained for the same number of
steps on a frozen encoder, the Transformer also for twice as many. The augmentation is that of lesson 12's "Going
further"; `--plain` adds rows for the lesson's own, mirroring and moving, with as many steps. Seeds change the training
pages, the initialisation and the order of batches. About an hour on one core, with `--plain` half an hour more;
`--quick` runs everything on few pages and stores nothing.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from torchmetrics.functional.text import bleu_score

from mmcourse import PictureBook, evaluate, fit
from mmcourse.files import write_whole
from mmcourse.metrics import caption_accuracy
from mmcourse.models.captioner import Captioner, ShowAndTell, ShowAttendAndTell, TransformerCaptioner
from mmcourse.models.decoding import captions
from mmcourse.picturebook.sentence import VOCABULARY, decode
from mmcourse.tasks.captions import (
    COLOUR_WORDS,
    ROUNDS,
    CaptionBatches,
    cached_features,
    caption_loss,
    mirror,
    move,
    recolour,
    sample_captions,
    word_accuracy,
)
from mmcourse.training.device import describe_device, seed_everything
from mmcourse.training.shipped import load

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "12_captioning.csv"
SEEDS, JUDGED = range(3), 1_000
PAGES = {1: 16_000, 2: 8_000}
EPOCHS = {1: 16, 2: 3}  # for two objects each page occurs once for each of ROUNDS in an epoch (cached_features)
BRIEF = 2  # epochs on one object where the encoder is shipped and only the decoder is trained
PLAIN_ROUNDS = len(ROUNDS) * ((mirror, move),)
WORDS, ACCURACY = "word accuracy, teacher forcing", "accuracy"
COLUMNS = (WORDS, "BLEU", ACCURACY, "accuracy, beam of 4", "accuracy, held-out combinations")


@dataclass(frozen=True)
class Row:
    """One row of the table: objects per page, decoder and initialisation, encoder, and how they were trained."""

    objects: int
    decoder: str
    encoder: str
    from_one_object: bool = False
    longer: int = 1  # times the epochs of the others
    plain: bool = False  # mirrored and moved only


ROWS = (
    Row(1, "LSTM, one vector", "from scratch"),
    Row(2, "LSTM, one vector", "from scratch", from_one_object=True),
    Row(2, "LSTM, attention", "from scratch", from_one_object=True),
    Row(2, "LSTM, attention", "from scratch"),
    Row(2, "LSTM, attention", "pretrained", from_one_object=True),
    Row(2, "Transformer", "pretrained"),
    Row(2, "Transformer", "pretrained", longer=2),
)
PLAIN_ROWS = (
    Row(1, "LSTM, one vector", "from scratch", plain=True),
    Row(2, "LSTM, one vector", "from scratch", from_one_object=True, plain=True),
    Row(2, "LSTM, attention", "from scratch", from_one_object=True, plain=True),
)
DECODERS: dict[str, type[Captioner]] = {
    "LSTM, one vector": ShowAndTell,
    "LSTM, attention": ShowAttendAndTell,
    "Transformer": TransformerCaptioner,
}


def train_one_object(row: Row, book: PictureBook, seed: int, epochs: int) -> ShowAndTell:
    """A captioner of one object: all of it from random initialisation, or the decoder alone on the shipped encoder."""
    scratch = row.encoder == "from scratch"
    model = ShowAndTell(len(VOCABULARY), encoder=None if scratch else load("image_encoder").encoder, frozen=not scratch)
    changes = (mirror, move) if row.plain else (mirror, move, recolour)
    batches = CaptionBatches(book.images, sample_captions(book, 4), changes=changes, seed=seed)
    fit(model, batches, loss=caption_loss, metrics=(), epochs=epochs, lr=6e-3, clip=1.0, verbose=False)
    return model


def train_two_objects(row: Row, one: ShowAndTell, book: PictureBook, seed: int, epochs: int) -> Captioner:
    """A decoder on the frozen encoder of `one`, initialised randomly or from its decoder."""
    masked = row.decoder == "LSTM, attention" and not row.plain
    options = {"masked_words": COLOUR_WORDS} if masked else {}
    model = DECODERS[row.decoder](len(VOCABULARY), frozen=True, **options)
    kept = one.state_dict() if row.from_one_object else {f"encoder.{k}": v for k, v in one.encoder.state_dict().items()}
    model.load_state_dict(kept, strict=False)
    features = cached_features(model, book.images, sample_captions(book, 4), PLAIN_ROUNDS if row.plain else ROUNDS)
    batches = CaptionBatches(*features, size=32, seed=seed)
    rate = 1e-3 if row.decoder == "Transformer" else 3e-3
    fit(model, batches, loss=caption_loss, metrics=(), epochs=row.longer * epochs, lr=rate, clip=1.0, verbose=False)
    return model


def results(model: Captioner, test: PictureBook, held_out: PictureBook) -> dict[str, float]:
    """{column: the result}"""
    reference_captions = sample_captions(test, 5)
    references = [[decode(row) for row in rows[1:]] for rows in reference_captions]  # without the page's own sentence
    generated = captions(model, test.images)
    batches = CaptionBatches(test.images, reference_captions, shuffle=False)
    values = (
        evaluate(model, batches, metrics={"words": word_accuracy})["words"],
        bleu_score(generated, references).item(),
        caption_accuracy(generated, test.scenes),
        caption_accuracy(captions(model, test.images, width=4), test.scenes),
        caption_accuracy(captions(model, held_out.images), held_out.scenes),
    )
    return dict(zip(COLUMNS, values, strict=True))


def measure(
    rows: Sequence[Row], seeds: Sequence[int], pages: dict[int, int], epochs: dict[int, int], judged: int
) -> dict[Row, dict]:
    """{row: {column: the result for each seed}}, with the seconds of training."""
    table: dict[Row, dict[str, list]] = {row: {column: [] for column in ("seconds", *COLUMNS)} for row in rows}
    splits = ("test", "held_out_pairs")
    evaluation = {objects: [PictureBook(split, judged, objects=objects) for split in splits] for objects in (1, 2)}
    for seed in seeds:
        books = {objects: PictureBook("train", pages[objects], objects=objects, seed=seed) for objects in (1, 2)}
        ones: dict[tuple[str, bool], ShowAndTell] = {}
        before: dict[tuple[str, bool], float] = {}  # seconds of their training
        for row in rows:
            seed_everything(seed)
            base = row.encoder, row.plain
            if base not in ones:
                began = time.process_time()
                brief = BRIEF if row.encoder == "pretrained" else epochs[1]
                ones[base] = train_one_object(row, books[1], seed, brief)
                before[base] = time.process_time() - began
            model, began = ones[base], time.process_time()
            if row.objects == 2:
                model = train_two_objects(row, model, books[2], seed, epochs[2])
            seconds = time.process_time() - began
            if row.from_one_object or row.encoder == "from scratch":
                seconds += before[base]
            found = {"seconds": seconds} | results(model, *evaluation[row.objects])
            for column, value in found.items():
                table[row][column].append(value)
            print(seed, row, {column: round(value, 3) for column, value in found.items()}, flush=True)
    return table


def as_csv(table: dict[Row, dict[str, list]], epochs: dict[int, int], note: str) -> str:
    """The table, with its notes above."""
    unit = mean(table[ROWS[2]]["seconds"]) or 1.0
    head = ("objects", "decoder", "encoder", "decoder initialised", "training", "epochs", "time")
    lines = [
        f"# Measured by benchmarks/captions.py: {note}. Test pages, means over the seeds; for the accuracy the lowest",
        "# and highest in brackets. Training 'augmented': mirrored, moved or repainted, with recoloured images for one "
        "object and masked colours for two" + "; 'plain': mirrored and moved." * any(row.plain for row in table),
        "# Encoder 'from scratch': the first row's. Decoder initialised 'from one object': from the captioner of one "
        "object on the same encoder.",
        f"# Time to train, without what is shipped: a multiple of the third row's. {describe_device()}",
        ",".join([*head, *(f'"{column}"' for column in COLUMNS)]),
    ]
    for row, found in table.items():
        cells = [f"{mean(found[column]):.3f}" for column in COLUMNS]
        cells[COLUMNS.index(ACCURACY)] += f" ({min(found[ACCURACY]):.3f} to {max(found[ACCURACY]):.3f})"
        first = [str(row.objects), f'"{row.decoder}"', row.encoder]
        first += ["from one object" if row.from_one_object else "randomly", "plain" if row.plain else "augmented"]
        first += [str(row.longer * epochs[row.objects]), f"{mean(found['seconds']) / unit:.1f}"]
        lines.append(",".join([*first, *cells]))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.captions", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few pages; stores nothing")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="number of seeds")
    parser.add_argument("--plain", action="store_true", help="also rows with mirroring and moving only")
    arguments = parser.parse_args()
    rows = ROWS + PLAIN_ROWS * arguments.plain
    if arguments.quick:
        brief = {1: 1, 2: 1}
        print(as_csv(measure(rows, range(1), {1: 150, 2: 150}, brief, 60), brief, "a quick try"))
        return 0
    note = f"{arguments.seeds} seed{'s' * (arguments.seeds != 1)}, {PAGES[2]:,} training pages with two objects"
    write_whole(TABLE, as_csv(measure(rows, range(arguments.seeds), PAGES, EPOCHS, JUDGED), EPOCHS, note))
    print("stored 12_captioning; now renew the checksums: python data/checksums.py", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
