"""Which tests run side by side, how long they took, what was skipped; and what tests of several folders share."""

from collections import Counter
from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

INSTALLABLE = ("browser", "realdata")  # markers of tests that need more than pip brings


def pytest_addoption(parser):
    parser.addoption(
        "--part",
        choices=("shared", "alone"),
        help="only tests that can share the machine, or only those that need it alone (tests/run.py)",
    )


def needs_the_machine_alone(item) -> bool:
    return any(item.get_closest_marker(name) for name in ("browser", "alone"))


@pytest.hookimpl(trylast=True)  # after -k and -m
def pytest_collection_modifyitems(config, items):
    part = config.getoption("--part")
    if part:
        chosen = [item for item in items if needs_the_machine_alone(item) == (part == "alone")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen
    items.sort(key=lambda item: item.get_closest_marker("notebook") is None)  # the longest first


def pytest_make_parametrize_id(val, argname):
    """Bytes are named by their number: an encoder may write the time into a file, and processes compare names."""
    return f"{argname}-{len(val)}-bytes" if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter):
    """Where the time went, by folder; of processes side by side it is the sum."""
    seconds = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "duration", None) and "::" in getattr(report, "nodeid", ""):
                path = report.nodeid.split("::")[0].removeprefix("tests/")
                seconds[path.split("/")[0]] += report.duration
    if sum(seconds.values()) > 10:
        parts = ", ".join(f"{name} {taken:.0f}" for name, taken in seconds.most_common())
        terminalreporter.write_line(f"seconds by part: {parts}")


def pytest_unconfigure(config):
    """Print the lines below pytest's own last one, so that skipped tests are not taken for passed ones."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    for marker in INSTALLABLE:
        reasons = [report.longrepr[2].removeprefix("Skipped: ") for report in skipped if marker in report.keywords]
        if reasons:
            tests = "test was" if len(reasons) == 1 else "tests were"
            reporter.write_line(f"{len(reasons)} {marker} {tests} skipped; {reasons[0]}", yellow=True)


class Largest(TorchDispatchMode):
    """`elements` is the number of elements of the largest tensor made within."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.elements = max(self.elements, out.numel())
        return out


@pytest.fixture
def largest():
    """A context that notes the size of the largest tensor, for what would take gigabytes."""
    return Largest()


@pytest.fixture
def modes_kept():
    """A check that a model in training mode, its `frozen` part in evaluation mode, is left just so."""

    @contextmanager
    def check(model, frozen):
        model.train()
        frozen.eval()
        before = {name: part.training for name, part in model.named_modules()}
        yield
        assert {name: part.training for name, part in model.named_modules()} == before

    return check
