"""Write `checksums.txt`: the SHA-256 of every file the course ships, as `sha256sum` would (`python data/checksums.py`).

Run by whatever changes a shipped file; `mmcourse doctor` and the tests compare.
"""

import os
from pathlib import Path

from mmcourse.training.shipped import digest

DATA = Path(__file__).resolve().parent
TARGET = DATA / "checksums.txt"


def shipped_files() -> list[Path]:
    """What is shipped: everything in data/ but scripts, texts about it, and the list itself."""
    return sorted(
        path
        for path in DATA.rglob("*")
        if path.is_file()
        and path.suffix not in (".py", ".pyc", ".md")
        and path != TARGET
        and not path.name.startswith(".")
    )


def main() -> None:
    lines = [f"{digest(path)}  {path.relative_to(DATA).as_posix()}\n" for path in shipped_files()]
    temporary = TARGET.with_suffix(".part")
    temporary.write_text("".join(lines), encoding="utf-8", newline="\n")
    os.replace(temporary, TARGET)


if __name__ == "__main__":
    main()
