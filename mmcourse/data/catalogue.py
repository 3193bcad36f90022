"""The public data sets of the course: description, address on the hub, and the columns and rows of a complete copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Features

DIGITS = tuple("0123456789")
ENTITIES = ("corporation", "creative-work", "group", "location", "person", "product")


@dataclass(frozen=True)
class Source:
    """One data set: description, address on the hub, and the columns and rows of a complete copy."""

    name: str
    what: str
    licence: str
    repository: str
    file: str  # path in the repository, with {split}
    revisions: tuple[str, ...]  # tried in turn; the first is the pinned one
    rows: Mapping[str, int]
    columns: tuple[str, ...]
    target: str  # the column of classes
    classes: tuple[str, ...]


# The pinned revisions are taken from public code that loads these data sets: MNIST's and the spoken digits' in the
# benchmark suite mteb, the film reviews' in mlflow's tests. WNUT17's own repository holds a loading script, which
# `datasets` no longer runs; its parquet conversion needs none. That commit is named by one public project only, and the
# hub may rewrite its conversions, so the branch is the fallback. None of them could be tested when this was written.
SOURCES = {
    source.name: source
    for source in (
        Source(
            "mnist", "handwritten digits, 28x28 grey images (LeCun et al. 1998)", "MIT (packing)",
            "ylecun/mnist", "mnist/{split}-00000-of-00001.parquet",
            ("77f3279092a1c1579b2250db8eafed0ad422088c", "main"),
            {"train": 60_000, "test": 10_000}, ("image", "label"), "label", DIGITS,
        ),
        Source(
            "free_spoken_digits", "the ten digits spoken by six people, 8 kHz (Jackson et al.)", "CC BY-SA 4.0",
            "mteb/free-spoken-digit-dataset", "data/{split}-00000-of-00001.parquet",
            ("c34455c99604d35cb8d27328c267be1478efc903", "main"),
            {"train": 2_700, "test": 300}, ("audio", "label", "speaker", "index"), "label", DIGITS,
        ),
        Source(
            "movie_reviews", "sentences from film reviews, negative or positive (Pang and Lee 2005)", "please cite",
            "cornell-movie-review-data/rotten_tomatoes", "{split}.parquet",
            ("aa13bc287fa6fcab6daf52f0dfb9994269ffea28", "main"),
            {"train": 8_530, "validation": 1_066, "test": 1_066}, ("text", "label"), "label", ("neg", "pos"),
        ),
        Source(
            "wnut_17", "named entities in noisy messages, BIO tags of six types (Derczynski et al. 2017)", "CC BY 4.0",
            "leondz/wnut_17", "wnut_17/{split}/0000.parquet",
            ("1ac0b6d18c8a1a1d1606b24bef78b8af2f92d2d9", "refs/convert/parquet"),
            {"train": 3_394, "validation": 1_009, "test": 1_287}, ("tokens", "ner_tags"), "ner_tags",
            ("O", *(f"{position}-{kind}" for kind in ENTITIES for position in "BI")),
        ),
    )
}  # fmt: skip


def features(source: Source) -> "Features":
    """The columns as `datasets` types, the same for every copy; sound stays bytes (decoding it needs torchcodec)."""
    from datasets import Audio, ClassLabel, Features, Image, Value

    labels = ClassLabel(names=list(source.classes))
    kinds = {
        "image": Image(),
        "audio": Audio(decode=False),
        "label": labels,
        "text": Value("string"),
        "speaker": Value("string"),
        "index": Value("int32"),
        "tokens": [Value("string")],
        "ner_tags": [labels],
    }
    return Features({column: kinds[column] for column in source.columns})
