"""`mmcourse doctor` checks whether this machine can run the course, and prints commands that fix what is wrong."""

from dataclasses import dataclass

from mmcourse.facts import LIBRARIES, NOTEBOOK_PARTS, TORCH_FAMILY, Facts, gather

GOOD_SET = "torch==2.14.0 torchvision==0.29.2 torchaudio==2.11.0"
MEMORY_NEEDED = 2e9
DISK_NEEDED = 1e9


@dataclass(frozen=True)
class Finding:
    """One line: what was checked, the result, what to do (empty where nothing is wrong), and whether lessons run."""

    subject: str
    found: str
    fix: str = ""
    stops: bool = False

    def __str__(self) -> str:
        mark = "STOP" if self.stops else "note" if self.fix else "ok"
        line = f"{mark:<5} {self.subject:<12} {self.found}"
        return line + "".join(f"\n{'':<19}{text}" for text in self.fix.splitlines())


def examine(facts: Facts) -> list[Finding]:
    """All findings, in the order in which they should be fixed."""
    return [
        check_python(facts),
        *check_torch(facts),
        check_device(facts),
        check_memory(facts),
        check_cores(facts),
        check_disk(facts),
        *check_libraries(facts),
        *check_notebooks(facts),
        check_shipped_files(facts),
        *check_real_data(facts),
    ]


def run() -> int:
    """Print the findings of this machine; 1 where a lesson could not run, else 0."""
    findings = examine(gather())
    print("\n".join(map(str, findings)))
    stops = [finding for finding in findings if finding.stops]
    if stops:
        names = ", ".join(dict.fromkeys(finding.subject for finding in stops))
        print(f"\nA lesson could not run here: {names}. Follow the line below each STOP, then: mmcourse doctor")
        return 1
    print("\nThis machine can run the course.")
    return 0


def check_python(facts: Facts) -> Finding:
    """Python 3.11 to 3.13."""
    version = ".".join(map(str, facts.python))
    if (3, 11) <= tuple(facts.python[:2]) <= (3, 13):
        return Finding("Python", version)
    fix = "The course needs Python 3.11, 3.12 or 3.13. With one installed, in a new clone:\nmake lab PYTHON=python3.11"
    return Finding("Python", version, fix, stops=True)


def check_torch(facts: Facts) -> list[Finding]:
    """torch, torchvision and torchaudio: installed, built for the same CUDA, and importable."""
    findings = []
    torch, install = facts.libraries["torch"], f"{facts.install} {GOOD_SET}"
    for name in TORCH_FAMILY:
        library = facts.libraries[name]
        if library.version is None:
            findings.append(Finding(name, "not installed", install, stops=True))
            continue
        built = f"built for CUDA {library.cuda}" if library.cuda else "built for the CPU, or for an unknown device"
        found = f"{library.version}, {built}"
        reason = mismatch(name, facts) if name != "torch" and torch.version else None
        if reason:
            fix = f"{reason}\nThese three work together, on a GPU and on the CPU:\n{install}"
            findings.append(Finding(name, found, fix, stops=True))
        elif library.error:
            fix = f"It does not import: {first_line(library.error)}\nThese three work together:\n{install}"
            findings.append(Finding(name, found, fix, stops=True))
        else:
            findings.append(Finding(name, found))
    return findings


def mismatch(name: str, facts: Facts) -> str | None:
    """Why this library cannot work with the torch beside it, or None where nothing indicates a conflict.

    torchaudio refuses to load unless its CUDA is torch's to the minor version; torchvision compares the major one.
    """
    torch, library = facts.libraries["torch"], facts.libraries[name]
    pinned = (library.torch_pin or "").split("+")[0]
    if pinned and pinned != torch.version.split("+")[0]:
        return f"{name} {library.version} works only with torch {pinned}, and torch is {torch.version}."
    if torch.cuda and library.cuda:
        parts = 2 if name == "torchaudio" else 1
        if torch.cuda.split(".")[:parts] != library.cuda.split(".")[:parts]:
            return (
                f"torch {torch.version} is built for CUDA {torch.cuda} and {name} {library.version} for CUDA "
                f"{library.cuda}: import {name} fails, with or without a GPU."
            )
    return None


def check_device(facts: Facts) -> Finding:
    """CUDA, MPS or CPU: every lesson runs on each."""
    if facts.device is None:
        return Finding("device", "unknown, because torch does not import", "Repair torch first.", stops=True)
    return Finding("device", facts.device)


