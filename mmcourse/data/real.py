"""Public data sets, from a local folder (MMCOURSE_DATA), the hub's cache or the hub, in this order.

    dataset = real.load("mnist", "train")            # a datasets.Dataset
    images, labels = real.images(dataset)          # (60000, 1, 28, 28) float32 in [0, 1], (60000,) int64

Only parquet files are read, never a pickle. Columns, classes and the number of rows are checked before use.
"""

import io
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mmcourse import settings
from mmcourse.data import hub
from mmcourse.data.catalogue import SOURCES, Source
from mmcourse.data.parquet import BrokenFile, read
from mmcourse.files import replacing
from mmcourse.renamed import names_of

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

NAMES = tuple(SOURCES)


class NotAvailable(FileNotFoundError):
    """No copy on this machine and no connection to the hub; the message names the command that fetches one."""


def load(name: str, split: str = "train") -> "Dataset":
    """One split as a `datasets.Dataset`, with the same columns from every source.

    mnist: image, label. free_spoken_digits: audio (bytes, path), label, speaker, index. movie_reviews: text, label.
    wnut_17: tokens, ner_tags. Splits are train, validation (or valid) and test; the first two sets have no validation.
    NotAvailable within two seconds without a copy and a network; BrokenFile for an incomplete file or a folder that
    cannot be read. In a fast run (MMCOURSE_FAST) it contains only a few rows, at equal distances.
    """
    source, split = _source(name), _split(name, split)
    if paths := _local(source, split):
        return _few(read(source, split, paths, _fix(source, local=True)))
    paths = _cached(source, split) or _download(source, split, hub.QUICK)
    return _few(read(source, split, paths, _fix(source)))


def available(name: str, split: str | None = None) -> bool:
    """Whether one split, or all, are on this machine. Only tests whether files exist; `load` checks them."""
    source = _source(name)
    splits = [_split(name, split)] if split else source.rows
    return all(_has(_local, source, each) or _has(_cached, source, each) for each in splits)


def where(name: str) -> Path | Literal["cache"] | None:
    """The local folder that holds every split, 'cache' if some are in the hub's cache, or None."""
    source = _source(name)
    if all(_has(_local, source, split) for split in source.rows):
        return _folder(source)
    return "cache" if available(name) else None


def load_or_explain(name: str, split: str = "train") -> "Dataset | None":
    """`load` for an optional section: prints what is missing and returns None, or raises under MMCOURSE_STRICT."""
    try:
        return load(name, split)
    except (NotAvailable, BrokenFile) as error:
        if settings.strict("data"):
            raise
        print(f"{error}\nThe lesson goes on with the Picture Book.")
        return None


def get(name: str, into: str | os.PathLike | None = None) -> list[Path]:
    """Download the splits that are missing on this machine; returns all files, read and checked.

    Without `into`, files go to the hub's cache; with it, to `into`/NAME as parquet, a folder for MMCOURSE_DATA that can
    be copied to a machine without a network.
    """
    source, files = _source(name), []
    for split in source.rows:
        target = Path(into).expanduser() / name / f"{split}-00000-of-00001.parquet" if into is not None else None
        paths, dataset = _whole(source, split, target)
        if target is not None and paths != [target]:
            with replacing(target) as part:
                dataset.to_parquet(part)
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
        f"    here: {where(source.name) or _why_nowhere(source)}"
        for source in SOURCES.values()
    )


def _why_nowhere(source: Source) -> str:
    """Why there is no valid copy: it is missing, or what is wrong with it."""
    for split in source.rows:
        try:
            _local(source, split), _cached(source, split)
        except BrokenFile as error:
            return str(error)
    return f"no copy; to fetch it: mmcourse data get {source.name}"


def images(dataset: "Dataset") -> tuple["Tensor", "Tensor"]:
    """Every image and label as tensors: (N, 1, 28, 28) float32 in [0, 1] and (N,) int64. MNIST's 60,000 take 4 s."""
    import torch
    from datasets import Image as ImageColumn
    from PIL import Image

    columns = list(dataset.features)
    if not {"image", "label"} <= set(columns):
        raise ValueError(f"images expects the columns image and label, as load('mnist') has; this has {columns}")
    table = dataset.select_columns(["image", "label"]).cast_column("image", ImageColumn(decode=False))
    rows = table.with_format("arrow")[:]
    pixels = bytearray()
    for number, data in enumerate(rows["image"].combine_chunks().field("bytes").to_pylist()):
        try:
            image = Image.open(io.BytesIO(data or b""))
            content = image.tobytes()
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"row {number} holds no image that can be read: {error}") from error
        if image.mode != "L" or image.size != (28, 28):
            size = "x".join(map(str, image.size))
            raise ValueError(f"row {number} is a {size} image of mode {image.mode}; expected 28x28 grey (mode L)")
        pixels += content
    labels = torch.tensor(rows["label"].to_pylist(), dtype=torch.int64)
    if not pixels:
        return torch.zeros(0, 1, 28, 28), labels
    return torch.frombuffer(pixels, dtype=torch.uint8).view(-1, 1, 28, 28).float().div_(255), labels


