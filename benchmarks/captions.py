"""The table of lesson 12: `python -m benchmarks.captions` writes `data/tables/12_captioning.csv`.

Captioners of pages with one object and with two, from scratch (nothing shipped is in them) and with the shipped image
encoder, their decoders new or continued from pages with one object. All decoders for two objects take as many steps, on
a frozen encoder, and a Transformer once more twice as many. Seeds move the training pages, the initialisation and the
order of batches. About an hour on one core; `--quick` tries everything on few pages and stores nothing.
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
EPOCHS = {1: 16, 2: 3}  # of two things each page is there once for each of ROUNDS, as cached_features has it
BRIEF = 2  # epochs on one thing where the encoder are shipped and only the decoder learns
COLUMNS = ("words, given the true ones", "BLEU", "meaning", "beam of 4", "held-out pairs")


@dataclass(frozen=True)
class Row:
    """One line of the table: what is on a page, the decoder, whose encoder, whether the decoder goes on, how long."""

    objects: int
    decoder: str
    encoder: str
    goes_on: bool = False
    longer: int = 1  # times the epochs of the others


ROWS = (
    Row(1, "LSTM, one vector", "from scratch"),
    Row(2, "LSTM, one vector", "from scratch", goes_on=True),
    Row(2, "LSTM, attention", "from scratch", goes_on=True),
    Row(2, "LSTM, attention", "from scratch"),
    Row(2, "LSTM, attention", "pretrained", goes_on=True),
    Row(2, "Transformer", "pretrained"),
    Row(2, "Transformer", "pretrained", longer=2),
)
DECODERS: dict[str, type[Captioner]] = {
    "LSTM, one vector": ShowAndTell,
    "LSTM, attention": ShowAttendAndTell,
    "Transformer": TransformerCaptioner,
}


def train_one_object(encoder: str, book: PictureBook, seed: int, epochs: int) -> ShowAndTell:
    """A captioner of one thing, from random weights, or its decoder alone on the shipped encoder."""
    scratch = encoder == "from scratch"
    model = ShowAndTell(len(VOCABULARY), encoder=None if scratch else load("image_encoder").encoder, frozen=not scratch)
    batches = CaptionBatches(book.images, sample_captions(book, 4), changes=(mirror, move, recolour), seed=seed)
    fit(model, batches, loss=caption_loss, metrics=(), epochs=epochs, lr=6e-3, clip=1.0, verbose=False)
    return model


def train_two_objects(row: Row, one: ShowAndTell, book: PictureBook, seed: int, epochs: int) -> Captioner:
    """A decoder on the encoder of `one`, which are kept; where it goes on it begins with that one's decoder."""
    options = {"masked_words": COLOUR_WORDS} if row.decoder == "LSTM, attention" else {}
    model = DECODERS[row.decoder](len(VOCABULARY), frozen=True, **options)
    kept = one.state_dict() if row.goes_on else {f"encoder.{k}": v for k, v in one.encoder.state_dict().items()}
    model.load_state_dict(kept, strict=False)
    batches = CaptionBatches(*cached_features(model, book.images, sample_captions(book, 4)), size=32, seed=seed)
    rate = 1e-3 if row.decoder == "Transformer" else 3e-3
    fit(model, batches, loss=caption_loss, metrics=(), epochs=row.longer * epochs, lr=rate, clip=1.0, verbose=False)
    return model


def figures(model: Captioner, test: PictureBook, held_out: PictureBook) -> dict[str, float]:
    """{column: its figure}"""
    reference_captions = sample_captions(test, 5)
    references = [
        [decode(row) for row in rows[1:]] for rows in reference_captions
    ]  # none of them the page's own sentence
    said = captions(model, test.images)
    batches = CaptionBatches(test.images, reference_captions, shuffle=False)
    return {
        "words, given the true ones": evaluate(model, batches, metrics={"words": word_accuracy})["words"],
        "BLEU": bleu_score(said, references).item(),
        "meaning": caption_accuracy(said, test.scenes),
        "beam of 4": caption_accuracy(captions(model, test.images, width=4), test.scenes),
        "held-out pairs": caption_accuracy(captions(model, held_out.images), held_out.scenes),
    }


def measure(seeds: Sequence[int], pages: dict[int, int], epochs: dict[int, int], judged: int) -> dict[Row, dict]:
    """{row: {column: a figure for each seed}}, with the seconds of training."""
    table: dict[Row, dict[str, list]] = {row: {column: [] for column in ("seconds", *COLUMNS)} for row in ROWS}
    splits = ("test", "held_out_pairs")
    evaluation_mode = {objects: [PictureBook(split, judged, objects=objects) for split in splits] for objects in (1, 2)}
    for seed in seeds:
        books = {objects: PictureBook("train", pages[objects], objects=objects, seed=seed) for objects in (1, 2)}
        ones: dict[str, ShowAndTell] = {}
        before: dict[str, float] = {}  # seconds that these took
        for row in ROWS:
            seed_everything(seed)
            if row.encoder not in ones:
                began = time.process_time()
                ones[row.encoder] = train_one_object(
                    row.encoder, books[1], seed, epochs[1] if row.encoder == "from scratch" else BRIEF
                )
                before[row.encoder] = time.process_time() - began
            model, began = ones[row.encoder], time.process_time()
            if row.objects == 2:
                model = train_two_objects(row, model, books[2], seed, epochs[2])
            seconds = time.process_time() - began
            if row.goes_on or row.encoder == "from scratch":
                seconds += before[row.encoder]
            found = {"seconds": seconds} | figures(model, *evaluation_mode[row.objects])
            for column, value in found.items():
                table[row][column].append(value)
            print(seed, row, {column: round(value, 3) for column, value in found.items()}, flush=True)
    return table


def as_csv(table: dict[Row, dict[str, list]], epochs: dict[int, int], note: str) -> str:
    """The table, its notes on top."""
    base = mean(table[ROWS[2]]["seconds"]) or 1.0
    lines = [
        f"# Measured by benchmarks/captions.py: {note}. Test pages, means over the seeds; of the meaning the lowest",
        "# and highest in brackets. Eyes 'cold': the first row's, trained from random weights. 'Goes on': the decoder",
        "# begins as the one that learned to tell of one thing. Time to train, all that is not shipped: a multiple of "
        "the third row's.",
        f"# {describe_device()}",
        ",".join(
            [
                "objects",
                "decoder",
                "encoder",
                "decoder begins",
                "epochs",
                "time",
                *(f'"{column}"' for column in COLUMNS),
            ]
        ),
    ]
    for row, found in table.items():
        cells = [f"{mean(found[column]):.3f}" for column in COLUMNS]
        cells[2] += f" ({min(found['meaning']):.3f} to {max(found['meaning']):.3f})"
        begins = "goes on" if row.goes_on else "new"
        first = [str(row.objects), f'"{row.decoder}"', row.encoder, begins, str(row.longer * epochs[row.objects])]
        lines.append(",".join([*first, f"{mean(found['seconds']) / base:.1f}", *cells]))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.captions", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, few pages; stores nothing")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many seeds")
    arguments = parser.parse_args()
    if arguments.quick:
        brief = {1: 1, 2: 1}
        print(as_csv(measure(range(1), {1: 150, 2: 150}, brief, 60), brief, "a quick try"))
        return 0
    note = f"{arguments.seeds} seed{'s' * (arguments.seeds != 1)}, {PAGES[2]:,} training pages with two things"
    write_whole(TABLE, as_csv(measure(range(arguments.seeds), PAGES, EPOCHS, JUDGED), EPOCHS, note))
    print("stored 12_captioning; now renew the checksums: python data/checksums.py", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
