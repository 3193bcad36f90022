"""Real data beside the Picture Book, by the order: local folder (MMCOURSE_DATA), the hub's cache, the hub.

    dataset = real.load("mnist", "train")            # a datasets.Dataset
    images, labels = real.pictures(dataset)          # (60000, 1, 28, 28) float32 in [0, 1], (60000,) int64

Only parquet is read, never a pickle, and what is read is checked before use: columns, classes, number of rows.
"""

import io
import json
import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmcourse import settings
from mmcourse.data import hub

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset, Features
    from torch import Tensor

DIGITS = tuple("0123456789")
ENTITIES = ("corporation", "creative-work", "group", "location", "person", "product")
TOLERANCE = 0.05  # another version of a data set may have this share of rows more or fewer; beyond it, rows are missing


class NotAvailable(FileNotFoundError):
    """No copy on this machine and no way to the hub; the message names the command that fetches one."""


class BrokenFile(ValueError):
    """A file that is there and is not what it should be; `path` and the message name it."""

    def __init__(self, path: Path, wrong: str, mend: str):
        super().__init__(f"{path} {wrong}. {mend}")
        self.path = path


@dataclass(frozen=True)
class Source:
    """One data set: what it is, where the hub keeps it, and what a good copy looks like."""

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


# The pinned revisions stand in public code that loads these data sets: MNIST's and the spoken digits' in the benchmark
# suite mteb, the movie reviews' in mlflow's tests. WNUT17's own repository holds a loading script, which `datasets` no
# longer runs; its parquet conversion does without. That commit is named by one public project only, and the hub may
# rewrite its conversions, so the branch is the fallback. None of them could be tried where this was written.
SOURCES = {
    source.name: source
    for source in (
        Source(
            "mnist", "handwritten digits, 28x28 grey pictures (LeCun et al. 1998)", "MIT (packing)",
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
            ("O", *(f"{place}-{kind}" for kind in ENTITIES for place in "BI")),
        ),
    )
}  # fmt: skip
NAMES = tuple(SOURCES)


def load(name: str, split: str = "train") -> "Dataset":
    """One split as a `datasets.Dataset`, the same columns whichever source it comes from.

    mnist: image, label. free_spoken_digits: audio (bytes, path), label, speaker, index. movie_reviews: text, label.
    wnut_17: tokens, ner_tags. Splits are train, validation (or valid) and test; the first two sets have no validation.
    NotAvailable within two seconds where there is no copy and no network; BrokenFile for a file that is not whole.
    """
    source, split = _source(name), _split(name, split)
    paths, local = _find(source, split)
    if paths is None:
        paths = [_download(source, split, hub.QUICK)]
    return _dataset(source, split, paths, _mend(source, local))


def available(name: str, split: str | None = None) -> bool:
    """Whether a copy is on this machine: of one split, or of all. Looks for files only; `load` checks them."""
    source = _source(name)
    return all(_find(source, each)[0] for each in ([_split(name, split)] if split else source.rows))


def where(name: str) -> Path | Literal["cache"] | None:
    """The local folder that holds every split, 'cache' where the hub's cache helps out, or None."""
    source = _source(name)
    found = [_find(source, split) for split in source.rows]
    if not all(paths for paths, _ in found):
        return None
    return _folder(source) if all(local for _, local in found) else "cache"


def load_or_explain(name: str, split: str = "train") -> "Dataset | None":
    """`load`, for a lesson that can go on without: None after saying what is missing; raises under MMCOURSE_STRICT."""
    try:
        return load(name, split)
    except (NotAvailable, BrokenFile) as error:
        if settings.strict():
            raise
        print(f"{error}\nThe lesson goes on with the Picture Book.")
        return None


