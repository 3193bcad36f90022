"""docs/results.md shows the table of all fusion methods as it is stored."""

from pathlib import Path

from benchmarks.overview import METHODS, markdown, stored

ROOT = Path(__file__).resolve().parents[1]


def test_the_results_have_the_stored_table():
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert markdown() in results, "python -m benchmarks.fusion --show prints it"


def test_every_stored_method_has_its_row():
    named = {name for _, *rows in METHODS for each in rows for name in (each if isinstance(each, tuple) else (each,))}
    for table in ("08_statement", "08_corrupted"):
        assert {method for method, _ in stored(table) if not method.endswith(" alone")} <= named
