"""The command `mmcourse`: lab, reset, doctor, progress, data."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mmcourse import assets, settings, workspace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. A user's error is one line on standard error, no traceback."""
    options, rest = parser().parse_known_args(arguments)
    if rest and options.command != "lab":
        parser().error(f"unrecognised: {' '.join(rest)}")
    try:
        return options.run(options, rest)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"mmcourse {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments."""
    top = argparse.ArgumentParser(prog="mmcourse", description="An interactive course on multimodal deep learning.")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab at lesson 00, in your own copies of the lessons",
        description="Copies the lessons you do not have yet into work/ and opens JupyterLab there. "
        "Everything after 'lab' goes to JupyterLab: mmcourse lab --no-browser --port=8899",
    )
    lab.set_defaults(run=run_lab)

    reset = commands.add_parser("reset", help="a fresh copy of one lesson; the old one is kept beside it")
    reset.add_argument("lesson", help="its number, such as 01")
    reset.set_defaults(run=run_reset)

    doctor = commands.add_parser("doctor", help="whether this machine can run the course, and what to do if not")
    doctor.set_defaults(run=run_doctor)

    progress = commands.add_parser("progress", help="the exercises you have done")
    progress.set_defaults(run=run_progress)

    data = commands.add_parser("data", help="the real data sets")
    actions = data.add_subparsers(dest="action", required=True, metavar="action")
    get = actions.add_parser("get", help="fetch a data set while online, so that its lessons run without a network")
    get.add_argument("names", nargs="+", metavar="NAME", help="as 'mmcourse data list' names it")
    get.add_argument("--into", metavar="FOLDER", help="as parquet files in FOLDER/NAME instead of the hub's cache")
    get.set_defaults(run=run_data_get)
    actions.add_parser("list", help="the known data sets, and where a copy was found").set_defaults(run=run_data_list)
    return top


def run_lab(options: argparse.Namespace, flags: list[str]) -> int:
    """Copy missing lessons, print which have newer versions, then replace this process by JupyterLab."""
    work = settings.work_folder()
    lessons = workspace.published_lessons()
    copies = workspace.copy_lessons(work, lessons)
    if copies.made:
        count = f"{len(copies.made)} lesson{'s' * (len(copies.made) != 1)}"
        print(f"{count} copied into {work}. What is there is yours: nothing overwrites it.")
    for old, new in copies.succeeded.items():
        print(f"{old.name} is kept as it is; its lesson goes on in {new.name}.")
    for number in copies.outdated:
        print(f"Lesson {number} has a newer version. To have it (your copy is kept beside it): mmcourse reset {number}")
    for number, wrong in copies.damaged.items():
        print(f"Lesson {number} as published cannot be read, your own copy is left as it is: {wrong}")
    there = [lesson.name for lesson in lessons.values() if (work / lesson.name).exists()]
    if not there:
        raise FileNotFoundError(f"no lesson could be copied into {work}")
    command = lab_command(work, there[0], flags)
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    return subprocess.call(command)


def lab_command(work: Path, first: str, flags: Sequence[str] = ()) -> list[str]:
    """The command line of JupyterLab, open at a copy in the work folder, quiet about news and updates.

    Its root is the checkout, so that links from a copy to the answers and images resolve; a work folder outside the
    checkout is its own root.
    """
    root, work = assets.checkout(), work.resolve()
    if root is None or not work.is_relative_to(root):
        root = work
    below = (work / first).relative_to(root).as_posix()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        f"--FileContentsManager.preferred_dir={work}",
        f"--LabApp.default_url=/lab/tree/{below}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in flags:
        command.append("--allow-root")
    return [*command, *flags]


def run_reset(options: argparse.Namespace, rest: list[str]) -> int:
    """A fresh copy of a lesson."""
    copy, kept = workspace.reset_lesson(options.lesson)
    print(f"A fresh copy: {copy}")
    if kept:
        print(f"Your old one: {kept}")
    return 0


def run_doctor(options: argparse.Namespace, rest: list[str]) -> int:
    """Check this machine."""
    from mmcourse import doctor

    return doctor.run()


def run_progress(options: argparse.Namespace, rest: list[str]) -> int:
    """Print the progress."""
    from mmcourse.exercises import progress

    table = progress()
    if table is not None:
        print(table)
    return 0


def run_data_get(options: argparse.Namespace, rest: list[str]) -> int:
    """Fetch data sets; all names are checked before the first is fetched."""
    from mmcourse.data import real

    unknown = [name for name in options.names if name not in real.NAMES]
    if unknown:
        raise ValueError(f"no data set is called {', '.join(unknown)}; known: {', '.join(real.NAMES)}")
    for name in options.names:
        real.get(name, into=options.into)
    return 0


def run_data_list(options: argparse.Namespace, rest: list[str]) -> int:
    """Print the data sets and where copies are."""
    from mmcourse.data import real

    print(real.describe())
    return 0


if __name__ == "__main__":
    sys.exit(main())
