"""Complete an environment that brings its own torch, such as Colab, without replacing anything in it.

Standard library only, since this runs directly after `pip install --no-deps mmcourse`, without dependencies.
"""

import importlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

NEVER_REPLACED = ("torch", "torchvision", "torchaudio")


def requirement_name(requirement: str) -> str:
    """The project name at the start of a requirement, normalised: 'Soundfile>=0.12; ...' -> 'soundfile'."""
    match = re.match(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)", requirement)
    if not match:
        raise ValueError(f"{requirement!r} is not a requirement; expected a name, then bounds: 'numpy>=1.26'")
    return re.sub(r"[-_.]+", "-", match.group(1)).lower()


def is_installed(name: str) -> bool:
    """Whether a distribution of this name is installed, in any version."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def missing(requirements: Iterable[str], installed: Callable[[str], bool] = is_installed) -> list[str]:
    """The requirements without any installed version, except those of extras."""
    plain = [text for text in requirements if not re.search(r";.*\bextra\s*==", text)]
    return [text.split(";")[0].strip() for text in plain if not installed(requirement_name(text))]


def install_missing(requirements: Iterable[str] | None = None) -> list[str]:
    """Install the requirements that this environment lacks; returns those that were installed.

    Installed packages keep their versions, even where the course asks for others: a constraints file pins torch,
    torchvision, torchaudio and every other installed requirement, so that no dependency can replace them.
    RuntimeError with pip's last lines where pip fails.
    """
    requirements = list(requirements if requirements is not None else metadata.requires("mmcourse") or [])
    wanted = missing(requirements)
    if not wanted:
        return []
    names = sorted({*NEVER_REPLACED, *map(requirement_name, requirements)})
    held = "\n".join(f"{name}=={metadata.version(name)}" for name in names if is_installed(name))
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "installed.txt")
        constraints.write_text(held, encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--constraint", str(constraints), *wanted]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        lines = "\n".join((result.stderr or result.stdout).strip().splitlines()[-5:])
        raise RuntimeError(f"pip could not install {', '.join(wanted)}. Its last lines:\n{lines}")
    importlib.invalidate_caches()
    return wanted
