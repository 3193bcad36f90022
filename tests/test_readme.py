"""README: its tables, its map and its links fit the lessons that exist; CITATION.cff fits the package."""

import re
import tomllib
from pathlib import Path

import yaml

from mmcourse.show.diagrams.course import LESSONS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXISTING, PLANNED = README.split("### Planned lessons")
SOURCES = sorted(path.stem for path in (ROOT / "notebooks" / "source").glob("[0-9]*.py"))
MOST_WORDS = 900


def rows(text: str) -> list[str]:
    """The table rows that begin with the number of a lesson."""
    return re.findall(r"^\| \d\d \|.*", text, re.MULTILINE)


def test_every_lesson_has_a_row_that_links_to_it_and_to_colab():
    links = [re.findall(r"notebooks/(\w+)\.ipynb", row) for row in rows(EXISTING)]
    assert links == [[name, name] for name in SOURCES]
    assert all("colab.research.google.com" in row for row in rows(EXISTING))


def test_the_minutes_are_those_of_the_lesson():
    for row, name in zip(rows(EXISTING)[1:], SOURCES[1:], strict=True):
        runs, work = re.search(r"\| (\d+) / (\d+) \|", row).groups()
        head = (ROOT / "notebooks" / "source" / f"{name}.py").read_text(encoding="utf-8")
        said = re.search(r"Runs in (?:about )?(?:\d+ to )?(\d+) minutes · takes (\d+) minutes", head)
        assert (runs, work) == said.groups(), name


def test_planned_lessons_and_those_that_exist_are_the_whole_course_map():
    planned = re.findall(r"\b(\d\d) [A-Z]", PLANNED.split("[Measured results]")[0])
    existing = [name[:2] for name in SOURCES]
    assert sorted(planned + existing) == sorted(LESSONS)


def test_every_linked_file_is_there():
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_images_have_alt_text_and_are_small():
    images = re.findall(r"!\[([^]]*)\]\(([^)]+)\)", README)
    assert all(len(alt) > 20 and (ROOT / path).stat().st_size <= 2_000_000 for alt, path in images)


def test_it_is_short():
    assert len(README.split()) <= MOST_WORDS


def test_the_citation_has_the_version_and_the_address_of_the_package():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["version"] == project["version"]
    assert cited["repository-code"] in project["urls"].values()
