"""`download_progress` and `restore_progress`: move progress and answers from one machine to another."""

import base64
import html
import json
import re
import zipfile
import zlib
from copy import deepcopy
from datetime import datetime
from io import BytesIO
from pathlib import Path

from mmcourse import settings
from mmcourse.exercises import record
from mmcourse.exercises.showing import notebook, show
from mmcourse.files import write_whole


def download_progress(path: str | Path | None = None) -> None:
    """Write progress and answers to one zip file and offer it: as a download on Colab, elsewhere as a link.

    path: the file to write, or a folder; by default a file in the work folder, named by the day. An existing file
    is replaced only if the new one contains all of it; otherwise a new name is used, or FileExistsError raised for a
    given file. `record.Unreadable` where the record here cannot be read: then nothing is written.
    """
    try:
        data = record.read()
    except record.Unreadable as error:
        raise record.Unreadable(f"{error}. No file was written, and earlier downloads are as they were") from None
    folder = settings.work_folder() if path is None else Path(path).expanduser()
    given = path is not None and not folder.is_dir()
    target = folder if given else _free(folder, data)
    if given and not _contained(target, data):
        raise FileExistsError(f"{target} exists and contains entries that this download lacks; give another name")
    content, colab = packed(data), _colab()
    try:
        write_whole(target, content)
        said = f"Progress and answers are in {target}"
    except OSError as error:
        if path is not None or notebook() is None:
            raise
        said, colab = f"{target} could not be written ({error}): download it here, now", None
    if colab is not None:
        colab.download(str(target))
        return
    link = f"data:application/zip;base64,{base64.b64encode(content).decode()}"
    name = html.escape(target.name)
    show(said, f'<a href="{link}" download="{name}">Download {name}</a> ({html.escape(said)})')


def _colab():
    """Colab's module for files, or None elsewhere."""
    try:
        from google.colab import files
    except ImportError:
        return None
    return files


def _free(folder: Path, data: dict) -> Path:
    """The file for this download: named by the day, or by the second where that one exists and contains more."""
    now = datetime.now()
    target = folder / f"mmcourse-progress-{now:%Y-%m-%d}.zip"
    return target if _contained(target, data) else target.with_name(f"{target.stem}-{now:%H%M%S-%f}.zip")


def _contained(path: Path, data: dict) -> bool:
    """Whether replacing this file loses nothing: it does not exist, or the record contains all of its entries."""
    if not path.exists():
        return True
    try:
        earlier = _unpacked(path)
    except (OSError, ValueError, record.NewerFormat):
        return False
    both = deepcopy(data)
    record.merge(both, earlier)
    return both == data


def packed(data: dict) -> bytes:
    """A zip with the record, and each correct answer as a file for people to read."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
        archive.writestr("progress.json", text.encode("utf-8", "backslashreplace"))
        for id, entry in sorted(data["exercises"].items()):
            if "answer" in entry:
                name = re.sub(r"[^\w.-]", "_", id).lstrip(".")
                archive.writestr(f"answers/{name}.py", entry["answer"].encode("utf-8", "backslashreplace"))
    return buffer.getvalue()


def restore_progress(path: str | Path) -> None:
    """Merge a downloaded file (or a bare progress.json) into the record here; no entry of either is lost.

    FileNotFoundError for a missing file, ValueError for one that is not a record of progress, `record.NewerFormat` for
    a format of a newer course.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; expected what download_progress() wrote, uploaded to this machine")
    other = _unpacked(path)
    if not record.store(lambda data: record.merge(data, other)):
        return
    done = sum(entry.get("state") == "right" for entry in other["exercises"].values())
    said = f"restored from {path.name}: {done} correct answers, quizzes of {len(other['quizzes'])} lessons"
    show(said, html.escape(said))


def _unpacked(path: Path) -> dict:
    """The record in a downloaded file or a bare progress.json; ValueError where it is neither."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                text = archive.read("progress.json").decode("utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        return record.parse(text)
    except record.NewerFormat:
        raise
    except (ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"{path.name} is not a record of progress ({error}); expected the zip that download_progress() wrote, whole"
        ) from None
