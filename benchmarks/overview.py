"""All fusions on all tasks: the stored tables as one in Markdown, as docs/results.md shows it."""

import csv
from pathlib import Path

TABLES = Path(__file__).resolve().parent.parent / "data" / "tables"
COLUMNS = (
    "statement, linear head",
    "statement, hidden layer",
    "statement, held-out combinations",
    "corrupted pages",
    "corrupted pages, trained on clean pages",
    "questions, hidden layer",
    "questions, held-out combinations",
)
# Names of a method: here, in the two tables of lesson 08 (None if it is not in them), in that of lesson 09.
METHODS = (
    ("weighted sum", "weighted sum", "vectors: weighted sum"),
    ("concatenation", "concatenation", "vectors: concatenation"),
    ("concatenation, hidden layer", "small network", "vectors: hidden layer"),
    ("product", "product", "vectors: product"),
    ("low rank", "low rank", "vectors: low rank, 8"),
    ("gate", "gate", "vectors: gate"),
    ("FiLM", "FiLM", "vectors: FiLM"),
    ("attention over modalities", "attention", "vectors: attention"),
    ("late, mean of probabilities", "late: probabilities", "late: probabilities"),
    ("late, mean of logits", "late: logits", "late: logits"),
    ("late, by confidence", "late: by confidence", "late: by confidence"),
    ("tokens: image as query", "tokens: image as query", None),
    (
        "tokens: other as query",
        ("tokens: text as query", "tokens: sound as query"),
        "tokens: question as query",
    ),
    ("tokens: spoken word as query", None, "tokens: word as query"),
    ("tokens: bottleneck", "tokens: bottleneck", "tokens: bottleneck"),
    ("cross-attention, then FiLM (lesson 09)", None, "word attends to positions, then FiLM: 4 heads"),
)
ALONE = ("best with one modality missing", ("text alone", "sound alone"), "the same, 2 heads, no voice")


def stored(name: str) -> dict[tuple[str, str], dict[str, str]]:
    """{(method, head): {column: result}} of a stored table, without standard deviations."""
    lines = (TABLES / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {
        (row["method"], row.get("head", "")): {column: cell.split(" ")[0] for column, cell in row.items()}
        for row in rows
    }


def split_title(split: str) -> str:
    """A split's name as a column title: 'held_out_pairs' -> 'held-out combinations'."""
    return split.replace("pairs", "combinations").replace("held_out", "held-out").replace("_", " ")


def markdown() -> str:
    """The table: a row per method, the mean accuracy of five seeds in percent in each column."""
    statement, corrupted, question = (stored(name) for name in ("08_statement", "08_corrupted", "09_question"))

    def cell(table: dict, method: str | None, head: str, column: str) -> str:
        row = table.get((method, head))
        return f"{100 * float(row[column]):.1f}" if row and row[column] else ""

    lines = ["| fusion | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, first, third in (ALONE, *METHODS):
        one, other = first if isinstance(first, tuple) else (first, first)
        cells = (
            cell(statement, one, "linear", "test"),
            cell(statement, one, "hidden layer", "test"),
            cell(statement, one, "hidden layer", "held-out combinations")
            or cell(statement, one, "linear", "held-out combinations"),
            cell(corrupted, other, "linear", "test"),
            cell(corrupted, other, "linear", "test, trained on clean pages"),
            cell(question, third, "", "test pages"),
            cell(question, third, "", "held-out combinations"),
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown())
