"""The promises of each lesson, results with thresholds in notebooks/source/promises.toml, and `expect` to judge them.

    ["03.held_out_voices"]
    text = "spoken words, held-out voices"
    at_least = 0.9

`expect("03.held_out_voices", value)` takes the result of the final model on a test split. It does not raise where a
promise is missed: the lesson discusses it. Where MMCOURSE_RESULTS names a file, each verdict is appended to it as JSON.
"""

import json
import math
import os
import sys
import tomllib
import warnings
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

from mmcourse import settings
from mmcourse.assets import promises_file
from mmcourse.renamed import RETIRED_PROMISES, new_value


@dataclass(frozen=True)
class Promise:
    """A promised result: at least, or at most, `threshold`."""

    id: str
    text: str
    threshold: float
    direction: str  # "at_least" or "at_most"

    def kept(self, value: float) -> bool:
        return value >= self.threshold if self.direction == "at_least" else value <= self.threshold


@dataclass(frozen=True)
class Verdict:
    """The verdict of `expect`; `kept` is None in a fast run, where nothing is judged."""

    promise: Promise
    value: float
    kept: bool | None

    def _ipython_display_(self) -> None:
        """Shows nothing: `expect` has printed it already, also where it is a cell's last line."""

    def __str__(self) -> str:
        mark, word = {True: ("✓", "kept"), False: ("✗", "missed"), None: ("○", "not judged")}[self.kept]
        direction = self.promise.direction.replace("_", " ")
        numbers = f"{formatted(self.value)} (promised: {direction} {formatted(self.promise.threshold)})"
        return f"{mark} {word}: {self.promise.text}: {numbers}"


def read_promises(path: Path | None = None) -> dict[str, Promise]:
    """Every promise by its id. ValueError names the entry that cannot be read."""
    path = path or promises_file()
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    return {name: _promise(name, entry, path) for name, entry in entries.items()}


def expect(id: str, value: float) -> Verdict | None:
    """Print whether the promise is kept by `value`, in one line, and return the verdict; None for a retired promise.

    ValueError for an unknown id, and for a value that is not a finite number.
    """
    if id in RETIRED_PROMISES:
        warnings.warn(f"the promise {id!r} was retired and is no longer judged", FutureWarning, stacklevel=2)
        return None
    promises, id = read_promises(), new_value("promise", id)
    if id not in promises:
        near = [name for name in promises if name.split(".")[0] == str(id).split(".")[0]] or list(promises)
        known = ", ".join(near) or "no promises yet"
        raise ValueError(f"{id!r} is not promised in {promises_file().name}; there are {known}")
    if getattr(value, "shape", None) == ():
        value = value.item()  # a tensor or an array with one number
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{id} got {value!r} ({type(value).__name__}); expected one finite number")
    promise = promises[id]
    verdict = Verdict(promise, float(value), None if settings.fast() else promise.kept(value))
    _print(str(verdict))
    _record(verdict)
    return verdict


def _promise(name: str, entry, path: Path) -> Promise:
    directions = [key for key in ("at_least", "at_most") if isinstance(entry, dict) and key in entry]
    if len(directions) != 1 or set(entry) != {"text", directions[0]} or not isinstance(entry["text"], str):
        raise ValueError(
            f"{path}: {name} is {entry!r}; expected text and one of at_least, at_most. "
            'The id is quoted, so that its point is part of the name: ["01.test"]'
        )
    threshold = entry[directions[0]]
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not math.isfinite(threshold):
        raise ValueError(f"{path}: {name} has {directions[0]} = {threshold!r}; expected a number")
    return Promise(name, entry["text"], float(threshold), directions[0])


def formatted(value: float) -> str:
    """A number as text: three decimals, or its order of magnitude where these would be zeros."""
    if 0 < abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def _print(line: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(line.encode(encoding, "replace").decode(encoding))


def _record(verdict: Verdict) -> None:
    results = os.environ.get("MMCOURSE_RESULTS")
    if not results:
        return
    promise = verdict.promise
    facts = {"id": promise.id, "text": promise.text, "value": verdict.value}
    facts |= {promise.direction: promise.threshold, "kept": verdict.kept}
    line = json.dumps(facts, ensure_ascii=False) + "\n"
    with open(results, "ab", buffering=0) as file:  # a single write, so that lines of two processes are not mixed
        file.write(line.encode())
