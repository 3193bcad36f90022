"""Write `checksums.txt`: the SHA-256 of every shipped file, in the format of `sha256sum`.

Run `python data/checksums.py` after every change of a shipped file; `mmcourse doctor` and the tests compare.
"""

from pathlib import Path

from mmcourse.files import digest, write_whole

DATA = Path(__file__).resolve().parent
TARGET = DATA / "checksums.txt"


def shipped_files() -> list[Path]:
    """The shipped files: all of data/ except scripts, documentation and the list itself."""
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
