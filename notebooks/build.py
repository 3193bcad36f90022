"""Build the notebooks from their sources: notebooks/source/NN_topic.py to NN_topic.ipynb and answers/NN_topic.ipynb.

python notebooks/build.py [01 ...]           build notebooks whose source changed; runs their cells in full
python notebooks/build.py --fast             a test with a few training steps, written to build/notebooks/
python notebooks/build.py --check            change nothing; print outdated notebooks, exit 1 if there are any
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from mmcourse.files import write_whole
from pipeline import kernel, outputs, source
from pipeline.kernel import LessonFailed
from pipeline.solutions import SourceError
from pipeline.source import COPIES, Lesson

ROOT = Path(__file__).resolve().parents[1]
STAMPED = ("torch", "torchvision", "torchaudio", "mmcourse")


class BuildError(RuntimeError):
    """A lesson that cannot be published; the message says which copy and what is wrong with it."""


class Builder:
    """Builds the notebooks of one checkout: `root` holds notebooks/ and pyproject.toml."""

    def __init__(self, root: Path = ROOT, address: str | None = None, say=print):
        self.root, self.folder, self.say = root, root / "notebooks", say
        self.address = address or source.repository(root)

    def stale(self, lesson: Lesson) -> list[str]:
        """Why a lesson's stored notebooks are outdated; empty if they are up to date."""
        reasons = []
        for copy in COPIES:
            path = lesson.notebook(self.folder, copy)
            label = path.relative_to(self.folder).as_posix()
            stored = self.stored(lesson, copy)
            if stored is None:
                reasons.append(f"{label} is missing")
                continue
            carried = stored.metadata.get("mmcourse", {})
            made = source.compose(lesson, copy, self.address, carried.get("verified"))
            if carried.get("source_sha256") != lesson.sha256:
                reasons.append(f"{label} was made from an older source/{lesson.path.name}")
            elif carried.get("builder") != source.BUILDER:
                reasons.append(f"{label} was made by an older builder")
            elif not carried.get("verified"):
                reasons.append(f"{label} never ran in full")
            elif _written(made) != _written(stored):
                reasons.append(f"{label} differs from what its source makes: edit the source, not the notebook")
        return reasons

    def orphans(self) -> list[str]:
        """Stored notebooks that have no source."""
        names = {lesson.name for lesson in source.lessons(self.folder)}
        stored = [*self.folder.glob("*.ipynb"), *(self.folder / "answers").glob("*.ipynb")]
        return [f"{p.relative_to(self.folder).as_posix()} has no source" for p in sorted(stored) if p.stem not in names]

    def stored(self, lesson: Lesson, copy: str) -> NotebookNode | None:
        """The stored copy, or None if there is none or it cannot be read."""
        path = lesson.notebook(self.folder, copy)
        try:
            return nbformat.read(path, as_version=4)
        except (OSError, ValueError):
            return None

    def build(self, lesson: Lesson, force: bool = False) -> bool:
        """Build both copies if they are outdated; True if they were written.

        If only text changed, the outputs are kept and nothing runs. Both copies are written, or neither.
        """
        if not force and not self.stale(lesson):
            self.say(f"{lesson.name}: up to date")
            return False
        made = {}
        for copy in COPIES:
            notebook = None if force else self.text_only(lesson, copy)
            made[copy] = notebook or self.executed(lesson, copy)
        for copy, notebook in made.items():
            write(notebook, lesson.notebook(self.folder, copy))
        return True

    def text_only(self, lesson: Lesson, copy: str) -> NotebookNode | None:
        """The new notebook with the stored outputs, where no code changed but the setup cell's; else None."""
        stored = self.stored(lesson, copy)
        carried = stored.metadata.get("mmcourse", {}) if stored else {}
        if carried.get("builder") != source.BUILDER or not carried.get("verified"):
            return None
        made = source.compose(lesson, copy, self.address, carried["verified"])
        old, new = ([c for _, c in outputs.code_cells(n)] for n in (stored, made))
        if _code(old) != _code(new):
            return None
        for before, after in zip(old, new, strict=True):
            after.outputs, after.execution_count = before.outputs, before.execution_count
        self.say(f"{lesson.name} {copy}: only text changed, outputs kept")
        return made

    def executed(self, lesson: Lesson, copy: str, fast: bool = False) -> NotebookNode:
        """A copy with the outputs of a run on this machine. BuildError if it fails or cannot be published."""
        notebook = source.compose(lesson, copy, self.address)
        self.say(f"{lesson.name} {copy}: running ...", flush=True)
        with tempfile.TemporaryDirectory() as work:
            variables = kernel.environment(self.root, Path(work), fast=fast)
            try:
                run = kernel.run(notebook, lesson.notebook(self.folder, copy).parent, variables)
            except LessonFailed as error:
                raise BuildError(f"{lesson.name} ({copy}) failed in {error}") from None
        outputs.tidy(notebook, self.root)
        if not fast:
            stamped = source.compose(lesson, copy, self.address, _verified(run.minutes))
            for before, after in zip(notebook.cells, stamped.cells, strict=True):
                if after.cell_type == "code":
                    after.outputs, after.execution_count = before.outputs, before.execution_count
            notebook = stamped
        found = outputs.problems(notebook, self.root)
        if found and not fast:
            raise BuildError(f"{lesson.name} ({copy}) is not fit to be published:\n  " + "\n  ".join(found))
        size = outputs.stored_size(notebook) / 1e3
        took = f"{run.minutes:.1f} minutes, {run.cpu_minutes:.1f} of processor time, {run.peak_mb:.0f} MB of memory"
        self.say(f"{lesson.name} {copy}: {took}, {size:.0f} kB stored")
        for line in found:
            self.say(f"  {line}")
        return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Store a notebook in one step."""
    nbformat.validate(notebook)
    write_whole(path, nbformat.writes(notebook) + "\n")


def _written(notebook: NotebookNode) -> list:
    """The cells and metadata of a notebook, without outputs."""
    return [(c.id, c.cell_type, c.source, dict(c.metadata)) for c in notebook.cells]


def _code(cells: list[NotebookNode]) -> list[tuple]:
    """The code that determines a notebook's outputs; the setup cell has no effect here."""
    return [(c.source, c.metadata.get("tags")) if "setup" not in c.metadata.get("tags", []) else () for c in cells]


