"""Write files completely or not at all, and compute checksums. Standard library only."""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

WAITS = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between tries, while another program has a file open
T = TypeVar("T")


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file in one step, as `replacing` does. Text becomes UTF-8."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces the file if the block succeeds; otherwise the file is unchanged.

    Missing folders are created. A symbolic link stays a link: the file that it points to is replaced. An existing file
    keeps its permissions.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")  # unique among processes and threads
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        with suppress(OSError):
            shutil.copymode(path, temporary)
        patiently(os.replace, temporary, path)
    except OSError as error:
        if error.errno and error.filename is None:  # the error of a full disk does not name the file
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def patiently(action: Callable[..., T], *arguments) -> T:
    """Call a function, and repeat the call for up to a second if it raises PermissionError.

    Windows refuses to replace a file that another kernel or a virus scanner has open, and to open one being replaced.
    """
    for wait in WAITS:
        try:
            return action(*arguments)
        except PermissionError:
            time.sleep(wait)
    return action(*arguments)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
