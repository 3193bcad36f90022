"""A JupyterLab of its own and a browser that looks at it; skipped (strict: failing) without a browser."""

import importlib.util
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from mmcourse import settings

sys.path.insert(0, str(Path(__file__).parent))

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def missing() -> str:
    """What the browser tests lack here, each with the command that installs it, or ''."""
    packages = [name for name in ("playwright", "jupyterlab") if importlib.util.find_spec(name) is None]
    lacking = [f"{name} (pip install {name})" for name in packages]
    if not any(shutil.which(name) for name in BROWSERS):
        lacking.append("Chromium (Debian, Ubuntu: apt-get install chromium)")
    return ", ".join(lacking)


def need(condition, reason: str) -> None:
    """Skip where a condition does not hold; fail instead in a strict run (MMCOURSE_STRICT)."""
    if not condition:
        (pytest.fail if settings.strict("browser") else pytest.skip)(reason)


def chromium() -> str:
    """The path of the browser; skips or fails where something is missing."""
    need(not missing(), f"not installed: {missing()}")
    return next(path for name in BROWSERS if (path := shutil.which(name)))


@pytest.fixture
def lab(tmp_path):
    """A running JupyterLab over a folder of its own: `lab.open(notebook)` gives its page."""
    path = chromium()
    from jupyter_page import JupyterLab

    with JupyterLab(tmp_path, path) as running:
        yield running


@pytest.fixture(scope="module")
def plain_browser():
    """A browser without JupyterLab: `plain_browser.show(widget)` gives the page of a widget or of HTML."""
    path = chromium()
    from widget_page import PlainBrowser

    with PlainBrowser(path) as running:
        yield running


@pytest.fixture
def opened(lab, tmp_path):
    """`opened(source)` is the page of a notebook with one cell, which has begun to run."""

    def page_of(source: str):
        path = tmp_path / "one_cell.ipynb"
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, path)
        page = lab.open(path)
        page.start()
        return page

    return page_of