def get(name: str, into: str | os.PathLike | None = None) -> list[Path]:
    """Have every split on this machine, fetching what is missing; returns the files, each read and checked.

    Without `into`, files land in the hub's cache. With it, in `into`/NAME as parquet: set MMCOURSE_DATA to `into` there,
    or carry the folder to a machine that has no network.
    """
    source, files = _source(name), []
    for split in source.rows:
        target = Path(into).expanduser() / name / f"{split}-00000-of-00001.parquet" if into is not None else None
        paths, dataset = _whole(source, split, target)
        if target is not None and paths != [target]:
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.{os.getpid()}.part")
            try:
                dataset.to_parquet(part)
                os.replace(part, target)
            finally:
                part.unlink(missing_ok=True)
            paths = [target]
        print(f"{name} {split}: {len(dataset):,} rows in {', '.join(map(str, paths))}")
        files += paths
    return files


def describe() -> str:
    """The known data sets, one paragraph each: what, rows, licence, hub id and revision, where a copy was found."""
    return "\n".join(
        f"{source.name}: {source.what}; {source.licence}\n"
        f"    {', '.join(f'{rows:,} {split}' for split, rows in source.rows.items())}\n"
        f"    hub: {source.repository} at {source.revisions[0][:12]}\n"
        f"    here: {where(source.name) or f'no copy; to fetch it: mmcourse data get {source.name}'}"
        for source in SOURCES.values()
    )


def pictures(dataset: "Dataset") -> tuple["Tensor", "Tensor"]:
    """Every picture and label as tensors: (N, 1, 28, 28) float32 in [0, 1] and (N,) int64. MNIST's 60,000 take 4 s."""
    import torch
    from datasets import Image as ImageColumn
    from PIL import Image

    columns = list(dataset.features)
    if not {"image", "label"} <= set(columns):
        raise ValueError(f"pictures expects the columns image and label, as load('mnist') has; this has {columns}")
    table = dataset.select_columns(["image", "label"]).cast_column("image", ImageColumn(decode=False))
    rows = table.with_format("arrow")[:]
    pixels = bytearray()
    for number, data in enumerate(rows["image"].combine_chunks().field("bytes").to_pylist()):
        try:
            picture = Image.open(io.BytesIO(data or b""))
            content = picture.tobytes()
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"row {number} holds no picture that can be read: {error}") from error
        if picture.mode != "L" or picture.size != (28, 28):
            size = "x".join(map(str, picture.size))
            raise ValueError(f"row {number} is a {size} picture of mode {picture.mode}; expected 28x28 grey (mode L)")
        pixels += content
    labels = torch.tensor(rows["label"].to_pylist(), dtype=torch.int64)
    if not pixels:
        return torch.zeros(0, 1, 28, 28), labels
    return torch.frombuffer(pixels, dtype=torch.uint8).view(-1, 1, 28, 28).float().div_(255), labels


def sound(example: Mapping) -> tuple["Tensor", int]:
    """The recording of one row, such as `load('free_spoken_digits')[0]`: (samples,) float32 in [-1, 1], samples per second."""
    import soundfile
    import torch

    audio = example.get("audio", example) if isinstance(example, Mapping) else example
    if not isinstance(audio, Mapping) or not isinstance(audio.get("bytes"), bytes):
        raise ValueError(f"sound expects one row with audio bytes, as load('free_spoken_digits')[0] is; got {type(example).__name__}")
    try:
        samples, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{audio.get('path') or 'this row'} holds no sound that can be read: {error}") from error
    return torch.from_numpy(samples.mean(axis=1)), rate


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise ValueError(f"no data set is called {name!r}; known: {', '.join(NAMES)}")
    return SOURCES[name]


def _split(name: str, split: str) -> str:
    rows = _source(name).rows
    split = "validation" if split == "valid" else split
    if split not in rows:
        raise ValueError(f"{name} has no split {split!r}; it has {', '.join(rows)}")
    return split


def _folder(source: Source) -> Path | None:
    return settings.data_folder() / source.name if settings.data_folder() else None


