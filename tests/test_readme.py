"""The README's tables name the lessons that exist, and only those, as existing."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXISTING, PLANNED = README.split("### Planned lessons")


def test_every_lesson_has_a_row_that_links_to_it():
    rows = re.findall(r"^\| (\d\d) \| \[[^]]+\]\(notebooks/(\w+)\.ipynb\) \|", EXISTING, re.MULTILINE)
    assert [name for _, name in rows] == sorted(path.stem for path in (ROOT / "notebooks" / "source").glob("[0-9]*.py"))
    assert all(name.startswith(f"{number}_") for number, name in rows)


def test_no_planned_lesson_exists():
    planned = re.findall(r"^\| (\d\d) \| ([^|\[]+) \|", PLANNED, re.MULTILINE)
    assert planned
    assert [number for number, _ in planned if list((ROOT / "notebooks" / "source").glob(f"{number}_*.py"))] == []


def test_every_linked_file_is_there():
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