def sound(example: Mapping) -> tuple["Tensor", int]:
    """The recording of one row of the spoken digits: (samples,) float32 in [-1, 1], and its sampling rate."""
    from mmcourse.data.audio import decode

    audio = example.get("audio", example) if isinstance(example, Mapping) else example
    if not isinstance(audio, Mapping) or not isinstance(audio.get("bytes"), bytes):
        got = f"the keys {', '.join(map(str, example))}" if isinstance(example, Mapping) else type(example).__name__
        raise ValueError(f"sound expects one row with audio bytes, as load('free_spoken_digits')[0] is; got {got}")
    return decode(audio["bytes"], audio.get("path"))


def _few(dataset: "Dataset") -> "Dataset":
    """All rows, or in a fast run some at equal distances, since a split may be sorted by class or speaker."""
    rows, kept = len(dataset), settings.examples(len(dataset))
    return dataset if kept == rows else dataset.select([rows * i // kept for i in range(kept)])


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


def _fix(source: Source, local: bool = False) -> str:
    if local:
        return f"Delete it, then, while online: mmcourse data get {source.name} --into {_folder(source).parent}"
    return f"To fetch it again, while online: mmcourse data get {source.name}"


def _local(source: Source, split: str) -> list[Path] | None:
    """The files of a split in the local folder, or None; BrokenFile where some are missing or it cannot be read."""
    folder = _folder(source)
    if folder is None:
        return None
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        advice = "Likely cause: its permissions; change them, or set MMCOURSE_DATA to a folder of your own"
        raise BrokenFile(folder, f"cannot be read ({error.strerror})", advice) from error
    if (path := folder / f"{split}.parquet") in files:
        return [path]
    parts: dict[int, dict[int, Path]] = {}
    for path in files:
        if match := re.fullmatch(rf"{split}-(\d+)-of-(\d+)\.parquet", path.name):
            parts.setdefault(int(match[2]), {})[int(match[1])] = path
    for total, numbered in sorted(parts.items()):
        if set(range(total)) <= set(numbered):
            return [numbered[number] for number in range(total)]
    for total, numbered in sorted(parts.items()):
        wrong = f"holds {len(numbered)} of the {total} files of the split {split}"
        raise BrokenFile(folder, wrong, f"While online: mmcourse data get {source.name} --into {folder.parent}")
    return None


def _cached(source: Source, split: str) -> list[Path] | None:
    """The file of a split in the hub's cache, or None; BrokenFile where the cache cannot be read."""
    try:
        path = hub.cached(source.repository, source.file.format(split=split), source.revisions)
    except OSError as error:
        advice = "Likely cause: its permissions; change them, or set HF_HOME to a folder of your own"
        folder = Path(error.filename or "hub cache")
        raise BrokenFile(folder, f"cannot be read ({error.strerror})", advice) from error
    return [path] if path else None


def _has(find: Callable[[Source, str], list[Path] | None], source: Source, split: str) -> bool:
    """Whether `find` finds a split, complete as far as file names show."""
    try:
        return find(source, split) is not None
    except BrokenFile:
        return False


def _download(source: Source, split: str, seconds: float, force: bool = False) -> list[Path]:
    reason = hub.why_unreachable(seconds)
    if reason is None:
        try:
            return [hub.download(source.repository, source.file.format(split=split), source.revisions, force)]
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
    """A copy of a split that passes the checks: the target, another local copy, or a new one from the hub."""
    if target is not None and target.is_file():
        try:
            return [target], read(source, split, [target])
        except BrokenFile as error:
            print(f"{error} It is replaced.")
    try:
        paths = _local(source, split)
        if paths and target not in paths:
            return paths, read(source, split, paths, _fix(source, local=True))
    except BrokenFile:
        if target is None:  # files in a user's own folder are never deleted
            raise
    force = False
    if paths := _cached(source, split):
        try:
            return paths, read(source, split, paths)
        except BrokenFile as error:
            print(f"{error} It is fetched again.")
            force = True
    paths = _download(source, split, hub.PATIENT, force)
    return paths, read(source, split, paths, _fix(source))


__getattr__ = names_of(__name__)
