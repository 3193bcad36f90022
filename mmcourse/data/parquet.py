"""Read a data set's parquet files into a `datasets.Dataset`; reject incomplete files, and never unpickle anything."""

import json
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mmcourse.data.catalogue import Source, features

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

TOLERANCE = 0.05  # fraction of rows that another version may have more or fewer; beyond it, rows are missing


class BrokenFile(ValueError):
    """A file that exists but is incomplete or of another format; `path` and the message name it."""

    def __init__(self, path: Path, wrong: str, fix: str = ""):
        super().__init__(f"{path} {wrong}. {fix}".rstrip())
        self.path = path


def read(source: Source, split: str, paths: list[Path], fix: str = "") -> "Dataset":
    """The split in these files, checked; BrokenFile says which file is wrong, how, and (`fix`) what to do."""
    import pyarrow
    from datasets import Dataset, DatasetInfo

    schema = features(source)
    table = pyarrow.concat_tables([_table(source, path, schema.arrow_schema, fix) for path in paths])
    pyarrow.default_memory_pool().release_unused()  # what reading took: about 60 MB for the spoken digits
    expected = source.rows[split]
    if abs(len(table) - expected) > TOLERANCE * expected:
        wrong = f"has {len(table):,} rows; the split {split} of {source.name} has {expected:,}"
        raise BrokenFile(paths[0], wrong, fix)
    if len(table) != expected:
        warnings.warn(
            f"{paths[0]} has {len(table):,} rows, not {expected:,}: another version of {source.name} than the course "
            "was verified with, so results may differ",
            stacklevel=3,
        )
    return Dataset(table, info=DatasetInfo(description=source.what, features=schema), split=split)


def _table(source: Source, path: Path, schema: "pyarrow.Schema", fix: str) -> "pyarrow.Table":
    """One parquet file as a table of exactly the expected columns and types, or BrokenFile."""
    import pyarrow
    import pyarrow.parquet

    try:
        with path.open("rb") as file:
            start, length = file.read(4), file.seek(0, os.SEEK_END)
            file.seek(-min(4, length), os.SEEK_END)
            end = file.read()
    except OSError as error:
        raise BrokenFile(path, f"cannot be read ({error.strerror})", fix) from error
    if length == 0:
        raise BrokenFile(path, "is empty", fix)
    if start != b"PAR1":
        raise BrokenFile(path, f"is not a parquet file (it begins with {start!r})", fix)
    if end != b"PAR1":
        raise BrokenFile(path, f"is truncated after {length:,} bytes: a download that did not finish", fix)
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
    except (pyarrow.ArrowException, OSError) as error:
        raise BrokenFile(path, f"is damaged ({str(error).splitlines()[0]})", fix) from error
    if "audio" in source.columns and "speaker" not in table.column_names and "audio" in table.column_names:
        table = _name_speakers(table)
    if missing := [column for column in source.columns if column not in table.column_names]:
        wrong = f"lacks the columns {', '.join(missing)}; it has {', '.join(table.column_names)}"
        raise BrokenFile(path, f"{wrong}, so it is not {source.name}", fix)
    if (classes := _classes(table, source.target)) not in (None, source.classes):
        raise BrokenFile(path, f"has the classes {', '.join(classes)}; expected {', '.join(source.classes)}", fix)
    try:
        table = table.select(source.columns).cast(schema)
    except (pyarrow.ArrowException, ValueError) as error:
        raise BrokenFile(path, f"has columns of other types ({str(error).splitlines()[0]})", fix) from error
    if wrong := _bad_values(table, source):
        raise BrokenFile(path, wrong, fix)
    return table


def _name_speakers(table: "pyarrow.Table") -> "pyarrow.Table":
    """Add speaker and index from the recordings' names (7_jackson_32.wav), if all names have this form."""
    import pyarrow
    import pyarrow.compute

    try:
        paths = pyarrow.compute.struct_field(table["audio"], "path").to_pylist()
    except pyarrow.ArrowException:  # not bytes and path: the check of the columns raises the error
        return table
    names = [re.search(r"\d_([a-z]+)_(\d+)\.wav$", path or "") for path in paths]
    if not all(names):
        return table
    table = table.append_column("speaker", pyarrow.array([name[1] for name in names], pyarrow.string()))
    return table.append_column("index", pyarrow.array([int(name[2]) for name in names], pyarrow.int32()))


def _classes(table: "pyarrow.Table", column: str) -> tuple[str, ...] | None:
    """The names of the classes in the file's metadata, or None."""
    try:
        feature = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"][column]
        return tuple(feature.get("feature", feature)["names"])
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _bad_values(table: "pyarrow.Table", source: Source) -> str | None:
    """What is wrong with the values (empty cells, classes out of range, a missing tag), or None."""
    import pyarrow.compute as compute

    for column in source.columns:
        cells = table[column]
        if column in ("image", "audio"):
            cells = compute.struct_field(cells, "bytes")
        if cells.null_count:
            return f"has {cells.null_count:,} empty cells in the column {column}"
    numbers = table[source.target]
    if source.target == "ner_tags":
        tags, tokens = (compute.list_value_length(table[column]) for column in ("ner_tags", "tokens"))
        if not tags.equals(tokens):
            return "has rows whose tokens and tags differ in number"
        numbers = compute.list_flatten(numbers)
    span = compute.min_max(numbers).as_py()
    if len(table) and not 0 <= span["min"] <= span["max"] < len(source.classes):
        return f"has classes from {span['min']} to {span['max']}; expected 0 to {len(source.classes) - 1}"
    return None
