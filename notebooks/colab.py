"""Run the set-up cell of the lessons and all their imports as on Colab, where PyTorch is already installed.

    python notebooks/colab.py            the last step of `make lowest`; needs git, and uv in the Python that runs it

The environment build/colab is created again. It gets the lowest torch, torchvision and torchaudio that pyproject.toml
allows, and no other dependency of the course. The set-up cell then installs the files of this checkout, committed or
not, from a Git repository. Exits 1 if a version of the three changes, packages conflict, or an import fails.
"""

import ast
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from build import ROOT
from mmcourse.environment import NEVER_REPLACED, requirement_name
from pipeline import source

PYTHON = "3.11"  # the lowest that pyproject.toml allows
VERSIONS = f"from importlib.metadata import version; print(*map(version, {NEVER_REPLACED}))"


def repository(root: Path, folder: Path) -> str:
    """The address of a new Git repository in `folder` with one commit of the files of `root`, except ignored ones."""
    git = ["git", f"--git-dir={folder / '.git'}", f"--work-tree={root}"]
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run([*git, "add", "--all"], cwd=root, check=True)
    author = ["-c", "user.name=mmcourse", "-c", "user.email="]
    subprocess.run([*git, *author, "commit", "--quiet", "--message=checkout"], cwd=root, check=True)
    return folder.as_uri()


def imports(code: str) -> list[str]:
    """The absolute imports of some Python code, in functions too; except those within `try`, which may fail."""
    found, nodes = [], [ast.parse(code)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and not node.level):
            found.append(ast.unparse(node))
        elif not isinstance(node, ast.Try):
            nodes += ast.iter_child_nodes(node)
    return found


def program(root: Path, address: str) -> str:
    """The set-up cell of a lesson, then, in the same process, every import of the lessons and of the package."""
    notebooks = [
        source.compose(lesson, copy, address) for lesson in source.lessons(root / "notebooks") for copy in source.COPIES
    ]
    code = [cell.source for notebook in notebooks for cell in notebook.cells[2:] if cell.cell_type == "code"]
    code += [path.read_text(encoding="utf-8") for path in sorted((root / "mmcourse").rglob("*.py"))]
    return "\n".join([notebooks[0].cells[1].source, *dict.fromkeys(line for text in code for line in imports(text))])


def environment(root: Path) -> Path:
    """The Python of a new environment with pip and the lowest torch, torchvision and torchaudio that are allowed."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    family = [text for text in project["dependencies"] if requirement_name(text) in NEVER_REPLACED]
    home = root / "build" / "colab"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--seed", "--python", PYTHON, home], check=True)
    install = [*uv, "pip", "install", "--quiet", "--python", python, "--resolution", "lowest-direct"]
    subprocess.run([*install, *family], check=True)
    return python


def faults(python: Path, code: str, folder: Path) -> list[str]:
    """Run code with another Python, outside the checkout; returns the errors. The code may not replace torch."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MMCOURSE_", "PYTHON"))}
    script = folder / "cells.py"
    script.write_text(code, encoding="utf-8")

    def run(*arguments) -> subprocess.CompletedProcess:
        return subprocess.run([python, *arguments], cwd=folder, env=clean, capture_output=True, text=True)

    before = run("-c", VERSIONS).stdout.split()
    ran = run(script)
    after = run("-c", VERSIONS).stdout.split()
    found = [
        f"{name} was replaced: {was} before the set-up cell, {now} after it"
        for name, was, now in zip(NEVER_REPLACED, before, after, strict=True)
        if was != now
    ]
    if ran.returncode:
        return [*found, "The cells failed:\n" + ran.stderr.strip()]
    conflicts = run("-m", "pip", "check")
    return found + ([conflicts.stdout.strip()] if conflicts.returncode else [])


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = program(ROOT, repository(ROOT, folder / "repository"))
        python = environment(ROOT)
        found = faults(python, code, folder)
    versions = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True).stdout.split()
    print("As on Colab, with", *map(" ".join, zip(NEVER_REPLACED, versions, strict=True)), sep=" ")
    print("\n".join(found) or "The set-up cell left them as they were, and every import of the lessons works.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
