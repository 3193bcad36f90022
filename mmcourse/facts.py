"""Facts about this machine for the doctor, read without importing a library that may be broken."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

TORCH_FAMILY = ("torch", "torchvision", "torchaudio")
NOTEBOOK_PARTS = ("jupyterlab", "ipykernel", "ipywidgets", "anywidget")
LIBRARIES = ("numpy", "matplotlib", "soundfile", "datasets", "torchmetrics", "safetensors")
IMPORT_SECONDS = 180

# Runs in a separate process: a broken library may raise, abort or hang, and the doctor must not.
PROBE = """
import json, sys, warnings
warnings.simplefilter("ignore")
for name in sys.argv[1:]:
    try:
        module = __import__(name)
        facts = {"name": name, "error": None}
        if name == "torch":
            mps = getattr(module.backends, "mps", None)
            facts["cuda_build"] = module.version.cuda
            if module.cuda.is_available():
                facts["device"] = "CUDA: " + module.cuda.get_device_name(0)
            elif mps is not None and mps.is_available():
                facts["device"] = "MPS: Apple GPU"
            else:
                facts["device"] = "CPU"
    except BaseException as error:
        facts = {"name": name, "error": f"{type(error).__name__}: {error}".strip()}
    print("PROBE " + json.dumps(facts), flush=True)
"""


@dataclass(frozen=True)
class Library:
    """One installed library: its version (None where it is missing), the CUDA it was built for, its import's error."""

    version: str | None
    cuda: str | None = None  # '13.0'; None for a CPU build or if unknown
    error: str | None = None
    torch_pin: str | None = None  # the version of torch it requires exactly, if any: '2.9.1'


@dataclass(frozen=True)
class Facts:
    """All facts that the doctor checks. Tests create one by hand."""

    python: tuple[int, ...]
    libraries: Mapping[str, Library]
    device: str | None
    memory_free: float | None  # bytes
    cores: int | None
    disk_free: float | None  # bytes
    work: str
    broken_files: Mapping[str, str]  # shipped files that are missing or changed, and how
    shipped_files: int
    real_data: Mapping[str, str | None] = field(default_factory=dict)  # name: where, or None
    checkout: bool = True
    install: str = "python -m pip install"  # the command that installs into this environment
    work_writable: bool = True


def gather() -> Facts:
    """The facts of this machine; takes some seconds, most of them spent importing torch in another process."""
    from mmcourse import assets, settings

    names = (*TORCH_FAMILY, *LIBRARIES, *NOTEBOOK_PARTS)
    probe = probe_imports([name for name in names if version_of(name)])
    libraries = {
        name: Library(
            version_of(name),
            probe.get(name, {}).get("cuda_build") or cuda_build(name),
            probe.get(name, {}).get("error"),
            torch_pin(name) if name in TORCH_FAMILY[1:] else None,
        )
        for name in names
    }
    work = settings.work_folder()
    broken, count = check_files()
    return Facts(
        python=sys.version_info[:3],
        libraries=libraries,
        device=probe.get("torch", {}).get("device"),
        memory_free=memory_free(),
        cores=cores(),
        disk_free=disk_free(work),
        work=str(work),
        broken_files=broken,
        shipped_files=count,
        real_data=real_data(),
        checkout=assets.checkout() is not None,
        install=install_command(),
        work_writable=os.access(nearest(work), os.W_OK | os.X_OK),
    )


def install_command() -> str:
    """The command that installs into this environment, e.g. '.venv/bin/python -m pip install'."""
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    shown = f'"{python}"' if " " in str(python) else str(python)
    return f"{shown} -m pip install" if find_spec("pip") else f"uv pip install --python {shown}"


def version_of(name: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def cuda_build(name: str) -> str | None:
    """The CUDA that a torch library was built for, read from its version.py: '13.0', or None if unknown."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder, "version.py")
        if name in TORCH_FAMILY and file.is_file():
            return cuda_in_text(file.read_text(encoding="utf-8", errors="replace"))
    return None


def cuda_in_text(text: str) -> str | None:
    """The CUDA version a version.py states: cuda = '13.0', or __version__ = '2.11.0+cu130'."""
    if match := re.search(r"^cuda\b[^=\n]*=\s*['\"](\d+\.\d+)", text, re.MULTILINE):
        return match.group(1)
    if match := re.search(r"\+cu(\d+)(\d)\b", text):
        return f"{match.group(1)}.{match.group(2)}"
    return None


def torch_pin(name: str) -> str | None:
    """The torch version a library requires exactly ('torch==2.9.1'), or None."""
    try:
        requirements = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return None
    for requirement in requirements:
        if match := re.match(r"torch\s*\(?\s*==\s*([\w.+]+)", requirement):
            return match.group(1)
    return None


def probe_imports(names: list[str], seconds: float = IMPORT_SECONDS, python: str = sys.executable) -> dict[str, dict]:
    """Import each in another process: {name: {"error": None or text, ...}}, also where an import ends the process."""
    try:
        result = subprocess.run(
            [python, "-c", PROBE, *names], stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
        output, end = result.stdout, f"ended the process (status {result.returncode})"
    except subprocess.TimeoutExpired as late:
        output, end = late.stdout or b"", f"had not ended after {seconds:.0f} s"
    lines = [line[6:] for line in output.decode(errors="replace").splitlines() if line.startswith("PROBE ")]
    found = {fact["name"]: fact for fact in map(json.loads, lines)}
    unanswered = [name for name in names if name not in found]
    if unanswered:
        found[unanswered[0]] = {"name": unanswered[0], "error": f"its import {end}"}
        if len(unanswered) > 1 and "status" in end:
            found |= probe_imports(unanswered[1:], seconds, python)
    return found


def memory_free() -> float | None:
    """Bytes a program can still have, the container's limit included; None if unknown."""
    try:
        import psutil
    except ImportError:
        return None
    free = float(psutil.virtual_memory().available)
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        return free if limit == "max" else min(free, float(limit) - float(used))
    except (OSError, ValueError):
        return free


def cores() -> int | None:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that can be seen."""
    while not os.path.isdir(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def disk_free(folder: Path) -> float | None:
    """Bytes free where the learner's copies go."""
    try:
        return float(shutil.disk_usage(nearest(folder)).free)
    except OSError:
        return None


def check_files() -> tuple[dict[str, str], int]:
    """The shipped files that are missing or differ from their checksum, {name: how}, and how many were checked."""
    from mmcourse import assets
    from mmcourse.files import digest

    try:
        expected = assets.checksums()
    except FileNotFoundError:
        return {"checksums.txt": "missing"}, 1
    except OSError as error:
        return {"checksums.txt": f"not readable ({error})"}, 1
    except ValueError:
        return {"checksums.txt": "truncated or damaged, so no shipped file could be compared with it"}, 1
    broken = {}
    for name, told in expected.items():
        path = assets.shipped_folder() / name
        try:
            if digest(path) != told:
                broken[name] = "not the file the course ships (its checksum differs)"
        except FileNotFoundError:
            broken[name] = "missing"
        except OSError as error:
            broken[name] = f"not readable ({error})"
    return broken, len(expected)


def real_data() -> dict[str, str | None]:
    """Where each real data set was found, or None; empty where the libraries for them do not import."""
    try:
        from mmcourse.data import real

        names = real.NAMES
    except ImportError:
        return {}
    found = {}
    for name in names:
        try:
            position = real.where(name)
        except ImportError:
            return {}
        except (OSError, ValueError, RuntimeError) as error:
            position = f"broken: {error}"
        found[name] = None if position is None else "the hub's cache" if position == "cache" else str(position)
    return found
