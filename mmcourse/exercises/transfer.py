"""`download_progress` and `restore_progress`: progress and answers carried away from a machine that will vanish."""

import base64
import json
import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

from mmcourse import settings
from mmcourse.exercises import record
from mmcourse.exercises.showing import show
from mmcourse.files import write_whole


def download_progress(path: str | Path | None = None) -> None:
    """Write progress and answers to one zip file and offer it: as a download on Colab, elsewhere as a link.

    path: the file to write; by default in the work folder, named by the day.
    """
    name = f"mmcourse-progress-{date.today()}.zip"
    target = settings.work_folder() / name if path is None else Path(path)
    content = packed(record.load())
    write_whole(target, content)
    try:
        from google.colab import files
    except ImportError:
        link = f"data:application/zip;base64,{base64.b64encode(content).decode()}"
        said = f"Progress and answers are in {target}"
        show(said, f'<a href="{link}" download="{target.name}">Download {target.name}</a> ({said})')
    else:
        files.download(str(target))


def packed(data: dict) -> bytes:
    """A zip with the record and, to be read by people, each right answer as a file."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("progress.json", json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True))
        for id, entry in sorted(data["exercises"].items()):
            if isinstance(entry.get("answer"), str):
                archive.writestr(f"answers/{id}.py", entry["answer"])
    return buffer.getvalue()


def restore_progress(path: str | Path) -> None:
    """Merge a downloaded file (or a bare progress.json) into the record here; nothing that is here is lost.

    A file that is missing raises FileNotFoundError; one that is no record of progress ValueError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}; expected what download_progress() wrote, uploaded to this machine")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                text = archive.read("progress.json").decode("utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        other = record.parse(text)
    except (ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path.name} is no record of progress ({error}); expected the zip that download_progress() wrote, whole"
        ) from None
    if not record.store(lambda data: record.merge(data, other)):
        return
    done = sum(entry.get("state") == "right" for entry in other["exercises"].values())
    said = f"restored from {path.name}: {done} right answers, quizzes of {len(other['quizzes'])} lessons"
    show(said, said)
