"""A small house of its own for the pipeline's tests: a checkout with a lesson or two."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "notebooks"), str(Path(__file__).parent)]

from lesson_text import LESSON  # noqa: E402


class House:
    """A checkout in a temporary folder: write sources into it, build, read what came out."""

    def __init__(self, root: Path):
        self.root, self.folder, self.said = root, root / "notebooks", []
        (self.folder / "source").mkdir(parents=True)
        (self.folder / "source" / "promises.toml").write_text("")
        (root / "pyproject.toml").write_text(
            '[project]\nname = "x"\n[project.urls]\nRepository = "https://github.com/someone/fork"\n'
        )

    def write(self, text: str = LESSON, name: str = "90_adding"):
        from pipeline.source import Lesson

        path = self.folder / "source" / f"{name}.py"
        path.write_text(text)
        return Lesson(path)

    def builder(self):
        from build import Builder

        return Builder(self.root, say=lambda text, **_: self.said.append(text))

    def compose(self, text: str = LESSON, copy: str = "learner"):
        from pipeline.source import compose

        return compose(self.write(text), copy, "https://github.com/someone/fork")


@pytest.fixture
def house(tmp_path) -> House:
    return House(tmp_path / "checkout")
