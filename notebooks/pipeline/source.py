"""Read a lesson's source (jupytext percent format) and compose the learner's notebook and the answers."""

import hashlib
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from .solutions import SourceError, cleared, hidden_markers, regions

BUILDER = "2"  # raise it when notebooks made by an older builder should be made again
COPIES = ("learner", "answers")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"}
ANSWERS_ONLY, LEARNER_ONLY = "answers-only", "learner-only"  # cell tags
_SHELL = re.compile(r"^\s*(!|%%(bash|sh|script|cmd)\b|%(pip|conda|cd|sx|system)\b)", re.MULTILINE)
_NAME = re.compile(r"\d\d_[a-z0-9_]+")


@dataclass(frozen=True)
class Lesson:
    """One source file: where it is and what its notebooks are called."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.name[:2]

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def notebook(self, folder: Path, copy: str) -> Path:
        """Where a copy of this lesson is stored below the notebooks folder."""
        return (folder / "answers" if copy == "answers" else folder) / f"{self.name}.ipynb"


def lessons(folder: Path, only: list[str] | None = None) -> list[Lesson]:
    """The lessons of notebooks/source, in order; `only` keeps some by number. ValueError for an unknown number."""
    found = [Lesson(p) for p in sorted((folder / "source").glob("*.py")) if _NAME.fullmatch(p.stem)]
    if not only:
        return found
    unknown = set(only) - {lesson.number for lesson in found}
    if unknown:
        have = " ".join(lesson.number for lesson in found) or "none"
        raise ValueError(f"no lesson {' '.join(sorted(unknown))} in {folder.name}/source; there are: {have}")
    return [lesson for lesson in found if lesson.number in only]


def repository(root: Path) -> str:
    """The address of the repository, the one setting a fork changes: [project.urls] Repository in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/").removesuffix(".git")


def badges(address: str, name: str, copy: str) -> str:
    """Links that open a lesson on Colab and Binder. Text, so that no picture is missing where there is no network."""
    path = f"notebooks/{'answers/' if copy == 'answers' else ''}{name}.ipynb"
    repo = address.split("://")[-1].removeprefix("github.com/")
    colab = f"https://colab.research.google.com/github/{repo}/blob/main/{path}"
    binder = f"https://mybinder.org/v2/gh/{repo}/main?labpath={path.replace('/', '%2F')}"
    return f"[▶ Open in Colab]({colab}) · [▶ Open on Binder]({binder})"


def verified_line(verified: dict) -> str:
    """One line of small print: when, with what and how fast the stored outputs were made."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(verified["versions"].items()))
    took = f"{verified['device']}, {verified['minutes']} minutes"
    return f"<small>Last verified on {verified['date']} with {versions}; {took}.</small>"


def setup_source(address: str) -> str:
    """The first code cell: it sets how threads wait, and installs what is missing on Colab."""
    return f"""#@title Setup: run me first
import importlib.util
import os
import subprocess
import sys

