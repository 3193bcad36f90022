"""Run the lessons' answer copies in full and compare their results with their promises.

    make course LESSONS="00 01" SEEDS="0 1 2"        all lessons and seed 0 unless given

Prints a table and writes build/course.json. Exits 1 if a lesson fails, takes more than 15 minutes of processor time
or 2 GB of memory, or if one of its promises is missed, absent or not judged. Processor time above 10 minutes (about
five minutes on two idle cores, up to 50% more on a busy host), more than five minutes of wall-clock time, and results
that do not change with the seed are reported as remarks.
"""

import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from build import ROOT, Builder
from mmcourse.files import write_whole
from mmcourse.promises import Promise, formatted, read_promises
from pipeline import kernel, source
from pipeline.kernel import LessonFailed
from pipeline.solutions import SourceError
from pipeline.source import Lesson

MINUTES = 5  # of wall-clock time
CPU_MINUTES, MOST_CPU_MINUTES = 10, 15
MEGABYTES = 2_000


def run_lesson(builder: Builder, lesson: Lesson, seed: int) -> dict:
    """One lesson under one seed: its time, memory and promises, and "error" if it failed."""
    result = {"lesson": lesson.number, "seed": seed, "minutes": 0.0, "cpu_minutes": 0.0, "peak_mb": 0, "promises": []}
    with tempfile.TemporaryDirectory() as work:
        verdicts = Path(work) / "results.jsonl"
        variables = kernel.environment(builder.root, Path(work), seed=seed, MMCOURSE_RESULTS=str(verdicts))
        try:
            notebook = source.compose(lesson, "answers", builder.address)
            run = kernel.run(notebook, lesson.notebook(builder.folder, "answers").parent, variables)
            minutes = {"minutes": round(run.minutes, 2), "cpu_minutes": round(run.cpu_minutes, 2)}
            result |= minutes | {"peak_mb": round(run.peak_mb)}
        except (LessonFailed, SourceError) as error:
            result["error"] = str(error)
        if verdicts.is_file():
            result["promises"] = [json.loads(line) for line in verdicts.read_text(encoding="utf-8").splitlines()]
    return result


def faults(result: dict, promised: dict[str, Promise]) -> list[str]:
    """The reasons for failure, one line each: errors, limits, and promises missed, absent or not judged."""
    where = f"{result['lesson']}, seed {result['seed']}"
    found = [f"{where} failed: {result['error']}"] if "error" in result else []
    if result["cpu_minutes"] > MOST_CPU_MINUTES:
        found.append(f"{where}: {result['cpu_minutes']:.1f} minutes of processor time, more than {MOST_CPU_MINUTES}")
    if result["peak_mb"] > MEGABYTES:
        found.append(f"{where}: {result['peak_mb']} MB of memory, more than {MEGABYTES}")
    for verdict in result["promises"]:
        if verdict["kept"] is None:
            found.append(f"{where}: {verdict['id']} was not judged")
        elif not verdict["kept"]:
            found.append(f"{where}: {verdict['id']} was missed with {formatted(verdict['value'])}")
    judged = {verdict["id"] for verdict in result["promises"]}
    mine = [name for name in promised if name.split(".")[0] == result["lesson"]]
    return found + [f"{where}: {name} is promised and never passed to expect" for name in mine if name not in judged]


def remarks(results: list[dict]) -> list[str]:
    """Remarks on successful runs: lessons that are slow, results that do not depend on the seed."""
    found = []
    values = defaultdict(list)
    for result in results:
        where = f"{result['lesson']}, seed {result['seed']}"
        if result["minutes"] > MINUTES:
            found.append(f"{where}: {result['minutes']:.1f} minutes by the clock, more than {MINUTES}")
        if CPU_MINUTES < result["cpu_minutes"] <= MOST_CPU_MINUTES:
            found.append(f"{where}: {result['cpu_minutes']:.1f} minutes of processor time, more than {CPU_MINUTES}")
        for verdict in result["promises"]:
            values[verdict["id"]].append(verdict["value"])
    same = [name for name, seen in values.items() if len(seen) > 1 and len(set(seen)) == 1]
    return found + [
        f"{name} is {formatted(values[name][0])} for every seed: does it depend on the seed?" for name in same
    ]


def table(results: list[dict]) -> str:
    """The runs as text: a line for each lesson and seed, followed by a line for each promise."""
    lines = ["lesson  seed  minutes  CPU min  memory   promise"]
    for result in results:
        mark = "FAILED" if "error" in result else ""
        lines.append(
            f"{result['lesson']:<6}  {result['seed']:>4}  {result['minutes']:>7.1f}  {result['cpu_minutes']:>7.1f}  "
            f"{result['peak_mb']:>4} MB  {mark}"
        )
        for verdict in result["promises"]:
            direction = "at_least" if "at_least" in verdict else "at_most"
            word = {True: "kept", False: "MISSED", None: "NOT JUDGED"}[verdict["kept"]]
            limit = f"{direction.replace('_', ' ')} {formatted(verdict[direction])}"
            text = f"{verdict['id']}: {formatted(verdict['value'])}, {limit}: {word}"
            lines.append(" " * 42 + text)
    return "\n".join(lines)


def _taken(result: dict) -> str:
    return f"{result['minutes']:.1f} minutes, {result['cpu_minutes']:.1f} of processor time, {result['peak_mb']} MB"


def store(results: list[dict], path: Path) -> None:
    """Write the results as JSON in one step."""
    write_whole(path, json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def course(builder: Builder, numbers: list[str], seeds: list[int], say=print) -> int:
    """Run lessons with seeds, print the results, write build/course.json; returns the exit status."""
    chosen = source.lessons(builder.folder, numbers)
    promised = read_promises(builder.folder / "source" / "promises.toml")
    results, found = [], []
    for lesson in chosen:
        for reason in builder.stale(lesson):
            if reason.startswith("answers/"):
                say(f"{reason}; running the current source")
        for seed in seeds:
            result = run_lesson(builder, lesson, seed)
            say(f"{lesson.name}, seed {seed}: {_taken(result)}", flush=True)
            results.append(result)
            found += faults(result, promised)
            store(results, builder.root / "build" / "course.json")
    say("\n" + table(results))
    for line in remarks(results):
        say(f"look: {line}")
    for line in found:
        say(f"fault: {line}")
    if not results:
        say("fault: there is no lesson to run")
    return 1 if found or not results else 0


def main() -> int:
    try:
        seeds = [int(seed) for seed in (os.environ.get("SEEDS") or "0").split()]
    except ValueError:
        print(f'SEEDS is {os.environ["SEEDS"]!r}; expected whole numbers such as "0 1 2"', file=sys.stderr)
        return 2
    try:
        return course(Builder(ROOT), (os.environ.get("LESSONS") or "").split(), seeds)
    except (ValueError, SourceError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
