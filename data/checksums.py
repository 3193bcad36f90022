"""Write `checksums.txt`: the SHA-256 of every file the course ships, as `sha256sum` would (`python data/checksums.py`).

Run by whatever changes a shipped file; `mmcourse doctor` and the tests compare.
"""

from pathlib import Path

from mmcourse.files import digest, write_whole

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
    write_whole(TARGET, "".join(lines))


if __name__ == "__main__":
    main()