def _mend(source: Source, local: bool) -> str:
    if local:
        return f"Delete it, then, while online: mmcourse data get {source.name} --into {_folder(source).parent}"
    return f"To fetch it again, while online: mmcourse data get {source.name}"


def _find(source: Source, split: str) -> tuple[list[Path] | None, bool]:
    """The files of a split and whether they are local; (None, False) where there is no copy."""
    folder = _folder(source)
    shards = {}
    for path in sorted(folder.glob(f"{split}*.parquet")) if folder else ():
        if path.stem == split:
            return [path], True
        if match := re.fullmatch(rf"{split}-(\d+)-of-(\d+)", path.stem):
            shards[int(match[1])] = path
            total = int(match[2])
    if shards:
        if missing := set(range(total)) - set(shards):
            wrong = f"holds {len(shards)} of the {total} files of the split {split}: number {min(missing)} is missing"
            raise BrokenFile(folder, wrong, f"While online: mmcourse data get {source.name} --into {folder.parent}")
        return [shards[number] for number in range(total)], True
    path = hub.cached(source.repository, source.file.format(split=split), source.revisions)
    return ([path], False) if path else (None, False)


def _download(source: Source, split: str, seconds: float, force: bool = False) -> Path:
    reason = hub.why_unreachable(seconds)
    if reason is None:
        try:
            return hub.download(source.repository, source.file.format(split=split), source.revisions, force)
        except ConnectionError as error:
            reason = str(error)
    folder = _folder(source)
    looked = f"{folder} has no file {split}-*.parquet" if folder else "MMCOURSE_DATA is not set"
    raise NotAvailable(
        f"The real data set {source.name} ({source.what}), split {split}, is not on this machine: {looked}, the hub's "
        f"cache has no copy, and {reason}.\n"
        f"To fetch it, once, while online:  mmcourse data get {source.name}\n"
        f"Or set MMCOURSE_DATA to a folder that holds {source.name}/{split}-00000-of-00001.parquet."
    )


def _whole(source: Source, split: str, target: Path | None) -> tuple[list[Path], "Dataset"]:
    """A copy of a split that passes the checks: the target, else one that is here, else a new one from the hub."""
    if target is not None and target.is_file():
        try:
            return [target], _dataset(source, split, [target], "")
        except BrokenFile as error:
            print(f"{error}It is fetched again.")
    try:
        paths, local = _find(source, split)
        if paths and not (target is not None and target in paths):
            return paths, _dataset(source, split, paths, _mend(source, local))
        broken = False
    except BrokenFile as error:
        if target is None and error.path != hub.cached(source.repository, source.file.format(split=split), source.revisions):
            raise
        print(f"{error}\nIt is fetched again.")
        broken = True
    paths = [_download(source, split, hub.PATIENT, force=broken)]
    return paths, _dataset(source, split, paths, _mend(source, False))


def _features(source: Source) -> "Features":
    from datasets import Audio, ClassLabel, Features, Image, Value

    labels = ClassLabel(names=list(source.classes))
    kinds = {"image": Image(), "audio": Audio(decode=False), "label": labels, "text": Value("string"),
             "speaker": Value("string"), "index": Value("int32"), "tokens": [Value("string")], "ner_tags": [labels]}  # fmt: skip
    return Features({column: kinds[column] for column in source.columns})


def _dataset(source: Source, split: str, paths: list[Path], mend: str) -> "Dataset":
    import pyarrow
    from datasets import Dataset, DatasetInfo

    features = _features(source)
    table = pyarrow.concat_tables([_read(source, path, features.arrow_schema, mend) for path in paths])
    expected = source.rows[split]
    if abs(len(table) - expected) > TOLERANCE * expected:
        raise BrokenFile(paths[0], f"has {len(table):,} rows; the split {split} of {source.name} has {expected:,}", mend)
    if len(table) != expected:
        warnings.warn(
            f"{paths[0]} has {len(table):,} rows, not {expected:,}: another version of {source.name} than the course "
            "was verified with, so figures may differ",
            stacklevel=3,
        )
    return Dataset(table, info=DatasetInfo(description=source.what, features=features), split=split)