def check_memory(facts: Facts) -> Finding:
    """At least 2 GB free."""
    if facts.memory_free is None:
        return Finding("memory", "unknown", "A lesson needs 2 GB of free memory: check that it is available.")
    found = f"{facts.memory_free / 1e9:.1f} GB free"
    if facts.memory_free >= MEMORY_NEEDED:
        return Finding("memory", found)
    fix = "A lesson needs 2 GB. Close other programs, or shut down other notebooks' kernels."
    return Finding("memory", found, fix, stops=True)


def check_cores(facts: Facts) -> Finding:
    """Two cores, for which the lessons' minutes are stated."""
    if facts.cores is None or facts.cores >= 2:
        return Finding("cores", str(facts.cores or "unknown"))
    fix = "Lessons take about twice the stated minutes, which are for two cores."
    return Finding("cores", str(facts.cores), fix)


def check_disk(facts: Facts) -> Finding:
    """Disk space for the learner's copies and checkpoints, and permission to write."""
    if not facts.work_writable:
        fix = "Your work could not be stored. Choose another folder: MMCOURSE_WORK=/path mmcourse lab"
        return Finding("disk", f"{facts.work} is not writable", fix)
    if facts.disk_free is None:
        return Finding(
            "disk", f"unknown for {facts.work}", "Copies and checkpoints need 1 GB: check that it is available"
        )
    found = f"{facts.disk_free / 1e9:.0f} GB free for {facts.work}"
    if facts.disk_free >= DISK_NEEDED:
        return Finding("disk", found)
    fix = "Copies and checkpoints need 1 GB. Free space, or choose another folder: MMCOURSE_WORK=/path mmcourse lab"
    return Finding("disk", found, fix, stops=True)


def check_libraries(facts: Facts) -> list[Finding]:
    """The libraries that lessons import besides torch."""
    return check_group("libraries", LIBRARIES, facts)


def check_notebooks(facts: Facts) -> list[Finding]:
    """JupyterLab, its kernel and the two widget libraries."""
    return check_group("notebooks", NOTEBOOK_PARTS, facts)


def check_group(subject: str, names: tuple[str, ...], facts: Facts) -> list[Finding]:
    """One line for the libraries that import, one for all that are missing, one for each that fails to import."""
    findings = []
    libraries = {name: facts.libraries[name] for name in names}
    missing = [name for name in names if libraries[name].version is None]
    fine = [name for name in names if name not in missing and not libraries[name].error]
    if fine:
        findings.append(Finding(subject, ", ".join(f"{name} {libraries[name].version}" for name in fine)))
    if missing:
        fix = f"{facts.install} {' '.join(missing)}"
        findings.append(Finding(subject, f"not installed: {', '.join(missing)}", fix, stops=True))
    for name in names:
        if libraries[name].version and libraries[name].error:
            fix = f"{facts.install} --force-reinstall --no-deps {name}"
            found = f"{name} {libraries[name].version} does not import: {first_line(libraries[name].error)}"
            findings.append(Finding(subject, found, fix, stops=True))
    return findings


def check_shipped_files(facts: Facts) -> Finding:
    """The shipped voices and models, complete and unchanged."""
    if not facts.broken_files:
        return Finding("data files", f"{facts.shipped_files} shipped files, all complete")
    found = "; ".join(f"{name} is {how}" for name, how in facts.broken_files.items())
    fix = "git restore data" if facts.checkout else f"{facts.install} --force-reinstall --no-deps mmcourse"
    return Finding("data files", found, fix, stops=True)


def check_real_data(facts: Facts) -> list[Finding]:
    """Real data sets; a lesson can be run without them."""
    findings = []
    for name, position in facts.real_data.items():
        if position is None:
            fix = f"Its section is skipped until you have it. While online: mmcourse data get {name}"
            findings.append(Finding("real data", f"{name}: no copy here", fix))
        elif position.startswith("broken: "):
            fix = f"While online: mmcourse data get {name}"
            findings.append(Finding("real data", f"{name}: {first_line(position)}", fix))
        else:
            findings.append(Finding("real data", f"{name}: {position}"))
    return findings


def first_line(text: str) -> str:
    """The first line of a message, cut if it is long."""
    line = text.strip().splitlines()[0] if text.strip() else text
    return line if len(line) <= 200 else line[:197] + "..."
