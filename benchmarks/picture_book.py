"""The speed of the Picture Book: images, sentences and spoken words, on one thread.

`seconds` is the median time of one image, sentence or word; the note gives the number per second. The bank of voices is
decoded beforehand, and its decoding is timed separately.
"""

import statistics
import time
from collections.abc import Callable

import torch

from mmcourse.picturebook import speech
from mmcourse.picturebook.image import draw_batch
from mmcourse.picturebook.scene import imagine
from mmcourse.picturebook.sentence import describe, parse, split_words

REPEATS = 3


def run(quick: bool = False) -> list[dict]:
    """The rows that `python -m benchmarks` prints and stores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return images(64 if quick else 500) + words(32 if quick else 500)
    finally:
        torch.set_num_threads(threads)


def images(count: int) -> list[dict]:
    """Batches of the sizes for training, and of the size for display."""
    rows = []
    for objects, size, number in ((1, 32, count), (2, 48, count), (1, 128, max(1, count // 10))):
        scenes = [imagine("train", page, objects) for page in range(number)]
        label = f"{objects} object{'s' * (objects > 1)}, {size} pixels"
        rows.append(row("images", label, lambda scenes=scenes, size=size: draw_batch(scenes, size), number))
    return rows


def words(count: int) -> list[dict]:
    """Generating, parsing and speaking the same sentences, and decoding the bank of voices."""
    scenes = [imagine("train", page, objects=2) for page in range(count)]
    sentences = [describe(scene, page) for page, scene in enumerate(scenes)]
    spoken = sum(len(split_words(sentence)) for sentence in sentences)
    cast = speech.voices("train")
    speech.clip("fish", cast[0])

    def speak(varied):
        for page, sentence in enumerate(sentences):
            speech.speak(sentence, cast[page % len(cast)], page, varied)

    return [
        row("sentences", "generated", lambda: [describe(scene, page) for page, scene in enumerate(scenes)], count),
        row("sentences", "parsed", lambda: [parse(sentence) for sentence in sentences], count),
        row("spoken words", "varied", lambda: speak(True), spoken),
        row("spoken words", "plain", lambda: speak(False), spoken),
        row("voice bank", "decoded", speech._bank.__wrapped__, 1),
    ]


def row(case: str, variant: str, work: Callable[[], object], count: int) -> dict:
    """The median time of `work` for one of its `count` items."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    seconds = statistics.median(taken) / count
    note = f"{1 / seconds:,.0f} a second" if count > 1 else ""
    return {
        "benchmark": "picture_book",
        "case": case,
        "variant": variant,
        "seconds": seconds,
        "ratio": None,
        "note": note,
    }


if __name__ == "__main__":
    from benchmarks.__main__ import table

    print(table(run()))
