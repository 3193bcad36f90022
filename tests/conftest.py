"""Which tests run side by side, and how long each part of them took."""

from collections import Counter

import pytest


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