def _verified(minutes: float) -> dict:
    """Metadata of a full run: date, versions, device, duration."""
    versions = {"Python": platform.python_version()}
    for name in STAMPED:
        try:
            versions[name] = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    today = datetime.date.today().isoformat()
    return {"date": today, "device": _device(), "minutes": round(minutes, 1), "versions": versions}


def _device() -> str:
    """The name of the device that a lesson uses here."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    if torch.backends.mps.is_available():
        return "Apple GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU with {cores} core{'s' if cores != 1 else ''}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", nargs="*", metavar="NN", help="numbers of the lessons; all of them unless given")
    parser.add_argument("--only", nargs="+", default=[], metavar="NN", help="the same as an option")
    parser.add_argument("--fast", action="store_true", help="a few training steps, stored in build/notebooks/")
    parser.add_argument("--check", action="store_true", help="print which notebooks are outdated, build nothing")
    parser.add_argument("--force", action="store_true", help="also build notebooks that are up to date")
    given = parser.parse_args(arguments)
    builder = Builder()
    failed = []
    try:
        chosen = source.lessons(builder.folder, [*given.lessons, *given.only])
    except ValueError as error:
        parser.error(str(error))
    for lesson in chosen:
        try:
            if given.check:
                failed += builder.stale(lesson)
            elif given.fast:
                for copy in COPIES:
                    path = lesson.notebook(ROOT / "build" / "notebooks", copy)
                    write(builder.executed(lesson, copy, fast=True), path)
                    print(f"  {path.relative_to(ROOT)}")
            else:
                builder.build(lesson, given.force)
        except (BuildError, SourceError) as error:
            failed.append(str(error))
    if given.check:
        failed += builder.orphans()
    for line in failed:
        print(line, file=sys.stderr)
    if given.check and failed:
        print("Stale: run 'make notebooks'.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