if not {{"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}} & os.environ.keys():  # threads that wait soon leave their core to others
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="3000")
if importlib.util.find_spec("mmcourse") is None:  # on Colab; an installation from the README has it
    package = "mmcourse @ git+{address}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", package], check=True)
    importlib.invalidate_caches()
    from mmcourse.environment import install_missing

    install_missing()"""


def compose(lesson: Lesson, copy: str, address: str, verified: dict | None = None) -> NotebookNode:
    """The learner's notebook or the answers, without outputs.

    The same source, copy, address and stamp give the same notebook. SourceError names the lesson and the cell.
    """
    if copy not in COPIES:
        raise ValueError(f"copy is {copy!r}; expected one of {', '.join(COPIES)}")
    read = jupytext.reads(lesson.text, fmt="py:percent").cells
    if not read or read[0].cell_type != "markdown" or not read[0].source.startswith("# "):
        raise SourceError(f"{lesson.path.name}: the first cell must be text and begin with '# ', the lesson's title")
    seen, cells = Counter(), []
    for number, cell in enumerate(read, 1):
        try:
            made = [_cell(part, lesson, seen, copy) for part in _parts(cell)]
        except SourceError as error:
            raise SourceError(f"{lesson.path.name}, cell {number}: {error}\n\n{cell.source}") from None
        cells += [part for part in made if part is not None]
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": _slide(cell)}
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](repository:", f"]({address}/blob/main/")
    title, _, rest = cells[0].source.partition("\n")
    stamp = [verified_line(verified)] if verified else []
    parts = [title, badges(address, lesson.name, copy), rest.strip(), *stamp]
    cells[0].source = "\n\n".join(part for part in parts if part)
    setup = nbformat.v4.new_code_cell(setup_source(address), id=f"{lesson.number}-setup")
    hidden = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": ["setup"]}
    hidden["slideshow"] = {"slide_type": "skip"}
    setup.metadata = nbformat.from_dict(hidden)
    cells.insert(1, setup)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.nbformat_minor = 5
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": KERNEL,
            "language_info": LANGUAGE,
            "mmcourse": {"builder": BUILDER, "copy": copy, "lesson": lesson.number, "source_sha256": lesson.sha256},
        }
    )
    if verified:
        notebook.metadata.mmcourse["verified"] = nbformat.from_dict(verified)
    return notebook


def _parts(cell: NotebookNode) -> list[NotebookNode]:
    """A text cell in parts, each of which begins with its heading, so that each heading begins a slide."""
    if cell.cell_type != "markdown" or "```" in cell.source or regions(cell.source):
        return [cell]
    texts = re.split(r"\n+(?=#{2,3} )", cell.source)
    return [nbformat.v4.new_markdown_cell(text, metadata=cell.metadata) for text in texts]


def _cell(cell: NotebookNode, lesson: Lesson, seen: Counter, copy: str) -> NotebookNode | None:
    """One cell of a copy, or None where it belongs to the other copy only."""
    kind, source = cell.cell_type, cell.source
    tags = cell.metadata.get("tags", [])
    found = regions(source)
    if kind == "code" and _SHELL.search(source):
        raise SourceError("a shell command; write a Python function that raises a clear error instead")
    if kind == "code" and "raises-exception" not in tags:
        lines = source.split("\n")
        for start, _ in found:
            if not lines[start].startswith((" ", "\t")):
                raise SourceError("a solution at the left margin: its stub stops 'Run All'; put it into a function")
    digest = hashlib.sha256(f"{lesson.number}\n{kind}\n{source}".encode()).hexdigest()[:8]
    seen[digest] += 1
    if {"learner": ANSWERS_ONLY, "answers": LEARNER_ONLY}[copy] in tags:
        return None
    identity = f"{lesson.number}-{digest}" + (f"-{seen[digest]}" if seen[digest] > 1 else "")
    if copy == "learner":
        source = cleared(source, kind)
    elif kind == "markdown":
        source = hidden_markers(source)
    made = getattr(nbformat.v4, f"new_{kind}_cell")(source, id=identity)
    made.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k != "lines_to_next_cell"})
    if found:
        made.metadata["nbgrader"] = nbformat.from_dict(_nbgrader(identity, solution=True))
    elif kind == "code" and re.search(r"^check\(", source, re.MULTILINE):
        made.metadata["nbgrader"] = nbformat.from_dict(_nbgrader(identity, solution=False))
    return made


def _slide(cell: NotebookNode) -> str:
    """Where the cell stands when the lesson is shown as slides: a new slide for each heading, below it for the rest."""
    heading = re.search(r"^(#{1,3}) ", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
    return "-" if not heading else "subslide" if len(heading[1]) == 3 else "slide"


def _nbgrader(identity: str, solution: bool) -> dict:
    """nbgrader's own cell metadata: a solution to write, or a locked cell whose check gives the point."""
    data = {
        "grade": not solution,
        "grade_id": identity,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return data if solution else {**data, "points": 1}
