"""Without a browser, the last line of a test run says how many tests that cost, and how to get one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BROWSER_TESTS = "tests/browser/test_lesson_01.py"  # two of them


@pytest.fixture
def pytest_without_browser(tmp_path):
    """Runs two browser tests with no program on the PATH; gives (exit status, non-empty lines of the output)."""

    def run(**variables):
        clean = {name: value for name, value in os.environ.items() if name != "MMCOURSE_STRICT"}
        clean |= {"PATH": str(tmp_path), "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # starts faster
        options = ["-p", "no:cacheprovider", "--override-ini", "addopts=--import-mode=importlib"]
        command = [sys.executable, "-m", "pytest", *options, BROWSER_TESTS]
        ran = subprocess.run(command, cwd=ROOT, env=clean | variables, capture_output=True, text=True)
        return ran.returncode, [line for line in ran.stdout.splitlines() if line.strip()]

    return run


@pytest.mark.slow
def test_the_last_line_counts_what_was_skipped_and_names_the_command(pytest_without_browser):
    status, lines = pytest_without_browser()
    assert status == 0 and "2 skipped" in lines[-2]
    assert re.search(r"^2 browser tests were skipped;.* Chromium .*\bapt-get install chromium\b", lines[-1])


@pytest.mark.slow
def test_a_strict_run_fails_instead(pytest_without_browser):
    status, lines = pytest_without_browser(MMCOURSE_STRICT="1")
    assert status == 1 and "2 errors" in lines[-1]
