"""Find the shipped files: in a checkout under `data/`, in an installed wheel under `mmcourse/shipped/`."""

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """The folder of the checkout this package runs from, or None where it was installed from a wheel."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "notebooks" / "source").is_dir() else None


def shipped_folder() -> Path:
    """The folder that holds the shipped files."""
    root = checkout()
    return root / "data" if root else PACKAGE / "shipped"


def repair_command() -> str:
    """The command that restores the shipped files."""
    return "git restore data" if checkout() else "pip install --force-reinstall --no-deps mmcourse"


def asset(name: str) -> Path:
    """The path of a shipped file, e.g. 'voices.ogg' or 'models/image_encoder.safetensors'.

    FileNotFoundError, with the command that repairs it, where the file is missing.
    """
    path = shipped_folder() / name
    if path.is_file():
        return path
    raise FileNotFoundError(
        f"{name} is missing from {shipped_folder()}. The course ships this file, so the copy here is incomplete. "
        f"To repair it: {repair_command()}"
    )


def promises_file() -> Path:
    """The path of the file with the promises of all lessons."""
    root = checkout()
    return root / "notebooks" / "source" / "promises.toml" if root else PACKAGE / "shipped" / "promises.toml"


def checksums() -> dict[str, str]:
    """The SHA-256 of every shipped file, by its name below the data folder (the format of `sha256sum`).

    ValueError where the list is empty, truncated or of another format.
    """
    text = asset("checksums.txt").read_text(encoding="utf-8")
    lines = [re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line) for line in text.splitlines()]
    if not lines or not all(lines) or not text.endswith("\n"):
        raise ValueError(
            f"checksums.txt in {shipped_folder()} is truncated or damaged. To repair it: {repair_command()}"
        )
    return {line[2]: line[1] for line in lines}
