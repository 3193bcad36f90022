"""The learner's record of attempts, answers and hints, in one file.

`progress.json` in the work folder. Every change is read, made and written under a lock, to a temporary name first,
so that two kernels can write and a power failure cannot truncate it. Reading needs no lock and changes nothing. A
damaged file is renamed, with the date in its name, by the next change; keys that this version does not know are kept.
"""

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mmcourse import settings
from mmcourse.exercises.showing import note
from mmcourse.files import patiently, write_whole
from mmcourse.renamed import carry_over

FORMAT = 1
WAIT = 5.0  # seconds for another kernel to finish writing
RANK = {"wrong": 1, "right": 2}
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # a file system without locks, as on some network drives
FIELDS = {"state": str, "tries": int, "hints": int, "last": str, "answer": str, "earlier_answers": list}


class NewerFormat(RuntimeError):
    """The record was written by a newer course whose format this one cannot read."""


class Unreadable(RuntimeError):
    """The record is there and cannot be read; the message says why."""


class NotStored(RuntimeError):
    """A change of the record could not be stored; the message says why and what to do."""


def path() -> Path:
    """The path of the record."""
    return settings.work_folder() / "progress.json"


def load() -> dict:
    """The record; an empty one where there is none or, with a message each time, where it cannot be read."""
    try:
        return read()
    except Unreadable as error:
        note(str(error))
        return empty()


def read() -> dict:
    """The record, an empty one where there is none; `Unreadable` where it cannot be read."""
    try:
        return parse(patiently(path().read_bytes).decode("utf-8"))
    except FileNotFoundError:
        return empty()
    except (OSError, NewerFormat) as error:
        raise Unreadable(f"your progress in {path()} could not be read ({error})") from error
    except ValueError as error:  # also JSON and UTF-8 errors
        raise Unreadable(
            f"your progress in {path()} is damaged ({error}); the next change keeps it under another name and begins "
            "a new record"
        ) from error


def store(change: Callable[[dict], None]) -> bool:
    """Change the record. Returns True when it is stored; otherwise the reason is shown and the lesson goes on."""
    try:
        if remark := write(change):
            note(remark)
    except NotStored as error:
        note(str(error))
        return False
    return True


def write(change: Callable[[dict], None]) -> str | None:
    """Change the record; `NotStored` where that fails. Returns a message about a damaged record, or None."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        with lock():
            data, remark = _read_to_change()
            change(data)
            text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
            write_whole(path(), text.encode("utf-8", "backslashreplace"))  # a lone surrogate becomes JSON's own escape
    except Timeout:
        raise NotStored(
            f"your progress could not be stored (another kernel has been writing {path()} for {WAIT:.0f} s); "
            "shut down the other notebooks' kernels, then run this cell again"
        ) from None
    except (OSError, NewerFormat) as error:
        raise NotStored(
            f"your progress could not be stored ({error}); the folder can be set with MMCOURSE_WORK"
        ) from error
    return remark


@contextmanager
def lock() -> Iterator[None]:
    """One writer at a time among all kernels; without file locks, each change is still written in one step."""
    held = FileLock(str(path()) + ".lock", timeout=WAIT)
    try:
        held.acquire()
    except NotImplementedError:  # filelock raises this for ENOSYS
        pass
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    try:
        yield
    finally:
        held.release()


def empty() -> dict:
    """An empty record."""
    return {"format": FORMAT, "exercises": {}, "quizzes": {}}


def parse(text: str) -> dict:
    """A record from its text. ValueError for other text, NewerFormat for a format of a newer course."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(data, dict) or not isinstance(data.get("format"), int):
        raise ValueError("not a record of progress: the key 'format' with a whole number is missing")
    wrong = _misshapen(data)
    if wrong and data["format"] > FORMAT:
        raise NewerFormat(f"it has format {data['format']}, this course knows {FORMAT}: update the course")
    if wrong:
        raise ValueError(wrong)
    return carry_over(data, merge)