def _read(source: Source, path: Path, schema: "pyarrow.Schema", mend: str) -> "pyarrow.Table":
    """One parquet file as a table of exactly the expected columns and types, or BrokenFile."""
    import pyarrow
    import pyarrow.parquet

    try:
        with path.open("rb") as file:
            start, length = file.read(4), file.seek(0, os.SEEK_END)
            file.seek(-min(4, length), os.SEEK_END)
            end = file.read()
    except OSError as error:
        raise BrokenFile(path, f"cannot be read ({error.strerror})", mend) from error
    if length == 0:
        raise BrokenFile(path, "is empty", mend)
    if start != b"PAR1":
        raise BrokenFile(path, f"is no parquet file (it begins with {start!r})", mend)
    if end != b"PAR1":
        raise BrokenFile(path, f"is cut off after {length:,} bytes: a download that did not finish", mend)
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise BrokenFile(path, f"is damaged ({str(error).splitlines()[0]})", mend) from error
    if "audio" in source.columns and "speaker" not in table.column_names and "audio" in table.column_names:
        table = _name_speakers(table)
    if missing := [column for column in source.columns if column not in table.column_names]:
        wrong = f"lacks the columns {', '.join(missing)}; it has {', '.join(table.column_names)}"
        raise BrokenFile(path, f"{wrong}, so it is not {source.name}", mend)
    if (classes := _classes(table, source.target)) not in (None, source.classes):
        raise BrokenFile(path, f"has the classes {', '.join(classes)}; expected {', '.join(source.classes)}", mend)
    try:
        table = table.select(source.columns).cast(schema)
    except (pyarrow.ArrowException, ValueError) as error:
        raise BrokenFile(path, f"has columns of other types ({str(error).splitlines()[0]})", mend) from error
    if wrong := _bad_values(table, source):
        raise BrokenFile(path, wrong, mend)
    return table


def _name_speakers(table: "pyarrow.Table") -> "pyarrow.Table":
    """Add speaker and index from the recordings' names (7_jackson_32.wav), where every name tells them."""
    import pyarrow

    names = [re.search(r"\d_([a-z]+)_(\d+)\.wav$", (audio or {}).get("path") or "") for audio in table["audio"].to_pylist()]
    if not all(names):
        return table
    table = table.append_column("speaker", pyarrow.array([name[1] for name in names], pyarrow.string()))
    return table.append_column("index", pyarrow.array([int(name[2]) for name in names], pyarrow.int32()))


def _classes(table: "pyarrow.Table", column: str) -> tuple[str, ...] | None:
    """The names of the classes as the file itself gives them, where it does."""
    try:
        feature = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"][column]
        return tuple(feature.get("feature", feature)["names"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _bad_values(table: "pyarrow.Table", source: Source) -> str | None:
    """What no good copy holds: empty cells, classes out of range, one tag too few."""
    import pyarrow.compute as compute

    for column in source.columns:
        cells = table[column]
        if column in ("image", "audio"):
            cells = compute.struct_field(cells, "bytes")
        if cells.null_count:
            return f"has {cells.null_count:,} empty cells in the column {column}"
    numbers = table[source.target]
    if source.target == "ner_tags":
        if not compute.all(compute.equal(compute.list_value_length(numbers), compute.list_value_length(table["tokens"]))).as_py():
            return "has rows whose tokens and tags differ in number"
        numbers = compute.list_flatten(numbers)
    span = compute.min_max(numbers).as_py()
    if len(table) and not 0 <= span["min"] <= span["max"] < len(source.classes):
        return f"has classes from {span['min']} to {span['max']}; expected 0 to {len(source.classes) - 1}"
    return None
