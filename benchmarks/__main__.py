"""Run every benchmark, print a table each, write build/bench.json.

    python -m benchmarks [--quick] [NAME ...]      NAME: a module of this folder, e.g. training_loops

A benchmark is a module with run(quick: bool = False) -> list of rows {benchmark, case, variant, seconds, ratio, ...}.
"""

import argparse
import importlib
import inspect
import json
import pkgutil
from itertools import groupby
from pathlib import Path

import benchmarks
from mmcourse.files import write_whole


def modules() -> list[str]:
    """The names of all benchmarks."""
    return [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]


def table(rows: list[dict]) -> str:
    """One line per variant below a line per case."""
    lines = []
    for (name, case), group in groupby(rows, key=lambda row: (row["benchmark"], row["case"])):
        lines.append(f"\n{name}: {case}")
        for row in group:
            if row.get("seconds") is None:
                lines.append(f"  {row['variant']:40s} {row.get('note', 'not measured')}")
                continue
            ratio = f"{row['ratio']:7.2f}" if row.get("ratio") is not None else " " * 7
            lines.append(
                f"  {row['variant']:40s} {_duration(row['seconds']):>10s} {ratio}  {row.get('note', '')}".rstrip()
            )
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    return next(
        f"{seconds * k:.3g} {unit}" for k, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if seconds * k >= 1 or k == 1e6
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"benchmarks to run: {', '.join(modules())}")
    parser.add_argument("--quick", action="store_true", help="few steps, to test that everything runs")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(modules()):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(modules())}")
    rows = []
    for name in arguments.names or modules():
        run = getattr(importlib.import_module(f"benchmarks.{name}"), "run", None)
        if run is None:  # a script of its own
            continue
        found = run(quick=arguments.quick) if "quick" in inspect.signature(run).parameters else run()
        print(table(found), flush=True)
        rows += found
    write_whole(arguments.out, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    print(f"\nwritten: {arguments.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