def _misshapen(data: dict) -> str | None:
    """What differs from the format of this version, or None. Missing sections are added."""
    for section in ("exercises", "quizzes"):
        entries = data.setdefault(section, {})
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            return f"'{section}' is not a table of entries"
    named = [(f"exercise {id}", entry) for id, entry in data["exercises"].items()]
    for lesson, questions in data["quizzes"].items():
        named += [(f"question {id} of quiz {lesson}", choice) for id, choice in questions.items()]
    for name, entry in named:
        if not isinstance(entry, dict):
            return f"{name} is {entry!r:.60}"
        for field, kind in FIELDS.items():
            if not isinstance(entry.get(field, kind()), kind):
                return f"{name} has {field} = {entry[field]!r:.60}"
    return None


def _read_to_change() -> tuple[dict, str | None]:
    """The record, read under the lock, and a message where a damaged one was renamed."""
    try:
        return parse(patiently(path().read_bytes).decode("utf-8")), None
    except FileNotFoundError:
        return empty(), None
    except ValueError as error:  # also JSON and UTF-8 errors
        stamp = datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")
        aside = path().with_name(f"progress.damaged-{stamp}.json")
        patiently(path().replace, aside)
        remark = f"your progress file was damaged ({error}); it is kept as `{aside.name}` and a new one was begun"
        return empty(), remark


def now() -> str:
    """The current time, to the second, with its time zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def moment(text: str) -> float:
    """A stored time in seconds, so that time zones can be compared; 0 for text that is not a time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def add_try(data: dict, id: str, state: str, source: str | None = None) -> None:
    """Record one attempt. A correct exercise stays correct; every correct answer is kept, the newest as 'answer'."""
    entry = data["exercises"].setdefault(id, {})
    entry["tries"] = entry.get("tries", 0) + 1
    entry["last"] = now()
    if RANK[state] >= RANK.get(entry.get("state"), 0):
        entry["state"] = state
    if state == "right":
        entry.setdefault("first_right", entry["last"])
        keep_answer(entry, source)


def keep_answer(entry: dict, source: str | None) -> None:
    """Store a source as the entry's answer; a different, older one moves to the earlier answers."""
    if not source or source == entry.get("answer"):
        return
    earlier = [text for text in entry.get("earlier_answers", []) if text != source]
    if entry.get("answer"):
        earlier.append(entry["answer"])
    if earlier:
        entry["earlier_answers"] = earlier
    entry["answer"] = source


def add_hint(data: dict, id: str, count: int) -> None:
    """Record how many hints were shown."""
    entry = data["exercises"].setdefault(id, {})
    entry["hints"] = max(count, hints_shown(data, id))


def hints_shown(data: dict, id: str) -> int:
    """How many hints of an exercise were shown."""
    return int(data["exercises"].get(id, {}).get("hints", 0))


def add_choice(data: dict, lesson: str, question: str, option: str, right: bool) -> None:
    """Record the option chosen in a quiz."""
    entry = data["quizzes"].setdefault(lesson, {}).setdefault(question, {})
    entry.update(chosen=option, right=right, tries=entry.get("tries", 0) + 1, last=now())
    entry.setdefault("right_at_once", right)


def merge(data: dict, other: dict) -> None:
    """Bring another record into this one: the better state, the larger counts, every answer; nothing is dropped."""
    for id, theirs in other.get("exercises", {}).items():
        ours = data["exercises"].setdefault(id, {})
        answer, source = ours.get("answer"), theirs.get("answer")
        earlier = list(ours.get("earlier_answers", []))
        for name, value in theirs.items():
            ours.setdefault(name, value)
        for name in ("tries", "hints"):
            if name in theirs:
                ours[name] = max(ours[name], theirs[name])
        ours["last"] = max(ours.get("last", ""), theirs.get("last", ""), key=moment)
        if RANK.get(theirs.get("state"), 0) > RANK.get(ours.get("state"), 0):
            ours["state"] = theirs["state"]
        others = [text for text in [*theirs.get("earlier_answers", []), source] if text]
        kept = earlier + [text for text in others if text not in (answer, ours.get("answer"), *earlier)]
        if kept:
            ours["earlier_answers"] = kept
    for lesson, questions in other.get("quizzes", {}).items():
        ours = data["quizzes"].setdefault(lesson, {})
        for question, theirs in questions.items():
            if question not in ours or moment(theirs.get("last", "")) > moment(ours[question].get("last", "")):
                ours[question] = {**ours.get(question, {}), **theirs}
    for name, value in other.items():
        data.setdefault(name, value)
