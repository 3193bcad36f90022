"""The table of lesson 11: `python -m benchmarks.shared_space` writes `data/tables/11_shared_space.csv`.

Spaces trained from scratch, with as many pages as in the lesson, and from pretrained image and text encoders, the
shipped ones, which were trained without held-out combinations; all else is the same. Each is evaluated on pages with
two objects, in all six directions and on the held-out splits, and on all meanings of one object. Seeds change the
training pages, the initialisation and the order of batches. About four minutes per space on one core; `--quick` runs
everything on few pages and stores nothing.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse import PictureBook, predict
from mmcourse.data.spoken_pages import spoken_pages
from mmcourse.data.text import pad
from mmcourse.files import write_whole
from mmcourse.models.towers import PageSpace
from mmcourse.picturebook.scene import COLOURS, KINDS
from mmcourse.picturebook.sentence import Facts, encode, with_article
from mmcourse.retrieval import all_directions, nearest, ranks, recall_at
from mmcourse.tasks.meaning import every_object, meaning_of, meanings, of_distinct_meaning
from mmcourse.training.device import describe_device, seed_everything
from mmcourse.training.shared_space import pretrained_space, train_space

TABLE = Path(__file__).resolve().parent.parent / "data" / "tables" / "11_shared_space.csv"
CANDIDATES, SPARE = 200, 40
SPLITS = {"test pages": "test", "held-out combinations": "held_out_pairs", "held-out voices": "held_out_voices"}
SPLITS |= {"held-out phrasings": "held_out_phrasings"}
STARTS = {"from scratch": PageSpace, "pretrained": pretrained_space}
# (objects, pages) of the images and of the speech, and the epochs of the three steps, as in the lesson
SIZES = ((2, 12_000), (1, 5_000)), ((2, 10_500), (1, 1_500)), (5, 5, 4)
Judged = dict[str, dict[str, dict[str, float]]]


def vectors_of(space: PageSpace, book: PictureBook, pages: Tensor) -> dict[str, Tensor]:
    """The unit vectors of pages for each modality.   {name: (N, D)}"""
    space.log_mel.cpu()
    inputs = {"image": book.images[pages], "text": book.tokens[pages]}
    inputs["sound"] = spoken_pages(book, space.log_mel, pages).float()
    return {name: F.normalize(predict(space.tower(name), given, size=50), dim=1) for name, given in inputs.items()}


def two_objects(space: PageSpace, splits: dict[str, str] = SPLITS) -> Judged:
    """{split: {direction: {R@1, R@5, median rank}}} among CANDIDATES pages of distinct meaning."""
    found = {}
    for name, split in splits.items():
        book = PictureBook(split, CANDIDATES + SPARE, objects=2)
        found[name] = all_directions(vectors_of(space, book, of_distinct_meaning(book, CANDIDATES)))
    return found


def one_object(space: PageSpace, split: str, pages: int = 1_000) -> dict[str, float]:
    """R@1 of images among one sentence per meaning (224), and of sentences among these images.

    Also the accuracy of zero-shot classification: the nearest of sixteen sentences per kind names the kind.
    """
    objects = every_object([(kind, colour) for kind in KINDS for colour in COLOURS])
    prompts = pad([encode(with_article(f"{size} {colour} {kind}")) for kind, colour, size in objects])
    sentences, meant = predict(space.tower("text"), prompts), torch.tensor([meaning_of(Facts.of([t])) for t in objects])
    book = PictureBook(split, pages, size=48)
    images, shown = predict(space.tower("image"), book.images), meanings(book)
    kinds = nearest(images, sentences, 1)[1][:, 0] // (len(objects) // len(KINDS))
    there = (meant[:, None] == shown).any(dim=1)
    return {
        "image → text": recall_at(ranks(images, sentences, shown, meant), 1),
        "text → image": recall_at(ranks(sentences[there], images, meant[there], shown), 1),
        "zero-shot, the kind": (kinds == book.kinds).float().mean().item(),
    }


def rows_of(space: PageSpace) -> dict[str, float]:
    """All results of one space, {name: result}."""
    results = {}
    for name, table in two_objects(space).items():
        for direction, row in table.items():
            for what, value in row.items():
                results[f"{name}: {direction}: {what}"] = value
    for name, split in (("test pages", "test"), ("held-out combinations", "held_out_pairs")):
        for direction, value in one_object(space, split).items():
            results[f"one object, {name}: {direction}"] = value
    return results


def measure(seeds: Sequence[int], sizes: tuple) -> Iterator[dict[str, list[dict[str, float]]]]:
    """{start: [results for each seed]}, with the seconds, after each seed."""
    table = {start: [] for start in STARTS}
    for seed in seeds:
        for start, made in STARTS.items():
            began = time.process_time()
            seed_everything(seed)
            space = train_space(made(), *sizes, seed=seed, verbose=False)
            seconds = time.process_time() - began
            table[start].append({"seconds": seconds, **rows_of(space)})
            summary = {
                key: round(value, 3) for key, value in table[start][-1].items() if "R@1" in key and "test" in key
            }
            print(seed, start, f"{seconds:.0f} s", summary, flush=True)
        yield table


def as_csv(table: dict[str, list[dict[str, float]]], note: str) -> str:
    """The table, with its notes above: a row for each direction and split, columns for each start."""
    starts = list(table)
    base = mean(row["seconds"] for row in table[starts[0]]) or 1.0
    ratio = ", ".join(f"{start} {mean(row['seconds'] for row in rows) / base:.1f}" for start, rows in table.items())
    lines = [
        f"# Measured by benchmarks/shared_space.py: {note}. R@1 among 200 pages with two objects and different "
        "meanings; the lowest and the",
        "# highest of the seeds in brackets, then the median rank. One object: R@1 among all 224 meanings, or 1,000 "
        f"images. Time to train, relative to from scratch: {ratio}. {describe_device()}",
        ",".join(["query → result", *(f'"{start}: R@1","{start}: median rank"' for start in starts)]),
    ]
    keys = [key for key in table[starts[0]][0] if key.endswith("R@1") or key.startswith("one object")]
    for key in keys:
        cells = []
        for start in starts:
            values = [row[key] for row in table[start]]
            middle = key.removesuffix("R@1") + "median rank"
            cells.append(f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
            cells.append(f"{mean(row[middle] for row in table[start]):.1f}" if middle in table[start][0] else "")
        lines.append(",".join([f'"{key.removesuffix(": R@1")}"', *cells]))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shared_space", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few pages, one seed, nothing stored")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds (3)")
    arguments = parser.parse_args()
    if arguments.quick:
        few = ((2, 200), (1, 100)), ((2, 64), (1, 64)), (1, 1, 1)
        print(as_csv(*measure(range(1), few), "a quick try"))
        return 0
    (image_pages, sound_pages), epochs = (sum(pages for _, pages in books) for books in SIZES[:2]), SIZES[2]
    summary = f"{image_pages:,} images for {epochs[0]} epochs, speech of {sound_pages:,} other pages for {epochs[2]}"
    for table in measure(range(arguments.seeds), SIZES):  # stored after each seed
        write_whole(TABLE, as_csv(table, f"{summary}, {len(table['from scratch'])} seeds"))
    print(f"written: {TABLE}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
