"""The learner's own copies of the lessons: made once, never overwritten, replaced only on request."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from mmcourse import assets, settings
from mmcourse.files import patiently, write_whole
from mmcourse.renamed import LESSONS, successor

RECORD = ".lessons.json"  # in the work folder: the version that each copy was made from


@dataclass(frozen=True)
class Copies:
    """The result of `copy_lessons`.

    made       lessons copied now
    outdated   numbers of lessons whose published version has changed since the copy
    damaged    published lessons that cannot be read, {number: reason}: neither copied nor compared
    succeeded  {copy of a lesson under its old name, unchanged: its new copy}
    """

    made: list[Path]
    outdated: list[str]
    damaged: dict[str, str] = field(default_factory=dict)
    succeeded: dict[Path, Path] = field(default_factory=dict)


def published_lessons(folder: Path | None = None) -> dict[str, Path]:
    """The published lessons by number: {"00": notebooks/00_welcome.ipynb, ...}.

    FileNotFoundError where there are none: a wheel contains the package, the repository contains the lessons.
    """
    if folder is None:
        root = assets.checkout()
        if root is None:
            raise FileNotFoundError(
                "This installation has the package without the lessons. Clone the repository and run 'make lab' there, "
                "or open a lesson on Colab or Binder from its README."
            )
        folder = root / "notebooks"
    lessons = {path.name[:2]: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
    if not lessons:
        raise FileNotFoundError(f"No lesson was found in {folder}. To repair it: git restore notebooks")
    return lessons


def lesson_number(text: str, lessons: dict[str, Path]) -> str:
    """The two-digit number of a lesson given as '1', '01', '01_images' or its file name; ValueError if unknown."""
    stem = Path(text).stem
    stem = LESSONS.get(stem, stem)
    digits = stem.split("_")[0]
    number = digits.zfill(2) if digits.isdigit() else digits
    if number not in lessons or ("_" in stem and lessons[number].stem != stem):
        raise ValueError(f"there is no lesson {text!r}; the lessons are {', '.join(lessons)}")
    return number


def text_hash(notebook: Path) -> str:
    """A hash of a notebook's cells (types and sources), independent of outputs and execution counts."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        text = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        fix = f"git restore notebooks/{notebook.name}"  # only this one, since others may have been edited
        raise ValueError(f"{notebook} is not a notebook ({error}). To repair it: {fix}") from None
    return hashlib.sha256(json.dumps(text).encode()).hexdigest()


def _made_from(notebook: Path) -> str | None:
    """The hash of the source that a published notebook and its copies carry; None where it cannot be read."""
    try:
        return json.loads(notebook.read_text(encoding="utf-8"))["metadata"]["mmcourse"]["source_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_older(copy: Path, lesson: Path) -> bool:
    """Whether a copy without an entry in the record was made from another version; False if unknown."""
    before, now = _made_from(copy), _made_from(lesson)
    if None in (before, now) or before == now:
        return False
    try:
        return text_hash(copy) != text_hash(lesson)
    except ValueError:  # the learner's copy is no longer a notebook, so it is not the new version
        return True


def _read_record(work: Path) -> dict[str, str]:
    """The text hash of each copy's version by file name; empty where there is no record, or a damaged one."""
    try:
        record = json.loads(patiently((work / RECORD).read_text, "utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(work: Path, record: dict[str, str]) -> None:
    write_whole(work / RECORD, json.dumps(record, indent=1, sort_keys=True).encode())


def copy_lessons(work: Path | None = None, lessons: dict[str, Path] | None = None) -> Copies:
    """Copy every lesson that is not in the work folder yet. Existing files stay unchanged.

    All versions are recorded before the first copy is made, so that an interruption leaves no copy unrecorded.
    """
    work = work or settings.work_folder()
    lessons = lessons or published_lessons()
    before = _read_record(work)
    record, copies, missing = dict(before), Copies([], []), {}
    for number, lesson in lessons.items():
        copy = work / lesson.name
        try:
            content, version = lesson.read_bytes(), text_hash(lesson)
        except (OSError, ValueError) as error:
            copies.damaged[number] = str(error)
            continue
        if not copy.exists():
            missing[copy], record[lesson.name] = content, version
        elif record.get(lesson.name) == version:
            continue
        elif lesson.name in record or _is_older(copy, lesson):
            copies.outdated.append(number)
        else:
            record[lesson.name] = version
    if record != before:
        try:
            _write_record(work, record)
        except OSError:  # a read-only folder can still be opened if nothing has to be copied into it
            if missing:
                raise
    for copy, content in missing.items():
        write_whole(copy, content)
        copies.made.append(copy)
    for old in sorted(work.glob("*.ipynb")):
        name = successor(old.name)
        if name and work / name in copies.made:
            copies.succeeded[old] = work / name
    return copies


def _kept_name(copy: Path) -> Path:
    """An unused name for the old copy, in the same folder, with the date and time."""
    stamp = datetime.now().strftime("%Y-%m-%d_%H%M%S")
    kept = copy.with_name(f"{copy.stem}_kept_{stamp}.ipynb")
    count = 2
    while kept.exists():
        kept = copy.with_name(f"{copy.stem}_kept_{stamp}_{count}.ipynb")
        count += 1
    return kept


def reset_lesson(
    text: str, work: Path | None = None, lessons: dict[str, Path] | None = None
) -> tuple[Path, Path | None]:
    """Replace a lesson's copy: (the new copy, the path where the old one was kept, or None if there was none)."""
    work = work or settings.work_folder()
    lessons = lessons or published_lessons()
    lesson = lessons[lesson_number(text, lessons)]
    content, version = lesson.read_bytes(), text_hash(lesson)
    record = _read_record(work) | {lesson.name: version}
    copy, kept = work / lesson.name, None
    if copy.exists():
        kept = _kept_name(copy)
        write_whole(kept, copy.read_bytes())
    write_whole(copy, content)
    _write_record(work, record)
    return copy, kept
