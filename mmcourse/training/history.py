"""The record of a training run: a row of results for every epoch and the losses of every step."""

import html
import sys
from dataclasses import dataclass, field

import torch


@dataclass
class History:
    """The record of a training loop. `history[-1]` is the last epoch's row, `history["loss"]` a column."""

    rows: list[dict] = field(default_factory=list)  # one per epoch: epoch, loss, metrics, valid_..., seconds
    losses: list[float] = field(default_factory=list)  # of `fit`: one per step
    per_step: dict[str, list[float]] = field(default_factory=dict)  # of `fit_adversarial`: a list for each column
    seconds: float = 0.0
    interrupted: bool = False
    peak_memory: float = 0.0  # bytes: of the GPU where there is one, else of the process

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, key: int | str):
        """A row by its number, or a column by its name."""
        if not isinstance(key, str):
            return self.rows[key]
        if not any(key in row for row in self.rows):
            raise KeyError(f"{key!r} is not in this history; it holds {', '.join(self.names) or 'no epoch yet'}")
        return [row.get(key) for row in self.rows]

    @property
    def names(self) -> list[str]:
        """The columns, in the order of their first appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return len(next(iter(self.per_step.values()), self.losses))

    def dataframe(self, per: str = "epoch"):
        """A pandas DataFrame with one row per epoch, or per step: dataframe(per="step")."""
        import pandas

        if per not in ("epoch", "step"):
            raise ValueError(f"dataframe got per={per!r}; expected 'epoch' or 'step'")
        if per == "step":
            return pandas.DataFrame(self.per_step or {"loss": self.losses})
        return pandas.DataFrame(self.rows, columns=self.names)

    def summary(self) -> str:
        """One line: epochs, steps, time, memory."""
        parts = [_count(len(self.rows), "epoch"), _count(self.steps, "step"), f"{self.seconds:.1f} s"]
        if self.peak_memory:
            parts.append(f"at most {self.peak_memory / 2**20:.0f} MB")
        if self.interrupted:
            parts.append("stopped early")
        return ", ".join(parts)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {_formatted(value)}" for name, value in self.rows[-1].items()) if self.rows else ""
        return f"History({self.summary()}{'; last: ' + last if last else ''})"

    def _repr_html_(self) -> str:
        shown = self.rows if len(self.rows) <= 12 else [*self.rows[:3], None, *self.rows[-8:]]
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.names)
        body = "".join(
            "<tr>" + "".join(f"<td>{_formatted(row.get(name)) if row else '…'}</td>" for name in self.names) + "</tr>"
            for row in shown
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{self.summary()}</p>"


def peak_memory() -> float:
    """The most memory held so far, in bytes: on the GPU where there is one, else by this process; 0 if unknown."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        try:
            import psutil
        except ImportError:
            return 0.0
        return float(psutil.Process().memory_info().peak_wset)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else most * 1024)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


def _formatted(value) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return f"{len(value)} values"
    return f"{value:.4g}" if isinstance(value, float) else html.escape(str(value))
